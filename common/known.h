/*
 * What all workers must know of flows of datagrams, in the shared table: how
 * many ports of this host they have, and where clients went that may come back
 * from another address.  As in shared.h nothing read is trusted.
 */
#ifndef KNOWN_H
#define KNOWN_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "conf_mux.h"

#define KNOWN_SETS	16384
#define KNOWN_WAYS	8

/* It lies under a hash that nobody outside can guess. */
struct known_id {
	_Atomic uint64_t	key;	/* 0: free, or being written */
	_Atomic uint32_t	way;	/* route << 16 | member */
	_Atomic uint32_t	used;	/* ms */
};

struct known_table {
	uint32_t		ports_max;
	uint32_t		ports_range;	/* highest << 16 | lowest */
	_Atomic uint32_t	ports, lengths;
	_Atomic uint8_t		length_of[MUX_MEMBERS_MAX];
	struct known_id		ids[KNOWN_SETS][KNOWN_WAYS];
};

/* shared.c's. */
void	 known_create(struct known_table *);
void	 known_map(struct known_table *, uint64_t seed);

/*
 * Ports towards members, which *n counts: half of those that the kernel gives
 * out, of each source.  1 if one may be taken; then it is given back.
 */
int	 known_ports_take(_Atomic uint32_t *n, unsigned int sources);
void	 known_ports_give(_Atomic uint32_t *n);
/* Of all who have no sources of their own. */
_Atomic uint32_t *known_ports(void);
/*
 * The half of sources', as IP_LOCAL_PORT_RANGE has it: the other one is the
 * host's, however many sources there are.
 */
uint32_t known_ports_range(void);

/*
 * What a client is known by: a connection id or an index that its server
 * chose, or its address, for a while; and that who is there does not show by
 * the first byte that it is QUIC (RFC 9287).
 */
enum known { KNOWN_QUIC = 1, KNOWN_WIREGUARD, KNOWN_ADDRESS, KNOWN_GREASED };
#define KNOWN_ID_MIN	4	/* a shorter one is anybody's */
#define KNOWN_ID_MAX	20

/* Slots: whoever asks checks that there are such. */
struct known_way {
	uint32_t	route, member;
};

/* listener: wire_listener.hash; now is monotonic ms. */
void	 known_add(uint64_t listener, enum known, const void *, size_t,
	    const struct known_way *, uint64_t now);
/* 1: it is known. */
int	 known_find(uint64_t listener, enum known, const void *, size_t,
	    struct known_way *, uint64_t now);
/* Lengths of the ids of QUIC, a bit each; of those of a member, or 0. */
uint32_t known_lengths(void);
size_t	 known_length(uint32_t member);

#endif

/*
 * What the workers must agree on, in one table of fixed layout in shared
 * memory: limits of a listener and of an address, offences, the state of
 * members, and what is counted.  The parent makes it (shared_create), every
 * worker maps it; slots are the parent's (conf_mux.h) and live as long as the
 * name does.
 *
 * A sibling that was taken over may write anything here: nothing read from it
 * is used as an index, a length or a pointer, and no lock is waited for long.
 */
#ifndef SHARED_H
#define SHARED_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "addr.h"
#include "conf_mux.h"
#include "hist.h"

/* How a connection ended. */
enum end_reason {
	END_CLOSED,		/* both sides said all they had to */
	END_CLIENT,		/* the client reset it */
	END_SERVER,		/* the server did */
	END_IDLE,
	END_HALF,		/* half closed for too long */
	END_SLOW,		/* first bytes did not come in time */
	END_UNKNOWN,		/* no route for what it said */
	END_ROUTE,		/* a route says drop, reset or tarpit */
	END_DOWN,		/* no member of the pool is up */
	END_CONNECT,		/* none of them could be connected to */
	END_LIMIT,		/* of connections, address or rate */
	END_HEADER,		/* a bad PROXY header, or not from a trusted */
	END_BANNED,
	END_STOP,		/* we stop, or the drain's time was over */
	END_ERROR,		/* out of memory or descriptors */
	/* Relay server: the header was good, but */
	END_TOKEN,		/* no client has this token or key */
	END_SOURCE,		/* not from this client, or it is in use */
	END_DESTINATION,	/* nobody may be connected to there */
	END_MAX
};

/* "closed", "client", ...; NULL: none of them. */
const char	*end_reason_name(unsigned int);

struct shared_listener {
	_Atomic uint32_t	connections;
	_Atomic uint32_t	peek_memory;	/* KiB */
	_Atomic uint64_t	total;
	_Atomic uint64_t	bytes[2];	/* from the client, to it */
	_Atomic uint64_t	limited[3];	/* enum admitted - 1 */
	_Atomic uint64_t	ended[END_MAX];
};

struct shared_route {
	_Atomic uint32_t	connections;
	_Atomic uint64_t	total, errors;
	_Atomic uint64_t	bytes[2];
	struct hist		connect;	/* us until it was connected */
	struct hist		first;		/* ... until its first byte */
};

enum member_admin { MEMBER_ENABLED, MEMBER_DISABLED, MEMBER_DRAIN };

struct shared_member {
	_Atomic uint32_t	connections;
	_Atomic uint32_t	down;		/* checks or connects say so */
	_Atomic uint32_t	admin;		/* enum member_admin */
	_Atomic uint32_t	failed;		/* connects, in a row */
	_Atomic uint32_t	passed;		/* checks, in a row */
	_Atomic uint32_t	checked;	/* at least once */
	_Atomic uint64_t	down_since;	/* monotonic ms */
	_Atomic uint64_t	total, errors;
	_Atomic uint64_t	bytes[2];
	struct hist		connect;
	struct hist		first;
};

struct shared_pool {
	_Atomic uint32_t	ports;		/* of its sources, by flows */
	_Atomic uint32_t	turn;		/* round robin */
	_Atomic uint32_t	all_down;	/* and it was said */
};

/* Once, in the parent: a sealed memfd, or -1 (errno). */
int	 shared_create(void);
/* In each worker: 0, or -1 (not one of ours, no memory). */
int	 shared_map(int fd);
/* In who only looks: nothing of it may be written. */
int	 shared_map_read(int fd);
void	 shared_unmap(void);

/* NULL: there is no such slot. */
struct shared_listener	*shared_listener(uint32_t slot);
struct shared_route	*shared_route(uint32_t slot);
struct shared_member	*shared_member(uint32_t slot);
struct shared_pool	*shared_pool(uint32_t slot);
/* A slot is used anew: all 0.  The parent's, before anybody hears of it. */
void	 shared_clear_listener(uint32_t slot);
void	 shared_clear_route(uint32_t slot);
void	 shared_clear_member(uint32_t slot);

enum admitted { ADMITTED, LIMIT_CONNECTIONS, LIMIT_ADDRESS, LIMIT_RATE };

/* An address's place in the table; 0: none was free, it is not counted. */
typedef uint32_t ticket_t;

/*
 * May one more come from this address (any length: it is grouped here; NULL:
 * it is not known yet)?  now is monotonic ms.  ADMITTED is followed by
 * shared_leave().
 */
enum admitted	 shared_admit(const struct wire_listener *,
		    const struct prefix *, uint64_t now, ticket_t *);
/* It is known now whose it is: as the above, which it follows. */
enum admitted	 shared_known(const struct wire_listener *,
		    const struct prefix *, uint64_t now, ticket_t *);
/*
 * One that was admitted and left for another worker is here: it is counted as
 * before, whatever the limits are.
 */
void		 shared_return(const struct wire_listener *,
		    const struct prefix *, uint64_t now, ticket_t *);
void		 shared_leave(const struct wire_listener *,
		    const struct prefix *, ticket_t);
/* A ticket of shared_known() that does not go with the listener's. */
void		 shared_forget(const struct wire_listener *,
		    const struct prefix *, ticket_t);
/*
 * A nonce (what it hashes to) that may be used once: 1 if this is the first
 * time in `keep` ms; 0: it is not, or there is no room to remember it.
 */
int		 shared_nonce(uint64_t nonce, uint64_t now, uint64_t keep);
/* An offence: 1 if it is the one too many; then it is counted anew. */
int		 shared_offended(const struct wire_listener *,
		    const struct wire_offence *, const struct prefix *,
		    uint64_t now);

#endif

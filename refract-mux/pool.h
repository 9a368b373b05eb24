/*
 * Pools at work: which member gets the next connection.  What is counted of a
 * member, and whether it is up, is in the shared table: all workers agree.
 */
#ifndef POOL_H
#define POOL_H

#include <sys/socket.h>

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

#include "conf_mux.h"
#include "shared.h"

#define POOL_TRIES	8	/* members that one connection tries */

struct member {
	const struct wire_member *w;
	struct shared_member	*shared;
	struct pool		*pool;
	/* Where it is; of a name, what it resolved to last. */
	struct prefix		 addrs[MUX_RESOLVED_MAX];
	unsigned int		 naddrs, turn;
};

struct point {			/* of consistent hashing */
	uint32_t	at;
	uint32_t	member;
};

struct pool {
	const struct wire_pool	*w;
	struct shared_pool	*shared;
	struct member		*members;
	unsigned int		 n;
	uint32_t		*schedule;	/* each as often as it weighs */
	unsigned int		 nschedule;
	struct point		*ring;		/* by `at` */
	unsigned int		 nring;
};

/* Members that were tried already. */
struct tried {
	unsigned int	n;
	uint16_t	list[POOL_TRIES];
};

/* Out of memory is fatal: at start and reload only. */
struct pool	*pool_new(const struct conf_pool *);
void		 pool_free(struct pool *);
/* Addresses of a member by name, from another pool of the same name too. */
void		 pool_resolved(struct member *, const struct prefix *,
		    unsigned int n);
struct member	*pool_member(struct pool *, uint32_t slot);

/*
 * The next one to try for a client, noted in tried; NULL: nobody is left.
 * Backups are for when no other is up.
 */
struct member	*pool_pick(struct pool *, const struct prefix *addr,
		    uint16_t port, struct tried *);
/* Up, enabled, and somewhere. */
int		 member_is_up(const struct member *);
/* Its address, one after the other if it has several; 0 or -1. */
socklen_t	 member_sockaddr(struct member *, struct sockaddr_storage *);
/*
 * Before it is connected to a member of p: to one of p's sources, the next one
 * that has a port, if there are any of this family.  0, or -1 and errno.
 */
int		 pool_bind(const struct pool *, int fd, int family,
		    int stream);
/*
 * What became of a connect.  The `passive` one that fails in a row marks it
 * down, and without checks the first one that succeeds marks it up: 1 if that
 * was this one.
 */
int		 member_failed(struct member *);
int		 member_connected(struct member *);
/* It is (not) down any more: 1 if that is news. */
int		 member_mark(struct member *, int down);
/*
 * pool_pick() found nobody that is up: 1 if nobody has said so since one was.
 */
int		 pool_is_down(struct pool *);
uint64_t	 mono_ms(void);

#endif

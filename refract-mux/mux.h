/*
 * What a worker holds: the configuration at work (listeners, routes, pools of
 * one generation), the sockets it listens on, and connections.  A connection
 * ends under the generation that it began with, so a generation lives as long
 * as its last connection.
 */
#ifndef MUX_H
#define MUX_H

#include <sys/queue.h>
#include <sys/socket.h>

#include <stddef.h>
#include <stdint.h>

#include "conf.h"
#include "conf_mux.h"
#include "msg.h"
#include "pool.h"
#include "probe/refract-probe.h"
#include "route.h"
#include "shared.h"
#include "wheel.h"

struct came;
struct relay_conn;
struct relay_listener;
struct tap_stream;

struct listener {
	struct conf_listener	*c;
	const struct wire_listener *w;
	struct shared_listener	*shared;
	const struct prefixset	*trusted;	/* expect proxy from, or NULL */
	struct routes		 routes;
	struct relay_listener	*relay;		/* NULL: LISTEN_MUX */
	struct generation	*gen;
	/* UDP's flows hang here: flow.c's own. */
	void			*flows;
};

struct generation {
	TAILQ_ENTRY(generation)	 entry;
	unsigned int		 refs;
	uint32_t		 number;
	struct conf		*conf;		/* ours */
	struct listener		*listeners;
	unsigned int		 nlisteners;
	struct pool		**pools;
	unsigned int		 npools;
};

TAILQ_HEAD(generations, generation);
extern struct generations	 generations;	/* all that live */
extern struct generation	*mux_current;	/* NULL before the first */

/* Builds; NULL with why (TEXT_LEN).  Takes what it needs out of conf. */
struct generation *generation_new(struct conf *, char *why);
void		 generation_hold(struct generation *);
void		 generation_release(struct generation *);	/* may free */

/* --- Connections --- */

enum conn_state {
	CONN_HEADER,		/* waits for a PROXY header */
	CONN_PEEK,		/* waits for first bytes */
	CONN_CONNECT,		/* to a member */
	CONN_RELAY,
	CONN_TARPIT
};

/* A member that is connected before it is known whether it will be. */
enum ahead { AHEAD_NONE, AHEAD_CONNECTING, AHEAD_READY, AHEAD_FAILED };

/* Which way: what comes from the client, what goes to it. */
enum way { WAY_IN, WAY_OUT };

struct side {
	int		 fd;		/* -1: none */
	uint32_t	 since;		/* poller.c's */
	unsigned int	 is_server:1;
	unsigned int	 readable:1;	/* there may be bytes */
	unsigned int	 writable:1;	/* there may be room */
	unsigned int	 ended:1;	/* its FIN was seen */
	unsigned int	 eof:1;		/* ... and all before it was read */
	unsigned int	 shut:1;	/* we have shut down writing to it */
	unsigned int	 full:1;	/* it takes less than comes */
	unsigned int	 broken:1;	/* a reset, or the like */
	unsigned int	 out:1;		/* room is told of */
	unsigned int	 passed:1;	/* who passed it may hold it still */
	uint32_t	 chunk;		/* bytes to read from it at once */
	/* Bytes for it that it did not take; see relay.c. */
	uint8_t		*pending;
	uint32_t	 npending, at;
};

/* What a hello said, for the log and for PROXY headers. */
struct hello {
	char		 ja4[RP_JA4_LEN];	/* "": not asked for */
	char		 alpn[32];		/* the first, or "" */
	uint16_t	 version;
};

struct conn {
	TAILQ_ENTRY(conn)	 entry;
	struct wheel_timer	 timer;
	struct side		 client, server;
	struct listener		*l;
	struct route		*r;		/* NULL: not decided */
	struct member		*m;		/* NULL: none yet */
	char			*sni;		/* or Host; NULL: none */
	struct hello		*hello;		/* NULL: none */
	struct came		*came;		/* PROXY header's: header.c */
	struct tap_stream	*tap;
	struct relay_conn	*relay;		/* NULL: of no relay */
	/* Said by a PROXY header, or the sockets' own; see conn_local(). */
	struct prefix		 from, to;
	uint16_t		 from_port, to_port;
	uint8_t			 state;		/* enum conn_state */
	uint8_t			 is_flow;	/* of datagrams: see flow.h */
	uint8_t			 proto;		/* enum rp_proto, 0: unknown */
	uint8_t			 ahead;		/* enum ahead, of CONN_PEEK */
	uint8_t			 counted;	/* r's connections have it */
	uint8_t			 first_byte;	/* of the server has come */
	uint8_t			 paused;	/* bandwidth: until the timer */
	uint8_t			 waits_clear;	/* for a transparent socket */
	uint8_t			 waits_busy;	/* to try a member again */
	uint8_t			 looks;		/* at first bytes, so far */
	uint8_t			 nodelay;	/* the server's side has it */
	uint8_t			 keepalive;	/* ... and this */
	ticket_t		 ticket;
	uint32_t		 peeked;	/* KiB of peek_memory */
	uint32_t		 early;		/* bytes sent before relay() */
	struct tried		 tried;
	uint64_t		 id;
	uint64_t		 began;		/* ms, monotonic */
	uint64_t		 began_peek;	/* ms */
	uint64_t		 began_connect;	/* us */
	uint64_t		 joined;	/* ms; 0: not yet */
	uint64_t		 busy_since;	/* ms: queues are full */
	uint64_t		 active;	/* ms: bytes moved last */
	uint64_t		 bytes[2];	/* by enum way */
	uint64_t		 told[2];	/* ... of which are counted */
	uint64_t		 allowed_at[2];	/* bandwidth, us */
};

TAILQ_HEAD(conns, conn);
extern struct conns	conns;		/* in the order of their ids */

/* --- conn.c --- */

/* A connection was accepted; fd is owned from here. */
void		 conn_accepted(struct listener *, const struct wire_bind *,
		    int fd, const struct sockaddr *);
void		 conn_end(struct conn *, enum end_reason);
/* c is all 0, or a flow's: it is one of `conns` from here, without sockets. */
void		 conn_begin(struct conn *, struct listener *,
		    const struct prefix *from, uint16_t port, ticket_t);
/*
 * It goes on in another worker, and is none of ours: its server's socket,
 * which is the caller's.  The other one calls it what it was called here, if
 * nobody else of its is: after conn_begin().
 */
int		 conn_give(struct conn *);
void		 conn_rename(struct conn *, uint64_t id);
/* Who is banned: ended at the end of this turn. */
void		 conn_banned(const struct prefix *, uint16_t port);
void		 conn_end_all(enum end_reason);
unsigned int	 conn_count(void);
/* What it dialled, if it is not known yet. */
void		 conn_local(struct conn *);
/* Its bytes, into the shared table. */
void		 conn_add_bytes(struct conn *);
/* Of connections' timers and sides; what: of epoll(7). */
void		 conn_timer(struct wheel_timer *);
void		 conn_event(struct side *, uint32_t what);
/* Those that ended are freed: nobody holds one now. */
void		 conn_reap(void);
void		 conn_set_timer(struct conn *, span_t);
void		 side_add(struct side *, int fd, int out);
void		 side_close(struct side *);
/* What it has not read is lost to the peer, and it is told so. */
void		 side_reset(struct side *);

/* --- decide.c --- */

void		 decide_header(struct conn *);
void		 decide_begin(struct conn *);
void		 decide_bytes(struct conn *);
void		 decide_timer(struct conn *);
/* It takes this one. */
void		 decide_route(struct conn *, struct route *);
/* So many KiB more of the listener's peek_memory; 0: it has no room. */
int		 decide_hold(struct conn *, uint32_t kib);
/* Give back what it holds of it. */
void		 decide_release(struct conn *);
/* The bytes that were decided by, right after that; 0: they are not here. */
size_t		 decide_peeked(const struct conn *, const uint8_t **);

/* --- join.c --- */

/* c->r is decided: to one of its members. */
void		 join_begin(struct conn *);
/* A member that may be wanted soon: c->r, not decided. */
void		 join_ahead(struct conn *);
void		 join_drop_ahead(struct conn *);
void		 join_event(struct conn *);	/* of the server's side */
void		 join_timer(struct conn *);
/* Its member's socket is here: see upstream.h; errno if it failed. */
void		 join_upstream(struct conn *, int status, int fd);

/* --- relay.c --- */

/* Move what can be moved.  May end c. */
void		 relay(struct conn *);
/* c->early bytes of the client's are with the server: off with them. */
int		 relay_early(struct conn *);
/* The client's, which were read before c was joined: for its server. */
int		 relay_keep(struct conn *, const uint8_t *, size_t);
void		 relay_timer(struct conn *);
/* Give back what it holds. */
void		 relay_free(struct conn *);

/* Which worker this is. */
extern struct msg_mux_worker mux_me;

/* One has ended: there is room, and the last one may be waited for. */
void		 mux_ended(void);
/* Microseconds, monotonic. */
uint64_t	 mux_now_us(void);

#endif

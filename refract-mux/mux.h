/*
 * What a worker holds: the configuration at work (listeners, routes, pools of
 * one generation), the sockets it listens on, and connections.  A connection
 * ends under the generation that it began with, so a generation lives as long
 * as its last connection.
 */
#ifndef MUX_H
#define MUX_H

#include <sys/queue.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include <stddef.h>
#include <stdint.h>

#include "conf.h"
#include "conf_mux.h"
#include "pool.h"
#include "route.h"
#include "shared.h"
#include "wheel.h"

struct tap_stream;

struct listener {
	struct conf_listener	*c;
	const struct wire_listener *w;
	struct shared_listener	*shared;
	const struct prefixset	*trusted;	/* expect proxy from, or NULL */
	struct routes		 routes;
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
struct listener	*generation_listener(struct generation *, uint32_t id);
struct pool	*generation_pool(struct generation *, uint32_t id);

/* --- Connections --- */

enum conn_state {
	CONN_HEADER,		/* waits for a PROXY header */
	CONN_PEEK,		/* waits for first bytes */
	CONN_CONNECT,		/* to a member */
	CONN_RELAY,
	CONN_TARPIT
};

/* Which way: what comes from the client, what goes to it. */
enum way { WAY_IN, WAY_OUT };

struct side {
	struct event	 ev;		/* READ | WRITE | CLOSED, edges */
	int		 fd;		/* -1: none */
	unsigned int	 readable:1;	/* there may be bytes */
	unsigned int	 writable:1;	/* there may be room */
	unsigned int	 ended:1;	/* its FIN was seen (EV_CLOSED) */
	unsigned int	 eof:1;		/* ... and all before it was read */
	unsigned int	 shut:1;	/* we have shut down writing to it */
	unsigned int	 full:1;	/* it takes less than comes */
	unsigned int	 added:1;	/* ev is */
	uint32_t	 chunk;		/* bytes to read from it at once */
	/* Bytes for it that it did not take; see relay.c. */
	uint8_t		*pending;
	uint32_t	 npending, at;
};

struct conn {
	TAILQ_ENTRY(conn)	 entry;
	struct wheel_timer	 timer;
	struct side		 client, server;
	struct listener		*l;
	struct route		*r;		/* NULL: not decided */
	struct member		*m;		/* NULL: none yet */
	char			*sni;		/* or Host; NULL: none */
	char			*alpn;		/* offered first; NULL: none */
	uint8_t			*tlvs;		/* of a PROXY header, as it */
	uint32_t		 ntlvs;		/* came; NULL: none */
	struct tap_stream	*tap;
	/* Said by a PROXY header, or the sockets' own. */
	struct prefix		 from, to;
	uint16_t		 from_port, to_port;
	uint8_t			 state;		/* enum conn_state */
	uint8_t			 proto;		/* enum rp_proto, 0: unknown */
	uint8_t			 first_byte;	/* of the server has come */
	uint8_t			 paused;	/* bandwidth: until the timer */
	ticket_t		 ticket;
	uint32_t		 peeked;	/* KiB of peek_memory it holds */
	struct tried		 tried;
	uint64_t		 id;
	uint64_t		 began;		/* ms, monotonic */
	uint64_t		 began_connect;	/* us */
	uint64_t		 active;	/* ms: bytes moved last */
	uint64_t		 bytes[2];	/* by enum way */
	uint64_t		 allowed_at[2];	/* bandwidth, us */
};

TAILQ_HEAD(conns, conn);
extern struct conns	conns;		/* in the order of their ids */

/* A connection was accepted; fd is owned from here. */
void		 conn_accepted(struct listener *, int fd,
		    const struct sockaddr *);
void		 conn_end(struct conn *, enum end_reason);
/* All of this prefix, or of all (family 0): how many. */
unsigned int	 conn_kill(const struct prefix *, uint16_t port,
		    enum end_reason);
unsigned int	 conn_count(void);
/* Of connections' timers and sides. */
void		 conn_timer(struct wheel_timer *);
void		 conn_event(int fd, short what, void *conn);
/* Its member's socket is here (a unix socket that the parent connected). */
void		 conn_upstream(struct conn *, int fd);

/* --- relay.c --- */

/* Move what can be moved.  May end c. */
void		 relay(struct conn *);
/* Give back what it holds. */
void		 relay_free(struct conn *);

/* One has ended: there is room, and the last one may be waited for. */
void		 mux_ended(void);
/* Microseconds, monotonic. */
uint64_t	 mux_now_us(void);

#endif

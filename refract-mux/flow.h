/*
 * Flows of datagrams: what a client's socket says and is answered, as one
 * connection of mux.h whose client has no socket of its own.
 *
 * flow.c	a flow's life: admitted, decided, joined, ended
 * flow_io.c	datagrams in
 * flow_out.c	... and out
 * flow_roam.c	clients that come back from another address
 * flow_move.c	flows that move to another worker
 */
#ifndef FLOW_H
#define FLOW_H

#include "flow_table.h"
#include "mux.h"

/* A socket that clients speak to. */
struct dsock {
	int		 fd;
	uint32_t	 bind;		/* wire_bind.slot */
};

struct hold;

struct flow {
	struct conn		 c;		/* first: conn.c frees it */
	struct flow_entry	 e;
	TAILQ_ENTRY(flow)	 idle;		/* in the order of `placed` */
	uint64_t		 placed;
	struct dsock		*s;
	struct hold		*hold;		/* NULL: nothing waits */
	_Atomic uint32_t	*port_of;	/* counts its port */
	uint32_t		 ifindex;	/* of a link-local client */
	uint16_t		 chain, chain_end;	/* flow_io.c: + 1 */
	uint8_t			 answered;
	uint8_t			 is_told;	/* its member: whose it is */
	/* Runs: its socket takes them; those to its ends were refused. */
	uint8_t			 takes_runs, alone[2];	/* by enum way */
	/* flow_roam.c: what it is known by. */
	uint64_t		 noted;		/* 0: never */
	uint16_t		 asked;		/* bytes of who said id */
	uint8_t			 greased;	/* RFC 9287 */
	uint8_t			 nid, id_is;
	uint8_t			 id[20];
};

#define FLOW_BATCH	32	/* messages with one call */

/* Or a run of them, each of `size` bytes, the last one may be shorter. */
struct datagram {
	const uint8_t	*p;
	size_t		 n;
	size_t		 size;		/* 0: it is but one */
};

/* The kernel has UDP_GRO and UDP_SEGMENT. */
extern int	flow_runs;

/* The next one of a run, from *at on: 1, or 0 if there is none. */
int		 datagram_next(const struct datagram *, size_t *at,
		    struct datagram *one);

/* --- For listener.c and conn.c --- */

/* fd is owned. */
struct dsock	*flow_socket(int fd, uint32_t bind);
/* Its flows end. */
void		 flow_socket_close(struct dsock *);
/* There are datagrams; l NULL: for flows that there are. */
void		 flow_receive(struct dsock *, struct listener *,
		    const struct wire_bind *);
void		 flow_event(struct conn *);
void		 flow_timer(struct conn *);
/* It is none of ours any more: conn_end()'s. */
void		 flow_leave(struct conn *);
/*
 * Some flows of a socket to whoever has its shard now: 1, or 0 if all have
 * gone.  Those that are not decided end: their clients say it again.
 */
int		 flow_give(struct dsock *, uint32_t shard);
/* One of them; fd is owned.  l NULL: there is no use for it. */
void		 flow_take(struct dsock *, struct listener *,
		    const struct wire_bind *, const struct msg_mux_flow *,
		    int fd);

/* --- Among themselves --- */

struct flow	*flow_find(const struct flow_key *);
struct flow	*flow_new(struct dsock *, struct listener *,
		    const struct wire_bind *, const struct flow_key *,
		    ticket_t);
/* One of its own, of those that there are for its route: 1 if there was. */
int		 flow_port(struct flow *);
/* The first datagram of a flow; ifindex: where it came in. */
void		 flow_begin(struct dsock *, struct listener *,
		    const struct wire_bind *, const struct flow_key *,
		    uint32_t ifindex, const struct datagram *);
/* One more of a flow that is not decided. */
void		 flow_more(struct flow *, const struct datagram *);
void		 flow_touch(struct flow *);
/* Its member's host says that nobody is there, or the like. */
void		 flow_refused(struct flow *, int error);

/* To its member, in order: 0, or -1 and it has ended. */
int		 flow_send(struct flow *, const struct datagram *,
		    unsigned int);
/* To its client, without a member. */
void		 flow_answer(struct flow *, const struct datagram *,
		    unsigned int);

/*
 * Where the client of a new flow was, by what it says: 1 if that is known, and
 * the flow has its protocol.
 */
int		 roam_known(struct flow *, const struct datagram *,
		    struct route **, struct member **);
/*
 * ... or where it was most likely, with a packet that is QUIC's; no member: any
 * of the route's.
 */
int		 roam_guess(struct flow *, const struct datagram *,
		    struct route **, struct member **);
/* A datagram of the server; of the client. */
void		 roam_learn(struct flow *, const struct datagram *);
void		 roam_confirm(struct flow *, const struct datagram *);
/* It is known for longer. */
void		 roam_refresh(struct flow *);

#endif

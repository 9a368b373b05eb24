/*
 * The relay's two ends (srcproxy.h): a server takes the header and connects as
 * the client that it names; a client sends it.  What both add to a connection.
 */
#ifndef RELAY_SIDE_H
#define RELAY_SIDE_H

#include "mux.h"
#include "upstream.h"

struct relay_client;

/* Of a connection, beside c->from (the client) and c->to (what it dialled). */
struct relay_conn {
	struct prefix		 via;	/* who sent the header; or we did */
	uint16_t		 via_port;
	struct wire_listener	 limit;	/* of this client: the ticket's */
	struct prefix		 as;
	ticket_t		 ticket;
	int			 error;	/* errno of the last connect */
	const char		*what;	/* what failed */
	int			 said;	/* in the log */
	uint8_t			*half;	/* of a header, until it is whole */
	size_t			 nhalf;
	uint8_t			 waits;	/* for a socket with a mark */
};

/* A listener's, of each generation. */
struct relay_listener {
	const struct conf_relay	*c;
	const struct prefixset	*allow, *deny;
	struct relay_client	*list;
	struct relay_client	**heads;
	size_t			 n, nheads;
	uint64_t		 seed;
};

/* At reload.  conf is the generation's. */
struct relay_listener	*relay_listener_new(struct conf_listener *,
			    const struct conf *);
void			 relay_listener_free(struct relay_listener *);

/* It was accepted. */
void		 relay_begin(struct conn *);
/* Bytes of a server's client, in CONN_HEADER. */
void		 relay_header(struct conn *);
/*
 * A socket for c->m, as upstream_open(), which does it itself with those that
 * are transparent.
 */
enum upstream	 relay_open(struct conn *, int *fd);
/* The source cannot be bound: 1 if another port of it will do. */
int		 relay_unbound(struct conn *, int error);
/* M_MUX_CLEARED: one with a mark, or fd -1. */
void		 relay_marked(uint32_t id, const struct msg_mux_want *,
		    int fd);
/* Joined: a client's header to its server.  0, or -1: it cannot be sent. */
int		 relay_joined(struct conn *);
/* Connecting failed. */
void		 relay_blame(struct conn *, int error);
/* It ends: say why, give back what it holds. */
void		 relay_ended(struct conn *, enum end_reason);
/* The fourth address, for what is shown. */
void		 relay_via(struct conn *, struct endpoint *);

/* Between relay_server.c and relay_client.c. */
struct relay_conn *relay_conn_new(struct conn *);	/* NULL: no memory */
void		 relay_client_begin(struct conn *);
enum upstream	 relay_client_open(struct conn *, int *fd);
/* Connect fd to an address: it is closed if that fails. */
enum upstream	 relay_connect(struct conn *, int fd, const struct prefix *,
		    uint16_t port);
int		 relay_bind(int fd, const struct prefix *, uint16_t port);

#endif

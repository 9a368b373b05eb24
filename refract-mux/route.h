/*
 * Which route a connection takes, by its first bytes: the rules in the order
 * of the file, the first that matches wins, and one that still needs bytes is
 * waited for.  Pure: no clock, no socket.
 */
#ifndef ROUTE_H
#define ROUTE_H

#include <stddef.h>
#include <stdint.h>

#include "addr.h"
#include "conf_mux.h"
#include "pool.h"
#include "probe/refract-probe-udp.h"
#include "shared.h"

struct conf;
struct regex;

struct cond {
	const struct wire_cond	*w;
	const uint8_t		*data;		/* w.len, and a mask as long */
	const struct prefixset	*from;		/* COND_FROM */
	struct regex		*regex;
};

struct route {
	const struct wire_route	*w;
	struct shared_route	*shared;
	struct pool		*pool;		/* ROUTE_TO */
	struct cond		*conds;		/* those of a kind together */
	unsigned int		 nconds;
};

struct routes {
	struct route	*list;
	unsigned int	 n;
	struct route	*timeout;	/* ROUTE_TIMEOUT, or NULL */
	struct route	*otherwise;
	struct route	*speaks_first;
	int		 asks_quic, asks_dtls;
};

/* What is known of a connection when it is decided about. */
struct first_bytes {
	const uint8_t		*p;
	size_t			 n;
	const struct prefix	*from;
	int			 last;	/* no more will come in time */
	/* Datagrams: the first one is above, and what all of them say here. */
	int			 datagram;
	const struct rp_quic	*quic;	/* NULL: not asked for */
	const struct rp_dtls	*dtls;
};

/* What the probes of the last route_decide() found; good until the next. */
struct findings {
	struct rp_info	tls, http, quic, dtls;
	int		is_tls, is_http, is_quic, is_dtls;
};

/*
 * 0, or -1 with why (TEXT_LEN): a regex that does not compile.  pool_of says
 * which pool an id is.
 */
int	 routes_build(struct routes *, const struct conf_listener *,
	    const struct conf *, struct pool *(*pool_of)(uint32_t, void *),
	    void *, char *why);
void	 routes_clear(struct routes *);

/*
 * RP_YES and the route; RP_MORE; RP_NO: none takes it.  With n 0 and last
 * nothing was said in time: `timeout`, then `otherwise`.
 */
enum rp_answer	 route_decide(const struct routes *,
		    const struct first_bytes *, struct route **);
const struct findings *route_findings(void);

#endif

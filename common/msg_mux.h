/*
 * Messages about the mux that are not for its workers alone: names and their
 * addresses, what an operator wants of a pool, and rows of what is shown.  See
 * msg.h for the rules of all of them.
 */
#ifndef MSG_MUX_H
#define MSG_MUX_H

#include <stddef.h>
#include <stdint.h>

#include "addr.h"
#include "conf_mux.h"

#define NAMESERVERS_MAX	8
#define SEARCH_LEN	1024

/*
 * What /etc/resolv.conf says.  M_HOSTs come before it, and it replaces what
 * was said before with them.
 */
struct msg_resolver {
	uint32_t	n;
	uint32_t	ndots;
	struct prefix	addrs[NAMESERVERS_MAX];
	char		search[SEARCH_LEN];	/* domains, a blank between */
};

/* A member's name that /etc/hosts has. */
struct msg_host {
	uint32_t	n;
	uint32_t	zero;
	struct prefix	addrs[MUX_RESOLVED_MAX];
	char		name[MUX_HOST_LEN];	/* as it was written */
};

/* refractctl pool enable|disable|drain NAME [MEMBER] */
struct ctl_pool {
	uint32_t	admin;		/* enum member_admin of shared.h */
	uint32_t	zero;
	char		name[MUX_NAME_LEN];
	char		member[MUX_HOST_LEN];	/* "": all of them */
};

/* An address and port; family 0: none. */
struct endpoint {
	struct prefix	addr;		/* whole */
	uint16_t	port;
};

/* M_MUX_MONITOR: of which connections control is told. */
#define MUX_TELL_LOG	0x1	/* of listeners that are logged */
#define MUX_TELL_ALL	0x2

/*
 * Whoever gives a shard up says so many flows of it, MUX_MOVE_PAGE, and waits
 * for MUX_MOVE_TAKEN; MUX_MOVE_DONE when there are no more.
 */
#define MUX_MOVE_FLOWS	32
enum mux_move { MUX_MOVE_PAGE, MUX_MOVE_TAKEN, MUX_MOVE_DONE, MUX_MOVE_MAX };

struct msg_mux_move {
	uint32_t	bind, shard;	/* as msg_mux_socket's */
	uint32_t	what;		/* enum mux_move */
};

#define FLOW_ID_MAX	20		/* RFC 9000 17.2 */
#define FLOW_ID_IS_MAX	4

/* What of a flow has happened. */
#define FLOW_ANSWERED	0x01
#define FLOW_TOLD	0x02		/* its member: whose it is */
#define FLOW_RUNS	0x04
#define FLOW_ALONE_IN	0x08
#define FLOW_ALONE_OUT	0x10
#define FLOW_GREASED	0x20
#define FLOW_HELLO	0x40		/* version, alpn, ja4 */
#define FLOW_FLAGS	0x7f

/* A flow that is joined; its descriptor is its member's socket. */
struct msg_mux_flow {
	uint64_t	id;
	uint64_t	began, joined, active;	/* monotonic ms */
	uint64_t	began_connect;		/* us */
	uint64_t	noted;			/* ms, or 0 */
	uint64_t	bytes[2];	/* from the client, to it */
	uint32_t	bind, shard;	/* as msg_mux_socket's */
	uint32_t	route, member;	/* slots */
	uint32_t	ifindex;
	uint16_t	from_port;
	uint16_t	asked;
	uint16_t	version;	/* of the hello */
	struct prefix	from, to;
	uint8_t		proto;		/* of refract-probe.h, 0: unknown */
	uint8_t		flags;		/* FLOW_* */
	uint8_t		id_is, nid;	/* what it is known by: flow_roam.c */
	uint8_t		known[FLOW_ID_MAX];
	uint8_t		zero[2];
	char		alpn[32];
	char		ja4[40];
	char		name[256];	/* SNI, "": none */
};

#define ENDED_MAX	24	/* room for enum end_reason of shared.h */

struct row_listener {			/* SHOW_LISTENERS */
	uint64_t	connections, total;
	uint64_t	bytes[2];	/* from clients, to them */
	uint64_t	limited;	/* refused, of all these: */
	uint64_t	limits[3];	/* all, of an address, new ones */
	uint64_t	ended[ENDED_MAX];	/* by enum end_reason */
	char		name[MUX_NAME_LEN];
	char		on[256];	/* addresses and ports */
};

/* How long, in microseconds; 0: there was none. */
struct latency {
	uint64_t	connect[2];	/* p50, p99 */
	uint64_t	first[2];	/* until the server's first byte */
};

struct row_route {			/* SHOW_ROUTES */
	uint64_t	connections, total, errors;
	uint64_t	bytes[2];
	struct latency	latency;
	char		listener[MUX_NAME_LEN];
	char		label[MUX_NAME_LEN];
	char		to[MUX_NAME_LEN];	/* pool, or "" */
};

enum member_state {
	MEMBER_UP, MEMBER_DOWN, MEMBER_IS_DISABLED, MEMBER_DRAINS,
	MEMBER_UNRESOLVED, MEMBER_STATE_MAX
};

struct row_member {			/* SHOW_POOLS */
	uint64_t	connections, total, errors;
	uint64_t	bytes[2];
	struct latency	latency;
	int64_t		since;		/* wall_t: of `down`; 0: is not */
	uint32_t	state;		/* enum member_state */
	uint32_t	weight;
	uint32_t	backup;
	uint32_t	zero;
	char		pool[MUX_NAME_LEN];
	char		name[MUX_HOST_LEN];	/* or address; or path */
	char		addrs[256];	/* what a name is now, or "" */
};

struct row_connection {			/* SHOW_CONNECTIONS: of a worker */
	uint64_t	id;
	int64_t		began;		/* wall_t */
	uint64_t	bytes[2];
	struct endpoint	from, to, server;
	struct endpoint	via;	/* a relay: who sent the header, or we */
	uint32_t	worker;
	uint32_t	zero;
	char		listener[MUX_NAME_LEN];
	char		proto[16];	/* "" : not known (yet) */
	char		state[16];
	char		route[MUX_NAME_LEN];
	char		pool[MUX_NAME_LEN];
	char		member[MUX_HOST_LEN];
	char		name[256];	/* SNI or Host, vis(3)'d */
};

/* SHOW_ACCESS: a connection that ended; also a line of the access log. */
struct row_access {
	int64_t		at;		/* wall_t: its beginning */
	uint64_t	lasted;		/* ms */
	uint64_t	waited;		/* ms until it was joined */
	uint64_t	id;
	uint64_t	bytes[2];
	struct endpoint	from, to, server, via;
	uint32_t	worker;
	uint32_t	zero;
	char		listener[MUX_NAME_LEN];
	char		proto[16];
	char		why[16];	/* how it ended */
	char		route[MUX_NAME_LEN];
	char		pool[MUX_NAME_LEN];
	char		member[MUX_HOST_LEN];
	char		name[256];	/* vis(3)'d */
	char		alpn[32];	/* vis(3)'d */
	char		ja4[40];
};

/* Of a row: the fault or NULL (msg_mux.c). */
const char	*check_resolver(const void *, size_t);
const char	*check_host(const void *, size_t);
const char	*check_ctl_pool(const void *, size_t);
const char	*check_row_listener(const void *, size_t);
const char	*check_row_route(const void *, size_t);
const char	*check_row_member(const void *, size_t);
const char	*check_row_connection(const void *, size_t);
const char	*check_row_access(const void *, size_t);
const char	*check_mux_resolved(const void *, size_t);
const char	*check_mux_access(const void *, size_t);
const char	*check_mux_flow(const void *, size_t);
const char	*check_mux_move(const void *, size_t);

#endif

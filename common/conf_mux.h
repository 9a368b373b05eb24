/*
 * What a listener, its routes, a pool and a tap are: the mux's part of a
 * configuration, in the way of conf.h (the wire structs are the messages and
 * the stored form at once).
 *
 * `slot` is the parent's: the place in the table that the workers share, the
 * same over reloads as long as the name lives.  Ids are conf.h's.
 */
#ifndef CONF_MUX_H
#define CONF_MUX_H

#include <sys/queue.h>		/* libbsd's */

#include <stddef.h>
#include <stdint.h>

#include "addr.h"
#include "clock.h"
#include "conf_relay.h"

#define MUX_NAME_LEN		64	/* a name with its NUL */
#define MUX_HOST_LEN		256	/* a host name or path with its NUL */
#define MUX_WHERE_LEN		256	/* "file:line" with its NUL */
#define MUX_WORKERS_MAX		64
#define MUX_SHARDS_MAX		64
#define MUX_LISTENERS_MAX	256
#define MUX_BINDS_MAX		1024	/* address and port pairs in all */
#define MUX_ROUTES_MAX		4096	/* of all listeners */
#define MUX_POOLS_MAX		1024
#define MUX_MEMBERS_MAX		4096	/* of all pools */
#define MUX_RESOLVED_MAX	16	/* addresses of one member by name */
#define MUX_SOURCES_MAX		16	/* of a pool */
#define MUX_COND_MAX_LEN	4096	/* a condition's bytes */

enum listener_kind { LISTEN_MUX, LISTEN_RELAY_SERVER, LISTEN_RELAY_CLIENT };
enum access_log { ACCESS_NONE, ACCESS_LINE, ACCESS_JSON };

struct wire_listener {
	uint64_t	hash;		/* of its name: "listen front" */
	/* span_t, 0: no limit. */
	int64_t		peek_time;	/* until the first bytes decide */
	int64_t		connect_time;	/* for each member that is tried */
	int64_t		idle;		/* both directions silent */
	int64_t		half_closed;	/* after one side's end of file */
	int64_t		keepalive;	/* TCP_KEEPIDLE; 0: off */
	int64_t		user_timeout;	/* TCP_USER_TIMEOUT; 0: kernel's */
	uint32_t	id;
	uint32_t	slot;
	uint32_t	connections;	/* at a time, of all workers */
	uint32_t	per_address;	/* at a time, 0: no limit */
	uint32_t	rate;		/* new ones a second an address, or 0 */
	uint32_t	peek_bytes;	/* of what is no TLS hello */
	uint32_t	peek_memory;	/* KiB for hellos longer than that */
	uint32_t	bandwidth;	/* KiB/s a connection and way, 0: .. */
	uint32_t	backlog;
	uint32_t	trusted;	/* table id: expect proxy from; or 0 */
	uint8_t		proto;		/* IPPROTO_TCP, IPPROTO_UDP */
	uint8_t		kind;		/* enum listener_kind */
	uint8_t		plen4, plen6;	/* this much is one address */
	uint8_t		nodelay;
	uint8_t		fastopen;
	uint8_t		log;		/* enum access_log */
	uint8_t		transparent;	/* to the enforcer: a route is */
	char		name[MUX_NAME_LEN];
};

/* One address and port that it listens on, on as many shards. */
struct wire_bind {
	uint32_t	listener;
	uint32_t	slot;		/* names the sockets over reloads */
	struct prefix	addr;		/* whole; family 0: both, any */
	uint16_t	port;		/* host order */
	char		interface[16];	/* SO_BINDTODEVICE, or "" */
	uint8_t		zero[4];
};

enum route_action { ROUTE_TO = 1, ROUTE_DROP, ROUTE_RESET, ROUTE_TARPIT };

/*
 * First in the file that matches wins.  probe is a number of
 * refract-probe.h, or one of these, which look at no bytes.
 */
#define ROUTE_PROBE_NONE	0	/* conditions alone */
#define ROUTE_TIMEOUT		250	/* nothing was said in peek_time */
#define ROUTE_OTHERWISE		251
#define ROUTE_SPEAKS_FIRST	252	/* the server does: after `after` */

struct wire_route {
	int64_t		after;		/* span_t: ROUTE_SPEAKS_FIRST */
	int64_t		idle;		/* span_t; 0: the listener's */
	uint32_t	id;
	uint32_t	listener;
	uint32_t	slot;
	uint32_t	pool;		/* id; ROUTE_TO */
	uint32_t	tap;		/* id; 0: none */
	uint8_t		probe;
	uint8_t		action;		/* enum route_action */
	uint8_t		proxy;		/* 0, 1 or 2: PROXY header out */
	uint8_t		transparent;	/* the backend sees the client */
	char		where[MUX_WHERE_LEN];
	char		label[MUX_NAME_LEN];	/* "tls example.com", display */
};

/*
 * A route's conditions: all kinds that are there must hold; of one kind, one
 * of them is enough.
 */
enum cond_kind {
	COND_SNI = 1,		/* text: exact or "*.suffix", lower case */
	COND_SNI_REGEX,		/* text: PCRE2 */
	COND_ALPN,		/* text */
	COND_HOST,		/* text: as COND_SNI, of HTTP's Host */
	COND_PATH,		/* text: prefix of HTTP's path */
	COND_FROM,		/* table */
	COND_BYTES,		/* text at offset; mask may follow it */
	COND_CONTAINS,		/* text anywhere in what was peeked */
	COND_REGEX		/* text: PCRE2 over what was peeked */
};

struct wire_cond {		/* then len bytes, then masked ? len : 0 */
	uint32_t	route;
	uint32_t	kind;		/* enum cond_kind */
	uint32_t	table;		/* COND_FROM */
	uint32_t	offset;		/* COND_BYTES */
	uint32_t	len;
	uint32_t	masked;
};

enum balance {
	BALANCE_ROUNDROBIN, BALANCE_LEAST, BALANCE_RANDOM, BALANCE_FIRST,
	BALANCE_SOURCE,		/* source-address, consistent */
	BALANCE_SOCKET		/* source-socket, consistent */
};
enum check_kind {
	CHECK_NONE, CHECK_TCP, CHECK_SEND, CHECK_TLS, CHECK_HTTP,
	CHECK_DNS, CHECK_QUIC	/* udp */
};

struct wire_pool {
	uint64_t	hash;
	int64_t		interval, timeout;	/* span_t, of checks */
	uint32_t	id;
	uint32_t	slot;
	uint32_t	rise, fall;	/* checks in a row */
	uint32_t	passive;	/* failed connects in a row: down */
	uint8_t		balance;	/* enum balance */
	uint8_t		check;		/* enum check_kind */
	uint8_t		when_down;	/* enum route_action; 0: otherwise */
	uint8_t		datagrams;	/* 1: they are checked by them */
	/* CHECK_SEND: bytes; CHECK_HTTP: the path in send, status in expect */
	uint16_t	send_len, expect_len;
	uint8_t		nsources;
	uint8_t		zero2[3];
	uint8_t		send[256], expect[256];
	/* Whole: what it is connected from, in turn; 0: the host's choice. */
	struct prefix	sources[MUX_SOURCES_MAX];
	char		name[MUX_NAME_LEN];	/* or "127.0.0.1 port 22" */
};

/* MEMBER_ASKED: wherever a relay's client asks for. */
enum member_kind { MEMBER_ADDRESS, MEMBER_NAME, MEMBER_UNIX, MEMBER_ASKED };

struct wire_member {
	int64_t		ttl_min, ttl_max;	/* span_t: MEMBER_NAME */
	uint32_t	id;
	uint32_t	pool;
	uint32_t	slot;
	uint32_t	weight;		/* 1 to 256 */
	struct prefix	addr;		/* whole: MEMBER_ADDRESS */
	uint16_t	port;
	uint8_t		kind;		/* enum member_kind */
	uint8_t		backup;
	uint8_t		zero[2];
	char		name[MUX_HOST_LEN];	/* host name, or path */
};

/* What a listener asks the enforcer to ban for. */
enum mux_offence { OFFENCE_UNKNOWN = 1, OFFENCE_SLOW, OFFENCE_LIMIT,
    OFFENCE_TOKEN, OFFENCE_MAX };

struct wire_offence {
	int64_t		within, ban;	/* span_t */
	uint32_t	listener;
	uint32_t	kind;		/* enum mux_offence */
	uint32_t	times;
	uint32_t	zero;
};

struct wire_tap {
	uint32_t	id;
	uint32_t	run;		/* 1: a command; 0: a unix socket */
	char		name[MUX_NAME_LEN];
	char		path[MUX_HOST_LEN];	/* for display with run */
};

#define MUX_ITEM(name)							\
struct conf_##name {							\
	TAILQ_ENTRY(conf_##name)	entry;				\
	struct wire_##name		w;				\
}
MUX_ITEM(bind);
MUX_ITEM(offence);
MUX_ITEM(member);

struct conf_cond {
	TAILQ_ENTRY(conf_cond)	 entry;
	struct wire_cond	 w;
	uint8_t			*data;	/* len, or 2 * len if masked */
};

struct conf_route {
	TAILQ_ENTRY(conf_route)	 entry;
	struct wire_route	 w;
	TAILQ_HEAD(, conf_cond)	 conds;
	void			*state;	/* the worker's own */
};

struct conf_listener {
	TAILQ_ENTRY(conf_listener) entry;
	struct wire_listener	 w;
	TAILQ_HEAD(, conf_bind)	 binds;
	TAILQ_HEAD(conf_routes, conf_route) routes;
	TAILQ_HEAD(, conf_offence) offences;
	struct conf_relay	*relay;		/* NULL: LISTEN_MUX */
	void			*state;
};

struct conf_pool {
	TAILQ_ENTRY(conf_pool)	 entry;
	struct wire_pool	 w;
	TAILQ_HEAD(conf_members, conf_member) members;
	int			 direct;	/* parent only: of a route */
	unsigned int		 over;		/* ... and RP_OVER_* */
	void			*state;
};

struct conf_tap {
	TAILQ_ENTRY(conf_tap)	 entry;
	struct wire_tap		 w;
	/* Parent only: argc strings. */
	char			*args;
	size_t			 args_len;
	unsigned int		 argc;
	char			 user[33], group[33];	/* ACCOUNT_MAX_LEN */
};

TAILQ_HEAD(conf_listeners, conf_listener);
TAILQ_HEAD(conf_pools, conf_pool);
TAILQ_HEAD(conf_taps, conf_tap);

#define MUX_DRAIN_DEFAULT	30000	/* ms */

struct conf_mux {
	struct conf_listeners	 listeners;
	struct conf_pools	 pools;
	struct conf_taps	 taps;
	int64_t			 drain;		/* span_t: at a stop */
	uint32_t		 workers;	/* parent only; 0: one a core */
};

/* M_CONF_MUX: what is no listener's own. */
struct wire_mux {
	int64_t		drain;
};

struct conf;

void	 conf_mux_init(struct conf_mux *);
void	 conf_mux_clear(struct conf_mux *);
/* With defaults and an id of its own; in no list. */
struct conf_listener	*conf_listener_new(void);
void			 conf_listener_free(struct conf_listener *);
struct conf_route	*conf_route_new(void);
void			 conf_route_free(struct conf_route *);
struct conf_pool	*conf_pool_new(void);
void			 conf_pool_free(struct conf_pool *);
struct conf_listener	*conf_listener_byid(const struct conf_mux *,
			    uint32_t);
struct conf_listener	*conf_listener_byname(const struct conf_mux *,
			    const char *);
struct conf_listener	*conf_listener_byhash(const struct conf_mux *,
			    uint64_t);
struct conf_pool	*conf_pool_byid(const struct conf_mux *, uint32_t);
struct conf_pool	*conf_pool_byname(const struct conf_mux *,
			    const char *);
struct conf_tap		*conf_tap_byid(const struct conf_mux *, uint32_t);
struct conf_tap		*conf_tap_byname(const struct conf_mux *,
			    const char *);

/*
 * The parent, after parsing: what was there by name (of a route: by label and
 * place among those of one label) keeps its id and slot, the rest gets slots
 * that were free longest.  old NULL: the first.  0, or -1: no slot is left
 * (why, TEXT_LEN).
 */
int	 conf_mux_adopt(struct conf *, const struct conf *old, char *why);

/* 1 if a condition or a listener asks this table. */
int	 conf_mux_asks(const struct conf *, uint32_t table);
/* A table got another id. */
void	 conf_mux_table(struct conf *, uint32_t was, uint32_t id);

#endif

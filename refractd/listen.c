/*
 * What the statements of a listener mean: where it listens, and its limits.
 */
#include <sys/queue.h>
#include <sys/socket.h>

#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf_list.h"
#include "listen.h"
#include "log.h"
#include "relay.h"
#include "routes.h"

#define SECOND		1000LL
#define HOUR		(3600 * SECOND)
#define DAY		(24 * HOUR)
#define PORTS_MAX	MUX_BINDS_MAX
#define BAN_MAX		(3650 * DAY)
#define UDP_IDLE	(30 * SECOND)	/* nobody says that a flow is over */

/* What the parser must know of a listener beside what it is. */
struct info {
	STAILQ_ENTRY(info)	 entry;
	struct conf_listener	*l;
	struct place		 at;
	struct once		 once[L_SETTINGS];
	struct once		 offences[OFFENCE_MAX];
	int			 layer;
	int			 bad;		/* its name is an error */
};

/* An address of the statement that is read. */
struct on {
	struct prefix	 addr;
	char		 interface[IFNAMSIZ];
};

static STAILQ_HEAD(, info)	infos = STAILQ_HEAD_INITIALIZER(infos);
static struct info		*cur;
static size_t			 nlisteners, nbinds;
static struct on		*ons;
static size_t			 nons;
static int			 ons_bad;	/* and it was told */

static void
ons_clear(void)
{
	free(ons);
	ons = NULL;
	nons = 0;
	ons_bad = 0;
}

void
listens_start(void)
{
	FREE_STAILQ(&infos);
	cur = NULL;
	nlisteners = nbinds = 0;
	ons_clear();
	routes_start();
	relays_start();
}

struct conf_listener *
listen_now(void)
{
	return cur == NULL ? NULL : cur->l;
}

static struct info *
info_of(const struct conf_listener *l)
{
	struct info	*i;

	STAILQ_FOREACH(i, &infos, entry)
		if (i->l == l)
			break;
	return i;
}

/* Where it was opened. */
static const struct place *
listen_place(const struct conf_listener *l)
{
	return &info_of(l)->at;
}

/* The same name on the command line takes the place of the file's. */
static void
replace(struct info *i)
{
	struct conf_listener	*l = i->l;
	struct conf_bind	*b;

	TAILQ_FOREACH(b, &l->binds, entry)
		nbinds--;
	routes_drop(l);
	relays_drop(l);
	TAILQ_REMOVE(&build_conf()->mux.listeners, l, entry);
	conf_listener_free(l);
	STAILQ_REMOVE(&infos, i, info, entry);
	free(i);
	nlisteners--;
}

static int
name_taken(const char *name, const struct val *v)
{
	struct info	*i;

	STAILQ_FOREACH(i, &infos, entry)
		if (strcmp(i->l->w.name, name) == 0)
			break;
	if (i == NULL)
		return 0;
	if (i->layer != build_layer_now()) {
		replace(i);
		return 0;
	}
	report_error(&v->at, "found a second listener \"%s\", expected one: "
	    "the first is at %s:%d", name, i->at.file, i->at.line);
	return 1;
}

static void
info_new(const struct place *at)
{
	if ((cur = calloc(1, sizeof(*cur))) == NULL)
		fatal("configuration");
	cur->l = conf_listener_new();
	cur->at = *at;
	cur->layer = build_layer_now();
	STAILQ_INSERT_TAIL(&infos, cur, entry);
	TAILQ_INSERT_TAIL(&build_conf()->mux.listeners, cur->l, entry);
	if (++nlisteners == MUX_LISTENERS_MAX + 1)
		report_error(at, "found more than %d listeners, expected "
		    "fewer", MUX_LISTENERS_MAX);
}

void
listen_open(const struct val *v)
{
	struct wire_listener	*w;
	char			 name[MUX_NAME_LEN], id[MUX_NAME_LEN + 8];
	int			 bad;

	bad = build_text(name, sizeof(name), v, "a listener's name") == -1 ||
	    name_taken(name, v);
	info_new(&v->at);
	cur->bad = bad;
	ons_clear();
	w = &cur->l->w;
	if (bad)
		return;
	memcpy(w->name, name, sizeof(name));
	snprintf(id, sizeof(id), "listen %s", name);
	w->hash = watch_hash(id);
}

void
listen_close(void)
{
	cur = NULL;
}

/* Where. */

static int
interface_name(char dst[IFNAMSIZ], const struct val *v)
{
	memset(dst, 0, IFNAMSIZ);
	if (v->s == NULL)
		return 0;
	if (build_text(dst, IFNAMSIZ, v, "an interface's name") == -1)
		return -1;
	if (strpbrk(dst, "/ :") == NULL)
		return 0;
	report_error(&v->at, "found \"%s\", expected an interface's name",
	    dst);
	return -1;
}

static void
on_add(const struct on *on)
{
	struct on	*p;

	if ((p = reallocarray(ons, nons + 1, sizeof(*p))) == NULL)
		fatal("configuration");
	p[nons++] = *on;
	ons = p;
}

static void
on_all(struct on *on)
{
	memset(&on->addr, 0, sizeof(on->addr));
	on->addr.family = AF_INET;
	on->addr.plen = 32;
	on_add(on);
	on->addr.family = AF_INET6;
	on->addr.plen = 128;
	on_add(on);
}

static int
needs_interface(const struct on *on)
{
	static const struct prefix	link_local = {
		AF_INET6, 10, { 0xfe, 0x80 }
	};

	return *on->interface == '\0' &&
	    prefix_contains(&link_local, &on->addr);
}

/* 0, or -1 reported. */
static int
on_address(struct on *on, const struct val *addr)
{
	if (prefix_parse(&on->addr, addr->s) == -1 ||
	    strchr(addr->s, '/') != NULL)
		report_error(&addr->at, "found %s, expected an address "
		    "without a length", addr->s);
	else if (needs_interface(on))
		report_error(&addr->at, "found %s, expected an interface "
		    "after an address that is link-local", addr->s);
	else
		return 0;
	return -1;
}

void
listen_on(const struct val *addr, const struct val *interface)
{
	struct on	on;

	if (interface_name(on.interface, interface) == -1)
		ons_bad = 1;
	else if (addr->s == NULL)
		on_all(&on);
	else if (on_address(&on, addr) == -1)
		ons_bad = 1;
	else
		on_add(&on);
}

/* The same place of another listener, or of this one; NULL: none. */
static struct conf_listener *
bound_by(const struct wire_bind *w)
{
	struct conf_listener	*l;
	struct conf_bind	*b;

	TAILQ_FOREACH(l, &build_conf()->mux.listeners, entry) {
		if (l->w.proto != cur->l->w.proto)
			continue;
		TAILQ_FOREACH(b, &l->binds, entry)
			if (b->w.port == w->port &&
			    prefix_cmp(&b->w.addr, &w->addr) == 0 &&
			    strcmp(b->w.interface, w->interface) == 0)
				return l;
	}
	return NULL;
}

static void
report_bound(const struct wire_bind *w, const struct conf_listener *l,
    const struct place *at)
{
	const struct place	*first = listen_place(l);
	char			 addr[PREFIX_STRLEN];

	report_error(at, "found %s port %u a second time, expected it once: "
	    "listen \"%s\" at %s:%d has it", prefix_print(&w->addr, addr),
	    w->port, l->w.name, first->file, first->line);
}

/* 1, or 0 and it is reported. */
static int
bind_add(const struct on *on, unsigned int port, const struct place *at)
{
	struct conf_listener	*l;
	struct conf_bind	*b;
	struct wire_bind	 w = { .port = port };

	w.listener = cur->l->w.id;
	w.addr = on->addr;
	memcpy(w.interface, on->interface, sizeof(w.interface));
	if ((l = bound_by(&w)) != NULL) {
		report_bound(&w, l, at);
		return 0;
	}
	if (nbinds++ == MUX_BINDS_MAX)
		report_error(at, "found more than %d addresses and ports to "
		    "listen on, expected fewer", MUX_BINDS_MAX);
	if (nbinds > MUX_BINDS_MAX)
		return 0;
	if ((b = calloc(1, sizeof(*b))) == NULL)
		fatal("configuration");
	b->w = w;
	TAILQ_INSERT_TAIL(&cur->l->binds, b, entry);
	return 1;
}

static void
bind_range(const struct val *v)
{
	size_t	i;
	int	lo, hi;

	if (build_port_range(v, PORTS_MAX, &lo, &hi) == -1)
		return;
	for (; lo <= hi; lo++)
		for (i = 0; i < nons; i++)
			if (!bind_add(&ons[i], lo, &v->at))
				return;
}

void
listen_ports(const struct val *proto)
{
	const struct val	*v;
	size_t			 i, n;

	cur->l->w.proto = proto->n;
	if (proto->n == IPPROTO_UDP)
		cur->l->w.idle = UDP_IDLE;
	v = build_items(&n, &proto->at);
	if (nons == 0 && !ons_bad)
		report_error(&proto->at, "found no address, expected one to "
		    "listen on");
	for (i = 0; i < n; i++)
		bind_range(&v[i]);
	build_clear();
	ons_clear();
}

/* Limits and options: where each value lies, and what it may be. */

enum unit { NUMBER, SPAN, SIZE, YESNO };

#define FIELD(unit, name, lo, hi, what, kind)				\
	{ what, kind, unit, offsetof(struct wire_listener, name),	\
	    sizeof(((struct wire_listener *)0)->name), lo, hi }

static const struct {
	const char	*what;		/* as it is written */
	const char	*kind;		/* "a number of connections" */
	enum unit	 unit;
	size_t		 at, size;
	int64_t		 lo, hi;	/* lo 0: `none` too */
} fields[] = {
	[L_CONNECTIONS] = FIELD(NUMBER, connections, 1, 1000000,
	    "connections", "a number of connections"),
	[L_PER_ADDRESS] = FIELD(NUMBER, per_address, 0, 1000000,
	    "per address", "a number of connections"),
	[L_RATE] = FIELD(NUMBER, rate, 0, 1000000,
	    "rate", "a number of connections"),
	[L_PEEK] = FIELD(NUMBER, peek_bytes, 16, 65536,
	    "peek", "a number of bytes"),
	[L_PEEK_TIME] = FIELD(SPAN, peek_time, 10, HOUR,
	    "peek within", NULL),
	[L_PEEK_MEMORY] = FIELD(SIZE, peek_memory, 64, 4 << 20,
	    "peek memory", "64K to 4G"),
	[L_CONNECT] = FIELD(SPAN, connect_time, 10, HOUR,
	    "connect", NULL),
	[L_IDLE] = FIELD(SPAN, idle, 0, 30 * DAY, "idle", NULL),
	[L_HALF_CLOSED] = FIELD(SPAN, half_closed, 0, 30 * DAY,
	    "half closed", NULL),
	[L_KEEPALIVE] = FIELD(SPAN, keepalive, 0, 9 * HOUR,
	    "keepalive", NULL),
	[L_USER_TIMEOUT] = FIELD(SPAN, user_timeout, 0, 7 * DAY,
	    "user timeout", NULL),
	[L_BANDWIDTH] = FIELD(SIZE, bandwidth, 0, 64 << 20,
	    "bandwidth", "1K to 64G, or none"),
	[L_BACKLOG] = FIELD(NUMBER, backlog, 1, 65535,
	    "backlog", "a number of connections"),
	[L_NODELAY] = FIELD(YESNO, nodelay, 0, 1, "nodelay", NULL),
	[L_FASTOPEN] = FIELD(YESNO, fastopen, 0, 1, "fast open", NULL),
	[L_LOG] = FIELD(YESNO, log, 0, 1, "log connections", NULL)
};

static void
store(enum listen_setting s, int64_t n)
{
	char	*p = (char *)&cur->l->w + fields[s].at;

	switch (fields[s].size) {
	case sizeof(int64_t):
		*(int64_t *)(void *)p = n;
		break;
	case sizeof(uint32_t):
		*(uint32_t *)(void *)p = n;
		break;
	default:
		*(uint8_t *)p = n;
	}
}

static int
size_valid(enum listen_setting s, const struct val *v)
{
	int64_t	kib = v->n / 1024;

	if ((v->n == 0 && fields[s].lo == 0) || (v->n > 0 && kib >=
	    fields[s].lo && kib <= fields[s].hi))
		return 1;
	report_error(&v->at, "found %s, expected a size of %s", v->s,
	    fields[s].kind);
	return 0;
}

/* `none` is 0, and a 0 that was written is not `none`. */
static int
is_none(const struct val *v)
{
	return v->n == 0 && strcmp(v->s, "none") == 0;
}

static int
value_valid(enum listen_setting s, const struct val *v)
{
	int64_t	lo = fields[s].lo;

	if (fields[s].unit == YESNO)
		return 1;
	if (is_none(v)) {
		if (lo == 0)
			return 1;
		report_error(&v->at, "found none, expected a limit");
		return 0;
	}
	if (fields[s].unit == SIZE)
		return size_valid(s, v);
	if (fields[s].unit == SPAN)
		return build_span(v, lo == 0 ? SECOND : lo, fields[s].hi);
	return build_range(v, lo == 0 ? 1 : lo, fields[s].hi,
	    fields[s].kind);
}

void
listen_set(enum listen_setting s, const struct val *v)
{
	if (build_once(&cur->once[s], &v->at, fields[s].what) &&
	    value_valid(s, v))
		store(s, fields[s].unit == SIZE ? v->n / 1024 : v->n);
}

void
listen_group(const struct val *v)
{
	const struct val	*p;

	if ((p = build_plens(AF_INET)) != NULL &&
	    build_once(&cur->once[L_PLEN4], &v->at, "group inet"))
		cur->l->w.plen4 = p->n;
	if ((p = build_plens(AF_INET6)) != NULL &&
	    build_once(&cur->once[L_PLEN6], &v->at, "group inet6"))
		cur->l->w.plen6 = p->n;
	build_clear();
}

void
listen_expect(const struct val *v, uint32_t table)
{
	if (build_once(&cur->once[L_EXPECT], &v->at, "expect proxy"))
		cur->l->w.trusted = table;
}

void
listen_offence(const struct val *what, const struct val *times,
    const struct val *within, const struct val *ban)
{
	struct conf_offence	*o;

	if (!build_once(&cur->offences[what->n], &what->at, "offence") ||
	    !build_range(times, 1, 1000000, "a number of times") ||
	    !build_span(within, SECOND, 7 * DAY) ||
	    (ban->n != SPAN_FOREVER && !build_span(ban, SECOND, BAN_MAX)))
		return;
	if ((o = calloc(1, sizeof(*o))) == NULL)
		fatal("configuration");
	o->w.listener = cur->l->w.id;
	o->w.kind = what->n;
	o->w.times = times->n;
	o->w.within = within->n;
	o->w.ban = ban->n;
	TAILQ_INSERT_TAIL(&cur->l->offences, o, entry);
}

/* At the end. */

/* What is decided is known by the name's hash, watches and listeners alike. */
static void
check_hash(const struct info *i)
{
	struct conf_watch	*w;

	if ((w = conf_watch_byhash(build_conf(), i->l->w.hash)) != NULL)
		report_error(&i->at, "found listener \"%s\", expected another "
		    "name: there is a watch \"%s\"", i->l->w.name, w->w.name);
}

/* Every listener is logged if there is a log, except who says no. */
static void
check_log(const struct info *i)
{
	const struct conf	*c = build_conf();
	const struct once	*said = &i->once[L_LOG];
	struct wire_listener	*w = &i->l->w;

	if (said->at.file != NULL && w->log && c->access_path == NULL)
		report_error(&said->at, "found log connections, expected "
		    "where: log connections \"/path\" outside of listeners");
	if (c->access_path == NULL || (said->at.file != NULL && !w->log))
		w->log = ACCESS_NONE;
	else
		w->log = c->access_json ? ACCESS_JSON : ACCESS_LINE;
}

static void
check_limits(const struct info *i)
{
	const struct wire_listener	*w = &i->l->w;

	if (w->per_address > w->connections)
		report_warning(&i->at, "listen %s: one address may have all "
		    "%u connections", w->name, w->connections);
}

/* What only TCP has. */
static void
check_datagrams(const struct info *i)
{
	static const enum listen_setting only[] = {
		L_CONNECT, L_HALF_CLOSED, L_KEEPALIVE, L_USER_TIMEOUT,
		L_BANDWIDTH, L_BACKLOG, L_NODELAY, L_FASTOPEN
	};
	const struct once	*said;
	size_t			 k;

	if (i->l->w.proto != IPPROTO_UDP)
		return;
	for (k = 0; k < sizeof(only) / sizeof(only[0]); k++) {
		said = &i->once[only[k]];
		if (said->at.file != NULL)
			report_error(&said->at, "found %s, expected it in a "
			    "listener of tcp", fields[only[k]].what);
	}
	said = &i->once[L_EXPECT];
	if (said->at.file != NULL)
		report_error(&said->at, "found expect proxy, expected it in "
		    "a listener of tcp");
	if (i->l->w.idle == 0)
		report_error(&i->once[L_IDLE].at, "found idle none, expected "
		    "a time: nobody says that a flow is over");
	if (!TAILQ_EMPTY(&i->l->offences))
		report_warning(&i->at, "listen %s: the sender of a datagram "
		    "may be forged: who is banned may have sent none",
		    i->l->w.name);
}

static void
check_routes(const struct info *i)
{
	if (TAILQ_EMPTY(&i->l->routes))
		report_error(&i->at, "found listen \"%s\" without a route, "
		    "expected one or more in it", i->l->w.name);
}

void
listens_finish(void)
{
	struct info	*i;

	STAILQ_FOREACH(i, &infos, entry) {
		if (i->bad)
			continue;
		check_hash(i);
		check_log(i);
		check_limits(i);
		check_datagrams(i);
		check_routes(i);
	}
	relays_finish();
	routes_finish();
}

/*
 * What the statements of a pool and of a tap mean: backends, how one of them
 * is chosen, how they are checked.
 */
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../refract-mux/probe/refract-probe.h"
#include "command.h"
#include "conf_list.h"
#include "log.h"
#include "pools.h"
#include "routes.h"

#define SECOND		1000LL
#define HOUR		(3600 * SECOND)
#define DAY		(24 * HOUR)
#define TTL_MIN		(5 * SECOND)
#define TTL_MAX		HOUR
#define WEIGHT_MOST	256
#define TAPS_MAX	64

enum setting {
	SET_BALANCE, SET_CHECK, SET_INTERVAL, SET_TIMEOUT, SET_RISE, SET_FALL,
	SET_PASSIVE, SET_DOWN, SET_SOURCES, SETTINGS
};

struct info {
	STAILQ_ENTRY(info)	 entry;
	struct conf_pool	*p;
	struct place		 at;
	struct once		 once[SETTINGS];
	int			 layer;
	int			 bad;
};

struct tap_info {
	STAILQ_ENTRY(tap_info)	 entry;
	struct conf_tap		*t;
	struct place		 at;
	int			 layer;
};

static STAILQ_HEAD(, info)	infos = STAILQ_HEAD_INITIALIZER(infos);
static STAILQ_HEAD(, tap_info)	taps = STAILQ_HEAD_INITIALIZER(taps);
static struct info		 relay_info;	/* in no list */
static struct info		*cur;
static size_t			 npools, nmembers, ntaps;

/* The backend that is read; w.kind is right if not bad. */
static struct {
	struct wire_member	 w;
	struct val		 weight, backup, ttl;
	int			 bad;
} m;

void
pools_start(void)
{
	FREE_STAILQ(&infos);
	FREE_STAILQ(&taps);
	cur = NULL;
	npools = nmembers = ntaps = 0;
}

/* One backend. */

static void
member_new(enum member_kind kind)
{
	memset(&m, 0, sizeof(m));
	m.w.kind = kind;
	m.w.weight = 1;
}

/* It means nothing without its interface. */
static int
is_link_local(const struct prefix *p)
{
	static const struct prefix	link_local = {
		AF_INET6, 10, { 0xfe, 0x80 }
	};

	return prefix_contains(&link_local, p);
}

void
member_address(const struct val *addr, const struct val *port)
{
	member_new(MEMBER_ADDRESS);
	m.bad = 1;
	if (prefix_parse(&m.w.addr, addr->s) == -1 ||
	    strchr(addr->s, '/') != NULL)
		report_error(&addr->at, "found %s, expected an address "
		    "without a length", addr->s);
	else if (is_link_local(&m.w.addr))
		report_error(&addr->at, "found %s, expected an address that "
		    "is not link-local", addr->s);
	else if (build_range(port, 1, 65535, "a port")) {
		m.w.port = port->n;
		m.bad = 0;
	}
}

static int
is_host(const char *name)
{
	return strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUV"
	    "WXYZ0123456789.-_") == strlen(name) && *name != '.' &&
	    *name != '-' && strstr(name, "..") == NULL && strlen(name) <= 253;
}

void
member_host(const struct val *name, const struct val *port)
{
	struct prefix	p;

	member_new(MEMBER_NAME);
	m.bad = 1;
	m.w.ttl_min = TTL_MIN;
	m.w.ttl_max = TTL_MAX;
	if (build_text(m.w.name, sizeof(m.w.name), name, "a host name") == -1)
		return;
	if (!is_host(m.w.name) || prefix_parse(&p, m.w.name) == 0)
		report_error(&name->at, "found \"%s\", expected a host name "
		    "(an address is without quotes)", m.w.name);
	else if (build_range(port, 1, 65535, "a port")) {
		m.w.port = port->n;
		m.bad = 0;
	}
}

void
member_unix(const struct val *path)
{
	struct sockaddr_un	un;

	member_new(MEMBER_UNIX);
	m.bad = build_path(path, sizeof(un.sun_path)) == -1;
	if (!m.bad)
		strlcpy(m.w.name, path->s, sizeof(m.w.name));
}

static int
option(struct val *dst, const struct val *v, const char *what)
{
	if (dst->s != NULL)
		report_error(&v->at, "found a second \"%s\", expected one",
		    what);
	else {
		*dst = *v;
		return 1;
	}
	return 0;
}

void
member_weight(const struct val *v)
{
	if (option(&m.weight, v, "weight") &&
	    build_range(v, 1, WEIGHT_MOST, "a weight"))
		m.w.weight = v->n;
}

void
member_backup(const struct val *v)
{
	if (option(&m.backup, v, "backup"))
		m.w.backup = 1;
}

void
member_ttl(const struct val *lo, const struct val *hi)
{
	if (!option(&m.ttl, lo, "ttl") || !build_span(lo, SECOND, DAY) ||
	    !build_span(hi, SECOND, 7 * DAY))
		return;
	if (m.w.kind != MEMBER_NAME)
		report_error(&lo->at, "found ttl, expected it with a host name "
		    "only");
	else if (lo->n > hi->n)
		report_error(&lo->at, "found ttl %s to %s, expected the "
		    "shorter one first", lo->s, hi->s);
	else {
		m.w.ttl_min = lo->n;
		m.w.ttl_max = hi->n;
	}
}

static int
member_same(const struct wire_member *a, const struct wire_member *b)
{
	return a->kind == b->kind && a->port == b->port &&
	    prefix_cmp(&a->addr, &b->addr) == 0 &&
	    strcmp(a->name, b->name) == 0;
}

const char *
member_print(const struct wire_member *w, char *buf, size_t size)
{
	char	addr[PREFIX_STRLEN];

	if (w->kind == MEMBER_UNIX)
		snprintf(buf, size, "\"%s\"", w->name);
	else if (w->kind == MEMBER_NAME)
		snprintf(buf, size, "\"%s\" port %u", w->name, w->port);
	else
		snprintf(buf, size, "%s port %u", prefix_print(&w->addr,
		    addr), w->port);
	return buf;
}

static void
member_add(struct conf_pool *p, const struct wire_member *w,
    const struct place *at)
{
	struct conf_member	*n;

	if (nmembers++ >= MUX_MEMBERS_MAX) {
		if (nmembers == MUX_MEMBERS_MAX + 1)
			report_error(at, "found more than %d members, "
			    "expected fewer", MUX_MEMBERS_MAX);
		return;
	}
	n = conf_alloc(sizeof(*n));
	n->w = *w;
	n->w.id = conf_new_id();
	n->w.pool = p->w.id;
	TAILQ_INSERT_TAIL(&p->members, n, entry);
}

void
member_end(const struct place *at)
{
	struct conf_member	*o;
	char			 text[MUX_HOST_LEN + 16];

	if (m.bad)
		return;
	TAILQ_FOREACH(o, &cur->p->members, entry)
		if (member_same(&o->w, &m.w)) {
			report_error(at, "found a second member %s, expected "
			    "one", member_print(&m.w, text, sizeof(text)));
			return;
		}
	member_add(cur->p, &m.w, at);
}

int
member_take(struct wire_member *w)
{
	*w = m.w;
	return m.bad ? -1 : 0;
}

/* Pools. */

static struct info *
info_byname(const char *name)
{
	struct info	*i;

	STAILQ_FOREACH(i, &infos, entry)
		if (strcmp(i->p->w.name, name) == 0)
			break;
	return i;
}

struct conf_pool *
pool_named(const char *name)
{
	struct info	*i = info_byname(name);

	return i == NULL ? NULL : i->p;
}

void
pool_undefined(const struct val *v)
{
	const char	**names, *near;
	struct info	 *i;
	size_t		  n = 0;

	if ((names = calloc(npools + 1, sizeof(*names))) == NULL)
		fatal("configuration");
	STAILQ_FOREACH(i, &infos, entry)
		names[n++] = i->p->w.name;
	near = report_nearest(v->s, names, n);
	report_error(&v->at, "found pool \"%s\", expected one that is defined"
	    "%s%s%s", log_vis(v->s, v->len), near == NULL ? "" :
	    " (did you mean \"", near == NULL ? "" : near,
	    near == NULL ? "" : "\"?)");
	free(names);
}

const char *
pool_has_unix(const struct conf_pool *p)
{
	struct conf_member	*o;

	TAILQ_FOREACH(o, &p->members, entry)
		if (o->w.kind == MEMBER_UNIX)
			return o->w.name;
	return NULL;
}

/* Datagrams are never checked by TCP, nor the other way round. */
static void
check_transport(struct info *i)
{
	static const char *const	names[] = {
		[CHECK_TCP] = "tcp", [CHECK_TLS] = "tls",
		[CHECK_HTTP] = "http", [CHECK_DNS] = "dns",
		[CHECK_QUIC] = "quic"
	};
	const struct once		*said = &i->once[SET_CHECK];
	struct wire_pool		*w = &i->p->w;
	int				 udp = w->check == CHECK_DNS ||
					    w->check == CHECK_QUIC;

	w->datagrams = udp || i->p->over == RP_OVER_UDP;
	if (i->p->over == RP_OVER_UDP && said->at.file == NULL)
		w->check = CHECK_NONE;
	else if (i->p->over == RP_OVER_UDP && !udp &&
	    w->check != CHECK_NONE && w->check != CHECK_SEND)
		report_error(&said->at, "found check %s, expected none, "
		    "send, dns or quic: pool \"%s\" gets datagrams",
		    names[w->check], w->name);
	else if (i->p->over == RP_OVER_TCP && udp)
		report_error(&said->at, "found check %s, expected none, tcp, "
		    "send, tls or http: pool \"%s\" gets connections",
		    names[w->check], w->name);
}

void
pools_transports(void)
{
	struct info	*i;

	STAILQ_FOREACH(i, &infos, entry)
		check_transport(i);
}

static struct conf_pool *
pool_new(const struct place *at)
{
	struct conf_pool	*p = conf_pool_new();

	TAILQ_INSERT_TAIL(&build_conf()->mux.pools, p, entry);
	if (++npools == MUX_POOLS_MAX + 1)
		report_error(at, "found more than %d pools, expected fewer",
		    MUX_POOLS_MAX);
	return p;
}

/* Routes that name one backend make pools whose names look like this. */
static int
name_is_free(const char *name, const struct val *v)
{
	struct info	*i;

	if (*name == '/' || strstr(name, " port ") != NULL) {
		report_error(&v->at, "found \"%s\", expected a pool's name "
		    "that is no address", name);
		return 0;
	}
	if (strncmp(name, "relay ", 6) == 0) {
		report_error(&v->at, "found \"%s\", expected a pool's name "
		    "that is not a relay's", name);
		return 0;
	}
	if ((i = info_byname(name)) == NULL)
		return 1;
	if (i->layer == build_layer_now()) {
		report_error(&v->at, "found a second pool \"%s\", expected "
		    "one: the first is at %s:%d", name, i->at.file,
		    i->at.line);
		return 0;
	}
	/* Of the command line: it takes the place of the file's. */
	STAILQ_REMOVE(&infos, i, info, entry);
	TAILQ_REMOVE(&build_conf()->mux.pools, i->p, entry);
	conf_pool_free(i->p);
	free(i);
	npools--;
	return 1;
}

void
pool_open(const struct val *v)
{
	char	name[MUX_NAME_LEN], id[MUX_NAME_LEN + 8];
	int	bad;

	bad = build_text(name, sizeof(name), v, "a pool's name") == -1 ||
	    !name_is_free(name, v);
	cur = conf_alloc(sizeof(*cur));
	cur->p = pool_new(&v->at);
	cur->at = v->at;
	cur->layer = build_layer_now();
	cur->bad = bad;
	STAILQ_INSERT_TAIL(&infos, cur, entry);
	if (bad)
		return;
	memcpy(cur->p->w.name, name, sizeof(name));
	snprintf(id, sizeof(id), "pool %s", name);
	cur->p->w.hash = watch_hash(id);
}

void
pool_close(void)
{
	cur = NULL;
}

/* A name of its own for each backend, however long that is written. */
static void
direct_name(char name[MUX_NAME_LEN], const struct wire_member *w)
{
	char	text[MUX_HOST_LEN + 16], *p = text;
	size_t	n;

	member_print(w, text, sizeof(text));
	if (w->kind == MEMBER_UNIX) {
		text[strlen(text) - 1] = '\0';
		p++;
	}
	if ((n = strlen(p)) < MUX_NAME_LEN)
		memcpy(name, p, n);
	else
		snprintf(name, MUX_NAME_LEN, "%.46s~%016llx", p,
		    (unsigned long long)watch_hash(p));
}

/* Whoever has but one backend tries it: it is neither checked nor marked. */
struct conf_pool *
pool_direct(const struct wire_member *w)
{
	static const struct place	 nowhere;
	struct conf_pool		*p;
	char				 name[MUX_NAME_LEN] = "";

	direct_name(name, w);
	TAILQ_FOREACH(p, &build_conf()->mux.pools, entry)
		if (p->direct && strcmp(p->w.name, name) == 0)
			return p;
	p = pool_new(&nowhere);
	memcpy(p->w.name, name, sizeof(name));
	p->direct = 1;
	p->w.hash = watch_hash(name);
	p->w.check = CHECK_NONE;
	p->w.passive = 0;
	member_add(p, w, &nowhere);
	return p;
}

/* As a relay's pool is called; one of an earlier layer is taken out. */
static void
relay_name(char name[MUX_NAME_LEN], const char *relay)
{
	struct conf_pool	*p;

	memset(name, 0, MUX_NAME_LEN);
	if (strlen(relay) + 7 <= MUX_NAME_LEN)
		snprintf(name, MUX_NAME_LEN, "relay %s", relay);
	else
		snprintf(name, MUX_NAME_LEN, "relay %.40s~%016llx", relay,
		    (unsigned long long)watch_hash(relay));
	TAILQ_FOREACH(p, &build_conf()->mux.pools, entry)
		if (p->direct && strcmp(p->w.name, name) == 0) {
			TAILQ_REMOVE(&build_conf()->mux.pools, p, entry);
			conf_pool_free(p);
			npools--;
			return;
		}
}

struct conf_pool *
pool_relay_open(const struct place *at, const char *relay, int asked)
{
	static const struct wire_member	 w = { .kind = MEMBER_ASKED,
	    .weight = 1, .name = "destination" };
	char				 name[MUX_NAME_LEN];

	relay_name(name, relay);
	memset(&relay_info, 0, sizeof(relay_info));
	cur = &relay_info;
	cur->p = pool_new(at);
	cur->p->direct = 1;
	cur->at = *at;
	memcpy(cur->p->w.name, name, sizeof(name));
	cur->p->w.hash = watch_hash(name);
	if (asked) {
		cur->p->w.check = CHECK_NONE;
		cur->p->w.passive = 0;
		member_add(cur->p, &w, at);
	}
	return cur->p;
}

/* A server that is alone is tried, whatever became of the last time. */
void
pool_relay_close(void)
{
	struct conf_member	*first = TAILQ_FIRST(&cur->p->members);

	if (first != NULL && TAILQ_NEXT(first, entry) == NULL) {
		if (cur->once[SET_CHECK].at.file == NULL)
			cur->p->w.check = CHECK_NONE;
		if (cur->once[SET_PASSIVE].at.file == NULL)
			cur->p->w.passive = 0;
	}
	cur = NULL;
}

static int
is_bound(const struct wire_member *w, const struct conf_listener *l)
{
	static const uint8_t	 any[16];
	struct conf_bind	*b;

	TAILQ_FOREACH(b, &l->binds, entry) {
		if (b->w.port != w->port ||
		    b->w.addr.family != w->addr.family)
			continue;
		if (prefix_cmp(&b->w.addr, &w->addr) == 0 ||
		    (memcmp(b->w.addr.addr, any, sizeof(any)) == 0 &&
		    *b->w.interface == '\0' && addr_is_loopback(&w->addr)))
			return 1;
	}
	return 0;
}

int
pool_is_listener(const struct conf_pool *p, const struct conf_listener *l)
{
	struct conf_member	*o;

	TAILQ_FOREACH(o, &p->members, entry)
		if (o->w.kind == MEMBER_ADDRESS && is_bound(&o->w, l))
			return 1;
	return 0;
}

/* Statements. */

static int
once(enum setting s, const struct val *v, const char *what)
{
	return build_once(&cur->once[s], &v->at, what);
}

void
pool_balance(const struct val *v)
{
	if (once(SET_BALANCE, v, "balance"))
		cur->p->w.balance = v->n;
}

void
pool_check(const struct val *v, enum check_kind kind)
{
	if (once(SET_CHECK, v, "check"))
		cur->p->w.check = kind;
}

void
pool_check_probe(const struct val *v)
{
	if (v->n == RP_TLS)
		pool_check(v, CHECK_TLS);
	else if (v->n == RP_HTTP)
		pool_check(v, CHECK_HTTP);
	else if (v->n == RP_DNS)
		pool_check(v, CHECK_DNS);
	else if (v->n == RP_QUIC)
		pool_check(v, CHECK_QUIC);
	else
		report_error(&v->at, "found %s, expected none, tcp, send, "
		    "tls, http, dns or quic", v->s);
}

static int
check_bytes(uint8_t dst[256], uint16_t *len, const struct val *v, size_t least)
{
	if (v->bad)
		return -1;
	if (v->len < least || v->len > 256) {
		report_error(&v->at, "found %zu bytes, expected %zu to 256",
		    v->len, least);
		return -1;
	}
	memset(dst, 0, 256);
	memcpy(dst, v->s, v->len);
	*len = v->len;
	return 0;
}

void
pool_check_path(const struct val *v)
{
	struct wire_pool	*w = &cur->p->w;

	if (w->check != CHECK_HTTP)
		report_error(&v->at, "found a path, expected it with \"check "
		    "http\" only");
	else if (build_path(v, sizeof(w->send)) == -1)
		return;
	else if (strchr(v->s, ' ') != NULL)
		report_error(&v->at, "found a blank, expected a path without "
		    "one");
	else
		check_bytes(w->send, &w->send_len, v, 1);
}

void
pool_check_send(const struct val *v, const struct val *bytes,
    const struct val *expect)
{
	struct wire_pool	*w = &cur->p->w;

	pool_check(v, CHECK_SEND);
	check_bytes(w->send, &w->send_len, bytes, 0);
	check_bytes(w->expect, &w->expect_len, expect, 1);
}

/* Without a path it is the first of a server. */
void
pool_check_root(void)
{
	struct wire_pool	*w = &cur->p->w;

	if (w->check != CHECK_HTTP || w->send_len != 0)
		return;
	w->send[0] = '/';
	w->send_len = 1;
}

void
pool_check_status(const struct val *v)
{
	struct wire_pool	*w = &cur->p->w;

	if (!build_range(v, 100, 599, "a status"))
		return;
	if (w->check != CHECK_HTTP)
		report_error(&v->at, "found a status, expected it with "
		    "\"check http\" only");
	else
		w->expect_len = snprintf((char *)w->expect,
		    sizeof(w->expect), "%d", (int)v->n);
}

void
pool_interval(const struct val *v)
{
	if (once(SET_INTERVAL, v, "every") && build_span(v, 100, DAY))
		cur->p->w.interval = v->n;
}

void
pool_timeout(const struct val *v)
{
	if (once(SET_TIMEOUT, v, "timeout") && build_span(v, 10, HOUR))
		cur->p->w.timeout = v->n;
}

void
pool_rise(const struct val *v)
{
	if (once(SET_RISE, v, "rise") &&
	    build_range(v, 1, 1000, "a number of checks"))
		cur->p->w.rise = v->n;
}

void
pool_fall(const struct val *v)
{
	if (once(SET_FALL, v, "fall") &&
	    build_range(v, 1, 1000, "a number of checks"))
		cur->p->w.fall = v->n;
}

void
pool_passive(const struct val *v)
{
	if (once(SET_PASSIVE, v, "passive") && (strcmp(v->s, "none") == 0 ||
	    build_range(v, 1, 1000, "a number of connects")))
		cur->p->w.passive = v->n;
}

void
pool_when_down(const struct val *v)
{
	if (once(SET_DOWN, v, "when down"))
		cur->p->w.when_down = v->n;
}

static void
source_add(struct wire_pool *w, const struct val *v)
{
	static const uint8_t	 any[16];
	struct prefix		 p;

	if (prefix_parse(&p, v->s) == -1 || strchr(v->s, '/') != NULL ||
	    is_link_local(&p) || memcmp(p.addr, any, sizeof(any)) == 0)
		report_error(&v->at, "found %s, expected an address of this "
		    "host", v->s);
	else if (w->nsources == MUX_SOURCES_MAX)
		report_error(&v->at, "found more than %d sources, expected "
		    "fewer", MUX_SOURCES_MAX);
	else
		w->sources[w->nsources++] = p;
}

void
pool_sources(const struct val *at)
{
	const struct val	*v;
	size_t			 i, n;

	v = build_items(&n, &at->at);
	if (once(SET_SOURCES, at, "sources"))
		for (i = 0; i < n; i++)
			source_add(&cur->p->w, &v[i]);
	build_clear();
}

/* Every member by address needs one of its family. */
static void
check_sources(const struct info *i)
{
	const struct wire_pool	*w = &i->p->w;
	struct conf_member	*o;
	char			 text[MUX_HOST_LEN + 16];
	unsigned int		 k;

	TAILQ_FOREACH(o, &i->p->members, entry) {
		for (k = 0; k < w->nsources; k++)
			if (o->w.kind != MEMBER_ADDRESS ||
			    w->sources[k].family == o->w.addr.family)
				break;
		if (k == w->nsources && k > 0)
			report_error(&i->once[SET_SOURCES].at, "found "
			    "sources without one for member %s, expected an "
			    "address of its family", member_print(&o->w,
			    text, sizeof(text)));
	}
}

/* Taps. */

static int
tap_is_new(const char *name, const struct val *v)
{
	struct tap_info	*i;

	STAILQ_FOREACH(i, &taps, entry)
		if (strcmp(i->t->w.name, name) == 0)
			break;
	if (i == NULL)
		return 1;
	if (i->layer == build_layer_now()) {
		report_error(&v->at, "found a second tap \"%s\", expected one: "
		    "the first is at %s:%d", name, i->at.file, i->at.line);
		return 0;
	}
	TAILQ_REMOVE(&build_conf()->mux.taps, i->t, entry);
	free(i->t->args);
	free(i->t);
	STAILQ_REMOVE(&taps, i, tap_info, entry);
	free(i);
	ntaps--;
	return 1;
}

/* NULL: reported. */
static struct conf_tap *
tap_new(const struct val *v)
{
	struct conf_tap	*t;
	struct tap_info	*i;
	char		 name[MUX_NAME_LEN];

	if (build_text(name, sizeof(name), v, "a tap's name") == -1 ||
	    !tap_is_new(name, v))
		return NULL;
	if (++ntaps == TAPS_MAX + 1)
		report_error(&v->at, "found more than %d taps, expected fewer",
		    TAPS_MAX);
	t = conf_alloc(sizeof(*t));
	t->w.id = conf_new_id();
	memcpy(t->w.name, name, sizeof(name));
	TAILQ_INSERT_TAIL(&build_conf()->mux.taps, t, entry);
	i = conf_alloc(sizeof(*i));
	i->t = t;
	i->at = v->at;
	i->layer = build_layer_now();
	STAILQ_INSERT_TAIL(&taps, i, entry);
	return t;
}

void
tap_unix(const struct val *name, const struct val *path)
{
	struct sockaddr_un	 un;
	struct conf_tap		*t = tap_new(name);

	if (t != NULL && build_path(path, sizeof(un.sun_path)) == 0)
		strlcpy(t->w.path, path->s, sizeof(t->w.path));
}

void
tap_run(const struct val *name)
{
	struct conf_tap		*t = tap_new(name);
	struct conf_command	 c;

	if (command_take(&c, name) == -1)
		return;
	if (t == NULL) {
		free(c.args);
		return;
	}
	t->w.run = 1;
	t->args = c.args;
	t->args_len = c.args_len;
	t->argc = c.argc;
	memcpy(t->user, c.user, sizeof(t->user));
	memcpy(t->group, c.group, sizeof(t->group));
	strlcpy(t->w.path, c.args, sizeof(t->w.path));
}

/* At the end. */

void
pools_finish(void)
{
	struct info	*i;

	STAILQ_FOREACH(i, &infos, entry) {
		if (!i->bad && TAILQ_EMPTY(&i->p->members))
			report_error(&i->at, "found pool \"%s\" without a "
			    "member, expected one or more in it",
			    i->p->w.name);
		check_sources(i);
	}
}

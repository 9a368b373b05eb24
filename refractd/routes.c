/*
 * What the routes of a listener mean: which connections they take, and where
 * these go.  Pools and taps may be named before they are defined, so they are
 * found at the end.
 */
#include <sys/queue.h>

#include <ctype.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../refract-mux/probe/refract-probe.h"
#include "listen.h"
#include "log.h"
#include "overlap.h"
#include "pools.h"
#include "regex.h"
#include "routes.h"

#define AFTER_DEFAULT	200		/* ms */
#define AFTER_MIN	1
#define AFTER_MAX_SPAN	60000
#define IDLE_MAX	(30 * 24 * 3600 * 1000LL)
#define OFFSET_MAX	65535
#define NAME_MAX_SENT	253		/* a host name, RFC 1035 */

/* What they are called, and in what they are spoken. */
#define ROW(number, name, ...) [number] = name,
static const char *const	names[RP_BUILTIN_MAX] = {
#include "../refract-mux/probe/rows.h"
};
#undef ROW
#define TCP	RP_OVER_TCP
#define UDP	RP_OVER_UDP
#define BOTH	(RP_OVER_TCP | RP_OVER_UDP)
#define ROW(number, name, over, ...) [number] = over,
static const uint8_t		spoken[RP_BUILTIN_MAX] = {
#include "../refract-mux/probe/rows.h"
};
#undef ROW

/* A route, where it is, and what it names. */
struct info {
	STAILQ_ENTRY(info)	 entry;
	struct conf_listener	*l;
	struct conf_route	*r;
	struct place		 at;
	/* Which pool: its name, or the backend itself (pool ""). */
	struct val		 pool, tap;	/* s NULL: not said */
	struct wire_member	 m;
	/* What was said, for what may be said once. */
	struct val		 probe, action, proxy, transparent, idle, after;
	unsigned int		 kinds;		/* a bit each condition */
	int			 bad;
};

static STAILQ_HEAD(, info)	infos = STAILQ_HEAD_INITIALIZER(infos);
static struct info		*cur;		/* it is being read */
static size_t			 nroutes;

int
route_probe_number(const char *name)
{
	int	i;

	for (i = 1; i < RP_BUILTIN_MAX; i++)
		if (names[i] != NULL && strcmp(names[i], name) == 0)
			return i;
	return 0;
}

const char *
route_probe_name(int number)
{
	static char	 name[64];
	char		*suffix;

	if (number <= 0 || number >= RP_BUILTIN_MAX || names[number] == NULL)
		return NULL;
	strlcpy(name, names[number], sizeof(name));
	if ((suffix = strstr(name, "-udp")) != NULL)
		*suffix = '\0';
	return name;
}

const char *
route_probe_nearest(const char *s)
{
	return report_nearest(s, names + 1, RP_BUILTIN_MAX - 1);
}

static void
info_free(struct info *i)
{
	free(i);
}

void
route_forget(void)
{
	if (cur == NULL)
		return;
	conf_route_free(cur->r);
	info_free(cur);
	cur = NULL;
}

void
routes_start(void)
{
	struct info	*i;

	/* A route that is in a listener is freed with it. */
	while ((i = STAILQ_FIRST(&infos)) != NULL) {
		STAILQ_REMOVE_HEAD(&infos, entry);
		info_free(i);
	}
	cur = NULL;
	nroutes = 0;
	pools_start();
}

void
routes_drop(const struct conf_listener *l)
{
	struct info	*i, *next;

	STAILQ_FOREACH_SAFE(i, &infos, entry, next) {
		if (i->l != l)
			continue;
		STAILQ_REMOVE(&infos, i, info, entry);
		info_free(i);
		nroutes--;
	}
}

/* The route that is being read, which begins here if there is none. */
static struct info *
now(const struct val *v)
{
	if (cur != NULL)
		return cur;
	if ((cur = calloc(1, sizeof(*cur))) == NULL)
		fatal("configuration");
	cur->l = listen_now();
	cur->r = conf_route_new();
	cur->at = v->at;
	cur->r->w.listener = cur->l->w.id;
	snprintf(cur->r->w.where, sizeof(cur->r->w.where), "%s:%d",
	    v->at.file, v->at.line);
	return cur;
}

/* 1 if it was not said in this route before. */
static int
once(struct val *dst, const struct val *v, const char *what)
{
	if (dst->s == NULL) {
		*dst = *v;
		if (dst->s == NULL)
			dst->s = what;
		return 1;
	}
	report_error(&v->at, "found a second \"%s\", expected one", what);
	return 0;
}

/* What is called the same is another function in datagrams: "dns-udp". */
static int
probe_in(int number, unsigned int transport)
{
	char	name[64];
	int	other;

	if (transport == RP_OVER_UDP) {
		snprintf(name, sizeof(name), "%s-udp", names[number]);
		if ((other = route_probe_number(name)) != 0)
			return other;
	}
	return (spoken[number] & transport) != 0 &&
	    strstr(names[number], "-udp") == NULL ? number : 0;
}

static void
set_probe(struct info *i, const struct val *v)
{
	int	udp = i->l->w.proto == IPPROTO_UDP;

	i->r->w.probe = probe_in(v->n, udp ? RP_OVER_UDP : RP_OVER_TCP);
	if (i->r->w.probe == 0)
		report_error(&v->at, "found %s, expected a protocol that is "
		    "spoken in %s", v->s, udp ? "datagrams" : "tcp");
}

void
route_probe(const struct val *v)
{
	struct info	*i = now(v);

	i->probe = *v;
	if (v->n < RP_BUILTIN_MAX)
		set_probe(i, v);
	else
		i->r->w.probe = v->n;
}

/* Conditions. */

static const char *const	kinds[] = {
	[COND_SNI] = "sni", [COND_SNI_REGEX] = "sni regex",
	[COND_ALPN] = "alpn", [COND_HOST] = "host", [COND_PATH] = "path",
	[COND_FROM] = "from", [COND_BYTES] = "bytes",
	[COND_CONTAINS] = "contains", [COND_REGEX] = "regex"
};

const char *
route_cond_name(enum cond_kind kind)
{
	return kinds[kind];
}

/* One of each kind: its list says "or", the next kind says "and". */
static int
kind_once(const struct val *v, enum cond_kind kind)
{
	struct info	*i = now(v);

	if ((i->kinds & 1u << kind) != 0) {
		report_error(&v->at, "found a second \"%s\", expected one%s",
		    kinds[kind], kind == COND_REGEX || kind == COND_SNI_REGEX ?
		    "" : ", with a list in braces");
		return 0;
	}
	i->kinds |= 1u << kind;
	return 1;
}

static struct conf_cond *
cond_new(enum cond_kind kind, const void *data, size_t len)
{
	struct conf_cond	*c;

	if ((c = calloc(1, sizeof(*c))) == NULL ||
	    (c->data = calloc(1, 2 * len + 1)) == NULL)
		fatal("configuration");
	memcpy(c->data, data, len);
	c->w.route = cur->r->w.id;
	c->w.kind = kind;
	c->w.len = len;
	TAILQ_INSERT_TAIL(&cur->r->conds, c, entry);
	return c;
}

/* Letters become small, the last dot is cut; "*." only in front. */
static int
host_name(char *name, const struct val *v)
{
	const char	*p;
	size_t		 n = strlen(name);

	for (p = name; *p != '\0'; p++)
		name[p - name] = tolower((unsigned char)*p);
	if (n > 1 && name[n - 1] == '.')
		name[--n] = '\0';
	p = strncmp(name, "*.", 2) == 0 ? name + 2 : name;
	if (*p != '\0' && *p != '.' && n <= NAME_MAX_SENT &&
	    strspn(p, "abcdefghijklmnopqrstuvwxyz0123456789.-_") ==
	    strlen(p) && strstr(p, "..") == NULL)
		return 0;
	report_error(&v->at, "found \"%s\", expected a host name or "
	    "\"*.domain\"", name);
	return -1;
}

static void
add_name(const struct val *v, enum cond_kind kind)
{
	char	buf[MUX_HOST_LEN];

	if (build_text(buf, sizeof(buf), v, "a host name") == 0 &&
	    host_name(buf, v) == 0)
		cond_new(kind, buf, strlen(buf));
}

static void
add_bytes(const struct val *v, enum cond_kind kind)
{
	if (v->bad)
		return;
	if (v->len == 0 || (kind == COND_ALPN && v->len > 255))
		report_error(&v->at, "found %zu bytes, expected 1 to %d",
		    v->len, kind == COND_ALPN ? 255 : MUX_COND_MAX_LEN);
	else
		cond_new(kind, v->s, v->len);
}

static void
add_path(const struct val *v)
{
	if (!v->bad && (v->len == 0 || *v->s != '/'))
		report_error(&v->at, "found \"%s\", expected a path that "
		    "begins with /", log_vis(v->s, v->len));
	else
		add_bytes(v, COND_PATH);
}

void
route_texts(const struct val *v, enum cond_kind kind)
{
	const struct val	*item;
	size_t			 i, n;

	item = build_items(&n, &v->at);
	if (!kind_once(v, kind))
		n = 0;
	for (i = 0; i < n; i++)
		switch (kind) {
		case COND_SNI:
		case COND_HOST:
			add_name(&item[i], kind);
			break;
		case COND_PATH:
			add_path(&item[i]);
			break;
		default:
			add_bytes(&item[i], kind);
		}
	build_clear();
}

void
route_regex(const struct val *v, enum cond_kind kind, const struct val *regex)
{
	struct regex	*r;

	if (!kind_once(v, kind) || regex->bad)
		return;
	if (regex->len == 0 || regex->len > MUX_COND_MAX_LEN - 1) {
		report_error(&regex->at, "found %zu characters, expected a "
		    "regex of 1 to %d", regex->len, MUX_COND_MAX_LEN - 1);
		return;
	}
	r = regex_of(regex->s);
	if (regex_check(r, 0, NULL, &regex->at) != -1)
		cond_new(kind, regex->s, regex->len);
	regex_free(r);
}

static int
mask_valid(const struct val *v, const struct val *mask)
{
	if (mask->s == NULL || mask->len == v->len)
		return 1;
	report_error(&mask->at, "found a mask of %zu bytes, expected %zu as "
	    "the bytes have", mask->len, v->len);
	return 0;
}

static void
add_masked(const struct val *v, const struct val *at, const struct val *mask)
{
	struct conf_cond	*c;
	size_t			 i;

	if (v->bad || v->len == 0 || !mask_valid(v, mask)) {
		if (!v->bad && v->len == 0)
			report_error(&v->at, "found an empty string, expected "
			    "bytes");
		return;
	}
	c = cond_new(COND_BYTES, v->s, v->len);
	c->w.offset = at->s == NULL ? 0 : at->n;
	if (mask->s == NULL)
		return;
	c->w.masked = 1;
	memcpy(c->data + v->len, mask->s, v->len);
	/* What is not asked is nothing: it prints and compares as such. */
	for (i = 0; i < v->len; i++)
		c->data[i] &= c->data[v->len + i];
}

void
route_bytes(const struct val *v, const struct val *at, const struct val *mask)
{
	const struct val	*item;
	size_t			 i, n;

	item = build_items(&n, &v->at);
	if (kind_once(v, COND_BYTES) && (at->s == NULL ||
	    build_range(at, 0, OFFSET_MAX, "an offset")))
		for (i = 0; i < n; i++)
			add_masked(&item[i], at, mask);
	build_clear();
}

void
route_from(const struct val *v, uint32_t table)
{
	struct conf_cond	*c;

	if (!kind_once(v, COND_FROM) || table == 0)
		return;
	c = cond_new(COND_FROM, "", 0);
	c->w.table = table;
}

/* What is done, and options. */

void
route_action(const struct val *v)
{
	now(v)->action = *v;
	cur->r->w.action = v->n;
}

void
route_to_pool(const struct val *v)
{
	now(v)->pool = *v;
}

void
route_to_member(const struct val *v)
{
	if (member_take(&now(v)->m) == -1)
		cur->bad = 1;
}

void
route_proxy(const struct val *v)
{
	if (once(&cur->proxy, v, "with proxy"))
		cur->r->w.proxy = v->n;
}

void
route_transparent(const struct val *v)
{
	if (once(&cur->transparent, v, "transparent"))
		cur->r->w.transparent = 1;
}

void
route_tap(const struct val *v)
{
	once(&cur->tap, v, "tap");
}

void
route_idle(const struct val *v)
{
	if (once(&cur->idle, v, "idle") && build_span(v, 1000, IDLE_MAX))
		cur->r->w.idle = v->n;
}

void
route_after(const struct val *v)
{
	if (once(&cur->after, v, "after") &&
	    build_span(v, AFTER_MIN, AFTER_MAX_SPAN))
		cur->r->w.after = v->n;
}

/* What a condition looks at must be there. */

static int
tls_only(unsigned int set)
{
	return (set & (1u << COND_SNI | 1u << COND_SNI_REGEX |
	    1u << COND_ALPN)) != 0;
}

static int
http_only(unsigned int set)
{
	return (set & (1u << COND_HOST | 1u << COND_PATH)) != 0;
}

static void
check_conditions(struct info *i)
{
	struct wire_route	*w = &i->r->w;

	if (w->probe >= ROUTE_TIMEOUT && i->kinds != 0)
		report_error(&i->at, "found %s with a condition, expected "
		    "none", i->probe.s);
	else if (tls_only(i->kinds) && w->probe != RP_TLS &&
	    w->probe != RP_QUIC && w->probe != RP_DTLS)
		report_error(&i->at, "found a condition of tls, expected "
		    "\"tls\"%s before it", i->l->w.proto == IPPROTO_UDP ?
		    ", \"quic\" or \"dtls\"" : "");
	else if (http_only(i->kinds) && w->probe != RP_HTTP)
		report_error(&i->at, "found a condition of http, expected "
		    "\"http\" before it");
}

const char *
route_probe_text(int probe)
{
	switch (probe) {
	case ROUTE_PROBE_NONE:
		return "";
	case ROUTE_TIMEOUT:
		return "timeout";
	case ROUTE_OTHERWISE:
		return "otherwise";
	case ROUTE_SPEAKS_FIRST:
		return "speaks first";
	}
	return route_probe_name(probe);
}

/* There is no connection to reset, and nothing to wait for. */
static void
check_datagrams(struct info *i)
{
	struct wire_route	*w = &i->r->w;

	if (i->l->w.proto != IPPROTO_UDP)
		return;
	if (w->probe == ROUTE_TIMEOUT || w->probe == ROUTE_SPEAKS_FIRST)
		report_error(&i->at, "found %s, expected it in a listener of "
		    "tcp", route_probe_text(w->probe));
	if (w->action == ROUTE_RESET || w->action == ROUTE_TARPIT)
		report_error(&i->action.at, "found %s, expected \"to\" or "
		    "drop for datagrams", i->action.s);
	if (w->proxy == 1)
		report_error(&i->proxy.at, "found with proxy v1, expected v2: "
		    "version 1 knows no datagrams");
	if (w->transparent)
		report_error(&i->transparent.at, "found transparent, expected "
		    "it in a listener of tcp");
}

static void
check_action(struct info *i)
{
	struct wire_route	*w = &i->r->w;

	if (w->probe == ROUTE_SPEAKS_FIRST && w->after == 0)
		w->after = AFTER_DEFAULT;
	else if (w->probe != ROUTE_SPEAKS_FIRST && w->after != 0)
		report_error(&i->after.at, "found \"after\", expected it with "
		    "\"speaks first\" only");
	if (w->action == ROUTE_TO)
		return;
	if (w->probe == ROUTE_SPEAKS_FIRST)
		report_error(&i->at, "found %s, expected \"to\" with \"speaks "
		    "first\"", i->action.s);
	if (w->proxy || w->transparent || w->idle != 0 || i->tap.s != NULL)
		report_error(&i->at, "found an option with %s, expected it "
		    "with \"to\" only", i->action.s);
}

/*
 * "tls example.com,*.example.org h2", "ftp drop": for people, with bytes as
 * the configuration has them; what is too long is cut.
 */

static void
label_add(char *text, const char *word)
{
	strlcat(text, word, MUX_NAME_LEN);
}

static void
label_bytes(char *text, const uint8_t *p, size_t n)
{
	char	one[5];

	for (; n > 0; n--, p++) {
		snprintf(one, sizeof(one), *p >= ' ' && *p < 0x7f ? "%c" :
		    "\\x%02x", *p);
		label_add(text, one);
	}
}

static void
label_cond(char *text, const struct conf_cond *c, int first)
{
	struct conf_table	*t;

	if (!first)
		label_add(text, ",");
	else if (*text != '\0')
		label_add(text, " ");
	if (first && c->w.kind > COND_PATH) {
		label_add(text, kinds[c->w.kind]);
		label_add(text, c->w.kind == COND_FROM ? "" : " ");
	}
	if (c->w.kind != COND_FROM)
		label_bytes(text, c->data, c->w.len);
	else if ((t = conf_table_byid(build_conf(), c->w.table)) != NULL &&
	    *t->w.name != '\0') {
		label_add(text, " ");
		label_add(text, t->w.name);
	}
}

static void
label(struct info *i)
{
	char			*text = i->r->w.label;
	struct conf_cond	*c;
	uint32_t		 kind = UINT32_MAX;

	strlcpy(text, route_probe_text(i->r->w.probe), MUX_NAME_LEN);
	TAILQ_FOREACH(c, &i->r->conds, entry) {
		label_cond(text, c, c->w.kind != kind);
		kind = c->w.kind;
	}
	if (i->r->w.action == ROUTE_TO)
		return;
	label_add(text, *text == '\0' ? "" : " ");
	label_add(text, i->action.s);
}

void
route_end(const struct place *at)
{
	struct info	*i = cur;

	cur = NULL;
	check_conditions(i);
	check_action(i);
	check_datagrams(i);
	label(i);
	STAILQ_INSERT_TAIL(&infos, i, entry);
	TAILQ_INSERT_TAIL(&i->l->routes, i->r, entry);
	if (++nroutes == MUX_ROUTES_MAX + 1)
		report_error(at, "found more than %d routes, expected fewer",
		    MUX_ROUTES_MAX);
}

/* At the end. */

static void
find_pool(struct info *i)
{
	struct conf_pool	*p;

	if (i->pool.s == NULL)
		p = pool_direct(&i->m);
	else if ((p = pool_named(i->pool.s)) == NULL) {
		pool_undefined(&i->pool);
		return;
	}
	i->r->w.pool = p->w.id;
	p->over |= i->l->w.proto == IPPROTO_UDP ? RP_OVER_UDP : RP_OVER_TCP;
	if (i->r->w.transparent && pool_has_unix(p))
		report_error(&i->transparent.at, "found transparent, expected "
		    "backends with an address: %s is none",
		    pool_has_unix(p));
	if (i->l->w.proto == IPPROTO_UDP && pool_has_unix(p))
		report_error(&i->at, "found datagrams for %s, expected "
		    "backends with an address", pool_has_unix(p));
	if (pool_is_listener(p, i->l))
		report_warning(&i->at, "listen %s: what it sends to %s%s%s "
		    "comes back to itself", i->l->w.name, i->pool.s == NULL ?
		    "" : "pool \"", p->w.name, i->pool.s == NULL ? "" : "\"");
}

static void
find_names(struct info *i)
{
	struct conf_mux	*m = &build_conf()->mux;
	struct conf_tap	*t;

	if (i->r->w.action == ROUTE_TO && !i->bad)
		find_pool(i);
	if (i->tap.s == NULL)
		return;
	if ((t = conf_tap_byname(m, i->tap.s)) == NULL)
		report_error(&i->tap.at, "found tap \"%s\", expected one that "
		    "is defined", log_vis(i->tap.s, i->tap.len));
	else
		i->r->w.tap = t->w.id;
}

/* What it looks for must lie in what is looked at. */
static void
check_reach(const struct info *i)
{
	struct conf_cond	*c;
	uint32_t		 need;

	TAILQ_FOREACH(c, &i->r->conds, entry) {
		if (c->w.kind != COND_BYTES && c->w.kind != COND_CONTAINS)
			continue;
		need = c->w.offset + c->w.len;
		if (need > i->l->w.peek_bytes)
			report_warning(&i->at, "listen %s: %s needs %u bytes, "
			    "and peek looks at %u", i->l->w.name,
			    kinds[c->w.kind], need, i->l->w.peek_bytes);
	}
}

void
routes_finish(void)
{
	struct info	*i;

	route_forget();
	pools_finish();
	STAILQ_FOREACH(i, &infos, entry) {
		find_names(i);
		check_reach(i);
		if (report_count() == 0)
			overlap_check(i->l, i->r, &i->at);
	}
	pools_transports();
}

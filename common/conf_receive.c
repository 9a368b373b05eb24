/*
 * A configuration from the parent's messages, in a child.  What a sane parent
 * never sends is fatal.
 */
#include <sys/socket.h>
#include <sys/types.h>

#include <netinet/in.h>

#include <stdlib.h>
#include <string.h>

#include "conf.h"
#include "log.h"
#include "msg.h"

#ifndef nitems
#define nitems(a)	(sizeof(a) / sizeof((a)[0]))
#endif

static void *
xcalloc(size_t size)
{
	void	*p;

	if ((p = calloc(1, size)) == NULL)
		fatal("configuration");
	return p;
}

static struct {
	struct conf		*conf;
	struct conf_table	*table;		/* the last one */
	struct conf_watch	*watch;		/* the last one */
	size_t			 left;		/* prefixes yet to come */
	int			 global;	/* M_CONF_GLOBAL was here */
} rx;

static void __attribute__((__noreturn__))
insane(const char *what)
{
	fatalx("configuration: the parent sent a wrong %s", what);
}

static void
need(int good, const char *what)
{
	if (!good)
		insane(what);
}

static int
all_zero(const void *p, size_t n)
{
	const unsigned char	*b = p;

	while (n-- > 0)
		if (*b++ != 0)
			return 0;
	return 1;
}

static void
rx_begin(const void *data)
{
	uint32_t	generation;

	memcpy(&generation, data, sizeof(generation));
	need(generation != 0, "generation");
	conf_free(rx.conf);
	memset(&rx, 0, sizeof(rx));
	rx.conf = conf_new();
	rx.conf->generation = generation;
}

static void
rx_global(const void *data)
{
	struct wire_global	*g = &rx.conf->global;

	need(!rx.global, "second global part");
	rx.global = 1;
	memcpy(g, data, sizeof(*g));
	need(msg_has_nul(g->instance, sizeof(g->instance)) &&
	    g->max >= 1 && g->max <= BAN_ENTRIES_MAX &&
	    g->action <= ACTION_REJECT && g->hook <= HOOK_FORWARD &&
	    g->plen4 >= 1 && g->plen4 <= 32 &&
	    g->plen6 >= 1 && g->plen6 <= 128 &&
	    g->protect_sessions <= 1 && g->audit_json <= 1 &&
	    g->ledger_keep <= LEDGER_KEEP_MAX &&
	    g->ledger_max <= LEDGER_MAX_MOST &&
	    all_zero(g->zero, sizeof(g->zero)), "global part");
}

static void
rx_table(const void *data)
{
	struct conf_table	*t = xcalloc(sizeof(*t));

	need(rx.left == 0 && rx.watch == NULL, "place of a table");
	prefixset_init(&t->prefixes);
	memcpy(&t->w, data, sizeof(t->w));
	need(t->w.id != 0 && conf_table_byid(rx.conf, t->w.id) == NULL &&
	    t->w.count <= CONF_PREFIXES_MAX &&
	    msg_has_nul(t->w.name, sizeof(t->w.name)) &&
	    conf_table_byname(rx.conf, t->w.name) == NULL, "table");
	TAILQ_INSERT_TAIL(&rx.conf->tables, t, entry);
	rx.table = t;
	rx.left = t->w.count;
}

static void
rx_prefixes(const void *data, size_t len)
{
	struct wire_prefixes	 head;
	struct prefix		 p;
	const unsigned char	*b = data;
	size_t			 n;

	memcpy(&head, b, sizeof(head));
	b += sizeof(head);
	len -= sizeof(head);
	n = len / sizeof(p);
	need(rx.table != NULL && head.table == rx.table->w.id && n > 0 &&
	    len % sizeof(p) == 0 && n <= rx.left, "number of prefixes");
	for (rx.left -= n; n > 0; n--, b += sizeof(p)) {
		memcpy(&p, b, sizeof(p));
		need(prefix_valid(&p), "prefix");
		if (prefixset_add(&rx.table->prefixes, &p) == -1)
			fatal("configuration");
	}
}

static int
ports_valid(const struct wire_watch *w)
{
	const struct wire_port	*p;
	size_t			 i;

	if (w->nports > BAN_PORTS_MAX)
		return 0;
	for (i = 0; i < BAN_PORTS_MAX; i++) {
		p = &w->ports[i];
		if (i >= w->nports) {
			if (!all_zero(p, sizeof(*p)))
				return 0;
		} else if (p->port == 0 || p->zero != 0 ||
		    (p->proto != IPPROTO_TCP && p->proto != IPPROTO_UDP))
			return 0;
	}
	return 1;
}

static int
keys_valid(const struct wire_watch *w)
{
	size_t	i;

	if (w->nkeys > WATCH_KEYS_MAX)
		return 0;
	for (i = 0; i < WATCH_KEYS_MAX; i++)
		if (i >= w->nkeys) {
			if (!all_zero(w->keys[i], sizeof(w->keys[i])))
				return 0;
		} else if (*w->keys[i] == '\0' ||
		    !msg_has_nul(w->keys[i], sizeof(w->keys[i])))
			return 0;
	return 1;
}

/* What came with FORMAT_TEXT. */
static int
counting_valid(const struct wire_watch *w)
{
	return w->growth_max >= 0 &&
	    w->growth_by >= 1000 && w->growth_by <= GROWTH_MAX &&
	    w->after >= 1 && w->after <= AFTER_MAX &&
	    w->growth_together <= 1 && w->duplicate <= DUPLICATE_RERUN &&
	    w->bans <= 1 && w->ban_prefix <= 1 && w->json <= 1 &&
	    all_zero(w->zero2, sizeof(w->zero2)) &&
	    all_zero(w->zero3, sizeof(w->zero3)) && keys_valid(w) &&
	    msg_has_nul(w->json_field, sizeof(w->json_field)) &&
	    msg_has_nul(w->json_time, sizeof(w->json_time)) &&
	    msg_has_nul(w->json_addr, sizeof(w->json_addr)) &&
	    msg_has_nul(w->time_format, sizeof(w->time_format));
}

static int
watch_valid(const struct wire_watch *w)
{
	return w->id != 0 && msg_has_nul(w->name, sizeof(w->name)) &&
	    *w->name != '\0' && w->hash == watch_hash(w->name) &&
	    msg_has_nul(w->zone, sizeof(w->zone)) &&
	    w->limit <= CONF_LIMIT_MAX && w->window > 0 && w->grace >= 0 &&
	    w->ban > 0 &&
	    w->format >= FORMAT_XRAY && w->format <= FORMAT_TEXT &&
	    w->victim <= BAN_ALL && counting_valid(w) &&
	    w->together <= 1 && w->trust_forwarded <= 1 &&
	    w->dry_run <= 1 && w->group4 >= 1 && w->group4 <= 32 &&
	    w->group6 >= 1 && w->group6 <= 128 && ports_valid(w);
}

static void
rx_watch(const void *data)
{
	struct conf_watch	*w = conf_watch_new();

	need(rx.left == 0, "number of prefixes");
	memcpy(&w->w, data, sizeof(w->w));
	need(watch_valid(&w->w) &&
	    conf_watch_byid(rx.conf, w->w.id) == NULL &&
	    conf_watch_byhash(rx.conf, w->w.hash) == NULL, "watch");
	TAILQ_INSERT_TAIL(&rx.conf->watches, w, entry);
	rx.watch = w;
}

static void
rx_zone(const void *data, size_t len)
{
	struct conf_watch	*w = rx.watch;

	need(w != NULL && w->tz == NULL && *w->w.zone != '\0' && len > 0 &&
	    len <= ZONE_MAX_LEN, "zone");
	w->tz = xcalloc(len);
	memcpy(w->tz, data, len);
	w->tzlen = len;
}

static int
of_watch(uint32_t id)
{
	return rx.watch != NULL && rx.watch->w.id == id;
}

static void
rx_source(const void *data)
{
	struct conf_source	*s = xcalloc(sizeof(*s));

	memcpy(&s->w, data, sizeof(s->w));
	need(of_watch(s->w.watch) && s->w.id != 0 && s->w.from_start <= 1 &&
	    s->w.kind <= SOURCE_STDIN &&
	    all_zero(s->w.zero, sizeof(s->w.zero)) && *s->w.path != '\0' &&
	    (s->w.kind != SOURCE_FILE || *s->w.path == '/') &&
	    msg_has_nul(s->w.path, sizeof(s->w.path)), "source");
	TAILQ_INSERT_TAIL(&rx.watch->sources, s, entry);
}

static void
rx_limit(const void *data)
{
	struct conf_limit	*l = xcalloc(sizeof(*l));

	memcpy(&l->w, data, sizeof(l->w));
	need(of_watch(l->w.watch) && l->w.limit <= CONF_LIMIT_MAX &&
	    *l->w.pattern != '\0' &&
	    msg_has_nul(l->w.pattern, sizeof(l->w.pattern)), "limit");
	TAILQ_INSERT_TAIL(&rx.watch->limits, l, entry);
}

static void
rx_exempt(const void *data)
{
	struct conf_exempt	*e = xcalloc(sizeof(*e));
	int			 good = 0;

	memcpy(&e->w, data, sizeof(e->w));
	if (e->w.kind == EXEMPT_TABLE)
		good = conf_table_byid(rx.conf, e->w.table) != NULL;
	else if (e->w.kind == EXEMPT_PREFIX)
		good = prefix_valid(&e->w.prefix);
	else if (e->w.kind == EXEMPT_USER)
		good = *e->w.pattern != '\0';
	need(good && of_watch(e->w.watch) && e->w.zero == 0 &&
	    msg_has_nul(e->w.pattern, sizeof(e->w.pattern)), "exempt");
	TAILQ_INSERT_TAIL(&rx.watch->exempts, e, entry);
}

static void
rx_inbound(const void *data)
{
	struct conf_inbound	*i = xcalloc(sizeof(*i));

	memcpy(&i->w, data, sizeof(i->w));
	need(of_watch(i->w.watch) && *i->w.pattern != '\0' &&
	    msg_has_nul(i->w.pattern, sizeof(i->w.pattern)), "inbound");
	TAILQ_INSERT_TAIL(&rx.watch->inbounds, i, entry);
}

static void
rx_filter(const void *data)
{
	struct conf_filter	*f = xcalloc(sizeof(*f));

	memcpy(&f->w, data, sizeof(f->w));
	need(of_watch(f->w.watch) && f->w.id != 0 &&
	    f->w.maxlines >= 1 && f->w.maxlines <= FILTER_LINES_MAX &&
	    f->w.weight >= 1 && f->w.weight <= WEIGHT_MAX &&
	    *f->w.name != '\0' && msg_has_nul(f->w.name, sizeof(f->w.name)) &&
	    msg_has_nul(f->w.where, sizeof(f->w.where)), "filter");
	TAILQ_INSERT_TAIL(&rx.watch->filters, f, entry);
}

/* The strings after a wire struct: the last one has its end. */
static char *
rx_text(const void *data, size_t head, size_t len, size_t *n)
{
	char	*text;

	*n = len - head;
	text = xcalloc(*n + 1);
	memcpy(text, (const char *)data + head, *n);
	return text;
}

static int
one_string(const char *text, size_t len, size_t max)
{
	return len >= 1 && len <= max && strlen(text) == len - 1;
}

static int
filter_is_known(uint32_t id)
{
	struct conf_filter	*f;

	TAILQ_FOREACH(f, &rx.watch->filters, entry)
		if (f->w.id == id)
			return 1;
	return 0;
}

static void
rx_pattern(const void *data, size_t len)
{
	struct conf_pattern	*p = xcalloc(sizeof(*p));

	memcpy(&p->w, data, sizeof(p->w));
	p->text = rx_text(data, sizeof(p->w), len, &p->len);
	need(of_watch(p->w.watch) && p->w.id != 0 &&
	    p->w.kind >= PATTERN_MATCH && p->w.kind <= PATTERN_FAIL_DATE &&
	    (p->w.kind >= PATTERN_FAIL ? filter_is_known(p->w.filter) :
	    p->w.filter == 0) && p->w.weight <= WEIGHT_MAX &&
	    (p->w.weight != 0 || p->w.kind != PATTERN_MATCH) &&
	    msg_has_nul(p->w.where, sizeof(p->w.where)) &&
	    one_string(p->text, p->len, REGEX_MAX_LEN), "pattern");
	TAILQ_INSERT_TAIL(&rx.watch->patterns, p, entry);
}

static void
rx_ignore(const void *data, size_t len)
{
	struct conf_ignore	*i = xcalloc(sizeof(*i));

	memcpy(&i->w, data, sizeof(i->w));
	i->text = rx_text(data, sizeof(i->w), len, &i->len);
	need(of_watch(i->w.watch) &&
	    i->w.kind >= IGNORE_EXACT && i->w.kind <= IGNORE_TABLE &&
	    (i->w.kind == IGNORE_TABLE ?
	    conf_table_byid(rx.conf, i->w.table) != NULL : i->w.table == 0) &&
	    *i->w.name != '\0' && msg_has_nul(i->w.name, sizeof(i->w.name)) &&
	    all_zero(i->w.zero, sizeof(i->w.zero)) &&
	    one_string(i->text, i->len, REGEX_MAX_LEN), "ignore");
	TAILQ_INSERT_TAIL(&rx.watch->ignores, i, entry);
}

/* As many strings as it says, nothing after the last. */
static int
argv_valid(const char *text, size_t len, uint32_t argc)
{
	size_t	i, n = 0;

	for (i = 0; i < len; i++)
		n += text[i] == '\0';
	return argc >= 1 && argc <= ARGV_MAX && n == argc &&
	    len <= ARGV_MAX_LEN && text[len - 1] == '\0';
}

static int
run_valid(const struct wire_run *w)
{
	return w->hash != 0 && w->id != 0 && w->delay >= 0 &&
	    w->timeout > 0 && w->when <= RUN_UNBAN && w->at_exit <= 1 &&
	    w->once <= 1 && w->at_least_once <= 1 &&
	    (w->family == 0 || w->family == AF_INET ||
	    w->family == AF_INET6) && all_zero(w->zero, sizeof(w->zero)) &&
	    *w->user != '\0' && msg_has_nul(w->user, sizeof(w->user)) &&
	    *w->group != '\0' && msg_has_nul(w->group, sizeof(w->group));
}

static void
rx_run(const void *data, size_t len)
{
	struct conf_run	*r = xcalloc(sizeof(*r));

	memcpy(&r->w, data, sizeof(r->w));
	r->text = rx_text(data, sizeof(r->w), len, &r->len);
	need(of_watch(r->w.watch) && run_valid(&r->w) && r->len > 0 &&
	    argv_valid(r->text, r->len, r->w.argc), "run");
	TAILQ_INSERT_TAIL(&rx.watch->runs, r, entry);
}

static void
rx_status(const void *data)
{
	struct conf_status	*s = xcalloc(sizeof(*s));

	memcpy(&s->w, data, sizeof(s->w));
	need(s->w.port != 0 && prefix_valid(&s->w.addr) &&
	    prefix_is_host(&s->w.addr) &&
	    conf_status_find(rx.conf, &s->w) == NULL, "status page");
	TAILQ_INSERT_TAIL(&rx.conf->statuses, s, entry);
}

static struct conf *
rx_end(const void *data)
{
	struct conf		*c = rx.conf;
	struct conf_table	*t;
	uint32_t		 generation;

	memcpy(&generation, data, sizeof(generation));
	need(rx.global && rx.left == 0 && generation == c->generation, "end");
	need(c->global.never == 0 ||
	    conf_table_byid(c, c->global.never) != NULL, "never-table");
	TAILQ_FOREACH(t, &c->tables, entry)
		prefixset_build(&t->prefixes);
	memset(&rx, 0, sizeof(rx));
	return c;
}

static const struct {
	uint32_t	 type;
	size_t		 size;
	void		(*fn)(const void *);
} receivers[] = {
	{ M_CONF_BEGIN,   sizeof(uint32_t),		rx_begin },
	{ M_CONF_GLOBAL,  sizeof(struct wire_global),	rx_global },
	{ M_CONF_TABLE,   sizeof(struct wire_table),	rx_table },
	{ M_CONF_WATCH,   sizeof(struct wire_watch),	rx_watch },
	{ M_CONF_SOURCE,  sizeof(struct wire_source),	rx_source },
	{ M_CONF_LIMIT,   sizeof(struct wire_limit),	rx_limit },
	{ M_CONF_EXEMPT,  sizeof(struct wire_exempt),	rx_exempt },
	{ M_CONF_INBOUND, sizeof(struct wire_inbound),	rx_inbound },
	{ M_CONF_STATUS,  sizeof(struct wire_status),	rx_status },
	{ M_CONF_FILTER,  sizeof(struct wire_filter),	rx_filter },
};

/* Those that something of any length follows: more than this. */
static const struct {
	uint32_t	 type;
	size_t		 size;
	void		(*fn)(const void *, size_t);
} long_receivers[] = {
	{ M_CONF_PREFIXES, sizeof(struct wire_prefixes),	rx_prefixes },
	{ M_CONF_ZONE,	   0,					rx_zone },
	{ M_CONF_PATTERN,  sizeof(struct wire_pattern),		rx_pattern },
	{ M_CONF_IGNORE,   sizeof(struct wire_ignore),		rx_ignore },
	{ M_CONF_RUN,	   sizeof(struct wire_run),		rx_run },
};

struct conf *
conf_receive(uint32_t type, const void *data, size_t len)
{
	size_t	i;

	need(rx.conf != NULL || type == M_CONF_BEGIN, "order of parts");
	if (type == M_CONF_END) {
		need(len == sizeof(uint32_t), "length");
		return rx_end(data);
	}
	for (i = 0; i < nitems(long_receivers); i++)
		if (long_receivers[i].type == type) {
			need(len > long_receivers[i].size, "length");
			long_receivers[i].fn(data, len);
			return NULL;
		}
	for (i = 0; i < nitems(receivers); i++)
		if (receivers[i].type == type) {
			need(len == receivers[i].size, "length");
			receivers[i].fn(data);
			return NULL;
		}
	need(rx.left == 0, "number of prefixes");
	if (!conf_mux_receive(rx.conf, type, data, len))
		insane("part");
	return NULL;
}

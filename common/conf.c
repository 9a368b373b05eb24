/*
 * What a configuration is: its defaults, the look-ups, the ids that live over
 * reloads, and its way to a child; conf_receive.c is how it arrives there.  No
 * text is read or written here; that is refractd's parse.y and print.c.
 */
#include <sys/socket.h>
#include <sys/types.h>

#include <netinet/in.h>

#include <stdlib.h>
#include <string.h>

#include "channel.h"
#include "conf.h"
#include "imsg.h"
#include "log.h"
#include "msg.h"

#define FNV_BASIS	0xcbf29ce484222325ULL
#define FNV_PRIME	0x100000001b3ULL

#ifndef nitems
#define nitems(a)	(sizeof(a) / sizeof((a)[0]))
#endif

/* Prefixes in one M_CONF_PREFIXES. */
#define PREFIXES_CHUNK							\
	((IMSG_MAX - IMSG_HEADER_SIZE - sizeof(struct wire_prefixes)) /	\
	    sizeof(struct prefix))

static void *
xcalloc(size_t size)
{
	void	*p;

	if ((p = calloc(1, size)) == NULL)
		fatal("configuration");
	return p;
}

static char *
xstrdup(const char *s)
{
	char	*p;

	if ((p = strdup(s)) == NULL)
		fatal("configuration");
	return p;
}

/* Ids are never used twice in the life of a process. */
uint32_t
conf_new_id(void)
{
	static uint32_t	last;

	if (++last == 0)
		fatalx("configuration: no ids left");
	return last;
}

/* FNV-1a: stable over restarts, builds and machines. */
uint64_t
watch_hash(const char *name)
{
	uint64_t	h = FNV_BASIS;

	for (; *name != '\0'; name++)
		h = (h ^ (unsigned char)*name) * FNV_PRIME;
	return h == 0 ? 1 : h;
}

struct conf *
conf_new(void)
{
	struct conf	*c = xcalloc(sizeof(*c));

	TAILQ_INIT(&c->tables);
	TAILQ_INIT(&c->watches);
	TAILQ_INIT(&c->statuses);
	conf_mux_init(&c->mux);
	TAILQ_INIT(&c->defines);
	TAILQ_INIT(&c->start);
	TAILQ_INIT(&c->stop);
	c->run_max = 1;
	c->global.max = BAN_ENTRIES_DEFAULT;
	c->global.action = ACTION_DROP;
	c->global.hook = HOOK_LOCAL;
	c->global.plen4 = 32;
	c->global.plen6 = 64;
	c->global.admin_gid = (uint32_t)-1;
	c->global.ledger_keep = LEDGER_KEEP_DEFAULT;
	c->global.ledger_max = LEDGER_MAX_DEFAULT;
	c->state_dir = xstrdup(CONF_STATE_DIR);
	c->control_path = xstrdup(CONF_CONTROL_PATH);
	return c;
}

struct conf_table *
conf_table_new(void)
{
	struct conf_table	*t = xcalloc(sizeof(*t));

	t->w.id = conf_new_id();
	prefixset_init(&t->prefixes);
	return t;
}

/* The defaults of `format xray`, its source excepted. */
struct conf_watch *
conf_watch_new(void)
{
	struct conf_watch	*w = xcalloc(sizeof(*w));

	TAILQ_INIT(&w->sources);
	TAILQ_INIT(&w->limits);
	TAILQ_INIT(&w->exempts);
	TAILQ_INIT(&w->inbounds);
	TAILQ_INIT(&w->patterns);
	TAILQ_INIT(&w->filters);
	TAILQ_INIT(&w->ignores);
	TAILQ_INIT(&w->runs);
	TAILQ_INIT(&w->defines);
	w->w.id = conf_new_id();
	w->w.format = FORMAT_XRAY;
	w->w.limit = 1;
	w->w.window = 5000;
	w->w.victim = BAN_NEWEST;
	w->w.ban = 60000;
	w->w.group4 = 32;
	w->w.group6 = 64;
	w->w.nports = 1;
	w->w.ports[0].proto = IPPROTO_TCP;
	w->w.ports[0].port = 443;
	w->w.growth_by = 2000;
	w->w.after = 1;
	w->w.duplicate = DUPLICATE_EXTEND;
	w->w.bans = 1;
	return w;
}

/* What each item owns is freed first: it is called `item` in there. */
#define FREE_ITEMS(head, ...) do {					\
	__typeof__(TAILQ_FIRST(head))	item;				\
									\
	while ((item = TAILQ_FIRST(head)) != NULL) {			\
		TAILQ_REMOVE(head, item, entry);			\
		__VA_ARGS__;						\
		free(item);						\
	}								\
} while (0)

#define FREE_LIST(head)		FREE_ITEMS(head, (void)0)
#define FREE_TEXTS(head)						\
	FREE_ITEMS(head, free(item->text), free(item->written))

void
conf_table_free(struct conf_table *t)
{
	prefixset_clear(&t->prefixes);
	free(t->file);
	free(t->text);
	free(t);
}

void
conf_watch_free(struct conf_watch *w)
{
	FREE_ITEMS(&w->sources, free(item->args), free(item->dir));
	FREE_LIST(&w->limits);
	FREE_LIST(&w->exempts);
	FREE_LIST(&w->inbounds);
	FREE_TEXTS(&w->patterns);
	FREE_ITEMS(&w->filters, free(item->spec));
	FREE_TEXTS(&w->ignores);
	FREE_TEXTS(&w->runs);
	FREE_ITEMS(&w->defines, free(item->regex));
	free(w->tz);
	free(w);
}

void
conf_free(struct conf *c)
{
	struct conf_table	*t;
	struct conf_watch	*w;

	if (c == NULL)
		return;
	while ((t = TAILQ_FIRST(&c->tables)) != NULL) {
		TAILQ_REMOVE(&c->tables, t, entry);
		conf_table_free(t);
	}
	while ((w = TAILQ_FIRST(&c->watches)) != NULL) {
		TAILQ_REMOVE(&c->watches, w, entry);
		conf_watch_free(w);
	}
	FREE_LIST(&c->statuses);
	conf_mux_clear(&c->mux);
	FREE_ITEMS(&c->defines, free(item->regex));
	FREE_ITEMS(&c->start, free(item->args));
	FREE_ITEMS(&c->stop, free(item->args));
	free(c->state_dir);
	free(c->control_path);
	free(c->audit_path);
	free(c->access_path);
	free(c->admin_group);
	free(c->limit_group);
	free(c);
}

struct conf_table *
conf_table_byid(const struct conf *c, uint32_t id)
{
	struct conf_table	*t;

	TAILQ_FOREACH(t, &c->tables, entry)
		if (t->w.id == id)
			break;
	return t;
}

/* Never finds a table that was written in place: it has no name. */
struct conf_table *
conf_table_byname(const struct conf *c, const char *name)
{
	struct conf_table	*t;

	if (*name == '\0')
		return NULL;
	TAILQ_FOREACH(t, &c->tables, entry)
		if (strcmp(t->w.name, name) == 0)
			break;
	return t;
}

struct conf_watch *
conf_watch_byid(const struct conf *c, uint32_t id)
{
	struct conf_watch	*w;

	TAILQ_FOREACH(w, &c->watches, entry)
		if (w->w.id == id)
			break;
	return w;
}

struct conf_watch *
conf_watch_byhash(const struct conf *c, uint64_t hash)
{
	struct conf_watch	*w;

	TAILQ_FOREACH(w, &c->watches, entry)
		if (w->w.hash == hash)
			break;
	return w;
}

struct conf_watch *
conf_watch_byname(const struct conf *c, const char *name)
{
	struct conf_watch	*w;

	TAILQ_FOREACH(w, &c->watches, entry)
		if (strcmp(w->w.name, name) == 0)
			break;
	return w;
}

void
conf_covers(const struct wire_global *g, const struct conf_watch *w,
    const struct prefix *addr, struct prefix *covered)
{
	*covered = *addr;
	if (addr->family == 0)
		return;
	if (w->w.ban_prefix)
		prefix_group(covered, w->w.group4, w->w.group6);
	else
		prefix_group(covered, g->plen4, g->plen6);
}

struct conf_status *
conf_status_find(const struct conf *c, const struct wire_status *w)
{
	struct conf_status	*s;

	TAILQ_FOREACH(s, &c->statuses, entry)
		if (s->w.port == w->port &&
		    prefix_cmp(&s->w.addr, &w->addr) == 0)
			break;
	return s;
}

/* Ids over reloads. */

static void
table_renumber(struct conf *c, struct conf_table *t, uint32_t id)
{
	struct conf_watch	*w;
	struct conf_exempt	*e;
	struct conf_ignore	*i;

	if (c->global.never == t->w.id)
		c->global.never = id;
	TAILQ_FOREACH(w, &c->watches, entry) {
		TAILQ_FOREACH(e, &w->exempts, entry)
			if (e->w.table == t->w.id)
				e->w.table = id;
		TAILQ_FOREACH(i, &w->ignores, entry)
			if (i->w.table == t->w.id)
				i->w.table = id;
	}
	conf_mux_table(c, t->w.id, id);
	t->w.id = id;
}

static struct conf_table *
table_old(const struct conf *new, const struct conf *old,
    const struct conf_table *t)
{
	struct conf_table	*o;

	if (*t->w.name != '\0')
		return conf_table_byname(old, t->w.name);
	if (t->w.id != new->global.never ||
	    (o = conf_table_byid(old, old->global.never)) == NULL)
		return NULL;
	return *o->w.name == '\0' ? o : NULL;
}

#define OF_WATCH(head, id_) do {					\
	__typeof__(TAILQ_FIRST(head))	item_;				\
									\
	TAILQ_FOREACH(item_, head, entry)				\
		item_->w.watch = (id_);					\
} while (0)

/* What is the same by its text keeps its number: counters hang on it. */
static void
pattern_adopt(struct conf_pattern *p, const struct conf_watch *old)
{
	struct conf_pattern	*o;

	TAILQ_FOREACH(o, &old->patterns, entry)
		if (o->w.kind == p->w.kind && o->len == p->len &&
		    memcmp(o->text, p->text, p->len) == 0 &&
		    (o->w.filter == 0) == (p->w.filter == 0))
			p->w.id = o->w.id;
}

static void
run_adopt(struct conf_run *r, const struct conf_watch *old)
{
	struct conf_run	*o;

	TAILQ_FOREACH(o, &old->runs, entry)
		if (o->w.hash == r->w.hash)
			r->w.id = o->w.id;
}

static void
source_adopt(struct conf_source *s, const struct conf_watch *old)
{
	struct conf_source	*o;

	TAILQ_FOREACH(o, &old->sources, entry)
		if (s->w.kind == o->w.kind && strcmp(s->w.path, o->w.path) == 0)
			s->w.id = o->w.id;
}

static void
watch_renumber(struct conf_watch *w, const struct conf_watch *old)
{
	struct conf_source	*s;
	struct conf_pattern	*p;
	struct conf_run		*r;

	w->w.id = old->w.id;
	TAILQ_FOREACH(s, &w->sources, entry)
		source_adopt(s, old);
	TAILQ_FOREACH(p, &w->patterns, entry)
		pattern_adopt(p, old);
	TAILQ_FOREACH(r, &w->runs, entry)
		run_adopt(r, old);
	OF_WATCH(&w->sources, old->w.id);
	OF_WATCH(&w->limits, old->w.id);
	OF_WATCH(&w->exempts, old->w.id);
	OF_WATCH(&w->inbounds, old->w.id);
	OF_WATCH(&w->patterns, old->w.id);
	OF_WATCH(&w->filters, old->w.id);
	OF_WATCH(&w->ignores, old->w.id);
	OF_WATCH(&w->runs, old->w.id);
}

void
conf_adopt_ids(struct conf *new, const struct conf *old)
{
	struct conf_table	*t, *ot;
	struct conf_watch	*w, *ow;

	if (old == NULL)
		return;
	TAILQ_FOREACH(t, &new->tables, entry)
		if ((ot = table_old(new, old, t)) != NULL)
			table_renumber(new, t, ot->w.id);
	TAILQ_FOREACH(w, &new->watches, entry)
		if ((ow = conf_watch_byname(old, w->w.name)) != NULL)
			watch_renumber(w, ow);
}

/* To a child. */

#define PART_GLOBAL	0x01
#define PART_NEVER	0x02	/* the never-table */
#define PART_WATCH	0x04	/* what a watch is and may ask for */
#define PART_RULE	0x08	/* its sources, limits, exempts, their tables */
#define PART_STATUS	0x10	/* where the status page is */
#define PART_RUN	0x20	/* the commands of a watch */
#define PART_MUX	0x40	/* listeners, routes, pools, their tables */
#define PART_OFFENCE	0x80	/* what listeners may ask bans for */

static const struct {
	enum role	 role;
	unsigned int	 parts;
} needs[] = {
	{ ROLE_ENFORCER, PART_GLOBAL | PART_NEVER | PART_WATCH |
	    PART_OFFENCE },
	{ ROLE_LEDGER,	 PART_GLOBAL | PART_WATCH | PART_RUN },
	{ ROLE_CONTROL,	 PART_GLOBAL | PART_NEVER | PART_WATCH | PART_STATUS |
	    PART_MUX },
	{ ROLE_PARSER,	 PART_GLOBAL | PART_NEVER | PART_WATCH | PART_RULE |
	    PART_RUN },
	{ ROLE_MUX,	 PART_GLOBAL | PART_NEVER | PART_MUX },
};

static unsigned int
parts_of(enum role role)
{
	size_t	i;

	for (i = 0; i < nitems(needs); i++)
		if (needs[i].role == role)
			return needs[i].parts;
	fatalx("configuration: %s is sent none", role_name(role));
}

static int
table_is_asked(const struct conf *c, uint32_t id)
{
	struct conf_watch	*w;
	struct conf_exempt	*e;
	struct conf_ignore	*i;

	TAILQ_FOREACH(w, &c->watches, entry) {
		TAILQ_FOREACH(e, &w->exempts, entry)
			if (e->w.kind == EXEMPT_TABLE && e->w.table == id)
				return 1;
		TAILQ_FOREACH(i, &w->ignores, entry)
			if (i->w.kind == IGNORE_TABLE && i->w.table == id)
				return 1;
	}
	return 0;
}

static void
send_table(struct channel *ch, const struct conf_table *t)
{
	struct wire_table	 w = t->w;
	struct wire_prefixes	 head = { t->w.id };
	size_t			 i, n;

	w.count = t->prefixes.n;
	channel_send(ch, M_CONF_TABLE, 0, &w, sizeof(w));
	for (i = 0; i < t->prefixes.n; i += n) {
		n = t->prefixes.n - i;
		if (n > PREFIXES_CHUNK)
			n = PREFIXES_CHUNK;
		channel_send2(ch, M_CONF_PREFIXES, 0, &head, sizeof(head),
		    t->prefixes.list + i, n * sizeof(struct prefix));
	}
}

static void
send_tables(struct channel *ch, const struct conf *c, unsigned int parts)
{
	struct conf_table	*t;

	TAILQ_FOREACH(t, &c->tables, entry)
		if (((parts & PART_NEVER) && t->w.id == c->global.never) ||
		    ((parts & PART_RULE) && table_is_asked(c, t->w.id)) ||
		    ((parts & PART_MUX) && conf_mux_asks(c, t->w.id)))
			send_table(ch, t);
}

#define SEND_LIST(ch, type, item, head) do {				\
	TAILQ_FOREACH(item, head, entry)				\
		channel_send(ch, type, 0, &(item)->w, sizeof((item)->w)); \
} while (0)

#define SEND_TEXTS(ch, type, item, head) do {				\
	TAILQ_FOREACH(item, head, entry)				\
		channel_send2(ch, type, 0, &(item)->w,			\
		    sizeof((item)->w), (item)->text, (item)->len);	\
} while (0)

static void
send_rule(struct channel *ch, const struct conf_watch *w)
{
	struct conf_source	*s;
	struct conf_limit	*l;
	struct conf_exempt	*e;
	struct conf_inbound	*i;
	struct conf_filter	*f;
	struct conf_pattern	*p;
	struct conf_ignore	*g;

	if (w->tzlen > 0)
		channel_send(ch, M_CONF_ZONE, 0, w->tz, w->tzlen);
	SEND_LIST(ch, M_CONF_SOURCE, s, &w->sources);
	SEND_LIST(ch, M_CONF_LIMIT, l, &w->limits);
	SEND_LIST(ch, M_CONF_EXEMPT, e, &w->exempts);
	SEND_LIST(ch, M_CONF_INBOUND, i, &w->inbounds);
	SEND_LIST(ch, M_CONF_FILTER, f, &w->filters);
	SEND_TEXTS(ch, M_CONF_PATTERN, p, &w->patterns);
	SEND_TEXTS(ch, M_CONF_IGNORE, g, &w->ignores);
}

static void
send_watch(struct channel *ch, const struct conf_watch *w, unsigned int parts)
{
	struct conf_run	*r;

	channel_send(ch, M_CONF_WATCH, 0, &w->w, sizeof(w->w));
	if (parts & PART_RULE)
		send_rule(ch, w);
	if (parts & PART_RUN)
		SEND_TEXTS(ch, M_CONF_RUN, r, &w->runs);
}

void
conf_send(struct channel *ch, const struct conf *c, enum role to)
{
	struct wire_global	 global = c->global;
	struct conf_watch	*w;
	struct conf_status	*s;
	unsigned int		 parts = parts_of(to);

	if (!(parts & PART_NEVER))
		global.never = 0;
	channel_send(ch, M_CONF_BEGIN, 0, &c->generation,
	    sizeof(c->generation));
	channel_send(ch, M_CONF_GLOBAL, 0, &global, sizeof(global));
	send_tables(ch, c, parts);
	TAILQ_FOREACH(w, &c->watches, entry)
		send_watch(ch, w, parts);
	if (parts & PART_STATUS)
		SEND_LIST(ch, M_CONF_STATUS, s, &c->statuses);
	if (parts & (PART_MUX | PART_OFFENCE))
		conf_mux_send(ch, c, !(parts & PART_MUX));
	channel_send(ch, M_CONF_END, 0, &c->generation,
	    sizeof(c->generation));
}

/*
 * What a configuration is: its defaults, the look-ups, and the ids that live
 * over reloads.  conf_send.c and conf_receive.c are its way to a child, and
 * conf_check.c says what each part must be.  No text is read or written here;
 * that is refractd's parse.y and print.c.
 */
#include <sys/socket.h>
#include <sys/types.h>

#include <netinet/in.h>

#include <stdlib.h>
#include <string.h>

#include "conf.h"
#include "conf_list.h"
#include "log.h"

#define FNV_BASIS	0xcbf29ce484222325ULL
#define FNV_PRIME	0x100000001b3ULL

void *
conf_alloc(size_t size)
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
	struct conf	*c = conf_alloc(sizeof(*c));

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
	struct conf_table	*t = conf_alloc(sizeof(*t));

	t->w.id = conf_new_id();
	prefixset_init(&t->prefixes);
	return t;
}

/* The defaults of `format xray`, its source excepted. */
struct conf_watch *
conf_watch_new(void)
{
	struct conf_watch	*w = conf_alloc(sizeof(*w));

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
	if (c == NULL)
		return;
	FREE_EACH(&c->tables, conf_table_free);
	FREE_EACH(&c->watches, conf_watch_free);
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

LOOK_UP_ID(conf_table_byid, conf_table, conf, tables)
LOOK_UP_NAME(conf_table_byname, conf_table, conf, tables)
LOOK_UP_ID(conf_watch_byid, conf_watch, conf, watches)
LOOK_UP_HASH(conf_watch_byhash, conf_watch, conf, watches)
LOOK_UP_NAME(conf_watch_byname, conf_watch, conf, watches)
LOOK_UP(conf_status_find, conf_status, conf, statuses,
    const struct wire_status *w, item->w.port == w->port &&
    prefix_cmp(&item->w.addr, &w->addr) == 0)

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
	SET_EACH(&w->sources, watch, old->w.id);
	SET_EACH(&w->limits, watch, old->w.id);
	SET_EACH(&w->exempts, watch, old->w.id);
	SET_EACH(&w->inbounds, watch, old->w.id);
	SET_EACH(&w->patterns, watch, old->w.id);
	SET_EACH(&w->filters, watch, old->w.id);
	SET_EACH(&w->ignores, watch, old->w.id);
	SET_EACH(&w->runs, watch, old->w.id);
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

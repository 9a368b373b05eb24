/*
 * What a configuration is: its defaults, the look-ups, the ids that live over
 * reloads, and its way to a child and back into the same structs.  No text is
 * read or written here; that is refractd's parse.y and print.c.
 */
#include <netinet/in.h>
#include <sys/types.h>

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
	return w;
}

#define FREE_LIST(head) do {						\
	__typeof__(TAILQ_FIRST(head))	item_;				\
									\
	while ((item_ = TAILQ_FIRST(head)) != NULL) {			\
		TAILQ_REMOVE(head, item_, entry);			\
		free(item_);						\
	}								\
} while (0)

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
	FREE_LIST(&w->sources);
	FREE_LIST(&w->limits);
	FREE_LIST(&w->exempts);
	FREE_LIST(&w->inbounds);
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
	free(c->state_dir);
	free(c->control_path);
	free(c->audit_path);
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

	if (c->global.never == t->w.id)
		c->global.never = id;
	TAILQ_FOREACH(w, &c->watches, entry)
		TAILQ_FOREACH(e, &w->exempts, entry)
			if (e->w.table == t->w.id)
				e->w.table = id;
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

static void
watch_renumber(struct conf_watch *w, const struct conf_watch *old)
{
	struct conf_source	*s, *o;
	struct conf_limit	*l;
	struct conf_exempt	*e;
	struct conf_inbound	*i;

	w->w.id = old->w.id;
	TAILQ_FOREACH(s, &w->sources, entry) {
		s->w.watch = w->w.id;
		TAILQ_FOREACH(o, &old->sources, entry)
			if (strcmp(s->w.path, o->w.path) == 0)
				s->w.id = o->w.id;
	}
	TAILQ_FOREACH(l, &w->limits, entry)
		l->w.watch = w->w.id;
	TAILQ_FOREACH(e, &w->exempts, entry)
		e->w.watch = w->w.id;
	TAILQ_FOREACH(i, &w->inbounds, entry)
		i->w.watch = w->w.id;
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

static const struct {
	enum role	 role;
	unsigned int	 parts;
} needs[] = {
	{ ROLE_ENFORCER, PART_GLOBAL | PART_NEVER | PART_WATCH },
	{ ROLE_LEDGER,	 PART_GLOBAL | PART_WATCH },
	{ ROLE_CONTROL,	 PART_GLOBAL | PART_NEVER | PART_WATCH | PART_STATUS },
	{ ROLE_PARSER,	 PART_GLOBAL | PART_NEVER | PART_WATCH | PART_RULE },
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
table_is_exempt(const struct conf *c, uint32_t id)
{
	struct conf_watch	*w;
	struct conf_exempt	*e;

	TAILQ_FOREACH(w, &c->watches, entry)
		TAILQ_FOREACH(e, &w->exempts, entry)
			if (e->w.kind == EXEMPT_TABLE && e->w.table == id)
				return 1;
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
		    ((parts & PART_RULE) && table_is_exempt(c, t->w.id)))
			send_table(ch, t);
}

#define SEND_LIST(ch, type, item, head) do {				\
	TAILQ_FOREACH(item, head, entry)				\
		channel_send(ch, type, 0, &(item)->w, sizeof((item)->w)); \
} while (0)

static void
send_rule(struct channel *ch, const struct conf_watch *w)
{
	struct conf_source	*s;
	struct conf_limit	*l;
	struct conf_exempt	*e;
	struct conf_inbound	*i;

	if (w->tzlen > 0)
		channel_send(ch, M_CONF_ZONE, 0, w->tz, w->tzlen);
	SEND_LIST(ch, M_CONF_SOURCE, s, &w->sources);
	SEND_LIST(ch, M_CONF_LIMIT, l, &w->limits);
	SEND_LIST(ch, M_CONF_EXEMPT, e, &w->exempts);
	SEND_LIST(ch, M_CONF_INBOUND, i, &w->inbounds);
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
	TAILQ_FOREACH(w, &c->watches, entry) {
		channel_send(ch, M_CONF_WATCH, 0, &w->w, sizeof(w->w));
		if (parts & PART_RULE)
			send_rule(ch, w);
	}
	if (parts & PART_STATUS)
		SEND_LIST(ch, M_CONF_STATUS, s, &c->statuses);
	channel_send(ch, M_CONF_END, 0, &c->generation,
	    sizeof(c->generation));
}

/* From the parent: what a sane one never sends is fatal. */

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
watch_valid(const struct wire_watch *w)
{
	return w->id != 0 && msg_has_nul(w->name, sizeof(w->name)) &&
	    *w->name != '\0' && w->hash == watch_hash(w->name) &&
	    msg_has_nul(w->zone, sizeof(w->zone)) &&
	    w->limit <= CONF_LIMIT_MAX && w->window > 0 && w->grace >= 0 &&
	    w->ban > 0 &&
	    w->format == FORMAT_XRAY && w->victim <= BAN_ALL &&
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
	    all_zero(s->w.zero, sizeof(s->w.zero)) && *s->w.path == '/' &&
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
	if (type == M_CONF_PREFIXES) {
		need(len > sizeof(struct wire_prefixes), "length");
		rx_prefixes(data, len);
		return NULL;
	}
	if (type == M_CONF_ZONE) {
		rx_zone(data, len);
		return NULL;
	}
	for (i = 0; i < nitems(receivers); i++)
		if (receivers[i].type == type) {
			need(len == receivers[i].size, "length");
			receivers[i].fn(data);
			return NULL;
		}
	insane("part");
}

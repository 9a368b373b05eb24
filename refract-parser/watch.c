/*
 * Watches: from the configuration to what a line needs, and the way of a line
 * from its bytes to an offence.
 */
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoint.h"
#include "counter.h"
#include "decide.h"
#include "log.h"
#include "resume.h"
#include "users.h"
#include "watch.h"
#include "xray.h"

#define SKEW_MAX	60000		/* ms off the clock if live */
#define KEEP_MIN	(10 * 60 * 1000)	/* users stay for `show` */
#define AHEAD		16	/* lines that are parsed before one is judged */

/* What a configuration's watch is made ready into, until it is committed. */
struct plan {
	struct zone		*zone;
	struct prefixset	 exempt;
};

struct watches			 watches = TAILQ_HEAD_INITIALIZER(watches);
static struct wire_global	 global;
static const struct prefixset	*never;
static uint16_t			 epoch;		/* a number a configuration */
static uint8_t			 numbers[USER_WATCHES + 1];	/* in use */

const struct wire_global *
watch_global(void)
{
	return &global;
}

int
watch_is_protected(const struct prefix *p)
{
	return never != NULL && prefixset_contains(never, p);
}

struct watch *
watch_bysource(uint32_t source)
{
	struct watch		*w;
	struct conf_source	*s;

	TAILQ_FOREACH(w, &watches, entry)
		TAILQ_FOREACH(s, &w->conf->sources, entry)
			if (s->w.id == source)
				return w;
	return NULL;
}

struct watch *
watch_byhash(uint64_t hash)
{
	struct watch	*w;

	TAILQ_FOREACH(w, &watches, entry)
		if (w->hash == hash)
			break;
	return w;
}

struct watch *
watch_bynumber(uint16_t number)
{
	struct watch	*w;

	TAILQ_FOREACH(w, &watches, entry)
		if (w->number == number)
			break;
	return w;
}

/* Preparing. */

static void
plan_free(struct plan *p)
{
	if (p == NULL)
		return;
	zone_free(p->zone);
	prefixset_clear(&p->exempt);
	free(p);
}

static int
add_table(struct prefixset *set, const struct conf_table *t)
{
	size_t	i;

	for (i = 0; t != NULL && i < t->prefixes.n; i++)
		if (prefixset_add(set, &t->prefixes.list[i]) == -1)
			return -1;
	return 0;
}

static int
plan_exempt(struct plan *p, const struct conf *c, const struct conf_watch *cw)
{
	struct conf_exempt	*e;
	int			 status = 0;

	TAILQ_FOREACH(e, &cw->exempts, entry) {
		if (e->w.kind == EXEMPT_TABLE)
			status = add_table(&p->exempt,
			    conf_table_byid(c, e->w.table));
		else if (e->w.kind == EXEMPT_PREFIX)
			status = prefixset_add(&p->exempt, &e->w.prefix);
		if (status == -1)
			return -1;
	}
	prefixset_build(&p->exempt);
	return 0;
}

static int
check_limits(const struct conf_watch *cw, char *why)
{
	struct conf_limit	*l;
	uint32_t		 most = cw->w.limit;

	TAILQ_FOREACH(l, &cw->limits, entry)
		if (l->w.limit > most)
			most = l->w.limit;
	if (most <= RULE_LIMIT_MAX)
		return 0;
	snprintf(why, TEXT_LEN, "watch %s: limit %u: expected at most %d "
	    "addresses per user", cw->w.name, most, RULE_LIMIT_MAX);
	return -1;
}

static int
plan_watch(const struct conf *c, struct conf_watch *cw, char *why)
{
	struct plan	*p;
	char		 zone_why[ZONE_WHY_LEN];

	if (check_limits(cw, why) == -1)
		return -1;
	if ((p = calloc(1, sizeof(*p))) == NULL)
		fatal("watch %s", cw->w.name);
	prefixset_init(&p->exempt);
	if ((p->zone = zone_new(cw->w.zone, cw->tz, cw->tzlen,
	    zone_why)) == NULL) {
		snprintf(why, TEXT_LEN, "watch %s: %s", cw->w.name, zone_why);
		plan_free(p);
		return -1;
	}
	if (plan_exempt(p, c, cw) == -1)
		fatal("watch %s", cw->w.name);
	cw->state = p;
	return 0;
}

int
watch_prepare(struct conf *c, char *why)
{
	struct conf_watch	*cw;
	unsigned int		 n = 0;

	/* Old and new ones are there together for a moment. */
	TAILQ_FOREACH(cw, &c->watches, entry)
		if (++n > USER_WATCHES / 2) {
			snprintf(why, TEXT_LEN, "expected at most %d watches",
			    USER_WATCHES / 2);
			return -1;
		}
	TAILQ_FOREACH(cw, &c->watches, entry)
		if (plan_watch(c, cw, why) == -1) {
			watch_abort(c);
			return -1;
		}
	return 0;
}

void
watch_abort(struct conf *c)
{
	struct conf_watch	*cw;

	TAILQ_FOREACH(cw, &c->watches, entry) {
		plan_free(cw->state);
		cw->state = NULL;
	}
}

/* Committing. */

static struct watch *
watch_new(uint64_t hash)
{
	struct watch	*w;
	uint16_t	 i;

	if ((w = calloc(1, sizeof(*w))) == NULL)
		fatal("watch");
	for (i = 1; numbers[i]; i++)
		;
	numbers[i] = 1;
	w->number = i;
	w->hash = hash;
	prefixset_init(&w->exempt);
	TAILQ_INSERT_TAIL(&watches, w, entry);
	return w;
}

static void
watch_free(struct watch *w)
{
	warn_clear(w);
	users_drop_watch(w->number);
	numbers[w->number] = 0;
	TAILQ_REMOVE(&watches, w, entry);
	zone_free(w->zone);
	prefixset_clear(&w->exempt);
	free(w);
}

static void
watch_adopt(struct watch *w, struct conf_watch *cw)
{
	struct plan	*p = cw->state;

	zone_free(w->zone);
	prefixset_clear(&w->exempt);
	w->conf = cw;
	w->zone = p->zone;
	w->exempt = p->exempt;
	free(p);
	cw->state = w;
	logtime_init(&w->clock, w->zone);
	w->rule = (struct rule){
		.window = cw->w.window,
		.grace = cw->w.grace,
		.victim = cw->w.victim,
		.together = cw->w.together,
		.group4 = cw->w.group4,
		.group6 = cw->w.group6
	};
	users_keep(w->number, cw->w.window > KEEP_MIN ? cw->w.window :
	    KEEP_MIN);
	warn_clear(w);
}

void
watch_commit(struct conf *c)
{
	struct watch		*w, *next;
	struct conf_watch	*cw;
	struct conf_table	*t;

	epoch++;
	global = c->global;
	t = conf_table_byid(c, global.never);
	never = t == NULL ? NULL : &t->prefixes;
	TAILQ_FOREACH_SAFE(w, &watches, entry, next)
		if (conf_watch_byhash(c, w->hash) == NULL)
			watch_free(w);
	TAILQ_FOREACH(cw, &c->watches, entry) {
		if ((w = watch_byhash(cw->w.hash)) == NULL)
			w = watch_new(cw->w.hash);
		watch_adopt(w, cw);
	}
}

/* Lines. */

/* What is the same for all lines of a block. */
struct context {
	struct watch		*w;
	const struct block	*b;
	uint64_t		 identity;	/* of the file; 0: not asked */
};

/* One line on its way to an offence. */
struct sighted {
	struct xray_line	 l;
	const char		*p;
	size_t			 n;
	uint64_t		 end;		/* offset after its newline */
	uint32_t		 hash;		/* of the user */
	int			 live;
	logtime_t		 at;
};

static int
matches(const char *pattern, const char *s, size_t n)
{
	char	buf[USER_NAME_MAX * 2];

	if (n >= sizeof(buf))
		n = sizeof(buf) - 1;
	memcpy(buf, s, n);
	buf[n] = '\0';
	return fnmatch(pattern, buf, FNM_NOESCAPE) == 0;
}

/* The limit of a user by the running configuration; 0: none. */
static uint16_t
limit_of(const struct watch *w, const char *name, size_t n)
{
	struct conf_limit	*l;
	struct conf_exempt	*e;

	TAILQ_FOREACH(e, &w->conf->exempts, entry)
		if (e->w.kind == EXEMPT_USER && matches(e->w.pattern, name, n))
			return 0;
	TAILQ_FOREACH(l, &w->conf->limits, entry)
		if (matches(l->w.pattern, name, n))
			return (uint16_t)l->w.limit;
	return (uint16_t)w->conf->w.limit;
}

static struct user *
find_user(struct watch *w, const struct sighted *s)
{
	const struct slice	*email = &s->l.email;
	struct user		*u;

	if ((u = users_get(w->number, email->p, email->n, s->hash,
	    s->at)) == NULL)
		return NULL;
	if (u->epoch != epoch) {
		u->epoch = epoch;
		u->limit = limit_of(w, email->p, email->n);
	}
	return u;
}

void
watch_user(struct watch *w, const struct wire_state *m,
    const struct wire_sighting *list, size_t n)
{
	struct sighting	*s;
	struct user	*u;
	size_t		 i;

	u = users_get(w->number, m->name, m->name_len,
	    users_hash(w->number, m->name, m->name_len), m->touched);
	if (u == NULL)
		return;
	u->epoch = epoch;
	u->limit = limit_of(w, m->name, m->name_len);
	for (i = 0; i < n && (s = sighting_append(u)) != NULL; i++) {
		memcpy(s->addr, list[i].addr, sizeof(s->addr));
		s->last = (uint64_t)list[i].last & 0xffffffffffffULL;
		s->age = list[i].age & 0x7fffffff;
		s->port = list[i].port;
		s->v6 = list[i].v6 & 1;
	}
}

static int
is_wanted_inbound(const struct watch *w, const struct xray_line *l)
{
	struct conf_inbound	*i;
	struct slice		 tag;

	if (TAILQ_EMPTY(&w->conf->inbounds))
		return 1;
	tag = xray_inbound(l);
	TAILQ_FOREACH(i, &w->conf->inbounds, entry)
		if (matches(i->w.pattern, tag.p, tag.n))
			return 1;
	return 0;
}

static void
offended(struct context *c, const struct sighted *s, const struct user *u,
    const struct verdict *v)
{
	struct offence	o = {
		.watch = c->w, .user = u, .now = c->b->now,
		.offset = s->end, .line = s->p, .len = s->n
	};
	int		i;

	/*
	 * By the log's clock, so that it is the same when it is read again;
	 * but a log from tomorrow does not ban until the day after.
	 */
	o.at = s->at > o.now + SKEW_MAX ? o.now : s->at;
	if (c->identity == 0)
		c->identity = block_identity(c->b);
	o.file = c->identity;
	for (i = 0; i < v->n; i++) {
		o.offender = &v->list[i];
		if (decide(&o)) {
			o.part++;
			c->w->stats.offences++;
			counter_inc(PARSER_OFFENCES);
		}
	}
}

/* Whoever serves a ban for sharing is logged until his connections die. */
static int
is_dying(const struct context *c, const struct sighted *s)
{
	return c->w->rule.victim != BAN_NEWEST &&
	    decide_serving(c->w, &s->l.source, s->at);
}

static void
judge(struct context *c, const struct sighted *s)
{
	struct watch		*w = c->w;
	const struct xray_line	*l = &s->l;
	struct verdict		 v;
	struct user		*u;

	resume_until(w, s->at);
	if ((u = find_user(w, s)) == NULL || u->limit == 0 ||
	    is_dying(c, s))
		return;
	checkpoint_user(users_got());
	w->stats.matches++;
	rule_line(&w->rule, u, &l->source, l->port, s->at, &v);
	if (v.joined)
		warn_user(w, &l->source, u->hash);
	if (v.n > 0)
		offended(c, s, u, &v);
}

static int
is_countable(struct watch *w, const struct xray_line *l)
{
	if (l->email.n == 0 || !is_wanted_inbound(w, l) ||
	    prefixset_contains(&w->exempt, &l->source))
		return 0;
	if (l->port == 0 && !w->conf->w.trust_forwarded) {
		w->stats.forwarded++;
		counter_inc(PARSER_FORWARDED);
		warn_forwarded(w);
		return 0;
	}
	return 1;
}

/* When it happened: by its stamp, unless it is live and the stamp is absurd. */
static int
set_time(struct context *c, struct sighted *s)
{
	struct watch	*w = c->w;
	wall_t		 now = c->b->now;
	int64_t		 by;

	if (logtime_parse(&w->clock, s->l.date.p, s->l.date.n,
	    s->live ? now : 0, w->last, &s->at) == -1)
		return -1;
	w->last = s->at;
	by = s->at - now;
	if (!s->live || (by <= SKEW_MAX && by >= -SKEW_MAX))
		return 0;
	w->stats.skewed++;
	counter_inc(PARSER_SKEWED);
	warn_skewed(w, by, zone_offset(w->zone, now / 1000));
	s->at = now;
	return 0;
}

/* What a date says beyond milliseconds, in microseconds. */
static int
micros(const struct slice *date)
{
	int	us = 0, unit = 100;
	size_t	i;

	for (i = sizeof("2026/01/30 17:03:38.123") - 1; i < date->n &&
	    unit > 0; i++, unit /= 10)
		us += (date->p[i] - '0') * unit;
	return us;
}

stamp_t
watch_stamp(struct watch *w, const char *p, size_t n)
{
	struct xray_line	l;
	logtime_t		at;

	xray_parse(&l, p, n);
	if (l.date.n == 0 || logtime_parse(&w->clock, l.date.p, l.date.n, 0,
	    w->last, &at) == -1)
		return 0;
	return at * 1000 + micros(&l.date);
}

static void
unparsed(struct watch *w)
{
	w->stats.unparsed++;
	counter_inc(PARSER_UNPARSED);
}

/* What its grammar made of a line. */
static void
take_line(struct context *c, struct sighted *s)
{
	switch (s->l.kind) {
	case XRAY_UNKNOWN:
		if (s->n > 0)
			unparsed(c->w);
		break;
	case XRAY_MASKED:
		c->w->stats.masked++;
		counter_inc(PARSER_MASKED);
		warn_masked(c->w, s->l.from.p, s->l.from.n);
		break;
	case XRAY_ACCEPTED:
		if (set_time(c, s) == -1)
			unparsed(c->w);
		else if (is_countable(c->w, &s->l))
			judge(c, s);
		break;
	case XRAY_OTHER:
	case XRAY_REJECTED:
	case XRAY_NOSOURCE:
		break;
	}
}

/* The next line, if it is not too long: 1, or 0. */
static int
parse_line(struct context *c, struct sighted *s, const char *p, size_t n)
{
	if (n > LINE_MAX_LEN) {
		counter_inc(PARSER_LONG);
		warn_long(c->w, block_name(c->b));
		return 0;
	}
	s->p = p;
	s->n = n;
	s->end = c->b->offset + (uint64_t)(p + n + 1 - c->b->p);
	s->live = s->end > c->b->live_from;
	if (xray_parse(&s->l, p, n) == XRAY_ACCEPTED && s->l.email.n > 0)
		s->hash = users_hash(c->w->number, s->l.email.p,
		    s->l.email.n);
	return 1;
}

/* Each step for all of them, so that none waits for memory alone. */
static void
take_lines(struct context *c, struct sighted *s, size_t n)
{
	size_t	i;

	for (i = 0; i < n; i++)
		users_ahead1(s[i].hash);
	for (i = 0; i < n; i++)
		users_ahead2(s[i].hash);
	for (i = 0; i < n; i++)
		take_line(c, &s[i]);
}

void
watch_lines(struct watch *w, const struct block *b)
{
	struct sighted	 ahead[AHEAD] = { 0 };
	struct context	 c = { .w = w, .b = b };
	const char	*p = b->p, *end = b->p + b->n, *nl;
	uint64_t	 before = w->stats.matches, lines = 0;
	size_t		 n = 0;

	for (; p < end; p = nl + 1, lines++) {
		nl = memchr(p, '\n', (size_t)(end - p));
		n += (size_t)parse_line(&c, &ahead[n], p, (size_t)(nl - p));
		if (n == AHEAD) {
			take_lines(&c, ahead, n);
			n = 0;
		}
	}
	take_lines(&c, ahead, n);
	w->stats.lines += lines;
	w->stats.bytes += b->n;
	counter_add(PARSER_LINES, lines);
	counter_add(PARSER_BYTES, b->n);
	counter_add(PARSER_MATCHES, w->stats.matches - before);
	checkpoint_touch();
}

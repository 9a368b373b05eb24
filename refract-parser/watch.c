/*
 * Watches: from the configuration to what a line needs, and what is common to
 * the formats of lines.  See access.c and line.c for the lines themselves.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "access.h"
#include "checkpoint.h"
#include "counter.h"
#include "date.h"
#include "line.h"
#include "log.h"
#include "users.h"
#include "watch.h"

#define SKEW_MAX	60000		/* ms off the clock if live */
#define KEEP_MIN	(10 * 60 * 1000)	/* users stay for `show` */

/* What a configuration's watch is made ready into, until it is committed. */
struct plan {
	struct zone		*zone;
	struct prefixset	 exempt;
	struct text		*text;
	struct date		*date;
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
	text_free(p->text);
	date_free(p->date);
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
	char		 zone_why[DATE_WHY_LEN];

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
	if (cw->w.format == FORMAT_TEXT &&
	    (p->text = text_new(c, cw, p->zone, why)) == NULL) {
		plan_free(p);
		return -1;
	}
	if (cw->w.format == FORMAT_XRAY && *cw->w.json_time != '\0' &&
	    (p->date = date_new(NULL, 0, p->zone, zone_why)) == NULL)
		fatalx("watch %s: %s", cw->w.name, zone_why);
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
	text_free(w->text);
	date_free(w->date);
	zone_free(w->zone);
	prefixset_clear(&w->exempt);
	free(w);
}

static void
watch_adopt(struct watch *w, struct conf_watch *cw)
{
	struct plan	*p = cw->state;

	if (w->text != NULL && p->text != NULL)
		text_adopt(p->text, w->text);
	text_free(w->text);
	date_free(w->date);
	zone_free(w->zone);
	prefixset_clear(&w->exempt);
	if (w->conf != NULL && w->conf->w.format != cw->w.format)
		users_drop_watch(w->number);	/* they mean something else */
	w->conf = cw;
	w->text = p->text;
	w->date = p->date;
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

uint16_t
watch_epoch(void)
{
	return epoch;
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
	if (w->conf->w.format == FORMAT_XRAY)
		access_limit(w, u);
	for (i = 0; i < n && (s = sighting_append(u)) != NULL; i++) {
		memcpy(s->addr, list[i].addr, sizeof(s->addr));
		s->last = (uint64_t)list[i].last & 0xffffffffffffULL;
		/* The lines of matches are gone with the last run. */
		s->age = w->text != NULL ? 0 : list[i].age & 0x7fffffff;
		s->port = list[i].port;
		s->v6 = list[i].v6 & 1;
	}
}

/* Lines. */

logtime_t
watch_when(struct watch *w, logtime_t stamp, int live, wall_t now)
{
	int64_t	by = stamp - now;

	w->last = stamp;
	if (!live || (by <= SKEW_MAX && by >= -SKEW_MAX))
		return stamp;
	w->stats.skewed++;
	counter_inc(PARSER_SKEWED);
	warn_skewed(w, by, zone_offset(w->zone, now / 1000));
	return now;
}

/*
 * By the log's clock, so that it is the same when it is read again; but a log
 * from tomorrow does not ban until the day after.
 */
wall_t
watch_decided(logtime_t at, wall_t now)
{
	return at > now + SKEW_MAX ? now : at;
}

void
watch_unparsed(struct watch *w)
{
	w->stats.unparsed++;
	counter_inc(PARSER_UNPARSED);
}

int
watch_too_long(struct watch *w, const struct block *b, size_t n)
{
	if (n <= LINE_MAX_LEN)
		return 0;
	counter_inc(PARSER_LONG);
	warn_long(w, block_name(b));
	return 1;
}

stamp_t
watch_stamp(struct watch *w, const char *p, size_t n)
{
	return w->text != NULL ? text_stamp(w, p, n) : access_stamp(w, p, n);
}

void
watch_lines(struct watch *w, const struct block *b)
{
	uint64_t	before = w->stats.matches, lines;

	lines = w->text != NULL ? text_lines(w, b) : access_lines(w, b);
	w->stats.lines += lines;
	w->stats.bytes += b->n;
	if (lines > 0 && b->offset + b->n > b->live_from)
		w->read = b->now;
	counter_add(PARSER_LINES, lines);
	counter_add(PARSER_BYTES, b->n);
	counter_add(PARSER_MATCHES, w->stats.matches - before);
	checkpoint_touch();
}

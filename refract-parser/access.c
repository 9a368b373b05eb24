/*
 * From a line of Xray's log to an offence: users and their limits, forwarded
 * and masked addresses, the inbounds that are wanted.
 */
#include <fnmatch.h>
#include <string.h>

#include "access.h"
#include "checkpoint.h"
#include "counter.h"
#include "date.h"
#include "decide.h"
#include "json.h"
#include "resume.h"
#include "trace.h"
#include "users.h"
#include "watch.h"
#include "xray.h"

#define AHEAD		16	/* lines that are parsed before one is judged */

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
	int			 timed;		/* a JSON field says when: at */
	int			 addressed;	/* ... and who: addr */
	struct prefix		 addr;
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

void
access_limit(struct watch *w, struct user *u)
{
	const char	*name;
	size_t		 n;

	name = users_name(u, &n);
	u->epoch = watch_epoch();
	u->limit = limit_of(w, name, n);
}

static struct user *
find_user(struct watch *w, const struct sighted *s)
{
	const struct slice	*email = &s->l.email;
	struct user		*u;

	if ((u = users_get(w->number, email->p, email->n, s->hash,
	    s->at)) == NULL)
		return NULL;
	if (u->epoch != watch_epoch())
		access_limit(w, u);
	return u;
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
		.watch = c->w, .count = u->limit, .now = c->b->now,
		.again = c->b->again, .offset = s->end, .line = s->p,
		.len = s->n
	};
	int		i;

	o.name = users_name(u, &o.name_len);
	o.at = watch_decided(s->at, o.now);
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

/* How many addresses of a user are live, for refractd -t. */
static uint32_t
count_live(const struct watch *w, const struct user *u, logtime_t at)
{
	const struct sighting	*s;
	uint32_t		 i, n = 0;

	for (i = u->sightings; i != 0; i = s->next) {
		s = sighting_at(i);
		n += at - (int64_t)s->last <= w->rule.window;
	}
	return n;
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
	    is_dying(c, s)) {
		if (trace_on)
			trace_note(u == NULL || u->limit != 0 ? "not counted: "
			    "a ban is under way" : "not counted: no limit");
		return;
	}
	checkpoint_user(users_got());
	w->stats.matches++;
	rule_line(&w->rule, u, &l->source, l->port, s->at, &v);
	if (trace_on)
		trace_user(l->email.p, l->email.n, &l->source,
		    count_live(w, u, s->at), u->limit);
	if (v.joined)
		warn_user(w, &l->source, u->hash);
	if (v.n > 0)
		offended(c, s, u, &v);
}

static int
is_countable(struct watch *w, const struct xray_line *l)
{
	if (l->email.n == 0 || !is_wanted_inbound(w, l) ||
	    prefixset_contains(&w->exempt, &l->source)) {
		if (trace_on)
			trace_note(l->email.n == 0 ? "not counted: no user" :
			    is_wanted_inbound(w, l) ? "not counted: exempt" :
			    "not counted: another inbound");
		return 0;
	}
	if (trace_on && l->port == 0 && !w->conf->w.trust_forwarded)
		trace_note("not counted: the address was forwarded");
	if (l->port == 0 && !w->conf->w.trust_forwarded) {
		w->stats.forwarded++;
		counter_inc(PARSER_FORWARDED);
		warn_forwarded(w);
		return 0;
	}
	return 1;
}

/* 0, or -1 if it has no date. */
static int
set_time(struct context *c, struct sighted *s)
{
	struct watch	*w = c->w;

	if (!s->timed && logtime_parse(&w->clock, s->l.date.p, s->l.date.n,
	    s->live ? c->b->now : 0, w->last, &s->at) == -1)
		return -1;
	s->at = watch_when(w, s->at, s->live, c->b->now);
	if (trace_on)
		trace_time(s->at, s->l.date.p, s->l.date.n, "Xray's");
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

/* The time of a JSON field, if there is one: 1, or 0. */
static int
json_time(struct watch *w, const struct json_line *j, int live, wall_t now,
    logtime_t *at)
{
	return w->date != NULL && j->time != NULL && date_parse_text(w->date,
	    j->time, j->time_len, live, now, w->last, at) == 0;
}

stamp_t
access_stamp(struct watch *w, const char *p, size_t n)
{
	static struct json_line	j;
	struct xray_line	l;
	logtime_t		at;

	if (w->conf->w.json) {
		if (json_line(&w->conf->w, p, n, &j) != 0)
			return 0;
		if (json_time(w, &j, 0, wall_now(), &at))
			return at * 1000 + date_micros(w->date);
		p = j.message;
		n = j.message_len;
	}
	xray_parse(&l, p, n);
	if (l.date.n == 0 || logtime_parse(&w->clock, l.date.p, l.date.n, 0,
	    w->last, &at) == -1)
		return 0;
	return at * 1000 + micros(&l.date);
}

/* For refractd -t. */
static void
explain(struct context *c, const struct sighted *s)
{
	static const char	*notes[] = {
		[XRAY_UNKNOWN] = "not counted: nothing that Xray writes",
		[XRAY_OTHER] = "not counted: no access",
		[XRAY_REJECTED] = "not counted: rejected",
		[XRAY_NOSOURCE] = "not counted: not from an address",
		[XRAY_MASKED] = "not counted: the address is masked",
		[XRAY_ACCEPTED] = NULL
	};

	trace_begin(c->w, c->b, s->p, s->n);
	if (notes[s->l.kind] != NULL)
		trace_note(notes[s->l.kind]);
}

/* What its grammar made of a line. */
static void
take_line(struct context *c, struct sighted *s)
{
	if (trace_on)
		explain(c, s);
	switch (s->l.kind) {
	case XRAY_UNKNOWN:
		if (s->n > 0)
			watch_unparsed(c->w);
		break;
	case XRAY_MASKED:
		c->w->stats.masked++;
		counter_inc(PARSER_MASKED);
		warn_masked(c->w, s->l.from.p, s->l.from.n);
		break;
	case XRAY_ACCEPTED:
		if (set_time(c, s) == -1)
			watch_unparsed(c->w);
		else if (is_countable(c->w, &s->l))
			judge(c, s);
		break;
	case XRAY_OTHER:
	case XRAY_REJECTED:
	case XRAY_NOSOURCE:
		break;
	}
	if (trace_on)
		trace_end();
}

/* What the object says is the line: 1, or 0 if there is none in it. */
static int
open_json(struct context *c, struct sighted *s)
{
	static struct json_line	j;
	int			status = json_line(&c->w->conf->w, s->p, s->n,
				    &j);

	if (status == -1 && s->n > 0)
		watch_unparsed(c->w);
	if (status != 0)
		return 0;
	s->p = j.message;
	s->n = j.message_len;
	s->timed = json_time(c->w, &j, s->live, c->b->now, &s->at);
	s->addressed = j.addr != NULL &&
	    addr_parse(&s->addr, j.addr, j.addr_len) == 0;
	return 1;
}

/* The next line, if it is not too long: 1, or 0. */
static int
parse_line(struct context *c, struct sighted *s, const char *p, size_t n)
{
	if (watch_too_long(c->w, c->b, n))
		return 0;
	s->p = p;
	s->n = n;
	s->end = c->b->offset + (uint64_t)(p + n + 1 - c->b->p);
	s->live = s->end > c->b->live_from;
	s->timed = s->addressed = 0;
	if (c->w->conf->w.json && !open_json(c, s))
		return 0;
	if (xray_parse(&s->l, s->p, s->n) == XRAY_ACCEPTED &&
	    s->l.email.n > 0)
		s->hash = users_hash(c->w->number, s->l.email.p,
		    s->l.email.n);
	if (s->addressed)
		s->l.source = s->addr;
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

uint64_t
access_lines(struct watch *w, const struct block *b)
{
	struct sighted	 ahead[AHEAD] = { 0 };
	struct context	 c = { .w = w, .b = b };
	const char	*p = b->p, *end = b->p + b->n, *nl;
	uint64_t	 lines = 0;
	/* What an object says is valid until the next one is opened. */
	size_t		 n = 0, most = w->conf->w.json ? 1 : AHEAD;

	for (; p < end; p = nl + 1, lines++) {
		nl = memchr(p, '\n', (size_t)(end - p));
		n += (size_t)parse_line(&c, &ahead[n], p, (size_t)(nl - p));
		if (n == most) {
			take_lines(&c, ahead, n);
			n = 0;
		}
	}
	take_lines(&c, ahead, n);
	return lines;
}

/*
 * The way of a line of text to an offence.
 */
#include <sys/socket.h>

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoint.h"
#include "count.h"
#include "counter.h"
#include "date.h"
#include "decide.h"
#include "evidence.h"
#include "fail.h"
#include "json.h"
#include "line_text.h"
#include "resume.h"
#include "trace.h"
#include "users.h"
#include "watch.h"

#define BACK_LINES	16	/* looked at for a date that a line lacks */

static struct key	key;		/* of the match at work */

/* When. */

static enum date_found
find_date(struct text_line *l, const char *p, size_t n, logtime_t *at,
    size_t *start, size_t *end)
{
	return date_find(l->finder, p, n, l->live, l->b->now, l->w->last, at,
	    start, end);
}

/* Lines before it in this block, as a trace of calls has its date above it. */
static int
time_above(struct text_line *l, logtime_t *at)
{
	const char	*end = l->whole, *p;
	size_t		 from, to;
	int		 i;

	for (i = 0; i < BACK_LINES && end > l->b->p; i++, end = p) {
		end--;		/* its newline */
		p = memrchr(l->b->p, '\n', (size_t)(end - l->b->p));
		p = p == NULL ? l->b->p : p + 1;
		if (find_date(l, p, (size_t)(end - p), at, &from, &to) ==
		    DATE_FOUND)
			return 1;
	}
	return 0;
}

static logtime_t
time_without(struct text_line *l)
{
	logtime_t	at;
	stamp_t		last;

	if (l->live)
		return l->b->now;
	if (!l->w->conf->w.json && time_above(l, &at))
		return at;
	if (l->b->file == NULL || (last = file_last(l->b->file)) == 0)
		return l->b->now;
	return last / 1000;
}

void
text_cut(struct text_line *l)
{
	struct dated	*d = l->dated;

	if (l->cut)
		return;
	l->cut = 1;
	l->date = l->date_len = 0;
	if (l->stamp != 0)
		return;
	if (d->line != l->w->text->line) {
		d->line = l->w->text->line;
		d->found = find_date(l, l->p, l->n, &d->at, &d->start,
		    &d->end);
	}
	if (d->found == DATE_NONE)
		return;
	l->date = d->start;
	l->date_len = d->end - d->start;
}

logtime_t
text_time(struct text_line *l)
{
	if (l->timed)
		return l->at;
	l->timed = 1;
	text_cut(l);
	if (l->stamp != 0)
		l->at = watch_when(l->w, l->stamp / 1000, l->live, l->b->now);
	else if (l->dated->found == DATE_FOUND)
		l->at = watch_when(l->w, l->dated->at, l->live, l->b->now);
	else
		l->at = time_without(l);
	if (l->at < 0)
		l->at = 0;
	return l->at;
}

/* Dates are found this way from here on. */
static void
set_finder(struct text_line *l, struct dated *d)
{
	if (l->dated == d)
		return;
	l->dated = d;
	l->finder = d->date;
	l->cut = l->timed = 0;
}

/* Regexes. */

static void
limit_hit(struct text_line *l, size_t i)
{
	const struct pattern_stats	*s = pattern_stats(l->patterns, i);

	l->w->stats.limits++;
	counter_inc(PARSER_LIMITS);
	if (pattern_bad(l->patterns, i))
		warn_limits(l->w, pattern_where(l->patterns, i), s->limits,
		    s->tried);
}

int
text_exec(struct text_line *l, size_t i, const char *p, size_t n,
    size_t from, const size_t **vector)
{
	int	found;

	if ((found = pattern_exec(l->patterns, i, p, n, from, vector)) == -1)
		limit_hit(l, i);
	return found;
}

/* One of the kind among those that may match: its index, or -1. */
static int
find_kind(struct text_line *l, enum pattern_kind kind, const size_t **vector)
{
	const struct item	*items = l->w->text->items;
	size_t			 i;

	for (i = 0; i < l->ncands; i++)
		if (items[l->cands[i]].conf->w.kind == kind &&
		    text_exec(l, l->cands[i], l->p, l->n, 0, vector) == 1)
			return l->cands[i];
	return -1;
}

static int
is_ignored_line(struct text_line *l)
{
	const size_t	*vector;

	if (l->ignored == -1)
		l->ignored = l->w->text->nignore_lines > 0 &&
		    find_kind(l, PATTERN_IGNORE, &vector) != -1;
	return l->ignored;
}

/* Values. */

/* "192.0.2.0/24" of <prefix>. */
static int
parse_prefix(struct prefix *addr, const char *p, size_t n)
{
	char	buf[PREFIX_STRLEN];

	if (n >= sizeof(buf) || memchr(p, '/', n) == NULL)
		return -1;
	memcpy(buf, p, n);
	buf[n] = '\0';
	return prefix_parse(addr, buf);
}

/*
 * A captured prefix that is larger than a ban of the watch may be is a value
 * like others: who writes a log line shall not choose how much is banned.
 */
static int
set_addr(const struct watch *w, struct match *m, const char *p, size_t n)
{
	const struct wire_global	*g = watch_global();
	const struct wire_watch		*c = &w->conf->w;
	struct prefix			 addr;
	unsigned int			 v4, v6;

	if (n > 2 && p[0] == '[' && p[n - 1] == ']') {
		p++;
		n -= 2;
	}
	if (addr_parse(&addr, p, n) == 0) {
		m->addr = addr;
		return 1;
	}
	v4 = c->ban_prefix ? c->group4 : g->plen4;
	v6 = c->ban_prefix ? c->group6 : g->plen6;
	if (parse_prefix(&addr, p, n) == -1 ||
	    addr.plen < (addr.family == AF_INET ? v4 : v6))
		return 0;
	m->addr = addr;
	return 1;
}

void
text_value(struct match *m, const char *name, const char *p, size_t n)
{
	if (m->nvalues == MATCH_VALUES)
		return;
	m->values[m->nvalues].name = name;
	m->values[m->nvalues].p = p;
	m->values[m->nvalues++].n = n;
}

static void
fill_match(struct text_line *l, const struct item *it, const size_t *vector,
    struct match *m)
{
	const struct capture	*c;
	const char		*p;
	size_t			 i, n;

	m->pattern = it->conf;
	m->addr = l->addr;
	m->weight = it->conf->w.weight;
	m->nvalues = 0;
	m->key = m->line = NULL;
	m->lines = 1;
	for (i = 0; i < it->ncaptures; i++) {
		c = &it->captures[i];
		if ((p = pattern_text(c->groups, c->ngroups, vector, l->p,
		    &n)) == NULL)
			continue;
		if (!c->is_addr)
			text_value(m, c->name, p, n);
		else if (!set_addr(l->w, m, p, n))
			text_value(m, "host", p, n);
	}
}

/* Ignoring values. */

/* The regexes among `ignore` that may match: are asked each for its name. */
static int
is_value_matched(struct text *x, const char *name, const char *p, size_t n)
{
	const uint16_t		*cands;
	const size_t		*vector;
	const struct ignore	*ig;
	size_t			 i, j, ncands;

	ncands = patterns_scan(x->values, p, n, &cands);
	for (i = 0; i < ncands; i++)
		for (j = 0; j < x->nignores; j++) {
			ig = &x->ignores[j];
			if (ig->conf->w.kind == IGNORE_REGEX &&
			    ig->regex == cands[i] &&
			    strcmp(ig->conf->w.name, name) == 0 &&
			    pattern_exec(x->values, cands[i], p, n, 0,
			    &vector) == 1)
				return 1;
		}
	return 0;
}

static int
is_exact(const struct ignore *ig, const char *name, const char *p, size_t n)
{
	return ig->conf->w.kind == IGNORE_EXACT && ig->conf->len - 1 == n &&
	    memcmp(ig->conf->text, p, n) == 0 &&
	    strcmp(ig->conf->w.name, name) == 0;
}

static int
is_value_ignored(struct text *x, const char *name, const char *p, size_t n)
{
	size_t	i;

	for (i = 0; i < x->nignores; i++)
		if (is_exact(&x->ignores[i], name, p, n))
			return 1;
	return patterns_count(x->values) > 0 &&
	    is_value_matched(x, name, p, n);
}

static int
is_addr_ignored(struct text *x, const struct prefix *addr)
{
	const struct ignore	*ig;
	char			 buf[PREFIX_STRLEN];
	size_t			 i;

	for (i = 0; i < x->nignores; i++) {
		ig = &x->ignores[i];
		if ((ig->table != NULL &&
		    prefixset_contains(ig->table, addr)) ||
		    (ig->addr.family != 0 &&
		    strcmp(ig->conf->w.name, "addr") == 0 &&
		    prefix_cmp(&ig->addr, addr) == 0))
			return 1;
	}
	if (patterns_count(x->values) == 0)
		return 0;
	prefix_print(addr, buf);
	return is_value_matched(x, "addr", buf, strlen(buf));
}

static int
has_ignored_value(struct text *x, const struct match *m)
{
	unsigned int	i;

	if (x->nignores == 0)
		return 0;
	if (m->addr.family != 0 && is_addr_ignored(x, &m->addr))
		return 1;
	for (i = 0; i < m->nvalues; i++)
		if (is_value_ignored(x, m->values[i].name, m->values[i].p,
		    m->values[i].n))
			return 1;
	return 0;
}

/* Who may never be banned is not counted where counting bans. */
static int
is_exempt(const struct watch *w, const struct match *m)
{
	return m->addr.family != 0 &&
	    (prefixset_contains(&w->exempt, &m->addr) ||
	    (w->conf->w.bans && watch_is_protected(&m->addr)));
}

/* Counting. */

struct count
text_rule(const struct watch *w)
{
	struct count	c = { w->conf->w.window, w->conf->w.after };

	if (c.after == 0)
		c.after = 1;
	return c;
}

static unsigned int
take_evidence(const struct counted *r, uint32_t own, uint32_t hash,
    struct msg_evidence *list)
{
	unsigned int	i, n = 0;

	/* The last ones; the line that offends is told apart. */
	i = r->nlines > EVIDENCE_MAX + 1 ? r->nlines - EVIDENCE_MAX - 1 : 0;
	for (; i < r->nlines && n < EVIDENCE_MAX; i++)
		if (r->lines[i] != own &&
		    evidence_get(r->lines[i], hash, &list[n]))
			n++;
	return n;
}

static void
offended(struct text_line *l, const struct match *m, uint32_t total,
    const struct msg_evidence *lines, unsigned int nlines)
{
	const struct offender	who = { .addr = m->addr };
	struct offence		o = {
		.watch = l->w, .name = key.bytes, .name_len = key.n,
		.count = total, .offender = &who, .match = m,
		.lines = lines, .nlines = nlines,
		.at = watch_decided(l->at, l->b->now), .now = l->b->now,
		.file = block_identity(l->b), .offset = l->end,
		.again = l->b->again,
		.part = l->part,
		.line = m->line != NULL ? m->line : l->whole,
		.len = m->line != NULL ? m->len : l->whole_len
	};

	if (!decide(&o))
		return;
	l->part++;
	l->w->stats.offences++;
	counter_inc(PARSER_OFFENCES);
}

static void
count_match(struct text_line *l, const struct match *m,
    const struct count *c)
{
	static uint32_t		 numbers[AFTER_MAX];
	struct msg_evidence	 lines[EVIDENCE_MAX];
	struct counted		 r = { .lines = numbers };
	struct sighting		 s = { .last = (uint64_t)l->at &
				    0xffffffffffffULL };
	struct user		*u;
	uint32_t		 hash;
	unsigned int		 n;

	hash = users_hash(l->w->number, key.bytes, key.n);
	if ((u = users_get(l->w->number, key.bytes, key.n, hash, l->at)) ==
	    NULL)
		return;
	checkpoint_user(users_got());
	memcpy(s.addr, m->addr.addr, sizeof(s.addr));
	s.v6 = m->addr.family == AF_INET6;
	s.port = m->weight & 0xffff;
	s.age = evidence_put(hash, l->at,
	    m->line != NULL ? m->line : l->whole,
	    m->line != NULL ? m->len : l->whole_len) & 0x7fffffff;
	count_add(c, u, &s, &r);
	if (trace_on)
		trace_count(r.total, c->after);
	if (!r.offends)
		return;
	n = take_evidence(&r, s.age, hash, lines);
	offended(l, m, r.total, lines, n);
}

/* All of those would be counted together. */
static int
without_key(const struct text_line *l)
{
	if (trace_on)
		trace_note("a match without an address, which its key needs");
	watch_unparsed(l->w);
	return 0;
}

int
text_match(struct text_line *l, const struct match *m)
{
	struct count	c = text_rule(l->w);
	uint32_t	owner = m->pattern->w.filter == 0 ? TEXT_TAKEN :
			    m->pattern->w.filter;

	if (l->taken != 0 && (l->taken != owner || owner == TEXT_TAKEN))
		return 0;
	if (is_ignored_line(l) || has_ignored_value(l->w->text, m) ||
	    is_exempt(l->w, m)) {
		if (trace_on)
			trace_match(is_exempt(l->w, m) ? TRACE_EXEMPT :
			    TRACE_IGNORED, m, NULL, 0);
		l->w->stats.ignored++;
		counter_inc(PARSER_IGNORED);
		return 0;
	}
	if (count_key(l->w->conf, m, &key) == -1)
		return without_key(l);
	l->taken = owner;
	l->w->stats.matches++;
	resume_until(l->w, text_time(l));
	if (trace_on) {
		trace_match(TRACE_COUNTED, m, key.bytes, key.n);
		trace_count(m->weight, c.after);
	}
	if (c.after == 1)
		offended(l, m, m->weight, NULL, 0);	/* nothing to count */
	else
		count_match(l, m, &c);
	return 1;
}

void
text_cancel(struct text_line *l, const struct match *m)
{
	struct user	*u;

	if (count_key(l->w->conf, m, &key) == -1) {
		(void)without_key(l);
		return;
	}
	resume_until(l->w, text_time(l));
	if (trace_on)
		trace_match(TRACE_CANCELLED, m, key.bytes, key.n);
	if ((u = users_find(l->w->number, key.bytes, key.n)) == NULL ||
	    count_clear(u) == 0)
		return;
	checkpoint_user(users_got());
	l->w->stats.cancelled++;
	counter_inc(PARSER_CANCELLED);
}

/* Lines. */

static void
try_cancel(struct text_line *l)
{
	const size_t	*vector;
	struct match	 m;
	int		 i;

	if ((i = find_kind(l, PATTERN_CANCEL, &vector)) == -1)
		return;
	fill_match(l, &l->w->text->items[i], vector, &m);
	text_cancel(l, &m);
	l->taken = TEXT_TAKEN;
}

static void
try_match(struct text_line *l, size_t i)
{
	const size_t	*vector;
	struct match	 m;

	if (l->taken != 0 || text_exec(l, i, l->p, l->n, 0, &vector) != 1)
		return;
	fill_match(l, &l->w->text->items[i], vector, &m);
	(void)text_match(l, &m);
}

/* Its own among those that may match. */
static void
try_filter(struct text_line *l, struct filter *f)
{
	const struct text	*x = l->w->text;
	uint16_t		 own[PATTERNS_MAX];
	size_t			 i, n = 0;

	f->told = 1;
	for (i = 0; i < l->ncands; i++)
		if (x->items[l->cands[i]].filter == f)
			own[n++] = l->cands[i];
	set_finder(l, f->dated);
	fail_line(f->fail, l, own, n);
}

/* Filters of several lines see those without a candidate too. */
static void
tell_filters(struct text_line *l)
{
	struct text	*x = l->w->text;
	size_t		 i;

	for (i = 0; i < x->nfilters; i++) {
		if (!x->filters[i].told && x->filters[i].conf->w.maxlines > 1)
			try_filter(l, &x->filters[i]);
		x->filters[i].told = 0;
	}
}

static void
try_all(struct text_line *l)
{
	struct text	*x = l->w->text;
	struct item	*it;
	size_t		 i;

	if (x->ncancels > 0)
		try_cancel(l);
	for (i = 0; i < l->ncands; i++) {
		it = &x->items[l->cands[i]];
		if (it->conf->w.kind == PATTERN_MATCH)
			try_match(l, l->cands[i]);
		else if (it->filter != NULL && !it->filter->told)
			try_filter(l, it->filter);
	}
	if (x->nfilters > 0)
		tell_filters(l);
}

/* A regex sees so much of it, and a newline. */
static void
shorten(struct text_line *l)
{
	static char	buf[PATTERN_LINE_MAX];

	counter_inc(PARSER_CUT);
	warn_cut(l->w, block_name(l->b));
	l->n = sizeof(buf) - 1;
	memcpy(buf, l->p, l->n);
	buf[l->n] = '\n';
	l->p = buf;
}

/* An address alone, or with a port: "192.0.2.1:80", "[2001:db8::1]:80". */
static void
parse_peer(struct prefix *addr, const char *p, size_t n)
{
	const char	*end;
	size_t		 i;

	if (addr_parse(addr, p, n) == 0 || n == 0)
		return;
	if ((end = memchr(p, *p == '[' ? ']' : ':', n)) == NULL)
		return;
	i = (size_t)(end - p) + (*p == '[');
	if (i < n && p[i] == ':')
		for (i++; i < n && isdigit((unsigned char)p[i]);)
			i++;
	if (i < n)
		return;
	if (*p == '[')
		p++;
	(void)addr_parse(addr, p, (size_t)(end - p));
}

/* What the object says is the line: 0, or -1 if there is nothing to match. */
static int
open_json(struct text_line *l)
{
	static struct json_line	 out;
	static char		 buf[PATTERN_LINE_MAX];
	struct text		*x = l->w->text;
	logtime_t		 at;
	int			 status;

	if ((status = json_line(&l->w->conf->w, l->p, l->n, &out)) != 0) {
		if (status == -1 && l->n > 0)
			watch_unparsed(l->w);
		return -1;
	}
	if (out.addr != NULL)
		parse_peer(&l->addr, out.addr, out.addr_len);
	if (out.time != NULL && date_parse_text(x->dates->date, out.time,
	    out.time_len, l->live, l->b->now, l->w->last, &at) == 0)
		l->stamp = at * 1000;
	l->p = out.message;
	l->n = out.message_len;
	if (l->n < sizeof(buf)) {	/* else it is shortened to a copy */
		memcpy(buf, l->p, l->n);
		buf[l->n] = '\n';
		l->p = buf;
	}
	return 0;
}

/* For refractd -t: its date too, which nobody asks for without a match. */
static void
explain(struct text_line *l)
{
	const struct text	*x = l->w->text;

	if (!l->timed && x->nfilters > 0)
		set_finder(l, x->filters[0].dated);
	(void)text_time(l);
	trace_time(l->at, l->p + l->date, l->date_len, l->stamp != 0 ?
	    "given with the line" : l->date_len == 0 ? NULL :
	    date_name(l->finder, date_used(l->finder)));
	trace_end();
}

static void
take_line(struct watch *w, const struct block *b, const char *p, size_t n)
{
	struct text		*x = w->text;
	struct text_line	 l = {
		.w = w, .b = b, .patterns = x->patterns, .dated = x->dates,
		.finder = x->dates->date,
		.p = p, .n = n, .whole = p, .whole_len = n, .ignored = -1,
		.end = b->offset + (uint64_t)(p + n + 1 - b->p),
		.stamp = b->at
	};

	x->line++;
	l.live = l.end > b->live_from;
	if (trace_on)
		trace_begin(w, b, p, n);
	if (w->conf->w.json && open_json(&l) == -1) {
		if (trace_on) {
			trace_note("no JSON object with that field");
			trace_end();
		}
		return;
	}
	if (l.n >= PATTERN_LINE_MAX)
		shorten(&l);
	l.ncands = patterns_scan(x->patterns, l.p, l.n + 1, &l.cands);
	if (l.ncands > 0 || x->every_line)
		try_all(&l);
	if (trace_on)
		explain(&l);
}

uint64_t
text_lines(struct watch *w, const struct block *b)
{
	const char	*p, *end = b->p + b->n, *nl;
	uint64_t	 lines = 0;

	for (p = b->p; p < end; p = nl + 1, lines++) {
		nl = memchr(p, '\n', (size_t)(end - p));
		if (!watch_too_long(w, b, (size_t)(nl - p)))
			take_line(w, b, p, (size_t)(nl - p));
	}
	return lines;
}

static stamp_t
json_stamp(struct watch *w, const char *p, size_t n)
{
	static struct json_line	 out;
	logtime_t		 at;

	if (json_line(&w->conf->w, p, n, &out) == -1 || out.time == NULL ||
	    date_parse_text(w->text->dates->date, out.time, out.time_len, 0,
	    wall_now(), w->last, &at) == -1)
		return 0;
	return at * 1000;
}

stamp_t
text_stamp(struct watch *w, const char *p, size_t n)
{
	struct text	*x = w->text;
	struct date	*date = x->dates->date;
	logtime_t	 at;
	size_t		 start, end;

	if (w->conf->w.json)
		return json_stamp(w, p, n);
	if (x->nfilters > 0)
		date = x->filters[0].dated->date;
	if (date_find(date, p, n, 0, wall_now(), w->last, &at, &start,
	    &end) != DATE_FOUND)
		return 0;
	return at * 1000 + date_micros(date);
}

int
text_pattern(const struct watch *w, size_t i, struct row_pattern *r)
{
	const struct text		*x = w->text;
	const struct pattern_stats	*s;

	memset(r, 0, sizeof(*r));
	if (x == NULL || i >= x->nitems)
		return 0;
	s = pattern_stats(x->patterns, i);
	r->tried = s->tried;
	r->hits = s->hits;
	r->limits = s->limits;
	r->kind = x->items[i].conf->w.kind;
	r->weight = x->items[i].conf->w.weight;
	strlcpy(r->watch, w->conf->w.name, sizeof(r->watch));
	strlcpy(r->where, x->items[i].conf->w.where, sizeof(r->where));
	return 1;
}

/* By hand. */

/* -1: its address is none, or more than a ban may cover. */
static int
fill_by_hand(const struct watch *w, const struct msg_trigger *t,
    struct match *m)
{
	const char	*p = t->values, *end = p + t->values_len, *value;

	memset(m, 0, sizeof(*m));
	for (; p < end; p = value + strlen(value) + 1) {
		value = p + strlen(p) + 1;
		if (strcmp(p, "addr") != 0)
			text_value(m, p, value, strlen(value));
		else if (!set_addr(w, m, value, strlen(value)))
			return -1;
	}
	return 0;
}

/* Of this run: nothing that is read from a log has such a name. */
static void
name_by_hand(struct offence *o)
{
	static uint64_t	run, number;

	if (run == 0)
		arc4random_buf(&run, sizeof(run));
	o->file = run | 1;
	o->offset = ++number;
}

int
text_trigger(const struct msg_trigger *t)
{
	static const char	 line[] = "counted by hand";
	struct watch		*w = watch_byhash(watch_hash(t->watch));
	struct match		 m;
	struct offender		 who = { .port = 0 };
	struct user		*u;
	struct offence		 o = {
		.watch = w, .offender = &who, .match = &m, .by_hand = 1,
		.line = line, .len = sizeof(line) - 1
	};

	if (w == NULL)
		return -1;
	if (fill_by_hand(w, t, &m) == -1)
		return -2;
	if (count_key(w->conf, &m, &key) == -1)
		return -2;
	who.addr = m.addr;
	o.name = key.bytes;
	o.name_len = key.n;
	o.at = o.now = wall_now();
	name_by_hand(&o);
	u = users_find(w->number, key.bytes, key.n);
	if (w->text != NULL && u != NULL && count_clear(u) > 0)
		checkpoint_user(users_got());
	if (!decide(&o))
		return 0;
	w->stats.offences++;
	counter_inc(PARSER_OFFENCES);
	checkpoint_touch();
	return 1;
}

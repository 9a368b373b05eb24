/*
 * Decisions, and the bans that run, so that none is asked for twice; and, of
 * watches that only run commands, what runs for a key.
 */
#include <netinet/in.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoint.h"
#include "child.h"
#include "count.h"
#include "decide.h"
#include "decided.h"
#include "evidence.h"
#include "grow.h"
#include "line.h"
#include "log.h"
#include "resume.h"
#include "text.h"
#include "trace.h"
#include "watch.h"

#define SETS		8192	/* bans remembered: SETS * WAYS */
#define WAYS		8
#define REFUSED		60000	/* ms until one is asked for again */

/* A ban that runs, or commands for a key: end 0 is free. */
struct serving {
	uint64_t	watch;
	uint64_t	key;		/* of commands; 0: a ban */
	uint64_t	subject;	/* 0: not known */
	wall_t		start, end;
	struct prefix	prefix;
	uint8_t		zero[6];
};

static struct {
	uint64_t		 seed;
	unsigned int		 serving;	/* slots ever used */
} de;

/* Pages that are never used are never there. */
static struct serving		bans[SETS][WAYS];

void
decide_init(void)
{
	arc4random_buf(&de.seed, sizeof(de.seed));
}

void
decide_clear(void)
{
	memset(&de, 0, sizeof(de));
	memset(bans, 0, sizeof(bans));
}

/* The bans that run. */

/* Of whom there can be one: a prefix that is banned, or a key. */
struct place {
	uint64_t	key;		/* 0: the prefix */
	struct prefix	prefix;
};

static struct serving *
set_of(const struct watch *w, const struct place *p)
{
	uint64_t	seed = de.seed ^ w->hash;

	return bans[(p->key != 0 ? p->key ^ seed :
	    prefix_hash(&p->prefix, seed)) % SETS];
}

static struct serving *
find_ban(const struct watch *w, const struct place *p)
{
	struct serving	*s = set_of(w, p);
	int		 i;

	for (i = 0; i < WAYS; i++)
		if (s[i].end != 0 && s[i].watch == w->hash &&
		    s[i].key == p->key && (p->key != 0 ||
		    prefix_cmp(&s[i].prefix, &p->prefix) == 0))
			return &s[i];
	return NULL;
}

/* The one that ends first makes room. */
static struct serving *
new_ban(const struct watch *w, const struct place *p)
{
	struct serving	*s = set_of(w, p), *best = s;
	int		 i;

	for (i = 1; i < WAYS; i++)
		if (s[i].end < best->end)
			best = &s[i];
	best->watch = w->hash;
	best->key = p->key;
	best->subject = 0;
	best->prefix = p->prefix;
	de.serving = 1;
	return best;
}

/* What a ban of this address covers. */
static void
banned_prefix(const struct watch *w, const struct prefix *addr,
    struct prefix *p)
{
	const struct wire_global	*g = watch_global();
	const struct wire_watch		*c = &w->conf->w;

	*p = *addr;
	if (c->ban_prefix)
		prefix_group(p, c->group4, c->group6);
	else
		prefix_group(p, g->plen4, g->plen6);
}

int
decide_serving(const struct watch *w, const struct prefix *addr, wall_t at)
{
	const struct serving	*s;
	struct place		 p = { .key = 0 };

	if (!de.serving)
		return 0;
	banned_prefix(w, addr, &p.prefix);
	return (s = find_ban(w, &p)) != NULL && s->start <= at && at < s->end;
}

uint32_t
decide_bans(const struct watch *w, const struct prefix *addr)
{
	struct prefix	p;

	banned_prefix(w, addr, &p);
	return grow_count(w->hash, &p);
}

/* A later one of the same address wins, in whatever order they come. */
void
decide_served(const struct wire_served *m)
{
	const struct watch	*w = watch_byhash(m->watch);
	const struct place	 p = { m->subject, m->prefix };
	struct serving		*s;

	if (w == NULL)
		return;
	if ((s = find_ban(w, &p)) == NULL)
		s = new_ban(w, &p);
	else if (s->start > m->start)
		return;
	s->subject = m->subject;
	s->start = m->start;
	s->end = m->end;
}

void
decide_refused(const struct wire_event *e)
{
	const struct watch	*w = watch_byhash(e->ban.id.watch);
	const struct place	 p = { 0, e->ban.prefix };
	struct serving		*s;

	if (w == NULL || (s = find_ban(w, &p)) == NULL ||
	    s->start != e->ban.start || s->end - s->start <= 2 * REFUSED)
		return;
	s->end = s->start + 2 * REFUSED;	/* half of it must be over */
}

/* Is there nothing new in it? */
static int
is_served(const struct serving *s, wall_t at)
{
	if (s == NULL || at >= s->end)
		return 0;
	return s->end == WALL_FOREVER || s->end - at > (s->end - s->start) / 2;
}

static int
target_covers(const struct msg_target *t, const struct serving *s)
{
	if (t->prefix.family != 0 && !prefix_overlap(&t->prefix, &s->prefix))
		return 0;
	return *t->user == '\0' || s->subject == 0 ||
	    s->subject == watch_hash(t->user);
}

void
decide_forgive(const struct msg_target *t, const struct watch *w)
{
	size_t	i, j;

	if (!de.serving)
		return;
	for (i = 0; i < SETS; i++)
		for (j = 0; j < WAYS; j++)
			if (bans[i][j].end != 0 && (w == NULL ||
			    bans[i][j].watch == w->hash) &&
			    target_covers(t, &bans[i][j]))
				memset(&bans[i][j], 0, sizeof(bans[i][j]));
}

/* One decision. */

/* Who it is, for people and for the operator's `unban`. */
static void
put_subject(const struct offence *o, char subject[SUBJECT_LEN])
{
	if (o->watch->conf->w.format == FORMAT_TEXT)
		count_show(subject, SUBJECT_LEN, o->name, o->name_len);
	else
		text_vis(subject, SUBJECT_LEN, o->name, o->name_len);
}

static void
ban_of(const struct offence *o, struct wire_ban *b)
{
	memset(b, 0, sizeof(*b));
	b->id.watch = o->watch->hash;
	b->id.file = o->file;
	b->id.offset = o->offset;
	b->id.part = o->part;
	b->start = o->at;
	put_subject(o, b->subject);
	if (o->offender->addr.family == 0)
		return;
	b->peer_port = o->offender->port;
	b->offender = o->offender->addr;
	banned_prefix(o->watch, &b->offender, &b->prefix);
}

static void
send_bans(const struct wire_watch *w, struct wire_ban *b)
{
	struct channel	*ch = child_channel(ROLE_ENFORCER, 0);
	unsigned int	 i;

	for (i = 0; i < w->nports; i++) {
		b->port = w->ports[i].port;
		b->proto = w->ports[i].proto;
		b->flags = i + 1 < w->nports ? BANF_MORE : 0;
		channel_send(ch, M_BAN, 0, b, sizeof(*b));
	}
	if (w->nports == 0)
		channel_send(ch, M_BAN, 0, b, sizeof(*b));
}

static void
put_ports(char *buf, size_t size, const struct wire_watch *w)
{
	unsigned int	i;
	char		one[24];

	*buf = '\0';
	for (i = 0; i < w->nports; i++) {
		snprintf(one, sizeof(one), "%s%s %u", i == 0 ? " on " : ", ",
		    w->ports[i].proto == IPPROTO_UDP ? "udp" : "tcp",
		    w->ports[i].port);
		if (strlcat(buf, one, size) >= size)
			break;
	}
}

/* "3 matches within 6h" */
static void
put_count(char *buf, size_t size, const struct offence *o)
{
	const struct wire_watch	*w = &o->watch->conf->w;
	char			 span[SPAN_STRLEN];
	int			 n;

	if (o->by_hand) {
		strlcpy(buf, "by hand", size);
		return;
	}
	n = snprintf(buf, size, "%u match%s", o->count,
	    o->count == 1 ? "" : "es");
	if (w->after > 1)
		snprintf(buf + n, size - (size_t)n, " within %s",
		    span_print(w->window, span));
}

static void
put_cause(char *buf, size_t size, const struct offence *o,
    const struct wire_ban *b)
{
	const struct wire_watch	*w = &o->watch->conf->w;
	char			 addr[PREFIX_STRLEN], span[SPAN_STRLEN];

	if (w->format == FORMAT_TEXT)
		put_count(buf, size, o);
	else
		snprintf(buf, size, "%s is too many, the limit is %u within "
		    "%s", prefix_print(&b->offender, addr), o->count,
		    span_print(w->window, span));
}

/* Of an offence that bans nobody. */
static void
put_without(char *buf, size_t size, const struct conf_watch *cw)
{
	*buf = '\0';
	if (cw->w.bans)
		strlcpy(buf, "nobody is banned, there is no address", size);
	if (TAILQ_EMPTY(&cw->runs))
		return;
	if (cw->w.bans)
		strlcat(buf, ", ", size);
	strlcat(buf, cw->w.dry_run ? "its commands would run" :
	    "its commands run", size);
}

/* "banned 203.0.113.7 for 48h on tcp 22" */
static void
put_effect(char *buf, size_t size, const struct offence *o,
    const struct wire_ban *b, int no_ban)
{
	const struct wire_watch	*w = &o->watch->conf->w;
	char			 addr[PREFIX_STRLEN] = "", span[SPAN_STRLEN];
	char			 ports[96];
	span_t			 length;

	if (no_ban) {
		put_without(buf, size, o->watch->conf);
		return;
	}
	length = b->end == WALL_FOREVER ? SPAN_FOREVER : b->end - b->start;
	put_ports(ports, sizeof(ports), w);
	if (w->format == FORMAT_TEXT)
		prefix_print(&b->prefix, addr);
	snprintf(buf, size, "%sbanned %s%s%s%s%s", w->dry_run ? "would be " :
	    "", addr, *addr == '\0' ? "" : " ",
	    length == SPAN_FOREVER ? "" : "for ", span_print(length, span),
	    ports);
}

static void
notice(const struct offence *o, const struct wire_ban *b, int no_ban)
{
	const struct wire_watch	*w = &o->watch->conf->w;
	char			 cause[160], effect[224], text[TEXT_LEN];

	put_cause(cause, sizeof(cause), o, b);
	put_effect(effect, sizeof(effect), o, b, no_ban);
	if (trace_on) {
		trace_effect(effect);
		trace_runs(o->watch, o->count, &b->offender);
	}
	snprintf(text, sizeof(text), "watch %s: %s%s: %.160s: %.200s", w->name,
	    w->format == FORMAT_TEXT ? "" : "user ", b->subject, cause,
	    effect);
	log_info("%s", text);
	warn_notice(o->watch, NOTICE_OFFENCE, 0, text);
}

/* name NUL value NUL, if there is room for all of it. */
static void
put_value(struct msg_decision *d, size_t *used, const char *name,
    const char *p, size_t n)
{
	char	value[VALUES_LEN];
	size_t	a = strlen(name) + 1, b;

	text_vis(value, sizeof(value), p, n);
	b = strlen(value) + 1;
	if (a + b > sizeof(d->values) - *used)
		return;
	memcpy(d->values + *used, name, a);
	memcpy(d->values + *used + a, value, b);
	*used += a + b;
}

static void
put_values(struct msg_decision *d, const struct match *m)
{
	char		addr[PREFIX_STRLEN];
	size_t		used = 0;
	unsigned int	i;

	if (m->addr.family != 0) {
		prefix_print(&m->addr, addr);
		put_value(d, &used, "addr", addr, strlen(addr));
	}
	for (i = 0; i < m->nvalues; i++)
		put_value(d, &used, m->values[i].name, m->values[i].p,
		    m->values[i].n);
	d->values_len[0] = (uint8_t)used;
	d->values_len[1] = (uint8_t)(used >> 8);
}

static void
record(const struct offence *o, struct msg_decision *d)
{
	const struct wire_watch	*w = &o->watch->conf->w;
	struct msg_evidence	 lines[EVIDENCE_MAX];
	unsigned int		 i, n;

	strlcpy(d->watch, w->name, sizeof(d->watch));
	text_vis(d->evidence, sizeof(d->evidence), o->line, o->len);
	d->count = o->count;
	if (o->match != NULL) {
		put_values(d, o->match);
		if (o->match->pattern != NULL)
			strlcpy(d->pattern, o->match->pattern->w.where,
			    sizeof(d->pattern));
	}
	n = o->nlines < EVIDENCE_MAX ? o->nlines : EVIDENCE_MAX;
	for (i = 0; i < n; i++) {
		lines[i] = o->lines[i];
		lines[i].id = d->ban.id;
		lines[i].number = i;
		lines[i].zero = 0;
	}
	checkpoint_decision(d, lines, n);
}

/* How long its commands are under way. */
static span_t
longest_delay(const struct watch *w)
{
	const struct conf_run	*r;
	span_t			 delay = 0;

	TAILQ_FOREACH(r, &w->conf->runs, entry)
		if (r->w.when == RUN_OFFENCE && r->w.delay > delay)
			delay = r->w.delay;
	return delay;
}

static int
is_duplicate(const struct offence *o, const struct serving *s, int no_ban)
{
	switch (o->watch->conf->w.duplicate) {
	case DUPLICATE_IGNORE:
		return s != NULL && o->at < s->end;
	case DUPLICATE_EXTEND:
		return !no_ban && !o->by_hand && is_served(s, o->at);
	default:
		return 0;
	}
}

/*
 * A ban grows by the bans before it; that of a key under way is no new one,
 * and is as long as the one that runs.
 */
static wall_t
end_of(const struct offence *o, const struct wire_ban *b, int under_way)
{
	const struct wire_watch	*w = &o->watch->conf->w;
	uint32_t		 n;

	n = grow_count(w->growth_together ? 0 : o->watch->hash, &b->prefix);
	if (under_way && n > 0)
		n--;
	return wall_add(o->at, grow_span(w->ban, w->growth_by, w->growth_max,
	    n));
}

static void
send_ban(const struct offence *o, struct wire_ban *b)
{
	/* Over or lifted by now: a matter of record only. */
	if (b->end > o->now && !resume_lifted(o->watch, &b->prefix,
	    b->subject, b->start))
		send_bans(&o->watch->conf->w, b);
}

static void
fill(const struct offence *o, const struct wire_ban *b,
    struct msg_decision *d)
{
	const struct wire_watch	*w = &o->watch->conf->w;

	d->again = o->again != 0;
	d->ban = *b;
	d->ban.port = 0;
	d->ban.proto = 0;
	d->ban.flags = 0;
	if (d->no_ban)
		return;
	d->nports = w->nports;
	memcpy(d->ports, w->ports, sizeof(d->ports));
	if (w->nports > 0) {
		d->ban.port = w->ports[0].port;
		d->ban.proto = w->ports[0].proto;
	}
	d->past = b->end <= o->now;
}

/* Does it count, and until when?  What was decided of this line stands. */
static int
judge(const struct offence *o, const struct serving *s, struct wire_ban *b,
    struct msg_decision *d)
{
	enum decided	before = decided_before(&b->id, &b->start, &b->end);

	if (before == DECIDED_NO || (before == DECIDED_NEVER &&
	    is_duplicate(o, s, d->no_ban)))
		return 0;
	d->rerun = s != NULL && b->start < s->end;
	if (before == DECIDED_YES)
		return 1;
	if (d->no_ban) {
		b->end = wall_add(o->at, longest_delay(o->watch));
		return 1;
	}
	b->end = end_of(o, b, d->rerun);
	if (!d->rerun)
		grow_add(o->watch->hash, &b->prefix, o->at,
		    watch_hash(b->subject));
	return 1;
}

int
decide(const struct offence *o)
{
	struct serving		*s;
	struct place		 p = { .key = 0 };
	struct wire_ban		 b;
	struct msg_decision	 d;
	uint64_t		 subject;

	memset(&d, 0, sizeof(d));
	ban_of(o, &b);
	subject = watch_hash(b.subject);
	d.no_ban = !o->watch->conf->w.bans || b.prefix.family == 0;
	p.prefix = b.prefix;
	if (d.no_ban)
		p.key = subject;
	s = find_ban(o->watch, &p);
	if (!judge(o, s, &b, &d)) {
		if (trace_on)
			trace_effect("none, that of an earlier line is "
			    "under way");
		return 0;
	}
	if (!d.no_ban)
		send_ban(o, &b);
	if (s == NULL)
		s = new_ban(o->watch, &p);
	s->subject = subject;
	s->start = b.start;
	s->end = b.end;
	fill(o, &b, &d);
	record(o, &d);
	notice(o, &d.ban, d.no_ban);
	return 1;
}

/*
 * Decisions, and the bans that run, so that none is asked for twice.
 */
#include <netinet/in.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoint.h"
#include "child.h"
#include "decide.h"
#include "log.h"
#include "resume.h"
#include "text.h"
#include "watch.h"

#define SETS		8192	/* bans remembered: SETS * WAYS */
#define WAYS		8
#define REFUSED		60000	/* ms until one is asked for again */

/* A ban that runs: end 0 is free. */
struct serving {
	uint64_t	watch;
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

static struct serving *
set_of(const struct watch *w, const struct prefix *p)
{
	return bans[prefix_hash(p, de.seed ^ w->hash) % SETS];
}

static struct serving *
find_ban(const struct watch *w, const struct prefix *p)
{
	struct serving	*s = set_of(w, p);
	int		 i;

	for (i = 0; i < WAYS; i++)
		if (s[i].end != 0 && s[i].watch == w->hash &&
		    prefix_cmp(&s[i].prefix, p) == 0)
			return &s[i];
	return NULL;
}

/* The one that ends first makes room. */
static struct serving *
new_ban(const struct watch *w, const struct prefix *p)
{
	struct serving	*s = set_of(w, p), *best = s;
	int		 i;

	for (i = 1; i < WAYS; i++)
		if (s[i].end < best->end)
			best = &s[i];
	best->watch = w->hash;
	best->prefix = *p;
	de.serving = 1;
	return best;
}

static void
banned_prefix(const struct prefix *addr, struct prefix *p)
{
	const struct wire_global	*g = watch_global();

	*p = *addr;
	prefix_group(p, g->plen4, g->plen6);
}

int
decide_serving(const struct watch *w, const struct prefix *addr, wall_t at)
{
	const struct serving	*s;
	struct prefix		 p;

	if (!de.serving)
		return 0;
	banned_prefix(addr, &p);
	return (s = find_ban(w, &p)) != NULL && s->start <= at && at < s->end;
}

/* A later one of the same address wins, in whatever order they come. */
void
decide_served(const struct wire_served *m)
{
	const struct watch	*w = watch_byhash(m->watch);
	struct serving		*s;

	if (w == NULL)
		return;
	if ((s = find_ban(w, &m->prefix)) == NULL)
		s = new_ban(w, &m->prefix);
	else if (s->start > m->start)
		return;
	s->start = m->start;
	s->end = m->end;
}

void
decide_refused(const struct wire_event *e)
{
	const struct watch	*w = watch_byhash(e->ban.id.watch);
	struct serving		*s;

	if (w == NULL || (s = find_ban(w, &e->ban.prefix)) == NULL ||
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
	return t->prefix.family == 0 ||
	    prefix_overlap(&t->prefix, &s->prefix);
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

static void
ban_of(const struct offence *o, struct wire_ban *b)
{
	const struct wire_watch	*w = &o->watch->conf->w;
	const char		*name;
	size_t			 n;

	memset(b, 0, sizeof(*b));
	b->id.watch = o->watch->hash;
	b->id.file = o->file;
	b->id.offset = o->offset;
	b->id.part = o->part;
	b->start = o->at;
	b->end = wall_add(o->at, w->ban);
	b->peer_port = o->offender->port;
	b->offender = o->offender->addr;
	banned_prefix(&b->offender, &b->prefix);
	name = users_name(o->user, &n);
	text_vis(b->subject, sizeof(b->subject), name, n);
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

static void
notice(const struct offence *o, const struct wire_ban *b)
{
	const struct wire_watch	*w = &o->watch->conf->w;
	char			 addr[PREFIX_STRLEN], window[SPAN_STRLEN];
	char			 span[SPAN_STRLEN], ports[96], text[TEXT_LEN];

	put_ports(ports, sizeof(ports), w);
	snprintf(text, sizeof(text), "watch %s: user %s: %s is too many, the "
	    "limit is %u within %s: %sbanned %s%s%s", w->name, b->subject,
	    prefix_print(&b->offender, addr), o->user->limit,
	    span_print(w->window, window), w->dry_run ? "would be " : "",
	    w->ban == SPAN_FOREVER ? "" : "for ", span_print(w->ban, span),
	    ports);
	log_info("%s", text);
	warn_notice(o->watch, NOTICE_OFFENCE, 0, text);
}

static void
record(const struct offence *o, const struct wire_ban *b)
{
	const struct wire_watch	*w = &o->watch->conf->w;
	struct msg_decision	 d;

	memset(&d, 0, sizeof(d));
	d.ban = *b;
	d.nports = w->nports;
	d.past = b->end <= o->now;
	memcpy(d.ports, w->ports, sizeof(d.ports));
	strlcpy(d.watch, w->name, sizeof(d.watch));
	text_vis(d.evidence, sizeof(d.evidence), o->line, o->len);
	checkpoint_decision(&d);
}

int
decide(const struct offence *o)
{
	const struct wire_watch	*w = &o->watch->conf->w;
	struct serving		*s;
	struct wire_ban		 b;

	ban_of(o, &b);
	s = find_ban(o->watch, &b.prefix);
	if (is_served(s, o->at))
		return 0;
	/* Over or lifted by now: a matter of record only. */
	if (b.end > o->now && !resume_lifted(o->watch, &b.prefix, b.subject,
	    b.start))
		send_bans(w, &b);
	if (s == NULL)
		s = new_ban(o->watch, &b.prefix);
	s->start = b.start;
	s->end = b.end;
	b.port = 0;
	b.proto = 0;
	b.flags = 0;
	if (w->nports > 0) {
		b.port = w->ports[0].port;
		b.proto = w->ports[0].proto;
	}
	record(o, &b);
	notice(o, &b);
	return 1;
}

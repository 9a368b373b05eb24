/*
 * Decisions: the bans that run, so that none is asked for twice, and the
 * checkpoints that carry decisions to the ledger, two on their way at most.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "child.h"
#include "decide.h"
#include "follow.h"
#include "log.h"
#include "text.h"
#include "watch.h"

#define SETS		8192	/* bans remembered: SETS * WAYS */
#define WAYS		8
#define QUEUE_MAX	8192	/* decisions that wait for a checkpoint */
#define QUEUE_FULL	4096	/* reading pauses */
#define BATCH_MAX	1024	/* decisions in a checkpoint */
#define IN_FLIGHT_MAX	2
#define FLUSH_MS	250

/* A ban that runs: end 0 is free. */
struct serving {
	uint64_t	watch;
	wall_t		start, end;
	struct prefix	prefix;
	uint8_t		zero[6];
};

static struct {
	struct event		*timer;
	mono_t			 flushed;
	uint64_t		 number;	/* of the last checkpoint */
	unsigned int		 in_flight;
	size_t			 head, n;	/* of the ring */
	uint64_t		 seed;
	unsigned int		 serving;	/* slots ever used */
	void			(*stopped)(void);
} de;

/* Pages that are never used are never there. */
static struct serving		bans[SETS][WAYS];
static struct msg_decision	ring[QUEUE_MAX];

static void	flush(void);

static void
on_timer(int fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	flush();
}

void
decide_init(struct event_base *base)
{
	arc4random_buf(&de.seed, sizeof(de.seed));
	if ((de.timer = evtimer_new(base, on_timer, NULL)) == NULL)
		fatal("decide");
}

void
decide_clear(void)
{
	event_free(de.timer);
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
decide_forgive(const struct msg_target *t)
{
	size_t	i, j;

	if (!de.serving)
		return;
	for (i = 0; i < SETS; i++)
		for (j = 0; j < WAYS; j++)
			if (bans[i][j].end != 0 &&
			    target_covers(t, &bans[i][j]))
				memset(&bans[i][j], 0, sizeof(bans[i][j]));
}

/* Checkpoints. */

static void
send_batch(struct channel *ch)
{
	struct msg_checkpoint	m = { ++de.number };
	size_t			i, n = de.n < BATCH_MAX ? de.n : BATCH_MAX;

	channel_send(ch, M_CHECKPOINT, 0, &m, sizeof(m));
	for (i = 0; i < n; i++)
		channel_send(ch, M_DECISION, 0,
		    &ring[(de.head + i) % QUEUE_MAX], sizeof(ring[0]));
	channel_send(ch, M_CHECKPOINT_END, 0, &m, sizeof(m));
	de.n -= n;
	de.head = de.n == 0 ? 0 : (de.head + n) % QUEUE_MAX;
	de.in_flight++;
}

static void
arm(span_t ms)
{
	struct timeval	tv = { ms / 1000, ms % 1000 * 1000 };

	if (!evtimer_pending(de.timer, NULL) && evtimer_add(de.timer, &tv))
		fatal("decide");
}

/* A few times a second at most, unless the end is near. */
static void
flush(void)
{
	struct channel	*ch = child_channel(ROLE_LEDGER, 1);
	mono_t		 now = mono_now();
	span_t		 since = mono_since(de.flushed, now);

	if (ch == NULL) {
		de.n = de.head = 0;
		de.in_flight = 0;
	}
	while (de.n > 0 && de.in_flight < IN_FLIGHT_MAX) {
		if (since < FLUSH_MS && de.stopped == NULL &&
		    de.n < BATCH_MAX) {
			arm(FLUSH_MS - since);
			break;
		}
		send_batch(ch);
		de.flushed = now;
		since = 0;
	}
	if (de.stopped != NULL && de.n == 0 && de.in_flight == 0)
		de.stopped();
}

void
decide_committed(uint64_t number)
{
	if (de.in_flight == 0 || number != de.number - de.in_flight + 1)
		fatalx("the ledger committed checkpoint %llu out of turn",
		    (unsigned long long)number);
	de.in_flight--;
	flush();
	if (!decide_full())
		follow_resume();
}

void
decide_lost_ledger(void)
{
	flush();
	follow_resume();
}

int
decide_full(void)
{
	return de.n >= QUEUE_FULL;
}

void
decide_stop(void (*done)(void))
{
	de.stopped = done;
	flush();
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

/* For the ledger: into the ring, which reading pauses for before it is full. */
static void
record(const struct offence *o, const struct wire_ban *b)
{
	const struct wire_watch	*w = &o->watch->conf->w;
	struct msg_decision	*d;

	if (child_channel(ROLE_LEDGER, 1) == NULL)
		return;
	if (de.n == QUEUE_MAX) {
		log_warnx("the ledger is too slow: a decision is not recorded");
		return;
	}
	d = &ring[(de.head + de.n++) % QUEUE_MAX];
	memset(d, 0, sizeof(*d));
	d->ban = *b;
	d->nports = w->nports;
	memcpy(d->ports, w->ports, sizeof(d->ports));
	strlcpy(d->watch, w->name, sizeof(d->watch));
	text_vis(d->evidence, sizeof(d->evidence), o->line, o->len);
	flush();
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
	/* Whose end is over by now is a matter of record only. */
	if (b.end > o->now)
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

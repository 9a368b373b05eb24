/*
 * Checkpoints.  A decision may go ahead of the cut that it belongs to: its id
 * is the same when its line is read again.  A cut never goes ahead of one.
 */
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "args.h"
#include "checkpoint.h"
#include "child.h"
#include "follow.h"
#include "line.h"
#include "log.h"
#include "stream.h"
#include "timer.h"
#include "users.h"
#include "watch.h"

#define QUEUE_MAX	65536	/* decisions that wait */
#define QUEUE_FULL	4096	/* reading pauses */
#define LINES_MAX	65536	/* lines of evidence that wait */
#define BATCH_MAX	1024	/* decisions in a checkpoint */
#define USERS_FULL	50000	/* changed users: reading pauses */
#define IN_FLIGHT_MAX	2
#define FLUSH_MS	250
#define STUCK_MS	2000	/* for so long reading may pause */
#define SENT_MAX	(16 * 1024 * 1024)
#define SLACK		61000	/* ms that lines may be out of order */

static struct {
	struct event		*timer;
	mono_t			 flushed, answered;
	uint64_t		 number;	/* of the last one */
	unsigned int		 in_flight;
	size_t			 head, n;	/* of the ring */
	size_t			 first_line, nlines;
	uint32_t		 nusers;
	int			 begun, touched, all;
	int			 paused;	/* reading waits for us */
	int			 dropping;
	struct channel		*ch;		/* of the cut being sent */
	void			(*stopped)(void);
} cp;

/* Pages that are never used are never there. */
static struct msg_decision	ring[QUEUE_MAX];
static uint8_t			has_lines[QUEUE_MAX];	/* so many */
static struct msg_evidence	lines[LINES_MAX];
static uint32_t			changed[USERS_MAX + 1];
static uint8_t			is_changed[USERS_MAX / 8 + 1];

static void	flush(int);

static void
go_on_reading(void)
{
	cp.paused = 0;
	follow_resume();
	stream_resume();
}

static void
on_timer(EVENT_ARGS)
{
	flush(1);
	if (cp.paused && !checkpoint_full())
		go_on_reading();
}

void
checkpoint_init(struct event_base *base)
{
	if ((cp.timer = evtimer_new(base, on_timer, NULL)) == NULL)
		fatal("checkpoint");
}

void
checkpoint_clear(void)
{
	event_free(cp.timer);
	while (cp.nusers > 0)
		is_changed[changed[--cp.nusers] / 8] = 0;
	memset(&cp, 0, sizeof(cp));
}

static void
arm(span_t ms)
{
	if (!evtimer_pending(cp.timer, NULL))
		timer_set(cp.timer, ms);
}

/* The cut. */

static void
put(uint32_t type, const void *data, size_t len)
{
	channel_send(cp.ch, type, 0, data, len);
	/* A million users at once, as after trouble with the disk. */
	if (channel_queued(cp.ch) > SENT_MAX)
		channel_drain(cp.ch, STUCK_MS);
}

static void
send_position(const struct msg_position *p)
{
	put(M_POSITION, p, sizeof(*p));
}

/* Before this nothing of a watch's users matters any more. */
static logtime_t
keep_from(const struct watch *w)
{
	logtime_t	from = w->last - SLACK;

	if (w->rule.window > from || w->rule.grace > from - w->rule.window)
		return 0;
	return from - w->rule.window - w->rule.grace;
}

static size_t
pack(struct wire_sighting *list, uint32_t *link)
{
	const struct sighting	*s;
	size_t			 n;

	for (n = 0; *link != 0 && n < STATE_SIGHTINGS; n++, *link = s->next) {
		s = sighting_at(*link);
		memset(&list[n], 0, sizeof(list[n]));
		memcpy(list[n].addr, s->addr, sizeof(s->addr));
		list[n].last = (int64_t)s->last;
		list[n].age = s->age;
		list[n].port = s->port;
		list[n].v6 = s->v6;
	}
	return n;
}

static void
send_user(const struct user *u)
{
	static struct {
		struct wire_state	head;
		struct wire_sighting	list[STATE_SIGHTINGS];
	} m;
	const struct watch	*w = watch_bynumber(u->watch);
	const char		*name;
	uint32_t		 next = u->sightings;
	size_t			 n;

	if (w == NULL || (logtime_t)u->touched * 1000 < keep_from(w))
		return;
	memset(&m.head, 0, sizeof(m.head));
	m.head.watch = w->hash;
	m.head.touched = (int64_t)u->touched * 1000;
	name = users_name(u, &n);
	m.head.name_len = (uint8_t)n;
	memcpy(m.head.name, name, n);
	do {
		n = pack(m.list, &next);
		put(M_STATE, &m, sizeof(m.head) + n * sizeof(m.list[0]));
		m.head.part++;
	} while (next != 0);
}

static void
send_users(void)
{
	struct user	*u;
	uint32_t	 i;

	for (i = 1; cp.all && i <= users_top(); i++)
		if ((u = users_at(i)) != NULL && u->sightings != 0)
			send_user(u);
	for (; cp.nusers > 0; cp.nusers--) {
		i = changed[cp.nusers - 1];
		is_changed[i / 8] &= (uint8_t)~(1u << i % 8);
		if (!cp.all && (u = users_at(i)) != NULL)
			send_user(u);
	}
}

static void
send_stats(void)
{
	struct msg_stats	 m = { .watch = 0 };
	struct watch		*w;

	_Static_assert(sizeof(m.counts) == sizeof(w->stats), "counts");
	TAILQ_FOREACH(w, &watches, entry) {
		if (!cp.all && memcmp(&w->stats, &w->sent, sizeof(w->sent)) ==
		    0)
			continue;
		w->sent = w->stats;
		m.watch = w->hash;
		memcpy(m.counts, &w->stats, sizeof(m.counts));
		m.last = w->last < 0 ? 0 : w->last;
		m.keep = keep_from(w);
		put(M_WATCH_STATS, &m, sizeof(m));
	}
}

static void
put_waiting(const void *data, size_t len)
{
	put(M_WAITING, data, len);
}

static void
send_waiting(void)
{
	struct watch	*w;

	TAILQ_FOREACH(w, &watches, entry)
		if (w->text != NULL)
			text_save(w->text, cp.all, put_waiting);
}

/* That a source was looked at: files that come later are new. */
static void
send_sources(void)
{
	struct msg_position	 m;
	struct watch		*w;
	struct conf_source	*s;

	TAILQ_FOREACH(w, &watches, entry)
		TAILQ_FOREACH(s, &w->conf->sources, entry) {
			if (s->w.kind == SOURCE_JOURNAL)
				continue;	/* stream_positions() */
			memset(&m, 0, sizeof(m));
			m.watch = w->hash;
			m.source = watch_hash(s->w.path);
			m.modified = wall_now() * 1000000;
			strlcpy(m.name, s->w.path, sizeof(m.name));
			put(M_POSITION, &m, sizeof(m));
		}
}

static void
send_cut(void)
{
	if (cp.all) {
		put(M_STATE_CLEAR, NULL, 0);
		send_sources();
	}
	send_users();
	send_waiting();
	follow_positions(cp.all, send_position);
	stream_positions(cp.all, send_position);
	send_stats();
	put(M_CUT, NULL, 0);
	cp.touched = cp.all = 0;
}

static void
send_decision(size_t i)
{
	put(M_DECISION, &ring[i], sizeof(ring[i]));
	for (; has_lines[i] > 0; has_lines[i]--, cp.nlines--) {
		put(M_EVIDENCE, &lines[cp.first_line], sizeof(lines[0]));
		cp.first_line = (cp.first_line + 1) % LINES_MAX;
	}
}

static void
send_batch(int cut)
{
	struct msg_checkpoint	m = { ++cp.number };
	size_t			i, n = cp.n < BATCH_MAX ? cp.n : BATCH_MAX;

	channel_cork(cp.ch);
	put(M_CHECKPOINT, &m, sizeof(m));
	for (i = 0; i < n; i++)
		send_decision((cp.head + i) % QUEUE_MAX);
	cp.n -= n;
	cp.head = cp.n == 0 ? 0 : (cp.head + n) % QUEUE_MAX;
	if (cut && cp.n == 0 && cp.begun)
		send_cut();
	put(M_CHECKPOINT_END, &m, sizeof(m));
	channel_uncork(cp.ch);
	if (cp.in_flight++ == 0)
		cp.answered = mono_now();
}

/* When. */

static int
is_due(span_t since)
{
	return since >= FLUSH_MS || cp.stopped != NULL || cp.n >= BATCH_MAX ||
	    cp.nusers >= USERS_FULL;
}

/*
 * A few times a second at most, unless much waits or the end is near.  Within
 * a block only decisions go out, for the rest is not a cut there.
 */
static void
flush(int cut)
{
	mono_t	now = mono_now();
	span_t	since = mono_since(cp.flushed, now);

	if ((cp.ch = child_channel(ROLE_LEDGER, 1)) == NULL) {
		cp.n = cp.head = cp.in_flight = 0;
		cp.first_line = cp.nlines = 0;
		cp.touched = 0;
	}
	while ((cp.n > 0 || (cut && cp.touched && cp.begun)) &&
	    cp.in_flight < IN_FLIGHT_MAX) {
		if (!is_due(since)) {
			arm(FLUSH_MS - since);
			break;
		}
		send_batch(cut);
		cp.flushed = now;
		since = 0;
	}
	if (cp.stopped != NULL && cp.n == 0 && cp.in_flight == 0)
		cp.stopped();
}

void
checkpoint_begin(void)
{
	cp.begun = cp.all = 1;
	checkpoint_touch();
}

/* Not at once: whoever says so may be in the middle of a block. */
void
checkpoint_touch(void)
{
	span_t	since = mono_since(cp.flushed, mono_now());

	cp.touched = 1;
	if (cp.in_flight < IN_FLIGHT_MAX)
		arm(since >= FLUSH_MS ? 0 : FLUSH_MS - since);
}

void
checkpoint_user(uint32_t number)
{
	uint8_t	bit = (uint8_t)(1u << number % 8);

	if (number > USERS_MAX || is_changed[number / 8] & bit)
		return;
	is_changed[number / 8] |= bit;
	changed[cp.nusers++] = number;
}

/* All of them or, where there is no room, none. */
static void
queue_lines(uint8_t *has, const struct msg_evidence *list, unsigned int n)
{
	*has = 0;
	if (n > LINES_MAX - cp.nlines)
		return;
	for (; *has < n; ++*has)
		lines[(cp.first_line + cp.nlines++) % LINES_MAX] = list[*has];
}

void
checkpoint_decision(const struct msg_decision *d,
    const struct msg_evidence *list, unsigned int n)
{
	size_t	i;

	if (child_channel(ROLE_LEDGER, 1) == NULL)
		return;
	if (cp.n == QUEUE_MAX) {
		if (!cp.dropping)
			log_warnx("the ledger does not answer: decisions are "
			    "carried out and not recorded");
		cp.dropping = 1;
		return;
	}
	cp.dropping = 0;
	i = (cp.head + cp.n++) % QUEUE_MAX;
	ring[i] = *d;
	queue_lines(&has_lines[i], list, n);
	checkpoint_touch();
	if (cp.n >= BATCH_MAX)
		flush(0);
}

/* Once it paused, until all is sent: a cut is due, and comes after it. */
int
checkpoint_full(void)
{
	struct channel	*ch = child_channel(ROLE_LEDGER, 1);
	size_t		 max = cp.paused ? 1 : QUEUE_FULL;

	if (ch == NULL || cp.in_flight == 0 ||
	    mono_since(cp.answered, mono_now()) > STUCK_MS ||
	    (cp.n < max && cp.nusers < USERS_FULL &&
	    !channel_full(ch)))
		return 0;
	cp.paused = 1;
	arm(FLUSH_MS);
	return 1;
}

void
checkpoint_committed(uint64_t number)
{
	if (cp.in_flight == 0 || number != cp.number - cp.in_flight + 1)
		fatalx("the ledger committed checkpoint %llu out of turn",
		    (unsigned long long)number);
	cp.in_flight--;
	cp.answered = mono_now();
	flush(1);
	if (cp.paused && !checkpoint_full())
		go_on_reading();
}

void
checkpoint_lost_ledger(void)
{
	flush(1);
	go_on_reading();
}

void
checkpoint_stop(void (*done)(void))
{
	cp.stopped = done;
	cp.touched = 1;
	flush(1);
}

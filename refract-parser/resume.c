/*
 * The parser's memory at a start.  Files wait (follow_hold) until the ledger
 * has told all it knows and the parent has passed all logs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "checkpoint.h"
#include "child.h"
#include "count.h"
#include "counter.h"
#include "decide.h"
#include "decided.h"
#include "follow.h"
#include "grow.h"
#include "line.h"
#include "log.h"
#include "resume.h"
#include "stream.h"
#include "text.h"
#include "users.h"
#include "watch.h"

#define LIFTS_MAX	65536

static struct {
	int		 ledger, files;		/* what is waited for */
	struct msg_lift	*lifts;			/* oldest first */
	size_t		 nlifts, room;
} re;

/* Forgiving. */

static int
is_named(const struct msg_target *t, const struct user *u)
{
	const struct watch	*w;
	char			 shown[SUBJECT_LEN];
	const char		*name;
	size_t			 n;

	if (*t->user == '\0')
		return 1;
	name = users_name(u, &n);
	if ((w = watch_bynumber(u->watch)) != NULL && w->text != NULL)
		count_show(shown, sizeof(shown), name, n);
	else
		text_vis(shown, sizeof(shown), name, n);
	return strcmp(shown, t->user) == 0;
}

/* Drop the addresses that the target covers: how many. */
static uint32_t
forgive_user(const struct msg_target *t, struct user *u)
{
	struct prefix	 p;
	uint32_t	*link = &u->sightings, n = 0;

	while (*link != 0) {
		sighting_addr(sighting_at(*link), &p);
		if (t->prefix.family == 0 || prefix_contains(&t->prefix, &p)) {
			sighting_remove(link);
			n++;
		} else
			link = &sighting_at(*link)->next;
	}
	return n;
}

uint32_t
forgive(const struct msg_target *t, const struct watch *w, wall_t until)
{
	struct user	*u;
	uint32_t	 i, n, count = 0;

	decide_forgive(t, w);
	if (t->growth)
		grow_forgive(t, w == NULL ? 0 : w->hash, until);
	for (i = 1; i <= users_top(); i++) {
		if ((u = users_at(i)) == NULL || !is_named(t, u) ||
		    (w != NULL && u->watch != w->number))
			continue;
		if ((n = forgive_user(t, u)) > 0)
			checkpoint_user(i);
		count += n;
	}
	checkpoint_touch();
	return count;
}

void
resume_until(struct watch *w, logtime_t now)
{
	const struct msg_lift	*l;

	for (; w->lift < re.nlifts && re.lifts[w->lift].at <= now; w->lift++) {
		l = &re.lifts[w->lift];
		forgive(&l->target, w, l->at);
	}
}

int
resume_lifted(const struct watch *w, const struct prefix *p,
    const char *subject, wall_t start)
{
	const struct msg_lift	*l;
	size_t			 i;

	for (i = w->lift; i < re.nlifts; i++) {
		l = &re.lifts[i];
		if (l->at >= start && (l->target.prefix.family == 0 ||
		    prefix_overlap(&l->target.prefix, p)) &&
		    (*l->target.user == '\0' ||
		    strcmp(l->target.user, subject) == 0))
			return 1;
	}
	return 0;
}

/* What the ledger tells. */

static void
on_committed(MSG_ARGS)
{
	struct msg_checkpoint	m;

	memcpy(&m, data, len);
	checkpoint_committed(m.number);
}

static void
on_stats(MSG_ARGS)
{
	const struct msg_stats	*m = data;
	struct watch		*w = watch_byhash(m->watch);

	if (w == NULL)
		return;
	memcpy(&w->stats, m->counts, sizeof(w->stats));
	w->last = m->last;
	counter_add(PARSER_LINES, w->stats.lines);
	counter_add(PARSER_BYTES, w->stats.bytes);
	counter_add(PARSER_MATCHES, w->stats.matches);
	counter_add(PARSER_UNPARSED, w->stats.unparsed);
	counter_add(PARSER_OFFENCES, w->stats.offences);
	counter_add(PARSER_FORWARDED, w->stats.forwarded);
	counter_add(PARSER_MASKED, w->stats.masked);
	counter_add(PARSER_SKEWED, w->stats.skewed);
	counter_add(PARSER_LOST, w->stats.lost);
	counter_add(PARSER_IGNORED, w->stats.ignored);
	counter_add(PARSER_CANCELLED, w->stats.cancelled);
	counter_add(PARSER_LIMITS, w->stats.limits);
}

static void
on_position(MSG_ARGS)
{
	const struct msg_position	*m = data;

	if (m->flags & POSITION_CURSOR)
		stream_position(m);
	else
		follow_position(m);
}

static void
on_state(MSG_ARGS)
{
	const struct wire_state		*m = data;
	const struct wire_sighting	*list = (const void *)(m + 1);
	size_t				 n;
	struct watch			*w = watch_byhash(m->watch);

	n = (len - sizeof(*m)) / sizeof(*list);
	if (w != NULL && m->name_len > 0)
		watch_user(w, m, list, n);
}

static void
on_served(MSG_ARGS)
{
	const struct wire_served	*s = data;
	size_t				 n = len / sizeof(*s);

	for (; n > 0; n--, s++)
		decide_served(s);
}

static void
on_growth(MSG_ARGS)
{
	const struct wire_growth	*g = data;
	size_t				 n = len / sizeof(*g);

	for (; n > 0; n--, g++)
		grow_known(g);
}

static void
on_decided(MSG_ARGS)
{
	const struct wire_decided	*d = data;
	size_t				 n = len / sizeof(*d);

	for (; n > 0; n--, d++)
		decided_known(d);
}

static void
on_waiting(MSG_ARGS)
{
	const struct wire_waiting	*m = data;
	struct watch			*w = watch_byhash(m->watch);

	if (w != NULL && w->text != NULL)
		text_restore(w->text, m);
}

/* Beyond the bound the oldest are dropped: they are the nearest to be over. */
static void
on_lift(MSG_ARGS)
{
	struct msg_lift	*p;
	size_t		 room;

	if (re.nlifts == LIFTS_MAX) {
		memmove(re.lifts, re.lifts + 1, --re.nlifts *
		    sizeof(re.lifts[0]));
	} else if (re.nlifts == re.room) {
		room = re.room == 0 ? 64 : re.room * 2;
		if ((p = reallocarray(re.lifts, room, sizeof(*p))) == NULL)
			fatal("resume");
		re.lifts = p;
		re.room = room;
	}
	memcpy(&re.lifts[re.nlifts++], data, len);
}

/* Both are here: read. */
static void
go_on(void)
{
	struct watch	*w;

	if (re.ledger || re.files)
		return;
	TAILQ_FOREACH(w, &watches, entry)
		while (w->lift < re.nlifts && re.lifts[w->lift].at < w->last)
			w->lift++;	/* in its state already */
	decided_sort();
	follow_go();
	stream_go();
	checkpoint_begin();
}

static void
without(const char *why)
{
	char	text[TEXT_LEN];

	snprintf(text, sizeof(text), "the ledger cannot say how far the logs "
	    "were read (%.200s): they are read as at a first start", why);
	log_warnx("%s", text);
	warn_notice(NULL, NOTICE_LEDGER, 0, text);
}

static void
on_done(MSG_ARGS)
{
	const struct msg_outcome	*m = data;

	if (!re.ledger)
		fatalx("the ledger told what it was not asked");
	re.ledger = 0;
	if (m->code != 0)
		without(m->text);
	go_on();
}

void
resume_reloaded(void)
{
	if (!re.ledger && !re.files)
		checkpoint_begin();
}

/* Its file was begun anew, or could not be read at the start. */
static void
on_fresh(MSG_ARGS)
{
	resume_reloaded();
}

const struct handler	resume_handlers[] = {
	{ M_COMMITTED, on_committed },
	{ M_WATCH_STATS, on_stats },
	{ M_POSITION, on_position },
	{ M_STATE, on_state },
	{ M_RESUME_BAN, on_served },
	{ M_RESUME_GROWTH, on_growth },
	{ M_RESUME_DECIDED, on_decided },
	{ M_WAITING, on_waiting },
	{ M_RESUME_LIFT, on_lift },
	{ M_RESUME_DONE, on_done },
	{ M_LEDGER_FRESH, on_fresh },
	{ 0, NULL }
};

void
resume_begin(void)
{
	struct channel	*ch = child_channel(ROLE_LEDGER, 1);

	follow_hold();
	stream_hold();
	re.nlifts = 0;
	decided_clear();
	re.files = 1;
	re.ledger = ch != NULL;
	channel_send(ch, M_RESUME, 0, NULL, 0);
}

void
resume_files(const struct msg_boot *m)
{
	follow_boot(m->boot);
	if (!re.files)
		return;
	re.files = 0;
	go_on();
}

void
resume_lost_ledger(void)
{
	if (!re.ledger)
		return;
	re.ledger = 0;
	without("it ended");
	go_on();
}

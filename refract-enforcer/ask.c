/*
 * Siblings read hostile bytes: what they ask for is held against the
 * configuration, and how fast they ask is limited.
 */
#include <sys/socket.h>

#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ask.h"
#include "channel.h"
#include "child.h"
#include "clock.h"
#include "counter.h"
#include "log.h"
#include "never.h"

#define ASK_RATE	5000	/* bans a second ... */
#define ASK_BURST	20000	/* ... and at once, of one sibling */
#define START_AHEAD	61000	/* ms: a ban begins when the log says so */
#define OLD_FOR		10000	/* ms that the last configuration counts */

/*
 * A sibling learns of a new configuration a little later than we do, so that
 * for a moment both are right.
 */
static struct book {
	struct wire_global	 global;
	struct wire_watch	*list;
	size_t			 n;
} now_book, old_book;
static mono_t			 changed;
static struct prefixset		 sessions;
static struct {
	double			 left;
	mono_t			 at;
} buckets[ROLE_MAX];

void
ask_load(const struct conf *conf)
{
	const struct conf_watch	*cw;
	size_t			 n = 0;

	free(old_book.list);
	old_book = now_book;
	changed = mono_now();
	now_book.global = conf->global;
	TAILQ_FOREACH(cw, &conf->watches, entry)
		n++;
	now_book.n = 0;
	if ((now_book.list = calloc(n + 1, sizeof(*now_book.list))) == NULL)
		fatal("ask: no memory");
	TAILQ_FOREACH(cw, &conf->watches, entry)
		now_book.list[now_book.n++] = cw->w;
}

void
ask_sessions(const struct prefix *p, size_t n)
{
	prefixset_clear(&sessions);
	for (; n > 0; n--, p++) {
		if (prefixset_add(&sessions, p) == -1)
			fatal("sessions: no memory");
	}
	prefixset_build(&sessions);
}

static int
take_token(enum role role)
{
	mono_t	now = mono_now();
	double	left;

	left = buckets[role].at.ms == 0 ? ASK_BURST : buckets[role].left +
	    mono_since(buckets[role].at, now) * (ASK_RATE / 1000.0);
	buckets[role].at = now;
	buckets[role].left = left > ASK_BURST ? ASK_BURST : left;
	if (buckets[role].left < 1)
		return 0;
	buckets[role].left -= 1;
	return 1;
}

static int
watch_says(const struct wire_watch *w, const struct wire_ban *ban)
{
	unsigned int	i;

	if (w->hash != ban->id.watch || (w->ban != SPAN_FOREVER &&
	    (ban->end == WALL_FOREVER || ban->start > wall_now() + START_AHEAD ||
	    ban->end - ban->start > w->ban)))
		return 0;
	for (i = 0; i < w->nports; i++) {
		if (w->ports[i].port == ban->port &&
		    w->ports[i].proto == ban->proto)
			return 1;
	}
	return w->nports == 0 && ban->port == 0;
}

/* The watch that says so in a book, NULL: none. */
static const struct wire_watch *
book_says(const struct book *book, const struct wire_ban *ban)
{
	unsigned int	plen = ban->prefix.family == AF_INET ?
	    book->global.plen4 : book->global.plen6;
	size_t		i;

	if (ban->flags & BANF_PREFIX || ban->prefix.plen != plen ||
	    !prefix_contains(&ban->prefix, &ban->offender))
		return NULL;
	for (i = 0; i < book->n; i++) {
		if (watch_says(&book->list[i], ban))
			return &book->list[i];
	}
	return NULL;
}

enum ban_outcome
ask_check(enum role role, const struct wire_ban *ban)
{
	const struct wire_watch	*w = NULL;

	if (!take_token(role))
		return BAN_RATE;
	if (!prefix_valid(&ban->prefix) || ban->prefix.plen == 0)
		return BAN_FAILED;
	if (role == ROLE_PARSER) {
		w = book_says(&now_book, ban);
		if (w == NULL && mono_since(changed, mono_now()) < OLD_FOR)
			w = book_says(&old_book, ban);
		if (w == NULL)
			return BAN_FAILED;
	}
	if (never_covers(ban))
		return BAN_NEVER;
	if (now_book.global.protect_sessions && ban->port == 0 &&
	    prefixset_overlaps(&sessions, &ban->prefix))
		return BAN_PROTECTED;
	return w != NULL && w->dry_run ? BAN_DRY_RUN : BAN_APPLIED;
}

/* --- telling --- */

static void
count(enum ban_outcome outcome)
{
	static const int counts[BAN_OUTCOME_MAX] = {
		[BAN_APPLIED] = COUNT_ENF_ADDED,
		[BAN_EXTENDED] = COUNT_ENF_EXTENDED,
		[BAN_EXPIRED] = COUNT_ENF_EXPIRED,
		[BAN_LIFTED] = COUNT_ENF_LIFTED,
		[BAN_NEVER] = COUNT_ENF_NEVER,
		[BAN_PROTECTED] = COUNT_ENF_NEVER,
		[BAN_FULL] = COUNT_ENF_FULL,
		[BAN_RATE] = COUNT_ENF_RATE
	};

	if (counts[outcome] != 0)
		counters[counts[outcome]]++;
}

void
tell_event(const struct wire_ban *ban, enum ban_outcome outcome,
    uint32_t ended, int error)
{
	static const struct decision_id	none;
	struct wire_event		e = {
		.ban = *ban, .at = wall_now(), .outcome = outcome,
		.count = ended, .error = error
	};

	count(outcome);
	/* What was found in the kernel is nobody's decision. */
	if (memcmp(&ban->id, &none, sizeof(none)) != 0)
		channel_send(child_channel(ROLE_LEDGER, 0), M_BAN_EVENT, 0,
		    &e, sizeof(e));
	channel_send(child_channel(ROLE_CONTROL, 0), M_BAN_EVENT, 0, &e,
	    sizeof(e));
}

static void
send_outcome(struct channel *ch, uint32_t type, uint32_t id, int code,
    uint32_t n, const char *fmt, va_list ap)
{
	struct msg_outcome	o = { .code = code, .count = n };

	(void)vsnprintf(o.text, sizeof(o.text), fmt, ap);
	channel_send(ch, type, id, &o, sizeof(o));
}

void
tell_result(uint32_t client, int code, uint32_t n, const char *fmt, ...)
{
	va_list	ap;

	va_start(ap, fmt);
	send_outcome(child_channel(ROLE_CONTROL, 0), M_RESULT, client, code,
	    n, fmt, ap);
	va_end(ap);
}

void
tell_parent(uint32_t type, int code, uint32_t n, const char *fmt, ...)
{
	va_list	ap;

	va_start(ap, fmt);
	send_outcome(child_parent, type, 0, code, n, fmt, ap);
	va_end(ap);
}

void
tell_drift(const char *fmt, ...)
{
	struct wire_notice	n = { .at = wall_now(), .kind = NOTICE_DRIFT };
	va_list			ap;

	va_start(ap, fmt);
	(void)vsnprintf(n.text, sizeof(n.text), fmt, ap);
	va_end(ap);
	log_warnx("%s", n.text);
	counter_inc(ENF_DRIFT);
	channel_send(child_channel(ROLE_CONTROL, 0), M_NOTICE, 0, &n,
	    sizeof(n));
}

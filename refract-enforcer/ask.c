/*
 * Siblings read hostile bytes: what they ask for is held against the
 * configuration, and how fast they ask is limited.
 */
#include <sys/socket.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ask.h"
#include "child.h"
#include "clock.h"
#include "counter.h"
#include "log.h"
#include "never.h"
#include "tell.h"

#define ASK_RATE	5000	/* bans a second ... */
#define ASK_BURST	20000	/* ... and at once, of one sibling */
#define LATE		61000	/* ms: a ban begins when the log says so */
#define BEFORE_MS	70000	/* a reload takes less, or is fatal */

static struct prefixset	 sessions;

/* What a listener may ask for. */
struct offence {
	uint64_t	hash;
	span_t		ban;
};

/*
 * What the configuration before said.  At a reload we are first and the parser
 * is last: what it still asks for by the old rule is good.
 */
static struct {
	struct wire_watch	*watches;
	struct offence		*offences;
	size_t			 n, noffences;
	uint8_t			 plen4, plen6;
	mono_t			 since;
} before;

void
ask_sessions(MSG_ARGS)
{
	const struct prefix	*p = data, *end = p + len / sizeof(*p);

	prefixset_clear(&sessions);
	for (; p < end; p++)
		if (prefixset_add(&sessions, p) == -1)
			fatal("sessions: no memory");
	prefixset_build(&sessions);
}

static int
take_token(enum role role)
{
	static struct {
		double	used;
		mono_t	at;
	} buckets[ROLE_MAX];
	mono_t	now = mono_now();
	double	used;

	used = buckets[role].used - mono_since(buckets[role].at, now) *
	    (ASK_RATE / 1000.0);
	buckets[role].at = now;
	buckets[role].used = used < 0 ? 0 : used;
	return buckets[role].used < ASK_BURST ? ++buckets[role].used, 1 : 0;
}

static void
offences_before(const struct conf *old)
{
	const struct conf_listener	*l;
	const struct conf_offence	*o;
	size_t				 n = 0;

	TAILQ_FOREACH(l, &old->mux.listeners, entry)
		TAILQ_FOREACH(o, &l->offences, entry)
			n++;
	if ((before.offences = calloc(n + 1,
	    sizeof(before.offences[0]))) == NULL)
		fatal("listeners");
	TAILQ_FOREACH(l, &old->mux.listeners, entry)
		TAILQ_FOREACH(o, &l->offences, entry)
			before.offences[before.noffences++] =
			    (struct offence){ l->w.hash, o->w.ban };
}

void
ask_before(const struct conf *old)
{
	const struct conf_watch	*cw;

	free(before.watches);
	free(before.offences);
	memset(&before, 0, sizeof(before));
	TAILQ_FOREACH(cw, &old->watches, entry)
		before.n++;
	if ((before.watches = calloc(before.n + 1,
	    sizeof(before.watches[0]))) == NULL)
		fatal("watches");
	before.n = 0;
	TAILQ_FOREACH(cw, &old->watches, entry)
		before.watches[before.n++] = cw->w;
	offences_before(old);
	before.plen4 = old->global.plen4;
	before.plen6 = old->global.plen6;
	before.since = mono_now();
}

static int
is_too_long(span_t longest, const struct wire_ban *ban)
{
	return longest != SPAN_FOREVER && (ban->end == WALL_FOREVER ||
	    ban->end > wall_add(wall_now(), longest + LATE));
}

/* Is it what this watch would ask for? */
static int
watch_says(const struct wire_watch *w, unsigned int plen4, unsigned int plen6,
    const struct wire_ban *ban)
{
	unsigned int	 i;

	if (w->ban_prefix) {
		plen4 = w->group4;
		plen6 = w->group6;
	}
	if (!w->bans || ban->flags & BANF_PREFIX || ban->prefix.plen !=
	    (ban->prefix.family == AF_INET ? plen4 : plen6) ||
	    !prefix_contains(&ban->prefix, &ban->offender))
		return 0;
	/* They may grow. */
	if (is_too_long(w->growth_max > w->ban ? w->growth_max : w->ban, ban))
		return 0;
	for (i = 0; i < w->nports; i++)
		if (w->ports[i].port == ban->port &&
		    w->ports[i].proto == ban->proto)
			return 1;
	return w->nports == 0 && ban->port == 0;
}

/* Is it what a listener would ask for, by one of its offences? */
static int
listener_says(const struct offence *o, size_t n, unsigned int plen4,
    unsigned int plen6, const struct wire_ban *ban)
{
	size_t	i;

	if (ban->port != 0 || ban->proto != 0 || ban->flags & BANF_PREFIX ||
	    ban->prefix.plen != (ban->prefix.family == AF_INET ? plen4 :
	    plen6) || !prefix_contains(&ban->prefix, &ban->offender))
		return 0;
	for (i = 0; i < n; i++)
		if (o[i].hash == ban->id.watch && !is_too_long(o[i].ban, ban))
			return 1;
	return 0;
}

static int
mux_says(const struct wire_ban *ban)
{
	const struct conf		*c = child_conf();
	const struct conf_listener	*l;
	const struct conf_offence	*o;
	struct offence			 one;

	if ((l = conf_listener_byhash(&c->mux, ban->id.watch)) != NULL)
		TAILQ_FOREACH(o, &l->offences, entry) {
			one = (struct offence){ l->w.hash, o->w.ban };
			if (listener_says(&one, 1, c->global.plen4,
			    c->global.plen6, ban))
				return 1;
		}
	return mono_since(before.since, mono_now()) <= BEFORE_MS &&
	    listener_says(before.offences, before.noffences, before.plen4,
	    before.plen6, ban);
}

static int
conf_says(const struct conf_watch *cw, const struct wire_ban *ban)
{
	const struct wire_global	*g = &child_conf()->global;
	size_t				 i;

	if (cw != NULL && watch_says(&cw->w, g->plen4, g->plen6, ban))
		return 1;
	if (before.n == 0 ||
	    mono_since(before.since, mono_now()) > BEFORE_MS)
		return 0;
	for (i = 0; i < before.n; i++)
		if (before.watches[i].hash == ban->id.watch)
			return watch_says(&before.watches[i], before.plen4,
			    before.plen6, ban);
	return 0;
}

enum ban_outcome
ask_check(enum role role, const struct wire_ban *ban)
{
	const struct conf_watch	*cw = conf_watch_byhash(child_conf(),
	    ban->id.watch);

	if (!take_token(role))
		return BAN_RATE;
	if (!prefix_valid(&ban->prefix) || ban->prefix.plen == 0 ||
	    (role == ROLE_MUX && !mux_says(ban)) ||
	    (role == ROLE_PARSER && !conf_says(cw, ban)))
		return BAN_FAILED;
	if (never_covers(ban))
		return BAN_NEVER;
	if (child_conf()->global.protect_sessions && ban->port == 0 &&
	    prefixset_overlaps(&sessions, &ban->prefix))
		return BAN_PROTECTED;
	return cw != NULL && cw->w.dry_run ? BAN_DRY_RUN : BAN_APPLIED;
}

/* Who relays for the banned ends it, flows without a socket too. */
static void
tell_workers(const struct wire_event *e)
{
	unsigned int	i;

	if (e->outcome != BAN_APPLIED && e->outcome != BAN_EXTENDED &&
	    e->outcome != BAN_KEPT)
		return;
	for (i = 0; i < MUX_WORKERS_MAX; i++)
		channel_send(child_worker(i), M_BAN_EVENT, 0, e, sizeof(*e));
}

void
tell_event(const struct wire_ban *ban, enum ban_outcome outcome,
    uint32_t count, int error)
{
	static const struct decision_id	none;
	static const int		counts[BAN_OUTCOME_MAX] = {
		[BAN_APPLIED] = COUNT_ENF_ADDED,
		[BAN_EXTENDED] = COUNT_ENF_EXTENDED,
		[BAN_EXPIRED] = COUNT_ENF_EXPIRED,
		[BAN_LIFTED] = COUNT_ENF_LIFTED,
		[BAN_NEVER] = COUNT_ENF_NEVER,
		[BAN_PROTECTED] = COUNT_ENF_NEVER,
		[BAN_FULL] = COUNT_ENF_FULL,
		[BAN_RATE] = COUNT_ENF_RATE
	};
	static const unsigned int	refused = 1 << BAN_NEVER |
	    1 << BAN_PROTECTED | 1 << BAN_FULL | 1 << BAN_RATE |
	    1 << BAN_FAILED;
	struct wire_event		e = {
		.ban = *ban, .at = wall_now(), .outcome = outcome,
		.count = count, .error = error
	};

	if (counts[outcome] != 0)
		counters[counts[outcome]]++;
	/* What was found in the kernel is nobody's decision. */
	if (memcmp(&ban->id, &none, sizeof(none)) != 0)
		channel_send(child_channel(ROLE_LEDGER, 0), M_BAN_EVENT, 0,
		    &e, sizeof(e));
	channel_send(child_channel(ROLE_CONTROL, 0), M_BAN_EVENT, 0, &e,
	    sizeof(e));
	tell_workers(&e);
	/* Who thinks that the offender serves it should know better. */
	if (ban->id.watch != 0 && (refused >> outcome & 1) != 0)
		channel_send(child_channel(ROLE_PARSER, 0), M_BAN_EVENT, 0, &e,
		    sizeof(e));
}

void
tell_drift(const char *fmt, ...)
{
	char	text[TEXT_LEN];
	va_list	ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_warnx("%s", text);
	counter_inc(ENF_DRIFT);
	tell_notice(child_channel(ROLE_CONTROL, 0), 0, NOTICE_DRIFT, 0, text);
}

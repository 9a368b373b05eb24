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
#include "rate.h"
#include "tell.h"

#define ASK_RATE	5000	/* bans a second ... */
#define ASK_BURST	20000	/* ... and at once, of one sibling */

static struct prefixset	 sessions;

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
conf_says(const struct conf *c, enum role role, const struct wire_ban *ban)
{
	return role == ROLE_MUX ? conf_listener_bans(c, ban) :
	    conf_watch_bans(c, ban);
}

/*
 * At a reload we are first and the parser is last: what it still asks for by
 * the old rule is good.
 */
static int
may_ask(enum role role, const struct wire_ban *ban)
{
	return (role != ROLE_MUX && role != ROLE_PARSER) ||
	    conf_says(child_conf(), role, ban) ||
	    conf_says(child_conf_before(), role, ban);
}

enum ban_outcome
ask_check(enum role role, const struct wire_ban *ban)
{
	static struct rate	 rates[ROLE_MAX];
	const struct conf_watch	*cw = conf_watch_byhash(child_conf(),
	    ban->id.watch);

	if (!rate_take(&rates[role], ASK_RATE, ASK_BURST))
		return BAN_RATE;
	if (!prefix_valid(&ban->prefix) || ban->prefix.plen == 0 ||
	    !may_ask(role, ban))
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

/*
 * Rules are watched by the sets' counts of references, which need neither
 * NET_RAW nor iptables; nftables says when anything changes, legacy iptables
 * and ipset do not.  Sets are watched by their counts of entries, and every
 * minute all bans are put in again, which heals whatever a count hides.
 */
#include <sys/socket.h>

#include <event2/event.h>

#include "args.h"
#include "ask.h"
#include "bans.h"
#include "child.h"
#include "drift.h"
#include "log.h"
#include "never.h"
#include "nl.h"
#include "rules.h"
#include "tell.h"
#include "timer.h"

#define NFT_GROUP	(1 << (NFNLGRP_NFTABLES - 1))
#define CHECK_EVERY	2000	/* ms; longer if a check is costly: */
#define CHECK_SHARE	50	/* one part in these of our time */
#define CHECK_MOST	5000
#define NEWS_SETTLE	30	/* ms: a flush comes in many pieces */
#define REFILL_EVERY	60000
#define ASK_FIRST	5000	/* ms until new rules must stand */
#define ASK_MOST	3600000	/* and at the most between calls for help */

static struct nl	 nft;
static struct event	*check;
static uint32_t		 most[SET_MAX];		/* references, ever seen */
static int64_t		 strangers;
static mono_t		 asked, refilled;
static span_t		 ask_wait;
static int		 begun, refilling;

void
drift_missing(enum set_id id)
{
	int	r = sets_stand(id, id < SET_BANS ? child_conf()->global.max :
	    SET_ROOM);

	if (r == 1)
		tell_drift("set %s was gone and is made again", sets[id].name);
	else if (r == -1)
		log_warnx("set %s: %s", sets[id].name, sets_error());
	if (begun)
		timer_set(check, 0);
}

static void
refill_end(UNUSED struct walk *w)
{
	refilling = 0;
	bans_grow();
}

static void
refill(void)
{
	static const struct walk w = { .fn = bans_again, .end = refill_end };

	if (refilling)
		return;
	refilling = 1;
	refilled = mono_now();
	bans_walk(&w);
}

/* IPv6 rules that never stood are asked for once: some hosts cannot. */
static void
ask_for_rules(int low)
{
	if (low == 0)
		ask_wait = ask_wait == 0 ? 0 : 1;
	if (low == 0 || mono_since(asked, mono_now()) < ask_wait)
		return;
	tell_drift("rules: %d sets have lost rules that refer to them", low);
	tell_outcome(child_parent, M_RULES_DRIFT, 0, 1, low,
	    "%d sets have lost rules", low);
	asked = mono_now();
	ask_wait = ask_wait == 0 ? 1000 : ask_wait > ASK_MOST / 2 ? ASK_MOST :
	    ask_wait * 2;
}

static void
on_check(EVENT_ARGS)
{
	const struct wire_global *g = &child_conf()->global;
	mono_t			start = mono_now();
	struct set_header	h;
	int64_t			more = 0, lost = 0;
	int			id, low = 0;
	span_t			cost;

	entries_flush();
	for (id = 0; id < SET_MAX; id++) {
		if (sets_header(id, sets[id].name, &h) == -1) {
			drift_missing(id);
			h = (struct set_header){ 0 };
		}
		if (id < SET_BANS && h.elements < bans_in_set[id])
			lost += bans_in_set[id] - h.elements;
		else if (id < SET_BANS)
			more += h.elements - bans_in_set[id];
		if (h.refs > most[id])
			most[id] = h.refs;
		low += h.refs < rules_refs(g->action, id) &&
		    (most[id] > 0 || ask_wait == 0 ||
		    sets[id].family == AF_INET);
	}
	if (never_heal() > 0)
		tell_drift("never-sets were changed and are put right");
	if (lost > 0 && !refilling)
		tell_drift("sets: %lld bans were gone and are put in again",
		    (long long)lost);
	if (more > strangers)
		log_notice("sets: %lld entries that nobody recorded are kept",
		    (long long)more);
	strangers = more;
	ask_for_rules(low);
	if (lost > 0 || mono_since(refilled, start) >= REFILL_EVERY)
		refill();
	cost = mono_since(start, mono_now()) * CHECK_SHARE;
	timer_set(check, cost > CHECK_MOST ? CHECK_MOST : cost > CHECK_EVERY ?
	    cost : CHECK_EVERY);
}

static void
on_news(EVENT_ARGS)
{
	while (recv(fd, nft.in, sizeof(nft.in), MSG_DONTWAIT) > 0)
		;
	if (begun)
		timer_set(check, NEWS_SETTLE);
}

void
drift_load(int anew)
{
	enum set_id	id;

	for (id = 0; anew && id < SET_MAX; id++)
		most[id] = 0;
	ask_wait = 0;
	bans_grow();
	if (begun)
		timer_set(check, ASK_FIRST);
}

void
drift_begin(void)
{
	begun = 1;
	refilled = mono_now();
	bans_grow();
	timer_set(check, ASK_FIRST);
}

int
drift_open(void)
{
	if ((check = evtimer_new(child_base, on_check, NULL)) == NULL)
		return -1;
	if (nl_open(&nft, NETLINK_NETFILTER, NFT_GROUP, on_news) == -1)
		log_notice("nftables: changes of rules are not told");
	return 0;
}

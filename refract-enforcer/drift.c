/*
 * Rules are watched by the sets' counts of references, which need neither
 * NET_RAW nor iptables; nftables says when anything changes, legacy iptables
 * and ipset do not.  Sets are watched by their counts of entries, and
 * compared entry by entry every minute.
 */
#include <sys/socket.h>

#include <errno.h>
#include <event2/event.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

#include "args.h"
#include "ask.h"
#include "bans.h"
#include "child.h"
#include "clock.h"
#include "drift.h"
#include "log.h"
#include "never.h"
#include "nl.h"
#include "rules.h"

#define NFT_GROUP	(1 << (NFNLGRP_NFTABLES - 1))
#define CHECK_EVERY	2000		/* ms; more if a check is costly: */
#define CHECK_SHARE	200		/* one part in these of our time */
#define NEWS_SETTLE	30		/* ms: a flush comes in many pieces */
#define COMPARE_EVERY	60000
#define ASK_FIRST	5000		/* ms until new rules must stand */
#define ASK_MOST	3600000		/* and between two calls for help */

static struct nl	 nft;
static struct event	*news, *check, *part;
static struct msg_rules	 rules;
static uint32_t		 max, most[SET_MAX];	/* references seen */
static mono_t		 ask_again, compared;
static span_t		 ask_wait;
static int		 begun, comparing;	/* 0, or set_id + 1 */
static uint64_t		 deleted, adopted;

static void
after(struct event *e, span_t ms)
{
	struct timeval	tv = { ms / 1000, ms % 1000 * 1000 };

	(void)event_add(e, &tv);
}

static void
put_back(struct ban *b, struct walk *w)
{
	if (b->pass == bans_pass)
		return;
	bans_again(b);
	w->count++;
}

static void
all_back(struct walk *w)
{
	if (w->count > 0)
		tell_drift("sets: %u bans were gone and are in again",
		    w->count);
	bans_room();
	comparing = 0;
}

static void
start_compare(void)
{
	if (!begun || comparing)
		return;
	compared = mono_now();
	bans_pass++;
	deleted = bans_deleted;
	adopted = bans_adopted;
	comparing = entries_dump(SET_NET4) == -1 ? 0 : 1;
}

static void
end_compare(void)
{
	static const struct walk w = { .fn = put_back, .end = all_back };

	if (bans_adopted > adopted)
		log_notice("sets: %llu entries that nobody recorded are kept",
		    (unsigned long long)(bans_adopted - adopted));
	if (bans_walk(&w) == -1)
		comparing = 0;
}

/*
 * What was read may be older than a deletion since, so unknown entries are
 * kept only if there was none.
 */
static void
on_part(EVENT_ARGS)
{
	enum set_id	id = comparing - 1;
	int		n;

	n = entries_read(id, deleted == bans_deleted ? bans_found : bans_mark);
	if (n > 0 || !comparing || id == SET_BANS)
		return;
	if (n == -1 && errno == ENOENT)
		drift_missing(id);
	if (++comparing <= SET_BANS)
		(void)entries_dump(comparing - 1);
	else
		end_compare();
}

void
drift_missing(enum set_id id)
{
	switch (sets_stand(id, max)) {
	case 1:
		tell_drift("set %s was gone and is made again",
		    sets[id].name);
		after(check, 0);
		break;
	case -1:
		log_warnx("set %s: %s", sets[id].name, sets_error());
		break;
	}
}

/* Sets that lost entries: 1.  Counts of references: how many are too low. */
static int
check_sets(int *lost)
{
	struct set_header	h;
	enum set_id		id;
	int			low = 0;

	entries_flush();
	for (id = 0; id < SET_MAX; id++) {
		if (sets_header(id, sets[id].name, &h) == -1) {
			drift_missing(id);
			*lost = 1;
			continue;
		}
		if (id < SET_BANS && h.elements < bans_in_set(id))
			*lost = 1;
		if (h.refs > most[id])
			most[id] = h.refs;
		/* Rules that never stood are asked for once. */
		low += h.refs < rules_refs(&rules, id) &&
		    (most[id] > 0 || ask_wait == 0);
	}
	return low;
}

static void
ask_for_rules(int low)
{
	if (mono_since(ask_again, mono_now()) < ask_wait)
		return;
	tell_drift("rules: %d sets have lost rules that refer to them", low);
	tell_parent(M_RULES_DRIFT, 1, low, "%d sets have lost rules", low);
	ask_again = mono_now();
	ask_wait = ask_wait == 0 ? 1000 : ask_wait > ASK_MOST / 2 ? ASK_MOST :
	    ask_wait * 2;
}

static void
on_check(EVENT_ARGS)
{
	mono_t	start = mono_now();
	span_t	cost;
	int	low, lost = 0;

	low = check_sets(&lost);
	if (never_heal())
		tell_drift("never-sets were changed and are put right");
	if (low > 0)
		ask_for_rules(low);
	else if (ask_wait != 0)
		ask_wait = 1;
	if (lost || mono_since(compared, start) >= COMPARE_EVERY)
		start_compare();
	cost = mono_since(start, mono_now()) * CHECK_SHARE;
	after(check, cost > CHECK_EVERY ? cost : CHECK_EVERY);
}

static void
on_news(EVENT_ARGS)
{
	while (recv(fd, nl_in, sizeof(nl_in), MSG_DONTWAIT) > 0)
		;
	if (begun)
		after(check, NEWS_SETTLE);
}

void
drift_load(const struct conf *conf)
{
	const struct wire_global	*g = &conf->global;
	enum set_id			 id;

	if (rules.action != g->action || rules.hook != g->hook) {
		for (id = 0; id < SET_MAX; id++)
			most[id] = 0;
	}
	max = g->max;
	rules.action = g->action;
	rules.hook = g->hook;
	(void)strlcpy(rules.instance, g->instance, sizeof(rules.instance));
	ask_wait = 0;
	if (begun)
		after(check, ASK_FIRST);
}

void
drift_begin(void)
{
	begun = 1;
	start_compare();
	after(check, ASK_FIRST);
}

int
drift_open(void)
{
	check = evtimer_new(child_base, on_check, NULL);
	part = event_new(child_base, entries_fd(), EV_READ | EV_PERSIST,
	    on_part, NULL);
	if (check == NULL || part == NULL || event_add(part, NULL) == -1)
		return -1;
	if (nl_open(&nft, NETLINK_NETFILTER, NFT_GROUP) == -1)
		log_notice("nftables: no news of changed rules: %s",
		    strerror(errno));
	else if ((news = event_new(child_base, nl_fd(&nft), EV_READ |
	    EV_PERSIST, on_news, NULL)) == NULL ||
	    event_add(news, NULL) == -1)
		return -1;
	return 0;
}

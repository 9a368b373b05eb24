/*
 * What the ledger forgets: decisions that ended longer ago than `keep`, and
 * beyond `max` those that ended first.  In small steps, each a transaction of
 * its own, so that records which arrive meanwhile wait for one step at most;
 * and the pages that become free are given back in small steps too.
 */
#include <inttypes.h>
#include <stdint.h>

#include <event2/event.h>

#include "args.h"
#include "child.h"
#include "clock.h"
#include "conf.h"
#include "counter.h"
#include "ledger.h"
#include "ledger_queue.h"
#include "log.h"
#include "timer.h"

#define LOOK_MS		60000	/* between looks, at the most */
#define LOOK_LEAST_MS	1000
#define STEP_MS		50	/* between steps while there is work */
#define STEP_ROWS	512
#define STEP_PAGES	128
#define FREE_PAGES	256	/* so few are not worth a write */

static struct {
	struct event	*timer;
	span_t		 keep;		/* SPAN_FOREVER: no bound */
	uint64_t	 max;		/* bytes, 0: no bound */
	span_t		 needed;	/* ended within: never dropped */
	uint64_t	 dropped;	/* since work began */
	int		 told;		/* that all of it is needed */
} keep;

/*
 * How long a repeated offence may look back: as long as a ban can last.  What
 * makes a ban grow is younger than that.
 */
static span_t
needed(const struct conf *c)
{
	struct conf_watch	*w;
	span_t			 longest = 0;

	TAILQ_FOREACH(w, &c->watches, entry)
		if (w->w.ban != SPAN_FOREVER && w->w.ban > longest)
			longest = w->w.ban;
	return longest;
}

static int64_t
pause_ms(void)
{
	int64_t	ms = LOOK_MS;

	if (keep.keep / 4 < ms)
		ms = keep.keep / 4;
	return ms < LOOK_LEAST_MS ? LOOK_LEAST_MS : ms;
}

/* All that is left is needed: say so once, until it is no longer so. */
static void
too_big(uint64_t used)
{
	if (!keep.told)
		log_warnx("ledger: %" PRIu64 " KiB are more than max, and all "
		    "of it is needed", used / 1024);
	keep.told = 1;
}

/* 1: a step was done, and there may be more to do. */
static int
drop(const struct db_usage *u, int64_t now, enum db_status *status)
{
	uint64_t	used = (u->pages - u->free) * u->page_size;
	int64_t		before = keep.keep == SPAN_FOREVER ? 0 :
			    now - keep.keep;
	unsigned int	n = 0;

	if (keep.max != 0 && used > keep.max)
		before = now;
	else
		keep.told = 0;
	if (before > now - keep.needed)
		before = now - keep.needed;
	*status = db_drop(before, STEP_ROWS, &n);
	counter_add(LEDGER_DROPPED, n);
	keep.dropped += n;
	if (*status == DB_OK && n == 0 && keep.max != 0 && used > keep.max)
		too_big(used);
	return n != 0;
}

static int
vacuum(const struct db_usage *u, enum db_status *status)
{
	int	over = keep.max != 0 && u->pages * u->page_size > keep.max;

	if (u->free == 0 || (!over && (u->free <= FREE_PAGES ||
	    u->free <= u->pages / 8)))
		return 0;
	*status = db_vacuum(STEP_PAGES);
	return *status == DB_OK;
}

static void
keep_turn(EVENT_ARGS)
{
	struct db_usage	 u;
	enum db_status	 status;
	int		 more = 0;

	if (!queue_well()) {
		timer_set(keep.timer, LOOK_LEAST_MS);
		return;
	}
	if ((status = db_usage(&u)) == DB_OK)
		more = drop(&u, wall_now(), &status);
	if (status == DB_OK && !more)
		more = vacuum(&u, &status);
	if (status != DB_OK)
		queue_failed(status);
	else
		counter_set(LEDGER_BYTES, u.pages * u.page_size);
	if (!more && keep.dropped != 0) {
		log_info("ledger: %" PRIu64 " decisions were old enough to be "
		    "forgotten", keep.dropped);
		keep.dropped = 0;
	}
	timer_set(keep.timer, more ? STEP_MS : pause_ms());
}

void
keep_conf(const struct conf *c)
{
	if (keep.timer == NULL && (keep.timer = evtimer_new(child_base,
	    keep_turn, NULL)) == NULL)
		fatalx("ledger: no timer");
	keep.keep = c->global.ledger_keep == 0 ? SPAN_FOREVER :
	    (span_t)c->global.ledger_keep * 1000;
	keep.max = (uint64_t)c->global.ledger_max * 1024;
	keep.needed = needed(c);
	timer_set(keep.timer, LOOK_LEAST_MS);
}

void
keep_stop(void)
{
	if (keep.timer != NULL)
		event_free(keep.timer);
	keep.timer = NULL;
}

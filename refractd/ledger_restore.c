/*
 * After a start: every decision whose end lies ahead goes to the enforcer
 * again, who puts it into the kernel with the time that is left.  Page by page
 * and no faster than the channel takes them, so nothing piles up and others
 * are served in between.
 */
#include <inttypes.h>
#include <stdint.h>

#include <event2/event.h>

#include "args.h"
#include "child.h"
#include "clock.h"
#include "ledger.h"
#include "ledger_queue.h"
#include "log.h"
#include "timer.h"

#define PAGE		2048	/* decisions a turn */
#define BANS_MAX	((IMSG_MAX - IMSG_HEADER_SIZE) / \
			sizeof(struct wire_ban))

static struct {
	struct channel	*ch;		/* NULL: nothing to do */
	struct event	*turn;
	struct active	 at;
	uint64_t	 decisions, bans, lifted;
	mono_t		 begun;
	int		 done;
	struct wire_ban	 out[BANS_MAX];
	size_t		 nout;
} re;

static void
send_bans(void)
{
	if (re.nout == 0)
		return;
	channel_send(re.ch, M_RESTORE, 0, re.out, re.nout * sizeof(re.out[0]));
	re.bans += re.nout;
	re.nout = 0;
}

/* One entry of the kernel's sets: on a port, or the whole host (NULL). */
static void
add_entry(const struct stored *d, const struct wire_port *p)
{
	struct wire_ban	*b;

	if (db_is_lifted(d, p)) {
		re.lifted++;
		return;
	}
	b = &re.out[re.nout++];
	*b = d->ban;
	/* Its answer did not come before the end. */
	if (d->outcome == 0)
		b->flags |= BANF_TELL;
	if (p != NULL) {
		b->proto = p->proto;
		b->port = p->port;
	}
	if (re.nout == BANS_MAX)
		send_bans();
}

static void
add_decision(const struct stored *d)
{
	uint32_t	i;

	re.decisions++;
	if (d->nports == 0)
		add_entry(d, NULL);
	for (i = 0; i < d->nports; i++)
		add_entry(d, &d->ports[i]);
}

static void
finish(void)
{
	struct channel	*ch = re.ch;

	send_bans();
	restore_stop();
	re.done = 1;
	channel_send(ch, M_RESTORE_DONE, 0, NULL, 0);
	if (re.decisions != 0)
		log_info("%" PRIu64 " bans of %" PRIu64 " decisions "
		    "restored in %" PRId64 " ms, %" PRIu64 " had been lifted",
		    re.bans, re.decisions,
		    mono_since(re.begun, mono_now()), re.lifted);
}

/* By a timer: what is made active in its own callback lets nobody in. */
static void
next_turn(void)
{
	timer_set(re.turn, 0);
}

static void
restore_turn(EVENT_ARGS)
{
	enum db_status	 status;
	unsigned int	 n = 0;

	if (re.ch == NULL || channel_full(re.ch))
		return;		/* restore_drained() goes on */
	channel_cork(re.ch);
	status = db_active(&re.at, PAGE, &n, add_decision);
	channel_uncork(re.ch);
	if (status == DB_OK && n == PAGE) {
		next_turn();
		return;
	}
	if (status != DB_OK)
		queue_failed(status);
	finish();
}

void
restore_begin(struct channel *ch)
{
	enum db_status	 status;

	restore_stop();
	re.ch = ch;
	re.decisions = re.bans = re.lifted = 0;
	re.begun = mono_now();
	if (re.turn == NULL && (re.turn = evtimer_new(child_base,
	    restore_turn, NULL)) == NULL)
		fatalx("no event");
	if (!db_is_open()) {
		finish();	/* the start must not wait for a broken disk */
		re.done = 0;
		return;
	}
	if ((status = db_active_begin(&re.at, wall_now())) != DB_OK) {
		queue_failed(status);
		finish();
		return;
	}
	next_turn();
}

void
restore_drained(struct channel *ch)
{
	if (re.ch == ch)
		next_turn();
}

void
restore_stop(void)
{
	re.ch = NULL;
	re.nout = 0;
	if (re.turn != NULL)
		(void)event_del(re.turn);
}

int
restore_begun(void)
{
	return re.done || re.ch != NULL;
}

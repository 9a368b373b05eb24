/*
 * What the parser goes on with after a start, told when it asks: counters,
 * positions, rule state, bans that are served, what was decided of lines that
 * it will read again, what filters wait for, and what was lifted.  Page by
 * page and no faster than the channel takes them.  The parent is told the
 * positions too, before it opens logs.
 */
#include <inttypes.h>
#include <stdint.h>
#include <string.h>

#include <event2/event.h>

#include "args.h"
#include "child.h"
#include "clock.h"
#include "ledger.h"
#include "ledger_queue.h"
#include "ledger_state.h"
#include "log.h"
#include "tell.h"
#include "timer.h"

#define PAGE		2048
#define GROWTH_ROWS	262144	/* as many as the parser remembers */
#define DECIDED_ROWS	131072	/* twice what it sends ahead of a cut */
#define GROWN_MAX	((IMSG_MAX - IMSG_HEADER_SIZE) / \
			sizeof(struct wire_growth))
#define SERVED_MAX	((IMSG_MAX - IMSG_HEADER_SIZE) / \
			sizeof(struct wire_served))
#define DECIDED_MAX	((IMSG_MAX - IMSG_HEADER_SIZE) / \
			sizeof(struct wire_decided))

static struct {
	struct channel		*ch;	/* NULL: nothing to do */
	struct event		*turn;
	int			 states_sent;
	struct state_cursor	 states;
	struct served_cursor	 served;
	struct wire_served	 out[SERVED_MAX];
	size_t			 nout;
	struct wire_growth	 grown[GROWN_MAX];
	size_t			 ngrown;
	struct wire_decided	 decided[DECIDED_MAX];
	size_t			 ndecided;
	uint64_t		 nstates, nserved;
	mono_t			 begun;
} rs;

static void
send_stats(const struct msg_stats *m)
{
	channel_send(rs.ch, M_WATCH_STATS, 0, m, sizeof(*m));
}

static void
send_position(const struct msg_position *p)
{
	channel_send(rs.ch, M_POSITION, 0, p, sizeof(*p));
}

static void
tell_parent(const struct msg_position *p)
{
	channel_send(child_parent, M_POSITION, 0, p, sizeof(*p));
}

static void
send_state(const void *data, size_t len)
{
	channel_send(rs.ch, M_STATE, 0, data, len);
	rs.nstates++;
}

static void
send_out(void)
{
	if (rs.nout == 0)
		return;
	channel_send(rs.ch, M_RESUME_BAN, 0, rs.out,
	    rs.nout * sizeof(rs.out[0]));
	rs.nserved += rs.nout;
	rs.nout = 0;
}

static void
send_served(const struct wire_served *w)
{
	rs.out[rs.nout++] = *w;
	if (rs.nout == SERVED_MAX)
		send_out();
}

static void
send_grown(void)
{
	if (rs.ngrown > 0)
		channel_send(rs.ch, M_RESUME_GROWTH, 0, rs.grown,
		    rs.ngrown * sizeof(rs.grown[0]));
	rs.ngrown = 0;
}

static void
send_growth(const struct wire_growth *g)
{
	rs.grown[rs.ngrown++] = *g;
	if (rs.ngrown == GROWN_MAX)
		send_grown();
}

/* Does any watch ask how often it was? */
static int
is_growth_wanted(void)
{
	struct conf_watch	*cw;

	TAILQ_FOREACH(cw, &child_conf()->watches, entry)
		if (cw->w.growth_max != 0)
			return 1;
	return 0;
}

static enum db_status
growth(void)
{
	enum db_status	status = DB_OK;

	if (is_growth_wanted())
		status = state_growth(GROWTH_ROWS, send_growth);
	send_grown();
	return status;
}

static void
send_out_decided(void)
{
	if (rs.ndecided > 0)
		channel_send(rs.ch, M_RESUME_DECIDED, 0, rs.decided,
		    rs.ndecided * sizeof(rs.decided[0]));
	rs.ndecided = 0;
}

static void
send_decided(const struct wire_decided *d)
{
	rs.decided[rs.ndecided++] = *d;
	if (rs.ndecided == DECIDED_MAX)
		send_out_decided();
}

static enum db_status
decided(void)
{
	enum db_status	status;

	status = state_decided(DECIDED_ROWS, send_decided);
	send_out_decided();
	return status;
}

static void
send_waiting(const void *data, size_t len)
{
	channel_send(rs.ch, M_WAITING, 0, data, len);
}

static void
send_lift(const struct msg_lift *m)
{
	channel_send(rs.ch, M_RESUME_LIFT, 0, m, sizeof(*m));
}

/* code 0: that was all; 1: there is no ledger to tell from. */
static void
finish(int code)
{
	struct channel	*ch = rs.ch;

	resume_stop();
	tell_outcome(ch, M_RESUME_DONE, 0, code, 0, "%s",
	    code != 0 ? db_error() : "");
	log_debug("the parser goes on with %" PRIu64 " states and %" PRIu64
	    " bans, told in %" PRId64 " ms", rs.nstates, rs.nserved,
	    mono_since(rs.begun, mono_now()));
}

static void
next_turn(void)
{
	timer_set(rs.turn, 0);
}

/* One page.  *more 0: that was the last. */
static enum db_status
page(int *more)
{
	enum db_status	status;
	unsigned int	n;

	*more = 1;
	if (!rs.states_sent) {
		status = state_states(&rs.states, PAGE, &n, send_state);
		rs.states_sent = n < PAGE;
		return status;
	}
	if ((status = state_served(&rs.served, PAGE, &n, send_served)) !=
	    DB_OK || n == PAGE)
		return status;
	send_out();
	*more = 0;
	if ((status = growth()) != DB_OK || (status = decided()) != DB_OK ||
	    (status = state_waiting(send_waiting)) != DB_OK)
		return status;
	return state_lifts(rs.served.oldest, send_lift);
}

static void
resume_turn(EVENT_ARGS)
{
	enum db_status	 status;
	int		 more;

	if (rs.ch == NULL || channel_full(rs.ch))
		return;		/* resume_drained() goes on */
	channel_cork(rs.ch);
	status = page(&more);
	channel_uncork(rs.ch);
	if (status != DB_OK) {
		queue_failed(status);
		finish(1);
	} else if (!more)
		finish(0);
	else
		next_turn();
}

static enum db_status
begin(void)
{
	enum db_status	status;

	if ((status = state_oldest(&rs.served.oldest)) == DB_OK &&
	    (status = state_stats(send_stats)) == DB_OK)
		status = state_positions(send_position);
	rs.served.ends = rs.served.oldest;
	rs.served.row = INT64_MAX;
	return status;
}

void
resume_begin(struct channel *ch)
{
	enum db_status	status;

	resume_stop();
	memset(&rs.states, 0, sizeof(rs.states));
	rs.ch = ch;
	rs.states_sent = 0;
	rs.nstates = rs.nserved = 0;
	rs.begun = mono_now();
	if (rs.turn == NULL && (rs.turn = evtimer_new(child_base,
	    resume_turn, NULL)) == NULL)
		fatalx("no event");
	if (!db_is_open()) {
		finish(1);
		return;
	}
	if ((status = begin()) != DB_OK) {
		queue_failed(status);
		finish(1);
		return;
	}
	next_turn();
}

void
resume_drained(struct channel *ch)
{
	if (rs.ch == ch)
		next_turn();
}

void
resume_stop(void)
{
	rs.ch = NULL;
	rs.nout = rs.ngrown = rs.ndecided = 0;
	if (rs.turn != NULL)
		(void)event_del(rs.turn);
}

void
resume_tell_parent(void)
{
	enum db_status	status;

	if (db_is_open() && (status = state_positions(tell_parent)) != DB_OK)
		queue_failed(status);
}

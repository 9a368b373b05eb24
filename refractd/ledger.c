/*
 * The ledger role: who asks what of it.  Records go into the queue
 * (ledger_queue.c), which brings them to the disk; nobody ever waits for that
 * but who asked to be told.
 *
 * At the end it goes last: when it is told to stop, everybody else has gone,
 * and what they said is read to its end first.
 */
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>

#include <event2/event.h>

#include "args.h"
#include "child.h"
#include "ledger.h"
#include "ledger_queue.h"
#include "ledger_run.h"
#include "log.h"
#include "tell.h"
#include "timer.h"

#define LEDGER_FILE	"/ledger.db"	/* the root is the state directory */
#define STOP_MS		500		/* for the last words of siblings */
#define SAY_MS		60000		/* a refusal is said once in this */

static int	 nchannels, stopping, leaving, paused;
static struct event	*stop_timer, *leave_timer;
static struct msg_outcome state;	/* what control was told last */

/* --- What the queue tells --- */

static void
on_committed(uint64_t number)
{
	struct msg_checkpoint	m = { .number = number };

	channel_send(child_channel(ROLE_PARSER, 1), M_COMMITTED, 0, &m,
	    sizeof(m));
}

static void
on_state(int trouble, const char *text)
{
	struct msg_outcome	m = { .code = trouble };

	(void)strlcpy(m.text, text, sizeof(m.text));
	run_trouble(trouble);
	if (memcmp(&m, &state, sizeof(m)) == 0)
		return;
	state = m;
	channel_send(child_channel(ROLE_CONTROL, 0), M_LEDGER_STATE, 0, &m,
	    sizeof(m));
}

static void
on_room(void)
{
	if (paused)
		channel_resume(child_channel(ROLE_PARSER, 1));
	paused = 0;
}

/* The disk is back after a start without it. */
static void
on_opened(void)
{
	struct channel	*ch = child_channel(ROLE_ENFORCER, 1);

	if (child_conf() != NULL && ch != NULL && !restore_begun())
		restore_begin(ch);
	if (child_conf() != NULL)
		channel_send(child_channel(ROLE_PARSER, 1), M_LEDGER_FRESH, 0,
		    NULL, 0);
}

static const struct queue_calls queue_calls = {
	on_committed, on_state, on_room, on_opened, run_decided,
	run_happened, run_forgiven, run_ran, run_inside, run_outside
};

/* --- From siblings --- */

/*
 * The parser reads hostile bytes: what a restart applies from here is no more
 * than the enforcer would have let it have.
 */
static int
may_decide(const struct msg_decision *m)
{
	static mono_t	said;

	if (conf_watch_decides(child_conf(), &m->ban, m->ports, m->nports) ||
	    conf_watch_decides(child_conf_before(), &m->ban, m->ports,
	    m->nports))
		return 1;
	if (said.ms == 0 || mono_since(said, mono_now()) >= SAY_MS) {
		log_warnx("the parser decided on a ban that no watch makes: "
		    "it is recorded, and over");
		said = mono_now();
	}
	return 0;
}

static void
take_decision(const struct msg_decision *m, int batch)
{
	struct decision		 d = { .ban = m->ban, .nports = m->nports };
	struct conf_watch	*w;

	w = conf_watch_byhash(child_conf(), m->ban.id.watch);
	d.dry_run = w != NULL && w->w.dry_run;
	d.past = m->past;
	d.again = m->again;
	memcpy(d.ports, m->ports, sizeof(d.ports));
	(void)strlcpy(d.watch, m->watch, sizeof(d.watch));
	d.evidence = m->evidence;
	d.no_ban = m->no_ban;
	d.rerun = m->rerun;
	if (batch && !d.no_ban && !d.past && !may_decide(m)) {
		d.past = 1;
		d.ban.end = d.ban.start;
	}
	d.count = m->count;
	(void)strlcpy(d.pattern, m->pattern, sizeof(d.pattern));
	d.values = m->values;
	d.values_len = (size_t)m->values_len[0] |
	    (size_t)m->values_len[1] << 8;
	if (queue_decision(&d, batch) == -1)
		fatalx("parser: a decision outside of a checkpoint");
}

static void
on_decision(MSG_ARGS)
{
	take_decision(data, channel_peer(ch) == ROLE_PARSER);
}

static void
on_checkpoint(MSG_ARGS)
{
	const struct msg_checkpoint	*m = data;

	if (queue_batch_begin(m->number) == -1)
		fatalx("parser: a checkpoint within a checkpoint");
}

static void
on_checkpoint_end(MSG_ARGS)
{
	const struct msg_checkpoint	*m = data;

	if (queue_batch_end(m->number) == -1)
		fatalx("parser: the end of a checkpoint that was not begun");
	if (queue_full() && !paused) {
		paused = 1;
		channel_pause(ch);
	}
}

static void
take_state(uint32_t type, const void *data, size_t len)
{
	if (queue_state(type, data, len) == -1)
		fatalx("parser: %s outside of a checkpoint", msg_name(type));
}

#define STATE(type)							\
static void								\
on_##type(MSG_ARGS)							\
{									\
	take_state(type, data, len);					\
}

STATE(M_STATE_CLEAR)
STATE(M_STATE)
STATE(M_POSITION)
STATE(M_WATCH_STATS)
STATE(M_EVIDENCE)
STATE(M_CUT)
STATE(M_WAITING)

static void
on_resume(MSG_ARGS)
{
	resume_begin(ch);
}

static void
on_ban_event(MSG_ARGS)
{
	const struct wire_event	*e = data;

	/* The end was in the decision. */
	if (e->outcome != BAN_EXPIRED || run_wants_ends())
		queue_event(e);
}

static void
on_forgive(MSG_ARGS)
{
	queue_forgive(data, wall_now());
}

static void
on_show(MSG_ARGS)
{
	const struct msg_show	*m = data;
	struct msg_show		 end = *m;

	switch (m->what) {
	case SHOW_HISTORY:
		show_history(ch, id, m);
		break;
	case SHOW_PENDING:
		show_pending(ch, id, m);
		break;
	case SHOW_WHY:
	case SHOW_LINES:
		show_why(ch, id, m);
		break;
	default:
		end.cursor = 0;
		channel_send(ch, M_SHOW_END, id, &end, sizeof(end));
		break;
	}
}

static void
on_flush(MSG_ARGS)
{
	run_flush(ch, id, data);
}

static const struct handler from_enforcer[] = {
	{ M_BAN_EVENT, on_ban_event },
	{ 0, NULL }
};
static const struct handler from_control[] = {
	{ M_DECISION, on_decision },
	{ M_FORGIVE, on_forgive },
	{ M_SHOW, on_show },
	{ M_FLUSH, on_flush },
	{ M_COUNTERS_GET, tell_counters },
	{ 0, NULL }
};
static const struct handler from_parser[] = {
	{ M_CHECKPOINT, on_checkpoint },
	{ M_DECISION, on_decision },
	{ M_STATE_CLEAR, on_M_STATE_CLEAR },
	{ M_STATE, on_M_STATE },
	{ M_POSITION, on_M_POSITION },
	{ M_WATCH_STATS, on_M_WATCH_STATS },
	{ M_EVIDENCE, on_M_EVIDENCE },
	{ M_CUT, on_M_CUT },
	{ M_WAITING, on_M_WAITING },
	{ M_CHECKPOINT_END, on_checkpoint_end },
	{ M_RESUME, on_resume },
	{ 0, NULL }
};

/* --- From the parent --- */

static void
on_run_max(MSG_ARGS)
{
	uint32_t	max;

	memcpy(&max, data, len);
	run_max(max);
}

static void
on_run_done(MSG_ARGS)
{
	run_done(data);
}

/* The others have gone: what they said last is read first. */
static void
on_run_exit(MSG_ARGS)
{
	leaving = 1;
	if (nchannels == 0)
		run_exit();
	else
		timer_set(leave_timer, STOP_MS);
}

static void
leave(EVENT_ARGS)
{
	run_exit();
}

static const struct handler from_parent[] = {
	{ M_RUN_MAX, on_run_max },
	{ M_RUN_DONE, on_run_done },
	{ M_RUN_EXIT, on_run_exit },
	{ 0, NULL }
};

/* --- Life --- */

static void
ledger_connected(enum role peer, int bulk, struct channel *ch)
{
	nchannels++;
	if (peer == ROLE_ENFORCER && bulk)
		channel_ondrained(ch, restore_drained);
	if (peer == ROLE_PARSER && bulk)
		channel_ondrained(ch, resume_drained);
	if (peer == ROLE_CONTROL && state.code != 0)
		channel_send(ch, M_LEDGER_STATE, 0, &state, sizeof(state));
}

static void
ledger_end(EVENT_ARGS)
{
	queue_stop();
	run_stop();
	child_exit();
}

static void
ledger_disconnected(enum role peer, int bulk)
{
	nchannels--;
	if (peer == ROLE_ENFORCER && bulk)
		restore_stop();
	if (peer == ROLE_PARSER && bulk) {
		paused = 0;
		resume_stop();
	}
	if (stopping && nchannels == 0)
		event_active(stop_timer, 0, 0);
	else if (leaving && nchannels == 0)
		event_active(leave_timer, 0, 0);
}

static void
ledger_stop(void)
{
	stopping = 1;
	keep_stop();
	restore_stop();
	if ((stop_timer = evtimer_new(child_base, ledger_end, NULL)) == NULL)
		fatalx("no timer");
	timer_set(stop_timer, STOP_MS);
	if (nchannels == 0)
		event_active(stop_timer, 0, 0);
}

static int
ledger_prepare(struct conf *new, char *why)
{
	(void)new;
	(void)why;
	return 0;
}

static void
ledger_commit(struct conf *new, struct conf *old)
{
	struct channel	*ch = child_channel(ROLE_ENFORCER, 1);

	keep_conf(new);
	run_conf();
	if (old != NULL)
		return;
	if (ch != NULL)
		restore_begin(ch);
	resume_tell_parent();
}

static struct child child = {
	.role = ROLE_LEDGER,
	.ident = "ledger",
	.keeps_before = 1,
	.parent = from_parent,
	.peers = {
		[ROLE_ENFORCER] = from_enforcer,
		[ROLE_CONTROL] = from_control,
		[ROLE_PARSER] = from_parser,
	},
	.connected = ledger_connected,
	.disconnected = ledger_disconnected,
	.prepare = ledger_prepare,
	.commit = ledger_commit,
	.stop = ledger_stop,
};

static void
ledger_open(void)
{
	(void)umask(077);
	if ((leave_timer = evtimer_new(child_base, leave, NULL)) == NULL)
		fatalx("no timer");
	queue_start(child.root == NULL ? "" : child.root, LEDGER_FILE,
	    &queue_calls);
}

static void
ledger_option(int c, const char *arg)
{
	if (c == 'r')
		child.root = arg;
}

void
ledger(int argc, char **argv)
{
	child.open = ledger_open;
	child.extra = "r:";
	child.option = ledger_option;
	child_start(&child, argc, argv);
	child_run();
}

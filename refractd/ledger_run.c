/*
 * When commands run.  Rows are made inside the transaction of what they follow
 * (a decision, or what became of a ban), marked started inside a transaction
 * of their own, and sent to the parent when that is on the disk.
 *
 * No command is started before the parent has said how many it takes
 * (M_RUN_MAX): then everything stands.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "args.h"
#include "child.h"
#include "clock.h"
#include "counter.h"
#include "ctl_buf.h"
#include "ledger.h"
#include "ledger_run.h"
#include "ledger_runs.h"
#include "log.h"
#include "run_argv.h"
#include "tell.h"
#include "timer.h"

#define LOOK_MS		30000	/* the wall clock may be set meanwhile */

static struct {
	struct event	*timer;
	uint32_t	 max;		/* 0: not now */
	uint32_t	 running;
	uint64_t	 pending;	/* that wait, as of the last look */
	int		 recovered;	/* what a crash left was looked at */
	int		 conf_changed;
	int		 exiting;	/* what runs at exit is wanted ... */
	int		 exited;	/* ... and was sent */
	int		 troubled, full;
	/* Claimed in this transaction. */
	struct stored_run *out;
	size_t		 nout, room;
} rn;

/* --- What the configuration says --- */

static const struct conf_run *
find_run(uint64_t watch, uint64_t hash)
{
	const struct conf_watch	*w = conf_watch_byhash(child_conf(), watch);
	const struct conf_run	*r = NULL;

	if (w != NULL)
		TAILQ_FOREACH(r, &w->runs, entry)
			if (r->w.hash == hash)
				break;
	return r;
}

static const char *
name_of(uint64_t watch)
{
	static char		 stored[NAME_MAX_LEN];
	const struct conf_watch	*w = conf_watch_byhash(child_conf(), watch);

	if (w != NULL)
		return w->w.name;
	db_watch_name(watch, stored, sizeof(stored));
	return stored;
}

static int
any_run(int when)
{
	const struct conf_watch	*w;
	const struct conf_run	*r;

	if (child_conf() != NULL)
		TAILQ_FOREACH(w, &child_conf()->watches, entry)
			TAILQ_FOREACH(r, &w->runs, entry)
				if (when == -1 || r->w.when == when)
					return 1;
	return 0;
}

int
run_wants_ends(void)
{
	return any_run(RUN_UNBAN);
}

/* As the configuration has it: { "a", "b" }. */
static void
print_args(struct obuf *o, const char *args, size_t len)
{
	const char	*end = args + len, *sep = "{ ";

	for (; args < end; args += strlen(args) + 1) {
		obuf_str(o, sep);
		obuf_vis(o, args, strlen(args), OBUF_DONE | OBUF_QUOTE);
		sep = ", ";
	}
	obuf_str(o, " }");
}

void
run_show(struct obuf *o, const struct stored_run *s)
{
	const struct conf_run	*r = find_run(s->watch, s->hash);
	struct prefix		 net = { .family = 0 };
	struct run_values	 v = { name_of(s->watch), &s->addr, &net,
				    s->count, s->values, s->values_len };
	const struct conf_watch	*w;
	static char		 args[RUN_ARGS_MAX];
	size_t			 len;

	if ((w = conf_watch_byhash(child_conf(), s->watch)) != NULL)
		conf_covers(&child_conf()->global, w, &s->addr, &net);
	if (r == NULL)
		obuf_str(o, "(not in the configuration any more)");
	else if ((len = run_argv_fill(args, sizeof(args), r->text, r->len,
	    &v)) == 0)
		obuf_str(o, "(too long)");
	else
		print_args(o, args, len);
}

/* --- Rows are made --- */

static int
put_value(struct stored_run *s, const char *text)
{
	size_t	len = strlen(text) + 1;

	if (len > sizeof(s->values) - s->values_len)
		return 0;
	memcpy(s->values + s->values_len, text, len);
	s->values_len += len;
	return 1;
}

/* What a row has of its decision. */
static void
row_of(const struct decision *d, int64_t row, struct stored_run *s)
{
	memset(s, 0, sizeof(*s));
	s->decision = row;
	s->watch = d->ban.id.watch;
	s->at = d->ban.start;
	s->ends = d->no_ban ? d->ban.start : d->ban.end;
	s->count = d->count;
	s->prefix = d->ban.prefix;
	s->addr = d->ban.offender.family != 0 ? d->ban.offender :
	    d->ban.prefix;
	(void)strlcpy(s->subject, d->ban.subject, sizeof(s->subject));
	if (d->values_len <= VALUES_LEN && d->values_len > 0)
		memcpy(s->values, d->values, s->values_len = d->values_len);
	if (d->values_len == 0 && d->ban.subject[0] != '\0' &&
	    put_value(s, "user"))
		(void)put_value(s, d->ban.subject);
	if (put_value(s, "match") && !put_value(s, d->evidence))
		(void)put_value(s, "");
}

static struct run_key
key_of(const struct stored_run *s)
{
	return (struct run_key){ s->watch, &s->prefix, s->subject };
}

/* 1: there is no room. */
static int
is_full(void)
{
	if (rn.pending < RUN_PENDING_MAX) {
		rn.full = 0;
		return 0;
	}
	counter_inc(RUN_DROPPED);
	if (!rn.full)
		log_warnx("%d commands wait already: no more are taken until "
		    "some have run", RUN_PENDING_MAX);
	rn.full = 1;
	return 1;
}

static void
say_dry(const struct stored_run *s, const struct wire_run *r)
{
	char		text[1024], delay[SPAN_STRLEN];
	struct obuf	o = OBUF(text);

	obuf_clear(&o);
	run_show(&o, s);
	log_info("watch %s: dry run: would run %s%s%s", name_of(s->watch),
	    text, r->delay == 0 ? "" : " after ",
	    r->delay == 0 ? "" : span_print(r->delay, delay));
}

/* One command of a decision, or of its ban; due and ends are set. */
static enum db_status
add(struct stored_run *s, const struct conf_watch *w, const struct conf_run *r)
{
	s->hash = r->w.hash;
	s->kind = r->w.when;
	s->changed = wall_now();
	s->state = w->w.dry_run ? RUN_SKIPPED : RUN_PENDING;
	if (r->w.family != 0 && s->addr.family != r->w.family)
		return DB_OK;
	if (w->w.dry_run)
		say_dry(s, &r->w);
	else if (is_full())
		return DB_OK;
	else
		rn.pending++;
	return runs_add(s);
}

static enum db_status
add_offence(struct stored_run *s, const struct conf_watch *w,
    const struct conf_run *r)
{
	struct run_key	 key = key_of(s);
	enum db_status	 status;
	int		 again = 0;

	/* The same lines may have counted for it before. */
	if (r->w.once && (status = runs_under_way(&key, r->w.hash, s->at,
	    w->w.window, &again)) != DB_OK)
		return status;
	s->due = wall_add(s->at, r->w.delay);
	return again ? DB_OK : add(s, w, r);
}

/* Of a key that is under way: 1 if that is all. */
static enum db_status
repeated(const struct stored_run *s, const struct conf_watch *w, int rerun,
    int *done)
{
	struct run_key	key = key_of(s);
	enum db_status	status;

	*done = 0;
	if (w->w.duplicate == DUPLICATE_RERUN)
		return DB_OK;
	if ((status = runs_under_way(&key, 0, s->at, 0, done)) != DB_OK)
		return status;
	*done |= rerun;
	if (*done && w->w.duplicate == DUPLICATE_EXTEND)
		return runs_postpone(&key, s->at, s->ends);
	return DB_OK;
}

enum db_status
run_decided(const struct decision *d)
{
	const struct conf_watch	*w;
	const struct conf_run	*r;
	struct stored_run	 s;
	enum db_status		 status;
	int64_t			 row, lifted;
	int			 done;

	w = child_conf() == NULL ? NULL :
	    conf_watch_byhash(child_conf(), d->ban.id.watch);
	if (w == NULL || TAILQ_EMPTY(&w->runs) || (d->past && !d->no_ban))
		return DB_OK;
	row = db_decision_row(&d->ban.id, &lifted);
	if (row == 0 || lifted != 0)
		return DB_OK;
	row_of(d, row, &s);
	if ((status = repeated(&s, w, d->rerun, &done)) != DB_OK || done)
		return status;
	TAILQ_FOREACH(r, &w->runs, entry)
		if (r->w.when == RUN_OFFENCE &&
		    (status = add_offence(&s, w, r)) != DB_OK)
			return status;
	return DB_OK;
}

/* --- Rows of bans --- */

/* Once a ban: one of this key that still stands has had its command. */
static enum db_status
add_hook(struct stored_run *s, const struct conf_watch *w,
    const struct conf_run *r, const struct wire_event *e)
{
	struct run_key	key = key_of(s);
	enum db_status	status;
	int		stands;

	status = runs_under_way(&key, r->w.hash, e->ban.start, 0, &stands);
	if (status != DB_OK || stands)
		return status;
	s->ends = e->ban.end;
	s->due = r->w.when == RUN_BAN ? e->at : e->ban.end;
	return add(s, w, r);
}

/* Is this what it bans, a port or the whole host?  Whoever banned it. */
static int
is_banned_by(const struct conf_watch *w, const struct wire_ban *b)
{
	unsigned int	i;

	for (i = 0; i < w->w.nports; i++)
		if (w->w.ports[i].port == b->port &&
		    w->w.ports[i].proto == b->proto)
			return 1;
	return w->w.nports == 0 && b->port == 0;
}

static enum db_status
extend(const struct conf_watch *w, const struct wire_event *e)
{
	return runs_extend(w->w.hash, &e->ban.prefix, e->ban.start,
	    e->ban.end);
}

static enum db_status
end(const struct conf_watch *w, const struct wire_event *e)
{
	return runs_ended(w->w.hash, &e->ban.prefix, e->at,
	    e->outcome == BAN_LIFTED);
}

/* Those whose commands depend on it. */
static enum db_status
each_watch(const struct wire_event *e, enum db_status (*fn)(
    const struct conf_watch *, const struct wire_event *))
{
	const struct conf_watch	*w;
	enum db_status		 status;

	TAILQ_FOREACH(w, &child_conf()->watches, entry)
		if (!TAILQ_EMPTY(&w->runs) && is_banned_by(w, &e->ban) &&
		    (status = fn(w, e)) != DB_OK)
			return status;
	return DB_OK;
}

static enum db_status
ban_stands(const struct wire_event *e)
{
	const struct conf_watch	*w;
	const struct conf_run	*r;
	struct decision		 d = { .evidence = "" };
	struct stored_run	 s;
	enum db_status		 status;
	char			 evidence[EVIDENCE_LEN], values[VALUES_LEN];
	int64_t			 row, lifted;

	if ((status = each_watch(e, extend)) != DB_OK)
		return status;
	w = conf_watch_byhash(child_conf(), e->ban.id.watch);
	if (w == NULL || TAILQ_EMPTY(&w->runs) ||
	    (row = db_decision_row(&e->ban.id, &lifted)) == 0 || lifted != 0)
		return DB_OK;
	d.ban = e->ban;
	d.evidence = evidence;
	d.values = values;
	db_evidence(row, evidence, sizeof(evidence));
	d.values_len = db_values(row, &d.count, values, d.pattern,
	    sizeof(d.pattern));
	row_of(&d, row, &s);
	TAILQ_FOREACH(r, &w->runs, entry)
		if (r->w.when != RUN_OFFENCE &&
		    (status = add_hook(&s, w, r, e)) != DB_OK)
			return status;
	return DB_OK;
}

enum db_status
run_happened(const struct wire_event *e)
{
	if (child_conf() == NULL)
		return DB_OK;
	switch (e->outcome) {
	case BAN_APPLIED:
	case BAN_EXTENDED:
	case BAN_KEPT:
		return ban_stands(e);
	case BAN_EXPIRED:
	case BAN_LIFTED:
		return each_watch(e, end);
	default:
		return DB_OK;
	}
}

enum db_status
run_forgiven(const struct msg_target *t, int64_t at)
{
	return runs_forgive(t, at);
}

enum db_status
run_ran(const struct msg_run_done *m)
{
	enum run_state	state = m->status == 0 ? RUN_DONE : RUN_FAILED;

	/* There was no time left for it: it waits for the next start. */
	if (m->status == RUN_STATUS_NEVER && rn.exiting)
		state = RUN_PENDING;
	return runs_mark((int64_t)m->row, state, m->status, wall_now());
}

/* --- After a crash, and after a reload --- */

struct seen {
	uint64_t	watch, hash;
	int64_t		row;
};
static struct seen	*seen;
static size_t		 nseen;

static void
see(uint64_t watch, uint64_t hash, int64_t row)
{
	struct seen	*p;

	if ((p = reallocarray(seen, nseen + 1, sizeof(*p))) == NULL)
		fatal("commands");
	seen = p;
	seen[nseen++] = (struct seen){ watch, hash, row };
}

static void
forget_seen(void)
{
	free(seen);
	seen = NULL;
	nseen = 0;
}

/* It was started and we have died: who knows how far it came. */
static enum db_status
recover_one(const struct seen *s)
{
	const struct conf_run	*r = find_run(s->watch, s->hash);
	int			 again = r != NULL && r->w.at_least_once;

	log_notice("watch %s: a command was running when refractd ended: %s",
	    name_of(s->watch), again ? "it is run again" :
	    "it is not run again");
	return runs_mark(s->row, again ? RUN_PENDING : RUN_FAILED,
	    RUN_STATUS_UNKNOWN, wall_now());
}

static enum db_status
recover(void)
{
	enum db_status	status;
	size_t		i;

	status = runs_commands(1, see);
	for (i = 0; i < nseen && status == DB_OK; i++)
		status = recover_one(&seen[i]);
	forget_seen();
	return status;
}

static enum db_status
skip_one(const struct seen *s)
{
	char		text[TEXT_LEN];
	enum db_status	status;
	unsigned int	n;

	if (find_run(s->watch, s->hash) != NULL)
		return DB_OK;
	if ((status = runs_skip(s->watch, s->hash, wall_now(), &n)) != DB_OK)
		return status;
	(void)snprintf(text, sizeof(text), "watch %s: %u pending command%s "
	    "skipped: the configuration has it no more",
	    name_of(s->watch), n, n == 1 ? " is" : "s are");
	log_notice("%s", text);
	tell_notice(child_channel(ROLE_CONTROL, 0), s->watch, NOTICE_WATCH, 0,
	    text);
	return DB_OK;
}

static enum db_status
skip_removed(void)
{
	enum db_status	status;
	size_t		i;

	status = runs_commands(0, see);
	for (i = 0; i < nseen && status == DB_OK; i++)
		status = skip_one(&seen[i]);
	forget_seen();
	return status;
}

/* --- Rows are started --- */

static void
claimed(const struct stored_run *s)
{
	struct stored_run	*p;

	if (rn.nout == rn.room) {
		rn.room = rn.room == 0 ? 64 : rn.room * 2;
		if ((p = reallocarray(rn.out, rn.room, sizeof(*p))) == NULL)
			fatal("commands");
		rn.out = p;
	}
	rn.out[rn.nout++] = *s;
}

static int
runs_at_exit(void)
{
	const struct conf_watch	*w;
	const struct conf_run	*r;

	if (child_conf() != NULL)
		TAILQ_FOREACH(w, &child_conf()->watches, entry)
			TAILQ_FOREACH(r, &w->runs, entry)
				if (r->w.at_exit)
					return 1;
	return 0;
}

static enum db_status
claim_exit(void)
{
	const struct conf_watch	*w;
	const struct conf_run	*r;
	enum db_status		 status;

	TAILQ_FOREACH(w, &child_conf()->watches, entry)
		TAILQ_FOREACH(r, &w->runs, entry)
			if (r->w.at_exit && (status = runs_claim(w->w.hash,
			    r->w.hash, wall_now(), UINT32_MAX, claimed)) !=
			    DB_OK)
				return status;
	return DB_OK;
}

enum db_status
run_inside(void)
{
	enum db_status	status = DB_OK;

	rn.nout = 0;
	if (child_conf() == NULL)
		return DB_OK;
	if (!rn.recovered && (status = recover()) != DB_OK)
		return status;
	if (rn.conf_changed && (status = skip_removed()) != DB_OK)
		return status;
	if (rn.exiting)
		return rn.exited ? DB_OK : claim_exit();
	if (rn.running < rn.max)
		status = runs_claim(0, 0, wall_now(), rn.max - rn.running,
		    claimed);
	return status;
}

static void
send_run(const struct stored_run *s)
{
	struct msg_run	m = { .row = (uint64_t)s->row, .watch = s->watch,
			    .hash = s->hash, .addr = s->addr, .at = s->at,
			    .count = s->count };

	m.values_len = (uint32_t)s->values_len;
	channel_send2(child_parent, M_RUN, 0, &m, sizeof(m), s->values,
	    s->values_len);
	rn.running++;
	counter_inc(RUN_STARTED);
}

static void
run_timer(EVENT_ARGS)
{
	queue_kick();
}

static void
tell_exited(uint32_t n)
{
	rn.exited = 1;
	channel_send(child_parent, M_RUN_EXITED, 0, &n, sizeof(n));
}

/* When is there something to do again? */
static void
look(void)
{
	int64_t		due, now = wall_now();
	enum db_status	status;

	if ((status = runs_next(&due, &rn.pending)) != DB_OK) {
		queue_failed(status);
		return;
	}
	counter_set(RUN_PENDING, rn.pending);
	if (rn.timer == NULL && (rn.timer = evtimer_new(child_base, run_timer,
	    NULL)) == NULL)
		fatalx("commands: no timer");
	(void)event_del(rn.timer);
	if (due == WALL_FOREVER || rn.exiting || rn.running >= rn.max)
		return;
	due = due > now ? due - now : 0;
	timer_set(rn.timer, due < LOOK_MS ? due : LOOK_MS);
}

void
run_outside(int done)
{
	uint32_t	n = (uint32_t)rn.nout;
	size_t		i;

	if (!done || child_conf() == NULL) {
		rn.nout = 0;
		return;
	}
	rn.recovered = 1;
	rn.conf_changed = 0;
	for (i = 0; i < rn.nout; i++)
		send_run(&rn.out[i]);
	rn.nout = 0;
	if (rn.exiting && !rn.exited)
		tell_exited(n);
	if (db_is_open() && (rn.pending != 0 || any_run(-1)))
		look();
}

/* --- Who says so --- */

void
run_conf(void)
{
	rn.conf_changed = 1;
	queue_kick();
}

void
run_max(uint32_t max)
{
	rn.max = max;
	queue_kick();
}

void
run_done(const struct msg_run_done *m)
{
	if (rn.running > 0)
		rn.running--;
	if (m->status != 0)
		counter_inc(RUN_FAILED);
	queue_ran(m);
}

/* Without such a command nobody waits for the disk. */
void
run_exit(void)
{
	rn.exiting = 1;
	if (!runs_at_exit()) {
		tell_exited(0);
		return;
	}
	queue_kick();
	(void)queue_flush();
}

void
run_stop(void)
{
	if (rn.timer != NULL)
		event_free(rn.timer);
	free(rn.out);
	memset(&rn, 0, sizeof(rn));
}

void
run_trouble(int trouble)
{
	if (trouble && !rn.troubled && any_run(-1))
		log_warnx("commands wait until the ledger can be written");
	rn.troubled = trouble;
}

void
run_flush(struct channel *ch, uint32_t id, const struct msg_flush *m)
{
	enum db_status	status = DB_TROUBLE;
	unsigned int	n = 0;

	if (rn.pending == 0 && !any_run(-1))
		status = DB_OK;		/* there never was one */
	else if (queue_flush() == 0 && queue_well() &&
	    (status = db_begin()) == DB_OK) {
		status = runs_flush(m, wall_now(), &n);
		if (status == DB_OK)
			status = db_commit();
		if (status != DB_OK) {
			db_rollback();
			queue_failed(status);
		}
	}
	if (status != DB_OK)
		tell_outcome(ch, M_RESULT, id, 1, 0, "commands wait: the "
		    "ledger cannot be written: %s", db_error());
	else
		tell_outcome(ch, M_RESULT, id, 0, n, "%u pending command%s "
		    "now", n, n == 1 ? " runs" : "s run");
	queue_kick();
}

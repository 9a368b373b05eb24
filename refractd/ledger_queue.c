/*
 * The ledger's queue: records in memory, transactions, and what happens when
 * the disk says no.  Knows no SQL and no channels.
 */
#include <sys/queue.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "args.h"
#include "child.h"
#include "clock.h"
#include "counter.h"
#include "ledger_queue.h"
#include "ledger_state.h"
#include "log.h"
#include "timer.h"

#define COMMIT_EVERY	250	/* ms between transactions, at the least */
#define COMMIT_SOON	10	/* ms for what belongs together to arrive */
#define COMMIT_RECORDS	8192	/* with so many, at once */
#define RETRY_FIRST	250	/* ms, then doubled */
#define RETRY_MAX	30000
#define REOPEN_AFTER	3	/* failures, then the file is opened anew */
/* Bytes that wait: of batches, and of others; twice is the end of those. */
#define QUEUE_MAX	(32 * 1024 * 1024)
#define ORPHANS_MAX	65536	/* outcomes whose decision is not here yet */
#define ORPHAN_AGE	600000	/* ms */
#define PRUNE_EVERY	86400000

enum kind {
	REC_DECISION, REC_EVENT, REC_FORGIVE, REC_STATE, REC_RAN, REC_END
};

struct forgive {
	struct msg_target	target;
	int64_t			at;
};

struct change {
	uint32_t	type;		/* of the message, which is the text */
	size_t		len;
};

struct record {
	STAILQ_ENTRY(record)	 entry;
	enum kind		 kind;
	int			 batch;	/* not to be parted from its end */
	int			 found;	/* REC_EVENT: its decision was there */
	mono_t			 since;
	size_t			 size;
	union {
		struct decision		decision;
		struct wire_event	event;
		struct forgive		forgive;
		struct change		change;
		struct msg_run_done	ran;
		uint64_t		number;
	} u;
	/* The decision's evidence; a message, which has 64-bit members. */
	char			 text[] __attribute__((__aligned__(8)));
};

STAILQ_HEAD(records, record);

static struct records	 ready = STAILQ_HEAD_INITIALIZER(ready);
static struct records	 staged = STAILQ_HEAD_INITIALIZER(staged);
static struct records	 orphans = STAILQ_HEAD_INITIALIZER(orphans);
static size_t		 nready, nstaged, norphans;
static size_t		 batched, loose;	/* bytes, in batches and not */
static uint64_t		 batch;		/* number of the open one */
static int		 batch_open;
static uint64_t		 dropped;

static const char		*db_path, *db_root;	/* root: for display */
static const struct queue_calls	*calls;
static struct event		*timer;
static mono_t			 last, troubled, pruned;
static int64_t			 backoff;	/* ms, 0: all is well */
static int			 failures, was_full;
static int			 kicked;	/* inside() has work */

/* --- Records --- */

static size_t *
weight(const struct record *r)
{
	return r->batch ? &batched : &loose;
}

static struct record *
record_new(enum kind kind, size_t text, int in_batch)
{
	struct record	*r;

	if ((r = calloc(1, sizeof(*r) + text)) == NULL)
		fatal("record");
	r->kind = kind;
	r->since = mono_now();
	r->size = sizeof(*r) + text;
	r->batch = in_batch;
	*weight(r) += r->size;
	return r;
}

static void
record_free(struct record *r)
{
	*weight(r) -= r->size;
	free(r);
}

static void
schedule(void)
{
	span_t	ms = backoff;
	int	now = backoff == 0 && nready >= COMMIT_RECORDS;

	counter_set(LEDGER_WAITING, nready + nstaged);
	if (STAILQ_EMPTY(&ready) && db_is_open() && !kicked)
		return;
	if (!now && evtimer_pending(timer, NULL))
		return;
	if (backoff == 0)
		ms = COMMIT_EVERY - mono_since(last, mono_now());
	if (ms < COMMIT_SOON)
		ms = COMMIT_SOON;
	timer_set(timer, now ? 0 : ms);
}

static void
enqueue(struct record *r)
{
	if (r->batch) {
		STAILQ_INSERT_TAIL(&staged, r, entry);
		nstaged++;
		return;
	}
	STAILQ_INSERT_TAIL(&ready, r, entry);
	nready++;
	schedule();
}

int
queue_full(void)
{
	was_full |= batched > QUEUE_MAX;
	return batched > QUEUE_MAX;
}

int
queue_well(void)
{
	return backoff == 0 && db_is_open();
}

/*
 * What cannot wait for room is dropped, said once and counted.  Batches have a
 * bound of their own, for theirs can wait: one of a million users, after a
 * reload, takes no room from outcomes.
 */
static int
refuse(size_t limit, const char *what)
{
	if (loose <= limit)
		return 0;
	if (dropped++ == 0)
		log_warnx("too much waits for the disk: %s and what "
		    "comes after it are not recorded", what);
	counter_inc(LEDGER_ERRORS);
	return 1;
}

int
queue_batch_begin(uint64_t number)
{
	if (batch_open)
		return -1;
	batch = number;
	batch_open = 1;
	return 0;
}

int
queue_batch_end(uint64_t number)
{
	struct record	*r;

	if (!batch_open || number != batch)
		return -1;
	r = record_new(REC_END, 0, 1);
	r->u.number = number;
	STAILQ_INSERT_TAIL(&staged, r, entry);
	STAILQ_CONCAT(&ready, &staged);
	nready += nstaged + 1;
	nstaged = 0;
	batch_open = 0;
	schedule();
	return 0;
}

int
queue_decision(const struct decision *d, int in_batch)
{
	struct record	*r;
	size_t		 len = strlen(d->evidence) + 1;
	size_t		 values = d->values_len;

	if (in_batch && !batch_open)
		return -1;
	if (!in_batch && refuse(2 * QUEUE_MAX, "a ban of the operator"))
		return 0;
	r = record_new(REC_DECISION, len + values, in_batch);
	r->u.decision = *d;
	memcpy(r->text, d->evidence, len);
	r->u.decision.evidence = r->text;
	if (values > 0)
		memcpy(r->text + len, d->values, values);
	r->u.decision.values = r->text + len;
	enqueue(r);
	return 0;
}

int
queue_state(uint32_t type, const void *data, size_t len)
{
	struct record	*r;

	if (!batch_open)
		return -1;
	r = record_new(REC_STATE, len, 1);
	r->u.change.type = type;
	r->u.change.len = len;
	if (len > 0)
		memcpy(r->text, data, len);
	enqueue(r);
	return 0;
}

void
queue_event(const struct wire_event *e)
{
	struct record	*r;
	size_t		 limit = QUEUE_MAX;

	/* A restart must not bring back what was lifted. */
	if (e->outcome == BAN_LIFTED)
		limit *= 2;
	if (refuse(limit, "the outcome of a ban"))
		return;
	r = record_new(REC_EVENT, 0, 0);
	r->u.event = *e;
	enqueue(r);
}

void
queue_ran(const struct msg_run_done *m)
{
	struct record	*r;

	if (refuse(2 * QUEUE_MAX, "the end of a command"))
		return;
	r = record_new(REC_RAN, 0, 0);
	r->u.ran = *m;
	enqueue(r);
}

void
queue_kick(void)
{
	kicked = 1;
	schedule();
}

void
queue_forgive(const struct msg_target *t, int64_t at)
{
	struct record	*r;

	if (refuse(2 * QUEUE_MAX, "a pardon"))
		return;
	r = record_new(REC_FORGIVE, 0, 0);
	r->u.forgive.target = *t;
	r->u.forgive.at = at;
	enqueue(r);
}

/* --- Trouble --- */

static void
trouble(const char *why)
{
	char	text[TEXT_LEN];

	counter_inc(LEDGER_ERRORS);
	failures++;
	if (backoff == 0) {
		backoff = RETRY_FIRST;
		troubled = mono_now();
		log_warnx("%s%s: %s; guarding goes on and records wait "
		    "in memory", db_root, db_path, why);
	} else if ((backoff *= 2) > RETRY_MAX)
		backoff = RETRY_MAX;
	(void)snprintf(text, sizeof(text), "%.400s; %zu records wait in "
	    "memory", why, nready + nstaged);
	calls->state(1, text);
}

static void
recovered(void)
{
	char	ago[SPAN_STRLEN];

	failures = 0;
	if (backoff == 0)
		return;
	backoff = 0;
	log_notice("written again after %s",
	    span_human(mono_since(troubled, mono_now()), ago));
	if (dropped != 0)
		log_warnx("%llu records were dropped meanwhile",
		    (unsigned long long)dropped);
	dropped = 0;
	calls->state(0, "");
}

static void
aside(void)
{
	char	name[PATH_MAX_LEN];

	log_warnx("%s%s is damaged: %s", db_root, db_path, db_error());
	if (db_aside(db_path, name, sizeof(name)) == -1) {
		log_warn("cannot move it to %s%s", db_root, name);
		return;
	}
	log_warnx("moved to %s%s; a new ledger is begun, the kernel's "
	    "bans stay", db_root, name);
}

/* Open the file, beginning a new one in place of a damaged one. */
static enum db_status
open_file(void)
{
	enum db_status	 status;

	if ((status = db_open(db_path)) == DB_CORRUPT) {
		aside();
		status = db_open(db_path);
	}
	return status;
}

void
queue_failed(enum db_status status)
{
	char	why[TEXT_LEN];

	(void)strlcpy(why, db_error(), sizeof(why));
	if (status == DB_CORRUPT)
		aside();
	trouble(why);
	schedule();
}

/* --- Transactions --- */

/* What hangs on a record, if there is such a thing. */
#define CALL(fn, ...)							\
	(calls->fn == NULL ? DB_OK : calls->fn(__VA_ARGS__))

static enum db_status
apply_event(const struct wire_event *e, int *found)
{
	enum db_status	status;

	/* The end was in the decision. */
	if (e->outcome == BAN_EXPIRED) {
		*found = 1;
		return CALL(happened, e);
	}
	if ((status = db_event(e, found)) != DB_OK)
		return status;
	return *found || e->outcome == BAN_LIFTED ? CALL(happened, e) : DB_OK;
}

static enum db_status
apply(struct record *r, int *decisions)
{
	enum db_status	 status;
	int		 new = 0;

	switch (r->kind) {
	case REC_DECISION:
		status = db_decision(&r->u.decision, &new);
		*decisions += new;
		return status == DB_OK && new ?
		    CALL(decided, &r->u.decision) : status;
	case REC_EVENT:
		if (r->u.event.outcome == BAN_LIFTED &&
		    (status = db_lift(&r->u.event)) != DB_OK)
			return status;
		return apply_event(&r->u.event, &r->found);
	case REC_STATE:
		return state_write(r->u.change.type, r->text,
		    r->u.change.len);
	case REC_FORGIVE:
		status = db_forgive(&r->u.forgive.target, r->u.forgive.at);
		return status == DB_OK ? CALL(forgiven, &r->u.forgive.target,
		    r->u.forgive.at) : status;
	case REC_RAN:
		return CALL(ran, &r->u.ran);
	default:
		return DB_OK;
	}
}

/* Outcomes that found no decision before: is it here now? */
static enum db_status
match(struct records *list, const struct record *last_one)
{
	struct record	*r;
	enum db_status	 status;

	STAILQ_FOREACH(r, list, entry) {
		if (r->kind == REC_EVENT && !r->found && (status =
		    apply_event(&r->u.event, &r->found)) != DB_OK)
			return status;
		if (r == last_one)
			break;
	}
	return DB_OK;
}

/*
 * The next transaction: whole batches only.  *last_one is its last record.
 * Outcomes that came before their decisions are tried after new decisions.
 */
static enum db_status
transact(struct record **last_one, int *decisions)
{
	struct record	*r;
	enum db_status	 status;
	size_t		 n = 0;

	if ((status = db_begin()) != DB_OK)
		return status;
	*decisions = 0;
	STAILQ_FOREACH(r, &ready, entry) {
		if ((status = apply(r, decisions)) != DB_OK)
			return status;
		*last_one = r;
		if (++n >= COMMIT_RECORDS && (!r->batch || r->kind == REC_END))
			break;
	}
	if (*decisions != 0 && ((status = match(&orphans, NULL)) != DB_OK ||
	    (status = match(&ready, *last_one)) != DB_OK))
		return status;
	if (mono_since(pruned, mono_now()) > PRUNE_EVERY &&
	    (status = db_prune(wall_now())) != DB_OK)
		return status;
	if ((status = CALL(inside)) != DB_OK)
		return status;
	return db_commit();
}

/* Drop what has found its decision, is too old, or is too much. */
static void
orphans_clean(void)
{
	struct record	*r, *next;
	mono_t		 now = mono_now();

	STAILQ_FOREACH_SAFE(r, &orphans, entry, next) {
		if (!r->found && norphans <= ORPHANS_MAX &&
		    mono_since(r->since, now) < ORPHAN_AGE)
			continue;
		STAILQ_REMOVE(&orphans, r, record, entry);
		norphans--;
		record_free(r);
	}
}

/* Whose is it?  `kill` and what was in the kernel before us have no id. */
static int
orphan(const struct record *r)
{
	return r->kind == REC_EVENT && !r->found &&
	    r->u.event.ban.id.file != 0;
}

/* The records up to last_one are on the disk. */
static void
settle(struct record *last_one)
{
	struct record	*r;
	int		 end = 0;

	while (!end && (r = STAILQ_FIRST(&ready)) != NULL) {
		end = r == last_one;
		STAILQ_REMOVE_HEAD(&ready, entry);
		nready--;
		if (r->kind == REC_END)
			calls->committed(r->u.number);
		if (orphan(r)) {
			STAILQ_INSERT_TAIL(&orphans, r, entry);
			norphans++;
		} else
			record_free(r);
	}
	if (was_full && !queue_full()) {
		was_full = 0;
		calls->room();
	}
}

static void
measure(void)
{
	struct db_usage	 u;
	enum db_status	 status;

	if ((status = db_usage(&u)) != DB_OK)
		queue_failed(status);
	else
		counter_set(LEDGER_BYTES, u.pages * u.page_size);
}

/*
 * One transaction; -1 if it failed and everything waits.  An empty one shows
 * that the file is there again.
 */
static int
commit(void)
{
	static int	 is_new;	/* opened, and not written yet */
	struct record	*r, *last_one = NULL;
	enum db_status	 status = DB_OK;
	int		 decisions = 0;

	if (failures >= REOPEN_AFTER)
		db_close();
	if (!db_is_open() && (status = open_file()) == DB_OK)
		is_new = 1;
	if (status == DB_OK)
		status = transact(&last_one, &decisions);
	if (status != DB_OK) {
		db_rollback();
		/* What was found was not kept. */
		STAILQ_FOREACH(r, &orphans, entry)
			r->found = 0;
		if (calls->outside != NULL)
			calls->outside(0);
		queue_failed(status);
		return -1;
	}
	kicked = 0;
	last = mono_now();
	if (mono_since(pruned, last) > PRUNE_EVERY)
		pruned = last;
	counter_inc(LEDGER_COMMITS);
	counter_add(LEDGER_DECISIONS, (uint64_t)decisions);
	settle(last_one);
	orphans_clean();
	recovered();
	/* Not before: what was lifted meanwhile must be in it. */
	if (is_new)
		calls->opened();
	is_new = 0;
	if (calls->outside != NULL)
		calls->outside(1);
	measure();
	return 0;
}

int
queue_flush(void)
{
	int	ok = 0;

	while (ok == 0 && !STAILQ_EMPTY(&ready))
		ok = commit();
	schedule();
	return ok;
}

static void
queue_timer(EVENT_ARGS)
{
	if (!STAILQ_EMPTY(&ready) || !db_is_open() || kicked)
		(void)commit();
	schedule();
}

void
queue_start(const char *root, const char *path, const struct queue_calls *c)
{
	enum db_status	 status;

	db_root = root;
	db_path = path;
	calls = c;
	last = mono_now();
	pruned.ms = last.ms - PRUNE_EVERY - 1;
	if (timer == NULL && (timer = evtimer_new(child_base, queue_timer,
	    NULL)) == NULL)
		fatalx("no timer");
	if ((status = open_file()) == DB_NEWER)
		fatalx("%s%s: %s", root, path, db_error());
	if (status != DB_OK)
		trouble(db_error());
	schedule();
}

void
queue_stop(void)
{
	if (queue_flush() == -1)
		log_warnx("%zu records are lost: %s", nready,
		    db_error());
	db_close();
	event_free(timer);
	timer = NULL;
}

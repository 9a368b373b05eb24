/*
 * The table `run`: the commands of decisions, from the time they are known to
 * the time they are over.  What becomes a row, and when one is started, is
 * ledger_run.c's.
 */
#ifndef LEDGER_RUNS_H
#define LEDGER_RUNS_H

#include <stddef.h>
#include <stdint.h>

#include "ledger_db.h"
#include "msg.h"

/* Captured values, and the line as <match>. */
#define RUN_VALUES_MAX	(VALUES_LEN + EVIDENCE_LEN + 16)

/* Times: wall_t. */
struct stored_run {
	int64_t		row;
	int64_t		decision;	/* its row */
	uint64_t	watch, hash;	/* wire_run.hash */
	int64_t		at;		/* of the decision */
	int64_t		ends;		/* the key is under way until then */
	int64_t		due;
	int64_t		changed;	/* its state */
	uint32_t	kind;		/* enum run_when */
	uint32_t	state;		/* enum run_state */
	int32_t		status;
	uint32_t	count;
	struct prefix	prefix;		/* banned; with subject, the key */
	struct prefix	addr;		/* <addr>; family 0: none */
	char		subject[SUBJECT_LEN];
	char		values[RUN_VALUES_MAX];
	size_t		values_len;
};

/* Those of a decision, or of a ban. */
struct run_key {
	uint64_t		 watch;
	const struct prefix	*prefix;
	const char		*subject;
};

/* --- Inside a transaction --- */

/* One that is there already (of this decision and hash) stays as it is. */
enum db_status	 runs_add(const struct stored_run *);
/*
 * Is one of this key under way after `at`: waiting, running, or its ban in
 * force?  hash 0: of any OFFENCE command; else of that command, for `spare`
 * after its decision too.  *is 0 or 1.
 */
enum db_status	 runs_under_way(const struct run_key *, uint64_t hash,
		    int64_t at, int64_t spare, int *is);
/* The OFFENCE commands that wait: their delays begin again at `at`. */
enum db_status	 runs_postpone(const struct run_key *, int64_t at,
		    int64_t ends);
/* What a watch has banned, this prefix, ends later: what hangs on it too. */
enum db_status	 runs_extend(uint64_t watch, const struct prefix *,
		    int64_t at, int64_t ends);
/* It has ended: UNBAN commands are due; lifted: the key is not under way. */
enum db_status	 runs_ended(uint64_t watch, const struct prefix *,
		    int64_t at, int lifted);
/* Forgiven: these keys are not under way any more. */
enum db_status	 runs_forgive(const struct msg_target *, int64_t at);
enum db_status	 runs_mark(int64_t row, enum run_state, int status,
		    int64_t at);
/* Those that wait for one command (hash 0: every one of the watch) ... */
enum db_status	 runs_skip(uint64_t watch, uint64_t hash, int64_t at,
		    unsigned int *n);
/* What waits and is asked for is due now; *n is how many. */
enum db_status	 runs_flush(const struct msg_flush *, int64_t at,
		    unsigned int *n);
/*
 * Due at that time, the earliest first, at most max: each is marked started
 * and given to fn.  A hash: those of that command, due or not.
 */
enum db_status	 runs_claim(uint64_t watch, uint64_t hash, int64_t at,
		    unsigned int max, void (*fn)(const struct stored_run *));

/* --- Reading --- */

/* Each command that something waits for, or (started 1) is running. */
enum db_status	 runs_commands(int started,
		    void (*fn)(uint64_t watch, uint64_t hash, int64_t row));
/* *due: the first that waits; WALL_FOREVER: none. */
enum db_status	 runs_next(int64_t *due, uint64_t *pending);
/*
 * A walk by row after *row: at most max are looked at; all 0: those that are
 * not over.  fn says 0 to stop behind that row.  *end 1: nothing behind it.
 */
enum db_status	 runs_scan(int64_t *row, int all, unsigned int max, int *end,
		    int (*fn)(const struct stored_run *, void *), void *);

#endif

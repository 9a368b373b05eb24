/*
 * The table `run` in SQL.  A row is made with its decision, or with its ban,
 * and says all that its command needs: the decision may be forgotten before.
 */
#include <stdint.h>
#include <string.h>

#include <sqlite3.h>

#include "clock.h"
#include "ledger_runs.h"
#include "ledger_sql.h"

_Static_assert(RUN_PENDING == 0 && RUN_STARTED == 1 && RUN_SKIPPED == 4 &&
    RUN_OFFENCE == 0 && RUN_UNBAN == 2, "the statements name these");

#define COLUMNS								\
	"id, decision, watch, hash, at, ends, due, changed, kind, state,"\
	" status, count, prefix, addr, subject, vals"

enum statement {
	S_ADD, S_UNDER_WAY, S_COMMAND_UNDER_WAY, S_POSTPONE, S_EXTEND,
	S_ENDED, S_LIFTED, S_FORGIVE, S_MARK, S_SKIP, S_FLUSH, S_DUE, S_OF,
	S_COMMANDS, S_NEXT, S_PENDING, S_SCAN, S_SCAN_LIVE,
	S_MAX
};

static const char *const sql[S_MAX] = {
	[S_ADD] = "INSERT INTO run (decision, watch, hash, key, at, ends,"
	    " due, kind, state, changed, prefix, addr, subject, count, vals)"
	    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13,"
	    " ?14, ?15) ON CONFLICT DO NOTHING",
	[S_UNDER_WAY] = "SELECT 1 FROM run WHERE watch = ?1 AND key = ?2"
	    " AND kind = 0 AND state <> 4 AND (state <= 1 OR ends > ?3)",
	[S_COMMAND_UNDER_WAY] = "SELECT 1 FROM run WHERE watch = ?1"
	    " AND key = ?2 AND hash = ?5 AND state <> 4 AND (ends > ?3"
	    " OR (kind = 0 AND (state <= 1 OR at > ?3 - ?4)))",
	/* What is put off was due so long after its decision. */
	[S_POSTPONE] = "UPDATE run SET due = ?3 + (due - at), at = ?3,"
	    " ends = max(ends, ?4) WHERE watch = ?1 AND key = ?2"
	    " AND kind = 0 AND state = 0 AND at < ?3",
	[S_EXTEND] = "UPDATE run SET ends = ?3, due = CASE WHEN kind = 2"
	    " AND state = 0 THEN ?3 ELSE due END WHERE prefix = ?1"
	    " AND watch = ?4 AND kind <> 0 AND ends > ?2 AND ends < ?3",
	[S_ENDED] = "UPDATE run SET due = ?2 WHERE prefix = ?1 AND kind = 2"
	    " AND watch = ?4 AND state = 0 AND due > ?2 AND due <= ?3",
	[S_LIFTED] = "UPDATE run SET ends = ?2 WHERE prefix = ?1"
	    " AND watch = ?3 AND ends > ?2",
	[S_FORGIVE] = "UPDATE run SET ends = ?1 WHERE kind = 0 AND ends > ?1"
	    " AND (?2 IS NULL OR overlap(prefix, ?2))"
	    " AND ?3 IN ('', subject)",
	[S_MARK] = "UPDATE run SET state = ?2, status = ?3, changed = ?4"
	    " WHERE id = ?1",
	[S_SKIP] = "UPDATE run SET state = 4, changed = ?3 WHERE state = 0"
	    " AND watch = ?1 AND hash = ?2",
	/* What waits for the end of a ban does not run before it. */
	[S_FLUSH] = "UPDATE run SET due = ?1 WHERE state = 0 AND kind = 0"
	    " AND due > ?1 AND (?2 IS NULL OR overlap(prefix, ?2)"
	    " OR overlap(addr, ?2)) AND ?3 IN (0, watch)"
	    " AND (?4 = '' OR ?4 = subject OR has_value(vals, ?4))",
	[S_DUE] = "SELECT " COLUMNS " FROM run WHERE state = 0 AND due <= ?1"
	    " ORDER BY due, id LIMIT ?2",
	[S_OF] = "SELECT " COLUMNS " FROM run WHERE state = 0 AND watch = ?3"
	    " AND hash = ?4 AND kind = 0 ORDER BY due, id LIMIT ?2",
	[S_COMMANDS] = "SELECT watch, hash, max(id) FROM run WHERE state <= 1"
	    " AND state = ?1 GROUP BY watch, hash,"
	    " CASE WHEN ?1 = 1 THEN id END",
	[S_NEXT] = "SELECT min(due) FROM run WHERE state = 0",
	[S_PENDING] = "SELECT count(*) FROM run WHERE state = 0",
	[S_SCAN] = "SELECT " COLUMNS " FROM run WHERE id > ?1"
	    " ORDER BY id LIMIT ?2",
	[S_SCAN_LIVE] = "SELECT " COLUMNS " FROM run WHERE id > ?1"
	    " AND state <= 1 ORDER BY id LIMIT ?2",
};

static sqlite3		*db;
static sqlite3_stmt	*stmts[S_MAX];

#define CLAIM_MAX	256	/* read at a time */

/* has_value(vals, value): 1 if a captured value is exactly that. */
static void
sql_has_value(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
	const char	*s = sqlite3_value_blob(argv[0]), *end;
	const char	*value = (const char *)sqlite3_value_text(argv[1]);
	int		 n, found = 0;

	(void)argc;
	if (s == NULL || value == NULL)
		return;
	end = s + sqlite3_value_bytes(argv[0]);
	for (n = 0; s < end && memchr(s, '\0', (size_t)(end - s)) != NULL;
	    n++, s += strlen(s) + 1)
		found |= n % 2 == 1 && strcmp(s, value) == 0;
	sqlite3_result_int(ctx, found);
}

enum db_status
runs_prepare(sqlite3 *handle)
{
	int	i, rc;

	db = handle;
	rc = sqlite3_create_function(db, "has_value", 2,
	    SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL, sql_has_value, NULL,
	    NULL);
	for (i = 0; i < S_MAX && rc == SQLITE_OK; i++)
		rc = sqlite3_prepare_v3(db, sql[i], -1,
		    SQLITE_PREPARE_PERSISTENT, &stmts[i], NULL);
	return rc == SQLITE_OK ? DB_OK : db_fail("prepare", rc);
}

void
runs_finalize(void)
{
	int	i;

	for (i = 0; i < S_MAX; i++) {
		(void)sqlite3_finalize(stmts[i]);
		stmts[i] = NULL;
	}
	db = NULL;
}

/* --- In and out --- */

static void
bind_int(sqlite3_stmt *s, int i, int64_t n)
{
	(void)sqlite3_bind_int64(s, i, n);
}

static void
bind_text(sqlite3_stmt *s, int i, const char *text)
{
	(void)sqlite3_bind_text(s, i, text, -1, SQLITE_STATIC);
}

/* A prefix, and whom it is about. */
static void
bind_key(sqlite3_stmt *s, int i, const struct prefix *p, const char *subject)
{
	char	key[sizeof(*p) + SUBJECT_LEN];
	size_t	len = strnlen(subject, SUBJECT_LEN);

	memcpy(key, p, sizeof(*p));
	memcpy(key + sizeof(*p), subject, len);
	(void)sqlite3_bind_blob(s, i, key, (int)(sizeof(*p) + len),
	    SQLITE_TRANSIENT);
}

static void
bind_run_key(sqlite3_stmt *s, const struct run_key *k)
{
	bind_int(s, 1, (int64_t)k->watch);
	bind_key(s, 2, k->prefix, k->subject);
}

/* A blob that may be empty, never NULL. */
static void
bind_prefix(sqlite3_stmt *s, int i, const struct prefix *p)
{
	if (p->family == 0)
		(void)sqlite3_bind_zeroblob(s, i, 0);
	else
		sql_bind_prefix(s, i, p);
}

/* 0: nothing that we could have written. */
static int
read_values(sqlite3_stmt *s, int i, struct stored_run *r)
{
	const char	*p = sqlite3_column_blob(s, i);
	int		 len = sqlite3_column_bytes(s, i), j, n = 0;

	if (len < 0 || (size_t)len > sizeof(r->values))
		return 0;
	for (j = 0; j < len; j++)
		n += p[j] == '\0';
	if (n % 2 != 0 || (len > 0 && p[len - 1] != '\0'))
		return 0;
	if (len > 0)
		memcpy(r->values, p, (size_t)len);
	r->values_len = (size_t)len;
	return 1;
}

/* A row of COLUMNS; see read_decision(). */
static int
read_run(sqlite3_stmt *s, struct stored_run *r)
{
	const char	*subject;

	memset(r, 0, sizeof(*r));
	r->row = sqlite3_column_int64(s, 0);
	r->decision = sqlite3_column_int64(s, 1);
	r->watch = (uint64_t)sqlite3_column_int64(s, 2);
	r->hash = (uint64_t)sqlite3_column_int64(s, 3);
	r->at = sqlite3_column_int64(s, 4);
	r->ends = sqlite3_column_int64(s, 5);
	r->due = sqlite3_column_int64(s, 6);
	r->changed = sqlite3_column_int64(s, 7);
	r->kind = (uint32_t)sqlite3_column_int(s, 8);
	r->state = (uint32_t)sqlite3_column_int(s, 9);
	r->status = sqlite3_column_int(s, 10);
	r->count = (uint32_t)sqlite3_column_int64(s, 11);
	sql_read_prefix(s, 12, &r->prefix);
	sql_read_prefix(s, 13, &r->addr);
	if ((subject = (const char *)sqlite3_column_text(s, 14)) != NULL)
		(void)strlcpy(r->subject, subject, sizeof(r->subject));
	if (read_values(s, 15, r) && r->kind <= RUN_UNBAN &&
	    r->state < RUN_STATE_MAX && r->at >= 0 && r->due >= 0)
		return 1;
	r->state = RUN_FAILED;
	return 0;
}

/* --- Running statements --- */

static enum db_status
run(enum statement which)
{
	sqlite3_stmt	*s = stmts[which];
	int		 rc;

	rc = sqlite3_step(s);
	(void)sqlite3_reset(s);
	if (rc != SQLITE_DONE && rc != SQLITE_ROW)
		return db_fail("commands", rc);
	return DB_OK;
}

/* The one number that a statement finds; none: `otherwise`. */
static enum db_status
get(enum statement which, int64_t otherwise, int64_t *n)
{
	sqlite3_stmt	*s = stmts[which];
	int		 rc;

	*n = otherwise;
	if ((rc = sqlite3_step(s)) == SQLITE_ROW &&
	    sqlite3_column_type(s, 0) != SQLITE_NULL)
		*n = sqlite3_column_int64(s, 0);
	(void)sqlite3_reset(s);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? DB_OK :
	    db_fail("commands", rc);
}

static enum db_status
run_count(enum statement which, unsigned int *n)
{
	enum db_status	status = run(which);

	*n = status == DB_OK ? (unsigned int)sqlite3_changes(db) : 0;
	return status;
}

/* --- What happens to rows --- */

enum db_status
runs_add(const struct stored_run *r)
{
	sqlite3_stmt	*s = stmts[S_ADD];

	bind_int(s, 1, r->decision);
	bind_int(s, 2, (int64_t)r->watch);
	bind_int(s, 3, (int64_t)r->hash);
	bind_key(s, 4, &r->prefix, r->subject);
	bind_int(s, 5, r->at);
	bind_int(s, 6, r->ends);
	bind_int(s, 7, r->due);
	bind_int(s, 8, r->kind);
	bind_int(s, 9, r->state);
	bind_int(s, 10, r->changed);
	bind_prefix(s, 11, &r->prefix);
	bind_prefix(s, 12, &r->addr);
	bind_text(s, 13, r->subject);
	bind_int(s, 14, r->count);
	(void)sqlite3_bind_blob(s, 15, r->values, (int)r->values_len,
	    SQLITE_STATIC);
	return run(S_ADD);
}

enum db_status
runs_under_way(const struct run_key *k, uint64_t hash, int64_t at,
    int64_t spare, int *is)
{
	enum statement	 which = hash == 0 ? S_UNDER_WAY :
			    S_COMMAND_UNDER_WAY;
	sqlite3_stmt	*s = stmts[which];
	enum db_status	 status;
	int64_t		 n;

	bind_run_key(s, k);
	bind_int(s, 3, at);
	if (hash != 0) {
		bind_int(s, 4, spare);
		bind_int(s, 5, (int64_t)hash);
	}
	status = get(which, 0, &n);
	*is = n != 0;
	return status;
}

enum db_status
runs_postpone(const struct run_key *k, int64_t at, int64_t ends)
{
	bind_run_key(stmts[S_POSTPONE], k);
	bind_int(stmts[S_POSTPONE], 3, at);
	bind_int(stmts[S_POSTPONE], 4, ends);
	return run(S_POSTPONE);
}

enum db_status
runs_extend(uint64_t watch, const struct prefix *p, int64_t at, int64_t ends)
{
	bind_prefix(stmts[S_EXTEND], 1, p);
	bind_int(stmts[S_EXTEND], 2, at);
	bind_int(stmts[S_EXTEND], 3, ends);
	bind_int(stmts[S_EXTEND], 4, (int64_t)watch);
	return run(S_EXTEND);
}

enum db_status
runs_ended(uint64_t watch, const struct prefix *p, int64_t at, int lifted)
{
	enum db_status	status;

	/* The kernel counts whole seconds. */
	bind_prefix(stmts[S_ENDED], 1, p);
	bind_int(stmts[S_ENDED], 2, at);
	bind_int(stmts[S_ENDED], 3, lifted ? WALL_FOREVER : at + 10000);
	bind_int(stmts[S_ENDED], 4, (int64_t)watch);
	if ((status = run(S_ENDED)) != DB_OK || !lifted)
		return status;
	bind_prefix(stmts[S_LIFTED], 1, p);
	bind_int(stmts[S_LIFTED], 2, at);
	bind_int(stmts[S_LIFTED], 3, (int64_t)watch);
	return run(S_LIFTED);
}

enum db_status
runs_forgive(const struct msg_target *t, int64_t at)
{
	sqlite3_stmt	*s = stmts[S_FORGIVE];

	bind_int(s, 1, at);
	if (t->prefix.family == 0)
		(void)sqlite3_bind_null(s, 2);
	else
		sql_bind_prefix(s, 2, &t->prefix);
	bind_text(s, 3, t->user);
	return run(S_FORGIVE);
}

enum db_status
runs_mark(int64_t row, enum run_state state, int status, int64_t at)
{
	sqlite3_stmt	*s = stmts[S_MARK];

	bind_int(s, 1, row);
	bind_int(s, 2, state);
	bind_int(s, 3, status);
	bind_int(s, 4, at);
	return run(S_MARK);
}

enum db_status
runs_skip(uint64_t watch, uint64_t hash, int64_t at, unsigned int *n)
{
	bind_int(stmts[S_SKIP], 1, (int64_t)watch);
	bind_int(stmts[S_SKIP], 2, (int64_t)hash);
	bind_int(stmts[S_SKIP], 3, at);
	return run_count(S_SKIP, n);
}

enum db_status
runs_flush(const struct msg_flush *m, int64_t at, unsigned int *n)
{
	sqlite3_stmt	*s = stmts[S_FLUSH];

	bind_int(s, 1, at);
	if (m->prefix.family == 0)
		(void)sqlite3_bind_null(s, 2);
	else
		sql_bind_prefix(s, 2, &m->prefix);
	bind_int(s, 3, m->watch[0] == '\0' ? 0 :
	    (int64_t)watch_hash(m->watch));
	bind_text(s, 4, m->value);
	return run_count(S_FLUSH, n);
}

/* At most max rows of a statement that has its parameters. */
static enum db_status
read_batch(sqlite3_stmt *s, struct stored_run *list, unsigned int max,
    unsigned int *n)
{
	int	rc = SQLITE_ROW;

	*n = 0;
	bind_int(s, 2, max);
	while (*n < max && (rc = sqlite3_step(s)) == SQLITE_ROW)
		(void)read_run(s, &list[(*n)++]);
	(void)sqlite3_reset(s);
	return rc == SQLITE_DONE || rc == SQLITE_ROW ? DB_OK :
	    db_fail("commands", rc);
}

/* What we could not have written is over, or it would stay the first. */
static enum db_status
claim_one(struct stored_run *r, int64_t at,
    void (*fn)(const struct stored_run *))
{
	enum db_status	status;
	int		good = r->state == RUN_PENDING;

	status = runs_mark(r->row, good ? RUN_STARTED : RUN_FAILED,
	    good ? 0 : RUN_STATUS_NEVER, at);
	if (status == DB_OK && good)
		fn(r);
	return status;
}

enum db_status
runs_claim(uint64_t watch, uint64_t hash, int64_t at, unsigned int max,
    void (*fn)(const struct stored_run *))
{
	static struct stored_run list[CLAIM_MAX];
	enum statement		 which = hash == 0 ? S_DUE : S_OF;
	enum db_status		 status;
	unsigned int		 i, n = 0;

	if (hash != 0) {
		bind_int(stmts[S_OF], 3, (int64_t)watch);
		bind_int(stmts[S_OF], 4, (int64_t)hash);
	} else
		bind_int(stmts[S_DUE], 1, at);
	do {
		status = read_batch(stmts[which], list,
		    max < CLAIM_MAX ? max : CLAIM_MAX, &n);
		for (i = 0; i < n && status == DB_OK; i++)
			status = claim_one(&list[i], at, fn);
		max -= n;
	} while (status == DB_OK && n == CLAIM_MAX && max > 0);
	return status;
}

enum db_status
runs_commands(int started, void (*fn)(uint64_t, uint64_t, int64_t))
{
	sqlite3_stmt	*s = stmts[S_COMMANDS];
	int		 rc;

	bind_int(s, 1, started);
	while ((rc = sqlite3_step(s)) == SQLITE_ROW)
		fn((uint64_t)sqlite3_column_int64(s, 0),
		    (uint64_t)sqlite3_column_int64(s, 1),
		    sqlite3_column_int64(s, 2));
	(void)sqlite3_reset(s);
	return rc == SQLITE_DONE ? DB_OK : db_fail("commands", rc);
}

enum db_status
runs_next(int64_t *due, uint64_t *pending)
{
	enum db_status	status;
	int64_t		n;

	status = get(S_NEXT, WALL_FOREVER, due);
	if (status == DB_OK)
		status = get(S_PENDING, 0, &n);
	*pending = status == DB_OK ? (uint64_t)n : 0;
	return status;
}

enum db_status
runs_scan(int64_t *row, int all, unsigned int max, int *end,
    int (*fn)(const struct stored_run *, void *), void *arg)
{
	sqlite3_stmt		*s = stmts[all ? S_SCAN : S_SCAN_LIVE];
	struct stored_run	 r;
	unsigned int		 n;
	int			 more = 1, rc;

	bind_int(s, 1, *row);
	bind_int(s, 2, (int64_t)max + 1);
	for (n = 0; (rc = sqlite3_step(s)) == SQLITE_ROW; n++) {
		if (!more || n == max)
			break;
		if (read_run(s, &r))
			more = fn(&r, arg);
		*row = sqlite3_column_int64(s, 0);
	}
	(void)sqlite3_reset(s);
	*end = rc == SQLITE_DONE;
	return rc == SQLITE_DONE || rc == SQLITE_ROW ? DB_OK :
	    db_fail("commands", rc);
}

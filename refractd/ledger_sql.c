/*
 * The SQL statements about decisions, and how our structs go in and out.
 */
#include <sys/socket.h>

#include <netinet/in.h>
#include <stdint.h>
#include <string.h>

#include <sqlite3.h>

#include "ledger_sql.h"
#include "log.h"

/* A log may be read again this far back: lifts are kept as long. */
#define LIFT_KEEP	((int64_t)35 * 86400 * 1000)

#define COLUMNS								\
	"id, watch, file, offset, part, starts, ends, prefix,"		\
	" offender, ports, flags, outcome, outcome_at, killed, error,"	\
	" lifted, subject"

/* Those that ended first. */
#define OLDEST								\
	"SELECT id FROM decision WHERE ends < ?1 ORDER BY ends, id LIMIT ?2"

/* Refused, or without effect: not for a restart to apply. */
#define REFUSED		"(4, 5, 6, 7, 9, 13, 14)"
_Static_assert(BAN_NEVER == 4 && BAN_PROTECTED == 5 && BAN_FULL == 6 &&
    BAN_RATE == 7 && BAN_PAST == 9 && BAN_DRY_RUN == 13 && BAN_NONE == 14,
    "REFUSED names these");

enum statement {
	S_BEGIN, S_COMMIT, S_ROLLBACK,
	S_DECISION, S_DECISION_ROW, S_EVIDENCE, S_WATCH, S_FORGIVEN_AT,
	S_SET_LIFTED,
	S_OUTCOME, S_KILLED,
	S_DROP_EVIDENCE, S_DROP_LINES, S_DROP_RUNS, S_PART_RUNS, S_DROP,
	S_LIFT, S_FORGIVE, S_FORGIVE_ACTIVE,
	S_PRUNE_LIFT, S_PRUNE_FORGIVEN, S_PRUNE_RUNS,
	S_COUNT, S_ACTIVE_ROWS, S_ACTIVE_ENDS, S_IS_LIFTED,
	S_SCAN, S_GET_EVIDENCE, S_GET_WATCH, S_GET_VALUES, S_GET_LINES,
	S_MAX
};

static const char *const sql[S_MAX] = {
	[S_BEGIN] = "BEGIN IMMEDIATE",
	[S_COMMIT] = "COMMIT",
	[S_ROLLBACK] = "ROLLBACK",
	[S_DECISION] = "INSERT INTO decision (watch, file, offset, part,"
	    " starts, ends, prefix, offender, ports, flags, outcome, subject,"
	    " count, pattern, vals, kind) VALUES (?1, ?2, ?3, ?4, ?5, ?6,"
	    " ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)"
	    " ON CONFLICT DO NOTHING",
	[S_DECISION_ROW] = "SELECT id, lifted FROM decision WHERE watch = ?1"
	    " AND file = ?2 AND offset = ?3 AND part = ?4",
	[S_EVIDENCE] = "INSERT OR REPLACE INTO evidence VALUES (?1, ?2)",
	[S_WATCH] = "INSERT INTO watch VALUES (?1, ?2) ON CONFLICT DO"
	    " UPDATE SET name = excluded.name WHERE name <> excluded.name",
	[S_FORGIVEN_AT] = "SELECT max(at) FROM forgiven WHERE at >= ?1"
	    " AND (prefix IS NULL OR overlap(prefix, ?2))"
	    " AND subject IN ('', ?3)",
	[S_SET_LIFTED] = "UPDATE decision SET lifted = ?1 WHERE id = ?2",
	[S_OUTCOME] = "UPDATE decision SET outcome = ?5, outcome_at = ?6,"
	    " error = ?7 WHERE watch = ?1 AND file = ?2 AND offset = ?3"
	    " AND part = ?4 AND outcome_at <= ?6",
	[S_KILLED] = "UPDATE decision SET killed = killed + ?5"
	    " WHERE watch = ?1 AND file = ?2 AND offset = ?3 AND part = ?4",
	[S_DROP_EVIDENCE] = "DELETE FROM evidence WHERE decision IN (" OLDEST
	    ")",
	[S_DROP_LINES] = "DELETE FROM line WHERE decision IN (" OLDEST ")",
	/* Commands that are over go with it; the others go on without. */
	[S_DROP_RUNS] = "DELETE FROM run WHERE decision IN (" OLDEST ")"
	    " AND state > 1",
	[S_PART_RUNS] = "UPDATE run SET decision = -id WHERE decision IN ("
	    OLDEST ")",
	[S_DROP] = "DELETE FROM decision WHERE id IN (" OLDEST ")",
	[S_LIFT] = "INSERT INTO lift VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO"
	    " UPDATE SET at = max(at, excluded.at)",
	[S_FORGIVE] = "INSERT INTO forgiven (at, prefix, subject, growth)"
	    " VALUES (?1, ?2, ?3, ?4)",
	[S_FORGIVE_ACTIVE] = "UPDATE decision SET lifted = ?1"
	    " WHERE ends > ?1 AND starts <= ?1 AND lifted = 0"
	    " AND (?2 IS NULL OR overlap(prefix, ?2))"
	    " AND ?3 IN ('', subject)",
	/* A lift is needed while a decision from before it is in force. */
	[S_PRUNE_LIFT] = "DELETE FROM lift WHERE at < min(?1, ifnull("
	    "(SELECT min(starts) FROM decision WHERE ends > ?2), ?1))",
	/* What was forgiven of growth, while what it forgave is counted. */
	[S_PRUNE_FORGIVEN] = "DELETE FROM forgiven WHERE at < ?1"
	    " AND (growth = 0 OR at < ifnull((SELECT starts FROM decision"
	    " ORDER BY id LIMIT 1), ?1))",
	[S_PRUNE_RUNS] = "DELETE FROM run WHERE decision < 0 AND state > 1"
	    " AND changed < ?1",
	[S_COUNT] = "SELECT (SELECT count(*) FROM decision WHERE ends > ?1),"
	    " (SELECT max(id) FROM decision) - (SELECT min(id) FROM decision),"
	    " (SELECT count(*) FROM (SELECT 1 FROM lift LIMIT 1))",
	[S_ACTIVE_ROWS] = "SELECT " COLUMNS " FROM decision NOT INDEXED"
	    " WHERE ends > ?1 AND id > ?2 AND lifted = 0"
	    " AND outcome NOT IN " REFUSED " ORDER BY id LIMIT ?3",
	[S_ACTIVE_ENDS] = "SELECT " COLUMNS " FROM decision"
	    " WHERE (ends, id) > (?1, ?2) AND lifted = 0"
	    " AND outcome NOT IN " REFUSED " ORDER BY ends, id LIMIT ?3",
	[S_IS_LIFTED] = "SELECT 1 FROM lift WHERE prefix = ?1"
	    " AND proto = ?2 AND port = ?3 AND at >= ?4",
	[S_SCAN] = "SELECT " COLUMNS " FROM decision WHERE id > ?1"
	    " ORDER BY id LIMIT ?2",
	[S_GET_EVIDENCE] = "SELECT text FROM evidence WHERE decision = ?1",
	[S_GET_WATCH] = "SELECT name FROM watch WHERE hash = ?1",
	[S_GET_VALUES] = "SELECT count, vals, pattern FROM decision"
	    " WHERE id = ?1",
	[S_GET_LINES] = "SELECT number, at, text FROM line"
	    " WHERE decision = ?1 ORDER BY number",
};

static sqlite3		*db;
static sqlite3_stmt	*stmts[S_MAX];
static int		 lifts;		/* there may be some */

/* --- Our types in SQL --- */

struct blob {
	unsigned char	data[18];
	int		len;
};

static struct blob
blob_of(const struct prefix *p)
{
	struct blob	b = { { 0 }, 0 };
	int		n = (int)prefix_bits(p->family) / 8;

	if (n == 0)
		return b;
	b.data[0] = n == 4 ? 4 : 6;
	b.data[1] = p->plen;
	memcpy(b.data + 2, p->addr, (size_t)n);
	b.len = n + 2;
	return b;
}

/* What is not a prefix becomes family 0. */
static void
prefix_of(struct prefix *p, const unsigned char *data, int len)
{
	memset(p, 0, sizeof(*p));
	if (data == NULL || !((len == 6 && data[0] == 4) ||
	    (len == 18 && data[0] == 6)))
		return;
	p->family = len == 6 ? AF_INET : AF_INET6;
	p->plen = data[1];
	memcpy(p->addr, data + 2, (size_t)len - 2);
	if (!prefix_valid(p))
		memset(p, 0, sizeof(*p));
}

void
sql_bind_prefix(sqlite3_stmt *s, int i, const struct prefix *p)
{
	struct blob	b = blob_of(p);

	(void)sqlite3_bind_blob(s, i, b.data, b.len, SQLITE_TRANSIENT);
}

static void
bind_id(sqlite3_stmt *s, const struct decision_id *id)
{
	(void)sqlite3_bind_int64(s, 1, (sqlite3_int64)id->watch);
	(void)sqlite3_bind_int64(s, 2, (sqlite3_int64)id->file);
	(void)sqlite3_bind_int64(s, 3, (sqlite3_int64)id->offset);
	(void)sqlite3_bind_int64(s, 4, id->part);
}

static void
bind_text(sqlite3_stmt *s, int i, const char *text)
{
	(void)sqlite3_bind_text(s, i, text, -1, SQLITE_STATIC);
}

static void
bind_ports(sqlite3_stmt *s, int i, const struct decision *d)
{
	unsigned char	 data[BAN_PORTS_MAX * 3], *p = data;
	uint32_t	 n;

	for (n = 0; n < d->nports && n < BAN_PORTS_MAX; n++) {
		*p++ = d->ports[n].proto;
		*p++ = (unsigned char)(d->ports[n].port >> 8);
		*p++ = (unsigned char)d->ports[n].port;
	}
	(void)sqlite3_bind_blob(s, i, data, (int)(p - data),
	    SQLITE_TRANSIENT);
}

void
sql_read_prefix(sqlite3_stmt *s, int i, struct prefix *p)
{
	prefix_of(p, sqlite3_column_blob(s, i), sqlite3_column_bytes(s, i));
}

static int
read_ports(sqlite3_stmt *s, int i, struct stored *d)
{
	const unsigned char	*p = sqlite3_column_blob(s, i);
	int			 len = sqlite3_column_bytes(s, i);

	for (; len >= 3 && d->nports < BAN_PORTS_MAX; p += 3, len -= 3) {
		d->ports[d->nports].proto = p[0];
		d->ports[d->nports].port = (uint16_t)(p[1] << 8 | p[2]);
		if ((p[0] != IPPROTO_TCP && p[0] != IPPROTO_UDP) ||
		    d->ports[d->nports++].port == 0)
			return 0;
	}
	return len == 0;
}

/*
 * A row of COLUMNS.  0 if it is nothing that we could have written: a flipped
 * bit in the file must not become a message that ends the suite.
 */
static int
read_decision(sqlite3_stmt *s, struct stored *d)
{
	struct wire_ban	*b = &d->ban;
	const char	*subject;
	int		 ports;

	memset(d, 0, sizeof(*d));
	d->row = sqlite3_column_int64(s, 0);
	b->id.watch = (uint64_t)sqlite3_column_int64(s, 1);
	b->id.file = (uint64_t)sqlite3_column_int64(s, 2);
	b->id.offset = (uint64_t)sqlite3_column_int64(s, 3);
	b->id.part = (uint32_t)sqlite3_column_int64(s, 4);
	b->start = sqlite3_column_int64(s, 5);
	b->end = sqlite3_column_int64(s, 6);
	sql_read_prefix(s, 7, &b->prefix);
	sql_read_prefix(s, 8, &b->offender);
	ports = read_ports(s, 9, d);
	b->flags = (uint8_t)sqlite3_column_int(s, 10) & BANF_PREFIX;
	d->outcome = (uint32_t)sqlite3_column_int(s, 11);
	d->outcome_at = sqlite3_column_int64(s, 12);
	d->killed = (uint32_t)sqlite3_column_int64(s, 13);
	d->error = sqlite3_column_int(s, 14);
	d->lifted = sqlite3_column_int64(s, 15);
	if ((subject = (const char *)sqlite3_column_text(s, 16)) != NULL)
		(void)strlcpy(b->subject, subject, sizeof(b->subject));
	return ports && (b->prefix.family != 0 || d->outcome == BAN_NONE) &&
	    b->start >= 0 && b->end >= 0 && d->outcome < BAN_OUTCOME_MAX;
}

/* overlap(prefix, prefix): 1 if they share an address. */
static void
sql_overlap(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
	struct prefix	 p[2] = { { .family = 0 } };
	int		 i;

	for (i = 0; i < 2 && i < argc; i++)
		prefix_of(&p[i], sqlite3_value_blob(argv[i]),
		    sqlite3_value_bytes(argv[i]));
	sqlite3_result_int(ctx, p[0].family != 0 && p[1].family != 0 &&
	    prefix_overlap(&p[0], &p[1]));
}

/* --- Running statements --- */

enum db_status
sql_prepare(sqlite3 *handle)
{
	enum db_status	status;
	int		i, rc;

	db = handle;
	rc = sqlite3_create_function(db, "overlap", 2,
	    SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL, sql_overlap, NULL, NULL);
	for (i = 0; i < S_MAX && rc == SQLITE_OK; i++)
		rc = sqlite3_prepare_v3(db, sql[i], -1,
		    SQLITE_PREPARE_PERSISTENT, &stmts[i], NULL);
	if (rc != SQLITE_OK)
		return db_fail("prepare", rc);
	if ((status = state_prepare(db)) == DB_OK)
		status = runs_prepare(db);
	return status;
}

void
sql_finalize(void)
{
	int	i;

	runs_finalize();
	state_finalize();
	for (i = 0; i < S_MAX; i++) {
		(void)sqlite3_finalize(stmts[i]);
		stmts[i] = NULL;
	}
	db = NULL;
}

/* Run a statement whose rows nobody wants. */
static enum db_status
run(enum statement which)
{
	sqlite3_stmt	*s = stmts[which];
	int		 rc;

	rc = sqlite3_step(s);
	(void)sqlite3_reset(s);
	if (rc != SQLITE_DONE && rc != SQLITE_ROW)
		return db_fail("write", rc);
	return DB_OK;
}

enum db_status
db_begin(void)
{
	return run(S_BEGIN);
}

enum db_status
db_commit(void)
{
	return run(S_COMMIT);
}

void
db_rollback(void)
{
	/* Some failures have rolled back already. */
	if (db != NULL && !sqlite3_get_autocommit(db))
		(void)run(S_ROLLBACK);
}

/* --- Decisions --- */

/* Forgiven after it began, but recorded only now: read late, or again. */
static enum db_status
decision_forgiven(const struct wire_ban *b, int64_t row)
{
	sqlite3_stmt	*s = stmts[S_FORGIVEN_AT];
	int64_t		 at = 0;

	(void)sqlite3_bind_int64(s, 1, b->start);
	sql_bind_prefix(s, 2, &b->prefix);
	bind_text(s, 3, b->subject);
	if (sqlite3_step(s) == SQLITE_ROW)
		at = sqlite3_column_int64(s, 0);
	(void)sqlite3_reset(s);
	if (at == 0)
		return DB_OK;
	(void)sqlite3_bind_int64(stmts[S_SET_LIFTED], 1, at);
	(void)sqlite3_bind_int64(stmts[S_SET_LIFTED], 2, row);
	return run(S_SET_LIFTED);
}

static enum db_status
decision_texts(const struct decision *d, int64_t row)
{
	enum db_status	 status = DB_OK;

	if (d->evidence[0] != '\0') {
		(void)sqlite3_bind_int64(stmts[S_EVIDENCE], 1, row);
		bind_text(stmts[S_EVIDENCE], 2, d->evidence);
		status = run(S_EVIDENCE);
	}
	if (status == DB_OK && d->ban.id.watch != 0 && d->watch[0] != '\0') {
		(void)sqlite3_bind_int64(stmts[S_WATCH], 1,
		    (sqlite3_int64)d->ban.id.watch);
		bind_text(stmts[S_WATCH], 2, d->watch);
		status = run(S_WATCH);
	}
	return status;
}

static void
bind_decision(const struct decision *d)
{
	sqlite3_stmt	*s = stmts[S_DECISION];

	bind_id(s, &d->ban.id);
	(void)sqlite3_bind_int64(s, 5, d->ban.start);
	(void)sqlite3_bind_int64(s, 6, d->ban.end);
	sql_bind_prefix(s, 7, &d->ban.prefix);
	sql_bind_prefix(s, 8, &d->ban.offender);
	bind_ports(s, 9, d);
	(void)sqlite3_bind_int(s, 10, d->ban.flags);
	(void)sqlite3_bind_int(s, 11, d->dry_run ? BAN_DRY_RUN :
	    d->no_ban ? BAN_NONE : d->past ? BAN_PAST : 0);
	bind_text(s, 12, d->ban.subject);
	(void)sqlite3_bind_int64(s, 13, d->count);
	bind_text(s, 14, d->pattern);
	(void)sqlite3_bind_blob(s, 15, d->values_len == 0 ? "" : d->values,
	    (int)d->values_len, SQLITE_STATIC);
	(void)sqlite3_bind_int(s, 16, (d->rerun ? DECISION_RERUN : 0) |
	    (d->no_ban ? DECISION_NO_BAN : 0));
}

int64_t
db_decision_row(const struct decision_id *id, int64_t *lifted)
{
	sqlite3_stmt	*s = stmts[S_DECISION_ROW];
	int64_t		 row = 0;

	*lifted = 0;
	bind_id(s, id);
	if (sqlite3_step(s) == SQLITE_ROW) {
		row = sqlite3_column_int64(s, 0);
		*lifted = sqlite3_column_int64(s, 1);
	}
	(void)sqlite3_reset(s);
	return row;
}

enum db_status
db_decision(const struct decision *d, int *new)
{
	enum db_status	 status;
	int64_t		 row, lifted;

	bind_decision(d);
	if ((status = run(S_DECISION)) != DB_OK)
		return status;
	*new = sqlite3_changes(db) == 1;
	row = *new ? sqlite3_last_insert_rowid(db) :
	    db_decision_row(&d->ban.id, &lifted);
	if (d->again && (status = state_ahead(row)) != DB_OK)
		return status;
	if (!*new)
		return DB_OK;
	if ((status = decision_texts(d, row)) == DB_OK)
		status = decision_forgiven(&d->ban, row);
	return status;
}

enum db_status
db_event(const struct wire_event *e, int *found)
{
	enum statement	 which = e->outcome == BAN_KILLED ? S_KILLED :
			    S_OUTCOME;
	sqlite3_stmt	*s = stmts[which];
	enum db_status	 status;

	bind_id(s, &e->ban.id);
	if (which == S_KILLED)
		(void)sqlite3_bind_int64(s, 5, e->count);
	else {
		(void)sqlite3_bind_int64(s, 5, e->outcome);
		(void)sqlite3_bind_int64(s, 6, e->at);
		(void)sqlite3_bind_int(s, 7, e->error);
	}
	status = run(which);
	*found = status == DB_OK && sqlite3_changes(db) > 0;
	return status;
}

static void
bind_key(sqlite3_stmt *s, const struct prefix *p, unsigned int proto,
    unsigned int port, int64_t at)
{
	sql_bind_prefix(s, 1, p);
	(void)sqlite3_bind_int(s, 2, (int)proto);
	(void)sqlite3_bind_int(s, 3, (int)port);
	(void)sqlite3_bind_int64(s, 4, at);
}

enum db_status
db_lift(const struct wire_event *e)
{
	bind_key(stmts[S_LIFT], &e->ban.prefix, e->ban.proto, e->ban.port,
	    e->at);
	lifts = 1;
	return run(S_LIFT);
}

int
db_is_lifted(const struct stored *d, const struct wire_port *p)
{
	sqlite3_stmt	*s = stmts[S_IS_LIFTED];
	int		 rc;

	if (!lifts)
		return 0;
	bind_key(s, &d->ban.prefix, p == NULL ? 0 : p->proto,
	    p == NULL ? 0 : p->port, d->ban.start);
	rc = sqlite3_step(s);
	(void)sqlite3_reset(s);
	return rc == SQLITE_ROW;
}

static void
bind_target(sqlite3_stmt *s, const struct msg_target *t, int64_t at)
{
	(void)sqlite3_bind_int64(s, 1, at);
	if (t->prefix.family == 0)
		(void)sqlite3_bind_null(s, 2);
	else
		sql_bind_prefix(s, 2, &t->prefix);
	bind_text(s, 3, t->user);
}

enum db_status
db_forgive(const struct msg_target *t, int64_t at)
{
	enum db_status	 status;

	bind_target(stmts[S_FORGIVE], t, at);
	(void)sqlite3_bind_int(stmts[S_FORGIVE], 4, t->growth);
	if ((status = run(S_FORGIVE)) != DB_OK)
		return status;
	bind_target(stmts[S_FORGIVE_ACTIVE], t, at);
	return run(S_FORGIVE_ACTIVE);
}

enum db_status
db_prune(int64_t now)
{
	enum db_status	 status;

	(void)sqlite3_bind_int64(stmts[S_PRUNE_LIFT], 1, now - LIFT_KEEP);
	(void)sqlite3_bind_int64(stmts[S_PRUNE_LIFT], 2, now);
	if ((status = run(S_PRUNE_LIFT)) != DB_OK)
		return status;
	(void)sqlite3_bind_int64(stmts[S_PRUNE_RUNS], 1, now - LIFT_KEEP);
	if ((status = run(S_PRUNE_RUNS)) != DB_OK)
		return status;
	(void)sqlite3_bind_int64(stmts[S_PRUNE_FORGIVEN], 1, now - LIFT_KEEP);
	if ((status = run(S_PRUNE_FORGIVEN)) != DB_OK)
		return status;
	return state_prune(now - LIFT_KEEP);
}

static enum db_status
drop_from(enum statement which, int64_t before, unsigned int max)
{
	(void)sqlite3_bind_int64(stmts[which], 1, before);
	(void)sqlite3_bind_int64(stmts[which], 2, max);
	return run(which);
}

enum db_status
db_drop(int64_t before, unsigned int max, unsigned int *n)
{
	static const enum statement	 steps[] = { S_DROP_EVIDENCE,
					    S_DROP_LINES, S_DROP_RUNS,
					    S_PART_RUNS, S_DROP };
	enum db_status			 status;
	size_t				 i;

	*n = 0;
	if ((status = db_begin()) != DB_OK)
		return status;
	for (i = 0; i < sizeof(steps) / sizeof(steps[0]) &&
	    status == DB_OK; i++)
		status = drop_from(steps[i], before, max);
	if (status == DB_OK)
		*n = (unsigned int)sqlite3_changes(db);
	if (status == DB_OK)
		status = db_commit();
	if (status != DB_OK) {
		*n = 0;
		db_rollback();
	}
	return status;
}

/* --- Reading --- */

/*
 * In the order of their ends each row is a page read at random; when much of
 * what was ever decided is in force, it is ten times faster to read it all.
 */
enum db_status
db_active_begin(struct active *a, int64_t now)
{
	sqlite3_stmt	*s = stmts[S_COUNT];
	int		 rc;

	*a = (struct active){ .now = now, .ends = now, .row = INT64_MAX };
	(void)sqlite3_bind_int64(s, 1, now);
	if ((rc = sqlite3_step(s)) == SQLITE_ROW) {
		a->by_row = sqlite3_column_int64(s, 0) >
		    sqlite3_column_int64(s, 1) / 8;
		lifts = sqlite3_column_int(s, 2);
	}
	(void)sqlite3_reset(s);
	if (a->by_row)
		a->row = 0;
	return rc == SQLITE_ROW ? DB_OK : db_fail("read", rc);
}

enum db_status
db_active(struct active *a, unsigned int max, unsigned int *n,
    void (*fn)(const struct stored *))
{
	sqlite3_stmt	*s = stmts[a->by_row ? S_ACTIVE_ROWS : S_ACTIVE_ENDS];
	struct stored	 d;
	int		 rc;

	(void)sqlite3_bind_int64(s, 1, a->by_row ? a->now : a->ends);
	(void)sqlite3_bind_int64(s, 2, a->row);
	(void)sqlite3_bind_int64(s, 3, max);
	for (*n = 0; (rc = sqlite3_step(s)) == SQLITE_ROW; ++*n) {
		if (read_decision(s, &d))
			fn(&d);
		a->ends = sqlite3_column_int64(s, 6);
		a->row = sqlite3_column_int64(s, 0);
	}
	(void)sqlite3_reset(s);
	return rc == SQLITE_DONE ? DB_OK : db_fail("read", rc);
}

enum db_status
db_scan(int64_t *row, unsigned int max, int *end,
    int (*fn)(const struct stored *, void *), void *arg)
{
	sqlite3_stmt	*s = stmts[S_SCAN];
	struct stored	 d;
	unsigned int	 n;
	int		 more = 1, rc;

	(void)sqlite3_bind_int64(s, 1, *row);
	(void)sqlite3_bind_int64(s, 2, (sqlite3_int64)max + 1);
	for (n = 0; (rc = sqlite3_step(s)) == SQLITE_ROW; n++) {
		if (!more || n == max)
			break;
		if (read_decision(s, &d))
			more = fn(&d, arg);
		*row = sqlite3_column_int64(s, 0);
	}
	(void)sqlite3_reset(s);
	*end = rc == SQLITE_DONE;
	return rc == SQLITE_DONE || rc == SQLITE_ROW ? DB_OK :
	    db_fail("read", rc);
}

/* The one text that a statement finds for a key. */
static void
get_text(enum statement which, int64_t key, char *buf, size_t size)
{
	sqlite3_stmt	*s = stmts[which];
	const char	*text;

	buf[0] = '\0';
	(void)sqlite3_bind_int64(s, 1, key);
	if (sqlite3_step(s) == SQLITE_ROW &&
	    (text = (const char *)sqlite3_column_text(s, 0)) != NULL)
		(void)strlcpy(buf, text, size);
	(void)sqlite3_reset(s);
}

void
db_evidence(int64_t row, char *buf, size_t size)
{
	get_text(S_GET_EVIDENCE, row, buf, size);
}

void
db_watch_name(uint64_t hash, char *buf, size_t size)
{
	if (hash == 0)
		buf[0] = '\0';
	else
		get_text(S_GET_WATCH, (int64_t)hash, buf, size);
}

size_t
db_values(int64_t row, uint32_t *count, char values[VALUES_LEN], char *pattern,
    size_t size)
{
	sqlite3_stmt	*s = stmts[S_GET_VALUES];
	const char	*text;
	size_t		 len = 0;

	*count = 0;
	pattern[0] = '\0';
	(void)sqlite3_bind_int64(s, 1, row);
	if (sqlite3_step(s) == SQLITE_ROW) {
		*count = (uint32_t)sqlite3_column_int64(s, 0);
		len = (size_t)sqlite3_column_bytes(s, 1);
		if (len > 0 && len <= VALUES_LEN)
			memcpy(values, sqlite3_column_blob(s, 1), len);
		if ((text = (const char *)sqlite3_column_text(s, 2)) != NULL)
			(void)strlcpy(pattern, text, size);
	}
	(void)sqlite3_reset(s);
	return len <= VALUES_LEN ? len : 0;
}

enum db_status
db_lines(int64_t row, void (*fn)(uint32_t number, int64_t at,
    const char *text, void *), void *arg)
{
	sqlite3_stmt	*s = stmts[S_GET_LINES];
	const char	*text;
	int		 rc;

	(void)sqlite3_bind_int64(s, 1, row);
	while ((rc = sqlite3_step(s)) == SQLITE_ROW)
		if ((text = (const char *)sqlite3_column_text(s, 2)) != NULL)
			fn((uint32_t)sqlite3_column_int64(s, 0),
			    sqlite3_column_int64(s, 1), text, arg);
	(void)sqlite3_reset(s);
	return rc == SQLITE_DONE ? DB_OK : db_fail("read", rc);
}

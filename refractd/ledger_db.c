/*
 * The ledger's file: opening, checking, migrating and moving it aside.
 *
 * WAL, because a commit then is one append; synchronous=FULL, because
 * COMMITTED is a promise that others act on, and some of what is kept (lifts,
 * the operator's bans) cannot be read from a log again.  There are a few
 * commits a second at most and nobody waits for one, so the fsync costs
 * nothing that matters.  kill -9 loses nothing committed in either mode.
 * locking_mode=EXCLUSIVE: no shared memory file, and a second ledger on the
 * same file is refused.  auto_vacuum can only be chosen before the first
 * table, so it is chosen here; ledger_keep.c uses it.
 */
#include <sys/stat.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sqlite3.h>

#include "ledger_sql.h"
#include "log.h"

/* Files up to this size are checked whole when they are opened. */
#define CHECK_MAX	(64 * 1024 * 1024)

/*
 * Step n brings schema n to n + 1.  Times are milliseconds since 1970.  prefix
 * is family (4, 6), length, address; ports is {proto, port} with the port in
 * network order, empty for the whole host; outcome is enum ban_outcome.
 */
static const char *const schema[LEDGER_SCHEMA] = {
	"CREATE TABLE decision ("
	"  id INTEGER PRIMARY KEY,"
	"  watch INTEGER NOT NULL, file INTEGER NOT NULL,"
	"  offset INTEGER NOT NULL, part INTEGER NOT NULL,"
	"  starts INTEGER NOT NULL, ends INTEGER NOT NULL,"
	"  prefix BLOB NOT NULL, offender BLOB NOT NULL,"
	"  ports BLOB NOT NULL, flags INTEGER NOT NULL,"
	"  outcome INTEGER NOT NULL, outcome_at INTEGER NOT NULL DEFAULT 0,"
	"  killed INTEGER NOT NULL DEFAULT 0,"
	"  error INTEGER NOT NULL DEFAULT 0,"
	"  lifted INTEGER NOT NULL DEFAULT 0, subject TEXT NOT NULL,"
	"  UNIQUE (watch, file, offset, part)) STRICT;"
	"CREATE INDEX decision_ends ON decision (ends, id);"
	"CREATE TABLE evidence ("
	"  decision INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT;"
	"CREATE TABLE watch ("
	"  hash INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT;"
	"CREATE TABLE lift ("
	"  prefix BLOB NOT NULL, proto INTEGER NOT NULL,"
	"  port INTEGER NOT NULL, at INTEGER NOT NULL,"
	"  PRIMARY KEY (prefix, proto, port)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE forgiven ("
	"  id INTEGER PRIMARY KEY, at INTEGER NOT NULL,"
	"  prefix BLOB, subject TEXT NOT NULL) STRICT;"
	"CREATE INDEX forgiven_at ON forgiven (at);",

	"CREATE TABLE position ("
	"  watch INTEGER NOT NULL, dev INTEGER NOT NULL,"
	"  ino INTEGER NOT NULL, source INTEGER NOT NULL,"
	"  identity INTEGER NOT NULL, head INTEGER NOT NULL,"
	"  before INTEGER NOT NULL, offset INTEGER NOT NULL,"
	"  size INTEGER NOT NULL, last INTEGER NOT NULL,"
	"  modified INTEGER NOT NULL, flags INTEGER NOT NULL,"
	"  boot TEXT NOT NULL, name TEXT NOT NULL,"
	"  PRIMARY KEY (watch, dev, ino, source)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE state ("
	"  watch INTEGER NOT NULL, name BLOB NOT NULL,"
	"  part INTEGER NOT NULL, touched INTEGER NOT NULL,"
	"  sightings BLOB NOT NULL,"
	"  PRIMARY KEY (watch, name, part)) STRICT, WITHOUT ROWID;"
	"CREATE INDEX state_touched ON state (watch, touched, name, part);"
	"CREATE TABLE watch_stats ("
	"  watch INTEGER PRIMARY KEY, lines INTEGER NOT NULL,"
	"  bytes INTEGER NOT NULL, matches INTEGER NOT NULL,"
	"  unparsed INTEGER NOT NULL, offences INTEGER NOT NULL,"
	"  forwarded INTEGER NOT NULL, masked INTEGER NOT NULL,"
	"  skewed INTEGER NOT NULL, lost INTEGER NOT NULL,"
	"  last INTEGER NOT NULL) STRICT;",

	/*
	 * growth: how often somebody was banned is forgiven too.  kind: 1 of a
	 * key that was under way, 2 bans nobody.
	 */
	"ALTER TABLE forgiven ADD COLUMN growth INTEGER NOT NULL DEFAULT 1;"
	"CREATE INDEX forgiven_growth ON forgiven (at) WHERE growth <> 0;"
	"ALTER TABLE decision ADD COLUMN kind INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE watch_stats ADD COLUMN"
	"  ignored INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE watch_stats ADD COLUMN"
	"  cancelled INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE watch_stats ADD COLUMN"
	"  limits INTEGER NOT NULL DEFAULT 0;"
	/*
	 * line: what counted for a decision beside its evidence.  run: see
	 * ledger_runs.c; its key is the decision's prefix and subject, and a
	 * decision that is forgotten leaves -id behind as its decision.
	 */
	"ALTER TABLE decision ADD COLUMN count INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE decision ADD COLUMN pattern TEXT NOT NULL DEFAULT '';"
	"ALTER TABLE decision ADD COLUMN vals BLOB NOT NULL DEFAULT x'';"
	"CREATE TABLE line ("
	"  decision INTEGER NOT NULL, number INTEGER NOT NULL,"
	"  at INTEGER NOT NULL, text TEXT NOT NULL,"
	"  PRIMARY KEY (decision, number)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE run ("
	"  id INTEGER PRIMARY KEY, decision INTEGER NOT NULL,"
	"  watch INTEGER NOT NULL, hash INTEGER NOT NULL,"
	"  key BLOB NOT NULL, at INTEGER NOT NULL, ends INTEGER NOT NULL,"
	"  due INTEGER NOT NULL, kind INTEGER NOT NULL,"
	"  state INTEGER NOT NULL, status INTEGER NOT NULL DEFAULT 0,"
	"  changed INTEGER NOT NULL, prefix BLOB NOT NULL,"
	"  addr BLOB NOT NULL, subject TEXT NOT NULL,"
	"  count INTEGER NOT NULL, vals BLOB NOT NULL,"
	"  UNIQUE (decision, hash)) STRICT;"
	"CREATE INDEX run_due ON run (due, id) WHERE state = 0;"
	"CREATE INDEX run_live ON run (id) WHERE state <= 1;"
	"CREATE INDEX run_key ON run (watch, key);"
	"CREATE INDEX run_prefix ON run (prefix);",

	/* ahead: see ledger_state.c; run is a number of that process. */
	"CREATE TABLE ahead (decision INTEGER PRIMARY KEY, run INTEGER) STRICT;"
	/* waiting: struct wire_waiting and its bytes. */
	"CREATE TABLE waiting ("
	"  watch INTEGER NOT NULL, filter INTEGER NOT NULL,"
	"  slot INTEGER NOT NULL, place INTEGER NOT NULL,"
	"  connection BLOB NOT NULL,"
	"  PRIMARY KEY (watch, filter, slot)) STRICT, WITHOUT ROWID;"
};

static const char pragmas[] =
    "PRAGMA locking_mode = EXCLUSIVE;"
    "PRAGMA temp_store = MEMORY;"
    "PRAGMA cache_size = -1024;"
    "PRAGMA journal_size_limit = 16777216;"
    "PRAGMA auto_vacuum = INCREMENTAL;"
    "PRAGMA journal_mode = WAL;"
    "PRAGMA synchronous = FULL;";

static sqlite3	*db;
static char	 error[TEXT_LEN];

/* What the system said, where SQLite only says that it said something. */
static const char *
cause(int rc)
{
	int	saved = db == NULL ? 0 : sqlite3_system_errno(db);

	switch (rc & 0xff) {
	case SQLITE_IOERR:
	case SQLITE_CANTOPEN:
		return saved == 0 ? NULL : strerror(saved);
	default:
		return NULL;
	}
}

enum db_status
db_fail(const char *what, int rc)
{
	const char	*why = cause(rc);
	size_t		 n;

	(void)snprintf(error, sizeof(error), "%s: %s", what,
	    db != NULL && sqlite3_errcode(db) != SQLITE_OK ?
	    sqlite3_errmsg(db) : sqlite3_errstr(rc));
	n = strlen(error);
	if (why != NULL)
		(void)snprintf(error + n, sizeof(error) - n, " (%s)", why);
	switch (rc & 0xff) {
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return DB_CORRUPT;
	default:
		return DB_TROUBLE;
	}
}

const char *
db_error(void)
{
	return error;
}

int
db_is_open(void)
{
	return db != NULL;
}

void
db_close(void)
{
	if (db == NULL)
		return;
	sql_finalize();
	(void)sqlite3_close(db);
	db = NULL;
}

/* One number that a pragma answers; -1 with *rc. */
static int
ask(const char *query, int *rc)
{
	sqlite3_stmt	*s;
	int		 n = -1;

	if ((*rc = sqlite3_prepare_v2(db, query, -1, &s, NULL)) != SQLITE_OK)
		return -1;
	if ((*rc = sqlite3_step(s)) == SQLITE_ROW) {
		n = sqlite3_column_int(s, 0);
		*rc = SQLITE_OK;
	}
	(void)sqlite3_finalize(s);
	return n;
}

/* What is written to a file without a name is lost: close it. */
static int
is_gone(void)
{
	int	moved = 0;

	(void)sqlite3_file_control(db, "main", SQLITE_FCNTL_HAS_MOVED, &moved);
	if (!moved)
		return 0;
	db_close();
	(void)strlcpy(error, "somebody has removed or replaced the file",
	    sizeof(error));
	return 1;
}

enum db_status
db_usage(struct db_usage *u)
{
	int	pages, unused = 0, size = 0, rc;

	if (is_gone())
		return DB_TROUBLE;
	if ((pages = ask("PRAGMA page_count", &rc)) == -1 ||
	    (unused = ask("PRAGMA freelist_count", &rc)) == -1 ||
	    (size = ask("PRAGMA page_size", &rc)) == -1)
		return db_fail("size", rc);
	*u = (struct db_usage){ (uint64_t)pages, (uint64_t)unused,
	    (uint64_t)size };
	return DB_OK;
}

enum db_status
db_vacuum(unsigned int pages)
{
	char	vacuum[64];
	int	rc;

	(void)snprintf(vacuum, sizeof(vacuum),
	    "PRAGMA incremental_vacuum(%u)", pages);
	rc = sqlite3_exec(db, vacuum, NULL, NULL, NULL);
	return rc == SQLITE_OK ? DB_OK : db_fail("shrink", rc);
}

static int
check_row(void *arg, int n, char **values, char **names)
{
	(void)names;
	if (n == 1 && values[0] != NULL && strcmp(values[0], "ok") != 0) {
		(void)strlcpy(arg, values[0], TEXT_LEN);
		return 1;
	}
	return 0;
}

/* A big file would take too long; its damage is met when it is read. */
static enum db_status
check(const char *path)
{
	struct stat	st;
	char		found[TEXT_LEN] = "";
	int		rc;

	if (stat(path, &st) == -1 || st.st_size > CHECK_MAX)
		return DB_OK;
	rc = sqlite3_exec(db, "PRAGMA quick_check(1)", check_row, found, NULL);
	if (found[0] != '\0') {
		(void)snprintf(error, sizeof(error), "check: %.480s", found);
		return DB_CORRUPT;
	}
	return rc == SQLITE_OK ? DB_OK : db_fail("check", rc);
}

static enum db_status
migrate(void)
{
	char	set[64];
	int	rc, v;

	if ((v = ask("PRAGMA user_version", &rc)) == -1)
		return db_fail("open", rc);
	if (v > LEDGER_SCHEMA) {
		(void)snprintf(error, sizeof(error), "it has schema %d and "
		    "this refractd knows %d: a newer refractd wrote it", v,
		    LEDGER_SCHEMA);
		return DB_NEWER;
	}
	for (; v < LEDGER_SCHEMA; v++) {
		(void)snprintf(set, sizeof(set),
		    "PRAGMA user_version = %d; COMMIT", v + 1);
		if ((rc = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL,
		    NULL)) != SQLITE_OK ||
		    (rc = sqlite3_exec(db, schema[v], NULL, NULL, NULL)) !=
		    SQLITE_OK ||
		    (rc = sqlite3_exec(db, set, NULL, NULL, NULL)) !=
		    SQLITE_OK)
			return db_fail("make the tables", rc);
	}
	return DB_OK;
}

enum db_status
db_open(const char *path)
{
	enum db_status	 status;
	int		 rc;

	db_close();
	rc = sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE |
	    SQLITE_OPEN_CREATE | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_NOMUTEX |
	    SQLITE_OPEN_EXRESCODE, NULL);
	/* SQLite is content with less than was asked for. */
	if (rc == SQLITE_OK && sqlite3_db_readonly(db, "main") == 1)
		rc = SQLITE_READONLY;
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(db, pragmas, NULL, NULL, NULL);
	if (rc != SQLITE_OK)
		status = db_fail("open", rc);
	else if ((status = migrate()) == DB_OK &&
	    (status = check(path)) == DB_OK)
		status = sql_prepare(db);
	if (status != DB_OK)
		db_close();
	return status;
}

int
db_aside(const char *path, char *name, size_t size)
{
	char		 from[PATH_MAX_LEN], to[PATH_MAX_LEN];
	struct stat	 st;
	struct tm	 tm;
	time_t		 now = time(NULL);
	char		 stamp[32];
	int		 n = 0;

	db_close();
	(void)gmtime_r(&now, &tm);
	(void)strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &tm);
	(void)snprintf(name, size, "%s.corrupt-%s", path, stamp);
	while (lstat(name, &st) == 0)
		(void)snprintf(name, size, "%s.corrupt-%s.%d", path, stamp,
		    ++n);
	if (rename(path, name) == -1)
		return -1;
	/* Its journal belongs to it: what a repair needs is then together. */
	(void)snprintf(from, sizeof(from), "%s-wal", path);
	(void)snprintf(to, sizeof(to), "%s-wal", name);
	if (rename(from, to) == -1 && errno != ENOENT)
		return -1;
	return 0;
}

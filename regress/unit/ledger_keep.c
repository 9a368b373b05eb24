/*
 * What the ledger forgets and what it never does, that it shrinks in small
 * steps, and that a file of an older schema is brought to ours.
 */
/* LINK: refractd/ledger_db.o refractd/ledger_sql.o refractd/ledger_queue.o */
/* LINK: refractd/ledger_state.o refractd/ledger_runs.o */
/* LINK: refractd/ledger_keep.o */
/* LIBS: -lsqlite3 */
#include <sys/stat.h>

#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>
#include <sqlite3.h>

#include "child.h"
#include "clock.h"
#include "conf.h"
#include "counter.h"
#include "ledger.h"
#include "ledger_queue.h"
#include "log.h"

#define DAY	((int64_t)86400 * 1000)

static char		 dir[64], file[96];
static struct conf	*conf;

static void
on_committed(uint64_t number)
{
	(void)number;
}

static void
on_state(int trouble, const char *text)
{
	(void)text;
	assert_int_equal(trouble, 0);
}

static void
on_room(void)
{
}

static const struct queue_calls calls = {
	.committed = on_committed, .state = on_state, .room = on_room,
	.opened = on_room
};

static int
setup(void **state)
{
	struct conf_watch	*w;

	(void)state;
	(void)strlcpy(dir, "/tmp/refract-keep.XXXXXX", sizeof(dir));
	if (mkdtemp(dir) == NULL)
		return -1;
	(void)snprintf(file, sizeof(file), "%s/ledger.db", dir);
	conf = conf_new();
	w = conf_watch_new();
	w->w.ban = DAY;
	TAILQ_INSERT_TAIL(&conf->watches, w, entry);
	memset(counters, 0, sizeof(uint64_t) * COUNTER_MAX);
	return (child_base = event_base_new()) == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
	char	pattern[128];
	glob_t	g;
	size_t	i;

	(void)state;
	keep_stop();
	db_close();
	event_base_free(child_base);
	conf_free(conf);
	(void)snprintf(pattern, sizeof(pattern), "%s/*", dir);
	if (glob(pattern, 0, NULL, &g) == 0) {
		for (i = 0; i < g.gl_pathc; i++)
			(void)unlink(g.gl_pathv[i]);
		globfree(&g);
	}
	return rmdir(dir);
}

static void
spin(int ms)
{
	mono_t	start = mono_now();
	int	n;

	/* As many turns too: a busy machine may sleep through the time. */
	for (n = 0; n < ms || mono_since(start, mono_now()) < ms; n++) {
		event_base_loop(child_base, EVLOOP_NONBLOCK);
		usleep(1000);
	}
}

/* A ban that ended so long ago, or ends then if that is negative. */
static void
add(uint64_t offset, int64_t ago, const char *evidence)
{
	struct decision	d = { .evidence = evidence };

	d.ban.id.watch = watch_hash("xray");
	d.ban.id.file = 77;
	d.ban.id.offset = offset;
	d.ban.end = wall_now() - ago;
	d.ban.start = d.ban.end - 60000;
	assert_int_equal(prefix_parse(&d.ban.prefix, "192.0.2.1"), 0);
	d.ban.offender = d.ban.prefix;
	(void)strlcpy(d.watch, "xray", sizeof(d.watch));
	assert_int_equal(queue_decision(&d, 0), 0);
}

static unsigned int	nfound;
static uint64_t		first;

static int
count(const struct stored *d, void *arg)
{
	(void)arg;
	if (nfound++ == 0)
		first = d->ban.id.offset;
	return 1;
}

static unsigned int
recorded(void)
{
	int64_t	row = 0;
	int	end = 0;

	nfound = 0;
	while (!end)
		assert_int_equal(db_scan(&row, 1000, &end, count, NULL),
		    DB_OK);
	return nfound;
}

static int
number(const char *query)
{
	sqlite3		*db;
	sqlite3_stmt	*s;
	int		 n;

	assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, query, -1, &s, NULL),
	    SQLITE_OK);
	assert_int_equal(sqlite3_step(s), SQLITE_ROW);
	n = sqlite3_column_int(s, 0);
	(void)sqlite3_finalize(s);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	return n;
}

static void
test_age(void **state)
{
	uint64_t	i;

	(void)state;
	queue_start("", file, &calls);
	for (i = 1; i <= 1500; i++)
		add(i, 5 * DAY, "long ago");
	add(1501, 3 * DAY, "younger");
	add(1502, -DAY, "in force");
	assert_int_equal(queue_flush(), 0);
	conf->global.ledger_keep = 4 * 86400;
	keep_conf(conf);
	spin(1800);
	assert_int_equal(recorded(), 2);
	assert_int_equal(first, 1501);
	assert_int_equal(counters[COUNT_LEDGER_DROPPED], 1500);
	queue_stop();
	assert_int_equal(number("SELECT count(*) FROM evidence"), 2);
}

static void
test_forever(void **state)
{
	(void)state;
	queue_start("", file, &calls);
	add(1, 5000 * DAY, "long ago");
	assert_int_equal(queue_flush(), 0);
	conf->global.ledger_keep = 0;
	conf->global.ledger_max = 0;
	keep_conf(conf);
	spin(1300);
	assert_int_equal(recorded(), 1);
	queue_stop();
}

/* However old: as long as a ban can last, what came before may count. */
static void
test_needed(void **state)
{
	(void)state;
	queue_start("", file, &calls);
	add(1, DAY + 60000, "over");
	add(2, DAY - 60000, "needed");
	add(3, -60000, "in force");
	assert_int_equal(queue_flush(), 0);
	conf->global.ledger_keep = 1;
	keep_conf(conf);
	spin(1300);
	assert_int_equal(recorded(), 2);
	assert_int_equal(first, 2);
	queue_stop();
}

/* The file shrinks below max, by dropping what ended first. */
static void
test_size(void **state)
{
	static char	 text[400];
	struct db_usage	 u;
	uint64_t	 i, before;
	unsigned int	 left;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	queue_start("", file, &calls);
	for (i = 1; i <= 6000; i++)
		add(i, 20 * DAY - (int64_t)i, text);
	for (; i <= 6100; i++)
		add(i, -DAY, text);
	assert_int_equal(queue_flush(), 0);
	assert_int_equal(db_usage(&u), DB_OK);
	before = u.pages * u.page_size;
	assert_true(before > 2 * 1024 * 1024);
	conf->global.ledger_max = 1024;
	keep_conf(conf);
	spin(4000);
	assert_int_equal(db_usage(&u), DB_OK);
	assert_true(u.pages * u.page_size <= 1024 * 1024);
	left = recorded();
	assert_true(left > 500 && left < 6000);
	assert_int_equal(first, 6100 - left + 1);
	assert_int_equal(counters[COUNT_LEDGER_DROPPED], 6100 - left);
	queue_stop();
}

/* All of it is needed: it stays, however big. */
static void
test_too_big(void **state)
{
	static char	text[400];
	uint64_t	i;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	queue_start("", file, &calls);
	for (i = 1; i <= 4000; i++)
		add(i, i % 2 == 0 ? -DAY : DAY / 2, text);
	assert_int_equal(queue_flush(), 0);
	conf->global.ledger_max = 1024;
	keep_conf(conf);
	spin(2500);
	assert_int_equal(recorded(), 4000);
	queue_stop();
}

/* As the first release wrote it. */
static const char schema1[] =
    "PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL;"
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
    "CREATE INDEX forgiven_at ON forgiven (at);"
    "INSERT INTO decision (watch, file, offset, part, starts, ends, prefix,"
    "  offender, ports, flags, outcome, subject) VALUES (5, 6, 7, 0, 1000,"
    "  9000000000000000, x'0420c0000201', x'0420c0000201', x'0601bb', 0, 1,"
    "  'alice');"
    "INSERT INTO evidence VALUES (1, 'a line of then');"
    "PRAGMA user_version = 1;";

static void
test_migrate(void **state)
{
	char	 text[64];
	sqlite3	*db;

	(void)state;
	assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, schema1, NULL, NULL, NULL),
	    SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	queue_start("", file, &calls);
	assert_int_equal(recorded(), 1);
	assert_int_equal(first, 7);
	db_evidence(1, text, sizeof(text));
	assert_string_equal(text, "a line of then");
	add(8, -DAY, "a line of now");
	queue_stop();
	assert_int_equal(number("PRAGMA user_version"), LEDGER_SCHEMA);
	assert_int_equal(number("PRAGMA auto_vacuum"), 2);
	/* What was migrated is what a new file is. */
	queue_start("", file, &calls);
	assert_int_equal(recorded(), 2);
	queue_stop();
}

int
main(void)
{
#define T(name)	cmocka_unit_test_setup_teardown(test_##name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(age), T(forever), T(needed), T(size), T(too_big), T(migrate)
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	log_init(LOG_TO_STDERR, "ledger");
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * The ledger below its channels: the file, the queue, and a disk that says no.
 */
/* LINK: refractd/ledger_db.o refractd/ledger_sql.o refractd/ledger_queue.o */
/* LINK: refractd/ledger_state.o refractd/ledger_runs.o */
/* LIBS: -lsqlite3 */
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <fcntl.h>
#include <glob.h>
#include <setjmp.h>
#include <signal.h>
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
#include "counter.h"
#include "ledger_queue.h"
#include "log.h"

static char		 dir[64], file[96];
static uint64_t		 committed[64];
static unsigned int	 ncommitted, ntrouble, nopened, nroom;
static int		 in_trouble;

/* --- What the queue calls --- */

static void
on_committed(uint64_t number)
{
	if (ncommitted < 64)
		committed[ncommitted++] = number;
}

static void
on_state(int trouble, const char *text)
{
	assert_true(trouble == (text[0] != '\0'));
	ntrouble += trouble != 0;
	in_trouble = trouble;
}

static void
on_room(void)
{
	nroom++;
}

static void
on_opened(void)
{
	nopened++;
}

static const struct queue_calls calls = {
	.committed = on_committed, .state = on_state, .room = on_room,
	.opened = on_opened
};

/* --- Tools --- */

static int
setup(void **state)
{
	(void)state;
	(void)strlcpy(dir, "/tmp/refract-ledger.XXXXXX", sizeof(dir));
	if (mkdtemp(dir) == NULL)
		return -1;
	(void)snprintf(file, sizeof(file), "%s/ledger.db", dir);
	ncommitted = ntrouble = nopened = nroom = 0;
	in_trouble = 0;
	return (child_base = event_base_new()) == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
	char	cmd[128];
	glob_t	g;
	size_t	i;

	(void)state;
	db_close();
	event_base_free(child_base);
	(void)snprintf(cmd, sizeof(cmd), "%s/*", dir);
	if (glob(cmd, 0, NULL, &g) == 0) {
		for (i = 0; i < g.gl_pathc; i++)
			(void)unlink(g.gl_pathv[i]);
		globfree(&g);
	}
	return rmdir(dir);
}

/* Let the queue's timers run for so long. */
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

static struct decision
decision(uint64_t offset, const char *addr, int64_t start, int64_t length)
{
	struct decision	d = { .evidence = "a line of a log" };

	d.ban.id.watch = watch_hash("xray");
	d.ban.id.file = 77;
	d.ban.id.offset = offset;
	d.ban.start = start;
	d.ban.end = wall_add(start, length);
	assert_int_equal(prefix_parse(&d.ban.prefix, addr), 0);
	d.ban.offender = d.ban.prefix;
	(void)strlcpy(d.ban.subject, "alice", sizeof(d.ban.subject));
	(void)strlcpy(d.watch, "xray", sizeof(d.watch));
	d.nports = 1;
	d.ports[0].proto = 6;
	d.ports[0].port = 443;
	return d;
}

static struct wire_event
event(const struct decision *d, enum ban_outcome outcome)
{
	struct wire_event	e = { .ban = d->ban, .outcome = outcome };

	e.ban.proto = 6;
	e.ban.port = 443;
	e.at = wall_now();
	return e;
}

static unsigned int	 nfound;
static struct stored	 found[16];

static void
keep(const struct stored *d)
{
	if (nfound < 16)
		found[nfound] = *d;
	nfound++;
}

static int
keep_scanned(const struct stored *d, void *arg)
{
	(void)arg;
	keep(d);
	return 1;
}

/* How many decisions are in force; they are in found. */
static unsigned int
active(void)
{
	struct active	a;
	unsigned int	n, by_row;

	/* Both ways find the same. */
	assert_int_equal(db_active_begin(&a, wall_now()), DB_OK);
	a.by_row = 1;
	a.row = 0;
	nfound = 0;
	do
		assert_int_equal(db_active(&a, 1000, &n, keep), DB_OK);
	while (n == 1000);
	by_row = nfound;
	a = (struct active){ .ends = a.now, .row = INT64_MAX };
	nfound = 0;
	do
		assert_int_equal(db_active(&a, 1000, &n, keep), DB_OK);
	while (n == 1000);
	assert_int_equal(nfound, by_row);
	return nfound;
}

static unsigned int
recorded(void)
{
	int64_t	row = 0;
	int	end;

	nfound = 0;
	assert_int_equal(db_scan(&row, 1000, &end, keep_scanned, NULL), DB_OK);
	assert_int_equal(end, 1);
	return nfound;
}

static void
execute(const char *statement)
{
	sqlite3	*db;

	assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, statement, NULL, NULL, NULL),
	    SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void
overwrite(off_t offset, const char *bytes)
{
	int	fd;

	assert_int_not_equal(fd = open(file, O_WRONLY | O_CREAT, 0600), -1);
	assert_int_equal(pwrite(fd, bytes, strlen(bytes), offset),
	    strlen(bytes));
	(void)close(fd);
}

static size_t
set_aside(void)
{
	char	pattern[128];
	glob_t	g;
	size_t	n = 0;

	(void)snprintf(pattern, sizeof(pattern), "%s.corrupt-*Z*", file);
	if (glob(pattern, 0, NULL, &g) == 0) {
		n = g.gl_pathc;
		globfree(&g);
	}
	return n;
}

/* --- Records --- */

static void
test_fields(void **state)
{
	struct decision	 d = decision(10, "2001:db8::/64", wall_now(), 60000);
	char		 text[64];

	(void)state;
	d.nports = 2;
	d.ports[1].proto = 17;
	d.ports[1].port = 65535;
	d.ban.id.watch = UINT64_MAX - 5;
	d.ban.id.file = UINT64_MAX;
	d.ban.id.part = 3;
	assert_int_equal(prefix_parse(&d.ban.offender, "2001:db8::7"), 0);
	queue_start("", file, &calls);
	assert_int_equal(queue_decision(&d, 0), 0);
	counters[COUNT_LEDGER_BYTES] = 0;
	assert_int_equal(queue_flush(), 0);
	assert_true(counters[COUNT_LEDGER_BYTES] >= 4096);
	assert_int_equal(active(), 1);
	assert_memory_equal(&found[0].ban, &d.ban, sizeof(d.ban));
	assert_int_equal(found[0].nports, 2);
	assert_memory_equal(found[0].ports, d.ports, 2 * sizeof(d.ports[0]));
	db_evidence(found[0].row, text, sizeof(text));
	assert_string_equal(text, d.evidence);
	db_watch_name(d.ban.id.watch, text, sizeof(text));
	assert_string_equal(text, "xray");
	/* The same line read again, by a process that knows no better. */
	assert_int_equal(queue_decision(&d, 0), 0);
	assert_int_equal(queue_flush(), 0);
	assert_int_equal(recorded(), 1);
	queue_stop();
}

static void
test_for_ever(void **state)
{
	struct decision	 d = decision(10, "10.0.0.1", wall_now(), 0);

	(void)state;
	d.ban.end = WALL_FOREVER;
	d.nports = 0;
	queue_start("", file, &calls);
	assert_int_equal(queue_decision(&d, 0), 0);
	d = decision(11, "10.0.0.2", wall_now() - 10000, 9000);
	assert_int_equal(queue_decision(&d, 0), 0);
	queue_stop();
	queue_start("", file, &calls);
	assert_int_equal(active(), 1);
	assert_int_equal(found[0].ban.id.offset, 10);
	assert_true(found[0].ban.end == WALL_FOREVER);
	assert_int_equal(found[0].nports, 0);
	queue_stop();
}

static void
test_batch(void **state)
{
	struct decision	d = decision(1, "10.0.0.1", wall_now(), 60000);
	uint64_t	before = counters[COUNT_LEDGER_COMMITS];

	(void)state;
	queue_start("", file, &calls);
	assert_int_equal(queue_decision(&d, 1), -1);
	assert_int_equal(queue_batch_end(1), -1);
	assert_int_equal(queue_batch_begin(1), 0);
	assert_int_equal(queue_batch_begin(2), -1);
	assert_int_equal(queue_decision(&d, 1), 0);
	/* Half a batch is not written. */
	assert_int_equal(queue_flush(), 0);
	assert_int_equal(active(), 0);
	assert_int_equal(queue_batch_end(2), -1);
	assert_int_equal(queue_batch_end(1), 0);
	assert_int_equal(queue_batch_begin(2), 0);
	assert_int_equal(queue_batch_end(2), 0);
	assert_int_equal(ncommitted, 0);
	spin(600);
	assert_int_equal(ncommitted, 2);
	assert_int_equal(committed[0], 1);
	assert_int_equal(committed[1], 2);
	assert_int_equal(active(), 1);
	assert_int_equal(counters[COUNT_LEDGER_COMMITS] - before, 1);
	queue_stop();
}

/* A flood costs a few transactions a second, not one a record. */
static void
test_grouped(void **state)
{
	struct decision	d;
	uint64_t	i, before = counters[COUNT_LEDGER_COMMITS];

	(void)state;
	queue_start("", file, &calls);
	for (i = 0; i < 100; i++) {
		d = decision(i + 1, "10.0.0.1", wall_now(), 60000);
		assert_int_equal(queue_decision(&d, 0), 0);
		spin(10);
	}
	queue_stop();
	assert_true(counters[COUNT_LEDGER_COMMITS] - before >= 3);
	assert_true(counters[COUNT_LEDGER_COMMITS] - before <= 10);
}

/* --- Outcomes --- */

static void
test_outcome(void **state)
{
	struct decision		d = decision(1, "10.0.0.1", wall_now(), 60000);
	struct wire_event	e = event(&d, BAN_APPLIED);

	(void)state;
	queue_start("", file, &calls);
	/* It may come before its decision. */
	queue_event(&e);
	assert_int_equal(queue_flush(), 0);
	assert_int_equal(queue_decision(&d, 0), 0);
	assert_int_equal(queue_flush(), 0);
	assert_int_equal(active(), 1);
	assert_int_equal(found[0].outcome, BAN_APPLIED);
	assert_true(found[0].outcome_at == e.at);
	/* Or just before it, and both are written together. */
	d.ban.id.offset = e.ban.id.offset = 2;
	queue_event(&e);
	assert_int_equal(queue_decision(&d, 0), 0);
	assert_int_equal(queue_flush(), 0);
	assert_int_equal(active(), 2);
	assert_int_equal(found[1].outcome, BAN_APPLIED);
	/* Connections are added up and hide nothing. */
	e.outcome = BAN_KILLED;
	e.count = 3;
	queue_event(&e);
	queue_event(&e);
	assert_int_equal(queue_flush(), 0);
	assert_int_equal(active(), 2);
	assert_int_equal(found[1].outcome, BAN_APPLIED);
	assert_int_equal(found[1].killed, 6);
	queue_stop();
}

static void
test_refused(void **state)
{
	static const enum ban_outcome	refused[] = { BAN_NEVER, BAN_PROTECTED,
	    BAN_FULL, BAN_RATE, BAN_PAST };
	struct decision			d;
	struct wire_event		e;
	uint64_t			i;

	(void)state;
	queue_start("", file, &calls);
	for (i = 0; i < 5; i++) {
		d = decision(i + 1, "10.0.0.1", wall_now(), 60000);
		e = event(&d, refused[i]);
		assert_int_equal(queue_decision(&d, 0), 0);
		queue_event(&e);
	}
	d = decision(6, "10.0.0.1", wall_now(), 60000);
	d.dry_run = 1;
	assert_int_equal(queue_decision(&d, 0), 0);
	assert_int_equal(queue_flush(), 0);
	assert_int_equal(recorded(), 6);
	assert_int_equal(found[5].outcome, BAN_DRY_RUN);
	assert_int_equal(active(), 0);
	queue_stop();
}

static void
test_lift(void **state)
{
	struct decision		d = decision(1, "10.0.0.1",
				    wall_now() - 1000, 60000);
	struct wire_event	e = event(&d, BAN_LIFTED);

	(void)state;
	d.nports = 2;
	d.ports[1].proto = 6;
	d.ports[1].port = 80;
	queue_start("", file, &calls);
	queue_event(&e);
	assert_int_equal(queue_decision(&d, 0), 0);
	/* Banned again, after the lift. */
	d.ban.id.offset = 2;
	d.ban.start = wall_now() + 1000;
	assert_int_equal(queue_decision(&d, 0), 0);
	queue_stop();

	queue_start("", file, &calls);
	assert_int_equal(active(), 2);
	assert_int_equal(found[0].ban.id.offset, 1);
	assert_int_equal(db_is_lifted(&found[0], &found[0].ports[0]), 1);
	assert_int_equal(db_is_lifted(&found[0], &found[0].ports[1]), 0);
	assert_int_equal(db_is_lifted(&found[0], NULL), 0);
	assert_int_equal(db_is_lifted(&found[1], &found[1].ports[0]), 0);
	/* Kept as long as a decision from before it is in force. */
	assert_int_equal(db_prune(wall_now() + (int64_t)40 * 86400000), DB_OK);
	assert_int_equal(db_is_lifted(&found[0], &found[0].ports[0]), 0);
	queue_stop();
}

static void
test_forgive(void **state)
{
	struct decision		d = decision(1, "10.0.0.1",
				    wall_now() - 1000, 60000);
	struct msg_target	t = { .port = 0 };

	(void)state;
	queue_start("", file, &calls);
	assert_int_equal(queue_decision(&d, 0), 0);
	d = decision(2, "10.0.1.0/24", wall_now() - 1000, 60000);
	assert_int_equal(queue_decision(&d, 0), 0);
	(void)strlcpy(d.ban.subject, "bob", sizeof(d.ban.subject));
	d.ban.id.offset = 3;
	assert_int_equal(queue_decision(&d, 0), 0);
	assert_int_equal(queue_flush(), 0);
	assert_int_equal(active(), 3);
	(void)strlcpy(t.user, "bob", sizeof(t.user));
	queue_forgive(&t, wall_now());
	assert_int_equal(queue_flush(), 0);
	assert_int_equal(active(), 2);
	t.user[0] = '\0';
	assert_int_equal(prefix_parse(&t.prefix, "10.0.1.9"), 0);
	queue_forgive(&t, wall_now());
	assert_int_equal(queue_flush(), 0);
	assert_int_equal(active(), 1);
	assert_int_equal(found[0].ban.id.offset, 1);
	/* A line from before, read only now. */
	d = decision(4, "10.0.1.9", wall_now() - 500, 60000);
	assert_int_equal(queue_decision(&d, 0), 0);
	d = decision(5, "10.0.1.9", wall_now() + 500, 60000);
	assert_int_equal(queue_decision(&d, 0), 0);
	assert_int_equal(queue_flush(), 0);
	assert_int_equal(active(), 2);
	assert_int_equal(found[1].ban.id.offset, 5);
	queue_stop();
}

/* --- Reading page by page --- */

static void
test_pages(void **state)
{
	struct decision	d;
	struct active	a = { .row = INT64_MAX };
	uint64_t	i, seen = 0;
	int64_t		row = 0;
	unsigned int	n, pages = 0;
	int		end = 0;

	(void)state;
	queue_start("", file, &calls);
	for (i = 0; i < 1000; i++) {
		/* Many ends are equal. */
		d = decision(i + 1, "10.0.0.1", wall_now(), 60000);
		d.ban.end = i < 500 ? WALL_FOREVER :
		    wall_now() + (int64_t)(i % 3 + 1) * 100000;
		assert_int_equal(queue_decision(&d, 0), 0);
	}
	assert_int_equal(queue_flush(), 0);
	for (nfound = 0; !end; pages++)
		assert_int_equal(db_scan(&row, 7, &end, keep_scanned, NULL),
		    DB_OK);
	assert_int_equal(nfound, 1000);
	assert_int_equal(pages, 143);
	nfound = 0;
	a.ends = wall_now();
	do {
		assert_int_equal(db_active(&a, 7, &n, keep), DB_OK);
		seen += n;
	} while (n == 7);
	assert_int_equal(seen, 1000);
	assert_int_equal(nfound, 1000);
	queue_stop();
}

/* --- The disk --- */

static void
test_newer(void **state)
{
	(void)state;
	queue_start("", file, &calls);
	queue_stop();
	execute("PRAGMA user_version = 99");
	assert_int_equal(db_open(file), DB_NEWER);
	assert_non_null(strstr(db_error(), "schema 99"));
	assert_int_equal(set_aside(), 0);
}

static void
test_garbage(void **state)
{
	struct decision	d = decision(1, "10.0.0.1", wall_now(), 60000);

	(void)state;
	overwrite(0, "This was never a database, however long one looks at it;"
	    " it is only some text that somebody has put there.  Indeed.");
	queue_start("", file, &calls);
	assert_int_equal(set_aside(), 1);
	assert_int_equal(in_trouble, 0);
	assert_int_equal(queue_decision(&d, 0), 0);
	assert_int_equal(queue_flush(), 0);
	assert_int_equal(active(), 1);
	queue_stop();
}

static void
fill(uint64_t from, uint64_t to)
{
	struct decision	d;
	uint64_t	i;

	for (i = from; i < to; i++) {
		d = decision(i, "10.0.0.1", wall_now(), 600000);
		assert_int_equal(queue_decision(&d, 0), 0);
	}
}

static void
test_truncated(void **state)
{
	struct stat	st;

	(void)state;
	queue_start("", file, &calls);
	fill(1, 2000);
	queue_stop();
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(truncate(file, st.st_size / 2), 0);
	queue_start("", file, &calls);
	assert_int_equal(set_aside(), 1);
	assert_int_equal(active(), 0);
	queue_stop();
}

/* Damage that is met while writing: what waited goes into the new file. */
static void
test_damaged_meanwhile(void **state)
{
	struct stat	st;
	off_t		at;

	(void)state;
	queue_start("", file, &calls);
	fill(1, 20000);
	queue_stop();
	queue_start("", file, &calls);
	assert_int_equal(stat(file, &st), 0);
	for (at = 4096; at < st.st_size; at += 512)
		overwrite(at, "................................");
	fill(20001, 20011);
	spin(1500);
	assert_int_equal(set_aside(), 1);
	assert_int_equal(in_trouble, 0);
	assert_int_equal(active(), 10);
	queue_stop();
}

/* A file-size limit is a full disk: a batch waits, whole, and then goes in. */
static void
test_full(void **state)
{
	struct rlimit	full = { 65536, RLIM_INFINITY };
	struct rlimit	roomy = { RLIM_INFINITY, RLIM_INFINITY };
	struct decision	d = decision(1, "10.0.0.1", wall_now(), 600000);
	uint64_t	i;

	(void)state;
	(void)signal(SIGXFSZ, SIG_IGN);
	queue_start("", file, &calls);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &full), 0);
	assert_int_equal(queue_batch_begin(5), 0);
	for (i = 1; i <= 5000; i++) {
		d.ban.id.offset = i;
		assert_int_equal(queue_decision(&d, 1), 0);
	}
	assert_int_equal(queue_batch_end(5), 0);
	spin(1000);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &roomy), 0);
	assert_int_equal(in_trouble, 1);
	assert_true(ntrouble >= 2);	/* tried again */
	assert_int_equal(ncommitted, 0);
	assert_int_equal(counters[COUNT_LEDGER_WAITING], 5001);
	spin(3000);
	assert_int_equal(in_trouble, 0);
	assert_int_equal(ncommitted, 1);
	assert_int_equal(set_aside(), 0);
	assert_int_equal(active(), 5000);
	queue_stop();
}

/* No file at all at the start: it begins when it can. */
static void
test_no_directory(void **state)
{
	struct decision	d = decision(1, "10.0.0.1", wall_now(), 600000);
	char		away[96];

	(void)state;
	(void)snprintf(away, sizeof(away), "%s.away", dir);
	assert_int_equal(rename(dir, away), 0);
	queue_start("", file, &calls);
	assert_int_equal(in_trouble, 1);
	assert_int_equal(queue_decision(&d, 0), 0);
	assert_int_equal(rename(away, dir), 0);
	spin(1500);
	assert_int_equal(in_trouble, 0);
	assert_int_equal(nopened, 1);
	assert_int_equal(active(), 1);
	queue_stop();
}

/*
 * Memory has an end too; then the one who can wait is told, and told again.
 * What he has put there takes no room from outcomes, which have their own.
 */
static void
test_bound(void **state)
{
	struct rlimit		full = { 65536, RLIM_INFINITY };
	struct rlimit		roomy = { RLIM_INFINITY, RLIM_INFINITY };
	struct decision		d = decision(1, "10.0.0.1", wall_now(), 600000);
	struct wire_event	e = event(&d, BAN_APPLIED);
	uint64_t		i, n, errors = counters[COUNT_LEDGER_ERRORS];

	(void)state;
	(void)signal(SIGXFSZ, SIG_IGN);
	queue_start("", file, &calls);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &full), 0);
	assert_int_equal(queue_batch_begin(1), 0);
	for (i = 1; !queue_full(); i++) {
		d.ban.id.offset = i;
		assert_int_equal(queue_decision(&d, 1), 0);
		assert_true(i < 1000000);
	}
	assert_true(i > 10000);
	assert_int_equal(queue_batch_end(1), 0);
	queue_event(&e);	/* kept */
	assert_int_equal(counters[COUNT_LEDGER_ERRORS], errors);
	e.outcome = BAN_KILLED;
	for (n = 0; counters[COUNT_LEDGER_ERRORS] == errors; n++) {
		queue_event(&e);	/* the last is dropped: history */
		assert_true(n < 1000000);
	}
	assert_true(n > 10000);
	e.outcome = BAN_LIFTED;
	queue_event(&e);	/* kept */
	spin(50);
	assert_int_equal(in_trouble, 1);
	assert_int_equal(nroom, 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &roomy), 0);
	assert_int_equal(queue_flush(), 0);
	assert_int_equal(nroom, 1);
	d.nports = 0;
	nfound = 0;
	assert_true(active() == i - 1);
	assert_int_equal(db_is_lifted(&found[0], &found[0].ports[0]), 1);
	queue_stop();
}

int
main(void)
{
#define T(name)	cmocka_unit_test_setup_teardown(test_##name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(fields), T(for_ever), T(batch), T(grouped), T(outcome),
		T(refused), T(lift), T(forgive), T(pages), T(newer),
		T(garbage), T(truncated), T(damaged_meanwhile), T(full),
		T(no_directory), T(bound)
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	log_init(LOG_TO_STDERR, "ledger");
	return cmocka_run_group_tests(tests, NULL, NULL);
}

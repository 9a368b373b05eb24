/*
 * What a restart goes on with, into the ledger's file and out of it again.
 */
/* LINK: refractd/ledger_db.o refractd/ledger_sql.o refractd/ledger_state.o */
/* LINK: refractd/ledger_runs.o */
/* LIBS: -lsqlite3 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "ledger_state.h"
#include "log.h"

#define WATCH	0xfedcba9876543210ULL	/* negative in SQL */

static char			 dir[64], file[96];
static struct msg_position	 positions[8];
static struct msg_stats		 stats[4];
static struct wire_served	 served[64];
static struct msg_lift		 lifts[8];
static size_t			 npositions, nstats, nserved, nlifts, nstates;
static uint64_t			 state_bytes;
static char			 names[64];
static struct wire_decided	 decided[8];
static size_t			 ndecided;
static uint32_t			 grown;

static int
setup(void **state)
{
	(void)state;
	strlcpy(dir, "/tmp/refract-state.XXXXXX", sizeof(dir));
	assert_non_null(mkdtemp(dir));
	snprintf(file, sizeof(file), "%s/ledger.db", dir);
	npositions = nstats = nserved = nlifts = nstates = 0;
	ndecided = grown = 0;
	state_bytes = 0;
	*names = '\0';
	assert_int_equal(db_open(file), DB_OK);
	return 0;
}

static int
teardown(void **state)
{
	char	cmd[128];

	(void)state;
	db_close();
	snprintf(cmd, sizeof(cmd), "rm -r %s", dir);
	return system(cmd);
}

static void
put(uint32_t type, const void *data, size_t len)
{
	assert_int_equal(db_begin(), DB_OK);
	assert_int_equal(state_write(type, data, len), DB_OK);
	assert_int_equal(db_commit(), DB_OK);
}

static void
on_position(const struct msg_position *p)
{
	positions[npositions++] = *p;
}

static void
on_stats(const struct msg_stats *m)
{
	stats[nstats++] = *m;
}

static void
on_state(const void *data, size_t len)
{
	const struct wire_state	*m = data;

	nstates++;
	state_bytes += len - sizeof(*m);
	strlcat(names, m->name, sizeof(names));
}

static void
on_served(const struct wire_served *w)
{
	served[nserved++] = *w;
}

static void
on_lift(const struct msg_lift *m)
{
	lifts[nlifts++] = *m;
}

static void
test_positions(void **state)
{
	struct msg_position	p = {
		.watch = WATCH, .source = 7, .dev = 1, .ino = UINT64_MAX,
		.identity = UINT64_MAX - 1, .head = 3, .before = 4,
		.offset = 100, .size = 120, .last = 5, .modified = 6,
		.flags = POSITION_MOVED, .boot = "a boot", .name = "/a log"
	}, q = p;

	(void)state;
	put(M_POSITION, &p, sizeof(p));
	p.modified = q.modified + 1;
	q.ino = 0;			/* of the source */
	q.flags = 0;
	put(M_POSITION, &q, sizeof(q));
	q.source = 8;
	put(M_POSITION, &q, sizeof(q));
	p.offset = 110;
	p.identity = 9;
	put(M_POSITION, &p, sizeof(p));
	db_close();
	assert_int_equal(db_open(file), DB_OK);
	assert_int_equal(state_positions(on_position), DB_OK);
	assert_int_equal(npositions, 3);
	assert_memory_equal(&positions[2], &p, sizeof(p));
	p.flags = POSITION_GONE;
	put(M_POSITION, &p, sizeof(p));
	npositions = 0;
	assert_int_equal(state_positions(on_position), DB_OK);
	assert_int_equal(npositions, 2);
	put(M_STATE_CLEAR, NULL, 0);
	npositions = 0;
	assert_int_equal(state_positions(on_position), DB_OK);
	assert_int_equal(npositions, 0);
}

static void
put_state(const char *name, uint32_t part, unsigned int n, int64_t touched)
{
	static struct {
		struct wire_state	head;
		struct wire_sighting	list[STATE_SIGHTINGS];
	} m;

	memset(&m, 0, sizeof(m));
	m.head.watch = WATCH;
	m.head.touched = touched;
	m.head.part = part;
	m.head.name_len = (uint8_t)strlen(name);
	strlcpy(m.head.name, name, sizeof(m.head.name));
	put(M_STATE, &m, sizeof(m.head) + n * sizeof(m.list[0]));
}

static void
get_states(unsigned int page)
{
	static struct state_cursor	c;
	unsigned int			n;

	memset(&c, 0, sizeof(c));
	nstates = 0;
	state_bytes = 0;
	*names = '\0';
	do
		assert_int_equal(state_states(&c, page, &n, on_state), DB_OK);
	while (n == page);
}

static void
test_states(void **state)
{
	struct msg_stats	m = { .watch = WATCH, .last = 90, .keep = 60 };

	(void)state;
	put_state("b", 0, 480, 50);
	put_state("b", 1, 3, 50);
	put_state("a", 0, 1, 70);
	put_state("c", 0, 2, 70);
	get_states(1);
	assert_string_equal(names, "bbac");	/* as they were seen */
	assert_int_equal(state_bytes, 486 * sizeof(struct wire_sighting));
	get_states(3);
	assert_string_equal(names, "bbac");
	put_state("b", 0, 2, 55);	/* in the place of both parts */
	get_states(100);
	assert_string_equal(names, "bac");
	put_state("c", 0, 0, 80);	/* nothing is left of it */
	get_states(100);
	assert_string_equal(names, "ba");
	put(M_WATCH_STATS, &m, sizeof(m));	/* b is over */
	get_states(100);
	assert_string_equal(names, "a");
}

static void
test_stats(void **state)
{
	struct msg_stats	m = { .watch = WATCH, .last = 1000 };
	int64_t			oldest;
	int			i;

	(void)state;
	assert_int_equal(state_oldest(&oldest), DB_OK);
	assert_true(oldest == INT64_MAX);
	for (i = 0; i < WATCH_COUNTS; i++)
		m.counts[i] = (uint64_t)i + 1;
	put(M_WATCH_STATS, &m, sizeof(m));
	m.counts[8] = 77;
	put(M_WATCH_STATS, &m, sizeof(m));
	assert_int_equal(state_stats(on_stats), DB_OK);
	assert_int_equal(nstats, 1);
	assert_memory_equal(&stats[0], &m, sizeof(m));
	m.watch = 1;
	m.last = 500;
	put(M_WATCH_STATS, &m, sizeof(m));
	m.watch = 2;
	m.last = 0;			/* it has read nothing */
	put(M_WATCH_STATS, &m, sizeof(m));
	assert_int_equal(state_oldest(&oldest), DB_OK);
	assert_int_equal(oldest, 500);
}

static void
decide(uint64_t offset, int64_t start, int64_t end, int past, int again)
{
	struct decision	d = { .evidence = "", .past = past,
	    .again = again };
	int		new;

	d.ban.id.watch = WATCH;
	d.ban.id.file = 1;
	d.ban.id.offset = offset;
	d.ban.start = start;
	d.ban.end = end;
	assert_int_equal(prefix_parse(&d.ban.prefix, "192.0.2.1"), 0);
	d.ban.offender = d.ban.prefix;
	assert_int_equal(db_begin(), DB_OK);
	assert_int_equal(db_decision(&d, &new), DB_OK);
	assert_int_equal(db_commit(), DB_OK);
}

static void
on_decided(const struct wire_decided *d)
{
	decided[ndecided++] = *d;
}

static void
get_decided(unsigned int max)
{
	ndecided = 0;
	assert_int_equal(state_decided(max, on_decided), DB_OK);
}

static void
on_growth(const struct wire_growth *g)
{
	grown += g->count;
}

/* What another process would have left. */
static void
execute(const char *sql)
{
	sqlite3	*db;

	db_close();
	assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	assert_int_equal(db_open(file), DB_OK);
}

static void
get_served(int64_t oldest)
{
	struct served_cursor	c = { oldest, oldest, INT64_MAX };
	unsigned int		n;

	nserved = 0;
	do
		assert_int_equal(state_served(&c, 1, &n, on_served), DB_OK);
	while (n == 1);
}

/* In force when the log was left, whatever the clock says. */
static void
test_served(void **state)
{
	struct msg_target	all = { .prefix.family = 0 };

	(void)state;
	decide(1, 10, 100, 0, 0);
	decide(2, 20, 200, 1, 0);
	decide(3, 30, 300, 0, 0);
	get_served(100);
	assert_int_equal(nserved, 2);
	assert_int_equal(served[0].end, 200);
	assert_int_equal(served[1].start, 30);
	assert_true(served[1].watch == WATCH);
	get_served(300);
	assert_int_equal(nserved, 0);
	/* Lifted at 150: before the log was left, or after. */
	assert_int_equal(db_begin(), DB_OK);
	assert_int_equal(db_forgive(&all, 150), DB_OK);
	assert_int_equal(db_commit(), DB_OK);
	get_served(120);
	assert_int_equal(nserved, 2);
	get_served(160);
	assert_int_equal(nserved, 0);
	assert_int_equal(state_lifts(160, on_lift), DB_OK);
	assert_int_equal(nlifts, 0);
	assert_int_equal(state_lifts(150, on_lift), DB_OK);
	assert_int_equal(nlifts, 1);
	assert_int_equal(lifts[0].at, 150);
	assert_int_equal(lifts[0].target.prefix.family, 0);
}

/*
 * What went ahead of its cut is told as such, and not as served, until the cut
 * is there; growth knows of it all the time.
 */
static void
test_ahead(void **state)
{
	(void)state;
	decide(1, 10, 100, 0, 1);
	put(M_CUT, NULL, 0);
	decide(2, 20, 200, 0, 1);
	decide(3, 30, 300, 0, 1);
	decide(4, 40, 400, 0, 0);	/* of what cannot be read again */
	get_served(0);
	assert_int_equal(nserved, 2);
	assert_int_equal(served[0].end, 100);
	assert_int_equal(served[1].end, 400);
	get_decided(8);
	assert_int_equal(ndecided, 2);
	assert_true(decided[0].id.watch == WATCH);
	assert_int_equal(decided[0].id.file, 1);
	assert_int_equal(decided[0].id.offset, 3);
	assert_int_equal(decided[0].start, 30);
	assert_int_equal(decided[0].end, 300);
	get_decided(1);
	assert_int_equal(ndecided, 1);
	assert_int_equal(decided[0].id.offset, 3);
	assert_int_equal(state_growth(8, on_growth), DB_OK);
	assert_int_equal(grown, 4);
}

/*
 * The cut of another run has what that one decided again, and no more; what
 * is never read again is forgotten one day.
 */
static void
test_ahead_runs(void **state)
{
	(void)state;
	decide(2, 20, 200, 0, 1);
	decide(3, 30, 300, 0, 1);
	execute("UPDATE ahead SET run = run + 1");
	decide(2, 20, 200, 0, 1);
	put(M_CUT, NULL, 0);
	get_decided(8);
	assert_int_equal(ndecided, 1);
	assert_int_equal(decided[0].id.offset, 3);
	get_served(0);
	assert_int_equal(nserved, 1);
	assert_int_equal(db_prune((int64_t)35 * 86400 * 1000 + 30), DB_OK);
	get_decided(8);
	assert_int_equal(ndecided, 1);
	assert_int_equal(db_prune((int64_t)35 * 86400 * 1000 + 31), DB_OK);
	get_decided(8);
	assert_int_equal(ndecided, 0);
}

static struct wire_waiting	waiting[4];
static size_t			nwaiting;

static void
on_waiting(const void *data, size_t len)
{
	const struct wire_waiting	*m = data;

	assert_int_equal(len, sizeof(*m) + 3);
	assert_memory_equal(m + 1, "abc", 3);
	waiting[nwaiting++] = *m;
}

static size_t
get_waiting(void)
{
	nwaiting = 0;
	assert_int_equal(state_waiting(on_waiting), DB_OK);
	return nwaiting;
}

static void
wait_in(uint32_t slot, uint64_t id, uint64_t order)
{
	struct {
		struct wire_waiting	head;
		char			text[8];
	} m = { { .watch = WATCH, .filter = WATCH, .id = id, .order = order,
	    .slot = slot, .lines_len = id == 0 ? 0 : 3 }, "abc" };

	put(M_WAITING, &m, sizeof(m.head) + m.head.lines_len);
}

static void
test_waiting(void **state)
{
	(void)state;
	wait_in(0, 5, 1);
	wait_in(1, UINT64_MAX, 2);
	wait_in(0, 6, 3);
	wait_in(2, 7, 4);
	wait_in(2, 0, 5);
	wait_in(3, 0, 6);
	assert_int_equal(get_waiting(), 2);
	assert_true(waiting[0].watch == WATCH && waiting[0].filter == WATCH);
	assert_true(waiting[0].id == UINT64_MAX && waiting[0].slot == 1);
	assert_true(waiting[1].id == 6 && waiting[1].slot == 0);
	/* Damaged ones are left out. */
	execute("UPDATE waiting SET connection = substr(connection, 2)"
	    " WHERE slot = 0");
	assert_int_equal(get_waiting(), 1);
	execute("UPDATE waiting SET connection = zeroblob(100000)");
	assert_int_equal(get_waiting(), 0);
	wait_in(0, 6, 3);
	put(M_STATE_CLEAR, NULL, 0);
	assert_int_equal(get_waiting(), 0);
}

#define T(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		T(test_positions), T(test_states), T(test_stats),
		T(test_served), T(test_ahead), T(test_ahead_runs),
		T(test_waiting)
	};

	log_init(LOG_TO_STDERR, "ledger_state");
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

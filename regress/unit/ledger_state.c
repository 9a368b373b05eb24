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

static int
setup(void **state)
{
	(void)state;
	strlcpy(dir, "/tmp/refract-state.XXXXXX", sizeof(dir));
	assert_non_null(mkdtemp(dir));
	snprintf(file, sizeof(file), "%s/ledger.db", dir);
	npositions = nstats = nserved = nlifts = nstates = 0;
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
decide(uint64_t offset, int64_t start, int64_t end, int past)
{
	struct decision	d = { .evidence = "", .past = past };
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
	decide(1, 10, 100, 0);
	decide(2, 20, 200, 1);
	decide(3, 30, 300, 0);
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

/* What went ahead of its cut is decided again: not known until then. */
static void
test_served_ahead(void **state)
{
	struct msg_position	p = { .watch = WATCH, .dev = 1, .ino = 2,
	    .source = 3, .identity = 1, .offset = 2, .name = "access.log" };

	(void)state;
	decide(1, 10, 100, 0);
	decide(2, 20, 200, 0);
	decide(3, 30, 300, 0);
	put(M_POSITION, &p, sizeof(p));
	get_served(0);
	assert_int_equal(nserved, 2);
	assert_int_equal(served[1].end, 200);
	p.offset = 3;
	put(M_POSITION, &p, sizeof(p));
	get_served(0);
	assert_int_equal(nserved, 3);
	/* Another file's place says nothing of this one. */
	p.identity = 4;
	p.offset = 1;
	put(M_POSITION, &p, sizeof(p));
	get_served(0);
	assert_int_equal(nserved, 3);
}

#define T(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		T(test_positions), T(test_states), T(test_stats),
		T(test_served), T(test_served_ahead)
	};

	log_init(LOG_TO_STDERR, "ledger_state");
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

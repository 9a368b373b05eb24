/* LINK: refract-parser/follow.o refract-parser/position.o */
/*
 * Files over a restart: each is left and found again after what can happen to
 * it meanwhile.  Real files; a line's stamp is the number it begins with.
 */
#include <sys/stat.h>

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "follow.h"
#include "log.h"

static struct event_base	*base;
static char			 dir[64], path[96], other[96];
static char			 got[65536];
static uint64_t			 identity, gap_bytes;
static unsigned int		 ngaps, nfiles, nevents[16], nsaved, ngone;
static struct msg_position	 saved[8];

static void
on_lines(const struct block *b)
{
	size_t	n = strlen(got);

	assert_true(n + b->n < sizeof(got));
	memcpy(got + n, b->p, b->n);
	got[n + b->n] = '\0';
	identity = file_identity(b->file);
}

static void
on_event(struct file *f, enum follow_event what, uint64_t n)
{
	(void)f;
	(void)n;
	nevents[what]++;
}

static void
on_done(uint32_t file)
{
	(void)file;
}

static void
on_owner(uint32_t source, uint64_t *watch, uint64_t *source_hash)
{
	*watch = source / 10;
	*source_hash = source;
}

static stamp_t
on_stamp(struct file *f, const char *p, size_t n)
{
	(void)f;
	(void)n;
	return strtoll(p, NULL, 10);
}

static void
on_gap(const struct msg_position *m, uint64_t n)
{
	(void)m;
	ngaps++;
	gap_bytes += n;
}

static void
start(void)
{
	static const struct follow_ops	ops = {
		.lines = on_lines, .event = on_event, .done = on_done,
		.owner = on_owner, .stamp = on_stamp, .gap = on_gap
	};

	assert_non_null(base = event_base_new());
	follow_init(base, &ops);
	follow_boot("one");
	follow_hold();
	memset(nevents, 0, sizeof(nevents));
	ngaps = 0;
	gap_bytes = 0;
	*got = '\0';
}

static void
end(void)
{
	follow_clear();
	event_base_free(base);
}

static int
setup(void **state)
{
	(void)state;
	strlcpy(dir, "/tmp/refract-position.XXXXXX", sizeof(dir));
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/access.log", dir);
	snprintf(other, sizeof(other), "%s/access.log.1", dir);
	nfiles = 0;
	start();
	return 0;
}

static int
teardown(void **state)
{
	char	cmd[128];

	(void)state;
	end();
	snprintf(cmd, sizeof(cmd), "rm -r %s", dir);
	return system(cmd);
}

static void
put(const char *name, const char *text)
{
	int	fd = open(name, O_WRONLY | O_APPEND | O_CREAT, 0600);

	assert_int_not_equal(fd, -1);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void
pass(const char *name, uint32_t from_end, uint32_t source)
{
	struct msg_file	m = {
		.file = ++nfiles, .source = source, .wd = -1,
		.from_end = from_end
	};
	struct stat	st;
	int		fd = open(name, O_RDONLY);

	assert_int_not_equal(fd, -1);
	assert_int_equal(fstat(fd, &st), 0);
	m.dev = st.st_dev;
	m.ino = st.st_ino;
	m.size = (uint64_t)st.st_size;
	strlcpy(m.name, name, sizeof(m.name));
	assert_int_equal(follow_open(&m, fd), 0);
}

/* All are here: read. */
static void
go(void)
{
	mono_t	start = mono_now();
	int	n;

	follow_go();
	/* As many turns too: a busy machine may sleep through the time. */
	for (n = 0; n < 20 || mono_since(start, mono_now()) < 20; n++) {
		event_base_loop(base, EVLOOP_NONBLOCK);
		usleep(1000);
	}
}

static void
on_saved(const struct msg_position *m)
{
	if (m->flags & POSITION_GONE)
		ngone++;
	else
		saved[nsaved++] = *m;
}

/* What the ledger is told, a stop, and a start with what it tells. */
static void
leave(void)
{
	nsaved = ngone = 0;
	follow_positions(1, on_saved);
	end();
}

static void
come_back(void)
{
	unsigned int	i;

	start();
	for (i = 0; i < nsaved; i++)
		follow_position(&saved[i]);
}

/* A log of two lines that were read. */
static void
read_two(void)
{
	put(path, "10 one\n20 two\n");
	pass(path, 0, 10);
	go();
	assert_string_equal(got, "10 one\n20 two\n");
}

static void
test_grown(void **state)
{
	uint64_t	before;

	(void)state;
	read_two();
	before = identity;
	put(path, "30 ha");
	leave();
	assert_int_equal(nsaved, 1);
	assert_int_equal(saved[0].offset, 14);
	assert_int_equal(saved[0].last, 20);
	assert_int_equal(saved[0].watch, 1);
	assert_int_equal(saved[0].source, 10);
	assert_string_equal(saved[0].boot, "one");
	put(path, "lf\n");
	come_back();
	pass(path, 1, 10);
	assert_string_equal(got, "");		/* it waits */
	go();
	assert_string_equal(got, "30 half\n");
	assert_int_equal(identity, before);
	assert_int_equal(nevents[FOLLOW_RESUMED], 1);
	assert_int_equal(ngaps, 0);
}

/* What did not change is not said again. */
static void
test_saved(void **state)
{
	(void)state;
	read_two();
	nsaved = ngone = 0;
	follow_positions(0, on_saved);
	assert_int_equal(nsaved, 1);
	follow_positions(0, on_saved);
	assert_int_equal(nsaved, 1);
	follow_positions(1, on_saved);
	assert_int_equal(nsaved, 2);
}

static int
all(uint32_t source)
{
	(void)source;
	return 1;
}

static void
test_gone(void **state)
{
	(void)state;
	read_two();
	follow_drop(all);		/* nobody knew of it */
	nsaved = ngone = 0;
	follow_positions(0, on_saved);
	assert_int_equal(ngone, 0);
	pass(path, 0, 10);
	follow_positions(0, on_saved);
	follow_drop(all);
	follow_positions(0, on_saved);
	assert_int_equal(ngone, 1);
}

static void
test_empty(void **state)
{
	(void)state;
	put(path, "");
	pass(path, 1, 10);
	go();
	leave();
	assert_int_equal(saved[0].offset, 0);
	put(path, "10 one\n");
	come_back();
	pass(path, 1, 10);
	go();
	assert_string_equal(got, "10 one\n");
}

/* The old log and the new one, in the order of time. */
static void
test_renamed(void **state)
{
	uint64_t	before;

	(void)state;
	read_two();
	before = identity;
	leave();
	put(path, "30 three\n");
	assert_int_equal(rename(path, other), 0);
	put(path, "40 four\n");
	come_back();
	pass(path, 0, 10);
	pass(other, FILE_ROTATED, 10);
	go();
	assert_string_equal(got, "30 three\n40 four\n");
	assert_int_not_equal(identity, before);
	assert_int_equal(ngaps, 0);
}

/* Cut while we were away; the copy has the rest, under the old name. */
static void
test_copied(void **state)
{
	uint64_t	before;

	(void)state;
	read_two();
	before = identity;
	leave();
	put(other, "10 one\n20 two\n30 three\n");
	assert_int_equal(truncate(path, 0), 0);
	come_back();
	pass(other, FILE_ROTATED, 10);
	pass(path, 0, 10);
	go();
	assert_string_equal(got, "30 three\n");
	assert_int_equal(identity, before);
	put(path, "40 four\n");
	assert_int_equal(ngaps, 0);
}

static void
test_cut(void **state)
{
	(void)state;
	read_two();
	leave();
	saved[0].size = 20;
	assert_int_equal(truncate(path, 0), 0);
	put(path, "40 four\n");
	come_back();
	pass(path, 1, 10);
	go();
	assert_int_equal(ngaps, 1);
	assert_int_equal(gap_bytes, 6);
	assert_string_equal(got, "40 four\n");
}

/* Its first line is another one: a new file that has the same inode. */
static void
test_recreated(void **state)
{
	(void)state;
	read_two();
	leave();
	assert_int_equal(truncate(path, 0), 0);
	put(path, "30 three\n40 four\n50 five\n");
	come_back();
	pass(path, 0, 10);
	go();
	assert_string_equal(got, "30 three\n40 four\n50 five\n");
	assert_int_equal(ngaps, 1);
	assert_int_equal(gap_bytes, 0);
}

/* The end was lost, other lines came: those that counted do not again. */
static void
test_power_cut(void **state)
{
	uint64_t	before;

	(void)state;
	read_two();
	before = identity;
	leave();
	assert_int_equal(truncate(path, 7), 0);
	strlcpy(saved[0].boot, "another", sizeof(saved[0].boot));
	put(path, "15 lost?\n30 three\n40 four\n");
	come_back();
	pass(path, 0, 10);
	go();
	assert_string_equal(got, "30 three\n40 four\n");
	assert_int_equal(nevents[FOLLOW_CUT], 1);
	/* For what lies there now is something else. */
	assert_int_not_equal(identity, before);
	before = identity;
	leave();
	put(path, "50 five\n");
	come_back();
	pass(path, 0, 10);
	go();
	assert_string_equal(got, "50 five\n");
	assert_int_equal(identity, before);
}

static void
test_lost_end(void **state)
{
	(void)state;
	read_two();
	leave();
	assert_int_equal(truncate(path, 7), 0);
	come_back();
	pass(path, 0, 10);
	go();
	assert_string_equal(got, "");
	assert_int_equal(nevents[FOLLOW_SHORTER], 1);
	assert_int_equal(ngaps, 0);
}

/* What was renamed and read to its end may go; what was not, may not. */
static void
test_vanished(void **state)
{
	(void)state;
	read_two();
	leave();
	saved[0].flags = POSITION_MOVED;
	come_back();
	go();
	assert_int_equal(ngaps, 0);
	end();
	saved[0].flags = 0;
	come_back();
	go();
	assert_int_equal(ngaps, 1);
	end();
	saved[0].flags = POSITION_MOVED;
	saved[0].size = 100;
	come_back();
	go();
	assert_int_equal(ngaps, 1);
	assert_int_equal(gap_bytes, 86);
}

/* A file that came and went: what is older than what counted is left out. */
static void
test_successor(void **state)
{
	(void)state;
	read_two();
	leave();
	put(other, "10 one?\n15 old\n20 same\n30 three\n");
	come_back();
	pass(other, FILE_ROTATED, 10);
	pass(path, 0, 10);
	go();
	assert_string_equal(got, "20 same\n30 three\n");
}

/* Files of one watch, each behind and ahead of the other. */
static void
test_merge(void **state)
{
	(void)state;
	put(path, "10 a\n20 a\nno stamp\n50 a\n");
	put(other, "15 b\n30 b\n40 b\n60 b\n");
	pass(path, 0, 10);
	pass(other, 0, 11);
	go();
	assert_string_equal(got, "10 a\n15 b\n20 a\nno stamp\n30 b\n40 b\n"
	    "50 a\n60 b\n");
}

/* Those of two watches have nothing to do with each other. */
static void
test_two_watches(void **state)
{
	(void)state;
	put(path, "10 a\n30 a\n");
	put(other, "20 b\n40 b\n");
	pass(path, 0, 10);
	pass(other, 0, 20);
	go();
	assert_string_equal(got, "10 a\n30 a\n20 b\n40 b\n");
}

#define T(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		T(test_grown), T(test_saved), T(test_gone), T(test_empty),
		T(test_renamed), T(test_copied), T(test_cut),
		T(test_recreated), T(test_power_cut), T(test_lost_end),
		T(test_vanished), T(test_successor), T(test_merge),
		T(test_two_watches)
	};

	log_init(LOG_TO_STDERR, "position");
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* LINK: refract-parser/follow.o refract-parser/position.o */
/* LIBS: -Wl,--wrap=pread */
/*
 * Files as they are really written, rotated, cut and deleted, with real
 * inotify: every line once, in order, none in parts.
 */
#include <sys/inotify.h>
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
#include "follow_file.h"
#include "log.h"

#define SOURCE	7

static struct event_base	*base;
static char			 dir[64], path[128], other[128];
static int			 ifd;
static uint32_t			 nfiles, last_done;
static char			*got;		/* all lines so far */
static size_t			 ngot;
static unsigned int		 nlines, nblocks, nevents[FOLLOW_ERROR + 1];
static unsigned int		 nlive, ndone;
static uint64_t			 lost, end_offset, identity;
static int			 full;

static void
on_lines(const struct block *b)
{
	const char	*p;
	char		*bigger;

	assert_int_equal(b->p[b->n - 1], '\n');
	assert_non_null(bigger = realloc(got, ngot + b->n + 1));
	got = bigger;
	memcpy(got + ngot, b->p, b->n);
	ngot += b->n;
	got[ngot] = '\0';
	for (p = b->p; p < b->p + b->n; p++)
		if (*p == '\n') {
			nlines++;
			nlive += b->offset + (uint64_t)(p - b->p) >=
			    b->live_from;
		}
	end_offset = b->offset + b->n;
	identity = file_identity(b->file);
	assert_int_equal(file_source(b->file), SOURCE);
	nblocks++;
}

static void
on_event(struct file *f, enum follow_event what, uint64_t n)
{
	assert_non_null(file_name(f));
	nevents[what]++;
	if (what == FOLLOW_TRUNCATED)
		lost += n;
}

static void
on_done(uint32_t file)
{
	last_done = file;
	ndone++;
}

static int
is_full(void)
{
	return full;
}

static int
setup(void **state)
{
	static const struct follow_ops	ops = {
		.lines = on_lines, .event = on_event, .done = on_done,
		.full = is_full, .quiet = 150
	};

	(void)state;
	strlcpy(dir, "/tmp/refract-follow.XXXXXX", sizeof(dir));
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/access.log", dir);
	snprintf(other, sizeof(other), "%s/access.log.1", dir);
	assert_non_null(base = event_base_new());
	assert_int_not_equal(ifd = inotify_init1(IN_NONBLOCK), -1);
	follow_init(base, &ops);
	follow_inotify(dup(ifd));
	nfiles = nlines = nblocks = nlive = ndone = 0;
	lost = end_offset = ngot = 0;
	full = 0;
	memset(nevents, 0, sizeof(nevents));
	return 0;
}

static int
teardown(void **state)
{
	char	cmd[128];

	(void)state;
	follow_clear();
	close(ifd);
	event_base_free(base);
	free(got);
	got = NULL;
	snprintf(cmd, sizeof(cmd), "rm -r %s", dir);
	return system(cmd);
}

/* Let things happen for so long. */
static void
run(int ms)
{
	mono_t	start = mono_now();
	int	n;

	/* As many turns too: a busy machine may sleep through the time. */
	for (n = 0; n < ms || mono_since(start, mono_now()) < ms; n++) {
		event_base_loop(base, EVLOOP_NONBLOCK);
		usleep(1000);
	}
}

/* Until so many files are done with. */
static void
run_done(unsigned int n)
{
	mono_t	start = mono_now();

	while (ndone < n && mono_since(start, mono_now()) < 60000)
		run(10);
	assert_int_equal(ndone, n);
}

static void
append(const char *name, const char *text)
{
	int	fd = open(name, O_WRONLY | O_APPEND | O_CREAT, 0600);

	assert_int_not_equal(fd, -1);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

/* What is written to path as soon as something was read from it, once. */
static const char	*meanwhile;

ssize_t	__real_pread(int, void *, size_t, off_t);
ssize_t	__wrap_pread(int, void *, size_t, off_t);

ssize_t
__wrap_pread(int fd, void *buf, size_t len, off_t offset)
{
	ssize_t		 n = __real_pread(fd, buf, len, offset);
	const char	*text = meanwhile;

	if (text != NULL && n >= 2 &&
	    memcmp((char *)buf + n - 2, "2\n", 2) == 0) {
		meanwhile = NULL;
		append(path, text);
	}
	return n;
}

/* What the parent does: open, watch, pass.  Bytes that came since then: */
static uint64_t	since;

static uint32_t
pass_late(const char *name, int from_end, const char *before_passing)
{
	struct msg_file	m = { .file = ++nfiles, .source = SOURCE };
	struct stat	st;
	int		fd = open(name, O_RDONLY);

	assert_int_not_equal(fd, -1);
	assert_int_equal(fstat(fd, &st), 0);
	m.dev = st.st_dev;
	m.ino = st.st_ino;
	m.size = (uint64_t)st.st_size - since;
	m.from_end = (uint32_t)from_end;
	m.wd = inotify_add_watch(ifd, name, IN_MODIFY | IN_ATTRIB |
	    IN_MOVE_SELF | IN_DELETE_SELF);
	assert_int_not_equal(m.wd, -1);
	strlcpy(m.name, name, sizeof(m.name));
	if (before_passing != NULL) {
		assert_int_equal(rename(name, before_passing), 0);
		run(20);
	}
	assert_int_equal(follow_open(&m, fd), 0);
	return m.file;
}

static uint32_t
pass(const char *name, int from_end)
{
	return pass_late(name, from_end, NULL);
}

static void
assert_got(const char *want)
{
	assert_string_equal(got == NULL ? "" : got, want);
}

static void
test_grow(void **state)
{
	(void)state;
	append(path, "one\ntwo\n");
	pass(path, 0);
	run(20);
	assert_got("one\ntwo\n");
	assert_int_equal(nlive, 0);
	append(path, "three\n");
	run(20);
	assert_got("one\ntwo\nthree\n");
	assert_int_equal(nlive, 1);
	assert_int_equal(end_offset, 14);
	assert_int_equal(follow_count(), 1);
	assert_int_equal(follow_count_source(SOURCE), 1);
	assert_int_equal(follow_count_source(8), 0);
}

/* From the end: what is written from now on, and the line being written. */
static void
test_from_end(void **state)
{
	(void)state;
	append(path, "old\nolder\nhal");
	pass(path, 1);
	run(20);
	assert_got("");
	append(path, "f\nnew\n");
	run(20);
	assert_got("half\nnew\n");
	assert_int_equal(nlive, 2);
	assert_int_equal(end_offset, 19);
}

/* It grew after the parent passed it and before we took it. */
static void
test_since(void **state)
{
	(void)state;
	append(path, "old\nnew\n");
	since = 4;
	pass(path, 1);
	since = 0;
	run(20);
	assert_got("new\n");
	assert_int_equal(nlive, 1);
}

static void
test_partial(void **state)
{
	int	i;

	(void)state;
	append(path, "");
	pass(path, 1);
	for (i = 0; i < 20; i++) {
		append(path, i % 5 == 4 ? "x\n" : "x");
		run(5);
	}
	assert_got("xxxxx\nxxxxx\nxxxxx\nxxxxx\n");
	append(path, "\n\nlast");
	run(20);
	assert_got("xxxxx\nxxxxx\nxxxxx\nxxxxx\n\n\n");
}

/* The writer goes on in the old file for a while, as Xray does. */
static void
test_rename(void **state)
{
	uint32_t	old, new;

	(void)state;
	follow_ops.quiet = 2000;
	append(path, "1\n");
	old = pass(path, 0);
	run(10);
	assert_int_equal(rename(path, other), 0);
	append(other, "2\n");
	run(10);
	append(path, "a\n");
	new = pass(path, 0);
	run(50);
	append(other, "3\n");
	run(100);
	append(path, "b\n");
	assert_int_equal(ndone, 0);	/* it was not quiet for long enough */
	run_done(1);
	assert_got("1\n2\na\n3\nb\n");
	assert_int_equal(nevents[FOLLOW_RENAMED], 1);
	assert_int_equal(nevents[FOLLOW_ENDED], 1);
	assert_int_equal(last_done, old);
	append(path, "c\n");
	run(20);
	assert_got("1\n2\na\n3\nb\nc\n");
	assert_int_not_equal(old, new);
}

/* The event was read before the file was known. */
static void
test_early(void **state)
{
	(void)state;
	append(path, "1\n");
	pass_late(path, 0, other);
	append(other, "2\n");
	run_done(1);
	assert_got("1\n2\n");
	assert_int_equal(nevents[FOLLOW_RENAMED], 1);
}

static void
test_delete(void **state)
{
	int	fd;

	(void)state;
	append(path, "1\n");
	pass(path, 0);
	run(10);
	assert_int_not_equal(fd = open(path, O_WRONLY | O_APPEND), -1);
	assert_int_equal(write(fd, "2\n", 2), 2);
	assert_int_equal(unlink(path), 0);
	run(20);
	assert_got("1\n2\n");
	assert_int_equal(ndone, 1);
	assert_int_equal(follow_count(), 0);
	close(fd);
}

/* copytruncate: cut to nothing, written anew. */
static void
test_truncate(void **state)
{
	uint64_t	before;

	(void)state;
	append(path, "first line\nsecond line\n");
	pass(path, 0);
	run(10);
	before = identity;
	assert_int_equal(truncate(path, 0), 0);
	run(10);
	append(path, "third\n");
	run(10);
	assert_got("first line\nsecond line\nthird\n");
	assert_int_equal(end_offset, 6);
	assert_int_equal(nevents[FOLLOW_TRUNCATED], 1);
	assert_int_equal(lost, 0);
	assert_int_equal(nlive, 1);
	assert_int_not_equal(identity, before);
}

/* The same, and it has grown beyond the offset before anyone looked. */
static void
test_rewritten(void **state)
{
	(void)state;
	append(path, "first line\nsecond line\n");
	pass(path, 0);
	run(10);
	assert_int_equal(truncate(path, 0), 0);
	append(path, "third line\nfourth line\nfifth line\n");
	run(20);
	assert_got("first line\nsecond line\n"
	    "third line\nfourth line\nfifth line\n");
	assert_int_equal(nevents[FOLLOW_TRUNCATED], 1);
	/* A line that was never finished is gone, and is said to be. */
	append(path, "12345");
	run(10);
	assert_int_equal(truncate(path, 0), 0);
	run(10);
	assert_int_equal(lost, 5);
}

/* A writer without O_APPEND leaves a hole. */
static void
test_hole(void **state)
{
	int	fd;

	(void)state;
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	assert_int_not_equal(fd, -1);
	assert_int_equal(write(fd, "one\ntwo\n", 8), 8);
	pass(path, 0);
	run(10);
	assert_int_equal(ftruncate(fd, 0), 0);
	run(10);
	assert_int_equal(write(fd, "three\n", 6), 6);
	run(10);
	close(fd);
	assert_got("one\ntwo\nthree\n");
}

static void
append_long(size_t n, const char *rest)
{
	char	*p = malloc(n + 1);

	assert_non_null(p);
	memset(p, 'x', n);
	p[n] = '\0';
	append(path, p);
	append(path, rest);
	free(p);
}

/* Beyond 64 KiB: skipped, said, and what follows is read. */
static void
test_long(void **state)
{
	(void)state;
	append(path, "one\n");
	pass(path, 0);
	run(10);
	append_long(70000, "");
	run(10);
	append_long(500000, "");
	run(10);
	append_long(10, "\ntwo\n");
	run(10);
	assert_got("one\ntwo\n");
	assert_int_equal(nevents[FOLLOW_LONG], 1);
	append_long(LINE_MAX_LEN - 4, "");
	run(10);
	append(path, "yyyy\n");
	run(10);
	assert_int_equal(nlines, 3);
	assert_int_equal(nevents[FOLLOW_LONG], 1);
	append_long(300000, "\nthree\n");
	run(10);
	assert_int_equal(nevents[FOLLOW_LONG], 2);
	assert_string_equal(got + ngot - 6, "three\n");
}

/* Two files, much to read: neither waits for the other. */
static void
test_fair(void **state)
{
	char	line[128];
	FILE	*f, *g;
	int	 i;

	(void)state;
	f = fopen(path, "w");
	g = fopen(other, "w");
	assert_non_null(f);
	assert_non_null(g);
	memset(line, 'x', 99);
	line[99] = '\0';
	for (i = 0; i < 100000; i++) {
		line[0] = 'f';
		fprintf(f, "%s\n", line);
		line[0] = 'g';
		fprintf(g, "%s\n", line);
	}
	fclose(f);
	fclose(g);
	pass(path, 0);
	pass(other, 0);
	for (i = 0; i < 20 && nlines < 200000; i++)
		run(1000);
	assert_int_equal(nlines, 200000);
	assert_true(nblocks >= 70);
	/* Early in what was read there are lines of both. */
	got[ngot / 4] = '\0';
	assert_non_null(strstr(got, "\nf"));
	assert_non_null(strstr(got, "\ng"));
}

/* Nothing is read while the ledger is full, and nothing is lost by it. */
static void
test_full(void **state)
{
	(void)state;
	append(path, "1\n");
	pass(path, 0);
	full = 1;
	run(20);
	append(path, "2\n");
	run(20);
	assert_got("");
	full = 0;
	follow_resume();
	run(20);
	assert_got("1\n2\n");
}

static int
gone(uint32_t source)
{
	return source == SOURCE;
}

static int
gone_other(uint32_t source)
{
	return source != SOURCE;
}

static void
test_drop(void **state)
{
	(void)state;
	append(path, "1\n");
	pass(path, 0);
	run(10);
	follow_drop(gone_other);
	assert_int_equal(follow_count(), 1);
	follow_drop(gone);
	assert_int_equal(follow_count(), 0);
	assert_int_equal(ndone, 1);
	append(path, "2\n");
	run(10);
	assert_got("1\n");
}

/* A stop reads what is there without waiting for its events. */
static void
test_finish(void **state)
{
	(void)state;
	append(path, "1\n");
	pass(path, 0);
	run(10);
	append(path, "2\n3\n");
	follow_finish();
	assert_got("1\n2\n3\n");
}

/* One inode, two sources: one watch, both are read. */
static void
test_twice(void **state)
{
	(void)state;
	append(path, "1\n");
	pass(path, 0);
	pass(path, 0);
	run(10);
	append(path, "2\n");
	run(10);
	assert_int_equal(nlines, 4);
}

static void
test_refused(void **state)
{
	struct msg_file	m = { .file = 99, .source = SOURCE, .wd = -1 };

	(void)state;
	assert_int_equal(follow_open(&m, open(dir, O_RDONLY)), -1);
	assert_int_equal(last_done, 99);
	assert_int_equal(follow_count(), 0);
}

/* The identity is the same however much the file grew. */
static void
test_identity(void **state)
{
	uint64_t	first;

	(void)state;
	append(path, "the first line\n");
	pass(path, 0);
	run(10);
	first = identity;
	append(path, "more\n");
	pass(path, 0);
	run(10);
	assert_int_equal(identity, first);
	append(other, "the first line\n");
	pass(other, 0);
	run(10);
	assert_int_not_equal(identity, first);	/* another inode */
}

/*
 * A line is written after its file's block was fetched and before its event is
 * read, with those of others: the event is no reason to come again, for the
 * file is still in the list, and yet the line is read.
 */
static void
test_grown(void **state)
{
	(void)state;
	append(path, "1\n");
	pass(path, 0);
	append(other, "a\n");
	pass(other, 0);
	run(20);
	meanwhile = "3\n";
	append(path, "2\n");
	run(20);
	assert_null(meanwhile);
	assert_got("1\na\n2\n3\n");
}

/* Nothing to do is nothing done: no timer turns while files are quiet. */
static void
test_idle(void **state)
{
	struct timeval	tv = { 0, 500000 };
	mono_t		start;
	int		turns;

	(void)state;
	append(path, "1\n");
	pass(path, 0);
	run(20);
	event_base_loopexit(base, &tv);
	start = mono_now();
	for (turns = 0; mono_since(start, mono_now()) < 490; turns++)
		event_base_loop(base, EVLOOP_ONCE);
	assert_true(turns < 5);
}

static stamp_t
on_stamp(struct file *f, const char *p, size_t n)
{
	(void)f;
	assert_int_equal(p[n], '\n');
	return strtoll(p, NULL, 10) * 1000000;
}

/* A new file, to which a line a time is written at once: seconds from now. */
static unsigned int
appear(const char *name, unsigned int n, const int *seconds)
{
	unsigned int	before = nlive;
	char		line[64];

	follow_ops.stamp = on_stamp;
	append(name, "");
	pass(name, 0);
	run(10);
	for (; n > 0; n--, seconds++) {
		snprintf(line, sizeof(line), "%lld a line\n",
		    (long long)wall_now() / 1000 + *seconds);
		append(name, line);
	}
	run(10);
	return nlive - before;
}

/*
 * A log that is copied to where logs are watched is judged by its dates; one
 * that is written there is live, in whatever zone.
 */
static void
test_copied(void **state)
{
	static const int	now[] = { 0, 0 }, zone[] = { -7200, -7200 };
	static const int	long_one[] = { -7200, -7000, 0 };
	static const int	short_one[] = { -7500, -7499 };
	char			name[96];
	unsigned int		i;

	(void)state;
	for (i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "%s/%u", dir, i);
		assert_int_equal(i == 0 ? appear(name, 2, now) :
		    i == 1 ? appear(name, 2, zone) :
		    i == 2 ? appear(name, 3, long_one) :
		    appear(name, 2, short_one), i < 2 ? 2 : 0);
	}
	assert_int_equal(nlines, 9);
}

#define T(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		T(test_grow), T(test_from_end), T(test_since),
		T(test_partial),
		T(test_rename), T(test_early), T(test_delete),
		T(test_truncate), T(test_rewritten), T(test_hole),
		T(test_long), T(test_fair), T(test_full), T(test_drop),
		T(test_finish), T(test_twice), T(test_refused),
		T(test_identity), T(test_grown), T(test_idle),
		T(test_copied)
	};

	log_init(LOG_TO_STDERR, "follow");
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

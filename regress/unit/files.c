/* LINK: refractd/files.o refractd/rotated.o refractd/walk.o */
/*
 * Which logs the parent finds, opens and passes, and when: real directories,
 * real inotify.
 */
#include <sys/inotify.h>
#include <sys/stat.h>

#include <errno.h>
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

#include "clock.h"
#include "conf.h"
#include "files.h"
#include "log.h"
#include "msg.h"

#define PASSED_MAX	64

static struct event_base	*base;
static struct msg_file		 passed[PASSED_MAX];
static unsigned int		 npassed, ntroubles;
static char			 trouble[TEXT_LEN], why[TEXT_LEN];
static char			 dir[64], cmd[1024];
static struct conf		*conf;

static void
pass(const struct msg_file *m, int fd)
{
	assert_true(fd > 2);
	assert_true(npassed < PASSED_MAX);
	passed[npassed++] = *m;
	close(fd);
}

static void
tell(const char *watch, const char *text)
{
	(void)watch;
	ntroubles++;
	strlcpy(trouble, text, sizeof(trouble));
}

static const struct files_ops	ops = { pass, tell };

/* "%" stands for the directory of the test. */
static const char *
below(const char *fmt)
{
	static char	 out[8][512];
	static int	 turn;
	char		*o = out[turn++ % 8];

	if (*fmt == '%')
		snprintf(o, 512, "%s%s", dir, fmt + 1);
	else
		strlcpy(o, fmt, 512);
	return o;
}

static void
sh(const char *text)
{
	snprintf(cmd, sizeof(cmd), "cd %s && { %s; }", dir, text);
	assert_int_equal(system(cmd), 0);
}

static void
put(const char *path)
{
	int	fd = open(below(path), O_WRONLY | O_CREAT | O_APPEND, 0644);

	assert_int_not_equal(fd, -1);
	assert_int_equal(write(fd, "x\n", 2), 2);
	close(fd);
}

static struct conf *
conf_begin(void)
{
	return conf_new();
}

static struct conf_watch *
conf_watch(struct conf *c, const char *name)
{
	struct conf_watch	*w = conf_watch_new();

	strlcpy(w->w.name, name, sizeof(w->w.name));
	w->w.hash = watch_hash(name);
	TAILQ_INSERT_TAIL(&c->watches, w, entry);
	return w;
}

static void
conf_source(struct conf_watch *w, const char *path, int from_start)
{
	struct conf_source	*s = calloc(1, sizeof(*s));

	assert_non_null(s);
	s->w.id = conf_new_id();
	s->w.watch = w->w.id;
	s->w.from_start = from_start;
	strlcpy(s->w.path, below(path), sizeof(s->w.path));
	TAILQ_INSERT_TAIL(&w->sources, s, entry);
}

static void
use(struct conf *c)
{
	conf_adopt_ids(c, conf);
	assert_int_equal(files_prepare(c, why, sizeof(why)), 0);
	files_commit(c);
	conf_free(conf);
	conf = c;
}

/* One watch with one source. */
static void
use_one(const char *path, int from_start)
{
	struct conf	*c = conf_begin();

	conf_source(conf_watch(c, "w"), path, from_start);
	use(c);
}

static int
refused(const char *path)
{
	struct conf	*c = conf_begin();
	int		 r;

	conf_source(conf_watch(c, "refused"), path, 0);
	r = files_prepare(c, why, sizeof(why));
	if (r == 0)
		files_abort();
	conf_free(c);
	return r == -1;
}

/* Turn the loop until n were passed; a little longer to see no more come. */
static void
turn(unsigned int n)
{
	mono_t	start = mono_now();
	int	more = 0;

	while (mono_since(start, mono_now()) < 60000 && more < 5) {
		event_base_loop(base, EVLOOP_NONBLOCK);
		if (npassed >= n)
			more++;
		usleep(2000);
	}
	assert_int_equal(npassed, n);
}

static int
named(unsigned int i, const char *path)
{
	return strcmp(passed[i].name, below(path)) == 0;
}

static int
setup(void **state)
{
	(void)state;
	strlcpy(dir, "/tmp/refract-files.XXXXXX", sizeof(dir));
	assert_non_null(mkdtemp(dir));
	npassed = ntroubles = 0;
	*trouble = *why = '\0';
	return 0;
}

static int
teardown(void **state)
{
	struct conf	*c = conf_begin();

	(void)state;
	use(c);
	event_base_loop(base, EVLOOP_NONBLOCK);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd);
}

static void
from_its_end(void **state)
{
	(void)state;
	put("%/a.log");
	use_one("%/a.log", 0);
	turn(1);
	assert_true(named(0, "%/a.log"));
	assert_int_equal(passed[0].from_end, 1);
	assert_true(passed[0].wd > 0);
}

static void
from_its_start(void **state)
{
	(void)state;
	put("%/a.log");
	use_one("%/a.log", 1);
	turn(1);
	assert_int_equal(passed[0].from_end, 0);
}

static void
appears(void **state)
{
	(void)state;
	use_one("%/a.log", 0);
	turn(0);
	put("%/b.log");
	put("%/a.log");
	turn(1);
	assert_true(named(0, "%/a.log"));
	assert_int_equal(passed[0].from_end, 0);
	put("%/a.log");
	turn(1);
}

static void
directory_appears(void **state)
{
	(void)state;
	use_one("%/x/y/z/a.log", 0);
	turn(0);
	sh("mkdir -p x/y/z");
	turn(0);
	put("%/x/y/z/a.log");
	turn(1);
	sh("mv x old; mkdir -p x/y/z");
	put("%/x/y/z/a.log");
	turn(2);
	assert_int_not_equal(passed[0].ino, passed[1].ino);
}

/* All at once: between the directory's event and the look at it. */
static void
directory_appears_full(void **state)
{
	(void)state;
	use_one("%/x/*/a.log", 0);
	sh("mkdir -p x/1 x/2; echo x >x/1/a.log; echo x >x/2/a.log");
	turn(2);
	sh("mkdir x/3; echo x >x/3/b.log");
	turn(2);
	sh("mv x/3/b.log x/3/a.log");
	turn(3);
}

static void
glob_gains(void **state)
{
	(void)state;
	put("%/a.log");
	use_one("%/*.log", 0);
	turn(1);
	put("%/b.log");
	put("%/c.txt");
	put("%/.d.log");
	turn(2);
	assert_true(named(1, "%/b.log"));
	assert_int_equal(passed[1].from_end, 0);
}

static void
renamed(void **state)
{
	(void)state;
	put("%/a.log");
	use_one("%/a.log", 0);
	turn(1);
	sh("mv a.log a.log.1");
	turn(1);
	put("%/a.log");
	turn(2);
	assert_int_equal(passed[1].from_end, 0);
	assert_int_not_equal(passed[0].ino, passed[1].ino);
	files_done(passed[0].file);
	turn(2);
	assert_int_equal(files_count(), 1);
	sh("mv a.log a.log.1; echo x >a.log");
	turn(3);
}

/* The rotated name fits too, and is the file that we have. */
static void
renamed_in_glob(void **state)
{
	(void)state;
	put("%/a.log");
	use_one("%/a.log*", 0);
	sh("mv a.log a.log.1; echo x >a.log");
	turn(2);
	assert_true(named(1, "%/a.log"));
	files_done(passed[0].file);
	turn(2);
	sh("mv a.log.1 a.log.2");
	turn(2);
	sh("rm a.log.2");
	turn(2);
	assert_int_equal(files_count(), 1);
}

/* The parser's word comes after the new file of perhaps the same inode. */
static void
recreated(void **state)
{
	unsigned int	i;

	(void)state;
	put("%/a.log");
	use_one("%/a.log", 0);
	turn(1);
	for (i = 1; i < 20; i++) {
		sh("rm a.log; echo x >a.log");
		if (i % 2 == 0)
			turn(i + 1);
		files_done(passed[i - 1].file);
		turn(i + 1);
		assert_int_equal(passed[i].from_end, 0);
	}
	assert_int_equal(files_count(), 1);
}

static void
one_file_two_names(void **state)
{
	struct conf		*c = conf_begin();
	struct conf_watch	*w = conf_watch(c, "one");

	(void)state;
	put("%/a.log");
	sh("ln a.log b.log");
	conf_source(w, "%/a.log", 0);
	conf_source(w, "%/b.log", 0);
	conf_source(w, "%/*.log", 0);
	conf_source(conf_watch(c, "two"), "%/b.log", 0);
	use(c);
	turn(2);
	assert_int_equal(passed[0].ino, passed[1].ino);
	assert_int_equal(passed[0].wd, passed[1].wd);
	assert_int_not_equal(passed[0].source, passed[1].source);
}

/* An event on the shared descriptor; the kernel puts it there at once. */
static int
modified(const struct msg_file *f)
{
	struct inotify_event	e;
	char			buf[4096];
	ssize_t			n, i;
	int			tries;

	for (tries = 0; tries < 20; tries++, usleep(10000))
		while ((n = read(files_inotify(), buf, sizeof(buf))) > 0)
			for (i = 0; i < n; i += sizeof(e) + e.len) {
				memcpy(&e, buf + i, sizeof(e));
				if (e.wd == f->wd && (e.mask & IN_MODIFY))
					return 1;
			}
	return 0;
}

static void
changes_are_seen(void **state)
{
	struct conf		*c = conf_begin();

	(void)state;
	put("%/a.log");
	conf_source(conf_watch(c, "one"), "%/a.log", 0);
	conf_source(conf_watch(c, "two"), "%/a.log", 0);
	use(c);
	turn(2);
	put("%/a.log");
	assert_true(modified(&passed[0]));
	files_done(passed[0].file);
	put("%/a.log");
	assert_true(modified(&passed[1]));
	files_done(passed[1].file);
	put("%/a.log");
	assert_false(modified(&passed[1]));
}

static void
what_is_refused(void **state)
{
	(void)state;
	put("%/target");
	sh("ln -s target link; mkfifo fifo; mkdir sub; : >open; "
	    "chmod 666 open");
	assert_true(refused("%/link"));
	assert_non_null(strstr(why, "/link is a symbolic link"));
	assert_true(refused("%/fifo"));
	assert_non_null(strstr(why, "/fifo is not a regular file"));
	assert_true(refused("%/sub"));
	assert_true(refused("/dev/null"));
	assert_true(refused("%/open"));
	assert_non_null(strstr(why, "writable by everybody (mode 0666)"));
	assert_non_null(strstr(why, "watch refused: "));
	assert_false(refused("%/target"));
	assert_false(refused("%/nothing"));
	assert_false(refused("%/target/below"));
	assert_int_equal(files_count(), 0);
}

static void
whose_it_is(void **state)
{
	(void)state;
	if (getuid() != 0)
		skip();
	sh("mkdir pub own; chmod 1777 pub; : >pub/a; : >own/a; : >pub/r; "
	    "chown 65534 pub/a own/a; ln -s own link; ln -s own alien; "
	    "chown -h 65534 alien");
	assert_true(refused("%/pub/a"));
	assert_non_null(strstr(why, "belongs to uid 65534"));
	assert_false(refused("%/own/a"));
	assert_false(refused("%/pub/r"));
	assert_false(refused("%/link/a"));
	assert_true(refused("%/alien/a"));
	assert_non_null(strstr(why, "link that root did not make"));
}

static void
trouble_is_told_once(void **state)
{
	(void)state;
	put("%/a.log");
	use_one("%/a.log", 0);
	turn(1);
	sh("mv a.log b.log; ln -s b.log a.log");
	turn(1);
	assert_int_equal(ntroubles, 1);
	assert_non_null(strstr(trouble, "symbolic link"));
	sh("rm a.log; ln -s b.log a.log");
	turn(1);
	assert_int_equal(ntroubles, 1);
	sh("rm a.log; echo x >a.log");
	turn(2);
	assert_int_equal(ntroubles, 2);
	assert_string_equal(trouble, "");
	sh("mv a.log c.log; : >a.log; chmod 666 a.log");
	turn(2);
	sh("chmod 644 a.log");
	turn(3);
}

static void
reload(void **state)
{
	struct conf		*c;
	struct conf_watch	*w;

	(void)state;
	put("%/a.log");
	put("%/b.log");
	use_one("%/a.log", 0);
	turn(1);
	use_one("%/a.log", 0);
	turn(1);
	assert_true(refused("/dev/null"));
	c = conf_begin();
	w = conf_watch(c, "w");
	conf_source(w, "%/a.log", 0);
	conf_source(w, "%/b.log", 0);
	conf_adopt_ids(c, conf);
	assert_int_equal(files_prepare(c, why, sizeof(why)), 0);
	assert_int_equal(npassed, 1);
	files_abort();
	assert_int_equal(files_count(), 1);
	use(c);
	turn(2);
	assert_int_equal(passed[1].from_end, 1);
	use_one("%/b.log", 0);
	turn(2);
	assert_int_equal(files_count(), 1);
	sh("mv a.log a.old; echo x >a.log");
	turn(2);
	sh("mv b.log b.old; echo x >b.log");
	turn(3);
}

/* What comes between the two phases is new, and read from its start. */
static void
between_the_phases(void **state)
{
	struct conf	*c = conf_begin();

	(void)state;
	put("%/a.log");
	conf_source(conf_watch(c, "w"), "%/*.log", 0);
	conf_adopt_ids(c, conf);
	assert_int_equal(files_prepare(c, why, sizeof(why)), 0);
	put("%/b.log");
	turn(0);
	files_commit(c);
	conf_free(conf);
	conf = c;
	turn(2);
	assert_int_equal(passed[0].from_end, 1);
	assert_int_equal(passed[1].from_end, 0);
}

static void
events_lost(void **state)
{
	char	path[512];
	FILE	*f;
	int	i, max = 16384;

	(void)state;
	if ((f = fopen("/proc/sys/fs/inotify/max_queued_events", "r")) !=
	    NULL) {
		if (fscanf(f, "%d", &max) != 1)
			max = 16384;
		fclose(f);
	}
	if (max > 50000)
		skip();
	use_one("%/a.log", 0);
	for (i = 0; i < max / 2 + 100; i++) {
		snprintf(path, sizeof(path), "%s/f%d", dir, i);
		assert_int_equal(mkdir(path, 0700), 0);
		assert_int_equal(rmdir(path), 0);
	}
	put("%/a.log");
	turn(1);
}

int
main(void)
{
#define TEST(t)	cmocka_unit_test_setup_teardown(t, setup, teardown)
	const struct CMUnitTest	tests[] = {
		TEST(from_its_end),
		TEST(from_its_start),
		TEST(appears),
		TEST(directory_appears),
		TEST(directory_appears_full),
		TEST(glob_gains),
		TEST(renamed),
		TEST(renamed_in_glob),
		TEST(recreated),
		TEST(one_file_two_names),
		TEST(changes_are_seen),
		TEST(what_is_refused),
		TEST(whose_it_is),
		TEST(trouble_is_told_once),
		TEST(reload),
		TEST(between_the_phases),
		TEST(events_lost),
	};

	umask(022);
	log_init(LOG_TO_STDERR, "files");
	conf = conf_new();
	if ((base = event_base_new()) == NULL)
		return 1;
	files_init(base, &ops);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

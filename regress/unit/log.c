/*
 * Logging: what each kind of reader gets, that a reader who does not read
 * cannot stop us, and that outside bytes come out printable.
 */
#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "clock.h"
#include "log.h"

static int saved_stderr;

static void
stderr_is(int fd, enum log_mode mode)
{
	assert_int_equal(dup2(fd, STDERR_FILENO), STDERR_FILENO);
	log_init(mode, "refract-test");
}

static int
teardown(void **arg)
{
	(void)arg;
	dup2(saved_stderr, STDERR_FILENO);
	log_setverbose(0);
	return 0;
}

/* What came, as a string; "" if nothing. */
static const char *
heard(int fd)
{
	static char text[4096];
	ssize_t n;

	fcntl(fd, F_SETFL, O_NONBLOCK);
	n = read(fd, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void
test_modes(void **arg)
{
	int p[2], s[2];

	(void)arg;
	assert_int_equal(pipe(p), 0);
	stderr_is(p[1], LOG_TO_STDERR);
	log_warnx("watch %s: lost", "sshd");
	assert_string_equal(heard(p[0]), "refract-test: watch sshd: lost\n");
	errno = ENOENT;
	log_warn("file");
	assert_string_equal(heard(p[0]),
	    "refract-test: file: No such file or directory\n");
	stderr_is(p[1], LOG_TO_JOURNAL);
	log_notice("hello");
	assert_string_equal(heard(p[0]), "<5>refract-test: hello\n");
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, s), 0);
	stderr_is(s[1], LOG_TO_SYSLOG);
	log_warnx("hello");
	assert_non_null(strstr(heard(s[0]), " refract-test["));
	log_warnx("hello");
	assert_int_equal(strncmp(heard(s[0]), "<28>", 4), 0);
	close(p[0]);
	close(p[1]);
	close(s[0]);
	close(s[1]);
}

static void
test_verbose(void **arg)
{
	int p[2];

	(void)arg;
	assert_int_equal(pipe(p), 0);
	stderr_is(p[1], LOG_TO_STDERR);
	log_info("i");
	log_debug("d");
	assert_string_equal(heard(p[0]), "");
	log_setverbose(1);
	log_info("i");
	log_debug("d");
	assert_string_equal(heard(p[0]), "refract-test: i\n");
	log_setverbose(2);
	log_debug("d");
	assert_string_equal(heard(p[0]), "refract-test: d\n");
	close(p[0]);
	close(p[1]);
}

static void
test_long(void **arg)
{
	char text[3000];
	int p[2];

	(void)arg;
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(pipe(p), 0);
	stderr_is(p[1], LOG_TO_STDERR);
	log_warnx("%s", text);
	heard(p[0]);
	log_warnx("next");
	assert_string_equal(heard(p[0]), "refract-test: next\n");
	close(p[0]);
	close(p[1]);
}

/* A reader that does not read: nothing waits, all that is lost is counted. */
static void
stuck(int writer, int reader)
{
	uint64_t before;
	mono_t start = mono_now();
	char buf[65536];
	int i;

	stderr_is(writer, LOG_TO_STDERR);
	before = log_dropped();
	for (i = 0; i < 20000; i++)
		log_warnx("a line that nobody reads, number %d", i);
	assert_true(mono_since(start, mono_now()) < 60000);
	assert_true(log_dropped() > before);
	fcntl(reader, F_SETFL, O_NONBLOCK);
	while (read(reader, buf, sizeof(buf)) > 0)
		continue;
	log_warnx("again");
	assert_non_null(strstr(heard(reader), "messages were dropped"));
	close(writer);
	close(reader);
}

static void
test_stuck_pipe(void **arg)
{
	int p[2];

	(void)arg;
	assert_int_equal(pipe(p), 0);
	stuck(p[1], p[0]);
}

static void
test_stuck_stream(void **arg)
{
	int s[2];

	(void)arg;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, s), 0);
	stuck(s[1], s[0]);
}

static void
test_vis(void **arg)
{
	char every[256], longer[1000];
	const char *s;
	size_t i;

	(void)arg;
	assert_string_equal(log_vis("plain text 1.2.3.4", 18),
	    "plain text 1.2.3.4");
	assert_string_equal(log_vis("", 0), "");
	assert_string_equal(log_vis("a\nb", 3), "a\\nb");
	assert_string_equal(log_vis("\033[2J", 4), "\\033[2J");
	for (i = 0; i < sizeof(every); i++)
		every[i] = (char)i;
	for (i = 0; i < sizeof(every); i += 16)
		for (s = log_vis(every + i, 16); *s != '\0'; s++)
			assert_in_range(*s, ' ', '~');
	memset(longer, 'x', sizeof(longer));
	s = log_vis(longer, sizeof(longer));
	assert_int_equal(strlen(s), 256 + 3);
	assert_string_equal(s + 256, "...");
	/* The one before stays. */
	assert_string_equal(log_vis("b", 1), "b");
	assert_int_equal(strlen(s), 256 + 3);
}

#define T(fn)	cmocka_unit_test_teardown(fn, teardown)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		T(test_modes),
		T(test_verbose),
		T(test_long),
		T(test_stuck_pipe),
		T(test_stuck_stream),
		T(test_vis)
	};

	saved_stderr = dup(STDERR_FILENO);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}

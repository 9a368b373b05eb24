/* LINK: refractd/sessions.o */
/*
 * Who is logged in from where: logind's files and utmp, made by hand in a
 * directory that stands for /run.
 */
#include <arpa/inet.h>

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utmp.h>

#include <cmocka.h>
#include <event2/event.h>

#include "clock.h"
#include "log.h"
#include "sessions.h"

static struct event_base	*base;
static char			 dir[64], cmd[1024], seen[8192];
static unsigned int		 ntold;

static void
changed(const struct prefix *list, size_t n)
{
	char	text[PREFIX_STRLEN];
	size_t	i;

	ntold++;
	*seen = '\0';
	for (i = 0; i < n; i++) {
		strlcat(seen, prefix_print(&list[i], text), sizeof(seen));
		strlcat(seen, " ", sizeof(seen));
	}
}

static void
sh(const char *text)
{
	snprintf(cmd, sizeof(cmd), "cd %s && { %s; }", dir, text);
	assert_int_equal(system(cmd), 0);
}

static void
utmp_put(int slot, short type, pid_t pid, const char *addr, const char *host)
{
	struct utmp	u;
	char		path[128];
	int		fd;

	memset(&u, 0, sizeof(u));
	u.ut_type = type;
	u.ut_pid = pid;
	strlcpy(u.ut_host, host, sizeof(u.ut_host));
	if (addr != NULL && inet_pton(AF_INET, addr, u.ut_addr_v6) != 1)
		assert_int_equal(inet_pton(AF_INET6, addr, u.ut_addr_v6), 1);
	snprintf(path, sizeof(path), "%s/utmp", dir);
	fd = open(path, O_WRONLY | O_CREAT, 0644);
	assert_int_not_equal(fd, -1);
	assert_int_equal(pwrite(fd, &u, sizeof(u), slot * sizeof(u)),
	    sizeof(u));
	close(fd);
}

/* Turn the loop until that is the list. */
static void
expect(const char *list)
{
	mono_t	start = mono_now();

	while (mono_since(start, mono_now()) < 60000 &&
	    strcmp(seen, list) != 0) {
		event_base_loop(base, EVLOOP_NONBLOCK);
		usleep(1000);
	}
	assert_string_equal(seen, list);
}

/* Nothing is told for a while. */
static void
expect_silence(void)
{
	mono_t		start = mono_now();
	unsigned int	n = ntold;

	while (mono_since(start, mono_now()) < 100) {
		event_base_loop(base, EVLOOP_NONBLOCK);
		usleep(1000);
	}
	assert_int_equal(ntold, n);
}

static int
setup(void **state)
{
	(void)state;
	strlcpy(dir, "/tmp/refract-sessions.XXXXXX", sizeof(dir));
	assert_non_null(mkdtemp(dir));
	sessions_setroot(dir);
	ntold = 0;
	strlcpy(seen, "?", sizeof(seen));
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	sessions_stop();
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd);
}

static void
nobody(void **state)
{
	(void)state;
	sessions_start(base, changed);
	assert_int_equal(ntold, 1);
	assert_string_equal(seen, "");
	sh("echo >other; mkdir lock");
	expect_silence();
}

static void
logind(void **state)
{
	(void)state;
	if (getuid() != 0)
		skip();		/* root's files alone count */
	sh("mkdir -p systemd/sessions; mkfifo systemd/sessions/1.ref; "
	    "printf 'UID=0\\nREMOTE=1\\nREMOTE_HOST=192.0.2.7\\n"
	    "STATE=active\\nCLASS=user\\n' >systemd/sessions/1");
	sessions_start(base, changed);
	expect("192.0.2.7 ");
	sh("echo REMOTE_HOST=2001:db8::5%eth0 >.n; mv .n systemd/sessions/2");
	expect("192.0.2.7 2001:db8::5 ");
	sh("echo REMOTE_HOST=host.example >.n; mv .n systemd/sessions/3; "
	    "echo XREMOTE_HOST=192.0.2.9 >.n; mv .n systemd/sessions/4; "
	    "echo REMOTE_HOST=192.0.2.7 >.n; mv .n systemd/sessions/5; "
	    "ln -s /etc/passwd systemd/sessions/6");
	expect_silence();
	sh("printf 'REMOTE_HOST=192.0.2.8\\nSTATE=closing\\n' >.n; "
	    "mv .n systemd/sessions/7; echo REMOTE_HOST=192.0.2.10 >.n; "
	    "chown 65534 .n; mv .n systemd/sessions/8");
	expect_silence();
	sh("rm systemd/sessions/1 systemd/sessions/5");
	expect("2001:db8::5 ");
	sh("rm systemd/sessions/2");
	expect("");
}

static void
logind_comes_later(void **state)
{
	(void)state;
	if (getuid() != 0)
		skip();
	sessions_start(base, changed);
	expect("");
	sh("mkdir systemd; mkdir systemd/sessions; "
	    "echo REMOTE_HOST=::ffff:192.0.2.7 >systemd/sessions/1");
	expect("192.0.2.7 ");
	sh("echo REMOTE_HOST=192.0.2.8 >systemd/sessions/2");
	expect("192.0.2.7 192.0.2.8 ");
}

static void
utmp(void **state)
{
	(void)state;
	sessions_start(base, changed);
	expect("");
	utmp_put(0, USER_PROCESS, getpid(), "198.51.100.1", "");
	expect("198.51.100.1 ");
	utmp_put(1, USER_PROCESS, getpid(), "2001:db8::1", "");
	expect("198.51.100.1 2001:db8::1 ");
	utmp_put(2, USER_PROCESS, getpid(), NULL, "198.51.100.3");
	expect("198.51.100.1 198.51.100.3 2001:db8::1 ");
	utmp_put(3, LOGIN_PROCESS, getpid(), "198.51.100.4", "");
	utmp_put(4, USER_PROCESS, INT32_MAX, "198.51.100.5", "");
	utmp_put(5, USER_PROCESS, getpid(), NULL, ":0");
	expect_silence();
	utmp_put(0, DEAD_PROCESS, getpid(), "198.51.100.1", "");
	expect("198.51.100.3 2001:db8::1 ");
	sh("rm utmp; : >utmp");
	expect("");
	utmp_put(0, USER_PROCESS, getpid(), "198.51.100.6", "");
	expect("198.51.100.6 ");
}

static void
bounded(void **state)
{
	char	addr[32];
	int	i;

	(void)state;
	for (i = 0; i < SESSIONS_MAX + 10; i++) {
		snprintf(addr, sizeof(addr), "10.0.%d.%d", i / 256, i % 256);
		utmp_put(i, USER_PROCESS, getpid(), addr, "");
	}
	sessions_start(base, changed);
	assert_int_equal(ntold, 1);
	assert_non_null(strstr(seen, "10.0.1.255 "));
	assert_null(strstr(seen, "10.0.2.0 "));
}

int
main(void)
{
#define TEST(t)	cmocka_unit_test_setup_teardown(t, setup, teardown)
	const struct CMUnitTest	tests[] = {
		TEST(nobody),
		TEST(logind),
		TEST(logind_comes_later),
		TEST(utmp),
		TEST(bounded),
	};

	log_init(LOG_TO_STDERR, "sessions");
	if ((base = event_base_new()) == NULL)
		return 1;
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

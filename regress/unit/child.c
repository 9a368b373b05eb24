/*
 * The frame of a child, driven by a parent of the test's own: READY, channels,
 * the way of a configuration, the stop; and what it does not put up with.
 */
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "child.h"
#include "imsg.h"
#include "log.h"
#include "version.h"

static char root[] = "/tmp/refract-root.XXXXXX";

/* --- The child: says by M_FILE_DONE what happened to it ------------------- */

enum { CONNECTED = 1, DISCONNECTED, COMMITTED_FIRST, COMMITTED_NEXT,
    ABORTED, GOT_MESSAGE };

static void
tell(uint32_t what)
{
	channel_send(child_parent, M_FILE_DONE, 0, &what, sizeof(what));
}

static void
on_committed(struct channel *ch, uint32_t id, const void *data, size_t len,
    int fd)
{
	(void)ch;
	(void)id;
	(void)data;
	(void)len;
	(void)fd;
	tell(GOT_MESSAGE);
}

static const struct handler ledger_handlers[] = {
	{ M_COMMITTED, on_committed },
	{ 0, NULL }
};

static void
connected(enum role role, int bulk, struct channel *ch)
{
	if (role == ROLE_LEDGER && bulk && ch == child_channel(role, 1))
		tell(CONNECTED);
}

static void
disconnected(enum role role, int bulk)
{
	if (role == ROLE_LEDGER && bulk && child_channel(role, 1) == NULL)
		tell(DISCONNECTED);
}

static int
prepare(struct conf *new, char *why)
{
	if (new->generation != 13)
		return 0;
	strlcpy(why, "unlucky", TEXT_LEN);
	return -1;
}

static void
commit(struct conf *new, struct conf *old)
{
	if (child_conf() == new)
		tell(old == NULL ? COMMITTED_FIRST : COMMITTED_NEXT);
}

static void
aborted(struct conf *new)
{
	(void)new;
	tell(ABORTED);
}

static const struct child child = {
	.role = ROLE_PARSER, .ident = "test", .root = root,
	.peers = { [ROLE_LEDGER] = ledger_handlers },
	.connected = connected, .disconnected = disconnected,
	.prepare = prepare, .commit = commit, .abort = aborted
};

/* --- The parent ------------------------------------------------------------*/

struct family {
	struct imsgbuf	*buf;
	pid_t		 pid;
	int		 log;
};

static struct family
spawn_with(const char *option)
{
	char name[] = "test", opt[64] = "-d";
	char *argv[] = { name, opt, NULL };
	struct family f;
	int s[2], log[2];

	fflush(NULL);
	if (option != NULL)
		strlcpy(opt, option, sizeof(opt));
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, s), 0);
	assert_int_equal(pipe(log), 0);
	if ((f.pid = fork()) == 0) {
		dup2(log[1], STDERR_FILENO);
		if (s[1] != CHILD_FD)
			dup2(s[1], CHILD_FD);
		child_start(&child, 2, argv);
		child_run();
	}
	close(s[1]);
	close(log[1]);
	f.log = log[0];
	assert_non_null(f.buf = imsg_new(s[0]));
	return f;
}

static void
say(struct family *f, uint32_t type, int fd, const void *data, size_t len)
{
	assert_int_equal(imsg_compose(f->buf, type, 0, fd, data, len), 0);
	assert_int_equal(imsg_flush(f->buf), 0);
}

static void
say_number(struct family *f, uint32_t type, uint32_t n)
{
	say(f, type, -1, &n, sizeof(n));
}

static const char *
last_words(const struct family *f)
{
	static char text[4096];
	ssize_t n = read(f->log, text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void
hear(struct family *f, struct imsg *m)
{
	struct pollfd pfd = { .fd = imsg_fd(f->buf), .events = POLLIN };

	while (imsg_get(f->buf, m) == 0) {
		assert_int_equal(poll(&pfd, 1, 60000), 1);
		if (imsg_read(f->buf) <= 0)
			fail_msg("the child is gone: %s", last_words(f));
	}
}

static void
expect(struct family *f, uint32_t type, uint32_t n)
{
	struct imsg m;
	uint32_t got;

	hear(f, &m);
	if (m.hdr.type != type)
		fail_msg("%s instead of %s", msg_name(m.hdr.type),
		    msg_name(type));
	memcpy(&got, m.data, sizeof(got));
	assert_int_equal(got, n);
}

static struct family
spawn_ready(void)
{
	struct family f = spawn_with(NULL);
	struct imsg m;
	const struct msg_ready *r;

	hear(&f, &m);
	assert_int_equal(m.hdr.type, M_READY);
	r = m.data;
	assert_string_equal(r->build, BUILD_ID);
	assert_int_equal(r->role, ROLE_PARSER);
	assert_int_equal(r->pid, f.pid);
	return f;
}

/* Its exit status, and its last words if they matter. */
static void
ends(struct family *f, int status, const char *words)
{
	const char *text;
	int got;

	assert_int_equal(waitpid(f->pid, &got, 0), f->pid);
	assert_true(WIFEXITED(got));
	assert_int_equal(WEXITSTATUS(got), status);
	text = last_words(f);
	if (words != NULL && strstr(text, words) == NULL)
		fail_msg("'%s' and not '%s'", text, words);
	close(f->log);
	if (f->buf != NULL)
		imsg_free(f->buf);
}

static void
send_conf(struct family *f, uint32_t generation)
{
	struct wire_global g = { .max = 10, .plen4 = 32, .plen6 = 64 };

	say_number(f, M_CONF_BEGIN, generation);
	say(f, M_CONF_GLOBAL, -1, &g, sizeof(g));
	say_number(f, M_CONF_END, generation);
}

static void
test_life(void **arg)
{
	struct family f = spawn_ready();
	struct msg_channel mc = { .peer = ROLE_LEDGER, .bulk = 1 };
	struct msg_checkpoint cp = { 5 };
	struct imsgbuf *ledger;
	int s[2];

	(void)arg;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, s), 0);
	say(&f, M_CHANNEL, s[0], &mc, sizeof(mc));
	expect(&f, M_FILE_DONE, CONNECTED);
	send_conf(&f, 1);
	expect(&f, M_CONF_READY, 1);
	say_number(&f, M_CONF_COMMIT, 1);
	expect(&f, M_FILE_DONE, COMMITTED_FIRST);
	expect(&f, M_CONF_DONE, 1);
	ledger = imsg_new(s[1]);
	imsg_compose(ledger, M_COMMITTED, 0, -1, &cp, sizeof(cp));
	imsg_flush(ledger);
	expect(&f, M_FILE_DONE, GOT_MESSAGE);
	imsg_free(ledger);
	expect(&f, M_FILE_DONE, DISCONNECTED);
	send_conf(&f, 2);
	expect(&f, M_CONF_READY, 2);
	say_number(&f, M_CONF_COMMIT, 2);
	expect(&f, M_FILE_DONE, COMMITTED_NEXT);
	expect(&f, M_CONF_DONE, 2);
	say(&f, M_STOP, -1, NULL, 0);
	ends(&f, 0, NULL);
}

static void
test_abort_and_refusal(void **arg)
{
	struct family f = spawn_ready();
	struct imsg m;

	(void)arg;
	send_conf(&f, 1);
	expect(&f, M_CONF_READY, 1);
	say_number(&f, M_CONF_ABORT, 1);
	expect(&f, M_FILE_DONE, ABORTED);
	send_conf(&f, 13);
	hear(&f, &m);
	assert_int_equal(m.hdr.type, M_CONF_REFUSED);
	assert_int_equal(((const struct msg_refused *)m.data)->generation, 13);
	assert_string_equal(((const struct msg_refused *)m.data)->text,
	    "unlucky");
	/* Who refused is told of the abort like the others. */
	say_number(&f, M_CONF_ABORT, 13);
	send_conf(&f, 14);
	expect(&f, M_CONF_READY, 14);
	say(&f, M_STOP, -1, NULL, 0);
	ends(&f, 0, NULL);
}

static void
test_signals(void **arg)
{
	static const int sigs[] = { SIGINT, SIGTERM, SIGHUP, SIGPIPE,
	    SIGUSR1 };
	struct family f = spawn_ready();
	size_t i;

	(void)arg;
	for (i = 0; i < sizeof(sigs) / sizeof(sigs[0]); i++)
		assert_int_equal(kill(f.pid, sigs[i]), 0);
	send_conf(&f, 1);
	expect(&f, M_CONF_READY, 1);
	say(&f, M_STOP, -1, NULL, 0);
	ends(&f, 0, NULL);
}

static void
test_faults(void **arg)
{
	struct msg_channel mc = { .peer = ROLE_ENFORCER };
	struct family f;

	(void)arg;
	f = spawn_ready();
	say_number(&f, M_CONF_BEGIN, 1);
	say_number(&f, M_CONF_BEGIN, 2);
	ends(&f, 1, "a configuration came while another waits");
	f = spawn_ready();
	send_conf(&f, 1);
	expect(&f, M_CONF_READY, 1);
	say_number(&f, M_CONF_BEGIN, 2);
	ends(&f, 1, "a configuration came while another waits");
	f = spawn_ready();
	say_number(&f, M_CONF_END, 1);
	ends(&f, 1, "M_CONF_END outside of a configuration");
	f = spawn_ready();
	say_number(&f, M_CONF_COMMIT, 7);
	ends(&f, 1, "configuration 7, which is not here");
	f = spawn_ready();
	say(&f, M_CHANNEL, dup(STDIN_FILENO), &mc, sizeof(mc));
	ends(&f, 1, "a channel to enforcer came");
	f = spawn_ready();
	say(&f, M_SETS_DESTROY, -1, NULL, 0);
	ends(&f, 1, "parent sent M_SETS_DESTROY");
}

/* The parent's death, in whatever way, is the child's. */
static void
test_parent_gone(void **arg)
{
	struct family f = spawn_ready();

	(void)arg;
	imsg_free(f.buf);
	f.buf = NULL;
	ends(&f, 1, "the parent is gone");
}

static void
test_build(void **arg)
{
	struct family f = spawn_with("-Bother");
	struct imsg m;

	(void)arg;
	hear(&f, &m);
	assert_string_equal(((const struct msg_ready *)m.data)->build,
	    "other");
	say(&f, M_STOP, -1, NULL, 0);
	ends(&f, 0, NULL);
	assert_true(strlen(BUILD_ID) < BUILD_ID_LEN);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_life),
		cmocka_unit_test(test_abort_and_refusal),
		cmocka_unit_test(test_signals),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_parent_gone),
		cmocka_unit_test(test_build)
	};
	int failed;

	if (geteuid() != 0 || getpwnam("_refractp") == NULL) {
		puts("1..0 # SKIP needs root and the users of etc/"
		    "refract.sysusers");
		return 0;
	}
	if (mkdtemp(root) == NULL || chmod(root, 0755) == -1)
		return 1;
	cmocka_set_message_output(CM_OUTPUT_TAP);
	failed = cmocka_run_group_tests_name("child", tests, NULL, NULL);
	rmdir(root);
	return failed;
}

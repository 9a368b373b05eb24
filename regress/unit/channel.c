/*
 * Channels: what is fatal and what closes, watermarks, back-pressure, and
 * callbacks that free what they are called for.
 */
#include <sys/socket.h>
#include <sys/wait.h>

#include <fcntl.h>
#include <poll.h>
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

#include "channel.h"
#include "clock.h"
#include "log.h"

static struct event_base *base;
static int closed, drained, received, freeing, pausing;
static uint32_t last_id;

static void
on_msg(struct channel *ch, uint32_t id, const void *data, size_t len, int fd)
{
	(void)data;
	(void)len;
	if (fd != -1)
		close(fd);
	received++;
	last_id = id;
	if (freeing)
		channel_free(ch);
	if (pausing)
		channel_pause(ch);
}

static void
on_ask(struct channel *ch, uint32_t id, const void *data, size_t len, int fd)
{
	struct msg_outcome o = { .text = "done" };

	on_msg(ch, id, data, len, fd);
	channel_send(ch, M_RESULT, id, &o, sizeof(o));
}

/* The handlers of control, for siblings and clients alike. */
static const struct handler handlers[] = {
	{ M_NOTICE, on_msg },
	{ M_RESULT, on_msg },
	{ M_BAN_EVENT, on_msg },
	{ M_LISTENER, on_msg },
	{ C_RELOAD, on_ask },
	{ 0, NULL }
};

static void
on_closed(struct channel *ch)
{
	closed++;
	channel_free(ch);
}

static void
on_closed_keep(struct channel *ch)
{
	(void)ch;
	closed++;
}

static void
on_drained(struct channel *ch)
{
	(void)ch;
	drained++;
}

static int
setup(void **arg)
{
	(void)arg;
	closed = drained = received = freeing = pausing = 0;
	proc_set_role(ROLE_CONTROL);
	proc_set_state(STATE_RUNNING);
	base = event_base_new();
	return base == NULL ? -1 : 0;
}

static int
teardown(void **arg)
{
	(void)arg;
	event_base_free(base);
	return 0;
}

/* A channel to a peer, and the peer's end as a bare buffer. */
static struct channel *
make(enum role peer, struct imsgbuf **raw)
{
	struct channel *ch;
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	assert_non_null(*raw = imsg_new(fds[1]));
	ch = channel_new(base, fds[0], peer, handlers);
	channel_onclosed(ch, on_closed);
	return ch;
}

static void
turn(void)
{
	int i;

	for (i = 0; i < 20; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
}

static void
say(struct imsgbuf *raw, uint32_t type, uint32_t id, const void *data,
    size_t len)
{
	assert_int_equal(imsg_compose(raw, type, id, -1, data, len), 0);
	assert_int_equal(imsg_flush(raw), 0);
}

static void
test_send_at_once(void **arg)
{
	struct channel *ch;
	struct imsgbuf *raw;
	struct imsg m;

	(void)arg;
	ch = make(ROLE_PARENT, &raw);
	channel_send(ch, M_RELOAD, 5, NULL, 0);
	/* No turn of the loop was needed. */
	assert_true(imsg_read(raw) > 0);
	assert_int_equal(imsg_get(raw, &m), 1);
	assert_int_equal(m.hdr.type, M_RELOAD);
	assert_int_equal(m.hdr.id, 5);
	assert_int_equal(channel_queued(ch), 0);
	channel_send(NULL, M_RELOAD, 0, NULL, 0);
	channel_free(ch);
	imsg_free(raw);
}

static void
test_cork(void **arg)
{
	struct channel *ch;
	struct imsgbuf *raw;
	int i;

	(void)arg;
	ch = make(ROLE_PARENT, &raw);
	channel_cork(ch);
	for (i = 0; i < 100; i++)
		channel_send(ch, M_RELOAD, 0, NULL, 0);
	assert_int_equal(imsg_read(raw), -1);
	assert_int_equal(channel_queued(ch), 1600);
	channel_uncork(ch);
	assert_int_equal(imsg_read(raw), 1600);
	channel_cork(ch);
	for (i = 0; i < 5000; i++)
		channel_send(ch, M_RELOAD, 0, NULL, 0);
	assert_true(imsg_read(raw) > 0);	/* 64 KiB do not wait */
	channel_free(ch);
	imsg_free(raw);
}

static void
test_receive(void **arg)
{
	struct channel *ch;
	struct imsgbuf *raw;
	struct wire_notice n = { .kind = NOTICE_DRIFT, .text = "drift" };

	(void)arg;
	ch = make(ROLE_ENFORCER, &raw);
	say(raw, M_NOTICE, 77, &n, sizeof(n));
	say(raw, M_NOTICE, 78, &n, sizeof(n));
	turn();
	assert_int_equal(received, 2);
	assert_int_equal(last_id, 78);
	assert_int_equal(closed, 0);
	imsg_free(raw);
	turn();
	assert_int_equal(closed, 1);
	(void)ch;
}

/* A handler that frees its channel is the last that is called. */
static void
test_free_in_handler(void **arg)
{
	struct imsgbuf *raw;
	struct wire_notice n = { .kind = NOTICE_DRIFT };

	(void)arg;
	make(ROLE_ENFORCER, &raw);
	freeing = 1;
	say(raw, M_NOTICE, 1, &n, sizeof(n));
	say(raw, M_NOTICE, 2, &n, sizeof(n));
	turn();
	assert_int_equal(received, 1);
	assert_int_equal(closed, 0);
	imsg_free(raw);
}

static void
test_pause(void **arg)
{
	struct channel *ch;
	struct imsgbuf *raw;
	struct wire_notice n = { .kind = NOTICE_DRIFT };

	(void)arg;
	ch = make(ROLE_ENFORCER, &raw);
	pausing = 1;
	say(raw, M_NOTICE, 1, &n, sizeof(n));
	say(raw, M_NOTICE, 2, &n, sizeof(n));
	say(raw, M_NOTICE, 3, &n, sizeof(n));
	turn();
	assert_int_equal(received, 1);
	channel_resume(ch);
	turn();
	assert_int_equal(received, 2);
	pausing = 0;
	channel_resume(ch);
	turn();
	assert_int_equal(received, 3);
	/* The end is seen after a pause, too. */
	channel_pause(ch);
	imsg_free(raw);
	turn();
	assert_int_equal(closed, 0);
	channel_resume(ch);
	turn();
	assert_int_equal(closed, 1);
}

/* Paused for a client that reads nothing: that it went is seen by writing. */
static void
test_gone_while_paused(void **arg)
{
	struct channel *ch;
	struct imsgbuf *raw;
	struct msg_outcome o = { .text = "" };

	(void)arg;
	ch = make(ROLE_CLIENT, &raw);
	channel_pause(ch);
	imsg_free(raw);
	turn();
	assert_int_equal(closed, 0);
	channel_send(ch, M_RESULT, 0, &o, sizeof(o));
	assert_int_equal(closed, 0);	/* never from within */
	turn();
	assert_int_equal(closed, 1);
}

static void
test_watermarks(void **arg)
{
	struct channel *ch;
	struct imsgbuf *raw;
	struct imsg m;
	struct msg_outcome o = { .text = "" };
	int sent = 0, got = 0;

	(void)arg;
	ch = make(ROLE_CLIENT, &raw);
	channel_setwatermarks(ch, 10000, 100000);
	channel_ondrained(ch, on_drained);
	while (!channel_full(ch)) {
		channel_send(ch, M_RESULT, 0, &o, sizeof(o));
		sent++;
	}
	assert_true(channel_queued(ch) > 100000);
	turn();
	assert_int_equal(drained, 0);
	while (got < sent) {
		if (imsg_read(raw) > 0)
			while (imsg_get(raw, &m) == 1)
				got++;
		if (channel_queued(ch) >= 10000)
			assert_int_equal(drained, 0);
		event_base_loop(base, EVLOOP_NONBLOCK);
	}
	turn();
	assert_int_equal(drained, 1);
	assert_false(channel_full(ch));
	assert_int_equal(channel_queued(ch), 0);
	channel_free(ch);
	imsg_free(raw);
}

/* Nothing is left to do: the loop has nobody to wake for. */
static void
test_idle(void **arg)
{
	struct channel *ch;
	struct imsgbuf *raw;
	struct msg_outcome o = { .text = "" };
	struct imsg m;
	struct timeval tv = { 0, 20000 };
	mono_t start;
	int turns = 0;

	(void)arg;
	ch = make(ROLE_CLIENT, &raw);
	channel_setwatermarks(ch, 1, 1000);
	while (!channel_full(ch))
		channel_send(ch, M_RESULT, 0, &o, sizeof(o));
	while (channel_queued(ch) > 0 || turns++ < 3) {
		if (imsg_read(raw) > 0)
			while (imsg_get(raw, &m) == 1)
				continue;
		event_base_loop(base, EVLOOP_NONBLOCK);
	}
	event_base_loopexit(base, &tv);
	start = mono_now();
	for (turns = 0; mono_since(start, mono_now()) < 15; turns++)
		event_base_loop(base, EVLOOP_ONCE);
	assert_true(turns < 5);
	channel_free(ch);
	imsg_free(raw);
}

/* 64 MiB that a client does not read close it; the process goes on. */
static void
test_queue_bound(void **arg)
{
	struct channel *ch;
	struct imsgbuf *raw;
	struct msg_outcome o = { .text = "" };
	int i;

	(void)arg;
	ch = make(ROLE_CLIENT, &raw);
	for (i = 0; i < 200000; i++)
		channel_send(ch, M_RESULT, 0, &o, sizeof(o));
	assert_true(channel_queued(ch) < 65u << 20);
	assert_int_equal(closed, 0);
	turn();
	assert_int_equal(closed, 1);
	imsg_free(raw);
}

/* A client's faults, each of which closes it and hurts nobody else. */
static void
test_client_faults(void **arg)
{
	static const char garbage[64] = "GET / HTTP/1.1\r\n\r\n";
	struct msg_show show = { .what = SHOW_MAX };
	struct {
		uint32_t	 type;
		const void	*data;
		size_t		 len;
		int		 raw;
	} t[] = {
		{ M_STOP, NULL, 0, 0 },			/* not a client's */
		{ C_RELOAD, "x", 1, 0 },		/* too long */
		{ C_VERBOSE, "x", 1, 0 },		/* too short */
		{ C_SHOW, &show, sizeof(show), 0 },	/* out of range */
		{ C_BAN, NULL, 0, 0 },
		{ M_MAX, NULL, 0, 0 },
		{ UINT32_MAX, NULL, 0, 0 },
		{ C_MONITOR, "four", 4, 0 },		/* nobody's here */
		{ 0, garbage, sizeof(garbage), 1 }
	};
	struct imsgbuf *raw;
	size_t i;

	(void)arg;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		make(ROLE_CLIENT, &raw);
		if (t[i].raw)
			assert_int_equal(write(imsg_fd(raw), t[i].data,
			    t[i].len), t[i].len);
		else
			say(raw, t[i].type, 0, t[i].data, t[i].len);
		turn();
		assert_int_equal(closed, i + 1);
		assert_int_equal(received, 0);
		imsg_free(raw);
	}
}

/* A descriptor that a client slips in is closed. */
static void
test_client_descriptor(void **arg)
{
	struct imsgbuf *raw;
	struct pollfd pfd;
	int fds[2];

	(void)arg;
	make(ROLE_CLIENT, &raw);
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(imsg_compose(raw, C_RELOAD, 0, fds[1], NULL, 0), 0);
	assert_int_equal(imsg_flush(raw), 0);
	turn();
	assert_int_equal(closed, 1);
	pfd = (struct pollfd){ .fd = fds[0] };
	assert_int_equal(poll(&pfd, 1, 0), 1);
	assert_true(pfd.revents & POLLHUP);
	close(fds[0]);
	imsg_free(raw);
}

/* A good client between: asked and answered. */
static void
test_client_good(void **arg)
{
	struct channel *ch;
	struct imsgbuf *raw;
	struct imsg m;

	(void)arg;
	ch = make(ROLE_CLIENT, &raw);
	say(raw, C_RELOAD, 9, NULL, 0);
	turn();
	assert_true(imsg_read(raw) > 0);
	assert_int_equal(imsg_get(raw, &m), 1);
	assert_int_equal(m.hdr.type, M_RESULT);
	assert_int_equal(m.hdr.id, 9);
	channel_free(ch);
	imsg_free(raw);
}

/* After its closed callback a channel that was kept drops what is sent. */
static void
test_kept_after_close(void **arg)
{
	struct channel *ch;
	struct imsgbuf *raw;

	(void)arg;
	ch = make(ROLE_ENFORCER, &raw);
	channel_onclosed(ch, on_closed_keep);
	imsg_free(raw);
	turn();
	assert_int_equal(closed, 1);
	channel_send(ch, M_COUNTERS_GET, 0, NULL, 0);
	assert_int_equal(channel_queued(ch), 0);
	turn();
	assert_int_equal(closed, 1);
	channel_free(ch);
}

/* What a peer said before it went is heard, though writing to it fails. */
static void
test_last_words(void **arg)
{
	struct channel *ch;
	struct imsgbuf *raw;
	struct wire_notice n = { .kind = NOTICE_DRIFT };

	(void)arg;
	ch = make(ROLE_ENFORCER, &raw);
	say(raw, M_NOTICE, 1, &n, sizeof(n));
	imsg_free(raw);
	channel_send(ch, M_COUNTERS_GET, 0, NULL, 0);
	turn();
	assert_int_equal(received, 1);
	assert_int_equal(closed, 1);
}

static void
test_drain(void **arg)
{
	struct channel *ch;
	struct imsgbuf *raw;
	struct msg_outcome o = { .text = "" };
	mono_t start;
	int i;

	(void)arg;
	ch = make(ROLE_CLIENT, &raw);
	for (i = 0; i < 2000; i++)
		channel_send(ch, M_RESULT, 0, &o, sizeof(o));
	start = mono_now();
	assert_int_equal(channel_drain(ch, 30), -1);
	assert_true(mono_since(start, mono_now()) >= 29);
	if (fork() == 0) {
		close(channel_fd(ch));
		while (imsg_read(raw) != 0) {
			struct imsg m;

			while (imsg_get(raw, &m) == 1)
				continue;
			usleep(100);
		}
		_exit(0);
	}
	assert_int_equal(channel_drain(ch, 60000), 0);
	assert_int_equal(channel_queued(ch), 0);
	channel_free(ch);
	imsg_free(raw);
	wait(NULL);
}

/* --- What must end the process --------------------------------------------*/

/* Runs fn in a process of its own: what it logged, if it ended by fatal(). */
static void
dies(void (*fn)(void), const char *cause)
{
	char text[1024];
	ssize_t n;
	int fds[2], status;
	pid_t pid;

	fflush(NULL);
	assert_int_equal(pipe(fds), 0);
	if ((pid = fork()) == 0) {
		dup2(fds[1], STDERR_FILENO);
		log_init(LOG_TO_STDERR, "test");
		fn();
		_exit(0);
	}
	close(fds[1]);
	n = read(fds[0], text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 1 ||
	    strstr(text, cause) == NULL)
		fail_msg("status %#x, '%s', not '%s'", status, text, cause);
}

static void
bad_sibling(void)
{
	struct imsgbuf *raw;

	make(ROLE_PARSER, &raw);
	say(raw, M_STOP, 0, NULL, 0);
	turn();
}

static void
short_sibling(void)
{
	struct imsgbuf *raw;

	make(ROLE_ENFORCER, &raw);
	say(raw, M_NOTICE, 0, "x", 1);
	turn();
}

static void
garbage_sibling(void)
{
	struct imsgbuf *raw;

	make(ROLE_ENFORCER, &raw);
	if (write(imsg_fd(raw), "0123456789abcdef", 16) == 16)
		turn();
}

static void
unhandled(void)
{
	struct imsgbuf *raw;

	make(ROLE_PARENT, &raw);
	say(raw, M_STOP, 0, NULL, 0);
	turn();
}

static void
parent_gone(void)
{
	struct imsgbuf *raw;

	make(ROLE_PARENT, &raw);
	imsg_free(raw);
	turn();
}

static void
parent_gone_sending(void)
{
	struct imsgbuf *raw;
	struct channel *ch = make(ROLE_PARENT, &raw);

	imsg_free(raw);
	channel_send(ch, M_RELOAD, 0, NULL, 0);
}

static void
wrong_state(void)
{
	struct imsgbuf *raw;
	int fds[2];

	proc_set_state(STATE_STOPPING);
	make(ROLE_PARENT, &raw);
	assert_int_equal(pipe(fds), 0);
	imsg_compose(raw, M_LISTENER, 0, fds[0], NULL, 0);
	imsg_flush(raw);
	turn();
}

static void
our_bug(void)
{
	struct imsgbuf *raw;
	struct channel *ch = make(ROLE_PARENT, &raw);

	channel_send(ch, M_STOP, 0, NULL, 0);
}

static void
deaf_sibling(void)
{
	static struct msg_decision d = { .ban.prefix = { AF_INET, 32, { 1 } } };
	struct imsgbuf *raw;
	struct channel *ch = make(ROLE_LEDGER, &raw);

	for (;;)
		channel_send(ch, M_DECISION, 0, &d, sizeof(d));
}

static void
test_fatal(void **arg)
{
	(void)arg;
	dies(bad_sibling, "parser sent M_STOP");
	dies(short_sibling, "enforcer sent M_NOTICE (");
	dies(garbage_sibling, "enforcer sent an unknown message");
	dies(unhandled, "parent sent M_STOP");
	dies(parent_gone, "the parent is gone");
	dies(parent_gone_sending, "the parent is gone");
	dies(wrong_state, "not in this state");
	dies(our_bug, "we would send M_STOP");
	dies(deaf_sibling, "ledger does not read");
}

#define T(fn)	cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		T(test_send_at_once),
		T(test_cork),
		T(test_receive),
		T(test_free_in_handler),
		T(test_pause),
		T(test_gone_while_paused),
		T(test_watermarks),
		T(test_idle),
		T(test_queue_bound),
		T(test_client_faults),
		T(test_client_descriptor),
		T(test_client_good),
		T(test_kept_after_close),
		T(test_last_words),
		T(test_drain),
		T(test_fatal)
	};

	signal(SIGPIPE, SIG_IGN);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("channel", tests, NULL, NULL);
}

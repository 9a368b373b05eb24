/* LINK: refract-enforcer/clear.o */
/*
 * What sockets a worker gets of the enforcer: those that a listener of this
 * configuration, or of the one before, needs, and no other.
 */
#include <sys/socket.h>

#include <netinet/in.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "channel.h"
#include "child.h"
#include "clear.h"
#include "conf.h"
#include "msg.h"

#ifndef IPV6_TRANSPARENT
#define IPV6_TRANSPARENT	75
#endif

/* A configuration, and the one before it. */
static struct made {
	struct conf			conf;
	struct conf_listener		listener;
	struct conf_relay		relay;
	struct conf_relay_server	server;
	struct conf_bind		place;
} made[2], *now = &made[0], *then = &made[1];

/* What was answered last. */
static unsigned int		 nsent;
static struct msg_mux_want	 answer;
static int			 answered = -1;
static size_t			 queued;	/* before it */

struct conf *
child_conf(void)
{
	return &now->conf;
}

struct conf *
child_conf_before(void)
{
	return &then->conf;
}

size_t
channel_queued(const struct channel *ch)
{
	(void)ch;
	return queued;
}

void
channel_send(struct channel *ch, uint32_t type, uint32_t id, const void *data,
    size_t len)
{
	channel_send_fd(ch, type, id, -1, data, len);
}

void
channel_send_fd(struct channel *ch, uint32_t type, uint32_t id, int fd,
    const void *data, size_t len)
{
	(void)ch;
	assert_int_equal(type, M_MUX_CLEARED);
	assert_int_equal(id, 5);
	assert_int_equal(len, sizeof(answer));
	memcpy(&answer, data, len);
	if (answered != -1)
		close(answered);
	answered = fd;
	nsent++;
}

/* One listener with one server; it is the configuration from now on. */
static void
load(uint8_t transparent, uint32_t mark, uint8_t tproxy, uint16_t port)
{
	struct made	*m = then;

	then = now;
	now = m;
	TAILQ_INIT(&m->conf.mux.listeners);
	TAILQ_INSERT_TAIL(&m->conf.mux.listeners, &m->listener, entry);
	m->listener.w.transparent = transparent;
	m->listener.relay = &m->relay;
	m->relay.w.tproxy = tproxy;
	TAILQ_INIT(&m->relay.servers);
	TAILQ_INSERT_TAIL(&m->relay.servers, &m->server, entry);
	m->server.w.mark = mark;
	TAILQ_INIT(&m->listener.binds);
	TAILQ_INSERT_TAIL(&m->listener.binds, &m->place, entry);
	m->place.w.port = port;
}

/* Nothing of another test's is there, of the one before neither. */
static int
setup(void **state)
{
	(void)state;
	load(0, 0, 0, 1);
	load(0, 0, 0, 1);
	return 0;
}

static void
ask(uint32_t kind, uint32_t mark, uint32_t count)
{
	struct msg_mux_want	m = { .kind = kind, .number = AF_INET,
	    .stream = SOCK_STREAM, .count = count, .mark = mark };

	nsent = 0;
	clear_sockets(NULL, 5, &m, sizeof(m), -1);
}

/* Without NET_ADMIN the kernel says EPERM, too: such a run shows nothing. */
static void
need_admin(void)
{
	int	on = 1, fd = socket(AF_INET, SOCK_STREAM, 0);

	if (setsockopt(fd, SOL_SOCKET, SO_MARK, &on, sizeof(on)) == -1) {
		close(fd);
		skip();
	}
	close(fd);
}

static int
option(int fd, int level, int name)
{
	int		value = -1;
	socklen_t	len = sizeof(value);

	return getsockopt(fd, level, name, &value, &len) == -1 ? -1 : value;
}

static void
test_marks(void **state)
{
	(void)state;
	need_admin();
	load(0, 0x1234, 0, 1);
	ask(MUX_WANT_MARK, 0x1234, 1);
	assert_int_equal(nsent, 1);
	assert_int_equal(option(answered, SOL_SOCKET, SO_MARK), 0x1234);
	assert_int_equal(option(answered, IPPROTO_IP, IP_TRANSPARENT), 0);
	ask(MUX_WANT_MARK, 0x1235, 1);
	assert_true(answered == -1 && answer.error == EPERM);
	ask(MUX_WANT_MARK, 0, 1);
	assert_true(answered == -1 && answer.error == EPERM);
}

static void
test_a_mark_is_not_transparent(void **state)
{
	(void)state;
	need_admin();
	load(0, 0x1234, 1, 1);
	ask(MUX_WANT_CLEAR, 0, 2);
	assert_int_equal(nsent, 2);
	assert_true(answered == -1 && answer.error == EPERM);
}

static void
test_transparent(void **state)
{
	(void)state;
	need_admin();
	load(1, 0, 0, 1);
	ask(MUX_WANT_CLEAR, 0, 1);
	assert_int_equal(option(answered, IPPROTO_IP, IP_TRANSPARENT), 1);
	assert_int_equal(option(answered, SOL_SOCKET, SO_MARK), 0);
	ask(MUX_WANT_CLEAR, 0, 1000);
	assert_int_equal(nsent, 64);
}

/* Who takes nothing has not all our descriptors wait for him. */
static void
test_not_taken(void **state)
{
	(void)state;
	need_admin();
	load(1, 0, 0, 1);
	queued = 1024 * 1024;
	ask(MUX_WANT_CLEAR, 0, 1);
	assert_int_equal(nsent, 1);
	assert_true(answered == -1 && answer.error == EBUSY);
	queued = 0;
	ask(MUX_WANT_CLEAR, 0, 1);
	assert_int_not_equal(answered, -1);
}

/* Connections of before a reload still join; of before two they do not. */
static void
test_before(void **state)
{
	(void)state;
	need_admin();
	load(1, 9, 0, 1);
	load(0, 0, 0, 1);
	ask(MUX_WANT_MARK, 9, 1);
	assert_int_equal(option(answered, SOL_SOCKET, SO_MARK), 9);
	ask(MUX_WANT_CLEAR, 0, 1);
	assert_int_not_equal(answered, -1);
	load(0, 0, 0, 1);
	ask(MUX_WANT_MARK, 9, 1);
	assert_true(answered == -1 && answer.error == EPERM);
	ask(MUX_WANT_CLEAR, 0, 1);
	assert_true(answered == -1 && answer.error == EPERM);
}

/* 1 if it was made transparent. */
static int
cleared(int fd)
{
	clear_listener(NULL, 0, NULL, 0, dup(fd));
	return option(fd, IPPROTO_IP, IP_TRANSPARENT);
}

static void
test_listeners(void **state)
{
	struct sockaddr_in	in = { .sin_family = AF_INET };
	socklen_t		len = sizeof(in);
	int			fd = socket(AF_INET, SOCK_STREAM, 0);

	(void)state;
	need_admin();
	assert_int_equal(bind(fd, (struct sockaddr *)&in, len), 0);
	getsockname(fd, (struct sockaddr *)&in, &len);
	load(0, 0, 1, ntohs(in.sin_port));
	assert_int_equal(cleared(fd), 0);	/* it does not listen */
	assert_int_equal(listen(fd, 1), 0);
	now->relay.w.tproxy = 0;
	assert_int_equal(cleared(fd), 0);
	now->relay.w.tproxy = 1;
	now->place.w.port++;
	assert_int_equal(cleared(fd), 0);
	now->place.w.port--;
	assert_int_equal(cleared(fd), 1);
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test_setup(test_marks, setup),
		cmocka_unit_test_setup(test_a_mark_is_not_transparent, setup),
		cmocka_unit_test_setup(test_transparent, setup),
		cmocka_unit_test_setup(test_not_taken, setup),
		cmocka_unit_test_setup(test_before, setup),
		cmocka_unit_test_setup(test_listeners, setup)
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

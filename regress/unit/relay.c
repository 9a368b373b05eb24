/*
 * The data path over real sockets with small buffers: what goes in comes out,
 * both ways at once, halves close one by one, a reset stays a reset, and who
 * does not read costs no memory.
 */
/* LINK: refract-mux/relay.o */
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <netinet/in.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "mux.h"
#include "poller.h"
#include "tap.h"

static struct conn		 c;
static struct listener		 listener;
static struct route		 route;
static struct member		 member;
static struct wire_listener	 wl;
static struct wire_route	 wr;
static struct shared_route	 sr;
static struct shared_member	 sm;
static int			 ended;		/* end_reason + 1 */
static uint64_t			 clock_ms = 1000000;
static int			 client, server;	/* the far ends */

/* What relay.c asks of others. */

void
conn_end(struct conn *conn, enum end_reason why)
{
	assert_ptr_equal(conn, &c);
	assert_int_equal(ended, 0);
	ended = (int)why + 1;
	relay_free(&c);
	close(c.client.fd);
	close(c.server.fd);
	c.client.fd = c.server.fd = -1;
}

void
conn_add_bytes(struct conn *conn)
{
	conn->told[0] = conn->bytes[0];
	conn->told[1] = conn->bytes[1];
}

void
side_reset(struct side *s)
{
	struct linger	hard = { 1, 0 };

	if (s->fd != -1)
		setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
}

void
poller_again(struct side *s, int out)
{
	s->out = out != 0;
}

void
tap_copy(struct conn *conn, int way, const uint8_t *p, size_t n)
{
	(void)conn;
	(void)way;
	(void)p;
	(void)n;
}

uint64_t
wheel_now(void)
{
	return clock_ms;
}

void
wheel_set(struct wheel_timer *t, uint64_t at)
{
	t->at = at;
}

void
wheel_clear(struct wheel_timer *t)
{
	t->at = 0;
}

/* A pair of TCP sockets with small buffers. */
static void
pair(int *near, int *far)
{
	struct sockaddr_in	sin = { .sin_family = AF_INET };
	socklen_t		len = sizeof(sin);
	int			s = socket(AF_INET, SOCK_STREAM, 0);
	int			size = 8192;

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(s, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	setsockopt(s, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	assert_int_equal(bind(s, (struct sockaddr *)&sin, sizeof(sin)), 0);
	assert_int_equal(listen(s, 1), 0);
	getsockname(s, (struct sockaddr *)&sin, &len);
	*far = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(*far, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	setsockopt(*far, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	assert_int_equal(connect(*far, (struct sockaddr *)&sin,
	    sizeof(sin)), 0);
	*near = accept4(s, NULL, NULL, SOCK_NONBLOCK);
	assert_int_not_equal(*near, -1);
	close(s);
}

static int
setup(void **state)
{
	(void)state;
	memset(&c, 0, sizeof(c));
	memset(&wl, 0, sizeof(wl));
	memset(&wr, 0, sizeof(wr));
	listener.w = &wl;
	route.w = &wr;
	route.shared = &sr;
	member.shared = &sm;
	c.l = &listener;
	c.r = &route;
	c.m = &member;
	c.active = c.began = clock_ms;
	c.state = CONN_RELAY;
	c.server.is_server = 1;
	ended = 0;
	pair(&c.client.fd, &client);
	pair(&c.server.fd, &server);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	if (!ended) {
		relay_free(&c);
		close(c.client.fd);
		close(c.server.fd);
	}
	close(client);
	close(server);
	return 0;
}

/* As if epoll had told of all that is there. */
static void
turn(void)
{
	int	i;

	for (i = 0; i < 2 && !ended; i++) {
		c.client.readable = c.server.readable = 1;
		c.client.writable = c.server.writable = 1;
		relay(&c);
	}
}

static uint8_t
byte_of(int way, uint64_t at)
{
	return (uint8_t)(at * 31 + at / 251 + (unsigned int)way * 7);
}

struct flow {
	int		 way, from, to;
	uint64_t	 sent, got, size;
	int		 shut, eof;
};

static void
push(struct flow *f)
{
	uint8_t		buf[5000];
	size_t		n, i, most = (size_t)random() % sizeof(buf) + 1;
	ssize_t		sent;

	if (f->sent == f->size) {
		if (!f->shut)
			shutdown(f->from, SHUT_WR);
		f->shut = 1;
		return;
	}
	n = f->size - f->sent < most ? f->size - f->sent : most;
	for (i = 0; i < n; i++)
		buf[i] = byte_of(f->way, f->sent + i);
	if ((sent = send(f->from, buf, n, MSG_DONTWAIT)) > 0)
		f->sent += (uint64_t)sent;
}

static void
pull(struct flow *f)
{
	uint8_t		buf[5000];
	ssize_t		n, i;

	n = recv(f->to, buf, (size_t)random() % sizeof(buf) + 1,
	    MSG_DONTWAIT);
	if (n == 0)
		f->eof = 1;
	for (i = 0; i < n; i++)
		if (buf[i] != byte_of(f->way, f->got + (uint64_t)i))
			fail_msg("byte %llu is another",
			    (unsigned long long)(f->got + (uint64_t)i));
	if (n > 0)
		f->got += (uint64_t)n;
}

static void
test_both_ways(void **state)
{
	struct flow	in = { WAY_IN, client, server, 0, 0, 3000000, 0, 0 };
	struct flow	out = { WAY_OUT, server, client, 0, 0, 1000000, 0, 0 };
	unsigned int	i;

	(void)state;
	srandom(2);
	for (i = 0; i < 10000000 && !(in.eof && out.eof); i++) {
		switch (random() % 5) {
		case 0:
			push(&in);
			break;
		case 1:
			push(&out);
			break;
		case 2:
			pull(&in);
			break;
		case 3:
			pull(&out);
			break;
		default:
			turn();
		}
	}
	assert_int_equal(in.got, in.size);
	assert_int_equal(out.got, out.size);
	turn();
	assert_int_equal(ended, END_CLOSED + 1);
	assert_int_equal(c.bytes[WAY_IN], in.size);
	assert_int_equal(c.bytes[WAY_OUT], out.size);
}

static void
test_half_close(void **state)
{
	char	buf[16];

	(void)state;
	assert_int_equal(send(client, "ask", 3, 0), 3);
	shutdown(client, SHUT_WR);
	turn();
	assert_int_equal(recv(server, buf, sizeof(buf), 0), 3);
	assert_int_equal(recv(server, buf, sizeof(buf), 0), 0);
	assert_int_equal(ended, 0);
	assert_int_equal(send(server, "answer", 6, 0), 6);
	turn();
	assert_int_equal(recv(client, buf, sizeof(buf), 0), 6);
	close(server);
	turn();
	assert_int_equal(recv(client, buf, sizeof(buf), 0), 0);
	assert_int_equal(ended, END_CLOSED + 1);
	server = -1;
}

static void
reset(int *fd)
{
	struct linger	hard = { 1, 0 };

	setsockopt(*fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	close(*fd);
	*fd = -1;
}

static void
test_reset(void **state)
{
	char	buf[16];

	(void)state;
	reset(&client);
	turn();
	assert_int_equal(ended, END_CLIENT + 1);
	assert_int_equal(recv(server, buf, sizeof(buf), 0), -1);
	assert_int_equal(errno, ECONNRESET);
}

static void
test_reset_server(void **state)
{
	char	buf[16];

	(void)state;
	reset(&server);
	turn();
	assert_int_equal(ended, END_SERVER + 1);
	assert_int_equal(recv(client, buf, sizeof(buf), 0), -1);
	assert_int_equal(errno, ECONNRESET);
}

/* The server does not read; the client goes.  It is not waited for. */
static void
test_reset_stuck(void **state)
{
	char	buf[65536] = "";
	int	i;

	(void)state;
	for (i = 0; i < 200; i++) {
		if (send(client, buf, sizeof(buf), MSG_DONTWAIT) == -1 &&
		    i > 100)
			break;
		turn();
	}
	assert_int_equal(c.server.writable, 0);
	reset(&client);
	c.client.readable = c.client.ended = c.client.broken = 1;
	relay(&c);
	assert_int_equal(ended, END_CLIENT + 1);
}

/* What one does not take is held once, and not more and more. */
static void
test_backpressure(void **state)
{
	char		buf[65536] = "";
	uint32_t	held = 0;
	int		i, left;

	(void)state;
	for (i = 0; i < 2000; i++) {
		send(client, buf, sizeof(buf), MSG_DONTWAIT);
		turn();
		if (held == 0)
			held = c.server.npending;
		assert_true(c.server.npending <= 256 * 1024);
	}
	/* It waits in the kernel, whose window tells the sender. */
	assert_int_equal(ioctl(c.client.fd, FIONREAD, &left), 0);
	assert_true(left > 0);
	/* What was held has gone: from then on it is little. */
	for (i = 0; i < 100000; i++) {
		recv(server, buf, 1000, MSG_DONTWAIT);
		turn();
		if (c.server.npending == 0)
			break;
	}
	for (left = 1; left > 0;) {
		recv(server, buf, 1000, MSG_DONTWAIT);
		turn();
		assert_true(c.server.npending <= 16 * 1024);
		ioctl(c.client.fd, FIONREAD, &left);
	}
	for (i = 0; i < 100; i++) {
		recv(server, buf, sizeof(buf), MSG_DONTWAIT);
		turn();
	}
	assert_null(c.server.pending);
	assert_int_equal(c.client.npending, 0);
}

static void
test_times(void **state)
{
	(void)state;
	wl.idle = 5000;
	wl.half_closed = 2000;
	turn();
	assert_int_equal(c.timer.at, clock_ms + 5000);
	shutdown(client, SHUT_WR);
	turn();
	assert_int_equal(c.timer.at, clock_ms + 2000);
	clock_ms += 1000;
	assert_int_equal(send(server, "x", 1, 0), 1);
	turn();
	clock_ms += 1500;
	c.timer.at = 0;
	relay_timer(&c);
	assert_int_equal(ended, 0);
	clock_ms += 600;
	relay_timer(&c);
	assert_int_equal(ended, END_HALF + 1);
}

static void
test_bandwidth(void **state)
{
	char	buf[65536] = "";

	(void)state;
	wl.bandwidth = 64;	/* KiB/s */
	send(client, buf, 30000, MSG_DONTWAIT);
	turn();
	assert_int_equal(c.paused, 1);
	assert_true(c.bytes[WAY_IN] > 0 && c.bytes[WAY_IN] < 10000);
	turn();
	assert_true(c.bytes[WAY_IN] < 10000);
	usleep(150000);
	turn();
	assert_true(c.bytes[WAY_IN] > 8000 && c.bytes[WAY_IN] < 20000);
}

int
main(void)
{
#define T(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest	tests[] = {
		T(test_both_ways), T(test_half_close), T(test_reset),
		T(test_reset_server), T(test_reset_stuck),
		T(test_backpressure), T(test_times), T(test_bandwidth),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

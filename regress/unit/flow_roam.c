/*
 * What a client of QUIC is known by: which ids are noted, when, and which a
 * stranger's datagrams cannot make ours.
 */
/* LINK: refract-mux/flow_roam.o refract-mux/probe/quic_header.o */
/* LINK: refract-mux/probe/udp.o refract-mux/probe/quic_crypto.o */
/* LIBS: -lnettle */
#include <sys/socket.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "flow.h"
#include "known.h"
#include "probe/refract-probe.h"
#include "shared.h"

#define ID	8
#define HASH	7

static struct wire_listener	wire = { .hash = HASH, .plen4 = 32,
				    .plen6 = 64 };
static struct wire_route	wire_routes[2];
static struct route		routes[2];
static struct listener		listener = { .w = &wire };
static struct wire_member	wire_members[3];
static struct member		members[3];
static struct pool		*pools[2] = { (struct pool *)&members[0],
				    (struct pool *)&members[1] };
static uint64_t			now;

/* What flow_roam.c calls. */

uint64_t
wheel_now(void)
{
	return now;
}

struct member *
pool_member(struct pool *p, uint32_t slot)
{
	(void)p;
	return slot < 3 ? &members[slot] : NULL;
}

int
member_is_up(const struct member *m)
{
	(void)m;
	return 1;
}

static int
setup(void **state)
{
	int		fd = shared_create();
	unsigned int	i;

	(void)state;
	assert_int_not_equal(fd, -1);
	assert_int_equal(shared_map(fd), 0);
	close(fd);
	for (i = 0; i < 3; i++) {
		wire_members[i].slot = i;
		members[i].w = &wire_members[i];
	}
	for (i = 0; i < 2; i++) {
		wire_routes[i].slot = i;
		wire_routes[i].probe = RP_QUIC;
		wire_routes[i].action = ROUTE_TO;
		routes[i].w = &wire_routes[i];
		routes[i].pool = pools[i];
	}
	listener.routes.list = routes;
	listener.routes.n = 2;
	listener.routes.asks_quic = 1;
	listener.routes.otherwise = NULL;
	now = 100000;
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	shared_unmap();
	return 0;
}

/* A flow of QUIC from an address, with a member. */
static struct flow
flow_with(const char *from, unsigned int member)
{
	struct flow	f;

	memset(&f, 0, sizeof(f));
	assert_int_equal(prefix_parse(&f.c.from, from), 0);
	f.c.l = &listener;
	f.c.r = &routes[0];
	f.c.m = &members[member];
	f.c.proto = RP_QUIC;
	f.c.active = now;
	return f;
}

/* A short header to an id of this byte; fixed: its fixed bit. */
static struct datagram
short_packet(uint8_t id, size_t n, int fixed)
{
	static uint8_t	buf[1500];
	struct datagram	d = { .p = buf, .n = n };

	memset(buf, 0x55, sizeof(buf));
	memset(buf + 1, id, ID);
	buf[0] = fixed ? 0x41 : 0x01;
	return d;
}

/* A Handshake: an Initial's keys would have to be right. */
static struct datagram
long_packet(uint8_t to, uint8_t from)
{
	static uint8_t	buf[80];		/* length: one byte */
	struct datagram	d = { .p = buf, .n = sizeof(buf) };

	memset(buf, 0, sizeof(buf));
	memcpy(buf, "\xe0\0\0\0\1\10", 6);
	memset(buf + 6, to, ID);
	buf[14] = ID;
	memset(buf + 15, from, ID);
	buf[23] = sizeof(buf) - 24;
	return d;
}

static void
says(struct flow *f, struct datagram d)
{
	roam_confirm(f, &d);
	f->c.active = now;
}

static void
hears(struct flow *f, struct datagram d)
{
	roam_learn(f, &d);
	f->c.active = now;
}

/* The member whose it is, or -1. */
static int
is_known(uint8_t id)
{
	struct flow	f = flow_with("198.51.100.99", 0);
	struct datagram	d = short_packet(id, 40, 1);
	struct member	*m;
	struct route	*r;

	f.c.proto = 0;
	return roam_known(&f, &d, &r, &m) ? (int)m->w->slot : -1;
}

/* A client whose server has chosen this. */
static struct flow
begun(const char *from, unsigned int member, uint8_t id)
{
	struct flow	f = flow_with(from, member);

	hears(&f, long_packet(0xcc, id));
	says(&f, long_packet(id, 0xcc));
	return f;
}

static void
test_chosen(void **state)
{
	struct flow	f = flow_with("192.0.2.1", 1);

	(void)state;
	hears(&f, long_packet(0xcc, 0xa1));
	assert_int_equal(is_known(0xa1), -1);
	says(&f, long_packet(0xbb, 0xcc));	/* somebody's guess */
	assert_int_equal(is_known(0xa1), -1);
	says(&f, long_packet(0xa1, 0xcc));
	assert_int_equal(is_known(0xa1), 1);
	assert_int_equal(is_known(0xbb), -1);
}

/* An id that was sent encrypted: said, and answered. */
static void
test_another(void **state)
{
	struct flow	f = begun("192.0.2.1", 1, 0xa1);

	(void)state;
	now += 2000;
	says(&f, short_packet(0xa1, 40, 1));
	says(&f, short_packet(0xa1, 40, 1));
	says(&f, short_packet(0xa2, 40, 1));	/* once in a second */
	hears(&f, short_packet(0xcc, 30, 1));
	assert_int_equal(is_known(0xa2), -1);
	now += 2000;
	says(&f, short_packet(0xa1, 40, 1));
	says(&f, short_packet(0xa2, 40, 1));
	assert_int_equal(is_known(0xa2), -1);
	hears(&f, short_packet(0xcc, 30, 1));
	assert_int_equal(is_known(0xa2), 1);
	assert_int_equal(is_known(0xa1), 1);
}

/* With a flow of ours, and another's id, which somebody has seen. */
static void
test_theft(void **state)
{
	struct flow	his = begun("192.0.2.1", 1, 0xa1);
	struct flow	mine = begun("192.0.2.66", 2, 0xb1);

	(void)state;
	now += 5000;
	says(&mine, short_packet(0xb1, 40, 1));
	says(&mine, short_packet(0xa1, 40, 1));
	hears(&mine, short_packet(0xcc, 1200, 1));
	assert_int_equal(is_known(0xa1), 1);
	says(&his, short_packet(0xa1, 40, 1));
	assert_int_equal(is_known(0xa1), 1);
}

/* Guessed: where its address was; known when more than a reset comes. */
static void
test_guess(void **state)
{
	struct flow	f, first = begun("192.0.2.1", 2, 0xa1);
	struct datagram	d = short_packet(0xa7, 1200, 1);
	struct member	*m;
	struct route	*r;

	(void)state;
	(void)first;
	f = flow_with("192.0.2.2", 0);
	assert_int_equal(roam_guess(&f, &d, &r, &m), 0);
	f = flow_with("192.0.2.1", 0);
	assert_int_equal(roam_guess(&f, &d, &r, &m), 1);
	assert_ptr_equal(m, &members[2]);
	f.c.m = m;
	says(&f, d);
	hears(&f, short_packet(0xcc, 60, 1));
	assert_int_equal(is_known(0xa7), -1);
	hears(&f, short_packet(0xcc, 1200, 1));
	assert_int_equal(is_known(0xa7), 2);
	now += 301000;
	f = flow_with("192.0.2.1", 0);
	assert_int_equal(roam_guess(&f, &d, &r, &m), 0);
}

/* RFC 9287: whoever hides the bit is known by that. */
static void
test_greased(void **state)
{
	struct flow	f, first = begun("192.0.2.1", 2, 0xa1);
	struct datagram	d = short_packet(0xa7, 1200, 0);
	struct member	*m;
	struct route	*r;

	(void)state;
	f = flow_with("192.0.2.1", 0);
	assert_int_equal(roam_guess(&f, &d, &r, &m), 0);
	says(&first, short_packet(0xa1, 40, 0));
	d = short_packet(0xa7, 1200, 0);
	assert_int_equal(roam_guess(&f, &d, &r, &m), 1);
	assert_ptr_equal(m, &members[2]);
	d = short_packet(0xa1, 40, 0);
	assert_int_equal(roam_known(&f, &d, &r, &m), 1);
}

/* Nothing is known: the only pool there is. */
static void
test_only(void **state)
{
	struct flow	f = flow_with("192.0.2.1", 0);
	struct datagram	d = short_packet(0xa7, 40, 1);
	struct member	*m;
	struct route	*r;

	(void)state;
	assert_int_equal(roam_guess(&f, &d, &r, &m), 0);
	routes[1].pool = pools[0];
	assert_int_equal(roam_guess(&f, &d, &r, &m), 1);
	assert_ptr_equal(r, &routes[0]);
	assert_null(m);
	d = short_packet(0xa7, 20, 1);
	assert_int_equal(roam_guess(&f, &d, &r, &m), 0);
	d = short_packet(0xa7, 40, 0);
	assert_int_equal(roam_guess(&f, &d, &r, &m), 1);
	listener.routes.otherwise = &routes[1];
	assert_int_equal(roam_guess(&f, &d, &r, &m), 0);
	d = short_packet(0xa7, 40, 1);
	assert_int_equal(roam_guess(&f, &d, &r, &m), 1);
}

#define T(t)	cmocka_unit_test_setup_teardown(t, setup, teardown)

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		T(test_chosen), T(test_another), T(test_theft),
		T(test_guess), T(test_greased), T(test_only)
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

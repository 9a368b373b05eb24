/*
 * The table of flows under random sequences, with a plain list beside it; what
 * is known of clients that move; ports.
 */
/* LINK: refract-mux/flow_table.o */
#include <sys/socket.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "flow_table.h"
#include "known.h"
#include "shared.h"

#define KEYS	6000
#define STEPS	300000

static struct flow_entry	all[KEYS];
static int			is_in[KEYS];	/* the model */

/* Neighbours: addresses, ports and binds that differ by a bit. */
static void
make_key(struct flow_key *k, unsigned int i)
{
	memset(k, 0, sizeof(*k));
	k->from.family = i & 1 ? AF_INET6 : AF_INET;
	k->from.plen = i & 1 ? 128 : 32;
	k->from.addr[3] = (uint8_t)(i >> 1);
	k->to = k->from;
	k->to.addr[0] = (uint8_t)(i >> 9 & 1);
	k->port = (uint16_t)(1000 + (i >> 10 & 3));
	k->bind = (uint16_t)(i >> 12);
}

static void
check_all(const struct flow_table *t)
{
	struct flow_key	k;
	unsigned int	i, n = 0;

	for (i = 0; i < KEYS; i++) {
		make_key(&k, i);
		assert_ptr_equal(flow_table_find(t, &k), is_in[i] ? &all[i] :
		    NULL);
		n += (unsigned int)is_in[i];
	}
	assert_int_equal(t->n, n);
}

static void
test_table(void **state)
{
	struct flow_table	t;
	unsigned int		i, step;

	(void)state;
	assert_int_equal(flow_table_init(&t), 0);
	for (i = 0; i < KEYS; i++)
		make_key(&all[i].key, i);
	for (step = 0; step < STEPS; step++) {
		i = (unsigned int)rand() % KEYS;
		if (is_in[i])
			flow_table_remove(&t, &all[i]);
		else
			flow_table_add(&t, &all[i]);
		is_in[i] = !is_in[i];
		if (step % 30000 == 0)
			check_all(&t);
	}
	check_all(&t);
	assert_true(t.nrows >= 2048);
	flow_table_clear(&t);
}

static int
setup(void **state)
{
	int	fd = shared_create();

	(void)state;
	assert_int_not_equal(fd, -1);
	assert_int_equal(shared_map(fd), 0);
	close(fd);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	shared_unmap();
	return 0;
}

static void
test_known(void **state)
{
	struct known_way	way = { 4095, 4094 }, got = { 0, 0 };
	uint8_t			id[KNOWN_ID_MAX] = { 1, 2, 3, 4, 5, 6, 7, 8 };

	(void)state;
	assert_int_equal(known_find(7, KNOWN_QUIC, id, 8, &got, 1000), 0);
	known_add(7, KNOWN_QUIC, id, 8, &way, 1000);
	assert_int_equal(known_find(7, KNOWN_QUIC, id, 8, &got, 2000), 1);
	assert_int_equal(got.route, 4095);
	assert_int_equal(got.member, 4094);
	assert_int_equal(known_lengths(), 1 << 8);
	/* Another listener, kind, length or byte is another id. */
	assert_int_equal(known_find(8, KNOWN_QUIC, id, 8, &got, 2000), 0);
	assert_int_equal(known_find(7, KNOWN_WIREGUARD, id, 8, &got, 2000),
	    0);
	assert_int_equal(known_find(7, KNOWN_QUIC, id, 9, &got, 2000), 0);
	id[7] ^= 1;
	assert_int_equal(known_find(7, KNOWN_QUIC, id, 8, &got, 2000), 0);
	id[7] ^= 1;
	/* It is used, so it stays; then it is forgotten. */
	assert_int_equal(known_find(7, KNOWN_QUIC, id, 8, &got, 3601000), 1);
	assert_int_equal(known_find(7, KNOWN_QUIC, id, 8, &got, 7202000), 0);
	assert_int_equal(known_find(7, KNOWN_QUIC, id, 21, &got, 1000), 0);
	/* Of each member, how long its ids are. */
	assert_int_equal(known_length(4094), 8);
	assert_int_equal(known_length(4093), 0);
	assert_int_equal(known_length(MUX_MEMBERS_MAX), 0);
}

/* Who notes it and who asks have clocks of their own. */
static void
test_known_clocks(void **state)
{
	struct known_way	way = { 1, 2 }, got;
	uint32_t		id = 77;

	(void)state;
	known_add(3, KNOWN_WIREGUARD, &id, sizeof(id), &way, 10004);
	assert_int_equal(known_find(3, KNOWN_WIREGUARD, &id, sizeof(id),
	    &got, 10000), 1);
	/* Over the end of 32 bits. */
	known_add(3, KNOWN_WIREGUARD, &id, sizeof(id), &way, UINT32_MAX - 5);
	assert_int_equal(known_find(3, KNOWN_WIREGUARD, &id, sizeof(id),
	    &got, UINT32_MAX + 100ULL), 1);
}

/* An address is somebody else's soon, and asking does not keep it. */
static void
test_known_address(void **state)
{
	struct known_way	way = { 5, 6 }, got;
	struct prefix		p;

	(void)state;
	assert_int_equal(prefix_parse(&p, "192.0.2.1"), 0);
	known_add(3, KNOWN_ADDRESS, &p, sizeof(p), &way, 1000);
	assert_int_equal(known_find(3, KNOWN_ADDRESS, &p, sizeof(p), &got,
	    300000), 1);
	assert_int_equal(got.member, 6);
	assert_int_equal(known_find(3, KNOWN_GREASED, &p, sizeof(p), &got,
	    300000), 0);
	assert_int_equal(known_find(3, KNOWN_ADDRESS, &p, sizeof(p), &got,
	    302000), 0);
}

/* A crowd of them: whoever was seen last is still there. */
static void
test_known_crowd(void **state)
{
	struct known_way	way, got;
	unsigned int		i, lost = 0;

	(void)state;
	for (i = 0; i < 400000; i++) {
		way.route = i % MUX_ROUTES_MAX;
		way.member = i % 4093;
		known_add(1, KNOWN_WIREGUARD, &i, sizeof(i), &way, 1000 + i);
	}
	for (i = 0; i < 400000; i++) {
		if (!known_find(1, KNOWN_WIREGUARD, &i, sizeof(i), &got,
		    500000)) {
			lost += i >= 390000;
			continue;
		}
		assert_int_equal(got.route, i % MUX_ROUTES_MAX);
		assert_int_equal(got.member, i % 4093);
	}
	assert_int_equal(lost, 0);
}

static void
test_ports(void **state)
{
	_Atomic uint32_t	of_sources = 0;
	uint32_t		range = known_ports_range();
	unsigned int		n = 0, m = 0;

	(void)state;
	while (known_ports_take(known_ports(), 1))
		n++;
	assert_true(n >= 100 && n <= 32768);
	assert_int_equal(known_ports_take(known_ports(), 1), 0);
	known_ports_give(known_ports());
	assert_int_equal(known_ports_take(known_ports(), 1), 1);
	assert_int_equal(known_ports_take(known_ports(), 1), 0);
	/* With sources there are as many of each. */
	for (; known_ports_take(&of_sources, 3); m++)
		;
	assert_int_equal(m, 3 * n);
	assert_int_equal((range >> 16) - (range & 0xffff) + 1, n);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test_setup_teardown(test_known, setup, teardown),
		cmocka_unit_test_setup_teardown(test_known_clocks, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_known_address, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_known_crowd, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_ports, setup, teardown)
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * The shared table: limits hold for all processes together, nothing in it is
 * believed, and a histogram's percentiles.
 */
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared.h"

static struct wire_listener	l;

static int
setup(void **state)
{
	int	fd = shared_create();

	(void)state;
	assert_int_not_equal(fd, -1);
	assert_int_equal(shared_map(fd), 0);
	close(fd);
	memset(&l, 0, sizeof(l));
	l.hash = 42;
	l.slot = 3;
	l.connections = 1000000;
	l.plen4 = 32;
	l.plen6 = 64;
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	shared_unmap();
	return 0;
}

static struct prefix
addr(const char *s)
{
	struct prefix	p;

	assert_int_equal(addr_parse(&p, s, strlen(s)), 0);
	return p;
}

static enum admitted
admit(const char *s, uint64_t now, ticket_t *t)
{
	struct prefix	p = addr(s);
	ticket_t	mine;

	return shared_admit(&l, &p, now, t == NULL ? &mine : t);
}

static void
leave(const char *s, ticket_t t)
{
	struct prefix	p = addr(s);

	shared_leave(&l, &p, t);
}

static void
test_connections(void **state)
{
	ticket_t	t;

	(void)state;
	l.connections = 2;
	assert_int_equal(admit("192.0.2.1", 1, &t), ADMITTED);
	assert_int_equal(admit("192.0.2.2", 1, NULL), ADMITTED);
	assert_int_equal(admit("192.0.2.3", 1, NULL), LIMIT_CONNECTIONS);
	leave("192.0.2.1", t);
	assert_int_equal(admit("192.0.2.3", 1, NULL), ADMITTED);
	assert_int_equal(shared_listener(3)->connections, 2);
	assert_int_equal(shared_listener(3)->total, 3);
	assert_int_equal(shared_listener(3)->limited[0], 1);
}

/* An attacker's /64 is one address, an IPv4 address another each. */
static void
test_address(void **state)
{
	ticket_t	t;

	(void)state;
	l.per_address = 2;
	assert_int_equal(admit("2001:db8::1", 1, &t), ADMITTED);
	assert_int_equal(admit("2001:db8::2", 1, NULL), ADMITTED);
	assert_int_equal(admit("2001:db8::3", 1, NULL), LIMIT_ADDRESS);
	assert_int_equal(admit("2001:db8:0:1::3", 1, NULL), ADMITTED);
	leave("2001:db8::1", t);
	assert_int_equal(admit("2001:db8::4", 1, NULL), ADMITTED);
	assert_int_equal(admit("192.0.2.1", 1, NULL), ADMITTED);
	assert_int_equal(admit("192.0.2.2", 1, NULL), ADMITTED);
}

static void
test_rate(void **state)
{
	unsigned int	i, n = 0;

	(void)state;
	l.rate = 10;
	for (i = 0; i < 100; i++)
		n += admit("192.0.2.1", 1000, NULL) == ADMITTED;
	assert_int_equal(n, 10);
	assert_int_equal(admit("192.0.2.2", 1000, NULL), ADMITTED);
	for (n = i = 0; i < 100; i++)
		n += admit("192.0.2.1", 1500, NULL) == ADMITTED;
	assert_int_equal(n, 5);
}

/* Several processes at once: never more than the limit. */
static void
test_processes(void **state)
{
	unsigned int	i, k, n, total = 0;
	int		status;

	(void)state;
	l.per_address = 100;
	for (k = 0; k < 4; k++) {
		if (fork() != 0)
			continue;
		for (n = i = 0; i < 60; i++)
			n += admit("192.0.2.9", 1, NULL) == ADMITTED;
		_exit((int)n);
	}
	for (k = 0; k < 4; k++) {
		assert_true(wait(&status) > 0);
		total += (unsigned int)WEXITSTATUS(status);
	}
	assert_int_equal(total, 100);
	assert_int_equal(shared_listener(3)->connections, 100);
}

/* Full of those who are connected: who comes is let in, and not counted. */
static void
test_full(void **state)
{
	char		 text[32];
	unsigned int	 i;
	ticket_t	 t;

	(void)state;
	l.per_address = 1;
	for (i = 0; i < 600000; i++) {
		snprintf(text, sizeof(text), "10.%u.%u.%u", i >> 16,
		    i >> 8 & 255, i & 255);
		assert_int_equal(admit(text, 1, &t), ADMITTED);
		if (t == 0)
			break;
	}
	assert_int_equal(t, 0);
	leave(text, t);
	assert_true(i > 1000);
}

static void
test_offence(void **state)
{
	struct wire_offence	o = { .kind = OFFENCE_UNKNOWN, .times = 3,
	    .within = 1000, .ban = 1 };
	struct prefix		p = addr("192.0.2.1"), q = addr("192.0.2.2");

	(void)state;
	assert_int_equal(shared_offended(&l, &o, &p, 5000), 0);
	assert_int_equal(shared_offended(&l, &o, &p, 5100), 0);
	assert_int_equal(shared_offended(&l, &o, &q, 5100), 0);
	assert_int_equal(shared_offended(&l, &o, &p, 5200), 1);
	/* counted anew */
	assert_int_equal(shared_offended(&l, &o, &p, 5300), 0);
	/* and forgotten */
	assert_int_equal(shared_offended(&l, &o, &p, 60000), 0);
	assert_int_equal(shared_offended(&l, &o, &p, 120000), 0);
	assert_int_equal(shared_offended(&l, &o, &p, 180000), 0);
}

static void
test_slots(void **state)
{
	(void)state;
	assert_null(shared_listener(MUX_LISTENERS_MAX));
	assert_null(shared_route(MUX_ROUTES_MAX));
	assert_null(shared_member(MUX_MEMBERS_MAX));
	assert_null(shared_pool(MUX_POOLS_MAX));
	atomic_store(&shared_listener(3)->total, 7);
	shared_clear_listener(3);
	assert_int_equal(shared_listener(3)->total, 0);
}

/* A descriptor that is no table of ours. */
static void
test_foreign(void **state)
{
	int	fd = memfd_create("x", 0);

	(void)state;
	assert_int_equal(shared_map(fd), -1);
	assert_int_equal(ftruncate(fd, 100000000), 0);
	assert_int_equal(shared_map(fd), -1);
	close(fd);
}

static void
test_hist(void **state)
{
	static struct hist	h;
	uint64_t		us, got;

	(void)state;
	assert_int_equal(hist_permille(&h, 500), 0);
	for (us = 1; us < ((uint64_t)1 << 27); us += us / 7 + 1) {
		got = hist_value(hist_bucket(us));
		assert_true(got * 100 >= us * 80 && got * 100 <= us * 120);
	}
	hist_add(&h, UINT64_MAX);
	memset(&h, 0, sizeof(h));
	for (us = 1; us <= 1000; us++)
		hist_add(&h, us);
	got = hist_permille(&h, 500);
	assert_true(got > 400 && got < 600);
	got = hist_permille(&h, 990);
	assert_true(got > 800 && got < 1200);
}

int
main(void)
{
#define T(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest	tests[] = {
		T(test_connections), T(test_address), T(test_rate),
		T(test_processes), T(test_full), T(test_offence),
		T(test_slots), T(test_foreign), T(test_hist),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

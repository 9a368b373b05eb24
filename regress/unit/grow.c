/* LINK: refract-parser/grow.o */
/*
 * How often somebody was banned, and how long the next ban is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "conf.h"
#include "grow.h"

#define T0	1700000000000LL
#define MINUTE	60000LL

static struct prefix
prefix(const char *text)
{
	struct prefix	p;

	assert_int_equal(prefix_parse(&p, text), 0);
	return p;
}

static int
setup(void **state)
{
	(void)state;
	grow_init();
	grow_clear();
	return 0;
}

static void
test_span(void **state)
{
	(void)state;
	assert_int_equal(grow_span(MINUTE, 2000, 0, 9), MINUTE);
	assert_int_equal(grow_span(MINUTE, 2000, 60 * MINUTE, 0), MINUTE);
	assert_int_equal(grow_span(MINUTE, 2000, 60 * MINUTE, 1), 2 * MINUTE);
	assert_int_equal(grow_span(MINUTE, 2000, 60 * MINUTE, 5), 32 * MINUTE);
	assert_int_equal(grow_span(MINUTE, 2000, 60 * MINUTE, 6), 60 * MINUTE);
	assert_int_equal(grow_span(MINUTE, 1500, 60 * MINUTE, 2), 135000);
	assert_int_equal(grow_span(MINUTE, 2000, 60 * MINUTE, UINT32_MAX),
	    60 * MINUTE);
	assert_int_equal(grow_span(MINUTE, 2000, SPAN_FOREVER, 100),
	    SPAN_FOREVER);
	assert_int_equal(grow_span(MINUTE, 1000000, SPAN_FOREVER, 100),
	    SPAN_FOREVER);
	assert_int_equal(grow_span(SPAN_FOREVER, 2000, SPAN_FOREVER, 3),
	    SPAN_FOREVER);
	/* so little more that it is nothing */
	assert_int_equal(grow_span(1, 1001, MINUTE, UINT32_MAX), 1);
	assert_int_equal(grow_span(MINUTE, 1000, 60 * MINUTE, 5), MINUTE);
}

static void
test_count(void **state)
{
	struct prefix	a = prefix("203.0.113.7"), b = prefix("2001:db8::/64");

	(void)state;
	assert_int_equal(grow_count(1, &a), 0);
	grow_add(1, &a, T0, 9);
	grow_add(1, &a, T0 + 1, 9);
	grow_add(2, &a, T0 + 2, 9);
	grow_add(2, &b, T0 + 3, 9);
	assert_int_equal(grow_count(1, &a), 2);
	assert_int_equal(grow_count(2, &a), 1);
	assert_int_equal(grow_count(3, &a), 0);
	assert_int_equal(grow_count(0, &a), 3);
	assert_int_equal(grow_count(1, &b), 0);
	assert_int_equal(grow_count(0, &b), 1);
}

static void
test_known(void **state)
{
	struct wire_growth	g = { .watch = 5, .count = 4, .last = T0 };

	(void)state;
	g.prefix = prefix("192.0.2.1");
	grow_known(&g);
	grow_add(5, &g.prefix, T0 + 1, 1);
	assert_int_equal(grow_count(5, &g.prefix), 5);
	assert_int_equal(grow_count(0, &g.prefix), 5);
	g.count = UINT32_MAX;
	grow_known(&g);
	assert_int_equal(grow_count(5, &g.prefix), UINT32_MAX);
}

static void
test_forgive(void **state)
{
	struct prefix		a = prefix("203.0.113.7");
	struct prefix		b = prefix("203.0.113.9");
	struct msg_target	t = { .port = 0 };

	(void)state;
	grow_add(1, &a, T0, watch_hash("alice"));
	grow_add(2, &a, T0, watch_hash("alice"));
	grow_add(1, &b, T0, watch_hash("bob"));
	t.prefix = prefix("203.0.113.0/29");
	grow_forgive(&t, 1, WALL_FOREVER);
	assert_int_equal(grow_count(1, &a), 0);
	assert_int_equal(grow_count(2, &a), 1);
	assert_int_equal(grow_count(1, &b), 1);
	memset(&t, 0, sizeof(t));
	strlcpy(t.user, "bob", sizeof(t.user));
	grow_forgive(&t, 0, WALL_FOREVER);
	assert_int_equal(grow_count(1, &b), 0);
	assert_int_equal(grow_count(2, &a), 1);
	memset(&t, 0, sizeof(t));
	grow_forgive(&t, 0, WALL_FOREVER);
	assert_int_equal(grow_count(2, &a), 0);
}

/* Many more than there is room for: the latest are remembered. */
static void
test_bound(void **state)
{
	struct prefix	p = prefix("10.0.0.0");
	uint32_t	i, n = 600000, found = 0;

	(void)state;
	for (i = 0; i < n; i++) {
		memcpy(p.addr, &i, sizeof(i));
		grow_add(1, &p, T0 + i, 1);
		assert_int_equal(grow_count(1, &p), 1);
	}
	for (i = n - 20000; i < n; i++) {
		memcpy(p.addr, &i, sizeof(i));
		found += grow_count(1, &p);
	}
	assert_true(found > 19000);
}

int
main(void)
{
	static const struct CMUnitTest	tests[] = {
		cmocka_unit_test_setup(test_span, setup),
		cmocka_unit_test_setup(test_count, setup),
		cmocka_unit_test_setup(test_known, setup),
		cmocka_unit_test_setup(test_forgive, setup),
		cmocka_unit_test_setup(test_bound, setup)
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

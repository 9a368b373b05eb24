/*
 * Durations and wall times as text.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "clock.h"

#define S	INT64_C(1000)
#define M	(60 * S)
#define H	(60 * M)
#define D	(24 * H)
#define W	(7 * D)
#define Y	(365 * D)

static void
test_parse(void **arg)
{
	static const struct {
		const char	*text;
		span_t		 span;
	} good[] = {
		{ "90s", 90 * S }, { "5m", 5 * M }, { "48h", 48 * H },
		{ "4w", 4 * W }, { "1h30m", 90 * M }, { "250ms", 250 },
		{ "0s", 0 }, { "1y", Y }, { "1y2w3d4h5m6s7ms",
		    Y + 2 * W + 3 * D + 4 * H + 5 * M + 6 * S + 7 },
		{ "5m1ms", 5 * M + 1 }, { "forever", SPAN_FOREVER },
		{ "9223372036854775806ms", INT64_MAX - 1 }
	};
	static const char *const bad[] = {
		"", "5", "s", "5x", "5 s", " 5s", "5s ", "-5s", "+5s", "5S",
		"1m1h", "1s1s", "5sm", "1.5h", "forever ", "ever", "5mss",
		"9223372036854775807ms", "9223372036854775808ms",
		"99999999999999999999s", "292471209y", "1h30", "0x5s"
	};
	size_t i;
	span_t span;

	(void)arg;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		if (span_parse(&span, good[i].text) == -1)
			fail_msg("%s", good[i].text);
		assert_int_equal(span, good[i].span);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		span = 77;
		if (span_parse(&span, bad[i]) != -1)
			fail_msg("'%s' is read", bad[i]);
		assert_int_equal(span, 77);
	}
}

static void
test_print(void **arg)
{
	static const struct {
		span_t		 span;
		const char	*text;
	} t[] = {
		{ 90 * S, "90s" }, { M, "1m" }, { 48 * H, "2d" },
		{ 4 * W, "4w" }, { 90 * M, "90m" }, { 250, "250ms" },
		{ 0, "0s" }, { 7 * D, "1w" }, { 24 * H, "1d" },
		{ Y, "1y" }, { SPAN_FOREVER, "forever" },
		{ D + 1, "1d1ms" }, { 100 * M, "100m" }, { 1500, "1500ms" }
	};
	char buf[SPAN_STRLEN];
	size_t i;

	(void)arg;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		assert_string_equal(span_print(t[i].span, buf), t[i].text);
}

static void
test_print_parse(void **arg)
{
	char buf[SPAN_STRLEN];
	span_t span, back;
	int i;

	(void)arg;
	srandom(1);
	for (i = 0; i < 2000; i++) {
		span = (span_t)random() << (random() % 32);
		span += random() % 1000;
		assert_int_equal(span_parse(&back, span_print(span, buf)), 0);
		assert_int_equal(span, back);
	}
	assert_int_equal(span_parse(&back, span_print(INT64_MAX - 1, buf)),
	    0);
	assert_int_equal(back, INT64_MAX - 1);
}

static void
test_human(void **arg)
{
	static const struct {
		span_t		 span;
		const char	*text;
	} t[] = {
		{ H + 59 * M + 59 * S, "1h 59m" }, { 250, "250ms" },
		{ 1500, "1s" }, { 61 * S, "1m 1s" }, { M, "1m" },
		{ 4 * W, "4w" }, { 4 * W + H, "4w" }, { 30 * D, "4w 2d" },
		{ 0, "0s" }, { -5, "0s" }, { SPAN_FOREVER, "forever" },
		{ 10 * Y + 3 * W, "10y 3w" }, { 23 * H, "23h" }
	};
	char buf[SPAN_STRLEN];
	size_t i;

	(void)arg;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		assert_string_equal(span_human(t[i].span, buf), t[i].text);
	span_human(INT64_MAX - 1, buf);
	assert_true(strlen(buf) < SPAN_STRLEN);
}

static void
test_wall(void **arg)
{
	char buf[WALL_STRLEN];

	(void)arg;
	setenv("TZ", "UTC", 1);
	tzset();
	assert_string_equal(wall_print(0, buf),
	    "1970-01-01T00:00:00.000+00:00");
	assert_string_equal(wall_print(-1, buf),
	    "1969-12-31T23:59:59.999+00:00");
	setenv("TZ", "<+0530>-5:30", 1);
	tzset();
	assert_string_equal(wall_print(INT64_C(1795000000123), buf),
	    "2026-11-18T16:36:40.123+05:30");
	setenv("TZ", "<-03>3", 1);
	tzset();
	assert_string_equal(wall_print(INT64_C(1795000000123), buf),
	    "2026-11-18T08:06:40.123-03:00");
	assert_string_equal(wall_print(WALL_FOREVER, buf), "forever");
	wall_print(INT64_MAX - 1, buf);
	wall_print(INT64_MIN, buf);
}

static void
test_add(void **arg)
{
	(void)arg;
	assert_int_equal(wall_add(5, 6), 11);
	assert_int_equal(wall_add(WALL_FOREVER, -1), WALL_FOREVER);
	assert_int_equal(wall_add(5, SPAN_FOREVER), WALL_FOREVER);
	assert_int_equal(wall_add(INT64_MAX - 5, 6), WALL_FOREVER);
	assert_int_equal(wall_add(5, -6), -1);
}

static void
test_mono(void **arg)
{
	mono_t a = mono_now(), b;

	(void)arg;
	nanosleep(&(struct timespec){ 0, 3000000 }, NULL);
	b = mono_now();
	assert_true(mono_since(a, b) >= 2);
	assert_int_equal(mono_since(a, b), -mono_since(b, a));
	assert_true(wall_now() > INT64_C(1700000000000));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_print),
		cmocka_unit_test(test_print_parse),
		cmocka_unit_test(test_human),
		cmocka_unit_test(test_wall),
		cmocka_unit_test(test_add),
		cmocka_unit_test(test_mono)
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}

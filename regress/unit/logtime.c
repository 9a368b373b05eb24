/* LINK: refract-parser/logtime.o refract-parser/zone.o */
/*
 * What moment a date stands for: offsets, zones from TZif bytes, hours that
 * are shown twice or never.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "logtime.h"

#define TZDIR	"/usr/share/zoneinfo"

static size_t
read_tz(const char *name, uint8_t *buf, size_t size)
{
	char	 path[256];
	FILE	*f;
	size_t	 n;

	snprintf(path, sizeof(path), "%s/%s", TZDIR, name);
	if ((f = fopen(path, "r")) == NULL)
		return 0;
	n = fread(buf, 1, size, f);
	fclose(f);
	return n;
}

static struct zone *
named(const char *name)
{
	static uint8_t	 buf[8192];
	char		 why[ZONE_WHY_LEN];
	size_t		 n = read_tz(name, buf, sizeof(buf));

	if (n == 0)
		return NULL;
	return zone_new(name, buf, n, why);
}

static logtime_t
parse(struct logtime *lt, const char *s, wall_t now, logtime_t last)
{
	logtime_t	t;

	if (logtime_parse(lt, s, strlen(s), now, last, &t) == -1)
		fail_msg("%s is no date", s);
	return t;
}

static void
test_dates(void **state)
{
	static const char	*bad[] = {
		"", "2024/02/30", "2024-02-03 10:00:00", "2024/13/01 10:00:00",
		"2024/00/01 10:00:00", "2024/01/00 10:00:00",
		"2024/01/01 24:00:00", "2024/01/01 10:60:00",
		"2024/01/01 10:00:61", "2024/01/01 10:00:0x",
		"2024/01/01 10:00:00,5", "2024/01/01 10:00:00.5x",
		"1969/12/31 23:59:59", "x024/01/01 10:00:00"
	};
	struct logtime	 lt;
	char		 why[ZONE_WHY_LEN];
	struct zone	*z = zone_new("UTC", NULL, 0, why);
	logtime_t	 t;
	size_t		 i;

	(void)state;
	assert_non_null(z);
	logtime_init(&lt, z);
	assert_int_equal(parse(&lt, "1970/01/01 00:00:00", 0, 0), 0);
	assert_int_equal(parse(&lt, "2024/02/29 23:59:59", 0, 0),
	    1709251199000);
	assert_int_equal(parse(&lt, "2024/02/29 23:59:59.067799", 0, 0),
	    1709251199067);
	assert_int_equal(parse(&lt, "2024/02/29 23:59:58.5", 0, 0),
	    1709251198500);
	assert_int_equal(parse(&lt, "2024/02/29 23:59:58.123456789", 0, 0),
	    1709251198123);
	assert_int_equal(parse(&lt, "2024/03/01 00:00:00", 0, 0),
	    1709251200000);
	assert_int_equal(parse(&lt, "2100/03/01 00:00:00", 0, 0),
	    4107542400000);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (logtime_parse(&lt, bad[i], strlen(bad[i]), 0, 0, &t) == 0)
			fail_msg("%s is a date", bad[i]);
	zone_free(z);
}

static void
test_fixed(void **state)
{
	static const struct {
		const char	*name;
		int		 offset;	/* -1: refused */
	} zones[] = {
		{ "UTC", 0 }, { "GMT", 0 }, { "Z", 0 }, { "+03:00", 10800 },
		{ "+0330", 12600 }, { "-03:30", -12600 }, { "+3", 10800 },
		{ "UTC+3", 10800 }, { "UTC-05:00", -18000 }, { "+14", 50400 },
		{ "+15", -1 }, { "+03:60", -1 }, { "+", -1 }, { "03:00", -1 },
		{ "Mars/Olympus", -1 }, { "+03:0", -1 }, { "+03:000", -1 }
	};
	char		 why[ZONE_WHY_LEN];
	struct zone	*z;
	size_t		 i;

	(void)state;
	for (i = 0; i < sizeof(zones) / sizeof(zones[0]); i++) {
		z = zone_new(zones[i].name, NULL, 0, why);
		if (zones[i].offset == -1) {
			assert_null(z);
			assert_non_null(strstr(why, zones[i].name));
			continue;
		}
		assert_non_null(z);
		assert_int_equal(zone_offset(z, 0), zones[i].offset);
		zone_free(z);
	}
}

/* Berlin, 2024-10-27: 02:00 to 03:00 is shown twice; 2024-03-31: never. */
static void
test_dst(void **state)
{
	struct zone	*z = named("Europe/Berlin");
	struct logtime	 lt;
	logtime_t	 t;

	(void)state;
	if (z == NULL) {
		print_message("# SKIP: no tzdata here\n");
		skip();
	}
	logtime_init(&lt, z);
	/* A log that is caught up on, in order: summer, then winter. */
	t = parse(&lt, "2024/10/27 01:59:59", 0, 0);
	assert_int_equal(t, 1729987199000);
	t = parse(&lt, "2024/10/27 02:00:00", 0, t);
	assert_int_equal(t, 1729987200000);
	t = parse(&lt, "2024/10/27 02:59:59", 0, t);
	assert_int_equal(t, 1729990799000);
	t = parse(&lt, "2024/10/27 02:59:30", 0, t);	/* out of order */
	assert_int_equal(t, 1729990770000);
	t = parse(&lt, "2024/10/27 02:00:00", 0, t);
	assert_int_equal(t, 1729990800000);
	t = parse(&lt, "2024/10/27 02:10:00", 0, t);
	assert_int_equal(t, 1729991400000);
	t = parse(&lt, "2024/10/27 02:59:59", 0, t);
	assert_int_equal(t, 1729994399000);
	t = parse(&lt, "2024/10/27 03:00:00", 0, t);
	assert_int_equal(t, 1729994400000);
	/* A live line: what is nearer to the clock. */
	assert_int_equal(parse(&lt, "2024/10/27 02:30:00", 1729989005000, t),
	    1729989000000);
	assert_int_equal(parse(&lt, "2024/10/27 02:30:00", 1729992605000, 0),
	    1729992600000);
	/* What is never shown: as if the clock had not been set forward. */
	assert_int_equal(parse(&lt, "2024/03/31 01:59:59", 0, 0),
	    1711846799000);
	assert_int_equal(parse(&lt, "2024/03/31 02:30:00", 0, 0),
	    1711848600000);
	assert_int_equal(parse(&lt, "2024/03/31 03:00:00", 0, 0),
	    1711846800000);
	zone_free(z);
}

/* Ours against libc's, every few hours of a hundred years. */
static void
compare(const char *name)
{
	struct zone	*z = named(name);
	struct tm	 tm;
	time_t		 t;

	if (z == NULL)
		fail_msg("%s cannot be read", name);
	setenv("TZ", name, 1);
	tzset();
	for (t = -1000000000; t < 4000000000; t += 7 * 86400 + 3607) {
		localtime_r(&t, &tm);
		if (zone_offset(z, t) != tm.tm_gmtoff)
			fail_msg("%s at %lld: %d, libc says %ld", name,
			    (long long)t, zone_offset(z, t), tm.tm_gmtoff);
	}
	zone_free(z);
}

static void
test_libc(void **state)
{
	static const char	*names[] = {
		"Europe/Berlin", "America/New_York", "Australia/Lord_Howe",
		"Asia/Tehran", "Asia/Kolkata", "Africa/Casablanca",
		"America/Sao_Paulo", "Pacific/Apia", "Asia/Shanghai",
		"Europe/Moscow", "America/Nuuk", "Africa/Cairo", "Etc/UTC",
		"Asia/Gaza", "Antarctica/Troll", "America/St_Johns",
		"Pacific/Auckland", "Europe/Dublin", "Asia/Jerusalem"
	};
	static uint8_t	 buf[8192];
	size_t		 i;

	(void)state;
	if (read_tz("Europe/Berlin", buf, sizeof(buf)) == 0) {
		print_message("# SKIP: no tzdata here\n");
		skip();
	}
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		compare(names[i]);
	setenv("TZ", "UTC", 1);
	tzset();
}

/* The host's own zone, by libc. */
static void
test_local(void **state)
{
	struct logtime	 lt;
	struct zone	*z;
	char		 why[ZONE_WHY_LEN];

	(void)state;
	setenv("TZ", "XST-5:30", 1);
	tzset();
	assert_non_null(z = zone_new("", NULL, 0, why));
	logtime_init(&lt, z);
	assert_int_equal(parse(&lt, "1970/01/01 05:30:01", 0, 0), 1000);
	zone_free(z);
	setenv("TZ", "UTC", 1);
	tzset();
}

/* The footer's other forms, in a file made by hand. */
static struct zone *
made(const char *posix)
{
	uint8_t	 buf[300] = { 0 };
	size_t	 n = 44 + 7;
	char	 why[ZONE_WHY_LEN];

	memcpy(buf, "TZif2", 5);
	buf[39] = 1;		/* one type, */
	buf[43] = 1;		/* one byte of names */
	memcpy(buf + n, buf, 44);
	n += 44 + 7;
	n += (size_t)snprintf((char *)buf + n, sizeof(buf) - n, "\n%s\n",
	    posix);
	return zone_new("made", buf, n, why);
}

static void
test_footers(void **state)
{
	static const char	*good[] = {
		"UTC0", "<-03>3", "CET-1CEST,M3.5.0,M10.5.0/3",
		"IST-2IDT,M3.4.4/26,M10.5.0", "EST5EDT,J60/0,J300/-1",
		"XXX3YYY2:30,59,300", "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0",
		"AAA-24:59:59"
	};
	static const char	*bad[] = {
		"C1", "CET", "CET-1CEST", "CET-1CEST,M3.5.0",
		"CET-1CEST,M3.5.0,M13.5.0", "CET-1CEST,M3.6.0,M10.5.0",
		"CET-1CEST,M3.5.7,M10.5.0", "CET-1CEST,Q3,Q4", "CET-200",
		"CET-1CEST,M3.5.0,M10.5.0x", "<CET-1"
	};
	struct zone	*z;
	struct tm	 tm;
	time_t		 t;
	size_t		 i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		if ((z = made(good[i])) == NULL)
			fail_msg("%s was refused", good[i]);
		setenv("TZ", good[i], 1);
		tzset();
		for (t = 0; t < 4000000000; t += 86400 + 3607) {
			localtime_r(&t, &tm);
			if (zone_offset(z, t) != tm.tm_gmtoff)
				fail_msg("%s at %lld: %d, libc says %ld",
				    good[i], (long long)t, zone_offset(z, t),
				    tm.tm_gmtoff);
		}
		zone_free(z);
	}
	setenv("TZ", "UTC", 1);
	tzset();
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (made(bad[i]) != NULL)
			fail_msg("%s was taken", bad[i]);
}

/* A damaged file is refused or read, never read beyond its end. */
static void
test_damaged(void **state)
{
	static uint8_t	 buf[8192];
	uint8_t		*copy;
	char		 why[ZONE_WHY_LEN];
	size_t		 i, n = read_tz("Europe/Berlin", buf, sizeof(buf));
	struct zone	*z;
	int64_t		 at[2];

	(void)state;
	for (i = 0; i < n; i++) {
		assert_non_null(copy = malloc(i + 1));
		memcpy(copy, buf, i);
		if ((z = zone_new("x", copy, i, why)) != NULL) {
			zone_moments(z, 1700000000, at);
			zone_free(z);
		}
		free(copy);
	}
	srandom(3);
	for (i = 0; n > 0 && i < 20000; i++) {
		assert_non_null(copy = malloc(n));
		memcpy(copy, buf, n);
		copy[random() % (long)n] = (uint8_t)random();
		copy[random() % 60] = (uint8_t)random();
		if ((z = zone_new("x", copy, n, why)) != NULL) {
			zone_moments(z, 1700000000, at);
			zone_free(z);
		}
		free(copy);
	}
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_dates), cmocka_unit_test(test_fixed),
		cmocka_unit_test(test_dst), cmocka_unit_test(test_libc),
		cmocka_unit_test(test_local), cmocka_unit_test(test_footers),
		cmocka_unit_test(test_damaged)
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

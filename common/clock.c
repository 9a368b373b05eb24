/*
 * The clocks, and durations and wall times as text.  The log's own stamps are
 * read by the parser.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "clock.h"

static const struct unit {
	const char	*name;
	int64_t		 ms;
} units[] = {
	{ "y", 365 * INT64_C(86400000) },
	{ "w", 7 * INT64_C(86400000) },
	{ "d", INT64_C(86400000) },
	{ "h", 3600000 },
	{ "m", 60000 },
	{ "s", 1000 },
	{ "ms", 1 }
};

#define NUNITS	(sizeof(units) / sizeof(units[0]))

static int64_t
clock_ms(clockid_t which)
{
	struct timespec ts;

	clock_gettime(which, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

mono_t
mono_now(void)
{
	return (mono_t){ clock_ms(CLOCK_MONOTONIC) };
}

span_t
mono_since(mono_t then, mono_t now)
{
	return now.ms - then.ms;
}

wall_t
wall_now(void)
{
	return clock_ms(CLOCK_REALTIME);
}

wall_t
wall_add(wall_t when, span_t span)
{
	wall_t sum;

	if (when == WALL_FOREVER || span == SPAN_FOREVER)
		return WALL_FOREVER;
	if (__builtin_add_overflow(when, span, &sum))
		return span > 0 ? WALL_FOREVER : INT64_MIN;
	return sum;
}

/* Read digits into *n: how many there were, 0 too if they overflow. */
static size_t
span_digits(int64_t *n, const char *s)
{
	size_t i;

	*n = 0;
	for (i = 0; s[i] >= '0' && s[i] <= '9'; i++)
		if (__builtin_mul_overflow(*n, 10, n) ||
		    __builtin_add_overflow(*n, s[i] - '0', n))
			return 0;
	return i;
}

/* The unit that s begins with, from `least` on; NUNITS if there is none. */
static size_t
span_unit(const char *s, size_t least)
{
	size_t i, len = strspn(s, "abcdefghijklmnopqrstuvwxyz");

	for (i = least; i < NUNITS; i++)
		if (strlen(units[i].name) == len &&
		    strncmp(units[i].name, s, len) == 0)
			break;
	return i;
}

int
span_parse(span_t *span, const char *s)
{
	int64_t n, total = 0;
	size_t len, unit, least = 0;

	if (strcmp(s, "forever") == 0) {
		*span = SPAN_FOREVER;
		return 0;
	}
	do {
		if ((len = span_digits(&n, s)) == 0)
			return -1;
		s += len;
		if ((unit = span_unit(s, least)) == NUNITS)
			return -1;
		s += strlen(units[unit].name);
		least = unit + 1;
		if (__builtin_mul_overflow(n, units[unit].ms, &n) ||
		    __builtin_add_overflow(total, n, &total))
			return -1;
	} while (*s != '\0');
	/* The greatest number means for ever and must be said so. */
	if (total == SPAN_FOREVER)
		return -1;
	*span = total;
	return 0;
}

/* Write span with the units of mask alone: its length, 0 if not exact. */
static size_t
span_try(span_t span, unsigned int mask, char buf[SPAN_STRLEN * 2])
{
	size_t i, len = 0;

	for (i = 0; i < NUNITS; i++) {
		if ((mask & (1u << i)) == 0)
			continue;
		if (span < units[i].ms)
			return 0;
		len += (size_t)snprintf(buf + len, SPAN_STRLEN * 2 - len,
		    "%lld%s", (long long)(span / units[i].ms), units[i].name);
		span %= units[i].ms;
	}
	return span == 0 ? len : 0;
}

/* "90s" is shorter than "1m30s": all 127 ways are tried, great units first. */
const char *
span_print(span_t span, char buf[SPAN_STRLEN])
{
	char try[SPAN_STRLEN * 2];
	size_t len, best = SPAN_STRLEN;
	unsigned int mask;

	if (span == SPAN_FOREVER)
		return memcpy(buf, "forever", sizeof("forever"));
	memcpy(buf, "0s", sizeof("0s"));
	for (mask = 1; span > 0 && mask < 1u << NUNITS; mask++)
		if ((len = span_try(span, mask, try)) != 0 && len < best) {
			best = len;
			memcpy(buf, try, len + 1);
		}
	return buf;
}

const char *
span_human(span_t span, char buf[SPAN_STRLEN])
{
	const struct unit *u, *second;

	if (span == SPAN_FOREVER)
		return memcpy(buf, "forever", sizeof("forever"));
	for (u = units; u < &units[NUNITS - 1] && span < u->ms; u++)
		continue;
	second = u + 1;
	if (span <= 0)
		memcpy(buf, "0s", sizeof("0s"));
	else if (u->ms <= 1000 || span % u->ms / second->ms == 0)
		snprintf(buf, SPAN_STRLEN, "%d%s", (int)(span / u->ms),
		    u->name);
	else
		snprintf(buf, SPAN_STRLEN, "%d%s %d%s", (int)(span / u->ms),
		    u->name, (int)(span % u->ms / second->ms), second->name);
	return buf;
}

const char *
wall_print(wall_t when, char buf[WALL_STRLEN])
{
	struct tm tm;
	time_t t;
	char day[WALL_STRLEN - 12], zone[8] = "";
	int ms;

	if (when == WALL_FOREVER)
		return memcpy(buf, "forever", sizeof("forever"));
	t = (time_t)(when / 1000);
	if ((ms = (int)(when % 1000)) < 0) {
		ms += 1000;
		t--;
	}
	if (localtime_r(&t, &tm) == NULL ||
	    strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm) == 0)
		return memcpy(buf, "-", sizeof("-"));
	/* RFC 3339, 5.6 wants +01:00, strftime(3) has +0100. */
	strftime(zone, sizeof(zone), "%z", &tm);
	snprintf(buf, WALL_STRLEN, "%s.%03d%.3s:%.2s", day, ms, zone,
	    zone + 3);
	return buf;
}

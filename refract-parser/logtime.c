/*
 * Dates of log lines.  The calendar is here, the zones are in zone.c.
 */
#include <string.h>

#include "logtime.h"

#define BACKWARDS	60000	/* lines may be this much out of order, ms */

void
logtime_init(struct logtime *lt, const struct zone *z)
{
	memset(lt, 0, sizeof(*lt));
	lt->zone = z;
}

/* n digits, or -1. */
static int
number(const char *p, size_t n)
{
	int	v = 0;

	for (; n > 0; n--, p++) {
		if (*p < '0' || *p > '9')
			return -1;
		v = v * 10 + (*p - '0');
	}
	return v;
}

/* "YYYY/MM/DD HH:MM" as a clock shows it, in seconds; or -1. */
static int64_t
shown(const char *p)
{
	int	year = number(p, 4), month = number(p + 5, 2);
	int	day = number(p + 8, 2), hour = number(p + 11, 2);
	int	minute = number(p + 14, 2);

	if (p[4] != '/' || p[7] != '/' || p[10] != ' ' || p[13] != ':' ||
	    year < 1970 || month < 1 || month > 12 || day < 1 || day > 31 ||
	    hour < 0 || hour > 23 || minute < 0 || minute > 59)
		return -1;
	return zone_days(year, (unsigned int)month, (unsigned int)day) *
	    86400 + hour * 3600 + minute * 60;
}

static int64_t
distance(int64_t a, int64_t b)
{
	return a < b ? b - a : a - b;
}

logtime_t
logtime_choose(const int64_t at[2], int64_t ms, wall_t now, logtime_t last)
{
	int64_t	first = at[0] * 1000 + ms, second = at[1] * 1000 + ms;

	if (now != 0)
		return distance(first, now) <= distance(second, now) ?
		    first : second;
	return last == 0 || first >= last - BACKWARDS ? first : second;
}

/* ".ffffff" in ms; what is finer than that is cut. */
static int
fraction(const char *p, size_t n)
{
	int	ms = 0, unit = 100;

	if (n == 0)
		return 0;
	if (*p != '.' || n > 10)
		return -1;
	for (p++, n--; n > 0; n--, p++, unit /= 10) {
		if (*p < '0' || *p > '9')
			return -1;
		ms += (*p - '0') * unit;
	}
	return ms;
}

int
logtime_parse(struct logtime *lt, const char *p, size_t n, wall_t now,
    logtime_t last, logtime_t *out)
{
	int64_t	at[2], local;
	int	seconds, ms;

	if (n < 19 || p[16] != ':' || (seconds = number(p + 17, 2)) == -1 ||
	    seconds > 60 || (ms = fraction(p + 19, n - 19)) == -1)
		return -1;
	ms += seconds * 1000;
	if (memcmp(p, lt->minute, sizeof(lt->minute)) == 0) {
		*out = lt->base + ms;
		return 0;
	}
	if ((local = shown(p)) == -1)
		return -1;
	if (zone_moments(lt->zone, local, at) == 2) {
		*out = logtime_choose(at, ms, now, last);
		return 0;
	}
	memcpy(lt->minute, p, sizeof(lt->minute));
	lt->base = at[0] * 1000;
	*out = lt->base + ms;
	return 0;
}

/*
 * From the numbers of a date to a moment: the calendar, and what a date that
 * does not say all of it means.  The zones are in zone.c.
 */
#include <string.h>

#include "datemoment.h"
#include "logtime.h"

#define DAY		86400
#define LEAD_YEAR	DAY	/* a date without a year may be ahead by */
#define LEAD_DAY	60	/* ... and one without a day */
#define NEVER		INT64_MIN

void
date_parts_clear(struct date_parts *p)
{
	memset(p, 0, sizeof(*p));
	p->year = p->month = p->day = -1;
	p->yday = p->wday = p->week = p->iso_year = p->iso_week = -1;
}

static int
is_leap(int year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* year -1: of any. */
static int
days_in(int year, int month)
{
	static const int8_t	days[] = {
		31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31
	};

	return days[month - 1] + (month == 2 && (year == -1 || is_leap(year)));
}

int
date_parts_valid(const struct date_parts *p)
{
	if (p->hour < 0 || p->hour > 23 || p->minute < 0 || p->minute > 59 ||
	    p->second < 0 || p->second > 61)
		return 0;
	if (p->month == -1)
		return p->day == -1 || (p->day >= 1 && p->day <= 31);
	if (p->month < 1 || p->month > 12)
		return 0;
	return p->day == -1 ||
	    (p->day >= 1 && p->day <= days_in(p->year, p->month));
}

void
moment_init(struct moment *m, const struct zone *z)
{
	memset(m, 0, sizeof(*m));
	m->zone = z;
	m->minute = m->today = NEVER;
}

/* What the calendar shows at now. */
static void
set_today(struct moment *m, wall_t now)
{
	int64_t	days, minute = now / 60000;
	int	month;

	if (m->today == minute)
		return;
	m->today = minute;
	m->offset = zone_offset(m->zone, now / 1000);
	days = (minute * 60 + m->offset) / DAY;
	m->year = (int32_t)(1970 + days / 366);
	while (zone_days(m->year + 1, 1, 1) <= days)
		m->year++;
	days -= zone_days(m->year, 1, 1);
	for (month = 1; days >= days_in(m->year, month); month++)
		days -= days_in(m->year, month);
	m->month = month;
	m->day = (int32_t)days + 1;
}

static int64_t
seconds_of(const struct date_parts *p)
{
	return p->hour * 3600 + p->minute * 60 + p->second;
}

static int64_t
day_number(int year, int month, int day)
{
	return zone_days(year, (unsigned int)month, (unsigned int)day);
}

/* Monday is 0; 1970-01-01 was a Thursday. */
static int
weekday(int64_t day)
{
	return (int)((day % 7 + 10) % 7);
}

/* The day of a year by its number, or by week and weekday; NEVER. */
static int64_t
day_by_week(const struct date_parts *p, int year)
{
	int64_t	first = day_number(year, 1, 1);
	int	since, to;

	if (p->yday != -1)
		return p->yday <= 365 + is_leap(year) ? first + p->yday - 1 :
		    NEVER;
	if (p->iso_week != -1 && p->iso_year != -1 && p->wday != -1) {
		/* Week 1 is that of January 4. */
		first = day_number(p->iso_year, 1, 4);
		return first - weekday(first) + (p->iso_week - 1) * 7 +
		    p->wday;
	}
	if (p->week == -1 || p->wday == -1)
		return NEVER;
	/* Days since the week's first: of January 1, and of that day. */
	since = (weekday(first) - p->week_from + 7) % 7;
	to = (p->wday - p->week_from + 7) % 7;
	/* Week 1 begins with the year's first such day. */
	return first - since + (since > 0 ? p->week : p->week - 1) * 7 + to;
}

/* The latest year that keeps it before the limit; Feb 29 may go far back. */
static int64_t
without_year(const struct moment *m, const struct date_parts *p, int64_t limit)
{
	int64_t	day;
	int	year;

	for (year = m->year + 1; year > m->year - 9; year--) {
		if (p->day > days_in(year, p->month))
			continue;
		day = day_number(year, p->month, p->day);
		if (day * DAY + seconds_of(p) <= limit)
			return day;
	}
	return NEVER;
}

/* Of today, or the day before that has it (a day of the month alone too). */
static int64_t
without_month(const struct moment *m, const struct date_parts *p, int64_t now)
{
	int64_t	day;

	if (p->day != -1) {
		day = day_number(m->year, m->month, p->day);
		if (p->day <= days_in(m->year, m->month) &&
		    day * DAY + seconds_of(p) <= now + LEAD_YEAR)
			return day;
		if (m->month == 1)
			return day_number(m->year - 1, 12, p->day);
		return p->day <= days_in(m->year, m->month - 1) ?
		    day_number(m->year, m->month - 1, p->day) : NEVER;
	}
	day = (now + LEAD_DAY) / DAY;
	return day * DAY + seconds_of(p) <= now + LEAD_DAY ? day : day - 1;
}

/* What is not said is taken from now. */
static int64_t
guess_day(struct moment *m, const struct date_parts *given, wall_t now)
{
	struct date_parts	p = *given;
	int64_t			day, local;

	set_today(m, now);
	local = now / 1000 + (p.zoned ? p.offset : m->offset);
	if (p.month != -1 && p.day == -1)
		p.day = 1;
	if (p.month == -1 || p.day == -1) {
		day = day_by_week(&p, p.year == -1 ? m->year : p.year);
		if (day != NEVER && p.year == -1 && p.iso_year == -1 &&
		    day * DAY + seconds_of(&p) > local + LEAD_YEAR)
			day = day_by_week(&p, m->year - 1);
		if (day != NEVER || p.yday != -1)
			return day;
	}
	if (p.year == -1)
		return p.month != -1 ?
		    without_year(m, &p, local + LEAD_YEAR) :
		    without_month(m, &p, local);
	if (p.month == -1) {
		p.month = p.day == -1 ? m->month : 1;
		p.day = p.day == -1 ? m->day : p.day;
	}
	return p.day > days_in(p.year, p.month) ? NEVER :
	    day_number(p.year, p.month, p.day);
}

/* A minute that a clock shows once is looked up once. */
static int64_t
in_zone(struct moment *m, int64_t local, int64_t us, int live, wall_t now,
    logtime_t last)
{
	int64_t	at[2], minute = local / 60, ms;

	ms = local % 60 * 1000 + us / 1000;
	if (minute != m->minute) {
		if (zone_moments(m->zone, minute * 60, at) == 2)
			return logtime_choose(at, ms, live ? now : 0, last);
		m->minute = minute;
		m->base = at[0];
	}
	return m->base * 1000 + ms;
}

int
moment_of(struct moment *m, const struct date_parts *p, int live, wall_t now,
    logtime_t last, logtime_t *at)
{
	int64_t	day;

	if (p->absolute) {
		*at = p->epoch / 1000;
		return 0;
	}
	if (p->year != -1 && p->month != -1 && p->day != -1)
		day = day_number(p->year, p->month, p->day);
	else if ((day = guess_day(m, p, now)) == NEVER)
		return -1;
	day = day * DAY + seconds_of(p);
	if (day < 0)
		return -1;
	*at = p->zoned ? (day - p->offset) * 1000 + p->us / 1000 :
	    in_zone(m, day, p->us, live, now, last);
	return 0;
}

/*
 * Abbreviations that are common in logs, in quarters of an hour.  Several
 * places share some of them: then the one that fail2ban knows.
 */
static const struct {
	char	name[6];
	int8_t	quarters;
} zones[] = {
	{ "ACDT", 42 }, { "ACST", 38 }, { "ADT", -12 }, { "AEDT", 44 },
	{ "AEST", 40 }, { "AKDT", -32 }, { "AKST", -36 }, { "ART", -12 },
	{ "AST", -16 }, { "AWST", 32 }, { "BRST", -8 }, { "BRT", -12 },
	{ "BST", 4 }, { "CAT", 8 }, { "CDT", -20 }, { "CEST", 8 },
	{ "CET", 4 }, { "CLST", -12 }, { "CLT", -16 }, { "COT", -20 },
	{ "CST", -24 }, { "EAT", 12 }, { "EDT", -16 }, { "EEST", 12 },
	{ "EET", 8 }, { "EST", -20 }, { "GMT", 0 }, { "GST", 16 },
	{ "HDT", -36 }, { "HKT", 32 }, { "HST", -40 }, { "ICT", 28 },
	{ "IDT", 12 }, { "IST", 22 }, { "JST", 36 }, { "KST", 36 },
	{ "MDT", -24 }, { "MSD", 16 }, { "MSK", 12 }, { "MST", -28 },
	{ "MYT", 32 }, { "NDT", -10 }, { "NPT", 23 }, { "NST", -14 },
	{ "NZDT", 52 }, { "NZST", 48 }, { "PDT", -28 }, { "PET", -20 },
	{ "PHT", 32 }, { "PKT", 20 }, { "PST", -32 }, { "SAST", 8 },
	{ "SGT", 32 }, { "SST", -44 }, { "UTC", 0 }, { "UYT", -12 },
	{ "VET", -18 }, { "WAT", 4 }, { "WEST", 4 }, { "WET", 0 },
	{ "WIB", 28 }, { "WIT", 36 }, { "WITA", 32 }, { "YEKT", 20 }
};

/* A is an hour east, M twelve, N west, Y twelve; J is nobody's. */
static int
military(char c, int32_t *offset)
{
	if (c == 'Z')
		*offset = 0;
	else if (c >= 'A' && c <= 'I')
		*offset = (c - 'A' + 1) * 3600;
	else if (c >= 'K' && c <= 'M')
		*offset = (c - 'K' + 10) * 3600;
	else if (c >= 'N' && c <= 'Y')
		*offset = -(c - 'N' + 1) * 3600;
	else
		return -1;
	return 0;
}

static int
named_zone(const char *p, size_t n, int32_t *offset)
{
	size_t	i;

	if (n == 1)
		return military(*p, offset);
	for (i = 0; i < sizeof(zones) / sizeof(zones[0]); i++)
		if (n < sizeof(zones[i].name) && zones[i].name[n] == '\0' &&
		    memcmp(zones[i].name, p, n) == 0) {
			*offset = zones[i].quarters * 900;
			return 0;
		}
	return -1;
}

/* Two digits, or -1. */
static int
two(const char *p)
{
	if (p[0] < '0' || p[0] > '9' || p[1] < '0' || p[1] > '9')
		return -1;
	return (p[0] - '0') * 10 + p[1] - '0';
}

int
date_zone(const char *p, size_t n, int32_t *offset)
{
	int	 hours, minutes = 0, sign;
	size_t	 i = 0;

	*offset = 0;
	while (i < n && p[i] >= 'A' && p[i] <= 'Z')
		i++;
	if (i > 0 && named_zone(p, i, offset) == -1)
		return -1;
	if (i == n)
		return n > 0 ? 0 : -1;
	sign = p[i] == '-' ? -1 : p[i] == '+' ? 1 : 0;
	p += i + 1;
	n -= i + 1;
	if (sign == 0 || n < 2 || (hours = two(p)) == -1)
		return -1;
	p += 2;
	n -= 2;
	if (n == 3 && *p == ':') {
		p++;
		n--;
	}
	if (n != 0 && (n != 2 || (minutes = two(p)) == -1))
		return -1;
	*offset += sign * (hours * 3600 + minutes * 60);
	return 0;
}

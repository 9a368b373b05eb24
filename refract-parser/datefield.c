/*
 * What the groups of a date pattern hold, read into the parts of a date.
 */
#include <stdint.h>
#include <string.h>

#include "datefield.h"
#include "dateform.h"

const char *
date_field_name(enum date_field field)
{
	static const char	*names[FIELD_COUNT] = {
		[FIELD_YEAR] = "Y", [FIELD_YEAR2] = "y", [FIELD_MONTH] = "m",
		[FIELD_MONTH_NAME] = "B", [FIELD_MONTH_ABBR] = "b",
		[FIELD_DAY] = "d", [FIELD_HOUR] = "H", [FIELD_HOUR12] = "I",
		[FIELD_AMPM] = "p", [FIELD_MINUTE] = "M",
		[FIELD_SECOND] = "S", [FIELD_FRACTION] = "f",
		[FIELD_WDAY_NAME] = "A", [FIELD_WDAY_ABBR] = "a",
		[FIELD_WDAY0] = "w", [FIELD_WDAY1] = "u", [FIELD_YDAY] = "j",
		[FIELD_WEEK_SUN] = "U", [FIELD_WEEK_MON] = "W",
		[FIELD_ISO_YEAR] = "G", [FIELD_ISO_WEEK] = "V",
		[FIELD_OFFSET] = "z", [FIELD_ZONE] = "Z",
		[FIELD_EPOCH] = "epoch", [FIELD_TAI] = "tai"
	};

	return names[field];
}

/* A number of n digits, a blank before them; or -1. */
static int32_t
number(const char *p, size_t n)
{
	int32_t	v = 0;

	if (n > 0 && *p == ' ') {
		p++;
		n--;
	}
	if (n == 0 || n > 9)
		return -1;
	for (; n > 0; n--, p++) {
		if (*p < '0' || *p > '9')
			return -1;
		v = v * 10 + (*p - '0');
	}
	return v;
}

/* Which of some names, by their first three letters, of any case; or -1. */
static int
one_of(const char *names, size_t count, const char *p, size_t n)
{
	size_t	i;

	for (i = 0; n >= 3 && i < count; i++, names += 3)
		if (names[0] == (p[0] | 0x20) && names[1] == (p[1] | 0x20) &&
		    names[2] == (p[2] | 0x20))
			return (int)i;
	return -1;
}

static int
month_of(const char *p, size_t n)
{
	int	i = one_of("janfebmaraprmayjunjulaugsepoctnovdec", 12, p, n);

	return i == -1 ? -1 : i + 1;
}

static int
weekday_of(const char *p, size_t n)
{
	return one_of("montuewedthufrisatsun", 7, p, n);
}

static int
read_fraction(const char *p, size_t n)
{
	int	us = 0, unit = 100000;

	for (; n > 0; n--, p++, unit /= 10) {
		if (*p < '0' || *p > '9')
			return -1;
		us += (*p - '0') * unit;
	}
	return us;
}

/*
 * Digits and a fraction: seconds; or, as there are more digits, milli-, micro-
 * or nanoseconds.
 */
static int
read_epoch(const char *p, size_t n, struct date_parts *parts)
{
	uint64_t	v = 0;
	size_t		i = 0;
	int		us = 0;

	for (; i < n && i < 20 && p[i] >= '0' && p[i] <= '9'; i++)
		v = v * 10 + (uint64_t)(p[i] - '0');
	if (i == 0 || i == 20 || (i < n && (p[i] != '.' ||
	    (us = read_fraction(p + i + 1, n - i - 1)) == -1)))
		return -1;
	if (i < 12)
		v = v * 1000000 + (uint64_t)us;
	else if (i < 15)
		v = v * 1000 + (uint64_t)us / 1000;
	else if (i > 17)
		v /= 1000;
	parts->absolute = 1;
	parts->epoch = (int64_t)v;
	return 0;
}

/* 24 digits of a TAI64N label; as in dateform.c. */
static int
read_tai(const char *p, size_t n, struct date_parts *parts)
{
	char			label[26];
	struct date_span	span;

	if (n != 24)
		return -1;
	label[0] = '@';
	memcpy(label + 1, p, 24);
	return dateform_begin(label, 25, parts, &span) == 1 ? 0 : -1;
}

static int
set(int32_t *to, int32_t value)
{
	if (value < 0)
		return -1;
	*to = value;
	return 0;
}

static int
read_hour12(const struct field_text *g, struct date_parts *t)
{
	int32_t	hour = number(g->p, g->n);

	if (hour < 0 || hour > 12)
		return -1;
	t->hour = hour % 12;
	t->twelve = 1;
	return 0;
}

/* It says something only of an hour up to 12. */
static int
read_ampm(const struct field_text *g, struct date_parts *t)
{
	if (t->twelve && g->n > 0 && (*g->p | ' ') == 'p')
		t->hour += 12;
	return 0;
}

static int
read_week(const struct field_text *g, int from, struct date_parts *t)
{
	t->week_from = from;
	return set(&t->week, number(g->p, g->n));
}

int
date_field_read(enum date_field field, const struct field_text *g,
    struct date_parts *t)
{
	int32_t	n;

	switch (field) {
	case FIELD_YEAR:
		return set(&t->year, number(g->p, g->n));
	case FIELD_YEAR2:
		/* All are of this century. */
		if ((n = number(g->p, g->n)) == -1)
			return -1;
		return set(&t->year, n <= 2000 ? n + 2000 : n);
	case FIELD_MONTH:
		return set(&t->month, number(g->p, g->n));
	case FIELD_MONTH_NAME:
	case FIELD_MONTH_ABBR:
		return set(&t->month, month_of(g->p, g->n));
	case FIELD_DAY:
		return set(&t->day, number(g->p, g->n));
	case FIELD_HOUR:
		return set(&t->hour, number(g->p, g->n));
	case FIELD_HOUR12:
		return read_hour12(g, t);
	case FIELD_MINUTE:
		return set(&t->minute, number(g->p, g->n));
	case FIELD_SECOND:
		return set(&t->second, number(g->p, g->n));
	case FIELD_FRACTION:
		return set(&t->us, read_fraction(g->p, g->n));
	case FIELD_WDAY_NAME:
	case FIELD_WDAY_ABBR:
		return set(&t->wday, weekday_of(g->p, g->n));
	case FIELD_WDAY0:
		n = number(g->p, g->n);
		return set(&t->wday, n == -1 ? -1 : (n + 6) % 7);
	case FIELD_WDAY1:
		return set(&t->wday, number(g->p, g->n) - 1);
	case FIELD_YDAY:
		return set(&t->yday, number(g->p, g->n));
	case FIELD_WEEK_SUN:
		return read_week(g, 6, t);
	case FIELD_WEEK_MON:
		return read_week(g, 0, t);
	case FIELD_ISO_YEAR:
		return set(&t->iso_year, number(g->p, g->n));
	case FIELD_ISO_WEEK:
		return set(&t->iso_week, number(g->p, g->n));
	case FIELD_OFFSET:
	case FIELD_ZONE:
		t->zoned = 1;
		return date_zone(g->p, g->n, &t->offset);
	case FIELD_EPOCH:
		return read_epoch(g->p, g->n, t);
	case FIELD_TAI:
		return read_tai(g->p, g->n, t);
	case FIELD_AMPM:
		return read_ampm(g, t);
	case FIELD_COUNT:
		break;
	}
	return 0;
}

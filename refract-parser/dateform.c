/*
 * fail2ban's default date formats, without regexes: which of them can begin
 * at a place is seen from its first bytes, so each is tried at most once.
 */
#include <stdint.h>
#include <string.h>

#include "dateform.h"

struct scan {
	const char		*line, *end;
	struct date_parts	*parts;
	enum date_form		 form;
};

enum byte_class {
	BYTE_OTHER,
	BYTE_START,	/* not of a word, but a date may begin with it */
	BYTE_LETTER,	/* or _ */
	BYTE_DIGIT
};

#define S	BYTE_START
#define L	BYTE_LETTER
#define D	BYTE_DIGIT
static const unsigned char	classes[256] = {
	[' '] = S, ['+'] = S, ['-'] = S, ['@'] = S, ['<'] = S, ['_'] = L,
	['0'] = D, D, D, D, D, D, D, D, D, D,
	['A'] = L, L, L, L, L, L, L, L, L, L, L, L, L,
	L, L, L, L, L, L, L, L, L, L, L, L, L,
	['a'] = L, L, L, L, L, L, L, L, L, L, L, L, L,
	L, L, L, L, L, L, L, L, L, L, L, L, L
};
#undef S
#undef L
#undef D

static inline int
class_of(char c)
{
	return classes[(unsigned char)c];
}

static inline int
is_word(char c)
{
	return class_of(c) >= BYTE_LETTER;
}

static inline int
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* A word does not go on here (all that is read ends with a word's byte). */
static inline int
is_bound(const struct scan *s, const char *p)
{
	return p == s->end || !is_word(*p);
}

static inline int
is_byte(const struct scan *s, const char *p, char c)
{
	return p < s->end && *p == c;
}

/* Readers move p over what they read, or say -1. */

/* One or two digits. */
static int
number(const struct scan *s, const char **p)
{
	const char	*q = *p;
	int		 n;

	if (q == s->end || !is_digit(*q))
		return -1;
	n = *q++ - '0';
	if (q < s->end && is_digit(*q))
		n = n * 10 + *q++ - '0';
	*p = q;
	return n;
}

static int
two(const struct scan *s, const char **p)
{
	const char	*q = *p;

	if (s->end - q < 2 || !is_digit(q[0]) || !is_digit(q[1]))
		return -1;
	*p = q + 2;
	return (q[0] - '0') * 10 + q[1] - '0';
}

static int
byte(const struct scan *s, const char **p, char c)
{
	if (!is_byte(s, *p, c))
		return -1;
	(*p)++;
	return 0;
}

/* A year of this century: others are rather numbers of another kind. */
static int
year(const struct scan *s, const char **p)
{
	const char	*q = *p;
	int		 n;

	if (s->end - q < 4 || q[0] != '2' || q[1] != '0')
		return -1;
	q += 2;
	if ((n = two(s, &q)) == -1)
		return -1;
	*p = q;
	s->parts->year = 2000 + n;
	return 0;
}

static int
month(const struct scan *s, const char **p)
{
	s->parts->month = number(s, p);
	return s->parts->month >= 1 && s->parts->month <= 12 ? 0 : -1;
}

/* " 1" as well. */
static int
day(const struct scan *s, const char **p)
{
	const char	*q = *p;

	if (s->end - q >= 2 && *q == ' ' && q[1] != '0' && is_digit(q[1])) {
		s->parts->day = q[1] - '0';
		*p = q + 2;
		return 0;
	}
	s->parts->day = number(s, p);
	return s->parts->day >= 1 && s->parts->day <= 31 ? 0 : -1;
}

/* Three letters, in lower case. */
#define NAME(a, b, c)	((uint32_t)(a) << 16 | (uint32_t)(b) << 8 | (c))

static uint32_t
name(const struct scan *s, const char *p)
{
	if (s->end - p < 3)
		return 0;
	return NAME((unsigned char)p[0], (unsigned char)p[1],
	    (unsigned char)p[2]) | NAME(' ', ' ', ' ');
}

/* 1 to 12, or -1. */
static int
month_name(const struct scan *s, const char **p)
{
	static const uint32_t	months[] = {
		NAME('j', 'a', 'n'), NAME('f', 'e', 'b'), NAME('m', 'a', 'r'),
		NAME('a', 'p', 'r'), NAME('m', 'a', 'y'), NAME('j', 'u', 'n'),
		NAME('j', 'u', 'l'), NAME('a', 'u', 'g'), NAME('s', 'e', 'p'),
		NAME('o', 'c', 't'), NAME('n', 'o', 'v'), NAME('d', 'e', 'c')
	};
	uint32_t		want = name(s, *p);
	int			i;

	for (i = 0; i < 12; i++)
		if (months[i] == want) {
			*p += 3;
			return i + 1;
		}
	return -1;
}

/* "Sat ", which says nothing that the rest does not. */
static void
skip_day_name(const struct scan *s, const char **p)
{
	static const uint32_t	days[] = {
		NAME('m', 'o', 'n'), NAME('t', 'u', 'e'), NAME('w', 'e', 'd'),
		NAME('t', 'h', 'u'), NAME('f', 'r', 'i'), NAME('s', 'a', 't'),
		NAME('s', 'u', 'n')
	};
	uint32_t		want;
	int			i;

	if (s->end - *p < 4 || (*p)[3] != ' ')
		return;
	want = name(s, *p);
	for (i = 0; i < 7; i++)
		if (days[i] == want)
			*p += 4;
}

static int
clock_time(const struct scan *s, const char **p)
{
	struct date_parts	*t = s->parts;

	if ((t->hour = number(s, p)) == -1 || byte(s, p, ':') == -1 ||
	    (t->minute = number(s, p)) == -1 || byte(s, p, ':') == -1 ||
	    (t->second = number(s, p)) == -1)
		return -1;
	return t->hour < 24 && t->minute < 60 && t->second < 62 ? 0 : -1;
}

/* A blank, or two before an hour of one digit. */
static int
blank_time(const struct scan *s, const char **p)
{
	if (byte(s, p, ' ') == -1)
		return -1;
	if (is_byte(s, *p, ' '))
		(*p)++;
	return clock_time(s, p);
}

/*
 * What may follow the seconds.  Each of these reads from p and gives where it
 * ends, or NULL if it is not there; the longest that ends with the word counts.
 */

static const char *
read_zone(const struct scan *s, const char *p)
{
	const char	*q = p;

	if (p == s->end)
		return NULL;
	if (*p == '+' || *p == '-') {
		if (s->end - p < 3 || (p[1] != '0' && p[1] != '1') ||
		    !is_digit(p[2]))
			return NULL;
		p += 3;
		if (is_byte(s, p, ':'))
			p++;
		if (s->end - p >= 2 && is_digit(p[0]) && is_digit(p[1]) &&
		    is_bound(s, p + 2))
			p += 2;
		else
			p = q + 3;
	} else if (*p == 'Z')
		p++;
	else if (s->end - p >= 3 && (memcmp(p, "UTC", 3) == 0 ||
	    memcmp(p, "GMT", 3) == 0))
		p += 3;
	if (!is_bound(s, p) || date_zone(q, (size_t)(p - q),
	    &s->parts->offset) == -1)
		return NULL;
	s->parts->zoned = 1;
	return p;
}

static const char *
skip_blanks(const struct scan *s, const char *p)
{
	while (p < s->end && (*p == ' ' || (*p >= '\t' && *p <= '\r')))
		p++;
	return p;
}

/* Digits of a fraction, as many as there are: in microseconds. */
static const char *
read_fraction(const struct scan *s, const char *p)
{
	int	unit = 100000;

	s->parts->us = 0;
	for (; p < s->end && is_digit(*p); p++, unit /= 10)
		s->parts->us += (*p - '0') * unit;
	return p;
}

#define TAIL_DOT	0x01	/* .5 */
#define TAIL_COMMA	0x02	/* ,5 */
#define TAIL_ZONE	0x04	/* after any number of blanks */
#define TAIL_BLANK_ZONE	0x08	/* after one */

static const char *
read_zone_tail(const struct scan *s, const char *p, int flags)
{
	if (flags & TAIL_ZONE)
		return read_zone(s, skip_blanks(s, p));
	if ((flags & TAIL_BLANK_ZONE) && is_byte(s, p, ' '))
		return read_zone(s, p + 1);
	return NULL;
}

/*
 * The end of a date whose seconds end at p, NULL if no word ends there.  More
 * digits than six are not cut out of the line, because fail2ban's filters know
 * that they are left, but they and the zone behind them count.
 */
static const char *
tail(const struct scan *s, const char *p, int flags)
{
	const char	*q, *z;

	if (p < s->end && ((*p == '.' && (flags & TAIL_DOT)) ||
	    (*p == ',' && (flags & TAIL_COMMA)))) {
		q = read_fraction(s, p + 1);
		z = q == p + 1 ? NULL : read_zone_tail(s, q, flags);
		if (q > p + 7)
			return p;
		if (z != NULL)
			return z;
		if (q > p + 1 && is_bound(s, q))
			return q;
		s->parts->us = 0;
		return p;
	}
	if ((z = read_zone_tail(s, p, flags)) != NULL)
		return z;
	return is_bound(s, p) ? p : NULL;
}

/*
 * " 2026" behind asctime's seconds, or p.  Not "2001:db8::1" or "2001-a", which
 * are hosts.
 */
static const char *
year_tail(const struct scan *s, const char *p)
{
	const char	*q = p + 1;

	if (!is_byte(s, p, ' ') || year(s, &q) == -1)
		return p;
	if (is_bound(s, q) && (q == s->end || strchr(":-.", *q) == NULL ||
	    q + 1 == s->end || q[1] == ' '))
		return q;
	s->parts->year = -1;
	return p;
}

/* The formats. */

static const char *
read_iso(struct scan *s, const char *p)
{
	char	sep;

	date_parts_clear(s->parts);
	if (year(s, &p) == -1 || p == s->end ||
	    ((sep = *p) != '-' && sep != '/' && sep != '.'))
		return NULL;
	p++;
	if (month(s, &p) == -1 || byte(s, &p, sep) == -1 || day(s, &p) == -1)
		return NULL;
	s->form = FORM_ISO;
	if (is_byte(s, p, 'T')) {
		p++;
		if (clock_time(s, &p) == -1)
			return NULL;
	} else if (blank_time(s, &p) == -1)
		return NULL;
	return tail(s, p, TAIL_DOT | TAIL_COMMA | TAIL_ZONE);
}

static const char *
read_compact(struct scan *s, const char *p)
{
	struct date_parts	*t = s->parts;

	date_parts_clear(s->parts);
	if (year(s, &p) == -1 || (t->month = two(s, &p)) == -1 ||
	    (t->day = two(s, &p)) == -1 || p == s->end ||
	    (*p != 'T' && *p != ' '))
		return NULL;
	p += *p == ' ' && is_byte(s, p + 1, ' ') ? 2 : 1;
	if ((t->hour = two(s, &p)) == -1 || (t->minute = two(s, &p)) == -1 ||
	    (t->second = two(s, &p)) == -1)
		return NULL;
	s->form = FORM_COMPACT;
	return tail(s, p, TAIL_DOT | TAIL_COMMA | TAIL_ZONE);
}

/* Nov 21, 2026 4:53:01 PM, from the blank on */
static const char *
read_tomcat(struct scan *s, const char *p)
{
	struct date_parts	*t = s->parts;

	if (byte(s, &p, ' ') == -1 || year(s, &p) == -1 ||
	    byte(s, &p, ' ') == -1 || clock_time(s, &p) == -1 ||
	    t->hour < 1 || t->hour > 12 || byte(s, &p, ' ') == -1 ||
	    s->end - p < 2 || (p[1] | ' ') != 'm' || !is_bound(s, p + 2))
		return NULL;
	t->hour %= 12;
	if ((*p | ' ') == 'p')
		t->hour += 12;
	else if ((*p | ' ') != 'a')
		return NULL;
	s->form = FORM_TOMCAT;
	return p + 2;
}

/* What begins with the name of a month or a day. */
static const char *
read_named(struct scan *s, const char *p)
{
	const char	*start = p, *q;
	int		 has_day_name, n;

	skip_day_name(s, &p);
	has_day_name = p != start;
	if ((n = month_name(s, &p)) == -1 || byte(s, &p, ' ') == -1)
		return NULL;
	date_parts_clear(s->parts);
	s->parts->month = n;
	if (day(s, &p) == -1)
		return NULL;
	if (is_byte(s, p, ','))
		return has_day_name ? NULL : read_tomcat(s, p + 1);
	q = p + 1;
	if (is_byte(s, p, ' ') && year(s, &q) == 0 && is_byte(s, q, ' ')) {
		s->form = FORM_YEAR_INSIDE;
		return blank_time(s, &q) == -1 ? NULL : tail(s, q, TAIL_DOT);
	}
	s->parts->year = -1;
	s->form = FORM_ASCTIME;
	if (blank_time(s, &p) == -1 || (p = tail(s, p, TAIL_DOT)) == NULL)
		return NULL;
	return year_tail(s, p);
}

/* "CET Sat Nov 21 16:53:01 2026"; a word that is no zone is not part of it. */
static const char *
read_zone_name(struct scan *s, const char *p)
{
	const char	*start = p;
	size_t		 n;

	while (p < s->end && *p >= 'A' && *p <= 'Z')
		p++;
	n = (size_t)(p - start);
	if ((n != 1 && (n < 3 || n > 5)) || (n == 1 && *start != 'Z') ||
	    !is_byte(s, p, ' ') || (p = read_named(s, p + 1)) == NULL ||
	    s->form != FORM_ASCTIME ||
	    date_zone(start, n, &s->parts->offset) == -1)
		return NULL;
	s->parts->zoned = 1;
	s->form = FORM_ZONE_NAME;
	return p;
}

static const char *
read_zone_offset(struct scan *s, const char *p)
{
	const char	*zone = p;

	if ((p = read_zone(s, p)) == NULL || !is_byte(s, p, ' '))
		return NULL;
	/* Which clears what the zone is: read it again. */
	if ((p = read_named(s, p + 1)) == NULL || s->form != FORM_ASCTIME ||
	    read_zone(s, zone) == NULL)
		return NULL;
	s->form = FORM_ZONE_OFFSET;
	return p;
}

/* 21/Nov/2026:16:53:01 +0100 */
static const char *
read_common_log(struct scan *s, const char *p)
{
	char	sep;

	date_parts_clear(s->parts);
	if (day(s, &p) == -1 || p == s->end ||
	    ((sep = *p) != '/' && sep != '-'))
		return NULL;
	p++;
	if ((s->parts->month = month_name(s, &p)) == -1 ||
	    byte(s, &p, sep) == -1 || year(s, &p) == -1)
		return NULL;
	if (is_byte(s, p, ' ') || is_byte(s, p, ':'))
		p++;
	s->form = FORM_COMMON_LOG;
	return clock_time(s, &p) == -1 ? NULL :
	    tail(s, p, TAIL_DOT | TAIL_BLANK_ZONE);
}

/* 21/11/2026 16:53:01 */
static const char *
read_day_first(struct scan *s, const char *p)
{
	char	sep;

	date_parts_clear(s->parts);
	if (day(s, &p) == -1 || p == s->end ||
	    ((sep = *p) != '/' && sep != '-'))
		return NULL;
	p++;
	if (month(s, &p) == -1 || byte(s, &p, sep) == -1)
		return NULL;
	if (year(s, &p) == -1) {
		if ((s->parts->year = two(s, &p)) == -1)
			return NULL;
		s->parts->year += 2000;
	}
	s->form = FORM_DAY_FIRST;
	return blank_time(s, &p) == -1 || !is_bound(s, p) ? NULL : p;
}

/* 11/21/2026:16:53:01, 11-21-2026 16:53:01.5 */
static const char *
read_month_first(struct scan *s, const char *p)
{
	char	sep;

	date_parts_clear(s->parts);
	if (month(s, &p) == -1 || p == s->end ||
	    ((sep = *p) != '/' && sep != '-'))
		return NULL;
	p++;
	if (day(s, &p) == -1 || byte(s, &p, sep) == -1 || year(s, &p) == -1)
		return NULL;
	if (sep == '/') {
		s->form = FORM_CPANEL;
		return byte(s, &p, ':') == -1 || clock_time(s, &p) == -1 ||
		    !is_bound(s, p) ? NULL : p;
	}
	s->form = FORM_MONTH_FIRST;
	return blank_time(s, &p) == -1 ? NULL : tail(s, p, TAIL_DOT);
}

/* p is at the day or month; a letter behind the separator tells. */
static const char *
read_parted(struct scan *s, const char *p, const char *sep)
{
	const char	*q;

	if (sep + 1 < s->end && class_of(sep[1]) == BYTE_LETTER)
		return read_common_log(s, p);
	if ((q = read_day_first(s, p)) != NULL && date_parts_valid(s->parts))
		return q;
	return *p == ' ' ? NULL : read_month_first(s, p);
}

/* 261121 16:53:01 */
static const char *
read_mysql(struct scan *s, const char *p)
{
	date_parts_clear(s->parts);
	s->parts->year = 2000 + two(s, &p);
	s->parts->month = two(s, &p);
	s->parts->day = two(s, &p);
	s->form = FORM_MYSQL;
	return blank_time(s, &p) == -1 || !is_bound(s, p) ? NULL : p;
}

/* n digits; three to six more behind a dot are part of it. */
static const char *
read_epoch(struct scan *s, const char *p, int n)
{
	struct date_parts	*t = s->parts;
	const char		*q;

	date_parts_clear(s->parts);
	for (; n > 0; n--)
		t->epoch = t->epoch * 10 + (*p++ - '0');
	if (!is_bound(s, p))
		return NULL;
	t->absolute = 1;
	t->epoch *= 1000000;
	s->form = FORM_EPOCH;
	if (!is_byte(s, p, '.'))
		return p;
	q = read_fraction(s, p + 1);
	if (q < p + 4 || q > p + 7 || !is_bound(s, q))
		return p;
	t->epoch += t->us;
	return q;
}

/* audit(1795280000.123:987) */
static int
is_audit(const struct scan *s, const char *p)
{
	static const char	word[] = "audit(";
	size_t			len = sizeof(word) - 1;

	if ((size_t)(p - s->line) < len || memcmp(p - len, word, len) != 0)
		return 0;
	p -= len;
	return p == s->line || !is_word(p[-1]);
}

/* 16:53:01 */
static const char *
read_time(struct scan *s, const char *p)
{
	date_parts_clear(s->parts);
	s->form = FORM_TIME;
	return clock_time(s, &p) == -1 || !is_bound(s, p) ? NULL : p;
}

/* What begins with a digit: how many of them there are tells. */
static const char *
read_number(struct scan *s, const char *p, int begin)
{
	int	n;

	for (n = 1; n < 12 && n < s->end - p && is_digit(p[n]); n++)
		;
	switch (n) {
	case 1:
	case 2:
		if (is_byte(s, p + n, '/') || is_byte(s, p + n, '-'))
			return read_parted(s, p, p + n);
		return begin ? read_time(s, p) : NULL;
	case 4:
		return read_iso(s, p);
	case 6:
		return read_mysql(s, p);
	case 8:
		return read_compact(s, p);
	case 10:
	case 11:
		return begin || is_audit(s, p) ? read_epoch(s, p, n) : NULL;
	default:
		return NULL;
	}
}

static int
hex(char c)
{
	if (is_digit(c))
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/*
 * @ and 24 digits, of which 15 are seconds (TAI's, 10 ahead of those since
 * 1970; fail2ban takes them for these, and its filters' tests count on it) and
 * the last 8 nanoseconds.
 */
static const char *
read_tai64n(struct scan *s, const char *p)
{
	uint64_t	seconds = 0, ns = 0;
	int		i, v;

	if (s->end - p < 25)
		return NULL;
	for (i = 1; i < 25; i++) {
		if ((v = hex(p[i])) == -1)
			return NULL;
		if (i > 1 && i <= 16)
			seconds = seconds << 4 | (uint64_t)v;
		else if (i > 16)
			ns = ns << 4 | (uint64_t)v;
	}
	if (!is_bound(s, p + 25) || seconds > INT64_MAX / 1000000 - 1)
		return NULL;
	date_parts_clear(s->parts);
	s->parts->absolute = 1;
	s->parts->epoch = (int64_t)seconds * 1000000 +
	    (int64_t)(ns < 1000000000 ? ns / 1000 : 0);
	s->form = FORM_TAI64N;
	return p + 25;
}

/* <11/21/26@16:53:01> */
static const char *
read_angles(struct scan *s, const char *p)
{
	p++;
	date_parts_clear(s->parts);
	if (month(s, &p) == -1 || byte(s, &p, '/') == -1 ||
	    day(s, &p) == -1 || byte(s, &p, '/') == -1 ||
	    (s->parts->year = two(s, &p)) == -1 || byte(s, &p, '@') == -1 ||
	    clock_time(s, &p) == -1 || byte(s, &p, '>') == -1)
		return NULL;
	s->parts->year += 2000;
	s->form = FORM_ANGLES;
	return p;
}

/* Nov-21-26 16:53:01 */
static const char *
read_assp(struct scan *s, const char *p)
{
	date_parts_clear(s->parts);
	if ((s->parts->month = month_name(s, &p)) == -1 ||
	    byte(s, &p, '-') == -1 || day(s, &p) == -1 ||
	    byte(s, &p, '-') == -1 || (s->parts->year = two(s, &p)) == -1 ||
	    blank_time(s, &p) == -1)
		return NULL;
	s->parts->year += 2000;
	s->form = FORM_ASSP;
	return is_bound(s, p) ? p : NULL;
}

static const char *
read_word(struct scan *s, const char *p)
{
	const char	*q;

	if (p == s->line && s->end - p > 3 && p[3] == '-')
		return read_assp(s, p);
	if ((q = read_named(s, p)) != NULL || *p < 'A' || *p > 'Z')
		return q;
	return read_zone_name(s, p);
}

/* What begins with a byte that is of no word. */
static const char *
read_other(struct scan *s, const char *p)
{
	if (s->end - p < 8)
		return NULL;
	switch (*p) {
	case '@':
		return read_tai64n(s, p);
	case '<':
		return p == s->line ? read_angles(s, p) : NULL;
	case ' ':
		return is_digit(p[1]) && (p[2] == '/' || p[2] == '-') ?
		    read_parted(s, p, p + 2) : NULL;
	default:
		return is_digit(p[1]) ? read_zone_offset(s, p) : NULL;
	}
}

/* A date that begins at p: where it ends, or NULL. */
static const char *
read_at(struct scan *s, const char *p, int begin)
{
	switch (class_of(*p)) {
	case BYTE_DIGIT:
		p = read_number(s, p, begin);
		break;
	case BYTE_LETTER:
		p = read_word(s, p);
		break;
	case BYTE_START:
		p = read_other(s, p);
		break;
	default:
		return NULL;
	}
	return p == NULL || !date_parts_valid(s->parts) ? NULL : p;
}

static void
set_span(const struct scan *s, const char *p, const char *end, int begin,
    struct date_span *span)
{
	span->start = (size_t)(p - s->line);
	span->end = (size_t)(end - s->line);
	span->form = s->form;
	span->begin = begin;
}

int
dateform_begin(const char *line, size_t n, struct date_parts *parts,
    struct date_span *span)
{
	struct scan	 s = { .line = line, .end = line + n, .parts = parts };
	const char	*p = line, *end;

	while (p < s.end && p < line + 2 && !is_word(*p))
		p++;
	for (;; p--) {
		if (p < s.end && (end = read_at(&s, p, 1)) != NULL) {
			set_span(&s, p, end, 1, span);
			return 1;
		}
		if (p == line)
			return 0;
	}
}

/* The second letters of names of months and days, by their first. */
#define BIT(c)	(1U << ((c) - 'a'))
static const uint32_t	seconds[32] = {
	['a' & 31] = BIT('p') | BIT('u'),
	['d' & 31] = BIT('e'),
	['f' & 31] = BIT('e') | BIT('r'),
	['j' & 31] = BIT('a') | BIT('u'),
	['m' & 31] = BIT('a') | BIT('o'),
	['n' & 31] = BIT('o'),
	['o' & 31] = BIT('c'),
	['s' & 31] = BIT('e') | BIT('a') | BIT('u'),
	['t' & 31] = BIT('u') | BIT('h'),
	['w' & 31] = BIT('e')
};
#undef BIT

/*
 * Worth a closer look, inside of a line?  No format is shorter than these
 * bytes, so it is only wrong about what is none.
 */
static inline int
may_begin(const struct scan *s, const char *p, int class)
{
	if (s->end - p < 10)
		return 0;
	switch (class) {
	case BYTE_DIGIT:
		return (p[0] == '2' && p[1] == '0') ||
		    p[1] == '/' || p[1] == '-' || p[2] == '/' ||
		    p[2] == '-' || p[6] == ' ' ||
		    (p > s->line && p[-1] == '(');
	case BYTE_LETTER:
		return (class_of(p[1]) == BYTE_LETTER &&
		    (seconds[*p & 31] >> ((p[1] & 31) - 1) & 1)) ||
		    ((p[1] & 0x20) == 0 && p[1] >= 'A') || *p == 'Z';
	default:
		return *p == '@' || (*p == ' ' ? p[2] == '/' || p[2] == '-' :
		    p[1] == '0' || p[1] == '1');
	}
}

int
dateform_search(const char *line, size_t n, struct date_parts *parts,
    struct date_span *span)
{
	struct scan	 s = { .line = line, .end = line + n, .parts = parts };
	const char	*p, *end;
	int		 class, in_word = 0;

	if (dateform_begin(line, n, parts, span))
		return 1;
	for (p = line; p < s.end; p++) {
		class = class_of(*p);
		/* In a word only TAI64N's @ can follow, which ends it. */
		if (class != BYTE_OTHER && !(in_word && class >= BYTE_LETTER) &&
		    may_begin(&s, p, class) &&
		    (end = read_at(&s, p, 0)) != NULL) {
			set_span(&s, p, end, 0, span);
			return 1;
		}
		in_word = class >= BYTE_LETTER;
	}
	return 0;
}

/*
 * TZif (RFC 8536) and the POSIX TZ string in its footer.  Only offsets matter
 * here: no names, no leap seconds.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "zone.h"

#define DAY		86400
#define HEADER_LEN	44
#define OFFSET_MAX	(26 * 3600)	/* RFC 8536: -25 to 26 hours */

enum zone_kind { ZONE_LOCAL, ZONE_FIXED, ZONE_FILE };

/* The day a rule of the footer begins on. */
struct edge {
	char	form;		/* 'M', 'J' or '0': month, Julian, zero-based */
	int	month, week, day;
	int32_t	time;		/* seconds after that day's midnight */
};

struct posix {
	int		set, has_dst;
	int32_t		std, dst;	/* seconds east */
	struct edge	begin, end;	/* of dst */
};

struct change {
	int64_t	at;
	int32_t	offset;		/* from then on */
};

struct zone {
	enum zone_kind	 kind;
	int32_t		 offset;	/* fixed; of a file: before the first */
	size_t		 nchanges;
	struct change	*changes;
	struct posix	 posix;		/* after the last */
};

int64_t
zone_days(int64_t year, unsigned int month, unsigned int day)
{
	int64_t	era, yoe, doy;

	/* Years that begin in March put the leap day last. */
	year -= month <= 2;
	era = (year >= 0 ? year : year - 399) / 400;
	yoe = year - era * 400;
	doy = (153 * ((int64_t)month + (month > 2 ? -3 : 9)) + 2) / 5 +
	    (int64_t)day - 1;
	return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static int
is_leap(int64_t year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int64_t
year_of(int64_t utc)
{
	int64_t	year = 1970 + utc / (365 * DAY + DAY / 4);

	while (zone_days(year + 1, 1, 1) * DAY <= utc)
		year++;
	while (zone_days(year, 1, 1) * DAY > utc)
		year--;
	return year;
}

/* The footer: std offset [ dst [ offset ] , edge , edge ]. */

static const char *
read_number(const char *s, int *n)
{
	if (!isdigit((unsigned char)*s))
		return NULL;
	for (*n = 0; isdigit((unsigned char)*s); s++)
		if ((*n = *n * 10 + (*s - '0')) > 10000)
			return NULL;
	return s;
}

/* [+-]hh[:mm[:ss]] in seconds. */
static const char *
read_time(const char *s, int32_t *out)
{
	int	 part, n, sign = 1;
	int32_t	 unit = 3600;

	if (*s == '+' || *s == '-')
		sign = *s++ == '-' ? -1 : 1;
	*out = 0;
	for (part = 0; part < 3; part++, unit /= 60) {
		if ((s = read_number(s, &n)) == NULL || n > 167)
			return NULL;
		*out += n * unit;
		if (*s != ':')
			break;
		s++;
	}
	*out *= sign;
	return s;
}

static const char *
read_name(const char *s)
{
	const char	*start = s;

	if (*s == '<')
		return (s = strchr(s, '>')) == NULL ? NULL : s + 1;
	while (isalpha((unsigned char)*s))
		s++;
	return s - start >= 3 ? s : NULL;
}

static const char *
read_month(const char *s, struct edge *e)
{
	if ((s = read_number(s, &e->month)) == NULL || *s++ != '.' ||
	    (s = read_number(s, &e->week)) == NULL || *s++ != '.' ||
	    (s = read_number(s, &e->day)) == NULL)
		return NULL;
	return e->month >= 1 && e->month <= 12 && e->week >= 1 &&
	    e->week <= 5 && e->day <= 6 ? s : NULL;
}

static const char *
read_edge(const char *s, struct edge *e)
{
	if (*s++ != ',')
		return NULL;
	e->time = 2 * 3600;
	e->form = isdigit((unsigned char)*s) ? '0' : *s++;
	if (e->form == 'M')
		s = read_month(s, e);
	else if (e->form == 'J' || e->form == '0')
		s = read_number(s, &e->day);
	else
		return NULL;
	if (s == NULL || e->day > 366)
		return NULL;
	return *s == '/' ? read_time(s + 1, &e->time) : s;
}

static int
read_posix(struct posix *x, const char *s)
{
	memset(x, 0, sizeof(*x));
	if ((s = read_name(s)) == NULL || (s = read_time(s, &x->std)) == NULL)
		return -1;
	x->std = -x->std;		/* POSIX counts west */
	x->set = 1;
	if (*s == '\0')
		return 0;
	if ((s = read_name(s)) == NULL)
		return -1;
	x->has_dst = 1;
	x->dst = x->std + 3600;
	if (*s != ',') {
		if ((s = read_time(s, &x->dst)) == NULL)
			return -1;
		x->dst = -x->dst;
	}
	if ((s = read_edge(s, &x->begin)) == NULL ||
	    (s = read_edge(s, &x->end)) == NULL)
		return -1;
	return *s == '\0' ? 0 : -1;
}

/* The edge in this year, in seconds of the local clock before it. */
static int64_t
edge_local(const struct edge *e, int64_t year)
{
	int64_t	day, first, next;

	if (e->form == 'J')	/* 1 to 365, February 29 never counted */
		day = zone_days(year, 1, 1) + e->day - 1 +
		    (is_leap(year) && e->day >= 60);
	else if (e->form == '0')
		day = zone_days(year, 1, 1) + e->day;
	else {
		first = zone_days(year, (unsigned int)e->month, 1);
		next = e->month == 12 ? zone_days(year + 1, 1, 1) :
		    zone_days(year, (unsigned int)e->month + 1, 1);
		/* 1970-01-01 was a Thursday, 4. */
		day = first + (e->day - (first % 7 + 11) % 7 + 7) % 7;
		for (day += 7 * (e->week - 1); day >= next; day -= 7)
			;
	}
	return day * DAY + e->time;
}

static int32_t
posix_offset(const struct posix *x, int64_t utc)
{
	int64_t	year, begin, end;
	int	dst;

	if (!x->has_dst)
		return x->std;
	year = year_of(utc + x->std);
	begin = edge_local(&x->begin, year) - x->std;
	end = edge_local(&x->end, year) - x->dst;
	if (begin < end)
		dst = utc >= begin && utc < end;
	else			/* the south */
		dst = utc >= begin || utc < end;
	return dst ? x->dst : x->std;
}

/* The file: a header, 32-bit data, and from version 2 on both in 64 bits. */

struct header {
	uint32_t	isut, isstd, leap, times, types, chars;
};

static uint32_t
be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	    (uint32_t)p[2] << 8 | p[3];
}

static int64_t
be64(const uint8_t *p)
{
	return (int64_t)((uint64_t)be32(p) << 32 | be32(p + 4));
}

/* The version ('\0' is 1), or -1. */
static int
read_header(struct header *h, const uint8_t *p, size_t n)
{
	if (n < HEADER_LEN || memcmp(p, "TZif", 4) != 0)
		return -1;
	h->isut = be32(p + 20);
	h->isstd = be32(p + 24);
	h->leap = be32(p + 28);
	h->times = be32(p + 32);
	h->types = be32(p + 36);
	h->chars = be32(p + 40);
	if (h->isut > 256 || h->isstd > 256 || h->leap > 4096 ||
	    h->times > 4096 || h->types < 1 || h->types > 256 ||
	    h->chars > 4096)
		return -1;
	return p[4];
}

static size_t
body_len(const struct header *h, size_t width)
{
	return h->times * (width + 1) + h->types * 6 + h->chars +
	    h->leap * (width + 4) + h->isstd + h->isut;
}

static int
read_body(struct zone *z, const struct header *h, const uint8_t *p,
    size_t width)
{
	const uint8_t	*index = p + h->times * width;
	const uint8_t	*types = index + h->times;
	uint32_t	 i;

	if ((z->changes = calloc(h->times + 1, sizeof(*z->changes))) == NULL)
		return -1;
	for (i = 0; i < h->times; i++) {
		if (index[i] >= h->types)
			return -1;
		z->changes[i].at = width == 8 ? be64(p + i * 8) :
		    (int32_t)be32(p + i * 4);
		z->changes[i].offset = (int32_t)be32(types + index[i] * 6);
		if (z->changes[i].offset > OFFSET_MAX ||
		    z->changes[i].offset < -OFFSET_MAX ||
		    (i > 0 && z->changes[i].at <= z->changes[i - 1].at))
			return -1;
	}
	z->nchanges = h->times;
	z->offset = (int32_t)be32(types);
	return z->offset > OFFSET_MAX || z->offset < -OFFSET_MAX ? -1 : 0;
}

/* "\n" TZ "\n"; an empty TZ says nothing. */
static int
read_footer(struct zone *z, const uint8_t *p, size_t n)
{
	char		 text[128];
	const uint8_t	*end;

	if (n < 2 || p[0] != '\n' ||
	    (end = memchr(p + 1, '\n', n - 1)) == NULL ||
	    (n = (size_t)(end - p - 1)) >= sizeof(text))
		return -1;
	if (n == 0)
		return 0;
	memcpy(text, p + 1, n);
	text[n] = '\0';
	return read_posix(&z->posix, text);
}

static int
read_file(struct zone *z, const uint8_t *p, size_t n)
{
	struct header	h;
	size_t		width = 4, len;
	int		version;

	if ((version = read_header(&h, p, n)) == -1)
		return -1;
	p += HEADER_LEN;
	n -= HEADER_LEN;
	if (version != '\0') {
		if ((len = body_len(&h, 4)) > n ||
		    read_header(&h, p + len, n - len) == -1)
			return -1;
		p += len + HEADER_LEN;
		n -= len + HEADER_LEN;
		width = 8;
	}
	if ((len = body_len(&h, width)) > n ||
	    read_body(z, &h, p, width) == -1)
		return -1;
	return width == 4 ? 0 : read_footer(z, p + len, n - len);
}

static int32_t
file_offset(const struct zone *z, int64_t utc)
{
	size_t	lo = 0, hi = z->nchanges, mid;

	while (lo < hi) {
		mid = (lo + hi) / 2;
		if (z->changes[mid].at <= utc)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == z->nchanges && z->posix.set)
		return posix_offset(&z->posix, utc);
	return lo == 0 ? z->offset : z->changes[lo - 1].offset;
}

/* "UTC", "GMT", "Z", "+03", "+0330", "-03:30", "UTC+3". */
static int
read_fixed(const char *s, int32_t *offset)
{
	int	sign, hours, minutes = 0, len = 0;

	if (strncmp(s, "UTC", 3) == 0 || strncmp(s, "GMT", 3) == 0)
		s += 3;
	else if (*s == 'Z')
		s += 1;
	else if (*s != '+' && *s != '-')
		return -1;
	*offset = 0;
	if (*s == '\0')
		return 0;
	if (*s != '+' && *s != '-')
		return -1;
	sign = *s++ == '-' ? -1 : 1;
	if (sscanf(s, "%2d%n", &hours, &len) != 1 || hours < 0)
		return -1;
	s += len;
	s += *s == ':';
	if (*s != '\0' && (sscanf(s, "%2d%n", &minutes, &len) != 1 ||
	    s[len] != '\0' || len != 2 || minutes < 0))
		return -1;
	if (hours > 14 || minutes > 59)
		return -1;
	*offset = sign * (hours * 3600 + minutes * 60);
	return 0;
}

struct zone *
zone_new(const char *name, const uint8_t *tz, size_t tzlen,
    char why[ZONE_WHY_LEN])
{
	struct zone	*z;

	if ((z = calloc(1, sizeof(*z))) == NULL) {
		snprintf(why, ZONE_WHY_LEN, "no memory for a time zone");
		return NULL;
	}
	if (tz != NULL) {
		z->kind = ZONE_FILE;
		if (read_file(z, tz, tzlen) == 0)
			return z;
		snprintf(why, ZONE_WHY_LEN, "zone \"%.64s\": its tzdata file "
		    "is damaged", name);
	} else if (*name == '\0') {
		z->kind = ZONE_LOCAL;
		return z;
	} else {
		z->kind = ZONE_FIXED;
		if (read_fixed(name, &z->offset) == 0)
			return z;
		snprintf(why, ZONE_WHY_LEN, "zone \"%.64s\": expected \"UTC\", "
		    "an offset as \"+03:00\", or a name of tzdata", name);
	}
	zone_free(z);
	return NULL;
}

void
zone_free(struct zone *z)
{
	if (z == NULL)
		return;
	free(z->changes);
	free(z);
}

int32_t
zone_offset(const struct zone *z, int64_t utc)
{
	struct tm	tm;
	time_t		t = (time_t)utc;

	switch (z->kind) {
	case ZONE_FIXED:
		return z->offset;
	case ZONE_FILE:
		return file_offset(z, utc);
	case ZONE_LOCAL:
		break;
	}
	if (localtime_r(&t, &tm) == NULL)
		return 0;
	return (int32_t)tm.tm_gmtoff;
}

int
zone_moments(const struct zone *z, int64_t local, int64_t at[2])
{
	int32_t	before, after;
	int	n = 0;

	/* No zone changes its offset twice in two days. */
	before = zone_offset(z, local - DAY);
	after = zone_offset(z, local + DAY);
	if (zone_offset(z, local - before) == before)
		at[n++] = local - before;
	if (after != before && zone_offset(z, local - after) == after)
		at[n++] = local - after;
	if (n == 0)
		at[n++] = local - before;
	return n;
}

/*
 * What a date says, number by number, and what moment that is.
 */
#ifndef DATEMOMENT_H
#define DATEMOMENT_H

#include <stdint.h>

#include "clock.h"
#include "zone.h"

/* What was read; a field of -1 was not said. */
struct date_parts {
	int32_t	year, month, day;
	int32_t	hour, minute, second, us;
	int32_t	zoned, offset;		/* 1: seconds east of UTC */
	int32_t	twelve;			/* 1: the hour is of %I */
	/* Of rare formats: the day by other ways. */
	int32_t	yday, wday;		/* 1 to 366; 0 is Monday */
	int32_t	week, week_from;	/* %U 6, %W 0: the day it begins */
	int32_t	iso_year, iso_week;
	/* Not a calendar's: microseconds since 1970, and the rest unset. */
	int32_t	absolute;
	int64_t	epoch;
};

struct moment {
	const struct zone	*zone;		/* not owned */
	int64_t			 minute;	/* as a clock shows it ... */
	int64_t			 base;		/* ... is this moment, s */
	int64_t			 today;		/* minute of now, below of it */
	int32_t			 offset, year, month, day;
};

void	date_parts_clear(struct date_parts *);
/* There is such a time of day, and such a day if all of it is said. */
int	date_parts_valid(const struct date_parts *);

void	moment_init(struct moment *, const struct zone *);
/* 0, or -1: there is no such day. */
int	moment_of(struct moment *, const struct date_parts *, int live,
	    wall_t now, logtime_t last, logtime_t *);

/*
 * Seconds east of UTC of "Z", "UTC", "+01", "+0130", "+01:30", "CET",
 * "CET+01:30", a military letter: 0, or -1.  Abbreviations in capitals.
 */
int	date_zone(const char *, size_t, int32_t *);

#endif

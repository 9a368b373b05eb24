/*
 * The fields of a date, as the named groups of a pattern hold them.
 */
#ifndef DATEFIELD_H
#define DATEFIELD_H

#include <stddef.h>

#include "datemoment.h"

/* In the order in which they are to be read. */
enum date_field {
	FIELD_YEAR, FIELD_YEAR2, FIELD_MONTH, FIELD_MONTH_NAME,
	FIELD_MONTH_ABBR, FIELD_DAY, FIELD_HOUR, FIELD_HOUR12, FIELD_AMPM,
	FIELD_MINUTE, FIELD_SECOND, FIELD_FRACTION, FIELD_WDAY_NAME,
	FIELD_WDAY_ABBR, FIELD_WDAY0, FIELD_WDAY1, FIELD_YDAY, FIELD_WEEK_SUN,
	FIELD_WEEK_MON, FIELD_ISO_YEAR, FIELD_ISO_WEEK, FIELD_OFFSET,
	FIELD_ZONE, FIELD_EPOCH, FIELD_TAI, FIELD_COUNT
};

struct field_text {
	const char	*p;
	size_t		 n;
};

/* The group's name: strptime's code, "epoch" or "tai". */
const char *date_field_name(enum date_field);
/* 0, or -1: it is no such thing. */
int	 date_field_read(enum date_field, const struct field_text *,
	    struct date_parts *);

#endif

/*
 * What moment a log line's date stands for.
 *
 * "YYYY/MM/DD HH:MM:SS" with 0 to 9 digits of a fraction, in a zone.  A line
 * of the same minute as the last costs two comparisons.
 */
#ifndef LOGTIME_H
#define LOGTIME_H

#include <stddef.h>

#include "clock.h"
#include "zone.h"

struct logtime {
	const struct zone	*zone;		/* not owned */
	char			 minute[16];	/* of base; "" at first */
	int64_t			 base;		/* ms */
};

void	logtime_init(struct logtime *, const struct zone *);
/*
 * 0, or -1 if it is no date.
 *
 * Where the clock is set back, an hour is shown twice.  now, if not 0, takes
 * the moment nearer to it (a live line); otherwise it is the first that is
 * not more than a minute before last, the line before (0: none).
 */
int	logtime_parse(struct logtime *, const char *, size_t, wall_t now,
	    logtime_t last, logtime_t *);
/* That choice of zone_moments()' two; ms is how far into them it is. */
logtime_t logtime_choose(const int64_t at[2], int64_t ms, wall_t now,
	    logtime_t last);

#endif

/*
 * The date in a log line: where it stands and what moment it is.
 *
 * The formats are those of fail2ban 1.0.2: without patterns its default
 * templates, those at the begin of the line first; with patterns what
 * `datepattern` means by them: %-codes of strptime(3) and fail2ban's own in a
 * regex, {^LN-BEG}, {DATE}, {DEFAULT}, {UNB}, {NONE}, **, EPOCH, LEPOCH,
 * {EPOCH}, {LEPOCH}, TAI64N.
 *
 * What was found in earlier lines makes the next one faster and changes
 * nothing else: unlike fail2ban, which learns from line to line, the same
 * line gives the same date at the same place wherever reading began.  (A
 * place in the text that another may fill, left of the date, can so hold a
 * date of his: `time "format"` anchored by ^ is the way out.)  What a line
 * alone does not say is taken from now: the year, and the day of a bare time.
 * Of an hour that is shown twice see below.
 */
#ifndef DATE_H
#define DATE_H

#include <stddef.h>

#include "clock.h"
#include "zone.h"

#define DATE_WHY_LEN	256

struct date;

enum date_found {
	DATE_NONE,	/* no date: nothing is to be cut */
	DATE_FOUND,
	/*
	 * A pattern fits that takes nothing, as {NONE}, or what is no day: it
	 * is cut all the same.
	 */
	DATE_EMPTY
};

/*
 * The zone is of lines that do not name theirs; it is not owned and must live
 * as long.  n 0: the default detection.  NULL with the reason in why.
 */
struct date	*date_new(const char *const *patterns, size_t n,
		    const struct zone *, char why[DATE_WHY_LEN]);
void		 date_free(struct date *);
/*
 * The date in n bytes of a line.  [start, end) is the piece that fail2ban
 * cuts out of the line: group 1 of the template, or all of it.
 *
 * now is the wall clock, always.  A date without a year is of the latest year
 * that does not put it more than a day after now, a time without a day is of
 * the day that does not put it more than a minute after now.  Where the clock
 * is set back, an hour is shown twice: a live line is of the moment nearer to
 * now, another of the first that is not more than a minute before last, the
 * line before it (0: none), as logtime.h has it.
 */
enum date_found	 date_find(struct date *, const char *line, size_t n,
		    int live, wall_t now, logtime_t last, logtime_t *at,
		    size_t *start, size_t *end);
/*
 * A text that is a date, of a JSON field or the like: as above from its
 * begin, and without patterns numbers too, seconds since 1970 with a fraction
 * or milli-, micro- or nanoseconds.  0, or -1.
 */
int		 date_parse_text(struct date *, const char *, size_t,
		    int live, wall_t now, logtime_t last, logtime_t *at);

/* Of what was found last: microseconds beyond *at; its template. */
int		 date_micros(const struct date *);
unsigned int	 date_used(const struct date *);
/* A template for people; NULL: there are no more. */
const char	*date_name(const struct date *, unsigned int);
/* Searches that PCRE2's limits ended. */
unsigned long long date_limits(const struct date *);

#endif

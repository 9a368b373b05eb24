/*
 * Time zones: how far a place's clock stands from UTC at a moment.  The
 * parser's root directory has no tzdata, so a named zone's TZif file comes
 * from the parent as bytes (RFC 8536) and is read here.
 */
#ifndef ZONE_H
#define ZONE_H

#include <stddef.h>
#include <stdint.h>

#define ZONE_WHY_LEN	192

struct zone;

/*
 * name "": this host's zone as libc loaded it before the chroot.  "UTC",
 * "GMT", "Z" and "+HH[[:]MM]" need no bytes.  Anything else needs tz.
 * NULL with the reason in why.
 */
struct zone	*zone_new(const char *name, const uint8_t *tz, size_t tzlen,
		    char why[ZONE_WHY_LEN]);
void		 zone_free(struct zone *);
/* Seconds east of UTC at this moment (seconds since 1970). */
int32_t		 zone_offset(const struct zone *, int64_t utc);
/*
 * The moments at which the clock there shows `local` (seconds since 1970 as
 * if it were UTC): 1, or 2 when it is shown twice (at[0] < at[1]).  A time
 * that is never shown is taken with the offset before the gap, as mktime(3)
 * does.
 */
int		 zone_moments(const struct zone *, int64_t local,
		    int64_t at[2]);
/* Days since 1970-01-01 of a Gregorian date. */
int64_t		 zone_days(int64_t year, unsigned int month, unsigned int day);

#endif

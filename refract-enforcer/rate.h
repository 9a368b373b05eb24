/*
 * How fast a sibling may ask: so many a second, and a burst at once.  What it
 * has used up is given back as time goes by.
 */
#ifndef RATE_H
#define RATE_H

#include "clock.h"

struct rate {
	double	used;
	mono_t	at;
};

/* One more: 1, or 0 if that is too fast. */
static inline int
rate_take(struct rate *r, unsigned int per_second, unsigned int burst)
{
	mono_t	now = mono_now();

	r->used -= mono_since(r->at, now) * (per_second / 1000.0);
	r->at = now;
	if (r->used < 0)
		r->used = 0;
	return r->used < burst ? ++r->used, 1 : 0;
}

#endif

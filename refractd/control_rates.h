/*
 * The last hours, minute by minute, of the few numbers that the status page
 * draws: a ring of fixed length for each, and a bound on how many there are.
 */
#ifndef CONTROL_RATES_H
#define CONTROL_RATES_H

#include <stdint.h>

#include "clock.h"

#define RATES_SLOTS	360	/* minutes */
#define RATES_MAX	512	/* rings */
#define RATES_SECONDS	10	/* between two samples */

enum rate {
	RATE_BANS,		/* in force: the most of each minute */
	RATE_LINES,		/* the rest are counted in each minute */
	RATE_OFFENCES,
	RATE_MAX
};

struct evbuffer;
struct snap;

/* Once every RATES_SECONDS; what comes sooner is not taken. */
void	 rates_sample(const struct snap *);
/* 1 if it is time for that. */
int	 rates_due(mono_t now);
/*
 * A drawing (inline SVG, by classes only) of one number of a watch, 0 for all
 * of them.  Nothing if there is no such ring.
 */
void	 rates_plot(struct evbuffer *, uint64_t watch, enum rate);
void	 rates_clear(void);

#endif

/*
 * A histogram of times in microseconds that several processes add to: four
 * buckets an octave, so a percentile is good to 19 %.
 */
#ifndef HIST_H
#define HIST_H

#include <stdatomic.h>
#include <stdint.h>

#define HIST_BUCKETS	112	/* up to 2^28 us: four minutes */

struct hist {
	_Atomic uint32_t	n[HIST_BUCKETS];
};

static inline unsigned int
hist_bucket(uint64_t us)
{
	unsigned int	octave, b;

	if (us < 4)
		return (unsigned int)us;
	octave = 63 - (unsigned int)__builtin_clzll(us);
	b = octave * 4 - 4 + (unsigned int)(us >> (octave - 2) & 3);
	return b < HIST_BUCKETS ? b : HIST_BUCKETS - 1;
}

/* The middle of a bucket. */
static inline uint64_t
hist_value(unsigned int b)
{
	unsigned int	octave = b / 4 + 1;
	uint64_t	quarter;

	if (b < 4)
		return b;
	quarter = (uint64_t)1 << (octave - 2);
	return (4 + b % 4) * quarter + quarter / 2;
}

static inline void
hist_add(struct hist *h, uint64_t us)
{
	atomic_fetch_add_explicit(&h->n[hist_bucket(us)], 1,
	    memory_order_relaxed);
}

/* The time that so many of a thousand were not longer than; 0: none yet. */
uint64_t	 hist_permille(const struct hist *, unsigned int);

#endif

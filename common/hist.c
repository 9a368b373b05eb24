/* Percentiles of a histogram. */
#include "hist.h"

uint64_t
hist_permille(const struct hist *h, unsigned int permille)
{
	uint64_t	sum = 0, want;
	unsigned int	b;

	for (b = 0; b < HIST_BUCKETS; b++)
		sum += atomic_load_explicit(&h->n[b], memory_order_relaxed);
	if (sum == 0)
		return 0;
	want = (sum * permille + 999) / 1000;
	for (b = 0, sum = 0; b < HIST_BUCKETS - 1; b++) {
		sum += atomic_load_explicit(&h->n[b], memory_order_relaxed);
		if (sum >= want)
			break;
	}
	return hist_value(b);
}

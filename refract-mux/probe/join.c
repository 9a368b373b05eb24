/*
 * Pieces of a stream, put together: of CRYPTO frames, and of fragments of
 * DTLS.  What is there is a short list of ranges, ascending and apart.
 */
#include "probe.h"
#include "refract-probe-udp.h"

void
rp_join_begin(struct rp_join *j, void *buf, size_t size)
{
	j->buf = buf;
	j->size = size;
	j->n = 0;
}

size_t
rp_join_prefix(const struct rp_join *j)
{
	return j->n > 0 && j->have[0].from == 0 ? j->have[0].to : 0;
}

/* What of [from, to) is there already is the same as p. */
static int
agrees(const struct rp_join *j, uint32_t from, uint32_t to, const uint8_t *p)
{
	uint32_t	lo, hi;
	unsigned int	i;

	for (i = 0; i < j->n && j->have[i].from < to; i++) {
		lo = j->have[i].from > from ? j->have[i].from : from;
		hi = j->have[i].to < to ? j->have[i].to : to;
		if (lo < hi && memcmp(j->buf + lo, p + (lo - from),
		    hi - lo) != 0)
			return 0;
	}
	return 1;
}

/* The ranges first to last - 1 become one that covers from to to as well. */
static void
merge(struct rp_join *j, unsigned int first, unsigned int last, uint32_t from,
    uint32_t to)
{
	if (first < last) {
		if (j->have[first].from < from)
			from = j->have[first].from;
		if (j->have[last - 1].to > to)
			to = j->have[last - 1].to;
	}
	memmove(&j->have[first + 1], &j->have[last],
	    (j->n - last) * sizeof(j->have[0]));
	j->n = j->n - (last - first) + 1;
	j->have[first].from = from;
	j->have[first].to = to;
}

enum rp_joined
rp_join_add(struct rp_join *j, uint64_t at, const void *p, size_t n)
{
	uint32_t	from, to;
	unsigned int	first, last;

	if (n > j->size || at > j->size - n)
		return RP_JOIN_BEYOND;
	if (n == 0)
		return RP_JOINED;
	from = (uint32_t)at;
	to = from + (uint32_t)n;
	if (!agrees(j, from, to, p))
		return RP_JOIN_DIFFERS;
	for (first = 0; first < j->n && j->have[first].to < from; first++)
		;
	for (last = first; last < j->n && j->have[last].from <= to; last++)
		;
	if (first == last && j->n == RP_JOIN_RANGES)
		return RP_JOIN_LATER;
	memcpy(j->buf + from, p, n);
	merge(j, first, last, from, to);
	return RP_JOINED;
}

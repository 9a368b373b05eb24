/*
 * SipHash-1-3 with a key that is drawn at start: what comes from outside
 * cannot be chosen to collide in a table.
 */
#ifndef SIPHASH_H
#define SIPHASH_H

#include <stddef.h>
#include <stdint.h>

struct sipkey {
	uint64_t	k0, k1;
};

uint64_t	 siphash(const struct sipkey *, const void *, size_t);

#endif

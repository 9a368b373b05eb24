/*
 * SipHash (Aumasson, Bernstein 2012), one round a word and three at the end.
 */
#include <string.h>

#include "siphash.h"

struct state {
	uint64_t	v0, v1, v2, v3;
};

static inline uint64_t
rotl(uint64_t x, int n)
{
	return x << n | x >> (64 - n);
}

static inline void
sip_round(struct state *s)
{
	s->v0 += s->v1;
	s->v1 = rotl(s->v1, 13) ^ s->v0;
	s->v0 = rotl(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = rotl(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = rotl(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = rotl(s->v1, 17) ^ s->v2;
	s->v2 = rotl(s->v2, 32);
}

uint64_t
siphash(const struct sipkey *key, const void *data, size_t len)
{
	struct state	 s = {
		key->k0 ^ 0x736f6d6570736575ULL,
		key->k1 ^ 0x646f72616e646f6dULL,
		key->k0 ^ 0x6c7967656e657261ULL,
		key->k1 ^ 0x7465646279746573ULL
	};
	const uint8_t	*p = data;
	uint64_t	 m, last = (uint64_t)len << 56;
	size_t		 i;

	for (; len >= 8; len -= 8, p += 8) {
		memcpy(&m, p, 8);
		s.v3 ^= m;
		sip_round(&s);
		s.v0 ^= m;
	}
	for (i = 0; i < len; i++)
		last |= (uint64_t)p[i] << (8 * i);
	s.v3 ^= last;
	sip_round(&s);
	s.v0 ^= last;
	s.v2 ^= 0xff;
	sip_round(&s);
	sip_round(&s);
	sip_round(&s);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

/*
 * Making what a QUIC client sends: hellos, frames, Initial packets, datagrams.
 * For tests, fuzzers and benches of QUIC.
 */
#ifndef QUIC_SEAL_H
#define QUIC_SEAL_H

#include <stdint.h>
#include <string.h>

#include "quic.h"

/* Bytes that grow; the caller knows that there is room. */
struct out {
	uint8_t	*p;
	size_t	 n;
};

static inline void
put(struct out *o, const void *p, size_t n)
{
	if (n > 0)
		memcpy(o->p + o->n, p, n);
	o->n += n;
}

static inline void
put_fill(struct out *o, int c, size_t n)
{
	memset(o->p + o->n, c, n);
	o->n += n;
}

/* Big endian, in so many bytes. */
static inline void
put_be(struct out *o, uint64_t v, unsigned int width)
{
	while (width-- > 0)
		o->p[o->n++] = (uint8_t)(v >> 8 * width);
}

/* A QUIC number in at least so many bytes. */
static inline void
put_number(struct out *o, uint64_t v, unsigned int least)
{
	unsigned int	width = 1, code = 0;

	while (width < least || (width < 8 && v >> (8 * width - 2) != 0)) {
		width *= 2;
		code++;
	}
	put_be(o, v | (uint64_t)code << (8 * width - 2), width);
}

static inline void
put_crypto(struct out *o, uint64_t at, const void *p, size_t n)
{
	put_number(o, 6, 1);
	put_number(o, at, 1);
	put_number(o, n, 1);
	put(o, p, n);
}

/* The message of a ClientHello of exactly len bytes: padded in front. */
static inline size_t
make_hello(uint8_t *buf, const char *sni, const char *alpn, size_t len)
{
	struct out	o = { buf, 0 };
	size_t		nsni = strlen(sni), nalpn = strlen(alpn), tail;

	tail = 9 + nsni + 7 + nalpn + 7;
	put_be(&o, 1, 1);
	put_be(&o, len - 4, 3);
	put_be(&o, 0x0303, 2);
	put_fill(&o, 0x5a, 32);
	put(&o, "\0\0\2\x13\1\1\0", 7);		/* no id, one cipher */
	put_be(&o, len - o.n - 2, 2);
	put_be(&o, 0x15, 2);
	put_be(&o, len - o.n - 2 - tail, 2);
	while (o.n < len - tail) {
		buf[o.n] = (uint8_t)(o.n * 7 + (o.n >> 8));
		o.n++;
	}
	put(&o, "\0\x2b\0\3\2\3\4", 7);
	put_be(&o, 0, 2);
	put_be(&o, nsni + 5, 2);
	put_be(&o, nsni + 3, 2);
	put_be(&o, 0, 1);
	put_be(&o, nsni, 2);
	put(&o, sni, nsni);
	put_be(&o, 16, 2);
	put_be(&o, nalpn + 3, 2);
	put_be(&o, nalpn + 1, 2);
	put_be(&o, nalpn, 1);
	put(&o, alpn, nalpn);
	return o.n;
}

/* How a packet is sealed. */
struct seal {
	uint32_t	 version;
	const void	*dcid, *keyed, *token;	/* keyed NULL: by dcid */
	size_t		 ndcid, nkeyed, ntoken;
	uint64_t	 number;
	unsigned int	 width;			/* of the number, 1 to 4 */
	unsigned int	 bits;			/* reserved ones of the head */
};

/* The type bits of a long header, by what version 1 calls them. */
static inline uint8_t
long_type(uint32_t version, unsigned int type)
{
	return (uint8_t)((version == RP_QUIC_V1 ? type : (type + 1) % 4) << 4);
}

static inline void
put_long(struct out *o, const struct seal *s, unsigned int type)
{
	put_be(o, 0xc0u | long_type(s->version, type) | s->bits |
	    (s->width - 1), 1);
	put_be(o, s->version, 4);
	put_be(o, s->ndcid, 1);
	put(o, s->dcid, s->ndcid);
	put(o, "\4scid", 5);
}

/* An Initial with these frames, behind what is there. */
static inline void
put_initial(struct out *o, const struct seal *s, const uint8_t *frames,
    size_t n)
{
	struct quic_keys	k;
	struct out		h = { o->p + o->n, 0 };
	uint8_t			mask[16];
	unsigned int		i;

	if (s->keyed != NULL)
		quic_keys(&k, s->version, s->keyed, s->nkeyed, 0);
	else
		quic_keys(&k, s->version, s->dcid, s->ndcid, 0);
	put_long(&h, s, 0);
	put_number(&h, s->ntoken, 1);
	put(&h, s->token, s->ntoken);
	put_number(&h, s->width + n + QUIC_TAG, 2);
	put_be(&h, s->number, s->width);
	quic_seal(&k, s->number, h.p, h.n, frames, n, h.p + h.n);
	quic_mask(&k, h.p + h.n - s->width + QUIC_NUMBER_MAX, mask);
	h.p[0] ^= mask[0] & 0x0f;
	for (i = 0; i < s->width; i++)
		h.p[h.n - s->width + i] ^= mask[1 + i];
	o->n += h.n + n + QUIC_TAG;
}

/* 0-RTT or Handshake (types 1 and 2) that nobody here can open. */
static inline void
put_sealed(struct out *o, const struct seal *s, unsigned int type, size_t n)
{
	put_long(o, s, type);
	put_number(o, n, 2);
	put_fill(o, 0xa5, n);
}

#define SEAL_FRAMES_MAX	65536

/* A datagram with one Initial, filled up to 1200 bytes by PADDING. */
static inline size_t
make_datagram(uint8_t *buf, const struct seal *s, const uint8_t *frames,
    size_t n)
{
	static uint8_t	padded[SEAL_FRAMES_MAX];
	struct out	o = { buf, 0 };
	size_t		rest = 7 + s->ndcid + 5 + s->ntoken + 4 + s->width +
			    QUIC_TAG;

	memcpy(padded, frames, n);
	if (n + rest < RP_QUIC_DATAGRAM_MIN + 2) {
		memset(padded + n, 0, RP_QUIC_DATAGRAM_MIN + 2 - rest - n);
		n = RP_QUIC_DATAGRAM_MIN + 2 - rest;
	}
	put_initial(&o, s, padded, n);
	return o.n;
}

#endif

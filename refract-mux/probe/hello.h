/*
 * A reader over a ClientHello, in as many records as its sender likes (RFC
 * 8446 5.1: handshake messages may be split over records) and cut anywhere.
 * The message is read where it lies; only what a record's header parts is put
 * together.
 */
#ifndef HELLO_H
#define HELLO_H

#include "probe.h"

#define EXT_SNI		0
#define EXT_SIGALGS	13
#define EXT_ALPN	16
#define EXT_VERSIONS	43

enum hello_state { HELLO_OK, HELLO_SHORT, HELLO_BROKEN };

struct hello {
	const uint8_t		*p;	/* next byte */
	const uint8_t		*end;	/* of this record, or of the bytes */
	const uint8_t		*limit;	/* of the bytes */
	size_t			 missing; /* of this record, behind limit */
	size_t			 left;	/* of the handshake message */
	enum hello_state	 state;
	unsigned int		 seen;	/* what was read of extensions */
};

/*
 * To the session id.  records: the bytes are TLS records; else they are the
 * message alone, as CRYPTO frames of QUIC carry it (RFC 9001 4.1.3).
 */
enum rp_answer	 hello_open(struct hello *, const uint8_t *, size_t,
		    int records, uint16_t *version);
/* Both ways to read on over the end of a record. */
const uint8_t	*hello_take_apart(struct hello *, uint8_t *, size_t);
int		 hello_skip_apart(struct hello *, size_t);
/* Over the whole hello into info, as rp_hello() and the probe do. */
enum rp_answer	 hello_read(const uint8_t *, size_t, int records,
		    struct rp_info *);
/* From the extensions' length on: the last that a hello has. */
int		 hello_extensions(struct hello *, struct rp_info *);

static inline int
hello_broken(struct hello *h)
{
	h->state = HELLO_BROKEN;
	return 0;
}

/* n bytes together: where they lie, or in buf, which has room for them. */
static inline const uint8_t *
hello_take(struct hello *h, uint8_t *buf, size_t n)
{
	const uint8_t	*p = h->p;

	if (n > h->left) {
		h->state = HELLO_BROKEN;
		return NULL;
	}
	h->left -= n;
	if ((size_t)(h->end - p) < n)
		return hello_take_apart(h, buf, n);
	h->p += n;
	return p;
}

static inline int
hello_skip(struct hello *h, size_t n)
{
	if (n > h->left)
		return hello_broken(h);
	h->left -= n;
	if ((size_t)(h->end - h->p) < n)
		return hello_skip_apart(h, n);
	h->p += n;
	return 1;
}

/* The length of a vector, which takes one byte or two (width). */
static inline int
hello_length(struct hello *h, size_t width, size_t *n)
{
	uint8_t		 buf[2];
	const uint8_t	*p = hello_take(h, buf, width);

	if (p == NULL)
		return 0;
	*n = width == 1 ? p[0] : be16(p);
	return *n <= h->left ? 1 : hello_broken(h);
}

/* Over a vector of at least so many bytes. */
static inline int
hello_skip_vector(struct hello *h, size_t width, size_t least)
{
	size_t	n;

	if (!hello_length(h, width, &n))
		return 0;
	return n >= least ? hello_skip(h, n) : hello_broken(h);
}

/* RFC 8701: 0x0a0a, 0x1a1a, ... 0xfafa. */
static inline int
is_grease(unsigned int v)
{
	return (v & 0x0f0f) == 0x0a0a && v >> 8 == (v & 0xff);
}

#endif

/*
 * TLS: a ClientHello in as many records as its sender likes (RFC 8446 5.1:
 * handshake messages may be split over records), cut anywhere.  It is read
 * where it lies; only what a record's header parts is put together.
 */
#include "probe.h"

#define RECORD_HEADER	5
#define RECORD_MAX	(16384 + 2048)	/* RFC 5246 6.2.3 */
#define EXTENSIONS_MAX	512		/* more is no hello of anybody */

#define EXT_SNI		0
#define EXT_ALPN	16
#define EXT_VERSIONS	43

enum state { OK, SHORT, BROKEN };

/* A reader over the handshake bytes of records that follow each other. */
struct hello {
	const uint8_t	*p;		/* next byte */
	const uint8_t	*end;		/* of this record, or of the bytes */
	const uint8_t	*limit;		/* of the bytes */
	size_t		 missing;	/* of this record behind limit */
	size_t		 left;		/* of the handshake message */
	enum state	 state;
};

/* The next record begins at h->p. */
static int
next_record(struct hello *h)
{
	const uint8_t	*p = h->p;
	size_t		 have = (size_t)(h->limit - p), n;

	if (h->missing > 0) {
		h->state = SHORT;
		return 0;
	}
	if ((have > 0 && p[0] != 22) || (have > 1 && p[1] != 3) ||
	    (have > 2 && p[2] > 4)) {
		h->state = BROKEN;
		return 0;
	}
	if (have < RECORD_HEADER) {
		h->state = SHORT;
		return 0;
	}
	n = be16(p + 3);
	if (n == 0 || n > RECORD_MAX) {
		h->state = BROKEN;
		return 0;
	}
	have -= RECORD_HEADER;
	h->p = p + RECORD_HEADER;
	h->end = h->p + (n < have ? n : have);
	h->missing = n > have ? n - have : 0;
	return 1;
}

/* n bytes of the message together: where they lie, or put into buf. */
static const uint8_t *
take_apart(struct hello *h, uint8_t *buf, size_t n)
{
	size_t	part, done = 0;

	while (done < n) {
		if (h->p == h->end && !next_record(h))
			return NULL;
		part = (size_t)(h->end - h->p);
		if (part > n - done)
			part = n - done;
		if (buf != NULL)
			memcpy(buf + done, h->p, part);
		h->p += part;
		done += part;
	}
	return buf;
}

static inline const uint8_t *
take(struct hello *h, uint8_t *buf, size_t n)
{
	const uint8_t	*p = h->p;

	if (n > h->left) {
		h->state = BROKEN;
		return NULL;
	}
	h->left -= n;
	if ((size_t)(h->end - p) >= n) {
		h->p += n;
		return p;
	}
	return take_apart(h, buf, n);
}

static inline int
skip(struct hello *h, size_t n)
{
	if (n > h->left) {
		h->state = BROKEN;
		return 0;
	}
	h->left -= n;
	if ((size_t)(h->end - h->p) >= n) {
		h->p += n;
		return 1;
	}
	take_apart(h, NULL, n);
	return h->state == OK;
}

/* A vector of at least lo bytes behind a length of one or two: over it. */
static inline int
skip_vector(struct hello *h, size_t width, size_t lo)
{
	uint8_t		 buf[2];
	const uint8_t	*p;
	size_t		 n;

	if ((p = take(h, buf, width)) == NULL)
		return 0;
	n = width == 1 ? p[0] : be16(p);
	if (n < lo) {
		h->state = BROKEN;
		return 0;
	}
	return skip(h, n);
}

/* An extension's bytes, kept where the caller may look at them. */
static const uint8_t *
keep(struct hello *h, struct rp_info *info, size_t n)
{
	uint8_t		*buf = info->buf + info->nbuf;
	const uint8_t	*p;

	if ((size_t)(h->end - h->p) < n && n > RP_BUF_LEN - info->nbuf) {
		h->state = BROKEN;
		return NULL;
	}
	if ((p = take(h, buf, n)) == buf)
		info->nbuf += n;
	return p;
}

/* RFC 6066 3: a list of names, of which one is a host's. */
static int
server_name(struct hello *h, struct rp_info *info, size_t n)
{
	const uint8_t	*p;

	if (n == 0)
		return 1;
	if ((p = keep(h, info, n)) == NULL)
		return 0;
	if (n < 5 || be16(p) != n - 2 || p[2] != 0 || be16(p + 3) > n - 5 ||
	    be16(p + 3) == 0) {
		h->state = BROKEN;
		return 0;
	}
	info->sni.p = p + 5;
	info->sni.n = be16(p + 3);
	return 1;
}

/* RFC 7301 3.1. */
static int
protocols(struct hello *h, struct rp_info *info, size_t n)
{
	const uint8_t	*p;
	size_t		 i;

	if ((p = keep(h, info, n)) == NULL)
		return 0;
	if (n < 2 || be16(p) != n - 2)
		goto broken;
	for (i = 2; i < n; i += p[i] + 1u)
		if (p[i] == 0 || p[i] + 1u > n - i)
			goto broken;
	info->alpn.p = p + 2;
	info->alpn.n = n - 2;
	return 1;
broken:
	h->state = BROKEN;
	return 0;
}

/* RFC 8446 4.2.1; 0x?a?a is GREASE (RFC 8701). */
static int
versions(struct hello *h, struct rp_info *info, size_t n)
{
	uint8_t		 buf[256];
	const uint8_t	*p;
	size_t		 i;
	unsigned int	 v;

	if (n < 3 || n > sizeof(buf)) {
		h->state = BROKEN;
		return 0;
	}
	if ((p = take(h, buf, n)) == NULL)
		return 0;
	if (p[0] != n - 1 || p[0] % 2 != 0) {
		h->state = BROKEN;
		return 0;
	}
	for (i = 1; i < n; i += 2) {
		v = be16(p + i);
		if ((v & 0x0f0f) != 0x0a0a && v > info->version)
			info->version = (uint16_t)v;
	}
	return 1;
}

static int
extension(struct hello *h, struct rp_info *info, unsigned int type, size_t n)
{
	switch (type) {
	case EXT_SNI:
		return server_name(h, info, n);
	case EXT_ALPN:
		return protocols(h, info, n);
	case EXT_VERSIONS:
		return versions(h, info, n);
	}
	return skip(h, n);
}

static void
extensions(struct hello *h, struct rp_info *info)
{
	uint8_t		 buf[4];
	const uint8_t	*p;
	unsigned int	 i;
	size_t		 n;

	if (h->left == 0)
		return;
	if ((p = take(h, buf, 2)) == NULL)
		return;
	if (be16(p) != h->left) {
		h->state = BROKEN;
		return;
	}
	for (i = 0; h->left > 0; i++) {
		if (i == EXTENSIONS_MAX) {
			h->state = BROKEN;
			return;
		}
		if ((p = take(h, buf, 4)) == NULL)
			return;
		n = be16(p + 2);
		if (!extension(h, info, be16(p), n))
			return;
	}
}

/* Over all that stands before the extensions. */
static int
body(struct hello *h)
{
	return skip(h, 32) && skip_vector(h, 1, 0) &&
	    skip_vector(h, 2, 2) && skip_vector(h, 1, 1);
}

/* The handshake's header and the version: then it is one. */
static enum rp_answer
head(struct hello *h, struct rp_info *info)
{
	uint8_t		 buf[6];
	const uint8_t	*p;
	size_t		 n;

	h->left = sizeof(buf);
	if (h->state == OK && (p = take(h, buf, 1)) != NULL && p[0] != 1)
		return RP_NO;
	if (h->state != OK || (p = take(h, buf, 5)) == NULL)
		return h->state == SHORT ? RP_MORE : RP_NO;
	n = be24(p);
	if (n < 2 + 32 + 1 + 2 + 2 + 1 + 1 || n > 131072 || p[3] != 3)
		return RP_NO;
	info->version = (uint16_t)be16(p + 3);
	h->left = n - 2;
	return RP_YES;
}

enum rp_answer
probe_tls(const uint8_t *p, size_t n, struct rp_info *info)
{
	struct hello	h = { p, p, p + n, 0, 0, OK };
	enum rp_answer	answer;

	info->sni.n = info->alpn.n = info->nbuf = 0;
	info->complete = info->broken = 0;
	if ((answer = head(&h, info)) != RP_YES)
		return answer;
	if (body(&h))
		extensions(&h, info);
	info->broken = h.state == BROKEN;
	info->complete = h.state != SHORT;
	return RP_YES;
}

int
rp_alpn_has(const struct rp_slice *list, const void *name, size_t n)
{
	size_t	i;

	for (i = 0; i + 1 <= list->n; i += list->p[i] + 1u) {
		if (list->p[i] > list->n - i - 1)
			return 0;
		if (list->p[i] == n && memcmp(list->p + i + 1, name, n) == 0)
			return 1;
	}
	return 0;
}

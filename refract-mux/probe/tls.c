/*
 * TLS: a ClientHello, and what it asks for.
 */
#include "hello.h"

#define RECORD_HEADER	5
#define RECORD_MAX	(16384 + 2048)	/* RFC 5246 6.2.3 */
#define HELLO_HEAD	6		/* type, length, version */
/* Version, random, session id, one cipher, one compression: the least. */
#define HELLO_MIN	(2 + 32 + 1 + 2 + 2 + 1 + 1)
#define HELLO_MAX	131072		/* RFC 8446 4.1.2 allows no more */

/* The next record begins at h->p. */
static inline int
next_record(struct hello *h)
{
	const uint8_t	*p = h->p;
	size_t		 have = (size_t)(h->limit - p), n;

	if (h->missing > 0) {
		h->state = HELLO_SHORT;
		return 0;
	}
	if ((have > 0 && p[0] != 22) || (have > 1 && p[1] != 3) ||
	    (have > 2 && p[2] > 4))
		return hello_broken(h);
	if (have < RECORD_HEADER) {
		h->state = HELLO_SHORT;
		return 0;
	}
	n = be16(p + 3);
	if (n == 0 || n > RECORD_MAX)
		return hello_broken(h);
	have -= RECORD_HEADER;
	h->p = p + RECORD_HEADER;
	h->end = h->p + (n < have ? n : have);
	h->missing = n > have ? n - have : 0;
	return 1;
}

const uint8_t *
hello_take_apart(struct hello *h, uint8_t *buf, size_t n)
{
	size_t	part, done = 0;

	while (done < n) {
		if (h->p == h->end && !next_record(h))
			return NULL;
		part = (size_t)(h->end - h->p);
		if (part > n - done)
			part = n - done;
		memcpy(buf + done, h->p, part);
		h->p += part;
		done += part;
	}
	return buf;
}

int
hello_skip_apart(struct hello *h, size_t n)
{
	size_t	part;

	while (n > 0) {
		if (h->p == h->end && !next_record(h))
			return 0;
		part = (size_t)(h->end - h->p);
		if (part > n)
			part = n;
		h->p += part;
		n -= part;
	}
	return 1;
}

static enum rp_answer
not_open(const struct hello *h)
{
	return h->state == HELLO_SHORT ? RP_MORE : RP_NO;
}

static inline enum rp_answer
open_hello(struct hello *h, const uint8_t *p, size_t n, int records,
    uint16_t *version)
{
	uint8_t		 buf[HELLO_HEAD];
	const uint8_t	*q;
	size_t		 len;

	*h = (struct hello){ .p = p, .end = p, .limit = p + n,
	    .left = HELLO_HEAD };
	if (!records) {
		h->end = h->limit;
		h->missing = HELLO_MAX;
	} else if (!next_record(h))
		return not_open(h);
	if ((q = hello_take(h, buf, 1)) == NULL)
		return not_open(h);
	if (q[0] != 1)
		return RP_NO;
	if ((q = hello_take(h, buf, HELLO_HEAD - 1)) == NULL)
		return not_open(h);
	len = be24(q);
	if (len < HELLO_MIN || len > HELLO_MAX || q[3] != 3)
		return RP_NO;
	*version = (uint16_t)be16(q + 3);
	h->left = len - 2;
	return RP_YES;
}

enum rp_answer
hello_open(struct hello *h, const uint8_t *p, size_t n, int records,
    uint16_t *version)
{
	return open_hello(h, p, n, records, version);
}

/*
 * An extension's bytes together, where the caller may look at them later.
 * NULL: they are not all here, or they are more than may be put together.
 */
static const uint8_t *
keep(struct hello *h, struct rp_info *info, size_t n)
{
	uint8_t		*buf = info->buf + info->nbuf;
	const uint8_t	*p;
	size_t		 here = (size_t)(h->end - h->p);

	if (n > here && n <= here + h->missing) {
		h->state = HELLO_SHORT;
		return NULL;
	}
	if (n > here && n > RP_BUF_LEN - info->nbuf)
		return NULL;
	if ((p = hello_take(h, buf, n)) == buf)
		info->nbuf += n;
	return p;
}

/* RFC 6066 3: a list of names, one of a kind; 0 is a host's. */
static int
server_name(struct rp_info *info, const uint8_t *p, size_t n)
{
	size_t	i, len;

	if (n < 2 || be16(p) != n - 2)
		return 0;
	for (i = 2; n - i > 3; i += 3 + len) {
		len = be16(p + i + 1);
		if (len == 0 || len > n - i - 3)
			return 0;
		if (p[i] != 0)
			continue;
		if (info->sni.n > 0)
			return 0;
		info->sni = (struct rp_slice){ p + i + 3, len };
	}
	return i == n;
}

/* RFC 7301 3.1. */
static int
protocols(struct rp_info *info, const uint8_t *p, size_t n)
{
	size_t	i;

	if (n < 2 || be16(p) != n - 2)
		return 0;
	for (i = 2; i < n; i += p[i] + 1u)
		if (p[i] == 0 || p[i] >= n - i)
			return 0;
	info->alpn = (struct rp_slice){ p + 2, n - 2 };
	return 1;
}

/* DTLS counts downwards: 1.3 is 0xfefc. */
static int
newer(unsigned int v, unsigned int than)
{
	return than == 0 || (v >= 0xfe00 ? v < than : v > than);
}

/* RFC 8446 4.2.1: what it says counts, not the old field. */
static int
versions(struct rp_info *info, const uint8_t *p, size_t n)
{
	unsigned int	v, highest = 0;
	size_t		i;

	if (p[0] != n - 1 || p[0] % 2 != 0)
		return 0;
	for (i = 1; i < n; i += 2)
		if (!is_grease(v = be16(p + i)) && newer(v, highest))
			highest = v;
	if (highest > 0)
		info->version = (uint16_t)highest;
	return 1;
}

/*
 * What is in an extension is its sender's affair: one that makes no sense, or
 * comes twice, is marked and counts as if it were not there.
 */
static int
extension(struct hello *h, struct rp_info *info, unsigned int bit, size_t n,
    int (*read)(struct rp_info *, const uint8_t *, size_t))
{
	const uint8_t	*p;

	if (n == 0)
		return 1;
	if (n > h->left)
		return hello_broken(h);
	if (h->seen & bit) {
		info->broken = 1;
		return hello_skip(h, n);
	}
	h->seen |= bit;
	if ((p = keep(h, info, n)) == NULL) {
		if (h->state != HELLO_OK)
			return 0;
		info->broken = 1;
		return hello_skip(h, n);
	}
	if (!read(info, p, n))
		info->broken = 1;
	return 1;
}

int
hello_extensions(struct hello *h, struct rp_info *info)
{
	uint8_t		 buf[4];
	const uint8_t	*p;
	size_t		 n;
	int		 ok = 1;

	if (h->left == 0)
		return 1;
	if (!hello_length(h, 2, &n))
		return 0;
	if (n != h->left)
		return hello_broken(h);
	while (ok && h->left > 0) {
		if ((p = hello_take(h, buf, 4)) == NULL)
			return 0;
		n = be16(p + 2);
		switch (be16(p)) {
		case EXT_SNI:
			ok = extension(h, info, 1, n, server_name);
			break;
		case EXT_ALPN:
			ok = extension(h, info, 2, n, protocols);
			break;
		case EXT_VERSIONS:
			ok = extension(h, info, 4, n, versions);
			break;
		default:
			ok = hello_skip(h, n);
		}
	}
	return ok;
}

/* Over all that stands before the extensions. */
static int
body(struct hello *h)
{
	return hello_skip(h, 32) && hello_skip_vector(h, 1, 0) &&
	    hello_skip_vector(h, 2, 2) && hello_skip_vector(h, 1, 1);
}

enum rp_answer
hello_read(const uint8_t *p, size_t n, int records, struct rp_info *info)
{
	struct hello	h;
	enum rp_answer	answer;

	if ((answer = open_hello(&h, p, n, records, &info->version)) !=
	    RP_YES)
		return answer;
	if (body(&h))
		hello_extensions(&h, info);
	if (h.state == HELLO_BROKEN)
		info->broken = 1;
	info->complete = h.state != HELLO_SHORT;
	return RP_YES;
}

enum rp_answer
probe_tls(const uint8_t *p, size_t n, struct rp_info *info)
{
	return hello_read(p, n, 1, info);
}

enum rp_answer
rp_hello(const uint8_t *p, size_t n, struct rp_info *info)
{
	info_clear(info);
	info->proto = RP_TLS;
	return hello_read(p, n, 0, info);
}

int
rp_alpn_has(const struct rp_slice *list, const void *name, size_t n)
{
	size_t	i;

	for (i = 0; i < list->n; i += list->p[i] + 1u) {
		if (list->p[i] >= list->n - i)
			return 0;
		if (list->p[i] == n && memcmp(list->p + i + 1, name, n) == 0)
			return 1;
	}
	return 0;
}

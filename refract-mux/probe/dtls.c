/*
 * DTLS: a ClientHello in as many fragments, records and datagrams as its
 * sender likes (RFC 6347 4.2.3, RFC 9147 5.5).  Nothing in it is authentic, so
 * each length is held against the others.
 */
#include "hello.h"
#include "refract-probe-udp.h"

#define RECORD_HEADER	13
#define RECORD_MAX	(16384 + 2048)
#define HEADER		12		/* of a fragment */
#define CLIENT_HELLO	1
#define SEQ_MAX		1		/* the second one has a cookie */
/* Version, random, session id, cookie, one cipher, one compression. */
#define BODY_MIN	(2 + 32 + 1 + 1 + 2 + 2 + 1 + 1)
#define BODY_MAX	16384		/* that a single look puts together */

struct fragment {
	size_t		 len;		/* of the whole body */
	unsigned int	 seq;
	size_t		 at, n;
	const uint8_t	*p;
};

void
rp_dtls_begin(struct rp_dtls *d, void *buf, size_t size)
{
	memset(d, 0, sizeof(*d));
	rp_join_begin(&d->join, buf, size);
	d->answer = RP_NO;
}

/* 1.0 or 1.2; 1.3 says so in an extension only. */
static int
is_version(const uint8_t *p)
{
	return p[0] == 0xfe && (p[1] == 0xff || p[1] == 0xfd);
}

/* A record of the first epoch at p: how long its fragments are, 0: none. */
static size_t
record(const uint8_t *p, size_t n)
{
	size_t	len;

	if (n < RECORD_HEADER + HEADER || p[0] != 22 || !is_version(p + 1) ||
	    be16(p + 3) != 0)
		return 0;
	len = be16(p + 11);
	return len >= HEADER && len <= RECORD_MAX && len <= n - RECORD_HEADER ?
	    len : 0;
}

/* The next fragment of a record; 0 if it is not one of a ClientHello. */
static int
fragment(const uint8_t *p, size_t n, struct fragment *f)
{
	if (n < HEADER || p[0] != CLIENT_HELLO)
		return 0;
	f->len = be24(p + 1);
	f->seq = be16(p + 4);
	f->at = be24(p + 6);
	f->n = be24(p + 9);
	f->p = p + HEADER;
	return f->len >= BODY_MIN && f->seq <= SEQ_MAX && f->at <= f->len &&
	    f->n <= f->len - f->at && f->n <= n - HEADER;
}

/* 0: it contradicts what came before. */
static int
add(struct rp_dtls *d, const struct fragment *f)
{
	if (d->len != 0 && f->seq < d->seq)
		return 1;		/* late, of no use */
	if (d->len != 0 && f->seq > d->seq) {
		d->join.n = 0;
		d->len = 0;
	}
	if (d->len != 0 && d->len != f->len)
		return 0;
	d->len = f->len;
	d->seq = f->seq;
	return rp_join_add(&d->join, f->at, f->p, f->n) != RP_JOIN_DIFFERS;
}

/* All of a datagram; d NULL: only whether it is all right. */
static int
walk(const uint8_t *p, size_t n, struct rp_dtls *d, size_t max)
{
	struct fragment	f;
	size_t		len, at;

	for (; n > 0; p += RECORD_HEADER + len, n -= RECORD_HEADER + len) {
		if ((len = record(p, n)) == 0)
			return 0;
		for (at = 0; at < len; at += HEADER + f.n)
			if (!fragment(p + RECORD_HEADER + at, len - at, &f) ||
			    f.len > max || (d != NULL && !add(d, &f)))
				return 0;
	}
	return 1;
}

enum rp_answer
rp_dtls_feed(struct rp_dtls *d, const uint8_t *p, size_t n)
{
	if (d->len != 0 && d->answer == RP_NO)
		return RP_NO;
	if (n == 0 || !walk(p, n, NULL, d->join.size))
		return d->answer;
	d->answer = walk(p, n, d, d->join.size) ? RP_YES : RP_NO;
	if (rp_join_prefix(&d->join) >= 2 && !is_version(d->join.buf))
		d->answer = RP_NO;
	return d->answer;
}

/* A body of len bytes, of which n are here. */
static void
body(const uint8_t *p, size_t n, size_t len, struct rp_info *info)
{
	struct hello	 h = { .p = p, .end = p + n, .limit = p + n,
			    .missing = len - n, .left = len };
	uint8_t		 buf[2];
	const uint8_t	*q;

	info_clear(info);
	if ((q = hello_take(&h, buf, 2)) != NULL) {
		info->version = (uint16_t)be16(q);
		if (hello_skip(&h, 32) && hello_skip_vector(&h, 1, 0) &&
		    hello_skip_vector(&h, 1, 0) &&
		    hello_skip_vector(&h, 2, 2) && hello_skip_vector(&h, 1, 1))
			hello_extensions(&h, info);
	}
	if (h.state == HELLO_BROKEN)
		info->broken = 1;
	info->complete = h.state != HELLO_SHORT;
}

enum rp_answer
rp_dtls_answer(const struct rp_dtls *d, struct rp_info *info)
{
	if (d->answer == RP_YES)
		body(d->join.buf, rp_join_prefix(&d->join), d->len, info);
	info->proto = RP_DTLS;
	return d->answer;
}

/* One datagram; where its hello is in one piece it is read as it lies. */
enum rp_answer
probe_dtls(const uint8_t *p, size_t n, struct rp_info *info)
{
	struct rp_dtls	d;
	struct fragment	f;
	uint8_t		buf[BODY_MAX];
	size_t		len = record(p, n);

	if (len == 0 || !fragment(p + RECORD_HEADER, len, &f))
		return RP_NO;
	if (f.n == f.len && HEADER + f.n == len) {
		if (!is_version(f.p) || !walk(p, n, NULL, BODY_MAX))
			return RP_NO;
		body(f.p, f.n, f.len, info);
		return RP_YES;
	}
	rp_dtls_begin(&d, buf, sizeof(buf));
	if (rp_dtls_feed(&d, p, n) != RP_YES)
		return RP_NO;
	rp_dtls_answer(&d, info);
	info_own(info);
	return RP_YES;
}

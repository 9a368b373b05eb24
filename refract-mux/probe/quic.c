/*
 * A client's Initial packets, opened, and the hello in them put together.
 *
 * Whoever sends garbage is told from the header alone; whoever sends a header
 * that could be one costs one set of keys and one packet's opening.
 */
#include "probe.h"
#include "quic.h"

#define PACKETS_MAX	8	/* in a datagram: more are not looked at */
#define PACKET_MAX	65536	/* more no datagram has */
#define DCID_MIN	8	/* RFC 9000 7.2: a client's first choice */
#define RESERVED_BITS	0x0c

#define FRAME_PADDING	0x00
#define FRAME_PING	0x01
#define FRAME_ACK	0x02
#define FRAME_ACK_ECN	0x03
#define FRAME_CRYPTO	0x06
#define FRAME_CLOSE	0x1c

/* Frames, one after the other; data only of CRYPTO. */
struct frames {
	const uint8_t	*p, *end;
	int		 type;
	uint64_t	 at;
	const uint8_t	*data;
	size_t		 n;
};

void
rp_quic_begin(struct rp_quic *q, void *buf, size_t size)
{
	memset(q, 0, sizeof(*q));
	if (size > RP_QUIC_CRYPTO_MAX)
		size = RP_QUIC_CRYPTO_MAX;
	rp_join_begin(&q->join, buf, size);
	q->answer = RP_NO;
}

/* Frames. */

static int
number(struct frames *f, uint64_t *v)
{
	size_t	n = quic_varint(f->p, (size_t)(f->end - f->p), v);

	f->p += n;
	return n > 0;
}

/* A length, and so many bytes. */
static int
bytes(struct frames *f)
{
	uint64_t	n;

	if (!number(f, &n) || n > (uint64_t)(f->end - f->p))
		return 0;
	f->data = f->p;
	f->n = (size_t)n;
	f->p += n;
	return 1;
}

/* RFC 9000 19.3: ranges downwards, none below zero. */
static int
ack(struct frames *f, int ecn)
{
	uint64_t	largest, v, ranges, gap;
	int		i;

	if (!number(f, &largest) || !number(f, &v) || !number(f, &ranges) ||
	    !number(f, &v) || v > largest)
		return 0;
	for (largest -= v; ranges > 0; ranges--) {
		if (!number(f, &gap) || !number(f, &v) || gap + 2 > largest ||
		    v > largest - gap - 2)
			return 0;
		largest -= gap + 2 + v;
	}
	for (i = 0; ecn && i < 3; i++)
		if (!number(f, &v))
			return 0;
	return 1;
}

static void
padding(struct frames *f)
{
	static const uint8_t	zeros[16];

	while (f->end - f->p >= 16 && memcmp(f->p, zeros, 16) == 0)
		f->p += 16;
	while (f->p < f->end && *f->p == FRAME_PADDING)
		f->p++;
}

/* The next frame: 1, 0 at the end, -1 if it may not be in an Initial. */
static int
next_frame(struct frames *f)
{
	uint64_t	v;
	int		ok = 1;

	if (f->p == f->end)
		return 0;
	switch (f->type = *f->p++) {
	case FRAME_PADDING:
		padding(f);
		break;
	case FRAME_PING:
		break;
	case FRAME_ACK:
	case FRAME_ACK_ECN:
		ok = ack(f, f->type == FRAME_ACK_ECN);
		break;
	case FRAME_CRYPTO:
		ok = number(f, &f->at) && bytes(f);
		break;
	case FRAME_CLOSE:
		ok = number(f, &v) && number(f, &v) && bytes(f);
		break;
	default:
		ok = 0;
	}
	return ok ? 1 : -1;
}

/* All of them may be there, and none says more than fits. */
static int
frames_ok(const struct rp_quic *q, const uint8_t *p, size_t n)
{
	struct frames	f = { .p = p, .end = p + n };
	int		more;

	if (n == 0)		/* RFC 9000 12.4: at least one */
		return 0;
	while ((more = next_frame(&f)) == 1)
		if (f.type == FRAME_CRYPTO && (f.n > q->join.size ||
		    f.at > q->join.size - f.n))
			return 0;
	return more == 0;
}

/* 0: they contradict what came before. */
static int
frames_take(struct rp_quic *q, const uint8_t *p, size_t n)
{
	struct frames	f = { .p = p, .end = p + n };

	while (next_frame(&f) == 1)
		if (f.type == FRAME_CRYPTO && rp_join_add(&q->join, f.at,
		    f.data, f.n) == RP_JOIN_DIFFERS)
			return 0;
	return 1;
}

/* Packets. */

static int
same(const struct rp_slice *id, const uint8_t *p, size_t n)
{
	return id->n == n && memcmp(id->p, p, n) == 0;
}

/* Its keys are the ones that are there. */
static int
has_keys(const struct rp_quic *q, const struct rp_quic_header *h)
{
	return q->keyed && q->version == h->version &&
	    same(&h->dcid, q->dcid, q->ndcid);
}

static void
keys_of(struct rp_quic *q, const struct rp_quic_header *h,
    struct quic_keys *k)
{
	if (has_keys(q, h)) {
		memcpy(k->key, q->key, sizeof(k->key));
		memcpy(k->iv, q->iv, sizeof(k->iv));
		memcpy(k->hp, q->hp, sizeof(k->hp));
		return;
	}
	q->derived++;
	quic_keys(k, h->version, h->dcid.p, h->dcid.n, 0);
}

/*
 * The keys have proved good.  A client that has been told to retry, or to
 * speak another version, begins again; what is late of its old id is of no
 * use.
 */
static void
keep_keys(struct rp_quic *q, const struct rp_quic_header *h,
    const struct quic_keys *k)
{
	if (has_keys(q, h))
		return;
	if (q->keyed)
		q->join.n = 0;
	if (q->keyed && !same(&h->dcid, q->dcid, q->ndcid)) {
		memcpy(q->old, q->dcid, q->ndcid);
		q->nold = q->ndcid;
		q->again = 1;
	}
	q->keyed = 1;
	q->version = h->version;
	memcpy(q->dcid, h->dcid.p, h->dcid.n);
	q->ndcid = h->dcid.n;
	memcpy(q->key, k->key, sizeof(q->key));
	memcpy(q->iv, k->iv, sizeof(q->iv));
	memcpy(q->hp, k->hp, sizeof(q->hp));
}

/*
 * The payload of an Initial, in scratch, which has room for the packet: its
 * length, or -1.  RFC 9001 5.4, 5.3.
 */
static ssize_t
unprotect(struct rp_quic *q, const struct quic_keys *k, const uint8_t *p,
    const struct rp_quic_header *h, uint8_t *scratch, const uint8_t **out)
{
	uint8_t		mask[16];
	uint64_t	pn = 0;
	size_t		width, i, head;

	q->opened++;
	quic_mask(k, p + h->number + QUIC_NUMBER_MAX, mask);
	memcpy(scratch, p, h->number + QUIC_NUMBER_MAX);
	scratch[0] ^= mask[0] & 0x0f;
	width = (scratch[0] & 3) + 1u;
	for (i = 0; i < width; i++) {
		scratch[h->number + i] ^= mask[1 + i];
		pn = pn << 8 | scratch[h->number + i];
	}
	head = h->number + width;
	if (!quic_open(k, pn, scratch, head, p + head, h->len - head,
	    scratch + head) || scratch[0] & RESERVED_BITS)
		return -1;
	*out = scratch + head;
	return (ssize_t)(h->len - head - QUIC_TAG);
}

/* An Initial: 1 if it was one of this client's. */
static int
initial(struct rp_quic *q, const uint8_t *p, const struct rp_quic_header *h)
{
	struct quic_keys	 k;
	uint8_t			 scratch[PACKET_MAX];
	const uint8_t		*payload = NULL;
	ssize_t			 n;

	if (h->len > sizeof(scratch) ||
	    (h->token.n == 0 && h->dcid.n < DCID_MIN))
		return 0;
	if (q->again && same(&h->dcid, q->old, q->nold))
		return 1;
	keys_of(q, h, &k);
	if ((n = unprotect(q, &k, p, h, scratch, &payload)) == -1 ||
	    !frames_ok(q, payload, (size_t)n))
		return 0;
	keep_keys(q, h, &k);
	q->answer = frames_take(q, payload, (size_t)n) ? RP_YES : RP_NO;
	return q->answer == RP_YES;
}

/* The hello, as far as it is there. */
static enum rp_answer
hello(const struct rp_quic *q, struct rp_info *info)
{
	size_t		n = rp_join_prefix(&q->join);
	enum rp_answer	answer = rp_hello(q->join.buf, n, info);

	if (answer == RP_MORE)
		info->complete = 0;
	else if (answer == RP_YES && !info->complete &&
	    be24(q->join.buf + 1) > q->join.size - 4)
		info->complete = info->broken = 1;	/* will never fit */
	return answer;
}

/* After a datagram: what its frames have made of the answer. */
static void
conclude(struct rp_quic *q)
{
	struct rp_info	info;

	if (q->answer != RP_YES)
		return;
	if (hello(q, &info) == RP_NO)
		q->answer = RP_NO;
	else
		q->complete = info.complete;
}

/* RFC 9000 12.2: all packets of a datagram have one destination. */
static void
packets(struct rp_quic *q, const uint8_t *p, size_t n)
{
	struct rp_quic_header	h;
	struct rp_slice		first = { NULL, 0 };
	size_t			whole = n;
	unsigned int		i;

	for (i = 0; i < PACKETS_MAX && n > 0; i++, p += h.len, n -= h.len) {
		switch (rp_quic_header(p, n, &h)) {
		case RP_QUIC_INITIAL:
			if (whole < RP_QUIC_DATAGRAM_MIN || (i > 0 &&
			    !same(&h.dcid, first.p, first.n)) ||
			    !initial(q, p, &h))
				return;
			break;
		case RP_QUIC_0RTT:
			if (i == 0 && q->answer == RP_NO && !q->keyed)
				q->answer = RP_MORE;
			break;
		case RP_QUIC_HANDSHAKE:
			break;
		default:
			return;
		}
		if (i == 0)
			first = h.dcid;
	}
}

enum rp_answer
rp_quic_feed(struct rp_quic *q, const uint8_t *p, size_t n)
{
	struct rp_quic_header	h;

	if (q->complete || (q->keyed && q->answer == RP_NO))
		return q->answer;
	/* Only 0-RTT comes in less. */
	if (n < RP_QUIC_DATAGRAM_MIN &&
	    rp_quic_header(p, n, &h) != RP_QUIC_0RTT)
		return q->answer;
	packets(q, p, n);
	conclude(q);
	return q->answer;
}

enum rp_answer
rp_quic_answer(const struct rp_quic *q, struct rp_info *info)
{
	if (q->answer == RP_YES)
		hello(q, info);
	info->proto = RP_QUIC;
	return q->answer;
}

int
rp_quic_costs(const struct rp_quic *q, const uint8_t *p, size_t n)
{
	struct rp_quic_header	h;

	if (q->complete || n < RP_QUIC_DATAGRAM_MIN)
		return 0;
	switch (rp_quic_header(p, n, &h)) {
	case RP_QUIC_INITIAL:
		return !has_keys(q, &h);
	case RP_QUIC_0RTT:
	case RP_QUIC_HANDSHAKE:		/* one may follow */
		return 1;
	default:
		return 0;
	}
}

size_t
rp_quic_hello(const struct rp_quic *q, const uint8_t **p)
{
	size_t	n = rp_join_prefix(&q->join);

	if (q->answer != RP_YES || n < 4 || n - 4 < be24(q->join.buf + 1))
		return 0;
	*p = q->join.buf;
	return 4 + be24(q->join.buf + 1);
}

/* One datagram, without the others: what it says is kept in info. */
enum rp_answer
probe_quic(const uint8_t *p, size_t n, struct rp_info *info)
{
	struct rp_quic	q;
	uint8_t		buf[RP_QUIC_CRYPTO_MAX];
	enum rp_answer	answer;

	if (n == 0 || (p[0] & 0x80) == 0)
		return RP_NO;
	rp_quic_begin(&q, buf, sizeof(buf));
	rp_quic_feed(&q, p, n);
	if ((answer = rp_quic_answer(&q, info)) == RP_YES)
		info_own(info);
	return answer;
}

/* A long header of a version that nobody here knows: by rule only. */
enum rp_answer
probe_quic_other(const uint8_t *p, size_t n, struct rp_info *info)
{
	struct rp_quic_header	h;

	(void)info;
	return n >= RP_QUIC_DATAGRAM_MIN &&
	    rp_quic_header(p, n, &h) == RP_QUIC_UNKNOWN ? RP_YES : RP_NO;
}

/* LINK: refract-mux/probe/quic.o refract-mux/probe/quic_header.o */
/* LINK: refract-mux/probe/quic_crypto.o refract-mux/probe/join.o */
/* LINK: refract-mux/probe/tls.o refract-mux/probe/ja4.o */
/* LINK: refract-mux/probe/probe.o refract-mux/probe/http.o */
/* LINK: refract-mux/probe/text.o refract-mux/probe/binary.o */
/* LINK: refract-mux/probe/dtls.o refract-mux/probe/udp.o */
/* LIBS: -lnettle */
/*
 * QUIC.  The first byte says what the rest is:
 *	0	datagrams as they are, each behind its length
 *	1	the frames of Initials, sealed here, each behind its length
 *	2	pieces for struct rp_join, with a model beside it
 *	3	a hello and how it is cut: in any order, whatever comes
 *		twice, the end is the same
 *	4	the same for DTLS
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/quic_seal.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

#define ROOM		8192
#define PIECES_MAX	24

/* The input, eaten from its beginning. */
struct in {
	const uint8_t	*p;
	size_t		 n;
};

static uint8_t	buf[ROOM];

static void
need(int good)
{
	if (!good)
		abort();
}

static unsigned int
byte(struct in *in)
{
	if (in->n == 0)
		return 0;
	in->n--;
	return *in->p++;
}

static unsigned int
word(struct in *in)
{
	unsigned int	high = byte(in);

	return high << 8 | byte(in);
}

/* So many bytes on the heap, as far as there are any; nothing behind them. */
static uint8_t *
chunk(struct in *in, size_t *n)
{
	uint8_t	*p;

	*n = word(in);
	if (*n > in->n)
		*n = in->n;
	need((p = malloc(*n == 0 ? 1 : *n)) != NULL);
	memcpy(p, in->p, *n);
	in->p += *n;
	in->n -= *n;
	return p;
}

static int
within(const struct rp_slice *s, const uint8_t *p, size_t n)
{
	return s->n == 0 || (s->p >= p && s->n <= n && s->p + s->n <= p + n);
}

static void
check_header(const uint8_t *p, size_t n)
{
	struct rp_quic_header	h;
	struct rp_slice		id;
	uint8_t			out[600];
	size_t			len;

	if (rp_quic_header(p, n, &h) != RP_QUIC_NONE)
		need(h.len <= n && h.number <= h.len &&
		    within(&h.dcid, p, n) && within(&h.scid, p, n) &&
		    within(&h.token, p, n));
	if (rp_quic_learn(p, n, &id))
		need(within(&id, p, n));
	for (len = 0; len < 24; len++)
		if (rp_quic_short(p, n, len, &id))
			need(within(&id, p, n));
	len = rp_quic_negotiate(p, n, 1, out, sizeof(out));
	if (len > 0)
		need(rp_quic_header(out, len, &h) == RP_QUIC_NEGOTIATION);
	rp_quic_retry_ok(p, n, "12345678", 8);
}

/* The ranges ascend, are apart and end within the buffer. */
static void
check_join(const struct rp_join *j)
{
	unsigned int	i;

	need(j->n <= RP_JOIN_RANGES);
	for (i = 0; i < j->n; i++) {
		need(j->have[i].from < j->have[i].to);
		need(j->have[i].to <= j->size);
		need(i == 0 || j->have[i - 1].to < j->have[i].from);
	}
}

static void
check_quic(struct rp_quic *q)
{
	struct rp_info	info;
	const uint8_t	*hello;
	char		ja4[RP_JA4_LEN];
	size_t		n;

	check_join(&q->join);
	if (rp_quic_answer(q, &info) != RP_YES)
		return;
	need(within(&info.sni, buf, ROOM) && within(&info.alpn, buf, ROOM));
	if ((n = rp_quic_hello(q, &hello)) > 0)
		rp_ja4(hello, n, 1, ja4);
}

static void
raw(struct in *in)
{
	struct rp_info	info;
	struct rp_quic	q;
	uint8_t		*p;
	size_t		n;

	rp_quic_begin(&q, buf, ROOM);
	while (in->n > 0) {
		p = chunk(in, &n);
		check_header(p, n);
		rp_quic_costs(&q, p, n);
		rp_quic_feed(&q, p, n);
		rp_probe(RP_QUIC, p, n, &info);
		rp_probe(RP_QUIC_OTHER, p, n, &info);
		check_quic(&q);
		free(p);
	}
}

/* What is sealed with good keys counts, so this is past all locks. */
static void
sealed(struct in *in)
{
	static uint8_t	wire[SEAL_FRAMES_MAX];
	struct seal	s = { .dcid = "12345678", .ndcid = 8, .width = 1,
			    .token = "t", .ntoken = 1 };
	struct rp_quic	q;
	uint8_t		*p;
	unsigned int	how, derived;
	size_t		n;

	rp_quic_begin(&q, buf, ROOM);
	while (in->n > 0 && q.opened < 40) {
		how = byte(in);
		s.version = how & 1 ? RP_QUIC_V2 : RP_QUIC_V1;
		s.width = 1 + (how >> 1 & 3);
		s.bits = how >> 1 & 0x0c;
		s.dcid = how & 0x40 ? "12345678" : "abcdefghijkl";
		s.ndcid = how & 0x40 ? 8 : 12;
		s.number++;
		derived = q.derived;
		p = chunk(in, &n);
		rp_quic_feed(&q, wire, make_datagram(wire, &s, p, n));
		need(q.derived <= derived + 1);
		check_quic(&q);
		free(p);
	}
}

/* A byte of the model: there or not, and what it is. */
static void
model(struct in *in)
{
	static uint8_t	value[256], there[256];
	uint8_t		room[256], piece[256];
	struct rp_join	j;
	size_t		at, n, i, size = 1 + byte(in), prefix;
	int		differs, lie;

	memset(there, 0, sizeof(there));
	rp_join_begin(&j, room, size);
	while (in->n > 0) {
		at = byte(in);
		n = byte(in);
		lie = byte(in);
		for (differs = 0, i = 0; i < n; i++) {
			piece[i] = (uint8_t)((at + i) * 31 + (lie == 255));
			if (at + i < size && there[at + i] &&
			    value[at + i] != piece[i])
				differs = 1;
		}
		switch (rp_join_add(&j, at, piece, n)) {
		case RP_JOINED:
			need(at + n <= size && !differs);
			for (i = 0; i < n; i++) {
				there[at + i] = 1;
				value[at + i] = piece[i];
			}
			break;
		case RP_JOIN_BEYOND:
			need(at + n > size);
			break;
		case RP_JOIN_DIFFERS:
			need(differs);
			break;
		case RP_JOIN_LATER:
			need(j.n == RP_JOIN_RANGES && !differs);
		}
		check_join(&j);
		for (prefix = 0; prefix < size && there[prefix]; prefix++)
			;
		need(rp_join_prefix(&j) == prefix);
		for (i = 0; i < size; i++)
			need(!there[i] || room[i] == value[i]);
	}
}

/* Where it is cut: pieces of at least one byte that cover it. */
struct cuts {
	size_t	from[PIECES_MAX], to[PIECES_MAX];
	size_t	n;
};

static void
cut(struct in *in, size_t len, struct cuts *c)
{
	size_t	at = 0, back;

	for (c->n = 0; at < len && c->n < PIECES_MAX; c->n++) {
		back = byte(in);
		c->from[c->n] = back < at ? at - back : 0;
		at += 1 + word(in) % len;
		if (at > len || c->n == PIECES_MAX - 1)
			at = len;
		c->to[c->n] = at;
	}
}

/* The hello's first bytes are the input's; what it says is one thing. */
static size_t
hello_of(struct in *in, uint8_t *hello)
{
	static const size_t	lens[] = { 200, 1300, 2600, 4096 };
	size_t			len = lens[byte(in) % 4], i, n;

	make_hello(hello, "order.example", "h3", len);
	for (n = byte(in), i = 0; i < n; i++)
		hello[60 + byte(in) % 130] ^= (uint8_t)byte(in);
	return len;
}

static void
expect_same(const struct rp_info *a, const struct rp_info *b)
{
	need(a->complete == b->complete && a->broken == b->broken &&
	    a->version == b->version && a->sni.n == b->sni.n &&
	    a->alpn.n == b->alpn.n);
	need(a->sni.n == 0 || memcmp(a->sni.p, b->sni.p, a->sni.n) == 0);
	need(a->alpn.n == 0 || memcmp(a->alpn.p, b->alpn.p, a->alpn.n) == 0);
}

static size_t
piece(uint8_t *wire, const uint8_t *hello, size_t from, size_t to,
    unsigned int number)
{
	static uint8_t	frames[ROOM];
	struct seal	s = { .version = RP_QUIC_V1, .dcid = "12345678",
			    .ndcid = 8, .width = 2, .number = number };
	struct out	o = { frames, 0 };

	put_crypto(&o, from, hello + from, to - from);
	return make_datagram(wire, &s, frames, o.n);
}

/* Once in order and alone, once as the input likes and then in order. */
static void
orders(struct in *in)
{
	static uint8_t	wire[SEAL_FRAMES_MAX], hello[4096];
	struct rp_info	want, got;
	struct rp_quic	q;
	struct cuts	c;
	size_t		i, k, n, len = hello_of(in, hello);
	enum rp_answer	answer = rp_hello(hello, len, &want);

	cut(in, len, &c);
	rp_quic_begin(&q, buf, ROOM);
	for (i = 0; i < 2 * c.n && in->n > 0; i++) {
		k = byte(in) % c.n;
		n = piece(wire, hello, c.from[k], c.to[k], (unsigned int)i);
		rp_quic_feed(&q, wire, n);
		check_quic(&q);
	}
	for (k = 0; k < c.n; k++, i++) {
		n = piece(wire, hello, c.from[k], c.to[k], (unsigned int)i);
		rp_quic_feed(&q, wire, n);
	}
	need(rp_quic_answer(&q, &got) == answer);
	need(q.derived == 1);
	if (answer == RP_YES)
		expect_same(&want, &got);
}

static size_t
fragment(uint8_t *wire, const uint8_t *hello, size_t len, size_t from,
    size_t to)
{
	struct out	o = { wire, 0 };

	put(&o, "\x16\xfe\xfd\0\0\0\0\0\0\0\0", 11);
	put_be(&o, 12 + to - from, 2);
	put_be(&o, 1, 1);
	put_be(&o, len, 3);
	put_be(&o, 0, 2);
	put_be(&o, from, 3);
	put_be(&o, to - from, 3);
	put(&o, hello + from, to - from);
	return o.n;
}

/* A TLS hello with a DTLS version and a cookie of no bytes. */
static void
dtls(struct in *in)
{
	static uint8_t	wire[ROOM], hello[4096 + 1];
	struct rp_info	want, got;
	struct rp_dtls	d;
	struct cuts	c;
	size_t		k, n, len = hello_of(in, hello) - 4;

	memmove(hello, hello + 4, 35);		/* to the session id */
	hello[0] = 0xfe;
	hello[1] = 0xfd;
	hello[34] = hello[35] = 0;
	memmove(hello + 36, hello + 39, len - 35);
	len++;
	n = fragment(wire, hello, len, 0, len);
	rp_dtls_begin(&d, buf, ROOM);
	need(rp_dtls_feed(&d, wire, n) == RP_YES);
	need(rp_probe(RP_DTLS, wire, n, &want) == RP_YES);
	need(rp_dtls_answer(&d, &got) == RP_YES);
	expect_same(&want, &got);
	/* In pieces its slices are where the whole one's bytes are no more. */
	cut(in, len, &c);
	rp_dtls_begin(&d, buf, ROOM);
	while (in->n > 0) {
		k = byte(in) % c.n;
		n = fragment(wire, hello, len, c.from[k], c.to[k]);
		need(rp_dtls_feed(&d, wire, n) == RP_YES);
		check_join(&d.join);
	}
	for (k = 0; k < c.n; k++) {
		n = fragment(wire, hello, len, c.from[k], c.to[k]);
		need(rp_dtls_feed(&d, wire, n) == RP_YES);
	}
	n = fragment(wire, hello, len, 0, len);
	need(rp_probe(RP_DTLS, wire, n, &want) == RP_YES);
	need(rp_dtls_answer(&d, &got) == RP_YES);
	expect_same(&want, &got);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static void	(*const modes[])(struct in *) = { raw, sealed, model,
			    orders, dtls };
	struct in	in = { data, len };

	modes[byte(&in) % 5](&in);
	return 0;
}

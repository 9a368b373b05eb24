/* LINK: refract-mux/probe/quic.o refract-mux/probe/quic_header.o */
/* LINK: refract-mux/probe/quic_crypto.o refract-mux/probe/join.o */
/* LINK: refract-mux/probe/tls.o refract-mux/probe/ja4.o */
/* LINK: refract-mux/probe/probe.o refract-mux/probe/http.o */
/* LINK: refract-mux/probe/text.o refract-mux/probe/binary.o */
/* LINK: refract-mux/probe/dtls.o refract-mux/probe/udp.o */
/* LIBS: -lnettle */
/*
 * QUIC's first flight: the RFCs' packets byte for byte, hellos over several
 * datagrams in any order, what may be in an Initial and what may not, and what
 * a real client sends.
 */
#include <sys/socket.h>
#include <sys/wait.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "quic_seal.h"
#include "quic_vectors.h"

#define DCID	"\x83\x94\xc8\xf0\x3e\x51\x57\x08"
#define NDCID	8
#define CLIENT	"/usr/bin/gtlsclient"

static uint8_t		buf[RP_QUIC_CRYPTO_MAX];
static struct rp_quic	q;
static struct rp_info	info;

static const struct seal	v1 = { .version = RP_QUIC_V1, .dcid = DCID,
				    .ndcid = NDCID, .number = 2, .width = 4 };
static const struct seal	v2 = { .version = RP_QUIC_V2, .dcid = DCID,
				    .ndcid = NDCID, .number = 2, .width = 4 };

static size_t
unhex(uint8_t *out, const char *hex)
{
	size_t		n;
	unsigned int	v;

	for (n = 0; hex[2 * n] != '\0'; n++) {
		assert_int_equal(sscanf(hex + 2 * n, "%2x", &v), 1);
		out[n] = (uint8_t)v;
	}
	return n;
}

/* A datagram to somebody who has seen none. */
static enum rp_answer
first(const uint8_t *p, size_t n)
{
	rp_quic_begin(&q, buf, sizeof(buf));
	rp_quic_feed(&q, p, n);
	return rp_quic_answer(&q, &info);
}

/* The answer to an Initial with these frames, alone. */
static enum rp_answer
frames(const struct seal *s, const struct out *o)
{
	static uint8_t	datagram[65536];

	return first(datagram, make_datagram(datagram, s, o->p, o->n));
}

static int
sni_is(const char *name)
{
	return info.sni.n == strlen(name) &&
	    memcmp(info.sni.p, name, info.sni.n) == 0;
}

/* RFC 9001 A.1, RFC 9369 A.1. */
static void
test_keys(void **state)
{
	static const struct {
		uint32_t	 version;
		int		 server;
		const char	*key, *iv, *hp;
	} t[] = {
		{ RP_QUIC_V1, 0, "1f369613dd76d5467730efcbe3b1a22d",
		    "fa044b2f42a3fd3b46fb255c",
		    "9f50449e04a0e810283a1e9933adedd2" },
		{ RP_QUIC_V1, 1, "cf3a5331653c364c88f0f379b6067e37",
		    "0ac1493ca1905853b0bba03e",
		    "c206b8d9b9f0f37644430b490eeaa314" },
		{ RP_QUIC_V2, 0, "8b1a0bc121284290a29e0971b5cd045d",
		    "91f73e2351d8fa91660e909f",
		    "45b95e15235d6f45a6b19cbcb0294ba9" },
		{ RP_QUIC_V2, 1, "82db637861d55e1d011f19ea71d5d2a7",
		    "dd13c276499c0249d3310652",
		    "edf6d05c83121201b436e16877593c3a" }
	};
	struct quic_keys	 k;
	uint8_t			 want[16];
	size_t			 i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		quic_keys(&k, t[i].version, (const uint8_t *)DCID, NDCID,
		    t[i].server);
		assert_int_equal(unhex(want, t[i].key), 16);
		assert_memory_equal(k.key, want, 16);
		assert_int_equal(unhex(want, t[i].iv), 12);
		assert_memory_equal(k.iv, want, 12);
		assert_int_equal(unhex(want, t[i].hp), 16);
		assert_memory_equal(k.hp, want, 16);
	}
}

/* A.2 of both: sealed byte for byte as printed, and opened. */
static void
client_vector(const char *hex, uint32_t version)
{
	struct seal	 s = { .version = version, .dcid = DCID,
			    .ndcid = NDCID, .number = 2, .width = 4 };
	uint8_t		 wire[1200], payload[1162], made[1300];
	struct quic_keys k;
	const uint8_t	*hello;
	char		 ja4[RP_JA4_LEN];
	size_t		 n;

	assert_int_equal(unhex(wire, hex), sizeof(wire));
	memset(payload, 0, sizeof(payload));
	n = unhex(payload, CLIENT_FRAMES);
	/* The header of A.2 has no source id. */
	quic_keys(&k, version, (const uint8_t *)DCID, NDCID, 0);
	memcpy(made, version == RP_QUIC_V1 ? "\xc3\0\0\0\1" :
	    "\xd3\x6b\x33\x43\xcf", 5);
	memcpy(made + 5, "\10" DCID "\0\0\x44\x9e\0\0\0\2", 17);
	quic_seal(&k, 2, made, 22, payload, sizeof(payload), made + 22);
	assert_memory_equal(made + 22, wire + 22, sizeof(wire) - 22);

	assert_int_equal(first(wire, sizeof(wire)), RP_YES);
	assert_true(info.complete && !info.broken);
	assert_true(sni_is("example.com"));
	assert_true(rp_alpn_has(&info.alpn, "alpn", 4));
	assert_int_equal(info.version, 0x0304);
	assert_int_equal(q.version, version);
	assert_int_equal(rp_quic_hello(&q, &hello), 0xf1);
	assert_memory_equal(hello, payload + 4, n - 4);
	assert_int_equal(rp_ja4(hello, 0xf1, 1, ja4), 0);
	assert_string_equal(ja4, "q13d0211an_62ed6f6ca7ad_4d634acda6c0");
	assert_int_equal(frames(&s, &(struct out){ payload, n }), RP_YES);
	assert_true(sni_is("example.com"));
}

static void
test_client_vectors(void **state)
{
	(void)state;
	client_vector(CLIENT_V1, RP_QUIC_V1);
	client_vector(CLIENT_V2, RP_QUIC_V2);
}

/* A.3: opened with the server's keys; no client sends it. */
static void
server_vector(const char *hex, uint32_t version)
{
	struct quic_keys	 k;
	struct rp_quic_header	 h;
	struct rp_slice		 id;
	uint8_t			 wire[200], want[200], plain[200], mask[16];
	size_t			 n = unhex(wire, hex), len;

	len = unhex(want, SERVER_FRAMES);
	assert_int_equal(rp_quic_header(wire, n, &h), RP_QUIC_INITIAL);
	assert_int_equal(h.version, version);
	assert_int_equal(h.len, n);
	assert_int_equal(h.number, 18);
	assert_int_equal(h.dcid.n, 0);
	assert_int_equal(rp_quic_learn(wire, n, &id), 1);
	assert_int_equal(id.n, 8);
	assert_memory_equal(id.p, "\xf0\x67\xa5\x50\x2a\x42\x62\xb5", 8);
	quic_keys(&k, version, (const uint8_t *)DCID, NDCID, 1);
	quic_mask(&k, wire + 22, mask);
	wire[0] ^= mask[0] & 0x0f;
	wire[18] ^= mask[1];
	wire[19] ^= mask[2];
	assert_int_equal(quic_open(&k, 1, wire, 20, wire + 20, n - 20, plain),
	    1);
	assert_int_equal(n - 20 - QUIC_TAG, len);
	assert_memory_equal(plain, want, len);
	assert_int_equal(first(wire, n), RP_NO);
}

static void
test_server_vectors(void **state)
{
	(void)state;
	server_vector(SERVER_V1, RP_QUIC_V1);
	server_vector(SERVER_V2, RP_QUIC_V2);
}

/* A.4. */
static void
test_retry_vectors(void **state)
{
	static const char *const	hex[] = { RETRY_V1, RETRY_V2 };
	struct rp_quic_header		h;
	struct rp_slice			id;
	uint8_t				wire[64];
	size_t				i, n;

	(void)state;
	for (i = 0; i < 2; i++) {
		n = unhex(wire, hex[i]);
		assert_int_equal(rp_quic_header(wire, n, &h), RP_QUIC_RETRY);
		assert_int_equal(h.token.n, 5);
		assert_memory_equal(h.token.p, "token", 5);
		assert_int_equal(rp_quic_learn(wire, n, &id), 1);
		assert_int_equal(rp_quic_retry_ok(wire, n, DCID, NDCID), 1);
		assert_int_equal(rp_quic_retry_ok(wire, n, DCID, 7), 0);
		wire[16] ^= 1;
		assert_int_equal(rp_quic_retry_ok(wire, n, DCID, NDCID), 0);
		assert_int_equal(first(wire, n), RP_NO);
		/* No token is no Retry. */
		assert_int_equal(rp_quic_header(wire, n - 5, &h),
		    RP_QUIC_NONE);
	}
}

/* No byte may be another, and none may be missing. */
static void
test_every_byte(void **state)
{
	uint8_t	wire[1201];
	size_t	i;

	(void)state;
	assert_int_equal(unhex(wire, CLIENT_V1), 1200);
	for (i = 0; i < 1200; i++) {
		wire[i] ^= 0x01;
		assert_int_equal(first(wire, 1200), RP_NO);
		wire[i] ^= 0x01 ^ 0x80;
		assert_int_equal(first(wire, 1200), RP_NO);
		wire[i] ^= 0x80;
		assert_int_equal(first(wire, i), RP_NO);
	}
	assert_int_equal(first(wire, 1200), RP_YES);
	/* Bytes behind the packet are no packet, and harm nobody. */
	wire[1200] = 0xff;
	assert_int_equal(first(wire, 1201), RP_YES);
}

#define BIG	4096
#define PARTS	3

struct flight {
	uint8_t	hello[BIG];
	uint8_t	wire[PARTS][4096];
	size_t	n[PARTS];
};

/* The hello in three; `over` bytes of each are in the next one too. */
static void
make_flight(struct flight *f, const struct seal *how, size_t over)
{
	static const size_t	cut[] = { 0, 1100, 2500, BIG };
	struct seal		s = *how;
	uint8_t			space[2048] = { 0 };
	struct out		o;
	size_t			i, from;

	assert_int_equal(make_hello(f->hello, "big.example", "h3", BIG), BIG);
	for (i = 0; i < PARTS; i++) {
		from = i == 0 ? 0 : cut[i] - over;
		o = (struct out){ space, 0 };
		put_crypto(&o, from, f->hello + from, cut[i + 1] - from);
		s.number = i;
		s.width = 1 + (unsigned int)i;
		f->n[i] = make_datagram(f->wire[i], &s, o.p, o.n);
	}
}

static void
expect_big(const struct flight *f)
{
	const uint8_t	*hello;

	assert_int_equal(rp_quic_answer(&q, &info), RP_YES);
	assert_true(info.complete && !info.broken);
	assert_true(sni_is("big.example"));
	assert_true(rp_alpn_has(&info.alpn, "h3", 2));
	assert_int_equal(rp_quic_hello(&q, &hello), BIG);
	assert_memory_equal(hello, f->hello, BIG);
	assert_int_equal(q.derived, 1);
}

/* seen: which parts have come. */
static void
feed(const struct flight *f, unsigned int part, unsigned int *seen)
{
	*seen |= 1u << part;
	assert_int_equal(rp_quic_feed(&q, f->wire[part], f->n[part]), RP_YES);
	assert_int_equal(rp_quic_answer(&q, &info), RP_YES);
	assert_int_equal(info.complete, *seen == 7);
}

/* Each order, each part twice at once, and the whole of it again. */
static void
every_order(const struct flight *f)
{
	static const unsigned int	orders[6][3] = { { 0, 1, 2 },
	    { 0, 2, 1 }, { 1, 0, 2 }, { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };
	unsigned int			o, i, lost, twice, seen;

	for (o = 0; o < 6; o++)
		for (lost = 0; lost <= PARTS; lost++)
			for (twice = 0; twice < 2; twice++) {
				rp_quic_begin(&q, buf, sizeof(buf));
				seen = 0;
				for (i = 0; i < PARTS * (1 + twice); i++)
					if (orders[o][i % 3] != lost)
						feed(f, orders[o][i % 3],
						    &seen);
				for (i = 0; i < PARTS; i++)
					feed(f, orders[o][i], &seen);
				expect_big(f);
			}
}

static void
test_orders(void **state)
{
	static struct flight	f;

	(void)state;
	make_flight(&f, &v1, 0);
	every_order(&f);
	make_flight(&f, &v2, 0);
	every_order(&f);
	make_flight(&f, &v1, 300);
	every_order(&f);
}

/* One byte a frame, backwards, as no client does but any may. */
static void
test_scattered(void **state)
{
	uint8_t		hello[200], space[4096];
	struct out	o = { space, 0 };
	size_t		i, n;

	(void)state;
	n = make_hello(hello, "a.example", "h3", sizeof(hello));
	/* From the middle on, so that there is one range all the time. */
	for (i = n; i-- > 0;)
		put_crypto(&o, i, hello + i, 1);
	assert_int_equal(frames(&v1, &o), RP_YES);
	assert_true(info.complete && sni_is("a.example"));
	/* More gaps than are kept: as if what is too much were lost. */
	o.n = 0;
	for (i = 0; i < n; i += 2)
		put_crypto(&o, i, hello + i, 1);
	assert_int_equal(frames(&v1, &o), RP_YES);
	assert_false(info.complete);
	assert_int_equal(q.join.n, RP_JOIN_RANGES);
	for (i = 1; i < n; i++)
		assert_int_not_equal(rp_join_add(&q.join, i, hello + i, 1),
		    RP_JOIN_DIFFERS);
	assert_int_equal(rp_join_prefix(&q.join), n);
}

static void
test_contradiction(void **state)
{
	static struct flight	f;
	uint8_t			wire[2048], other[8] = { 0 };
	struct out		o = { (uint8_t[64]){ 0 }, 0 };
	size_t			n;

	(void)state;
	make_flight(&f, &v1, 0);
	rp_quic_begin(&q, buf, sizeof(buf));
	assert_int_equal(rp_quic_feed(&q, f.wire[1], f.n[1]), RP_YES);
	put_crypto(&o, 1096, other, sizeof(other));
	n = make_datagram(wire, &v1, o.p, o.n);
	assert_int_equal(rp_quic_feed(&q, wire, n), RP_NO);
	assert_int_equal(rp_quic_feed(&q, f.wire[0], f.n[0]), RP_NO);
	assert_int_equal(rp_quic_answer(&q, &info), RP_NO);
}

/* What an Initial may carry, and what not (RFC 9000 12.4, table 3). */
static void
test_frames(void **state)
{
#define F(s, ok) { s, sizeof(s) - 1, ok }
	static const struct {
		const char	*p;
		size_t		 n;
		int		 ok;
	} t[] = {
		F("", 1),
		F("\0\0\0", 1),
		F("\1", 1),
		F("\2\5\0\0\5", 1),
		F("\2\5\0\1\0\1\2", 1),
		F("\3\5\0\0\5\1\2\3", 1),
		F("\2\x40\5\0\0\0", 1),
		F("\x1c\0\0\0", 1),
		F("\x1c\1\6\3bye", 1),
		/* below zero */
		F("\2\5\0\0\6", 0),
		F("\2\5\0\1\1\3\1", 0),
		F("\2\5\0\1\5\0\0", 0),
		/* not in an Initial */
		F("\4\0\0\0", 0),
		F("\5\0\0", 0),
		F("\7\1t", 0),
		F("\10\0\1", 0),
		F("\x10\0", 0),
		F("\x18\0\0\1x", 0),
		F("\x1d\0\0", 0),
		F("\x1e", 0),
		F("\x30\0", 0),
		F("\x40\6\0\0", 0),
		F("\xff", 0),
		/* lengths that lie */
		F("\6\0\x7f\xff", 0),
		F("\6\0\xff\xff\xff\xff\xff\xff\xff\xff", 0),
		F("\6\xff\xff\xff\xff\xff\xff\xff\xff\0", 0),
		F("\6\x80\1\0\0\1x", 0),
		F("\6\x80\0\xff\xff\2xx", 0),
		F("\x1c\0\0\x7f\xff", 0),
	};
	uint8_t		hello[200], space[300] = { 0 };
	struct out	o;
	size_t		i, n = make_hello(hello, "f.example", "h3", 200);

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		o = (struct out){ space, 0 };
		put_crypto(&o, 0, hello, n);
		put(&o, t[i].p, t[i].n);
		assert_int_equal(frames(&v1, &o), t[i].ok ? RP_YES : RP_NO);
		assert_true(!t[i].ok || sni_is("f.example"));
		o = (struct out){ space, 0 };
		put(&o, t[i].p, t[i].n);
		put_crypto(&o, 0, hello, n);
		assert_int_equal(frames(&v1, &o), t[i].ok ? RP_YES : RP_NO);
		assert_true(!t[i].ok || sni_is("f.example"));
	}
#undef F
}

/* A frame that ends with the payload, wherever it is cut. */
static void
test_frames_cut(void **state)
{
	static uint8_t	wire[2048], payload[1400], hello[1200];
	struct out	o, w;
	size_t		n;

	(void)state;
	make_hello(hello, "cut.example", "h3", 1200);
	for (n = 1180; n < 1203; n++) {
		o = (struct out){ payload, 0 };
		put_crypto(&o, 0, hello, 1200);
		w = (struct out){ wire, 0 };
		put_initial(&w, &v1, o.p, n);
		assert_int_equal(first(wire, w.n), RP_NO);
	}
	w = (struct out){ wire, 0 };
	put_initial(&w, &v1, o.p, o.n);
	assert_int_equal(first(wire, w.n), RP_YES);
	/* Nothing at all is no frame. */
	w = (struct out){ wire, 0 };
	put_initial(&w, &v1, payload, 0);
	put_fill(&w, 0, 1200);
	assert_int_equal(first(wire, w.n), RP_NO);
}

/* What the hello itself must be. */
static void
test_hello(void **state)
{
	uint8_t		space[600], hello[500];
	struct out	o = { space, 0 };

	(void)state;
	make_hello(hello, "x.example", "h3", 500);
	hello[0] = 2;
	put_crypto(&o, 0, hello, 500);
	assert_int_equal(frames(&v1, &o), RP_NO);
	hello[0] = 1;
	hello[4] = 2;
	o.n = 0;
	put_crypto(&o, 0, hello, 500);
	assert_int_equal(frames(&v1, &o), RP_NO);
	/* Longer than there is room for: told at once. */
	hello[4] = 3;
	hello[1] = 1;
	o.n = 0;
	put_crypto(&o, 0, hello, 300);
	assert_int_equal(frames(&v1, &o), RP_YES);
	assert_true(info.complete && info.broken && info.sni.n == 0);
	/* One byte of it, or none, is a client all the same. */
	o.n = 0;
	put_crypto(&o, 0, "\1", 1);
	assert_int_equal(frames(&v1, &o), RP_YES);
	assert_false(info.complete);
	o.n = 0;
	put_be(&o, 1, 1);
	assert_int_equal(frames(&v1, &o), RP_YES);
	assert_false(info.complete);
}

static void
test_small_buffer(void **state)
{
	static uint8_t	wire[2048], hello[1100];
	struct out	o = { (uint8_t[1200]){ 0 }, 0 };
	size_t		n;

	(void)state;
	make_hello(hello, "x.example", "h3", 1100);
	put_crypto(&o, 0, hello, 1000);
	n = make_datagram(wire, &v1, o.p, o.n);
	rp_quic_begin(&q, buf, 999);
	assert_int_equal(rp_quic_feed(&q, wire, n), RP_NO);
	rp_quic_begin(&q, buf, 1099);
	assert_int_equal(rp_quic_feed(&q, wire, n), RP_YES);
	rp_quic_answer(&q, &info);
	assert_true(info.complete && info.broken);
	rp_quic_begin(&q, buf, 1100);
	assert_int_equal(rp_quic_feed(&q, wire, n), RP_YES);
	rp_quic_answer(&q, &info);
	assert_false(info.complete);
}

/* Packets behind each other in one datagram. */
static void
test_coalesced(void **state)
{
	static uint8_t	wire[4096], hello[900], space[2][1000];
	struct seal	second = v1, other = v1;
	struct out	a = { space[0], 0 }, b = { space[1], 0 }, o;
	unsigned int	swapped, between;

	(void)state;
	second.number = 3;
	other.dcid = "87654321";
	make_hello(hello, "two.example", "h3", 900);
	put_crypto(&a, 0, hello, 500);
	put_crypto(&b, 500, hello + 500, 400);
	for (swapped = 0; swapped < 2; swapped++)
		for (between = 0; between < 4; between++) {
			o = (struct out){ wire, 0 };
			if (between == 3)
				put_sealed(&o, &v1, 1, 300);
			put_initial(&o, &v1, swapped ? b.p : a.p,
			    swapped ? b.n : a.n);
			if (between == 1 || between == 2)
				put_sealed(&o, &v1, between, 300);
			put_initial(&o, &second, swapped ? a.p : b.p,
			    swapped ? a.n : b.n);
			put_fill(&o, 0, 400);
			assert_int_equal(first(wire, o.n), RP_YES);
			assert_true(info.complete && sni_is("two.example"));
			assert_int_equal(q.derived, 1);
			assert_int_equal(q.opened, 2);
		}
	/* RFC 9000 12.2: of another destination it is not looked at. */
	o = (struct out){ wire, 0 };
	put_initial(&o, &v1, a.p, a.n);
	put_initial(&o, &other, b.p, b.n);
	put_fill(&o, 0, 400);
	assert_int_equal(first(wire, o.n), RP_YES);
	assert_false(info.complete);
	assert_int_equal(q.opened, 1);
}

/* A datagram full of packets costs a bounded number of openings. */
static void
test_many_packets(void **state)
{
	static uint8_t	wire[65536];
	struct out	o = { wire, 0 };
	unsigned int	i;

	(void)state;
	for (i = 0; i < 100; i++)
		put_initial(&o, &v1, (const uint8_t *)"\1\0\0\0", 4);
	assert_int_equal(first(wire, o.n), RP_YES);
	assert_int_equal(q.derived, 1);
	assert_in_range(q.opened, 1, 8);
	for (i = 0; i < o.n; i++)
		wire[i] ^= i > 40 && i % 7 == 0;
	wire[35] ^= 1;
	assert_int_equal(first(wire, o.n), RP_NO);
	assert_int_equal(q.opened, 1);
}

/* What may not be even though it is authentic, and what costs nothing. */
static void
test_refused(void **state)
{
	static uint8_t	wire[2048], hello[300];
	struct out	o = { (uint8_t[400]){ 0 }, 0 }, w = { wire, 0 };
	struct seal	s = v1;

	(void)state;
	make_hello(hello, "r.example", "h3", 300);
	put_crypto(&o, 0, hello, 300);
	s.bits = 0x04;
	assert_int_equal(frames(&s, &o), RP_NO);
	assert_int_equal(q.opened, 1);
	/* RFC 9000 14.1: not in less than 1200 bytes. */
	put_initial(&w, &v1, o.p, o.n);
	assert_int_equal(first(wire, w.n), RP_NO);
	assert_int_equal(q.derived, 0);
	/* RFC 9000 7.2: a first id has 8 bytes; one of a Retry any. */
	s = v1;
	s.ndcid = 7;
	assert_int_equal(frames(&s, &o), RP_NO);
	assert_int_equal(q.derived, 0);
	s.token = "t";
	s.ntoken = 1;
	assert_int_equal(frames(&s, &o), RP_YES);
	s.ndcid = 0;
	assert_int_equal(frames(&s, &o), RP_YES);
	s.dcid = "123456789012345678901";
	s.ndcid = 20;
	assert_int_equal(frames(&s, &o), RP_YES);
	s.ndcid = 21;
	assert_int_equal(frames(&s, &o), RP_NO);
	assert_int_equal(q.derived, 0);
}

/* A Retry passes: another id, another token, the same hello again. */
static void
test_retry(void **state)
{
	static struct flight	old, new;
	struct seal		s = v1;
	char			token[500];

	(void)state;
	memset(token, 'T', sizeof(token));
	s.dcid = "retried!chosen";
	s.ndcid = 14;
	s.token = token;
	s.ntoken = sizeof(token);
	make_flight(&old, &v1, 0);
	make_flight(&new, &s, 0);
	assert_int_equal(first(new.wire[0], new.n[0]), RP_YES);
	rp_quic_begin(&q, buf, sizeof(buf));
	rp_quic_feed(&q, old.wire[0], old.n[0]);
	rp_quic_feed(&q, old.wire[2], old.n[2]);
	rp_quic_feed(&q, new.wire[2], new.n[2]);
	rp_quic_feed(&q, old.wire[1], old.n[1]);	/* late */
	assert_int_equal(rp_quic_answer(&q, &info), RP_YES);
	assert_false(info.complete);
	rp_quic_feed(&q, new.wire[1], new.n[1]);
	assert_int_equal(rp_quic_costs(&q, new.wire[0], new.n[0]), 0);
	rp_quic_feed(&q, new.wire[0], new.n[0]);
	rp_quic_answer(&q, &info);
	assert_true(info.complete && sni_is("big.example"));
	assert_int_equal(q.derived, 2);
	assert_int_equal(q.opened, 5);
}

/* Keys of somebody else's id: after a Retry they are of the new one. */
static void
test_other_keys(void **state)
{
	struct out	o = { (uint8_t[400]){ 0 }, 0 };
	struct seal	s = v1;

	(void)state;
	put_be(&o, 1, 1);
	s.keyed = "other id";
	s.nkeyed = 8;
	assert_int_equal(frames(&s, &o), RP_NO);
	assert_int_equal(q.derived, 1);
	s.keyed = DCID;
	assert_int_equal(frames(&s, &o), RP_YES);
}

static void
test_0rtt_first(void **state)
{
	static struct flight	f;
	uint8_t			wire[700];
	struct out		o = { wire, 0 };

	(void)state;
	make_flight(&f, &v1, 0);
	put_sealed(&o, &v1, 1, 600);
	assert_int_equal(first(wire, o.n), RP_MORE);
	assert_int_equal(q.derived, 0);
	assert_int_equal(rp_quic_feed(&q, f.wire[0], f.n[0]), RP_YES);
	assert_int_equal(rp_quic_feed(&q, wire, o.n), RP_YES);
	/* An Initial behind it needs its 1200 bytes all the same. */
	o.n = 0;
	put_sealed(&o, &v1, 1, 100);
	put_initial(&o, &v1, (const uint8_t *)"\1\0\0\0", 4);
	assert_int_equal(first(wire, o.n), RP_MORE);
	assert_int_equal(q.derived, 0);
	o.n = 0;
	put_sealed(&o, &v1, 2, 600);
	assert_int_equal(first(wire, o.n), RP_NO);
}

/* The other version with the same id: RFC 9368, 4.1. */
static void
test_other_version(void **state)
{
	static struct flight	one, two;

	(void)state;
	make_flight(&one, &v1, 0);
	make_flight(&two, &v2, 0);
	assert_int_equal(first(one.wire[0], one.n[0]), RP_YES);
	assert_int_equal(rp_quic_costs(&q, one.wire[1], one.n[1]), 0);
	assert_int_equal(rp_quic_costs(&q, two.wire[1], two.n[1]), 1);
	rp_quic_feed(&q, two.wire[0], two.n[0]);
	rp_quic_feed(&q, two.wire[2], two.n[2]);
	rp_quic_feed(&q, two.wire[1], two.n[1]);
	assert_int_equal(rp_quic_answer(&q, &info), RP_YES);
	assert_true(info.complete && sni_is("big.example"));
	assert_int_equal(q.version, RP_QUIC_V2);
	assert_int_equal(q.derived, 2);
}

/* Headers alone. */
static void
test_kinds(void **state)
{
	static const enum rp_quic_kind	kinds[] = { RP_QUIC_INITIAL,
	    RP_QUIC_0RTT, RP_QUIC_HANDSHAKE };
	const struct seal		*s;
	struct rp_quic_header		 h;
	struct rp_slice			 id;
	uint8_t				 wire[300];
	struct out			 o;
	unsigned int			 i, v;

	(void)state;
	for (v = 0; v < 2; v++)
		for (i = 0; i < 3; i++) {
			s = v == 0 ? &v1 : &v2;
			o = (struct out){ wire, 0 };
			if (i == 0)
				put_initial(&o, s, (const uint8_t *)"\1\0\0",
				    3);
			else
				put_sealed(&o, s, i, 20);
			assert_int_equal(rp_quic_header(wire, o.n + 9, &h),
			    kinds[i]);
			assert_int_equal(h.len, o.n);
			assert_int_equal(h.dcid.n, NDCID);
			assert_int_equal(h.scid.n, 4);
			assert_int_equal(rp_quic_learn(wire, o.n, &id),
			    i != 1);
			assert_int_equal(rp_quic_header(wire, o.n - 1, &h),
			    RP_QUIC_NONE);
		}
	memset(wire, 0x40, sizeof(wire));
	assert_int_equal(rp_quic_header(wire, 21, &h), RP_QUIC_SHORT);
	assert_int_equal(rp_quic_header(wire, 20, &h), RP_QUIC_NONE);
	assert_int_equal(rp_quic_short(wire, 21, 20, &id), 1);
	assert_ptr_equal(id.p, wire + 1);
	assert_int_equal(id.n, 20);
	assert_int_equal(rp_quic_short(wire, 20, 8, &id), 0);
	assert_int_equal(rp_quic_short(wire, 30, 21, &id), 0);
	wire[0] = 0;
	assert_int_equal(rp_quic_header(wire, 21, &h), RP_QUIC_NONE);
	assert_int_equal(rp_quic_short(wire, 21, 8, &id), 1);
}

/* Any two bytes of length, in any header: nothing is read behind the end. */
static void
test_lying_headers(void **state)
{
	/* dcid, scid, token, length */
	static const uint8_t	 t[][2] = { { 5, 21 }, { 5, 255 }, { 14, 21 },
	    { 15, 0x7f }, { 15, 0xff }, { 16, 0x45 }, { 16, 0x00 },
	    { 16, 0xff } };
	struct rp_quic_header	 h;
	uint8_t			 wire[1200];
	uint8_t			*p;
	size_t			 n, i, v;

	(void)state;
	assert_int_equal(unhex(wire, CLIENT_V1), sizeof(wire));
	for (n = 0; n <= 64; n++) {
		/* On the heap, so that a sanitizer sees its end. */
		assert_non_null(p = malloc(n + 1));
		for (i = 5; i < n && i < 20; i++)
			for (v = 0; v < 256; v++) {
				memcpy(p, wire, n);
				p[i] = (uint8_t)v;
				if (rp_quic_header(p, n, &h) != RP_QUIC_NONE)
					assert_true(h.len <= n);
				first(p, n);
			}
		free(p);
	}
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		unhex(wire, CLIENT_V1);
		wire[t[i][0]] = t[i][1];
		assert_int_equal(first(wire, sizeof(wire)), RP_NO);
		assert_int_equal(q.derived, 0);
	}
}

static void
test_versions(void **state)
{
	struct rp_quic_header	h;
	uint8_t			wire[1200], out[64];
	size_t			n;

	(void)state;
	unhex(wire, CLIENT_V1);
	memcpy(wire + 1, "\x1a\x2a\x3a\x4a", 4);
	assert_int_equal(rp_quic_header(wire, 1200, &h), RP_QUIC_UNKNOWN);
	assert_int_equal(h.version, 0x1a2a3a4a);
	assert_int_equal(first(wire, 1200), RP_NO);
	assert_int_equal(rp_probe(RP_QUIC_OTHER, wire, 1200, &info), RP_YES);
	assert_int_equal(rp_probe(RP_QUIC_OTHER, wire, 1199, &info), RP_NO);
	assert_int_equal(rp_probe(RP_QUIC, wire, 1200, &info), RP_NO);

	n = rp_quic_negotiate(wire, 1200, 0x15, out, sizeof(out));
	assert_int_equal(n, 5 + 1 + 0 + 1 + 8 + 8);
	assert_memory_equal(out, "\xd5\0\0\0\0\0\10" DCID
	    "\0\0\0\1\x6b\x33\x43\xcf", n);
	assert_int_equal(rp_quic_header(out, n, &h), RP_QUIC_NEGOTIATION);
	assert_int_equal(h.scid.n, NDCID);
	assert_int_equal(rp_quic_header(out, n - 1, &h), RP_QUIC_NONE);
	assert_int_equal(first(out, n), RP_NO);
	assert_int_equal(rp_quic_negotiate(wire, 1200, 0, out, n - 1), 0);
	assert_int_equal(rp_quic_negotiate(wire, 1199, 0, out, n), 0);
	unhex(wire, CLIENT_V1);
	assert_int_equal(rp_quic_negotiate(wire, 1200, 0, out, n), 0);
}

/* The same by the table: what it says outlives its own buffers. */
static void
test_row(void **state)
{
	static struct flight	 f;
	struct rp_registry	*r;
	uint8_t			 wire[1200];

	(void)state;
	unhex(wire, CLIENT_V2);
	assert_non_null(r = rp_new());
	assert_int_equal(rp_add_all_udp(r), 0);
	assert_int_equal(rp_identify(r, wire, sizeof(wire), 1, &info), RP_YES);
	assert_int_equal(info.proto, RP_QUIC);
	assert_true(info.complete && sni_is("example.com"));
	assert_true(info.sni.p >= info.buf &&
	    info.sni.p < info.buf + RP_BUF_LEN);
	assert_true(rp_alpn_has(&info.alpn, "alpn", 4));
	make_flight(&f, &v1, 0);
	assert_int_equal(rp_probe(RP_QUIC, f.wire[1], f.n[1], &info), RP_YES);
	assert_false(info.complete);
	rp_free(r);
}

static void
test_join(void **state)
{
	struct rp_join	j;
	uint8_t		space[100], data[100];
	size_t		i;

	(void)state;
	for (i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)i;
	rp_join_begin(&j, space, sizeof(space));
	assert_int_equal(rp_join_add(&j, 100, data, 0), RP_JOINED);
	assert_int_equal(rp_join_add(&j, 101, data, 0), RP_JOIN_BEYOND);
	assert_int_equal(rp_join_add(&j, 1, data, 100), RP_JOIN_BEYOND);
	assert_int_equal(rp_join_add(&j, UINT64_MAX, data, 2),
	    RP_JOIN_BEYOND);
	assert_int_equal(j.n, 0);
	assert_int_equal(rp_join_add(&j, 10, data + 10, 10), RP_JOINED);
	assert_int_equal(rp_join_add(&j, 30, data + 30, 10), RP_JOINED);
	assert_int_equal(rp_join_add(&j, 20, data + 20, 5), RP_JOINED);
	assert_int_equal(j.n, 2);
	assert_int_equal(rp_join_prefix(&j), 0);
	assert_int_equal(rp_join_add(&j, 24, data + 24, 7), RP_JOINED);
	assert_int_equal(j.n, 1);
	assert_int_equal(rp_join_add(&j, 12, data + 12, 3), RP_JOINED);
	assert_int_equal(rp_join_add(&j, 12, data, 3), RP_JOIN_DIFFERS);
	assert_int_equal(rp_join_add(&j, 39, data, 2), RP_JOIN_DIFFERS);
	assert_int_equal(rp_join_add(&j, 0, data, 11), RP_JOINED);
	assert_int_equal(rp_join_prefix(&j), 40);
	assert_int_equal(rp_join_add(&j, 0, data, 100), RP_JOINED);
	assert_int_equal(rp_join_prefix(&j), 100);
	assert_memory_equal(space, data, 100);
}

/* ngtcp2's client against a socket that only listens. */

static pid_t
start_client(const char *port, const char *version)
{
	pid_t	pid = fork();

	if (pid != 0)
		return pid;
	dup2(open("/dev/null", O_RDWR | O_CLOEXEC), STDOUT_FILENO);
	dup2(STDOUT_FILENO, STDERR_FILENO);
	/* To an address without a name it says "localhost". */
	execl(CLIENT, CLIENT, "-q", "-v", version, "--timeout", "5s",
	    "127.0.0.1", port, "https://localhost/", (char *)NULL);
	_exit(127);
}

/* 0 if this client does not know that version. */
static int
real_client(const char *text, uint32_t version)
{
	struct sockaddr_in	 sin = { .sin_family = AF_INET,
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t		 len = sizeof(sin);
	static uint8_t		 wire[65536];
	struct pollfd		 pfd = { .events = POLLIN };
	char			 port[16], ja4[RP_JA4_LEN];
	const uint8_t		*hello;
	pid_t			 pid;
	ssize_t			 n;
	size_t			 nhello;

	assert_int_not_equal(pfd.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC,
	    0), -1);
	assert_int_equal(bind(pfd.fd, (struct sockaddr *)&sin, sizeof(sin)),
	    0);
	assert_int_equal(getsockname(pfd.fd, (struct sockaddr *)&sin, &len),
	    0);
	snprintf(port, sizeof(port), "%u", ntohs(sin.sin_port));
	pid = start_client(port, text);
	rp_quic_begin(&q, buf, sizeof(buf));
	while (!q.complete && poll(&pfd, 1, 5000) == 1) {
		if ((n = recv(pfd.fd, wire, sizeof(wire), 0)) == -1)
			continue;
		if (rp_quic_feed(&q, wire, (size_t)n) != RP_YES)
			break;
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(pfd.fd);
	if (rp_quic_answer(&q, &info) != RP_YES)
		return 0;
	assert_int_equal(q.version, version);
	assert_true(info.complete && !info.broken);
	assert_true(sni_is("localhost"));
	assert_true(rp_alpn_has(&info.alpn, "h3", 2));
	assert_int_equal(info.version, 0x0304);
	assert_int_not_equal(nhello = rp_quic_hello(&q, &hello), 0);
	assert_int_equal(rp_ja4(hello, nhello, 1, ja4), 0);
	print_message("%s\n", ja4);
	assert_memory_equal(ja4, "q13d", 4);
	return 1;
}

static void
test_ngtcp2(void **state)
{
	(void)state;
	if (access(CLIENT, X_OK) == -1) {
		print_message("SKIP: no %s (ngtcp2-client)\n", CLIENT);
		skip();
	}
	assert_true(real_client("0x1", RP_QUIC_V1));
	/* Version 2 as it was before its RFC, or as it is. */
	if (!real_client("0x709a50c4", RP_QUIC_V2_DRAFT))
		assert_true(real_client("0x6b3343cf", RP_QUIC_V2));
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_client_vectors),
		cmocka_unit_test(test_server_vectors),
		cmocka_unit_test(test_retry_vectors),
		cmocka_unit_test(test_every_byte),
		cmocka_unit_test(test_orders),
		cmocka_unit_test(test_scattered),
		cmocka_unit_test(test_contradiction),
		cmocka_unit_test(test_frames),
		cmocka_unit_test(test_frames_cut),
		cmocka_unit_test(test_hello),
		cmocka_unit_test(test_small_buffer),
		cmocka_unit_test(test_coalesced),
		cmocka_unit_test(test_many_packets),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_retry),
		cmocka_unit_test(test_other_keys),
		cmocka_unit_test(test_0rtt_first),
		cmocka_unit_test(test_other_version),
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_lying_headers),
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_row),
		cmocka_unit_test(test_join),
		cmocka_unit_test(test_ngtcp2),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("quic", tests, NULL, NULL);
}

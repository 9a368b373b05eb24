/* LINK: refract-mux/probe/quic.o refract-mux/probe/quic_header.o */
/* LINK: refract-mux/probe/quic_crypto.o refract-mux/probe/join.o */
/* LINK: refract-mux/probe/tls.o refract-mux/probe/ja4.o */
/* LINK: refract-mux/probe/probe.o refract-mux/probe/http.o */
/* LINK: refract-mux/probe/text.o refract-mux/probe/binary.o */
/* LINK: refract-mux/probe/dtls.o refract-mux/probe/udp.o */
/* LIBS: -lnettle */
/*
 * What speaks in datagrams: real first packets of each, which nobody else
 * takes, cut and bent; and DTLS hellos in fragments.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "quic_seal.h"
#include "quic_vectors.h"

static struct rp_info	info;

/* exact: no other length is one of these. */
struct sample {
	const char	*what;
	int		 proto;
	const char	*hex;
	size_t		 fill;		/* so many bytes more, 0x5a */
	size_t		 shortest;	/* cut to this it is one still */
	int		 exact;
};

#define MAGIC	"00ffff00fefefefefdfdfdfd12345678"
#define HMAC16	"74f60bf9902dee81c69d26e80df5e3dd"

static const struct sample	samples[] = {
	{ "WireGuard initiation", RP_WIREGUARD, "01000000" "11223344", 140,
	    148, 1 },
	{ "WireGuard response", RP_WIREGUARD, "02000000" "11223344", 84, 92,
	    1 },
	{ "WireGuard cookie", RP_WIREGUARD, "03000000" "11223344", 56, 64,
	    1 },
	{ "WireGuard keepalive", RP_WIREGUARD, "04000000" "11223344", 24, 32,
	    1 },
	{ "STUN, RFC 5769 2.1", RP_STUN, "000100582112a442b7e7a701bc34d686"
	    "fa87dfae802200105354554e207465737420636c69656e74002400046e0001ff"
	    "80290008932ff9b151263b36000600096576746a3a68367659202020"
	    "000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a280280004e57a3bcf",
	    0, 108, 1 },
	{ "STUN, no attributes", RP_STUN, "000100002112a442"
	    "000102030405060708090a0b", 0, 20, 1 },
	{ "TURN Allocate", RP_STUN, "000300082112a442"
	    "000102030405060708090a0b" "0019000411000000", 0, 28, 1 },
	/* openvpn 2.6.3, its own options */
	{ "OpenVPN", RP_OPENVPN_UDP, "3821a03d5ebff08e650000000000", 0, 14,
	    1 },
	{ "OpenVPN --tls-auth, MD5", RP_OPENVPN_UDP, "38ac715b0174f60bf9"
	    HMAC16 "000000016b01dec10000000000", 0, 38, 1 },
	{ "OpenVPN --tls-auth", RP_OPENVPN_UDP, "38ac715b0174f60bf9"
	    "902dee81c69d26e80df5e3dd6281f56aa1a41902" "00000001" "6b01dec1"
	    "0000000000", 0, 42, 1 },
	{ "OpenVPN --tls-auth, SHA256", RP_OPENVPN_UDP, "3821067cf15636a420"
	    "9b0b05a83213761e5684c10733f9fff796821ecb521eb0da1e43a408de4f5ff2"
	    "000000016b01dec40000000000", 0, 54, 1 },
	{ "OpenVPN --tls-auth, SHA512, again", RP_OPENVPN_UDP,
	    "3805efd0ca4b5ecfb8" HMAC16 HMAC16 HMAC16 HMAC16
	    "000000026b01dec10000000000", 0, 86, 1 },
	{ "OpenVPN --tls-crypt", RP_OPENVPN_UDP, "38b4903c4b023682ea00000001"
	    "6b01dec9db3431e9187025a9929795e2547525416566a233076d353ac57c59bc"
	    "f75563e9c437bc8db4", 0, 54, 1 },
	{ "OpenVPN, early negotiation", RP_OPENVPN_UDP, "38b4903c4b023682ea"
	    "0f0000016b01dec9", 37, 54, 1 },
	{ "L2TP", RP_L2TP, "c8020024" "0000000000000000"
	    "8008000000000001" "8008000000020100" "8008000000076c61", 0, 36,
	    1 },
	{ "L2TP version 3", RP_L2TP, "c8030014" "0000000000000000"
	    "8008000000000001", 0, 20, 1 },
	{ "RADIUS, RFC 2865 7.1", RP_RADIUS, "01000038"
	    "0f403f9473978057bd83d5cb98f4227a" "01066e656d6f"
	    "02120dbe708d93d413ce3196e43f782a0aee" "0406c0a80110"
	    "050600000003", 0, 56, 0 },
	{ "RADIUS Status-Server", RP_RADIUS, "0c7b0014"
	    "0f403f9473978057bd83d5cb98f4227a", 0, 20, 0 },
	{ "NTP, chrony", RP_NTP, "23000620" "0000000000000000" "00000000"
	    "0000000000000000" "0000000000000000" "0000000000000000"
	    "a5d1c9f2b3384e77", 0, 48, 1 },
	{ "NTP, ntpdate", RP_NTP, "e30003fa" "00010000" "00010000" "00000000"
	    "0000000000000000" "0000000000000000" "0000000000000000"
	    "a5d1c9f2b3384e77", 0, 48, 1 },
	{ "SNTP with a key", RP_NTP, "1b000000" "0000000000000000" "00000000"
	    "0000000000000000" "0000000000000000" "0000000000000000"
	    "a5d1c9f2b3384e77" "00000001", 16, 48, 0 },
	{ "NTP with NTS", RP_NTP, "23000020" "0000000000000000" "00000000"
	    "0000000000000000" "0000000000000000" "0000000000000000"
	    "a5d1c9f2b3384e77" "01040024", 32, 48, 0 },
	{ "Bedrock ping", RP_BEDROCK, "01" "00000000003f1c2a" MAGIC
	    "8a7b6c5d4e3f2a1b", 0, 33, 1 },
	{ "Bedrock open 1", RP_BEDROCK, "05" MAGIC "0b", 1446, 18, 0 },
	{ "Bedrock open 2", RP_BEDROCK, "07" MAGIC "04" "80ff5efe" "4abc"
	    "0578" "8a7b6c5d4e3f2a1b", 0, 18, 0 },
	/* "boot.img", "octet" */
	{ "TFTP", RP_TFTP, "0001" "626f6f742e696d6700" "6f6374657400", 0, 17,
	    1 },
	/* and "blksize" 1428; "NetASCII" */
	{ "TFTP with options", RP_TFTP, "0001" "626f6f742e696d6700"
	    "6f6374657400" "626c6b73697a6500" "3134323800", 0, 17, 0 },
	{ "TFTP, writing", RP_TFTP, "0002" "7800" "4e6574415343494900", 0, 13,
	    1 },
	{ "SNMP version 2c", RP_SNMP, "3029" "020101" "04067075626c6963"
	    "a01c" "02047ba9ae68" "020100" "020100" "300e300c"
	    "06082b060102010101000500", 0, 43, 1 },
	{ "SNMP version 3", RP_SNMP, "3040" "020103" "3010" "02047ba9ae68"
	    "0203010000" "040104" "0201", 43, 66, 1 },
	/* "REGISTER sip:a.example SIP/2.0" */
	{ "SIP", RP_SIP, "5245474953544552207369703a612e6578616d706c65"
	    "205349502f322e300d0a", 40, 30, 0 },
	/* "example.com", IN A */
	{ "DNS", RP_DNS_UDP, "241a01000001000000000000" "076578616d706c65"
	    "03636f6d00" "00010001", 0, 29, 0 },
	/* openssl s_client -dtls */
	{ "DTLS", RP_DTLS, "16feff000000000000000000cf" "010000c3" "0000"
	    "000000" "0000c3" "fefd7573bd809d1e2d4e70a9933c864e22c23689c031"
	    "d8b73e1ca739627f82611b7900000038c02cc030009fcca9cca8ccaac02bc02f"
	    "009ec024c028006bc023c0270067c00ac0140039c009c0130033009d009c003d"
	    "003c0035002f00ff0100006100000011000f00000c64746c732e6578616d706c"
	    "65000b000403000102000a00060004001d001700230000001600000017000000"
	    "0d002a0028040305030603080708080809080a080b0804080508060401050106"
	    "01030303010302040205020602", 0, 220, 1 },
	{ "QUIC version 1", RP_QUIC, CLIENT_V1, 0, 1200, 0 },
	{ "QUIC version 2", RP_QUIC, CLIENT_V2, 0, 1200, 0 },
	{ "QUIC of another version", RP_QUIC_OTHER, "c01a2a3a4a08"
	    "8394c8f03e51570800", 1185, 1200, 0 },
};

#define NSAMPLES	(sizeof(samples) / sizeof(samples[0]))

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

/* On the heap and no longer than it is. */
static uint8_t *
sample(const struct sample *s, size_t *n)
{
	uint8_t	*p, all[2048];
	size_t	 len = unhex(all, s->hex);

	memset(all + len, 0x5a, s->fill);
	len += s->fill;
	assert_non_null(p = malloc(len + 1));
	memcpy(p, all, len);
	*n = len;
	return p;
}

static enum rp_answer
ask(int proto, const uint8_t *p, size_t n)
{
	return rp_probe(proto, p, n, &info);
}

/* Each is what it is, for its own row and in the order of the table. */
static void
test_samples(void **state)
{
	struct rp_registry	*r;
	uint8_t			*p;
	size_t			 i, n;
	int			 row;

	(void)state;
	assert_non_null(r = rp_new());
	assert_int_equal(rp_add_all_udp(r), 0);
	for (i = 0; i < NSAMPLES; i++) {
		p = sample(&samples[i], &n);
		if (rp_identify(r, p, n, 1, &info) != RP_YES ||
		    info.proto != samples[i].proto)
			fail_msg("%s is %s", samples[i].what,
			    rp_name(info.proto));
		for (row = 1; row < RP_BUILTIN_MAX; row++)
			if (rp_transport(row) & RP_OVER_UDP &&
			    (ask(row, p, n) == RP_YES) !=
			    (row == samples[i].proto))
				fail_msg("%s by %s", samples[i].what,
				    rp_name(row));
		free(p);
	}
	rp_free(r);
}

static void
test_cut(void **state)
{
	const struct sample	*s;
	uint8_t			*p, *cut;
	size_t			 i, n, len;

	(void)state;
	for (i = 0; i < NSAMPLES; i++) {
		s = &samples[i];
		p = sample(s, &n);
		for (len = 0; len < n; len++) {
			assert_non_null(cut = malloc(len + 1));
			memcpy(cut, p, len);
			if (ask(s->proto, cut, len) == RP_YES &&
			    (len < s->shortest || s->exact))
				fail_msg("%s, %zu bytes", s->what, len);
			free(cut);
		}
		p[n] = 0;
		if ((ask(s->proto, p, n + 1) != RP_YES) != s->exact &&
		    s->proto != RP_TFTP && s->proto != RP_NTP)
			fail_msg("%s, a byte more", s->what);
		free(p);
	}
}

/* Any one byte may be anything: nobody reads where nothing is. */
static void
test_bent(void **state)
{
	uint8_t	*p;
	size_t	 i, n, at;
	int	 row, v, old;

	(void)state;
	for (i = 0; i < NSAMPLES; i++) {
		if (samples[i].proto == RP_QUIC)
			continue;	/* they are in unit/quic */
		p = sample(&samples[i], &n);
		for (at = 0; at < n && at < 64; at++)
			for (old = p[at], v = 0; v < 256; v += 5) {
				p[at] = (uint8_t)v;
				for (row = 1; row < RP_BUILTIN_MAX; row++)
					if (rp_transport(row) & RP_OVER_UDP)
						ask(row, p, n);
				p[at] = (uint8_t)old;
			}
		free(p);
	}
}

/* What is nearly one. */
static void
test_refused(void **state)
{
	static const struct {
		int		 proto;
		const char	*hex;
		size_t		 len;		/* filled up with zeros */
	} t[] = {
		{ RP_WIREGUARD, "01000100", 148 },
		{ RP_WIREGUARD, "05000000", 148 },
		{ RP_WIREGUARD, "00000000", 148 },
		{ RP_WIREGUARD, "02000000", 148 },
		{ RP_WIREGUARD, "04000000", 40 },
		{ RP_STUN, "400100002112a442", 20 },
		{ RP_STUN, "000100042112a442", 20 },
		{ RP_STUN, "000100042112a443", 24 },
		{ RP_STUN, "000100042112a442" "000102030405060708090a0b"
		    "00060001", 24 },
		{ RP_OPENVPN_UDP, "39", 14 },
		{ RP_OPENVPN_UDP, "38", 14 },
		{ RP_OPENVPN_UDP, "38010203040506070801", 14 },
		{ RP_OPENVPN_UDP, "400102030405060708", 14 },
		{ RP_OPENVPN_UDP, "380102030405060708" "00000006", 54 },
		{ RP_OPENVPN_UDP, "500102030405060708" "00000001", 54 },
		{ RP_L2TP, "c8020014" "00000001" "00000000"
		    "8008000000000001", 20 },
		{ RP_L2TP, "c8020014" "00000000" "00000000"
		    "8008000000000002", 20 },
		{ RP_L2TP, "c8020015" "00000000" "00000000"
		    "8008000000000001", 20 },
		{ RP_RADIUS, "02000014", 20 },
		{ RP_RADIUS, "01000013", 20 },
		{ RP_RADIUS, "01000016", 22 },
		{ RP_RADIUS, "01000017000000000000000000000000000000000104"
		    "00", 23 },
		{ RP_NTP, "24", 48 },
		{ RP_NTP, "2b", 48 },
		{ RP_NTP, "03", 48 },
		{ RP_NTP, "2311", 48 },
		{ RP_NTP, "23", 56 },
		{ RP_NTP, "23", 92 },
		{ RP_BEDROCK, "01" "0000000000000000" MAGIC, 32 },
		{ RP_BEDROCK, "03" "0000000000000000" MAGIC, 33 },
		{ RP_TFTP, "0001" "7800" "6f6374657500", 10 },
		{ RP_TFTP, "0001" "00" "6f6374657400", 9 },
		{ RP_TFTP, "0001" "0a00" "6f6374657400", 10 },
		{ RP_TFTP, "0001" "7800" "6f6374657400" "78", 11 },
		{ RP_TFTP, "0001" "7800" "6f6374657400" "7800", 12 },
		{ RP_TFTP, "0003" "7800" "6f6374657400", 10 },
		{ RP_SNMP, "300c" "020101" "0401" "70", 14 },
		{ RP_SNMP, "300c" "020102" "0401" "70" "a0", 14 },
		{ RP_SNMP, "300d" "020101" "0401" "70" "a0", 14 },
		{ RP_SNMP, "3080" "020101" "0401" "70" "a0", 14 },
		{ RP_DTLS, "16feff0000", 100 },
	};
	uint8_t	p[256];
	size_t	i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		memset(p, 0, sizeof(p));
		unhex(p, t[i].hex);
		if (ask(t[i].proto, p, t[i].len) != RP_NO)
			fail_msg("%s: %s", rp_name(t[i].proto), t[i].hex);
	}
}

/* What belongs to a wrapped key: its length at the end. */
static void
test_openvpn_v2_key(void **state)
{
	uint8_t	p[353] = { 0x50, 0xe1, 0x0b, 0xc6, [12] = 1 };

	(void)state;
	p[351] = 0x01;
	p[352] = 0x2b;
	assert_int_equal(ask(RP_OPENVPN_UDP, p, 353), RP_YES);
	p[352] = 0x2c;
	assert_int_equal(ask(RP_OPENVPN_UDP, p, 353), RP_NO);
	p[352] = 0x2b;
	assert_int_equal(ask(RP_OPENVPN_UDP, p, 352), RP_NO);
	p[12] = 9;
	assert_int_equal(ask(RP_OPENVPN_UDP, p, 353), RP_NO);
}

static void
test_wireguard_index(void **state)
{
	struct rp_wireguard	w;
	uint8_t			p[148] = { 2, 0, 0, 0, 4, 3, 2, 1, 8, 7, 6,
				    5 };

	(void)state;
	assert_int_equal(rp_wireguard(p, 92, &w), 1);
	assert_int_equal(w.type, 2);
	assert_int_equal(w.sender, 0x01020304);
	assert_int_equal(w.receiver, 0x05060708);
	p[0] = 4;
	assert_int_equal(rp_wireguard(p, 96, &w), 1);
	assert_int_equal(w.receiver, 0x01020304);
	p[0] = 1;
	assert_int_equal(rp_wireguard(p, 148, &w), 1);
	assert_int_equal(w.sender, 0x01020304);
	assert_int_equal(w.receiver, 0);
	p[0] = 3;
	assert_int_equal(rp_wireguard(p, 64, &w), 1);
	assert_int_equal(w.receiver, 0x01020304);
	assert_int_equal(rp_wireguard(p, 0, &w), 0);
}

/* DTLS. */

#define BODY	1500
#define PARTS	3

static uint8_t	body[BODY];

/* A body of BODY bytes that offers 1.3, with a cookie and padding. */
static void
make_body(void)
{
	struct out	o = { body, 0 };
	static const char name[] = "frag.example";

	put_be(&o, 0xfefd, 2);
	put_fill(&o, 7, 32);
	put(&o, "\0\4cook\0\2\x13\1\1\0", 12);
	put_be(&o, BODY - o.n - 2, 2);
	put(&o, "\0\x2b\0\5\4\xfe\xfd\xfe\xfc", 9);
	put_be(&o, 21, 2);
	put_be(&o, BODY - o.n - 2 - 4 - 5 - (sizeof(name) - 1), 2);
	while (o.n < BODY - 4 - 5 - (sizeof(name) - 1)) {
		body[o.n] = (uint8_t)o.n;
		o.n++;
	}
	put_be(&o, 0, 2);
	put_be(&o, 5 + sizeof(name) - 1, 2);
	put_be(&o, 3 + sizeof(name) - 1, 2);
	put_be(&o, 0, 1);
	put_be(&o, sizeof(name) - 1, 2);
	put(&o, name, sizeof(name) - 1);
	assert_int_equal(o.n, BODY);
}

static void
put_fragment(struct out *o, unsigned int seq, size_t at, size_t n)
{
	put(o, "\x16\xfe\xfd\0\0\0\0\0\0\0", 10);
	put_be(o, seq, 1);
	put_be(o, 12 + n, 2);
	put_be(o, 1, 1);
	put_be(o, BODY, 3);
	put_be(o, seq, 2);
	put_be(o, at, 3);
	put_be(o, n, 3);
	put(o, body + at, n);
}

static void
expect_frag(void)
{
	assert_true(info.complete && !info.broken);
	assert_int_equal(info.sni.n, 12);
	assert_memory_equal(info.sni.p, "frag.example", 12);
	assert_int_equal(info.version, 0xfefc);
}

static void
test_dtls_orders(void **state)
{
	static const unsigned int	orders[6][3] = { { 0, 1, 2 },
	    { 0, 2, 1 }, { 1, 0, 2 }, { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };
	static const size_t		cut[] = { 0, 40, 900, BODY };
	uint8_t				space[2048], buf[4096];
	struct rp_dtls			d;
	struct out			w;
	unsigned int			o, i, k, twice;

	(void)state;
	make_body();
	for (o = 0; o < 6; o++)
		for (twice = 1; twice <= 2; twice++) {
			rp_dtls_begin(&d, buf, sizeof(buf));
			for (i = 0; i < PARTS * twice; i++) {
				k = orders[o][i / twice];
				w = (struct out){ space, 0 };
				put_fragment(&w, 0, cut[k], cut[k + 1] -
				    cut[k]);
				assert_int_equal(rp_dtls_feed(&d, space, w.n),
				    RP_YES);
				rp_dtls_answer(&d, &info);
				assert_int_equal(info.complete, i / twice ==
				    2);
			}
			expect_frag();
		}
}

static void
test_dtls_datagram(void **state)
{
	uint8_t		space[2048], buf[4096];
	struct rp_dtls	d;
	struct out	w = { space, 0 };

	(void)state;
	make_body();
	/* Several records in one. */
	put_fragment(&w, 0, 700, 800);
	put_fragment(&w, 0, 0, 700);
	assert_int_equal(ask(RP_DTLS, space, w.n), RP_YES);
	expect_frag();
	assert_true(info.sni.p >= info.buf &&
	    info.sni.p < info.buf + RP_BUF_LEN);
	assert_int_equal(ask(RP_DTLS, space, w.n - 1), RP_NO);
	/* In one piece it is read where it lies. */
	w.n = 0;
	put_fragment(&w, 1, 0, BODY);
	assert_int_equal(ask(RP_DTLS, space, w.n), RP_YES);
	expect_frag();
	assert_true(info.sni.p > space && info.sni.p < space + w.n);
	/* A second hello, with a cookie, counts; the first is late. */
	rp_dtls_begin(&d, buf, sizeof(buf));
	w.n = 0;
	put_fragment(&w, 0, 0, 100);
	rp_dtls_feed(&d, space, w.n);
	w.n = 0;
	put_fragment(&w, 1, 100, 1400);
	rp_dtls_feed(&d, space, w.n);
	w.n = 0;
	put_fragment(&w, 0, 0, 100);
	assert_int_equal(rp_dtls_feed(&d, space, w.n), RP_YES);
	rp_dtls_answer(&d, &info);
	assert_false(info.complete);
	w.n = 0;
	put_fragment(&w, 1, 0, 200);
	rp_dtls_feed(&d, space, w.n);
	rp_dtls_answer(&d, &info);
	expect_frag();
}

static void
test_dtls_lies(void **state)
{
	uint8_t		space[2048], buf[4096];
	struct rp_dtls	d;
	struct out	w = { space, 0 };

	(void)state;
	make_body();
	/* More than there is room for. */
	put_fragment(&w, 0, 0, 100);
	rp_dtls_begin(&d, buf, BODY - 1);
	assert_int_equal(rp_dtls_feed(&d, space, w.n), RP_NO);
	/* Bytes that contradict each other. */
	rp_dtls_begin(&d, buf, BODY);
	assert_int_equal(rp_dtls_feed(&d, space, w.n), RP_YES);
	space[13 + 12 + 50] ^= 1;
	assert_int_equal(rp_dtls_feed(&d, space, w.n), RP_NO);
	space[13 + 12 + 50] ^= 1;
	assert_int_equal(rp_dtls_feed(&d, space, w.n), RP_NO);
	/* So do lengths. */
	rp_dtls_begin(&d, buf, sizeof(buf));
	assert_int_equal(rp_dtls_feed(&d, space, w.n), RP_YES);
	space[13 + 3]++;
	assert_int_equal(rp_dtls_feed(&d, space, w.n), RP_NO);
	space[13 + 3]--;
	/* Beyond the end: of the body, of the record. */
	w.n = 0;
	put_fragment(&w, 0, BODY - 100, 100);
	space[13 + 8]++;
	assert_int_equal(ask(RP_DTLS, space, w.n), RP_NO);
	w.n = 0;
	put_fragment(&w, 0, 0, 100);
	/* Of another version, encrypted. */
	space[13 + 6] = 0xff;
	assert_int_equal(ask(RP_DTLS, space, w.n), RP_NO);
	space[13 + 6] = 0;
	space[13 + 12] = 3;
	assert_int_equal(ask(RP_DTLS, space, w.n), RP_NO);
	space[13 + 12] = 0xfe;
	space[4] = 1;
	assert_int_equal(ask(RP_DTLS, space, w.n), RP_NO);
	space[4] = 0;
	assert_int_equal(ask(RP_DTLS, space, w.n), RP_YES);
	assert_false(info.complete);
}

static void
test_table(void **state)
{
	(void)state;
	assert_int_equal(rp_transport(RP_TLS), RP_OVER_TCP);
	assert_int_equal(rp_transport(RP_QUIC), RP_OVER_UDP);
	assert_int_equal(rp_transport(RP_SIP), RP_OVER_TCP | RP_OVER_UDP);
	assert_int_equal(rp_transport(0), 0);
	assert_int_equal(rp_transport(RP_BUILTIN_MAX), 0);
	assert_int_equal(rp_number("openvpn-udp"), RP_OPENVPN_UDP);
	/* A request in two segments. */
	assert_int_equal(ask(RP_SIP, (const uint8_t *)"INV", 3), RP_MORE);
	assert_int_equal(ask(RP_SIP, (const uint8_t *)"INVITE sip:a SIP",
	    16), RP_MORE);
	assert_int_equal(ask(RP_SIP, (const uint8_t *)"OPTIONS /x HTTP/1.1",
	    19), RP_NO);
	assert_int_equal(ask(RP_SIP, (const uint8_t *)"INVITE sip:a SIP/3.0",
	    20), RP_NO);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_samples),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_bent),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_openvpn_v2_key),
		cmocka_unit_test(test_wireguard_index),
		cmocka_unit_test(test_dtls_orders),
		cmocka_unit_test(test_dtls_datagram),
		cmocka_unit_test(test_dtls_lies),
		cmocka_unit_test(test_table),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("udp_probes", tests, NULL, NULL);
}

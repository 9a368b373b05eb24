/* LINK: refract-mux/proxyproto.o */
/*
 * PROXY headers, byte by byte, in and out.  The examples of the specification
 * (haproxy.org, proxy-protocol.txt) are among them; checksums are another
 * program's.
 */
#include <sys/socket.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proxyproto.h"

#define SIG	"\r\n\r\n\0\r\nQUIT\n"
#define BYTES(s) { (const uint8_t *)(s), sizeof(s) - 1 }
#define A4	"\xc0\x00\x02\x07" "\xc6\x33\x64\x09" "\xdc\x04" "\x01\xbb"
#define A6	"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07"		\
		"\x20\x01\x0d\xb8\0\x01\0\0\0\0\0\0\0\0\0\x09"		\
		"\xdc\x04" "\x01\xbb"
#define MAPPED	"\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\x00\x02\x07"		\
		"\0\0\0\0\0\0\0\0\0\0\xff\xff\xc6\x33\x64\x09"		\
		"\xdc\x04" "\x01\xbb"
#define X8	"xxxxxxxx"
#define X64	X8 X8 X8 X8 X8 X8 X8 X8

/* What comes in: whole, in each beginning, and with more behind it. */
static const struct in {
	struct rp_slice	 bytes;
	enum rp_answer	 answer;
	const char	*from, *to;	/* NULL: not said */
	uint16_t	 from_port, to_port;
	size_t		 tlvs;		/* bytes of them */
} ins[] = {
	/* Version 1. */
	{ BYTES("PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n"), RP_YES,
	    "192.168.0.1", "192.168.0.11", 56324, 443, 0 },
	{ BYTES("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n"),
	    RP_YES, "255.255.255.255", "255.255.255.255", 65535, 65535, 0 },
	{ BYTES("PROXY TCP6 2001:db8::7 2001:DB8:1::9 56324 443\r\n"), RP_YES,
	    "2001:db8::7", "2001:db8:1::9", 56324, 443, 0 },
	{ BYTES("PROXY TCP6 ::ffff:192.0.2.7 ::ffff:c633:6409 1 0\r\n"),
	    RP_YES, "192.0.2.7", "198.51.100.9", 1, 0, 0 },
	{ BYTES("PROXY UNKNOWN\r\n"), RP_YES, NULL, NULL, 0, 0, 0 },
	{ BYTES("PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
	    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"),
	    RP_YES, NULL, NULL, 0, 0, 0 },
	{ BYTES("PROXY UNKNOWN \0\r \xff\r\n"), RP_YES, NULL, NULL, 0, 0, 0 },
	/* Not quite version 1. */
	{ BYTES("PROXY UNKNOWN " X64 X8 X8 X8 "xxxxxx\r\n"), RP_NO, NULL,
	    NULL, 0, 0, 0 },
	{ BYTES("PROXY UNKNOWNS\r\n"), RP_NO, NULL, NULL, 0, 0, 0 },
	{ BYTES("PROXY\r\n"), RP_NO, NULL, NULL, 0, 0, 0 },
	{ BYTES("PROXY \r\n"), RP_NO, NULL, NULL, 0, 0, 0 },
	{ BYTES("PROXY \n"), RP_NO, NULL, NULL, 0, 0, 0 },
	{ BYTES("proxy UNKNOWN\r\n"), RP_NO, NULL, NULL, 0, 0, 0 },
	{ BYTES("PROXY  UNKNOWN\r\n"), RP_NO, NULL, NULL, 0, 0, 0 },
	{ BYTES("PROXY UNKNOWN\n"), RP_NO, NULL, NULL, 0, 0, 0 },
	{ BYTES("PROXY TCP4\r\n"), RP_NO, NULL, NULL, 0, 0, 0 },
	{ BYTES("PROXY TCP5 1.2.3.4 5.6.7.8 1 2\r\n"), RP_NO, NULL, NULL, 0,
	    0, 0 },
	{ BYTES("PROXY UDP4 1.2.3.4 5.6.7.8 1 2\r\n"), RP_NO, NULL, NULL, 0,
	    0, 0 },
	{ BYTES("PROXY TCP4 1.2.3.4 5.6.7.8 1 2 \r\n"), RP_NO, NULL, NULL, 0,
	    0, 0 },
	{ BYTES("PROXY TCP4 1.2.3.4 5.6.7.8 1 2 3\r\n"), RP_NO, NULL, NULL, 0,
	    0, 0 },
	{ BYTES("PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n"), RP_NO, NULL, NULL, 0, 0,
	    0 },
	{ BYTES("PROXY TCP4 1.2.3.4  5.6.7.8 1 2\r\n"), RP_NO, NULL, NULL, 0,
	    0, 0 },
	{ BYTES("PROXY TCP4 1.2.3.4\t5.6.7.8 1 2\r\n"), RP_NO, NULL, NULL, 0,
	    0, 0 },
	{ BYTES("PROXY TCP4 1.2.3.04 5.6.7.8 1 2\r\n"), RP_NO, NULL, NULL, 0,
	    0, 0 },
	{ BYTES("PROXY TCP4 1.2.3.4\0 5.6.7.8 1 2\r\n"), RP_NO, NULL, NULL, 0,
	    0, 0 },
	{ BYTES("PROXY TCP4 1.2.3.4 5.6.7.8 01 2\r\n"), RP_NO, NULL, NULL, 0,
	    0, 0 },
	{ BYTES("PROXY TCP4 1.2.3.4 5.6.7.8 1 65536\r\n"), RP_NO, NULL, NULL,
	    0, 0, 0 },
	{ BYTES("PROXY TCP4 1.2.3.4 5.6.7.8 1 -2\r\n"), RP_NO, NULL, NULL, 0,
	    0, 0 },
	{ BYTES("PROXY TCP4 1.2.3.4 5.6.7.8 1 2\0\r\n"), RP_NO, NULL, NULL, 0,
	    0, 0 },
	{ BYTES("PROXY TCP4 ::1 ::2 1 2\r\n"), RP_NO, NULL, NULL, 0, 0, 0 },
	{ BYTES("PROXY TCP4 ::ffff:1.2.3.4 ::ffff:1.2.3.4 1 2\r\n"), RP_NO,
	    NULL, NULL, 0, 0, 0 },
	{ BYTES("PROXY TCP6 1.2.3.4 5.6.7.8 1 2\r\n"), RP_NO, NULL, NULL, 0,
	    0, 0 },
	{ BYTES("PROXY TCP6 2001:db8::7%eth0 ::1 1 2\r\n"), RP_NO, NULL, NULL,
	    0, 0, 0 },
	/* Version 2. */
	{ BYTES(SIG "\x21\x11\x00\x0c" A4), RP_YES, "192.0.2.7",
	    "198.51.100.9", 56324, 443, 0 },
	{ BYTES(SIG "\x21\x12\x00\x0c" A4), RP_YES, "192.0.2.7",
	    "198.51.100.9", 56324, 443, 0 },
	{ BYTES(SIG "\x21\x21\x00\x24" A6), RP_YES, "2001:db8::7",
	    "2001:db8:1::9", 56324, 443, 0 },
	{ BYTES(SIG "\x21\x21\x00\x24" MAPPED), RP_YES, "192.0.2.7",
	    "198.51.100.9", 56324, 443, 0 },
	/* The connection's own ends: LOCAL, whatever else it says. */
	{ BYTES(SIG "\x20\x00\x00\x00"), RP_YES, NULL, NULL, 0, 0, 0 },
	{ BYTES(SIG "\x20\x11\x00\x0c" A4), RP_YES, NULL, NULL, 0, 0, 0 },
	{ BYTES(SIG "\x20\xff\x00\x02zz"), RP_YES, NULL, NULL, 0, 0, 0 },
	{ BYTES(SIG "\x21\x00\x00\x00"), RP_YES, NULL, NULL, 0, 0, 0 },
	{ BYTES(SIG "\x21\x00\x00\x05zzzzz"), RP_YES, NULL, NULL, 0, 0, 0 },
	{ BYTES(SIG "\x21\x31\x00\xd8" X64 X64 X64 X8 X8 X8), RP_YES, NULL,
	    NULL, 0, 0, 0 },
	/* TLVs. */
	{ BYTES(SIG "\x21\x11\x00\x14" A4 "\x01\x00\x02h2" "\x04\x00\x00"),
	    RP_YES, "192.0.2.7", "198.51.100.9", 56324, 443, 8 },
	{ BYTES(SIG "\x21\x11\x00\x13" A4 "\x03\x00\x04\xda\xec\xff\x8e"),
	    RP_YES, "192.0.2.7", "198.51.100.9", 56324, 443, 7 },
	/* Not quite version 2. */
	{ BYTES(SIG "\x11\x11\x00\x0c" A4), RP_NO, NULL, NULL, 0, 0, 0 },
	{ BYTES(SIG "\x31\x11\x00\x0c" A4), RP_NO, NULL, NULL, 0, 0, 0 },
	{ BYTES(SIG "\x22\x11\x00\x0c" A4), RP_NO, NULL, NULL, 0, 0, 0 },
	{ BYTES(SIG "\x21\x10\x00\x0c" A4), RP_NO, NULL, NULL, 0, 0, 0 },
	{ BYTES(SIG "\x21\x01\x00\x0c" A4), RP_NO, NULL, NULL, 0, 0, 0 },
	{ BYTES(SIG "\x21\x13\x00\x0c" A4), RP_NO, NULL, NULL, 0, 0, 0 },
	{ BYTES(SIG "\x21\x41\x00\x0c" A4), RP_NO, NULL, NULL, 0, 0, 0 },
	{ BYTES(SIG "\x21\x21\x00\x0c" A4), RP_NO, NULL, NULL, 0, 0, 0 },
	{ BYTES(SIG "\x21\x11\x00\x0b\xc0\x00\x02\x07\xc6\x33\x64\x09"
	    "\xdc\x04\x01"), RP_NO, NULL, NULL, 0, 0, 0 },
	{ BYTES(SIG "\x21\x31\x00\x0c" A4), RP_NO, NULL, NULL, 0, 0, 0 },
	{ BYTES(SIG "\x21\x11\x0f\xf1"), RP_NO, NULL, NULL, 0, 0, 0 },
	{ BYTES(SIG "\x20\x00\xff\xff"), RP_NO, NULL, NULL, 0, 0, 0 },
	{ BYTES(SIG "\x21\x11\x00\x0d" A4 "\x04"), RP_NO, NULL, NULL, 0, 0,
	    0 },
	{ BYTES(SIG "\x21\x11\x00\x0f" A4 "\x04\x00\x01"), RP_NO, NULL, NULL,
	    0, 0, 0 },
	{ BYTES(SIG "\x21\x11\x00\x12" A4 "\x01\x00\x02h2" "\x04"), RP_NO,
	    NULL, NULL, 0, 0, 0 },
	{ BYTES(SIG "\x21\x11\x00\x13" A4 "\x03\x00\x04\xda\xec\xff\x8f"),
	    RP_NO, NULL, NULL, 0, 0, 0 },
	{ BYTES(SIG "\x21\x11\x00\x12" A4 "\x03\x00\x03\xda\xec\xff"), RP_NO,
	    NULL, NULL, 0, 0, 0 },
	{ BYTES(SIG "\x21\x11\x00\x90" A4 "\x05\x00\x81x" X64 X64), RP_NO,
	    NULL, NULL, 0, 0, 0 },
	/* Neither. */
	{ BYTES("GET / HTTP/1.1\r\n\r\n"), RP_NO, NULL, NULL, 0, 0, 0 },
	{ BYTES("\r\n\r\n\0\r\nQUIX\n!\x11\x00\x0c" A4), RP_NO, NULL, NULL,
	    0, 0, 0 },
	{ BYTES("\x16\x03\x01\x02\x00\x01"), RP_NO, NULL, NULL, 0, 0, 0 }
};

static void
assert_addr(const struct prefix *p, const char *want)
{
	char	buf[PREFIX_STRLEN];

	if (want == NULL) {
		assert_int_equal(p->family, 0);
		return;
	}
	assert_int_equal(p->plen, prefix_bits(p->family));
	assert_string_equal(prefix_print(p, buf), want);
}

/* In memory of its own, so that a byte too far is seen. */
static enum rp_answer
parse(const void *p, size_t n, size_t *len, struct proxy_addrs *a)
{
	uint8_t		*copy = malloc(n == 0 ? 1 : n);
	enum rp_answer	 answer;

	assert_non_null(copy);
	memcpy(copy, p, n);
	answer = proxy_parse(copy, n, len, a);
	free(copy);
	return answer;
}

static void
check_in(const struct in *t)
{
	struct proxy_addrs	a;
	size_t			len, n = t->bytes.n;
	enum rp_answer		answer;

	answer = parse(t->bytes.p, n, &len, &a);
	assert_int_equal(answer, t->answer);
	if (answer == RP_YES) {
		assert_int_equal(len, n);
		assert_int_equal(a.from_port, t->from_port);
		assert_int_equal(a.to_port, t->to_port);
		assert_int_equal(a.tlvs.n, t->tlvs);
	}
	assert_addr(&a.from, t->from);
	assert_addr(&a.to, t->to);
	while (n-- > 0) {
		answer = parse(t->bytes.p, n, &len, &a);
		assert_true(answer == RP_MORE ||
		    (answer == RP_NO && t->answer == RP_NO));
	}
}

static void
test_in(void **arg)
{
	size_t	i;

	(void)arg;
	for (i = 0; i < sizeof(ins) / sizeof(ins[0]); i++)
		check_in(&ins[i]);
}

/* What follows a header is not part of it. */
static void
test_behind(void **arg)
{
	struct proxy_addrs	a;
	uint8_t			buf[512];
	size_t			i, len;

	(void)arg;
	for (i = 0; i < sizeof(ins) / sizeof(ins[0]); i++) {
		memcpy(buf, ins[i].bytes.p, ins[i].bytes.n);
		memcpy(buf + ins[i].bytes.n, "PROXY GET\r\n\r\n", 13);
		assert_int_equal(parse(buf, ins[i].bytes.n + 13, &len, &a),
		    ins[i].answer);
		if (ins[i].answer == RP_YES)
			assert_int_equal(len, ins[i].bytes.n);
	}
}

/* The largest that is taken, and one byte more. */
static void
test_largest(void **arg)
{
	static uint8_t		buf[PROXY_MAX + 1];
	struct proxy_addrs	a;
	size_t			len;

	(void)arg;
	memcpy(buf, SIG "\x21\x11\x0f\xf0" A4 "\xe0\x0f\xe1", 31);
	assert_int_equal(parse(buf, PROXY_MAX, &len, &a), RP_YES);
	assert_int_equal(len, PROXY_MAX);
	assert_int_equal(parse(buf, PROXY_MAX - 1, &len, &a), RP_MORE);
	buf[15]++;
	assert_int_equal(parse(buf, 16, &len, &a), RP_NO);
}

/* What goes out. */

static struct prefix
addr(const char *text)
{
	struct prefix	p;

	memset(&p, 0, sizeof(p));
	if (text != NULL)
		assert_int_equal(addr_parse(&p, text, strlen(text)), 0);
	return p;
}

static const struct out {
	const char	*from, *to;
	int		 version;
	struct rp_slice	 bytes;
	struct rp_slice	 alpn, authority, unique, came;
	int		 dgram;
} outs[] = {
	{ "192.168.0.1", "192.168.0.11", 1,
	    BYTES("PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n"),
	    BYTES("h2"), BYTES("a.example"), BYTES("1"), { NULL, 0 }, 0 },
	{ "2001:db8::7", "2001:db8:1::9", 1,
	    BYTES("PROXY TCP6 2001:db8::7 2001:db8:1::9 56324 443\r\n"),
	    { NULL, 0 }, { NULL, 0 }, { NULL, 0 }, { NULL, 0 }, 0 },
	{ "192.0.2.7", "2001:db8:1::9", 1,
	    BYTES("PROXY TCP6 ::ffff:192.0.2.7 2001:db8:1::9 56324 443\r\n"),
	    { NULL, 0 }, { NULL, 0 }, { NULL, 0 }, { NULL, 0 }, 0 },
	{ NULL, NULL, 1, BYTES("PROXY UNKNOWN\r\n"), { NULL, 0 }, { NULL, 0 },
	    { NULL, 0 }, { NULL, 0 }, 0 },
	{ "192.0.2.7", "198.51.100.9", 2, BYTES(SIG "\x21\x11\x00\x0c" A4),
	    { NULL, 0 }, { NULL, 0 }, { NULL, 0 }, { NULL, 0 }, 0 },
	{ "192.0.2.7", "198.51.100.9", 2, BYTES(SIG "\x21\x12\x00\x0c" A4),
	    { NULL, 0 }, { NULL, 0 }, { NULL, 0 }, { NULL, 0 }, 1 },
	{ "2001:db8::7", "2001:db8:1::9", 2,
	    BYTES(SIG "\x21\x21\x00\x24" A6), { NULL, 0 }, { NULL, 0 },
	    { NULL, 0 }, { NULL, 0 }, 0 },
	{ "192.0.2.7", "2001:db8:1::9", 2,
	    BYTES(SIG "\x21\x22\x00\x24"
	    "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\x00\x02\x07"
	    "\x20\x01\x0d\xb8\0\x01\0\0\0\0\0\0\0\0\0\x09\xdc\x04\x01\xbb"),
	    { NULL, 0 }, { NULL, 0 }, { NULL, 0 }, { NULL, 0 }, 1 },
	{ NULL, NULL, 2, BYTES(SIG "\x20\x00\x00\x00"), BYTES("h2"),
	    { NULL, 0 }, { NULL, 0 }, { NULL, 0 }, 0 },
	/* TLVs of ours. */
	{ "192.0.2.7", "198.51.100.9", 2,
	    BYTES(SIG "\x21\x11\x00\x22" A4 "\x01\x00\x02h2"
	    "\x02\x00\x09" "a.example" "\x05\x00\x02" "17"),
	    BYTES("h2"), BYTES("a.example"), BYTES("17"), { NULL, 0 }, 0 },
	/* What came goes on and wins, but for sum and padding. */
	{ "192.0.2.7", "198.51.100.9", 2,
	    BYTES(SIG "\x21\x11\x00\x23" A4 "\x05\x00\x03" "abc"
	    "\xea\x00\x00" "\x01\x00\x02h2" "\x02\x00\x06" "b.test"),
	    BYTES("h2"), BYTES("b.test"), BYTES("17"),
	    BYTES("\x04\x00\x01z" "\x05\x00\x03" "abc"
	    "\x03\x00\x04zzzz" "\xea\x00\x00"), 0 }
};

static void
test_out(void **arg)
{
	static uint8_t	buf[PROXY_MAX];
	size_t		i, n;

	(void)arg;
	for (i = 0; i < sizeof(outs) / sizeof(outs[0]); i++) {
		const struct out	*t = &outs[i];
		struct proxy_addrs	 a = { .from = addr(t->from),
		    .to = addr(t->to), .from_port = 56324, .to_port = 443 };
		struct proxy_tlvs	 v = { .alpn = t->alpn,
		    .authority = t->authority, .unique = t->unique,
		    .came = t->came, .dgram = t->dgram };

		n = proxy_write(buf, t->version, &a, &v);
		assert_int_equal(n, t->bytes.n);
		assert_memory_equal(buf, t->bytes.p, n);
	}
}

/* What does not fit is left out, not cut. */
static void
test_full(void **arg)
{
	static uint8_t		buf[PROXY_MAX], came[PROXY_MAX];
	struct proxy_addrs	a = { .from = addr("2001:db8::7"),
	    .to = addr("2001:db8::8") }, b;
	struct proxy_tlvs	v = { .came = { came, 4068 },
	    .alpn = BYTES("h2") };
	size_t			n, len;

	(void)arg;
	came[0] = 0xe0;
	came[1] = 4065 >> 8;
	came[2] = 4065 & 255;
	assert_int_equal(proxy_write(buf, 2, &a, &v), 52 + 5);
	came[2] = (4065 - 24) & 255;
	v.came.n -= 24;
	n = proxy_write(buf, 2, &a, &v);
	assert_int_equal(n, PROXY_MAX);
	assert_int_equal(parse(buf, n, &len, &b), RP_YES);
	assert_int_equal(len, n);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_in),
		cmocka_unit_test(test_behind),
		cmocka_unit_test(test_largest),
		cmocka_unit_test(test_out),
		cmocka_unit_test(test_full)
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

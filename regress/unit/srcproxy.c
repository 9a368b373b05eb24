/* LINK: refract-mux/srcproxy.o */
/* LIBS: -lnettle */
/*
 * Headers of the srcproxy protocol, byte by byte, in and out; version 1 as the
 * original writes it.
 */
#include <sys/socket.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "srcproxy.h"

/* printf "" | sha256sum */
#define EMPTY	"\xe3\xb0\xc4\x42\x98\xfc\x1c\x14\x9a\xfb\xf4\xc8\x99\x6f"  \
		"\xb9\x24\x27\xae\x41\xe4\x64\x9b\x93\x4c\xa4\x95\x99\x1b"  \
		"\x78\x52\xb8\x55"
#define TO4	"\x04" "\xc6\x33\x64\x09" "\x01\xbb"	/* 198.51.100.9 443 */
#define FROM4	"\x04" "\xc0\x00\x02\x07" "\xdc\x04"	/* 192.0.2.7 56324 */
#define TO6	"\x10\x20\x01\x0d\xb8\0\x01\0\0\0\0\0\0\0\0\0\x09\x01\xbb"
#define FROM6	"\x10\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07\xdc\x04"
#define MAPPED	"\x10\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\x00\x02\x07\xdc\x04"

static const struct {
	const char	*bytes;
	size_t		 n;
	size_t		 auth_len;
	const char	*to, *from;
} good[] = {
	{ "\1\1\x20" EMPTY TO4 FROM4, 49, 32, "198.51.100.9", "192.0.2.7" },
	{ "\1\1\x20" EMPTY TO6 FROM6, 73, 32, "2001:db8:1::9",
	    "2001:db8::7" },
	{ "\1\1\x20" EMPTY TO4 MAPPED, 61, 32, "198.51.100.9", "192.0.2.7" },
	{ "\1\1\0" TO4 FROM4, 17, 0, "198.51.100.9", "192.0.2.7" },
};

static void
check(const uint8_t *p, size_t n, size_t auth_len, const char *to,
    const char *from)
{
	struct srcproxy		s;
	enum srcproxy_error	why;
	char			text[PREFIX_STRLEN];
	size_t			len, i;

	for (i = 0; i < n; i++)
		assert_int_equal(srcproxy_parse(p, i, &len, &s, &why),
		    RP_MORE);
	assert_int_equal(srcproxy_parse(p, n, &len, &s, &why), RP_YES);
	assert_int_equal(len, n);
	assert_int_equal(s.version, 1);
	assert_int_equal(s.auth_len, auth_len);
	assert_string_equal(prefix_print(&s.to, text), to);
	assert_string_equal(prefix_print(&s.from, text), from);
	assert_int_equal(s.to_port, 443);
	assert_int_equal(s.from_port, 56324);
}

static void
test_read(void **state)
{
	uint8_t	longest[SRCPROXY_MAX];
	size_t	i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		check((const uint8_t *)good[i].bytes, good[i].n,
		    good[i].auth_len, good[i].to, good[i].from);
	memcpy(longest, "\1\1\xff", 3);
	memset(longest + 3, 'a', 255);
	memcpy(longest + 258, TO6 FROM6, 38);
	check(longest, 296, 255, "2001:db8:1::9", "2001:db8::7");
}

static void
refused(const char *bytes, size_t n, enum srcproxy_error expected)
{
	struct srcproxy		s;
	enum srcproxy_error	why;
	size_t			len;

	assert_int_equal(srcproxy_parse((const uint8_t *)bytes, n, &len, &s,
	    &why), RP_NO);
	assert_int_equal(why, expected);
	assert_string_not_equal(srcproxy_error(why), "good");
}

static void
test_refused(void **state)
{
	(void)state;
	refused("\3", 1, SRCPROXY_VERSION);
	refused("\0\1\0", 3, SRCPROXY_VERSION);
	refused("\1\2", 2, SRCPROXY_OPCODE);
	refused("\1\1\0\5", 4, SRCPROXY_ADDRESS);
	refused("\1\1\0\0", 4, SRCPROXY_ADDRESS);
	refused("\1\1\0" TO4 "\6", 11, SRCPROXY_ADDRESS);
}

static void
test_write(void **state)
{
	struct srcproxy		s;
	enum srcproxy_error	why;
	uint8_t			buf[SRCPROXY_MAX];
	size_t			len, i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		srcproxy_parse((const uint8_t *)good[i].bytes, good[i].n,
		    &len, &s, &why);
		if (i == 2) {		/* folded: it is written as IPv4 */
			assert_int_equal(srcproxy_write(buf, &s), 49);
			assert_memory_equal(buf, good[0].bytes, 49);
			continue;
		}
		assert_int_equal(srcproxy_write(buf, &s), good[i].n);
		assert_memory_equal(buf, good[i].bytes, good[i].n);
	}
}

static void
test_token(void **state)
{
	uint8_t	auth[SRCPROXY_AUTH];

	(void)state;
	srcproxy_token("", 0, auth);
	assert_memory_equal(auth, EMPTY, 32);
	srcproxy_token("abc", 3, auth);	/* FIPS 180-2, B.1 */
	assert_memory_equal(auth, "\xba\x78\x16\xbf\x8f\x01\xcf\xea", 8);
	assert_true(srcproxy_same("abc", "abc", 3));
	assert_false(srcproxy_same("abc", "abd", 3));
}

/* Signed: any bit that changes is seen, and so is another key. */
static void
test_signed(void **state)
{
	static const uint8_t	key[] = "a key that both know";
	struct srcproxy		s, r;
	enum srcproxy_error	why;
	uint8_t			buf[SRCPROXY_MAX], id[SRCPROXY_KEYID];
	size_t			len, n, i;

	(void)state;
	srcproxy_parse((const uint8_t *)good[1].bytes, good[1].n, &len, &s,
	    &why);
	s.at = 1795000000123;
	memset(s.nonce, 0x5a, sizeof(s.nonce));
	n = srcproxy_write_signed(buf, &s, key, sizeof(key));
	assert_int_equal(n, 2 + 8 + 8 + 16 + 19 + 19 + 32);
	for (i = 0; i < n; i++)
		assert_int_equal(srcproxy_parse(buf, i, &len, &r, &why),
		    RP_MORE);
	assert_int_equal(srcproxy_parse(buf, n, &len, &r, &why), RP_YES);
	assert_int_equal(r.version, 2);
	assert_true(r.at == s.at);
	assert_memory_equal(r.nonce, s.nonce, sizeof(s.nonce));
	srcproxy_keyid(key, sizeof(key), id);
	assert_memory_equal(r.keyid, id, sizeof(id));
	assert_true(srcproxy_verify(buf, &r, key, sizeof(key)));
	assert_false(srcproxy_verify(buf, &r, key, sizeof(key) - 2));
	for (i = 2; i < n; i++) {
		buf[i] ^= 0x10;
		if (srcproxy_parse(buf, n, &len, &r, &why) == RP_YES)
			assert_false(srcproxy_verify(buf, &r, key,
			    sizeof(key)));
		buf[i] ^= 0x10;
	}
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_write),
		cmocka_unit_test(test_token),
		cmocka_unit_test(test_signed),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("srcproxy", tests, NULL, NULL);
}

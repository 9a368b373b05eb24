/*
 * Addresses: what the C library reads, ours reads alike; what it prints, reads
 * back; and prefixes and their sets agree with a model that looks at one bit
 * after the other.
 */
#include <sys/socket.h>

#include <netinet/in.h>

#include <arpa/inet.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "addr.h"

static uint64_t seed = 1;

/* xorshift64*: the same numbers in each run. */
static uint32_t
rnd(uint32_t below)
{
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return (uint32_t)((seed * UINT64_C(2685821657736338717)) >> 33) %
	    below;
}

static void
test_table(void **arg)
{
	static const struct {
		const char	*in, *out;	/* out NULL: refused */
	} t[] = {
		{ "1.2.3.4", "1.2.3.4" },
		{ "0.0.0.0", "0.0.0.0" },
		{ "255.255.255.255", "255.255.255.255" },
		{ "10.1.2.3/8", "10.0.0.0/8" },
		{ "1.2.3.4/32", "1.2.3.4" },
		{ "1.2.3.4/0", "0.0.0.0/0" },
		{ "::", "::" },
		{ "::1", "::1" },
		{ "1::", "1::" },
		{ "::/0", "::/0" },
		{ "2001:DB8::aB", "2001:db8::ab" },
		{ "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8" },
		{ "1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0" },
		{ "::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8" },
		{ "2001:db8:1:2:3:4:5:6/64", "2001:db8:1:2::/64" },
		{ "::ffff:1.2.3.4", "1.2.3.4" },
		{ "::FFFF:102:304", "1.2.3.4" },
		{ "::ffff:10.1.2.3/104", "10.0.0.0/8" },
		{ "::ffff:10.1.2.3/96", "0.0.0.0/0" },
		{ "::ffff:10.1.2.3/90", "::ffc0:0:0/90" },
		{ "64:ff9b::1.2.3.4", "64:ff9b::102:304" },
		{ "1:2:3:4:5:6:7.8.9.10", "1:2:3:4:5:6:708:90a" },
		{ "", NULL }, { "1", NULL }, { "1.2.3", NULL },
		{ "1.2.3.4.5", NULL }, { "1.2.3.256", NULL },
		{ "01.2.3.4", NULL }, { "1.2.3.4 ", NULL },
		{ " 1.2.3.4", NULL }, { "1..3.4", NULL }, { "1.2.3.", NULL },
		{ "0x1.2.3.4", NULL }, { "1.2.3.-4", NULL }, { ":", NULL },
		{ ":::", NULL }, { "1::2::3", NULL }, { "1:2", NULL },
		{ "12345::", NULL }, { ":1::", NULL }, { "1:", NULL },
		{ "1:2:3:4:5:6:7:8:9", NULL }, { "1:2:3:4:5:6:7:8::", NULL },
		{ "1:2:3:4::5:6:7:8", NULL }, { "::g", NULL },
		{ "[::1]", NULL }, { "fe80::1%eth0", NULL },
		{ "1:2:3:4:5:6:7:1.2.3.4", NULL }, { "::1.2.3", NULL },
		{ "::1.2.3.4:5", NULL }, { "1.2.3.4/33", NULL },
		{ "1.2.3.4/", NULL }, { "1.2.3.4/-1", NULL },
		{ "1.2.3.4/08", NULL }, { "1.2.3.4/8x", NULL },
		{ "::/129", NULL }, { "::1/4294967296", NULL },
		{ "host.example", NULL }, { "/8", NULL }
	};
	char buf[PREFIX_STRLEN];
	struct prefix p;
	size_t i;

	(void)arg;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		if (prefix_parse(&p, t[i].in) == -1) {
			if (t[i].out != NULL)
				fail_msg("'%s' is not read", t[i].in);
			continue;
		}
		if (t[i].out == NULL)
			fail_msg("'%s' is read as %s", t[i].in,
			    prefix_print(&p, buf));
		assert_string_equal(prefix_print(&p, buf), t[i].out);
		assert_true(prefix_valid(&p));
	}
}

/* The answer of inet_pton(3), mapped addresses folded. */
static int
model_parse(struct prefix *p, const char *s)
{
	struct in_addr in;
	struct in6_addr in6;

	if (inet_pton(AF_INET, s, &in) == 1)
		addr_from_in(p, &in);
	else if (inet_pton(AF_INET6, s, &in6) == 1)
		addr_from_in6(p, &in6);
	else
		return -1;
	return 0;
}

/* Texts that are nearly addresses: ours and the library's agree on each. */
static void
test_like_libc(void **arg)
{
	static const char bits[][8] = {
		"0", "1", "255", "256", "00", "a", "ffff", ":", "::", ".",
		"1.2.3.4", "fe80", "12345", "99", "8", ":", ".", ":", "b0"
	};
	struct prefix a, b;
	char s[80], *exact;
	int i, k, n, ra, rb, good = 0;

	(void)arg;
	for (i = 0; i < 400000; i++) {
		s[0] = '\0';
		for (k = 0, n = 1 + (int)rnd(15); k < n; k++)
			strlcat(s, bits[rnd(sizeof(bits) / sizeof(bits[0]))],
			    sizeof(s));
		memset(&a, 0xaa, sizeof(a));
		memset(&b, 0xaa, sizeof(b));
		exact = malloc(strlen(s) + (s[0] == '\0'));
		memcpy(exact, s, strlen(s));
		ra = addr_parse(&a, exact, strlen(s));
		free(exact);
		rb = model_parse(&b, s);
		if (ra != rb || memcmp(&a, &b, sizeof(a)) != 0)
			fail_msg("'%s': %d, the library %d", s, ra, rb);
		good += ra == 0;
	}
	assert_true(good > 1000);
}

static struct prefix
rnd_prefix(uint32_t spread)
{
	struct prefix p = { 0 };
	unsigned int bits;

	p.family = rnd(2) ? AF_INET : AF_INET6;
	bits = prefix_bits(p.family);
	p.plen = (uint8_t)bits;
	/* Few bits that differ, so that they meet often. */
	p.addr[0] = 10;
	p.addr[1] = (uint8_t)rnd(spread);
	p.addr[2] = (uint8_t)rnd(spread);
	p.addr[bits / 8 - 1] = (uint8_t)rnd(256);
	prefix_mask(&p, rnd(3) == 0 ? bits : rnd(bits + 1));
	return p;
}

static void
test_print_parse(void **arg)
{
	char buf[PREFIX_STRLEN];
	struct prefix p, q;
	int i, k;

	(void)arg;
	for (i = 0; i < 100000; i++) {
		p = rnd_prefix(256);
		if (p.family == AF_INET6 && rnd(2))
			for (k = 0; k < 16; k++)
				p.addr[k] = (uint8_t)(rnd(2) ? rnd(256) : 0);
		if (!prefix_valid(&p))
			p.plen = 128;
		assert_true(prefix_valid(&p));
		assert_int_equal(prefix_parse(&q, prefix_print(&p, buf)), 0);
		assert_memory_equal(&p, &q, sizeof(p));
	}
}

static int
bit(const struct prefix *p, unsigned int i)
{
	return p->addr[i / 8] >> (7 - i % 8) & 1;
}

static int
model_contains(const struct prefix *outer, const struct prefix *inner)
{
	unsigned int i;

	if (outer->family != inner->family || outer->plen > inner->plen)
		return 0;
	for (i = 0; i < outer->plen; i++)
		if (bit(outer, i) != bit(inner, i))
			return 0;
	return 1;
}

static void
test_contains(void **arg)
{
	struct prefix a, b;
	int i, yes = 0;

	(void)arg;
	for (i = 0; i < 200000; i++) {
		a = rnd_prefix(4);
		b = rnd_prefix(4);
		assert_int_equal(prefix_contains(&a, &b),
		    model_contains(&a, &b));
		assert_int_equal(prefix_overlap(&a, &b),
		    model_contains(&a, &b) || model_contains(&b, &a));
		assert_int_equal(prefix_cmp(&a, &b) == 0,
		    memcmp(&a, &b, sizeof(a)) == 0);
		assert_true((prefix_cmp(&a, &b) < 0) ==
		    (prefix_cmp(&b, &a) > 0));
		yes += model_contains(&a, &b);
	}
	assert_true(yes > 1000);
}

static void
test_valid(void **arg)
{
	struct prefix p = { AF_INET, 8, { 10 } };

	(void)arg;
	assert_true(prefix_valid(&p));
	p.addr[1] = 1;
	assert_false(prefix_valid(&p));
	prefix_mask(&p, 7);
	assert_true(prefix_valid(&p));
	p.addr[15] = 1;
	assert_false(prefix_valid(&p));
	p = (struct prefix){ AF_INET, 33, { 10 } };
	assert_false(prefix_valid(&p));
	p = (struct prefix){ AF_INET6, 129, { 10 } };
	assert_false(prefix_valid(&p));
	p = (struct prefix){ AF_INET6, 128, { [15] = 1 } };
	assert_true(prefix_valid(&p));
	p.family = AF_UNIX;
	assert_false(prefix_valid(&p));
	p = (struct prefix){ 0 };
	assert_false(prefix_valid(&p));
}

static void
test_mask(void **arg)
{
	struct prefix p, q;

	(void)arg;
	prefix_parse(&p, "2001:db8:1:2:3:4:5:6");
	q = p;
	prefix_mask(&q, 128);
	assert_memory_equal(&p, &q, sizeof(p));
	prefix_group(&q, 24, 64);
	prefix_parse(&p, "2001:db8:1:2::/64");
	assert_memory_equal(&p, &q, sizeof(p));
	prefix_mask(&q, 100);		/* never lengthens */
	assert_memory_equal(&p, &q, sizeof(p));
	prefix_parse(&q, "192.0.2.77");
	prefix_group(&q, 24, 64);
	prefix_parse(&p, "192.0.2.0/24");
	assert_memory_equal(&p, &q, sizeof(p));
}

static void
test_set(void **arg)
{
	struct prefixset set, fresh;
	struct prefix list[40], p;
	int round, i, k, n, in, over, hits = 0;

	(void)arg;
	for (round = 0; round < 2000; round++) {
		prefixset_init(&set);
		prefixset_init(&fresh);
		n = (int)rnd(40);
		for (i = 0; i < n; i++) {
			list[i] = rnd_prefix(6);
			if (list[i].plen < 12)
				prefix_parse(&list[i], "10.1.2.3");
			assert_int_equal(prefixset_add(&set, &list[i]), 0);
			prefixset_add(&fresh, &list[i]);
			if (i == n / 2)
				prefixset_build(&set);
		}
		prefixset_build(&set);
		for (k = 0; k < 50; k++) {
			p = rnd_prefix(6);
			in = over = 0;
			for (i = 0; i < n; i++) {
				in |= model_contains(&list[i], &p);
				over |= model_contains(&list[i], &p) ||
				    model_contains(&p, &list[i]);
			}
			assert_int_equal(prefixset_contains(&set, &p), in);
			assert_int_equal(prefixset_overlaps(&set, &p), over);
			/* Without a build it is slow, and right. */
			assert_int_equal(prefixset_contains(&fresh, &p), in);
			assert_int_equal(prefixset_overlaps(&fresh, &p), over);
			hits += in;
		}
		prefixset_clear(&set);
		prefixset_clear(&fresh);
	}
	assert_true(hits > 1000);
	assert_int_equal(set.n, 0);
}

static void
test_private(void **arg)
{
	static const char *const yes[] = {
		"127.0.0.1", "10.255.0.1", "172.16.0.1", "172.31.255.255",
		"192.168.3.4", "100.64.0.1", "100.127.255.255", "169.254.1.1",
		"::1", "fc00::1", "fdff::", "fe80::1", "febf::1",
		"::ffff:10.0.0.1", "10.0.0.0/9"
	};
	static const char *const no[] = {
		"128.0.0.1", "11.0.0.1", "172.15.0.1", "172.32.0.1",
		"192.169.0.1", "100.63.0.1", "100.128.0.1", "169.253.1.1",
		"::2", "::", "fe00::1", "fec0::1", "2001:db8::1", "8.8.8.8",
		"10.0.0.0/7"
	};
	struct prefix p;
	size_t i;

	(void)arg;
	for (i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
		assert_int_equal(prefix_parse(&p, yes[i]), 0);
		if (!prefix_is_private(&p))
			fail_msg("%s", yes[i]);
	}
	for (i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
		assert_int_equal(prefix_parse(&p, no[i]), 0);
		if (prefix_is_private(&p))
			fail_msg("%s", no[i]);
	}
}

static void
test_sockaddr(void **arg)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
	    .sin_port = htons(443) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6,
	    .sin6_port = htons(80) };
	struct sockaddr un = { .sa_family = AF_UNIX };
	char buf[PREFIX_STRLEN];
	struct prefix p;
	uint16_t port;

	(void)arg;
	inet_pton(AF_INET, "192.0.2.1", &in.sin_addr);
	inet_pton(AF_INET6, "::ffff:192.0.2.2", &in6.sin6_addr);
	assert_int_equal(addr_from_sockaddr(&p, (struct sockaddr *)&in,
	    &port), 0);
	assert_string_equal(prefix_print(&p, buf), "192.0.2.1");
	assert_int_equal(port, 443);
	assert_int_equal(addr_from_sockaddr(&p, (struct sockaddr *)&in6,
	    &port), 0);
	assert_string_equal(prefix_print(&p, buf), "192.0.2.2");
	assert_int_equal(port, 80);
	assert_int_equal(addr_from_sockaddr(&p, &un, NULL), -1);
}

/* There and back. */
static void
test_to_sockaddr(void **arg)
{
	static const char *const texts[] = { "192.0.2.1", "2001:db8::7" };
	static const size_t lens[] = { sizeof(struct sockaddr_in),
	    sizeof(struct sockaddr_in6) };
	struct sockaddr_storage ss;
	struct prefix p, q;
	uint16_t port;
	size_t i;

	(void)arg;
	for (i = 0; i < 2; i++) {
		assert_int_equal(prefix_parse(&p, texts[i]), 0);
		memset(&ss, 0xff, sizeof(ss));
		assert_int_equal(addr_to_sockaddr(&p, 0x1234, &ss), lens[i]);
		assert_int_equal(addr_from_sockaddr(&q,
		    (struct sockaddr *)&ss, &port), 0);
		assert_memory_equal(&p, &q, sizeof(p));
		assert_int_equal(port, 0x1234);
	}
	assert_int_equal(((struct sockaddr_in6 *)&ss)->sin6_scope_id, 0);
}

/* A bucket of 1,024 gets about 100 of 102,400 neighbours, by any seed. */
static void
test_hash(void **arg)
{
	struct prefix p = { AF_INET, 32, { 10 } };
	uint32_t buckets[1024], i, most;
	uint64_t s;

	(void)arg;
	for (s = 0; s < 4; s++) {
		memset(buckets, 0, sizeof(buckets));
		for (i = 0; i < 102400; i++) {
			p.addr[1] = (uint8_t)(i >> 16);
			p.addr[2] = (uint8_t)(i >> 8);
			p.addr[3] = (uint8_t)i;
			buckets[prefix_hash(&p, s) % 1024]++;
		}
		for (most = 0, i = 0; i < 1024; i++)
			most = buckets[i] > most ? buckets[i] : most;
		assert_true(most < 160);
	}
	assert_int_not_equal(prefix_hash(&p, 1), prefix_hash(&p, 2));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_like_libc),
		cmocka_unit_test(test_print_parse),
		cmocka_unit_test(test_contains),
		cmocka_unit_test(test_valid),
		cmocka_unit_test(test_mask),
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_private),
		cmocka_unit_test(test_sockaddr),
		cmocka_unit_test(test_to_sockaddr),
		cmocka_unit_test(test_hash)
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("addr", tests, NULL, NULL);
}

/*
 * What a resolver's answers are taken for, and what resolv.conf(5) and
 * hosts(5) say.
 */
/* LINK: refractd/control_answer.o refractd/nameservers_parse.o */
/* LIBS: -levent_extra */
#include <sys/socket.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <event2/dns.h>

#include "control_resolve.h"
#include "nameservers.h"

static void
is_addr(const struct prefix *p, const char *want)
{
	char	buf[PREFIX_STRLEN];

	assert_string_equal(prefix_print(p, buf), want);
}

static void
test_good(void **state)
{
	static const uint8_t	list[] = {
		10, 0, 0, 2, 10, 0, 0, 1, 10, 0, 0, 2
	};
	static const uint8_t	six[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 };
	struct answer		a, b;

	(void)state;
	/* In order, each once: a resolver that turns them changes nothing. */
	answer_read(&a, AF_INET, DNS_ERR_NONE, DNS_IPv4_A, 3, 60, list);
	assert_int_equal(a.verdict, ANSWER_GOOD);
	assert_int_equal(a.ttl, 60000);
	assert_int_equal(a.n, 2);
	is_addr(&a.addrs[0], "10.0.0.1");
	is_addr(&a.addrs[1], "10.0.0.2");
	answer_read(&b, AF_INET6, DNS_ERR_NONE, DNS_IPv6_AAAA, 1, 0, six);
	assert_int_equal(b.verdict, ANSWER_GOOD);
	assert_int_equal(b.ttl, 0);
	is_addr(&b.addrs[0], "2001:db8::1");
}

static void
test_bad(void **state)
{
	static const int	failures[] = {
		DNS_ERR_FORMAT, DNS_ERR_SERVERFAILED, DNS_ERR_NOTIMPL,
		DNS_ERR_REFUSED, DNS_ERR_TRUNCATED, DNS_ERR_UNKNOWN,
		DNS_ERR_TIMEOUT, DNS_ERR_SHUTDOWN, -1, 1000
	};
	static const uint8_t	list[4] = { 10, 0, 0, 1 };
	struct answer		a;
	size_t			i;

	(void)state;
	for (i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
		answer_read(&a, AF_INET, failures[i], DNS_IPv4_A, 1, 60,
		    list);
		assert_int_equal(a.verdict, ANSWER_FAILED);
		assert_int_equal(a.n, 0);
	}
	answer_read(&a, AF_INET, DNS_ERR_NOTEXIST, 0, 0, 60, NULL);
	assert_int_equal(a.verdict, ANSWER_NONE);
	answer_read(&a, AF_INET, DNS_ERR_NODATA, 0, 0, 60, NULL);
	assert_int_equal(a.verdict, ANSWER_NONE);
	/* Another type than was asked for, none, nonsense. */
	answer_read(&a, AF_INET, DNS_ERR_NONE, DNS_IPv6_AAAA, 1, 60, list);
	assert_int_equal(a.verdict, ANSWER_NONE);
	answer_read(&a, AF_INET, DNS_ERR_NONE, DNS_IPv4_A, 0, 60, list);
	assert_int_equal(a.verdict, ANSWER_NONE);
	answer_read(&a, AF_INET, DNS_ERR_NONE, DNS_IPv4_A, -1, -60, list);
	assert_int_equal(a.verdict, ANSWER_NONE);
	assert_int_equal(a.ttl, 0);
	answer_read(&a, AF_INET, DNS_ERR_NONE, DNS_IPv4_A, 1, 60, NULL);
	assert_int_equal(a.verdict, ANSWER_NONE);
}

/* 0.0.0.0 is this host to connect(2), multicast is nobody. */
static void
test_useless(void **state)
{
	static const uint8_t	list[] = {
		0, 0, 0, 0, 0, 1, 2, 3, 224, 0, 0, 1, 255, 255, 255, 255,
		127, 0, 0, 1
	};
	static const uint8_t	six[] = {
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1
	};
	struct answer		a;

	(void)state;
	answer_read(&a, AF_INET, DNS_ERR_NONE, DNS_IPv4_A, 5, 60, list);
	assert_int_equal(a.n, 1);
	is_addr(&a.addrs[0], "127.0.0.1");
	answer_read(&a, AF_INET6, DNS_ERR_NONE, DNS_IPv6_AAAA, 2, 60, six);
	assert_int_equal(a.verdict, ANSWER_NONE);
}

static void
fill(struct answer *a, int family, unsigned int n)
{
	static uint8_t	list[64 * 16];
	unsigned int	i, len = family == AF_INET ? 4 : 16;

	memset(list, 0, sizeof(list));
	for (i = 0; i < n; i++) {
		list[i * len] = 10;
		list[i * len + len - 1] = (uint8_t)(i + 1);
	}
	answer_read(a, family, DNS_ERR_NONE, family == AF_INET ? DNS_IPv4_A :
	    DNS_IPv6_AAAA, (int)n, 1, list);
}

static void
test_join(void **state)
{
	static const struct {
		unsigned int	a, b, want_a, want_b;
	} tests[] = {
		{ 0, 0, 0, 0 }, { 1, 0, 1, 0 }, { 0, 3, 0, 3 },
		{ 3, 3, 3, 3 }, { 40, 0, 16, 0 }, { 40, 40, 8, 8 },
		{ 40, 3, 13, 3 }, { 3, 40, 3, 13 }, { 8, 9, 8, 8 }
	};
	struct prefix	list[MUX_RESOLVED_MAX];
	struct answer	a, b;
	unsigned int	n, k, four;
	size_t		i;

	(void)state;
	for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		fill(&a, AF_INET, tests[i].a);
		fill(&b, AF_INET6, tests[i].b);
		n = answers_join(list, &a, &b);
		for (k = four = 0; k < n; k++)
			four += list[k].family == AF_INET;
		assert_int_equal(four, tests[i].want_a);
		assert_int_equal(n - four, tests[i].want_b);
	}
}

static void
test_resolv(void **state)
{
	struct msg_resolver	m;
	char			text[4096] = "";
	int			i;

	(void)state;
	resolv_parse(&m, "# a comment\n; another\n"
	    "nameserver 192.0.2.1\r\n\tnameserver\t2001:db8::53 # this\n"
	    "nameserver fe80::1%eth0\nnameserver 10.0.0.0/8\nnameserver\n"
	    "nameservers 192.0.2.9\ndomain one.test\n"
	    "search  a.test  b.test\noptions timeout:1 ndots:3 rotate");
	assert_int_equal(m.n, 2);
	is_addr(&m.addrs[0], "192.0.2.1");
	is_addr(&m.addrs[1], "2001:db8::53");
	assert_string_equal(m.search, "a.test b.test");
	assert_int_equal(m.ndots, 3);
	/* As libc: this host. */
	resolv_parse(&m, "");
	assert_int_equal(m.n, 1);
	is_addr(&m.addrs[0], "127.0.0.1");
	assert_int_equal(m.ndots, 1);
	for (i = 1; i < 20; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
		    "nameserver 192.0.2.%d\n", i);
	resolv_parse(&m, text);
	assert_int_equal(m.n, NAMESERVERS_MAX);
	/* A line that is too long says nothing. */
	memset(text, 'x', sizeof(text) - 1);
	memcpy(text, "search ", 7);
	memcpy(text + 4000, "\nnameserver 192.0.2.7\n", 23);
	resolv_parse(&m, text);
	assert_string_equal(m.search, "");
	is_addr(&m.addrs[0], "192.0.2.7");
	resolv_parse(&m, "options ndots:99\noptions ndots:x\n");
	assert_int_equal(m.ndots, 15);
}

static void
test_hosts(void **state)
{
	static const char	text[] = "127.0.0.1 localhost\n"
	    "192.0.2.1\tdb.test db # not web\n::1 localhost ip6-localhost\n"
	    "garbage db\n192.0.2.2 DB\n";
	struct msg_host		m = { .name = "db" };

	(void)state;
	assert_int_equal(hosts_parse(&m, text), 2);
	is_addr(&m.addrs[0], "192.0.2.1");
	is_addr(&m.addrs[1], "192.0.2.2");
	strlcpy(m.name, "LocalHost", sizeof(m.name));
	assert_int_equal(hosts_parse(&m, text), 2);
	strlcpy(m.name, "web", sizeof(m.name));
	assert_int_equal(hosts_parse(&m, text), 0);
}

int
main(void)
{
	static const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_useless),
		cmocka_unit_test(test_join),
		cmocka_unit_test(test_resolv),
		cmocka_unit_test(test_hosts)
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* LINK: refract-mux/probe/probe.o refract-mux/probe/tls.o */
/* LINK: refract-mux/probe/http.o refract-mux/probe/text.o */
/* LINK: refract-mux/probe/binary.o refract-mux/probe/udp.o */
/* LINK: refract-mux/probe/quic.o refract-mux/probe/quic_header.o */
/* LINK: refract-mux/probe/quic_crypto.o refract-mux/probe/join.o */
/* LINK: refract-mux/probe/dtls.o */
/* LIBS: -lnettle */
/*
 * The probes of streams: real first messages, cut and bent, and registries of
 * them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "probe_first.h"

static const uint8_t *
bytes_of(const struct first *f)
{
	return (const uint8_t *)f->bytes;
}

static int
in_streams(int proto)
{
	return (rp_transport(proto) & RP_OVER_TCP) != 0;
}

static int
named(const char *list, const char *name)
{
	char	copy[64], *word, *save;

	snprintf(copy, sizeof(copy), "%s", list);
	for (word = strtok_r(copy, " ", &save); word != NULL;
	    word = strtok_r(NULL, " ", &save))
		if (strcmp(word, name) == 0)
			return 1;
	return 0;
}

static enum rp_answer
expected(const struct first *f, int proto)
{
	if (proto == f->proto || named(f->also, rp_name(proto)))
		return RP_YES;
	return named(f->more, rp_name(proto)) ? RP_MORE : RP_NO;
}

/* What every probe says of every message. */
static void
test_cross(void **state)
{
	const struct first	*f;
	struct rp_info		 info;
	enum rp_answer		 answer;
	size_t			 i;
	int			 proto, wrong = 0;

	(void)state;
	for (i = 0; i < NFIRSTS; i++)
		for (proto = 1; proto < RP_BUILTIN_MAX; proto++) {
			f = &firsts[i];
			answer = rp_probe(proto, bytes_of(f), f->n, &info);
			if (!in_streams(proto) ||
			    answer == expected(f, proto))
				continue;
			print_message("%s (%zu): %s says %d\n",
			    rp_name(f->proto), i, rp_name(proto), answer);
			wrong++;
		}
	assert_int_equal(wrong, 0);
}

/* More, more, then yes, wherever it is cut. */
static void
test_cut(void **state)
{
	const struct first	*f;
	struct rp_info		 info;
	enum rp_answer		 answer, before;
	size_t			 k;

	(void)state;
	for (f = firsts; f < firsts + NFIRSTS; f++)
		for (k = 0, before = RP_MORE; k <= f->n; k++) {
			answer = rp_probe(f->proto, bytes_of(f), k, &info);
			assert_true(answer == RP_YES ||
			    (answer == RP_MORE && before == RP_MORE));
			before = answer;
		}
}

/* An answer that was given stays, whatever the bytes are. */
static void
check_stays(int proto, const uint8_t *p, size_t n)
{
	struct rp_info	info;
	enum rp_answer	answer, before = RP_MORE;
	size_t		k;

	for (k = 0; k <= n; k++) {
		answer = rp_probe(proto, p, k, &info);
		if (before != RP_MORE && answer != before)
			fail_msg("%s changed at %zu of %zu", rp_name(proto),
			    k, n);
		before = answer;
	}
}

static void
test_bent(void **state)
{
	const struct first	*f;
	uint8_t			 bent[256];
	size_t			 at;
	int			 bit, proto;

	(void)state;
	for (f = firsts; f < firsts + NFIRSTS; f++)
		for (at = 0; at < f->n; at++)
			for (bit = 0; bit < 8; bit++) {
				memcpy(bent, f->bytes, f->n);
				bent[at] ^= (uint8_t)(1 << bit);
				for (proto = 1; proto < RP_BUILTIN_MAX;
				    proto++)
					if (in_streams(proto))
						check_stays(proto, bent,
						    f->n);
			}
}

static const struct first *
first_of(int proto)
{
	const struct first	*f = firsts;

	while (f->proto != proto)
		f++;
	return f;
}

/* Where a byte is the protocol's mark, another one is not it. */
static void
test_marks(void **state)
{
	static const struct {
		int	proto;
		size_t	at;
	}			 marks[] = {
		{ RP_TLS, 0 }, { RP_TLS, 1 }, { RP_TLS, 5 }, { RP_TLS, 9 },
		{ RP_HTTP, 0 }, { RP_HTTP, 3 }, { RP_HTTP2, 23 },
		{ RP_SSH, 0 }, { RP_SSH, 7 }, { RP_FTP, 4 }, { RP_SOCKS4, 0 },
		{ RP_SOCKS4, 1 }, { RP_SOCKS5, 0 }, { RP_SOCKS5, 1 },
		{ RP_SMTP, 3 }, { RP_IMAP, 5 }, { RP_POP3, 3 }, { RP_XMPP, 2 },
		{ RP_OPENVPN, 0 }, { RP_OPENVPN, 2 }, { RP_TINC, 0 },
		{ RP_TINC, 8 }, { RP_RDP, 0 }, { RP_RDP, 1 }, { RP_RDP, 5 },
		{ RP_ADB, 20 }, { RP_MQTT, 0 }, { RP_MQTT, 4 },
		{ RP_POSTGRES, 0 }, { RP_POSTGRES, 4 }, { RP_MYSQL, 3 },
		{ RP_REDIS, 0 }, { RP_REDIS, 4 }, { RP_BITTORRENT, 0 },
		{ RP_BITTORRENT, 19 }, { RP_SYSLOG, 0 }, { RP_SYSLOG, 3 },
		{ RP_MINECRAFT, 1 }, { RP_MINECRAFT, 16 }, { RP_PROXY, 5 },
		{ RP_DNS, 4 }, { RP_DNS, 7 }, { RP_DNS_UDP, 5 }
	};
	const struct first	*f;
	struct rp_info		 info;
	uint8_t			 bent[256];
	size_t			 i;

	(void)state;
	for (i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		f = first_of(marks[i].proto);
		memcpy(bent, f->bytes, f->n);
		bent[marks[i].at] ^= 0xd0;
		if (rp_probe(f->proto, bent, f->n, &info) != RP_NO)
			fail_msg("%s, byte %zu", rp_name(f->proto),
			    marks[i].at);
	}
}

struct said {
	int		 proto;
	enum rp_answer	 answer;
	const char	*bytes;
	size_t		 n;
};

/* What is nearly it, and what is longer than it may be. */
static void
test_edges(void **state)
{
	static const struct said	list[] = {
		{ RP_HTTP, RP_NO, SAYS("get / HTTP/1.1") },
		{ RP_HTTP, RP_NO, SAYS("GET  / HTTP/1.1") },
		{ RP_HTTP, RP_NO, SAYS("GET \r\n") },
		{ RP_HTTP, RP_NO, SAYS("GETS /") },
		{ RP_HTTP, RP_MORE, SAYS("GET ") },
		{ RP_HTTP, RP_MORE, SAYS("UPDATE") },
		{ RP_HTTP, RP_YES, SAYS("UPDATE /") },
		{ RP_HTTP, RP_YES, SAYS("UPDATEREDIRECTREF /") },
		{ RP_HTTP, RP_NO, SAYS("UPDATEREDIRECTREFS /") },
		{ RP_HTTP, RP_NO, SAYS("PRI * HTTP/2.0") },
		{ RP_HTTP2, RP_NO, SAYS("PRI * HTTP/1.0") },
		{ RP_SSH, RP_NO, SAYS("SSH-1.5-1.2.27") },
		{ RP_FTP, RP_MORE, SAYS("220 ") },
		{ RP_FTP, RP_NO, SAYS("220 <34>") },
		{ RP_FTP, RP_YES, SAYS("feat\r\n") },
		{ RP_FTP, RP_NO, SAYS("AUTH PLAIN\r\n") },
		{ RP_FTP, RP_MORE, SAYS("AUTH TLS") },
		{ RP_FTP, RP_NO, SAYS("AUTH TLSX") },
		{ RP_POP3, RP_YES, SAYS("AUTH\r\n") },
		{ RP_POP3, RP_NO, SAYS("AUTH secret\r\n") },
		{ RP_SOCKS4, RP_NO, SAYS("\4\1\0\0\1\2\3\4") },
		{ RP_SOCKS4, RP_NO, SAYS("\4\3\0\1") },
		{ RP_SOCKS5, RP_NO, SAYS("\5\0") },
		{ RP_SOCKS5, RP_NO, SAYS("\5\41") },
		{ RP_SOCKS5, RP_NO, SAYS("\5\2\0\12") },
		{ RP_SOCKS5, RP_YES, SAYS("\5\2\0\200") },
		{ RP_SOCKS5, RP_MORE, SAYS("\5\2\0") },
		{ RP_IMAP, RP_NO, SAYS(" LOGIN") },
		{ RP_IMAP, RP_NO, SAYS("a+ LOGIN") },
		{ RP_IMAP, RP_NO, SAYS("a1 FETCH 1") },
		{ RP_IMAP, RP_YES, SAYS("01234567890123456789012345678901 ID "
		    "(\"a\" \"b\")") },
		{ RP_IMAP, RP_NO, SAYS("012345678901234567890123456789012") },
		{ RP_XMPP, RP_NO, SAYS("<?xml version='1.0'?><html>") },
		{ RP_XMPP, RP_MORE, SAYS("<?xml version='1.0'?>\r\n") },
		{ RP_TINC, RP_NO, SAYS("0  17") },
		{ RP_TINC, RP_NO, SAYS("0 a b") },
		{ RP_TINC, RP_NO, SAYS("0 ? 17") },
		{ RP_MQTT, RP_NO, SAYS("\20\2\0\4MQ") },
		{ RP_MQTT, RP_NO, SAYS("\20\377\377\377\377") },
		{ RP_MQTT, RP_YES, SAYS("\20\300\1\0\4MQTT\204") },
		{ RP_MQTT, RP_NO, SAYS("\20\20\0\4MQTT\6") },
		{ RP_REDIS, RP_NO, SAYS("*0\r\n$") },
		{ RP_REDIS, RP_NO, SAYS("*12345678") },
		{ RP_REDIS, RP_YES, SAYS("*1234567\r\n$") },
		{ RP_SYSLOG, RP_NO, SAYS("<192>") },
		{ RP_SYSLOG, RP_NO, SAYS("<>") },
		{ RP_SYSLOG, RP_NO, SAYS("123456") },
		{ RP_SYSLOG, RP_NO, SAYS("0 <34>") },
		{ RP_SYSLOG, RP_YES, SAYS("12345 <0>") },
		{ RP_MINECRAFT, RP_MORE, SAYS("\376\1") },
		{ RP_MINECRAFT, RP_MORE, SAYS("\376\1\0") },
		{ RP_MINECRAFT, RP_NO, SAYS("\20\0\373\5\12localhost") },
		{ RP_PROXY, RP_NO, SAYS("PROXY UDP4") },
		{ RP_PROXY, RP_NO, SAYS("\r\n\r\n\0\r\nQUIT\n\21") },
		{ RP_DNS, RP_NO, SAYS("\0\30" DNS_QUERY) },
		{ RP_DNS_UDP, RP_NO, SAYS("\44\32\201\0") },
		{ RP_ADB, RP_YES, SAYS("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
		    "\0\0\377\377\377\377CNXN\1\0\0\1\0\0\20\0\7\0\0\0\62\2"
		    "\0\0\274\261\247\261host::\0") }
	};
	const struct said		*s;
	struct rp_info			 info;
	size_t				 i;

	(void)state;
	for (i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		s = &list[i];
		if (rp_probe(s->proto, (const uint8_t *)s->bytes, s->n,
		    &info) != s->answer)
			fail_msg("%s, edge %zu", rp_name(s->proto), i);
		check_stays(s->proto, (const uint8_t *)s->bytes, s->n);
	}
}

static void
test_methods(void **state)
{
	static const char *const	methods[] = { "ACL",
	    "BASELINE-CONTROL", "BIND", "CHECKIN", "CHECKOUT", "CONNECT",
	    "COPY", "DELETE", "GET", "HEAD", "LABEL", "LINK", "LOCK", "MERGE",
	    "MKACTIVITY", "MKCALENDAR", "MKCOL", "MKREDIRECTREF",
	    "MKWORKSPACE", "MOVE", "OPTIONS", "ORDERPATCH", "PATCH", "POST",
	    "PROPFIND", "PROPPATCH", "PUT", "QUERY", "REBIND", "REPORT",
	    "SEARCH", "TRACE", "UNBIND", "UNCHECKOUT", "UNLINK", "UNLOCK",
	    "UPDATE", "UPDATEREDIRECTREF", "VERSION-CONTROL" };
	struct rp_info			 info;
	struct rp_registry		*r = rp_new();
	char				 line[64];
	size_t				 i, n, k;

	(void)state;
	assert_int_equal(rp_add_all(r), 0);
	for (i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		n = (size_t)snprintf(line, sizeof(line), "%s / HTTP/1.1\r\n",
		    methods[i]);
		assert_int_equal(rp_identify(r, (uint8_t *)line, n, 0, &info),
		    RP_YES);
		assert_int_equal(info.proto, RP_HTTP);
		assert_int_equal(info.method.n, strlen(methods[i]));
		for (k = 0; k < strlen(methods[i]) + 2; k++)
			assert_int_equal(rp_probe(RP_HTTP, (uint8_t *)line, k,
			    &info), RP_MORE);
	}
	rp_free(r);
}

static void
test_names(void **state)
{
	struct rp_registry	*r = rp_new();
	int			 i;

	(void)state;
	for (i = 1; i < RP_BUILTIN_MAX; i++) {
		assert_non_null(rp_name(i));
		assert_int_equal(rp_number(rp_name(i)), i);
	}
	assert_int_equal(rp_number("none"), 0);
	assert_null(rp_name(0));
	assert_null(rp_name(-1));
	assert_null(rp_name(RP_BUILTIN_MAX));
	assert_int_equal(rp_add(r, 0), -1);
	assert_int_equal(rp_add(r, RP_BUILTIN_MAX), -1);
	for (i = 0; i < RP_REGISTRY_MAX; i++)
		assert_int_equal(rp_add(r, RP_SSH), 0);
	assert_int_equal(rp_add(r, RP_SSH), -1);
	rp_free(r);
}

/* Through a registry of all, whole and byte by byte: the same. */
static void
test_registry(void **state)
{
	struct rp_registry	*r = rp_new();
	const struct first	*f;
	struct rp_info		 info;
	enum rp_answer		 answer;
	size_t			 k;

	(void)state;
	assert_int_equal(rp_add_all(r), 0);
	assert_int_equal(rp_add(r, RP_DNS_UDP), 0);
	for (f = firsts; f < firsts + NFIRSTS; f++) {
		for (k = 0; k <= f->n; k++)
			if ((answer = rp_identify(r, bytes_of(f), k, 0,
			    &info)) != RP_MORE)
				break;
		assert_int_equal(answer, RP_YES);
		assert_string_equal(rp_name(info.proto), rp_name(f->proto));
		assert_int_equal(rp_identify(r, bytes_of(f), f->n, 1, &info),
		    RP_YES);
		assert_int_equal(info.proto, f->proto);
	}
	rp_free(r);
}

static enum rp_answer
own(const uint8_t *p, size_t n, struct rp_info *info, void *ctx)
{
	(void)info;
	++*(int *)ctx;
	if (p[0] != 'G')
		return RP_NO;
	return n < 8 ? RP_MORE : p[7] == '!' ? RP_YES : RP_NO;
}

static enum rp_answer
ask(const struct rp_registry *r, const char *s, int last, int *proto)
{
	struct rp_info	info;
	enum rp_answer	answer;

	answer = rp_identify(r, (const uint8_t *)s, strlen(s), last, &info);
	*proto = answer == RP_YES ? info.proto : 0;
	return answer;
}

/* The first that is not ruled out is waited for. */
static void
test_order(void **state)
{
	struct rp_registry	*r = rp_new();
	struct rp_info		 info;
	int			 asked = 0, proto;

	(void)state;
	assert_int_equal(rp_identify(r, (const uint8_t *)"x", 1, 0, &info),
	    RP_NO);
	assert_int_equal(rp_add_own(r, 999, own, &asked, NULL, 0), -1);
	assert_int_equal(rp_add_own(r, 1000, NULL, &asked, NULL, 0), -1);
	assert_int_equal(rp_add_own(r, 1000, own, &asked, "G", 1), 0);
	assert_int_equal(rp_add(r, RP_HTTP), 0);
	assert_int_equal(rp_identify(r, NULL, 0, 0, &info), RP_MORE);
	assert_int_equal(rp_identify(r, NULL, 0, 1, &info), RP_NO);
	assert_int_equal(ask(r, "POST /", 0, &proto), RP_YES);
	assert_int_equal(proto, RP_HTTP);
	assert_int_equal(asked, 0);
	assert_int_equal(ask(r, "GET /a", 0, &proto), RP_MORE);
	assert_int_equal(ask(r, "GET /a", 1, &proto), RP_YES);
	assert_int_equal(proto, RP_HTTP);
	assert_int_equal(ask(r, "GET /a!!", 0, &proto), RP_YES);
	assert_int_equal(proto, 1000);
	assert_int_equal(ask(r, "GET /ab!", 0, &proto), RP_YES);
	assert_int_equal(proto, 1000);
	assert_int_equal(ask(r, "GET /abc", 0, &proto), RP_YES);
	assert_int_equal(proto, RP_HTTP);
	assert_int_equal(asked, 5);
	rp_free(r);
}

/* A yes of one that says nothing of TLS leaves nothing of TLS. */
static void
test_cleared(void **state)
{
	struct rp_info	info;

	(void)state;
	memset(&info, 0xff, sizeof(info));
	assert_int_equal(rp_probe(RP_SSH, (const uint8_t *)"SSH-2.0-x", 9,
	    &info), RP_YES);
	assert_int_equal(info.proto, RP_SSH);
	assert_int_equal(info.complete, 1);
	assert_int_equal(info.broken, 0);
	assert_int_equal(info.version, 0);
	assert_int_equal(info.sni.n + info.alpn.n + info.method.n +
	    info.target.n + info.host.n + info.path.n, 0);
}

static void
test_contains(void **state)
{
	static const uint8_t		zeros[64], high[] = { 0xfe, 0x01 };
	static const struct rp_slice	list[] = {
		{ (const uint8_t *)"\0\4\3\1\7", 5 }, { high, 2 },
		{ (const uint8_t *)"aaab", 4 },
		{ (const uint8_t *)"\0\0\1", 3 } };
	struct rp_patterns		all = { list, 3 };
	struct rp_patterns		last = { list + 3, 1 };
	struct rp_info			info;
	uint8_t				p[300];

	(void)state;
	assert_int_equal(rp_contains(zeros, 64, &info, &all), RP_MORE);
	memset(p, 'a', sizeof(p));
	assert_int_equal(rp_contains(p, sizeof(p), &info, &all), RP_MORE);
	assert_int_equal(rp_contains(p, 3, &info, &all), RP_MORE);
	p[299] = 'b';
	assert_int_equal(rp_contains(p, sizeof(p), &info, &all), RP_YES);
	assert_int_equal(rp_contains(p + 296, 4, &info, &all), RP_YES);
	assert_int_equal(rp_contains(p + 297, 3, &info, &all), RP_MORE);
	/* More candidates than are tried one by one, then a pattern. */
	memset(p, 1, sizeof(p));
	assert_int_equal(rp_contains(p, sizeof(p), &info, &last), RP_MORE);
	p[100] = p[101] = 0;
	assert_int_equal(rp_contains(p, sizeof(p), &info, &last), RP_YES);
	assert_int_equal(rp_contains(p, 103, &info, &last), RP_YES);
	assert_int_equal(rp_contains(p, 102, &info, &last), RP_MORE);
	p[200] = 0xfe;
	assert_int_equal(rp_contains(p, sizeof(p), &info, &all), RP_YES);
}

struct request {
	const char	*bytes;
	const char	*target, *path, *host;	/* NULL: not known */
	int		 complete;
};

static void
same(const struct rp_slice *s, const char *text)
{
	if (text == NULL) {
		assert_int_equal(s->n, 0);
		return;
	}
	assert_int_equal(s->n, strlen(text));
	assert_memory_equal(s->p, text, s->n);
}

static void
test_http_details(void **state)
{
	static const struct request	list[] = {
		{ "GET /a?b HTTP/1.1\r\nhOST: \t example.com:80 \r\n\r\n",
		    "/a?b", "/a?b", "example.com:80", 1 },
		{ "GET /a HTTP/1.1\nX: y\nHost: a\nHost: b\n\n", "/a", "/a",
		    "a", 1 },
		{ "GET /a", NULL, NULL, NULL, 0 },
		{ "GET /a ", "/a", "/a", NULL, 0 },
		{ "GET /a HTTP/1.1\r\nHost: exam", "/a", "/a", NULL, 0 },
		{ "GET /a HTTP/1.1\r\nX-Host: no\r\n\r\nHost: body\r\n",
		    "/a", "/a", NULL, 1 },
		{ "GET /a\r\n", "/a", "/a", NULL, 1 },
		{ "GET http://u:p@a.example:8/x?y HTTP/1.1\r\nHost: b\r\n\r\n",
		    "http://u:p@a.example:8/x?y", "/x?y", "a.example:8", 1 },
		{ "GET http://a.example HTTP/1.1\r\n", "http://a.example",
		    "/", "a.example", 1 },
		{ "GET HTTP://a.example.org?q HTTP/1.1\r\n",
		    "HTTP://a.example.org?q", "/", "a.example.org", 1 },
		{ "GET /r?to=http://evil.example/ HTTP/1.1\r\nHost: a\r\n\r\n",
		    "/r?to=http://evil.example/", "/r?to=http://evil.example/",
		    "a", 1 },
		{ "CONNECT a.example:443 HTTP/1.1\r\nHost: b\r\n\r\n",
		    "a.example:443", NULL, "a.example:443", 1 },
		{ "OPTIONS * HTTP/1.1\r\nHost:\r\n\r\n", "*", "*", NULL, 1 }
	};
	const struct request		*q;
	struct rp_info			 info;
	struct rp_slice			 value;
	size_t				 i;

	(void)state;
	for (i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		const uint8_t	*p = (const uint8_t *)list[i].bytes;

		q = &list[i];
		assert_int_equal(rp_probe(RP_HTTP, p, strlen(q->bytes),
		    &info), RP_YES);
		assert_int_equal(info.complete, 0);
		rp_http_details(p, strlen(q->bytes), &info);
		same(&info.target, q->target);
		same(&info.path, q->path);
		same(&info.host, q->host);
		assert_int_equal(info.complete, q->complete);
	}
	assert_int_equal(rp_http_header((const uint8_t *)list[1].bytes,
	    strlen(list[1].bytes), "x", &value), 0);
	same(&value, "y");
	assert_int_equal(rp_http_header((const uint8_t *)list[1].bytes,
	    strlen(list[1].bytes), "z", &value), -1);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_cross),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_bent),
		cmocka_unit_test(test_marks),
		cmocka_unit_test(test_edges),
		cmocka_unit_test(test_methods),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_registry),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_cleared),
		cmocka_unit_test(test_contains),
		cmocka_unit_test(test_http_details)
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

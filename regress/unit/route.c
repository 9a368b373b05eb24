/*
 * Which route: the first rule that matches, one that still needs bytes is
 * waited for, and no cut of the same bytes changes it.
 */
/* LINK: refract-mux/route.o refract-mux/regex.o */
/* LINK: refract-mux/probe/probe.o refract-mux/probe/tls.o */
/* LINK: refract-mux/probe/http.o refract-mux/probe/text.o */
/* LINK: refract-mux/probe/binary.o refract-mux/probe/udp.o */
/* LINK: refract-mux/probe/quic.o refract-mux/probe/quic_header.o */
/* LINK: refract-mux/probe/quic_crypto.o refract-mux/probe/join.o */
/* LINK: refract-mux/probe/dtls.o */
/* LIBS: -lpcre2-8 -lnettle */
#include <sys/socket.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "conf.h"
#include "msg.h"
#include "route.h"

static struct conf		*conf;
static struct conf_listener	*l;
static struct conf_route	*last;
static struct routes		 rs;
static struct prefix		 from;

static void
route(int probe, const char *label)
{
	last = conf_route_new();
	last->w.listener = l->w.id;
	last->w.probe = (uint8_t)probe;
	last->w.action = ROUTE_DROP;
	strlcpy(last->w.label, label, sizeof(last->w.label));
	TAILQ_INSERT_TAIL(&l->routes, last, entry);
}

static struct conf_cond *
cond(enum cond_kind kind, const void *p, size_t n)
{
	struct conf_cond	*c = calloc(1, sizeof(*c));

	c->w.kind = kind;
	c->w.len = (uint32_t)n;
	c->data = malloc(n + 1);
	memcpy(c->data, p, n);
	TAILQ_INSERT_TAIL(&last->conds, c, entry);
	return c;
}

#define TEXT(kind, s)	cond(kind, s, sizeof(s) - 1)

static struct pool *
no_pool(uint32_t id, void *arg)
{
	(void)id;
	(void)arg;
	return NULL;
}

static void
build(void)
{
	char	why[TEXT_LEN];

	assert_int_equal(routes_build(&rs, l, conf, no_pool, NULL, why), 0);
}

static int
setup(void **state)
{
	int	fd = shared_create();

	(void)state;
	assert_int_equal(shared_map(fd), 0);
	close(fd);
	conf = conf_new();
	l = conf_listener_new();
	addr_parse(&from, "192.0.2.1", 9);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	routes_clear(&rs);
	conf_listener_free(l);
	conf_free(conf);
	shared_unmap();
	return 0;
}

/* The label, "more" or "none". */
static const char *
ask(const void *p, size_t n, int is_last)
{
	struct first_bytes	f = { .p = p, .n = n, .from = &from,
	    .last = is_last };
	struct route		*r;

	switch (route_decide(&rs, &f, &r)) {
	case RP_YES:
		return r->w->label;
	case RP_MORE:
		return "more";
	default:
		return "none";
	}
}

/* All of it decides so, and every beginning of it decides so or not yet. */
static void
decides(const void *p, size_t n, const char *label)
{
	const char	*got;
	size_t		 i;

	assert_string_equal(ask(p, n, 0), label);
	for (i = 0; i < n; i++) {
		got = ask(p, i, 0);
		if (strcmp(got, "more") != 0 && strcmp(got, label) != 0 &&
		    i > 0)
			fail_msg("%zu bytes decide %s, all of them %s", i,
			    got, label);
	}
}

#define DECIDES(s, label)	decides(s, sizeof(s) - 1, label)

/* A ClientHello with this name and (n > 0) padding before it. */
static size_t
hello(uint8_t *to, const char *name, size_t pad, const char *alpn)
{
	uint8_t	*p = to + 9;
	size_t	 n = strlen(name), a = alpn == NULL ? 0 : strlen(alpn), exts;

#define PUT16(v)	(*p++ = (uint8_t)((v) >> 8), *p++ = (uint8_t)(v))
	PUT16(0x303);
	memset(p, 7, 32);
	p += 32;
	*p++ = 0;
	PUT16(2);
	PUT16(0x1301);
	PUT16(0x100);
	exts = (pad > 0 ? 4 + pad : 0) + (n > 0 ? 9 + n : 0) +
	    (a > 0 ? 7 + a : 0);
	PUT16(exts);
	if (pad > 0) {
		PUT16(0xfafa);
		PUT16(pad);
		memset(p, 0, pad);
		p += pad;
	}
	if (n > 0) {
		PUT16(0);
		PUT16(n + 5);
		PUT16(n + 3);
		*p++ = 0;
		PUT16(n);
		memcpy(p, name, n);
		p += n;
	}
	if (a > 0) {
		PUT16(16);
		PUT16(a + 3);
		PUT16(a + 1);
		*p++ = (uint8_t)a;
		memcpy(p, alpn, a);
		p += a;
	}
	n = (size_t)(p - to);
	memcpy(to, "\x16\x03\x01", 3);
	to[3] = (uint8_t)((n - 5) >> 8);
	to[4] = (uint8_t)(n - 5);
	to[5] = 1;
	to[6] = 0;
	to[7] = (uint8_t)((n - 9) >> 8);
	to[8] = (uint8_t)(n - 9);
	return n;
}

static void
named(const char *name, size_t pad, const char *alpn, const char *label)
{
	static uint8_t	buf[16384];

	decides(buf, hello(buf, name, pad, alpn), label);
}

static void
test_order(void **state)
{
	(void)state;
	route(RP_SSH, "ssh");
	route(RP_HTTP, "http");
	route(ROUTE_OTHERWISE, "rest");
	build();
	DECIDES("SSH-2.0-x\r\n", "ssh");
	DECIDES("GET / HTTP/1.1\r\n\r\n", "http");
	assert_string_equal(ask("\xff\xff", 2, 0), "rest");
	assert_string_equal(ask("SS", 2, 0), "more");
	assert_string_equal(ask("SS", 2, 1), "rest");
	assert_string_equal(ask("", 0, 0), "more");
	assert_string_equal(ask("", 0, 1), "rest");
}

/* What an earlier rule may still become is not taken by a later one. */
static void
test_waits(void **state)
{
	(void)state;
	route(ROUTE_PROBE_NONE, "long");
	TEXT(COND_BYTES, "GET /special");
	route(RP_HTTP, "http");
	build();
	DECIDES("GET /special HTTP/1.1\r\n\r\n", "long");
	DECIDES("GET /spec HTTP/1.1\r\n\r\n", "http");
	assert_string_equal(ask("GET /spec", 9, 0), "more");
	assert_string_equal(ask("GET /spec", 9, 1), "http");
}

static void
test_tls(void **state)
{
	(void)state;
	route(RP_TLS, "h2");
	TEXT(COND_SNI, "*.example.com");
	TEXT(COND_ALPN, "h2");
	route(RP_TLS, "exact");
	TEXT(COND_SNI, "a.example.com");
	TEXT(COND_SNI, "b.example.com");
	route(RP_TLS, "regex");
	TEXT(COND_SNI_REGEX, "^c[0-9]+\\.test$");
	route(RP_TLS, "tls");
	build();
	named("a.example.com", 0, NULL, "exact");
	named("A.Example.COM", 0, NULL, "exact");
	named("b.example.com.", 0, NULL, "exact");
	named("a.example.com", 1216, NULL, "exact");
	named("a.example.com", 9000, NULL, "exact");
	named("a.example.com", 0, "h2", "h2");
	named("x.y.example.com", 0, "h2", "h2");
	named("example.com", 0, "h2", "tls");
	named("xexample.com", 0, "h2", "tls");
	named("x.example.com", 0, "H2", "tls");
	named("C12.test", 0, NULL, "regex");
	named("c.test", 0, NULL, "tls");
	named("", 0, NULL, "tls");
}

static void
test_http(void **state)
{
	(void)state;
	route(RP_HTTP, "both");
	TEXT(COND_HOST, "a.test");
	TEXT(COND_PATH, "/api/");
	route(RP_HTTP, "host");
	TEXT(COND_HOST, "*.test");
	route(RP_HTTP, "http");
	build();
	DECIDES("GET /api/1 HTTP/1.1\r\nHost: a.test\r\n\r\n", "both");
	DECIDES("GET /x HTTP/1.1\r\nHost: A.TEST:80\r\n\r\n", "host");
	DECIDES("POST / HTTP/1.1\r\nX: y\r\nhost:b.test\r\n\r\n", "host");
	DECIDES("GET / HTTP/1.1\r\nHost: test\r\n\r\n", "http");
	DECIDES("GET / HTTP/1.0\r\n\r\n", "http");
}

static void
test_bytes(void **state)
{
	struct conf_cond	*c;

	(void)state;
	route(ROUTE_PROBE_NONE, "masked");
	c = cond(COND_BYTES, "\x10\x20\xf0\xf0", 4);
	c->w.len = 2;
	c->w.masked = 1;
	c->w.offset = 1;
	route(ROUTE_PROBE_NONE, "word");
	TEXT(COND_CONTAINS, "MAGIC");
	route(ROUTE_PROBE_NONE, "regex");
	TEXT(COND_REGEX, "^v[0-9]+ ");
	build();
	DECIDES("x\x1f\x2e...", "masked");
	assert_string_equal(ask("x\x2f\x2e...", 6, 1), "none");
	assert_string_equal(ask("say MAGIC now", 13, 0), "word");
	assert_string_equal(ask("v12 x", 5, 1), "regex");
	assert_string_equal(ask("v12 x", 5, 0), "more");
	assert_string_equal(ask("say MAG", 7, 0), "more");
}

static void
test_from(void **state)
{
	struct conf_table	*t = calloc(1, sizeof(*t));
	struct prefix		 p;

	(void)state;
	prefixset_init(&t->prefixes);
	prefix_parse(&p, "198.51.100.0/24");
	prefixset_add(&t->prefixes, &p);
	prefixset_build(&t->prefixes);
	t->w.id = 77;
	TAILQ_INSERT_TAIL(&conf->tables, t, entry);
	route(RP_SSH, "office");
	cond(COND_FROM, "", 0)->w.table = 77;
	route(RP_SSH, "ssh");
	build();
	DECIDES("SSH-2.0-x\r\n", "ssh");
	addr_parse(&from, "198.51.100.7", 12);
	DECIDES("SSH-2.0-x\r\n", "office");
}

static void
test_silent(void **state)
{
	(void)state;
	route(RP_SSH, "ssh");
	route(ROUTE_TIMEOUT, "timeout");
	route(ROUTE_SPEAKS_FIRST, "first");
	build();
	assert_string_equal(ask("", 0, 1), "timeout");
	assert_string_equal(ask("xyz", 3, 1), "none");
	assert_string_equal(ask("xyz", 3, 0), "none");
	assert_non_null(rs.speaks_first);
}

static void
test_bad_regex(void **state)
{
	char	why[TEXT_LEN] = "";

	(void)state;
	route(ROUTE_PROBE_NONE, "regex");
	TEXT(COND_REGEX, "(");
	assert_int_equal(routes_build(&rs, l, conf, no_pool, NULL, why), -1);
	assert_non_null(strstr(why, "regex"));
}

int
main(void)
{
#define T(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest	tests[] = {
		T(test_order), T(test_waits), T(test_tls), T(test_http),
		T(test_bytes), T(test_from), T(test_silent),
		T(test_bad_regex),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

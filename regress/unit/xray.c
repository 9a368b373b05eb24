/* LINK: refract-parser/xray.o */
/*
 * Every form of Xray's access log, a line each, and what hostile destinations
 * try.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "xray.h"

#define D	"2024/08/01 10:00:00 "
#define F	"2026/01/30 17:03:38.067799 from "
#define DETOUR	" [IN -> direct]"

struct form {
	const char	*line;
	enum xray_kind	 kind;
	const char	*addr;		/* NULL: no address */
	unsigned int	 port;
	const char	*email;		/* NULL: none */
	const char	*inbound;	/* NULL: none */
};

static const struct form forms[] = {
	/* Versions. */
	{ D "203.0.113.9:5678 accepted tcp:host:443 [IN-1 -> direct] "
	    "email: bob", XRAY_ACCEPTED, "203.0.113.9", 5678, "bob", "IN-1" },
	{ "2024/09/01 10:00:00 from 203.0.113.9:5678 accepted tcp:host:443 "
	    "[IN-1 -> direct] email: bob", XRAY_ACCEPTED, "203.0.113.9", 5678,
	    "bob", "IN-1" },
	{ F "172.19.0.3:58676 accepted tcp:www.google.com:443 "
	    "[IN >> direct] email: 2", XRAY_ACCEPTED, "172.19.0.3", 58676,
	    "2", "IN" },
	{ D "1.2.3.4:5 accepted tcp:host:443 [direct] email:bob ",
	    XRAY_ACCEPTED, "1.2.3.4", 5, "bob", NULL },
	{ D "1.2.3.4:5 accepted tcp:host:443 email:bob ",
	    XRAY_ACCEPTED, "1.2.3.4", 5, "bob", NULL },
	{ D "1.2.3.4:5 accepted tcp:host:443 [direct] ",
	    XRAY_ACCEPTED, "1.2.3.4", 5, NULL, NULL },
	{ D "1.2.3.4:5 accepted tcp:host:443 [direct] email: bob",
	    XRAY_ACCEPTED, "1.2.3.4", 5, "bob", NULL },

	/* Arrows and tags. */
	{ F "1.2.3.4:5 accepted tcp:h:443 [in ==> out] email: b",
	    XRAY_ACCEPTED, "1.2.3.4", 5, "b", "in" },
	{ F "1.2.3.4:5 accepted tcp:h:443 [direct] email: b",
	    XRAY_ACCEPTED, "1.2.3.4", 5, "b", NULL },
	{ F "1.2.3.4:5 accepted tcp:h:443 email: b",
	    XRAY_ACCEPTED, "1.2.3.4", 5, "b", NULL },
	{ F "1.2.3.4:5 accepted tcp:h:443 [my inbound -> my outbound] "
	    "email: b", XRAY_ACCEPTED, "1.2.3.4", 5, "b", "my inbound" },
	{ F "1.2.3.4:5 accepted tcp:h:443 [in [1] -> out [2]] email: b",
	    XRAY_ACCEPTED, "1.2.3.4", 5, "b", "in [1]" },
	{ F "1.2.3.4:5 accepted tcp:h:443 [in [1] >> direct] email: b c",
	    XRAY_ACCEPTED, "1.2.3.4", 5, "b c", "in [1]" },

	/* Emails are free text. */
	{ F "1.2.3.4:5 accepted tcp:h:443" DETOUR " email: bob the builder",
	    XRAY_ACCEPTED, "1.2.3.4", 5, "bob the builder", "IN" },
	{ F "1.2.3.4:5 accepted tcp:h:443" DETOUR " email: a:b@[c]",
	    XRAY_ACCEPTED, "1.2.3.4", 5, "a:b@[c]", "IN" },
	{ F "1.2.3.4:5 accepted tcp:h:443" DETOUR
	    " email: \xd0\xb1\xd0\xbe\xd0\xb1", XRAY_ACCEPTED, "1.2.3.4", 5,
	    "\xd0\xb1\xd0\xbe\xd0\xb1", "IN" },
	{ F "1.2.3.4:5 accepted tcp:h:443" DETOUR " email: bob\r",
	    XRAY_ACCEPTED, "1.2.3.4", 5, "bob", "IN" },
	{ F "1.2.3.4:5 accepted tcp:h:443" DETOUR, XRAY_ACCEPTED,
	    "1.2.3.4", 5, NULL, "IN" },
	{ F "1.2.3.4:5 accepted tcp:h:443" DETOUR " email: ",
	    XRAY_ACCEPTED, "1.2.3.4", 5, NULL, "IN" },

	/* Sources: mux, XUDP, socks, Trojan and Shadowsocks UDP. */
	{ F "tcp:203.0.113.9:5678 accepted udp:8.8.8.8:53" DETOUR
	    " email: bob", XRAY_ACCEPTED, "203.0.113.9", 5678, "bob", "IN" },
	{ F "udp:203.0.113.9:5678 accepted udp:8.8.8.8:53" DETOUR
	    " email: bob", XRAY_ACCEPTED, "203.0.113.9", 5678, "bob", "IN" },
	{ F "unknown:203.0.113.9:5678 accepted udp:8.8.8.8:53" DETOUR
	    " email: bob", XRAY_ACCEPTED, "203.0.113.9", 5678, "bob", "IN" },
	{ D "tcp:203.0.113.9:5678 accepted udp:8.8.8.8:53" DETOUR
	    " email: bob", XRAY_ACCEPTED, "203.0.113.9", 5678, "bob", "IN" },
	{ F "[2001:db8::7]:51000 accepted tcp:[2606:4700::1111]:443" DETOUR
	    " email: bob", XRAY_ACCEPTED, "2001:db8::7", 51000, "bob", "IN" },
	{ D "[2001:db8::7]:51000 accepted tcp:[2606:4700::1111]:443" DETOUR
	    " email: bob", XRAY_ACCEPTED, "2001:db8::7", 51000, "bob", "IN" },
	{ F "tcp:[2001:db8::7]:51000 accepted tcp:h:443" DETOUR
	    " email: bob", XRAY_ACCEPTED, "2001:db8::7", 51000, "bob", "IN" },
	{ F "[fe80::1%eth0]:51000 accepted tcp:h:443" DETOUR " email: bob",
	    XRAY_ACCEPTED, "fe80::1", 51000, "bob", "IN" },
	{ F "[::ffff:192.0.2.1]:51000 accepted tcp:h:443" DETOUR
	    " email: bob", XRAY_ACCEPTED, "192.0.2.1", 51000, "bob", "IN" },
	{ F "203.0.113.9:0 accepted tcp:h:443" DETOUR " email: bob",
	    XRAY_ACCEPTED, "203.0.113.9", 0, "bob", "IN" },
	{ F "unix:@ accepted tcp:h:443" DETOUR " email: bob",
	    XRAY_NOSOURCE, NULL, 0, "bob", "IN" },
	{ F "unix:/run/a b.sock accepted tcp:h:443" DETOUR " email: bob",
	    XRAY_NOSOURCE, NULL, 0, "bob", "IN" },
	{ F "@ accepted tcp:h:443" DETOUR " email: bob", XRAY_NOSOURCE, NULL,
	    0, "bob", "IN" },
	{ F "@some name accepted tcp:h:443" DETOUR " email: bob",
	    XRAY_NOSOURCE, NULL, 0, "bob", "IN" },
	{ F " accepted tcp:h:443" DETOUR " email: bob", XRAY_NOSOURCE, NULL,
	    0, "bob", "IN" },
	{ D " accepted tcp:h:443" DETOUR " email: bob", XRAY_NOSOURCE, NULL,
	    0, "bob", "IN" },
	{ F "DNS accepted udp:1.1.1.1:53 [dns-in -> direct]", XRAY_NOSOURCE,
	    NULL, 0, NULL, "dns-in" },
	{ F "DNS accepted https://doh.example/dns-query [local]",
	    XRAY_NOSOURCE, NULL, 0, NULL, NULL },

	/* Destinations. */
	{ F "1.2.3.4:5 accepted host:443" DETOUR " email: bob",
	    XRAY_ACCEPTED, "1.2.3.4", 5, "bob", "IN" },
	{ F "1.2.3.4:5 accepted //h:443 [http-in -> direct]",
	    XRAY_ACCEPTED, "1.2.3.4", 5, NULL, "http-in" },
	{ F "1.2.3.4:5 accepted http://h/path?q=[1] [http in -> direct]",
	    XRAY_ACCEPTED, "1.2.3.4", 5, NULL, "http in" },

	/* Masked. */
	{ F "1.2.*.*:5678 accepted tcp:h:443" DETOUR " email: bob",
	    XRAY_MASKED, NULL, 0, "bob", "IN" },
	{ F "tcp:1.*.*.*:5678 accepted tcp:h:443" DETOUR " email: bob",
	    XRAY_MASKED, NULL, 0, "bob", "IN" },
	{ F "[Masked IPv4]:5678 accepted tcp:h:443" DETOUR " email: bob",
	    XRAY_MASKED, NULL, 0, "bob", "IN" },
	{ F "[Masked IPv6]:5678 accepted tcp:h:443" DETOUR " email: bob",
	    XRAY_MASKED, NULL, 0, "bob", "IN" },
	{ F "[2001:db8::/32]:5678 accepted tcp:h:443" DETOUR " email: bob",
	    XRAY_MASKED, NULL, 0, "bob", "IN" },

	/* Rejected never counts, whatever it says. */
	{ F "203.0.113.9:40000 rejected  proxy/vless/encoding: failed to "
	    "read request version > EOF", XRAY_REJECTED, NULL, 0, NULL,
	    NULL },
	{ F "203.0.113.9:40000 rejected  common/drain: x accepted tcp:h:1 "
	    "email: bob", XRAY_REJECTED, NULL, 0, NULL, NULL },
	{ D "203.0.113.9:40000 rejected  1.2.3.4:5 accepted tcp:h:1" DETOUR
	    " email: bob", XRAY_REJECTED, NULL, 0, NULL, NULL },
	{ F "tcp:203.0.113.9:40000 rejected  x", XRAY_REJECTED, NULL, 0,
	    NULL, NULL },

	/* Loggers' prefixes. */
	{ "Jan 30 17:03:38 host xray[812]: 2026/01/30 17:03:38.067799 from "
	    "1.2.3.4:5 accepted tcp:h:443" DETOUR " email: bob",
	    XRAY_ACCEPTED, "1.2.3.4", 5, "bob", "IN" },
	{ "<30>Jan 30 17:03:38 xray[812]: 2026/01/30 17:03:38 1.2.3.4:5 "
	    "accepted tcp:h:443" DETOUR " email: bob", XRAY_ACCEPTED,
	    "1.2.3.4", 5, "bob", "IN" },
	{ "<30>1 2026-01-30T17:03:38.1Z a/b xray 812 - - 2026/01/30 "
	    "17:03:38.067799 from 1.2.3.4:5 accepted tcp:h:443" DETOUR
	    " email: bob", XRAY_ACCEPTED, "1.2.3.4", 5, "bob", "IN" },
	{ "2026-01-30T17:03:38.068123456Z 2026/01/30 17:03:38.067799 from "
	    "1.2.3.4:5 accepted tcp:h:443" DETOUR " email: bob",
	    XRAY_ACCEPTED, "1.2.3.4", 5, "bob", "IN" },
	{ "xray-1  | 2026/01/30 17:03:38.067799 from 1.2.3.4:5 accepted "
	    "tcp:h:443" DETOUR " email: bob", XRAY_ACCEPTED, "1.2.3.4", 5,
	    "bob", "IN" },
	{ "xray stdout | 2026/01/30 17:03:38 from 1.2.3.4:5 accepted "
	    "tcp:h:443" DETOUR " email: bob", XRAY_ACCEPTED, "1.2.3.4", 5,
	    "bob", "IN" },

	/* Destinations that lie. */
	{ F "1.2.3.4:5 accepted tcp:x email: victim:443" DETOUR
	    " email: mallory", XRAY_ACCEPTED, "1.2.3.4", 5, "mallory", "IN" },
	{ F "1.2.3.4:5 accepted tcp:x email: victim:443" DETOUR,
	    XRAY_ACCEPTED, "1.2.3.4", 5, NULL, "IN" },
	{ F "1.2.3.4:5 accepted tcp:x from 6.6.6.6:6 accepted tcp:y:443"
	    DETOUR " email: mallory", XRAY_ACCEPTED, "1.2.3.4", 5, "mallory",
	    "IN" },
	{ F "1.2.3.4:5 accepted tcp:2026/01/30 17:03:38 from 6.6.6.6:6 "
	    "accepted tcp:y:443" DETOUR " email: mallory", XRAY_ACCEPTED,
	    "1.2.3.4", 5, "mallory", "IN" },
	{ F "1.2.3.4:5 accepted tcp:x:1 [TRUSTED -> out]:443" DETOUR
	    " email: mallory", XRAY_ACCEPTED, "1.2.3.4", 5, "mallory", "IN" },
	{ F "1.2.3.4:5 accepted tcp:x [TRUSTED -> out]:443" DETOUR
	    " email: mallory", XRAY_ACCEPTED, "1.2.3.4", 5, "mallory", "IN" },
	{ F "1.2.3.4:5 accepted tcp: rejected :443" DETOUR
	    " email: mallory", XRAY_ACCEPTED, "1.2.3.4", 5, "mallory", "IN" },

	/* The core's other lines. */
	{ "2026/01/30 17:03:38.067799 [Warning] [12] app/proxyman/inbound: "
	    "1.2.3.4:5 accepted tcp:h:443 email: bob", XRAY_OTHER, NULL, 0,
	    NULL, NULL },
	{ "2026/01/30 17:03:38 [Info] infra/conf: [/etc/xray.json]",
	    XRAY_OTHER, NULL, 0, NULL, NULL },
	{ "2026/01/30 17:03:38.1 localhost got answer: example.com. -> "
	    "[192.0.2.1] 1.5ms", XRAY_OTHER, NULL, 0, NULL, NULL },
	{ "2026/01/30 17:03:38.1 from udp:1.1.1.1:53 cache HIT: example.com. "
	    "-> [192.0.2.1]", XRAY_OTHER, NULL, 0, NULL, NULL },
	{ "2026/01/30 17:03:38.1 UDP:1.1.1.1:53 cache OPTIMISTE: x.com. -> "
	    "[192.0.2.1] 1ms <error>", XRAY_OTHER, NULL, 0, NULL, NULL },

	/* Nothing. */
	{ "", XRAY_UNKNOWN, NULL, 0, NULL, NULL },
	{ "2026/01/30 17:03:38", XRAY_UNKNOWN, NULL, 0, NULL, NULL },
	{ "2026/01/30 17:03:38 ", XRAY_UNKNOWN, NULL, 0, NULL, NULL },
	{ F, XRAY_UNKNOWN, NULL, 0, NULL, NULL },
	{ F "1.2.3.4:5", XRAY_UNKNOWN, NULL, 0, NULL, NULL },
	{ F "1.2.3.4:5 accept", XRAY_UNKNOWN, NULL, 0, NULL, NULL },
	{ F "1.2.3.4:5 accepted", XRAY_UNKNOWN, NULL, 0, NULL, NULL },
	{ F "1.2.3.4 accepted tcp:h:443 email: bob", XRAY_UNKNOWN, NULL, 0,
	    NULL, NULL },
	{ F "1.2.3.400:5 accepted tcp:h:443 email: bob", XRAY_UNKNOWN, NULL,
	    0, NULL, NULL },
	{ F "1.2.3.4:65536 accepted tcp:h:443 email: bob", XRAY_UNKNOWN, NULL,
	    0, NULL, NULL },
	{ F "1.2.3.4: accepted tcp:h:443 email: bob", XRAY_UNKNOWN, NULL, 0,
	    NULL, NULL },
	{ F "[2001:db8::7:51000 accepted tcp:h:443 email: bob", XRAY_UNKNOWN,
	    NULL, 0, NULL, NULL },
	{ F "host.example:5 accepted tcp:h:443 email: bob", XRAY_UNKNOWN,
	    NULL, 0, NULL, NULL },
	{ F "DNSX accepted tcp:h:443 email: bob", XRAY_UNKNOWN, NULL, 0,
	    NULL, NULL },
	{ "2026-01-30 17:03:38 from 1.2.3.4:5 accepted tcp:h:443 email: bob",
	    XRAY_UNKNOWN, NULL, 0, NULL, NULL },
	{ "{\"log\":\"2026/01/30 17:03:38 from 1.2.3.4:5 accepted tcp:h:443 "
	    "email: bob\\n\"}", XRAY_UNKNOWN, NULL, 0, NULL, NULL }
};

static void
assert_slice(const struct slice *s, const char *want, const char *line)
{
	if (want == NULL ? s->n == 0 : s->n == strlen(want) &&
	    memcmp(s->p, want, s->n) == 0)
		return;
	fail_msg("%s: found \"%.*s\", expected \"%s\"", line, (int)s->n,
	    s->n == 0 ? "" : s->p, want == NULL ? "" : want);
}

static void
check_form(const struct form *f)
{
	struct xray_line	 l;
	struct slice		 inbound;
	struct prefix		 addr;
	char			*copy;
	size_t			 n = strlen(f->line);

	/* In memory of its own, so that a sanitizer sees a step too far. */
	assert_non_null(copy = malloc(n == 0 ? 1 : n));
	memcpy(copy, f->line, n);
	if (xray_parse(&l, copy, n) != f->kind)
		fail_msg("%s: kind %d, expected %d", f->line, (int)l.kind,
		    (int)f->kind);
	if (f->addr != NULL) {
		assert_int_equal(addr_parse(&addr, f->addr,
		    strlen(f->addr)), 0);
		assert_int_equal(prefix_cmp(&addr, &l.source), 0);
		assert_int_equal(l.port, f->port);
	}
	assert_slice(&l.email, f->email, f->line);
	inbound = xray_inbound(&l);
	assert_slice(&inbound, f->inbound, f->line);
	free(copy);
}

static void
test_forms(void **state)
{
	size_t	i;

	(void)state;
	for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		check_form(&forms[i]);
}

/* A line cut anywhere is never read beyond its end, and never gains. */
static void
test_cut(void **state)
{
	struct xray_line	 l;
	char			*copy;
	size_t			 i, n, len;

	(void)state;
	for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		len = strlen(forms[i].line);
		for (n = 1; n <= len; n++) {
			assert_non_null(copy = malloc(n));
			memcpy(copy, forms[i].line, n);
			xray_parse(&l, copy, n);
			xray_inbound(&l);
			if (forms[i].kind == XRAY_REJECTED)
				assert_int_not_equal(l.kind, XRAY_ACCEPTED);
			free(copy);
		}
	}
}

/* A date that begins too far in the line is not looked for. */
static void
test_far_date(void **state)
{
	static const char	rest[] = F "1.2.3.4:5 accepted tcp:h:443";
	char			line[XRAY_PREFIX_MAX + 200];
	struct xray_line	l;

	(void)state;
	memset(line, 'x', sizeof(line));
	memcpy(line + XRAY_PREFIX_MAX, rest, sizeof(rest) - 1);
	assert_int_equal(xray_parse(&l, line, XRAY_PREFIX_MAX + sizeof(rest)
	    - 1), XRAY_ACCEPTED);
	memmove(line + XRAY_PREFIX_MAX + 1, rest, sizeof(rest) - 1);
	line[XRAY_PREFIX_MAX] = 'x';
	assert_int_equal(xray_parse(&l, line, XRAY_PREFIX_MAX + sizeof(rest)),
	    XRAY_UNKNOWN);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_far_date)
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

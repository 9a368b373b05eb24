/*
 * The words of refractctl: what they ask for, how short they may be, and what
 * is said about those that are wrong.
 */
/* LINK: refractd/ctl_parse.o refractd/ctl_buf.o */
#include <netinet/in.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "ctl_parse.h"
#include "shared.h"

#define NOW	INT64_C(1795266000000)
#define ARGS	12

static char said[1024];

/* The words of LINE, split at blanks. */
static int
parse(struct ctl_request *req, const char *line)
{
	char copy[512], *p, *argv[ARGS], *next = copy;
	struct obuf why = OBUF(said);
	int argc = 0;

	strlcpy(copy, line, sizeof(copy));
	while ((p = strsep(&next, " ")) != NULL && argc < ARGS)
		if (*p != '\0')
			argv[argc++] = p;
	obuf_clear(&why);
	return ctl_parse(req, argc, argv, NOW, &why);
}

static struct ctl_request
good(const char *line)
{
	struct ctl_request req;

	if (parse(&req, line) == -1)
		fail_msg("%s: %s", line, said);
	return req;
}

static void
bad(const char *line, const char *why)
{
	struct ctl_request req;

	if (parse(&req, line) == 0)
		fail_msg("%s: accepted", line);
	assert_string_equal(said, why);
}

static void
is_prefix(const struct ctl_request *req, const char *want)
{
	char buf[PREFIX_STRLEN];

	assert_string_equal(prefix_print(&req->prefix, buf), want);
}

static void
test_show(void **state)
{
	struct ctl_request req;

	(void)state;
	req = good("show");
	assert_int_equal(req.type, C_SHOW);
	assert_int_equal(req.what, SHOW_SUMMARY);
	assert_int_equal(good("show bans").what, SHOW_BANS);
	assert_int_equal(good("show users").what, SHOW_USERS);
	assert_int_equal(good("show watches").what, SHOW_WATCHES);
	assert_int_equal(good("show processes").what, SHOW_PROCESSES);
	assert_int_equal(good("show config").what, SHOW_CONFIG);
	assert_int_equal(good("show metrics").what, SHOW_METRICS);
	req = good("show bans 2001:db8::1/64");
	is_prefix(&req, "2001:db8::/64");
	req = good("show users watch xray");
	assert_int_equal(req.by, SHOW_BY_WATCH);
	assert_string_equal(req.name, "xray");
	req = good("show users user bob");
	assert_int_equal(req.by, SHOW_BY_USER);
	assert_string_equal(req.name, "bob");
}

static void
test_history(void **state)
{
	struct ctl_request req;

	(void)state;
	req = good("show history");
	assert_int_equal(req.what, SHOW_HISTORY);
	assert_int_equal(req.since, 0);
	req = good("show history 203.0.113.7 since 2h");
	is_prefix(&req, "203.0.113.7");
	assert_int_equal(req.since, NOW - 7200000);
	req = good("show history user bob since 1d");
	assert_int_equal(req.by, SHOW_BY_USER);
	assert_int_equal(req.since, NOW - 86400000);
	req = good("show history since 2026-11-21");
	assert_int_equal(req.since, INT64_C(1795219200000));
	req = good("show history watch x since 2026-11-21T01:02:03");
	assert_int_equal(req.since, INT64_C(1795219200000) + 3723000);
	bad("show history since yesterday",
	    "found \"yesterday\", expected T");
	bad("show history since", "the command ends too early, expected T");
}

static void
test_ban(void **state)
{
	struct ctl_request req;

	(void)state;
	req = good("ban 203.0.113.7");
	assert_int_equal(req.type, C_BAN);
	is_prefix(&req, "203.0.113.7");
	assert_int_equal(req.slash, 0);
	assert_int_equal(req.port, 0);
	assert_true(req.span == SPAN_FOREVER);
	req = good("ban 2001:db8::/32 reason it is a test for 1h");
	assert_int_equal(req.slash, 1);
	assert_string_equal(req.reason, "it is a test for 1h");
	assert_true(req.span == SPAN_FOREVER);
	req = good("ban 1.2.3.4 on udp port 53 for 1h30m reason x");
	assert_int_equal(req.proto, IPPROTO_UDP);
	assert_int_equal(req.port, 53);
	assert_int_equal(req.span, 5400000);
	assert_string_equal(req.reason, "x");
	req = good("ban 1.2.3.4 for forever on tcp port 65535");
	assert_int_equal(req.proto, IPPROTO_TCP);
	assert_int_equal(req.port, 65535);
}

static void
test_ban_errors(void **state)
{
	(void)state;
	bad("ban", "the command ends too early, expected ADDR|PREFIX");
	bad("ban example.org", "found \"example.org\", expected ADDR|PREFIX");
	bad("ban 1.2.3.4 for 10", "found \"10\", expected T");
	bad("ban 1.2.3.4 for 0s", "found \"0s\", expected T");
	bad("ban 1.2.3.4 on port 5", "found \"port\", expected tcp, udp");
	bad("ban 1.2.3.4 on tcp port 0", "found \"0\", expected N");
	bad("ban 1.2.3.4 on tcp port 65536", "found \"65536\", expected N");
	bad("ban 1.2.3.4 for 1h for 2h", "given twice: \"for\"");
	bad("ban 1.2.3.4 x", "found \"x\", expected for, on, reason");
	bad("ban 1.2.3.4/33", "found \"1.2.3.4/33\", expected ADDR|PREFIX");
}

static void
test_targets(void **state)
{
	struct ctl_request req;

	(void)state;
	req = good("unban all");
	assert_int_equal(req.type, C_UNBAN);
	assert_int_equal(req.prefix.family, 0);
	req = good("unban 2001:db8::1");
	is_prefix(&req, "2001:db8::1");
	req = good("forgive user bob@example.com");
	assert_int_equal(req.type, C_FORGIVE);
	assert_string_equal(req.name, "bob@example.com");
	assert_int_equal(req.prefix.family, 0);
	req = good("forgive all");
	assert_string_equal(req.name, "");
	req = good("kill 203.0.113.7 on tcp port 443");
	assert_int_equal(req.type, C_KILL);
	assert_int_equal(req.port, 443);
	bad("unban", "the command ends too early, expected ADDR|PREFIX, all");
	bad("kill all", "found \"all\", expected ADDR|PREFIX");
	bad("forgive user", "the command ends too early, expected NAME");
}

static void
test_commands(void **state)
{
	struct ctl_request req;

	(void)state;
	req = good("flush");
	assert_int_equal(req.type, C_FLUSH);
	assert_int_equal(req.prefix.family, 0);
	req = good("flush 192.0.2.0/24 watch sshd");
	is_prefix(&req, "192.0.2.0/24");
	assert_string_equal(req.name, "sshd");
	req = good("flush watch sshd value bob");
	assert_string_equal(req.name, "sshd");
	assert_string_equal(req.value, "bob");
	bad("flush watch", "the command ends too early, expected NAME");
	bad("flush watch a watch b", "given twice: \"watch\"");
	req = good("trigger sshd addr=192.0.2.1 user=a=b");
	assert_int_equal(req.type, C_TRIGGER);
	assert_string_equal(req.name, "sshd");
	assert_int_equal(req.values_len, 24);
	assert_memory_equal(req.values, "addr\0" "192.0.2.1\0user\0" "a=b",
	    24);
	assert_int_equal(good("trigger sshd user=").values_len, 6);
	bad("trigger sshd", "the command ends too early, expected NAME=VALUE");
	bad("trigger sshd =x", "found \"=x\", expected NAME=VALUE");
	bad("trigger sshd a=b x", "found \"x\", expected NAME=VALUE");
	req = good("why 2001:db8::1");
	assert_int_equal(req.type, C_SHOW);
	assert_int_equal(req.what, SHOW_WHY);
	is_prefix(&req, "2001:db8::1");
	bad("why", "the command ends too early, expected ADDR|PREFIX");
	req = good("show pending watch sshd");
	assert_int_equal(req.what, SHOW_PENDING);
	assert_int_equal(req.by, SHOW_BY_WATCH);
	assert_int_equal(good("show matches").what, SHOW_MATCHES);
}

static void
test_others(void **state)
{
	(void)state;
	assert_int_equal(good("monitor").type, C_MONITOR);
	assert_int_equal(good("monitor").number, 0);
	assert_int_equal(good("mon mux").number, 0x80000000u |
	    1u << NOTICE_MUX | 1u << NOTICE_DROPPED);
	assert_int_equal(good("reload").type, C_RELOAD);
	assert_int_equal(good("reopen").type, C_REOPEN);
	assert_int_equal(good("log brief").type, C_VERBOSE);
	assert_int_equal(good("log brief").number, 0);
	assert_int_equal(good("log verbose").number, 2);
	bad("log", "the command ends too early, expected brief, verbose");
	bad("reload now", "nothing may follow here, but there is \"now\"");
	bad("", "no command, expected show, ban, unban, forgive, kill, "
	    "flush, trigger, why, monitor, pool, reload, reopen, log, "
	    "import");
}

static void
test_short(void **state)
{
	struct ctl_request req;

	(void)state;
	assert_int_equal(good("s").type, C_SHOW);
	assert_int_equal(good("s b").what, SHOW_BANS);
	assert_int_equal(good("sh h").what, SHOW_HISTORY);
	assert_int_equal(good("s pr").what, SHOW_PROCESSES);
	assert_int_equal(good("s pe").what, SHOW_PENDING);
	assert_int_equal(good("rel").type, C_RELOAD);
	assert_int_equal(good("reo").type, C_REOPEN);
	assert_int_equal(good("l v").number, 2);
	/* An address comes before a word. */
	req = good("u a");
	assert_int_equal(req.type, C_UNBAN);
	assert_int_equal(req.prefix.family, 0);
	req = good("b ::a f 1h o t p 5 r why");
	assert_int_equal(req.port, 5);
	assert_string_equal(req.reason, "why");
	bad("re", "ambiguous: \"re\" may be reload, reopen");
	bad("reloads", "found \"reloads\", expected show, ban, unban, "
	    "forgive, kill, flush, trigger, why, monitor, pool, reload, "
	    "reopen, log, import");
	bad("show x", "found \"x\", expected bans, history, users, watches, "
	    "matches, patterns, pending, listeners, routes, pools, "
	    "connections, processes, config, metrics");
}

static void
test_outside(void **state)
{
	char long_name[NAME_MAX_LEN + 64];

	(void)state;
	bad("\x1b[31m", "found \"\\033[31m\", expected show, ban, unban, "
	    "forgive, kill, flush, trigger, why, monitor, pool, reload, "
	    "reopen, log, import");
	strlcpy(long_name, "forgive user ", sizeof(long_name));
	memset(long_name + 13, 'x', NAME_MAX_LEN);
	long_name[13 + NAME_MAX_LEN] = '\0';
	assert_int_equal(parse(&(struct ctl_request){ 0 }, long_name), -1);
	long_name[13 + NAME_MAX_LEN - 1] = '\0';
	good(long_name);
}

static void
test_usage(void **state)
{
	char text[2048];
	struct obuf o = OBUF(text);

	(void)state;
	obuf_clear(&o);
	ctl_usage(&o);
	assert_false(o.cut);
	assert_non_null(strstr(text, "       show\n"));
	assert_non_null(strstr(text, "       ban ADDR|PREFIX [for T] "
	    "[on tcp|udp port N] [reason TEXT]\n"));
	assert_non_null(strstr(text, "       log brief|verbose\n"));
}

static void
test_pool(void **state)
{
	struct ctl_request req;

	(void)state;
	assert_int_equal(good("show listeners").what, SHOW_LISTENERS);
	assert_int_equal(good("show routes").what, SHOW_ROUTES);
	assert_int_equal(good("show pools").what, SHOW_POOLS);
	req = good("show conn 192.0.2.0/24");
	assert_int_equal(req.what, SHOW_CONNECTIONS);
	is_prefix(&req, "192.0.2.0/24");
	req = good("pool drain web");
	assert_int_equal(req.type, C_POOL);
	assert_int_equal(req.number, MEMBER_DRAIN);
	assert_string_equal(req.name, "web");
	assert_string_equal(req.member, "");
	req = good("pool dis web 10.0.0.1");
	assert_int_equal(req.number, MEMBER_DISABLED);
	assert_string_equal(req.member, "10.0.0.1");
	req = good("pool en web 10.0.0.1 port 80");
	assert_int_equal(req.number, MEMBER_ENABLED);
	assert_string_equal(req.member, "10.0.0.1 port 80");
	bad("pool d web", "ambiguous: \"d\" may be disable, drain");
	bad("pool drain", "the command ends too early, expected POOL");
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pool),
		cmocka_unit_test(test_show),
		cmocka_unit_test(test_history),
		cmocka_unit_test(test_ban),
		cmocka_unit_test(test_ban_errors),
		cmocka_unit_test(test_targets),
		cmocka_unit_test(test_commands),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_short),
		cmocka_unit_test(test_outside),
		cmocka_unit_test(test_usage)
	};

	setenv("TZ", "UTC", 1);
	tzset();
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Each kind of row as people and as scripts see it.  What is wanted here is
 * what refractctl.8 shows; a change of it is a change for every script.
 */
/* LINK: refractd/ctl_output.o refractd/ctl_field.o refractd/ctl_columns.o */
/* LINK: refractd/ctl_buf.o */
#include <netinet/in.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "ctl_output.h"
#include "msg.h"

#define NOW	INT64_C(1795266000000)
#define DAY	INT64_C(86400000)
#define FULL_IPV6 "2001:db8:aaaa:bbbb:1234:5678:9abc:def0"
#define LONG_NAME							\
	"a-user-with-a-name-that-is-as-long-as-it-can-possibly-be-here-1"

static char		space[65536];
static struct obuf	out = OBUF(space);

static void
set(struct prefix *p, const char *s)
{
	assert_int_equal(prefix_parse(p, s), 0);
}

/* No line is longer than 80; those that nobody breaks are not asked. */
static void
assert_width(const char *s, size_t width)
{
	size_t n;

	for (; *s != '\0'; s += n + (s[n] == '\n')) {
		n = strcspn(s, "\n");
		assert_in_range(n, 0, width);
	}
}

static void
check_text(uint32_t what, const void *rows, size_t n, const char *want)
{
	const struct rowtype *t = row_type(what);
	const char *row = rows;

	obuf_clear(&out);
	row_heading(&out, t);
	for (; n > 0; n--, row += t->size)
		row_text(&out, t, row, NOW);
	assert_string_equal(space, want);
	if (t->layout != LAYOUT_LINE)
		assert_width(space, OUT_WIDTH);
}

static void
check_json(uint32_t what, const void *row, const char *want)
{
	obuf_clear(&out);
	row_json(&out, row_type(what), row, NOW);
	assert_string_equal(space, want);
}

static void
test_bans(void **state)
{
	static struct row_ban r[5];

	(void)state;
	set(&r[0].ban.prefix, "203.0.113.7");
	r[0].ban.proto = IPPROTO_TCP;
	r[0].ban.port = 443;
	r[0].ban.start = NOW - 13000;
	r[0].ban.end = NOW + 47000;
	r[0].ban.id.watch = 1;
	r[0].ban.id.offset = 0xabc;
	strlcpy(r[0].watch, "xray", sizeof(r[0].watch));
	strlcpy(r[0].ban.subject, "bob@example.com", SUBJECT_LEN);

	set(&r[1].ban.prefix, "2001:db8:aaaa:bbbb::/64");
	set(&r[1].ban.offender, FULL_IPV6);
	r[1].ban.start = NOW;
	r[1].ban.end = WALL_FOREVER;
	strlcpy(r[1].watch, "operator", sizeof(r[1].watch));
	strlcpy(r[1].ban.subject, "root", SUBJECT_LEN);

	set(&r[2].ban.prefix, FULL_IPV6);
	r[2].ban.proto = IPPROTO_UDP;
	r[2].ban.port = 65535;
	r[2].ban.end = NOW + 28 * DAY - 3600000;
	strlcpy(r[2].watch, "a-watch-with-a-long-name", NAME_MAX_LEN);
	strlcpy(r[2].ban.subject, LONG_NAME, SUBJECT_LEN);

	set(&r[3].ban.prefix, "198.51.100.0/24");
	r[3].ban.end = NOW + 3000;
	strlcpy(r[3].watch, "w", sizeof(r[3].watch));
	strlcpy(r[3].ban.subject, "b\\033\"\\303\xc3", SUBJECT_LEN);

	/* Exactly one too long for its column. */
	set(&r[4].ban.prefix, "2001:db8:aaaa:bbbb::/100");
	r[4].ban.proto = IPPROTO_TCP;
	r[4].ban.port = 1;
	r[4].ban.end = NOW;

	check_text(SHOW_BANS, r, 5,
	    "ADDRESS                 PORT      LEFT    UNTIL        WATCH    "
	    "USER\n"
	    "203.0.113.7             tcp/443   47s     13:00:47     xray     "
	    "bob@example.com\n"
	    "2001:db8:aaaa:bbbb::/64           forever              operator "
	    "root\n"
	    "2001:db8:aaaa:bbbb:1234:5678:9abc:def0\n"
	    "                        udp/65535 3w 6d   Dec 19 12:00 a-watch-w"
	    "ith-a-long-name\n"
	    "                 a-user-with-a-name-that-is-as-long-as-it-can-po"
	    "ssibly-be-here-1\n"
	    "198.51.100.0/24                   3s      13:00:03     w        "
	    "b\\033\"\\303\\303\n"
	    "2001:db8:aaaa:bbbb::/100\n"
	    "                        tcp/1     0s      13:00:00\n");
	check_json(SHOW_BANS, &r[0],
	    "{\"address\":\"203.0.113.7\",\"protocol\":\"tcp\",\"port\":443,"
	    "\"left_ms\":47000,\"until\":\"2026-11-21T13:00:47.000+00:00\",\""
	    "until_ms\":1795266047000,\"watch\":\"xray\",\"user\":\"bob@examp"
	    "le.com\",\"since\":\"2026-11-21T12:59:47.000+00:00\",\"since_ms"
	    "\":1795265987000,\"offender\":null,\"id\":\"0000000000000001-000"
	    "0000000000000-abc-0\"}");
	check_json(SHOW_BANS, &r[1],
	    "{\"address\":\"2001:db8:aaaa:bbbb::/64\",\"protocol\":null,\"por"
	    "t\":null,\"left_ms\":null,\"until\":\"forever\",\"until_ms\":nul"
	    "l,\"watch\":\"operator\",\"user\":\"root\",\"since\":\"2026-11-2"
	    "1T13:00:00.000+00:00\",\"since_ms\":1795266000000,\"offender\":"
	    "\"2001:db8:aaaa:bbbb:1234:5678:9abc:def0\",\"id\":\"000000000000"
	    "0000-0000000000000000-0-0\"}");
	check_json(SHOW_BANS, &r[3],
	    "{\"address\":\"198.51.100.0/24\",\"protocol\":null,\"port\":null"
	    ",\"left_ms\":3000,\"until\":\"2026-11-21T13:00:03.000+00:00\",\""
	    "until_ms\":1795266003000,\"watch\":\"w\",\"user\":\"b\\\\033\\\""
	    "\\\\303\\ufffd\",\"since\":null,\"since_ms\":null,\"offender\":n"
	    "ull,\"id\":\"0000000000000000-0000000000000000-0-0\"}");
}

static void
test_history(void **state)
{
	static struct row_history r[2];

	(void)state;
	set(&r[0].event.ban.prefix, "203.0.113.7");
	r[0].event.ban.proto = IPPROTO_TCP;
	r[0].event.ban.port = 443;
	r[0].event.ban.start = NOW - 73000;
	r[0].event.ban.end = NOW - 13000;
	r[0].event.outcome = BAN_EXPIRED;
	r[0].event.at = NOW - 13000;
	r[0].event.count = 2;
	strlcpy(r[0].watch, "xray", sizeof(r[0].watch));
	strlcpy(r[0].event.ban.subject, "bob@example.com", SUBJECT_LEN);
	strlcpy(r[0].evidence, "2026/11/21 12:58:47 from 203.0.113.7:51234 "
	    "accepted tcp:www.example.com:443 [in -> out] email: "
	    "bob@example.com", EVIDENCE_LEN);

	set(&r[1].event.ban.prefix, FULL_IPV6);
	r[1].event.ban.proto = IPPROTO_UDP;
	r[1].event.ban.port = 65535;
	r[1].event.ban.start = NOW - 3 * DAY;
	r[1].event.ban.end = WALL_FOREVER;
	r[1].event.outcome = BAN_FAILED;
	r[1].event.error = 12;
	strlcpy(r[1].watch, "sshd", sizeof(r[1].watch));
	strlcpy(r[1].event.ban.subject, LONG_NAME, SUBJECT_LEN);

	check_text(SHOW_HISTORY, r, 2,
	    "TIME         ADDRESS                 PORT      WATCH    USER\n"
	    "12:58:47     203.0.113.7             tcp/443   xray     bob@exam"
	    "ple.com\n"
	    "    expired, for 1m, killed 2\n"
	    "    2026/11/21 12:58:47 from 203.0.113.7:51234 accepted tcp:www."
	    "example.com:443\n"
	    "    [in -> out] email: bob@example.com\n"
	    "Nov 18 13:00 2001:db8:aaaa:bbbb:1234:5678:9abc:def0\n"
	    "                                     udp/65535 sshd\n"
	    "                 a-user-with-a-name-that-is-as-long-as-it-can-po"
	    "ssibly-be-here-1\n"
	    "    failed, for ever, error Cannot allocate memory\n");
	check_json(SHOW_HISTORY, &r[0],
	    "{\"since\":\"2026-11-21T12:58:47.000+00:00\",\"since_ms\":179526"
	    "5927000,\"address\":\"203.0.113.7\",\"protocol\":\"tcp\",\"port"
	    "\":443,\"watch\":\"xray\",\"user\":\"bob@example.com\",\"result"
	    "\":\"expired\",\"length_ms\":60000,\"until\":\"2026-11-21T12:59:"
	    "47.000+00:00\",\"until_ms\":1795265987000,\"result_at\":\"2026-1"
	    "1-21T12:59:47.000+00:00\",\"result_at_ms\":1795265987000,\"kille"
	    "d\":2,\"error\":null,\"offender\":null,\"id\":\"0000000000000000"
	    "-0000000000000000-0-0\",\"evidence\":\"2026/11/21 12:58:47 from "
	    "203.0.113.7:51234 accepted tcp:www.example.com:443 [in -> out] e"
	    "mail: bob@example.com\"}");
	check_json(SHOW_HISTORY, &r[1],
	    "{\"since\":\"2026-11-18T13:00:00.000+00:00\",\"since_ms\":179500"
	    "6800000,\"address\":\"2001:db8:aaaa:bbbb:1234:5678:9abc:def0\","
	    "\"protocol\":\"udp\",\"port\":65535,\"watch\":\"sshd\",\"user\":"
	    "\"a-user-with-a-name-that-is-as-long-as-it-can-possibly-be-here-"
	    "1\",\"result\":\"failed\",\"length_ms\":null,\"until\":\"forever"
	    "\",\"until_ms\":null,\"result_at\":null,\"result_at_ms\":null,\""
	    "killed\":0,\"error\":\"Cannot allocate memory\",\"offender\":nul"
	    "l,\"id\":\"0000000000000000-0000000000000000-0-0\",\"evidence\":"
	    "null}");
}

static void
test_users(void **state)
{
	static struct row_user r[2];
	size_t i;

	(void)state;
	strlcpy(r[0].user, "bob@example.com", sizeof(r[0].user));
	strlcpy(r[0].watch, "xray", sizeof(r[0].watch));
	r[0].limit = 1;
	r[0].naddrs = 2;
	set(&r[0].addrs[0], "203.0.113.7");
	r[0].seen[0] = NOW - 5000;
	set(&r[0].addrs[1], "2001:db8:aaaa:bbbb::/64");
	r[0].seen[1] = NOW - 3700000;
	for (i = 0; i < USER_ADDRS; i++) {
		set(&r[1].addrs[i], FULL_IPV6);
		r[1].seen[i] = NOW - 1000 * (int)i;
	}
	r[1].naddrs = 12;
	strlcpy(r[1].watch, "xray", sizeof(r[1].watch));
	strlcpy(r[1].user, LONG_NAME, sizeof(r[1].user));

	check_text(SHOW_USERS, r, 2,
	    "USER                     WATCH    LIMIT ADDRS ADDRESS, LAST SEEN"
	    "\n"
	    "bob@example.com          xray         1     2 203.0.113.7, 5s\n"
	    "                                              2001:db8:aaaa:bbbb"
	    "::/64, 1h 1m\n"
	    "a-user-with-a-name-that-is-as-long-as-it-can-possibly-be-here-1"
	    "\n"
	    "                         xray         0    12\n"
	    "                                      2001:db8:aaaa:bbbb:1234:56"
	    "78:9abc:def0, 0s\n"
	    "                                      2001:db8:aaaa:bbbb:1234:56"
	    "78:9abc:def0, 1s\n"
	    "                                      2001:db8:aaaa:bbbb:1234:56"
	    "78:9abc:def0, 2s\n"
	    "                                      2001:db8:aaaa:bbbb:1234:56"
	    "78:9abc:def0, 3s\n"
	    "                                      2001:db8:aaaa:bbbb:1234:56"
	    "78:9abc:def0, 4s\n"
	    "                                      2001:db8:aaaa:bbbb:1234:56"
	    "78:9abc:def0, 5s\n"
	    "                                      2001:db8:aaaa:bbbb:1234:56"
	    "78:9abc:def0, 6s\n"
	    "                                      2001:db8:aaaa:bbbb:1234:56"
	    "78:9abc:def0, 7s\n"
	    "                                      and 4 more\n");
	check_json(SHOW_USERS, &r[0],
	    "{\"user\":\"bob@example.com\",\"watch\":\"xray\",\"limit\":1,\"c"
	    "ount\":2,\"addresses\":[{\"address\":\"203.0.113.7\",\"seen\":\""
	    "2026-11-21T12:59:55.000+00:00\",\"seen_ms\":1795265995000},{\"ad"
	    "dress\":\"2001:db8:aaaa:bbbb::/64\",\"seen\":\"2026-11-21T11:58:"
	    "20.000+00:00\",\"seen_ms\":1795262300000}]}");
}

static void
test_watch(void **state)
{
	static struct row_watch r[1];

	(void)state;
	strlcpy(r[0].name, "xray", sizeof(r[0].name));
	strlcpy(r[0].source, "/var/log/xray/access.log", PATH_MAX_LEN);
	r[0].files = 1;
	r[0].lines = 12345678;
	r[0].last = NOW - 4000;
	r[0].masked = 3;
	strlcpy(r[0].notice, "several users come from 10.0.0.1: PROXY protocol "
	    "is missing in front of Xray, see refract.conf(5)", TEXT_LEN);

	check_text(SHOW_WATCHES, r, 1,
	    "watch       xray\n"
	    "source      /var/log/xray/access.log\n"
	    "files open  1\n"
	    "last line   12:59:56, 4s ago\n"
	    "lines       12345678\n"
	    "bytes       0\n"
	    "matches     0\n"
	    "offences    0\n"
	    "users       0\n"
	    "masked      3\n"
	    "notice      several users come from 10.0.0.1: PROXY protocol is "
	    "missing in front\n"
	    "            of Xray, see refract.conf(5)\n");
	check_json(SHOW_WATCHES, &r[0],
	    "{\"watch\":\"xray\",\"source\":\"/var/log/xray/access.log\",\"fi"
	    "les\":1,\"last\":\"2026-11-21T12:59:56.000+00:00\",\"last_ms\":1"
	    "795265996000,\"lines\":12345678,\"bytes\":0,\"matches\":0,\"offe"
	    "nces\":0,\"users\":0,\"unparsed\":0,\"forwarded\":0,\"masked\":3"
	    ",\"skewed\":0,\"lost\":0,\"ignored\":0,\"cancelled\":0,\"limits\""
	    ":0,\"dry_run\":false,\"notice\":\"several "
	    "users come from 10.0.0.1: PROXY protocol is missing in front of "
	    "Xray, see refract.conf(5)\"}");
}

static void
test_process(void **state)
{
	static struct row_process r[1];

	(void)state;
	r[0].role = ROLE_ENFORCER;
	r[0].pid = 4194303;
	r[0].uid = 997;
	r[0].state = STATE_RUNNING;
	r[0].rss = 3456789;
	r[0].pss = 1234567;
	r[0].started = NOW - DAY - 7200000;
	strlcpy(r[0].user, "_refracte", sizeof(r[0].user));
	strlcpy(r[0].build, "0123456789abcdef", sizeof(r[0].build));

	check_text(SHOW_PROCESSES, r, 1,
	    "PROCESS        PID ACCOUNT    STATE        OWN RESIDENT UP\n"
	    "enforcer   4194303 _refracte  running     1.2M     3.3M 1d 2h\n");
	check_json(SHOW_PROCESSES, &r[0],
	    "{\"process\":\"enforcer\",\"pid\":4194303,\"account\":\"_refract"
	    "e\",\"state\":\"running\",\"pss_bytes\":1234567,\"rss_bytes\":34"
	    "56789,\"started\":\"2026-11-20T11:00:00.000+00:00\",\"started_ms"
	    "\":1795172400000,\"uid\":997,\"build\":\"0123456789abcdef\"}");
}

static void
test_metrics(void **state)
{
	static struct row_metric r[2];

	(void)state;
	r[0].counter = COUNT_ENF_NEVER;
	r[0].value = UINT64_MAX;
	r[1].counter = COUNT_CTL_CLIENTS;
	r[1].value = 1;

	check_text(SHOW_METRICS, r, 2,
	    "METRIC                                                    VALUE "
	    "PROCESS\n"
	    "refract_bans_refused_never_total           18446744073709551615 "
	    "enforcer\n"
	    "refract_control_clients                                       1 "
	    "control\n");
	check_json(SHOW_METRICS, &r[0],
	    "{\"name\":\"refract_bans_refused_never_total\",\"value\":1844674"
	    "4073709551615,\"process\":\"enforcer\",\"kind\":\"counter\",\"he"
	    "lp\":\"Bans refused because the address may never be banned\"}");
	check_json(SHOW_METRICS, &r[1],
	    "{\"name\":\"refract_control_clients\",\"value\":1,\"process\":\""
	    "control\",\"kind\":\"gauge\",\"help\":\"Control clients connecte"
	    "d now\"}");
}

static void
test_summary(void **state)
{
	static struct row_summary r[2];

	(void)state;
	r[0].started = NOW - 7200000;
	r[0].bans = 3;
	r[0].watches = 2;
	r[0].processes = 6;
	r[0].clients = 1;
	r[0].generation = 1;
	strlcpy(r[0].version, "0.1 0123456789abcdef", sizeof(r[0].version));
	r[1] = r[0];
	strlcpy(r[1].ledger, "disk full: bans are not recorded", TEXT_LEN);
	strlcpy(r[1].notices[0], "xray: several users come from 10.0.0.1: "
	    "PROXY protocol is missing in front of Xray, see refract.conf(5)",
	    TEXT_LEN);
	strlcpy(r[1].notices[1], "xray: lines are masked", TEXT_LEN);

	check_text(SHOW_SUMMARY, r, 2,
	    "refract     healthy\n"
	    "started     11:00:00, 2h ago\n"
	    "version     0.1 0123456789abcdef\n"
	    "bans        3\n"
	    "offences    0\n"
	    "lines       0\n"
	    "users       0\n"
	    "watches     2\n"
	    "processes   6\n"
	    "clients     1\n"
	    "ledger      good\n"
	    "refract     NEEDS ATTENTION: 3 notices below\n"
	    "started     11:00:00, 2h ago\n"
	    "version     0.1 0123456789abcdef\n"
	    "bans        3\n"
	    "offences    0\n"
	    "lines       0\n"
	    "users       0\n"
	    "watches     2\n"
	    "processes   6\n"
	    "clients     1\n"
	    "ledger      disk full: bans are not recorded\n"
	    "notice      xray: several users come from 10.0.0.1: PROXY protoc"
	    "ol is missing in\n"
	    "            front of Xray, see refract.conf(5)\n"
	    "            xray: lines are masked\n");
	check_json(SHOW_SUMMARY, &r[0],
	    "{\"healthy\":true,\"started\":\"2026-11-21T11:00:00.000+00:00\","
	    "\"started_ms\":1795258800000,\"version\":\"0.1 0123456789abcdef"
	    "\",\"generation\":1,\"bans\":3,\"offences\":0,\"lines\":0,\"user"
	    "s\":0,\"watches\":2,\"processes\":6,\"clients\":1,\"ledger\":nul"
	    "l,\"notices\":[]}");
	check_json(SHOW_SUMMARY, &r[1],
	    "{\"healthy\":false,\"started\":\"2026-11-21T11:00:00.000+00:00\""
	    ",\"started_ms\":1795258800000,\"version\":\"0.1 0123456789abcdef"
	    "\",\"generation\":1,\"bans\":3,\"offences\":0,\"lines\":0,\"user"
	    "s\":0,\"watches\":2,\"processes\":6,\"clients\":1,\"ledger\":\"d"
	    "isk full: bans are not recorded\",\"notices\":[\"xray: several u"
	    "sers come from 10.0.0.1: PROXY protocol is missing in front of X"
	    "ray, see refract.conf(5)\",\"xray: lines are masked\"]}");
}

static void
test_event(void **state)
{
	static struct row_event r[3];

	(void)state;
	set(&r[0].event.ban.prefix, "203.0.113.7");
	r[0].event.ban.proto = IPPROTO_TCP;
	r[0].event.ban.port = 443;
	r[0].event.ban.end = NOW + 60000;
	r[0].event.at = NOW;
	r[0].event.outcome = BAN_APPLIED;
	r[0].event.count = 2;
	strlcpy(r[0].what, "ban", sizeof(r[0].what));
	strlcpy(r[0].watch, "xray", sizeof(r[0].watch));
	strlcpy(r[0].event.ban.subject, "bob \"\xff\n", SUBJECT_LEN);

	set(&r[1].event.ban.prefix, "2001:db8::/64");
	set(&r[1].event.ban.offender, "2001:db8::1");
	r[1].event.ban.end = WALL_FOREVER;
	r[1].event.at = NOW;
	r[1].event.outcome = BAN_FAILED;
	r[1].event.error = 12;
	strlcpy(r[1].what, "refuse", sizeof(r[1].what));
	strlcpy(r[1].by, "root", sizeof(r[1].by));
	strlcpy(r[1].why, "a test", sizeof(r[1].why));

	r[2].event.at = NOW;
	strlcpy(r[2].what, "reload", sizeof(r[2].what));
	strlcpy(r[2].by, "uid 1000", sizeof(r[2].by));

	check_text(SHOW_EVENT, r, 3,
	    "2026-11-21T13:00:00.000+00:00 ban 203.0.113.7 tcp/443 watch \"xr"
	    "ay\" user \"bob \\\"\\377\\012\" until 2026-11-21T13:01:00.000+0"
	    "0:00 killed 2\n"
	    "2026-11-21T13:00:00.000+00:00 refuse 2001:db8::/64 offender 2001"
	    ":db8::1 until forever by \"root\" note \"a test\" error Cannot a"
	    "llocate memory\n"
	    "2026-11-21T13:00:00.000+00:00 reload by \"uid 1000\"\n");
	check_json(SHOW_EVENT, &r[0],
	    "{\"record\":\"event\",\"time\":\"2026-11-21T13:00:00.000+00:00\""
	    ",\"time_ms\":1795266000000,\"action\":\"ban\",\"address\":\"203."
	    "0.113.7\",\"protocol\":\"tcp\",\"port\":443,\"offender\":null,\""
	    "watch\":\"xray\",\"user\":\"bob \\\"\\ufffd\\n\",\"until\":\"202"
	    "6-11-21T13:01:00.000+00:00\",\"until_ms\":1795266060000,\"by\":n"
	    "ull,\"note\":null,\"error\":null,\"killed\":2,\"result\":\"appli"
	    "ed\",\"id\":\"0000000000000000-0000000000000000-0-0\"}");
	check_json(SHOW_EVENT, &r[1],
	    "{\"record\":\"event\",\"time\":\"2026-11-21T13:00:00.000+00:00\""
	    ",\"time_ms\":1795266000000,\"action\":\"refuse\",\"address\":\"2"
	    "001:db8::/64\",\"protocol\":null,\"port\":null,\"offender\":\"20"
	    "01:db8::1\",\"watch\":null,\"user\":null,\"until\":\"forever\","
	    "\"until_ms\":null,\"by\":\"root\",\"note\":\"a test\",\"error\":"
	    "\"Cannot allocate memory\",\"killed\":0,\"result\":\"failed\",\""
	    "id\":\"0000000000000000-0000000000000000-0-0\"}");
	check_json(SHOW_EVENT, &r[2],
	    "{\"record\":\"event\",\"time\":\"2026-11-21T13:00:00.000+00:00\""
	    ",\"time_ms\":1795266000000,\"action\":\"reload\",\"address\":nul"
	    "l,\"protocol\":null,\"port\":null,\"offender\":null,\"watch\":nu"
	    "ll,\"user\":null,\"until\":null,\"until_ms\":null,\"by\":\"uid 1"
	    "000\",\"note\":null,\"error\":null,\"killed\":0,\"result\":null,"
	    "\"id\":\"0000000000000000-0000000000000000-0-0\"}");
}

static void
test_notice(void **state)
{
	static struct row_notice r[1];

	(void)state;
	r[0].notice.at = NOW;
	r[0].notice.kind = NOTICE_WATCH;
	r[0].notice.sticky = 1;
	strlcpy(r[0].watch, "xray", sizeof(r[0].watch));
	strlcpy(r[0].notice.text, "lines are \"masked\"", TEXT_LEN);

	check_text(SHOW_NOTICE, r, 1,
	    "2026-11-21T13:00:00.000+00:00 warning watch \"xray\" lines are "
	    "\"masked\"\n");
	check_json(SHOW_NOTICE, &r[0],
	    "{\"record\":\"notice\",\"time\":\"2026-11-21T13:00:00.000+00:00"
	    "\",\"time_ms\":1795266000000,\"kind\":\"warning\",\"watch\":\"xr"
	    "ay\",\"sticky\":true,\"text\":\"lines are \\\"masked\\\"\"}");
}

/* What comes from outside, in a text and in a string of JSON. */
static void
test_outside(void **state)
{
	static const char evil[] = "a\0\t\n\x1b\x7f\xc2\x9b\xc0\xaf\xed\xa0\x80"
	    "\xf4\x90\x80\x80\xe2\x82\xac\xe2\x82";

	(void)state;
	obuf_clear(&out);
	obuf_json(&out, evil, sizeof(evil) - 1);
	assert_string_equal(space, "a\\u0000\\t\\n\\u001b\\u007f\\u009b"
	    "\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd"
	    "\xe2\x82\xac\\ufffd\\ufffd");
	obuf_clear(&out);
	obuf_vis(&out, evil, 6, OBUF_RAW);
	obuf_vis(&out, "\\012", 4, OBUF_DONE);
	obuf_vis(&out, "\\\"", 2, OBUF_QUOTE);
	assert_string_equal(space,
	    "a\\000\\011\\012\\033\\177\\012\"\\134\\\"\"");
}

/* Nothing is written beyond the end. */
static void
test_bound(void **state)
{
	char small[8];
	struct obuf o = OBUF(small);

	(void)state;
	obuf_clear(&o);
	obuf_str(&o, "1234567");
	assert_false(o.cut);
	obuf_char(&o, '8');
	assert_true(o.cut);
	assert_string_equal(small, "1234567");
	obuf_clear(&o);
	obuf_printf(&o, "%d", 123456789);
	assert_true(o.cut);
	assert_string_equal(small, "1234567");
	obuf_clear(&o);
	obuf_json(&o, "\x01\x01\x01", 3);
	assert_true(o.cut);
}

static void
test_pending(void **state)
{
	static struct row_pending r[3];

	(void)state;
	set(&r[0].addr, "203.0.113.7");
	r[0].row = 5;
	r[0].at = NOW - 1000;
	r[0].changed = NOW - 1000;
	r[0].due = NOW + 3600000;
	strlcpy(r[0].watch, "sshd", sizeof(r[0].watch));
	strlcpy(r[0].key, "203.0.113.7 bob", sizeof(r[0].key));
	strlcpy(r[0].argv, "{ \"/bin/undo\", \"a\\033\" }",
	    sizeof(r[0].argv));
	r[1] = r[0];
	r[1].due = WALL_FOREVER;
	r[1].when = RUN_UNBAN;
	r[2] = r[0];
	r[2].state = RUN_FAILED;
	r[2].status = 2 << 8;
	check_text(SHOW_PENDING, r, 3,
	    "DUE          ADDRESS                 STATE   WATCH        KEY\n"
	    "14:00:00     203.0.113.7             pending sshd         "
	    "203.0.113.7 bob\n"
	    "    { \"/bin/undo\", \"a\\033\" }\n"
	    "             203.0.113.7             pending sshd         "
	    "203.0.113.7 bob\n"
	    "    { \"/bin/undo\", \"a\\033\" }, on unban\n"
	    "14:00:00     203.0.113.7             failed  sshd         "
	    "203.0.113.7 bob\n"
	    "    { \"/bin/undo\", \"a\\033\" }\n"
	    "    exit status 2\n");
	check_json(SHOW_PENDING, &r[2],
	    "{\"due\":\"2026-11-21T14:00:00.000+00:00\","
	    "\"due_ms\":1795269600000,\"address\":\"203.0.113.7\","
	    "\"state\":\"failed\",\"watch\":\"sshd\","
	    "\"key\":\"203.0.113.7 bob\","
	    "\"command\":\"{ \\\"/bin/undo\\\", \\\"a\\\\033\\\" }\","
	    "\"on\":\"offence\",\"status\":2,"
	    "\"since\":\"2026-11-21T12:59:59.000+00:00\","
	    "\"since_ms\":1795265999000,"
	    "\"changed\":\"2026-11-21T12:59:59.000+00:00\","
	    "\"changed_ms\":1795265999000,\"number\":5}");
}

static void
test_patterns(void **state)
{
	static struct row_pattern r = {
		.tried = 90, .hits = 7, .limits = 1, .kind = PATTERN_MATCH
	};

	(void)state;
	strlcpy(r.watch, "sshd", sizeof(r.watch));
	strlcpy(r.where, "/etc/refract.conf:12", sizeof(r.where));
	check_text(SHOW_PATTERNS, &r, 1,
	    "WATCH         TRIED    MATCHED LIMITS WHERE\n"
	    "sshd             90          7      1 /etc/refract.conf:12\n");
	check_json(SHOW_PATTERNS, &r, "{\"watch\":\"sshd\",\"tried\":90,"
	    "\"matched\":7,\"limits\":1,\"where\":\"/etc/refract.conf:12\"}");
}

static void
test_matches(void **state)
{
	static struct row_match r;

	(void)state;
	r.last = NOW - 5000;
	r.count = 2;
	r.after = 3;
	strlcpy(r.watch, "sshd", sizeof(r.watch));
	strlcpy(r.key, "203.0.113.7", sizeof(r.key));
	check_text(SHOW_MATCHES, &r, 1,
	    "KEY                              WATCH    COUNT    OF  BANS "
	    "LAST\n"
	    "203.0.113.7                      sshd         2     3     0 "
	    "12:59:55\n");
	check_json(SHOW_MATCHES, &r, "{\"key\":\"203.0.113.7\","
	    "\"watch\":\"sshd\",\"count\":2,\"after\":3,\"bans\":0,"
	    "\"last\":\"2026-11-21T12:59:55.000+00:00\","
	    "\"last_ms\":1795265995000}");
}

static void
test_why(void **state)
{
	static struct row_why w;
	static struct row_line l;

	(void)state;
	set(&w.h.event.ban.prefix, "203.0.113.7");
	w.h.event.ban.start = NOW;
	w.h.event.ban.end = NOW + 3600000;
	w.h.event.outcome = BAN_APPLIED;
	w.count = 3;
	strlcpy(w.h.watch, "sshd", sizeof(w.h.watch));
	strlcpy(w.pattern, "/etc/refract.conf:5", sizeof(w.pattern));
	check_text(SHOW_WHY, &w, 1,
	    "TIME         ADDRESS                 PORT      WATCH    USER\n"
	    "13:00:00     203.0.113.7                       sshd\n"
	    "    applied, for 1h, counted 3, by /etc/refract.conf:5\n");
	w.h.event.ban.end = NOW;
	w.h.event.outcome = BAN_NONE;
	w.count = 0;
	check_text(SHOW_WHY, &w, 1,
	    "TIME         ADDRESS                 PORT      WATCH    USER\n"
	    "13:00:00     203.0.113.7                       sshd\n"
	    "    no ban, by /etc/refract.conf:5\n");
	l.at = NOW;
	l.number = 1;
	strlcpy(l.watch, "sshd", sizeof(l.watch));
	strlcpy(l.text, "bad \\033", sizeof(l.text));
	check_text(SHOW_LINES, &l, 1,
	    "TIME         WATCH    LINE\n"
	    "13:00:00     sshd     bad \\033\n");
	check_json(SHOW_LINES, &l,
	    "{\"time\":\"2026-11-21T13:00:00.000+00:00\","
	    "\"time_ms\":1795266000000,\"watch\":\"sshd\","
	    "\"line\":\"bad \\\\033\",\"number\":1,\"id\":"
	    "\"0000000000000000-0000000000000000-0-0\"}");
}

/* What a route is called is printable already: \. is not \134. */
static void
test_routes(void **state)
{
	static struct row_route r = { .total = 2, .bytes = { 1024, 0 } };

	(void)state;
	strlcpy(r.listener, "front", sizeof(r.listener));
	strlcpy(r.label, "tls ^r[0-9]\\.x$ h2", sizeof(r.label));
	strlcpy(r.to, "web", sizeof(r.to));
	check_text(SHOW_ROUTES, &r, 1,
	    "LISTENER           NOW     TOTAL   ERRORS       IN      OUT "
	    "ROUTE\n"
	    "front                0         2        0     1.0K          "
	    "tls ^r[0-9]\\.x$ h2\n"
	    "    to web\n");
	strlcpy(r.label, "bytes \\x00 drop", sizeof(r.label));
	*r.to = '\0';
	check_text(SHOW_ROUTES, &r, 1,
	    "LISTENER           NOW     TOTAL   ERRORS       IN      OUT "
	    "ROUTE\n"
	    "front                0         2        0     1.0K          "
	    "bytes \\x00 drop\n");
	check_json(SHOW_ROUTES, &r, "{\"listener\":\"front\","
	    "\"connections\":0,\"total\":2,\"errors\":0,"
	    "\"bytes_in\":1024,\"bytes_out\":0,"
	    "\"route\":\"bytes \\\\x00 drop\",\"to\":null,"
	    "\"connect_p50_us\":0,\"connect_p99_us\":0,"
	    "\"first_p50_us\":0,\"first_p99_us\":0}");
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pending),
		cmocka_unit_test(test_patterns),
		cmocka_unit_test(test_matches),
		cmocka_unit_test(test_why),
		cmocka_unit_test(test_routes),
		cmocka_unit_test(test_bans),
		cmocka_unit_test(test_history),
		cmocka_unit_test(test_users),
		cmocka_unit_test(test_watch),
		cmocka_unit_test(test_process),
		cmocka_unit_test(test_metrics),
		cmocka_unit_test(test_summary),
		cmocka_unit_test(test_event),
		cmocka_unit_test(test_notice),
		cmocka_unit_test(test_outside),
		cmocka_unit_test(test_bound)
	};

	setenv("TZ", "UTC", 1);
	tzset();
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

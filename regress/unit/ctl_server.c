/*
 * The control role's server with real sockets: clients on one end, a parent
 * and siblings that are played here on the other.  The process around it
 * (child.c) is replaced, so that everything runs in one.
 */
/* LINK: refractd/control_client.o refractd/control_route.o */
/* LINK: refractd/control_ban.o */
/* LINK: refractd/control_monitor.o refractd/control_audit.o */
/* LINK: refractd/ctl_buf.o refractd/ctl_output.o refractd/ctl_field.o */
/* LINK: refractd/ctl_columns.o */
/* LINK: refractd/control_mux.o refractd/control_access.o */
/* LINK: refractd/control_resolve.o refractd/control_answer.o */
/* LIBS: -levent_extra */
#include <sys/socket.h>

#include <netinet/in.h>

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "channel.h"
#include "child.h"
#include "control_audit.h"
#include "control_ban.h"
#include "control_client.h"
#include "control_monitor.h"
#include "control_route.h"
#include "imsg.h"

const char	*route_probe_name(int);

struct event_base	*child_base;
struct channel		*child_parent;

static struct channel	*siblings[ROLE_MAX];	/* control's ends */
static struct imsgbuf	*peers[ROLE_MAX];	/* ours */
static struct conf	*conf;

struct channel *
child_channel(enum role role, int bulk)
{
	return bulk ? NULL : siblings[role];
}

struct conf *
child_conf(void)
{
	return conf;
}

struct conf *
child_conf_before(void)
{
	return NULL;
}

/* There is no mux. */
struct channel *
child_worker(unsigned int index)
{
	(void)index;
	return NULL;
}

const char *
route_probe_name(int number)
{
	(void)number;
	return NULL;
}

static void
on_ban_event(struct channel *ch, uint32_t id, const void *data, size_t len,
    int fd)
{
	(void)ch;
	(void)id;
	(void)len;
	(void)fd;
	ban_event(data);
}

static const struct handler handlers[] = {
	{ M_BAN_EVENT, on_ban_event },
	{ M_ROW, route_row },
	{ M_SHOW_END, route_show_end },
	{ M_RESULT, route_result },
	{ M_COUNTERS, route_counters },
	{ 0, NULL }
};

/* --- Both ends ----------------------------------------------------------- */

static void
turn(void)
{
	int i;

	for (i = 0; i < 8; i++)
		event_base_loop(child_base, EVLOOP_NONBLOCK);
}

static struct channel *
sibling_new(enum role role)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	peers[role] = imsg_new(fds[1]);
	return channel_new(child_base, fds[0], role, handlers);
}

/* A client: control's end is in *c if wanted. */
static struct imsgbuf *
connect_client(int admin, struct client **c)
{
	struct client *made;
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	made = client_new(fds[0], admin, admin ? "root" : "uid 1000");
	if (c != NULL)
		*c = made;
	return imsg_new(fds[1]);
}

static void
say(struct imsgbuf *buf, uint32_t type, uint32_t id, const void *data,
    size_t len)
{
	assert_int_equal(imsg_compose(buf, type, id, -1, data, len), 0);
	imsg_flush(buf);
	turn();
}

/* The next message; type 0: none; UINT32_MAX: closed. */
static struct imsg
hear(struct imsgbuf *buf)
{
	struct imsg imsg;
	ssize_t n;

	memset(&imsg, 0, sizeof(imsg));
	turn();
	if (imsg_get(buf, &imsg) == 1)
		return imsg;
	n = imsg_read(buf);
	if (n == 0 || (n == -1 && errno != EAGAIN))
		imsg.hdr.type = UINT32_MAX;
	else if (n > 0 && imsg_get(buf, &imsg) != 1)
		fail_msg("garbage, or half a message");
	else if (n == -1)
		imsg.hdr.type = 0;
	return imsg;
}

static struct imsg
expect(struct imsgbuf *buf, uint32_t type)
{
	struct imsg imsg = hear(buf);

	if (imsg.hdr.type != type)
		fail_msg("got %s (%u), wanted %s", msg_name(imsg.hdr.type),
		    imsg.hdr.type, msg_name(type));
	return imsg;
}

static void
expect_closed(struct imsgbuf *buf)
{
	assert_int_equal(hear(buf).hdr.type, UINT32_MAX);
	imsg_free(buf);
}

static void
expect_result(struct imsgbuf *buf, int code, const char *text)
{
	struct imsg imsg = expect(buf, M_RESULT);
	const struct msg_outcome *res = imsg.data;

	assert_string_equal(res->text, text);
	assert_int_equal(res->code, code);
}

static void
ask_show(struct imsgbuf *buf, uint32_t what)
{
	struct msg_show show = { .what = what };

	say(buf, C_SHOW, 0, &show, sizeof(show));
}

static struct msg_target
target(const char *prefix)
{
	struct msg_target t;

	memset(&t, 0, sizeof(t));
	if (prefix != NULL)
		assert_int_equal(prefix_parse(&t.prefix, prefix), 0);
	return t;
}

static int
setup(void **state)
{
	(void)state;
	child_base = event_base_new();
	proc_set_role(ROLE_CONTROL);
	proc_set_state(STATE_RUNNING);
	conf = conf_new();
	child_parent = sibling_new(ROLE_PARENT);
	siblings[ROLE_ENFORCER] = sibling_new(ROLE_ENFORCER);
	siblings[ROLE_LEDGER] = sibling_new(ROLE_LEDGER);
	siblings[ROLE_PARSER] = sibling_new(ROLE_PARSER);
	route_init();
	return 0;
}

static int
teardown(void **state)
{
	int role;

	(void)state;
	clients_stop();
	channel_free(child_parent);
	for (role = 0; role < ROLE_MAX; role++) {
		channel_free(siblings[role]);
		siblings[role] = NULL;
		if (peers[role] != NULL)
			imsg_free(peers[role]);
		peers[role] = NULL;
	}
	conf_free(conf);
	event_base_free(child_base);
	return 0;
}

/* --- Shows --------------------------------------------------------------- */

static void
send_ban_row(uint32_t id, uint64_t watch)
{
	struct {
		struct row_head	head;
		struct row_ban	ban;
	} row;

	memset(&row, 0, sizeof(row));
	row.head.what = SHOW_BANS;
	prefix_parse(&row.ban.ban.prefix, "203.0.113.7");
	row.ban.ban.id.watch = watch;
	say(peers[ROLE_ENFORCER], M_ROW, id, &row, sizeof(row));
}

static void
end_page(enum role role, uint32_t id, uint64_t cursor)
{
	struct msg_show end = { .what = SHOW_BANS, .cursor = cursor };

	say(peers[role], M_SHOW_END, id, &end, sizeof(end));
}

static void
test_pages(void **state)
{
	struct imsgbuf *c = connect_client(0, NULL);
	struct conf_watch *w = conf_watch_new();
	struct imsg imsg;
	const struct row_ban *row;
	uint32_t id;

	(void)state;
	strlcpy(w->w.name, "xray", sizeof(w->w.name));
	w->w.hash = watch_hash("xray");
	TAILQ_INSERT_TAIL(&conf->watches, w, entry);
	ask_show(c, SHOW_BANS);
	imsg = expect(peers[ROLE_ENFORCER], M_SHOW);
	id = imsg.hdr.id;
	assert_int_not_equal(id, 0);
	assert_int_equal(((const struct msg_show *)imsg.data)->cursor, 0);
	send_ban_row(id, watch_hash("xray"));
	send_ban_row(id, 0);
	send_ban_row(id, 12345);
	send_ban_row(id + 1, 0);	/* another's: dropped */
	end_page(ROLE_ENFORCER, id, 77);
	imsg = expect(peers[ROLE_ENFORCER], M_SHOW);
	assert_int_equal(((const struct msg_show *)imsg.data)->cursor, 77);
	end_page(ROLE_ENFORCER, id, 0);
	imsg = expect(c, M_ROW);
	row = (const void *)((const struct row_head *)imsg.data + 1);
	assert_string_equal(row->watch, "xray");
	imsg = expect(c, M_ROW);
	row = (const void *)((const struct row_head *)imsg.data + 1);
	assert_string_equal(row->watch, "operator");
	imsg = expect(c, M_ROW);
	row = (const void *)((const struct row_head *)imsg.data + 1);
	assert_string_equal(row->watch, "(removed)");
	expect(c, C_END);
	/* What comes late is dropped; the next request has another id. */
	send_ban_row(id, 0);
	ask_show(c, SHOW_BANS);
	assert_int_not_equal(expect(peers[ROLE_ENFORCER], M_SHOW).hdr.id, id);
	assert_int_equal(hear(c).hdr.type, 0);
	imsg_free(c);
	turn();
}

/* The next page is not asked for while the client does not read. */
static void
test_slow_reader(void **state)
{
	struct client *client;
	struct imsgbuf *c = connect_client(0, &client);
	int size = 4096, pages = 0, i;
	uint32_t id;

	(void)state;
	setsockopt(channel_fd(client->ch), SOL_SOCKET, SO_SNDBUF, &size,
	    sizeof(size));
	ask_show(c, SHOW_BANS);
	id = expect(peers[ROLE_ENFORCER], M_SHOW).hdr.id;
	for (; pages < 1000; pages++) {
		for (i = 0; i < 32; i++)
			send_ban_row(id, 0);
		end_page(ROLE_ENFORCER, id, 1);
		if (hear(peers[ROLE_ENFORCER]).hdr.type == 0)
			break;
	}
	assert_in_range(pages, 2, 50);
	assert_in_range(channel_queued(client->ch), 1, 200 * 1024);
	assert_true(client->req.stalled);
	while (hear(c).hdr.type == M_ROW)
		continue;
	assert_int_equal(client->req.stalled, 0);
	end_page(ROLE_ENFORCER, id, 0);
	expect(c, C_END);
	imsg_free(c);
	turn();
}

static void
test_absent(void **state)
{
	struct imsgbuf *c = connect_client(1, NULL);
	struct msg_target t = target("203.0.113.7");

	(void)state;
	channel_free(siblings[ROLE_ENFORCER]);
	siblings[ROLE_ENFORCER] = NULL;
	ask_show(c, SHOW_BANS);
	expect(c, C_END);
	say(c, C_UNBAN, 0, &t, sizeof(t));
	expect_result(c, 1, "nothing in the configuration bans, so there is "
	    "no enforcer");
	expect(c, C_END);
	imsg_free(c);
	turn();
}

static void
answer_counters(enum role role, enum counter n, uint64_t value)
{
	uint64_t values[COUNTER_MAX] = { 0 };
	uint32_t id = expect(peers[role], M_COUNTERS_GET).hdr.id;

	values[n] = value;
	/* Not its own to count: must not be taken. */
	values[COUNT_CTL_CLIENTS] = 999;
	say(peers[role], M_COUNTERS, id, values, sizeof(values));
}

static void
answer_all_counters(void)
{
	answer_counters(ROLE_ENFORCER, COUNT_ENF_BANS, 3);
	answer_counters(ROLE_LEDGER, COUNT_LEDGER_COMMITS, 4);
	answer_counters(ROLE_PARSER, COUNT_PARSER_LINES, 5);
}

/* Who is not there counts nothing. */
static unsigned int
of_role(enum role role)
{
	unsigned int i, n = 0;

	for (i = 0; i < COUNTER_MAX; i++)
		n += counter_table[i].role == role;
	return n;
}

static void
test_metrics(void **state)
{
	struct imsgbuf *c = connect_client(0, NULL);
	uint64_t got[COUNTER_MAX] = { 0 };
	const struct row_metric *row;
	struct imsg imsg;
	unsigned int n = 0;

	(void)state;
	ask_show(c, SHOW_METRICS);
	answer_all_counters();
	while ((imsg = hear(c)).hdr.type == M_ROW) {
		row = (const void *)((const struct row_head *)imsg.data + 1);
		got[row->counter] = row->value;
		n++;
	}
	assert_int_equal(imsg.hdr.type, C_END);
	assert_int_equal(n, COUNTER_MAX - of_role(ROLE_MUX));
	assert_int_equal(got[COUNT_ENF_BANS], 3);
	assert_int_equal(got[COUNT_LEDGER_COMMITS], 4);
	assert_int_equal(got[COUNT_PARSER_LINES], 5);
	assert_int_equal(got[COUNT_CTL_CLIENTS], 1);
	imsg_free(c);
	turn();
}

static struct row_summary
get_summary(struct imsgbuf *c)
{
	struct row_summary row;
	struct imsg imsg;

	ask_show(c, SHOW_SUMMARY);
	answer_all_counters();
	imsg = expect(c, M_ROW);
	memcpy(&row, (const struct row_head *)imsg.data + 1, sizeof(row));
	expect(c, C_END);
	return row;
}

static void
notice(uint32_t kind, uint32_t sticky, const char *text)
{
	struct wire_notice n = { .at = 1, .kind = kind, .sticky = sticky };

	strlcpy(n.text, text, sizeof(n.text));
	monitor_notice(&n);
}

static void
test_summary(void **state)
{
	struct imsgbuf *c = connect_client(0, NULL);
	struct msg_outcome trouble = { .code = 1, .text = "disk full" };
	struct row_summary row;

	(void)state;
	row = get_summary(c);
	assert_int_equal(row.bans, 3);
	assert_int_equal(row.lines, 5);
	assert_int_equal(row.processes, 6);
	assert_string_equal(row.ledger, "");
	assert_string_equal(row.notices[0], "");
	monitor_ledger(&trouble);
	notice(NOTICE_DRIFT, 1, "rules were gone");
	notice(NOTICE_DRIFT, 1, "sets were gone");
	notice(NOTICE_FILE, 0, "not sticky");
	row = get_summary(c);
	assert_string_equal(row.ledger, "disk full");
	assert_string_equal(row.notices[0], "sets were gone");
	assert_string_equal(row.notices[1], "");
	trouble.code = 0;
	monitor_ledger(&trouble);
	notice(NOTICE_DRIFT, 1, "");
	row = get_summary(c);
	assert_string_equal(row.ledger, "");
	assert_string_equal(row.notices[0], "");
	imsg_free(c);
	turn();
}

/* --- Changes ------------------------------------------------------------- */

static struct wire_ban
operators_ban(struct imsgbuf *c, const char *prefix, uint8_t flags)
{
	struct ctl_ban ban = { .duration = 60000, .proto = IPPROTO_TCP,
	    .port = 443, .flags = flags };
	struct wire_ban sent;

	prefix_parse(&ban.prefix, prefix);
	strlcpy(ban.reason, "why\n", sizeof(ban.reason));
	say(c, C_BAN, 0, &ban, sizeof(ban));
	memcpy(&sent, expect(peers[ROLE_ENFORCER], M_BAN).data, sizeof(sent));
	return sent;
}

static void
answer_ban(const struct wire_ban *ban, uint32_t outcome)
{
	struct wire_event ev = { .ban = *ban, .at = 1, .outcome = outcome };

	say(peers[ROLE_ENFORCER], M_BAN_EVENT, 0, &ev, sizeof(ev));
}

static void
test_ban(void **state)
{
	struct imsgbuf *c = connect_client(1, NULL);
	const struct msg_decision *d;
	struct wire_ban ban;
	char buf[PREFIX_STRLEN];

	(void)state;
	ban = operators_ban(c, "2001:db8::1", 0);
	d = expect(peers[ROLE_LEDGER], M_DECISION).data;
	assert_string_equal(d->evidence, "why\\012");
	assert_int_equal(d->nports, 1);
	assert_int_equal(d->ports[0].port, 443);
	assert_memory_equal(&d->ban, &ban, sizeof(ban));
	assert_string_equal(prefix_print(&ban.prefix, buf), "2001:db8::/64");
	assert_string_equal(prefix_print(&ban.offender, buf), "2001:db8::1");
	assert_string_equal(ban.subject, "root");
	assert_int_equal(ban.end - ban.start, 60000);
	ban.end = WALL_FOREVER;
	answer_ban(&ban, BAN_APPLIED);
	expect_result(c, 0, "2001:db8::/64 is banned forever");
	expect(c, C_END);
	ban = operators_ban(c, "198.51.100.7/32", BANF_PREFIX);
	assert_int_equal(ban.offender.family, 0);
	answer_ban(&ban, BAN_NEVER);
	expect_result(c, 1, "198.51.100.7 is not banned: it may never be "
	    "banned");
	expect(c, C_END);
	/* Somebody else's event does not answer. */
	ban = operators_ban(c, "198.51.100.8", 0);
	ban.id.offset++;
	answer_ban(&ban, BAN_APPLIED);
	assert_int_equal(hear(c).hdr.type, 0);
	imsg_free(c);
	turn();
}

static void
answer_result(enum role role, uint32_t id, int code, uint32_t count,
    const char *text)
{
	struct msg_outcome res = { .code = code, .count = count };

	strlcpy(res.text, text, sizeof(res.text));
	say(peers[role], M_RESULT, id, &res, sizeof(res));
}

static void
test_targets(void **state)
{
	struct imsgbuf *c = connect_client(1, NULL);
	struct msg_target t = target("203.0.113.7");
	uint32_t id;

	(void)state;
	say(c, C_UNBAN, 0, &t, sizeof(t));
	id = expect(peers[ROLE_ENFORCER], M_UNBAN).hdr.id;
	/* Nobody but who was asked may answer. */
	answer_result(ROLE_PARSER, id, 0, 9, "no");
	answer_result(ROLE_ENFORCER, id, 0, 2, "2 bans lifted");
	assert_int_equal(expect(peers[ROLE_PARSER], M_FORGIVE).hdr.id, 0);
	expect(peers[ROLE_LEDGER], M_FORGIVE);
	/* That no command waited is not said. */
	assert_int_equal(expect(peers[ROLE_LEDGER], M_FLUSH).hdr.id, id);
	answer_result(ROLE_LEDGER, id, 0, 0, "0 pending commands run now");
	expect_result(c, 0, "2 bans lifted");
	expect(c, C_END);

	say(c, C_FORGIVE, 0, &t, sizeof(t));
	id = expect(peers[ROLE_ENFORCER], M_UNBAN).hdr.id;
	assert_int_equal(expect(peers[ROLE_PARSER], M_FORGIVE).hdr.id, id);
	expect(peers[ROLE_LEDGER], M_FORGIVE);
	expect(peers[ROLE_LEDGER], M_FLUSH);
	answer_result(ROLE_LEDGER, id, 0, 1, "1 pending command runs now");
	answer_result(ROLE_PARSER, id, 0, 1, "1 address forgotten");
	assert_int_equal(hear(c).hdr.type, 0);
	answer_result(ROLE_ENFORCER, id, 0, 2, "2 bans lifted");
	expect_result(c, 0, "1 pending command runs now; 1 address forgotten; "
	    "2 bans lifted");
	expect(c, C_END);

	say(c, C_KILL, 0, &t, sizeof(t));
	id = expect(peers[ROLE_ENFORCER], M_KILL).hdr.id;
	answer_result(ROLE_ENFORCER, id, 0, 5, "5 connections closed");
	expect_result(c, 0, "5 connections closed");
	expect(c, C_END);

	say(c, C_RELOAD, 0, NULL, 0);
	id = expect(peers[ROLE_PARENT], M_RELOAD).hdr.id;
	answer_result(ROLE_PARENT, id, 1, 0, "refract.conf:3: no");
	expect_result(c, 1, "refract.conf:3: no");
	expect(c, C_END);
	imsg_free(c);
	turn();
}

/* What can be asked of commands; `why` is put together from several. */
static void
test_commands(void **state)
{
	static const struct {
		enum role	role;
		uint32_t	what;
	} parts[] = {
		{ ROLE_ENFORCER, SHOW_BANS },
		{ ROLE_LEDGER, SHOW_WHY },
		{ ROLE_LEDGER, SHOW_LINES },
		{ ROLE_LEDGER, SHOW_PENDING }
	};
	struct imsgbuf *c = connect_client(1, NULL);
	struct msg_show show = { .what = SHOW_WHY };
	struct msg_flush flush = { .watch = "nobody" };
	struct msg_trigger trigger = { .watch = "nobody" };
	const struct msg_show *asked;
	struct imsg imsg;
	size_t i;

	(void)state;
	say(c, C_FLUSH, 0, &flush, sizeof(flush));
	expect_result(c, 1, "there is no watch \"nobody\"");
	expect(c, C_END);
	say(c, C_TRIGGER, 0, &trigger, sizeof(trigger));
	expect_result(c, 1, "there is no watch \"nobody\"");
	expect(c, C_END);
	flush.watch[0] = '\0';
	say(c, C_FLUSH, 0, &flush, sizeof(flush));
	imsg = expect(peers[ROLE_LEDGER], M_FLUSH);
	answer_result(ROLE_LEDGER, imsg.hdr.id, 0, 0, "0 pending commands "
	    "run now");
	expect_result(c, 0, "0 pending commands run now");
	expect(c, C_END);
	show.prefix = target("203.0.113.7").prefix;
	say(c, C_SHOW, 0, &show, sizeof(show));
	for (i = 0; i < 4; i++) {
		imsg = expect(peers[parts[i].role], M_SHOW);
		asked = imsg.data;
		assert_int_equal(asked->what, parts[i].what);
		assert_int_equal(asked->cursor, 0);
		assert_int_equal(asked->prefix.family, AF_INET);
		assert_int_equal(asked->by, parts[i].what == SHOW_PENDING ?
		    SHOW_BY_ALL : SHOW_BY_NONE);
		if (i == 1) {
			end_page(parts[i].role, imsg.hdr.id, 5);
			imsg = expect(peers[parts[i].role], M_SHOW);
			asked = imsg.data;
			assert_int_equal(asked->what, SHOW_WHY);
			assert_int_equal(asked->cursor, 5);
		}
		end_page(parts[i].role, imsg.hdr.id, 0);
	}
	expect(c, C_END);
	imsg_free(c);
	turn();
}

/* --- Bad clients --------------------------------------------------------- */

static void
test_rights(void **state)
{
	static const uint32_t types[] = { C_UNBAN, C_FORGIVE, C_KILL };
	struct imsgbuf *c = connect_client(0, NULL);
	struct msg_target t = target(NULL);
	struct ctl_ban ban = { .duration = 1 };
	struct msg_flush flush = { .watch = "" };
	struct msg_trigger trigger = { .watch = "xray" };
	uint32_t number = 0;
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		say(c, types[i], 0, &t, sizeof(t));
		expect_result(c, 1, "not allowed: uid 1000 may show and "
		    "monitor only");
		expect(c, C_END);
	}
	prefix_parse(&ban.prefix, "203.0.113.7");
	say(c, C_BAN, 0, &ban, sizeof(ban));
	expect(c, M_RESULT);
	expect(c, C_END);
	say(c, C_FLUSH, 0, &flush, sizeof(flush));
	expect(c, M_RESULT);
	expect(c, C_END);
	say(c, C_TRIGGER, 0, &trigger, sizeof(trigger));
	expect(c, M_RESULT);
	expect(c, C_END);
	say(c, C_RELOAD, 0, NULL, 0);
	expect(c, M_RESULT);
	expect(c, C_END);
	say(c, C_REOPEN, 0, NULL, 0);
	expect(c, M_RESULT);
	expect(c, C_END);
	say(c, C_VERBOSE, 0, &number, sizeof(number));
	expect(c, M_RESULT);
	expect(c, C_END);
	assert_int_equal(hear(peers[ROLE_ENFORCER]).hdr.type, 0);
	assert_int_equal(hear(peers[ROLE_PARENT]).hdr.type, 0);
	assert_int_equal(hear(peers[ROLE_PARSER]).hdr.type, 0);
	imsg_free(c);
	turn();
}

static void
test_garbage(void **state)
{
	struct imsgbuf *c = connect_client(1, NULL);
	struct msg_show show = { .what = SHOW_MAX };
	uint64_t refused = counters[COUNT_CTL_REFUSED];

	(void)state;
	assert_int_equal(write(imsg_fd(c), "GET / HTTP/1.0\r\n\r\n", 18), 18);
	expect_closed(c);
	c = connect_client(1, NULL);
	say(c, M_STOP, 0, NULL, 0);
	expect_closed(c);
	c = connect_client(1, NULL);
	say(c, C_SHOW, 0, &show, sizeof(show) - 1);
	expect_closed(c);
	c = connect_client(1, NULL);
	say(c, C_SHOW, 0, &show, sizeof(show));
	expect_closed(c);
	/* A second request while the first is at work. */
	c = connect_client(1, NULL);
	ask_show(c, SHOW_BANS);
	ask_show(c, SHOW_BANS);
	expect_result(c, 1, "one request at a time");
	expect_closed(c);
	assert_int_equal(counters[COUNT_CTL_REFUSED], refused + 5);
	assert_true(TAILQ_EMPTY(&clients));
}

/* Half a message, and gone in mid-answer: nothing stays. */
static void
test_vanish(void **state)
{
	struct imsgbuf *c = connect_client(1, NULL);
	struct msg_target t = target("203.0.113.7");
	uint64_t refused = counters[COUNT_CTL_REFUSED];
	uint32_t id;

	(void)state;
	assert_int_equal(write(imsg_fd(c), "\0\0\0", 3), 3);
	turn();
	imsg_free(c);
	turn();
	assert_true(TAILQ_EMPTY(&clients));
	assert_int_equal(counters[COUNT_CTL_REFUSED], refused);
	c = connect_client(1, NULL);
	say(c, C_UNBAN, 0, &t, sizeof(t));
	id = expect(peers[ROLE_ENFORCER], M_UNBAN).hdr.id;
	imsg_free(c);
	turn();
	assert_true(TAILQ_EMPTY(&clients));
	answer_result(ROLE_ENFORCER, id, 0, 1, "late");
}

static void
test_too_many(void **state)
{
	struct imsgbuf *c[CLIENTS_MAX], *more;
	int i;

	(void)state;
	for (i = 0; i < CLIENTS_MAX; i++)
		c[i] = connect_client(0, NULL);
	more = connect_client(0, NULL);
	expect_result(more, 1, "too many clients, try again");
	expect_closed(more);
	/* Root is let in all the same. */
	more = connect_client(1, NULL);
	ask_show(more, SHOW_BANS);
	expect(peers[ROLE_ENFORCER], M_SHOW);
	imsg_free(more);
	for (i = 0; i < CLIENTS_MAX; i++) {
		ask_show(c[i], SHOW_CONFIG);
		expect(peers[ROLE_PARENT], M_SHOW);
		imsg_free(c[i]);
	}
	turn();
	assert_true(TAILQ_EMPTY(&clients));
}

static void
test_timeout(void **state)
{
	struct client *client;
	struct imsgbuf *c = connect_client(1, &client);
	struct msg_target t = target(NULL);

	(void)state;
	say(c, C_KILL, 0, &t, sizeof(t));
	event_active(client->timer, EV_TIMEOUT, 0);
	expect_result(c, 1, "the enforcer does not answer");
	expect(c, C_END);
	/* Silent in between: closed. */
	event_active(client->timer, EV_TIMEOUT, 0);
	expect_closed(c);
	/* Counters that do not come are left out. */
	c = connect_client(0, &client);
	ask_show(c, SHOW_SUMMARY);
	event_active(client->timer, EV_TIMEOUT, 0);
	expect(c, M_ROW);
	expect(c, C_END);
	imsg_free(c);
	turn();
}

/* --- Monitor and audit log ----------------------------------------------- */

static void
test_monitor(void **state)
{
	struct client *client;
	struct imsgbuf *c = connect_client(0, &client);
	struct imsgbuf *offences = connect_client(0, NULL);
	uint32_t mask = 0;
	struct wire_event ev = { .at = 5, .outcome = BAN_APPLIED };
	const struct row_event *row;
	const struct row_notice *last = NULL;
	struct imsg imsg;
	int size = 4096, i;
	static struct row_notice copy;

	(void)state;
	say(c, C_MONITOR, 0, &mask, sizeof(mask));
	mask = 1u << NOTICE_OFFENCE;
	say(offences, C_MONITOR, 0, &mask, sizeof(mask));
	prefix_parse(&ev.ban.prefix, "203.0.113.7");
	strlcpy(ev.ban.subject, "root", sizeof(ev.ban.subject));
	ban_event(&ev);
	imsg = expect(c, M_ROW);
	row = (const void *)((const struct row_head *)imsg.data + 1);
	assert_string_equal(row->what, "ban");
	assert_string_equal(row->by, "root");
	assert_string_equal(row->event.ban.subject, "");
	assert_int_equal(hear(offences).hdr.type, 0);
	notice(NOTICE_OFFENCE, 0, "bob has two addresses");
	expect(offences, M_ROW);
	expect(c, M_ROW);
	/* A client that does not read misses some, and is told how many. */
	setsockopt(channel_fd(client->ch), SOL_SOCKET, SO_SNDBUF, &size,
	    sizeof(size));
	for (i = 0; i < 1000; i++)
		ban_event(&ev);
	assert_in_range(channel_queued(client->ch), 1, 128 * 1024);
	assert_in_range(client->dropped, 500, 999);
	i = (int)client->dropped;
	while ((imsg = hear(c)).hdr.type == M_ROW)
		if (((const struct row_head *)imsg.data)->what ==
		    SHOW_NOTICE) {
			memcpy(&copy, (const struct row_head *)imsg.data + 1,
			    sizeof(copy));
			last = &copy;
		}
	assert_non_null(last);
	assert_int_equal(last->notice.kind, NOTICE_DROPPED);
	assert_int_equal(atoi(last->notice.text), i);
	imsg_free(c);
	imsg_free(offences);
	turn();
}

static void
test_audit(void **state)
{
	struct wire_event ev = { .at = 1795266000123, .count = 2,
	    .outcome = BAN_APPLIED };
	char line[2048];
	int fds[2], full;
	ssize_t n;
	uint64_t dropped = counters[COUNT_CTL_AUDIT_DROPPED];

	(void)state;
	assert_int_equal(pipe2(fds, O_NONBLOCK), 0);
	prefix_parse(&ev.ban.prefix, "203.0.113.7");
	ev.ban.proto = IPPROTO_TCP;
	ev.ban.port = 443;
	ev.ban.id.watch = 1;
	ev.ban.end = 1795266060123;
	strlcpy(ev.ban.subject, "bob \"x\"\xff", sizeof(ev.ban.subject));
	audit_open(fds[1]);
	ban_event(&ev);
	n = read(fds[0], line, sizeof(line) - 1);
	assert_true(n > 0);
	line[n] = '\0';
	assert_string_equal(line, "2026-11-21T13:00:00.123+00:00 ban "
	    "203.0.113.7 tcp/443 watch \"(removed)\" user \"bob \\\"x\\\""
	    "\\377\" until 2026-11-21T13:01:00.123+00:00 killed 2\n");
	audit_json(1);
	ban_event(&ev);
	n = read(fds[0], line, sizeof(line) - 1);
	assert_true(n > 0);
	line[n] = '\0';
	assert_non_null(strstr(line, "\"user\":\"bob \\\"x\\\"\\ufffd\""));
	assert_int_equal(line[n - 1], '\n');
	audit_json(0);
	/* No room: counted, said in show, and over when there is room. */
	full = open("/dev/full", O_WRONLY);
	assert_int_not_equal(full, -1);
	audit_open(full);
	ban_event(&ev);
	ban_event(&ev);
	assert_int_equal(counters[COUNT_CTL_AUDIT_DROPPED], dropped + 2);
	assert_true(audit_failing());
	assert_int_equal(pipe2(fds, O_NONBLOCK), 0);
	audit_open(fds[1]);
	ban_event(&ev);
	assert_false(audit_failing());
	audit_open(-1);
	close(fds[0]);
}

int
main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	static const struct CMUnitTest tests[] = {
		TEST(test_pages),
		TEST(test_slow_reader),
		TEST(test_absent),
		TEST(test_metrics),
		TEST(test_summary),
		TEST(test_ban),
		TEST(test_targets),
		TEST(test_commands),
		TEST(test_rights),
		TEST(test_garbage),
		TEST(test_vanish),
		TEST(test_too_many),
		TEST(test_timeout),
		TEST(test_monitor),
		TEST(test_audit)
	};

	setenv("TZ", "UTC", 1);
	tzset();
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

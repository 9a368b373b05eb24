/*
 * What control does for the mux: rows of the shared table, commands to every
 * worker, connections asked for worker by worker, the access log.
 */
/* LINK: refractd/control_client.o refractd/control_route.o */
/* LINK: refractd/control_ban.o */
/* LINK: refractd/control_monitor.o refractd/control_audit.o */
/* LINK: refractd/ctl_buf.o refractd/ctl_output.o refractd/ctl_field.o */
/* LINK: refractd/ctl_columns.o refractd/control_mux.o */
/* LINK: refractd/control_access.o refractd/control_resolve.o */
/* LINK: refractd/control_answer.o */
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
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "channel.h"
#include "child.h"
#include "control_access.h"
#include "control_ban.h"
#include "control_client.h"
#include "control_mux.h"
#include "control_route.h"
#include "imsg.h"
#include "shared.h"

#define WORKERS	2

const char	*route_probe_name(int);

struct event_base	*child_base;
struct channel		*child_parent;

static struct channel	*workers[WORKERS];
static struct imsgbuf	*peers[WORKERS];
static struct conf	*conf;
static struct imsgbuf	*client;
static struct channel	*ledger;

struct channel *
child_channel(enum role role, int bulk)
{
	if (role == ROLE_LEDGER)
		return ledger;
	return role == ROLE_MUX && !bulk ? workers[0] : NULL;
}

struct channel *
child_worker(unsigned int i)
{
	return i < WORKERS ? workers[i] : NULL;
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

const char *
route_probe_name(int number)
{
	return number == 1 ? "tls" : NULL;
}

static void
turn(void)
{
	int	i;

	for (i = 0; i < 8; i++)
		event_base_loop(child_base, EVLOOP_NONBLOCK);
}

static void
say(struct imsgbuf *buf, uint32_t type, uint32_t id, const void *data,
    size_t len)
{
	assert_int_equal(imsg_compose(buf, type, id, -1, data, len), 0);
	imsg_flush(buf);
	turn();
}

static struct imsg
expect(struct imsgbuf *buf, uint32_t type)
{
	struct imsg	imsg;

	memset(&imsg, 0, sizeof(imsg));
	turn();
	if (imsg_get(buf, &imsg) != 1) {
		imsg_read(buf);
		if (imsg_get(buf, &imsg) != 1)
			imsg.hdr.type = 0;
	}
	if (imsg.hdr.type != type)
		fail_msg("got %s (%u), wanted %s", msg_name(imsg.hdr.type),
		    imsg.hdr.type, msg_name(type));
	return imsg;
}

static const void *
expect_row(uint32_t what)
{
	struct imsg		 imsg = expect(client, M_ROW);
	const struct row_head	*head = imsg.data;

	assert_int_equal(head->what, what);
	return head + 1;
}

static void
ask(uint32_t what)
{
	struct msg_show	show = { .what = what };

	say(client, C_SHOW, 0, &show, sizeof(show));
}

static struct conf_member *
add_member(struct conf_pool *p, const char *addr, uint16_t port, uint32_t slot)
{
	struct conf_member	*m = calloc(1, sizeof(*m));

	assert_non_null(m);
	assert_int_equal(prefix_parse(&m->w.addr, addr), 0);
	m->w.port = port;
	m->w.id = slot;
	m->w.slot = slot;
	m->w.weight = 1;
	TAILQ_INSERT_TAIL(&p->members, m, entry);
	return m;
}

static void
build_conf(void)
{
	struct conf_listener	*l = conf_listener_new();
	struct conf_pool	*p = conf_pool_new();
	struct conf_route	*r = conf_route_new();
	struct conf_bind	*b = calloc(1, sizeof(*b));

	conf = conf_new();
	strlcpy(l->w.name, "front", sizeof(l->w.name));
	l->w.slot = 5;
	l->w.log = 1;
	assert_int_equal(prefix_parse(&b->w.addr, "192.0.2.1"), 0);
	b->w.port = 443;
	TAILQ_INSERT_TAIL(&l->binds, b, entry);
	strlcpy(p->w.name, "web", sizeof(p->w.name));
	add_member(p, "10.0.0.1", 80, 7);
	add_member(p, "10.0.0.2", 80, 8);
	add_member(p, "10.0.0.2", 81, 9);
	strlcpy(r->w.label, "tls", sizeof(r->w.label));
	r->w.slot = 6;
	r->w.action = ROUTE_TO;
	r->w.pool = p->w.id;
	TAILQ_INSERT_TAIL(&l->routes, r, entry);
	TAILQ_INSERT_TAIL(&conf->mux.listeners, l, entry);
	TAILQ_INSERT_TAIL(&conf->mux.pools, p, entry);
}

/* Once: both as the parent and as control. */
static int
group_setup(void **state)
{
	int	fd = shared_create();

	(void)state;
	assert_int_not_equal(fd, -1);
	mux_table(dup(fd));
	/* What control has cannot be written: the workers' own can. */
	assert_int_equal(shared_map(fd), 0);
	close(fd);
	child_base = event_base_new();
	proc_set_role(ROLE_CONTROL);
	proc_set_state(STATE_RUNNING);
	access_init(child_base);
	route_init();
	return 0;
}

static const struct handler	handlers[] = {
	{ M_ROW, route_row },
	{ M_SHOW_END, route_show_end },
	{ 0, NULL }
};

static int
setup(void **state)
{
	int	fds[2], i;

	(void)state;
	build_conf();
	for (i = 0; i < WORKERS; i++) {
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM |
		    SOCK_NONBLOCK, 0, fds), 0);
		workers[i] = channel_new(child_base, fds[0], ROLE_MUX,
		    handlers);
		channel_setindex(workers[i], (unsigned int)i);
		peers[i] = imsg_new(fds[1]);
	}
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
	    fds), 0);
	assert_non_null(client_new(fds[0], 1, "root"));
	client = imsg_new(fds[1]);
	return 0;
}

static int
teardown(void **state)
{
	int	i;

	(void)state;
	clients_stop();
	imsg_free(client);
	for (i = 0; i < WORKERS; i++) {
		channel_free(workers[i]);
		imsg_free(peers[i]);
	}
	conf_free(conf);
	return 0;
}

static void
test_listeners(void **state)
{
	struct shared_listener		*s = shared_listener(5);
	const struct row_listener	*row;

	(void)state;
	atomic_store(&s->connections, 3);
	atomic_store(&s->total, 10);
	atomic_store(&s->bytes[1], 77);
	atomic_store(&s->limited[LIMIT_ADDRESS - 1], 4);
	atomic_store(&s->limited[LIMIT_RATE - 1], 1);
	atomic_store(&s->ended[END_IDLE], 2);
	ask(SHOW_LISTENERS);
	row = expect_row(SHOW_LISTENERS);
	assert_string_equal(row->name, "front");
	assert_string_equal(row->on, "192.0.2.1 port 443");
	assert_int_equal(row->connections, 3);
	assert_int_equal(row->total, 10);
	assert_int_equal(row->bytes[1], 77);
	assert_int_equal(row->limited, 5);
	assert_int_equal(row->limits[1], 4);
	assert_int_equal(row->ended[END_IDLE], 2);
	expect(client, C_END);
}

static void
test_pools(void **state)
{
	struct shared_member	*s = shared_member(7);
	const struct row_member	*row;
	const struct row_route	*route;
	int			 i;

	(void)state;
	for (i = 0; i < 100; i++)
		hist_add(&s->connect, i < 98 ? 1000 : 90000);
	atomic_store(&s->down, 1);
	atomic_store(&s->down_since, (uint64_t)mono_now().ms - 5000);
	atomic_store(&shared_member(8)->admin, MEMBER_DRAIN);
	/* Nonsense of a worker that was taken over is only shown. */
	atomic_store(&shared_member(9)->admin, 12345);
	ask(SHOW_POOLS);
	row = expect_row(SHOW_POOLS);
	assert_string_equal(row->pool, "web");
	assert_string_equal(row->name, "10.0.0.1 port 80");
	assert_int_equal(row->state, MEMBER_DOWN);
	assert_in_range(wall_now() - row->since, 4900, 8000);
	assert_in_range(row->latency.connect[0], 800, 1200);
	assert_in_range(row->latency.connect[1], 73000, 108000);
	assert_int_equal(row->latency.first[0], 0);
	row = expect_row(SHOW_POOLS);
	assert_int_equal(row->state, MEMBER_DRAINS);
	assert_int_equal(row->since, 0);
	row = expect_row(SHOW_POOLS);
	assert_int_equal(row->state, MEMBER_UP);
	expect(client, C_END);
	ask(SHOW_ROUTES);
	route = expect_row(SHOW_ROUTES);
	assert_string_equal(route->label, "tls");
	assert_string_equal(route->to, "web");
	expect(client, C_END);
}

static void
admin(uint32_t what, const char *name, const char *member)
{
	struct ctl_pool	m = { .admin = what };

	strlcpy(m.name, name, sizeof(m.name));
	strlcpy(m.member, member, sizeof(m.member));
	say(client, C_POOL, 0, &m, sizeof(m));
}

static void
expect_admin(uint32_t what, uint32_t slot)
{
	const struct msg_mux_admin	*m;
	struct imsg			 imsg;
	int				 i;

	for (i = 0; i < WORKERS; i++) {
		imsg = expect(peers[i], M_MUX_ADMIN);
		m = imsg.data;
		assert_int_equal(m->admin, what);
		assert_int_equal(m->member, slot);
	}
}

static void
expect_result(int code, unsigned int count, const char *text)
{
	struct imsg			 imsg = expect(client, M_RESULT);
	const struct msg_outcome	*res = imsg.data;

	assert_string_equal(res->text, text);
	assert_int_equal(res->code, code);
	assert_int_equal(res->count, count);
	expect(client, C_END);
}

static void
test_admin(void **state)
{
	(void)state;
	admin(MEMBER_DRAIN, "web", "10.0.0.1");
	expect_admin(MEMBER_DRAIN, 7);
	expect_result(0, 1, "pool web: 10.0.0.1 port 80 is draining");
	admin(MEMBER_DISABLED, "web", "10.0.0.2 port 81");
	expect_admin(MEMBER_DISABLED, 9);
	expect_result(0, 1, "pool web: 10.0.0.2 port 81 is disabled");
	admin(MEMBER_ENABLED, "web", "10.0.0.2");
	expect_admin(MEMBER_ENABLED, 8);
	expect_admin(MEMBER_ENABLED, 9);
	expect_result(0, 2, "pool web: 2 members are enabled");
	admin(MEMBER_ENABLED, "w\033eb", "");
	expect_result(1, 0, "there is no pool \"w\\033eb\"");
	admin(MEMBER_ENABLED, "web", "10.0.0.3");
	expect_result(1, 0, "there is no such member in the pool: "
	    "\"10.0.0.3\"");
}

/* One worker after the other, each by its own cursor. */
static void
test_connections(void **state)
{
	struct {
		struct row_head		head;
		struct row_connection	row;
	} m = { .head = { SHOW_CONNECTIONS, 0 } };
	const struct row_connection	*row;
	const struct msg_show		*show;
	struct msg_show			 end;
	struct imsg			 imsg;

	(void)state;
	ask(SHOW_CONNECTIONS);
	imsg = expect(peers[0], M_SHOW);
	m.row.id = 100;
	say(peers[0], M_ROW, imsg.hdr.id, &m, sizeof(m));
	show = imsg.data;
	end = *show;
	end.cursor = 164;
	say(peers[0], M_SHOW_END, imsg.hdr.id, &end, sizeof(end));
	imsg = expect(peers[0], M_SHOW);
	show = imsg.data;
	assert_int_equal(show->cursor, 164);
	end.cursor = 0;
	say(peers[0], M_SHOW_END, imsg.hdr.id, &end, sizeof(end));
	imsg = expect(peers[1], M_SHOW);
	show = imsg.data;
	assert_int_equal(show->cursor, 0);
	m.row.id = 101;
	say(peers[1], M_ROW, imsg.hdr.id, &m, sizeof(m));
	say(peers[1], M_SHOW_END, imsg.hdr.id, &end, sizeof(end));
	row = expect_row(SHOW_CONNECTIONS);
	assert_int_equal(row->id, 100);
	row = expect_row(SHOW_CONNECTIONS);
	assert_int_equal(row->id, 101);
	expect(client, C_END);
}

static struct msg_mux_access
record(void)
{
	struct msg_mux_access	m = {
		.at = 1,
		.lasted = 1500,
		.waited = -1,
		.id = 65,
		.member = 8,
		.from_port = 1234,
		.why = END_IDLE,
		.proto = 1
	};

	m.listener = TAILQ_FIRST(&conf->mux.listeners)->w.id;
	assert_int_equal(prefix_parse(&m.from, "2001:db8::1"), 0);
	strlcpy(m.name, "a\\^[b.test", sizeof(m.name));
	strlcpy(m.listener_name, "front", sizeof(m.listener_name));
	return m;
}

static uint32_t
told(int worker)
{
	struct imsg	imsg = expect(peers[worker], M_MUX_MONITOR);
	uint32_t	what;

	memcpy(&what, imsg.data, sizeof(what));
	return what;
}

static const char *
written(int fd)
{
	static char	text[4096];
	ssize_t		n;

	access_flush();
	n = read(fd, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void
test_log(void **state)
{
	struct msg_mux_access	m = record();
	uint64_t		lines = counters[COUNT_ACCESS_LINES];
	uint64_t		dropped = counters[COUNT_ACCESS_DROPPED];
	int			fds[2];

	(void)state;
	assert_int_equal(pipe2(fds, O_NONBLOCK), 0);
	access_open(dup(fds[1]), ACCESS_AS_LINE);
	assert_int_equal(told(0), MUX_TELL_LOG);
	assert_int_equal(told(1), MUX_TELL_LOG);
	access_record(&m, 1);
	assert_string_equal(written(fds[0]), "1970-01-01T00:00:00.001+00:00 "
	    "listen \"front\" from [2001:db8::1]:1234 protocol \"tls\" "
	    "name \"a\\^[b.test\" pool \"web\" member \"10.0.0.2 port 80\" "
	    "lasted 1.500s in 0 out 0 end \"idle\"\n");
	access_open(dup(fds[1]), ACCESS_AS_JSON);
	/* A member that is gone. */
	m.member = 99;
	access_record(&m, 1);
	assert_non_null(strstr(written(fds[0]), "\"member\":\"(removed)\""));
	assert_int_equal(counters[COUNT_ACCESS_LINES], lines + 2);
	/* A listener that is not to be logged. */
	TAILQ_FIRST(&conf->mux.listeners)->w.log = 0;
	access_record(&m, 1);
	assert_string_equal(written(fds[0]), "");
	TAILQ_FIRST(&conf->mux.listeners)->w.log = 1;
	/* No room. */
	access_open(open("/dev/full", O_WRONLY), ACCESS_AS_LINE);
	access_record(&m, 1);
	access_record(&m, 1);
	access_flush();
	assert_int_equal(counters[COUNT_ACCESS_DROPPED], dropped + 2);
	access_open(dup(fds[1]), ACCESS_NOWHERE);
	assert_int_equal(told(0), 0);
	access_record(&m, 1);
	assert_string_equal(written(fds[0]), "");
	close(fds[0]);
	close(fds[1]);
}

static void
test_monitor(void **state)
{
	uint32_t			 mask = 0x80000000u;
	struct msg_mux_access		 m = record();
	const struct row_access		*row;

	(void)state;
	say(client, C_MONITOR, 0, &mask, sizeof(mask));
	assert_int_equal(told(0), MUX_TELL_ALL);
	assert_int_equal(told(1), MUX_TELL_ALL);
	access_record(&m, 1);
	row = expect_row(SHOW_ACCESS);
	assert_string_equal(row->why, "idle");
	assert_int_equal(row->worker, 1);
	assert_true(row->waited == UINT64_MAX);
	/* Nobody watches any more: the next record is the last. */
	clients_stop();
	access_record(&m, 1);
	assert_int_equal(told(0), 0);
	assert_int_equal(told(1), 0);
}

/* Did the ledger hear of it? */
static int
is_passed(struct imsgbuf *to, const struct msg_decision *d)
{
	struct imsg	imsg;

	ban_mux_decision(d);
	turn();
	if (imsg_get(to, &imsg) != 1) {
		imsg_read(to);
		if (imsg_get(to, &imsg) != 1)
			return 0;
	}
	return imsg.hdr.type == M_DECISION;
}

/* A restart applies what is recorded: no more than the listener may ask. */
static void
test_decisions(void **state)
{
	struct conf_listener	*l = TAILQ_FIRST(&conf->mux.listeners);
	struct conf_offence	*o = calloc(1, sizeof(*o));
	struct msg_decision	 good, d;
	struct imsgbuf		*to;
	int			 fds[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
	    fds), 0);
	ledger = channel_new(child_base, fds[0], ROLE_LEDGER, handlers);
	to = imsg_new(fds[1]);
	l->w.hash = 77;
	memset(&good, 0, sizeof(good));
	good.ban.id.watch = 77;
	good.ban.start = wall_now();
	good.ban.end = good.ban.start + 600000;
	assert_int_equal(prefix_parse(&good.ban.prefix, "192.0.2.9"), 0);
	good.ban.offender = good.ban.prefix;

	assert_false(is_passed(to, &good));	/* it bans nobody */
	assert_non_null(o);
	o->w.kind = OFFENCE_UNKNOWN;
	o->w.ban = 600000;
	TAILQ_INSERT_TAIL(&l->offences, o, entry);
	assert_true(is_passed(to, &good));
	d = good;
	assert_int_equal(prefix_parse(&d.ban.prefix, "192.0.0.0/8"), 0);
	assert_false(is_passed(to, &d));
	d = good;
	assert_int_equal(prefix_parse(&d.ban.offender, "192.0.2.8"), 0);
	assert_false(is_passed(to, &d));
	d = good;
	d.ban.end = WALL_FOREVER;
	assert_false(is_passed(to, &d));
	d = good;
	d.ban.id.watch = 0;			/* the operator's */
	assert_false(is_passed(to, &d));
	d = good;
	d.no_ban = 1;
	assert_false(is_passed(to, &d));
	d = good;
	d.nports = 1;
	d.ports[0] = (struct wire_port){ 443, IPPROTO_TCP, 0 };
	assert_false(is_passed(to, &d));
	assert_true(is_passed(to, &good));
	channel_free(ledger);
	ledger = NULL;
	imsg_free(to);
}

int
main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	static const struct CMUnitTest	tests[] = {
		TEST(test_listeners),
		TEST(test_pools),
		TEST(test_admin),
		TEST(test_connections),
		TEST(test_log),
		TEST(test_monitor),
		TEST(test_decisions)
	};

	setenv("TZ", "UTC", 1);
	tzset();
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, group_setup, NULL);
}

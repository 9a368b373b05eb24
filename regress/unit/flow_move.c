/*
 * What a worker takes of another one's flows, which may be hostile: the socket
 * has to be one of UDP that is connected to a member that our configuration
 * has behind that listener.
 */
/* LINK: refract-mux/flow_move.o */
#include <sys/socket.h>

#include <netinet/in.h>

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "child.h"
#include "flow.h"
#include "listener.h"
#include "shared.h"
#include "tap.h"

#define ROUTE	3
#define MEMBER	5
#define LATER	(1ULL << 60)

struct conns			 conns = TAILQ_HEAD_INITIALIZER(conns);
struct channel			*child_parent;

static struct shared_listener	 shared_l;
static struct shared_route	 shared_r[2];
static struct shared_member	 shared_m;
static struct wire_listener	 wire_l = { .idle = 1000 };
static struct wire_bind		 wire_b;
static struct wire_member	 wire_m = { .slot = MEMBER };
static struct wire_route	 wire_r[2] = {
	{ .slot = ROUTE + 1, .action = ROUTE_TO },
	{ .slot = ROUTE, .action = ROUTE_TO }
};
static struct member		 member = { .w = &wire_m,
				    .shared = &shared_m, .naddrs = 1 };
static struct pool		 pool;
static struct route		 routes[2] = {
	{ .w = &wire_r[0], .shared = &shared_r[0], .pool = &pool },
	{ .w = &wire_r[1], .shared = &shared_r[1], .pool = &pool }
};
static struct listener		 listener = { .w = &wire_l,
				    .shared = &shared_l };
static struct dsock		 dsock = { .fd = -1, .bind = 7 };
static struct flow		 flow;
static struct msg_mux_flow	 good, said;
static int			 server = -1, nflows, said_fd, nmessages;
static int			 is_known, is_full, has_port;
static enum end_reason		 ended;

/* What flow_move.c calls. */

uint64_t
wheel_now(void)
{
	return 1000;
}

uint64_t
mux_now_us(void)
{
	return 1000000;
}

int
listener_full(void)
{
	return is_full;
}

struct member *
pool_member(struct pool *p, uint32_t slot)
{
	assert_ptr_equal(p, &pool);
	return slot == MEMBER ? &member : NULL;
}

void
shared_return(const struct wire_listener *l, const struct prefix *addr,
    uint64_t now, ticket_t *ticket)
{
	(void)addr;
	(void)now;
	assert_ptr_equal(l, &wire_l);
	*ticket = 1;
}

struct flow *
flow_find(const struct flow_key *k)
{
	assert_int_equal(k->bind, 7);
	return is_known ? &flow : NULL;
}

struct flow *
flow_new(struct dsock *s, struct listener *l, const struct wire_bind *b,
    const struct flow_key *k, ticket_t ticket)
{
	(void)b;
	memset(&flow, 0, sizeof(flow));
	flow.s = s;
	flow.c.l = l;
	flow.c.from = k->from;
	flow.c.to = k->to;
	flow.c.from_port = k->port;
	flow.c.ticket = ticket;
	flow.c.state = CONN_PEEK;
	flow.c.is_flow = 1;
	nflows++;
	return &flow;
}

int
flow_port(struct flow *f)
{
	assert_non_null(f->c.r);
	return has_port;
}

void
flow_timer(struct conn *c)
{
	assert_int_equal(c->state, CONN_RELAY);
}

void
conn_rename(struct conn *c, uint64_t id)
{
	c->id = id;
}

void
conn_end(struct conn *c, enum end_reason why)
{
	(void)c;
	ended = why;
}

int
conn_give(struct conn *c)
{
	TAILQ_REMOVE(&conns, c, entry);
	return c->server.fd;
}

void
side_add(struct side *s, int fd, int out)
{
	assert_int_equal(out, 0);
	assert_true(s->passed);
	s->fd = fd;
}

void
tap_begin(struct conn *c)
{
	(void)c;
}

void
channel_send_fd(struct channel *ch, uint32_t type, uint32_t id, int fd,
    const void *data, size_t len)
{
	(void)ch;
	(void)id;
	assert_int_equal(type, M_MUX_FLOW);
	assert_int_equal(len, sizeof(said));
	assert_null(check_mux_flow(data, len));
	memcpy(&said, data, len);
	said_fd = fd;
	nmessages++;
}

/* A socket of ours; to: connected to there. */
static int
sock(int type, const struct sockaddr_in *to)
{
	int	fd;

	assert_int_not_equal(fd = socket(AF_INET, type, 0), -1);
	if (to != NULL)
		assert_int_equal(connect(fd, (const struct sockaddr *)to,
		    sizeof(*to)), 0);
	return fd;
}

static struct sockaddr_in
name_of(int fd)
{
	struct sockaddr_in	sin;
	socklen_t		len = sizeof(sin);

	assert_int_equal(getsockname(fd, (struct sockaddr *)&sin, &len), 0);
	return sin;
}

static int
setup(void **state)
{
	struct sockaddr_in	sin = { .sin_family = AF_INET,
				    .sin_addr.s_addr = htonl(0x7f000001) };

	(void)state;
	server = sock(SOCK_DGRAM, NULL);
	assert_int_equal(bind(server, (struct sockaddr *)&sin, sizeof(sin)),
	    0);
	sin = name_of(server);
	addr_from_sockaddr(&member.addrs[0], (struct sockaddr *)&sin,
	    &wire_m.port);
	wire_m.kind = MEMBER_ADDRESS;
	member.naddrs = 1;
	listener.routes.list = routes;
	listener.routes.n = 2;
	memset(&good, 0, sizeof(good));
	assert_int_equal(prefix_parse(&good.from, "192.0.2.1"), 0);
	assert_int_equal(prefix_parse(&good.to, "192.0.2.2"), 0);
	good.from_port = 4000;
	good.route = ROUTE;
	good.member = MEMBER;
	good.bytes[0] = 10;
	good.bytes[1] = 20;
	good.id = 640;
	good.flags = FLOW_FLAGS;
	good.nid = good.id_is = 3;
	strlcpy(good.name, "example.com", sizeof(good.name));
	strlcpy(good.alpn, "h3", sizeof(good.alpn));
	nflows = nmessages = is_known = is_full = 0;
	has_port = 1;
	ended = END_MAX;
	atomic_store(&shared_m.admin, MEMBER_ENABLED);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	close(server);
	return 0;
}

static int
is_open(int fd)
{
	return fcntl(fd, F_GETFD) != -1;
}

/* Not taken, and nothing of it stays. */
static void
refused(const struct msg_mux_flow *m, int fd)
{
	int	before = nflows;

	flow_take(&dsock, &listener, &wire_b, m, fd);
	assert_int_equal(nflows, before);
	assert_false(is_open(fd));
}

static int
good_fd(void)
{
	struct sockaddr_in	sin = name_of(server);

	return sock(SOCK_DGRAM, &sin);
}

static void
free_names(void)
{
	free(flow.c.sni);
	free(flow.c.hello);
}

static void
test_taken(void **state)
{
	int	fd = good_fd();

	(void)state;
	good.active = LATER;
	flow_take(&dsock, &listener, &wire_b, &good, fd);
	assert_int_equal(nflows, 1);
	assert_int_equal(flow.c.server.fd, fd);
	assert_ptr_equal(flow.c.r, &routes[1]);
	assert_ptr_equal(flow.c.m, &member);
	assert_int_equal(flow.c.id, 640);
	assert_int_equal(flow.c.active, 1000);
	assert_int_equal(flow.c.told[1], 20);
	assert_string_equal(flow.c.sni, "example.com");
	assert_string_equal(flow.c.hello->alpn, "h3");
	assert_true(flow.is_told && flow.answered && flow.greased);
	assert_int_equal(atomic_load(&shared_r[1].connections), 1);
	free_names();
	close(fd);
}

/* Given by one is what another takes. */
static void
test_given(void **state)
{
	int	fd = good_fd();

	(void)state;
	flow_take(&dsock, &listener, &wire_b, &good, fd);
	TAILQ_INSERT_TAIL(&conns, &flow.c, entry);
	assert_int_equal(flow_give(&dsock, 1), 0);
	assert_int_equal(nmessages, 1);
	assert_int_equal(said_fd, fd);
	assert_int_equal(said.shard, 1);
	assert_int_equal(said.bind, 7);
	said.shard = good.shard;
	said.bind = good.bind;
	assert_memory_equal(&said, &good, sizeof(said));
	free_names();
	close(fd);
}

static void
test_page(void **state)
{
	static struct flow	list[MUX_MOVE_FLOWS + 2];
	unsigned int		i;

	(void)state;
	for (i = 0; i < MUX_MOVE_FLOWS + 2; i++) {
		list[i].s = &dsock;
		list[i].c.is_flow = 1;
		list[i].c.state = CONN_RELAY;
		list[i].c.r = &routes[0];
		list[i].c.m = &member;
		list[i].c.from = list[i].c.to = good.from;
		list[i].c.from_port = 1;
		TAILQ_INSERT_TAIL(&conns, &list[i].c, entry);
	}
	assert_int_equal(flow_give(&dsock, 0), 1);
	assert_int_equal(nmessages, MUX_MOVE_FLOWS);
	assert_int_equal(flow_give(&dsock, 0), 0);
	assert_int_equal(nmessages, MUX_MOVE_FLOWS + 2);
}

static void
test_socket(void **state)
{
	struct sockaddr_in	sin = name_of(server);
	int			pipes[2], tcp;

	(void)state;
	refused(&good, sock(SOCK_DGRAM, NULL));
	sin.sin_port = htons((uint16_t)(ntohs(sin.sin_port) ^ 1));
	refused(&good, sock(SOCK_DGRAM, &sin));
	sin = name_of(server);
	sin.sin_addr.s_addr = htonl(0x7f000002);
	refused(&good, sock(SOCK_DGRAM, &sin));
	tcp = sock(SOCK_STREAM, NULL);
	refused(&good, tcp);
	assert_int_equal(pipe(pipes), 0);
	refused(&good, pipes[0]);
	close(pipes[1]);
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, pipes), 0);
	refused(&good, pipes[0]);
	close(pipes[1]);
}

static void
test_name(void **state)
{
	struct sockaddr_in	sin = name_of(server);
	int			fd = good_fd();

	(void)state;
	wire_m.kind = MEMBER_NAME;
	member.naddrs = 0;
	sin.sin_port ^= 1;
	refused(&good, sock(SOCK_DGRAM, &sin));
	flow_take(&dsock, &listener, &wire_b, &good, fd);
	assert_int_equal(nflows, 1);
	free_names();
	close(fd);
}

static void
test_places(void **state)
{
	struct msg_mux_flow	m = good;
	int			fd;

	(void)state;
	m.member = MEMBER + 1;
	refused(&m, good_fd());
	m.member = UINT32_MAX;
	refused(&m, good_fd());
	m = good;
	m.route = UINT32_MAX;		/* another one leads there too */
	fd = good_fd();
	flow_take(&dsock, &listener, &wire_b, &m, fd);
	assert_ptr_equal(flow.c.r, &routes[0]);
	free_names();
	close(fd);
	atomic_store(&shared_m.admin, MEMBER_DISABLED);
	refused(&good, good_fd());
	atomic_store(&shared_m.admin, MEMBER_ENABLED);
	is_known = 1;
	refused(&good, good_fd());
	is_known = 0;
	is_full = 1;
	refused(&good, good_fd());
	is_full = 0;
	listener.routes.n = 0;
	refused(&good, good_fd());
}

static void
test_ports(void **state)
{
	int	fd = good_fd();

	(void)state;
	has_port = 0;
	flow_take(&dsock, &listener, &wire_b, &good, fd);
	assert_int_equal(ended, END_LIMIT);
	assert_false(is_open(fd));
	free_names();
	fd = good_fd();
	flow_take(&dsock, NULL, &wire_b, &good, fd);
	assert_false(is_open(fd));
}

#define T(t)	cmocka_unit_test_setup_teardown(t, setup, teardown)

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		T(test_taken), T(test_given), T(test_page), T(test_socket),
		T(test_name), T(test_places), T(test_ports)
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

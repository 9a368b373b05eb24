/*
 * A shard of a listener goes to another worker, and its flows with it: a
 * message for each, with the socket that is connected to its member, so that
 * neither side sees a difference.  What the other worker says of a flow is
 * held against our own configuration, which is the one in use: it goes on
 * under that.
 */
#include <sys/socket.h>

#include <netinet/in.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "flow.h"
#include "listener.h"
#include "log.h"
#include "tap.h"

/* Giving. */

static uint8_t
flags_of(const struct flow *f)
{
	return (uint8_t)((f->answered ? FLOW_ANSWERED : 0) |
	    (f->is_told ? FLOW_TOLD : 0) | (f->takes_runs ? FLOW_RUNS : 0) |
	    (f->alone[WAY_IN] ? FLOW_ALONE_IN : 0) |
	    (f->alone[WAY_OUT] ? FLOW_ALONE_OUT : 0) |
	    (f->greased ? FLOW_GREASED : 0) |
	    (f->c.hello != NULL ? FLOW_HELLO : 0));
}

static void
put_names(struct msg_mux_flow *m, const struct conn *c)
{
	if (c->sni != NULL)
		strlcpy(m->name, c->sni, sizeof(m->name));
	if (c->hello == NULL)
		return;
	m->version = c->hello->version;
	memcpy(m->alpn, c->hello->alpn, sizeof(m->alpn));
	memcpy(m->ja4, c->hello->ja4, sizeof(c->hello->ja4));
}

static void
give(struct flow *f, uint32_t shard)
{
	const struct conn	*c = &f->c;
	struct msg_mux_flow	 m = {
		.id = c->id, .began = c->began, .joined = c->joined,
		.active = c->active, .began_connect = c->began_connect,
		.noted = f->noted, .bytes = { c->bytes[0], c->bytes[1] },
		.bind = f->s->bind, .shard = shard, .route = c->r->w->slot,
		.member = c->m->w->slot, .ifindex = f->ifindex,
		.from_port = c->from_port, .asked = f->asked,
		.from = c->from, .to = c->to, .proto = c->proto,
		.flags = flags_of(f), .id_is = f->id_is, .nid = f->nid
	};

	memcpy(m.known, f->id, sizeof(m.known));
	put_names(&m, c);
	channel_send_fd(child_parent, M_MUX_FLOW, 0, conn_give(&f->c), &m,
	    sizeof(m));
}

int
flow_give(struct dsock *s, uint32_t shard)
{
	struct conn	*c, *next;
	struct flow	*f;
	unsigned int	 n = 0;

	TAILQ_FOREACH_SAFE(c, &conns, entry, next) {
		f = (struct flow *)(void *)c;
		if (!c->is_flow || f->s != s)
			continue;
		if (c->state != CONN_RELAY) {
			conn_end(c, END_STOP);
			continue;
		}
		if (n++ == MUX_MOVE_FLOWS)
			return 1;
		give(f, shard);
	}
	return 0;
}

/* Taking. */

/* The rule that it was, or one that leads there too. */
static int
find_way(struct listener *l, const struct msg_mux_flow *w, struct route **rp,
    struct member **mp)
{
	struct route	*r;
	struct member	*m;
	unsigned int	 i;

	*rp = NULL;
	for (i = 0; i < l->routes.n; i++) {
		r = &l->routes.list[i];
		if (r->w->action != ROUTE_TO || r->pool == NULL ||
		    (m = pool_member(r->pool, w->member)) == NULL ||
		    atomic_load(&m->shared->admin) == MEMBER_DISABLED)
			continue;
		if (*rp == NULL || r->w->slot == w->route) {
			*rp = r;
			*mp = m;
		}
	}
	return *rp != NULL;
}

static int
option(int fd, int name)
{
	int		value = -1;
	socklen_t	len = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, name, &value, &len) == -1 ? -1 :
	    value;
}

/* A name that means nothing yet, to a worker that is new, may be anywhere. */
static int
is_at(const struct member *m, const struct prefix *addr, uint16_t port)
{
	unsigned int	i;

	if (port != m->w->port)
		return 0;
	for (i = 0; i < m->naddrs; i++)
		if (memcmp(&m->addrs[i], addr, sizeof(*addr)) == 0)
			return 1;
	return m->w->kind == MEMBER_NAME && m->naddrs == 0;
}

static int
is_connected(int fd, const struct member *m)
{
	struct sockaddr_storage	ss;
	socklen_t		len = sizeof(ss);
	struct prefix		addr;
	uint16_t		port;

	return option(fd, SO_TYPE) == SOCK_DGRAM &&
	    option(fd, SO_PROTOCOL) == IPPROTO_UDP &&
	    getpeername(fd, (struct sockaddr *)&ss, &len) == 0 &&
	    addr_from_sockaddr(&addr, (struct sockaddr *)&ss, &port) == 0 &&
	    is_at(m, &addr, port);
}

static uint64_t
not_later(uint64_t t, uint64_t now)
{
	return t < now ? t : now;
}

static void
take_state(struct flow *f, const struct msg_mux_flow *m)
{
	struct conn	*c = &f->c;
	uint64_t	 now = wheel_now();
	int		 way;

	c->began = not_later(m->began, now);
	c->joined = not_later(m->joined, now);
	c->active = not_later(m->active, now);
	c->began_connect = not_later(m->began_connect, mux_now_us());
	for (way = WAY_IN; way <= WAY_OUT; way++)
		c->bytes[way] = c->told[way] = m->bytes[way];
	c->proto = m->proto;
	f->noted = not_later(m->noted, now);
	f->asked = m->asked;
	f->ifindex = m->ifindex;
	f->id_is = m->id_is;
	f->nid = m->nid;
	memcpy(f->id, m->known, sizeof(f->id));
	c->first_byte = f->answered = (m->flags & FLOW_ANSWERED) != 0;
	f->is_told = (m->flags & FLOW_TOLD) != 0;
	f->takes_runs = (m->flags & FLOW_RUNS) != 0;
	f->alone[WAY_IN] = (m->flags & FLOW_ALONE_IN) != 0;
	f->alone[WAY_OUT] = (m->flags & FLOW_ALONE_OUT) != 0;
	f->greased = (m->flags & FLOW_GREASED) != 0;
}

static void
take_names(struct conn *c, const struct msg_mux_flow *m)
{
	if (*m->name != '\0')
		c->sni = strdup(m->name);
	if ((m->flags & FLOW_HELLO) == 0 ||
	    (c->hello = calloc(1, sizeof(*c->hello))) == NULL)
		return;
	c->hello->version = m->version;
	strlcpy(c->hello->alpn, m->alpn, sizeof(c->hello->alpn));
	strlcpy(c->hello->ja4, m->ja4, sizeof(c->hello->ja4));
}

/* As joined, but nothing of it is new. */
static void
go_on(struct flow *f, struct route *r, struct member *m, int fd)
{
	struct conn	*c = &f->c;

	c->r = r;
	if (!flow_port(f)) {
		c->r = NULL;
		close(fd);
		conn_end(c, END_LIMIT);
		return;
	}
	c->m = m;
	c->counted = 1;
	c->state = CONN_RELAY;
	atomic_fetch_add(&r->shared->connections, 1);
	atomic_fetch_add(&m->shared->connections, 1);
	c->server.passed = 1;
	side_add(&c->server, fd, 0);
	if (r->w->tap != 0)
		tap_begin(c);
	flow_timer(c);
}

/* NULL: it cannot be, or not here. */
static struct flow *
flow_of(struct dsock *s, struct listener *l, const struct wire_bind *b,
    const struct msg_mux_flow *m)
{
	struct flow_key	 k;
	struct flow	*f;
	ticket_t	 ticket;

	memset(&k, 0, sizeof(k));
	k.from = m->from;
	k.to = m->to;
	k.port = m->from_port;
	k.bind = (uint16_t)s->bind;
	if (flow_find(&k) != NULL || listener_full())
		return NULL;
	shared_return(l->w, &k.from, wheel_now(), &ticket);
	if ((f = flow_new(s, l, b, &k, ticket)) != NULL)
		conn_rename(&f->c, m->id);
	return f;
}

void
flow_take(struct dsock *s, struct listener *l, const struct wire_bind *b,
    const struct msg_mux_flow *m, int fd)
{
	struct flow	*f = NULL;
	struct route	*r = NULL;
	struct member	*mb = NULL;

	if (l != NULL && find_way(l, m, &r, &mb) && is_connected(fd, mb))
		f = flow_of(s, l, b, m);
	if (f == NULL) {
		log_debug("a flow of another worker has nowhere to go on");
		if (l != NULL)
			atomic_fetch_add(&l->shared->ended[END_STOP], 1);
		close(fd);
		return;
	}
	take_state(f, m);
	take_names(&f->c, m);
	go_on(f, r, mb, fd);
}

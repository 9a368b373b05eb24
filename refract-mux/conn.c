/*
 * A connection's life: admitted, its first bytes looked at (decide.c), joined
 * to a member (join.c), relayed (relay.c), an end with a name.
 */
#include <sys/epoll.h>
#include <sys/socket.h>

#include <netinet/in.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "access.h"
#include "args.h"
#include "child.h"
#include "flow.h"
#include "header.h"
#include "log.h"
#include "mux.h"
#include "offence.h"
#include "poller.h"
#include "relay_side.h"
#include "tap.h"
#include "timer.h"
#include "upstream.h"

#define HEADER_TIME	5000	/* ms for a PROXY header, at the most */
#define BANS_MAX	4096	/* that are looked for at once */

struct conns		 conns = TAILQ_HEAD_INITIALIZER(conns);
static struct conns	 dead = TAILQ_HEAD_INITIALIZER(dead);
static unsigned int	 nconns;
static uint64_t		 last_id;
/* The last one that another worker gave: they come in their order. */
static struct conn	*renamed;

unsigned int
conn_count(void)
{
	return nconns;
}

/* Sides. */

void
side_add(struct side *s, int fd, int out)
{
	s->fd = fd;
	if (poller_add(s, out) == -1)
		log_warn("epoll");
}

void
side_close(struct side *s)
{
	if (s->passed)
		poller_remove(s);
	if (s->fd != -1)
		close(s->fd);
	s->fd = -1;
	s->passed = 0;
	s->readable = s->writable = s->ended = s->broken = 0;
}

void
side_reset(struct side *s)
{
	struct linger	hard = { 1, 0 };

	if (s->fd != -1)
		setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
}

void
conn_set_timer(struct conn *c, span_t after)
{
	if (after > 0)
		wheel_set(&c->timer, wheel_now() + (uint64_t)after);
	else
		wheel_clear(&c->timer);
}

/* What it moved since it was asked last. */
void
conn_add_bytes(struct conn *c)
{
	uint64_t	n;
	int		way;

	for (way = WAY_IN; way <= WAY_OUT; way++) {
		if ((n = c->bytes[way] - c->told[way]) == 0)
			continue;
		c->told[way] = c->bytes[way];
		atomic_fetch_add(&c->l->shared->bytes[way], n);
		if (c->r != NULL)
			atomic_fetch_add(&c->r->shared->bytes[way], n);
		if (c->m != NULL)
			atomic_fetch_add(&c->m->shared->bytes[way], n);
	}
}

/* The end. */

static void
leave(struct conn *c)
{
	if (c->counted)
		atomic_fetch_sub(&c->r->shared->connections, 1);
	if (c->m != NULL && c->state == CONN_RELAY)
		atomic_fetch_sub(&c->m->shared->connections, 1);
	conn_add_bytes(c);
	shared_leave(c->l->w, c->relay == NULL ? &c->from : &c->relay->via,
	    c->ticket);
}

static void
count_end(const struct conn *c, enum end_reason why)
{
	atomic_fetch_add(&c->l->shared->ended[why], 1);
	if (c->counted && (why == END_CONNECT || why == END_DOWN))
		atomic_fetch_add(&c->r->shared->errors, 1);
}

static void
conn_free(struct conn *c)
{
	generation_release(c->l->gen);
	free(c->sni);
	free(c->hello);
	header_free(c);
	free(c);
}

void
conn_reap(void)
{
	struct conn	*c;

	while ((c = TAILQ_FIRST(&dead)) != NULL) {
		TAILQ_REMOVE(&dead, c, entry);
		conn_free(c);
	}
}

/* Nobody finds it any more. */
static void
take_off(struct conn *c)
{
	tap_end(c);
	upstream_cancel(c);
	decide_release(c);
	wheel_clear(&c->timer);
	relay_free(c);
	side_close(&c->client);
	side_close(&c->server);
	if (c == renamed)
		renamed = NULL;
	TAILQ_REMOVE(&conns, c, entry);
	TAILQ_INSERT_TAIL(&dead, c, entry);
	nconns--;
	if (!poller_busy())
		conn_reap();
	mux_ended();
}

void
conn_end(struct conn *c, enum end_reason why)
{
	if (c->ahead != AHEAD_NONE)
		join_drop_ahead(c);
	if (c->is_flow)
		flow_leave(c);
	count_end(c, why);
	leave(c);
	access_record(c, why);
	if (c->relay != NULL)
		relay_ended(c, why);
	take_off(c);
}

int
conn_give(struct conn *c)
{
	int	fd = c->server.fd;

	poller_remove(&c->server);
	c->server.fd = -1;
	c->server.passed = 0;
	flow_leave(c);
	leave(c);
	take_off(c);
	return fd;
}

/* Events. */

static void
note(struct side *s, uint32_t what)
{
	if (what & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		s->readable = 1;
	if (what & (EPOLLRDHUP | EPOLLHUP))
		s->ended = 1;
	if (what & EPOLLERR)
		s->broken = 1;
	if (what & EPOLLOUT)
		s->writable = 1;
}

/* Who has gone needs no member any more. */
static void
client_while_joining(struct conn *c)
{
	if (c->client.broken)
		conn_end(c, END_CLIENT);
}

static void
client_event(struct conn *c)
{
	switch ((enum conn_state)c->state) {
	case CONN_HEADER:
		decide_header(c);
		break;
	case CONN_PEEK:
		decide_bytes(c);
		break;
	case CONN_CONNECT:
		client_while_joining(c);
		break;
	case CONN_TARPIT:
		if (c->client.ended || c->client.broken)
			conn_end(c, END_ROUTE);
		break;
	case CONN_RELAY:
		relay(c);
		break;
	}
}

void
conn_event(struct side *s, uint32_t what)
{
	struct conn	*c;

	c = (struct conn *)(void *)((char *)s - (s->is_server ?
	    offsetof(struct conn, server) : offsetof(struct conn, client)));
	note(s, what);
	if (c->is_flow)
		flow_event(c);
	else if (!s->is_server)
		client_event(c);
	else if (c->state == CONN_RELAY)
		relay(c);
	else
		join_event(c);
}

void
conn_timer(struct wheel_timer *t)
{
	struct conn	*c = (struct conn *)(void *)((char *)t -
	    offsetof(struct conn, timer));

	if (c->is_flow) {
		flow_timer(c);
		return;
	}
	switch ((enum conn_state)c->state) {
	case CONN_HEADER:
		conn_end(c, END_HEADER);
		break;
	case CONN_PEEK:
		decide_timer(c);
		break;
	case CONN_CONNECT:
		join_timer(c);
		break;
	case CONN_TARPIT:
		conn_end(c, END_ROUTE);
		break;
	case CONN_RELAY:
		if (c->paused)
			relay(c);
		else
			relay_timer(c);
		break;
	}
}

/* The beginning. */

static void
refuse(struct listener *l, int fd, const struct prefix *from, uint16_t port)
{
	struct linger	hard = { 1, 0 };

	atomic_fetch_add(&l->shared->ended[END_LIMIT], 1);
	if (l->trusted == NULL)
		offended(l, OFFENCE_LIMIT, from, port, "more than the limit");
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	close(fd);
}

void
conn_local(struct conn *c)
{
	struct sockaddr_storage	ss;
	socklen_t		len = sizeof(ss);

	if (c->to.family == 0 && c->client.fd != -1 &&
	    getsockname(c->client.fd, (struct sockaddr *)&ss, &len) == 0)
		addr_from_sockaddr(&c->to, (struct sockaddr *)&ss,
		    &c->to_port);
}

static int
is_any(const struct prefix *p)
{
	static const uint8_t	any[sizeof(p->addr)];

	return memcmp(p->addr, any, sizeof(any)) == 0;
}

void
conn_begin(struct conn *c, struct listener *l, const struct prefix *from,
    uint16_t port, ticket_t ticket)
{
	c->l = l;
	c->from = *from;
	c->from_port = port;
	c->ticket = ticket;
	c->id = ++last_id << 6 | mux_me.index;
	c->began = c->active = wheel_now();
	c->client.fd = c->server.fd = -1;
	c->server.is_server = 1;
	c->client.writable = 1;
	generation_hold(l->gen);
	TAILQ_INSERT_TAIL(&conns, c, entry);
	nconns++;
}

void
conn_rename(struct conn *c, uint64_t id)
{
	struct conn	*at = renamed, *next;

	if (at == NULL || at->id >= id)
		at = NULL;
	next = at == NULL ? TAILQ_FIRST(&conns) : TAILQ_NEXT(at, entry);
	for (; next != NULL && next != c && next->id <= id;
	    next = TAILQ_NEXT(next, entry))
		at = next;
	if (id >> 62 != 0 || (at != NULL && at->id == id))
		return;
	renamed = c;
	c->id = id;
	if (last_id < id >> 6)
		last_id = id >> 6;
	if (at == NULL && next != c) {
		TAILQ_REMOVE(&conns, c, entry);
		TAILQ_INSERT_HEAD(&conns, c, entry);
	} else if (next != c) {
		TAILQ_REMOVE(&conns, c, entry);
		TAILQ_INSERT_AFTER(&conns, at, c, entry);
	}
}

static struct conn *
conn_new(struct listener *l, const struct wire_bind *b, int fd,
    const struct prefix *from, uint16_t port, ticket_t ticket)
{
	struct conn	*c;

	if ((c = calloc(1, sizeof(*c))) == NULL)
		return NULL;
	/* Without an address of its own only the socket knows: later. */
	if (!is_any(&b->addr))
		c->to = b->addr;
	c->to_port = b->port;
	conn_begin(c, l, from, port, ticket);
	side_add(&c->client, fd, 0);
	return c;
}

static void
begin(struct conn *c)
{
	const struct listener	*l = c->l;

	if (l->relay != NULL) {
		relay_begin(c);
	} else if (l->trusted == NULL) {
		decide_begin(c);
	} else if (prefixset_contains(l->trusted, &c->from)) {
		c->state = CONN_HEADER;
		conn_set_timer(c, l->w->peek_time > 0 && l->w->peek_time <
		    HEADER_TIME ? l->w->peek_time : HEADER_TIME);
	} else {
		side_reset(&c->client);
		conn_end(c, END_HEADER);
	}
}

void
conn_accepted(struct listener *l, const struct wire_bind *b, int fd,
    const struct sockaddr *sa)
{
	struct conn	*c;
	struct prefix	 from;
	uint16_t	 port;
	ticket_t	 ticket;

	if (addr_from_sockaddr(&from, sa, &port) == -1) {
		close(fd);
		return;
	}
	/* Behind a proxy: the header says whose it is. */
	if (shared_admit(l->w, l->trusted == NULL ? &from : NULL, wheel_now(),
	    &ticket) != ADMITTED) {
		refuse(l, fd, &from, port);
		return;
	}
	if ((c = conn_new(l, b, fd, &from, port, ticket)) == NULL) {
		shared_leave(l->w, &from, ticket);
		close(fd);
		return;
	}
	begin(c);
}

/* Many at once. */

void
conn_end_all(enum end_reason why)
{
	struct conn	*c, *next;

	TAILQ_FOREACH_SAFE(c, &conns, entry, next) {
		side_reset(&c->client);
		side_reset(&c->server);
		conn_end(c, why);
	}
}

/* Bans come in crowds: connections are gone through once for all of them. */
static struct {
	struct prefix	 prefixes[BANS_MAX];
	uint16_t	 ports[BANS_MAX];
	unsigned int	 n;
	struct event	*ev;
} banned;

static int
is_banned(const struct conn *c)
{
	unsigned int	i;

	for (i = 0; i < banned.n; i++)
		if (prefix_contains(&banned.prefixes[i], &c->from) &&
		    (banned.ports[i] == 0 || banned.ports[i] == c->to_port))
			return 1;
	return 0;
}

static void
end_banned(void)
{
	struct prefixset	 set;
	struct conn		*c, *next;
	unsigned int		 i;

	prefixset_init(&set);
	for (i = 0; i < banned.n; i++)
		if (prefixset_add(&set, &banned.prefixes[i]) == -1)
			fatal("bans");
	prefixset_build(&set);
	TAILQ_FOREACH_SAFE(c, &conns, entry, next) {
		if (!prefixset_contains(&set, &c->from) || !is_banned(c))
			continue;
		side_reset(&c->client);
		side_reset(&c->server);
		conn_end(c, END_BANNED);
	}
	prefixset_clear(&set);
	banned.n = 0;
}

static void
on_banned(EVENT_ARGS)
{
	end_banned();
}

void
conn_banned(const struct prefix *p, uint16_t port)
{
	if (nconns == 0)
		return;
	if (banned.ev == NULL && (banned.ev = evtimer_new(child_base,
	    on_banned, NULL)) == NULL)
		fatal("bans");
	if (banned.n == 0)
		timer_set(banned.ev, 0);
	banned.prefixes[banned.n] = *p;
	banned.ports[banned.n++] = port;
	if (banned.n == BANS_MAX)
		end_banned();
}

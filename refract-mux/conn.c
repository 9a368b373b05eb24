/*
 * A connection's life: admitted, its first bytes looked at where they lie in
 * the kernel, a route, a member, the relay, an end with a name.
 */
#include <sys/socket.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "access.h"
#include "child.h"
#include "log.h"
#include "mux.h"
#include "offence.h"
#include "proxyproto.h"
#include "tap.h"
#include "upstream.h"

#define PEEK_MAX	(64 * 1024)
#define HEADER_TIME	5000	/* ms for a PROXY header, at the most */
#define TARPIT_TIME	60000	/* without a limit of the listener's */

struct conns		 conns = TAILQ_HEAD_INITIALIZER(conns);
static unsigned int	 nconns;
static uint64_t		 last_id;
static uint8_t		 peeked[PEEK_MAX];

static void	decide(struct conn *, int last);
static void	connect_next(struct conn *);

unsigned int
conn_count(void)
{
	return nconns;
}

/* Sides. */

static void
side_add(struct conn *c, struct side *s, int fd)
{
	s->fd = fd;
	event_assign(&s->ev, child_base, fd, EV_READ | EV_WRITE | EV_CLOSED |
	    EV_ET | EV_PERSIST, conn_event, c);
	event_add(&s->ev, NULL);
	s->added = 1;
}

static void
side_close(struct side *s)
{
	if (s->added)
		event_del(&s->ev);
	if (s->fd != -1)
		close(s->fd);
	s->fd = -1;
	s->added = s->readable = s->writable = s->ended = 0;
}

/* Its bytes unread, a reset is what the peer gets. */
static void
side_reset(struct side *s)
{
	struct linger	hard = { 1, 0 };

	if (s->fd != -1)
		setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
}

static void
set_timer(struct conn *c, span_t after)
{
	if (after > 0)
		wheel_set(&c->timer, wheel_now() + (uint64_t)after);
	else
		wheel_clear(&c->timer);
}

/* The end. */

static void
release_peek(struct conn *c)
{
	if (c->peeked > 0)
		atomic_fetch_sub(&c->l->shared->peek_memory, c->peeked);
	c->peeked = 0;
}

static void
leave_member(struct conn *c)
{
	if (c->m != NULL && c->state == CONN_RELAY)
		atomic_fetch_sub(&c->m->shared->connections, 1);
}

static void
add_bytes(struct conn *c)
{
	int	way;

	for (way = WAY_IN; way <= WAY_OUT; way++) {
		if (c->bytes[way] == 0)
			continue;
		atomic_fetch_add(&c->l->shared->bytes[way], c->bytes[way]);
		if (c->r != NULL)
			atomic_fetch_add(&c->r->shared->bytes[way],
			    c->bytes[way]);
		if (c->m != NULL)
			atomic_fetch_add(&c->m->shared->bytes[way],
			    c->bytes[way]);
	}
}

void
conn_end(struct conn *c, enum end_reason why)
{
	struct generation	*gen = c->l->gen;

	atomic_fetch_add(&c->l->shared->ended[why], 1);
	if (c->r != NULL)
		atomic_fetch_sub(&c->r->shared->connections, 1);
	if (c->r != NULL && (why == END_CONNECT || why == END_DOWN))
		atomic_fetch_add(&c->r->shared->errors, 1);
	leave_member(c);
	add_bytes(c);
	access_record(c, why);
	tap_end(c);
	upstream_cancel(c);
	release_peek(c);
	shared_leave(c->l->w, &c->from, c->ticket);
	wheel_clear(&c->timer);
	relay_free(c);
	side_close(&c->client);
	side_close(&c->server);
	TAILQ_REMOVE(&conns, c, entry);
	nconns--;
	free(c->sni);
	free(c->alpn);
	free(c->tlvs);
	free(c);
	generation_release(gen);
	mux_ended();
}

/* Relay. */

static void
relay_timer(struct conn *c)
{
	uint64_t	now = wheel_now(), limit = UINT64_MAX, idle, half;

	idle = (uint64_t)c->l->w->idle;
	if (c->r->w->idle > 0)
		idle = (uint64_t)c->r->w->idle;
	half = (uint64_t)c->l->w->half_closed;
	if (idle > 0)
		limit = c->active + idle;
	if (half > 0 && (c->client.shut || c->server.shut) &&
	    c->active + half < limit)
		limit = c->active + half;
	if (limit <= now)
		conn_end(c, idle > 0 && c->active + idle <= now ? END_IDLE :
		    END_HALF);
	else if (limit != UINT64_MAX)
		wheel_set(&c->timer, limit);
}

static struct rp_slice
slice_of(const char *s)
{
	return (struct rp_slice){ (const uint8_t *)s,
	    s == NULL ? 0 : strlen(s) };
}

/* Ours among all workers and starts, and what logs call it. */
static struct rp_slice
unique_id(const struct conn *c)
{
	static uint64_t	run;
	static char	text[PROXY_UNIQUE_MAX];

	while (run == 0)
		arc4random_buf(&run, sizeof(run));
	snprintf(text, sizeof(text), "%016llx-%llu", (unsigned long long)run,
	    (unsigned long long)c->id);
	return slice_of(text);
}

static int
send_header(struct conn *c)
{
	static uint8_t		 buf[PROXY_MAX];
	struct proxy_addrs	 a = { .from = c->from, .to = c->to,
	    .from_port = c->from_port, .to_port = c->to_port };
	struct proxy_tlvs	 tlvs = { .came = { c->tlvs, c->ntlvs },
	    .alpn = slice_of(c->alpn), .authority = slice_of(c->sni),
	    .unique = unique_id(c) };
	size_t			 n;

	n = proxy_write(buf, c->r->w->proxy, &a, &tlvs);
	return send(c->server.fd, buf, n, MSG_NOSIGNAL | MSG_DONTWAIT) ==
	    (ssize_t)n ? 0 : -1;
}

static void
connected(struct conn *c)
{
	uint64_t	us = mux_now_us() - c->began_connect;

	hist_add(&c->r->shared->connect, us);
	hist_add(&c->m->shared->connect, us);
	member_connected(c->m);
	atomic_fetch_add(&c->m->shared->total, 1);
	atomic_fetch_add(&c->m->shared->connections, 1);
	c->state = CONN_RELAY;
	c->active = wheel_now();
	if (c->r->w->proxy != 0 && send_header(c) == -1) {
		conn_end(c, END_SERVER);
		return;
	}
	if (c->r->w->tap != 0)
		tap_begin(c);
	wheel_clear(&c->timer);
	relay_timer(c);
	relay(c);
}

/* Connecting. */

static void
connect_failed(struct conn *c, int error)
{
	log_debug("connection %llu: member of %s: %s",
	    (unsigned long long)c->id, c->m->pool->w->name, strerror(error));
	side_close(&c->server);
	if (member_failed(c->m))
		access_member(c->m, error);
	connect_next(c);
}

static void
connect_done(struct conn *c)
{
	int		error = 0;
	socklen_t	len = sizeof(error);

	if (getsockopt(c->server.fd, SOL_SOCKET, SO_ERROR, &error, &len) ==
	    -1)
		error = errno;
	if (error != 0)
		connect_failed(c, error);
	else
		connected(c);
}

void
conn_upstream(struct conn *c, int fd)
{
	if (fd == -1) {
		connect_failed(c, ECONNREFUSED);
		return;
	}
	side_add(c, &c->server, fd);
	c->server.writable = 1;
	connected(c);
}

static void
all_down(struct conn *c)
{
	struct route	*o = c->l->routes.otherwise;
	int		 tried = c->tried.n > 0;

	if (c->r->pool->w->when_down == 0 && o != NULL && o != c->r &&
	    o->w->action == ROUTE_TO) {
		atomic_fetch_add(&c->r->shared->errors, 1);
		atomic_fetch_sub(&c->r->shared->connections, 1);
		c->r = o;
		atomic_fetch_add(&o->shared->connections, 1);
		atomic_fetch_add(&o->shared->total, 1);
		c->tried.n = 0;
		connect_next(c);
		return;
	}
	side_reset(&c->client);
	conn_end(c, tried ? END_CONNECT : END_DOWN);
}

static void
connect_next(struct conn *c)
{
	enum upstream	status;
	int		fd;

	while ((c->m = pool_pick(c->r->pool, &c->from, c->from_port,
	    &c->tried)) != NULL) {
		c->began_connect = mux_now_us();
		status = upstream_open(c, &fd);
		if (status != UPSTREAM_FAILED)
			break;
		if (member_failed(c->m))
			access_member(c->m, errno);
	}
	if (c->m == NULL) {
		all_down(c);
		return;
	}
	set_timer(c, c->l->w->connect_time);
	if (status == UPSTREAM_WAITING)
		return;
	side_add(c, &c->server, fd);
	if (status == UPSTREAM_CONNECTED) {
		c->server.writable = 1;
		connected(c);
	}
}

static void
begin_connect(struct conn *c)
{
	c->state = CONN_CONNECT;
	c->tried.n = 0;
	if (c->r->pool == NULL) {
		side_reset(&c->client);
		conn_end(c, END_DOWN);
		return;
	}
	connect_next(c);
}

/* Deciding. */

static char *
keep_text(const uint8_t *p, size_t n)
{
	if (n == 0 || n > 255 || memchr(p, '\0', n) != NULL)
		return NULL;
	return strndup((const char *)p, n);
}

static void
keep_name(struct conn *c)
{
	const struct findings	*f = route_findings();
	const struct rp_slice	*alpn = &f->tls.alpn;

	if (f->is_tls) {
		c->proto = RP_TLS;
		c->sni = keep_text(f->tls.sni.p, f->tls.sni.n);
		if (alpn->n > 0 && alpn->p[0] < alpn->n)
			c->alpn = keep_text(alpn->p + 1, alpn->p[0]);
	} else if (f->is_http) {
		c->proto = RP_HTTP;
		c->sni = keep_text(f->http.host.p, f->http.host.n);
	}
}

static void
take_route(struct conn *c, struct route *r)
{
	c->r = r;
	if (c->proto == 0 && r->w->probe < RP_BUILTIN_MAX)
		c->proto = r->w->probe;
	keep_name(c);
	release_peek(c);
	atomic_fetch_add(&r->shared->total, 1);
	atomic_fetch_add(&r->shared->connections, 1);
	switch (r->w->action) {
	case ROUTE_TO:
		begin_connect(c);
		break;
	case ROUTE_TARPIT:
		c->state = CONN_TARPIT;
		set_timer(c, c->l->w->idle > 0 ? c->l->w->idle : TARPIT_TIME);
		break;
	case ROUTE_RESET:
		side_reset(&c->client);
		conn_end(c, END_ROUTE);
		break;
	default:
		conn_end(c, END_ROUTE);
	}
}

static void
no_route(struct conn *c, size_t n)
{
	if (n == 0) {
		offended(c->l, OFFENCE_SLOW, &c->from, c->from_port,
		    "said nothing in time");
		conn_end(c, END_SLOW);
		return;
	}
	offended(c->l, OFFENCE_UNKNOWN, &c->from, c->from_port,
	    "no route for what it said");
	conn_end(c, END_UNKNOWN);
}

/*
 * How much may be looked at: `peek` bytes, or more once they begin a hello and
 * the listener's memory for those is not used up.
 */
static int
may_grow(struct conn *c, size_t n)
{
	struct rp_info	info;
	uint32_t	more;

	if (n < c->l->w->peek_bytes)
		return 1;
	if (n >= PEEK_MAX || rp_probe(RP_TLS, peeked, n, &info) != RP_YES ||
	    info.complete)
		return 0;
	more = (uint32_t)(n / 1024) + 1 - c->peeked;
	if (atomic_fetch_add(&c->l->shared->peek_memory, more) + more >
	    c->l->w->peek_memory) {
		atomic_fetch_sub(&c->l->shared->peek_memory, more);
		return 0;
	}
	c->peeked += more;
	return 1;
}

/* -1: it is gone. */
static ssize_t
peek(struct conn *c)
{
	ssize_t	n;

	do
		n = recv(c->client.fd, peeked, sizeof(peeked),
		    MSG_PEEK | MSG_DONTWAIT);
	while (n == -1 && errno == EINTR);
	if (n == -1 && errno == EAGAIN)
		return 0;
	if (n == 0)
		c->client.ended = 1;
	return n;
}

static void
decide(struct conn *c, int last)
{
	struct first_bytes	f = { .p = peeked, .from = &c->from };
	struct route		*r;
	ssize_t			 n;

	if ((n = peek(c)) == -1 || (n == 0 && c->client.ended)) {
		conn_end(c, END_CLIENT);
		return;
	}
	f.n = (size_t)n;
	f.last = last || c->client.ended || (n > 0 && !may_grow(c, f.n));
	switch (route_decide(&c->l->routes, &f, &r)) {
	case RP_YES:
		take_route(c, r);
		break;
	case RP_MORE:
		break;
	case RP_NO:
		if (n > 0 || f.last)
			no_route(c, f.n);
		break;
	}
}

/* The time until the first bytes, or until the server may speak first. */
static void
begin_peek(struct conn *c)
{
	const struct route	*first = c->l->routes.speaks_first;
	span_t			 wait = c->l->w->peek_time;

	c->state = CONN_PEEK;
	if (first != NULL && (wait == 0 || first->w->after < wait))
		wait = first->w->after;
	set_timer(c, wait);
	decide(c, 0);
}

static void
peek_timer(struct conn *c)
{
	struct route	*first = c->l->routes.speaks_first;
	uint64_t	 gone = wheel_now() - c->began;
	ssize_t		 n;

	if (first != NULL && (n = peek(c)) == 0 && !c->client.ended) {
		take_route(c, first);
		return;
	}
	if (c->l->w->peek_time > 0 && gone + WHEEL_TICK <
	    (uint64_t)c->l->w->peek_time) {
		set_timer(c, c->l->w->peek_time - (span_t)gone);
		return;
	}
	if (c->l->routes.timeout == NULL && c->l->routes.otherwise == NULL)
		offended(c->l, OFFENCE_SLOW, &c->from, c->from_port,
		    "first bytes did not come in time");
	decide(c, 1);
}

static int
keep_header(struct conn *c, const struct proxy_addrs *a)
{
	if (a->from.family != 0) {
		c->from = a->from;
		c->from_port = a->from_port;
		c->to = a->to;
		c->to_port = a->to_port;
	}
	if (a->tlvs.n == 0)
		return 0;
	if ((c->tlvs = malloc(a->tlvs.n)) == NULL)
		return -1;
	memcpy(c->tlvs, a->tlvs.p, a->tlvs.n);
	c->ntlvs = (uint32_t)a->tlvs.n;
	return 0;
}

/* What limits count is who it really is. */
static int
admit_client(struct conn *c)
{
	if (shared_known(c->l->w, &c->from, wheel_now(), &c->ticket) ==
	    ADMITTED)
		return 1;
	offended(c->l, OFFENCE_LIMIT, &c->from, c->from_port,
	    "more than the limit");
	side_reset(&c->client);
	conn_end(c, END_LIMIT);
	return 0;
}

/* A PROXY header from who may send one. */
static void
take_header(struct conn *c)
{
	struct proxy_addrs	a;
	enum rp_answer		answer;
	size_t			len;
	ssize_t			n;

	if ((n = peek(c)) == -1 || (n == 0 && c->client.ended)) {
		conn_end(c, END_CLIENT);
		return;
	}
	answer = proxy_parse(peeked, (size_t)n, &len, &a);
	if (answer == RP_MORE && !c->client.ended)
		return;
	if (answer != RP_YES || recv(c->client.fd, peeked, len,
	    MSG_DONTWAIT) != (ssize_t)len) {
		side_reset(&c->client);
		conn_end(c, END_HEADER);
		return;
	}
	if (keep_header(c, &a) == -1)
		conn_end(c, END_ERROR);
	else if (a.from.family == 0 || admit_client(c))
		begin_peek(c);
}

/* Events. */

static void
client_event(struct conn *c)
{
	switch ((enum conn_state)c->state) {
	case CONN_HEADER:
		take_header(c);
		break;
	case CONN_PEEK:
		decide(c, 0);
		break;
	case CONN_CONNECT:
	case CONN_TARPIT:
		break;
	case CONN_RELAY:
		relay(c);
		break;
	}
}

void
conn_event(int fd, short what, void *arg)
{
	struct conn	*c = arg;
	struct side	*s = fd == c->client.fd ? &c->client : &c->server;

	if (what & (EV_READ | EV_CLOSED))
		s->readable = 1;
	if (what & EV_CLOSED)
		s->ended = 1;
	if (what & EV_WRITE)
		s->writable = 1;
	if (s == &c->client) {
		if (c->state >= CONN_CONNECT || (what & (EV_READ | EV_CLOSED)))
			client_event(c);
	} else if (c->state == CONN_CONNECT)
		connect_done(c);
	else
		relay(c);
}

void
conn_timer(struct wheel_timer *t)
{
	struct conn	*c = (struct conn *)(void *)((char *)t -
	    offsetof(struct conn, timer));

	switch ((enum conn_state)c->state) {
	case CONN_HEADER:
		conn_end(c, END_HEADER);
		break;
	case CONN_PEEK:
		peek_timer(c);
		break;
	case CONN_CONNECT:
		upstream_cancel(c);
		connect_failed(c, ETIMEDOUT);
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
	offended(l, OFFENCE_LIMIT, from, port, "more than the limit");
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	close(fd);
}

static void
local_address(struct conn *c)
{
	struct sockaddr_storage	ss;
	socklen_t		len = sizeof(ss);

	if (getsockname(c->client.fd, (struct sockaddr *)&ss, &len) == 0)
		addr_from_sockaddr(&c->to, (struct sockaddr *)&ss,
		    &c->to_port);
}

static int
is_trusted(const struct listener *l, const struct prefix *p)
{
	return l->trusted != NULL && prefixset_contains(l->trusted, p);
}

static struct conn *
conn_new(struct listener *l, int fd, const struct prefix *from, uint16_t port,
    ticket_t ticket)
{
	struct conn	*c;

	if ((c = calloc(1, sizeof(*c))) == NULL)
		return NULL;
	c->l = l;
	c->from = *from;
	c->from_port = port;
	c->ticket = ticket;
	c->id = ++last_id;
	c->began = c->active = wheel_now();
	c->server.fd = -1;
	generation_hold(l->gen);
	TAILQ_INSERT_TAIL(&conns, c, entry);
	nconns++;
	side_add(c, &c->client, fd);
	return c;
}

void
conn_accepted(struct listener *l, int fd, const struct sockaddr *sa)
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
	if ((c = conn_new(l, fd, &from, port, ticket)) == NULL) {
		shared_leave(l->w, &from, ticket);
		close(fd);
		return;
	}
	local_address(c);
	if (l->trusted == NULL)
		begin_peek(c);
	else if (is_trusted(l, &from)) {
		c->state = CONN_HEADER;
		set_timer(c, l->w->peek_time > 0 && l->w->peek_time <
		    HEADER_TIME ? l->w->peek_time : HEADER_TIME);
	} else {
		side_reset(&c->client);
		conn_end(c, END_HEADER);
	}
}

unsigned int
conn_kill(const struct prefix *p, uint16_t port, enum end_reason why)
{
	struct conn	*c, *next;
	unsigned int	 n = 0;

	TAILQ_FOREACH_SAFE(c, &conns, entry, next) {
		if ((p->family != 0 && !prefix_contains(p, &c->from)) ||
		    (port != 0 && c->to_port != port))
			continue;
		side_reset(&c->client);
		conn_end(c, why);
		n++;
	}
	return n;
}

/*
 * A flow's life: see flow.h.  It is a connection of mux.h in all that limits,
 * bans, logs, taps and counters know.
 */
#include <sys/socket.h>

#include <netinet/in.h>
#include <netinet/udp.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "access.h"
#include "flow.h"
#include "known.h"
#include "listener.h"
#include "log.h"
#include "offence.h"
#include "probe/refract-probe-udp.h"
#include "tap.h"

#define EVICT_LOOKS	64	/* flows with ports of others */
#define PLACE		1000	/* ms: idler than that is told apart */
#define HOLD_BYTES	16384	/* of a hello in several datagrams */
#define HOLD_DATAGRAMS	16
#define COSTS		4096
#define COST_RATE	500	/* keys derived a second for an address */
#define BUFFER		(1024 * 1024)	/* of a socket that clients speak to */

TAILQ_HEAD(flows, flow);

/* Datagrams that wait until their flow is decided. */
struct hold {
	struct rp_quic	 quic;
	struct rp_dtls	 dtls;
	int		 is_quic, is_dtls;
	unsigned int	 n;
	struct datagram	 list[HOLD_DATAGRAMS];
	uint8_t		 hello[HOLD_BYTES];
};

int	flow_runs;

static struct flow_table	table;
static struct flows		idlest[MUX_LISTENERS_MAX];
/* The first datagram is mostly enough: it is looked at here. */
static struct rp_quic		quic;
static struct rp_dtls		dtls;
static uint8_t			hello[RP_QUIC_CRYPTO_MAX];
static uint8_t			dtls_hello[RP_QUIC_CRYPTO_MAX];

static struct flow *
flow_of(struct conn *c)
{
	return (struct flow *)(void *)c;
}

/* Sockets. */

static void
init(void)
{
	unsigned int	i;

	if (table.rows != NULL)
		return;
	if (flow_table_init(&table) == -1)
		fatal("flows");
	for (i = 0; i < MUX_LISTENERS_MAX; i++)
		TAILQ_INIT(&idlest[i]);
}

struct dsock *
flow_socket(int fd, uint32_t bind_slot)
{
	struct dsock	*s;
	int		 on = 1, size = BUFFER;

	init();
	if ((s = calloc(1, sizeof(*s))) == NULL)
		fatal("listener");
	s->fd = fd;
	s->bind = bind_slot;
	/* One of the two is of the other family's. */
	setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on));
	setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	flow_runs = setsockopt(fd, IPPROTO_UDP, UDP_GRO, &on, sizeof(on)) ==
	    0;
	return s;
}

void
flow_socket_close(struct dsock *s)
{
	struct conn	*c, *next;

	TAILQ_FOREACH_SAFE(c, &conns, entry, next)
		if (c->is_flow && flow_of(c)->s == s)
			conn_end(c, END_STOP);
	close(s->fd);
	free(s);
}

struct flow *
flow_find(const struct flow_key *k)
{
	struct flow_entry	*e = flow_table_find(&table, k);

	return e == NULL ? NULL : (struct flow *)(void *)((char *)e -
	    offsetof(struct flow, e));
}

/* The end. */

static void
hold_free(struct flow *f)
{
	union {
		const uint8_t	*in;
		void		*out;
	} p;

	if (f->hold == NULL)
		return;
	while (f->hold->n > 0) {
		p.in = f->hold->list[--f->hold->n].p;
		free(p.out);
	}
	free(f->hold);
	f->hold = NULL;
}

static void
give_port(struct flow *f)
{
	if (f->port_of != NULL)
		known_ports_give(f->port_of);
	f->port_of = NULL;
}

void
flow_leave(struct conn *c)
{
	struct flow	*f = flow_of(c);

	hold_free(f);
	flow_table_remove(&table, &f->e);
	TAILQ_REMOVE(&idlest[c->l->w->slot], f, idle);
	give_port(f);
}

/* The one of this listener that has been silent for longest: 1 if there is. */
static int
evict(const struct listener *l)
{
	struct flow	*f = TAILQ_FIRST(&idlest[l->w->slot]);

	if (f == NULL)
		return 0;
	conn_end(&f->c, END_LIMIT);
	return 1;
}

void
flow_touch(struct flow *f)
{
	struct flows	*list = &idlest[f->c.l->w->slot];
	uint64_t	 now = wheel_now();

	f->c.active = now;
	if (now - f->placed < PLACE)
		return;
	f->placed = now;
	TAILQ_REMOVE(list, f, idle);
	TAILQ_INSERT_TAIL(list, f, idle);
}

void
flow_refused(struct flow *f, int error)
{
	if (member_failed(f->c.m))
		access_member(f->c.m, error);
	conn_end(&f->c, END_SERVER);
}

/* Joining. */

static span_t
idle_time(const struct conn *c)
{
	return c->r->w->idle > 0 ? c->r->w->idle : c->l->w->idle;
}

static void
joined(struct flow *f, int fd)
{
	struct conn	*c = &f->c;

	atomic_fetch_add(&c->m->shared->total, 1);
	atomic_fetch_add(&c->m->shared->connections, 1);
	c->state = CONN_RELAY;
	c->joined = wheel_now();
	c->began_connect = mux_now_us();
	side_add(&c->server, fd, 0);
	conn_set_timer(c, idle_time(c));
	if (c->r->w->tap != 0)
		tap_begin(c);
}

/* A socket of its own, on a port that is nobody else's; -1 and errno. */
static int
open_socket(struct member *m)
{
	struct sockaddr_storage	ss;
	socklen_t		len;
	int			fd, saved;

	if (m->w->kind == MEMBER_UNIX || (len = member_sockaddr(m, &ss)) ==
	    0) {
		errno = EADDRNOTAVAIL;
		return -1;
	}
	fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
	    0);
	if (fd == -1 || (pool_bind(m->pool, fd, ss.ss_family, 0) == 0 &&
	    connect(fd, (struct sockaddr *)&ss, len) == 0))
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

/* Of those that have such a port the idlest goes: 1 if there was one. */
static int
evict_port(const struct flow *f, const _Atomic uint32_t *of)
{
	struct flow	*i;
	unsigned int	 looks = 0;

	TAILQ_FOREACH(i, &idlest[f->c.l->w->slot], idle)
		if (i != f && i->port_of == of) {
			conn_end(&i->c, END_LIMIT);
			return 1;
		} else if (looks++ == EVICT_LOOKS)
			break;
	return 0;
}

int
flow_port(struct flow *f)
{
	const struct pool	*p = f->c.r->pool;
	unsigned int		 n = p->w->nsources;
	_Atomic uint32_t	*of = n > 0 ? &p->shared->ports :
				    known_ports();

	if (f->port_of == of)
		return 1;
	give_port(f);
	if (known_ports_take(of, n > 0 ? n : 1) || (evict_port(f, of) &&
	    known_ports_take(of, n > 0 ? n : 1)))
		f->port_of = of;
	return f->port_of != NULL;
}

/* Ours, and says nothing of the member. */
static int
is_ours(int error)
{
	switch (error) {
	case EADDRINUSE:
	case EADDRNOTAVAIL:
	case EAGAIN:
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
		return 1;
	}
	return 0;
}

static void
all_down(struct flow *f)
{
	int	tried = f->c.tried.n > 0;

	if (!tried && pool_is_down(f->c.r->pool))
		access_pool(f->c.r->pool);
	f->c.m = NULL;
	conn_end(&f->c, tried ? END_CONNECT : END_DOWN);
}

static int
try_member(struct flow *f)
{
	int	fd;

	if ((fd = open_socket(f->c.m)) != -1) {
		joined(f, fd);
		return 1;
	}
	if (!is_ours(errno) && member_failed(f->c.m))
		access_member(f->c.m, errno);
	return 0;
}

/* `otherwise` takes what a pool that is down does not. */
static int
change_route(struct conn *c)
{
	struct route	*o = c->l->routes.otherwise;

	if (c->r->pool->w->when_down != 0 || o == NULL || o == c->r ||
	    o->w->action != ROUTE_TO || o->pool == NULL)
		return 0;
	atomic_fetch_add(&c->r->shared->errors, 1);
	atomic_fetch_sub(&c->r->shared->connections, 1);
	c->r = o;
	atomic_fetch_add(&o->shared->connections, 1);
	atomic_fetch_add(&o->shared->total, 1);
	c->tried.n = 0;
	return 1;
}

/* To m, or to one that the pool gives: 1, or 0 and it has ended. */
static int
join(struct flow *f, struct member *m)
{
	struct conn	*c = &f->c;

	if (c->r->pool == NULL) {
		conn_end(c, END_DOWN);
		return 0;
	}
	do {
		if (!flow_port(f)) {
			conn_end(c, END_LIMIT);
			return 0;
		}
		if ((c->m = m) != NULL && try_member(f))
			return 1;
		m = NULL;
		while ((c->m = pool_pick(c->r->pool, &c->from, c->from_port,
		    &c->tried)) != NULL)
			if (try_member(f))
				return 1;
	} while (change_route(c));
	all_down(f);
	return 0;
}

/* 1: it is joined, 0: it has ended. */
static int
take_route(struct flow *f, struct route *r, struct member *m)
{
	struct conn	*c = &f->c;

	c->r = r;
	if (c->proto == 0 && r->w->probe < RP_BUILTIN_MAX)
		c->proto = r->w->probe;
	atomic_fetch_add(&r->shared->total, 1);
	atomic_fetch_add(&r->shared->connections, 1);
	c->counted = 1;
	if (r->w->action == ROUTE_TO)
		return join(f, m);
	conn_end(c, END_ROUTE);
	return 0;
}

/* Looking. */

static char *
keep_text(const struct rp_slice *s)
{
	if (s->n == 0 || s->n > 255 || memchr(s->p, '\0', s->n) != NULL)
		return NULL;
	return strndup((const char *)s->p, s->n);
}

static void
keep_hello(struct conn *c, const struct rp_info *i, const struct rp_quic *q)
{
	const struct rp_slice	*alpn = &i->alpn;
	const uint8_t		*msg;
	struct hello		*h;
	size_t			 n;

	c->sni = keep_text(&i->sni);
	if ((h = c->hello = calloc(1, sizeof(*h))) == NULL)
		return;
	h->version = i->version;
	if (alpn->n > 0 && alpn->p[0] < alpn->n &&
	    alpn->p[0] < sizeof(h->alpn) &&
	    memchr(alpn->p + 1, '\0', alpn->p[0]) == NULL)
		memcpy(h->alpn, alpn->p + 1, alpn->p[0]);
	if (q != NULL && access_is_wanted(c->l) &&
	    (n = rp_quic_hello(q, &msg)) > 0 &&
	    rp_ja4(msg, n, 1, h->ja4) == -1)
		*h->ja4 = '\0';
}

static void
keep_found(struct conn *c, const struct rp_quic *q)
{
	const struct findings	*found = route_findings();

	if (found->is_quic) {
		c->proto = RP_QUIC;
		keep_hello(c, &found->quic, q);
	} else if (found->is_dtls) {
		c->proto = RP_DTLS;
		keep_hello(c, &found->dtls, NULL);
	}
}

/* Keys are derived for an address so often in a second; then no more. */
static int
costs_too_much(const struct flow *f, const struct rp_quic *q,
    const struct datagram *d)
{
	static struct cost {
		uint64_t	since;
		uint64_t	key;
		uint32_t	n;
	}		 costs[COSTS];
	struct prefix	 p = f->c.from;
	struct cost	*cost;
	uint64_t	 key, now = wheel_now();

	if (!rp_quic_costs(q, d->p, d->n))
		return 0;
	prefix_group(&p, f->c.l->w->plen4, f->c.l->w->plen6);
	key = prefix_hash(&p, table.seed);
	cost = &costs[key % COSTS];
	if (cost->key != key || now - cost->since >= 1000) {
		cost->key = key;
		cost->since = now;
		cost->n = 0;
	}
	return cost->n++ >= COST_RATE;
}

static struct first_bytes
bytes_of(const struct flow *f, const struct datagram *d)
{
	return (struct first_bytes){ .p = d->p, .n = d->n,
	    .from = &f->c.from, .datagram = 1 };
}

static void
no_route(struct flow *f, const struct datagram *d, int late)
{
	struct rp_quic_header	h;
	struct datagram		a;
	struct conn		*c = &f->c;
	static uint8_t		buf[256];

	if (c->l->routes.asks_quic && rp_quic_header(d->p, d->n, &h) ==
	    RP_QUIC_UNKNOWN && (a.n = rp_quic_negotiate(d->p, d->n,
	    (uint8_t)arc4random(), buf, sizeof(buf))) > 0) {
		a.p = buf;
		flow_answer(f, &a, 1);
		conn_end(c, END_UNKNOWN);
		return;
	}
	offended(c->l, late ? OFFENCE_SLOW : OFFENCE_UNKNOWN, &c->from,
	    c->from_port, late ? "first datagrams did not come in time" :
	    "no route for what it said");
	conn_end(c, late ? END_SLOW : END_UNKNOWN);
}

/* Of what shows no handshake: 1 if it was taken. */
static int
guess(struct flow *f, const struct datagram *d, int *alive)
{
	struct route	*r;
	struct member	*m;

	if (!roam_guess(f, d, &r, &m))
		return 0;
	*alive = take_route(f, r, m);
	return 1;
}

/* Held datagrams, then it is as any other. */
static void
deliver(struct flow *f)
{
	struct hold	*h = f->hold;

	if (flow_send(f, h->list, h->n) == -1)
		return;
	hold_free(f);
	decide_release(&f->c);
}

/* b's answer, over d, the first datagram: 1 if f is joined now. */
static int
decided(struct flow *f, struct route *r, const struct datagram *d, int late)
{
	int	alive = 0;

	if (r == NULL || r->w->probe == ROUTE_OTHERWISE) {
		if (guess(f, d, &alive))
			return alive;
		if (r == NULL) {
			no_route(f, d, late);
			return 0;
		}
	}
	return take_route(f, r, NULL);
}

/* A hello in several datagrams. */

static int
may_hold(struct conn *c, size_t n)
{
	return decide_hold(c, (uint32_t)(n / 1024) + 1);
}

/* 0, or -1: it cannot be held. */
static int
hold_add(struct flow *f, const struct datagram *d)
{
	struct hold	*h = f->hold;
	uint8_t		*copy;

	if (h->n == HOLD_DATAGRAMS || !may_hold(&f->c, d->n) ||
	    (copy = malloc(d->n + 1)) == NULL)
		return -1;
	memcpy(copy, d->p, d->n);
	h->list[h->n].p = copy;
	h->list[h->n++].n = d->n;
	return 0;
}

static int
hold_new(struct flow *f, const struct datagram *d)
{
	struct rp_info	info;
	struct hold	*h;

	if (!may_hold(&f->c, sizeof(*h)) ||
	    (h = f->hold = calloc(1, sizeof(*h))) == NULL)
		return -1;
	h->is_quic = f->c.l->routes.asks_quic &&
	    rp_quic_answer(&quic, &info) != RP_NO;
	h->is_dtls = !h->is_quic && f->c.l->routes.asks_dtls;
	if (h->is_quic) {
		rp_quic_begin(&h->quic, h->hello, sizeof(h->hello));
		rp_quic_feed(&h->quic, d->p, d->n);
	} else {
		rp_dtls_begin(&h->dtls, h->hello, sizeof(h->hello));
		rp_dtls_feed(&h->dtls, d->p, d->n);
	}
	conn_set_timer(&f->c, f->c.l->w->peek_time);
	return hold_add(f, d);
}

static void
hold_decide(struct flow *f, int last)
{
	struct hold		*h = f->hold;
	struct first_bytes	 b = bytes_of(f, &h->list[0]);
	struct route		*r = NULL;

	b.last = last;
	b.quic = h->is_quic ? &h->quic : NULL;
	b.dtls = h->is_dtls ? &h->dtls : NULL;
	switch (route_decide(&f->c.l->routes, &b, &r)) {
	case RP_MORE:
		return;
	case RP_YES:
		keep_found(&f->c, b.quic);
		break;
	case RP_NO:
		break;
	}
	if (decided(f, r, &h->list[0], last))
		deliver(f);
}

void
flow_more(struct flow *f, const struct datagram *d)
{
	struct hold	*h = f->hold;
	int		 full;

	if (h->is_quic && costs_too_much(f, &h->quic, d)) {
		conn_end(&f->c, END_LIMIT);
		return;
	}
	full = hold_add(f, d) == -1;
	if (h->is_quic)
		rp_quic_feed(&h->quic, d->p, d->n);
	else
		rp_dtls_feed(&h->dtls, d->p, d->n);
	/* What cannot be held is lost: the client says it again. */
	hold_decide(f, full);
}

void
flow_timer(struct conn *c)
{
	struct flow	*f = flow_of(c);
	span_t		 idle;

	if (c->state == CONN_PEEK) {
		hold_decide(f, 1);
		return;
	}
	idle = idle_time(c);
	if (wheel_now() - c->active >= (uint64_t)idle) {
		conn_end(c, END_IDLE);
		return;
	}
	roam_refresh(f);
	wheel_set(&c->timer, c->active + (uint64_t)idle);
}

/* The beginning. */

static void
refuse(struct listener *l, const struct flow_key *k)
{
	atomic_fetch_add(&l->shared->ended[END_LIMIT], 1);
	offended(l, OFFENCE_LIMIT, &k->from, k->port, "more than the limit");
}

/* With too many of them the idlest goes. */
static int
admit(struct listener *l, const struct flow_key *k, ticket_t *ticket)
{
	enum admitted	status;

	if (listener_full() && !evict(l))
		return 0;
	status = shared_admit(l->w, &k->from, wheel_now(), ticket);
	if (status == LIMIT_CONNECTIONS && evict(l))
		status = shared_admit(l->w, &k->from, wheel_now(), ticket);
	if (status == ADMITTED)
		return 1;
	refuse(l, k);
	return 0;
}

struct flow *
flow_new(struct dsock *s, struct listener *l, const struct wire_bind *b,
    const struct flow_key *k, ticket_t ticket)
{
	struct flow	*f;

	if ((f = calloc(1, sizeof(*f))) == NULL) {
		shared_leave(l->w, &k->from, ticket);
		return NULL;
	}
	f->s = s;
	f->e.key = *k;
	f->placed = wheel_now();
	f->c.is_flow = 1;
	f->c.state = CONN_PEEK;
	f->c.to = k->to;
	f->c.to_port = b->port;
	flow_table_add(&table, &f->e);
	TAILQ_INSERT_TAIL(&idlest[l->w->slot], f, idle);
	conn_begin(&f->c, l, &k->from, k->port, ticket);
	return f;
}

/* Of this one datagram, which is mostly enough: as route_decide(). */
static enum rp_answer
look(struct flow *f, const struct datagram *d, struct route **r)
{
	const struct routes	*rs = &f->c.l->routes;
	struct first_bytes	 b = bytes_of(f, d);
	enum rp_answer		 answer;

	if (rs->asks_quic) {
		rp_quic_feed(&quic, d->p, d->n);
		b.quic = &quic;
	}
	if (rs->asks_dtls) {
		rp_dtls_begin(&dtls, dtls_hello, sizeof(dtls_hello));
		rp_dtls_feed(&dtls, d->p, d->n);
		b.dtls = &dtls;
	}
	answer = route_decide(rs, &b, r);
	if (answer == RP_YES)
		keep_found(&f->c, b.quic);
	return answer;
}

static void
begin(struct flow *f, const struct datagram *d)
{
	struct route	*r = NULL;
	struct member	*m;

	if (roam_known(f, d, &r, &m)) {
		if (take_route(f, r, m))
			flow_send(f, d, 1);
		return;
	}
	rp_quic_begin(&quic, hello, sizeof(hello));
	if (f->c.l->routes.asks_quic && costs_too_much(f, &quic, d)) {
		conn_end(&f->c, END_LIMIT);
		return;
	}
	if (look(f, d, &r) == RP_MORE) {
		if (hold_new(f, d) == -1)
			conn_end(&f->c, END_LIMIT);
	} else if (decided(f, r, d, 0))
		flow_send(f, d, 1);
}

void
flow_begin(struct dsock *s, struct listener *l, const struct wire_bind *b,
    const struct flow_key *k, uint32_t ifindex, const struct datagram *d)
{
	struct flow	*f;
	ticket_t	 ticket;

	if (!admit(l, k, &ticket) || (f = flow_new(s, l, b, k, ticket)) ==
	    NULL)
		return;
	if (k->from.family == AF_INET6 && k->from.addr[0] == 0xfe &&
	    (k->from.addr[1] & 0xc0) == 0x80)
		f->ifindex = ifindex;
	begin(f, d);
}

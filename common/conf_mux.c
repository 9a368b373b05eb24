/*
 * The mux's part of a configuration: defaults, look-ups, ids and slots that
 * live over reloads, and its way to a child.
 */
#include <netinet/in.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "channel.h"
#include "conf.h"
#include "log.h"
#include "msg.h"

#ifndef nitems
#define nitems(a)	(sizeof(a) / sizeof((a)[0]))
#endif

static void *
xcalloc(size_t size)
{
	void	*p;

	if ((p = calloc(1, size)) == NULL)
		fatal("configuration");
	return p;
}

void
conf_mux_init(struct conf_mux *m)
{
	memset(m, 0, sizeof(*m));
	TAILQ_INIT(&m->listeners);
	TAILQ_INIT(&m->pools);
	TAILQ_INIT(&m->taps);
	m->drain = MUX_DRAIN_DEFAULT;
}

/* Values: refractium's where it has one. */
struct conf_listener *
conf_listener_new(void)
{
	struct conf_listener	*l = xcalloc(sizeof(*l));

	TAILQ_INIT(&l->binds);
	TAILQ_INIT(&l->routes);
	TAILQ_INIT(&l->offences);
	l->w.id = conf_new_id();
	l->w.proto = IPPROTO_TCP;
	l->w.kind = LISTEN_MUX;
	l->w.peek_time = 3000;
	l->w.connect_time = 5000;
	l->w.keepalive = 60000;
	l->w.half_closed = 300000;
	l->w.connections = 10000;
	l->w.per_address = 50;
	l->w.peek_bytes = 1024;
	l->w.peek_memory = 16384;
	l->w.backlog = 1024;
	l->w.plen4 = 32;
	l->w.plen6 = 64;
	l->w.nodelay = 1;
	return l;
}

struct conf_route *
conf_route_new(void)
{
	struct conf_route	*r = xcalloc(sizeof(*r));

	TAILQ_INIT(&r->conds);
	r->w.id = conf_new_id();
	r->w.action = ROUTE_TO;
	return r;
}

struct conf_pool *
conf_pool_new(void)
{
	struct conf_pool	*p = xcalloc(sizeof(*p));

	TAILQ_INIT(&p->members);
	p->w.id = conf_new_id();
	p->w.balance = BALANCE_ROUNDROBIN;
	p->w.check = CHECK_TCP;
	p->w.interval = 10000;
	p->w.timeout = 2000;
	p->w.rise = 1;
	p->w.fall = 3;
	p->w.passive = 3;
	return p;
}

#define FREE_LIST(head, item) do {					\
	while ((item = TAILQ_FIRST(head)) != NULL) {			\
		TAILQ_REMOVE(head, item, entry);			\
		free(item);						\
	}								\
} while (0)

void
conf_route_free(struct conf_route *r)
{
	struct conf_cond	*c;

	while ((c = TAILQ_FIRST(&r->conds)) != NULL) {
		TAILQ_REMOVE(&r->conds, c, entry);
		free(c->data);
		free(c);
	}
	free(r);
}

void
conf_listener_free(struct conf_listener *l)
{
	struct conf_bind	*b;
	struct conf_offence	*o;
	struct conf_route	*r;

	FREE_LIST(&l->binds, b);
	FREE_LIST(&l->offences, o);
	while ((r = TAILQ_FIRST(&l->routes)) != NULL) {
		TAILQ_REMOVE(&l->routes, r, entry);
		conf_route_free(r);
	}
	free(l);
}

void
conf_pool_free(struct conf_pool *p)
{
	struct conf_member	*m;

	FREE_LIST(&p->members, m);
	free(p);
}

void
conf_mux_clear(struct conf_mux *m)
{
	struct conf_listener	*l;
	struct conf_pool	*p;
	struct conf_tap		*t;

	while ((l = TAILQ_FIRST(&m->listeners)) != NULL) {
		TAILQ_REMOVE(&m->listeners, l, entry);
		conf_listener_free(l);
	}
	while ((p = TAILQ_FIRST(&m->pools)) != NULL) {
		TAILQ_REMOVE(&m->pools, p, entry);
		conf_pool_free(p);
	}
	while ((t = TAILQ_FIRST(&m->taps)) != NULL) {
		TAILQ_REMOVE(&m->taps, t, entry);
		free(t->args);
		free(t);
	}
}

/* Looking up. */

struct conf_listener *
conf_listener_byid(const struct conf_mux *m, uint32_t id)
{
	struct conf_listener	*l;

	TAILQ_FOREACH(l, &m->listeners, entry)
		if (l->w.id == id)
			break;
	return l;
}

struct conf_listener *
conf_listener_byname(const struct conf_mux *m, const char *name)
{
	struct conf_listener	*l;

	TAILQ_FOREACH(l, &m->listeners, entry)
		if (strcmp(l->w.name, name) == 0)
			break;
	return l;
}

struct conf_listener *
conf_listener_byhash(const struct conf_mux *m, uint64_t hash)
{
	struct conf_listener	*l;

	TAILQ_FOREACH(l, &m->listeners, entry)
		if (l->w.hash == hash)
			break;
	return l;
}

struct conf_pool *
conf_pool_byid(const struct conf_mux *m, uint32_t id)
{
	struct conf_pool	*p;

	TAILQ_FOREACH(p, &m->pools, entry)
		if (p->w.id == id)
			break;
	return p;
}

struct conf_pool *
conf_pool_byname(const struct conf_mux *m, const char *name)
{
	struct conf_pool	*p;

	TAILQ_FOREACH(p, &m->pools, entry)
		if (strcmp(p->w.name, name) == 0)
			break;
	return p;
}

struct conf_tap *
conf_tap_byid(const struct conf_mux *m, uint32_t id)
{
	struct conf_tap	*t;

	TAILQ_FOREACH(t, &m->taps, entry)
		if (t->w.id == id)
			break;
	return t;
}

struct conf_tap *
conf_tap_byname(const struct conf_mux *m, const char *name)
{
	struct conf_tap	*t;

	TAILQ_FOREACH(t, &m->taps, entry)
		if (strcmp(t->w.name, name) == 0)
			break;
	return t;
}

int
conf_mux_asks(const struct conf *c, uint32_t table)
{
	struct conf_listener	*l;
	struct conf_route	*r;
	struct conf_cond	*cond;

	TAILQ_FOREACH(l, &c->mux.listeners, entry) {
		if (l->w.trusted == table)
			return 1;
		TAILQ_FOREACH(r, &l->routes, entry)
			TAILQ_FOREACH(cond, &r->conds, entry)
				if (cond->w.kind == COND_FROM &&
				    cond->w.table == table)
					return 1;
	}
	return 0;
}

void
conf_mux_table(struct conf *c, uint32_t was, uint32_t id)
{
	struct conf_listener	*l;
	struct conf_route	*r;
	struct conf_cond	*cond;

	TAILQ_FOREACH(l, &c->mux.listeners, entry) {
		if (l->w.trusted == was)
			l->w.trusted = id;
		TAILQ_FOREACH(r, &l->routes, entry)
			TAILQ_FOREACH(cond, &r->conds, entry)
				if (cond->w.kind == COND_FROM &&
				    cond->w.table == was)
					cond->w.table = id;
	}
}

/*
 * Slots.  A new one is the next after the last that was given, so one that was
 * given up is not used again for as long as others are there: connections of
 * an old generation may still count in it.
 */
#define NO_SLOT		UINT32_MAX

struct slots {
	const char	*what;
	uint32_t	 max, next;
	uint8_t		*used;
};

static uint8_t	listener_used[MUX_LISTENERS_MAX], bind_used[MUX_BINDS_MAX],
		route_used[MUX_ROUTES_MAX], pool_used[MUX_POOLS_MAX],
		member_used[MUX_MEMBERS_MAX];

static struct slots	slots_listener = { "listeners", MUX_LISTENERS_MAX, 0,
			    listener_used };
static struct slots	slots_bind = { "addresses and ports to listen on",
			    MUX_BINDS_MAX, 0, bind_used };
static struct slots	slots_route = { "routes", MUX_ROUTES_MAX, 0,
			    route_used };
static struct slots	slots_pool = { "pools", MUX_POOLS_MAX, 0, pool_used };
static struct slots	slots_member = { "members of pools", MUX_MEMBERS_MAX,
			    0, member_used };

static int
slot_take(struct slots *s, uint32_t *slot, char *why)
{
	uint32_t	i, n;

	for (i = 0; i < s->max; i++) {
		n = (s->next + i) % s->max;
		if (s->used[n])
			continue;
		s->used[n] = 1;
		s->next = n + 1;
		*slot = n;
		return 0;
	}
	snprintf(why, TEXT_LEN, "too many %s: expected at most %u", s->what,
	    s->max);
	return -1;
}

static void
mark_used(const struct conf_mux *m)
{
	struct conf_listener	*l;
	struct conf_bind	*b;
	struct conf_route	*r;
	struct conf_pool	*p;
	struct conf_member	*mb;

	TAILQ_FOREACH(l, &m->listeners, entry) {
		listener_used[l->w.slot] = 1;
		TAILQ_FOREACH(b, &l->binds, entry)
			bind_used[b->w.slot] = 1;
		TAILQ_FOREACH(r, &l->routes, entry)
			route_used[r->w.slot] = 1;
	}
	TAILQ_FOREACH(p, &m->pools, entry) {
		pool_used[p->w.slot] = 1;
		TAILQ_FOREACH(mb, &p->members, entry)
			member_used[mb->w.slot] = 1;
	}
}

static void
mark_none(void)
{
	memset(listener_used, 0, sizeof(listener_used));
	memset(bind_used, 0, sizeof(bind_used));
	memset(route_used, 0, sizeof(route_used));
	memset(pool_used, 0, sizeof(pool_used));
	memset(member_used, 0, sizeof(member_used));
}

/* The n-th of this label. */
static struct conf_route *
route_like(const struct conf_listener *l, const char *label, unsigned int n)
{
	struct conf_route	*r;

	TAILQ_FOREACH(r, &l->routes, entry)
		if (strcmp(r->w.label, label) == 0 && n-- == 0)
			break;
	return r;
}

static unsigned int
route_place(const struct conf_listener *l, const struct conf_route *route)
{
	const struct conf_route	*r;
	unsigned int		 n = 0;

	for (r = TAILQ_FIRST(&l->routes); r != route;
	    r = TAILQ_NEXT(r, entry))
		if (strcmp(r->w.label, route->w.label) == 0)
			n++;
	return n;
}

static struct conf_bind *
bind_like(const struct conf_mux *m, const struct wire_bind *w, int proto)
{
	struct conf_listener	*l;
	struct conf_bind	*b;

	TAILQ_FOREACH(l, &m->listeners, entry) {
		if (l->w.proto != proto)
			continue;
		TAILQ_FOREACH(b, &l->binds, entry)
			if (b->w.port == w->port &&
			    prefix_cmp(&b->w.addr, &w->addr) == 0 &&
			    strcmp(b->w.interface, w->interface) == 0)
				return b;
	}
	return NULL;
}

static struct conf_member *
member_like(const struct conf_pool *p, const struct wire_member *w)
{
	struct conf_member	*m;

	TAILQ_FOREACH(m, &p->members, entry)
		if (m->w.kind == w->kind && m->w.port == w->port &&
		    prefix_cmp(&m->w.addr, &w->addr) == 0 &&
		    strcmp(m->w.name, w->name) == 0)
			break;
	return m;
}

/* New ones have NO_SLOT until all old ones have theirs. */
static void
adopt_listener(struct conf_listener *l, const struct conf_mux *old)
{
	struct conf_listener	*ol = NULL;
	struct conf_bind	*b, *ob;
	struct conf_route	*r, *or;
	struct conf_offence	*o;
	struct conf_cond	*c;

	if (old != NULL)
		ol = conf_listener_byname(old, l->w.name);
	l->w.slot = NO_SLOT;
	if (ol != NULL && ol->w.proto == l->w.proto) {
		l->w.id = ol->w.id;
		l->w.slot = ol->w.slot;
	}
	TAILQ_FOREACH(o, &l->offences, entry)
		o->w.listener = l->w.id;
	TAILQ_FOREACH(b, &l->binds, entry) {
		ob = old == NULL ? NULL : bind_like(old, &b->w, l->w.proto);
		b->w.listener = l->w.id;
		b->w.slot = ob == NULL ? NO_SLOT : ob->w.slot;
	}
	TAILQ_FOREACH(r, &l->routes, entry) {
		or = ol == NULL ? NULL : route_like(ol, r->w.label,
		    route_place(l, r));
		r->w.listener = l->w.id;
		r->w.slot = NO_SLOT;
		if (or != NULL) {
			r->w.id = or->w.id;
			r->w.slot = or->w.slot;
		}
		TAILQ_FOREACH(c, &r->conds, entry)
			c->w.route = r->w.id;
	}
}

/* Its routes name it by id. */
static void
rename_pool(struct conf_mux *new, struct conf_pool *p, uint32_t id)
{
	struct conf_listener	*l;
	struct conf_route	*r;

	TAILQ_FOREACH(l, &new->listeners, entry)
		TAILQ_FOREACH(r, &l->routes, entry)
			if (r->w.pool == p->w.id)
				r->w.pool = id;
	p->w.id = id;
}

static void
adopt_pool(struct conf_mux *new, struct conf_pool *p,
    const struct conf_mux *old)
{
	struct conf_pool	*op = NULL;
	struct conf_member	*m, *om;

	if (old != NULL)
		op = conf_pool_byname(old, p->w.name);
	p->w.slot = NO_SLOT;
	if (op != NULL) {
		rename_pool(new, p, op->w.id);
		p->w.slot = op->w.slot;
	}
	TAILQ_FOREACH(m, &p->members, entry) {
		om = op == NULL ? NULL : member_like(op, &m->w);
		m->w.pool = p->w.id;
		m->w.slot = NO_SLOT;
		if (om != NULL) {
			m->w.id = om->w.id;
			m->w.slot = om->w.slot;
		}
	}
}

static void
rename_tap(struct conf_mux *new, struct conf_tap *t, uint32_t id)
{
	struct conf_listener	*l;
	struct conf_route	*r;

	TAILQ_FOREACH(l, &new->listeners, entry)
		TAILQ_FOREACH(r, &l->routes, entry)
			if (r->w.tap == t->w.id)
				r->w.tap = id;
	t->w.id = id;
}

#define GIVE(w, s) do {							\
	if ((w).slot == NO_SLOT && slot_take(s, &(w).slot, why) == -1)	\
		return -1;						\
} while (0)

static int
give_slots(struct conf_mux *m, char *why)
{
	struct conf_listener	*l;
	struct conf_bind	*b;
	struct conf_route	*r;
	struct conf_pool	*p;
	struct conf_member	*mb;

	TAILQ_FOREACH(l, &m->listeners, entry) {
		GIVE(l->w, &slots_listener);
		TAILQ_FOREACH(b, &l->binds, entry)
			GIVE(b->w, &slots_bind);
		TAILQ_FOREACH(r, &l->routes, entry)
			GIVE(r->w, &slots_route);
	}
	TAILQ_FOREACH(p, &m->pools, entry) {
		GIVE(p->w, &slots_pool);
		TAILQ_FOREACH(mb, &p->members, entry)
			GIVE(mb->w, &slots_member);
	}
	return 0;
}

int
conf_mux_adopt(struct conf *new, const struct conf *old, char *why)
{
	const struct conf_mux	*om = old == NULL ? NULL : &old->mux;
	struct conf_listener	*l;
	struct conf_pool	*p;
	struct conf_tap		*t, *ot;

	mark_none();
	if (om != NULL)
		mark_used(om);
	TAILQ_FOREACH(l, &new->mux.listeners, entry)
		adopt_listener(l, om);
	TAILQ_FOREACH(p, &new->mux.pools, entry)
		adopt_pool(&new->mux, p, om);
	TAILQ_FOREACH(t, &new->mux.taps, entry)
		if (om != NULL && (ot = conf_tap_byname(om, t->w.name)) !=
		    NULL)
			rename_tap(&new->mux, t, ot->w.id);
	return give_slots(&new->mux, why);
}

/* To a child. */

#define SEND(type, item)						\
	channel_send(ch, type, 0, &(item)->w, sizeof((item)->w))

static void
send_routes(struct channel *ch, const struct conf_listener *l)
{
	struct conf_route	*r;
	struct conf_cond	*c;

	TAILQ_FOREACH(r, &l->routes, entry) {
		SEND(M_CONF_ROUTE, r);
		TAILQ_FOREACH(c, &r->conds, entry)
			channel_send2(ch, M_CONF_COND, 0, &c->w,
			    sizeof(c->w), c->data, c->w.masked ?
			    2 * c->w.len : c->w.len);
	}
}

static void
send_listener(struct channel *ch, const struct conf_listener *l,
    int offences)
{
	struct conf_bind	*b;
	struct conf_offence	*o;
	struct wire_listener	 w = l->w;

	/* Whoever bans asks no table. */
	if (offences)
		w.trusted = 0;
	channel_send(ch, M_CONF_LISTENER, 0, &w, sizeof(w));
	TAILQ_FOREACH(o, &l->offences, entry)
		SEND(M_CONF_OFFENCE, o);
	if (offences)
		return;
	TAILQ_FOREACH(b, &l->binds, entry)
		SEND(M_CONF_BIND, b);
	send_routes(ch, l);
}

void
conf_mux_send(struct channel *ch, const struct conf *c, int offences)
{
	struct wire_mux		 w = { .drain = c->mux.drain };
	struct conf_pool	*p;
	struct conf_member	*m;
	struct conf_tap		*t;
	struct conf_listener	*l;

	channel_send(ch, M_CONF_MUX, 0, &w, sizeof(w));
	if (!offences) {
		TAILQ_FOREACH(p, &c->mux.pools, entry) {
			SEND(M_CONF_POOL, p);
			TAILQ_FOREACH(m, &p->members, entry)
				SEND(M_CONF_MEMBER, m);
		}
		TAILQ_FOREACH(t, &c->mux.taps, entry)
			SEND(M_CONF_TAP, t);
	}
	TAILQ_FOREACH(l, &c->mux.listeners, entry)
		send_listener(ch, l, offences);
}

/* In a child. */

static void
need(int good, const char *what)
{
	if (!good)
		fatalx("configuration: the parent sent a wrong %s", what);
}

#define TEXT(s)		msg_has_nul((s), sizeof(s))

static int
is_host(const struct prefix *p)
{
	return prefix_valid(p) && prefix_is_host(p);
}

static void
rx_mux(struct conf *c, const void *data, size_t len)
{
	struct wire_mux	w;

	(void)len;
	memcpy(&w, data, sizeof(w));
	need(w.drain >= 0, "drain");
	c->mux.drain = w.drain;
}

static void
rx_pool(struct conf *c, const void *data, size_t len)
{
	struct conf_pool	*p = conf_pool_new();

	(void)len;
	memcpy(&p->w, data, sizeof(p->w));
	need(p->w.id != 0 && p->w.slot < MUX_POOLS_MAX && TEXT(p->w.name) &&
	    p->w.balance <= BALANCE_SOCKET && p->w.check <= CHECK_QUIC &&
	    p->w.when_down <= ROUTE_TARPIT && p->w.interval >= 0 &&
	    p->w.timeout >= 0 && p->w.send_len <= sizeof(p->w.send) &&
	    p->w.expect_len <= sizeof(p->w.expect) && p->w.rise >= 1 &&
	    p->w.fall >= 1 && conf_pool_byid(&c->mux, p->w.id) == NULL,
	    "pool");
	TAILQ_INSERT_TAIL(&c->mux.pools, p, entry);
}

static int
member_valid(const struct wire_member *w)
{
	if (w->id == 0 || w->slot >= MUX_MEMBERS_MAX || w->weight < 1 ||
	    w->weight > 256 || w->backup > 1 || !TEXT(w->name))
		return 0;
	switch (w->kind) {
	case MEMBER_ADDRESS:
		return is_host(&w->addr) && w->port != 0;
	case MEMBER_NAME:
		return *w->name != '\0' && w->port != 0 && w->ttl_min >= 0 &&
		    w->ttl_max >= w->ttl_min;
	case MEMBER_UNIX:
		return *w->name == '/';
	}
	return 0;
}

static void
rx_member(struct conf *c, const void *data, size_t len)
{
	struct conf_pool	*p = TAILQ_LAST(&c->mux.pools, conf_pools);
	struct conf_member	*m = xcalloc(sizeof(*m));

	(void)len;
	memcpy(&m->w, data, sizeof(m->w));
	need(p != NULL && m->w.pool == p->w.id && member_valid(&m->w),
	    "member");
	TAILQ_INSERT_TAIL(&p->members, m, entry);
}

static void
rx_tap(struct conf *c, const void *data, size_t len)
{
	struct conf_tap	*t = xcalloc(sizeof(*t));

	(void)len;
	memcpy(&t->w, data, sizeof(t->w));
	need(t->w.id != 0 && t->w.run <= 1 && TEXT(t->w.name) &&
	    TEXT(t->w.path), "tap");
	TAILQ_INSERT_TAIL(&c->mux.taps, t, entry);
}

static int
listener_valid(const struct wire_listener *w)
{
	return w->id != 0 && w->slot < MUX_LISTENERS_MAX && TEXT(w->name) &&
	    w->hash != 0 && w->peek_time >= 0 && w->connect_time >= 0 &&
	    w->idle >= 0 && w->half_closed >= 0 && w->keepalive >= 0 &&
	    w->user_timeout >= 0 &&
	    (w->proto == IPPROTO_TCP || w->proto == IPPROTO_UDP) &&
	    w->kind <= LISTEN_RELAY_CLIENT && w->plen4 >= 1 &&
	    w->plen4 <= 32 && w->plen6 >= 1 && w->plen6 <= 128 &&
	    w->nodelay <= 1 && w->fastopen <= 1 && w->log <= ACCESS_JSON &&
	    w->zero == 0;
}

static void
rx_listener(struct conf *c, const void *data, size_t len)
{
	struct conf_listener	*l = conf_listener_new();

	(void)len;
	memcpy(&l->w, data, sizeof(l->w));
	need(listener_valid(&l->w) &&
	    conf_listener_byid(&c->mux, l->w.id) == NULL &&
	    (l->w.trusted == 0 || conf_table_byid(c, l->w.trusted) != NULL),
	    "listener");
	TAILQ_INSERT_TAIL(&c->mux.listeners, l, entry);
}

static struct conf_listener *
last_listener(struct conf *c, uint32_t id)
{
	struct conf_listener	*l = TAILQ_LAST(&c->mux.listeners,
				    conf_listeners);

	need(l != NULL && l->w.id == id, "part of a listener");
	return l;
}

static void
rx_bind(struct conf *c, const void *data, size_t len)
{
	struct conf_bind	*b = xcalloc(sizeof(*b));
	struct conf_listener	*l;

	(void)len;
	memcpy(&b->w, data, sizeof(b->w));
	l = last_listener(c, b->w.listener);
	need(b->w.slot < MUX_BINDS_MAX && b->w.port != 0 &&
	    TEXT(b->w.interface) &&
	    (b->w.addr.family == 0 || is_host(&b->w.addr)), "bind");
	TAILQ_INSERT_TAIL(&l->binds, b, entry);
}

static void
rx_offence(struct conf *c, const void *data, size_t len)
{
	struct conf_offence	*o = xcalloc(sizeof(*o));
	struct conf_listener	*l;

	(void)len;
	memcpy(&o->w, data, sizeof(o->w));
	l = last_listener(c, o->w.listener);
	need(o->w.kind >= OFFENCE_UNKNOWN && o->w.kind < OFFENCE_MAX &&
	    o->w.times >= 1 && o->w.within > 0 && o->w.ban > 0 &&
	    o->w.zero == 0, "offence");
	TAILQ_INSERT_TAIL(&l->offences, o, entry);
}

static void
rx_route(struct conf *c, const void *data, size_t len)
{
	struct conf_route	*r = conf_route_new();
	struct conf_listener	*l;

	(void)len;
	memcpy(&r->w, data, sizeof(r->w));
	l = last_listener(c, r->w.listener);
	need(r->w.id != 0 && r->w.slot < MUX_ROUTES_MAX &&
	    r->w.action >= ROUTE_TO && r->w.action <= ROUTE_TARPIT &&
	    (r->w.action != ROUTE_TO || conf_pool_byid(&c->mux, r->w.pool) !=
	    NULL) && (r->w.tap == 0 || conf_tap_byid(&c->mux, r->w.tap) !=
	    NULL) && r->w.proxy <= 2 && r->w.transparent <= 1 &&
	    r->w.after >= 0 && r->w.idle >= 0 && TEXT(r->w.where) &&
	    TEXT(r->w.label), "route");
	TAILQ_INSERT_TAIL(&l->routes, r, entry);
}

static void
rx_cond(struct conf *c, const void *data, size_t len)
{
	struct conf_listener	*l = TAILQ_LAST(&c->mux.listeners,
				    conf_listeners);
	struct conf_route	*r;
	struct conf_cond	*cond = xcalloc(sizeof(*cond));
	size_t			 n = len - sizeof(cond->w);

	memcpy(&cond->w, data, sizeof(cond->w));
	r = l == NULL ? NULL : TAILQ_LAST(&l->routes, conf_routes);
	need(r != NULL && r->w.id == cond->w.route &&
	    cond->w.kind >= COND_SNI && cond->w.kind <= COND_REGEX &&
	    cond->w.masked <= 1 && cond->w.len <= MUX_COND_MAX_LEN &&
	    n == (size_t)cond->w.len * (cond->w.masked + 1) &&
	    cond->w.offset <= 65536 && (cond->w.kind == COND_FROM ?
	    conf_table_byid(c, cond->w.table) != NULL : n > 0), "condition");
	cond->data = xcalloc(n + 1);
	memcpy(cond->data, (const char *)data + sizeof(cond->w), n);
	TAILQ_INSERT_TAIL(&r->conds, cond, entry);
}

static const struct {
	uint32_t	 type;
	size_t		 size;		/* M_CONF_COND: or more */
	void		(*fn)(struct conf *, const void *, size_t);
} receivers[] = {
	{ M_CONF_MUX,	   sizeof(struct wire_mux),	 rx_mux },
	{ M_CONF_POOL,	   sizeof(struct wire_pool),	 rx_pool },
	{ M_CONF_MEMBER,   sizeof(struct wire_member),	 rx_member },
	{ M_CONF_TAP,	   sizeof(struct wire_tap),	 rx_tap },
	{ M_CONF_LISTENER, sizeof(struct wire_listener), rx_listener },
	{ M_CONF_BIND,	   sizeof(struct wire_bind),	 rx_bind },
	{ M_CONF_OFFENCE,  sizeof(struct wire_offence),	 rx_offence },
	{ M_CONF_ROUTE,	   sizeof(struct wire_route),	 rx_route },
	{ M_CONF_COND,	   sizeof(struct wire_cond),	 rx_cond },
};

int
conf_mux_receive(struct conf *c, uint32_t type, const void *data, size_t len)
{
	size_t	i;

	for (i = 0; i < nitems(receivers); i++) {
		if (receivers[i].type != type)
			continue;
		need(type == M_CONF_COND ? len >= receivers[i].size :
		    len == receivers[i].size, "length");
		receivers[i].fn(c, data, len);
		return 1;
	}
	return 0;
}

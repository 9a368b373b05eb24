/*
 * The mux's part of a configuration: defaults, look-ups, ids and slots that
 * live over reloads.
 */
#include <netinet/in.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf.h"
#include "conf_list.h"
#include "msg.h"

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
	struct conf_listener	*l = conf_alloc(sizeof(*l));

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
	struct conf_route	*r = conf_alloc(sizeof(*r));

	TAILQ_INIT(&r->conds);
	r->w.id = conf_new_id();
	r->w.action = ROUTE_TO;
	return r;
}

struct conf_pool *
conf_pool_new(void)
{
	struct conf_pool	*p = conf_alloc(sizeof(*p));

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

void
conf_route_free(struct conf_route *r)
{
	FREE_ITEMS(&r->conds, free(item->data));
	free(r);
}

void
conf_listener_free(struct conf_listener *l)
{
	FREE_LIST(&l->binds);
	FREE_LIST(&l->offences);
	conf_relay_free(l->relay);
	FREE_EACH(&l->routes, conf_route_free);
	free(l);
}

void
conf_pool_free(struct conf_pool *p)
{
	FREE_LIST(&p->members);
	free(p);
}

void
conf_mux_clear(struct conf_mux *m)
{
	FREE_EACH(&m->listeners, conf_listener_free);
	FREE_EACH(&m->pools, conf_pool_free);
	FREE_ITEMS(&m->taps, free(item->args));
}

LOOK_UP_ID(conf_listener_byid, conf_listener, conf_mux, listeners)
LOOK_UP_NAME(conf_listener_byname, conf_listener, conf_mux, listeners)
LOOK_UP_HASH(conf_listener_byhash, conf_listener, conf_mux, listeners)
LOOK_UP_ID(conf_pool_byid, conf_pool, conf_mux, pools)
LOOK_UP_NAME(conf_pool_byname, conf_pool, conf_mux, pools)
LOOK_UP_ID(conf_tap_byid, conf_tap, conf_mux, taps)
LOOK_UP_NAME(conf_tap_byname, conf_tap, conf_mux, taps)

int
conf_mux_asks(const struct conf *c, uint32_t table)
{
	struct conf_listener	*l;
	struct conf_route	*r;
	struct conf_cond	*cond;

	TAILQ_FOREACH(l, &c->mux.listeners, entry) {
		if (l->w.trusted == table || (l->relay != NULL &&
		    (l->relay->w.allow == table ||
		    l->relay->w.deny == table)))
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
		if (l->relay != NULL && l->relay->w.allow == was)
			l->relay->w.allow = id;
		if (l->relay != NULL && l->relay->w.deny == was)
			l->relay->w.deny = id;
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

static uint8_t	listener_used[MUX_LISTENERS_MAX];
static uint8_t	bind_used[MUX_BINDS_MAX];
static uint8_t	route_used[MUX_ROUTES_MAX];
static uint8_t	pool_used[MUX_POOLS_MAX];
static uint8_t	member_used[MUX_MEMBERS_MAX];

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
	struct conf_route	*r, *o_r;
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
		o_r = ol == NULL ? NULL : route_like(ol, r->w.label,
		    route_place(l, r));
		r->w.listener = l->w.id;
		r->w.slot = NO_SLOT;
		if (o_r != NULL) {
			r->w.id = o_r->w.id;
			r->w.slot = o_r->w.slot;
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

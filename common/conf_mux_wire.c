/*
 * The mux's part of a configuration on its way to a child: what is sent to
 * whom, what each part must be (for the table in msg.c), and how a child puts
 * them together again.
 */
#include <netinet/in.h>

#include <stdlib.h>
#include <string.h>

#include "channel.h"
#include "conf.h"
#include "log.h"
#include "msg.h"
#include "msg_check.h"

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

static uint8_t
is_transparent(const struct conf_listener *l)
{
	struct conf_route	*r;

	TAILQ_FOREACH(r, &l->routes, entry)
		if (r->w.transparent)
			return 1;
	return 0;
}

/* To the enforcer: what workers may ask it for. */
static void
send_listener(struct channel *ch, const struct conf_listener *l,
    int offences)
{
	struct conf_bind	*b;
	struct conf_offence	*o;
	struct wire_listener	 w = l->w;

	if (offences) {
		w.trusted = 0;
		w.transparent = is_transparent(l);
	}
	channel_send(ch, M_CONF_LISTENER, 0, &w, sizeof(w));
	TAILQ_FOREACH(o, &l->offences, entry)
		SEND(M_CONF_OFFENCE, o);
	TAILQ_FOREACH(b, &l->binds, entry)
		SEND(M_CONF_BIND, b);
	conf_relay_send(ch, l);
	if (!offences)
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

/* What each part must be, whoever sent it: the fault, or NULL. */

static const char	bad_value[] = "a value out of range";
static const char	no_end[] = "a string without its end";
static const char	bad_place[] = "an impossible address or port";

static int
is_host(const struct prefix *p)
{
	return prefix_valid(p) && prefix_is_host(p);
}

const char *
check_conf_mux(const void *data, size_t len)
{
	const struct wire_mux	*w = data;

	(void)len;
	return w->drain < 0 ? bad_value : NULL;
}

const char *
check_conf_pool(const void *data, size_t len)
{
	const struct wire_pool	*w = data;

	(void)len;
	if (!TEXT_OK(w->name))
		return no_end;
	if (w->id == 0 || w->slot >= MUX_POOLS_MAX || w->datagrams > 1 ||
	    w->balance > BALANCE_SOCKET || w->check > CHECK_QUIC ||
	    w->when_down == ROUTE_TO || w->when_down > ROUTE_TARPIT ||
	    w->interval < 0 || w->timeout < 0 || w->rise < 1 || w->fall < 1 ||
	    w->send_len > sizeof(w->send) ||
	    w->expect_len > sizeof(w->expect) || !ZERO_OK(w->zero2))
		return bad_value;
	return NULL;
}

const char *
check_conf_member(const void *data, size_t len)
{
	const struct wire_member	*w = data;

	(void)len;
	if (!TEXT_OK(w->name))
		return no_end;
	if (w->id == 0 || w->slot >= MUX_MEMBERS_MAX || w->weight < 1 ||
	    w->weight > 256 || w->backup > 1 || w->kind > MEMBER_ASKED ||
	    !ZERO_OK(w->zero))
		return bad_value;
	if (w->kind == MEMBER_ADDRESS)
		return is_host(&w->addr) && w->port != 0 ? NULL : bad_place;
	if (w->kind == MEMBER_UNIX)
		return *w->name == '/' ? NULL : bad_place;
	if (w->kind == MEMBER_ASKED)
		return *w->name != '\0' ? NULL : bad_place;
	if (w->ttl_min < 0 || w->ttl_max < w->ttl_min)
		return bad_value;
	return *w->name != '\0' && w->port != 0 ? NULL : bad_place;
}

const char *
check_conf_tap(const void *data, size_t len)
{
	const struct wire_tap	*w = data;

	(void)len;
	if (!TEXT_OK(w->name) || !TEXT_OK(w->path))
		return no_end;
	return w->id == 0 || w->run > 1 ? bad_value : NULL;
}

static int
spans_ok(const struct wire_listener *w)
{
	return w->peek_time >= 0 && w->connect_time >= 0 && w->idle >= 0 &&
	    w->half_closed >= 0 && w->keepalive >= 0 && w->user_timeout >= 0;
}

const char *
check_conf_listener(const void *data, size_t len)
{
	const struct wire_listener	*w = data;

	(void)len;
	if (!TEXT_OK(w->name))
		return no_end;
	if (w->id == 0 || w->slot >= MUX_LISTENERS_MAX || w->hash == 0 ||
	    !spans_ok(w) || w->kind > LISTEN_RELAY_CLIENT ||
	    (w->proto != IPPROTO_TCP && w->proto != IPPROTO_UDP) ||
	    w->plen4 < 1 || w->plen4 > 32 || w->plen6 < 1 || w->plen6 > 128 ||
	    w->nodelay > 1 || w->fastopen > 1 || w->log > ACCESS_JSON ||
	    w->transparent > 1)
		return bad_value;
	return NULL;
}

const char *
check_conf_bind(const void *data, size_t len)
{
	const struct wire_bind	*w = data;

	(void)len;
	if (!TEXT_OK(w->interface))
		return no_end;
	if (w->slot >= MUX_BINDS_MAX || !ZERO_OK(w->zero))
		return bad_value;
	if (w->port == 0 || (w->addr.family != 0 && !is_host(&w->addr)))
		return bad_place;
	return NULL;
}

const char *
check_conf_offence(const void *data, size_t len)
{
	const struct wire_offence	*w = data;

	(void)len;
	if (w->kind < OFFENCE_UNKNOWN || w->kind >= OFFENCE_MAX ||
	    w->times < 1 || w->within <= 0 || w->ban <= 0 || w->zero != 0)
		return bad_value;
	return NULL;
}

const char *
check_conf_route(const void *data, size_t len)
{
	const struct wire_route	*w = data;

	(void)len;
	if (!TEXT_OK(w->where) || !TEXT_OK(w->label))
		return no_end;
	if (w->id == 0 || w->slot >= MUX_ROUTES_MAX ||
	    w->action < ROUTE_TO || w->action > ROUTE_TARPIT ||
	    w->proxy > 2 || w->transparent > 1 || w->after < 0 || w->idle < 0)
		return bad_value;
	return NULL;
}

const char *
check_conf_cond(const void *data, size_t len)
{
	const struct wire_cond	*w = data;
	size_t			 n = len - sizeof(*w);

	if (w->kind < COND_SNI || w->kind > COND_REGEX || w->masked > 1 ||
	    w->len > MUX_COND_MAX_LEN || w->offset > 65535)
		return bad_value;
	if (n != (size_t)w->len * (w->masked + 1))
		return "a condition of the wrong length";
	return (n == 0) != (w->kind == COND_FROM) ? bad_value : NULL;
}

/* In a child. */

static void
need(int good, const char *what)
{
	if (!good)
		fatalx("configuration: the parent sent a wrong %s", what);
}

static void
rx_mux(struct conf *c, const void *data, size_t len)
{
	struct wire_mux	w;

	(void)len;
	memcpy(&w, data, sizeof(w));
	c->mux.drain = w.drain;
}

static void
rx_pool(struct conf *c, const void *data, size_t len)
{
	struct conf_pool	*p = conf_pool_new();

	(void)len;
	memcpy(&p->w, data, sizeof(p->w));
	need(conf_pool_byid(&c->mux, p->w.id) == NULL, "pool");
	TAILQ_INSERT_TAIL(&c->mux.pools, p, entry);
}

static void
rx_member(struct conf *c, const void *data, size_t len)
{
	struct conf_pool	*p = TAILQ_LAST(&c->mux.pools, conf_pools);
	struct conf_member	*m = xcalloc(sizeof(*m));

	(void)len;
	memcpy(&m->w, data, sizeof(m->w));
	need(p != NULL && m->w.pool == p->w.id, "member");
	TAILQ_INSERT_TAIL(&p->members, m, entry);
}

static void
rx_tap(struct conf *c, const void *data, size_t len)
{
	struct conf_tap	*t = xcalloc(sizeof(*t));

	(void)len;
	memcpy(&t->w, data, sizeof(t->w));
	need(conf_tap_byid(&c->mux, t->w.id) == NULL, "tap");
	TAILQ_INSERT_TAIL(&c->mux.taps, t, entry);
}

static void
rx_listener(struct conf *c, const void *data, size_t len)
{
	struct conf_listener	*l = conf_listener_new();

	(void)len;
	memcpy(&l->w, data, sizeof(l->w));
	need(conf_listener_byid(&c->mux, l->w.id) == NULL &&
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

	(void)len;
	memcpy(&b->w, data, sizeof(b->w));
	TAILQ_INSERT_TAIL(&last_listener(c, b->w.listener)->binds, b, entry);
}

static void
rx_offence(struct conf *c, const void *data, size_t len)
{
	struct conf_offence	*o = xcalloc(sizeof(*o));

	(void)len;
	memcpy(&o->w, data, sizeof(o->w));
	TAILQ_INSERT_TAIL(&last_listener(c, o->w.listener)->offences, o,
	    entry);
}

static void
rx_route(struct conf *c, const void *data, size_t len)
{
	struct conf_route	*r = conf_route_new();
	struct conf_listener	*l;

	(void)len;
	memcpy(&r->w, data, sizeof(r->w));
	l = last_listener(c, r->w.listener);
	need((r->w.action == ROUTE_TO) ==
	    (conf_pool_byid(&c->mux, r->w.pool) != NULL) &&
	    (r->w.tap == 0 || conf_tap_byid(&c->mux, r->w.tap) != NULL),
	    "route");
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
	    (cond->w.kind == COND_FROM) ==
	    (conf_table_byid(c, cond->w.table) != NULL), "condition");
	cond->data = xcalloc(n + 1);
	memcpy(cond->data, (const char *)data + sizeof(cond->w), n);
	TAILQ_INSERT_TAIL(&r->conds, cond, entry);
}

#define RX(type, name)							\
	{ type, sizeof(struct wire_##name), check_conf_##name, rx_##name }

static const struct {
	uint32_t	 type;
	size_t		 size;		/* M_CONF_COND: or more */
	const char	*(*check)(const void *, size_t);
	void		(*fn)(struct conf *, const void *, size_t);
} receivers[] = {
	RX(M_CONF_MUX, mux), RX(M_CONF_POOL, pool),
	RX(M_CONF_MEMBER, member), RX(M_CONF_TAP, tap),
	RX(M_CONF_LISTENER, listener), RX(M_CONF_BIND, bind),
	RX(M_CONF_OFFENCE, offence), RX(M_CONF_ROUTE, route),
	RX(M_CONF_COND, cond)
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
		need(receivers[i].check(data, len) == NULL, "value");
		receivers[i].fn(c, data, len);
		return 1;
	}
	return conf_relay_receive(c, type, data, len);
}

/*
 * A configuration from the parent's messages, in a child.  conf_check.c says
 * what a part must be by itself; here is what it must be beside the parts that
 * came before it.  What a sane parent never sends is fatal.
 */
#include <stdlib.h>
#include <string.h>

#include "conf.h"
#include "conf_list.h"
#include "log.h"
#include "msg.h"

static struct {
	struct conf		*conf;
	struct conf_table	*table;		/* the last of its kind */
	struct conf_watch	*watch;
	struct conf_pool	*pool;
	struct conf_listener	*listener;
	struct conf_route	*route;
	size_t			 left;		/* prefixes yet to come */
	int			 global;	/* M_CONF_GLOBAL was here */
} rx;

/* A message, checked by itself. */
struct part {
	const void	*w;		/* its wire struct */
	const void	*more;		/* what follows that */
	size_t		 len;		/* ... as many bytes */
};

static void
need(int good, const char *what)
{
	if (!good)
		fatalx("configuration: the parent sent a wrong %s", what);
}

/* With a NUL after it. */
static void *
more(const struct part *m)
{
	char	*copy = conf_alloc(m->len + 1);

	memcpy(copy, m->more, m->len);
	return copy;
}

#define TAKE(item, m)	memcpy(&(item)->w, (m)->w, sizeof((item)->w))

/* What is only kept: into this list, if that holds for it. */
#define RX(name, head, good)						\
static void								\
rx_##name(const struct part *m)						\
{									\
	struct conf_##name	*item = conf_alloc(sizeof(*item));	\
									\
	TAKE(item, m);							\
	need(good, #name);						\
	TAILQ_INSERT_TAIL(head, item, entry);				\
}

static int
is_table(uint32_t id)
{
	return conf_table_byid(rx.conf, id) != NULL;
}

static int
is_table_or_none(uint32_t id)
{
	return id == 0 || is_table(id);
}

static void
rx_begin(const struct part *m)
{
	uint32_t	generation;

	memcpy(&generation, m->w, sizeof(generation));
	need(generation != 0, "generation");
	conf_free(rx.conf);
	memset(&rx, 0, sizeof(rx));
	rx.conf = conf_new();
	rx.conf->generation = generation;
}

static void
rx_global(const struct part *m)
{
	need(!rx.global, "second global part");
	rx.global = 1;
	memcpy(&rx.conf->global, m->w, sizeof(rx.conf->global));
}

static void
rx_table(const struct part *m)
{
	struct conf_table	*t = conf_alloc(sizeof(*t));

	prefixset_init(&t->prefixes);
	TAKE(t, m);
	need(rx.watch == NULL && !is_table(t->w.id) &&
	    conf_table_byname(rx.conf, t->w.name) == NULL, "table");
	TAILQ_INSERT_TAIL(&rx.conf->tables, t, entry);
	rx.table = t;
	rx.left = t->w.count;
}

static void
rx_prefixes(const struct part *m)
{
	struct wire_prefixes	 head;
	const struct prefix	*p = m->more;
	size_t			 n = m->len / sizeof(*p);

	memcpy(&head, m->w, sizeof(head));
	need(rx.table != NULL && head.table == rx.table->w.id && n <= rx.left,
	    "number of prefixes");
	for (rx.left -= n; n > 0; n--, p++)
		if (prefixset_add(&rx.table->prefixes, p) == -1)
			fatal("configuration");
}

RX(status, &rx.conf->statuses, conf_status_find(rx.conf, &item->w) == NULL)

/* Watches. */

static void
rx_watch(const struct part *m)
{
	struct conf_watch	*w = conf_watch_new();

	TAKE(w, m);
	need(conf_watch_byid(rx.conf, w->w.id) == NULL &&
	    conf_watch_byhash(rx.conf, w->w.hash) == NULL, "watch");
	TAILQ_INSERT_TAIL(&rx.conf->watches, w, entry);
	rx.watch = w;
}

static int
of_watch(uint32_t id)
{
	return rx.watch != NULL && rx.watch->w.id == id;
}

static void
rx_zone(const struct part *m)
{
	struct conf_watch	*w = rx.watch;

	need(w != NULL && w->tz == NULL && *w->w.zone != '\0' &&
	    m->len <= ZONE_MAX_LEN, "zone");
	w->tz = more(m);
	w->tzlen = m->len;
}

RX(source, &rx.watch->sources, of_watch(item->w.watch))
RX(limit, &rx.watch->limits, of_watch(item->w.watch))
RX(exempt, &rx.watch->exempts, of_watch(item->w.watch) &&
    (item->w.kind != EXEMPT_TABLE || is_table(item->w.table)))
RX(inbound, &rx.watch->inbounds, of_watch(item->w.watch))
RX(filter, &rx.watch->filters, of_watch(item->w.watch))

/* The same with a text after the struct. */
#define RX_TEXT(name, head, good)					\
static void								\
rx_##name(const struct part *m)						\
{									\
	struct conf_##name	*item = conf_alloc(sizeof(*item));	\
									\
	TAKE(item, m);							\
	need(good, #name);						\
	item->text = more(m);						\
	item->len = m->len;						\
	TAILQ_INSERT_TAIL(head, item, entry);				\
}

static int
is_filter_or_none(uint32_t id)
{
	struct conf_filter	*f;

	TAILQ_FOREACH(f, &rx.watch->filters, entry)
		if (f->w.id == id)
			return 1;
	return id == 0;
}

RX_TEXT(pattern, &rx.watch->patterns, of_watch(item->w.watch) &&
    is_filter_or_none(item->w.filter))
RX_TEXT(ignore, &rx.watch->ignores, of_watch(item->w.watch) &&
    is_table_or_none(item->w.table))
RX_TEXT(run, &rx.watch->runs, of_watch(item->w.watch))

/* The mux. */

static void
rx_mux(const struct part *m)
{
	struct wire_mux	w;

	memcpy(&w, m->w, sizeof(w));
	rx.conf->mux.drain = w.drain;
}

static void
rx_pool(const struct part *m)
{
	struct conf_pool	*p = conf_pool_new();

	TAKE(p, m);
	need(conf_pool_byid(&rx.conf->mux, p->w.id) == NULL, "pool");
	TAILQ_INSERT_TAIL(&rx.conf->mux.pools, p, entry);
	rx.pool = p;
}

RX(member, &rx.pool->members,
    rx.pool != NULL && rx.pool->w.id == item->w.pool)
RX(tap, &rx.conf->mux.taps,
    conf_tap_byid(&rx.conf->mux, item->w.id) == NULL)

static void
rx_listener(const struct part *m)
{
	struct conf_listener	*l = conf_listener_new();

	TAKE(l, m);
	need(conf_listener_byid(&rx.conf->mux, l->w.id) == NULL &&
	    is_table_or_none(l->w.trusted), "listener");
	TAILQ_INSERT_TAIL(&rx.conf->mux.listeners, l, entry);
	rx.listener = l;
	rx.route = NULL;
}

static int
of_listener(uint32_t id)
{
	return rx.listener != NULL && rx.listener->w.id == id;
}

RX(bind, &rx.listener->binds, of_listener(item->w.listener))
RX(offence, &rx.listener->offences, of_listener(item->w.listener))

static void
rx_route(const struct part *m)
{
	struct conf_route	*r = conf_route_new();

	TAKE(r, m);
	need(of_listener(r->w.listener) && (r->w.action == ROUTE_TO) ==
	    (conf_pool_byid(&rx.conf->mux, r->w.pool) != NULL) &&
	    (r->w.tap == 0 ||
	    conf_tap_byid(&rx.conf->mux, r->w.tap) != NULL), "route");
	TAILQ_INSERT_TAIL(&rx.listener->routes, r, entry);
	rx.route = r;
}

static void
rx_cond(const struct part *m)
{
	struct conf_cond	*c = conf_alloc(sizeof(*c));

	TAKE(c, m);
	need(rx.route != NULL && rx.route->w.id == c->w.route &&
	    (c->w.kind == COND_FROM) == is_table(c->w.table), "condition");
	c->data = more(m);
	TAILQ_INSERT_TAIL(&rx.route->conds, c, entry);
}

/* Relays. */

static void
rx_relay(const struct part *m)
{
	struct conf_relay	*r = conf_relay_new();

	TAKE(r, m);
	need(of_listener(r->w.listener) && rx.listener->relay == NULL &&
	    rx.listener->w.kind != LISTEN_MUX &&
	    is_table_or_none(r->w.allow) && is_table_or_none(r->w.deny),
	    "relay");
	rx.listener->relay = r;
}

/* The one whose listener came last. */
static struct conf_relay *
relay_of(uint32_t listener)
{
	need(of_listener(listener) && rx.listener->relay != NULL,
	    "part of a relay");
	return rx.listener->relay;
}

static void
rx_relay_client(const struct part *m)
{
	struct conf_relay_client	*n = conf_relay_client_new();
	struct conf_relay		*r;

	TAKE(n, m);
	r = relay_of(n->w.listener);
	need(r->nclients < RELAY_CLIENTS_MAX, "client of a relay");
	n->sources = more(m);
	TAILQ_INSERT_TAIL(&r->clients, n, entry);
	r->nclients++;
}

static void
rx_relay_server(const struct part *m)
{
	struct conf_relay_server	*n = conf_alloc(sizeof(*n));
	struct conf_relay		*r;

	TAKE(n, m);
	r = relay_of(n->w.listener);
	TAILQ_INSERT_TAIL(&r->servers, n, entry);
	r->nservers++;
}

static struct conf *
end(const void *w)
{
	struct conf		*c = rx.conf;
	struct conf_table	*t;
	uint32_t		 generation;

	memcpy(&generation, w, sizeof(generation));
	need(rx.global && generation == c->generation, "end");
	need(is_table_or_none(c->global.never), "never-table");
	TAILQ_FOREACH(t, &c->tables, entry)
		prefixset_build(&t->prefixes);
	memset(&rx, 0, sizeof(rx));
	return c;
}

#define PART(type, name)						\
	{ type, sizeof(struct wire_##name), rx_##name }

static const struct {
	uint32_t	 type;
	size_t		 size;		/* of the wire struct */
	void		(*fn)(const struct part *);
} parts[] = {
	{ M_CONF_BEGIN, sizeof(uint32_t), rx_begin },
	PART(M_CONF_GLOBAL, global), PART(M_CONF_TABLE, table),
	PART(M_CONF_PREFIXES, prefixes), PART(M_CONF_STATUS, status),
	PART(M_CONF_WATCH, watch), { M_CONF_ZONE, 0, rx_zone },
	PART(M_CONF_SOURCE, source), PART(M_CONF_LIMIT, limit),
	PART(M_CONF_EXEMPT, exempt), PART(M_CONF_INBOUND, inbound),
	PART(M_CONF_FILTER, filter), PART(M_CONF_PATTERN, pattern),
	PART(M_CONF_IGNORE, ignore), PART(M_CONF_RUN, run),
	PART(M_CONF_MUX, mux), PART(M_CONF_POOL, pool),
	PART(M_CONF_MEMBER, member), PART(M_CONF_TAP, tap),
	PART(M_CONF_LISTENER, listener), PART(M_CONF_BIND, bind),
	PART(M_CONF_OFFENCE, offence), PART(M_CONF_ROUTE, route),
	PART(M_CONF_COND, cond), PART(M_CONF_RELAY, relay),
	PART(M_CONF_RELAY_CLIENT, relay_client),
	PART(M_CONF_RELAY_SERVER, relay_server)
};

struct conf *
conf_receive(uint32_t type, const void *data, size_t len)
{
	struct part	 m = { .w = data };
	const char	*why;
	size_t		 i;

	if ((why = msg_fault(type, data, len)) != NULL)
		fatalx("configuration: the parent sent %s %s", msg_name(type),
		    why);
	need(rx.conf != NULL || type == M_CONF_BEGIN, "order of parts");
	need(rx.left == 0 || type == M_CONF_PREFIXES || type == M_CONF_BEGIN,
	    "number of prefixes");
	if (type == M_CONF_END)
		return end(data);
	for (i = 0; i < nitems(parts); i++) {
		if (parts[i].type != type)
			continue;
		need(len >= parts[i].size, "length");
		m.more = (const char *)data + parts[i].size;
		m.len = len - parts[i].size;
		parts[i].fn(&m);
		return NULL;
	}
	fatalx("configuration: %s is no part of it", msg_name(type));
}

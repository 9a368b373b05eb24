/*
 * A configuration on its way to a child: which role needs which part of it.
 */
#include <string.h>

#include "channel.h"
#include "conf.h"
#include "conf_list.h"
#include "imsg.h"
#include "log.h"
#include "msg.h"

/* Prefixes in one M_CONF_PREFIXES. */
#define PREFIXES_CHUNK							\
	((IMSG_MAX - IMSG_HEADER_SIZE - sizeof(struct wire_prefixes)) /	\
	    sizeof(struct prefix))

#define SEND(type, item)						\
	channel_send(ch, type, 0, &(item)->w, sizeof((item)->w))

/* What follows the struct of an item. */
#define SEND_MORE(type, item, more, len)				\
	channel_send2(ch, type, 0, &(item)->w, sizeof((item)->w), more, len)

#define SEND_LIST(type, head) do {					\
	ITEM_OF(head)	item;						\
									\
	TAILQ_FOREACH(item, head, entry)				\
		SEND(type, item);					\
} while (0)

#define SEND_TEXTS(type, head) do {					\
	ITEM_OF(head)	item;						\
									\
	TAILQ_FOREACH(item, head, entry)				\
		SEND_MORE(type, item, item->text, item->len);		\
} while (0)

#define PART_GLOBAL	0x01
#define PART_NEVER	0x02	/* the never-table */
#define PART_WATCH	0x04	/* what a watch is and may ask for */
#define PART_RULE	0x08	/* its sources, limits, exempts, their tables */
#define PART_STATUS	0x10	/* where the status page is */
#define PART_RUN	0x20	/* the commands of a watch */
#define PART_MUX	0x40	/* listeners, routes, pools, their tables */
#define PART_OFFENCE	0x80	/* what listeners may ask bans for */

static const struct {
	enum role	 role;
	unsigned int	 parts;
} needs[] = {
	{ ROLE_ENFORCER, PART_GLOBAL | PART_NEVER | PART_WATCH |
	    PART_OFFENCE },
	{ ROLE_LEDGER,	 PART_GLOBAL | PART_WATCH | PART_RUN },
	{ ROLE_CONTROL,	 PART_GLOBAL | PART_NEVER | PART_WATCH | PART_STATUS |
	    PART_MUX },
	{ ROLE_PARSER,	 PART_GLOBAL | PART_NEVER | PART_WATCH | PART_RULE |
	    PART_RUN },
	{ ROLE_MUX,	 PART_GLOBAL | PART_NEVER | PART_MUX },
};

static unsigned int
parts_of(enum role role)
{
	size_t	i;

	for (i = 0; i < nitems(needs); i++)
		if (needs[i].role == role)
			return needs[i].parts;
	fatalx("configuration: %s is sent none", role_name(role));
}

static int
table_is_asked(const struct conf *c, uint32_t id)
{
	struct conf_watch	*w;
	struct conf_exempt	*e;
	struct conf_ignore	*i;

	TAILQ_FOREACH(w, &c->watches, entry) {
		TAILQ_FOREACH(e, &w->exempts, entry)
			if (e->w.kind == EXEMPT_TABLE && e->w.table == id)
				return 1;
		TAILQ_FOREACH(i, &w->ignores, entry)
			if (i->w.kind == IGNORE_TABLE && i->w.table == id)
				return 1;
	}
	return 0;
}

static void
send_table(struct channel *ch, const struct conf_table *t)
{
	struct wire_table	 w = t->w;
	struct wire_prefixes	 head = { t->w.id };
	size_t			 i, n;

	w.count = t->prefixes.n;
	channel_send(ch, M_CONF_TABLE, 0, &w, sizeof(w));
	for (i = 0; i < t->prefixes.n; i += n) {
		n = t->prefixes.n - i;
		if (n > PREFIXES_CHUNK)
			n = PREFIXES_CHUNK;
		channel_send2(ch, M_CONF_PREFIXES, 0, &head, sizeof(head),
		    t->prefixes.list + i, n * sizeof(struct prefix));
	}
}

static void
send_tables(struct channel *ch, const struct conf *c, unsigned int parts)
{
	struct conf_table	*t;

	TAILQ_FOREACH(t, &c->tables, entry)
		if (((parts & PART_NEVER) && t->w.id == c->global.never) ||
		    ((parts & PART_RULE) && table_is_asked(c, t->w.id)) ||
		    ((parts & PART_MUX) && conf_mux_asks(c, t->w.id)))
			send_table(ch, t);
}

/* Watches. */

static void
send_rule(struct channel *ch, const struct conf_watch *w)
{
	if (w->tzlen > 0)
		channel_send(ch, M_CONF_ZONE, 0, w->tz, w->tzlen);
	SEND_LIST(M_CONF_SOURCE, &w->sources);
	SEND_LIST(M_CONF_LIMIT, &w->limits);
	SEND_LIST(M_CONF_EXEMPT, &w->exempts);
	SEND_LIST(M_CONF_INBOUND, &w->inbounds);
	SEND_LIST(M_CONF_FILTER, &w->filters);
	SEND_TEXTS(M_CONF_PATTERN, &w->patterns);
	SEND_TEXTS(M_CONF_IGNORE, &w->ignores);
}

static void
send_watch(struct channel *ch, const struct conf_watch *w, unsigned int parts)
{
	SEND(M_CONF_WATCH, w);
	if (parts & PART_RULE)
		send_rule(ch, w);
	if (parts & PART_RUN)
		SEND_TEXTS(M_CONF_RUN, &w->runs);
}

/* The mux. */

/*
 * Whoever passes sockets knows which marks they may have, and whether they are
 * transparent.
 */
static void
send_marks(struct channel *ch, const struct conf_listener *l)
{
	struct wire_relay		 w = { .listener = l->w.id,
					    .tproxy = l->relay->w.tproxy };
	struct wire_relay_server	 mark;
	struct conf_relay_server	*s;

	channel_send(ch, M_CONF_RELAY, 0, &w, sizeof(w));
	TAILQ_FOREACH(s, &l->relay->servers, entry) {
		memset(&mark, 0, sizeof(mark));
		mark.listener = l->w.id;
		mark.mark = s->w.mark;
		channel_send(ch, M_CONF_RELAY_SERVER, 0, &mark, sizeof(mark));
	}
}

static void
send_relay(struct channel *ch, const struct conf_listener *l)
{
	struct conf_relay_client	*c;

	l->relay->w.listener = l->w.id;
	SET_EACH(&l->relay->clients, listener, l->w.id);
	SET_EACH(&l->relay->servers, listener, l->w.id);
	SEND(M_CONF_RELAY, l->relay);
	TAILQ_FOREACH(c, &l->relay->clients, entry)
		SEND_MORE(M_CONF_RELAY_CLIENT, c, c->sources,
		    c->w.n * sizeof(*c->sources));
	SEND_LIST(M_CONF_RELAY_SERVER, &l->relay->servers);
}

static void
send_routes(struct channel *ch, const struct conf_listener *l)
{
	struct conf_route	*r;
	struct conf_cond	*c;

	TAILQ_FOREACH(r, &l->routes, entry) {
		SEND(M_CONF_ROUTE, r);
		TAILQ_FOREACH(c, &r->conds, entry)
			SEND_MORE(M_CONF_COND, c, c->data,
			    c->w.masked ? 2 * c->w.len : c->w.len);
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
	struct wire_listener	 w = l->w;

	if (offences) {
		w.trusted = 0;
		w.transparent = is_transparent(l);
	}
	channel_send(ch, M_CONF_LISTENER, 0, &w, sizeof(w));
	SEND_LIST(M_CONF_OFFENCE, &l->offences);
	SEND_LIST(M_CONF_BIND, &l->binds);
	if (l->relay != NULL && channel_peer(ch) == ROLE_ENFORCER)
		send_marks(ch, l);
	/* Tokens and keys are for who compares them. */
	if (l->relay != NULL && channel_peer(ch) == ROLE_MUX)
		send_relay(ch, l);
	if (!offences)
		send_routes(ch, l);
}

static void
send_pools(struct channel *ch, const struct conf_mux *m)
{
	struct conf_pool	*p;

	TAILQ_FOREACH(p, &m->pools, entry) {
		SEND(M_CONF_POOL, p);
		SEND_LIST(M_CONF_MEMBER, &p->members);
	}
}

/* All, or (offences) only listeners and what they may ask for. */
static void
send_mux(struct channel *ch, const struct conf_mux *m, int offences)
{
	struct wire_mux		 w = { .drain = m->drain };
	struct conf_listener	*l;

	channel_send(ch, M_CONF_MUX, 0, &w, sizeof(w));
	if (!offences) {
		send_pools(ch, m);
		SEND_LIST(M_CONF_TAP, &m->taps);
	}
	TAILQ_FOREACH(l, &m->listeners, entry)
		send_listener(ch, l, offences);
}

void
conf_send(struct channel *ch, const struct conf *c, enum role to)
{
	struct wire_global	 global = c->global;
	struct conf_watch	*w;
	unsigned int		 parts = parts_of(to);

	if (!(parts & PART_NEVER))
		global.never = 0;
	channel_send(ch, M_CONF_BEGIN, 0, &c->generation,
	    sizeof(c->generation));
	channel_send(ch, M_CONF_GLOBAL, 0, &global, sizeof(global));
	send_tables(ch, c, parts);
	TAILQ_FOREACH(w, &c->watches, entry)
		send_watch(ch, w, parts);
	if (parts & PART_STATUS)
		SEND_LIST(M_CONF_STATUS, &c->statuses);
	if (parts & (PART_MUX | PART_OFFENCE))
		send_mux(ch, &c->mux, !(parts & PART_MUX));
	channel_send(ch, M_CONF_END, 0, &c->generation,
	    sizeof(c->generation));
}

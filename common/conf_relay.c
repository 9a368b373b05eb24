/*
 * See conf_relay.h.
 */
#include <stdlib.h>
#include <string.h>

#include "channel.h"
#include "conf.h"
#include "conf_relay.h"
#include "log.h"
#include "msg.h"
#include "msg_check.h"

static void *
xcalloc(size_t size)
{
	void	*p;

	if ((p = calloc(1, size)) == NULL)
		fatal("configuration");
	return p;
}

struct conf_relay *
conf_relay_new(void)
{
	struct conf_relay	*r = xcalloc(sizeof(*r));

	TAILQ_INIT(&r->clients);
	TAILQ_INIT(&r->servers);
	return r;
}

struct conf_relay_client *
conf_relay_client_new(void)
{
	return xcalloc(sizeof(struct conf_relay_client));
}

static void
token_free(char *token)
{
	if (token != NULL)
		freezero(token, strlen(token));
}

void
conf_relay_client_free(struct conf_relay_client *c)
{
	free(c->sources);
	token_free(c->token);
	freezero(c, sizeof(*c));
}

void
conf_relay_free(struct conf_relay *r)
{
	struct conf_relay_client	*c;
	struct conf_relay_server	*s;

	if (r == NULL)
		return;
	while ((c = TAILQ_FIRST(&r->clients)) != NULL) {
		TAILQ_REMOVE(&r->clients, c, entry);
		conf_relay_client_free(c);
	}
	while ((s = TAILQ_FIRST(&r->servers)) != NULL) {
		TAILQ_REMOVE(&r->servers, s, entry);
		token_free(s->token);
		freezero(s, sizeof(*s));
	}
	free(r);
}

/* To a child. */

/* Who passes sockets: which marks, and whether listeners are transparent. */
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

void
conf_relay_send(struct channel *ch, const struct conf_listener *l)
{
	struct conf_relay_client	*c;
	struct conf_relay_server	*s;
	struct wire_relay		 w;

	if (l->relay != NULL && channel_peer(ch) == ROLE_ENFORCER)
		send_marks(ch, l);
	/* Tokens and keys are for who compares them. */
	if (l->relay == NULL || channel_peer(ch) != ROLE_MUX)
		return;
	w = l->relay->w;
	w.listener = l->w.id;
	channel_send(ch, M_CONF_RELAY, 0, &w, sizeof(w));
	TAILQ_FOREACH(c, &l->relay->clients, entry) {
		c->w.listener = l->w.id;
		channel_send2(ch, M_CONF_RELAY_CLIENT, 0, &c->w, sizeof(c->w),
		    c->sources, c->w.n * sizeof(*c->sources));
	}
	TAILQ_FOREACH(s, &l->relay->servers, entry) {
		s->w.listener = l->w.id;
		channel_send(ch, M_CONF_RELAY_SERVER, 0, &s->w, sizeof(s->w));
	}
}

/* The fault, or NULL. */

static const char	bad_value[] = "a value out of range";

static int
key_ok(uint32_t len)
{
	return len == 0 || (len >= RELAY_KEY_MIN && len <= RELAY_KEY_LEN);
}

const char *
check_conf_relay(const void *data, size_t len)
{
	const struct wire_relay	*w = data;

	(void)len;
	return w->any_port > 1 || w->any_client > 1 || w->tproxy > 1 ||
	    w->zero != 0 ? bad_value : NULL;
}

const char *
check_conf_relay_client(const void *data, size_t len)
{
	const struct wire_relay_client	*w = data;
	const unsigned char		*p = data;
	struct prefix			 prefix;
	uint32_t			 i;

	if (w->n > RELAY_SOURCES_MAX || !key_ok(w->key_len))
		return bad_value;
	if (len != sizeof(*w) + w->n * sizeof(prefix))
		return "a client of the wrong length";
	for (i = 0; i < w->n; i++) {
		memcpy(&prefix, p + sizeof(*w) + i * sizeof(prefix),
		    sizeof(prefix));
		if (!prefix_valid(&prefix))
			return msg_bad_prefix;
	}
	return NULL;
}

const char *
check_conf_relay_server(const void *data, size_t len)
{
	const struct wire_relay_server	*w = data;

	(void)len;
	if (!TEXT_OK(w->interface))
		return "a string without its end";
	if (!key_ok(w->key_len) || !ZERO_OK(w->zero))
		return bad_value;
	return w->local.family == 0 || (prefix_valid(&w->local) &&
	    prefix_is_host(&w->local)) ? NULL : msg_bad_prefix;
}

/* In a child. */

static void
need(int good, const char *what)
{
	if (!good)
		fatalx("configuration: the parent sent a wrong %s", what);
}

static struct conf_listener *
last(struct conf *c, uint32_t id)
{
	struct conf_listener	*l = TAILQ_LAST(&c->mux.listeners,
				    conf_listeners);

	need(l != NULL && l->w.id == id && l->w.kind != LISTEN_MUX,
	    "part of a relay");
	return l;
}

static int
is_table(struct conf *c, uint32_t id)
{
	return id == 0 || conf_table_byid(c, id) != NULL;
}

static void
rx_relay(struct conf *c, const void *data)
{
	struct conf_relay	*r = conf_relay_new();
	struct conf_listener	*l;

	memcpy(&r->w, data, sizeof(r->w));
	l = last(c, r->w.listener);
	need(l->relay == NULL && is_table(c, r->w.allow) &&
	    is_table(c, r->w.deny), "relay");
	l->relay = r;
}

static void
rx_client(struct conf *c, const void *data, size_t len)
{
	struct conf_relay_client	*n = conf_relay_client_new();
	struct conf_listener		*l;

	memcpy(&n->w, data, sizeof(n->w));
	l = last(c, n->w.listener);
	need(l->relay != NULL && l->relay->nclients < RELAY_CLIENTS_MAX,
	    "client of a relay");
	len -= sizeof(n->w);
	n->sources = xcalloc(len + 1);
	memcpy(n->sources, (const char *)data + sizeof(n->w), len);
	TAILQ_INSERT_TAIL(&l->relay->clients, n, entry);
	l->relay->nclients++;
}

static void
rx_server(struct conf *c, const void *data)
{
	struct conf_relay_server	*n = xcalloc(sizeof(*n));
	struct conf_listener		*l;

	memcpy(&n->w, data, sizeof(n->w));
	l = last(c, n->w.listener);
	need(l->relay != NULL, "server of a relay");
	TAILQ_INSERT_TAIL(&l->relay->servers, n, entry);
	l->relay->nservers++;
}

int
conf_relay_receive(struct conf *c, uint32_t type, const void *data,
    size_t len)
{
	switch (type) {
	case M_CONF_RELAY:
		need(len == sizeof(struct wire_relay) &&
		    check_conf_relay(data, len) == NULL, "relay");
		rx_relay(c, data);
		return 1;
	case M_CONF_RELAY_CLIENT:
		need(len >= sizeof(struct wire_relay_client) &&
		    check_conf_relay_client(data, len) == NULL,
		    "client of a relay");
		rx_client(c, data, len);
		return 1;
	case M_CONF_RELAY_SERVER:
		need(len == sizeof(struct wire_relay_server) &&
		    check_conf_relay_server(data, len) == NULL,
		    "server of a relay");
		rx_server(c, data);
		return 1;
	}
	return 0;
}

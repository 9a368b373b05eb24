/*
 * The relay's client: what was redirected here goes to one of its servers,
 * after a header that says where it wanted to go and from where.
 */
#include <sys/socket.h>

#include <netinet/in.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6/ip6_tables.h>

#include "child.h"
#include "log.h"
#include "msg.h"
#include "mux.h"
#include "relay_side.h"
#include "srcproxy.h"

/* Where it wanted to go: 0, or -1: nobody redirected it. */
static int
dialled(struct conn *c)
{
	struct sockaddr_storage	ss;
	struct prefix		own;
	uint16_t		own_port;
	socklen_t		len = sizeof(ss);
	int			fd = c->client.fd;

	if (getsockname(fd, (struct sockaddr *)&ss, &len) == -1 ||
	    addr_from_sockaddr(&own, (struct sockaddr *)&ss, &own_port) == -1)
		return -1;
	if (c->l->relay->c->w.tproxy) {
		c->to = own;
		c->to_port = own_port;
		return 0;
	}
	len = sizeof(ss);
	if ((own.family == AF_INET ? getsockopt(fd, SOL_IP, SO_ORIGINAL_DST,
	    &ss, &len) : getsockopt(fd, SOL_IPV6, IP6T_SO_ORIGINAL_DST, &ss,
	    &len)) == -1 || addr_from_sockaddr(&c->to,
	    (struct sockaddr *)&ss, &c->to_port) == -1)
		return -1;
	return prefix_cmp(&c->to, &own) == 0 && c->to_port == own_port ?
	    -1 : 0;
}

/* To ourselves: it would come back without end. */
static int
is_listener(const struct conn *c)
{
	struct conf_bind	*b;

	TAILQ_FOREACH(b, &c->l->c->binds, entry)
		if (b->w.port == c->to_port && prefix_cmp(&b->w.addr,
		    &c->to) == 0)
			return 1;
	return 0;
}

void
relay_client_begin(struct conn *c)
{
	c->state = CONN_CONNECT;
	if (dialled(c) == -1 || addr_is_loopback(&c->to) || is_listener(c)) {
		log_debug("relay client %s: nobody redirected it", c->l->w->
		    name);
		c->relay->said = 1;
		side_reset(&c->client);
		conn_end(c, END_ROUTE);
		return;
	}
	decide_route(c, c->l->routes.otherwise);
}

/* The server that c->m is. */
static const struct wire_relay_server *
server_of(const struct conn *c)
{
	struct conf_relay_server	*s;
	size_t				 i;

	i = (size_t)(c->m - c->m->pool->members);
	TAILQ_FOREACH(s, &c->l->relay->c->servers, entry)
		if (i-- == 0)
			return &s->w;
	fatalx("relay client %s: a server that there is not", c->l->w->name);
}

/* Joined. */

int
relay_joined(struct conn *c)
{
	const struct wire_relay_server	*w;
	struct srcproxy			 s = { .to = c->to, .from = c->from,
	    .to_port = c->to_port, .from_port = c->from_port };
	uint8_t				 buf[SRCPROXY_MAX];
	size_t				 n;

	if (c->l->w->kind != LISTEN_RELAY_CLIENT)
		return 0;
	w = server_of(c);
	if (w->key_len > 0) {
		s.at = wall_now();
		arc4random_buf(s.nonce, sizeof(s.nonce));
		n = srcproxy_write_signed(buf, &s, w->key, w->key_len);
	} else {
		memcpy(s.auth, w->auth, sizeof(w->auth));
		s.auth_len = sizeof(w->auth);
		n = srcproxy_write(buf, &s);
	}
	return send(c->server.fd, buf, n, MSG_NOSIGNAL | MSG_DONTWAIT) ==
	    (ssize_t)n ? 0 : -1;
}

/* To a server. */

enum upstream
relay_connect(struct conn *c, int fd, const struct prefix *p, uint16_t port)
{
	struct sockaddr_storage	ss;
	socklen_t		len = addr_to_sockaddr(p, port, &ss);

	return upstream_start(c, &ss, len, fd);
}

static int
set_way(struct conn *c, const struct wire_relay_server *w, int fd)
{
	if (*w->interface != '\0' && setsockopt(fd, SOL_SOCKET,
	    SO_BINDTODEVICE, w->interface, sizeof(w->interface)) == -1) {
		c->relay->what = "the interface cannot be used";
		return -1;
	}
	if (w->local.family != 0 && relay_bind(fd, &w->local, 0) == -1) {
		c->relay->what = "the local address cannot be used";
		return -1;
	}
	return 0;
}

static enum upstream
go(struct conn *c, int fd)
{
	struct sockaddr_storage	ss;
	socklen_t		len;
	int			saved;

	c->relay->what = "the server";
	if ((len = member_sockaddr(c->m, &ss)) == 0)
		errno = EADDRNOTAVAIL;
	else if (set_way(c, server_of(c), fd) == 0)
		return upstream_start(c, &ss, len, fd);
	saved = errno;
	close(fd);
	errno = saved;
	return UPSTREAM_FAILED;
}

/* The enforcer may say where packets go; the answer names the connection. */
static enum upstream
ask_mark(struct conn *c, uint32_t mark)
{
	struct msg_mux_want	m;

	memset(&m, 0, sizeof(m));
	m.kind = MUX_WANT_MARK;
	m.number = c->m->addrs[0].family;
	m.stream = SOCK_STREAM;
	m.count = 1;
	m.mark = mark;
	c->relay->waits = 1;
	channel_send(child_channel(ROLE_ENFORCER, 0), M_MUX_CLEAR,
	    (uint32_t)c->id, &m, sizeof(m));
	return UPSTREAM_WAITING;
}

void
relay_marked(uint32_t id, const struct msg_mux_want *m, int fd)
{
	struct conn	*c;

	TAILQ_FOREACH_REVERSE(c, &conns, conns, entry)
		if ((uint32_t)c->id == id && c->relay != NULL &&
		    c->relay->waits)
			break;
	if (c == NULL) {
		if (fd != -1)
			close(fd);
		return;
	}
	c->relay->waits = 0;
	if (fd != -1) {
		join_upstream(c, go(c, fd), fd);
		return;
	}
	/* Of its server that says nothing. */
	c->relay->what = "no socket with a mark";
	c->relay->error = m->error;
	side_reset(&c->client);
	conn_end(c, END_ERROR);
}

enum upstream
relay_client_open(struct conn *c, int *fdp)
{
	const struct wire_relay_server	*w = server_of(c);

	if (w->mark != 0 && c->m->naddrs > 0)
		return ask_mark(c, w->mark);
	*fdp = socket(c->m->addrs[0].family, SOCK_STREAM | SOCK_NONBLOCK |
	    SOCK_CLOEXEC, 0);
	return *fdp == -1 ? UPSTREAM_FAILED : go(c, *fdp);
}

/*
 * See upstream.h.  What is asked for comes in its order: a queue for each
 * member (or family) of connections that wait, and a few sockets ahead.
 */
#include <sys/socket.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "log.h"
#include "msg.h"
#include "upstream.h"

#define AHEAD		32	/* transparent sockets of a family */
#define LOW		8	/* ask for more */

/* Transparent sockets, as the enforcer makes them. */
static struct clear {
	uint32_t	family;
	unsigned int	n, asked;
	int		fds[AHEAD];
} clears[2] = { { .family = AF_INET }, { .family = AF_INET6 } };

static struct clear *
clear_of(uint32_t family)
{
	return &clears[family == AF_INET6];
}

static void
ask_clear(struct clear *c)
{
	struct msg_mux_want	m;

	if (c->n + c->asked > LOW)
		return;
	memset(&m, 0, sizeof(m));
	m.kind = MUX_WANT_CLEAR;
	m.number = c->family;
	m.stream = SOCK_STREAM;
	m.count = AHEAD - c->n - c->asked;
	c->asked += m.count;
	channel_send(child_channel(ROLE_ENFORCER, 0), M_MUX_CLEAR, 0, &m,
	    sizeof(m));
}

void
upstream_ahead(void)
{
	ask_clear(&clears[0]);
	ask_clear(&clears[1]);
}

void
upstream_cleared(const struct msg_mux_want *m, int fd)
{
	struct clear	*c = clear_of(m->number);

	if (c->asked > 0)
		c->asked--;
	if (fd == -1) {
		log_warnx("transparent sockets: %s", strerror(m->error));
		return;
	}
	if (c->n == AHEAD)
		close(fd);
	else
		c->fds[c->n++] = fd;
}

static int
take_clear(uint32_t family)
{
	struct clear	*c = clear_of(family);
	int		 fd = -1;

	if (c->n > 0)
		fd = c->fds[--c->n];
	else
		errno = EAGAIN;
	ask_clear(c);
	return fd;
}

static socklen_t
fill(struct sockaddr_storage *ss, const struct prefix *p, uint16_t port)
{
	struct sockaddr_in	*in = (struct sockaddr_in *)ss;
	struct sockaddr_in6	*in6 = (struct sockaddr_in6 *)ss;

	memset(ss, 0, sizeof(*in6));
	ss->ss_family = p->family;
	if (p->family == AF_INET) {
		memcpy(&in->sin_addr, p->addr, sizeof(in->sin_addr));
		in->sin_port = htons(port);
		return sizeof(*in);
	}
	memcpy(&in6->sin6_addr, p->addr, sizeof(in6->sin6_addr));
	in6->sin6_port = htons(port);
	return sizeof(*in6);
}

/* The client's own address; its port too, or any if that cannot be had. */
static int
bind_client(struct conn *c, int fd)
{
	struct sockaddr_storage	ss;
	socklen_t		len;
	static int		said;

	len = fill(&ss, &c->from, c->from_port);
	if (bind(fd, (struct sockaddr *)&ss, len) == 0)
		return 0;
	if (errno != EADDRINUSE && errno != EACCES)
		return -1;
	if (!said++)
		log_info("connection %llu: port %u of its client cannot be "
		    "had: %s; another is used", (unsigned long long)c->id,
		    c->from_port, strerror(errno));
	len = fill(&ss, &c->from, 0);
	return bind(fd, (struct sockaddr *)&ss, len);
}

static int
open_socket(struct conn *c, const struct sockaddr_storage *to)
{
	int	fd;

	if (!c->r->w->transparent || to->ss_family != c->from.family)
		return socket(to->ss_family, SOCK_STREAM | SOCK_NONBLOCK |
		    SOCK_CLOEXEC, 0);
	if ((fd = take_clear(to->ss_family)) == -1)
		return -1;
	if (bind_client(c, fd) == 0)
		return fd;
	close(fd);
	return -1;
}

static void
set_options(const struct listener *l, int fd)
{
	int	on = 1, idle;

	if (l->w->nodelay)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (l->w->keepalive > 0) {
		idle = (int)((l->w->keepalive + 999) / 1000);
		setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
		setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle,
		    sizeof(idle));
	}
}

/* A unix socket: the parent connects it. */
static enum upstream
ask_parent(struct conn *c)
{
	struct msg_mux_want	m;

	memset(&m, 0, sizeof(m));
	m.kind = MUX_WANT_UNIX;
	m.number = c->m->w->slot;
	m.stream = SOCK_STREAM;
	m.count = 1;
	/* The answer names the connection; one that has gone gets none. */
	channel_send(child_parent, M_MUX_WANT, (uint32_t)c->id, &m,
	    sizeof(m));
	return UPSTREAM_WAITING;
}

void
upstream_given(uint32_t id, const struct msg_mux_want *m, int fd)
{
	struct conn	*c;

	TAILQ_FOREACH_REVERSE(c, &conns, conns, entry)
		if ((uint32_t)c->id == id && c->state == CONN_CONNECT &&
		    c->server.fd == -1 && c->m != NULL &&
		    c->m->w->slot == m->number)
			break;
	if (c != NULL)
		conn_upstream(c, fd);
	else if (fd != -1)
		close(fd);
}

enum upstream
upstream_open(struct conn *c, int *fdp)
{
	struct sockaddr_storage	ss;
	socklen_t		len;
	int			fd;

	if (c->m->w->kind == MEMBER_UNIX)
		return ask_parent(c);
	if ((len = member_sockaddr(c->m, &ss)) == 0) {
		errno = EADDRNOTAVAIL;
		return UPSTREAM_FAILED;
	}
	if ((fd = open_socket(c, &ss)) == -1)
		return UPSTREAM_FAILED;
	set_options(c->l, fd);
	*fdp = fd;
	if (connect(fd, (struct sockaddr *)&ss, len) == 0)
		return UPSTREAM_CONNECTED;
	if (errno == EINPROGRESS)
		return UPSTREAM_CONNECTING;
	close(fd);
	return UPSTREAM_FAILED;
}

void
upstream_cancel(struct conn *c)
{
	/* What comes late finds nobody: see upstream_given(). */
	(void)c;
}

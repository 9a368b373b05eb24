/*
 * See upstream.h.  What is asked for comes in its order: a queue for each
 * member (or family) of connections that wait, and a few sockets ahead.
 */
#include <sys/socket.h>

#include <netinet/in.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "log.h"
#include "msg.h"
#include "relay_side.h"
#include "upstream.h"

#define STOCK		64	/* transparent sockets of a family */
#define LOW		32	/* ask for more */

/* Transparent sockets, as the enforcer makes them. */
static struct clear {
	uint32_t	family;
	unsigned int	n, asked;
	int		fds[STOCK];
} clears[2] = { { .family = AF_INET }, { .family = AF_INET6 } };

static int		stocked;
static unsigned int	waiting;	/* connections, for one of them */

static struct clear *
clear_of(uint32_t family)
{
	return &clears[family == AF_INET6];
}

static void
ask_clear(struct clear *c)
{
	struct channel		*ch = child_channel(ROLE_ENFORCER, 0);
	struct msg_mux_want	 m;

	/* Who is not there yet is asked when he is. */
	if (ch == NULL || c->n + c->asked > LOW)
		return;
	memset(&m, 0, sizeof(m));
	m.kind = MUX_WANT_CLEAR;
	m.number = c->family;
	m.stream = SOCK_STREAM;
	m.count = STOCK - c->n - c->asked;
	c->asked += m.count;
	channel_send(ch, M_MUX_CLEAR, 0, &m, sizeof(m));
}

unsigned int
upstream_stock(void)
{
	return stocked ? 2 * STOCK : 0;
}

void
upstream_ahead(void)
{
	stocked = 1;
	ask_clear(&clears[0]);
	ask_clear(&clears[1]);
}

/* The client's own address, and a port; 0: the kernel's choice. */
static int
bind_client(const struct conn *c, int fd, uint16_t port)
{
	struct sockaddr_storage	ss;
	socklen_t		len = addr_to_sockaddr(&c->from, port, &ss);
	int			on = 1;

	/* Towards another member the same port is in use, maybe. */
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (port == 0)
		setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on,
		    sizeof(on));
	return bind(fd, (struct sockaddr *)&ss, len);
}

static int
is_taken(int error)
{
	return error == EADDRINUSE || error == EADDRNOTAVAIL ||
	    error == EACCES;
}

static void
say_taken(const struct conn *c, int error)
{
	static int	said;

	if (!said++)
		log_notice("listen %s: port %u of a client cannot be had "
		    "towards its member: %s: another is used, now and "
		    "whenever that is so", c->l->w->name, c->from_port,
		    strerror(error));
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

/* Decided or ahead, without a socket yet. */
static int
is_waiting(const struct conn *c)
{
	return c->m != NULL && c->server.fd == -1 &&
	    (c->state == CONN_CONNECT || c->ahead == AHEAD_CONNECTING);
}

void
upstream_given(uint32_t id, const struct msg_mux_want *m, int fd)
{
	struct conn	*c;

	TAILQ_FOREACH_REVERSE(c, &conns, conns, entry)
		if ((uint32_t)c->id == id && is_waiting(c) &&
		    c->m->w->slot == m->number)
			break;
	if (c == NULL) {
		if (fd != -1)
			close(fd);
		return;
	}
	c->server.passed = 1;
	errno = m->error;
	join_upstream(c, fd == -1 ? UPSTREAM_FAILED : UPSTREAM_CONNECTED, fd);
}

/*
 * On this host the handshake is over when connect(2) returns, though it does
 * not say so: then the bytes that are here go at once.  0: errno does, 0 if
 * it is connected.
 */
static int
is_under_way(struct conn *c, int fd)
{
	const uint8_t	*p;
	size_t		 n;
	ssize_t		 sent;

	if (c->m->w->kind != MEMBER_ADDRESS ||
	    !addr_is_loopback(&c->m->w->addr))
		return 1;
	n = decide_peeked(c, &p);
	if (c->r->w->proxy != 0 || c->r->w->tap != 0 ||
	    c->l->w->bandwidth != 0)
		n = 0;
	errno = 0;
	if ((sent = send(fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT)) == -1)
		return errno == EAGAIN;
	c->early = (uint32_t)sent;
	return 0;
}

enum upstream
upstream_start(struct conn *c, const struct sockaddr_storage *ss,
    socklen_t len, int fd)
{
	int	saved;

	if (connect(fd, (const struct sockaddr *)ss, len) == 0)
		return UPSTREAM_CONNECTED;
	if (errno == EINPROGRESS && is_under_way(c, fd))
		return UPSTREAM_CONNECTING;
	if (errno == 0)
		return UPSTREAM_CONNECTED;
	saved = errno;
	close(fd);
	errno = saved;
	return UPSTREAM_FAILED;
}

/* From the client's address and this port, with a socket of the stock. */
static enum upstream
try_clear(struct conn *c, struct clear *clear, uint16_t port,
    const struct sockaddr_storage *ss, socklen_t len, int *fdp)
{
	int	saved;

	*fdp = clear->fds[--clear->n];
	c->server.passed = 1;
	ask_clear(clear);
	if (bind_client(c, *fdp, port) == 0)
		return upstream_start(c, ss, len, *fdp);
	saved = errno;
	close(*fdp);
	errno = saved;
	return UPSTREAM_FAILED;
}

/* His own port, too, or any if that cannot be had. */
static enum upstream
start_clear(struct conn *c, struct clear *clear,
    const struct sockaddr_storage *ss, socklen_t len, int *fdp)
{
	enum upstream	status;

	status = try_clear(c, clear, c->from_port, ss, len, fdp);
	if (status != UPSTREAM_FAILED || (c->relay == NULL ?
	    !is_taken(errno) : !relay_unbound(c, errno)))
		return status;
	if (c->relay == NULL)
		say_taken(c, errno);
	if (clear->n > 0)
		return try_clear(c, clear, 0, ss, len, fdp);
	errno = EADDRNOTAVAIL;
	return UPSTREAM_FAILED;
}

static enum upstream
bind_failed(int fd)
{
	int	saved = errno;

	close(fd);
	errno = saved;
	return UPSTREAM_FAILED;
}

enum upstream
upstream_open(struct conn *c, int *fdp)
{
	struct sockaddr_storage	 ss;
	struct clear		*clear;
	socklen_t		 len;

	if (c->relay != NULL && !c->r->w->transparent)
		return relay_open(c, fdp);
	if (c->m->w->kind == MEMBER_UNIX)
		return ask_parent(c);
	len = c->relay != NULL ? addr_to_sockaddr(&c->to, c->to_port, &ss) :
	    member_sockaddr(c->m, &ss);
	if (len == 0) {
		errno = EADDRNOTAVAIL;
		return UPSTREAM_FAILED;
	}
	if (c->r->w->transparent && ss.ss_family == c->from.family) {
		clear = clear_of(ss.ss_family);
		if (clear->n > 0)
			return start_clear(c, clear, &ss, len, fdp);
		ask_clear(clear);
		c->waits_clear = 1;
		waiting++;
		return UPSTREAM_WAITING;
	}
	if ((*fdp = socket(ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK |
	    SOCK_CLOEXEC, 0)) == -1)
		return UPSTREAM_FAILED;
	if (pool_bind(c->r->pool, *fdp, ss.ss_family, 1) == -1)
		return bind_failed(*fdp);
	return upstream_start(c, &ss, len, *fdp);
}

void
upstream_cancel(struct conn *c)
{
	/* What the parent connects too late finds nobody. */
	waiting -= c->waits_clear;
	c->waits_clear = 0;
}

/* The first of those that wait for this family. */
static struct conn *
first_waiting(uint32_t family)
{
	struct conn	*c = NULL;

	if (waiting > 0)
		TAILQ_FOREACH(c, &conns, entry)
			if (c->waits_clear && c->from.family == family)
				break;
	return c;
}

void
upstream_cleared(const struct msg_mux_want *m, int fd)
{
	struct clear	*clear = clear_of(m->number);
	struct conn	*c;
	enum upstream	 status;

	if (clear->asked > 0)
		clear->asked--;
	if (fd == -1 && clear->asked == 0)
		log_warnx("transparent sockets: %s", strerror(m->error));
	if (fd != -1 && clear->n == STOCK)
		close(fd);
	else if (fd != -1)
		clear->fds[clear->n++] = fd;
	if (clear->n == 0 || (c = first_waiting(m->number)) == NULL)
		return;
	upstream_cancel(c);
	status = upstream_open(c, &fd);
	join_upstream(c, status, fd);
}

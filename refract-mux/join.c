/*
 * Joining a connection to a member of its route's pool: the next one is tried
 * when one fails, and with the whole pool down `otherwise`, or a reset.  A
 * route whose server speaks first has its member connected ahead.
 */
#include <sys/socket.h>

#include <errno.h>
#include <string.h>

#include "access.h"
#include "header.h"
#include "log.h"
#include "mux.h"
#include "relay_side.h"
#include "tap.h"
#include "upstream.h"

#define BUSY_RETRY	50	/* ms */

static void	connect_next(struct conn *);

/* Connected. */

static void
start_relay(struct conn *c)
{
	atomic_fetch_add(&c->m->shared->total, 1);
	atomic_fetch_add(&c->m->shared->connections, 1);
	c->state = CONN_RELAY;
	c->active = c->joined = wheel_now();
	/* Bytes that were looked at are still there; a relay's are not. */
	if (c->relay == NULL)
		c->client.readable = 1;
	wheel_clear(&c->timer);
	if (c->early > 0 && relay_early(c) == -1) {
		conn_end(c, END_CLIENT);
		return;
	}
	if ((c->relay != NULL && relay_joined(c) == -1) ||
	    (c->r->w->proxy != 0 && header_send(c) == -1)) {
		conn_end(c, END_SERVER);
		return;
	}
	if (c->r->w->tap != 0)
		tap_begin(c);
	relay(c);
}

static void
connected(struct conn *c)
{
	uint64_t	us = mux_now_us() - c->began_connect;

	hist_add(&c->r->shared->connect, us);
	hist_add(&c->m->shared->connect, us);
	if (member_connected(c->m))
		access_member(c->m, 0);
	c->server.writable = 1;
	if (c->state == CONN_PEEK)
		c->ahead = AHEAD_READY;
	else
		start_relay(c);
}

/* Nobody is left. */

static void
change_route(struct conn *c, struct route *r)
{
	atomic_fetch_add(&c->r->shared->errors, 1);
	atomic_fetch_sub(&c->r->shared->connections, 1);
	c->r = r;
	atomic_fetch_add(&r->shared->connections, 1);
	atomic_fetch_add(&r->shared->total, 1);
	c->tried.n = 0;
}

/* A member's queue is full: there may be room soon. */
static int
wait_busy(struct conn *c)
{
	if (c->busy_since == 0 || c->state != CONN_CONNECT ||
	    wheel_now() - c->busy_since >= (uint64_t)c->l->w->connect_time)
		return 0;
	c->waits_busy = 1;
	c->tried.n = 0;
	conn_set_timer(c, BUSY_RETRY);
	return 1;
}

static void
all_down(struct conn *c)
{
	struct route	*o = c->l->routes.otherwise;
	int		 tried = c->tried.n > 0;

	if (wait_busy(c))
		return;
	if (!tried && pool_is_down(c->r->pool))
		access_pool(c->r->pool);
	if (c->state == CONN_PEEK) {
		join_drop_ahead(c);
		c->ahead = AHEAD_FAILED;
		return;
	}
	if (c->r->pool->w->when_down == 0 && o != NULL && o != c->r &&
	    o->w->action == ROUTE_TO) {
		change_route(c, o);
		connect_next(c);
		return;
	}
	if (c->r->pool->w->when_down != ROUTE_DROP)
		side_reset(&c->client);
	conn_end(c, tried ? END_CONNECT : END_DOWN);
}

/* Ours: no descriptors or memory.  It says nothing of the member. */
static int
is_ours(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOBUFS ||
	    error == ENOMEM;
}

static void
blame(struct conn *c, int error)
{
	log_debug("connection %llu: pool %s: %s", (unsigned long long)c->id,
	    c->r->pool->w->name, strerror(error));
	if (error == EAGAIN && c->busy_since == 0)
		c->busy_since = wheel_now();
	if (c->relay != NULL)
		relay_blame(c, error);
	/* All ports towards it are in use; a unix socket's queue is full. */
	if (error != EADDRNOTAVAIL && error != EAGAIN &&
	    member_failed(c->m))
		access_member(c->m, error);
}

static void
connect_failed(struct conn *c, int error)
{
	side_close(&c->server);
	blame(c, error);
	connect_next(c);
}

static void
connecting(struct conn *c, int status, int fd)
{
	if (c->state == CONN_PEEK)
		c->ahead = AHEAD_CONNECTING;
	else
		conn_set_timer(c, c->l->w->connect_time);
	if (status == UPSTREAM_WAITING)
		return;
	side_add(&c->server, fd, status == UPSTREAM_CONNECTING);
	if (status == UPSTREAM_CONNECTED)
		connected(c);
}

static void
connect_next(struct conn *c)
{
	enum upstream	status;
	int		fd = -1;

	while ((c->m = pool_pick(c->r->pool, &c->from, c->from_port,
	    &c->tried)) != NULL) {
		c->began_connect = mux_now_us();
		status = upstream_open(c, &fd);
		if (status != UPSTREAM_FAILED) {
			connecting(c, status, fd);
			return;
		}
		if (is_ours(errno) && c->state != CONN_PEEK) {
			c->m = NULL;
			side_reset(&c->client);
			conn_end(c, END_ERROR);
			return;
		}
		blame(c, errno);
	}
	all_down(c);
}

void
join_upstream(struct conn *c, int status, int fd)
{
	if (status == UPSTREAM_FAILED)
		connect_failed(c, errno);
	else
		connecting(c, status, fd);
}

void
join_begin(struct conn *c)
{
	int	ahead = c->ahead;

	c->state = CONN_CONNECT;
	c->ahead = AHEAD_NONE;
	if (ahead == AHEAD_READY) {
		start_relay(c);
	} else if (ahead == AHEAD_CONNECTING) {
		conn_set_timer(c, c->l->w->connect_time);
	} else if (c->r->pool == NULL) {
		side_reset(&c->client);
		conn_end(c, END_DOWN);
	} else {
		c->tried.n = 0;
		connect_next(c);
	}
}

void
join_ahead(struct conn *c)
{
	c->tried.n = 0;
	if (c->r->pool == NULL)
		all_down(c);
	else
		connect_next(c);
}

void
join_drop_ahead(struct conn *c)
{
	c->ahead = AHEAD_NONE;
	upstream_cancel(c);
	side_close(&c->server);
	c->r = NULL;
	c->m = NULL;
}

void
join_event(struct conn *c)
{
	struct side	*s = &c->server;
	int		 error = 0;
	socklen_t	 len = sizeof(error);

	if (c->state == CONN_PEEK && c->ahead == AHEAD_READY) {
		if (s->broken)
			all_down(c);
		return;
	}
	if ((s->broken || s->ended) && getsockopt(s->fd, SOL_SOCKET, SO_ERROR,
	    &error, &len) == -1)
		error = errno;
	if (error != 0)
		connect_failed(c, error);
	else if (s->writable)
		connected(c);
}

void
join_timer(struct conn *c)
{
	if (c->waits_busy) {
		c->waits_busy = 0;
		connect_next(c);
		return;
	}
	upstream_cancel(c);
	connect_failed(c, ETIMEDOUT);
}

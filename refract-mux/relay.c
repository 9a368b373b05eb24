/*
 * The data path: bytes from one side of a connection to the other.
 *
 * One large buffer a worker; nothing is held for a connection that flows or is
 * silent.  What a side did not take of what was read is kept (`pending`) once;
 * from then on the other side is read by peeking: what is sent is what is then
 * taken off, so the bytes wait in the kernel, whose window tells the sender,
 * and we hold none.  When all is taken again, reading is plain: that is one
 * copy less.
 */
#include <sys/socket.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "mux.h"
#include "poller.h"
#include "tap.h"

#define BUFFER		(256 * 1024)
#define CHUNK_FIRST	(16 * 1024)
#define TURN		(1024 * 1024)	/* then others have their turn */
#define PENDING_MAX	(8 * 1024 * 1024)	/* of all connections */
#define KEEPALIVE	5000	/* ms: then it is asked for */
#define PAUSE		50	/* ms: `bandwidth` */
#define TELL		(1024 * 1024)	/* bytes until they are counted */

static uint8_t	buffer[BUFFER];
static size_t	pending;		/* bytes, of all */

uint64_t
mux_now_us(void)
{
	struct timespec	ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

/* How the relay of one way ends for this turn. */
enum moved { MOVED_ALL, MOVED_TURN, MOVED_FATAL };

/* It takes no more now: room is waited for. */
static void
blocked(struct side *s)
{
	s->writable = 0;
	if (!s->out)
		poller_again(s, 1);
}

static struct side *
from_side(struct conn *c, enum way way)
{
	return way == WAY_IN ? &c->client : &c->server;
}

static void
count(struct conn *c, enum way way, size_t n)
{
	c->bytes[way] += n;
	c->active = wheel_now();
	if (c->bytes[way] - c->told[way] >= TELL)
		conn_add_bytes(c);
	if (way == WAY_OUT && !c->first_byte) {
		uint64_t	us = mux_now_us() - c->began_connect;

		c->first_byte = 1;
		hist_add(&c->r->shared->first, us);
		hist_add(&c->m->shared->first, us);
	}
}

/* Keep what was not taken. */
static int
keep(struct side *to, const uint8_t *p, size_t n)
{
	if ((to->pending = malloc(n)) == NULL)
		return -1;
	memcpy(to->pending, p, n);
	to->npending = (uint32_t)n;
	to->at = 0;
	pending += n;
	return 0;
}

static void
drop_pending(struct side *s)
{
	pending -= s->npending;
	free(s->pending);
	s->pending = NULL;
	s->npending = s->at = 0;
}

/* 1: none left; 0: it takes no more now; -1. */
static int
flush(struct side *to)
{
	ssize_t	n;

	while (to->at < to->npending) {
		n = send(to->fd, to->pending + to->at, to->npending - to->at,
		    MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1 && errno == EAGAIN) {
			blocked(to);
			return 0;
		}
		if (n == -1)
			return -1;
		to->at += (uint32_t)n;
	}
	drop_pending(to);
	return 1;
}

/* last: the end comes right behind, and goes with it. */
static ssize_t
send_all(struct side *to, const uint8_t *p, size_t n, int last)
{
	ssize_t	sent;

	do
		sent = send(to->fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT |
		    (last ? MSG_MORE : 0));
	while (sent == -1 && errno == EINTR);
	if (sent == -1 && errno == EAGAIN)
		sent = 0;
	if (sent >= 0 && (size_t)sent < n)
		blocked(to);
	return sent;
}

/* Take what was sent off the peeked bytes. */
static int
take(struct side *from, size_t n)
{
	ssize_t	got;

	while (n > 0) {
		got = recv(from->fd, NULL, n, MSG_TRUNC | MSG_DONTWAIT);
		if (got == -1 && errno == EINTR)
			continue;
		if (got <= 0)
			return -1;
		n -= (size_t)got;
	}
	return 0;
}

int
relay_early(struct conn *c)
{
	if (take(&c->client, c->early) == -1)
		return -1;
	count(c, WAY_IN, c->early);
	/* All that had come by then: an edge tells of more. */
	c->client.readable = c->client.ended;
	c->early = 0;
	return 0;
}

int
relay_keep(struct conn *c, const uint8_t *p, size_t n)
{
	if (n > 0 && keep(&c->server, p, n) == -1)
		return -1;
	count(c, WAY_IN, n);
	return 0;
}

/* The first bytes are not delayed anyway: many connections say no more. */
static void
set_nodelay(struct conn *c)
{
	int	on = 1;

	c->nodelay = 1;
	if (c->l->w->nodelay)
		setsockopt(c->server.fd, IPPROTO_TCP, TCP_NODELAY, &on,
		    sizeof(on));
}

/* Only who lives long enough needs it. */
static void
set_keepalive(struct conn *c)
{
	int	on = 1, idle = (int)((c->l->w->keepalive + 999) / 1000);

	c->keepalive = 1;
	setsockopt(c->server.fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	setsockopt(c->server.fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle,
	    sizeof(idle));
}

static void
larger(struct side *from)
{
	if (from->chunk < BUFFER)
		from->chunk *= 2;
}

/* What one way may move now under `bandwidth`; 0: wait for the timer. */
static size_t
allowance(struct conn *c, enum way way, size_t most)
{
	uint64_t	rate = (uint64_t)c->l->w->bandwidth * 1024, now, n;

	if (rate == 0)
		return most;
	now = mux_now_us();
	if (c->allowed_at[way] > now) {
		c->paused = 1;
		return 0;
	}
	/* A tenth of a second at once. */
	n = rate / 10 > 1024 ? rate / 10 : 1024;
	return n < most ? n : most;
}

static void
spend(struct conn *c, enum way way, size_t n)
{
	uint64_t	rate = (uint64_t)c->l->w->bandwidth * 1024;

	if (rate > 0)
		c->allowed_at[way] = mux_now_us() + n * 1000000 / rate;
}

/* One read and one write: 1 go on, 0 not now, -1 it broke. */
static int
step(struct conn *c, enum way way, struct side *from, struct side *to,
    size_t *moved)
{
	size_t	want;
	ssize_t	n, sent;
	int	peek, last;

	if ((want = allowance(c, way, from->chunk)) == 0)
		return 0;
	peek = to->full || pending > PENDING_MAX;
	n = recv(from->fd, buffer, want, MSG_DONTWAIT | (peek ? MSG_PEEK : 0));
	if (n == -1) {
		if (errno == EINTR)
			return 1;
		from->readable = 0;
		return errno == EAGAIN ? 0 : -1;
	}
	if (n == 0) {
		from->eof = 1;
		return 0;
	}
	if (way == WAY_IN && !c->nodelay && c->bytes[WAY_IN] > 0)
		set_nodelay(c);
	/* Less than asked for: an edge tells of more, or it is all. */
	last = (size_t)n < want && from->ended && !from->broken;
	if ((sent = send_all(to, buffer, (size_t)n, last)) == -1)
		return -1;
	tap_bytes(c, way, buffer, (size_t)sent);
	if (peek ? take(from, (size_t)sent) == -1 : sent < n &&
	    keep(to, buffer + sent, (size_t)(n - sent)) == -1)
		return -1;
	if (!peek && sent < n)
		tap_bytes(c, way, buffer + sent, (size_t)(n - sent));
	count(c, way, peek ? (size_t)sent : (size_t)n);
	spend(c, way, (size_t)n);
	*moved += (size_t)n;
	to->full = sent < n;
	if (sent < n)
		from->chunk = CHUNK_FIRST;
	else if ((size_t)n == from->chunk)
		larger(from);
	else if ((size_t)n < want && !from->broken) {
		from->readable = 0;
		from->eof = from->ended;
	}
	return 1;
}

static enum moved
move(struct conn *c, enum way way)
{
	struct side	*from = from_side(c, way);
	struct side	*to = from_side(c, !way);
	size_t		 moved = 0;
	int		 status = 1;

	if (to->npending > 0 && to->writable && flush(to) == -1)
		return MOVED_FATAL;
	while (status == 1 && from->readable && !from->eof && to->writable &&
	    to->npending == 0 && !to->shut) {
		status = step(c, way, from, to, &moved);
		if (moved >= TURN && status == 1)
			return MOVED_TURN;
	}
	if (status == -1)
		return MOVED_FATAL;
	if (from->eof && to->npending == 0 && !to->shut) {
		/* With both ends here it is closed, which says the same. */
		if (!from->shut)
			shutdown(to->fd, SHUT_WR);
		to->shut = 1;
		c->active = wheel_now();
	}
	return MOVED_ALL;
}

/* Whoever broke it: the other one is reset too, not left with a lie. */
static void
broke(struct conn *c, enum way way)
{
	int		 saved = errno, client, over, error = 0;
	socklen_t	 len = sizeof(error);

	client = c->client.broken || (!c->server.broken &&
	    (way == WAY_IN) == (saved != EPIPE));
	if (c->client.fd != -1)
		getsockopt(c->client.fd, SOL_SOCKET, SO_ERROR, &error, &len);
	/* It had ended, or had all there is and leaves it unread. */
	over = client && (c->client.eof || (c->server.eof &&
	    c->client.npending == 0));
	side_reset(&c->client);
	side_reset(&c->server);
	/* The enforcer's way to end a banned one. */
	if (saved == ECONNABORTED || error == ECONNABORTED)
		conn_end(c, END_BANNED);
	else if (over)
		conn_end(c, END_CLOSED);
	else
		conn_end(c, client ? END_CLIENT : END_SERVER);
}

void
relay_timer(struct conn *c)
{
	uint64_t	now = wheel_now(), limit = UINT64_MAX, idle, half;

	if (!c->keepalive && c->l->w->keepalive > 0) {
		if (c->began + KEEPALIVE <= now)
			set_keepalive(c);
		else
			limit = c->began + KEEPALIVE;
	}
	idle = (uint64_t)(c->r->w->idle > 0 ? c->r->w->idle : c->l->w->idle);
	half = (uint64_t)c->l->w->half_closed;
	if (idle > 0 && c->active + idle < limit)
		limit = c->active + idle;
	if (half > 0 && (c->client.shut || c->server.shut) &&
	    c->active + half < limit)
		limit = c->active + half;
	if (limit <= now)
		conn_end(c, idle > 0 && c->active + idle <= now ? END_IDLE :
		    END_HALF);
	else if (limit != UINT64_MAX)
		wheel_set(&c->timer, limit);
}

/* What waits after this turn. */
static void
rest(struct conn *c, const enum moved moved[2])
{
	int	way;

	for (way = WAY_IN; way <= WAY_OUT; way++)
		if (moved[way] == MOVED_TURN)
			poller_again(from_side(c, way),
			    from_side(c, way)->out);
	if (c->paused)
		wheel_set(&c->timer, wheel_now() + PAUSE);
	else if (c->timer.at == 0)
		relay_timer(c);
}

void
relay(struct conn *c)
{
	enum moved	moved[2];
	int		way, shut = c->client.shut || c->server.shut;

	if (c->paused)
		wheel_clear(&c->timer);
	c->paused = 0;
	for (way = WAY_IN; way <= WAY_OUT; way++) {
		if (from_side(c, way)->chunk == 0)
			from_side(c, way)->chunk = CHUNK_FIRST;
		if ((moved[way] = move(c, way)) == MOVED_FATAL) {
			broke(c, way);
			return;
		}
	}
	if (c->client.shut && c->server.shut) {
		conn_end(c, END_CLOSED);
		return;
	}
	/* A reset that is stuck behind bytes which nobody takes. */
	if ((c->client.broken && moved[WAY_IN] == MOVED_ALL) ||
	    (c->server.broken && moved[WAY_OUT] == MOVED_ALL)) {
		errno = 0;
		broke(c, WAY_IN);
		return;
	}
	/* The time of a half-closed one begins. */
	if (!shut && (c->client.shut || c->server.shut))
		wheel_clear(&c->timer);
	rest(c, moved);
}

void
relay_free(struct conn *c)
{
	if (c->client.npending > 0)
		drop_pending(&c->client);
	if (c->server.npending > 0)
		drop_pending(&c->server);
}

/*
 * Accepting: see listener.h.  When descriptors are used up nobody is accepted
 * for a moment, which the kernel's queue bears; it is said, now and then.
 */
#include <sys/socket.h>

#include <netinet/in.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "args.h"
#include "check.h"
#include "child.h"
#include "flow.h"
#include "listener.h"
#include "log.h"
#include "mux.h"
#include "poller.h"
#include "relay_side.h"
#include "tap.h"
#include "timer.h"
#include "upstream.h"

#define ACCEPT_TURN	64	/* at once, then others have their turn */
#define PAUSE_MS	100
#define SAY_MS		60000
#define SPARE		20	/* channels and the like */

struct listening {
	TAILQ_ENTRY(listening)	 entry;
	uint32_t		 bind, shard;
	int			 fd;
	struct watch		 watch;
	struct listener		*l;	/* NULL: of no generation yet */
	struct dsock		*d;	/* of datagrams; else NULL */
	const struct wire_bind	*w;
	int			 tproxy;	/* was asked for */
	/* Not read: its flows come first, or have to go. */
	int			 held;
};

static TAILQ_HEAD(, listening)	 sockets = TAILQ_HEAD_INITIALIZER(sockets);
static struct event		*pause_ev;
static int			 paused;
static unsigned int		 limit, nsockets;

static void
hear(struct listening *s)
{
	if (s->l != NULL && !s->held)
		poller_watch(&s->watch);
}

static void
resume(void)
{
	struct listening	*s;

	paused = 0;
	event_del(pause_ev);
	TAILQ_FOREACH(s, &sockets, entry)
		hear(s);
}

/*
 * Connections that there are descriptors for, two for each.  One that the
 * parent passes must find room, or its message is lost and we are: so there is
 * a reserve for listening sockets of a reload.
 */
static unsigned int
room(void)
{
	unsigned int	kept = SPARE + limit / 16 + nsockets +
			    upstream_stock() + check_at_once() + tap_count();

	return limit > kept + 2 ? (limit - kept) / 2 : 1;
}

static void
on_pause(EVENT_ARGS)
{
	if (conn_count() < room())
		resume();
	else
		timer_set(pause_ev, PAUSE_MS);
}

static void
pause_all(int error)
{
	static uint64_t		 said;
	struct listening	*s;
	uint64_t		 now = mono_ms();

	if (said == 0 || now - said > SAY_MS) {
		log_warnx("no descriptors left (%s, limit %u): nobody is "
		    "accepted until connections end", strerror(error),
		    limit);
		said = now;
	}
	paused = 1;
	TAILQ_FOREACH(s, &sockets, entry)
		if (s->d == NULL)
			poller_ignore(&s->watch);
	timer_set(pause_ev, PAUSE_MS);
}

/* Not for each that ends: then all would be taken off and on again. */
void
listener_room(void)
{
	unsigned int	n = room();

	if (paused && conn_count() <= n - (n + 7) / 8)
		resume();
}

/* 1: there may be more. */
static int
accept_one(struct listening *s)
{
	struct sockaddr_storage	ss;
	socklen_t		len = sizeof(ss);
	int			fd;

	fd = accept4(s->fd, (struct sockaddr *)&ss, &len,
	    SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd != -1) {
		conn_accepted(s->l, s->w, fd, (struct sockaddr *)&ss);
		return 1;
	}
	switch (errno) {
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
		pause_all(errno);
		return 0;
	case EAGAIN:
		return 0;
	case ECONNABORTED:
	case EINTR:
	case EPERM:
	case EPROTO:
		return 1;
	}
	log_warn("listen %s: accept", s->l->w->name);
	return 0;
}

int
listener_full(void)
{
	return conn_count() >= room();
}

static void
on_readable(void *arg)
{
	struct listening	*s = arg;
	int			 i;

	if (s->d != NULL) {
		flow_receive(s->d, s->l, s->w);
		return;
	}
	for (i = 0; i < ACCEPT_TURN; i++) {
		if (conn_count() >= room()) {
			pause_all(EMFILE);
			return;
		}
		if (!accept_one(s))
			return;
	}
}

void
listener_init(struct event_base *b, unsigned int descriptors)
{
	limit = descriptors;
	if ((pause_ev = evtimer_new(b, on_pause, NULL)) == NULL)
		fatal("listeners");
}

static void
close_socket(struct listening *s)
{
	TAILQ_REMOVE(&sockets, s, entry);
	nsockets--;
	poller_ignore(&s->watch);
	if (s->d != NULL)
		flow_socket_close(s->d);
	else
		close(s->fd);
	free(s);
}

static struct listening *
find(uint32_t bind, uint32_t shard)
{
	struct listening	*s;

	TAILQ_FOREACH(s, &sockets, entry)
		if (s->bind == bind && s->shard == shard)
			break;
	return s;
}

/* What goes to others is taken here: only the enforcer may say so. */
static void
make_tproxy(struct listening *s)
{
	int	copy;

	if (s->tproxy || s->l->relay == NULL || !s->l->relay->c->w.tproxy)
		return;
	s->tproxy = 1;
	if ((copy = fcntl(s->fd, F_DUPFD_CLOEXEC, 3)) == -1)
		log_warn("listen %s: tproxy", s->l->w->name);
	else
		channel_send_fd(child_channel(ROLE_ENFORCER, 0), M_MUX_TPROXY,
		    0, copy, NULL, 0);
}

static int
is_datagram(int fd)
{
	int		type = 0;
	socklen_t	len = sizeof(type);

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 &&
	    type == SOCK_DGRAM;
}

/* Which listener of this generation it is; 0: of none. */
static int
belongs(struct listening *s, struct generation *g)
{
	struct conf_bind	*b;
	unsigned int		 i;

	s->l = NULL;
	for (i = 0; g != NULL && i < g->nlisteners; i++)
		TAILQ_FOREACH(b, &g->listeners[i].c->binds, entry)
			if (b->w.slot == s->bind) {
				s->l = &g->listeners[i];
				s->w = &b->w;
				make_tproxy(s);
				return 1;
			}
	return 0;
}

void
listener_socket(const struct msg_mux_socket *m, int fd)
{
	struct listening	*s;

	if ((s = find(m->bind, m->shard)) != NULL)
		close_socket(s);
	if ((s = calloc(1, sizeof(*s))) == NULL)
		fatal("listener");
	s->bind = m->bind;
	s->shard = m->shard;
	s->held = m->held != 0;
	s->fd = fd;
	if (is_datagram(fd))
		s->d = flow_socket(fd, s->bind);
	s->watch = (struct watch){ .fd = fd, .fn = on_readable, .arg = s };
	TAILQ_INSERT_TAIL(&sockets, s, entry);
	nsockets++;
	if (belongs(s, mux_current) && !paused)
		hear(s);
}

/* A shard that moves. */

static void
say_move(const struct listening *s, enum mux_move what)
{
	struct msg_mux_move	m = { .bind = s->bind, .shard = s->shard,
				    .what = what };

	channel_send(child_parent, M_MUX_MOVE, 0, &m, sizeof(m));
}

/* Answers go to the clients of those that are still here. */
static void
give(struct listening *s)
{
	if (flow_give(s->d, s->shard)) {
		say_move(s, MUX_MOVE_PAGE);
		return;
	}
	say_move(s, MUX_MOVE_DONE);
	close_socket(s);
}

void
listener_forget(const struct msg_mux_socket *m)
{
	struct listening	*s;

	if ((s = find(m->bind, m->shard)) == NULL)
		return;
	if (s->d == NULL) {
		close_socket(s);
		return;
	}
	s->held = 1;
	poller_ignore(&s->watch);
	give(s);
}

void
listener_flow(const struct msg_mux_flow *m, int fd)
{
	struct listening	*s = find(m->bind, m->shard);

	if (s == NULL || s->d == NULL || !s->held)
		close(fd);
	else
		flow_take(s->d, s->l, s->w, m, fd);
}

void
listener_move(const struct msg_mux_move *m)
{
	struct listening	*s = find(m->bind, m->shard);

	if (s == NULL || s->d == NULL || !s->held)
		return;
	switch ((enum mux_move)m->what) {
	case MUX_MOVE_PAGE:
		say_move(s, MUX_MOVE_TAKEN);
		break;
	case MUX_MOVE_TAKEN:
		give(s);
		break;
	case MUX_MOVE_DONE:
		s->held = 0;
		if (!paused)
			hear(s);
		break;
	case MUX_MOVE_MAX:
		break;
	}
}

void
listener_use(struct generation *g)
{
	struct listening	*s, *next;

	TAILQ_FOREACH_SAFE(s, &sockets, entry, next) {
		if (!belongs(s, g))
			close_socket(s);
		else if (!paused)
			hear(s);
	}
}

/* Flows of datagrams finish: they hear no less than before. */
void
listener_stop(void)
{
	struct listening	*s, *next;

	TAILQ_FOREACH_SAFE(s, &sockets, entry, next)
		if (s->d == NULL)
			close_socket(s);
		else
			s->l = NULL;
}

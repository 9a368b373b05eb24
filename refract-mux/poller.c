/*
 * See poller.h.  An epoll instance within another one would cost as much as
 * relaying a small answer does, so libevent's is within ours, and seldom has
 * something.  It does not tell its descriptor: poller_open() looks for it.
 *
 * An event may be of a descriptor that was closed in this very turn: its side
 * has none then, or one that was added in this turn.
 */
#include <sys/epoll.h>

#include <errno.h>
#include <limits.h>
#include <stdint.h>

#include <event2/event.h>

#include "child.h"
#include "clock.h"
#include "log.h"
#include "mux.h"
#include "poller.h"
#include "timer.h"

#define EVENTS	256	/* at once; then the others have their turn */
#define IN	(EPOLLIN | EPOLLRDHUP | EPOLLET)
#define LOWEST	64	/* libevent's was opened before all others */

static int		 ep = -1, busy, inner;
static uint32_t		 turn;
static struct watch	 libevent;

/* Of an epoll instance and of nothing else it is said: that is not in it. */
static int
find_libevent(void)
{
	int	fd, found = -1;

	for (fd = CHILD_FD + 1; fd < LOWEST; fd++) {
		if (epoll_ctl(fd, EPOLL_CTL_DEL, CHILD_FD, NULL) == 0 ||
		    errno != ENOENT)
			continue;
		if (found != -1)
			fatalx("two epoll instances");
		found = fd;
	}
	if (found == -1)
		fatalx("libevent does not use epoll");
	return found;
}

static void
on_libevent(void *arg)
{
	(void)arg;
	inner = 1;
}

void
poller_open(void)
{
	libevent.fd = find_libevent();
	libevent.fn = on_libevent;
	if ((ep = epoll_create1(EPOLL_CLOEXEC)) == -1)
		fatal("epoll");
	poller_watch(&libevent);
}

/* Milliseconds until the next timer; -1: there is none. */
static int
wait_ms(void)
{
	int64_t	wheel = INT64_MAX, timer = INT64_MAX, ms;

	/* Each by its own clock, or we would turn until they agree. */
	if (wheel_due() != 0)
		wheel = (int64_t)wheel_due() - (int64_t)wheel_now();
	if (timer_due() != INT64_MAX)
		timer = timer_due() - mono_now().ms;
	ms = wheel < timer ? wheel : timer;
	if (ms == INT64_MAX)
		return -1;
	return ms < 0 ? 0 : ms > INT_MAX ? INT_MAX : (int)ms;
}

/* A pointer's lowest bit says that it is a watch's. */
static void
dispatch(const struct epoll_event *e)
{
	struct watch	*w;
	struct side	*s;

	if (e->data.u64 & 1) {
		w = (struct watch *)(uintptr_t)(e->data.u64 - 1);
		if (w->on)
			w->fn(w->arg);
		return;
	}
	s = e->data.ptr;
	if (s->fd != -1 && s->since != turn)
		conn_event(s, e->events);
}

static void
run_libevent(void)
{
	int	timers = timer_due() <= mono_now().ms;

	if (!inner && !timers)
		return;
	inner = 0;
	if (event_base_loop(child_base, EVLOOP_NONBLOCK) == -1)
		fatalx("the event loop ended");
	if (timers)
		timer_look(child_base);
}

void
poller_run(void)
{
	struct epoll_event	list[EVENTS];
	int			i, n;

	for (;;) {
		if ((n = epoll_wait(ep, list, EVENTS, wait_ms())) == -1 &&
		    errno != EINTR)
			fatal("epoll");
		turn++;
		busy = 1;
		for (i = 0; i < n; i++)
			dispatch(&list[i]);
		busy = 0;
		conn_reap();
		if (wheel_due() != 0 && wheel_due() <= wheel_now())
			wheel_run();
		run_libevent();
	}
}

int
poller_busy(void)
{
	return busy;
}

static int
control(struct side *s, int op, int out)
{
	struct epoll_event	e = { .events = IN | (out ? EPOLLOUT : 0),
				    .data.ptr = s };

	s->out = out != 0;
	return epoll_ctl(ep, op, s->fd, &e);
}

int
poller_add(struct side *s, int out)
{
	s->since = turn;
	return control(s, EPOLL_CTL_ADD, out);
}

void
poller_again(struct side *s, int out)
{
	control(s, EPOLL_CTL_MOD, out);
}

void
poller_remove(struct side *s)
{
	epoll_ctl(ep, EPOLL_CTL_DEL, s->fd, NULL);
}

void
poller_watch(struct watch *w)
{
	struct epoll_event	e = { .events = EPOLLIN };

	if (w->on)
		return;
	e.data.u64 = (uintptr_t)w + 1;
	w->on = 1;
	if (epoll_ctl(ep, EPOLL_CTL_ADD, w->fd, &e) == -1)
		log_warn("epoll");
}

void
poller_ignore(struct watch *w)
{
	if (w->on && epoll_ctl(ep, EPOLL_CTL_DEL, w->fd, NULL) == -1)
		log_warn("epoll");
	w->on = 0;
}

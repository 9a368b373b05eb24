/*
 * See poller.h.  An event may be of a descriptor that was closed in this very
 * turn: its side has none then, or one that was added in this turn.
 */
#include <sys/epoll.h>

#include <event2/event.h>

#include "args.h"
#include "child.h"
#include "log.h"
#include "mux.h"
#include "poller.h"

#define EVENTS	256	/* at once; then the others have their turn */
#define IN	(EPOLLIN | EPOLLRDHUP | EPOLLET)

static int		 ep = -1, busy;
static uint32_t		 turn;
static struct event	*ready;

void
poller_open(void)
{
	if ((ep = epoll_create1(EPOLL_CLOEXEC)) == -1)
		fatal("epoll");
}

static void
on_ready(EVENT_ARGS)
{
	struct epoll_event	 list[EVENTS];
	struct side		*s;
	int			 i, n;

	if ((n = epoll_wait(ep, list, EVENTS, 0)) <= 0)
		return;
	turn++;
	busy = 1;
	for (i = 0; i < n; i++) {
		s = list[i].data.ptr;
		if (s->fd != -1 && s->since != turn)
			conn_event(s, list[i].events);
	}
	busy = 0;
	conn_reap();
	/* An edge: there may be more. */
	if (n == EVENTS)
		event_active(ready, EV_READ, 0);
}

void
poller_init(void)
{
	if ((ready = event_new(child_base, ep, EV_READ | EV_ET | EV_PERSIST,
	    on_ready, NULL)) == NULL || event_add(ready, NULL) == -1)
		fatal("epoll");
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

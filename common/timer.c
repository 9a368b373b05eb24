/*
 * libevent's timers, in milliseconds.
 */
#include <sys/time.h>

#include <event2/event.h>

#include <stdint.h>

#include "log.h"
#include "timer.h"

static int64_t	due = INT64_MAX;

static void
earlier(span_t ms)
{
	int64_t	at = mono_now().ms + (ms > 0 ? ms : 0);

	if (at < due)
		due = at;
}

void
timer_set(struct event *ev, span_t ms)
{
	struct timeval	tv = { 0, 0 };

	if (ms > 0) {
		tv.tv_sec = (time_t)(ms / 1000);
		tv.tv_usec = (suseconds_t)(ms % 1000 * 1000);
	}
	if (evtimer_add(ev, &tv) == -1)
		fatalx("timer: out of memory");
	earlier(ms);
}

int64_t
timer_due(void)
{
	return due;
}

static int
look(const struct event_base *base, const struct event *ev, void *arg)
{
	const struct timeval	*now = arg;
	struct timeval		 tv;

	(void)base;
	span_t			 ms;

	if (!event_pending(ev, EV_TIMEOUT, &tv))
		return 0;
	ms = (tv.tv_sec - now->tv_sec) * 1000 +
	    (tv.tv_usec - now->tv_usec + 999) / 1000;
	/* libevent's clock is a little late. */
	earlier(ms > 0 ? ms : 1);
	return 0;
}

void
timer_look(struct event_base *base)
{
	struct timeval	now;

	due = INT64_MAX;
	gettimeofday(&now, NULL);
	event_base_foreach_event(base, look, &now);
}

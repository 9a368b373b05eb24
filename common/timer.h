/*
 * libevent's timers, in milliseconds.
 */
#ifndef TIMER_H
#define TIMER_H

#include "clock.h"

struct event;
struct event_base;

/*
 * Fire so long from now (0 or less: in the next turn of the loop), also if it
 * waits already.  Out of memory is fatal.
 */
void	 timer_set(struct event *, span_t ms);
/*
 * For a loop of one's own around libevent's: no timer is due before this
 * (monotonic ms; INT64_MAX: none).  After libevent's loop has run because of
 * it, timer_look() finds the next one among all events.
 */
int64_t	 timer_due(void);
void	 timer_look(struct event_base *);

#endif

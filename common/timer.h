/*
 * libevent's timers, in milliseconds.
 */
#ifndef TIMER_H
#define TIMER_H

#include "clock.h"

struct event;

/*
 * Fire so long from now (0 or less: in the next turn of the loop), also if it
 * waits already.  Out of memory is fatal.
 */
void	 timer_set(struct event *, span_t ms);

#endif

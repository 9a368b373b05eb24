/*
 * Timers of connections: a hashed wheel, so that setting one costs nothing
 * and ten thousand that wait cost nothing either.  Good to WHEEL_TICK ms.
 */
#ifndef WHEEL_H
#define WHEEL_H

#include <sys/queue.h>

#include <stdint.h>

#define WHEEL_TICK	8	/* ms */

struct wheel_timer {
	LIST_ENTRY(wheel_timer)	 entry;
	uint64_t		 at;	/* monotonic ms; 0: not set */
};

/* fn may set, clear or free any timer. */
void	 wheel_init(void (*fn)(struct wheel_timer *));
/* When to run it, monotonic ms; 0: nothing waits. */
uint64_t wheel_due(void);
void	 wheel_run(void);
/* Fire at this time, also if it waits already. */
void	 wheel_set(struct wheel_timer *, uint64_t at);
void	 wheel_clear(struct wheel_timer *);
/* Monotonic ms as the loop saw it last: no system call. */
uint64_t wheel_now(void);

#endif

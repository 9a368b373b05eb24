/*
 * See wheel.h.  A slot holds all timers whose time falls on it in any round;
 * those of later rounds are passed over once in 16 s.
 */
#include <string.h>
#include <time.h>

#include "wheel.h"

#define SLOTS		2048
#define WORDS		(SLOTS / 64)

LIST_HEAD(slot, wheel_timer);

static struct {
	struct slot		 slots[SLOTS];
	uint64_t		 used[WORDS];	/* slots that may hold one */
	uint64_t		 done;		/* ticks that were looked at */
	uint64_t		 first;		/* tick; 0: not known */
	void			(*fn)(struct wheel_timer *);
} wheel;

uint64_t
wheel_now(void)
{
	struct timespec	ts;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* The first tick after `done` whose slot is in use; 0: none. */
static uint64_t
next_used(void)
{
	uint64_t	 tick = wheel.done + 1, word;
	unsigned int	 i, slot, shift;

	for (i = 0; i <= WORDS; i++) {
		slot = tick % SLOTS;
		shift = slot % 64;
		if ((word = wheel.used[slot / 64] >> shift) != 0)
			return tick + (unsigned int)__builtin_ctzll(word);
		tick += 64 - shift;
	}
	return 0;
}

/* Due ones go to a list of their own: whoever is called may change any. */
static void
turn_slot(uint64_t tick, uint64_t now)
{
	struct slot		*slot = &wheel.slots[tick % SLOTS], due;
	struct wheel_timer	*t, *next;

	LIST_INIT(&due);
	LIST_FOREACH_SAFE(t, slot, entry, next)
		if (t->at <= now) {
			LIST_REMOVE(t, entry);
			LIST_INSERT_HEAD(&due, t, entry);
		}
	while ((t = LIST_FIRST(&due)) != NULL) {
		LIST_REMOVE(t, entry);
		t->at = 0;
		wheel.fn(t);
	}
	if (LIST_EMPTY(slot))
		wheel.used[tick % SLOTS / 64] &=
		    ~((uint64_t)1 << tick % SLOTS % 64);
}

uint64_t
wheel_due(void)
{
	if (wheel.first == 0)
		wheel.first = next_used();
	return wheel.first * WHEEL_TICK;
}

void
wheel_run(void)
{
	uint64_t	now = wheel_now(), last = now / WHEEL_TICK, tick;

	if (last > wheel.done + SLOTS)
		wheel.done = last - SLOTS;
	while ((tick = next_used()) != 0 && tick <= last) {
		wheel.done = tick;
		turn_slot(tick, now);
	}
	if (wheel.done < last)
		wheel.done = last;
	wheel.first = 0;
}

void
wheel_init(void (*fn)(struct wheel_timer *))
{
	memset(&wheel, 0, sizeof(wheel));
	wheel.fn = fn;
	wheel.done = wheel_now() / WHEEL_TICK;
}

void
wheel_clear(struct wheel_timer *t)
{
	if (t->at == 0)
		return;
	LIST_REMOVE(t, entry);
	t->at = 0;
}

void
wheel_set(struct wheel_timer *t, uint64_t at)
{
	uint64_t	tick = (at + WHEEL_TICK - 1) / WHEEL_TICK;
	unsigned int	slot;

	wheel_clear(t);
	if (tick <= wheel.done)
		tick = wheel.done + 1;
	t->at = at == 0 ? 1 : at;
	slot = tick % SLOTS;
	LIST_INSERT_HEAD(&wheel.slots[slot], t, entry);
	wheel.used[slot / 64] |= (uint64_t)1 << slot % 64;
	if (tick < wheel.first)
		wheel.first = tick;
}

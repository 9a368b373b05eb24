/*
 * The wheel: timers fire in their order and not before their time, far ones
 * too, and whoever is called may change any.
 */
/* LINK: refract-mux/wheel.o */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "wheel.h"

#define TIMERS	2000

static struct wheel_timer	 timers[TIMERS];
static uint64_t			 due[TIMERS], fired[TIMERS];
static unsigned int		 nfired;
static int			 clear_others;

static void
on_fire(struct wheel_timer *t)
{
	size_t	i = (size_t)(t - timers);

	fired[i] = wheel_now();
	nfired++;
	assert_true(fired[i] >= due[i]);
	if (clear_others && i + 1 < TIMERS)
		wheel_clear(&timers[i + 1]);
}

static int
setup(void **state)
{
	(void)state;
	memset(timers, 0, sizeof(timers));
	memset(fired, 0, sizeof(fired));
	nfired = 0;
	clear_others = 0;
	wheel_init(on_fire);
	return 0;
}

/* As the loop does: sleep until it is due. */
static void
turn(void)
{
	uint64_t	due_at = wheel_due(), now = wheel_now();

	assert_int_not_equal(due_at, 0);
	if (due_at > now)
		usleep((useconds_t)(due_at - now) * 1000);
	wheel_run();
}

static void
set(unsigned int i, uint64_t after)
{
	due[i] = wheel_now() + after;
	wheel_set(&timers[i], due[i]);
}

/* Until nothing waits any more. */
static void
run(unsigned int n)
{
	while (nfired < n)
		turn();
}

static void
test_order(void **state)
{
	unsigned int	i, k;

	(void)state;
	srandom(1);
	for (i = 0; i < TIMERS; i++)
		set(i, (uint64_t)random() % 400);
	run(TIMERS);
	for (i = 0; i < TIMERS; i++)
		for (k = 0; k < TIMERS; k++)
			if (due[i] + 2 * WHEEL_TICK < due[k])
				assert_true(fired[i] <= fired[k]);
}

static void
test_clear(void **state)
{
	unsigned int	i;

	(void)state;
	for (i = 0; i < 100; i++)
		set(i, 20 + i);
	for (i = 0; i < 100; i += 2)
		wheel_clear(&timers[i]);
	wheel_clear(&timers[0]);
	run(50);
	for (i = 0; i < 100; i++)
		assert_int_equal(fired[i] != 0, i % 2);
}

/* Set again, earlier or later: the last word counts. */
static void
test_again(void **state)
{
	(void)state;
	set(0, 1000000);
	set(1, 10);
	set(0, 30);
	set(1, 60);
	run(2);
	assert_true(fired[0] <= fired[1]);
}

/* More than a turn of the wheel away, beside one that is near. */
static void
test_far(void **state)
{
	(void)state;
	set(0, 2048 * WHEEL_TICK + 16);
	set(1, 16);
	run(1);
	assert_int_equal(fired[0], 0);
	assert_int_not_equal(fired[1], 0);
	assert_int_not_equal(timers[0].at, 0);
}

/* Those of one tick end each other. */
static void
test_ends_others(void **state)
{
	unsigned int	i, n = 0;

	(void)state;
	clear_others = 1;
	for (i = 0; i < 100; i++)
		set(i, 16);
	set(TIMERS - 1, 100);
	while (fired[TIMERS - 1] == 0)
		turn();
	for (i = 0; i < 100; i++)
		n += fired[i] != 0;
	assert_true(n >= 50 && n < 100);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test_setup(test_order, setup),
		cmocka_unit_test_setup(test_clear, setup),
		cmocka_unit_test_setup(test_again, setup),
		cmocka_unit_test_setup(test_far, setup),
		cmocka_unit_test_setup(test_ends_others,
		    setup),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* LINK: refract-parser/users.o refract-parser/slab.o */
/* LINK: refract-parser/siphash.o */
/*
 * The table of users: finding, forgetting, its bound, and what it costs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "users.h"

#define T0	1700000000000LL		/* ms */

static size_t
name_of(char buf[32], unsigned int i)
{
	return (size_t)snprintf(buf, 32, "user%u@example", i);
}

static struct user *
get(uint16_t watch, unsigned int i, logtime_t at)
{
	char	name[32];
	size_t	n = name_of(name, i);

	return users_get(watch, name, n, users_hash(watch, name, n), at);
}

static struct user *
find(uint16_t watch, unsigned int i)
{
	char	name[32];
	size_t	n = name_of(name, i);

	return users_find(watch, name, n);
}

static int
setup(void **state)
{
	(void)state;
	assert_int_equal(users_init(1000), 0);
	users_keep(1, 10 * 60 * 1000);
	users_keep(2, 10 * 60 * 1000);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	users_clear();
	return 0;
}

static void
test_find(void **state)
{
	struct user	*u;
	const char	*name;
	size_t		 n;

	(void)state;
	assert_null(find(1, 7));
	assert_non_null(u = get(1, 7, T0));
	assert_ptr_equal(get(1, 7, T0), u);
	assert_ptr_equal(find(1, 7), u);
	assert_null(find(2, 7));		/* another watch's */
	assert_ptr_not_equal(get(2, 7, T0), u);
	name = users_name(u, &n);
	assert_int_equal(n, strlen("user7@example"));
	assert_memory_equal(name, "user7@example", n);
	assert_int_equal(users_count(), 2);
	users_drop(u);
	assert_null(find(1, 7));
	assert_non_null(find(2, 7));
}

/* Names of one length may differ in any byte, blanks and NULs included. */
static void
test_names(void **state)
{
	char		 a[300], b[300];
	struct user	*u, *v;
	size_t		 n;

	(void)state;
	for (n = 1; n < sizeof(a); n++) {
		memset(a, 'x', n);
		memcpy(b, a, n);
		b[n - 1] = n % 2 ? ' ' : '\0';
		u = users_get(1, a, n, users_hash(1, a, n), T0);
		v = users_get(1, b, n, users_hash(1, b, n), T0);
		assert_non_null(u);
		assert_ptr_not_equal(u, v);
		assert_ptr_equal(users_find(1, a, n), u);
		assert_ptr_equal(users_find(1, b, n), v);
	}
}

/* At the bound the one unseen longest goes first. */
static void
test_bound(void **state)
{
	unsigned int	i;

	(void)state;
	users_keep(1, 3600 * 1000);
	for (i = 0; i < 1000; i++)
		get(1, i, T0 + i * 1000);
	assert_int_equal(users_count(), 1000);
	get(1, 0, T0 + 1000 * 1000);		/* seen again */
	get(1, 1000, T0 + 1001 * 1000);
	assert_int_equal(users_evicted(), 1);
	assert_int_equal(users_count(), 1000);
	assert_non_null(find(1, 0));
	assert_null(find(1, 1));
	assert_non_null(find(1, 2));
	get(1, 1001, T0 + 1001 * 1000);
	assert_null(find(1, 2));
	assert_int_equal(users_evicted(), 2);
}

/* Who was unseen for longer than is remembered goes without being counted. */
static void
test_stale(void **state)
{
	unsigned int	i;

	(void)state;
	for (i = 0; i < 10; i++)
		get(1, i, T0);
	for (i = 0; i < 10; i++)
		get(2, i, T0);
	for (i = 100; i < 105; i++)		/* two go with each */
		get(1, i, T0 + 11 * 60 * 1000);
	assert_null(find(1, 0));
	assert_null(find(1, 9));
	assert_non_null(find(2, 0));		/* no time has passed there */
	assert_int_equal(users_evicted(), 0);
}

static void
test_drop_watch(void **state)
{
	unsigned int	i;

	(void)state;
	for (i = 0; i < 400; i++)
		get(1 + i % 2, i, T0);
	users_drop_watch(2);
	assert_int_equal(users_count(), 200);
	for (i = 0; i < 400; i++)
		assert_int_equal(find(1 + i % 2, i) != NULL, i % 2 == 0);
}

/* Against a simple model: an array of who is in. */
static void
test_random(void **state)
{
	static uint8_t	in[900];
	unsigned int	i, j, n = 0;
	struct user	*u;

	(void)state;
	srandom(2);
	for (i = 0; i < 200000; i++) {
		j = (unsigned int)random() % 900;
		u = find(1, j);
		assert_int_equal(u != NULL, in[j]);
		if (u == NULL) {
			assert_non_null(get(1, j, T0));
			in[j] = 1;
			n++;
		} else if (random() % 2) {
			users_drop(u);
			in[j] = 0;
			n--;
		}
		assert_int_equal(users_count(), n);
	}
}

/* Addresses run out: others give theirs up, oldest first. */
static void
test_sightings(void **state)
{
	struct user	*u;
	unsigned int	 i;

	(void)state;
	u = get(1, 0, T0);
	for (i = 0; i < 100; i++)
		assert_non_null(sighting_append(u));
	for (i = 0; i < 50; i++)
		sighting_remove(&u->sightings);
	for (i = 1; i < 5; i++)
		assert_non_null(sighting_append(get(1, i, T0 + i * 1000)));
	u = get(1, 9, T0 + 9000);
	for (i = 0; i < 2000 + 1024 - 1; i++)
		assert_non_null(sighting_append(u));
	assert_null(find(1, 0));
	assert_null(find(1, 3));
	assert_non_null(find(1, 4));
	assert_int_equal(users_count(), 2);
}

/* The promise: a million users, two addresses each, in 128 MB. */
static void
test_million(void **state)
{
	unsigned int	i;
	struct user	*u;

	(void)state;
	users_clear();
	assert_int_equal(users_init(USERS_MAX), 0);
	users_keep(1, 10 * 60 * 1000);
	for (i = 0; i < 1000000; i++) {
		assert_non_null(u = get(1, i, T0));
		assert_non_null(sighting_append(u));
		assert_non_null(sighting_append(u));
	}
	print_message("# a million users with two addresses each: %zu bytes\n",
	    users_memory());
	assert_true(users_memory() < 128u << 20);
	assert_int_equal(users_evicted(), 0);
	for (i = 0; i < 1000000; i += 997)
		assert_non_null(find(1, i));
	for (i = 1000000; i < 1200000; i++)
		assert_non_null(get(1, i, T0 + 1000));
	assert_int_equal(users_count(), USERS_MAX);
	assert_int_equal(users_evicted(), 1200000 - USERS_MAX);
	assert_null(find(1, 0));
	assert_non_null(find(1, 1199999));
}

#define T(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		T(test_find), T(test_names), T(test_bound), T(test_stale),
		T(test_drop_watch), T(test_random), T(test_sightings),
		T(test_million)
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

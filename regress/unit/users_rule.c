/* LINK: refract-parser/rule.o refract-parser/users.o refract-parser/slab.o */
/* LINK: refract-parser/siphash.o */
/*
 * The limit rule: the original's as a table of lines and decisions, then what
 * refract adds to it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rule.h"

#define T0	1700000000000LL		/* ms */

static struct rule	rule;
static unsigned int	limit;

static int
setup(void **state)
{
	(void)state;
	assert_int_equal(users_init(1000), 0);
	users_keep(1, 3600 * 1000);
	limit = 1;
	rule = (struct rule){
		.window = 5000, .victim = BAN_NEWEST, .group4 = 32, .group6 = 64
	};
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	users_clear();
	return 0;
}

/* A line at ms after T0; who offends, in a static buffer: "a b c" or "". */
static const char *
line(const char *user, const char *addr, int64_t ms)
{
	static char	 buf[OFFENDERS_MAX * PREFIX_STRLEN];
	char		 one[PREFIX_STRLEN];
	struct prefix	 p;
	struct verdict	 v;
	struct user	*u;
	int		 i;

	assert_int_equal(addr_parse(&p, addr, strlen(addr)), 0);
	assert_non_null(u = users_get(1, user, strlen(user),
	    users_hash(1, user, strlen(user)), T0 + ms));
	u->limit = (uint16_t)limit;
	rule_line(&rule, u, &p, 4000, T0 + ms, &v);
	*buf = '\0';
	for (i = 0; i < v.n; i++) {
		assert_int_equal(v.list[i].port, 4000);
		if (i > 0)
			strcat(buf, " ");
		strcat(buf, prefix_print(&v.list[i].addr, one));
	}
	return buf;
}

#define OK(user, addr, ms)						\
	assert_string_equal(line(user, addr, ms), "")
#define BAN(user, addr, ms, who)					\
	assert_string_equal(line(user, addr, ms), who)

#define A	"203.0.113.1"
#define B	"203.0.113.2"
#define C	"203.0.113.3"
#define D	"203.0.113.4"

/* State per user: the last address and when; lines and decisions. */
static const struct {
	const char	*user, *addr;
	int64_t		 ms;
	int		 banned;
} original[] = {
	{ "alice", A, 0, 0 },		/* unknown: owner */
	{ "alice", A, 1000, 0 },	/* the same: time moves */
	{ "alice", B, 2000, 1 },	/* another inside the window */
	{ "alice", B, 3000, 1 },	/* again: the owner stays */
	{ "alice", C, 3500, 1 },
	{ "bob", B, 3500, 0 },		/* another user's address */
	{ "alice", B, 6000, 1 },	/* exactly the window: inside */
	{ "alice", B, 6001, 0 },	/* more: B is the owner now */
	{ "alice", A, 6002, 1 },	/* and A is banned */
	{ "alice", A, 11001, 1 },	/* violations did not move the time */
	{ "alice", A, 11002, 0 },
	{ "alice", A, 16000, 0 },	/* refreshed */
	{ "alice", A, 20999, 0 },
	{ "alice", B, 25999, 1 },
	{ "alice", B, 26000, 0 },
	{ "bob", A, 8501, 0 },		/* bob's owner was silent too long */
	{ "bob", B, 8502, 1 },
	{ "carol", A, 0, 0 },
	{ "carol", B, 0, 1 },		/* the same moment is inside */
	{ "carol", A, 0, 0 }
};

static void
test_original(void **state)
{
	size_t	i;

	(void)state;
	for (i = 0; i < sizeof(original) / sizeof(original[0]); i++)
		if (strcmp(line(original[i].user, original[i].addr,
		    original[i].ms), original[i].banned ? original[i].addr :
		    "") != 0)
			fail_msg("line %zu: %s from %s at %lld", i,
			    original[i].user, original[i].addr,
			    (long long)original[i].ms);
}

/* The same against a model of three lines, over random lines. */
static void
test_original_random(void **state)
{
	static const char	*addrs[] = { A, B, C, D };
	int			 owner = -1, i, a;
	int64_t			 now = 0, seen = 0;
	const char		*want;

	(void)state;
	srandom(1);
	for (i = 0; i < 100000; i++) {
		now += random() % 3000;
		a = (int)(random() % 4);
		want = "";
		if (owner == -1 || now - seen > 5000 || owner == a) {
			owner = a;
			seen = now;
		} else
			want = addrs[a];
		assert_string_equal(line("u", addrs[a], now), want);
	}
}

static void
test_limit(void **state)
{
	(void)state;
	limit = 3;
	OK("u", A, 0);
	OK("u", B, 1);
	OK("u", C, 2);
	BAN("u", D, 3, D);
	OK("u", A, 4);
	OK("u", B, 5003);	/* C fell silent at 2 */
	OK("u", D, 5003);
	BAN("u", C, 5004, C);
}

static void
test_oldest(void **state)
{
	(void)state;
	rule.victim = BAN_OLDEST;
	OK("u", A, 0);
	BAN("u", B, 1000, A);
	OK("u", B, 2000);
	BAN("u", C, 3000, B);
	limit = 2;
	OK("u", D, 4000);
	OK("u", C, 4001);
	BAN("u", A, 5000, C);	/* seen first, not seen last */
	OK("u", D, 5001);
}

static void
test_all(void **state)
{
	(void)state;
	rule.victim = BAN_ALL;
	limit = 2;
	OK("u", A, 0);
	OK("u", B, 1);
	BAN("u", C, 2, C " " A " " B);
	OK("u", D, 3);		/* begins anew */
	OK("u", A, 4);
	BAN("u", B, 5, B " " D " " A);
}

/* One device of two families, whose IPv6 address changes all the time. */
static void
test_dual_stack(void **state)
{
	char	addr[64];
	int	i;

	(void)state;
	for (i = 0; i < 10000; i++) {
		snprintf(addr, sizeof(addr), "2001:db8:1:2:%x:%x:%x:%x",
		    i * 7919 % 65536, i * 104729 % 65536, i % 65536, i + 1);
		OK("u", addr, i * 100);
		OK("u", A, i * 100 + 50);
	}
	BAN("u", "2001:db8:1:3::1", 1000000, "2001:db8:1:3::1");
	BAN("u", B, 1000000, B);
}

static void
test_together(void **state)
{
	(void)state;
	rule.together = 1;
	OK("u", A, 0);
	BAN("u", "2001:db8::1", 1, "2001:db8::1");
	limit = 2;
	OK("u", "2001:db8::1", 2);
	OK("u", "2001:db8::2", 3);		/* the same /64 */
	BAN("u", "2001:db8:0:1::1", 4, "2001:db8:0:1::1");
}

static void
test_group(void **state)
{
	(void)state;
	rule.group4 = 24;
	rule.group6 = 47;
	OK("u", "203.0.113.1", 0);
	OK("u", "203.0.113.255", 1);
	BAN("u", "203.0.112.1", 2, "203.0.112.1");
	OK("u", "2001:db8:2::1", 3);
	OK("u", "2001:db8:3::1", 4);		/* bit 48 does not count */
	BAN("u", "2001:db8:4::1", 5, "2001:db8:4::1");
}

/* From WiFi to LTE: the old address falls silent soon. */
static void
test_grace(void **state)
{
	(void)state;
	rule.window = 10000;
	rule.grace = 3000;
	OK("u", A, 0);
	OK("u", B, 1000);
	OK("u", A, 2000);	/* on its way out */
	OK("u", A, 4000);	/* overlap 3000: not longer than the grace */
	OK("u", B, 5000);
	OK("u", B, 9000);
	OK("u", B, 14001);	/* A is forgotten */
	BAN("v", A, 0, "");
	OK("v", B, 1000);
	OK("v", A, 4001);	/* B was not seen for that long */
	BAN("v", B, 4002, B);	/* now both were */
	OK("v", A, 5000);
	/* The two that take turns are not a hand-over. */
	OK("w", A, 0);
	OK("w", B, 1000);
	OK("w", B, 5000);
	BAN("w", A, 6000, B);
}

static void
test_grace_oldest(void **state)
{
	(void)state;
	rule.window = 10000;
	rule.grace = 3000;
	rule.victim = BAN_OLDEST;
	OK("u", A, 0);
	OK("u", B, 1000);
	OK("u", B, 5000);
	BAN("u", A, 6000, A);
	OK("u", B, 7000);
	rule.victim = BAN_ALL;
	OK("v", A, 0);
	OK("v", B, 1000);
	OK("v", B, 5000);
	BAN("v", A, 6000, A " " B);
}

/* More than 2 N + 2 at once is no hand-over. */
static void
test_grace_bound(void **state)
{
	(void)state;
	rule.grace = 3000;
	OK("u", A, 0);
	OK("u", B, 1);
	OK("u", C, 2);
	OK("u", D, 3);
	BAN("u", "203.0.113.5", 4, "203.0.113.5");
	limit = 2;
	OK("u", "203.0.113.5", 5);
}

/* A clock that was set back does not freeze an owner. */
static void
test_backwards(void **state)
{
	(void)state;
	OK("u", A, 3600000);
	BAN("u", B, 3599000, B);	/* out of order by a second */
	OK("u", B, 0);			/* an hour back: another time */
	BAN("u", A, 1, A);
}

#define T(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		T(test_original), T(test_original_random), T(test_limit),
		T(test_oldest), T(test_all), T(test_dual_stack),
		T(test_together), T(test_group), T(test_grace),
		T(test_grace_oldest), T(test_grace_bound), T(test_backwards)
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

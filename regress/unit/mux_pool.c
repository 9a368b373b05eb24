/*
 * Balancing: who gets how many, what becomes of a member's clients when it
 * leaves, backups, retries, passive marks.
 */
/* LINK: refract-mux/pool.o */
#include <sys/socket.h>

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "pool.h"

#define MEMBERS	8
#define PICKS	12000
#define CLIENTS	5000

static struct conf_pool		*conf;
static struct conf_member	*members[MEMBERS];
static struct pool		*pool;
static unsigned int		 got[MEMBERS];

static int
setup(void **state)
{
	int	fd = shared_create();

	(void)state;
	assert_int_not_equal(fd, -1);
	assert_int_equal(shared_map(fd), 0);
	close(fd);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	pool_free(pool);
	pool = NULL;
	shared_unmap();
	if (conf != NULL)
		conf_pool_free(conf);
	conf = NULL;
	return 0;
}

static void
conf_begin(enum balance balance)
{
	conf = conf_pool_new();
	strlcpy(conf->w.name, "web", sizeof(conf->w.name));
	conf->w.balance = (uint8_t)balance;
	conf->w.check = CHECK_NONE;
	conf->w.passive = 2;
	conf->w.interval = 10000;
}

/* The i-th: 10.0.0.(i + 1) port 80, in slot 100 + i. */
static void
conf_member(unsigned int i, unsigned int weight, int backup)
{
	struct conf_member	*m = calloc(1, sizeof(*m));
	char			 addr[32];

	assert_non_null(m);
	snprintf(addr, sizeof(addr), "10.0.0.%u", i + 1);
	assert_int_equal(prefix_parse(&m->w.addr, addr), 0);
	m->w.port = 80;
	m->w.slot = 100 + i;
	m->w.weight = weight;
	m->w.backup = (uint8_t)backup;
	TAILQ_INSERT_TAIL(&conf->members, m, entry);
	members[i] = m;
}

static void
begin(enum balance balance, unsigned int n)
{
	unsigned int	i;

	conf_begin(balance);
	for (i = 0; i < n; i++)
		conf_member(i, 1, 0);
	pool = pool_new(conf);
}

static struct shared_member *
shared(unsigned int i)
{
	return shared_member(100 + i);
}

static struct prefix
client(unsigned int n)
{
	struct prefix	p = { .family = AF_INET, .plen = 32 };

	p.addr[0] = 192;
	p.addr[1] = (uint8_t)(n >> 16);
	p.addr[2] = (uint8_t)(n >> 8);
	p.addr[3] = (uint8_t)n;
	return p;
}

/* Whom the n-th client gets; -1: nobody. */
static int
pick_port(unsigned int n, uint16_t port)
{
	struct prefix	 p = client(n);
	struct tried	 t = { 0 };
	struct member	*m = pool_pick(pool, &p, port, &t);

	return m == NULL ? -1 : (int)(m->w->slot - 100);
}

static int
pick(unsigned int n)
{
	return pick_port(n, 1000);
}

static void
pick_many(void)
{
	unsigned int	n;
	int		i;

	memset(got, 0, sizeof(got));
	for (n = 0; n < PICKS; n++) {
		i = pick(n);
		assert_in_range(i, 0, MEMBERS - 1);
		got[i]++;
	}
}

/* Within so many percent of what it should get. */
static void
about(unsigned int i, unsigned int want, unsigned int percent)
{
	unsigned int	off = want * percent / 100;

	if (got[i] < want - off || got[i] > want + off)
		fail_msg("member %u got %u, not about %u", i, got[i], want);
}

static void
test_roundrobin(void **state)
{
	(void)state;
	begin(BALANCE_ROUNDROBIN, 3);
	pick_many();
	assert_int_equal(got[0], PICKS / 3);
	assert_int_equal(got[1], PICKS / 3);
	assert_int_equal(got[2], PICKS / 3);
	/* What one does not take is shared by the others. */
	atomic_store(&shared(1)->admin, MEMBER_DISABLED);
	pick_many();
	assert_int_equal(got[0], PICKS / 2);
	assert_int_equal(got[1], 0);
	assert_int_equal(got[2], PICKS / 2);
}

static void
test_weights(void **state)
{
	unsigned int	i, run = 0;
	int		who, last = -1;

	(void)state;
	conf_begin(BALANCE_ROUNDROBIN);
	conf_member(0, 4, 0);
	conf_member(1, 1, 0);
	conf_member(2, 3, 0);
	pool = pool_new(conf);
	pick_many();
	assert_int_equal(got[0], PICKS / 2);
	assert_int_equal(got[1], PICKS / 8);
	assert_int_equal(got[2], PICKS * 3 / 8);
	/* Spread: nobody gets many in a row. */
	for (i = 0; i < 64; i++) {
		who = pick(i);
		run = who == last ? run + 1 : 1;
		assert_in_range(run, 1, 2);
		last = who;
	}
}

/* Thousands of members with the largest weights take no time or memory. */
static void
test_heavy(void **state)
{
	struct conf_member	*m;
	unsigned int		 i;

	(void)state;
	conf_begin(BALANCE_SOURCE);
	for (i = 0; i < MUX_MEMBERS_MAX; i++) {
		m = calloc(1, sizeof(*m));
		assert_non_null(m);
		m->w.addr = client(i);
		m->w.port = 80;
		m->w.slot = i;
		m->w.weight = i % 2 == 0 ? 256 : 1;
		TAILQ_INSERT_TAIL(&conf->members, m, entry);
	}
	pool = pool_new(conf);
	assert_int_equal(pool->n, MUX_MEMBERS_MAX);
	assert_true(pool->nschedule < 80000);
	assert_true(pool->nring < 1200000);
	assert_int_not_equal(pick(1), -1);
}

static void
test_random(void **state)
{
	(void)state;
	conf_begin(BALANCE_RANDOM);
	conf_member(0, 2, 0);
	conf_member(1, 1, 0);
	conf_member(2, 1, 0);
	pool = pool_new(conf);
	pick_many();
	about(0, PICKS / 2, 10);
	about(1, PICKS / 4, 15);
	about(2, PICKS / 4, 15);
	atomic_store(&shared(0)->admin, MEMBER_DRAIN);
	pick_many();
	assert_int_equal(got[0], 0);
	about(1, PICKS / 2, 10);
}

static void
test_first(void **state)
{
	(void)state;
	begin(BALANCE_FIRST, 3);
	assert_int_equal(pick(1), 0);
	assert_int_equal(pick(2), 0);
	atomic_store(&shared(0)->admin, MEMBER_DISABLED);
	assert_int_equal(pick(3), 1);
}

static void
test_least(void **state)
{
	(void)state;
	conf_begin(BALANCE_LEAST);
	conf_member(0, 1, 0);
	conf_member(1, 2, 0);
	conf_member(2, 1, 0);
	pool = pool_new(conf);
	atomic_store(&shared(0)->connections, 5);
	atomic_store(&shared(1)->connections, 9);
	atomic_store(&shared(2)->connections, 6);
	assert_int_equal(pick(1), 1);
	atomic_store(&shared(1)->connections, 11);
	assert_int_equal(pick(1), 0);
	/* Equals have their turns. */
	atomic_store(&shared(0)->connections, 0);
	atomic_store(&shared(1)->connections, 0);
	atomic_store(&shared(2)->connections, 0);
	pick_many();
	about(0, PICKS / 3, 1);
	about(1, PICKS / 3, 1);
}

/* A member that leaves moves its own clients, and gets them back. */
static void
test_consistent(void **state)
{
	static int	before[CLIENTS];
	unsigned int	n, moved = 0;

	(void)state;
	begin(BALANCE_SOURCE, 5);
	memset(got, 0, sizeof(got));
	for (n = 0; n < CLIENTS; n++) {
		before[n] = pick(n);
		got[before[n]]++;
		/* Whatever the port. */
		assert_int_equal(pick_port(n, (uint16_t)n), before[n]);
	}
	for (n = 0; n < 5; n++)
		about(n, CLIENTS / 5, 35);
	atomic_store(&shared(2)->down, 1);
	atomic_store(&shared(2)->down_since, mono_ms());
	for (n = 0; n < CLIENTS; n++) {
		if (before[n] == 2) {
			moved++;
			assert_int_not_equal(pick(n), 2);
		} else
			assert_int_equal(pick(n), before[n]);
	}
	assert_int_equal(moved, got[2]);
	atomic_store(&shared(2)->down, 0);
	for (n = 0; n < CLIENTS; n++)
		assert_int_equal(pick(n), before[n]);
}

/* ... also if it is taken out of the file, whatever its place was. */
static void
test_removed(void **state)
{
	static int	before[CLIENTS];
	unsigned int	n;

	(void)state;
	begin(BALANCE_SOURCE, 5);
	for (n = 0; n < CLIENTS; n++)
		before[n] = pick(n);
	pool_free(pool);
	TAILQ_REMOVE(&conf->members, members[1], entry);
	free(members[1]);
	pool = pool_new(conf);
	for (n = 0; n < CLIENTS; n++)
		if (before[n] != 1)
			assert_int_equal(pick(n), before[n]);
}

static void
test_socket(void **state)
{
	unsigned int	n;
	int		who;

	(void)state;
	begin(BALANCE_SOCKET, 4);
	memset(got, 0, sizeof(got));
	for (n = 0; n < CLIENTS; n++) {
		who = pick_port(1, (uint16_t)n);
		got[who]++;
		assert_int_equal(pick_port(1, (uint16_t)n), who);
	}
	for (n = 0; n < 4; n++)
		about(n, CLIENTS / 4, 35);
}

static void
test_backup(void **state)
{
	(void)state;
	conf_begin(BALANCE_ROUNDROBIN);
	conf_member(0, 1, 0);
	conf_member(1, 1, 0);
	conf_member(2, 1, 1);
	pool = pool_new(conf);
	pick_many();
	assert_int_equal(got[2], 0);
	atomic_store(&shared(0)->admin, MEMBER_DISABLED);
	pick_many();
	assert_int_equal(got[1], PICKS);
	atomic_store(&shared(1)->admin, MEMBER_DISABLED);
	pick_many();
	assert_int_equal(got[2], PICKS);
}

/* Each is tried once, backups last; then nobody is left. */
static void
test_retry(void **state)
{
	struct prefix	 p = client(1);
	struct tried	 t = { 0 };
	struct member	*m;
	unsigned int	 i, seen = 0;

	(void)state;
	conf_begin(BALANCE_SOURCE);
	conf_member(0, 1, 1);
	for (i = 1; i < 4; i++)
		conf_member(i, 1, 0);
	pool = pool_new(conf);
	for (i = 0; i < 4; i++) {
		assert_non_null(m = pool_pick(pool, &p, 1, &t));
		assert_int_equal(m->w->backup, i == 3);
		assert_int_equal(seen & 1u << (m->w->slot - 100), 0);
		seen |= 1u << (m->w->slot - 100);
	}
	assert_null(pool_pick(pool, &p, 1, &t));
}

static void
test_passive(void **state)
{
	struct member	*m;

	(void)state;
	begin(BALANCE_FIRST, 2);
	m = pool_member(pool, 100);
	assert_int_equal(member_failed(m), 0);
	assert_int_equal(member_connected(m), 0);
	/* In a row. */
	assert_int_equal(member_failed(m), 0);
	assert_int_equal(pick(1), 0);
	assert_int_equal(member_failed(m), 1);
	assert_int_equal(member_failed(m), 0);
	assert_int_equal(pick(1), 1);
	/* Without checks it is tried again, by one, and told once. */
	atomic_store(&shared(0)->down_since, mono_ms() - 10001);
	assert_int_equal(pick(1), 0);
	assert_int_equal(pick(1), 1);
	assert_int_equal(member_connected(m), 1);
	assert_int_equal(member_connected(m), 0);
	assert_int_equal(pick(1), 0);
	assert_int_equal(atomic_load(&shared(0)->errors), 4);
	/* With checks they say when. */
	conf->w.check = CHECK_TCP;
	assert_int_equal(member_failed(m), 0);
	assert_int_equal(member_failed(m), 1);
	atomic_store(&shared(0)->down_since, mono_ms() - 10001);
	assert_int_equal(pick(1), 1);
	assert_int_equal(member_connected(m), 0);
	assert_int_equal(pick(1), 1);
	assert_int_equal(member_mark(m, 0), 1);
	assert_int_equal(member_mark(m, 0), 0);
	assert_int_equal(pick(1), 0);
	/* Never, if it is 0. */
	conf->w.passive = 0;
	assert_int_equal(member_failed(m) | member_failed(m), 0);
	assert_int_equal(pick(1), 0);
}

static void
test_all_down(void **state)
{
	(void)state;
	begin(BALANCE_ROUNDROBIN, 2);
	conf->w.check = CHECK_TCP;
	assert_int_equal(member_mark(pool_member(pool, 100), 1), 1);
	assert_int_equal(member_mark(pool_member(pool, 101), 1), 1);
	assert_int_equal(pick(1), -1);
	assert_int_equal(pool_is_down(pool), 1);
	assert_int_equal(pool_is_down(pool), 0);
	assert_int_equal(member_mark(pool_member(pool, 101), 0), 1);
	assert_int_equal(pick(1), 1);
	assert_int_equal(pool_is_down(pool), 1);
}

static void
test_names(void **state)
{
	struct sockaddr_storage	 ss;
	struct sockaddr_in	*sin = (struct sockaddr_in *)&ss;
	struct sockaddr_in6	*sin6 = (struct sockaddr_in6 *)&ss;
	struct prefix		 list[MUX_RESOLVED_MAX + 1];
	struct member		*m;

	(void)state;
	conf_begin(BALANCE_FIRST);
	conf_member(0, 1, 0);
	members[0]->w.kind = MEMBER_NAME;
	strlcpy(members[0]->w.name, "a.test", sizeof(members[0]->w.name));
	pool = pool_new(conf);
	/* Nowhere, until it is known. */
	m = pool_member(pool, 100);
	assert_int_equal(pick(1), -1);
	assert_int_equal(member_sockaddr(m, &ss), 0);
	memset(list, 0, sizeof(list));
	assert_int_equal(prefix_parse(&list[0], "10.1.1.1"), 0);
	assert_int_equal(prefix_parse(&list[1], "2001:db8::1"), 0);
	pool_resolved(m, list, 2);
	assert_int_equal(pick(1), 0);
	/* One after the other. */
	assert_int_equal(member_sockaddr(m, &ss), sizeof(*sin));
	assert_int_equal(sin->sin_port, htons(80));
	assert_int_equal(ntohl(sin->sin_addr.s_addr), 0x0a010101);
	assert_int_equal(member_sockaddr(m, &ss), sizeof(*sin6));
	assert_int_equal(sin6->sin6_port, htons(80));
	pool_resolved(m, list, MUX_RESOLVED_MAX + 1);
	assert_int_equal(m->naddrs, MUX_RESOLVED_MAX);
	pool_resolved(m, list, 0);
	assert_int_equal(pick(1), -1);
}

int
main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	static const struct CMUnitTest	tests[] = {
		TEST(test_roundrobin),
		TEST(test_weights),
		TEST(test_heavy),
		TEST(test_random),
		TEST(test_first),
		TEST(test_least),
		TEST(test_consistent),
		TEST(test_removed),
		TEST(test_socket),
		TEST(test_backup),
		TEST(test_retry),
		TEST(test_passive),
		TEST(test_all_down),
		TEST(test_names)
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

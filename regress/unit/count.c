/* LINK: refract-parser/count.o refract-parser/users.o refract-parser/slab.o */
/* LINK: refract-parser/siphash.o refract-parser/text.o */
/* LINK: refract-parser/evidence.o */
/*
 * Keys of matches, the sliding window, and the ring of lines.
 */
#include <sys/socket.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "conf.h"
#include "count.h"
#include "evidence.h"
#include "line.h"

static struct conf_watch	*cw;
static struct match		 m;
static struct key		 key;
static uint32_t			 lines[AFTER_MAX];

static void
addr(const char *text)
{
	assert_int_equal(addr_parse(&m.addr, text, strlen(text)), 0);
}

static void
value(const char *name, const char *p, size_t n)
{
	m.values[m.nvalues].name = name;
	m.values[m.nvalues].p = p;
	m.values[m.nvalues++].n = n;
}

static void
text(const char *name, const char *s)
{
	value(name, s, strlen(s));
}

static int
setup(void **state)
{
	(void)state;
	assert_int_equal(users_init(1000), 0);
	cw = conf_watch_new();
	cw->w.format = FORMAT_TEXT;
	cw->w.group4 = 32;
	cw->w.group6 = 64;
	memset(&m, 0, sizeof(m));
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	conf_watch_free(cw);
	users_clear();
	return 0;
}

static void
named(const char *name)
{
	strlcpy(cw->w.keys[cw->w.nkeys++], name, VALUE_NAME_LEN);
}

static const char *
shown(void)
{
	static char	buf[KEY_SHOWN_LEN];

	assert_int_equal(count_key(cw, &m, &key), 0);
	count_show(buf, sizeof(buf), key.bytes, key.n);
	return buf;
}

static void
test_default(void **state)
{
	(void)state;
	text("user", "root");
	assert_string_equal(shown(), "root");
	text("port", "22");
	assert_string_equal(shown(), "root 22");
	addr("203.0.113.7");
	assert_string_equal(shown(), "203.0.113.7");
	addr("255.100.10.9");
	assert_string_equal(shown(), "255.100.10.9");
	addr("::ffff:192.0.2.1");
	assert_string_equal(shown(), "192.0.2.1");
	m.key = "an id";
	m.key_len = 5;
	assert_string_equal(shown(), "an id");
}

static void
test_grouped(void **state)
{
	(void)state;
	addr("2001:db8::1:2:3:4");
	assert_string_equal(shown(), "2001:db8::/64");
	addr("203.0.113.7");
	cw->w.group4 = 24;
	assert_string_equal(shown(), "203.0.113.0/24");
	cw->w.group6 = 128;
	addr("2001:db8::1");
	assert_string_equal(shown(), "2001:db8::1");
}

static void
test_named(void **state)
{
	(void)state;
	named("addr");
	named("user");
	text("port", "22");
	text("user", "root");
	addr("203.0.113.7");
	assert_string_equal(shown(), "203.0.113.7 root");
	m.nvalues = 1;
	assert_string_equal(shown(), "203.0.113.7 ");
	m.key = "not asked";
	m.key_len = 9;
	assert_string_equal(shown(), "203.0.113.7 ");
}

/* What needs an address and has none would all be one key. */
static void
test_none(void **state)
{
	(void)state;
	text("user", "root");
	strlcpy(cw->w.json_addr, "ip", sizeof(cw->w.json_addr));
	assert_int_equal(count_key(cw, &m, &key), -1);
	text("host", "mail.example.com");
	assert_int_equal(count_key(cw, &m, &key), 0);
	named("user");
	assert_string_equal(shown(), "root");
	named("addr");
	assert_int_equal(count_key(cw, &m, &key), -1);
	addr("203.0.113.7");
	assert_string_equal(shown(), "root 203.0.113.7");
}

/* Different values never make the same key. */
static void
test_joined(void **state)
{
	static const struct {
		const char	*a, *b;
		size_t		 an, bn;
	} pairs[] = {
		{ "a\0b", "c", 3, 1 }, { "a", "b\0c", 1, 3 },
		{ "a\1", "b\0c", 2, 3 }, { "a", "\1b\0c", 1, 4 },
		{ "a\1\0b", "c", 4, 1 }, { "a\0", "b\0c", 2, 3 },
		{ "", "ab", 0, 2 }, { "ab", "", 2, 0 }, { "a b", "", 3, 0 }
	};
	struct key	*keys = calloc(9, sizeof(*keys));
	size_t		 i, j;

	(void)state;
	assert_non_null(keys);
	for (i = 0; i < 9; i++) {
		m.nvalues = 0;
		value("one", pairs[i].a, pairs[i].an);
		value("two", pairs[i].b, pairs[i].bn);
		count_key(cw, &m, &keys[i]);
		for (j = 0; j < i; j++)
			assert_false(keys[j].n == keys[i].n &&
			    memcmp(keys[j].bytes, keys[i].bytes, keys[i].n) ==
			    0);
	}
	/* nor do fewer values */
	m.nvalues = 0;
	value("one", "x\0y", 3);
	value("two", "z", 1);
	count_key(cw, &m, &keys[0]);
	m.nvalues = 0;
	value("one", "x\1", 2);
	value("two", "y", 1);
	value("three", "z", 1);
	count_key(cw, &m, &keys[1]);
	assert_false(keys[0].n == keys[1].n &&
	    memcmp(keys[0].bytes, keys[1].bytes, keys[0].n) == 0);
	free(keys);
}

static void
test_long(void **state)
{
	char		 name[8000], subject[SUBJECT_LEN], other[SUBJECT_LEN];
	struct user	*u, *v;
	const char	*p;
	size_t		 n;

	(void)state;
	memset(name, 'x', sizeof(name));
	value("user", name, sizeof(name));
	count_key(cw, &m, &key);
	assert_int_equal(key.n, sizeof(name));
	u = users_get(1, key.bytes, key.n, users_hash(1, key.bytes, key.n),
	    1000);
	p = users_name(u, &n);
	assert_int_equal(n, USER_NAME_MAX);
	count_show(subject, sizeof(subject), p, n);
	assert_int_equal(strlen(subject), SUBJECT_LEN - 1);
	name[7999] = 'y';
	count_key(cw, &m, &key);
	v = users_get(1, key.bytes, key.n, users_hash(1, key.bytes, key.n),
	    1000);
	assert_ptr_not_equal(u, v);
	p = users_name(v, &n);
	count_show(other, sizeof(other), p, n);
	assert_string_not_equal(subject, other);
}

static void
test_shown(void **state)
{
	char	buf[SUBJECT_LEN];

	(void)state;
	text("user", "a\033b");
	text("port", "\\");
	assert_string_equal(shown(), "a\\033b \\\\");
	/* 63 fit, 64 are cut. */
	memset(key.bytes, 'k', 64);
	count_show(buf, sizeof(buf), key.bytes, 63);
	assert_int_equal(strspn(buf, "k"), 63);
	count_show(buf, sizeof(buf), key.bytes, 64);
	assert_int_equal(strspn(buf, "k"), 46);
	assert_int_equal(strlen(buf), 63);
	assert_int_equal(buf[46], '#');
}

/* The window. */

static struct user *
somebody(void)
{
	return users_get(1, "k", 1, users_hash(1, "k", 1), 1000);
}

/* One match; what it counted to, negative if it offends. */
static int
add(const struct count *c, struct user *u, logtime_t at, unsigned int weight)
{
	static uint32_t		 number;
	struct counted		 r = { .lines = lines };
	struct sighting		 s = { .last = (uint64_t)at };

	s.port = weight & 0xffff;
	s.age = ++number & 0x7fffffff;
	count_add(c, u, &s, &r);
	return r.offends ? -(int)r.total : (int)r.total;
}

static unsigned int
kept(const struct user *u)
{
	const struct sighting	*s;
	uint64_t		 last = 0;
	unsigned int		 n = 0;
	uint32_t		 i;

	for (i = u->sightings; i != 0; i = s->next, n++) {
		s = sighting_at(i);
		assert_true(s->last >= last);
		last = s->last;
	}
	return n;
}

#define T0	1700000000000LL

static void
test_window(void **state)
{
	const struct count	 c = { 10000, 3 };
	struct user		*u = somebody();
	logtime_t		 last;

	(void)state;
	assert_int_equal(add(&c, u, T0, 1), 1);
	assert_int_equal(add(&c, u, T0 + 5000, 1), 2);
	assert_int_equal(count_now(&c, u, &last), 2);
	assert_int_equal(last, T0 + 5000);
	assert_int_equal(add(&c, u, T0 + 10001, 1), 2);
	assert_int_equal(add(&c, u, T0 + 15001, 1), 2);
	/* just within */
	assert_int_equal(add(&c, u, T0 + 20001, 1), -3);
	assert_int_equal(kept(u), 0);
	assert_int_equal(add(&c, u, T0 + 20002, 1), 1);
	assert_int_equal(count_clear(u), 1);
	assert_int_equal(count_now(&c, u, &last), 0);
}

static void
test_weight(void **state)
{
	const struct count	 c = { 10000, 5 };
	struct user		*u = somebody();

	(void)state;
	assert_int_equal(add(&c, u, T0, 3), 3);
	assert_int_equal(add(&c, u, T0 + 1, 1), 4);
	assert_int_equal(add(&c, u, T0 + 2, 4), -8);
	assert_int_equal(add(&c, u, T0 + 3, 2), 2);
	assert_int_equal(add(&c, u, T0 + 4, 7), -7);
	assert_int_equal(kept(u), 0);
}

static void
test_late(void **state)
{
	const struct count	 two = { 10000, 2 }, three = { 10000, 3 };
	struct user		*u = somebody();

	(void)state;
	/* 0 and 9 are near enough, which is seen when 9 comes late */
	assert_int_equal(add(&two, u, T0, 1), 1);
	assert_int_equal(add(&two, u, T0 + 12000, 1), 1);
	assert_int_equal(add(&two, u, T0 + 9000, 1), -2);
	/* 0, 9 and 12 are not all within 10 */
	assert_int_equal(add(&three, u, T0, 1), 1);
	assert_int_equal(add(&three, u, T0 + 12000, 1), 1);
	assert_int_equal(add(&three, u, T0 + 9000, 1), 2);
	assert_int_equal(kept(u), 3);
	/* now 9, 11 and 12 are */
	assert_int_equal(add(&three, u, T0 + 11000, 1), -3);
	/* before all others */
	assert_int_equal(add(&three, u, T0 + 12000, 1), 1);
	assert_int_equal(add(&three, u, T0 + 11000, 1), 2);
	assert_int_equal(add(&three, u, T0 + 10000, 1), -3);
}

/* What was written under another clock does not stay for ever. */
static void
test_future(void **state)
{
	const struct count	 c = { 10000, 3 };
	struct user		*u = somebody();

	(void)state;
	assert_int_equal(add(&c, u, T0 + 90000000, 1), 1);
	assert_int_equal(add(&c, u, T0, 1), 1);
	assert_int_equal(kept(u), 1);
	assert_int_equal(add(&c, u, T0 + 1, 1), 2);
	assert_int_equal(add(&c, u, T0 + 2, 1), -3);
}

static void
test_bound(void **state)
{
	const struct count	 c = { 100, 10 };
	struct user		*u = somebody();
	int			 i;

	(void)state;
	for (i = 0; i < 1000; i++) {
		assert_true(add(&c, u, T0 + i * 50, 1) > 0);
		assert_true(kept(u) <= 10);
	}
	/* and what is too old to matter goes by itself */
	assert_int_equal(add(&c, u, T0 + 10000000, 1), 1);
	assert_int_equal(kept(u), 1);
}

/* In order: as if all were kept and looked at. */
static void
test_random(void **state)
{
	struct count	 c;
	struct user	*u = somebody();
	logtime_t	 times[64], at;
	unsigned int	 weights[64], round, i, j, first, n, w, sum;
	unsigned int	 offences = 0;
	int		 got;

	(void)state;
	srandom(4);
	for (round = 0; round < 2000; round++) {
		c.window = random() % 200;
		c.after = 2 + (uint32_t)random() % 8;
		at = T0;
		for (first = n = i = 0; i < 64; i++, n++) {
			at += random() % 60;
			w = 1 + (unsigned int)random() % 3;
			times[n] = at;
			weights[n] = w;
			for (sum = 0, j = first; j <= n; j++)
				if (at - times[j] <= c.window)
					sum += weights[j];
			got = add(&c, u, at, w);
			if (w >= c.after)
				assert_true(got < 0);
			else
				assert_int_equal(got, sum >= c.after ?
				    -(int)sum : (int)sum);
			if (got < 0) {
				first = n + 1;
				offences++;
			}
		}
		count_clear(u);
	}
	assert_true(offences > 1000);
}

/* The lines of those that offend, in their order. */
static void
test_lines(void **state)
{
	const struct count	 c = { 10000, 3 };
	struct user		*u = somebody();
	struct counted		 r = { .lines = lines };
	struct sighting		 s = { .last = T0, .age = 11 };

	(void)state;
	s.port = 1;
	count_add(&c, u, &s, &r);
	s.last = T0 + 5;
	s.age = 12;
	count_add(&c, u, &s, &r);
	s.last = T0 + 2;
	s.age = 13;
	count_add(&c, u, &s, &r);
	assert_true(r.offends);
	assert_int_equal(r.nlines, 3);
	assert_int_equal(lines[0], 11);
	assert_int_equal(lines[1], 13);
	assert_int_equal(lines[2], 12);
}

static void
test_ring(void **state)
{
	struct msg_evidence	 e;
	char			 line[1000];
	uint32_t		 first, n, i;

	(void)state;
	first = evidence_put(5, T0, "a\tline", 6);
	assert_true(first != 0);
	assert_true(evidence_get(first, 5, &e));
	assert_string_equal(e.text, "a\\011line");
	assert_int_equal(e.at, T0);
	assert_false(evidence_get(first, 6, &e));
	assert_false(evidence_get(0, 5, &e));
	memset(line, 'x', sizeof(line));
	n = evidence_put(7, T0, line, sizeof(line));
	assert_true(evidence_get(n, 7, &e));
	assert_int_equal(strlen(e.text), EVIDENCE_LEN - 1);
	for (i = 0; i < EVIDENCE_LINES - 1; i++)
		evidence_put(8, T0, "x", 1);
	assert_false(evidence_get(first, 5, &e));
	assert_true(evidence_get(n, 7, &e));
	evidence_put(8, T0, "x", 1);
	assert_false(evidence_get(n, 7, &e));
}

#define TEST(fn)	cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(void)
{
	static const struct CMUnitTest	tests[] = {
		TEST(test_default),
		TEST(test_grouped),
		TEST(test_named),
		TEST(test_none),
		TEST(test_joined),
		TEST(test_long),
		TEST(test_shown),
		TEST(test_window),
		TEST(test_weight),
		TEST(test_late),
		TEST(test_future),
		TEST(test_bound),
		TEST(test_random),
		TEST(test_lines),
		TEST(test_ring)
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

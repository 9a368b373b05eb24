/* LINK: refract-parser/decide.o refract-parser/decided.o */
/* LINK: refract-parser/grow.o */
/* LINK: refract-parser/count.o refract-parser/users.o refract-parser/slab.o */
/* LINK: refract-parser/siphash.o refract-parser/text.o */
/* LINK: refract-parser/trace.o refract-parser/date.o */
/* LINK: refract-parser/datefield.o refract-parser/dateform.o */
/* LINK: refract-parser/dateform_name.o */
/* LINK: refract-parser/datemoment.o refract-parser/datepattern.o */
/* LINK: refract-parser/zone.o refract-parser/logtime.o */
/* LIBS: -lpcre2-8 */
/*
 * From an offence to what is sent and recorded: growing bans, what is under
 * way already, watches that only run commands.  See xray_watch.c for the rest.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "channel.h"
#include "checkpoint.h"
#include "child.h"
#include "conf.h"
#include "decide.h"
#include "decided.h"
#include "grow.h"
#include "line.h"
#include "resume.h"
#include "warn.h"
#include "watch.h"

#define T0	1700000000000LL
#define MINUTE	60000LL

static struct conf		*conf;
static struct conf_watch	*cw;
static struct watch		 watch;
static struct wire_global	 global;
static struct match		 match;
static struct conf_pattern	 pattern;
static struct offender		 who;
static uint64_t			 offset;

/* What was sent and recorded last. */
static unsigned int		 nbans, ndecisions, nlines;
static struct wire_ban		 ban;
static struct msg_decision	 decision;
static struct msg_evidence	 lines[16];
static char			 notice[TEXT_LEN];

struct channel *
child_channel(enum role role, int bulk)
{
	(void)role;
	(void)bulk;
	return NULL;
}

enum role
channel_peer(const struct channel *ch)
{
	(void)ch;
	return ROLE_CONTROL;
}

void
channel_send(struct channel *ch, uint32_t type, uint32_t id, const void *data,
    size_t len)
{
	(void)ch;
	(void)id;
	assert_int_equal(type, M_BAN);
	assert_int_equal(len, sizeof(ban));
	memcpy(&ban, data, len);
	nbans++;
}

void
channel_send2(struct channel *ch, uint32_t type, uint32_t id, const void *a,
    size_t alen, const void *b, size_t blen)
{
	(void)ch;
	(void)id;
	(void)a;
	(void)alen;
	(void)b;
	(void)blen;
	fail_msg("%s", msg_name(type));
}

void
checkpoint_decision(const struct msg_decision *d,
    const struct msg_evidence *list, unsigned int n)
{
	const char	*why;

	if (msg_check(M_DECISION, ROLE_PARSER, ROLE_LEDGER, STATE_ANY, d,
	    sizeof(*d), 0, &why) == -1)
		fail_msg("%s", why);
	decision = *d;
	ndecisions++;
	for (nlines = 0; nlines < n; nlines++) {
		lines[nlines] = list[nlines];
		assert_memory_equal(&list[nlines].id, &d->ban.id,
		    sizeof(d->ban.id));
		assert_int_equal(list[nlines].number, nlines);
	}
}

int
resume_lifted(const struct watch *w, const struct prefix *p,
    const char *subject, wall_t start)
{
	(void)w;
	(void)p;
	(void)subject;
	(void)start;
	return 0;
}

const struct wire_global *
watch_global(void)
{
	return &global;
}

struct watch *
watch_byhash(uint64_t hash)
{
	return hash == watch.hash ? &watch : NULL;
}

void
warn_notice(const struct watch *w, enum notice_kind kind, int sticky,
    const char *text)
{
	(void)w;
	(void)sticky;
	assert_int_equal(kind, NOTICE_OFFENCE);
	strlcpy(notice, text, sizeof(notice));
}

uint64_t
block_identity(const struct block *b)
{
	(void)b;
	return 1;
}

const char *
block_name(const struct block *b)
{
	(void)b;
	return "a.log";
}

static int
setup(void **state)
{
	(void)state;
	conf = conf_new();
	cw = conf_watch_new();
	TAILQ_INSERT_TAIL(&conf->watches, cw, entry);
	strlcpy(cw->w.name, "sshd", sizeof(cw->w.name));
	cw->w.format = FORMAT_TEXT;
	cw->w.after = 3;
	cw->w.window = MINUTE;
	cw->w.bans = 1;
	cw->w.ban = 10 * MINUTE;
	cw->w.nports = 0;
	global.plen4 = 32;
	global.plen6 = 64;
	memset(&watch, 0, sizeof(watch));
	watch.hash = watch_hash("sshd");
	watch.conf = cw;
	memset(&match, 0, sizeof(match));
	strlcpy(pattern.w.where, "conf:7", sizeof(pattern.w.where));
	match.pattern = &pattern;
	match.nvalues = 1;
	match.values[0] = (struct value){ "user", "ro\not", 5 };
	decide_init();
	grow_init();
	nbans = ndecisions = nlines = 0;
	offset = 0;
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	decide_clear();
	decided_clear();
	grow_clear();
	conf_free(conf);
	return 0;
}

static int
offend_as(const char *key, const char *addr, wall_t at)
{
	struct offence	o = {
		.watch = &watch, .name = key, .name_len = strlen(key),
		.count = 3, .offender = &who, .match = &match, .at = at,
		.now = at, .file = 5, .line = "a line",
		.len = 6
	};

	o.offset = ++offset;
	memset(&who, 0, sizeof(who));
	if (addr != NULL)
		assert_int_equal(addr_parse(&who.addr, addr, strlen(addr)),
		    0);
	match.addr = who.addr;
	return decide(&o);
}

static int
offend(const char *addr, wall_t at)
{
	return offend_as(addr, addr, at);
}

static span_t
length(void)
{
	return decision.ban.end - decision.ban.start;
}

static void
test_decision(void **state)
{
	static const char	values[] =
	    "addr\0" "203.0.113.7\0" "user\0" "ro\\012ot";

	(void)state;
	assert_int_equal(offend("203.0.113.7", T0), 1);
	assert_int_equal(nbans, 1);
	assert_int_equal(ban.end, T0 + 10 * MINUTE);
	assert_string_equal(decision.pattern, "conf:7");
	assert_int_equal(decision.count, 3);
	assert_int_equal(decision.no_ban, 0);
	assert_int_equal(decision.rerun, 0);
	assert_int_equal(decision.values_len[0], sizeof(values));
	assert_memory_equal(decision.values, values, sizeof(values));
	assert_string_equal(decision.evidence, "a line");
	assert_string_equal(notice, "watch sshd: 203.0.113.7: 3 matches "
	    "within 1m: banned 203.0.113.7 for 10m");
}

static void
test_grow(void **state)
{
	static const span_t	spans[] = { 10, 20, 40, 60, 60 };
	wall_t			at = T0;
	size_t			i;

	(void)state;
	cw->w.growth_max = 60 * MINUTE;
	cw->w.growth_by = 2000;
	for (i = 0; i < sizeof(spans) / sizeof(spans[0]); i++) {
		assert_int_equal(offend("203.0.113.7", at), 1);
		assert_int_equal(length(), spans[i] * MINUTE);
		assert_int_equal(decision.rerun, 0);
		at = decision.ban.end;
	}
	assert_int_equal(offend("203.0.113.8", at), 1);
	assert_int_equal(length(), 10 * MINUTE);
	assert_int_equal(decide_bans(&watch, &who.addr), 1);
}

/* More than half of it is left: no news.  Less: as long as it was. */
static void
test_extend(void **state)
{
	(void)state;
	cw->w.growth_max = 60 * MINUTE;
	cw->w.growth_by = 2000;
	assert_int_equal(offend("203.0.113.7", T0), 1);
	assert_int_equal(offend("203.0.113.7", T0 + 4 * MINUTE), 0);
	assert_int_equal(offend("203.0.113.7", T0 + 6 * MINUTE), 1);
	assert_int_equal(decision.rerun, 1);
	assert_int_equal(length(), 10 * MINUTE);
	/* and is no ban more */
	assert_int_equal(offend("203.0.113.7", T0 + 16 * MINUTE), 1);
	assert_int_equal(length(), 20 * MINUTE);
	assert_int_equal(ndecisions, 3);
	assert_int_equal(nbans, 3);
}

static void
test_ignore(void **state)
{
	(void)state;
	cw->w.duplicate = DUPLICATE_IGNORE;
	assert_int_equal(offend("203.0.113.7", T0), 1);
	assert_int_equal(offend("203.0.113.7", T0 + 9 * MINUTE), 0);
	assert_int_equal(offend("203.0.113.7", T0 + 10 * MINUTE), 1);
	assert_int_equal(decision.rerun, 0);
}

static void
test_rerun(void **state)
{
	(void)state;
	cw->w.duplicate = DUPLICATE_RERUN;
	assert_int_equal(offend("203.0.113.7", T0), 1);
	assert_int_equal(offend("203.0.113.7", T0 + 1), 1);
	assert_int_equal(decision.rerun, 1);
	assert_int_equal(nbans, 2);
}

static void
test_prefix(void **state)
{
	(void)state;
	cw->w.ban_prefix = 1;
	cw->w.group4 = 24;
	cw->w.group6 = 48;
	assert_int_equal(offend("203.0.113.7", T0), 1);
	assert_int_equal(ban.prefix.plen, 24);
	assert_int_equal(ban.offender.plen, 32);
	/* all of it serves */
	assert_int_equal(offend("203.0.113.99", T0 + 1), 0);
	assert_int_equal(offend("2001:db8::1", T0), 1);
	assert_int_equal(ban.prefix.plen, 48);
}

static struct conf_run *
add_run(span_t delay, enum run_when when)
{
	struct conf_run	*r = calloc(1, sizeof(*r));

	assert_non_null(r);
	r->w.delay = delay;
	r->w.when = when;
	TAILQ_INSERT_TAIL(&cw->runs, r, entry);
	return r;
}

static void
test_commands(void **state)
{
	(void)state;
	cw->w.bans = 0;
	add_run(0, RUN_OFFENCE);
	add_run(5 * MINUTE, RUN_OFFENCE);
	add_run(9 * MINUTE, RUN_UNBAN);
	assert_int_equal(offend_as("one", "203.0.113.7", T0), 1);
	assert_int_equal(nbans, 0);
	assert_int_equal(decision.no_ban, 1);
	assert_int_equal(decision.rerun, 0);
	assert_int_equal(length(), 5 * MINUTE);
	assert_non_null(strstr(notice, "one: 3 matches within 1m: its "
	    "commands run"));
	/* by key, whatever the address */
	assert_int_equal(offend_as("two", "203.0.113.7", T0 + 1), 1);
	assert_int_equal(decision.rerun, 0);
	assert_int_equal(offend_as("one", NULL, T0 + 2), 1);
	assert_int_equal(decision.rerun, 1);
	assert_int_equal(decision.ban.prefix.family, 0);
	cw->w.duplicate = DUPLICATE_IGNORE;
	assert_int_equal(offend_as("one", NULL, T0 + 3), 0);
	assert_int_equal(offend_as("one", NULL, T0 + 2 + 5 * MINUTE), 1);
	assert_int_equal(decision.rerun, 0);
	/* commands are no bans */
	assert_int_equal(decide_bans(&watch, &match.addr), 0);
}

/* Nobody to ban: what there is to run is run. */
static void
test_nobody(void **state)
{
	(void)state;
	assert_int_equal(offend_as("root", NULL, T0), 1);
	assert_int_equal(nbans, 0);
	assert_int_equal(decision.no_ban, 1);
}

static void
test_resumed(void **state)
{
	struct wire_served	s = {
		.watch = watch_hash("sshd"), .start = T0,
		.end = T0 + 5 * MINUTE
	};

	(void)state;
	cw->w.duplicate = DUPLICATE_IGNORE;
	assert_int_equal(prefix_parse(&s.prefix, "203.0.113.7"), 0);
	decide_served(&s);
	assert_int_equal(offend("203.0.113.7", T0 + 1), 0);
	cw->w.bans = 0;
	assert_int_equal(offend_as("key", "203.0.113.7", T0 + 1), 1);
	s.subject = watch_hash("other");
	decide_served(&s);
	assert_int_equal(offend_as("other", "203.0.113.8", T0 + 1), 0);
}

/* The last run judged lines to the 3rd, and told of two decisions. */
static void
judged(void)
{
	struct wire_growth	g = { .last = T0 + 30 * MINUTE, .count = 2 };
	struct wire_decided	d = { .id.file = 5, .id.offset = 3 };

	g.watch = d.id.watch = watch_hash("sshd");
	cw->w.growth_max = 600 * MINUTE;
	cw->w.growth_by = 2000;
	assert_int_equal(prefix_parse(&g.prefix, "203.0.113.7"), 0);
	grow_known(&g);
	d.start = T0 + 30 * MINUTE;
	d.end = T0 + 50 * MINUTE;
	decided_known(&d);
	d.id.offset = 1;
	d.start = T0;
	d.end = T0 + 10 * MINUTE;
	decided_known(&d);
	decided_sort();
}

/*
 * Lines that are read again: the same decisions, as long as they were, though
 * growth knows of all that came later; and then it goes on.
 */
static void
test_again(void **state)
{
	(void)state;
	judged();
	assert_int_equal(offend("203.0.113.7", T0), 1);
	assert_int_equal(length(), 10 * MINUTE);
	assert_int_equal(decision.rerun, 0);
	/* Nothing came of this one, and nothing does. */
	assert_int_equal(offend("203.0.113.7", T0 + 9 * MINUTE), 0);
	assert_int_equal(offend("203.0.113.7", T0 + 30 * MINUTE), 1);
	assert_int_equal(length(), 20 * MINUTE);
	assert_int_equal(ndecisions, 2);
	assert_int_equal(nbans, 2);
	assert_int_equal(offend("203.0.113.7", T0 + 35 * MINUTE), 0);
	assert_int_equal(offend("203.0.113.7", T0 + 60 * MINUTE), 1);
	assert_int_equal(length(), 40 * MINUTE);
	assert_int_equal(decide_bans(&watch, &who.addr), 3);
}

/* Another watch and another file were not judged. */
static void
test_again_others(void **state)
{
	struct wire_decided	d = { .id.file = 6 };
	wall_t			a, b;

	(void)state;
	judged();
	d.id.watch = watch_hash("sshd");
	assert_int_equal(decided_before(&d.id, &a, &b), DECIDED_NEVER);
	d.id.file = 4;
	assert_int_equal(decided_before(&d.id, &a, &b), DECIDED_NEVER);
	d.id.file = 5;
	assert_int_equal(decided_before(&d.id, &a, &b), DECIDED_NO);
	d.id.watch++;
	assert_int_equal(decided_before(&d.id, &a, &b), DECIDED_NEVER);
	d.id.watch -= 2;
	assert_int_equal(decided_before(&d.id, &a, &b), DECIDED_NEVER);
}

/* What an operator forgave, read again: the ledger has not told of it. */
static void
test_forgiven_again(void **state)
{
	struct msg_target	t = { .growth = 1 };

	(void)state;
	judged();
	t.prefix.family = 0;
	grow_forgive(&t, watch.hash, T0 + 10 * MINUTE);
	(void)offend("203.0.113.7", T0);
	assert_int_equal(decide_bans(&watch, &who.addr), 2);
	grow_forgive(&t, watch.hash, T0 + 30 * MINUTE);
	assert_int_equal(decide_bans(&watch, &who.addr), 0);
}

static void
test_forgiven(void **state)
{
	struct msg_target	t = { .port = 0 };

	(void)state;
	assert_int_equal(offend_as("a", "203.0.113.7", T0), 1);
	assert_int_equal(offend_as("b", "203.0.113.8", T0), 1);
	strlcpy(t.user, "a", sizeof(t.user));
	decide_forgive(&t, NULL);
	assert_int_equal(offend_as("b", "203.0.113.8", T0 + 1), 0);
	assert_int_equal(offend_as("a", "203.0.113.7", T0 + 1), 1);
}

/* What does not fit is left out whole. */
static void
test_values(void **state)
{
	static char	long_one[2000];
	size_t		len;

	(void)state;
	memset(long_one, 'x', sizeof(long_one));
	match.values[0] = (struct value){ "a", long_one, 700 };
	match.values[1] = (struct value){ "b", long_one, 700 };
	match.values[2] = (struct value){ "c", "short", 5 };
	match.nvalues = 3;
	assert_int_equal(offend("203.0.113.7", T0), 1);
	len = (size_t)decision.values_len[0] | (size_t)decision.values_len[1]
	    << 8;
	assert_int_equal(len, 5 + 12 + 2 + 701 + 2 + 6);
	assert_string_equal(decision.values + len - 6, "short");
}

#define TEST(fn)	cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(void)
{
	static const struct CMUnitTest	tests[] = {
		TEST(test_decision),
		TEST(test_grow),
		TEST(test_extend),
		TEST(test_ignore),
		TEST(test_rerun),
		TEST(test_prefix),
		TEST(test_commands),
		TEST(test_nobody),
		TEST(test_resumed),
		TEST(test_forgiven), TEST(test_again),
		TEST(test_again_others), TEST(test_forgiven_again),
		TEST(test_values)
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

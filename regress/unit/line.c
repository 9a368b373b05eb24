/* LINK: refract-parser/line.o refract-parser/line_new.o */
/* LINK: refract-parser/count.o refract-parser/evidence.o */
/* LINK: refract-parser/fail.o refract-parser/fail_pending.o */
/* LINK: refract-parser/fail_window.o refract-parser/json.o */
/* LINK: refract-parser/pattern.o refract-parser/literal.o */
/* LINK: refract-parser/litset.o refract-parser/finder.o */
/* LINK: refract-parser/date.o refract-parser/datefield.o */
/* LINK: refract-parser/dateform.o refract-parser/datemoment.o */
/* LINK: refract-parser/dateform_name.o */
/* LINK: refract-parser/datepattern.o refract-parser/zone.o */
/* LINK: refract-parser/logtime.o */
/* LINK: refract-parser/users.o refract-parser/slab.o */
/* LINK: refract-parser/siphash.o refract-parser/text.o */
/* LINK: refract-parser/trace.o */
/* LIBS: -lpcre2-8 */
/*
 * From a line of text to an offence: what matches, what is ignored, what is
 * forgotten, and when it was.  What comes after an offence is not here.
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

#include "checkpoint.h"
#include "conf.h"
#include "decide.h"
#include "evidence.h"
#include "line.h"
#include "pattern.h"
#include "resume.h"
#include "users.h"
#include "warn.h"
#include "watch.h"
#include "zone.h"

#define NOW	1700000000000LL		/* 2023-11-14 22:13:20 UTC */

static struct conf		*conf;
static struct conf_watch	*cw;
static struct watch		 watch;
static struct prefixset		 never;
static struct wire_global	 global;
static uint64_t			 offset;
static unsigned int		 id;

/* The last offence. */
static unsigned int		 noffences, ncut, nlimits;
static struct offence		 last;
static struct prefix		 who;
static char			 name[256], values[512], where[WHERE_MAX_LEN];
static char			 line[512];
static struct msg_evidence	 evidence[EVIDENCE_MAX];

int
decide(const struct offence *o)
{
	const struct match	*m = o->match;
	unsigned int		 i;
	size_t			 n = 0;

	noffences++;
	last = *o;
	who = o->offender->addr;
	count_show(name, sizeof(name), o->name, o->name_len);
	values[0] = '\0';
	for (i = 0; i < m->nvalues; i++)
		n += (size_t)snprintf(values + n, sizeof(values) - n,
		    "%s=%.*s ", m->values[i].name, (int)m->values[i].n,
		    m->values[i].p);
	where[0] = '\0';
	if (m->pattern != NULL)
		strlcpy(where, m->pattern->w.where, sizeof(where));
	snprintf(line, sizeof(line), "%.*s", (int)o->len, o->line);
	for (i = 0; i < o->nlines; i++)
		evidence[i] = o->lines[i];
	return 1;
}

void
checkpoint_user(uint32_t number)
{
	assert_non_null(users_at(number));
}

void
checkpoint_touch(void)
{
}

void
resume_until(struct watch *w, logtime_t at)
{
	assert_ptr_equal(w, &watch);
	assert_true(at >= 0);
}

const struct wire_global *
watch_global(void)
{
	return &global;
}

int
watch_is_protected(const struct prefix *p)
{
	return prefixset_contains(&never, p);
}

struct watch *
watch_byhash(uint64_t hash)
{
	return hash == watch.hash ? &watch : NULL;
}

logtime_t
watch_when(struct watch *w, logtime_t stamp, int live, wall_t now)
{
	(void)live;
	(void)now;
	return w->last = stamp;
}

wall_t
watch_decided(logtime_t at, wall_t now)
{
	(void)now;
	return at;
}

void
watch_unparsed(struct watch *w)
{
	w->stats.unparsed++;
}

int
watch_too_long(struct watch *w, const struct block *b, size_t n)
{
	(void)w;
	(void)b;
	return n > LINE_MAX_LEN;
}

void
warn_cut(struct watch *w, const char *file)
{
	(void)w;
	assert_string_equal(file, "a.log");
	ncut++;
}

void
warn_limits(struct watch *w, const char *at, uint64_t limits, uint64_t tried)
{
	(void)w;
	assert_true(limits > 0 && limits <= tried);
	strlcpy(where, at, sizeof(where));
	nlimits++;
}

uint64_t
block_identity(const struct block *b)
{
	(void)b;
	return 77;
}

const char *
block_name(const struct block *b)
{
	(void)b;
	return "a.log";
}

stamp_t
file_last(const struct file *f)
{
	assert_non_null(f);
	return (NOW - 5000) * 1000;
}

/* A configuration. */

static struct conf_pattern *
pattern(enum pattern_kind kind, const char *regex)
{
	struct conf_pattern	*p = calloc(1, sizeof(*p));

	assert_non_null(p);
	p->w.id = ++id;
	p->w.kind = kind;
	p->w.weight = 1;
	snprintf(p->w.where, sizeof(p->w.where), "conf:%u", id);
	p->text = strdup(regex);
	p->len = strlen(regex) + 1;
	TAILQ_INSERT_TAIL(&cw->patterns, p, entry);
	return p;
}

#define ADDR	"(?<addr>[0-9a-f.:]+)"
#define USER	"(?<user>[a-z]+)"

static struct conf_ignore *
ignore(enum ignore_kind kind, const char *value, const char *text)
{
	struct conf_ignore	*i = calloc(1, sizeof(*i));

	assert_non_null(i);
	i->w.kind = kind;
	strlcpy(i->w.name, value, sizeof(i->w.name));
	i->text = strdup(text);
	i->len = strlen(text) + 1;
	TAILQ_INSERT_TAIL(&cw->ignores, i, entry);
	return i;
}

static void
add_prefix(struct prefixset *set, const char *text)
{
	struct prefix	p;

	assert_int_equal(prefix_parse(&p, text), 0);
	assert_int_equal(prefixset_add(set, &p), 0);
	prefixset_build(set);
}

static int
setup(void **state)
{
	(void)state;
	assert_int_equal(users_init(1000), 0);
	conf = conf_new();
	cw = conf_watch_new();
	cw->w.format = FORMAT_TEXT;
	cw->w.after = 1;
	cw->w.window = 60000;
	cw->w.bans = 1;
	TAILQ_INSERT_TAIL(&conf->watches, cw, entry);
	memset(&watch, 0, sizeof(watch));
	watch.number = 1;
	users_keep(watch.number, 600000);
	watch.hash = watch_hash("sshd");
	watch.conf = cw;
	prefixset_init(&watch.exempt);
	prefixset_init(&never);
	global.plen4 = 32;
	global.plen6 = 64;
	noffences = ncut = nlimits = id = 0;
	offset = 0;
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	text_free(watch.text);
	zone_free(watch.zone);
	prefixset_clear(&watch.exempt);
	prefixset_clear(&never);
	conf_free(conf);
	users_clear();
	return 0;
}

static void
ready(void)
{
	char	why[TEXT_LEN];

	watch.zone = zone_new("UTC", NULL, 0, why);
	assert_non_null(watch.zone);
	if ((watch.text = text_new(conf, cw, watch.zone, why)) == NULL)
		fail_msg("%s", why);
}

static void
give(const char *p, size_t n, int live)
{
	struct block	b = {
		.file = (void *)&watch, .p = p, .n = n, .offset = offset,
		.live_from = live ? 0 : UINT64_MAX, .now = NOW
	};

	text_lines(&watch, &b);
	offset += n;
}

static void
say(const char *s)
{
	give(s, strlen(s), 1);
}

/* Tests. */

static void
test_match(void **state)
{
	(void)state;
	pattern(PATTERN_MATCH, "bad " USER " from " ADDR);
	pattern(PATTERN_MATCH, "from " ADDR);
	ready();
	say("nothing\nbad alice from 203.0.113.7 port 22\n");
	assert_int_equal(noffences, 1);
	assert_string_equal(name, "203.0.113.7");
	assert_string_equal(values, "user=alice ");
	assert_string_equal(where, "conf:1");
	assert_string_equal(line, "bad alice from 203.0.113.7 port 22");
	assert_int_equal(last.count, 1);
	assert_int_equal(last.file, 77);
	assert_int_equal(last.offset, offset);
	assert_int_equal(last.part, 0);
	assert_int_equal(last.nlines, 0);
	say("good alice from 2001:db8::7\n");
	assert_int_equal(noffences, 2);
	assert_string_equal(where, "conf:2");
	assert_string_equal(name, "2001:db8::/64");
	assert_int_equal(who.plen, 128);
	assert_int_equal(watch.stats.matches, 2);
}

/* The end of a line is not part of it. */
static void
test_end(void **state)
{
	(void)state;
	pattern(PATTERN_MATCH, "bad (?<rest>[^x]*)");
	pattern(PATTERN_MATCH, "worse$");
	ready();
	say("bad one\nbad\nworse\n");
	assert_int_equal(noffences, 2);
	say("bad two\n");
	assert_string_equal(values, "rest=two ");
}

static void
test_ignored_falls_through(void **state)
{
	(void)state;
	pattern(PATTERN_MATCH, "bad " USER " from " ADDR);
	pattern(PATTERN_MATCH, "(?<verb>bad) [a-z]+ from " ADDR);
	ignore(IGNORE_EXACT, "user", "bob");
	ignore(IGNORE_REGEX, "user", "test.*");
	ignore(IGNORE_EXACT, "verb", "bo");
	ready();
	say("bad bob from 203.0.113.7\n");
	assert_string_equal(where, "conf:2");
	say("bad tester from 203.0.113.7\n");
	assert_string_equal(where, "conf:2");
	/* all of the value, not a part of it */
	say("bad bobby from 203.0.113.7\nbad atest from 203.0.113.7\n");
	assert_string_equal(where, "conf:1");
	assert_int_equal(noffences, 4);
	assert_int_equal(watch.stats.ignored, 2);
}

static void
test_ignore(void **state)
{
	struct conf_table	*t = conf_table_new();

	(void)state;
	pattern(PATTERN_MATCH, "bad " USER " from " ADDR);
	pattern(PATTERN_IGNORE, "harmless");
	TAILQ_INSERT_TAIL(&conf->tables, t, entry);
	t->w.id = 9;
	add_prefix(&t->prefixes, "198.51.100.0/24");
	ignore(IGNORE_TABLE, "addr", "")->w.table = 9;
	ignore(IGNORE_EXACT, "addr", "2001:DB8:0::1");
	ignore(IGNORE_REGEX, "addr", "192\\.0\\.2\\.[0-9]");
	add_prefix(&watch.exempt, "203.0.113.8/29");
	add_prefix(&never, "203.0.113.1");
	ready();
	say("bad alice from 203.0.113.7, but harmless\n"
	    "bad alice from 198.51.100.7\n"
	    "bad alice from 2001:db8::1\n"
	    "bad alice from 192.0.2.5\n"
	    "bad alice from 203.0.113.9\n"
	    "bad alice from 203.0.113.1\n");
	assert_int_equal(noffences, 0);
	assert_int_equal(watch.stats.ignored, 6);
	assert_int_equal(watch.stats.matches, 0);
	say("bad alice from 192.0.2.55\n");
	assert_int_equal(noffences, 1);
	/* Who only runs commands may count everybody. */
	cw->w.bans = 0;
	say("bad alice from 203.0.113.1\n");
	assert_int_equal(noffences, 2);
}

static void
test_count(void **state)
{
	(void)state;
	cw->w.after = 3;
	pattern(PATTERN_MATCH, "bad .*from " ADDR);
	pattern(PATTERN_MATCH, "worse .*from " ADDR)->w.weight = 2;
	ready();
	say("Nov 14 22:00:00 bad 1 from 203.0.113.7\n"
	    "Nov 14 22:00:01 bad 1 from 203.0.113.8\n"
	    "Nov 14 22:00:59 bad 2 from 203.0.113.7\n");
	assert_int_equal(noffences, 0);
	say("Nov 14 22:01:00 bad 3 from 203.0.113.7\n");
	assert_int_equal(noffences, 1);
	assert_int_equal(last.count, 3);
	assert_int_equal(last.at, NOW - 12 * 60000 - 20000);
	assert_int_equal(last.nlines, 2);
	assert_string_equal(evidence[0].text,
	    "Nov 14 22:00:00 bad 1 from 203.0.113.7");
	assert_int_equal(evidence[1].at, NOW - 12 * 60000 - 21000);
	assert_string_equal(line, "Nov 14 22:01:00 bad 3 from 203.0.113.7");
	/* too long ago for .8 */
	say("Nov 14 22:02:00 worse x from 203.0.113.8\n");
	assert_int_equal(noffences, 1);
	say("Nov 14 22:02:10 bad 9 from 203.0.113.8\n");
	assert_int_equal(noffences, 2);
	assert_int_equal(last.nlines, 1);
}

static void
test_cancel(void **state)
{
	(void)state;
	cw->w.after = 2;
	pattern(PATTERN_MATCH, "from " ADDR);
	pattern(PATTERN_CANCEL, "Accepted .*from " ADDR);
	ready();
	say("bad from 203.0.113.7\nbad from 203.0.113.8\n");
	say("Accepted alice from 203.0.113.7\n");
	assert_int_equal(watch.stats.cancelled, 1);
	say("bad from 203.0.113.7\n");
	assert_int_equal(noffences, 0);
	say("bad from 203.0.113.8\n");
	assert_int_equal(noffences, 1);
	say("Accepted alice from 203.0.113.99\n");
	assert_int_equal(watch.stats.cancelled, 1);
}

static void
test_host(void **state)
{
	(void)state;
	pattern(PATTERN_MATCH, "from (?<addr>\\S+)");
	ready();
	say("bad from example.com\n");
	assert_int_equal(who.family, 0);
	assert_string_equal(values, "host=example.com ");
	assert_string_equal(name, "example.com");
	say("bad from [2001:db8::1]\n");
	assert_int_equal(who.family, AF_INET6);
	say("bad from ::ffff:192.0.2.1\n");
	assert_string_equal(name, "192.0.2.1");
	/* who writes a line does not choose how much is banned */
	say("bad from 10.0.0.0/8\n");
	assert_int_equal(who.family, 0);
	cw->w.ban_prefix = 1;
	cw->w.group4 = 8;
	say("bad from 10.0.0.0/8\n");
	assert_int_equal(who.family, AF_INET);
	assert_string_equal(name, "10.0.0.0/8");
}

static void
test_time(void **state)
{
	static const char	trace[] =
	    "Nov 14 20:00:00 something\n  at here\n  bad from 203.0.113.7\n";
	static const char	bare[] = "bad from 203.0.113.8\n";

	(void)state;
	pattern(PATTERN_MATCH, "bad from " ADDR);
	ready();
	give(bare, strlen(bare), 1);
	assert_int_equal(last.at, NOW);
	give(trace, strlen(trace), 0);
	assert_int_equal(last.at, NOW - 2 * 3600000 - 13 * 60000 - 20000);
	give(bare, strlen(bare), 0);
	assert_int_equal(last.at, NOW - 5000);
}

static void
test_format(void **state)
{
	(void)state;
	pattern(PATTERN_MATCH, "bad from " ADDR);
	strlcpy(cw->w.time_format, "^%Y-%m-%d %H:%M:%S",
	    sizeof(cw->w.time_format));
	ready();
	say("2023-11-14 10:00:00 bad from 203.0.113.7\n");
	assert_int_equal(last.at, 1699956000000LL);
	assert_int_equal(text_stamp(&watch, "2023-11-14 10:00:01 x", 21),
	    1699956001000000LL);
	assert_int_equal(text_stamp(&watch, "x", 1), 0);
}

static void
test_json(void **state)
{
	(void)state;
	pattern(PATTERN_MATCH, "^bad " USER "( from " ADDR ")?$");
	cw->w.json = 1;
	strlcpy(cw->w.json_field, "msg", sizeof(cw->w.json_field));
	strlcpy(cw->w.json_time, "ts", sizeof(cw->w.json_time));
	strlcpy(cw->w.json_addr, "client.ip", sizeof(cw->w.json_addr));
	ready();
	say("{\"msg\":\"bad alice\",\"ts\":\"2023-11-14T10:00:00Z\","
	    "\"client\":{\"ip\":\"203.0.113.7\"}}\n");
	assert_int_equal(noffences, 1);
	assert_string_equal(name, "203.0.113.7");
	assert_int_equal(last.at, 1699956000000LL);
	assert_string_equal(values, "user=alice ");
	/* what the line says comes before the field */
	say("{\"msg\":\"bad bob from 203.0.113.9\","
	    "\"client\":{\"ip\":\"203.0.113.7\"}}\n");
	assert_string_equal(name, "203.0.113.9");
	assert_int_equal(last.at, NOW);
	say("bad carol\n{\"other\":\"bad carol\"}\n\n");
	assert_int_equal(noffences, 2);
	assert_int_equal(watch.stats.unparsed, 1);
	/* with a port */
	say("{\"msg\":\"bad dora\",\"client\":{\"ip\":\"203.0.113.8:80\"}}\n");
	assert_string_equal(name, "203.0.113.8");
	say("{\"msg\":\"bad dora\","
	    "\"client\":{\"ip\":\"[2001:db8::1]:80\"}}\n");
	assert_string_equal(name, "2001:db8::/64");
	say("{\"msg\":\"bad dora\","
	    "\"client\":{\"ip\":\"203.0.113.9:80 x\"}}\n");
	assert_string_not_equal(name, "203.0.113.9");
}

static void
test_long(void **state)
{
	char	*p = malloc(70000);

	(void)state;
	assert_non_null(p);
	pattern(PATTERN_MATCH, "bad from " ADDR);
	ready();
	memset(p, ' ', 70000);
	memcpy(p + 8000, "bad from 203.0.113.7 ", 21);
	memcpy(p + 9000, "bad from 203.0.113.8 ", 21);
	p[9999] = '\n';
	give(p, 10000, 1);
	assert_int_equal(noffences, 1);
	assert_string_equal(name, "203.0.113.7");
	assert_int_equal(ncut, 1);
	memset(p, ' ', 9500);
	p[9999] = '\n';
	memcpy(p + 9000, "bad from 203.0.113.8 ", 21);
	give(p, 10000, 1);
	assert_int_equal(noffences, 1);
	memset(p, ' ', 70000);
	memcpy(p, "bad from 203.0.113.7 ", 21);
	p[69999] = '\n';
	give(p, 70000, 1);
	assert_int_equal(noffences, 1);
	free(p);
}

static void
test_limits(void **state)
{
	char	bomb[4000];
	int	i;

	(void)state;
	pattern(PATTERN_MATCH, "x(\\w+\\s*)+:from " ADDR);
	pattern(PATTERN_MATCH, "good from " ADDR);
	ready();
	memset(bomb, 'a', sizeof(bomb));
	memcpy(bomb, "good from 203.0.113.7 x", 23);
	memcpy(bomb + 3900, "! :from 203.0.113.9", 19);
	bomb[sizeof(bomb) - 1] = '\n';
	for (i = 0; i < PATTERN_BAD + 5; i++)
		give(bomb, sizeof(bomb), 1);
	assert_int_equal(watch.stats.limits, PATTERN_BAD + 5);
	assert_int_equal(nlimits, 1);
	/* the others are not held up */
	assert_int_equal(noffences, PATTERN_BAD + 5);
}

static void
test_trigger(void **state)
{
	static const char	said[] =
	    "addr\0" "203.0.113.7\0" "user\0" "alice";
	struct msg_trigger	t = { .values_len = sizeof(said) };
	uint64_t		file;

	(void)state;
	cw->w.after = 5;
	pattern(PATTERN_MATCH, "bad " USER " from " ADDR);
	cw->w.nkeys = 2;
	strlcpy(cw->w.keys[0], "addr", sizeof(cw->w.keys[0]));
	strlcpy(cw->w.keys[1], "user", sizeof(cw->w.keys[1]));
	ready();
	strlcpy(t.watch, "nobody", sizeof(t.watch));
	memcpy(t.values, said, sizeof(said));
	assert_int_equal(text_trigger(&t), -1);
	strlcpy(t.watch, "sshd", sizeof(t.watch));
	t.values[5] = 'x';
	assert_int_equal(text_trigger(&t), -2);
	t.values[5] = '2';
	say("bad alice from 203.0.113.7\n");
	assert_int_equal(text_trigger(&t), 1);
	assert_int_equal(noffences, 1);
	assert_string_equal(name, "203.0.113.7 alice");
	assert_true(last.by_hand);
	assert_int_equal(last.offset, 1);
	file = last.file;
	assert_int_equal(text_trigger(&t), 1);
	assert_int_equal(last.offset, 2);
	assert_int_equal(last.file, file);
	/* what had been counted is over */
	say("bad alice from 203.0.113.7\nbad alice from 203.0.113.7\n"
	    "bad alice from 203.0.113.7\nbad alice from 203.0.113.7\n");
	assert_int_equal(noffences, 2);
}

static void
test_refused(void **state)
{
	char	why[TEXT_LEN];

	(void)state;
	strlcpy(cw->w.name, "sshd", sizeof(cw->w.name));
	pattern(PATTERN_FAIL, "no filter")->w.filter = 3;
	watch.zone = zone_new("UTC", NULL, 0, why);
	assert_null(text_new(conf, cw, watch.zone, why));
	assert_non_null(strstr(why, "watch sshd: conf:1"));
}

#define TEST(fn)	cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(void)
{
	static const struct CMUnitTest	tests[] = {
		TEST(test_match),
		TEST(test_end),
		TEST(test_ignored_falls_through),
		TEST(test_ignore),
		TEST(test_count),
		TEST(test_cancel),
		TEST(test_host),
		TEST(test_time),
		TEST(test_format),
		TEST(test_json),
		TEST(test_long),
		TEST(test_limits),
		TEST(test_trigger),
		TEST(test_refused)
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

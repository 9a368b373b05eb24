/* LINK: refract-parser/fail.o refract-parser/fail_pending.o */
/* LINK: refract-parser/fail_window.o refract-parser/pattern.o */
/* LINK: refract-parser/literal.o refract-parser/litset.o */
/* LINK: refract-parser/finder.o refract-parser/siphash.o */
/* LINK: common/msg.o common/msg_check.o common/msg_row.o */
/* LIBS: -lpcre2-8 */
/*
 * What a fail2ban filter makes of lines: its own regexes here, and a date that
 * is "<...>".  The stock ones are fail_stock.c's.
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
#include "date.h"
#include "fail.h"
#include "line.h"
#include "msg.h"
#include "pattern.h"
#include "trace.h"
#include "watch.h"

#define ADDR	"(?<ip4>[0-9.]+)"
#define MLFID	"^(?<mlfid>c\\d+) (?<content>.*)$"
#define SKIP	"\\n(?<skiplines0>(?:(?:.*\\n)*?))"

int	trace_on;

static struct conf_watch	*cw;
static struct conf_filter	*cf;
static struct patterns		*patterns;
static struct fail		*filter;
static struct watch		 watch;
static struct wire_global	 global;
static uint64_t			 identity;
static logtime_t		 now;
static char			 got[512];	/* what was found */

/* Of the parser. */

void
trace_note(const char *text)
{
	assert_null(text);
}

const struct wire_global *
watch_global(void)
{
	return &global;
}

logtime_t
watch_when(struct watch *w, logtime_t at, int live, wall_t wall)
{
	assert_ptr_equal(w, &watch);
	assert_false(live);
	assert_int_equal(wall, 0);
	return at;
}

uint64_t
block_identity(const struct block *b)
{
	return b->identity;
}

enum date_found
date_find(struct date *d, const char *line, size_t n, int live, wall_t wall,
    logtime_t last, logtime_t *at, size_t *start, size_t *end)
{
	const char	*p = memchr(line, '<', n), *q = memchr(line, '>', n);

	assert_null(d);
	assert_false(live || wall != 0 || last != 0);
	if (p == NULL || q == NULL)
		return DATE_NONE;
	*at = atoi(p + 1);
	*start = (size_t)(p - line);
	*end = (size_t)(q - line) + 1;
	return DATE_FOUND;
}

void
text_cut(struct text_line *l)
{
	logtime_t	at;
	size_t		end = 0;

	l->date = l->date_len = 0;
	if (date_find(NULL, l->p, l->n, 0, 0, 0, &at, &l->date, &end) ==
	    DATE_FOUND)
		l->date_len = end - l->date;
}

logtime_t
text_time(struct text_line *l)
{
	if (!l->timed)
		l->at = now;
	l->timed = 1;
	return l->at;
}

int
text_exec(struct text_line *l, size_t i, const char *p, size_t n, size_t from,
    const size_t **vector)
{
	return pattern_exec(l->patterns, i, p, n, from, vector);
}

void
text_value(struct match *m, const char *name, const char *p, size_t n)
{
	m->values[m->nvalues].name = name;
	m->values[m->nvalues].p = p;
	m->values[m->nvalues++].n = n;
}

static void __attribute__((__format__(printf, 1, 2)))
add(const char *fmt, ...)
{
	size_t	n = strlen(got);
	va_list	ap;

	va_start(ap, fmt);
	vsnprintf(got + n, sizeof(got) - n, fmt, ap);
	va_end(ap);
}

/* "192.0.2.1 key=k user=u lines=2:a\nb @5;" */
int
text_match(struct text_line *l, const struct match *m)
{
	char		buf[PREFIX_STRLEN];
	unsigned int	i;

	add("%s", m->addr.family == 0 ? "-" : prefix_print(&m->addr, buf));
	if (m->key != NULL)
		add(" key=%.*s", (int)m->key_len, m->key);
	for (i = 0; i < m->nvalues; i++)
		add(" %s=%.*s", m->values[i].name, (int)m->values[i].n,
		    m->values[i].p);
	if (m->lines > 1)
		add(" lines=%u:%.*s", m->lines, (int)m->len, m->line);
	if (text_time(l) != 0)
		add(" @%lld", (long long)text_time(l));
	add(";");
	return 1;
}

/* A filter. */

static void
regex(enum pattern_kind kind, const char *text)
{
	struct conf_pattern	*p = calloc(1, sizeof(*p));

	assert_non_null(p);
	p->w.kind = kind;
	p->w.filter = 1;
	p->text = strdup(text);
	p->len = strlen(text) + 1;
	TAILQ_INSERT_TAIL(&cw->patterns, p, entry);
}

static void
fails(const char *text)
{
	regex(PATTERN_FAIL, text);
}

/* With these regexes. */
static void
ready(unsigned int maxlines)
{
	struct pattern_spec	 specs[8] = { { .regex = NULL } };
	struct conf_pattern	*p;
	uint16_t		 index[8];
	char			 why[TEXT_LEN];
	size_t			 n = 0;

	TAILQ_FOREACH(p, &cw->patterns, entry) {
		specs[n].regex = p->text;
		specs[n].len = p->len - 1;
		specs[n].flags = PATTERN_CUT;
		specs[n].where = "test";
		index[n] = (uint16_t)n;
		n++;
	}
	cf->w.maxlines = maxlines;
	patterns = patterns_new(specs, n, why);
	assert_non_null(patterns);
	filter = fail_new(cw, cf, patterns, index, n, why);
	assert_non_null(filter);
}

static int
setup(void **state)
{
	(void)state;
	cw = conf_watch_new();
	cf = calloc(1, sizeof(*cf));
	assert_non_null(cf);
	cf->w.id = 1;
	TAILQ_INSERT_TAIL(&cw->filters, cf, entry);
	watch.conf = cw;
	global.plen4 = 24;
	global.plen6 = 64;
	identity = 1;
	now = 0;
	got[0] = '\0';
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	fail_free(filter);
	patterns_free(patterns);
	conf_watch_free(cw);
	filter = NULL;
	patterns = NULL;
	return 0;
}

/* What the filter says to this line, which has a "\n" at its end. */
static const char *
say(const char *line)
{
	struct block		 b = { .identity = identity };
	struct text_line	 l = {
		.w = &watch, .b = &b, .patterns = patterns, .p = line,
		.n = strlen(line) - 1, .whole = line,
		.whole_len = strlen(line) - 1
	};
	const uint16_t		*cands;
	size_t			 n;

	got[0] = '\0';
	n = patterns_scan(patterns, line, l.n + 1, &cands);
	if (n > 0 || cf->w.maxlines > 1)
		fail_line(filter, &l, cands, n);
	return got;
}

#define SAYS(line, what)	assert_string_equal(say(line), what)

static void
test_cut(void **state)
{
	(void)state;
	fails("^\\[\\] bad " ADDR "\\s$");
	ready(1);
	SAYS("[<1>] bad 192.0.2.1\n", "192.0.2.1;");
	SAYS("[<1>] bad 192.0.2.1\r\n", "192.0.2.1;");
	SAYS("[] bad 192.0.2.1\n", "192.0.2.1;");
	SAYS("[1] bad 192.0.2.1\n", "");
	SAYS("[<1>] bad 192.0.2.1 !\n", "");
}

static void
test_content(void **state)
{
	(void)state;
	regex(PATTERN_FAIL_PREFIX, "^daemon: (?<content>.*?)( end)?$");
	fails("bad " ADDR "\\s$");
	fails("^daemon: worse " ADDR "$");
	ready(1);
	SAYS("daemon: bad 192.0.2.1\n", "192.0.2.1;");
	/* The content has a newline of its own. */
	SAYS("daemon: bad 192.0.2.1 end\n", "192.0.2.1;");
	SAYS("other: bad 192.0.2.1\n", "");
	SAYS("daemon: daemon: worse 192.0.2.1\n", "192.0.2.1;");
	SAYS("daemon: worse 192.0.2.1\n", "");
}

static void
test_first(void **state)
{
	(void)state;
	fails("bad (?<user>\\w+) " ADDR);
	fails("bad \\w+ " ADDR);
	regex(PATTERN_FAIL_IGNORE, "bad root");
	regex(PATTERN_FAIL_IGNORE, "friend$");
	ready(1);
	SAYS("bad bob 192.0.2.1\n", "192.0.2.1 user=bob;");
	SAYS("bad root 192.0.2.1\n", "");
	SAYS("bad bob 192.0.2.1 friend\n", "");
}

/* The few are asked about the line itself, others about the content. */
static void
test_ignored_early(void **state)
{
	(void)state;
	regex(PATTERN_FAIL_PREFIX, "^daemon: (?<content>.*)$");
	fails("^bad " ADDR);
	fails("^evil " ADDR);
	fails("^sad " ADDR);
	regex(PATTERN_FAIL_IGNORE, "^daemon: bad");
	ready(1);
	SAYS("daemon: bad 192.0.2.1\n", "192.0.2.1;");
	fails("^mad " ADDR);
	fail_free(filter);
	patterns_free(patterns);
	ready(1);
	SAYS("daemon: bad 192.0.2.1\n", "");
	SAYS("daemon: mad 192.0.2.1\n", "192.0.2.1;");
}

static void
test_ids(void **state)
{
	(void)state;
	fails("bad (?:id (?<fid>\\S+))?(?: from " ADDR "| by (?<dns>\\S+))?"
	    "(?:/(?<cidr>\\d+))?$");
	ready(1);
	SAYS("bad id x from 192.0.2.1\n", "192.0.2.1 key=x fid=x;");
	SAYS("bad id 192.0.2.1 from 192.0.2.1\n",
	    "192.0.2.1 fid=192.0.2.1;");
	SAYS("bad id x\n", "- key=x fid=x;");
	SAYS("bad id 192.0.2.1\n", "192.0.2.1 fid=192.0.2.1;");
	SAYS("bad id x by host.example\n", "- key=x fid=x dns=host.example;");
	SAYS("bad id  by host.example\n", "");
	SAYS("bad  by host.example\n", "- key=host.example dns=host.example;");
	SAYS("bad  from 192.0.2.300\n", "- key=192.0.2.300;");
	/* Not more than a ban may be. */
	SAYS("bad  from 192.0.2.1/28\n", "192.0.2.0/28;");
	SAYS("bad  from 192.0.2.1/24\n", "192.0.2.0/24;");
	SAYS("bad  from 192.0.2.1/23\n", "192.0.2.1;");
	SAYS("bad  from 192.0.2.1/99999999999\n", "192.0.2.1;");
	SAYS("bad \n", "");
}

static void
test_names(void **state)
{
	(void)state;
	regex(PATTERN_FAIL_PREFIX, "^(?<user>\\w+)(?<rest>!)? "
	    "(?<content>.*)$");
	fails("^a (?:(?<user>[a-z]+) )?" ADDR);
	fails("^b (?<alt_who_1>x\\w*)?(?<alt_who_2>y\\w*)? " ADDR);
	fails("^c (?<fid>\\w+) (?<tuple_id_1>\\w+) (?<tuple_id>\\w+)$");
	ready(1);
	SAYS("p a q 192.0.2.1\n", "192.0.2.1 user=q;");
	/* It has the name, so it is not the prefix's. */
	SAYS("p a 192.0.2.1\n", "192.0.2.1;");
	SAYS("p! a q 192.0.2.1\n", "192.0.2.1 user=q rest=!;");
	SAYS("p b x1 192.0.2.1\n", "192.0.2.1 user=p who=x1;");
	SAYS("p b y1 192.0.2.1\n", "192.0.2.1 user=p who=y1;");
	SAYS("p b x1y1 192.0.2.1\n", "192.0.2.1 user=p who=x1y1;");
	SAYS("p c k l m\n", "- key=k\nm\nl fid=k\nm\nl user=p;");
}

static void
connections(void)
{
	regex(PATTERN_FAIL_PREFIX, MLFID);
	fails("^(?<nofail>from) " ADDR);
	fails("^bad(?: (?<user>\\w+))?$");
	fails("^(?<nofail>try) (?<user>\\w+)$");
	fails("^(?<mlfgained>in)$");
	fails("^(?<nofail>(?<mlfforget>bye))$");
	ready(1);
}

static void
test_connection(void **state)
{
	(void)state;
	connections();
	SAYS("c1 from 192.0.2.1\n", "");
	SAYS("c1 bad root\n",
	    "192.0.2.1 user=root lines=2:c1 from 192.0.2.1\nc1 bad root;");
	SAYS("c1 bad root\n", "192.0.2.1 user=root;");
	SAYS("c2 bad\n", "");		/* nobody's */
	SAYS("c2 from 192.0.2.2\n",
	    "192.0.2.2 lines=2:c2 bad\nc2 from 192.0.2.2;");
	SAYS("c2 from 192.0.2.2\n", "");
	SAYS("c2 bye\n", "");
	SAYS("c2 bad\n", "");		/* another c2 */
	SAYS("c3 bad root\n", "");
	SAYS("c3 in\n", "");		/* who is in was not guessing */
	SAYS("c3 from 192.0.2.3\n", "");
}

static void
test_users(void **state)
{
	(void)state;
	connections();
	SAYS("c1 from 192.0.2.1\n", "");
	SAYS("c1 try a\n", "");
	SAYS("c1 try a\n", "");
	SAYS("c1 try b\n", "192.0.2.1 user=b users=a b lines=4:"
	    "c1 from 192.0.2.1\nc1 try a\nc1 try a\nc1 try b;");
	SAYS("c1 in\n", "192.0.2.1 user=b users=a b;");
}

static void
test_bounds(void **state)
{
	char	line[64];
	int	i;

	(void)state;
	connections();
	SAYS("c0 from 192.0.2.1\n", "");
	for (i = 1; i < 100; i++) {
		snprintf(line, sizeof(line), "c%d from 192.0.2.2\n", i);
		SAYS(line, "");
	}
	now = 299999;
	SAYS("c0 bad\n", "192.0.2.1 lines=2:c0 from 192.0.2.1\nc0 bad "
	    "@299999;");
	SAYS("c100 from 192.0.2.3\n", "");	/* c0 goes */
	SAYS("c0 bad\n", "");			/* and then c1 */
	SAYS("c2 bad\n", "192.0.2.2 lines=2:c2 from 192.0.2.2\nc2 bad "
	    "@299999;");
	now = 300000;
	SAYS("c3 bad\n", "");			/* too old */
	SAYS("c100 bad\n", "192.0.2.3 lines=2:c100 from 192.0.2.3\nc100 bad "
	    "@300000;");
}

/* The same filter, of another configuration or process. */
static void
another(void)
{
	static const uint16_t		 index[] = { 0, 1, 2, 3, 4, 5, 6, 7 };
	const struct conf_pattern	*p;
	char				 why[TEXT_LEN];
	size_t				 n = 0;

	TAILQ_FOREACH(p, &cw->patterns, entry)
		n++;
	filter = fail_new(cw, cf, patterns, index, n, why);
	assert_non_null(filter);
}

/* 0: its rules are others. */
static int
reload(void)
{
	struct fail	*old = filter;
	int		 same;

	another();
	if ((same = fail_adopt(filter, old)) == 1)
		assert_int_equal(fail_adopt(filter, old), 0);
	fail_free(old);
	return same;
}

static void
test_reload(void **state)
{
	(void)state;
	connections();
	SAYS("c1 from 192.0.2.1\n", "");
	SAYS("c2 bad\n", "");
	assert_int_equal(reload(), 1);
	SAYS("c1 bad\n", "192.0.2.1 lines=2:c1 from 192.0.2.1\nc1 bad;");
	assert_int_equal(reload(), 1);
	SAYS("c2 from 192.0.2.2\n",
	    "192.0.2.2 lines=2:c2 bad\nc2 from 192.0.2.2;");
	SAYS("c3 from 192.0.2.3\n", "");
	TAILQ_FIRST(&cw->patterns)->w.kind = PATTERN_FAIL;
	assert_int_equal(reload(), 0);
	TAILQ_FIRST(&cw->patterns)->w.kind = PATTERN_FAIL_PREFIX;
	assert_int_equal(reload(), 0);
	SAYS("c3 bad\n", "");
	strlcpy(cw->w.zone, "UTC", sizeof(cw->w.zone));
	assert_int_equal(reload(), 0);
}

static void
test_reload_window(void **state)
{
	(void)state;
	fails("^a " ADDR SKIP "b$");
	ready(3);
	SAYS("a 192.0.2.1\n", "");
	assert_int_equal(reload(), 1);
	SAYS("b\n", "192.0.2.1 lines=2:a 192.0.2.1\nb;");
	SAYS("a 192.0.2.1\n", "");
	cf->w.maxlines = 4;
	assert_int_equal(reload(), 0);
	SAYS("b\n", "");
}

/* What the ledger has of the filter. */
struct kept {
	struct wire_waiting	head;
	char			text[WAITING_TEXT + WAITING_USERS +
				    WAITING_LINES];
};
static struct kept	kept[WAITING_SLOTS];
static size_t		nsaved;

static void
save(const void *data, size_t len)
{
	const struct wire_waiting	*m = data;
	const char			*why;

	assert_int_equal(msg_check(M_WAITING, ROLE_PARSER, ROLE_LEDGER,
	    STATE_RUNNING, data, len, 0, &why), 0);
	assert_true(m->watch == 7);
	memcpy(&kept[m->slot], data, len);
	nsaved++;
}

static int
by_order(const void *a, const void *b)
{
	const struct kept	*x = a, *y = b;

	return x->head.order < y->head.order ? -1 :
	    x->head.order > y->head.order;
}

/* All of it is saved, or what changed. */
static void
restart(int all)
{
	static struct kept	 list[WAITING_SLOTS];
	struct fail		*old = filter;
	size_t			 i;

	if (all)
		memset(kept, 0, sizeof(kept));
	nsaved = 0;
	cw->w.hash = 7;
	fail_save(old, all, save);
	memcpy(list, kept, sizeof(list));
	qsort(list, WAITING_SLOTS, sizeof(list[0]), by_order);
	another();
	for (i = 0; i < WAITING_SLOTS; i++)
		fail_restore(filter, &list[i].head);
	fail_free(old);
}

/* Whatever the moment: as without it. */
static void
test_restart(void **state)
{
	static const char *const	lines[] = {
		"c1 from 192.0.2.1\n", "c2 bad\n", "c1 bad root\n",
		"c1 bad root\n", "c2 from 192.0.2.2\n", "c2 from 192.0.2.2\n",
		"c2 bye\n", "c2 bad\n", "c3 bad root\n", "c3 in\n",
		"c3 from 192.0.2.3\n", "c4 from 192.0.2.4\n", "c4 try a\n",
		"c4 try a\n", "c4 try b\n", "c4 in\n"
	};
	char	calm[1024] = "", disturbed[1024] = "";
	size_t	i;

	(void)state;
	connections();
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		strlcat(calm, say(lines[i]), sizeof(calm));
	fail_free(filter);
	another();
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		strlcat(disturbed, say(lines[i]), sizeof(disturbed));
		restart(i % 3 == 0);
	}
	assert_non_null(strstr(calm, "lines=4:"));
	assert_string_equal(disturbed, calm);
}

static void
test_restart_bounds(void **state)
{
	char	line[64];
	int	i;

	(void)state;
	connections();
	for (i = 0; i < 100; i++) {
		snprintf(line, sizeof(line), "c%d from 192.0.2.2\n", i);
		SAYS(line, "");
	}
	restart(1);
	assert_int_equal(nsaved, 100);
	restart(0);
	assert_int_equal(nsaved, 0);
	SAYS("c50 bye\n", "");
	restart(0);
	assert_int_equal(nsaved, 1);
	SAYS("c100 from 192.0.2.2\n", "");	/* has its place */
	SAYS("c101 from 192.0.2.2\n", "");	/* c0 goes */
	SAYS("c1 bad\n", "192.0.2.2 lines=2:c1 from 192.0.2.2\nc1 bad;");
	SAYS("c0 bad\n", "");			/* and then c1 */
	restart(0);
	assert_int_equal(nsaved, 3);
	now = 299999;
	SAYS("c2 bad\n", "192.0.2.2 lines=2:c2 from 192.0.2.2\nc2 bad "
	    "@299999;");
	now = 300000;
	restart(1);
	SAYS("c3 bad\n", "");			/* too old */
	restart(0);
	SAYS("c4 bye\n", "");			/* and gone */
	restart(0);
	assert_int_equal(nsaved, 1);
}

/* What no filter of ours would have told is not taken. */
static void
test_restart_refused(void **state)
{
	size_t	i;

	(void)state;
	connections();
	for (i = 0; i < 4; i++) {
		SAYS("c1 from 192.0.2.1\n", "");
		restart(1);
		fail_free(filter);
		another();
		kept[0].head.filter ^= i == 0;
		kept[0].head.has |= (uint64_t)(i == 1) << 63;
		fail_restore(filter, &kept[0].head);
		if (i == 2) {		/* a slot is taken once */
			kept[0].head.id++;
			fail_restore(filter, &kept[0].head);
		}
		SAYS("c1 bad\n", i < 2 ? "" :
		    "192.0.2.1 lines=2:c1 from 192.0.2.1\nc1 bad;");
		fail_free(filter);
		another();
	}
}

/* Long values and lines cost their ends, and nothing else. */
static void
test_long(void **state)
{
	char	line[4096];
	int	i;

	(void)state;
	connections();
	SAYS("c1 from 192.0.2.1\n", "");
	for (i = 0; i < 50; i++) {
		memset(line, 'a' + i % 20, sizeof(line));
		memcpy(line, "c1 try ", 7);
		memcpy(line + 3000, "\n", 2);
		say(line);
	}
	assert_memory_equal(got, "192.0.2.1 user=", 15);
	assert_memory_equal(say("c1 bye\n"), "192.0.2.1 user=", 15);
	SAYS("c1 bad\n", "");
}

static void
test_window(void **state)
{
	(void)state;
	fails("(?m)^(\\w+) opened " ADDR "$" SKIP "^\\1 bad$");
	fails("(?m)^once " ADDR "$");
	regex(PATTERN_FAIL_IGNORE, "friend opened");
	ready(4);
	SAYS("a<5> opened 192.0.2.1\n", "");
	SAYS("b opened 192.0.2.2\n", "");
	SAYS("a bad<6>\n", "192.0.2.1 lines=2:a<5> opened 192.0.2.1\na bad<6> "
	    "@6;");
	SAYS("a bad\n", "");
	/* What was skipped is still there; the time is of a line above. */
	SAYS("b bad\n", "192.0.2.2 lines=2:b opened 192.0.2.2\nb bad;");
	SAYS("c<7> opened 192.0.2.3\n", "");
	SAYS("c bad\n", "192.0.2.3 lines=2:c<7> opened 192.0.2.3\nc bad @7;");
	SAYS("friend opened 192.0.2.4\n", "");
	SAYS("friend bad\n", "");
	SAYS("once 192.0.2.5\r\n", "192.0.2.5;");
	/* Of the last four lines only. */
	SAYS("d opened 192.0.2.6\n", "");
	SAYS("x\n", "");
	SAYS("x\n", "");
	SAYS("d bad\n", "192.0.2.6 lines=2:d opened 192.0.2.6\nd bad;");
	SAYS("e opened 192.0.2.6\n", "");
	SAYS("x\n", "");
	SAYS("x\n", "");
	SAYS("x\n", "");
	SAYS("e bad\n", "");
}

static void
test_files(void **state)
{
	(void)state;
	fails("(?m)^(\\w+) opened " ADDR "$" SKIP "^\\1 bad$");
	ready(2);
	SAYS("a opened 192.0.2.1\n", "");
	identity = 2;
	SAYS("a bad\n", "");
	SAYS("x\n", "");
	SAYS("x\n", "");
	identity = 1;
	SAYS("a bad\n", "192.0.2.1 lines=2:a opened 192.0.2.1\na bad;");
	SAYS("b opened 192.0.2.1\n", "");
	for (identity = 100; identity < 163; identity++)
		SAYS("x\n", "");
	identity = 1;
	SAYS("b bad\n", "192.0.2.1 lines=2:b opened 192.0.2.1\nb bad;");
	SAYS("c opened 192.0.2.1\n", "");
	for (identity = 200; identity < 264; identity++)
		SAYS("x\n", "");
	identity = 1;
	SAYS("c bad\n", "");			/* 64 others were there */
}

/* The oldest lines go when there is no room for their bytes. */
static void
test_room(void **state)
{
	static char	line[PATTERN_LINE_MAX];

	(void)state;
	fails("(?m)^(\\w+) opened " ADDR "$" SKIP "^\\1 bad$");
	ready(1000);
	memset(line, 'x', sizeof(line));
	SAYS("a opened 192.0.2.1\n", "");
	memcpy(line + 8000, "\n", 2);
	SAYS(line, "");
	SAYS("a bad\n", "192.0.2.1 lines=2:a opened 192.0.2.1\na bad;");
	SAYS("b opened 192.0.2.1\n", "");
	memcpy(line + sizeof(line) - 2, "\n", 2);
	line[8000] = line[8001] = 'x';
	SAYS(line, "");
	SAYS("b bad\n", "");
}

static void
test_refused(void **state)
{
	struct pattern_spec	 spec = { .where = "test" };
	uint16_t		 index = 0;
	char			 why[TEXT_LEN], text[2048] = "";
	int			 i;

	(void)state;
	for (i = 0; i < 54; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
		    "(?<n%d>x)", i);
	fails(text);
	spec.regex = text;
	spec.len = strlen(text);
	patterns = patterns_new(&spec, 1, why);
	assert_non_null(patterns);
	cf->w.maxlines = 1;
	assert_null(fail_new(cw, cf, patterns, &index, 1, why));
	assert_non_null(strstr(why, "more than 64 names"));
}

#define TEST(name)	cmocka_unit_test_setup_teardown(test_##name, setup, \
			    teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(cut), TEST(content), TEST(first), TEST(ignored_early),
		TEST(ids), TEST(names), TEST(connection), TEST(users),
		TEST(bounds), TEST(long), TEST(window), TEST(files),
		TEST(room), TEST(refused), TEST(reload),
		TEST(reload_window), TEST(restart), TEST(restart_bounds),
		TEST(restart_refused)
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

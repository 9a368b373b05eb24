/*
 * Regexes: PCRE2 behind literals.  Which strings a regex requires is
 * literal.c's to know, how they are found finder.c's.
 */
#define PCRE2_CODE_UNIT_WIDTH	8
#include <pcre2.h>

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "finder.h"
#include "literal.h"
#include "log.h"
#include "msg.h"
#include "pattern.h"

#define MORE_MAX	16		/* strings compared for a candidate */
#define GLANCES		2		/* at a line, for a string each */
#define GLANCE_MIN	5		/* bytes of such a string */
#define GRAM_BITS	12
#define GRAMS		(1 << GRAM_BITS)
#define JIT_STACK	(256 * 1024)	/* bytes */
#define HEAP_LIMIT	1024		/* KiB, of the interpreter */
#define DEPTH_LIMIT	10000
/*
 * What PCRE2 may do from one start, in steps; a step may look at the whole
 * subject.  An anchored regex has one start, another one at each byte.  An
 * honest line takes a step or two a byte, which is always allowed.
 */
#define STEPS_MAX	1000000u
#define STEPS_ANCHORED	40000000u	/* through the subject's length */
#define STEPS_ANYWHERE	5000000u
#define STEPS_FLOOR(n)	(1000 + 4 * (uint32_t)(n))

/*
 * A regex that hit a limit or was slow has a penalty, for some minutes: each
 * halves the longest subject and quarters the steps.
 */
#define PENALTY_LIMIT	4		/* down to 512 bytes by limits */
#define PENALTY_SLOW	5		/* 256 by time */
#define PENALTY_MS	60000		/* and one less */
#define TIMED		(PATTERN_LINE_MAX >> PENALTY_SLOW) /* if longer */
#define SLOW		4000		/* us: one more */
#define VERY_SLOW	20000		/* PENALTY_SLOW */

struct pattern {
	pcre2_code		*code;
	pcre2_match_data	*data;
	int			 jit, anchored;
	unsigned int		 penalty;
	int64_t			 penalty_at;	/* ms */
	unsigned int		 also;
	struct literal		*more;		/* one of these is there too */
	size_t			 nmore;		/* ... for all that is known */
	int			 base;		/* `also` of another */
	struct pattern_name	*names;
	uint16_t		*groups;	/* of all names */
	size_t			 nnames;
	char			*where;
	struct pattern_stats	 stats;
	int			 named;		/* pattern_bad() was told */
};

/*
 * Bits: a row for what was found as it is in the line that the regex sees,
 * then one for what may be that and a piece in the midst of it.
 */
struct patterns {
	struct pattern		*list;
	size_t			 n, words;	/* of a row */
	struct finder		*finder;
	pcre2_match_context	*context;
	pcre2_jit_stack		*stack;
	uint64_t		 scans;
	uint64_t		*always;	/* two rows: no literals */
	uint64_t		*found;		/* two rows */
	uint64_t		*marks, *needed; /* a row each, clear */
	uint16_t		*candidates, *remaining;
	int			 bases;		/* some `also` is set */
	const char		*line;		/* scanned last */
	size_t			 line_len;
	uint64_t		*joint;		/* two rows: at this cut */
	size_t			 joint_from, joint_to;
	int			 joint_known;
	/* What follows what in that line: the mark is there. */
	uint8_t			 twos[GRAMS], threes[GRAMS];
	uint8_t			 two_mark, three_mark;
	uint64_t		 twos_of, threes_of;	/* scan */
	unsigned int		 glances;
	size_t			 memory;
};

static int
has_bit(const uint64_t *bits, size_t i)
{
	return (bits[i / 64] >> i % 64 & 1) != 0;
}

static void
set_bit(uint64_t *bits, size_t i)
{
	bits[i / 64] |= 1ULL << i % 64;
}

static int
no_memory(char *why)
{
	snprintf(why, TEXT_LEN, "no memory for regexes");
	return -1;
}

/* Names. */

static void
info(const struct pattern *pt, uint32_t what, void *value)
{
	if (pcre2_pattern_info(pt->code, what, value) != 0)
		fatalx("regex: no information");
}

/*
 * PCRE2's table: entries of a size, each a number of two bytes and a name, in
 * the order of names.
 */
static int
read_names(struct patterns *p, struct pattern *pt)
{
	PCRE2_SPTR		 table;
	uint32_t		 count, size, i;
	struct pattern_name	*name = NULL;
	const char		*text;

	info(pt, PCRE2_INFO_NAMECOUNT, &count);
	info(pt, PCRE2_INFO_NAMEENTRYSIZE, &size);
	info(pt, PCRE2_INFO_NAMETABLE, &table);
	pt->names = calloc(count + 1, sizeof(*pt->names));
	pt->groups = calloc(count + 1, sizeof(*pt->groups));
	if (pt->names == NULL || pt->groups == NULL)
		return -1;
	for (i = 0; i < count; i++, table += size) {
		text = (const char *)table + 2;
		if (name == NULL || strcmp(name->name, text) != 0) {
			name = &pt->names[pt->nnames++];
			name->name = text;
			name->groups = &pt->groups[i];
		}
		name->n++;
		pt->groups[i] = (uint16_t)(table[0] << 8 | table[1]);
	}
	p->memory += (count + 1) * (sizeof(*name) + sizeof(*pt->groups));
	return 0;
}

/* Building. */

static pcre2_code *
compile(const struct pattern_spec *spec, char *why)
{
	pcre2_compile_context	*context;
	pcre2_code		*code;
	PCRE2_UCHAR		 text[128];
	PCRE2_SIZE		 at;
	uint32_t		 options;
	int			 e;

	if ((context = pcre2_compile_context_create(NULL)) == NULL) {
		no_memory(why);
		return NULL;
	}
	pcre2_set_newline(context, PCRE2_NEWLINE_LF);
	options = PCRE2_DUPNAMES | PCRE2_NEVER_UTF;
	if (spec->flags & PATTERN_MULTILINE)
		options |= PCRE2_MULTILINE;
	code = pcre2_compile((PCRE2_SPTR)spec->regex, spec->len, options, &e,
	    &at, context);
	pcre2_compile_context_free(context);
	if (code != NULL)
		return code;
	pcre2_get_error_message(e, text, sizeof(text));
	snprintf(why, TEXT_LEN, "%s: regex, at byte %zu: %s", spec->where, at,
	    (const char *)text);
	return NULL;
}

/* Does it start to match at one place, or at those behind newlines? */
static int
is_anchored(const struct pattern *pt)
{
	uint32_t	options, type;

	info(pt, PCRE2_INFO_ALLOPTIONS, &options);
	info(pt, PCRE2_INFO_FIRSTCODETYPE, &type);
	return (options & PCRE2_ANCHORED) != 0 || type == 2;
}

static void
compile_jit(struct patterns *p, struct pattern *pt)
{
	PCRE2_UCHAR	text[128];
	size_t		size = 0;
	int		e;

	if ((e = pcre2_jit_compile(pt->code, PCRE2_JIT_COMPLETE)) != 0) {
		pcre2_get_error_message(e, text, sizeof(text));
		log_warnx("%s: regex will run slowly, PCRE2's JIT does not "
		    "take it: %s", pt->where, (const char *)text);
		return;
	}
	info(pt, PCRE2_INFO_JITSIZE, &size);
	pt->jit = size > 0;		/* (*NO_JIT) */
	p->memory += size;
}

/* Literals for a row of bits; without them its bit is always set. */
static int
add_row(struct patterns *p, size_t i, const struct pattern_spec *spec, int cut)
{
	struct literals	set = { .n = 0 };
	size_t		bit = (cut ? p->words * 64 : 0) + i, k;

	if ((spec->flags & PATTERN_ALWAYS) == 0)
		literals_of(spec->regex, spec->len, cut, &set);
	if (set.n == 0)
		set_bit(p->always, bit);
	for (k = 0; k < set.n; k++)
		if (finder_add(p->finder, &set.l[k], (uint32_t)bit) == -1)
			return -1;
	return 0;
}

/* How rare the most common of them is; none: 0. */
static unsigned int
least(const struct literals *set)
{
	unsigned int	worst = 0, rare;
	size_t		i;

	for (i = 0; i < set->n; i++) {
		rare = literal_rarity(set->l[i].text, set->l[i].len);
		if (i == 0 || rare < worst)
			worst = rare;
	}
	return worst;
}

/*
 * What is searched for is halves, which most lines may have; so there may be
 * more that a regex requires of a line that it sees cut.
 */
static int
add_more(struct patterns *p, struct pattern *pt,
    const struct pattern_spec *spec)
{
	struct literals	set, searched;
	size_t		k;

	literals_of(spec->regex, spec->len, LITERALS_CUT, &searched);
	literals_of(spec->regex, spec->len, LITERALS_SIDES, &set);
	for (k = 0; k < set.n; k++)
		if (set.l[k].fold)
			return 0;
	if (set.n == 0 || set.n > MORE_MAX || least(&set) <= least(&searched))
		return 0;
	if ((pt->more = calloc(set.n, sizeof(*pt->more))) == NULL)
		return -1;
	memcpy(pt->more, set.l, set.n * sizeof(*pt->more));
	pt->nmore = set.n;
	p->memory += set.n * sizeof(*pt->more);
	return 0;
}

static int
add_literals(struct patterns *p, size_t i, const struct pattern_spec *spec)
{
	if (add_row(p, i, spec, 0) == -1)
		return -1;
	if ((spec->flags & PATTERN_CUT) == 0)
		return 0;
	if (add_row(p, i, spec, LITERALS_CUT) == -1)
		return -1;
	return (spec->flags & PATTERN_ALWAYS) != 0 ? 0 :
	    add_more(p, &p->list[i], spec);
}

static int
build(struct patterns *p, size_t i, const struct pattern_spec *spec,
    char *why)
{
	struct pattern	*pt = &p->list[i];
	size_t		 size;

	if ((pt->where = strdup(spec->where)) == NULL)
		return no_memory(why);
	if ((pt->code = compile(spec, why)) == NULL)
		return -1;
	compile_jit(p, pt);
	pt->anchored = is_anchored(pt);
	pt->data = pcre2_match_data_create_from_pattern(pt->code, NULL);
	if (pt->data == NULL || read_names(p, pt) == -1 ||
	    add_literals(p, i, spec) == -1)
		return no_memory(why);
	info(pt, PCRE2_INFO_SIZE, &size);
	p->memory += size + pcre2_get_match_data_size(pt->data) +
	    strlen(pt->where) + 1;
	if ((pt->also = spec->also) != 0) {
		p->list[pt->also - 1].base = 1;
		p->bases = 1;
	}
	return 0;
}

static int
allocate(struct patterns *p, size_t n)
{
	p->n = n;
	p->words = n / 64 + 1;
	p->list = calloc(n + 1, sizeof(*p->list));
	p->always = calloc(p->words * 8, sizeof(*p->always));
	p->candidates = calloc((n + 1) * 2, sizeof(*p->candidates));
	p->finder = finder_new();
	p->context = pcre2_match_context_create(NULL);
	if (p->list == NULL || p->always == NULL || p->candidates == NULL ||
	    p->finder == NULL || p->context == NULL)
		return -1;
	p->found = p->always + 2 * p->words;
	p->joint = p->always + 4 * p->words;
	p->marks = p->always + 6 * p->words;
	p->needed = p->always + 7 * p->words;
	p->remaining = p->candidates + n + 1;
	/* Without it PCRE2 takes 32 KiB of the stack. */
	p->stack = pcre2_jit_stack_create(JIT_STACK, JIT_STACK, NULL);
	pcre2_jit_stack_assign(p->context, NULL, p->stack);
	pcre2_set_heap_limit(p->context, HEAP_LIMIT);
	pcre2_set_depth_limit(p->context, DEPTH_LIMIT);
	p->memory = sizeof(*p) + (n + 1) * (sizeof(*p->list) +
	    2 * sizeof(*p->candidates)) + 8 * p->words * sizeof(*p->always) +
	    (p->stack == NULL ? 0 : JIT_STACK);
	return 0;
}

static int
check_specs(const struct pattern_spec *specs, size_t n, char *why)
{
	size_t	i;

	if (n > PATTERNS_MAX) {
		snprintf(why, TEXT_LEN, "expected at most %d regexes",
		    PATTERNS_MAX);
		return -1;
	}
	for (i = 0; i < n; i++)
		if (specs[i].also > n || (specs[i].also != 0 &&
		    specs[specs[i].also - 1].also != 0)) {
			snprintf(why, TEXT_LEN, "%s: regex depends on one "
			    "that it cannot depend on", specs[i].where);
			return -1;
		}
	return 0;
}

struct patterns *
patterns_new(const struct pattern_spec *specs, size_t n, char *why)
{
	struct patterns	*p;
	size_t		 i;

	if (check_specs(specs, n, why) == -1)
		return NULL;
	if ((p = calloc(1, sizeof(*p))) == NULL || allocate(p, n) == -1) {
		no_memory(why);
		goto fail;
	}
	for (i = 0; i < n; i++)
		if (build(p, i, &specs[i], why) == -1)
			goto fail;
	if (finder_build(p->finder) == -1) {
		no_memory(why);
		goto fail;
	}
	return p;
fail:
	patterns_free(p);
	return NULL;
}

void
patterns_free(struct patterns *p)
{
	size_t	i;

	if (p == NULL)
		return;
	for (i = 0; p->list != NULL && i < p->n; i++) {
		pcre2_code_free(p->list[i].code);
		pcre2_match_data_free(p->list[i].data);
		free(p->list[i].more);
		free(p->list[i].names);
		free(p->list[i].groups);
		free(p->list[i].where);
	}
	free(p->list);
	free(p->always);
	free(p->candidates);
	finder_free(p->finder);
	pcre2_match_context_free(p->context);
	pcre2_jit_stack_free(p->stack);
	free(p);
}

size_t
patterns_count(const struct patterns *p)
{
	return p->n;
}

size_t
patterns_memory(const struct patterns *p)
{
	return p->memory + finder_memory(p->finder);
}

size_t
patterns_slow(const struct patterns *p)
{
	size_t	i, n = 0;

	for (i = 0; i < p->n; i++)
		n += !p->list[i].jit;
	return n;
}

/* A line. */

/* Without those that lack another, and those that no other needs. */
static size_t
settle(struct patterns *p, uint16_t *list, size_t n)
{
	const struct pattern	*pt;
	size_t			 i, kept = 0;

	if (!p->bases)
		return n;
	for (i = 0; i < n; i++)
		set_bit(p->marks, list[i]);
	for (i = 0; i < n; i++)
		if (p->list[list[i]].also != 0)
			set_bit(p->needed, p->list[list[i]].also - 1);
	for (i = 0; i < n; i++) {
		pt = &p->list[list[i]];
		if (pt->also != 0 ? has_bit(p->marks, pt->also - 1) :
		    !pt->base || has_bit(p->needed, list[i]))
			list[kept++] = list[i];
	}
	memset(p->marks, 0, 2 * p->words * sizeof(*p->marks));
	return kept;
}

/* Two and three bytes that follow each other, as a place in a table. */
static size_t
gram(uint32_t bytes)
{
	return bytes * 2654435761u >> (32 - GRAM_BITS);
}

static size_t
two(const uint8_t *s)
{
	return gram(s[0] | (uint32_t)s[1] << 8);
}

static size_t
three(const uint8_t *s)
{
	return gram(s[0] | (uint32_t)s[1] << 8 | (uint32_t)s[2] << 16);
}

/* Another line: what is marked with another number is not in it. */
static void
next_mark(uint8_t table[GRAMS], uint8_t *mark)
{
	if (++*mark != 0)
		return;
	memset(table, 0, GRAMS);
	*mark = 1;
}

static void
note_threes(struct patterns *p, const uint8_t *line, size_t n)
{
	uint32_t	v;
	size_t		i;

	next_mark(p->threes, &p->three_mark);
	for (i = 0; i + 3 < n; i++) {
		memcpy(&v, line + i, sizeof(v));
		p->threes[gram(le32toh(v) & 0xffffff)] = p->three_mark;
	}
	if (i + 2 < n)
		p->threes[three(line + i)] = p->three_mark;
	p->threes_of = p->scans;
}

static void
note_twos(struct patterns *p, const uint8_t *line, size_t n)
{
	size_t	i;

	next_mark(p->twos, &p->two_mark);
	for (i = 0; i + 1 < n; i++)
		p->twos[two(line + i)] = p->two_mark;
	p->twos_of = p->scans;
}

static int
has_two(const struct patterns *p, const uint8_t *s)
{
	return p->twos[two(s)] == p->two_mark;
}

static int
has_three(const struct patterns *p, const uint8_t *s)
{
	return p->threes[three(s)] == p->three_mark;
}

/*
 * How much of a string's begin the line may have, and where the part of its
 * end begins that it may have: a cut between them makes it whole.  Two bytes
 * are looked for if threes do not tell.
 */
static int
may_have(struct patterns *p, const struct literal *l, const char *line,
    size_t n)
{
	size_t	head = 2, tail = l->len - 2u;

	while (head < l->len && has_three(p, l->text + head - 2))
		head++;
	if (head == l->len)
		return 1;
	while (tail > 0 && has_three(p, l->text + tail - 1))
		tail--;
	if (tail > head)
		return 0;
	if (p->twos_of != p->scans)
		note_twos(p, (const uint8_t *)line, n);
	if (!has_two(p, l->text))
		head = 1;
	if (!has_two(p, l->text + l->len - 2))
		tail = l->len - 1u;
	return tail <= head;
}

typedef uint8_t	bytes16 __attribute__((vector_size(16)));

/* All ones where one is the other. */
static bytes16
equal(bytes16 a, uint8_t c)
{
	return (bytes16)(a == c);
}

/*
 * Neither the first three bytes of a string nor its last ones are in the line,
 * of which it is cut into two parts.  n is 18 or more.
 */
static int
has_neither(const struct literal *l, const uint8_t *line, size_t n)
{
	const uint8_t	*s = l->text, *end = l->text + l->len - 3;
	bytes16		 a, b, c, any = { 0 };
	uint64_t	 halves[2];
	size_t		 i;

	for (i = 0; i < n - 2; i += sizeof(a)) {
		if (i > n - 2 - sizeof(a))
			i = n - 2 - sizeof(a);
		memcpy(&a, line + i, sizeof(a));
		memcpy(&b, line + i + 1, sizeof(b));
		memcpy(&c, line + i + 2, sizeof(c));
		any |= equal(a, s[0]) & equal(b, s[1]) & equal(c, s[2]);
		any |= equal(a, end[0]) & equal(b, end[1]) & equal(c, end[2]);
	}
	memcpy(halves, &any, sizeof(halves));
	return (halves[0] | halves[1]) == 0;
}

/*
 * A quick no, before every three bytes of the line are noted: of a string of
 * five bytes or more one part has three, wherever it is cut.
 */
static int
lacks(struct patterns *p, const struct pattern *pt, const char *line, size_t n)
{
	if (p->threes_of == p->scans || pt->nmore > 1 ||
	    pt->more->len < GLANCE_MIN || p->glances == GLANCES ||
	    n < sizeof(bytes16) + 2)
		return 0;
	p->glances++;
	return has_neither(pt->more, (const uint8_t *)line, n);
}

/* Of what was found, the ith may match: found as it is, or all it needs. */
static int
may_match(struct patterns *p, size_t i, const char *line, size_t n)
{
	const struct pattern	*pt = &p->list[i];
	size_t			 k;

	if (pt->nmore == 0 || has_bit(p->found, i))
		return 1;
	if (lacks(p, pt, line, n))
		return 0;
	if (p->threes_of != p->scans)
		note_threes(p, (const uint8_t *)line, n);
	for (k = 0; k < pt->nmore; k++)
		if (may_have(p, &pt->more[k], line, n))
			return 1;
	return 0;
}

size_t
patterns_scan(struct patterns *p, const char *line, size_t n,
    const uint16_t **candidates)
{
	uint64_t	bits;
	size_t		word, count = 0, i;

	memcpy(p->found, p->always, 2 * p->words * sizeof(*p->found));
	finder_run(p->finder, line, n, p->found);
	p->line = line;
	p->line_len = n;
	p->joint_known = 0;
	p->glances = 0;
	p->scans++;
	for (word = 0; word < p->words; word++)
		for (bits = p->found[word] | p->found[p->words + word];
		    bits != 0; bits &= bits - 1) {
			i = word * 64 + (size_t)__builtin_ctzll(bits);
			if (may_match(p, i, line, n))
				p->candidates[count++] = (uint16_t)i;
		}
	*candidates = p->candidates;
	return settle(p, p->candidates, count);
}

/* What is found where the ends of the line come together. */
static void
look_at_joint(struct patterns *p, size_t from, size_t to)
{
	char	buf[2 * LITERAL_MAX];
	size_t	before, after;

	if (p->joint_known && p->joint_from == from && p->joint_to == to)
		return;
	p->joint_known = 1;
	p->joint_from = from;
	p->joint_to = to;
	memset(p->joint, 0, p->words * sizeof(*p->joint));
	before = from < LITERAL_MAX ? from : LITERAL_MAX;
	after = p->line_len - to < LITERAL_MAX ? p->line_len - to :
	    LITERAL_MAX;
	if (from == to || before == 0)
		return;
	memcpy(buf, p->line + from - before, before);
	memcpy(buf + before, p->line + to, after);
	finder_run(p->finder, buf, before + after, p->joint);
}

size_t
patterns_cut(struct patterns *p, size_t from, size_t to,
    const uint16_t *list, size_t n, const uint16_t **remaining)
{
	size_t	i, count = 0;

	*remaining = p->remaining;
	if (from > to || to > p->line_len)
		from = to = 0;
	look_at_joint(p, from, to);
	for (i = 0; i < n; i++)
		if (has_bit(p->found, list[i]) || has_bit(p->joint, list[i]))
			p->remaining[count++] = list[i];
	return settle(p, p->remaining, count);
}

static int64_t
read_clock(clockid_t id)
{
	struct timespec	ts;

	if (clock_gettime(id, &ts) == -1)
		fatal("clock");
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static void
punish(struct pattern *pt, unsigned int by, unsigned int most)
{
	if (pt->penalty < most)
		pt->penalty = pt->penalty + by < most ? pt->penalty + by :
		    most;
	pt->penalty_at = read_clock(CLOCK_MONOTONIC) / 1000;
}

static void
pardon(struct pattern *pt)
{
	int64_t	now = read_clock(CLOCK_MONOTONIC) / 1000;

	if (now - pt->penalty_at < PENALTY_MS)
		return;
	pt->penalty--;
	pt->penalty_at = now;
}

static uint32_t
steps(const struct pattern *pt, size_t n)
{
	uint32_t	most = pt->anchored ? STEPS_ANCHORED : STEPS_ANYWHERE;

	most /= (uint32_t)n + 1;
	if (most > STEPS_MAX)
		most = STEPS_MAX;
	most >>= 2 * pt->penalty;
	return most < STEPS_FLOOR(n) ? STEPS_FLOOR(n) : most;
}

static int
run(struct patterns *p, struct pattern *pt, const char *s, size_t n,
    size_t from)
{
	return (pt->jit ? pcre2_jit_match : pcre2_match)(pt->code,
	    (PCRE2_SPTR)s, n, from, 0, pt->data, p->context);
}

/*
 * What took long by the clock on the wall is done again by the clock of this
 * process, which does not count what others did meanwhile.
 */
static int
run_timed(struct patterns *p, struct pattern *pt, const char *s, size_t n,
    size_t from)
{
	int64_t	took = read_clock(CLOCK_MONOTONIC);
	int	r = run(p, pt, s, n, from);

	if (read_clock(CLOCK_MONOTONIC) - took < SLOW)
		return r;
	took = read_clock(CLOCK_THREAD_CPUTIME_ID);
	r = run(p, pt, s, n, from);
	took = read_clock(CLOCK_THREAD_CPUTIME_ID) - took;
	if (took >= SLOW)
		punish(pt, took < VERY_SLOW ? 1 : PENALTY_SLOW, PENALTY_SLOW);
	return r;
}

int
pattern_exec(struct patterns *p, size_t i, const char *s, size_t n,
    size_t from, const size_t **vector)
{
	struct pattern	*pt = &p->list[i];
	int		 r;

	if (from > n)
		return 0;
	pt->stats.tried++;
	if (pt->penalty > 0)
		pardon(pt);
	if (n - from > (size_t)PATTERN_LINE_MAX >> pt->penalty) {
		pt->stats.limits++;
		return -1;
	}
	pcre2_set_match_limit(p->context, steps(pt, n - from));
	r = (n - from > TIMED ? run_timed : run)(p, pt, s, n, from);
	if (r > 0) {
		pt->stats.hits++;
		*vector = pcre2_get_ovector_pointer(pt->data);
		return 1;
	}
	if (r == PCRE2_ERROR_NOMATCH)
		return 0;
	punish(pt, 1, PENALTY_LIMIT);
	pt->stats.limits++;
	return -1;
}

/* Questions. */

size_t
pattern_group(const struct patterns *p, size_t i, const char *name,
    const uint16_t **groups)
{
	const struct pattern	*pt = &p->list[i];
	size_t			 k;

	for (k = 0; k < pt->nnames; k++)
		if (strcmp(pt->names[k].name, name) == 0) {
			*groups = pt->names[k].groups;
			return pt->names[k].n;
		}
	return 0;
}

size_t
pattern_names(const struct patterns *p, size_t i,
    const struct pattern_name **names)
{
	*names = p->list[i].names;
	return p->list[i].nnames;
}

const char *
pattern_where(const struct patterns *p, size_t i)
{
	return p->list[i].where;
}

const struct pattern_stats *
pattern_stats(const struct patterns *p, size_t i)
{
	return &p->list[i].stats;
}

int
pattern_bad(struct patterns *p, size_t i)
{
	struct pattern	*pt = &p->list[i];

	if (pt->named || pt->stats.limits < PATTERN_BAD)
		return 0;
	pt->named = 1;
	return 1;
}

/*
 * Finding the date in a line: by the default formats (dateform.c), which need
 * no regex, or by datepatterns, which PCRE2 runs.  The first pattern that is
 * anchored or found at the begin of the line is taken, else the leftmost.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "date.h"
#include "datefield.h"
#include "dateform.h"
#include "datemoment.h"
#include "datepattern.h"
#include "log.h"

#define MATCH_LIMIT	100000
#define HEAP_LIMIT	1024	/* KiB */
#define NUMBER_LEN	40	/* digits of a time in JSON, at most */

struct pattern {
	enum datepattern_kind	 kind;
	int			 anchored;
	unsigned int		 name;		/* its first in names */
	pcre2_code		*code;
	int			 jit;
	unsigned int		 nfields;
	struct {
		enum date_field	 field;
		uint32_t	 group;
	} fields[FIELD_COUNT];
};

struct date {
	struct moment		 moment;
	struct pattern		*patterns;
	size_t			 npatterns;
	int			 detect;	/* no patterns */
	char			**names;
	size_t			 nnames;
	pcre2_match_data	*data;
	pcre2_match_context	*context;
	unsigned int		 used;
	int			 us;		/* beyond the milliseconds */
	unsigned long long	 limits;
};

/* A date somewhere in a line. */
struct hit {
	struct date_parts	 parts;
	size_t			 distance;
	size_t			 start, end;
	unsigned int		 name;
	int			 anchored;
	int			 empty;
};

/* --- making ------------------------------------------------------------- */

static void
add_name(struct date *d, const char *a, const char *b, const char *c)
{
	d->names = reallocarray(d->names, d->nnames + 1, sizeof(*d->names));
	if (d->names == NULL ||
	    asprintf(&d->names[d->nnames], "%s%s%s", a, b, c) == -1)
		fatal("date pattern");
	d->nnames++;
}

static struct pattern *
new_pattern(struct date *d, enum datepattern_kind kind)
{
	struct pattern	*t;

	d->patterns = reallocarray(d->patterns, d->npatterns + 1,
	    sizeof(*d->patterns));
	if (d->patterns == NULL)
		fatal("date pattern");
	t = &d->patterns[d->npatterns++];
	memset(t, 0, sizeof(*t));
	t->kind = kind;
	t->name = (unsigned int)d->nnames;
	return t;
}

static void
add_default(struct date *d, enum datepattern_kind kind)
{
	int	form;

	new_pattern(d, kind);
	for (form = 0; form < FORM_COUNT; form++) {
		add_name(d, "", "", dateform_name((enum date_form)form));
		add_name(d, "^", "", dateform_name((enum date_form)form));
	}
}

static int
compile(struct pattern *t, const char *regex, char *why)
{
	PCRE2_UCHAR	 text[128];
	PCRE2_SIZE	 at;
	int		 error, field, group;

	if ((t->code = pcre2_compile((PCRE2_SPTR)regex, PCRE2_ZERO_TERMINATED,
	    0, &error, &at, NULL)) == NULL) {
		pcre2_get_error_message(error, text, sizeof(text));
		snprintf(why, DATE_WHY_LEN, "%s", (char *)text);
		return -1;
	}
	/* Without it, it is slower. */
	t->jit = pcre2_jit_compile(t->code, PCRE2_JIT_COMPLETE) == 0;
	for (field = 0; field < FIELD_COUNT; field++) {
		group = pcre2_substring_number_from_name(t->code,
		    (PCRE2_SPTR)date_field_name((enum date_field)field));
		if (group <= 0)
			continue;
		t->fields[t->nfields].field = (enum date_field)field;
		t->fields[t->nfields++].group = (uint32_t)group;
	}
	return 0;
}

static int
add_pattern(struct date *d, const char *pattern, char *why)
{
	struct datepattern	 list[DATEPATTERN_MAX];
	struct pattern		*t;
	size_t			 i, n;
	int			 result = 0;

	if ((n = datepattern_read(pattern, list, why, DATE_WHY_LEN)) == 0)
		return -1;
	for (i = 0; i < n; i++) {
		if (list[i].kind != DATEPATTERN_REGEX) {
			add_default(d, list[i].kind);
			continue;
		}
		t = new_pattern(d, DATEPATTERN_REGEX);
		t->anchored = list[i].anchored;
		if (result == 0)
			result = compile(t, list[i].regex, why);
		add_name(d, n == 1 ? "" : dateform_name(list[i].form),
		    n == 1 ? "" : " in ", pattern);
		free(list[i].regex);
	}
	return result;
}

/* Match data that has room for the groups of any pattern. */
static void
make_data(struct date *d)
{
	uint32_t	n, most = 1;
	size_t		i;

	for (i = 0; i < d->npatterns; i++)
		if (d->patterns[i].code != NULL && pcre2_pattern_info(
		    d->patterns[i].code, PCRE2_INFO_CAPTURECOUNT, &n) == 0 &&
		    n + 1 > most)
			most = n + 1;
	d->data = pcre2_match_data_create(most, NULL);
	d->context = pcre2_match_context_create(NULL);
	if (d->data == NULL || d->context == NULL)
		fatalx("date pattern: out of memory");
	pcre2_set_match_limit(d->context, MATCH_LIMIT);
	pcre2_set_heap_limit(d->context, HEAP_LIMIT);
}

struct date *
date_new(const char *const *patterns, size_t n, const struct zone *zone,
    char why[DATE_WHY_LEN])
{
	struct date	*d;
	size_t		 i;

	if ((d = calloc(1, sizeof(*d))) == NULL)
		fatal("date");
	moment_init(&d->moment, zone);
	d->detect = n == 0;
	if (n == 0)
		add_default(d, DATEPATTERN_DEFAULT);
	for (i = 0; i < n; i++)
		if (add_pattern(d, patterns[i], why) == -1) {
			date_free(d);
			return NULL;
		}
	make_data(d);
	return d;
}

void
date_free(struct date *d)
{
	size_t	i;

	if (d == NULL)
		return;
	for (i = 0; i < d->npatterns; i++)
		pcre2_code_free(d->patterns[i].code);
	for (i = 0; i < d->nnames; i++)
		free(d->names[i]);
	pcre2_match_data_free(d->data);
	pcre2_match_context_free(d->context);
	free(d->patterns);
	free(d->names);
	free(d);
}

/* --- finding ------------------------------------------------------------ */

/* The text of a group; p NULL: it has none. */
static struct field_text
text_of(const char *line, const PCRE2_SIZE *v, uint32_t group)
{
	struct field_text	f = { NULL, 0 };

	if (v[group * 2] != PCRE2_UNSET && v[group * 2] <= v[group * 2 + 1]) {
		f.p = line + v[group * 2];
		f.n = v[group * 2 + 1] - v[group * 2];
	}
	return f;
}

static int
read_groups(const struct pattern *t, const char *line, const PCRE2_SIZE *v,
    struct date_parts *parts)
{
	struct field_text	f;
	unsigned int		i;

	date_parts_clear(parts);
	for (i = 0; i < t->nfields; i++) {
		f = text_of(line, v, t->fields[i].group);
		if (f.p != NULL && date_field_read(t->fields[i].field, &f,
		    parts) == -1)
			return -1;
	}
	return date_parts_valid(parts) ? 0 : -1;
}

static int
match_regex(struct date *d, const struct pattern *t, const char *line,
    size_t n, struct hit *h)
{
	PCRE2_SIZE	*v;
	int		 result;

	result = (t->jit ? pcre2_jit_match : pcre2_match)(t->code,
	    (PCRE2_SPTR)line, n, 0, 0, d->data, d->context);
	if (result < 0) {
		if (result != PCRE2_ERROR_NOMATCH)
			d->limits++;
		return 0;
	}
	v = pcre2_get_ovector_pointer(d->data);
	h->distance = v[0];
	h->anchored = t->anchored;
	h->name = t->name;
	/* Group 1 is cut; all patterns have one. */
	h->empty = result < 2 || v[2] == PCRE2_UNSET || v[2] >= v[3];
	h->start = h->empty ? v[0] : v[2];
	h->end = h->empty ? v[0] : v[3];
	if (!h->empty && read_groups(t, line, v, &h->parts) == -1)
		h->empty = 1;		/* there is no such day: cut it */
	return 1;
}

static int
match_default(const struct pattern *t, const char *line, size_t n,
    struct hit *h)
{
	struct date_span	span = { 0 };

	if ((t->kind == DATEPATTERN_BEGIN ? dateform_begin : dateform_search)
	    (line, n, &h->parts, &span) == 0)
		return 0;
	h->distance = h->start = span.start;
	h->end = span.end;
	h->anchored = span.begin;
	h->empty = 0;
	h->name = t->name + 2 * span.form + (span.begin != 0);
	return 1;
}

static int
search(struct date *d, const char *line, size_t n, struct hit *best)
{
	struct hit	 h;
	struct pattern	*t;
	size_t		 i;
	int		 found = 0;

	for (i = 0; i < d->npatterns; i++) {
		t = &d->patterns[i];
		if (!(t->kind == DATEPATTERN_REGEX ?
		    match_regex(d, t, line, n, &h) :
		    match_default(t, line, n, &h)))
			continue;
		if (!found || h.anchored || h.distance < best->distance)
			*best = h;
		found = 1;
		if (h.anchored || h.distance <= 1)
			break;
	}
	return found;
}

enum date_found
date_find(struct date *d, const char *line, size_t n, int live, wall_t now,
    logtime_t last, logtime_t *at, size_t *start, size_t *end)
{
	struct hit	h;
	int		found;

	found = d->detect ? match_default(d->patterns, line, n, &h) :
	    search(d, line, n, &h);
	if (!found)
		return DATE_NONE;
	*start = h.start;
	*end = h.end;
	d->used = h.name;
	d->us = 0;
	if (h.empty)
		return DATE_EMPTY;
	if (moment_of(&d->moment, &h.parts, live, now, last, at) == -1)
		return d->detect ? DATE_NONE : DATE_EMPTY;
	d->us = h.parts.absolute ? (int)(h.parts.epoch % 1000) :
	    h.parts.us % 1000;
	return DATE_FOUND;
}

/* 1795280000.123, 1795280000123, 1.795280000123e+09 */
static int
parse_number(const char *p, size_t n, struct date_parts *parts)
{
	struct field_text	f = { p, n };
	char			buf[NUMBER_LEN], *end;
	double			v;

	date_parts_clear(parts);
	if (n < 9 || n >= sizeof(buf) || *p < '0' || *p > '9')
		return -1;
	if (date_field_read(FIELD_EPOCH, &f, parts) == 0)
		return 0;
	if (memchr(p, 'e', n) == NULL && memchr(p, 'E', n) == NULL)
		return -1;
	memcpy(buf, p, n);
	buf[n] = '\0';
	v = strtod(buf, &end);
	if (*end != '\0' || !(v >= 1e8 && v < 1e12))
		return -1;
	parts->absolute = 1;
	parts->epoch = (int64_t)(v * 1e6);
	return 0;
}

int
date_parse_text(struct date *d, const char *p, size_t n, int live, wall_t now,
    logtime_t last, logtime_t *at)
{
	struct date_parts	parts;
	struct date_span	span;
	size_t			start, end;

	if (!d->detect)
		return date_find(d, p, n, live, now, last, at, &start,
		    &end) == DATE_FOUND ? 0 : -1;
	while (n > 0 && *p == ' ') {
		p++;
		n--;
	}
	if (parse_number(p, n, &parts) == -1) {
		if (dateform_begin(p, n, &parts, &span) == 0)
			return -1;
		d->used = 2 * span.form + 1;
	}
	if (moment_of(&d->moment, &parts, live, now, last, at) == -1)
		return -1;
	d->us = parts.absolute ? (int)(parts.epoch % 1000) : parts.us % 1000;
	return 0;
}

int
date_micros(const struct date *d)
{
	return d->us;
}

unsigned int
date_used(const struct date *d)
{
	return d->used;
}

const char *
date_name(const struct date *d, unsigned int i)
{
	return i < d->nnames ? d->names[i] : NULL;
}

unsigned long long
date_limits(const struct date *d)
{
	return d->limits;
}

/*
 * From the words of a text watch to what its lines need.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "date.h"
#include "fail.h"
#include "line_text.h"
#include "log.h"
#include "msg.h"

#define DATE_WORDS	64	/* datepatterns of a filter */

static void *
xcalloc(size_t n, size_t size)
{
	void	*p;

	if ((p = calloc(n == 0 ? 1 : n, size)) == NULL)
		fatal("watch");
	return p;
}

/* Regexes. */

static int
is_regex(const struct conf_pattern *p)
{
	return p->w.kind != PATTERN_FAIL_DATE;
}

static int
is_native(const struct conf_pattern *p)
{
	return p->w.kind == PATTERN_MATCH || p->w.kind == PATTERN_IGNORE ||
	    p->w.kind == PATTERN_CANCEL;
}

static struct filter *
find_filter(const struct text *x, uint32_t id)
{
	size_t	i;

	for (i = 0; i < x->nfilters; i++)
		if (x->filters[i].conf->w.id == id)
			return &x->filters[i];
	return NULL;
}

/* A filter's prefregex: 1 + its index, or 0. */
static unsigned int
prefix_of(const struct text *x, const struct item *it)
{
	size_t	i;

	if (it->conf->w.kind == PATTERN_FAIL_PREFIX)
		return 0;
	for (i = 0; i < x->nitems; i++)
		if (x->items[i].filter == it->filter &&
		    x->items[i].conf->w.kind == PATTERN_FAIL_PREFIX)
			return (unsigned int)i + 1;
	return 0;
}

static void
fill_spec(const struct text *x, const struct item *it,
    struct pattern_spec *s)
{
	s->regex = it->conf->text;
	s->len = it->conf->len - 1;
	s->where = it->conf->w.where;
	if (it->filter == NULL)
		return;
	s->flags = PATTERN_CUT;		/* f2b.c made them (?m) */
	s->also = prefix_of(x, it);
}

static void
count_item(struct text *x, const struct item *it)
{
	x->ncancels += it->conf->w.kind == PATTERN_CANCEL;
	x->nignore_lines += it->conf->w.kind == PATTERN_IGNORE;
}

/* 0, or -1 with why. */
static int
new_items(struct text *x, const struct conf_watch *cw, char *why)
{
	const struct conf_pattern	*p;
	struct item			*it;
	size_t				 n = 0;

	TAILQ_FOREACH(p, &cw->patterns, entry)
		n += (size_t)is_regex(p);
	x->items = xcalloc(n, sizeof(*x->items));
	TAILQ_FOREACH(p, &cw->patterns, entry) {
		if (!is_regex(p))
			continue;
		it = &x->items[x->nitems++];
		it->conf = p;
		it->filter = find_filter(x, p->w.filter);
		if (!is_native(p) && it->filter == NULL) {
			snprintf(why, TEXT_LEN, "%s: of a filter that is not "
			    "there", p->w.where);
			return -1;
		}
		count_item(x, it);
	}
	return 0;
}

static int
new_patterns(struct text *x, char *why)
{
	struct pattern_spec	*specs = xcalloc(x->nitems, sizeof(*specs));
	size_t			 i;

	for (i = 0; i < x->nitems; i++)
		fill_spec(x, &x->items[i], &specs[i]);
	x->patterns = patterns_new(specs, x->nitems, why);
	free(specs);
	return x->patterns == NULL ? -1 : 0;
}

/* Values. */

static int
by_group(const void *a, const void *b)
{
	const struct capture	*x = a, *y = b;

	return (int)x->groups[0] - (int)y->groups[0];
}

static void
new_captures(struct text *x)
{
	const struct pattern_name	*names;
	struct item			*it;
	size_t				 i, j, n;

	for (i = 0; i < x->nitems; i++) {
		it = &x->items[i];
		if (it->filter != NULL)
			continue;
		n = pattern_names(x->patterns, i, &names);
		it->captures = xcalloc(n, sizeof(*it->captures));
		it->ncaptures = n;
		for (j = 0; j < n; j++) {
			it->captures[j].name = names[j].name;
			it->captures[j].groups = names[j].groups;
			it->captures[j].ngroups = names[j].n;
			it->captures[j].is_addr =
			    strcmp(names[j].name, "addr") == 0;
		}
		qsort(it->captures, n, sizeof(*it->captures), by_group);
	}
}

/* A value is ignored if the regex matches all of it. */
static void
fill_value_spec(const struct conf_ignore *c, struct pattern_spec *s,
    char **text)
{
	int	n;

	if ((n = asprintf(text, "\\A(?:%s)\\z", c->text)) == -1)
		fatal("watch");
	s->regex = *text;
	s->len = (size_t)n;
	s->where = c->w.name;
}

static void
fill_ignore(const struct conf *c, const struct conf_ignore *ci,
    struct ignore *ig)
{
	const struct conf_table	*t;

	ig->conf = ci;
	if (ci->w.kind == IGNORE_EXACT)
		(void)addr_parse(&ig->addr, ci->text, strlen(ci->text));
	else if (ci->w.kind == IGNORE_TABLE &&
	    (t = conf_table_byid(c, ci->w.table)) != NULL)
		ig->table = &t->prefixes;
}

static int
new_ignores(struct text *x, const struct conf *c, const struct conf_watch *cw,
    char *why)
{
	const struct conf_ignore	*ci;
	struct pattern_spec		*specs;
	char				**texts;
	size_t				 n = 0, nregex = 0;

	TAILQ_FOREACH(ci, &cw->ignores, entry)
		n++;
	x->ignores = xcalloc(n, sizeof(*x->ignores));
	specs = xcalloc(n, sizeof(*specs));
	texts = xcalloc(n, sizeof(*texts));
	TAILQ_FOREACH(ci, &cw->ignores, entry) {
		fill_ignore(c, ci, &x->ignores[x->nignores]);
		if (ci->w.kind == IGNORE_REGEX) {
			x->ignores[x->nignores].regex = nregex;
			fill_value_spec(ci, &specs[nregex], &texts[nregex]);
			nregex++;
		}
		x->nignores++;
	}
	x->values = patterns_new(specs, nregex, why);
	while (nregex > 0)
		free(texts[--nregex]);
	free(texts);
	free(specs);
	return x->values == NULL ? -1 : 0;
}

/* Dates. */

/* The `datepattern`s of a filter. */
static size_t
filter_dates(const struct conf_watch *cw, uint32_t filter,
    const char **words, size_t max)
{
	const struct conf_pattern	*p;
	size_t				 n = 0;

	TAILQ_FOREACH(p, &cw->patterns, entry)
		if (p->w.kind == PATTERN_FAIL_DATE && p->w.filter == filter &&
		    n < max)
			words[n++] = p->text;
	return n;
}

static struct date *
new_date(const char *const *words, size_t n, const struct zone *zone,
    const char *where, char *why)
{
	struct date	*d;
	char		 said[DATE_WHY_LEN];

	if ((d = date_new(words, n, zone, said)) == NULL)
		snprintf(why, TEXT_LEN, "%.200s: %s", where, said);
	return d;
}

static int
same_dates(const struct conf_watch *cw, uint32_t a, uint32_t b)
{
	const char	*x[DATE_WORDS], *y[DATE_WORDS];
	size_t		 i, n = filter_dates(cw, a, x, DATE_WORDS);

	if (filter_dates(cw, b, y, DATE_WORDS) != n)
		return 0;
	for (i = 0; i < n; i++)
		if (strcmp(x[i], y[i]) != 0)
			return 0;
	return 1;
}

/* Filters with the same datepatterns find a line's date once. */
static int
filter_date(struct text *x, const struct conf_watch *cw, struct filter *f,
    const struct zone *zone, char *why)
{
	const char	*words[DATE_WORDS];
	struct dated	*d;
	size_t		 i, n;

	f->dated = x->dates;
	n = filter_dates(cw, f->conf->w.id, words, DATE_WORDS);
	if (*cw->w.time_format != '\0' || n == 0)
		return 0;
	for (i = 1; i < x->ndates; i++)
		if (same_dates(cw, f->conf->w.id, x->dates[i].conf->w.id)) {
			f->dated = &x->dates[i];
			return 0;
		}
	d = f->dated = &x->dates[x->ndates++];
	d->conf = f->conf;
	return (d->date = new_date(words, n, zone, f->conf->w.where, why)) ==
	    NULL ? -1 : 0;
}

static int
new_dates(struct text *x, const struct conf_watch *cw,
    const struct zone *zone, char *why)
{
	const char	*word = cw->w.time_format;
	size_t		 i;

	x->dates = xcalloc(x->nfilters + 1, sizeof(*x->dates));
	x->ndates = 1;
	if ((x->dates->date = new_date(&word, *word != '\0', zone,
	    cw->w.name, why)) == NULL)
		return -1;
	for (i = 0; i < x->nfilters; i++)
		if (filter_date(x, cw, &x->filters[i], zone, why) == -1)
			return -1;
	return 0;
}

/* fail2ban's filters. */

static void
list_filters(struct text *x, const struct conf_watch *cw)
{
	const struct conf_filter	*f;
	size_t				 n = 0;

	TAILQ_FOREACH(f, &cw->filters, entry)
		n++;
	x->filters = xcalloc(n, sizeof(*x->filters));
	TAILQ_FOREACH(f, &cw->filters, entry) {
		x->filters[x->nfilters++].conf = f;
		x->every_line |= f->w.maxlines > 1;
	}
}

static int
new_filters(struct text *x, const struct conf_watch *cw, char *why)
{
	struct filter	*f;
	size_t		 i;

	for (i = 0; i < x->nfilters; i++)
		x->filters[i].index = xcalloc(x->nitems, sizeof(uint16_t));
	for (i = 0; i < x->nitems; i++)
		if ((f = x->items[i].filter) != NULL) {
			f->index[f->n++] = (uint16_t)i;
			f->last = i;
		}
	for (i = 0; i < x->nfilters; i++) {
		f = &x->filters[i];
		if ((f->fail = fail_new(cw, f->conf, x->patterns, f->index,
		    f->n, why)) == NULL)
			return -1;
	}
	return 0;
}

struct text *
text_new(const struct conf *c, const struct conf_watch *cw,
    const struct zone *zone, char *why)
{
	struct text	*x = xcalloc(1, sizeof(*x));
	char		 said[TEXT_LEN] = "";

	list_filters(x, cw);
	if (new_items(x, cw, said) == -1 || new_patterns(x, said) == -1 ||
	    new_ignores(x, c, cw, said) == -1 ||
	    new_dates(x, cw, zone, said) == -1 ||
	    new_filters(x, cw, said) == -1) {
		snprintf(why, TEXT_LEN, "watch %s: %.400s", cw->w.name, said);
		text_free(x);
		return NULL;
	}
	new_captures(x);
	return x;
}

void
text_adopt(struct text *x, struct text *old)
{
	size_t	i, j;

	for (i = 0; i < x->nfilters; i++)
		for (j = 0; j < old->nfilters; j++)
			if (fail_adopt(x->filters[i].fail,
			    old->filters[j].fail))
				break;
}

void
text_save(struct text *x, int all, void (*put)(const void *, size_t))
{
	size_t	i;

	for (i = 0; i < x->nfilters; i++)
		fail_save(x->filters[i].fail, all, put);
}

void
text_restore(struct text *x, const struct wire_waiting *m)
{
	size_t	i;

	for (i = 0; i < x->nfilters; i++)
		fail_restore(x->filters[i].fail, m);
}

void
text_free(struct text *x)
{
	size_t	i;

	if (x == NULL)
		return;
	for (i = 0; i < x->nfilters; i++) {
		fail_free(x->filters[i].fail);
		free(x->filters[i].index);
	}
	for (i = 0; i < x->nitems; i++)
		free(x->items[i].captures);
	for (i = 0; i < x->ndates; i++)
		date_free(x->dates[i].date);
	free(x->dates);
	patterns_free(x->values);
	patterns_free(x->patterns);
	free(x->ignores);
	free(x->filters);
	free(x->items);
	free(x);
}

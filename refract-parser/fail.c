/*
 * A fail2ban filter over one line: its date is cut out, prefregex gives the
 * content, the first failregex that matches it is the failure.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf.h"
#include "fail.h"
#include "line.h"
#include "pattern.h"

struct rule {
	const struct conf_pattern *conf;
	uint16_t	 index;
};

struct fail {
	const struct conf_filter *conf;
	struct patterns	*patterns;
	struct rule	*rules;
	size_t		 n;
};

struct fail *
fail_new(const struct conf_watch *cw, const struct conf_filter *cf,
    struct patterns *patterns, const uint16_t *index, size_t n, char *why)
{
	const struct conf_pattern	*p;
	struct fail			*f;

	if ((f = calloc(1, sizeof(*f))) == NULL ||
	    (f->rules = calloc(n + 1, sizeof(*f->rules))) == NULL) {
		snprintf(why, TEXT_LEN, "%s: no memory", cf->w.where);
		free(f);
		return NULL;
	}
	f->conf = cf;
	f->patterns = patterns;
	TAILQ_FOREACH(p, &cw->patterns, entry)
		if (p->w.filter == cf->w.id &&
		    p->w.kind != PATTERN_FAIL_DATE && f->n < n) {
			f->rules[f->n].conf = p;
			f->rules[f->n].index = index[f->n];
			f->n++;
		}
	return f;
}

void
fail_free(struct fail *f)
{
	if (f == NULL)
		return;
	free(f->rules);
	free(f);
}

/* The line with its newline and without its date. */
static const char *
cut_date(const struct text_line *l, size_t *n)
{
	static char	buf[PATTERN_LINE_MAX];
	size_t		after = l->date + l->date_len;

	*n = l->n + 1 - l->date_len;
	if (l->date_len == 0)
		return l->p;
	memcpy(buf, l->p, l->date);
	memcpy(buf + l->date, l->p + after, l->n + 1 - after);
	return buf;
}

/* The first of a kind that matches, or NULL. */
static const struct rule *
find(const struct fail *f, struct text_line *l, const uint16_t *cands,
    size_t ncands, enum pattern_kind kind, const char *p, size_t n,
    const size_t **vector)
{
	size_t	i, j;

	for (i = j = 0; i < ncands; i++) {
		while (j < f->n && f->rules[j].index < cands[i])
			j++;
		if (j < f->n && f->rules[j].index == cands[i] &&
		    f->rules[j].conf->w.kind == kind &&
		    text_exec(l, cands[i], p, n, 0, vector) == 1)
			return &f->rules[j];
	}
	return NULL;
}

static int
has_kind(const struct fail *f, enum pattern_kind kind)
{
	size_t	i;

	for (i = 0; i < f->n; i++)
		if (f->rules[i].conf->w.kind == kind)
			return 1;
	return 0;
}

static void
fill(const struct fail *f, const struct rule *r, const char *p,
    const size_t *vector, struct match *m)
{
	const struct pattern_name	*names;
	const char			*v;
	size_t				 i, n, len;

	memset(m, 0, sizeof(*m));
	m->pattern = r->conf;
	m->weight = f->conf->w.weight;
	n = pattern_names(f->patterns, r->index, &names);
	for (i = 0; i < n; i++) {
		if ((v = pattern_text(names[i].groups, names[i].n, vector, p,
		    &len)) == NULL)
			continue;
		if (strcmp(names[i].name, "fid") == 0) {
			m->key = v;
			m->key_len = len;
			(void)addr_parse(&m->addr, v, len);
		} else if (strcmp(names[i].name, "ip4") == 0 ||
		    strcmp(names[i].name, "ip6") == 0)
			(void)addr_parse(&m->addr, v, len);
		else
			text_value(m, names[i].name, v, len);
	}
}

void
fail_line(struct fail *f, struct text_line *l, const uint16_t *cands,
    size_t ncands)
{
	const struct rule	*r;
	const size_t		*vector;
	const char		*p, *content;
	struct match		 m;
	const uint16_t		*groups;
	size_t			 n, ngroups, len;

	(void)text_time(l);
	ncands = patterns_cut(f->patterns, l->date, l->date + l->date_len,
	    cands, ncands, &cands);
	p = cut_date(l, &n);
	if (has_kind(f, PATTERN_FAIL_PREFIX)) {
		if ((r = find(f, l, cands, ncands, PATTERN_FAIL_PREFIX, p, n,
		    &vector)) == NULL)
			return;
		ngroups = pattern_group(f->patterns, r->index, "content",
		    &groups);
		if ((content = pattern_text(groups, ngroups, vector, p,
		    &len)) != NULL) {
			p = content;
			n = len;
		}
	}
	if (find(f, l, cands, ncands, PATTERN_FAIL_IGNORE, p, n, &vector) !=
	    NULL || (r = find(f, l, cands, ncands, PATTERN_FAIL, p, n,
	    &vector)) == NULL)
		return;
	fill(f, r, p, vector, &m);
	(void)text_match(l, &m);
}

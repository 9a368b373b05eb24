/*
 * Patterns, matches, fail2ban's filters, what is ignored.  A pattern may be
 * used before it is defined, so a regex gets its final form at the end.
 */
#include <sys/queue.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../refract-parser/datepattern.h"
#include "conf_list.h"
#include "f2b.h"
#include "input.h"
#include "lex.h"
#include "log.h"
#include "msg.h"
#include "parse.h"
#include "source.h"
#include "text.h"

#define USES_MAX	4096		/* regexes, and values, of a watch */

/* Where a pattern is defined; w NULL: for all watches. */
struct define {
	STAILQ_ENTRY(define)	 entry;
	struct conf_watch	*w;
	struct conf_define	*d;
	struct place		 at;
	int			 layer;
};

/* A statement of a watch: one of p, i and f. */
struct use {
	STAILQ_ENTRY(use)	 entry;
	struct conf_watch	*w;
	struct place		 at;
	struct conf_pattern	*p;
	struct conf_ignore	*i;
	struct conf_filter	*f;
	const char		*name, *mode;	/* of the filter */
};

static STAILQ_HEAD(, define)	defines = STAILQ_HEAD_INITIALIZER(defines);
static STAILQ_HEAD(, use)	uses = STAILQ_HEAD_INITIALIZER(uses);
static int			spoilt;		/* a pattern is an error */

void
text_start(void)
{
	FREE_STAILQ(&defines);
	FREE_STAILQ(&uses);
	spoilt = 0;
}

static char *
copy(const char *s)
{
	char	*p;

	if ((p = strdup(s)) == NULL)
		fatal("configuration");
	return p;
}

/* Names. */

int
text_name(char dst[VALUE_NAME_LEN], const struct val *v)
{
	static const char	good[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";

	if (build_text(dst, VALUE_NAME_LEN, v, "a name") == -1)
		return -1;
	if (dst[strspn(dst, good)] == '\0' && strchr("0123456789",
	    *dst) == NULL)
		return 0;
	report_error(&v->at, "found \"%s\", expected a name of letters, "
	    "digits and \"_\" that does not begin with a digit", dst);
	return -1;
}

/* A regex as text: its other bytes are to be written as PCRE2's escapes. */
static int
regex_valid(const struct val *v)
{
	size_t	i, n;

	if (v->bad)
		return 0;
	if (v->len == 0) {
		report_error(&v->at, "found an empty string, expected a regex");
		return 0;
	}
	for (i = 0; i < v->len; i += n)
		if ((n = parse_visible(v->s + i)) == 0) {
			report_error(&v->at, "found the byte 0x%02x in a "
			    "regex, expected it as \\x%02x",
			    (unsigned char)v->s[i], (unsigned char)v->s[i]);
			return 0;
		}
	return 1;
}

/* pattern "name" "regex" */

static struct define *
define_find(const struct conf_watch *w, const char *name)
{
	struct define	*d;

	STAILQ_FOREACH(d, &defines, entry)
		if (d->w == w && strcmp(d->d->name, name) == 0)
			break;
	return d;
}

static const char *
lookup(const struct conf_watch *w, const char *name)
{
	struct define	*d;

	if ((d = define_find(w, name)) == NULL)
		d = define_find(NULL, name);
	return d == NULL ? NULL : d->d->regex;
}

static struct define *
define_new(struct conf_watch *w, const char *name)
{
	struct define	*d = conf_alloc(sizeof(*d));

	d->w = w;
	d->d = conf_alloc(sizeof(*d->d));
	strlcpy(d->d->name, name, sizeof(d->d->name));
	STAILQ_INSERT_TAIL(&defines, d, entry);
	TAILQ_INSERT_TAIL(w == NULL ? &build_conf()->defines : &w->defines,
	    d->d, entry);
	return d;
}

void
pattern_define(const struct val *name, const struct val *regex)
{
	struct conf_watch	*w = watch_now();
	struct define		*d;
	char			 buf[VALUE_NAME_LEN];

	if (text_name(buf, name) == -1 || !regex_valid(regex))
		return;
	if (regex_is_tag(buf)) {
		report_error(&name->at, "found pattern \"%s\", expected a name "
		    "that is not a built-in tag", buf);
		return;
	}
	if ((d = define_find(w, buf)) == NULL)
		d = define_new(w, buf);
	else if (d->layer == build_layer_now()) {
		report_error(&name->at, "found a second pattern \"%s\", "
		    "expected one: the first is at %s:%d", buf, d->at.file,
		    d->at.line);
		return;
	}
	d->layer = build_layer_now();
	d->at = name->at;
	free(d->d->regex);
	d->d->regex = copy(regex->s);
}

static int
define_check(const struct define *d)
{
	struct regex	*r;
	int		 status;

	if ((r = regex_expand(d->d->regex, d->w, lookup, &d->at)) == NULL)
		return -1;
	status = regex_check(r, 0, NULL, &d->at);
	regex_free(r);
	return status;
}

void
text_patterns(void)
{
	struct define	*d;

	STAILQ_FOREACH(d, &defines, entry)
		if (define_check(d) == -1)
			spoilt = 1;
}

/* Statements. */

/* NULL, reported: there are too many. */
static struct use *
use_new(const struct place *at)
{
	struct use	*u;

	if (!watch_room(at))
		return NULL;
	u = conf_alloc(sizeof(*u));
	u->w = watch_now();
	u->at = *at;
	STAILQ_INSERT_TAIL(&uses, u, entry);
	return u;
}

static struct conf_pattern *
pattern_new(struct conf_watch *w, uint32_t kind, uint32_t weight)
{
	struct conf_pattern	*p = conf_alloc(sizeof(*p));

	p->w.id = conf_new_id();
	p->w.watch = w->w.id;
	p->w.kind = kind;
	p->w.weight = weight;
	TAILQ_INSERT_TAIL(&w->patterns, p, entry);
	return p;
}

static void
put_where(char where[WHERE_MAX_LEN], const struct place *at)
{
	snprintf(where, WHERE_MAX_LEN, "%s:%d", at->file, at->line);
}

/* What is too long ends with "...". */
static void
put_written(char written[WRITTEN_LEN], const char *s)
{
	static const char	more[] = "...";

	if (strlcpy(written, s, WRITTEN_LEN) >= WRITTEN_LEN)
		memcpy(written + WRITTEN_LEN - sizeof(more), more,
		    sizeof(more));
}

static void
regex_statement(const struct val *v, uint32_t kind, uint32_t weight)
{
	struct use	*u;

	if (!regex_valid(v) || (u = use_new(&v->at)) == NULL)
		return;
	u->p = pattern_new(u->w, kind, weight);
	u->p->written = copy(v->s);
	put_where(u->p->w.where, &v->at);
	put_written(u->p->w.written, v->s);
}

static int
weight_valid(const struct val *weight)
{
	return build_range(weight, 1, WEIGHT_MAX, "a weight");
}

void
text_match(const struct val *v, const struct val *weight)
{
	watch_is_text(&v->at, "match");
	if (weight_valid(weight))
		regex_statement(v, PATTERN_MATCH, weight->n);
}

void
text_cancel(const struct val *v)
{
	watch_is_text(&v->at, "cancel");
	regex_statement(v, PATTERN_CANCEL, 0);
}

void
text_ignore(const struct val *v)
{
	watch_is_text(&v->at, "ignore");
	regex_statement(v, PATTERN_IGNORE, 0);
}

/* `"sshd" mode "aggressive"`, as -nv prints it. */
static char *
filter_spec(const struct val *v, const struct val *mode)
{
	char	*name = parse_quote(v->s), *quoted, *spec = name;

	if (mode->s != NULL) {
		quoted = parse_quote(mode->s);
		if (asprintf(&spec, "%s mode %s", name, quoted) == -1)
			fatal("configuration");
		free(quoted);
		free(name);
	}
	return spec;
}

/* An option of a filter may be as many lines as it has regexes. */
static int
filter_name(const struct val *v)
{
	size_t	i;

	for (i = 0; i < v->len; i++)
		if (v->s[i] == '\0' || ((unsigned char)v->s[i] < ' ' &&
		    strchr("\t\n", v->s[i]) == NULL))
			break;
	if (!v->bad && (v->len == 0 || i < v->len))
		report_error(&v->at, "found \"%s\", expected a filter's name "
		    "or a path, without control characters",
		    log_vis(v->s, v->len));
	return v->bad || v->len == 0 || i < v->len ? -1 : 0;
}

void
text_filter(const struct val *v, const struct val *mode,
    const struct val *weight)
{
	struct use	*u;
	char		 buf[PATH_MAX_LEN];

	watch_is_text(&v->at, "match");
	if (!weight_valid(weight) || filter_name(v) == -1 || (mode->s != NULL &&
	    build_text(buf, sizeof(buf), mode, "a mode") == -1) ||
	    (u = use_new(&v->at)) == NULL)
		return;
	u->name = v->s;
	u->mode = mode->s;
	u->f = conf_alloc(sizeof(*u->f));
	u->f->w.id = conf_new_id();
	u->f->w.watch = u->w->w.id;
	u->f->w.weight = weight->n;
	u->f->w.maxlines = 1;
	u->f->spec = filter_spec(v, mode);
	put_where(u->f->w.where, &v->at);
	TAILQ_INSERT_TAIL(&u->w->filters, u->f, entry);
}

/* ignore <name> */

static struct conf_ignore *
ignore_new(const struct val *name, uint32_t kind)
{
	struct use	*u;
	char		 buf[VALUE_NAME_LEN];

	watch_is_text(&name->at, "ignore");
	if (text_name(buf, name) == -1 || (u = use_new(&name->at)) == NULL)
		return NULL;
	u->i = conf_alloc(sizeof(*u->i));
	u->i->w.watch = u->w->w.id;
	u->i->w.kind = kind;
	memcpy(u->i->w.name, buf, sizeof(buf));
	TAILQ_INSERT_TAIL(&u->w->ignores, u->i, entry);
	return u->i;
}

static void
ignore_text(struct conf_ignore *i, const char *s)
{
	free(i->text);
	i->text = copy(s);
	i->len = strlen(s) + 1;
}

void
text_ignore_values(const struct val *name)
{
	struct conf_ignore	*i;
	const struct val	*v;
	size_t			 k, n;
	char			 buf[VALUES_LEN];

	v = build_items(&n, &name->at);
	for (k = 0; k < n; k++)
		if (build_text(buf, sizeof(buf), &v[k], "a value") == 0 &&
		    (i = ignore_new(name, IGNORE_EXACT)) != NULL)
			ignore_text(i, buf);
	build_clear();
}

void
text_ignore_regex(const struct val *name, const struct val *regex)
{
	struct conf_ignore	*i;

	if (!regex_valid(regex) ||
	    (i = ignore_new(name, IGNORE_REGEX)) == NULL)
		return;
	i->written = copy(regex->s);
}

void
text_ignore_table(const struct val *name, const struct val *table)
{
	struct conf_ignore	*i;

	if ((i = ignore_new(name, IGNORE_TABLE)) == NULL)
		return;
	ignore_text(i, "");
	i->w.table = table_used(table);
	if (strcmp(i->w.name, "addr") != 0)
		report_error(&name->at, "found a table of <%s>, expected one "
		    "of <addr>", i->w.name);
}

/* At the end of a watch. */

static void
set_text(struct conf_pattern *p, const char *s, const struct place *at)
{
	p->text = copy(s);
	p->len = strlen(s) + 1;
	if (p->len > REGEX_MAX_LEN)
		report_error(at, "found a regex of %zu bytes, expected at most "
		    "%d", p->len - 1, REGEX_MAX_LEN - 1);
}

/* All that a key is made of is in a match and in what cancels it. */
static void
check_values(const struct use *u, const struct names *names)
{
	const struct wire_watch	*w = &u->w->w;
	const char		*what, *name;
	unsigned int		 i;

	what = u->p->w.kind == PATTERN_CANCEL ? "cancel" : "match";
	for (i = 0; i < w->nkeys; i++)
		if (!names_has(names, w->keys[i])) {
			report_error(&u->at, "found a %s without <%s>, "
			    "expected all values of the key", what,
			    w->keys[i]);
			return;
		}
	name = "addr";
	if (w->bans && !names_has(names, name))
		report_error(&u->at, "found a %s without <addr>, expected it "
		    "in a watch that bans", what);
}

static void
warn_empty(const struct use *u, const char *what)
{
	report_warning(&u->at, "this %s matches every line", what);
}

static const char *
pattern_kind_name(uint32_t kind)
{
	if (kind == PATTERN_CANCEL)
		return "cancel";
	return kind == PATTERN_IGNORE ? "ignore" : "match";
}

static void
finish_pattern(struct use *u, struct names *all)
{
	struct names	 own = { 0 };
	struct regex	*r;
	size_t		 i;
	int		 empty;

	if ((r = regex_expand(u->p->written, u->w, lookup, &u->at)) == NULL)
		return;
	empty = regex_check(r, 0, &own, &u->at);
	set_text(u->p, regex_text(r), &u->at);
	regex_free(r);
	if (*u->w->w.json_addr != '\0')
		names_add(&own, "addr");
	if (empty != -1 && u->p->w.kind != PATTERN_IGNORE)
		check_values(u, &own);
	if (empty == 1)
		warn_empty(u, pattern_kind_name(u->p->w.kind));
	for (i = 0; i < own.n; i++)
		names_add(all, own.list[i]);
	names_free(&own);
}

/* The whole value is meant. */
static void
finish_ignore(struct use *u)
{
	struct regex	*r;
	char		*whole;

	if (u->i->w.kind != IGNORE_REGEX ||
	    (r = regex_expand(u->i->written, u->w, lookup, &u->at)) == NULL)
		return;
	if (regex_check(r, 0, NULL, &u->at) != -1) {
		if (asprintf(&whole, "\\A(?:%s)\\z", regex_text(r)) == -1)
			fatal("configuration");
		ignore_text(u->i, whole);
		free(whole);
	}
	regex_free(r);
}

/* As the parser will read them, so that it is told here, with its place. */
void
text_date(const char *format, const struct place *at)
{
	struct datepattern	 list[DATEPATTERN_MAX];
	char			 why[TEXT_LEN];
	size_t			 i, n;
	int			 bad;

	n = datepattern_read(format, list, why, sizeof(why));
	bad = n == 0;
	for (i = 0; i < n; i++) {
		if (!bad && list[i].kind == DATEPATTERN_REGEX)
			bad = regex_fault(list[i].regex, why, sizeof(why));
		free(list[i].regex);
	}
	if (bad)
		report_error(at, "found \"%s\", expected a date's format: %s",
		    log_vis(format, strlen(format)), why);
}

/* fail2ban's filters. */

static void
add_regexes(struct use *u, const struct f2b_regexes *list, uint32_t kind,
    struct names *names)
{
	struct conf_pattern	*p;
	struct place		 at = { NULL, 0 };
	struct regex		*r;
	size_t			 i;

	for (i = 0; i < list->n; i++) {
		at.file = lex_keep(list->list[i].where,
		    strlen(list->list[i].where));
		p = pattern_new(u->w, kind, kind == PATTERN_FAIL ?
		    u->f->w.weight : 0);
		p->w.filter = u->f->w.id;
		strlcpy(p->w.where, at.file, sizeof(p->w.where));
		put_written(p->w.written, list->list[i].written);
		set_text(p, list->list[i].text, &at);
		if (kind == PATTERN_FAIL_DATE) {
			text_date(p->text, &at);
			continue;
		}
		r = regex_of(p->text);
		regex_check(r, u->f->w.maxlines > 1, names, &at);
		regex_free(r);
	}
}

static void
take_filter(struct use *u, const struct f2b_filter *f, struct names *names)
{
	struct wire_filter	*w = &u->f->w;

	strlcpy(w->name, f->name, sizeof(w->name));
	w->maxlines = f->maxlines == 0 ? 1 : f->maxlines;
	if (w->maxlines > FILTER_LINES_MAX)
		w->maxlines = FILTER_LINES_MAX;
	add_regexes(u, &f->prefix, PATTERN_FAIL_PREFIX, names);
	add_regexes(u, &f->fail, PATTERN_FAIL, names);
	add_regexes(u, &f->ignore, PATTERN_FAIL_IGNORE, names);
	add_regexes(u, &f->dates, PATTERN_FAIL_DATE, names);
	names_add(names, "addr");
	source_journal_default(u->w, f->journal, f->njournal);
	if (f->fail.n == 0)
		report_error(&u->at, "found filter \"%s\" without a failregex, "
		    "expected one", w->name);
}

static void
finish_filter(struct use *u, struct names *names)
{
	struct f2b_args		 args = { .name = u->name, .mode = u->mode };
	struct f2b_filter	 f = { 0 };
	char			 why[TEXT_LEN];
	size_t			 i;

	if (input_closed) {
		report_error(&u->at, "no file is read");
		return;
	}
	args.journal = source_is_journal(u->w);
	if (f2b_load(&args, &f, why, sizeof(why)) == -1)
		report_error(&u->at, "%s", why);
	else
		take_filter(u, &f, names);
	for (i = 0; i < f.nfiles; i++)
		input_add(f.files[i]);
	f2b_free(&f);
}

void
text_names(const struct conf_watch *w, const struct names *names)
{
	struct use	*u;

	STAILQ_FOREACH(u, &uses, entry)
		if (u->w == w && u->i != NULL &&
		    !names_has(names, u->i->w.name))
			report_error(&u->at, "found <%s>, expected a value "
			    "that a match captures%s", u->i->w.name,
			    names_hint(names, u->i->w.name));
}

void
text_finish(struct conf_watch *w, struct names *names)
{
	struct use	*u;

	if (*w->w.json_addr != '\0')
		names_add(names, "addr");
	STAILQ_FOREACH(u, &uses, entry) {
		if (u->w != w || spoilt)
			continue;
		if (u->f != NULL)
			finish_filter(u, names);
		else if (u->i != NULL)
			finish_ignore(u);
		else
			finish_pattern(u, names);
	}
}

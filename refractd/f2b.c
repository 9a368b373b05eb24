/*
 * A filter of fail2ban's, from its name to its regexes.  See f2b.h.
 */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "conf.h"
#include "f2b.h"
#include "f2b_filter.h"
#include "f2b_ini.h"
#include "f2b_regex.h"
#include "f2b_text.h"
#include "log.h"

struct loading {
	struct f2b_filter	*f;
	struct ini		 ini;
	struct ini_opts		 given, opts;
	char			*name;		/* without its options */
	char			 why[256];
};

static int __attribute__((__format__(printf, 3, 4)))
refuse(struct loading *l, const char *text, const char *fmt, ...)
{
	const char	*where = text == NULL ? NULL :
	    ini_where(&l->ini, text);
	va_list		 ap;
	char		 what[400];

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	if (where != NULL)
		return ini_error(&l->ini, text, "%s", what);
	return ini_error(&l->ini, NULL, "filter %s: %s",
	    l->name == NULL ? "" : l->name, what);
}

/* What it is called: the options as they were given, in their order. */
static char *
full_name(const struct loading *l)
{
	struct f2b_text	 t = { 0 };
	const char	*v;
	size_t		 i;

	text_str(&t, l->name);
	for (i = 0; i < l->given.n; i++) {
		v = l->given.v[i].value;
		text_printf(&t, strpbrk(v, " ,]\"'\n\t") == NULL ?
		    "%s%s=%s" : "%s%s=\"%s\"", i == 0 ? "[" : ", ",
		    l->given.v[i].name, v);
	}
	text_str(&t, l->given.n > 0 ? "]" : "");
	return text_take(&t);
}

static int
read_args(struct loading *l, const struct f2b_args *a)
{
	if ((l->name = f2b_split(a->name, &l->given, l->why,
	    sizeof(l->why))) == NULL)
		return refuse(l, NULL, "%s", l->why);
	if (a->mode != NULL)
		ini_opts_set(&l->given, "mode", a->mode);
	if (a->options != NULL &&
	    f2b_options(a->options, &l->given, l->why, sizeof(l->why)) == -1)
		return refuse(l, NULL, "%s", l->why);
	l->f->name = full_name(l);
	return 0;
}

/* A path with its suffix is read as it is; a name is in filter.d. */
static int
read_files(struct loading *l, const struct f2b_args *a)
{
	const char	*dot = strrchr(l->name, '.');
	struct f2b_text	 t = { 0 };
	int		 status;

	if (*l->name == '/')
		text_str(&t, l->name);
	else
		text_printf(&t, "%s/filter.d/%s",
		    a->dir == NULL ? F2B_DIR : a->dir, l->name);
	if (*l->name == '/' && dot != NULL && strcmp(dot, ".conf") == 0)
		status = ini_read_file(&l->ini, t.s);
	else
		status = ini_read(&l->ini, t.s);
	text_clear(&t);
	if (status == 0 && ini_section(&l->ini.merged, "Definition") == NULL)
		status = refuse(l, NULL, "found no [Definition]");
	return status;
}

/* Unless it is said, where the lines come from says how they begin. */
static void
set_logtype(struct loading *l, int journal)
{
	const struct ini_section *s;

	s = ini_section(&l->ini.merged, "Definition");
	if (ini_opts_get(&l->given, "logtype") == NULL &&
	    ini_opts_get(&s->opts, "logtype") == NULL)
		ini_opts_set(&l->given, "logtype", journal ? "journal" :
		    "file");
}

static const char *
skip_blank(const char *s)
{
	while (isspace((unsigned char)*s))
		s++;
	return s;
}

static int
is_empty(const char *s)
{
	return *skip_blank(s) == '\0';
}

/* It takes the texts. */
static void
add_regex(struct loading *l, struct f2b_regexes *to, char *text,
    char *written, const char *from)
{
	const char		*where = ini_where(&l->ini, from);
	struct f2b_regex	*p;

	if ((p = reallocarray(to->list, to->n + 1, sizeof(*p))) == NULL)
		fatal("fail2ban's files");
	to->list = p;
	p += to->n++;
	p->text = text;
	p->written = written;
	if (where == NULL)
		where = l->f->name;
	p->where = text_dup(where, strlen(where));
}

/* One regex, still with its marks: 0 or -1. */
static int
take_regex(struct loading *l, struct f2b_regexes *to, const char *marked,
    int *has)
{
	char	*plain = ini_plain(text_dup(marked, strlen(marked)));
	char	*tagged, *text = NULL;

	if ((tagged = f2b_tags(plain, l->f->usedns)) == NULL)
		refuse(l, marked, "found a regex of more than %d bytes",
		    TEXT_MAX);
	else if ((text = f2b_translate(tagged, has, l->why,
	    sizeof(l->why))) == NULL)
		refuse(l, marked, "%s (in \"%.200s\")", l->why, plain);
	else if (strlen(text) + sizeof("(?m)") > REGEX_MAX_LEN)
		refuse(l, marked, "found a regex of %zu bytes, expected less "
		    "than %d", strlen(text), REGEX_MAX_LEN);
	else if (to->n >= F2B_REGEX_MAX)
		refuse(l, marked, "found more than %d regexes",
		    F2B_REGEX_MAX);
	else {
		add_regex(l, to, text, plain, marked);
		free(tagged);
		return 0;
	}
	free(text);
	free(tagged);
	free(plain);
	return -1;
}

static int
take_prefix(struct loading *l, int *has)
{
	const char *v = ini_opts_get(&l->opts, "prefregex");
	char *plain;
	int empty;

	*has = 0;
	if (v == NULL)
		return 0;
	plain = ini_plain(text_dup(v, strlen(v)));
	empty = is_empty(plain);
	free(plain);
	return empty ? 0 : take_regex(l, &l->f->prefix, v, has);
}

/* Each line of the value is one. */
static int
take_lines(struct loading *l, const char *option,
    int (*fn)(struct loading *, const char *, void *), void *arg)
{
	const char	*v = ini_opts_get(&l->opts, option);
	char		*copy, *p, *line, *plain;
	int		 status = 0, empty;

	if (v == NULL)
		return 0;
	copy = p = text_dup(v, strlen(v));
	while (status == 0 && (line = strsep(&p, "\n")) != NULL) {
		plain = ini_plain(text_dup(line, strlen(line)));
		empty = is_empty(plain);
		free(plain);
		if (!empty)
			status = fn(l, line, arg);
	}
	free(copy);
	return status;
}

/* arg: what groups the prefregex has. */
static int
take_fail(struct loading *l, const char *line, void *arg)
{
	const int		*prefix = arg;
	struct f2b_regex	*r;
	struct f2b_text		 t = { 0 };
	int			 has = 0;

	if (take_regex(l, &l->f->fail, line, &has) == -1)
		return -1;
	if (((has | *prefix) & REGEX_HAS_ID) == 0)
		return refuse(l, line, "found a failregex that does not say "
		    "who failed, expected <HOST>, <ADDR> or another of them");
	if (l->f->maxlines > 1) {
		r = &l->f->fail.list[l->f->fail.n - 1];
		text_printf(&t, "(?m)%s", r->text);
		free(r->text);
		r->text = text_take(&t);
	}
	return 0;
}

static int
take_ignore(struct loading *l, const char *line, void *arg)
{
	int has;

	(void)arg;
	return take_regex(l, &l->f->ignore, line, &has);
}

static int
take_date(struct loading *l, const char *line, void *arg)
{
	char	*s = ini_plain(text_dup(line, strlen(line)));

	(void)arg;
	add_regex(l, &l->f->dates, s, text_dup(s, strlen(s)), line);
	return 0;
}

static int
take_usedns(struct loading *l)
{
	static const char *const words[] = { "no", "yes", "warn", "raw" };
	const char	*v = ini_opts_get(&l->opts, "usedns");
	char		*s;
	size_t		 i;

	if (v == NULL)
		return 0;
	s = ini_plain(text_dup(v, strlen(v)));
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcasecmp(s, words[i]) == 0)
			break;
	free(s);
	if (i == sizeof(words) / sizeof(words[0]))
		return refuse(l, v, "found another usedns, expected yes, "
		    "warn, no or raw");
	l->f->usedns = i;
	return 0;
}

static int
take_maxlines(struct loading *l)
{
	const char	*v = ini_opts_get(&l->opts, "maxlines"), *wrong;
	char		*s;

	if (v == NULL)
		return 0;
	s = ini_plain(text_dup(v, strlen(v)));
	l->f->maxlines = strtonum(s, 1, F2B_LINES_MAX, &wrong);
	free(s);
	return wrong == NULL ? 0 : refuse(l, v, "found maxlines that is %s, "
	    "expected 1 to %d", wrong, F2B_LINES_MAX);
}

/* A word as a shell has it: where it ends; NULL: a quote is not closed. */
static const char *
shell_word(const char *p, struct f2b_text *t)
{
	char	quote = '\0';

	for (; *p != '\0' && (quote != '\0' || !isspace((unsigned char)*p));
	    p++) {
		if (*p == quote)
			quote = '\0';
		else if (quote == '\0' && (*p == '"' || *p == '\''))
			quote = *p;
		else if (*p == '\\' && quote != '\'' && p[1] != '\0')
			text_put(t, ++p, 1);
		else
			text_put(t, p, 1);
	}
	return quote == '\0' ? p : NULL;
}

/* Lines are alternatives, as what "+" is between. */
static int
take_journal(struct loading *l, const char *line, void *arg)
{
	struct f2b_filter	*f = l->f;
	struct f2b_text		 t = { 0 };
	char			*s = ini_plain(text_dup(line, strlen(line)));
	const char		*p = s;

	(void)arg;
	if (f->njournal > 0)
		text_add(&f->journal, &f->njournal, text_dup("+", 1));
	while (p != NULL && *(p = skip_blank(p)) != '\0') {
		p = shell_word(p, &t);
		text_add(&f->journal, &f->njournal, text_take(&t));
	}
	free(s);
	return p != NULL ? 0 : refuse(l, line, "found a quote that is not "
	    "closed in journalmatch");
}

static int
take_all(struct loading *l)
{
	int	prefix;

	if (take_usedns(l) == -1 || take_maxlines(l) == -1 ||
	    take_prefix(l, &prefix) == -1 ||
	    take_lines(l, "failregex", take_fail, &prefix) == -1 ||
	    take_lines(l, "ignoreregex", take_ignore, NULL) == -1 ||
	    take_lines(l, "datepattern", take_date, NULL) == -1 ||
	    take_lines(l, "journalmatch", take_journal, NULL) == -1)
		return -1;
	return l->f->fail.n > 0 ? 0 : refuse(l, NULL, "found no failregex");
}

/* Before [Init] could say otherwise, the options have said it. */
static int
load(struct loading *l, const struct f2b_args *a)
{
	if (read_args(l, a) == -1 || read_files(l, a) == -1)
		return -1;
	set_logtype(l, a->journal);
	if (f2b_combine(&l->ini, &l->given, NULL, f2b_filter_keys, 0,
	    &l->opts) == -1)
		return -1;
	return take_all(l);
}

/* What it was to be is gone, what it was read from stays. */
static void
clear(struct f2b_filter *f)
{
	char	**files = f->files;
	size_t	  nfiles = f->nfiles;

	f->files = NULL;
	f->nfiles = 0;
	f2b_free(f);
	f->files = files;
	f->nfiles = nfiles;
}

int
f2b_load(const struct f2b_args *a, struct f2b_filter *f, char *why, size_t len)
{
	struct loading	l = { .f = f };
	int		status;

	memset(f, 0, sizeof(*f));
	f->maxlines = 1;
	ini_init(&l.ini);
	status = load(&l, a);
	f->files = l.ini.files;
	f->nfiles = l.ini.nfiles;
	l.ini.files = NULL;
	l.ini.nfiles = 0;
	if (status == -1) {
		strlcpy(why, l.ini.why, len);
		clear(f);
	}
	ini_opts_free(&l.given);
	ini_opts_free(&l.opts);
	ini_free(&l.ini);
	free(l.name);
	return status;
}

static void
free_regexes(struct f2b_regexes *r)
{
	while (r->n > 0) {
		r->n--;
		free(r->list[r->n].text);
		free(r->list[r->n].written);
		free(r->list[r->n].where);
	}
	free(r->list);
}

void
f2b_free(struct f2b_filter *f)
{
	free(f->name);
	free_regexes(&f->fail);
	free_regexes(&f->ignore);
	free_regexes(&f->prefix);
	free_regexes(&f->dates);
	text_list_free(f->journal, f->njournal);
	text_list_free(f->files, f->nfiles);
	memset(f, 0, sizeof(*f));
}

/*
 * Interpolation: %(option)s as Python's configparser has it, with fail2ban's
 * %(section/option)s and %(known/option)s, when a value is asked for; then
 * <option>, which may be made of others, <a-<b>>, in a set of options.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "f2b_ini.h"
#include "f2b_text.h"

#define TAG_REPLACED_MAX	25	/* times that one tag is put in */

struct expansion {
	struct ini			*ini;
	const struct ini_sections	*all;
	const char			*section;
	const struct ini_opts		*vars;	/* or NULL */
	const char			*value;	/* for errors */
	struct f2b_text			 out;
};

static char *
lower(const char *s, size_t n)
{
	char	*p = text_dup(s, n);
	size_t	 i;

	for (i = 0; p[i] != '\0'; i++)
		p[i] = tolower((unsigned char)p[i]);
	return p;
}

static const char *
section_get(const struct ini_sections *all, const char *section,
    const char *option)
{
	const struct ini_section *s = ini_section(all, section);

	return s == NULL ? NULL : ini_opts_get(&s->opts, option);
}

static const char *
vars_get(const struct ini_opts *vars, const char *option)
{
	size_t	i;

	for (i = vars == NULL ? 0 : vars->n; i-- > 0;)
		if (strcasecmp(vars->v[i].name, option) == 0)
			return vars->v[i].value;
	return NULL;
}

static const char *
known_get(const struct ini_sections *all, const char *section,
    const char *option)
{
	struct f2b_text	 t = { 0 };
	const char	*v;

	text_printf(&t, "KNOWN/%s", section);
	v = section_get(all, t.s, option);
	text_clear(&t);
	return v;
}

/* "section/option", "known/option", "default/option"; else of [DEFAULT]. */
static const char *
path_get(const struct expansion *x, const char *name)
{
	const char	*slash = strchr(name, '/'), *v = NULL;
	char		*section;

	if (slash == NULL)
		return NULL;
	section = text_dup(name, slash - name);
	if (strcasecmp(section, "known") == 0)
		v = known_get(x->all, x->section, slash + 1);
	else if (strcasecmp(section, "default") == 0)
		v = NULL;
	else if (ini_section(x->all, section) != NULL)
		v = section_get(x->all, section, slash + 1);
	else
		slash = NULL;
	free(section);
	return v != NULL || slash == NULL ? v :
	    ini_opts_get(&x->all->defaults, slash + 1);
}

static const char *
name_get(const struct expansion *x, const char *name)
{
	const char *v;

	if (strcmp(name, "__name__") == 0)
		return x->section;
	if ((v = vars_get(x->vars, name)) != NULL ||
	    (v = section_get(x->all, x->section, name)) != NULL ||
	    (v = ini_opts_get(&x->all->defaults, name)) != NULL)
		return v;
	return path_get(x, name);
}

/* Everything that any interpolation writes comes through here. */
static int
put(struct expansion *x, const char *s, size_t n)
{
	text_put(&x->out, s, n);
	if (x->out.full || (x->ini->work += n) > INI_WORK_MAX)
		return ini_error(x->ini, x->value, "found a value that "
		    "interpolates to more than %d bytes", TEXT_MAX);
	return 0;
}

static int interpolate(struct expansion *, const char *, int);

/* "%(name)s": how long it is, or -1. */
static int
put_name(struct expansion *x, const char *p, int depth)
{
	const char	*end = strchr(p, ')'), *v, *slash;
	char		*name;
	int		 status;

	if (end == NULL || end == p + 2 || end[1] != 's')
		return ini_error(x->ini, x->value,
		    "found \"%%(\" without \")s\" after a name");
	/* A section's name keeps its case. */
	name = lower(p + 2, end - p - 2);
	if ((slash = strchr(name, '/')) != NULL)
		memcpy(name, p + 2, slash - name);
	if ((v = name_get(x, name)) == NULL)
		status = ini_error(x->ini, x->value, "found %%(%s)s, which is "
		    "not set in [%s] or [DEFAULT]", name, x->section);
	else
		status = interpolate(x, v, depth + 1);
	free(name);
	return status == -1 ? -1 : (int)(end + 2 - p);
}

static int
interpolate(struct expansion *x, const char *p, int depth)
{
	size_t	n;
	int	len;

	if (depth > INI_DEPTH_MAX)
		return ini_error(x->ini, x->value, "found %%()s in %%()s "
		    "deeper than %d: it interpolates into itself",
		    INI_DEPTH_MAX);
	while (*p != '\0') {
		n = strcspn(p, "%");
		if (put(x, p, n) == -1)
			return -1;
		if (*(p += n) == '\0')
			break;
		len = 2;
		if (p[1] == '(')
			len = put_name(x, p, depth);
		else if (p[1] != '%')
			len = ini_error(x->ini, x->value, "found \"%%\", "
			    "expected \"%%%%\" or \"%%(\" (in the text that "
			    "ends \"%.20s\")", p);
		else if (put(x, "%", 1) == -1)
			return -1;
		if (len == -1)
			return -1;
		p += len;
	}
	return 0;
}

int
ini_lookup(struct ini *ini, const struct ini_sections *all,
    const char *section, const char *option, const struct ini_opts *vars,
    char **value)
{
	struct expansion x = { .ini = ini, .all = all, .section = section,
	    .vars = vars };
	char		*name;

	if (strcmp(section, "DEFAULT") != 0 &&
	    ini_section(all, section) == NULL)
		return 0;
	name = lower(option, strlen(option));
	if ((x.value = vars_get(vars, name)) == NULL &&
	    (x.value = section_get(all, section, name)) == NULL)
		x.value = ini_opts_get(&all->defaults, name);
	free(name);
	if (x.value == NULL)
		return 0;
	if (interpolate(&x, x.value, 1) == -1) {
		text_clear(&x.out);
		return -1;
	}
	*value = text_take(&x.out);
	return 1;
}

int
ini_get(struct ini *ini, const char *section, const char *option,
    const struct ini_opts *vars, char **value)
{
	return ini_lookup(ini, &ini->merged, section, option, vars, value);
}

/* The word before the slash, if it is one. */
static int
is_section_word(const char *s, size_t n)
{
	size_t	i;

	for (i = 0; i < n; i++)
		if (!isalnum((unsigned char)s[i]) && s[i] != '_' &&
		    s[i] != '-')
			return 0;
	return n > 0;
}

static int
get_in(struct ini *ini, const char *section, const char *named,
    const char *option, char **value)
{
	struct f2b_text	t = { 0 };
	int		status;

	if (strcasecmp(named, "known") == 0) {
		text_printf(&t, "KNOWN/%s", section);
		status = ini_get(ini, t.s, option, NULL, value);
		text_clear(&t);
		if (status == 0)
			status = ini_get(ini, section, option, NULL, value);
		return status;
	}
	if (strcasecmp(named, "default") == 0)
		named = "DEFAULT";
	return ini_get(ini, named, option, NULL, value);
}

/* An option by names like "section/option" and "known/option". */
static int
ini_get_named(struct ini *ini, const char *section, const char *option,
    const struct ini_opts *vars, char **value)
{
	const char	*slash = strchr(option, '/');
	char		*named;
	int		 status = 0;

	if (slash != NULL && slash[1] != '\0' &&
	    is_section_word(option, slash - option)) {
		named = text_dup(option, slash - option);
		status = get_in(ini, section, named, slash + 1, value);
		free(named);
	}
	return status != 0 ? status :
	    ini_get(ini, section, option, vars, value);
}

/* Tags. */

struct tagging {
	struct ini		*ini;
	const char		*section;
	const struct ini_opts	*vars;
	struct ini_opts		*opts;
	struct ini_opts		 found;		/* of the section */
	char			**ignored;	/* they have conditions */
	size_t			 nignored;
	struct ini_opts		*counts;	/* tag -> "xx...", by option */
};

/* The next <tag> from p: its inside, and how long that is; or NULL. */
static const char *
find_tag(const char *p, size_t *n)
{
	while ((p = strchr(p, '<')) != NULL) {
		*n = strcspn(++p, " <>");
		if (*n > 0 && p[*n] == '>')
			return p;
	}
	return NULL;
}

static int
is_ignored(const struct tagging *t, const char *name)
{
	size_t	i;

	for (i = 0; i < t->nignored; i++)
		if (strcmp(t->ignored[i], name) == 0)
			return 1;
	return 0;
}

/* What a tag stands for: 1, 0 if nothing, -1. */
static int
tag_value(struct tagging *t, const char *name, const char **value)
{
	char	*v;
	int	 status;

	if ((*value = ini_opts_get(t->opts, name)) != NULL ||
	    (*value = ini_opts_get(&t->found, name)) != NULL)
		return 1;
	status = ini_get_named(t->ini, t->section, name, t->vars, &v);
	if (status != 1)
		return status;
	ini_opts_set(&t->found, name, v);
	free(v);
	*value = ini_opts_get(&t->found, name);
	return 1;
}

/* The tag again, which is n bytes from its "<" to its ">"; or NULL. */
static const char *
find_same(const char *s, const char *tag, size_t n)
{
	while ((s = strchr(s, '<')) != NULL && strncmp(s, tag, n) != 0)
		s++;
	return s;
}

/* Wherever the tag stands in s, `with` stands in what comes of it. */
static char *
replace_all(struct tagging *t, const char *s, const char *tag, size_t n,
    const char *with)
{
	struct expansion x = { .ini = t->ini, .value = s };
	size_t		 len = strlen(with);
	char		*done;
	const char	*p;
	int		 bad = 0;

	for (; !bad && (p = find_same(s, tag, n)) != NULL; s = p + n)
		bad = put(&x, s, p - s) == -1 || put(&x, with, len) == -1;
	bad = bad || put(&x, s, strlen(s)) == -1;
	done = text_take(&x.out);
	if (!bad)
		return done;
	free(done);
	return NULL;
}

/* A tag is put in so many times into one option: more is no end. */
static int
count_tag(struct ini_opts *counts, const char *name)
{
	const char	*was = ini_opts_get(counts, name);
	struct f2b_text	 t = { 0 };
	int		 n = was == NULL ? 0 : (int)strlen(was);

	text_printf(&t, "%sx", was == NULL ? "" : was);
	ini_opts_set(counts, name, t.s);
	text_clear(&t);
	return n;
}

/*
 * Put in the tag at p (n bytes, within *value, which changes): 1, 0 if it
 * stands for nothing, -1.
 */
static int
put_tag(struct tagging *t, size_t opt, char **value, const char *p, size_t n)
{
	char		*name = ini_plain(text_dup(p, n)), *new;
	const char	*with;
	int		 status = 0;

	if (is_ignored(t, name))
		goto done;
	if (strcmp(name, t->opts->v[opt].name) == 0) {
		status = ini_error(t->ini, *value,
		    "found <%s> in %s: it interpolates into itself", name,
		    name);
		goto done;
	}
	if ((status = tag_value(t, name, &with)) != 1)
		goto done;
	status = -1;
	if (count_tag(&t->counts[opt], name) > TAG_REPLACED_MAX)
		ini_error(t->ini, *value, "found <%s> more than %d times in "
		    "%s: it interpolates into itself", name, TAG_REPLACED_MAX,
		    t->opts->v[opt].name);
	else if ((new = replace_all(t, *value, p - 1, n + 2, with)) != NULL) {
		free(*value);
		*value = new;
		status = 1;
	}
done:
	free(name);
	return status;
}

/* One pass over an option: 1 if it changed and has tags left, 0, -1. */
static int
tag_option(struct tagging *t, size_t opt)
{
	const char	*was = t->opts->v[opt].value, *p;
	char		*value = text_dup(was, strlen(was));
	size_t		 at = 0, n;
	int		 changed = 0, status = 0;

	while ((p = find_tag(value + at, &n)) != NULL) {
		at = p - 1 - value;
		status = put_tag(t, opt, &value, p, n);
		if (status == -1)
			break;
		if (status == 1)
			changed = 1;
		else
			at += n + 2;
	}
	if (status != -1) {
		changed = changed && strcmp(value, was) != 0;
		ini_opts_set(t->opts, t->opts->v[opt].name, value);
		status = changed && find_tag(value, &n) != NULL;
	}
	free(value);
	return status;
}

/* Options with a condition, and those of the same name, stay as they are. */
static void
find_ignored(struct tagging *t)
{
	const char	*name, *q;
	size_t		 i;

	for (i = 0; i < t->opts->n; i++) {
		name = t->opts->v[i].name;
		q = strchr(name, '?');
		if (q != NULL && is_section_word(name, q - name) &&
		    q[1] != '\0')
			text_add(&t->ignored, &t->nignored,
			    text_dup(name, q - name));
	}
}

static void
tagging_free(struct tagging *t, size_t n)
{
	ini_opts_free(&t->found);
	text_list_free(t->ignored, t->nignored);
	while (n > 0)
		ini_opts_free(&t->counts[--n]);
	free(t->counts);
}

int
ini_tags(struct ini *ini, const char *section, const struct ini_opts *vars,
    struct ini_opts *opts)
{
	struct tagging	t = { .ini = ini, .section = section, .vars = vars,
	    .opts = opts };
	size_t		i;
	int		again = 1, status = 0;

	if ((t.counts = calloc(opts->n + 1, sizeof(*t.counts))) == NULL)
		return ini_error(ini, NULL, "no memory");
	find_ignored(&t);
	while (again && status != -1) {
		again = 0;
		for (i = 0; i < opts->n && status != -1; i++) {
			if (is_ignored(&t, opts->v[i].name))
				continue;
			status = tag_option(&t, i);
			again |= status == 1;
		}
	}
	tagging_free(&t, opts->n);
	return status == -1 ? -1 : 0;
}

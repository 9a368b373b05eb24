/*
 * Names with options, and what a definition comes to.  See f2b_filter.h.
 */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "f2b_filter.h"
#include "f2b_text.h"
#include "log.h"

const char *const f2b_filter_keys[] = { "usedns", "prefregex", "ignoreregex",
    "failregex", "maxlines", "datepattern", "journalmatch", NULL };

static int
is_option_char(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-' || c == '.';
}

static const char *
skip_blank(const char *p)
{
	while (isspace((unsigned char)*p))
		p++;
	return p;
}

static int
set_trimmed(struct ini_opts *opts, const char *name, size_t len,
    const char *value, size_t n)
{
	char	*k = text_dup(name, len), *v;

	while (n > 0 && isspace((unsigned char)*value)) {
		value++;
		n--;
	}
	while (n > 0 && isspace((unsigned char)value[n - 1]))
		n--;
	v = text_dup(value, n);
	ini_opts_set(opts, k, v);
	free(k);
	free(v);
	return 0;
}

/* The value at p: where it ends, with its text in *value, *n. */
static const char *
option_value(const char *p, const char **value, size_t *n)
{
	const char *end;

	if ((*p == '"' || *p == '\'') && (end = strchr(p + 1, *p)) != NULL) {
		*value = p + 1;
		*n = end - p - 1;
		return skip_blank(end + 1);
	}
	*value = p;
	*n = strcspn(p, ",]");
	return p + *n;
}

/* Between options: a comma, or "][".  NULL: neither. */
static const char *
option_end(const char *p)
{
	if (*p == ',')
		return skip_blank(p + 1);
	if (*p == ']') {
		p = skip_blank(p + 1);
		return *p == '[' ? skip_blank(p + 1) : NULL;
	}
	return *p == '\0' ? p : NULL;
}

int
f2b_options(const char *p, struct ini_opts *opts, char *why, size_t whylen)
{
	const char	*name, *value, *end;
	size_t		 len, n;

	for (p = skip_blank(p); *p != '\0';) {
		name = p;
		while (is_option_char(*p))
			p++;
		len = p - name;
		if (len == 0 || *p != '=') {
			snprintf(why, whylen, "found \"%s\", expected option = "
			    "value", log_vis(name, strlen(name)));
			return -1;
		}
		p = option_value(p + 1, &value, &n);
		if ((end = option_end(p)) == NULL) {
			snprintf(why, whylen, "found \"%s\" after option %.*s, "
			    "expected a comma", log_vis(p, strlen(p)),
			    (int)len, name);
			return -1;
		}
		set_trimmed(opts, name, len, value, n);
		p = end;
	}
	return 0;
}

char *
f2b_split(const char *s, struct ini_opts *opts, char *why, size_t whylen)
{
	const char	*open = strchr(s, '['), *end = s + strlen(s);
	char		*name, *inside;
	size_t		 n = open == NULL ? strlen(s) : (size_t)(open - s);
	int		 status = 0;

	while (end > s && isspace((unsigned char)end[-1]))
		end--;
	while (n > 0 && isspace((unsigned char)s[n - 1]))
		n--;
	if (n == 0 || (open != NULL && end[-1] != ']')) {
		snprintf(why, whylen, "found \"%s\", expected name or "
		    "name[option=value]", log_vis(s, strlen(s)));
		return NULL;
	}
	name = text_dup(s, n);
	if (open != NULL) {
		inside = text_dup(open + 1, end - 1 - (open + 1));
		status = f2b_options(inside, opts, why, whylen);
		free(inside);
	}
	if (status == 0)
		return name;
	free(name);
	return NULL;
}

/* What [Init] has, and was not given, as x and as known/x. */
static int
take_init(struct ini *ini, struct ini_opts *init)
{
	const struct ini_section *s = ini_section(&ini->merged, "Init");
	struct f2b_text		  t = { 0 };
	size_t			  i;
	char			 *v;
	int			  status;

	for (i = 0; s != NULL && i < s->opts.n; i++) {
		status = ini_get(ini, "Init", s->opts.v[i].name, NULL, &v);
		if (status == -1)
			return -1;
		/* A condition in capitals, which nothing asks for. */
		if (status == 0)
			continue;
		text_printf(&t, "known/%s", s->opts.v[i].name);
		ini_opts_set(init, t.s, v);
		if (ini_opts_get(init, s->opts.v[i].name) == NULL)
			ini_opts_set(init, s->opts.v[i].name, v);
		text_clear(&t);
		free(v);
	}
	return 0;
}

static int
take_key(struct ini *ini, const char *key, const struct ini_opts *vars,
    struct ini_opts *out)
{
	char	*v;
	int	 status = ini_get(ini, "Definition", key, vars, &v);

	if (status == 1) {
		ini_opts_set(out, key, v);
		free(v);
	}
	return status == -1 ? -1 : 0;
}

/* Whatever else [Definition] and [DEFAULT] have. */
static int
take_all(struct ini *ini, struct ini_opts *out)
{
	const struct ini_section *s = ini_section(&ini->merged, "Definition");
	const struct ini_opts	 *from[2] = { s == NULL ? NULL : &s->opts };
	size_t			  i, j;

	for (i = 0; i < 2; i++)
		for (j = 0; from[i] != NULL && j < from[i]->n; j++)
			if (ini_opts_get(out, from[i]->v[j].name) == NULL &&
			    take_key(ini, from[i]->v[j].name, NULL, out) == -1)
				return -1;
	return 0;
}

int
f2b_combine(struct ini *ini, const struct ini_opts *given,
    const struct ini_opts *outer, const char *const *keys, int all,
    struct ini_opts *out)
{
	struct ini_opts	vars = { 0 }, init = { 0 };
	int		status = -1;
	size_t		i;

	if (outer != NULL)
		ini_opts_merge(&vars, outer);
	ini_opts_merge(&vars, given);
	ini_opts_merge(&init, given);
	for (i = 0; keys[i] != NULL; i++)
		if (ini_opts_get(&vars, keys[i]) == NULL &&
		    take_key(ini, keys[i], &vars, out) == -1)
			goto done;
	if (take_init(ini, &init) == -1 || (all && take_all(ini, out) == -1))
		goto done;
	ini_opts_merge(out, &init);
	status = ini_tags(ini, "Definition", &vars, out);
done:
	ini_opts_free(&vars);
	ini_opts_free(&init);
	return status;
}

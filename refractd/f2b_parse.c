/*
 * The lines of one ini file, as Python's configparser has them: "[section]",
 * "option = value" or "option: value", lines that are further in continue a
 * value; # and ; begin a comment, ; within a line too, after a blank.
 */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "f2b_ini.h"
#include "f2b_text.h"
#include "log.h"

struct line {
	const char	*s;		/* without blanks around it */
	size_t		 n;
	size_t		 indent;
	int		 comment;	/* there was one */
};

struct reader {
	struct ini		*ini;
	struct ini_sections	*out;
	const char		*p, *end;
	uint32_t		 file, line;
	const char		*section;	/* NULL: none yet */
	struct ini_opts		*opts;
	char			*option;	/* NULL: none yet */
	struct f2b_text		 value;
	size_t			 indent;
};

static int __attribute__((__format__(printf, 2, 3)))
refuse(struct reader *r, const char *fmt, ...)
{
	struct f2b_text	 t = { 0 };
	va_list		 ap;
	char		 text[256];

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	text_printf(&t, "%s:%u: %s", r->ini->files[r->file], r->line, text);
	ini_error(r->ini, NULL, "%s", t.s);
	text_clear(&t);
	return -1;
}

static void
trim(struct line *l)
{
	while (l->n > 0 && isspace((unsigned char)*l->s)) {
		l->s++;
		l->n--;
	}
	while (l->n > 0 && isspace((unsigned char)l->s[l->n - 1]))
		l->n--;
}

static void
cut_comment(struct line *l)
{
	size_t	i;

	for (i = 0; i < l->n; i++) {
		if (l->s[i] != ';' ||
		    (i > 0 && !isspace((unsigned char)l->s[i - 1])))
			continue;
		l->n = i;
		l->comment = 1;
	}
	for (i = 0; i < l->n && isspace((unsigned char)l->s[i]); i++)
		;
	l->indent = i;
	if (i < l->n && l->s[i] == '#') {
		l->n = 0;
		l->comment = 1;
	}
}

/* 1: a line; 0: the end. */
static int
next_line(struct reader *r, struct line *l)
{
	const char *p = r->p;

	if (p == r->end)
		return 0;
	while (p < r->end && *p != '\n' && *p != '\r')
		p++;
	memset(l, 0, sizeof(*l));
	l->s = r->p;
	l->n = p - r->p;
	if (p < r->end && *p == '\r' && p + 1 < r->end && p[1] == '\n')
		p++;
	r->p = p < r->end ? p + 1 : p;
	r->line++;
	cut_comment(l);
	trim(l);
	return 1;
}

/* Bytes that no such file has, and the marks are made of. */
static int
check_bytes(struct reader *r, const struct line *l)
{
	size_t	i;

	for (i = 0; i < l->n; i++)
		if ((unsigned char)l->s[i] < ' ' &&
		    !isspace((unsigned char)l->s[i]))
			return refuse(r, "found the control character 0x%02x, "
			    "expected text", (unsigned char)l->s[i]);
	return 0;
}

/* Nothing but the name of another option: "%(x)s", "<x-<y>>". */
static int
is_alone(const char *s, size_t n)
{
	size_t	i;
	int	depth = 0;

	if (n > 4 && s[0] == '%' && s[1] == '(')
		return memchr(s, ')', n) == s + n - 2;
	if (n < 3 || s[0] != '<')
		return 0;
	for (i = 0; i < n; i++) {
		depth += s[i] == '<' ? 1 : s[i] == '>' ? -1 : 0;
		if (s[i] == ' ' || (depth == 0 && i + 1 < n))
			return 0;
	}
	return depth == 0;
}

static int
put_mark(struct reader *r, int alone)
{
	struct ini		*ini = r->ini;
	struct ini_place	*p;

	if (ini->nplaces >= INI_LINES_MAX)
		return refuse(r, "found more than %d lines of values, "
		    "expected fewer", INI_LINES_MAX);
	if ((ini->nplaces & (ini->nplaces - 1)) == 0) {
		p = reallocarray(ini->places, ini->nplaces == 0 ? 1 :
		    ini->nplaces * 2, sizeof(*p));
		if (p == NULL)
			fatal("fail2ban's files");
		ini->places = p;
	}
	ini->places[ini->nplaces].file = r->file;
	ini->places[ini->nplaces].alone = alone;
	ini->places[ini->nplaces].line = r->line;
	text_printf(&r->value, "%c%04zx%c", INI_MARK, ini->nplaces++,
	    INI_MARK_END);
	return 0;
}

static int
put_value(struct reader *r, const char *s, size_t n)
{
	if (n > 0 && put_mark(r, is_alone(s, n)) == -1)
		return -1;
	text_put(&r->value, s, n);
	if (r->value.full)
		return refuse(r, "found a value of more than %d bytes, "
		    "expected fewer", TEXT_MAX);
	return 0;
}

/* The option is complete: empty lines at its end are not its. */
static void
end_option(struct reader *r)
{
	char	*s;
	size_t	 n;

	if (r->option == NULL)
		return;
	s = text_take(&r->value);
	for (n = strlen(s); n > 0 && s[n - 1] == '\n'; n--)
		s[n - 1] = '\0';
	ini_opts_set(r->opts, r->option, s);
	free(s);
	free(r->option);
	r->option = NULL;
}

static int
open_section(struct reader *r, const char *s, size_t n)
{
	char			*name = text_dup(s, n);
	struct ini_section	*sec;

	end_option(r);
	if (strcmp(name, "DEFAULT") == 0) {
		r->section = "DEFAULT";
		r->opts = &r->out->defaults;
	} else if (ini_section(r->out, name) != NULL) {
		refuse(r, "found section [%s] again, expected it once", name);
		free(name);
		return -1;
	} else {
		sec = ini_section_make(r->out, name);
		r->section = sec->name;
		r->opts = &sec->opts;
	}
	free(name);
	return 0;
}

static int
open_option(struct reader *r, const struct line *l)
{
	struct line	 name = *l, value = *l;
	size_t		 i, n;

	for (n = 0; n < l->n && l->s[n] != '=' && l->s[n] != ':'; n++)
		;
	if (n == 0 || n == l->n)
		return refuse(r, "found \"%s\", expected [section], "
		    "name = value or a comment", log_vis(l->s, l->n));
	name.n = n;
	value.s += n + 1;
	value.n -= n + 1;
	trim(&name);
	trim(&value);
	end_option(r);
	r->option = text_dup(name.s, name.n);
	for (i = 0; i < name.n; i++)
		r->option[i] = tolower((unsigned char)r->option[i]);
	if (ini_opts_get(r->opts, r->option) != NULL)
		return refuse(r, "found %s again in [%s], expected it once",
		    r->option, r->section);
	return put_value(r, value.s, value.n);
}

static const char *
last_bracket(const struct line *l)
{
	return l->n < 3 || *l->s != '[' ? NULL :
	    memrchr(l->s + 2, ']', l->n - 2);
}

static int
read_line(struct reader *r, const struct line *l)
{
	const char *end;

	if (l->n == 0) {
		if (!l->comment && r->option != NULL)
			text_str(&r->value, "\n");
		return 0;
	}
	if (check_bytes(r, l) == -1)
		return -1;
	if (r->option != NULL && l->indent > r->indent) {
		text_str(&r->value, "\n");
		return put_value(r, l->s, l->n);
	}
	r->indent = l->indent;
	if ((end = last_bracket(l)) != NULL)
		return open_section(r, l->s + 1, end - l->s - 1);
	if (r->section == NULL)
		return refuse(r, "found \"%s\", expected a [section] first",
		    log_vis(l->s, l->n));
	return open_option(r, l);
}

int
ini_parse(struct ini *ini, uint32_t file, const char *s, size_t n,
    struct ini_sections *out)
{
	struct reader	 r = { .ini = ini, .out = out, .p = s, .end = s + n,
	    .file = file };
	struct line	 l;
	int		 status = 0;

	while (status == 0 && next_line(&r, &l))
		status = read_line(&r, &l);
	if (status == 0)
		end_option(&r);
	free(r.option);
	text_clear(&r.value);
	return status;
}

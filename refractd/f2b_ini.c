/*
 * What an ini file's reader keeps: options, sections, the marks of places.
 * Files are f2b_read.c's and f2b_parse.c's, interpolation is f2b_expand.c's.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "f2b_ini.h"
#include "f2b_text.h"
#include "log.h"

static struct ini_opt *
opt_find(const struct ini_opts *o, const char *name)
{
	size_t	i;

	for (i = 0; i < o->n; i++)
		if (strcmp(o->v[i].name, name) == 0)
			return &o->v[i];
	return NULL;
}

const char *
ini_opts_get(const struct ini_opts *o, const char *name)
{
	const struct ini_opt *opt = opt_find(o, name);

	return opt == NULL ? NULL : opt->value;
}

void
ini_opts_set(struct ini_opts *o, const char *name, const char *value)
{
	struct ini_opt	*opt, *v;
	char		*copy = text_dup(value, strlen(value));

	if ((opt = opt_find(o, name)) != NULL) {
		free(opt->value);
		opt->value = copy;
		return;
	}
	if ((v = reallocarray(o->v, o->n + 1, sizeof(*v))) == NULL)
		fatal("fail2ban's files");
	o->v = v;
	v[o->n].name = text_dup(name, strlen(name));
	v[o->n++].value = copy;
}

void
ini_opts_merge(struct ini_opts *to, const struct ini_opts *from)
{
	size_t	i;

	for (i = 0; i < from->n; i++)
		ini_opts_set(to, from->v[i].name, from->v[i].value);
}

void
ini_opts_free(struct ini_opts *o)
{
	while (o->n > 0) {
		o->n--;
		free(o->v[o->n].name);
		free(o->v[o->n].value);
	}
	free(o->v);
	o->v = NULL;
}

struct ini_section *
ini_section(const struct ini_sections *s, const char *name)
{
	size_t	i;

	for (i = 0; i < s->n; i++)
		if (strcmp(s->v[i].name, name) == 0)
			return &s->v[i];
	return NULL;
}

struct ini_section *
ini_section_make(struct ini_sections *s, const char *name)
{
	struct ini_section *v;

	if ((v = ini_section(s, name)) != NULL)
		return v;
	if ((v = reallocarray(s->v, s->n + 1, sizeof(*v))) == NULL)
		fatal("fail2ban's files");
	s->v = v;
	v += s->n++;
	memset(v, 0, sizeof(*v));
	v->name = text_dup(name, strlen(name));
	return v;
}

void
ini_sections_free(struct ini_sections *s)
{
	while (s->n > 0) {
		s->n--;
		free(s->v[s->n].name);
		ini_opts_free(&s->v[s->n].opts);
	}
	free(s->v);
	s->v = NULL;
	ini_opts_free(&s->defaults);
}

void
ini_init(struct ini *ini)
{
	memset(ini, 0, sizeof(*ini));
}

void
ini_free(struct ini *ini)
{
	ini_sections_free(&ini->merged);
	text_list_free(ini->files, ini->nfiles);
	free(ini->places);
	memset(ini, 0, sizeof(*ini));
}

int
ini_error(struct ini *ini, const char *text, const char *fmt, ...)
{
	const char	*where = text == NULL ? NULL : ini_where(ini, text);
	va_list		 ap;
	int		 n;

	if (*ini->why != '\0')
		return -1;
	n = snprintf(ini->why, sizeof(ini->why), "%s%s",
	    where == NULL ? "" : where, where == NULL ? "" : ": ");
	if (n >= (int)sizeof(ini->why))
		return -1;
	va_start(ap, fmt);
	vsnprintf(ini->why + n, sizeof(ini->why) - n, fmt, ap);
	va_end(ap);
	return -1;
}

static const struct ini_place *
mark_place(const struct ini *ini, const char *mark)
{
	unsigned long	i = strtoul(mark + 1, NULL, 16);

	return i < ini->nplaces ? &ini->places[i] : NULL;
}

/*
 * A line that is nothing but another option's name is where that other one is
 * used: the text itself is there.
 */
const char *
ini_where(const struct ini *ini, const char *text)
{
	static char		 where[512];
	const struct ini_place	*p, *next;
	const char		*mark = strchr(text, INI_MARK);

	if (mark == NULL || (p = mark_place(ini, mark)) == NULL)
		return NULL;
	while (p->alone && mark[INI_MARK_LEN] == INI_MARK) {
		mark += INI_MARK_LEN;
		if ((next = mark_place(ini, mark)) == NULL)
			break;
		p = next;
	}
	snprintf(where, sizeof(where), "%s:%u", ini->files[p->file], p->line);
	return where;
}

char *
ini_plain(char *s)
{
	char *from, *to;

	for (from = to = s; *from != '\0';) {
		if (*from == INI_MARK)
			from += INI_MARK_LEN;
		else
			*to++ = *from++;
	}
	*to = '\0';
	return s;
}

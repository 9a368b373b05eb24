/*
 * Regexes of the language.  Addresses are matched as they are, no octet of 300
 * and no ten groups; what is more than an address (a 5.th octet, one more
 * group) is none.  Nothing is matched here.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "log.h"
#include "regex.h"
#include "run_argv.h"

#define NEST_MAX	8		/* patterns in patterns */
#define NAMES_MAX	256

#define OCTET	"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
#define V4	"(?:" OCTET "\\.){3}" OCTET
#define H	"[0-9A-Fa-f]{1,4}"
#define MAPPED	"(?:::|(?:0{1,4}:){5})[Ff]{4}:"
/* What must not stand before and after, or it is part of something longer. */
#define HEAD4	"(?<![0-9A-Za-z]|[0-9]\\.)"
#define TAIL4	"(?![0-9A-Za-z]|\\.[0-9])"
#define HEAD6	"(?<![0-9A-Za-z]|::|:" H1 ":|:" H2 ":|:" H3 ":|:" H4 ":)"
#define H1	"[0-9A-Fa-f]"
#define H2	H1 H1
#define H3	H2 H1
#define H4	H2 H2
#define TAIL6	"(?![0-9A-Za-z]|:[0-9A-Fa-f:]|\\.[0-9])"
/* RFC 4291, 2.2: the last 32 bits may be written as an IPv4 address. */
#define V6	"(?:"							\
	"(?:" H ":){6}(?:" H ":" H "|" V4 ")|"				\
	"::(?:" H ":){0,5}" V4 "|"					\
	H "::(?:" H ":){0,4}" V4 "|"					\
	"(?:" H ":){2}:(?:" H ":){0,3}" V4 "|"				\
	"(?:" H ":){3}:(?:" H ":){0,2}" V4 "|"				\
	"(?:" H ":){4}:(?:" H ":)?" V4 "|"				\
	"(?:" H ":){5}:" V4 "|"						\
	"(?:" H ":){1,6}:" H "|"					\
	"(?:" H ":){1,5}(?::" H "){2}|"					\
	"(?:" H ":){1,4}(?::" H "){3}|"					\
	"(?:" H ":){1,3}(?::" H "){4}|"					\
	"(?:" H ":){1,2}(?::" H "){5}|"					\
	H ":(?::" H "){6}|"						\
	"(?:" H ":){1,7}:|"						\
	":(?:(?::" H "){1,7}|:))"
#define ZONE	"(?:%[0-9A-Za-z_.-]+)?"	/* of a link-local one */
#define ADDR4	HEAD4 "(?<addr>(?:" MAPPED ")?" V4 ")" TAIL4
#define ADDR6	"\\[?" HEAD6 "(?!" MAPPED "[0-9]+\\.)(?<addr>" V6 ")" TAIL6 \
		ZONE "\\]?"
#define ADDR	"(?:\\[?" HEAD6 "(?<addr>" V6 ")" TAIL6 ZONE "\\]?|"	\
		HEAD4 "(?<addr>" V4 ")" TAIL4 ")"
#define LEN4	"/(?:3[0-2]|[12]?[0-9])(?![0-9])"
#define LEN6	"/(?:12[0-8]|1[01][0-9]|[1-9]?[0-9])(?![0-9])"
#define PREFIX	"(?:" HEAD6 "(?<addr>" V6 LEN6 ")|"			\
		HEAD4 "(?<addr>" V4 LEN4 "))"
#define HOST	"(?:" ADDR "|(?<host>[0-9A-Za-z_]"			\
		"(?:[0-9A-Za-z_.-]{0,252}[0-9A-Za-z_])?))"

static const struct {
	const char	*name, *regex;
} builtins[] = {
	{ "addr",	ADDR },
	{ "addr4",	ADDR4 },
	{ "addr6",	ADDR6 },
	{ "host",	HOST },
	{ "prefix",	PREFIX },
	{ "count",	NULL },		/* of commands only */
	{ "match",	NULL },
	{ "watch",	NULL },
};

#define NBUILTINS	(sizeof(builtins) / sizeof(builtins[0]))

/* Where a piece of the written regex has come to. */
struct piece {
	size_t	out, in;
};

struct regex {
	char		*text;
	size_t		 len, room;
	struct piece	*pieces;
	size_t		 npieces;
};

/* Of one expansion. */
struct expansion {
	struct regex		*r;
	const struct conf_watch	*w;
	regex_lookup		*lookup;
	const struct place	*at;
	int			 depth;
};

/* Names. */

int
names_has(const struct names *names, const char *name)
{
	size_t	i;

	for (i = 0; i < names->n; i++)
		if (strcmp(names->list[i], name) == 0)
			return 1;
	return 0;
}

void
names_add(struct names *names, const char *name)
{
	void	*p;

	if (names_has(names, name) || names->n == NAMES_MAX)
		return;
	if ((p = reallocarray(names->list, names->n + 1,
	    sizeof(names->list[0]))) == NULL)
		fatal("configuration");
	names->list = p;
	memset(names->list[names->n], 0, sizeof(names->list[0]));
	strlcpy(names->list[names->n++], name, sizeof(names->list[0]));
}

void
names_free(struct names *names)
{
	free(names->list);
	memset(names, 0, sizeof(*names));
}

const char *
names_hint(const struct names *names, const char *name)
{
	static char	 hint[VALUE_NAME_LEN + 32];
	const char	*list[NAMES_MAX + NBUILTINS], *near;
	size_t		 i, n = 0;

	for (i = 0; i < names->n; i++)
		list[n++] = names->list[i];
	*hint = '\0';
	if ((near = report_nearest(name, list, n)) != NULL)
		snprintf(hint, sizeof(hint), " (did you mean <%s>?)", near);
	return hint;
}

int
regex_is_tag(const char *name)
{
	size_t	i;

	for (i = 0; i < NBUILTINS; i++)
		if (strcmp(builtins[i].name, name) == 0)
			return 1;
	return 0;
}

static const char *
builtin_regex(const char *name)
{
	size_t	i;

	for (i = 0; i < NBUILTINS; i++)
		if (strcmp(builtins[i].name, name) == 0)
			return builtins[i].regex;
	return NULL;
}

/* The text that grows. */

static struct regex *
regex_new(void)
{
	struct regex	*r;

	if ((r = calloc(1, sizeof(*r))) == NULL ||
	    (r->text = calloc(1, 1)) == NULL)
		fatal("configuration");
	return r;
}

void
regex_free(struct regex *r)
{
	if (r == NULL)
		return;
	free(r->text);
	free(r->pieces);
	free(r);
}

const char *
regex_text(const struct regex *r)
{
	return r->text;
}

static void
add(struct regex *r, const char *s, size_t n)
{
	char	*p;

	if (r->room - r->len < n + 1) {
		r->room = r->room * 2 + n + 64;
		if ((p = realloc(r->text, r->room)) == NULL)
			fatal("configuration");
		r->text = p;
	}
	memcpy(r->text + r->len, s, n);
	r->len += n;
	r->text[r->len] = '\0';
}

static void
add_string(struct regex *r, const char *s)
{
	add(r, s, strlen(s));
}

/* What is added next is from here. */
static void
mark(struct regex *r, size_t in)
{
	struct piece	*p;

	if ((p = reallocarray(r->pieces, r->npieces + 1,
	    sizeof(*p))) == NULL)
		fatal("configuration");
	r->pieces = p;
	p[r->npieces].out = r->len;
	p[r->npieces++].in = in;
}

/* The place in the written regex of a place in the text. */
static size_t
origin(const struct regex *r, size_t out)
{
	size_t	i = r->npieces, in;

	while (i > 0 && r->pieces[i - 1].out > out)
		i--;
	if (i == 0)
		return out;
	in = r->pieces[i - 1].in + out - r->pieces[i - 1].out;
	if (i < r->npieces && in > r->pieces[i].in)
		in = r->pieces[i].in;
	return in;
}

struct regex *
regex_of(const char *text)
{
	struct regex	*r = regex_new();

	add_string(r, text);
	return r;
}

/* What is PCRE2's own, and may have a "<" in it: how long it is. */

static size_t
class_len(const char *s)
{
	const char	*p = s + 1, *end;

	p += *p == '^';
	p += *p == ']';
	while (*p != '\0' && *p != ']')
		if (*p == '\\' && p[1] != '\0')
			p += 2;
		else if (*p == '[' && p[1] == ':' &&
		    (end = strstr(p, ":]")) != NULL)
			p = end + 2;
		else
			p++;
	return p - s + (*p == ']');
}

static size_t
escape_len(const char *s)
{
	const char	*end;

	if (s[1] == 'Q')
		return (end = strstr(s, "\\E")) == NULL ? strlen(s) :
		    (size_t)(end - s) + 2;
	if ((s[1] == 'k' || s[1] == 'g') && s[2] == '<')
		return 3;
	return s[1] == '\0' ? 1 : 2;
}

/* "(?<", "(?P<", "(?(<": a group's name follows.  "(?#": a comment. */
static size_t
group_len(const char *s)
{
	if (s[1] != '?')
		return 1;
	if (s[2] == '<')
		return 3;
	if ((s[2] == 'P' || s[2] == '(') && s[3] == '<')
		return 4;
	return s[2] == '#' ? strcspn(s, ")") : 1;
}

static size_t
unit_len(const char *s)
{
	switch (*s) {
	case '\\':
		return escape_len(s);
	case '[':
		return class_len(s);
	case '(':
		return group_len(s);
	default:
		return 1;
	}
}

/* Expansion. */

static int	expand(struct expansion *, const char *);

static int
expand_defined(struct expansion *e, const char *name, const char *regex)
{
	int	ok;

	if (e->depth == NEST_MAX) {
		report_error(e->at, "found <%s>, expected a pattern that does "
		    "not contain itself", name);
		return -1;
	}
	add_string(e->r, "(?<");
	add_string(e->r, name);
	add_string(e->r, ">");
	e->depth++;
	ok = expand(e, regex);
	e->depth--;
	add_string(e->r, ")");
	return ok;
}

static int
expand_tag(struct expansion *e, const char *s, size_t len)
{
	const char	*regex;
	char		 name[VALUE_NAME_LEN] = "";

	if (len - 2 < sizeof(name)) {
		memcpy(name, s + 1, len - 2);
		if ((regex = builtin_regex(name)) != NULL) {
			add_string(e->r, regex);
			return 0;
		}
		if ((regex = e->lookup(e->w, name)) != NULL)
			return expand_defined(e, name, regex);
	}
	report_error(e->at, "found %.*s in a regex, expected <addr>, <addr4>, "
	    "<addr6>, <prefix>, <host> or a pattern's name (\\< is a \"<\")",
	    (int)len, s);
	return -1;
}

static int
expand(struct expansion *e, const char *s)
{
	const char	*p = s;
	size_t		 n;

	while (*p != '\0') {
		n = run_argv_tag(p);
		if (e->depth == 0)
			mark(e->r, p - s);
		if (n > 0) {
			if (expand_tag(e, p, n) == -1)
				return -1;
		} else {
			n = unit_len(p);
			add(e->r, p, n);
		}
		p += n;
		if (e->r->len >= REGEX_MAX_LEN) {
			report_error(e->at, "found a regex of more than %d "
			    "bytes, expected a shorter one", REGEX_MAX_LEN - 1);
			return -1;
		}
	}
	if (e->depth == 0)
		mark(e->r, p - s);
	return 0;
}

struct regex *
regex_expand(const char *s, const struct conf_watch *w, regex_lookup *lookup,
    const struct place *at)
{
	struct expansion	e = { .w = w, .lookup = lookup, .at = at };

	e.r = regex_new();
	if (expand(&e, s) == 0)
		return e.r;
	regex_free(e.r);
	return NULL;
}

/* PCRE2. */

static pcre2_code *
compile(const struct regex *r, int multiline, const struct place *at)
{
	pcre2_compile_context	*ctx;
	pcre2_code		*code;
	PCRE2_UCHAR		 why[160];
	PCRE2_SIZE		 offset;
	int			 error;

	if ((ctx = pcre2_compile_context_create(NULL)) == NULL)
		fatalx("configuration: no memory for a regex");
	pcre2_set_newline(ctx, PCRE2_NEWLINE_LF);
	code = pcre2_compile((PCRE2_SPTR)r->text, r->len, PCRE2_DUPNAMES |
	    (multiline ? PCRE2_MULTILINE : 0), &error, &offset, ctx);
	pcre2_compile_context_free(ctx);
	if (code == NULL) {
		pcre2_get_error_message(error, why, sizeof(why));
		report_error(at, "found a regex that is none at its byte %zu, "
		    "expected one of PCRE2: %s", origin(r, offset) + 1,
		    (char *)why);
	}
	return code;
}

static void
add_names(struct names *names, const pcre2_code *code)
{
	PCRE2_SPTR	table;
	uint32_t	n, size;

	pcre2_pattern_info(code, PCRE2_INFO_NAMECOUNT, &n);
	pcre2_pattern_info(code, PCRE2_INFO_NAMEENTRYSIZE, &size);
	pcre2_pattern_info(code, PCRE2_INFO_NAMETABLE, &table);
	for (; n > 0; n--, table += size)
		names_add(names, (const char *)table + 2);
}

int
regex_fault(const char *s, char *why, size_t len)
{
	PCRE2_UCHAR	 text[128];
	PCRE2_SIZE	 offset;
	pcre2_code	*code;
	int		 error;

	code = pcre2_compile((PCRE2_SPTR)s, PCRE2_ZERO_TERMINATED, 0, &error,
	    &offset, NULL);
	if (code != NULL) {
		pcre2_code_free(code);
		return 0;
	}
	pcre2_get_error_message(error, text, sizeof(text));
	strlcpy(why, (char *)text, len);
	return 1;
}

int
regex_check(const struct regex *r, int multiline, struct names *names,
    const struct place *at)
{
	pcre2_code	*code;
	uint32_t	 empty = 0;

	if ((code = compile(r, multiline, at)) == NULL)
		return -1;
	if (names != NULL)
		add_names(names, code);
	pcre2_pattern_info(code, PCRE2_INFO_MATCHEMPTY, &empty);
	pcre2_code_free(code);
	return empty != 0;
}

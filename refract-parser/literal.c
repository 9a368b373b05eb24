/*
 * PCRE2's syntax (pcre2pattern(3)), as far as it must be understood to tell
 * what every match has in it.  The regex compiled, so nothing here looks for
 * errors; what could change the meaning of the rest (verbs, callouts, (?xx),
 * unknown escapes) ends the walk, and then nothing is required.
 */
#include <ctype.h>
#include <string.h>

#include "litset.h"

#define FOLD		0x01	/* (?i) */
#define EXTENDED	0x02	/* (?x) */
#define DEPTH_MAX	40	/* of groups */
#define ENDLESS		UINT32_MAX

struct walk {
	const char	*p, *end;
	unsigned int	 flags;
	unsigned int	 depth;
	int		 quote;		/* between \Q and \E */
	int		 lost;		/* the walk has ended */
	int		 cut;
};

static void	walk_alternatives(struct walk *, struct part *);

/* The byte so far ahead, -1 beyond the end. */
static int
ahead(const struct walk *w, size_t n)
{
	return (size_t)(w->end - w->p) > n ? (unsigned char)w->p[n] : -1;
}

static int
is_next(const struct walk *w, const char *text)
{
	size_t	n = strlen(text);

	return (size_t)(w->end - w->p) >= n && memcmp(w->p, text, n) == 0;
}

/* The bytes of a set that come next. */
static size_t
span(const struct walk *w, const char *set)
{
	size_t	n = 0;
	int	c;

	while ((c = ahead(w, n)) > 0 && strchr(set, c) != NULL)
		n++;
	return n;
}

static void
lose(struct walk *w)
{
	w->lost = 1;
	w->p = w->end;
}

/* Behind the next `c`. */
static void
skip_to(struct walk *w, int c)
{
	while (w->p < w->end && *w->p != c)
		w->p++;
	if (w->p == w->end)
		lose(w);
	else
		w->p++;
}

static int
skip_extended(struct walk *w)
{
	if ((w->flags & EXTENDED) == 0 || w->p == w->end)
		return 0;
	if (*w->p == '#') {
		while (w->p < w->end && *w->p != '\n')
			w->p++;
		return 1;
	}
	if (!isspace((unsigned char)*w->p))
		return 0;
	w->p++;
	return 1;
}

/* What stands for nothing, also between something and how often it comes. */
static void
skip_nothing(struct walk *w)
{
	for (;;) {
		if (w->quote) {
			if (!is_next(w, "\\E"))
				return;
			w->quote = 0;
			w->p += 2;
		} else if (is_next(w, "\\E")) {
			w->p += 2;
		} else if (is_next(w, "\\Q")) {
			w->quote = 1;
			w->p += 2;
		} else if (is_next(w, "(?#")) {
			skip_to(w, ')');
		} else if (!skip_extended(w)) {
			return;
		}
	}
}

/* Classes. */

/* Where [:name:] ends, behind its '['; NULL: it is none. */
static const char *
posix_end(const struct walk *w)
{
	const char	*p = w->p;
	char		 mark;

	if (p == w->end || *p == '\0' || strchr(":.=", *p) == NULL)
		return NULL;
	mark = *p++;
	for (; w->end - p >= 2; p++) {
		if (*p == '\\' && (p[1] == ']' || p[1] == '\\'))
			p++;
		else if ((*p == '[' && p[1] == mark) || *p == ']')
			return NULL;
		else if (*p == mark && p[1] == ']')
			return p + 2;
	}
	return NULL;
}

/*
 * One thing in a class: its byte, or -1 for what is more than one byte or not
 * known.
 */
static int
class_item(struct walk *w)
{
	const char	*p;
	int		 c = (unsigned char)*w->p++;

	if (w->quote || (c != '\\' && c != '['))
		return c;
	if (c == '[') {
		if ((p = posix_end(w)) == NULL)
			return c;
		w->p = p;
		return -1;
	}
	if (w->p == w->end)
		return -1;
	c = (unsigned char)*w->p++;
	if (c == 'c' && w->p < w->end)
		w->p++;
	return isalnum(c) ? -1 : c;
}

/* Not (?x): it does not reach into classes. */
static void
class_quotes(struct walk *w)
{
	while (is_next(w, "\\E") || (!w->quote && is_next(w, "\\Q"))) {
		w->quote = w->p[1] == 'Q';
		w->p += 2;
	}
}

static void
class_add(uint8_t *bits, int from, int to)
{
	for (; from <= to; from++)
		bits[from / 8] |= (uint8_t)(1u << from % 8);
}

/* 0: its end, 1: the byte, -1: what is in it is not known. */
static int
class_range(struct walk *w, uint8_t *bits)
{
	int	from, to;

	from = class_item(w);
	class_quotes(w);
	if (w->quote || ahead(w, 0) != '-' || ahead(w, 1) == ']') {
		if (from != -1)
			class_add(bits, from, from);
		return from;
	}
	/* "[a-\d]" and the like are not ranges. */
	w->p++;
	class_quotes(w);
	if (w->p == w->end)
		return -1;
	if (!w->quote && *w->p == ']')
		return -1;
	if ((to = class_item(w)) == -1 || from == -1)
		return -1;
	class_add(bits, from, to);
	return from;
}

/* Behind the '['. */
static void
walk_class(struct walk *w, struct part *out)
{
	uint8_t	bits[32] = { 0 };
	int	known = 1, first = 1;

	class_quotes(w);
	if (!w->quote && ahead(w, 0) == '^') {
		known = 0;
		w->p++;
	}
	for (;; first = 0) {
		class_quotes(w);
		if (w->p == w->end) {
			lose(w);
			break;
		}
		if (*w->p == ']' && !w->quote && !first)
			break;
		if (class_range(w, bits) == -1)
			known = 0;
	}
	if (!w->lost)
		w->p++;
	if (known)
		part_class(out, bits, (w->flags & FOLD) != 0);
	else
		part_unknown(out);
}

/* Escapes. */

/* \g{..} \k<..> \o{..} and the like, or what is of a set. */
static void
skip_reference(struct walk *w, const char *set)
{
	switch (ahead(w, 0)) {
	case '{':
		skip_to(w, '}');
		break;
	case '<':
		skip_to(w, '>');
		break;
	case '\'':
		w->p++;
		skip_to(w, '\'');
		break;
	default:
		w->p += span(w, set);
	}
}

/* \x41, \x{41}; without digits it is a NUL. */
static void
walk_hex(struct walk *w, struct part *out)
{
	unsigned int	v = 0;
	int		braces = ahead(w, 0) == '{';
	size_t		n;

	w->p += braces;
	n = span(w, "0123456789abcdefABCDEF");
	for (n = n > 2 ? 2 : n; n > 0; n--, w->p++)
		v = v * 16 + (unsigned int)(isdigit((unsigned char)*w->p) ?
		    *w->p - '0' : tolower((unsigned char)*w->p) - 'a' + 10);
	part_byte(out, (uint8_t)v, (w->flags & FOLD) != 0);
	if (!braces)
		return;
	if (ahead(w, 0) != '}')
		part_unknown(out);
	skip_to(w, '}');
}

/* A letter's own meaning. */
static void
walk_letter(struct walk *w, int c, struct part *out)
{
	static const char	from[] = "aefrt", to[] = "\a\033\f\r\t";
	const char		*s;

	part_unknown(out);
	if (strchr("AzZbBGK", c) != NULL)
		part_empty(out);
	else if ((s = strchr(from, c)) != NULL)
		part_byte(out, (uint8_t)to[s - from], 0);
	else if (c == 'x')
		walk_hex(w, out);
	else if (c == 'c' && w->p < w->end)
		w->p++;
	else if (c == 'p' || c == 'P') {
		if (ahead(w, 0) == '{')
			skip_to(w, '}');
		else if (w->p < w->end)
			w->p++;
	} else if (strchr("gko", c) != NULL)
		skip_reference(w, "+-0123456789");
	else if (c == 'N' && ahead(w, 0) == '{' && ahead(w, 1) == 'U')
		lose(w);
	else if (strchr("dDwWsShHvVnNRXC", c) == NULL)
		lose(w);
}

/* Behind the '\'. */
static void
walk_escape(struct walk *w, struct part *out)
{
	int	c = ahead(w, 0);

	part_unknown(out);
	if (c == -1) {
		lose(w);
		return;
	}
	if (isdigit(c)) {		/* a reference, or octal, or both */
		w->p += span(w, "0123456789");
		return;
	}
	w->p++;
	if (isalpha(c))
		walk_letter(w, c, out);
	else
		part_byte(out, (uint8_t)c, (w->flags & FOLD) != 0);
}

/* Groups. */

/* "i-x:" behind "(?": 1 if a group follows, 0 if that is all. */
static int
walk_options(struct walk *w)
{
	unsigned int	flag, off = 0;
	int		c;

	for (; (c = ahead(w, 0)) != ':' && c != ')'; w->p++) {
		if (c == -1 || strchr("-^imsnxJU", c) == NULL ||
		    (c == 'x' && ahead(w, 1) == 'x')) {
			lose(w);
			return 0;
		}
		if (c == '-')
			off = 1;
		if (c == '^')
			w->flags = 0;
		flag = c == 'i' ? FOLD : c == 'x' ? EXTENDED : 0;
		w->flags = off ? w->flags & ~flag : w->flags | flag;
	}
	w->p++;
	return c == ':';
}

/* What is in a group, to its end, with its flags when it is left. */
static void
walk_inside(struct walk *w, unsigned int flags, struct part *out)
{
	if (++w->depth > DEPTH_MAX)
		lose(w);
	walk_alternatives(w, out);
	w->depth--;
	if (ahead(w, 0) != ')')
		lose(w);
	else
		w->p++;
	w->flags = flags;
}

/* Behind "(?(". */
static void
walk_condition(struct walk *w, struct part *out)
{
	unsigned int	flags = w->flags;

	if (ahead(w, 0) == '*' || is_next(w, "?C"))
		lose(w);
	else if (ahead(w, 0) != '?')
		skip_to(w, ')');
	else {
		w->p += is_next(w, "?<") ? 3 : 2;
		walk_inside(w, flags, out);
	}
	walk_inside(w, flags, out);
	part_unknown(out);
}

static int
skip_prefix(struct walk *w, const char *text)
{
	if (!is_next(w, text))
		return 0;
	w->p += strlen(text);
	return 1;
}

/* An assertion: what it looks at is not taken. */
static int
walk_look(struct walk *w, unsigned int flags, struct part *out)
{
	if (!skip_prefix(w, "=") && !skip_prefix(w, "!") &&
	    !skip_prefix(w, "*") && !skip_prefix(w, "<=") &&
	    !skip_prefix(w, "<!") && !skip_prefix(w, "<*"))
		return 0;
	walk_inside(w, flags, out);
	part_empty(out);
	return 1;
}

/* A call of a group, or what one matched. */
static int
walk_call(struct walk *w, struct part *out)
{
	int	c = ahead(w, 0), next = ahead(w, 1);

	if (c != 'R' && c != '&' && c != '+' && !isdigit(c) &&
	    (c != '-' || !isdigit(next)) &&
	    (c != 'P' || (next != '>' && next != '=')))
		return 0;
	skip_to(w, ')');
	part_unknown(out);
	return 1;
}

/* Behind "(?". */
static void
walk_special(struct walk *w, struct part *out)
{
	unsigned int	flags = w->flags;

	if (skip_prefix(w, "(")) {
		walk_condition(w, out);
		return;
	}
	if (walk_look(w, flags, out) || walk_call(w, out))
		return;
	if (skip_prefix(w, "P<") || skip_prefix(w, "<"))
		skip_to(w, '>');
	else if (skip_prefix(w, "'"))
		skip_to(w, '\'');
	else if (!skip_prefix(w, "|") && !skip_prefix(w, ">") &&
	    !walk_options(w)) {
		part_empty(out);	/* to the end of the group around */
		return;
	}
	walk_inside(w, flags, out);
}

/* Behind the '('. */
static void
walk_group(struct walk *w, struct part *out)
{
	if (skip_prefix(w, "?"))
		walk_special(w, out);
	else if (ahead(w, 0) == '*')
		lose(w);
	else
		walk_inside(w, w->flags, out);
}

/* How often. */

static uint32_t
number(struct walk *w)
{
	uint32_t	n = 0;

	for (; isdigit(ahead(w, 0)); w->p++)
		if (n < 100000)
			n = n * 10 + (uint32_t)(*w->p - '0');
	return n;
}

/* "{2,5}": 0, and nothing was read, if it is not that. */
static int
walk_braces(struct walk *w, uint32_t *min, uint32_t *max)
{
	const char	*start = w->p;

	w->p++;
	if (isdigit(ahead(w, 0))) {
		*min = *max = number(w);
		if (skip_prefix(w, ","))
			*max = isdigit(ahead(w, 0)) ? number(w) : ENDLESS;
		if (skip_prefix(w, "}"))
			return 1;
		w->p = start + 1;
	}
	/* Later versions of PCRE2 take "{,5}" and blanks too. */
	w->p += span(w, " \t,0123456789");
	if (w->p > start + 1 && ahead(w, 0) == '}')
		lose(w);
	else
		w->p = start;
	return 0;
}

static void
walk_quantifier(struct walk *w, struct part *out)
{
	uint32_t	min, max;

	skip_nothing(w);
	if (w->quote)
		return;
	min = ahead(w, 0) == '+';
	max = ahead(w, 0) == '?' ? 1 : ENDLESS;
	if (ahead(w, 0) == '{') {
		if (!walk_braces(w, &min, &max))
			return;
	} else if (span(w, "*+?") == 0)
		return;
	else
		w->p++;
	part_repeat(out, min, max, w->cut);
	skip_nothing(w);
	if (!w->quote && span(w, "+?") > 0)
		w->p++;
}

static void
walk_atom(struct walk *w, struct part *out)
{
	int	c = (unsigned char)*w->p++;

	if (w->quote || strchr("\\[(.^$", c) == NULL || c == '\0')
		part_byte(out, (uint8_t)c, (w->flags & FOLD) != 0);
	else if (c == '\\')
		walk_escape(w, out);
	else if (c == '[')
		walk_class(w, out);
	else if (c == '(')
		walk_group(w, out);
	else if (c == '.')
		part_unknown(out);
	else
		part_empty(out);
}

static void
walk_branch(struct walk *w, struct part *out)
{
	struct part	next;
	int		c;

	part_empty(out);
	for (;;) {
		skip_nothing(w);
		c = ahead(w, 0);
		if (c == -1 || (!w->quote && (c == '|' || c == ')')))
			return;
		walk_atom(w, &next);
		walk_quantifier(w, &next);
		part_and(out, &next, w->cut);
	}
}

static void
walk_alternatives(struct walk *w, struct part *out)
{
	struct part	next;

	walk_branch(w, out);
	while (ahead(w, 0) == '|') {
		w->p++;
		walk_branch(w, &next);
		part_or(out, &next, w->cut);
	}
}

void
literals_of(const char *regex, size_t n, int cut, struct literals *out)
{
	struct walk	w = { .p = regex, .end = regex + n, .cut = cut };
	struct part	all;

	out->n = 0;
	walk_alternatives(&w, &all);
	if (w.lost || w.p != w.end)
		return;
	part_settle(&all, cut);
	if (all.score == 0)
		return;
	*out = all.best;
	if (cut == LITERALS_CUT)
		literals_cut(out);
}

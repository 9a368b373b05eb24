/*
 * What fail2ban makes of a `datepattern`, in the words of PCRE2: its %-codes,
 * its own words in braces, the bounds that it puts around a pattern, and the
 * few things that Python's regexes write in another way.  Strings only:
 * nothing is compiled here.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dateform.h"
#include "datepattern.h"
#include "log.h"

#define BEGIN		"{^LN-BEG}"
#define UNBOUND		"{UNB}"
#define EPOCH		"\\d{10,11}\\b(?:[.]\\d{3,6})?"
#define LEPOCH		"\\d{10,11}(?:\\d{3}(?:[.]\\d{1,6}|\\d{3})?)?"
/* Where seconds since 1970 may stand by themselves. */
#define EPOCH_PLACE	"(?:^|(?<=^\\[)|(?<=\\baudit\\())"

#define DAYS		"mon|tue|wed|thu|fri|sat|sun"
#define MONTHS		"jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
#define OFFSET		"[+-][01]\\d(?::?\\d\\d)?"
#define ABBREVIATION	"(?-i:[A-Z](?:[A-Z]{2,4})?)"

/*
 * Every code is one group.  Longer numbers are tried first, so that codes may
 * stand side by side.
 */
static const struct code {
	const char	*name, *regex;
} codes[] = {
	{ "ExZ", "(?<Z>" ABBREVIATION ")" },
	{ "Exz", "(?<z>" ABBREVIATION "?" OFFSET "|" ABBREVIATION ")" },
	{ "Exd", "(?<d>[12]\\d|3[01]|0[1-9])" },
	{ "Exm", "(?<m>1[0-2]|0[1-9])" },
	{ "ExH", "(?<H>2[0-3]|[01]\\d)" },
	{ "Exk", " ?(?<H>2[0-3]|[01]?\\d)" },
	{ "Exl", " ?(?<I>1[0-2]|\\d)" },
	{ "ExM", "(?<M>[0-5]\\d)" },
	{ "ExS", "(?<S>6[01]|[0-5]\\d)" },
	{ "ExY", "(?<Y>20\\d\\d)" },
	{ "Exy", "(?<y>\\d\\d)" },
	{ "%", "%" },
	{ "A", "(?<A>monday|tuesday|wednesday|thursday|friday|saturday|"
	    "sunday)" },
	{ "a", "(?<a>" DAYS ")" },
	{ "B", "(?<B>january|february|march|april|may|june|july|august|"
	    "september|october|november|december)" },
	{ "b", "(?<b>" MONTHS ")" },
	{ "c", "(?<a>" DAYS ")\\s+(?<b>" MONTHS ")\\s+"
	    "(?<d>[12]\\d|3[01]|[0 ]?[1-9])\\s+(?<H>2[0-3]|[01]?\\d):"
	    "(?<M>[0-5]?\\d):(?<S>6[01]|[0-5]?\\d)\\s+(?<Y>\\d{4})" },
	{ "d", "(?<d>[12]\\d|3[01]|[0 ]?[1-9])" },
	{ "f", "(?<f>\\d{1,6})" },
	{ "G", "(?<G>\\d{4})" },
	{ "H", "(?<H>2[0-3]|[01]?\\d)" },
	{ "I", "(?<I>1[0-2]|0?[1-9])" },
	{ "j", "(?<j>36[0-6]|3[0-5]\\d|[12]\\d\\d|0?[1-9]\\d|"
	    "0{0,2}[1-9])" },
	{ "k", " ?(?<H>[0-2]?\\d)" },
	{ "l", " ?(?<I>1?\\d)" },
	{ "M", "(?<M>[0-5]?\\d)" },
	{ "m", "(?<m>1[0-2]|0?[1-9])" },
	{ "p", "(?<p>[ap]m)" },
	{ "S", "(?<S>6[01]|[0-5]?\\d)" },
	{ "U", "(?<U>5[0-3]|[0-4]?\\d)" },
	{ "u", "(?<u>[1-7])" },
	{ "V", "(?<V>5[0-3]|0[1-9]|[1-4]?\\d)" },
	{ "W", "(?<W>5[0-3]|[0-4]?\\d)" },
	{ "w", "(?<w>[0-6])" },
	{ "X", "(?<H>2[0-3]|[01]?\\d):(?<M>[0-5]?\\d):"
	    "(?<S>6[01]|[0-5]?\\d)" },
	{ "x", "(?<m>1[0-2]|0?[1-9])/(?<d>[12]\\d|3[01]|[0 ]?[1-9])/"
	    "(?<y>\\d\\d)" },
	{ "Y", "(?<Y>\\d{4})" },
	{ "y", "(?<y>\\d\\d)" },
	{ "Z", "(?<Z>(?-i:Z|[A-Z]{3,5}))" },
	{ "z", "(?<z>(?-i:Z|UTC|GMT)|" OFFSET ")" },
};

/* A string under way. */
struct text {
	FILE	*f;
	char	*s;
	size_t	 n;
};

static void
text_open(struct text *t)
{
	if ((t->f = open_memstream(&t->s, &t->n)) == NULL)
		fatal("date pattern");
}

/* The caller frees it. */
static char *
text_close(struct text *t)
{
	if (fclose(t->f) == EOF)
		fatal("date pattern");
	return t->s;
}

static char *
copy(const char *s, size_t n)
{
	char	*d;

	if ((d = strndup(s, n)) == NULL)
		fatal("date pattern");
	return d;
}

static int
has_prefix(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

/* A word in braces that no backslash is before, in any case. */
static const char *
find_word(const char *s, const char *word)
{
	const char	*p = s;

	for (; (p = strcasestr(p, word)) != NULL; p++)
		if (p == s || p[-1] != '\\')
			return p;
	return NULL;
}

/* 1 if there is a code that names something, so that case does not count. */
static int
has_names(const char *s)
{
	const char	*p = s;

	for (; (p = strchr(p, '%')) != NULL; p++)
		if ((p == s || p[-1] != '%') && p[1] != '\0' &&
		    strchr("aAbBpc", p[1]) != NULL)
			return 1;
	return 0;
}

static const struct code *
find_code(const char *p)
{
	size_t	i;

	for (i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (has_prefix(p, codes[i].name))
			return &codes[i];
	return NULL;
}

/* %-codes become groups; NULL with why. */
static char *
expand_codes(const char *s, char *why, size_t len)
{
	struct text		 t;
	const struct code	*c;

	text_open(&t);
	for (; *s != '\0'; s++) {
		if (*s != '%') {
			fputc(*s, t.f);
			continue;
		}
		if ((c = find_code(s + 1)) == NULL) {
			snprintf(why, len, "expected one of strptime's codes "
			    "behind %%, found \"%.8s\"", s + 1);
			free(text_close(&t));
			return NULL;
		}
		fputs(c->regex, t.f);
		s += strlen(c->name);
	}
	return text_close(&t);
}

/*
 * Bounds.  fail2ban decides by the text of the regex whether it puts some, and
 * so does this.
 */

/* "(?i)": its length, or 0. */
static size_t
flags_len(const char *s)
{
	size_t	n;

	if (!has_prefix(s, "(?"))
		return 0;
	n = strspn(s + 2, "abcdefghijklmnopqrstuvwxyz");
	return n > 0 && s[n + 2] == ')' ? n + 3 : 0;
}

static const char *
skip_parens(const char *s)
{
	while (*s == '(' && s[1] != '?')
		s++;
	return s;
}

/* It begins with ^ or ** in some way: no word need begin there. */
static int
is_free_at_begin(const char *s)
{
	s = skip_parens(s);
	s += flags_len(s);
	return *s == '^' || has_prefix(skip_parens(s), "**") ||
	    has_prefix(s, "(^") || has_prefix(s, "(?:^");
}

static int
ends_with(const char *s, size_t n, const char *tail)
{
	size_t	len = strlen(tail);

	return n >= len && memcmp(s + n - len, tail, len) == 0 &&
	    (n == len || s[n - len - 1] != '\\');
}

static int
is_free_at_end(const char *s)
{
	size_t	n = strlen(s), m = n;

	while (m > 0 && s[m - 1] == ')')
		m--;
	return ends_with(s, n, "$") || ends_with(s, n, "$)") ||
	    ends_with(s, n, "\\b") || ends_with(s, n, "\\s") ||
	    ends_with(s, m, "**");
}

static int
is_at_begin(const char *s)
{
	return *s == '^' || (has_prefix(s, "(^") && s[2] != '|') ||
	    (has_prefix(s, "(?:^") && s[4] != '|');
}

static int
is_at_end(const char *s)
{
	size_t	n = strlen(s);

	if (n > 0 && s[n - 1] == ')')
		n--;
	return n > 0 && s[n - 1] == '$' &&
	    (n == 1 || (s[n - 2] != '\\' && s[n - 2] != '|'));
}

/* A plain group: what it holds is cut out of the line. */
static int
has_group(const char *s)
{
	const char	*p = s;

	for (; (p = strchr(p, '(')) != NULL; p++)
		if (p[1] != '?' && (p == s || p[-1] != '\\') &&
		    (p - s < 2 || p[-1] != '?' || p[-2] != '('))
			return 1;
	return 0;
}

/* "**" in front and behind, inside of parentheses too. */
static void
drop_stars(char *s)
{
	char	*p = s;
	size_t	 n;

	while (*p == '(')
		p++;
	if (has_prefix(p, "**"))
		memmove(p, p + 2, strlen(p + 2) + 1);
	n = strlen(s);
	while (n > 0 && s[n - 1] == ')')
		n--;
	if (ends_with(s, n, "**"))
		memmove(s + n - 2, s + n, strlen(s + n) + 1);
}

enum bound { BOUND_NONE, BOUND_WORD, BOUND_LINE };

/* All of it in a group, but for ^ and $. */
static char *
group_all(const char *s)
{
	struct text	t;
	size_t		n = strlen(s);
	int		dollar = n > 0 && s[n - 1] == '$';

	text_open(&t);
	if (*s == '^') {
		fputc(*s++, t.f);
		n--;
	}
	if (n == 0)
		dollar = 0;
	fprintf(t.f, "(%.*s)%s", (int)(n - (size_t)dollar), s,
	    dollar ? "$" : "");
	return text_close(&t);
}

/* flags of Python's that PCRE2 has. */
static void
put_flags(FILE *f, const char *s, size_t n)
{
	char	kept[8];
	size_t	i, k = 0;

	for (i = 2; i + 1 < n && k < sizeof(kept) - 1; i++)
		if (strchr("imsx", s[i]) != NULL)
			kept[k++] = s[i];
	kept[k] = '\0';
	if (k > 0)
		fprintf(f, "(?%s)", kept);
}

/* The bounds around a regex whose codes are expanded. */
static char *
put_bounds(const char *s, enum bound begin, enum bound end, int *anchored)
{
	struct text	 t;
	char		*body, *whole;

	if (is_free_at_begin(s))
		begin = BOUND_NONE;
	if (is_free_at_end(s))
		end = BOUND_NONE;
	body = has_group(s) ? copy(s, strlen(s)) : group_all(s);
	*anchored = begin == BOUND_LINE || is_at_begin(body) ||
	    (end == BOUND_NONE && is_at_end(body));
	drop_stars(body);
	text_open(&t);
	if (begin == BOUND_LINE)
		fputs("^\\W{0,2}", t.f);
	else if (begin == BOUND_WORD)
		fputs("(?=^|\\b|\\W)", t.f);
	fputs(body, t.f);
	if (end == BOUND_WORD)
		fputs("(?=\\b|\\W|$)", t.f);
	whole = text_close(&t);
	free(body);
	return whole;
}

/* What Python writes in another way than PCRE2. */

/* "{,3}": its length, or 0. */
static size_t
open_repeat(const char *s)
{
	size_t	n;

	if (!has_prefix(s, "{,"))
		return 0;
	n = strspn(s + 2, "0123456789");
	return n > 0 && s[n + 2] == '}' ? n + 3 : 0;
}

static char *
to_pcre2(const char *s)
{
	struct text	t;
	int		class = 0;	/* 1: behind [ or [^, 2: later */

	text_open(&t);
	for (; *s != '\0'; s++) {
		if (*s == '\\' && s[1] != '\0') {
			fprintf(t.f, "\\%c", s[1] == 'Z' ? 'z' : s[1]);
			s++;
			class += class == 1;
		} else if (class > 0) {
			if (*s == '[')
				fputc('\\', t.f);
			fputc(*s, t.f);
			class = *s == ']' && class == 2 ? 0 :
			    *s == '^' && class == 1 && s[-1] == '[' ? 1 : 2;
		} else if (open_repeat(s) > 0) {
			fputs("{0", t.f);
		} else if (has_prefix(s, "(?(") &&
		    isalpha((unsigned char)s[3]) && strchr(s, ')') != NULL) {
			fprintf(t.f, "(?(<%.*s>)", (int)strcspn(s + 3, ")"),
			    s + 3);
			s += 3 + strcspn(s + 3, ")");
		} else {
			class = *s == '[';
			fputc(*s, t.f);
		}
	}
	return text_close(&t);
}

/* Blanks around a pattern mean nothing. */
static char *
strip(const char *s)
{
	size_t	n;

	while (isspace((unsigned char)*s))
		s++;
	for (n = strlen(s); n > 0 && isspace((unsigned char)s[n - 1]); n--)
		;
	return copy(s, n);
}

/* The first "(?i)" goes to the front, wherever it stands. */
static char *
take_flags(char *s, FILE *f)
{
	size_t	n;
	char	*p;

	for (p = s; (p = strstr(p, "(?")) != NULL; p++) {
		if ((n = flags_len(p)) == 0)
			continue;
		put_flags(f, p, n);
		memmove(p, p + n, strlen(p + n) + 1);
		break;
	}
	return s;
}

/* A regex without codes: its flags, its bounds, its dialect. */
static char *
finish(const char *regex, int nocase, enum bound begin, enum bound end,
    int *anchored)
{
	struct text	 t;
	char		*stripped, *bounded, *translated;

	text_open(&t);
	if (nocase)
		fputs("(?i)", t.f);
	stripped = strip(regex);
	bounded = put_bounds(take_flags(stripped, t.f), begin, end, anchored);
	translated = to_pcre2(bounded);
	fputs(translated, t.f);
	free(stripped);
	free(bounded);
	free(translated);
	return text_close(&t);
}

/* The bounds that a pattern asks for in front of itself. */
static const char *
take_bounds(const char *s, enum bound *begin, enum bound *end)
{
	*begin = *end = BOUND_WORD;
	if (has_prefix(s, UNBOUND)) {
		s += strlen(UNBOUND);
		*begin = *end = BOUND_NONE;
	}
	if (has_prefix(s, BEGIN)) {
		s += strlen(BEGIN);
		if (*begin != BOUND_NONE)
			*begin = BOUND_LINE;
	}
	return s;
}

static size_t
read_regex(const char *s, struct datepattern *d, char *why, size_t len)
{
	enum bound	 begin, end;
	char		*expanded;

	s = take_bounds(s, &begin, &end);
	if ((expanded = expand_codes(s, why, len)) == NULL)
		return 0;
	d->kind = DATEPATTERN_REGEX;
	d->regex = finish(expanded, has_names(s), begin, end, &d->anchored);
	free(expanded);
	return 1;
}

/* s with its first n bytes from `at` on replaced. */
static char *
replace(const char *s, const char *at, size_t n, const char *by)
{
	struct text	t;

	text_open(&t);
	fprintf(t.f, "%.*s%s%s", (int)(at - s), s, by, at + n);
	return text_close(&t);
}

/* {EPOCH} in a pattern: all that the pattern takes is cut. */
static size_t
read_epoch(const char *s, int is_long, struct datepattern *d)
{
	const char	*word = is_long ? "{LEPOCH}" : "{EPOCH}", *at;
	enum bound	 begin, end;
	char		*regex, *grouped;
	struct text	 t;

	s = take_bounds(s, &begin, &end);
	at = find_word(s, word);
	regex = replace(s, at, strlen(word),
	    is_long ? "(?<epoch>" LEPOCH ")" : "(?<epoch>" EPOCH ")");
	text_open(&t);
	fprintf(t.f, "(%s)", regex);
	grouped = text_close(&t);
	d->kind = DATEPATTERN_REGEX;
	d->regex = finish(grouped, 0, begin, end, &d->anchored);
	free(regex);
	free(grouped);
	return 1;
}

/* Words that are patterns of their own, with ^ or {^LN-BEG} before them. */
static const struct word {
	const char	*name, *anywhere, *begin;
} words[] = {
	{ "EPOCH", EPOCH_PLACE "((?<epoch>" EPOCH "))(?=\\b|\\W|$)",
	    "^\\W{0,2}((?<epoch>" EPOCH "))(?=\\b|\\W|$)" },
	{ "LEPOCH", EPOCH_PLACE "((?<epoch>" LEPOCH "))(?=\\b|\\W|$)",
	    "^\\W{0,2}((?<epoch>" LEPOCH "))(?=\\b|\\W|$)" },
	{ "TAI64N", "(@(?<tai>[0-9a-f]{24}))(?=\\b|\\W|$)",
	    "^\\W{0,2}(@(?<tai>[0-9a-f]{24}))(?=\\b|\\W|$)" },
};

static size_t
read_word(const char *s, struct datepattern *d)
{
	int	begin = 1;
	size_t	i;

	if (strncasecmp(s, BEGIN, strlen(BEGIN)) == 0)
		s += strlen(BEGIN);
	else if (*s == '^')
		s++;
	else
		begin = 0;
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcasecmp(s, words[i].name) != 0)
			continue;
		d->kind = DATEPATTERN_REGEX;
		d->anchored = begin;
		d->regex = copy(begin ? words[i].begin : words[i].anywhere,
		    strlen(begin ? words[i].begin : words[i].anywhere));
		return 1;
	}
	return 0;
}

/* Every default format in the place of {DATE}. */
static size_t
read_date(const char *s, const char *at, struct datepattern *d, char *why,
    size_t len)
{
	const char	*by;
	char		*one;
	size_t		 n = 0;
	int		 form;

	for (form = 0; form < FORM_COUNT; form++) {
		by = dateform_pattern((enum date_form)form);
		/* As fail2ban: these can be all of a pattern only. */
		if (by == NULL)
			by = form == FORM_EPOCH ? "EPOCH" : "TAI64N";
		one = replace(s, at, strlen("{DATE}"), by);
		d[n].form = form;
		if (dateform_pattern((enum date_form)form) == NULL)
			n += read_word(one, &d[n]);
		else if (read_regex(one, &d[n], why, len) == 0) {
			free(one);
			break;
		} else
			n++;
		free(one);
	}
	if (form == FORM_COUNT)
		return n;
	while (n > 0)
		free(d[--n].regex);
	return 0;
}

size_t
datepattern_read(const char *s, struct datepattern d[DATEPATTERN_MAX],
    char *why, size_t len)
{
	const char	*at;

	memset(d, 0, sizeof(*d) * DATEPATTERN_MAX);
	if (strcasecmp(s, "{DEFAULT}") == 0) {
		d->kind = DATEPATTERN_DEFAULT;
		return 1;
	}
	if (strcasecmp(s, BEGIN) == 0) {
		d->kind = DATEPATTERN_BEGIN;
		return 1;
	}
	if (strcasecmp(s, "{NONE}") == 0)
		return read_regex(UNBOUND "^", d, why, len);
	if (strcasecmp(s, "ISO8601") == 0)
		s = dateform_pattern(FORM_ISO);
	if ((at = find_word(s, "{DATE}")) != NULL)
		return read_date(s, at, d, why, len);
	if (find_word(s, "{LEPOCH}") != NULL)
		return read_epoch(s, 1, d);
	if (find_word(s, "{EPOCH}") != NULL)
		return read_epoch(s, 0, d);
	if (read_word(s, d) == 1)
		return 1;
	return read_regex(s, d, why, len);
}

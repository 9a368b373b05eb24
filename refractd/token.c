/*
 * Tokens: what the lexer's words are to the grammar.  Which word means
 * something is keywords.h's; what follows which is parse.y's.
 */
#include <stdlib.h>
#include <string.h>

#include "build.h"
#include "clock.h"
#include "conf.h"
#include "lex.h"
#include "report.h"
#include "routes.h"
#include "parse.tab.h"
#include "keywords.h"
#include "token.h"

static int	previous;	/* the token before the last */
static int	tokens[2];	/* the last and the one before, as they are */
static int	naming;		/* words are names: 1 one, 2 in braces */

#define NKEYWORDS	(sizeof(keywords) / sizeof(keywords[0]))

static int
keyword_cmp(const void *word, const void *keyword)
{
	const struct keyword	*k = keyword;

	return strcmp(word, k->word);
}

static int
all_digits(const char *s)
{
	return *s != '\0' && s[strspn(s, "0123456789")] == '\0';
}

static int
is_range(const char *s)
{
	size_t	n = strspn(s, "0123456789");

	return n > 0 && s[n] == ':' && all_digits(s + n + 1);
}

/* "500M": a number and K, M, G or T, in bytes. */
static int
is_size(struct val *v)
{
	static const char	 units[] = "KMGT";
	const char		*unit;
	size_t			 n = strspn(v->s, "0123456789");

	if (n == 0 || n > 9 || v->s[n] == '\0' || v->s[n + 1] != '\0' ||
	    (unit = strchr(units, v->s[n])) == NULL)
		return 0;
	v->n = atoll(v->s) << 10;
	while (unit-- != units && v->n < INT64_MAX >> 10)
		v->n <<= 10;
	return 1;
}

/* "1.5": thousandths, of at most three digits after the dot. */
static int
is_factor(struct val *v)
{
	size_t	n = strspn(v->s, "0123456789"), m;
	int64_t	rest = 0;
	int	i;

	if (n == 0 || n > 9 || v->s[n] != '.')
		return 0;
	m = strspn(v->s + n + 1, "0123456789");
	if (m == 0 || m > 3 || v->s[n + 1 + m] != '\0')
		return 0;
	for (i = 0; i < 3; i++)
		rest = rest * 10 + ((size_t)i < m ? v->s[n + 1 + i] - '0' : 0);
	v->n = atoll(v->s) * 1000 + rest;
	return 1;
}

/* Which token a bare word is. */
static int
classify(struct val *v)
{
	const struct keyword	*k;
	const char		*s = v->s;
	struct prefix		 p;

	if (naming)
		return NAME;
	if ((k = bsearch(s, keywords, NKEYWORDS, sizeof(*k),
	    keyword_cmp)) != NULL)
		return k->token;
	if (*s == '/')
		return PATH;
	if (strcmp(s, "*") == 0)
		return ANY;
	if ((v->n = route_probe_number(s)) != 0)
		return PROBE;
	if (all_digits(s)) {
		/* Beyond every limit is told by the limit's own error. */
		v->n = strlen(s) > 18 ? INT64_MAX : atoll(s);
		return NUMBER;
	}
	if (is_range(s))
		return RANGE;
	if (*s >= '0' && *s <= '9' && span_parse(&v->n, s) == 0)
		return SPAN;
	if (is_size(v))
		return SIZE;
	if (is_factor(v))
		return FACTOR;
	if (prefix_parse(&p, s) == 0)
		return ADDRESS;
	return WORD;
}

/* After these a string is a regex; see design of escapes in lex.c. */
static int
regex_is_next(void)
{
	switch (tokens[0]) {
	case MATCH:
	case MATCHING:
	case IGNORE:
	case CANCEL:
	case REGEX:
		return 1;
	case TIME:
		return tokens[1] != JSON;
	case STRING:
		return tokens[1] == PATTERN;
	default:
		return 0;
	}
}

static void
remember(int token)
{
	tokens[1] = tokens[0];
	tokens[0] = token;
	if (token == KEY)
		naming = 1;
	else if (naming == 1 && token == '{')
		naming = 2;
	else if (token == '}' || (naming == 1 && token != NAME))
		naming = 0;
}

int
yylex(void)
{
	struct val	v = { .n = 0 };
	int		class;

	previous = lex.class;
	lex.raw = regex_is_next();
	class = report_enough() ? END : lex_next();
	v.at = lex.at;
	v.s = lex.text.s;
	v.len = lex.text.len;
	v.bad = lex.broken;
	switch (class) {
	case LEX_WORD:
		class = classify(&v);
		break;
	case LEX_STRING:
		class = STRING;
		break;
	case LEX_TABLE:
		class = TABLE;
		break;
	case LEX_MACRO:
		class = MACRO;
		break;
	}
	remember(class);
	yylval = v;
	return class;
}

void
token_start(void)
{
	naming = 0;
	tokens[0] = tokens[1] = 0;
}

int
token_previous(void)
{
	return previous;
}

const char *
token_keyword(size_t i, int *token)
{
	if (i >= NKEYWORDS)
		return NULL;
	*token = keywords[i].token;
	return keywords[i].word;
}

/*
 * What is said of a syntax error.  For the end of parse.y alone: it looks at
 * the parser's own symbols.
 */
#ifndef SYNTAX_H
#define SYNTAX_H

/*
 * Syntax errors.  "found X, expected A, B or C", and then on to the end of the
 * statement, over whatever braces it opened.
 */

static void
skip_statement(void)
{
	while (yychar != END) {
		if (yychar == '\n' && lex.depth <= blocks)
			return;
		if (yychar == '}' && lex.depth < blocks)
			return;
		yychar = yylex();
	}
}

static const char *
found(char *buf, size_t size)
{
	const char	*fmt = "\"%s\"";

	switch (yychar) {
	case END:
		return "the end of the file";
	case '\n':
		return "the end of the statement";
	case '{':
	case '}':
	case ',':
	case '=':
		snprintf(buf, size, "\"%c\"", yychar);
		return buf;
	case STRING:
		fmt = "the string \"%s\"";
		break;
	case TABLE:
		fmt = "<%s>";
		break;
	}
	snprintf(buf, size, fmt, log_vis(yylval.s, yylval.len));
	return buf;
}

static const char *
symbol_text(yysymbol_kind_t kind)
{
	const char	*word;
	size_t		 i;
	int		 token;

	for (i = 0; (word = token_keyword(i, &token)) != NULL; i++)
		if (YYTRANSLATE(token) == kind)
			return word;
	if (kind == YYTRANSLATE('{'))
		return "\"{\"";
	if (kind == YYTRANSLATE('}'))
		return "\"}\"";
	if (kind == YYTRANSLATE(','))
		return "\",\"";
	return yysymbol_name(kind);
}

static int
is_expected(const yysymbol_kind_t *list, int n, int token)
{
	while (n-- > 0)
		if (list[n] == YYTRANSLATE(token))
			return 1;
	return 0;
}

/* The end of a statement is no news where one begins or a list goes on. */
static int
hidden(const yysymbol_kind_t *list, int n, yysymbol_kind_t kind)
{
	if (kind == YYTRANSLATE(END))
		return n > 1;
	if (kind != YYTRANSLATE('\n'))
		return 0;
	return token_previous() == '\n' || token_previous() == '{' ||
	    is_expected(list, n, ',');
}

/* Words first, then kinds, then what only separates. */
static int
rank(yysymbol_kind_t kind)
{
	const char	*name = yysymbol_name(kind);

	if (strchr(name, ' ') != NULL)
		return 1;
	return name[1] == '\0' ? 2 : 0;
}

static size_t
expected(const yysymbol_kind_t *list, int n, const char **names,
    size_t *nwords)
{
	size_t	count = 0;
	int	k, r;

	*nwords = 0;
	for (r = 0; r <= 2; r++) {
		for (k = 0; k < n; k++)
			if (rank(list[k]) == r && !hidden(list, n, list[k]))
				names[count++] = symbol_text(list[k]);
		if (r == 0)
			*nwords = count;
	}
	return count;
}

static void
report_syntax(const yysymbol_kind_t *list, int n)
{
	const char	*names[YYNTOKENS], *near = NULL;
	char		 text[LEX_TEXT_MAX], buf[512];
	size_t		 nnames, nwords, i;

	nnames = expected(list, n, names, &nwords);
	*text = '\0';
	for (i = 0; i < nnames; i++) {
		if (i > 0)
			strlcat(text, i == nnames - 1 ? " or " : ", ",
			    sizeof(text));
		strlcat(text, names[i], sizeof(text));
	}
	if (nnames > 1 && yychar > 255 && yychar != STRING &&
	    yychar != TABLE)
		near = report_nearest(yylval.s, names, nwords);
	if (near == NULL && is_expected(list, n, PROBE) && nnames > 1 &&
	    yychar == WORD)
		near = route_probe_nearest(yylval.s);
	if (near != NULL)
		report_error(&yylval.at, "found %s, expected %s (did you mean "
		    "\"%s\"?)", found(buf, sizeof(buf)), text, near);
	else
		report_error(&yylval.at, "found %s, expected %s",
		    found(buf, sizeof(buf)), text);
}

#endif

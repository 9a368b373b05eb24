/*
 * The grammar of refract.conf(5), its keywords, and its syntax errors.  What a
 * statement means is in build.c, tables.c and watch.c; characters are lex.c's.
 */
%{
#include <sys/socket.h>
#include <netinet/in.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "build.h"
#include "clock.h"
#include "conf.h"
#include "input.h"
#include "lex.h"
#include "log.h"
#include "parse.h"
#include "report.h"

/* Blocks of statements that are open; lists in braces do not count. */
static int	blocks;
static int	previous;	/* the token before the last */

static int	yylex(void);
static void	yyerror(const char *);

/* After a syntax error: go on with the next statement, if there is one. */
#define RECOVER do {							\
	if (yychar == END)						\
		YYABORT;						\
	yyerrok;							\
	build_clear();							\
} while (0)
%}

%define api.value.type {struct val}
%define parse.error custom
%define parse.lac full

%token END 0		"end of file"
%token '\n'		"end of the statement"
%token '{'		"{"
%token '}'		"}"
%token ','		","
%token STRING		"a string in quotes"
%token PATH		"a path that begins with /"
%token NUMBER		"a number"
%token RANGE		"a range of ports a:b"
%token SIZE		"a size such as 500M or 1G"
%token SPAN		"a duration such as 5s or 1h30m"
%token ADDRESS		"an address or prefix"
%token TABLE		"a table <name>"
%token MACRO		"a macro name = value"
%token WORD		"a word"

%token ACTION ADDRESSES ADMIN ALL APART BAN BANS CONTROL DROP DRY END_ EXEMPT
%token FAMILIES FILE_ FOR FOREVER FORMAT FORWARD FORWARDED FROM GRACE GROUP
%token HOOK HOT INBOUND INCLUDE INET INET6 INSTANCE JSON KEEP LEDGER LIMIT
%token LOCAL LOG MAX NEVER
%token NEWEST NO NONE OLDEST ON ONLY PER PORT PREFIX PROTECT REJECT RELOAD RUN
%token SELF
%token SESSIONS SOURCE START STATE STATUS TABLE_ TCP TOGETHER TRUST UDP USER
%token WATCH WITHIN XRAY YES ZONE

%%

configuration	: statements
		;

/* A statement ends with a newline or ";"; the last of a block needs none. */
statements	: statement
		| statements '\n' statement
		;

statement	: %empty
		| MACRO
		| INCLUDE path			{ lex_include($2.s); }
		| TABLE_ TABLE			{ table_open(&$2); }
		    table			{ table_close(); }
		| BAN '{'			{ blocks++; }
		    ban_statements '}'		{ blocks--; }
		| WATCH STRING '{'		{ blocks++; watch_open(&$2); }
		    watch_statements '}'	{ blocks--; watch_close(); }
		| LOG BANS path			{ set_log_bans(&$3, 0); }
		| LOG BANS path JSON		{ set_log_bans(&$3, 1); }
		| LOG BANS NONE			{ set_log_bans(&$3, -1); }
		| CONTROL path			{ set_control(&$2); }
		| CONTROL path ADMIN GROUP STRING {
			set_control(&$2);
			set_admin_group(&$5);
		}
		| STATE path			{ set_state(&$2); }
		| STATUS ON ADDRESS PORT NUMBER	{ set_status(&$3, &$5); }
		| INSTANCE STRING		{ set_instance(&$2); }
		| HOT RELOAD yesno		{ set_hot_reload(&$3); }
		| LEDGER '{'			{ blocks++; }
		    ledger_statements '}'	{ blocks--; }
		| error				{ RECOVER; }
		;

/* Tables. */

table		: '{' prefixes '}'
		| FILE_ path			{ table_file(&$2); }
		;

prefixes	: %empty
		| prefixes separator
		| prefixes prefix
		;

prefix		: ADDRESS			{ table_prefix(&$1); }
		| TABLE				{ table_nested(&$1); }
		| SELF				{ table_self(&$1); }
		| FILE_ path			{ table_file(&$2); }
		;

separator	: ',' | '\n'
		;

/* ban { } */

ban_statements	: ban_statement
		| ban_statements '\n' ban_statement
		;

ban_statement	: %empty
		| NEVER				{ table_open_never(&$1); }
		    never			{ table_close(); }
		| PREFIX plens			{ ban_prefix(&$1); }
		| PROTECT SESSIONS yesno	{ ban_protect(&$3); }
		| ACTION action			{ ban_action(&$2); }
		| HOOK hook			{ ban_hook(&$2); }
		| MAX NUMBER			{ ban_max(&$2); }
		| error				{ RECOVER; }
		;

never		: '{' prefixes '}'
		| prefix
		;

plens		: plen
		| plens plen
		;

plen		: INET NUMBER			{ build_plen(AF_INET, &$2); }
		| INET6 NUMBER			{ build_plen(AF_INET6, &$2); }
		;

action		: DROP				{ $$.n = ACTION_DROP; }
		| REJECT			{ $$.n = ACTION_REJECT; }
		;

hook		: LOCAL				{ $$.n = HOOK_LOCAL; }
		| FORWARD			{ $$.n = HOOK_FORWARD; }
		;

yesno		: %empty			{ $$.at = lex.at; $$.n = 1; }
		| YES				{ $$.n = 1; }
		| NO				{ $$.n = 0; }
		;

/* ledger { } */

ledger_statements: ledger_statement
		| ledger_statements '\n' ledger_statement
		;

ledger_statement: %empty
		| KEEP duration			{ ledger_keep(&$2); }
		| MAX size			{ ledger_max(&$2); }
		| error				{ RECOVER; }
		;

size		: SIZE
		| NONE				{ $$.n = 0; }
		;

/* watch "name" { } */

watch_statements: watch_statement
		| watch_statements '\n' watch_statement
		;

watch_statement	: %empty
		| SOURCE FILE_ paths from	{ watch_source(&$4); }
		| FORMAT XRAY			{
			$2.n = FORMAT_XRAY;
			watch_format(&$2);
		}
		| LIMIT limit
		| BAN victim FOR duration ons	{ watch_ban(&$2, &$4); }
		| EXEMPT exempt
		| EXEMPT '{' exempts '}'
		| FAMILIES families		{ watch_families(&$2); }
		| GROUP plens			{ watch_group(&$1); }
		| GRACE SPAN			{ watch_grace(&$2); }
		| ONLY INBOUND strings		{ watch_inbound(&$2); }
		| TRUST FORWARDED yesno		{ watch_trust(&$3); }
		| ZONE zone			{ watch_zone(&$2); }
		| DRY RUN yesno			{ watch_dry_run(&$3); }
		| error				{ RECOVER; }
		;

from		: %empty			{ $$.at = lex.at; $$.n = 0; }
		| FROM START			{ $$.n = 1; }
		| FROM END_			{ $$.n = 0; }
		;

limit		: NUMBER ADDRESSES PER USER within {
			watch_limit(&$1);
		}
		| NUMBER FOR strings		{ watch_limit_for(&$1); }
		| NONE within			{
			$1.n = 0;
			watch_limit(&$1);
		}
		| NONE FOR strings		{
			$1.n = 0;
			watch_limit_for(&$1);
		}
		;

within		: %empty
		| WITHIN SPAN			{ watch_window(&$2); }
		;

victim		: %empty			{
			$$.at = lex.at;
			$$.n = BAN_NEWEST;
		}
		| NEWEST			{ $$.n = BAN_NEWEST; }
		| OLDEST			{ $$.n = BAN_OLDEST; }
		| ALL				{ $$.n = BAN_ALL; }
		;

duration	: SPAN
		| FOREVER			{ $$.n = SPAN_FOREVER; }
		;

ons		: %empty
		| ons ON on
		| ons ON '{' on_list '}'
		;

on_list		: %empty
		| on_list separator
		| on_list on
		;

on		: protocol PORT ports		{ build_ports($1.n); }
		;

protocol	: TCP				{ $$.n = IPPROTO_TCP; }
		| UDP				{ $$.n = IPPROTO_UDP; }
		;

ports		: port
		| '{' port_list '}'
		;

port_list	: %empty
		| port_list separator
		| port_list port
		;

port		: NUMBER			{ build_item(&$1); }
		| RANGE				{ build_item(&$1); }
		;

exempts		: %empty
		| exempts separator
		| exempts exempt
		;

exempt		: TABLE				{ watch_exempt_table(&$1); }
		| ADDRESS			{ watch_exempt_prefix(&$1); }
		| USER STRING			{ watch_exempt_user(&$2); }
		;

families	: TOGETHER			{ $$.n = 1; }
		| APART				{ $$.n = 0; }
		;

zone		: STRING
		| LOCAL
		;

/* Strings and paths. */

strings		: string
		| '{' string_list '}'
		;

string_list	: %empty
		| string_list separator
		| string_list string
		;

string		: STRING			{ build_item(&$1); }
		;

paths		: path				{ build_item(&$1); }
		| paths path			{ build_item(&$2); }
		;

path		: STRING
		| PATH
		;

%%

struct keyword {
	const char	*word;
	int		 token;
};

/* Sorted: it is searched by bsearch(3). */
static const struct keyword keywords[] = {
	{ "action",	ACTION },
	{ "address",	ADDRESSES },
	{ "addresses",	ADDRESSES },
	{ "admin",	ADMIN },
	{ "all",	ALL },
	{ "apart",	APART },
	{ "ban",	BAN },
	{ "bans",	BANS },
	{ "control",	CONTROL },
	{ "drop",	DROP },
	{ "dry",	DRY },
	{ "end",	END_ },
	{ "exempt",	EXEMPT },
	{ "families",	FAMILIES },
	{ "file",	FILE_ },
	{ "for",	FOR },
	{ "forever",	FOREVER },
	{ "format",	FORMAT },
	{ "forward",	FORWARD },
	{ "forwarded",	FORWARDED },
	{ "from",	FROM },
	{ "grace",	GRACE },
	{ "group",	GROUP },
	{ "hook",	HOOK },
	{ "hot",	HOT },
	{ "inbound",	INBOUND },
	{ "include",	INCLUDE },
	{ "inet",	INET },
	{ "inet6",	INET6 },
	{ "instance",	INSTANCE },
	{ "json",	JSON },
	{ "keep",	KEEP },
	{ "ledger",	LEDGER },
	{ "limit",	LIMIT },
	{ "local",	LOCAL },
	{ "log",	LOG },
	{ "max",	MAX },
	{ "never",	NEVER },
	{ "newest",	NEWEST },
	{ "no",		NO },
	{ "none",	NONE },
	{ "oldest",	OLDEST },
	{ "on",		ON },
	{ "only",	ONLY },
	{ "per",	PER },
	{ "port",	PORT },
	{ "prefix",	PREFIX },
	{ "protect",	PROTECT },
	{ "reject",	REJECT },
	{ "reload",	RELOAD },
	{ "run",	RUN },
	{ "self",	SELF },
	{ "sessions",	SESSIONS },
	{ "source",	SOURCE },
	{ "start",	START },
	{ "state",	STATE },
	{ "status",	STATUS },
	{ "table",	TABLE_ },
	{ "tcp",	TCP },
	{ "together",	TOGETHER },
	{ "trust",	TRUST },
	{ "udp",	UDP },
	{ "user",	USER },
	{ "watch",	WATCH },
	{ "within",	WITHIN },
	{ "xray",	XRAY },
	{ "yes",	YES },
	{ "zone",	ZONE },
};

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

/* Which token a bare word is. */
static int
classify(struct val *v)
{
	const struct keyword	*k;
	const char		*s = v->s;
	struct prefix		 p;

	if ((k = bsearch(s, keywords, NKEYWORDS, sizeof(*k),
	    keyword_cmp)) != NULL)
		return k->token;
	if (*s == '/')
		return PATH;
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
	if (prefix_parse(&p, s) == 0)
		return ADDRESS;
	return WORD;
}

static int
yylex(void)
{
	struct val	v = { .n = 0 };
	int		class;

	previous = lex.class;
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
	yylval = v;
	return class;
}

/* Only for what is not a syntax error: no memory. */
static void
yyerror(const char *what)
{
	fatalx("configuration: %s", what);
}

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
	size_t	i;

	for (i = 0; i < NKEYWORDS; i++)
		if (YYTRANSLATE(keywords[i].token) == kind)
			return keywords[i].word;
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
	return previous == '\n' || previous == '{' ||
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
	if (near != NULL)
		report_error(&yylval.at, "found %s, expected %s (did you mean "
		    "\"%s\"?)", found(buf, sizeof(buf)), text, near);
	else
		report_error(&yylval.at, "found %s, expected %s",
		    found(buf, sizeof(buf)), text);
}

static int
yyreport_syntax_error(const yypcontext_t *ctx)
{
	yysymbol_kind_t	list[YYNTOKENS];
	int		n;

	if (!lex.broken) {
		n = yypcontext_expected_tokens(ctx, list, YYNTOKENS);
		report_syntax(list, n < 0 ? 0 : n);
	}
	skip_statement();
	return 0;
}

/* The module's functions. */

static void
parse_layer(int layer)
{
	blocks = 0;
	build_layer(layer);
	yyparse();
	build_clear();
	lex_close();
}

struct conf *
parse_config(const struct parse_args *args)
{
	char	label[40];
	size_t	i;

	report_reset();
	lex_reset();
	input_reset();
	build_start();
	for (i = 0; i < args->nmacros; i++)
		lex_define(args->macros[i]);
	if (args->file != NULL && lex_open_file(args->file) == 0)
		parse_layer(0);
	for (i = 0; i < args->nstatements; i++) {
		snprintf(label, sizeof(label), "-e statement %zu", i + 1);
		lex_open_text(label, args->statements[i]);
		parse_layer(i + 1);
	}
	if (report_count() == 0)
		lex_unused();
	return build_finish();
}

const char *
parse_errors(void)
{
	return report_text();
}

const char *const *
parse_files(size_t *n)
{
	return input_files(n);
}

int
parse_stale(void)
{
	return input_stale();
}

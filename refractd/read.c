/*
 * A configuration from its file and the statements of the command line: see
 * parse.h.
 */
#include <stdio.h>

#include "build.h"
#include "input.h"
#include "lex.h"
#include "parse.h"
#include "report.h"
#include "parse.tab.h"
#include "token.h"

static void
parse_layer(int layer)
{
	token_start();
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

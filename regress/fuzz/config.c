/*
 * The configuration: any bytes as statements.  What is accepted must print as
 * text that is accepted and prints the same.
 */
/* LINK: refractd/parse.o refractd/lex.o refractd/input.o refractd/report.o */
/* LINK: refractd/listen.o refractd/relay.o refractd/routes.o */
/* LINK: refractd/pools.o */
/* LINK: refractd/print_mux.o refractd/overlap.o refractd/token.o */
/* LINK: refractd/read.o */
/* LINK: refractd/build.o refractd/tables.o refractd/watch.o refractd/text.o */
/* LINK: refractd/regex.o refractd/source.o refractd/command.o */
/* LINK: refractd/datefield.o refractd/dateform.o refractd/datemoment.o */
/* LINK: refractd/dateform_name.o */
/* LINK: refractd/datepattern.o refractd/logtime.o refractd/zone.o */
/* LINK: refractd/print.o refractd/print_watch.o refractd/print_out.o */
/* LINK: refractd/f2b.o refractd/f2b_filter.o refractd/f2b_ini.o */
/* LINK: refractd/f2b_parse.o refractd/f2b_read.o refractd/f2b_expand.o */
/* LINK: refractd/f2b_regex.o refractd/f2b_text.o */
/* LIBS: -lnettle -lpcre2-8 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf.h"
#include "input.h"
#include "log.h"
#include "parse.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);
int	LLVMFuzzerInitialize(int *, char ***);

struct text {
	char	*s;
	size_t	 len;
};

static void
add(void *arg, const char *s)
{
	struct text	*t = arg;
	size_t		 n = strlen(s);

	if (n == 0 || n >= 1024)
		abort();
	if ((t->s = realloc(t->s, t->len + n + 1)) == NULL)
		abort();
	memcpy(t->s + t->len, s, n + 1);
	t->len += n;
}

/* The text of what these statements mean; s NULL: they mean nothing. */
static struct text
meaning(const char *statements)
{
	struct parse_args	 args = { .statements = &statements,
				    .nstatements = 1 };
	struct text		 t = { 0 };
	struct conf		*c;

	c = parse_config(&args);
	if ((c == NULL) != (*parse_errors() != '\0'))
		abort();
	if (c != NULL)
		conf_print(c, add, &t);
	conf_free(c);
	return t;
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	input_closed = 1;
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct text	 once, twice;
	char		*s;

	if ((s = strndup((const char *)data, size)) == NULL)
		abort();
	once = meaning(s);
	free(s);
	if (once.s != NULL) {
		twice = meaning(once.s);
		if (twice.s == NULL || strcmp(once.s, twice.s) != 0)
			abort();
		free(twice.s);
	}
	free(once.s);
	return 0;
}

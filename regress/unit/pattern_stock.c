/* LINK: refract-parser/literal.o refract-parser/litset.o */
/* LINK: refract-parser/finder.o refract-parser/pattern.o */
/* LINK: refractd/f2b.o refractd/f2b_filter.o refractd/f2b_ini.o */
/* LINK: refractd/f2b_parse.o refractd/f2b_read.o refractd/f2b_expand.o */
/* LINK: refractd/f2b_regex.o refractd/f2b_text.o */
/* LIBS: -lpcre2-8 */
/*
 * All filters of the installed fail2ban at once over the sample logs of its
 * own tests, each line as it is and with pieces cut out: what PCRE2 alone
 * finds, it finds among the candidates too.
 */
#include <sys/stat.h>

#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "f2b.h"
#include "msg.h"
#include "pattern.h"

#define FILTERS	"/etc/fail2ban/filter.d/*.conf"
#define SAMPLES	"/usr/lib/python3/dist-packages/fail2ban/tests/files/logs/*"
#define LINE	4096

static struct pattern_spec	 specs[PATTERNS_MAX];
static size_t			 nspecs;
static struct patterns		*patterns;
static struct {
	unsigned long	lines, tried, candidates, hits;
} sum;

static unsigned int
add(const struct f2b_regex *r, unsigned int maxlines, unsigned int also)
{
	struct pattern_spec	*s = &specs[nspecs++];

	assert_true(nspecs < PATTERNS_MAX);
	s->regex = strdup(r->text);
	s->len = strlen(r->text);
	s->where = strdup(r->where);
	s->flags = PATTERN_CUT | (maxlines > 1 ? PATTERN_MULTILINE : 0);
	s->also = also;
	return (unsigned int)nspecs;
}

static void
add_filter(const char *path)
{
	struct f2b_args		 args = { .name = path };
	struct f2b_filter	 f;
	char			 why[256];
	unsigned int		 also = 0;
	size_t			 i;

	/* What others include has no regexes of its own. */
	if (f2b_load(&args, &f, why, sizeof(why)) == 0) {
		if (f.prefix.n > 0)
			also = add(&f.prefix.list[0], f.maxlines, 0);
		for (i = 0; i < f.fail.n; i++)
			add(&f.fail.list[i], f.maxlines, also);
		for (i = 0; i < f.ignore.n; i++)
			add(&f.ignore.list[i], f.maxlines, 0);
	}
	f2b_free(&f);
}

static int
exec(size_t i, const char *s, size_t n, const size_t **vector)
{
	sum.tried++;
	return pattern_exec(patterns, i, s, n, 0, vector);
}

/* As fail.c does it: on what the prefix captured, if there is one. */
static int
finds(size_t i, const char *s, size_t n)
{
	const uint16_t	*groups;
	const size_t	*vector;
	size_t		 base = specs[i].also, ngroups, len;
	const char	*content;

	if (base == 0)
		return exec(i, s, n, &vector);
	if (exec(base - 1, s, n, &vector) != 1)
		return 0;
	ngroups = pattern_group(patterns, base - 1, "content", &groups);
	content = pattern_text(groups, ngroups, vector, s, &len);
	return content == NULL ? 0 : exec(i, content, len, &vector);
}

static int
has(const uint16_t *list, size_t n, size_t i)
{
	while (n-- > 0)
		if (*list++ == i)
			return 1;
	return 0;
}

/* [from, to) of the line is cut out. */
static void
try_cut(const char *line, size_t n, size_t from, size_t to)
{
	char		 s[LINE + 1];
	const uint16_t	*list, *rest;
	size_t		 i, nlist, nrest, base;

	memcpy(s, line, from);
	memcpy(s + from, line + to, n - to);
	s[n - (to - from)] = '\n';
	nlist = patterns_scan(patterns, line, n, &list);
	sum.lines++;
	for (i = 0; i < nspecs; i++) {
		/* A prefix is looked for with those that need it. */
		if (strstr(specs[i].regex, "<content>") != NULL ||
		    finds(i, s, n - (to - from) + 1) != 1)
			continue;
		base = specs[i].also == 0 ? i : specs[i].also - 1;
		nrest = patterns_cut(patterns, from, to, list, nlist, &rest);
		if (!has(list, nlist, i) || !has(rest, nrest, i) ||
		    !has(rest, nrest, base))
			fail_msg("%s is no candidate of %.*s", specs[i].where,
			    (int)n, line);
		sum.hits++;
	}
	sum.candidates += patterns_cut(patterns, from, to, list, nlist, &rest);
}

static void
try_line(const char *line, size_t n)
{
	size_t	from = 7919 * sum.lines % (n + 1);

	if (n >= LINE)
		return;
	try_cut(line, n, 0, 0);
	try_cut(line, n, 0, n < 15 ? n : 15);
	try_cut(line, n, 0, n < 19 ? n : 19);
	try_cut(line, n, from, from + (n - from < 20 ? n - from : 20));
}

static void
try_file(const char *path)
{
	struct stat	 st;
	FILE		*f;
	char		*line = NULL;
	size_t		 size = 0;
	ssize_t		 n;

	if (stat(path, &st) == -1 || !S_ISREG(st.st_mode))
		return;
	assert_non_null(f = fopen(path, "r"));
	while ((n = getline(&line, &size, f)) > 0)
		try_line(line, (size_t)n - (line[n - 1] == '\n'));
	free(line);
	fclose(f);
}

static void
each(const char *names, void (*what)(const char *))
{
	glob_t	g;
	size_t	i;

	if (glob(names, 0, NULL, &g) != 0)
		return;
	for (i = 0; i < g.gl_pathc; i++)
		what(g.gl_pathv[i]);
	globfree(&g);
}

static void
stock(void **state)
{
	char	why[TEXT_LEN];

	(void)state;
	each(FILTERS, add_filter);
	if (nspecs == 0) {
		print_message("# SKIP: fail2ban is not installed\n");
		skip();
	}
	if ((patterns = patterns_new(specs, nspecs, why)) == NULL)
		fail_msg("%s", why);
	assert_int_equal(patterns_slow(patterns), 0);
	each(SAMPLES, try_file);
	print_message("# %zu regexes, %zu KiB, %lu lines: %lu matches, %lu "
	    "searches by PCRE2 alone, %lu candidates\n", nspecs,
	    patterns_memory(patterns) / 1024, sum.lines, sum.hits, sum.tried,
	    sum.candidates);
	assert_true(sum.lines == 0 || sum.hits > 1000);
	patterns_free(patterns);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = { cmocka_unit_test(stock) };

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Every filter that the installed fail2ban has, with the options of its own
 * tests and all modes: what f2b_load() makes of it against what fail2ban's own
 * reader does (f2b_stock.py), and each regex compiled by PCRE2.
 */
/* LINK: refractd/f2b.o refractd/f2b_filter.o refractd/f2b_ini.o */
/* LINK: refractd/f2b_parse.o refractd/f2b_read.o refractd/f2b_expand.o */
/* LINK: refractd/f2b_regex.o refractd/f2b_text.o */
/* LIBS: -lpcre2-8 */
#define PCRE2_CODE_UNIT_WIDTH 8

#include <sys/wait.h>

#include <libgen.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <pcre2.h>

#include "f2b.h"
#include "f2b_regex.h"

#define PYTHON	"/usr/bin/python3"

/* A record of the script's. */
struct record {
	const char	*kind, *filter, *options, *text;
};

static struct {
	unsigned int	filters, loads, errors;
	unsigned int	fails, ignores, prefixes, dates, matches;
	const char	*last;
} sum;

static char		*script;
static char		*answer;
static size_t		 answer_len;

static struct f2b_filter filter;
static size_t		 seen_fail, seen_ignore, seen_date, seen_journal;

static int
read_answer(int fd)
{
	FILE	*f = fdopen(fd, "r"), *out;
	int	 c;

	assert_non_null(f);
	out = open_memstream(&answer, &answer_len);
	assert_non_null(out);
	while ((c = fgetc(f)) != EOF)
		fputc(c, out);
	fclose(out);
	return fclose(f);
}

static int
run_script(void)
{
	int	fds[2], status;
	pid_t	pid;

	assert_int_equal(pipe(fds), 0);
	if ((pid = fork()) == 0) {
		dup2(fds[1], STDOUT_FILENO);
		close(fds[0]);
		close(fds[1]);
		execl(PYTHON, PYTHON, "-B", script, NULL);
		_exit(127);
	}
	close(fds[1]);
	read_answer(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void
compiles(const struct f2b_regex *r)
{
	uint32_t	 how = PCRE2_DUPNAMES;
	PCRE2_UCHAR	 why[128];
	PCRE2_SIZE	 at;
	pcre2_code	*code;
	int		 error;

	code = pcre2_compile((PCRE2_SPTR)r->text, PCRE2_ZERO_TERMINATED, how,
	    &error, &at, NULL);
	if (code == NULL) {
		pcre2_get_error_message(error, why, sizeof(why));
		fail_msg("%s: %s at %zu of %s", r->where, why, at, r->text);
	}
	pcre2_code_free(code);
}

static int
is_place(const char *where)
{
	const char *colon = strrchr(where, ':');

	return where[0] == '/' && colon != NULL && atoi(colon + 1) > 0;
}

/* fail2ban's regex, its tags put in by fail2ban, translated by us. */
static void
same(const struct record *rec, const struct f2b_regexes *list, size_t i,
    int multiline)
{
	char	*text, why[256], *full;
	int	 has;

	if (i >= list->n)
		fail_msg("%s[%s]: %s %zu is missing: %s", rec->filter,
		    rec->options, rec->kind, i, rec->text);
	text = f2b_translate(rec->text, &has, why, sizeof(why));
	if (text == NULL)
		fail_msg("%s[%s]: %s", rec->filter, rec->options, why);
	assert_int_not_equal(asprintf(&full, "%s%s", multiline ? "(?m)" : "",
	    text), -1);
	assert_string_equal(list->list[i].text, full);
	if (!is_place(list->list[i].where))
		fail_msg("%s[%s]: no place: %s", rec->filter, rec->options,
		    list->list[i].where);
	compiles(&list->list[i]);
	free(text);
	free(full);
}

static void
check_journal(const struct record *rec)
{
	char	*copy = strdup(rec->text), *p = copy, *word;

	assert_non_null(copy);
	if (seen_journal > 0)
		assert_string_equal(filter.journal[seen_journal++], "+");
	while ((word = strsep(&p, "\x1e")) != NULL) {
		assert_true(seen_journal < filter.njournal);
		assert_string_equal(filter.journal[seen_journal++], word);
	}
	free(copy);
	sum.matches++;
}

static void
check_record(const struct record *rec)
{
	if (strcmp(rec->kind, "addfailregex") == 0) {
		same(rec, &filter.fail, seen_fail++, filter.maxlines > 1);
		sum.fails++;
	} else if (strcmp(rec->kind, "addignoreregex") == 0) {
		same(rec, &filter.ignore, seen_ignore++, 0);
		sum.ignores++;
	} else if (strcmp(rec->kind, "prefregex") == 0) {
		same(rec, &filter.prefix, 0, 0);
		sum.prefixes++;
	} else if (strcmp(rec->kind, "datepattern") == 0) {
		assert_true(seen_date < filter.dates.n);
		assert_string_equal(filter.dates.list[seen_date++].text,
		    rec->text);
		sum.dates++;
	} else if (strcmp(rec->kind, "addjournalmatch") == 0)
		check_journal(rec);
	else if (strcmp(rec->kind, "maxlines") == 0)
		assert_int_equal(filter.maxlines, atoi(rec->text));
	else if (strcmp(rec->kind, "usedns") == 0)
		assert_int_equal(filter.usedns, F2B_DNS_YES);
	else
		fail_msg("%s: what is %s?", rec->filter, rec->kind);
}

/* Nothing is in ours that is not in theirs. */
static void
end_filter(void)
{
	assert_int_equal(seen_fail, filter.fail.n);
	assert_int_equal(seen_ignore, filter.ignore.n);
	assert_int_equal(seen_date, filter.dates.n);
	assert_int_equal(seen_journal, filter.njournal);
	f2b_free(&filter);
	seen_fail = seen_ignore = seen_date = seen_journal = 0;
}

/* The next record is of another kind: theirs has no failregex at all. */
static int
has_fail(const struct record *rec, const char *next)
{
	size_t	n = strlen(rec->filter);

	for (; *next != '\0'; next += strlen(next) + 1) {
		if (strncmp(next, "filter\x1f", 7) == 0)
			return 0;
		if (strncmp(next, "addfailregex\x1f", 13) == 0)
			return strncmp(next + 13, rec->filter, n) == 0;
	}
	return 0;
}

static void
load_filter(const struct record *rec, const char *next, int bad)
{
	struct f2b_args	args = { .name = rec->filter,
	    .options = rec->options };
	char		why[512];
	int		status;

	end_filter();
	status = f2b_load(&args, &filter, why, sizeof(why));
	if (bad || !has_fail(rec, next)) {
		if (status == 0)
			fail_msg("%s[%s] loads, which fail2ban refuses",
			    rec->filter, rec->options);
		assert_true(strlen(why) > 0);
		sum.errors++;
		return;
	}
	if (status == -1)
		fail_msg("%s[%s]: %s", rec->filter, rec->options, why);
	if (sum.last == NULL || strcmp(sum.last, rec->filter) != 0)
		sum.filters++;
	sum.last = rec->filter;
	sum.loads++;
}

static void
stock(void **state)
{
	struct record	 rec;
	char		*p, *next, *fields;
	int		 broken = 0;

	(void)state;
	if (access(PYTHON, X_OK) == -1 ||
	    access(F2B_DIR "/filter.d/sshd.conf", R_OK) == -1) {
		print_message("fail2ban is not installed\n");
		skip();
	}
	assert_int_equal(run_script(), 0);
	for (p = answer; p < answer + answer_len; p = next) {
		next = p + strlen(p) + 1;
		fields = p;
		rec.kind = strsep(&fields, "\x1f");
		rec.filter = strsep(&fields, "\x1f");
		rec.options = strsep(&fields, "\x1f");
		rec.text = fields;
		if (strcmp(rec.kind, "filter") == 0 ||
		    strcmp(rec.kind, "error") == 0) {
			load_filter(&rec, next, *rec.kind == 'e');
			broken = filter.fail.n == 0;
		} else if (!broken)
			check_record(&rec);
	}
	end_filter();
	print_message("%u filters in %u forms (%u files are no filters); "
	    "equal: %u failregexes, %u ignoreregexes, %u prefregexes, "
	    "%u datepatterns, %u journalmatches\n", sum.filters, sum.loads,
	    sum.errors, sum.fails, sum.ignores, sum.prefixes, sum.dates,
	    sum.matches);
	assert_true(sum.filters >= 80);
	assert_true(sum.fails >= 190);
	free(answer);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stock)
	};
	char	*self = realpath(argv[0], NULL), *at;

	(void)argc;
	/* obj/regress/unit/f2b_stock -> regress/unit/f2b_stock.py */
	if (self == NULL || (at = strstr(self, "/regress/unit/")) == NULL)
		return 1;
	*at = '\0';
	if (asprintf(&script, "%s/../regress/unit/f2b_stock.py", self) == -1)
		return 1;
	free(self);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* LINK: refract-parser/literal.o refract-parser/litset.o */
/* LINK: refract-parser/finder.o refract-parser/pattern.o */
/* LIBS: -lpcre2-8 */
/*
 * Regexes of a watch: who is a candidate for a line, what PCRE2 then finds,
 * and that what is slow is held back.
 */
#include <sys/prctl.h>
#include <sys/wait.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "filter.h"
#include "msg.h"
#include "pattern.h"

#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))

static char	why[TEXT_LEN];

static struct patterns *
make(struct pattern_spec *specs, size_t n)
{
	struct patterns	*p;
	size_t		 i;

	for (i = 0; i < n; i++) {
		specs[i].len = strlen(specs[i].regex);
		specs[i].where = "test.conf:1";
	}
	if ((p = patterns_new(specs, n, why)) == NULL)
		fail_msg("%s", why);
	return p;
}

static void
print_list(const uint16_t *list, size_t n, char *buf, size_t size)
{
	size_t	i, len = 0;

	buf[0] = '\0';
	for (i = 0; i < n; i++)
		len += (size_t)snprintf(buf + len, size - len, "%s%u",
		    i > 0 ? " " : "", list[i]);
}

/* Candidates, as "0 2 5". */
static const char *
scan(struct patterns *p, const char *line)
{
	static char	 buf[256];
	const uint16_t	*list;
	size_t		 n = patterns_scan(p, line, strlen(line), &list);

	print_list(list, n, buf, sizeof(buf));
	return buf;
}

/* The same when [from, to) of the line is cut out. */
static const char *
scan_cut(struct patterns *p, const char *line, size_t from, size_t to)
{
	static char	 buf[256];
	const uint16_t	*list;
	size_t		 n = patterns_scan(p, line, strlen(line), &list);

	n = patterns_cut(p, from, to, list, n, &list);
	print_list(list, n, buf, sizeof(buf));
	return buf;
}

static int
match(struct patterns *p, size_t i, const char *s, const size_t **vector)
{
	return pattern_exec(p, i, s, strlen(s), 0, vector);
}

static void
candidates(void **state)
{
	struct pattern_spec	 specs[] = {
		{ .regex = "^Failed \\S+ for (?:invalid )?user" },
		{ .regex = "\\d+" },
		{ .regex = "^(?:Invalid|Illegal) user" },
		{ .regex = "(?i)connection closed" },
		{ .regex = "Failed \\S+ for root", .flags = PATTERN_ALWAYS }
	};
	struct patterns		*p = make(specs, COUNT(specs));

	(void)state;
	assert_int_equal(patterns_count(p), 5);
	assert_string_equal(scan(p, "Failed none for user x"), "0 1 4");
	assert_string_equal(scan(p, "Illegal user x"), "1 2 4");
	assert_string_equal(scan(p, "CONNECTION CLOSED by Invalid user"),
	    "1 2 3 4");
	assert_string_equal(scan(p, ""), "1 4");
	assert_string_equal(scan(p, "Fail"), "1 4");
	patterns_free(p);
	p = make(NULL, 0);
	assert_string_equal(scan(p, "Failed"), "");
	patterns_free(p);
}

/* A prefregex: needed by its own, and of no use without one of them. */
static void
depends(void **state)
{
	struct pattern_spec	 specs[] = {
		{ .regex = "^daemon: (?<content>.*)" },
		{ .regex = "^Failed ", .also = 1 },
		{ .regex = "^\\d+", .also = 1 },
		{ .regex = "^(?<content>.*)" },
		{ .regex = "^Failed ", .also = 4 },
		{ .regex = "Failed " }
	};
	struct patterns		*p = make(specs, COUNT(specs));

	(void)state;
	assert_string_equal(scan(p, "daemon: Failed x"), "0 1 2 3 4 5");
	assert_string_equal(scan(p, "daemon: x"), "0 2");
	assert_string_equal(scan(p, "other: Failed x"), "3 4 5");
	assert_string_equal(scan(p, "other: x"), "");
	patterns_free(p);
	specs[4].also = 7;
	assert_null(patterns_new(specs, COUNT(specs), why));
	specs[4].also = 2;
	assert_null(patterns_new(specs, COUNT(specs), why));
}

/* The line loses its date: first nobody knows where, then it is known. */
static void
cut(void **state)
{
	struct pattern_spec	 specs[] = {
		{ .regex = "^\\[\\] \\[error\\] denied", .flags = PATTERN_CUT },
		{ .regex = "host daemon: denied$", .flags = PATTERN_CUT },
		{ .regex = "denied|refused", .flags = PATTERN_CUT },
		{ .regex = "\\[ab\\]", .flags = PATTERN_CUT },
		{ .regex = "\\[error\\] denied" }
	};
	struct patterns		*p = make(specs, COUNT(specs));
	const char		*line = "[10:00:00] [error] denied";

	(void)state;
	assert_string_equal(scan(p, line), "0 2 4");
	assert_string_equal(scan_cut(p, line, 1, 9), "0 2 4");
	assert_string_equal(scan_cut(p, line, 0, 0), "2 4");
	assert_string_equal(scan_cut(p, line, 0, 10), "2 4");
	assert_string_equal(scan_cut(p, "host 10:00 daemon: denied", 4, 10),
	    "1 2");
	assert_string_equal(scan(p, "12denied"), "2");
	assert_string_equal(scan_cut(p, "deni12ed", 4, 6), "2");
	assert_string_equal(scan(p, "refu12sed, refused"), "2");
	assert_string_equal(scan_cut(p, "refu12sed, refused", 4, 6), "2");
	assert_string_equal(scan(p, "[a12b]"), "3");
	assert_string_equal(scan_cut(p, "[a12b]", 2, 4), "3");
	assert_string_equal(scan_cut(p, "[a12b]", 0, 2), "");
	/* Nonsense is nothing. */
	assert_string_equal(scan_cut(p, "refused", 4, 99), "2");
	patterns_free(p);
}

/* Several lines are matched at once. */
static void
lines(void **state)
{
	struct pattern_spec	 specs[] = {
		{ .regex = "^begin(?:.*\\n)*?^end",
		    .flags = PATTERN_MULTILINE }
	};
	struct patterns		*p = make(specs, COUNT(specs));
	const size_t		*vector;

	(void)state;
	assert_int_equal(match(p, 0, "x\nbegin 1\nx\nend\n", &vector), 1);
	assert_int_equal(vector[0], 2);
	assert_int_equal(vector[1], 15);
	patterns_free(p);
}

static void
values(void **state)
{
	struct pattern_spec	 specs[] = {
		{ .regex = "(?:user=(?<user>\\w+)|(?<user>\\w+)@)"
		    "(?: from (?<addr>\\S+))?(?<end>x)?" }
	};
	struct patterns			*p = make(specs, 1);
	const struct pattern_name	*names;
	const uint16_t			*groups;
	const size_t			*vector;
	const char			*s = "- bob@ from 192.0.2.1\n";
	size_t				 n, len;

	(void)state;
	assert_int_equal(pattern_names(p, 0, &names), 3);
	assert_string_equal(names[2].name, "user");
	assert_int_equal(pattern_group(p, 0, "use", &groups), 0);
	n = pattern_group(p, 0, "user", &groups);
	assert_int_equal(n, 2);
	assert_int_equal(groups[0], 1);
	assert_int_equal(groups[1], 2);
	assert_int_equal(match(p, 0, s, &vector), 1);
	assert_ptr_equal(pattern_text(groups, n, vector, s, &len), s + 2);
	assert_int_equal(len, 3);
	n = pattern_group(p, 0, "addr", &groups);
	assert_memory_equal(pattern_text(groups, n, vector, s, &len),
	    "192.0.2.1", 9);
	/* The last group has no text, and was not left as it was. */
	n = pattern_group(p, 0, "end", &groups);
	assert_null(pattern_text(groups, n, vector, s, &len));
	assert_int_equal(match(p, 0, "user=x fromx\n", &vector), 1);
	assert_int_equal(vector[2 * 3], PATTERN_UNSET);
	assert_int_equal(vector[2 * 4], PATTERN_UNSET);
	assert_int_equal(pattern_exec(p, 0, s, 22, 4, &vector), 1);
	assert_int_equal(vector[0], 4);
	assert_int_equal(pattern_exec(p, 0, s, 22, 7, &vector), 0);
	assert_int_equal(pattern_exec(p, 0, s, 22, 23, &vector), 0);
	assert_int_equal(pattern_stats(p, 0)->tried, 4);
	assert_int_equal(pattern_stats(p, 0)->hits, 3);
	patterns_free(p);
}

/* Bytes, not characters; "$" stands before the last newline. */
static void
bytes(void **state)
{
	struct pattern_spec	 specs[] = {
		{ .regex = "^caf.. \xff$" }, { .regex = "(?i)\xc3\x89" },
		{ .regex = "^a.c$" }
	};
	struct patterns		*p = make(specs, COUNT(specs));
	const size_t		*vector;

	(void)state;
	assert_int_equal(match(p, 0, "caf\xc3\xa9 \xff\n", &vector), 1);
	assert_int_equal(match(p, 1, "\xc3\xa9", &vector), 0);
	assert_int_equal(pattern_exec(p, 2, "a\0c\n", 4, 0, &vector), 1);
	assert_int_equal(match(p, 2, "a\nc\n", &vector), 0);
	patterns_free(p);
}

static void
refused(void **state)
{
	struct pattern_spec	specs[] = {
		{ .regex = "fine", .len = 4, .where = "a.conf:1" },
		{ .regex = "a(b", .len = 3, .where = "a.conf:2" }
	};

	(void)state;
	assert_null(patterns_new(specs, 2, why));
	assert_string_equal(why, "a.conf:2: regex, at byte 3: missing "
	    "closing parenthesis");
	specs[1].regex = "(*UTF)a";
	specs[1].len = 7;
	assert_null(patterns_new(specs, 2, why));
	assert_null(patterns_new(specs, PATTERNS_MAX + 1, why));
}

static double
milliseconds(void)
{
	struct timespec	ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

/*
 * A regex of exponential time and one of the fifth power: limits are hit, named
 * once, soon they cost nothing, and honest lines still match.  Others go on.
 */
static void
limits(void **state)
{
	struct pattern_spec	 specs[] = {
		{ .regex = "^((?:a|aa)+)+$" },
		{ .regex = "x*x*x*x*[^!x\\n]$" },
		{ .regex = "^(\\S+)$" }
	};
	struct patterns		*p = make(specs, COUNT(specs));
	static char		 line[PATTERN_LINE_MAX];
	const size_t		*vector;
	double			 began, last = 0;
	size_t			 i, k, named = 0;

	(void)state;
	for (i = 0; i < 2; i++) {
		memset(line, i == 0 ? 'a' : 'x', sizeof(line));
		memcpy(line + sizeof(line) - 2, "!\n", 2);
		for (k = 0; k < 2 * PATTERN_BAD; k++) {
			began = milliseconds();
			assert_int_not_equal(pattern_exec(p, i, line,
			    sizeof(line), 0, &vector), 1);
			last = milliseconds() - began;
			named += (size_t)pattern_bad(p, i);
		}
		assert_true(pattern_stats(p, i)->limits >= PATTERN_BAD);
		assert_int_equal(named, i + 1);
		printf("# %s: %.3f ms at last\n", specs[i].regex, last);
	}
	memset(line, 'a', 500);
	assert_int_equal(pattern_exec(p, 0, line, 100, 0, &vector), 1);
	assert_int_equal(match(p, 1, "xxxz\n", &vector), 1);
	assert_int_equal(pattern_exec(p, 2, line, sizeof(line), 0, &vector),
	    1);
	assert_int_equal(pattern_stats(p, 2)->limits, 0);
	assert_int_equal(pattern_bad(p, 2), 0);
	assert_string_equal(pattern_where(p, 2), "test.conf:1");
	patterns_free(p);
}

/* Longer than any line that is to be given. */
static void
too_long(void **state)
{
	static char		 line[2 * PATTERN_LINE_MAX];
	struct pattern_spec	 specs[] = { { .regex = "a" } };
	struct patterns		*p = make(specs, 1);
	const size_t		*vector;

	(void)state;
	memset(line, 'a', sizeof(line));
	assert_int_equal(pattern_exec(p, 0, line, PATTERN_LINE_MAX, 0,
	    &vector), 1);
	assert_int_equal(pattern_exec(p, 0, line, PATTERN_LINE_MAX + 1, 0,
	    &vector), -1);
	patterns_free(p);
}

/* As the parser does it: everything is built under its own filter. */
static int
in_sandbox(void)
{
	struct pattern_spec	 specs[] = {
		{ .regex = "^Failed (\\S+) for (?<user>.*?) from", .len = 35,
		    .where = "test" },
		{ .regex = "(*NO_JIT)x", .len = 10, .where = "test" }
	};
	struct patterns		*p;
	const uint16_t		*list;
	const size_t		*vector;
	const char		*line = "Failed none for bob from x\n";
	int			 good;

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	filter_enter(ROLE_PARSER);
	if ((p = patterns_new(specs, 2, why)) == NULL)
		return 2;
	good = patterns_slow(p) == 1 &&
	    patterns_scan(p, line, strlen(line), &list) == 2 &&
	    match(p, 0, line, &vector) == 1 &&
	    match(p, 1, line, &vector) == 1;
	patterns_free(p);
	return good ? 0 : 1;
}

static void
sandboxed(void **state)
{
	int	status;
	pid_t	pid;

	(void)state;
	assert_int_not_equal(pid = fork(), -1);
	if (pid == 0)
		_exit(in_sandbox());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(candidates), cmocka_unit_test(depends),
		cmocka_unit_test(cut), cmocka_unit_test(lines),
		cmocka_unit_test(values), cmocka_unit_test(bytes),
		cmocka_unit_test(refused), cmocka_unit_test(limits),
		cmocka_unit_test(too_long), cmocka_unit_test(sandboxed)
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

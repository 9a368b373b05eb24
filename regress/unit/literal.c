/* LINK: refract-parser/literal.o refract-parser/litset.o */
/* LINK: refract-parser/finder.o */
/*
 * What regexes require, and that it is found.  That nothing is required which
 * PCRE2 would do without is the fuzzer's to try (fuzz/literal.c).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "finder.h"
#include "literal.h"

/* Strings with a bar between them, "/i" behind what has no case; "": none. */
static const struct {
	const char	*regex, *wanted;
} rows[] = {
	/* The rarest of what must be there. */
	{ "abcd", "abcd" },
	{ "abc", "" },
	{ "^Failed \\S+ for .* from", "Failed " },
	{ "a\\d+bcdef", "bcdef" },
	{ "from \\S+ Kerberos", " Kerberos" },
	{ "^\\s*$", "" },
	{ "", "" },

	/* Alternatives, each one needed. */
	{ "(?:alpha|beta|gamma)", "alpha|beta|gamma" },
	{ "(?:alpha|beta|x)", "" },
	{ "(?:alpha|be)ta\\d", "alphata|beta" },
	{ "first|second .*|.* third", "first|second | third" },
	{ "first|.*", "" },
	{ "[Ff]ailed", "Failed|failed" },
	{ "[^F]ailed", "ailed" },
	{ "[a-z]ailed", "ailed" },
	{ "colou?rs", "colours|colors" },

	/* How often. */
	{ "(?:nothing)?abcd", "nothingabcd|abcd" },
	{ "(?:nothing)*abcd", "abcd" },
	{ "(?:nothing){0}abcd", "abcd" },
	{ "(?:nothing){0,3}abcd", "abcd" },
	{ "(?:ab){2}cd", "ababcd" },
	{ "(?:abcd)+", "abcd" },
	{ "ab{3,}cde", "bbbcde" },
	{ "abcde*", "abcd" },
	{ "abcde++f", "abcd" },
	{ "abc{,3}d", "" },
	{ "abc{x}d", "abc{x}d" },

	/* Case. */
	{ "(?i)Abcd", "Abcd/i" },
	{ "(?i:ab)cd", "abcd/i" },
	{ "(?i)1234", "1234" },
	{ "(?i)ab(?-i)cdefg", "abcdefg/i" },
	{ "(?:(?i)x\\d|yz\\d)abcd", "abcd" },

	/* Groups of all kinds. */
	{ "(?P<n>abcd)", "abcd" },
	{ "(?<n>ab)(?'m'cd)(?>ef)(?|g|h)", "abcdefg|abcdefh" },
	{ "(?=wanted).*", "" },
	{ "(?!wanted)abcd(?<!wanted)", "abcd" },
	{ "(?(?=a)yesyes|nono)abcd", "abcd" },
	{ "(?<n>x)(?(<n>)yesyes)abcd", "abcd" },
	{ "(?(DEFINE)(?<n>efgh))abcd", "abcd" },
	{ "(efgh)?(?1)abcd(?R)?", "abcd" },
	{ "(?#efgh)ab(?#ij)cd", "abcd" },

	/* Escapes and classes. */
	{ "\\[ab\\]\\x63\\x{64}efgh", "[ab]cdefgh" },
	{ "\\[ab\\]\\x63d", "[ab]cd" },
	{ "\\Qa.b*\\Ecd", "a.b*cd" },
	{ "\\bword\\b", "word" },
	{ "\\141bcdef", "bcdef" },
	{ "a[.]b[ ]c", "a.b c" },
	{ "a[]]b[^]]cdef", "cdef" },
	{ "a[[:digit:]]bcde", "bcde" },
	{ "a[[]b[\\]]c", "a[b]c" },
	{ "(?x) ab # cd\n cd", "abcd" },
	{ "ab\\ncdef", "cdef" },

	/* What could change everything. */
	{ "(*COMMIT)abcd", "" },
	{ "abcd(*ACCEPT)efgh", "" },
	{ "abcd(?C1)efgh", "" },
	{ "(?xx)[a b]cdef", "" }
};

static void
print_set(const struct literals *set, char *buf, size_t size)
{
	size_t	i, n = 0;

	buf[0] = '\0';
	for (i = 0; i < set->n; i++)
		n += (size_t)snprintf(buf + n, size - n, "%s%.*s%s",
		    i > 0 ? "|" : "", set->l[i].len,
		    (const char *)set->l[i].text, set->l[i].fold ? "/i" : "");
}

static void
required(void **state)
{
	struct literals	set;
	char		buf[4096];
	size_t		i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		literals_of(rows[i].regex, strlen(rows[i].regex), 0, &set);
		print_set(&set, buf, sizeof(buf));
		if (strcmp(buf, rows[i].wanted) != 0)
			fail_msg("%s requires \"%s\", not \"%s\"",
			    rows[i].regex, rows[i].wanted, buf);
	}
}

/* One half at least is left whole, and is long enough. */
static void
halves(void **state)
{
	struct literals	set;
	char		buf[256];

	(void)state;
	literals_of("abcdefgh", 8, 1, &set);
	print_set(&set, buf, sizeof(buf));
	assert_string_equal(buf, "abcd|efgh");
	literals_of("abcdefghi", 9, 1, &set);
	print_set(&set, buf, sizeof(buf));
	assert_string_equal(buf, "abcde|efghi");
	literals_of("abcdef\\d+uvwxyz_", 16, 1, &set);
	print_set(&set, buf, sizeof(buf));
	assert_string_equal(buf, "uvwx|xyz_");
	literals_of("abcdef", 6, 1, &set);
	assert_int_equal(set.n, 0);
}

/* Whatever is too much is given up, and costs no time. */
static void
bounds(void **state)
{
	static char	regex[60000];
	struct literals	set;
	size_t		i, n = 0;

	(void)state;
	for (i = 0; i < LITERALS_MAX + 1; i++)
		n += (size_t)snprintf(regex + n, sizeof(regex) - n,
		    "%sword%zu", i > 0 ? "|" : "", i);
	literals_of(regex, n, 0, &set);
	assert_int_equal(set.n, 0);
	literals_of(regex, n - strlen("|word64"), 0, &set);
	assert_int_equal(set.n, LITERALS_MAX);
	memset(regex, 'a', sizeof(regex));
	literals_of(regex, sizeof(regex), 0, &set);
	assert_int_equal(set.n, 1);
	assert_int_equal(set.l[0].len, LITERAL_MAX);
	memset(regex, '(', 100);
	memset(regex + 100, ')', 100);
	literals_of(regex, 200, 0, &set);
	assert_int_equal(set.n, 0);
	literals_of("(((((((", 7, 0, &set);
	assert_int_equal(set.n, 0);
}

static void
add(struct finder *f, const char *text, int fold, uint32_t owner)
{
	struct literal	l = { .fold = fold != 0 };

	l.len = (uint8_t)strlen(text);
	memcpy(l.text, text, l.len);
	assert_int_equal(finder_add(f, &l, owner), 0);
}

/* Wherever it is, and nowhere else. */
static void
finds(void **state)
{
	static const struct {
		const char	*line;
		uint64_t	 owners;
	} lines[] = {
		{ "", 0 }, { "abc", 0 }, { "abcd", 1 }, { "xabcd", 1 },
		{ "abcdx", 1 }, { "ABCD", 2 }, { "aBcD", 2 }, { "bcd", 0 },
		{ "01234567890123456789abcd", 1 },
		{ "0123456789012345678abcd9", 1 },
		{ "failed password", 0 }, { "Failed password", 4 | 8 },
		{ "Failed  password", 4 }, { "abcabcdabcd Failed ", 1 | 4 },
		{ "caf\xc3\xa9 \xff\xfe\xfd\xfc", 16 }
	};
	struct finder	*f = finder_new();
	uint64_t	 found;
	size_t		 i;

	(void)state;
	assert_non_null(f);
	add(f, "abcd", 0, 0);
	add(f, "Abcd", 1, 1);
	add(f, "Failed ", 0, 2);
	add(f, "Failed pass", 0, 3);
	add(f, "\xff\xfe\xfd\xfc", 0, 4);
	assert_int_equal(finder_build(f), 0);
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		found = 0;
		finder_run(f, lines[i].line, strlen(lines[i].line), &found);
		/* Whatever the first finds, the second does. */
		if (found & 1)
			found &= ~2ULL;
		if (found != lines[i].owners)
			fail_msg("\"%s\": %llx", lines[i].line,
			    (unsigned long long)found);
	}
	finder_free(f);
}

/* Owners of the same string, and many strings. */
static void
shares(void **state)
{
	struct finder	*f = finder_new();
	uint64_t	 found[64] = { 0 };
	char		 text[32];
	uint32_t	 i;

	(void)state;
	for (i = 0; i < 4096; i++) {
		snprintf(text, sizeof(text), "%s%04u", i % 2 ? "a" : "b",
		    i / 4);
		add(f, text, 0, i);
	}
	assert_int_equal(finder_build(f), 0);
	finder_run(f, "-- a0100 --", 11, found);
	for (i = 0; i < 4096; i++)
		assert_int_equal(found[i / 64] >> i % 64 & 1,
		    i == 401 || i == 403);
	assert_true(finder_memory(f) < 2 * 1024 * 1024);
	finder_free(f);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(required), cmocka_unit_test(halves),
		cmocka_unit_test(bounds), cmocka_unit_test(finds),
		cmocka_unit_test(shares)
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Regexes of the language: which <name> is replaced and which is PCRE2's, what
 * is an address and what only looks like one, where an error is.
 */
/* LINK: refractd/regex.o refractd/report.o */
/* LIBS: -lpcre2-8 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "log.h"
#include "regex.h"
#include "run_argv.h"

static const struct place	at = { "test", 1 };

static const char *
lookup(const struct conf_watch *w, const char *name)
{
	(void)w;
	if (strcmp(name, "user") == 0)
		return "[a-z]+";
	if (strcmp(name, "pair") == 0)
		return "<user>:<user>";
	return strcmp(name, "loop") == 0 ? "x<loop>" : NULL;
}

static struct regex *
expand(const char *s)
{
	report_reset();
	return regex_expand(s, NULL, lookup, &at);
}

/* What PCRE2 gets of this. */
static void
becomes(const char *from, const char *to)
{
	struct regex	*r = expand(from);

	assert_non_null(r);
	assert_string_equal(regex_text(r), to);
	regex_free(r);
}

static void
same(const char *s)
{
	becomes(s, s);
}

static void
test_names(void **state)
{
	(void)state;
	becomes("a <user> b", "a (?<user>[a-z]+) b");
	becomes("<user><user>", "(?<user>[a-z]+)(?<user>[a-z]+)");
	becomes("<pair>", "(?<pair>(?<user>[a-z]+):(?<user>[a-z]+))");
	becomes("\\\\<user>", "\\\\(?<user>[a-z]+)");
	becomes("(<user>)", "((?<user>[a-z]+))");
	becomes("(?:<user>)", "(?:(?<user>[a-z]+))");
	becomes("[[]<user>", "[[](?<user>[a-z]+)");
	becomes("[]a]<user>", "[]a](?<user>[a-z]+)");
	becomes("[^]a]<user>", "[^]a](?<user>[a-z]+)");
	becomes("[a\\]<user>]<user>", "[a\\]<user>](?<user>[a-z]+)");
	becomes("\\Q<user>\\E<user>", "\\Q<user>\\E(?<user>[a-z]+)");
	becomes("(?#<user>)<user>", "(?#<user>)(?<user>[a-z]+)");
}

static void
test_not_names(void **state)
{
	(void)state;
	same("");
	same("(?<user>x)");
	same("(?P<user>x)");
	same("(?<user>x)\\k<user>\\g<user>");
	same("(?<user>x)(?(<user>)y|z)");
	same("(?<=a)b(?<!c)");
	same("\\<user>");
	same("<14> < user> <> <user <1a>");
	same("[<user>] [[:alpha:]<user>]");
	same("\\Q<user>");
	same("a\\");
	same("[<user>");
}

static void
test_unknown_names(void **state)
{
	static const char *const	wrong[] = {
		"<usr>", "<User>", "<HOST>", "a<count>", "<match>", "<watch>",
		"<loop>", "<user-name>", "<a.b>",
		"<a_name_that_is_longer_than_pcre2_takes>"
	};
	size_t				i;

	(void)state;
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_null(expand(wrong[i]));
		assert_int_equal(report_count(), 1);
		assert_non_null(strstr(report_text(), "test:1: found <"));
	}
}

static void
test_tags(void **state)
{
	(void)state;
	assert_int_equal(run_argv_tag("<a>"), 3);
	assert_int_equal(run_argv_tag("<_a9.b-c>x"), 9);
	assert_int_equal(run_argv_tag("<a"), 0);
	assert_int_equal(run_argv_tag("a>"), 0);
	assert_int_equal(run_argv_tag("<>"), 0);
	assert_int_equal(run_argv_tag("<9>"), 0);
	assert_true(regex_is_tag("addr") && regex_is_tag("count"));
	assert_false(regex_is_tag("user"));
}

/* Errors are at the byte of what was written. */
static void
test_error_places(void **state)
{
	static const struct {
		const char	*regex, *place;
	} wrong[] = {
		{ "a(b", "byte 4:" },
		{ "ab)", "byte 3," },
		{ "<addr>)", "byte 7," },
		{ "<addr>(", "byte 8," },
		{ "(<user>", "byte 8," },
		{ "a{2,1}<addr>", "byte 6," },
	};
	struct regex	*r;
	size_t		 i;

	(void)state;
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_non_null(r = expand(wrong[i].regex));
		assert_int_equal(regex_check(r, 0, NULL, &at), -1);
		if (strstr(report_text(), "byte ") == NULL ||
		    strncmp(strstr(report_text(), "byte "), wrong[i].place,
		    strlen(wrong[i].place) - 1) != 0)
			fail_msg("%s: %s", wrong[i].regex, report_text());
		regex_free(r);
	}
}

static void
test_groups(void **state)
{
	struct names	 names = { 0 };
	struct regex	*r;

	(void)state;
	assert_non_null(r = expand("<host> <user> (?<x>y) (?P<x>z)?"));
	assert_int_equal(regex_check(r, 0, &names, &at), 0);
	regex_free(r);
	assert_int_equal(names.n, 4);
	assert_true(names_has(&names, "addr") && names_has(&names, "host") &&
	    names_has(&names, "user") && names_has(&names, "x"));
	assert_string_equal(names_hint(&names, "usr"),
	    " (did you mean <user>?)");
	assert_string_equal(names_hint(&names, "something"), "");
	names_free(&names);
	r = regex_of("a?");
	assert_int_equal(regex_check(r, 0, NULL, &at), 1);
	regex_free(r);
}

/* A line too long for a message is told, not cut. */
static void
test_bound(void **state)
{
	static char	long_one[REGEX_MAX_LEN + 2];

	(void)state;
	memset(long_one, 'x', REGEX_MAX_LEN);
	assert_null(expand(long_one));
	assert_int_equal(report_count(), 1);
	long_one[REGEX_MAX_LEN - 1] = '\0';
	regex_free(expand(long_one));
	assert_int_equal(report_count(), 0);
}

/* Addresses. */

/* What the group called name has of s, "" if it has none; NULL: no match. */
static const char *
captured(const pcre2_code *code, const char *s, const char *name)
{
	static char		 buf[256];
	pcre2_match_data	*md;
	PCRE2_SIZE		 n = sizeof(buf);
	const char		*found = "";

	md = pcre2_match_data_create_from_pattern(code, NULL);
	if (pcre2_match(code, (PCRE2_SPTR)s, strlen(s), 0, 0, md, NULL) < 0)
		found = NULL;
	else if (pcre2_substring_copy_byname(md, (PCRE2_SPTR)name,
	    (PCRE2_UCHAR *)buf, &n) == 0)
		found = buf;
	pcre2_match_data_free(md);
	return found;
}

static pcre2_code *
compiled(const char *s)
{
	struct regex	*r = expand(s);
	pcre2_code	*code;
	PCRE2_SIZE	 offset;
	int		 error;

	assert_non_null(r);
	code = pcre2_compile((PCRE2_SPTR)regex_text(r), PCRE2_ZERO_TERMINATED,
	    PCRE2_DUPNAMES, &error, &offset, NULL);
	assert_non_null(code);
	regex_free(r);
	return code;
}

static void
captures(const char *regex, const char *s, const char *want)
{
	pcre2_code	*code = compiled(regex);
	const char	*got = captured(code, s, "addr");

	if (got == NULL)
		got = "nothing";
	if (want == NULL)
		want = "nothing";
	if (strcmp(got, want) != 0)
		fail_msg("%s in \"%s\" is %s, not %s", regex, s, got, want);
	pcre2_code_free(code);
}

static const char *const	v4[] = {
	"0.0.0.0", "1.2.3.4", "10.200.249.250", "255.255.255.255",
	"192.0.2.99"
};
static const char *const	v6[] = {
	"::", "::1", "1::", "2001:db8::1", "2001:DB8::a:b", "fe80::1",
	"1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8",
	"1::3:4:5:6:7:8", "1:2::4:5:6:7:8", "1:2:3::5:6:7:8",
	"1:2:3:4::6:7:8", "1:2:3:4:5::7:8", "1:2:3:4:5:6::8", "1::8",
	"1:2::7:8", "1:2:3::8", "0000:0000:0000:0000:0000:0000:0000:0001",
	"64:ff9b::192.0.2.1", "1:2:3:4:5:6:192.0.2.1", "::192.0.2.1",
	"1:2:3:4:5::192.0.2.1", "1::5:192.0.2.1"
};
static const char *const	mapped[] = {
	"::ffff:192.0.2.1", "::FFFF:1.2.3.4", "0:0:0:0:0:ffff:192.0.2.1"
};
static const char *const	none[] = {
	"", "1.2.3", "1.2.3.", "256.1.1.1", "1.2.3.256", "1.2.3.4.5",
	"1.2.3.04", "01.2.3.4", "1.2.3.1000", "a1.2.3.4", "1.2.3.4a",
	"1..2.3", ":", ":1", "1:", "12:34:56", "1::2::3", "12345::1",
	"::12345", "1:2:3:4:5:6:7:8:9", "g::1", "foo::bar", "std::string",
	"1:2:3:4:5:6:7", "00:11:22:33:44:55", "::1.2.3.400"
};

#define COUNT(list)	(sizeof(list) / sizeof(list[0]))

static void
test_addresses(void **state)
{
	char	line[128];
	size_t	i;

	(void)state;
	for (i = 0; i < COUNT(v4); i++) {
		snprintf(line, sizeof(line), "from %s port 1", v4[i]);
		captures("^from <addr> port", line, v4[i]);
		captures("from <addr4> port", line, v4[i]);
		captures("<addr>", line, v4[i]);
		captures("<addr6>", line, NULL);
		snprintf(line, sizeof(line), "(%s), %s.", v4[i], v4[i]);
		captures("^.<addr>.,", line, v4[i]);
		captures(", <addr>", line, v4[i]);
	}
	for (i = 0; i < COUNT(v6); i++) {
		snprintf(line, sizeof(line), "from %s port 1", v6[i]);
		captures("^from <addr> port", line, v6[i]);
		captures("^from <addr6> port", line, v6[i]);
		captures("^from <addr4> port", line, NULL);
		captures("<addr>", line, v6[i]);
		snprintf(line, sizeof(line), "peer=[%s]:443 %s: no", v6[i],
		    v6[i]);
		captures("peer=<addr>:", line, v6[i]);
		captures("peer=\\[<addr>\\]:", line, v6[i]);
		captures("443 <addr>: no", line, v6[i]);
		snprintf(line, sizeof(line), "%s%%eth0 x", v6[i]);
		captures("^<addr> x", line, v6[i]);
	}
}

static void
test_mapped(void **state)
{
	char	line[128];
	size_t	i;

	(void)state;
	for (i = 0; i < COUNT(mapped); i++) {
		snprintf(line, sizeof(line), "from %s port 1", mapped[i]);
		captures("^from <addr> port", line, mapped[i]);
		captures("^from <addr4> port", line, mapped[i]);
		captures("<addr6>", line, NULL);
	}
}

static void
test_no_addresses(void **state)
{
	char	line[128];
	size_t	i;

	(void)state;
	for (i = 0; i < COUNT(none); i++) {
		snprintf(line, sizeof(line), "from %s port", none[i]);
		captures("^from <addr> port", line, NULL);
		captures("^from <addr4> port", line, NULL);
		captures("^from <addr6> port", line, NULL);
	}
	captures("<addr>", "version 1.2.3.4.5 of it", NULL);
	captures("<addr>", "mac 00:11:22:33:44:55 of it", NULL);
}

static void
test_prefixes(void **state)
{
	(void)state;
	captures("<prefix>", "net 10.0.0.0/8 is", "10.0.0.0/8");
	captures("<prefix>", "net 10.0.0.0/32.", "10.0.0.0/32");
	captures("<prefix>", "net 2001:db8::/32 is", "2001:db8::/32");
	captures("<prefix>", "net ::/128", "::/128");
	captures("<prefix>", "net 10.0.0.0/33", NULL);
	captures("<prefix>", "net 10.0.0.0 /8", NULL);
	captures("<prefix>", "net 2001:db8::/129", NULL);
}

static void
test_hosts(void **state)
{
	pcre2_code	*code = compiled("from <host>:");

	(void)state;
	captures("from <host>:", "from 192.0.2.1: x", "192.0.2.1");
	captures("from <host>:", "from [2001:db8::1]: x", "2001:db8::1");
	captures("from <host>:", "from mail.example.org: x", "");
	captures("from <host>:", "from : x", NULL);
	assert_string_equal(captured(code, "from a-b.example.org: x", "host"),
	    "a-b.example.org");
	assert_string_equal(captured(code, "from 192.0.2.1: x", "host"), "");
	pcre2_code_free(code);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_not_names),
		cmocka_unit_test(test_unknown_names),
		cmocka_unit_test(test_tags),
		cmocka_unit_test(test_error_places),
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_bound),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_mapped),
		cmocka_unit_test(test_no_addresses),
		cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_hosts),
	};

	log_init(LOG_TO_STDERR, "regex");
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

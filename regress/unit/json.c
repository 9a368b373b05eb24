/* LINK: refract-parser/json.o */
/*
 * JSON lines: what is found, what is refused, and that nothing of a broken
 * line is believed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "json.h"

static char	buf[256];

/* The value at path, in a copy without a byte behind it; NULL: not there. */
static const char *
find(const char *line, const char *path)
{
	static char		 value[256];
	struct json_want	 w = { path, NULL, 0 };
	size_t			 n = strlen(line);
	char			*copy = malloc(n == 0 ? 1 : n);
	int			 status;

	assert_non_null(copy);
	memcpy(copy, line, n);
	status = json_find(copy, n, &w, 1, buf, sizeof(buf));
	assert_true(w.n < sizeof(value));
	if (w.p != NULL)
		memcpy(value, w.p, w.n);
	value[w.n] = '\0';
	free(copy);
	if (status == -1)
		return "(broken)";
	return w.p == NULL ? NULL : value;
}

static void
test_paths(void **arg)
{
	(void)arg;
	assert_string_equal(find("{\"a\":\"x\"}", "a"), "x");
	assert_string_equal(find(" { \"a\" : \"x\" , \"b\" : 1 } ", "b"), "1");
	assert_string_equal(find("{\"a\":{\"b\":{\"c\":\"x\"}}}", "a.b.c"),
	    "x");
	assert_string_equal(find("{\"a.b\":{\"c\":\"x\"}}", "a.b.c"), "x");
	assert_string_equal(find("{\"a\":{\"b.c\":\"x\"}}", "a.b.c"), "x");
	assert_null(find("{\"a\":{\"b\":\"x\"}}", "b"));
	assert_null(find("{\"a\":{\"b\":\"x\"}}", "a"));
	assert_null(find("{\"ab\":\"x\"}", "a"));
	assert_null(find("{\"a\":\"x\"}", "ab"));
	assert_null(find("{\"a\":\"x\"}", "a."));
	assert_null(find("{\"a\":[{\"b\":\"x\"}]}", "a.b"));
	assert_null(find("{\"\":\"x\"}", "a"));
	assert_null(find("{}", "a"));
	assert_null(find("{\"a\":1}", ""));
	assert_null(find("{\"a\":1}", NULL));
	/* The last one, as everybody else reads it. */
	assert_string_equal(find("{\"a\":\"x\",\"a\":\"y\"}", "a"), "y");
	assert_null(find("{\"a\":\"x\",\"a\":{}}", "a"));
	assert_null(find("{\"a\":\"x\",\"a\":null}", "a"));
	/* A key is what it says, however it is written. */
	assert_string_equal(find("{\"\\u0061\":\"x\"}", "a"), "x");
	assert_null(find("{\"a\\u0000\":\"x\"}", "a"));
}

static void
test_values(void **arg)
{
	(void)arg;
	assert_string_equal(find("{\"a\":\"\"}", "a"), "");
	assert_string_equal(find("{\"a\":true}", "a"), "true");
	assert_string_equal(find("{\"a\":false}", "a"), "false");
	assert_string_equal(find("{\"a\":-1.5e+3}", "a"), "-1.5e+3");
	assert_string_equal(find("{\"a\":0}", "a"), "0");
	assert_string_equal(find("{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"}", "a"),
	    "\"\\/\b\f\n\r\t");
	assert_string_equal(find("{\"a\":\"\\u00e9\\u20AC\\ud83d\\uDE00\"}",
	    "a"), "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
	/* Half a pair is no character, and no end either. */
	assert_string_equal(find("{\"a\":\"\\ud83dx\"}", "a"),
	    "\xef\xbf\xbdx");
	assert_string_equal(find("{\"a\":\"\\ude00\\ud83d\"}", "a"),
	    "\xef\xbf\xbd\xef\xbf\xbd");
	assert_string_equal(find("{\"a\":\"\\ud83d\\u0041\"}", "a"),
	    "\xef\xbf\xbd" "A");
	assert_string_equal(find("{\"a\":\"\xff\xfe\"}", "a"), "\xff\xfe");
}

static const char *const broken[] = {
	"", " ", "x", "1", "\"a\"", "[]", "[{\"a\":1}]", "{", "{\"a\"",
	"{\"a\":", "{\"a\":1", "{\"a\":1,", "{\"a\":1,}", "{,\"a\":1}",
	"{\"a\":1}}", "{\"a\":1} x", "{\"a\":1}{}", "{\"a\" 1}", "{a:1}",
	"{'a':1}", "{\"a\":01}", "{\"a\":1.}", "{\"a\":.5}", "{\"a\":-}",
	"{\"a\":+1}", "{\"a\":1e}", "{\"a\":0x1}", "{\"a\":NaN}",
	"{\"a\":tru}", "{\"a\":nul}", "{\"a\":truex}", "{\"a\":\"x}",
	"{\"a\":\"\\\"}", "{\"a\":\"\\x\"}", "{\"a\":\"\\u12\"}",
	"{\"a\":\"\\u12g4\"}", "{\"a\":\"\n\"}", "{\"a\":\"\t\"}",
	"{\"a\":[1,]}", "{\"a\":[1 2]}", "{\"a\":[1}", "{\"a\":{]}",
	"{\"a\":\"x\"", "{\"a\":\"x\",\"b\":}", "{\"a\":\"x\"}\x01"
};

static void
test_broken(void **arg)
{
	size_t	i;

	(void)arg;
	for (i = 0; i < sizeof(broken) / sizeof(broken[0]); i++)
		assert_string_equal(find(broken[i], "a"), "(broken)");
}

static void
nest(char *line, size_t depth)
{
	size_t	i;

	strcpy(line, "{\"b\":");
	for (i = 1; i < depth; i++)
		strcat(line, "[");
	for (i = 1; i < depth; i++)
		strcat(line, "]");
	strcat(line, ",\"a\":1}");
}

static void
test_bounds(void **arg)
{
	char			 line[1024];
	struct json_want	 w = { "a", NULL, 0 };

	(void)arg;
	nest(line, JSON_DEPTH);
	assert_string_equal(find(line, "a"), "1");
	nest(line, JSON_DEPTH + 1);
	assert_string_equal(find(line, "a"), "(broken)");
	strcpy(line, "{\"a\":\"\\n1234567\"}");
	assert_int_equal(json_find(line, strlen(line), &w, 1, buf, 9), 0);
	assert_int_equal(w.n, 8);
	assert_int_equal(json_find(line, strlen(line), &w, 1, buf, 8), -1);
}

static struct json_line	out;

static int
line(const char *field, const char *time, const char *addr, const char *text)
{
	static struct wire_watch	w;

	strcpy(w.json_field, field);
	strcpy(w.json_time, time);
	strcpy(w.json_addr, addr);
	return json_line(&w, text, strlen(text), &out);
}

#define IS(what, text)							\
	(out.what##_len == strlen(text) &&				\
	    memcmp(out.what, text, out.what##_len) == 0)

static void
test_line(void **arg)
{
	static const char docker[] = "{\"log\":\"from 1.2.3.4\\n\","
	    "\"stream\":\"stdout\",\"time\":\"2026-11-21T17:00:00.5Z\"}";

	(void)arg;
	assert_int_equal(line("log", "time", "ip", docker), 0);
	assert_true(IS(message, "from 1.2.3.4"));
	assert_true(IS(time, "2026-11-21T17:00:00.5Z"));
	assert_null(out.addr);
	assert_int_equal(line("msg", "time", "", docker), 1);
	assert_int_equal(line("log", "", "", "{\"log\":\"x\""), -1);
	/* Without a field, it is the line itself. */
	assert_int_equal(line("", "ts", "c.ip",
	    "{\"ts\":17.25,\"c\":{\"ip\":\"::1\"}}"), 0);
	assert_true(IS(message, "{\"ts\":17.25,\"c\":{\"ip\":\"::1\"}}"));
	assert_true(IS(time, "17.25"));
	assert_true(IS(addr, "::1"));
	/* A line stays one, whatever is in it. */
	assert_int_equal(line("m", "", "", "{\"m\":\"a\\nb\\u0000c\\r\\n\"}"),
	    0);
	assert_true(IS(message, "a b c"));
	assert_int_equal(line("m", "", "", "{\"m\":\"\\n\"}"), 0);
	assert_int_equal(out.message_len, 0);
	assert_int_equal(line("m", "m", "m", "{\"m\":\"1.2.3.4\"}"), 0);
	assert_true(IS(message, "1.2.3.4") && IS(addr, "1.2.3.4"));
}

int
main(void)
{
	static const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_broken),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_line)
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

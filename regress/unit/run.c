/*
 * What `<name>` in the argument of a command becomes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "addr.h"
#include "run_argv.h"

static char	out[RUN_ARGS_MAX];

static struct prefix	addr, net;

/* Strings with their NULs. */
#define FILL(args, values)	fill(args, sizeof(args), values,	\
				    sizeof(values) - 1)
#define WANT(n, args) do {						\
	assert_int_equal(n, sizeof(args));				\
	assert_memory_equal(out, args, sizeof(args));			\
} while (0)

static size_t
fill(const char *args, size_t len, const char *values, size_t values_len)
{
	struct run_values	v = { "sshd", &addr, &net, 7,
				    values, values_len };

	return run_argv_fill(out, sizeof(out), args, len, &v);
}

static void
test_names(void **state)
{
	(void)state;
	assert_int_equal(prefix_parse(&addr, "2001:db8::1"), 0);
	WANT(FILL("/bin/x\0<addr>\0<watch>\0<count>", ""),
	    "/bin/x\0" "2001:db8::1\0sshd\0" "7");
	WANT(FILL("/bin/x\0<user>\0<none>\0a<user>b<user>\0<match>",
	    "user\0bob\0match\0a line\0"),
	    "/bin/x\0bob\0\0abobbbob\0a line");
	/* What was captured goes before what we know. */
	WANT(FILL("/bin/x\0<addr>", "addr\0" "192.0.2.1\0"),
	    "/bin/x\0" "192.0.2.1");
	/* A name is all of it, or none. */
	WANT(FILL("/bin/x\0<use>\0<userx>\0<user", "user\0bob\0"),
	    "/bin/x\0\0\0<user");
	WANT(FILL("/bin/x\0<>\0<<user>>\0a < b > c\0<a-", "user\0bob\0"),
	    "/bin/x\0<>\0<bob>\0a < b > c\0<a-");
	/* A value is not a name, and a name not a value. */
	WANT(FILL("/bin/x\0<user>\0<bob>", "user\0<addr>\0x\0bob\0"),
	    "/bin/x\0<addr>\0");
	/* What a ban covers; what is no name. */
	WANT(FILL("/bin/x\0<net>\0<9>", ""), "/bin/x\0\0<9>");
	assert_int_equal(prefix_parse(&net, "2001:db8::/64"), 0);
	WANT(FILL("/bin/x\0<net>", ""), "/bin/x\0" "2001:db8::/64");
	addr.family = 0;
	WANT(FILL("/bin/x\0<addr>", ""), "/bin/x\0");
}

static void
test_bytes(void **state)
{
	(void)state;
	WANT(FILL("/bin/x\0<user>", "user\0a b'\"`$(id);-x*?\\\\\0"),
	    "/bin/x\0a b'\"`$(id);-x*?\\\\");
	WANT(FILL("/bin/x\0<user>", "user\0-rf\0"), "/bin/x\0-rf");
	WANT(FILL("/bin/x\0<user>", "user\0\n\x1b[31m\x7f\0"),
	    "/bin/x\0\\012\\033[31m\\177");
	WANT(FILL("/bin/x\0<user>", "user\0\xc3\xa4\0"), "/bin/x\0\xc3\xa4");
	/* The configuration's own bytes are its author's. */
	WANT(FILL("/bin/x\0a\nb", ""), "/bin/x\0a\nb");
}

/* A name that is not meant. */
static void
test_escapes(void **state)
{
	(void)state;
	WANT(FILL("/bin/x\0\\<user>\0a\\<b.c-d>", "user\0bob\0"),
	    "/bin/x\0<user>\0a<b.c-d>");
	WANT(FILL("/bin/x\0\\\\<user>\0\\\\\\<user>", "user\0bob\0"),
	    "/bin/x\0\\bob\0\\<user>");
	/* Elsewhere a backslash is one. */
	WANT(FILL("/bin/x\0a\\b\\\\\0\\<\\<9>\\", ""),
	    "/bin/x\0a\\b\\\\\0\\<\\<9>\\");
	WANT(FILL("/bin/x\0\\", ""), "/bin/x\0\\");
}

/* All of it or nothing. */
static void
test_length(void **state)
{
	struct run_values	 v = { "w", &addr, &net, 1,
				    "a\0" "1234567890", 13 };
	static const char	 args[] = "x\0<a><a>";

	(void)state;
	assert_int_equal(run_argv_fill(out, 23, args, sizeof(args), &v), 23);
	assert_int_equal(run_argv_fill(out, 22, args, sizeof(args), &v), 0);
	assert_int_equal(run_argv_fill(out, 2, args, sizeof(args), &v), 0);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_escapes),
		cmocka_unit_test(test_length)
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

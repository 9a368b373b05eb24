/* LINK: refract-parser/journal.o */
/*
 * The journal's export format, whole and byte by byte, text and binary, and
 * what is not that format.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "journal.h"

#define CURSOR	"s=58e9;i=1f;b=11;m=3e9;t=66;x=7a"

static struct journal	*j;
static unsigned int	 nentries;
static uint64_t		 broken;
static char		 line[3 * LINE_MAX_LEN], message[3 * LINE_MAX_LEN];
static struct journal_entry last;
static char		 cursor[CURSOR_LEN];

static void
on_entry(void *arg, const struct journal_entry *e)
{
	assert_ptr_equal(arg, &nentries);
	nentries++;
	last = *e;
	strcpy(cursor, e->cursor);
	*line = *message = '\0';
	if (e->len == 0)
		return;
	assert_int_equal(e->line[e->len - 1], '\n');
	assert_ptr_equal(e->message + e->message_len, e->line + e->len);
	memcpy(line, e->line, e->len - 1);
	line[e->len - 1] = '\0';
	memcpy(message, e->message, e->message_len - 1);
	message[e->message_len - 1] = '\0';
}

/* In pieces of `step`, each with what was not used before it. */
static void
feed(const char *p, size_t n, size_t step)
{
	static char	 buf[8 * LINE_MAX_LEN];
	size_t		 have = 0, more, used;

	nentries = 0;
	broken = 0;
	journal_free(j);
	assert_non_null(j = journal_new());
	for (; n > 0; n -= more, p += more) {
		more = n < step ? n : step;
		assert_true(have + more <= sizeof(buf));
		memcpy(buf + have, p, more);
		have += more;
		used = journal_feed(j, buf, have, on_entry, &nentries,
		    &broken);
		assert_true(used <= have);
		have -= used;
		memmove(buf, buf + used, have);
		assert_true(have < JOURNAL_NEED);
	}
}

static void
test_entry(void **arg)
{
	static const char text[] = "__CURSOR=" CURSOR "\n"
	    "__REALTIME_TIMESTAMP=1795281149000001\n"
	    "__MONOTONIC_TIMESTAMP=1001\n_BOOT_ID=11\n_PID=77\n"
	    "SYSLOG_IDENTIFIER=sshd\n_COMM=x\n_HOSTNAME=h\n"
	    "MESSAGE=Failed = a\n\n"
	    "__CURSOR=s=58e9;i=20;b=11;m=3e9;t=66;x=7a\n"
	    "MESSAGE=second\n_COMM=cron\nSYSLOG_PID=5\n_PID=77\n\n";
	size_t	step;

	(void)arg;
	for (step = 1; step <= sizeof(text); step++) {
		feed(text, (size_t)(strstr(text, "\n\n") - text) + 2, step);
		assert_int_equal(nentries, 1);
		assert_string_equal(line, "h sshd[77]: Failed = a");
		assert_string_equal(message, "Failed = a");
		assert_string_equal(cursor, CURSOR);
		assert_true(last.at == 1795281149000001);
		assert_int_equal(last.number, 0x1f);
		feed(text, sizeof(text) - 1, step);
		assert_int_equal(nentries, 2);
		assert_string_equal(line, "cron[5]: second");
		assert_true(last.at == 0);
		assert_int_equal(last.number, 0x20);
		assert_int_equal(broken, 0);
	}
}

/* NAME, its value's length, the value. */
static size_t
binary(char *to, const char *name, const void *p, uint64_t n)
{
	size_t	len = strlen(name), i;

	memcpy(to, name, len);
	to[len++] = '\n';
	for (i = 0; i < 8; i++)
		to[len++] = (char)(n >> 8 * i);
	memcpy(to + len, p, n);
	to[len + n] = '\n';
	return len + n + 1;
}

static void
test_binary(void **arg)
{
	char	text[256];
	size_t	n = 0, step;

	(void)arg;
	n += binary(text, "OTHER", "\n\nMESSAGE=no\n\n", 14);
	n += binary(text + n, "MESSAGE", "two\nlines", 9);
	n += binary(text + n, "SYSLOG_IDENTIFIER", "a\nb", 3);
	n += binary(text + n, "EMPTY", "", 0);
	strcpy(text + n, "\n");
	for (step = 1; step <= n + 1; step++) {
		feed(text, n + 1, step);
		assert_int_equal(nentries, 1);
		assert_string_equal(line, "a?b: two\\nlines");
		assert_string_equal(message, "two\\nlines");
		assert_int_equal(broken, 0);
		assert_string_equal(cursor, "");
		assert_int_equal(last.identity, 0);
	}
}

static char	big[6 * LINE_MAX_LEN];

static void
test_long(void **arg)
{
	static char	text[7 * LINE_MAX_LEN];
	size_t		n, step;

	(void)arg;
	memset(big, 'x', sizeof(big));
	for (step = 1000; step <= 300000; step += 99500) {
		/* Another field, however long, is no matter. */
		n = binary(text, "COREDUMP", big, sizeof(big));
		strcpy(text + n, "MESSAGE=a\n\n");
		feed(text, n + 11, step);
		assert_int_equal(nentries, 1);
		assert_string_equal(line, "a");
		assert_int_equal(last.too_long, 0);
		n = binary(text, "MESSAGE", big, sizeof(big));
		strcpy(text + n, "\nMESSAGE=b\n\n");
		feed(text, n + 1, step);
		assert_int_equal(nentries, 1);
		assert_int_equal(last.too_long, 1);
		assert_int_equal(last.len, 0);
		feed(text, n + 12, step);
		assert_int_equal(nentries, 2);
		assert_string_equal(line, "b");
		/* As text, which journalctl does not make so long. */
		n = (size_t)sprintf(text, "MESSAGE=%.*s\n\nMESSAGE=b\n\n",
		    (int)sizeof(big) - 1, big);
		feed(text, n, step);
		assert_int_equal(nentries, 2);
		assert_string_equal(line, "b");
		assert_int_equal(broken, 0);
	}
	/* The longest that is a line. */
	n = binary(text, "MESSAGE", big, LINE_MAX_LEN);
	strcpy(text + n, "\n");
	feed(text, n + 1, 1000);
	assert_int_equal(strlen(message), LINE_MAX_LEN);
	assert_int_equal(last.too_long, 0);
}

static void
test_broken(void **arg)
{
	static const char *const lines[] = {
		"small=1\n", "=1\n", "A B=1\n", "\x01\n",
		("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
		"AAAAAAAAAAAAAAAAAA=1\n")
	};
	char	text[256];
	size_t	i, n;

	(void)arg;
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		n = (size_t)sprintf(text, "MESSAGE=a\n%sMESSAGE=b\n\n"
		    "MESSAGE=c\n\n", lines[i]);
		feed(text, n, 7);
		assert_int_equal(broken, 1);
		assert_int_equal(nentries, 1);
		assert_string_equal(line, "c");
	}
	/* A length that cannot be, and one that does not end in a newline. */
	memcpy(text, "MESSAGE\n\xff\xff\xff\xff\xff\xff\xff\xff\n\nMESSAGE=c"
	    "\n\n", 30);
	feed(text, 29, 3);
	assert_int_equal(broken, 1);
	assert_string_equal(line, "c");
	n = binary(text, "MESSAGE", "abc", 3);
	strcpy(text + n - 1, "x\n\nMESSAGE=d\n\n");
	feed(text, n + 14, 3);
	assert_int_equal(broken, 1);
	assert_string_equal(line, "d");
}

/* It becomes an argument of journalctl(1). */
static void
test_cursor(void **arg)
{
	static const char *const bad[] = {
		"s=1;i=2 --file=/x", "s=1;i=2;b=\"", "--x", "s=1;i=2;b=../x"
	};
	char	text[1024];
	size_t	i, n;

	(void)arg;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		n = (size_t)sprintf(text, "__CURSOR=%s\nMESSAGE=x\n\n",
		    bad[i]);
		feed(text, n, n);
		assert_int_equal(nentries, 1);
		assert_string_equal(cursor, "");
		assert_int_equal(last.identity, 0);
	}
	/* Too long to be kept: none. */
	n = (size_t)sprintf(text, "__CURSOR=s=%0300d\nMESSAGE=x\n\n", 1);
	feed(text, n, n);
	assert_string_equal(cursor, "");
	/* Of another kind: it names an entry all the same. */
	n = (size_t)sprintf(text, "__CURSOR=abc\nMESSAGE=x\n\n");
	feed(text, n, n);
	assert_string_equal(cursor, "abc");
	assert_int_equal(last.number, 1);
	assert_int_not_equal(last.identity, 0);
}

/* Of one sequence: one identity, and numbers that grow. */
static void
test_identity(void **arg)
{
	uint64_t	first;

	(void)arg;
	feed("__CURSOR=s=aa;i=1;b=1\n\n", 23, 99);
	first = last.identity;
	assert_int_equal(last.len, 0);
	feed("__CURSOR=s=aa;i=2;b=2\n\n", 23, 99);
	assert_true(last.identity == first && last.number == 2);
	feed("__CURSOR=s=ab;i=2;b=2\n\n", 23, 99);
	assert_true(last.identity != first);
}

int
main(void)
{
	static const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_entry),
		cmocka_unit_test(test_binary),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_broken),
		cmocka_unit_test(test_cursor),
		cmocka_unit_test(test_identity)
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* LINK: refract-parser/syslog_line.o */
/*
 * Datagrams of syslog as programs and devices send them, RFC 3164's and RFC
 * 5424's examples among them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "syslog_line.h"

static const struct form {
	const char	*datagram;
	const char	*line;
	const char	*message;
	int		 stamped;
} forms[] = {
	/* RFC 3164, and what syslog(3) writes to a socket. */
	{ "<34>Oct 11 22:14:15 mymachine su: 'su root' failed for lonvick",
	    "Oct 11 22:14:15 mymachine su: 'su root' failed for lonvick",
	    "'su root' failed for lonvick", 1 },
	{ "<86>Nov  1 17:05:09 sshd[77]: Failed password",
	    "Nov  1 17:05:09 sshd[77]: Failed password", "Failed password",
	    1 },
	{ "<13>Nov 21 17:05:09 host app[1]: a: b\n",
	    "Nov 21 17:05:09 host app[1]: a: b", "a: b", 1 },
	/* rsyslog's forward format. */
	{ "<13>2026-11-21T17:05:09.123456+01:00 host app[1]: x",
	    "2026-11-21T17:05:09.123456+01:00 host app[1]: x", "x", 1 },
	/* Less than a standard asks for. */
	{ "<13>app: x", "app: x", "x", 0 },
	{ "<13>x", "x", "x", 0 },
	{ "app[1]: x", "app[1]: x", "x", 0 },
	{ "<13>one two three: x", "one two three: x", "one two three: x", 0 },
	{ "<13>Nov 21 17:05 host app: x", "Nov 21 17:05 host app: x",
	    "Nov 21 17:05 host app: x", 0 },
	{ "<>x", "<>x", "<>x", 0 },
	{ "<1234>x", "<1234>x", "<1234>x", 0 },
	{ "<12", "<12", "<12", 0 },
	/* RFC 5424, section 6.5. */
	{ "<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - "
	    "\xef\xbb\xbf'su root' failed for lonvick on /dev/pts/8",
	    "2003-10-11T22:14:15.003Z mymachine.example.com su: "
	    "'su root' failed for lonvick on /dev/pts/8",
	    "'su root' failed for lonvick on /dev/pts/8", 1 },
	{ "<165>1 2003-08-24T05:14:15.000003-07:00 192.0.2.1 myproc 8710 - - "
	    "%% It's time to make the do-nuts.",
	    "2003-08-24T05:14:15.000003-07:00 192.0.2.1 myproc[8710]: "
	    "%% It's time to make the do-nuts.",
	    "%% It's time to make the do-nuts.", 1 },
	{ "<165>1 2003-10-11T22:14:15.003Z h evntslog - ID47 "
	    "[exampleSDID@32473 iut=\"3\" e=\"A\\\"]pp\"][x@1 p=\"h\"] event",
	    "2003-10-11T22:14:15.003Z h evntslog: event", "event", 1 },
	{ "<165>1 - - - - - - x", "x", "x", 0 },
	{ "<165>1 - h a 5 - - x", "h a[5]: x", "x", 0 },
	{ "<165>1 2003-10-11T22:14:15.003Z h a - ID47 [x@1 p=\"h\"]",
	    "2003-10-11T22:14:15.003Z h a: ", "", 1 },
	/* Cut short. */
	{ "<165>1 ", "1 ", "1 ", 0 },
	{ "<165>1 2003-10-11T22:14:15.003Z", "2003-10-11T22:14:15.003Z ", "",
	    1 },
	{ "<165>1 - h a - - [x p=\"]", "h a: ", "", 0 },
	/* One line, whatever is in it. */
	{ "<13>app: a\nb\nc\n\n", "app: a b c", "a b c", 0 },
	{ "<13>1 - h a - - - a\nb\r\n", "h a: a b", "a b", 0 }
};

static void
check(const struct form *f)
{
	struct syslog_line	 l;
	size_t			 n = strlen(f->datagram);
	char			*p = malloc(n + 1), *buf;

	buf = malloc(n + SYSLOG_ROOM);
	assert_non_null(p);
	assert_non_null(buf);
	memcpy(p, f->datagram, n);
	syslog_line(p, n, buf, &l);
	assert_int_equal(l.len, strlen(f->line) + 1);
	assert_memory_equal(l.line, f->line, l.len - 1);
	assert_int_equal(l.line[l.len - 1], '\n');
	assert_int_equal(l.message_len, strlen(f->message) + 1);
	assert_memory_equal(l.message, f->message, l.message_len - 1);
	assert_ptr_equal(l.message + l.message_len, l.line + l.len);
	assert_int_equal(l.stamped, f->stamped);
	free(p);
	free(buf);
}

static void
test_forms(void **arg)
{
	size_t	i;

	(void)arg;
	for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		check(&forms[i]);
}

static void
test_empty(void **arg)
{
	static const char *const	empty[] = {
		"", "\n", "<13>", "<13>\n"
	};
	struct syslog_line		 l;
	char				 p[16], buf[32];
	size_t				 i;

	(void)arg;
	for (i = 0; i < sizeof(empty) / sizeof(empty[0]); i++) {
		strcpy(p, empty[i]);
		syslog_line(p, strlen(empty[i]), buf, &l);
		assert_int_equal(l.len, 0);
	}
	memcpy(p, "<13>a: b\0c\0\0", 12);
	syslog_line(p, 12, buf, &l);
	assert_int_equal(l.len, 7);
	assert_memory_equal(l.line, "a: b c\n", 7);
}

int
main(void)
{
	static const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_empty)
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

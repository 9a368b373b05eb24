/* LINK: refract-parser/stream.o refract-parser/journal.o */
/* LINK: refract-parser/syslog_line.o */
/*
 * Streams read from real pipes, files and sockets: every line once, none in
 * parts; and how far a journal was read, over a restart.
 */
#include <sys/socket.h>

#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "log.h"
#include "stream.h"

#define SOURCE	7
#define NUMBER	70

static struct event_base	*base;
static char			 got[8 * LINE_MAX_LEN];	/* all lines so far */
static size_t			 ngot;
static unsigned int		 nblocks, nlive, ndone, ngrown;
static uint64_t			 nevents[STREAM_ERROR + 1];
static struct block		 last;
static struct msg_stream_done	 done;
static struct msg_position	 position;
static unsigned int		 npositions;
static int			 full, bare, is_gone;
static uint64_t			 path_hash = 2;

static void
on_lines(const struct block *b)
{
	assert_null(b->file);
	assert_int_equal(b->source, SOURCE);
	assert_int_equal(b->p[b->n - 1], '\n');
	assert_true(ngot + b->n < sizeof(got));
	memcpy(got + ngot, b->p, b->n);
	ngot += b->n;
	got[ngot] = '\0';
	nblocks++;
	nlive += b->offset + b->n > b->live_from;
	last = *b;
}

static void
on_event(uint32_t source, const char *name, enum stream_event what, uint64_t n)
{
	assert_int_equal(source, SOURCE);
	assert_string_equal(name, "test");
	nevents[what] += n == 0 ? 1 : n;
}

static void
on_done(const struct msg_stream_done *m)
{
	done = *m;
	ndone++;
}

static int
is_full(void)
{
	return full;
}

static void
owner(uint32_t source, uint64_t *watch, uint64_t *path)
{
	(void)source;
	*watch = 1;
	*path = path_hash;
}

static int
is_known(uint64_t watch, uint64_t source)
{
	return watch == 1 && source == path_hash;
}

static void
grown(void)
{
	ngrown++;
}

static int
is_bare(uint32_t source)
{
	(void)source;
	return bare;
}

static int
gone(uint32_t source)
{
	(void)source;
	return is_gone;
}

static void
on_position(const struct msg_position *m)
{
	position = *m;
	npositions++;
}

static const struct stream_ops	ops = {
	.lines = on_lines, .event = on_event, .done = on_done, .full = is_full,
	.owner = owner, .known = is_known, .grown = grown, .bare = is_bare
};

static void
turn(void)
{
	int	i;

	for (i = 0; i < 50; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
}

static int
setup(void **arg)
{
	(void)arg;
	base = event_base_new();
	stream_init(base, &ops);
	ngot = 0;
	nblocks = nlive = ndone = ngrown = npositions = 0;
	full = bare = is_gone = 0;
	path_hash = 2;
	*got = '\0';
	memset(nevents, 0, sizeof(nevents));
	memset(&done, 0, sizeof(done));
	return base == NULL;
}

static int
teardown(void **arg)
{
	(void)arg;
	stream_clear();
	event_base_free(base);
	return 0;
}

static void
open_as(int fd, uint32_t kind)
{
	struct msg_stream	m = {
		.stream = NUMBER, .source = SOURCE, .kind = kind,
		.since = 1000, .name = "test"
	};

	stream_open(&m, fd);
}

static void
open_pipe(int *writer, uint32_t kind)
{
	int	fds[2];

	assert_int_equal(pipe2(fds, O_NONBLOCK), 0);
	assert_true(fcntl(fds[1], F_SETPIPE_SZ, 1024 * 1024) > 0);
	open_as(fds[0], kind);
	*writer = fds[1];
}

static void
put(int fd, const char *s)
{
	assert_int_equal(write(fd, s, strlen(s)), strlen(s));
	turn();
}

static void
test_lines(void **arg)
{
	uint64_t	identity;
	int		fd;

	(void)arg;
	open_pipe(&fd, STREAM_LINES);
	put(fd, "one\ntw");
	assert_string_equal(got, "one\n");
	identity = last.identity;
	assert_int_not_equal(identity, 0);
	put(fd, "o\nthree\n");
	assert_string_equal(got, "one\ntwo\nthree\n");
	assert_true(last.offset == 4 && last.identity == identity);
	assert_int_equal(nlive, nblocks);
	put(fd, "rest");
	close(fd);
	assert_int_equal(ndone, 0);
	turn();
	assert_string_equal(got, "one\ntwo\nthree\nrest\n");
	assert_int_equal(ndone, 1);
	assert_int_equal(done.stream, NUMBER);
	assert_string_equal(done.cursor, "");
	/* The next one's lines are not these, whatever their offsets are. */
	open_pipe(&fd, STREAM_LINES);
	put(fd, "one\n");
	assert_true(last.offset == 0 && last.identity != identity);
	close(fd);
}

static void
test_long_lines(void **arg)
{
	static char	x[3 * LINE_MAX_LEN];
	int		fd;

	(void)arg;
	memset(x, 'x', sizeof(x) - 1);
	open_pipe(&fd, STREAM_LINES);
	put(fd, "a\n");
	put(fd, x);
	put(fd, x);
	put(fd, "\nb\n");
	assert_string_equal(got, "a\nb\n");
	assert_int_equal(nevents[STREAM_LONG], 1);
	/* Too long, and the end. */
	put(fd, x);
	close(fd);
	turn();
	assert_string_equal(got, "a\nb\n");
	assert_int_equal(nevents[STREAM_LONG], 2);
	assert_int_equal(ndone, 1);
}

static void
test_pressure(void **arg)
{
	int	fd;

	(void)arg;
	stream_hold();
	open_pipe(&fd, STREAM_LINES);
	put(fd, "a\n");
	assert_int_equal(ngot, 0);
	stream_go();
	turn();
	assert_string_equal(got, "a\n");
	full = 1;
	put(fd, "b\n");
	put(fd, "c\n");
	assert_string_equal(got, "a\n");
	full = 0;
	turn();
	assert_string_equal(got, "a\n");
	stream_resume();
	turn();
	assert_string_equal(got, "a\nb\nc\n");
	/* At a stop all that is there, whatever was asked before. */
	full = 1;
	put(fd, "d\ne");
	assert_string_equal(got, "a\nb\nc\n");
	stream_finish();
	assert_string_equal(got, "a\nb\nc\nd\n");
	put(fd, "\n");
	assert_string_equal(got, "a\nb\nc\nd\n");
	close(fd);
}

static void
test_drop(void **arg)
{
	int	fd;

	(void)arg;
	open_pipe(&fd, STREAM_LINES);
	assert_int_equal(stream_count_source(SOURCE), 1);
	stream_drop(gone);
	assert_int_equal(stream_count_source(SOURCE), 1);
	is_gone = 1;
	stream_drop(gone);
	assert_int_equal(stream_count_source(SOURCE), 0);
	assert_int_equal(ndone, 0);
	close(fd);
}

/* Standard input may be a file, which cannot be waited for, or nothing. */
static void
test_file(void **arg)
{
	char	path[] = "/tmp/refract-stream-XXXXXX";
	int	fd = mkstemp(path);

	(void)arg;
	assert_true(fd != -1);
	unlink(path);
	assert_int_equal(write(fd, "a\nb\nc", 5), 5);
	lseek(fd, 0, SEEK_SET);
	open_as(fd, STREAM_LINES);
	turn();
	assert_string_equal(got, "a\nb\nc\n");
	assert_int_equal(nlive, 0);
	assert_int_equal(ndone, 1);
	open_as(open("/dev/null", O_RDONLY), STREAM_LINES);
	turn();
	assert_int_equal(ndone, 2);
}

#define ENTRY(i, us, text)						\
	"__CURSOR=s=aa;i=" i ";b=1\n__REALTIME_TIMESTAMP=" us "\n"	\
	"_HOSTNAME=h\nSYSLOG_IDENTIFIER=a\n_PID=5\nMESSAGE=" text "\n\n"

static void
test_journal(void **arg)
{
	int	fd;

	(void)arg;
	open_pipe(&fd, STREAM_JOURNAL);
	stream_positions(0, on_position);
	assert_int_equal(npositions, 1);
	assert_string_equal(position.name, "");
	assert_int_equal(position.flags, POSITION_CURSOR);
	assert_true(position.modified == 1000000000);
	assert_true(position.watch == 1 && position.source == 2);
	put(fd, ENTRY("a", "7000001", "one") "__CURSOR=s=aa;i=b;b=1\n");
	assert_string_equal(got, "h a[5]: one\n");
	assert_true(last.at == 7000001 && last.offset + last.n == 10);
	assert_int_equal(nlive, 0);	/* of 1970 */
	assert_int_equal(ngrown, 1);
	stream_positions(0, on_position);
	assert_int_equal(npositions, 2);
	assert_string_equal(position.name, "s=aa;i=a;b=1");
	assert_true(position.offset == 10 && position.last == 7000001 &&
	    position.identity == last.identity);
	stream_positions(0, on_position);
	assert_int_equal(npositions, 2);
	put(fd, "MESSAGE=two\n\n__CURSOR=s=aa;i=c;b=1\nMESSAGE=thr");
	assert_string_equal(got, "h a[5]: one\ntwo\n");
	assert_true(last.offset + last.n == 11);
	close(fd);
	turn();
	/* Half an entry is none: it will come again. */
	assert_string_equal(got, "h a[5]: one\ntwo\n");
	assert_int_equal(ndone, 1);
	assert_string_equal(done.cursor, "s=aa;i=b;b=1");
	/* What the ledger is told anew has it, though nothing is open. */
	npositions = 0;
	stream_positions(1, on_position);
	assert_int_equal(npositions, 1);
	assert_string_equal(position.name, "s=aa;i=b;b=1");
	path_hash = 3;
	stream_positions(1, on_position);
	assert_int_equal(npositions, 1);
}

static void
test_journal_resumed(void **arg)
{
	struct msg_position	m = {
		.watch = 1, .source = 2, .flags = POSITION_CURSOR,
		.name = "s=aa;i=5"
	};
	int			fd;

	(void)arg;
	stream_hold();
	open_pipe(&fd, STREAM_JOURNAL);
	stream_position(&m);	/* it may come after the stream */
	stream_go();
	bare = 1;
	put(fd, ENTRY("b", "99999999999999999", "from \x01"));
	assert_string_equal(got, "from \x01\n");
	put(fd, ENTRY("c", "9999999999999999", "x"));
	assert_int_equal(nlive, 2);
	put(fd, "no\n\n");
	assert_int_equal(nevents[STREAM_BROKEN], 1);
	close(fd);
	turn();
	assert_string_equal(done.cursor, "s=aa;i=c;b=1");
}

static int
udp(struct sockaddr_in *sin)
{
	socklen_t	len = sizeof(*sin);
	int		fd = socket(AF_INET, SOCK_DGRAM, 0), on = 1;
	int		size = 4096;

	memset(sin, 0, sizeof(*sin));
	sin->sin_family = AF_INET;
	sin->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)sin, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)sin, &len), 0);
	setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	return fd;
}

static void
test_syslog(void **arg)
{
	struct sockaddr_in	sin;
	int			fd, i, n = 0;

	(void)arg;
	open_as(udp(&sin), STREAM_SYSLOG);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&sin, sizeof(sin)),
	    0);
	put(fd, "<13>Nov 21 17:05:09 h a[1]: one\n");
	assert_string_equal(got, "Nov 21 17:05:09 h a[1]: one\n");
	assert_true(last.at == 0 && nlive == 1);
	put(fd, "<13>a[1]: two");
	assert_true(last.at > 1000000);
	assert_int_equal(nblocks, 2);
	bare = 1;
	put(fd, "<13>1 2003-10-11T22:14:15.003Z h a - - - {\"a\":1}");
	assert_non_null(strstr(got, "two\n{\"a\":1}\n"));
	assert_true(last.at == 0);
	put(fd, "");
	put(fd, "<13>");
	assert_int_equal(nblocks, 3);
	/* More than there is room for: counted with the next that comes. */
	bare = 0;
	ngot = 0;
	for (i = 0; i < 100; i++)
		n += write(fd, "<13>a: a message", 16) == 16;
	assert_int_equal(n, 100);
	turn();
	put(fd, "<13>a: last");
	assert_true(nevents[STREAM_LOST] > 0);
	assert_int_equal(nblocks - 3 + nevents[STREAM_LOST], 101);
	close(fd);
}

static void
test_syslog_long(void **arg)
{
	static char	x[LINE_MAX_LEN + 10];
	int		fds[2];

	(void)arg;
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, fds), 0);
	open_as(fds[0], STREAM_SYSLOG);
	memset(x, 'x', sizeof(x) - 1);
	put(fds[1], x);
	assert_int_equal(nevents[STREAM_LONG], 1);
	assert_int_equal(nblocks, 0);
	x[LINE_MAX_LEN] = '\0';
	put(fds[1], x);
	assert_int_equal(ngot, LINE_MAX_LEN + 1);
	put(fds[1], "a\nb");
	assert_string_equal(got + LINE_MAX_LEN + 1, "a b\n");
	close(fds[1]);
}

int
main(void)
{
#define TEST(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)
	static const struct CMUnitTest	tests[] = {
		TEST(test_lines),
		TEST(test_long_lines),
		TEST(test_pressure),
		TEST(test_drop),
		TEST(test_file),
		TEST(test_journal),
		TEST(test_journal_resumed),
		TEST(test_syslog),
		TEST(test_syslog_long)
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Reading streams: a large block at a time into a stream's own buffer, of
 * which whole lines are given on where they lie.
 */
#include <sys/ioctl.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "args.h"
#include "journal.h"
#include "log.h"
#include "stream.h"
#include "syslog_line.h"
#include "timer.h"

#define BUF_LEN		(256 * 1024)	/* more than JOURNAL_NEED */
#define DATAGRAMS	64		/* in a turn */
#define FINISH_MAX	2000		/* ms */

struct stream {
	TAILQ_ENTRY(stream)	 entry;
	int			 fd;
	struct event		*ev;
	int			 timed;		/* it cannot be waited for */
	int			 waiting;	/* ev is added */
	int			 skipping;	/* in a line that is too long */
	int			 live;		/* it is what happens now */
	uint64_t		 watch, source;	/* hashes of their names */
	uint64_t		 identity;
	uint64_t		 offset;	/* bytes or datagrams so far */
	uint32_t		 drops;		/* what the kernel says */
	wall_t			 opened;
	struct journal		*journal;
	struct place		*place;		/* of a journal */
	size_t			 n;		/* bytes in buf */
	struct msg_stream	 m;
	char			 buf[BUF_LEN];
};
TAILQ_HEAD(streams, stream);

/* How far a journal was read, whether it is open or not. */
struct place {
	TAILQ_ENTRY(place)	 entry;
	int			 saved;
	struct msg_position	 m;
};
TAILQ_HEAD(places, place);

static struct stream_ops	 ops;
static struct event_base	*base;
static struct streams		 streams = TAILQ_HEAD_INITIALIZER(streams);
static struct places		 places = TAILQ_HEAD_INITIALIZER(places);
static int			 held;

static void
event(const struct stream *s, enum stream_event what, uint64_t n)
{
	ops.event(s->m.source, s->m.name, what, n);
}

/* Waiting. */

static void
wait_on(struct stream *s)
{
	if (s->waiting || held)
		return;
	s->waiting = 1;
	if (s->timed)
		timer_set(s->ev, 0);
	else if (event_add(s->ev, NULL) == -1)
		fatalx("%s: cannot be waited for", s->m.name);
}

static void
wait_no_more(struct stream *s)
{
	if (s->waiting)
		event_del(s->ev);
	s->waiting = 0;
}

static void
close_stream(struct stream *s)
{
	wait_no_more(s);
	event_free(s->ev);
	close(s->fd);
	journal_free(s->journal);
	TAILQ_REMOVE(&streams, s, entry);
	free(s);
}

static void
end(struct stream *s, enum stream_event why, uint64_t n)
{
	struct msg_stream_done	m;

	memset(&m, 0, sizeof(m));
	m.stream = s->m.stream;
	if (s->place != NULL)
		strlcpy(m.cursor, s->place->m.name, sizeof(m.cursor));
	event(s, why, n);
	close_stream(s);
	ops.done(&m);
}

/* Lines. */

static void
give(const struct stream *s, const char *p, size_t n, stamp_t at)
{
	struct block	b = {
		.source = s->m.source, .identity = s->identity,
		.name = s->m.name, .at = at, .p = p, .n = n,
		.offset = s->offset, .live_from = s->live ? 0 : UINT64_MAX,
		.now = wall_now(), .again = s->place != NULL
	};

	ops.lines(&b);
}

/* Keep what was not used, at the buffer's beginning. */
static void
keep_rest(struct stream *s, size_t used)
{
	s->offset += used;
	if (used > 0 && used < s->n)
		/* cppcheck-suppress pointerOutOfBoundsCond; n is its bound */
		memmove(s->buf, s->buf + used, s->n - used);
	s->n -= used;
}

/* The tail of a line that is too long, up to its newline. */
static size_t
skip_rest(struct stream *s)
{
	const char	*nl = memchr(s->buf, '\n', s->n);

	if (nl == NULL)
		return s->n;
	s->skipping = 0;
	return (size_t)(nl - s->buf) + 1;
}

static void
take_lines(struct stream *s)
{
	const char	*nl;

	if (s->skipping)
		keep_rest(s, skip_rest(s));
	if ((nl = memrchr(s->buf, '\n', s->n)) != NULL) {
		give(s, s->buf, (size_t)(nl - s->buf) + 1, 0);
		keep_rest(s, (size_t)(nl - s->buf) + 1);
	}
	if (s->n > LINE_MAX_LEN) {
		event(s, STREAM_LONG, 1);
		s->skipping = 1;
		keep_rest(s, s->n);
	}
}

/* A last line without its newline is a line. */
static void
take_last(struct stream *s)
{
	if (s->m.kind != STREAM_LINES || s->n == 0 || s->skipping)
		return;
	s->buf[s->n++] = '\n';
	take_lines(s);
}

/* The journal. */

/* Its own time is right; what was written before we looked is caught up on. */
static void
take_entry(void *arg, const struct journal_entry *e)
{
	struct stream	*s = arg;
	int		 bare = ops.bare(s->m.source);
	size_t		 n = bare ? e->message_len : e->len;

	s->identity = e->identity;
	s->offset = e->number - n;	/* so that it is the line's end */
	s->live = e->at == 0 || e->at / 1000 >= s->opened;
	if (e->too_long)
		event(s, STREAM_LONG, 1);
	else if (n > 0)
		give(s, bare ? e->message : e->line, n, e->at);
	if (*e->cursor == '\0')
		return;
	strlcpy(s->place->m.name, e->cursor, sizeof(s->place->m.name));
	s->place->m.identity = e->identity;
	s->place->m.offset = e->number;
	s->place->m.last = e->at;
	s->place->m.modified = e->at > INT64_MAX / 1000 ? 0 : e->at * 1000;
	s->place->saved = 0;
}

static void
take_journal(struct stream *s)
{
	uint64_t	broken = 0;
	size_t		used;

	used = journal_feed(s->journal, s->buf, s->n, take_entry, s, &broken);
	keep_rest(s, used);
	if (broken > 0)
		event(s, STREAM_BROKEN, broken);
	ops.grown();
}

/* Datagrams. */

/* How many the kernel dropped, as it says with each one that it did not. */
static void
take_drops(struct stream *s, struct msghdr *h)
{
	struct cmsghdr	*c;
	uint32_t	 n;

	for (c = CMSG_FIRSTHDR(h); c != NULL; c = CMSG_NXTHDR(h, c)) {
		if (c->cmsg_level != SOL_SOCKET ||
		    c->cmsg_type != SO_RXQ_OVFL)
			continue;
		memcpy(&n, CMSG_DATA(c), sizeof(n));
		if (n != s->drops)
			event(s, STREAM_LOST, n - s->drops);
		s->drops = n;
	}
}

static void
take_datagram(struct stream *s, size_t n, int cut)
{
	static char		 buf[LINE_MAX_LEN + SYSLOG_ROOM];
	struct syslog_line	 l;
	stamp_t			 at;
	int			 bare = ops.bare(s->m.source);

	s->offset++;
	if (cut) {
		event(s, STREAM_LONG, 1);
		return;
	}
	syslog_line(s->buf, n, buf, &l);
	at = bare || l.stamped ? 0 : (stamp_t)wall_now() * 1000;
	if (l.len > 0 && bare)
		give(s, l.message, l.message_len, at);
	else if (l.len > 0)
		give(s, l.line, l.len, at);
}

/* 1: there may be more; 0: there is not. */
static int
read_datagrams(struct stream *s)
{
	char		 control[64] __attribute__((__aligned__(8)));
	struct iovec	 iov = { s->buf, LINE_MAX_LEN };
	struct msghdr	 h;
	ssize_t		 n;
	int		 i;

	for (i = 0; i < DATAGRAMS; i++) {
		memset(&h, 0, sizeof(h));
		h.msg_iov = &iov;
		h.msg_iovlen = 1;
		h.msg_control = control;
		h.msg_controllen = sizeof(control);
		if ((n = recvmsg(s->fd, &h, MSG_DONTWAIT)) == -1)
			return errno == EINTR;
		take_drops(s, &h);
		take_datagram(s, (size_t)n, (h.msg_flags & MSG_TRUNC) != 0);
	}
	return 1;
}

/* Reading. */

/* 1: there may be more; 0: there is not; -1: s is gone. */
static int
read_bytes(struct stream *s)
{
	ssize_t	n;

	if ((n = read(s->fd, s->buf + s->n, sizeof(s->buf) - s->n - 1)) > 0) {
		s->n += (size_t)n;
		if (s->m.kind == STREAM_JOURNAL)
			take_journal(s);
		else
			take_lines(s);
		return 1;
	}
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n == -1) {
		end(s, STREAM_ERROR, (uint64_t)errno);
		return -1;
	}
	take_last(s);
	end(s, STREAM_ENDED, 0);
	return -1;
}

static int
read_some(struct stream *s)
{
	return s->m.kind == STREAM_SYSLOG ? read_datagrams(s) : read_bytes(s);
}

static void
on_readable(int fd, short what, void *arg)
{
	struct stream	*s = arg;

	(void)fd;
	(void)what;
	if (s->timed)
		s->waiting = 0;
	if (ops.full()) {
		wait_no_more(s);	/* stream_resume() goes on */
		return;
	}
	if (read_some(s) != -1)
		wait_on(s);
}

/* What is no pipe, socket or terminal is always ready, and says so to none. */
static int
is_timed(int fd)
{
	struct stat	st;

	return fstat(fd, &st) == -1 || S_ISREG(st.st_mode) ||
	    (S_ISCHR(st.st_mode) && major(st.st_rdev) == 1);
}

static int
is_file(int fd)
{
	struct stat	st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

/* Opening. */

static struct place *
place_of(uint64_t watch, uint64_t source)
{
	struct place	*p;

	TAILQ_FOREACH(p, &places, entry)
		if (p->m.watch == watch && p->m.source == source)
			break;
	return p;
}

static struct place *
place_new(void)
{
	struct place	*p;

	if ((p = calloc(1, sizeof(*p))) == NULL)
		fatal("stream");
	TAILQ_INSERT_TAIL(&places, p, entry);
	return p;
}

/* From the ledger, or one that begins when the parent had it begin. */
static void
find_place(struct stream *s)
{
	struct place	*p;

	if ((p = place_of(s->watch, s->source)) == NULL) {
		p = place_new();
		p->m.watch = s->watch;
		p->m.source = s->source;
		p->m.flags = POSITION_CURSOR;
		p->m.modified = s->m.since * 1000000;
	}
	s->place = p;
}

/* Lines that cannot be read again have a name that never was. */
static uint64_t
new_identity(void)
{
	uint64_t	id;

	do
		arc4random_buf(&id, sizeof(id));
	while (id == 0);
	return id;
}

void
stream_open(const struct msg_stream *m, int fd)
{
	struct stream	*s;

	if ((s = malloc(sizeof(*s))) == NULL)
		fatal("stream");
	memset(s, 0, offsetof(struct stream, buf));
	s->fd = fd;
	s->m = *m;
	s->opened = wall_now();
	s->live = !ops.past && !is_file(fd);
	s->timed = is_timed(fd);
	s->identity = new_identity();
	ops.owner(m->source, &s->watch, &s->source);
	if (m->kind == STREAM_JOURNAL) {
		find_place(s);
		if ((s->journal = journal_new()) == NULL)
			fatal("stream");
	}
	s->ev = event_new(base, s->timed ? -1 : fd,
	    s->timed ? 0 : EV_READ | EV_PERSIST, on_readable, s);
	if (s->ev == NULL)
		fatal("stream");
	TAILQ_INSERT_TAIL(&streams, s, entry);
	event(s, STREAM_OPENED, 0);
	wait_on(s);
}

void
stream_init(struct event_base *b, const struct stream_ops *o)
{
	base = b;
	ops = *o;
	held = 0;
}

void
stream_clear(void)
{
	struct place	*p;

	while (!TAILQ_EMPTY(&streams))
		close_stream(TAILQ_FIRST(&streams));
	while ((p = TAILQ_FIRST(&places)) != NULL) {
		TAILQ_REMOVE(&places, p, entry);
		free(p);
	}
}

void
stream_hold(void)
{
	held = 1;
}

void
stream_go(void)
{
	held = 0;
	stream_resume();
}

void
stream_resume(void)
{
	struct stream	*s;

	TAILQ_FOREACH(s, &streams, entry)
		wait_on(s);
}

void
stream_drop(int (*gone)(uint32_t source))
{
	struct stream	*s, *next;

	TAILQ_FOREACH_SAFE(s, &streams, entry, next)
		if (gone(s->m.source))
			close_stream(s);
}

unsigned int
stream_count_source(uint32_t source)
{
	struct stream	*s;
	unsigned int	 n = 0;

	TAILQ_FOREACH(s, &streams, entry)
		n += s->m.source == source;
	return n;
}

/* Is there something that can be read without waiting? */
static int
has_more(const struct stream *s)
{
	int	n;

	return ioctl(s->fd, FIONREAD, &n) == 0 && n > 0;
}

void
stream_finish(void)
{
	struct stream	*s, *next;
	mono_t		 start = mono_now();

	if (held)
		return;
	TAILQ_FOREACH_SAFE(s, &streams, entry, next)
		while (mono_since(start, mono_now()) < FINISH_MAX &&
		    has_more(s) && read_some(s) == 1)
			;
	stream_hold();
	TAILQ_FOREACH(s, &streams, entry)
		wait_no_more(s);
}

/* Positions. */

void
stream_position(const struct msg_position *m)
{
	struct place	*p = place_of(m->watch, m->source);

	if (p == NULL)
		p = place_new();
	p->m = *m;
}

static int
is_open(const struct place *p)
{
	const struct stream	*s;

	TAILQ_FOREACH(s, &streams, entry)
		if (s->place == p)
			return 1;
	return 0;
}

/* Those of sources that the configuration has not any more. */
static void
forget_places(void)
{
	struct place	*p, *next;

	TAILQ_FOREACH_SAFE(p, &places, entry, next)
		if (!ops.known(p->m.watch, p->m.source) && !is_open(p)) {
			TAILQ_REMOVE(&places, p, entry);
			free(p);
		}
}

void
stream_positions(int all, void (*fn)(const struct msg_position *))
{
	struct place	*p;

	if (all)
		forget_places();
	TAILQ_FOREACH(p, &places, entry) {
		if (p->saved && !all)
			continue;
		fn(&p->m);
		p->saved = 1;
	}
}

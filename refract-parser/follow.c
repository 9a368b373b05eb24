/*
 * The files and the one place that reads them.  What their lines mean is not
 * known here.
 *
 * Each read begins a few bytes before the offset: if those bytes are not what
 * they were, the file was truncated and written anew (copytruncate), which a
 * look at the size alone would miss.  One pread(2) does both.
 */
#include <sys/inotify.h>
#include <sys/queue.h>
#include <sys/stat.h>

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "follow.h"
#include "log.h"

#define BLOCK_LEN	(256 * 1024)
#define PRINT_LEN	64		/* bytes before the offset */
#define HEAD_LEN	256		/* of the first line: identity */
#define BLOCKS_A_TURN	4
#define FILES_MAX	4096
#define EARLY_MAX	256		/* events of files not known yet */
#define QUIET		(10 * 60 * 1000)
#define FINISH_MAX	2000	/* ms: a stop does not wait for a backlog */

struct file {
	TAILQ_ENTRY(file) entry;
	TAILQ_ENTRY(file) ready;
	int		 fd, wd;
	int		 queued;	/* in the list of those to read */
	int		 check;		/* look at its links first */
	int		 moved;		/* it has another name now */
	int		 nameless;	/* it has none */
	int		 skipping;	/* in a line that is too long */
	uint64_t	 offset;	/* of the first byte not used yet */
	uint64_t	 extent;	/* the furthest byte seen */
	uint64_t	 live_from;
	uint64_t	 identity;	/* 0: not computed yet */
	mono_t		 active;	/* when it last grew */
	size_t		 nprint;
	char		 print[PRINT_LEN];
	struct msg_file	 msg;
};

TAILQ_HEAD(files, file);

/* An event that came before its file did. */
struct early {
	int		 wd;
	uint32_t	 mask;
};

static struct {
	struct event_base	*base;
	struct follow_ops	 ops;
	struct event		*inotify, *work, *quiet;
	int			 fd;
	struct files		 all, ready;
	unsigned int		 n;
	struct early		 early[EARLY_MAX];
	unsigned int		 nearly;	/* modulo EARLY_MAX */
	char			*buf;
} fo = { .fd = -1 };

static void	on_inotify(int, short, void *);
static void	on_work(int, short, void *);
static void	on_quiet(int, short, void *);

void
follow_init(struct event_base *base, const struct follow_ops *ops)
{
	fo.base = base;
	fo.ops = *ops;
	if (fo.ops.quiet == 0)
		fo.ops.quiet = QUIET;
	TAILQ_INIT(&fo.all);
	TAILQ_INIT(&fo.ready);
	fo.n = fo.nearly = 0;
	memset(fo.early, 0, sizeof(fo.early));
	if ((fo.buf = malloc(BLOCK_LEN)) == NULL ||
	    (fo.work = evtimer_new(base, on_work, NULL)) == NULL ||
	    (fo.quiet = evtimer_new(base, on_quiet, NULL)) == NULL)
		fatal("follow");
}

void
follow_inotify(int fd)
{
	if (fo.fd != -1)
		fatalx("a second inotify descriptor");
	fo.fd = fd;
	if ((fo.inotify = event_new(fo.base, fd, EV_READ | EV_PERSIST,
	    on_inotify, NULL)) == NULL || event_add(fo.inotify, NULL) == -1)
		fatal("follow");
}

/* The list of those to read, and the turn that reads them. */

static void
soon(struct event *ev)
{
	static const struct timeval	now = { 0, 0 };

	if (!evtimer_pending(ev, NULL) && evtimer_add(ev, &now) == -1)
		fatal("follow");
}

static void
enqueue(struct file *f)
{
	if (f->queued)
		return;
	f->queued = 1;
	TAILQ_INSERT_TAIL(&fo.ready, f, ready);
}

static void
dequeue(struct file *f)
{
	if (!f->queued)
		return;
	f->queued = 0;
	TAILQ_REMOVE(&fo.ready, f, ready);
}

static void
forget(struct file *f)
{
	dequeue(f);
	TAILQ_REMOVE(&fo.all, f, entry);
	fo.n--;
	close(f->fd);
	fo.ops.done(f->msg.file);
	free(f);
}

static void
end(struct file *f, enum follow_event why, uint64_t n)
{
	fo.ops.event(f, why, n);
	forget(f);
}

/* Identity. */

static uint64_t
fnv(uint64_t h, const void *data, size_t n)
{
	const uint8_t	*p = data;

	while (n-- > 0)
		h = (h ^ *p++) * 0x100000001b3ULL;
	return h;
}

uint64_t
file_identity(struct file *f)
{
	char		 head[HEAD_LEN], *nl;
	uint64_t	 h = 0xcbf29ce484222325ULL;
	ssize_t		 n;

	if (f->identity != 0)
		return f->identity;
	if ((n = pread(f->fd, head, sizeof(head), 0)) < 0)
		n = 0;
	if (n > 0 && (nl = memchr(head, '\n', (size_t)n)) != NULL)
		n = nl - head;
	h = fnv(h, &f->msg.dev, sizeof(f->msg.dev));
	h = fnv(h, &f->msg.ino, sizeof(f->msg.ino));
	h = fnv(h, head, (size_t)n);
	return f->identity = h == 0 ? 1 : h;
}

uint32_t
file_source(const struct file *f)
{
	return f->msg.source;
}

const char *
file_name(const struct file *f)
{
	return f->msg.name;
}

/* Reading. */

/* Remember the bytes before the new offset; data begins with the old ones. */
static void
take_print(struct file *f, const char *data, size_t used)
{
	size_t	n = used < PRINT_LEN ? used : PRINT_LEN;

	memcpy(f->print, data + used - n, n);
	f->nprint = n;
}

static void
restart(struct file *f)
{
	uint64_t	lost = f->extent - f->offset;

	f->offset = f->extent = f->live_from = f->identity = 0;
	f->nprint = 0;
	f->skipping = 0;
	fo.ops.event(f, FOLLOW_TRUNCATED, lost);
}

/* The tail of a line that is too long, up to its newline: bytes to skip. */
static size_t
skip_rest(struct file *f, const char *p, size_t n)
{
	const char	*nl;

	if ((nl = memchr(p, '\n', n)) == NULL)
		return n;
	f->skipping = 0;
	return (size_t)(nl - p) + 1;
}

/* A writer without O_APPEND leaves a hole where it was truncated. */
static size_t
skip_hole(const char *p, size_t n)
{
	size_t	i;

	for (i = 0; i < n && p[i] == '\0'; i++)
		;
	return i;
}

static void
give_lines(struct file *f, const char *p, size_t n, uint64_t offset)
{
	struct block	b = {
		.file = f, .p = p, .n = n, .offset = offset,
		.live_from = f->live_from, .now = wall_now()
	};

	fo.ops.lines(&b);
}

/* Use n new bytes; how many were. */
static size_t
use(struct file *f, const char *p, size_t n)
{
	const char	*nl;
	size_t		 skipped = 0, len;

	if (f->skipping)
		skipped = skip_rest(f, p, n);
	if (skipped < n && p[skipped] == '\0')
		skipped += skip_hole(p + skipped, n - skipped);
	len = n - skipped;
	if ((nl = memrchr(p + skipped, '\n', len)) != NULL) {
		len = (size_t)(nl - p) + 1 - skipped;
		give_lines(f, p + skipped, len, f->offset + skipped);
		return skipped + len;
	}
	if (len <= LINE_MAX_LEN || f->skipping)
		return skipped;
	f->skipping = 1;
	fo.ops.event(f, FOLLOW_LONG, len);
	return n;
}

/* One block.  1: there may be more; 0: read to the end; -1: f is gone. */
static int
read_block(struct file *f)
{
	ssize_t		n;
	size_t		len, used;

	n = pread(f->fd, fo.buf, BLOCK_LEN, (off_t)(f->offset - f->nprint));
	if (n == -1) {
		if (errno == EINTR || errno == EAGAIN)
			return 1;
		end(f, FOLLOW_ERROR, (uint64_t)errno);
		return -1;
	}
	if ((size_t)n < f->nprint ||
	    memcmp(fo.buf, f->print, f->nprint) != 0) {
		restart(f);
		return 1;
	}
	len = (size_t)n - f->nprint;
	if (f->offset + len > f->extent) {
		f->extent = f->offset + len;
		f->active = mono_now();
	}
	used = use(f, fo.buf + f->nprint, len);
	f->offset += used;
	take_print(f, fo.buf, f->nprint + used);
	return n == BLOCK_LEN;
}

/* Links are looked at after a rename or a change of attributes. */
static void
check(struct file *f)
{
	struct stat	st;

	f->check = 0;
	if (fstat(f->fd, &st) == 0 && st.st_nlink == 0)
		f->nameless = 1;
}

static void
arm_quiet(void)
{
	struct timeval	 tv;
	struct file	*f;
	span_t		 left, least = -1;
	mono_t		 now = mono_now();

	TAILQ_FOREACH(f, &fo.all, entry) {
		if (!f->moved)
			continue;
		left = fo.ops.quiet - mono_since(f->active, now);
		if (left < 0)		/* it waits to be read */
			left = fo.ops.quiet / 8;
		if (least == -1 || left < least)
			least = left;
	}
	if (least == -1)
		return;
	least++;
	tv.tv_sec = least / 1000;
	tv.tv_usec = least % 1000 * 1000;
	if (evtimer_add(fo.quiet, &tv) == -1)
		fatal("follow");
}

/* One block of this file; it stays in the list while there is more. */
static void
turn(struct file *f)
{
	int	more;

	dequeue(f);
	if (f->check)
		check(f);
	if ((more = read_block(f)) == -1)
		return;
	if (more)
		enqueue(f);
	else if (f->nameless)
		end(f, FOLLOW_ENDED, 0);
}

static void
work(unsigned int blocks)
{
	struct file	*f;

	while (blocks-- > 0 && (f = TAILQ_FIRST(&fo.ready)) != NULL) {
		if (fo.ops.full != NULL && fo.ops.full())
			return;		/* follow_resume() goes on */
		turn(f);
	}
	if (!TAILQ_EMPTY(&fo.ready))
		soon(fo.work);
}

static void
on_work(int fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	work(BLOCKS_A_TURN);
}

void
follow_resume(void)
{
	if (!TAILQ_EMPTY(&fo.ready))
		soon(fo.work);
}

void
follow_finish(void)
{
	struct file	*f, *next;
	mono_t		 start = mono_now();

	TAILQ_FOREACH_SAFE(f, &fo.all, entry, next)
		while (read_block(f) == 1 &&
		    mono_since(start, mono_now()) < FINISH_MAX)
			;
}

/* A renamed file that grew no more for so long is not written to any more. */
static void
on_quiet(int fd, short what, void *arg)
{
	struct file	*f, *next;
	mono_t		 now = mono_now();

	(void)fd;
	(void)what;
	(void)arg;
	TAILQ_FOREACH_SAFE(f, &fo.all, entry, next)
		if (f->moved && !f->queued &&
		    mono_since(f->active, now) >= fo.ops.quiet)
			end(f, FOLLOW_ENDED, 0);
	arm_quiet();
}

/* What happened to files. */

static void
happened(struct file *f, uint32_t mask)
{
	if (mask & IN_MOVE_SELF) {
		if (!f->moved) {
			f->moved = 1;
			f->active = mono_now();
			fo.ops.event(f, FOLLOW_RENAMED, 0);
		}
		arm_quiet();
	}
	if (mask & (IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED))
		f->check = 1;
	enqueue(f);
}

static void
overflowed(void)
{
	struct file	*f;

	log_warnx("inotify: its queue overflowed, all files are checked");
	TAILQ_FOREACH(f, &fo.all, entry) {
		f->check = 1;
		enqueue(f);
	}
}

/* One watch may stand for several files: two sources, one inode. */
static void
dispatch(const struct inotify_event *ev)
{
	struct file	*f;
	int		 known = 0;

	if (ev->mask & IN_Q_OVERFLOW) {
		overflowed();
		return;
	}
	TAILQ_FOREACH(f, &fo.all, entry)
		if (f->wd == ev->wd) {
			known = 1;
			happened(f, ev->mask);
		}
	if (!known && !(ev->mask & IN_IGNORED))
		fo.early[fo.nearly++ % EARLY_MAX] =
		    (struct early){ ev->wd, ev->mask };
}

static void
on_inotify(int fd, short what, void *arg)
{
	static char			 buf[16384]
	    __attribute__((__aligned__(__alignof__(struct inotify_event))));
	const struct inotify_event	*ev;
	const char			*p;
	ssize_t				 n;

	(void)what;
	(void)arg;
	if ((n = read(fd, buf, sizeof(buf))) == -1) {
		if (errno != EAGAIN && errno != EINTR)
			fatal("inotify");
		return;
	}
	for (p = buf; p < buf + n; p += sizeof(*ev) + ev->len) {
		ev = (const void *)p;
		dispatch(ev);
	}
	work(BLOCKS_A_TURN);
}

/* Opening. */

/* The line that is being written begins after the last newline. */
static uint64_t
last_line(int fd, uint64_t size)
{
	uint64_t	 from = size > LINE_MAX_LEN ? size - LINE_MAX_LEN : 0;
	const char	*nl;
	ssize_t		 n;

	n = pread(fd, fo.buf, LINE_MAX_LEN, (off_t)from);
	if (n <= 0)
		return size;
	if ((nl = memrchr(fo.buf, '\n', (size_t)n)) == NULL)
		return from == 0 ? 0 : size;
	return from + (uint64_t)(nl - fo.buf) + 1;
}

static void
begin_at(struct file *f, uint64_t offset)
{
	size_t	n = offset < PRINT_LEN ? (size_t)offset : PRINT_LEN;

	f->offset = offset;
	if (f->extent < offset)
		f->extent = offset;
	if (pread(f->fd, f->print, n, (off_t)(offset - n)) == (ssize_t)n)
		f->nprint = n;
}

static void
recall_early(struct file *f)
{
	unsigned int	i;

	for (i = 0; i < EARLY_MAX; i++)
		if (fo.early[i].mask != 0 && fo.early[i].wd == f->wd)
			happened(f, fo.early[i].mask);
}

static struct file *
file_new(const struct msg_file *msg, int fd)
{
	struct file	*f;
	struct stat	 st;

	if (fo.n >= FILES_MAX || fstat(fd, &st) == -1 ||
	    !S_ISREG(st.st_mode) || (f = calloc(1, sizeof(*f))) == NULL)
		return NULL;
	f->fd = fd;
	f->wd = msg->wd;
	f->msg = *msg;
	f->check = 1;
	f->active = mono_now();
	f->live_from = f->extent = (uint64_t)st.st_size;
	return f;
}

int
follow_open(const struct msg_file *msg, int fd)
{
	struct file	*f;

	if ((f = file_new(msg, fd)) == NULL) {
		close(fd);
		fo.ops.done(msg->file);
		return -1;
	}
	if (msg->from_end)
		begin_at(f, last_line(fd, f->live_from));
	TAILQ_INSERT_TAIL(&fo.all, f, entry);
	fo.n++;
	fo.ops.event(f, FOLLOW_OPENED, f->offset);
	recall_early(f);
	enqueue(f);
	soon(fo.work);
	return 0;
}

void
follow_drop(int (*gone)(uint32_t source))
{
	struct file	*f, *next;

	TAILQ_FOREACH_SAFE(f, &fo.all, entry, next)
		if (gone(f->msg.source))
			forget(f);
}

void
follow_clear(void)
{
	struct file	*f;

	while ((f = TAILQ_FIRST(&fo.all)) != NULL)
		forget(f);
	if (fo.inotify != NULL)
		event_free(fo.inotify);
	if (fo.fd != -1)
		close(fo.fd);
	event_free(fo.work);
	event_free(fo.quiet);
	free(fo.buf);
	memset(&fo, 0, sizeof(fo));
	fo.fd = -1;
}

unsigned int
follow_count(void)
{
	return fo.n;
}

unsigned int
follow_count_source(uint32_t source)
{
	struct file	*f;
	unsigned int	 n = 0;

	TAILQ_FOREACH(f, &fo.all, entry)
		n += f->msg.source == source;
	return n;
}

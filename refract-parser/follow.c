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

#include "args.h"
#include "changes.h"
#include "follow.h"
#include "follow_file.h"
#include "log.h"
#include "timer.h"

#define BLOCK_LEN	(256 * 1024)
#define MERGE_LEN	(96 * 1024)	/* more than a line */
#define PEEK_LEN	(16 * 1024)
#define NO_LIMIT	INT64_MAX
#define BLOCKS_A_TURN	4
#define TRIES_MAX	8	/* to find whose turn it is */
#define EVENTS_A_TURN	64	/* reads of the inotify descriptor */
#define FILES_MAX	4096
#define EARLY_MAX	256		/* events of files not known yet */
#define QUIET		(10 * 60 * 1000)
#define FINISH_MAX	2000	/* ms: a stop does not wait for a backlog */
#define COPY_MAX	(5 * 60 * 1000)	/* so long a file may be copied here */
#define COPY_SLACK	60000	/* ms: lines are written so much at once */
#define ZONE_STEP	(15 * 60 * 1000)	/* ms between zones */

/* An event that came before its file did. */
struct early {
	int		 wd;
	uint32_t	 mask;
};

struct follow_ops	follow_ops;

static struct {
	struct event_base	*base;
	int			 held;
	int			 over;	/* held for good */
	uint64_t		 order;		/* of the last file */
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
static void	take_events(void);

void
follow_init(struct event_base *base, const struct follow_ops *ops)
{
	fo.base = base;
	follow_ops = *ops;
	if (follow_ops.quiet == 0)
		follow_ops.quiet = QUIET;
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
	if (!evtimer_pending(ev, NULL))
		timer_set(ev, 0);
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
	position_gone(f);
	follow_ops.done(f->msg.file);
	free(f);
}

static void
end(struct file *f, enum follow_event why, uint64_t n)
{
	follow_ops.event(f, why, n);
	forget(f);
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

uint64_t
block_identity(const struct block *b)
{
	return b->file == NULL ? b->identity : file_identity(b->file);
}

uint32_t
block_source(const struct block *b)
{
	return b->file == NULL ? b->source : file_source(b->file);
}

const char *
block_name(const struct block *b)
{
	return b->file == NULL ? b->name : file_name(b->file);
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

/* What has no stamp was written with the line before it. */
static stamp_t
stamp(struct file *f, const char *p, size_t n, stamp_t before)
{
	stamp_t	at = follow_ops.stamp(f, p, n);

	return at == 0 ? before : at;
}

static void
restart(struct file *f)
{
	uint64_t	lost = f->extent - f->offset;

	f->offset = f->extent = f->live_from = f->identity = f->head = 0;
	f->nprint = 0;
	f->next_at = 0;
	f->skipping = 0;
	follow_ops.event(f, FOLLOW_TRUNCATED, lost);
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

static stamp_t
first_stamp(struct file *f, const char *p, size_t n)
{
	const char	*nl = memchr(p, '\n', n);

	return follow_ops.stamp(f, p, (size_t)(nl - p));
}

static stamp_t
last_stamp(struct file *f, const char *p, size_t n)
{
	const char	*nl = n < 2 ? NULL : memrchr(p, '\n', n - 1);

	return nl == NULL ? first_stamp(f, p, n) :
	    first_stamp(f, nl + 1, (size_t)(p + n - nl - 1));
}

/* Older than now, and not by as much as a wrong zone makes it. */
static int
is_old(stamp_t at, wall_t now)
{
	int64_t	by = (now - at / 1000) % ZONE_STEP;

	return at > 0 && by > COPY_SLACK && by < ZONE_STEP - COPY_SLACK;
}

/*
 * New lines of a file that appeared: is its first one old, or are they of more
 * time than has passed since?  Then they are a copy, of what was written then.
 */
static int
is_copied(struct file *f, const char *p, size_t n)
{
	span_t	since = mono_since(f->opened, mono_now());
	stamp_t	at;

	if (!f->appeared || follow_ops.stamp == NULL || since > COPY_MAX)
		return 0;
	if (f->begun == 0) {
		f->begun = first_stamp(f, p, n);
		f->copied = is_old(f->begun, wall_now());
	}
	at = last_stamp(f, p, n);
	if (f->begun > 0 && (at - f->begun) / 1000 > since + COPY_SLACK)
		f->copied = 1;
	return f->copied;
}

static void
give_lines(struct file *f, const char *p, size_t n, uint64_t offset)
{
	struct block	b = {
		.file = f, .p = p, .n = n, .offset = offset,
		.live_from = f->live_from, .now = wall_now(), .again = 1
	};

	if (offset + n > f->live_from && is_copied(f, p, n))
		b.live_from = f->live_from = offset + n;
	follow_ops.lines(&b);
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
	follow_ops.event(f, FOLLOW_LONG, len);
	return n;
}

/* Bytes of the lines that are stamped before `until`; *all 0: some are not. */
static size_t
cut(struct file *f, const char *p, size_t n, stamp_t until, int *all)
{
	const char	*q = p, *end = p + n, *nl;
	stamp_t	 at = f->next;

	*all = 1;
	if (until == NO_LIMIT || f->skipping)
		return n;
	for (; (nl = memchr(q, '\n', (size_t)(end - q))) != NULL; q = nl + 1) {
		at = stamp(f, q, (size_t)(nl - q), at);
		if (at >= until && q > p) {
			*all = 0;
			return (size_t)(q - p);
		}
	}
	return n;
}

/* Look at what comes: bytes in fo.buf, or -1 if that failed. */
static ssize_t
fetch(struct file *f, size_t want)
{
	return pread(f->fd, fo.buf, want, (off_t)(f->offset - f->nprint));
}

/*
 * Use n bytes that were fetched, or of them what was written before `until`.
 * 1: there may be more; 0: read to the end; -1: f is gone.
 */
static int
use_block(struct file *f, ssize_t n, size_t want, stamp_t until)
{
	size_t		len, used;
	int		all;

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
		if (follow_ops.grown != NULL)
			follow_ops.grown();
	}
	len = cut(f, fo.buf + f->nprint, len, until, &all);
	used = use(f, fo.buf + f->nprint, len);
	f->offset += used;
	take_print(f, fo.buf, f->nprint + used);
	return !all || (size_t)n == want;
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
	struct file	*f;
	span_t		 left, least = -1;
	mono_t		 now = mono_now();

	TAILQ_FOREACH(f, &fo.all, entry) {
		if (!f->moved)
			continue;
		left = follow_ops.quiet - mono_since(f->active, now);
		if (left < 0)		/* it waits to be read */
			left = follow_ops.quiet / 8;
		if (least == -1 || left < least)
			least = left;
	}
	if (least != -1)
		timer_set(fo.quiet, least + 1);
}

/* Order: of files of one watch, the one with the oldest line is read. */

/* Learn when the next line was written.  0: there is none, or not to see. */
static int
peek(struct file *f)
{
	static char	 buf[PRINT_LEN + PEEK_LEN];
	const char	*p = buf + f->nprint, *nl;
	ssize_t		 n;

	if (f->next_at == f->offset + 1)
		return 1;
	n = pread(f->fd, buf, sizeof(buf), (off_t)(f->offset - f->nprint));
	if (f->skipping || n <= (ssize_t)f->nprint ||
	    memcmp(buf, f->print, f->nprint) != 0 ||
	    (nl = memchr(p, '\n', (size_t)(buf + n - p))) == NULL)
		return 0;
	while (*p == '\0')
		p++;
	f->next = stamp(f, p, (size_t)(nl - p), f->next);
	f->next_at = f->offset + 1;
	return 1;
}

static int
is_before(const struct file *a, const struct file *b)
{
	return a->next < b->next || (a->next == b->next &&
	    a->order < b->order);
}

/*
 * Of those that have something to read and are of one watch with f, the one
 * whose turn it is; it may be read up to *until.
 */
static struct file *
whose_turn(struct file *f, stamp_t *until)
{
	struct file	*o, *best = f, *second = NULL;

	*until = NO_LIMIT;
	if (follow_ops.stamp == NULL || (TAILQ_FIRST(&fo.ready) == f &&
	    TAILQ_NEXT(f, ready) == NULL) || !peek(f))
		return f;
	TAILQ_FOREACH(o, &fo.ready, ready) {
		if (o == f || o->watch != f->watch)
			continue;
		if (!peek(o))
			return o;
		if (is_before(o, best)) {
			second = best;
			best = o;
		} else if (second == NULL || is_before(o, second))
			second = o;
	}
	if (second != NULL)
		*until = second->next + (best->order < second->order);
	return best;
}

/*
 * A block of the file whose turn it is.  While it was fetched others may have
 * grown, by lines that come before its last ones.
 */
static int
read_turn(struct file **f)
{
	struct file	*now;
	stamp_t	 until;
	size_t		 want = fo.n > 1 ? MERGE_LEN : BLOCK_LEN;
	ssize_t		 n;
	int		 tries, error;

	*f = whose_turn(*f, &until);
	for (tries = 0;; tries++) {
		if ((*f)->check)
			check(*f);
		(*f)->grown = 0;
		n = fetch(*f, want);
		error = errno;
		if (fo.n <= 1 || tries == TRIES_MAX)
			break;
		take_events();
		if ((now = whose_turn(*f, &until)) == *f)
			break;
		*f = now;
	}
	errno = error;
	return use_block(*f, n, want, until);
}

/* One block of a file; it stays in the list while there is more. */
static void
turn(struct file *f)
{
	int	more;

	if ((more = read_turn(&f)) == -1)
		return;
	dequeue(f);
	/* Behind the others; what came since it was fetched has no event. */
	if (more || f->grown)
		enqueue(f);
	else if (f->nameless)
		end(f, FOLLOW_ENDED, 0);
}

static void
work(unsigned int blocks)
{
	struct file	*f;

	while (!fo.held && blocks-- > 0 &&
	    (f = TAILQ_FIRST(&fo.ready)) != NULL) {
		if (follow_ops.full != NULL && follow_ops.full())
			return;		/* follow_resume() goes on */
		turn(f);
	}
	if (!fo.held && !TAILQ_EMPTY(&fo.ready))
		soon(fo.work);
}

static void
on_work(EVENT_ARGS)
{
	/* Who else has grown, if the order matters. */
	if (fo.n > 1)
		take_events();
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
	struct file	*f;
	mono_t		 start = mono_now();

	if (fo.held)
		return;
	TAILQ_FOREACH(f, &fo.all, entry)
		enqueue(f);
	while ((f = TAILQ_FIRST(&fo.ready)) != NULL &&
	    mono_since(start, mono_now()) < FINISH_MAX)
		turn(f);
}

/* What is written from now on is for the next one of us. */
void
follow_end(void)
{
	fo.held = fo.over = 1;
}

/* A renamed file that grew no more for so long is not written to any more. */
static void
on_quiet(EVENT_ARGS)
{
	struct file	*f, *next;
	mono_t		 now = mono_now();

	TAILQ_FOREACH_SAFE(f, &fo.all, entry, next)
		if (f->moved && !f->queued &&
		    mono_since(f->active, now) >= follow_ops.quiet)
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
			follow_ops.event(f, FOLLOW_RENAMED, 0);
		}
		arm_quiet();
	}
	if (mask & (IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED))
		f->check = 1;
	f->grown = 1;
	enqueue(f);
}

static void
overflowed(void)
{
	struct file	*f;

	log_warnx("inotify: its queue overflowed, all files are checked");
	TAILQ_FOREACH(f, &fo.all, entry) {
		f->check = f->grown = 1;
		enqueue(f);
	}
}

/* One watch may stand for several files: two sources, one inode. */
static void
dispatch(const struct inotify_event *ev, const char *name)
{
	struct file	*f;
	int		 known = 0;

	(void)name;
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
take_events(void)
{
	unsigned int	n;

	for (n = 0; fo.fd != -1 && n < EVENTS_A_TURN &&
	    changes_read(fo.fd, dispatch); n++)
		;
}

static void
on_inotify(EVENT_ARGS)
{
	take_events();
	work(BLOCKS_A_TURN);
}

/* Opening. */

uint64_t
file_last_line(struct file *f, uint64_t size)
{
	uint64_t	 from = size > LINE_MAX_LEN ? size - LINE_MAX_LEN : 0;
	const char	*nl;
	ssize_t		 n;

	n = pread(f->fd, fo.buf, (size_t)(size - from), (off_t)from);
	if (n <= 0)
		return size;
	if ((nl = memrchr(fo.buf, '\n', (size_t)n)) == NULL)
		return from == 0 ? 0 : size;
	return from + (uint64_t)(nl - fo.buf) + 1;
}

void
file_begin_at(struct file *f, uint64_t offset)
{
	size_t	n = offset < PRINT_LEN ? (size_t)offset : PRINT_LEN;

	f->offset = offset;
	if (f->extent < offset)
		f->extent = offset;
	f->nprint = 0;
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
	/* We are guarding, says the parent, and may be slow to hear it. */
	if (msg->from_end == 1 && msg->size < f->live_from)
		f->live_from = msg->size;
	f->appeared = !fo.held && msg->from_end == 0;
	f->opened = f->active;
	f->order = ++fo.order;
	if (msg->from_end == FILE_ROTATED)
		f->moved = 1;
	if (follow_ops.owner != NULL)
		follow_ops.owner(msg->source, &f->watch, &f->source);
	return f;
}

/* It is known where to begin. */
static void
begin(struct file *f)
{
	follow_ops.event(f, f->resumed ? FOLLOW_RESUMED : FOLLOW_OPENED,
	    f->offset);
	recall_early(f);
	enqueue(f);
	soon(fo.work);
}

int
follow_open(const struct msg_file *msg, int fd)
{
	struct file	*f;

	if ((f = file_new(msg, fd)) == NULL) {
		close(fd);
		follow_ops.done(msg->file);
		return -1;
	}
	TAILQ_INSERT_TAIL(&fo.all, f, entry);
	fo.n++;
	if (fo.held)
		return 0;
	if (msg->from_end == 1)
		file_begin_at(f, file_last_line(f, f->live_from));
	f->placed = 1;
	begin(f);
	return 0;
}

void
follow_hold(void)
{
	fo.held = 1;
}

void
follow_go(void)
{
	struct file	*f;

	if (!fo.held || fo.over)
		return;
	position_settle(&fo.all);
	fo.held = 0;
	TAILQ_FOREACH(f, &fo.all, entry)
		begin(f);
	arm_quiet();
}

void
follow_positions(int all, void (*fn)(const struct msg_position *))
{
	position_save(&fo.all, all, fn);
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
	position_clear();
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

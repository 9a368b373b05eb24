/*
 * How far files were read.  A file is known again by device, inode and the
 * hash of its first line, its content up to the offset by the hash of the
 * bytes before it; a copy of a file that was cut (copytruncate) by the two
 * hashes alone.  What cannot be found again is a gap, and said to be one.
 */
#include <sys/stat.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "follow.h"
#include "follow_file.h"
#include "log.h"

#define HEAD_LEN	256		/* of the first line: identity */
#define BACK_LEN	8192		/* to find the last line's stamp */
#define SCAN_LEN	(128 * 1024)	/* more than a line */

struct position {
	TAILQ_ENTRY(position)	 entry;
	int			 found;
	struct msg_position	 m;
};
TAILQ_HEAD(positions, position);

/* From the ledger; and of files that are closed, for the next checkpoint. */
static struct positions	 known = TAILQ_HEAD_INITIALIZER(known);
static struct positions	 gone = TAILQ_HEAD_INITIALIZER(gone);
static char		 boot[BOOT_LEN];

/* Fingerprints. */

static uint64_t
fnv(uint64_t h, const void *data, size_t n)
{
	const uint8_t	*p = data;

	while (n-- > 0)
		h = (h ^ *p++) * 0x100000001b3ULL;
	return h;
}

static uint64_t
hash_of(const void *data, size_t n)
{
	uint64_t	h = fnv(0xcbf29ce484222325ULL, data, n);

	return h == 0 ? 1 : h;
}

/* Bytes of the first line, without its newline; *whole: they are all. */
static size_t
read_head(const struct file *f, char head[HEAD_LEN], int *whole)
{
	char	*nl;
	ssize_t	 n;

	*whole = 1;
	if ((n = pread(f->fd, head, HEAD_LEN, 0)) < 0)
		n = 0;
	if (n > 0 && (nl = memchr(head, '\n', (size_t)n)) != NULL)
		return (size_t)(nl - head);
	*whole = n == HEAD_LEN;
	return (size_t)n;
}

uint64_t
file_identity(struct file *f)
{
	char		 head[HEAD_LEN];
	uint64_t	 h = 0xcbf29ce484222325ULL;
	size_t		 n;
	int		 whole;

	if (f->identity != 0)
		return f->identity;
	n = read_head(f, head, &whole);
	h = fnv(h, &f->msg.dev, sizeof(f->msg.dev));
	h = fnv(h, &f->msg.ino, sizeof(f->msg.ino));
	h = fnv(h, head, n);
	return f->identity = h == 0 ? 1 : h;
}

/* 0: there is no whole line. */
static uint64_t
head_of(struct file *f)
{
	char	head[HEAD_LEN];
	size_t	n;
	int	whole;

	if (f->head != 0)
		return f->head;
	n = read_head(f, head, &whole);
	if (!whole)
		return 0;
	return f->head = hash_of(head, n);
}

/* Of the bytes before an offset; 0 if they are not there. */
static uint64_t
before_of(const struct file *f, uint64_t offset)
{
	char	buf[PRINT_LEN];
	size_t	n = offset < PRINT_LEN ? (size_t)offset : PRINT_LEN;

	if (pread(f->fd, buf, n, (off_t)(offset - n)) != (ssize_t)n)
		return 0;
	return hash_of(buf, n);
}

/* Stamps. */

static stamp_t
stamp(struct file *f, const char *p, size_t n)
{
	return follow_ops.stamp == NULL ? 0 : follow_ops.stamp(f, p, n);
}

/* Of the last line before the offset. */
static void
look_back(struct file *f)
{
	char		 buf[BACK_LEN], *nl, *end;
	size_t		 n = f->offset < BACK_LEN ? (size_t)f->offset :
			    BACK_LEN;
	stamp_t	 at;

	if (f->last_at == f->offset)
		return;
	f->last_at = f->offset;
	if (n < 2 || pread(f->fd, buf, n, (off_t)(f->offset - n)) !=
	    (ssize_t)n || buf[n - 1] != '\n')
		return;
	end = buf + n - 1;
	if ((nl = memrchr(buf, '\n', n - 1)) == NULL && n < f->offset)
		return;
	nl = nl == NULL ? buf : nl + 1;
	if ((at = stamp(f, nl, (size_t)(end - nl))) != 0)
		f->last = at;
}

stamp_t
file_last(const struct file *f)
{
	struct stat	st;

	if (f->last > 0)
		return f->last;
	return fstat(f->fd, &st) == -1 ? 0 :
	    st.st_mtim.tv_sec * (stamp_t)1000000 + st.st_mtim.tv_nsec / 1000;
}

/* How much of whole lines is stamped before `from`; *more 0: not all. */
static size_t
older(struct file *f, const char *p, size_t n, stamp_t from, int *more)
{
	const char	*q = p, *end = p + n, *nl;
	stamp_t	 at;

	*more = 1;
	for (; (nl = memchr(q, '\n', (size_t)(end - q))) != NULL; q = nl + 1)
		if ((at = stamp(f, q, (size_t)(nl - q))) >= from) {
			*more = 0;
			break;
		}
	return (size_t)(q - p);
}

/* Begin at the first line of that time or later. */
static void
begin_from(struct file *f, stamp_t from)
{
	uint64_t	 offset = 0;
	size_t		 used;
	ssize_t		 n;
	char		*buf;
	int		 more = 1;

	if ((buf = malloc(SCAN_LEN)) == NULL)
		fatal("position");
	while (more && (n = pread(f->fd, buf, SCAN_LEN, (off_t)offset)) > 0) {
		used = older(f, buf, (size_t)n, from, &more);
		if (more && used == 0)
			break;		/* half a line, or one too long */
		offset += used;
	}
	free(buf);
	file_begin_at(f, offset);
}

/* Finding files again. */

static void
take(struct file *f, struct position *p)
{
	p->found = 1;
	f->placed = f->resumed = 1;
	f->last = p->m.last;
	f->last_at = p->m.offset;
}

static int
is_grown(struct file *f, const struct msg_position *m)
{
	return f->live_from >= m->offset &&
	    before_of(f, m->offset) == m->before;
}

/*
 * The same first line, and not what lay before the offset: its end was lost in
 * a power cut, perhaps others were written since.  What was counted is not
 * counted again; and what is new is named anew, for it may lie where something
 * else was.
 */
static void
begin_after_cut(struct file *f, const struct msg_position *m)
{
	f->identity = fnv(m->identity, &m->last, sizeof(m->last));
	if (f->identity == 0)
		f->identity = 1;
	begin_from(f, m->last + 1);
	f->last = m->last;
	follow_ops.event(f, strcmp(m->boot, boot) == 0 ? FOLLOW_SHORTER :
	    FOLLOW_CUT, m->offset - (m->offset < f->offset ? m->offset :
	    f->offset));
}

/* The file with the position's inode: is it the one that was read? */
static int
is_same(struct file *f, struct position *p)
{
	const struct msg_position	*m = &p->m;

	if (m->offset != 0 && head_of(f) != m->head)
		return 0;
	take(f, p);
	if (m->offset == 0)
		file_begin_at(f, 0);
	else if (is_grown(f, m)) {
		f->identity = m->identity;
		file_begin_at(f, m->offset);
	} else
		begin_after_cut(f, m);
	return 1;
}

/* Copied away before it was cut: the copy has what was not read. */
static int
is_copy(struct file *f, struct position *p)
{
	const struct msg_position	*m = &p->m;

	if (m->offset == 0 || f->msg.from_end != FILE_ROTATED ||
	    head_of(f) != m->head || !is_grown(f, m))
		return 0;
	take(f, p);
	f->identity = m->identity;
	file_begin_at(f, m->offset);
	return 1;
}

static void
find_same(struct files *all, struct position *p)
{
	struct file	*f;

	TAILQ_FOREACH(f, all, entry)
		if (!f->placed && f->watch == p->m.watch &&
		    f->msg.dev == p->m.dev && f->msg.ino == p->m.ino &&
		    is_same(f, p))
			return;
}

static void
find_copy(struct files *all, struct position *p)
{
	struct file	*f;

	TAILQ_FOREACH(f, all, entry)
		if (!f->placed && f->watch == p->m.watch && is_copy(f, p))
			return;
}

/* What was renamed and read to its end may go. */
static void
report_gap(const struct msg_position *m)
{
	if (m->size > m->offset || !(m->flags & POSITION_MOVED))
		follow_ops.gap(m, m->size > m->offset ? m->size - m->offset :
		    0);
}

/*
 * When the last line of this source was written that was counted anywhere; -1
 * if nothing is known of it.
 */
static stamp_t
last_of_source(const struct file *f)
{
	const struct position	*p;
	stamp_t			 last = -1;

	TAILQ_FOREACH(p, &known, entry)
		if (p->m.watch == f->watch && p->m.source == f->source &&
		    p->m.last > last)
			last = p->m.last;
	return last;
}

/* Files that nobody has read: those of a known source are new. */
static void
place_new(struct file *f)
{
	stamp_t	last = last_of_source(f);

	f->placed = 1;
	if (f->msg.from_end == FILE_ROTATED)
		begin_from(f, last);
	else if (f->msg.from_end && last == -1)
		file_begin_at(f, file_last_line(f, f->live_from));
}

void
position_settle(struct files *all)
{
	struct position	*p;
	struct file	*f;

	TAILQ_FOREACH(p, &known, entry)
		if (p->m.ino != 0)
			find_same(all, p);
	TAILQ_FOREACH(p, &known, entry)
		if (p->m.ino != 0 && !p->found)
			find_copy(all, p);
	TAILQ_FOREACH(p, &known, entry)
		if (p->m.ino != 0 && !p->found)
			report_gap(&p->m);
	TAILQ_FOREACH(f, all, entry)
		if (!f->placed)
			place_new(f);
	while ((p = TAILQ_FIRST(&known)) != NULL) {
		TAILQ_REMOVE(&known, p, entry);
		free(p);
	}
}

/* Telling. */

static struct position *
position_new(struct positions *list)
{
	struct position	*p;

	if ((p = calloc(1, sizeof(*p))) == NULL)
		fatal("position");
	TAILQ_INSERT_TAIL(list, p, entry);
	return p;
}

void
follow_position(const struct msg_position *m)
{
	position_new(&known)->m = *m;
}

void
follow_boot(const char *id)
{
	strlcpy(boot, id, sizeof(boot));
}

static void
name(const struct file *f, struct msg_position *m)
{
	memset(m, 0, sizeof(*m));
	m->watch = f->watch;
	m->source = f->source;
	m->dev = f->msg.dev;
	m->ino = f->msg.ino;
}

void
position_gone(const struct file *f)
{
	struct position	*p;

	if (!f->saved)
		return;
	p = position_new(&gone);
	name(f, &p->m);
	p->m.flags = POSITION_GONE;
}

static void
fill(struct file *f, struct msg_position *m)
{
	struct stat	st;

	name(f, m);
	m->offset = f->offset;
	m->size = f->extent;
	if (f->offset > 0) {
		look_back(f);
		m->identity = file_identity(f);
		m->head = head_of(f);
		m->before = hash_of(f->print, f->nprint);
	}
	m->last = f->last < 0 ? 0 : f->last;
	if (fstat(f->fd, &st) == 0)
		m->modified = st.st_mtim.tv_sec * 1000000000LL +
		    st.st_mtim.tv_nsec;
	m->flags = f->moved ? POSITION_MOVED : 0;
	strlcpy(m->boot, boot, sizeof(m->boot));
	strlcpy(m->name, f->msg.name, sizeof(m->name));
}

static int
is_saved(const struct file *f)
{
	return f->saved && f->saved_offset == f->offset &&
	    f->saved_extent == f->extent && f->saved_moved == f->moved &&
	    f->saved_identity == f->identity;
}

void
position_save(struct files *files, int all,
    void (*fn)(const struct msg_position *))
{
	struct position		*p;
	struct file		*f;
	struct msg_position	 m;

	while ((p = TAILQ_FIRST(&gone)) != NULL) {
		if (!all)
			fn(&p->m);
		TAILQ_REMOVE(&gone, p, entry);
		free(p);
	}
	TAILQ_FOREACH(f, files, entry) {
		if (!all && is_saved(f))
			continue;
		fill(f, &m);
		fn(&m);
		f->saved = 1;
		f->saved_offset = f->offset;
		f->saved_extent = f->extent;
		f->saved_moved = f->moved;
		f->saved_identity = f->identity;
	}
}

void
position_clear(void)
{
	struct position	*p;

	while ((p = TAILQ_FIRST(&gone)) != NULL) {
		TAILQ_REMOVE(&gone, p, entry);
		free(p);
	}
	while ((p = TAILQ_FIRST(&known)) != NULL) {
		TAILQ_REMOVE(&known, p, entry);
		free(p);
	}
}

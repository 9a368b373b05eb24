/*
 * Files that others write to, followed by inotify: read where they grow, in
 * large blocks, from an offset of our own.
 *
 * The parent opens each file, watches it on the shared inotify descriptor and
 * passes both; no path is opened here.  A file is followed until it has no
 * name any more and is read to its end, or was renamed and quiet for ten
 * minutes: a writer may go on in the old file after a rotation.
 */
#ifndef FOLLOW_H
#define FOLLOW_H

#include <stddef.h>
#include <stdint.h>

#include "clock.h"
#include "msg.h"

struct event_base;
struct file;

/* When a line was written, by the log: microseconds, 0: not known. */
typedef int64_t stamp_t;

#define LINE_MAX_LEN	65536		/* longer lines are skipped */

/* Whole lines of a file or stream, as they lie in memory. */
struct block {
	struct file	*file;		/* NULL: of a stream */
	/* Of a stream: whose, what decisions name it by, for display. */
	uint32_t	 source;
	uint64_t	 identity;
	const char	*name;
	stamp_t		 at;		/* when it was written; 0: lines say */
	const char	*p;		/* the last byte is a newline */
	size_t		 n;
	uint64_t	 offset;	/* of p in the file */
	uint64_t	 live_from;	/* what lies before is caught up on */
	wall_t		 now;		/* when it was read */
	int		 again;		/* after a start it may be, again */
};

enum follow_event {
	FOLLOW_OPENED,		/* n: at this offset */
	FOLLOW_RESUMED,		/* n: at the offset where it was left */
	FOLLOW_TRUNCATED,	/* n: bytes that were gone unread, if known */
	FOLLOW_RENAMED,
	FOLLOW_ENDED,		/* deleted or quiet, read to its end */
	FOLLOW_LONG,		/* n: bytes of a line that is skipped */
	FOLLOW_CUT,		/* n: read in an earlier boot, and gone */
	FOLLOW_SHORTER,		/* n: read before, and gone */
	FOLLOW_ERROR		/* n: errno; it is not followed any more */
};

struct follow_ops {
	void	(*lines)(const struct block *);
	void	(*event)(struct file *, enum follow_event, uint64_t n);
	/* Nothing more comes from this number (the parent's). */
	void	(*done)(uint32_t file);
	/* 1: do not read now, follow_resume() will be called.  May be NULL. */
	int	(*full)(void);
	span_t	 quiet;		/* after a rename, 0: ten minutes */
	/* Hashes of a source's watch and path.  May be NULL. */
	void	(*owner)(uint32_t source, uint64_t *watch, uint64_t *path);
	/*
	 * When a line says it was written, 0: it does not.  With it, files of
	 * one watch that have lines at the same time are read in the order of
	 * time, then of opening.  May be NULL.
	 */
	stamp_t	(*stamp)(struct file *, const char *line, size_t n);
	/* There are bytes that were not there before.  May be NULL. */
	void	(*grown)(void);
	/* n bytes that were seen, and what followed them, cannot be read. */
	void	(*gap)(const struct msg_position *, uint64_t n);
};

void	 follow_init(struct event_base *, const struct follow_ops *);
/* The shared inotify descriptor; owned from here. */
void	 follow_inotify(int fd);
/*
 * Follow this file; fd is owned from here.  What it holds now is caught up
 * on, what comes later is live.  0, or -1 (too many files, not a file) after
 * done was called.
 */
int	 follow_open(const struct msg_file *, int fd);
/*
 * After a start: read nothing until the positions and all files are here;
 * then each from where it was left.
 */
void	 follow_hold(void);
void	 follow_position(const struct msg_position *);
void	 follow_boot(const char *id);
void	 follow_go(void);
/* How far files were read: what changed since the last time, or all. */
void	 follow_positions(int all, void (*fn)(const struct msg_position *));
/* Stop following all files of a source; done is called for each. */
void	 follow_drop(int (*gone)(uint32_t source));
void	 follow_resume(void);
/* Read what there is now (before a stop), for two seconds at most. */
void	 follow_finish(void);
/* And read no more. */
void	 follow_end(void);
void	 follow_clear(void);
unsigned int	 follow_count(void);
unsigned int	 follow_count_source(uint32_t source);

/* A hash of device, inode and the first line: names a file over restarts. */
uint64_t	 file_identity(struct file *);
/* Of its last line that is known, or when it was written to; 0: neither. */
stamp_t		 file_last(const struct file *);
uint32_t	 file_source(const struct file *);
const char	*file_name(const struct file *);
uint64_t	 block_identity(const struct block *);
uint32_t	 block_source(const struct block *);
const char	*block_name(const struct block *);

#endif

/*
 * A followed file, between follow.c (what happens to files, and reading) and
 * position.c (how far they were read, over restarts).  Nobody else includes
 * this.
 */
#ifndef FOLLOW_FILE_H
#define FOLLOW_FILE_H

#include <sys/queue.h>

#include "follow.h"

#define PRINT_LEN	64		/* bytes before the offset */

struct file {
	TAILQ_ENTRY(file) entry;
	TAILQ_ENTRY(file) ready;
	int		 fd, wd;
	int		 queued;	/* in the list of those to read */
	int		 grown;		/* an event came since it was fetched */
	int		 check;		/* look at its links first */
	int		 moved;		/* it has another name now */
	int		 nameless;	/* it has none */
	int		 skipping;	/* in a line that is too long */
	int		 placed;	/* its first offset is known */
	int		 resumed;	/* ... from before the start */
	uint64_t	 offset;	/* of the first byte not used yet */
	uint64_t	 extent;	/* the furthest byte seen */
	uint64_t	 live_from;
	uint64_t	 identity;	/* 0: not computed yet */
	uint64_t	 head;		/* hash of the first line, 0: not yet */
	uint64_t	 watch, source;	/* hashes of their names */
	mono_t		 active;	/* when it last grew */
	/* Of one that came while others were read. */
	int		 appeared, copied;
	mono_t		 opened;
	stamp_t		 begun;		/* its first line; 0: not known */
	stamp_t		 last;		/* of the last line used; 0: none */
	uint64_t	 last_at;	/* the offset that `last` is for */
	stamp_t		 next;		/* of the next line, see next_at */
	uint64_t	 next_at;	/* the offset + 1; 0: not known */
	uint64_t	 order;		/* as they were opened */
	size_t		 nprint;
	char		 print[PRINT_LEN];
	/* What the last checkpoint said of it. */
	int		 saved, saved_moved;
	uint64_t	 saved_offset, saved_extent, saved_identity;
	struct msg_file	 msg;
};

TAILQ_HEAD(files, file);

/* What follow_init() was given. */
extern struct follow_ops	 follow_ops;

/* Read on from here. */
void	 file_begin_at(struct file *, uint64_t);
/* The line that is being written begins after the last newline. */
uint64_t file_last_line(struct file *, uint64_t size);

/* --- position.c --- */

/* All files and positions are here: each begins where it was left. */
void	 position_settle(struct files *);
/* What changed since it was called last, or all. */
void	 position_save(struct files *, int all,
	    void (*fn)(const struct msg_position *));
/* It is closed. */
void	 position_gone(const struct file *);
void	 position_clear(void);

#endif

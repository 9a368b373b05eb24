/*
 * Sources that are not files: what a command or standard input writes, the
 * journal in its export format, datagrams of syslog.  The parent opens each
 * and passes its descriptor; lines go the way of a file's.
 *
 * Only the journal can be read again: how far it was is its cursor, which is a
 * position in the checkpoint like a file's.
 */
#ifndef STREAM_H
#define STREAM_H

#include <stdint.h>

#include "follow.h"
#include "msg.h"

struct event_base;

enum stream_event {
	STREAM_OPENED,
	STREAM_ENDED,
	STREAM_LONG,		/* n: lines or datagrams too long to be read */
	STREAM_LOST,		/* n: datagrams the kernel had no room for */
	STREAM_BROKEN,		/* n: places that are not the export format */
	STREAM_ERROR		/* n: errno; it is not read any more */
};

struct stream_ops {
	void	(*lines)(const struct block *);
	void	(*event)(uint32_t source, const char *name,
		    enum stream_event, uint64_t n);
	/* Nothing more comes from this one. */
	void	(*done)(const struct msg_stream_done *);
	/* 1: do not read now, stream_resume() will be called. */
	int	(*full)(void);
	/* Hashes of a source's watch and path. */
	void	(*owner)(uint32_t source, uint64_t *watch, uint64_t *path);
	/* 1: some watch has this source; hashes as owner() says. */
	int	(*known)(uint64_t watch, uint64_t source);
	/* There were bytes of the journal. */
	void	(*grown)(void);
	/* 1: its lines are what programs wrote, without "host ident[1]: ". */
	int	(*bare)(uint32_t source);
	int	 past;		/* all of it is caught up on, nothing is live */
};

void	 stream_init(struct event_base *, const struct stream_ops *);
void	 stream_clear(void);
/* fd is owned from here. */
void	 stream_open(const struct msg_stream *, int fd);
/* Read nothing until stream_go(): the positions are not known yet. */
void	 stream_hold(void);
void	 stream_go(void);
void	 stream_position(const struct msg_position *);
/* Cursors: what changed since the last time, or all. */
void	 stream_positions(int all, void (*fn)(const struct msg_position *));
/* Stop reading these; nothing is said of it. */
void	 stream_drop(int (*gone)(uint32_t source));
void	 stream_resume(void);
/* Read what there is now (before a stop), for two seconds at most. */
void	 stream_finish(void);
unsigned int	 stream_count_source(uint32_t source);

#endif

/*
 * Failures over several lines of one connection, by its <F-MLFID>: what each
 * line says is kept and added to, until one is a failure and somebody's.
 */
#ifndef FAIL_PENDING_H
#define FAIL_PENDING_H

#include <stddef.h>
#include <stdint.h>

#include "clock.h"
#include "fail_value.h"

#define PENDING_MS	300000		/* from their first line, log time */

struct pending;
struct wire_waiting;

/* One line, and then all that the lines of its connection say. */
struct failure {
	struct values	 v;
	const char	*line;		/* as it was written */
	size_t		 len;
	unsigned int	 nlines;	/* that it is made of */
	/* Users of the connection, with '\n' between them. */
	struct bytes	 users;
};

/* NULL: no memory.  300 KiB. */
struct pending	*pending_new(void);
void		 pending_free(struct pending *);
/*
 * A line that has an mlfid.  1: a failure; everything it points to is good
 * until the next call.  0: not one, or not yet.
 */
int		 pending_merge(struct pending *, struct failure *, logtime_t);
/*
 * Put all connections into a checkpoint, or those that changed since the last
 * time, as of this watch and this filter.
 */
void		 pending_save(struct pending *, uint64_t watch,
		    uint64_t filter, int all,
		    void (*put)(const void *, size_t));
/* As a checkpoint had it; they come in their order, before any line. */
void		 pending_restore(struct pending *,
		    const struct wire_waiting *);

#endif

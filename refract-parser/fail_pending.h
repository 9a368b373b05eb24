/*
 * Failures over several lines of one connection, by its <F-MLFID>: what each
 * line says is kept and added to, until one is a failure and somebody's.
 */
#ifndef FAIL_PENDING_H
#define FAIL_PENDING_H

#include <stddef.h>

#include "clock.h"
#include "fail_value.h"

#define PENDING_MAX	100		/* connections of a filter */
#define PENDING_MS	300000		/* from their first line, log time */
#define PENDING_LINES	399		/* bytes of their lines */

struct pending;

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

#endif

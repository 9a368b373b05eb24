/*
 * The logs that control writes: `log bans` and `log connections`.  They are
 * opened here, and passed when a configuration is in use or to begin anew.
 */
#ifndef OWNLOGS_H
#define OWNLOGS_H

#include <stddef.h>

struct channel;
struct conf;

struct ownlogs {
	int	audit, connections;	/* -1: not open */
};

/* Open them: 0, or -1 with the reason in why. */
int	 ownlogs_open(struct ownlogs *, const struct conf *, char *why,
	    size_t len);
void	 ownlogs_close(struct ownlogs *);
/* To control, from which they are new; they are its from here. */
void	 ownlogs_pass(struct ownlogs *, const struct conf *,
	    struct channel *);

#endif

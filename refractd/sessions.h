/*
 * Where somebody is logged in from: `protect sessions` spares these addresses.
 * Only what a login program has written down counts (logind, utmp), never the
 * state of a socket: whoever still guesses passwords has no session.
 */
#ifndef SESSIONS_H
#define SESSIONS_H

#include <stddef.h>

#include "addr.h"

struct event_base;

#define SESSIONS_MAX	512	/* addresses; more are not protected */

/*
 * Watch, and call changed() with the sorted list: from here once, then at each
 * change.  The list is valid during the call.
 */
void	 sessions_start(struct event_base *,
	    void (*changed)(const struct prefix *, size_t));
void	 sessions_stop(void);
/* For tests: another place than /run.  Not copied; before start. */
void	 sessions_setroot(const char *);

#endif

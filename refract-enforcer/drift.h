/*
 * Drift: what others did to our sets and rules, found and healed.
 */
#ifndef DRIFT_H
#define DRIFT_H

#include "sets.h"

int	 drift_open(void);	/* before the filter: 0 or -1 */
/* At each commit: other rules are being installed, if anew. */
void	 drift_load(int anew);
/* All stored bans were sent: begin to watch. */
void	 drift_begin(void);
/* For sets_open(): make it; it will be filled. */
void	 drift_missing(enum set_id);

#endif

/*
 * Drift: what others did to our sets and rules, found and healed.
 */
#ifndef DRIFT_H
#define DRIFT_H

#include "msg.h"
#include "sets.h"

int	 drift_open(void);	/* before the filter: 0 or -1 with errno */
/* A new configuration, whose rules are being installed. */
void	 drift_load(const struct conf *);
/* All stored bans were sent: compare, keep what nobody knows, watch. */
void	 drift_begin(void);
/* A set is not there (for entries_open()): make it and fill it. */
void	 drift_missing(enum set_id);

#endif

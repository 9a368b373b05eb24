/*
 * Routes that take nobody because others before them do.
 */
#ifndef OVERLAP_H
#define OVERLAP_H

#include "conf.h"
#include "report.h"

/*
 * Warn of a route if those before it in its listener take all, or all of one
 * of its conditions' texts, that it would.  Which tables hold what must be
 * known.
 */
void	 overlap_check(const struct conf_listener *, const struct conf_route *,
	    const struct place *);

#endif

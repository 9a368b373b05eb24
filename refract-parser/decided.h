/*
 * What the last run decided, of lines that its last checkpoint does not have:
 * they are read again, and what was decided stands.  Bans before them may be
 * known by now that were not known then, and a configuration may be another.
 */
#ifndef DECIDED_H
#define DECIDED_H

#include "clock.h"
#include "msg.h"

enum decided {
	DECIDED_NEVER,		/* nobody has judged this line yet */
	DECIDED_NO,		/* it was judged, and nothing came of it */
	DECIDED_YES
};

void		 decided_clear(void);
/* From the ledger, in any order ... */
void		 decided_known(const struct wire_decided *);
/* ... and that was all. */
void		 decided_sort(void);
/* DECIDED_YES: when the ban begins and ends. */
enum decided	 decided_before(const struct decision_id *, wall_t *start,
		    wall_t *end);

#endif

/*
 * The last few thousand lines that counted, so that a decision can show what
 * it was made of.  A line is found again by the number it was given, while it
 * is not overwritten; after a restart there are none.
 */
#ifndef EVIDENCE_H
#define EVIDENCE_H

#include <stddef.h>
#include <stdint.h>

#include "clock.h"
#include "msg.h"

#define EVIDENCE_LINES	4096		/* kept */
#define EVIDENCE_MAX	10		/* of one decision */

/* Keep this line of the key that hashes so: its number, never 0. */
uint32_t	 evidence_put(uint32_t hash, logtime_t, const char *, size_t);
/* 1 and e->at, e->text, if it is still there and of this key. */
int		 evidence_get(uint32_t number, uint32_t hash,
		    struct msg_evidence *);

#endif

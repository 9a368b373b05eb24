/*
 * What the ledger must know, in numbered checkpoints: the decisions, and a cut
 * through all that a restart goes on with (positions, rule state, counters),
 * taken between two blocks of lines.  Two are on their way at most, a few a
 * second; nobody who guards waits for one that the disk does not take.
 */
#ifndef CHECKPOINT_H
#define CHECKPOINT_H

#include <stdint.h>

#include "msg.h"

struct event_base;

void	 checkpoint_init(struct event_base *);
void	 checkpoint_clear(void);
/*
 * All is known that came from before the start: the next one says everything,
 * and the others what changed.  Again when the ledger has begun anew.
 */
void	 checkpoint_begin(void);
/* Lines were read, or files came or went. */
void	 checkpoint_touch(void);
/* This user's addresses are not what they were. */
void	 checkpoint_user(uint32_t number);
/* A decision for the next one, and n lines that it was made of. */
void	 checkpoint_decision(const struct msg_decision *,
	    const struct msg_evidence *, unsigned int n);
/* So much waits for the ledger, which is at work, that reading should pause. */
int	 checkpoint_full(void);
/* The ledger has one; went away. */
void	 checkpoint_committed(uint64_t number);
void	 checkpoint_lost_ledger(void);
/* Send what waits, and call done when all is committed. */
void	 checkpoint_stop(void (*done)(void));

#endif

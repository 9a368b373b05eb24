/*
 * Going on where the last run ended: what the ledger tells at a start, and
 * what an operator lifted or forgave, in the order in which it happened.
 */
#ifndef RESUME_H
#define RESUME_H

#include <stdint.h>

#include "addr.h"
#include "channel.h"
#include "clock.h"
#include "msg.h"

struct watch;

/* Of the ledger, M_COMMITTED among them. */
extern const struct handler	resume_handlers[];

/* The first configuration is in use: ask, and read no log until it is known. */
void	 resume_begin(void);
/* Another one is: the next checkpoint says everything. */
void	 resume_reloaded(void);
/* All logs of the configuration are here. */
void	 resume_files(const struct msg_boot *);
/* The ledger went away: nothing more is told. */
void	 resume_lost_ledger(void);

/*
 * Lines of a watch come to this time: what was lifted or forgiven until then,
 * and was not known to the last checkpoint, happens now.
 */
void	 resume_until(struct watch *, logtime_t);
/* 1: a ban that begins then was lifted afterwards, before we read of it. */
int	 resume_lifted(const struct watch *, const struct prefix *,
	    const char *subject, wall_t start);

/*
 * Forget the addresses of users that the target means, that they serve bans
 * and, until this time, that they served some; of one watch or (NULL) of all.
 * How many addresses.
 */
uint32_t forgive(const struct msg_target *, const struct watch *, wall_t);

#endif

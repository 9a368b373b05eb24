/*
 * What is told of connections: a record of each that ended, for the access log
 * and monitor, and members that went down or up.
 */
#ifndef ACCESS_H
#define ACCESS_H

#include "mux.h"

struct row_connection;

/* M_MUX_MONITOR: MUX_TELL_*, of which connections control wants to know. */
void	 access_tell(uint32_t);
/* Those of this listener. */
int	 access_is_wanted(const struct listener *);
void	 access_record(struct conn *, enum end_reason);
/* As `show connections` has it. */
void	 access_row(struct row_connection *, struct conn *);
/* A member is down: connects failed, the last with this errno; 0: it is up. */
void	 access_member(const struct member *, int error);
/* None of them is up. */
void	 access_pool(const struct pool *);

#endif

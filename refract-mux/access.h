/*
 * What is told of connections: a record of each that ended, for the access log
 * and monitor, and members that went down or up.
 */
#ifndef ACCESS_H
#define ACCESS_H

#include "mux.h"

void	 access_record(const struct conn *, enum end_reason);
/* A member is down: connects failed, the last with this errno. */
void	 access_member(const struct member *, int error);

#endif

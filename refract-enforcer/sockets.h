/*
 * The end of connections that a ban does not allow any more: TCP sockets of
 * this host, then flows in conntrack.  At once and exactly where the peer's
 * port is known, then in one search for all bans that wait.
 */
#ifndef SOCKETS_H
#define SOCKETS_H

#include "msg.h"

int	 sockets_open(void);	/* before the filter: 0 or -1 with errno */
/*
 * What was ended is told when the search is over: as BAN_KILLED (if any), or
 * as the result of an operator's request, whose client this is.
 */
void	 sockets_end(const struct wire_ban *, const uint32_t *client);

#endif

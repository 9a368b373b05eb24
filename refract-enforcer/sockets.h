/*
 * The end of connections that a ban does not allow any more: TCP sockets of
 * this host, then flows in conntrack.
 */
#ifndef SOCKETS_H
#define SOCKETS_H

#include "args.h"
#include "msg.h"

int	 sockets_open(void);	/* before the filter: 0 or -1 with errno */
/*
 * At once and exactly where the peer's port is known, then in one search for
 * all bans that wait; when that is over it is told, as BAN_KILLED (if there
 * were any) or as the result for this client of control.
 */
void	 sockets_end(const struct wire_ban *, const uint32_t *client);
void	 sockets_kill(MSG_ARGS);	/* M_KILL */

#endif

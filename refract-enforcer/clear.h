/*
 * Sockets that may bind to any address (IP_TRANSPARENT) or have a mark
 * (SO_MARK), for workers of the mux: they have no capability, and the option
 * stays when one is passed.  Only what the configuration says is needed.
 */
#ifndef CLEAR_H
#define CLEAR_H

#include "args.h"

/* M_MUX_CLEAR: each is answered by as many M_MUX_CLEARED as it asks for. */
void	 clear_sockets(MSG_ARGS);
/* M_MUX_TPROXY: what is sent to others may be accepted by this one. */
void	 clear_listener(MSG_ARGS);

#endif

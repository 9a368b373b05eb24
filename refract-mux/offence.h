/*
 * Who does what a listener does not want, often enough: asked for at the
 * enforcer, and told to control for the ledger.
 */
#ifndef OFFENCE_H
#define OFFENCE_H

#include "mux.h"

/* kind: enum mux_offence.  `what` is said as the evidence. */
void	 offended(struct listener *, int kind, const struct prefix *,
	    uint16_t port, const char *what);

#endif

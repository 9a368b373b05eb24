/*
 * PROXY headers of a connection: the one that a trusted proxy says first, and
 * the one that a member is told.
 */
#ifndef HEADER_H
#define HEADER_H

#include "mux.h"
#include "proxyproto.h"

/*
 * These are the first bytes of c's client, peeked at: 1 when a header was
 * taken off (c is the real client's then, and counted as his), 0 when more is
 * needed, -1 to end it with *why.
 */
int	 header_take(struct conn *, const uint8_t *, size_t,
	    enum end_reason *why);
/* Whose it is, for its member: how long that is. */
size_t	 header_write(struct conn *, uint8_t buf[PROXY_MAX]);
/* ... and to it: 0 or -1. */
int	 header_send(struct conn *);
void	 header_free(struct conn *);

#endif

/*
 * Taps: a copy of a connection's bytes for who looks at them, as pcapng.  A
 * tap never slows a connection: what its reader does not take in time is lost
 * and counted.
 */
#ifndef TAP_H
#define TAP_H

#include <stddef.h>
#include <stdint.h>

struct conn;

/* The route has a tap: c->tap is set if it can be. */
void	 tap_begin(struct conn *);
void	 tap_end(struct conn *);
/* way is enum way. */
void	 tap_copy(struct conn *, int way, const uint8_t *, size_t);

#define tap_bytes(c, way, p, n) do {					\
	if ((c)->tap != NULL && (n) > 0)				\
		tap_copy((c), (way), (p), (n));				\
} while (0)

#endif

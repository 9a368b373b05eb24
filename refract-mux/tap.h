/*
 * Taps: a copy of a connection's bytes for who looks at them, as pcapng: each
 * connection is a TCP stream between the client and what it dialled.  A tap
 * never slows a connection: what its reader does not take in time is lost,
 * counted, and said in what follows.
 */
#ifndef TAP_H
#define TAP_H

#include <stddef.h>
#include <stdint.h>

struct conn;
struct generation;
struct msg_mux_want;

/* These taps there are from now on; the streams of others go on. */
void	 tap_use(struct generation *);
/* How many there are, with a reader or without. */
unsigned int	 tap_count(void);
/* M_MUX_GIVE of MUX_WANT_TAP: a reader, or (fd -1) m->error. */
void	 tap_given(const struct msg_mux_want *m, int fd);
/* We exit: what waits is written, for a second at most. */
void	 tap_finish(void);

/*
 * The route has a tap: c->tap is set if it can be.  All bytes of such a
 * connection are told by tap_bytes() once, in their order.
 */
void	 tap_begin(struct conn *);
void	 tap_end(struct conn *);
/* way is enum way. */
void	 tap_copy(struct conn *, int way, const uint8_t *, size_t);

#define tap_bytes(c, way, p, n) do {					\
	if ((c)->tap != NULL && (n) > 0)				\
		tap_copy((c), (way), (p), (n));				\
} while (0)

#endif

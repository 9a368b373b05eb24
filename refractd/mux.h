/*
 * What the mux cannot do for itself: its workers are started here, the
 * addresses and ports that it listens on are bound here, and sockets that lie
 * in the file system are connected here.
 */
#ifndef PARENT_MUX_H
#define PARENT_MUX_H

#include <stddef.h>

#include "channel.h"

struct conf;

/*
 * Bind what is new and start workers that are missing, beside what is in use.
 * 0, or -1 with the reason in why: nothing has changed then.
 */
int		 mux_prepare(const struct conf *, char *why, size_t len);
void		 mux_abort(void);
/* For -n: 0 if all could be bound now, or -1: each that cannot was logged. */
int		 mux_try(const struct conf *);
/*
 * It is in use: hand out what is new, take away what moved, close what nobody
 * wants, and let workers go that are too many.
 */
void		 mux_commit(const struct conf *);
/* M_MUX_WANT. */
void		 mux_want(struct channel *, uint32_t, const void *, size_t,
		    int);
/* M_MUX_FLOW, M_MUX_MOVE: of workers between whom a shard moves. */
void		 mux_flow(struct channel *, uint32_t, const void *, size_t,
		    int);
void		 mux_move(struct channel *, uint32_t, const void *, size_t,
		    int);

#endif

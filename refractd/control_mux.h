/*
 * The mux as control sees it: the table that its workers share, mapped to be
 * read, next to the configuration that says what its slots are.
 */
#ifndef CONTROL_MUX_H
#define CONTROL_MUX_H

#include <stdint.h>

#include "msg.h"

struct evbuffer;

/* M_MUX_TABLE */
void	 mux_table(int fd);

/*
 * SHOW_LISTENERS, SHOW_ROUTES, SHOW_POOLS: the row at this cursor, from 0 on.
 * 1, or 0 if there is none.
 */
union mux_row {
	struct row_listener	listener;
	struct row_route	route;
	struct row_member	member;
};
int	 mux_row(union mux_row *, uint32_t what, uint64_t cursor);

/* The nth pool without a member that is up; NULL: there are no more. */
const char *mux_pool_down(uint64_t n);

/* A record of a worker, with names. */
void	 mux_access_row(struct row_access *, const struct msg_mux_access *,
	    unsigned int worker);
/* Its listener's connections are written down. */
int	 mux_is_logged(const struct msg_mux_access *);

/* pool enable|disable|drain: the answer. */
void	 mux_admin(const struct ctl_pool *, struct msg_outcome *);

/* With labels, for Prometheus. */
void	 mux_metrics(struct evbuffer *);

#endif

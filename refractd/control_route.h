/*
 * From a client's request to the siblings and back.
 */
#ifndef CONTROL_ROUTE_H
#define CONTROL_ROUTE_H

#include <stdint.h>

#include "channel.h"

struct client;
struct msg_show;

/* Once, before the first client. */
void	 route_init(void);

/* What clients may say. */
extern const struct handler	route_client_handlers[];

/* Send and expect its answer; 0 if it is not there. */
int	 route_ask(struct client *, enum role, uint32_t, const void *, size_t);
/* Ends a request that needs the enforcer, where there is none. */
void	 route_nobody(struct client *);

/* A client of ours asks; its cursor is kept. */
void	 route_show(struct client *, const struct msg_show *);

/* Answers of the parent and the siblings. */
void	 route_row(struct channel *, uint32_t, const void *, size_t, int);
void	 route_show_end(struct channel *, uint32_t, const void *, size_t, int);
void	 route_result(struct channel *, uint32_t, const void *, size_t, int);
void	 route_counters(struct channel *, uint32_t, const void *, size_t, int);

/* The client reads again; the time for its request is over. */
void	 route_drained(struct client *);
void	 route_timeout(struct client *);

#endif

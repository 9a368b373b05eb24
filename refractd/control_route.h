/*
 * From a client's request to the siblings and back.
 */
#ifndef CONTROL_ROUTE_H
#define CONTROL_ROUTE_H

#include <stdint.h>

#include "channel.h"

struct client;
struct msg_decision;
struct msg_show;
struct wire_event;

/* Once, before the first client. */
void	 route_init(void);

/* What clients may say. */
extern const struct handler	route_client_handlers[];

/* A client of ours asks; its cursor is kept. */
void	 route_show(struct client *, const struct msg_show *);

/* Answers of the parent and the siblings. */
void	 route_row(struct channel *, uint32_t, const void *, size_t, int);
void	 route_show_end(struct channel *, uint32_t, const void *, size_t, int);
void	 route_result(struct channel *, uint32_t, const void *, size_t, int);
void	 route_counters(struct channel *, uint32_t, const void *, size_t, int);
/* The enforcer's answer to an operator's ban, if it is one. */
void	 route_ban_event(const struct wire_event *);

/* What a listener asked a ban for: to the ledger, if it is one of ours. */
void	 route_mux_decision(const struct msg_decision *);

/* The client reads again; the time for its request is over. */
void	 route_drained(struct client *);
void	 route_timeout(struct client *);

#endif

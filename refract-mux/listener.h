/*
 * The sockets that a worker listens on: the parent's, one for each address and
 * port and shard of ours, kept over reloads.
 */
#ifndef LISTENER_H
#define LISTENER_H

#include <stdint.h>

struct event_base;
struct generation;
struct msg_mux_flow;
struct msg_mux_move;
struct msg_mux_socket;

/* descriptors: how many this process may have. */
void	 listener_init(struct event_base *, unsigned int descriptors);
/* A shard is ours from here; fd is owned. */
void	 listener_socket(const struct msg_mux_socket *, int fd);
/* A shard goes to another worker, with the flows that live there. */
void	 listener_forget(const struct msg_mux_socket *);
/* One of those of a shard that comes; fd is owned. */
void	 listener_flow(const struct msg_mux_flow *, int fd);
/* How far it is: whoever gives and whoever takes hear of each other. */
void	 listener_move(const struct msg_mux_move *);
/* Accept for these listeners from now on; close what is in none of them. */
void	 listener_use(struct generation *);
/* Accept no more. */
void	 listener_stop(void);
/* 1: there are no descriptors for one more. */
int	 listener_full(void);
/* A connection ended: there may be descriptors again. */
void	 listener_room(void);

#endif

/*
 * The sockets that a worker listens on: the parent's, one for each address and
 * port and shard of ours, kept over reloads.
 */
#ifndef LISTENER_H
#define LISTENER_H

#include <stdint.h>

struct event_base;
struct generation;

/* descriptors: how many this process may have. */
void	 listener_init(struct event_base *, unsigned int descriptors);
/* A shard of a bind (wire_bind.slot) is ours from here; fd is owned. */
void	 listener_socket(uint32_t bind, uint32_t shard, int fd);
/* A shard goes to another worker. */
void	 listener_forget(uint32_t bind, uint32_t shard);
/* Accept for these listeners from now on; close what is in none of them. */
void	 listener_use(struct generation *);
/* Accept no more. */
void	 listener_stop(void);
/* 1: there are no descriptors for one more. */
int	 listener_full(void);
/* A connection ended: there may be descriptors again. */
void	 listener_room(void);

#endif

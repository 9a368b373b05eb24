/*
 * The descriptors of connections: an epoll instance of their own within the
 * loop.  One event a descriptor, edge-triggered, with nothing allocated for it
 * and no call to take it off when it is closed.
 */
#ifndef POLLER_H
#define POLLER_H

struct side;

/* Before the filter. */
void	 poller_open(void);
/* Once the loop is there: conn_event() is called from then on. */
void	 poller_init(void);
/* s->fd; out: room is told of too.  0 or -1. */
int	 poller_add(struct side *, int out);
/* Tell of room from now on, or of what is there once more. */
void	 poller_again(struct side *, int out);
/* 1: within conn_event(), so nobody may be freed. */
int	 poller_busy(void);

#endif

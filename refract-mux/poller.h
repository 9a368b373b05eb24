/*
 * The worker's loop: an epoll instance of its own for connections and
 * listening sockets, around libevent's for all else.  One event a descriptor,
 * edge-triggered, with nothing allocated for it and no call to take it off
 * when it is closed, but for what another process passed.
 */
#ifndef POLLER_H
#define POLLER_H

struct side;

/* Before the filter. */
void	 poller_open(void);
/* conn_event(), the wheel and libevent from then on. */
void	 poller_run(void) __attribute__((__noreturn__));
/* s->fd; out: room is told of too.  0 or -1. */
int	 poller_add(struct side *, int out);
/* Tell of room from now on, or of what is there once more. */
void	 poller_again(struct side *, int out);
/* Before its close(2), if another process has it open too. */
void	 poller_remove(struct side *);
/* 1: within conn_event(), so nobody may be freed. */
int	 poller_busy(void);

/* What others hold too: it has to be taken off before it is closed. */
struct watch {
	int	 fd;
	int	 on;
	void	 (*fn)(void *);	/* may be called once more in this turn */
	void	*arg;
};

void	 poller_watch(struct watch *);
void	 poller_ignore(struct watch *);

#endif

/*
 * The log of a daemon in the background.  Its children have neither a /dev/log
 * in their roots nor a way to come back when syslogd restarts, so they and the
 * parent log into a socket pair, and the parent passes it on.  Until the start
 * is over the terminal sees it as well.
 */
#ifndef LOGRELAY_H
#define LOGRELAY_H

struct event_base;

/* Descriptor 2 is the relay from here on; what it was is the terminal. */
void	 logrelay_start(void);
/* Pass on from this loop too, not at exit only. */
void	 logrelay_run(struct event_base *);
/* The start is over: leave the terminal. */
void	 logrelay_detach(void);

#endif

/*
 * Telling the service manager how we are: sd_notify(3)'s protocol, spoken
 * here.  Without NOTIFY_SOCKET everything is a no-op.
 */
#ifndef NOTIFY_H
#define NOTIFY_H

struct event_base;

/*
 * Take NOTIFY_SOCKET and WATCHDOG_USEC out of the environment.  With a
 * watchdog asked for, tell it from the loop that the loop turns.
 */
void	 notify_init(struct event_base *);
/* 1: there is a service manager that listens. */
int	 notify_on(void);
/* Up, or up again after notify_reloading(). */
void	 notify_ready(void);
void	 notify_reloading(void);
void	 notify_stopping(void);
/* One line for `systemctl status`. */
void	 notify_status(const char *, ...)
	    __attribute__((__format__(printf, 1, 2)));

/*
 * Its descriptor store (FDSTORE=1): keep a copy of this descriptor under a
 * name without colons; drop what is kept under it.
 */
void	 notify_store(const char *name, int fd);
void	 notify_unstore(const char *name);

#endif

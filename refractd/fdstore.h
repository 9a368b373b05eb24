/*
 * Listening sockets that outlive us.  A service manager that has a descriptor
 * store (sd_pid_notify_with_fds(3)) keeps them over a restart, with whoever
 * waits in their queues, and hands them to the next refractd.
 */
#ifndef FDSTORE_H
#define FDSTORE_H

/* Take LISTEN_FDS and its kin, and FDSTORE, out of the environment. */
void	 fdstore_init(void);
/* 1: there is a store, so a socket's name must stay when we end. */
int	 fdstore_on(void);
/* What was kept under this name, the caller's from here; -1: nothing. */
int	 fdstore_take(const char *name);
/* Keep it from here on.  The descriptor stays the caller's. */
void	 fdstore_keep(const char *name, int fd);
/* Do not keep it any longer. */
void	 fdstore_forget(const char *name);
/* Forget what was handed to us and nobody took. */
void	 fdstore_rest(void);

#endif

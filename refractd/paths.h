/*
 * What the parent makes in the file system: directories, the lock, the control
 * socket, logs.  What must not stay behind is removed at exit.
 */
#ifndef PATHS_H
#define PATHS_H

#include <sys/types.h>

#include <stddef.h>

#define PATHS_GROUP	"refract"	/* may use the control socket */

/* /run/refract and the empty directory in it. */
void	 paths_run(void);
/* The ledger's directory, its user's alone. */
void	 paths_state(const char *);

/*
 * One daemon an instance ("": no name).  0 if the lock is ours until we end,
 * -1 if not: *other is who has it, 0 if he did not say.
 */
int	 paths_lock(const char *instance, pid_t *other);
/* Write our number where the lock and the init scripts look for it. */
void	 paths_pid(const char *instance);

/*
 * The control socket, listening; a stale one is replaced, one that somebody
 * answers on is fatal.
 */
int	 paths_control(const char *);
/*
 * A log that control writes ("log bans"), made if it is not there; NULL:
 * /dev/null.  -1 with the reason in why.
 */
int	 paths_log(const char *what, const char *, char *why, size_t);

#endif

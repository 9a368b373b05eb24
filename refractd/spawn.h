/*
 * Programs of the host that the parent runs for the operator: what a source
 * reads from, and commands.  Never as root: as another user, with no
 * capability, no descriptor, no variable of ours, in a session of its own, and
 * with the parent's no_new_privs and system call filter.
 */
#ifndef SPAWN_H
#define SPAWN_H

#include <sys/types.h>

#include <stddef.h>

#include "clock.h"

struct event_base;
struct spawned;

#define SPAWN_USER	"_refractx"	/* if none is named */
#define SPAWN_ARGS_MAX	128
#define SPAWN_GRACE	5000		/* ms between SIGTERM and SIGKILL */
#define SPAWN_NEVER	(-1)		/* status: it could not be started */

struct spawn_args {
	const char	*name;		/* before each line of its output */
	char		*args;		/* argc strings, each with its NUL */
	unsigned int	 argc;		/* 1 to SPAWN_ARGS_MAX */
	const char	*user;		/* NULL or "": SPAWN_USER */
	const char	*group;		/* NULL or "": the user's own */
	const char	*also;		/* one more group, or NULL */
	int		 in;		/* its stdin, not owned; 0: empty */
	int		 out;		/* its stdout, not owned; -1: logged */
	span_t		 timeout;	/* then it is killed; 0: none */
	int		 whole;		/* what it leaves behind is killed */
	/*
	 * It ended, with wait(2)'s status; s is freed afterwards.  timed_out:
	 * we ended it because its time was over.
	 */
	void		(*ended)(struct spawned *s, int status, int timed_out,
			    void *arg);
	void		*arg;
};

/* After procs_init(). */
void		 spawn_init(struct event_base *);

/*
 * Could this run: do user and group exist, and is neither root?  0, or -1 and
 * why.  What it says of `also` is not an error: who is not there is left out.
 */
int		 spawn_check(const char *user, const char *group, char *why,
		    size_t len);
/*
 * Run it.  Strings are copied, all of args is used before it returns.  NULL
 * and why if it could not be started (ended is not called then); a program
 * that cannot be executed is an exit status of 127 and a line in the log.
 */
struct spawned	*spawn(const struct spawn_args *, char *why, size_t len);
/* SIGTERM to its process group, SIGKILL after SPAWN_GRACE. */
void		 spawn_kill(struct spawned *);
/* spawn_kill(), and ended is not called: nobody asks for s any more. */
void		 spawn_abandon(struct spawned *);

#define SPAWN_STATUS_LEN	80
/* "exit status 1", "killed by signal 9 (Killed)" */
const char	*spawn_status(int status, char buf[SPAWN_STATUS_LEN]);

#endif

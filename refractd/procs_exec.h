/*
 * Between fork and exec of a child: its descriptors, signals, environment and
 * arguments.
 */
#ifndef PROCS_EXEC_H
#define PROCS_EXEC_H

#include "role.h"

/* How a role is started, and stopped. */
struct recipe {
	const char	*title;		/* argv[0]: what ps(1) shows */
	const char	*program;	/* below libexec/refract; NULL: us */
	const char	*option, *value;
	int		 stop_limit;	/* seconds */
};

/* What they all are given. */
struct given {
	const char	*helpers;	/* refractd's directory */
	const char	*state_dir;	/* the ledger's */
	const char	*alone;		/* procs_alone()'s, or NULL */
	int		 verbosity;	/* how many -v */
};

/* In the child.  fd becomes CHILD_FD, and all behind it is closed. */
void	 procs_exec(const struct recipe *, const struct given *, enum role,
	    int fd) __attribute__((__noreturn__));

#endif

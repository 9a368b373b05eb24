/*
 * The first and last minutes of every child: what stands between exec and the
 * event loop, and how the configuration reaches it.  A child's main() is
 * child_start(), its own channel table, child_run().
 */
#ifndef CHILD_H
#define CHILD_H

#include <stdint.h>

#include "channel.h"
#include "conf.h"
#include "role.h"

struct event_base;

#define CHILD_FD	3	/* the channel to the parent */

struct child {
	enum role		 role;
	const char		*ident;		/* "refract-parser" */
	const char		*root;		/* chroot to; NULL: empty */
	/* Handlers for messages of the parent beyond M_CHANNEL, M_CONF_*,
	 * M_VERBOSE and M_STOP, which child.c answers itself. */
	const struct handler	*parent;
	/* Handlers by peer, control and bulk alike; NULL: no such peer. */
	const struct handler	*peers[ROLE_MAX];

	/* Open what needs the role's capability: after the ids, before
	 * seccomp.  May be NULL. */
	void	(*open)(void);
	/* More getopt(3) options, and who takes them.  May be NULL. */
	const char	*extra;
	void	(*option)(int, const char *);
	/*
	 * Not 0 after the options: started by anybody for himself, and not
	 * root's: it keeps his ids and all else of the sandbox.  May be NULL.
	 */
	const int	*by_anybody;
	/*
	 * A channel came up; a channel's peer is gone and it is freed next.
	 * May be NULL.  Do not set channel_onclosed() on these.
	 */
	void	(*connected)(enum role, int bulk, struct channel *);
	void	(*disconnected)(enum role, int bulk);
	/*
	 * Build what the new configuration needs beside the old one.  0, or
	 * -1 with the reason in why (TEXT_LEN): the reload is off.
	 */
	int	(*prepare)(struct conf *new, char *why);
	/*
	 * Use it; old is NULL the first time and is freed afterwards, or
	 * (keeps_before) is child_conf_before() for a while.
	 */
	void	(*commit)(struct conf *new, struct conf *old);
	int	keeps_before;
	/* It will not be used (freed afterwards).  May be NULL. */
	void	(*abort)(struct conf *new);
	/* Drain and call child_exit() when done.  NULL: at once. */
	void	(*stop)(void);
};

/* Handlers of several kinds may use these from child_start() on. */
extern struct event_base	*child_base;
extern struct channel		*child_parent;

/* The channel to a sibling, NULL if it is not there (yet). */
struct channel	*child_channel(enum role, int bulk);
/* The same for one of the mux's workers: 0 to MUX_WORKERS_MAX - 1. */
struct channel	*child_worker(unsigned int index);
/* The committed configuration, NULL before the first commit. */
struct conf	*child_conf(void);
/*
 * The one before it, while siblings that a reload has not reached yet may go
 * by it: a reload takes less than that time, or is fatal.  Or NULL.
 */
#define CONF_BEFORE_MS	70000
struct conf	*child_conf_before(void);

/*
 * Parses argv (-d stderr, -j journal, -s syslog, -v more, and for tests -B
 * build id; -X and its argument are passed over),
 * checks fd 3, closes all above, sets the time zone, demotes, opens,
 * filters, and says READY.  Does not return on failure.
 */
void		 child_start(const struct child *, int argc, char **argv);
/* The loop; ends by child_exit() or a signal.  Does not return. */
void		 child_run(void) __attribute__((__noreturn__));
/* Flush all channels (one second at most) and exit 0. */
void		 child_exit(void) __attribute__((__noreturn__));

#endif

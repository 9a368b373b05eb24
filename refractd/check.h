/*
 * refractd -n: everything that can be found wrong before the daemon is
 * started.
 */
#ifndef CHECK_H
#define CHECK_H

struct conf;

/*
 * dir is where this program lies.  Says what is wrong and returns the exit
 * status.  With print, the configuration goes to standard output.
 */
int	 check(const struct conf *, const char *dir, int print);
/* The users that the suite runs as: 0, or -1 after naming those missing. */
int	 check_users(void);

#endif

/*
 * refractd -T: no trace of refract is left in the kernel.
 */
#ifndef REMOVE_H
#define REMOVE_H

struct conf;

/* The lock is ours.  dir is where this program lies.  The exit status. */
int	 remove_traces(struct conf *, const char *dir, int verbose);

#endif

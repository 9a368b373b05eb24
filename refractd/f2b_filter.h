/*
 * The parts of f2b.c that the import of jails needs too: a filter's or an
 * action's name with options, and what its file makes of them.
 */
#ifndef F2B_FILTER_H
#define F2B_FILTER_H

#include "f2b.h"
#include "f2b_ini.h"

/*
 * "name[x=y, ...]" as its name, to be freed, and its options, which are set on
 * top of those that are there.  NULL, with what was found in why.
 */
char	*f2b_split(const char *, struct ini_opts *, char *why, size_t);
/* The inside of the [] alone: 0 or -1. */
int	 f2b_options(const char *, struct ini_opts *, char *why, size_t);

/*
 * What [Definition] and [Init] of a filter or an action come to: `keys` (ends
 * with NULL; if all, whatever else it has too) with everything put in.  given
 * are the options that were said; outer those of the jail (or NULL).  0 or -1,
 * and the ini says why.
 */
int	 f2b_combine(struct ini *, const struct ini_opts *given,
	    const struct ini_opts *outer, const char *const *keys, int all,
	    struct ini_opts *);
extern const char *const f2b_filter_keys[];

#endif

/*
 * System call filters, seccomp(2): which role may call what.
 */
#ifndef FILTER_H
#define FILTER_H

#include "role.h"

/*
 * The role's allowlist; anything else kills the process.  For the parent and
 * rules, which run other programs, a list of what is refused (EPERM) instead.
 * no_new_privs must be set.  Fatal if it cannot be loaded.
 */
void	 filter_enter(enum role);

#endif

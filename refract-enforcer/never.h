/*
 * Who may never be banned: this host and its neighbours by themselves, kept
 * current by rtnetlink, and what the configuration adds.  The kernel's
 * never-sets hold the same.
 */
#ifndef NEVER_H
#define NEVER_H

#include "msg.h"

extern struct prefixset	 never_own;	/* this host's own addresses */

int	 never_open(void);	/* before the filter: 0 or -1 with errno */
void	 never_load(void);	/* all anew, at each commit */
/* 1 if this address, or all of this prefix, is protected. */
int	 never_has(const struct prefix *);
/* 1 if the ban's offender, or all that it covers, is protected. */
int	 never_covers(const struct wire_ban *);
/* Put the kernel's never-sets right: how many of them were not. */
int	 never_heal(void);

#endif

/*
 * Who may never be banned: this host and its neighbours by themselves, kept
 * current by rtnetlink, and what the configuration adds.  The kernel's
 * never-sets hold the same.
 */
#ifndef NEVER_H
#define NEVER_H

#include "msg.h"

/* This host's own addresses, for exact kills. */
extern struct prefixset	 never_own;

int	 never_open(void);	/* before the filter: 0 or -1 with errno */
/* `never` of this configuration; NULL: of the last.  0, or -1: no sets. */
int	 never_load(const struct conf *);
/* 1 if the ban's offender, or all that it covers, is protected. */
int	 never_covers(const struct wire_ban *);
/* Put the kernel's never-sets right if they are not: 1 if they were not. */
int	 never_heal(void);

#endif

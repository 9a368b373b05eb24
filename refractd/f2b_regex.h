/*
 * A regex of a filter: fail2ban's tags become groups, Python's dialect becomes
 * PCRE2's.
 */
#ifndef F2B_REGEX_H
#define F2B_REGEX_H

#include <stddef.h>

#include "f2b.h"

#define REGEX_HAS_ID		0x1	/* a group that says who failed */
#define REGEX_HAS_CONTENT	0x2

/* The tags made groups; to be freed.  NULL: it grows too long. */
char	*f2b_tags(const char *regex, enum f2b_dns);
/*
 * Python's regex as PCRE2's, to be freed, with what groups it has; NULL, with
 * what was found and expected in why.
 */
char	*f2b_translate(const char *regex, int *has, char *why, size_t);

#endif

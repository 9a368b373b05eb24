/*
 * Lines of Xray's access log (FORMAT_XRAY): from the bytes of a line to an
 * offence against a watch's limit.
 */
#ifndef ACCESS_H
#define ACCESS_H

#include <stddef.h>

#include "follow.h"

struct user;
struct watch;

/* Lines of a file or stream of this watch: how many. */
uint64_t	 access_lines(struct watch *, const struct block *);
/* When a line says it was written; 0: it does not. */
stamp_t		 access_stamp(struct watch *, const char *, size_t);
/* The limit of a user by the running configuration. */
void		 access_limit(struct watch *, struct user *);

#endif

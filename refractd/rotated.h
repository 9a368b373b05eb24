/*
 * What became of logs while refract was down: how far they were read (the
 * ledger says so), and which files in their directories are what is left of
 * them, or came after them.
 */
#ifndef ROTATED_H
#define ROTATED_H

#include <sys/stat.h>

#include <stddef.h>
#include <stdint.h>

struct msg_position;

/* The ledger remembers this. */
void	 rotated_position(const struct msg_position *);
/* All logs were looked for: forget the positions. */
void	 rotated_clear(void);

/* 1 if this source of this watch was followed before the start. */
int	 rotated_known(uint64_t watch, uint64_t source);

enum rotated {
	ROTATED_NOT,		/* nothing of ours */
	ROTATED_MAYBE,		/* it may be: look at it */
	ROTATED_IS		/* it is */
};

/*
 * By its name and what lstat(2) says: is a file in the directory of a
 * source's logs the log's old self, its copy, or one that came and went?
 */
enum rotated rotated_is(uint64_t watch, uint64_t source, const char *pattern,
		    const char *name, const struct stat *);

/* For messages: this boot's name, "" if it is not known. */
void	 rotated_boot(char *buf, size_t);

#endif

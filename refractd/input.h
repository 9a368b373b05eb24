/*
 * The files of a configuration: opened, checked, read whole, and remembered.
 */
#ifndef INPUT_H
#define INPUT_H

#include <stddef.h>

#include "report.h"

#define INPUT_FILES_MAX	512		/* files of one configuration */

/* Forget the files of the last parse. */
void	 input_reset(void);
/*
 * The whole file, NUL-terminated and owned by the caller, or NULL: the error
 * was reported at the place.  *name lives until the next parse.  "-" is
 * standard input.
 */
char	*input_read(const char *path, const struct place *at, size_t *len,
	    const char **name);
/* A name that does not begin with "/" is beside at->file.  To be freed. */
char	*input_beside(const char *path, const struct place *at);
/*
 * The files that a pattern names, sorted; a pattern without wildcards is its
 * own.  Each is given to fn; returns how many.
 */
size_t	 input_glob(const char *pattern, const struct place *at,
	    void (*fn)(const char *, void *), void *);
/* Somebody else read it, or would have: it is one of them. */
void	 input_add(const char *path);
const char *const *input_files(size_t *);
/* 1 if a file that was read is not there any more as it was. */
int	 input_stale(void);

/* 1: no file is read (the fuzzer). */
extern int input_closed;

#endif

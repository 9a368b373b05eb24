/*
 * What the language has to say of a configuration: errors and warnings, each
 * with its file and line.  Errors are kept as text too, for refractctl reload.
 */
#ifndef REPORT_H
#define REPORT_H

#include <stddef.h>

#define REPORT_ERRORS_MAX	50

struct place {
	const char	*file;		/* lives until the next parse */
	int		 line;		/* 0: the file as a whole */
};

/* Forget all of the last parse. */
void	 report_reset(void);
/* "file:line: text", logged and kept; beyond the bound only counted. */
void	 report_error(const struct place *, const char *, ...)
	    __attribute__((__format__(printf, 2, 3)));
void	 report_warning(const struct place *, const char *, ...)
	    __attribute__((__format__(printf, 2, 3)));
size_t	 report_count(void);		/* of errors */
/* 1 if there were so many errors that reading on serves nobody. */
int	 report_enough(void);
const char *report_text(void);		/* the errors, a line each */

/* The word of the list that is nearest to s, NULL if none is near. */
const char *report_nearest(const char *s, const char *const *, size_t);

#endif

/*
 * Text that grows, up to a bound, and lists of strings.  Without memory these
 * are fatal.
 */
#ifndef F2B_TEXT_H
#define F2B_TEXT_H

#include <stddef.h>

#define TEXT_MAX	262144	/* bytes of a value, whatever is in it */

struct f2b_text {
	char	*s;			/* NUL-terminated; NULL: nothing yet */
	size_t	 len, room;
	int	 full;			/* something did not fit */
};

void	 text_put(struct f2b_text *, const char *, size_t);
void	 text_str(struct f2b_text *, const char *);
void	 text_printf(struct f2b_text *, const char *, ...)
	    __attribute__((__format__(printf, 2, 3)));
/* The caller's to free, "" if there is nothing; the text is empty then. */
char	*text_take(struct f2b_text *);
void	 text_clear(struct f2b_text *);

char	*text_dup(const char *, size_t);
/* A list of strings, grown by one; the string is the list's. */
void	 text_add(char ***, size_t *, char *);
void	 text_list_free(char **, size_t);

#endif

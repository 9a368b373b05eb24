/*
 * A bounded buffer that text is put together in: nothing is ever written
 * beyond its end.  What does not fit is left out and `cut` says so.
 *
 * Outside bytes come in by obuf_vis() or obuf_json() only.
 */
#ifndef CTL_BUF_H
#define CTL_BUF_H

#include <stddef.h>

struct obuf {
	char	*p;		/* always has a NUL at p[len] */
	size_t	 len, size;
	int	 cut;
};

#define OBUF(array)	{ (array), 0, sizeof(array), 0 }

void	 obuf_clear(struct obuf *);
void	 obuf_put(struct obuf *, const char *, size_t);
void	 obuf_str(struct obuf *, const char *);
void	 obuf_char(struct obuf *, char);
void	 obuf_fill(struct obuf *, char, size_t n);
void	 obuf_printf(struct obuf *, const char *, ...)
	    __attribute__((__format__(printf, 2, 3)));

/* How obuf_vis() takes its bytes. */
#define OBUF_RAW	0x0	/* anything: a backslash is escaped */
#define OBUF_DONE	0x1	/* went through vis(3) before: it is not */
#define OBUF_QUOTE	0x2	/* "in quotes", those inside escaped */

/* LEN outside bytes, printable by vis(3). */
void	 obuf_vis(struct obuf *, const char *, size_t len, int how);
/*
 * LEN outside bytes inside a JSON string (RFC 8259, 7), without the quotes.
 * Good UTF-8 stays; what is not becomes U+FFFD.
 */
void	 obuf_json(struct obuf *, const char *, size_t len);

#endif

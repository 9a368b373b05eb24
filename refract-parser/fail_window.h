/*
 * The last lines of each file, for filters that match over several lines
 * (maxlines).  Lines are kept as they were; their dates are cut out when
 * somebody looks.
 */
#ifndef FAIL_WINDOW_H
#define FAIL_WINDOW_H

#include <stddef.h>
#include <stdint.h>

#include "clock.h"
#include "pattern.h"

#define WINDOWS_MAX	64	/* files; the one without news goes first */
#define WINDOW_LEN	PATTERN_LINE_MAX	/* bytes, with newlines */
#define WINDOW_TAKEN	399	/* and of lines put together */

struct windows;
struct window;

/* NULL: no memory.  As many lines as this, and rules that look at them. */
struct windows	*windows_new(unsigned int lines, size_t nrules);
void		 windows_free(struct windows *);
/* That of a file; NULL: no memory. */
struct window	*window_of(struct windows *, uint64_t file);

/* One line more; the oldest go. */
void		 window_add(struct window *, const char *, size_t);
/* This rule may match as long as the last line is there. */
void		 window_hope(struct window *, size_t rule);
int		 window_hopes(const struct window *, size_t rule);
/* No rule may. */
int		 window_hopeless(const struct window *);

/*
 * All lines without their dates, each with its newline, and when the last that
 * says so was written (-1: none does).  cut says where the date of a line
 * stands, to 0: nowhere.
 */
typedef logtime_t window_cut(void *, const char *, size_t, size_t *from,
		    size_t *to);
size_t		 window_text(struct window *, char buf[WINDOW_LEN],
		    window_cut *, void *, logtime_t *);
/* Of that text, what the lines are that bytes [from, to) lie in. */
size_t		 window_lines(const struct window *, size_t from, size_t to,
		    size_t *first);
/* These lines are skipped, if they are in what is taken next. */
void		 window_skip(struct window *, size_t from, size_t to);
/* Of the text, those without the skipped: how many bytes. */
size_t		 window_pick(const struct window *, size_t first, size_t n,
		    const char *text, char buf[WINDOW_LEN]);
/*
 * Those without the skipped leave the window: how many.  As they were, with
 * '\n' between them, the last ones if there is no room for all.
 */
unsigned int	 window_take(struct window *, size_t first, size_t n,
		    char buf[WINDOW_TAKEN], size_t *len);

#endif

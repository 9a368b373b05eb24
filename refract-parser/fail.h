/*
 * fail2ban's filters at run time: prefregex and F-CONTENT, failregex and
 * ignoreregex, and which captured value is the failure's id.
 */
#ifndef FAIL_H
#define FAIL_H

#include <stddef.h>
#include <stdint.h>

struct conf_filter;
struct conf_watch;
struct fail;
struct patterns;
struct text_line;
struct wire_waiting;

/*
 * index are the numbers in `patterns` of the filter's own (failregex,
 * ignoreregex, prefregex) in the order of the configuration, and live as long;
 * they are compiled with PATTERN_CUT, `also` the prefregex and `lines`
 * maxlines.  NULL with why[TEXT_LEN].
 */
struct fail	*fail_new(const struct conf_watch *,
		    const struct conf_filter *, struct patterns *,
		    const uint16_t *index, size_t n, char *why);
void		 fail_free(struct fail *);
/*
 * Go on with the connections and the lines that the old one has, if both have
 * the same rules: 1.  It has none then.
 */
int		 fail_adopt(struct fail *, struct fail *old);
/* Connections as a checkpoint has them; those of other filters are not ours. */
void		 fail_save(struct fail *, int all,
		    void (*put)(const void *, size_t));
void		 fail_restore(struct fail *, const struct wire_waiting *);
/*
 * A line that is a candidate of some of its patterns (cands, its own alone;
 * with maxlines every line comes).  It calls text_match() for each match.  A
 * line that is taken is told too, so that ids and forgiving over several lines
 * stay right.
 */
void		 fail_line(struct fail *, struct text_line *,
		    const uint16_t *cands, size_t n);

#endif

/*
 * What the statements mean that make a watch one of text: patterns, matches,
 * fail2ban's filters, what is ignored.
 */
#ifndef TEXT_H
#define TEXT_H

#include "build.h"
#include "regex.h"

void	 text_start(void);
/* At the end, before the watches' own: the patterns are checked. */
void	 text_patterns(void);
/*
 * At the end of a watch of text: its regexes are expanded and checked, filters
 * are read; the names of what they capture are added.
 */
void	 text_finish(struct conf_watch *, struct names *);
/* When all names are known: those that it ignores values of. */
void	 text_names(const struct conf_watch *, const struct names *);

/* The format of a date is checked. */
void	 text_date(const char *, const struct place *);

void	 pattern_define(const struct val *name, const struct val *regex);
void	 text_match(const struct val *, const struct val *weight);
/* mode->s is NULL if it was not said. */
void	 text_filter(const struct val *, const struct val *mode,
	    const struct val *weight);
void	 text_cancel(const struct val *);
void	 text_ignore(const struct val *);
/* ignore <name>: of the items; of what matches; of a table. */
void	 text_ignore_values(const struct val *);
void	 text_ignore_regex(const struct val *, const struct val *);
void	 text_ignore_table(const struct val *, const struct val *);

/* The name of a value: 0, or -1 reported.  What is after it is zero. */
int	 text_name(char dst[VALUE_NAME_LEN], const struct val *);

#endif

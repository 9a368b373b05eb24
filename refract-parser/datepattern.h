/*
 * fail2ban's words for dates (`datepattern`) as regexes of PCRE2.
 */
#ifndef DATEPATTERN_H
#define DATEPATTERN_H

#include <stddef.h>

#define DATEPATTERN_MAX	20	/* regexes of one word: {DATE} is many */

enum datepattern_kind {
	DATEPATTERN_REGEX,
	DATEPATTERN_DEFAULT,	/* {DEFAULT}: the formats of dateform.h */
	DATEPATTERN_BEGIN	/* {^LN-BEG} alone: those at the begin */
};

/*
 * Named groups of a regex: those of %-codes are called as the code (Y m d H M
 * S f z ...), `epoch` are seconds since 1970, or milli- or microseconds, `tai`
 * is a TAI64N label without its @.
 */
struct datepattern {
	enum datepattern_kind	 kind;
	char			*regex;		/* malloc'ed; NULL */
	int			 anchored;	/* to the begin or end */
	int			 form;		/* enum date_form, of {DATE} */
};

/*
 * What a pattern means: how many regexes, to be freed one by one, or 0 with
 * why[why_len] (fatal without memory).
 */
size_t	datepattern_read(const char *, struct datepattern [DATEPATTERN_MAX],
	    char *why, size_t why_len);

#endif

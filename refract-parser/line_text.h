/*
 * What lines of a text watch need, made ready: between line_new.c, which makes
 * it from a configuration, and line.c, which works with it.  Nobody else
 * includes this.
 */
#ifndef LINE_TEXT_H
#define LINE_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "addr.h"
#include "conf.h"
#include "date.h"
#include "line.h"
#include "pattern.h"

struct fail;

/* A value that a native pattern captures. */
struct capture {
	const char	*name;
	const uint16_t	*groups;
	size_t		 ngroups;
	int		 is_addr;
};

/* Of each regex, in the order of the configuration. */
struct item {
	const struct conf_pattern *conf;
	struct filter	*filter;	/* NULL: native */
	struct capture	*captures;	/* in order of appearance */
	size_t		 ncaptures;
};

/* A way to find dates, and what it found in one line. */
struct dated {
	struct date	*date;
	const struct conf_filter *conf;	/* the first that has it; or NULL */
	uint64_t	 line;		/* text.line, 0: none */
	enum date_found	 found;
	logtime_t	 at;
	size_t		 start, end;
};

struct filter {
	const struct conf_filter *conf;
	struct fail	*fail;
	struct dated	*dated;
	uint16_t	*index;		/* its patterns */
	size_t		 n;
	size_t		 last;		/* of them */
	int		 told;		/* of this line */
};

/* `ignore` of a captured value. */
struct ignore {
	const struct conf_ignore *conf;
	const struct prefixset	*table;
	struct prefix	 addr;		/* IGNORE_EXACT, if it is one */
	size_t		 regex;		/* in text.values */
};

struct text {
	struct patterns	*patterns;
	struct item	*items;		/* as many as patterns */
	size_t		 nitems, ncancels, nignore_lines;
	struct filter	*filters;
	size_t		 nfilters;
	int		 every_line;	/* a filter wants them all */
	struct dated	*dates;		/* the first is the watch's */
	size_t		 ndates;
	uint64_t	 line;		/* number of the one at work */
	struct ignore	*ignores;
	size_t		 nignores;
	struct patterns	*values;	/* of ignores */
};

#endif

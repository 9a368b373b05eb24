/*
 * The language: from refract.conf(5) to a struct conf and back to text.
 * Only the parent, and `refractd -n`, parse.
 */
#ifndef PARSE_H
#define PARSE_H

#include <stddef.h>

struct conf;

struct parse_args {
	const char	 *file;		/* NULL: none */
	const char	**statements;	/* -e: read after the file */
	size_t		  nstatements;
	const char	**macros;	/* -D: "name=value" */
	size_t		  nmacros;
};

/*
 * The whole configuration, owned by the caller (conf_free), with ids of its
 * own: conf_adopt_ids() comes next.  NULL: every error was logged as
 * "file:line: found X, expected Y".  Warnings are logged and do no harm.
 */
struct conf	*parse_config(const struct parse_args *);

/*
 * The errors of the last parse as one text, a line each, "" if there was none.
 * Valid until the next parse.
 */
const char	*parse_errors(void);

/*
 * The files that the last parse read: the main file, includes, files of
 * tables.  An include's pattern is there too, as it was written, if its
 * directory should be watched.  Valid until the next parse.
 */
const char	*const *parse_files(size_t *);

/* 1 if one of them is no longer what was read. */
int	 parse_stale(void);

/*
 * The configuration as text that parses to the same, every default visible,
 * in pieces of less than 1,024 bytes.
 */
void		 conf_print(const struct conf *,
		    void (*emit)(void *, const char *), void *);
/* A string as the language writes it, quotes included.  To be freed. */
char		*parse_quote(const char *);
/* Bytes of the character at s that anybody may see as it is; 0: none. */
size_t		 parse_visible(const char *s);

#endif

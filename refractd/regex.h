/*
 * Regexes of the language: `<name>` in them becomes a group of that name, and
 * PCRE2 says whether the rest is one.
 */
#ifndef REGEX_H
#define REGEX_H

#include <stddef.h>

#include "conf.h"
#include "report.h"

/* Names of captured values, each once. */
struct names {
	char	(*list)[VALUE_NAME_LEN];
	size_t	  n;
};

void	 names_add(struct names *, const char *);
int	 names_has(const struct names *, const char *);
void	 names_free(struct names *);
/* " (did you mean <near>?)" or "", valid until the next call. */
const char *names_hint(const struct names *, const char *name);

/* A regex as it was written and as PCRE2 gets it. */
struct regex;

/* The regex of `pattern "name"` for a watch, NULL: not defined. */
typedef const char *regex_lookup(const struct conf_watch *, const char *name);

/*
 * With every <name> replaced: a built-in one, or what lookup knows.  NULL: it
 * was reported at the place.
 */
struct regex	*regex_expand(const char *, const struct conf_watch *,
		    regex_lookup *, const struct place *);
/*
 * Let PCRE2 compile it; the names of its groups are added to names, unless
 * that is NULL.  -1: reported.  1: it matches the empty string, 0: it does not.
 */
int		 regex_check(const struct regex *, int multiline,
		    struct names *, const struct place *);
/* Is this none of PCRE2?  Then why. */
int		 regex_fault(const char *, char *why, size_t len);
/* A text that is PCRE2's already, of a filter. */
struct regex	*regex_of(const char *);
/* Owned by the regex. */
const char	*regex_text(const struct regex *);
void		 regex_free(struct regex *);
/* 1: a built-in tag, of regexes or of commands. */
int		 regex_is_tag(const char *name);

#endif

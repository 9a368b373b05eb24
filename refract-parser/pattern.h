/*
 * The regexes of one watch, compiled once and looked for in every line: one
 * pass over the line finds the few whose required literals it has
 * (patterns_scan()), and PCRE2 runs those alone (pattern_exec()), with limits.
 * Nothing is allocated for a line.  Memory: 300 KiB for the whole, and a regex
 * takes some 5 to 10 KiB, half of it the JIT's code.
 *
 * Regexes see bytes, not UTF-8; of names that occur twice the first group that
 * is set counts.  See pcre2pattern(3).
 */
#ifndef PATTERN_H
#define PATTERN_H

#include <stddef.h>
#include <stdint.h>

#define PATTERNS_MAX	4096		/* of one watch */
/*
 * What a regex sees of a line, with the "\n" at its end: the caller cuts
 * longer ones.  It bounds the time of the worst regex on the worst line.
 */
#define PATTERN_LINE_MAX 8192
#define PATTERN_UNSET	SIZE_MAX	/* PCRE2_UNSET: a group without text */
#define PATTERN_BAD	100		/* so many limits hit: pattern_bad() */

/* Flags of a pattern. */
#define PATTERN_MULTILINE 0x01		/* ^ and $ at each line */
/*
 * The regex runs on a line from which a piece (its date) was cut out; the scan
 * sees the line as it was, before anybody knows where the piece is.  See
 * patterns_cut().
 */
#define PATTERN_CUT	0x02
#define PATTERN_ALWAYS	0x04		/* a candidate for every line */

struct pattern_spec {
	const char	*regex;
	size_t		 len;
	unsigned int	 flags;
	/*
	 * 0, or 1 + the index of another, which has none itself: a failregex
	 * runs on what its prefregex captured, so it is a candidate only if
	 * that is one too; and that one only if another needs it.
	 */
	unsigned int	 also;
	const char	*where;		/* "file:line", copied */
};

struct pattern_name {
	const char	*name;
	const uint16_t	*groups;	/* their numbers, ascending */
	size_t		 n;
};

struct pattern_stats {
	uint64_t	tried;		/* by PCRE2 */
	uint64_t	hits;
	uint64_t	limits;		/* given up, or not tried: too long */
};

struct patterns;

/*
 * Indexes are those of the specs, which need not live on.  NULL: why[TEXT_LEN]
 * says "where: what is wrong".  n may be 0.
 */
struct patterns	*patterns_new(const struct pattern_spec *, size_t n,
		    char *why);
void		 patterns_free(struct patterns *);
size_t		 patterns_count(const struct patterns *);
size_t		 patterns_memory(const struct patterns *);
/* How many PCRE2's JIT did not take: they run several times slower. */
size_t		 patterns_slow(const struct patterns *);

/*
 * The patterns that can match a line, ascending: PCRE2 must not be asked for
 * others.  Valid until the next scan.
 */
size_t		 patterns_scan(struct patterns *, const char *, size_t,
		    const uint16_t **);

/*
 * Now that the piece of the line scanned last is known, [from, to), or to be
 * none: those of n candidates that still can match.  The line must still be
 * there.  Valid until it is asked for again.
 */
size_t		 patterns_cut(struct patterns *, size_t from, size_t to,
		    const uint16_t *, size_t n, const uint16_t **);

/*
 * Look for pattern i in a subject from an offset on.  1: found, and the
 * vector holds start and end of the whole and of each group, PATTERN_UNSET for
 * those without text; valid until this pattern is asked for again.  0: not
 * there.  -1: a limit was hit, and nobody knows.
 */
int		 pattern_exec(struct patterns *, size_t i, const char *,
		    size_t n, size_t from, const size_t **);

/* The numbers of the groups of a name; 0: there is none. */
size_t		 pattern_group(const struct patterns *, size_t i,
		    const char *name, const uint16_t **);
/* All names of a pattern. */
size_t		 pattern_names(const struct patterns *, size_t i,
		    const struct pattern_name **);

const char	*pattern_where(const struct patterns *, size_t i);
const struct pattern_stats *pattern_stats(const struct patterns *, size_t i);
/* 1, once: it hit limits PATTERN_BAD times, and the operator must know. */
int		 pattern_bad(struct patterns *, size_t i);

/*
 * The first group of some numbers that has text: its bytes in the subject, NULL
 * if none has.
 */
static inline const char *
pattern_text(const uint16_t *groups, size_t ngroups, const size_t *vector,
    const char *subject, size_t *n)
{
	size_t	i, g;

	for (i = 0; i < ngroups; i++) {
		g = groups[i];
		if (vector[2 * g] == PATTERN_UNSET)
			continue;
		*n = vector[2 * g + 1] - vector[2 * g];
		return subject + vector[2 * g];
	}
	return NULL;
}

#endif

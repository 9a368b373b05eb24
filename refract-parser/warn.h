/*
 * What an operator must know about a watch, said once: in the log, to
 * `refractctl monitor`, and in `show` until the next reload.
 */
#ifndef WARN_H
#define WARN_H

#include <stddef.h>
#include <stdint.h>

#include "addr.h"
#include "msg.h"

struct watch;

enum warning {			/* the gravest first */
	WARN_MASKED,		/* addresses are: limiting is impossible */
	WARN_PROXY,		/* PROXY protocol is missing */
	WARN_FORWARDED,		/* forgeable addresses do not count */
	WARN_SKEWED,		/* the log's clock is not ours */
	WARN_GAP,		/* a part of a log could not be read */
	WARN_LONG,		/* lines too long to be a log's */
	WARN_LIMITS,		/* a regex hits PCRE2's limits */
	WARN_CUT,		/* lines too long for a regex */
	WARN_MAX
};

#define CROWDS		16	/* private addresses looked at at a time */
#define CROWD		3	/* so many users from one are several */

/* Users seen from one private or protected address. */
struct crowd {
	struct prefix	addr;
	uint32_t	users[CROWD];	/* hashes */
	unsigned int	n;
};

struct warnings {
	unsigned int	said;		/* a bit a warning */
	unsigned int	next;		/* crowd to replace */
	struct crowd	crowds[CROWDS];
	char		text[WARN_MAX][TEXT_LEN];
};

/* Forget them: what is still wrong is said again. */
void		 warn_clear(struct watch *);
void		 warn_masked(struct watch *, const char *from, size_t n);
void		 warn_forwarded(struct watch *);
/* The log says `by` ms more than our clock. */
void		 warn_skewed(struct watch *, int64_t by, int32_t offset);
void		 warn_long(struct watch *, const char *file);
/* Only the beginning of a line was looked at. */
void		 warn_cut(struct watch *, const char *file);
/* A regex was given up so many times of those that it was tried. */
void		 warn_limits(struct watch *, const char *where, uint64_t limits,
		    uint64_t tried);
/* So many bytes that were seen are gone unread, and what followed them. */
void		 warn_gap(struct watch *, const char *file, uint64_t n);
/* A user was seen from an address for the first time. */
void		 warn_user(struct watch *, const struct prefix *,
		    uint32_t user);
/* The gravest, "" if all is well. */
const char	*warn_text(const struct watch *);
/* Tell control; watch may be NULL. */
void		 warn_notice(const struct watch *, enum notice_kind,
		    int sticky, const char *text);

#endif

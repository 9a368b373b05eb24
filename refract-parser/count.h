/*
 * Counting matches of a key: `after N matches within T`, by the log's time.
 *
 * A key is a user of users.h and each of its matches a sighting: when it was,
 * the address it named (0 if none), its weight as `port`, and the number of
 * its line (evidence.h) as `age`.  They are in the order of time.  N matches
 * offend when no more than T lies between the first and the last; then all are
 * forgotten.  Lines that come up to a minute late are counted where they
 * belong.  No more than N matches are kept of a key.
 */
#ifndef COUNT_H
#define COUNT_H

#include <stddef.h>
#include <stdint.h>

#include "addr.h"
#include "clock.h"
#include "users.h"

#define KEY_MAX		65536		/* bytes of a key before it is cut */

struct conf_watch;
struct match;

/* What a match's key is made of; the rest of the configuration's `key`. */
struct key {
	char	bytes[KEY_MAX];
	size_t	n;
};

/*
 * The key of a match: the values that the watch names (those that are missing
 * are empty); or what the filter says; or its address; or all values.  Several
 * are joined so that different ones never look the same.  The address is
 * grouped as the watch says.  -1: it has none, because it needs an address and
 * there is none.
 */
int	 count_key(const struct conf_watch *, const struct match *,
	    struct key *);
/* A key for people, cut with a hash if there is no room: printable. */
void	 count_show(char *buf, size_t size, const char *key, size_t n);

struct count {
	span_t		 window;
	uint32_t	 after;
};

/* One more; s.port is its weight, s.last its time. */
struct counted {
	uint32_t	 total;		/* the most within the window */
	int		 offends;
	unsigned int	 nlines;	/* of the matches that offend */
	uint32_t	*lines;		/* room for after of them */
};
void	 count_add(const struct count *, struct user *,
	    const struct sighting *, struct counted *);
/* How much there is in the window that ends with the last one. */
uint32_t count_now(const struct count *, const struct user *,
	    logtime_t *last);
/* Forget them: how many. */
uint32_t count_clear(struct user *);

#endif

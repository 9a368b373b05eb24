/*
 * A watch at work: the configuration's words made ready for use, and what has
 * been counted.  It lives over reloads, found by its name's hash.
 */
#ifndef WATCH_H
#define WATCH_H

#include <sys/queue.h>

#include "addr.h"
#include "conf.h"
#include "follow.h"
#include "logtime.h"
#include "msg.h"
#include "rule.h"
#include "warn.h"

struct watch_stats {
	uint64_t	lines, bytes, matches, unparsed, offences;
	uint64_t	forwarded, masked, skewed, lost;
	uint64_t	ignored, cancelled, limits;
};

struct text;

struct watch {
	TAILQ_ENTRY(watch)	 entry;
	uint64_t		 hash;
	uint16_t		 number;	/* in the table of users */
	const struct conf_watch	*conf;		/* of the running one */
	struct zone		*zone;
	struct logtime		 clock;
	struct rule		 rule;
	struct text		*text;		/* FORMAT_TEXT, else NULL */
	struct date		*date;		/* FORMAT_XRAY: `json time` */
	struct prefixset	 exempt;
	struct warnings		 warnings;
	struct watch_stats	 stats;
	logtime_t		 last;		/* of the last line; 0: none */
	wall_t			 read;		/* the last new line; or 0 */
	struct watch_stats	 sent;		/* in the last checkpoint */
	size_t			 lift;		/* resume.c: the next one */
};

TAILQ_HEAD(watches, watch);
extern struct watches	watches;

/* Can the parser work with this?  0, or -1 with why (TEXT_LEN). */
int		 watch_prepare(struct conf *, char *why);
/* Use what was prepared; old watches that are not in it are forgotten. */
void		 watch_commit(struct conf *);
void		 watch_abort(struct conf *);

/* The never-table of the running configuration covers it. */
int		 watch_is_protected(const struct prefix *);
const struct wire_global *watch_global(void);

/* NULL if the source is in no watch; if there is no such watch. */
struct watch	*watch_bysource(uint32_t source);
struct watch	*watch_byhash(uint64_t);
struct watch	*watch_bynumber(uint16_t);
/* Which configuration runs: what a user keeps of an older one is stale. */
uint16_t	 watch_epoch(void);
/* A user's addresses, or a key's matches, as a checkpoint had them. */
void		 watch_user(struct watch *, const struct wire_state *,
		    const struct wire_sighting *, size_t);
/* When a line says it was written; 0: it does not. */
stamp_t		 watch_stamp(struct watch *, const char *, size_t);
/* Lines of a file or stream of this watch. */
void		 watch_lines(struct watch *, const struct block *);

/* For those who read lines (access.c, line.c). */

/* When it happened: by its stamp, unless it is live and the stamp is absurd. */
logtime_t	 watch_when(struct watch *, logtime_t stamp, int live,
		    wall_t now);
/* When it is decided about: the log's time, but for a log from tomorrow. */
wall_t		 watch_decided(logtime_t, wall_t now);
/* No grammar and no pattern knows this line. */
void		 watch_unparsed(struct watch *);
/* 1, and counted, if a line of so many bytes is not looked at. */
int		 watch_too_long(struct watch *, const struct block *, size_t);

#endif

/*
 * Lines of text (FORMAT_TEXT): from the bytes of a line to its matches, which
 * count.c counts.
 *
 * One scan finds the patterns that a line may match; nothing more is done for
 * a line that has none.  Then, in the order of the configuration: what cancels
 * (the key's matches are forgotten, and the line counts for nothing else), the
 * `match` patterns and fail2ban's filters, of which the first that matches and
 * is not ignored has the line.  Its date is looked for only then, or when a
 * filter asks for it.
 */
#ifndef LINE_H
#define LINE_H

#include <stddef.h>
#include <stdint.h>

#include "addr.h"
#include "clock.h"
#include "count.h"
#include "follow.h"
#include "msg.h"

#define MATCH_VALUES	32	/* captured values that are kept of a match */

struct conf;
struct conf_pattern;
struct conf_watch;
struct date;
struct dated;
struct patterns;
struct text;			/* what lines of a watch need: line.c's own */
struct watch;
struct zone;

/* A captured value: bytes of the line, or of whoever made the match. */
struct value {
	const char	*name;
	const char	*p;
	size_t		 n;
};

/*
 * What a native pattern or a filter found in a line.  All bytes need only live
 * until text_match() returns.
 */
struct match {
	const struct conf_pattern *pattern;	/* that matched, for display */
	struct prefix	 addr;		/* family 0: none */
	uint32_t	 weight;
	unsigned int	 nvalues;
	struct value	 values[MATCH_VALUES];	/* in order of appearance */
	/*
	 * What is counted if the watch names no key: NULL for the address, or
	 * all values if there is none; a filter's failure id else.
	 */
	const char	*key;
	size_t		 key_len;
	const char	*line;		/* for evidence; NULL: the line */
	size_t		 len;
	unsigned int	 lines;		/* that it is made of */
};

#define TEXT_TAKEN	UINT32_MAX	/* by a native pattern; else a filter */

/* One line at work. */
struct text_line {
	struct watch		*w;
	const struct block	*b;
	struct patterns		*patterns;
	const char		*p;	/* a '\n' is at p[n] */
	size_t			 n;	/* PATTERN_LINE_MAX - 1 at most */
	const char		*whole;	/* as it was read, for evidence */
	size_t			 whole_len;
	uint64_t		 end;	/* offset after its newline */
	int			 live;
	uint32_t		 taken;	/* a pattern has it already */
	/* Of the patterns that have a literal in it. */
	const uint16_t		*cands;
	size_t			 ncands;
	/* text_cut() has set these, and text_time() `at`. */
	struct dated		*dated;
	struct date		*finder;	/* its */
	int			 cut, timed;
	size_t			 date;	/* where it stands in p ... */
	size_t			 date_len;	/* ... 0: nowhere */
	logtime_t		 at;
	/* Given by who knows it already (journal, JSON): us, 0: nobody. */
	stamp_t			 stamp;
	struct prefix		 addr;	/* of a JSON field; family 0 */
	int			 ignored; /* by `ignore`; -1: not asked */
	uint32_t		 part;	/* of the next decision */
};

/* Where its date stands: sets date and date_len. */
void		 text_cut(struct text_line *);
/*
 * When it was written, by the log; by our clock if it is live and does not say,
 * by the line before it if it is caught up on.
 */
logtime_t	 text_time(struct text_line *);
/*
 * Count this, unless the line is taken, ignored or exempt.  1 if it counted: a
 * filter that goes on looking may call it again for the same line, and all of
 * its matches count.
 */
int		 text_match(struct text_line *, const struct match *);
/* Forget what was counted for the key of this match. */
void		 text_cancel(struct text_line *, const struct match *);
/* pattern_exec() of the line's patterns; what hits limits is counted. */
int		 text_exec(struct text_line *, size_t i, const char *, size_t n,
		    size_t from, const size_t **vector);
/* One captured value more, if there is room. */
void		 text_value(struct match *, const char *name, const char *,
		    size_t);

/* Of a watch; NULL with why[TEXT_LEN].  Both live as long. */
struct text	*text_new(const struct conf *, const struct conf_watch *,
		    const struct zone *, char *why);
void		 text_free(struct text *);
/* Of the same watch: its filters go on where those of the old one were. */
void		 text_adopt(struct text *, struct text *old);
/*
 * What its filters wait for, all of it or what changed since the last time;
 * one of those as a checkpoint had it.
 */
void		 text_save(struct text *, int all,
		    void (*put)(const void *, size_t));
void		 text_restore(struct text *, const struct wire_waiting *);
/* Lines of a file or stream of this watch: how many. */
uint64_t	 text_lines(struct watch *, const struct block *);
/* When a line says it was written, 0: it does not. */
stamp_t		 text_stamp(struct watch *, const char *, size_t);
/* The ith regex of a watch, for `show`: 0 if there is none. */
int		 text_pattern(const struct watch *, size_t i,
		    struct row_pattern *);
/* What its matches are counted by. */
struct count	 text_rule(const struct watch *);
/*
 * A match by hand: an offence at once.  1; 0: it is under way already; -1:
 * there is no such watch; -2: what it calls addr is none.
 */
int		 text_trigger(const struct msg_trigger *);

#endif

/*
 * The ledger's file: the schema and every SQL statement but those of
 * ledger_state.h.  What should be written when, and what to do when it cannot
 * be, is ledger_queue.c's.
 */
#ifndef LEDGER_DB_H
#define LEDGER_DB_H

#include <stddef.h>
#include <stdint.h>

#include "msg.h"

/* A newer schema than ours is refused, an older one is migrated. */
#define LEDGER_SCHEMA	4

enum db_status {
	DB_OK,
	DB_TROUBLE,		/* full, read-only, I/O: may work later */
	DB_CORRUPT,		/* not a database any more */
	DB_NEWER		/* db_open() only */
};

/* A decision as it is stored. */
struct stored {
	int64_t		row;		/* cursor; rises as they are recorded */
	struct wire_ban	ban;		/* port and proto: 0, see ports */
	uint32_t	nports;		/* 0: the whole host */
	struct wire_port ports[BAN_PORTS_MAX];
	uint32_t	outcome;	/* enum ban_outcome, 0: not known */
	uint32_t	killed;		/* sockets ended, in all */
	int64_t		outcome_at;	/* wall_t */
	int64_t		lifted;		/* forgiven then, wall_t; 0: no */
	int32_t		error;
};

/* A decision as it is to be stored.  evidence is not copied by anybody. */
struct decision {
	struct wire_ban	 ban;		/* without port and proto */
	uint32_t	 nports;
	int		 dry_run;
	int		 past;		/* recorded, not applied */
	int		 again;		/* its line may be read again */
	struct wire_port ports[BAN_PORTS_MAX];
	char		 watch[NAME_MAX_LEN];
	const char	*evidence;
	/* Of a watch whose lines patterns match. */
	int		 no_ban;	/* commands only */
	int		 rerun;		/* of a key under way */
	uint32_t	 count;
	char		 pattern[WHERE_MAX_LEN];
	const char	*values;	/* name NUL value NUL ... */
	size_t		 values_len;
};

/*
 * Open or begin the file.  Whatever fails, db_error() says what.  A file that
 * is not a database is left as it is: DB_CORRUPT, and db_aside() moves it.
 */
enum db_status	 db_open(const char *path);
void		 db_close(void);
int		 db_is_open(void);
/* The last failure, for people. */
const char	*db_error(void);
/*
 * Move the file and its journal to PATH.corrupt-TIME; the new name is in
 * name.  0 or -1 (errno).
 */
int		 db_aside(const char *path, char *name, size_t);

enum db_status	 db_begin(void);
enum db_status	 db_commit(void);
void		 db_rollback(void);

/*
 * These belong inside a transaction.  db_decision leaves one that exists as
 * it is; *new says whether it was one.
 */
enum db_status	 db_decision(const struct decision *, int *new);
/* Its row, 0 if there is none; *lifted: it was forgiven, wall_t or 0. */
int64_t		 db_decision_row(const struct decision_id *, int64_t *lifted);
/* *found 0: no such decision (yet). */
enum db_status	 db_event(const struct wire_event *, int *found);
enum db_status	 db_lift(const struct wire_event *);
enum db_status	 db_forgive(const struct msg_target *, int64_t at);
/* Forget lifts that no decision can need any more. */
enum db_status	 db_prune(int64_t now);

/* How big the file is, without a write-ahead log yet to be taken in. */
struct db_usage {
	uint64_t	pages, free, page_size;
};
/* DB_TROUBLE, and closed, if the file has lost its name. */
enum db_status	 db_usage(struct db_usage *);
/*
 * In a transaction of its own: forget at most max decisions that ended before
 * this time (wall_t), the earliest first; *n is how many.
 */
enum db_status	 db_drop(int64_t before, unsigned int max, unsigned int *n);
/* Give at most so many free pages back to the file system. */
enum db_status	 db_vacuum(unsigned int pages);

/* Where a walk over the decisions in force stands.  Times: wall_t. */
struct active {
	int64_t	now, ends, row;
	int	by_row;		/* most are in force: as they lie */
};

/*
 * Walk over the decisions in force: at most max a call through fn; *n is how
 * many there were, and fewer than max means there are no more.  What was
 * refused, or forgiven afterwards, is left out.
 */
enum db_status	 db_active_begin(struct active *, int64_t now);
enum db_status	 db_active(struct active *, unsigned int max,
		    unsigned int *n, void (*fn)(const struct stored *));
/* 1: this entry (NULL: the whole host) was lifted after the ban began. */
int		 db_is_lifted(const struct stored *, const struct wire_port *);

/*
 * Decisions recorded after row *row: at most max are looked at.  fn says 0 to
 * stop behind that row.  *row is the last one looked at, *end 1 if there was
 * nothing behind it.
 */
enum db_status	 db_scan(int64_t *row, unsigned int max, int *end,
		    int (*fn)(const struct stored *, void *), void *);
/* Copies the text; "" if there is none. */
void		 db_evidence(int64_t row, char *, size_t);
/*
 * What was captured for a decision, its length; what it had counted to; and
 * the pattern that matched last, "" if there was none.
 */
size_t		 db_values(int64_t row, uint32_t *count,
		    char values[VALUES_LEN], char *pattern, size_t);
/* Each line that counted for it, but for its evidence. */
enum db_status	 db_lines(int64_t row, void (*fn)(uint32_t number, int64_t at,
		    const char *text, void *), void *);
/* The name a watch had when it last decided; "" for the operator. */
void		 db_watch_name(uint64_t hash, char *, size_t);

#endif

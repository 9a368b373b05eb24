/*
 * Between the two halves of ledger_db.h: ledger_db.c opens the file,
 * ledger_sql.c has the statements.  Only ledger_state.c and
 * ledger_runs.c, which have more statements, include this too.
 */
#ifndef LEDGER_SQL_H
#define LEDGER_SQL_H

#include "ledger_db.h"

struct sqlite3;
struct sqlite3_stmt;

/* Column `kind` of a decision. */
#define DECISION_RERUN	1
#define DECISION_NO_BAN	2

/* Keep the failure's text for db_error(), and say of what kind it is. */
enum db_status	 db_fail(const char *what, int rc);
/* Prepare all statements; finalize them. */
enum db_status	 sql_prepare(struct sqlite3 *);
void		 sql_finalize(void);
/* A column that is a prefix; family 0 if it is none. */
void		 sql_read_prefix(struct sqlite3_stmt *, int, struct prefix *);
void		 sql_bind_prefix(struct sqlite3_stmt *, int,
		    const struct prefix *);

/* ledger_runs.c's own. */
enum db_status	 runs_prepare(struct sqlite3 *);
void		 runs_finalize(void);

/* ledger_state.c's own. */
enum db_status	 state_prepare(struct sqlite3 *);
void		 state_finalize(void);
/* This decision's line may be read again. */
enum db_status	 state_ahead(int64_t row);
/* Forget those that were decided before this, wall_t. */
enum db_status	 state_prune(int64_t before);

#endif

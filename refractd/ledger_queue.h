/*
 * What waits to be written to the ledger, and when it is.  Nothing that was
 * put in is lost while this process lives, within bounds: a transaction that
 * fails is kept and tried again.
 */
#ifndef LEDGER_QUEUE_H
#define LEDGER_QUEUE_H

#include <stddef.h>
#include <stdint.h>

#include "ledger_db.h"

struct queue_calls {
	/* A batch is on the disk. */
	void	(*committed)(uint64_t number);
	/* Trouble (1) with what and why, or none (0, ""). */
	void	(*state)(int trouble, const char *text);
	/* There is room again after queue_full(). */
	void	(*room)(void);
	/* The file is readable for the first time (again). */
	void	(*opened)(void);

	/*
	 * For commands (ledger_run.c); each may be NULL.  Inside a
	 * transaction: a decision is new; something happened to a ban, or to
	 * all that a target names; a command ended; and at its end.  Then
	 * whether it is on the disk (1) or was undone (0).
	 */
	enum db_status	(*decided)(const struct decision *);
	enum db_status	(*happened)(const struct wire_event *);
	enum db_status	(*forgiven)(const struct msg_target *, int64_t at);
	enum db_status	(*ran)(const struct msg_run_done *);
	enum db_status	(*inside)(void);
	void		(*outside)(int done);
};

/*
 * root is what comes before path when an operator is told of it; neither is
 * copied.  Opens the file: a newer schema is fatal, any other
 * failure is trouble that is tried again.
 */
void	 queue_start(const char *root, const char *path,
	    const struct queue_calls *);

/* Between begin and end: one transaction.  -1: no batch was to begin/end. */
int	 queue_batch_begin(uint64_t number);
int	 queue_batch_end(uint64_t number);
/* In the batch (batch 1; -1 if none is open) or by itself (0). */
int	 queue_decision(const struct decision *, int batch);
/* What a restart goes on with: see state_write().  Always in the batch. */
int	 queue_state(uint32_t type, const void *, size_t);
void	 queue_event(const struct wire_event *);
void	 queue_ran(const struct msg_run_done *);
/* A transaction soon, though nothing may wait: for inside(). */
void	 queue_kick(void);
void	 queue_forgive(const struct msg_target *, int64_t at);

/* 1: the file is open and was written the last time. */
int	 queue_well(void);
/* 1: the one who can wait should. */
int	 queue_full(void);
/* Write all that is complete now.  0, or -1 if it could not be. */
int	 queue_flush(void);
/* Reading found this: say so, move a corrupt file aside, begin a new one. */
void	 queue_failed(enum db_status);
/* Flush, close the file, and say what was lost if that failed. */
void	 queue_stop(void);

#endif

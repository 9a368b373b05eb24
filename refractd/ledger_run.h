/*
 * The scheduler of commands: which become rows of ledger_runs.h, when they are
 * due, and how many run.  A command is told to the parent only after it is on
 * the disk that it was started, so a crash runs it at most once.
 */
#ifndef LEDGER_RUN_H
#define LEDGER_RUN_H

#include <stdint.h>

#include "ledger_queue.h"

struct channel;
struct conf;
struct obuf;
struct stored_run;

#define RUN_PENDING_MAX	100000	/* that wait; more are not recorded */

/* For queue_calls. */
enum db_status	 run_decided(const struct decision *);
enum db_status	 run_happened(const struct wire_event *);
enum db_status	 run_forgiven(const struct msg_target *, int64_t at);
enum db_status	 run_ran(const struct msg_run_done *);
enum db_status	 run_inside(void);
void		 run_outside(int done);

/* Another configuration is in use: what it does not know is skipped. */
void	 run_conf(void);
/* The parent takes so many at a time from now on; 0: none. */
void	 run_max(uint32_t);
void	 run_done(const struct msg_run_done *);
/* The suite stops: what runs `at exit` runs now, or waits as it is. */
void	 run_exit(void);
/* Forget everything but what is on the disk. */
void	 run_stop(void);
/* The disk says no, or (0) does not any more. */
void	 run_trouble(int);
/* 1: somebody wants to know when a ban ends. */
int	 run_wants_ends(void);

/* Answered by a M_RESULT. */
void	 run_flush(struct channel *, uint32_t id, const struct msg_flush *);
/* Its arguments, filled in. */
void	 run_show(struct obuf *, const struct stored_run *);

#endif

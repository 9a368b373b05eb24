/*
 * The ledger role: the one process that writes ledger.db.
 */
#ifndef LEDGER_H
#define LEDGER_H

#include <stdint.h>

struct channel;
struct conf;
struct msg_show;
struct row_history;
struct stored;

/*
 * refractd -X ledger -r DIR: DIR is the state directory, which exists and
 * belongs to _refractl.  Does not return.
 */
void	 ledger(int, char **) __attribute__((__noreturn__));

/* ledger_restore.c: send all bans in force, as fast as the channel takes. */
void	 restore_begin(struct channel *);
void	 restore_drained(struct channel *);
void	 restore_stop(void);
/* 1: all were sent or are being sent. */
int	 restore_begun(void);

/* ledger_keep.c: forget what the configuration says; stop doing so. */
void	 keep_conf(const struct conf *);
void	 keep_stop(void);

/* ledger_resume.c: tell the parser what it goes on with; see msg.h. */
void	 resume_begin(struct channel *);
void	 resume_drained(struct channel *);
void	 resume_stop(void);
/* The positions, before the first logs are opened. */
void	 resume_tell_parent(void);

/* ledger_show.c: one page of history to control. */
void	 show_history(struct channel *, uint32_t id, const struct msg_show *);
/* The row of a decision as history has it. */
void	 history_row(struct row_history *, const struct stored *, int64_t now);
/* The name of a watch by its hash (0: the operator), NAME_MAX_LEN bytes. */
void	 watch_of(uint64_t, char *name);

/* ledger_why.c: a page of commands; of decisions about an address, or of
 * the lines that counted for them. */
void	 show_pending(struct channel *, uint32_t id, const struct msg_show *);
void	 show_why(struct channel *, uint32_t id, const struct msg_show *);

#endif

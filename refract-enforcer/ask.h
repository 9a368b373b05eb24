/*
 * What siblings may ask, and what they are told.
 */
#ifndef ASK_H
#define ASK_H

#include "args.h"
#include "msg.h"

void	 ask_sessions(MSG_ARGS);	/* M_SESSIONS */
/*
 * May this role ask for this ban?  BAN_APPLIED, or the reason why not: it
 * asks too fast, the configuration does not say so (BAN_FAILED), dry run, the
 * never-table, somebody logged in.
 */
enum ban_outcome ask_check(enum role, const struct wire_ban *);

/* What became of a ban: to the ledger and to control; counted. */
void	 tell_event(const struct wire_ban *, enum ban_outcome, uint32_t count,
	    int error);
/* Drift: logged, counted, and shown by monitor. */
void	 tell_drift(const char *, ...)
	    __attribute__((__format__(printf, 1, 2)));

#endif

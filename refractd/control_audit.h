/*
 * `log bans PATH [json]`: one line an action, into a descriptor of the parent.
 */
#ifndef CONTROL_AUDIT_H
#define CONTROL_AUDIT_H

#include <stdint.h>

struct msg_outcome;
struct msg_target;
struct row_event;

/* Write here from now on; an older descriptor is closed.  -1: nowhere. */
void	 audit_open(int fd);
void	 audit_json(int json);
void	 audit_event(const struct row_event *);
/*
 * What an operator asked for and how it ended; target may be NULL, watch "".
 */
void	 audit_request(const char *by, const char *what,
	    const struct msg_target *target, const char *watch,
	    const struct msg_outcome *);
/* 1 if the last line could not be written. */
int	 audit_failing(void);

#endif

/*
 * What happens, as it happens: to the clients that asked for it, and what must
 * stay in sight, for `show`.
 */
#ifndef CONTROL_MONITOR_H
#define CONTROL_MONITOR_H

#include <stdint.h>

struct client;
struct conf;
struct msg_outcome;
struct row_access;
struct row_event;
struct row_summary;
struct wire_event;
struct wire_notice;

#define MONITOR_EVENTS	0x1u	/* bit of bans; notices: 1 << their kind */
#define MONITOR_CONNECTIONS	0x80000000u	/* ... that ended */

/* The row for an event: its word, its watch's name, who did it. */
void	 event_row(struct row_event *, const struct wire_event *);
/* Why a ban came to nothing; "" if it did not. */
const char *outcome_why(uint32_t outcome);
/* Name of the watch with this hash, "" for 0. */
const char *watch_name(uint64_t hash);

void	 monitor_event(const struct row_event *);
/* Bans that were refused for want of room stay in sight too. */
void	 monitor_refusals(const struct wire_event *);
void	 monitor_notice(const struct wire_notice *);
void	 monitor_access(const struct row_access *);
/* The client reads again: tell it what it missed. */
void	 monitor_drained(struct client *);

void	 monitor_ledger(const struct msg_outcome *);
/* Forget what was said of watches that are no more. */
void	 monitor_commit(const struct conf *);
/* What should be seen now; silent: ROLE_BIT()s that do not answer. */
void	 monitor_summary(struct row_summary *, uint32_t silent);

#endif

/*
 * Bans that were not the parser's idea: an operator's, and a listener's.
 */
#ifndef CONTROL_BAN_H
#define CONTROL_BAN_H

struct client;
struct msg_decision;
struct wire_event;

/* Once, before the first client. */
void	 ban_init(void);

/* C_BAN, with a struct ctl_ban. */
void	 ban_request(struct client *, const void *);

/* What the enforcer did with any ban: told, and answered if it was asked. */
void	 ban_event(const struct wire_event *);

/* What a listener asked a ban for: to the ledger, if it is one of ours. */
void	 ban_mux_decision(const struct msg_decision *);

#endif

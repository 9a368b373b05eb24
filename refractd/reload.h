/*
 * How a configuration becomes the one in use: prepared by every child beside
 * the old one, then committed by one after the other.  Until the first commit
 * anything that goes wrong changes nothing.  The first configuration of a
 * daemon comes the same way, where what goes wrong is fatal.
 */
#ifndef RELOAD_H
#define RELOAD_H

#include <stddef.h>
#include <stdint.h>

#include "channel.h"

struct conf;
struct event_base;
struct parse_args;

/* args is kept and used at each reload. */
void	 reload_init(struct event_base *, const struct parse_args *);
/*
 * The first one, which is ours from here; up() is called when the children
 * work by it and the stored bans stand.
 */
void	 reload_first(struct conf *, void (*up)(void));
/*
 * Parse and go.  asker is the control client who waits for the outcome, or 0:
 * then only the log has it.
 */
void	 reload_start(uint32_t asker);
/* We stop: forget what is under way. */
void	 reload_cancel(void);
/* The configuration in use, NULL before there is one. */
const struct conf *reload_conf(void);
/* 1: another is about to be in use: some children work by it already. */
int		 reload_committing(void);
/* ... that one; NULL: there is none. */
const struct conf *reload_next(void);
/*
 * It as text, as conf_print() makes it, with tokens and keys or without; valid
 * until the next commit.
 */
const char *reload_text(int secrets, size_t *);

/* Children that a configuration gives work (ROLE_BIT). */
unsigned int	 reload_roles(const struct conf *);

/* Handlers of what the children say about all this. */
void	 reload_ready(struct channel *, uint32_t, const void *, size_t, int);
void	 reload_refused(struct channel *, uint32_t, const void *, size_t, int);
void	 reload_done(struct channel *, uint32_t, const void *, size_t, int);
void	 reload_restored(struct channel *, uint32_t, const void *, size_t,
	    int);
void	 reload_rules(struct channel *, uint32_t, const void *, size_t, int);
void	 reload_drift(struct channel *, uint32_t, const void *, size_t, int);

#endif

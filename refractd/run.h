/*
 * Commands, in the parent: those of watches when the ledger says so, and
 * `start` and `stop` of the configuration.  All by spawn.h, never as root.
 */
#ifndef RUN_H
#define RUN_H

#include "channel.h"

struct conf;
struct event_base;

void	 run_init(struct event_base *);
/* This configuration is in use: the ledger may send commands of it. */
void	 run_commit(const struct conf *);
/* Handlers of what the ledger says. */
void	 run_request(struct channel *, uint32_t, const void *, size_t, int);
void	 run_exited(struct channel *, uint32_t, const void *, size_t, int);
/*
 * The commands of `start`, one after the other; one that fails is fatal.
 * done() is called when all have ended, which may be at once.
 */
void	 run_start(const struct conf *, void (*done)(void));
/* We begin to stop: no more commands but those of below. */
void	 run_stopping(void);
/*
 * All but the ledger have gone: what runs at exit, then the commands of
 * `stop`, each with a limit; then done().
 */
void	 run_last(const struct conf *, void (*done)(void));

#endif

/*
 * The children of the parent: started, waited for, told to stop, buried.
 */
#ifndef PROCS_H
#define PROCS_H

#include <sys/types.h>

#include <stdint.h>

#include "channel.h"
#include "clock.h"
#include "msg.h"
#include "role.h"

struct event_base;

#define START_LIMIT	30	/* seconds until READY */

/*
 * dir is where this program lies (helpers are looked for beside it), state
 * the ledger's directory, verbose how many -v the children get.  Strings are
 * not copied.
 */
void	 procs_init(struct event_base *, const char *dir, const char *state,
	    int verbose);
/* Handlers of what this role says to the parent, M_READY excepted. */
void	 procs_handlers(enum role, const struct handler *);

/* Is it one of these? */
int	 procs_has(pid_t);
/* Who is told of a child's end that is none of these (spawn.c). */
void	 procs_others(void (*)(pid_t, int status));

/*
 * Before procs_start() of a child that works for somebody at a terminal alone:
 * an option for it.  It keeps our standard output, and its own end is ours.
 */
void	 procs_alone(const char *option);
/* fork and exec. */
void	 procs_start(enum role);
/* Workers of the mux: 0 (ROLE_MUX itself) to MUX_WORKERS_MAX - 1. */
void	 procs_start_worker(unsigned int index);
/* It drains by itself, and may die then. */
void	 procs_stop_worker(unsigned int index);
/*
 * Where it is, which is its channel's index, and it alone has as long as it
 * lives; its channel, or NULL: told to stop.
 */
unsigned int	 procs_place(unsigned int index);
struct channel	*procs_at(unsigned int place);
/* Its number is free for another one; it works until procs_stop_at(). */
void	 procs_leave_worker(unsigned int index);
void	 procs_stop_at(unsigned int place);
void	 procs_connect_worker(unsigned int index, enum role);
/* NULL: not there, or told to stop. */
struct channel	*procs_worker(unsigned int index);
/* So many seconds longer than others may the mux take to stop. */
void	 procs_stop_limit(int seconds);
/*
 * Turn the loop until all of these roles (ROLE_BIT) are READY.  For the start
 * only, when nothing else turns it.  Fatal after START_LIMIT.
 */
void	 procs_wait(unsigned int roles);
/* Turn the loop until *done or seconds are over: fatal with `what`. */
void	 procs_turn_until(const int *done, int seconds, const char *what);
/* Give two children a channel to each other, if both are there. */
void	 procs_connect(enum role, enum role, int bulk);

/* Started and not dead. */
unsigned int	 procs_alive(void);
/* How many there are, the parent too. */
unsigned int	 procs_count(void);
/* NULL if it is not there: channel_send() takes that. */
struct channel	*procs_channel(enum role);

void	 procs_verbose(uint32_t);
/* One after the other, as the order of stopping says; then done(clean). */
void	 procs_stop(void (*done)(int));
/*
 * Call this when only the ledger is left, before it is told; it goes on when
 * procs_stop_go_on() is called.
 */
void	 procs_stop_before_last(void (*fn)(void));
void	 procs_stop_go_on(void);
/* SHOW_PROCESSES, to whoever asked. */
void	 procs_show(struct channel *, uint32_t id, const struct msg_show *);

#endif

/*
 * The tables a restart goes on with: position, state, watch_stats, ahead,
 * waiting.  Written inside the transaction of a checkpoint, read once at a
 * start.
 */
#ifndef LEDGER_STATE_H
#define LEDGER_STATE_H

#include <stddef.h>
#include <stdint.h>

#include "ledger_db.h"
#include "msg.h"

/* A message of a checkpoint that is neither its frame nor a decision. */
enum db_status	 state_write(uint32_t type, const void *, size_t);

/* Each through fn. */
enum db_status	 state_stats(void (*fn)(const struct msg_stats *));
enum db_status	 state_positions(void (*fn)(const struct msg_position *));
enum db_status	 state_lifts(int64_t since,
		    void (*fn)(const struct msg_lift *));
/* How often who was banned: the last ones, at most max. */
enum db_status	 state_growth(unsigned int max,
		    void (*fn)(const struct wire_growth *));
/* What was decided of lines that will be read again: the last, at most max. */
enum db_status	 state_decided(unsigned int max,
		    void (*fn)(const struct wire_decided *));
/* Connections that filters wait for: wire_waiting and its bytes. */
enum db_status	 state_waiting(void (*fn)(const void *, size_t));
/* The log time that the watch which is furthest behind has come to. */
enum db_status	 state_oldest(int64_t *);

/* Where a walk stands: the row before, which is the message fn was given. */
struct state_cursor {
	struct wire_state	head;
	struct wire_sighting	list[STATE_SIGHTINGS];
	int			begun;
};
struct served_cursor {
	int64_t	oldest, ends, row;	/* begin with ends = oldest */
};

/* At most max a call; *n fewer: there are no more. */
enum db_status	 state_states(struct state_cursor *, unsigned int max,
		    unsigned int *n, void (*fn)(const void *, size_t));
/*
 * Bans that ended after `oldest`, or that were lifted after it; without those
 * of lines that will be read again.
 */
enum db_status	 state_served(struct served_cursor *, unsigned int max,
		    unsigned int *n, void (*fn)(const struct wire_served *));

/* What is wrong with a state, NULL: nothing. */
const char	*state_fault(const struct wire_state *, size_t);

#endif

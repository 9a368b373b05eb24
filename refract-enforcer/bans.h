/*
 * The table of bans in force: what the kernel's sets should hold.  Bounded by
 * `max`; at the bound a new ban is refused and counted.  Ends are kept in
 * wall time, because the kernel counts no further than 24 days.
 */
#ifndef BANS_H
#define BANS_H

#include <stddef.h>
#include <stdint.h>

#include "entries.h"
#include "msg.h"

struct channel;

struct ban {
	struct ban	*next;		/* same bucket */
	int64_t		 due;		/* wall_t: to be looked at */
	uint32_t	 place, order;	/* in all[], in the heap */
	uint32_t	 pass;		/* see bans_pass */
	struct wire_ban	 w;
};

/*
 * Walks go over all bans, a part in each turn, one walk after the other; each
 * sees every ban that was there when it began.  fn may end its ban.
 */
struct walk {
	void		(*fn)(struct ban *, struct walk *);
	void		(*end)(struct walk *);
	struct msg_target target;		/* what to unban */
	uint32_t	  client, count;
	enum set_id	  set;			/* what to fill again */
};

/* Comparing with the kernel: a ban that was found there has this number. */
extern uint32_t	bans_pass;
extern uint64_t	bans_deleted;	/* entries taken out of the kernel, ever */
extern uint64_t	bans_adopted;	/* entries nobody knew, kept, ever */

/* How many may be: at the first commit and when `max` changes. */
void	 bans_bound(uint32_t max);
/* Make the kernel's sets large enough, if all that is in them is known. */
void	 bans_room(void);
size_t	 bans_in_set(enum set_id);
/*
 * Put one in force.  BAN_APPLIED, BAN_EXTENDED: queued for the kernel; unless
 * quiet the event and the end of its connections follow.  Or why not:
 * BAN_KEPT, BAN_PAST, BAN_FULL.
 */
enum ban_outcome bans_put(const struct wire_ban *, int quiet);
/* 1: this very decision is in force already, it was told a second time. */
int	 bans_repeated(const struct wire_ban *);
/* An entry that the kernel has: known, or kept from now on. */
void	 bans_found(enum set_id, const struct entry *);
void	 bans_mark(enum set_id, const struct entry *);	/* only if known */
/* Into the kernel once more. */
void	 bans_again(struct ban *);
/* For entries_open(). */
void	 bans_done(int add, const struct entry *, int error);
/* 0, or -1 if too many wait. */
int	 bans_walk(const struct walk *);
/* fn of a walk that lifts what shares an address with its target. */
void	 bans_lift(struct ban *, struct walk *);
/* One page of SHOW_BANS. */
void	 bans_show(struct channel *, uint32_t client, const struct msg_show *);

#endif

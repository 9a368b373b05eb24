/*
 * The table of bans in force: what the kernel's sets should hold.  Bounded by
 * `max`; at the bound a new ban is refused and counted.  Ends are kept in
 * wall time, because the kernel counts no further than 24 days.
 */
#ifndef BANS_H
#define BANS_H

#include "args.h"
#include "msg.h"
#include "sets.h"

struct ban {
	struct ban	*next;		/* same bucket */
	int64_t		 due;		/* wall_t: to be looked at */
	uint32_t	 place, order;	/* in all[], in the heap */
	uint32_t	 hash;
	struct wire_ban	 w;
};

/* A walk over all bans, a part in each turn; see bans_walk(). */
struct walk {
	void		(*fn)(struct ban *, struct walk *);
	void		(*end)(struct walk *);
	struct msg_target target;	/* what to unban */
	uint32_t	 client, count;
	size_t		 at;		/* how many are still to be seen */
};

extern size_t	bans_in_set[SET_BANS];

/* How many may be: at each commit. */
void	 bans_bound(uint32_t max);
/* Make the kernel's sets large enough, if all that is in them is known. */
void	 bans_grow(void);
/*
 * Put one in force.  BAN_APPLIED, BAN_EXTENDED: queued for the kernel; unless
 * quiet the event and the end of its connections follow.  Or why not:
 * BAN_KEPT, BAN_PAST, BAN_FULL.
 */
enum ban_outcome bans_put(const struct wire_ban *, int quiet);
/* It will be put soon: have the memory ready */
void	 bans_soon(const struct wire_ban *);
/* 1: this very decision is in force already, it was told a second time. */
int	 bans_repeated(const struct wire_ban *);
void	 bans_done(int add, const struct entry *, int error);
/*
 * Each ban that is there now will be given to fn, which may end it; then the
 * walk to end.
 */
void	 bans_walk(const struct walk *);
/* fn of a walk: puts all into the kernel once more. */
void	 bans_again(struct ban *, struct walk *);
void	 bans_unban(MSG_ARGS);	/* M_UNBAN: what shares an address with it */
void	 bans_show(MSG_ARGS);	/* M_SHOW of SHOW_BANS: one page */

#endif

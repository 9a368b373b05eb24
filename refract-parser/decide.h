/*
 * From an offence to a ban: to the enforcer at once, to the operator as a
 * notice, and to the ledger in the next checkpoint.
 */
#ifndef DECIDE_H
#define DECIDE_H

#include <stddef.h>
#include <stdint.h>

#include "addr.h"
#include "clock.h"
#include "msg.h"
#include "rule.h"
#include "users.h"

struct match;
struct watch;

struct offence {
	struct watch		*watch;
	const char		*name;		/* the user, or the key */
	size_t			 name_len;
	uint32_t		 count;		/* the limit; matches */
	const struct offender	*offender;	/* family 0: nobody */
	/* Of a text watch, else NULL and 0. */
	const struct match	*match;
	const struct msg_evidence *lines;	/* oldest first: at, text */
	unsigned int		 nlines;
	int			 by_hand;
	int			 again;		/* block.again */
	wall_t			 at;		/* decision time */
	wall_t			 now;
	uint64_t		 file;		/* identity */
	uint64_t		 offset;	/* end of the line */
	uint32_t		 part;
	const char		*line;
	size_t			 len;
};

void	 decide_init(void);
void	 decide_clear(void);
/*
 * 1 if it became a decision.  0 if the offender serves a ban of this watch of
 * which more than half is left: what is still logged of him (connections on
 * their way out) is no news, and a ban in use is extended twice a period.
 * Where `duplicate` says ignore, nothing is done while the ban (or, in a watch
 * without one, a command for the key) is under way; where it says rerun, all
 * is done again.  Of a line that was judged before the start (decided.h) what
 * was decided then is.
 */
int	 decide(const struct offence *);
/* 1 if a ban of this watch runs for this address at this time. */
int	 decide_serving(const struct watch *, const struct prefix *, wall_t);
/* How often this watch has banned the address before. */
uint32_t decide_bans(const struct watch *, const struct prefix *);
/* The operator lifted bans or forgave; of one watch or (NULL) of all. */
void	 decide_forgive(const struct msg_target *, const struct watch *);
/* A ban that was decided before the start. */
void	 decide_served(const struct wire_served *);
/*
 * A ban was not made: its offender serves none.  He may be decided about again
 * a minute after it, not at his next line.
 */
void	 decide_refused(const struct wire_event *);

#endif

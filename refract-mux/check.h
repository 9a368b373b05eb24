/*
 * Health checks of members, by the lead worker alone.
 */
#ifndef CHECK_H
#define CHECK_H

struct event_base;
struct generation;

/* Of so many descriptors checks take their part, and no more. */
void	 check_init(struct event_base *, unsigned int descriptors);
unsigned int	 check_at_once(void);
/* This worker is the lead, or not any more. */
void	 check_lead(int);
/* Check these pools' members from now on; NULL: none. */
void	 check_use(struct generation *);

struct msg_mux_want;

/* M_MUX_GIVE for a check (id 0). */
void	 check_given(const struct msg_mux_want *, int fd);

#endif

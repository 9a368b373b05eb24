/*
 * Sets of strings, as literal.c gathers them.
 */
#ifndef LITSET_H
#define LITSET_H

#include "literal.h"

#define EXACT_MAX	16	/* strings of a part that is known wholly */

/*
 * What is known of a part of a regex.  Each match of it ends with one of
 * `tail`, and is one of them if it is `whole`; and one of `best` is in it, if
 * there are any.
 */
struct part {
	int		whole;
	struct literals	tail;
	struct literals	best;
	unsigned int	score;		/* of best */
};

/* What matches nothing but "", a byte, and what nothing is known of. */
void	 part_empty(struct part *);
void	 part_byte(struct part *, uint8_t, int fold);
void	 part_unknown(struct part *);
/* One byte of a class: 256 bits. */
void	 part_class(struct part *, const uint8_t *bits, int fold);
/* a then b; cut as for literals_of(). */
void	 part_and(struct part *, const struct part *, int cut);
/* a or b. */
void	 part_or(struct part *, struct part *, int cut);
/* a so many times; max UINT32_MAX: no end. */
void	 part_repeat(struct part *, uint32_t min, uint32_t max, int cut);
/* The best there is, taking the tail into account. */
void	 part_settle(struct part *, int cut);
/* Halves in place of each. */
void	 literals_cut(struct literals *);

#endif

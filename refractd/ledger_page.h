/*
 * One page of rows for refractctl: what ledger_show.c and ledger_why.c answer
 * with.  A page looks at a bounded number of rows, so it may be short, even
 * empty, and not be the last.
 */
#ifndef LEDGER_PAGE_H
#define LEDGER_PAGE_H

#include <stddef.h>
#include <stdint.h>

#include "ledger_db.h"

#define PAGE_SCAN_MAX	10000	/* rows of the file a page looks at */

struct channel;
struct msg_show;

struct page {
	struct channel		*ch;
	const struct msg_show	*show;	/* what was asked */
	uint32_t		 id;	/* of the message that asked */
	uint32_t		 max;	/* rows it may have */
	uint32_t		 rows;	/* it has */
	int64_t			 now;	/* wall clock when it was begun */
};

/* Looks at rows from *row on, moves it, and says whether none are left. */
typedef enum db_status	 page_scan(struct page *, int64_t *row, int *end);

/* M_ROW for each that scan() wants, of at most max, and M_SHOW_END. */
void	 page_send(struct channel *, uint32_t id, const struct msg_show *,
	    uint32_t max, page_scan *);
/* In there: one row of enum show_what; and 1 while there is room for more. */
void	 page_row(struct page *, uint32_t what, const void *, size_t);
int	 page_goes_on(const struct page *);

#endif

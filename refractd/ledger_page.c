/*
 * See ledger_page.h.
 */
#include "channel.h"
#include "clock.h"
#include "ledger_page.h"
#include "ledger_queue.h"
#include "msg.h"

void
page_row(struct page *page, uint32_t what, const void *row, size_t len)
{
	struct row_head	head = { .what = what };

	channel_send2(page->ch, M_ROW, page->id, &head, sizeof(head), row,
	    len);
	page->rows++;
}

int
page_goes_on(const struct page *page)
{
	return page->rows < page->max;
}

void
page_send(struct channel *ch, uint32_t id, const struct msg_show *show,
    uint32_t max, page_scan *scan)
{
	struct msg_show	 next = *show;
	struct page	 page = { .ch = ch, .show = show, .id = id,
			    .max = show->max < max ? show->max : max,
			    .now = wall_now() };
	enum db_status	 status;
	int64_t		 row = (int64_t)show->cursor;
	int		 end = 1;

	if (db_is_open() && page.max != 0) {
		channel_cork(ch);
		status = scan(&page, &row, &end);
		channel_uncork(ch);
		if (status != DB_OK) {
			queue_failed(status);
			end = 1;
		}
	}
	next.cursor = end ? 0 : (uint64_t)row;
	channel_send(ch, M_SHOW_END, id, &next, sizeof(next));
}

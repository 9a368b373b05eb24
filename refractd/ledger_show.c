/*
 * History for refractctl: one page at a time, by row.  A page looks at a
 * bounded number of rows, so it may be short, even empty, and not be the last.
 */
#include <string.h>

#include "channel.h"
#include "clock.h"
#include "ledger.h"
#include "ledger_queue.h"

#define SCAN_MAX	10000	/* rows a page looks at */
#define ROWS_MAX	256	/* rows a page has */

struct page {
	struct channel		*ch;
	const struct msg_show	*show;
	uint32_t		 id;
	uint32_t		 rows, max;
	int64_t			 now;
};

static int
wanted(const struct stored *d, const struct msg_show *s)
{
	if (d->ban.start < s->since)
		return 0;
	if (s->prefix.family != 0 && !prefix_overlap(&d->ban.prefix,
	    &s->prefix))
		return 0;
	if (s->by == SHOW_BY_USER)
		return strcmp(d->ban.subject, s->name) == 0;
	if (s->by == SHOW_BY_WATCH)
		return d->ban.id.watch == (s->name[0] == '\0' ? 0 :
		    watch_hash(s->name));
	return 1;
}

/* A ban that ends is not written again: its end is known. */
static void
outcome(const struct stored *d, int64_t now, struct wire_event *e)
{
	e->outcome = d->outcome;
	e->at = d->outcome_at;
	if (d->lifted != 0) {
		e->outcome = BAN_LIFTED;
		e->at = d->lifted;
	} else if (d->ban.end <= now && (d->outcome == BAN_APPLIED ||
	    d->outcome == BAN_EXTENDED || d->outcome == BAN_KEPT)) {
		e->outcome = BAN_EXPIRED;
		e->at = d->ban.end;
	}
	e->count = d->killed;
	e->error = d->error;
}

void
history_row(struct row_history *row, const struct stored *d, int64_t now)
{
	memset(row, 0, sizeof(*row));
	row->event.ban = d->ban;
	if (d->nports != 0) {
		row->event.ban.proto = d->ports[0].proto;
		row->event.ban.port = d->ports[0].port;
	}
	if (d->nports > 1)
		row->event.ban.flags |= BANF_MORE;
	outcome(d, now, &row->event);
	if (d->outcome == BAN_NONE)
		row->event.ban.end = d->ban.start;
	if (d->ban.id.watch == 0)
		strlcpy(row->watch, "operator", sizeof(row->watch));
	else
		db_watch_name(d->ban.id.watch, row->watch,
		    sizeof(row->watch));
	db_evidence(d->row, row->evidence, sizeof(row->evidence));
}

static int
add_row(const struct stored *d, void *arg)
{
	struct page		*page = arg;
	struct row_head		 head = { .what = SHOW_HISTORY };
	struct row_history	 row;

	if (!wanted(d, page->show))
		return 1;
	history_row(&row, d, page->now);
	channel_send2(page->ch, M_ROW, page->id, &head, sizeof(head), &row,
	    sizeof(row));
	return ++page->rows < page->max;
}

void
show_history(struct channel *ch, uint32_t id, const struct msg_show *show)
{
	struct msg_show	 next = *show;
	struct page	 page = { .ch = ch, .show = show, .id = id };
	enum db_status	 status;
	int64_t		 row = (int64_t)show->cursor;
	int		 end = 1;

	page.now = wall_now();
	page.max = show->max < ROWS_MAX ? show->max : ROWS_MAX;
	if (db_is_open() && page.max != 0) {
		channel_cork(ch);
		status = db_scan(&row, SCAN_MAX, &end, add_row, &page);
		channel_uncork(ch);
		if (status != DB_OK) {
			queue_failed(status);
			end = 1;
		}
	}
	next.cursor = end ? 0 : (uint64_t)row;
	channel_send(ch, M_SHOW_END, id, &next, sizeof(next));
}

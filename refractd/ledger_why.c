/*
 * Commands for refractctl, and all that is known of an address: decisions,
 * and the lines that counted for them.  By page, as ledger_show.c does it.
 */
#include <string.h>

#include "channel.h"
#include "clock.h"
#include "ctl_buf.h"
#include "ledger.h"
#include "ledger_run.h"
#include "ledger_runs.h"

#define SCAN_MAX	10000	/* rows a page looks at */
#define ROWS_MAX	64	/* rows a page has */

struct page {
	struct channel		*ch;
	const struct msg_show	*show;
	const struct stored	*decision;	/* whose lines come */
	uint32_t		 id;
	uint32_t		 rows, max;
	int64_t			 now;
};

static void
send_row(struct page *page, uint32_t what, const void *row, size_t len)
{
	struct row_head	head = { .what = what };

	channel_send2(page->ch, M_ROW, page->id, &head, sizeof(head), row,
	    len);
	page->rows++;
}

static int
overlaps(const struct prefix *p, const struct msg_show *s)
{
	return s->prefix.family == 0 || (p->family != 0 &&
	    prefix_overlap(p, &s->prefix));
}

/* --- Commands --- */

static void
watch_of(uint64_t watch, char name[NAME_MAX_LEN])
{
	if (watch == 0)
		strlcpy(name, "operator", NAME_MAX_LEN);
	else
		db_watch_name(watch, name, NAME_MAX_LEN);
}

static int
run_row(const struct stored_run *r, void *arg)
{
	struct page		*page = arg;
	struct row_pending	 row;
	struct obuf		 argv = OBUF(row.argv);

	if ((!overlaps(&r->prefix, page->show) &&
	    !overlaps(&r->addr, page->show)) ||
	    (page->show->by == SHOW_BY_WATCH &&
	    r->watch != watch_hash(page->show->name)))
		return 1;
	memset(&row, 0, sizeof(row));
	row.row = (uint64_t)r->row;
	row.at = r->at;
	row.due = r->due;
	row.changed = r->changed;
	row.addr = r->addr;
	row.when = (uint8_t)r->kind;
	row.state = (uint8_t)r->state;
	row.status = r->status;
	watch_of(r->watch, row.watch);
	strlcpy(row.key, r->subject, sizeof(row.key));
	run_show(&argv, r);
	send_row(page, SHOW_PENDING, &row, sizeof(row));
	return page->rows < page->max;
}

void
show_pending(struct channel *ch, uint32_t id, const struct msg_show *show)
{
	struct msg_show	 next = *show;
	struct page	 page = { .ch = ch, .show = show, .id = id };
	enum db_status	 status;
	int64_t		 row = (int64_t)show->cursor;
	int		 end = 1;

	page.max = show->max < ROWS_MAX ? show->max : ROWS_MAX;
	if (db_is_open() && page.max != 0) {
		channel_cork(ch);
		status = runs_scan(&row, show->by == SHOW_BY_ALL, SCAN_MAX,
		    &end, run_row, &page);
		channel_uncork(ch);
		if (status != DB_OK) {
			queue_failed(status);
			end = 1;
		}
	}
	next.cursor = end ? 0 : (uint64_t)row;
	channel_send(ch, M_SHOW_END, id, &next, sizeof(next));
}

/* --- Decisions, and their lines --- */

static void
send_decision(struct page *page, const struct stored *d)
{
	struct row_why	row;
	char		values[VALUES_LEN];

	memset(&row, 0, sizeof(row));
	history_row(&row.h, d, page->now);
	(void)db_values(d->row, &row.count, values, row.pattern,
	    sizeof(row.pattern));
	send_row(page, SHOW_WHY, &row, sizeof(row));
}

static void
send_line(uint32_t number, int64_t at, const char *text, void *arg)
{
	struct page	*page = arg;
	struct row_line	 row = { .id = page->decision->ban.id,
			    .number = number, .at = at };

	watch_of(row.id.watch, row.watch);
	strlcpy(row.text, text, sizeof(row.text));
	send_row(page, SHOW_LINES, &row, sizeof(row));
}

/* The last of them is its evidence. */
static void
send_lines(struct page *page, const struct stored *d)
{
	char		text[EVIDENCE_LEN];
	uint32_t	before = page->rows;

	page->decision = d;
	if (db_lines(d->row, send_line, page) != DB_OK)
		return;
	db_evidence(d->row, text, sizeof(text));
	if (text[0] != '\0')
		send_line(page->rows - before, d->ban.start, text, page);
}

static int
why_row(const struct stored *d, void *arg)
{
	struct page	*page = arg;

	if (!overlaps(&d->ban.prefix, page->show) &&
	    !overlaps(&d->ban.offender, page->show))
		return 1;
	if (page->show->what == SHOW_WHY)
		send_decision(page, d);
	else
		send_lines(page, d);
	return page->rows < page->max;
}

void
show_why(struct channel *ch, uint32_t id, const struct msg_show *show)
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
		status = db_scan(&row, SCAN_MAX, &end, why_row, &page);
		channel_uncork(ch);
		if (status != DB_OK) {
			queue_failed(status);
			end = 1;
		}
	}
	next.cursor = end ? 0 : (uint64_t)row;
	channel_send(ch, M_SHOW_END, id, &next, sizeof(next));
}

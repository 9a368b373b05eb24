/*
 * Commands for refractctl, and all that is known of an address: decisions,
 * and the lines that counted for them.  A page at a time.
 */
#include <string.h>

#include "ctl_buf.h"
#include "ledger.h"
#include "ledger_page.h"
#include "ledger_run.h"
#include "ledger_runs.h"
#include "msg.h"

#define ROWS_MAX	64	/* rows a page has */

/* Of one decision. */
struct lines {
	struct page		*page;
	const struct stored	*decision;
};

static int
overlaps(const struct prefix *p, const struct msg_show *s)
{
	return s->prefix.family == 0 || (p->family != 0 &&
	    prefix_overlap(p, &s->prefix));
}

/* --- Commands --- */

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
	page_row(page, SHOW_PENDING, &row, sizeof(row));
	return page_goes_on(page);
}

static enum db_status
scan_pending(struct page *page, int64_t *row, int *end)
{
	return runs_scan(row, page->show->by == SHOW_BY_ALL, PAGE_SCAN_MAX,
	    end, run_row, page);
}

void
show_pending(struct channel *ch, uint32_t id, const struct msg_show *show)
{
	page_send(ch, id, show, ROWS_MAX, scan_pending);
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
	page_row(page, SHOW_WHY, &row, sizeof(row));
}

static void
send_line(uint32_t number, int64_t at, const char *text, void *arg)
{
	struct lines	*lines = arg;
	struct row_line	 row = { .id = lines->decision->ban.id,
			    .number = number, .at = at };

	watch_of(row.id.watch, row.watch);
	strlcpy(row.text, text, sizeof(row.text));
	page_row(lines->page, SHOW_LINES, &row, sizeof(row));
}

/* The last of them is its evidence. */
static void
send_lines(struct page *page, const struct stored *d)
{
	struct lines	lines = { page, d };
	char		text[EVIDENCE_LEN];
	uint32_t	before = page->rows;

	if (db_lines(d->row, send_line, &lines) != DB_OK)
		return;
	db_evidence(d->row, text, sizeof(text));
	if (text[0] != '\0')
		send_line(page->rows - before, d->ban.start, text, &lines);
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
	return page_goes_on(page);
}

static enum db_status
scan_why(struct page *page, int64_t *row, int *end)
{
	return db_scan(row, PAGE_SCAN_MAX, end, why_row, page);
}

void
show_why(struct channel *ch, uint32_t id, const struct msg_show *show)
{
	page_send(ch, id, show, ROWS_MAX, scan_why);
}

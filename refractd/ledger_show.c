/*
 * History for refractctl, a page at a time.
 */
#include <string.h>

#include "ledger.h"
#include "ledger_page.h"
#include "msg.h"

#define ROWS_MAX	256	/* rows a page has */

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
watch_of(uint64_t watch, char *name)
{
	if (watch == 0)
		strlcpy(name, "operator", NAME_MAX_LEN);
	else
		db_watch_name(watch, name, NAME_MAX_LEN);
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
	watch_of(d->ban.id.watch, row->watch);
	db_evidence(d->row, row->evidence, sizeof(row->evidence));
}

static int
add_row(const struct stored *d, void *arg)
{
	struct page		*page = arg;
	struct row_history	 row;

	if (!wanted(d, page->show))
		return 1;
	history_row(&row, d, page->now);
	page_row(page, SHOW_HISTORY, &row, sizeof(row));
	return page_goes_on(page);
}

static enum db_status
scan_history(struct page *page, int64_t *row, int *end)
{
	return db_scan(row, PAGE_SCAN_MAX, end, add_row, page);
}

void
show_history(struct channel *ch, uint32_t id, const struct msg_show *show)
{
	page_send(ch, id, show, ROWS_MAX, scan_history);
}

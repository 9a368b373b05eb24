/*
 * The audit log.  A line is one write(2); one that fails is counted, said once
 * and never tried again: guarding does not wait for a disk.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "control_audit.h"
#include "control_monitor.h"
#include "counter.h"
#include "ctl_output.h"
#include "log.h"
#include "msg.h"

static int	audit_fd = -1;
static int	as_json;
static int	failing;	/* said so */
static int	torn;		/* the last line has no end */

void
audit_open(int fd)
{
	if (audit_fd != -1)
		close(audit_fd);
	audit_fd = fd;
	torn = 0;
}

void
audit_json(int json)
{
	as_json = json;
}

int
audit_failing(void)
{
	return failing;
}

static void
audit_failed(ssize_t n)
{
	counter_inc(CTL_AUDIT_DROPPED);
	torn = torn || n > 0;
	if (failing)
		return;
	failing = 1;
	if (n == -1)
		log_warn("audit log: lines are lost");
	else
		log_warnx("audit log: lines are lost: written in part");
}

static void
audit_write(struct obuf *o)
{
	const char *line = o->p + (torn ? 0 : 1);
	size_t len = o->len - (torn ? 0 : 1);
	ssize_t n;

	do
		n = write(audit_fd, line, len);
	while (n == -1 && errno == EINTR);
	if (n != (ssize_t)len) {
		audit_failed(n);
		return;
	}
	torn = 0;
	if (failing)
		log_notice("audit log: written again, %llu lines were lost",
		    (unsigned long long)counters[COUNT_CTL_AUDIT_DROPPED]);
	failing = 0;
}

void
audit_event(const struct row_event *row)
{
	static char space[16384];
	struct obuf o = OBUF(space);
	const struct rowtype *t = row_type(SHOW_EVENT);

	if (audit_fd == -1)
		return;
	/* The first byte ends a line that was written in part. */
	obuf_clear(&o);
	obuf_char(&o, '\n');
	if (as_json) {
		row_json(&o, t, row, row->event.at);
		obuf_char(&o, '\n');
	} else
		row_text(&o, t, row, row->event.at);
	audit_write(&o);
}

void
audit_request(const char *by, const char *what,
    const struct msg_target *target, const char *watch,
    const struct msg_outcome *res)
{
	struct row_event row;
	struct obuf why = OBUF(row.why);

	memset(&row, 0, sizeof(row));
	row.event.at = wall_now();
	if (target != NULL) {
		row.event.ban.prefix = target->prefix;
		row.event.ban.port = target->port;
		row.event.ban.proto = target->proto;
		memcpy(row.event.ban.subject, target->user,
		    sizeof(row.event.ban.subject));
	}
	strlcpy(row.what, what, sizeof(row.what));
	strlcpy(row.watch, watch, sizeof(row.watch));
	strlcpy(row.by, by, sizeof(row.by));
	obuf_clear(&why);
	obuf_vis(&why, res->text, strlen(res->text), OBUF_DONE);
	audit_event(&row);
	monitor_event(&row);
}

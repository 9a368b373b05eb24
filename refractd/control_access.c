/*
 * See control_access.h.  Lines gather and are written at the end of a turn of
 * the loop, many at once; what a disk does not take is lost, counted and said
 * once, so that nobody waits for it.
 */
#include <sys/queue.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "args.h"
#include "channel.h"
#include "child.h"
#include "control_access.h"
#include "control_client.h"
#include "control_monitor.h"
#include "control_mux.h"
#include "counter.h"
#include "ctl_output.h"
#include "log.h"
#include "msg.h"
#include "timer.h"

#define LINE_MAX_LEN	16384
#define GATHER		(256 * 1024)

static char		 space[GATHER];
static struct obuf	 lines = OBUF(space);
static uint64_t		 nlines;	/* in it */
static struct event	*flush_ev;
static int		 log_fd = -1;
static uint32_t		 log_form = ACCESS_NOWHERE;
static int		 failing;	/* said so */
static int		 torn;		/* the last line has no end */
static uint32_t		 wanted;	/* told to the workers */

static void
on_flush(EVENT_ARGS)
{
	access_flush();
}

void
access_init(struct event_base *base)
{
	obuf_clear(&lines);
	if ((flush_ev = evtimer_new(base, on_flush, NULL)) == NULL)
		fatalx("access log: out of memory");
}

static uint64_t
count_lines(const char *p, size_t len)
{
	uint64_t	n = 0;

	for (; len > 0; len--)
		n += *p++ == '\n';
	return n;
}

/* n bytes went out, -1: none and errno. */
static void
failed(ssize_t n)
{
	uint64_t	out = n > 0 ? count_lines(lines.p, (size_t)n) : 0;

	counter_add(ACCESS_LINES, out);
	counter_add(ACCESS_DROPPED, nlines - out);
	torn = torn || (n > 0 && lines.p[n - 1] != '\n');
	if (failing)
		return;
	failing = 1;
	if (n == -1)
		log_warn("log connections: lines are lost");
	else
		log_warnx("log connections: lines are lost: written in part");
}

void
access_flush(void)
{
	ssize_t	n;

	if (lines.len == 0)
		return;
	if (torn && write(log_fd, "\n", 1) == 1)
		torn = 0;
	do
		n = write(log_fd, lines.p, lines.len);
	while (n == -1 && errno == EINTR);
	if (n != (ssize_t)lines.len)
		failed(n);
	else {
		counter_add(ACCESS_LINES, nlines);
		if (failing)
			log_notice("log connections: written again");
		failing = 0;
	}
	obuf_clear(&lines);
	nlines = 0;
}

void
access_open(int fd, uint32_t form)
{
	access_flush();
	if (log_fd != -1)
		close(log_fd);
	log_fd = fd;
	log_form = form;
	torn = 0;
	access_wanted(NULL);
}

static void
gather(const struct row_access *row)
{
	const struct rowtype	*t = row_type(SHOW_ACCESS);

	if (lines.size - lines.len < LINE_MAX_LEN)
		access_flush();
	if (lines.len == 0)
		timer_set(flush_ev, 0);
	if (log_form == ACCESS_AS_JSON) {
		row_json(&lines, t, row, row->at);
		obuf_char(&lines, '\n');
	} else
		row_text(&lines, t, row, row->at);
	nlines++;
}

static uint32_t
wants(void)
{
	struct client	*c;
	uint32_t	 n = log_form == ACCESS_NOWHERE ? 0 : MUX_TELL_LOG;

	TAILQ_FOREACH(c, &clients, entry)
		if (c->monitor & MONITOR_CONNECTIONS)
			n |= MUX_TELL_ALL;
	return n;
}

void
access_wanted(struct channel *new)
{
	uint32_t	n = wants();
	unsigned int	i;

	if (new != NULL && n == wanted)
		channel_send(new, M_MUX_MONITOR, 0, &n, sizeof(n));
	if (n == wanted)
		return;
	wanted = n;
	for (i = 0; i < MUX_WORKERS_MAX; i++)
		channel_send(child_worker(i), M_MUX_MONITOR, 0, &n, sizeof(n));
}

void
access_record(const struct msg_mux_access *m, unsigned int worker)
{
	struct row_access	row;

	mux_access_row(&row, m, worker);
	if (log_form != ACCESS_NOWHERE && mux_is_logged(m))
		gather(&row);
	if (wanted & MUX_TELL_ALL) {
		monitor_access(&row);
		/* The last who watched may have gone. */
		access_wanted(NULL);
	}
}

/*
 * A snapshot is a few requests one after the other, by a client of our own.
 * Who does not answer is left out after the time that every client waits.
 */
#include <stdlib.h>
#include <string.h>

#include "control_client.h"
#include "control_route.h"
#include "control_snap.h"
#include "log.h"

#define PAGE_ROWS	32	/* of watches, asked for at once */

static const struct step {
	unsigned int	part;
	uint32_t	what;
	uint32_t	max;
	enum counter	witness;	/* known: he who is asked is well */
} steps[] = {
	{ SNAP_NUMBERS, SHOW_METRICS, 0, COUNTER_MAX },
	{ SNAP_NUMBERS, SHOW_WATCHES, PAGE_ROWS, COUNT_PARSER_LINES },
	{ SNAP_PEOPLE, SHOW_SUMMARY, 0, COUNTER_MAX },
	{ SNAP_PEOPLE, SHOW_BANS, SNAP_BANS, COUNT_ENF_BANS },
	{ SNAP_PEOPLE, SHOW_PROCESSES, SNAP_PROCESSES, COUNTER_MAX }
};
#define NSTEPS	(sizeof(steps) / sizeof(steps[0]))

static struct snap	 snap;
static struct client	*asker;
static size_t		 step = NSTEPS;	/* where we are; NSTEPS: idle */
static void		(*when_done)(const struct snap *);

static void
take_watch(const struct row_watch *row)
{
	struct row_watch *p;
	size_t room;

	if (snap.nwatches == SNAP_WATCHES)
		return;
	if (snap.nwatches == snap.room) {
		room = snap.room == 0 ? PAGE_ROWS : snap.room * 2;
		if ((p = reallocarray(snap.watches, room, sizeof(*p))) == NULL)
			return;
		snap.watches = p;
		snap.room = room;
	}
	snap.watches[snap.nwatches++] = *row;
}

static void
take_metric(const struct row_metric *row)
{
	snap.values[row->counter] = row->value;
	snap.known[row->counter] = 1;
}

static void
take_row(uint32_t what, const void *row)
{
	switch (what) {
	case SHOW_METRICS:
		take_metric(row);
		break;
	case SHOW_WATCHES:
		take_watch(row);
		break;
	case SHOW_SUMMARY:
		snap.summary = *(const struct row_summary *)row;
		break;
	case SHOW_BANS:
		if (snap.nbans < SNAP_BANS)
			snap.bans[snap.nbans++] = *(const struct row_ban *)row;
		break;
	case SHOW_PROCESSES:
		if (snap.nprocesses < SNAP_PROCESSES)
			snap.processes[snap.nprocesses++] =
			    *(const struct row_process *)row;
		break;
	}
}

static int
is_wanted(const struct step *s)
{
	return (snap.parts & s->part) != 0 &&
	    (s->witness == COUNTER_MAX || snap.known[s->witness]);
}

/* Ask for the step we are at, or for the next that is wanted. */
static void
ask(uint64_t cursor)
{
	struct msg_show show;

	while (step < NSTEPS && !is_wanted(&steps[step]))
		step++;
	if (step == NSTEPS) {
		snap.at = wall_now();
		snap.mono = mono_now();
		when_done(&snap);
		return;
	}
	memset(&show, 0, sizeof(show));
	show.what = steps[step].what;
	show.max = steps[step].max;
	show.cursor = show.what == SHOW_BANS ? snap.from : cursor;
	route_show(asker, &show);
}

static void
take_end(uint64_t next)
{
	uint32_t what = steps[step].what;

	if (what == SHOW_BANS)
		snap.next = next;
	if (what == SHOW_WATCHES && next != 0) {
		ask(next);
		return;
	}
	step++;
	ask(0);
}

void
snap_init(void (*done)(const struct snap *))
{
	static const struct client_sink sink = { take_row, take_end };

	when_done = done;
	if ((asker = client_ours(&sink)) == NULL)
		fatalx("status: out of memory");
}

int
snap_busy(void)
{
	return step < NSTEPS;
}

void
snap_take(unsigned int parts, uint64_t from)
{
	snap.parts = parts | SNAP_NUMBERS;
	snap.nwatches = snap.nbans = snap.nprocesses = 0;
	snap.from = from;
	snap.next = 0;
	memset(snap.known, 0, sizeof(snap.known));
	memset(&snap.summary, 0, sizeof(snap.summary));
	step = 0;
	ask(0);
}

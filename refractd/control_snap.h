/*
 * What the status page shows, gathered from the siblings by the same requests
 * as refractctl's: one at a time, whoever wants it.
 */
#ifndef CONTROL_SNAP_H
#define CONTROL_SNAP_H

#include <stddef.h>
#include <stdint.h>

#include "clock.h"
#include "msg.h"

#define SNAP_BANS	200	/* of one page */
#define SNAP_PROCESSES	32
#define SNAP_WATCHES	4096

#define SNAP_NUMBERS	0x1u	/* counters and watches */
#define SNAP_PEOPLE	0x2u	/* and what else the page has */

struct snap {
	unsigned int		 parts;		/* SNAP_* */
	wall_t			 at;
	mono_t			 mono;
	uint64_t		 values[COUNTER_MAX];
	uint8_t			 known[COUNTER_MAX];	/* it was answered */
	struct row_watch	*watches;
	size_t			 nwatches, room;
	struct row_summary	 summary;
	struct row_process	 processes[SNAP_PROCESSES];
	size_t			 nprocesses;
	struct row_ban		 bans[SNAP_BANS];
	size_t			 nbans;
	uint64_t		 from;		/* cursor of this page */
	uint64_t		 next;		/* of the next one, 0: none */
};

/* done() is called at the end of each snap_take(). */
void	 snap_init(void (*done)(const struct snap *));
/* 1 while one is being gathered. */
int	 snap_busy(void);
/* Not while one is. */
void	 snap_take(unsigned int parts, uint64_t from);

#endif

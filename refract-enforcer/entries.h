/*
 * What is in a set: adding and deleting, many in one message, the same for
 * all types and families.  Changes gather in a queue for each set and go to
 * the kernel at the end of the turn of the event loop.
 */
#ifndef ENTRIES_H
#define ENTRIES_H

#include <stddef.h>
#include <stdint.h>

#include "addr.h"
#include "clock.h"
#include "sets.h"

#define ENTRIES_BATCH	1000		/* elements in one message */
#define ENTRIES_FULL	4352		/* IPSET_ERR_HASH_FULL, as an errno */
#define ENTRY_TIMEOUT_MAX 2147483	/* the kernel's, in seconds */

struct entry {
	struct prefix	prefix;
	uint8_t		proto;
	uint8_t		outcome;	/* the caller's, given back */
	uint16_t	port;		/* host order; 0 in hash:net */
	uint32_t	timeout;	/* seconds, 0: for ever */
};

typedef void	(*entry_fn)(enum set_id, const struct entry *);

/*
 * done hears what became of each entry that was queued (error 0 or an errno);
 * missing, that a set was not there and should be made.  0 or -1.
 */
int	 entries_open(void (*done)(int add, const struct entry *, int error),
	    void (*missing)(enum set_id));
/* Seconds for the kernel until end: rounded up, cut to its greatest. */
uint32_t entries_timeout(wall_t end, wall_t now);
void	 entries_put(enum set_id, int add, const struct entry *);
/* All queues to the kernel, now. */
void	 entries_flush(void);
/*
 * At once, into a set of any name: 0, or -1 with errno and in *done how many
 * went well before the one that failed.
 */
int	 entries_send(enum set_id, const char *name, int add,
	    const struct entry *, size_t n, size_t *done);
/* Put a new set with these entries in the place of one. */
int	 entries_exchange(enum set_id, uint32_t maxelem,
	    const struct entry *, size_t n);

/*
 * Read a set, a part at a time: each entry goes to found, its timeout is what
 * is left.  1 more to come, 0 that was all, -1 with errno.
 */
int	 entries_fd(void);
int	 entries_dump(enum set_id);
int	 entries_read(enum set_id, entry_fn found);

#endif

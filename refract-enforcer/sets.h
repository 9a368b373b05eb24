/*
 * The six sets, four of bans and two that hold what may never be banned
 * (sets.c), and what is in them (entries.c).
 */
#ifndef SETS_H
#define SETS_H

#include <stddef.h>

#include "addr.h"
#include "clock.h"

enum set_id {
	SET_NET4, SET_NET6,		/* hash:net: whole hosts */
	SET_PORT4, SET_PORT6,		/* hash:net,port */
	SET_BANS,			/* how many of bans there are */
	SET_NEVER4 = SET_BANS, SET_NEVER6,
	SET_MAX
};

#define SET_ROOM	1024		/* a never-set's, at least */
#define SET_FULL	4352		/* IPSET_ERR_HASH_FULL, as an errno */
#define SET_NAME_LEN	32		/* IPSET_MAXNAMELEN, with NUL */
#define TIMEOUT_MAX	2147483LL	/* the kernel's, in seconds */

struct set {
	const char	*type;
	uint8_t		 family, with_port;
	char		 name[SET_NAME_LEN];
	char		 temp[SET_NAME_LEN];	/* a new one being filled */
};

struct set_header {
	uint32_t	maxelem, refs, elements;
	int		fits;		/* of the type that its id needs */
};

struct entry {
	struct prefix	prefix;
	uint8_t		proto;
	uint8_t		outcome;	/* the caller's, given back */
	uint16_t	port;		/* host order; 0 in hash:net */
	uint32_t	timeout;	/* seconds, 0: for ever */
};

extern struct set	sets[SET_MAX];

/*
 * Only before the filter: 0 or -1, sets_error() says why.  done hears what
 * became of each entry that was put (error 0 or an errno); missing, that a
 * set was not there and should be made.
 */
int	 sets_open(void (*done)(int add, const struct entry *, int error),
	    void (*missing)(enum set_id));
const char *sets_error(void);
/* 0, or -1 if the instance makes a name too long. */
int	 sets_name(const char *instance);
enum set_id sets_which(const struct prefix *, int with_port);
/* 0, or -1 with errno (ENOENT: no such set). */
int	 sets_header(enum set_id, const char *name, struct set_header *);
/* See that it stands: 0 it does, 1 it was made now, -1 it cannot be. */
int	 sets_stand(enum set_id, uint32_t maxelem);
/* Put a new set with these entries in the place of one: 0 or -1. */
int	 sets_exchange(enum set_id, uint32_t maxelem, const struct entry *,
	    size_t n);
/*
 * All that this instance, and the program that came before, ever made: how
 * many there were, or -1.
 */
int	 sets_destroy(void);

/* Seconds for the kernel until end: rounded up, cut to its greatest. */
uint32_t entries_timeout(wall_t end, wall_t now);
/* Into a queue, which goes to the kernel at the end of this turn. */
void	 entries_put(enum set_id, int add, const struct entry *);
/* All queues to the kernel, now. */
void	 entries_flush(void);
/*
 * At once, into a set of any name: 0, or -1 with errno and in *done how many
 * went well before the one that failed.
 */
int	 entries_send(enum set_id, const char *name, int add,
	    const struct entry *, size_t n, size_t *done);
int	 entries_open(void (*)(int, const struct entry *, int),
	    void (*)(enum set_id));		/* sets_open() does that */

#endif

/*
 * The six sets: four of bans, two that hold what may never be banned.  What
 * is in them is the business of entries.h.
 */
#ifndef SETS_H
#define SETS_H

#include <stdint.h>

#include "addr.h"

enum set_id {
	SET_NET4, SET_NET6,		/* hash:net: whole hosts */
	SET_PORT4, SET_PORT6,		/* hash:net,port */
	SET_BANS,			/* how many of bans there are */
	SET_NEVER4 = SET_BANS, SET_NEVER6,
	SET_MAX
};

#define SET_NEVER_ROOM	1024		/* a never-set's, at least */
#define SET_NAME_LEN	32		/* IPSET_MAXNAMELEN, with NUL */

struct set {
	const char	*type;
	uint8_t		 family, with_port;
	char		 name[SET_NAME_LEN];
	char		 temp[SET_NAME_LEN];	/* a new one being filled */
};

struct set_header {
	const struct set *set;
	uint32_t	maxelem, refs, elements;
	int		fits;		/* of the type that its id needs */
};

extern struct set	sets[SET_MAX];

/* Finds the types, opens the sockets.  0 or -1; sets_error() says why. */
int	 sets_open(void);
/* 0, or -1 if the instance makes a name too long. */
int	 sets_name(const char *instance);
enum set_id sets_which(const struct prefix *, int with_port);
/* What libipset said last. */
const char *sets_error(void);
int	 sets_create(enum set_id, const char *name, uint32_t maxelem);
int	 sets_swap(const char *, const char *);
int	 sets_destroy(const char *);
/* 0, or -1 with errno (ENOENT: no such set). */
int	 sets_header(enum set_id, const char *name, struct set_header *);
/* See that it stands: 0 it does, 1 it was made now, -1 it cannot be. */
int	 sets_stand(enum set_id, uint32_t maxelem);
/*
 * All that this instance, and the program that came before, ever made: how
 * many there were, or -1.
 */
int	 sets_destroy_all(void);

#endif

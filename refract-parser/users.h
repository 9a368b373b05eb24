/*
 * Who was seen from where: one table of users over all watches, each with the
 * addresses it is live from.
 *
 * The table is bounded.  At the bound the user who was unseen longest goes
 * first and is counted; one who was unseen for longer than his watch
 * remembers goes by himself.  32 bytes a user, 32 an address, the name in its
 * size class and 8 of index: a million users fit in 128 MB.
 */
#ifndef USERS_H
#define USERS_H

#include <stddef.h>
#include <stdint.h>

#include "clock.h"

#define USERS_MAX	1048576		/* users remembered at the most */
#define USER_NAME_MAX	127		/* longer names are cut and hashed */
#define USER_WATCHES	1024		/* watch numbers: 1 to this */

/* One address of one user. */
struct sighting {
	uint8_t		addr[16];	/* as it was seen last */
	uint64_t	last:48;	/* logtime_t when */
	uint64_t	port:16;
	uint32_t	next;		/* seen first after this one, 0: none */
	uint32_t	age:31;		/* last - first, in ms, capped */
	uint32_t	v6:1;
};

struct user {
	uint32_t	hash;
	uint32_t	name;		/* size class and number */
	uint32_t	newer, older;	/* by when they were seen */
	uint32_t	sightings;	/* the one seen first, 0: none */
	uint32_t	touched;	/* seconds, log time */
	uint16_t	watch;		/* 0: not in use */
	uint16_t	limit;		/* of this user, 0: none */
	uint16_t	epoch;		/* of the configuration it is from */
	uint8_t		name_len;
	uint8_t		zero;
};

/* 0, or -1 without memory.  max users and 2 * max addresses + 1024. */
int		 users_init(uint32_t max);
void		 users_clear(void);
uint32_t	 users_count(void);
uint64_t	 users_evicted(void);
size_t		 users_memory(void);
/* Forget users of this watch who were unseen for so long. */
void		 users_keep(uint16_t watch, span_t);

/*
 * Several users are looked up faster if each step is done for all of them, so
 * that memory is fetched while the others are worked on: hash, then ahead 1
 * and 2, then find or get.
 */
uint32_t	 users_hash(uint16_t watch, const char *, size_t);
void		 users_ahead1(uint32_t hash);
void		 users_ahead2(uint32_t hash);
/* NULL if there is no such user; if there is no memory for a new one. */
struct user	*users_find(uint16_t watch, const char *, size_t);
struct user	*users_get(uint16_t watch, const char *, size_t,
		    uint32_t hash, logtime_t);
/* The number of the user that users_get() or users_find() gave last. */
uint32_t	 users_got(void);
void		 users_drop(struct user *);
void		 users_drop_watch(uint16_t watch);
const char	*users_name(const struct user *, size_t *);

/* Numbers from 1 to users_top(); NULL if that one is not in use. */
struct user	*users_at(uint32_t);
uint32_t	 users_top(void);

/* The sightings of a user, in the order of when they were seen first. */
struct sighting	*sighting_at(uint32_t);
/* NULL without memory. */
struct sighting	*sighting_append(struct user *);
/* *link is the `sightings` or `next` that names it. */
void		 sighting_remove(uint32_t *link);

#endif

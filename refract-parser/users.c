/*
 * The table of users: slabs for users, addresses and names; an index of
 * 32-bit slots (24 bits of number, 8 of hash); a list by age.  What an address
 * too many means is not known here, see rule.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "siphash.h"
#include "slab.h"
#include "users.h"

_Static_assert(sizeof(struct sighting) == 32, "sighting");
_Static_assert(sizeof(struct user) == 32, "user");
_Static_assert(USERS_MAX < 1 << 24, "index");

#define SLOTS_FIRST	1024
#define TAG(hash)	((hash) & 0xff000000u)
#define NUMBER(slot)	((slot) & 0x00ffffffu)
#define CLASS_SHIFT	29
#define EXTRA		1024	/* addresses beyond two a user */

static const size_t	classes[] = { 16, 24, 32, 48, 64, 96, 128 };
#define NCLASSES	(sizeof(classes) / sizeof(classes[0]))

static struct {
	struct slab	 users, sightings, names[NCLASSES];
	struct sipkey	 key;
	uint32_t	*slots;
	uint32_t	 mask;
	uint32_t	 newest, oldest;
	uint64_t	 evicted;
	uint32_t	 got;
	uint32_t	 latest[USER_WATCHES + 1];	/* seconds, log time */
	uint32_t	 keep[USER_WATCHES + 1];	/* seconds */
} t;

static uint32_t
seconds(logtime_t ms)
{
	if (ms < 0)
		return 0;
	return ms / 1000 > UINT32_MAX ? UINT32_MAX : (uint32_t)(ms / 1000);
}

int
users_init(uint32_t max)
{
	size_t	i;

	memset(&t, 0, sizeof(t));
	arc4random_buf(&t.key, sizeof(t.key));
	if (max > USERS_MAX)
		max = USERS_MAX;
	if (slab_init(&t.users, sizeof(struct user), max) == -1 ||
	    slab_init(&t.sightings, sizeof(struct sighting),
	    2 * max + EXTRA) == -1)
		return -1;
	for (i = 0; i < NCLASSES; i++)
		if (slab_init(&t.names[i], classes[i], max) == -1)
			return -1;
	t.mask = SLOTS_FIRST - 1;
	t.slots = calloc(SLOTS_FIRST, sizeof(*t.slots));
	return t.slots == NULL ? -1 : 0;
}

void
users_clear(void)
{
	size_t	i;

	slab_clear(&t.users);
	slab_clear(&t.sightings);
	for (i = 0; i < NCLASSES; i++)
		slab_clear(&t.names[i]);
	free(t.slots);
	memset(&t, 0, sizeof(t));
}

uint32_t
users_count(void)
{
	return t.users.used;
}

uint64_t
users_evicted(void)
{
	return t.evicted;
}

size_t
users_memory(void)
{
	size_t	i, n;

	n = slab_memory(&t.users) + slab_memory(&t.sightings) +
	    ((size_t)t.mask + 1) * sizeof(*t.slots);
	for (i = 0; i < NCLASSES; i++)
		n += slab_memory(&t.names[i]);
	return n;
}

void
users_keep(uint16_t watch, span_t keep)
{
	t.keep[watch] = seconds(keep);
}

static struct user *
user(uint32_t n)
{
	return slab_at(&t.users, n);
}

const char *
users_name(const struct user *u, size_t *n)
{
	const struct slab	*s = &t.names[u->name >> CLASS_SHIFT];

	*n = u->name_len;
	return slab_at(s, u->name & ((1u << CLASS_SHIFT) - 1));
}

/* Too long a name: its beginning and a hash that is the same every time. */
static size_t
cut_name(char buf[USER_NAME_MAX + 1], const char *name, size_t n)
{
	static const struct sipkey	 fixed = { 0, 0 };
	const size_t			 keep = USER_NAME_MAX - 17;

	memcpy(buf, name, keep);
	snprintf(buf + keep, 18, "#%016llx",
	    (unsigned long long)siphash(&fixed, name, n));
	return USER_NAME_MAX;
}

/* Of the name as it is kept: that is what comes back after a restart. */
uint32_t
users_hash(uint16_t watch, const char *name, size_t n)
{
	char		cut[USER_NAME_MAX + 1];
	uint32_t	hash;

	if (n > USER_NAME_MAX) {
		n = cut_name(cut, name, n);
		name = cut;
	}
	hash = (uint32_t)siphash(&t.key, name, n) ^ watch * 0x9e3779b1u;
	__builtin_prefetch(&t.slots[hash & t.mask]);
	return hash;
}

void
users_ahead1(uint32_t hash)
{
	uint32_t	slot = t.slots[hash & t.mask];

	if (slot != 0)
		__builtin_prefetch(user(NUMBER(slot)));
}

void
users_ahead2(uint32_t hash)
{
	uint32_t	 slot = t.slots[hash & t.mask];
	const struct user *u;
	size_t		 n;

	if (slot == 0)
		return;
	u = user(NUMBER(slot));
	__builtin_prefetch(users_name(u, &n));
	if (u->sightings != 0)
		__builtin_prefetch(sighting_at(u->sightings));
}

static int
is_user(const struct user *u, uint32_t hash, uint16_t watch, const char *name,
    size_t n)
{
	const char	*have;
	size_t		 len;

	if (u->hash != hash || u->watch != watch || u->name_len != n)
		return 0;
	have = users_name(u, &len);
	return memcmp(have, name, n) == 0;
}

/* The slot that holds it, or the free one where it would be. */
static uint32_t
find_slot(uint32_t hash, uint16_t watch, const char *name, size_t n)
{
	uint32_t	i, slot;

	for (i = hash & t.mask; (slot = t.slots[i]) != 0;
	    i = (i + 1) & t.mask)
		if (TAG(slot) == TAG(hash) &&
		    is_user(user(NUMBER(slot)), hash, watch, name, n))
			break;
	return i;
}

static void
insert_slot(uint32_t n, uint32_t hash)
{
	uint32_t	i = hash & t.mask;

	while (t.slots[i] != 0)
		i = (i + 1) & t.mask;
	t.slots[i] = n | TAG(hash);
}

/* Close the gap: what probed past it moves back (Knuth, 6.4, R). */
static void
remove_slot(uint32_t i)
{
	uint32_t	j = i, home;

	for (;;) {
		t.slots[i] = 0;
		do {
			j = (j + 1) & t.mask;
			if (t.slots[j] == 0)
				return;
			home = user(NUMBER(t.slots[j]))->hash & t.mask;
		} while (((j - home) & t.mask) < ((j - i) & t.mask));
		t.slots[i] = t.slots[j];
		i = j;
	}
}

/* Half of the slots are free, or there are twice as many.  0 or -1. */
static int
grow(void)
{
	uint32_t	*old = t.slots, n = t.mask + 1, i;

	if (t.users.used < n / 2)
		return 0;
	if ((t.slots = calloc((size_t)n * 2, sizeof(*t.slots))) == NULL) {
		t.slots = old;
		return -1;
	}
	t.mask = n * 2 - 1;
	for (i = 0; i < n; i++)
		if (old[i] != 0)
			insert_slot(NUMBER(old[i]), user(NUMBER(old[i]))->hash);
	free(old);
	return 0;
}

/* The list by age. */

static void
unlink_user(struct user *u)
{
	if (u->newer != 0)
		user(u->newer)->older = u->older;
	else
		t.newest = u->older;
	if (u->older != 0)
		user(u->older)->newer = u->newer;
	else
		t.oldest = u->newer;
}

static void
link_newest(struct user *u, uint32_t n)
{
	u->newer = 0;
	u->older = t.newest;
	if (t.newest != 0)
		user(t.newest)->newer = n;
	else
		t.oldest = n;
	t.newest = n;
}

/* Once a second is often enough, and spares the neighbours' cache lines. */
static void
touch(struct user *u, uint32_t n, logtime_t now)
{
	uint32_t	s = seconds(now);

	if (u->touched >= s)
		return;
	u->touched = s;
	if (t.latest[u->watch] < s)
		t.latest[u->watch] = s;
	if (t.newest == n)
		return;
	unlink_user(u);
	link_newest(u, n);
}

/* Names. */

static int
store_name(struct user *u, const char *name, size_t n)
{
	uint32_t	class = 0, number;

	while (classes[class] < n)
		class++;
	if ((number = slab_get(&t.names[class])) == 0)
		return -1;
	memcpy(slab_at(&t.names[class], number), name, n);
	u->name = class << CLASS_SHIFT | number;
	u->name_len = (uint8_t)n;
	return 0;
}

static void
drop_name(struct user *u)
{
	slab_put(&t.names[u->name >> CLASS_SHIFT],
	    u->name & ((1u << CLASS_SHIFT) - 1));
}

void
users_drop(struct user *u)
{
	const char	*name;
	size_t		 n;
	uint32_t	 i;

	name = users_name(u, &n);
	i = find_slot(u->hash, u->watch, name, n);
	while (u->sightings != 0)
		sighting_remove(&u->sightings);
	unlink_user(u);
	drop_name(u);
	n = NUMBER(t.slots[i]);
	remove_slot(i);
	u->watch = 0;
	slab_put(&t.users, (uint32_t)n);
}

void
users_drop_watch(uint16_t watch)
{
	uint32_t	i;

	for (i = 1; i < t.users.top; i++)
		if (user(i)->watch == watch)
			users_drop(user(i));
	t.latest[watch] = 0;
}

static int
is_stale(const struct user *u)
{
	uint32_t	latest = t.latest[u->watch];

	return latest > u->touched &&
	    latest - u->touched > t.keep[u->watch];
}

/* Each new user takes up to two stale ones with him; a full table, one. */
static void
make_room(void)
{
	int	i;

	for (i = 0; i < 2 && t.oldest != 0 && is_stale(user(t.oldest)); i++)
		users_drop(user(t.oldest));
	if (t.users.used == t.users.max) {
		users_drop(user(t.oldest));
		t.evicted++;
	}
}

static struct user *
create(uint32_t hash, uint16_t watch, const char *name, size_t n,
    logtime_t now)
{
	struct user	*u;
	uint32_t	 number;

	if (t.latest[watch] < seconds(now))
		t.latest[watch] = seconds(now);
	make_room();
	if (grow() == -1 || (number = slab_get(&t.users)) == 0)
		return NULL;
	u = user(number);
	memset(u, 0, sizeof(*u));
	if (store_name(u, name, n) == -1) {
		slab_put(&t.users, number);
		return NULL;
	}
	u->hash = hash;
	u->watch = watch;
	u->touched = seconds(now);
	link_newest(u, number);
	insert_slot(number, hash);
	t.got = number;
	return u;
}

uint32_t
users_got(void)
{
	return t.got;
}

struct user *
users_find(uint16_t watch, const char *name, size_t n)
{
	char		cut[USER_NAME_MAX + 1];
	uint32_t	slot, hash = users_hash(watch, name, n);

	if (n > USER_NAME_MAX) {
		n = cut_name(cut, name, n);
		name = cut;
	}
	slot = t.slots[find_slot(hash, watch, name, n)];
	if (slot == 0)
		return NULL;
	t.got = NUMBER(slot);
	return user(NUMBER(slot));
}

struct user *
users_get(uint16_t watch, const char *name, size_t n, uint32_t hash,
    logtime_t now)
{
	char		cut[USER_NAME_MAX + 1];
	uint32_t	slot;

	if (n > USER_NAME_MAX) {
		n = cut_name(cut, name, n);
		name = cut;
	}
	slot = t.slots[find_slot(hash, watch, name, n)];
	if (slot == 0)
		return create(hash, watch, name, n, now);
	t.got = NUMBER(slot);
	touch(user(t.got), t.got, now);
	return user(NUMBER(slot));
}

struct user *
users_at(uint32_t n)
{
	struct user	*u;

	if (n == 0 || n >= t.users.top)
		return NULL;
	u = user(n);
	return u->watch == 0 ? NULL : u;
}

uint32_t
users_top(void)
{
	return t.users.top - 1;
}

struct sighting *
sighting_at(uint32_t n)
{
	return slab_at(&t.sightings, n);
}

struct sighting *
sighting_append(struct user *u)
{
	uint32_t	*link = &u->sightings, n;

	/* At the bound others give theirs up, the longest unseen first. */
	while ((n = slab_get(&t.sightings)) == 0) {
		if (t.oldest == 0 || user(t.oldest) == u)
			return NULL;
		users_drop(user(t.oldest));
		t.evicted++;
	}
	while (*link != 0)
		link = &sighting_at(*link)->next;
	*link = n;
	memset(sighting_at(n), 0, sizeof(struct sighting));
	return sighting_at(n);
}

void
sighting_remove(uint32_t *link)
{
	uint32_t	n = *link;

	*link = sighting_at(n)->next;
	slab_put(&t.sightings, n);
}

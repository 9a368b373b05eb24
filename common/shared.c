/*
 * The shared table: see shared.h.  Addresses lie in sets of eight, each set
 * under a lock that is held for some twenty nanoseconds.
 */
#include <sys/mman.h>
#include <sys/stat.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "known.h"
#include "log.h"
#include "shared.h"

#define MAGIC		0x7265667261637431ULL
#define SETS		32768		/* times WAYS addresses */
#define WAYS		8
#define SPINS		100000		/* a holder was stopped or is bad */

struct offences {
	uint32_t	since;		/* ms */
	uint16_t	now, before;	/* in this window and the last one */
};

struct address {
	uint64_t	key;		/* 0: free */
	uint64_t	next_us;	/* when the rate allows one more */
	uint32_t	connections;
	uint32_t	used;		/* ms */
	struct offences	offences[OFFENCE_MAX - 1];
};

struct set {
	_Atomic uint32_t lock;
	uint32_t	 zero;
	struct address	 ways[WAYS];
};

/* Nonces lie in sets, too. */
#define NONCE_SETS	65536
#define NONCE_WAYS	15

struct nonces {
	_Atomic uint32_t lock;
	uint32_t	 zero;
	uint64_t	 key[NONCE_WAYS];
	uint64_t	 until[NONCE_WAYS];	/* ms; 0: free */
};

struct shared {
	uint64_t		magic, size, seed;
	struct shared_listener	listeners[MUX_LISTENERS_MAX];
	struct shared_route	routes[MUX_ROUTES_MAX];
	struct shared_member	members[MUX_MEMBERS_MAX];
	struct shared_pool	pools[MUX_POOLS_MAX];
	struct set		sets[SETS];
	struct nonces		nonces[NONCE_SETS];
	struct known_table	known;
};

static const char *const	ends[END_MAX] = {
	[END_CLOSED] = "closed",
	[END_CLIENT] = "client",
	[END_SERVER] = "server",
	[END_IDLE] = "idle",
	[END_HALF] = "half closed",
	[END_SLOW] = "slow",
	[END_UNKNOWN] = "unknown",
	[END_ROUTE] = "route",
	[END_DOWN] = "down",
	[END_CONNECT] = "connect",
	[END_LIMIT] = "limit",
	[END_HEADER] = "header",
	[END_BANNED] = "banned",
	[END_STOP] = "stop",
	[END_ERROR] = "error",
	[END_TOKEN] = "token",
	[END_SOURCE] = "source",
	[END_DESTINATION] = "destination"
};

static struct shared	*table;
static uint64_t		 seed;		/* ours: not read again */

const char *
end_reason_name(unsigned int why)
{
	return why < END_MAX ? ends[why] : NULL;
}

int
shared_create(void)
{
	struct shared	*t;
	int		 fd;

	if ((fd = memfd_create("refract-mux", MFD_CLOEXEC |
	    MFD_ALLOW_SEALING)) == -1)
		return -1;
	if (ftruncate(fd, sizeof(*t)) == -1 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) == -1)
		goto fail;
	t = mmap(NULL, sizeof(*t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (t == MAP_FAILED)
		goto fail;
	t->magic = MAGIC;
	t->size = sizeof(*t);
	arc4random_buf(&t->seed, sizeof(t->seed));
	known_create(&t->known);
	munmap(t, sizeof(*t));
	return fd;
fail:
	close(fd);
	return -1;
}

static int
map(int fd, int prot)
{
	struct stat	 st;
	struct shared	*t;

	if (fstat(fd, &st) == -1 || st.st_size != sizeof(*t))
		return -1;
	t = mmap(NULL, sizeof(*t), prot, MAP_SHARED, fd, 0);
	if (t == MAP_FAILED)
		return -1;
	if (t->magic != MAGIC || t->size != sizeof(*t)) {
		munmap(t, sizeof(*t));
		return -1;
	}
	table = t;
	seed = t->seed;
	known_map(&t->known, seed);
	return 0;
}

int
shared_map(int fd)
{
	return map(fd, PROT_READ | PROT_WRITE);
}

int
shared_map_read(int fd)
{
	return map(fd, PROT_READ);
}

void
shared_unmap(void)
{
	if (table != NULL)
		munmap(table, sizeof(*table));
	table = NULL;
}

struct shared_listener *
shared_listener(uint32_t slot)
{
	return slot < MUX_LISTENERS_MAX ? &table->listeners[slot] : NULL;
}

struct shared_route *
shared_route(uint32_t slot)
{
	return slot < MUX_ROUTES_MAX ? &table->routes[slot] : NULL;
}

struct shared_member *
shared_member(uint32_t slot)
{
	return slot < MUX_MEMBERS_MAX ? &table->members[slot] : NULL;
}

struct shared_pool *
shared_pool(uint32_t slot)
{
	return slot < MUX_POOLS_MAX ? &table->pools[slot] : NULL;
}

void
shared_clear_listener(uint32_t slot)
{
	memset(shared_listener(slot), 0, sizeof(struct shared_listener));
}

void
shared_clear_route(uint32_t slot)
{
	memset(shared_route(slot), 0, sizeof(struct shared_route));
}

void
shared_clear_member(uint32_t slot)
{
	memset(shared_member(slot), 0, sizeof(struct shared_member));
}

/* Addresses. */

static int
lock_at(_Atomic uint32_t *p)
{
	unsigned int	i;

	for (i = 0; i < SPINS; i++)
		if (atomic_exchange_explicit(p, 1, memory_order_acquire) ==
		    0)
			return 1;
	return 0;
}

static int
lock(struct set *s)
{
	return lock_at(&s->lock);
}

static void
unlock(struct set *s)
{
	atomic_store_explicit(&s->lock, 0, memory_order_release);
}

static uint64_t
key_of(const struct wire_listener *l, const struct prefix *addr)
{
	struct prefix	p = *addr;
	uint64_t	key;

	prefix_group(&p, l->plen4, l->plen6);
	key = prefix_hash(&p, seed ^ l->hash);
	return key == 0 ? 1 : key;
}

/* Who has no connection and was seen longest ago makes room, or nobody. */
static struct address *
find(struct set *s, uint64_t key, uint32_t now)
{
	struct address	*a, *oldest = NULL;
	int		 i;

	for (i = 0; i < WAYS; i++) {
		a = &s->ways[i];
		if (a->key == key)
			return a;
		if (a->key != 0 && a->connections > 0)
			continue;
		if (oldest == NULL || a->key == 0 ||
		    (oldest->key != 0 && now - a->used > now - oldest->used))
			oldest = a;
	}
	if (oldest != NULL) {
		memset(oldest, 0, sizeof(*oldest));
		oldest->key = key;
	}
	return oldest;
}

/*
 * One a 1/rate seconds, and as many as rate at once (a leaky bucket): 1 if
 * there is room.
 */
static int
take_rate(struct address *a, uint32_t rate, uint64_t now_us)
{
	uint64_t	step = 1000000 / rate;

	if (a->next_us < now_us || a->next_us > now_us + 2000000)
		a->next_us = now_us;
	if (a->next_us + step > now_us + 1000000)
		return 0;
	a->next_us += step;
	return 1;
}

static enum admitted
admit_address(const struct wire_listener *l, struct address *a, uint64_t now)
{
	a->used = (uint32_t)now;
	if (l->per_address > 0 && a->connections >= l->per_address)
		return LIMIT_ADDRESS;
	if (l->rate > 0 && !take_rate(a, l->rate, now * 1000))
		return LIMIT_RATE;
	a->connections++;
	return ADMITTED;
}

static enum admitted
admit(const struct wire_listener *l, const struct prefix *addr, uint64_t now,
    ticket_t *ticket)
{
	uint64_t	 key = key_of(l, addr);
	uint32_t	 n = (uint32_t)(key % SETS);
	struct set	*s = &table->sets[n];
	struct address	*a;
	enum admitted	 status = ADMITTED;

	if (!lock(s))
		return ADMITTED;
	if ((a = find(s, key, (uint32_t)now)) != NULL &&
	    (status = admit_address(l, a, now)) == ADMITTED)
		*ticket = n * WAYS + (uint32_t)(a - s->ways) + 1;
	unlock(s);
	return status;
}

enum admitted
shared_admit(const struct wire_listener *l, const struct prefix *addr,
    uint64_t now, ticket_t *ticket)
{
	struct shared_listener	*sl = shared_listener(l->slot);
	enum admitted		 status = ADMITTED;

	*ticket = 0;
	if (atomic_fetch_add(&sl->connections, 1) >= l->connections &&
	    l->connections > 0)
		status = LIMIT_CONNECTIONS;
	else if (addr != NULL && (l->per_address > 0 || l->rate > 0))
		status = admit(l, addr, now, ticket);
	if (status == ADMITTED) {
		atomic_fetch_add(&sl->total, 1);
		return ADMITTED;
	}
	atomic_fetch_sub(&sl->connections, 1);
	atomic_fetch_add(&sl->limited[status - 1], 1);
	return status;
}

enum admitted
shared_known(const struct wire_listener *l, const struct prefix *addr,
    uint64_t now, ticket_t *ticket)
{
	enum admitted	status;

	*ticket = 0;
	if (l->per_address == 0 && l->rate == 0)
		return ADMITTED;
	if ((status = admit(l, addr, now, ticket)) != ADMITTED)
		atomic_fetch_add(&shared_listener(l->slot)->limited[status - 1],
		    1);
	return status;
}

void
shared_return(const struct wire_listener *l, const struct prefix *addr,
    uint64_t now, ticket_t *ticket)
{
	uint64_t	 key = key_of(l, addr);
	uint32_t	 n = (uint32_t)(key % SETS);
	struct set	*s = &table->sets[n];
	struct address	*a;

	*ticket = 0;
	atomic_fetch_add(&shared_listener(l->slot)->connections, 1);
	if ((l->per_address == 0 && l->rate == 0) || !lock(s))
		return;
	if ((a = find(s, key, (uint32_t)now)) != NULL) {
		a->used = (uint32_t)now;
		a->connections++;
		*ticket = n * WAYS + (uint32_t)(a - s->ways) + 1;
	}
	unlock(s);
}

void
shared_leave(const struct wire_listener *l, const struct prefix *addr,
    ticket_t ticket)
{
	atomic_fetch_sub(&shared_listener(l->slot)->connections, 1);
	shared_forget(l, addr, ticket);
}

void
shared_forget(const struct wire_listener *l, const struct prefix *addr,
    ticket_t ticket)
{
	uint64_t	 key;
	struct set	*s;
	struct address	*a;

	if (ticket == 0)
		return;
	key = key_of(l, addr);
	s = &table->sets[(ticket - 1) / WAYS];
	a = &s->ways[(ticket - 1) % WAYS];
	if (!lock(s))
		return;
	if (a->key == key && a->connections > 0)
		a->connections--;
	unlock(s);
}

/* Nonces. */

/* Its place, or the first that is free; NONCE_WAYS: there is none. */
static unsigned int
nonce_place(const struct nonces *n, uint64_t nonce, uint64_t now, int *known)
{
	unsigned int	i, place = NONCE_WAYS;

	*known = 0;
	for (i = 0; i < NONCE_WAYS; i++)
		if (n->until[i] <= now) {
			if (place == NONCE_WAYS)
				place = i;
		} else if (n->key[i] == nonce)
			*known = 1;
	return place;
}

int
shared_nonce(uint64_t nonce, uint64_t now, uint64_t keep)
{
	struct nonces	*n = &table->nonces[nonce % NONCE_SETS];
	unsigned int	 i;
	int		 known;

	if (!lock_at(&n->lock))
		return 0;
	i = nonce_place(n, nonce, now, &known);
	if (i < NONCE_WAYS && !known) {
		n->key[i] = nonce;
		n->until[i] = now + keep;
	}
	atomic_store_explicit(&n->lock, 0, memory_order_release);
	return i < NONCE_WAYS && !known;
}

/* This window's, and as much of the last one's as it still overlaps. */
static int
count_offence(struct offences *o, const struct wire_offence *w, uint32_t now)
{
	uint64_t	gone = now - o->since;
	uint64_t	within = w->within > 0 ? (uint64_t)w->within : 1;

	if (o->since == 0 || gone >= 2 * within) {
		o->before = o->now = 0;
		o->since = now == 0 ? 1 : now;
		gone = 0;
	} else if (gone >= within) {
		o->before = o->now;
		o->now = 0;
		o->since += (uint32_t)within;
		gone -= within;
	}
	if (o->now < UINT16_MAX)
		o->now++;
	if (o->now + o->before * (within - gone) / within < w->times)
		return 0;
	memset(o, 0, sizeof(*o));
	return 1;
}

int
shared_offended(const struct wire_listener *l, const struct wire_offence *w,
    const struct prefix *addr, uint64_t now)
{
	uint64_t	 key = key_of(l, addr);
	struct set	*s = &table->sets[key % SETS];
	struct address	*a;
	int		 status = 0;

	if (w->kind == 0 || w->kind >= OFFENCE_MAX || !lock(s))
		return 0;
	if ((a = find(s, key, (uint32_t)now)) != NULL) {
		a->used = (uint32_t)now;
		status = count_offence(&a->offences[w->kind - 1], w,
		    (uint32_t)now);
	}
	unlock(s);
	return status;
}

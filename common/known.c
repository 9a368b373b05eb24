/*
 * See known.h.  There is no lock: a reader who meets a writer finds nothing,
 * or what another had, which is checked by whoever asked.
 */
#include <stdio.h>
#include <string.h>

#include "known.h"

#define KNOWN_TIME	3600000		/* ms: then it is forgotten */
#define ADDRESS_TIME	300000		/* ... and where an address was */
#define PORT_FIRST	32768		/* without a /proc */
#define PORT_LAST	60999

_Static_assert(MUX_ROUTES_MAX <= 65536 && MUX_MEMBERS_MAX <= 65536,
    "a way has 16 bits for each");

static struct known_table	*table;
static uint64_t			 seed;
static uint32_t			 ports_max;	/* ours: not read again */
static uint32_t			 ports_range;

/* Those that the kernel gives out. */
static void
ports_of_host(unsigned int *lo, unsigned int *hi)
{
	FILE	*f;
	int	 n = 0;

	if ((f = fopen("/proc/sys/net/ipv4/ip_local_port_range", "re")) !=
	    NULL) {
		n = fscanf(f, "%u %u", lo, hi);
		fclose(f);
	}
	if (n == 2 && *hi > *lo && *hi <= UINT16_MAX)
		return;
	*lo = PORT_FIRST;
	*hi = PORT_LAST;
}

void
known_create(struct known_table *t)
{
	unsigned int	lo, hi;

	ports_of_host(&lo, &hi);
	t->ports_max = (hi - lo + 1) / 2;
	t->ports_range = hi << 16 | (hi - t->ports_max + 1);
}

void
known_map(struct known_table *t, uint64_t key)
{
	table = t;
	seed = key;
	ports_max = t->ports_max;
	ports_range = t->ports_range;
}

int
known_ports_take(_Atomic uint32_t *n, unsigned int sources)
{
	if (atomic_fetch_add(n, 1) < ports_max * sources)
		return 1;
	atomic_fetch_sub(n, 1);
	return 0;
}

void
known_ports_give(_Atomic uint32_t *n)
{
	atomic_fetch_sub(n, 1);
}

_Atomic uint32_t *
known_ports(void)
{
	return &table->ports;
}

uint32_t
known_ports_range(void)
{
	return ports_range;
}

static uint64_t
fold(uint64_t a, uint64_t b)
{
	unsigned __int128	p = (unsigned __int128)a * b;

	return (uint64_t)p ^ (uint64_t)(p >> 64);
}

static uint64_t
key_of(uint64_t listener, enum known kind, const void *id, size_t n)
{
	uint64_t	w[3] = { 0, 0, 0 }, h;

	memcpy(w, id, n);
	h = fold(seed ^ listener, 0x9e3779b97f4a7c15ULL ^ n << 8 ^
	    (uint64_t)kind);
	h = fold(h ^ w[0], seed ^ 0xa0761d6478bd642fULL);
	h = fold(h ^ w[1], seed ^ 0xe7037ed1a0b428dbULL);
	h = fold(h ^ w[2], seed ^ 0x8ebc6af09c88c6e3ULL);
	return h == 0 ? 1 : h;
}

/* Another's clock may be ahead by a tick. */
static uint32_t
age(struct known_id *k, uint32_t now)
{
	int32_t	ms = (int32_t)(now - atomic_load(&k->used));

	return ms < 0 && ms > -1000 ? 0 : (uint32_t)ms;
}

/* Its own place, a free one, or that of who was seen longest ago. */
static struct known_id *
place(struct known_id *set, uint64_t key, uint32_t now)
{
	struct known_id	*k, *best = set;

	for (k = set; k < set + KNOWN_WAYS; k++) {
		if (atomic_load(&k->key) == key)
			return k;
		if (atomic_load(&best->key) == 0)
			continue;
		if (atomic_load(&k->key) == 0 || age(k, now) > age(best, now))
			best = k;
	}
	return best;
}

void
known_add(uint64_t listener, enum known kind, const void *id, size_t n,
    const struct known_way *way, uint64_t now)
{
	struct known_id	*k;
	uint64_t	 key;

	if (n > KNOWN_ID_MAX)
		return;
	key = key_of(listener, kind, id, n);
	k = place(table->ids[key % KNOWN_SETS], key, (uint32_t)now);
	if (kind == KNOWN_QUIC) {
		atomic_fetch_or(&table->lengths, 1u << n);
		if (way->member < MUX_MEMBERS_MAX)
			atomic_store(&table->length_of[way->member],
			    (uint8_t)n);
	}
	atomic_store(&k->key, 0);
	atomic_store(&k->way, way->route << 16 | way->member);
	atomic_store(&k->used, (uint32_t)now);
	atomic_store(&k->key, key);
}

static int
take(struct known_id *k, uint64_t key, uint32_t time, struct known_way *way,
    uint32_t now)
{
	uint32_t	both;

	if (atomic_load(&k->key) != key || age(k, now) > time)
		return 0;
	both = atomic_load(&k->way);
	/* Was it written just now?  Then it may be another's. */
	if (atomic_load(&k->key) != key)
		return 0;
	if (time == KNOWN_TIME)
		atomic_store(&k->used, now);
	way->route = both >> 16;
	way->member = both & 0xffff;
	return 1;
}

int
known_find(uint64_t listener, enum known kind, const void *id, size_t n,
    struct known_way *way, uint64_t now)
{
	uint64_t	 key;
	uint32_t	 time = KNOWN_TIME;
	unsigned int	 i;

	if (n > KNOWN_ID_MAX)
		return 0;
	if (kind >= KNOWN_ADDRESS)
		time = ADDRESS_TIME;
	key = key_of(listener, kind, id, n);
	for (i = 0; i < KNOWN_WAYS; i++)
		if (take(&table->ids[key % KNOWN_SETS][i], key, time, way,
		    (uint32_t)now))
			return 1;
	return 0;
}

uint32_t
known_lengths(void)
{
	return atomic_load_explicit(&table->lengths, memory_order_relaxed);
}

size_t
known_length(uint32_t member)
{
	return member >= MUX_MEMBERS_MAX ? 0 : atomic_load_explicit(
	    &table->length_of[member], memory_order_relaxed);
}

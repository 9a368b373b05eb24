/*
 * Balancing: see pool.h.
 */
#include <sys/socket.h>

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "known.h"
#include "log.h"
#include "pool.h"

#ifndef IP_LOCAL_PORT_RANGE
#define IP_LOCAL_PORT_RANGE	51	/* linux/in.h; since 6.3 */
#endif

#define POINTS		64	/* of the ring, for a weight of one */
#define RING_MAX	262144
#define SCHEDULE_MAX	65536
#define RETRY_MS	10000	/* down without checks: tried again */
#define DRAWS		8	/* at random, then whoever is next */

uint64_t
mono_ms(void)
{
	return (uint64_t)mono_now().ms;
}

static void *
xreallocarray(void *p, size_t n, size_t size)
{
	if ((p = reallocarray(p, n, size)) == NULL)
		fatal("pool");
	return p;
}

/* A good mix of 64 bits (splitmix64's finalizer). */
static uint64_t
mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

static uint64_t
hash_text(const char *s)
{
	uint64_t	h = 0xcbf29ce484222325ULL;

	for (; *s != '\0'; s++)
		h = (h ^ (unsigned char)*s) * 0x100000001b3ULL;
	return h;
}

/* What a member is, whatever its place in the file. */
static uint64_t
member_hash(const struct wire_member *w)
{
	if (w->kind == MEMBER_ADDRESS)
		return mix(prefix_hash(&w->addr, 0) + w->port);
	return mix(hash_text(w->name) + w->port);
}

static int
point_cmp(const void *a, const void *b)
{
	const struct point	*p = a, *q = b;

	if (p->at != q->at)
		return p->at < q->at ? -1 : 1;
	return p->member < q->member ? -1 : p->member > q->member;
}

/* So a member that leaves moves its own clients and nobody else's. */
static void
build_ring(struct pool *p, unsigned int weights)
{
	unsigned int	i, k, n, points = POINTS;
	uint64_t	h;

	while (points > 1 && (uint64_t)points * weights > RING_MAX)
		points /= 2;
	p->ring = xreallocarray(NULL, (size_t)points * weights,
	    sizeof(*p->ring));
	for (i = 0; i < p->n; i++) {
		h = member_hash(p->members[i].w);
		n = points * p->members[i].w->weight;
		for (k = 0; k < n; k++) {
			p->ring[p->nring].at = (uint32_t)(mix(h + k) >> 32);
			p->ring[p->nring++].member = i;
		}
	}
	qsort(p->ring, p->nring, sizeof(*p->ring), point_cmp);
}

/* Each as often as it weighs, spread as far as it goes. */
static void
build_schedule(struct pool *p, unsigned int weights)
{
	struct point	*all;
	unsigned int	 i, k, w, n = 0, max = weights;

	if (max > SCHEDULE_MAX)
		max = SCHEDULE_MAX;
	all = xreallocarray(NULL, (size_t)max + p->n, sizeof(*all));
	for (i = 0; i < p->n; i++) {
		w = (unsigned int)((uint64_t)p->members[i].w->weight * max /
		    weights);
		if (w == 0)
			w = 1;
		for (k = 0; k < w; k++) {
			all[n].at = (uint32_t)((2ULL * k + 1) *
			    (UINT32_MAX / 2) / w);
			all[n++].member = i;
		}
	}
	qsort(all, n, sizeof(*all), point_cmp);
	p->schedule = xreallocarray(NULL, n, sizeof(*p->schedule));
	for (; p->nschedule < n; p->nschedule++)
		p->schedule[p->nschedule] = all[p->nschedule].member;
	free(all);
}

struct pool *
pool_new(const struct conf_pool *c)
{
	struct pool		*p;
	struct conf_member	*m;
	unsigned int		 weights = 0, n = 0;

	TAILQ_FOREACH(m, &c->members, entry) {
		weights += m->w.weight;
		n++;
	}
	if ((p = calloc(1, sizeof(*p))) == NULL ||
	    (p->members = calloc(n + 1, sizeof(*p->members))) == NULL)
		fatal("pool %s", c->w.name);
	p->w = &c->w;
	p->shared = shared_pool(c->w.slot);
	TAILQ_FOREACH(m, &c->members, entry) {
		p->members[p->n].w = &m->w;
		p->members[p->n].pool = p;
		p->members[p->n].shared = shared_member(m->w.slot);
		if (m->w.kind == MEMBER_ADDRESS) {
			p->members[p->n].addrs[0] = m->w.addr;
			p->members[p->n].naddrs = 1;
		}
		p->n++;
	}
	if (p->n == 0)
		return p;
	build_schedule(p, weights);
	if (c->w.balance == BALANCE_SOURCE || c->w.balance == BALANCE_SOCKET)
		build_ring(p, weights);
	return p;
}

void
pool_free(struct pool *p)
{
	if (p == NULL)
		return;
	free(p->members);
	free(p->schedule);
	free(p->ring);
	free(p);
}

struct member *
pool_member(struct pool *p, uint32_t slot)
{
	unsigned int	i;

	for (i = 0; i < p->n; i++)
		if (p->members[i].w->slot == slot)
			return &p->members[i];
	return NULL;
}

void
pool_resolved(struct member *m, const struct prefix *addrs, unsigned int n)
{
	if (n > MUX_RESOLVED_MAX)
		n = MUX_RESOLVED_MAX;
	memcpy(m->addrs, addrs, n * sizeof(*addrs));
	m->naddrs = n;
}

/* Members. */

static int
is_retried(const struct member *m)
{
	uint64_t	since, wait = RETRY_MS;

	if (m->pool->w->check != CHECK_NONE)
		return 0;
	if (m->pool->w->interval > 0)
		wait = (uint64_t)m->pool->w->interval;
	since = atomic_load(&m->shared->down_since);
	return mono_ms() - since >= wait;
}

int
member_is_up(const struct member *m)
{
	if (atomic_load(&m->shared->admin) != MEMBER_ENABLED)
		return 0;
	if (m->naddrs == 0 && m->w->kind != MEMBER_UNIX &&
	    m->w->kind != MEMBER_ASKED)
		return 0;
	return atomic_load(&m->shared->down) == 0 || is_retried(m);
}

int
member_mark(struct member *m, int down)
{
	if (down)
		atomic_store(&m->shared->down_since, mono_ms());
	else {
		atomic_store(&m->shared->failed, 0);
		atomic_store(&m->pool->shared->all_down, 0);
	}
	return atomic_exchange(&m->shared->down, down != 0) != (down != 0);
}

int
member_failed(struct member *m)
{
	unsigned int	n = m->pool->w->passive;

	atomic_fetch_add(&m->shared->errors, 1);
	if (atomic_fetch_add(&m->shared->failed, 1) + 1 < n || n == 0)
		return 0;
	/* Checks must pass anew. */
	atomic_store(&m->shared->passed, 0);
	return member_mark(m, 1);
}

int
member_connected(struct member *m)
{
	if (atomic_load_explicit(&m->shared->failed,
	    memory_order_relaxed) != 0)
		atomic_store(&m->shared->failed, 0);
	if (m->pool->w->check != CHECK_NONE ||
	    atomic_load_explicit(&m->shared->down, memory_order_relaxed) == 0)
		return 0;
	return member_mark(m, 0);
}

int
pool_is_down(struct pool *p)
{
	return atomic_exchange(&p->shared->all_down, 1) == 0;
}

/* One connection at a time tries a member that is down, not all that wait. */
static void
claim_retry(struct member *m)
{
	if (atomic_load_explicit(&m->shared->down, memory_order_relaxed) != 0)
		atomic_store(&m->shared->down_since, mono_ms());
}

socklen_t
member_sockaddr(struct member *m, struct sockaddr_storage *ss)
{
	if (m->naddrs == 0)
		return 0;
	return addr_to_sockaddr(&m->addrs[m->turn++ % m->naddrs], m->w->port,
	    ss);
}

/* Of TCP a port may serve several members: it is found by connect(2). */
static void
prepare(int fd, int stream)
{
	uint32_t	range = known_ports_range();
	int		on = 1;

	if (stream)
		setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on,
		    sizeof(on));
	else
		setsockopt(fd, IPPROTO_IP, IP_LOCAL_PORT_RANGE, &range,
		    sizeof(range));
}

int
pool_bind(const struct pool *p, int fd, int family, int stream)
{
	static unsigned int	 turn;
	struct sockaddr_storage	 ss;
	const struct prefix	*a;
	socklen_t		 len;
	unsigned int		 i;
	int			 tried = 0;

	for (i = 0; i < p->w->nsources; i++) {
		a = &p->w->sources[turn++ % p->w->nsources];
		if (a->family != family)
			continue;
		if (!tried++)
			prepare(fd, stream);
		len = addr_to_sockaddr(a, 0, &ss);
		if (bind(fd, (struct sockaddr *)&ss, len) == 0)
			return 0;
	}
	return tried ? -1 : 0;
}

/* Choosing. */

static int
is_tried(const struct tried *t, unsigned int i)
{
	unsigned int	k;

	for (k = 0; k < t->n; k++)
		if (t->list[k] == i)
			return 1;
	return 0;
}

static int
is_free(const struct pool *p, unsigned int i, const struct tried *t,
    int backup)
{
	return p->members[i].w->backup == backup && !is_tried(t, i) &&
	    member_is_up(&p->members[i]);
}

static int
pick_first(const struct pool *p, const struct tried *t, int backup)
{
	unsigned int	i;

	for (i = 0; i < p->n; i++)
		if (is_free(p, i, t, backup))
			return (int)i;
	return -1;
}

/*
 * The next one in turn.  Turns of those who are down are passed over for good,
 * so that what they do not take is shared by all, not taken by their
 * neighbours.
 */
static int
pick_turn(const struct pool *p, const struct tried *t, int backup)
{
	unsigned int	k, i;

	for (k = 0; k < p->nschedule; k++) {
		i = p->schedule[atomic_fetch_add(&p->shared->turn, 1) %
		    p->nschedule];
		if (is_free(p, i, t, backup))
			return (int)i;
	}
	return pick_first(p, t, backup);
}

static int
pick_random(const struct pool *p, const struct tried *t, int backup)
{
	unsigned int	k, i, from = 0;

	for (k = 0; k < DRAWS + p->nschedule; k++) {
		if (k <= DRAWS)
			from = arc4random_uniform(p->nschedule);
		else
			from = (from + 1) % p->nschedule;
		i = p->schedule[from];
		if (is_free(p, i, t, backup))
			return (int)i;
	}
	return -1;
}

/* The least for its weight, in turn among equals. */
static int
pick_least(const struct pool *p, unsigned int from, const struct tried *t,
    int backup)
{
	const struct member	*m;
	uint64_t		 load, least = UINT64_MAX;
	unsigned int		 k, i;
	int			 best = -1;

	for (k = 0; k < p->n; k++) {
		i = (from + k) % p->n;
		m = &p->members[i];
		if (!is_free(p, i, t, backup))
			continue;
		load = ((uint64_t)atomic_load(&m->shared->connections) << 16) /
		    m->w->weight;
		if (load < least) {
			least = load;
			best = (int)i;
		}
	}
	return best;
}

static int
pick_hashed(const struct pool *p, uint64_t hash, const struct tried *t,
    int backup)
{
	uint32_t	at = (uint32_t)(hash >> 32);
	unsigned int	lo = 0, hi = p->nring, mid, k;

	while (lo < hi) {
		mid = (lo + hi) / 2;
		if (p->ring[mid].at < at)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (k = 0; k < p->nring; k++) {
		mid = p->ring[(lo + k) % p->nring].member;
		if (is_free(p, mid, t, backup))
			return (int)mid;
	}
	return -1;
}

static int
pick(struct pool *p, const struct prefix *addr, uint16_t port,
    const struct tried *t, int backup)
{
	uint64_t	hash;

	/* Lists by weight are long: not for nothing. */
	if (pick_first(p, t, backup) == -1)
		return -1;
	switch (p->w->balance) {
	case BALANCE_FIRST:
		return pick_first(p, t, backup);
	case BALANCE_RANDOM:
		return pick_random(p, t, backup);
	case BALANCE_LEAST:
		return pick_least(p, atomic_fetch_add(&p->shared->turn, 1), t,
		    backup);
	case BALANCE_SOURCE:
	case BALANCE_SOCKET:
		hash = prefix_hash(addr, 0);
		if (p->w->balance == BALANCE_SOCKET)
			hash += port;
		return pick_hashed(p, mix(hash), t, backup);
	}
	return pick_turn(p, t, backup);
}

struct member *
pool_pick(struct pool *p, const struct prefix *addr, uint16_t port,
    struct tried *t)
{
	int	i;

	if (p->n == 0 || t->n == POOL_TRIES)
		return NULL;
	if ((i = pick(p, addr, port, t, 0)) == -1 &&
	    (i = pick(p, addr, port, t, 1)) == -1)
		return NULL;
	t->list[t->n++] = (uint16_t)i;
	claim_retry(&p->members[i]);
	return &p->members[i];
}

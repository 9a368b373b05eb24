/*
 * What a resolver answered, as far as we believe it: see control_resolve.h.
 */
#include <sys/socket.h>

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <event2/dns.h>

#include "control_resolve.h"

/* No member of a pool is there. */
static int
is_useless(const struct prefix *p)
{
	static const uint8_t	none[16];

	if (memcmp(p->addr, none, sizeof(none)) == 0)
		return 1;
	if (p->family == AF_INET)
		return p->addr[0] == 0 || p->addr[0] >= 224;
	return p->addr[0] == 0xff;
}

static int
compare(const void *a, const void *b)
{
	return prefix_cmp(a, b);
}

static enum verdict
verdict_of(int result)
{
	switch (result) {
	case DNS_ERR_NONE:
		return ANSWER_GOOD;
	case DNS_ERR_NOTEXIST:
	case DNS_ERR_NODATA:
		return ANSWER_NONE;
	}
	return ANSWER_FAILED;
}

static void
add(struct answer *a, int family, const uint8_t *p, size_t len)
{
	struct prefix	*to = &a->addrs[a->n];
	unsigned int	 i;

	memset(to, 0, sizeof(*to));
	to->family = (uint8_t)family;
	to->plen = (uint8_t)(len * 8);
	memcpy(to->addr, p, len);
	if (is_useless(to))
		return;
	for (i = 0; i < a->n; i++)
		if (prefix_cmp(&a->addrs[i], to) == 0)
			return;
	a->n++;
}

void
answer_read(struct answer *a, int family, int result, int type, int count,
    int ttl, const void *list)
{
	const uint8_t	*p = list;
	size_t		 len = family == AF_INET ? 4 : 16;
	int		 i;

	memset(a, 0, sizeof(*a));
	if ((a->verdict = verdict_of(result)) != ANSWER_GOOD)
		return;
	if (type != (family == AF_INET ? DNS_IPv4_A : DNS_IPv6_AAAA)) {
		a->verdict = ANSWER_NONE;
		return;
	}
	for (i = 0; i < count && p != NULL && a->n < MUX_RESOLVED_MAX; i++)
		add(a, family, p + (size_t)i * len, len);
	/* Resolvers turn the list each time: that is no change. */
	qsort(a->addrs, a->n, sizeof(*a->addrs), compare);
	a->ttl = ttl > 0 ? (span_t)ttl * 1000 : 0;
	if (a->n == 0)
		a->verdict = ANSWER_NONE;
}

static unsigned int
share(unsigned int mine, unsigned int other)
{
	unsigned int	room = MUX_RESOLVED_MAX / 2;

	if (other < room)
		room = MUX_RESOLVED_MAX - other;
	return mine < room ? mine : room;
}

unsigned int
answers_join(struct prefix list[MUX_RESOLVED_MAX], const struct answer *a,
    const struct answer *b)
{
	unsigned int	na = share(a->n, b->n), nb = share(b->n, a->n);

	memcpy(list, a->addrs, na * sizeof(*list));
	memcpy(list + na, b->addrs, nb * sizeof(*list));
	return na + nb;
}

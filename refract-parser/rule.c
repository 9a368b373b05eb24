/*
 * The limit rule over one user's list of sightings, which is in the order of
 * when they were seen first.  No clock, no messages: time comes with the line.
 */
#include <sys/socket.h>

#include <string.h>

#include "rule.h"

#define AGE_MAX		0x7fffffff	/* ms: 24 days */
#define BACKWARDS	60000		/* so much out of order, ms */

void
sighting_addr(const struct sighting *s, struct prefix *p)
{
	p->family = s->v6 ? AF_INET6 : AF_INET;
	p->plen = s->v6 ? 128 : 32;
	memcpy(p->addr, s->addr, sizeof(p->addr));
}

static int64_t
first_seen(const struct sighting *s)
{
	return (int64_t)s->last - (int64_t)s->age;
}

/* 1 if the sighting's address and p count as one. */
static int
is_same(const struct rule *r, const struct sighting *s,
    const struct prefix *p)
{
	unsigned int	bits, whole, rest;

	if (s->v6 != (p->family == AF_INET6))
		return 0;
	bits = s->v6 ? r->group6 : r->group4;
	if (bits == 32)
		return memcmp(s->addr, p->addr, 4) == 0;
	whole = bits / 8;
	rest = bits % 8;
	if (memcmp(s->addr, p->addr, whole) != 0)
		return 0;
	return rest == 0 ||
	    (s->addr[whole] ^ p->addr[whole]) >> (8 - rest) == 0;
}

/* What lies far in the future was written under another clock: not live. */
static int
is_live(const struct rule *r, const struct sighting *s, logtime_t now)
{
	int64_t	since = now - (int64_t)s->last;

	return since <= r->window &&
	    (since >= -BACKWARDS || -since <= r->window);
}

/* Counted with this family's addresses? */
static int
counts(const struct rule *r, const struct sighting *s, int v6)
{
	return r->together || s->v6 == v6;
}

static void
refresh(struct sighting *s, const struct prefix *p, uint16_t port,
    logtime_t now)
{
	int64_t	age = s->age, step = now - (int64_t)s->last;

	memcpy(s->addr, p->addr, sizeof(s->addr));
	s->port = port;
	if (step <= 0)
		return;
	age = step > AGE_MAX - age ? AGE_MAX : age + step;
	s->age = (uint32_t)age & AGE_MAX;
	s->last = (uint64_t)now;
}

/* Drop what is not live any more; count the rest; find this address. */
static struct sighting *
survey(const struct rule *r, struct user *u, const struct prefix *p,
    logtime_t now, unsigned int *live)
{
	struct sighting	*s, *mine = NULL;
	uint32_t	*link = &u->sightings;
	int		 v6 = p->family == AF_INET6;

	*live = 0;
	while (*link != 0) {
		s = sighting_at(*link);
		if (!is_live(r, s, now)) {
			sighting_remove(link);
			continue;
		}
		if (is_same(r, s, p))
			mine = s;
		if (counts(r, s, v6))
			(*live)++;
		link = &s->next;
	}
	return mine;
}

static void
join(struct user *u, const struct prefix *p, uint16_t port, logtime_t now,
    struct verdict *v)
{
	struct sighting	*s;

	v->joined = 1;
	if ((s = sighting_append(u)) == NULL)
		return;
	memcpy(s->addr, p->addr, sizeof(s->addr));
	s->v6 = p->family == AF_INET6;
	s->port = port;
	s->last = (uint64_t)now & 0xffffffffffffULL;
}

static void
accuse(struct verdict *v, const struct prefix *p, uint16_t port)
{
	v->list[v->n].addr = *p;
	v->list[v->n++].port = port;
}

static void
accuse_sighting(struct verdict *v, uint32_t *link)
{
	struct prefix	 p;
	struct sighting	*s = sighting_at(*link);

	sighting_addr(s, &p);
	accuse(v, &p, s->port);
	sighting_remove(link);
}

/* The one that was seen first; the list is in that order. */
static void
accuse_oldest(const struct rule *r, struct user *u, int v6,
    struct verdict *v)
{
	uint32_t	*link = &u->sightings;

	while (*link != 0 && !counts(r, sighting_at(*link), v6))
		link = &sighting_at(*link)->next;
	if (*link != 0)
		accuse_sighting(v, link);
}

static void
accuse_all(const struct rule *r, struct user *u, int v6, struct verdict *v)
{
	uint32_t	*link = &u->sightings;

	while (*link != 0 && v->n < OFFENDERS_MAX)
		if (counts(r, sighting_at(*link), v6))
			accuse_sighting(v, link);
		else
			link = &sighting_at(*link)->next;
}

/* A newcomer where there is no room, and no grace either. */
static void
refuse(const struct rule *r, struct user *u, const struct prefix *p,
    uint16_t port, logtime_t now, struct verdict *v)
{
	int	v6 = p->family == AF_INET6;

	switch (r->victim) {
	case BAN_NEWEST:
		v->joined = 1;
		accuse(v, p, port);
		break;
	case BAN_OLDEST:
		accuse_oldest(r, u, v6, v);
		join(u, p, port, now, v);
		break;
	case BAN_ALL:
		v->joined = 1;
		accuse(v, p, port);
		accuse_all(r, u, v6, v);
		break;
	}
}

/* How many were in use together with s for longer than the grace. */
static unsigned int
overlapping(const struct rule *r, const struct user *u,
    const struct sighting *s)
{
	const struct sighting	*o;
	int64_t			 first = first_seen(s);
	unsigned int		 n = 0;
	uint32_t		 i;

	for (i = u->sightings; i != 0; i = o->next) {
		o = sighting_at(i);
		if (counts(r, o, s->v6) && first_seen(o) <= first &&
		    (int64_t)o->last - first > r->grace)
			n++;
	}
	return n;
}

/* The newest that shares too many overlaps: the link to it, or NULL. */
static uint32_t *
find_excess(const struct rule *r, struct user *u, int v6)
{
	uint32_t	*link, *found = NULL;
	struct sighting	*s;

	for (link = &u->sightings; *link != 0; link = &s->next) {
		s = sighting_at(*link);
		if (counts(r, s, v6) && overlapping(r, u, s) > u->limit)
			found = link;
	}
	return found;
}

static void
judge_overlap(const struct rule *r, struct user *u, int v6,
    struct verdict *v)
{
	uint32_t	*link;

	if ((link = find_excess(r, u, v6)) == NULL)
		return;
	switch (r->victim) {
	case BAN_NEWEST:
		accuse_sighting(v, link);
		break;
	case BAN_OLDEST:
		accuse_oldest(r, u, v6, v);
		break;
	case BAN_ALL:
		accuse_all(r, u, v6, v);
		break;
	}
}

void
rule_line(const struct rule *r, struct user *u, const struct prefix *p,
    uint16_t port, logtime_t now, struct verdict *v)
{
	struct sighting	*mine;
	unsigned int	 live, room = u->limit;

	v->n = v->joined = 0;
	if (r->grace > 0)
		room = 2 * room + 2;
	mine = survey(r, u, p, now, &live);
	if (mine != NULL)
		refresh(mine, p, port, now);
	else if (live < room)
		join(u, p, port, now, v);
	else
		refuse(r, u, p, port, now, v);
	if (r->grace > 0 && v->n == 0 && live > u->limit)
		judge_overlap(r, u, p->family == AF_INET6, v);
}

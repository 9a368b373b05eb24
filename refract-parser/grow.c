/*
 * Growing bans.
 */
#include <stdlib.h>
#include <string.h>

#include "conf.h"
#include "grow.h"

#define SETS		32768
#define WAYS		8

/* count 0: free. */
struct grown {
	uint64_t	watch, subject;
	wall_t		last;
	uint32_t	count;
	struct prefix	prefix;
	uint8_t		zero[2];
};

/* Pages that are never used are never there. */
static struct grown	table[SETS][WAYS];
static uint64_t		seed;
static int		used;

void
grow_init(void)
{
	arc4random_buf(&seed, sizeof(seed));
}

void
grow_clear(void)
{
	if (used)
		memset(table, 0, sizeof(table));
	used = 0;
}

static struct grown *
set_of(uint64_t watch, const struct prefix *p)
{
	return table[prefix_hash(p, seed ^ watch) % SETS];
}

static struct grown *
find(uint64_t watch, const struct prefix *p)
{
	struct grown	*g = set_of(watch, p);
	int		 i;

	for (i = 0; i < WAYS; i++)
		if (g[i].count != 0 && g[i].watch == watch &&
		    prefix_cmp(&g[i].prefix, p) == 0)
			return &g[i];
	return NULL;
}

/* The one that was banned longest ago makes room. */
static struct grown *
get(uint64_t watch, const struct prefix *p)
{
	struct grown	*g = set_of(watch, p), *best;
	int		 i;

	if ((best = find(watch, p)) != NULL)
		return best;
	for (best = g, i = 0; i < WAYS; i++) {
		if (g[i].count == 0) {
			best = &g[i];
			break;
		}
		if (g[i].last < best->last)
			best = &g[i];
	}
	memset(best, 0, sizeof(*best));
	best->watch = watch;
	best->prefix = *p;
	used = 1;
	return best;
}

uint32_t
grow_count(uint64_t watch, const struct prefix *p)
{
	const struct grown	*g;

	return used && (g = find(watch, p)) != NULL ? g->count : 0;
}

static void
add(uint64_t watch, const struct prefix *p, uint32_t n, wall_t at,
    uint64_t subject)
{
	struct grown	*g = get(watch, p);

	g->count = n > UINT32_MAX - g->count ? UINT32_MAX : g->count + n;
	if (at >= g->last) {
		g->last = at;
		g->subject = subject;
	}
}

void
grow_add(uint64_t watch, const struct prefix *p, wall_t at, uint64_t subject)
{
	add(watch, p, 1, at, subject);
	add(0, p, 1, at, subject);
}

void
grow_known(const struct wire_growth *m)
{
	if (m->count == 0)
		return;
	add(m->watch, &m->prefix, m->count, m->last, m->subject);
	add(0, &m->prefix, m->count, m->last, m->subject);
}

static int
is_meant(const struct grown *g, const struct msg_target *t, uint64_t subject,
    uint64_t watch)
{
	return g->count != 0 &&
	    (watch == 0 || g->watch == 0 || g->watch == watch) &&
	    (t->prefix.family == 0 ||
	    prefix_overlap(&t->prefix, &g->prefix)) &&
	    (subject == 0 || g->subject == subject);
}

void
grow_forgive(const struct msg_target *t, uint64_t watch, wall_t until)
{
	uint64_t	subject = *t->user == '\0' ? 0 : watch_hash(t->user);
	size_t		i, j;

	for (i = 0; used && i < SETS; i++)
		for (j = 0; j < WAYS; j++)
			if (table[i][j].last <= until &&
			    is_meant(&table[i][j], t, subject, watch))
				memset(&table[i][j], 0, sizeof(table[i][j]));
}

span_t
grow_span(span_t span, uint32_t by, span_t max, uint32_t count)
{
	if (max == 0 || by <= 1000)
		return span;
	for (; count > 0 && span < max; count--) {
		if (span > INT64_MAX / by)
			return max;
		if (span * by / 1000 == span)
			break;		/* less than a millisecond more */
		span = span * by / 1000;
	}
	return span > max ? max : span;
}

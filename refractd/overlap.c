/*
 * See overlap.h.  A route covers another if every connection that the second
 * would take is taken by the first: it asks for no other protocol, and each of
 * its conditions holds wherever the second's hold.  Where that cannot be known
 * (two regexes) the answer is no, so nobody is warned without a cause.
 */
#include <stdlib.h>
#include <string.h>

#include "build.h"
#include "log.h"
#include "overlap.h"
#include "routes.h"

#define PREFIXES_MAX	4096	/* tables with more are compared by name */

/* Conditions. */

static int
same_bytes(const struct conf_cond *a, const struct conf_cond *b)
{
	return a->w.len == b->w.len &&
	    memcmp(a->data, b->data, a->w.len) == 0;
}

/* "*.x" has "a.x", "*.a.x" and "*.x" in it. */
static int
name_covers(const struct conf_cond *a, const struct conf_cond *b)
{
	size_t	n = a->w.len - 1;

	if (same_bytes(a, b))
		return 1;
	return a->data[0] == '*' && b->w.len > n &&
	    memcmp(b->data + b->w.len - n, a->data + 1, n) == 0;
}

static int
table_covers(const struct conf_cond *a, const struct conf_cond *b)
{
	const struct conf_table	*t, *u;
	size_t			 i;

	if (a->w.table == b->w.table)
		return 1;
	t = conf_table_byid(build_conf(), a->w.table);
	u = conf_table_byid(build_conf(), b->w.table);
	if (u->prefixes.n > PREFIXES_MAX)
		return 0;
	for (i = 0; i < u->prefixes.n; i++)
		if (!prefixset_contains(&t->prefixes, &u->prefixes.list[i]))
			return 0;
	return 1;
}

/* What byte b asks of the byte at this place: 0 if it does not ask. */
static unsigned int
asks(const struct conf_cond *c, size_t at, unsigned int *value)
{
	if (at < c->w.offset || at - c->w.offset >= c->w.len)
		return 0;
	at -= c->w.offset;
	*value = c->data[at];
	return c->w.masked ? c->data[c->w.len + at] : 0xff;
}

/* The first asks nothing that the second does not ask, too. */
static int
bytes_cover(const struct conf_cond *a, const struct conf_cond *b)
{
	unsigned int	mask, value, bmask, bvalue;
	size_t		at, end = a->w.offset + a->w.len;

	/* As many bytes must have come. */
	if (end > b->w.offset + b->w.len)
		return 0;
	for (at = a->w.offset; at < end; at++) {
		value = bvalue = 0;
		mask = asks(a, at, &value);
		bmask = asks(b, at, &bvalue);
		if ((mask & ~bmask) != 0 || (value ^ bvalue) & mask)
			return 0;
	}
	return 1;
}

static int
cond_covers(const struct conf_cond *a, const struct conf_cond *b)
{
	switch (a->w.kind) {
	case COND_SNI:
	case COND_HOST:
		return name_covers(a, b);
	case COND_PATH:
		return b->w.len >= a->w.len &&
		    memcmp(a->data, b->data, a->w.len) == 0;
	case COND_FROM:
		return table_covers(a, b);
	case COND_BYTES:
		return bytes_cover(a, b);
	case COND_CONTAINS:
		return memmem(b->data, b->w.len, a->data, a->w.len) != NULL;
	}
	return same_bytes(a, b);
}

/* Routes. */

/* One of a's of this kind holds wherever b does. */
static int
any_covers(const struct conf_route *a, const struct conf_cond *b)
{
	const struct conf_cond	*c;

	TAILQ_FOREACH(c, &a->conds, entry)
		if (c->w.kind == b->w.kind && cond_covers(c, b))
			return 1;
	return 0;
}

/* The same for all of b's of this kind, of which there must be some. */
static int
kind_covers(const struct conf_route *a, const struct conf_route *b,
    uint32_t kind, const struct conf_cond *only)
{
	const struct conf_cond	*c;
	int			 n = 0;

	TAILQ_FOREACH(c, &b->conds, entry) {
		if (c->w.kind != kind ||
		    (only != NULL && only->w.kind == kind && c != only))
			continue;
		n++;
		if (!any_covers(a, c))
			return 0;
	}
	return n > 0;
}

/* Those that are found by their place alone have one each. */
static int
is_special(const struct conf_route *r)
{
	return r->w.probe == ROUTE_TIMEOUT ||
	    r->w.probe == ROUTE_SPEAKS_FIRST;
}

/* only: as if it were all that b has of its kind; NULL: b as it is. */
static int
covers(const struct conf_route *a, const struct conf_route *b,
    const struct conf_cond *only)
{
	const struct conf_cond	*c;

	if (is_special(a) || is_special(b))
		return a->w.probe == b->w.probe;
	if (a->w.probe == ROUTE_OTHERWISE)
		return 1;
	if (a->w.probe != ROUTE_PROBE_NONE && a->w.probe != b->w.probe)
		return 0;
	TAILQ_FOREACH(c, &a->conds, entry)
		if (!kind_covers(a, b, c->w.kind, only))
			return 0;
	return 1;
}

static const struct conf_route *
covered_by(const struct conf_listener *l, const struct conf_route *r,
    const struct conf_cond *only)
{
	const struct conf_route	*a;

	TAILQ_FOREACH(a, &l->routes, entry) {
		if (a == r)
			break;
		if (covers(a, r, only))
			return a;
	}
	return NULL;
}

static const char *
cond_text(const struct conf_cond *c)
{
	const struct conf_table	*t;

	if (c->w.kind != COND_FROM)
		return log_vis((const char *)c->data, c->w.len);
	t = conf_table_byid(build_conf(), c->w.table);
	return *t->w.name == '\0' ? "these addresses" : t->w.name;
}

/* Of a list: what another of it says already. */
static int
is_needless(const struct conf_route *r, const struct conf_cond *c)
{
	const struct conf_cond	*d;

	TAILQ_FOREACH(d, &r->conds, entry) {
		if (d == c || d->w.kind != c->w.kind || !cond_covers(d, c))
			continue;
		/* Of two that say the same the second is too much. */
		if (!cond_covers(c, d))
			return 1;
		while ((d = TAILQ_NEXT(d, entry)) != NULL)
			if (d == c)
				return 1;
		return 0;
	}
	return 0;
}

static void
check_cond(const struct conf_listener *l, const struct conf_route *r,
    const struct conf_cond *c, const struct place *at)
{
	const struct conf_route	*a;

	if (is_needless(r, c))
		report_warning(at, "listen %s: %s \"%s\" is said already by "
		    "what stands beside it", l->w.name,
		    route_cond_name(c->w.kind), cond_text(c));
	else if ((a = covered_by(l, r, c)) != NULL)
		report_warning(at, "listen %s: this route never takes %s "
		    "\"%s\": the one at %s does", l->w.name,
		    route_cond_name(c->w.kind), cond_text(c), a->w.where);
}

void
overlap_check(const struct conf_listener *l, const struct conf_route *r,
    const struct place *at)
{
	const struct conf_route	*a;
	const struct conf_cond	*c;

	if ((a = covered_by(l, r, NULL)) != NULL) {
		report_warning(at, "listen %s: this route takes nobody: the "
		    "one at %s takes all that it would", l->w.name,
		    a->w.where);
		return;
	}
	TAILQ_FOREACH(c, &r->conds, entry)
		check_cond(l, r, c, at);
}

/*
 * Decisions of the run before, in the order of their ids: each line of a file
 * up to the last of them has been judged.
 */
#include <stdlib.h>
#include <string.h>

#include "decided.h"
#include "log.h"

static struct {
	struct wire_decided	*list;
	size_t			 n, room;
} all;

void
decided_clear(void)
{
	free(all.list);
	memset(&all, 0, sizeof(all));
}

void
decided_known(const struct wire_decided *d)
{
	struct wire_decided	*p;
	size_t			 room;

	if (all.n == all.room) {
		room = all.room == 0 ? 64 : all.room * 2;
		if ((p = reallocarray(all.list, room, sizeof(*p))) == NULL)
			fatal("decisions");
		all.list = p;
		all.room = room;
	}
	all.list[all.n++] = *d;
}

static int
compare(const struct decision_id *a, const struct decision_id *b)
{
	if (a->watch != b->watch)
		return a->watch < b->watch ? -1 : 1;
	if (a->file != b->file)
		return a->file < b->file ? -1 : 1;
	if (a->offset != b->offset)
		return a->offset < b->offset ? -1 : 1;
	return a->part < b->part ? -1 : a->part > b->part;
}

static int
by_id(const void *a, const void *b)
{
	const struct wire_decided	*x = a, *y = b;

	return compare(&x->id, &y->id);
}

void
decided_sort(void)
{
	if (all.n > 0)
		qsort(all.list, all.n, sizeof(all.list[0]), by_id);
}

enum decided
decided_before(const struct decision_id *id, wall_t *start, wall_t *end)
{
	const struct wire_decided	*d;
	size_t				 from = 0, to = all.n, i;

	while (from < to) {
		i = from + (to - from) / 2;
		if (compare(&all.list[i].id, id) < 0)
			from = i + 1;
		else
			to = i;
	}
	if (from == all.n)
		return DECIDED_NEVER;
	d = &all.list[from];
	if (compare(&d->id, id) == 0) {
		*start = d->start;
		*end = d->end;
		return DECIDED_YES;
	}
	/* The next one that was decided: behind it in the same file? */
	return d->id.watch == id->watch && d->id.file == id->file ?
	    DECIDED_NO : DECIDED_NEVER;
}

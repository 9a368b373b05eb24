/*
 * See flow_table.h.
 */
#include <stdlib.h>
#include <string.h>

#include "flow_table.h"

#define ROWS_FIRST	256
#define ROWS_MAX	(1u << 22)

_Static_assert(sizeof(struct flow_key) == 40, "a key has no holes");

static uint64_t
fold(uint64_t a, uint64_t b)
{
	unsigned __int128	p = (unsigned __int128)a * b;

	return (uint64_t)p ^ (uint64_t)(p >> 64);
}

static uint32_t
hash_of(const struct flow_table *t, const struct flow_key *k)
{
	uint64_t	w[sizeof(*k) / 8], h = t->seed;

	memcpy(w, k, sizeof(w));
	h = fold(h ^ w[0], w[1] ^ 0xa0761d6478bd642fULL);
	h = fold(h ^ w[2], w[3] ^ t->seed ^ 0xe7037ed1a0b428dbULL);
	h = fold(h ^ w[4], t->seed ^ 0x8ebc6af09c88c6e3ULL);
	return (uint32_t)(h ^ h >> 32);
}

int
flow_table_init(struct flow_table *t)
{
	memset(t, 0, sizeof(*t));
	arc4random_buf(&t->seed, sizeof(t->seed));
	if ((t->rows = calloc(ROWS_FIRST, sizeof(*t->rows))) == NULL)
		return -1;
	t->nrows = ROWS_FIRST;
	return 0;
}

void
flow_table_clear(struct flow_table *t)
{
	free(t->rows);
	memset(t, 0, sizeof(*t));
}

struct flow_entry *
flow_table_find(const struct flow_table *t, const struct flow_key *k)
{
	uint32_t		 hash = hash_of(t, k);
	struct flow_entry	*e;

	for (e = t->rows[hash & (t->nrows - 1)]; e != NULL; e = e->next)
		if (e->hash == hash && memcmp(&e->key, k, sizeof(*k)) == 0)
			break;
	return e;
}

static void
put(struct flow_table *t, struct flow_entry *e)
{
	struct flow_entry	**row = &t->rows[e->hash & (t->nrows - 1)];

	e->next = *row;
	*row = e;
}

/* Without memory it goes on as it is, with longer rows. */
static void
grow(struct flow_table *t)
{
	struct flow_entry	**old = t->rows, *e, *next;
	uint32_t		 i, nold = t->nrows;

	if (nold == ROWS_MAX || (t->rows = calloc((size_t)nold * 2,
	    sizeof(*t->rows))) == NULL) {
		t->rows = old;
		return;
	}
	t->nrows *= 2;
	for (i = 0; i < nold; i++)
		for (e = old[i]; e != NULL; e = next) {
			next = e->next;
			put(t, e);
		}
	free(old);
}

void
flow_table_add(struct flow_table *t, struct flow_entry *e)
{
	if (t->n >= t->nrows)
		grow(t);
	e->hash = hash_of(t, &e->key);
	put(t, e);
	t->n++;
}

void
flow_table_remove(struct flow_table *t, struct flow_entry *e)
{
	struct flow_entry	**p = &t->rows[e->hash & (t->nrows - 1)];

	while (*p != e)
		p = &(*p)->next;
	*p = e->next;
	t->n--;
}

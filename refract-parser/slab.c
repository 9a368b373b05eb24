/*
 * Chunks of items and the list of those given back.
 */
#include <stdlib.h>
#include <string.h>

#include "slab.h"

int
slab_init(struct slab *s, size_t size, uint32_t max)
{
	memset(s, 0, sizeof(*s));
	s->size = size;
	s->max = max;
	s->top = 1;
	s->chunks = calloc(max / SLAB_CHUNK + 1, sizeof(*s->chunks));
	return s->chunks == NULL ? -1 : 0;
}

uint32_t
slab_get(struct slab *s)
{
	uint32_t	n = s->free;
	uint8_t		**chunk;

	if (n != 0) {
		memcpy(&s->free, slab_at(s, n), sizeof(s->free));
		s->used++;
		return n;
	}
	if (s->top > s->max)
		return 0;
	n = s->top;
	chunk = &s->chunks[n / SLAB_CHUNK];
	if (*chunk == NULL &&
	    (*chunk = malloc(SLAB_CHUNK * s->size)) == NULL)
		return 0;
	s->top++;
	s->used++;
	return n;
}

void
slab_put(struct slab *s, uint32_t n)
{
	memcpy(slab_at(s, n), &s->free, sizeof(s->free));
	s->free = n;
	s->used--;
}

size_t
slab_memory(const struct slab *s)
{
	size_t	i, n = 0;

	for (i = 0; i <= s->max / SLAB_CHUNK; i++)
		n += s->chunks[i] != NULL;
	return n * SLAB_CHUNK * s->size +
	    (s->max / SLAB_CHUNK + 1) * sizeof(*s->chunks);
}

void
slab_clear(struct slab *s)
{
	size_t	i;

	for (i = 0; s->chunks != NULL && i <= s->max / SLAB_CHUNK; i++)
		free(s->chunks[i]);
	free(s->chunks);
	memset(s, 0, sizeof(*s));
}

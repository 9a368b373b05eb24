/*
 * Many small things of one size, named by 32-bit numbers: no pointer to keep
 * and none to go stale, memory taken in chunks that never move.
 */
#ifndef SLAB_H
#define SLAB_H

#include <stddef.h>
#include <stdint.h>

#define SLAB_CHUNK	4096		/* items in a chunk */

struct slab {
	size_t		  size;		/* of an item: 4 bytes at least */
	uint32_t	  max;		/* items at the most */
	uint32_t	  top;		/* numbers given so far */
	uint32_t	  free;		/* head of those given back, 0: none */
	uint32_t	  used;
	uint8_t		**chunks;
};

/* 0, or -1 without memory. */
int		 slab_init(struct slab *, size_t size, uint32_t max);
/* A number from 1 on; 0: full or no memory.  The item is not cleared. */
uint32_t	 slab_get(struct slab *);
void		 slab_put(struct slab *, uint32_t);
size_t		 slab_memory(const struct slab *);
void		 slab_clear(struct slab *);

static inline void *
slab_at(const struct slab *s, uint32_t n)
{
	return s->chunks[n / SLAB_CHUNK] + (n % SLAB_CHUNK) * s->size;
}

#endif

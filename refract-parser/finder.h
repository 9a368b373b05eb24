/*
 * Many strings looked for at once.  The rarest four bytes of each stand for it
 * in a map of hashes; every four bytes of a line are asked there (every second
 * place is enough if no string is shorter than five), and only where they are
 * known are strings compared.  That is faster than walking an
 * Aho-Corasick automaton: no byte waits for the one before.
 *
 * Memory: 16 KiB, and some 150 bytes a string; of those that do not mind the
 * case of letters up to 600.
 */
#ifndef FINDER_H
#define FINDER_H

#include <stddef.h>
#include <stdint.h>

#include "literal.h"

struct finder;

/* NULL: no memory. */
struct finder	*finder_new(void);
void		 finder_free(struct finder *);
/* A string of an owner, who may have several.  -1: no memory. */
int		 finder_add(struct finder *, const struct literal *,
		    uint32_t owner);
/* No more come.  -1: no memory. */
int		 finder_build(struct finder *);
/* Set the bits of all owners whose strings are in a line. */
void		 finder_run(const struct finder *, const char *, size_t,
		    uint64_t *);
size_t		 finder_memory(const struct finder *);

#endif

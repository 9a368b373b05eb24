/*
 * Many strings looked for at once.  Of each string its rarest four bytes (three
 * if any string is that short) stand for it in a bitmap of hashes; a line's
 * every four bytes are asked there, with the letters' case dropped, and only
 * where the bit is set are strings compared.  That is several times faster than
 * walking an Aho-Corasick automaton, for no byte waits for the one before.
 *
 * Memory: 8 KiB, and for each string some 80 bytes.
 */
#ifndef FINDER_H
#define FINDER_H

#include <stddef.h>
#include <stdint.h>

#include "literal.h"

struct finder;

/* NULL: no memory.  Strings are of LITERAL_MIN bytes or more. */
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

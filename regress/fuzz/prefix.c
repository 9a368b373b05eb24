/*
 * Texts as prefixes: what is read is valid, prints, and reads back the same;
 * and a bare address is read from exactly the bytes that were given.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
round_trip(const struct prefix *p)
{
	struct prefix q;
	char buf[PREFIX_STRLEN];

	if (!prefix_valid(p))
		abort();
	if (prefix_parse(&q, prefix_print(p, buf)) == -1 ||
	    memcmp(p, &q, sizeof(q)) != 0 || !prefix_contains(p, &q))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct prefix p;
	char *text;

	if ((text = malloc(len + 1)) == NULL)
		abort();
	memcpy(text, data, len);
	if (addr_parse(&p, text, len) == 0) {
		if (!prefix_is_host(&p))
			abort();
		round_trip(&p);
	}
	text[len] = '\0';
	if (prefix_parse(&p, text) == 0)
		round_trip(&p);
	free(text);
	return 0;
}

/*
 * Texts as durations: what is read is not negative, prints, and reads back the
 * same.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	span_t span, back;
	char buf[SPAN_STRLEN], *text;

	if ((text = malloc(len + 1)) == NULL)
		abort();
	memcpy(text, data, len);
	text[len] = '\0';
	if (span_parse(&span, text) == 0) {
		if (span < 0)
			abort();
		if (span_parse(&back, span_print(span, buf)) == -1 ||
		    back != span)
			abort();
		span_human(span, buf);
		if (wall_add(0, span) < 0)
			abort();
	}
	free(text);
	return 0;
}

/* LINK: refract-parser/journal.o */
/*
 * The journal's export format on any bytes: it says the same of them whether
 * they come at once or one by one, and what it says keeps its bounds.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "journal.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* All that was said, as one number. */
struct said {
	uint64_t	hash, entries, broken;
};

static void
need(int good)
{
	if (!good)
		abort();
}

static void
mix(struct said *s, const void *data, size_t n)
{
	const uint8_t	*p = data;

	while (n-- > 0)
		s->hash = (s->hash ^ *p++) * 0x100000001b3ULL;
}

static void
on_entry(void *arg, const struct journal_entry *e)
{
	struct said	*s = arg;

	need(cursor_valid(e->cursor) && strlen(e->cursor) < CURSOR_LEN);
	need((*e->cursor == '\0') == (e->identity == 0));
	need(e->number <= INT64_MAX && e->at >= 0);
	if (e->len > 0) {
		need(memchr(e->line, '\n', e->len) == e->line + e->len - 1);
		need(e->message >= e->line && e->message_len > 0 &&
		    e->message + e->message_len == e->line + e->len);
	}
	mix(s, e->cursor, strlen(e->cursor));
	mix(s, &e->number, sizeof(e->number));
	mix(s, &e->at, sizeof(e->at));
	mix(s, &e->message_len, sizeof(e->message_len));
	mix(s, e->line, e->len);
	s->entries++;
}

static struct said
feed(const uint8_t *data, size_t size, size_t step)
{
	struct said	 s = { 0 };
	struct journal	*j = journal_new();
	char		*p;
	size_t		 from = 0, to = 0;

	need(j != NULL);
	while (to < size) {
		to = size - to < step ? size : to + step;
		/* Without a byte behind it that could be read. */
		need((p = malloc(to - from)) != NULL);
		memcpy(p, data + from, to - from);
		from += journal_feed(j, p, to - from, on_entry, &s,
		    &s.broken);
		free(p);
		need(from <= to && to - from < JOURNAL_NEED);
	}
	journal_free(j);
	return s;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct said	whole = feed(data, size, size), parts;

	parts = feed(data, size, 1 + size / 20);
	need(memcmp(&whole, &parts, sizeof(whole)) == 0);
	return 0;
}

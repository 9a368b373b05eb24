/*
 * A bitmap of hashes, and behind it a table from four bytes to the strings
 * that they stand for.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "finder.h"

#define BITMAP_BITS	16		/* 8 KiB: it stays in the cache */
#define STEP		8		/* places asked at once */
#define FOLDED		0x20202020u

struct string {
	struct literal	l;		/* folded ones are lower case */
	uint32_t	gram;		/* its rarest bytes */
	uint32_t	owner;
	uint8_t		at;		/* where they are in it */
};

/* Strings of one gram lie one behind the other. */
struct slot {
	uint32_t	gram;
	uint32_t	first, n;	/* n 0: free */
};

struct finder {
	uint64_t	 bitmap[(1u << BITMAP_BITS) / 64];
	uint32_t	 mask;		/* the bytes of a gram */
	unsigned int	 width;		/* how many */
	struct string	*strings;
	size_t		 n, room;
	struct slot	*slots;
	unsigned int	 slot_bits;
};

static inline uint32_t
hash(uint32_t gram)
{
	return gram * 0x9e3779b1u;
}

/* Four bytes from a place, as a gram of a finder. */
static inline uint32_t
gram_at(const struct finder *f, const uint8_t *p)
{
	uint32_t	w;

	memcpy(&w, p, sizeof(w));
	return (w | FOLDED) & f->mask;
}

struct finder *
finder_new(void)
{
	return calloc(1, sizeof(struct finder));
}

void
finder_free(struct finder *f)
{
	if (f == NULL)
		return;
	free(f->strings);
	free(f->slots);
	free(f);
}

int
finder_add(struct finder *f, const struct literal *l, uint32_t owner)
{
	struct string	*s;
	size_t		 i, room = f->room == 0 ? 64 : f->room * 2;

	if (f->n == f->room) {
		if ((s = reallocarray(f->strings, room, sizeof(*s))) == NULL)
			return -1;
		f->strings = s;
		f->room = room;
	}
	s = &f->strings[f->n++];
	memset(s, 0, sizeof(*s));
	s->l = *l;
	s->owner = owner;
	if (l->fold)
		for (i = 0; i < l->len; i++)
			s->l.text[i] = (uint8_t)tolower(l->text[i]);
	return 0;
}

/* The rarest bytes of a string. */
static void
choose(const struct finder *f, struct string *s)
{
	uint8_t		 padded[LITERAL_MAX + sizeof(s->gram)] = { 0 };
	unsigned int	 sum, best = 0, i, k;

	memcpy(padded, s->l.text, s->l.len);
	for (i = 0; i + f->width <= s->l.len; i++) {
		for (sum = k = 0; k < f->width; k++)
			sum += literal_rarity(padded[i + k]);
		if (sum > best) {
			best = sum;
			s->at = (uint8_t)i;
		}
	}
	s->gram = gram_at(f, padded + s->at);
}

static int
by_gram(const void *a, const void *b)
{
	const struct string	*x = a, *y = b;

	return (x->gram > y->gram) - (x->gram < y->gram);
}

static struct slot *
find_slot(const struct finder *f, uint32_t gram)
{
	uint32_t	i = hash(gram) >> (32 - f->slot_bits);
	uint32_t	last = (1u << f->slot_bits) - 1;

	while (f->slots[i].n != 0 && f->slots[i].gram != gram)
		i = (i + 1) & last;
	return &f->slots[i];
}

static void
enter(struct finder *f, uint32_t i)
{
	uint32_t	 gram = f->strings[i].gram;
	uint32_t	 h = hash(gram) >> (32 - BITMAP_BITS);
	struct slot	*s = find_slot(f, gram);

	if (s->n++ == 0) {
		s->gram = gram;
		s->first = i;
	}
	f->bitmap[h / 64] |= 1ULL << h % 64;
}

int
finder_build(struct finder *f)
{
	uint32_t	i;

	f->width = 4;
	for (i = 0; i < f->n; i++)
		if (f->strings[i].l.len < f->width)
			f->width = 3;
	/* In the order of the bytes, whatever the machine's is. */
	memset(&f->mask, 0, sizeof(f->mask));
	memset(&f->mask, 0xff, f->width);
	for (f->slot_bits = 4; 1u << f->slot_bits < 2 * f->n; f->slot_bits++)
		;
	f->slots = calloc(1u << f->slot_bits, sizeof(*f->slots));
	if (f->slots == NULL)
		return -1;
	for (i = 0; i < f->n; i++)
		choose(f, &f->strings[i]);
	if (f->n > 0)
		qsort(f->strings, f->n, sizeof(*f->strings), by_gram);
	for (i = 0; i < f->n; i++)
		enter(f, i);
	return 0;
}

static inline uint8_t
lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}

static int
is_there(const struct literal *l, const uint8_t *p)
{
	size_t	i;

	if (!l->fold)
		return memcmp(l->text, p, l->len) == 0;
	for (i = 0; i < l->len; i++)
		if (l->text[i] != lower(p[i]))
			return 0;
	return 1;
}

/* The strings that the gram at a place may be of. */
static void
compare(const struct finder *f, uint32_t gram, const uint8_t *line, size_t n,
    size_t at, uint64_t *found)
{
	const struct slot	*slot = find_slot(f, gram);
	const struct string	*s = &f->strings[slot->first];
	uint32_t		 i;

	for (i = 0; i < slot->n; i++, s++)
		if (at >= s->at && n - (at - s->at) >= s->l.len &&
		    (found[s->owner / 64] & 1ULL << s->owner % 64) == 0 &&
		    is_there(&s->l, line + at - s->at))
			found[s->owner / 64] |= 1ULL << s->owner % 64;
}

static inline unsigned int
asked(const struct finder *f, const uint8_t *p)
{
	uint32_t	h = hash(gram_at(f, p)) >> (32 - BITMAP_BITS);

	return (unsigned int)(f->bitmap[h / 64] >> h % 64 & 1);
}

/* The last places, in a copy that has bytes behind them. */
static void
run_end(const struct finder *f, const uint8_t *line, size_t n, size_t at,
    uint64_t *found)
{
	uint8_t	end[2 * STEP] = { 0 };
	size_t	i;

	memcpy(end, line + at, n - at);
	for (i = 0; at + i + f->width <= n; i++)
		if (asked(f, end + i))
			compare(f, gram_at(f, end + i), line, n, at + i,
			    found);
}

void
finder_run(const struct finder *f, const char *text, size_t n,
    uint64_t *found)
{
	const uint8_t	*line = (const uint8_t *)text;
	unsigned int	 hits, k;
	size_t		 at;

	if (f->n == 0)
		return;
	for (at = 0; n - at >= STEP + sizeof(uint32_t) - 1; at += STEP) {
		for (hits = k = 0; k < STEP; k++)
			hits |= asked(f, line + at + k) << k;
		for (; hits != 0; hits &= hits - 1) {
			k = (unsigned int)__builtin_ctz(hits);
			compare(f, gram_at(f, line + at + k), line, n, at + k,
			    found);
		}
	}
	run_end(f, line, n, at, found);
}

size_t
finder_memory(const struct finder *f)
{
	return sizeof(*f) + f->room * sizeof(*f->strings) +
	    ((size_t)1 << f->slot_bits) * sizeof(*f->slots);
}

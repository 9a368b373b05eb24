/*
 * A map of hashes, and behind it a table from four bytes (a gram) to the
 * strings that they stand for.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "finder.h"

#define GRAM		4		/* LITERAL_MIN or less */
#define MAP_BITS	14		/* 16 KiB: it stays in the cache */
#define STEP		8		/* places asked at once */

/* A string and all its owners: a list through finder.owners. */
struct string {
	struct literal	l;		/* a folded one is lower case */
	uint8_t		at;		/* where its first gram is */
	uint32_t	owners;		/* the first, + 1 */
};

struct owner {
	uint32_t	number;
	uint32_t	next;		/* + 1; 0: none */
};

/* A gram of a string; those with letters of either case have several. */
struct gram {
	uint32_t	bytes;
	uint32_t	string;
	uint32_t	at;		/* in the string */
};

/* Where the strings of a gram are among finder.grams. */
struct slot {
	uint32_t	bytes;
	uint32_t	first, n;	/* n 0: free */
};

struct finder {
	uint8_t		 map[1u << MAP_BITS];	/* 1: a gram's hash */
	struct slot	*slots;
	unsigned int	 slot_bits;
	struct string	*strings;
	struct owner	*owners;
	struct gram	*grams;
	size_t		 nstrings, nowners, ngrams;
	/*
	 * 1: every place of a line is asked.  2: every other one, as all
	 * strings are long enough for two grams, one a place behind the other.
	 */
	size_t		 stride;
};

static inline uint32_t
hash(uint32_t bytes, unsigned int bits)
{
	return bytes * 0x9e3779b1u >> (32 - bits);
}

static inline uint32_t
bytes_at(const uint8_t *p)
{
	uint32_t	bytes;

	memcpy(&bytes, p, sizeof(bytes));
	return bytes;
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
	free(f->slots);
	free(f->strings);
	free(f->owners);
	free(f->grams);
	free(f);
}

/* Room for one more in an array of n: it grows at powers of two. */
static int
grow(void **array, size_t n, size_t size)
{
	void	*p;

	if (n != 0 && (n & (n - 1)) != 0)
		return 0;
	if ((p = reallocarray(*array, n == 0 ? 1 : 2 * n, size)) == NULL)
		return -1;
	*array = p;
	return 0;
}

#define GROW(array, n)	grow((void **)&(array), n, sizeof(*(array)))

int
finder_add(struct finder *f, const struct literal *l, uint32_t owner)
{
	struct string	*s;
	size_t		 i;

	if (GROW(f->strings, f->nstrings) == -1 ||
	    GROW(f->owners, f->nowners) == -1)
		return -1;
	s = &f->strings[f->nstrings++];
	memset(s, 0, sizeof(*s));
	s->l.len = l->len;
	s->l.fold = l->fold;
	for (i = 0; i < l->len; i++)
		s->l.text[i] = l->fold ? (uint8_t)tolower(l->text[i]) :
		    l->text[i];
	f->owners[f->nowners].number = owner;
	f->owners[f->nowners].next = 0;
	s->owners = (uint32_t)++f->nowners;
	return 0;
}

static int
by_text(const void *a, const void *b)
{
	const struct string	*x = a, *y = b;

	return memcmp(&x->l, &y->l, sizeof(x->l));
}

/* Owners of the same string share it. */
static void
merge(struct finder *f)
{
	struct string	*to = f->strings, *s;
	size_t		 i;

	if (f->nstrings == 0)
		return;
	qsort(f->strings, f->nstrings, sizeof(*f->strings), by_text);
	for (i = 1; i < f->nstrings; i++) {
		s = &f->strings[i];
		if (by_text(to, s) != 0) {
			*++to = *s;
			continue;
		}
		f->owners[s->owners - 1].next = to->owners;
		to->owners = s->owners;
	}
	f->nstrings = (size_t)(to - f->strings) + 1;
}

static unsigned int
letters(const uint8_t *p)
{
	unsigned int	i, n = 0;

	for (i = 0; i < GRAM; i++)
		n += isalpha(p[i]) != 0;
	return n;
}

static unsigned int
weigh_gram(const struct string *s, size_t at)
{
	unsigned int	worth = 8 * literal_rarity(s->l.text + at, GRAM);

	return s->l.fold ? worth >> letters(s->l.text + at) / 2 : worth;
}

/* The rarest bytes of a string, and few letters if they have two cases. */
static void
choose(struct string *s, size_t stride)
{
	unsigned int	worth, best = 0;
	size_t		i;

	for (i = 0; i + GRAM + stride - 1 <= s->l.len; i++) {
		worth = weigh_gram(s, i);
		if (stride > 1 && weigh_gram(s, i + 1) < worth)
			worth = weigh_gram(s, i + 1);
		if (worth > best) {
			best = worth;
			s->at = (uint8_t)i;
		}
	}
}

/* The string's gram at a place in each way to write it. */
static int
add_grams(struct finder *f, uint32_t string, uint32_t at)
{
	const struct string	*s = &f->strings[string];
	struct gram		*g;
	uint8_t			 bytes[GRAM];
	unsigned int		 way, i;

	for (way = 0; way < (s->l.fold ? 1u << GRAM : 1u); way++) {
		memcpy(bytes, s->l.text + at, GRAM);
		for (i = 0; i < GRAM; i++)
			if (way & 1u << i) {
				if (!isalpha(bytes[i]))
					break;
				bytes[i] = (uint8_t)toupper(bytes[i]);
			}
		if (i < GRAM)
			continue;
		if (GROW(f->grams, f->ngrams) == -1)
			return -1;
		g = &f->grams[f->ngrams++];
		g->bytes = bytes_at(bytes);
		g->string = string;
		g->at = at;
	}
	return 0;
}

static int
by_bytes(const void *a, const void *b)
{
	const struct gram	*x = a, *y = b;

	return (x->bytes > y->bytes) - (x->bytes < y->bytes);
}

static struct slot *
find_slot(const struct finder *f, uint32_t bytes)
{
	uint32_t	i = hash(bytes, f->slot_bits);
	uint32_t	last = (1u << f->slot_bits) - 1;

	while (f->slots[i].n != 0 && f->slots[i].bytes != bytes)
		i = (i + 1) & last;
	return &f->slots[i];
}

static int
enter_all(struct finder *f)
{
	struct slot	*slot;
	uint32_t	 i;

	for (f->slot_bits = 4; 1u << f->slot_bits < 2 * f->ngrams;
	    f->slot_bits++)
		;
	f->slots = calloc(1u << f->slot_bits, sizeof(*f->slots));
	if (f->slots == NULL)
		return -1;
	if (f->ngrams > 0)
		qsort(f->grams, f->ngrams, sizeof(*f->grams), by_bytes);
	for (i = 0; i < f->ngrams; i++) {
		slot = find_slot(f, f->grams[i].bytes);
		if (slot->n++ == 0)
			slot->first = i;
		slot->bytes = f->grams[i].bytes;
		f->map[hash(slot->bytes, MAP_BITS)] = 1;
	}
	return 0;
}

int
finder_build(struct finder *f)
{
	uint32_t	i, k;

	merge(f);
	f->stride = 2;
	for (i = 0; i < f->nstrings; i++)
		if (f->strings[i].l.len < GRAM + 1)
			f->stride = 1;
	for (i = 0; i < f->nstrings; i++) {
		choose(&f->strings[i], f->stride);
		for (k = 0; k < f->stride; k++)
			if (add_grams(f, i, f->strings[i].at + k) == -1)
				return -1;
	}
	return enter_all(f);
}

static int
is_there(const struct literal *l, const uint8_t *p)
{
	uint8_t	c;
	size_t	i;

	if (!l->fold)
		return bytes_at(l->text) == bytes_at(p) &&
		    bytes_at(l->text + l->len - GRAM) ==
		    bytes_at(p + l->len - GRAM) && (l->len <= 2 * GRAM ||
		    memcmp(l->text + GRAM, p + GRAM, l->len - 2 * GRAM) == 0);
	for (i = 0; i < l->len; i++) {
		c = p[i];
		if (l->text[i] != (c >= 'A' && c <= 'Z' ? c | 0x20 : c))
			return 0;
	}
	return 1;
}

/* The strings that the gram at a place may be of. */
static void
compare(const struct finder *f, const uint8_t *line, size_t n, size_t at,
    uint64_t *found)
{
	const struct slot	*slot = find_slot(f, bytes_at(line + at));
	const struct gram	*g;
	const struct string	*s;
	uint32_t		 i, o, number;

	for (i = 0; i < slot->n; i++) {
		g = &f->grams[slot->first + i];
		s = &f->strings[g->string];
		if (at < g->at || n - (at - g->at) < s->l.len ||
		    !is_there(&s->l, line + at - g->at))
			continue;
		for (o = s->owners; o != 0; o = f->owners[o - 1].next) {
			number = f->owners[o - 1].number;
			found[number / 64] |= 1ULL << number % 64;
		}
	}
}

static inline void
scan(const struct finder *f, const uint8_t *line, size_t n, uint64_t *found,
    size_t stride)
{
	unsigned int	hits, k;
	size_t		at;

	for (at = 0; n - at >= (STEP - 1) * stride + GRAM;
	    at += STEP * stride) {
		hits = 0;
#pragma GCC unroll 8
		for (k = 0; k < STEP; k++)
			hits |= (unsigned int)f->map[hash(bytes_at(line + at +
			    k * stride), MAP_BITS)] << k;
		for (; hits != 0; hits &= hits - 1)
			compare(f, line, n, at + stride *
			    (unsigned int)__builtin_ctz(hits), found);
	}
	for (; at + GRAM <= n; at += stride)
		if (f->map[hash(bytes_at(line + at), MAP_BITS)])
			compare(f, line, n, at, found);
}

void
finder_run(const struct finder *f, const char *text, size_t n,
    uint64_t *found)
{
	const uint8_t	*line = (const uint8_t *)text;

	if (f->ngrams == 0)
		return;
	if (f->stride == 2)
		scan(f, line, n, found, 2);
	else
		scan(f, line, n, found, 1);
}

size_t
finder_memory(const struct finder *f)
{
	return sizeof(*f) + 2 * (f->nstrings * sizeof(*f->strings) +
	    f->nowners * sizeof(*f->owners) + f->ngrams * sizeof(*f->grams)) +
	    ((size_t)1 << f->slot_bits) * sizeof(*f->slots);
}

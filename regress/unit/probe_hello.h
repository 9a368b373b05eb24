/*
 * ClientHellos of any shape, for tests: extensions are added one by one, then
 * the message is put into records.
 */
#ifndef PROBE_HELLO_H
#define PROBE_HELLO_H

#include <stdint.h>
#include <string.h>

struct made {
	size_t	n;
	uint8_t	b[140000];
};

static void
put(struct made *m, const void *p, size_t n)
{
	if (n > 0)
		memcpy(m->b + m->n, p, n);
	m->n += n;
}

static void
put16(struct made *m, unsigned int v)
{
	uint8_t	b[2] = { (uint8_t)(v >> 8), (uint8_t)v };

	put(m, b, 2);
}

static void
set16(struct made *m, size_t at, size_t v)
{
	m->b[at] = (uint8_t)(v >> 8);
	m->b[at + 1] = (uint8_t)v;
}

/* To the ciphers, with a list of them. */
static void
hello_begin(struct made *m, const uint16_t *ciphers, size_t nciphers)
{
	static const uint8_t	head[] = { 1, 0, 0, 0, 3, 3 };
	size_t			i;

	m->n = 0;
	put(m, head, sizeof(head));
	memset(m->b + m->n, 0x5a, 32);
	m->n += 32;
	put(m, "\0", 1);
	put16(m, (unsigned int)(2 * nciphers));
	for (i = 0; i < nciphers; i++)
		put16(m, ciphers[i]);
	put(m, "\1\0", 2);
}

static size_t
extensions_begin(struct made *m)
{
	put16(m, 0);
	return m->n;
}

static void
put_extension(struct made *m, unsigned int type, const void *p, size_t n)
{
	put16(m, type);
	put16(m, (unsigned int)n);
	put(m, p, n);
}

static void
put_name(struct made *m, const char *name)
{
	size_t	n = strlen(name);

	put16(m, 0);
	put16(m, (unsigned int)n + 5);
	put16(m, (unsigned int)n + 3);
	put(m, "\0", 1);
	put16(m, (unsigned int)n);
	put(m, name, n);
}

/* list: with its lengths, as "\2h2\10http/1.1". */
static void
put_alpn(struct made *m, const void *list, size_t n)
{
	put16(m, 16);
	put16(m, (unsigned int)n + 2);
	put16(m, (unsigned int)n);
	put(m, list, n);
}

static void
put_list(struct made *m, unsigned int type, const uint16_t *v, size_t n)
{
	size_t	i;

	put16(m, type);
	put16(m, (unsigned int)(2 * n + 2));
	put16(m, (unsigned int)(2 * n));
	for (i = 0; i < n; i++)
		put16(m, v[i]);
}

/* The lengths; at 0: there are no extensions. */
static void
hello_end(struct made *m, size_t at)
{
	if (at > 0)
		set16(m, at - 2, m->n - at);
	m->b[1] = (uint8_t)((m->n - 4) >> 16);
	set16(m, 2, m->n - 4);
}

static unsigned int
any(unsigned int *seed, unsigned int below)
{
	*seed = *seed * 1103515245 + 12345;
	return (*seed >> 8) % below;
}

/* In records of up to most bytes; seed NULL: each of most. */
static void
records(struct made *out, const struct made *m, unsigned int minor,
    unsigned int most, unsigned int *seed)
{
	uint8_t	head[] = { 22, 3, (uint8_t)minor };
	size_t	at, n;

	for (at = out->n = 0; at < m->n; at += n) {
		n = seed == NULL ? most : 1 + any(seed, most);
		if (n > m->n - at)
			n = m->n - at;
		put(out, head, sizeof(head));
		put16(out, (unsigned int)n);
		put(out, m->b + at, n);
	}
}

#endif

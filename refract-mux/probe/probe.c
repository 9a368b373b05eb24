/*
 * The table of protocols, and registries of them.
 */
#include <stdlib.h>

#include "probe.h"

#define ANY		NULL, 0
#define FIRST(s)	(s), sizeof(s) - 1
#define OWN_LEAST	1000
#define UPPER		"ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define LOWER		"abcdefghijklmnopqrstuvwxyz"

#define METHODS		"ABCDGHLMOPQRSTUV"	/* what they begin with */

#define TCP		RP_OVER_TCP
#define UDP		RP_OVER_UDP
#define BOTH		(TCP | UDP)
#define ROW(number, name, over, fn, ...)				\
	[number] = { name, __VA_ARGS__, fn, over },
const struct probe	probes[RP_BUILTIN_MAX] = {
#include "rows.h"
};
#undef ROW

struct entry {
	probe_fn	 builtin;
	rp_fn		 own;
	void		*ctx;
	int		 number;
};

/* A bit for each probe that a first, or a second byte, does not rule out. */
struct rp_registry {
	uint64_t	first[256];
	uint64_t	second[256];
	unsigned int	n;
	struct entry	entries[RP_REGISTRY_MAX];
};

static const struct probe *
builtin(int proto)
{
	if (proto <= 0 || proto >= RP_BUILTIN_MAX ||
	    probes[proto].fn == NULL)
		return NULL;
	return &probes[proto];
}

enum rp_answer
rp_probe(int proto, const uint8_t *p, size_t n, struct rp_info *info)
{
	const struct probe	*row = builtin(proto);

	if (row == NULL)
		return RP_NO;
	info_clear(info);
	info->proto = proto;
	return row->fn(p, n, info);
}

const char *
rp_name(int proto)
{
	const struct probe	*row = builtin(proto);

	return row == NULL ? NULL : row->name;
}

int
rp_number(const char *name)
{
	int	i;

	for (i = 1; i < RP_BUILTIN_MAX; i++)
		if (probes[i].name != NULL && strcmp(probes[i].name, name) ==
		    0)
			return i;
	return 0;
}

unsigned int
rp_transport(int proto)
{
	const struct probe	*row = builtin(proto);

	return row == NULL ? 0 : row->transport;
}

/* A slice that does not fit is none. */
static void
own(struct rp_info *info, struct rp_slice *s)
{
	if (s->n > RP_BUF_LEN - info->nbuf) {
		s->n = 0;
		info->broken = 1;
	}
	if (s->n == 0)
		return;
	memcpy(info->buf + info->nbuf, s->p, s->n);
	s->p = info->buf + info->nbuf;
	info->nbuf += s->n;
}

void
info_own(struct rp_info *info)
{
	own(info, &info->sni);
	own(info, &info->alpn);
}

struct rp_registry *
rp_new(void)
{
	return calloc(1, sizeof(struct rp_registry));
}

void
rp_free(struct rp_registry *r)
{
	free(r);
}

static int
add(struct rp_registry *r, const struct entry *e, const void *first,
    size_t nfirst)
{
	const uint8_t	*b = first;
	uint64_t	 bit;
	size_t		 i;

	if (r->n == RP_REGISTRY_MAX)
		return -1;
	bit = (uint64_t)1 << r->n;
	r->entries[r->n++] = *e;
	for (i = 0; i < nfirst; i++)
		r->first[b[i]] |= bit;
	for (i = 0; nfirst == 0 && i < 256; i++)
		r->first[i] |= bit;
	for (i = 0; i < 256; i++)
		r->second[i] |= bit;
	return 0;
}

/*
 * What the probe that was added last says of two bytes it says of all that
 * begin with them: so it tells itself which second bytes rule it out.
 */
static void
learn_second(struct rp_registry *r, probe_fn fn)
{
	uint64_t	bit = (uint64_t)1 << (r->n - 1);
	struct rp_info	info;
	uint8_t		b[2];
	unsigned int	i, k;

	for (i = 0; i < 256; i++) {
		b[1] = (uint8_t)i;
		for (k = 0; k < 256; k++) {
			b[0] = (uint8_t)k;
			if (r->first[k] & bit && fn(b, 2, &info) != RP_NO)
				break;
		}
		if (k == 256)
			r->second[i] &= ~bit;
	}
}

int
rp_add(struct rp_registry *r, int proto)
{
	const struct probe	*row = builtin(proto);
	struct entry		 e = { .number = proto };

	if (row == NULL)
		return -1;
	e.builtin = row->fn;
	if (add(r, &e, row->first, row->nfirst) == -1)
		return -1;
	/* Of a datagram two bytes say nothing. */
	if (row->transport & RP_OVER_TCP)
		learn_second(r, row->fn);
	return 0;
}

static int
add_all(struct rp_registry *r, unsigned int over)
{
	int	i;

	for (i = 1; i < RP_BUILTIN_MAX; i++)
		if (rp_transport(i) & over && rp_add(r, i) == -1)
			return -1;
	return 0;
}

int
rp_add_all(struct rp_registry *r)
{
	return add_all(r, RP_OVER_TCP);
}

int
rp_add_all_udp(struct rp_registry *r)
{
	return add_all(r, RP_OVER_UDP);
}

int
rp_add_own(struct rp_registry *r, int number, rp_fn fn, void *ctx,
    const void *first, size_t nfirst)
{
	struct entry	e = { .own = fn, .ctx = ctx, .number = number };

	if (number < OWN_LEAST || fn == NULL)
		return -1;
	return add(r, &e, first, nfirst);
}

static inline enum rp_answer
ask(const struct entry *e, const uint8_t *p, size_t n, struct rp_info *info)
{
	if (e->builtin != NULL)
		return e->builtin(p, n, info);
	return e->own(p, n, info, e->ctx);
}

enum rp_answer
rp_identify(const struct rp_registry *r, const uint8_t *p, size_t n,
    int last, struct rp_info *info)
{
	const struct entry	*e;
	enum rp_answer		 answer;
	uint64_t		 left;

	if (n == 0)
		return last || r->n == 0 ? RP_NO : RP_MORE;
	info_clear(info);
	left = r->first[p[0]];
	if (n > 1)
		left &= r->second[p[1]];
	for (; left != 0; left &= left - 1) {
		e = &r->entries[__builtin_ctzll(left)];
		answer = ask(e, p, n, info);
		if (answer == RP_YES) {
			info->proto = e->number;
			return RP_YES;
		}
		if (answer == RP_MORE && !last)
			return RP_MORE;
	}
	return RP_NO;
}

/* Which byte to look for: text and fill is common, all else is seldom. */
static size_t
seldom(const struct rp_slice *s)
{
	size_t	i;

	for (i = 0; i < s->n; i++)
		if (s->p[i] != 0 && s->p[i] != 0xff && (s->p[i] < ' ' ||
		    s->p[i] >= 0x7f))
			return i;
	return s->n == 0 ? 0 : s->n - 1;
}

/* Where that comes too often memmem(3) takes over, which is linear. */
static int
contains(const uint8_t *p, size_t n, const struct rp_slice *s)
{
	const uint8_t	*q, *end;
	size_t		 at = seldom(s);
	int		 tries;

	if (s->n == 0 || n < s->n)
		return 0;
	end = p + n - s->n + at + 1;
	for (q = p + at, tries = 0; tries < 8; q++, tries++) {
		if ((q = memchr(q, s->p[at], (size_t)(end - q))) == NULL)
			return 0;
		if (memcmp(q - at, s->p, s->n) == 0)
			return 1;
	}
	return memmem(q - at, (size_t)(p + n - (q - at)), s->p, s->n) != NULL;
}

enum rp_answer
rp_contains(const uint8_t *p, size_t n, struct rp_info *info, void *ctx)
{
	const struct rp_patterns	*patterns = ctx;
	size_t				 i;

	(void)info;
	for (i = 0; i < patterns->n; i++)
		if (contains(p, n, &patterns->list[i]))
			return RP_YES;
	return RP_MORE;
}

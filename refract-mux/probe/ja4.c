/*
 * JA4, the fingerprint of a TLS client (FoxIO, "JA4: TLS Client
 * Fingerprinting"): how it says hello, the ciphers that it offers, sorted, and
 * its extensions, sorted, with its signature algorithms as they come.
 */
#include <nettle/sha2.h>
#include <stdio.h>

#include "hello.h"

#define LIST_MAX	512	/* more of one kind is no client's */
#define HASH_SHOWN	6	/* bytes of a hash, 12 letters */

struct list {
	unsigned int	n;
	uint16_t	v[LIST_MAX];
};

struct client {
	struct list	ciphers, types, sigalgs;
	unsigned int	ntypes;		/* with SNI and ALPN */
	int		has_sni;
};

/* GREASE is nowhere counted. */
static int
add(struct list *l, unsigned int v)
{
	if (is_grease(v))
		return 1;
	if (l->n == LIST_MAX)
		return 0;
	l->v[l->n++] = (uint16_t)v;
	return 1;
}

/* n bytes of numbers; an odd one at the end is left out. */
static int
read_list(struct hello *h, struct list *l, size_t n)
{
	uint8_t		 buf[2];
	const uint8_t	*p;

	for (; n >= 2; n -= 2)
		if ((p = hello_take(h, buf, 2)) == NULL || !add(l, be16(p)))
			return 0;
	return hello_skip(h, n);
}

static int
read_ciphers(struct hello *h, struct client *c)
{
	size_t	n;

	return hello_skip(h, 32) && hello_skip_vector(h, 1, 0) &&
	    hello_length(h, 2, &n) && n >= 2 &&
	    read_list(h, &c->ciphers, n) && hello_skip_vector(h, 1, 1);
}

/* The list in an extension of n bytes, which has a length of its own. */
static int
read_sigalgs(struct hello *h, struct client *c, size_t n)
{
	size_t	len;

	if (n < 2 || n > h->left)
		return hello_skip(h, n);
	if (!hello_length(h, 2, &len))
		return 0;
	if (len > n - 2)
		len = n - 2;
	return read_list(h, &c->sigalgs, len) && hello_skip(h, n - 2 - len);
}

static int
read_extension(struct hello *h, struct client *c, unsigned int type, size_t n)
{
	if (!is_grease(type))
		c->ntypes++;
	switch (type) {
	case EXT_SNI:
		c->has_sni = 1;
		break;
	case EXT_ALPN:
		break;
	default:
		if (!add(&c->types, type))
			return 0;
	}
	if (type == EXT_SIGALGS && c->sigalgs.n == 0)
		return read_sigalgs(h, c, n);
	return hello_skip(h, n);
}

static int
read_client(struct hello *h, struct client *c)
{
	uint8_t		 buf[4];
	const uint8_t	*p;
	size_t		 n;

	if (!read_ciphers(h, c))
		return 0;
	if (h->left > 0 && (!hello_length(h, 2, &n) || n != h->left))
		return 0;
	while (h->left > 0)
		if ((p = hello_take(h, buf, 4)) == NULL ||
		    !read_extension(h, c, be16(p), be16(p + 2)))
			return 0;
	return 1;
}

/* Shell's sort: bounded, and nothing is allocated. */
static void
sort(struct list *l)
{
	unsigned int	gap, i, k;
	uint16_t	v;

	for (gap = LIST_MAX / 2; gap > 0; gap = gap * 5 / 11)
		for (i = gap; i < l->n; i++) {
			v = l->v[i];
			for (k = i; k >= gap && l->v[k - gap] > v; k -= gap)
				l->v[k] = l->v[k - gap];
			l->v[k] = v;
		}
}

static void
hash_list(struct sha256_ctx *ctx, const struct list *l)
{
	char		text[8];
	unsigned int	i;

	for (i = 0; i < l->n; i++) {
		snprintf(text, sizeof(text), ",%04x", l->v[i]);
		sha256_update(ctx, i == 0 ? 4 : 5,
		    (const uint8_t *)text + (i == 0));
	}
}

/* Two lists with a "_" between them; zeros for no list. */
static void
hash(char *out, size_t size, const struct list *l, const struct list *next)
{
	struct sha256_ctx	ctx;
	uint8_t			digest[HASH_SHOWN];
	size_t			i;

	memset(digest, 0, sizeof(digest));
	if (l->n > 0) {
		sha256_init(&ctx);
		hash_list(&ctx, l);
		if (next != NULL && next->n > 0) {
			sha256_update(&ctx, 1, (const uint8_t *)"_");
			hash_list(&ctx, next);
		}
		sha256_digest(&ctx, sizeof(digest), digest);
	}
	for (i = 0; i < sizeof(digest); i++)
		snprintf(out + 2 * i, size - 2 * i, "%02x", digest[i]);
}

static const char *
version_text(unsigned int version)
{
	switch (version) {
	case 0x0304:
		return "13";
	case 0x0303:
		return "12";
	case 0x0302:
		return "11";
	case 0x0301:
		return "10";
	case 0x0300:
		return "s3";
	}
	return "00";
}

static int
is_alnum(unsigned int c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
	    (c >= 'a' && c <= 'z');
}

/* The first value's ends, or those of its hex if one is no letter or digit. */
static void
alpn_text(const struct rp_slice *list, char out[3])
{
	static const char	hex[] = "0123456789abcdef";
	size_t			i = 0;
	unsigned int		first, last;

	while (i < list->n && list->p[i] == 2 && is_grease(be16(list->p + i +
	    1)))
		i += 3;
	if (i >= list->n) {
		memcpy(out, "00", 3);
		return;
	}
	first = list->p[i + 1];
	last = list->p[i + list->p[i]];
	if (is_alnum(first) && is_alnum(last))
		snprintf(out, 3, "%c%c", first, last);
	else
		snprintf(out, 3, "%c%c", hex[first >> 4], hex[last & 15]);
}

static unsigned int
shown(unsigned int n)
{
	return n > 99 ? 99 : n;
}

int
rp_ja4(const uint8_t *p, size_t n, int quic, char out[RP_JA4_LEN])
{
	struct rp_info	info;
	struct hello	h;
	struct client	c;
	uint16_t	version;
	char		alpn[3], b[2 * HASH_SHOWN + 1], e[2 * HASH_SHOWN + 1];

	info_clear(&info);
	if (hello_read(p, n, !quic, &info) != RP_YES || !info.complete)
		return -1;
	c.ciphers.n = c.types.n = c.sigalgs.n = c.ntypes = 0;
	c.has_sni = 0;
	if (hello_open(&h, p, n, !quic, &version) != RP_YES ||
	    !read_client(&h, &c))
		return -1;
	sort(&c.ciphers);
	sort(&c.types);
	hash(b, sizeof(b), &c.ciphers, NULL);
	hash(e, sizeof(e), &c.types, &c.sigalgs);
	alpn_text(&info.alpn, alpn);
	snprintf(out, RP_JA4_LEN, "%c%s%c%02u%02u%s_%s_%s", quic ? 'q' : 't',
	    version_text(info.version), c.has_sni ? 'd' : 'i',
	    shown(c.ciphers.n), shown(c.ntypes), alpn, b, e);
	return 0;
}

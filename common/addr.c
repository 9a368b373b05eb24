/*
 * Addresses and prefixes: parse, print, compare, and sets of them.  Nothing
 * here resolves a name, and nothing but prefixset_add() allocates.
 */
#include <sys/socket.h>

#include <netinet/in.h>

#include <arpa/inet.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"

static const uint8_t mapped[12] = {
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff
};

unsigned int
prefix_bits(unsigned int family)
{
	switch (family) {
	case AF_INET:
		return 32;
	case AF_INET6:
		return 128;
	default:
		return 0;
	}
}

/* Four decimal bytes, no leading zero (some read those as octal). */
static int
parse_in(uint8_t out[4], const char *s, size_t len)
{
	size_t i, start;
	unsigned int n, part = 0;

	for (i = 0; part < 4; part++, i++) {
		start = i;
		for (n = 0; i < len && s[i] >= '0' && s[i] <= '9'; i++)
			if ((n = n * 10 + (unsigned int)(s[i] - '0')) > 255)
				return -1;
		if (i == start || (s[start] == '0' && i > start + 1))
			return -1;
		out[part] = (uint8_t)n;
		if (part < 3 && (i >= len || s[i] != '.'))
			return -1;
	}
	return i == len + 1 ? 0 : -1;
}

static int
hexdigit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One group of up to four hexadecimal digits: its length, 0 if none. */
static size_t
parse_group(uint8_t out[2], const char *s, size_t len)
{
	size_t i;
	unsigned int n = 0;
	int digit;

	for (i = 0; i < len && (digit = hexdigit(s[i])) != -1; i++) {
		if (i == 4)
			return 0;
		n = n << 4 | (unsigned int)digit;
	}
	out[0] = (uint8_t)(n >> 8);
	out[1] = (uint8_t)n;
	return i;
}

/*
 * Groups with colons between, the last two perhaps dotted: bytes written.
 * Sets *gap to where "::" stood, and stops when something else follows.
 */
static size_t
parse_groups(uint8_t out[16], const char *s, size_t len, size_t *gap)
{
	size_t i = 0, n = 0, digits;

	if (len >= 2 && s[0] == ':' && s[1] == ':') {
		*gap = 0;
		i = 2;
	}
	while (i < len && n < 16) {
		if (n <= 12 && parse_in(out + n, s + i, len - i) == 0)
			return n + 4;
		if ((digits = parse_group(out + n, s + i, len - i)) == 0)
			return 17;
		n += 2;
		if ((i += digits) == len)
			return n;
		if (s[i++] != ':' || i == len)
			return 17;
		if (s[i] == ':') {
			if (*gap != 17)
				return 17;
			*gap = n;
			i++;
		}
	}
	return i == len ? n : 17;
}

/* RFC 4291, 2.2. */
static int
parse_in6(uint8_t out[16], const char *s, size_t len)
{
	uint8_t buf[16] = { 0 };
	size_t n, gap = 17;

	if (len < 2 || (n = parse_groups(buf, s, len, &gap)) == 17)
		return -1;
	if (gap == 17) {
		if (n != 16)
			return -1;
		memcpy(out, buf, 16);
		return 0;
	}
	if (n == 16)		/* "::" stands for one group at least */
		return -1;
	memset(out, 0, 16);
	memcpy(out, buf, gap);
	memcpy(out + 16 - (n - gap), buf + gap, n - gap);
	return 0;
}

static void
set_in(struct prefix *p, const void *bytes)
{
	*p = (struct prefix){ .family = AF_INET, .plen = 32 };
	memcpy(p->addr, bytes, 4);
}

static void
set_in6(struct prefix *p, const uint8_t *bytes)
{
	if (memcmp(bytes, mapped, sizeof(mapped)) == 0) {
		set_in(p, bytes + sizeof(mapped));
		return;
	}
	*p = (struct prefix){ .family = AF_INET6, .plen = 128 };
	memcpy(p->addr, bytes, 16);
}

int
addr_parse(struct prefix *p, const char *s, size_t len)
{
	uint8_t buf[16];

	if (parse_in(buf, s, len) == 0)
		set_in(p, buf);
	else if (parse_in6(buf, s, len) == 0)
		set_in6(p, buf);
	else
		return -1;
	return 0;
}

/* A prefix length: decimal, no sign, no leading zero. */
static int
parse_plen(unsigned int *plen, const char *s)
{
	unsigned int n = 0;
	size_t i;

	for (i = 0; s[i] >= '0' && s[i] <= '9'; i++)
		if ((n = n * 10 + (unsigned int)(s[i] - '0')) > 128)
			return -1;
	if (i == 0 || s[i] != '\0' || (s[0] == '0' && i > 1))
		return -1;
	*plen = n;
	return 0;
}

/*
 * A mapped address loses 96 bits of its length with its first 12 bytes; a
 * prefix shorter than that is more than the mapped addresses: it stays IPv6.
 */
static int
fold_mapped(struct prefix *p, const char *s, size_t len, unsigned int *plen)
{
	if (p->family != AF_INET || memchr(s, ':', len) == NULL)
		return 0;
	if (*plen >= 96) {
		*plen -= 96;
		return 0;
	}
	*p = (struct prefix){ .family = AF_INET6, .plen = 128 };
	return parse_in6(p->addr, s, len);
}

int
prefix_parse(struct prefix *p, const char *s)
{
	struct prefix q;
	const char *slash = strchr(s, '/');
	size_t len = slash != NULL ? (size_t)(slash - s) : strlen(s);
	unsigned int plen;

	if (addr_parse(&q, s, len) == -1)
		return -1;
	if (slash != NULL) {
		if (parse_plen(&plen, slash + 1) == -1 ||
		    fold_mapped(&q, s, len, &plen) == -1 || plen > q.plen)
			return -1;
		prefix_mask(&q, plen);
	}
	*p = q;
	return 0;
}

const char *
prefix_print(const struct prefix *p, char buf[PREFIX_STRLEN])
{
	size_t len;

	if (prefix_bits(p->family) == 0 ||
	    inet_ntop(p->family, p->addr, buf, PREFIX_STRLEN) == NULL)
		return memcpy(buf, "none", sizeof("none"));
	if (!prefix_is_host(p)) {
		len = strlen(buf);
		snprintf(buf + len, PREFIX_STRLEN - len, "/%u", p->plen);
	}
	return buf;
}

void
addr_from_in(struct prefix *p, const struct in_addr *in)
{
	set_in(p, in);
}

void
addr_from_in6(struct prefix *p, const struct in6_addr *in6)
{
	set_in6(p, in6->s6_addr);
}

int
addr_from_sockaddr(struct prefix *p, const struct sockaddr *sa,
    uint16_t *port)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	switch (sa->sa_family) {
	case AF_INET:
		memcpy(&in, sa, sizeof(in));
		addr_from_in(p, &in.sin_addr);
		if (port != NULL)
			*port = ntohs(in.sin_port);
		return 0;
	case AF_INET6:
		memcpy(&in6, sa, sizeof(in6));
		addr_from_in6(p, &in6.sin6_addr);
		if (port != NULL)
			*port = ntohs(in6.sin6_port);
		return 0;
	default:
		return -1;
	}
}

socklen_t
addr_to_sockaddr(const struct prefix *p, uint16_t port,
    struct sockaddr_storage *ss)
{
	struct sockaddr_in *in = (struct sockaddr_in *)ss;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ss;

	memset(ss, 0, sizeof(*in6));
	ss->ss_family = p->family;
	if (p->family == AF_INET) {
		memcpy(&in->sin_addr, p->addr, sizeof(in->sin_addr));
		in->sin_port = htons(port);
		return sizeof(*in);
	}
	memcpy(&in6->sin6_addr, p->addr, sizeof(in6->sin6_addr));
	in6->sin6_port = htons(port);
	return sizeof(*in6);
}

void
prefix_mask(struct prefix *p, unsigned int plen)
{
	unsigned int byte = plen / 8;

	if (plen >= p->plen)
		return;
	p->plen = (uint8_t)plen;
	p->addr[byte] &= (uint8_t)(0xff00 >> (plen % 8));
	memset(p->addr + byte + 1, 0, sizeof(p->addr) - byte - 1);
}

void
prefix_group(struct prefix *p, unsigned int v4, unsigned int v6)
{
	prefix_mask(p, p->family == AF_INET ? v4 : v6);
}

/* By family and address, not by length. */
static int
cmp_addr(const struct prefix *a, const struct prefix *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(a->addr, b->addr, sizeof(a->addr));
}

int
prefix_cmp(const struct prefix *a, const struct prefix *b)
{
	int c;

	if ((c = cmp_addr(a, b)) != 0)
		return c;
	return (int)a->plen - (int)b->plen;
}

int
prefix_contains(const struct prefix *outer, const struct prefix *inner)
{
	unsigned int byte = outer->plen / 8, bits = outer->plen % 8;

	if (outer->family != inner->family || outer->plen > inner->plen)
		return 0;
	if (memcmp(outer->addr, inner->addr, byte) != 0)
		return 0;
	return bits == 0 ||
	    ((outer->addr[byte] ^ inner->addr[byte]) >> (8 - bits)) == 0;
}

int
prefix_overlap(const struct prefix *a, const struct prefix *b)
{
	return prefix_contains(a, b) || prefix_contains(b, a);
}

int
prefix_valid(const struct prefix *p)
{
	struct prefix q = *p;
	unsigned int bits = prefix_bits(p->family);

	if (bits == 0 || p->plen > bits)
		return 0;
	if (p->plen == 128)
		return 1;
	/* Cut what lies beyond plen, IPv4's unused bytes too. */
	q.plen = 128;
	prefix_mask(&q, p->plen);
	return memcmp(q.addr, p->addr, sizeof(q.addr)) == 0;
}

int
prefix_is_host(const struct prefix *p)
{
	return p->plen == prefix_bits(p->family);
}

int
addr_is_loopback(const struct prefix *p)
{
	static const struct prefix v4 = { AF_INET, 8, { 127 } };
	static const struct prefix v6 = { AF_INET6, 128, { [15] = 1 } };

	return prefix_contains(&v4, p) || prefix_contains(&v6, p);
}

int
prefix_is_private(const struct prefix *p)
{
	static const struct prefix ranges[] = {
		{ AF_INET, 8, { 127 } },
		{ AF_INET, 8, { 10 } },
		{ AF_INET, 12, { 172, 16 } },
		{ AF_INET, 16, { 192, 168 } },
		{ AF_INET, 10, { 100, 64 } },
		{ AF_INET, 16, { 169, 254 } },
		{ AF_INET6, 128, { [15] = 1 } },
		{ AF_INET6, 7, { 0xfc } },
		{ AF_INET6, 10, { 0xfe, 0x80 } }
	};
	size_t i;

	for (i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (prefix_contains(&ranges[i], p))
			return 1;
	return 0;
}

#define ROTL(x, n)	((x) << (n) | (x) >> (64 - (n)))

static void
sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = ROTL(v[1], 13) ^ v[0];
	v[0] = ROTL(v[0], 32);
	v[2] += v[3];
	v[3] = ROTL(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = ROTL(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = ROTL(v[1], 17) ^ v[2];
	v[2] = ROTL(v[2], 32);
}

/*
 * SipHash-1-3 of the 18 bytes.  Whoever fills our tables chooses his
 * addresses, but not the seed.
 */
uint64_t
prefix_hash(const struct prefix *p, uint64_t seed)
{
	uint64_t v[4], m[3];
	size_t i;

	v[0] = seed ^ UINT64_C(0x736f6d6570736575);
	v[1] = ~seed ^ UINT64_C(0x646f72616e646f6d);
	v[2] = seed ^ UINT64_C(0x6c7967656e657261);
	v[3] = ~seed ^ UINT64_C(0x7465646279746573);
	memcpy(m, p->addr, 16);
	m[2] = (uint64_t)sizeof(*p) << 56 | (uint64_t)p->family << 8 | p->plen;
	for (i = 0; i < 3; i++) {
		v[3] ^= m[i];
		sip_round(v);
		v[0] ^= m[i];
	}
	v[2] ^= 0xff;
	for (i = 0; i < 3; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

void
prefixset_init(struct prefixset *set)
{
	*set = (struct prefixset){ 0 };
}

int
prefixset_add(struct prefixset *set, const struct prefix *p)
{
	struct prefix *list;
	size_t room;

	if (set->n == set->room) {
		room = set->room == 0 ? 8 : set->room * 2;
		if ((list = reallocarray(set->list, room,
		    sizeof(*list))) == NULL)
			return -1;
		set->list = list;
		set->room = room;
	}
	set->list[set->n++] = *p;
	set->ready = 0;
	return 0;
}

static int
set_cmp(const void *a, const void *b)
{
	return prefix_cmp(a, b);
}

/* In this order what covers stands before what it covers: drop the latter. */
void
prefixset_build(struct prefixset *set)
{
	size_t i, n = 0;

	if (set->n != 0)
		qsort(set->list, set->n, sizeof(*set->list), set_cmp);
	for (i = 0; i < set->n; i++)
		if (n == 0 || !prefix_contains(&set->list[n - 1],
		    &set->list[i]))
			set->list[n++] = set->list[i];
	set->n = n;
	set->ready = 1;
}

/* How many members begin at p's address or before it. */
static size_t
set_upto(const struct prefixset *set, const struct prefix *p)
{
	size_t low = 0, high = set->n, mid;

	while (low < high) {
		mid = low + (high - low) / 2;
		if (cmp_addr(&set->list[mid], p) <= 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

int
prefixset_contains(const struct prefixset *set, const struct prefix *p)
{
	size_t i;

	if (set->ready)
		return (i = set_upto(set, p)) != 0 &&
		    prefix_contains(&set->list[i - 1], p);
	for (i = 0; i < set->n; i++)
		if (prefix_contains(&set->list[i], p))
			return 1;
	return 0;
}

int
prefixset_overlaps(const struct prefixset *set, const struct prefix *p)
{
	size_t i;

	if (set->ready) {
		i = set_upto(set, p);
		return (i != 0 && prefix_overlap(&set->list[i - 1], p)) ||
		    (i < set->n && prefix_contains(p, &set->list[i]));
	}
	for (i = 0; i < set->n; i++)
		if (prefix_overlap(&set->list[i], p))
			return 1;
	return 0;
}

void
prefixset_clear(struct prefixset *set)
{
	free(set->list);
	prefixset_init(set);
}

/*
 * See proxyproto.h.  Reading is strict: what is not exactly a header is none.
 */
#include <sys/socket.h>
#include <sys/types.h>

#include <netinet/in.h>

#include <arpa/inet.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxyproto.h"

#define V1_MAX		107	/* with its CRLF */
#define V2_HEAD		16
#define V2_INET		12
#define V2_INET6	36
#define V2_UNIX		216

#define LOCAL		0x20	/* version 2 and its command */
#define PROXY		0x21
#define UNSPEC		0x00	/* family and transport */
#define TCP4		0x11
#define UDP4		0x12
#define TCP6		0x21
#define UDP6		0x22
#define UNIX_STREAM	0x31
#define UNIX_DGRAM	0x32

#define TLV_HEAD	3
#define TLV_ALPN	0x01
#define TLV_AUTHORITY	0x02
#define TLV_CRC32C	0x03
#define TLV_NOOP	0x04
#define TLV_UNIQUE_ID	0x05

static const uint8_t	signature[12] = "\r\n\r\n\0\r\nQUIT\n";

static unsigned int
be16(const uint8_t *p)
{
	return (unsigned int)p[0] << 8 | p[1];
}

static void
put16(uint8_t *p, unsigned int v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* Version 1: "PROXY TCP4 1.2.3.4 5.6.7.8 56324 443\r\n". */

/* The next word, and the blank behind it unless it is the last. */
static int
next_word(const char **p, const char *end, int last, char *buf, size_t size)
{
	const char	*q = memchr(*p, ' ', (size_t)(end - *p));
	size_t		 n;

	if ((q == NULL) != last)
		return -1;
	if (q == NULL)
		q = end;
	n = (size_t)(q - *p);
	if (n == 0 || n >= size || memchr(*p, '\0', n) != NULL)
		return -1;
	memcpy(buf, *p, n);
	buf[n] = '\0';
	*p = last ? q : q + 1;
	return 0;
}

static int
word_address(const char **p, const char *end, int v6, struct prefix *addr)
{
	char	buf[64];

	/* A v4-mapped address is folded by addr_parse(). */
	return next_word(p, end, 0, buf, sizeof(buf)) == 0 &&
	    (strchr(buf, ':') != NULL) == v6 &&
	    addr_parse(addr, buf, strlen(buf)) == 0 ? 0 : -1;
}

static int
word_port(const char **p, const char *end, int last, uint16_t *port)
{
	char		 buf[8], *rest;
	unsigned long	 n;

	if (next_word(p, end, last, buf, sizeof(buf)) == -1 || buf[0] < '0' ||
	    buf[0] > '9' || (buf[0] == '0' && buf[1] != '\0'))
		return -1;
	n = strtoul(buf, &rest, 10);
	if (*rest != '\0' || n > 65535)
		return -1;
	*port = (uint16_t)n;
	return 0;
}

static int
starts(const char *p, const char *end, const char *word)
{
	size_t	n = strlen(word);

	return (size_t)(end - p) >= n && memcmp(p, word, n) == 0;
}

static enum rp_answer
parse_line(const char *p, const char *end, struct proxy_addrs *a)
{
	int	v6;

	/* What follows it is ignored. */
	if (starts(p, end, "UNKNOWN") && (end - p == 7 || p[7] == ' '))
		return RP_YES;
	v6 = starts(p, end, "TCP6 ");
	if (!v6 && !starts(p, end, "TCP4 "))
		return RP_NO;
	p += 5;
	if (word_address(&p, end, v6, &a->from) == 0 &&
	    word_address(&p, end, v6, &a->to) == 0 &&
	    word_port(&p, end, 0, &a->from_port) == 0 &&
	    word_port(&p, end, 1, &a->to_port) == 0)
		return RP_YES;
	memset(a, 0, sizeof(*a));
	return RP_NO;
}

static enum rp_answer
parse_v1(const uint8_t *p, size_t n, size_t *len, struct proxy_addrs *a)
{
	const uint8_t	*nl;

	if ((nl = memchr(p, '\n', n < V1_MAX ? n : V1_MAX)) == NULL)
		return n < V1_MAX ? RP_MORE : RP_NO;
	*len = (size_t)(nl - p) + 1;
	if (nl[-1] != '\r')
		return RP_NO;
	return parse_line((const char *)p + 6, (const char *)nl - 1, a);
}

/* Version 2. */

/* RFC 4960, appendix B: reflected, polynomial 0x1edc6f41. */
static uint32_t
crc32c(uint32_t crc, const uint8_t *p, size_t n)
{
	int	bit;

	for (; n > 0; n--) {
		crc ^= *p++;
		for (bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
	}
	return crc;
}

/* Of all the header, with its own four bytes (at `at`) as zeros. */
static int
sum_is_right(const uint8_t *head, size_t len, size_t at)
{
	static const uint8_t	zeros[4];
	uint32_t		crc = 0xffffffff, said;

	crc = crc32c(crc, head, at);
	crc = crc32c(crc, zeros, sizeof(zeros));
	crc = ~crc32c(crc, head + at + 4, len - at - 4);
	said = (uint32_t)be16(head + at) << 16 | be16(head + at + 2);
	return crc == said;
}

/* The lengths meet the header's end, and what they hold may be. */
static int
tlvs_are_right(const uint8_t *head, size_t len, size_t at)
{
	size_t	n;
	int	sums = 0;

	for (; len - at >= TLV_HEAD; at += n) {
		n = be16(head + at + 1);
		if (n > len - at - TLV_HEAD)
			return 0;
		switch (head[at]) {
		case TLV_CRC32C:
			if (n != 4 || sums++ > 0 ||
			    !sum_is_right(head, len, at + TLV_HEAD))
				return 0;
			break;
		case TLV_UNIQUE_ID:
			if (n > PROXY_UNIQUE_MAX)
				return 0;
			break;
		}
		n += TLV_HEAD;
	}
	return at == len;
}

static void
take_address(struct prefix *p, const uint8_t *from, size_t n)
{
	struct in_addr	in;
	struct in6_addr	in6;

	if (n == sizeof(in)) {
		memcpy(&in, from, n);
		addr_from_in(p, &in);
	} else {
		memcpy(&in6, from, sizeof(in6));
		addr_from_in6(p, &in6);
	}
}

static void
take_addresses(struct proxy_addrs *a, const uint8_t *p, size_t addr)
{
	take_address(&a->from, p, addr);
	take_address(&a->to, p + addr, addr);
	a->from_port = (uint16_t)be16(p + 2 * addr);
	a->to_port = (uint16_t)be16(p + 2 * addr + 2);
}

/* What the addresses take; -1: no such family. */
static ssize_t
addresses_len(uint8_t family)
{
	switch (family) {
	case TCP4:
	case UDP4:
		return V2_INET;
	case TCP6:
	case UDP6:
		return V2_INET6;
	case UNIX_STREAM:
	case UNIX_DGRAM:
		return V2_UNIX;
	}
	return -1;
}

/* A whole header. */
static enum rp_answer
parse_block(const uint8_t *p, size_t len, struct proxy_addrs *a)
{
	ssize_t	addrs;
	size_t	at;

	/* LOCAL: the rest is not looked at; UNSPEC: how long would it be? */
	if (p[12] == LOCAL || p[13] == UNSPEC)
		return RP_YES;
	if ((addrs = addresses_len(p[13])) == -1)
		return RP_NO;
	at = V2_HEAD + (size_t)addrs;
	if (at > len || !tlvs_are_right(p, len, at))
		return RP_NO;
	if (addrs != V2_UNIX)
		take_addresses(a, p + V2_HEAD, addrs == V2_INET ? 4 : 16);
	a->tlvs = (struct rp_slice){ p + at, len - at };
	return RP_YES;
}

static enum rp_answer
parse_v2(const uint8_t *p, size_t n, size_t *len, struct proxy_addrs *a)
{
	if (n > 12 && p[12] != LOCAL && p[12] != PROXY)
		return RP_NO;
	if (n < V2_HEAD)
		return RP_MORE;
	*len = V2_HEAD + be16(p + 14);
	if (*len > PROXY_MAX)
		return RP_NO;
	return n < *len ? RP_MORE : parse_block(p, *len, a);
}

enum rp_answer
proxy_parse(const uint8_t *p, size_t n, size_t *len, struct proxy_addrs *a)
{
	static const uint8_t	v1[] = { 'P', 'R', 'O', 'X', 'Y', ' ' };
	size_t			i;

	memset(a, 0, sizeof(*a));
	*len = 0;
	for (i = 0; i < n && i < sizeof(signature); i++)
		if (p[i] != signature[i])
			break;
	if (i == n && n < sizeof(signature) && n > 0)
		return RP_MORE;
	if (i == sizeof(signature))
		return parse_v2(p, n, len, a);
	for (i = 0; i < n && i < sizeof(v1); i++)
		if (p[i] != v1[i])
			return RP_NO;
	return n < sizeof(v1) ? RP_MORE : parse_v1(p, n, len, a);
}

/* Writing. */

static int
is_v4(const struct proxy_addrs *a)
{
	return a->from.family == AF_INET && a->to.family == AF_INET;
}

/* An IPv4 address among IPv6 ones is v4-mapped. */
static void
put_address(uint8_t *to, const struct prefix *p, int v4)
{
	if (v4) {
		memcpy(to, p->addr, 4);
		return;
	}
	if (p->family == AF_INET6) {
		memcpy(to, p->addr, 16);
		return;
	}
	memset(to, 0, 10);
	to[10] = to[11] = 0xff;
	memcpy(to + 12, p->addr, 4);
}

static size_t
write_v1(uint8_t *buf, const struct proxy_addrs *a)
{
	uint8_t	raw[2][16];
	char	from[INET6_ADDRSTRLEN], to[INET6_ADDRSTRLEN];
	int	v4 = is_v4(a), n;

	if (a->from.family == 0 || a->to.family == 0) {
		memcpy(buf, "PROXY UNKNOWN\r\n", 15);
		return 15;
	}
	put_address(raw[0], &a->from, v4);
	put_address(raw[1], &a->to, v4);
	inet_ntop(v4 ? AF_INET : AF_INET6, raw[0], from, sizeof(from));
	inet_ntop(v4 ? AF_INET : AF_INET6, raw[1], to, sizeof(to));
	n = snprintf((char *)buf, PROXY_MAX, "PROXY %s %s %s %u %u\r\n",
	    v4 ? "TCP4" : "TCP6", from, to, a->from_port, a->to_port);
	return (size_t)n;
}

static size_t
put_tlv(uint8_t *buf, size_t at, int type, const struct rp_slice *v)
{
	if (v->n + TLV_HEAD > PROXY_MAX - at)
		return at;
	buf[at] = (uint8_t)type;
	put16(buf + at + 1, (unsigned int)v->n);
	memcpy(buf + at + TLV_HEAD, v->p, v->n);
	return at + TLV_HEAD + v->n;
}

/* Those that came (their lengths were checked); *had: which types. */
static size_t
put_came(uint8_t *buf, size_t at, const struct rp_slice *came, uint32_t *had)
{
	struct rp_slice	v;
	size_t		i;

	for (i = 0; i + TLV_HEAD <= came->n; i += TLV_HEAD + v.n) {
		v.p = came->p + i + TLV_HEAD;
		v.n = be16(came->p + i + 1);
		if (came->p[i] == TLV_CRC32C || came->p[i] == TLV_NOOP)
			continue;	/* of a header that is no more */
		if (came->p[i] < 32)
			*had |= 1U << came->p[i];
		at = put_tlv(buf, at, came->p[i], &v);
	}
	return at;
}

static size_t
put_tlvs(uint8_t *buf, size_t at, const struct proxy_tlvs *t)
{
	const struct {
		int			 type;
		const struct rp_slice	*v;
	} ours[] = {
		{ TLV_ALPN, &t->alpn },
		{ TLV_AUTHORITY, &t->authority },
		{ TLV_UNIQUE_ID, &t->unique }
	};
	uint32_t	had = 0;
	size_t		i;

	at = put_came(buf, at, &t->came, &had);
	for (i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (ours[i].v->n > 0 && (had >> ours[i].type & 1) == 0)
			at = put_tlv(buf, at, ours[i].type, ours[i].v);
	return at;
}

static size_t
write_v2(uint8_t *buf, const struct proxy_addrs *a,
    const struct proxy_tlvs *t)
{
	int	known = a->from.family != 0 && a->to.family != 0;
	int	v4 = is_v4(a);
	size_t	n = V2_HEAD, addr = v4 ? 4 : 16;

	memcpy(buf, signature, sizeof(signature));
	if (known) {
		buf[12] = PROXY;
		buf[13] = t->dgram ? (v4 ? UDP4 : UDP6) : v4 ? TCP4 : TCP6;
		put_address(buf + n, &a->from, v4);
		put_address(buf + n + addr, &a->to, v4);
		put16(buf + n + 2 * addr, a->from_port);
		put16(buf + n + 2 * addr + 2, a->to_port);
		n = put_tlvs(buf, n + 2 * addr + 4, t);
	} else {
		buf[12] = LOCAL;
		buf[13] = UNSPEC;
	}
	put16(buf + 14, (unsigned int)(n - V2_HEAD));
	return n;
}

size_t
proxy_write(uint8_t buf[PROXY_MAX], int version, const struct proxy_addrs *a,
    const struct proxy_tlvs *t)
{
	return version == 1 ? write_v1(buf, a) : write_v2(buf, a, t);
}

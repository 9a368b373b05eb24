/*
 * See proxyproto.h.  Reading is strict: what is not exactly a header is none.
 */
#include <sys/socket.h>

#include <arpa/inet.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxyproto.h"

#define V1_MAX		107	/* with its CRLF */
#define V2_HEAD		16
#define V2_INET		12
#define V2_INET6	36
#define TLV_ALPN	0x01
#define TLV_AUTHORITY	0x02
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

/* The next word and its blank (or, of the last, the line's end). */
static int
next_word(const char **p, const char *end, char *buf, size_t size)
{
	const char	*q = memchr(*p, ' ', (size_t)(end - *p));
	size_t		 n;

	if (q == NULL)
		q = end;
	n = (size_t)(q - *p);
	if (n == 0 || n >= size)
		return -1;
	memcpy(buf, *p, n);
	buf[n] = '\0';
	*p = q < end ? q + 1 : end;
	return 0;
}

static int
word_address(const char **p, const char *end, unsigned int family,
    struct prefix *addr)
{
	char	buf[64];

	if (next_word(p, end, buf, sizeof(buf)) == -1 ||
	    addr_parse(addr, buf, strlen(buf)) == -1)
		return -1;
	/* A v4-mapped address is folded by addr_parse(). */
	return addr->family == family || (family == AF_INET6 &&
	    addr->family == AF_INET) ? 0 : -1;
}

static int
word_port(const char **p, const char *end, uint16_t *port)
{
	char		 buf[8], *rest;
	unsigned long	 n;

	if (next_word(p, end, buf, sizeof(buf)) == -1 || buf[0] < '0' ||
	    buf[0] > '9' || (buf[0] == '0' && buf[1] != '\0'))
		return -1;
	n = strtoul(buf, &rest, 10);
	if (*rest != '\0' || n > 65535)
		return -1;
	*port = (uint16_t)n;
	return 0;
}

static enum rp_answer
parse_line(const char *p, const char *end, struct proxy_addrs *a)
{
	unsigned int	family;
	char		word[8];

	if (next_word(&p, end, word, sizeof(word)) == -1)
		return RP_NO;
	if (strcmp(word, "UNKNOWN") == 0)
		return RP_YES;
	if (strcmp(word, "TCP4") == 0)
		family = AF_INET;
	else if (strcmp(word, "TCP6") == 0)
		family = AF_INET6;
	else
		return RP_NO;
	if (word_address(&p, end, family, &a->from) == -1 ||
	    word_address(&p, end, family, &a->to) == -1 ||
	    word_port(&p, end, &a->from_port) == -1 ||
	    word_port(&p, end, &a->to_port) == -1 || p != end) {
		memset(a, 0, sizeof(*a));
		return RP_NO;
	}
	return RP_YES;
}

static enum rp_answer
parse_v1(const uint8_t *p, size_t n, size_t *len, struct proxy_addrs *a)
{
	const uint8_t	*nl;

	if ((nl = memchr(p, '\n', n < V1_MAX ? n : V1_MAX)) == NULL)
		return n < V1_MAX ? RP_MORE : RP_NO;
	*len = (size_t)(nl - p) + 1;
	if (*len < 8 || nl[-1] != '\r')
		return RP_NO;
	return parse_line((const char *)p + 6, (const char *)nl - 1, a);
}

/* Version 2. */

static void
take_address(struct prefix *p, const uint8_t *from, size_t n)
{
	char	text[INET6_ADDRSTRLEN];

	/* By way of text, so that a v4-mapped one is folded. */
	inet_ntop(n == 4 ? AF_INET : AF_INET6, from, text, sizeof(text));
	if (addr_parse(p, text, strlen(text)) == -1)
		memset(p, 0, sizeof(*p));
}

static enum rp_answer
parse_v2(const uint8_t *p, size_t n, size_t *len, struct proxy_addrs *a)
{
	size_t	size, addr;

	if (n >= 13 && (p[12] >> 4 != 2 || (p[12] & 15) > 1))
		return RP_NO;
	if (n < V2_HEAD)
		return RP_MORE;
	size = be16(p + 14);
	*len = V2_HEAD + size;
	if (*len > PROXY_IN_MAX || p[13] >> 4 > 3 || (p[13] & 15) > 2)
		return RP_NO;
	if (n < *len)
		return RP_MORE;
	if ((p[12] & 15) == 0 || p[13] == 0)
		return RP_YES;		/* LOCAL, UNSPEC */
	if (p[13] >> 4 == 3 || p[13] >> 4 == 0 || (p[13] & 15) == 0)
		return RP_NO;		/* AF_UNIX, half a family */
	addr = p[13] >> 4 == 1 ? 4 : 16;
	if (size < 2 * addr + 4)
		return RP_NO;
	p += V2_HEAD;
	take_address(&a->from, p, addr);
	take_address(&a->to, p + addr, addr);
	a->from_port = (uint16_t)be16(p + 2 * addr);
	a->to_port = (uint16_t)be16(p + 2 * addr + 2);
	return RP_YES;
}

enum rp_answer
proxy_parse(const uint8_t *p, size_t n, size_t *len, struct proxy_addrs *a)
{
	size_t	i;

	memset(a, 0, sizeof(*a));
	*len = 0;
	for (i = 0; i < n && i < sizeof(signature); i++)
		if (p[i] != signature[i])
			break;
	if (i == n && n < sizeof(signature) && n > 0)
		return RP_MORE;
	if (i == sizeof(signature))
		return parse_v2(p, n, len, a);
	for (i = 0; i < n && i < 6; i++)
		if (p[i] != (uint8_t)"PROXY "[i])
			return RP_NO;
	return n < 6 ? RP_MORE : parse_v1(p, n, len, a);
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
put_tlv(uint8_t *buf, size_t at, int type, const void *p, size_t n)
{
	if (n == 0 || n > 255 || at + 3 + n > PROXY_MAX)
		return at;
	buf[at] = (uint8_t)type;
	put16(buf + at + 1, (unsigned int)n);
	memcpy(buf + at + 3, p, n);
	return at + 3 + n;
}

static size_t
write_v2(uint8_t *buf, const struct proxy_addrs *a,
    const struct proxy_tlvs *t)
{
	int	known = a->from.family != 0 && a->to.family != 0;
	int	v4 = is_v4(a), i;
	size_t	n = V2_HEAD, addr = v4 ? 4 : 16;
	uint8_t	unique[8];

	memcpy(buf, signature, sizeof(signature));
	buf[12] = known ? 0x21 : 0x20;
	buf[13] = !known ? 0 : (uint8_t)((v4 ? 0x10 : 0x20) |
	    (t->dgram ? 2 : 1));
	if (known) {
		put_address(buf + n, &a->from, v4);
		put_address(buf + n + addr, &a->to, v4);
		put16(buf + n + 2 * addr, a->from_port);
		put16(buf + n + 2 * addr + 2, a->to_port);
		n += v4 ? V2_INET : V2_INET6;
	}
	n = put_tlv(buf, n, TLV_ALPN, t->alpn, t->alpn_len);
	n = put_tlv(buf, n, TLV_AUTHORITY, t->authority, t->authority_len);
	for (i = 0; i < 8; i++)
		unique[i] = (uint8_t)(t->unique >> (56 - 8 * i));
	if (t->unique != 0)
		n = put_tlv(buf, n, TLV_UNIQUE_ID, unique, sizeof(unique));
	put16(buf + 14, (unsigned int)(n - V2_HEAD));
	return n;
}

size_t
proxy_write(uint8_t buf[PROXY_MAX], int version, const struct proxy_addrs *a,
    const struct proxy_tlvs *t)
{
	return version == 1 ? write_v1(buf, a) : write_v2(buf, a, t);
}

/*
 * Between the files of the library: the probes, and what they share.
 */
#ifndef PROBE_H
#define PROBE_H

#include <string.h>

#include "refract-probe.h"

typedef enum rp_answer (*probe_fn)(const uint8_t *, size_t,
    struct rp_info *);

#define LITERAL(s)	(s), sizeof(s) - 1

/*
 * A row is all that a protocol is: its number, its name, the bytes that it can
 * begin with (NULL: any), and who looks at them.
 */
struct probe {
	const char	*name;
	const char	*first;		/* nfirst bytes */
	size_t		 nfirst;
	probe_fn	 fn;
	unsigned int	 transport;	/* RP_OVER_TCP, RP_OVER_UDP or both */
};

extern const struct probe	probes[RP_BUILTIN_MAX];

#define PROBE(name)							\
enum rp_answer	probe_##name(const uint8_t *, size_t, struct rp_info *)
PROBE(tls);
PROBE(http);
PROBE(http2);
PROBE(ssh);
PROBE(ftp);
PROBE(socks4);
PROBE(socks5);
PROBE(smtp);
PROBE(imap);
PROBE(pop3);
PROBE(xmpp);
PROBE(openvpn);
PROBE(tinc);
PROBE(rdp);
PROBE(adb);
PROBE(mqtt);
PROBE(postgres);
PROBE(mysql);
PROBE(redis);
PROBE(bittorrent);
PROBE(syslog);
PROBE(minecraft);
PROBE(proxy);
PROBE(dns);
PROBE(dns_udp);
PROBE(quic);
PROBE(dtls);
PROBE(wireguard);
PROBE(stun);
PROBE(openvpn_udp);
PROBE(sip);
PROBE(l2tp);
PROBE(radius);
PROBE(ntp);
PROBE(bedrock);
PROBE(tftp);
PROBE(snmp);
PROBE(quic_other);

/* Every probe but TLS and HTTP knows all with its yes. */
static inline void
info_clear(struct rp_info *info)
{
	info->complete = 1;
	info->broken = 0;
	info->version = 0;
	info->sni.n = info->alpn.n = 0;
	info->method.n = info->target.n = info->host.n = info->path.n = 0;
	info->nbuf = 0;
}

/* What info's slices point to is copied into its own buffer. */
void	info_own(struct rp_info *);

static inline unsigned int
be16(const uint8_t *p)
{
	return (unsigned int)p[0] << 8 | p[1];
}

static inline uint32_t
be24(const uint8_t *p)
{
	return (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
}

static inline uint32_t
be32(const uint8_t *p)
{
	return (uint32_t)be16(p) << 16 | be16(p + 2);
}

static inline uint32_t
le32(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
	    (uint32_t)p[3] << 24;
}

/* The bytes begin with these, as far as they go. */
static inline enum rp_answer
begins(const uint8_t *p, size_t n, const void *with, size_t len)
{
	if (n >= len)
		return memcmp(p, with, len) == 0 ? RP_YES : RP_NO;
	return memcmp(p, with, n) == 0 ? RP_MORE : RP_NO;
}

static inline unsigned int
upper(unsigned int c)
{
	return c >= 'a' && c <= 'z' ? c - ('a' - 'A') : c;
}

/* The same in any case; `with` is upper case. */
static inline enum rp_answer
begins_nocase(const uint8_t *p, size_t n, const char *with, size_t len)
{
	size_t	i;

	for (i = 0; i < len && i < n; i++)
		if (upper(p[i]) != (uint8_t)with[i])
			return RP_NO;
	return n >= len ? RP_YES : RP_MORE;
}

#endif

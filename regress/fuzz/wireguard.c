/* LINK: refract-mux/probe/quic.o refract-mux/probe/quic_header.o */
/* LINK: refract-mux/probe/quic_crypto.o refract-mux/probe/join.o */
/* LINK: refract-mux/probe/tls.o refract-mux/probe/ja4.o */
/* LINK: refract-mux/probe/probe.o refract-mux/probe/http.o */
/* LINK: refract-mux/probe/text.o refract-mux/probe/binary.o */
/* LINK: refract-mux/probe/dtls.o refract-mux/probe/udp.o */
/* LIBS: -lnettle */
/*
 * WireGuard against the fields of its paper, and with it every other protocol
 * of datagrams: none reads behind the end, none is another one too.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "refract-probe-udp.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* WireGuard: Next Generation Kernel Network Tunnel, 5.4.2 to 5.4.7. */
#define HEAD		(1 + 3)
#define INDEX		4
#define KEY		32
#define TAG		16
#define INITIATION	(HEAD + INDEX + KEY + (32 + TAG) + (12 + TAG) + 16 + 16)
#define RESPONSE	(HEAD + 2 * INDEX + KEY + TAG + 16 + 16)
#define COOKIE		(HEAD + INDEX + 24 + (16 + TAG))
#define DATA		(HEAD + INDEX + 8 + TAG)

static void
need(int good)
{
	if (!good)
		abort();
}

static int
is_wireguard(const uint8_t *p, size_t n)
{
	if (n < 4 || memcmp(p + 1, "\0\0\0", 3) != 0)
		return 0;
	return (p[0] == 1 && n == INITIATION) ||
	    (p[0] == 2 && n == RESPONSE) ||
	    (p[0] == 3 && n == COOKIE) ||
	    (p[0] == 4 && n >= DATA && n % 16 == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct rp_wireguard	w;
	struct rp_info		info;
	uint8_t			*p;
	int			i;

	need((p = malloc(len == 0 ? 1 : len)) != NULL);
	if (len > 0)
		memcpy(p, data, len);
	need(rp_wireguard(p, len, &w) == is_wireguard(p, len));
	need((rp_probe(RP_WIREGUARD, p, len, &info) == RP_YES) ==
	    is_wireguard(p, len));
	for (i = 1; i < RP_BUILTIN_MAX; i++) {
		if ((rp_transport(i) & RP_OVER_UDP) == 0)
			continue;
		info.sni.n = info.alpn.n = 0;
		/* Over UDP alone, nobody waits for more but QUIC and DNS. */
		if (rp_probe(i, p, len, &info) == RP_MORE)
			need(i == RP_QUIC || i == RP_DNS_UDP ||
			    rp_transport(i) != RP_OVER_UDP);
		need(info.sni.n == 0 || (info.sni.p >= p && info.sni.p +
		    info.sni.n <= p + len) || (info.sni.p >= info.buf &&
		    info.sni.p + info.sni.n <= info.buf + RP_BUF_LEN));
	}
	free(p);
	return 0;
}

/* LINK: refract-mux/probe/quic.o refract-mux/probe/quic_header.o */
/* LINK: refract-mux/probe/quic_crypto.o refract-mux/probe/join.o */
/* LINK: refract-mux/probe/tls.o refract-mux/probe/ja4.o */
/* LINK: refract-mux/probe/probe.o refract-mux/probe/http.o */
/* LINK: refract-mux/probe/text.o refract-mux/probe/binary.o */
/* LINK: refract-mux/probe/dtls.o refract-mux/probe/udp.o */
/* LIBS: -lnettle */
/*
 * WireGuard against the structs of its paper, and with it every other protocol
 * of datagrams: none reads behind the end, none is another one too.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "refract-probe-udp.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* WireGuard: Next Generation Kernel Network Tunnel, 5.4.2 to 5.4.7. */
struct initiation {
	uint8_t	type, reserved[3], sender[4], ephemeral[32], identity[48],
		time[28], mac1[16], mac2[16];
};
struct response {
	uint8_t	type, reserved[3], sender[4], receiver[4], ephemeral[32],
		nothing[16], mac1[16], mac2[16];
};
struct cookie {
	uint8_t	type, reserved[3], receiver[4], nonce[24], cookie[32];
};
struct data {
	uint8_t	type, reserved[3], receiver[4], counter[8], tag[16];
};

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
	return (p[0] == 1 && n == sizeof(struct initiation)) ||
	    (p[0] == 2 && n == sizeof(struct response)) ||
	    (p[0] == 3 && n == sizeof(struct cookie)) ||
	    (p[0] == 4 && n >= sizeof(struct data) && n % 16 == 0);
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

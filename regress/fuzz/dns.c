/* LINK: refract-mux/probe/quic.o refract-mux/probe/quic_header.o */
/* LINK: refract-mux/probe/quic_crypto.o refract-mux/probe/join.o */
/* LINK: refract-mux/probe/tls.o refract-mux/probe/ja4.o */
/* LINK: refract-mux/probe/probe.o refract-mux/probe/http.o */
/* LINK: refract-mux/probe/text.o refract-mux/probe/binary.o */
/* LINK: refract-mux/probe/dtls.o refract-mux/probe/udp.o */
/* LIBS: -lnettle */
/*
 * DNS: the probe against another reader of the same RFC, over UDP and, behind
 * a length, over TCP; a query says the same with whatever follows it.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "refract-probe.h"

#define HEADER		12
#define NAME_MAX_LEN	255

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
need(int good)
{
	if (!good)
		abort();
}

static unsigned int
get16(const uint8_t *p)
{
	return p[0] * 256u + p[1];
}

/* By RFC 1035 4.1, one field after the other: 1 if it is a query. */
static int
is_query(const uint8_t *p, size_t n)
{
	unsigned int	opcode, class;
	size_t		at;

	if (n < HEADER)
		return 0;
	opcode = (p[2] & 0x78) >> 3;
	if (p[2] & 0x80 || (opcode != 0 && opcode != 4 && opcode != 5))
		return 0;
	if (p[3] & 0x4f || get16(p + 4) != 1)
		return 0;
	for (at = HEADER; at < n && p[at] != 0; at += p[at] + 1u)
		if (p[at] > 63)
			return 0;
	if (at + 1 > HEADER + NAME_MAX_LEN || at + 5 > n)
		return 0;
	class = get16(p + at + 3);
	return get16(p + at + 1) != 0 && (class == 1 || class == 3 ||
	    class == 4 || class == 254 || class == 255);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct rp_info	info;
	enum rp_answer	udp, tcp;
	uint8_t		*p;

	if (len > 4096)
		return 0;
	need((p = malloc(len + 2)) != NULL);
	p[0] = (uint8_t)(len >> 8);
	p[1] = (uint8_t)len;
	if (len > 0)
		memcpy(p + 2, data, len);
	udp = rp_probe(RP_DNS_UDP, p + 2, len, &info);
	tcp = rp_probe(RP_DNS, p, len + 2, &info);
	/* Counts of records are the probe's own judgement. */
	need(udp != RP_YES || is_query(data, len));
	if (is_query(data, len) && get16(data + 6) == 0 &&
	    get16(data + 8) == 0 && get16(data + 10) == 0)
		need(udp == RP_YES);
	need(tcp == RP_NO || len >= 17);
	need((tcp == RP_YES) == (udp == RP_YES));
	free(p);
	return 0;
}

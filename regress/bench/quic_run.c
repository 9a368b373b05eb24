/* LINK: refract-mux/probe/quic.o refract-mux/probe/quic_header.o */
/* LINK: refract-mux/probe/quic_crypto.o refract-mux/probe/join.o */
/* LINK: refract-mux/probe/tls.o refract-mux/probe/ja4.o */
/* LINK: refract-mux/probe/probe.o refract-mux/probe/http.o */
/* LINK: refract-mux/probe/text.o refract-mux/probe/binary.o */
/* LINK: refract-mux/probe/dtls.o refract-mux/probe/udp.o */
/* LIBS: -lnettle */
/*
 * For bench/quic: each case a line, its name and nanoseconds of processor time
 * for one.
 */
#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../unit/quic_seal.h"

#define BIG	4096
#define ONE	250			/* a hello that one Initial carries */
#define HUGE	60000
#define LEAST	0.1			/* seconds a case */

struct datagram {
	uint8_t	p[65536];
	size_t	n;
};

static uint8_t			buf[RP_QUIC_CRYPTO_MAX];
static struct datagram		in[8];
static unsigned int		nin;
static struct rp_info		info;
static struct rp_registry	*udp;
static volatile unsigned int	sink;

static double
seconds(void)
{
	struct timespec	ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void
feed(void)
{
	struct rp_quic	q;
	unsigned int	i;

	rp_quic_begin(&q, buf, sizeof(buf));
	for (i = 0; i < nin; i++)
		rp_quic_feed(&q, in[i].p, in[i].n);
	sink += (unsigned int)rp_quic_answer(&q, &info) + q.opened;
}

static void
identify(void)
{
	sink += (unsigned int)rp_identify(udp, in[0].p, in[0].n, 1, &info);
}

static void
keys(void)
{
	struct quic_keys	k;

	quic_keys(&k, RP_QUIC_V1, in[0].p, 8, 0);
	sink += k.key[0];
}

static void
dns(void)
{
	sink += (unsigned int)rp_probe(RP_DNS_UDP, in[0].p, in[0].n, &info);
}

static void
wireguard(void)
{
	struct rp_wireguard	w;

	sink += (unsigned int)rp_wireguard(in[0].p, in[0].n, &w);
}

static void
measure(const char *name, void (*fn)(void))
{
	double		from, took;
	unsigned long	n = 0, i, batch = 16;

	for (i = 0; i < batch; i++)
		fn();
	from = seconds();
	do {
		for (i = 0; i < batch; i++)
			fn();
		n += batch;
		batch *= 2;
	} while ((took = seconds() - from) < LEAST);
	printf("%s %.1f\n", name, took * 1e9 / (double)n);
}

static void
random_bytes(size_t n)
{
	size_t	i;

	for (i = 0; i < n; i++)
		in[0].p[i] = (uint8_t)(random() >> 8);
	in[0].n = n;
	nin = 1;
}

/* The hello over so many datagrams. */
static void
client(uint32_t version, size_t len, unsigned int parts)
{
	static uint8_t	hello[HUGE], frames[HUGE + 64];
	struct seal	s = { .version = version, .dcid = "12345678",
			    .ndcid = 8, .width = 1 };
	struct out	o;
	unsigned int	i;
	size_t		from, to;

	make_hello(hello, "example.com", "h3", len);
	for (i = 0; i < parts; i++) {
		from = len * i / parts;
		to = len * (i + 1) / parts;
		o = (struct out){ frames, 0 };
		put_crypto(&o, from, hello + from, to - from);
		s.number = i;
		in[i].n = make_datagram(in[i].p, &s, frames, o.n);
	}
	nin = parts;
	feed();
	if (!info.complete || info.sni.n == 0)
		errx(1, "no hello");
}

static void
honest(void)
{
	client(RP_QUIC_V1, ONE, 1);
	measure("v1", feed);
	client(RP_QUIC_V2, ONE, 1);
	measure("v2", feed);
	client(RP_QUIC_V1, BIG, 3);
	measure("big", feed);
	measure("keys", keys);
}

static void
hostile(void)
{
	struct seal	s = { .version = RP_QUIC_V1, .dcid = "12345678",
			    .ndcid = 8, .width = 1 };
	struct out	o = { in[0].p, 0 };

	client(RP_QUIC_V1, ONE, 1);
	in[0].p[in[0].n - 1] ^= 1;
	measure("forged", feed);
	client(RP_QUIC_V1, HUGE, 1);
	in[0].p[in[0].n - 1] ^= 1;
	measure("forged60k", feed);
	while (o.n < 60000)
		put_initial(&o, &s, (const uint8_t *)"\1\0\0\0", 4);
	in[0].n = o.n;
	measure("packets", feed);
}

static void
others(void)
{
	random_bytes(1200);
	in[0].p[0] |= 0xc0;
	measure("garbage", feed);
	measure("garbage_all", identify);
	random_bytes(64);
	in[0].p[0] = 0x77;
	measure("garbage64_all", identify);
	memset(in[0].p, 0, 128);
	in[0].n = 128;
	measure("zeros_all", identify);
	in[0].n = 29;
	memcpy(in[0].p, "\x24\x1a\1\0\0\1\0\0\0\0\0\0\7example\3com\0\0\1\0\1",
	    29);
	measure("dns", dns);
	measure("dns_all", identify);
	memset(in[0].p, 7, 148);
	memcpy(in[0].p, "\1\0\0\0", 4);
	in[0].n = 148;
	measure("wireguard", wireguard);
	measure("wireguard_all", identify);
}

int
main(void)
{
	if ((udp = rp_new()) == NULL || rp_add_all_udp(udp) == -1)
		err(1, NULL);
	honest();
	hostile();
	others();
	rp_free(udp);
	return 0;
}

/*
 * See pcapng.h.
 */
#include <sys/socket.h>

#include <netinet/in.h>

#include <string.h>

#include "pcapng.h"

#define SECTION		0x0a0d0d0a
#define INTERFACE	1
#define COUNTS		5
#define PACKET		6

#define BYTE_ORDER_MAGIC 0x1a2b3c4d
#define LINKTYPE_RAW	101
#define SNAPLEN		262144

#define OPT_COMMENT	1
#define SHB_USERAPPL	4
#define IF_NAME		2
#define IF_TSRESOL	9
#define EPB_FLAGS	2
#define EPB_DROPCOUNT	4
#define ISB_IFRECV	4
#define ISB_IFDROP	5

#define INBOUND		1		/* epb_flags */
#define OUTBOUND	2

#define IP4_HEADER	20
#define IP6_HEADER	40
#define TCP_HEADER	20
#define UDP_HEADER	8
#define HOPS		64

/* Where bytes are put, one after the other. */
struct put {
	uint8_t	*p;
	size_t	 n;
};

static void
put(struct put *w, const void *p, size_t n)
{
	if (n > 0)
		memcpy(w->p + w->n, p, n);
	w->n += n;
}

static void
put32(struct put *w, uint32_t v)
{
	put(w, &v, sizeof(v));
}

static void
put16(struct put *w, uint16_t v)
{
	put(w, &v, sizeof(v));
}

/* In network order. */
static void
net16(struct put *w, unsigned int v)
{
	uint8_t	b[2] = { (uint8_t)(v >> 8), (uint8_t)v };

	put(w, b, sizeof(b));
}

static void
net32(struct put *w, uint32_t v)
{
	net16(w, v >> 16);
	net16(w, v & 0xffff);
}

static void
pad(struct put *w, size_t n)
{
	static const uint8_t	zeros[4];

	put(w, zeros, -n & 3);
}

static void
option(struct put *w, unsigned int code, const void *p, size_t n)
{
	put16(w, (uint16_t)code);
	put16(w, (uint16_t)n);
	put(w, p, n);
	pad(w, n);
}

/* Stamps go high half first, whatever the byte order. */
static void
stamp(struct put *w, uint64_t ns)
{
	put32(w, (uint32_t)(ns >> 32));
	put32(w, (uint32_t)ns);
}

static void
block_begin(struct put *w, uint32_t type)
{
	put32(w, type);
	put32(w, 0);		/* its length: block_end() */
}

/* at: where it begins. */
static void
block_end(struct put *w, size_t at)
{
	uint32_t	len = (uint32_t)(w->n - at) + 4;

	put32(w, len);
	memcpy(w->p + at + 4, &len, sizeof(len));
}

void
pcapng_begin(struct pcapng_block *b, const char *name)
{
	static const uint8_t	nanoseconds = 9;
	struct put		w = { b->head, 0 };
	size_t			at;

	block_begin(&w, SECTION);
	put32(&w, BYTE_ORDER_MAGIC);
	put16(&w, 1);			/* version 1.0 */
	put16(&w, 0);
	put32(&w, UINT32_MAX);		/* of no known length */
	put32(&w, UINT32_MAX);
	option(&w, SHB_USERAPPL, "refract", 7);
	option(&w, 0, NULL, 0);
	block_end(&w, 0);
	at = w.n;
	block_begin(&w, INTERFACE);
	put16(&w, LINKTYPE_RAW);
	put16(&w, 0);
	put32(&w, SNAPLEN);
	option(&w, IF_NAME, name, strnlen(name, 64));
	option(&w, IF_TSRESOL, &nanoseconds, 1);
	option(&w, 0, NULL, 0);
	block_end(&w, at);
	b->nhead = w.n;
	b->ndata = b->ntail = 0;
}

void
pcapng_counts(struct pcapng_block *b, uint64_t ns, uint64_t records,
    uint64_t lost)
{
	struct put	w = { b->head, 0 };

	block_begin(&w, COUNTS);
	put32(&w, 0);			/* the interface */
	stamp(&w, ns);
	option(&w, ISB_IFRECV, &records, sizeof(records));
	option(&w, ISB_IFDROP, &lost, sizeof(lost));
	option(&w, 0, NULL, 0);
	block_end(&w, 0);
	b->nhead = w.n;
	b->ndata = b->ntail = 0;
}

/* Sums of RFC 1071 over bytes at an even place. */
static uint32_t
sum(uint32_t s, const uint8_t *p, size_t n)
{
	uint64_t	t = s;

	for (; n > 1; n -= 2, p += 2)
		t += (uint32_t)p[0] << 8 | p[1];
	if (n > 0)
		t += (uint32_t)p[0] << 8;
	while (t >> 16 != 0)
		t = (t & 0xffff) + (t >> 16);
	return (uint32_t)t;
}

static void
set_sum(uint8_t *at, uint32_t s)
{
	s = ~s & 0xffff;
	at[0] = (uint8_t)(s >> 8);
	at[1] = (uint8_t)s;
}

/* An IPv4 address where the other one is none is v4-mapped. */
static void
put_address(struct put *w, const struct prefix *p, int v4)
{
	static const uint8_t	mapped[12] = {
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff
	};

	if (!v4 && p->family != AF_INET6)
		put(w, mapped, sizeof(mapped));
	put(w, p->addr, p->family == AF_INET6 ? 16 : 4);
}

static size_t
transport_header(const struct pcapng_packet *k)
{
	return k->datagram ? UDP_HEADER : TCP_HEADER;
}

static unsigned int
protocol(const struct pcapng_packet *k)
{
	return k->datagram ? IPPROTO_UDP : IPPROTO_TCP;
}

static void
put_ip(struct put *w, const struct pcapng_packet *k, int v4)
{
	uint8_t	*ip = w->p + w->n;
	size_t	 len = transport_header(k) + k->n;

	if (v4) {
		net16(w, 0x4500);
		net16(w, (unsigned int)(IP4_HEADER + len));
		net32(w, 0x4000);		/* do not fragment */
		net16(w, HOPS << 8 | protocol(k));
		net16(w, 0);
	} else {
		net32(w, 0x60000000);
		net16(w, (unsigned int)len);
		net16(w, protocol(k) << 8 | HOPS);
	}
	put_address(w, k->from, v4);
	put_address(w, k->to, v4);
	if (v4)
		set_sum(ip + 10, sum(0, ip, IP4_HEADER));
}

static void
put_tcp(struct put *w, const struct pcapng_packet *k, int v4)
{
	uint8_t		*tcp = w->p + w->n;
	size_t		 addrs = v4 ? 8 : 32;
	uint32_t	 s;

	net16(w, k->from_port);
	net16(w, k->to_port);
	net32(w, k->seq);
	net32(w, k->ack);
	net16(w, 0x5000u | k->flags);
	net16(w, 65535);
	net32(w, 0);
	/* The addresses lie before it. */
	s = sum(IPPROTO_TCP + (uint32_t)(TCP_HEADER + k->n), tcp - addrs,
	    addrs);
	s = sum(s, tcp, TCP_HEADER);
	set_sum(tcp + 16, sum(s, k->data, k->n));
}

static void
put_udp(struct put *w, const struct pcapng_packet *k, int v4)
{
	uint8_t		*udp = w->p + w->n;
	size_t		 addrs = v4 ? 8 : 32;
	uint32_t	 len = (uint32_t)(UDP_HEADER + k->n), s;

	net16(w, k->from_port);
	net16(w, k->to_port);
	net16(w, len);
	net16(w, 0);
	s = sum(IPPROTO_UDP + len, udp - addrs, addrs);
	s = sum(sum(s, udp, UDP_HEADER), k->data, k->n);
	/* RFC 768: 0 would say that there is no sum. */
	if (s == 0xffff)
		s = 0;
	set_sum(udp + 6, s);
}

static void
put_options(struct put *w, const struct pcapng_packet *k)
{
	uint32_t	flags = k->outbound ? OUTBOUND : INBOUND;

	option(w, EPB_FLAGS, &flags, sizeof(flags));
	if (k->lost > 0)
		option(w, EPB_DROPCOUNT, &k->lost, sizeof(k->lost));
	if (k->comment != NULL)
		option(w, OPT_COMMENT, k->comment,
		    strnlen(k->comment, PCAPNG_COMMENT_MAX));
	option(w, 0, NULL, 0);
}

void
pcapng_packet(struct pcapng_block *b, const struct pcapng_packet *k)
{
	struct put	head = { b->head, 0 }, tail = { b->tail, 0 };
	int		v4 = k->from->family != AF_INET6 &&
			    k->to->family != AF_INET6;
	uint32_t	len = (uint32_t)((v4 ? IP4_HEADER : IP6_HEADER) +
			    transport_header(k) + k->n), all;

	block_begin(&head, PACKET);
	put32(&head, 0);		/* the interface */
	stamp(&head, k->ns);
	put32(&head, len);
	put32(&head, len);
	put_ip(&head, k, v4);
	if (k->datagram)
		put_udp(&head, k, v4);
	else
		put_tcp(&head, k, v4);
	pad(&tail, k->n);		/* the headers are whole words */
	put_options(&tail, k);
	all = (uint32_t)(head.n + k->n + tail.n + 4);
	put32(&tail, all);
	memcpy(b->head + 4, &all, sizeof(all));
	b->nhead = head.n;
	b->data = k->data;
	b->ndata = k->n;
	b->ntail = tail.n;
}

size_t
pcapng_size(const struct pcapng_block *b)
{
	return b->nhead + b->ndata + b->ntail;
}

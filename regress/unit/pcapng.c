/* LINK: refract-mux/pcapng.o */
/*
 * Blocks of pcapng and the packets in them, read again by the words of the
 * draft (draft-ietf-opsawg-pcapng, sections 3 and 4), RFC 791, 8200 and 9293.
 */
#include <sys/socket.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pcapng.h"

static uint8_t	bytes[70000];
static size_t	nbytes;

static void
gather(const struct pcapng_block *b)
{
	nbytes = pcapng_size(b);
	assert_true(nbytes <= sizeof(bytes) && nbytes % 4 == 0);
	memcpy(bytes, b->head, b->nhead);
	if (b->ndata > 0)
		memcpy(bytes + b->nhead, b->data, b->ndata);
	memcpy(bytes + b->nhead + b->ndata, b->tail, b->ntail);
}

static uint32_t
u32(size_t at)
{
	uint32_t	v;

	assert_true(at + 4 <= nbytes);
	memcpy(&v, bytes + at, sizeof(v));
	return v;
}

static uint16_t
u16(size_t at)
{
	uint16_t	v;

	assert_true(at + 2 <= nbytes);
	memcpy(&v, bytes + at, sizeof(v));
	return v;
}

static uint64_t
u64(size_t at)
{
	uint64_t	v;

	assert_true(at + 8 <= nbytes);
	memcpy(&v, bytes + at, sizeof(v));
	return v;
}

static unsigned int
net16(size_t at)
{
	return (unsigned int)bytes[at] << 8 | bytes[at + 1];
}

static uint32_t
net32(size_t at)
{
	return (uint32_t)net16(at) << 16 | net16(at + 2);
}

/* A block of this type begins here: its length, said twice. */
static size_t
block(size_t at, uint32_t type)
{
	uint32_t	len = u32(at + 4);

	assert_int_equal(u32(at), type);
	assert_int_equal(len % 4, 0);
	assert_int_equal(u32(at + len - 4), len);
	return len;
}

/* Where an option's value lies; 0: there is none.  end: of the options. */
static size_t
option(size_t at, size_t end, unsigned int code, size_t *len)
{
	size_t	found = 0;

	while (u16(at) != 0) {
		if (u16(at) == code) {
			*len = u16(at + 2);
			found = at + 4;
		}
		at += 4 + ((size_t)u16(at + 2) + 3) / 4 * 4;
		assert_true(at < end);
	}
	assert_int_equal(u16(at + 2), 0);
	assert_int_equal(at + 4, end);
	return found;
}

static uint32_t
sum(size_t at, size_t n)
{
	uint32_t	s = 0;
	size_t		i;

	for (i = 0; i < n; i++)
		s += i % 2 == 0 ? (uint32_t)bytes[at + i] << 8 :
		    bytes[at + i];
	return s;
}

static uint32_t
fold(uint32_t s)
{
	while (s >> 16 != 0)
		s = (s & 0xffff) + (s >> 16);
	return s;
}

static void
test_begin(void **arg)
{
	struct pcapng_block	b;
	size_t			len, n, at;

	(void)arg;
	pcapng_begin(&b, "web");
	gather(&b);
	len = block(0, 0x0a0d0d0a);
	assert_int_equal(u32(8), 0x1a2b3c4d);
	assert_int_equal(u16(12), 1);
	assert_int_equal(u16(14), 0);
	assert_true(u64(16) == UINT64_MAX);
	assert_int_not_equal(option(24, len - 4, 4, &n), 0);
	assert_int_equal(len + block(len, 1), nbytes);
	assert_int_equal(u16(len + 8), 101);
	at = option(len + 16, nbytes - 4, 2, &n);
	assert_int_equal(n, 3);
	assert_memory_equal(bytes + at, "web", 3);
	at = option(len + 16, nbytes - 4, 9, &n);
	assert_int_equal(n, 1);
	assert_int_equal(bytes[at], 9);
}

static void
test_counts(void **arg)
{
	struct pcapng_block	b;
	size_t			n;

	(void)arg;
	pcapng_counts(&b, 0x0123456789abcdef, 7, 3);
	gather(&b);
	assert_int_equal(block(0, 5), nbytes);
	assert_int_equal(u32(12), 0x01234567);
	assert_int_equal(u32(16), 0x89abcdef);
	assert_int_equal(u64(option(20, nbytes - 4, 4, &n)), 7);
	assert_int_equal(n, 8);
	assert_int_equal(u64(option(20, nbytes - 4, 5, &n)), 3);
}

static struct prefix
addr(const char *text)
{
	struct prefix	p;

	assert_int_equal(addr_parse(&p, text, strlen(text)), 0);
	return p;
}

static void
check_ip(size_t ip, int v4, size_t ntcp)
{
	size_t	tcp;

	if (v4) {
		assert_int_equal(bytes[ip], 0x45);
		assert_int_equal(net16(ip + 2), 20 + ntcp);
		assert_int_equal(bytes[ip + 9], IPPROTO_TCP);
		assert_int_equal(fold(sum(ip, 20)), 0xffff);
		tcp = ip + 20;
		assert_int_equal(fold(sum(ip + 12, 8) + IPPROTO_TCP +
		    (uint32_t)ntcp + sum(tcp, ntcp)), 0xffff);
	} else {
		assert_int_equal(bytes[ip] >> 4, 6);
		assert_int_equal(net16(ip + 4), ntcp);
		assert_int_equal(bytes[ip + 6], IPPROTO_TCP);
		tcp = ip + 40;
		assert_int_equal(fold(fold(sum(ip + 8, 32)) + IPPROTO_TCP +
		    (uint32_t)ntcp + fold(sum(tcp, ntcp))), 0xffff);
	}
	assert_int_equal(net16(tcp), 50000);
	assert_int_equal(net16(tcp + 2), 443);
	assert_int_equal(net32(tcp + 4), 0xfffffff0);
	assert_int_equal(net32(tcp + 8), 77);
	assert_int_equal(bytes[tcp + 12], 0x50);
	assert_int_equal(bytes[tcp + 13], TH_PUSH | TH_ACK);
	assert_int_equal(net16(tcp + 18), 0);
}

static void
check_packet(const char *from, const char *to, int v4, size_t n)
{
	static uint8_t		data[PCAPNG_DATA_MAX];
	struct prefix		a = addr(from), b = addr(to);
	struct pcapng_packet	k = { .from = &a, .to = &b,
	    .from_port = 50000, .to_port = 443, .seq = 0xfffffff0,
	    .ack = 77, .flags = TH_PUSH | TH_ACK, .data = data, .n = n,
	    .ns = 0x0123456789abcdef, .outbound = n % 2 == 0 };
	struct pcapng_block	block_of;
	size_t			i, ip = 28, head = v4 ? 40 : 60, options;

	for (i = 0; i < n; i++)
		data[i] = (uint8_t)(i * 7 + 1);
	pcapng_packet(&block_of, &k);
	gather(&block_of);
	assert_int_equal(block(0, 6), nbytes);
	assert_int_equal(u32(8), 0);
	assert_int_equal(u32(12), 0x01234567);
	assert_int_equal(u32(16), 0x89abcdef);
	assert_int_equal(u32(20), head + n);
	assert_int_equal(u32(24), head + n);
	check_ip(ip, v4, 20 + n);
	assert_memory_equal(bytes + ip + head, data, n);
	options = ip + head + (n + 3) / 4 * 4;
	assert_int_equal(u32(option(options, nbytes - 4, 2, &i)),
	    k.outbound ? 2 : 1);
	assert_int_equal(option(options, nbytes - 4, 4, &i), 0);
	assert_int_equal(option(options, nbytes - 4, 1, &i), 0);
}

static void
test_packets(void **arg)
{
	static const size_t	sizes[] = {
		0, 1, 2, 3, 4, 5, 1459, 1460, PCAPNG_DATA_MAX - 1,
		PCAPNG_DATA_MAX
	};
	size_t			i;

	(void)arg;
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		check_packet("192.0.2.7", "198.51.100.9", 1, sizes[i]);
		check_packet("2001:db8::7", "2001:db8::9", 0, sizes[i]);
		check_packet("192.0.2.7", "2001:db8::9", 0, sizes[i]);
	}
}

/* v4-mapped beside IPv6. */
static void
test_mapped(void **arg)
{
	static const uint8_t	want[16] = {
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 7
	};

	(void)arg;
	check_packet("192.0.2.7", "2001:db8::9", 0, 1);
	assert_memory_equal(bytes + 28 + 8, want, sizeof(want));
	check_packet("2001:db8::9", "192.0.2.7", 0, 1);
	assert_memory_equal(bytes + 28 + 24, want, sizeof(want));
}

static void
test_options(void **arg)
{
	static char		long_one[PCAPNG_COMMENT_MAX + 100];
	struct prefix		a = addr("192.0.2.7");
	struct pcapng_packet	k = { .from = &a, .to = &a, .lost = 1234,
	    .comment = "connection 7" };
	struct pcapng_block	b;
	size_t			n, at;

	(void)arg;
	pcapng_packet(&b, &k);
	gather(&b);
	assert_int_equal(u64(option(68, nbytes - 4, 4, &n)), 1234);
	at = option(68, nbytes - 4, 1, &n);
	assert_int_equal(n, 12);
	assert_memory_equal(bytes + at, "connection 7", n);
	memset(long_one, 'x', sizeof(long_one) - 1);
	k.comment = long_one;
	pcapng_packet(&b, &k);
	gather(&b);
	assert_true(b.ntail <= sizeof(b.tail));
	assert_int_not_equal(option(68, nbytes - 4, 1, &n), 0);
	assert_int_equal(n, PCAPNG_COMMENT_MAX);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_begin),
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_packets),
		cmocka_unit_test(test_mapped),
		cmocka_unit_test(test_options)
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

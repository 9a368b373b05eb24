/* LINK: refract-mux/probe/quic_crypto.o */
/* LIBS: -lnettle */
/*
 * What a QUIC client sends first, a line of hex for each datagram: a hello of
 * 4,096 bytes, as large as those of post-quantum keys, in three Initials.
 *
 *	quic_flight NAME [2]		the version
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>

#include "../unit/quic_seal.h"

#define HELLO		4096
#define DATAGRAMS	3
#define PART		((HELLO + DATAGRAMS - 1) / DATAGRAMS)

static void
print(const uint8_t *p, size_t n)
{
	while (n-- > 0)
		printf("%02x", *p++);
	putchar('\n');
}

int
main(int argc, char **argv)
{
	static uint8_t	wire[SEAL_FRAMES_MAX], hello[HELLO];
	uint8_t		frames[PART + 16] = { 0 };
	struct seal	s = { .version = RP_QUIC_V1, .dcid = "12345678",
			    .ndcid = 8, .width = 2 };
	struct out	o;
	size_t		at, n;

	if (argc < 2 || strlen(argv[1]) > 255)
		errx(2, "usage: quic_flight NAME [2]");
	if (argc > 2)
		s.version = RP_QUIC_V2;
	make_hello(hello, argv[1], "h3", HELLO);
	for (at = 0; at < HELLO; at += n, s.number++) {
		n = at + PART < HELLO ? PART : HELLO - at;
		o = (struct out){ frames, 0 };
		put_crypto(&o, at, hello + at, n);
		print(wire, make_datagram(wire, &s, o.p, o.n));
	}
	return 0;
}

/* LINK: refract-mux/probe/probe.o refract-mux/probe/tls.o */
/* LINK: refract-mux/probe/http.o refract-mux/probe/text.o */
/* LINK: refract-mux/probe/binary.o refract-mux/probe/udp.o */
/* LINK: refract-mux/probe/quic.o refract-mux/probe/quic_header.o */
/* LINK: refract-mux/probe/quic_crypto.o refract-mux/probe/join.o */
/* LINK: refract-mux/probe/dtls.o */
/* LIBS: -lnettle */
/*
 * Nanoseconds to say who it is, through a registry of every probe and own ones
 * for patterns, and by the few rules of refractium in a plain chain: a line of
 * each payload's name, both, and how often memory was asked for.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "refract-probe.h"

#define ROUNDS		401
#define TIMES		4096
#define NPAYLOADS	7		/* of a mix */
#define MIX		4096
#define BYTES(s)	(const uint8_t *)(s), sizeof(s) - 1
#define AF_10		"\257\257\257\257\257\257\257\257\257\257"

/* The compiler knows nothing of p behind this. */
#define HIDE(p)		__asm__ volatile("" : "+r"(p) : : "memory")

void	*__libc_malloc(size_t);

typedef int (*who_fn)(const uint8_t *, size_t);

struct payload {
	const char	*name;
	const uint8_t	*p;
	size_t		 n;
};

static uint8_t			 noise[64], zeros[128], letters[1400];
static const struct payload	 payloads[] = {
	{ "http", BYTES("GET /index.html HTTP/1.1\r\nHost: example.com\r\n"
	    "\r\n") },
	{ "ssh", BYTES("SSH-2.0-OpenSSH_8.2p1 Ubuntu-4ubuntu0.1\r\n") },
	{ "tls", BYTES("\26\3\1\0\272\1\0\0\266\3\3\372" AF_10 AF_10 AF_10
	    "\257\0\0\2\0\57\1\0\0\213\0\0\0\17\0\15\0\0\12google.com") },
	{ "dns", BYTES("\44\32\1\0\0\1\0\0\0\0\0\0\7example\3com\0\0\1\0\1") },
	{ "ftp", BYTES("USER anonymous\r\n") },
	{ "minecraft", BYTES("\376\1\372\0\13\0M\0C\0|\0P\0i\0n\0g\0H\0o\0s"
	    "\0t") },
	{ "random", noise, sizeof(noise) },
	{ "zeros", zeros, sizeof(zeros) },
	{ "1400", letters, sizeof(letters) }
};

static unsigned int		 allocations;
static struct rp_registry	*registry;
static uint8_t			 mix[MIX];

void *
malloc(size_t n)
{
	allocations++;
	return __libc_malloc(n);
}

static int
by_registry(const uint8_t *p, size_t n)
{
	struct rp_info	info;
	struct rp_info	*result = &info;
	int		proto;

	proto = rp_identify(registry, p, n, 1, &info) == RP_YES ? info.proto :
	    0;
	HIDE(result);
	return proto;
}

static int
begins(const uint8_t *p, size_t n, const char *s)
{
	return n >= strlen(s) && memcmp(p, s, strlen(s)) == 0;
}

static int
chain_http(const uint8_t *p, size_t n)
{
	return begins(p, n, "GET ") || begins(p, n, "POST ") ||
	    begins(p, n, "PUT ") || begins(p, n, "DELETE ") ||
	    begins(p, n, "HEAD ") || begins(p, n, "OPTIONS ") ||
	    begins(p, n, "CONNECT ") || begins(p, n, "TRACE ") ||
	    begins(p, n, "PATCH ") || begins(p, n, "PRI * HTTP/2.0");
}

/* No name is looked for: less than the others do. */
static int
chain_tls(const uint8_t *p, size_t n)
{
	return n >= 43 && p[0] == 22 && p[1] == 3 && p[5] == 1;
}

static int
by_chain(const uint8_t *p, size_t n)
{
	if (chain_http(p, n))
		return RP_HTTP;
	if (chain_tls(p, n))
		return RP_TLS;
	if (begins(p, n, "SSH-2.0-") || begins(p, n, "SSH-1.99-"))
		return RP_SSH;
	if (begins(p, n, "USER ") || begins(p, n, "AUTH TLS") ||
	    begins(p, n, "220 "))
		return RP_FTP;
	if (n >= 12 && (p[2] & 0xf8) == 0)
		return RP_DNS;
	if (memmem(p, n, "\0\4\3\1\7", 5) != NULL ||
	    memmem(p, n, "\303\276\1", 3) != NULL)
		return 1000;
	return 0;
}

static double
now(void)
{
	struct timespec	ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static int
cmp(const void *a, const void *b)
{
	double	x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* from NULL: a mix. */
static double
time_of(who_fn who, const struct payload *from)
{
	static volatile int	sink;
	const struct payload	*one;
	const uint8_t		*p;
	double			took[ROUNDS], start;
	unsigned int		i, round;

	for (round = 0; round < ROUNDS; round++) {
		start = now();
		for (i = 0; i < TIMES; i++) {
			one = from != NULL ? from : &payloads[mix[i % MIX]];
			p = one->p;
			HIDE(p);
			sink = who(p, one->n);
		}
		took[round] = (now() - start) / TIMES;
	}
	(void)sink;
	qsort(took, ROUNDS, sizeof(took[0]), cmp);
	return took[ROUNDS / 2];
}

static void
row(const char *name, const struct payload *p)
{
	static unsigned int	asked;
	unsigned int	before = allocations;
	const char	*what = NULL;
	double		ours;

	if (p != NULL)
		what = rp_name(by_registry(p->p, p->n));
	asked += allocations - before;
	ours = time_of(by_registry, p);
	printf("%s %s %.1f %.1f %u\n", name, p == NULL ? "mixed" : what ==
	    NULL ? "none" : what, ours, time_of(by_chain, p), asked);
}

int
main(void)
{
	static const struct rp_slice	list[] = { { BYTES("\0\4\3\1\7") },
	    { BYTES("\303\276\1") } };
	static struct rp_patterns	patterns = { list, 2 };
	unsigned int			i;

	srandom((unsigned int)time(NULL));
	for (i = 0; i < sizeof(noise); i++)
		noise[i] = (uint8_t)(random() >> 8);
	for (i = 0; i < MIX; i++)
		mix[i] = (uint8_t)(random() % NPAYLOADS);
	memset(letters, 'A', sizeof(letters));
	/* DNS here is that of datagrams, so both are asked. */
	if ((registry = rp_new()) == NULL || rp_add_all(registry) == -1 ||
	    rp_add(registry, RP_DNS_UDP) == -1 || rp_add_own(registry, 1000,
	    rp_contains, &patterns, NULL, 0) == -1)
		errx(1, "no registry");
	for (i = 0; i < sizeof(payloads) / sizeof(payloads[0]); i++)
		row(payloads[i].name, &payloads[i]);
	row("mixed", NULL);
	rp_free(registry);
	return 0;
}

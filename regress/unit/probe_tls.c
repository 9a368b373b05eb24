/* LINK: refract-mux/probe/probe.o refract-mux/probe/tls.o */
/* LINK: refract-mux/probe/http.o refract-mux/probe/text.o */
/* LINK: refract-mux/probe/binary.o refract-mux/probe/ja4.o */
/* LINK: refract-mux/probe/udp.o refract-mux/probe/quic.o */
/* LINK: refract-mux/probe/quic_header.o refract-mux/probe/quic_crypto.o */
/* LINK: refract-mux/probe/join.o refract-mux/probe/dtls.o */
/* LIBS: -lnettle */
/*
 * ClientHellos of every shape, cut everywhere, and those of openssl and curl
 * as they come.
 */
#include <sys/socket.h>
#include <sys/wait.h>

#include <netinet/in.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "probe_first.h"
#include "probe_hello.h"

#define NELEMS(a)	(sizeof(a) / sizeof((a)[0]))
#define LIST(s)		s, sizeof(s) - 1

static const uint16_t	usual[] = { 0x1301, 0x1302, 0xc02f };
static struct made	message, wire;

static void
same(const struct rp_slice *s, const char *text)
{
	assert_int_equal(s->n, strlen(text));
	assert_memory_equal(s->p, text, s->n);
}

/* Slices lie in the bytes or in buf. */
static void
check_slice(const struct rp_slice *s, const uint8_t *p, size_t n,
    const struct rp_info *info)
{
	if (s->n == 0)
		return;
	if (s->p >= info->buf && s->p < info->buf + sizeof(info->buf))
		assert_true(s->p + s->n <= info->buf + info->nbuf);
	else
		assert_true(s->p >= p && s->p + s->n <= p + n);
}

/* Cut at k bytes, without one behind. */
static enum rp_answer
cut(const struct made *m, size_t k, struct rp_info *info)
{
	static uint8_t	*p;
	enum rp_answer	 answer;

	free(p);
	if ((p = malloc(k == 0 ? 1 : k)) == NULL)
		fail();
	memcpy(p, m->b, k);
	answer = rp_probe(RP_TLS, p, k, info);
	if (answer == RP_YES) {
		check_slice(&info->sni, p, k, info);
		check_slice(&info->alpn, p, k, info);
	}
	return answer;
}

/* Each of wire's beginnings, step by step: more, yes, yes and the name. */
static void
check_cuts(size_t step, const char *name)
{
	struct rp_info	info;
	enum rp_answer	answer, before = RP_MORE;
	size_t		k;
	int		known = 0;

	for (k = 0; k <= wire.n; k += step) {
		answer = cut(&wire, k, &info);
		assert_true(answer == RP_YES ||
		    (answer == RP_MORE && before == RP_MORE));
		before = answer;
		if (answer != RP_YES)
			continue;
		assert_int_equal(info.broken, 0);
		assert_true(info.complete == (k >= wire.n));
		if (info.sni.n > 0)
			same(&info.sni, name);
		else
			assert_false(known);
		known = info.sni.n > 0;
	}
	assert_int_equal(cut(&wire, wire.n, &info), RP_YES);
	assert_int_equal(info.complete, 1);
	assert_int_equal(info.broken, 0);
	same(&info.sni, name);
}

static void
usual_hello(const char *name, const char *list, size_t n)
{
	size_t	at;

	hello_begin(&message, usual, NELEMS(usual));
	at = extensions_begin(&message);
	put_extension(&message, 0x0a0a, NULL, 0);
	put_extension(&message, 23, NULL, 0);
	put_name(&message, name);
	if (n > 0)
		put_alpn(&message, list, n);
	put_extension(&message, 43, "\6\x7a\x7a\3\4\3\3", 7);
	put_extension(&message, 0xfafa, "\0", 1);
	hello_end(&message, at);
}

static enum rp_answer
whole(struct rp_info *info)
{
	return cut(&wire, wire.n, info);
}

static void
test_truncated(void **state)
{
	struct rp_info	info;

	(void)state;
	assert_int_equal(rp_probe(RP_TLS, (const uint8_t *)firsts[0].bytes,
	    firsts[0].n, &info), RP_YES);
	same(&info.sni, "google.com");
	assert_int_equal(info.complete, 0);
	assert_int_equal(info.version, 0x303);
	assert_int_equal(info.broken, 0);
}

static void
test_usual(void **state)
{
	struct rp_info	info;
	unsigned int	minor;

	(void)state;
	usual_hello("www.example.com", LIST("\2h2\10http/1.1"));
	for (minor = 0; minor <= 4; minor++) {
		records(&wire, &message, minor, 16384, NULL);
		check_cuts(1, "www.example.com");
		assert_int_equal(whole(&info), RP_YES);
		assert_int_equal(info.version, 0x304);
		assert_int_equal(info.alpn.n, 12);
		assert_int_equal(rp_alpn_has(&info.alpn, "h2", 2), 1);
		assert_int_equal(rp_alpn_has(&info.alpn, "http/1.1", 8), 1);
		assert_int_equal(rp_alpn_has(&info.alpn, "h", 1), 0);
		assert_int_equal(rp_alpn_has(&info.alpn, "h3", 2), 0);
		assert_int_equal(rp_alpn_has(&info.alpn, "H2", 2), 0);
	}
	records(&wire, &message, 5, 16384, NULL);
	assert_int_equal(whole(&info), RP_NO);
	assert_int_equal(rp_hello(message.b, message.n, &info), RP_YES);
	same(&info.sni, "www.example.com");
	assert_int_equal(info.complete, 1);
	assert_int_equal(rp_hello(message.b, message.n - 1, &info), RP_YES);
	assert_int_equal(info.complete, 0);
	assert_int_equal(rp_hello(message.b, 5, &info), RP_MORE);
}

/* As it is sent: the caller folds it, and a NUL does not end it. */
static void
test_names(void **state)
{
	static const char	odd[] = "a.example.com\0.evil";
	struct rp_info		info;
	size_t			at;

	(void)state;
	usual_hello("WWW.Example.COM.", "", 0);
	records(&wire, &message, 1, 16384, NULL);
	check_cuts(1, "WWW.Example.COM.");
	hello_begin(&message, usual, 1);
	at = extensions_begin(&message);
	put_extension(&message, 0, "\0\26\0\0\23a.example.com\0.evil", 24);
	hello_end(&message, at);
	records(&wire, &message, 1, 16384, NULL);
	assert_int_equal(whole(&info), RP_YES);
	assert_int_equal(info.sni.n, sizeof(odd) - 1);
	assert_memory_equal(info.sni.p, odd, sizeof(odd) - 1);
}

static void
test_records(void **state)
{
	unsigned int	most, seed = 5, round;

	(void)state;
	usual_hello("a-name-of-some-length.example.com",
	    LIST("\2h2\10http/1.1"));
	for (most = 1; most < message.n; most++) {
		records(&wire, &message, 1 + most % 4, most, NULL);
		check_cuts(1, "a-name-of-some-length.example.com");
	}
	for (round = 0; round < 200; round++) {
		records(&wire, &message, 3, 1 + round % 64, &seed);
		check_cuts(1, "a-name-of-some-length.example.com");
	}
}

struct bytes {
	const char	*p;
	size_t		 n;
};

static const struct bytes	after[] = {
	{ LIST("\24\3\3\0\1\1") },
	{ LIST("\27\3\3\0\5early") },
	{ LIST("\26\3\3\0\4\20\0\0\0") },
	{ LIST("anything") }
};

/* What follows in the same read is no part of it. */
static void
test_followed(void **state)
{
	struct rp_info	info;
	size_t		i, n, k;

	(void)state;
	usual_hello("example.com", "", 0);
	for (i = 0; i < NELEMS(after); i++) {
		records(&wire, &message, 1, 100, NULL);
		n = wire.n;
		put(&wire, after[i].p, after[i].n);
		for (k = n; k <= wire.n; k++) {
			assert_int_equal(cut(&wire, k, &info), RP_YES);
			assert_int_equal(info.complete, 1);
			assert_int_equal(info.broken, 0);
			same(&info.sni, "example.com");
		}
	}
	/* Between its records it is. */
	records(&wire, &message, 1, (unsigned int)message.n - 3, NULL);
	memcpy(wire.b + message.n + 2, "\24\3\3\0\1\1", 6);
	assert_int_equal(whole(&info), RP_YES);
	assert_int_equal(info.broken, 1);
	assert_int_equal(info.complete, 1);
	same(&info.sni, "example.com");
}

static void
test_none(void **state)
{
	struct rp_info	info;
	size_t		k;

	(void)state;
	hello_begin(&message, usual, NELEMS(usual));
	hello_end(&message, 0);
	records(&wire, &message, 0, 16384, NULL);
	for (k = 11; k <= wire.n; k++) {
		assert_int_equal(cut(&wire, k, &info), RP_YES);
		assert_int_equal(info.complete, k == wire.n);
	}
	assert_int_equal(info.sni.n + info.alpn.n, 0);
	assert_int_equal(info.broken, 0);
	assert_int_equal(info.version, 0x303);
	hello_begin(&message, usual, NELEMS(usual));
	hello_end(&message, extensions_begin(&message));
	records(&wire, &message, 0, 16384, NULL);
	assert_int_equal(whole(&info), RP_YES);
	assert_int_equal(info.complete, 1);
	assert_int_equal(info.broken, 0);
}

/* A record of nothing is none of a handshake: RFC 8446 5.1. */
static void
test_empty_record(void **state)
{
	static const uint8_t	empty[] = { 22, 3, 1, 0, 0 };
	struct rp_info		info;
	size_t			first = 5 + 30;

	(void)state;
	assert_int_equal(rp_probe(RP_TLS, empty, sizeof(empty), &info),
	    RP_NO);
	usual_hello("example.com", "", 0);
	records(&wire, &message, 1, 30, NULL);
	memmove(wire.b + first + sizeof(empty), wire.b + first,
	    wire.n - first);
	memcpy(wire.b + first, empty, sizeof(empty));
	wire.n += sizeof(empty);
	assert_int_equal(whole(&info), RP_YES);
	assert_int_equal(info.broken, 1);
	assert_int_equal(info.complete, 1);
}

/* Every type, empty and with what makes no sense there: the name is found. */
static void
test_types(void **state)
{
	struct rp_info	info;
	unsigned int	type, n;
	size_t		at;

	(void)state;
	for (type = 0; type < 65536; type++)
		for (n = 0; n <= 5; n += 5) {
			hello_begin(&message, usual, 1);
			at = extensions_begin(&message);
			put_extension(&message, type, "\7odd!", n);
			put_name(&message, "example.com");
			hello_end(&message, at);
			records(&wire, &message, 1, 16384, NULL);
			assert_int_equal(rp_probe(RP_TLS, wire.b, wire.n,
			    &info), RP_YES);
			assert_int_equal(info.complete, 1);
			if (type == 0 && n > 0)
				continue;	/* there is a second one */
			same(&info.sni, "example.com");
			assert_int_equal(info.broken, n > 0 &&
			    (type == 16 || type == 43));
		}
}

static void
test_large(void **state)
{
	static uint8_t	share[1216 + 6] = { 4, 196, 0x11, 0xec, 4, 192 };
	static uint8_t	padding[60000];
	struct rp_info	info;
	unsigned int	seed = 7, i;
	size_t		at;

	(void)state;
	hello_begin(&message, usual, NELEMS(usual));
	at = extensions_begin(&message);
	put_extension(&message, 51, share, sizeof(share));
	put_name(&message, "pq.example.com");
	hello_end(&message, at);
	records(&wire, &message, 1, 16384, NULL);
	check_cuts(1, "pq.example.com");
	records(&wire, &message, 1, 700, &seed);
	check_cuts(1, "pq.example.com");
	hello_begin(&message, usual, NELEMS(usual));
	at = extensions_begin(&message);
	put_extension(&message, 21, padding, sizeof(padding));
	for (i = 0; i < 1000; i++)
		put_extension(&message, 1000 + i, NULL, 0);
	put_name(&message, "far.example.com");
	hello_end(&message, at);
	records(&wire, &message, 1, 16384, NULL);
	check_cuts(97, "far.example.com");
	/* More than may be put together, in one record and in two. */
	hello_begin(&message, usual, NELEMS(usual));
	at = extensions_begin(&message);
	memset(padding, 1, 3000);
	put_alpn(&message, padding, 3000);
	put_name(&message, "example.com");
	hello_end(&message, at);
	records(&wire, &message, 1, 16384, NULL);
	check_cuts(1, "example.com");
	records(&wire, &message, 1, 1000, NULL);
	assert_int_equal(whole(&info), RP_YES);
	same(&info.sni, "example.com");
	assert_int_equal(info.alpn.n, 0);
	assert_int_equal(info.broken, 1);
}

/* The first name that was sent stays; what another says is its affair. */
static void
test_twice(void **state)
{
	struct rp_info	info;
	size_t		at, k;

	(void)state;
	hello_begin(&message, usual, NELEMS(usual));
	at = extensions_begin(&message);
	put_name(&message, "one.example.com");
	put_alpn(&message, "\2h2", 3);
	put_name(&message, "two.example.com");
	put_alpn(&message, "\2h3", 3);
	hello_end(&message, at);
	records(&wire, &message, 1, 16384, NULL);
	for (k = 0; k <= wire.n; k++)
		if (cut(&wire, k, &info) == RP_YES && info.sni.n > 0)
			same(&info.sni, "one.example.com");
	assert_int_equal(info.broken, 1);
	assert_int_equal(rp_alpn_has(&info.alpn, "h2", 2), 1);
	hello_begin(&message, usual, NELEMS(usual));
	at = extensions_begin(&message);
	put_extension(&message, 0, "\0\13\7\0\2xx\0\0\3a.b", 13);
	hello_end(&message, at);
	records(&wire, &message, 1, 16384, NULL);
	assert_int_equal(whole(&info), RP_YES);
	same(&info.sni, "a.b");
}

/* Any byte may lie: an answer stays, slices are inside, names do not change. */
static void
test_bent(void **state)
{
	static uint8_t	name[300];
	struct rp_info	info;
	enum rp_answer	answer, before;
	unsigned int	seed = 3;
	size_t		at, k, n, first;
	int		round, complete;

	(void)state;
	usual_hello("some.example.com", LIST("\2h2\10http/1.1"));
	for (round = 0; round < 20000; round++) {
		records(&wire, &message, 1, 40, round % 2 ? &seed : NULL);
		for (k = 1 + any(&seed, 3); k > 0; k--)
			wire.b[any(&seed, (unsigned int)wire.n)] =
			    (uint8_t)any(&seed, 256);
		first = complete = n = 0;
		before = RP_MORE;
		for (at = 0; at <= wire.n; at += 1 + any(&seed, 9)) {
			answer = cut(&wire, at, &info);
			assert_true(before == RP_MORE || answer == before);
			if ((before = answer) != RP_YES)
				continue;
			if (complete)
				assert_int_equal(info.sni.n, n);
			if (first > 0) {
				assert_int_equal(info.sni.n, first);
				assert_memory_equal(info.sni.p, name, first);
			} else if ((first = info.sni.n) > 0)
				memcpy(name, info.sni.p, first < sizeof(name) ?
				    first : sizeof(name));
			n = info.sni.n;
			complete = info.complete;
		}
	}
}

/* JA4: the vectors of its specification. */

static const uint16_t	ja4_ciphers[] = { 0x5a5a, 0x1301, 0x1302, 0x1303,
    0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c,
    0x009d, 0x002f, 0x0035 };
static const uint16_t	ja4_types[] = { 0x001b, 0x0000, 0x0033, 0x0010,
    0x4469, 0x0017, 0x002d, 0x000d, 0x0005, 0x0023, 0x0012, 0x002b, 0xff01,
    0x000b, 0x000a, 0x0015 };
static const uint16_t	ja4_sigalgs[] = { 0x0403, 0x0804, 0x0401, 0x0503,
    0x0805, 0x0501, 0x0806, 0x0601 };

static void
ja4_hello(const char *list, size_t nlist, size_t nsigalgs)
{
	size_t	at, i;

	hello_begin(&message, ja4_ciphers, NELEMS(ja4_ciphers));
	at = extensions_begin(&message);
	put_extension(&message, 0x2a2a, NULL, 0);
	for (i = 0; i < NELEMS(ja4_types); i++)
		switch (ja4_types[i]) {
		case 0:
			put_name(&message, "example.com");
			break;
		case 13:
			put_list(&message, 13, ja4_sigalgs, nsigalgs);
			break;
		case 16:
			put_alpn(&message, list, nlist);
			break;
		case 43:
			put_extension(&message, 43, "\6\x6a\x6a\3\4\3\3", 7);
			break;
		default:
			put_extension(&message, ja4_types[i], NULL, 0);
		}
	hello_end(&message, at);
	records(&wire, &message, 1, 16384, NULL);
}

static void
ja4_is(const char *want)
{
	unsigned int	seed = 11;
	char		out[RP_JA4_LEN];
	size_t		k;

	assert_int_equal(rp_ja4(wire.b, wire.n, 0, out), 0);
	assert_string_equal(out, want);
	for (k = 0; k < wire.n; k++)
		assert_int_equal(rp_ja4(wire.b, k, 0, out), -1);
	assert_int_equal(rp_ja4(message.b, message.n, 1, out), 0);
	assert_int_equal(out[0], 'q');
	assert_string_equal(out + 1, want + 1);
	records(&wire, &message, 3, 30, &seed);
	assert_int_equal(rp_ja4(wire.b, wire.n, 0, out), 0);
	assert_string_equal(out, want);
}

static void
test_ja4(void **state)
{
	(void)state;
	ja4_hello(LIST("\2h2\10http/1.1"), NELEMS(ja4_sigalgs));
	ja4_is("t13d1516h2_8daaf6152771_e5627efa2ab1");
	ja4_hello(LIST("\10http/1.1"), 0);
	ja4_is("t13d1516h1_8daaf6152771_6d807ffa2a79");
}

struct shown {
	const char	*list;
	size_t		 n;
	const char	*want;
};

static const struct shown	shown[] = {
	{ LIST("\1\xab"), "ab" },
	{ LIST("\2\xab\xcd"), "ad" },
	{ LIST("\2\x30\xab"), "3b" },
	{ LIST("\4\x30\x31\xab\xcd"), "3d" },
	{ LIST("\4\x30\xab\xcd\x31"), "01" },
	{ LIST("\1h"), "hh" },
	{ LIST("\2\x1a\x1a\2h2"), "h2" },
	{ LIST("\2\x1a\x1a"), "00" },
	{ LIST(""), "00" }
};

static void
test_ja4_alpn(void **state)
{
	char	out[RP_JA4_LEN];
	size_t	i;

	(void)state;
	for (i = 0; i < NELEMS(shown); i++) {
		ja4_hello(shown[i].list, shown[i].n, 1);
		assert_int_equal(rp_ja4(wire.b, wire.n, 0, out), 0);
		assert_memory_equal(out + 8, shown[i].want, 2);
	}
}

static void
test_ja4_edges(void **state)
{
	uint16_t	many[600];
	char		out[RP_JA4_LEN];
	unsigned int	i;

	(void)state;
	hello_begin(&message, ja4_ciphers, 1);
	hello_end(&message, 0);
	records(&wire, &message, 1, 16384, NULL);
	ja4_is("t12i000000_000000000000_000000000000");
	message.b[5] = 0;
	records(&wire, &message, 1, 16384, NULL);
	ja4_is("ts3i000000_000000000000_000000000000");
	/* Nearly GREASE. */
	many[0] = 0x1a2a;
	hello_begin(&message, many, 1);
	hello_end(&message, 0);
	records(&wire, &message, 1, 16384, NULL);
	assert_int_equal(rp_ja4(wire.b, wire.n, 0, out), 0);
	assert_memory_equal(out, "t12i010000_", 11);
	for (i = 0; i < NELEMS(many); i++)
		many[i] = (uint16_t)(i * 7);
	hello_begin(&message, many, 500);
	hello_end(&message, 0);
	records(&wire, &message, 1, 16384, NULL);
	assert_int_equal(rp_ja4(wire.b, wire.n, 0, out), 0);
	assert_memory_equal(out, "t12i990000_", 11);
	hello_begin(&message, many, NELEMS(many));
	hello_end(&message, 0);
	records(&wire, &message, 1, 16384, NULL);
	assert_int_equal(rp_ja4(wire.b, wire.n, 0, out), -1);
	assert_int_equal(rp_ja4((const uint8_t *)"GET / HTTP/1.1\r\n", 16, 0,
	    out), -1);
}

/* What clients send here and now. */

static int
listener(char *port, size_t size)
{
	struct sockaddr_in	sin = { .sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t		len = sizeof(sin);
	int			fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&sin, len), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sin, &len), 0);
	snprintf(port, size, "127.0.0.1:%u", ntohs(sin.sin_port));
	return fd;
}

static pid_t
client(const char *command, const char *to)
{
	pid_t	pid = fork();

	if (pid == 0) {
		setenv("TO", to, 1);
		alarm(20);
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	return pid;
}

/* The first hello of a command's client, whole, into wire. */
static void
capture(const char *command)
{
	struct rp_info	info;
	struct timeval	limit = { .tv_sec = 20 };
	char		to[32];
	pid_t		pid;
	ssize_t		n;
	int		fd = listener(to, sizeof(to)), c;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	pid = client(command, to);
	wire.n = 0;
	if ((c = accept(fd, NULL, NULL)) != -1) {
		setsockopt(c, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
		while ((n = read(c, wire.b + wire.n, 4096)) > 0) {
			wire.n += (size_t)n;
			if (rp_probe(RP_TLS, wire.b, wire.n, &info) != RP_YES
			    || info.complete)
				break;
		}
		close(c);
	}
	close(fd);
	waitpid(pid, NULL, 0);
	assert_true(wire.n > 0);
}

static int
have(const char *program)
{
	char	command[64];

	snprintf(command, sizeof(command), "command -v %s >/dev/null",
	    program);
	return system(command) == 0;
}

static void
check_client(const char *command, unsigned int version, const char *alpn,
    const char *ja4)
{
	struct rp_info	info;
	char		out[RP_JA4_LEN];

	capture(command);
	check_cuts(1, "real.example.com");
	assert_int_equal(whole(&info), RP_YES);
	assert_int_equal(info.version, version);
	assert_int_equal(rp_alpn_has(&info.alpn, alpn, strlen(alpn)), 1);
	assert_int_equal(rp_ja4(wire.b, wire.n, 0, out), 0);
	print_message("# %s\n", out);
	assert_memory_equal(out, ja4, 4);
	assert_memory_equal(out + 8, ja4 + 8, 2);
	assert_int_equal(strlen(out), RP_JA4_LEN - 1);
}

static void
test_openssl(void **state)
{
	(void)state;
	if (!have("openssl"))
		skip();
	check_client("exec openssl s_client -connect $TO -servername "
	    "real.example.com -alpn h2,http/1.1 </dev/null >/dev/null 2>&1",
	    0x304, "h2", "t13d____h2");
	check_client("exec openssl s_client -connect $TO -servername "
	    "real.example.com -tls1_2 -alpn xmpp-client </dev/null >/dev/null "
	    "2>&1", 0x303, "xmpp-client", "t12d____xt");
	/* A hello of more than 512 bytes, in records of no more. */
	check_client("exec openssl s_client -connect $TO -servername "
	    "real.example.com -max_send_frag 512 -alpn $(seq -s , 1000 1150) "
	    "</dev/null >/dev/null 2>&1", 0x304, "1150", "t13d____10");
	assert_true(wire.n > 5 + 512 + 5);
	assert_int_equal(wire.b[5 + 512], 22);
}

static void
test_curl(void **state)
{
	(void)state;
	if (!have("curl"))
		skip();
	/* Debian 12's is t13d3112h2_e8f1e7e78f70_b26ce05bbdd6 everywhere. */
	check_client("exec curl -sk --connect-to real.example.com:443:$TO "
	    "https://real.example.com/ >/dev/null 2>&1", 0x304, "http/1.1",
	    "t13d____h2");
	check_client("exec curl -sk --http1.1 --tls-max 1.2 --connect-to "
	    "real.example.com:443:$TO https://real.example.com/ >/dev/null "
	    "2>&1", 0x303, "http/1.1", "t12d____h1");
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_usual),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_records),
		cmocka_unit_test(test_followed),
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_empty_record),
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_twice),
		cmocka_unit_test(test_bent),
		cmocka_unit_test(test_ja4),
		cmocka_unit_test(test_ja4_alpn),
		cmocka_unit_test(test_ja4_edges),
		cmocka_unit_test(test_openssl),
		cmocka_unit_test(test_curl)
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

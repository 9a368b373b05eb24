/* LINK: refract-mux/proxyproto.o */
/*
 * A PROXY header: any beginning of it wants more or says the same, and what
 * was understood can be written in both versions and understood again.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proxyproto.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
need(int good)
{
	if (!good)
		abort();
}

/* In memory of its own, so that a byte too far is seen. */
static enum rp_answer
parse(const uint8_t *p, size_t n, size_t *len, struct proxy_addrs *a)
{
	uint8_t		*copy = malloc(n == 0 ? 1 : n);
	enum rp_answer	 answer;

	need(copy != NULL);
	memcpy(copy, p, n);
	answer = proxy_parse(copy, n, len, a);
	if (answer == RP_YES)
		need(*len > 0 && *len <= n && *len <= PROXY_MAX &&
		    a->tlvs.n < *len);
	else
		need(a->from.family == 0 && a->to.family == 0);
	free(copy);
	return answer;
}

static void
cut(const uint8_t *p, size_t size, enum rp_answer whole, size_t len)
{
	struct proxy_addrs	a;
	size_t			n, at, step = size < 512 ? 1 : size / 256;
	enum rp_answer		answer;

	for (n = 0; n < size; n += step) {
		answer = parse(p, n, &at, &a);
		if (whole == RP_YES)
			need(answer == (n < len ? RP_MORE : RP_YES));
		else
			need(answer == RP_MORE || answer == whole);
	}
}

static int
same(const struct proxy_addrs *a, const struct proxy_addrs *b)
{
	return memcmp(&a->from, &b->from, sizeof(a->from)) == 0 &&
	    memcmp(&a->to, &b->to, sizeof(a->to)) == 0 &&
	    a->from_port == b->from_port && a->to_port == b->to_port;
}

static void
again(const struct proxy_addrs *a)
{
	static uint8_t		buf[PROXY_MAX];
	struct proxy_tlvs	t = { .came = a->tlvs };
	struct proxy_addrs	b;
	size_t			n, len;
	int			version;

	for (version = 1; version <= 2; version++) {
		n = proxy_write(buf, version, a, &t);
		need(n <= (version == 1 ? 107 : PROXY_MAX));
		need(proxy_parse(buf, n, &len, &b) == RP_YES && len == n &&
		    same(a, &b));
	}
	if (a->from.family != 0)
		need(b.tlvs.n <= a->tlvs.n);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct proxy_addrs	a;
	size_t			len;
	enum rp_answer		answer;

	answer = parse(data, size, &len, &a);
	cut(data, size, answer, len);
	if (answer == RP_YES) {
		need(proxy_parse(data, size, &len, &a) == RP_YES);
		again(&a);
	}
	return 0;
}

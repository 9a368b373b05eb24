/* LINK: refract-mux/srcproxy.o */
/* LIBS: -lnettle */
/*
 * A srcproxy header: its beginnings want more, and what was understood is
 * written and understood again.  A signed one with another bit anywhere is
 * signed no more.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "srcproxy.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
need(int good)
{
	if (!good)
		abort();
}

/* In memory of its own, so that a byte too far is seen. */
static enum rp_answer
parse(const uint8_t *p, size_t n, size_t *len, struct srcproxy *s)
{
	enum srcproxy_error	 why;
	enum rp_answer		 answer;
	uint8_t			*copy = malloc(n == 0 ? 1 : n);

	need(copy != NULL);
	memcpy(copy, p, n);
	answer = srcproxy_parse(copy, n, len, s, &why);
	need((answer == RP_NO) == (why != SRCPROXY_GOOD));
	need(*len <= n && *len <= SRCPROXY_MAX);
	free(copy);
	return answer;
}

static const uint8_t	key[] = "0123456789abcdef";

/* Which bit, the nonce says. */
static void
forge(uint8_t *buf, size_t n, const struct srcproxy *s)
{
	struct srcproxy	r;
	size_t		len, at = (s->nonce[0] << 8 | s->nonce[1]) % n;

	buf[at] ^= 1 << s->nonce[2] % 8;
	if (parse(buf, n, &len, &r) == RP_YES && r.version == 2)
		need(len != n || !srcproxy_verify(buf, &r, key, 16));
}

static void
again(const struct srcproxy *s)
{
	struct srcproxy	r;
	uint8_t		buf[SRCPROXY_MAX];
	size_t		n, len;

	n = s->version == 1 ? srcproxy_write(buf, s) :
	    srcproxy_write_signed(buf, s, key, 16);
	need(parse(buf, n, &len, &r) == RP_YES && len == n);
	need(memcmp(&r.to, &s->to, sizeof(r.to)) == 0 &&
	    memcmp(&r.from, &s->from, sizeof(r.from)) == 0 &&
	    r.to_port == s->to_port && r.from_port == s->from_port);
	if (s->version == 1)
		return;
	need(srcproxy_verify(buf, &r, key, 16));
	need(!srcproxy_verify(buf, &r, key, 15));
	forge(buf, n, s);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t size)
{
	struct srcproxy	whole, s;
	enum rp_answer	answer, part;
	size_t		len, at, n;

	answer = parse(p, size, &len, &whole);
	for (n = 0; n < size && n < SRCPROXY_MAX; n++) {
		part = parse(p, n, &at, &s);
		if (answer == RP_YES)
			need(part == (n < len ? RP_MORE : RP_YES));
		else
			need(part == RP_MORE || part == answer);
	}
	if (answer == RP_YES)
		again(&whole);
	return 0;
}

/*
 * See header.h.  What a header says beyond addresses goes on to the member as
 * it came.
 */
#include <sys/socket.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "header.h"
#include "offence.h"
#include "proxyproto.h"

struct came {
	size_t	n;
	uint8_t	tlvs[];
};

static int
keep(struct conn *c, const struct proxy_addrs *a)
{
	if (a->from.family != 0) {
		c->from = a->from;
		c->from_port = a->from_port;
		c->to = a->to;
		c->to_port = a->to_port;
	}
	if (a->tlvs.n == 0)
		return 0;
	if ((c->came = malloc(sizeof(*c->came) + a->tlvs.n)) == NULL)
		return -1;
	memcpy(c->came->tlvs, a->tlvs.p, a->tlvs.n);
	c->came->n = a->tlvs.n;
	return 0;
}

/* What limits count is who it really is. */
static int
admit(struct conn *c)
{
	if (shared_known(c->l->w, &c->from, wheel_now(), &c->ticket) ==
	    ADMITTED)
		return 1;
	offended(c->l, OFFENCE_LIMIT, &c->from, c->from_port,
	    "more than the limit");
	return 0;
}

int
header_take(struct conn *c, const uint8_t *p, size_t n, enum end_reason *why)
{
	struct proxy_addrs	a;
	enum rp_answer		answer;
	size_t			len;

	answer = proxy_parse(p, n, &len, &a);
	*why = END_HEADER;
	if (answer == RP_MORE && !c->client.ended)
		return 0;
	/* Off with it: its bytes are here already. */
	if (answer != RP_YES || recv(c->client.fd, NULL, len,
	    MSG_TRUNC | MSG_DONTWAIT) != (ssize_t)len)
		return -1;
	*why = END_ERROR;
	if (keep(c, &a) == -1)
		return -1;
	*why = END_LIMIT;
	return a.from.family == 0 || admit(c) ? 1 : -1;
}

static struct rp_slice
slice_of(const char *s)
{
	return (struct rp_slice){ (const uint8_t *)s,
	    s == NULL ? 0 : strlen(s) };
}

/* One of its own among all starts, with what logs call it. */
static struct rp_slice
unique_id(const struct conn *c)
{
	static uint64_t	run;
	static char	text[PROXY_UNIQUE_MAX];

	while (run == 0)
		arc4random_buf(&run, sizeof(run));
	snprintf(text, sizeof(text), "%016llx-%llu", (unsigned long long)run,
	    (unsigned long long)c->id);
	return slice_of(text);
}

size_t
header_write(struct conn *c, uint8_t buf[PROXY_MAX])
{
	struct proxy_addrs	 a;
	struct proxy_tlvs	 tlvs = { .authority = slice_of(c->sni),
	    .unique = unique_id(c), .dgram = c->is_flow };

	conn_local(c);
	a = (struct proxy_addrs){ .from = c->from, .to = c->to,
	    .from_port = c->from_port, .to_port = c->to_port };
	if (c->hello != NULL)
		tlvs.alpn = slice_of(c->hello->alpn);
	if (c->came != NULL)
		tlvs.came = (struct rp_slice){ c->came->tlvs, c->came->n };
	return proxy_write(buf, c->r->w->proxy, &a, &tlvs);
}

int
header_send(struct conn *c)
{
	static uint8_t	 buf[PROXY_MAX];
	size_t		 n = header_write(c, buf);

	return send(c->server.fd, buf, n, MSG_NOSIGNAL | MSG_DONTWAIT) ==
	    (ssize_t)n ? 0 : -1;
}

void
header_free(struct conn *c)
{
	free(c->came);
	c->came = NULL;
}

/* LINK: refract-mux/probe/probe.o refract-mux/probe/tls.o */
/* LINK: refract-mux/probe/http.o refract-mux/probe/text.o */
/* LINK: refract-mux/probe/binary.o refract-mux/probe/ja4.o */
/* LINK: refract-mux/probe/udp.o refract-mux/probe/quic.o */
/* LINK: refract-mux/probe/quic_header.o refract-mux/probe/quic_crypto.o */
/* LINK: refract-mux/probe/join.o refract-mux/probe/dtls.o */
/* LIBS: -lnettle */
/*
 * First bytes of anything, cut anywhere: an answer of a probe of streams, and
 * of a registry of all, stays whatever follows; so does what a yes knew; and
 * all of it lies in the bytes.  Each cut is a copy without a byte behind it.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "refract-probe.h"

#define CUTS_ALL	160	/* each of the first, then steps */

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* What was said over fewer bytes. */
struct before {
	enum rp_answer	answer;
	int		complete;
	uint8_t		name[256], host[256];
	size_t		nname, nhost, ntarget, npath;
};

static struct rp_registry	*all;
static struct before		 before[RP_BUILTIN_MAX];

static void
need(int good)
{
	if (!good)
		abort();
}

static void
check_slice(const struct rp_slice *s, const uint8_t *p, size_t n,
    const struct rp_info *info)
{
	if (s->n == 0)
		return;
	if (s->p >= info->buf && s->p < info->buf + RP_BUF_LEN)
		need(s->n <= info->nbuf &&
		    s->p + s->n <= info->buf + info->nbuf);
	else
		need(s->p >= p && s->n <= n && s->p + s->n <= p + n);
}

/* Once it is known it stays, and once all is known nothing comes. */
static void
check_kept(const struct rp_slice *s, uint8_t *kept, size_t *nkept, int over)
{
	size_t	n = s->n < 256 ? s->n : 256;

	if (*nkept > 0)
		need(s->n == *nkept && memcmp(s->p, kept, n) == 0);
	else if (s->n > 0) {
		need(!over);
		memcpy(kept, s->p, n);
		*nkept = s->n;
	}
}

static void
check_yes(struct before *b, const uint8_t *p, size_t n, struct rp_info *info)
{
	int	over = b->complete;

	if (info->proto == RP_HTTP) {
		check_slice(&info->method, p, n, info);
		need(info->method.n > 0 && !info->complete);
		rp_http_details(p, n, info);
		check_slice(&info->target, p, n, info);
		check_slice(&info->path, p, n, info);
		check_slice(&info->host, p, n, info);
		need(b->ntarget == 0 || b->ntarget == info->target.n);
		need(b->npath == 0 || b->npath == info->path.n);
		b->ntarget = info->target.n;
		b->npath = info->path.n;
		check_kept(&info->host, b->host, &b->nhost, over);
	}
	check_slice(&info->sni, p, n, info);
	check_slice(&info->alpn, p, n, info);
	check_kept(&info->sni, b->name, &b->nname, over);
	need(!over || info->complete);
	b->complete = info->complete;
}

static void
check_probe(int proto, const uint8_t *p, size_t n)
{
	struct before	*b = &before[proto];
	struct rp_info	 info;
	enum rp_answer	 answer = rp_probe(proto, p, n, &info);

	need(answer == RP_NO || answer == RP_YES || answer == RP_MORE);
	need(b->answer == RP_MORE || b->answer == answer);
	need(n > 0 || answer == RP_MORE);
	b->answer = answer;
	if (answer == RP_YES)
		check_yes(b, p, n, &info);
}

static void
check_ja4(const uint8_t *p, size_t n)
{
	struct rp_info	info;
	char		out[RP_JA4_LEN];

	if (rp_ja4(p, n, 0, out) == -1)
		return;
	need(strlen(out) == RP_JA4_LEN - 1 && out[10] == '_' &&
	    out[23] == '_');
	need(rp_probe(RP_TLS, p, n, &info) == RP_YES && info.complete);
}

/* The registry over so many bytes; the number of who it is, else the answer. */
static int
who(const uint8_t *p, size_t n, int last)
{
	struct rp_info	info;
	enum rp_answer	answer = rp_identify(all, p, n, last, &info);

	need(!last || answer != RP_MORE);
	if (answer != RP_YES)
		return answer == RP_NO ? 0 : -1;
	need(info.proto > 0 && info.proto < RP_BUILTIN_MAX);
	need(before[info.proto].answer == RP_YES);
	return info.proto;
}

static void
check_cut(const uint8_t *data, size_t n, int *told)
{
	uint8_t	*p = malloc(n == 0 ? 1 : n);
	int	 proto, now;

	need(p != NULL);
	memcpy(p, data, n);
	for (proto = 1; proto < RP_BUILTIN_MAX; proto++)
		if (rp_transport(proto) & RP_OVER_TCP)
			check_probe(proto, p, n);
	now = who(p, n, 0);
	need(*told == -1 || *told == now);
	if ((*told = now) != -1)
		need(who(p, n, 1) == now);
	if (n % 8 == 0)
		check_ja4(p, n);
	free(p);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t	k, step = 1 + size / 64;
	int	proto, told = -1;

	if (all == NULL) {
		need((all = rp_new()) != NULL);
		need(rp_add_all(all) == 0);
	}
	memset(before, 0, sizeof(before));
	for (proto = 0; proto < RP_BUILTIN_MAX; proto++)
		before[proto].answer = RP_MORE;
	for (k = 0; k < size; k += k < CUTS_ALL ? 1 : step)
		check_cut(data, k, &told);
	check_cut(data, size, &told);
	check_ja4(data, size);
	return 0;
}

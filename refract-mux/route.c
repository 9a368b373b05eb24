/*
 * See route.h.  What a probe said is kept while one connection is decided
 * about: ten rules for TLS look at a hello once.
 */
#include <sys/socket.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf.h"
#include "log.h"
#include "msg.h"
#include "regex.h"
#include "route.h"

#define NAME_MAX_SENT	255	/* RFC 6066: a host name, in bytes */

static struct findings	found;
static uint8_t		asked[RP_BUILTIN_MAX];	/* answer + 1 */
static struct rp_info	other;
static const struct rp_info *hello;	/* of the rule that is tried, or NULL */

const struct findings *
route_findings(void)
{
	return &found;
}

/* Building. */

static int
cond_cmp(const void *a, const void *b)
{
	const struct cond	*p = a, *q = b;

	return (int)p->w->kind - (int)q->w->kind;
}

static int
build_cond(struct cond *c, const struct conf_cond *cc, const struct conf *conf,
    char *why)
{
	struct conf_table	*t;

	c->w = &cc->w;
	c->data = cc->data;
	if (cc->w.kind == COND_FROM &&
	    (t = conf_table_byid(conf, cc->w.table)) != NULL)
		c->from = &t->prefixes;
	if (cc->w.kind != COND_REGEX && cc->w.kind != COND_SNI_REGEX)
		return 0;
	c->regex = regex_new((const char *)cc->data, cc->w.len, why);
	return c->regex == NULL ? -1 : 0;
}

static int
build_route(struct route *r, const struct conf_route *cr,
    const struct conf *conf, char *why)
{
	struct conf_cond	*cc;
	unsigned int		 n = 0;

	r->w = &cr->w;
	r->shared = shared_route(cr->w.slot);
	TAILQ_FOREACH(cc, &cr->conds, entry)
		n++;
	if ((r->conds = calloc(n + 1, sizeof(*r->conds))) == NULL)
		fatal("route");
	TAILQ_FOREACH(cc, &cr->conds, entry)
		if (build_cond(&r->conds[r->nconds++], cc, conf, why) == -1)
			return -1;
	qsort(r->conds, r->nconds, sizeof(*r->conds), cond_cmp);
	return 0;
}

static void
note_special(struct routes *rs, struct route *r)
{
	if (r->w->probe == ROUTE_TIMEOUT && rs->timeout == NULL)
		rs->timeout = r;
	if (r->w->probe == ROUTE_OTHERWISE && rs->otherwise == NULL)
		rs->otherwise = r;
	if (r->w->probe == ROUTE_SPEAKS_FIRST && rs->speaks_first == NULL)
		rs->speaks_first = r;
	rs->asks_quic |= r->w->probe == RP_QUIC;
	rs->asks_dtls |= r->w->probe == RP_DTLS;
}

int
routes_build(struct routes *rs, const struct conf_listener *l,
    const struct conf *conf, struct pool *(*pool_of)(uint32_t, void *),
    void *arg, char *why)
{
	struct conf_route	*cr;
	struct route		*r;
	unsigned int		 n = 0;

	memset(rs, 0, sizeof(*rs));
	TAILQ_FOREACH(cr, &l->routes, entry)
		n++;
	if ((rs->list = calloc(n + 1, sizeof(*rs->list))) == NULL)
		fatal("listen %s", l->w.name);
	TAILQ_FOREACH(cr, &l->routes, entry) {
		r = &rs->list[rs->n++];
		if (build_route(r, cr, conf, why) == -1) {
			routes_clear(rs);
			return -1;
		}
		if (cr->w.action == ROUTE_TO)
			r->pool = pool_of(cr->w.pool, arg);
		note_special(rs, r);
	}
	return 0;
}

void
routes_clear(struct routes *rs)
{
	unsigned int	i, k;

	for (i = 0; i < rs->n; i++) {
		for (k = 0; k < rs->list[i].nconds; k++)
			regex_free(rs->list[i].conds[k].regex);
		free(rs->list[i].conds);
	}
	free(rs->list);
	memset(rs, 0, sizeof(*rs));
}

/* Conditions. */

static unsigned int
lower(unsigned int c)
{
	return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
}

static int
same_nocase(const uint8_t *p, const uint8_t *q, size_t n)
{
	while (n-- > 0)
		if (lower(p[n]) != lower(q[n]))
			return 0;
	return 1;
}

/* "example.com", or "*.example.com": one label or more before it. */
static int
name_matches(const struct cond *c, const struct rp_slice *name)
{
	size_t	len = c->w->len, n = name->n;

	if (n > 0 && name->p[n - 1] == '.')
		n--;
	if (len < 2 || c->data[0] != '*')
		return n == len && same_nocase(name->p, c->data, n);
	return n > len - 1 &&
	    same_nocase(name->p + n - (len - 1), c->data + 1, len - 1);
}

static enum rp_answer
sni_regex(const struct cond *c, const struct rp_slice *name)
{
	char	text[NAME_MAX_SENT];
	size_t	i, n = name->n;

	if (n > 0 && name->p[n - 1] == '.')
		n--;
	if (n > sizeof(text))
		return RP_NO;
	for (i = 0; i < n; i++)
		text[i] = (char)lower(name->p[i]);
	return regex_match(c->regex, text, n) == RP_YES ? RP_YES : RP_NO;
}

static enum rp_answer
test_tls(const struct cond *c)
{
	const struct rp_info	*i = hello;

	if (i == NULL)
		return RP_NO;
	if (c->w->kind == COND_ALPN) {
		if (i->alpn.n > 0)
			return rp_alpn_has(&i->alpn, c->data, c->w->len) ?
			    RP_YES : RP_NO;
	} else if (i->sni.n > 0) {
		if (c->w->kind == COND_SNI_REGEX)
			return sni_regex(c, &i->sni);
		return name_matches(c, &i->sni) ? RP_YES : RP_NO;
	}
	return i->complete ? RP_NO : RP_MORE;
}

/* Host without its port. */
static struct rp_slice
host_name(struct rp_slice host)
{
	size_t	n = host.n;

	while (n > 0 && host.p[n - 1] >= '0' && host.p[n - 1] <= '9')
		n--;
	if (n > 0 && host.p[n - 1] == ':')
		host.n = n - 1;
	return host;
}

static enum rp_answer
test_http(const struct cond *c)
{
	const struct rp_info	*i = &found.http;
	struct rp_slice		 name;

	if (!found.is_http)
		return RP_NO;
	if (c->w->kind == COND_PATH) {
		if (i->path.n == 0)
			return i->complete ? RP_NO : RP_MORE;
		return i->path.n >= c->w->len && memcmp(i->path.p,
		    c->data, c->w->len) == 0 ? RP_YES : RP_NO;
	}
	if (i->host.n == 0)
		return i->complete ? RP_NO : RP_MORE;
	name = host_name(i->host);
	return name_matches(c, &name) ? RP_YES : RP_NO;
}

static enum rp_answer
test_bytes(const struct cond *c, const struct first_bytes *f)
{
	const uint8_t	*mask = c->w->masked ? c->data + c->w->len : NULL;
	size_t		 i, at = c->w->offset;

	for (i = 0; i < c->w->len; i++, at++) {
		if (at >= f->n)
			return RP_MORE;
		if ((f->p[at] ^ c->data[i]) & (mask == NULL ? 0xff : mask[i]))
			return RP_NO;
	}
	return RP_YES;
}

static enum rp_answer
test_kind(const struct cond *c, const struct first_bytes *f)
{
	switch (c->w->kind) {
	case COND_SNI:
	case COND_SNI_REGEX:
	case COND_ALPN:
		return test_tls(c);
	case COND_HOST:
	case COND_PATH:
		return test_http(c);
	case COND_FROM:
		return c->from != NULL && prefixset_contains(c->from,
		    f->from) ? RP_YES : RP_NO;
	case COND_BYTES:
		return test_bytes(c, f);
	case COND_CONTAINS:
		return memmem(f->p, f->n, c->data, c->w->len) != NULL ?
		    RP_YES : RP_MORE;
	case COND_REGEX:
		return regex_match(c->regex, f->p, f->n);
	}
	return RP_NO;
}

/* A datagram is all there is: only a hello goes on in the next one. */
static enum rp_answer
test(const struct cond *c, const struct first_bytes *f)
{
	enum rp_answer	answer = test_kind(c, f);

	if (answer == RP_MORE && f->datagram && c->w->kind >= COND_FROM)
		return RP_NO;
	return answer;
}

/* Of each kind one; a no is a no, however much the others need. */
static enum rp_answer
test_all(const struct route *r, const struct first_bytes *f)
{
	enum rp_answer	all = RP_YES, one, kind;
	unsigned int	i = 0;
	uint32_t	k;

	while (i < r->nconds) {
		k = r->conds[i].w->kind;
		for (kind = RP_NO; i < r->nconds && r->conds[i].w->kind == k;
		    i++) {
			if (kind == RP_YES)
				continue;
			if ((one = test(&r->conds[i], f)) != RP_NO)
				kind = one;
		}
		if (kind == RP_NO)
			return RP_NO;
		if (kind == RP_MORE)
			all = RP_MORE;
	}
	return all;
}

/* Deciding. */

static enum rp_answer
ask_quic(const struct first_bytes *f)
{
	enum rp_answer	answer;

	answer = f->quic == NULL ? RP_NO : rp_quic_answer(f->quic,
	    &found.quic);
	found.is_quic = answer == RP_YES;
	return answer;
}

static enum rp_answer
ask_dtls(const struct first_bytes *f)
{
	enum rp_answer	answer;

	answer = f->dtls == NULL ? RP_NO : rp_dtls_answer(f->dtls,
	    &found.dtls);
	found.is_dtls = answer == RP_YES;
	return answer;
}

/* Which hello a rule of this probe asks, if it said yes. */
static const struct rp_info *
hello_of(int probe)
{
	switch (probe) {
	case RP_TLS:
		return found.is_tls ? &found.tls : NULL;
	case RP_QUIC:
		return found.is_quic ? &found.quic : NULL;
	case RP_DTLS:
		return found.is_dtls ? &found.dtls : NULL;
	}
	return NULL;
}

static enum rp_answer
ask(int probe, const struct first_bytes *f)
{
	enum rp_answer	answer;

	if (asked[probe] != 0)
		return asked[probe] - 1;
	switch (probe) {
	case RP_TLS:
		answer = rp_probe(probe, f->p, f->n, &found.tls);
		found.is_tls = answer == RP_YES;
		break;
	case RP_HTTP:
		answer = rp_probe(probe, f->p, f->n, &found.http);
		if ((found.is_http = answer == RP_YES))
			rp_http_details(f->p, f->n, &found.http);
		break;
	case RP_QUIC:
		answer = ask_quic(f);
		break;
	case RP_DTLS:
		answer = ask_dtls(f);
		break;
	default:
		answer = rp_probe(probe, f->p, f->n, &other);
		if (answer == RP_MORE && f->datagram)
			answer = RP_NO;
	}
	asked[probe] = (uint8_t)(answer + 1);
	return answer;
}

static enum rp_answer
try(const struct route *r, const struct first_bytes *f)
{
	enum rp_answer	probe = RP_YES, conds;

	if (r->w->probe >= ROUTE_TIMEOUT)
		return r->w->probe == ROUTE_OTHERWISE ? test_all(r, f) :
		    RP_NO;
	if (r->w->probe != ROUTE_PROBE_NONE &&
	    (probe = ask(r->w->probe, f)) == RP_NO)
		return RP_NO;
	if (probe == RP_MORE && r->nconds > 0 &&
	    r->conds[0].w->kind < COND_FROM)
		return RP_MORE;
	hello = hello_of(r->w->probe);
	if ((conds = test_all(r, f)) == RP_NO)
		return RP_NO;
	return probe == RP_MORE || conds == RP_MORE ? RP_MORE : RP_YES;
}

static enum rp_answer
silent(const struct routes *rs, struct route **route)
{
	if ((*route = rs->timeout) == NULL)
		*route = rs->otherwise;
	return *route == NULL ? RP_NO : RP_YES;
}

enum rp_answer
route_decide(const struct routes *rs, const struct first_bytes *f,
    struct route **route)
{
	unsigned int	i;

	found.is_tls = found.is_http = found.is_quic = found.is_dtls = 0;
	if (f->n == 0 && f->last)
		return silent(rs, route);
	memset(asked, 0, sizeof(asked));
	for (i = 0; i < rs->n; i++) {
		*route = &rs->list[i];
		switch (try(*route, f)) {
		case RP_YES:
			return RP_YES;
		case RP_MORE:
			if (!f->last)
				return RP_MORE;
			break;
		case RP_NO:
			break;
		}
	}
	*route = NULL;
	return RP_NO;
}

/*
 * Which route a connection takes: its first bytes are looked at where they
 * lie in the kernel, each time that more of them come, until a rule is sure
 * or the time is over.
 */
#include <sys/socket.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "access.h"
#include "header.h"
#include "log.h"
#include "mux.h"
#include "offence.h"
#include "relay_side.h"

#define PEEK_MAX	(64 * 1024)
#define TARPIT_TIME	60000	/* without a limit of the listener's */
#define TARPIT_MAX	1000	/* of this worker */
#define LOOKS		32	/* then not more often than the clock ticks */

static uint8_t	peeked[PEEK_MAX];
static struct {
	const struct conn	*c;
	size_t			 n;
} decided;
static unsigned int	ntarpits;

size_t
decide_peeked(const struct conn *c, const uint8_t **p)
{
	*p = peeked;
	return decided.c == c ? decided.n : 0;
}

/* -1: it is gone. */
static ssize_t
peek(struct conn *c)
{
	ssize_t	n;

	do
		n = recv(c->client.fd, peeked, sizeof(peeked),
		    MSG_PEEK | MSG_DONTWAIT);
	while (n == -1 && errno == EINTR);
	if (n == -1 && errno == EAGAIN)
		return 0;
	if (n == 0)
		c->client.ended = 1;
	return n;
}

int
decide_hold(struct conn *c, uint32_t kib)
{
	if (atomic_fetch_add(&c->l->shared->peek_memory, kib) + kib >
	    c->l->w->peek_memory) {
		atomic_fetch_sub(&c->l->shared->peek_memory, kib);
		return 0;
	}
	c->peeked += kib;
	return 1;
}

void
decide_release(struct conn *c)
{
	if (c->peeked > 0)
		atomic_fetch_sub(&c->l->shared->peek_memory, c->peeked);
	c->peeked = 0;
	ntarpits -= c->state == CONN_TARPIT;
}

/* Taking a route. */

static char *
keep_text(const uint8_t *p, size_t n)
{
	if (n == 0 || n > 255 || memchr(p, '\0', n) != NULL)
		return NULL;
	return strndup((const char *)p, n);
}

static void
keep_hello(struct conn *c, const struct rp_info *i,
    const struct first_bytes *f)
{
	const struct rp_slice	*alpn = &i->alpn;
	struct hello		*h;

	if ((h = c->hello = calloc(1, sizeof(*h))) == NULL)
		return;
	h->version = i->version;
	if (alpn->n > 0 && alpn->p[0] < alpn->n &&
	    alpn->p[0] < sizeof(h->alpn) &&
	    memchr(alpn->p + 1, '\0', alpn->p[0]) == NULL)
		memcpy(h->alpn, alpn->p + 1, alpn->p[0]);
	if (access_is_wanted(c->l) && rp_ja4(f->p, f->n, 0, h->ja4) ==
	    -1)
		*h->ja4 = '\0';
}

static void
keep_found(struct conn *c, const struct first_bytes *f)
{
	const struct findings	*found = route_findings();

	if (found->is_tls) {
		c->proto = RP_TLS;
		c->sni = keep_text(found->tls.sni.p, found->tls.sni.n);
		keep_hello(c, &found->tls, f);
	} else if (found->is_http) {
		c->proto = RP_HTTP;
		c->sni = keep_text(found->http.host.p, found->http.host.n);
	}
}

/* It gets nothing, and learns that late; we hold next to nothing for it. */
static void
tarpit(struct conn *c)
{
	int		size = 1024;

	if (ntarpits == TARPIT_MAX) {
		conn_end(c, END_ROUTE);
		return;
	}
	ntarpits++;
	c->state = CONN_TARPIT;
	setsockopt(c->client.fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	conn_set_timer(c, c->l->w->idle > 0 && c->l->w->idle < TARPIT_TIME ?
	    c->l->w->idle : TARPIT_TIME);
}

void
decide_route(struct conn *c, struct route *r)
{
	if (c->ahead != AHEAD_NONE && (r->w->action != ROUTE_TO ||
	    r->pool != c->r->pool || r->w->proxy != c->r->w->proxy ||
	    r->w->transparent != c->r->w->transparent))
		join_drop_ahead(c);
	c->r = r;
	if (c->proto == 0 && r->w->probe < RP_BUILTIN_MAX)
		c->proto = r->w->probe;
	decide_release(c);
	atomic_fetch_add(&r->shared->total, 1);
	atomic_fetch_add(&r->shared->connections, 1);
	c->counted = 1;
	switch (r->w->action) {
	case ROUTE_TO:
		join_begin(c);
		break;
	case ROUTE_TARPIT:
		tarpit(c);
		break;
	case ROUTE_RESET:
		side_reset(&c->client);
		conn_end(c, END_ROUTE);
		break;
	default:
		conn_end(c, END_ROUTE);
	}
}

static void
no_route(struct conn *c, const struct first_bytes *f, int late)
{
	struct first_bytes	 more = *f;
	struct route		*r;

	/* Half of something that was named, or nothing of it? */
	more.last = 0;
	if (late && (f->n == 0 || route_decide(&c->l->routes, &more, &r) ==
	    RP_MORE)) {
		offended(c->l, OFFENCE_SLOW, &c->from, c->from_port,
		    f->n == 0 ? "said nothing in time" :
		    "first bytes did not come in time");
		conn_end(c, END_SLOW);
		return;
	}
	offended(c->l, OFFENCE_UNKNOWN, &c->from, c->from_port,
	    "no route for what it said");
	conn_end(c, END_UNKNOWN);
}

/* Looking. */

/* The listener's memory for long hellos has room for this one. */
static int
may_grow(struct conn *c, size_t n)
{
	uint32_t	kib = (uint32_t)(n / 1024) + 1;

	return kib <= c->peeked || decide_hold(c, kib - c->peeked);
}

/*
 * No more than `peek` bytes are looked at, whatever has come at once, but a
 * well-formed TLS hello may be as long as it is.
 */
static void
bound(struct conn *c, struct first_bytes *f)
{
	struct rp_info	info;

	if (f->n < c->l->w->peek_bytes)
		return;
	if (rp_probe(RP_TLS, f->p, f->n, &info) != RP_YES) {
		f->n = c->l->w->peek_bytes;
		f->last = 1;
	} else if (!info.complete && (f->n >= PEEK_MAX ||
	    !may_grow(c, f->n)))
		f->last = 1;
}

/* late: the time is over. */
static void
decide(struct conn *c, int late)
{
	struct first_bytes	f = { .p = peeked, .from = &c->from };
	struct route		*r;
	ssize_t			 n;

	if ((n = peek(c)) == -1 || (n == 0 && c->client.ended)) {
		conn_end(c, END_CLIENT);
		return;
	}
	f.n = (size_t)n;
	f.last = late || c->client.ended;
	if (n == 0 && !late)
		return;
	bound(c, &f);
	switch (route_decide(&c->l->routes, &f, &r)) {
	case RP_YES:
		keep_found(c, &f);
		decided.c = c;
		decided.n = (size_t)n;
		decide_route(c, r);
		decided.c = NULL;
		break;
	case RP_MORE:
		break;
	case RP_NO:
		no_route(c, &f, late);
		break;
	}
}

/* The timer of what comes next: who speaks first, or the end of the time. */
static void
set_peek_timer(struct conn *c)
{
	const struct route	*first = c->l->routes.speaks_first;
	uint64_t		 at = UINT64_MAX, now = wheel_now(), after;

	if (c->l->w->peek_time > 0)
		at = c->began_peek + (uint64_t)c->l->w->peek_time;
	if (first != NULL && c->ahead != AHEAD_FAILED) {
		after = (uint64_t)first->w->after;
		if (c->ahead == AHEAD_NONE)
			after /= 2;
		/* Over, but then it had begun to speak. */
		if (c->began_peek + after > now && c->began_peek + after < at)
			at = c->began_peek + after;
	}
	if (at != UINT64_MAX)
		wheel_set(&c->timer, at);
	else
		wheel_clear(&c->timer);
}

void
decide_begin(struct conn *c)
{
	const struct route	*first = c->l->routes.speaks_first;

	c->state = CONN_PEEK;
	c->began_peek = wheel_now();
	if (first != NULL && first->w->after == 0)
		decide_timer(c);
	else
		set_peek_timer(c);
}

/* Whoever sends byte by byte is not looked at for each. */
void
decide_bytes(struct conn *c)
{
	if (c->looks < LOOKS || c->client.ended || c->client.broken) {
		c->looks += c->looks < LOOKS;
		decide(c, 0);
		return;
	}
	if (c->timer.at == 0 || c->timer.at > wheel_now() + WHEEL_TICK)
		wheel_set(&c->timer, wheel_now() + WHEEL_TICK);
}

/* It is silent: 1 if that decided something. */
static int
server_speaks(struct conn *c, uint64_t gone)
{
	struct route	*first = c->l->routes.speaks_first;
	uint64_t	 after = (uint64_t)first->w->after;

	if (gone >= after) {
		decide_route(c, first);
		return 1;
	}
	if (gone >= after / 2 && c->ahead == AHEAD_NONE &&
	    first->w->action == ROUTE_TO) {
		c->r = first;
		join_ahead(c);
	}
	return 0;
}

void
decide_timer(struct conn *c)
{
	uint64_t	now = wheel_now(), gone = now - c->began_peek;
	ssize_t		n;

	if (c->l->w->peek_time > 0 && gone >= (uint64_t)c->l->w->peek_time) {
		decide(c, 1);
		return;
	}
	if (c->l->routes.speaks_first != NULL) {
		if ((n = peek(c)) == -1 || (n == 0 && c->client.ended)) {
			conn_end(c, END_CLIENT);
			return;
		}
		if (n == 0 && server_speaks(c, gone))
			return;
	}
	set_peek_timer(c);
	if (c->looks >= LOOKS)
		decide(c, 0);
}

/* A PROXY header from who may send one. */
void
decide_header(struct conn *c)
{
	enum end_reason	why;
	ssize_t		n;

	if (c->relay != NULL) {
		relay_header(c);
		return;
	}
	if ((n = peek(c)) == -1 || (n == 0 && c->client.ended)) {
		conn_end(c, END_CLIENT);
		return;
	}
	switch (n == 0 ? 0 : header_take(c, peeked, (size_t)n, &why)) {
	case 0:
		return;
	case -1:
		side_reset(&c->client);
		conn_end(c, why);
		return;
	}
	decide_begin(c);
	/* What came behind it has no event of its own. */
	if (c->state == CONN_PEEK)
		decide(c, 0);
}

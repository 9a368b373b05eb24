/*
 * Clients that come back from another address.  A server chooses an id for
 * each (QUIC's connection id, WireGuard's index) and the client says it in
 * every packet.  An id is noted when the client has said what the server
 * chose, which nobody knows who does not see the client's packets; whoever
 * comes with it gets a flow of his own to the same member, so that only the
 * member decides whether it is the same client.
 */
#include <string.h>

#include "flow.h"
#include "known.h"
#include "probe/refract-probe-udp.h"

#define SHORT_MIN	21	/* RFC 9000 10.3: shorter is no packet */

static void
note(const struct flow *f, enum known kind, const void *id, size_t n)
{
	struct known_way	way = { f->c.r->w->slot, f->c.m->w->slot };

	known_add(f->c.l->w->hash, kind, id, n, &way, wheel_now());
}

static enum known
kind_of(const struct flow *f)
{
	return f->c.proto == RP_QUIC ? KNOWN_QUIC : KNOWN_WIREGUARD;
}

void
roam_refresh(struct flow *f)
{
	if (!f->is_known || f->c.m == NULL)
		return;
	note(f, kind_of(f), f->id, f->nid);
	if (f->c.proto == RP_QUIC)
		note(f, KNOWN_ADDRESS, &f->c.from, sizeof(f->c.from));
}

static void
chosen(struct flow *f, const void *id, size_t n)
{
	if (n < KNOWN_ID_MIN || n > sizeof(f->id) ||
	    (n == f->nid && memcmp(f->id, id, n) == 0))
		return;
	memcpy(f->id, id, n);
	f->nid = (uint8_t)n;
	f->is_known = 0;
}

void
roam_learn(struct flow *f, const struct datagram *d)
{
	struct rp_wireguard	wg;
	struct rp_slice		id;

	if (d->n == 0)
		return;
	if (f->c.proto == RP_QUIC) {
		if ((d->p[0] & 0x80) != 0 && rp_quic_learn(d->p, d->n, &id))
			chosen(f, id.p, id.n);
	} else if (f->c.proto == RP_WIREGUARD) {
		if (d->p[0] <= 2 && rp_wireguard(d->p, d->n, &wg) &&
		    (wg.type == 1 || wg.type == 2))
			chosen(f, &wg.sender, sizeof(wg.sender));
	}
}

static int
says_id(const struct flow *f, const struct datagram *d)
{
	struct rp_quic_header	h;
	struct rp_wireguard	wg;
	struct rp_slice		id;

	if (f->c.proto == RP_WIREGUARD)
		return rp_wireguard(d->p, d->n, &wg) && wg.type != 1 &&
		    memcmp(&wg.receiver, f->id, sizeof(wg.receiver)) == 0;
	switch (rp_quic_header(d->p, d->n, &h)) {
	case RP_QUIC_INITIAL:
	case RP_QUIC_HANDSHAKE:
		id = h.dcid;
		break;
	case RP_QUIC_SHORT:
		if (!rp_quic_short(d->p, d->n, f->nid, &id))
			return 0;
		break;
	default:
		return 0;
	}
	return id.n == f->nid && memcmp(id.p, f->id, id.n) == 0;
}

void
roam_confirm(struct flow *f, const struct datagram *d)
{
	if (f->nid == 0 || f->is_known || !says_id(f, d))
		return;
	f->is_known = 1;
	roam_refresh(f);
}

/* What the table says, if it is still so. */
static int
way_is_there(struct listener *l, const struct known_way *w, struct route **rp,
    struct member **mp)
{
	struct route	*r;
	struct member	*m;
	unsigned int	 i;

	*rp = NULL;
	for (i = 0; i < l->routes.n; i++) {
		r = &l->routes.list[i];
		if (r->w->action != ROUTE_TO || r->pool == NULL ||
		    (m = pool_member(r->pool, w->member)) == NULL ||
		    !member_is_up(m))
			continue;
		/* The rule itself, or one that leads there too. */
		if (*rp == NULL || r->w->slot == w->route) {
			*rp = r;
			*mp = m;
		}
	}
	return *rp != NULL;
}

static int
known_quic(struct listener *l, const struct datagram *d, struct known_way *w)
{
	uint32_t	lengths = known_lengths();
	struct rp_slice	id;
	size_t		n;

	if (d->n < SHORT_MIN || (d->p[0] & 0xc0) != 0x40)
		return 0;
	for (n = KNOWN_ID_MAX; n >= KNOWN_ID_MIN; n--)
		if ((lengths & 1u << n) != 0 && rp_quic_short(d->p, d->n, n,
		    &id) && known_find(l->w->hash, KNOWN_QUIC, id.p, id.n, w,
		    wheel_now()))
			return 1;
	return 0;
}

static int
known_wireguard(struct listener *l, const struct datagram *d,
    struct known_way *w)
{
	struct rp_wireguard	wg;

	return rp_wireguard(d->p, d->n, &wg) && wg.type != 1 &&
	    known_find(l->w->hash, KNOWN_WIREGUARD, &wg.receiver,
	    sizeof(wg.receiver), w, wheel_now());
}

int
roam_known(struct listener *l, const struct datagram *d, struct route **r,
    struct member **m)
{
	struct known_way	w;

	return d->n > 0 && (known_quic(l, d, &w) ||
	    known_wireguard(l, d, &w)) && way_is_there(l, &w, r, m);
}

/* The only pool that QUIC goes to; NULL: there are several. */
static struct route *
only_quic(struct listener *l)
{
	struct route	*r, *only = NULL;
	unsigned int	 i;

	for (i = 0; i < l->routes.n; i++) {
		r = &l->routes.list[i];
		if (r->w->probe != RP_QUIC || r->w->action != ROUTE_TO)
			continue;
		if (only != NULL && only->pool != r->pool)
			return NULL;
		if (only == NULL)
			only = r;
	}
	return only;
}

int
roam_guess(struct listener *l, const struct prefix *from,
    const struct datagram *d, struct route **r, struct member **m)
{
	struct known_way	w;

	if (!l->routes.asks_quic || d->n < SHORT_MIN ||
	    (d->p[0] & 0xc0) != 0x40)
		return 0;
	if (known_find(l->w->hash, KNOWN_ADDRESS, from, sizeof(*from), &w,
	    wheel_now()) && way_is_there(l, &w, r, m))
		return 1;
	*m = NULL;
	return (*r = only_quic(l)) != NULL;
}

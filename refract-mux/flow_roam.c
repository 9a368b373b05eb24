/*
 * Clients that come back from another address.  A server chooses an id for
 * each (QUIC's connection id, WireGuard's index) and the client says it in
 * every packet.  An id is noted when the client has said what the server
 * chose, which nobody knows who does not see the client's packets; whoever
 * comes with it gets a flow of his own to the same member, so that only the
 * member decides whether it is the same client.
 *
 * QUIC's servers choose more ids later, encrypted.  One of them is noted when
 * a client says it in his flow and the server goes on answering.
 */
#include <string.h>

#include "flow.h"
#include "known.h"
#include "probe/refract-probe-udp.h"

#define SHORT_MIN	21	/* RFC 9000 10.3: shorter is no packet */
#define PADDED		1200	/* RFC 9000 8.2.1: who asks for a path */
#define NOTE		1000	/* ms: so often something is noted */

/* A flow's id: none, by its server, by its client, by both. */
enum id_is { ID_NONE, ID_CHOSEN, ID_SAID, ID_KNOWN };

static int
is_short(const struct datagram *d)
{
	return d->n >= SHORT_MIN && (d->p[0] & 0x80) == 0;
}

static int
is_fixed(const struct datagram *d)
{
	return (d->p[0] & 0x40) != 0;
}

static void
note(const struct flow *f, enum known kind, const void *id, size_t n)
{
	struct known_way	way = { f->c.r->w->slot, f->c.m->w->slot };

	known_add(f->c.l->w->hash, kind, id, n, &way, wheel_now());
}

static struct prefix
home_of(const struct flow *f)
{
	struct prefix	p = f->c.from;

	prefix_group(&p, f->c.l->w->plen4, f->c.l->w->plen6);
	return p;
}

static enum known
kind_of(const struct flow *f)
{
	return f->c.proto == RP_QUIC ? KNOWN_QUIC : KNOWN_WIREGUARD;
}

void
roam_refresh(struct flow *f)
{
	if (f->id_is == ID_KNOWN && f->c.m != NULL)
		note(f, kind_of(f), f->id, f->nid);
}

/* Its client is there, now. */
static void
note_all(struct flow *f)
{
	struct prefix	home;

	f->id_is = ID_KNOWN;
	f->noted = f->c.active;
	roam_refresh(f);
	if (f->c.proto != RP_QUIC)
		return;
	home = home_of(f);
	note(f, KNOWN_ADDRESS, &home, sizeof(home));
	if (f->greased)
		note(f, KNOWN_GREASED, &home, sizeof(home));
}

static int
is_id(const struct flow *f, const void *id, size_t n)
{
	return n == f->nid && memcmp(id, f->id, n) == 0;
}

static void
set_id(struct flow *f, const void *id, size_t n, enum id_is is)
{
	memcpy(f->id, id, n);
	f->nid = (uint8_t)n;
	f->id_is = (uint8_t)is;
}

/* The server's datagrams. */

static void
chosen(struct flow *f, const void *id, size_t n)
{
	if (n >= KNOWN_ID_MIN && n <= sizeof(f->id) && !is_id(f, id, n))
		set_id(f, id, n, ID_CHOSEN);
}

/*
 * A client's id is real when the server goes on; where nothing else is known
 * of the flow, with more than a stateless reset, which is shorter than what
 * it answers (RFC 9000 10.3.3).
 */
static void
answered(struct flow *f, size_t n)
{
	if (f->id_is == ID_SAID && n >= f->asked)
		note_all(f);
}

void
roam_learn(struct flow *f, const struct datagram *d)
{
	struct rp_wireguard	wg;
	struct rp_slice		id;

	if (d->n == 0)
		return;
	if (f->c.proto == RP_QUIC) {
		if ((d->p[0] & 0x80) == 0)
			answered(f, d->n);
		else if (rp_quic_learn(d->p, d->n, &id))
			chosen(f, id.p, id.n);
	} else if (f->c.proto == RP_WIREGUARD) {
		if (d->p[0] <= 2 && rp_wireguard(d->p, d->n, &wg) &&
		    (wg.type == 1 || wg.type == 2))
			chosen(f, &wg.sender, sizeof(wg.sender));
	}
}

/* The client's. */

static void
says_index(struct flow *f, const struct datagram *d)
{
	struct rp_wireguard	wg;

	if (f->id_is == ID_CHOSEN && rp_wireguard(d->p, d->n, &wg) &&
	    wg.type != 1 && is_id(f, &wg.receiver, sizeof(wg.receiver)))
		note_all(f);
}

/* Its id is another one now; what is somebody else's already stays his. */
static void
says_another(struct flow *f, const struct rp_slice *id, size_t n)
{
	struct known_way	w;

	if ((f->noted != 0 && f->c.active - f->noted < NOTE) ||
	    known_find(f->c.l->w->hash, KNOWN_QUIC, id->p, id->n, &w,
	    wheel_now()))
		return;
	f->asked = 0;
	if (f->noted == 0)
		f->asked = (uint16_t)(n < PADDED ? n : PADDED);
	set_id(f, id->p, id->n, ID_SAID);
}

static void
says_id(struct flow *f, const struct rp_slice *id, const struct datagram *d)
{
	if (!is_id(f, id->p, id->n)) {
		if (f->id_is != ID_CHOSEN || f->noted != 0)
			says_another(f, id, d->n);
		return;
	}
	if (f->id_is == ID_SAID) {
		if (d->n < f->asked)
			f->asked = (uint16_t)d->n;
	} else if (f->id_is == ID_CHOSEN || f->c.active - f->noted >= NOTE)
		note_all(f);
}

static void
says_long(struct flow *f, const struct datagram *d)
{
	struct rp_quic_header	h;

	if (f->id_is != ID_CHOSEN)
		return;
	switch (rp_quic_header(d->p, d->n, &h)) {
	case RP_QUIC_INITIAL:
	case RP_QUIC_HANDSHAKE:
		if (is_id(f, h.dcid.p, h.dcid.n))
			says_id(f, &h.dcid, d);
		break;
	default:
		break;
	}
}

static void
says_short(struct flow *f, const struct datagram *d)
{
	struct rp_slice	id;
	size_t		n = f->nid;

	if (n == 0)
		n = known_length(f->c.m->w->slot);
	if (n > 0 && rp_quic_short(d->p, d->n, n, &id))
		says_id(f, &id, d);
}

void
roam_confirm(struct flow *f, const struct datagram *d)
{
	if (f->c.proto == RP_WIREGUARD)
		says_index(f, d);
	if (f->c.proto != RP_QUIC || d->n == 0)
		return;
	if ((d->p[0] & 0x80) != 0)
		says_long(f, d);
	else
		says_short(f, d);
	if (!f->greased && !is_fixed(d) && f->id_is == ID_KNOWN) {
		f->greased = 1;
		note_all(f);
	}
}

/* Where a flow goes whose first datagram is no handshake. */

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
known_quic(struct flow *f, const struct datagram *d, struct known_way *w)
{
	uint32_t	lengths = known_lengths();
	struct rp_slice	id;
	size_t		n;

	if (!f->c.l->routes.asks_quic)
		return 0;
	for (n = KNOWN_ID_MAX; n >= KNOWN_ID_MIN; n--)
		if ((lengths & 1u << n) != 0 &&
		    rp_quic_short(d->p, d->n, n, &id) &&
		    known_find(f->c.l->w->hash, KNOWN_QUIC, id.p, n, w,
		    wheel_now())) {
			f->c.proto = RP_QUIC;
			set_id(f, id.p, n, ID_KNOWN);
			return 1;
		}
	return 0;
}

static int
known_wireguard(struct flow *f, const struct datagram *d,
    struct known_way *w)
{
	struct rp_wireguard	wg;

	if (!rp_wireguard(d->p, d->n, &wg) || wg.type == 1 ||
	    !known_find(f->c.l->w->hash, KNOWN_WIREGUARD, &wg.receiver,
	    sizeof(wg.receiver), w, wheel_now()))
		return 0;
	f->c.proto = RP_WIREGUARD;
	set_id(f, &wg.receiver, sizeof(wg.receiver), ID_KNOWN);
	return 1;
}

int
roam_known(struct flow *f, const struct datagram *d, struct route **r,
    struct member **m)
{
	struct known_way	w;

	if (d->n > 0 && (known_wireguard(f, d, &w) ||
	    known_quic(f, d, &w))) {
		if (way_is_there(f->c.l, &w, r, m))
			return 1;
		f->c.proto = 0;
		f->id_is = ID_NONE;
		f->nid = 0;
	}
	return 0;
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
roam_guess(struct flow *f, const struct datagram *d, struct route **r,
    struct member **m)
{
	struct listener		*l = f->c.l;
	struct prefix		 home = home_of(f);
	struct known_way	 w;

	if (!l->routes.asks_quic || !is_short(d))
		return 0;
	f->c.proto = RP_QUIC;
	if (known_find(l->w->hash, is_fixed(d) ? KNOWN_ADDRESS :
	    KNOWN_GREASED, &home, sizeof(home), &w, wheel_now()) &&
	    way_is_there(l, &w, r, m))
		return 1;
	*m = NULL;
	/* Without the fixed bit it may be anything. */
	if ((is_fixed(d) || l->routes.otherwise == NULL) &&
	    (*r = only_quic(l)) != NULL)
		return 1;
	f->c.proto = 0;
	return 0;
}

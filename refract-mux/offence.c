/*
 * See offence.h.  Nothing of this can be read again, so an id is a random
 * number of this worker and a counter.
 */
#include <stdlib.h>
#include <string.h>

#include "child.h"
#include "log.h"
#include "msg.h"
#include "offence.h"

static uint64_t	me;		/* in ids */
static uint64_t	number;

static void
fill(struct msg_decision *d, const struct listener *l,
    const struct wire_offence *o, const struct prefix *p, uint16_t port)
{
	const struct wire_global	*g = &l->gen->conf->global;

	while (me == 0)
		arc4random_buf(&me, sizeof(me));
	memset(d, 0, sizeof(*d));
	d->ban.id.watch = l->w->hash;
	d->ban.id.file = me;
	d->ban.id.offset = ++number;
	d->ban.start = wall_now();
	d->ban.end = wall_add(d->ban.start, o->ban);
	d->ban.offender = *p;
	d->ban.prefix = *p;
	prefix_group(&d->ban.prefix, g->plen4, g->plen6);
	d->ban.peer_port = port;
	strlcpy(d->ban.subject, l->w->name, sizeof(d->ban.subject));
	strlcpy(d->watch, l->w->name, sizeof(d->watch));
	d->count = o->times;
}

static void
ask(struct listener *l, const struct wire_offence *o, const struct prefix *p,
    uint16_t port, const char *what)
{
	struct msg_decision	d;
	char			text[PREFIX_STRLEN];

	fill(&d, l, o, p, port);
	strlcpy(d.evidence, what, sizeof(d.evidence));
	log_notice("listen %s: %s: %s, %u times", l->w->name,
	    prefix_print(p, text), what, o->times);
	channel_send(child_channel(ROLE_ENFORCER, 0), M_BAN, 0, &d.ban,
	    sizeof(d.ban));
	channel_send(child_channel(ROLE_CONTROL, 0), M_MUX_DECISION, 0, &d,
	    sizeof(d));
}

void
offended(struct listener *l, int kind, const struct prefix *p, uint16_t port,
    const char *what)
{
	struct conf_offence	*o;

	/* Never who carries others' connections to us. */
	if (l->trusted != NULL && prefixset_contains(l->trusted, p))
		return;
	TAILQ_FOREACH(o, &l->c->offences, entry)
		if ((int)o->w.kind == kind && shared_offended(l->w, &o->w, p,
		    wheel_now()))
			ask(l, &o->w, p, port, what);
}

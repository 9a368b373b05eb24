/*
 * See show.h.  Addresses of names and what the operator says of members come
 * from control to every worker; what all must agree on is in the shared table.
 */
#include "args.h"
#include "log.h"
#include "mux.h"
#include "show.h"
#include "tell.h"

/* Connections of older generations may still choose: they hear it too. */
static void
resolved_in(struct generation *g, const struct msg_mux_resolved *m)
{
	struct member	*mb;
	unsigned int	 i;

	for (i = 0; i < g->npools; i++)
		if ((mb = pool_member(g->pools[i], m->member)) != NULL &&
		    mb->w->kind == MEMBER_NAME)
			pool_resolved(mb, m->addrs, m->n);
}

static void
on_resolved(MSG_ARGS)
{
	const struct msg_mux_resolved	*m = data;
	struct generation		*g;

	TAILQ_FOREACH(g, &generations, entry)
		resolved_in(g, m);
}

static void
on_admin(MSG_ARGS)
{
	const struct msg_mux_admin	*m = data;
	struct shared_member		*s;

	if (m->admin > MEMBER_DRAIN ||
	    (s = shared_member(m->member)) == NULL)
		fatalx("control told of a member that cannot be");
	atomic_store(&s->admin, m->admin);
}

const struct handler	show_handlers[] = {
	{ M_COUNTERS_GET, tell_counters },
	{ M_MUX_RESOLVED, on_resolved },
	{ M_MUX_ADMIN, on_admin },
	{ 0, NULL }
};

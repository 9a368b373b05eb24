/*
 * See show.h.  Addresses of names and what the operator says of members come
 * from control to every worker; what all must agree on is in the shared table.
 */
#include <string.h>

#include "access.h"
#include "args.h"
#include "log.h"
#include "msg.h"
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

/* Who is disabled has no connections; who drains keeps those it has. */
static void
end_members(uint32_t slot)
{
	struct conn	*c, *next;

	TAILQ_FOREACH_SAFE(c, &conns, entry, next)
		if (c->m != NULL && c->m->w->slot == slot) {
			side_reset(&c->client);
			conn_end(c, END_STOP);
		}
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
	if (m->admin == MEMBER_DISABLED)
		end_members(m->member);
}

static void
on_monitor(MSG_ARGS)
{
	uint32_t	what;

	memcpy(&what, data, len);
	access_tell(what);
}

static void
send_conn(struct channel *ch, uint32_t id, struct conn *c)
{
	struct row_head		head = { SHOW_CONNECTIONS, 0 };
	struct row_connection	row;

	access_row(&row, c);
	channel_send2(ch, M_ROW, id, &head, sizeof(head), &row, sizeof(row));
}

/* Of one page, in the order of their ids; the cursor is the next one's. */
static void
on_show(MSG_ARGS)
{
	const struct msg_show	*ask = data;
	struct msg_show		 end = *ask;
	struct conn		*c;
	uint32_t		 n = 0;

	TAILQ_FOREACH(c, &conns, entry) {
		if (c->id < ask->cursor || (ask->prefix.family != 0 &&
		    !prefix_contains(&ask->prefix, &c->from)))
			continue;
		if (n++ == ask->max)
			break;
		send_conn(ch, id, c);
	}
	end.cursor = c == NULL ? 0 : c->id;
	channel_send(ch, M_SHOW_END, id, &end, sizeof(end));
}

const struct handler	show_handlers[] = {
	{ M_COUNTERS_GET, tell_counters },
	{ M_MUX_RESOLVED, on_resolved },
	{ M_MUX_ADMIN, on_admin },
	{ M_MUX_MONITOR, on_monitor },
	{ M_SHOW, on_show },
	{ 0, NULL }
};

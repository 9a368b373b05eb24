/*
 * refract-mux(8): one worker.  Here is what it is to the others; a
 * connection's way is listener.c, conn.c, route.c, pool.c, relay.c.
 */
#include <sys/resource.h>
#include <sys/socket.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "args.h"
#include "check.h"
#include "child.h"
#include "counter.h"
#include "listener.h"
#include "log.h"
#include "msg.h"
#include "mux.h"
#include "poller.h"
#include "relay_side.h"
#include "show.h"
#include "tap.h"
#include "timer.h"
#include "upstream.h"

#define DESCRIPTORS	(1024 * 1024)

struct msg_mux_worker		 mux_me;

static struct generation	*next;
static struct event		*drain_ev;
static int			 stopping;

/* Messages. */

static void
on_table(MSG_ARGS)
{
	if (shared_map(fd) == -1)
		fatalx("the parent passed a shared table that is none");
	close(fd);
}

static void
on_worker(MSG_ARGS)
{
	memcpy(&mux_me, data, len);
	check_lead(mux_me.index == 0);
}

static void
on_socket(MSG_ARGS)
{
	listener_socket(data, fd);
}

static void
on_forget(MSG_ARGS)
{
	listener_forget(data);
}

static void
on_flow(MSG_ARGS)
{
	listener_flow(data, fd);
}

static void
on_move(MSG_ARGS)
{
	listener_move(data);
}

static void
on_give(MSG_ARGS)
{
	const struct msg_mux_want	*m = data;

	if (m->kind == MUX_WANT_TAP)
		tap_given(m, fd);
	else if (id == 0)
		check_given(data, fd);
	else
		upstream_given(id, data, fd);
}

static const struct handler	from_parent[] = {
	{ M_MUX_TABLE, on_table },
	{ M_MUX_WORKER, on_worker },
	{ M_MUX_SOCKET, on_socket },
	{ M_MUX_FORGET, on_forget },
	{ M_MUX_FLOW, on_flow },
	{ M_MUX_MOVE, on_move },
	{ M_MUX_GIVE, on_give },
	{ 0, NULL }
};

static void
on_cleared(MSG_ARGS)
{
	const struct msg_mux_want	*m = data;

	if (m->kind == MUX_WANT_MARK)
		relay_marked(id, m, fd);
	else
		upstream_cleared(m, fd);
}

/*
 * Sockets of TCP the enforcer ends itself, but not those of a client that a
 * proxy names, and flows of UDP have none of their own.
 */
static void
on_ban_event(MSG_ARGS)
{
	const struct wire_event	*e = data;

	if (e->outcome == BAN_APPLIED || e->outcome == BAN_EXTENDED ||
	    e->outcome == BAN_KEPT)
		conn_banned(&e->ban.prefix, e->ban.port);
}

static const struct handler	from_enforcer[] = {
	{ M_MUX_CLEARED, on_cleared },
	{ M_BAN_EVENT, on_ban_event },
	{ 0, NULL }
};

/* Life. */

static int
prepare(struct conf *c, char *why)
{
	next = generation_new(c, why);
	return next == NULL ? -1 : 0;
}

static void
abort_next(struct conf *c)
{
	(void)c;
	generation_release(next);
	next = NULL;
}

static int
is_transparent(const struct generation *g)
{
	unsigned int	i, k;

	for (i = 0; i < g->nlisteners; i++)
		for (k = 0; k < g->listeners[i].routes.n; k++)
			if (g->listeners[i].routes.list[k].w->transparent)
				return 1;
	return 0;
}

static void
ask_ahead(void)
{
	if (mux_current != NULL && is_transparent(mux_current))
		upstream_ahead();
}

static void
connected(enum role role, int bulk, struct channel *ch)
{
	(void)bulk;
	(void)ch;
	if (role == ROLE_ENFORCER)
		ask_ahead();
}

static void
commit(struct conf *new, struct conf *old)
{
	struct generation	*was = mux_current;

	(void)new;
	(void)old;
	mux_current = next;
	next = NULL;
	listener_use(mux_current);
	check_use(mux_current);
	tap_use(mux_current);
	ask_ahead();
	if (was != NULL)
		generation_release(was);
}

static void
on_drained(EVENT_ARGS)
{
	conn_end_all(END_STOP);
	tap_finish();
	child_exit();
}

/* Nobody new; who is there may finish, for so long. */
static void
stop(void)
{
	span_t	drain = mux_current == NULL ? 0 : mux_current->conf->mux.drain;

	stopping = 1;
	listener_stop();
	check_use(NULL);
	if (conn_count() == 0) {
		tap_finish();
		child_exit();
	}
	if ((drain_ev = evtimer_new(child_base, on_drained, NULL)) == NULL)
		fatal("drain");
	timer_set(drain_ev, drain);
}

/* A connection has ended. */
void
mux_ended(void)
{
	listener_room();
	if (stopping && conn_count() == 0)
		timer_set(drain_ev, 0);
}

/* As many as we may have; the filter allows no such question later. */
static unsigned int
raise_descriptors(void)
{
	struct rlimit	rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) == -1)
		return 1024;
	if (rl.rlim_cur < rl.rlim_max) {
		rl.rlim_cur = rl.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &rl) == -1)
			getrlimit(RLIMIT_NOFILE, &rl);
	}
	return rl.rlim_cur > DESCRIPTORS ? DESCRIPTORS :
	    (unsigned int)rl.rlim_cur;
}

int
main(int argc, char **argv)
{
	static const struct child	mux = {
		.role = ROLE_MUX,
		.ident = "refract-mux",
		.parent = from_parent,
		.peers = {
			[ROLE_ENFORCER] = from_enforcer,
			[ROLE_CONTROL] = show_handlers
		},
		.open = poller_open,
		.connected = connected,
		.prepare = prepare,
		.commit = commit,
		.abort = abort_next,
		.stop = stop
	};
	unsigned int	descriptors;

	descriptors = raise_descriptors();
	child_start(&mux, argc, argv);
	wheel_init(conn_timer);
	listener_init(child_base, descriptors);
	check_init(child_base, descriptors);
	poller_run();
}

/*
 * The control role: what it is, and who may tell it what.  The work is in
 * control_client.c (clients), control_route.c (their requests),
 * control_monitor.c (events and notices), control_audit.c (the log) and
 * control_web.c (the status page).
 */
#include <stddef.h>
#include <string.h>

#include "args.h"
#include "child.h"
#include "control.h"
#include "control_access.h"
#include "control_audit.h"
#include "control_ban.h"
#include "control_client.h"
#include "control_monitor.h"
#include "control_mux.h"
#include "control_page.h"
#include "control_resolve.h"
#include "control_route.h"
#include "control_web.h"

static void
on_listener(MSG_ARGS)
{
	clients_listen(fd);
}

static void
on_audit_log(MSG_ARGS)
{
	audit_open(fd);
}

static void
on_status_listener(MSG_ARGS)
{
	web_listen(data, fd);
}

static void
on_notice(MSG_ARGS)
{
	monitor_notice(data);
}

static void
on_ledger_state(MSG_ARGS)
{
	monitor_ledger(data);
}

static void
on_ban_event(MSG_ARGS)
{
	ban_event(data);
}

static void
commit(struct conf *conf, struct conf *old)
{
	(void)old;
	audit_json(conf->global.audit_json);
	monitor_commit(conf);
	web_commit(conf);
	resolve_commit(conf);
}

/* A worker of the mux: what it is told by us alone. */
static void
connected(enum role role, int bulk, struct channel *ch)
{
	(void)bulk;
	if (role != ROLE_MUX)
		return;
	resolve_tell(ch);
	access_wanted(ch);
}

/* What those who are still at work do is written down before we go. */
static void
go_if_alone(void)
{
	unsigned int i;

	for (i = 0; i < MUX_WORKERS_MAX; i++)
		if (child_worker(i) != NULL)
			return;
	if (child_channel(ROLE_ENFORCER, 0) == NULL &&
	    child_channel(ROLE_PARSER, 0) == NULL)
		child_exit();
}

static void
disconnected(enum role role, int bulk)
{
	(void)role;
	(void)bulk;
	if (proc_state() == STATE_STOPPING)
		go_if_alone();
}

static void
stop(void)
{
	resolve_stop();
	web_stop();
	clients_stop();
	go_if_alone();
}

static void
on_table(MSG_ARGS)
{
	mux_table(fd);
}

static void
on_access_log(MSG_ARGS)
{
	uint32_t form;

	memcpy(&form, data, len);
	access_open(fd, form);
}

static void
on_host(MSG_ARGS)
{
	resolve_host(data);
}

static void
on_resolver(MSG_ARGS)
{
	resolve_servers(data);
}

static const struct handler from_parent[] = {
	{ M_LISTENER, on_listener },
	{ M_AUDIT_LOG, on_audit_log },
	{ M_STATUS_LISTENER, on_status_listener },
	{ M_MUX_TABLE, on_table },
	{ M_ACCESS_LOG, on_access_log },
	{ M_HOST, on_host },
	{ M_RESOLVER, on_resolver },
	{ M_ROW, route_row },
	{ M_SHOW_END, route_show_end },
	{ M_RESULT, route_result },
	{ M_COUNTERS, route_counters },
	{ M_NOTICE, on_notice },
	{ 0, NULL }
};

static const struct handler from_enforcer[] = {
	{ M_BAN_EVENT, on_ban_event },
	{ M_ROW, route_row },
	{ M_SHOW_END, route_show_end },
	{ M_RESULT, route_result },
	{ M_COUNTERS, route_counters },
	{ M_NOTICE, on_notice },
	{ 0, NULL }
};

static const struct handler from_ledger[] = {
	{ M_LEDGER_STATE, on_ledger_state },
	{ M_ROW, route_row },
	{ M_SHOW_END, route_show_end },
	{ M_RESULT, route_result },
	{ M_COUNTERS, route_counters },
	{ M_NOTICE, on_notice },
	{ 0, NULL }
};

static const struct handler from_parser[] = {
	{ M_ROW, route_row },
	{ M_SHOW_END, route_show_end },
	{ M_RESULT, route_result },
	{ M_COUNTERS, route_counters },
	{ M_NOTICE, on_notice },
	{ 0, NULL }
};

static void
on_mux_decision(MSG_ARGS)
{
	ban_mux_decision(data);
}

static void
on_mux_access(MSG_ARGS)
{
	access_record(data, channel_index(ch));
}

static const struct handler from_mux[] = {
	{ M_ROW, route_row },
	{ M_SHOW_END, route_show_end },
	{ M_RESULT, route_result },
	{ M_COUNTERS, route_counters },
	{ M_NOTICE, on_notice },
	{ M_MUX_DECISION, on_mux_decision },
	{ M_MUX_ACCESS, on_mux_access },
	{ 0, NULL }
};

static const struct child me = {
	.role = ROLE_CONTROL,
	.ident = "control",
	.keeps_before = 1,
	.parent = from_parent,
	.peers[ROLE_ENFORCER] = from_enforcer,
	.peers[ROLE_LEDGER] = from_ledger,
	.peers[ROLE_PARSER] = from_parser,
	.peers[ROLE_MUX] = from_mux,
	.connected = connected,
	.disconnected = disconnected,
	.commit = commit,
	.stop = stop
};

void
control(int argc, char **argv)
{
	page_init();
	child_start(&me, argc, argv);
	route_init();
	access_init(child_base);
	resolve_init(child_base);
	web_init();
	child_run();
}

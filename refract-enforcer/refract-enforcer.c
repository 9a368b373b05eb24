/*
 * refract-enforcer: puts bans into the kernel.  With -R it is the process
 * that keeps the rules, with -n it only says what the kernel lacks.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "args.h"
#include "ask.h"
#include "bans.h"
#include "child.h"
#include "clear.h"
#include "drift.h"
#include "log.h"
#include "never.h"
#include "rules.h"
#include "sockets.h"
#include "tell.h"

static void
on_ban(MSG_ARGS)
{
	const struct wire_ban	*ban = data;
	enum ban_outcome	 o;

	/* Read from the log again after a start. */
	if (bans_repeated(ban)) {
		sockets_end(ban, NULL);
		return;
	}
	o = ask_check(channel_peer(ch), ban);
	if (o == BAN_APPLIED && ((o = bans_put(ban, 0)) == BAN_APPLIED ||
	    o == BAN_EXTENDED))
		return;		/* told when the kernel has answered */
	if (o == BAN_KEPT)
		sockets_end(ban, NULL);
	tell_event(ban, o, 0, o == BAN_FAILED ? EPERM : 0);
}

#define AHEAD	8	/* bans, to be looked up meanwhile */
static uint32_t	restored, refused;

static void
on_restore(MSG_ARGS)
{
	const struct wire_ban	*ban = data;
	struct wire_ban		 b;
	size_t			 n = len / sizeof(*ban);
	enum ban_outcome	 o;

	for (; n > 0; n--, ban++) {
		if (n > AHEAD)
			bans_soon(ban + AHEAD);
		b = *ban;
		b.flags &= (uint8_t)~BANF_TELL;
		o = !prefix_valid(&b.prefix) || b.prefix.plen == 0 ||
		    never_covers(&b) ? BAN_NEVER :
		    bans_put(&b, !(ban->flags & BANF_TELL));
		/* Several decisions may be one ban. */
		restored += o == BAN_APPLIED;
		refused += o == BAN_NEVER || o == BAN_FULL;
	}
}

static void
on_restore_done(MSG_ARGS)
{
	entries_flush();
	tell_outcome(child_parent, M_RESTORED, 0, 0, restored, "%u stored bans "
	    "stand, %u do not (never-table, max)", restored, refused);
	restored = refused = 0;
	drift_begin();
}

static void
on_destroy(MSG_ARGS)
{
	int	n = sets_destroy();

	tell_outcome(child_parent, M_SETS_GONE, 0, n == -1, n == -1 ? 0 : n,
	    "%s", n == -1 ? sets_error() : "sets destroyed");
}

static void
open_all(void)
{
	if (sets_open(bans_done, drift_missing) == -1)
		fatalx("ipset: %s", sets_error());
	if (never_open() == -1)
		fatal("rtnetlink");
	if (sockets_open() == -1)
		fatal("sock_diag");
	if (drift_open() == -1)
		fatalx("drift: no memory");
}

/* Sets that only this configuration needs do no harm if it is not used. */
static int
prepare(struct conf *conf, char *why)
{
	const struct conf	*old = child_conf();
	int			 id;

	if ((old != NULL && strcmp(old->global.instance,
	    conf->global.instance) != 0) ||
	    sets_name(conf->global.instance) == -1) {
		strlcpy(why, "instance: too long, or changed by a reload",
		    TEXT_LEN);
		return -1;
	}
	for (id = 0; id < SET_MAX; id++) {
		if (sets_stand(id, id < SET_BANS ? conf->global.max :
		    SET_ROOM) != -1)
			continue;
		snprintf(why, TEXT_LEN, "ipset: %s (%s): %s", sets[id].name,
		    sets[id].type, sets_error());
		return -1;
	}
	return 0;
}

static void
commit(struct conf *conf, struct conf *old)
{
	bans_bound(conf->global.max);
	never_load();
	drift_load(old == NULL || old->global.action != conf->global.action);
}

int
main(int argc, char **argv)
{
	static const struct handler	from_parent[] = {
		{ M_SESSIONS, ask_sessions },
		{ M_SETS_DESTROY, on_destroy },
		{ 0, NULL }
	}, from_parser[] = {
		{ M_BAN, on_ban },
		{ 0, NULL }
	}, from_mux[] = {
		{ M_BAN, on_ban },
		{ M_MUX_CLEAR, clear_sockets },
		{ M_MUX_TPROXY, clear_listener },
		{ 0, NULL }
	}, from_ledger[] = {
		{ M_RESTORE, on_restore },
		{ M_RESTORE_DONE, on_restore_done },
		{ 0, NULL }
	}, from_control[] = {
		{ M_BAN, on_ban },
		{ M_UNBAN, bans_unban },
		{ M_KILL, sockets_kill },
		{ M_SHOW, bans_show },
		{ M_COUNTERS_GET, tell_counters },
		{ 0, NULL }
	};
	static const struct child	enforcer = {
		.role = ROLE_ENFORCER, .ident = "refract-enforcer",
		.parent = from_parent,
		.peers = {
			[ROLE_PARSER] = from_parser,
			[ROLE_MUX] = from_mux,
			[ROLE_LEDGER] = from_ledger,
			[ROLE_CONTROL] = from_control
		},
		.open = open_all, .prepare = prepare, .commit = commit,
		.keeps_before = 1
	};

	if (argc > 1 && strcmp(argv[1], "-n") == 0) {
		log_init(LOG_TO_STDERR, "refract-enforcer");
		return check_main();
	}
	if (argc > 1 && strcmp(argv[1], "-R") == 0)
		rules_main(argc - 1, argv + 1);
	child_start(&enforcer, argc, argv);
	child_run();
}

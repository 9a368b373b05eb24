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
#include "check.h"
#include "child.h"
#include "counter.h"
#include "drift.h"
#include "entries.h"
#include "log.h"
#include "never.h"
#include "rules.h"
#include "sockets.h"

static uint32_t		restored, refused;

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

static void
on_restore(MSG_ARGS)
{
	const struct wire_ban	*ban = data;
	size_t			 n = len / sizeof(*ban);

	for (; n > 0; n--, ban++) {
		if (!prefix_valid(&ban->prefix) || ban->prefix.plen == 0 ||
		    never_covers(ban) || bans_put(ban, 1) == BAN_FULL)
			refused++;
		else
			restored++;
	}
}

static void
on_restore_done(MSG_ARGS)
{
	entries_flush();
	if (refused > 0)
		log_warnx("ledger: %u stored bans are not in force: never-"
		    "table or max", refused);
	tell_parent(M_RESTORED, 0, restored, "%u stored bans stand, %u do not",
	    restored, refused);
	/* Once more, if the ledger's disk comes back later. */
	restored = refused = 0;
	drift_begin();
}

static void
lifted(struct walk *w)
{
	tell_result(w->client, 0, w->count, "%u bans lifted", w->count);
}

static void
on_unban(MSG_ARGS)
{
	struct walk	w = { .fn = bans_lift, .end = lifted, .client = id };

	memcpy(&w.target, data, sizeof(w.target));
	if (bans_walk(&w) == -1)
		tell_result(id, 1, 0, "too many requests wait");
}

static void
on_kill(MSG_ARGS)
{
	const struct msg_target	*t = data;
	struct wire_ban		 ban = {
		.prefix = t->prefix, .port = t->port, .proto = t->proto
	};

	if (t->prefix.family == 0)
		tell_result(id, 1, 0, "kill needs an address");
	else
		sockets_end(&ban, &id);
}

static void
on_show(MSG_ARGS)
{
	const struct msg_show	*s = data;
	struct msg_show		 end = *s;

	if (s->what == SHOW_BANS) {
		bans_show(ch, id, s);
		return;
	}
	end.cursor = 0;
	channel_send(ch, M_SHOW_END, id, &end, sizeof(end));
}

static void
on_counters(MSG_ARGS)
{
	channel_send(ch, M_COUNTERS, id, counters, sizeof(counters));
}

static void
on_sessions(MSG_ARGS)
{
	ask_sessions(data, len / sizeof(struct prefix));
}

static void
on_destroy(MSG_ARGS)
{
	int	n;

	/* Without a configuration it is about the sets without an instance. */
	if (sets[0].name[0] == '\0')
		(void)sets_name("");
	if ((n = sets_destroy_all()) == -1)
		tell_parent(M_SETS_GONE, 1, 0, "%s", sets_error());
	else
		tell_parent(M_SETS_GONE, 0, n, "%d sets destroyed", n);
}

static void
open_all(void)
{
	if (sets_open() == -1)
		fatalx("ipset: %s", sets_error());
	if (entries_open(bans_done, drift_missing) == -1)
		fatal("nfnetlink");
	if (never_open() == -1)
		fatal("rtnetlink");
	if (sockets_open() == -1)
		fatal("sock_diag");
	if (drift_open() == -1)
		fatal("nftables");
}

/* Sets that only this configuration needs do no harm if it is not used. */
static int
prepare(struct conf *conf, char *why)
{
	const struct conf	*old = child_conf();
	enum set_id		 id;

	if (old != NULL && strcmp(old->global.instance,
	    conf->global.instance) != 0) {
		(void)strlcpy(why, "instance: cannot be changed by a reload",
		    TEXT_LEN);
		return -1;
	}
	if (sets_name(conf->global.instance) == -1) {
		(void)strlcpy(why, "instance: the name is too long", TEXT_LEN);
		return -1;
	}
	for (id = 0; id < SET_MAX; id++) {
		if (sets_stand(id, id < SET_BANS ? conf->global.max :
		    SET_NEVER_ROOM) != -1)
			continue;
		(void)snprintf(why, TEXT_LEN, "ipset: %s (%s): %s",
		    sets[id].name, sets[id].type, sets_error());
		return -1;
	}
	return 0;
}

static void
commit(struct conf *conf, UNUSED struct conf *old)
{
	bans_bound(conf->global.max);
	bans_room();
	if (never_load(conf) == -1)
		fatalx("never: the kernel's sets cannot be filled");
	ask_load(conf);
	drift_load(conf);
}

int
main(int argc, char **argv)
{
	static const struct handler	from_parent[] = {
		{ M_SESSIONS, on_sessions },
		{ M_SETS_DESTROY, on_destroy },
		{ 0, NULL }
	}, from_parser[] = {
		{ M_BAN, on_ban },
		{ 0, NULL }
	}, from_ledger[] = {
		{ M_RESTORE, on_restore },
		{ M_RESTORE_DONE, on_restore_done },
		{ 0, NULL }
	}, from_control[] = {
		{ M_BAN, on_ban },
		{ M_UNBAN, on_unban },
		{ M_KILL, on_kill },
		{ M_SHOW, on_show },
		{ M_COUNTERS_GET, on_counters },
		{ 0, NULL }
	};
	static const struct child	enforcer = {
		.role = ROLE_ENFORCER, .ident = "refract-enforcer",
		.parent = from_parent,
		.peers = {
			[ROLE_PARSER] = from_parser,
			[ROLE_MUX] = from_parser,
			[ROLE_LEDGER] = from_ledger,
			[ROLE_CONTROL] = from_control
		},
		.open = open_all, .prepare = prepare, .commit = commit
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

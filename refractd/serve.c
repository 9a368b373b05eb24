/*
 * The order of the start, the signals, and a table for each child of what it
 * may say to the parent.
 */
#include <sys/resource.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "args.h"
#include "channel.h"
#include "conf.h"
#include "counter.h"
#include "fdstore.h"
#include "files.h"
#include "log.h"
#include "logrelay.h"
#include "msg.h"
#include "mux.h"
#include "nameservers.h"
#include "notify.h"
#include "ownlogs.h"
#include "paths.h"
#include "procs.h"
#include "reload.h"
#include "rotated.h"
#include "run.h"
#include "sandbox.h"
#include "serve.h"
#include "sessions.h"
#include "spawn.h"
#include "stream.h"
#include "tap.h"
#include "tell.h"
#include "version.h"

#define DESCRIPTORS	8192	/* RLIMIT_NOFILE, as far as allowed */

static struct event_base	*base;
static int			 background = -1, is_up, stopping;
static int			 listener;	/* of control */
static wall_t			 started;

/* Reopen our own logs, for a client or a signal (asker 0). */
static void
reopen(uint32_t asker)
{
	struct channel		*ch = procs_channel(ROLE_CONTROL);
	const struct conf	*c = reload_conf();
	struct ownlogs		 logs;
	char			 why[TEXT_LEN] = "the daemon still starts";
	int			 failed;

	failed = c == NULL ||
	    ownlogs_open(&logs, c, why, sizeof(why)) == -1;
	if (failed)
		log_warnx("reopen: %s", why);
	else {
		ownlogs_pass(&logs, c, ch);
		log_info("reopened our own logs");
	}
	if (asker != 0)
		tell_outcome(ch, M_RESULT, asker, failed, 0, "%s",
		    failed ? why : "reopened");
}

/* What control asks in an operator's name; id is its client. */

static void
send_row(struct channel *ch, uint32_t id, uint32_t what, const void *row,
    size_t len)
{
	struct row_head	head = { what, 0 };

	channel_send2(ch, M_ROW, id, &head, sizeof(head), row, len);
}

/* The cursor is a place in the text.  Only for root SHOW_BY_ALL is said. */
static void
show_config(struct channel *ch, uint32_t id, const struct msg_show *ask)
{
	struct msg_show	 end = *ask;
	struct row_text	 row;
	const char	*text;
	uint64_t	 at = ask->cursor;
	uint32_t	 n;
	size_t		 len, piece;

	text = reload_text(ask->by == SHOW_BY_ALL, &len);
	for (n = 0; n < ask->max && at < len; n++) {
		piece = len - at;
		if (piece > sizeof(row.text) - 1)
			piece = sizeof(row.text) - 1;
		memset(&row, 0, sizeof(row));
		memcpy(row.text, text + at, piece);
		send_row(ch, id, SHOW_CONFIG, &row, sizeof(row));
		at += piece;
	}
	end.cursor = at < len ? at : 0;
	channel_send(ch, M_SHOW_END, id, &end, sizeof(end));
}

/* The parent's part of it; control adds what others know. */
static void
show_summary(struct channel *ch, uint32_t id, const struct msg_show *ask)
{
	const struct conf	*c = reload_conf();
	struct conf_watch	*w;
	struct msg_show		 end = *ask;
	struct row_summary	 row;

	memset(&row, 0, sizeof(row));
	row.started = started;
	row.processes = procs_count();
	strlcpy(row.version, VERSION, sizeof(row.version));
	if (c != NULL) {
		row.generation = c->generation;
		TAILQ_FOREACH(w, &c->watches, entry)
			row.watches++;
	}
	send_row(ch, id, SHOW_SUMMARY, &row, sizeof(row));
	end.cursor = 0;
	channel_send(ch, M_SHOW_END, id, &end, sizeof(end));
}

static void
asked_show(MSG_ARGS)
{
	const struct msg_show	*ask = data;
	struct msg_show		 end = *ask;

	if (ask->what == SHOW_PROCESSES)
		procs_show(ch, id, ask);
	else if (ask->what == SHOW_CONFIG)
		show_config(ch, id, ask);
	else if (ask->what == SHOW_SUMMARY)
		show_summary(ch, id, ask);
	else {
		end.cursor = 0;
		channel_send(ch, M_SHOW_END, id, &end, sizeof(end));
	}
}

static void
asked_counters(MSG_ARGS)
{
	channel_send(ch, M_COUNTERS, id, counters, sizeof(counters));
}

static void
asked_reload(MSG_ARGS)
{
	reload_start(id);
}

static void
asked_reopen(MSG_ARGS)
{
	reopen(id);
}

static void
asked_verbose(MSG_ARGS)
{
	uint32_t	verbose;

	memcpy(&verbose, data, len);
	log_setverbose(verbose > 2 ? 2 : (int)verbose);
	procs_verbose(verbose);
	tell_outcome(ch, M_RESULT, id, 0, 0, "log: %s",
	    verbose == 0 ? "brief" : "verbose");
}

static void
file_done(MSG_ARGS)
{
	uint32_t	file;

	memcpy(&file, data, len);
	files_done(file);
}

static void
stream_done(MSG_ARGS)
{
	streams_done(data);
}

static void
position(MSG_ARGS)
{
	const struct msg_position	*m = data;

	if (m->flags & POSITION_CURSOR)
		streams_position(m);
	else
		rotated_position(m);
}

#define RELOAD_HANDLERS							\
	{ M_CONF_READY, reload_ready },					\
	{ M_CONF_REFUSED, reload_refused },				\
	{ M_CONF_DONE, reload_done }

static const struct handler	from_rules[] = {
	{ M_RULES_OUTCOME, reload_rules },
	{ 0, NULL }
};
static const struct handler	from_enforcer[] = {
	RELOAD_HANDLERS,
	{ M_RESTORED, reload_restored },
	{ M_RULES_DRIFT, reload_drift },
	{ 0, NULL }
};
static const struct handler	from_ledger[] = {
	RELOAD_HANDLERS,
	{ M_POSITION, position },
	{ M_RUN, run_request },
	{ M_RUN_EXITED, run_exited },
	{ 0, NULL }
};
static const struct handler	from_parser[] = {
	RELOAD_HANDLERS,
	{ M_FILE_DONE, file_done },
	{ M_STREAM_DONE, stream_done },
	{ 0, NULL }
};
static const struct handler	from_mux[] = {
	RELOAD_HANDLERS,
	{ M_MUX_WANT, mux_want },
	{ M_MUX_FLOW, mux_flow },
	{ M_MUX_MOVE, mux_move },
	{ 0, NULL }
};
static const struct handler	from_control[] = {
	RELOAD_HANDLERS,
	{ M_SHOW, asked_show },
	{ M_COUNTERS_GET, asked_counters },
	{ M_RELOAD, asked_reload },
	{ M_REOPEN, asked_reopen },
	{ M_SET_VERBOSE, asked_verbose },
	{ 0, NULL }
};

/* What files and sessions have to say. */

static void
pass_file(const struct msg_file *m, int fd)
{
	channel_send_fd(procs_channel(ROLE_PARSER), M_FILE, 0, fd, m,
	    sizeof(*m));
}

/* A log that cannot be read is a guard who does not see. */
static void
file_trouble(const char *watch, const char *text)
{
	if (*text == '\0')
		log_notice("watch %s: all its logs can be read again", watch);
	else
		log_warnx("watch %s: %s", watch, text);
	tell_notice(procs_channel(ROLE_CONTROL), watch_hash(watch),
	    NOTICE_FILE, 1, text);
}

static void
pass_stream(const struct msg_stream *m, int fd)
{
	channel_send_fd(procs_channel(ROLE_PARSER), M_STREAM, 0, fd, m,
	    sizeof(*m));
}

static void
stream_notice(const char *watch, const char *text)
{
	tell_notice(procs_channel(ROLE_CONTROL), watch_hash(watch),
	    NOTICE_FILE, 0, text);
}

static void
sessions_changed(const struct prefix *list, size_t n)
{
	channel_send(procs_channel(ROLE_ENFORCER), M_SESSIONS, 0, list,
	    n * sizeof(*list));
}

/* Signals and the end */

static void
stopped(int clean)
{
	log_notice("stopped");
	exit(clean ? 0 : 1);
}

static void
last_commands(void)
{
	run_last(reload_conf(), procs_stop_go_on);
}

static void
last_taps(void)
{
	tap_last(base, last_commands);
}

static void
stop(void)
{
	if (stopping)
		return;
	stopping = 1;
	notify_stopping();
	if (!is_up) {
		log_notice("stopped before the start was over");
		exit(0);
	}
	log_info("stopping");
	reload_cancel();
	sessions_stop();
	streams_stop();
	proc_set_state(STATE_STOPPING);
	run_stopping();
	procs_stop_before_last(last_taps);
	procs_stop(stopped);
}

static void
signalled(int sig, short what, void *arg)
{
	(void)what;
	(void)arg;
	switch (sig) {
	case SIGHUP:
		if (!stopping)
			reload_start(0);
		break;
	case SIGUSR1:
		reopen(0);
		break;
	default:
		stop();
		break;
	}
}

static void
catch_signals(void)
{
	static const int	 sigs[] = { SIGHUP, SIGUSR1, SIGTERM, SIGINT };
	struct event		*ev;
	size_t			 i;

	signal(SIGPIPE, SIG_IGN);
	for (i = 0; i < sizeof(sigs) / sizeof(sigs[0]); i++) {
		ev = evsignal_new(base, sigs[i], signalled, NULL);
		if (ev == NULL || event_add(ev, NULL) == -1)
			fatalx("signals: out of memory");
	}
}

/* The start */

/* Whoever started us into the background may go now. */
static void
up(void)
{
	is_up = 1;
	/* Who has waited in its queue is told of what stands. */
	channel_send_fd(procs_channel(ROLE_CONTROL), M_LISTENER, 0, listener,
	    NULL, 0);
	fdstore_rest();
	run_commit(reload_conf());
	log_notice("up: version %s, processes %u, logs %u", VERSION,
	    procs_count(), files_count());
	if (background == -1)
		return;
	if (write(background, "", 1) == -1)
		log_debug("nobody waits for the start");
	close(background);
	background = -1;
	logrelay_detach();
}

/* A log is a descriptor here for a moment, and one in the parser for long. */
static void
raise_descriptors(void)
{
	struct rlimit	rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) == -1)
		fatal("getrlimit");
	if (rl.rlim_cur >= DESCRIPTORS || rl.rlim_cur == rl.rlim_max)
		return;
	rl.rlim_cur = rl.rlim_max < DESCRIPTORS ? rl.rlim_max : DESCRIPTORS;
	if (setrlimit(RLIMIT_NOFILE, &rl) == -1)
		log_warn("setrlimit");
}

/* The kernel's part first, because it is lost with NET_ADMIN. */
static void
start_children(unsigned int roles)
{
	const unsigned int	net = ROLE_BIT(ROLE_RULES) |
				    ROLE_BIT(ROLE_ENFORCER);
	enum role		role;

	for (role = 0; role < ROLE_MAX; role++)
		if (roles & net & ROLE_BIT(role))
			procs_start(role);
	procs_wait(roles & net);
	sandbox_parent_drop_net();
	for (role = 0; role < ROLE_MAX; role++)
		if (roles & ~net & ROLE_BIT(role))
			procs_start(role);
	procs_wait(roles);
}

static void
connect_children(void)
{
	procs_connect(ROLE_ENFORCER, ROLE_LEDGER, 0);
	procs_connect(ROLE_ENFORCER, ROLE_CONTROL, 0);
	procs_connect(ROLE_ENFORCER, ROLE_PARSER, 0);
	procs_connect(ROLE_LEDGER, ROLE_CONTROL, 0);
	procs_connect(ROLE_LEDGER, ROLE_PARSER, 0);
	procs_connect(ROLE_PARSER, ROLE_CONTROL, 0);
	procs_connect(ROLE_LEDGER, ROLE_ENFORCER, 1);
	procs_connect(ROLE_PARSER, ROLE_LEDGER, 1);
}

static void
hand_out(void)
{
	int	fd;

	if (procs_channel(ROLE_PARSER) == NULL)
		return;
	fd = fcntl(files_inotify(), F_DUPFD_CLOEXEC, 3);
	if (fd == -1)
		fatal("logs: inotify");
	channel_send_fd(procs_channel(ROLE_PARSER), M_INOTIFY, 0, fd, NULL, 0);
}

static void
set_handlers(void)
{
	procs_handlers(ROLE_RULES, from_rules);
	procs_handlers(ROLE_ENFORCER, from_enforcer);
	procs_handlers(ROLE_LEDGER, from_ledger);
	procs_handlers(ROLE_CONTROL, from_control);
	procs_handlers(ROLE_PARSER, from_parser);
	procs_handlers(ROLE_MUX, from_mux);
}

void
serve(const struct serve_args *a, struct conf *c)
{
	static const struct files_ops	files = { pass_file, file_trouble };
	static const struct streams_ops	streams = {
		pass_stream, stream_notice
	};

	background = a->background;
	started = wall_now();
	if ((base = event_base_new()) == NULL)
		fatalx("event base");
	proc_set_role(ROLE_PARENT);
	logrelay_run(base);
	notify_init(base);
	fdstore_init();
	notify_status("starting");
	catch_signals();
	raise_descriptors();
	paths_pid(c->global.instance);
	paths_state(c->state_dir);
	listener = paths_control(c->control_path);
	procs_init(base, a->dir, c->state_dir, a->verbose);
	spawn_init(base);
	run_init(base);
	set_handlers();
	nameservers_init(base);
	sandbox_parent();
	files_init(base, &files);
	streams_init(base, &streams, a->background == -1);
	start_children(reload_roles(c));
	connect_children();
	hand_out();
	sessions_start(base, sessions_changed);
	reload_init(base, a->parse);
	reload_first(c, up);
	event_base_dispatch(base);
	fatalx("the event loop ended");
}

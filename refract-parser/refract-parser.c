/*
 * refract-parser(8): reads logs, decides who offends.  Here is what it is to
 * the others; the work is in follow.c (files), watch.c (lines), rule.c and
 * decide.c (bans).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "args.h"
#include "checkpoint.h"
#include "child.h"
#include "counter.h"
#include "decide.h"
#include "follow.h"
#include "grow.h"
#include "log.h"
#include "resume.h"
#include "show.h"
#include "stream.h"
#include "text.h"
#include "trace.h"
#include "users.h"
#include "watch.h"

static void
give_lines(const struct block *b)
{
	struct watch	*w = watch_bysource(block_source(b));

	if (w != NULL)
		watch_lines(w, b);
	if (trace_on)
		trace_flush();
}

static void
lost(struct watch *w, uint64_t n)
{
	counter_add(PARSER_LOST, n);
	if (w != NULL)
		w->stats.lost += n;
}

static void
say(const struct watch *w, int bad, const char *name, const char *what)
{
	char	text[TEXT_LEN], shown[PATH_MAX_LEN / 2];

	text_vis(shown, sizeof(shown), name, strlen(name));
	snprintf(text, sizeof(text), "%s: %s", shown, what);
	if (bad)
		log_warnx("%s", text);
	else
		log_info("%s", text);
	warn_notice(w, NOTICE_FILE, 0, text);
}

static void
truncated(struct watch *w, const char *name, uint64_t n)
{
	char	text[96];

	lost(w, n);
	if (n == 0) {
		say(w, 0, name, "truncated, reading on from its start");
		return;
	}
	snprintf(text, sizeof(text), "truncated, %llu bytes were gone before "
	    "they could be read", (unsigned long long)n);
	say(w, 1, name, text);
}

static void
cut_short(const struct watch *w, const char *name, uint64_t n,
    const char *what)
{
	char	text[160];

	snprintf(text, sizeof(text), "%s while nobody read it (%llu bytes that "
	    "were read before): reading on after the last line that counted",
	    what, (unsigned long long)n);
	say(w, 1, name, text);
}

static void
owner(uint32_t source, uint64_t *watch, uint64_t *path)
{
	struct watch		*w = watch_bysource(source);
	struct conf_source	*s;

	if (w == NULL)
		return;
	*watch = w->hash;
	TAILQ_FOREACH(s, &w->conf->sources, entry)
		if (s->w.id == source)
			*path = watch_hash(s->w.path);
}

static stamp_t
stamp(struct file *f, const char *p, size_t n)
{
	struct watch	*w = watch_bysource(file_source(f));

	return w == NULL ? 0 : watch_stamp(w, p, n);
}

/* Counted by the watch, if it is still there. */
static void
gap(const struct msg_position *m, uint64_t n)
{
	struct watch	*w = watch_byhash(m->watch);

	if (w == NULL)
		return;
	lost(w, n);
	counter_inc(PARSER_GAPS);
	warn_gap(w, m->name, n);
}

static void
file_event(struct file *f, enum follow_event what, uint64_t n)
{
	struct watch	*w = watch_bysource(file_source(f));
	const char	*name = file_name(f);

	switch (what) {
	case FOLLOW_OPENED:
		say(w, 0, name, n == 0 ? "reading from its start" :
		    "reading what is written from now on");
		break;
	case FOLLOW_RESUMED:
		say(w, 0, name, "reading on where it was left");
		break;
	case FOLLOW_CUT:
		cut_short(w, name, n, "its end was lost in a power cut");
		break;
	case FOLLOW_SHORTER:
		cut_short(w, name, n, "its end was cut off");
		break;
	case FOLLOW_TRUNCATED:
		truncated(w, name, n);
		break;
	case FOLLOW_RENAMED:
		say(w, 0, name, "renamed, reading on while it is written to");
		break;
	case FOLLOW_ENDED:
		say(w, 0, name, "read to its end, closed");
		break;
	case FOLLOW_LONG:
		counter_inc(PARSER_LONG);
		if (w != NULL)
			warn_long(w, name);
		break;
	case FOLLOW_ERROR:
		say(w, 1, name, strerror((int)n));
		break;
	}
	checkpoint_touch();
}

static void
file_done(uint32_t file)
{
	channel_send(child_parent, M_FILE_DONE, 0, &file, sizeof(file));
}

/* Streams. */

static int
is_known(uint64_t watch, uint64_t source)
{
	struct watch		*w = watch_byhash(watch);
	struct conf_source	*s;

	if (w == NULL)
		return 0;
	TAILQ_FOREACH(s, &w->conf->sources, entry)
		if (watch_hash(s->w.path) == source)
			return 1;
	return 0;
}

/* Xray and who writes JSON say all themselves, and expect nothing before. */
static int
is_bare(uint32_t source)
{
	struct watch	*w = watch_bysource(source);

	return w != NULL && (w->conf->w.format == FORMAT_XRAY ||
	    w->conf->w.json);
}

static void
stream_lost(struct watch *w, const char *name, uint64_t n)
{
	char	text[96];

	lost(w, n);
	snprintf(text, sizeof(text), "%llu messages came faster than they "
	    "could be read and are lost", (unsigned long long)n);
	say(w, 1, name, text);
}

static void
stream_broken(struct watch *w, const char *name, uint64_t n)
{
	counter_add(PARSER_UNPARSED, n);
	if (w != NULL)
		w->stats.unparsed += n;
	say(w, 1, name, "this is not the journal's export format");
}

static void
stream_happened(uint32_t source, const char *name, enum stream_event what,
    uint64_t n)
{
	struct watch	*w = watch_bysource(source);

	switch (what) {
	case STREAM_OPENED:
		say(w, 0, name, "reading");
		break;
	case STREAM_ENDED:
		say(w, 0, name, "read to its end");
		break;
	case STREAM_LONG:
		counter_add(PARSER_LONG, n);
		if (w != NULL)
			warn_long(w, name);
		break;
	case STREAM_LOST:
		stream_lost(w, name, n);
		break;
	case STREAM_BROKEN:
		stream_broken(w, name, n);
		break;
	case STREAM_ERROR:
		say(w, 1, name, strerror((int)n));
		break;
	}
	checkpoint_touch();
}

static void
stream_done(const struct msg_stream_done *m)
{
	channel_send(child_parent, M_STREAM_DONE, 0, m, sizeof(*m));
}

/* Messages. */

static void
on_inotify(MSG_ARGS)
{
	follow_inotify(fd);
}

static void
on_file(MSG_ARGS)
{
	struct msg_file	m;

	memcpy(&m, data, len);
	if (follow_open(&m, fd) == -1)
		log_warnx("%s: cannot be followed", log_vis(m.name,
		    strlen(m.name)));
}

static void
on_stream(MSG_ARGS)
{
	stream_open(data, fd);
}

static void
on_files_done(MSG_ARGS)
{
	resume_files(data);
}

static const struct handler	from_parent[] = {
	{ M_INOTIFY, on_inotify },
	{ M_FILE, on_file },
	{ M_STREAM, on_stream },
	{ M_FILES_DONE, on_files_done },
	{ 0, NULL }
};

static void
on_ban_event(MSG_ARGS)
{
	decide_refused(data);
}

static const struct handler	from_enforcer[] = {
	{ M_BAN_EVENT, on_ban_event },
	{ 0, NULL }
};

/* Life. */

static void
drained(struct channel *ch)
{
	(void)ch;
	follow_resume();
	stream_resume();
}

static void
connected(enum role role, int bulk, struct channel *ch)
{
	if (role == ROLE_LEDGER && bulk)
		channel_ondrained(ch, drained);
}

static void
disconnected(enum role role, int bulk)
{
	if (role != ROLE_LEDGER || !bulk)
		return;
	checkpoint_lost_ledger();
	resume_lost_ledger();
}

static int
is_gone(uint32_t source)
{
	return watch_bysource(source) == NULL;
}

static void
commit(struct conf *new, struct conf *old)
{
	watch_commit(new);
	follow_drop(is_gone);
	stream_drop(is_gone);
	if (old == NULL)
		resume_begin();
	else
		resume_reloaded();
}

/* The last lines, then the last checkpoint, then the end. */
static void
stop(void)
{
	follow_finish();
	stream_finish();
	follow_end();
	if (trace_on && !TAILQ_EMPTY(&watches))
		trace_summary(TAILQ_FIRST(&watches));
	checkpoint_stop(child_exit);
}

/* For refractd -t: -t for people, -J as JSON. */
static void
option(int ch, const char *arg)
{
	(void)arg;
	trace_init(ch == 'J');
}

int
main(int argc, char **argv)
{
	static const struct follow_ops	ops = {
		.lines = give_lines,
		.event = file_event,
		.done = file_done,
		.full = checkpoint_full,
		.owner = owner,
		.stamp = stamp,
		.grown = checkpoint_touch,
		.gap = gap
	};
	static struct stream_ops	streams = {
		.lines = give_lines,
		.event = stream_happened,
		.done = stream_done,
		.full = checkpoint_full,
		.owner = owner,
		.known = is_known,
		.grown = checkpoint_touch,
		.bare = is_bare
	};
	static const struct child	parser = {
		.role = ROLE_PARSER,
		.ident = "refract-parser",
		.extra = "tJ",
		.option = option,
		.by_anybody = &trace_on,
		.parent = from_parent,
		.peers = {
			[ROLE_ENFORCER] = from_enforcer,
			[ROLE_CONTROL] = show_handlers,
			[ROLE_LEDGER] = resume_handlers
		},
		.connected = connected,
		.disconnected = disconnected,
		.prepare = watch_prepare,
		.commit = commit,
		.abort = watch_abort,
		.stop = stop
	};

	child_start(&parser, argc, argv);
	if (users_init(USERS_MAX) == -1)
		fatal("users");
	decide_init();
	grow_init();
	checkpoint_init(child_base);
	follow_init(child_base, &ops);
	streams.past = trace_on;
	stream_init(child_base, &streams);
	child_run();
}

/*
 * Streams and who writes them.  A stream is a source of the configuration; it
 * is opened anew whenever both its program and the parser's reading of it have
 * ended, later and later while it ends soon.
 */
#include <sys/queue.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "args.h"
#include "conf.h"
#include "datagram.h"
#include "log.h"
#include "msg.h"
#include "spawn.h"
#include "stream.h"
#include "timer.h"

#define BACKOFF_MIN	1000
#define BACKOFF_MAX	60000
#define LIVED		60000	/* who lived so long starts at once again */
#define PIPE_SIZE	(256 * 1024)
#define JOURNAL_GROUP	"systemd-journal"
#define ARGS_LEN	(4 * ARGV_MAX_LEN)
#define POSITIONS_MAX	4096

struct stream {
	TAILQ_ENTRY(stream)	 entry;
	uint32_t		 id;		/* of the source */
	uint64_t		 watch, source;	/* hashes of the names */
	enum source_kind	 kind;
	uint32_t		 number;	/* of this opening */
	int			 is_read;	/* the parser has it */
	struct spawned		*child;
	struct event		*again;
	span_t			 backoff;
	mono_t			 started;
	int			 sock;		/* of syslog; -1 */
	/* As the configuration says. */
	struct prefix		 addr;
	uint16_t		 port;
	int			 from_start;
	char			*args;
	size_t			 args_len;
	unsigned int		 argc;
	char			 user[ACCOUNT_MAX_LEN], group[ACCOUNT_MAX_LEN];
	char			*dir;
	/* Of a journal: where to begin. */
	wall_t			 since;		/* 0: at its start */
	char			 cursor[CURSOR_LEN];
	char			 path[PATH_MAX_LEN];
	char			 name[NAME_MAX_LEN];	/* of the watch */
	char			 title[NAME_MAX_LEN + 80];
};
TAILQ_HEAD(streams, stream);

/* An argv while it is made. */
struct args {
	char		 text[ARGS_LEN];
	size_t		 n;
	unsigned int	 argc;
	int		 full;
};

struct position {
	TAILQ_ENTRY(position)	 entry;
	struct msg_position	 m;
};

static const struct streams_ops	*ops;
static struct event_base	*base;
static int			 foreground, stopping;
static int			 has_stdin = -1;	/* its source */
static pid_t			 owner;
static uint32_t			 last_number;
static struct streams		 live = TAILQ_HEAD_INITIALIZER(live);
static struct streams		 next = TAILQ_HEAD_INITIALIZER(next);
static TAILQ_HEAD(, position)	 positions =
				    TAILQ_HEAD_INITIALIZER(positions);
static unsigned int		 npositions;

static void	stream_start(struct stream *);

static void
notice(const struct stream *s, const char *what)
{
	char	text[TEXT_LEN];

	snprintf(text, sizeof(text), "%s: %s", s->title, what);
	log_warnx("%s", text);
	ops->notice(s->name, text);
}

/* Arguments. */

static void
add(struct args *a, const char *s, const char *more)
{
	size_t	n = strlen(s) + strlen(more) + 1;

	if (a->argc == SPAWN_ARGS_MAX || n > sizeof(a->text) - a->n) {
		a->full = 1;
		return;
	}
	snprintf(a->text + a->n, n, "%s%s", s, more);
	a->n += n;
	a->argc++;
}

static int
is_dir(const char *path)
{
	int	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd != -1)
		close(fd);
	return fd != -1;
}

/* "_MACHINE_ID=...", or "" where there is none. */
static void
machine_match(char *buf, size_t len)
{
	char	id[33];
	ssize_t	n = -1;
	int	fd;

	*buf = '\0';
	if ((fd = open("/etc/machine-id", O_RDONLY | O_CLOEXEC)) != -1) {
		n = read(fd, id, sizeof(id) - 1);
		close(fd);
	}
	if (n != sizeof(id) - 1)
		return;
	id[n] = '\0';
	if (strspn(id, "0123456789abcdef") == (size_t)n)
		snprintf(buf, len, "_MACHINE_ID=%s", id);
}

/*
 * --merge, because --follow alone shows the current boot only, and what was
 * written before the last one would be lost.  But then it is the journals of
 * all machines that are here: each group of matches names ours.
 */
static void
journal_args(const struct stream *s, struct args *a)
{
	const char	*p = s->args;
	char		 since[48], machine[64] = "";
	unsigned int	 i;

	add(a, "journalctl", "");
	add(a, "--output=export", "");
	add(a, "--output-fields=MESSAGE,SYSLOG_IDENTIFIER,_COMM,SYSLOG_PID,"
	    "_PID,_HOSTNAME", "");
	add(a, "--quiet", "");
	add(a, "--follow", "");
	add(a, "--no-tail", "");
	add(a, "--merge", "");
	if (*s->cursor != '\0')
		add(a, "--after-cursor=", s->cursor);
	else if (s->since > 0) {
		snprintf(since, sizeof(since), "--since=@%lld.%03d",
		    (long long)(s->since / 1000), (int)(s->since % 1000));
		add(a, since, "");
	}
	if (s->dir != NULL)
		add(a, is_dir(s->dir) ? "--directory=" : "--file=", s->dir);
	add(a, "--", "");
	if (s->dir == NULL)
		machine_match(machine, sizeof(machine));
	for (i = 0; i < s->argc; i++, p += strlen(p) + 1) {
		if (*machine != '\0' && strcmp(p, "+") == 0)
			add(a, machine, "");
		add(a, p, "");
	}
	if (*machine != '\0')
		add(a, machine, "");
}

/* Running. */

static void
again(EVENT_ARGS)
{
	stream_start(arg);
}

static void
start_later(struct stream *s)
{
	if (stopping)
		return;
	if (mono_since(s->started, mono_now()) >= LIVED)
		s->backoff = BACKOFF_MIN;
	timer_set(s->again, s->backoff);
	s->backoff = s->backoff >= BACKOFF_MAX / 2 ? BACKOFF_MAX :
	    s->backoff * 2;
}

/* Both its ends have come. */
static void
over(struct stream *s)
{
	if (s->child == NULL && !s->is_read)
		start_later(s);
}

static void
ended(struct spawned *child, int status, int timed_out, void *arg)
{
	struct stream	*s = arg;
	char		 why[SPAWN_STATUS_LEN], text[TEXT_LEN];

	(void)child;
	(void)timed_out;
	s->child = NULL;
	if (!stopping) {
		snprintf(text, sizeof(text), "it ended: %s: it is started "
		    "again", spawn_status(status, why));
		notice(s, text);
	}
	over(s);
}

static void
pass(struct stream *s, int fd, uint32_t kind)
{
	struct msg_stream	m;

	memset(&m, 0, sizeof(m));
	m.stream = s->number = ++last_number;
	m.source = s->id;
	m.kind = kind;
	m.since = s->since;
	strlcpy(m.name, s->path, sizeof(m.name));
	s->is_read = 1;
	ops->pass(&m, fd);
}

static struct spawned *
run(struct stream *s, int out, char *why, size_t len)
{
	struct spawn_args	 sa;
	struct args		*a = NULL;
	struct spawned		*child = NULL;

	memset(&sa, 0, sizeof(sa));
	sa.name = s->title;
	sa.args = s->args;
	sa.argc = s->argc;
	sa.user = s->user;
	sa.group = s->group;
	sa.out = out;
	sa.whole = 1;
	sa.ended = ended;
	sa.arg = s;
	if (s->kind == SOURCE_JOURNAL) {
		if ((a = calloc(1, sizeof(*a))) == NULL)
			fatal("%s", s->title);
		journal_args(s, a);
		sa.args = a->text;
		sa.argc = a->full ? 0 : a->argc;
		sa.also = JOURNAL_GROUP;
	}
	child = spawn(&sa, why, len);
	free(a);
	return child;
}

static void
run_piped(struct stream *s)
{
	char	why[TEXT_LEN];
	int	fds[2];

	s->started = mono_now();
	if (pipe2(fds, O_CLOEXEC) == -1) {
		notice(s, strerror(errno));
		start_later(s);
		return;
	}
	if (fcntl(fds[1], F_SETPIPE_SZ, PIPE_SIZE) == -1)
		log_debug("%s: its pipe stays small", s->title);
	s->child = run(s, fds[1], why, sizeof(why));
	close(fds[1]);
	if (s->child == NULL) {
		close(fds[0]);
		notice(s, why);
		start_later(s);
		return;
	}
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	pass(s, fds[0], s->kind == SOURCE_JOURNAL ? STREAM_JOURNAL :
	    STREAM_LINES);
}

static int
duplicate(const struct stream *s, int fd)
{
	int	copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);

	if (copy == -1)
		fatal("%s", s->title);
	return copy;
}

/* Once: nothing of it may stay here, or its writer would never know. */
static void
pass_stdin(struct stream *s)
{
	int	null;

	pass(s, duplicate(s, STDIN_FILENO), STREAM_LINES);
	has_stdin = (int)s->id;
	if ((null = open("/dev/null", O_RDWR | O_CLOEXEC)) == -1 ||
	    dup2(null, STDIN_FILENO) == -1)
		fatal("/dev/null");
	close(null);
}

static void
stream_start(struct stream *s)
{
	switch (s->kind) {
	case SOURCE_COMMAND:
	case SOURCE_JOURNAL:
		run_piped(s);
		break;
	case SOURCE_SYSLOG:
		s->started = mono_now();
		pass(s, duplicate(s, s->sock), STREAM_SYSLOG);
		break;
	case SOURCE_STDIN:
		pass_stdin(s);
		break;
	case SOURCE_FILE:
		break;
	}
}

static struct stream *
find(struct streams *list, uint32_t id)
{
	struct stream	*s;

	TAILQ_FOREACH(s, list, entry)
		if (s->id == id)
			break;
	return s;
}

/* It runs, and as it shall: its name says the rest. */
static int
is_unchanged(const struct conf_source *cs)
{
	const struct stream	*s = find(&live, cs->w.id);

	return s != NULL && strcmp(s->user, cs->user) == 0 &&
	    strcmp(s->group, cs->group) == 0;
}

void
streams_done(const struct msg_stream_done *m)
{
	struct stream	*s;

	TAILQ_FOREACH(s, &live, entry)
		if (s->number == m->stream && s->is_read)
			break;
	if (s == NULL)
		return;		/* of one that was stopped */
	s->is_read = 0;
	if (*m->cursor != '\0')
		strlcpy(s->cursor, m->cursor, sizeof(s->cursor));
	if (s->kind == SOURCE_STDIN)
		return;
	if (s->child != NULL)
		spawn_kill(s->child);
	over(s);
}

/* Coming and going. */

static const char *
socket_path(const struct stream *s)
{
	return s->kind == SOURCE_SYSLOG && s->addr.family == 0 ? s->dir :
	    NULL;
}

static int
is_same_socket(const struct stream *a, const struct stream *b)
{
	if (a->kind != SOURCE_SYSLOG || b->kind != SOURCE_SYSLOG ||
	    prefix_cmp(&a->addr, &b->addr) != 0 || a->port != b->port)
		return 0;
	return a->addr.family != 0 || strcmp(a->dir, b->dir) == 0;
}

static struct stream *
find_socket(struct streams *list, const struct stream *of)
{
	struct stream	*s;

	TAILQ_FOREACH(s, list, entry)
		if (s != of && s->sock != -1 && is_same_socket(s, of))
			break;
	return s;
}

static void
stream_free(struct streams *list, struct stream *s)
{
	TAILQ_REMOVE(list, s, entry);
	if (s->child != NULL)
		spawn_abandon(s->child);
	if (s->again != NULL)
		event_free(s->again);
	if (s->sock != -1) {
		close(s->sock);
		if (socket_path(s) != NULL && find_socket(&live, s) == NULL &&
		    find_socket(&next, s) == NULL)
			datagram_remove(socket_path(s));
	}
	free(s->args);
	free(s->dir);
	free(s);
}

static void *
copy(const void *p, size_t n)
{
	void	*c;

	if ((c = malloc(n + 1)) == NULL)
		fatal("streams");
	memcpy(c, p, n);
	return c;
}

static struct stream *
stream_new(const struct conf_watch *w, const struct conf_source *cs)
{
	struct stream	*s;

	if ((s = calloc(1, sizeof(*s))) == NULL ||
	    (s->again = evtimer_new(base, again, s)) == NULL)
		fatal("streams");
	s->id = cs->w.id;
	s->watch = w->w.hash;
	s->source = watch_hash(cs->w.path);
	s->kind = cs->w.kind;
	s->backoff = BACKOFF_MIN;
	s->sock = -1;
	s->addr = cs->addr;
	s->port = cs->port;
	s->from_start = cs->w.from_start;
	s->args = cs->args == NULL ? NULL : copy(cs->args, cs->args_len);
	s->argc = cs->argc;
	strlcpy(s->user, cs->user, sizeof(s->user));
	strlcpy(s->group, cs->group, sizeof(s->group));
	s->dir = cs->dir == NULL ? NULL : copy(cs->dir, strlen(cs->dir) + 1);
	strlcpy(s->path, cs->w.path, sizeof(s->path));
	strlcpy(s->name, w->w.name, sizeof(s->name));
	snprintf(s->title, sizeof(s->title), "watch %s: %.60s", s->name,
	    log_vis(s->path, strlen(s->path)));
	TAILQ_INSERT_TAIL(&next, s, entry);
	return s;
}

/* What another watch has now, and not any more then, is taken over. */
static int
prepare_socket(struct stream *s, const struct conf_source *cs, char *why,
    size_t len)
{
	struct stream	*o;

	if ((o = find_socket(&next, s)) != NULL) {
		snprintf(why, len, "%s is a source of watch %s already",
		    s->path, o->name);
		return -1;
	}
	if ((o = find_socket(&live, s)) != NULL)
		s->sock = duplicate(s, o->sock);
	else
		s->sock = datagram_open(cs, why, len);
	return s->sock == -1 ? -1 : 0;
}

static int
prepare_stdin(const struct stream *s, char *why, size_t len)
{
	const struct stream	*o;

	TAILQ_FOREACH(o, &next, entry)
		if (o != s && o->kind == SOURCE_STDIN)
			break;
	if (!foreground)
		strlcpy(why, "standard input is there with -d only", len);
	else if (o != NULL || has_stdin != -1)
		strlcpy(why, "standard input can be one source only, and "
		    "once", len);
	else
		return 0;
	return -1;
}

static int
prepare_journal(char *why, size_t len)
{
	static const char *const	paths[] = {
		"/usr/bin/journalctl", "/bin/journalctl"
	};
	size_t				i;

	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (access(paths[i], X_OK) == 0)
			return spawn_check(NULL, NULL, why, len);
	strlcpy(why, "source journal: journalctl is not installed", len);
	return -1;
}

static int
prepare(struct stream *s, const struct conf_source *cs, char *why, size_t len)
{
	switch (s->kind) {
	case SOURCE_COMMAND:
		return spawn_check(s->user, s->group, why, len);
	case SOURCE_JOURNAL:
		return prepare_journal(why, len);
	case SOURCE_SYSLOG:
		return prepare_socket(s, cs, why, len);
	default:
		return prepare_stdin(s, why, len);
	}
}

int
streams_prepare(const struct conf *c, char *why, size_t len)
{
	struct conf_watch	*w;
	struct conf_source	*cs;
	struct stream		*s;
	char			 fault[TEXT_LEN], line[TEXT_LEN + 80];

	*why = '\0';
	TAILQ_FOREACH(w, &c->watches, entry)
		TAILQ_FOREACH(cs, &w->sources, entry) {
			if (cs->w.kind == SOURCE_FILE ||
			    is_unchanged(cs))
				continue;
			s = stream_new(w, cs);
			if (prepare(s, cs, fault, sizeof(fault)) == 0)
				continue;
			snprintf(line, sizeof(line), "%swatch %s: %s",
			    *why == '\0' ? "" : "\n", s->name, fault);
			strlcat(why, line, len);
		}
	if (*why == '\0')
		return 0;
	streams_abort();
	return -1;
}

void
streams_abort(void)
{
	struct stream	*s;

	while ((s = TAILQ_FIRST(&next)) != NULL)
		stream_free(&next, s);
}

/* Positions are of the last run: asked for once, at the first commit. */

void
streams_position(const struct msg_position *m)
{
	struct position	*p;

	if (npositions == POSITIONS_MAX)
		return;
	if ((p = malloc(sizeof(*p))) == NULL)
		fatal("streams");
	p->m = *m;
	TAILQ_INSERT_TAIL(&positions, p, entry);
	npositions++;
}

static void
forget_positions(void)
{
	struct position	*p;

	while ((p = TAILQ_FIRST(&positions)) != NULL) {
		TAILQ_REMOVE(&positions, p, entry);
		free(p);
	}
	npositions = 0;
}

/* After the last entry that counted, or from now on. */
static void
find_beginning(struct stream *s)
{
	struct position	*p;

	s->since = s->from_start ? 0 : wall_now();
	TAILQ_FOREACH(p, &positions, entry)
		if (p->m.watch == s->watch && p->m.source == s->source) {
			s->since = p->m.modified / 1000000;
			strlcpy(s->cursor, p->m.name, sizeof(s->cursor));
		}
}

static int
is_in(const struct conf *c, const struct stream *s)
{
	struct conf_watch	*w;
	struct conf_source	*cs;

	TAILQ_FOREACH(w, &c->watches, entry)
		TAILQ_FOREACH(cs, &w->sources, entry)
			if (cs->w.id == s->id)
				return 1;
	return 0;
}

void
streams_commit(const struct conf *c)
{
	struct stream	*s, *after;

	TAILQ_FOREACH(s, &next, entry)
		find_beginning(s);
	forget_positions();
	TAILQ_FOREACH_SAFE(s, &live, entry, after)
		if (!is_in(c, s) || find(&next, s->id) != NULL)
			stream_free(&live, s);
	while ((s = TAILQ_FIRST(&next)) != NULL) {
		TAILQ_REMOVE(&next, s, entry);
		TAILQ_INSERT_TAIL(&live, s, entry);
		stream_start(s);
	}
}

/* The end. */

void
streams_stop(void)
{
	struct stream	*s;

	stopping = 1;
	TAILQ_FOREACH(s, &live, entry) {
		event_del(s->again);
		if (s->child != NULL)
			spawn_kill(s->child);
	}
}

static void
remove_sockets(void)
{
	struct stream	*s;

	if (getpid() != owner)
		return;
	TAILQ_FOREACH(s, &live, entry)
		if (socket_path(s) != NULL)
			datagram_remove(socket_path(s));
	TAILQ_FOREACH(s, &next, entry)
		if (socket_path(s) != NULL && s->sock != -1)
			datagram_remove(socket_path(s));
}

void
streams_init(struct event_base *b, const struct streams_ops *o, int fg)
{
	base = b;
	ops = o;
	foreground = fg;
	owner = getpid();
	if (atexit(remove_sockets) != 0)
		fatalx("streams: atexit");
}

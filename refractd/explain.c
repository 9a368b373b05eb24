/*
 * A dry run of one watch: a refract-parser, sandboxed as the daemon's, gets
 * the configuration as always and the lines as streams, one after the other,
 * and prints what happens to each.  It has no sibling, so nothing comes of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "args.h"
#include "conf.h"
#include "explain.h"
#include "log.h"
#include "paths.h"
#include "procs.h"

static struct conf		*conf;
static char			**files;
static uint32_t			 source;	/* whose lines they are */
static int			 bad, begun;

/* --- the configuration --------------------------------------------------- */

static void
name_watches(const char *name)
{
	struct conf_watch	*w;
	char			 list[512] = "";

	TAILQ_FOREACH(w, &conf->watches, entry) {
		strlcat(list, *list == '\0' ? "" : ", ", sizeof(list));
		strlcat(list, w->w.name, sizeof(list));
	}
	fatalx("no watch \"%s\": expected one of %s", log_vis(name,
	    strlen(name)), *list == '\0' ? "none" : list);
}

/* Lines have to be of some source of it. */
static void
set_source(struct conf_watch *w)
{
	struct conf_source	*s;

	if ((s = TAILQ_FIRST(&w->sources)) == NULL) {
		if ((s = calloc(1, sizeof(*s))) == NULL)
			fatal("source");
		s->w.id = conf_new_id();
		s->w.watch = w->w.id;
		s->w.kind = SOURCE_STDIN;
		strlcpy(s->w.path, "stdin", sizeof(s->w.path));
		TAILQ_INSERT_TAIL(&w->sources, s, entry);
	}
	source = s->w.id;
}

/* This watch alone, as a dry run. */
static void
trim(const char *name)
{
	struct conf_watch	*w, *next;

	if (conf_watch_byname(conf, name) == NULL)
		name_watches(name);
	TAILQ_FOREACH_SAFE(w, &conf->watches, entry, next)
		if (strcmp(w->w.name, name) != 0) {
			TAILQ_REMOVE(&conf->watches, w, entry);
			conf_watch_free(w);
		}
	conf_adopt_ids(conf, NULL);
	conf->generation = 1;
	w = TAILQ_FIRST(&conf->watches);
	w->w.dry_run = 1;
	set_source(w);
}

/* --- the lines ----------------------------------------------------------- */

static void
stopped(int clean)
{
	exit(bad || !clean);
}

static int
open_next(const char **name)
{
	int	fd;

	for (; *files != NULL; files++) {
		*name = *files;
		fd = strcmp(*files, "-") == 0 ? dup(STDIN_FILENO) :
		    open(*files, O_RDONLY | O_CLOEXEC | O_NOCTTY);
		if (fd != -1) {
			files++;
			return fd;
		}
		log_warn("%s", log_vis(*files, strlen(*files)));
		bad = 1;
	}
	return -1;
}

/* The next one goes to the parser; after the last it is told to stop. */
static void
go_on(void)
{
	struct msg_stream	m;
	const char		*name;
	int			 fd;

	if ((fd = open_next(&name)) == -1) {
		procs_stop(stopped);
		return;
	}
	memset(&m, 0, sizeof(m));
	m.stream = 1;
	m.source = source;
	m.kind = STREAM_LINES;
	strlcpy(m.name, strcmp(name, "-") == 0 ? "stdin" : name,
	    sizeof(m.name));
	channel_send_fd(procs_channel(ROLE_PARSER), M_STREAM, 0, fd, &m,
	    sizeof(m));
}

static void
conf_ready(MSG_ARGS)
{
	channel_send(ch, M_CONF_COMMIT, 0, &conf->generation,
	    sizeof(conf->generation));
}

static void
conf_refused(MSG_ARGS)
{
	const struct msg_refused	*m = data;

	fatalx("%s", m->text);
}

static void
conf_done(MSG_ARGS)
{
	struct msg_boot	boot;

	memset(&boot, 0, sizeof(boot));
	channel_send(ch, M_FILES_DONE, 0, &boot, sizeof(boot));
	begun = 1;
	go_on();
}

static void
stream_done(MSG_ARGS)
{
	go_on();
}

static void
file_done(MSG_ARGS)
{
}

static const struct handler	from_parser[] = {
	{ M_CONF_READY, conf_ready },
	{ M_CONF_REFUSED, conf_refused },
	{ M_CONF_DONE, conf_done },
	{ M_STREAM_DONE, stream_done },
	{ M_FILE_DONE, file_done },
	{ 0, NULL }
};

/* ^C ends the reading, and the summary is printed. */
static void
interrupted(EVENT_ARGS)
{
	procs_stop(stopped);
}

static void
end_at(struct event_base *base, int sig)
{
	struct event	*ev = evsignal_new(base, sig, interrupted, NULL);

	if (ev == NULL || event_add(ev, NULL) == -1)
		fatalx("signals: out of memory");
}

void
explain(const struct explain_args *a, struct conf *c)
{
	static char		*input[] = { NULL, NULL };
	static char		 dash[] = "-";
	struct event_base	*base;

	conf = c;
	trim(a->watch);
	input[0] = dash;
	files = a->files[0] == NULL ? input : a->files;
	if (geteuid() == 0)
		paths_run();
	if ((base = event_base_new()) == NULL)
		fatalx("event base");
	proc_set_role(ROLE_PARENT);
	procs_init(base, a->dir, c->state_dir, a->verbose);
	procs_handlers(ROLE_PARSER, from_parser);
	procs_alone(a->json ? "-J" : "-t");
	procs_start(ROLE_PARSER);
	procs_wait(ROLE_BIT(ROLE_PARSER));
	end_at(base, SIGINT);
	end_at(base, SIGTERM);
	conf_send(procs_channel(ROLE_PARSER), c, ROLE_PARSER);
	procs_turn_until(&begun, START_LIMIT, "refract-parser: the "
	    "configuration is not in use after 30 s");
	event_base_dispatch(base);
	fatalx("the event loop ended");
}

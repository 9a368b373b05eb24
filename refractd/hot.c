/*
 * `hot reload`.  Directories are watched, not files: an editor puts a new file
 * in the place of the old one, and a pattern's file may not be there yet.  Of
 * each directory only the names that count are looked at.  Nothing is read
 * here; that one of them changed is all that is said, once for a burst.
 */
#include <sys/inotify.h>
#include <sys/queue.h>

#include <fnmatch.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "args.h"
#include "changes.h"
#include "clock.h"
#include "hot.h"
#include "log.h"
#include "parse.h"
#include "timer.h"

#define SETTLE_MS	100	/* after the last event */
#define PATIENCE_MS	1000	/* after the first one, whatever comes */
/* Not IN_MODIFY: what is half written is not read. */
#define EVENTS								\
	(IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE |	\
	    IN_DELETE | IN_ATTRIB | IN_ONLYDIR)

/* A name, perhaps a pattern, in a directory. */
struct place_to_watch {
	TAILQ_ENTRY(place_to_watch)	 entry;
	int				 wd;
	int				 stale;
	char				 name[];
};

static TAILQ_HEAD(, place_to_watch) places = TAILQ_HEAD_INITIALIZER(places);
static int		 inotify = -1;
static struct event	*event, *settle;
static mono_t		 since;		/* the burst's first event */
static int		 is_new;	/* a place that was not watched */
static void		(*tell)(void);

static void
settled(EVENT_ARGS)
{
	tell();
}

static void
happened(void)
{
	if (!evtimer_pending(settle, NULL))
		since = mono_now();
	else if (mono_since(since, mono_now()) > PATIENCE_MS)
		return;
	timer_set(settle, SETTLE_MS);
}

/* 1 if this event is about one of our names. */
static int
is_ours(const struct inotify_event *e, const char *name)
{
	struct place_to_watch	*p;

	if (e->mask & IN_Q_OVERFLOW)
		return 1;
	TAILQ_FOREACH(p, &places, entry) {
		if (p->wd != e->wd)
			continue;
		if (e->mask & IN_IGNORED) {
			p->wd = -1;	/* the directory is gone */
			return 1;
		}
		if (e->len != 0 && fnmatch(p->name, name, FNM_PERIOD) == 0)
			return 1;
	}
	return 0;
}

static void
look(const struct inotify_event *e, const char *name)
{
	if (is_ours(e, name))
		happened();
}

static void
read_events(EVENT_ARGS)
{
	while (changes_read(fd, look))
		;
}

void
hot_init(struct event_base *base, void (*changed)(void))
{
	tell = changed;
	if ((inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) == -1)
		fatal("hot reload: inotify");
	event = event_new(base, inotify, EV_READ | EV_PERSIST, read_events,
	    NULL);
	settle = evtimer_new(base, settled, NULL);
	if (event == NULL || settle == NULL || event_add(event, NULL) == -1)
		fatalx("hot reload: out of memory");
}

static void
watch_name(const char *dir, const char *name)
{
	struct place_to_watch	*p;
	int			 wd;

	/* One that is not there is seen to come in the one above it. */
	if ((wd = inotify_add_watch(inotify, dir, EVENTS)) == -1)
		return;
	TAILQ_FOREACH(p, &places, entry)
		if (p->wd == wd && strcmp(p->name, name) == 0)
			break;
	if (p == NULL) {
		if ((p = calloc(1, sizeof(*p) + strlen(name) + 1)) == NULL)
			fatal("hot reload");
		p->wd = wd;
		memcpy(p->name, name, strlen(name) + 1);
		TAILQ_INSERT_TAIL(&places, p, entry);
		is_new = 1;
	}
	p->stale = 0;
}

/* All directories that fit, for the last component of a path. */
static void
watch_in(const char *dirs, const char *name)
{
	glob_t	g;
	size_t	i;

	if (glob(*dirs == '\0' ? "/" : dirs, 0, NULL, &g) != 0)
		return;
	for (i = 0; i < g.gl_pathc; i++)
		watch_name(g.gl_pathv[i], name);
	globfree(&g);
}

/* The path's own name in its directory, and that directory's, and so on. */
static void
watch_path(const char *path)
{
	char	 buf[PATH_MAX], *slash;

	if (*path != '/' || strlcpy(buf, path, sizeof(buf)) >= sizeof(buf))
		return;
	while ((slash = strrchr(buf, '/')) != NULL) {
		*slash = '\0';
		watch_in(buf, slash + 1);
	}
}

/* A link's target may change without the link. */
static void
watch_file(const char *path)
{
	char	real[PATH_MAX];

	watch_path(path);
	if (realpath(path, real) != NULL && strcmp(real, path) != 0)
		watch_path(real);
}

static int
wd_in_use(int wd)
{
	struct place_to_watch	*p;

	TAILQ_FOREACH(p, &places, entry)
		if (p->wd == wd)
			return 1;
	return 0;
}

static void
sweep(void)
{
	struct place_to_watch	*p, *next;
	int			 wd;

	TAILQ_FOREACH_SAFE(p, &places, entry, next) {
		if (!p->stale)
			continue;
		wd = p->wd;
		TAILQ_REMOVE(&places, p, entry);
		free(p);
		if (wd != -1 && !wd_in_use(wd))
			(void)inotify_rm_watch(inotify, wd);
	}
}

void
hot_watch(int on)
{
	struct place_to_watch	*p;
	const char *const	*files;
	size_t			 i, n = 0;

	if (inotify == -1)
		return;
	is_new = 0;
	TAILQ_FOREACH(p, &places, entry)
		p->stale = 1;
	if (on)
		files = parse_files(&n);
	for (i = 0; i < n; i++)
		watch_file(files[i]);
	sweep();
	if (is_new && parse_stale())
		happened();
}

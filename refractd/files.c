/*
 * Sources and their logs.  A source is a pattern of the configuration; each
 * look at it walks the pattern anew, watches the directories on the way and
 * compares what lies there with what is known by device, inode and time of
 * birth.  So it does not matter what exactly an event said, or whether one was
 * lost: an event only says which source to look at.
 */
#include <sys/inotify.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "args.h"
#include "changes.h"
#include "conf.h"
#include "files.h"
#include "log.h"
#include "msg.h"
#include "rotated.h"
#include "walk.h"

#define DIR_EVENTS							\
	(IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE |		\
	    IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)
#define FILE_EVENTS							\
	(IN_MODIFY | IN_ATTRIB | IN_MOVE_SELF | IN_DELETE_SELF)

/* A watched directory, and the name that is waited for in it. */
struct dirref {
	TAILQ_ENTRY(dirref)	 entry;
	int			 wd;
	int			 stale;
	char			 next[];
};
TAILQ_HEAD(dirrefs, dirref);

struct identity {
	dev_t			 dev;
	ino_t			 ino;
	int64_t			 born;	/* 0: the file system does not say */
};

struct logfile {
	TAILQ_ENTRY(logfile)	 entry;
	struct identity		 is;
	uint32_t		 number;
	int			 fd;	/* -1: passed */
	int			 wd;	/* file_watches; -1: parser is done */
	uint32_t		 from_end;	/* see msg_file */
	int			 seen;
	int64_t			 modified;	/* ns; of a rotated one */
	char			 name[PATH_MAX_LEN];
};
TAILQ_HEAD(logfiles, logfile);

struct source {
	TAILQ_ENTRY(source)	 entry;
	uint32_t		 id, watch;
	int			 from_start;
	int			 live;		/* in use */
	int			 first;		/* not looked at yet */
	int			 dirty;		/* look at it again */
	struct dirrefs		 dirs;
	struct logfiles		 files;
	char			 path[PATH_MAX_LEN];
	char			 name[NAME_MAX_LEN];	/* of the watch */
	char			 trouble[TEXT_LEN];	/* of this look */
	char			 told[TEXT_LEN];	/* of an earlier one */
};
TAILQ_HEAD(sources, source);

static const struct files_ops	*ops;
static int			 file_watches = -1, dir_watches = -1;
static struct event		*dir_ev;
static unsigned int		 nfiles;
/* In use; and opened beside it, until commit or abort. */
static struct sources		 live = TAILQ_HEAD_INITIALIZER(live);
static struct sources		 next = TAILQ_HEAD_INITIALIZER(next);

/* All sources, of both lists. */
static struct source *
source_first(void)
{
	struct source	*s = TAILQ_FIRST(&live);

	return s != NULL ? s : TAILQ_FIRST(&next);
}

static struct source *
source_after(const struct source *s)
{
	struct source	*after = TAILQ_NEXT(s, entry);

	return after != NULL || !s->live ? after : TAILQ_FIRST(&next);
}

static void *
xcalloc(size_t size)
{
	void	*p;

	if ((p = calloc(1, size)) == NULL)
		fatal("logs");
	return p;
}

static void
add_trouble(struct source *s, const char *path, const char *why)
{
	size_t	n = strlen(s->trouble);

	snprintf(s->trouble + n, sizeof(s->trouble) - n, "%s%s %s",
	    n == 0 ? "" : "; ", log_vis(path, strlen(path)), why);
}

/* Watches, by a descriptor's own name: no path is walked twice. */

static int
watch_fd(int inotify, int fd, uint32_t events)
{
	char	path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return inotify_add_watch(inotify, path, events);
}

static int
dir_in_use(int wd)
{
	struct source	*s;
	struct dirref	*d;

	for (s = source_first(); s != NULL; s = source_after(s))
		TAILQ_FOREACH(d, &s->dirs, entry)
			if (d->wd == wd)
				return 1;
	return 0;
}

static void
dir_free(struct source *s, struct dirref *d)
{
	int	wd = d->wd;

	TAILQ_REMOVE(&s->dirs, d, entry);
	free(d);
	if (!dir_in_use(wd))
		inotify_rm_watch(dir_watches, wd);
}

static int
file_watch_in_use(int wd)
{
	struct source	*s;
	struct logfile	*f;

	for (s = source_first(); s != NULL; s = source_after(s))
		TAILQ_FOREACH(f, &s->files, entry)
			if (f->wd == wd)
				return 1;
	return 0;
}

/* Two logs of two watches may be one file, with one watch descriptor. */
static void
file_unwatch(struct logfile *f)
{
	int	wd = f->wd;

	f->wd = -1;
	if (wd != -1 && !file_watch_in_use(wd))
		inotify_rm_watch(file_watches, wd);
}

static void
file_free(struct source *s, struct logfile *f)
{
	file_unwatch(f);
	TAILQ_REMOVE(&s->files, f, entry);
	if (f->fd != -1)
		close(f->fd);
	nfiles--;
	free(f);
}

static void
source_free(struct sources *list, struct source *s)
{
	struct logfile	*f;
	struct dirref	*d;

	while ((f = TAILQ_FIRST(&s->files)) != NULL)
		file_free(s, f);
	while ((d = TAILQ_FIRST(&s->dirs)) != NULL)
		dir_free(s, d);
	TAILQ_REMOVE(list, s, entry);
	free(s);
}

/* Looking */

static int
identify(int fd, struct identity *is)
{
	struct statx	sx;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_BTIME,
	    &sx) == -1)
		return -1;
	is->dev = makedev(sx.stx_dev_major, sx.stx_dev_minor);
	is->ino = sx.stx_ino;
	is->born = sx.stx_mask & STATX_BTIME ?
	    sx.stx_btime.tv_sec * 1000000000LL + sx.stx_btime.tv_nsec : 0;
	return 0;
}

/* By any source of this watch: no line counts twice, however it is named. */
static struct logfile *
file_known(const struct source *of, const struct identity *is)
{
	struct source	*s;
	struct logfile	*f;

	for (s = source_first(); s != NULL; s = source_after(s)) {
		if (s->watch != of->watch)
			continue;
		TAILQ_FOREACH(f, &s->files, entry)
			if (f->is.dev == is->dev && f->is.ino == is->ino &&
			    f->is.born == is->born)
				return f;
	}
	return NULL;
}

static void
file_pass(struct source *s, struct logfile *f)
{
	struct msg_file	m;
	struct stat	st;

	memset(&m, 0, sizeof(m));
	m.file = f->number;
	m.source = s->id;
	m.wd = f->wd;
	m.from_end = f->from_end;
	m.dev = f->is.dev;
	m.ino = f->is.ino;
	m.size = fstat(f->fd, &st) == -1 ? 0 : (uint64_t)st.st_size;
	strlcpy(m.name, f->name, sizeof(m.name));
	log_debug("watch %s: log %u is %s", s->name, m.file,
	    log_vis(m.name, strlen(m.name)));
	ops->pass(&m, f->fd);
	f->fd = -1;
}

/* A log that was there when its source was new may be read from its end. */
static struct logfile *
file_new(struct source *s, const struct identity *is, int fd, const char *path)
{
	static uint32_t	 last;
	struct logfile	*f = xcalloc(sizeof(*f));

	f->is = *is;
	f->number = ++last;
	f->fd = fd;
	f->from_end = s->first && !s->from_start;
	f->seen = 1;
	strlcpy(f->name, path, sizeof(f->name));
	f->wd = watch_fd(file_watches, fd, FILE_EVENTS);
	if (f->wd == -1)
		add_trouble(s, path, errno == ENOSPC ? "cannot be watched: "
		    "sysctl fs.inotify.max_user_watches is too low" :
		    "cannot be watched");
	TAILQ_INSERT_TAIL(&s->files, f, entry);
	nfiles++;
	if (s->live)
		file_pass(s, f);
	return f;
}

/* Known already: seen.  Else a descriptor of its own decides what it is. */
static void
look_file(void *arg, int dirfd, const char *name, const char *path)
{
	struct source	*s = arg;
	struct identity	 is;
	struct logfile	*f;
	char		 why[TEXT_LEN];
	int		 fd;

	if ((fd = walk_open(dirfd, name, why, sizeof(why))) == -1) {
		if (*why != '\0')
			add_trouble(s, path, why);
		return;
	}
	if (identify(fd, &is) == -1)
		add_trouble(s, path, strerror(errno));
	else if ((f = file_known(s, &is)) != NULL)
		f->seen = 1;
	else if (nfiles == FILES_MAX)
		add_trouble(s, path, "is one log too many");
	else {
		file_new(s, &is, fd, path);
		return;
	}
	close(fd);
}

static void
look_dir(void *arg, int dirfd, const char *name)
{
	struct source	*s = arg;
	struct dirref	*d;
	int		 wd;

	if ((wd = watch_fd(dir_watches, dirfd, DIR_EVENTS)) == -1) {
		add_trouble(s, name, "cannot be waited for: no watch on its "
		    "directory");
		return;
	}
	TAILQ_FOREACH(d, &s->dirs, entry)
		if (d->wd == wd && strcmp(d->next, name) == 0)
			break;
	if (d == NULL) {
		d = xcalloc(sizeof(*d) + strlen(name) + 1);
		d->wd = wd;
		strlcpy(d->next, name, strlen(name) + 1);
		TAILQ_INSERT_TAIL(&s->dirs, d, entry);
	}
	d->stale = 0;
}

static void
look_refused(void *arg, const char *path, const char *why)
{
	add_trouble(arg, path, why);
}

/* What this look did not come by is forgotten, unless the parser has it. */
static void
source_sweep(struct source *s)
{
	struct dirref	*d, *td;
	struct logfile	*f, *tf;

	TAILQ_FOREACH_SAFE(d, &s->dirs, entry, td)
		if (d->stale)
			dir_free(s, d);
	TAILQ_FOREACH_SAFE(f, &s->files, entry, tf)
		if (!f->seen && f->fd == -1 && f->wd == -1)
			file_free(s, f);
}

static void
source_look(struct source *s)
{
	static const struct walk	looks = {
		look_dir, look_file, look_refused
	};
	struct dirref			*d;
	struct logfile			*f;

	s->dirty = 0;
	*s->trouble = '\0';
	TAILQ_FOREACH(d, &s->dirs, entry)
		d->stale = 1;
	TAILQ_FOREACH(f, &s->files, entry)
		f->seen = 0;
	walk(s->path, &looks, s);
	source_sweep(s);
	s->first = 0;
}

/* Said once, and once when it is over. */
static void
source_tell(struct source *s)
{
	if (strcmp(s->trouble, s->told) == 0)
		return;
	strlcpy(s->told, s->trouble, sizeof(s->told));
	ops->trouble(s->name, s->trouble);
}

static void
look_at_dirty(void)
{
	struct source	*s;

	for (s = source_first(); s != NULL; s = source_after(s))
		if (s->dirty) {
			source_look(s);
			source_tell(s);
		}
}

/* Events */

static void
dir_event(const struct inotify_event *e, const char *name)
{
	struct source	*s;
	struct dirref	*d;

	for (s = source_first(); s != NULL; s = source_after(s))
		TAILQ_FOREACH(d, &s->dirs, entry)
			if ((e->mask & IN_Q_OVERFLOW) || (d->wd == e->wd &&
			    (*name == '\0' ||
			    fnmatch(d->next, name, FNM_PERIOD) == 0)))
				s->dirty = 1;
}

static void
dirs_happened(EVENT_ARGS)
{
	while (changes_read(fd, dir_event))
		;
	look_at_dirty();
}

void
files_init(struct event_base *base, const struct files_ops *o)
{
	ops = o;
	file_watches = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	dir_watches = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (file_watches == -1 || dir_watches == -1)
		fatal("logs: inotify");
	dir_ev = event_new(base, dir_watches, EV_READ | EV_PERSIST,
	    dirs_happened, NULL);
	if (dir_ev == NULL || event_add(dir_ev, NULL) == -1)
		fatalx("logs: out of memory");
}

int
files_inotify(void)
{
	return file_watches;
}

/* Configurations */

static struct source *
source_new(const struct conf_watch *w, const struct conf_source *cs)
{
	struct source	*s = xcalloc(sizeof(*s));

	s->id = cs->w.id;
	s->watch = w->w.id;
	s->from_start = cs->w.from_start;
	s->first = 1;
	TAILQ_INIT(&s->dirs);
	TAILQ_INIT(&s->files);
	strlcpy(s->path, cs->w.path, sizeof(s->path));
	strlcpy(s->name, w->w.name, sizeof(s->name));
	TAILQ_INSERT_TAIL(&next, s, entry);
	return s;
}

static struct source *
live_byid(uint32_t id)
{
	struct source	*s;

	TAILQ_FOREACH(s, &live, entry)
		if (s->id == id)
			break;
	return s;
}

int
files_prepare(const struct conf *c, char *why, size_t len)
{
	struct conf_watch	*w;
	struct conf_source	*cs;
	struct source		*s;
	char			 line[TEXT_LEN + 80];

	*why = '\0';
	TAILQ_FOREACH(w, &c->watches, entry)
		TAILQ_FOREACH(cs, &w->sources, entry) {
			if (cs->w.kind != SOURCE_FILE ||
			    live_byid(cs->w.id) != NULL)
				continue;
			s = source_new(w, cs);
			source_look(s);
			if (*s->trouble == '\0')
				continue;
			snprintf(line, sizeof(line), "%swatch %s: %s",
			    *why == '\0' ? "" : "\n", s->name, s->trouble);
			strlcat(why, line, len);
		}
	if (*why == '\0')
		return 0;
	files_abort();
	return -1;
}

void
files_abort(void)
{
	struct source	*s;

	while ((s = TAILQ_FIRST(&next)) != NULL)
		source_free(&next, s);
}

static int
source_is_in(const struct conf *c, const struct source *s)
{
	struct conf_watch	*w;
	struct conf_source	*cs;

	TAILQ_FOREACH(w, &c->watches, entry)
		TAILQ_FOREACH(cs, &w->sources, entry)
			if (cs->w.id == s->id)
				return 1;
	return 0;
}

/*
 * Logs of the last run.  They are looked for once, when the ledger has said
 * how far they were read: in the directories of a source's pattern, by inode,
 * and by name what came while nobody looked.
 */

static void
look_rotated(void *arg, int dirfd, const char *name, const char *path)
{
	struct source	*s = arg;
	struct identity	 is;
	struct logfile	*f;
	struct stat	 st;
	char		 why[TEXT_LEN];
	int		 fd;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == -1 ||
	    !S_ISREG(st.st_mode) || rotated_is(watch_hash(s->name),
	    watch_hash(s->path), s->path, name, &st) == ROTATED_NOT ||
	    (fd = walk_open(dirfd, name, why, sizeof(why))) == -1)
		return;
	if (identify(fd, &is) == -1 || file_known(s, &is) != NULL ||
	    nfiles == FILES_MAX) {
		close(fd);
		return;
	}
	f = file_new(s, &is, fd, path);
	f->from_end = FILE_ROTATED;
	f->modified = st.st_mtim.tv_sec * 1000000000LL + st.st_mtim.tv_nsec;
}

static void
ignore_dir(void *arg, int dirfd, const char *name)
{
	(void)arg;
	(void)dirfd;
	(void)name;
}

static void
ignore_refused(void *arg, const char *path, const char *why)
{
	(void)arg;
	(void)path;
	(void)why;
}

/* The oldest first, and before what bears the log's name now. */
static void
sort_rotated(struct source *s)
{
	struct logfiles	 sorted = TAILQ_HEAD_INITIALIZER(sorted);
	struct logfile	*f, *o;

	while ((f = TAILQ_FIRST(&s->files)) != NULL) {
		TAILQ_REMOVE(&s->files, f, entry);
		TAILQ_FOREACH(o, &sorted, entry)
			if (f->from_end == FILE_ROTATED &&
			    (o->from_end != FILE_ROTATED ||
			    o->modified > f->modified))
				break;
		if (o != NULL)
			TAILQ_INSERT_BEFORE(o, f, entry);
		else
			TAILQ_INSERT_TAIL(&sorted, f, entry);
	}
	TAILQ_CONCAT(&s->files, &sorted, entry);
}

static void
source_resume(struct source *s)
{
	static const struct walk	looks = {
		ignore_dir, look_rotated, ignore_refused
	};
	struct logfile			*f;
	char				 all[PATH_MAX_LEN + 2], *slash;

	if (!rotated_known(watch_hash(s->name), watch_hash(s->path)))
		return;
	TAILQ_FOREACH(f, &s->files, entry)
		f->from_end = 0;
	strlcpy(all, s->path, sizeof(all));
	if ((slash = strrchr(all, '/')) == NULL)
		return;
	strlcpy(slash, "/*", 3);
	walk(all, &looks, s);
	sort_rotated(s);
}

/* New sources first: a watch that both have stays. */
void
files_commit(const struct conf *c)
{
	struct source	*s, *ts;
	struct logfile	*f;

	TAILQ_FOREACH(s, &next, entry)
		source_resume(s);
	rotated_clear();
	TAILQ_FOREACH(s, &next, entry)
		s->live = 1;
	TAILQ_CONCAT(&live, &next, entry);
	TAILQ_FOREACH_SAFE(s, &live, entry, ts)
		if (!source_is_in(c, s))
			source_free(&live, s);
	TAILQ_FOREACH(s, &live, entry)
		TAILQ_FOREACH(f, &s->files, entry)
			if (f->fd != -1)
				file_pass(s, f);
}

void
files_done(uint32_t number)
{
	struct source	*s;
	struct logfile	*f;

	TAILQ_FOREACH(s, &live, entry)
		TAILQ_FOREACH(f, &s->files, entry)
			if (f->number == number) {
				log_debug("watch %s: log %u is done", s->name,
				    number);
				file_unwatch(f);
				s->dirty = 1;
			}
	look_at_dirty();
}

unsigned int
files_count(void)
{
	return nfiles;
}

/*
 * Addresses of login sessions, from logind's files (systemd/sessions/ID) and
 * utmp(5), kept current by inotify.  Both are written by root when a login has
 * succeeded.  Files are read as data, with bounds; no name is ever resolved.
 */
#include <sys/inotify.h>
#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utmp.h>

#include <event2/event.h>

#include "args.h"
#include "changes.h"
#include "log.h"
#include "sessions.h"
#include "timer.h"

#define SETTLE_MS	20	/* logind writes several files a login */
#define SESSION_FILE	8192	/* longest session file that is read */
#define UTMP_MAX	4096	/* records that are read */

struct addrs {
	struct prefix	list[SESSIONS_MAX];
	size_t		n;
	int		full;
};

static const char	*root = "/run";
static int		 watch_fd = -1;
static int		 top_wd = -1;	/* of root itself */
static struct event	*watch_ev, *settle_ev;
static struct addrs	 known;
static void		(*tell)(const struct prefix *, size_t);

void
sessions_setroot(const char *path)
{
	root = path;
}

static const char *
below(const char *name)
{
	static char	path[512];

	snprintf(path, sizeof(path), "%s/%s", root, name);
	return path;
}

static void
addrs_add(struct addrs *a, const struct prefix *p)
{
	size_t	i;

	for (i = 0; i < a->n; i++)
		if (prefix_cmp(&a->list[i], p) == 0)
			return;
	if (a->n == SESSIONS_MAX)
		a->full = 1;
	else
		a->list[a->n++] = *p;
}

/* An address, perhaps with a zone.  A host name is no address. */
static void
addrs_add_text(struct addrs *a, const char *s, size_t len)
{
	struct prefix	 p;
	const char	*zone = memchr(s, '%', len);

	if (zone != NULL)
		len = zone - s;
	if (addr_parse(&p, s, len) == 0)
		addrs_add(a, &p);
}

static int
compare(const void *a, const void *b)
{
	return prefix_cmp(a, b);
}

/* logind */

/* The value of KEY in a file of KEY=value lines; NULL if it is not there. */
static const char *
value_of(const char *text, const char *key, size_t *len)
{
	size_t		 n = strlen(key);
	const char	*p, *end;

	for (p = text; *p != '\0'; p = *end == '\n' ? end + 1 : end) {
		end = strchrnul(p, '\n');
		if ((size_t)(end - p) > n && strncmp(p, key, n) == 0 &&
		    p[n] == '=') {
			*len = end - p - n - 1;
			return p + n + 1;
		}
	}
	return NULL;
}

static int
value_is(const char *text, const char *key, const char *want)
{
	const char	*v;
	size_t		 len;

	return (v = value_of(text, key, &len)) != NULL &&
	    len == strlen(want) && strncmp(v, want, len) == 0;
}

static void
session_read(struct addrs *a, int dir, const char *name)
{
	char		 text[SESSION_FILE];
	struct stat	 st;
	const char	*host;
	ssize_t		 n = -1;
	size_t		 len;
	int		 fd;

	/* beside the sessions lie pipes: "ID.ref" */
	fd = openat(dir, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	if (fd == -1)
		return;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == 0)
		n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return;
	text[n] = '\0';
	if (value_is(text, "CLASS", "greeter") ||
	    value_is(text, "STATE", "closing"))
		return;
	if ((host = value_of(text, "REMOTE_HOST", &len)) != NULL)
		addrs_add_text(a, host, len);
}

static void
logind_read(struct addrs *a)
{
	struct dirent	*de;
	DIR		*dir;

	if ((dir = opendir(below("systemd/sessions"))) == NULL)
		return;
	while ((de = readdir(dir)) != NULL)
		if (*de->d_name != '.' && de->d_type != DT_FIFO)
			session_read(a, dirfd(dir), de->d_name);
	closedir(dir);
}

/* utmp */

static int
is_alive(pid_t pid)
{
	return pid > 0 && (kill(pid, 0) == 0 || errno == EPERM);
}

/* ut_addr_v6 holds an IPv4 address in its first word alone. */
static void
utmp_record(struct addrs *a, const struct utmp *u)
{
	struct prefix	p;

	if (u->ut_type != USER_PROCESS || !is_alive(u->ut_pid))
		return;
	if (u->ut_addr_v6[1] != 0 || u->ut_addr_v6[2] != 0 ||
	    u->ut_addr_v6[3] != 0)
		addr_from_in6(&p, (const void *)u->ut_addr_v6);
	else if (u->ut_addr_v6[0] != 0)
		addr_from_in(&p, (const void *)u->ut_addr_v6);
	else {
		addrs_add_text(a, u->ut_host,
		    strnlen(u->ut_host, sizeof(u->ut_host)));
		return;
	}
	addrs_add(a, &p);
}

static void
utmp_read(struct addrs *a)
{
	struct utmp	u;
	struct stat	st;
	int		fd, n;

	fd = open(below("utmp"), O_RDONLY | O_NONBLOCK | O_NOFOLLOW |
	    O_CLOEXEC);
	if (fd == -1)
		return;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		for (n = 0; n < UTMP_MAX &&
		    read(fd, &u, sizeof(u)) == (ssize_t)sizeof(u); n++)
			utmp_record(a, &u);
	close(fd);
}

/* Changes */

static void
sessions_read(void)
{
	static struct addrs	now;

	now.n = 0;
	now.full = 0;
	logind_read(&now);
	utmp_read(&now);
	qsort(now.list, now.n, sizeof(now.list[0]), compare);
	if (now.full && !known.full)
		log_warnx("sessions: people are logged in from more than %d "
		    "addresses: the rest is not protected", SESSIONS_MAX);
	if (now.n == known.n && now.full == known.full &&
	    memcmp(now.list, known.list, now.n * sizeof(now.list[0])) == 0)
		return;
	known = now;
	log_debug("sessions: %zu addresses", known.n);
	tell(known.list, known.n);
}

/* Adding what is watched already changes nothing, so this is for all times. */
static void
watch_all(void)
{
	static const struct {
		const char	*name;
		uint32_t	 mask;
	} places[] = {
		{ "", IN_CREATE | IN_MOVED_TO | IN_ONLYDIR },
		{ "systemd", IN_CREATE | IN_MOVED_TO | IN_ONLYDIR },
		{ "systemd/sessions", IN_MOVED_TO | IN_DELETE |
		    IN_CLOSE_WRITE | IN_MOVED_FROM | IN_ONLYDIR },
		{ "utmp", IN_MODIFY | IN_CLOSE_WRITE },
	};
	size_t	i;
	int	wd;

	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		wd = inotify_add_watch(watch_fd, below(places[i].name),
		    places[i].mask);
		if (i == 0)
			top_wd = wd;
	}
}

static void
settled(EVENT_ARGS)
{
	watch_all();
	sessions_read();
}

/* /run sees other things come and go: only these names are ours. */
static void
look(const struct inotify_event *e, const char *name)
{
	if ((e->wd != top_wd || strcmp(name, "utmp") == 0 ||
	    strcmp(name, "systemd") == 0) &&
	    !event_pending(settle_ev, EV_TIMEOUT, NULL))
		timer_set(settle_ev, SETTLE_MS);
}

static void
happened(EVENT_ARGS)
{
	while (changes_read(fd, look))
		;
}

void
sessions_start(struct event_base *base,
    void (*changed)(const struct prefix *, size_t))
{
	tell = changed;
	watch_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (watch_fd == -1)
		fatal("sessions: inotify");
	watch_ev = event_new(base, watch_fd, EV_READ | EV_PERSIST, happened,
	    NULL);
	settle_ev = evtimer_new(base, settled, NULL);
	if (watch_ev == NULL || settle_ev == NULL ||
	    event_add(watch_ev, NULL) == -1)
		fatalx("sessions: out of memory");
	memset(&known, 0, sizeof(known));
	watch_all();
	sessions_read();
	if (known.n == 0)
		tell(known.list, 0);
}

void
sessions_stop(void)
{
	if (watch_fd == -1)
		return;
	event_free(watch_ev);
	event_free(settle_ev);
	close(watch_fd);
	watch_fd = -1;
}

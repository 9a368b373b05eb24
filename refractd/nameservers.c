/*
 * See nameservers.h.  A file may be a link, be replaced, be bind mounted and
 * written in place: its directory, its real directory and itself are watched.
 */
#include <sys/inotify.h>
#include <sys/queue.h>

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "args.h"
#include "changes.h"
#include "channel.h"
#include "conf.h"
#include "log.h"
#include "nameservers.h"
#include "procs.h"
#include "reload.h"
#include "timer.h"

#define RESOLV_CONF	"/etc/resolv.conf"
#define HOSTS		"/etc/hosts"
#define FILE_MAX	(1024 * 1024)
#define SETTLE_MS	100
#define EVENTS								\
	(IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE |	\
	    IN_DELETE | IN_DELETE_SELF | IN_ATTRIB)

static struct event	*event, *settle;
static int		 inotify = -1;

/* All of a file as a text of its own; "" if there is none. */
static char *
read_file(const char *path)
{
	char	*text;
	size_t	 n = 0;
	ssize_t	 got = -1;
	int	 fd;

	if ((text = malloc(FILE_MAX + 1)) == NULL)
		fatal("%s", path);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	while (fd != -1 && n < FILE_MAX &&
	    (got = read(fd, text + n, FILE_MAX - n)) > 0)
		n += (size_t)got;
	if (got == -1)
		log_warn("%s", path);
	if (fd != -1)
		close(fd);
	text[n] = '\0';
	return text;
}

static void
send_hosts(const struct conf *c, struct channel *ch)
{
	struct conf_pool	*p;
	struct conf_member	*m;
	struct msg_host		 h;
	char			*text = read_file(HOSTS);

	TAILQ_FOREACH(p, &c->mux.pools, entry)
		TAILQ_FOREACH(m, &p->members, entry) {
			if (m->w.kind != MEMBER_NAME)
				continue;
			memset(&h, 0, sizeof(h));
			strlcpy(h.name, m->w.name, sizeof(h.name));
			if (hosts_parse(&h, text) > 0)
				channel_send(ch, M_HOST, 0, &h, sizeof(h));
		}
	free(text);
}

static void
send_all(const struct conf *c)
{
	struct channel		*ch = procs_channel(ROLE_CONTROL);
	struct msg_resolver	 m;
	char			*text = read_file(RESOLV_CONF);

	resolv_parse(&m, text);
	free(text);
	send_hosts(c, ch);
	channel_send(ch, M_RESOLVER, 0, &m, sizeof(m));
}

static int
has_names(const struct conf *c)
{
	struct conf_pool	*p;
	struct conf_member	*m;

	TAILQ_FOREACH(p, &c->mux.pools, entry)
		TAILQ_FOREACH(m, &p->members, entry)
			if (m->w.kind == MEMBER_NAME)
				return 1;
	return 0;
}

/* Watch it under this name, and where it really is. */
static void
watch_file(const char *path)
{
	char	 real[PATH_MAX], *slash;

	inotify_add_watch(inotify, path, EVENTS);
	if (realpath(path, real) == NULL ||
	    (slash = strrchr(real, '/')) == NULL || slash == real)
		return;
	*slash = '\0';
	inotify_add_watch(inotify, real, EVENTS | IN_ONLYDIR);
}

static void
watch(void)
{
	if (inotify_add_watch(inotify, "/etc", EVENTS | IN_ONLYDIR) == -1)
		log_warn("/etc: not watched");
	watch_file(RESOLV_CONF);
	watch_file(HOSTS);
}

static void
settled(EVENT_ARGS)
{
	const struct conf	*c = reload_conf();

	watch();
	if (c == NULL || !has_names(c))
		return;
	log_info("name servers: read again");
	send_all(c);
}

/* Events of a file itself have no name. */
static void
look(const struct inotify_event *e, const char *name)
{
	if (*name == '\0' || strstr(name, "resolv") != NULL ||
	    strcmp(name, "hosts") == 0 || (e->mask & IN_Q_OVERFLOW))
		timer_set(settle, SETTLE_MS);
}

static void
read_events(EVENT_ARGS)
{
	while (changes_read(fd, look))
		;
}

void
nameservers_init(struct event_base *base)
{
	if ((inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) == -1)
		fatal("name servers: inotify");
	event = event_new(base, inotify, EV_READ | EV_PERSIST, read_events,
	    NULL);
	settle = evtimer_new(base, settled, NULL);
	if (event == NULL || settle == NULL || event_add(event, NULL) == -1)
		fatalx("name servers: out of memory");
}

void
nameservers_commit(const struct conf *c)
{
	static int	watched;

	if (!has_names(c))
		return;
	if (!watched)
		watch();
	watched = 1;
	send_all(c);
}

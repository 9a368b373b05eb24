/*
 * The sockets of `status on`.  What stays over a reload is not touched, with
 * whoever waits in its queue; what is new listens before anything is
 * committed, so that a port in use refuses the reload.
 */
#include <sys/queue.h>
#include <sys/socket.h>

#include <netinet/in.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "channel.h"
#include "conf.h"
#include "fdstore.h"
#include "log.h"
#include "msg.h"
#include "status.h"

#define BACKLOG	128

struct sock {
	TAILQ_ENTRY(sock)	 entry;
	struct wire_status	 w;
	int			 fd;
	int			 is_new;	/* control has not got it */
};

static TAILQ_HEAD(, sock)	socks = TAILQ_HEAD_INITIALIZER(socks);

static struct sock *
sock_find(const struct wire_status *w)
{
	struct sock	*s;

	TAILQ_FOREACH(s, &socks, entry)
		if (s->w.port == w->port &&
		    prefix_cmp(&s->w.addr, &w->addr) == 0)
			break;
	return s;
}

/* In the descriptor store, where a colon separates names. */
static const char *
kept_name(const struct wire_status *w)
{
	static char	 name[PREFIX_STRLEN + 16];
	char		 addr[PREFIX_STRLEN], *p;

	snprintf(name, sizeof(name), "status-%s-%u",
	    prefix_print(&w->addr, addr), w->port);
	for (p = name; *p != '\0'; p++)
		if (*p == ':')
			*p = '_';
	return name;
}

static void
sock_close(struct sock *s)
{
	if (!s->is_new)
		fdstore_forget(kept_name(&s->w));
	TAILQ_REMOVE(&socks, s, entry);
	close(s->fd);
	free(s);
}

static int
set_options(int fd, int family)
{
	int	on = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == -1)
		return -1;
	/* So that :: and 0.0.0.0 can both be there. */
	if (family == AF_INET6)
		return setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on,
		    sizeof(on));
	return 0;
}

/* A listening socket, or -1 and errno. */
static int
listen_on(const struct wire_status *w)
{
	struct sockaddr_storage	ss;
	socklen_t		len = addr_to_sockaddr(&w->addr, w->port, &ss);
	int			fd, saved;

	if ((fd = fdstore_take(kept_name(w))) != -1)
		return fd;
	fd = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    0);
	if (fd == -1)
		return -1;
	if (set_options(fd, ss.ss_family) == 0 &&
	    bind(fd, (struct sockaddr *)&ss, len) == 0 &&
	    listen(fd, BACKLOG) == 0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

static int
sock_open(const struct wire_status *w, char *why, size_t len)
{
	struct sock	*s;
	char		 addr[PREFIX_STRLEN];

	if ((s = calloc(1, sizeof(*s))) == NULL)
		fatal("status");
	s->w = *w;
	s->is_new = 1;
	if ((s->fd = listen_on(w)) == -1) {
		snprintf(why, len, "status on %s port %u: %s",
		    prefix_print(&w->addr, addr), w->port, strerror(errno));
		free(s);
		return -1;
	}
	TAILQ_INSERT_TAIL(&socks, s, entry);
	return 0;
}

int
status_prepare(const struct conf *c, char *why, size_t len)
{
	struct conf_status	*s;

	TAILQ_FOREACH(s, &c->statuses, entry)
		if (sock_find(&s->w) == NULL &&
		    sock_open(&s->w, why, len) == -1) {
			status_abort();
			return -1;
		}
	return 0;
}

void
status_abort(void)
{
	struct sock	*s, *next;

	TAILQ_FOREACH_SAFE(s, &socks, entry, next)
		if (s->is_new)
			sock_close(s);
}

static void
sock_pass(struct sock *s, struct channel *control)
{
	int	fd;

	if ((fd = fcntl(s->fd, F_DUPFD_CLOEXEC, 3)) == -1)
		fatal("status");
	channel_send_fd(control, M_STATUS_LISTENER, 0, fd, &s->w,
	    sizeof(s->w));
	s->is_new = 0;
	fdstore_keep(kept_name(&s->w), s->fd);
}

void
status_commit(const struct conf *c, struct channel *control)
{
	struct sock	*s, *next;

	TAILQ_FOREACH_SAFE(s, &socks, entry, next)
		if (conf_status_find(c, &s->w) == NULL)
			sock_close(s);
		else if (s->is_new)
			sock_pass(s, control);
}

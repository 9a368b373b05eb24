/*
 * See clear.h.  A worker that was taken over gets no socket that no listener
 * needs, and who asks without end gets none for a while: it must not keep us
 * from banning.
 */
#include <sys/socket.h>

#include <netinet/in.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "channel.h"
#include "child.h"
#include "clear.h"
#include "clock.h"
#include "conf.h"
#include "log.h"
#include "msg.h"

#define AT_ONCE		64	/* for one request */
#define PER_SECOND	20000	/* for all workers */
#define BEFORE_MS	70000	/* connections of before a reload still join */
#define SAY_MS		60000	/* a refusal is said once in this time */

/* What a configuration lets workers ask for. */
struct needs {
	int		 transparent;
	uint32_t	*marks;
	size_t		 nmarks;
};

static struct needs	now, before;
static mono_t		loaded;

static void
needs_mark(struct needs *n, uint32_t mark)
{
	if (mark == 0)
		return;
	n->marks = reallocarray(n->marks, n->nmarks + 1, sizeof(mark));
	if (n->marks == NULL)
		fatal("listeners");
	n->marks[n->nmarks++] = mark;
}

void
clear_load(const struct conf *c)
{
	const struct conf_listener	*l;
	const struct conf_relay_server	*s;

	free(before.marks);
	before = now;
	loaded = mono_now();
	memset(&now, 0, sizeof(now));
	TAILQ_FOREACH(l, &c->mux.listeners, entry) {
		now.transparent |= l->w.transparent;
		if (l->relay != NULL)
			TAILQ_FOREACH(s, &l->relay->servers, entry)
				needs_mark(&now, s->w.mark);
	}
}

static int
is_needed(const struct needs *n, const struct msg_mux_want *m)
{
	size_t	i;

	if (m->kind == MUX_WANT_CLEAR)
		return n->transparent;
	for (i = 0; i < n->nmarks; i++)
		if (n->marks[i] == m->mark)
			return 1;
	return 0;
}

static void
say_refused(const char *what, uint32_t number)
{
	static mono_t	said;
	mono_t		at = mono_now();

	if (said.ms != 0 && mono_since(said, at) < SAY_MS)
		return;
	said = at;
	log_warnx("the mux asks for what no listener needs: %s 0x%x", what,
	    number);
}

static int
may_have(const struct msg_mux_want *m)
{
	if (is_needed(&now, m) || (mono_since(loaded, mono_now()) <=
	    BEFORE_MS && is_needed(&before, m)))
		return 1;
	say_refused(m->kind == MUX_WANT_MARK ? "a mark of" :
	    "a transparent socket of family", m->kind == MUX_WANT_MARK ?
	    m->mark : m->number);
	errno = EPERM;
	return 0;
}

static int
take_one(void)
{
	static double	used;
	static mono_t	at;
	mono_t		here = mono_now();

	used -= mono_since(at, here) * (PER_SECOND / 1000.0);
	at = here;
	if (used < 0)
		used = 0;
	if (used < PER_SECOND)
		return ++used, 1;
	errno = EBUSY;
	return 0;
}

static int
open_clear(const struct msg_mux_want *m)
{
	int	type = m->stream == SOCK_DGRAM ? SOCK_DGRAM : SOCK_STREAM;
	int	fd, on = 1, saved;

	if (!take_one() || !may_have(m))
		return -1;
	fd = socket((int)m->number, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return -1;
	if (m->kind == MUX_WANT_MARK) {
		if (setsockopt(fd, SOL_SOCKET, SO_MARK, &m->mark,
		    sizeof(m->mark)) == 0)
			return fd;
	} else if ((m->number == AF_INET ?
	    setsockopt(fd, IPPROTO_IP, IP_TRANSPARENT,
	    &on, sizeof(on)) : setsockopt(fd, IPPROTO_IPV6, IPV6_TRANSPARENT,
	    &on, sizeof(on))) == 0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

void
clear_sockets(MSG_ARGS)
{
	struct msg_mux_want	m;
	uint32_t		i, n;
	int			s;

	memcpy(&m, data, len);
	if ((m.kind != MUX_WANT_CLEAR && m.kind != MUX_WANT_MARK) ||
	    (m.number != AF_INET && m.number != AF_INET6))
		fatalx("the mux asks for sockets that there are none of");
	n = m.count > AT_ONCE ? AT_ONCE : m.count;
	m.count = 1;
	for (i = 0; i < n; i++) {
		s = open_clear(&m);
		m.error = s == -1 ? errno : 0;
		if (s == -1)
			channel_send(ch, M_MUX_CLEARED, id, &m, sizeof(m));
		else
			channel_send_fd(ch, M_MUX_CLEARED, id, s, &m,
			    sizeof(m));
	}
}

/* One that a `tproxy' relay listens on: no worker can listen by itself. */
static int
is_tproxy(int fd)
{
	const struct conf_listener	*l;
	const struct conf_bind		*b;
	struct sockaddr_storage		 ss;
	struct prefix			 addr;
	socklen_t			 len = sizeof(int), sslen = sizeof(ss);
	uint16_t			 port;
	int				 listens = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) == -1 ||
	    !listens || getsockname(fd, (struct sockaddr *)&ss, &sslen) ==
	    -1 || addr_from_sockaddr(&addr, (struct sockaddr *)&ss, &port) ==
	    -1)
		return 0;
	TAILQ_FOREACH(l, &child_conf()->mux.listeners, entry) {
		if (l->relay == NULL || !l->relay->w.tproxy)
			continue;
		TAILQ_FOREACH(b, &l->binds, entry)
			if (b->w.port == port)
				return 1;
	}
	return 0;
}

void
clear_listener(MSG_ARGS)
{
	int	on = 1;

	/* Whose option it is, its family says: the other one is refused. */
	if (!is_tproxy(fd))
		say_refused("a transparent listener", 0);
	else if (setsockopt(fd, IPPROTO_IP, IP_TRANSPARENT, &on,
	    sizeof(on)) == -1 && setsockopt(fd, IPPROTO_IPV6,
	    IPV6_TRANSPARENT, &on, sizeof(on)) == -1)
		log_warn("a listener of the mux cannot be transparent");
	close(fd);
}

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
#include "rate.h"

#define AT_ONCE		64	/* for one request */
#define WAITING		131072	/* bytes: more do not wait to be taken */
#define PER_SECOND	20000	/* for all workers */
#define SAY_MS		60000	/* a refusal is said once in this time */

/* Is there a listener that needs it? */
static int
is_needed(const struct conf *c, const struct msg_mux_want *m)
{
	const struct conf_listener	*l;
	const struct conf_relay_server	*s;

	if (c == NULL || (m->kind == MUX_WANT_MARK && m->mark == 0))
		return 0;
	TAILQ_FOREACH(l, &c->mux.listeners, entry) {
		if (m->kind == MUX_WANT_CLEAR) {
			if (l->w.transparent)
				return 1;
		} else if (l->relay != NULL)
			TAILQ_FOREACH(s, &l->relay->servers, entry)
				if (s->w.mark == m->mark)
					return 1;
	}
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
	/* Connections of before a reload still join. */
	if (is_needed(child_conf(), m) || is_needed(child_conf_before(), m))
		return 1;
	say_refused(m->kind == MUX_WANT_MARK ? "a mark of" :
	    "a transparent socket of family", m->kind == MUX_WANT_MARK ?
	    m->mark : m->number);
	errno = EPERM;
	return 0;
}

static int
open_clear(const struct channel *ch, const struct msg_mux_want *m)
{
	static struct rate	asked;
	int			fd, on = 1, saved;
	int			type = m->stream == SOCK_DGRAM ? SOCK_DGRAM :
				    SOCK_STREAM;

	/* Who does not take what he has asked for gets no more of ours. */
	if (channel_queued(ch) > WAITING ||
	    !rate_take(&asked, PER_SECOND, PER_SECOND)) {
		errno = EBUSY;
		return -1;
	}
	if (!may_have(m))
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
		s = open_clear(ch, &m);
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

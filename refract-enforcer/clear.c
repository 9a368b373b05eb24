/*
 * See clear.h.  Who asks without end gets none for a while: a worker that was
 * taken over must not keep us from banning.
 */
#include <sys/socket.h>

#include <netinet/in.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "channel.h"
#include "child.h"
#include "clear.h"
#include "clock.h"
#include "log.h"
#include "msg.h"

#define AT_ONCE		64	/* for one request */
#define PER_SECOND	20000	/* for all workers */

static int
take_one(void)
{
	static double	used;
	static mono_t	at;
	mono_t		now = mono_now();

	used -= mono_since(at, now) * (PER_SECOND / 1000.0);
	at = now;
	if (used < 0)
		used = 0;
	return used < PER_SECOND ? ++used, 1 : 0;
}

static int
open_clear(const struct msg_mux_want *m)
{
	int	type = m->stream == SOCK_DGRAM ? SOCK_DGRAM : SOCK_STREAM;
	int	fd, on = 1, saved;

	if (!take_one()) {
		errno = EBUSY;
		return -1;
	}
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

void
clear_listener(MSG_ARGS)
{
	int	on = 1;

	/* Whose option it is, its family says: the other one is refused. */
	if (setsockopt(fd, IPPROTO_IP, IP_TRANSPARENT, &on, sizeof(on)) ==
	    -1 && setsockopt(fd, IPPROTO_IPV6, IPV6_TRANSPARENT, &on,
	    sizeof(on)) == -1)
		log_warn("a listener of the mux cannot be transparent");
	close(fd);
}

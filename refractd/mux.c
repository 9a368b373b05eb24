/*
 * See mux.h.
 *
 * An address and port is a fixed number of sockets (shards, SO_REUSEPORT),
 * made once and kept for its life: closing one would reset who waits in its
 * queue.  Worker i of n has the shards i, i + n, ...; when n changes, shards
 * move, those of datagrams with the flows that live there: whoever has them
 * passes them through here to who gets them, and leaves when all have gone.
 * A socket that a service manager handed to us is alone, and all
 * workers accept on it.
 */
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf.h"
#include "fdstore.h"
#include "log.h"
#include "msg.h"
#include "mux.h"
#include "procs.h"
#include "reload.h"
#include "shared.h"
#include "tap.h"

#define FASTOPEN_QUEUE	256
#define WANT_MAX	64	/* sockets for one request */
#define WAITING		131072	/* bytes: more do not wait to be taken */

struct bound {
	TAILQ_ENTRY(bound)	 entry;
	struct wire_bind	 w;
	uint8_t			 proto;
	int			 is_new;	/* of a configuration to come */
	int			 inherited;	/* one socket for all workers */
	unsigned int		 nshards;
	int			 fds[MUX_SHARDS_MAX];
	/* Of datagrams: whose place it is; + 1: where it moves to. */
	uint8_t			 owners[MUX_SHARDS_MAX];
	uint8_t			 takers[MUX_SHARDS_MAX];
	uint8_t			 passed[MUX_SHARDS_MAX]; /* of this page */
};

static TAILQ_HEAD(, bound) bounds = TAILQ_HEAD_INITIALIZER(bounds);
static unsigned int		nworkers;	/* that accept */
static unsigned int		started;	/* for one that is to come */
static unsigned int		connected;	/* workers with siblings */
static uint8_t			leaves[MUX_WORKERS_MAX];	/* by place */
static int			table = -1;	/* the shared one */

static unsigned int
cores(void)
{
	long	n = sysconf(_SC_NPROCESSORS_ONLN);

	if (n < 1)
		return 1;
	return n > MUX_WORKERS_MAX ? MUX_WORKERS_MAX : (unsigned int)n;
}

/* How many this configuration wants; 0: it has no listener. */
static unsigned int
mux_workers(const struct conf *c)
{
	if (TAILQ_EMPTY(&c->mux.listeners))
		return 0;
	return c->mux.workers > 0 ? c->mux.workers : cores();
}

/* Sockets. */

static struct bound *
bound_find(uint32_t slot)
{
	struct bound	*b;

	TAILQ_FOREACH(b, &bounds, entry)
		if (b->w.slot == slot)
			break;
	return b;
}

/* In the descriptor store, where a colon separates names. */
static const char *
kept_name(const struct bound *b, unsigned int shard)
{
	static char	 name[PREFIX_STRLEN + 64];
	char		 addr[PREFIX_STRLEN], *p;

	snprintf(name, sizeof(name), "listen-%s-%s-%s-%u-%u",
	    b->proto == IPPROTO_UDP ? "udp" : "tcp",
	    prefix_print(&b->w.addr, addr), b->w.interface, b->w.port, shard);
	for (p = name; *p != '\0'; p++)
		if (*p == ':')
			*p = '_';
	return name;
}

static void
bound_close(struct bound *b)
{
	unsigned int	i;

	for (i = 0; i < b->nshards; i++) {
		if (!b->is_new)
			fdstore_forget(kept_name(b, i));
		close(b->fds[i]);
	}
	TAILQ_REMOVE(&bounds, b, entry);
	free(b);
}

static int
set_int(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value));
}

/* What accepted connections inherit; the kernel's own if it refuses. */
static void
set_tcp(int fd, const struct wire_listener *l)
{
	if (l->nodelay)
		set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	if (l->keepalive > 0) {
		set_int(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
		set_int(fd, IPPROTO_TCP, TCP_KEEPIDLE,
		    (int)((l->keepalive + 999) / 1000));
	}
	if (l->user_timeout > 0)
		set_int(fd, IPPROTO_TCP, TCP_USER_TIMEOUT,
		    (int)l->user_timeout);
	if (l->fastopen)
		set_int(fd, IPPROTO_TCP, TCP_FASTOPEN, FASTOPEN_QUEUE);
}

/* Whom a datagram was for: from there it is answered. */
static int
set_udp(int fd, const struct wire_bind *w)
{
	return w->addr.family == AF_INET6 ?
	    set_int(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1) :
	    set_int(fd, IPPROTO_IP, IP_PKTINFO, 1);
}

static int
set_options(int fd, const struct wire_bind *w, const struct wire_listener *l)
{
	if (set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1) == -1 ||
	    set_int(fd, SOL_SOCKET, SO_REUSEPORT, 1) == -1)
		return -1;
	if (w->addr.family == AF_INET6 &&
	    set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) == -1)
		return -1;
	if (*w->interface != '\0' && setsockopt(fd, SOL_SOCKET,
	    SO_BINDTODEVICE, w->interface, sizeof(w->interface)) == -1)
		return -1;
	if (l->proto == IPPROTO_UDP)
		return set_udp(fd, w);
	set_tcp(fd, l);
	return 0;
}

/* A listening socket, or -1 and errno. */
static int
listen_on(const struct wire_bind *w, const struct wire_listener *l)
{
	struct sockaddr_storage	ss;
	socklen_t		len = addr_to_sockaddr(&w->addr, w->port, &ss);
	int			fd, saved;

	fd = socket(ss.ss_family, (l->proto == IPPROTO_UDP ? SOCK_DGRAM :
	    SOCK_STREAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return -1;
	if (set_options(fd, w, l) == 0 &&
	    bind(fd, (struct sockaddr *)&ss, len) == 0 &&
	    (l->proto == IPPROTO_UDP || listen(fd, (int)l->backlog) == 0))
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

/* Of a service manager's socket unit: FileDescriptorName= is our name. */
static int
take_inherited(struct bound *b, const struct wire_listener *l)
{
	int	fd;

	if ((fd = fdstore_take(l->name)) == -1)
		return 0;
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	b->inherited = 1;
	b->nshards = 1;
	b->fds[0] = fd;
	return 1;
}

static int
open_shards(struct bound *b, const struct wire_listener *l, unsigned int n)
{
	int	fd, kept;

	for (; b->nshards < n; b->nshards++) {
		kept = fd = fdstore_take(kept_name(b, b->nshards));
		if (kept == -1 && (fd = listen_on(&b->w, l)) == -1)
			return -1;
		b->fds[b->nshards] = fd;
	}
	/* More of them were kept: they go on too, with who waits in them. */
	while (b->nshards < MUX_SHARDS_MAX &&
	    (fd = fdstore_take(kept_name(b, b->nshards))) != -1)
		b->fds[b->nshards++] = fd;
	return 0;
}

/* `on *` on a host without IPv6 is IPv4. */
static int
is_absent_family(const struct wire_bind *w, int error)
{
	static const uint8_t	any[16];

	return w->addr.family == AF_INET6 &&
	    memcmp(w->addr.addr, any, sizeof(any)) == 0 &&
	    (error == EAFNOSUPPORT || error == EADDRNOTAVAIL);
}

static int
bound_open(const struct wire_bind *w, const struct wire_listener *l,
    unsigned int nshards, char *why, size_t len)
{
	struct bound	*b;
	char		 addr[PREFIX_STRLEN];
	int		 error;

	if ((b = calloc(1, sizeof(*b))) == NULL)
		fatal("listen %s", l->name);
	b->w = *w;
	b->proto = l->proto;
	b->is_new = 1;
	TAILQ_INSERT_TAIL(&bounds, b, entry);
	if (take_inherited(b, l) || open_shards(b, l, nshards) == 0)
		return 0;
	error = errno;
	bound_close(b);
	if (is_absent_family(w, error)) {
		log_notice("listen %s: no IPv6 on this host", l->name);
		return 0;
	}
	snprintf(why, len, "listen %s: %s port %u: %s", l->name,
	    prefix_print(&w->addr, addr), w->port, strerror(error));
	return -1;
}

/* Bound and closed again: nobody can connect to it. */
static int
try_one(const struct wire_bind *w, const struct wire_listener *l)
{
	struct sockaddr_storage	ss;
	socklen_t		len = addr_to_sockaddr(&w->addr, w->port, &ss);
	char			addr[PREFIX_STRLEN];
	int			fd, bad;

	fd = socket(ss.ss_family, (l->proto == IPPROTO_UDP ? SOCK_DGRAM :
	    SOCK_STREAM) | SOCK_CLOEXEC, 0);
	bad = fd == -1 || set_options(fd, w, l) == -1 ||
	    bind(fd, (struct sockaddr *)&ss, len) == -1;
	if (bad && (bad = !is_absent_family(w, errno)))
		log_warn("listen %s: %s port %u", l->name,
		    prefix_print(&w->addr, addr), w->port);
	if (fd != -1)
		close(fd);
	return bad ? -1 : 0;
}

int
mux_try(const struct conf *c)
{
	struct conf_listener	*l;
	struct conf_bind	*b;
	int			 bad = 0;

	TAILQ_FOREACH(l, &c->mux.listeners, entry)
		TAILQ_FOREACH(b, &l->binds, entry)
			bad |= try_one(&b->w, &l->w) == -1;
	return bad ? -1 : 0;
}

static int
bind_all(const struct conf *c, unsigned int nshards, char *why, size_t len)
{
	struct conf_listener	*l;
	struct conf_bind	*b;

	TAILQ_FOREACH(l, &c->mux.listeners, entry)
		TAILQ_FOREACH(b, &l->binds, entry)
			if (bound_find(b->w.slot) == NULL &&
			    bound_open(&b->w, &l->w, nshards, why, len) == -1)
				return -1;
	return 0;
}

/* Workers. */

static void
say_worker(unsigned int i, unsigned int n)
{
	struct msg_mux_worker	m = { .index = i, .workers = n };

	channel_send(procs_worker(i), M_MUX_WORKER, 0, &m, sizeof(m));
}

static int
dup_of(int fd)
{
	int	copy;

	if ((copy = fcntl(fd, F_DUPFD_CLOEXEC, 3)) == -1)
		fatal("mux");
	return copy;
}

static void
start_workers(unsigned int n)
{
	unsigned int	i;

	started = 0;
	for (i = nworkers; i < n; i++) {
		procs_start_worker(i);
		started++;
		say_worker(i, n);
		channel_send_fd(procs_worker(i), M_MUX_TABLE, 0,
		    dup_of(table), NULL, 0);
	}
}

/* Control looks at it and cannot write to it, if there is a /proc. */
static void
table_to_control(void)
{
	char	path[32];
	int	fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", table);
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) == -1)
		fd = dup_of(table);
	channel_send_fd(procs_channel(ROLE_CONTROL), M_MUX_TABLE, 0, fd, NULL,
	    0);
}

static void
table_make(void)
{
	if ((table = shared_create()) == -1 || shared_map(table) == -1)
		fatal("mux: shared table");
	table_to_control();
}

static int
has_route(const struct conf *c, uint32_t slot)
{
	struct conf_listener	*l;
	struct conf_route	*r;

	TAILQ_FOREACH(l, &c->mux.listeners, entry)
		TAILQ_FOREACH(r, &l->routes, entry)
			if (r->w.slot == slot)
				return 1;
	return 0;
}

static int
has_listener(const struct conf *c, uint32_t slot)
{
	struct conf_listener	*l;

	TAILQ_FOREACH(l, &c->mux.listeners, entry)
		if (l->w.slot == slot)
			return 1;
	return 0;
}

static int
has_member(const struct conf *c, uint32_t slot)
{
	struct conf_pool	*p;
	struct conf_member	*m;

	TAILQ_FOREACH(p, &c->mux.pools, entry)
		TAILQ_FOREACH(m, &p->members, entry)
			if (m->w.slot == slot)
				return 1;
	return 0;
}

/* What somebody else had before counts from 0. */
static void
clear_slots(const struct conf *c, const struct conf *old)
{
	struct conf_listener	*l;
	struct conf_route	*r;
	struct conf_pool	*p;
	struct conf_member	*m;

	if (old == NULL)
		return;
	TAILQ_FOREACH(l, &c->mux.listeners, entry) {
		if (!has_listener(old, l->w.slot))
			shared_clear_listener(l->w.slot);
		TAILQ_FOREACH(r, &l->routes, entry)
			if (!has_route(old, r->w.slot))
				shared_clear_route(r->w.slot);
	}
	TAILQ_FOREACH(p, &c->mux.pools, entry)
		TAILQ_FOREACH(m, &p->members, entry)
			if (!has_member(old, m->w.slot))
				shared_clear_member(m->w.slot);
}

int
mux_prepare(const struct conf *c, char *why, size_t len)
{
	unsigned int	n = mux_workers(c), shards;

	started = 0;
	if (n == 0)
		return 0;
	if (table == -1)
		table_make();
	clear_slots(c, reload_conf());
	shards = n > cores() ? n : cores();
	if (bind_all(c, shards, why, len) == -1) {
		mux_abort();
		return -1;
	}
	start_workers(n);
	return 0;
}

void
mux_abort(void)
{
	struct bound	*b, *next;
	unsigned int	 i;

	TAILQ_FOREACH_SAFE(b, &bounds, entry, next)
		if (b->is_new)
			bound_close(b);
	for (i = 0; i < started; i++)
		procs_stop_worker(nworkers + i);
	started = 0;
}

/* To their siblings: those that have no channel yet. */
static void
mux_connect(void)
{
	unsigned int	n = nworkers + started;

	for (; connected < n; connected++) {
		procs_connect_worker(connected, ROLE_ENFORCER);
		procs_connect_worker(connected, ROLE_CONTROL);
	}
}

static void
pass(const struct bound *b, unsigned int shard, struct channel *to, int held)
{
	struct msg_mux_socket	m = { .bind = b->w.slot, .shard = shard,
				    .held = (uint32_t)held };

	channel_send_fd(to, M_MUX_SOCKET, 0, dup_of(b->fds[shard]), &m,
	    sizeof(m));
}

static void
forget(const struct bound *b, unsigned int shard, struct channel *from)
{
	struct msg_mux_socket	m = { .bind = b->w.slot, .shard = shard };

	channel_send(from, M_MUX_FORGET, 0, &m, sizeof(m));
}

/* Datagrams: a shard moves with its flows. */

/* To where it belongs with n workers; one that moves gets there first. */
static void
settle(struct bound *b, unsigned int s, unsigned int n)
{
	unsigned int	to = procs_place(s % n);

	if (b->takers[s] != 0 || b->owners[s] == to)
		return;
	b->takers[s] = (uint8_t)(to + 1);
	b->passed[s] = 0;
	pass(b, s, procs_at(to), 1);
	forget(b, s, procs_at(b->owners[s]));
}

static void
deal_datagrams(struct bound *b, unsigned int was, unsigned int n)
{
	unsigned int	s;

	for (s = 0; s < b->nshards; s++)
		if (was > 0)
			settle(b, s, n);
		else {
			b->owners[s] = (uint8_t)procs_place(s % n);
			pass(b, s, procs_at(b->owners[s]), 0);
		}
}

static int
has_shards(unsigned int place)
{
	struct bound	*b;
	unsigned int	 s;

	TAILQ_FOREACH(b, &bounds, entry)
		for (s = 0; b->proto == IPPROTO_UDP && !b->is_new &&
		    s < b->nshards; s++)
			if (b->owners[s] == place || b->takers[s] == place + 1)
				return 1;
	return 0;
}

/* Who leaves is told so when no shard is his. */
static void
let_go(void)
{
	unsigned int	place;

	for (place = 0; place < MUX_WORKERS_MAX; place++)
		if (leaves[place] && !has_shards(place)) {
			leaves[place] = 0;
			procs_stop_at(place);
		}
}

/* NULL: it does not move, or not any more. */
static struct bound *
moving(uint32_t slot, uint32_t shard)
{
	struct bound	*b = bound_find(slot);

	return b == NULL || shard >= b->nshards || b->takers[shard] == 0 ?
	    NULL : b;
}

void
mux_flow(struct channel *ch, uint32_t id, const void *data, size_t len, int fd)
{
	const struct msg_mux_flow	*m = data;
	struct bound			*b = moving(m->bind, m->shard);

	if (b == NULL || b->owners[m->shard] != channel_index(ch)) {
		close(fd);
		return;
	}
	if (b->passed[m->shard]++ == MUX_MOVE_FLOWS)
		fatalx("refract-mux sent more flows than a page has");
	channel_send_fd(procs_at(b->takers[m->shard] - 1u), M_MUX_FLOW, id, fd,
	    data, len);
}

static void
moved(struct bound *b, unsigned int s)
{
	b->owners[s] = (uint8_t)(b->takers[s] - 1);
	b->takers[s] = 0;
	settle(b, s, nworkers);
	let_go();
}

void
mux_move(struct channel *ch, uint32_t id, const void *data, size_t len, int fd)
{
	const struct msg_mux_move	*m = data;
	struct bound			*b = moving(m->bind, m->shard);
	unsigned int			 s = m->shard;
	unsigned int			 place = channel_index(ch);

	(void)fd;
	if (b == NULL)
		return;
	if (m->what == MUX_MOVE_TAKEN && b->takers[s] == place + 1) {
		b->passed[s] = 0;
		channel_send(procs_at(b->owners[s]), M_MUX_MOVE, id, data,
		    len);
	} else if (m->what != MUX_MOVE_TAKEN && b->owners[s] == place) {
		channel_send(procs_at(b->takers[s] - 1u), M_MUX_MOVE, id,
		    data, len);
		if (m->what == MUX_MOVE_DONE)
			moved(b, s);
	}
}

/* From `was` workers (0: nobody has them) to n. */
static void
deal(struct bound *b, unsigned int was, unsigned int n)
{
	unsigned int	i, s;

	if (b->proto == IPPROTO_UDP) {
		deal_datagrams(b, was, n);
		return;
	}
	if (b->inherited) {
		for (i = was; i < n; i++)
			pass(b, 0, procs_worker(i), 0);
		return;
	}
	for (s = 0; s < b->nshards; s++) {
		if (was > 0 && s % was == s % n)
			continue;
		pass(b, s, procs_worker(s % n), 0);
		if (was > 0)
			forget(b, s, procs_worker(s % was));
	}
}

static int
is_wanted(const struct conf *c, const struct bound *b)
{
	struct conf_listener	*l;
	struct conf_bind	*cb;

	TAILQ_FOREACH(l, &c->mux.listeners, entry)
		TAILQ_FOREACH(cb, &l->binds, entry)
			if (cb->w.slot == b->w.slot)
				return 1;
	return 0;
}

static void
keep(const struct bound *b)
{
	unsigned int	i;

	for (i = 0; i < b->nshards; i++)
		fdstore_keep(kept_name(b, i), b->fds[i]);
}

void
mux_commit(const struct conf *c)
{
	struct bound	*b, *next;
	unsigned int	 n = mux_workers(c), i;

	mux_connect();
	TAILQ_FOREACH_SAFE(b, &bounds, entry, next) {
		if (!is_wanted(c, b)) {
			bound_close(b);
			continue;
		}
		deal(b, b->is_new ? 0 : nworkers, n);
		if (b->is_new)
			keep(b);
		b->is_new = 0;
	}
	for (i = 0; i < n && n != nworkers; i++)
		say_worker(i, n);
	for (i = n; i < nworkers; i++) {
		leaves[procs_place(i)] = 1;
		procs_leave_worker(i);
	}
	let_go();
	if (n < connected)
		connected = n;
	nworkers = n;
	started = 0;
	procs_stop_limit((int)((c->mux.drain + 999) / 1000));
}

/* What only we may connect to. */

static int
connect_unix(const char *path, int type)
{
	struct sockaddr_un	sun = { .sun_family = AF_UNIX };
	int			fd, saved;

	if (strlcpy(sun.sun_path, path, sizeof(sun.sun_path)) >=
	    sizeof(sun.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return -1;
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

static const char *
member_path(const struct conf *c, uint32_t slot)
{
	struct conf_pool	*p;
	struct conf_member	*m;

	if (c == NULL)
		return NULL;
	TAILQ_FOREACH(p, &c->mux.pools, entry)
		TAILQ_FOREACH(m, &p->members, entry)
			if (m->w.slot == slot && m->w.kind == MEMBER_UNIX)
				return m->w.name;
	return NULL;
}

static int
want_unix(const struct msg_mux_want *m)
{
	const char	*path;

	/* Workers are ahead of us while a configuration comes into use. */
	if ((path = member_path(reload_next(), m->number)) == NULL &&
	    (path = member_path(reload_conf(), m->number)) == NULL) {
		errno = ENOENT;
		return -1;
	}
	return connect_unix(path, m->stream == SOCK_DGRAM ? SOCK_DGRAM :
	    SOCK_STREAM);
}

static const struct conf_tap *
tap_of(const struct conf *c, uint32_t id)
{
	return c == NULL ? NULL : conf_tap_byid(&c->mux, id);
}

static int
want_tap(uint32_t id, unsigned int worker)
{
	const struct conf_tap	*t;

	if ((t = tap_of(reload_next(), id)) == NULL &&
	    (t = tap_of(reload_conf(), id)) == NULL) {
		errno = ENOENT;
		return -1;
	}
	return t->w.run ? tap_open(t, worker) :
	    connect_unix(t->w.path, SOCK_STREAM);
}

static int
want_one(const struct channel *ch, const struct msg_mux_want *m)
{
	/* Who does not take what he has asked for gets no more of ours. */
	if (channel_queued(ch) > WAITING) {
		errno = EBUSY;
		return -1;
	}
	if (m->kind == MUX_WANT_TAP)
		return want_tap(m->number, channel_index(ch));
	if (m->kind == MUX_WANT_UNIX)
		return want_unix(m);
	errno = ENOENT;
	return -1;
}

void
mux_want(struct channel *ch, uint32_t id, const void *data, size_t len,
    int nofd)
{
	struct msg_mux_want	m;
	uint32_t		i, n;
	int			fd;

	(void)nofd;
	memcpy(&m, data, len);
	n = m.count > WANT_MAX ? WANT_MAX : m.count;
	m.count = 1;
	for (i = 0; i < n; i++) {
		fd = want_one(ch, &m);
		m.error = fd == -1 ? errno : 0;
		if (fd == -1)
			channel_send(ch, M_MUX_GIVE, id, &m, sizeof(m));
		else
			channel_send_fd(ch, M_MUX_GIVE, id, fd, &m,
			    sizeof(m));
	}
}

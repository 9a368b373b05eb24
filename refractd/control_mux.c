/*
 * See control_mux.h.  Numbers in the table are the workers': they are shown,
 * and nothing else is done with them.
 */
#include <sys/queue.h>

#include <netinet/in.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "channel.h"
#include "child.h"
#include "control_mux.h"
#include "control_resolve.h"
#include "ctl_buf.h"
#include "log.h"
#include "routes.h"
#include "shared.h"

#define REMOVED	"(removed)"

static int	mapped;

void
mux_table(int fd)
{
	if (!mapped && shared_map_read(fd) == -1)
		fatal("the parent passed a shared table that is none");
	mapped = 1;
	close(fd);
}

static uint64_t
get32(const _Atomic uint32_t *n)
{
	return atomic_load_explicit(n, memory_order_relaxed);
}

static uint64_t
get64(const _Atomic uint64_t *n)
{
	return atomic_load_explicit(n, memory_order_relaxed);
}

static void
get_both(uint64_t to[2], const _Atomic uint64_t from[2])
{
	to[0] = get64(&from[0]);
	to[1] = get64(&from[1]);
}

static void
get_latency(struct latency *l, const struct hist *connect,
    const struct hist *first)
{
	l->connect[0] = hist_permille(connect, 500);
	l->connect[1] = hist_permille(connect, 990);
	l->first[0] = hist_permille(first, 500);
	l->first[1] = hist_permille(first, 990);
}

/* --- Listeners ----------------------------------------------------------- */

static void
print_bind(struct obuf *o, const struct wire_bind *w, const char *proto)
{
	char	addr[PREFIX_STRLEN];

	if (o->len > 0)
		obuf_str(o, ", ");
	if (*w->interface != '\0')
		obuf_printf(o, "%s ", w->interface);
	obuf_printf(o, "%s%s port %u", w->addr.family == 0 ? "*" :
	    prefix_print(&w->addr, addr), proto, w->port);
}

static void
listener_row(struct row_listener *row, const struct conf_listener *l)
{
	const struct shared_listener	*s = shared_listener(l->w.slot);
	struct obuf			 on = OBUF(row->on);
	struct conf_bind		*b;
	int				 i;

	memset(row, 0, sizeof(*row));
	row->connections = get32(&s->connections);
	row->total = get64(&s->total);
	get_both(row->bytes, s->bytes);
	for (i = 0; i < 3; i++)
		row->limited += row->limits[i] = get64(&s->limited[i]);
	for (i = 0; i < END_MAX; i++)
		row->ended[i] = get64(&s->ended[i]);
	strlcpy(row->name, l->w.name, sizeof(row->name));
	obuf_clear(&on);
	TAILQ_FOREACH(b, &l->binds, entry)
		print_bind(&on, &b->w,
		    l->w.proto == IPPROTO_UDP ? " udp" : "");
}

/* --- Routes -------------------------------------------------------------- */

static void
route_row_of(struct row_route *row, const struct conf_listener *l,
    const struct conf_route *r)
{
	const struct shared_route	*s = shared_route(r->w.slot);
	const struct conf_pool		*p;

	memset(row, 0, sizeof(*row));
	row->connections = get32(&s->connections);
	row->total = get64(&s->total);
	row->errors = get64(&s->errors);
	get_both(row->bytes, s->bytes);
	get_latency(&row->latency, &s->connect, &s->first);
	strlcpy(row->listener, l->w.name, sizeof(row->listener));
	strlcpy(row->label, r->w.label, sizeof(row->label));
	p = conf_pool_byid(&child_conf()->mux, r->w.pool);
	if (r->w.action == ROUTE_TO && p != NULL)
		strlcpy(row->to, p->w.name, sizeof(row->to));
}

/* --- Members ------------------------------------------------------------- */

static void
print_member(char *buf, size_t size, const struct wire_member *w)
{
	char	addr[PREFIX_STRLEN];

	if (w->kind == MEMBER_UNIX || w->kind == MEMBER_ASKED)
		strlcpy(buf, w->name, size);
	else
		snprintf(buf, size, "%.240s port %u", w->kind == MEMBER_NAME ?
		    w->name : prefix_print(&w->addr, addr), w->port);
}

static enum member_state
state_of(const struct wire_member *w, const struct shared_member *s,
    unsigned int naddrs)
{
	switch (get32(&s->admin)) {
	case MEMBER_DISABLED:
		return MEMBER_IS_DISABLED;
	case MEMBER_DRAIN:
		return MEMBER_DRAINS;
	}
	if (w->kind == MEMBER_NAME && naddrs == 0)
		return MEMBER_UNRESOLVED;
	return get32(&s->down) != 0 ? MEMBER_DOWN : MEMBER_UP;
}

/* A moment of the monotonic clock, as the workers wrote it. */
static wall_t
wall_of(uint64_t ms)
{
	uint64_t	now = (uint64_t)mono_now().ms;

	return ms == 0 || ms > now ? 0 : wall_now() - (wall_t)(now - ms);
}

static void
print_addrs(struct row_member *row, const struct prefix *list, unsigned int n)
{
	struct obuf	o = OBUF(row->addrs);
	char		addr[PREFIX_STRLEN];
	unsigned int	i;

	obuf_clear(&o);
	for (i = 0; i < n; i++)
		obuf_printf(&o, "%s%s", i == 0 ? "" : ", ",
		    prefix_print(&list[i], addr));
}

static void
member_row(struct row_member *row, const struct conf_pool *p,
    const struct conf_member *m)
{
	const struct shared_member	*s = shared_member(m->w.slot);
	const struct prefix		*list = NULL;
	unsigned int			 n = resolve_addrs(&m->w, &list);

	memset(row, 0, sizeof(*row));
	row->connections = get32(&s->connections);
	row->total = get64(&s->total);
	row->errors = get64(&s->errors);
	get_both(row->bytes, s->bytes);
	get_latency(&row->latency, &s->connect, &s->first);
	row->state = state_of(&m->w, s, n);
	if (row->state == MEMBER_DOWN)
		row->since = wall_of(get64(&s->down_since));
	row->weight = m->w.weight;
	row->backup = m->w.backup;
	strlcpy(row->pool, p->w.name, sizeof(row->pool));
	print_member(row->name, sizeof(row->name), &m->w);
	print_addrs(row, list, n);
}

static int
is_up(const struct conf_member *m)
{
	const struct prefix	*list;

	return state_of(&m->w, shared_member(m->w.slot),
	    resolve_addrs(&m->w, &list)) == MEMBER_UP;
}

static int
has_member_up(const struct conf_pool *p)
{
	const struct conf_member	*m;

	TAILQ_FOREACH(m, &p->members, entry)
		if (is_up(m))
			return 1;
	return 0;
}

const char *
mux_pool_down(uint64_t n)
{
	const struct conf_pool	*p;

	if (!mapped || child_conf() == NULL)
		return NULL;
	TAILQ_FOREACH(p, &child_conf()->mux.pools, entry)
		if (!has_member_up(p) && n-- == 0)
			return p->w.name;
	return NULL;
}

/* --- By cursor ----------------------------------------------------------- */

static int
nth_listener(struct row_listener *row, uint64_t n)
{
	struct conf_listener	*l;

	TAILQ_FOREACH(l, &child_conf()->mux.listeners, entry)
		if (n-- == 0) {
			listener_row(row, l);
			return 1;
		}
	return 0;
}

static int
nth_route(struct row_route *row, uint64_t n)
{
	struct conf_listener	*l;
	struct conf_route	*r;

	TAILQ_FOREACH(l, &child_conf()->mux.listeners, entry)
		TAILQ_FOREACH(r, &l->routes, entry)
			if (n-- == 0) {
				route_row_of(row, l, r);
				return 1;
			}
	return 0;
}

static int
nth_member(struct row_member *row, uint64_t n)
{
	struct conf_pool	*p;
	struct conf_member	*m;

	TAILQ_FOREACH(p, &child_conf()->mux.pools, entry)
		TAILQ_FOREACH(m, &p->members, entry)
			if (n-- == 0) {
				member_row(row, p, m);
				return 1;
			}
	return 0;
}

int
mux_row(union mux_row *row, uint32_t what, uint64_t cursor)
{
	if (!mapped || child_conf() == NULL)
		return 0;
	switch (what) {
	case SHOW_LISTENERS:
		return nth_listener(&row->listener, cursor);
	case SHOW_ROUTES:
		return nth_route(&row->route, cursor);
	case SHOW_POOLS:
		return nth_member(&row->member, cursor);
	}
	return 0;
}

/* --- Records of workers -------------------------------------------------- */

static struct conf_route *
route_byid(struct conf_listener *l, uint32_t id)
{
	struct conf_route	*r;

	if (l == NULL)
		return NULL;
	TAILQ_FOREACH(r, &l->routes, entry)
		if (r->w.id == id)
			break;
	return r;
}

static void
name_route(struct row_access *row, const struct msg_mux_access *m)
{
	struct conf_listener	*l;
	struct conf_route	*r;

	if (m->route == 0)
		return;
	l = conf_listener_byid(&child_conf()->mux, m->listener);
	r = route_byid(l, m->route);
	strlcpy(row->route, r == NULL ? REMOVED : r->w.label,
	    sizeof(row->route));
}

static void
name_member(struct row_access *row, uint32_t id)
{
	struct conf_pool	*p;
	struct conf_member	*m;

	if (id == 0)
		return;
	TAILQ_FOREACH(p, &child_conf()->mux.pools, entry)
		TAILQ_FOREACH(m, &p->members, entry)
			if (m->w.id == id) {
				strlcpy(row->pool, p->w.name,
				    sizeof(row->pool));
				print_member(row->member,
				    sizeof(row->member), &m->w);
				return;
			}
	strlcpy(row->member, REMOVED, sizeof(row->member));
}

/* What a worker says is printable once more: it reads hostile bytes. */
static void
copy_text(char *to, size_t size, const char *from)
{
	struct obuf	o = { to, 0, size, 0 };

	obuf_clear(&o);
	obuf_vis(&o, from, strlen(from), OBUF_DONE);
}

static void
endpoint_set(struct endpoint *e, const struct prefix *p, uint16_t port)
{
	if (!prefix_valid(p))
		return;
	e->addr = *p;
	e->port = port;
}

static void
name_all(struct row_access *row, const struct msg_mux_access *m)
{
	const char	*proto = route_probe_name(m->proto);

	copy_text(row->listener, sizeof(row->listener), m->listener_name);
	copy_text(row->name, sizeof(row->name), m->name);
	copy_text(row->alpn, sizeof(row->alpn), m->alpn);
	copy_text(row->ja4, sizeof(row->ja4), m->ja4);
	strlcpy(row->proto, proto == NULL ? "" : proto, sizeof(row->proto));
	strlcpy(row->why, end_reason_name(m->why), sizeof(row->why));
	if (child_conf() == NULL)
		return;
	name_route(row, m);
	name_member(row, m->member);
}

void
mux_access_row(struct row_access *row, const struct msg_mux_access *m,
    unsigned int worker)
{
	memset(row, 0, sizeof(*row));
	row->at = m->at;
	row->lasted = m->lasted > 0 ? (uint64_t)m->lasted : 0;
	row->waited = m->waited >= 0 ? (uint64_t)m->waited : UINT64_MAX;
	row->id = m->id;
	row->bytes[0] = m->bytes[0];
	row->bytes[1] = m->bytes[1];
	endpoint_set(&row->from, &m->from, m->from_port);
	endpoint_set(&row->to, &m->to, m->to_port);
	endpoint_set(&row->server, &m->server, m->server_port);
	endpoint_set(&row->via, &m->via, m->via_port);
	row->worker = worker;
	name_all(row, m);
}

int
mux_is_logged(const struct msg_mux_access *m)
{
	const struct conf_listener	*l = NULL;

	if (child_conf() != NULL)
		l = conf_listener_byid(&child_conf()->mux, m->listener);
	return l == NULL || l->w.log != ACCESS_NONE;
}

/* --- What the operator wants of a pool ----------------------------------- */

/* As it is shown, or without its port. */
static int
is_named(const struct wire_member *w, const char *name)
{
	char	buf[MUX_HOST_LEN], *p;

	print_member(buf, sizeof(buf), w);
	if (strcmp(buf, name) == 0)
		return 1;
	if (w->kind != MEMBER_UNIX && (p = strstr(buf, " port ")) != NULL)
		*p = '\0';
	return strcmp(buf, name) == 0;
}

static void
tell_admin(uint32_t slot, uint32_t admin)
{
	struct msg_mux_admin	m = { slot, admin };
	unsigned int		i;

	for (i = 0; i < MUX_WORKERS_MAX; i++)
		channel_send(child_worker(i), M_MUX_ADMIN, 0, &m, sizeof(m));
}

static const char *const	admin_words[] = {
	[MEMBER_ENABLED] = "enabled",
	[MEMBER_DISABLED] = "disabled",
	[MEMBER_DRAIN] = "draining"
};

static void
no_such(struct msg_outcome *res, const char *what, const char *name)
{
	struct obuf	o = OBUF(res->text);

	res->code = 1;
	obuf_clear(&o);
	obuf_printf(&o, "there is no %s ", what);
	obuf_vis(&o, name, strlen(name), OBUF_QUOTE);
}

void
mux_admin(const struct ctl_pool *req, struct msg_outcome *res)
{
	struct conf_pool	*p = NULL;
	struct conf_member	*m;
	char			 name[MUX_HOST_LEN] = "";

	memset(res, 0, sizeof(*res));
	if (child_conf() != NULL)
		p = conf_pool_byname(&child_conf()->mux, req->name);
	if (p == NULL) {
		no_such(res, "pool", req->name);
		return;
	}
	TAILQ_FOREACH(m, &p->members, entry)
		if (*req->member == '\0' || is_named(&m->w, req->member)) {
			tell_admin(m->w.slot, req->admin);
			print_member(name, sizeof(name), &m->w);
			res->count++;
		}
	if (res->count == 0)
		no_such(res, "such member in the pool:", req->member);
	else if (res->count == 1)
		snprintf(res->text, sizeof(res->text), "pool %s: %s is %s",
		    p->w.name, name, admin_words[req->admin]);
	else
		snprintf(res->text, sizeof(res->text),
		    "pool %s: %u members are %s", p->w.name, res->count,
		    admin_words[req->admin]);
}

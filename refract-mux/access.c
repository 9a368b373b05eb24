/*
 * See access.h.  Control writes the log; when it does not keep up, records are
 * lost and counted, and nobody waits.
 */
#include <sys/socket.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "access.h"
#include "child.h"
#include "counter.h"
#include "log.h"
#include "msg.h"
#include "relay_side.h"
#include "tell.h"

static uint32_t	tell;		/* MUX_TELL_* */

void
access_tell(uint32_t what)
{
	tell = what;
}

int
access_is_wanted(const struct listener *l)
{
	return (tell & MUX_TELL_ALL) || ((tell & MUX_TELL_LOG) &&
	    l->w->log != ACCESS_NONE);
}

/* Which of its addresses the member was joined at. */
static void
server_address(const struct conn *c, struct prefix *p, uint16_t *port)
{
	struct sockaddr_storage	ss;
	socklen_t		len = sizeof(ss);

	if (c->m->w->kind == MEMBER_UNIX)
		return;
	if (c->m->w->kind == MEMBER_ASKED) {
		*p = c->to;
		*port = c->to_port;
		return;
	}
	*p = c->m->addrs[0];
	*port = c->m->w->port;
	if (c->m->naddrs > 1 && c->server.fd != -1 &&
	    getpeername(c->server.fd, (struct sockaddr *)&ss, &len) == 0)
		addr_from_sockaddr(p, (struct sockaddr *)&ss, port);
}

/* Until it was joined, or for how long it was tried. */
static void
fill_times(struct msg_mux_access *m, const struct conn *c)
{
	m->lasted = (int64_t)(wheel_now() - c->began);
	m->at = wall_now() - m->lasted;
	m->waited = c->joined == 0 ? -1 : (int64_t)(c->joined - c->began);
}

static void
fill_names(struct msg_mux_access *m, const struct conn *c)
{
	if (c->sni != NULL)
		strlcpy(m->name, log_vis(c->sni, strlen(c->sni)),
		    sizeof(m->name));
	if (c->hello != NULL) {
		strlcpy(m->ja4, c->hello->ja4, sizeof(m->ja4));
		strlcpy(m->alpn, log_vis(c->hello->alpn,
		    strlen(c->hello->alpn)), sizeof(m->alpn));
	}
	strlcpy(m->listener_name, c->l->w->name, sizeof(m->listener_name));
}

void
access_record(struct conn *c, enum end_reason why)
{
	struct channel		*ch = child_channel(ROLE_CONTROL, 0);
	struct msg_mux_access	 m;
	struct endpoint		 via = { .port = 0 };

	if (ch == NULL || !access_is_wanted(c->l))
		return;
	if (channel_full(ch)) {
		counter_inc(MUX_ACCESS_LOST);
		return;
	}
	conn_local(c);
	memset(&m, 0, sizeof(m));
	fill_times(&m, c);
	m.id = c->id;
	m.bytes[0] = c->bytes[0];
	m.bytes[1] = c->bytes[1];
	m.listener = c->l->w->id;
	m.route = c->r == NULL ? 0 : c->r->w->id;
	m.from = c->from;
	m.from_port = c->from_port;
	m.to = c->to;
	m.to_port = c->to_port;
	if (c->m != NULL) {
		m.member = c->m->w->id;
		server_address(c, &m.server, &m.server_port);
	}
	if (c->relay != NULL) {
		relay_via(c, &via);
		m.via = via.addr;
		m.via_port = via.port;
	}
	m.why = (uint8_t)why;
	m.proto = c->proto;
	fill_names(&m, c);
	channel_send(ch, M_MUX_ACCESS, 0, &m, sizeof(m));
}

static void
member_name(const struct member *m, char *buf, size_t size)
{
	char	addr[PREFIX_STRLEN];

	if (m->w->kind == MEMBER_UNIX || m->w->kind == MEMBER_ASKED)
		strlcpy(buf, m->w->name, size);
	else
		snprintf(buf, size, "%s port %u", m->w->kind == MEMBER_NAME ?
		    m->w->name : prefix_print(&m->w->addr, addr),
		    m->w->port);
}

static void
say(const char *text, int bad)
{
	if (bad)
		log_warnx("%s", text);
	else
		log_notice("%s", text);
	tell_notice(child_channel(ROLE_CONTROL, 0), 0, NOTICE_MUX, 0, text);
}

void
access_member(const struct member *m, int error)
{
	char	text[TEXT_LEN], name[MUX_HOST_LEN + 16];

	member_name(m, name, sizeof(name));
	if (error == 0)
		snprintf(text, sizeof(text), "pool %s: %s is up",
		    m->pool->w->name, name);
	else
		snprintf(text, sizeof(text), "pool %s: %s is down: %s",
		    m->pool->w->name, name, error == EPROTO ?
		    "it answers something else" : strerror(error));
	say(text, error != 0);
}

void
access_pool(const struct pool *p)
{
	char		 text[TEXT_LEN];
	const char	*what = "are reset";

	if (p->w->when_down == 0)
		what = "go to otherwise, or are reset";
	else if (p->w->when_down == ROUTE_DROP)
		what = "are closed";
	snprintf(text, sizeof(text), "pool %s: no member is up: connections "
	    "%s", p->w->name, what);
	say(text, 1);
}

static const char *const	states[] = {
	[CONN_HEADER] = "header",
	[CONN_PEEK] = "looking",
	[CONN_CONNECT] = "joining",
	[CONN_RELAY] = "relay",
	[CONN_TARPIT] = "tarpit"
};

static void
row_member_of(struct row_connection *row, const struct conn *c)
{
	strlcpy(row->pool, c->m->pool->w->name, sizeof(row->pool));
	member_name(c->m, row->member, sizeof(row->member));
	server_address(c, &row->server.addr, &row->server.port);
}

void
access_row(struct row_connection *row, struct conn *c)
{
	const char	*proto = rp_name(c->proto);

	conn_local(c);
	memset(row, 0, sizeof(*row));
	row->id = c->id;
	row->began = wall_now() - (int64_t)(wheel_now() - c->began);
	row->bytes[0] = c->bytes[0];
	row->bytes[1] = c->bytes[1];
	row->from.addr = c->from;
	row->from.port = c->from_port;
	row->to.addr = c->to;
	row->to.port = c->to_port;
	row->worker = mux_me.index;
	strlcpy(row->listener, c->l->w->name, sizeof(row->listener));
	strlcpy(row->proto, proto == NULL ? "" : proto, sizeof(row->proto));
	strlcpy(row->state, states[c->state], sizeof(row->state));
	if (c->r != NULL)
		strlcpy(row->route, c->r->w->label, sizeof(row->route));
	if (c->m != NULL)
		row_member_of(row, c);
	if (c->relay != NULL)
		relay_via(c, &row->via);
	if (c->sni != NULL)
		strlcpy(row->name, log_vis(c->sni, strlen(c->sni)),
		    sizeof(row->name));
}

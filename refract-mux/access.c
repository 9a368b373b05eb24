/*
 * See access.h.  Control writes the log; when it does not keep up, records are
 * lost and counted, and nobody waits.
 */
#include <sys/socket.h>

#include <stdio.h>
#include <string.h>

#include "access.h"
#include "child.h"
#include "counter.h"
#include "log.h"
#include "msg.h"
#include "tell.h"

void
access_record(const struct conn *c, enum end_reason why)
{
	struct channel		*ch = child_channel(ROLE_CONTROL, 0);
	struct msg_mux_access	 m;

	if (c->l->w->log == ACCESS_NONE || ch == NULL)
		return;
	if (channel_full(ch)) {
		counter_inc(MUX_ACCESS_LOST);
		return;
	}
	memset(&m, 0, sizeof(m));
	m.lasted = (int64_t)(wheel_now() - c->began);
	m.at = wall_now() - m.lasted;
	m.waited = c->began_connect == 0 ? -1 :
	    (int64_t)(c->began_connect / 1000) - (int64_t)c->began;
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
		if (c->m->naddrs > 0)
			m.server = c->m->addrs[0];
		m.server_port = c->m->w->port;
	}
	m.why = (uint8_t)why;
	m.proto = c->proto;
	if (c->sni != NULL)
		strlcpy(m.name, log_vis(c->sni, strlen(c->sni)),
		    sizeof(m.name));
	if (c->hello != NULL) {
		strlcpy(m.ja4, c->hello->ja4, sizeof(m.ja4));
		strlcpy(m.alpn, log_vis(c->hello->alpn,
		    strlen(c->hello->alpn)), sizeof(m.alpn));
	}
	strlcpy(m.listener_name, c->l->w->name, sizeof(m.listener_name));
	channel_send(ch, M_MUX_ACCESS, 0, &m, sizeof(m));
}

static void
member_name(const struct member *m, char *buf, size_t size)
{
	char	addr[PREFIX_STRLEN];

	if (m->w->kind == MEMBER_UNIX)
		strlcpy(buf, m->w->name, size);
	else
		snprintf(buf, size, "%s port %u", m->w->kind == MEMBER_NAME ?
		    m->w->name : prefix_print(&m->w->addr, addr),
		    m->w->port);
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
		    m->pool->w->name, name, strerror(error));
	if (error == 0)
		log_notice("%s", text);
	else
		log_warnx("%s", text);
	tell_notice(child_channel(ROLE_CONTROL, 0), 0, NOTICE_MUX, 0, text);
}

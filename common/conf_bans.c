/*
 * What a configuration lets its watches and listeners ban.  Who reads hostile
 * bytes asks for bans and has them recorded: both are held against this.
 */
#include <sys/socket.h>

#include <string.h>

#include "clock.h"
#include "conf.h"
#include "msg.h"

#define LATE	61000	/* ms: a ban begins when the log says so */

static int
is_too_long(span_t longest, const struct wire_ban *ban)
{
	return longest != SPAN_FOREVER && (ban->end == WALL_FOREVER ||
	    ban->end > wall_add(wall_now(), longest + LATE));
}

/* Does it cover what a prefix of these lengths does, around who offends? */
static int
covers(const struct wire_ban *ban, unsigned int plen4, unsigned int plen6)
{
	return !(ban->flags & BANF_PREFIX) &&
	    ban->prefix.plen == (ban->prefix.family == AF_INET ? plen4 :
	    plen6) && prefix_contains(&ban->prefix, &ban->offender);
}

static int
has_port(const struct wire_watch *w, uint16_t proto, uint16_t port)
{
	unsigned int	 i;

	for (i = 0; i < w->nports; i++)
		if (w->ports[i].port == port && w->ports[i].proto == proto)
			return 1;
	return w->nports == 0 && port == 0;
}

/* But for the port. */
static const struct wire_watch *
watch_that_bans(const struct conf *c, const struct wire_ban *ban)
{
	const struct conf_watch		*cw;
	const struct wire_watch		*w;
	const struct wire_global	*g = &c->global;

	if ((cw = conf_watch_byhash(c, ban->id.watch)) == NULL)
		return NULL;
	w = &cw->w;
	/* Bans may grow. */
	if (!w->bans || is_too_long(w->growth_max > w->ban ? w->growth_max :
	    w->ban, ban) || !covers(ban, w->ban_prefix ? w->group4 : g->plen4,
	    w->ban_prefix ? w->group6 : g->plen6))
		return NULL;
	return w;
}

int
conf_watch_bans(const struct conf *c, const struct wire_ban *ban)
{
	const struct wire_watch	*w;

	return c != NULL && (w = watch_that_bans(c, ban)) != NULL &&
	    has_port(w, ban->proto, ban->port);
}

int
conf_watch_decides(const struct conf *c, const struct wire_ban *ban,
    const struct wire_port *ports, uint32_t n)
{
	const struct wire_watch	*w;
	uint32_t		 i;

	if (c == NULL || (w = watch_that_bans(c, ban)) == NULL ||
	    n > BAN_PORTS_MAX || (n == 0) != (w->nports == 0))
		return 0;
	for (i = 0; i < n; i++)
		if (!has_port(w, ports[i].proto, ports[i].port))
			return 0;
	return 1;
}

int
conf_listener_bans(const struct conf *c, const struct wire_ban *ban)
{
	const struct conf_listener	*l;
	const struct conf_offence	*o;

	if (c == NULL || ban->port != 0 || ban->proto != 0 ||
	    (l = conf_listener_byhash(&c->mux, ban->id.watch)) == NULL ||
	    !covers(ban, c->global.plen4, c->global.plen6))
		return 0;
	TAILQ_FOREACH(o, &l->offences, entry)
		if (!is_too_long(o->w.ban, ban))
			return 1;
	return 0;
}

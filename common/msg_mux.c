/*
 * What the messages of msg_mux.h must be, for the table in msg.c.
 */
#include <sys/socket.h>

#include <string.h>

#include "msg.h"
#include "shared.h"

#define EXACT(type, size)						\
	_Static_assert(sizeof(struct type) == (size), #type)

EXACT(msg_resolver, 2 * 4 + NAMESERVERS_MAX * 18 + SEARCH_LEN);
EXACT(msg_host, 2 * 4 + MUX_RESOLVED_MAX * 18 + MUX_HOST_LEN);
EXACT(ctl_pool, 2 * 4 + MUX_NAME_LEN + MUX_HOST_LEN);
EXACT(endpoint, 18 + 2);
EXACT(row_listener, (8 + ENDED_MAX) * 8 + MUX_NAME_LEN + 256);
EXACT(row_route, 5 * 8 + 4 * 8 + 3 * MUX_NAME_LEN);
EXACT(row_member, 5 * 8 + 4 * 8 + 8 + 4 * 4 + MUX_NAME_LEN + MUX_HOST_LEN +
    256);
EXACT(row_connection, 4 * 8 + 4 * 20 + 2 * 4 + 3 * MUX_NAME_LEN + 2 * 16 +
    MUX_HOST_LEN + 256);
EXACT(row_access, 6 * 8 + 4 * 20 + 2 * 4 + 3 * MUX_NAME_LEN + 2 * 16 +
    MUX_HOST_LEN + 256 + 32 + 40);
EXACT(msg_mux_move, 3 * 4);
EXACT(msg_mux_flow, 8 * 8 + 5 * 4 + 3 * 2 + 2 * 18 + 4 + FLOW_ID_MAX + 2 + 32 +
    40 + 256);
_Static_assert(END_MAX <= ENDED_MAX, "a row has room for every reason");

#define TEXT_OK(array)	msg_has_nul(array, sizeof(array))

static const char	no_nul[] = "a string without its end";
static const char	bad_address[] = "no address";

/* n whole addresses, of max. */
static const char *
check_addrs(const struct prefix *list, uint32_t n, uint32_t max)
{
	uint32_t	i;

	if (n > max)
		return "too many addresses";
	for (i = 0; i < n; i++)
		if (!prefix_valid(&list[i]) || list[i].plen !=
		    (list[i].family == AF_INET ? 32 : 128))
			return bad_address;
	return NULL;
}

const char *
check_resolver(const void *data, size_t len)
{
	const struct msg_resolver	*m = data;

	(void)len;
	if (!TEXT_OK(m->search))
		return no_nul;
	return check_addrs(m->addrs, m->n, NAMESERVERS_MAX);
}

const char *
check_host(const void *data, size_t len)
{
	const struct msg_host	*m = data;

	(void)len;
	if (!TEXT_OK(m->name))
		return no_nul;
	return check_addrs(m->addrs, m->n, MUX_RESOLVED_MAX);
}

const char *
check_mux_resolved(const void *data, size_t len)
{
	const struct msg_mux_resolved	*m = data;

	(void)len;
	if (m->member >= MUX_MEMBERS_MAX)
		return "no such member";
	return check_addrs(m->addrs, m->n, MUX_RESOLVED_MAX);
}

const char *
check_mux_access(const void *data, size_t len)
{
	const struct msg_mux_access	*m = data;

	(void)len;
	if (m->why >= END_MAX)
		return "no such end";
	return TEXT_OK(m->name) && TEXT_OK(m->ja4) && TEXT_OK(m->alpn) &&
	    TEXT_OK(m->listener_name) ? NULL : no_nul;
}

const char *
check_mux_move(const void *data, size_t len)
{
	const struct msg_mux_move	*m = data;

	(void)len;
	return m->what < MUX_MOVE_MAX ? NULL : "nothing that a shard does";
}

const char *
check_mux_flow(const void *data, size_t len)
{
	const struct msg_mux_flow	*m = data;
	const char			*why;

	(void)len;
	if ((why = check_addrs(&m->from, 1, 1)) != NULL ||
	    (why = check_addrs(&m->to, 1, 1)) != NULL)
		return why;
	if (m->from.family != m->to.family || m->from_port == 0)
		return bad_address;
	if (m->nid > FLOW_ID_MAX || m->id_is >= FLOW_ID_IS_MAX ||
	    (m->flags & ~FLOW_FLAGS) != 0)
		return "no such flow";
	if (m->zero[0] != 0 || m->zero[1] != 0)
		return "bytes that are not 0";
	return TEXT_OK(m->name) && TEXT_OK(m->alpn) && TEXT_OK(m->ja4) ?
	    NULL : no_nul;
}

const char *
check_ctl_pool(const void *data, size_t len)
{
	const struct ctl_pool	*m = data;

	(void)len;
	if (m->admin > MEMBER_DRAIN)
		return "nothing that can be done to a member";
	return TEXT_OK(m->name) && TEXT_OK(m->member) ? NULL : no_nul;
}

const char *
check_row_listener(const void *data, size_t len)
{
	const struct row_listener	*r = data;

	(void)len;
	return TEXT_OK(r->name) && TEXT_OK(r->on) ? NULL : no_nul;
}

const char *
check_row_route(const void *data, size_t len)
{
	const struct row_route	*r = data;

	(void)len;
	return TEXT_OK(r->listener) && TEXT_OK(r->label) && TEXT_OK(r->to) ?
	    NULL : no_nul;
}

const char *
check_row_member(const void *data, size_t len)
{
	const struct row_member	*r = data;

	(void)len;
	if (r->state >= MEMBER_STATE_MAX)
		return "no such state";
	return TEXT_OK(r->pool) && TEXT_OK(r->name) && TEXT_OK(r->addrs) ?
	    NULL : no_nul;
}

const char *
check_row_connection(const void *data, size_t len)
{
	const struct row_connection	*r = data;

	(void)len;
	return TEXT_OK(r->listener) && TEXT_OK(r->proto) &&
	    TEXT_OK(r->state) && TEXT_OK(r->route) && TEXT_OK(r->pool) &&
	    TEXT_OK(r->member) && TEXT_OK(r->name) ? NULL : no_nul;
}

const char *
check_row_access(const void *data, size_t len)
{
	const struct row_access	*r = data;

	(void)len;
	return TEXT_OK(r->listener) && TEXT_OK(r->proto) && TEXT_OK(r->why) &&
	    TEXT_OK(r->route) && TEXT_OK(r->pool) && TEXT_OK(r->member) &&
	    TEXT_OK(r->name) && TEXT_OK(r->alpn) && TEXT_OK(r->ja4) ? NULL :
	    no_nul;
}

/*
 * The never-table.  Built again whenever an address or a default route of
 * this host changes; what is in the kernel is exchanged as a whole.
 */
#include <sys/socket.h>

#include <event2/event.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "child.h"
#include "log.h"
#include "never.h"
#include "nl.h"
#include "timer.h"
#include "sets.h"

#define SETTLE	20	/* ms: changes come in groups */

struct prefixset	 never_own;

static struct nl	 asker, listener;
static struct event	*settled;
static struct prefixset	 table;
static size_t		 count[SET_MAX];	/* in the kernel */

/* An address in an attribute, behind skip bytes of something else. */
static void
add_attr(struct prefixset *set, const struct nlattr *a, size_t skip)
{
	size_t		len = a == NULL ? 0 :
	    mnl_attr_get_payload_len(a) - skip;
	struct prefix	p = { len == 4 ? AF_INET : AF_INET6, len * 8, { 0 } };

	if (len != 4 && len != 16)
		return;
	memcpy(p.addr, (char *)mnl_attr_get_payload(a) + skip, len);
	if (prefixset_add(set, &p) == -1)
		fatal("never: no memory");
}

static int
own_address(const struct nlmsghdr *h, UNUSED void *arg)
{
	size_t			 skip = sizeof(struct ifaddrmsg);
	/* On a point-to-point link the other one is the peer's. */
	const struct nlattr	*a = nl_get(h, skip, NL_PATH(IFA_LOCAL));

	if (a == NULL)
		a = nl_get(h, skip, NL_PATH(IFA_ADDRESS));
	add_attr(&never_own, a, 0);
	add_attr(&table, a, 0);
	return MNL_CB_OK;
}

static void
add_gateway(const void *p, size_t len)
{
	add_attr(&table, nl_find(p, len, NL_PATH(RTA_GATEWAY)), 0);
	add_attr(&table, nl_find(p, len, NL_PATH(RTA_VIA)),
	    sizeof(struct rtvia));
}

static int
default_route(const struct nlmsghdr *h, UNUSED void *arg)
{
	const struct rtmsg	*rt = mnl_nlmsg_get_payload(h);
	const struct nlattr	*hops;
	struct rtnexthop	*hop;
	int			 len;

	if (rt->rtm_dst_len != 0)
		return MNL_CB_OK;
	add_gateway(rt + 1, mnl_nlmsg_get_payload_len(h) - sizeof(*rt));
	if ((hops = nl_get(h, sizeof(*rt), NL_PATH(RTA_MULTIPATH))) == NULL)
		return MNL_CB_OK;
	hop = mnl_attr_get_payload(hops);
	len = mnl_attr_get_payload_len(hops);
	for (; RTNH_OK(hop, len); hop = RTNH_NEXT(hop)) {
		add_gateway(RTNH_DATA(hop), hop->rtnh_len - sizeof(*hop));
		len -= RTNH_ALIGN(hop->rtnh_len);
	}
	return MNL_CB_OK;
}

/* The table's part of one family; hash:net has no /0, so that is two. */
static int
exchange(enum set_id id)
{
	struct entry	*list = calloc(table.n + 1, sizeof(*list)), *e;
	size_t		 i, n = 0;
	int		 r;

	if ((e = list) == NULL)
		fatal("never: no memory");
	for (i = 0; i < table.n; i++) {
		if (table.list[i].family != sets[id].family)
			continue;
		e++->prefix = table.list[i];
		if (e[-1].prefix.plen == 0) {
			e[-1].prefix.plen = 1;
			*e = e[-1];
			e++->prefix.addr[0] = 0x80;
		}
	}
	count[id] = n = e - list;
	r = sets_exchange(id, n < SET_ROOM ? SET_ROOM : n, list, n);
	if (r == -1)
		log_warnx("set %s: %s", sets[id].name, sets_error());
	free(list);
	return r;
}

int
never_heal(void)
{
	struct set_header	h;
	int			i, ill = 0;

	for (i = SET_NEVER4; i <= SET_NEVER6; i++)
		if (sets_header(i, sets[i].name, &h) == -1 ||
		    h.elements != count[i])
			ill += exchange(i) == 0;
	return ill;
}

static void
dump(int type, mnl_cb_t cb)
{
	if (nl_ask(&asker, nl_begin(&asker, type, NLM_F_DUMP, AF_UNSPEC,
	    sizeof(struct rtmsg)), cb, NULL) == -1)
		log_warn("never: own addresses cannot be read");
}

void
never_load(void)
{
	static const char *const always[] = {
		"0.0.0.0", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4",
		"255.255.255.255", "::", "::1", "fe80::/10", "ff00::/8"
	};
	const struct conf_table	*config = conf_table_byid(child_conf(),
	    child_conf()->global.never);
	size_t			 i, n = config == NULL ? 0 : config->prefixes.n;
	struct prefix		 p;

	prefixset_clear(&table);
	prefixset_clear(&never_own);
	dump(RTM_GETADDR, own_address);
	dump(RTM_GETROUTE, default_route);
	for (i = 0; i < sizeof(always) / sizeof(always[0]) + n; i++) {
		if (i < n)
			p = config->prefixes.list[i];
		else
			prefix_parse(&p, always[i - n]);
		if (prefixset_add(&table, &p) == -1)
			fatal("never: no memory");
	}
	prefixset_build(&table);
	exchange(SET_NEVER4);
	exchange(SET_NEVER6);
}

int
never_has(const struct prefix *p)
{
	return prefixset_contains(&table, p);
}

int
never_covers(const struct wire_ban *w)
{
	return never_has(&w->prefix) ||
	    (w->offender.family != 0 && never_has(&w->offender));
}

/* News of routes that are not default routes are none. */
static int
is_news(const struct nlmsghdr *h, void *arg)
{
	const struct rtmsg	*rt = mnl_nlmsg_get_payload(h);

	*(int *)arg |= (h->nlmsg_type != RTM_NEWROUTE &&
	    h->nlmsg_type != RTM_DELROUTE) || rt->rtm_dst_len == 0;
	return MNL_CB_OK;
}

static void
on_news(EVENT_ARGS)
{
	int	some = 0;

	if (nl_read(&listener, is_news, &some) == -1)
		some = 1;		/* an overrun: something was lost */
	if (some && child_conf() != NULL && !evtimer_pending(settled, NULL))
		timer_set(settled, SETTLE);
}

static void
on_settled(EVENT_ARGS)
{
	never_load();
}

int
never_open(void)
{
	settled = evtimer_new(child_base, on_settled, NULL);
	return settled == NULL || nl_open(&asker, NETLINK_ROUTE, 0, NULL) ==
	    -1 || nl_open(&listener, NETLINK_ROUTE, RTMGRP_IPV4_IFADDR |
	    RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE,
	    on_news) == -1 ? -1 : 0;
}

/*
 * The never-table.  Built again whenever an address or a default route of
 * this host changes; what is in the kernel is exchanged as a whole.
 */
#include <sys/socket.h>

#include <errno.h>
#include <event2/event.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "child.h"
#include "entries.h"
#include "log.h"
#include "never.h"
#include "nl.h"

#define SETTLE	{ 0, 20000 }	/* us: changes come in groups */

struct prefixset	 never_own;

static struct nl	 asker, listener;
static struct event	*news, *settled;
static struct prefixset	 table, config;
static size_t		 count[2];	/* in the kernel, by family */

static const char *const always[] = {
	"0.0.0.0/32", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4",
	"255.255.255.255/32", "::/128", "::1/128", "fe80::/10", "ff00::/8"
};

static void
add(struct prefixset *set, const struct prefix *p)
{
	if (prefixset_add(set, p) == -1)
		fatal("never: no memory");
}

static void
add_bytes(struct prefixset *set, const void *bytes, size_t len)
{
	struct prefix	p = { len == 4 ? AF_INET : AF_INET6, len * 8, { 0 } };

	if (len == 4 || len == 16) {
		memcpy(p.addr, bytes, len);
		add(set, &p);
	}
}

static void
add_attr(struct prefixset *set, const struct nlattr *a, size_t skip)
{
	if (a != NULL)
		add_bytes(set, (const char *)mnl_attr_get_payload(a) + skip,
		    mnl_attr_get_payload_len(a) - skip);
}

static int
own_address(const struct nlmsghdr *h, UNUSED void *arg)
{
	const struct nlattr	*a;

	/* On a point-to-point link the other one is the peer's. */
	if ((a = nl_get(h, sizeof(struct ifaddrmsg), NL_PATH(IFA_LOCAL))) ==
	    NULL)
		a = nl_get(h, sizeof(struct ifaddrmsg), NL_PATH(IFA_ADDRESS));
	add_attr(&never_own, a, 0);
	return MNL_CB_OK;
}

static void
gateway(const void *p, size_t len)
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
	gateway(rt + 1, mnl_nlmsg_get_payload_len(h) - sizeof(*rt));
	hops = nl_get(h, sizeof(*rt), NL_PATH(RTA_MULTIPATH));
	if (hops == NULL)
		return MNL_CB_OK;
	hop = mnl_attr_get_payload(hops);
	len = mnl_attr_get_payload_len(hops);
	for (; RTNH_OK(hop, len); hop = RTNH_NEXT(hop)) {
		gateway(RTNH_DATA(hop), hop->rtnh_len - sizeof(*hop));
		len -= RTNH_ALIGN(hop->rtnh_len);
	}
	return MNL_CB_OK;
}

static int
dump(int type, mnl_cb_t cb)
{
	struct nlmsghdr	*h = nl_begin(&asker, nl_out, type, NLM_F_DUMP);
	struct rtmsg	*rt = mnl_nlmsg_put_extra_header(h, sizeof(*rt));

	rt->rtm_family = AF_UNSPEC;
	return nl_ask(&asker, h, cb, NULL);
}

static void
add_all(struct prefixset *to, const struct prefixset *from)
{
	size_t	i;

	for (i = 0; i < from->n; i++)
		add(to, &from->list[i]);
}

static void
build(void)
{
	struct prefix	p;
	size_t		i;

	prefixset_clear(&table);
	prefixset_clear(&never_own);
	for (i = 0; i < sizeof(always) / sizeof(always[0]); i++) {
		if (prefix_parse(&p, always[i]) == 0)
			add(&table, &p);
	}
	if (dump(RTM_GETADDR, own_address) == -1 ||
	    dump(RTM_GETROUTE, default_route) == -1)
		log_warn("never: own addresses cannot be read");
	add_all(&table, &never_own);
	add_all(&table, &config);
	prefixset_build(&table);
}

/* The table's part of one family; hash:net has no /0, so that is two. */
static struct entry *
family_entries(int family, size_t *n)
{
	struct entry	*list, *e;
	size_t		 i;

	*n = 0;
	if ((list = calloc(table.n + 2, sizeof(*list))) == NULL)
		fatal("never: no memory");
	for (i = 0; i < table.n; i++) {
		if (table.list[i].family != family)
			continue;
		e = &list[(*n)++];
		e->prefix = table.list[i];
		if (e->prefix.plen == 0) {
			e->prefix.plen = 1;
			e[1] = e[0];
			e[1].prefix.addr[0] = 0x80;
			(*n)++;
		}
	}
	return list;
}

static int
exchange(enum set_id id)
{
	struct entry	*list;
	size_t		 n;
	int		 r;

	list = family_entries(sets[id].family, &n);
	r = entries_exchange(id, n < SET_NEVER_ROOM ? SET_NEVER_ROOM : n,
	    list, n);
	if (r == -1)
		log_warnx("set %s: %s", sets[id].name, sets_error());
	count[id - SET_NEVER4] = n;
	free(list);
	return r;
}

int
never_heal(void)
{
	struct set_header	h;
	int			i, ill = 0;

	for (i = SET_NEVER4; i <= SET_NEVER6; i++) {
		if (sets_header(i, sets[i].name, &h) == 0 &&
		    h.elements == count[i - SET_NEVER4])
			continue;
		ill = 1;
		(void)exchange(i);
	}
	return ill;
}

int
never_load(const struct conf *conf)
{
	const struct conf_table	*t;

	if (conf != NULL) {
		prefixset_clear(&config);
		t = conf_table_byid(conf, conf->global.never);
		if (t != NULL)
			add_all(&config, &t->prefixes);
	}
	build();
	return exchange(SET_NEVER4) == -1 || exchange(SET_NEVER6) == -1 ?
	    -1 : 0;
}

int
never_covers(const struct wire_ban *w)
{
	return prefixset_contains(&table, &w->prefix) ||
	    (w->offender.family != 0 &&
	    prefixset_contains(&table, &w->offender));
}

/* News of routes that are not default routes are none. */
static int
is_news(const struct nlmsghdr *h, void *arg)
{
	const struct rtmsg	*rt = mnl_nlmsg_get_payload(h);

	if ((h->nlmsg_type != RTM_NEWROUTE && h->nlmsg_type != RTM_DELROUTE) ||
	    rt->rtm_dst_len == 0)
		*(int *)arg = 1;
	return MNL_CB_OK;
}

static void
on_news(EVENT_ARGS)
{
	const struct timeval	 soon = SETTLE;
	ssize_t			 n;
	int			 some = 0;

	n = recv(fd, nl_in, sizeof(nl_in), MSG_DONTWAIT);
	if (n == -1)
		some = errno == ENOBUFS;
	else
		(void)mnl_cb_run(nl_in, n, 0, 0, is_news, &some);
	if (some && !evtimer_pending(settled, NULL))
		(void)evtimer_add(settled, &soon);
}

static void
on_settled(EVENT_ARGS)
{
	(void)never_load(NULL);
}

int
never_open(void)
{
	if (nl_open(&asker, NETLINK_ROUTE, 0) == -1 ||
	    nl_open(&listener, NETLINK_ROUTE, RTMGRP_IPV4_IFADDR |
	    RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE) == -1)
		return -1;
	news = event_new(child_base, nl_fd(&listener), EV_READ | EV_PERSIST,
	    on_news, NULL);
	settled = evtimer_new(child_base, on_settled, NULL);
	return news == NULL || settled == NULL ||
	    event_add(news, NULL) == -1 ? -1 : 0;
}

/*
 * See relay_routes.h.  Whether what goes to a client arrives here is asked as
 * the kernel would ask itself for TCP: RTM_GETROUTE (rtnetlink(7)).
 */
#include <sys/socket.h>
#include <sys/time.h>

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include <netinet/in.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "conf.h"
#include "log.h"
#include "relay_routes.h"

#define ANSWER	8192
#define TABLE	30		/* that is printed */

struct question {
	struct nlmsghdr	n;
	struct rtmsg	r;
	char		attrs[64];
};

static void
attr(struct question *q, unsigned short type, const void *p, size_t len)
{
	struct rtattr	*a = (struct rtattr *)(void *)((char *)q +
			    NLMSG_ALIGN(q->n.nlmsg_len));

	a->rta_type = type;
	a->rta_len = RTA_LENGTH(len);
	memcpy(RTA_DATA(a), p, len);
	q->n.nlmsg_len = NLMSG_ALIGN(q->n.nlmsg_len) + RTA_ALIGN(a->rta_len);
}

static void
ask(struct question *q, const struct prefix *p)
{
	uint8_t	tcp = IPPROTO_TCP;

	memset(q, 0, sizeof(*q));
	q->n.nlmsg_len = NLMSG_LENGTH(sizeof(q->r));
	q->n.nlmsg_type = RTM_GETROUTE;
	q->n.nlmsg_flags = NLM_F_REQUEST;
	q->r.rtm_family = p->family;
	q->r.rtm_dst_len = prefix_bits(p->family);
	q->r.rtm_flags = RTM_F_LOOKUP_TABLE;
	attr(q, RTA_DST, p->addr, p->family == AF_INET ? 4 : 16);
	attr(q, RTA_IP_PROTO, &tcp, sizeof(tcp));
}

/* 1: it arrives here; 0: it does not; -1: the kernel does not say. */
static int
is_local(int fd, const struct prefix *p, int freebind)
{
	struct question		 q;
	struct rtmsg		 r;
	char			 buf[ANSWER];
	struct nlmsghdr		 n;
	ssize_t			 len;

	ask(&q, p);
	if (send(fd, &q, q.n.nlmsg_len, 0) == -1 ||
	    (len = recv(fd, buf, sizeof(buf), 0)) == -1)
		return -1;
	if ((size_t)len < sizeof(n))
		return -1;
	memcpy(&n, buf, sizeof(n));
	if (n.nlmsg_type == NLMSG_ERROR)
		return 0;
	if (n.nlmsg_type != RTM_NEWROUTE ||
	    (size_t)len < NLMSG_LENGTH(sizeof(r)))
		return -1;
	memcpy(&r, buf + NLMSG_HDRLEN, sizeof(r));
	/*
	 * IP_FREEBIND of IPv4 connects with table local alone, which is one
	 * with main, and called so, until there are rules.
	 */
	return r.rtm_type == RTN_LOCAL && (p->family == AF_INET6 ||
	    !freebind || r.rtm_table == RT_TABLE_LOCAL ||
	    r.rtm_table == RT_TABLE_MAIN);
}

static void
print_way(const struct prefix *p)
{
	char	text[PREFIX_STRLEN];

	prefix_print(p, text);
	if (p->family == AF_INET)
		printf("#	ip route add local %s dev lo\n", text);
	else
		printf("#	ip -6 route add local %s dev lo table %d\n"
		    "#	ip -6 rule add to %s ipproto tcp lookup %d\n", text,
		    TABLE, text, TABLE);
}

/* Its first address stands for a prefix. */
static void
check_source(int fd, const struct conf_listener *l, const struct prefix *p,
    size_t *missing)
{
	struct prefix	first = *p;
	char		text[PREFIX_STRLEN];

	first.plen = prefix_bits(p->family);
	if (p->plen < first.plen)
		first.addr[first.plen / 8 - 1] |= 1;
	if (is_local(fd, &first, !TAILQ_FIRST(&l->routes)->w.transparent) != 0)
		return;
	if ((*missing)++ == 0)
		printf("# Relay server %s: answers do not come back to this "
		    "host without:\n", l->w.name);
	log_warnx("warning: relay server %s: source %s is not local on this "
	    "host", l->w.name, prefix_print(p, text));
	print_way(p);
}

static void
check_listener(int fd, const struct conf_listener *l)
{
	struct conf_relay_client	*c;
	size_t				 missing = 0;
	uint32_t			 i;

	TAILQ_FOREACH(c, &l->relay->clients, entry)
		for (i = 0; i < c->w.n && missing < 100; i++)
			check_source(fd, l, &c->sources[i], &missing);
}

void
relay_routes(const struct conf *c)
{
	struct timeval		 second = { .tv_sec = 1 };
	struct conf_listener	*l;
	int			 fd = -1;

	TAILQ_FOREACH(l, &c->mux.listeners, entry) {
		if (l->w.kind != LISTEN_RELAY_SERVER)
			continue;
		if (fd == -1 && (fd = socket(AF_NETLINK, SOCK_RAW |
		    SOCK_CLOEXEC, NETLINK_ROUTE)) == -1) {
			log_warn("relay: routes cannot be asked for");
			return;
		}
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &second,
		    sizeof(second));
		check_listener(fd, l);
	}
	if (fd != -1)
		close(fd);
}

/*
 * Sockets by sock_diag(7), flows by ctnetlink.  A search reads all sockets a
 * part at a time, so that no turn of the event loop is long; only when a
 * single ban waits the kernel chooses, which is a tenth of the work.
 */
#include <sys/socket.h>

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <linux/inet_diag.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "ask.h"
#include "child.h"
#include "clock.h"
#include "counter.h"
#include "log.h"
#include "never.h"
#include "nl.h"
#include "sockets.h"

#define SEARCH_EVERY	100		/* ms at least between two searches */
#define WANTS_MAX	32768
#define BATCH_MAX	400
#define NEW_SYN_RECV	12		/* <net/tcp_states.h>: half-open */
#define STATES		(1 << TCP_ESTABLISHED | 1 << TCP_SYN_SENT |	\
			 1 << TCP_SYN_RECV | 1 << TCP_FIN_WAIT1 |	\
			 1 << TCP_FIN_WAIT2 | 1 << TCP_CLOSE_WAIT |	\
			 1 << TCP_LAST_ACK | 1 << TCP_CLOSING |		\
			 1 << NEW_SYN_RECV)
#define CT_FILTER_SRC	1		/* CTA_FILTER_ORIG_FLAGS: address */

struct want {
	struct wire_ban	ban;
	uint32_t	client, count;
	int		asked;
};

static struct wants {
	struct want	*list;
	size_t		 n, room;
} waiting, running;

/* Messages that end something, each acknowledged. */
static struct batch {
	struct nl	 nl;
	char		*buf;
	size_t		 len;
	unsigned int	 n;
	struct want	*who[BATCH_MAX];
} kills = { .buf = nl_out }, forgets = { .buf = nl_out + NL_BUFSIZE / 2 };

struct flow {
	struct prefix	src, dst;
	uint16_t	sport, dport;	/* network order */
	uint8_t		proto;
};

static struct nl	 socks, flows, finder;
static struct event	*socks_ready, *flows_ready, *begin;
static struct prefixset	 wanted;	/* of all running, to ask fast */
static mono_t		 last;
static int		 searching;

static void		 search_soon(void);

static int
count_ack(const struct nlmsghdr *h, struct batch *b)
{
	const struct nlmsgerr	*e = mnl_nlmsg_get_payload(h);
	unsigned int		 i = b->n - 1 - (b->nl.seq - h->nlmsg_seq);

	if (h->nlmsg_type != NLMSG_ERROR || i >= b->n)
		return 0;
	if (e->error == 0) {
		b->who[i]->count++;
		if (b == &kills)
			counter_inc(ENF_SOCKETS);
		else
			counter_inc(ENF_CONNTRACK);
	}
	return 1;
}

static void
batch_send(struct batch *b)
{
	const struct nlmsghdr	*h;
	unsigned int		 acks = 0;
	ssize_t			 n;
	int			 left;

	if (b->n > 0 && mnl_socket_sendto(b->nl.sock, b->buf, b->len) == -1)
		b->n = 0;
	while (acks < b->n) {
		n = mnl_socket_recvfrom(b->nl.sock, nl_in, sizeof(nl_in));
		if (n == -1)
			break;
		h = (const void *)nl_in;
		for (left = n; mnl_nlmsg_ok(h, left);
		    h = mnl_nlmsg_next(h, &left))
			acks += count_ack(h, b);
	}
	b->n = b->len = 0;
}

static void
batch_add(struct batch *b, const struct nlmsghdr *h, struct want *w)
{
	b->len += MNL_ALIGN(h->nlmsg_len);
	b->who[b->n++] = w;
}

static void
kill_socket(uint8_t family, const struct inet_diag_sockid *id, struct want *w)
{
	struct inet_diag_req_v2	*r;
	struct nlmsghdr		*h;

	if (kills.n == BATCH_MAX)
		return;
	h = nl_begin(&kills.nl, kills.buf + kills.len, SOCK_DESTROY,
	    NLM_F_ACK);
	r = mnl_nlmsg_put_extra_header(h, sizeof(*r));
	r->sdiag_family = family;
	r->sdiag_protocol = IPPROTO_TCP;
	r->idiag_states = STATES;
	r->id = *id;
	batch_add(&kills, h, w);
}

static int
read_found(const struct nlmsghdr *h, void *arg)
{
	const struct inet_diag_msg	*m = mnl_nlmsg_get_payload(h);

	if (h->nlmsg_type == SOCK_DIAG_BY_FAMILY)
		*(struct inet_diag_msg *)arg = *m;
	return MNL_CB_OK;
}

/*
 * Whatever socket has these two ends.  Where there is none, the kernel finds
 * the one that listens there: it is asked for first, and killed by its cookie.
 */
static void
kill_exact(const struct prefix *own, uint16_t port, const struct prefix *peer,
    uint16_t peer_port, struct want *w)
{
	struct inet_diag_sockid	id = {
		.idiag_sport = port, .idiag_dport = peer_port,
		.idiag_cookie = { INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE }
	};

	struct inet_diag_msg	 found = { .idiag_state = TCP_CLOSE };
	struct inet_diag_req_v2	*r;
	struct nlmsghdr		*h;
	_Alignas(8) char	 buf[1024];
	ssize_t			 n;

	memcpy(id.idiag_src, own->addr, sizeof(id.idiag_src));
	memcpy(id.idiag_dst, peer->addr, sizeof(id.idiag_dst));
	h = nl_begin(&finder, buf, SOCK_DIAG_BY_FAMILY, NLM_F_ACK);
	r = mnl_nlmsg_put_extra_header(h, sizeof(*r));
	r->sdiag_family = peer->family;
	r->sdiag_protocol = IPPROTO_TCP;
	r->idiag_states = STATES;
	r->id = id;
	/* Not into nl_in: a part of a search may be there. */
	if (nl_send(&finder, h) == -1)
		return;
	do {
		n = mnl_socket_recvfrom(finder.sock, buf, sizeof(buf));
	} while (n > 0 && mnl_cb_run(buf, n, finder.seq, finder.port,
	    read_found, &found) > 0);
	if ((STATES >> found.idiag_state & 1) != 0)
		kill_socket(found.idiag_family, &found.id, w);
}

/* The want that a connection falls under; port is ours, in host order. */
static struct want *
wanting(const struct prefix *peer, uint16_t port, uint8_t proto)
{
	struct want	*w;

	if (!prefixset_contains(&wanted, peer))
		return NULL;
	for (w = running.list; w < running.list + running.n; w++) {
		if (prefix_contains(&w->ban.prefix, peer) &&
		    (w->ban.port == 0 || w->ban.port == port) &&
		    (w->ban.proto == 0 || w->ban.proto == proto))
			return w;
	}
	return NULL;
}

/* --- the search --- */

static void
search_end(void)
{
	struct want	*w;

	for (w = running.list; w < running.list + running.n; w++) {
		if (w->asked)
			tell_result(w->client, 0, w->count,
			    "%u connections ended", w->count);
		else if (w->count > 0)
			tell_event(&w->ban, BAN_KILLED, w->count, 0);
	}
	running.n = 0;
	searching = 0;
	last = mono_now();
	if (waiting.n > 0)
		search_soon();
}

/* One direction of a tcp or udp flow: 1, or 0 if it is none. */
static int
read_tuple(const struct nlmsghdr *h, int which, struct flow *f)
{
	const struct nfgenmsg	*nf = mnl_nlmsg_get_payload(h);
	int			 v6 = nf->nfgen_family == AF_INET6 ? 2 : 0;
	const struct nlattr	*src, *dst, *num, *sport, *dport;

#define TUPLE(x, y)	nl_get(h, NL_NF, NL_PATH(which, CTA_TUPLE_##x, y))
	src = TUPLE(IP, CTA_IP_V4_SRC + v6);
	dst = TUPLE(IP, CTA_IP_V4_DST + v6);
	num = TUPLE(PROTO, CTA_PROTO_NUM);
	sport = TUPLE(PROTO, CTA_PROTO_SRC_PORT);
	dport = TUPLE(PROTO, CTA_PROTO_DST_PORT);
	if (src == NULL || dst == NULL || num == NULL || sport == NULL ||
	    dport == NULL)
		return 0;
	memset(f, 0, sizeof(*f));
	f->src.family = f->dst.family = nf->nfgen_family;
	f->src.plen = f->dst.plen = v6 ? 128 : 32;
	memcpy(f->src.addr, mnl_attr_get_payload(src), v6 ? 16 : 4);
	memcpy(f->dst.addr, mnl_attr_get_payload(dst), v6 ? 16 : 4);
	f->proto = mnl_attr_get_u8(num);
	f->sport = mnl_attr_get_u16(sport);
	f->dport = mnl_attr_get_u16(dport);
	return f->proto == IPPROTO_TCP || f->proto == IPPROTO_UDP;
}

static int
read_flow(const struct nlmsghdr *h, UNUSED void *arg)
{
	static const int	 keep[] = { CTA_TUPLE_ORIG, CTA_ID, CTA_ZONE };
	struct flow		 to, back;
	const struct nlattr	*a;
	struct nlmsghdr		*out;
	struct want		*w;
	size_t			 i;

	if (!read_tuple(h, CTA_TUPLE_ORIG, &to) ||
	    !read_tuple(h, CTA_TUPLE_REPLY, &back) || forgets.n == BATCH_MAX ||
	    (w = wanting(&to.src, ntohs(to.dport), to.proto)) == NULL)
		return MNL_CB_OK;
	out = nl_begin_nf(&forgets.nl, forgets.buf + forgets.len,
	    NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_DELETE, NLM_F_ACK,
	    to.src.family);
	for (i = 0; i < sizeof(keep) / sizeof(keep[0]); i++) {
		if ((a = nl_get(h, NL_NF, NL_PATH(keep[i]))) != NULL)
			mnl_attr_put(out, a->nla_type,
			    mnl_attr_get_payload_len(a),
			    mnl_attr_get_payload(a));
	}
	batch_add(&forgets, out, w);
	/* Redirected to another port: only the reply names the socket. */
	if (to.proto == IPPROTO_TCP && to.dport != back.sport)
		kill_exact(&back.src, back.sport, &back.dst, back.dport, w);
	return MNL_CB_OK;
}

static void
on_flows(EVENT_ARGS)
{
	int	 more = nl_read(&flows, read_flow, NULL);

	batch_send(&kills);
	batch_send(&forgets);
	if (more <= 0 && searching)
		search_end();
}

static int
read_count(const struct nlmsghdr *h, void *arg)
{
	*(uint32_t *)arg = nl_be32(nl_get(h, NL_NF,
	    NL_PATH(CTA_STATS_GLOBAL_ENTRIES)));
	return MNL_CB_OK;
}

static void
search_flows(void)
{
	const struct prefix	*p = &running.list[0].ban.prefix;
	struct nlmsghdr		*h;
	struct nlattr		*tuple, *ip;
	uint32_t		 count = 0;
	int			 one = running.n == 1 && prefix_is_host(p);

	h = nl_begin_nf(&flows, nl_out, NFNL_SUBSYS_CTNETLINK,
	    IPCTNL_MSG_CT_GET_STATS, NLM_F_ACK, AF_UNSPEC);
	if (nl_ask(&flows, h, read_count, &count) == -1 || count == 0) {
		search_end();
		return;
	}
	h = nl_begin_nf(&flows, nl_out, NFNL_SUBSYS_CTNETLINK,
	    IPCTNL_MSG_CT_GET, NLM_F_DUMP, one ? p->family : AF_UNSPEC);
	if (one) {
		tuple = mnl_attr_nest_start(h, CTA_TUPLE_ORIG);
		ip = mnl_attr_nest_start(h, CTA_TUPLE_IP);
		mnl_attr_put(h, p->family == AF_INET ? CTA_IP_V4_SRC :
		    CTA_IP_V6_SRC, p->plen / 8, p->addr);
		mnl_attr_nest_end(h, ip);
		mnl_attr_nest_end(h, tuple);
		tuple = mnl_attr_nest_start(h, CTA_FILTER);
		mnl_attr_put_u32(h, CTA_FILTER_ORIG_FLAGS, CT_FILTER_SRC);
		mnl_attr_put_u32(h, CTA_FILTER_REPLY_FLAGS, 0);
		mnl_attr_nest_end(h, tuple);
	}
	if (nl_send(&flows, h) == -1)
		search_end();
}

static int
read_socket(const struct nlmsghdr *h, UNUSED void *arg)
{
	const struct inet_diag_msg	*m = mnl_nlmsg_get_payload(h);
	struct prefix			 peer;
	struct in6_addr			 a;
	struct want			*w;

	memcpy(&a, m->id.idiag_dst, sizeof(a));
	if (m->idiag_family == AF_INET)
		addr_from_in(&peer, (const struct in_addr *)&a);
	else
		addr_from_in6(&peer, &a);
	if ((w = wanting(&peer, ntohs(m->id.idiag_sport), IPPROTO_TCP)) != NULL)
		kill_socket(m->idiag_family, &m->id, w);
	return MNL_CB_OK;
}

static void
on_socks(EVENT_ARGS)
{
	int	 more = nl_read(&socks, read_socket, NULL);

	batch_send(&kills);
	if (more <= 0 && searching)
		search_flows();
}

/* A program for the kernel: the peer is in p (linux/inet_diag.h). */
static void
put_filter(struct nlmsghdr *h, const struct prefix *p)
{
	size_t				 n = prefix_bits(p->family) / 8;
	char				 code[64] = { 0 };
	struct inet_diag_bc_op		*op = (void *)code;
	struct inet_diag_hostcond	*cond = (void *)(op + 1);
	size_t				 len = sizeof(*op) + sizeof(*cond) + n;

	*op = (struct inet_diag_bc_op){ INET_DIAG_BC_D_COND, len, len + 4 };
	cond->family = p->family;
	cond->prefix_len = p->plen;
	cond->port = -1;
	memcpy(cond->addr, p->addr, n);
	mnl_attr_put(h, INET_DIAG_REQ_BYTECODE, len, code);
}

/*
 * Both families in one search: only the older request can ask for that, and
 * v4-mapped peers match a condition on IPv4.
 */
static void
on_begin(EVENT_ARGS)
{
	struct wants		 free_list = running;
	struct inet_diag_req	*r;
	struct nlmsghdr		*h;
	size_t			 i;

	running = waiting;
	waiting = free_list;
	searching = 1;
	prefixset_clear(&wanted);
	for (i = 0; i < running.n; i++) {
		if (prefixset_add(&wanted, &running.list[i].ban.prefix) == -1)
			fatal("sockets: no memory");
	}
	prefixset_build(&wanted);
	h = nl_begin(&socks, nl_out, TCPDIAG_GETSOCK, NLM_F_DUMP);
	r = mnl_nlmsg_put_extra_header(h, sizeof(*r));
	r->idiag_states = STATES;
	if (running.n == 1)
		put_filter(h, &running.list[0].ban.prefix);
	if (nl_send(&socks, h) == -1)
		search_flows();
}

static void
search_soon(void)
{
	span_t		past = mono_since(last, mono_now());
	struct timeval	tv = { 0, 0 };

	if (past < SEARCH_EVERY)
		tv.tv_usec = (SEARCH_EVERY - past) * 1000;
	(void)evtimer_add(begin, &tv);
}

void
sockets_end(const struct wire_ban *ban, const uint32_t *client)
{
	struct want	*w;
	size_t		 i, room;

	if (waiting.n == waiting.room) {
		room = waiting.room == 0 ? 64 : waiting.room * 2;
		if (room > WANTS_MAX || (w = reallocarray(waiting.list, room,
		    sizeof(*w))) == NULL) {
			log_warnx("sockets: too many wait, one is left open");
			return;
		}
		waiting.list = w;
		waiting.room = room;
	}
	w = &waiting.list[waiting.n++];
	*w = (struct want){ .ban = *ban, .asked = client != NULL,
	    .client = client == NULL ? 0 : *client };
	for (i = 0; i < never_own.n && ban->peer_port != 0 &&
	    ban->proto == IPPROTO_TCP; i++) {
		if (never_own.list[i].family == ban->offender.family)
			kill_exact(&never_own.list[i], htons(ban->port),
			    &ban->offender, htons(ban->peer_port), w);
	}
	batch_send(&kills);
	if (!searching && !evtimer_pending(begin, NULL))
		search_soon();
}

int
sockets_open(void)
{
	if (nl_open(&kills.nl, NETLINK_SOCK_DIAG, 0) == -1 ||
	    nl_open(&finder, NETLINK_SOCK_DIAG, 0) == -1 ||
	    nl_open(&socks, NETLINK_SOCK_DIAG, 0) == -1 ||
	    nl_open(&forgets.nl, NETLINK_NETFILTER, 0) == -1 ||
	    nl_open(&flows, NETLINK_NETFILTER, 0) == -1)
		return -1;
	begin = evtimer_new(child_base, on_begin, NULL);
	socks_ready = event_new(child_base, nl_fd(&socks), EV_READ |
	    EV_PERSIST, on_socks, NULL);
	flows_ready = event_new(child_base, nl_fd(&flows), EV_READ |
	    EV_PERSIST, on_flows, NULL);
	return begin == NULL || socks_ready == NULL || flows_ready == NULL ||
	    event_add(socks_ready, NULL) == -1 ||
	    event_add(flows_ready, NULL) == -1 ? -1 : 0;
}

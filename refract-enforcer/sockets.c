/*
 * Sockets by sock_diag(7), flows by ctnetlink.  A search reads all sockets a
 * part at a time, so that no turn of the event loop is long; only when a
 * single ban waits the kernel chooses, which is a tenth of the work.
 */
#include <sys/socket.h>

#include <arpa/inet.h>
#include <event2/event.h>
#include <linux/inet_diag.h>
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
#include "tell.h"
#include "timer.h"

#define SEARCH_EVERY	100	/* ms at least between two searches */
#define WANTS_MAX	32768
#define BATCH_MAX	800
#define NEW_SYN_RECV	12	/* <net/tcp_states.h>: half-open */
#define STATES		(1 << TCP_ESTABLISHED | 1 << TCP_SYN_SENT |	\
			 1 << TCP_SYN_RECV | 1 << TCP_FIN_WAIT1 |	\
			 1 << TCP_FIN_WAIT2 | 1 << TCP_CLOSE_WAIT |	\
			 1 << TCP_LAST_ACK | 1 << TCP_CLOSING |		\
			 1 << NEW_SYN_RECV)
#define CT(command)	NL_TYPE(CTNETLINK, IPCTNL_MSG_CT_##command)

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
	enum counter	 counter;
	unsigned int	 n;
	struct want	*who[BATCH_MAX];
} kills = { .counter = COUNT_ENF_SOCKETS },
forgets = { .counter = COUNT_ENF_CONNTRACK };

static struct nl	 socks, flows, finder;
static struct event	*begin;
static struct prefixset	 wanted;	/* of all running, to ask fast */
static mono_t		 last;
static int		 searching;

static void
batch_add(struct batch *b, const struct nlmsghdr *h, struct want *w)
{
	nl_wait(&b->nl, h);
	b->who[b->n++] = w;
}

static void
batch_send(struct batch *b)
{
	const struct nlmsghdr	*h = (const void *)b->nl.in;
	const struct nlmsgerr	*e = mnl_nlmsg_get_payload(h);
	unsigned int		 i, n = b->n;

	b->n = 0;
	if (n == 0 || nl_send(&b->nl, NULL) == -1)
		return;
	do {
		if (mnl_socket_recvfrom(b->nl.sock, b->nl.in,
		    sizeof(b->nl.in)) == -1)
			return;
		i = n - 1 - (b->nl.seq - h->nlmsg_seq);
		if (h->nlmsg_type != NLMSG_ERROR || i >= n || e->error != 0)
			continue;
		b->who[i]->count++;
		counters[b->counter]++;
	} while (h->nlmsg_seq != b->nl.seq);
}

/*
 * The want that a connection falls under; port is ours, in host order.  Who is
 * protected inside of a banned prefix is spared, as the rules do; an operator
 * who says kill means all.
 */
static struct want *
wanting(const struct prefix *peer, uint16_t port, uint8_t proto)
{
	struct want	*w;
	int		 spared;

	if (!prefixset_contains(&wanted, peer))
		return NULL;
	spared = never_has(peer);
	for (w = running.list; w < running.list + running.n; w++) {
		if ((w->asked || !spared) &&
		    prefix_contains(&w->ban.prefix, peer) &&
		    (w->ban.port == 0 || w->ban.port == port) &&
		    (w->ban.proto == 0 || w->ban.proto == proto))
			return w;
	}
	return NULL;
}

/* A socket that was found: by a search, or for the want in arg. */
static int
read_socket(const struct nlmsghdr *h, void *arg)
{
	const struct inet_diag_msg	*m = mnl_nlmsg_get_payload(h);
	struct want			*w = arg;
	struct prefix			 peer;
	struct in6_addr			 a;
	struct inet_diag_req_v2		*r;

	memcpy(&a, m->id.idiag_dst, sizeof(a));
	if (m->idiag_family == AF_INET)
		addr_from_in(&peer, (const struct in_addr *)&a);
	else
		addr_from_in6(&peer, &a);
	if (w == NULL)
		w = wanting(&peer, ntohs(m->id.idiag_sport), IPPROTO_TCP);
	if (w == NULL || kills.n == BATCH_MAX ||
	    (STATES >> m->idiag_state & 1) == 0)
		return MNL_CB_OK;
	h = nl_begin(&kills.nl, SOCK_DESTROY, NLM_F_ACK, m->idiag_family,
	    sizeof(*r));
	r = mnl_nlmsg_get_payload(h);
	r->sdiag_protocol = IPPROTO_TCP;
	r->idiag_states = STATES;
	r->id = m->id;
	batch_add(&kills, h, w);
	return MNL_CB_OK;
}

/*
 * The socket with these two ends.  It is asked for first and ended by its
 * cookie: where there is none, the kernel finds the one that listens there.
 * Ports are in network order.
 */
static void
kill_exact(const struct prefix *own, uint16_t port, const struct prefix *peer,
    uint16_t peer_port, struct want *w)
{
	struct nlmsghdr		*h = nl_begin(&finder, SOCK_DIAG_BY_FAMILY,
	    NLM_F_ACK, peer->family, sizeof(struct inet_diag_req_v2));
	struct inet_diag_req_v2	*r = mnl_nlmsg_get_payload(h);

	r->sdiag_protocol = IPPROTO_TCP;
	r->idiag_states = STATES;
	r->id.idiag_sport = port;
	r->id.idiag_dport = peer_port;
	memcpy(r->id.idiag_src, own->addr, sizeof(r->id.idiag_src));
	memcpy(r->id.idiag_dst, peer->addr, sizeof(r->id.idiag_dst));
	memset(r->id.idiag_cookie, 0xff, sizeof(r->id.idiag_cookie));
	nl_ask(&finder, h, read_socket, w);
}

/* --- the search --- */

static void
search_soon(void)
{
	timer_set(begin, SEARCH_EVERY - mono_since(last, mono_now()));
}

static void
search_end(void)
{
	struct want	*w;

	for (w = running.list; w < running.list + running.n; w++) {
		if (w->asked)
			tell_outcome(child_channel(ROLE_CONTROL, 0), M_RESULT,
			    w->client, 0, w->count, "%u connection%s ended",
			    w->count, w->count == 1 ? "" : "s");
		else if (w->count > 0)
			tell_event(&w->ban, BAN_KILLED, w->count, 0);
	}
	running.n = 0;
	searching = 0;
	if (waiting.n > 0)
		search_soon();
}

static int
read_flow(const struct nlmsghdr *h, UNUSED void *arg)
{
	static const int	 keep[] = { CTA_TUPLE_ORIG, CTA_ID, CTA_ZONE };
	const struct nfgenmsg	*nf = mnl_nlmsg_get_payload(h);
	struct prefix		 p = { nf->nfgen_family, 0, { 0 } };
	const struct nlattr	*a, *proto, *port;
	struct nlmsghdr		*out;
	struct want		*w = NULL;
	size_t			 i;

#define ORIG(x, y)	nl_get(h, NL_NF, NL_PATH(CTA_TUPLE_ORIG,	\
			    CTA_TUPLE_##x, y))
	a = ORIG(IP, p.family == AF_INET ? CTA_IP_V4_SRC : CTA_IP_V6_SRC);
	proto = ORIG(PROTO, CTA_PROTO_NUM);
	port = ORIG(PROTO, CTA_PROTO_DST_PORT);
	if (a == NULL || proto == NULL || port == NULL ||
	    forgets.n == BATCH_MAX)
		return MNL_CB_OK;
	p.plen = prefix_bits(p.family);
	memcpy(p.addr, mnl_attr_get_payload(a), p.plen / 8);
	if ((w = wanting(&p, ntohs(mnl_attr_get_u16(port)),
	    mnl_attr_get_u8(proto))) == NULL)
		return MNL_CB_OK;
	out = nl_begin(&forgets.nl, CT(DELETE), NLM_F_ACK, p.family,
	    NL_NF);
	for (i = 0; i < sizeof(keep) / sizeof(keep[0]); i++)
		if ((a = nl_get(h, NL_NF, NL_PATH(keep[i]))) != NULL)
			mnl_attr_put(out, a->nla_type,
			    mnl_attr_get_payload_len(a),
			    mnl_attr_get_payload(a));
	batch_add(&forgets, out, w);
	return MNL_CB_OK;
}

static void
on_flows(EVENT_ARGS)
{
	int	 more = nl_read(&flows, read_flow, NULL);

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
on_socks(EVENT_ARGS)
{
	int		 more = nl_read(&socks, read_socket, NULL);
	struct nlmsghdr	*h;
	uint32_t	 count = 0;

	batch_send(&kills);
	if (more > 0 || !searching)
		return;
	h = nl_begin(&flows, CT(GET_STATS), NLM_F_ACK, AF_UNSPEC,
	    NL_NF);
	if (nl_ask(&flows, h, read_count, &count) == -1 || count == 0 ||
	    nl_send(&flows, nl_begin(&flows, CT(GET), NLM_F_DUMP, AF_UNSPEC,
	    NL_NF)) == -1)
		search_end();
}

/* A program for the kernel: the peer is in p (linux/inet_diag.h). */
static void
put_filter(struct nlmsghdr *h, const struct prefix *p)
{
	size_t				 n = prefix_bits(p->family) / 8;
	_Alignas(4) char		 code[64] = { 0 };
	struct inet_diag_bc_op		*op = (void *)code;
	struct inet_diag_hostcond	*cond = (void *)(op + 1);
	size_t				 len = sizeof(*op) + sizeof(*cond) + n;

	*op = (struct inet_diag_bc_op){ INET_DIAG_BC_D_COND, len, len + 4 };
	*cond = (struct inet_diag_hostcond){ .family = p->family,
	    .prefix_len = p->plen, .port = -1 };
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
	struct wants		 spare = running;
	struct inet_diag_req	*r;
	struct nlmsghdr		*h;
	size_t			 i;

	running = waiting;
	waiting = spare;
	searching = 1;
	last = mono_now();
	prefixset_clear(&wanted);
	for (i = 0; i < running.n; i++)
		if (prefixset_add(&wanted, &running.list[i].ban.prefix) == -1)
			fatal("sockets: no memory");
	prefixset_build(&wanted);
	h = nl_begin(&socks, TCPDIAG_GETSOCK, NLM_F_DUMP, AF_UNSPEC,
	    sizeof(*r));
	r = mnl_nlmsg_get_payload(h);
	r->idiag_states = STATES;
	if (running.n == 1)
		put_filter(h, &running.list[0].ban.prefix);
	if (nl_send(&socks, h) == -1)
		search_end();
}

void
sockets_end(const struct wire_ban *ban, const uint32_t *client)
{
	struct want	*w = waiting.list;
	size_t		 i, room = waiting.room == 0 ? 64 : waiting.room * 2;

	if (waiting.n == waiting.room) {
		if (room > WANTS_MAX || (w = reallocarray(w, room,
		    sizeof(*w))) == NULL) {
			log_warnx("sockets: too many bans wait");
			return;
		}
		waiting.list = w;
		waiting.room = room;
	}
	w += waiting.n++;
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

void
sockets_kill(MSG_ARGS)
{
	const struct msg_target	*t = data;
	struct wire_ban		 ban = {
		.prefix = t->prefix, .port = t->port, .proto = t->proto
	};

	if (t->prefix.family == 0)
		tell_outcome(ch, M_RESULT, id, 1, 0, "kill needs an address");
	else
		sockets_end(&ban, &id);
}

int
sockets_open(void)
{
	begin = evtimer_new(child_base, on_begin, NULL);
	return begin == NULL ||
	    nl_open(&kills.nl, NETLINK_SOCK_DIAG, 0, NULL) == -1 ||
	    nl_open(&socks, NETLINK_SOCK_DIAG, 0, on_socks) == -1 ||
	    nl_open(&finder, NETLINK_SOCK_DIAG, 0, NULL) == -1 ||
	    nl_open(&forgets.nl, NETLINK_NETFILTER, 0, NULL) == -1 ||
	    nl_open(&flows, NETLINK_NETFILTER, 0, on_flows) == -1 ? -1 : 0;
}

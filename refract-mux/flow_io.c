/*
 * Datagrams in, many with one call: what came for one flow goes on at once,
 * and an answer leaves from the address that the client spoke to.  Of a flow
 * that gets many answers at once the kernel is asked to give runs of them as
 * one (UDP_GRO), which go on as they are.
 */
#include <sys/socket.h>
#include <sys/uio.h>

#include <netinet/in.h>
#include <netinet/udp.h>

#include <errno.h>
#include <string.h>

#include "access.h"
#include "flow.h"
#include "flow_out.h"
#include "header.h"
#include "log.h"
#include "poller.h"
#include "tap.h"

#define BATCH		FLOW_BATCH
#define TURNS		8		/* then others have their turn */
#define DATAGRAM	65536
#define APART		192		/* or all begin in one cache set */
#define MANY		4		/* answers: there may be runs */
#define TELL		(1024 * 1024)	/* bytes until they are counted */

struct arrival {
	struct flow_key	key;
	uint32_t	ifindex;
	struct datagram	d;
	uint16_t	next;		/* of its flow: +1, or 0 */
	uint8_t		bad;
};

static uint8_t		buffers[BATCH][DATAGRAM + APART];
static struct mmsghdr	in[BATCH];
static struct iovec	in_iov[BATCH];
static struct sockaddr_storage names[BATCH];
static union {
	struct cmsghdr	align;
	uint8_t		bytes[CMSG_SPACE(sizeof(struct in6_pktinfo)) +
			    CMSG_SPACE(sizeof(struct in_pktinfo)) +
			    CMSG_SPACE(sizeof(int))];
} controls[BATCH];
static struct arrival	arrivals[BATCH];

/* As recvmmsg(2); f NULL: of a socket that clients speak to. */
static int
receive(int fd, const struct flow *f)
{
	struct msghdr	*h;
	int		 i;

	for (i = 0; i < BATCH; i++) {
		in_iov[i] = (struct iovec){ buffers[i], DATAGRAM };
		h = &in[i].msg_hdr;
		memset(h, 0, sizeof(*h));
		h->msg_iov = &in_iov[i];
		h->msg_iovlen = 1;
		if (f == NULL) {
			h->msg_name = &names[i];
			h->msg_namelen = sizeof(names[i]);
		}
		if (f == NULL || f->takes_runs) {
			h->msg_control = &controls[i];
			h->msg_controllen = sizeof(controls[i]);
		}
	}
	return recvmmsg(fd, in, BATCH, MSG_DONTWAIT, NULL);
}

/* What came i-th: its bytes, and whether it is a run. */
static struct datagram
received(int i)
{
	struct datagram	 d = { .p = buffers[i], .n = in[i].msg_len };
	struct msghdr	*h = &in[i].msg_hdr;
	struct cmsghdr	*c;
	int		 size = 0;

	for (c = h->msg_control == NULL ? NULL : CMSG_FIRSTHDR(h); c != NULL;
	    c = CMSG_NXTHDR(h, c))
		if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_GRO)
			memcpy(&size, CMSG_DATA(c), sizeof(size));
	if (size > 0 && (size_t)size < d.n)
		d.size = (size_t)size;
	return d;
}

static void
count(struct conn *c, enum way way, size_t n)
{
	c->bytes[way] += n;
	if (c->bytes[way] - c->told[way] >= TELL)
		conn_add_bytes(c);
}

/* To the member. */

static void
from_client(struct flow *f, const struct datagram *all)
{
	struct datagram	d;
	size_t		at = 0;

	count(&f->c, WAY_IN, all->n);
	while (datagram_next(all, &at, &d)) {
		tap_bytes(&f->c, WAY_IN, d.p, d.n);
		roam_confirm(f, &d);
	}
}

/* Whose flow it is, in front of its first datagram. */
static struct datagram
with_header(struct flow *f, const struct datagram *d)
{
	static uint8_t	buf[PROXY_MAX + DATAGRAM];
	size_t		n = header_write(&f->c, buf);

	f->is_told = 1;
	memcpy(buf + n, d->p, d->n);
	return (struct datagram){ .p = buf, .n = n + d->n };
}

int
flow_send(struct flow *f, const struct datagram *list, unsigned int n)
{
	struct out	o = { .fd = f->c.server.fd,
			    .alone = &f->alone[WAY_IN] };
	struct datagram	first;
	unsigned int	i;

	for (i = 0; i < n; i++)
		from_client(f, &list[i]);
	flow_touch(f);
	if (f->c.r->w->proxy != 0 && !f->is_told) {
		first = with_header(f, list);
		out_send(&o, &first, 1);
		list++;
		n--;
	}
	if (out_send(&o, list, n) != OUT_NOBODY)
		return 0;
	flow_refused(f, errno);
	return -1;
}

static void
send_chain(struct flow *f)
{
	static struct datagram	list[BATCH];
	unsigned int		i, n = 0;

	for (i = f->chain; i != 0; i = arrivals[i - 1].next)
		list[n++] = arrivals[i - 1].d;
	f->chain = f->chain_end = 0;
	flow_send(f, list, n);
}

/* From clients. */

static int
local_address(struct prefix *to, uint32_t *ifindex, struct msghdr *h)
{
	struct in6_pktinfo	six;
	struct in_pktinfo	four;
	struct cmsghdr		*c;

	for (c = CMSG_FIRSTHDR(h); c != NULL; c = CMSG_NXTHDR(h, c)) {
		if (c->cmsg_level == IPPROTO_IP &&
		    c->cmsg_type == IP_PKTINFO) {
			memcpy(&four, CMSG_DATA(c), sizeof(four));
			addr_from_in(to, &four.ipi_addr);
			*ifindex = 0;
			return 0;
		}
		if (c->cmsg_level == IPPROTO_IPV6 &&
		    c->cmsg_type == IPV6_PKTINFO) {
			memcpy(&six, CMSG_DATA(c), sizeof(six));
			addr_from_in6(to, &six.ipi6_addr);
			*ifindex = six.ipi6_ifindex;
			return 0;
		}
	}
	return -1;
}

static void
parse(struct arrival *m, struct dsock *s, int i)
{
	memset(m, 0, sizeof(*m));
	m->d = received(i);
	m->key.bind = (uint16_t)s->bind;
	m->bad = addr_from_sockaddr(&m->key.from,
	    (struct sockaddr *)&names[i], &m->key.port) == -1 ||
	    m->key.port == 0 ||
	    local_address(&m->key.to, &m->ifindex, &in[i].msg_hdr) == -1;
}

/* It waits with the others of its flow. */
static void
chain(struct flow *f, unsigned int i)
{
	if (f->chain == 0)
		f->chain = (uint16_t)(i + 1);
	else
		arrivals[f->chain_end - 1].next = (uint16_t)(i + 1);
	f->chain_end = (uint16_t)(i + 1);
	arrivals[i].bad = 1;		/* it is seen to */
}

/* Of no flow, or of one that is not decided: each datagram for itself. */
static void
each(struct dsock *s, struct listener *l, const struct wire_bind *b,
    const struct arrival *m)
{
	struct datagram	 d;
	struct flow	*f;
	size_t		 at = 0;

	while (datagram_next(&m->d, &at, &d)) {
		if ((f = flow_find(&m->key)) == NULL) {
			if (l != NULL)
				flow_begin(s, l, b, &m->key, m->ifindex, &d);
		} else if (f->c.state == CONN_RELAY)
			flow_send(f, &d, 1);
		else
			flow_more(f, &d);
	}
}

/* Whose flow goes on first: new ones may end any. */
static void
batch(struct dsock *s, struct listener *l, const struct wire_bind *b,
    unsigned int n)
{
	struct flow	*touched[BATCH], *f;
	unsigned int	 i, k = 0;

	for (i = 0; i < n; i++) {
		parse(&arrivals[i], s, (int)i);
		if (arrivals[i].bad ||
		    (f = flow_find(&arrivals[i].key)) == NULL ||
		    f->c.state != CONN_RELAY)
			continue;
		if (f->chain == 0)
			touched[k++] = f;
		chain(f, i);
	}
	for (i = 0; i < k; i++)
		send_chain(touched[i]);
	for (i = 0; i < n; i++)
		if (!arrivals[i].bad)
			each(s, l, b, &arrivals[i]);
}

void
flow_receive(struct dsock *s, struct listener *l, const struct wire_bind *b)
{
	int	i, n;

	for (i = 0; i < TURNS; i++) {
		if ((n = receive(s->fd, NULL)) <= 0) {
			if (n == -1 && errno != EAGAIN && errno != EINTR)
				log_debug("datagrams: %s", strerror(errno));
			return;
		}
		batch(s, l, b, (unsigned int)n);
		if (n < BATCH)
			return;
	}
}

/* To the client. */

static socklen_t
client_name(const struct flow *f, struct sockaddr_storage *ss)
{
	struct sockaddr_in	*four = (struct sockaddr_in *)ss;
	struct sockaddr_in6	*six = (struct sockaddr_in6 *)ss;

	memset(ss, 0, sizeof(*six));
	ss->ss_family = f->c.from.family;
	if (f->c.from.family == AF_INET) {
		four->sin_port = htons(f->c.from_port);
		memcpy(&four->sin_addr, f->c.from.addr,
		    sizeof(four->sin_addr));
		return sizeof(*four);
	}
	six->sin6_port = htons(f->c.from_port);
	memcpy(&six->sin6_addr, f->c.from.addr, sizeof(six->sin6_addr));
	six->sin6_scope_id = f->ifindex;
	return sizeof(*six);
}

static size_t
put_control(void *buf, int level, int type, const void *info, size_t n)
{
	struct cmsghdr	*c = buf;

	c->cmsg_level = level;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(n);
	memcpy(CMSG_DATA(c), info, n);
	return CMSG_SPACE(n);
}

/* From the address that it spoke to. */
static size_t
source_control(const struct flow *f, void *buf)
{
	struct in6_pktinfo	six = { .ipi6_ifindex = f->ifindex };
	struct in_pktinfo	four = { .ipi_ifindex = 0 };

	memset(buf, 0, OUT_CONTROL);
	if (f->c.to.family == AF_INET) {
		memcpy(&four.ipi_spec_dst, f->c.to.addr,
		    sizeof(four.ipi_spec_dst));
		return put_control(buf, IPPROTO_IP, IP_PKTINFO, &four,
		    sizeof(four));
	}
	memcpy(&six.ipi6_addr, f->c.to.addr, sizeof(six.ipi6_addr));
	return put_control(buf, IPPROTO_IPV6, IPV6_PKTINFO, &six,
	    sizeof(six));
}

void
flow_answer(struct flow *f, const struct datagram *list, unsigned int n)
{
	static struct sockaddr_storage	 name;
	static union {
		struct cmsghdr	align;
		uint8_t		bytes[OUT_CONTROL];
	}				 control;
	struct out			 o = { .fd = f->s->fd, .name = &name,
					    .control = &control,
					    .alone = &f->alone[WAY_OUT] };

	o.name_len = client_name(f, &name);
	o.control_len = source_control(f, &control);
	out_send(&o, list, n);
}

static void
first_answer(struct flow *f)
{
	struct conn	*c = &f->c;
	uint64_t	 us = mux_now_us() - c->began_connect;

	f->answered = 1;
	c->first_byte = 1;
	hist_add(&c->r->shared->first, us);
	hist_add(&c->m->shared->first, us);
	if (member_connected(c->m))
		access_member(c->m, 0);
}

static void
from_member(struct flow *f, const struct datagram *all)
{
	struct datagram	d;
	size_t		at = 0;

	count(&f->c, WAY_OUT, all->n);
	while (datagram_next(all, &at, &d)) {
		tap_bytes(&f->c, WAY_OUT, d.p, d.n);
		roam_learn(f, &d);
	}
}

/* It gets many at once: from now on the kernel may give runs of them. */
static void
take_runs(struct flow *f)
{
	int	on = 1;

	f->takes_runs = 1;
	if (flow_runs)
		setsockopt(f->c.server.fd, IPPROTO_UDP, UDP_GRO, &on,
		    sizeof(on));
}

static void
answers(struct flow *f, unsigned int n)
{
	static struct datagram	list[BATCH];
	unsigned int		i;

	if (!f->answered)
		first_answer(f);
	if (n >= MANY && !f->takes_runs)
		take_runs(f);
	for (i = 0; i < n; i++) {
		list[i] = received((int)i);
		from_member(f, &list[i]);
	}
	flow_touch(f);
	flow_answer(f, list, n);
}

void
flow_event(struct conn *c)
{
	struct flow	*f = (struct flow *)(void *)c;
	int		 i, n;

	if (c->state != CONN_RELAY)
		return;
	for (i = 0; i < TURNS; i++) {
		if ((n = receive(c->server.fd, f)) > 0) {
			answers(f, (unsigned int)n);
			if (n < BATCH && !c->server.broken)
				return;
		} else if (n == -1 && out_judge(errno) == OUT_NOBODY) {
			flow_refused(f, errno);
			return;
		} else if (n == 0 || errno == EAGAIN) {
			c->server.broken = 0;
			return;
		}
	}
	poller_again(&c->server, 0);
}

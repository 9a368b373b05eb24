/*
 * Datagrams, many with one call: what came for one flow goes on at once, and
 * an answer leaves from the address that the client spoke to.  What a socket
 * does not take is lost, as everywhere on its way.
 */
#include <sys/socket.h>
#include <sys/uio.h>

#include <netinet/in.h>

#include <errno.h>
#include <string.h>

#include "access.h"
#include "flow.h"
#include "log.h"
#include "poller.h"
#include "tap.h"

#define BATCH		32
#define TURNS		8		/* then others have their turn */
#define DATAGRAM	65536
#define TELL		(1024 * 1024)	/* bytes until they are counted */

struct arrival {
	struct flow_key	key;
	uint32_t	ifindex;
	struct datagram	d;
	uint16_t	next;		/* of its flow: +1, or 0 */
	uint8_t		bad;
};

static uint8_t		buffers[BATCH][DATAGRAM];
static struct mmsghdr	in[BATCH], out[BATCH];
static struct iovec	in_iov[BATCH], out_iov[BATCH];
static struct sockaddr_storage names[BATCH];
static union {
	struct cmsghdr	align;
	uint8_t		bytes[CMSG_SPACE(sizeof(struct in6_pktinfo)) +
			    CMSG_SPACE(sizeof(struct in_pktinfo))];
} controls[BATCH];
static struct arrival	arrivals[BATCH];

/* n: as recvmmsg(2). */
static int
receive(int fd, int with_names)
{
	int	i;

	for (i = 0; i < BATCH; i++) {
		in_iov[i] = (struct iovec){ buffers[i], DATAGRAM };
		memset(&in[i], 0, sizeof(in[i]));
		in[i].msg_hdr.msg_iov = &in_iov[i];
		in[i].msg_hdr.msg_iovlen = 1;
		if (!with_names)
			continue;
		in[i].msg_hdr.msg_name = &names[i];
		in[i].msg_hdr.msg_namelen = sizeof(names[i]);
		in[i].msg_hdr.msg_control = &controls[i];
		in[i].msg_hdr.msg_controllen = sizeof(controls[i]);
	}
	return recvmmsg(fd, in, BATCH, MSG_DONTWAIT, NULL);
}

static void
count(struct conn *c, enum way way, size_t n)
{
	c->bytes[way] += n;
	if (c->bytes[way] - c->told[way] >= TELL)
		conn_add_bytes(c);
}

/* To the member. */

/* 1: this one is lost, 0: all of them are, -1: nobody is there. */
static int
judge(int error)
{
	switch (error) {
	case ECONNREFUSED:
	case EHOSTDOWN:
	case EHOSTUNREACH:
	case ENETDOWN:
	case ENETUNREACH:
	case EPROTO:
		return -1;
	case EAGAIN:
	case ENOBUFS:
	case ENOMEM:
		return 0;
	}
	return 1;
}

/* out[], at most BATCH: as flow_send(). */
static int
send_out(struct flow *f, unsigned int n)
{
	unsigned int	at = 0;
	int		k;

	while (at < n) {
		k = sendmmsg(f->c.server.fd, out + at, n - at,
		    MSG_DONTWAIT | MSG_NOSIGNAL);
		if (k > 0) {
			at += (unsigned int)k;
			continue;
		}
		switch (judge(errno)) {
		case -1:
			flow_refused(f, errno);
			return -1;
		case 0:
			return 0;
		}
		at++;
	}
	return 0;
}

static void
fill_out(unsigned int i, const struct datagram *d)
{
	union {
		const uint8_t	*in;
		void		*out;
	} p = { .in = d->p };

	out_iov[i] = (struct iovec){ p.out, d->n };
	memset(&out[i], 0, sizeof(out[i]));
	out[i].msg_hdr.msg_iov = &out_iov[i];
	out[i].msg_hdr.msg_iovlen = 1;
}

static void
from_client(struct flow *f, const struct datagram *d)
{
	count(&f->c, WAY_IN, d->n);
	tap_bytes(&f->c, WAY_IN, d->p, d->n);
	roam_confirm(f, d);
}

int
flow_send(struct flow *f, const struct datagram *list, unsigned int n)
{
	unsigned int	i;

	for (i = 0; i < n && i < BATCH; i++) {
		from_client(f, &list[i]);
		fill_out(i, &list[i]);
	}
	flow_touch(f);
	return send_out(f, i);
}

static void
send_chain(struct flow *f)
{
	unsigned int	i, n = 0;

	for (i = f->chain; i != 0; i = arrivals[i - 1].next) {
		from_client(f, &arrivals[i - 1].d);
		fill_out(n++, &arrivals[i - 1].d);
	}
	f->chain = f->chain_end = 0;
	flow_touch(f);
	send_out(f, n);
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
	m->d = (struct datagram){ buffers[i], in[i].msg_len };
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
	for (i = 0; i < n; i++) {
		if (arrivals[i].bad)
			continue;
		if ((f = flow_find(&arrivals[i].key)) == NULL) {
			if (l != NULL)
				flow_begin(s, l, b, &arrivals[i].key,
				    arrivals[i].ifindex, &arrivals[i].d);
		} else if (f->c.state == CONN_RELAY)
			flow_send(f, &arrivals[i].d, 1);
		else
			flow_more(f, &arrivals[i].d);
	}
}

void
flow_receive(struct dsock *s, struct listener *l, const struct wire_bind *b)
{
	int	i, n;

	for (i = 0; i < TURNS; i++) {
		if ((n = receive(s->fd, 1)) <= 0) {
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

static void
put_control(struct msghdr *h, int level, int type, const void *info, size_t n)
{
	struct cmsghdr	*c;

	h->msg_controllen = CMSG_SPACE(n);
	c = CMSG_FIRSTHDR(h);
	c->cmsg_level = level;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(n);
	memcpy(CMSG_DATA(c), info, n);
}

/* From the address that it spoke to. */
static void
source_control(const struct flow *f, struct msghdr *h)
{
	struct in6_pktinfo	six = { .ipi6_ifindex = f->ifindex };
	struct in_pktinfo	four = { .ipi_ifindex = 0 };

	memset(&controls[0], 0, sizeof(controls[0]));
	h->msg_control = &controls[0];
	h->msg_controllen = sizeof(controls[0]);
	if (f->c.to.family == AF_INET) {
		memcpy(&four.ipi_spec_dst, f->c.to.addr,
		    sizeof(four.ipi_spec_dst));
		put_control(h, IPPROTO_IP, IP_PKTINFO, &four, sizeof(four));
	} else {
		memcpy(&six.ipi6_addr, f->c.to.addr, sizeof(six.ipi6_addr));
		put_control(h, IPPROTO_IPV6, IPV6_PKTINFO, &six, sizeof(six));
	}
}

void
flow_answer(struct flow *f, const struct datagram *list, unsigned int n)
{
	struct sockaddr_storage	ss;
	struct msghdr		h;
	unsigned int		i, at = 0;
	int			k;

	memset(&h, 0, sizeof(h));
	h.msg_name = &ss;
	h.msg_namelen = client_name(f, &ss);
	source_control(f, &h);
	for (i = 0; i < n && i < BATCH; i++) {
		fill_out(i, &list[i]);
		h.msg_iov = &out_iov[i];
		h.msg_iovlen = 1;
		out[i].msg_hdr = h;
	}
	for (n = i; at < n; at += (unsigned int)k) {
		k = sendmmsg(f->s->fd, out + at, n - at,
		    MSG_DONTWAIT | MSG_NOSIGNAL);
		if (k <= 0 && judge(errno) == 0)
			break;
		if (k <= 0)
			k = 1;
	}
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
from_server(struct flow *f, unsigned int n)
{
	static struct datagram	list[BATCH];
	unsigned int		i;

	if (!f->answered)
		first_answer(f);
	for (i = 0; i < n; i++) {
		list[i] = (struct datagram){ buffers[i], in[i].msg_len };
		count(&f->c, WAY_OUT, list[i].n);
		tap_bytes(&f->c, WAY_OUT, list[i].p, list[i].n);
		roam_learn(f, &list[i]);
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
		if ((n = receive(c->server.fd, 0)) > 0) {
			from_server(f, (unsigned int)n);
			if (n < BATCH && !c->server.broken)
				return;
		} else if (n == -1 && judge(errno) == -1) {
			flow_refused(f, errno);
			return;
		} else if (n == 0 || errno == EAGAIN) {
			c->server.broken = 0;
			return;
		}
	}
	poller_again(&c->server, 0);
}

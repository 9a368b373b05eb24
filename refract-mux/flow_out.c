/*
 * Datagrams out.  What a socket does not take is lost, as everywhere on their
 * way.  Those of one size that follow each other, the last may be shorter, go
 * to the kernel as a run (UDP_SEGMENT), which it takes apart as late as it
 * can: a transfer then costs a third of what it does one by one.  What cannot
 * go so (a packet too large for the path, a device that computes no sums) goes
 * alone, and so does all that its flow sends later.
 */
#include <sys/socket.h>
#include <sys/uio.h>

#include <netinet/in.h>
#include <netinet/udp.h>

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "flow.h"
#include "flow_out.h"

#define RUN_BYTES	65000	/* what fits into one, with its headers */
#define SEGMENTS_MAX	64	/* UDP_MAX_SEGMENTS; newer kernels take more */

/* A message: datagrams of the list from `first` on. */
struct run {
	unsigned int	first, count;	/* count: of datagrams on their way */
	size_t		bytes, size;
};

static struct mmsghdr	msgs[FLOW_BATCH];
static struct iovec	iovs[FLOW_BATCH];
static struct run	runs[FLOW_BATCH];
static union {
	struct cmsghdr	align;
	uint8_t		bytes[OUT_CONTROL + CMSG_SPACE(sizeof(uint16_t))];
} controls[FLOW_BATCH];

enum out_status
out_judge(int error)
{
	switch (error) {
	case ECONNREFUSED:
	case EHOSTDOWN:
	case EHOSTUNREACH:
	case ENETDOWN:
	case ENETUNREACH:
	case EPROTO:
		return OUT_NOBODY;
	case EAGAIN:
	case ENOBUFS:
	case ENOMEM:
		return OUT_FULL;
	}
	return OUT_LOST;
}

int
datagram_next(const struct datagram *all, size_t *at, struct datagram *one)
{
	if (*at > 0 && *at >= all->n)
		return 0;
	*one = (struct datagram){ .p = all->p + *at, .n = all->n - *at };
	if (all->size != 0 && all->size < one->n)
		one->n = all->size;
	*at += one->n == 0 ? 1 : one->n;
	return 1;
}

static size_t
size_of(const struct datagram *d)
{
	return d->size == 0 ? d->n : d->size;
}

static unsigned int
count_of(const struct datagram *d)
{
	return d->size == 0 ? 1 :
	    (unsigned int)((d->n + d->size - 1) / d->size);
}

static int
joins(const struct run *r, const struct datagram *d)
{
	unsigned int	n = count_of(d);

	return d->n > 0 && r->bytes == r->count * r->size &&
	    (size_of(d) == r->size || (n == 1 && d->n < r->size)) &&
	    r->count + n <= SEGMENTS_MAX && r->bytes + d->n <= RUN_BYTES;
}

/* sendmmsg(2) does not write to what it is told. */
static void *
unconst(const void *p)
{
	union {
		const void	*in;
		void		*out;
	} u = { .in = p };

	return u.out;
}

static void
head(struct msghdr *h, const struct out *o, struct iovec *iov)
{
	memset(h, 0, sizeof(*h));
	h->msg_name = unconst(o->name);
	h->msg_namelen = o->name_len;
	h->msg_control = o->control_len == 0 ? NULL : unconst(o->control);
	h->msg_controllen = o->control_len;
	h->msg_iov = iov;
	h->msg_iovlen = 1;
}

/* It is a run: how long each of its datagrams is. */
static void
say_size(const struct out *o, unsigned int k)
{
	struct msghdr	*h = &msgs[k].msg_hdr;
	uint16_t	 size = (uint16_t)runs[k].size;
	struct cmsghdr	*c;

	memset(&controls[k], 0, sizeof(controls[k]));
	if (o->control_len > 0)
		memcpy(&controls[k], o->control, o->control_len);
	c = (struct cmsghdr *)(void *)(controls[k].bytes + o->control_len);
	c->cmsg_level = IPPROTO_UDP;
	c->cmsg_type = UDP_SEGMENT;
	c->cmsg_len = CMSG_LEN(sizeof(size));
	memcpy(CMSG_DATA(c), &size, sizeof(size));
	h->msg_control = &controls[k];
	h->msg_controllen = o->control_len + CMSG_SPACE(sizeof(size));
}

/* How many messages the list is. */
static unsigned int
fill(const struct out *o, const struct datagram *list, unsigned int n)
{
	unsigned int	i, k = 0;

	for (i = 0; i < n; i++) {
		iovs[i] = (struct iovec){ unconst(list[i].p), list[i].n };
		if (k > 0 && flow_runs && joins(&runs[k - 1], &list[i])) {
			msgs[k - 1].msg_hdr.msg_iovlen++;
			runs[k - 1].count += count_of(&list[i]);
			runs[k - 1].bytes += list[i].n;
			continue;
		}
		head(&msgs[k].msg_hdr, o, &iovs[i]);
		runs[k++] = (struct run){ i, count_of(&list[i]), list[i].n,
		    size_of(&list[i]) };
	}
	for (i = 0; i < k; i++)
		if (runs[i].count > 1)
			say_size(o, i);
	return k;
}

/* One by one: 0, or -1 and errno: there is no point in going on. */
static int
send_alone(const struct out *o, const struct datagram *list, unsigned int n)
{
	struct datagram	d;
	struct msghdr	h;
	struct iovec	iov;
	unsigned int	i;
	size_t		at;

	head(&h, o, &iov);
	for (i = 0; i < n; i++)
		for (at = 0; datagram_next(&list[i], &at, &d);) {
			iov = (struct iovec){ unconst(d.p), d.n };
			if (sendmsg(o->fd, &h, MSG_DONTWAIT | MSG_NOSIGNAL) ==
			    -1 && out_judge(errno) != OUT_LOST)
				return -1;
		}
	return 0;
}

/* Of messages from k on: how many have gone, or are lost; -1 and errno. */
static int
send_some(const struct out *o, const struct datagram *list, unsigned int k,
    unsigned int n)
{
	int	sent;

	sent = sendmmsg(o->fd, msgs + k, n - k, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sent > 0)
		return sent;
	if (sent == -1 && out_judge(errno) != OUT_LOST)
		return -1;
	if (runs[k].count == 1)
		return 1;
	*o->alone = 1;
	return send_alone(o, list + runs[k].first,
	    (unsigned int)msgs[k].msg_hdr.msg_iovlen) == -1 ? -1 : 1;
}

enum out_status
out_send(const struct out *o, const struct datagram *list, unsigned int n)
{
	unsigned int	k, at = 0;
	int		sent;

	if (n > FLOW_BATCH)
		n = FLOW_BATCH;
	if (*o->alone)
		return send_alone(o, list, n) == -1 ? out_judge(errno) :
		    OUT_SENT;
	for (k = fill(o, list, n); at < k; at += (unsigned int)sent)
		if ((sent = send_some(o, list, at, k)) == -1)
			return out_judge(errno);
	return OUT_SENT;
}

/*
 * Netlink sockets.  What a message means is not known here.
 */
#include <sys/socket.h>
#include <sys/time.h>

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>

#include "child.h"
#include "nl.h"

int
nl_open(struct nl *nl, int bus, unsigned int groups,
    void (*ready)(int, short, void *))
{
	/* An answer is only missing if the kernel had no memory for it. */
	static const struct timeval limit = { .tv_sec = 2 };
	struct event	*ev;
	int		 size = 1024 * 1024, fd;

	if ((nl->sock = mnl_socket_open2(bus, SOCK_CLOEXEC)) == NULL ||
	    mnl_socket_bind(nl->sock, groups, MNL_SOCKET_AUTOPID) == -1)
		return -1;
	fd = mnl_socket_get_fd(nl->sock);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	/* What comes to a group has others' numbers. */
	nl->port = groups != 0 ? 0 : mnl_socket_get_portid(nl->sock);
	return ready != NULL && ((ev = event_new(child_base, fd, EV_READ |
	    EV_PERSIST, ready, NULL)) == NULL || event_add(ev, NULL) == -1) ?
	    -1 : 0;
}

struct nlmsghdr *
nl_begin(struct nl *nl, int type, int flags, int family, size_t size)
{
	struct nlmsghdr	*h = mnl_nlmsg_put_header(nl->out + nl->len);

	h->nlmsg_type = type;
	h->nlmsg_flags = NLM_F_REQUEST | flags;
	h->nlmsg_seq = ++nl->seq;
	*(uint8_t *)mnl_nlmsg_put_extra_header(h, size) = family;
	return h;
}

void
nl_wait(struct nl *nl, const struct nlmsghdr *h)
{
	nl->len += MNL_ALIGN(h->nlmsg_len);
}

int
nl_send(struct nl *nl, const struct nlmsghdr *last)
{
	size_t	 len = nl->len + (last == NULL ? 0 : last->nlmsg_len);

	nl->len = 0;
	return mnl_socket_sendto(nl->sock, nl->out, len) == -1 ? -1 : 0;
}

int
nl_read(struct nl *nl, mnl_cb_t cb, void *arg)
{
	ssize_t	 n = mnl_socket_recvfrom(nl->sock, nl->in, sizeof(nl->in));

	return n == -1 ? -1 : mnl_cb_run(nl->in, n, nl->port == 0 ? 0 :
	    nl->seq, nl->port, cb, arg);
}

int
nl_ask(struct nl *nl, const struct nlmsghdr *h, mnl_cb_t cb, void *arg)
{
	int	 n;

	if (nl_send(nl, h) == -1)
		return -1;
	/* EPROTO: the answer to a question before, which was given up. */
	do
		n = nl_read(nl, cb, arg);
	while (n > 0 || (n == -1 && errno == EPROTO));
	return n;
}

const struct nlattr *
nl_find(const void *p, size_t len, const int *path)
{
	const struct nlattr	*a;
	const char		*end = (const char *)p + len;

	for (a = p; mnl_attr_ok(a, end - (const char *)a); a = mnl_attr_next(a))
		if (mnl_attr_get_type(a) == *path)
			return path[1] == 0 ? a : nl_find(
			    mnl_attr_get_payload(a),
			    mnl_attr_get_payload_len(a), path + 1);
	return NULL;
}

const struct nlattr *
nl_get(const struct nlmsghdr *h, size_t skip, const int *path)
{
	size_t	 len = mnl_nlmsg_get_payload_len(h);

	return len <= skip ? NULL : nl_find((const char *)h + NLMSG_HDRLEN +
	    skip, len - skip, path);
}

uint32_t
nl_be32(const struct nlattr *a)
{
	return a == NULL ? 0 : ntohl(mnl_attr_get_u32(a));
}

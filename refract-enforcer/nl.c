/*
 * Netlink sockets.  What a message means is not known here.
 */
#include <sys/socket.h>
#include <sys/time.h>

#include <arpa/inet.h>
#include <linux/netfilter/nfnetlink.h>

#include "nl.h"

char	 nl_out[NL_BUFSIZE], nl_in[NL_BUFSIZE];

int
nl_open(struct nl *nl, int bus, unsigned int groups)
{
	/* An answer is only missing if the kernel had no memory for it. */
	static const struct timeval limit = { .tv_sec = 2 };
	int	 size = 1024 * 1024, fd;

	if ((nl->sock = mnl_socket_open2(bus, SOCK_CLOEXEC)) == NULL ||
	    mnl_socket_bind(nl->sock, groups, MNL_SOCKET_AUTOPID) == -1)
		return -1;
	fd = nl_fd(nl);
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	nl->port = mnl_socket_get_portid(nl->sock);
	return 0;
}

int
nl_fd(const struct nl *nl)
{
	return mnl_socket_get_fd(nl->sock);
}

struct nlmsghdr *
nl_begin(struct nl *nl, void *at, int type, int flags)
{
	struct nlmsghdr	*h = mnl_nlmsg_put_header(at);

	h->nlmsg_type = type;
	h->nlmsg_flags = NLM_F_REQUEST | flags;
	h->nlmsg_seq = ++nl->seq;
	return h;
}

struct nlmsghdr *
nl_begin_nf(struct nl *nl, void *at, int subsys, int cmd, int flags,
    int family)
{
	struct nlmsghdr	*h = nl_begin(nl, at, subsys << 8 | cmd, flags);
	struct nfgenmsg	*nf = mnl_nlmsg_put_extra_header(h, sizeof(*nf));

	nf->nfgen_family = family;
	nf->version = NFNETLINK_V0;
	return h;
}

int
nl_send(struct nl *nl, const struct nlmsghdr *h)
{
	return mnl_socket_sendto(nl->sock, h, h->nlmsg_len) == -1 ? -1 : 0;
}

int
nl_read(struct nl *nl, mnl_cb_t cb, void *arg)
{
	ssize_t	 n;

	if ((n = mnl_socket_recvfrom(nl->sock, nl_in, sizeof(nl_in))) == -1)
		return -1;
	int rr= mnl_cb_run(nl_in, n, nl->seq, nl->port, cb, arg);return rr;
}

int
nl_ask(struct nl *nl, const struct nlmsghdr *h, mnl_cb_t cb, void *arg)
{
	int	 n;

	if (nl_send(nl, h) == -1)
		return -1;
	while ((n = nl_read(nl, cb, arg)) > 0)
		;
	return n;
}

const struct nlattr *
nl_find(const void *p, size_t len, const int *path)
{
	const struct nlattr	*attr;
	const char		*end = (const char *)p + len;

	for (attr = p; mnl_attr_ok(attr, (int)(end - (const char *)attr));
	    attr = mnl_attr_next(attr)) {
		if (mnl_attr_get_type(attr) == *path)
			return path[1] == 0 ? attr :
			    nl_find(mnl_attr_get_payload(attr),
			    mnl_attr_get_payload_len(attr), path + 1);
	}
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

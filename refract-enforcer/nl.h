/*
 * Netlink, through libmnl.  Asking is synchronous: the kernel has done its
 * work when the send returns, so waiting for the answer costs nothing.
 */
#ifndef NL_H
#define NL_H

#include <libmnl/libmnl.h>

#define NL_BUFSIZE	(128 * 1024)	/* a dump's part, a batch's error */

struct nl {
	struct mnl_socket	*sock;
	unsigned int		 port, seq;
};

/* Shared by all, for one message or batch and one answer at a time. */
extern char	 nl_out[NL_BUFSIZE], nl_in[NL_BUFSIZE];

/* Only before the filter.  0 or -1 with errno; groups as in bind(2). */
int	 nl_open(struct nl *, int bus, unsigned int groups);
int	 nl_fd(const struct nl *);
/* Begin a message at `at`; nl_begin_nf() with nfnetlink's own header. */
struct nlmsghdr	*nl_begin(struct nl *, void *at, int type, int flags);
struct nlmsghdr	*nl_begin_nf(struct nl *, void *at, int subsys, int cmd,
		    int flags, int family);
int	 nl_send(struct nl *, const struct nlmsghdr *);
/*
 * Read one part into nl_in, its messages to cb: 1 more to come, 0 that was
 * all, -1 with errno.
 */
int	 nl_read(struct nl *, mnl_cb_t, void *);
/* Send, and read to the end.  0 or -1 with errno. */
int	 nl_ask(struct nl *, const struct nlmsghdr *, mnl_cb_t, void *);

/*
 * The attribute at the end of a path of types through nested ones, NULL if
 * there is none: in a message after a header of skip bytes, in LEN bytes.
 */
#define NL_PATH(...)	(const int[]){ __VA_ARGS__, 0 }
#define NL_NF		sizeof(struct nfgenmsg)
const struct nlattr	*nl_get(const struct nlmsghdr *, size_t skip,
			    const int *path);
const struct nlattr	*nl_find(const void *, size_t len, const int *path);
/* A number in network order, 0 if there is no attribute. */
uint32_t nl_be32(const struct nlattr *);

#endif

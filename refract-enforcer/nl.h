/*
 * Netlink, through libmnl.  Asking is synchronous: the kernel has done its
 * work when the send returns, so waiting for the answer costs nothing.
 */
#ifndef NL_H
#define NL_H

#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>

#define NL_BUFSIZE	(128 * 1024)	/* a dump's part, a batch's error */
#define NL_NF		sizeof(struct nfgenmsg)
#define NL_TYPE(subsys, command) (NFNL_SUBSYS_##subsys << 8 | (command))

struct nl {
	struct mnl_socket *sock;
	unsigned int	 port, seq;
	size_t		 len;		/* bytes in out that wait */
	char		 out[NL_BUFSIZE], in[NL_BUFSIZE];
};

/*
 * Before the filter only: 0 or -1 with errno.  groups as in bind(2); ready is
 * called when there is something to read, NULL: nobody.
 */
int	 nl_open(struct nl *, int bus, unsigned int groups,
	    void (*ready)(int, short, void *));
/*
 * Begin a message behind those that wait in out, with a header of size bytes
 * whose first is the family; leave it there; send all and, with nl_ask(), read
 * to the end.  0 or -1 with errno.
 */
struct nlmsghdr	*nl_begin(struct nl *, int type, int flags, int family,
		    size_t size);
void	 nl_wait(struct nl *, const struct nlmsghdr *);
int	 nl_send(struct nl *, const struct nlmsghdr *last);
int	 nl_ask(struct nl *, const struct nlmsghdr *, mnl_cb_t, void *);
/* One part of the answer: 1 more to come, 0 that was all, -1 with errno. */
int	 nl_read(struct nl *, mnl_cb_t, void *);

/*
 * The attribute at the end of a path of types through nested ones, behind a
 * message's header of skip bytes or in LEN bytes; NULL: there is none.
 */
#define NL_PATH(...)	(const int[]){ __VA_ARGS__, 0 }
const struct nlattr	*nl_get(const struct nlmsghdr *, size_t skip,
			    const int *path);
const struct nlattr	*nl_find(const void *, size_t len, const int *path);
/* A number in network order, 0 if there is no attribute. */
uint32_t nl_be32(const struct nlattr *);
#endif

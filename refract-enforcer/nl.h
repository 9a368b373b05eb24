/*
 * Netlink, through libmnl.  Asking is synchronous: the kernel has done its
 * work when the send returns, so waiting for the answer costs nothing.
 */
#ifndef NL_H
#define NL_H

#include <libmnl/libmnl.h>

#define NL_BUFSIZE	(128 * 1024)	/* a dump's part, a batch's error */

struct nl {
	struct mnl_socket *sock;
	unsigned int	 port, seq;
	size_t		 len;		/* bytes of a batch in out */
	char		 out[NL_BUFSIZE], in[NL_BUFSIZE];
};

/* Only before the filter.  0 or -1 with errno; groups as in bind(2). */
int	 nl_open(struct nl *, int bus, unsigned int groups);
int	 nl_fd(const struct nl *);
/*
 * A message behind what is in out already, with a header of size bytes whose
 * first is the family.  nl_batch() leaves it there, nl_ask() sends it and
 * reads to the end, nl_send() sends all that is in out.  0 or -1 with errno.
 */
struct nlmsghdr	*nl_begin(struct nl *, int type, int flags, int family,
		    size_t size);
void	 nl_batch(struct nl *, const struct nlmsghdr *);
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

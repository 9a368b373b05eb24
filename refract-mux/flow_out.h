/*
 * Datagrams out, many with one call.
 */
#ifndef FLOW_OUT_H
#define FLOW_OUT_H

#include <sys/socket.h>

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

struct datagram;

#define OUT_CONTROL	CMSG_SPACE(sizeof(struct in6_pktinfo))

/* Where to: from what, by a socket that is connected if there is no name. */
struct out {
	const struct sockaddr_storage *name;
	const void	*control;	/* aligned; OUT_CONTROL at most */
	uint8_t		*alone;		/* 1: no runs, they were refused */
	size_t		 control_len;
	socklen_t	 name_len;
	int		 fd;
};

enum out_status {
	OUT_SENT,		/* or lost, one or the other of them */
	OUT_LOST,		/* of out_judge() */
	OUT_FULL,		/* it takes no more now */
	OUT_NOBODY		/* errno: nobody is there */
};

/* What an errno of a socket of datagrams says of it. */
enum out_status	 out_judge(int error);
/* At most FLOW_BATCH of them, in their order. */
enum out_status	 out_send(const struct out *, const struct datagram *,
		    unsigned int);

#endif

/*
 * Messages between processes over a stream socket: the contract of OpenBSD's
 * imsg_init(3), on Linux.  One descriptor a message at the most, received
 * close-on-exec; a control message that was cut (MSG_CTRUNC) is an error.
 *
 * Format on the wire, host byte order (both ends are on this host and of one
 * build): struct imsg_hdr, then len - IMSG_HEADER_SIZE bytes.
 */
#ifndef IMSG_H
#define IMSG_H

#include <sys/types.h>
#include <sys/uio.h>

#include <stddef.h>
#include <stdint.h>

#define IMSG_HEADER_SIZE	sizeof(struct imsg_hdr)
#define IMSG_MAX		16384	/* header included */

struct imsg_hdr {
	uint32_t	type;
	uint32_t	len;		/* header included */
	uint32_t	flags;		/* IMSG_HASFD; any other bit: error */
	uint32_t	id;		/* the asker's number, given back */
};

#define IMSG_HASFD	0x1u

struct imsg {
	struct imsg_hdr	 hdr;
	const void	*data;		/* valid until the next imsg_get() */
	size_t		 len;		/* of data */
	int		 fd;		/* owned by the caller; -1: none */
};

struct imsgbuf;

/* fd is set non-blocking and owned by the buffer.  NULL without memory. */
struct imsgbuf	*imsg_new(int fd);
void	 imsg_free(struct imsgbuf *);	/* closes fd and queued descriptors */
int	 imsg_fd(const struct imsgbuf *);

/*
 * Read what there is.  >0 bytes read, 0 end of file, -1 with errno (EAGAIN:
 * nothing now; EBADMSG: cut control data or more descriptors than messages).
 */
ssize_t	 imsg_read(struct imsgbuf *);
/* Next whole message: 1, 0 none, -1 malformed (errno EBADMSG). */
int	 imsg_get(struct imsgbuf *, struct imsg *);

/*
 * Queue a message; fd -1 for none, otherwise it is owned by the buffer from
 * here and closed once sent.  0, or -1 with errno (ERANGE too long, ENOMEM).
 */
int	 imsg_compose(struct imsgbuf *, uint32_t type, uint32_t id, int fd,
	    const void *, size_t);
int	 imsg_composev(struct imsgbuf *, uint32_t type, uint32_t id, int fd,
	    const struct iovec *, int);
/* Bytes that wait to be written. */
size_t	 imsg_queued(const struct imsgbuf *);
/* Write until all is out: 0; or it would block: 1; or -1 with errno. */
int	 imsg_flush(struct imsgbuf *);

#endif

/*
 * Messages over a stream socket.  See imsg.h for the contract.
 *
 * Out: messages are copied into blocks of 64 KiB that are written whole, so a
 * small message costs a copy and no allocation.  A message with a descriptor
 * must be the first of its sendmsg(2): it is marked by its place in the
 * stream.  In: one block, descriptors in a small ring in their order.
 */
#include <sys/socket.h>
#include <sys/queue.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "imsg.h"

#define BLOCK_SIZE	65536
#define BLOCKS_AT_ONCE	8
#define FDS_IN		64	/* come, not yet matched to a message */
#define FDS_OUT		16	/* first room for marks */

struct block {
	STAILQ_ENTRY(block)	entry;
	size_t			off, len;
	uint8_t			data[BLOCK_SIZE];
};

struct mark {
	uint64_t	at;	/* where in the stream its message begins */
	int		fd;
};

struct imsgbuf {
	int			 fd;

	uint8_t			*in;
	size_t			 inoff, inlen;
	int			 infd[FDS_IN];
	unsigned int		 infirst, infds;
	uint64_t		*aligned;	/* a message that lies odd */

	STAILQ_HEAD(, block)	 blocks;
	struct block		*spare;
	uint64_t		 written, queued;	/* since ever */
	struct mark		*marks;
	size_t			 mfirst, nmarks, mroom;
};

struct imsgbuf *
imsg_new(int fd)
{
	struct imsgbuf *buf;
	int flags;

	if ((buf = calloc(1, sizeof(*buf))) == NULL)
		return NULL;
	buf->fd = fd;
	STAILQ_INIT(&buf->blocks);
	buf->in = malloc(BLOCK_SIZE);
	buf->aligned = malloc(IMSG_MAX);
	if (buf->in == NULL || buf->aligned == NULL ||
	    (flags = fcntl(fd, F_GETFL)) == -1 ||
	    fcntl(fd, F_SETFL, flags | O_NONBLOCK) == -1 ||
	    fcntl(fd, F_SETFD, FD_CLOEXEC) == -1) {
		free(buf->aligned);
		free(buf->in);
		free(buf);
		return NULL;
	}
	return buf;
}

void
imsg_free(struct imsgbuf *buf)
{
	struct block *b;

	if (buf == NULL)
		return;
	while ((b = STAILQ_FIRST(&buf->blocks)) != NULL) {
		STAILQ_REMOVE_HEAD(&buf->blocks, entry);
		free(b);
	}
	for (; buf->nmarks > 0; buf->nmarks--)
		close(buf->marks[buf->mfirst++].fd);
	for (; buf->infds > 0; buf->infds--)
		close(buf->infd[buf->infirst++ % FDS_IN]);
	close(buf->fd);
	free(buf->spare);
	free(buf->marks);
	free(buf->aligned);
	free(buf->in);
	free(buf);
}

int
imsg_fd(const struct imsgbuf *buf)
{
	return buf->fd;
}

/*
 * Keep the descriptors that came with msg.  All of them are closed if the
 * control data was cut or there is no room: then the stream is not what our
 * sender makes.
 */
static int
take_fds(struct imsgbuf *buf, struct msghdr *msg)
{
	struct cmsghdr *c;
	size_t i, n;
	int fd, bad = (msg->msg_flags & MSG_CTRUNC) != 0;

	for (c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (i = 0; i < n; i++) {
			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int),
			    sizeof(fd));
			if (bad || n != 1 || buf->infds == FDS_IN) {
				close(fd);
				bad = 1;
			} else
				buf->infd[(buf->infirst + buf->infds++) %
				    FDS_IN] = fd;
		}
	}
	if (bad) {
		errno = EBADMSG;
		return -1;
	}
	return 0;
}

ssize_t
imsg_read(struct imsgbuf *buf)
{
	union {
		struct cmsghdr	align;
		char		room[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov;
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1,
	    .msg_control = &control, .msg_controllen = sizeof(control) };
	ssize_t n;

	if (buf->inoff != 0) {
		buf->inlen -= buf->inoff;
		memmove(buf->in, buf->in + buf->inoff, buf->inlen);
		buf->inoff = 0;
	}
	if (buf->inlen == BLOCK_SIZE) {
		errno = ENOBUFS;	/* take messages first */
		return -1;
	}
	iov.iov_base = buf->in + buf->inlen;
	iov.iov_len = BLOCK_SIZE - buf->inlen;
	do
		n = recvmsg(buf->fd, &msg, MSG_CMSG_CLOEXEC);
	while (n == -1 && errno == EINTR);
	if (n == -1)
		return -1;
	if (take_fds(buf, &msg) == -1)
		return -1;
	buf->inlen += (size_t)n;
	return n;
}

/* A whole message's header, if there is one: 1, 0, -1. */
static int
next_header(const struct imsgbuf *buf, struct imsg_hdr *hdr)
{
	size_t have = buf->inlen - buf->inoff;

	/* Descriptors come with the first byte of their message, not later. */
	if (have == 0 && buf->infds != 0)
		return -1;
	if (have < sizeof(*hdr))
		return 0;
	memcpy(hdr, buf->in + buf->inoff, sizeof(*hdr));
	if (hdr->len < IMSG_HEADER_SIZE || hdr->len > IMSG_MAX ||
	    (hdr->flags & ~IMSG_HASFD) != 0)
		return -1;
	if ((hdr->flags & IMSG_HASFD) != 0 && buf->infds == 0)
		return -1;
	return have >= hdr->len;
}

int
imsg_get(struct imsgbuf *buf, struct imsg *imsg)
{
	const uint8_t *data;
	int got;

	if ((got = next_header(buf, &imsg->hdr)) == -1)
		errno = EBADMSG;
	if (got != 1)
		return got;
	data = buf->in + buf->inoff + IMSG_HEADER_SIZE;
	imsg->len = imsg->hdr.len - IMSG_HEADER_SIZE;
	if ((uintptr_t)data % sizeof(uint64_t) != 0)
		data = memcpy(buf->aligned, data, imsg->len);
	imsg->data = data;
	buf->inoff += imsg->hdr.len;
	imsg->fd = -1;
	if ((imsg->hdr.flags & IMSG_HASFD) != 0) {
		imsg->fd = buf->infd[buf->infirst];
		buf->infirst = (buf->infirst + 1) % FDS_IN;
		buf->infds--;
	}
	return 1;
}

/* The block to append len bytes to, NULL without memory. */
static struct block *
block_for(struct imsgbuf *buf, size_t len)
{
	struct block *b = STAILQ_LAST(&buf->blocks, block, entry);

	if (b != NULL && len <= BLOCK_SIZE - b->len)
		return b;
	if ((b = buf->spare) != NULL)
		buf->spare = NULL;
	else if ((b = malloc(sizeof(*b))) == NULL)
		return NULL;
	b->off = b->len = 0;
	STAILQ_INSERT_TAIL(&buf->blocks, b, entry);
	return b;
}

/* Note that the message that comes next carries fd. */
static int
mark_add(struct imsgbuf *buf, int fd)
{
	struct mark *marks;
	size_t room;

	if (buf->mfirst + buf->nmarks == buf->mroom) {
		if (buf->mfirst > buf->mroom / 2) {
			memmove(buf->marks, buf->marks + buf->mfirst,
			    buf->nmarks * sizeof(*buf->marks));
			buf->mfirst = 0;
		} else {
			room = buf->mroom == 0 ? FDS_OUT : buf->mroom * 2;
			if ((marks = reallocarray(buf->marks, room,
			    sizeof(*marks))) == NULL)
				return -1;
			buf->marks = marks;
			buf->mroom = room;
		}
	}
	buf->marks[buf->mfirst + buf->nmarks++] =
	    (struct mark){ buf->queued, fd };
	return 0;
}

static void
block_append(struct block *b, const void *data, size_t len)
{
	if (len != 0)
		memcpy(b->data + b->len, data, len);
	b->len += len;
}

int
imsg_composev(struct imsgbuf *buf, uint32_t type, uint32_t id, int fd,
    const struct iovec *iov, int iovcnt)
{
	struct imsg_hdr hdr = { type, 0, fd != -1 ? IMSG_HASFD : 0, id };
	struct block *b;
	size_t len = IMSG_HEADER_SIZE;
	int i;

	for (i = 0; i < iovcnt; i++) {
		if (iov[i].iov_len > IMSG_MAX - len) {
			errno = ERANGE;
			return -1;
		}
		len += iov[i].iov_len;
	}
	hdr.len = (uint32_t)len;
	if ((b = block_for(buf, len)) == NULL)
		return -1;
	if (fd != -1 && mark_add(buf, fd) == -1)
		return -1;
	block_append(b, &hdr, sizeof(hdr));
	for (i = 0; i < iovcnt; i++)
		block_append(b, iov[i].iov_base, iov[i].iov_len);
	buf->queued += len;
	return 0;
}

int
imsg_compose(struct imsgbuf *buf, uint32_t type, uint32_t id, int fd,
    const void *data, size_t len)
{
	struct iovec iov;

	memcpy(&iov.iov_base, &data, sizeof(data));	/* it is only read */
	iov.iov_len = len;
	return imsg_composev(buf, type, id, fd, &iov, 1);
}

size_t
imsg_queued(const struct imsgbuf *buf)
{
	return (size_t)(buf->queued - buf->written);
}

/* Up to `most` bytes of what is queued: how many parts. */
static size_t
fill_iov(const struct imsgbuf *buf, struct iovec *iov, uint64_t most)
{
	struct block *b;
	size_t n = 0, len;

	STAILQ_FOREACH(b, &buf->blocks, entry) {
		if (n == BLOCKS_AT_ONCE || most == 0)
			break;
		if ((len = b->len - b->off) == 0)
			continue;
		if (len > most)
			len = (size_t)most;
		iov[n++] = (struct iovec){ b->data + b->off, len };
		most -= len;
	}
	return n;
}

static void
set_fd(struct msghdr *msg, int fd)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
}

/* Drop n bytes from the front; one block is kept for the next message. */
static void
consume(struct imsgbuf *buf, size_t n)
{
	struct block *b;
	size_t len;

	buf->written += n;
	while ((b = STAILQ_FIRST(&buf->blocks)) != NULL) {
		len = b->len - b->off < n ? b->len - b->off : n;
		b->off += len;
		n -= len;
		if (b->off < b->len)
			break;
		STAILQ_REMOVE_HEAD(&buf->blocks, entry);
		if (buf->spare == NULL)
			buf->spare = b;
		else
			free(b);
	}
}

/* One sendmsg(2), up to the next message with a descriptor. */
static ssize_t
send_some(struct imsgbuf *buf)
{
	union {
		struct cmsghdr	align;
		char		room[CMSG_SPACE(sizeof(int))];
	} control = { .room = { 0 } };
	struct iovec iov[BLOCKS_AT_ONCE];
	struct msghdr msg = { .msg_iov = iov };
	size_t left = buf->nmarks;
	struct mark *next = left != 0 ? &buf->marks[buf->mfirst] : NULL;
	ssize_t n;
	int fd = -1;

	if (left != 0 && next->at == buf->written) {
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
		set_fd(&msg, fd = next->fd);
		next++;
		left--;
	}
	msg.msg_iovlen = fill_iov(buf, iov,
	    (left != 0 ? next->at : buf->queued) - buf->written);
	do
		n = sendmsg(buf->fd, &msg, MSG_NOSIGNAL);
	while (n == -1 && errno == EINTR);
	if (n <= 0)
		return n;
	if (fd != -1) {
		close(fd);
		buf->mfirst = --buf->nmarks == 0 ? 0 : buf->mfirst + 1;
	}
	consume(buf, (size_t)n);
	return n;
}

/*
 * With too many descriptors in flight (ETOOMANYREFS) the socket is writable
 * all the same: errno tells the caller to wait a while, not for the socket.
 */
int
imsg_flush(struct imsgbuf *buf)
{
	while (buf->written != buf->queued)
		if (send_some(buf) == -1) {
			if (errno == EAGAIN || errno == ETOOMANYREFS ||
			    errno == ENOBUFS)
				return 1;
			return -1;
		}
	return 0;
}

/*
 * Any bytes at all, with any descriptors, as a stream of messages: read in
 * pieces, taken apart, and each held against the table as every process would.
 *
 * Input: a byte that chooses who reads from whom, then pieces: a length byte
 * (the high bit: with a descriptor; the next: with two), then the piece.
 */
#include <sys/socket.h>

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "imsg.h"
#include "msg.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* One piece with n descriptors: 0, 1 or 2. */
static void
send_piece(int s, const uint8_t *data, size_t len, int n)
{
	union {
		struct cmsghdr	align;
		char		room[CMSG_SPACE(2 * sizeof(int))];
	} control = { .room = { 0 } };
	struct iovec iov = { NULL, len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *c;
	int fds[2] = { s, s };

	memcpy(&iov.iov_base, &data, sizeof(data));
	if (n > 0) {
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE((size_t)n * sizeof(int));
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN((size_t)n * sizeof(int));
		memcpy(CMSG_DATA(c), fds, (size_t)n * sizeof(int));
	}
	sendmsg(s, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* All whole messages: 0, or -1 at a bad one. */
static int
take(struct imsgbuf *buf, uint8_t who)
{
	struct imsg m;
	const char *why;
	const uint8_t *bytes;
	uint64_t sum = 0;
	size_t i;
	int got;

	while ((got = imsg_get(buf, &m)) == 1) {
		if ((uintptr_t)m.data % 8 != 0)
			abort();
		for (bytes = m.data, i = 0; i < m.len; i++)
			sum += bytes[i];
		if (msg_check(m.hdr.type, (enum role)(who % ROLE_MAX),
		    (enum role)(who / ROLE_MAX % ROLE_MAX), STATE_ANY, m.data,
		    m.len, m.fd != -1, &why) == -1 && why == NULL)
			abort();
		if (m.fd != -1)
			close(m.fd);
	}
	return got == -1 || sum == UINT64_MAX ? -1 : 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct imsgbuf *buf;
	size_t piece;
	uint8_t who, head;
	int fds[2];

	if (len < 2 || socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == -1)
		return 0;
	if ((buf = imsg_new(fds[1])) == NULL)
		abort();
	who = *data++;
	for (len--; len > 1; data += piece, len -= piece) {
		head = *data++;
		len--;
		piece = head & 0x3f;
		if (piece == 0 || piece > len)
			piece = len;
		send_piece(fds[0], data, piece, (head & 0x80) == 0 ? 0 :
		    head & 0x40 ? 2 : 1);
		if (imsg_read(buf) <= 0 || take(buf, who) == -1)
			break;
	}
	imsg_free(buf);
	close(fds[0]);
	return 0;
}

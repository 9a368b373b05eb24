/*
 * imsg: messages come out as they went in, whatever the socket does to the
 * bytes, and what no sender of ours makes is an error.
 */
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "imsg.h"

struct pair {
	struct imsgbuf	*a, *b;
};

static int
setup(void **arg)
{
	struct pair *p = calloc(1, sizeof(*p));
	int fds[2];

	if (p == NULL || socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == -1)
		return -1;
	p->a = imsg_new(fds[0]);
	p->b = imsg_new(fds[1]);
	*arg = p;
	return p->a == NULL || p->b == NULL ? -1 : 0;
}

static int
teardown(void **arg)
{
	struct pair *p = *arg;

	imsg_free(p->a);
	imsg_free(p->b);
	free(p);
	return 0;
}

static int
open_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

static int
make_pipe_end(int other[1])
{
	int fds[2];

	assert_int_equal(pipe2(fds, 0), 0);
	other[0] = fds[1];
	return fds[0];
}

static void
test_roundtrip(void **arg)
{
	struct pair *p = *arg;
	struct imsg m;

	assert_int_equal(imsg_compose(p->a, 7, 42, -1, "hello", 5), 0);
	assert_int_equal(imsg_compose(p->a, 8, 43, -1, NULL, 0), 0);
	assert_int_equal(imsg_queued(p->a), 2 * IMSG_HEADER_SIZE + 5);
	assert_int_equal(imsg_flush(p->a), 0);
	assert_int_equal(imsg_queued(p->a), 0);
	assert_true(imsg_read(p->b) > 0);
	assert_int_equal(imsg_get(p->b, &m), 1);
	assert_int_equal(m.hdr.type, 7);
	assert_int_equal(m.hdr.id, 42);
	assert_int_equal(m.len, 5);
	assert_int_equal(m.fd, -1);
	assert_memory_equal(m.data, "hello", 5);
	assert_int_equal(imsg_get(p->b, &m), 1);
	assert_int_equal(m.hdr.type, 8);
	assert_int_equal(m.len, 0);
	assert_int_equal(imsg_get(p->b, &m), 0);
	assert_int_equal(imsg_read(p->b), -1);
	assert_int_equal(errno, EAGAIN);
}

static void
test_limits(void **arg)
{
	static uint8_t big[IMSG_MAX];
	struct pair *p = *arg;
	struct imsg m;

	memset(big, 0x5a, sizeof(big));
	assert_int_equal(imsg_compose(p->a, 1, 0, -1, big,
	    IMSG_MAX - IMSG_HEADER_SIZE + 1), -1);
	assert_int_equal(errno, ERANGE);
	assert_int_equal(imsg_queued(p->a), 0);
	assert_int_equal(imsg_compose(p->a, 1, 0, -1, big,
	    IMSG_MAX - IMSG_HEADER_SIZE), 0);
	assert_int_equal(imsg_flush(p->a), 0);
	while (imsg_get(p->b, &m) == 0)
		assert_true(imsg_read(p->b) > 0);
	assert_int_equal(m.len, IMSG_MAX - IMSG_HEADER_SIZE);
	assert_memory_equal(m.data, big, m.len);
}

/* Every message is aligned, though the ones before have odd lengths. */
static void
test_alignment(void **arg)
{
	struct pair *p = *arg;
	struct imsg m;
	size_t i, j;
	uint8_t data[32];

	for (i = 0; i < 32; i++) {
		memset(data, (int)i, sizeof(data));
		imsg_compose(p->a, (uint32_t)i, 0, -1, data, i);
	}
	assert_int_equal(imsg_flush(p->a), 0);
	assert_true(imsg_read(p->b) > 0);
	for (i = 0; i < 32; i++) {
		assert_int_equal(imsg_get(p->b, &m), 1);
		assert_int_equal((uintptr_t)m.data % 8, 0);
		assert_int_equal(m.len, i);
		for (j = 0; j < i; j++)
			assert_int_equal(((const uint8_t *)m.data)[j], i);
	}
}

/* One byte at a time: nothing comes before it is whole. */
static void
test_partial_read(void **arg)
{
	struct pair *p = *arg;
	struct imsg_hdr h = { 3, IMSG_HEADER_SIZE + 4, 0, 9 };
	struct imsg m;
	uint8_t wire[IMSG_HEADER_SIZE + 4];
	size_t i;

	memcpy(wire, &h, sizeof(h));
	memcpy(wire + sizeof(h), "data", 4);
	for (i = 0; i < sizeof(wire); i++) {
		assert_int_equal(imsg_get(p->b, &m), 0);
		assert_int_equal(write(imsg_fd(p->a), &wire[i], 1), 1);
		assert_int_equal(imsg_read(p->b), 1);
	}
	assert_int_equal(imsg_get(p->b, &m), 1);
	assert_memory_equal(m.data, "data", 4);
}

/* A million small ones through a socket that takes a little at a time. */
static void
test_many(void **arg)
{
	struct pair *p = *arg;
	struct imsg m;
	uint32_t sent = 0, got = 0, blocked = 0;
	const uint32_t all = 1000000;
	int small = 4096, r;

	setsockopt(imsg_fd(p->a), SOL_SOCKET, SO_SNDBUF, &small,
	    sizeof(small));
	while (got < all) {
		while (sent < all && imsg_queued(p->a) < 300000) {
			assert_int_equal(imsg_compose(p->a, 1, sent, -1,
			    &sent, sent % 5), 0);
			sent++;
		}
		assert_int_not_equal(r = imsg_flush(p->a), -1);
		if (r == 1) {
			assert_int_equal(errno, EAGAIN);
			blocked++;
		}
		while (imsg_read(p->b) > 0)
			while (imsg_get(p->b, &m) == 1) {
				assert_int_equal(m.hdr.id, got);
				assert_int_equal(m.len, got % 5);
				assert_memory_equal(m.data, &got, m.len);
				got++;
			}
	}
	assert_true(blocked > 100);
	assert_int_equal(imsg_queued(p->a), 0);
}

/* Each descriptor comes with its own message, close-on-exec. */
static void
test_descriptors(void **arg)
{
	struct pair *p = *arg;
	struct imsg m;
	struct stat want[40], st;
	int fd, other[40], n = open_fds(), i, got = 0;

	for (i = 0; i < 40; i++) {
		fd = make_pipe_end(&other[i]);
		assert_int_equal(fstat(fd, &want[i]), 0);
		assert_int_equal(imsg_compose(p->a, 1, (uint32_t)i,
		    i % 3 == 0 ? -1 : fd, "abc", 3), 0);
		if (i % 3 == 0)
			close(fd);
	}
	assert_int_equal(imsg_flush(p->a), 0);
	while (got < 40) {
		assert_true(imsg_read(p->b) > 0);
		while (imsg_get(p->b, &m) == 1) {
			assert_int_equal(m.hdr.id, got);
			if (got % 3 == 0)
				assert_int_equal(m.fd, -1);
			else {
				assert_int_equal(fstat(m.fd, &st), 0);
				assert_int_equal(st.st_ino, want[got].st_ino);
				assert_int_equal(fcntl(m.fd, F_GETFD),
				    FD_CLOEXEC);
				close(m.fd);
			}
			got++;
		}
	}
	for (i = 0; i < 40; i++)
		close(other[i]);
	assert_int_equal(open_fds(), n);
}

/* Send bytes with n descriptors in one control message. */
static void
send_raw(int s, const void *data, size_t len, int n)
{
	union {
		struct cmsghdr	align;
		char		room[CMSG_SPACE(8 * sizeof(int))];
	} control = { .room = { 0 } };
	struct iovec iov = { NULL, len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *c;
	int fds[8] = { 0 };

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
	assert_int_equal(sendmsg(s, &msg, 0), len);
}

/* More than one in a message: cut, refused, and none of them stays open. */
static void
test_truncated(void **arg)
{
	struct pair *p = *arg;
	struct imsg_hdr h = { 1, IMSG_HEADER_SIZE, IMSG_HASFD, 0 };
	int n = open_fds(), fds;

	for (fds = 2; fds <= 8; fds++) {
		send_raw(imsg_fd(p->a), &h, sizeof(h), fds);
		assert_int_equal(imsg_read(p->b), -1);
		assert_int_equal(errno, EBADMSG);
		assert_int_equal(open_fds(), n);
	}
}

/* The receiver has no number left: cut too. */
static void
test_no_room_for_descriptor(void **arg)
{
	struct pair *p = *arg;
	struct imsg_hdr h = { 1, IMSG_HEADER_SIZE, IMSG_HASFD, 0 };
	struct rlimit saved, none;
	ssize_t r;

	send_raw(imsg_fd(p->a), &h, sizeof(h), 1);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &saved), 0);
	none = saved;
	none.rlim_cur = 3;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	r = imsg_read(p->b);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &saved), 0);
	assert_int_equal(r, -1);
	assert_int_equal(errno, EBADMSG);
}

/* A descriptor that no message claims; a claim without a descriptor. */
static void
test_unmatched(void **arg)
{
	struct pair *p = *arg;
	struct imsg_hdr h = { 1, IMSG_HEADER_SIZE, 0, 0 };
	struct imsg m;

	send_raw(imsg_fd(p->a), &h, sizeof(h), 1);
	assert_true(imsg_read(p->b) > 0);
	assert_int_equal(imsg_get(p->b, &m), 1);
	assert_int_equal(m.fd, -1);
	assert_int_equal(imsg_get(p->b, &m), -1);
	assert_int_equal(errno, EBADMSG);
}

static void
test_missing_descriptor(void **arg)
{
	struct pair *p = *arg;
	struct imsg_hdr h = { 1, IMSG_HEADER_SIZE, IMSG_HASFD, 0 };
	struct imsg m;

	send_raw(imsg_fd(p->a), &h, sizeof(h), 0);
	assert_true(imsg_read(p->b) > 0);
	assert_int_equal(imsg_get(p->b, &m), -1);
	assert_int_equal(errno, EBADMSG);
}

static void
test_malformed(void **arg)
{
	static const struct imsg_hdr bad[] = {
		{ 1, 0, 0, 0 }, { 1, IMSG_HEADER_SIZE - 1, 0, 0 },
		{ 1, IMSG_MAX + 1, 0, 0 }, { 1, UINT32_MAX, 0, 0 },
		{ 1, IMSG_HEADER_SIZE, 2, 0 },
		{ 1, IMSG_HEADER_SIZE, 0x80000000u, 0 }
	};
	struct imsg m;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct pair *p;
		void *q;

		assert_int_equal(setup(&q), 0);
		p = q;
		send_raw(imsg_fd(p->a), &bad[i], sizeof(bad[i]), 0);
		assert_true(imsg_read(p->b) > 0);
		assert_int_equal(imsg_get(p->b, &m), -1);
		assert_int_equal(errno, EBADMSG);
		teardown(&q);
	}
	(void)arg;
}

static void
test_end(void **arg)
{
	struct pair *p = *arg;
	struct imsg m;

	imsg_compose(p->a, 1, 0, -1, "x", 1);
	assert_int_equal(imsg_flush(p->a), 0);
	shutdown(imsg_fd(p->a), SHUT_WR);
	assert_true(imsg_read(p->b) > 0);
	assert_int_equal(imsg_read(p->b), 0);
	assert_int_equal(imsg_get(p->b, &m), 1);
}

/* To nobody: an error, and no signal. */
static void
test_broken(void **arg)
{
	struct pair *p = *arg;

	shutdown(imsg_fd(p->b), SHUT_RDWR);
	imsg_compose(p->a, 1, 0, -1, "x", 1);
	assert_int_equal(imsg_flush(p->a), -1);
	assert_int_equal(errno, EPIPE);
}

/* What was queued or received and not taken is closed with the buffer. */
static void
test_free_closes(void **arg)
{
	int n = open_fds(), i, other;
	struct pair *p;
	void *q;

	(void)arg;
	assert_int_equal(setup(&q), 0);
	p = q;
	for (i = 0; i < 50; i++) {
		imsg_compose(p->a, 1, 0, make_pipe_end(&other), NULL, 0);
		close(other);
		if (i == 20)
			imsg_flush(p->a);
	}
	imsg_read(p->b);
	teardown(&q);
	assert_int_equal(open_fds(), n);
}

/*
 * Too many in flight (for who has no CAP_SYS_RESOURCE): kept, the caller is
 * told to come back, and all arrive in the end.
 */
static void
test_too_many_refs(void **arg)
{
	struct pair *p = *arg;
	struct rlimit saved, few;
	struct imsg m;
	int i, r, waited = 0, got = 0;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &saved), 0);
	for (i = 0; i < 60; i++)
		assert_int_equal(imsg_compose(p->a, 1, (uint32_t)i,
		    dup(STDIN_FILENO), NULL, 0), 0);
	few = saved;
	few.rlim_cur = 20;
	assert_int_equal(seteuid(65534), 0);
	while (got < 60) {
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
		r = imsg_flush(p->a);
		if (r == 1 && errno == ETOOMANYREFS)
			waited++;
		setrlimit(RLIMIT_NOFILE, &saved);
		assert_int_not_equal(r, -1);
		while (imsg_read(p->b) > 0)
			while (imsg_get(p->b, &m) == 1) {
				assert_int_equal(m.hdr.id, got++);
				assert_int_not_equal(m.fd, -1);
				close(m.fd);
			}
	}
	assert_int_equal(seteuid(0), 0);
	assert_true(waited > 0);
}

static void
test_too_many_refs_root(void **arg)
{
	if (geteuid() == 0) {
		test_too_many_refs(arg);
		return;
	}
	print_message("# SKIP needs root\n");
	skip();
}

#define T(fn)	cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		T(test_roundtrip),
		T(test_limits),
		T(test_alignment),
		T(test_partial_read),
		T(test_many),
		T(test_descriptors),
		T(test_truncated),
		T(test_no_room_for_descriptor),
		T(test_unmatched),
		T(test_missing_descriptor),
		T(test_malformed),
		T(test_end),
		T(test_broken),
		T(test_free_closes),
		T(test_too_many_refs_root)
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("imsg", tests, NULL, NULL);
}

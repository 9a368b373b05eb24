/*
 * Both ends for bench/mux: a server that costs little, and clients that
 * measure.
 *
 *	mux_load serve PORT		HTTP: "/" is 6 bytes, "/N" is N bytes
 *	mux_load bulk PORT BYTES N	N connections, so many bytes: Gbit/s
 *	mux_load latency PORT N		connect, ask, answer, close: p50 p99 us
 *	mux_load idle PORT N		N that were answered, then silence; "up"
 */
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define FDS	65536
#define BLOCK	(1024 * 1024)

static char	block[BLOCK];
static uint64_t	left[FDS];		/* to be sent on it */
static char	closing[FDS];

static double
now(void)
{
	struct timespec	ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static struct sockaddr_in
local(const char *port)
{
	struct sockaddr_in	sin = { .sin_family = AF_INET };

	sin.sin_port = htons((uint16_t)atoi(port));
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return sin;
}

/* --- The server --- */

static void
put(int fd)
{
	ssize_t	n;

	while (left[fd] > 0) {
		n = send(fd, block, left[fd] < BLOCK ? left[fd] : BLOCK,
		    MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n <= 0)
			return;
		left[fd] -= (uint64_t)n;
	}
	if (closing[fd])
		shutdown(fd, SHUT_WR);
}

static void
answer(int fd, const char *req, size_t len)
{
	char		 head[256];
	uint64_t	 size = 6;
	int		 n;

	if (len > 5 && req[5] >= '0' && req[5] <= '9')
		size = strtoull(req + 5, NULL, 10);
	closing[fd] = memmem(req, len, "close", 5) != NULL;
	n = snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\n"
	    "Content-Length: %llu\r\n%s\r\n", (unsigned long long)size,
	    closing[fd] ? "Connection: close\r\n" : "");
	if (size <= 128) {
		memset(head + n, 'x', size);
		n += (int)size;
		size = 0;
	}
	left[fd] = size;
	if (send(fd, head, (size_t)n, MSG_NOSIGNAL) == n)
		put(fd);
}

static void
serve_one(int ep, int fd, uint32_t events)
{
	static char	buf[16384];
	ssize_t		n;

	if (events & EPOLLOUT && left[fd] > 0)
		put(fd);
	if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		return;
	n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
	if (n > 0)
		answer(fd, buf, (size_t)n);
	else if (n == 0 || errno != EAGAIN) {
		left[fd] = 0;
		close(fd);
	}
	(void)ep;
}

static void
take(int ep, int s)
{
	struct epoll_event	e = { .events = EPOLLIN | EPOLLOUT | EPOLLET };
	int			fd, on = 1;

	while ((fd = accept4(s, NULL, NULL, SOCK_NONBLOCK)) != -1) {
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		left[fd] = 0;
		closing[fd] = 0;
		e.data.fd = fd;
		epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e);
	}
}

static void
serve(const char *port)
{
	struct sockaddr_in	sin = local(port);
	struct epoll_event	list[256], e = { .events = EPOLLIN };
	int			s, ep, i, n, on = 1;

	s = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(s, (struct sockaddr *)&sin, sizeof(sin)) == -1 ||
	    listen(s, 4096) == -1)
		err(1, "port %s", port);
	ep = epoll_create1(0);
	e.data.fd = s;
	epoll_ctl(ep, EPOLL_CTL_ADD, s, &e);
	for (;;) {
		n = epoll_wait(ep, list, 256, -1);
		for (i = 0; i < n; i++) {
			if (list[i].data.fd == s)
				take(ep, s);
			else
				serve_one(ep, list[i].data.fd,
				    list[i].events);
		}
	}
}

/* --- Clients --- */

static int
dial(const char *port)
{
	struct sockaddr_in	sin = local(port);
	int			fd, on = 1;

	if ((fd = socket(AF_INET, SOCK_STREAM, 0)) == -1)
		err(1, "socket");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(fd, (struct sockaddr *)&sin, sizeof(sin)) == -1)
		err(1, "connect to port %s", port);
	return fd;
}

static void
ask(int fd, const char *what, const char *how)
{
	char	req[128];
	int	n;

	n = snprintf(req, sizeof(req), "GET /%s HTTP/1.1\r\nHost: x\r\n"
	    "%s\r\n", what, how);
	if (send(fd, req, (size_t)n, MSG_NOSIGNAL) != n)
		err(1, "send");
}

static void
bulk(const char *port, const char *bytes, int n)
{
	uint64_t	 sum = 0, want = strtoull(bytes, NULL, 10);
	double		 t = now();
	ssize_t		 got;
	int		 ep = epoll_create1(0), open = n, i, k;
	struct epoll_event e = { .events = EPOLLIN }, list[64];

	for (i = 0; i < n; i++) {
		e.data.fd = dial(port);
		ask(e.data.fd, bytes, "Connection: close\r\n");
		epoll_ctl(ep, EPOLL_CTL_ADD, e.data.fd, &e);
	}
	while (open > 0) {
		k = epoll_wait(ep, list, 64, -1);
		for (i = 0; i < k; i++) {
			/* Counted, not copied: the peer is what is measured. */
			got = recv(list[i].data.fd, NULL, 4 * BLOCK,
			    MSG_TRUNC | MSG_DONTWAIT);
			if (got > 0)
				sum += (uint64_t)got;
			else if (got == 0 || errno != EAGAIN) {
				close(list[i].data.fd);
				open--;
			}
		}
	}
	t = now() - t;
	if (sum < want * (uint64_t)n)
		errx(1, "only %llu bytes came", (unsigned long long)sum);
	printf("%.2f\n", (double)sum * 8 / t / 1e9);
}

static int
cmp(const void *a, const void *b)
{
	double	p = *(const double *)a, q = *(const double *)b;

	return p < q ? -1 : p > q;
}

static void
latency(const char *port, int n)
{
	double	*us = calloc((size_t)n, sizeof(*us)), t;
	char	 buf[4096];
	int	 i, fd;

	for (i = 0; i < n; i++) {
		t = now();
		fd = dial(port);
		ask(fd, "", "Connection: close\r\n");
		if (recv(fd, buf, sizeof(buf), 0) <= 0)
			err(1, "no answer");
		us[i] = (now() - t) * 1e6;
		while (recv(fd, buf, sizeof(buf), 0) > 0)
			continue;
		close(fd);
	}
	qsort(us, (size_t)n, sizeof(*us), cmp);
	printf("%.0f %.0f\n", us[n / 2], us[n * 99 / 100]);
	free(us);
}

static void
idle(const char *port, int n)
{
	char	buf[4096];
	int	i, fd;

	for (i = 0; i < n; i++) {
		fd = dial(port);
		ask(fd, "", "");
		if (recv(fd, buf, sizeof(buf), 0) <= 0)
			err(1, "no answer to %d", i);
	}
	printf("up\n");
	fflush(stdout);
	pause();
}

int
main(int argc, char **argv)
{
	struct rlimit	rl = { FDS, FDS };

	setrlimit(RLIMIT_NOFILE, &rl);
	signal(SIGPIPE, SIG_IGN);
	if (argc == 3 && strcmp(argv[1], "serve") == 0)
		serve(argv[2]);
	else if (argc == 5 && strcmp(argv[1], "bulk") == 0)
		bulk(argv[2], argv[3], atoi(argv[4]));
	else if (argc == 4 && strcmp(argv[1], "latency") == 0)
		latency(argv[2], atoi(argv[3]));
	else if (argc == 4 && strcmp(argv[1], "idle") == 0)
		idle(argv[2], atoi(argv[3]));
	else
		errx(2, "see the top of mux_load.c");
	return 0;
}

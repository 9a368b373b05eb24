/*
 * Both ends for bench/flow: a server that echoes, and clients that measure.
 *
 *	flow_load serve PORT
 *	flow_load rate PORT SECONDS FLOWS	answers a second
 *	flow_load bulk PORT SECONDS FLOWS	of 1200 bytes: Mbit/s to clients
 *	flow_load latency PORT N		p50 p99 us
 *	flow_load create PORT N			new flows a second
 *	flow_load idle PORT N			N that were answered; "up"
 */
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <netinet/in.h>
#include <netinet/udp.h>

#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BATCH	32
#define SIZE	65536
#define BUFFER	(8 << 20)
#define WINDOW	8		/* questions under way, of each flow */
#define TRAIN	40		/* datagrams that one question of bulk gets */
#define FULL	1200
#define FDS	65536

static uint8_t			bytes[BATCH][SIZE];
static struct mmsghdr		msgs[BATCH];
static struct iovec		iovs[BATCH];
static struct sockaddr_in	names[BATCH];
static struct sockaddr_in	server;
static uint64_t			waits[FDS];	/* when it was asked, us */

static uint64_t
now(void)
{
	struct timespec	ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static void
prepare(int with_names)
{
	int	i;

	for (i = 0; i < BATCH; i++) {
		iovs[i] = (struct iovec){ bytes[i], SIZE };
		memset(&msgs[i], 0, sizeof(msgs[i]));
		msgs[i].msg_hdr.msg_iov = &iovs[i];
		msgs[i].msg_hdr.msg_iovlen = 1;
		if (!with_names)
			continue;
		msgs[i].msg_hdr.msg_name = &names[i];
		msgs[i].msg_hdr.msg_namelen = sizeof(names[i]);
	}
}

static int
new_socket(void)
{
	int	fd, size = BUFFER;

	if ((fd = socket(AF_INET, SOCK_DGRAM, 0)) == -1)
		err(1, "socket");
	if (fd >= FDS)
		errx(1, "too many flows");
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	return fd;
}

/* --- The server --- */

/* As servers of QUIC do it: many datagrams with one call. */
static void
train(int fd, const struct sockaddr_in *to)
{
	static uint8_t	data[TRAIN * FULL];
	int		size = FULL;

	setsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &size, sizeof(size));
	sendto(fd, data, sizeof(data), 0, (const struct sockaddr *)to,
	    sizeof(*to));
	size = 0;
	setsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &size, sizeof(size));
}

static void
echo(int fd, int n)
{
	int	i, k = 0;

	for (i = 0; i < n; i++) {
		if (memcmp(bytes[i], "echo bulk", 9) == 0) {
			train(fd, &names[i]);
			continue;
		}
		iovs[i].iov_len = msgs[i].msg_len;
		msgs[k++].msg_hdr = msgs[i].msg_hdr;
	}
	if (k > 0)
		sendmmsg(fd, msgs, (unsigned int)k, 0);
}

static void
serve(void)
{
	int	fd = new_socket(), n;

	if (bind(fd, (struct sockaddr *)&server, sizeof(server)) == -1)
		err(1, "bind");
	for (;;) {
		prepare(1);
		if ((n = recvmmsg(fd, msgs, BATCH, MSG_WAITFORONE, NULL)) > 0)
			echo(fd, n);
	}
}

/* --- Clients --- */

static int
connected(void)
{
	int	fd = new_socket();

	if (connect(fd, (struct sockaddr *)&server, sizeof(server)) == -1)
		err(1, "connect");
	return fd;
}

static void
ask(int fd, const char *text, int n)
{
	char	data[64];

	memset(data, 'x', sizeof(data));
	memcpy(data, text, strlen(text));
	waits[fd] = now();
	while (n-- > 0)
		send(fd, data, sizeof(data), MSG_DONTWAIT);
}

static int
watch(int ep, int fd)
{
	struct epoll_event	e = { .events = EPOLLIN, .data.fd = fd };

	return epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e);
}

/* What is there: how many datagrams, and bytes. */
static int
drain(int fd, uint64_t *sum)
{
	int	i, n;

	prepare(0);
	n = recvmmsg(fd, msgs, BATCH, MSG_DONTWAIT, NULL);
	for (i = 0; i < n; i++)
		*sum += msgs[i].msg_len;
	return n < 0 ? 0 : n;
}

/* Flows that lost all of theirs ask again. */
static void
again(const int *fds, int n, const char *text, int window)
{
	uint64_t	t = now();
	int		i;

	for (i = 0; i < n; i++)
		if (t - waits[fds[i]] > 100000)
			ask(fds[i], text, window);
}

static void
rate(double seconds, int flows)
{
	struct epoll_event	list[64];
	uint64_t		begin, end, count = 0, sum = 0;
	int			*fds, ep = epoll_create1(0), i, k, n;

	if ((fds = calloc((size_t)flows, sizeof(*fds))) == NULL)
		err(1, "flows");
	for (i = 0; i < flows; i++) {
		fds[i] = connected();
		watch(ep, fds[i]);
		ask(fds[i], "echo", WINDOW);
	}
	begin = now();
	end = begin + (uint64_t)(seconds * 1e6);
	while (now() < end) {
		n = epoll_wait(ep, list, 64, 20);
		for (i = 0; i < n; i++) {
			k = drain(list[i].data.fd, &sum);
			count += (uint64_t)k;
			ask(list[i].data.fd, "echo", k);
		}
		again(fds, flows, "echo", WINDOW);
	}
	printf("%.0f\n", (double)count * 1e6 / (double)(now() - begin));
}

/* Each flow asks for a train when it has had most of the last one. */
static void
bulk(double seconds, int flows)
{
	struct epoll_event	list[64];
	static uint64_t		got[FDS];
	uint64_t		begin, end, all = 0, sum;
	int			*fds, ep = epoll_create1(0), i, n, fd;

	if ((fds = calloc((size_t)flows, sizeof(*fds))) == NULL)
		err(1, "flows");
	for (i = 0; i < flows; i++) {
		fds[i] = connected();
		watch(ep, fds[i]);
		ask(fds[i], "echo bulk", 2);
	}
	begin = now();
	end = begin + (uint64_t)(seconds * 1e6);
	while (now() < end) {
		n = epoll_wait(ep, list, 64, 20);
		for (i = 0; i < n; i++) {
			fd = list[i].data.fd;
			sum = 0;
			drain(fd, &sum);
			all += sum;
			for (got[fd] += sum; got[fd] >= TRAIN * FULL;
			    got[fd] -= TRAIN * FULL)
				ask(fd, "echo bulk", 1);
		}
		again(fds, flows, "echo bulk", 2);
	}
	printf("%.0f\n", (double)all * 8 / (double)(now() - begin));
}

static int
by_size(const void *a, const void *b)
{
	uint64_t	x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void
latency(int n)
{
	struct timeval	limit = { .tv_sec = 1 };
	uint64_t	*times, begin;
	int		 fd = connected(), i, k = 0;

	if ((times = calloc((size_t)n, sizeof(*times))) == NULL)
		err(1, "latency");
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	for (i = 0; i < n; i++) {
		begin = now();
		ask(fd, "echo", 1);
		if (recv(fd, bytes[0], SIZE, 0) > 0)
			times[k++] = now() - begin;
	}
	qsort(times, (size_t)k, sizeof(*times), by_size);
	printf("%llu %llu\n", (unsigned long long)times[k / 2],
	    (unsigned long long)times[k * 99 / 100]);
}

/* 32 at a time. */
static void
create(int n)
{
	struct timeval	limit = { .tv_usec = 200000 };
	uint64_t	begin = now(), count = 0;
	int		fds[32], i;

	for (; n > 0; n -= 32) {
		for (i = 0; i < 32; i++) {
			fds[i] = connected();
			setsockopt(fds[i], SOL_SOCKET, SO_RCVTIMEO, &limit,
			    sizeof(limit));
			ask(fds[i], "echo", 1);
		}
		for (i = 0; i < 32; i++) {
			count += recv(fds[i], bytes[0], SIZE, 0) > 0;
			close(fds[i]);
		}
	}
	printf("%.0f\n", (double)count * 1e6 / (double)(now() - begin));
}

static void
idle(int n)
{
	struct timeval	limit = { .tv_sec = 2 };
	int		fd, i;

	for (i = 0; i < n; i++) {
		fd = connected();
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit,
		    sizeof(limit));
		ask(fd, "echo", 1);
		if (recv(fd, bytes[0], SIZE, 0) <= 0)
			errx(1, "flow %d was not answered", i);
	}
	puts("up");
	fflush(stdout);
	pause();
}

int
main(int argc, char **argv)
{
	struct rlimit	r;

	if (argc < 3)
		errx(1, "usage: see the source");
	getrlimit(RLIMIT_NOFILE, &r);
	r.rlim_cur = r.rlim_max;
	setrlimit(RLIMIT_NOFILE, &r);
	server.sin_family = AF_INET;
	server.sin_port = htons((uint16_t)atoi(argv[2]));
	server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (strcmp(argv[1], "serve") == 0)
		serve();
	else if (strcmp(argv[1], "rate") == 0 && argc == 5)
		rate(atof(argv[3]), atoi(argv[4]));
	else if (strcmp(argv[1], "bulk") == 0 && argc == 5)
		bulk(atof(argv[3]), atoi(argv[4]));
	else if (strcmp(argv[1], "latency") == 0 && argc == 4)
		latency(atoi(argv[3]));
	else if (strcmp(argv[1], "create") == 0 && argc == 4)
		create(atoi(argv[3]));
	else if (strcmp(argv[1], "idle") == 0 && argc == 4)
		idle(atoi(argv[3]));
	else
		errx(1, "usage: see the source");
	return 0;
}

/*
 * How long from write(2) of the line that breaks the rule to the entry in the
 * kernel's set, or to the reset on the client's socket.
 *
 *	ban_latency set|reset HOST-NETNS CLIENT-NETNS LOG COUNT
 *
 * Three processes: one on the host accepts connections; one on the client's
 * side connects, each time from another address, and waits in poll(2) as any
 * client does; this one writes the log.  For `set` it then asks the kernel
 * (IPSET_CMD_TEST) again and again with 10 us of sleep in between: without it
 * the asking takes a core away from what is measured.  So that answer is up to
 * 20 us late, and the two are measured apart.  The clock starts before
 * write(2) is called.
 */
/* LIBS: -lmnl */
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <linux/netfilter/ipset/ip_set.h>
#include <linux/netfilter/nfnetlink.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <libmnl/libmnl.h>

#define LIMIT_MS	2000		/* longer than this: it did not come */
#define GAP_US		3000
#define PORT		443
#define SERVER		0xcb007101u	/* 203.0.113.1 */
#define OWNERS		0xc6120000u	/* 198.18.0.0/16 */
#define OFFENDERS	0xc6130000u	/* 198.19.0.0/16 */

static struct mnl_socket	*nl;
static unsigned int		 seq;

static int64_t
now(void)
{
	struct timespec	ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static void
enter(const char *netns)
{
	int	fd;

	if ((fd = open(netns, O_RDONLY | O_CLOEXEC)) == -1 ||
	    setns(fd, CLONE_NEWNET) == -1)
		err(1, "%s", netns);
	(void)close(fd);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
}

/* Is ADDR,tcp:443 in refract4p? */
static int
in_set(uint32_t addr)
{
	_Alignas(8) char	 buf[512];
	struct nlmsghdr		*h = mnl_nlmsg_put_header(buf);
	struct nfgenmsg		*nf;
	struct nlattr		*data, *ip;
	int			 e;

	h->nlmsg_type = NFNL_SUBSYS_IPSET << 8 | IPSET_CMD_TEST;
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	h->nlmsg_seq = ++seq;
	nf = mnl_nlmsg_put_extra_header(h, sizeof(*nf));
	nf->nfgen_family = AF_INET;
	mnl_attr_put_u8(h, IPSET_ATTR_PROTOCOL, IPSET_PROTOCOL);
	mnl_attr_put_strz(h, IPSET_ATTR_SETNAME, "refract4p");
	data = mnl_attr_nest_start(h, IPSET_ATTR_DATA);
	ip = mnl_attr_nest_start(h, IPSET_ATTR_IP);
	mnl_attr_put_u32(h, IPSET_ATTR_IPADDR_IPV4 | NLA_F_NET_BYTEORDER,
	    htonl(addr));
	mnl_attr_nest_end(h, ip);
	mnl_attr_put_u8(h, IPSET_ATTR_CIDR, 32);
	mnl_attr_put_u16(h, IPSET_ATTR_PORT | NLA_F_NET_BYTEORDER,
	    htons(PORT));
	mnl_attr_put_u8(h, IPSET_ATTR_PROTO, IPPROTO_TCP);
	mnl_attr_nest_end(h, data);
	if (mnl_socket_sendto(nl, h, h->nlmsg_len) == -1 ||
	    mnl_socket_recvfrom(nl, buf, sizeof(buf)) == -1)
		err(1, "netlink");
	if (h->nlmsg_type != NLMSG_ERROR)
		errx(1, "netlink: an answer of type %u", h->nlmsg_type);
	e = -((const struct nlmsgerr *)mnl_nlmsg_get_payload(h))->error;
	if (e != 0 && e != IPSET_ERR_EXIST && e != ENOENT)
		errx(1, "netlink: ipset test says %d", e);
	return e == 0;
}

static struct sockaddr_in
address(uint32_t addr, uint16_t port)
{
	struct sockaddr_in	sin = { .sin_family = AF_INET };

	sin.sin_addr.s_addr = htonl(addr);
	sin.sin_port = htons(port);
	return sin;
}

/* Accept and keep, until we are killed. */
static void
server(int ready)
{
	struct sockaddr_in	sin = address(INADDR_ANY, PORT);
	struct rlimit		many = { 8192, 8192 };
	int			fd, one = 1;

	(void)setrlimit(RLIMIT_NOFILE, &many);
	if ((fd = socket(AF_INET, SOCK_STREAM, 0)) == -1 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    bind(fd, (struct sockaddr *)&sin, sizeof(sin)) == -1 ||
	    listen(fd, 128) == -1 || write(ready, "", 1) != 1)
		err(1, "server");
	while (accept(fd, NULL, NULL) != -1)
		;
	err(1, "accept");
}

/* For each address that comes: connect, say the port, then when it ended. */
static void
client(int sock)
{
	struct sockaddr_in	from, to = address(SERVER, PORT);
	struct pollfd		pfd;
	socklen_t		len;
	uint32_t		addr;
	uint16_t		port;
	int64_t			at;

	while (read(sock, &addr, sizeof(addr)) == sizeof(addr)) {
		from = address(addr, 0);
		len = sizeof(from);
		if ((pfd.fd = socket(AF_INET, SOCK_STREAM, 0)) == -1 ||
		    bind(pfd.fd, (struct sockaddr *)&from, len) == -1 ||
		    connect(pfd.fd, (struct sockaddr *)&to, sizeof(to)) ||
		    getsockname(pfd.fd, (struct sockaddr *)&from, &len) == -1)
			err(1, "client");
		port = ntohs(from.sin_port);
		pfd.events = POLLIN;
		if (write(sock, &port, sizeof(port)) == -1)
			err(1, "client");
		at = poll(&pfd, 1, LIMIT_MS) == 1 ? now() : 0;
		if (write(sock, &at, sizeof(at)) == -1)
			err(1, "client");
		(void)close(pfd.fd);
	}
	exit(0);
}

/* Returns the time just before the write. */
static int64_t
line(int fd, uint32_t addr, uint16_t port, int user)
{
	char		 buf[256], stamp[32];
	struct in_addr	 in = { htonl(addr) };
	struct timespec	 ts;
	struct tm	 tm;
	int64_t		 begun;
	int		 n;

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	(void)localtime_r(&ts.tv_sec, &tm);
	(void)strftime(stamp, sizeof(stamp), "%Y/%m/%d %H:%M:%S", &tm);
	n = snprintf(buf, sizeof(buf), "%s.%06ld from %s:%u accepted "
	    "tcp:www.example.com:443 [in >> direct] email: user%d@example\n",
	    stamp, ts.tv_nsec / 1000, inet_ntoa(in), port, user);
	begun = now();
	if (write(fd, buf, (size_t)n) != n)
		err(1, "log");
	return begun;
}

/* One ban: nanoseconds, or -1 if it did not come. */
static int64_t
measure(int set, int log, int sock, int i)
{
	static const struct timespec	ask_again = { 0, 10000 };
	uint32_t	addr = OFFENDERS + 256 + (uint32_t)i;
	uint16_t	port;
	int64_t		begun, entry = -1, reset;

	(void)line(log, OWNERS + 256 + (uint32_t)i, 1024, i);
	if (write(sock, &addr, sizeof(addr)) == -1 ||
	    read(sock, &port, sizeof(port)) != sizeof(port))
		errx(1, "the client is gone");
	(void)usleep(GAP_US);
	begun = line(log, addr, port, i);
	while (set && entry == -1 && now() - begun < LIMIT_MS * 1000000LL)
		if (in_set(addr))
			entry = now() - begun;
		else
			(void)nanosleep(&ask_again, NULL);
	if (read(sock, &reset, sizeof(reset)) != sizeof(reset))
		errx(1, "the client is gone");
	if (set)
		return entry;
	return reset == 0 ? -1 : reset - begun;
}

static int
compare(const void *a, const void *b)
{
	int64_t	x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

int
main(int argc, char **argv)
{
	int64_t	*ns, took;
	char	 byte;
	int	 count, done = 0, i, log, ready[2], set, sock[2];

	if (argc != 6)
		errx(2, "usage: ban_latency set|reset host client log count");
	set = strcmp(argv[1], "set") == 0;
	count = atoi(argv[5]);
	if ((ns = calloc((size_t)count, sizeof(*ns))) == NULL ||
	    (log = open(argv[4], O_WRONLY | O_APPEND)) == -1 ||
	    pipe(ready) == -1 ||
	    socketpair(AF_UNIX, SOCK_STREAM, 0, sock) == -1)
		err(1, "%s", argv[4]);
	if (fork() == 0) {
		enter(argv[2]);
		server(ready[1]);
	}
	if (read(ready[0], &byte, 1) != 1)
		errx(1, "no server");
	if (fork() == 0) {
		(void)close(sock[0]);
		enter(argv[3]);
		client(sock[1]);
	}
	(void)close(sock[1]);
	enter(argv[2]);
	(void)prctl(PR_SET_TIMERSLACK, 1);
	if ((nl = mnl_socket_open(NETLINK_NETFILTER)) == NULL ||
	    mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) == -1)
		err(1, "netlink");
	for (i = 0; i < count; i++)
		if ((took = measure(set, log, sock[0], i)) != -1)
			ns[done++] = took;
	qsort(ns, (size_t)done, sizeof(*ns), compare);
	if (done == 0)
		errx(1, "no ban came");
	(void)printf("%s: median %lld us, p99 %lld us, longest %lld us"
	    " (%d of %d)\n", set ? "to the entry in the set" :
	    "to the reset at the client", (long long)ns[done / 2] / 1000,
	    (long long)ns[done * 99 / 100] / 1000,
	    (long long)ns[done - 1] / 1000, done, count);
	return 0;
}

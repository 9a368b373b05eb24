/*
 * sd_notify(3)'s protocol: datagrams of VARIABLE=value lines to a unix socket
 * whose name the service manager left in the environment.  Nothing here waits
 * and nothing here fails the daemon: a service manager that does not listen
 * misses something, and that is all.
 */
#include <sys/socket.h>
#include <sys/un.h>

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>

#include "args.h"
#include "log.h"
#include "notify.h"

static int		 notify_fd = -1;
static struct event	*watchdog;

static void
notify_send(const char *text)
{
	if (notify_fd == -1)
		return;
	if (send(notify_fd, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL) ==
	    -1)
		log_debug("service manager: %s", strerror(errno));
}

/* "/path", or "@name" of the abstract space: 0 or -1. */
static int
notify_connect(const char *name)
{
	struct sockaddr_un	 sun;
	size_t			 len = strlen(name);

	if ((*name != '/' && *name != '@') || len >= sizeof(sun.sun_path)) {
		errno = EINVAL;
		return -1;
	}
	memset(&sun, 0, sizeof(sun));
	sun.sun_family = AF_UNIX;
	memcpy(sun.sun_path, name, len);
	if (*name == '@')
		sun.sun_path[0] = '\0';
	notify_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (notify_fd == -1)
		return -1;
	return connect(notify_fd, (struct sockaddr *)&sun,
	    offsetof(struct sockaddr_un, sun_path) + len);
}

static void
watchdog_fire(EVENT_ARGS)
{
	notify_send("WATCHDOG=1\n");
}

/* Twice as often as asked for, as sd_watchdog_enabled(3) advises. */
static void
watchdog_start(struct event_base *base)
{
	const char	*usec = getenv("WATCHDOG_USEC");
	const char	*pid = getenv("WATCHDOG_PID");
	struct timeval	 tv;
	long long	 n;

	if (usec == NULL ||
	    (pid != NULL && strtonum(pid, 1, INT32_MAX, NULL) != getpid()))
		return;
	n = strtonum(usec, 2000, INT64_MAX, NULL) / 2;
	if (n == 0)
		return;
	tv.tv_sec = n / 1000000;
	tv.tv_usec = n % 1000000;
	watchdog = event_new(base, -1, EV_PERSIST, watchdog_fire, NULL);
	if (watchdog == NULL || event_add(watchdog, &tv) == -1)
		fatalx("watchdog: out of memory");
}

void
notify_init(struct event_base *base)
{
	const char	*name = getenv("NOTIFY_SOCKET");

	if (name != NULL && notify_connect(name) == -1) {
		log_warn("service manager: %s", name);
		if (notify_fd != -1)
			close(notify_fd);
		notify_fd = -1;
	}
	if (notify_fd != -1)
		watchdog_start(base);
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
}

int
notify_on(void)
{
	return notify_fd != -1;
}

void
notify_ready(void)
{
	notify_send("READY=1\n");
}

/* With the time, which Type=notify-reload insists on. */
void
notify_reloading(void)
{
	struct timespec	ts;
	char		text[80];

	if (clock_gettime(CLOCK_MONOTONIC, &ts) == -1)
		fatal("clock_gettime");
	snprintf(text, sizeof(text),
	    "RELOADING=1\nMONOTONIC_USEC=%" PRId64 "\n",
	    (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000);
	notify_send(text);
}

void
notify_stopping(void)
{
	notify_send("STOPPING=1\n");
}

void
notify_status(const char *fmt, ...)
{
	char	status[480], text[512];
	va_list	ap;

	va_start(ap, fmt);
	vsnprintf(status, sizeof(status), fmt, ap);
	va_end(ap);
	snprintf(text, sizeof(text), "STATUS=%s\n", status);
	notify_send(text);
}

void
notify_store(const char *name, int fd)
{
	union {
		struct cmsghdr	hdr;
		char		room[CMSG_SPACE(sizeof(int))];
	}		 control;
	char		 text[160];
	struct iovec	 iov = { .iov_base = text };
	struct msghdr	 msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr	*c;

	if (notify_fd == -1)
		return;
	memset(&control, 0, sizeof(control));
	msg.msg_control = &control;
	msg.msg_controllen = sizeof(control);
	c = CMSG_FIRSTHDR(&msg);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	iov.iov_len = snprintf(text, sizeof(text),
	    "FDSTORE=1\nFDNAME=%s\nFDPOLL=0\n", name);
	if (sendmsg(notify_fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) == -1)
		log_warn("service manager: cannot keep \"%s\"", name);
}

void
notify_unstore(const char *name)
{
	char	text[160];

	snprintf(text, sizeof(text), "FDSTOREREMOVE=1\nFDNAME=%s\n", name);
	notify_send(text);
}

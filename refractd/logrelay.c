/*
 * From the suite's end of a socket pair to syslogd.  Never waits for either:
 * what syslogd does not take is lost, as with any datagram to it.
 */
#include <sys/socket.h>
#include <sys/un.h>

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "args.h"
#include "log.h"
#include "logrelay.h"

#define SYSLOG_PATH	"/dev/log"
#define STAMP_LEN	16	/* "Nov 21 14:00:00 " */

static int		 relay_fd = -1, syslog_fd = -1, terminal_fd = -1;
static struct event	*relay_ev;
static pid_t		 owner;

static void
syslog_connect(void)
{
	struct sockaddr_un	sun = { .sun_family = AF_UNIX };

	if (syslog_fd != -1)
		close(syslog_fd);
	strlcpy(sun.sun_path, SYSLOG_PATH, sizeof(sun.sun_path));
	syslog_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    0);
	if (syslog_fd != -1 && connect(syslog_fd, (struct sockaddr *)&sun,
	    sizeof(sun)) == -1) {
		close(syslog_fd);
		syslog_fd = -1;
	}
}

/* Once more with a new socket: syslogd may have been restarted. */
static void
syslog_send(const char *line, size_t len)
{
	if (syslog_fd != -1 &&
	    (send(syslog_fd, line, len, MSG_NOSIGNAL) != -1 ||
	    errno == EAGAIN))
		return;
	syslog_connect();
	if (syslog_fd != -1)
		(void)send(syslog_fd, line, len, MSG_NOSIGNAL);
}

/* Without the priority and time that syslogd wants. */
static void
terminal_write(const char *line, size_t len)
{
	const char	*text = memchr(line, '>', len);

	text = text == NULL ? line : text + 1;
	len -= text - line;
	if (len > STAMP_LEN && isupper((unsigned char)*text)) {
		text += STAMP_LEN;
		len -= STAMP_LEN;
	}
	dprintf(terminal_fd, "%.*s\n", (int)len, text);
}

static void
relay(EVENT_ARGS)
{
	char	line[4096];
	ssize_t	n;

	while ((n = recv(relay_fd, line, sizeof(line), MSG_DONTWAIT)) > 0) {
		if (line[n - 1] == '\n')
			n--;
		syslog_send(line, n);
		if (terminal_fd != -1)
			terminal_write(line, n);
	}
}

static void
relay_last(void)
{
	if (getpid() == owner)
		relay(relay_fd, 0, NULL);
}

void
logrelay_start(void)
{
	int	sp[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sp) == -1 ||
	    (terminal_fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3)) == -1 ||
	    dup2(sp[1], STDERR_FILENO) == -1)
		fatal("log");
	close(sp[1]);
	relay_fd = sp[0];
	owner = getpid();
	if (atexit(relay_last) != 0)
		fatalx("log: atexit");
	syslog_connect();
	if (syslog_fd == -1)
		dprintf(terminal_fd, "refractd: no syslogd at " SYSLOG_PATH
		    ": nothing is logged until there is one\n");
	log_init(LOG_TO_SYSLOG, "refractd");
}

void
logrelay_run(struct event_base *base)
{
	if (relay_fd == -1)
		return;
	relay_ev = event_new(base, relay_fd, EV_READ | EV_PERSIST, relay,
	    NULL);
	if (relay_ev == NULL || event_add(relay_ev, NULL) == -1)
		fatalx("log: out of memory");
}

void
logrelay_detach(void)
{
	if (terminal_fd == -1)
		return;
	relay(relay_fd, 0, NULL);
	close(terminal_fd);
	terminal_fd = -1;
}

/*
 * Logging to descriptor 2, whatever that is, without ever waiting for it.
 *
 * A socket is sent to with MSG_DONTWAIT; a pipe or a terminal is asked by
 * poll(2) first; a file takes what it gets.  A line that finds no room is
 * dropped and counted, and the next one that goes through is followed by
 * their number.
 */
#include <sys/socket.h>
#include <sys/stat.h>

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>
#include <vis.h>

#include "log.h"

#define LINE_LEN	1024	/* RFC 3164, 4.1: packets of 1024 bytes */
#define VIS_MAX		256

enum sink { SINK_FILE, SINK_SOCKET, SINK_POLLED };

static struct {
	enum log_mode	 mode;
	enum sink	 sink;
	const char	*ident;
	int		 verbose;
	uint64_t	 dropped, told;
} logger = { .sink = SINK_POLLED, .ident = "refract" };

void
log_init(enum log_mode mode, const char *ident)
{
	struct stat st;

	logger.mode = mode;
	logger.ident = ident;
	logger.sink = SINK_POLLED;
	if (fstat(STDERR_FILENO, &st) == -1)
		return;
	if (S_ISSOCK(st.st_mode))
		logger.sink = SINK_SOCKET;
	else if (S_ISREG(st.st_mode))
		logger.sink = SINK_FILE;
}

enum log_mode
log_mode(void)
{
	return logger.mode;
}

void
log_setverbose(int verbose)
{
	logger.verbose = verbose;
}

uint64_t
log_dropped(void)
{
	return logger.dropped;
}

static int
sink_ready(void)
{
	struct pollfd pfd = { .fd = STDERR_FILENO, .events = POLLOUT };

	return poll(&pfd, 1, 0) == 1 && (pfd.revents & POLLOUT);
}

/* 0, or -1 if the line was not taken. */
static int
sink_write(const char *line, size_t len)
{
	ssize_t n;

	if (logger.sink == SINK_SOCKET)
		n = send(STDERR_FILENO, line, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	else if (logger.sink == SINK_FILE || sink_ready())
		n = write(STDERR_FILENO, line, len);
	else
		n = -1;
	return n == -1 ? -1 : 0;
}

/* What stands before the message: its length. */
static size_t
line_head(char *line, size_t room, int priority)
{
	struct tm tm;
	time_t now;
	char stamp[32];
	int n;

	switch (logger.mode) {
	case LOG_TO_JOURNAL:
		n = snprintf(line, room, "<%d>%s: ", priority, logger.ident);
		break;
	case LOG_TO_SYSLOG:
		now = time(NULL);
		if (localtime_r(&now, &tm) == NULL ||
		    strftime(stamp, sizeof(stamp), "%b %e %T", &tm) == 0)
			stamp[0] = '\0';
		n = snprintf(line, room, "<%d>%s %s[%ld]: ",
		    LOG_DAEMON | priority, stamp, logger.ident,
		    (long)getpid());
		break;
	default:
		n = snprintf(line, room, "%s: ", logger.ident);
		break;
	}
	return n < 0 ? 0 : (size_t)n < room ? (size_t)n : room - 1;
}

static int log_line(int, const char *, va_list)
    __attribute__((__format__(printf, 2, 0)));

static int
log_line(int priority, const char *fmt, va_list ap)
{
	char line[LINE_LEN];
	size_t len;
	int n;

	/* One byte less than there is: the newline's. */
	len = line_head(line, sizeof(line) - 1, priority);
	n = vsnprintf(line + len, sizeof(line) - 1 - len, fmt, ap);
	if (n > 0)
		len += (size_t)n;
	if (len > sizeof(line) - 2)
		len = sizeof(line) - 2;
	if (logger.mode != LOG_TO_SYSLOG)
		line[len++] = '\n';
	return sink_write(line, len);
}

static int log_say(int, const char *, ...)
    __attribute__((__format__(printf, 2, 3)));

static int
log_say(int priority, const char *fmt, ...)
{
	va_list ap;
	int ret;

	va_start(ap, fmt);
	ret = log_line(priority, fmt, ap);
	va_end(ap);
	return ret;
}

static void __attribute__((__format__(printf, 2, 0)))
log_vwrite(int priority, const char *fmt, va_list ap)
{
	uint64_t missing;
	int saved = errno;

	if (log_line(priority, fmt, ap) == -1)
		logger.dropped++;
	else if ((missing = logger.dropped - logger.told) != 0 &&
	    log_say(LOG_WARNING, "log: %llu messages were dropped",
	    (unsigned long long)missing) == 0)
		logger.told = logger.dropped;
	errno = saved;
}

static void vwith_errno(int, const char *, va_list)
    __attribute__((__format__(printf, 2, 0)));

static void
vwith_errno(int priority, const char *fmt, va_list ap)
{
	char with[LINE_LEN];
	int saved = errno;

	/* strerror(3) has no '%' in it, in no locale; we set none. */
	snprintf(with, sizeof(with), "%s: %s", fmt, strerror(saved));
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	log_vwrite(priority, with, ap);
#pragma GCC diagnostic pop
	errno = saved;
}

void
log_warn(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vwith_errno(LOG_WARNING, fmt, ap);
	va_end(ap);
}

void
log_warnx(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_vwrite(LOG_WARNING, fmt, ap);
	va_end(ap);
}

void
log_notice(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_vwrite(LOG_NOTICE, fmt, ap);
	va_end(ap);
}

void
log_info(const char *fmt, ...)
{
	va_list ap;

	if (logger.verbose < 1)
		return;
	va_start(ap, fmt);
	log_vwrite(LOG_INFO, fmt, ap);
	va_end(ap);
}

void
log_debug(const char *fmt, ...)
{
	va_list ap;

	if (logger.verbose < 2)
		return;
	va_start(ap, fmt);
	log_vwrite(LOG_DEBUG, fmt, ap);
	va_end(ap);
}

void
fatal(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vwith_errno(LOG_CRIT, fmt, ap);
	va_end(ap);
	exit(1);
}

void
fatalx(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_vwrite(LOG_CRIT, fmt, ap);
	va_end(ap);
	exit(1);
}

const char *
log_vis(const void *data, size_t len)
{
	static char bufs[2][VIS_MAX + sizeof("...")];
	static unsigned int turn;
	const unsigned char *s = data;
	char *buf = bufs[turn++ % 2], one[8];
	size_t i, n, used = 0;

	for (i = 0; i < len; i++) {
		vis(one, s[i], VIS_TAB | VIS_NL | VIS_CSTYLE | VIS_OCTAL,
		    i + 1 < len ? s[i + 1] : 0);
		n = strlen(one);
		if (used + n > VIS_MAX) {
			memcpy(buf + used, "...", 3);
			used += 3;
			break;
		}
		memcpy(buf + used, one, n);
		used += n;
	}
	buf[used] = '\0';
	return buf;
}

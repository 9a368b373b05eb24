/*
 * Datagram sockets: udp, and unix sockets that everybody may write to, whose
 * directory nobody but root may change, so that the name is ours.
 */
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <netinet/in.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "conf.h"
#include "datagram.h"
#include "log.h"

#define BUFFER	(4 * 1024 * 1024)	/* asked for: a host has a limit */

static int
refuse(char *why, size_t len, const char *path, const char *fault)
{
	snprintf(why, len, "%s: %s", path, fault);
	return -1;
}

/* Nobody else can put something else in its place. */
static int
check_dir(const char *path, char *why, size_t len)
{
	char		 dir[PATH_MAX_LEN], *slash;
	struct stat	 st;

	strlcpy(dir, path, sizeof(dir));
	if ((slash = strrchr(dir, '/')) == NULL)
		return refuse(why, len, path, "is not an absolute path");
	slash[slash == dir] = '\0';
	if (lstat(dir, &st) == -1)
		return refuse(why, len, dir, strerror(errno));
	if (!S_ISDIR(st.st_mode) || st.st_uid != 0 ||
	    (st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return refuse(why, len, dir, "must be a directory that only "
		    "root may write");
	return 0;
}

/* What a daemon of earlier has left; not what somebody listens on. */
static int
remove_stale(const struct sockaddr_un *sun, char *why, size_t len)
{
	struct stat	st;
	int		fd, busy;

	if (lstat(sun->sun_path, &st) == -1)
		return errno == ENOENT ? 0 : refuse(why, len, sun->sun_path,
		    strerror(errno));
	if (!S_ISSOCK(st.st_mode))
		return refuse(why, len, sun->sun_path, "is there and is not a "
		    "socket");
	if ((fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) == -1)
		return refuse(why, len, sun->sun_path, strerror(errno));
	busy = connect(fd, (const struct sockaddr *)sun, sizeof(*sun)) == 0 ||
	    errno != ECONNREFUSED;
	close(fd);
	if (busy)
		return refuse(why, len, sun->sun_path, "somebody listens "
		    "there");
	if (unlink(sun->sun_path) == -1)
		return refuse(why, len, sun->sun_path, strerror(errno));
	return 0;
}

static int
bind_unix(int fd, const char *path, char *why, size_t len)
{
	struct sockaddr_un	 sun;
	mode_t			 old;
	int			 status;

	memset(&sun, 0, sizeof(sun));
	sun.sun_family = AF_UNIX;
	if (strlcpy(sun.sun_path, path, sizeof(sun.sun_path)) >=
	    sizeof(sun.sun_path))
		return refuse(why, len, path, "is longer than a socket's name "
		    "can be");
	if (check_dir(path, why, len) == -1 ||
	    remove_stale(&sun, why, len) == -1)
		return -1;
	old = umask(0111);
	status = bind(fd, (struct sockaddr *)&sun, sizeof(sun));
	umask(old);
	return status == 0 ? 0 : refuse(why, len, path, strerror(errno));
}

/* An address may come later than we do: network-pre.target. */
static int
bind_udp(int fd, const struct conf_source *cs)
{
	struct sockaddr_storage	ss;
	socklen_t		len = addr_to_sockaddr(&cs->addr, cs->port,
				    &ss);
	int			on = 1, v6 = cs->addr.family == AF_INET6;

	if (setsockopt(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP,
	    v6 ? IPV6_FREEBIND : IP_FREEBIND, &on, sizeof(on)) == -1 ||
	    (v6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on,
	    sizeof(on)) == -1) ||
	    setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof(on)) == -1)
		return -1;
	return bind(fd, (struct sockaddr *)&ss, len);
}

int
datagram_open(const struct conf_source *cs, char *why, size_t len)
{
	int	family = cs->addr.family == 0 ? AF_UNIX : cs->addr.family;
	int	fd, size = BUFFER, status;

	fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return refuse(why, len, cs->w.path, strerror(errno));
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)) == -1)
		log_debug("%s: the socket's buffer stays as it is",
		    cs->w.path);
	if (family == AF_UNIX)
		status = bind_unix(fd, cs->dir, why, len);
	else if ((status = bind_udp(fd, cs)) == -1)
		refuse(why, len, cs->w.path, strerror(errno));
	if (status == 0)
		return fd;
	close(fd);
	return -1;
}

void
datagram_remove(const char *path)
{
	if (unlink(path) == -1 && errno != ENOENT)
		log_warn("%s", path);
}

/*
 * The service manager's descriptor store: what it handed to us at the start
 * (sd_listen_fds_with_names(3)), and what we ask it to keep.  The protocol is
 * spoken by notify.c.  FDSTORE is set by systemd since version 254; for older
 * ones our unit sets it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fdstore.h"
#include "log.h"
#include "notify.h"

#define FIRST_FD	3	/* SD_LISTEN_FDS_START */
#define STORED_MAX	64
#define NAME_LEN	80

static struct stored {
	int	fd;		/* -1: taken */
	char	name[NAME_LEN];
} stored[STORED_MAX];
static int	nstored, room;

static long long
number(const char *name, long long max)
{
	const char	*s = getenv(name);

	return s == NULL ? 0 : strtonum(s, 1, max, NULL);
}

/* Names are separated by colons; one that is missing is "". */
static void
inherit(int n, const char *names)
{
	size_t	len;
	int	i;

	for (i = 0; i < n; i++) {
		len = strcspn(names, ":");
		stored[i].fd = FIRST_FD + i;
		snprintf(stored[i].name, NAME_LEN, "%.*s", (int)len, names);
		names += len + (names[len] == ':');
		if (fcntl(FIRST_FD + i, F_SETFD, FD_CLOEXEC) == -1)
			fatal("descriptor %d of the service manager",
			    FIRST_FD + i);
	}
	nstored = n;
}

void
fdstore_init(void)
{
	const char	*names = getenv("LISTEN_FDNAMES");

	room = (int)number("FDSTORE", INT32_MAX);
	if (number("LISTEN_PID", INT32_MAX) == getpid())
		inherit((int)number("LISTEN_FDS", STORED_MAX),
		    names == NULL ? "" : names);
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	unsetenv("FDSTORE");
}

int
fdstore_on(void)
{
	return room > 0 && notify_on();
}

int
fdstore_take(const char *name)
{
	int	fd, i;

	for (i = 0; i < nstored; i++)
		if (stored[i].fd != -1 && strcmp(stored[i].name, name) == 0) {
			fd = stored[i].fd;
			stored[i].fd = -1;
			return fd;
		}
	return -1;
}

void
fdstore_keep(const char *name, int fd)
{
	if (fdstore_on())
		notify_store(name, fd);
}

void
fdstore_forget(const char *name)
{
	if (fdstore_on())
		notify_unstore(name);
}

void
fdstore_rest(void)
{
	int	i;

	for (i = 0; i < nstored; i++) {
		if (stored[i].fd == -1)
			continue;
		log_info("descriptor store: \"%s\" is not needed any more",
		    log_vis(stored[i].name, strlen(stored[i].name)));
		close(stored[i].fd);
		stored[i].fd = -1;
		fdstore_forget(stored[i].name);
	}
}

/*
 * Reading an inotify(7) descriptor.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "changes.h"
#include "log.h"

int
changes_read(int fd, void (*fn)(const struct inotify_event *, const char *))
{
	struct inotify_event	e;
	char			buf[16384];
	ssize_t			n, i;

	if ((n = read(fd, buf, sizeof(buf))) == -1) {
		if (errno != EAGAIN && errno != EINTR)
			fatal("inotify");
		return 0;
	}
	for (i = 0; i < n; i += (ssize_t)(sizeof(e) + e.len)) {
		memcpy(&e, buf + i, sizeof(e));
		fn(&e, e.len == 0 ? "" : buf + i + sizeof(e));
	}
	return n > 0;
}

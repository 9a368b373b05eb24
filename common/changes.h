/*
 * Reading an inotify(7) descriptor.
 */
#ifndef CHANGES_H
#define CHANGES_H

#include <sys/inotify.h>

/*
 * One read(2) of it: fn gets each event and its name, "" if it has none.
 * 1, or 0 if there are no more now; another error is fatal.
 */
int	 changes_read(int fd, void (*fn)(const struct inotify_event *,
	    const char *name));

#endif

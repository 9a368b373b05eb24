/*
 * Walking a pattern component by component, by descriptors, so that what was
 * checked is what is used.  Who may write a directory on the way may put
 * anything there; a link of his is not followed.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "walk.h"

#define PATH_LEN	4096
#define NAME_LEN	256
#define OPEN_DIR	(O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK)

struct walker {
	const struct walk	*ops;
	void			*ctx;
	char			 path[PATH_LEN];	/* walked so far */
	size_t			 len;
};

static void	walk_dir(struct walker *, int, const char *);

/* Cut the first component off *rest into name: 1, or 0 at the end. */
static int
component(const char **rest, char *name, size_t size)
{
	size_t	n;

	*rest += strspn(*rest, "/");
	n = strcspn(*rest, "/");
	if (n == 0 || n >= size)
		return 0;
	memcpy(name, *rest, n);
	name[n] = '\0';
	*rest += n;
	*rest += strspn(*rest, "/");
	return 1;
}

/* A link is followed if root made it: what lies behind is root's choice. */
static int
open_dir(int dirfd, const char *name, const char **why)
{
	struct stat	st;
	int		fd;

	*why = NULL;
	if ((fd = openat(dirfd, name, OPEN_DIR | O_NOFOLLOW)) != -1)
		return fd;
	if ((errno == ENOTDIR || errno == ELOOP) &&
	    fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISLNK(st.st_mode)) {
		if (st.st_uid == 0)
			fd = openat(dirfd, name, OPEN_DIR);
		else
			*why = "is a symbolic link that root did not make";
	}
	if (fd == -1 && *why == NULL && errno != ENOENT && errno != ENOTDIR)
		*why = strerror(errno);
	return fd;
}

static void
walk_entry(struct walker *w, int dirfd, const char *name, const char *rest)
{
	size_t		 len = w->len;
	const char	*why;
	int		 fd, n;

	n = snprintf(w->path + len, sizeof(w->path) - len, "/%s", name);
	if (n < 0 || (size_t)n >= sizeof(w->path) - len) {
		w->path[len] = '\0';
		return;
	}
	w->len += n;
	if (*rest == '\0')
		w->ops->file(w->ctx, dirfd, name, w->path);
	else if ((fd = open_dir(dirfd, name, &why)) != -1) {
		walk_dir(w, fd, rest);
		close(fd);
	} else if (why != NULL)
		w->ops->refused(w->ctx, w->path, why);
	w->len = len;
	w->path[len] = '\0';
}

static void
walk_list(struct walker *w, int dirfd, const char *pattern, const char *rest)
{
	struct dirent	*de;
	DIR		*dir;
	int		 fd;

	if ((fd = openat(dirfd, ".", OPEN_DIR)) == -1)
		return;
	if ((dir = fdopendir(fd)) == NULL) {
		close(fd);
		return;
	}
	while ((de = readdir(dir)) != NULL)
		if (strcmp(de->d_name, ".") != 0 &&
		    strcmp(de->d_name, "..") != 0 &&
		    fnmatch(pattern, de->d_name, FNM_PERIOD) == 0)
			walk_entry(w, dirfd, de->d_name, rest);
	closedir(dir);
}

static void
walk_dir(struct walker *w, int dirfd, const char *rest)
{
	char	next[NAME_LEN];

	if (!component(&rest, next, sizeof(next)))
		return;
	w->ops->dir(w->ctx, dirfd, next);
	if (strpbrk(next, "*?[\\") == NULL)
		walk_entry(w, dirfd, next, rest);
	else
		walk_list(w, dirfd, next, rest);
}

void
walk(const char *pattern, const struct walk *ops, void *ctx)
{
	struct walker	w = { .ops = ops, .ctx = ctx };
	int		fd;

	if ((fd = open("/", OPEN_DIR)) == -1) {
		ops->refused(ctx, "/", strerror(errno));
		return;
	}
	walk_dir(&w, fd, pattern);
	close(fd);
}

int
walk_dir_of(const char *path, const char **name, const char **why)
{
	char	part[NAME_LEN];
	int	fd, next;

	*why = NULL;
	for (fd = open("/", OPEN_DIR); fd != -1; fd = next) {
		*name = path + strspn(path, "/");
		if (!component(&path, part, sizeof(part))) {
			*why = "is no file's name";
			next = -1;
		} else if (*path == '\0')
			return fd;
		else
			next = open_dir(fd, part, why);
		close(fd);
	}
	return -1;
}

/* What is wrong with such a file as a log; NULL: nothing. */
static const char *
file_fault(int dirfd, const struct stat *st)
{
	static char	 text[160];
	struct stat	 dir;

	if (S_ISLNK(st->st_mode))
		return "is a symbolic link, which is not followed";
	if (!S_ISREG(st->st_mode))
		return "is not a regular file";
	if (st->st_mode & S_IWOTH) {
		snprintf(text, sizeof(text), "is writable by everybody "
		    "(mode %04o)", (unsigned int)st->st_mode & 07777);
		return text;
	}
	if (st->st_uid == 0 || fstat(dirfd, &dir) == -1 ||
	    !(dir.st_mode & S_IWOTH))
		return NULL;
	snprintf(text, sizeof(text), "belongs to uid %u, in a directory "
	    "where everybody may write", (unsigned int)st->st_uid);
	return text;
}

/* Looked at before it is opened too: opening a device may do things. */
int
walk_open(int dirfd, const char *name, char *why, size_t len)
{
	struct stat	 st;
	const char	*fault;
	int		 fd = -1;

	*why = '\0';
	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == -1)
		goto fail;
	if ((fault = file_fault(dirfd, &st)) != NULL) {
		strlcpy(why, fault, len);
		return -1;
	}
	fd = openat(dirfd, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW |
	    O_CLOEXEC | O_NOCTTY);
	if (fd == -1 || fstat(fd, &st) == -1)
		goto fail;
	if ((fault = file_fault(dirfd, &st)) == NULL)
		return fd;
	strlcpy(why, fault, len);
	close(fd);
	return -1;
fail:
	if (errno != ENOENT)
		strlcpy(why, strerror(errno), len);
	if (fd != -1)
		close(fd);
	return -1;
}

/*
 * The files of a configuration.  Who may write one of them commands a root
 * daemon, so owner and mode are checked on the open descriptor.
 */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "input.h"
#include "log.h"

#define FILE_SIZE_MAX	(64 * 1024 * 1024)

int	input_closed;

static struct {
	char		**names;
	struct stat	  read[INPUT_FILES_MAX];	/* st_ino 0: not */
	size_t		  n;
} files;

void
input_reset(void)
{
	while (files.n > 0)
		free(files.names[--files.n]);
	free(files.names);
	files.names = NULL;
	memset(files.read, 0, sizeof(files.read));
}

const char *const *
input_files(size_t *n)
{
	*n = files.n;
	return (const char *const *)files.names;
}

int
input_stale(void)
{
	const struct stat	*was;
	struct stat		 st;
	size_t			 i;

	for (i = 0; i < files.n && i < INPUT_FILES_MAX; i++) {
		was = &files.read[i];
		if (was->st_ino == 0)
			continue;
		if (stat(files.names[i], &st) == -1 ||
		    st.st_dev != was->st_dev || st.st_ino != was->st_ino ||
		    st.st_size != was->st_size ||
		    st.st_ctim.tv_sec != was->st_ctim.tv_sec ||
		    st.st_ctim.tv_nsec != was->st_ctim.tv_nsec)
			return 1;
	}
	return 0;
}

static void
remember_stat(const char *name, const struct stat *st)
{
	size_t	i;

	for (i = 0; i < files.n && i < INPUT_FILES_MAX; i++)
		if (strcmp(files.names[i], name) == 0)
			files.read[i] = *st;
}

/* The name is kept even if the file is not: it may come to be. */
static const char *
remember(const char *name)
{
	char	**p;
	size_t	  i;

	for (i = 0; i < files.n; i++)
		if (strcmp(files.names[i], name) == 0)
			return files.names[i];
	if ((p = reallocarray(files.names, files.n + 1, sizeof(*p))) == NULL ||
	    (p[files.n] = strdup(name)) == NULL)
		fatal("configuration");
	files.names = p;
	return files.names[files.n++];
}

void
input_add(const char *path)
{
	struct stat	st;

	if (files.n >= INPUT_FILES_MAX)
		return;
	path = remember(path);
	if (stat(path, &st) == 0)
		remember_stat(path, &st);
}

char *
input_beside(const char *path, const struct place *at)
{
	const char	*slash;
	char		*full;
	int		 n;

	slash = *path == '/' ? NULL : strrchr(at->file, '/');
	if (slash == NULL)
		n = asprintf(&full, "%s", path);
	else
		n = asprintf(&full, "%.*s/%s", (int)(slash - at->file),
		    at->file, path);
	if (n == -1)
		fatal("configuration");
	return full;
}

/* The main file is the place itself, the others are named there. */
static void __attribute__((__format__(printf, 3, 4)))
refuse(const struct place *at, const char *name, const char *fmt, ...)
{
	va_list	 ap;
	char	*text;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) == -1)
		fatal("configuration");
	va_end(ap);
	if (at->line == 0 && strcmp(at->file, name) == 0)
		report_error(at, "%s", text);
	else
		report_error(at, "%s: %s", name, text);
	free(text);
}

static int
check(int fd, const char *name, const struct place *at)
{
	struct stat	st;

	if (fstat(fd, &st) == -1) {
		refuse(at, name, "%s", strerror(errno));
		return -1;
	}
	remember_stat(name, &st);
	if (!S_ISREG(st.st_mode))
		refuse(at, name, "found something else, expected a regular "
		    "file");
	else if (st.st_uid != 0 && st.st_uid != geteuid())
		refuse(at, name, "found owner %u, expected root%s",
		    (unsigned int)st.st_uid,
		    geteuid() == 0 ? "" : " or the caller");
	else if (st.st_mode & (S_IWGRP | S_IWOTH))
		refuse(at, name, "found mode %04o, expected a file that only "
		    "its owner can write (chmod go-w)",
		    (unsigned int)st.st_mode & 07777);
	else if (st.st_size > FILE_SIZE_MAX)
		refuse(at, name, "found %lld bytes, expected at most %d",
		    (long long)st.st_size, FILE_SIZE_MAX);
	else
		return 0;
	return -1;
}

static char *
slurp(int fd, size_t *len)
{
	size_t	 room = 0;
	ssize_t	 n;
	char	*buf = NULL, *p;

	for (*len = 0;; *len += n) {
		if (room - *len < 2) {
			room = room == 0 ? 16384 : room * 2;
			if ((p = realloc(buf, room)) == NULL)
				fatal("configuration");
			buf = p;
		}
		n = read(fd, buf + *len, room - *len - 1);
		if (n == -1 && errno == EINTR)
			n = 0;
		else if (n <= 0 || *len + n > FILE_SIZE_MAX)
			break;
	}
	buf[*len] = '\0';
	if (n == 0)
		return buf;
	if (n > 0)
		errno = EFBIG;
	free(buf);
	return NULL;
}

static char *
read_stdin(const struct place *at, size_t *len, const char **name)
{
	char	*buf;

	*name = "stdin";
	if ((buf = slurp(STDIN_FILENO, len)) == NULL)
		report_error(at, "stdin: %s", strerror(errno));
	return buf;
}

static char *
read_file(const char *name, const struct place *at, size_t *len)
{
	char	*buf = NULL;
	int	 fd;

	fd = open(name, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	if (fd == -1) {
		refuse(at, name, "%s", strerror(errno));
		return NULL;
	}
	if (check(fd, name, at) == 0 && (buf = slurp(fd, len)) == NULL)
		refuse(at, name, "%s", strerror(errno));
	close(fd);
	return buf;
}

char *
input_read(const char *path, const struct place *at, size_t *len,
    const char **name)
{
	if (input_closed)
		return NULL;
	if (strcmp(path, "-") == 0)
		return read_stdin(at, len, name);
	if (files.n >= INPUT_FILES_MAX) {
		report_error(at, "found more than %d files, expected fewer",
		    INPUT_FILES_MAX);
		return NULL;
	}
	*name = remember(path);
	return read_file(*name, at, len);
}

static int
has_wildcard(const char *s)
{
	return strpbrk(s, "*?[") != NULL;
}

size_t
input_glob(const char *pattern, const struct place *at,
    void (*fn)(const char *, void *), void *arg)
{
	glob_t	 g;
	size_t	 i, n = 1;
	char	*full;

	if (input_closed)
		return 0;
	full = input_beside(pattern, at);
	if (!has_wildcard(full)) {
		fn(full, arg);
		free(full);
		return n;
	}
	remember(full);
	n = 0;
	if (glob(full, 0, NULL, &g) == 0) {
		n = g.gl_pathc;
		for (i = 0; i < n; i++)
			fn(g.gl_pathv[i], arg);
		globfree(&g);
	}
	free(full);
	return n;
}

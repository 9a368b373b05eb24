/*
 * Directories, lock, pid file, control socket, audit log.  All of it is done
 * by descriptor once it was opened, and no link is followed at the last step.
 */
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fdstore.h"
#include "log.h"
#include "paths.h"
#include "sandbox.h"
#include "walk.h"

#define RUN_DIR		"/run/refract"
#define CONTROL_KEPT	"control"	/* in the descriptor store */

static int	lock_fd = -1;
static char	pid_path[256], control_path[sizeof(((struct sockaddr_un *)0)->
		    sun_path)];
static pid_t	owner;		/* who made them */

/* Who says `state "/etc"` does not mean that /etc is the ledger's from now. */
static int
is_in_use(int dirfd)
{
	struct dirent	*e;
	DIR		*dir;
	int		 fd, used = 0;

	fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1 || (dir = fdopendir(fd)) == NULL)
		fatal("state");
	while (!used && (e = readdir(dir)) != NULL)
		used = strcmp(e->d_name, ".") != 0 &&
		    strcmp(e->d_name, "..") != 0 &&
		    strcmp(e->d_name, "lost+found") != 0 &&
		    strncmp(e->d_name, "ledger.db", 9) != 0;
	closedir(dir);
	return used;
}

/* A directory that is exactly this; fatal if it cannot be. */
static void
make_dir(const char *path, mode_t mode, uid_t uid, gid_t gid)
{
	struct stat	st;
	int		fd;

	if (mkdir(path, 0700) == -1 && errno != EEXIST)
		fatal("%s", path);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd == -1 || fstat(fd, &st) == -1)
		fatal("%s", path);
	if (st.st_uid != uid && st.st_uid != 0)
		fatalx("%s: belongs to uid %u, not to uid %u", path,
		    (unsigned int)st.st_uid, (unsigned int)uid);
	if (st.st_uid != uid && is_in_use(fd))
		fatalx("%s: belongs to root and is not empty: the ledger needs "
		    "a directory of its own", path);
	if ((st.st_mode & 07777) != mode && fchmod(fd, mode) == -1)
		fatal("%s", path);
	if ((st.st_uid != uid || st.st_gid != gid) &&
	    fchown(fd, uid, gid) == -1)
		fatal("%s", path);
	close(fd);
}

void
paths_run(void)
{
	make_dir(RUN_DIR, 0755, 0, 0);
	make_dir(SANDBOX_EMPTY, 0755, 0, 0);
}

void
paths_state(const char *path)
{
	struct passwd	*pw = getpwnam(sandbox_user(ROLE_LEDGER));

	if (pw == NULL)
		fatalx("user %s is missing", sandbox_user(ROLE_LEDGER));
	make_dir(path, 0700, pw->pw_uid, pw->pw_gid);
}

static const char *
run_file(const char *instance, const char *suffix)
{
	static char	path[256];

	snprintf(path, sizeof(path), "%s/refractd%s%s.%s", RUN_DIR,
	    *instance == '\0' ? "" : "-", instance, suffix);
	return path;
}

static pid_t
read_pid(int fd)
{
	char	buf[32];
	ssize_t	n = pread(fd, buf, sizeof(buf) - 1, 0);

	if (n <= 0)
		return 0;
	buf[n] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	return strtonum(buf, 1, INT32_MAX, NULL);
}

int
paths_lock(const char *instance, pid_t *other)
{
	const char	*path = run_file(instance, "lock");

	lock_fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (lock_fd == -1)
		fatal("%s", path);
	if (flock(lock_fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno != EWOULDBLOCK)
		fatal("%s", path);
	*other = read_pid(lock_fd);
	close(lock_fd);
	lock_fd = -1;
	return -1;
}

static void
cleanup(void)
{
	if (getpid() != owner)
		return;
	/* Who connects while we are away waits for the next one. */
	if (*control_path != '\0' && !fdstore_on())
		unlink(control_path);
	if (*pid_path != '\0')
		unlink(pid_path);
}

static void
cleanup_at_exit(void)
{
	if (owner == 0 && atexit(cleanup) != 0)
		fatalx("atexit");
	owner = getpid();
}

/* The lock file stays: who unlinks it may lose a race for it. */
void
paths_pid(const char *instance)
{
	char	buf[32];
	int	fd, n;

	n = snprintf(buf, sizeof(buf), "%d\n", (int)getpid());
	if (ftruncate(lock_fd, 0) == -1 || pwrite(lock_fd, buf, n, 0) != n)
		fatal("%s", run_file(instance, "lock"));
	strlcpy(pid_path, run_file(instance, "pid"), sizeof(pid_path));
	fd = open(pid_path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW |
	    O_CLOEXEC, 0644);
	if (fd == -1 || write(fd, buf, n) != n)
		fatal("%s", pid_path);
	close(fd);
	cleanup_at_exit();
}

/* EAGAIN: somebody is there and has much to do. */
static void
control_unlink_stale(const struct sockaddr_un *sun)
{
	struct stat	st;
	int		fd;

	if (lstat(sun->sun_path, &st) == -1) {
		if (errno == ENOENT)
			return;
		fatal("control: %s", sun->sun_path);
	}
	if (!S_ISSOCK(st.st_mode))
		fatalx("control: %s is there and is not a socket",
		    sun->sun_path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		fatal("control: socket");
	if (connect(fd, (const struct sockaddr *)sun, sizeof(*sun)) == 0 ||
	    errno == EAGAIN)
		fatalx("control: somebody answers on %s already",
		    sun->sun_path);
	close(fd);
	if (unlink(sun->sun_path) == -1)
		fatal("control: %s", sun->sun_path);
}

static gid_t
control_group(void)
{
	struct group	*gr = getgrnam(PATHS_GROUP);

	if (gr == NULL)
		fatalx("group %s is missing", PATHS_GROUP);
	return gr->gr_gid;
}

static int
control_listen(const char *path)
{
	struct sockaddr_un	 sun;
	mode_t			 old;
	int			 fd;

	memset(&sun, 0, sizeof(sun));
	sun.sun_family = AF_UNIX;
	if (strlcpy(sun.sun_path, path, sizeof(sun.sun_path)) >=
	    sizeof(sun.sun_path))
		fatalx("control: %s: longer than a socket's name can be",
		    path);
	control_unlink_stale(&sun);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		fatal("control: socket");
	old = umask(0117);
	if (bind(fd, (struct sockaddr *)&sun, sizeof(sun)) == -1)
		fatal("control: %s", path);
	umask(old);
	return fd;
}

/* 1: listens, by this name, which is still there. */
static int
is_control(int fd, const char *path)
{
	struct sockaddr_un	 sun;
	struct stat		 st;
	socklen_t		 len = sizeof(sun), size = sizeof(int);
	int			 listens = 0;

	memset(&sun, 0, sizeof(sun));
	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) ==
	    0 && listens &&
	    getsockname(fd, (struct sockaddr *)&sun, &len) == 0 &&
	    sun.sun_family == AF_UNIX && len <= sizeof(sun) &&
	    strncmp(sun.sun_path, path, sizeof(sun.sun_path)) == 0 &&
	    lstat(path, &st) == 0 && S_ISSOCK(st.st_mode);
}

/* What the one before us left in the service manager's hands, or -1. */
static int
control_kept(const char *path)
{
	int	fd = fdstore_take(CONTROL_KEPT);

	if (fd == -1 || is_control(fd, path))
		return fd;
	close(fd);
	fdstore_forget(CONTROL_KEPT);
	return -1;
}

/* Of the socket itself: another may have taken its name meanwhile. */
static int
control_chown(const char *path)
{
	struct stat	st;
	int		status = -1;
	int		fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (fd == -1)
		return -1;
	if (fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode) && st.st_nlink == 1)
		status = fchownat(fd, "", 0, control_group(), AT_EMPTY_PATH);
	else
		errno = EEXIST;
	close(fd);
	return status;
}

int
paths_control(const char *path)
{
	int	fd;

	if ((fd = control_kept(path)) == -1)
		fd = control_listen(path);
	strlcpy(control_path, path, sizeof(control_path));
	cleanup_at_exit();
	if (control_chown(path) == -1 || listen(fd, 128) == -1 ||
	    fcntl(fd, F_SETFL, O_NONBLOCK) == -1)
		fatal("control: %s", path);
	fdstore_keep(CONTROL_KEPT, fd);
	return fd;
}

/* `log bans "/var/log/refract/bans.log"` works on a fresh system too. */
static void
log_make_dir(const char *what, const char *path)
{
	char		 dir[4096], *slash;
	const char	*name, *why;
	int		 parent, fd;

	strlcpy(dir, path, sizeof(dir));
	if ((slash = strrchr(dir, '/')) == NULL || slash == dir)
		return;
	*slash = '\0';
	if ((parent = walk_dir_of(dir, &name, &why)) == -1)
		return;
	if (mkdirat(parent, name, 0750) == 0) {
		fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
		    O_CLOEXEC);
		if (fd == -1 || fchown(fd, 0, control_group()) == -1)
			log_warn("%s: %s", what, dir);
		if (fd != -1)
			close(fd);
	}
	close(parent);
}

/*
 * What is wrong with it, or NULL.  Who may write the directory may have put a
 * link there to any file of root's.
 */
static const char *
log_fault(int dirfd, const struct stat *st)
{
	struct stat	dir;

	if (!S_ISREG(st->st_mode))
		return "is not a regular file";
	if (st->st_nlink > 1 && (fstat(dirfd, &dir) == -1 ||
	    dir.st_uid != 0 || dir.st_mode & (S_IWGRP | S_IWOTH)))
		return "has another name too, in a directory that not only "
		    "root may write";
	return NULL;
}

static int
log_open(const char *what, const char *path, const char **fault)
{
	struct stat	 st;
	const char	*name;
	int		 dirfd, fd;

	if ((dirfd = walk_dir_of(path, &name, fault)) == -1) {
		if (*fault == NULL)
			*fault = strerror(errno);
		return -1;
	}
	fd = openat(dirfd, name, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW |
	    O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0640);
	if (fd == -1 && errno == ELOOP)
		*fault = "is a symbolic link, which is not followed";
	else if (fd == -1 || fstat(fd, &st) == -1)
		*fault = strerror(errno);
	else if ((*fault = log_fault(dirfd, &st)) == NULL &&
	    st.st_size == 0 && st.st_uid == 0 &&
	    fchown(fd, 0, control_group()) == -1)
		log_warn("%s: %s", what, path);
	close(dirfd);
	return fd;
}

int
paths_log(const char *what, const char *path, char *why, size_t len)
{
	const char	*fault;
	int		 fd;

	if (path == NULL)
		return open("/dev/null", O_WRONLY | O_CLOEXEC);
	log_make_dir(what, path);
	fd = log_open(what, path, &fault);
	if (fault == NULL)
		return fd;
	snprintf(why, len, "%s: %s %s", what, path, fault);
	if (fd != -1)
		close(fd);
	return -1;
}

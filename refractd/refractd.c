/*
 * refractd(8): options, and which of its works this process does.  The daemon
 * is serve.c.
 */
#include <sys/stat.h>
#include <sys/wait.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "conf.h"
#include "control.h"
#include "explain.h"
#include "ledger.h"
#include "log.h"
#include "logrelay.h"
#include "parse.h"
#include "paths.h"
#include "remove.h"
#include "sandbox.h"
#include "serve.h"
#include "version.h"

static struct options {
	int			 foreground, only_check, teardown, verbose;
	int			 json;
	const char		*watch;		/* -t */
	struct parse_args	 parse;
} opt;

static void __attribute__((__noreturn__))
usage(void)
{
	fprintf(stderr, "usage: refractd [-dnTVv] [-D name=value] "
	    "[-e statement] [-f file]\n"
	    "       refractd -t watch [-jv] [-D name=value] [-e statement] "
	    "[-f file]\n                [log ...]\n");
	exit(2);
}

/* Nothing that we open may become a standard descriptor. */
static void
fill_standard_descriptors(void)
{
	int	fd;

	do {
		if ((fd = open("/dev/null", O_RDWR)) == -1)
			exit(1);
	} while (fd <= STDERR_FILENO);
	close(fd);
}

static const char *
program_dir(void)
{
	static char	path[PATH_MAX];
	ssize_t		n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (n == -1)
		fatal("/proc/self/exe");
	path[n] = '\0';
	*strrchr(path, '/') = '\0';
	return path;
}

static void __attribute__((__noreturn__))
run_role(const char *role, int argc, char **argv)
{
	if (strcmp(role, "ledger") == 0)
		ledger(argc, argv);
	if (strcmp(role, "control") == 0)
		control(argc, argv);
	usage();
}

static void
add(const char ***list, size_t *n, const char *s)
{
	const char	**p;

	if ((p = reallocarray(*list, *n + 1, sizeof(*p))) == NULL)
		fatal("options");
	p[(*n)++] = s;
	*list = p;
}

static void
parse_options(int argc, char **argv)
{
	struct parse_args	*p = &opt.parse;
	int			 ch;

	while ((ch = getopt(argc, argv, "D:de:f:jnTt:Vv")) != -1)
		switch (ch) {
		case 'D':
			add(&p->macros, &p->nmacros, optarg);
			break;
		case 'd':
			opt.foreground = 1;
			break;
		case 'e':
			add(&p->statements, &p->nstatements, optarg);
			break;
		case 'f':
			p->file = optarg;
			break;
		case 'j':
			opt.json = 1;
			break;
		case 'n':
			opt.only_check = 1;
			break;
		case 'T':
			opt.teardown = 1;
			break;
		case 't':
			opt.watch = optarg;
			break;
		case 'V':
			printf("refractd %s (build %s)\n", VERSION, BUILD_ID);
			exit(0);
		case 'v':
			opt.verbose++;
			break;
		default:
			usage();
		}
	if ((opt.only_check && opt.teardown) || (opt.watch == NULL ?
	    optind != argc || opt.json : opt.only_check || opt.teardown))
		usage();
	if (p->file == NULL && p->nstatements == 0)
		p->file = CONF_FILE;
}

/* What goes wrong with it has been said.  -T must work without a file. */
static struct conf *
read_conf(void)
{
	struct conf	*c;

	if (opt.teardown && opt.parse.file != NULL &&
	    strcmp(opt.parse.file, CONF_FILE) == 0 &&
	    access(CONF_FILE, F_OK) == -1 && errno == ENOENT)
		opt.parse.file = NULL;
	if ((c = parse_config(&opt.parse)) == NULL)
		exit(1);
	return c;
}

static void
need_root(void)
{
	if (geteuid() != 0)
		fatalx("root is needed for this; -n works for everybody");
	if (check_users() == -1)
		fatalx("`make users` or systemd-sysusers(8) makes them");
	if (sandbox_parent_check() == -1)
		exit(1);
}

static void
take_lock(const struct conf *c)
{
	pid_t	other = 0;

	paths_run();
	if (paths_lock(c->global.instance, &other) == 0)
		return;
	if (opt.teardown)
		fatalx("refractd is running (pid %d): stop it first",
		    (int)other);
	fatalx("already running (pid %d)", (int)other);
}

/* systemd says which socket is the journal's: sd-daemon(3) priorities then. */
static int
is_journal(void)
{
	struct stat	 st;
	const char	*stream = getenv("JOURNAL_STREAM");
	char		 ours[64];

	if (stream == NULL || fstat(STDERR_FILENO, &st) == -1)
		return 0;
	snprintf(ours, sizeof(ours), "%ju:%ju", (uintmax_t)st.st_dev,
	    (uintmax_t)st.st_ino);
	return strcmp(stream, ours) == 0;
}

/* Wait until the daemon is up, which is a byte, or is not, and why is said. */
static void __attribute__((__noreturn__))
wait_for_daemon(int fd, pid_t pid)
{
	char	c;
	ssize_t	n;
	int	status;

	while ((n = read(fd, &c, 1)) == -1 && errno == EINTR)
		continue;
	if (n == 1)
		_exit(0);
	while (waitpid(pid, &status, 0) == -1 && errno == EINTR)
		continue;
	_exit(1);
}

/* Into the background: the pipe to tell when the suite is up. */
static int
daemonize(void)
{
	int	fds[2], null;
	pid_t	pid;

	if (pipe2(fds, O_CLOEXEC) == -1 || (pid = fork()) == -1)
		fatal("background");
	if (pid != 0) {
		close(fds[1]);
		wait_for_daemon(fds[0], pid);
	}
	close(fds[0]);
	if (setsid() == -1 || chdir("/") == -1 ||
	    (null = open("/dev/null", O_RDWR | O_CLOEXEC)) == -1 ||
	    dup2(null, STDIN_FILENO) == -1 || dup2(null, STDOUT_FILENO) == -1)
		fatal("background");
	close(null);
	logrelay_start();
	return fds[1];
}

/* A relative path in -f has to mean the same at a reload. */
static void
absolute_file(void)
{
	static char	path[PATH_MAX];

	if (opt.parse.file == NULL || *opt.parse.file == '/')
		return;
	if (realpath(opt.parse.file, path) == NULL)
		fatal("%s", opt.parse.file);
	opt.parse.file = path;
}

static void __attribute__((__noreturn__))
explain_watch(char **files)
{
	struct explain_args	args = {
		.dir = program_dir(), .watch = opt.watch, .files = files,
		.json = opt.json, .verbose = opt.verbose
	};

	explain(&args, read_conf());
}

int
main(int argc, char **argv)
{
	struct serve_args	 args = { .background = -1 };
	struct conf		*c;

	fill_standard_descriptors();
	if (argc > 2 && strcmp(argv[1], "-X") == 0)
		run_role(argv[2], argc, argv);
	log_init(is_journal() ? LOG_TO_JOURNAL : LOG_TO_STDERR, "refractd");
	parse_options(argc, argv);
	log_setverbose(opt.verbose);
	if (opt.watch != NULL)
		explain_watch(argv + optind);
	if (!opt.only_check) {
		need_root();
		absolute_file();
	}
	c = read_conf();
	if (opt.only_check)
		return check(c, program_dir(), opt.verbose > 0);
	umask(022);
	take_lock(c);
	if (opt.teardown)
		return remove_traces(c, program_dir(), opt.verbose);
	args.dir = program_dir();
	args.parse = &opt.parse;
	args.verbose = opt.verbose;
	if (!opt.foreground)
		args.background = daemonize();
	serve(&args, c);
}

/*
 * See procs_exec.h.  What runs here is a copy of the parent that still has all
 * that it has: it gives it up, and fails by _exit(2).
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "log.h"
#include "procs_exec.h"

#define ARGS_MAX	16

static void
program_path(const struct recipe *r, const struct given *g, char *buf,
    size_t len)
{
	if (r->program == NULL)
		snprintf(buf, len, "%s/refractd", g->helpers);
	else
		snprintf(buf, len, "%s/../libexec/refract/%s", g->helpers,
		    r->program);
}

/* A child inherits the three standard descriptors and its channel. */
static void
child_descriptors(int fd, int stdout_too)
{
	int	null;

	if ((null = open("/dev/null", O_RDWR)) == -1 ||
	    dup2(null, STDIN_FILENO) == -1 ||
	    (stdout_too && dup2(null, STDOUT_FILENO) == -1))
		_exit(127);
	if (fd == CHILD_FD) {
		if (fcntl(fd, F_SETFD, 0) == -1)
			_exit(127);
	} else if (dup2(fd, CHILD_FD) == -1)
		_exit(127);
	closefrom(CHILD_FD + 1);
}

static void
child_signals(void)
{
	sigset_t	none;
	int		i;

	for (i = 1; i < NSIG; i++)
		signal(i, SIG_DFL);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void
child_environment(char *tz, size_t len, char *env[3])
{
	static char	 path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
	const char	*zone = getenv("TZ");

	snprintf(tz, len, "TZ=%s", zone == NULL ? ":/etc/localtime" : zone);
	env[0] = tz;
	env[1] = path;
	env[2] = NULL;
}

/* execve(2) wants strings that could be written to. */
struct args {
	char	*v[ARGS_MAX];
	int	 n;
};

static void
arg(struct args *a, const char *s)
{
	if (s != NULL && (a->v[a->n++] = strdup(s)) == NULL)
		_exit(127);
}

void
procs_exec(const struct recipe *r, const struct given *g, enum role role,
    int fd)
{
	static const char	*modes[] = {
		[LOG_TO_STDERR] = "-d",
		[LOG_TO_JOURNAL] = "-j",
		[LOG_TO_SYSLOG] = "-s"
	};
	struct args		 a = { .n = 0 };
	char			*env[3], path[4096], tz[256];
	int			 v;

	arg(&a, r->title);
	arg(&a, r->option);
	arg(&a, r->value);
	arg(&a, g->alone);
	arg(&a, modes[log_mode()]);
	for (v = 0; v < g->verbosity && v < 2; v++)
		arg(&a, "-v");
	if (role == ROLE_LEDGER) {
		arg(&a, "-r");
		arg(&a, g->state_dir);
	}
	child_environment(tz, sizeof(tz), env);
	/* out of the terminal's group: only the parent hears a ^C */
	setsid();
	child_signals();
	program_path(r, g, path, sizeof(path));
	child_descriptors(fd, g->alone == NULL);
	execve(path, a.v, env);
	dprintf(STDERR_FILENO, "refractd: %s: %s\n", path, strerror(errno));
	_exit(127);
}

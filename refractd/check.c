/*
 * The checks of -n that are not grammar: as root also what only root can see,
 * the kernel's features (by refract-enforcer -n, in a network namespace of its
 * own) and whether the logs can be opened.
 */
#include <sys/socket.h>
#include <sys/wait.h>

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "check.h"
#include "conf.h"
#include "files.h"
#include "log.h"
#include "mux.h"
#include "parse.h"
#include "paths.h"
#include "relay_routes.h"
#include "reload.h"
#include "sandbox.h"

#define TABLE	100	/* of the routes that are printed */

static void
emit(void *arg, const char *s)
{
	fputs(s, arg);
}

int
check_users(void)
{
	static const enum role	roles[] = {
		ROLE_ENFORCER, ROLE_LEDGER, ROLE_CONTROL, ROLE_PARSER,
		ROLE_MUX
	};
	size_t			i;
	int			missing = 0;

	for (i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
		if (getpwnam(sandbox_user(roles[i])) == NULL) {
			log_warnx("user %s is missing",
			    sandbox_user(roles[i]));
			missing = 1;
		}
	if (getgrnam(PATHS_GROUP) == NULL) {
		log_warnx("group %s is missing", PATHS_GROUP);
		missing = 1;
	}
	return missing ? -1 : 0;
}

/* What works, and yet may not be what was wanted. */
static void
check_advice(const struct conf *c)
{
	struct conf_watch	*w;

	if (c->global.action != ACTION_REJECT)
		return;
	TAILQ_FOREACH(w, &c->watches, entry)
		if (w->w.nports != 0)
			log_warnx("warning: watch %s: with action reject, "
			    "bans of a port do not reach services behind "
			    "published ports (DNAT, Docker)", w->w.name);
}

/* The enforcer prints what it finds: its exit status. */
static int
check_kernel(const char *dir)
{
	char	path[4096];
	pid_t	pid;
	int	status;

	snprintf(path, sizeof(path), "%s/../libexec/refract/refract-enforcer",
	    dir);
	fflush(NULL);
	if ((pid = fork()) == -1)
		fatal("fork");
	if (pid == 0) {
		alarm(60);	/* it outlives exec */
		execl(path, "refract-enforcer", "-n", (char *)NULL);
		log_warn("%s", path);
		_exit(1);
	}
	while (waitpid(pid, &status, 0) == -1)
		if (errno != EINTR)
			fatal("waitpid");
	if (WIFSIGNALED(status))
		log_warnx("kernel: the check was %s", WTERMSIG(status) ==
		    SIGALRM ? "not over after 60 s" : "killed");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static void
no_pass(const struct msg_file *m, int fd)
{
	(void)m;
	close(fd);
}

static void
no_trouble(const char *watch, const char *text)
{
	(void)watch;
	(void)text;
}

static int
check_logs(const struct conf *c)
{
	static const struct files_ops	 ops = { no_pass, no_trouble };
	struct event_base		*base;
	char				 why[8192];
	int				 bad;

	if ((base = event_base_new()) == NULL)
		fatalx("event base");
	files_init(base, &ops);
	if ((bad = files_prepare(c, why, sizeof(why)) == -1))
		log_warnx("%s", why);
	else
		files_abort();
	return bad;
}

/*
 * The way back to a client whose address a backend sees: comments, so that
 * what -nv prints still parses.
 */

static void
print_rule(const struct wire_member *m)
{
	char	addr[PREFIX_STRLEN];

	if (m->kind == MEMBER_NAME)
		printf("#	ip rule add from ADDRESS ipproto tcp sport %u "
		    "table %d	# each address of %s\n", m->port, TABLE,
		    m->name);
	else
		printf("#	ip %srule add from %s ipproto tcp sport %u "
		    "table %d\n", m->addr.family == AF_INET6 ? "-6 " : "",
		    prefix_print(&m->addr, addr), m->port, TABLE);
}

static int
is_transparent(const struct conf *c, uint32_t pool)
{
	struct conf_listener	*l;
	struct conf_route	*r;

	TAILQ_FOREACH(l, &c->mux.listeners, entry)
		TAILQ_FOREACH(r, &l->routes, entry)
			if (r->w.transparent && r->w.pool == pool)
				return 1;
	return 0;
}

static void
print_way_back(const struct conf *c)
{
	struct conf_pool	*p;
	struct conf_member	*m;
	int			 n = 0;

	TAILQ_FOREACH(p, &c->mux.pools, entry) {
		if (!is_transparent(c, p->w.id))
			continue;
		if (n++ == 0)
			printf("# Transparent routes need these on this "
			    "host, see refract.conf(5):\n"
			    "#	ip route add local 0.0.0.0/0 dev lo "
			    "table %d\n"
			    "#	ip -6 route add local ::/0 dev lo table %d\n",
			    TABLE, TABLE);
		TAILQ_FOREACH(m, &p->members, entry)
			print_rule(&m->w);
	}
}

int
check(const struct conf *c, const char *dir, int print)
{
	int	bad = 0;

	check_advice(c);
	print_way_back(c);
	if (getuid() == 0) {
		relay_routes(c);
		bad |= check_users() == -1;
		bad |= sandbox_parent_check() == -1;
		sandbox_parent_notice();
		bad |= check_logs(c);
		bad |= mux_try(c) == -1;
		if (reload_roles(c) & ROLE_BIT(ROLE_ENFORCER))
			bad |= check_kernel(dir) != 0;
	}
	if (print)
		conf_print(c, emit, stdout);
	if (fflush(stdout) == EOF)
		fatal("standard output");
	if (!bad)
		fprintf(stderr, "configuration OK\n");
	return bad;
}

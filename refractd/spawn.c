/*
 * fork and exec of the operator's programs.  What a child does between the
 * two stands here in one place; the order is the sandbox's (sandbox.c): the
 * bounding set while there is CAP_SETPCAP, then groups and ids, then the rest
 * of the capabilities, which the parent's securebits would let live.
 */
#include <sys/prctl.h>
#include <sys/queue.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <linux/capability.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "args.h"
#include "conf.h"
#include "log.h"
#include "procs.h"
#include "spawn.h"
#include "timer.h"

#define NAME_LEN	128
#define OUT_LEN		256	/* of a line; what is longer is cut */
#define OUT_READS	64	/* in a turn */
#define OUT_LINES	20	/* in OUT_SPAN, of one program */
#define OUT_SPAN	10000
#define GROUPS_MAX	64
#define DESCRIPTORS	1024
#define STRAYS_TRIES	200	/* at exit, one second all together */
#define STRAYS_NAP	5000	/* us */

struct account {
	uid_t	 uid;
	gid_t	 gid;
	gid_t	 groups[GROUPS_MAX];
	int	 ngroups;
	char	 home[PATH_MAX_LEN];
};

struct spawned {
	LIST_ENTRY(spawned)	 entry;
	pid_t			 pid;
	int			 dead;		/* it was reaped: status */
	int			 status;
	int			 killed, timed_out, whole;
	struct event		*limit, *out_ev;
	void			(*ended)(struct spawned *, int, int, void *);
	void			*arg;
	/* Its output. */
	int			 out;		/* -1: at its end */
	size_t			 n;		/* bytes of a line */
	unsigned int		 lines, dropped;	/* in this span */
	mono_t			 since;
	char			 line[OUT_LEN];
	char			 name[NAME_LEN];
};

static struct event_base	*base;
static pid_t			 owner;
static LIST_HEAD(, spawned)	 all = LIST_HEAD_INITIALIZER(all);

/* Who. */

/* By name; -1 and why if there is none, or it is root's. */
static int
find_user(const char *name, struct passwd **pw, char *why, size_t len)
{
	errno = 0;
	if ((*pw = getpwnam(name)) == NULL) {
		snprintf(why, len, "user \"%s\": %s", name, errno == 0 ||
		    errno == ENOENT ? "there is none" : strerror(errno));
		return -1;
	}
	if ((*pw)->pw_uid != 0)
		return 0;
	snprintf(why, len, "user \"%s\" is root: a program never runs as "
	    "root", name);
	return -1;
}

static int
find_group(const char *name, gid_t *gid, char *why, size_t len)
{
	const struct group	*gr;

	errno = 0;
	if ((gr = getgrnam(name)) == NULL) {
		snprintf(why, len, "group \"%s\": %s", name, errno == 0 ||
		    errno == ENOENT ? "there is none" : strerror(errno));
		return -1;
	}
	*gid = gr->gr_gid;
	return 0;
}

/* Never root's. */
static void
add_group(struct account *a, gid_t gid)
{
	if (gid != 0 && a->ngroups < GROUPS_MAX)
		a->groups[a->ngroups++] = gid;
}

static void
find_groups(struct account *a, const char *user, const char *also)
{
	gid_t	list[GROUPS_MAX], gid;
	int	i, n = GROUPS_MAX;
	char	why[1];

	if (getgrouplist(user, a->gid, list, &n) == -1)
		n = GROUPS_MAX;		/* no more than those */
	for (i = 0; i < n; i++)
		add_group(a, list[i]);
	if (also != NULL && find_group(also, &gid, why, sizeof(why)) == 0)
		add_group(a, gid);
}

static int
find_account(struct account *a, const char *user, const char *group,
    char *why, size_t len)
{
	struct passwd	*pw;

	memset(a, 0, sizeof(*a));
	if (user == NULL || *user == '\0')
		user = SPAWN_USER;
	if (find_user(user, &pw, why, len) == -1)
		return -1;
	a->uid = pw->pw_uid;
	a->gid = pw->pw_gid;
	strlcpy(a->home, pw->pw_dir, sizeof(a->home));
	if (group != NULL && *group != '\0' &&
	    find_group(group, &a->gid, why, len) == -1)
		return -1;
	if (a->gid != 0)
		return 0;
	snprintf(why, len, "user \"%s\": its group is root's", user);
	return -1;
}

int
spawn_check(const char *user, const char *group, char *why, size_t len)
{
	struct account	a;

	return find_account(&a, user, group, why, len);
}

/* In the child. */

/* Before exec nothing has a name yet: its stderr is our log. */
static void __attribute__((__noreturn__))
child_failed(const char *what)
{
	dprintf(STDERR_FILENO, "%s: %s\n", what, strerror(errno));
	_exit(127);
}

static void
child_descriptors(int in, int out, int err)
{
	if (dup2(in, STDIN_FILENO) == -1 || dup2(err, STDERR_FILENO) == -1 ||
	    dup2(out == -1 ? err : out, STDOUT_FILENO) == -1)
		_exit(127);
	closefrom(STDERR_FILENO + 1);
}

static void
child_signals(void)
{
	sigset_t	none;
	int		i;

	for (i = 1; i < NSIG; i++)
		signal(i, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Ours are a daemon's: many descriptors; and it shall not be the last. */
static void
child_limits(void)
{
	struct rlimit	rl;
	int		fd;

	if (getrlimit(RLIMIT_NOFILE, &rl) == 0 && rl.rlim_cur > DESCRIPTORS) {
		rl.rlim_cur = DESCRIPTORS;
		setrlimit(RLIMIT_NOFILE, &rl);
	}
	if ((fd = open("/proc/self/oom_score_adj", O_WRONLY)) != -1) {
		if (write(fd, "0", 1) == -1)
			errno = 0;	/* then it stays as it is */
		close(fd);
	}
	umask(022);
}

static void
child_bounding(void)
{
	int	cap;

	for (cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == -1)
			child_failed("bounding set");
}

static void
child_no_caps(void)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3
	};
	struct __user_cap_data_struct d[2];

	memset(d, 0, sizeof(d));
	if (syscall(SYS_capset, &head, d) == -1)
		child_failed("capabilities");
}

/* Down, and nothing leads up again; it dies with us. */
static void
child_demote(const struct account *a, pid_t parent)
{
	child_bounding();
	if (setgroups((size_t)a->ngroups, a->groups) == -1 ||
	    setresgid(a->gid, a->gid, a->gid) == -1 ||
	    setresuid(a->uid, a->uid, a->uid) == -1)
		child_failed("becoming its user");
	child_no_caps();
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		child_failed("no_new_privs");
	if (setresuid(-1, 0, -1) != -1 || geteuid() == 0)
		_exit(127);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) == -1)
		child_failed("parent");
	if (getppid() != parent)
		_exit(127);
}

static void __attribute__((__noreturn__))
child_exec(char **argv, const char *home)
{
	static char	 path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
	static char	 lang[] = "LANG=C";
	char		 home_is[PATH_MAX_LEN + 8];
	char		*env[] = { path, lang, home_is, NULL };

	snprintf(home_is, sizeof(home_is), "HOME=%s", *home == '\0' ? "/" :
	    home);
	environ = env;
	if (chdir("/") == -1)
		child_failed("/");
	execvp(argv[0], argv);
	child_failed(argv[0]);
}

/* Its output. */

static void
say(struct spawned *s)
{
	mono_t	now = mono_now();

	if (mono_since(s->since, now) >= OUT_SPAN) {
		if (s->dropped > 0)
			log_notice("%s: %u more lines", s->name, s->dropped);
		s->since = now;
		s->lines = s->dropped = 0;
	}
	if (s->lines++ < OUT_LINES)
		log_notice("%s: %s", s->name, log_vis(s->line, s->n));
	else
		s->dropped++;
}

static void
end_line(struct spawned *s)
{
	if (s->n > 0)
		say(s);
	s->n = 0;
}

static void
take_output(struct spawned *s, const char *p, size_t len)
{
	for (; len > 0; p++, len--) {
		if (*p == '\n')
			end_line(s);
		else if (s->n < sizeof(s->line))
			s->line[s->n++] = *p;
	}
}

static void
close_output(struct spawned *s)
{
	if (s->out == -1)
		return;
	end_line(s);
	if (s->dropped > 0)
		log_notice("%s: %u more lines", s->name, s->dropped);
	event_free(s->out_ev);
	s->out_ev = NULL;
	close(s->out);
	s->out = -1;
}

static void
read_output(struct spawned *s)
{
	char	buf[4096];
	ssize_t	n;
	int	i;

	for (i = 0; i < OUT_READS && s->out != -1; i++) {
		if ((n = read(s->out, buf, sizeof(buf))) > 0)
			take_output(s, buf, (size_t)n);
		else if (n == -1 && (errno == EAGAIN || errno == EINTR))
			return;
		else
			close_output(s);
	}
}

static void
on_output(EVENT_ARGS)
{
	read_output(arg);
}

/* Its end. */

static void
release(struct spawned *s)
{
	close_output(s);
	if (s->limit != NULL)
		event_free(s->limit);
	LIST_REMOVE(s, entry);
	free(s);
}

/* Before it has made its group there is none to signal. */
static void
signal_group(struct spawned *s, int sig)
{
	if (s->dead)
		return;
	if (kill(-s->pid, sig) == -1 && errno == ESRCH)
		kill(s->pid, sig);
}

static void
buried(pid_t pid, int status)
{
	struct spawned	*s;

	LIST_FOREACH(s, &all, entry)
		if (s->pid == pid)
			break;
	if (s == NULL)
		return;
	if (s->killed || s->whole)
		kill(-pid, SIGKILL);
	s->dead = 1;
	read_output(s);
	if (s->ended != NULL)
		s->ended(s, status, s->timed_out, s->arg);
	release(s);
}

static void
on_limit(EVENT_ARGS)
{
	struct spawned	*s = arg;

	if (s->killed) {
		signal_group(s, SIGKILL);
		return;
	}
	s->timed_out = 1;
	log_warnx("%s: its time is over: killed", s->name);
	spawn_kill(s);
}

/* 1: there were some, and their own children come to us now. */
static int
kill_children(void)
{
	char	path[64];
	FILE	*f;
	int	pid, n = 0;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children",
	    (int)owner);
	if ((f = fopen(path, "re")) == NULL)
		return 0;
	while (fscanf(f, "%d", &pid) == 1)
		if (!procs_has(pid)) {
			kill(pid, SIGKILL);
			waitpid(pid, NULL, WNOHANG);
			n = 1;
		}
	fclose(f);
	return n;
}

/*
 * At exit, however it came.  Who has left his process group and lost his
 * parent is our child: see spawn_init().
 */
static void
kill_all(void)
{
	struct spawned	*s;
	int		 i;

	if (getpid() != owner)
		return;
	LIST_FOREACH(s, &all, entry)
		signal_group(s, SIGKILL);
	for (i = 0; i < STRAYS_TRIES && kill_children(); i++)
		usleep(STRAYS_NAP);
}

void
spawn_init(struct event_base *b)
{
	base = b;
	owner = getpid();
	procs_others(buried);
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == -1)
		log_warn("programs: what they leave behind is not found");
	if (atexit(kill_all) != 0)
		fatalx("programs: atexit");
}

/* Its beginning. */

static struct spawned *
spawned_new(const struct spawn_args *a, int out)
{
	struct spawned	*s;

	if ((s = calloc(1, sizeof(*s))) == NULL)
		fatal("%s", a->name);
	s->out = out;
	s->ended = a->ended;
	s->arg = a->arg;
	s->whole = a->whole;
	s->since = mono_now();
	strlcpy(s->name, a->name, sizeof(s->name));
	s->limit = evtimer_new(base, on_limit, s);
	s->out_ev = event_new(base, out, EV_READ | EV_PERSIST, on_output, s);
	if (s->limit == NULL || s->out_ev == NULL ||
	    event_add(s->out_ev, NULL) == -1)
		fatalx("%s: out of memory", a->name);
	if (a->timeout > 0 && a->timeout != SPAN_FOREVER)
		timer_set(s->limit, a->timeout);
	LIST_INSERT_HEAD(&all, s, entry);
	return s;
}

static int
make_argv(const struct spawn_args *a, char *argv[SPAWN_ARGS_MAX + 1])
{
	char		*p = a->args;
	unsigned int	 i;

	if (a->argc == 0 || a->argc > SPAWN_ARGS_MAX)
		return -1;
	for (i = 0; i < a->argc; i++, p += strlen(p) + 1)
		argv[i] = p;
	argv[i] = NULL;
	return 0;
}

static pid_t
start(const struct spawn_args *a, const struct account *who, char **argv,
    int in, int err)
{
	sigset_t	set, old;
	pid_t		parent = getpid(), pid;

	/* the child must not run the parent's signal handlers */
	sigfillset(&set);
	sigprocmask(SIG_SETMASK, &set, &old);
	if ((pid = fork()) == 0) {
		setsid();
		child_signals();
		child_descriptors(in, a->out, err);
		child_limits();
		child_demote(who, parent);
		child_exec(argv, who->home);
	}
	sigprocmask(SIG_SETMASK, &old, NULL);
	return pid;
}

struct spawned *
spawn(const struct spawn_args *a, char *why, size_t len)
{
	struct spawned	*s = NULL;
	struct account	 who;
	char		*argv[SPAWN_ARGS_MAX + 1];
	pid_t		 pid = -1;
	int		 err[2], in;

	if (find_account(&who, a->user, a->group, why, len) == -1)
		return NULL;
	find_groups(&who, a->user == NULL || *a->user == '\0' ? SPAWN_USER :
	    a->user, a->also);
	if (make_argv(a, argv) == -1) {
		strlcpy(why, "no program, or too many arguments", len);
		return NULL;
	}
	if (pipe2(err, O_CLOEXEC) == -1) {
		strlcpy(why, strerror(errno), len);
		return NULL;
	}
	in = a->in > 0 ? a->in : open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (in == -1 || fcntl(err[0], F_SETFL, O_NONBLOCK) == -1 ||
	    (pid = start(a, &who, argv, in, err[1])) == -1) {
		strlcpy(why, strerror(errno), len);
		close(err[0]);
	} else {
		s = spawned_new(a, err[0]);
		s->pid = pid;
	}
	close(err[1]);
	if (in != -1 && in != a->in)
		close(in);
	return s;
}

void
spawn_kill(struct spawned *s)
{
	if (s->killed || s->dead)
		return;
	s->killed = 1;
	signal_group(s, SIGTERM);
	timer_set(s->limit, SPAWN_GRACE);
}

void
spawn_abandon(struct spawned *s)
{
	s->ended = NULL;
	spawn_kill(s);
}

const char *
spawn_status(int status, char buf[SPAWN_STATUS_LEN])
{
	if (WIFSIGNALED(status))
		snprintf(buf, SPAWN_STATUS_LEN, "killed by signal %d (%s)",
		    WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		snprintf(buf, SPAWN_STATUS_LEN, "exit status %d",
		    WEXITSTATUS(status));
	return buf;
}

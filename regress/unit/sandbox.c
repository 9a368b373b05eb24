/*
 * The table of privileges, tried: for each role a process is demoted by the
 * very functions that the daemon calls, does one forbidden thing, and is seen
 * to be refused or killed.  What a role needs must still work.
 */
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include <netinet/in.h>

#include <linux/capability.h>

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "log.h"
#include "role.h"
#include "sandbox.h"

/* What happens to an attempt. */
enum fate { WORKS = 'w', REFUSED = 'r', KILLED = 'k', UNTRIED = '-' };

static char empty[] = "/tmp/refract-empty.XXXXXX";
static char state[] = "/tmp/refract-state.XXXXXX";
static char outside[64];	/* a file that only root may make */
static pid_t sibling;		/* of another role */
static pid_t tester;

/* --- The attempts: 0, or errno of the refusal ----------------------------- */

#define ERR(expr)	((expr) == -1 ? errno : 0)

static int
try_open(void)
{
	return ERR(open("/etc/passwd", O_RDONLY));
}

static int
try_create(void)
{
	return ERR(open(outside, O_WRONLY | O_CREAT, 0600));
}

static int
try_create_here(void)
{
	return ERR(open("/made", O_RDWR | O_CREAT, 0600));
}

static int
try_mkfifo(void)
{
	return ERR(syscall(SYS_mknodat, AT_FDCWD, "/fifo", S_IFIFO | 0600, 0));
}

static int
try_stat(void)
{
	struct stat st;

	return ERR(stat("/etc/passwd", &st));
}

static int
try_socket_inet(void)
{
	return ERR(socket(AF_INET, SOCK_STREAM, 0));
}

/* As evdns asks a name server; nobody need be there. */
static int
try_name_server(void)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(1),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	return fd == -1 ? errno : ERR(sendto(fd, "", 1, 0,
	    (struct sockaddr *)&sin, sizeof(sin)));
}

static int
try_socket_unix(void)
{
	return ERR(socket(AF_UNIX, SOCK_STREAM, 0));
}

static int
try_socket_raw(void)
{
	return ERR(socket(AF_INET, SOCK_RAW, IPPROTO_RAW));
}

static int
try_socket_netlink(void)
{
	return ERR(socket(AF_NETLINK, SOCK_RAW, 0));
}

static int
try_connect(void)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(1),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int e = ERR(connect(socket(AF_INET, SOCK_STREAM, 0),
	    (struct sockaddr *)&sin, sizeof(sin)));

	return e == ECONNREFUSED ? 0 : e;	/* it was asked at least */
}

static int
try_bare_connect(void)
{
	struct sockaddr sa = { .sa_family = AF_UNSPEC };

	return ERR(connect(-1, &sa, sizeof(sa)));
}

static int
try_bare_bind(void)
{
	struct sockaddr sa = { .sa_family = AF_UNSPEC };

	return ERR(bind(-1, &sa, sizeof(sa)));
}

static int
try_bare_listen(void)
{
	return ERR(listen(-1, 1));
}

static int
try_exec(void)
{
	char name[] = "true", *argv[] = { name, NULL }, *envp[] = { NULL };

	execve("/bin/true", argv, envp);
	return errno;
}

static int
try_fork(void)
{
	pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

	if (pid == 0)
		_exit(0);
	return ERR(pid);
}

static int
try_setuid(void)
{
	return ERR(setuid(0));
}

static int
try_setresuid(void)
{
	return ERR(setresuid(0, 0, 0));
}

static int
try_setgid(void)
{
	return ERR(setgid(0));
}

static int
try_kill_sibling(void)
{
	return ERR(kill(sibling, 0));
}

static int
try_kill_tester(void)
{
	return ERR(kill(tester, 0));
}

static int
try_tgkill(void)
{
	return ERR(syscall(SYS_tgkill, sibling, sibling, 0));
}

static int
try_pidfd(void)
{
	return ERR(syscall(SYS_pidfd_open, sibling, 0));
}

static int
try_setown(void)
{
	return ERR(fcntl(STDERR_FILENO, F_SETOWN, sibling));
}

static int
try_ptrace(void)
{
	return ERR(ptrace(PTRACE_SEIZE, sibling, 0, 0));
}

static int
try_vm_read(void)
{
	return ERR(syscall(SYS_process_vm_readv, sibling, NULL, 0, NULL, 0,
	    0));
}

static int
try_map_exec(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? errno : 0;
}

static int
try_protect_exec(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? 0 : ERR(mprotect(p, 4096,
	    PROT_READ | PROT_EXEC));
}

static int
try_memfd(void)
{
	return ERR(syscall(SYS_memfd_create, "x", 0));
}

static int
try_chroot(void)
{
	return ERR(chroot("/"));
}

static int
try_mount(void)
{
	return ERR(mount("none", "/tmp", "tmpfs", 0, NULL));
}

static int
try_unshare(void)
{
	return ERR(unshare(CLONE_NEWUSER));
}

static int
try_clone_newns(void)
{
	pid_t pid = (pid_t)syscall(SYS_clone, CLONE_NEWNET | SIGCHLD, 0, 0,
	    0, 0);

	if (pid == 0)
		_exit(0);
	return ERR(pid);
}

static int
try_clone3(void)
{
	return ERR(syscall(SYS_clone3, NULL, 0));
}

static int
try_capset(void)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3
	};
	struct __user_cap_data_struct d[2] = {
		{ .permitted = ~0u, .effective = ~0u },
		{ 0 }
	};

	return ERR(syscall(SYS_capset, &head, d));
}

static int
try_securebits(void)
{
	return ERR(prctl(PR_SET_SECUREBITS, 0, 0, 0, 0));
}

static int
try_bpf(void)
{
	return ERR(syscall(SYS_bpf, 0, NULL, 0));
}

static int
try_io_uring(void)
{
	return ERR(syscall(SYS_io_uring_setup, 1, NULL));
}

static int
try_perf(void)
{
	return ERR(syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0));
}

static int
try_userfaultfd(void)
{
	return ERR(syscall(SYS_userfaultfd, 0));
}

static int
try_module(void)
{
	return ERR(syscall(SYS_finit_module, -1, "", 0));
}

static int
try_keyctl(void)
{
	return ERR(syscall(SYS_keyctl, 0, 0, 0, 0, 0));
}

static int
try_inotify(void)
{
	return ERR(inotify_init1(0));
}

static int
try_tty_input(void)
{
	return ERR(ioctl(STDIN_FILENO, TIOCSTI, "x"));
}

static int
try_chown(void)
{
	return ERR(fchown(STDIN_FILENO, 0, 0));
}

static int
try_rlimit(void)
{
	return ERR(syscall(SYS_prlimit64, sibling, 0, NULL, NULL));
}

/* What every role lives on. */
static int
try_living(void)
{
	struct epoll_event ev = { .events = EPOLLIN };
	struct iovec iov = { NULL, 0 };
	struct stat st;
	time_t now = time(NULL);
	void *p = malloc(4 << 20);
	char buf[64];

	memset(p, 1, 4 << 20);
	free(p);
	if (epoll_wait(-1, &ev, 1, 0) != -1 || errno != EBADF)
		return errno;
	if (writev(STDOUT_FILENO, &iov, 0) == -1 ||
	    fstat(STDIN_FILENO, &st) == -1 ||
	    fcntl(STDIN_FILENO, F_GETFL) == -1)
		return errno;
	snprintf(buf, sizeof(buf), "%f %d", (double)now,
	    localtime(&now)->tm_hour);
	log_notice("log: a demoted process can still say so: %s", buf);
	return getpid() == 0;
}

/* --- The table -------------------------------------------------------------*/

static const enum role roles[] = {
	ROLE_PARENT, ROLE_RULES, ROLE_ENFORCER, ROLE_LEDGER, ROLE_CONTROL,
	ROLE_PARSER, ROLE_MUX
};

#define NROLES	(sizeof(roles) / sizeof(roles[0]))

static const struct attempt {
	const char	*name;
	int		(*fn)(void);
	const char	*fates;		/* by role, in the order above */
	int		 lax;		/* a sanitizer's build refuses only */
} attempts[] = {
	{ "live", try_living, "wwwwwww", 0 },
	{ "open a file", try_open, "wwkrkkk", 1 },
	{ "stat a file", try_stat, "wwkrkkk", 0 },
	{ "create a file of root's", try_create, "wrkrkkk", 1 },
	{ "create a file in its directory", try_create_here, "--kwkkk", 1 },
	{ "make a fifo", try_mkfifo, "-rkkkkk", 0 },
	{ "socket(AF_INET)", try_socket_inet, "wwwkkkw", 0 },
	{ "ask a name server", try_name_server, "wwwkwkw", 0 },
	{ "socket(AF_UNIX)", try_socket_unix, "wrkkkkk", 0 },
	{ "socket(SOCK_RAW)", try_socket_raw, "rwkkkkk", 0 },
	{ "socket(AF_NETLINK)", try_socket_netlink, "wwkkkkk", 0 },
	{ "connect by tcp", try_connect, "wrkkkkw", 0 },
	{ "connect", try_bare_connect, "--kkkkr", 0 },
	{ "bind", try_bare_bind, "--kkkkr", 0 },
	{ "listen", try_bare_listen, "--kkkkk", 0 },
	{ "execve", try_exec, "wwkkkkk", 0 },
	{ "fork", try_fork, "wwkkkkk", 1 },
	{ "setuid(0)", try_setuid, "wwkkkkk", 0 },
	{ "setresuid(0, 0, 0)", try_setresuid, "wwkkkkk", 0 },
	{ "setgid(0)", try_setgid, "wwkkkkk", 0 },
	{ "signal a sibling", try_kill_sibling, "wrkkkkk", 0 },
	{ "signal the parent", try_kill_tester, "wrkkkkk", 0 },
	{ "tgkill a sibling", try_tgkill, "wrkkkkk", 0 },
	{ "pidfd of a sibling", try_pidfd, "-wkkkkk", 0 },
	{ "have a sibling signalled", try_setown, "--kkkkk", 0 },
	{ "ptrace a sibling", try_ptrace, "rrkkkkk", 0 },
	{ "read a sibling's memory", try_vm_read, "rrkkkkk", 0 },
	{ "map code", try_map_exec, "wwkkkwk", 0 },
	{ "make data code", try_protect_exec, "wwkkkwk", 0 },
	{ "memfd_create", try_memfd, "wwkkkkk", 0 },
	{ "chroot", try_chroot, "wrkkkkk", 0 },
	{ "mount", try_mount, "rrkkkkk", 0 },
	{ "unshare", try_unshare, "rrkkkkk", 0 },
	{ "clone into a namespace", try_clone_newns, "rrkkkkk", 1 },
	{ "clone3", try_clone3, "rrkkkkk", 0 },
	{ "raise a capability", try_capset, "rrkkkkk", 0 },
	{ "unlock securebits", try_securebits, "-rkkkkk", 1 },
	{ "bpf", try_bpf, "rrkkkkk", 0 },
	{ "io_uring_setup", try_io_uring, "rrkkkkk", 0 },
	{ "perf_event_open", try_perf, "rrkkkkk", 0 },
	{ "userfaultfd", try_userfaultfd, "rrkkkkk", 0 },
	{ "load a module", try_module, "rrkkkkk", 0 },
	{ "keyctl", try_keyctl, "rrkkkkk", 0 },
	{ "inotify_init", try_inotify, "wwkkkkk", 0 },
	{ "push terminal input", try_tty_input, "--kkkkk", 1 },
	{ "chown", try_chown, "--kkkkk", 0 },
	{ "prlimit a sibling", try_rlimit, "--kkkkk", 1 }
};

#define NATTEMPTS	(sizeof(attempts) / sizeof(attempts[0]))

struct trial {
	const struct attempt	*attempt;
	enum role		 role;
	enum fate		 fate;
	char			 name[96];
};

/* --- Demotion --------------------------------------------------------------*/

/* What a demoted process says is of no interest here. */
static void
quiet(void)
{
	int fd = open("/dev/null", O_WRONLY);

	if (fd != -1 && dup2(fd, STDERR_FILENO) != -1)
		close(fd);
}

static void
demote(enum role role)
{
	quiet();
	if (role == ROLE_PARENT) {
		sandbox_parent();
		sandbox_parent_drop_net();
		return;
	}
	sandbox_enter_ids(role, role == ROLE_LEDGER ? state : empty);
	sandbox_enter_filter(role);
}

/* fork(2) whose child prints nothing of what the tester has in its buffers. */
static pid_t
fork_clean(void)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	assert_int_not_equal(pid, -1);
	return pid;
}

static int
run_demoted(enum role role, int (*fn)(void))
{
	pid_t pid;
	int status;

	if ((pid = fork_clean()) == 0) {
		demote(role);
		_exit(fn() == 0 ? 0 : 99);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static enum fate
fate_of(int status)
{
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
		return KILLED;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return WORKS;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 99)
		return REFUSED;
	fail_msg("ended with status %#x", status);
	return UNTRIED;
}

/* Does this kernel's Landlock rule over tcp? */
static int
landlock_has_tcp(void)
{
	return syscall(444, NULL, 0, 1) >= 4;
}

static void
test_trial(void **arg)
{
	const struct trial *t = *arg;
	enum fate fate;

	if (t->attempt->fn == try_connect && t->role == ROLE_RULES &&
	    !landlock_has_tcp()) {
		print_message("# SKIP this kernel's Landlock has no tcp\n");
		skip();
	}
	fate = fate_of(run_demoted(t->role, t->attempt->fn));
#ifdef SANITIZED
	if (t->attempt->lax && fate == REFUSED && t->fate == KILLED)
		return;
#endif
	if (fate != t->fate)
		fail_msg("expected '%c', got '%c'", t->fate, fate);
}

/* --- Seen from outside -----------------------------------------------------*/

struct look {
	enum role	 role;
	uint64_t	 caps;
};

#define BIT(cap)	(UINT64_C(1) << (cap))

static struct look looks[] = {
	{ ROLE_PARENT, BIT(CAP_CHOWN) | BIT(CAP_DAC_READ_SEARCH) |
	    BIT(CAP_KILL) | BIT(CAP_SETUID) | BIT(CAP_SETGID) |
	    BIT(CAP_SETPCAP) | BIT(CAP_SYS_CHROOT) |
	    BIT(CAP_NET_BIND_SERVICE) | BIT(CAP_SYS_RESOURCE) },
	{ ROLE_RULES, BIT(CAP_NET_ADMIN) | BIT(CAP_NET_RAW) },
	{ ROLE_ENFORCER, BIT(CAP_NET_ADMIN) },
	{ ROLE_LEDGER, 0 },
	{ ROLE_CONTROL, 0 },
	{ ROLE_PARSER, 0 },
	{ ROLE_MUX, 0 }
};

#define NLOOKS	(sizeof(looks) / sizeof(looks[0]))

/* The value of a line of /proc/PID/status, in the base given. */
static uint64_t
status_of(const char *text, const char *key, int base)
{
	const char *line = strstr(text, key);

	if (line == NULL)
		fail_msg("no %s", key);
	return strtoull(line + strlen(key), NULL, base);
}

static void
read_status(pid_t pid, char *text, size_t room)
{
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	assert_int_not_equal(fd = open(path, O_RDONLY), -1);
	assert_true((n = read(fd, text, room - 1)) > 0);
	text[n] = '\0';
	close(fd);
}

static void
test_look(void **arg)
{
	const struct look *l = *arg;
	const struct passwd *pw = getpwnam(sandbox_user(l->role));
	char text[8192], byte;
	uint64_t caps;
	int up[2], down[2];
	pid_t pid;

	/* A container's root has not all of them to begin with. */
	read_status(getpid(), text, sizeof(text));
	caps = l->caps & status_of(text, "\nCapPrm:", 16);
	assert_int_equal(pipe(up) | pipe(down), 0);
	if ((pid = fork_clean()) == 0) {
		close(down[1]);
		demote(l->role);
		_exit(write(up[1], "x", 1) != 1 || read(down[0], &byte, 1));
	}
	close(up[1]);
	assert_int_equal(read(up[0], &byte, 1), 1);
	read_status(pid, text, sizeof(text));
	assert_int_equal(status_of(text, "\nUid:", 10), pw->pw_uid);
	assert_int_equal(status_of(text, "\nGid:", 10), pw->pw_gid);
	assert_int_equal(status_of(text, "\nCapInh:", 16), 0);
	assert_int_equal(status_of(text, "\nCapPrm:", 16), caps);
	assert_int_equal(status_of(text, "\nCapEff:", 16), caps);
	assert_int_equal(status_of(text, "\nCapBnd:", 16), caps);
	assert_int_equal(status_of(text, "\nCapAmb:", 16), 0);
	assert_int_equal(status_of(text, "\nNoNewPrivs:", 10), 1);
	assert_int_equal(status_of(text, "\nSeccomp:", 10), 2);
	close(up[0]);
	close(down[0]);
	close(down[1]);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* What a program that rules runs has: the row, and not root's all. */
static void
test_rules_exec(void **arg)
{
	char cat[] = "cat", path[] = "/proc/self/status", text[8192];
	char *argv[] = { cat, path, NULL };
	size_t len = 0;
	ssize_t n;
	pid_t pid;
	int out[2];

	(void)arg;
	assert_int_equal(pipe(out), 0);
	if ((pid = fork_clean()) == 0) {
		demote(ROLE_RULES);
		dup2(out[1], STDOUT_FILENO);
		execv("/bin/cat", argv);
		_exit(1);
	}
	close(out[1]);
	while ((n = read(out[0], text + len, sizeof(text) - 1 - len)) > 0)
		len += (size_t)n;
	text[len] = '\0';
	close(out[0]);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(status_of(text, "\nCapEff:", 16), looks[1].caps);
	assert_int_equal(status_of(text, "\nCapPrm:", 16), looks[1].caps);
}

/* After the parent has let go of it, no child of its can have NET_ADMIN. */
static void
test_missing_capability(void **arg)
{
	char text[512];
	ssize_t n;
	pid_t pid;
	int out[2], status;

	(void)arg;
	assert_int_equal(pipe(out), 0);
	if ((pid = fork_clean()) == 0) {
		demote(ROLE_PARENT);
		dup2(out[1], STDERR_FILENO);
		log_init(LOG_TO_STDERR, "test");
		sandbox_enter_ids(ROLE_ENFORCER, empty);
		_exit(0);
	}
	close(out[1]);
	assert_true((n = read(out[0], text, sizeof(text) - 1)) > 0);
	text[n] = '\0';
	close(out[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
	assert_non_null(strstr(text, "missing capability CAP_NET_ADMIN: "));
}

/* abort(3) is an orderly death, not a forbidden call. */
static int
do_abort(void)
{
	abort();
}

static void
test_abort(void **arg)
{
	int status = run_demoted(ROLE_PARSER, do_abort);

	(void)arg;
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
}

/* A root directory that others can fill is refused. */
static void
test_bad_root(void **arg)
{
	int status;
	pid_t pid;

	(void)arg;
	assert_int_equal(chmod(empty, 0777), 0);
	if ((pid = fork_clean()) == 0) {
		quiet();
		sandbox_enter_ids(ROLE_PARSER, empty);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(chmod(empty, 0755), 0);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
}

/* --- All of them -----------------------------------------------------------*/

#define TEST(name, fn, state)	{ name, fn, NULL, NULL, state }

static struct trial trials[NATTEMPTS * NROLES];

static const char *
fate_name(enum fate fate)
{
	switch (fate) {
	case WORKS:
		return "works";
	case KILLED:
		return "kills";
	default:
		return "is refused";
	}
}

static size_t
make_trials(struct CMUnitTest *tests)
{
	struct trial *t = trials;
	size_t i, r;

	for (i = 0; i < NATTEMPTS; i++)
		for (r = 0; r < NROLES; r++) {
			if (attempts[i].fates[r] == UNTRIED)
				continue;
			t->attempt = &attempts[i];
			t->role = roles[r];
			t->fate = (enum fate)attempts[i].fates[r];
			snprintf(t->name, sizeof(t->name), "%s: %s %s",
			    role_name(t->role), attempts[i].name,
			    fate_name(t->fate));
			*tests++ = (struct CMUnitTest)TEST(t->name,
			    test_trial, t);
			t++;
		}
	return (size_t)(t - trials);
}

static size_t
make_looks(struct CMUnitTest *tests)
{
	static char names[NLOOKS][64];
	size_t i;

	for (i = 0; i < NLOOKS; i++) {
		snprintf(names[i], sizeof(names[i]), "%s: seen from outside",
		    role_name(looks[i].role));
		tests[i] = (struct CMUnitTest)TEST(names[i], test_look,
		    &looks[i]);
	}
	return i;
}

static void
setup(void)
{
	const struct passwd *pw = getpwnam(sandbox_user(ROLE_LEDGER));

	struct tm tm;
	time_t now = time(NULL);

	/* As child.c does before it demotes. */
	setenv("TZ", ":/etc/localtime", 1);
	localtime_r(&now, &tm);
	tester = getpid();
	if (mkdtemp(empty) == NULL || chmod(empty, 0755) == -1 ||
	    mkdtemp(state) == NULL || pw == NULL ||
	    chown(state, pw->pw_uid, pw->pw_gid) == -1)
		fatal("setup");
	snprintf(outside, sizeof(outside), "/var/tmp/refract-test.%d",
	    (int)tester);
	if ((pw = getpwnam(sandbox_user(ROLE_CONTROL))) == NULL)
		fatalx("setup: no users");
	if ((sibling = fork()) == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) == -1)
			_exit(1);
		for (;;)
			pause();
	}
}

static void
cleanup(void)
{
	char path[128];

	kill(sibling, SIGKILL);
	waitpid(sibling, NULL, 0);
	unlink(outside);
	snprintf(path, sizeof(path), "%s/made", state);
	unlink(path);
	rmdir(state);
	rmdir(empty);
}

int
main(void)
{
	static struct CMUnitTest tests[NATTEMPTS * NROLES + NLOOKS + 8];
	static const struct CMUnitTest others[] = {
		cmocka_unit_test(test_rules_exec),
		cmocka_unit_test(test_missing_capability),
		cmocka_unit_test(test_abort),
		cmocka_unit_test(test_bad_root)
	};
	size_t n;
	int failed;

	if (geteuid() != 0 || getpwnam("_refractp") == NULL) {
		puts("1..0 # SKIP needs root and the users of etc/"
		    "refract.sysusers");
		return 0;
	}
	log_init(LOG_TO_STDERR, "sandbox");
	setup();
	n = make_trials(tests);
	n += make_looks(tests + n);
	memcpy(tests + n, others, sizeof(others));
	n += sizeof(others) / sizeof(others[0]);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	failed = _cmocka_run_group_tests("sandbox", tests, n, NULL, NULL);
	cleanup();
	return failed;
}

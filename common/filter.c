/*
 * System call filters by role.
 *
 * The allowlists hold what libevent 2.1 on epoll, glibc and musl need on
 * x86_64 and arm64, and what the role itself does; a call that an architecture
 * has not is passed over by libseccomp.  Nothing can look at a path here:
 * chroot and Landlock do that.
 */
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stddef.h>
#include <unistd.h>

#include <seccomp.h>

#include "filter.h"
#include "log.h"

#define CALL(name)	SCMP_SYS(name)
#define END		0x7fffffff

/* The loop, messages, memory, time, the log, and an orderly end. */
static const int base_calls[] = {
	CALL(epoll_wait), CALL(epoll_pwait), CALL(epoll_pwait2),
	CALL(epoll_ctl), CALL(poll), CALL(ppoll),
	CALL(read), CALL(write), CALL(readv), CALL(writev), CALL(close),
	CALL(recvmsg), CALL(sendmsg), CALL(recvfrom), CALL(sendto),
	CALL(fstat), CALL(brk), CALL(munmap), CALL(mremap), CALL(madvise),
	CALL(clock_gettime), CALL(clock_getres), CALL(gettimeofday),
	CALL(time), CALL(clock_nanosleep), CALL(nanosleep), CALL(futex),
	CALL(getrandom), CALL(getpid), CALL(gettid), CALL(sched_yield),
	CALL(sysinfo),		/* qsort(3) of more than a kilobyte */
	CALL(rt_sigreturn), CALL(rt_sigprocmask), CALL(restart_syscall),
	CALL(exit), CALL(exit_group), END
};

static const int enforcer_calls[] = {
	CALL(getsockname), CALL(getsockopt), CALL(setsockopt), END
};

/* SQLite in its directory; there is nothing else in its root. */
static const int ledger_calls[] = {
	CALL(open), CALL(openat), CALL(stat), CALL(lstat), CALL(newfstatat),
	CALL(statx), CALL(access), CALL(faccessat), CALL(faccessat2),
	CALL(readlink), CALL(readlinkat), CALL(getcwd), CALL(lseek),
	CALL(pread64), CALL(pwrite64), CALL(ftruncate), CALL(fallocate),
	CALL(fsync), CALL(fdatasync), CALL(fchmod), CALL(unlink),
	CALL(unlinkat), CALL(rename), CALL(renameat), CALL(renameat2),
	CALL(mkdir), CALL(umask), CALL(geteuid),
	CALL(fadvise64), END
};

static const int control_calls[] = {
	CALL(accept), CALL(accept4), CALL(getsockopt), CALL(setsockopt),
	CALL(getsockname), CALL(getpeername), CALL(shutdown), CALL(lseek),
	END
};

static const int parser_calls[] = {
	CALL(pread64), CALL(lseek), CALL(statx), END
};

/* Connections; socket(2) is below. */
static const int mux_calls[] = {
	CALL(accept), CALL(accept4), CALL(bind), CALL(connect),
	CALL(getsockopt), CALL(setsockopt), CALL(getsockname),
	CALL(getpeername), CALL(shutdown), CALL(recvmmsg), CALL(sendmmsg),
	CALL(fstat), END
};

/*
 * For processes that run programs of the host: what neither they nor any of
 * those has a reason to do.
 */
static const int denied_calls[] = {
	CALL(acct), CALL(add_key), CALL(bpf), CALL(clock_adjtime),
	CALL(clock_settime), CALL(delete_module), CALL(fanotify_init),
	CALL(finit_module), CALL(fsconfig), CALL(fsmount), CALL(fsopen),
	CALL(fspick), CALL(init_module), CALL(io_uring_enter),
	CALL(io_uring_register), CALL(io_uring_setup), CALL(ioperm),
	CALL(iopl), CALL(kcmp), CALL(kexec_file_load), CALL(kexec_load),
	CALL(keyctl), CALL(lookup_dcookie), CALL(mount),
	CALL(mount_setattr), CALL(move_mount), CALL(nfsservctl),
	CALL(open_by_handle_at), CALL(open_tree), CALL(perf_event_open),
	CALL(personality), CALL(pidfd_getfd), CALL(pivot_root),
	CALL(process_vm_readv), CALL(process_vm_writev), CALL(ptrace),
	CALL(quotactl), CALL(quotactl_fd), CALL(reboot),
	CALL(request_key), CALL(setdomainname), CALL(sethostname), CALL(setns),
	CALL(settimeofday), CALL(swapoff), CALL(swapon), CALL(syslog),
	CALL(umount), CALL(umount2), CALL(unshare), CALL(uselib),
	CALL(userfaultfd), CALL(vhangup), END
};

struct role_filter {
	const int	*calls;		/* beyond base_calls */
	int		 exec_maps;	/* may map code: PCRE2's JIT */
	int		 locks;		/* may lock files */
	int		 denylist;	/* refuse some, allow the rest */
	int		 zones;		/* may ask a zone's name, in vain */
	int		 network;	/* may open sockets of IP */
	int		 resolver;	/* may ask name servers, over UDP */
};

static const struct role_filter filters[ROLE_MAX] = {
	[ROLE_PARENT] = { .denylist = 1 },
	[ROLE_RULES] = { .denylist = 1 },
	/* Transparent sockets for the mux. */
	[ROLE_ENFORCER] = { .calls = enforcer_calls, .network = 1 },
	[ROLE_LEDGER] = { .calls = ledger_calls, .locks = 1 },
	[ROLE_CONTROL] = { .calls = control_calls, .zones = 1,
	    .resolver = 1 },
	[ROLE_PARSER] = { .calls = parser_calls, .exec_maps = 1 },
	[ROLE_MUX] = { .calls = mux_calls, .network = 1 }
};

/* An argument's bits; of a 32-bit one no more, the rest is not looked at. */
struct arg {
	unsigned int	number;
	uint32_t	mask, value;
};

static void
add(scmp_filter_ctx ctx, uint32_t action, int call, const struct arg *arg)
{
	struct scmp_arg_cmp cmp = { .op = SCMP_CMP_MASKED_EQ };
	int e;

	if (arg != NULL) {
		cmp.arg = arg->number;
		cmp.datum_a = arg->mask;
		cmp.datum_b = arg->value;
	}
	e = seccomp_rule_add_array(ctx, action, call, arg != NULL, &cmp);
	/* Not a call of this architecture. */
	if (e != 0 && e != -EDOM) {
		errno = -e;
		fatal("seccomp: rule for system call %d", call);
	}
}

static void
add_all(scmp_filter_ctx ctx, uint32_t action, const int *calls)
{
	for (; calls != NULL && *calls != END; calls++)
		add(ctx, action, *calls, NULL);
}

/* Allow a call when its second argument has one of some values. */
static void
allow_values(scmp_filter_ctx ctx, int call, const unsigned int *values,
    size_t n)
{
	struct arg arg = { 1, UINT32_MAX, 0 };
	size_t i;

	for (i = 0; i < n; i++) {
		arg.value = values[i];
		add(ctx, SCMP_ACT_ALLOW, call, &arg);
	}
}

#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))

/* Without the commands that make the kernel signal somebody. */
static void
allow_fcntl(scmp_filter_ctx ctx, int locks)
{
	static const unsigned int always[] = {
		F_GETFL, F_SETFL, F_GETFD, F_SETFD, F_DUPFD_CLOEXEC
	};
	static const unsigned int locking[] = {
		F_GETLK, F_SETLK, F_SETLKW
	};

	allow_values(ctx, CALL(fcntl), always, COUNT(always));
	allow_values(ctx, CALL(fcntl64), always, COUNT(always));
	if (!locks)
		return;
	allow_values(ctx, CALL(fcntl), locking, COUNT(locking));
	allow_values(ctx, CALL(fcntl64), locking, COUNT(locking));
}

static void
allow_maps(scmp_filter_ctx ctx, int exec)
{
	static const int calls[] = { CALL(mmap), CALL(mmap2), CALL(mprotect) };
	static const struct arg no_exec = { 2, PROT_EXEC, 0 };
	size_t i;

	for (i = 0; i < COUNT(calls); i++)
		add(ctx, SCMP_ACT_ALLOW, calls[i], exec ? NULL : &no_exec);
}

/*
 * What is allowed to all with some arguments only: a buffer's fill, fstat(2)
 * as glibc spells it, abort(3)'s signal to oneself.
 */
static void
allow_some(scmp_filter_ctx ctx)
{
	static const unsigned int ioctls[] = { FIONREAD };
	static const struct arg empty_path = {
		3, AT_EMPTY_PATH, AT_EMPTY_PATH
	};
	const struct arg self = { 0, UINT32_MAX, (uint32_t)getpid() };

	allow_values(ctx, CALL(ioctl), ioctls, COUNT(ioctls));
	add(ctx, SCMP_ACT_ALLOW, CALL(newfstatat), &empty_path);
	add(ctx, SCMP_ACT_ALLOW, CALL(tgkill), &self);
}

/*
 * evhttp writes down each peer's address by getnameinfo(3), which opens a
 * socket to ask for the zone's name of a link-local one, and writes its number
 * if it gets none.  Without this any such peer could have control killed.
 */
static void
refuse_zones(scmp_filter_ctx ctx)
{
	static const struct arg datagram = {
		1, UINT32_MAX, SOCK_DGRAM | SOCK_CLOEXEC
	};

	add(ctx, SCMP_ACT_ERRNO(EACCES), CALL(socket), &datagram);
}

/*
 * As libevent's evdns asks for them, and nothing else: it does not bind them,
 * and sends with an address, so there is no connect(2) and no TCP.
 */
static void
allow_resolver(scmp_filter_ctx ctx)
{
	static const scmp_datum_t families[] = { AF_INET, AF_INET6 };
	size_t f;
	int e;

	for (f = 0; f < COUNT(families); f++) {
		e = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, CALL(socket), 2,
		    SCMP_A0(SCMP_CMP_MASKED_EQ, UINT32_MAX, families[f]),
		    SCMP_A1(SCMP_CMP_MASKED_EQ, UINT32_MAX, SOCK_DGRAM |
		    SOCK_NONBLOCK | SOCK_CLOEXEC));
		if (e != 0) {
			errno = -e;
			fatal("seccomp: rule for socket");
		}
	}
}

/* TCP and UDP, neither raw nor unix nor netlink. */
static void
allow_network(scmp_filter_ctx ctx)
{
	static const int families[] = { AF_INET, AF_INET6 };
	static const int types[] = { SOCK_STREAM, SOCK_DGRAM };
	struct scmp_arg_cmp cmp[2];
	size_t f, t;
	int e;

	for (f = 0; f < COUNT(families); f++)
		for (t = 0; t < COUNT(types); t++) {
			cmp[0] = SCMP_A0(SCMP_CMP_MASKED_EQ, UINT32_MAX,
			    (scmp_datum_t)families[f]);
			cmp[1] = SCMP_A1(SCMP_CMP_MASKED_EQ, 0xf,
			    (scmp_datum_t)types[t]);
			e = seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW,
			    CALL(socket), 2, cmp);
			if (e != 0) {
				errno = -e;
				fatal("seccomp: rule for socket");
			}
		}
}

#ifdef SANITIZED
/* A report needs these not to kill; there is nothing they could reach. */
static void
allow_sanitizer(scmp_filter_ctx ctx)
{
	static const int refused[] = {
		CALL(open), CALL(openat), CALL(ioctl), CALL(clone),
		CALL(prctl), CALL(readlink), CALL(readlinkat), END
	};
	static const int allowed[] = {
		CALL(sigaltstack), CALL(rt_sigaction), CALL(prlimit64),
		CALL(getrlimit), CALL(sched_getaffinity), CALL(getuid), END
	};
	const int *call;

	for (call = refused; *call != END; call++)
		seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EACCES), *call, 0);
	add_all(ctx, SCMP_ACT_ALLOW, allowed);
}

const char *__asan_default_options(void);

const char *
__asan_default_options(void)
{
	return "symbolize=0:detect_leaks=0";
}
#else
static void
allow_sanitizer(scmp_filter_ctx ctx)
{
	(void)ctx;
}
#endif

static scmp_filter_ctx
build_allowlist(const struct role_filter *f)
{
	scmp_filter_ctx ctx;

	if ((ctx = seccomp_init(SCMP_ACT_KILL_PROCESS)) == NULL)
		fatalx("seccomp: no filter");
	add_all(ctx, SCMP_ACT_ALLOW, base_calls);
	add_all(ctx, SCMP_ACT_ALLOW, f->calls);
	allow_fcntl(ctx, f->locks);
	allow_maps(ctx, f->exec_maps);
	allow_some(ctx);
	if (f->zones)
		refuse_zones(ctx);
	if (f->network)
		allow_network(ctx);
	if (f->resolver)
		allow_resolver(ctx);
	allow_sanitizer(ctx);
	return ctx;
}

static scmp_filter_ctx
build_denylist(int no_unix)
{
	static const unsigned int namespaces[] = {
		CLONE_NEWCGROUP, CLONE_NEWIPC, CLONE_NEWNET, CLONE_NEWNS,
		CLONE_NEWPID, CLONE_NEWUSER, CLONE_NEWUTS
	};
	static const struct arg unix_socket = { 0, UINT32_MAX, AF_UNIX };
	struct arg flag = { 0 };
	scmp_filter_ctx ctx;
	size_t i;

	if ((ctx = seccomp_init(SCMP_ACT_ALLOW)) == NULL)
		fatalx("seccomp: no filter");
	add_all(ctx, SCMP_ACT_ERRNO(EPERM), denied_calls);
	for (i = 0; i < COUNT(namespaces); i++) {
		flag.mask = flag.value = namespaces[i];
		add(ctx, SCMP_ACT_ERRNO(EPERM), CALL(clone), &flag);
	}
	/* Its flags are out of sight: libc falls back on clone. */
	add(ctx, SCMP_ACT_ERRNO(ENOSYS), CALL(clone3), NULL);
	/* Root may connect to every daemon's socket. */
	if (no_unix)
		add(ctx, SCMP_ACT_ERRNO(EACCES), CALL(socket), &unix_socket);
	return ctx;
}

void
filter_enter(enum role role)
{
	const struct role_filter *f = &filters[role];
	scmp_filter_ctx ctx;
	int e;

	if (f->denylist)
		ctx = build_denylist(role == ROLE_RULES);
	else if (f->calls != NULL)
		ctx = build_allowlist(f);
	else
		fatalx("seccomp: no filter for %s", role_name(role));
	/* A search tree; where libseccomp has none, its chain will do. */
	seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if ((e = seccomp_load(ctx)) != 0) {
		errno = -e;
		fatal("seccomp: load");
	}
	seccomp_release(ctx);
}

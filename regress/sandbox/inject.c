/*
 * inject PID CALL [ARG ...]: make a live process perform one system call, as
 * somebody would who had taken it over, and say what came of it.
 *
 *	returned N		it did, and got N (exit status 0)
 *	error N: text		it was refused (exit status 1)
 *	killed by SIGSYS	the filter ended the process (exit status 3)
 *
 * An ARG is a number (10, -1, 0x22) or, if it is none, a string that is put
 * on the process' stack; "s:10" is the string "10".  The process goes on
 * afterwards with the call that it was in.  Not for calls that do not return
 * (execve, exit, fork) unless they are refused: then they do.
 *
 * How: the process is stopped at the entry of its next system call, whose
 * number and arguments are changed; at its exit the result is read, and the
 * registers are put back as they were with the program counter on the system
 * call instruction.  seccomp sees the number after the change.
 */
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>

#include <elf.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <seccomp.h>

#define NARGS		6
#define RED_ZONE	512

#if defined(__x86_64__)
typedef struct user_regs_struct regs_t;

static void
regs_call(pid_t pid, regs_t *r, long nr, const uint64_t args[NARGS])
{
	(void)pid;
	r->orig_rax = (unsigned long long)nr;
	r->rdi = args[0];
	r->rsi = args[1];
	r->rdx = args[2];
	r->r10 = args[3];
	r->r8 = args[4];
	r->r9 = args[5];
}

static int64_t
regs_result(const regs_t *r)
{
	return (int64_t)r->rax;
}

static uint64_t
regs_stack(const regs_t *r)
{
	return r->rsp;
}

/* As they were, about to make the call that was replaced. */
static void
regs_again(regs_t *r)
{
	r->rax = r->orig_rax;
	r->orig_rax = (unsigned long long)-1;
	r->rip -= 2;
}
#elif defined(__aarch64__)
typedef struct user_regs_struct regs_t;

static void
regs_call(pid_t pid, regs_t *r, long nr, const uint64_t args[NARGS])
{
	int number = (int)nr, i;
	struct iovec iov = { &number, sizeof(number) };

	for (i = 0; i < NARGS; i++)
		r->regs[i] = args[i];
	if (ptrace(PTRACE_SETREGSET, pid, NT_ARM_SYSTEM_CALL, &iov) == -1)
		err(2, "system call number");
}

static int64_t
regs_result(const regs_t *r)
{
	return (int64_t)r->regs[0];
}

static uint64_t
regs_stack(const regs_t *r)
{
	return r->sp;
}

static void
regs_again(regs_t *r)
{
	r->pc -= 4;
}
#else
#error "inject: not for this architecture"
#endif

static void
regs_get(pid_t pid, regs_t *r)
{
	struct iovec iov = { r, sizeof(*r) };

	if (ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &iov) == -1)
		err(2, "registers");
}

static void
regs_set(pid_t pid, regs_t *r)
{
	struct iovec iov = { r, sizeof(*r) };

	if (ptrace(PTRACE_SETREGSET, pid, NT_PRSTATUS, &iov) == -1)
		err(2, "registers");
}

/* The end of the process, told. */
static void
ended(int status)
{
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS) {
		puts("killed by SIGSYS");
		exit(3);
	}
	if (WIFSIGNALED(status))
		errx(2, "killed by signal %d", WTERMSIG(status));
	errx(2, "exited with status %d", WEXITSTATUS(status));
}

/* Run to the next entry or exit of a system call. */
static void
to_call(pid_t pid)
{
	int status, sig = 0;

	for (;;) {
		if (ptrace(PTRACE_SYSCALL, pid, 0, sig) == -1)
			err(2, "continue");
		if (waitpid(pid, &status, __WALL) == -1)
			err(2, "wait");
		if (!WIFSTOPPED(status))
			ended(status);
		if (WSTOPSIG(status) == (SIGTRAP | 0x80))
			return;
		/* A signal goes on its way; a ptrace event is none. */
		sig = status >> 16 == 0 ? WSTOPSIG(status) : 0;
	}
}

static void
stop(pid_t pid)
{
	int status;

	if (ptrace(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACESYSGOOD) == -1 ||
	    ptrace(PTRACE_INTERRUPT, pid, 0, 0) == -1)
		err(2, "process %d", (int)pid);
	if (waitpid(pid, &status, __WALL) == -1)
		err(2, "wait");
	if (!WIFSTOPPED(status))
		ended(status);
	to_call(pid);
}

static void
put_string(pid_t pid, uint64_t to, const char *s)
{
	char path[64];
	size_t len = strlen(s) + 1;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
	if ((fd = open(path, O_RDWR)) == -1 ||
	    pwrite(fd, s, len, (off_t)to) != (ssize_t)len)
		err(2, "%s", path);
	close(fd);
}

/* Numbers as they are, strings below the stack. */
static void
put_args(pid_t pid, const regs_t *r, int argc, char **argv,
    uint64_t args[NARGS])
{
	uint64_t free_at = regs_stack(r) - RED_ZONE;
	const char *s;
	char *end;
	int i;

	for (i = 0; i < argc; i++) {
		s = argv[i];
		args[i] = (uint64_t)strtoll(s, &end, 0);
		if (*s != '\0' && *end == '\0')
			continue;
		if (strncmp(s, "s:", 2) == 0)
			s += 2;
		free_at = (free_at - strlen(s) - 1) & ~UINT64_C(15);
		put_string(pid, free_at, s);
		args[i] = free_at;
	}
}

static int64_t
inject(pid_t pid, long nr, int argc, char **argv)
{
	uint64_t args[NARGS] = { 0 };
	regs_t before, now;
	int64_t result;

	stop(pid);
	regs_get(pid, &before);
	put_args(pid, &before, argc, argv, args);
	now = before;
	regs_call(pid, &now, nr, args);
	regs_set(pid, &now);
	to_call(pid);
	regs_get(pid, &now);
	result = regs_result(&now);
	regs_again(&before);
	regs_set(pid, &before);
	/* seccomp lets the call seem to return and kills on the way out. */
	to_call(pid);
	if (ptrace(PTRACE_DETACH, pid, 0, 0) == -1)
		err(2, "detach");
	return result;
}

int
main(int argc, char **argv)
{
	int64_t result;
	long nr;
	pid_t pid;
	char *end;

	if (argc < 3 || argc > 3 + NARGS) {
		fprintf(stderr, "usage: inject pid call [arg ...]\n");
		return 2;
	}
	pid = (pid_t)strtol(argv[1], &end, 10);
	if (*end != '\0' || pid <= 0)
		errx(2, "%s: not a process", argv[1]);
	if ((nr = seccomp_syscall_resolve_name(argv[2])) < 0)
		errx(2, "%s: no such system call", argv[2]);
	result = inject(pid, nr, argc - 3, argv + 3);
	if (result < 0 && result > -4096) {
		printf("error %d: %s\n", (int)-result, strerror((int)-result));
		return 1;
	}
	printf("returned %lld\n", (long long)result);
	return 0;
}

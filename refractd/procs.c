/*
 * Children: fork and exec (procs_exec.c) with a channel on descriptor 3, a
 * barrier until they are READY, and what their deaths mean.  A child that ends
 * without having been told to ends the suite, and the log says why.
 */
#include <sys/socket.h>
#include <sys/wait.h>

#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "args.h"
#include "child.h"
#include "log.h"
#include "procs.h"
#include "procs_exec.h"
#include "sandbox.h"
#include "timer.h"
#include "version.h"

struct proc {
	pid_t			 pid;		/* 0: not there */
	struct channel		*ch;
	int			 ready;
	int			 told;		/* to stop */
	uid_t			 uid;
	wall_t			 started;
	char			 build[BUILD_ID_LEN];
};

/* All limits together are less than systemd's 90 s. */
static const struct recipe recipes[ROLE_MAX] = {
	[ROLE_RULES] = { "refractd: rules", "refract-enforcer", "-R", NULL,
	    10 },
	[ROLE_ENFORCER] = { "refract-enforcer", "refract-enforcer", NULL,
	    NULL, 5 },
	[ROLE_LEDGER] = { "refractd: ledger", NULL, "-X", "ledger", 20 },
	[ROLE_CONTROL] = { "refractd: control", NULL, "-X", "control", 5 },
	[ROLE_PARSER] = { "refract-parser", "refract-parser", NULL, NULL,
	    10 },
	/* It drains: see procs_stop_limit(). */
	[ROLE_MUX] = { "refract-mux", "refract-mux", NULL, NULL, 10 },
};

/*
 * Control is told first, and nobody is served from then on; but it writes down
 * what the others still do, and goes when they have gone.
 */
static const struct {
	enum role	role;
	int		go_on;		/* told only: waited for below */
} stop_order[] = {
	{ ROLE_CONTROL, 1 }, { ROLE_PARSER, 0 }, { ROLE_MUX, 0 },
	{ ROLE_ENFORCER, 0 }, { ROLE_RULES, 0 }, { ROLE_CONTROL, 0 },
	{ ROLE_LEDGER, 0 }
};

static struct event_base	*base;
static struct given		 given;
/* By role; the mux's second worker and those after it come behind. */
#define PROCS_MAX	(ROLE_MAX + MUX_WORKERS_MAX - 1)
static struct proc		 procs[PROCS_MAX];
/* A worker's place + 1; one that leaves keeps its place, not its number. */
static unsigned int		 places[MUX_WORKERS_MAX];
static const struct handler	*handlers[ROLE_MAX];
static wall_t			 parent_started;
static pid_t			 owner;		/* whose children they are */
static struct event		*child_ev, *stop_ev;
static void			(*others)(pid_t, int);
static const char		*turning_for;
static int			 mux_drain;	/* seconds more for it */
static struct {
	int			 on, clean;
	size_t			 next;
	enum role		 waiting;	/* for this one's end */
	void			(*done)(int);
	void			(*before_last)(void);
} stopping;

static void	stop_next(void);

static enum role
role_of(unsigned int n)
{
	return n < ROLE_MAX ? (enum role)n : ROLE_MUX;
}

static struct proc *
worker_at(unsigned int place)
{
	return place == 0 ? &procs[ROLE_MUX] : &procs[ROLE_MAX + place - 1];
}

/* NULL: there is none of that number. */
static struct proc *
worker(unsigned int index)
{
	if (index >= MUX_WORKERS_MAX || places[index] == 0)
		return NULL;
	return worker_at(places[index] - 1);
}

static unsigned int
index_of(unsigned int n)
{
	return n < ROLE_MAX ? 0 : n - ROLE_MAX + 1;
}

/* For people: "refract-parser", "ledger". */
static const char *
title(enum role role)
{
	return recipes[role].program == NULL || role == ROLE_RULES ?
	    role_name(role) : recipes[role].program;
}

static void
proc_clear(struct proc *p)
{
	if (p->ch != NULL)
		channel_free(p->ch);
	memset(p, 0, sizeof(*p));
}

/* At exit, however it came: nobody stays behind. */
static void
kill_all(void)
{
	unsigned int	r;

	if (getpid() != owner)
		return;
	for (r = 0; r < PROCS_MAX; r++)
		if (procs[r].pid > 0)
			kill(procs[r].pid, SIGKILL);
	for (r = 0; r < PROCS_MAX; r++)
		if (procs[r].pid > 0)
			while (waitpid(procs[r].pid, NULL, 0) == -1 &&
			    errno == EINTR)
				continue;
}

/* Any of them. */
static int
is_alive(enum role role)
{
	unsigned int	n;

	for (n = 0; n < PROCS_MAX; n++)
		if (role_of(n) == role && procs[n].pid > 0)
			return 1;
	return 0;
}

/* Deaths */

static const char *
cause(int status, char *buf, size_t len)
{
	if (WIFSIGNALED(status))
		snprintf(buf, len, "killed by signal %d (%s)",
		    WTERMSIG(status), WTERMSIG(status) == SIGSYS ?
		    "bad system call" : strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status) == 127)
		snprintf(buf, len, "it could not be executed");
	else
		snprintf(buf, len, "exit status %d", WEXITSTATUS(status));
	return buf;
}

static void
buried(unsigned int n, int status)
{
	struct proc	*p = &procs[n];
	enum role	 role = role_of(n);
	char		 why[80];
	pid_t		 pid = p->pid;
	int		 told = p->told;

	cause(status, why, sizeof(why));
	proc_clear(p);
	/* It has said why; or nobody reads what it prints. */
	if (given.alone != NULL && WIFEXITED(status) &&
	    (!told || WEXITSTATUS(status) != 0))
		exit(WEXITSTATUS(status));
	if (!told)
		fatalx("%s (pid %d) died: %s", title(role), (int)pid, why);
	if (WIFSIGNALED(status) || WEXITSTATUS(status) != 0) {
		stopping.clean = 0;
		log_warnx("%s (pid %d) did not stop cleanly: %s", title(role),
		    (int)pid, why);
	}
	if (stopping.on && role == stopping.waiting && !is_alive(role))
		stop_next();
}

/* If several died at once, the first to be reaped is the one to name. */
static void
child_died(int sig, short what, void *arg)
{
	unsigned int	n;
	pid_t		pid;
	int		status;

	(void)sig;
	(void)what;
	(void)arg;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		for (n = 0; n < PROCS_MAX; n++)
			if (procs[n].pid == pid)
				break;
		if (n < PROCS_MAX)
			buried(n, status);
		else if (others != NULL)
			others(pid, status);
	}
}

static struct proc *
proc_of(const struct channel *ch)
{
	enum role	role = channel_peer(ch);

	return role == ROLE_MUX ? worker_at(channel_index(ch)) : &procs[role];
}

/* It may be dying, and then its death says more than this. */
static void
channel_closed(struct channel *ch)
{
	struct proc	*p = proc_of(ch);
	enum role	 role = channel_peer(ch);
	int		 i, status;

	channel_free(ch);
	p->ch = NULL;
	if (p->told)
		return;
	for (i = 0; i < 100; i++) {
		if (waitpid(p->pid, &status, WNOHANG) == p->pid)
			buried((unsigned int)(p - procs), status);
		usleep(10000);
	}
	fatalx("%s (pid %d) closed its channel", title(role), (int)p->pid);
}

void
procs_init(struct event_base *b, const char *dir, const char *state,
    int verbose)
{
	base = b;
	given.helpers = dir;
	given.state_dir = state;
	given.verbosity = verbose;
	owner = getpid();
	parent_started = wall_now();
	child_ev = evsignal_new(base, SIGCHLD, child_died, NULL);
	if (child_ev == NULL || event_add(child_ev, NULL) == -1)
		fatalx("processes: out of memory");
	if (atexit(kill_all) != 0)
		fatalx("processes: atexit");
}

int
procs_has(pid_t pid)
{
	unsigned int	n;

	for (n = 0; n < PROCS_MAX; n++)
		if (procs[n].pid == pid)
			return 1;
	return 0;
}

void
procs_others(void (*fn)(pid_t, int))
{
	others = fn;
}

void
procs_alone(const char *option)
{
	given.alone = option;
}

void
procs_handlers(enum role role, const struct handler *h)
{
	handlers[role] = h;
}

/* Starting */

/* In this order only what a peer of this build has sent is legal. */
static void
got_ready(MSG_ARGS)
{
	enum role		 role = channel_peer(ch);
	struct proc		*p = proc_of(ch);
	const struct msg_ready	*m = data;

	if (strcmp(m->build, BUILD_ID) != 0)
		fatalx("%s is build %s and this is %s: restart needed",
		    title(role), log_vis(m->build, strlen(m->build)),
		    BUILD_ID);
	if (m->role != role || p->ready)
		fatalx("%s (pid %d) says that it is %s", title(role),
		    (int)p->pid, role_name(m->role));
	strlcpy(p->build, m->build, sizeof(p->build));
	p->ready = 1;
	log_debug("%s (pid %d) is ready", title(role), (int)p->pid);
}

/* READY and whatever else this role says. */
static const struct handler *
handlers_of(enum role role)
{
	static struct handler	 all[ROLE_MAX][24];
	const struct handler	*h = handlers[role];
	size_t			 n = 0;

	all[role][n].type = M_READY;
	all[role][n++].fn = got_ready;
	for (; h != NULL && h->fn != NULL; h++) {
		if (n == 23)
			fatalx("%s: too many handlers", title(role));
		all[role][n++] = *h;
	}
	return all[role];
}

static void
start(struct proc *p)
{
	enum role		 role = role_of((unsigned int)(p - procs));
	struct passwd		*pw = getpwnam(sandbox_user(role));
	sigset_t		 all, old;
	int			 sp[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sp) == -1)
		fatal("socketpair");
	/* the child must not run the parent's signal handlers */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &old);
	p->pid = fork();
	if (p->pid == 0)
		procs_exec(&recipes[role], &given, role, sp[1]);
	sigprocmask(SIG_SETMASK, &old, NULL);
	if (p->pid == -1) {
		p->pid = 0;
		fatal("%s: fork", title(role));
	}
	close(sp[1]);
	p->uid = pw == NULL ? 0 : pw->pw_uid;
	p->started = wall_now();
	p->ch = channel_new(base, sp[0], role, handlers_of(role));
	if (p->ch == NULL)
		fatalx("%s: out of memory", title(role));
	channel_setindex(p->ch, index_of((unsigned int)(p - procs)));
	channel_onclosed(p->ch, channel_closed);
}

void
procs_start(enum role role)
{
	start(&procs[role]);
}

/* Where nobody is; or one who still finishes connections has to go. */
static unsigned int
free_place(void)
{
	unsigned int	 i;
	struct proc	*p;

	for (i = 0; i < MUX_WORKERS_MAX; i++)
		if (worker_at(i)->pid == 0)
			return i;
	for (i = 0; !worker_at(i)->told; i++)
		if (i == MUX_WORKERS_MAX - 1)
			fatalx("mux: too many workers");
	p = worker_at(i);
	log_warnx("refract-mux (pid %d) is ended with its connections: too "
	    "many workers leave", (int)p->pid);
	kill(p->pid, SIGKILL);
	while (waitpid(p->pid, NULL, 0) == -1 && errno == EINTR)
		continue;
	proc_clear(p);
	return i;
}

void
procs_start_worker(unsigned int index)
{
	places[index] = free_place() + 1;
	start(worker(index));
}

static void
waited_too_long(EVENT_ARGS)
{
	fatalx("%s", turning_for);
}

void
procs_turn_until(const int *done, int seconds, const char *what)
{
	struct event	*ev;

	turning_for = what;
	ev = evtimer_new(base, waited_too_long, NULL);
	if (ev == NULL)
		fatalx("processes: out of memory");
	timer_set(ev, (span_t)seconds * 1000);
	while (!*done)
		if (event_base_loop(base, EVLOOP_ONCE) == -1)
			fatalx("processes: event loop");
	event_free(ev);
}

void
procs_wait(unsigned int roles)
{
	unsigned int	n;
	char		what[80];

	for (n = 0; n < PROCS_MAX; n++) {
		if (!(roles & ROLE_BIT(role_of(n))) || procs[n].pid == 0)
			continue;
		snprintf(what, sizeof(what), "%s: not ready after %d s",
		    title(role_of(n)), START_LIMIT);
		procs_turn_until(&procs[n].ready, START_LIMIT, what);
	}
}

/* Each is told of its end by a message; ours are closed when sent. */
static void
connect_end(const struct proc *to, const struct proc *peer, int bulk, int fd)
{
	struct msg_channel	m;
	unsigned int		n = (unsigned int)(peer - procs);

	memset(&m, 0, sizeof(m));
	m.peer = role_of(n);
	m.bulk = bulk;
	m.index = index_of(n);
	channel_send_fd(to->ch, M_CHANNEL, 0, fd, &m, sizeof(m));
}

static void
connect_both(const struct proc *a, const struct proc *b, int bulk)
{
	int	sp[2];

	if (a->ch == NULL || b->ch == NULL)
		return;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sp) == -1)
		fatal("socketpair");
	connect_end(a, b, bulk, sp[0]);
	connect_end(b, a, bulk, sp[1]);
}

void
procs_connect(enum role a, enum role b, int bulk)
{
	connect_both(&procs[a], &procs[b], bulk);
}

void
procs_connect_worker(unsigned int index, enum role role)
{
	if (worker(index) != NULL)
		connect_both(worker(index), &procs[role], 0);
}

unsigned int
procs_alive(void)
{
	unsigned int	n, set = 0;

	for (n = 0; n < PROCS_MAX; n++)
		if (procs[n].pid > 0)
			set |= ROLE_BIT(role_of(n));
	return set;
}

unsigned int
procs_count(void)
{
	unsigned int	n, count = 1;

	for (n = 0; n < PROCS_MAX; n++)
		count += procs[n].pid > 0;
	return count;
}

struct channel *
procs_channel(enum role role)
{
	return procs[role].ch;
}

struct channel *
procs_worker(unsigned int index)
{
	const struct proc	*p = worker(index);

	return p == NULL || p->told ? NULL : p->ch;
}

void
procs_verbose(uint32_t verbose)
{
	unsigned int	n;

	given.verbosity = (int)verbose;
	for (n = 0; n < PROCS_MAX; n++)
		channel_send(procs[n].ch, M_VERBOSE, 0, &verbose,
		    sizeof(verbose));
}

/* Stopping */

static int
stop_limit(enum role role)
{
	return recipes[role].stop_limit + (role == ROLE_MUX ? mux_drain : 0);
}

static void
stop_took_too_long(EVENT_ARGS)
{
	enum role	 role = stopping.waiting;
	unsigned int	 n;

	for (n = 0; n < PROCS_MAX; n++) {
		if (role_of(n) != role || procs[n].pid == 0)
			continue;
		log_warnx("%s (pid %d) does not stop: killed after %d s",
		    title(role), (int)procs[n].pid, stop_limit(role));
		kill(procs[n].pid, SIGKILL);
	}
}

static void
stop_proc(struct proc *p)
{
	if (p->told || p->pid == 0)
		return;
	log_debug("%s (pid %d) is told to stop", title(role_of(
	    (unsigned int)(p - procs))), (int)p->pid);
	p->told = 1;
	if (p->ch == NULL || !p->ready)
		kill(p->pid, SIGKILL);
	else
		channel_send(p->ch, M_STOP, 0, NULL, 0);
}

static void
stop_one(enum role role)
{
	unsigned int	n;

	for (n = 0; n < PROCS_MAX; n++)
		if (role_of(n) == role)
			stop_proc(&procs[n]);
}

unsigned int
procs_place(unsigned int index)
{
	return places[index] - 1;
}

struct channel *
procs_at(unsigned int place)
{
	const struct proc	*p = worker_at(place);

	return p->told ? NULL : p->ch;
}

void
procs_leave_worker(unsigned int index)
{
	places[index] = 0;
}

void
procs_stop_at(unsigned int place)
{
	stop_proc(worker_at(place));
}

void
procs_stop_worker(unsigned int index)
{
	if (worker(index) != NULL)
		stop_proc(worker(index));
	places[index] = 0;
}

void
procs_stop_limit(int seconds)
{
	mux_drain = seconds;
}

static void
wait_for_end(enum role role)
{
	stopping.waiting = role;
	timer_set(stop_ev, (span_t)stop_limit(role) * 1000);
}

/* 1: something else is to be done before this one. */
static int
stop_held(enum role role)
{
	void	(*fn)(void) = stopping.before_last;

	if (role != ROLE_LEDGER || fn == NULL)
		return 0;
	stopping.before_last = NULL;
	fn();
	return 1;
}

static void
stop_next(void)
{
	enum role	role;
	int		go_on;

	event_del(stop_ev);
	while (stopping.next < sizeof(stop_order) / sizeof(stop_order[0])) {
		role = stop_order[stopping.next].role;
		if (stop_held(role))
			return;
		go_on = stop_order[stopping.next++].go_on;
		if (!is_alive(role))
			continue;
		stop_one(role);
		if (!go_on) {
			wait_for_end(role);
			return;
		}
	}
	stopping.on = 0;
	stopping.done(stopping.clean);
}

void
procs_stop_before_last(void (*fn)(void))
{
	stopping.before_last = fn;
}

void
procs_stop_go_on(void)
{
	stop_next();
}

void
procs_stop(void (*done)(int))
{
	if (stopping.on)
		return;
	stop_ev = evtimer_new(base, stop_took_too_long, NULL);
	if (stop_ev == NULL)
		fatalx("processes: out of memory");
	stopping.on = 1;
	stopping.clean = 1;
	stopping.next = 0;
	stopping.done = done;
	stop_next();
}

/* Seeing */

static uint64_t
rss_of(pid_t pid)
{
	unsigned long long	 size, resident = 0;
	char			 path[64];
	FILE			*f;

	snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
	if ((f = fopen(path, "re")) == NULL)
		return 0;
	if (fscanf(f, "%llu %llu", &size, &resident) != 2)
		resident = 0;
	fclose(f);
	return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* Refused for another user's process without CAP_SYS_PTRACE: then 0. */
static uint64_t
pss_of(pid_t pid)
{
	unsigned long long	 kb;
	char			 path[64], line[256];
	FILE			*f;
	uint64_t		 pss = 0;

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
	if ((f = fopen(path, "re")) == NULL)
		return 0;
	while (fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "Pss: %llu kB", &kb) == 1) {
			pss = kb * 1024;
			break;
		}
	fclose(f);
	return pss;
}

static void
row_send(struct channel *ch, uint32_t id, enum role role, const struct proc *p)
{
	struct {
		struct row_head		head;
		struct row_process	row;
	}	m;

	memset(&m, 0, sizeof(m));
	m.head.what = SHOW_PROCESSES;
	m.row.role = role;
	m.row.pid = p->pid;
	m.row.uid = p->uid;
	m.row.state = p->told ? STATE_STOPPING : p->ready ? proc_state() :
	    STATE_STARTING;
	m.row.rss = rss_of(p->pid);
	m.row.pss = pss_of(p->pid);
	m.row.started = p->started;
	strlcpy(m.row.user, sandbox_user(role), sizeof(m.row.user));
	strlcpy(m.row.build, p->build, sizeof(m.row.build));
	channel_send(ch, M_ROW, id, &m, sizeof(m));
}

/* The cursor is the process to go on with. */
void
procs_show(struct channel *ch, uint32_t id, const struct msg_show *ask)
{
	struct proc	 self = { .ready = 1 };
	struct msg_show	 end = *ask;
	uint64_t	 i = ask->cursor;
	uint32_t	 n = 0;

	self.pid = getpid();
	self.started = parent_started;
	strlcpy(self.build, BUILD_ID, sizeof(self.build));
	for (; i < PROCS_MAX && n < ask->max; i++) {
		const struct proc	*p = i == ROLE_PARENT ? &self :
					    &procs[i];

		if (p->pid == 0)
			continue;
		row_send(ch, id, role_of((unsigned int)i), p);
		n++;
	}
	end.cursor = i < PROCS_MAX ? i : 0;
	channel_send(ch, M_SHOW_END, id, &end, sizeof(end));
}

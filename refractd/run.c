/*
 * The parent's side of commands.  What a watch's command is comes from the
 * configuration, found by two hashes; only the values come from the ledger.
 * They wait in order when as many run as may.
 */
#include <sys/queue.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "args.h"
#include "conf.h"
#include "ctl_buf.h"
#include "log.h"
#include "procs.h"
#include "reload.h"
#include "run.h"
#include "run_argv.h"
#include "spawn.h"
#include "timer.h"

#define EXIT_LIMIT	10000	/* ms for all that runs at exit */
#define STOP_LIMIT	20000	/* ms for all commands of `stop` */
#define LABEL_LEN	136
#define JOBS_MAX	(100000 + RUN_MAX)	/* the ledger has no more */

struct job {
	TAILQ_ENTRY(job)	 entry;
	struct spawned		*spawned;	/* NULL: it waits */
	uint64_t		 row;
	uint64_t		 watch, hash;
	struct prefix		 addr;
	uint32_t		 count;
	size_t			 len;
	char			 label[LABEL_LEN];	/* watch x: /bin/y */
	char			 values[];
};
TAILQ_HEAD(jobs, job);

static struct jobs	 waiting = TAILQ_HEAD_INITIALIZER(waiting);
static struct jobs	 at_work = TAILQ_HEAD_INITIALIZER(at_work);
static unsigned int	 nrunning, nwaiting;
static struct event	*limit_ev;
static int		 leaving;	/* what runs at exit was asked ... */
static int		 all_here;	/* ... for, and has come */

/* start { } or stop { }, one after the other. */
static struct {
	const struct conf_command *next;
	const char		*what;
	int			 fatal;
	span_t			 limit;		/* for all; 0: none */
	mono_t			 begun;
	void			(*done)(void);
} seq;

static void	pump(void);
static void	last_step(void);
static void	next_command(void);

/* --- Commands of watches --- */

static void
tell_done(const struct job *j, int status)
{
	struct msg_run_done	m = { .row = j->row, .status = status };

	channel_send(procs_channel(ROLE_LEDGER), M_RUN_DONE, 0, &m,
	    sizeof(m));
}

/* It never started. */
static void
give_up(struct job *j, const char *why)
{
	if (*why != '\0')
		log_warnx("%s: %s", j->label, why);
	tell_done(j, RUN_STATUS_NEVER);
	free(j);
}

static void
ended(struct spawned *s, int status, int timed_out, void *arg)
{
	struct job	*j = arg;
	char		 buf[SPAWN_STATUS_LEN];

	(void)s;
	/* That its time was over has been said. */
	if (status != 0 && !timed_out)
		log_warnx("%s: %s", j->label, spawn_status(status, buf));
	TAILQ_REMOVE(&at_work, j, entry);
	nrunning--;
	/* Its end, when we made it, is no success whatever it says. */
	tell_done(j, timed_out && status == 0 ? 256 : status);
	free(j);
	pump();
	last_step();
}

static const struct conf_run *
find_run(const struct job *j, const struct conf_watch **w)
{
	const struct conf_run	*r = NULL;

	*w = conf_watch_byhash(reload_conf(), j->watch);
	if (*w != NULL)
		TAILQ_FOREACH(r, &(*w)->runs, entry)
			if (r->w.hash == j->hash)
				break;
	return r;
}

static void
run(struct job *j)
{
	static char		 args[RUN_ARGS_MAX];
	char			 why[TEXT_LEN];
	const struct conf_watch	*w;
	const struct conf_run	*r = find_run(j, &w);
	struct spawn_args	 a = { .args = args, .out = -1,
				    .name = j->label, .ended = ended,
				    .arg = j };
	struct prefix		 net = { .family = 0 };
	struct run_values	 v = { .addr = &j->addr, .net = &net,
				    .count = j->count, .values = j->values,
				    .len = j->len };

	if (r == NULL) {
		give_up(j, "a command that is not in the configuration any "
		    "more is not run");
		return;
	}
	v.watch = w->w.name;
	conf_covers(&reload_conf()->global, w, &j->addr, &net);
	snprintf(j->label, sizeof(j->label), "watch %s: %.56s", w->w.name,
	    r->text);
	if (run_argv_fill(args, sizeof(args), r->text, r->len, &v) == 0) {
		give_up(j, "its arguments are too long");
		return;
	}
	a.argc = r->w.argc;
	a.user = r->w.user;
	a.group = r->w.group;
	a.timeout = r->w.timeout;
	if ((j->spawned = spawn(&a, why, sizeof(why))) == NULL) {
		give_up(j, why);
		return;
	}
	TAILQ_INSERT_TAIL(&at_work, j, entry);
	nrunning++;
}

/* Start as many as may run; not while it is open what the commands are. */
static void
pump(void)
{
	struct job	*j;

	while (!reload_committing() && reload_conf() != NULL &&
	    nrunning < reload_conf()->run_max &&
	    (j = TAILQ_FIRST(&waiting)) != NULL) {
		TAILQ_REMOVE(&waiting, j, entry);
		nwaiting--;
		run(j);
	}
}

void
run_request(MSG_ARGS)
{
	const struct msg_run	*m = data;
	struct job		*j;

	if ((j = calloc(1, sizeof(*j) + m->values_len)) == NULL)
		fatal("command");
	j->row = m->row;
	j->watch = m->watch;
	j->hash = m->hash;
	j->addr = m->addr;
	j->count = m->count;
	j->len = m->values_len;
	memcpy(j->values, m + 1, m->values_len);
	strlcpy(j->label, "command", sizeof(j->label));
	TAILQ_INSERT_TAIL(&waiting, j, entry);
	if (++nwaiting > JOBS_MAX)
		fatalx("ledger: more than %d commands at once", JOBS_MAX);
	pump();
}

static void
tell_max(uint32_t max)
{
	channel_send(procs_channel(ROLE_LEDGER), M_RUN_MAX, 0, &max,
	    sizeof(max));
}

void
run_commit(const struct conf *c)
{
	tell_max(c->run_max);
	pump();
}

/* --- start and stop --- */

static void
command_failed(const char *why)
{
	const char	*name = seq.next->args;

	if (seq.fatal)
		fatalx("%s { %s }: %s", seq.what, name, why);
	log_warnx("%s { %s }: %s", seq.what, name, why);
}

static void
command_ended(struct spawned *s, int status, int timed_out, void *arg)
{
	char	buf[SPAWN_STATUS_LEN];

	(void)s;
	(void)arg;
	if (timed_out)
		command_failed("it took too long and was ended");
	else if (status != 0)
		command_failed(spawn_status(status, buf));
	seq.next = TAILQ_NEXT(seq.next, entry);
	next_command();
}

static int
command_run(const struct conf_command *c)
{
	char			 why[TEXT_LEN];
	span_t			 left = seq.limit -
				    mono_since(seq.begun, mono_now());
	struct spawn_args	 a = { .name = seq.what, .args = c->args,
				    .argc = c->argc, .user = c->user,
				    .group = c->group, .out = -1,
				    .timeout = c->timeout,
				    .ended = command_ended };

	if (seq.limit != 0 && left <= 0) {
		command_failed("there is no time left for it");
		return 0;
	}
	if (seq.limit != 0 && (a.timeout == 0 || a.timeout > left))
		a.timeout = left;
	if (spawn(&a, why, sizeof(why)) != NULL)
		return 1;
	command_failed(why);
	return 0;
}

static void
next_command(void)
{
	while (seq.next != NULL) {
		if (command_run(seq.next))
			return;
		seq.next = TAILQ_NEXT(seq.next, entry);
	}
	seq.done();
}

void
run_start(const struct conf *c, void (*done)(void))
{
	seq.next = TAILQ_FIRST(&c->start);
	seq.what = "start";
	seq.fatal = 1;
	seq.limit = 0;
	seq.done = done;
	next_command();
}

/* --- The end --- */

/* What has not been started waits for the next start. */
static void
time_is_over(EVENT_ARGS)
{
	struct job	*j;
	unsigned int	 n = 0;

	if (!all_here)
		log_warnx("commands at exit: the ledger does not answer");
	all_here = 1;
	for (; (j = TAILQ_FIRST(&waiting)) != NULL; n++) {
		TAILQ_REMOVE(&waiting, j, entry);
		nwaiting--;
		give_up(j, "");
	}
	if (n > 0 || nrunning > 0)
		log_warnx("commands at exit: %d s are over: %u are ended, %u "
		    "wait for the next start", EXIT_LIMIT / 1000, nrunning,
		    n);
	TAILQ_FOREACH(j, &at_work, entry)
		spawn_kill(j->spawned);
	last_step();
}

/* All that ran at exit has ended: then `stop`. */
static void
last_step(void)
{
	if (leaving != 1 || !all_here || nrunning > 0 ||
	    !TAILQ_EMPTY(&waiting))
		return;
	leaving = 2;
	event_del(limit_ev);
	seq.begun = mono_now();
	next_command();
}

void
run_exited(MSG_ARGS)
{
	all_here = 1;
	last_step();
}

void
run_stopping(void)
{
	tell_max(0);
}

void
run_last(const struct conf *c, void (*done)(void))
{
	seq.next = c == NULL ? NULL : TAILQ_FIRST(&c->stop);
	seq.what = "stop";
	seq.fatal = 0;
	seq.limit = STOP_LIMIT;
	seq.done = done;
	leaving = 1;
	timer_set(limit_ev, EXIT_LIMIT);
	if (procs_channel(ROLE_LEDGER) == NULL) {
		/* Nothing bans: there is nothing to run at exit. */
		all_here = 1;
		last_step();
		return;
	}
	channel_send(procs_channel(ROLE_LEDGER), M_RUN_EXIT, 0, NULL, 0);
}

void
run_init(struct event_base *base)
{
	if ((limit_ev = evtimer_new(base, time_is_over, NULL)) == NULL)
		fatalx("commands: out of memory");
}

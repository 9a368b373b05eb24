/*
 * See tap.h.  A worker asks, and asks again when its program has ended: how
 * often one is started is bounded here, whoever asks.
 */
#include <sys/queue.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "args.h"
#include "clock.h"
#include "conf.h"
#include "log.h"
#include "spawn.h"
#include "tap.h"
#include "timer.h"

#define START_EACH	900		/* ms */
#define ASKED_MAX	3		/* then one that goes on is ended */
#define PIPE		(1024 * 1024)
#define LAST			5000		/* ms for all of them */

struct tap_run {
	LIST_ENTRY(tap_run)	 entry;
	uint32_t		 tap;
	unsigned int		 worker;
	unsigned int		 asked;		/* while it runs */
	mono_t			 started;
	struct spawned		*s;		/* NULL: it has ended */
	char			 name[MUX_NAME_LEN + 8];
};

static LIST_HEAD(, tap_run)	runs = LIST_HEAD_INITIALIZER(runs);
static void			(*last_done)(void);
static struct event		*last_ev;

static struct tap_run *
find(uint32_t tap, unsigned int worker)
{
	struct tap_run	*r;

	LIST_FOREACH(r, &runs, entry)
		if (r->tap == tap && r->worker == worker)
			return r;
	if ((r = calloc(1, sizeof(*r))) == NULL)
		fatal("tap");
	r->tap = tap;
	r->worker = worker;
	LIST_INSERT_HEAD(&runs, r, entry);
	return r;
}

static int
is_one_running(void)
{
	struct tap_run	*r;

	LIST_FOREACH(r, &runs, entry)
		if (r->s != NULL)
			return 1;
	return 0;
}

/* Nobody is waited for any more. */
static void
leave(void)
{
	void	(*done)(void) = last_done;

	event_free(last_ev);
	last_done = NULL;
	done();
}

static void
ended(struct spawned *s, int status, int timed_out, void *arg)
{
	struct tap_run	*r = arg;
	char		 text[SPAWN_STATUS_LEN];

	(void)s;
	(void)timed_out;
	if (status != 0)
		log_warnx("%s: %s", r->name, spawn_status(status, text));
	r->s = NULL;
	if (last_done != NULL && !is_one_running())
		leave();
}

static void
last_time_is_over(EVENT_ARGS)
{
	struct tap_run	*r;

	LIST_FOREACH(r, &runs, entry)
		if (r->s != NULL) {
			log_warnx("%s: it does not end", r->name);
			spawn_abandon(r->s);
			r->s = NULL;
		}
	leave();
}

void
tap_last(struct event_base *base, void (*done)(void))
{
	if (!is_one_running()) {
		done();
		return;
	}
	last_done = done;
	if ((last_ev = evtimer_new(base, last_time_is_over, NULL)) == NULL)
		fatalx("taps: out of memory");
	timer_set(last_ev, LAST);
}

static int
start(struct tap_run *r, const struct conf_tap *t, int in)
{
	struct spawn_args	 a = { .name = r->name, .args = t->args,
				    .argc = t->argc, .user = t->user,
				    .group = t->group, .in = in, .out = -1,
				    .ended = ended, .arg = r };
	char			 why[256];

	if ((r->s = spawn(&a, why, sizeof(why))) != NULL)
		return 0;
	log_warnx("%s: %s", r->name, why);
	errno = ENOEXEC;
	return -1;
}

static int
may_start(struct tap_run *r)
{
	if (r->s != NULL) {
		if (++r->asked > ASKED_MAX)
			spawn_kill(r->s);
		errno = EBUSY;
		return 0;
	}
	if (mono_since(r->started, mono_now()) < START_EACH) {
		errno = EAGAIN;
		return 0;
	}
	return 1;
}

int
tap_open(const struct conf_tap *t, unsigned int worker)
{
	struct tap_run	*r = find(t->w.id, worker);
	int		 fds[2], saved;

	if (!may_start(r) || pipe2(fds, O_CLOEXEC) == -1)
		return -1;
	r->started = mono_now();
	r->asked = 0;
	snprintf(r->name, sizeof(r->name), "tap %s", t->w.name);
	/* If it may not be so large it is as large as it is. */
	fcntl(fds[1], F_SETPIPE_SZ, PIPE);
	if (fcntl(fds[1], F_SETFL, O_NONBLOCK) == 0 &&
	    start(r, t, fds[0]) == 0) {
		close(fds[0]);
		return fds[1];
	}
	saved = errno;
	close(fds[0]);
	close(fds[1]);
	errno = saved;
	return -1;
}

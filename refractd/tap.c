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

#include "clock.h"
#include "conf.h"
#include "log.h"
#include "spawn.h"
#include "tap.h"

#define START_EACH	900		/* ms */
#define ASKED_MAX	3		/* then one that goes on is ended */
#define PIPE		(1024 * 1024)

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

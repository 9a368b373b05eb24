/*
 * How long the ledger takes to record N decisions and to send them all to an
 * enforcer that does nothing but count.  Arguments: directory, N.
 */
/* LINK: refractd/ledger_db.o refractd/ledger_sql.o refractd/ledger_queue.o refractd/ledger_restore.o */
/* LINK: refractd/ledger_state.o refractd/ledger_runs.o */
/* LIBS: -lsqlite3 */
#include <sys/socket.h>
#include <sys/wait.h>

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "child.h"
#include "clock.h"
#include "ledger.h"
#include "ledger_queue.h"
#include "log.h"

static struct event_base	*base;
static uint64_t			 received;
static mono_t			 begun, turned;
static int64_t			 worst;

static void
on_committed(uint64_t number)
{
	(void)number;
}

static void
on_state(int trouble, const char *text)
{
	errx(1, "trouble %d: %s", trouble, text);
}

static void
on_nothing(void)
{
}

static const struct queue_calls calls = {
	.committed = on_committed, .state = on_state, .room = on_nothing,
	.opened = on_nothing
};

static void
on_restore(struct channel *ch, uint32_t id, const void *data, size_t len,
    int fd)
{
	(void)ch;
	(void)id;
	(void)data;
	(void)fd;
	received += len / sizeof(struct wire_ban);
}

static void
on_restore_done(struct channel *ch, uint32_t id, const void *data, size_t len,
    int fd)
{
	(void)ch;
	(void)id;
	(void)data;
	(void)len;
	(void)fd;
	(void)event_base_loopbreak(base);
}

static const struct handler from_ledger[] = {
	{ M_RESTORE, on_restore },
	{ M_RESTORE_DONE, on_restore_done },
	{ 0, NULL }
};
static const struct handler from_enforcer[] = {
	{ 0, NULL }
};

static void
enforcer(int fd)
{
	proc_set_role(ROLE_ENFORCER);
	proc_set_state(STATE_RUNNING);
	base = event_base_new();
	(void)channel_new(base, fd, ROLE_LEDGER, from_ledger);
	begun = mono_now();
	(void)event_base_dispatch(base);
	(void)printf("%llu bans received in %lld ms\n",
	    (unsigned long long)received,
	    (long long)mono_since(begun, mono_now()));
	exit(0);
}

static void
record(uint32_t n)
{
	struct decision	d = { .nports = 1, .evidence =
	    "2026/01/30 17:03:38.067799 from 172.19.0.3:58676 accepted "
	    "tcp:www.google.com:443 [IN >> direct] email: someone@example" };
	uint32_t	i;

	d.ban.id.watch = watch_hash("xray");
	d.ban.id.file = 1;
	d.ban.start = wall_now();
	d.ban.prefix.family = AF_INET;
	d.ban.prefix.plen = 32;
	d.ports[0].proto = 6;
	d.ports[0].port = 443;
	(void)strlcpy(d.ban.subject, "someone@example", sizeof(d.ban.subject));
	(void)strlcpy(d.watch, "xray", sizeof(d.watch));
	begun = mono_now();
	for (i = 0; i < n; i++) {
		d.ban.id.offset = (uint64_t)i * 120;
		d.ban.end = d.ban.start + 3600000 +
		    arc4random_uniform(86400000);
		d.ban.prefix.addr[0] = 10;
		d.ban.prefix.addr[1] = (uint8_t)(i >> 16);
		d.ban.prefix.addr[2] = (uint8_t)(i >> 8);
		d.ban.prefix.addr[3] = (uint8_t)i;
		(void)queue_decision(&d, 0);
		if (queue_full() && queue_flush() == -1)
			errx(1, "%s", db_error());
	}
	if (queue_flush() == -1)
		errx(1, "%s", db_error());
	(void)printf("%u decisions recorded in %lld ms\n", n,
	    (long long)mono_since(begun, mono_now()));
}

/* How late a timer of the ledger's is: the longest turn of its loop. */
static void
tick(evutil_socket_t fd, short what, void *arg)
{
	int64_t	late = mono_since(turned, mono_now()) - 1;

	(void)fd;
	(void)what;
	(void)arg;
	if (late > worst)
		worst = late;
	(void)arg;
	turned = mono_now();
}

static void
on_closed(struct channel *ch)
{
	(void)ch;
	(void)event_base_loopbreak(child_base);
}

int
main(int argc, char **argv)
{
	struct timeval	 ms = { 0, 1000 };
	struct channel	*ch;
	char		 path[256];
	int		 pair[2];

	if (argc != 3)
		errx(2, "usage: ledger_restore directory count");
	log_init(LOG_TO_STDERR, "ledger");
	log_setverbose(1);
	(void)snprintf(path, sizeof(path), "%s/ledger.db", argv[1]);
	child_base = event_base_new();
	queue_start("", path, &calls);
	record((uint32_t)atoi(argv[2]));
	queue_stop();
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == -1)
		err(1, "socketpair");
	(void)fflush(stdout);
	if (fork() == 0)
		enforcer(pair[1]);
	(void)close(pair[1]);
	event_reinit(child_base);
	proc_set_role(ROLE_LEDGER);
	proc_set_state(STATE_RUNNING);
	queue_start("", path, &calls);
	ch = channel_new(child_base, pair[0], ROLE_ENFORCER, from_enforcer);
	channel_ondrained(ch, restore_drained);
	channel_onclosed(ch, on_closed);
	restore_begin(ch);
	turned = mono_now();
	(void)event_add(event_new(child_base, -1, EV_PERSIST, tick, ch), &ms);
	(void)event_base_dispatch(child_base);
	(void)wait(NULL);
	(void)printf("longest turn of the ledger's loop: %lld ms\n",
	    (long long)worst);
	return 0;
}

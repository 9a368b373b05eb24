/*
 * The control socket: what a client writes goes through imsg, the table of
 * messages and the request handlers; what siblings would answer follows, so
 * that requests in every state meet the next bytes.
 *
 * Input: a byte that says who the client is and who of the siblings is there,
 * then what the client writes.
 */
/* LINK: refractd/control_client.o refractd/control_route.o */
/* LINK: refractd/control_ban.o */
/* LINK: refractd/control_monitor.o refractd/control_audit.o */
/* LINK: refractd/ctl_buf.o refractd/ctl_output.o refractd/ctl_field.o */
/* LINK: refractd/ctl_columns.o */
/* LINK: refractd/control_mux.o refractd/control_access.o */
/* LINK: refractd/control_resolve.o refractd/control_answer.o */
/* LIBS: -levent_extra */
#include <sys/socket.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "channel.h"
#include "child.h"
#include "control_audit.h"
#include "control_ban.h"
#include "control_client.h"
#include "control_monitor.h"
#include "control_route.h"
#include "imsg.h"
#include "log.h"

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

const char	*route_probe_name(int);

struct event_base	*child_base;
struct channel		*child_parent;

static struct channel	*siblings[ROLE_MAX];
static int		 peers[ROLE_MAX];
static struct conf	*conf;

struct channel *
child_channel(enum role role, int bulk)
{
	return bulk ? NULL : siblings[role];
}

struct conf *
child_conf(void)
{
	return conf;
}

struct conf *
child_conf_before(void)
{
	return NULL;
}

/* There is no mux. */
struct channel *
child_worker(unsigned int index)
{
	(void)index;
	return NULL;
}

const char *
route_probe_name(int number)
{
	(void)number;
	return NULL;
}

static const struct handler none[] = { { 0, NULL } };

static struct channel *
sibling_new(enum role role)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == -1)
		abort();
	peers[role] = fds[1];
	return channel_new(child_base, fds[0], role, none);
}

static void
start(void)
{
	log_init(LOG_TO_STDERR, "fuzz");
	child_base = event_base_new();
	proc_set_role(ROLE_CONTROL);
	proc_set_state(STATE_RUNNING);
	conf = conf_new();
	child_parent = sibling_new(ROLE_PARENT);
	route_init();
}

/* Who is there is the input's to say. */
static void
set_sibling(enum role role, int there)
{
	if (there && siblings[role] == NULL)
		siblings[role] = sibling_new(role);
	else if (!there && siblings[role] != NULL) {
		channel_free(siblings[role]);
		close(peers[role]);
		siblings[role] = NULL;
	}
}

static void
turn(void)
{
	char sink[65536];
	int role;

	event_base_loop(child_base, EVLOOP_NONBLOCK);
	for (role = 0; role < ROLE_MAX; role++)
		if (role == ROLE_PARENT || siblings[role] != NULL)
			while (read(peers[role], sink, sizeof(sink)) > 0)
				continue;
}

static void
answer(enum role role, const struct request *req)
{
	static const uint64_t values[COUNTER_MAX];
	struct msg_outcome res = { .text = "done" };
	struct msg_show end = { .what = SHOW_BANS };
	struct channel *ch = role == ROLE_PARENT ? child_parent :
	    siblings[role];
	uint32_t id = req->id;

	if (ch == NULL || (req->waiting & ROLE_BIT(role)) == 0)
		return;
	if (req->type != C_SHOW)
		route_result(ch, id, &res, sizeof(res), -1);
	else if (req->show.what == SHOW_SUMMARY ||
	    req->show.what == SHOW_METRICS)
		route_counters(ch, id, values, sizeof(values), -1);
	else
		route_show_end(ch, id, &end, sizeof(end), -1);
}

static void
answer_all(void)
{
	struct client *c = TAILQ_FIRST(&clients);
	unsigned int role;

	for (role = 0; role < ROLE_CLIENT; role++)
		if (c != NULL && c->req.id != 0)
			answer(role, &c->req);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wire_event ev = { .outcome = BAN_APPLIED };
	char sink[65536];
	int fds[2], turns;

	if (child_base == NULL)
		start();
	if (size == 0 || size > 65536)
		return 0;
	set_sibling(ROLE_ENFORCER, data[0] & 2);
	set_sibling(ROLE_LEDGER, data[0] & 4);
	set_sibling(ROLE_PARSER, data[0] & 8);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == -1)
		abort();
	client_new(fds[0], data[0] & 1, "fuzz");
	if (write(fds[1], data + 1, size - 1) == -1)
		size = 1;
	for (turns = 0; turns < 16 && !TAILQ_EMPTY(&clients); turns++) {
		turn();
		answer_all();
		ban_event(&ev);
		while (read(fds[1], sink, sizeof(sink)) > 0)
			continue;
	}
	close(fds[1]);
	turn();
	if (!TAILQ_EMPTY(&clients))
		abort();
	return 0;
}

/*
 * Clients: accepting them, knowing them, and getting rid of those that send
 * garbage, half a message, or nothing, or do not read.
 */
#include <sys/socket.h>
#include <sys/un.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>
#include <event2/util.h>

#include "args.h"
#include "channel.h"
#include "child.h"
#include "control_client.h"
#include "control_monitor.h"
#include "control_route.h"
#include "log.h"
#include "tell.h"
#include "timer.h"

#define IDLE_SECONDS	15	/* to say something, and all of it */
#define OUTPUT_LOW	(16 * 1024)
#define OUTPUT_HIGH	(64 * 1024)
#define GROUPS_MAX	256
#define ACCEPT_MAX	16	/* in one turn of the loop */
#define GOODBYE_MS	50	/* for what waits for a client at the end */

struct clients	clients = TAILQ_HEAD_INITIALIZER(clients);

static unsigned int	 nclients, nmembers;	/* all; those without rights */
static int		 listen_fd = -1;
static struct event	*listen_ev, *listen_later;

/* --- One client ---------------------------------------------------------- */

static uint32_t
new_id(void)
{
	static uint32_t id;

	do
		id++;
	while (id == 0 || client_byid(id) != NULL);
	return id;
}

struct client *
client_byid(uint32_t id)
{
	struct client *c;

	if (id == 0)
		return NULL;
	TAILQ_FOREACH(c, &clients, entry)
		if (c->req.id == id)
			break;
	return c;
}

void
client_begin(struct client *c, uint32_t type)
{
	memset(&c->req, 0, sizeof(c->req));
	c->req.type = type;
	c->req.id = new_id();
}

void
client_timer(struct client *c, unsigned int seconds)
{
	if (seconds == 0)
		event_del(c->timer);
	else
		timer_set(c->timer, (span_t)seconds * 1000);
}

void
client_close(struct client *c)
{
	TAILQ_REMOVE(&clients, c, entry);
	nmembers -= !c->admin;
	counter_set(CTL_CLIENTS, --nclients);
	event_free(c->timer);
	channel_free(c->ch);
	free(c);
}

static void
on_timer(EVENT_ARGS)
{
	struct client *c = arg;

	if (c->req.id != 0 && !c->req.stalled) {
		route_timeout(c);
		return;
	}
	log_debug("control: %s: closed, %s", c->name, c->req.id != 0 ?
	    "does not read" : "says nothing");
	client_close(c);
}

/* It did not leave: we do not like what it said. */
static int
still_there(const struct channel *ch)
{
	char c;

	return recv(channel_fd(ch), &c, 1, MSG_PEEK | MSG_DONTWAIT) > 0 ||
	    errno == EAGAIN;
}

static void
on_closed(struct channel *ch)
{
	errno = 0;
	if (still_there(ch))
		counter_inc(CTL_REFUSED);
	client_close(channel_ctx(ch));
}

static void
on_drained(struct channel *ch)
{
	struct client *c = channel_ctx(ch);

	if (c->monitor != 0)
		monitor_drained(c);
	else
		route_drained(c);
}

static void
too_many(struct channel *ch)
{
	counter_inc(CTL_REFUSED);
	tell_outcome(ch, M_RESULT, 0, 1, 0, "too many clients, try again");
	channel_free(ch);
}

static struct client *
client_alloc(void)
{
	struct client *c;

	if ((c = calloc(1, sizeof(*c))) != NULL &&
	    (c->timer = evtimer_new(child_base, on_timer, c)) != NULL)
		return c;
	log_warn("control: client");
	free(c);
	return NULL;
}

struct client *
client_ours(const struct client_sink *sink)
{
	struct client *c;

	if ((c = client_alloc()) == NULL)
		return NULL;
	c->sink = sink;
	TAILQ_INSERT_TAIL(&clients, c, entry);
	return c;
}

struct client *
client_new(int fd, int admin, const char *name)
{
	struct client *c;
	struct channel *ch;

	ch = channel_new(child_base, fd, ROLE_CLIENT, route_client_handlers);
	if (nclients >= CLIENTS_MAX + CLIENTS_SPARE ||
	    (!admin && nmembers >= CLIENTS_MAX)) {
		too_many(ch);
		return NULL;
	}
	if ((c = client_alloc()) == NULL) {
		channel_free(ch);
		return NULL;
	}
	c->ch = ch;
	c->admin = admin;
	strlcpy(c->name, name, sizeof(c->name));
	channel_setctx(ch, c);
	channel_setwatermarks(ch, OUTPUT_LOW, OUTPUT_HIGH);
	channel_onclosed(ch, on_closed);
	channel_ondrained(ch, on_drained);
	client_timer(c, IDLE_SECONDS);
	TAILQ_INSERT_TAIL(&clients, c, entry);
	nmembers += !admin;
	counter_set(CTL_CLIENTS, ++nclients);
	return c;
}

void
client_row(struct client *c, uint32_t what, const void *row, size_t len)
{
	struct row_head head = { .what = what };

	if (c->sink != NULL) {
		c->sink->row(what, row);
		return;
	}
	channel_send2(c->ch, M_ROW, 0, &head, sizeof(head), row, len);
}

void
client_outcome(struct client *c, const struct msg_outcome *res)
{
	if (c->sink == NULL)
		channel_send(c->ch, M_RESULT, 0, res, sizeof(*res));
}

void
client_result(struct client *c, int code, uint32_t count, const char *fmt, ...)
{
	struct msg_outcome res;
	va_list ap;

	memset(&res, 0, sizeof(res));
	res.code = code;
	res.count = count;
	va_start(ap, fmt);
	vsnprintf(res.text, sizeof(res.text), fmt, ap);
	va_end(ap);
	client_outcome(c, &res);
}

void
client_end(struct client *c)
{
	uint64_t next = c->req.show.cursor;

	if (c->sink != NULL) {
		memset(&c->req, 0, sizeof(c->req));
		client_timer(c, 0);
		c->sink->end(next);
		return;
	}
	channel_send(c->ch, C_END, 0, NULL, 0);
	memset(&c->req, 0, sizeof(c->req));
	client_timer(c, IDLE_SECONDS);
}

/* --- Accepting ----------------------------------------------------------- */

static int
in_group(int fd, const struct ucred *cred, gid_t gid)
{
	gid_t groups[GROUPS_MAX];
	socklen_t i, len = sizeof(groups);

	if (cred->gid == gid)
		return 1;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len) == -1)
		return 0;
	for (i = 0; i < len / sizeof(groups[0]); i++)
		if (groups[i] == gid)
			return 1;
	return 0;
}

/* Root, or a member of `control ... admin group`. */
static int
is_admin(int fd, const struct ucred *cred)
{
	const struct conf *conf = child_conf();

	if (cred->uid == 0)
		return 1;
	return conf != NULL && conf->global.admin_gid != (uint32_t)-1 &&
	    in_group(fd, cred, conf->global.admin_gid);
}

static void
greet(int fd)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);
	char name[SUBJECT_LEN];

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == -1) {
		log_warn("control: SO_PEERCRED");
		close(fd);
		return;
	}
	if (cred.uid == 0)
		strlcpy(name, "root", sizeof(name));
	else
		snprintf(name, sizeof(name), "uid %u", cred.uid);
	client_new(fd, is_admin(fd, &cred), name);
}

/* No descriptor or no memory: they may wait a second in the queue. */
static void
accept_later(void)
{
	event_del(listen_ev);
	timer_set(listen_later, 1000);
}

static void
on_accept(EVENT_ARGS)
{
	int i, client;

	for (i = 0; i < ACCEPT_MAX; i++) {
		client = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (client != -1) {
			greet(client);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
		    errno == ENOMEM) {
			log_warn("control: accept");
			accept_later();
		}
		break;
	}
}

static void
on_later(EVENT_ARGS)
{
	event_add(listen_ev, NULL);
}

static void
stop_listening(void)
{
	if (listen_fd == -1)
		return;
	event_free(listen_ev);
	event_free(listen_later);
	close(listen_fd);
	listen_fd = -1;
}

void
clients_listen(int fd)
{
	stop_listening();
	evutil_make_socket_nonblocking(fd);
	listen_fd = fd;
	listen_ev = event_new(child_base, fd, EV_READ | EV_PERSIST, on_accept,
	    NULL);
	listen_later = evtimer_new(child_base, on_later, NULL);
	if (listen_ev == NULL || listen_later == NULL ||
	    event_add(listen_ev, NULL) == -1)
		fatalx("control: no event for the socket");
}

void
clients_stop(void)
{
	struct client *c, *next;

	stop_listening();
	TAILQ_FOREACH_SAFE(c, &clients, entry, next) {
		if (c->sink != NULL)
			continue;
		if (c->req.id != 0) {
			client_result(c, 1, 0, "refractd is stopping");
			client_end(c);
		}
		channel_drain(c->ch, GOODBYE_MS);
		client_close(c);
	}
}

/*
 * Requests: each client's message has a row that says whether it changes
 * something and what begins it.  The siblings' answers come back with the
 * request's id; one whose request is over is dropped.
 */
#include <sys/queue.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "channel.h"
#include "child.h"
#include "control_access.h"
#include "control_audit.h"
#include "control_ban.h"
#include "control_client.h"
#include "control_monitor.h"
#include "control_mux.h"
#include "control_route.h"
#include "ctl_output.h"
#include "log.h"
#include "version.h"

#define PAGE_ROWS	32	/* of a show, asked for at once */
#define ANSWER_SECONDS	10
#define COUNTER_SECONDS	2
#define RELOAD_SECONDS	100
#define STALL_SECONDS	600	/* somebody reads it in a pager */

#define COUNTING	(ROLE_BIT(ROLE_ENFORCER) | ROLE_BIT(ROLE_LEDGER) | \
			    ROLE_BIT(ROLE_PARSER) | ROLE_BIT(ROLE_MUX))

static wall_t	started;

static void	page_over(struct client *);

static struct channel *
sibling(enum role role)
{
	return role == ROLE_PARENT ? child_parent : child_channel(role, 0);
}

int
route_ask(struct client *c, enum role role, uint32_t type, const void *data,
    size_t len)
{
	if (sibling(role) == NULL)
		return 0;
	c->req.waiting |= ROLE_BIT(role);
	channel_send(sibling(role), type, c->req.id, data, len);
	return 1;
}

/* The request this answer is for, if that still waits for this sibling. */
static struct client *
asker(struct channel *ch, uint32_t id)
{
	struct client *c = client_byid(id);

	if (c == NULL || (c->req.waiting & ROLE_BIT(channel_peer(ch))) == 0)
		return NULL;
	return c;
}

/* --- Show, by pages ------------------------------------------------------ */

static const enum role show_roles[SHOW_MAX] = {
	[SHOW_BANS] = ROLE_ENFORCER,
	[SHOW_HISTORY] = ROLE_LEDGER,
	[SHOW_USERS] = ROLE_PARSER,
	[SHOW_WATCHES] = ROLE_PARSER,
	[SHOW_PROCESSES] = ROLE_PARENT,
	[SHOW_CONFIG] = ROLE_PARENT,
	[SHOW_MATCHES] = ROLE_PARSER,
	[SHOW_PENDING] = ROLE_LEDGER,
	[SHOW_WHY] = ROLE_LEDGER,
	[SHOW_LINES] = ROLE_LEDGER,
	[SHOW_PATTERNS] = ROLE_PARSER,
	[SHOW_LISTENERS] = ROLE_CONTROL,
	[SHOW_ROUTES] = ROLE_CONTROL,
	[SHOW_POOLS] = ROLE_CONTROL,
	[SHOW_CONNECTIONS] = ROLE_MUX
};

/* 1: there is another part of the answer. */
static int
next_part(struct client *c)
{
	c->req.show.cursor = 0;
	c->req.part++;
	if (c->req.show.what == SHOW_CONNECTIONS)
		return c->req.part < MUX_WORKERS_MAX;
	return c->req.show.what == SHOW_WHY && c->req.part < WHY_PARTS;
}

/* Rows of our own, until the client does not read. */
static void
show_ours(struct client *c, const struct msg_show *show)
{
	union mux_row	 row;
	uint64_t	 end = show->cursor + show->max, *at;

	at = &c->req.show.cursor;
	while (*at < end && mux_row(&row, show->what, *at)) {
		client_row(c, show->what, &row, row_type(show->what)->size);
		++*at;
	}
	if (*at < end)
		*at = 0;
	page_over(c);
}

static int
ask_page(struct client *c, const struct msg_show *show)
{
	struct channel	*ch;

	if (show->what != SHOW_CONNECTIONS)
		return route_ask(c, show_roles[show->what], M_SHOW, show,
		    sizeof(*show));
	if ((ch = child_worker(c->req.part)) == NULL)
		return 0;
	c->req.waiting |= ROLE_BIT(ROLE_MUX);
	channel_send(ch, M_SHOW, c->req.id, show, sizeof(*show));
	return 1;
}

/* Who is not there has nothing to show. */
static void
show_page(struct client *c)
{
	struct msg_show show = c->req.show;

	c->req.stalled = 0;
	if (c->sink == NULL)
		show.max = PAGE_ROWS;
	if (show.what == SHOW_WHY) {
		show.what = why_parts[c->req.part].what;
		show.by = show.what == SHOW_PENDING ? SHOW_BY_ALL :
		    SHOW_BY_NONE;
	}
	/* Tokens and keys are for root: see client's name. */
	if (show.what == SHOW_CONFIG)
		show.by = strcmp(c->name, "root") == 0 ? SHOW_BY_ALL :
		    SHOW_BY_NONE;
	client_timer(c, ANSWER_SECONDS);
	if (show_roles[show.what] == ROLE_CONTROL)
		show_ours(c, &show);
	else if (ask_page(c, &show))
		return;
	else if (next_part(c))
		show_page(c);
	else
		client_end(c);
}

/* The cursor is where the next page begins. */
static void
page_over(struct client *c)
{
	if ((c->req.show.cursor == 0 && !next_part(c)) || c->sink != NULL)
		client_end(c);
	else if (!channel_full(c->ch))
		show_page(c);
	else {
		c->req.stalled = 1;
		client_timer(c, STALL_SECONDS);
	}
}

void
route_show_end(MSG_ARGS)
{
	const struct msg_show *end = data;
	struct client *c = asker(ch, id);

	if (c == NULL || c->req.type != C_SHOW)
		return;
	c->req.waiting = 0;
	c->req.show.cursor = end->cursor;
	page_over(c);
}

void
route_drained(struct client *c)
{
	if (c->req.id != 0 && c->req.stalled)
		show_page(c);
}

static void
ban_row(struct client *c, const struct row_ban *from)
{
	struct row_ban row = *from;
	uint64_t watch = row.ban.id.watch;

	strlcpy(row.watch, watch == 0 ? "operator" : watch_name(watch),
	    sizeof(row.watch));
	client_row(c, SHOW_BANS, &row, sizeof(row));
}

void
route_row(MSG_ARGS)
{
	const struct row_head *head = data;
	struct client *c = asker(ch, id);

	if (c == NULL)
		return;
	if (head->what == SHOW_BANS)
		ban_row(c, (const void *)(head + 1));
	else
		client_row(c, head->what, head + 1, len - sizeof(*head));
}

/* --- Show, from counters ------------------------------------------------- */

static void
send_metrics(struct client *c)
{
	struct row_metric row;
	unsigned int i;

	memset(&row, 0, sizeof(row));
	for (i = 0; i < COUNTER_MAX; i++) {
		if ((c->req.answered & ROLE_BIT(counter_table[i].role)) == 0)
			continue;
		row.counter = i;
		row.value = c->req.counters[i];
		client_row(c, SHOW_METRICS, &row, sizeof(row));
	}
}

static unsigned int
count_watches(const struct conf *conf)
{
	const struct conf_watch *w;
	unsigned int n = 0;

	TAILQ_FOREACH(w, &conf->watches, entry)
		n++;
	return n;
}

/* The parent, this one, the siblings; the rules live with the enforcer. */
static unsigned int
count_processes(void)
{
	unsigned int role, n = 2;

	for (role = 0; role < ROLE_MAX; role++)
		if ((COUNTING & ROLE_BIT(role)) && child_channel(role, 0))
			n += role == ROLE_ENFORCER ? 2 : 1;
	for (role = 1; role < MUX_WORKERS_MAX; role++)
		n += child_worker(role) != NULL;
	return n;
}

static void
send_summary(struct client *c)
{
	const uint64_t *n = c->req.counters;
	struct row_summary row;

	memset(&row, 0, sizeof(row));
	row.started = started;
	row.bans = n[COUNT_ENF_BANS];
	row.offences = n[COUNT_PARSER_OFFENCES];
	row.lines = n[COUNT_PARSER_LINES];
	row.users = n[COUNT_PARSER_USERS];
	row.processes = count_processes();
	row.clients = (uint32_t)n[COUNT_CTL_CLIENTS];
	if (child_conf() != NULL) {
		row.watches = count_watches(child_conf());
		row.generation = child_conf()->generation;
	}
	snprintf(row.version, sizeof(row.version), "%s %s", VERSION,
	    BUILD_ID);
	monitor_summary(&row, c->req.waiting);
	client_row(c, SHOW_SUMMARY, &row, sizeof(row));
}

static void
counters_finish(struct client *c)
{
	unsigned int i;

	for (i = 0; i < COUNTER_MAX; i++)
		if (counter_table[i].role == ROLE_CONTROL)
			c->req.counters[i] = counters[i];
	c->req.answered |= ROLE_BIT(ROLE_CONTROL);
	if (c->req.show.what == SHOW_METRICS)
		send_metrics(c);
	else
		send_summary(c);
	client_end(c);
}

static void
counters_ask(struct client *c)
{
	unsigned int role, i;

	client_timer(c, COUNTER_SECONDS);
	for (role = 0; role < ROLE_MAX; role++)
		if (COUNTING & ROLE_BIT(role))
			route_ask(c, role, M_COUNTERS_GET, NULL, 0);
	c->req.workers = 1;
	for (i = 1; i < MUX_WORKERS_MAX; i++)
		if (child_worker(i) != NULL) {
			c->req.workers++;
			channel_send(child_worker(i), M_COUNTERS_GET,
			    c->req.id, NULL, 0);
		}
	if (c->req.waiting == 0)
		counters_finish(c);
}

void
route_counters(MSG_ARGS)
{
	const uint64_t *values = data;
	struct client *c = asker(ch, id);
	enum role role = channel_peer(ch);
	unsigned int i;

	if (c == NULL)
		return;
	for (i = 0; i < COUNTER_MAX; i++)
		if (counter_table[i].role == role)
			c->req.counters[i] += values[i];
	c->req.answered |= ROLE_BIT(role);
	if (role == ROLE_MUX && --c->req.workers > 0)
		return;
	c->req.waiting &= ~ROLE_BIT(role);
	if (c->req.waiting == 0)
		counters_finish(c);
}

static void
show(struct client *c)
{
	switch (c->req.show.what) {
	case SHOW_SUMMARY:
	case SHOW_METRICS:
		counters_ask(c);
		break;
	case SHOW_EVENT:
	case SHOW_NOTICE:
	case SHOW_ACCESS:
		client_result(c, 1, 0, "that can only be monitored");
		client_end(c);
		break;
	default:
		show_page(c);
		break;
	}
}

static void
request_show(struct client *c, const void *data)
{
	c->req.show = *(const struct msg_show *)data;
	c->req.show.cursor = 0;
	show(c);
}

void
route_show(struct client *c, const struct msg_show *what)
{
	client_begin(c, C_SHOW);
	c->req.show = *what;
	show(c);
}

static void
request_monitor(struct client *c, const void *data)
{
	uint32_t mask = *(const uint32_t *)data;

	memset(&c->req, 0, sizeof(c->req));
	c->monitor = mask != 0 ? mask : ~MONITOR_CONNECTIONS;
	client_timer(c, 0);
	access_wanted(NULL);
}

/* --- Changes ------------------------------------------------------------- */

static const char *
action_name(uint32_t type)
{
	switch (type) {
	case C_UNBAN:
		return "request unban";
	case C_FORGIVE:
		return "request forgive";
	case C_KILL:
		return "request kill";
	case C_FLUSH:
		return "request flush";
	case C_TRIGGER:
		return "request trigger";
	case C_RELOAD:
		return "reload";
	case C_REOPEN:
		return "reopen";
	case C_POOL:
		return "pool";
	default:
		return "log";
	}
}

/* All answers are here. */
static void
request_finish(struct client *c)
{
	const struct msg_outcome *res = &c->req.outcome;

	audit_request(c->name, action_name(c->req.type), &c->req.target,
	    c->req.watch, res);
	client_outcome(c, res);
	client_end(c);
}

/* Put an answer to those that came before. */
static void
gather(struct msg_outcome *all, const struct msg_outcome *one)
{
	struct obuf o = { all->text, strlen(all->text), sizeof(all->text), 0 };

	if (one->code != 0)
		all->code = one->code;
	all->count += one->count;
	if (o.len > 0 && one->text[0] != '\0')
		obuf_str(&o, "; ");
	obuf_str(&o, one->text);
}

/* Of an unban, that there were no commands to run with it. */
static int
is_beside(const struct client *c, enum role from,
    const struct msg_outcome *res)
{
	return from == ROLE_LEDGER && res->code == 0 && res->count == 0 &&
	    c->req.type != C_FLUSH;
}

void
route_result(MSG_ARGS)
{
	struct client *c = asker(ch, id);

	if (c == NULL)
		return;
	if (!is_beside(c, channel_peer(ch), data))
		gather(&c->req.outcome, data);
	c->req.waiting &= ~ROLE_BIT(channel_peer(ch));
	if (c->req.waiting != 0)
		return;
	if (c->req.type != C_SHOW && c->req.type != C_BAN) {
		request_finish(c);
		return;
	}
	/* Instead of rows, or of an event. */
	client_outcome(c, &c->req.outcome);
	client_end(c);
}

void
route_nobody(struct client *c)
{
	client_result(c, 1, 0, "nothing in the configuration bans, so there "
	    "is no enforcer");
	client_end(c);
}

static void
no_such_watch(struct client *c, const char *name)
{
	char text[NAME_MAX_LEN * 4];
	struct obuf o = OBUF(text);

	obuf_clear(&o);
	obuf_vis(&o, name, strlen(name), OBUF_QUOTE);
	client_result(c, 1, 0, "there is no watch %s", text);
	client_end(c);
}

static void
request_target(struct client *c, const struct msg_target *t, uint32_t type)
{
	c->req.target = *t;
	client_timer(c, ANSWER_SECONDS);
	if (!route_ask(c, ROLE_ENFORCER, type, t, sizeof(*t)))
		route_nobody(c);
}

/* The commands that wait to undo what is undone now. */
static void
flush_target(struct client *c, const struct msg_target *t)
{
	struct msg_flush m;

	memset(&m, 0, sizeof(m));
	m.prefix = t->prefix;
	memcpy(m.value, t->user, sizeof(m.value));
	route_ask(c, ROLE_LEDGER, M_FLUSH, &m, sizeof(m));
}

static void
request_flush(struct client *c, const void *data)
{
	const struct msg_flush *m = data;

	c->req.target.prefix = m->prefix;
	memcpy(c->req.target.user, m->value, sizeof(m->value));
	memcpy(c->req.watch, m->watch, sizeof(m->watch));
	client_timer(c, ANSWER_SECONDS);
	if (m->watch[0] != '\0' && (child_conf() == NULL ||
	    conf_watch_byname(child_conf(), m->watch) == NULL))
		no_such_watch(c, m->watch);
	else if (!route_ask(c, ROLE_LEDGER, M_FLUSH, m, sizeof(*m))) {
		client_result(c, 1, 0, "there is no ledger");
		client_end(c);
	}
}

/* For the audit log: name=value name=value. */
static void
print_values(struct obuf *o, const char *s, size_t len)
{
	const char *end = s + len, *sep = "";

	for (; s < end; s += strlen(s) + 1) {
		obuf_str(o, sep);
		obuf_vis(o, s, strlen(s), OBUF_RAW);
		sep = *sep == '=' ? " " : "=";
	}
}

static void
request_trigger(struct client *c, const void *data)
{
	const struct msg_trigger *m = data;
	struct obuf values = OBUF(c->req.target.user);

	obuf_clear(&values);
	print_values(&values, m->values, m->values_len);
	memcpy(c->req.watch, m->watch, sizeof(m->watch));
	client_timer(c, ANSWER_SECONDS);
	if (child_conf() == NULL ||
	    conf_watch_byname(child_conf(), m->watch) == NULL ||
	    !route_ask(c, ROLE_PARSER, M_TRIGGER, m, sizeof(*m)))
		no_such_watch(c, m->watch);
}

/* What was decided before now must not come back from a log or the ledger. */
static void
request_unban(struct client *c, const void *data)
{
	channel_send(sibling(ROLE_LEDGER), M_FORGIVE, 0, data,
	    sizeof(struct msg_target));
	channel_send(sibling(ROLE_PARSER), M_FORGIVE, 0, data,
	    sizeof(struct msg_target));
	if (sibling(ROLE_ENFORCER) != NULL)
		flush_target(c, data);
	request_target(c, data, M_UNBAN);
}

static void
request_kill(struct client *c, const void *data)
{
	request_target(c, data, M_KILL);
}

/* Lift what there is, and forget what was counted. */
static void
request_forgive(struct client *c, const void *data)
{
	struct msg_target t;

	memcpy(&t, data, sizeof(t));
	t.growth = 1;
	c->req.target = t;
	client_timer(c, ANSWER_SECONDS);
	/* The ledger writes it down and says nothing. */
	channel_send(sibling(ROLE_LEDGER), M_FORGIVE, 0, &t, sizeof(t));
	flush_target(c, &t);
	route_ask(c, ROLE_ENFORCER, M_UNBAN, &t, sizeof(t));
	route_ask(c, ROLE_PARSER, M_FORGIVE, &t, sizeof(t));
	if (c->req.waiting == 0)
		route_nobody(c);
}

static void
ask_parent(struct client *c, uint32_t type, const void *data, size_t len)
{
	client_timer(c, type == M_RELOAD ? RELOAD_SECONDS : ANSWER_SECONDS);
	route_ask(c, ROLE_PARENT, type, data, len);
}

static void
request_reload(struct client *c, const void *data)
{
	(void)data;
	ask_parent(c, M_RELOAD, NULL, 0);
}

static void
request_reopen(struct client *c, const void *data)
{
	(void)data;
	ask_parent(c, M_REOPEN, NULL, 0);
}

static void
request_pool(struct client *c, const void *data)
{
	const struct ctl_pool *req = data;

	mux_admin(req, &c->req.outcome);
	request_finish(c);
}

static void
request_verbose(struct client *c, const void *data)
{
	ask_parent(c, M_SET_VERBOSE, data, sizeof(uint32_t));
}

/* --- The table of requests ----------------------------------------------- */

static const struct {
	uint32_t	type;
	int		admin;
	void		(*fn)(struct client *, const void *);
} requests[] = {
	{ C_SHOW, 0, request_show },
	{ C_MONITOR, 0, request_monitor },
	{ C_BAN, 1, ban_request },
	{ C_UNBAN, 1, request_unban },
	{ C_FORGIVE, 1, request_forgive },
	{ C_KILL, 1, request_kill },
	{ C_FLUSH, 1, request_flush },
	{ C_TRIGGER, 1, request_trigger },
	{ C_RELOAD, 1, request_reload },
	{ C_REOPEN, 1, request_reopen },
	{ C_POOL, 1, request_pool },
	{ C_VERBOSE, 1, request_verbose }
};

/* Close who breaks the rules of the conversation. */
static void
refuse_client(struct client *c, const char *why)
{
	counter_inc(CTL_REFUSED);
	client_result(c, 1, 0, "%s", why);
	client_close(c);
}

static void
refuse_request(struct client *c)
{
	counter_inc(CTL_REFUSED);
	log_info("control: %s may not change anything", c->name);
	client_result(c, 1, 0, "not allowed: %s may show and monitor only",
	    c->name);
	client_end(c);
}

static void
begin_request(struct client *c, uint32_t type, const void *data)
{
	size_t i = 0;

	while (requests[i].type != type)
		i++;
	counter_inc(CTL_REQUESTS);
	client_begin(c, type);
	if (requests[i].admin && !c->admin)
		refuse_request(c);
	else
		requests[i].fn(c, data);
}

#define REQUEST(type)							\
static void								\
on_##type(MSG_ARGS)							\
{									\
	on_request(ch, type, data);					\
}

static void
on_request(struct channel *ch, uint32_t type, const void *data)
{
	struct client *c = channel_ctx(ch);

	if (c->req.id != 0 || c->monitor != 0)
		refuse_client(c, "one request at a time");
	else
		begin_request(c, type, data);
}

REQUEST(C_SHOW)
REQUEST(C_MONITOR)
REQUEST(C_BAN)
REQUEST(C_UNBAN)
REQUEST(C_FORGIVE)
REQUEST(C_KILL)
REQUEST(C_FLUSH)
REQUEST(C_TRIGGER)
REQUEST(C_RELOAD)
REQUEST(C_REOPEN)
REQUEST(C_VERBOSE)
REQUEST(C_POOL)

const struct handler route_client_handlers[] = {
	{ C_SHOW, on_C_SHOW },
	{ C_MONITOR, on_C_MONITOR },
	{ C_BAN, on_C_BAN },
	{ C_UNBAN, on_C_UNBAN },
	{ C_FORGIVE, on_C_FORGIVE },
	{ C_KILL, on_C_KILL },
	{ C_FLUSH, on_C_FLUSH },
	{ C_TRIGGER, on_C_TRIGGER },
	{ C_RELOAD, on_C_RELOAD },
	{ C_REOPEN, on_C_REOPEN },
	{ C_VERBOSE, on_C_VERBOSE },
	{ C_POOL, on_C_POOL },
	{ 0, NULL }
};

/* Who of those that were asked has not answered, by name. */
static const char *
late_role(uint32_t waiting)
{
	unsigned int role;

	for (role = 0; role < ROLE_MAX; role++)
		if (waiting & ROLE_BIT(role))
			break;
	return role_name(role);
}

void
route_timeout(struct client *c)
{
	if (c->req.type == C_SHOW && (c->req.show.what == SHOW_SUMMARY ||
	    c->req.show.what == SHOW_METRICS)) {
		counters_finish(c);
		return;
	}
	log_warnx("control: %s does not answer", late_role(c->req.waiting));
	client_result(c, 1, 0, "the %s does not answer",
	    late_role(c->req.waiting));
	client_end(c);
}

void
route_init(void)
{
	started = wall_now();
	ban_init();
}

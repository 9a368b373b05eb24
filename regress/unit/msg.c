/*
 * The table of messages: every type has its row, every row says what the
 * protocol says, and every content that must be looked at is.
 */
#include <sys/socket.h>

#include <netinet/in.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "imsg.h"
#include "msg.h"

#define CHILDREN	"relcp"
#define CONFIGURED	"elcp"
#define ASKED		"Pelp"

/* P parent, r rules, e enforcer, l ledger, c control, p parser, x client. */
static const char letters[ROLE_MAX + 1] = "Prelcpmx";

/*
 * Said again, apart from msg.c, as the protocol has it.  size is the shortest
 * that is legal; step what may be added (0: nothing).
 */
static const struct row {
	uint32_t	 type;
	const char	*from, *to;
	const char	*states;	/* s starting, r running, e ending */
	int		 fd;		/* FD_MAY: with one and without */
#define FD_MAY	2
	size_t		 size, step;
} rows[] = {
	{ M_READY, CHILDREN, "P", "sre", 0, 32, 0 },
	{ M_CHANNEL, "P", CHILDREN, "sr", 1, 16, 0 },
	{ M_VERBOSE, "P", CHILDREN, "sre", 0, 4, 0 },
	{ M_STOP, "P", CHILDREN, "sr", 0, 0, 0 },
	{ M_CONF_BEGIN, "P", CONFIGURED, "sr", 0, 4, 0 },
	{ M_CONF_GLOBAL, "P", CONFIGURED, "sr", 0, 92, 0 },
	{ M_CONF_TABLE, "P", CONFIGURED, "sr", 0, 72, 0 },
	{ M_CONF_PREFIXES, "P", CONFIGURED, "sr", 0, 22, 18 },
	{ M_CONF_WATCH, "P", CONFIGURED, "sr", 0, 720, 0 },
	{ M_CONF_SOURCE, "P", CONFIGURED, "sr", 0, 528, 0 },
	{ M_CONF_LIMIT, "P", CONFIGURED, "sr", 0, 136, 0 },
	{ M_CONF_EXEMPT, "P", CONFIGURED, "sr", 0, 156, 0 },
	{ M_CONF_INBOUND, "P", CONFIGURED, "sr", 0, 132, 0 },
	{ M_CONF_ZONE, "P", CONFIGURED, "sr", 0, 1, 1 },
	{ M_CONF_END, "P", CONFIGURED, "sr", 0, 4, 0 },
	{ M_CONF_READY, CONFIGURED, "P", "sre", 0, 4, 0 },
	{ M_CONF_REFUSED, CONFIGURED, "P", "sre", 0, 516, 0 },
	{ M_CONF_COMMIT, "P", CONFIGURED, "sr", 0, 4, 0 },
	{ M_CONF_ABORT, "P", CONFIGURED, "sr", 0, 4, 0 },
	{ M_CONF_DONE, CONFIGURED, "P", "sre", 0, 4, 0 },
	{ M_INOTIFY, "P", "p", "sr", 1, 0, 0 },
	{ M_FILE, "P", "p", "re", 1, 552, 0 },
	{ M_FILE_DONE, "p", "P", "sre", 0, 4, 0 },
	{ M_BAN, "pc", "e", "re", 0, 160, 0 },
	{ M_UNBAN, "c", "e", "re", 0, 88, 0 },
	{ M_KILL, "c", "e", "re", 0, 88, 0 },
	{ M_BAN_EVENT, "e", "lcp", "sre", 0, 184, 0 },
	{ M_RESTORE, "l", "e", "re", 0, 160, 160 },
	{ M_RESTORE_DONE, "l", "e", "re", 0, 0, 0 },
	{ M_SESSIONS, "P", "e", "sre", 0, 0, 18 },
	{ M_RESTORED, "e", "P", "sre", 0, 520, 0 },
	{ M_SETS_DESTROY, "P", "e", "sre", 0, 0, 0 },
	{ M_SETS_GONE, "e", "P", "sre", 0, 520, 0 },
	{ M_RULES_INSTALL, "P", "r", "sr", 0, 72, 0 },
	{ M_RULES_REMOVE, "P", "r", "sr", 0, 72, 0 },
	{ M_RULES_OUTCOME, "r", "P", "sre", 0, 520, 0 },
	{ M_RULES_DRIFT, "e", "P", "sre", 0, 520, 0 },
	{ M_CHECKPOINT, "p", "l", "re", 0, 8, 0 },
	{ M_DECISION, "pc", "l", "re", 0, 1728, 0 },
	{ M_CHECKPOINT_END, "p", "l", "re", 0, 8, 0 },
	{ M_COMMITTED, "l", "p", "re", 0, 8, 0 },
	{ M_LEDGER_STATE, "l", "c", "sre", 0, 520, 0 },
	{ M_SHOW, "c", ASKED, "sre", 0, 112, 0 },
	{ M_ROW, "Pelpc", "cx", "sre", 0, 24, 0 },
	{ M_SHOW_END, ASKED, "c", "sre", 0, 112, 0 },
	{ M_RESULT, "Pelpc", "cx", "sre", 0, 520, 0 },
	{ M_FORGIVE, "c", "pl", "sre", 0, 88, 0 },
	{ M_RELOAD, "c", "P", "sre", 0, 0, 0 },
	{ M_REOPEN, "c", "P", "sre", 0, 0, 0 },
	{ M_SET_VERBOSE, "c", "P", "sre", 0, 4, 0 },
	{ M_COUNTERS_GET, "c", ASKED, "sre", 0, 0, 0 },
	{ M_COUNTERS, ASKED, "c", "sre", 0, COUNTER_MAX * 8, 0 },
	{ M_NOTICE, ASKED, "c", "sre", 0, 536, 0 },
	{ M_AUDIT_LOG, "P", "c", "sre", 1, 0, 0 },
	{ M_LISTENER, "P", "c", "sr", 1, 0, 0 },
	{ C_SHOW, "x", "c", "sre", 0, 112, 0 },
	{ C_MONITOR, "x", "c", "sre", 0, 4, 0 },
	{ C_BAN, "x", "c", "sre", 0, 432, 0 },
	{ C_UNBAN, "x", "c", "sre", 0, 88, 0 },
	{ C_FORGIVE, "x", "c", "sre", 0, 88, 0 },
	{ C_KILL, "x", "c", "sre", 0, 88, 0 },
	{ C_RELOAD, "x", "c", "sre", 0, 0, 0 },
	{ C_REOPEN, "x", "c", "sre", 0, 0, 0 },
	{ C_VERBOSE, "x", "c", "sre", 0, 4, 0 },
	{ C_END, "c", "x", "sre", 0, 0, 0 },
	{ M_CONF_STATUS, "P", "c", "sr", 0, 20, 0 },
	{ M_STATUS_LISTENER, "P", "c", "sre", 1, 20, 0 },
	{ M_STATE_CLEAR, "p", "l", "re", 0, 0, 0 },
	{ M_STATE, "pl", "pl", "re", 0, 152, 32 },
	{ M_POSITION, "pl", "Ppl", "sre", 0, 648, 0 },
	{ M_WATCH_STATS, "pl", "pl", "re", 0, WATCH_COUNTS * 8 + 24, 0 },
	{ M_RESUME, "p", "l", "re", 0, 0, 0 },
	{ M_RESUME_BAN, "l", "p", "re", 0, 56, 56 },
	{ M_RESUME_LIFT, "l", "p", "re", 0, 96, 0 },
	{ M_RESUME_DONE, "l", "p", "re", 0, 520, 0 },
	{ M_LEDGER_FRESH, "l", "p", "re", 0, 0, 0 },
	{ M_FILES_DONE, "P", "p", "re", 0, 40, 0 },
	{ M_CONF_PATTERN, "P", CONFIGURED, "sr", 0, 373, 1 },
	{ M_CONF_FILTER, "P", CONFIGURED, "sr", 0, 336, 0 },
	{ M_CONF_IGNORE, "P", CONFIGURED, "sr", 0, 49, 1 },
	{ M_CONF_RUN, "P", CONFIGURED, "sr", 0, 113, 1 },
	{ M_STREAM, "P", "p", "re", 1, 536, 0 },
	{ M_STREAM_DONE, "p", "P", "sre", 0, 264, 0 },
	{ M_RESUME_GROWTH, "l", "p", "re", 0, 48, 48 },
	{ M_RUN, "l", "P", "sre", 0, 64, 0 },
	{ M_RUN_DONE, "P", "l", "sre", 0, 16, 0 },
	{ M_RUN_EXIT, "P", "l", "sre", 0, 0, 0 },
	{ M_RUN_EXITED, "l", "P", "sre", 0, 4, 0 },
	{ M_RUN_MAX, "P", "l", "re", 0, 4, 0 },
	{ M_FLUSH, "c", "l", "sre", 0, 152, 0 },
	{ M_TRIGGER, "c", "p", "sre", 0, 840, 0 },
	{ C_FLUSH, "x", "c", "sre", 0, 152, 0 },
	{ C_TRIGGER, "x", "c", "sre", 0, 840, 0 },
	{ M_EVIDENCE, "p", "l", "re", 0, 448, 0 },
	{ M_CUT, "p", "l", "re", 0, 0, 0 },
	{ M_RESUME_DECIDED, "l", "p", "re", 0, 48, 48 },
	{ M_WAITING, "pl", "pl", "re", 0, 152, 0 },
	{ M_CONF_MUX, "P", CONFIGURED, "sr", 0, 8, 0 },
	{ M_CONF_POOL, "P", CONFIGURED, "sr", 0, 920, 0 },
	{ M_CONF_MEMBER, "P", CONFIGURED, "sr", 0, 312, 0 },
	{ M_CONF_TAP, "P", CONFIGURED, "sr", 0, 328, 0 },
	{ M_CONF_LISTENER, "P", CONFIGURED, "sr", 0, 168, 0 },
	{ M_CONF_BIND, "P", CONFIGURED, "sr", 0, 48, 0 },
	{ M_CONF_OFFENCE, "P", CONFIGURED, "sr", 0, 32, 0 },
	{ M_CONF_ROUTE, "P", CONFIGURED, "sr", 0, 360, 0 },
	{ M_CONF_COND, "P", CONFIGURED, "sr", 0, 24, 0 },
	{ M_CONF_RELAY, "P", "em", "sr", 0, 16, 0 },
	{ M_CONF_RELAY_CLIENT, "P", "m", "sr", 0, 112, 0 },
	{ M_CONF_RELAY_SERVER, "P", "em", "sr", 0, 144, 0 },
	{ M_MUX_TABLE, "P", "mc", "sr", 1, 0, 0 },
	{ M_MUX_SOCKET, "P", "m", "sr", 1, 12, 0 },
	{ M_MUX_FORGET, "P", "m", "sr", 0, 12, 0 },
	{ M_MUX_WORKER, "P", "m", "sr", 0, 8, 0 },
	{ M_MUX_WANT, "m", "P", "sre", 0, 24, 0 },
	{ M_MUX_GIVE, "P", "m", "sre", FD_MAY, 24, 0 },
	{ M_MUX_CLEAR, "m", "e", "sre", 0, 24, 0 },
	{ M_MUX_CLEARED, "e", "m", "sre", FD_MAY, 24, 0 },
	{ M_MUX_TPROXY, "m", "e", "sre", 1, 0, 0 },
	{ M_MUX_RESOLVED, "c", "m", "sre", 0, 296, 0 },
	{ M_MUX_ADMIN, "c", "m", "sre", 0, 8, 0 },
	{ M_MUX_DECISION, "m", "c", "sre", 0, 1728, 0 },
	{ M_MUX_ACCESS, "m", "c", "sre", 0, 536, 0 },
	{ M_ACCESS_LOG, "P", "c", "sre", 1, 4, 0 },
	{ M_RESOLVER, "P", "c", "sre", 0, 1176, 0 },
	{ M_HOST, "P", "c", "sre", 0, 552, 0 },
	{ M_MUX_MONITOR, "c", "m", "sre", 0, 4, 0 },
	{ C_POOL, "x", "c", "sre", 0, 328, 0 },
	{ M_MUX_FLOW, "Pm", "Pm", "re", 1, 480, 0 },
	{ M_MUX_MOVE, "Pm", "Pm", "re", 0, 12, 0 }
};

#define NROWS	(sizeof(rows) / sizeof(rows[0]))

static const struct prefix host = { AF_INET, 32, { 192, 0, 2, 1 } };

static const struct wire_ban ban = {
	.prefix = { AF_INET, 32, { 192, 0, 2, 1 } },
	.port = 443, .proto = IPPROTO_TCP, .start = 1, .end = 2
};

/* The same of the mux's configuration, in bytes that are zero. */
static void
mux_sample(uint32_t type, void *room)
{
	struct wire_pool *p = room;
	struct wire_member *m = room;
	struct wire_listener *l = room;
	struct wire_bind *b = room;
	struct wire_offence *o = room;
	struct wire_route *r = room;

	switch (type) {
	case M_CONF_POOL:
		p->id = p->rise = p->fall = 1;
		break;
	case M_CONF_MEMBER:
		m->id = m->weight = m->port = 1;
		m->addr = host;
		break;
	case M_CONF_TAP:
		((struct wire_tap *)room)->id = 1;
		break;
	case M_CONF_LISTENER:
		l->id = l->hash = l->plen4 = l->plen6 = 1;
		l->proto = IPPROTO_TCP;
		break;
	case M_CONF_BIND:
		b->port = 1;
		break;
	case M_CONF_OFFENCE:
		o->kind = OFFENCE_UNKNOWN;
		o->times = o->within = o->ban = 1;
		break;
	case M_CONF_ROUTE:
		r->id = r->action = ROUTE_TO;
		break;
	case M_CONF_COND:
		((struct wire_cond *)room)->kind = COND_FROM;
		break;
	}
}

static void
watch_sample(struct wire_watch *w)
{
	w->id = 1;
	*w->name = 'w';
	w->hash = watch_hash("w");
	w->format = FORMAT_XRAY;
	w->window = w->ban = w->after = w->group4 = w->group6 = 1;
	w->growth_by = 1000;
}

/* Bytes that pass for a message of the type. */
static void *
sample(uint32_t type)
{
	static uint64_t room[IMSG_MAX / 8];
	struct wire_global *g = (void *)room;
	struct wire_pattern *p = (void *)room;
	struct wire_filter *f = (void *)room;
	struct wire_run *r = (void *)room;

	memset(room, 0, sizeof(room));
	mux_sample(type, room);
	switch (type) {
	case M_READY:
		((struct msg_ready *)room)->role = ROLE_PARSER;
		break;
	case M_CHANNEL:
		((struct msg_channel *)room)->peer = ROLE_LEDGER;
		break;
	case M_CONF_GLOBAL:
		g->max = g->plen4 = g->plen6 = 1;
		break;
	case M_CONF_TABLE:
		((struct wire_table *)room)->id = 1;
		break;
	case M_CONF_PREFIXES:
		memcpy((struct wire_prefixes *)room + 1, &host, sizeof(host));
		memcpy((char *)room + 22, &host, sizeof(host));
		break;
	case M_CONF_WATCH:
		watch_sample((void *)room);
		break;
	case M_CONF_SOURCE:
		((struct wire_source *)room)->id = 1;
		strlcpy(((struct wire_source *)room)->path, "/x", 3);
		break;
	case M_CONF_LIMIT:
		*((struct wire_limit *)room)->pattern = '*';
		break;
	case M_CONF_INBOUND:
		*((struct wire_inbound *)room)->pattern = '*';
		break;
	case M_CONF_PATTERN:
		p->id = p->weight = 1;
		p->kind = PATTERN_MATCH;
		break;
	case M_CONF_FILTER:
		f->id = f->maxlines = f->weight = 1;
		*f->name = 'f';
		break;
	case M_CONF_IGNORE:
		((struct wire_ignore *)room)->kind = IGNORE_EXACT;
		*((struct wire_ignore *)room)->name = 'v';
		break;
	case M_CONF_RUN:
		r->hash = r->id = r->timeout = r->argc = 1;
		*r->user = *r->group = 'u';
		break;
	case M_SESSIONS:
		memcpy(room, &host, sizeof(host));
		break;
	case M_BAN:
	case M_BAN_EVENT:
	case M_DECISION:
	case M_MUX_DECISION:
	case M_RESTORE:
		memcpy(room, &ban, sizeof(ban));
		if (type == M_BAN_EVENT)
			((struct wire_event *)room)->outcome = BAN_APPLIED;
		if (type == M_RESTORE)
			memcpy((struct wire_ban *)room + 1, &ban, sizeof(ban));
		break;
	case M_CONF_STATUS:
	case M_STATUS_LISTENER:
		((struct wire_status *)room)->addr = host;
		((struct wire_status *)room)->port = 9440;
		break;
	case M_RESUME_BAN:
		((struct wire_served *)room)[0].prefix = host;
		((struct wire_served *)room)[1].prefix = host;
		break;
	case M_RESUME_GROWTH:
		((struct wire_growth *)room)[0].prefix = host;
		((struct wire_growth *)room)[1].prefix = host;
		break;
	case M_SHOW:
	case M_SHOW_END:
	case C_SHOW:
		((struct msg_show *)room)->what = SHOW_BANS;
		break;
	case M_ROW:
		((struct row_head *)room)->what = SHOW_METRICS;
		break;
	case M_NOTICE:
		((struct wire_notice *)room)->kind = NOTICE_FILE;
		break;
	case C_BAN:
		((struct ctl_ban *)room)->prefix = host;
		break;
	case M_MUX_FLOW:
		((struct msg_mux_flow *)room)->from = host;
		((struct msg_mux_flow *)room)->to = host;
		((struct msg_mux_flow *)room)->from_port = 1;
		break;
	}
	return room;
}

/* One string fills the rest of it. */
static int
has_string(uint32_t type)
{
	return type == M_CONF_PATTERN || type == M_CONF_IGNORE ||
	    type == M_CONF_RUN;
}

static int
check(const struct row *r, enum role from, enum role to, enum proc_state state,
    size_t len, int fd)
{
	unsigned char *data = sample(r->type);
	const char *why;
	int ret;

	if (has_string(r->type) && len > r->size)
		memset(data + r->size - 1, 'x', len - r->size);
	ret = msg_check(r->type, from, to, state, data, len, fd, &why);
	assert_int_equal(ret == 0, why == NULL);
	return ret == 0;
}

/* Any direction in which it is legal. */
static void
direction(const struct row *r, enum role *from, enum role *to)
{
	*from = (enum role)(strchr(letters, r->from[0]) - letters);
	*to = (enum role)(strchr(letters, r->to[0]) - letters);
}

static void
test_complete(void **arg)
{
	uint32_t type;
	size_t i;

	(void)arg;
	for (type = 1; type < M_MAX; type++) {
		for (i = 0; i < NROWS && rows[i].type != type; i++)
			continue;
		if (i == NROWS)
			fail_msg("%s is not in this test", msg_name(type));
		assert_true(strncmp(msg_name(type), "M_", 2) == 0 ||
		    strncmp(msg_name(type), "C_", 2) == 0);
	}
	assert_string_equal(msg_name(0), "an unknown message");
	assert_string_equal(msg_name(M_MAX), "an unknown message");
	assert_string_equal(msg_name(UINT32_MAX), "an unknown message");
}

static void
test_directions(void **arg)
{
	const struct row *r;
	enum role from, to;
	int legal;

	(void)arg;
	for (r = rows; r < &rows[NROWS]; r++)
		for (from = 0; from < ROLE_MAX; from++)
			for (to = 0; to < ROLE_MAX; to++) {
				if (from == ROLE_MUX || to == ROLE_MUX)
					continue;
				legal = strchr(r->from, letters[from]) &&
				    strchr(r->to, letters[to]);
				if (check(r, from, to, STATE_ANY, r->size,
				    r->fd != 0) != legal)
					fail_msg("%s from %s to %s",
					    msg_name(r->type), role_name(from),
					    role_name(to));
			}
}

static void
test_states(void **arg)
{
	const struct row *r;
	enum role from, to;
	enum proc_state state;

	(void)arg;
	for (r = rows; r < &rows[NROWS]; r++) {
		direction(r, &from, &to);
		for (state = 0; state <= STATE_STOPPING; state++)
			if (check(r, from, to, state, r->size, r->fd != 0) !=
			    (strchr(r->states, "sre"[state]) != NULL))
				fail_msg("%s in state %u", msg_name(r->type),
				    state);
	}
}

static void
test_descriptors(void **arg)
{
	const struct row *r;
	enum role from, to;

	(void)arg;
	for (r = rows; r < &rows[NROWS]; r++) {
		direction(r, &from, &to);
		if (r->fd != FD_MAY)
			assert_false(check(r, from, to, STATE_ANY,
			    r->size, !r->fd));
	}
}

static void
test_sizes(void **arg)
{
	const struct row *r;
	enum role from, to;
	size_t len;
	int legal;

	(void)arg;
	for (r = rows; r < &rows[NROWS]; r++) {
		direction(r, &from, &to);
		for (len = 0; len <= r->size + 170; len++) {
			legal = len == r->size || (r->step != 0 &&
			    len == r->size + r->step);
			/* Beyond what sample() fills in there is no ban. */
			if (r->step != 0 && len > r->size + r->step)
				break;
			if (r->step == 1 && len >= r->size)
				legal = 1;
			if (check(r, from, to, STATE_ANY, len, r->fd != 0) !=
			    legal)
				fail_msg("%s of %zu bytes", msg_name(r->type),
				    len);
		}
	}
}

/* One change to a good message, and it is one no more. */
static int
has_fd(uint32_t type)
{
	return type == M_CHANNEL || type == M_FILE || type == M_STREAM ||
	    type == M_MUX_FLOW;
}

#define SPOILED(type, from, to, strct, change) do {			\
	struct strct m_;						\
	const char *why_;						\
	memcpy(&m_, sample(type), sizeof(m_));				\
	assert_int_equal(msg_check(type, from, to, STATE_ANY, &m_,	\
	    sizeof(m_), has_fd(type),				\
	    &why_), 0);							\
	{ struct strct *m = &m_; change; }				\
	assert_int_equal(msg_check(type, from, to, STATE_ANY, &m_,	\
	    sizeof(m_), has_fd(type),				\
	    &why_), -1);						\
	assert_non_null(why_);						\
} while (0)

#define FILL(array)	memset(array, 'x', sizeof(array))
#define PARENT(type, strct, change)					\
	SPOILED(type, ROLE_PARENT, ROLE_PARSER, strct, change)

static void
test_conf_content(void **arg)
{
	(void)arg;
	PARENT(M_CHANNEL, msg_channel, m->peer = ROLE_CLIENT);
	PARENT(M_CHANNEL, msg_channel, m->peer = ROLE_PARENT);
	PARENT(M_CHANNEL, msg_channel, m->bulk = 2);
	PARENT(M_CONF_GLOBAL, wire_global, FILL(m->instance));
	PARENT(M_CONF_GLOBAL, wire_global, m->action = 2);
	PARENT(M_CONF_GLOBAL, wire_global, m->hook = 2);
	PARENT(M_CONF_GLOBAL, wire_global, m->plen4 = 33);
	PARENT(M_CONF_GLOBAL, wire_global, m->plen6 = 129);
	PARENT(M_CONF_GLOBAL, wire_global, m->zero[1] = 1);
	PARENT(M_CONF_GLOBAL, wire_global, m->max = 0);
	PARENT(M_CONF_GLOBAL, wire_global, m->max = BAN_ENTRIES_MAX + 1);
	PARENT(M_CONF_GLOBAL, wire_global, m->plen4 = 0);
	PARENT(M_CONF_GLOBAL, wire_global, m->ledger_keep = UINT32_MAX);
	PARENT(M_CONF_GLOBAL, wire_global, m->ledger_max = UINT32_MAX);
	PARENT(M_CONF_TABLE, wire_table, FILL(m->name));
	PARENT(M_CONF_TABLE, wire_table, m->id = 0);
	PARENT(M_CONF_TABLE, wire_table, m->count = CONF_PREFIXES_MAX + 1);
	PARENT(M_CONF_WATCH, wire_watch, m->hash++);
	PARENT(M_CONF_WATCH, wire_watch, m->id = 0);
	PARENT(M_CONF_WATCH, wire_watch, m->limit = CONF_LIMIT_MAX + 1);
	PARENT(M_CONF_WATCH, wire_watch, m->ban = 0);
	PARENT(M_CONF_WATCH, wire_watch, m->after = 0);
	PARENT(M_CONF_WATCH, wire_watch, m->growth_by = 999);
	PARENT(M_CONF_WATCH, wire_watch, m->keys[1][0] = 'k');
	PARENT(M_CONF_WATCH, wire_watch, m->ports[3].port = 1);
	PARENT(M_CONF_SOURCE, wire_source, m->id = 0);
	PARENT(M_CONF_SOURCE, wire_source, *m->path = 'x');
	PARENT(M_CONF_LIMIT, wire_limit, m->limit = CONF_LIMIT_MAX + 1);
	PARENT(M_CONF_LIMIT, wire_limit, *m->pattern = '\0');
	PARENT(M_CONF_INBOUND, wire_inbound, *m->pattern = '\0');
	PARENT(M_CONF_EXEMPT, wire_exempt, m->kind = EXEMPT_USER);
	PARENT(M_CONF_FILTER, wire_filter, m->id = 0);
	PARENT(M_CONF_FILTER, wire_filter, m->weight = WEIGHT_MAX + 1);
	PARENT(M_CONF_FILTER, wire_filter, m->maxlines = FILTER_LINES_MAX + 1);
	PARENT(M_CONF_WATCH, wire_watch, FILL(m->name));
	PARENT(M_CONF_WATCH, wire_watch, FILL(m->zone));
	PARENT(M_CONF_WATCH, wire_watch, m->format = 99);
	PARENT(M_CONF_WATCH, wire_watch, m->victim = 3);
	PARENT(M_CONF_WATCH, wire_watch, m->nports = BAN_PORTS_MAX + 1);
	PARENT(M_CONF_WATCH, wire_watch, m->nports = 1);
	PARENT(M_CONF_WATCH, wire_watch, m->window = -1);
	PARENT(M_CONF_WATCH, wire_watch, m->group6 = 129);
	PARENT(M_CONF_SOURCE, wire_source, FILL(m->path));
	PARENT(M_CONF_LIMIT, wire_limit, FILL(m->pattern));
	PARENT(M_CONF_EXEMPT, wire_exempt, m->kind = 3);
	PARENT(M_CONF_EXEMPT, wire_exempt, m->kind = EXEMPT_PREFIX);
	PARENT(M_CONF_EXEMPT, wire_exempt, FILL(m->pattern));
	PARENT(M_CONF_INBOUND, wire_inbound, FILL(m->pattern));
	PARENT(M_CONF_SOURCE, wire_source, m->kind = SOURCE_STDIN + 1);
	PARENT(M_CONF_SOURCE, wire_source, m->zero[5] = 1);
	PARENT(M_CONF_WATCH, wire_watch, FILL(m->keys[3]));
	PARENT(M_CONF_WATCH, wire_watch, FILL(m->json_field));
	PARENT(M_CONF_WATCH, wire_watch, FILL(m->json_time));
	PARENT(M_CONF_WATCH, wire_watch, FILL(m->json_addr));
	PARENT(M_CONF_WATCH, wire_watch, FILL(m->time_format));
	PARENT(M_CONF_WATCH, wire_watch, m->duplicate = 3);
	PARENT(M_CONF_WATCH, wire_watch, m->bans = 2);
	PARENT(M_CONF_WATCH, wire_watch, m->ban_prefix = 2);
	PARENT(M_CONF_WATCH, wire_watch, m->json = 2);
	PARENT(M_CONF_WATCH, wire_watch, m->growth_together = 2);
	PARENT(M_CONF_WATCH, wire_watch, m->growth_max = -1);
	PARENT(M_CONF_WATCH, wire_watch, m->nkeys = WATCH_KEYS_MAX + 1);
	PARENT(M_CONF_WATCH, wire_watch, m->zero2[1] = 1);
	PARENT(M_CONF_WATCH, wire_watch, m->zero3[3] = 1);
	PARENT(M_CONF_FILTER, wire_filter, m->maxlines = 0);
	PARENT(M_CONF_FILTER, wire_filter, FILL(m->name));
	PARENT(M_CONF_FILTER, wire_filter, FILL(m->where));
	PARENT(M_FILE, msg_file, FILL(m->name));
	PARENT(M_FILE, msg_file, m->from_end = FILE_ROTATED + 1);
	PARENT(M_FILES_DONE, msg_boot, FILL(m->boot));
	PARENT(M_STREAM, msg_stream, m->kind = STREAM_SYSLOG + 1);
	PARENT(M_STREAM, msg_stream, m->zero = 1);
	PARENT(M_STREAM, msg_stream, m->since = -1);
	PARENT(M_STREAM, msg_stream, FILL(m->name));
	SPOILED(M_STREAM_DONE, ROLE_PARSER, ROLE_PARENT, msg_stream_done,
	    m->zero = 1);
	SPOILED(M_STREAM_DONE, ROLE_PARSER, ROLE_PARENT, msg_stream_done,
	    FILL(m->cursor));
	SPOILED(M_STREAM_DONE, ROLE_PARSER, ROLE_PARENT, msg_stream_done,
	    strlcpy(m->cursor, "s=1 --x", sizeof(m->cursor)));
}

/* A struct and the string "/x" after it, all good but for the change. */
#define STRINGS(type, strct, change) do {				\
	struct { struct strct head; char text[3]; } m_;			\
	struct strct *m __attribute__((__unused__)) = &m_.head;	\
	size_t n_ = offsetof(__typeof__(m_), text) + sizeof(m_.text);	\
	const char *why_;						\
									\
	memcpy(&m_, sample(type), sizeof(m_));				\
	memcpy(m_.text, "/x", sizeof(m_.text));				\
	assert_int_equal(msg_check(type, ROLE_PARENT, ROLE_PARSER,	\
	    STATE_ANY, &m_, n_, 0, &why_), 0);				\
	change;								\
	assert_int_equal(msg_check(type, ROLE_PARENT, ROLE_PARSER,	\
	    STATE_ANY, &m_, n_, 0, &why_), -1);				\
	assert_non_null(why_);						\
} while (0)

static void
test_conf_strings(void **arg)
{
	(void)arg;
	STRINGS(M_CONF_PATTERN, wire_pattern, m->kind = 0);
	STRINGS(M_CONF_PATTERN, wire_pattern, m->kind = PATTERN_FAIL_DATE + 1);
	STRINGS(M_CONF_PATTERN, wire_pattern, FILL(m->where));
	STRINGS(M_CONF_PATTERN, wire_pattern, FILL(m->written));
	STRINGS(M_CONF_PATTERN, wire_pattern, m->id = 0);
	STRINGS(M_CONF_PATTERN, wire_pattern, m->weight = 0);
	STRINGS(M_CONF_PATTERN, wire_pattern, m->filter = 1);
	STRINGS(M_CONF_PATTERN, wire_pattern, m_.text[0] = '\0');
	STRINGS(M_CONF_PATTERN, wire_pattern, m_.text[2] = 'y');
	STRINGS(M_CONF_IGNORE, wire_ignore, m->kind = 0);
	STRINGS(M_CONF_IGNORE, wire_ignore, m->kind = IGNORE_TABLE + 1);
	STRINGS(M_CONF_IGNORE, wire_ignore, FILL(m->name));
	STRINGS(M_CONF_IGNORE, wire_ignore, m->zero[2] = 1);
	STRINGS(M_CONF_IGNORE, wire_ignore, m_.text[2] = 'y');
	STRINGS(M_CONF_RUN, wire_run, m->when = RUN_UNBAN + 1);
	STRINGS(M_CONF_RUN, wire_run, m->at_exit = 2);
	STRINGS(M_CONF_RUN, wire_run, m->argc = 2);
	STRINGS(M_CONF_RUN, wire_run, m->timeout = 0);
	STRINGS(M_CONF_RUN, wire_run, *m->user = '\0');
	STRINGS(M_CONF_RUN, wire_run, m->once = 2);
	STRINGS(M_CONF_RUN, wire_run, m->at_least_once = 2);
	STRINGS(M_CONF_RUN, wire_run, m->family = 1);
	STRINGS(M_CONF_RUN, wire_run, m->delay = -1);
	STRINGS(M_CONF_RUN, wire_run, m->timeout = -1);
	STRINGS(M_CONF_RUN, wire_run, m->zero[4] = 1);
	STRINGS(M_CONF_RUN, wire_run, FILL(m->user));
	STRINGS(M_CONF_RUN, wire_run, FILL(m->group));
	STRINGS(M_CONF_RUN, wire_run, m_.text[2] = 'y');
}

#define STATE(type, strct, change)					\
	SPOILED(type, ROLE_PARSER, ROLE_LEDGER, strct, change)

#define FLOW(change)							\
	SPOILED(M_MUX_FLOW, ROLE_MUX, ROLE_PARENT, msg_mux_flow, change)

static void
test_state_content(void **arg)
{
	struct {
		struct wire_state	head;
		struct wire_sighting	list[2];
	} s = { .head.name_len = 1, .head.name = "a" };
	const char *why;

	(void)arg;
	FLOW(m->from.plen = 31);
	FLOW(m->from.family = 1);
	FLOW(m->to.family = 0);
	FLOW((m->to.family = AF_INET6, m->to.plen = 128));
	FLOW(m->from_port = 0);
	FLOW(m->nid = FLOW_ID_MAX + 1);
	FLOW(m->id_is = FLOW_ID_IS_MAX);
	FLOW(m->flags = FLOW_FLAGS + 1);
	FLOW(m->zero[1] = 1);
	FLOW(FILL(m->name));
	FLOW(FILL(m->alpn));
	FLOW(FILL(m->ja4));
	SPOILED(M_MUX_MOVE, ROLE_MUX, ROLE_PARENT, msg_mux_move,
	    m->what = MUX_MOVE_MAX);
	STATE(M_STATE, wire_state, FILL(m->name));
	STATE(M_STATE, wire_state, m->name_len = 128);
	STATE(M_STATE, wire_state, m->touched = -1);
	STATE(M_STATE, wire_state, m->zero[2] = 1);
	STATE(M_WAITING, wire_waiting, m->slot = 100);
	STATE(M_WAITING, wire_waiting, m->waits = 2);
	STATE(M_WAITING, wire_waiting, m->until = -1);
	STATE(M_WAITING, wire_waiting, m->zero[6] = 1);
	STATE(M_WAITING, wire_waiting, m->users_len = 1);
	STATE(M_WAITING, wire_waiting, m->lines_len = 65535);
	STATE(M_WAITING, wire_waiting, m->lens[3] = 1);
	STATE(M_POSITION, msg_position, FILL(m->name));
	STATE(M_POSITION, msg_position, FILL(m->boot));
	STATE(M_POSITION, msg_position, m->flags = 8);
	STATE(M_POSITION, msg_position, (m->flags = POSITION_CURSOR,
	    strlcpy(m->name, "s=1;-x", sizeof(m->name))));
	STATE(M_POSITION, msg_position, m->zero = 1);
	STATE(M_POSITION, msg_position, m->offset = UINT64_MAX);
	STATE(M_POSITION, msg_position, m->last = -1);
	STATE(M_WATCH_STATS, msg_stats, m->last = -1);
	SPOILED(M_RESUME_LIFT, ROLE_LEDGER, ROLE_PARSER, msg_lift,
	    FILL(m->target.user));
	SPOILED(M_RESUME_LIFT, ROLE_LEDGER, ROLE_PARSER, msg_lift,
	    m->at = -1);
	SPOILED(M_RESUME_BAN, ROLE_LEDGER, ROLE_PARSER, wire_served,
	    m->prefix.family = 9);
	SPOILED(M_RESUME_DECIDED, ROLE_LEDGER, ROLE_PARSER, wire_decided,
	    m->id.zero = 1);
	SPOILED(M_RESUME_DECIDED, ROLE_LEDGER, ROLE_PARSER, wire_decided,
	    m->end = -1);
	assert_int_equal(msg_check(M_STATE, ROLE_PARSER, ROLE_LEDGER,
	    STATE_RUNNING, &s, sizeof(s), 0, &why), 0);
	s.list[1].v6 = 2;
	assert_int_equal(msg_check(M_STATE, ROLE_PARSER, ROLE_LEDGER,
	    STATE_RUNNING, &s, sizeof(s), 0, &why), -1);
}

#define BAN(change)							\
	SPOILED(M_BAN, ROLE_PARSER, ROLE_ENFORCER, wire_ban, change)
#define DECISION(change)						\
	SPOILED(M_DECISION, ROLE_PARSER, ROLE_LEDGER, msg_decision, change)

static void
test_ban_content(void **arg)
{
	(void)arg;
	BAN(m->prefix.plen = 33);
	BAN(m->prefix.plen = 8);
	BAN(m->prefix.addr[9] = 1);
	BAN(m->prefix.family = 0);
	BAN(m->offender.plen = 1);
	BAN(m->proto = 1);
	BAN(m->proto = 0);
	BAN(m->port = 0);
	BAN(m->flags = 0x80);
	BAN(m->zero[5] = 1);
	BAN(m->id.zero = 1);
	BAN(m->end = -1);
	BAN(FILL(m->subject));
	DECISION(m->nports = 17);
	DECISION(m->past = 2);
	DECISION(m->again = 2);
	DECISION(m->zero[1] = 1);
	DECISION(m->ban.prefix.plen = 33);
	DECISION(FILL(m->watch));
	DECISION(FILL(m->evidence));
	SPOILED(M_BAN_EVENT, ROLE_ENFORCER, ROLE_LEDGER, wire_event,
	    m->outcome = BAN_OUTCOME_MAX);
	SPOILED(M_BAN_EVENT, ROLE_ENFORCER, ROLE_LEDGER, wire_event,
	    m->outcome = 0);
	SPOILED(M_BAN_EVENT, ROLE_ENFORCER, ROLE_LEDGER, wire_event,
	    m->ban.prefix.plen = 77);
}

/* In a list the last is looked at as closely as the first. */
static void
test_lists(void **arg)
{
	struct wire_ban bans[3] = { ban, ban, ban };
	struct {
		struct wire_prefixes	head;
		struct prefix		list[3];
	} p = {
		{ 1 }, { host, host, host }
	};
	const char *why;

	(void)arg;
	assert_int_equal(msg_check(M_RESTORE, ROLE_LEDGER, ROLE_ENFORCER,
	    STATE_RUNNING, bans, sizeof(bans), 0, &why), 0);
	bans[2].prefix.plen = 99;
	assert_int_equal(msg_check(M_RESTORE, ROLE_LEDGER, ROLE_ENFORCER,
	    STATE_RUNNING, bans, sizeof(bans), 0, &why), -1);
	assert_int_equal(msg_check(M_CONF_PREFIXES, ROLE_PARENT,
	    ROLE_ENFORCER, STATE_RUNNING, &p, 4 + 3 * 18, 0, &why), 0);
	p.list[2].addr[10] = 1;
	assert_int_equal(msg_check(M_CONF_PREFIXES, ROLE_PARENT,
	    ROLE_ENFORCER, STATE_RUNNING, &p, 4 + 3 * 18, 0, &why), -1);
	assert_int_equal(msg_check(M_SESSIONS, ROLE_PARENT, ROLE_ENFORCER,
	    STATE_RUNNING, p.list, sizeof(p.list), 0, &why), -1);
}

#define CLIENT(type, strct, change)					\
	SPOILED(type, ROLE_CLIENT, ROLE_CONTROL, strct, change)

static void
test_client_content(void **arg)
{
	(void)arg;
	CLIENT(C_SHOW, msg_show, m->what = 0);
	CLIENT(C_SHOW, msg_show, m->what = SHOW_MAX);
	CLIENT(C_SHOW, msg_show, m->by = 99);
	CLIENT(C_SHOW, msg_show, FILL(m->name));
	CLIENT(C_SHOW, msg_show, m->prefix.family = AF_UNIX);
	CLIENT(C_SHOW, msg_show, m->zero[4] = 1);
	CLIENT(C_BAN, ctl_ban, m->prefix.family = 0);
	CLIENT(C_BAN, ctl_ban, m->port = 1);
	CLIENT(C_BAN, ctl_ban, m->proto = 1);
	CLIENT(C_BAN, ctl_ban, m->duration = -1);
	CLIENT(C_BAN, ctl_ban, m->flags = 0xff);
	CLIENT(C_BAN, ctl_ban, FILL(m->reason));
	CLIENT(C_UNBAN, msg_target, FILL(m->user));
	CLIENT(C_UNBAN, msg_target, m->prefix.plen = 1);
	CLIENT(C_KILL, msg_target, m->proto = 9);
	CLIENT(C_FORGIVE, msg_target, m->zero[0] = 1);
	SPOILED(M_NOTICE, ROLE_PARSER, ROLE_CONTROL, wire_notice,
	    m->kind = NOTICE_MAX);
	SPOILED(M_NOTICE, ROLE_PARSER, ROLE_CONTROL, wire_notice,
	    FILL(m->text));
	SPOILED(M_RESULT, ROLE_PARENT, ROLE_CONTROL, msg_outcome,
	    FILL(m->text));
	SPOILED(M_READY, ROLE_PARSER, ROLE_PARENT, msg_ready,
	    FILL(m->build));
	SPOILED(M_READY, ROLE_PARSER, ROLE_PARENT, msg_ready,
	    m->role = ROLE_PARENT);
	SPOILED(M_RULES_INSTALL, ROLE_PARENT, ROLE_RULES, msg_rules,
	    m->hook = 2);
}

/* Whatever the bytes: an answer, and no read beyond them. */
static void
test_random(void **arg)
{
	const char *why;
	uint8_t *exact;
	uint32_t type;
	size_t len, i;
	int n;

	(void)arg;
	srandom(7);
	for (n = 0; n < 200000; n++) {
		type = (uint32_t)random() % (M_MAX + 2);
		len = (size_t)random() % 8;
		if (type > 0 && type < M_MAX && random() % 4)
			len = rows[type - 1].size;
		exact = malloc(len + 1);
		for (i = 0; i < len; i++)
			exact[i] = (uint8_t)(random() % 3 ? 0 : random());
		msg_check(type, (enum role)(random() % ROLE_MAX),
		    (enum role)(random() % ROLE_MAX), STATE_ANY, exact, len,
		    (int)(random() % 2), &why);
		free(exact);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_complete),
		cmocka_unit_test(test_directions),
		cmocka_unit_test(test_states),
		cmocka_unit_test(test_descriptors),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_conf_content),
		cmocka_unit_test(test_conf_strings),
		cmocka_unit_test(test_state_content),
		cmocka_unit_test(test_ban_content),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_client_content),
		cmocka_unit_test(test_random)
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("msg", tests, NULL, NULL);
}

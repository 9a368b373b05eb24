/*
 * The table of messages: one row a type.  Who may say it to whom, how long it
 * is, whether it carries a descriptor, in which state its receiver may get it,
 * and who looks at its content.  Nothing else in the suite knows these rules.
 */
#include <sys/socket.h>

#include <netinet/in.h>

#include <ctype.h>
#include <string.h>

#include "imsg.h"
#include "msg.h"
#include "msg_check.h"

/*
 * What goes over the wire has no padding: each struct is as long as its
 * members together.
 */
#define EXACT(type, size)						\
	_Static_assert(sizeof(struct type) == (size), #type)

EXACT(prefix, 1 + 1 + 16);
EXACT(decision_id, 3 * 8 + 2 * 4);
EXACT(wire_global, NAME_MAX_LEN + 4 + 6 + 2 + 4 * 4);
EXACT(wire_table, 2 * 4 + NAME_MAX_LEN);
EXACT(wire_prefixes, 4);
EXACT(wire_port, 2 + 2);
EXACT(wire_watch, 4 * 8 + 2 * 4 + 2 * NAME_MAX_LEN + 8 +
    BAN_PORTS_MAX * 4 + 8 + 2 * 4 + 8 + WATCH_KEYS_MAX * VALUE_NAME_LEN + 4 +
    3 * NAME_MAX_LEN + PATTERN_MAX_LEN);
EXACT(wire_source, 2 * 4 + 8 + PATH_MAX_LEN);
EXACT(wire_limit, 2 * 4 + PATTERN_MAX_LEN);
EXACT(wire_exempt, 2 * 4 + 18 + 2 + PATTERN_MAX_LEN);
EXACT(wire_inbound, 4 + PATTERN_MAX_LEN);
EXACT(wire_status, 18 + 2);
EXACT(wire_ban, 32 + 2 * 8 + 2 * 2 + 2 * 18 + 8 + SUBJECT_LEN);
EXACT(wire_event, 160 + 8 + 4 * 4);
EXACT(wire_notice, 2 * 8 + 2 * 4 + TEXT_LEN);
EXACT(msg_ready, BUILD_ID_LEN + 2 * 4);
EXACT(msg_channel, 4 * 4);
EXACT(msg_refused, 4 + TEXT_LEN);
EXACT(msg_file, 4 * 4 + 3 * 8 + PATH_MAX_LEN);
EXACT(msg_target, 18 + 2 + 1 + 2 + 1 + SUBJECT_LEN);
EXACT(msg_outcome, 2 * 4 + TEXT_LEN);
EXACT(msg_rules, 2 * 4 + NAME_MAX_LEN);
EXACT(msg_checkpoint, 8);
EXACT(msg_decision, 160 + 2 * 4 + BAN_PORTS_MAX * 4 + NAME_MAX_LEN +
    EVIDENCE_LEN + 2 * 4 + WHERE_MAX_LEN + VALUES_LEN);
EXACT(msg_evidence, 32 + 8 + 2 * 4 + EVIDENCE_LEN);
EXACT(wire_growth, 3 * 8 + 18 + 2 + 4);
EXACT(wire_decided, 4 * 8 + 2 * 8);
EXACT(wire_pattern, 5 * 4 + WHERE_MAX_LEN + WRITTEN_LEN);
EXACT(wire_filter, 4 * 4 + NAME_MAX_LEN + WHERE_MAX_LEN);
EXACT(wire_ignore, 3 * 4 + VALUE_NAME_LEN + 3);
EXACT(wire_run, 3 * 8 + 3 * 4 + 10 + 2 * ACCOUNT_MAX_LEN);
EXACT(msg_stream, 4 * 4 + 8 + PATH_MAX_LEN);
EXACT(msg_stream_done, 2 * 4 + CURSOR_LEN);
EXACT(msg_run, 3 * 8 + 18 + 6 + 8 + 2 * 4);
EXACT(msg_run_done, 8 + 2 * 4);
EXACT(msg_flush, 18 + 6 + NAME_MAX_LEN + SUBJECT_LEN);
EXACT(msg_trigger, NAME_MAX_LEN + 2 * 4 + VALUES_LEN);
EXACT(wire_mux, 8);
EXACT(wire_listener, 7 * 8 + 10 * 4 + 8 + MUX_NAME_LEN);
EXACT(wire_bind, 2 * 4 + 18 + 2 + 16 + 4);
EXACT(wire_route, 2 * 8 + 5 * 4 + 4 + MUX_WHERE_LEN + MUX_NAME_LEN);
EXACT(wire_cond, 6 * 4);
EXACT(wire_pool, 3 * 8 + 5 * 4 + 4 + 2 * 2 + 4 + 512 +
    MUX_SOURCES_MAX * sizeof(struct prefix) + MUX_NAME_LEN);
EXACT(wire_member, 2 * 8 + 4 * 4 + 18 + 2 + 4 + MUX_HOST_LEN);
EXACT(wire_offence, 2 * 8 + 4 * 4);
EXACT(wire_tap, 2 * 4 + MUX_NAME_LEN + MUX_HOST_LEN);
EXACT(wire_relay, 3 * 4 + 4);
EXACT(wire_relay_client, 4 * 4 + 32 + 64);
EXACT(wire_relay_server, 3 * 4 + 18 + 2 + 16 + 32 + 64);
EXACT(msg_mux_socket, 3 * 4);
EXACT(msg_mux_worker, 2 * 4);
EXACT(msg_mux_want, 6 * 4);
EXACT(msg_mux_resolved, 2 * 4 + MUX_RESOLVED_MAX * 18);
EXACT(msg_mux_admin, 2 * 4);
EXACT(msg_mux_access, 6 * 8 + 3 * 4 + 3 * 2 + 4 * 18 + 2 + 4 + 256 + 40 + 32 +
    NAME_MAX_LEN);
EXACT(wire_sighting, 16 + 8 + 4 + 2 + 1 + 1);
EXACT(wire_state, 8 + 8 + 4 + 1 + 3 + PATTERN_MAX_LEN);
EXACT(wire_waiting, 8 * 8 + 3 * 4 + 2 * 2 + 8 + 64);
EXACT(msg_position, 11 * 8 + 2 * 4 + BOOT_LEN + PATH_MAX_LEN);
EXACT(msg_stats, 8 + WATCH_COUNTS * 8 + 2 * 8);
EXACT(wire_served, 4 * 8 + 18 + 6);
EXACT(msg_lift, 8 + 88);
EXACT(msg_boot, BOOT_LEN);
EXACT(msg_show, 8 + 2 * 4 + 18 + 1 + 5 + 8 + NAME_MAX_LEN);
EXACT(row_head, 2 * 4);
EXACT(row_ban, 160 + NAME_MAX_LEN);
EXACT(row_history, 184 + NAME_MAX_LEN + EVIDENCE_LEN);
EXACT(row_user, 8 + 2 * 4 + USER_ADDRS * (18 + 8) + NAME_MAX_LEN +
    PATTERN_MAX_LEN);
EXACT(row_match, 2 * 8 + 4 * 4 + NAME_MAX_LEN + KEY_SHOWN_LEN);
EXACT(row_pending, 4 * 8 + 32 + 18 + 2 + 3 * 4 + NAME_MAX_LEN + SUBJECT_LEN +
    ARGV_SHOWN_LEN);
EXACT(row_why, 648 + 2 * 4 + WHERE_MAX_LEN);
EXACT(row_line, 32 + 8 + 2 * 4 + NAME_MAX_LEN + EVIDENCE_LEN);
EXACT(row_pattern, 3 * 8 + 2 * 4 + NAME_MAX_LEN + WHERE_MAX_LEN);
EXACT(row_watch, 15 * 8 + 2 * 4 + NAME_MAX_LEN + PATH_MAX_LEN + TEXT_LEN);
EXACT(row_process, 4 * 4 + 3 * 8 + NAME_MAX_LEN + BUILD_ID_LEN);
EXACT(row_metric, 2 * 4 + 8);
EXACT(row_summary, 5 * 8 + 4 * 4 + BUILD_ID_LEN + 5 * TEXT_LEN);
EXACT(row_text, 1024);
EXACT(row_event, 184 + 16 + NAME_MAX_LEN + SUBJECT_LEN + EVIDENCE_LEN);
EXACT(row_notice, 536 + NAME_MAX_LEN);
EXACT(ctl_ban, 18 + 2 + 1 + 1 + 2 + 8 + EVIDENCE_LEN);

/* What a row says of its message. */
struct msg_row {
	const char	*name;
	uint32_t	 from, to;	/* ROLE_BIT()s */
	uint32_t	 states;	/* STATE_BIT()s of the receiver */
	int		 fd;		/* 1: carries one, 0: does not, or */
#define FD_MAYBE	2		/* ... when there is one */
	size_t		 size;		/* exact, or what comes before ... */
	size_t		 elem;		/* ... elements of this size, 0: none */
	size_t		 least;		/* elements at least */
	/* NULL if any bytes will do; else the fault, or NULL. */
	const char	*(*check)(const void *, size_t);
};

#define STATE_BIT(s)	(1u << (s))
#define LIVE		(STATE_BIT(STATE_STARTING) | STATE_BIT(STATE_RUNNING))
#define AT_WORK		(STATE_BIT(STATE_RUNNING) | STATE_BIT(STATE_STOPPING))
#define ALWAYS		(LIVE | AT_WORK)

#define P		ROLE_BIT(ROLE_PARENT)
#define R		ROLE_BIT(ROLE_RULES)
#define E		ROLE_BIT(ROLE_ENFORCER)
#define L		ROLE_BIT(ROLE_LEDGER)
#define C		ROLE_BIT(ROLE_CONTROL)
#define S		ROLE_BIT(ROLE_PARSER)
#define M		ROLE_BIT(ROLE_MUX)
#define X		ROLE_BIT(ROLE_CLIENT)
#define CONFIGURED	(E | L | C | S | M)
#define CHILDREN	(R | CONFIGURED)

#define NONE		0, 0, 0, NULL
#define NUMBER		sizeof(uint32_t), 0, 0, NULL
#define ONE(type, fn)	sizeof(struct type), 0, 0, fn
#define MANY(type, n, fn) 0, sizeof(struct type), n, fn

/* type, from, to, states of the receiver, descriptor, length and content */
#define ROW(type, from, to, states, fd, ...)				\
	[type] = { #type, from, to, states, fd, __VA_ARGS__ }

static const struct msg_row msg_table[M_MAX] = {
	ROW(M_READY, CHILDREN, P, ALWAYS, 0, ONE(msg_ready, check_ready)),
	ROW(M_CHANNEL, P, CHILDREN, LIVE, 1, ONE(msg_channel, check_channel)),
	ROW(M_VERBOSE, P, CHILDREN, ALWAYS, 0, NUMBER),
	ROW(M_STOP, P, CHILDREN, LIVE, 0, NONE),

	ROW(M_CONF_BEGIN, P, CONFIGURED, LIVE, 0, NUMBER),
	ROW(M_CONF_GLOBAL, P, CONFIGURED, LIVE, 0,
	    ONE(wire_global, check_global)),
	ROW(M_CONF_TABLE, P, CONFIGURED, LIVE, 0,
	    ONE(wire_table, check_table)),
	ROW(M_CONF_PREFIXES, P, CONFIGURED, LIVE, 0,
	    sizeof(struct wire_prefixes), sizeof(struct prefix), 1,
	    check_conf_prefixes),
	ROW(M_CONF_WATCH, P, CONFIGURED, LIVE, 0,
	    ONE(wire_watch, check_watch)),
	ROW(M_CONF_SOURCE, P, CONFIGURED, LIVE, 0,
	    ONE(wire_source, check_source)),
	ROW(M_CONF_LIMIT, P, CONFIGURED, LIVE, 0,
	    ONE(wire_limit, check_limit)),
	ROW(M_CONF_EXEMPT, P, CONFIGURED, LIVE, 0,
	    ONE(wire_exempt, check_exempt)),
	ROW(M_CONF_INBOUND, P, CONFIGURED, LIVE, 0,
	    ONE(wire_inbound, check_inbound)),
	ROW(M_CONF_ZONE, P, CONFIGURED, LIVE, 0, 0, 1, 1, NULL),
	ROW(M_CONF_END, P, CONFIGURED, LIVE, 0, NUMBER),
	ROW(M_CONF_READY, CONFIGURED, P, ALWAYS, 0, NUMBER),
	ROW(M_CONF_REFUSED, CONFIGURED, P, ALWAYS, 0,
	    ONE(msg_refused, check_refused)),
	ROW(M_CONF_COMMIT, P, CONFIGURED, LIVE, 0, NUMBER),
	ROW(M_CONF_ABORT, P, CONFIGURED, LIVE, 0, NUMBER),
	ROW(M_CONF_DONE, CONFIGURED, P, ALWAYS, 0, NUMBER),

	ROW(M_INOTIFY, P, S, LIVE, 1, NONE),
	ROW(M_FILE, P, S, AT_WORK, 1, ONE(msg_file, check_file)),
	ROW(M_FILE_DONE, S, P, ALWAYS, 0, NUMBER),

	ROW(M_BAN, S | C | M, E, AT_WORK, 0, ONE(wire_ban, check_ban)),
	ROW(M_UNBAN, C, E, AT_WORK, 0, ONE(msg_target, check_target)),
	ROW(M_KILL, C, E, AT_WORK, 0, ONE(msg_target, check_target)),
	ROW(M_BAN_EVENT, E, L | C | S | M, ALWAYS, 0,
	    ONE(wire_event, check_event)),
	ROW(M_RESTORE, L, E, AT_WORK, 0, MANY(wire_ban, 1, check_bans)),
	ROW(M_RESTORE_DONE, L, E, AT_WORK, 0, NONE),
	ROW(M_SESSIONS, P, E, ALWAYS, 0, MANY(prefix, 0, check_prefixes)),
	ROW(M_RESTORED, E, P, ALWAYS, 0, ONE(msg_outcome, check_outcome)),
	ROW(M_SETS_DESTROY, P, E, ALWAYS, 0, NONE),
	ROW(M_SETS_GONE, E, P, ALWAYS, 0, ONE(msg_outcome, check_outcome)),

	ROW(M_RULES_INSTALL, P, R, LIVE, 0, ONE(msg_rules, check_rules)),
	ROW(M_RULES_REMOVE, P, R, LIVE, 0, ONE(msg_rules, check_rules)),
	ROW(M_RULES_OUTCOME, R, P, ALWAYS, 0,
	    ONE(msg_outcome, check_outcome)),
	ROW(M_RULES_DRIFT, E, P, ALWAYS, 0, ONE(msg_outcome, check_outcome)),

	ROW(M_CHECKPOINT, S, L, AT_WORK, 0, ONE(msg_checkpoint, NULL)),
	ROW(M_DECISION, S | C, L, AT_WORK, 0,
	    ONE(msg_decision, check_decision)),
	ROW(M_CHECKPOINT_END, S, L, AT_WORK, 0, ONE(msg_checkpoint, NULL)),
	ROW(M_COMMITTED, L, S, AT_WORK, 0, ONE(msg_checkpoint, NULL)),
	ROW(M_LEDGER_STATE, L, C, ALWAYS, 0,
	    ONE(msg_outcome, check_outcome)),

	/* Control serves before the last of its siblings is at work. */
	ROW(M_SHOW, C, P | E | L | S | M, ALWAYS, 0,
	    ONE(msg_show, check_show)),
	ROW(M_ROW, P | E | L | S | M | C, C | X, ALWAYS, 0,
	    sizeof(struct row_head), 1, 1, check_row),
	ROW(M_SHOW_END, P | E | L | S | M, C, ALWAYS, 0,
	    ONE(msg_show, check_show)),
	ROW(M_RESULT, P | E | L | S | M | C, C | X, ALWAYS, 0,
	    ONE(msg_outcome, check_outcome)),
	ROW(M_FORGIVE, C, S | L, ALWAYS, 0, ONE(msg_target, check_target)),
	ROW(M_RELOAD, C, P, ALWAYS, 0, NONE),
	ROW(M_REOPEN, C, P, ALWAYS, 0, NONE),
	ROW(M_SET_VERBOSE, C, P, ALWAYS, 0, NUMBER),
	ROW(M_COUNTERS_GET, C, P | E | L | S | M, ALWAYS, 0, NONE),
	ROW(M_COUNTERS, P | E | L | S | M, C, ALWAYS, 0,
	    sizeof(uint64_t) * COUNTER_MAX, 0, 0, NULL),
	ROW(M_NOTICE, P | E | L | S | M, C, ALWAYS, 0,
	    ONE(wire_notice, check_notice)),
	ROW(M_AUDIT_LOG, P, C, ALWAYS, 1, NONE),
	ROW(M_LISTENER, P, C, LIVE, 1, NONE),

	ROW(C_SHOW, X, C, ALWAYS, 0, ONE(msg_show, check_show)),
	ROW(C_MONITOR, X, C, ALWAYS, 0, NUMBER),
	ROW(C_BAN, X, C, ALWAYS, 0, ONE(ctl_ban, check_ctl_ban)),
	ROW(C_UNBAN, X, C, ALWAYS, 0, ONE(msg_target, check_target)),
	ROW(C_FORGIVE, X, C, ALWAYS, 0, ONE(msg_target, check_target)),
	ROW(C_KILL, X, C, ALWAYS, 0, ONE(msg_target, check_target)),
	ROW(C_RELOAD, X, C, ALWAYS, 0, NONE),
	ROW(C_REOPEN, X, C, ALWAYS, 0, NONE),
	ROW(C_VERBOSE, X, C, ALWAYS, 0, NUMBER),
	ROW(C_END, C, X, ALWAYS, 0, NONE),

	ROW(M_CONF_STATUS, P, C, LIVE, 0, ONE(wire_status, check_status)),
	ROW(M_STATUS_LISTENER, P, C, ALWAYS, 1,
	    ONE(wire_status, check_status)),

	ROW(M_STATE_CLEAR, S, L, AT_WORK, 0, NONE),
	ROW(M_STATE, S | L, S | L, AT_WORK, 0, sizeof(struct wire_state),
	    sizeof(struct wire_sighting), 0, check_state),
	ROW(M_POSITION, S | L, P | S | L, ALWAYS, 0,
	    ONE(msg_position, check_position)),
	ROW(M_WATCH_STATS, S | L, S | L, AT_WORK, 0,
	    ONE(msg_stats, check_stats)),
	ROW(M_RESUME, S, L, AT_WORK, 0, NONE),
	ROW(M_RESUME_BAN, L, S, AT_WORK, 0,
	    MANY(wire_served, 1, check_served)),
	ROW(M_RESUME_LIFT, L, S, AT_WORK, 0, ONE(msg_lift, check_lift)),
	ROW(M_RESUME_DONE, L, S, AT_WORK, 0,
	    ONE(msg_outcome, check_outcome)),
	ROW(M_LEDGER_FRESH, L, S, AT_WORK, 0, NONE),
	ROW(M_FILES_DONE, P, S, AT_WORK, 0, ONE(msg_boot, check_boot)),

	/* Strings follow: as many bytes as there are. */
	ROW(M_CONF_PATTERN, P, CONFIGURED, LIVE, 0,
	    sizeof(struct wire_pattern), 1, 1, check_pattern),
	ROW(M_CONF_FILTER, P, CONFIGURED, LIVE, 0,
	    ONE(wire_filter, check_filter)),
	ROW(M_CONF_IGNORE, P, CONFIGURED, LIVE, 0,
	    sizeof(struct wire_ignore), 1, 1, check_ignore),
	ROW(M_CONF_RUN, P, CONFIGURED, LIVE, 0,
	    sizeof(struct wire_run), 1, 1, check_conf_run),

	ROW(M_STREAM, P, S, AT_WORK, 1, ONE(msg_stream, check_stream)),
	ROW(M_STREAM_DONE, S, P, ALWAYS, 0,
	    ONE(msg_stream_done, check_stream_done)),

	ROW(M_RESUME_GROWTH, L, S, AT_WORK, 0,
	    MANY(wire_growth, 1, check_growth)),

	ROW(M_RUN, L, P, ALWAYS, 0, sizeof(struct msg_run), 1, 0, check_run),
	ROW(M_RUN_DONE, P, L, ALWAYS, 0, ONE(msg_run_done, check_run_done)),
	ROW(M_RUN_EXIT, P, L, ALWAYS, 0, NONE),
	ROW(M_RUN_EXITED, L, P, ALWAYS, 0, NUMBER),
	ROW(M_RUN_MAX, P, L, AT_WORK, 0, NUMBER),

	ROW(M_FLUSH, C, L, ALWAYS, 0, ONE(msg_flush, check_flush)),
	ROW(M_TRIGGER, C, S, ALWAYS, 0, ONE(msg_trigger, check_trigger)),
	ROW(C_FLUSH, X, C, ALWAYS, 0, ONE(msg_flush, check_flush)),
	ROW(C_TRIGGER, X, C, ALWAYS, 0, ONE(msg_trigger, check_trigger)),
	ROW(M_EVIDENCE, S, L, AT_WORK, 0, ONE(msg_evidence, check_evidence)),
	ROW(M_CUT, S, L, AT_WORK, 0, NONE),
	ROW(M_RESUME_DECIDED, L, S, AT_WORK, 0,
	    MANY(wire_decided, 1, check_decided)),
	ROW(M_WAITING, S | L, S | L, AT_WORK, 0, sizeof(struct wire_waiting),
	    1, 0, check_waiting),

	ROW(M_CONF_MUX, P, CONFIGURED, LIVE, 0, ONE(wire_mux, check_conf_mux)),
	ROW(M_CONF_POOL, P, CONFIGURED, LIVE, 0,
	    ONE(wire_pool, check_conf_pool)),
	ROW(M_CONF_MEMBER, P, CONFIGURED, LIVE, 0,
	    ONE(wire_member, check_conf_member)),
	ROW(M_CONF_TAP, P, CONFIGURED, LIVE, 0, ONE(wire_tap, check_conf_tap)),
	ROW(M_CONF_LISTENER, P, CONFIGURED, LIVE, 0,
	    ONE(wire_listener, check_conf_listener)),
	ROW(M_CONF_BIND, P, CONFIGURED, LIVE, 0,
	    ONE(wire_bind, check_conf_bind)),
	ROW(M_CONF_OFFENCE, P, CONFIGURED, LIVE, 0,
	    ONE(wire_offence, check_conf_offence)),
	ROW(M_CONF_ROUTE, P, CONFIGURED, LIVE, 0,
	    ONE(wire_route, check_conf_route)),
	ROW(M_CONF_COND, P, CONFIGURED, LIVE, 0, sizeof(struct wire_cond), 1,
	    0, check_conf_cond),

	ROW(M_CONF_RELAY, P, M | E, LIVE, 0,
	    ONE(wire_relay, check_conf_relay)),
	ROW(M_CONF_RELAY_CLIENT, P, M, LIVE, 0,
	    sizeof(struct wire_relay_client), 1, 0, check_conf_relay_client),
	ROW(M_CONF_RELAY_SERVER, P, M | E, LIVE, 0,
	    ONE(wire_relay_server, check_conf_relay_server)),

	ROW(M_MUX_TABLE, P, M | C, LIVE, 1, NONE),
	ROW(M_MUX_SOCKET, P, M, LIVE, 1, ONE(msg_mux_socket, NULL)),
	ROW(M_MUX_FORGET, P, M, LIVE, 0, ONE(msg_mux_socket, NULL)),
	ROW(M_MUX_WORKER, P, M, LIVE, 0, ONE(msg_mux_worker, NULL)),
	ROW(M_MUX_WANT, M, P, ALWAYS, 0, ONE(msg_mux_want, NULL)),
	ROW(M_MUX_GIVE, P, M, ALWAYS, FD_MAYBE, ONE(msg_mux_want, NULL)),
	ROW(M_MUX_CLEAR, M, E, ALWAYS, 0, ONE(msg_mux_want, NULL)),
	ROW(M_MUX_CLEARED, E, M, ALWAYS, FD_MAYBE,
	    ONE(msg_mux_want, NULL)),
	ROW(M_MUX_TPROXY, M, E, ALWAYS, 1, NONE),
	ROW(M_MUX_RESOLVED, C, M, ALWAYS, 0,
	    ONE(msg_mux_resolved, check_mux_resolved)),
	ROW(M_MUX_ADMIN, C, M, ALWAYS, 0, ONE(msg_mux_admin, NULL)),
	ROW(M_MUX_DECISION, M, C, ALWAYS, 0,
	    ONE(msg_decision, check_decision)),
	ROW(M_MUX_ACCESS, M, C, ALWAYS, 0,
	    ONE(msg_mux_access, check_mux_access)),
	ROW(M_ACCESS_LOG, P, C, ALWAYS, 1, NUMBER),
	ROW(M_RESOLVER, P, C, ALWAYS, 0, ONE(msg_resolver, check_resolver)),
	ROW(M_HOST, P, C, ALWAYS, 0, ONE(msg_host, check_host)),
	ROW(M_MUX_MONITOR, C, M, ALWAYS, 0, NUMBER),
	ROW(C_POOL, X, C, ALWAYS, 0, ONE(ctl_pool, check_ctl_pool)),

	ROW(M_MUX_FLOW, P | M, P | M, AT_WORK, 1,
	    ONE(msg_mux_flow, check_mux_flow)),
	ROW(M_MUX_MOVE, P | M, P | M, AT_WORK, 0,
	    ONE(msg_mux_move, check_mux_move))
};

_Static_assert(sizeof(struct wire_state) + STATE_SIGHTINGS *
    sizeof(struct wire_sighting) + IMSG_HEADER_SIZE <= IMSG_MAX,
    "a part of a state fits in a message");
_Static_assert(sizeof(struct row_head) + sizeof(struct row_summary) +
    IMSG_HEADER_SIZE <= IMSG_MAX, "the longest row fits in a message");

const char *
msg_name(uint32_t type)
{
	if (type >= M_MAX || msg_table[type].name == NULL)
		return "an unknown message";
	return msg_table[type].name;
}

static int
size_ok(const struct msg_row *row, size_t len)
{
	if (row->elem == 0)
		return len == row->size;
	return len >= row->size + row->least * row->elem &&
	    (len - row->size) % row->elem == 0;
}

const char *
msg_fault(uint32_t type, const void *data, size_t len)
{
	const struct msg_row *row;

	if (type >= M_MAX || msg_table[type].name == NULL)
		return "no such message";
	row = &msg_table[type];
	if (!size_ok(row, len))
		return "of the wrong length";
	return row->check == NULL ? NULL : row->check(data, len);
}

int
msg_check(uint32_t type, enum role from, enum role to, enum proc_state state,
    const void *data, size_t len, int has_fd, const char **why)
{
	const struct msg_row *row;

	*why = NULL;
	if (type >= M_MAX || msg_table[type].name == NULL)
		*why = "no such message";
	else if (row = &msg_table[type], (row->from & ROLE_BIT(from)) == 0)
		*why = "not its sender's to say";
	else if ((row->to & ROLE_BIT(to)) == 0)
		*why = "not for this process";
	else if (state != STATE_ANY && (row->states & STATE_BIT(state)) == 0)
		*why = "not in this state";
	else if (has_fd && !row->fd)
		*why = "with a descriptor that does not belong";
	else if (!has_fd && row->fd == 1)
		*why = "without its descriptor";
	else
		*why = msg_fault(type, data, len);
	return *why == NULL ? 0 : -1;
}

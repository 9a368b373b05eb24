/*
 * What each kind of row has: the one table behind the text, the JSON and the
 * manual.  A key that was once published is never renamed.
 */
#include "ctl_output.h"
#include "msg.h"

#define SIZE(s, m)	sizeof(((struct s *)0)->m)
#define COL(title, key, type, s, m, width, flags)			\
	{ title, key, COL_##type, offsetof(struct s, m), SIZE(s, m),	\
	    width, flags }
#define END		{ NULL, NULL, COL_MAX, 0, 0, 0, 0 }
#define JSON		COLF_JSON
#define TEXT		COLF_TEXT
#define SOME		COLF_SOME
#define BELOW		COLF_BELOW
#define RIGHT		COLF_RIGHT

static const struct column bans[] = {
	COL("ADDRESS", "address", PREFIX, row_ban, ban.prefix, 23, 0),
	COL("PORT", "port", SERVICE, row_ban, ban, 9, 0),
	COL("LEFT", "left_ms", LEFT, row_ban, ban.end, 7, 0),
	COL("UNTIL", "until", TIME, row_ban, ban.end, 12, 0),
	COL("WATCH", "watch", STR, row_ban, watch, 8, 0),
	COL("USER", "user", SAFE, row_ban, ban.subject, 0, 0),
	COL("", "since", TIME, row_ban, ban.start, 0, JSON),
	COL("", "offender", OFFENDER, row_ban, ban, 0, JSON),
	COL("", "id", ID, row_ban, ban.id, 0, JSON),
	END
};

static const struct column history[] = {
	COL("TIME", "since", TIME, row_history, event.ban.start, 12, 0),
	COL("ADDRESS", "address", PREFIX, row_history, event.ban.prefix, 23,
	    0),
	COL("PORT", "port", SERVICE, row_history, event.ban, 9, 0),
	COL("WATCH", "watch", STR, row_history, watch, 8, 0),
	COL("USER", "user", SAFE, row_history, event.ban.subject, 0, 0),
	COL("", "result", OUTCOME, row_history, event.outcome, 0, BELOW),
	COL("for", "length_ms", LENGTH, row_history, event.ban, 0, BELOW),
	COL("", "until", TIME, row_history, event.ban.end, 0, JSON),
	COL("", "result_at", TIME, row_history, event.at, 0, JSON),
	COL("killed", "killed", NUM, row_history, event.count, 0,
	    BELOW | SOME),
	COL("error", "error", ERRNO, row_history, event.error, 0,
	    BELOW | SOME),
	COL("", "offender", OFFENDER, row_history, event.ban, 0, JSON),
	COL("", "id", ID, row_history, event.ban.id, 0, JSON),
	COL("", "evidence", SAFE, row_history, evidence, 0, BELOW),
	END
};

static const struct column users[] = {
	COL("USER", "user", SAFE, row_user, user, 24, 0),
	COL("WATCH", "watch", STR, row_user, watch, 8, 0),
	COL("LIMIT", "limit", NUM, row_user, limit, 5, RIGHT),
	COL("ADDRS", "count", NUM, row_user, naddrs, 5, RIGHT),
	{ "ADDRESS, LAST SEEN", "addresses", COL_ADDRS, 0,
	    sizeof(struct row_user), 0, 0 },
	END
};

static const struct column watches[] = {
	COL("watch", "watch", STR, row_watch, name, 0, 0),
	COL("source", "source", STR, row_watch, source, 0, 0),
	COL("files open", "files", NUM, row_watch, files, 0, 0),
	COL("last line", "last", AGE, row_watch, last, 0, 0),
	COL("lines", "lines", NUM, row_watch, lines, 0, 0),
	COL("bytes", "bytes", NUM, row_watch, bytes, 0, 0),
	COL("matches", "matches", NUM, row_watch, matches, 0, 0),
	COL("offences", "offences", NUM, row_watch, offences, 0, 0),
	COL("users", "users", NUM, row_watch, users, 0, 0),
	COL("unparsed", "unparsed", NUM, row_watch, unparsed, 0, SOME),
	COL("forwarded", "forwarded", NUM, row_watch, forwarded, 0, SOME),
	COL("masked", "masked", NUM, row_watch, masked, 0, SOME),
	COL("skewed", "skewed", NUM, row_watch, skewed, 0, SOME),
	COL("lost", "lost", NUM, row_watch, lost, 0, SOME),
	COL("ignored", "ignored", NUM, row_watch, ignored, 0, SOME),
	COL("cancelled", "cancelled", NUM, row_watch, cancelled, 0, SOME),
	COL("limits hit", "limits", NUM, row_watch, limits, 0, SOME),
	COL("dry run", "dry_run", BOOL, row_watch, dry_run, 0, SOME),
	COL("notice", "notice", SAFE, row_watch, notice, 0, 0),
	END
};

static const struct column processes[] = {
	COL("PROCESS", "process", ROLE, row_process, role, 9, 0),
	COL("PID", "pid", NUM, row_process, pid, 8, RIGHT),
	COL("ACCOUNT", "account", SAFE, row_process, user, 10, 0),
	COL("STATE", "state", STATE, row_process, state, 8, 0),
	COL("OWN", "pss_bytes", SIZE, row_process, pss, 7, RIGHT),
	COL("RESIDENT", "rss_bytes", SIZE, row_process, rss, 8, RIGHT),
	COL("UP", "started", AGE, row_process, started, 20, 0),
	COL("", "uid", NUM, row_process, uid, 0, JSON),
	COL("", "build", SAFE, row_process, build, 0, JSON),
	END
};

static const struct column metrics[] = {
	COL("METRIC", "name", C_NAME, row_metric, counter, 42, 0),
	COL("VALUE", "value", NUM, row_metric, value, 20, RIGHT),
	COL("PROCESS", "process", C_ROLE, row_metric, counter, 0, 0),
	COL("", "kind", C_KIND, row_metric, counter, 0, JSON),
	COL("", "help", C_HELP, row_metric, counter, 0, JSON),
	END
};

static const struct column summary[] = {
	{ "refract", "healthy", COL_HEALTH, 0, sizeof(struct row_summary), 0,
	    0 },
	COL("started", "started", AGE, row_summary, started, 0, 0),
	COL("version", "version", SAFE, row_summary, version, 0, 0),
	COL("", "generation", NUM, row_summary, generation, 0, JSON),
	COL("bans", "bans", NUM, row_summary, bans, 0, 0),
	COL("offences", "offences", NUM, row_summary, offences, 0, 0),
	COL("lines", "lines", NUM, row_summary, lines, 0, 0),
	COL("users", "users", NUM, row_summary, users, 0, 0),
	COL("watches", "watches", NUM, row_summary, watches, 0, 0),
	COL("processes", "processes", NUM, row_summary, processes, 0, 0),
	COL("clients", "clients", NUM, row_summary, clients, 0, 0),
	COL("ledger", "ledger", TROUBLE, row_summary, ledger, 0, 0),
	{ "notice", "notices", COL_NOTICES,
	    offsetof(struct row_summary, notices), SIZE(row_summary, notices),
	    0, 0 },
	END
};

static const struct column config[] = {
	COL("", "text", SAFE, row_text, text, 0, 0),
	END
};

static const struct column events[] = {
	{ "event", "record", COL_RECORD, 0, 0, 0, JSON },
	COL("", "time", STAMP, row_event, event.at, 0, 0),
	COL("", "action", WORD, row_event, what, 0, 0),
	COL("", "address", PREFIX, row_event, event.ban.prefix, 0, 0),
	COL("", "port", SERVICE, row_event, event.ban, 0, 0),
	COL("offender", "offender", OFFENDER, row_event, event.ban, 0, 0),
	COL("watch", "watch", STR, row_event, watch, 0, 0),
	COL("user", "user", SAFE, row_event, event.ban.subject, 0, 0),
	COL("until", "until", STAMP, row_event, event.ban.end, 0, 0),
	COL("by", "by", STR, row_event, by, 0, 0),
	COL("note", "note", SAFE, row_event, why, 0, 0),
	COL("error", "error", ERRNO, row_event, event.error, 0, SOME),
	COL("killed", "killed", NUM, row_event, event.count, 0, SOME),
	COL("", "result", OUTCOME, row_event, event.outcome, 0, JSON),
	COL("", "id", ID, row_event, event.ban.id, 0, JSON),
	END
};

static const struct column notices[] = {
	{ "notice", "record", COL_RECORD, 0, 0, 0, JSON },
	COL("", "time", STAMP, row_notice, notice.at, 0, 0),
	COL("", "kind", KIND, row_notice, notice.kind, 0, 0),
	COL("watch", "watch", STR, row_notice, watch, 0, 0),
	COL("", "sticky", BOOL, row_notice, notice.sticky, 0, JSON),
	COL("", "text", SAFE, row_notice, notice.text, 0, 0),
	END
};

static const struct column matches[] = {
	COL("KEY", "key", SAFE, row_match, key, 32, 0),
	COL("WATCH", "watch", STR, row_match, watch, 8, 0),
	COL("COUNT", "count", NUM, row_match, count, 5, RIGHT),
	COL("OF", "after", NUM, row_match, after, 5, RIGHT),
	COL("BANS", "bans", NUM, row_match, bans, 5, RIGHT),
	COL("LAST", "last", TIME, row_match, last, 0, 0),
	END
};

static const struct column patterns[] = {
	COL("WATCH", "watch", STR, row_pattern, watch, 8, 0),
	COL("TRIED", "tried", NUM, row_pattern, tried, 10, RIGHT),
	COL("MATCHED", "matched", NUM, row_pattern, hits, 10, RIGHT),
	COL("LIMITS", "limits", NUM, row_pattern, limits, 6, RIGHT),
	COL("WHERE", "where", SAFE, row_pattern, where, 0, 0),
	END
};

static const struct column pending[] = {
	COL("DUE", "due", TIME, row_pending, due, 12, 0),
	COL("ADDRESS", "address", PREFIX, row_pending, addr, 23, 0),
	COL("STATE", "state", RUN_STATE, row_pending, state, 7, 0),
	COL("WATCH", "watch", STR, row_pending, watch, 12, 0),
	COL("KEY", "key", SAFE, row_pending, key, 0, 0),
	COL("", "command", SAFE, row_pending, argv, 0, BELOW),
	COL("on", "on", WHEN, row_pending, when, 0, BELOW | SOME),
	{ "", "status", COL_STATUS, 0, sizeof(struct row_pending), 0, BELOW },
	COL("", "since", TIME, row_pending, at, 0, JSON),
	COL("", "changed", TIME, row_pending, changed, 0, JSON),
	COL("", "number", NUM, row_pending, row, 0, JSON),
	END
};

static const struct column why[] = {
	COL("TIME", "since", TIME, row_why, h.event.ban.start, 12, 0),
	COL("ADDRESS", "address", PREFIX, row_why, h.event.ban.prefix, 23, 0),
	COL("PORT", "port", SERVICE, row_why, h.event.ban, 9, 0),
	COL("WATCH", "watch", STR, row_why, h.watch, 8, 0),
	COL("USER", "user", SAFE, row_why, h.event.ban.subject, 0, 0),
	COL("", "result", OUTCOME, row_why, h.event.outcome, 0, BELOW),
	COL("for", "length_ms", LENGTH, row_why, h.event.ban, 0, BELOW),
	COL("counted", "count", NUM, row_why, count, 0, BELOW | SOME),
	COL("by", "pattern", STR, row_why, pattern, 0, BELOW),
	COL("killed", "killed", NUM, row_why, h.event.count, 0, BELOW | SOME),
	COL("error", "error", ERRNO, row_why, h.event.error, 0, BELOW | SOME),
	COL("", "until", TIME, row_why, h.event.ban.end, 0, JSON),
	COL("", "result_at", TIME, row_why, h.event.at, 0, JSON),
	COL("", "offender", OFFENDER, row_why, h.event.ban, 0, JSON),
	COL("", "id", ID, row_why, h.event.ban.id, 0, JSON),
	COL("", "evidence", SAFE, row_why, h.evidence, 0, JSON),
	END
};

static const struct column lines[] = {
	COL("TIME", "time", TIME, row_line, at, 12, 0),
	COL("WATCH", "watch", STR, row_line, watch, 8, 0),
	COL("LINE", "line", SAFE, row_line, text, 0, 0),
	COL("", "number", NUM, row_line, number, 0, JSON),
	COL("", "id", ID, row_line, id, 0, JSON),
	END
};

static const struct column listeners[] = {
	COL("LISTENER", "listener", STR, row_listener, name, 15, 0),
	COL("NOW", "connections", NUM, row_listener, connections, 6, RIGHT),
	COL("TOTAL", "total", NUM, row_listener, total, 9, RIGHT),
	COL("LIMITED", "limited", NUM, row_listener, limited, 8, RIGHT),
	COL("IN", "bytes_in", SIZE, row_listener, bytes[0], 8, RIGHT),
	COL("OUT", "bytes_out", SIZE, row_listener, bytes[1], 8, RIGHT),
	COL("ON", "on", STR, row_listener, on, 0, 0),
	COL("ended:", "ended", ENDED, row_listener, ended, 0, BELOW),
	COL("refused by limits: connections", "limited_connections", NUM,
	    row_listener, limits[0], 0, BELOW | SOME),
	COL("per address", "limited_address", NUM, row_listener, limits[1], 0,
	    BELOW | SOME),
	COL("rate", "limited_rate", NUM, row_listener, limits[2], 0,
	    BELOW | SOME),
	END
};

#define LATENCY(row)							\
	COL("connect p50", "connect_p50_us", USEC, row,			\
	    latency.connect[0], 0, BELOW | SOME),			\
	COL("p99", "connect_p99_us", USEC, row, latency.connect[1], 0,	\
	    BELOW | SOME),						\
	COL("first byte p50", "first_p50_us", USEC, row,		\
	    latency.first[0], 0, BELOW | SOME),				\
	COL("p99", "first_p99_us", USEC, row, latency.first[1], 0,	\
	    BELOW | SOME)

static const struct column routes[] = {
	COL("LISTENER", "listener", STR, row_route, listener, 15, 0),
	COL("NOW", "connections", NUM, row_route, connections, 6, RIGHT),
	COL("TOTAL", "total", NUM, row_route, total, 9, RIGHT),
	COL("ERRORS", "errors", NUM, row_route, errors, 8, RIGHT),
	COL("IN", "bytes_in", SIZE, row_route, bytes[0], 8, RIGHT),
	COL("OUT", "bytes_out", SIZE, row_route, bytes[1], 8, RIGHT),
	COL("ROUTE", "route", SAFE, row_route, label, 0, 0),
	COL("to", "to", STR, row_route, to, 0, BELOW),
	LATENCY(row_route),
	END
};

static const struct column members[] = {
	COL("POOL", "pool", STR, row_member, pool, 15, 0),
	COL("NOW", "connections", NUM, row_member, connections, 6, RIGHT),
	COL("TOTAL", "total", NUM, row_member, total, 9, RIGHT),
	COL("ERRORS", "errors", NUM, row_member, errors, 8, RIGHT),
	COL("STATE", "state", MEMBER, row_member, state, 8, 0),
	COL("MEMBER", "member", STR, row_member, name, 0, 0),
	COL("in", "bytes_in", SIZE, row_member, bytes[0], 0, BELOW | SOME),
	COL("out", "bytes_out", SIZE, row_member, bytes[1], 0, BELOW | SOME),
	COL("weight", "weight", NUM, row_member, weight, 0, BELOW),
	COL("backup", "backup", BOOL, row_member, backup, 0, BELOW | SOME),
	COL("down since", "down_since", TIME, row_member, since, 0, BELOW),
	LATENCY(row_member),
	COL("is", "addresses", STR, row_member, addrs, 0, BELOW),
	END
};

static const struct column connections[] = {
	COL("FROM", "from", ENDPOINT, row_connection, from, 24, 0),
	COL("LISTENER", "listener", STR, row_connection, listener, 12, 0),
	COL("PROTO", "protocol", SAFE, row_connection, proto, 8, 0),
	COL("AGE", "began", AGE, row_connection, began, 7, RIGHT),
	COL("IN", "bytes_in", SIZE, row_connection, bytes[0], 7, RIGHT),
	COL("OUT", "bytes_out", SIZE, row_connection, bytes[1], 7, RIGHT),
	COL("STATE", "state", SAFE, row_connection, state, 0, 0),
	COL("name", "name", SAFE, row_connection, name, 0, BELOW),
	COL("to", "to", ENDPOINT, row_connection, to, 0, BELOW),
	COL("route", "route", SAFE, row_connection, route, 0, BELOW),
	COL("pool", "pool", STR, row_connection, pool, 0, JSON),
	COL("member", "member", STR, row_connection, member, 0, BELOW),
	COL("", "server", ENDPOINT, row_connection, server, 0, JSON),
	COL("via", "via", ENDPOINT, row_connection, via, 0, BELOW),
	COL("", "id", NUM, row_connection, id, 0, JSON),
	COL("", "worker", NUM, row_connection, worker, 0, JSON),
	END
};

static const struct column accesses[] = {
	{ "connection", "record", COL_RECORD, 0, 0, 0, JSON },
	COL("", "time", STAMP, row_access, at, 0, 0),
	COL("listen", "listener", STR, row_access, listener, 0, 0),
	COL("from", "from", ENDPOINT, row_access, from, 0, 0),
	COL("to", "to", ENDPOINT, row_access, to, 0, 0),
	COL("protocol", "protocol", SAFE, row_access, proto, 0, 0),
	COL("name", "name", SAFE, row_access, name, 0, 0),
	COL("alpn", "alpn", SAFE, row_access, alpn, 0, 0),
	COL("ja4", "ja4", SAFE, row_access, ja4, 0, 0),
	COL("route", "route", SAFE, row_access, route, 0, 0),
	COL("pool", "pool", STR, row_access, pool, 0, 0),
	COL("member", "member", STR, row_access, member, 0, 0),
	COL("server", "server", ENDPOINT, row_access, server, 0, 0),
	COL("via", "via", ENDPOINT, row_access, via, 0, 0),
	COL("lasted", "lasted_ms", MSEC, row_access, lasted, 0, 0),
	COL("waited", "waited_ms", MSEC, row_access, waited, 0, 0),
	COL("in", "bytes_in", NUM, row_access, bytes[0], 0, 0),
	COL("out", "bytes_out", NUM, row_access, bytes[1], 0, 0),
	COL("end", "end", SAFE, row_access, why, 0, 0),
	COL("", "id", NUM, row_access, id, 0, JSON),
	COL("", "worker", NUM, row_access, worker, 0, JSON),
	END
};

static const struct rowtype types[SHOW_MAX] = {
	[SHOW_SUMMARY] = { sizeof(struct row_summary), LAYOUT_BLOCK, summary,
	    NULL, 1 },
	[SHOW_BANS] = { sizeof(struct row_ban), LAYOUT_TABLE, bans,
	    "no bans", 0 },
	[SHOW_HISTORY] = { sizeof(struct row_history), LAYOUT_TABLE, history,
	    "no history", 0 },
	[SHOW_USERS] = { sizeof(struct row_user), LAYOUT_TABLE, users,
	    "no users", 0 },
	[SHOW_WATCHES] = { sizeof(struct row_watch), LAYOUT_BLOCK, watches,
	    "no watches", 0 },
	[SHOW_PROCESSES] = { sizeof(struct row_process), LAYOUT_TABLE,
	    processes, "no processes", 0 },
	[SHOW_CONFIG] = { sizeof(struct row_text), LAYOUT_TEXT, config, NULL,
	    0 },
	[SHOW_METRICS] = { sizeof(struct row_metric), LAYOUT_TABLE, metrics,
	    "no metrics", 0 },
	[SHOW_EVENT] = { sizeof(struct row_event), LAYOUT_LINE, events, NULL,
	    0 },
	[SHOW_NOTICE] = { sizeof(struct row_notice), LAYOUT_LINE, notices,
	    NULL, 0 },
	[SHOW_MATCHES] = { sizeof(struct row_match), LAYOUT_TABLE, matches,
	    "no matches", 0 },
	[SHOW_PATTERNS] = { sizeof(struct row_pattern), LAYOUT_TABLE,
	    patterns, "no patterns", 0 },
	[SHOW_PENDING] = { sizeof(struct row_pending), LAYOUT_TABLE, pending,
	    "no commands wait", 0 },
	[SHOW_WHY] = { sizeof(struct row_why), LAYOUT_TABLE, why,
	    "nothing is known of it", 0 },
	[SHOW_LINES] = { sizeof(struct row_line), LAYOUT_TABLE, lines,
	    "no lines", 0 },
	[SHOW_LISTENERS] = { sizeof(struct row_listener), LAYOUT_TABLE,
	    listeners, "no listeners", 0 },
	[SHOW_ROUTES] = { sizeof(struct row_route), LAYOUT_TABLE, routes,
	    "no routes", 0 },
	[SHOW_POOLS] = { sizeof(struct row_member), LAYOUT_TABLE, members,
	    "no pools", 0 },
	[SHOW_CONNECTIONS] = { sizeof(struct row_connection), LAYOUT_TABLE,
	    connections, "no connections", 0 },
	[SHOW_ACCESS] = { sizeof(struct row_access), LAYOUT_LINE, accesses,
	    NULL, 0 }
};

/* What `why` is made of, in this order. */
const struct why_part why_parts[WHY_PARTS] = {
	{ SHOW_BANS, "bans", "In force" },
	{ SHOW_WHY, "decisions", "Decisions" },
	{ SHOW_LINES, "lines", "Lines that counted" },
	{ SHOW_PENDING, "commands", "Commands" }
};

const struct rowtype *
row_type(uint32_t what)
{
	if (what >= SHOW_MAX || types[what].size == 0)
		return NULL;
	return &types[what];
}

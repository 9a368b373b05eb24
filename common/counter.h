/*
 * Every number the suite counts, in one table: `refractctl show metrics`, the
 * status page and Prometheus all print this table and nothing else.
 * A process counts in its own array; control asks for it (M_COUNTERS_GET).
 */
#ifndef COUNTER_H
#define COUNTER_H

#include <stdint.h>

#include "role.h"

enum counter_kind { COUNTER_TOTAL, COUNTER_GAUGE };

/*
 * C(ID, role that counts it, kind, prometheus name, help)
 * Totals end in _total.  Keep rows of one role together; append only.
 */
#define COUNTER_LIST							\
C(PARSER_LINES, PARSER, TOTAL, "refract_lines_total",			\
    "Log lines read")							\
C(PARSER_BYTES, PARSER, TOTAL, "refract_log_bytes_total",		\
    "Log bytes read")							\
C(PARSER_MATCHES, PARSER, TOTAL, "refract_matches_total",		\
    "Log lines that counted for a rule")				\
C(PARSER_UNPARSED, PARSER, TOTAL, "refract_lines_unparsed_total",	\
    "Log lines that no grammar or pattern knew")			\
C(PARSER_LONG, PARSER, TOTAL, "refract_lines_too_long_total",		\
    "Log lines skipped because they were longer than 64 KiB")		\
C(PARSER_MASKED, PARSER, TOTAL, "refract_lines_masked_total",		\
    "Log lines whose address was masked by the logging program")	\
C(PARSER_FORWARDED, PARSER, TOTAL, "refract_lines_forwarded_total",	\
    "Log lines whose address came from a forgeable header (port 0)")	\
C(PARSER_OFFENCES, PARSER, TOTAL, "refract_offences_total",		\
    "Decisions to ban")							\
C(PARSER_EVICTED, PARSER, TOTAL, "refract_state_evicted_total",		\
    "Users or keys forgotten because a table was full")			\
C(PARSER_LOST, PARSER, TOTAL, "refract_log_bytes_lost_total",		\
    "Log bytes that were gone before they could be read")		\
C(PARSER_GAPS, PARSER, TOTAL, "refract_log_gaps_total",			\
    "Times that log bytes were gone before they could be read")		\
C(PARSER_SKEWED, PARSER, TOTAL, "refract_lines_skewed_total",		\
    "Live log lines dated more than 60 s off the clock")		\
C(PARSER_USERS, PARSER, GAUGE, "refract_users",				\
    "Users and keys that are remembered now")				\
C(PARSER_FILES, PARSER, GAUGE, "refract_log_files",			\
    "Log files that are open now")					\
C(ENF_BANS, ENFORCER, GAUGE, "refract_bans",				\
    "Bans in force now")						\
C(ENF_ADDED, ENFORCER, TOTAL, "refract_bans_added_total",		\
    "Bans put into the kernel")						\
C(ENF_EXTENDED, ENFORCER, TOTAL, "refract_bans_extended_total",		\
    "Bans whose end was moved")						\
C(ENF_EXPIRED, ENFORCER, TOTAL, "refract_bans_expired_total",		\
    "Bans that ended by themselves")					\
C(ENF_LIFTED, ENFORCER, TOTAL, "refract_bans_lifted_total",		\
    "Bans lifted by the operator")					\
C(ENF_NEVER, ENFORCER, TOTAL, "refract_bans_refused_never_total",	\
    "Bans refused because the address may never be banned")		\
C(ENF_FULL, ENFORCER, TOTAL, "refract_bans_refused_full_total",		\
    "Bans refused because the sets are full")				\
C(ENF_RATE, ENFORCER, TOTAL, "refract_bans_refused_rate_total",		\
    "Requests refused because a sibling asked too fast")		\
C(ENF_KERNEL_ERRORS, ENFORCER, TOTAL, "refract_kernel_errors_total",	\
    "Answers of the kernel that were errors")				\
C(ENF_SOCKETS, ENFORCER, TOTAL, "refract_sockets_destroyed_total",	\
    "Connections destroyed")						\
C(ENF_CONNTRACK, ENFORCER, TOTAL, "refract_conntrack_deleted_total",	\
    "Conntrack entries deleted")					\
C(ENF_DRIFT, ENFORCER, TOTAL, "refract_drift_total",			\
    "Times that rules or sets were found changed and healed")		\
C(LEDGER_COMMITS, LEDGER, TOTAL, "refract_ledger_commits_total",	\
    "Transactions committed")						\
C(LEDGER_ERRORS, LEDGER, TOTAL, "refract_ledger_errors_total",		\
    "Transactions that failed")						\
C(LEDGER_DECISIONS, LEDGER, TOTAL, "refract_ledger_decisions_total",	\
    "Decisions recorded")						\
C(LEDGER_WAITING, LEDGER, GAUGE, "refract_ledger_waiting",		\
    "Records that wait for the disk")					\
C(LEDGER_BYTES, LEDGER, GAUGE, "refract_ledger_bytes",			\
    "Size of the ledger's file")					\
C(LEDGER_DROPPED, LEDGER, TOTAL, "refract_ledger_forgotten_total",	\
    "Decisions forgotten by age or size")				\
C(RUN_PENDING, LEDGER, GAUGE, "refract_commands_pending",		\
    "Commands that wait for their time")				\
C(RUN_STARTED, LEDGER, TOTAL, "refract_commands_started_total",		\
    "Commands started")							\
C(RUN_FAILED, LEDGER, TOTAL, "refract_commands_failed_total",		\
    "Commands that could not be started or did not end with 0")		\
C(RUN_DROPPED, LEDGER, TOTAL, "refract_commands_dropped_total",		\
    "Commands that were not taken because too many wait")		\
C(MUX_ACCESS_LOST, MUX, TOTAL, "refract_access_records_lost_total",	\
    "Records of connections that were dropped because control is busy")	\
C(MUX_TAP_LOST, MUX, TOTAL, "refract_tap_records_lost_total",		\
    "Records of taps that were dropped because their reader is slow")	\
C(CTL_CLIENTS, CONTROL, GAUGE, "refract_control_clients",		\
    "Control clients connected now")					\
C(CTL_REQUESTS, CONTROL, TOTAL, "refract_control_requests_total",	\
    "Requests of control clients")					\
C(CTL_REFUSED, CONTROL, TOTAL, "refract_control_refused_total",		\
    "Control clients closed for a bad message or a lack of rights")	\
C(CTL_MONITOR_DROPPED, CONTROL, TOTAL, "refract_monitor_dropped_total",	\
    "Monitor records dropped because a client read too slowly")		\
C(CTL_AUDIT_DROPPED, CONTROL, TOTAL, "refract_audit_dropped_total",	\
    "Audit log lines that could not be written")			\
C(STATUS_REQUESTS, CONTROL, TOTAL, "refract_status_requests_total",	\
    "Requests to the status page")					\
C(STATUS_REFUSED, CONTROL, TOTAL, "refract_status_refused_total",	\
    "Requests to the status page that were refused")			\
C(STATUS_CONNECTIONS, CONTROL, GAUGE, "refract_status_connections",	\
    "Connections to the status page now")				\
C(PARSER_IGNORED, PARSER, TOTAL, "refract_matches_ignored_total",	\
    "Matches that did not count: ignored, exempt or never to be banned") \
C(PARSER_CANCELLED, PARSER, TOTAL, "refract_keys_cancelled_total",	\
    "Keys whose matches were forgotten by a cancel line")		\
C(PARSER_LIMITS, PARSER, TOTAL, "refract_regex_limits_total",		\
    "Searches that PCRE2's limits ended")				\
C(PARSER_CUT, PARSER, TOTAL, "refract_lines_cut_total",			\
    "Log lines of which only the first 8 KiB were looked at")		\
C(ACCESS_LINES, CONTROL, TOTAL, "refract_access_lines_total",		\
    "Connections written to the access log")				\
C(ACCESS_DROPPED, CONTROL, TOTAL, "refract_access_lines_dropped_total",	\
    "Connections that the access log could not take")

#define C(id, role, kind, name, help)	COUNT_##id,
enum counter { COUNTER_LIST COUNTER_MAX };
#undef C

struct counter_info {
	enum role		 role;
	enum counter_kind	 kind;
	const char		*name, *help;
};

extern const struct counter_info counter_table[COUNTER_MAX];
extern uint64_t counters[COUNTER_MAX];	/* this process' own */

#define counter_add(c, n)	(counters[COUNT_##c] += (n))
#define counter_inc(c)		counter_add(c, 1)
#define counter_set(c, n)	(counters[COUNT_##c] = (n))

#endif

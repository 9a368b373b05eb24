/*
 * Every message between the processes: its number, its struct, and one table
 * (msg_table, in msg.c) that says who may send it to whom, how long it is,
 * whether it carries a descriptor and in which state it is legal.
 *
 * The structs go over the wire as they are: no pointer, no padding (each has
 * a static assertion in msg.c), times in milliseconds, char arrays always
 * with a NUL in them.  A message that breaks its row is fatal for the suite if
 * a sibling sent it; if a control client did, that client is closed.
 */
#ifndef MSG_H
#define MSG_H

#include <stddef.h>
#include <stdint.h>

#include "addr.h"
#include "conf.h"
#include "counter.h"
#include "msg_mux.h"
#include "role.h"

/* When a message is legal: the state of the process that receives it. */
enum proc_state {
	STATE_STARTING,		/* demoted, READY sent, not configured */
	STATE_RUNNING,		/* first configuration committed */
	STATE_STOPPING,		/* M_STOP received: draining */
	STATE_ANY		/* for msg_check() in a sender: not known */
};

#define BUILD_ID_LEN	24
#define SUBJECT_LEN	64	/* a user's name, cut if longer, with NUL */
#define TEXT_LEN	512
#define VALUES_LEN	768	/* captured values of a match */
#define EVIDENCE_LEN	400	/* a log line, cut, with NUL */

enum msg_type {
	/* Life of a process: parent <-> child. */
	M_READY = 1,		/* c>p msg_ready: demoted and proven */
	M_CHANNEL,		/* p>c msg_channel + fd: a way to a sibling */
	M_VERBOSE,		/* p>c uint32_t */
	M_STOP,			/* p>c: drain, then exit 0 */

	/* Configuration: p>c, in this order; answers c>p. */
	M_CONF_BEGIN,		/* uint32_t generation */
	M_CONF_GLOBAL,		/* wire_global */
	M_CONF_TABLE,		/* wire_table */
	M_CONF_PREFIXES,	/* wire_prefixes, then n struct prefix */
	M_CONF_WATCH,		/* wire_watch */
	M_CONF_SOURCE,		/* wire_source: of the watch before */
	M_CONF_LIMIT,		/* wire_limit */
	M_CONF_EXEMPT,		/* wire_exempt */
	M_CONF_INBOUND,		/* wire_inbound */
	M_CONF_ZONE,		/* TZif bytes: the zone of the watch before */
	M_CONF_END,		/* uint32_t generation */
	M_CONF_READY,		/* c>p uint32_t: built, waiting */
	M_CONF_REFUSED,		/* c>p msg_refused: cannot, and why */
	M_CONF_COMMIT,		/* p>c uint32_t: use it */
	M_CONF_ABORT,		/* p>c uint32_t: forget it */
	M_CONF_DONE,		/* c>p uint32_t: in use */

	/* Files: parent <-> parser. */
	M_INOTIFY,		/* p>parser + fd: file watches arrive here */
	M_FILE,			/* p>parser msg_file + fd: read this */
	M_FILE_DONE,		/* parser>p uint32_t file: nothing more comes */

	/* Bans. */
	M_BAN,			/* parser,control>enforcer wire_ban */
	M_UNBAN,		/* control>enforcer msg_target */
	M_KILL,			/* control>enforcer msg_target */
	/* enforcer>ledger,control,mux wire_event; refusals to the parser */
	M_BAN_EVENT,
	M_RESTORE,		/* ledger>enforcer n wire_ban */
	M_RESTORE_DONE,		/* ledger>enforcer: all were sent */
	M_SESSIONS,		/* p>enforcer n struct prefix: logged in from */
	M_RESTORED,		/* enforcer>p msg_outcome: stored bans stand */
	M_SETS_DESTROY,		/* p>enforcer: refractd -T */
	M_SETS_GONE,		/* enforcer>p msg_outcome */

	/* Rules: parent <-> rules; drift from the enforcer. */
	M_RULES_INSTALL,	/* p>rules msg_rules */
	M_RULES_REMOVE,		/* p>rules msg_rules */
	M_RULES_OUTCOME,	/* rules>p msg_outcome */
	M_RULES_DRIFT,		/* enforcer>p msg_outcome: what was found */

	/* Ledger. */
	M_CHECKPOINT,		/* parser>ledger msg_checkpoint: opens batch */
	M_DECISION,		/* parser,control>ledger msg_decision */
	M_CHECKPOINT_END,	/* parser>ledger msg_checkpoint */
	M_COMMITTED,		/* ledger>parser msg_checkpoint */
	M_LEDGER_STATE,		/* ledger>control msg_outcome: trouble? */

	/* Operator's requests, control and its siblings; hdr.id = client. */
	M_SHOW,			/* control>any msg_show */
	M_ROW,			/* any>control,client: row structs below */
	M_SHOW_END,		/* any>control msg_show: next cursor */
	M_RESULT,		/* any>control,client msg_outcome */
	M_FORGIVE,		/* control>parser,ledger msg_target */
	M_RELOAD,		/* control>p */
	M_REOPEN,		/* control>p */
	M_SET_VERBOSE,		/* control>p uint32_t */
	M_COUNTERS_GET,		/* control>any */
	M_COUNTERS,		/* any>control uint64_t[COUNTER_MAX] */
	M_NOTICE,		/* any>control wire_notice: for monitor */
	M_AUDIT_LOG,		/* p>control + fd: `log bans` is here now */
	M_LISTENER,		/* p>control + fd: control socket */

	/* refractctl -> control; hdr.id is the client's own and unused. */
	C_SHOW,			/* msg_show */
	C_MONITOR,		/* uint32_t mask, 0: all */
	C_BAN,			/* ctl_ban */
	C_UNBAN,		/* msg_target */
	C_FORGIVE,		/* msg_target */
	C_KILL,			/* msg_target */
	C_RELOAD,
	C_REOPEN,
	C_VERBOSE,		/* uint32_t */
	/* control -> refractctl: M_ROW, M_RESULT, and this at the end */
	C_END,

	/* The status page: parent -> control. */
	M_CONF_STATUS,		/* wire_status: part of a configuration */
	M_STATUS_LISTENER,	/* wire_status + fd: it listens there */

	/*
	 * What a restart goes on with.  In a checkpoint: all of it anew
	 * (M_STATE_CLEAR), or what changed since the last one.  Asked for by
	 * the parser at its first configuration, and told in the same words;
	 * the parent is told the positions, before it opens logs.
	 */
	M_STATE_CLEAR,		/* parser>ledger: what comes is all there is */
	M_STATE,		/* parser<>ledger wire_state, n wire_sighting */
	M_POSITION,		/* parser<>ledger, ledger>p msg_position */
	M_WATCH_STATS,		/* parser<>ledger msg_stats */
	M_RESUME,		/* parser>ledger: tell me */
	M_RESUME_BAN,		/* ledger>parser n wire_served */
	M_RESUME_LIFT,		/* ledger>parser msg_lift */
	M_RESUME_DONE,		/* ledger>parser msg_outcome: code 0 or why */
	M_LEDGER_FRESH,		/* ledger>parser: say all of it again */
	M_FILES_DONE,		/* p>parser msg_boot: all logs were passed */

	/* Configuration: of the watch before; strings follow the struct. */
	M_CONF_PATTERN,		/* wire_pattern, its regex */
	M_CONF_FILTER,		/* wire_filter: before its patterns */
	M_CONF_IGNORE,		/* wire_ignore, its text */
	M_CONF_RUN,		/* wire_run, its argv */

	/* Streams: what is no file.  The parent runs and opens, we read. */
	M_STREAM,		/* p>parser msg_stream + fd: read this */
	M_STREAM_DONE,		/* parser>p msg_stream_done: it ended */

	/* Growth: how often it was banned before. */
	M_RESUME_GROWTH,	/* ledger>parser n wire_growth */

	/* Commands: the ledger says when, the parent runs them. */
	M_RUN,			/* ledger>p msg_run, its values */
	M_RUN_DONE,		/* p>ledger msg_run_done */
	M_RUN_EXIT,		/* p>ledger: those that run at the stop; ... */
	M_RUN_EXITED,		/* ledger>p uint32_t: ... so many were sent */

	/* Operator. */
	M_FLUSH,		/* control>ledger msg_flush: run now */
	M_TRIGGER,		/* control>parser msg_trigger: one by hand */
	C_FLUSH,		/* msg_flush */
	C_TRIGGER,		/* msg_trigger */
	M_EVIDENCE,		/* parser>ledger msg_evidence: of a decision */

	/* Decisions that go ahead of a checkpoint's cut. */
	M_CUT,			/* parser>ledger: it has all that was decided */
	M_RESUME_DECIDED,	/* ledger>parser n wire_decided: it had not */

	/* What a fail2ban filter waits for; in a checkpoint, and told. */
	M_WAITING,		/* parser<>ledger wire_waiting, its bytes */

	/* p>ledger uint32_t: from now on, so many commands at a time */
	M_RUN_MAX,

	/* Configuration: the mux's, in this order; see conf_mux.h. */
	M_CONF_MUX,		/* wire_mux */
	M_CONF_POOL,		/* wire_pool */
	M_CONF_MEMBER,		/* wire_member: of the pool before */
	M_CONF_TAP,		/* wire_tap */
	M_CONF_LISTENER,	/* wire_listener */
	M_CONF_BIND,		/* wire_bind: of the listener before */
	M_CONF_OFFENCE,		/* wire_offence: of the listener before */
	M_CONF_ROUTE,		/* wire_route: of the listener before */
	M_CONF_COND,		/* wire_cond, its bytes: of the route before */

	M_CONF_RELAY,		/* wire_relay: of the listener before */
	M_CONF_RELAY_CLIENT,	/* wire_relay_client, its prefixes */
	M_CONF_RELAY_SERVER,	/* wire_relay_server */

	/* Workers of the mux. */
	M_MUX_TABLE,		/* p>mux,control + fd: see shared.h */
	M_MUX_SOCKET,		/* p>mux msg_mux_socket + fd: accept here */
	M_MUX_FORGET,		/* p>mux msg_mux_socket: another one does, */
				/* ... and is to have the flows, if any */
	M_MUX_WORKER,		/* p>mux msg_mux_worker: who it is */
	M_MUX_WANT,		/* mux>p msg_mux_want: connect a socket */
	M_MUX_GIVE,		/* p>mux msg_mux_want + fd, or error: here */
	M_MUX_CLEAR,		/* mux>e msg_mux_want: transparent sockets */
	M_MUX_CLEARED,		/* e>mux msg_mux_want + fd: one of them */
	M_MUX_TPROXY,		/* mux>e + fd: make this one transparent */
	M_MUX_RESOLVED,		/* control>mux msg_mux_resolved */
	M_MUX_ADMIN,		/* control>mux msg_mux_admin: pool enable .. */
	M_MUX_DECISION,		/* mux>control msg_decision: was asked for */
	M_MUX_ACCESS,		/* mux>control msg_mux_access */

	/* What control does for the mux; see msg_mux.h. */
	M_ACCESS_LOG,		/* p>control uint32_t + fd: enum access_form */
	M_RESOLVER,		/* p>control msg_resolver */
	M_HOST,			/* p>control msg_host */
	M_MUX_MONITOR,		/* control>mux uint32_t: MUX_TELL_* */
	C_POOL,			/* ctl_pool */

	/* A shard that moves to another worker, with its flows. */
	M_MUX_FLOW,		/* mux>p>mux msg_mux_flow + fd: one of them */
	M_MUX_MOVE,		/* mux>p>mux msg_mux_move: how far it is */

	M_MAX
};

/*
 * A decision's name, the same however often the same log is read: which watch
 * saw which byte of which file.  Operator's bans: watch 0, file a random
 * number of this control process, offset a counter.
 */
struct decision_id {
	uint64_t	watch;		/* watch_hash(); 0: the operator */
	uint64_t	file;		/* file_identity: see msg_file */
	uint64_t	offset;		/* end of the line that triggered */
	uint32_t	part;		/* bans of one line: 0, 1, ... */
	uint32_t	zero;
};

/* One entry of one kernel set: who is banned, where, until when. */
struct wire_ban {
	struct decision_id id;
	int64_t		start, end;	/* wall_t; end may be WALL_FOREVER */
	uint16_t	port;		/* host order; 0: whole host */
	uint16_t	peer_port;	/* offender's if known: exact kill */
	struct prefix	prefix;		/* what is banned */
	struct prefix	offender;	/* who it was; family 0: not known */
	uint8_t		proto;		/* 0 with port 0 */
	uint8_t		flags;		/* BANF_* */
	uint8_t		zero[6];
	char		subject[SUBJECT_LEN];	/* user, or operator's name */
};

#define BANF_PREFIX	0x01	/* operator named a prefix: take it as it is */
#define BANF_MORE	0x02	/* more entries of this decision follow */
#define BANF_TELL	0x04	/* M_RESTORE: nobody knows how it went */

enum ban_outcome {
	BAN_APPLIED = 1,
	BAN_EXTENDED,
	BAN_KEPT,		/* an entry that ends later was there */
	BAN_NEVER,		/* never-table: refused */
	BAN_PROTECTED,		/* logged in from there: refused */
	BAN_FULL,		/* `max` reached: refused */
	BAN_RATE,		/* asked too fast: refused */
	BAN_FAILED,		/* the kernel said no: error */
	BAN_PAST,		/* its end was over already */
	BAN_EXPIRED,
	BAN_LIFTED,		/* by the operator */
	BAN_KILLED,		/* connections were destroyed: count */
	BAN_DRY_RUN,		/* the watch is `dry run` */
	BAN_NONE,		/* it bans nobody: commands only */
	BAN_OUTCOME_MAX
};

struct wire_event {
	struct wire_ban	ban;
	int64_t		at;		/* wall_t */
	uint32_t	outcome;	/* enum ban_outcome */
	uint32_t	count;		/* sockets, conntrack entries ended */
	int32_t		error;		/* errno of BAN_FAILED */
	uint32_t	zero;
};

enum notice_kind {
	NOTICE_OFFENCE = 1,	/* the parser decided */
	/* What the operator should know: masked, forwarded, skewed, ... */
	NOTICE_WATCH,
	NOTICE_FILE,		/* opened, rotated, lost */
	NOTICE_DRIFT,
	NOTICE_LEDGER,
	NOTICE_DROPPED,		/* control's: a slow monitor missed some */
	NOTICE_CONFIG,		/* a reload was refused */
	NOTICE_MUX,		/* a member is down or up */
	NOTICE_MAX
};

struct wire_notice {
	int64_t		at;		/* wall_t */
	uint64_t	watch;		/* hash or 0 */
	uint32_t	kind;		/* enum notice_kind */
	/*
	 * 1: stays in `show` until the next of this watch and kind; text ""
	 * says that it is over.
	 */
	uint32_t	sticky;
	char		text[TEXT_LEN];	/* printable */
};

struct msg_ready {
	char		build[BUILD_ID_LEN];
	uint32_t	role;
	uint32_t	pid;
};

/* The fd is one end of a socketpair; the sibling gets the other. */
struct msg_channel {
	uint32_t	peer;		/* enum role */
	uint32_t	bulk;		/* 1: bulk, 0: control */
	uint32_t	index;		/* which worker of the mux, else 0 */
	uint32_t	zero;
};

struct msg_refused {
	uint32_t	generation;
	char		text[TEXT_LEN];
};

/*
 * A log file.  Its identity survives restarts and names decisions: a hash of
 * device, inode and the first line's bytes as the parser sees them is the
 * parser's to make; the parent only says what fstat(2) said.
 */
struct msg_file {
	uint32_t	file;		/* the parent's number of this open */
	uint32_t	source;		/* wire_source.id */
	int32_t		wd;		/* on the shared inotify descriptor */
	uint32_t	from_end;	/* 1: what is written from now on ... */
#define FILE_ROTATED	2		/* ... not the log any more: its rest */
	uint64_t	dev, ino;
	uint64_t	size;		/* when it was passed */
	char		name[PATH_MAX_LEN];	/* for display */
};

struct msg_target {
	struct prefix	prefix;		/* family 0: everything */
	uint16_t	port;		/* 0: any */
	uint8_t		proto;		/* 0: any */
	uint8_t		zero[2];
	uint8_t		growth;		/* 1: how often it was banned too */
	/* unban, forgive: only what has this subject; "": all */
	char		user[SUBJECT_LEN];
};

struct msg_outcome {
	int32_t		code;		/* 0 good, else an exit status */
	uint32_t	count;		/* how many were affected */
	char		text[TEXT_LEN];	/* for people */
};

struct msg_rules {
	uint32_t	action, hook;
	char		instance[NAME_MAX_LEN];
};

struct msg_checkpoint {
	uint64_t	number;
};

struct msg_decision {
	struct wire_ban	ban;
	uint32_t	nports;		/* entries this decision makes */
	uint8_t		past;		/* 1: its end was over, not asked for */
	uint8_t		again;		/* 1: its line may be read again */
	uint8_t		zero[2];
	struct wire_port ports[BAN_PORTS_MAX];
	char		watch[NAME_MAX_LEN];	/* "": the operator */
	char		evidence[EVIDENCE_LEN];	/* the line, vis(3)'d */
	/* FORMAT_TEXT. */
	uint32_t	count;		/* what it had counted to */
	uint8_t		no_ban;		/* 1: only commands; ban is a name */
	uint8_t		rerun;		/* 1: of a key under way */
	uint8_t		values_len[2];	/* of values, little-endian */
	char		pattern[WHERE_MAX_LEN];	/* what matched last */
	/* Captured: name NUL value NUL ...; values vis(3)'d. */
	char		values[VALUES_LEN];
};

/* A line that counted towards a decision, the oldest first. */
struct msg_evidence {
	struct decision_id id;
	int64_t		at;		/* wall_t */
	uint32_t	number;		/* 0, 1, ... */
	uint32_t	zero;
	char		text[EVIDENCE_LEN];
};

/* It was decided, and its line will be read again. */
struct wire_decided {
	struct decision_id id;
	int64_t		start, end;	/* wall_t */
};

/* How often a watch has banned a prefix. */
struct wire_growth {
	uint64_t	watch;
	uint64_t	subject;	/* watch_hash() of the last one's */
	int64_t		last;		/* wall_t: start of the last one */
	struct prefix	prefix;
	uint8_t		zero[2];
	uint32_t	count;
};

#define STREAM_LINES	0	/* bytes with newlines: pipe, stdin */
#define STREAM_JOURNAL	1	/* journalctl -o export */
#define STREAM_SYSLOG	2	/* datagrams of syslog(3), RFC 3164, 5424 */
struct msg_stream {
	uint32_t	stream;		/* the parent's number of this open */
	uint32_t	source;		/* wire_source.id */
	uint32_t	kind;		/* STREAM_* */
	uint32_t	zero;
	/* Journal, read for the first time: from then on; 0: all of it. */
	int64_t		since;		/* wall_t */
	char		name[PATH_MAX_LEN];	/* for display */
};

#define CURSOR_LEN	256	/* journald's __CURSOR with its NUL */
struct msg_stream_done {
	uint32_t	stream;
	uint32_t	zero;
	char		cursor[CURSOR_LEN];	/* of the last entry, or "" */
};

/* Run this command now; the values (name NUL value NUL ...) follow. */
struct msg_run {
	uint64_t	row;		/* the ledger's number of it */
	uint64_t	watch;		/* hash */
	uint64_t	hash;		/* wire_run.hash */
	struct prefix	addr;		/* <addr>; family 0: none */
	uint8_t		zero[6];
	int64_t		at;		/* wall_t: of the decision */
	uint32_t	count;		/* <count> */
	uint32_t	values_len;
};

#define RUN_STATUS_NEVER	(-1)	/* it was not started */
#define RUN_STATUS_UNKNOWN	(-2)	/* stored: a crash hid its end */
struct msg_run_done {
	uint64_t	row;
	int32_t		status;		/* wait(2)'s, or RUN_STATUS_NEVER */
	uint32_t	zero;
};

struct msg_flush {		/* pending commands; "" and family 0: all */
	struct prefix	prefix;
	uint8_t		zero[6];
	char		watch[NAME_MAX_LEN];
	char		value[SUBJECT_LEN];	/* of the key */
};

struct msg_trigger {
	char		watch[NAME_MAX_LEN];
	/* name NUL value NUL ... */
	uint32_t	values_len;
	uint32_t	zero;
	char		values[VALUES_LEN];
};

/* One address that a user is live from.  Times: logtime_t. */
struct wire_sighting {
	uint8_t		addr[16];
	int64_t		last;		/* 48 bits */
	uint32_t	age;		/* 31 bits */
	uint16_t	port;
	uint8_t		v6;
	uint8_t		zero;
};

/* A user's rule state, in parts of so many sightings; none at all: gone. */
#define STATE_SIGHTINGS	480
struct wire_state {
	uint64_t	watch;
	int64_t		touched;	/* logtime_t */
	uint32_t	part;		/* 0, 1, ... */
	uint8_t		name_len;
	uint8_t		zero[3];
	char		name[PATTERN_MAX_LEN];	/* name_len bytes, then 0 */
};

/*
 * A connection whose failure takes several lines, of a fail2ban filter, which
 * has so many of them.  Then the bytes of its values in the order of their
 * bits, its users, and its lines.
 */
#define WAITING_SLOTS	100
#define WAITING_TEXT	1024		/* bytes of all values */
#define WAITING_USERS	511
#define WAITING_LINES	399
struct wire_waiting {
	uint64_t	watch;		/* hash */
	uint64_t	filter;		/* hash of its rules */
	uint64_t	k0, k1;		/* what the id was hashed with */
	uint64_t	id;		/* hash; 0: nobody is there any more */
	uint64_t	order;		/* later ones have more */
	uint64_t	has;		/* a bit for each value */
	int64_t		until;		/* logtime_t */
	uint32_t	slot;
	uint32_t	nlines, nusers;	/* that there were */
	uint16_t	users_len, lines_len;
	uint8_t		waits;		/* for whose failure it is */
	uint8_t		zero[7];
	uint8_t		lens[64];	/* of values */
};

#define BOOT_LEN	40

/*
 * How far a log was read.  With ino 0 it says of a source only that it was
 * looked at: what its files hold is not news because it is read anew.
 *
 * Of a journal (POSITION_CURSOR) the name is the cursor of the last entry
 * used, identity and offset are what decisions of it are named by.  "": there
 * was none since `modified`, or with 0 there, none at all.
 */
struct msg_position {
	uint64_t	watch;		/* hash */
	uint64_t	source;		/* watch_hash() of its path */
	uint64_t	dev, ino;
	uint64_t	identity;	/* what decisions name it by, or 0 */
	uint64_t	head;		/* of its first line; 0: none yet */
	uint64_t	before;		/* of the bytes before the offset */
	uint64_t	offset;		/* end of the last line used */
	uint64_t	size;		/* the furthest byte seen */
	int64_t		last;		/* us, stamp of the last line, or 0 */
	int64_t		modified;	/* ns since 1970 */
	uint32_t	flags;		/* POSITION_* */
	uint32_t	zero;
	char		boot[BOOT_LEN];	/* in which boot it was read */
	char		name[PATH_MAX_LEN];	/* for display */
};

#define POSITION_GONE	0x01	/* nothing more comes: forget it */
#define POSITION_MOVED	0x02	/* it has another name now */
#define POSITION_CURSOR	0x04	/* of a journal, by its cursor */

#define WATCH_COUNTS	12
struct msg_stats {
	uint64_t	watch;
	uint64_t	counts[WATCH_COUNTS];	/* watch_stats, in its order */
	int64_t		last;		/* logtime_t of the last line */
	int64_t		keep;		/* states before this are over */
};

/*
 * A ban that a watch has decided, or (without a prefix) what it does about a
 * key for so long.
 */
struct wire_served {
	uint64_t	watch;
	uint64_t	subject;	/* watch_hash(); 0: it is a ban */
	int64_t		start, end;
	struct prefix	prefix;
	uint8_t		zero[6];
};

struct msg_lift {
	int64_t		at;		/* wall_t */
	struct msg_target target;
};

struct msg_boot {
	char		boot[BOOT_LEN];
};

/* A shard of an address and port: see conf_mux.h. */
struct msg_mux_socket {
	uint32_t	bind;		/* wire_bind.slot */
	uint32_t	shard;
	uint32_t	held;		/* 1: read it at MUX_MOVE_DONE only */
};

struct msg_mux_worker {
	uint32_t	index;		/* 0: the lead, who checks members */
	uint32_t	workers;
};

/* A socket that the worker cannot make or connect itself. */
#define MUX_WANT_UNIX	1		/* number: wire_member.slot */
#define MUX_WANT_TAP	2		/* number: wire_tap.id */
#define MUX_WANT_CLEAR	3		/* number: AF_INET or AF_INET6 */
#define MUX_WANT_MARK	4		/* the same, with SO_MARK of mark */
struct msg_mux_want {
	uint32_t	kind;
	uint32_t	number;
	uint32_t	stream;		/* SOCK_STREAM or SOCK_DGRAM */
	uint32_t	count;		/* asked for */
	int32_t		error;		/* errno of an answer without one */
	uint32_t	mark;
};

/* What a member's name means now; n 0: nothing (yet). */
struct msg_mux_resolved {
	uint32_t	member;		/* wire_member.slot */
	uint32_t	n;
	struct prefix	addrs[MUX_RESOLVED_MAX];
};

struct msg_mux_admin {
	uint32_t	member;		/* wire_member.slot */
	uint32_t	admin;		/* enum member_admin of shared.h */
};

/* A connection or flow that ended. */
struct msg_mux_access {
	int64_t		at;		/* wall_t: its beginning */
	int64_t		lasted;		/* ms */
	int64_t		waited;		/* ms until it was joined; -1: never */
	uint64_t	id;
	uint64_t	bytes[2];	/* from the client, to it */
	uint32_t	listener;	/* wire_listener.id */
	uint32_t	route;		/* wire_route.id, or 0 */
	uint32_t	member;		/* wire_member.id, or 0 */
	uint16_t	from_port, to_port;
	struct prefix	from, to;	/* of the client; what it dialled */
	struct prefix	server;		/* which address it was joined to */
	uint16_t	server_port;
	uint8_t		why;		/* enum end_reason of shared.h */
	uint8_t		proto;		/* of refract-probe.h, 0: unknown */
	uint8_t		udp;
	uint8_t		zero;
	uint16_t	via_port;
	struct prefix	via;		/* as row_connection's */
	char		name[256];	/* SNI or Host, vis(3)'d */
	char		ja4[40];
	char		alpn[32];	/* the first that was offered */
	char		listener_name[NAME_MAX_LEN];
};

enum show_what {
	SHOW_SUMMARY = 1, SHOW_BANS, SHOW_HISTORY, SHOW_USERS, SHOW_WATCHES,
	SHOW_PROCESSES, SHOW_CONFIG, SHOW_METRICS,
	SHOW_EVENT, SHOW_NOTICE,	/* rows of C_MONITOR only */
	SHOW_MATCHES,
	/*
	 * Commands; with an address and SHOW_WHY of C_SHOW those that are over
	 * too.  SHOW_WHY: the decisions about an address; SHOW_LINES: what
	 * counted for them.
	 */
	SHOW_PENDING, SHOW_WHY, SHOW_LINES,
	SHOW_PATTERNS,		/* the regexes of watches */
	/* Of the mux: see msg_mux.h.  SHOW_ACCESS: rows of C_MONITOR only. */
	SHOW_LISTENERS, SHOW_ROUTES, SHOW_POOLS, SHOW_CONNECTIONS,
	SHOW_ACCESS,
	SHOW_MAX
};

/* What msg_show.name is the name of. */
/* SHOW_BY_ALL: of commands, those that are over too. */
enum show_by {
	SHOW_BY_NONE, SHOW_BY_WATCH, SHOW_BY_USER, SHOW_BY_ALL
};

/*
 * Asking is by page: the asker says where to begin and how many rows it
 * takes; the answer is that many M_ROW and an M_SHOW_END with the cursor to
 * begin the next page at, 0 at the end.  So nobody buffers for a slow reader.
 */
struct msg_show {
	uint64_t	cursor;		/* 0: from the beginning */
	uint32_t	what;		/* enum show_what */
	uint32_t	max;		/* rows at the most in this page */
	struct prefix	prefix;		/* only this; family 0: all */
	uint8_t		by;		/* enum show_by: what name is */
	uint8_t		zero[5];
	int64_t		since;		/* wall_t, 0: all */
	/* Watch or user; "" with SHOW_BY_NONE: all. */
	char		name[NAME_MAX_LEN];
};

/* Rows: M_ROW is a struct row_head and then the struct of its `what`. */
struct row_head {
	uint32_t	what;		/* enum show_what */
	uint32_t	zero;
};

struct row_ban {			/* SHOW_BANS */
	struct wire_ban	ban;
	char		watch[NAME_MAX_LEN];	/* filled in by control */
};

struct row_history {			/* SHOW_HISTORY */
	struct wire_event event;		/* last outcome */
	char		watch[NAME_MAX_LEN];
	char		evidence[EVIDENCE_LEN];
};

#define USER_ADDRS	8
struct row_user {			/* SHOW_USERS */
	uint64_t	watch_hash;
	uint32_t	limit;
	uint32_t	naddrs;		/* in all; the first 8 are here */
	struct prefix	addrs[USER_ADDRS];
	int64_t		seen[USER_ADDRS];	/* logtime_t */
	char		watch[NAME_MAX_LEN];
	char		user[PATTERN_MAX_LEN];
};

#define KEY_SHOWN_LEN	256
struct row_match {			/* SHOW_MATCHES: of the parser */
	uint64_t	watch_hash;
	int64_t		last;		/* logtime_t of the last match */
	uint32_t	count;		/* weights within the window */
	uint32_t	after;		/* so many offend */
	uint32_t	bans;		/* how often it was banned before */
	uint32_t	zero;
	char		watch[NAME_MAX_LEN];
	char		key[KEY_SHOWN_LEN];	/* values, vis(3)'d */
};

enum run_state {
	RUN_PENDING, RUN_STARTED, RUN_DONE, RUN_FAILED, RUN_SKIPPED,
	RUN_STATE_MAX
};

#define ARGV_SHOWN_LEN	1024
struct row_pending {			/* SHOW_PENDING: of the ledger */
	uint64_t	row;
	int64_t		at;		/* wall_t: of the decision */
	int64_t		due;		/* wall_t; WALL_FOREVER: see when */
	int64_t		changed;	/* wall_t: its state */
	struct decision_id id;
	struct prefix	addr;		/* family 0: none */
	uint8_t		when;		/* enum run_when */
	uint8_t		state;		/* enum run_state */
	uint32_t	zero;
	int32_t		status;		/* wait(2)'s, or RUN_STATUS_* */
	uint32_t	zero2;
	char		watch[NAME_MAX_LEN];
	char		key[SUBJECT_LEN];	/* vis(3)'d */
	char		argv[ARGV_SHOWN_LEN];	/* filled in, quoted */
};

struct row_why {			/* SHOW_WHY: of the ledger */
	struct row_history h;
	uint32_t	count;		/* it had counted to; 0: not known */
	uint32_t	zero;
	char		pattern[WHERE_MAX_LEN];
};

struct row_line {			/* SHOW_LINES: of the ledger */
	struct decision_id id;
	int64_t		at;		/* wall_t */
	uint32_t	number;		/* 0, 1, ...: the oldest first */
	uint32_t	zero;
	char		watch[NAME_MAX_LEN];
	char		text[EVIDENCE_LEN];
};

struct row_pattern {			/* SHOW_PATTERNS: of the parser */
	uint64_t	tried;		/* lines that PCRE2 looked at */
	uint64_t	hits;
	uint64_t	limits;		/* ... and gave up: limits were hit */
	uint32_t	kind;		/* enum pattern_kind */
	uint32_t	weight;
	char		watch[NAME_MAX_LEN];
	char		where[WHERE_MAX_LEN];
};

struct row_watch {			/* SHOW_WATCHES */
	uint64_t	hash;
	uint64_t	lines, bytes, matches, unparsed, offences, users;
	uint64_t	forwarded, masked, skewed, lost;
	uint64_t	ignored, cancelled, limits;
	int64_t		last;		/* logtime_t of the last line, 0 none */
	uint32_t	files;
	uint32_t	dry_run;
	char		name[NAME_MAX_LEN];
	char		source[PATH_MAX_LEN];	/* first source */
	char		notice[TEXT_LEN];	/* "" or what is wrong */
};

struct row_process {			/* SHOW_PROCESSES */
	uint32_t	role, pid, uid, state;
	uint64_t	rss, pss;	/* bytes; 0: not known */
	int64_t		started;	/* wall_t */
	char		user[NAME_MAX_LEN];
	char		build[BUILD_ID_LEN];
};

struct row_metric {			/* SHOW_METRICS */
	uint32_t	counter;	/* enum counter */
	uint32_t	zero;
	uint64_t	value;
};

struct row_summary {			/* SHOW_SUMMARY: one row */
	int64_t		started;	/* wall_t */
	uint64_t	bans, offences, lines, users;
	uint32_t	watches, processes, clients, generation;
	char		version[BUILD_ID_LEN];
	char		ledger[TEXT_LEN];	/* "" or what is wrong */
	char		notices[4][TEXT_LEN];	/* "" or what should be seen */
};

struct row_text {			/* SHOW_CONFIG: a piece of the text */
	char		text[1024];	/* NUL-terminated */
};

/* SHOW_EVENT: what was done; also a line of the audit log. */
struct row_event {
	struct wire_event event;
	char		what[16];	/* "ban", "refused", "reload", ... */
	char		watch[NAME_MAX_LEN];	/* "": the operator */
	char		by[SUBJECT_LEN];	/* the operator, or "" */
	char		why[EVIDENCE_LEN];	/* reason or answer, or "" */
};

struct row_notice {			/* SHOW_NOTICE */
	struct wire_notice notice;
	char		watch[NAME_MAX_LEN];	/* filled in by control */
};

struct ctl_ban {
	struct prefix	prefix;
	uint16_t	port;
	uint8_t		proto;
	uint8_t		flags;		/* BANF_PREFIX: "/len" was written */
	uint8_t		zero[2];
	int64_t		duration;	/* span_t */
	char		reason[EVIDENCE_LEN];
};

/*
 * Check a message against its row: 0, or -1 and *why (static text).  Strings
 * inside it are checked for their NUL by the row's checker.
 */
int		 msg_check(uint32_t type, enum role from, enum role to,
		    enum proc_state, const void *, size_t, int has_fd,
		    const char **why);
/* The same of its length and content alone: the fault, or NULL. */
const char	*msg_fault(uint32_t type, const void *, size_t);
const char	*msg_name(uint32_t type);	/* "M_BAN"; never NULL */

/* 1 if the LEN bytes at s hold a NUL. */
int		 msg_has_nul(const char *s, size_t len);

/* A cursor of journald, and nothing but what one is made of. */
int		 cursor_valid(const char *);

#endif

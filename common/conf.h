/*
 * What a configuration is.  refractd parses one (parse.y) and sends to each
 * child the parts that its work needs; a child builds the very same structs
 * from the messages.  The wire_* structs are the messages and the stored form
 * at once: bytes that arrive are checked, then kept.  No pointer, no padding.
 *
 * Ids are the parent's: they live as long as the user's name for the thing,
 * over reloads.  0 is never an id.
 */
#ifndef CONF_H
#define CONF_H

#include <sys/queue.h>		/* libbsd's */

#include <stdint.h>

#include "addr.h"
#include "clock.h"
#include "conf_mux.h"
#include "role.h"

#define NAME_MAX_LEN	64	/* a name with its NUL */
#define PATTERN_MAX_LEN	128	/* a user pattern with its NUL */
#define PATH_MAX_LEN	512	/* a path with its NUL */
#define ZONE_MAX_LEN	8192	/* a TZif file */
#define BAN_PORTS_MAX	16	/* ports of one ban */
#define CONF_STATUS_MAX	8	/* status pages */
#define CONF_LIMIT_MAX	1000	/* addresses per user */
#define BAN_ENTRIES_DEFAULT	1048576
#define BAN_ENTRIES_MAX	16777216
#define CONF_PREFIXES_MAX	1048576	/* in all tables together */
#define REGEX_MAX_LEN	14336	/* a regex as PCRE2 gets it, with its NUL */
#define WHERE_MAX_LEN	256	/* "file:line", with its NUL */
#define WRITTEN_LEN	96	/* the begin of a regex, with its NUL */
#define VALUE_NAME_LEN	33	/* PCRE2's longest group name and a NUL */
#define WATCH_KEYS_MAX	4	/* values that form a key */
#define AFTER_MAX	1000	/* matches that offend */
#define ARGV_MAX_LEN	4096	/* an argv, each with its NUL */
#define ARGV_MAX	64
#define GROWTH_MAX	1000000	/* thousandths of growth_by */
#define WEIGHT_MAX	1000
#define RUN_MAX		1000	/* commands at the same time */
#define FILTER_LINES_MAX 1000	/* maxlines of a fail2ban filter */
#define ACCOUNT_MAX_LEN	33	/* a user's or group's name with its NUL */
#define LEDGER_KEEP_DEFAULT	(90 * 86400)	/* seconds */
#define LEDGER_KEEP_MAX		(10 * 365 * 86400)
#define LEDGER_MAX_DEFAULT	(1024 * 1024)	/* KiB */
#define LEDGER_MAX_LEAST	1024
#define LEDGER_MAX_MOST		(1024 * 1024 * 1024)

#define CONF_FILE	SYSCONFDIR "/refract.conf"
/* Defaults; an instance has its own: see parse.y. */
#define CONF_STATE_DIR	LOCALSTATEDIR "/lib/refract"
#define CONF_CONTROL_PATH "/run/refract/control.sock"

enum ban_action { ACTION_DROP, ACTION_REJECT };
enum ban_hook { HOOK_LOCAL, HOOK_FORWARD };

/* `ban { }`, `instance` and whatever else every child needs. */
struct wire_global {
	char		instance[NAME_MAX_LEN];	/* "": none */
	uint32_t	max;		/* bans; sizes the sets */
	uint8_t		action;		/* enum ban_action */
	uint8_t		hook;		/* enum ban_hook */
	uint8_t		plen4, plen6;	/* one ban covers this much */
	uint8_t		protect_sessions;
	uint8_t		audit_json;	/* log bans PATH json */
	uint8_t		zero[2];
	uint32_t	never;		/* table id, 0: none */
	uint32_t	admin_gid;	/* control ... admin group; -1: none */
	uint32_t	ledger_keep;	/* seconds; 0: for ever */
	uint32_t	ledger_max;	/* KiB; 0: no bound */
};

struct wire_table {
	uint32_t	id;
	uint32_t	count;		/* prefixes that follow in chunks */
	char		name[NAME_MAX_LEN];	/* "": written in place */
};

/* M_CONF_PREFIXES: this, then as many struct prefix as fit. */
struct wire_prefixes {
	uint32_t	table;
};

/* FORMAT_TEXT: lines that patterns match; what a watch without xray is. */
enum watch_format { FORMAT_XRAY = 1, FORMAT_TEXT };
enum limit_victim { BAN_NEWEST, BAN_OLDEST, BAN_ALL };

struct wire_ban;	/* msg.h */

struct wire_port {
	uint16_t	port;		/* host order */
	uint8_t		proto;		/* IPPROTO_TCP, IPPROTO_UDP */
	uint8_t		zero;
};

/* What an offence of a key does whose ban or commands are under way. */
enum duplicate { DUPLICATE_EXTEND, DUPLICATE_IGNORE, DUPLICATE_RERUN };

struct wire_watch {
	uint64_t	hash;		/* watch_hash(name): id over restarts */
	int64_t		window;		/* span_t: limit ... within */
	int64_t		grace;		/* span_t, 0: none */
	int64_t		ban;		/* span_t, SPAN_FOREVER */
	uint32_t	id;
	uint32_t	limit;		/* addresses per user; 0: none */
	char		name[NAME_MAX_LEN];
	char		zone[NAME_MAX_LEN];	/* "": this host's */
	uint8_t		format;		/* enum watch_format */
	uint8_t		victim;		/* enum limit_victim */
	uint8_t		together;	/* families together */
	uint8_t		trust_forwarded;
	uint8_t		group4, group6;	/* prefix lengths that count as one */
	uint8_t		dry_run;
	uint8_t		nports;		/* 0: whole-host bans */
	struct wire_port ports[BAN_PORTS_MAX];

	/* FORMAT_TEXT and growing bans. */
	int64_t		growth_max;	/* span_t; 0: does not grow */
	uint32_t	growth_by;	/* thousandths: 2000 doubles */
	uint32_t	after;		/* this many within `window` offend */
	uint8_t		growth_together; /* bans of every watch count */
	uint8_t		duplicate;	/* enum duplicate */
	uint8_t		bans;		/* 1: there is a `ban` */
	uint8_t		ban_prefix;	/* 1: the grouped key is banned */
	uint8_t		json;		/* 1: lines are JSON objects */
	uint8_t		nkeys;		/* 0: addr, or all named values */
	uint8_t		zero2[2];
	char		keys[WATCH_KEYS_MAX][VALUE_NAME_LEN];
	uint8_t		zero3[4];
	/* Dotted paths in a JSON object; "": not said. */
	char		json_field[NAME_MAX_LEN];
	char		json_time[NAME_MAX_LEN];
	char		json_addr[NAME_MAX_LEN];
	/* fail2ban's datepattern words; "": detect. */
	char		time_format[PATTERN_MAX_LEN];
};

enum source_kind {
	SOURCE_FILE,		/* path may be a glob */
	SOURCE_JOURNAL,		/* args: journald matches; see conf_source */
	SOURCE_COMMAND,		/* args: its argv */
	SOURCE_SYSLOG,		/* a socket; see conf_source */
	SOURCE_STDIN
};

struct wire_source {
	uint32_t	id;
	uint32_t	watch;
	uint8_t		from_start;	/* a file first seen at start */
	uint8_t		kind;		/* enum source_kind */
	uint8_t		zero[6];
	/* What it is called, over restarts too: "journal ssh.service". */
	char		path[PATH_MAX_LEN];	/* may be a glob; for display */
};

/* limit N for { "user" } | limit none for ...: first that matches wins */
struct wire_limit {
	uint32_t	watch;
	uint32_t	limit;		/* 0: none */
	char		pattern[PATTERN_MAX_LEN];	/* fnmatch(3) */
};

enum exempt_kind { EXEMPT_TABLE, EXEMPT_PREFIX, EXEMPT_USER };

struct wire_exempt {
	uint32_t	watch;
	uint32_t	table;		/* EXEMPT_TABLE */
	struct prefix	prefix;		/* EXEMPT_PREFIX */
	uint8_t		kind;		/* enum exempt_kind */
	uint8_t		zero;
	char		pattern[PATTERN_MAX_LEN];	/* EXEMPT_USER */
};

/* status on ADDR port N */
struct wire_status {
	struct prefix	addr;		/* a whole address */
	uint16_t	port;		/* host order */
};

/*
 * A regex of a watch as PCRE2 gets it: <name> and fail2ban's tags are groups
 * of that name already (duplicate names are allowed: the first that is set
 * counts).  A filter's own are numbered by wire_filter.id.
 */
enum pattern_kind {
	PATTERN_MATCH = 1,	/* counts `weight` */
	PATTERN_IGNORE,		/* a line that matches it counts nothing */
	PATTERN_CANCEL,		/* the key's matches are forgotten */
	PATTERN_FAIL,		/* fail2ban: failregex */
	PATTERN_FAIL_IGNORE,	/* ignoreregex */
	PATTERN_FAIL_PREFIX,	/* prefregex, with the group `content` */
	PATTERN_FAIL_DATE	/* a datepattern, not translated */
};

struct wire_pattern {		/* then the regex and its NUL */
	uint32_t	id;
	uint32_t	watch;
	uint32_t	filter;		/* wire_filter.id, or 0 */
	uint32_t	weight;
	uint32_t	kind;		/* enum pattern_kind */
	char		where[WHERE_MAX_LEN];	/* for display */
	char		written[WRITTEN_LEN];	/* its begin, for display */
};

/* match fail2ban "sshd" */
struct wire_filter {
	uint32_t	id;
	uint32_t	watch;
	uint32_t	maxlines;	/* 1: line by line */
	uint32_t	weight;
	char		name[NAME_MAX_LEN];	/* "sshd[mode=aggressive]" */
	char		where[WHERE_MAX_LEN];
};

/* ignore <name> of these values; a table is for addresses. */
enum ignore_kind { IGNORE_EXACT = 1, IGNORE_REGEX, IGNORE_TABLE };

struct wire_ignore {		/* then the text and its NUL, or "" */
	uint32_t	watch;
	uint32_t	kind;		/* enum ignore_kind */
	uint32_t	table;		/* IGNORE_TABLE */
	char		name[VALUE_NAME_LEN];	/* of the captured value */
	uint8_t		zero[3];
};

/*
 * run { argv }: a command of a watch.  `<name>` in an argument stands for the
 * value; what is not captured becomes "".
 */
enum run_when {
	RUN_OFFENCE,		/* of the decision, `delay` after it */
	RUN_BAN,		/* its ban stands in the kernel */
	RUN_UNBAN		/* it ended there, or was lifted */
};

struct wire_run {		/* then argc strings with their NULs */
	uint64_t	hash;		/* of watch, argv, when, delay */
	int64_t		delay;		/* span_t */
	int64_t		timeout;	/* span_t */
	uint32_t	id;
	uint32_t	watch;
	uint32_t	argc;
	uint8_t		when;		/* enum run_when */
	uint8_t		at_exit;	/* what is pending runs at the stop */
	uint8_t		once;		/* not for a repeated decision */
	uint8_t		at_least_once;	/* again if a crash hid its end */
	uint8_t		family;		/* 0, AF_INET or AF_INET6 only */
	uint8_t		zero[5];
	char		user[ACCOUNT_MAX_LEN];	/* never root */
	char		group[ACCOUNT_MAX_LEN];
};

/* only inbound { "tag*" } */
struct wire_inbound {
	uint32_t	watch;
	char		pattern[PATTERN_MAX_LEN];
};

struct conf_table {
	TAILQ_ENTRY(conf_table)	 entry;
	struct wire_table	 w;
	struct prefixset	 prefixes;
	char			*file;	/* parent only: read from here */
	int			 self;	/* parent only: has `self` in it */
	char			*text;	/* parent only: an item a line */
};

#define CONF_ITEM(name)							\
struct conf_##name {							\
	TAILQ_ENTRY(conf_##name)	entry;				\
	struct wire_##name		w;				\
}
CONF_ITEM(limit);
CONF_ITEM(exempt);
CONF_ITEM(inbound);
CONF_ITEM(status);

struct conf_filter {
	TAILQ_ENTRY(conf_filter) entry;
	struct wire_filter	 w;
	char			*spec;	/* parent only: as it was written */
};

/* A wire struct that strings follow: len bytes with the last NUL. */
#define CONF_TEXT_ITEM(name)						\
struct conf_##name {							\
	TAILQ_ENTRY(conf_##name)	entry;				\
	struct wire_##name		w;				\
	char				*text;				\
	size_t				 len;				\
	char				*written; /* parent only */	\
}
CONF_TEXT_ITEM(pattern);
CONF_TEXT_ITEM(ignore);
CONF_TEXT_ITEM(run);

struct conf_source {
	TAILQ_ENTRY(conf_source) entry;
	struct wire_source	 w;
	/* Parent only, by kind: argv or journald's matches. */
	char			*args;		/* argc strings */
	size_t			 args_len;
	unsigned int		 argc;
	char			 user[ACCOUNT_MAX_LEN];	/* command */
	char			 group[ACCOUNT_MAX_LEN];
	/* journal: directory or file; syslog: unix socket. */
	char			*dir;
	struct prefix		 addr;		/* syslog: family 0: unix */
	uint16_t		 port;
};

/* pattern "name" "regex": the parent's, for -nv. */
struct conf_define {
	TAILQ_ENTRY(conf_define) entry;
	char			 name[VALUE_NAME_LEN];
	char			*regex;		/* as it was written */
};
TAILQ_HEAD(conf_defines, conf_define);

/* start { argv }, stop { argv }: the parent's, in this order. */
struct conf_command {
	TAILQ_ENTRY(conf_command) entry;
	char			*args;		/* argc strings */
	size_t			 args_len;
	unsigned int		 argc;
	int64_t			 timeout;	/* span_t */
	char			 user[ACCOUNT_MAX_LEN];
	char			 group[ACCOUNT_MAX_LEN];
};
TAILQ_HEAD(conf_commands, conf_command);

struct conf_watch {
	TAILQ_ENTRY(conf_watch)		 entry;
	struct wire_watch		 w;
	TAILQ_HEAD(, conf_source)	 sources;
	TAILQ_HEAD(, conf_limit)	 limits;
	TAILQ_HEAD(, conf_exempt)	 exempts;
	TAILQ_HEAD(, conf_inbound)	 inbounds;
	TAILQ_HEAD(, conf_pattern)	 patterns;
	TAILQ_HEAD(, conf_filter)	 filters;
	TAILQ_HEAD(, conf_ignore)	 ignores;
	TAILQ_HEAD(, conf_run)		 runs;
	struct conf_defines		 defines;	/* parent only */
	void				*state;	/* the parser's own */
	/*
	 * A named zone's TZif file (RFC 8536), because the parser's root has
	 * no /usr/share/zoneinfo: read by parse.y, sent as M_CONF_ZONE after
	 * M_CONF_WATCH, freed by conf_free().  NULL: w.zone is "", "UTC" or
	 * a numeric offset, "+03:00".
	 */
	uint8_t				*tz;
	size_t				 tzlen;	/* ZONE_MAX_LEN at the most */
};

TAILQ_HEAD(conf_tables, conf_table);
TAILQ_HEAD(conf_watches, conf_watch);
TAILQ_HEAD(conf_statuses, conf_status);

struct conf {
	uint32_t		 generation;
	struct wire_global	 global;
	struct conf_tables	 tables;
	struct conf_watches	 watches;
	struct conf_statuses	 statuses;
	struct conf_mux		 mux;

	/* Parent only, never sent. */
	char			*state_dir;	/* state "..." */
	char			*control_path;	/* control "..." */
	char			*audit_path;	/* log bans "...", or NULL */
	char			*access_path;	/* log connections, or NULL */
	int			 access_json;
	char			*admin_group;	/* or NULL */
	char			*limit_group;	/* reserved, NULL */
	int			 hot_reload;
	struct conf_defines	 defines;
	struct conf_commands	 start, stop;
	uint32_t		 run_max;	/* commands at the same time */
	int			 run_max_said;	/* 0: as many as CPUs */
};

/* Defaults set; fatal without memory. */
struct conf		*conf_new(void);
void			 conf_free(struct conf *);
struct conf_table	*conf_table_byid(const struct conf *, uint32_t);
struct conf_table	*conf_table_byname(const struct conf *, const char *);
struct conf_watch	*conf_watch_byid(const struct conf *, uint32_t);
struct conf_watch	*conf_watch_byhash(const struct conf *, uint64_t);
struct conf_watch	*conf_watch_byname(const struct conf *, const char *);
/* What a ban by this watch covers of an address; family 0 stays that. */
void			 conf_covers(const struct wire_global *,
			    const struct conf_watch *,
			    const struct prefix *addr, struct prefix *covered);
/*
 * May its watch, or its listener, ask for this ban?  And may a watch decide
 * on one, which is on all these ports at once?  NULL: no.
 */
int			 conf_watch_bans(const struct conf *,
			    const struct wire_ban *);
int			 conf_watch_decides(const struct conf *,
			    const struct wire_ban *, const struct wire_port *,
			    uint32_t n);
int			 conf_listener_bans(const struct conf *,
			    const struct wire_ban *);
/* With an id of its own; a watch with the defaults of `format xray`. */
struct conf_table	*conf_table_new(void);
void			 conf_table_free(struct conf_table *);
struct conf_watch	*conf_watch_new(void);
void			 conf_watch_free(struct conf_watch *);
uint32_t		 conf_new_id(void);
/* NULL: no status page there. */
struct conf_status	*conf_status_find(const struct conf *,
			    const struct wire_status *);
uint64_t		 watch_hash(const char *name);	/* never 0 */

/*
 * Give what is the same by name in the new configuration the ids of the old
 * one, and new ids to the rest.  old may be NULL.
 */
void			 conf_adopt_ids(struct conf *new,
			    const struct conf *old);

struct channel;

/*
 * Send the parts that `to` needs: M_CONF_BEGIN ... M_CONF_END.  Which role
 * needs which part is one table in conf_send.c.
 */
void			 conf_send(struct channel *, const struct conf *,
			    enum role to);
/*
 * Child side: feed every M_CONF_* message from BEGIN to END.  Returns the
 * finished configuration (owned by the caller) at M_CONF_END, else NULL.
 * What a sane parent never sends is fatal.
 */
struct conf		*conf_receive(uint32_t type, const void *, size_t);

#endif

/*
 * What the statements of the language do: parse.y knows the order of words,
 * the functions here know what they mean, and refuse what cannot be meant.
 * Each takes the token it would complain about.
 */
#ifndef BUILD_H
#define BUILD_H

#include <stddef.h>
#include <stdint.h>

#include "conf.h"
#include "report.h"

/* A token or what was made of some. */
struct val {
	struct place	 at;
	const char	*s;		/* its text, escapes resolved */
	size_t		 len;
	int		 bad;		/* the lexer's error was enough */
	int64_t		 n;		/* number, duration, or a choice */
};

/* A single-valued statement: where it was said first. */
struct once {
	struct place	 at;
	int		 layer;
};

void		 build_start(void);
/* 0: files; 1, 2, ...: the statements of the command line. */
void		 build_layer(int);
/* All cross-checks; the configuration, or NULL if there were errors. */
struct conf	*build_finish(void);
struct conf	*build_conf(void);
int		 build_layer_now(void);
/*
 * 1 if the statement may be said here: it is the first, or the first was in an
 * earlier layer.  Else 0, and the error names the first.
 */
int		 build_once(struct once *, const struct place *, const char *);
/* The token's text into dst[size] as KIND ("name"): 0 or -1, reported. */
int		 build_text(char *dst, size_t size, const struct val *,
		    const char *kind);
/* A path that begins with "/" and is shorter than size: 0 or -1. */
int		 build_path(const struct val *, size_t size);
/* 1 if lo <= v <= hi, else it is reported as WHAT. */
int		 build_range(const struct val *, int64_t lo, int64_t hi,
		    const char *what);
/* The same for a duration. */
int		 build_span(const struct val *, int64_t lo, int64_t hi);

/* Lists within a statement: what was collected, taken by the statement. */
void		 build_item(const struct val *);
/* NULL and an error at the place, if there are none. */
const struct val *build_items(size_t *, const struct place *);
void		 build_clear(void);
/* "80" or "80:90", of at most max ports: 0, or -1 reported. */
int		 build_port_range(const struct val *, int max, int *lo,
		    int *hi);
/* The items were ports: keep them as ports of proto, and begin anew. */
void		 build_ports(int proto);
/* The ports of the statement; returns how many. */
size_t		 build_ports_take(struct wire_port[BAN_PORTS_MAX]);
void		 build_plen(int family, const struct val *);
const struct val *build_plens(int family);	/* NULL: not said */

void		 set_state(const struct val *);
void		 set_instance(const struct val *);
void		 set_control(const struct val *);
void		 set_admin_group(const struct val *);
void		 set_log_bans(const struct val *, int json);
void		 set_hot_reload(const struct val *);
void		 ledger_keep(const struct val *);	/* SPAN_FOREVER too */
void		 ledger_max(const struct val *);	/* bytes; 0: none */
/* Address and port; said several times, they add up. */
void		 set_status(const struct val *, const struct val *);
void		 set_workers(const struct val *);
void		 set_drain(const struct val *);
void		 set_log_connections(const struct val *, int json);
void		 ban_prefix(const struct val *);
void		 ban_protect(const struct val *);
void		 ban_action(const struct val *);
void		 ban_hook(const struct val *);
void		 ban_max(const struct val *);

/* Tables; <name> may be used before it is defined. */
void		 table_open(const struct val *);
void		 table_open_never(const struct val *);
/* One without a name, written where it is used: its id. */
uint32_t	 table_open_here(const struct val *);
void		 table_prefix(const struct val *);
void		 table_nested(const struct val *);
void		 table_self(const struct val *);
void		 table_file(const struct val *);
void		 table_close(void);
uint32_t	 table_used(const struct val *);	/* its id */
void		 tables_start(void);
void		 tables_finish(void);	/* nested ones resolved, ids checked */
/* An address or prefix; warns of host bits.  0 or -1, reported. */
int		 table_parse_prefix(struct prefix *, const struct val *);

/* Watches. */
void		 watches_start(void);
void		 watches_finish(void);
void		 watch_open(const struct val *);
void		 watch_close(void);
struct conf_watch *watch_now(void);	/* NULL: outside of all */
/* 1 if it may have one more item of a list, else reported. */
int		 watch_room(const struct place *);
/*
 * A statement that only watches of text have makes it one of them; the first
 * is kept for the error that names both.
 */
void		 watch_is_text(const struct place *, const char *);
void		 watch_format(const struct val *);
void		 watch_limit(const struct val *);	/* 0: none */
void		 watch_limit_for(const struct val *);
void		 watch_window(const struct val *);
/* How a ban grows: forgotten by growing(), used by watch_ban(). */
void		 growing(const struct val *);	/* n 0: it does not */
void		 growing_by(const struct val *);	/* thousandths */
void		 growing_to(const struct val *);
void		 growing_together(void);
/* Victim (s NULL: not said), whether `prefix`, duration. */
void		 watch_ban(const struct val *, const struct val *,
		    const struct val *);
void		 watch_exempt_table(const struct val *);
void		 watch_exempt_prefix(const struct val *);
void		 watch_exempt_user(const struct val *);
void		 watch_families(const struct val *);
void		 watch_group(const struct val *);
void		 watch_grace(const struct val *);
void		 watch_inbound(const struct val *);
void		 watch_trust(const struct val *);
void		 watch_zone(const struct val *);
void		 watch_dry_run(const struct val *);
/* The items are names. */
void		 watch_key(const struct val *);
/* Matches, and the time (s NULL: not said). */
void		 watch_after(const struct val *, const struct val *);
void		 watch_time(const struct val *);
void		 watch_duplicate(const struct val *);
void		 watch_json_field(const struct val *);
void		 watch_json_time(const struct val *);
void		 watch_json_addr(const struct val *);

#endif

/*
 * The command line as tables of tokens: each token says what may stand there
 * and which table comes next.  The usage text, the abbreviations and the lists
 * of candidates in errors all come from these tables.
 */
#include <netinet/in.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ctl_parse.h"
#include "shared.h"

/* What C_MONITOR says: connections, and what the mux notices. */
#define MONITOR_MUX							\
	(0x80000000u | 1u << NOTICE_MUX | 1u << NOTICE_DROPPED)

enum token_type {
	T_NONE,			/* end of a table */
	T_END,			/* the command may end here */
	T_WORD,
	T_VALUE			/* anything that its function accepts */
};

struct parser;

struct token {
	enum token_type		 type;
	const char		*word;		/* or a value's name */
	const struct token	*next;		/* NULL: the end */
	/* 0; -1: not a good value.  arg is what was written. */
	int			(*set)(struct parser *, const struct token *,
				    const char *arg);
	uint32_t		 value;
	const char		*usage;		/* what follows the word */
};

#define USED_MAX	8

struct parser {
	struct ctl_request	*req;
	wall_t			 now;
	char *const		*args;		/* after the one at work */
	int			 left;
	const struct token	*used[USED_MAX];	/* words seen */
	unsigned int		 nused;
};

static int
set_type(struct parser *p, const struct token *t, const char *arg)
{
	(void)arg;
	p->req->type = t->value;
	return 0;
}

static int
set_what(struct parser *p, const struct token *t, const char *arg)
{
	(void)arg;
	p->req->what = t->value;
	return 0;
}

static int
set_number(struct parser *p, const struct token *t, const char *arg)
{
	(void)arg;
	p->req->number = t->value;
	return 0;
}

static int
set_proto(struct parser *p, const struct token *t, const char *arg)
{
	(void)arg;
	p->req->proto = (uint8_t)t->value;
	return 0;
}

static int
set_by(struct parser *p, const struct token *t, const char *arg)
{
	(void)arg;
	p->req->by = t->value;
	return 0;
}

static int
set_prefix(struct parser *p, const struct token *t, const char *arg)
{
	(void)t;
	p->req->slash = strchr(arg, '/') != NULL;
	return prefix_parse(&p->req->prefix, arg);
}

static int
set_span(struct parser *p, const struct token *t, const char *arg)
{
	(void)t;
	return span_parse(&p->req->span, arg) == -1 || p->req->span <= 0 ?
	    -1 : 0;
}

/* A day, or a day and a time, of this host's clock. */
static int
date_parse(wall_t *when, const char *arg)
{
	static const char *const forms[] = {
		"%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M",
		"%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M",
		"%Y-%m-%d"
	};
	const char *end;
	struct tm tm;
	size_t i;

	for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		memset(&tm, 0, sizeof(tm));
		tm.tm_isdst = -1;
		end = strptime(arg, forms[i], &tm);
		if (end != NULL && *end == '\0') {
			*when = (wall_t)mktime(&tm) * 1000;
			return 0;
		}
	}
	return -1;
}

static int
set_since(struct parser *p, const struct token *t, const char *arg)
{
	span_t span;

	(void)t;
	if (span_parse(&span, arg) == -1)
		return date_parse(&p->req->since, arg);
	p->req->since = span < p->now ? p->now - span : 0;
	return 0;
}

static int
set_port(struct parser *p, const struct token *t, const char *arg)
{
	const char *errstr;

	(void)t;
	p->req->port = (uint16_t)strtonum(arg, 1, 65535, &errstr);
	return errstr == NULL ? 0 : -1;
}

static int
set_name(struct parser *p, const struct token *t, const char *arg)
{
	(void)t;
	return *arg == '\0' || strlcpy(p->req->name, arg,
	    sizeof(p->req->name)) >= sizeof(p->req->name) ? -1 : 0;
}

static int
set_value(struct parser *p, const struct token *t, const char *arg)
{
	(void)t;
	return *arg == '\0' || strlcpy(p->req->value, arg,
	    sizeof(p->req->value)) >= sizeof(p->req->value) ? -1 : 0;
}

static int
add_text(struct ctl_request *req, const char *s, size_t len)
{
	if (len + 1 > sizeof(req->values) - req->values_len)
		return -1;
	memcpy(req->values + req->values_len, s, len);
	req->values_len += len;
	req->values[req->values_len++] = '\0';
	return 0;
}

/* "10.0.0.1", or "10.0.0.1 port 80" in one or in several words. */
static int
set_member(struct parser *p, const struct token *t, const char *arg)
{
	struct obuf o = OBUF(p->req->member);

	(void)t;
	obuf_clear(&o);
	obuf_str(&o, arg);
	for (; p->left > 0; p->left--, p->args++) {
		obuf_char(&o, ' ');
		obuf_str(&o, *p->args);
	}
	return o.cut || *arg == '\0' ? -1 : 0;
}

/* name=value */
static int
set_pair(struct parser *p, const struct token *t, const char *arg)
{
	size_t before = p->req->values_len, n = strcspn(arg, "=");

	(void)t;
	if (n == 0 || n >= VALUE_NAME_LEN || arg[n] != '=')
		return -1;
	if (add_text(p->req, arg, n) == 0 &&
	    add_text(p->req, arg + n + 1, strlen(arg + n + 1)) == 0)
		return 0;
	p->req->values_len = before;
	return -1;
}

static int
set_import(struct parser *p, const struct token *t, const char *arg)
{
	(void)t;
	(void)arg;
	p->req->import = 1;
	return 0;
}

static int
set_dir(struct parser *p, const struct token *t, const char *arg)
{
	(void)t;
	p->req->dir = arg;
	return *arg == '\0' ? -1 : 0;
}

/* `why` is a show of several kinds of rows. */
static int
set_why(struct parser *p, const struct token *t, const char *arg)
{
	(void)arg;
	p->req->type = C_SHOW;
	p->req->what = t->value;
	return 0;
}

/* All that is left, as one text. */
static int
set_reason(struct parser *p, const struct token *t, const char *arg)
{
	struct obuf o = OBUF(p->req->reason);

	(void)t;
	obuf_clear(&o);
	obuf_str(&o, arg);
	for (; p->left > 0; p->left--, p->args++) {
		obuf_char(&o, ' ');
		obuf_str(&o, *p->args);
	}
	return o.cut ? -1 : 0;
}

/* --- The tables ---------------------------------------------------------- */

#define NONE			{ T_NONE, NULL, NULL, NULL, 0, NULL }
#define OR_END			{ T_END, NULL, NULL, NULL, 0, NULL }
#define WORD(word, next)	{ T_WORD, word, next, NULL, 0, NULL }
#define SET(word, next, fn, v)	{ T_WORD, word, next, fn, v, NULL }
#define VALUE(name, next, fn)	{ T_VALUE, name, next, fn, 0, NULL }
#define COMMAND(word, next, fn, v, usage)				\
	{ T_WORD, word, next, fn, v, usage }

static const struct token t_end[] = { OR_END, NONE };

/* Its options come in any order, so these tables lead back to it. */
static const struct token t_ban_more[5];

static const struct token t_ban_span[] = {
	VALUE("T", t_ban_more, set_span), NONE
};
static const struct token t_ban_number[] = {
	VALUE("N", t_ban_more, set_port), NONE
};
static const struct token t_ban_port[] = {
	WORD("port", t_ban_number), NONE
};
static const struct token t_ban_proto[] = {
	SET("tcp", t_ban_port, set_proto, IPPROTO_TCP),
	SET("udp", t_ban_port, set_proto, IPPROTO_UDP), NONE
};
static const struct token t_reason[] = {
	VALUE("TEXT", t_end, set_reason), NONE
};
static const struct token t_ban_more[5] = {
	OR_END,
	WORD("for", t_ban_span),
	WORD("on", t_ban_proto),
	WORD("reason", t_reason),
	NONE
};
static const struct token t_ban[] = {
	VALUE("ADDR|PREFIX", t_ban_more, set_prefix), NONE
};

static const struct token t_kill_number[] = {
	VALUE("N", t_end, set_port), NONE
};
static const struct token t_kill_port[] = {
	WORD("port", t_kill_number), NONE
};
static const struct token t_kill_proto[] = {
	SET("tcp", t_kill_port, set_proto, IPPROTO_TCP),
	SET("udp", t_kill_port, set_proto, IPPROTO_UDP), NONE
};
static const struct token t_kill_more[] = {
	OR_END, WORD("on", t_kill_proto), NONE
};
static const struct token t_kill[] = {
	VALUE("ADDR|PREFIX", t_kill_more, set_prefix), NONE
};

static const struct token t_unban[] = {
	VALUE("ADDR|PREFIX", t_end, set_prefix), WORD("all", t_end), NONE
};

static const struct token t_name[] = {
	VALUE("NAME", t_end, set_name), NONE
};
static const struct token t_forgive[] = {
	VALUE("ADDR|PREFIX", t_end, set_prefix),
	SET("user", t_name, set_by, SHOW_BY_USER),
	WORD("all", t_end), NONE
};

static const struct token t_since_time[] = {
	VALUE("T", t_end, set_since), NONE
};
static const struct token t_since[] = {
	OR_END, WORD("since", t_since_time), NONE
};
static const struct token t_since_name[] = {
	VALUE("NAME", t_since, set_name), NONE
};
static const struct token t_history[] = {
	OR_END,
	VALUE("ADDR|PREFIX", t_since, set_prefix),
	SET("user", t_since_name, set_by, SHOW_BY_USER),
	SET("watch", t_since_name, set_by, SHOW_BY_WATCH),
	WORD("since", t_since_time), NONE
};
static const struct token t_bans[] = {
	OR_END, VALUE("ADDR|PREFIX", t_end, set_prefix), NONE
};
static const struct token t_users[] = {
	OR_END,
	SET("user", t_name, set_by, SHOW_BY_USER),
	SET("watch", t_name, set_by, SHOW_BY_WATCH), NONE
};

static const struct token t_patterns[] = {
	OR_END, SET("watch", t_name, set_by, SHOW_BY_WATCH), NONE
};
static const struct token t_pending[] = {
	OR_END,
	VALUE("ADDR|PREFIX", t_end, set_prefix),
	SET("watch", t_name, set_by, SHOW_BY_WATCH), NONE
};
static const struct token t_why[] = {
	VALUE("ADDR|PREFIX", t_end, set_prefix), NONE
};

static const struct token t_flush[5];

static const struct token t_flush_watch[] = {
	VALUE("NAME", t_flush, set_name), NONE
};
static const struct token t_flush_value[] = {
	VALUE("TEXT", t_flush, set_value), NONE
};
static const struct token t_flush[5] = {
	OR_END,
	VALUE("ADDR|PREFIX", t_flush, set_prefix),
	WORD("watch", t_flush_watch),
	WORD("value", t_flush_value),
	NONE
};

static const struct token t_pairs[] = {
	OR_END, VALUE("NAME=VALUE", t_pairs, set_pair), NONE
};
static const struct token t_pair[] = {
	VALUE("NAME=VALUE", t_pairs, set_pair), NONE
};
static const struct token t_trigger[] = {
	VALUE("WATCH", t_pair, set_name), NONE
};

static const struct token t_show[] = {
	{ T_END, NULL, NULL, NULL, 0, "" },
	COMMAND("bans", t_bans, set_what, SHOW_BANS, "[ADDR|PREFIX]"),
	COMMAND("history", t_history, set_what, SHOW_HISTORY,
	    "[ADDR|PREFIX | user NAME | watch NAME] [since T]"),
	COMMAND("users", t_users, set_what, SHOW_USERS,
	    "[watch NAME | user NAME]"),
	COMMAND("watches", t_end, set_what, SHOW_WATCHES, ""),
	COMMAND("matches", t_users, set_what, SHOW_MATCHES,
	    "[watch NAME | user NAME]"),
	COMMAND("patterns", t_patterns, set_what, SHOW_PATTERNS,
	    "[watch NAME]"),
	COMMAND("pending", t_pending, set_what, SHOW_PENDING,
	    "[ADDR|PREFIX | watch NAME]"),
	COMMAND("listeners", t_end, set_what, SHOW_LISTENERS, ""),
	COMMAND("routes", t_end, set_what, SHOW_ROUTES, ""),
	COMMAND("pools", t_end, set_what, SHOW_POOLS, ""),
	COMMAND("connections", t_bans, set_what, SHOW_CONNECTIONS,
	    "[ADDR|PREFIX]"),
	COMMAND("processes", t_end, set_what, SHOW_PROCESSES, ""),
	COMMAND("config", t_end, set_what, SHOW_CONFIG, ""),
	COMMAND("metrics", t_end, set_what, SHOW_METRICS, ""),
	NONE
};

static const struct token t_log[] = {
	SET("brief", t_end, set_number, 0),
	SET("verbose", t_end, set_number, 2),
	NONE
};

static const struct token t_monitor[] = {
	OR_END, SET("mux", t_end, set_number, MONITOR_MUX), NONE
};

static const struct token t_pool_member[] = {
	OR_END, VALUE("MEMBER", t_end, set_member), NONE
};
static const struct token t_pool_name[] = {
	VALUE("POOL", t_pool_member, set_name), NONE
};
static const struct token t_pool[] = {
	SET("enable", t_pool_name, set_number, MEMBER_ENABLED),
	SET("disable", t_pool_name, set_number, MEMBER_DISABLED),
	SET("drain", t_pool_name, set_number, MEMBER_DRAIN), NONE
};

static const struct token t_import_dir[] = {
	OR_END, VALUE("DIRECTORY", t_end, set_dir), NONE
};
static const struct token t_import[] = {
	WORD("fail2ban", t_import_dir), NONE
};

static const struct token t_main[] = {
	COMMAND("show", t_show, set_type, C_SHOW, ""),
	COMMAND("ban", t_ban, set_type, C_BAN,
	    "ADDR|PREFIX [for T] [on tcp|udp port N] [reason TEXT]"),
	COMMAND("unban", t_unban, set_type, C_UNBAN, "ADDR|PREFIX|all"),
	COMMAND("forgive", t_forgive, set_type, C_FORGIVE,
	    "ADDR|PREFIX|all | user NAME"),
	COMMAND("kill", t_kill, set_type, C_KILL,
	    "ADDR|PREFIX [on tcp|udp port N]"),
	COMMAND("flush", t_flush, set_type, C_FLUSH,
	    "[watch NAME] [ADDR|PREFIX | value TEXT]"),
	COMMAND("trigger", t_trigger, set_type, C_TRIGGER,
	    "WATCH NAME=VALUE ..."),
	COMMAND("why", t_why, set_why, SHOW_WHY, "ADDR|PREFIX"),
	COMMAND("monitor", t_monitor, set_type, C_MONITOR, "[mux]"),
	COMMAND("pool", t_pool, set_type, C_POOL,
	    "enable|disable|drain POOL [MEMBER]"),
	COMMAND("reload", t_end, set_type, C_RELOAD, ""),
	COMMAND("reopen", t_end, set_type, C_REOPEN, ""),
	COMMAND("log", t_log, set_type, C_VERBOSE, "brief|verbose"),
	COMMAND("import", t_import, set_import, 0, "fail2ban [DIRECTORY]"),
	NONE
};

/* --- The parser ---------------------------------------------------------- */

static int
may_end(const struct token *table)
{
	for (; table->type != T_NONE; table++)
		if (table->type == T_END)
			return 1;
	return 0;
}

/* The words and values of a table, those alone that begin with arg if given. */
static void
candidates(const struct token *t, const char *arg, struct obuf *why)
{
	const char *sep = " ";

	for (; t->type != T_NONE; t++) {
		if (t->type == T_END || (arg != NULL && (t->type != T_WORD ||
		    strncmp(t->word, arg, strlen(arg)) != 0)))
			continue;
		obuf_str(why, sep);
		obuf_str(why, t->word);
		sep = ", ";
	}
}

/* The value that arg is, or the word that it begins; NULL: none. */
static const struct token *
find_token(struct parser *p, const struct token *t, const char *arg,
    unsigned int *nfound)
{
	const struct token *found = NULL;
	size_t len = strlen(arg);

	*nfound = 1;
	for (; t->type == T_VALUE || t->type == T_END; t++)
		if (t->type == T_VALUE && t->set(p, t, arg) == 0)
			return t;
	for (*nfound = 0; t->type != T_NONE; t++) {
		if (t->type != T_WORD || len == 0 ||
		    strncmp(t->word, arg, len) != 0)
			continue;
		found = t;
		if (t->word[len] == '\0') {
			*nfound = 1;
			break;
		}
		++*nfound;
	}
	return *nfound == 1 ? found : NULL;
}

static void
say_what(struct obuf *why, const char *fault, const char *arg)
{
	obuf_str(why, fault);
	obuf_char(why, ' ');
	obuf_vis(why, arg, strlen(arg), OBUF_QUOTE);
}

static const struct token *
next_token(struct parser *p, const struct token *table, const char *arg,
    struct obuf *why)
{
	const struct token *t;
	unsigned int n;

	if ((t = find_token(p, table, arg, &n)) != NULL)
		return t;
	if (table == t_end)
		say_what(why, "nothing may follow here, but there is", arg);
	else if (n > 1) {
		say_what(why, "ambiguous:", arg);
		obuf_str(why, " may be");
		candidates(table, arg, why);
	} else {
		say_what(why, "found", arg);
		obuf_str(why, ", expected");
		candidates(table, NULL, why);
	}
	return NULL;
}

/* A word of an option may come once.  0 or -1. */
static int
mark_used(struct parser *p, const struct token *t)
{
	unsigned int i;

	for (i = 0; i < p->nused; i++)
		if (p->used[i] == t)
			return -1;
	if (p->nused < USED_MAX)
		p->used[p->nused++] = t;
	return 0;
}

static int
take_token(struct parser *p, const struct token *t, const char *arg,
    struct obuf *why)
{
	if (t->type != T_WORD)
		return 0;
	if (mark_used(p, t) == -1) {
		say_what(why, "given twice:", t->word);
		return -1;
	}
	return t->set != NULL ? t->set(p, t, arg) : 0;
}

int
ctl_parse(struct ctl_request *req, int argc, char *const *argv, wall_t now,
    struct obuf *why)
{
	const struct token *table = t_main, *t;
	struct parser p = { .req = req, .now = now, .args = argv,
	    .left = argc };
	const char *arg;

	memset(req, 0, sizeof(*req));
	req->what = SHOW_SUMMARY;
	req->span = SPAN_FOREVER;
	while (p.left > 0) {
		arg = *p.args++;
		p.left--;
		if ((t = next_token(&p, table, arg, why)) == NULL ||
		    take_token(&p, t, arg, why) == -1)
			return -1;
		table = t->next;
	}
	if (may_end(table))
		return 0;
	obuf_str(why, table == t_main ? "no command, expected" :
	    "the command ends too early, expected");
	candidates(table, NULL, why);
	return -1;
}

static void
usage_table(struct obuf *o, const struct token *t, const char *before)
{
	for (; t->type != T_NONE; t++) {
		if (t->usage == NULL)
			continue;
		if (t->next == t_show) {
			usage_table(o, t_show, t->word);
			continue;
		}
		obuf_printf(o, "       %s%s%s%s%s\n", before,
		    *before != '\0' && t->word != NULL ? " " : "",
		    t->word != NULL ? t->word : "",
		    *t->usage != '\0' ? " " : "", t->usage);
	}
}

void
ctl_usage(struct obuf *o)
{
	usage_table(o, t_main, "");
}

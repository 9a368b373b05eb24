/*
 * One field of a row: a pair of functions for each type of column, one for
 * text and one for JSON.  Layout (widths, wrapping, brackets) is not here.
 */
#include <sys/wait.h>

#include <netinet/in.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "ctl_output.h"
#include "counter.h"
#include "msg.h"
#include "shared.h"

struct field {
	const struct column	*col;
	const void		*p;	/* the field */
	wall_t			 now;
	int			 quote;
};

static const char *const outcomes[BAN_OUTCOME_MAX] = {
	[BAN_APPLIED] = "applied",
	[BAN_EXTENDED] = "extended",
	[BAN_KEPT] = "kept",
	[BAN_NEVER] = "never",
	[BAN_PROTECTED] = "protected",
	[BAN_FULL] = "full",
	[BAN_RATE] = "rate",
	[BAN_FAILED] = "failed",
	[BAN_PAST] = "past",
	[BAN_EXPIRED] = "expired",
	[BAN_LIFTED] = "lifted",
	[BAN_KILLED] = "killed",
	[BAN_DRY_RUN] = "dry run",
	[BAN_NONE] = "no ban"
};

static const char *const run_states[RUN_STATE_MAX] = {
	[RUN_PENDING] = "pending",
	[RUN_STARTED] = "started",
	[RUN_DONE] = "done",
	[RUN_FAILED] = "failed",
	[RUN_SKIPPED] = "skipped"
};

static const char *const run_whens[] = {
	[RUN_OFFENCE] = "offence",
	[RUN_BAN] = "ban",
	[RUN_UNBAN] = "unban"
};

static const char *const kinds[NOTICE_MAX] = {
	[NOTICE_OFFENCE] = "offence",
	[NOTICE_WATCH] = "warning",
	[NOTICE_FILE] = "file",
	[NOTICE_DRIFT] = "drift",
	[NOTICE_LEDGER] = "ledger",
	[NOTICE_DROPPED] = "dropped",
	[NOTICE_CONFIG] = "configuration",
	[NOTICE_MUX] = "mux"
};

static const char *const member_states[MEMBER_STATE_MAX] = {
	[MEMBER_UP] = "up",
	[MEMBER_DOWN] = "down",
	[MEMBER_IS_DISABLED] = "disabled",
	[MEMBER_DRAINS] = "drains",
	[MEMBER_UNRESOLVED] = "unknown"
};

static const char *const states[] = { "starting", "running", "stopping" };

/* names[i], or "" where there is none. */
static const char *
name_of(const char *const *names, size_t n, uint64_t i)
{
	return i < n && names[i] != NULL ? names[i] : "";
}
#define NAME_OF(names, i) name_of(names, sizeof(names) / sizeof(*(names)), i)

static uint64_t
get_num(const struct field *f)
{
	uint64_t n64 = 0;
	uint32_t n32;

	if (f->col->size == 1)
		return *(const uint8_t *)f->p;
	if (f->col->size == sizeof(n32)) {
		memcpy(&n32, f->p, sizeof(n32));
		return n32;
	}
	if (f->col->size == sizeof(n64))
		memcpy(&n64, f->p, sizeof(n64));
	return n64;
}

static int64_t
get_time(const struct field *f)
{
	return (int64_t)get_num(f);
}

/* The word for a field whose value is one of a few. */
static const char *
get_word(const struct field *f)
{
	uint64_t n;

	switch (f->col->type) {
	case COL_WORD:
		return f->p;
	case COL_ROLE:
		return role_name((unsigned int)get_num(f));
	case COL_STATE:
		return NAME_OF(states, get_num(f));
	case COL_OUTCOME:
		return NAME_OF(outcomes, get_num(f));
	case COL_KIND:
		return NAME_OF(kinds, get_num(f));
	case COL_RUN_STATE:
		return NAME_OF(run_states, get_num(f));
	case COL_WHEN:
		return NAME_OF(run_whens, get_num(f));
	case COL_MEMBER:
		return NAME_OF(member_states, get_num(f));
	default:
		break;
	}
	if ((n = get_num(f)) >= COUNTER_MAX)
		return "";
	switch (f->col->type) {
	case COL_C_NAME:
		return counter_table[n].name;
	case COL_C_KIND:
		return counter_table[n].kind == COUNTER_GAUGE ? "gauge" :
		    "counter";
	case COL_C_ROLE:
		return role_name(counter_table[n].role);
	default:
		return counter_table[n].help;
	}
}

/* --- Text ---------------------------------------------------------------- */

static void
text_str(struct obuf *o, const struct field *f)
{
	const char *s = f->p;
	int how = f->col->type == COL_SAFE || f->col->type == COL_TROUBLE ?
	    OBUF_DONE : OBUF_RAW;

	if (*s != '\0')
		obuf_vis(o, s, strlen(s), f->quote ? how | OBUF_QUOTE : how);
}

static void
text_word(struct obuf *o, const struct field *f)
{
	obuf_vis(o, get_word(f), strlen(get_word(f)), OBUF_DONE);
}

static void
text_num(struct obuf *o, const struct field *f)
{
	obuf_printf(o, "%" PRIu64, get_num(f));
}

static void
text_errno(struct obuf *o, const struct field *f)
{
	int32_t error = (int32_t)get_num(f);

	if (error != 0)
		obuf_str(o, strerror(error));
}

static void
text_bool(struct obuf *o, const struct field *f)
{
	obuf_str(o, get_num(f) != 0 ? "yes" : "no");
}

static void
put_prefix(struct obuf *o, const struct prefix *p)
{
	char buf[PREFIX_STRLEN];

	if (prefix_valid(p))
		obuf_str(o, prefix_print(p, buf));
}

static void
text_prefix(struct obuf *o, const struct field *f)
{
	put_prefix(o, f->p);
}

static int
has_offender(const struct wire_ban *ban)
{
	return prefix_valid(&ban->offender) &&
	    prefix_cmp(&ban->offender, &ban->prefix) != 0;
}

static void
text_offender(struct obuf *o, const struct field *f)
{
	const struct wire_ban *ban = f->p;

	if (has_offender(ban))
		put_prefix(o, &ban->offender);
}

static const char *
proto_name(const struct wire_ban *ban)
{
	if (ban->proto == IPPROTO_TCP)
		return "tcp";
	return ban->proto == IPPROTO_UDP ? "udp" : "any";
}

static void
text_service(struct obuf *o, const struct field *f)
{
	const struct wire_ban *ban = f->p;

	if (ban->port != 0)
		obuf_printf(o, "%s/%u", proto_name(ban), ban->port);
	else if (ban->proto != 0)
		obuf_str(o, proto_name(ban));
}

/* The time of day if it is today, else the day too, else the year. */
static void
text_time(struct obuf *o, const struct field *f)
{
	struct tm tm, today;
	char buf[32];
	time_t t = (time_t)(get_time(f) / 1000), now = (time_t)(f->now / 1000);
	const char *fmt;

	if (get_time(f) == 0 || get_time(f) == WALL_FOREVER)
		return;
	if (localtime_r(&t, &tm) == NULL || localtime_r(&now, &today) == NULL)
		return;
	if (tm.tm_year == today.tm_year && tm.tm_yday == today.tm_yday)
		fmt = "%H:%M:%S";
	else if (tm.tm_year == today.tm_year)
		fmt = "%b %e %H:%M";
	else
		fmt = "%Y-%m-%d";
	if (strftime(buf, sizeof(buf), fmt, &tm) != 0)
		obuf_str(o, buf);
}

static void
text_stamp(struct obuf *o, const struct field *f)
{
	char buf[WALL_STRLEN];

	if (get_time(f) != 0)
		obuf_str(o, wall_print(get_time(f), buf));
}

/* Whole seconds are enough for people; below one: 0s. */
static void
put_span(struct obuf *o, span_t span)
{
	char buf[SPAN_STRLEN];

	if (span != SPAN_FOREVER)
		span = span < 0 ? 0 : span / 1000 * 1000;
	obuf_str(o, span_human(span, buf));
}

static span_t
time_left(wall_t end, wall_t now)
{
	if (end == WALL_FOREVER)
		return SPAN_FOREVER;
	return end > now ? end - now : 0;
}

static void
text_left(struct obuf *o, const struct field *f)
{
	put_span(o, time_left(get_time(f), f->now));
}

static void
text_age(struct obuf *o, const struct field *f)
{
	int64_t then = get_time(f);

	if (then == 0) {
		obuf_str(o, "never");
		return;
	}
	if (f->col->width == 0) {
		text_time(o, f);
		obuf_str(o, ", ");
	}
	put_span(o, then < f->now ? f->now - then : 0);
	if (f->col->width == 0)
		obuf_str(o, " ago");
}

static void
text_length(struct obuf *o, const struct field *f)
{
	const struct wire_ban *ban = f->p;

	/* After "for"; who bans nobody has none. */
	if (ban->end == ban->start)
		return;
	if (ban->end == WALL_FOREVER)
		obuf_str(o, "ever");
	else
		put_span(o, time_left(ban->end, ban->start));
}

static void
text_size(struct obuf *o, const struct field *f)
{
	static const char units[] = "BKMGTPE";
	uint64_t n = get_num(f);
	size_t u = 0;
	double d = (double)n;

	if (n == 0)
		return;
	for (; d >= 1024 && units[u + 1] != '\0'; u++)
		d /= 1024;
	obuf_printf(o, u == 0 ? "%.0f%c" : "%.1f%c", d, units[u]);
}

static void
text_id(struct obuf *o, const struct field *f)
{
	const struct decision_id *id = f->p;

	obuf_printf(o, "%016" PRIx64 "-%016" PRIx64 "-%" PRIx64 "-%" PRIu32,
	    id->watch, id->file, id->offset, id->part);
}

static uint32_t
addrs_shown(const struct row_user *u)
{
	return u->naddrs < USER_ADDRS ? u->naddrs : USER_ADDRS;
}

static void
text_addrs(struct obuf *o, const struct field *f)
{
	const struct row_user *u = f->p;
	uint32_t i, n = addrs_shown(u);

	for (i = 0; i < n; i++) {
		if (i > 0)
			obuf_char(o, '\n');
		put_prefix(o, &u->addrs[i]);
		obuf_str(o, ", ");
		put_span(o, f->now - u->seen[i]);
	}
	if (n < u->naddrs)
		obuf_printf(o, "\nand %" PRIu32 " more", u->naddrs - n);
}

static unsigned int
troubles(const struct row_summary *s)
{
	unsigned int i, n = s->ledger[0] != '\0';

	for (i = 0; i < 4; i++)
		n += s->notices[i][0] != '\0';
	return n;
}

static void
text_health(struct obuf *o, const struct field *f)
{
	unsigned int n = troubles(f->p);

	if (n == 0)
		obuf_str(o, "healthy");
	else
		obuf_printf(o, "NEEDS ATTENTION: %u notice%s below", n,
		    n == 1 ? "" : "s");
}

static void
text_trouble(struct obuf *o, const struct field *f)
{
	if (*(const char *)f->p == '\0')
		obuf_str(o, "good");
	else
		text_str(o, f);
}

static void
text_notices(struct obuf *o, const struct field *f)
{
	const char *s = f->p;
	unsigned int i;

	for (i = 0; i < 4; i++, s += TEXT_LEN)
		if (*s != '\0') {
			if (o->len > 0)
				obuf_char(o, '\n');
			obuf_vis(o, s, strlen(s), OBUF_DONE);
		}
}

/* What is not over has none. */
static int
has_status(const struct row_pending *r)
{
	return r->state == RUN_DONE || r->state == RUN_FAILED;
}

static void
text_status(struct obuf *o, const struct field *f)
{
	const struct row_pending *r = f->p;
	int status = r->status;

	if (!has_status(r) || status == 0)
		return;
	if (status == RUN_STATUS_NEVER)
		obuf_str(o, "it was not started");
	else if (status == RUN_STATUS_UNKNOWN)
		obuf_str(o, "a crash hid its end");
	else if (WIFSIGNALED(status))
		obuf_printf(o, "signal %d", WTERMSIG(status));
	else
		obuf_printf(o, "exit status %d", WEXITSTATUS(status));
}

static void
text_endpoint(struct obuf *o, const struct field *f)
{
	const struct endpoint *e = f->p;

	if (!prefix_valid(&e->addr))
		return;
	obuf_str(o, e->addr.family == AF_INET6 ? "[" : "");
	put_prefix(o, &e->addr);
	obuf_printf(o, "%s:%u", e->addr.family == AF_INET6 ? "]" : "",
	    e->port);
}

static void
text_usec(struct obuf *o, const struct field *f)
{
	double us = (double)get_num(f);

	if (us >= 1e6)
		obuf_printf(o, "%.3gs", us / 1e6);
	else if (us >= 1e3)
		obuf_printf(o, "%.3gms", us / 1e3);
	else if (us > 0)
		obuf_printf(o, "%.0fus", us);
}

static void
text_msec(struct obuf *o, const struct field *f)
{
	uint64_t ms = get_num(f);

	if (ms != UINT64_MAX)
		obuf_printf(o, "%" PRIu64 ".%03us", ms / 1000,
		    (unsigned int)(ms % 1000));
}

/* "closed 12, idle 3" */
static void
text_ended(struct obuf *o, const struct field *f)
{
	const uint64_t *ended = f->p;
	const char *sep = "";
	unsigned int i;

	for (i = 0; i < END_MAX; i++)
		if (ended[i] != 0) {
			obuf_printf(o, "%s%s %" PRIu64, sep,
			    end_reason_name(i), ended[i]);
			sep = ", ";
		}
}

static void
text_record(struct obuf *o, const struct field *f)
{
	obuf_str(o, f->col->title);
}

/* --- JSON ---------------------------------------------------------------- */

static void
json_string(struct obuf *o, const char *s)
{
	if (*s == '\0') {
		obuf_str(o, "null");
		return;
	}
	obuf_char(o, '"');
	obuf_json(o, s, strlen(s));
	obuf_char(o, '"');
}

static void
json_key(struct obuf *o, const struct field *f, const char *suffix)
{
	obuf_printf(o, "\"%s%s\":", f->col->key, suffix);
}

static void
json_str(struct obuf *o, const struct field *f)
{
	json_key(o, f, "");
	json_string(o, f->p);
}

static void
json_word(struct obuf *o, const struct field *f)
{
	json_key(o, f, "");
	json_string(o, get_word(f));
}

static void
json_num(struct obuf *o, const struct field *f)
{
	json_key(o, f, "");
	text_num(o, f);
}

static void
json_bool(struct obuf *o, const struct field *f)
{
	json_key(o, f, "");
	obuf_str(o, get_num(f) != 0 ? "true" : "false");
}

/* What the text function says, as a string. */
static void
json_as_text(struct obuf *o, const struct field *f,
    void (*text)(struct obuf *, const struct field *))
{
	char cell[128];
	struct obuf c = OBUF(cell);

	obuf_clear(&c);
	text(&c, f);
	json_key(o, f, "");
	json_string(o, cell);
}

static void
json_errno(struct obuf *o, const struct field *f)
{
	json_as_text(o, f, text_errno);
}

static void
json_prefix(struct obuf *o, const struct field *f)
{
	json_as_text(o, f, text_prefix);
}

static void
json_offender(struct obuf *o, const struct field *f)
{
	const struct wire_ban *ban = f->p;
	struct field one = *f;

	one.p = &ban->offender;
	json_as_text(o, &one, text_prefix);
}

static void
json_id(struct obuf *o, const struct field *f)
{
	json_as_text(o, f, text_id);
}

static void
json_service(struct obuf *o, const struct field *f)
{
	const struct wire_ban *ban = f->p;

	obuf_str(o, "\"protocol\":");
	json_string(o, ban->proto != 0 ? proto_name(ban) : "");
	if (ban->port != 0)
		obuf_printf(o, ",\"port\":%u", ban->port);
	else
		obuf_str(o, ",\"port\":null");
}

static void
put_ms(struct obuf *o, int64_t ms)
{
	if (ms == WALL_FOREVER)
		obuf_str(o, "null");
	else
		obuf_printf(o, "%" PRId64, ms);
}

/* Both as RFC 3339 and in milliseconds since 1970; 0 is null. */
static void
json_time(struct obuf *o, const struct field *f)
{
	json_as_text(o, f, text_stamp);
	obuf_char(o, ',');
	json_key(o, f, "_ms");
	put_ms(o, get_time(f) == 0 ? WALL_FOREVER : get_time(f));
}

static void
json_left(struct obuf *o, const struct field *f)
{
	json_key(o, f, "");
	put_ms(o, time_left(get_time(f), f->now));
}

static void
json_length(struct obuf *o, const struct field *f)
{
	const struct wire_ban *ban = f->p;

	json_key(o, f, "");
	put_ms(o, time_left(ban->end, ban->start));
}

/* One of a user's addresses, with columns of its own. */
static const struct column address_columns[] = {
	{ "", "address", COL_PREFIX, 0, sizeof(struct prefix), 0, 0 },
	{ "", "seen", COL_TIME, 0, sizeof(int64_t), 0, 0 }
};

static void
json_addrs(struct obuf *o, const struct field *f)
{
	const struct row_user *u = f->p;
	uint32_t i;

	json_key(o, f, "");
	obuf_char(o, '[');
	for (i = 0; i < addrs_shown(u); i++) {
		obuf_str(o, i > 0 ? ",{" : "{");
		field_json(o, &address_columns[0], &u->addrs[i], f->now);
		obuf_char(o, ',');
		field_json(o, &address_columns[1], &u->seen[i], f->now);
		obuf_char(o, '}');
	}
	obuf_char(o, ']');
}

static void
json_health(struct obuf *o, const struct field *f)
{
	json_key(o, f, "");
	obuf_str(o, troubles(f->p) == 0 ? "true" : "false");
}

static void
json_notices(struct obuf *o, const struct field *f)
{
	const char *s = f->p;
	unsigned int i, n = 0;

	json_key(o, f, "");
	obuf_char(o, '[');
	for (i = 0; i < 4; i++, s += TEXT_LEN)
		if (*s != '\0') {
			if (n++ > 0)
				obuf_char(o, ',');
			json_string(o, s);
		}
	obuf_char(o, ']');
}

static void
json_status(struct obuf *o, const struct field *f)
{
	const struct row_pending *r = f->p;

	json_key(o, f, "");
	if (has_status(r) && r->status >= 0 && !WIFSIGNALED(r->status))
		obuf_printf(o, "%d", WEXITSTATUS(r->status));
	else
		obuf_str(o, "null");
}

/* "from":"192.0.2.1","from_port":1234 */
static void
json_endpoint(struct obuf *o, const struct field *f)
{
	const struct endpoint *e = f->p;
	char buf[PREFIX_STRLEN];

	json_key(o, f, "");
	json_string(o, prefix_valid(&e->addr) ? prefix_print(&e->addr, buf) :
	    "");
	obuf_char(o, ',');
	json_key(o, f, "_port");
	if (prefix_valid(&e->addr))
		obuf_printf(o, "%u", e->port);
	else
		obuf_str(o, "null");
}

static void
json_msec(struct obuf *o, const struct field *f)
{
	json_key(o, f, "");
	if (get_num(f) == UINT64_MAX)
		obuf_str(o, "null");
	else
		text_num(o, f);
}

static void
json_ended(struct obuf *o, const struct field *f)
{
	const uint64_t *ended = f->p;
	const char *s;
	unsigned int i;

	json_key(o, f, "");
	for (i = 0; i < END_MAX; i++) {
		obuf_str(o, i == 0 ? "{\"" : ",\"");
		for (s = end_reason_name(i); *s != '\0'; s++)
			obuf_char(o, *s == ' ' ? '_' : *s);
		obuf_printf(o, "\":%" PRIu64, ended[i]);
	}
	obuf_char(o, '}');
}

static void
json_record(struct obuf *o, const struct field *f)
{
	json_as_text(o, f, text_record);
}

static const struct {
	void	(*text)(struct obuf *, const struct field *);
	void	(*json)(struct obuf *, const struct field *);
} types[COL_MAX] = {
	[COL_STR] = { text_str, json_str },
	[COL_SAFE] = { text_str, json_str },
	[COL_WORD] = { text_word, json_word },
	[COL_NUM] = { text_num, json_num },
	[COL_ERRNO] = { text_errno, json_errno },
	[COL_BOOL] = { text_bool, json_bool },
	[COL_PREFIX] = { text_prefix, json_prefix },
	[COL_OFFENDER] = { text_offender, json_offender },
	[COL_SERVICE] = { text_service, json_service },
	[COL_TIME] = { text_time, json_time },
	[COL_STAMP] = { text_stamp, json_time },
	[COL_LEFT] = { text_left, json_left },
	[COL_AGE] = { text_age, json_time },
	[COL_LENGTH] = { text_length, json_length },
	[COL_SIZE] = { text_size, json_num },
	[COL_ID] = { text_id, json_id },
	[COL_ROLE] = { text_word, json_word },
	[COL_STATE] = { text_word, json_word },
	[COL_OUTCOME] = { text_word, json_word },
	[COL_KIND] = { text_word, json_word },
	[COL_ADDRS] = { text_addrs, json_addrs },
	[COL_HEALTH] = { text_health, json_health },
	[COL_TROUBLE] = { text_trouble, json_str },
	[COL_NOTICES] = { text_notices, json_notices },
	[COL_C_NAME] = { text_word, json_word },
	[COL_C_KIND] = { text_word, json_word },
	[COL_C_ROLE] = { text_word, json_word },
	[COL_C_HELP] = { text_word, json_word },
	[COL_RUN_STATE] = { text_word, json_word },
	[COL_WHEN] = { text_word, json_word },
	[COL_STATUS] = { text_status, json_status },
	[COL_ENDPOINT] = { text_endpoint, json_endpoint },
	[COL_USEC] = { text_usec, json_num },
	[COL_MSEC] = { text_msec, json_msec },
	[COL_MEMBER] = { text_word, json_word },
	[COL_ENDED] = { text_ended, json_ended },
	[COL_RECORD] = { text_record, json_record }
};

void
field_text(struct obuf *o, const struct column *col, const void *row,
    wall_t now, int quote)
{
	struct field f = { col, (const char *)row + col->off, now, quote };

	if ((col->flags & COLF_SOME) && get_num(&f) == 0)
		return;
	types[col->type].text(o, &f);
}

void
field_json(struct obuf *o, const struct column *col, const void *row,
    wall_t now)
{
	struct field f = { col, (const char *)row + col->off, now, 0 };

	types[col->type].json(o, &f);
}

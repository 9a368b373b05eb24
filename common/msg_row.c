/*
 * What a row of what is shown must be, for the table in msg.c.
 */
#include <sys/socket.h>

#include <string.h>

#include "msg.h"
#include "msg_check.h"

static const char *
check_row_ban(const void *data, size_t len)
{
	const struct row_ban *r = data;

	(void)len;
	return TEXT_OK(r->watch) ? check_ban(&r->ban, sizeof(r->ban)) :
	    msg_no_nul;
}

static const char *
check_row_history(const void *data, size_t len)
{
	const struct row_history *r = data;

	(void)len;
	if (!TEXT_OK(r->watch) || !TEXT_OK(r->evidence))
		return msg_no_nul;
	/* A decision that nobody has answered yet has no outcome. */
	if (r->event.outcome == 0)
		return check_ban(&r->event.ban, sizeof(r->event.ban));
	return check_event(&r->event, sizeof(r->event));
}

static const char *
check_row_user(const void *data, size_t len)
{
	const struct row_user *r = data;
	size_t i;

	(void)len;
	for (i = 0; i < USER_ADDRS; i++)
		if (!msg_prefix_ok_or_none(&r->addrs[i]))
			return msg_bad_prefix;
	return TEXT_OK(r->watch) && TEXT_OK(r->user) ? NULL : msg_no_nul;
}

static const char *
check_row_match(const void *data, size_t len)
{
	const struct row_match *r = data;

	(void)len;
	if (r->zero != 0)
		return msg_bad_zero;
	return TEXT_OK(r->watch) && TEXT_OK(r->key) ? NULL : msg_no_nul;
}

static const char *
check_row_pending(const void *data, size_t len)
{
	const struct row_pending *r = data;

	(void)len;
	if (!msg_prefix_ok_or_none(&r->addr))
		return msg_bad_prefix;
	if (r->when > RUN_UNBAN || r->state >= RUN_STATE_MAX)
		return msg_bad_enum;
	if (r->zero != 0 || r->zero2 != 0)
		return msg_bad_zero;
	return TEXT_OK(r->watch) && TEXT_OK(r->key) && TEXT_OK(r->argv) ?
	    NULL : msg_no_nul;
}

static const char *
check_row_why(const void *data, size_t len)
{
	const struct row_why *r = data;

	(void)len;
	if (r->zero != 0)
		return msg_bad_zero;
	return TEXT_OK(r->pattern) ? check_row_history(&r->h, sizeof(r->h)) :
	    msg_no_nul;
}

static const char *
check_row_line(const void *data, size_t len)
{
	const struct row_line *r = data;

	(void)len;
	if (r->zero != 0)
		return msg_bad_zero;
	return TEXT_OK(r->watch) && TEXT_OK(r->text) ? NULL : msg_no_nul;
}

static const char *
check_row_pattern(const void *data, size_t len)
{
	const struct row_pattern *r = data;

	(void)len;
	if (r->kind < PATTERN_MATCH || r->kind > PATTERN_FAIL_DATE)
		return msg_bad_enum;
	return TEXT_OK(r->watch) && TEXT_OK(r->where) ? NULL : msg_no_nul;
}

static const char *
check_row_watch(const void *data, size_t len)
{
	const struct row_watch *r = data;

	(void)len;
	return TEXT_OK(r->name) && TEXT_OK(r->source) && TEXT_OK(r->notice) ?
	    NULL : msg_no_nul;
}

static const char *
check_row_process(const void *data, size_t len)
{
	const struct row_process *r = data;

	(void)len;
	if (r->role >= ROLE_CLIENT || r->state > STATE_STOPPING)
		return msg_bad_enum;
	return TEXT_OK(r->user) && TEXT_OK(r->build) ? NULL : msg_no_nul;
}

static const char *
check_row_metric(const void *data, size_t len)
{
	const struct row_metric *r = data;

	(void)len;
	return r->counter < COUNTER_MAX ? NULL : msg_bad_enum;
}

static const char *
check_row_summary(const void *data, size_t len)
{
	const struct row_summary *r = data;
	size_t i;

	(void)len;
	for (i = 0; i < sizeof(r->notices) / sizeof(r->notices[0]); i++)
		if (!TEXT_OK(r->notices[i]))
			return msg_no_nul;
	return TEXT_OK(r->version) && TEXT_OK(r->ledger) ? NULL : msg_no_nul;
}

static const char *
check_row_text(const void *data, size_t len)
{
	return msg_has_nul(data, len) ? NULL : msg_no_nul;
}

static const char *
check_row_event(const void *data, size_t len)
{
	const struct row_event *r = data;

	(void)len;
	return TEXT_OK(r->what) && TEXT_OK(r->watch) && TEXT_OK(r->by) &&
	    TEXT_OK(r->why) && TEXT_OK(r->event.ban.subject) ? NULL :
	    msg_no_nul;
}

static const char *
check_row_notice(const void *data, size_t len)
{
	const struct row_notice *r = data;

	(void)len;
	return TEXT_OK(r->watch) ? check_notice(&r->notice,
	    sizeof(r->notice)) : msg_no_nul;
}

static const struct {
	size_t		 size;
	const char	*(*check)(const void *, size_t);
} rows[SHOW_MAX] = {
	[SHOW_SUMMARY] = { sizeof(struct row_summary), check_row_summary },
	[SHOW_BANS] = { sizeof(struct row_ban), check_row_ban },
	[SHOW_HISTORY] = { sizeof(struct row_history), check_row_history },
	[SHOW_USERS] = { sizeof(struct row_user), check_row_user },
	[SHOW_WATCHES] = { sizeof(struct row_watch), check_row_watch },
	[SHOW_PROCESSES] = { sizeof(struct row_process), check_row_process },
	[SHOW_CONFIG] = { sizeof(struct row_text), check_row_text },
	[SHOW_METRICS] = { sizeof(struct row_metric), check_row_metric },
	[SHOW_EVENT] = { sizeof(struct row_event), check_row_event },
	[SHOW_NOTICE] = { sizeof(struct row_notice), check_row_notice },
	[SHOW_MATCHES] = { sizeof(struct row_match), check_row_match },
	[SHOW_PENDING] = { sizeof(struct row_pending), check_row_pending },
	[SHOW_WHY] = { sizeof(struct row_why), check_row_why },
	[SHOW_LINES] = { sizeof(struct row_line), check_row_line },
	[SHOW_PATTERNS] = { sizeof(struct row_pattern), check_row_pattern },
	[SHOW_LISTENERS] = { sizeof(struct row_listener),
	    check_row_listener },
	[SHOW_ROUTES] = { sizeof(struct row_route), check_row_route },
	[SHOW_POOLS] = { sizeof(struct row_member), check_row_member },
	[SHOW_CONNECTIONS] = { sizeof(struct row_connection),
	    check_row_connection },
	[SHOW_ACCESS] = { sizeof(struct row_access), check_row_access }
};

const char *
check_row(const void *data, size_t len)
{
	const struct row_head *head = data;

	if (head->what == 0 || head->what >= SHOW_MAX)
		return msg_bad_enum;
	if (head->zero != 0)
		return msg_bad_zero;
	if (len != sizeof(*head) + rows[head->what].size)
		return "a row of the wrong length";
	return rows[head->what].check(head + 1, rows[head->what].size);
}

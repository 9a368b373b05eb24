/*
 * Events and notices: their rows, the clients that watch them, and the few
 * that stay in `show`.
 */
#include <sys/queue.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "channel.h"
#include "child.h"
#include "control_audit.h"
#include "control_client.h"
#include "control_monitor.h"
#include "control_mux.h"
#include "log.h"
#include "msg.h"

#define STICKY_MAX	64

struct sticky {
	uint64_t	watch;
	uint32_t	kind;		/* 0: the place is free */
	char		text[TEXT_LEN];
};

static struct sticky	stickies[STICKY_MAX];
static char		ledger[TEXT_LEN];
static char		refusal[TEXT_LEN];	/* of the last ban, or "" */

/* What the operator reads for each outcome; why is for refusals. */
static const struct {
	const char	*what, *why;
} words[BAN_OUTCOME_MAX] = {
	[BAN_APPLIED] = { "ban", "" },
	[BAN_EXTENDED] = { "extend", "" },
	[BAN_KEPT] = { "keep", "banned for longer already" },
	[BAN_NEVER] = { "refuse", "it may never be banned" },
	[BAN_PROTECTED] = { "refuse", "somebody is logged in from there" },
	[BAN_FULL] = { "refuse", "the sets are full: see ban { max }" },
	[BAN_RATE] = { "refuse", "too many bans at once" },
	[BAN_FAILED] = { "refuse", "the kernel refused it" },
	[BAN_PAST] = { "refuse", "its end is over already" },
	[BAN_EXPIRED] = { "expire", "" },
	[BAN_LIFTED] = { "unban", "" },
	[BAN_KILLED] = { "kill", "" },
	[BAN_DRY_RUN] = { "dry run", "" },
	[BAN_NONE] = { "none", "" }
};

const char *
outcome_why(uint32_t outcome)
{
	return outcome < BAN_OUTCOME_MAX && words[outcome].why != NULL ?
	    words[outcome].why : "";
}

const char *
watch_name(uint64_t hash)
{
	const struct conf *conf = child_conf();
	const struct conf_watch *w;
	const struct conf_listener *l;

	if (hash == 0)
		return "";
	if (conf != NULL && (w = conf_watch_byhash(conf, hash)) != NULL)
		return w->w.name;
	if (conf != NULL &&
	    (l = conf_listener_byhash(&conf->mux, hash)) != NULL)
		return l->w.name;
	return "(removed)";
}

void
event_row(struct row_event *row, const struct wire_event *ev)
{
	const struct wire_ban *ban = &ev->ban;

	memset(row, 0, sizeof(*row));
	row->event = *ev;
	strlcpy(row->what, words[ev->outcome].what, sizeof(row->what));
	strlcpy(row->why, words[ev->outcome].why, sizeof(row->why));
	strlcpy(row->watch, watch_name(ban->id.watch), sizeof(row->watch));
	if (ban->id.watch == 0) {
		/* The subject is the operator who banned, nobody's user. */
		strlcpy(row->by, ban->subject, sizeof(row->by));
		memset(row->event.ban.subject, 0, SUBJECT_LEN);
	}
	if (ev->outcome == BAN_EXPIRED || ev->outcome == BAN_LIFTED)
		row->event.ban.end = 0;
}

/* The client wants this and reads fast enough for it. */
static int
takes(struct client *c, uint32_t bit)
{
	if ((c->monitor & bit) == 0)
		return 0;
	if (!channel_full(c->ch))
		return 1;
	c->dropped++;
	counter_inc(CTL_MONITOR_DROPPED);
	return 0;
}

void
monitor_event(const struct row_event *row)
{
	struct client *c;

	TAILQ_FOREACH(c, &clients, entry)
		if (takes(c, MONITOR_EVENTS))
			client_row(c, SHOW_EVENT, row, sizeof(*row));
}

static void
sticky_end(const struct wire_notice *n)
{
	struct sticky *s;

	for (s = stickies; s < &stickies[STICKY_MAX]; s++)
		if (s->kind == n->kind && s->watch == n->watch)
			s->kind = 0;
}

/*
 * It stays until the next of its watch and kind; one without text ends it.
 * But there may be several warnings of a watch.
 */
static void
sticky_set(const struct wire_notice *n)
{
	struct sticky *s, *place = NULL;

	if (n->kind != NOTICE_WATCH || n->text[0] == '\0')
		sticky_end(n);
	if (n->text[0] == '\0')
		return;
	for (s = stickies; s < &stickies[STICKY_MAX]; s++) {
		if (s->kind == n->kind && s->watch == n->watch &&
		    strcmp(s->text, n->text) == 0)
			return;
		if (s->kind == 0 && place == NULL)
			place = s;
	}
	if (place == NULL) {
		log_warnx("notices: more than %d, not kept: %s", STICKY_MAX,
		    log_vis(n->text, strlen(n->text)));
		return;
	}
	place->kind = n->kind;
	place->watch = n->watch;
	strlcpy(place->text, n->text, sizeof(place->text));
}

/* The text without the watch's name, which has a place of its own. */
static const char *
plain_text(const struct wire_notice *n)
{
	char before[NAME_MAX_LEN + 16];
	int len;

	len = snprintf(before, sizeof(before), "watch %s: ",
	    watch_name(n->watch));
	return strncmp(n->text, before, (size_t)len) == 0 ? n->text + len :
	    n->text;
}

void
monitor_notice(const struct wire_notice *from)
{
	struct wire_notice n = *from;
	struct row_notice row;
	struct client *c;

	memset(n.text, 0, sizeof(n.text));
	strlcpy(n.text, plain_text(from), sizeof(n.text));
	if (n.sticky)
		sticky_set(&n);
	if (n.text[0] == '\0')
		return;
	memset(&row, 0, sizeof(row));
	row.notice = n;
	strlcpy(row.watch, watch_name(n.watch), sizeof(row.watch));
	TAILQ_FOREACH(c, &clients, entry)
		if (takes(c, 1u << n.kind))
			client_row(c, SHOW_NOTICE, &row, sizeof(row));
}

void
monitor_access(const struct row_access *row)
{
	struct client *c;

	TAILQ_FOREACH(c, &clients, entry)
		if (takes(c, MONITOR_CONNECTIONS))
			client_row(c, SHOW_ACCESS, row, sizeof(*row));
}

void
monitor_drained(struct client *c)
{
	struct row_notice row;

	if (c->dropped == 0)
		return;
	memset(&row, 0, sizeof(row));
	row.notice.at = wall_now();
	row.notice.kind = NOTICE_DROPPED;
	snprintf(row.notice.text, sizeof(row.notice.text),
	    "%llu dropped: this client reads too slowly",
	    (unsigned long long)c->dropped);
	c->dropped = 0;
	client_row(c, SHOW_NOTICE, &row, sizeof(row));
}

void
monitor_ledger(const struct msg_outcome *res)
{
	strlcpy(ledger, res->code != 0 ? res->text : "", sizeof(ledger));
}

void
monitor_refusals(const struct wire_event *ev)
{
	if (ev->outcome == BAN_APPLIED)
		refusal[0] = '\0';
	else if (ev->outcome == BAN_FULL || ev->outcome == BAN_RATE)
		snprintf(refusal, sizeof(refusal), "bans are refused: %s",
		    words[ev->outcome].why);
	else if (ev->outcome == BAN_FAILED)
		snprintf(refusal, sizeof(refusal),
		    "the kernel refused a ban: %s", strerror(ev->error));
}

void
monitor_commit(const struct conf *conf)
{
	struct sticky *s;

	for (s = stickies; s < &stickies[STICKY_MAX]; s++)
		if (s->watch != 0 && conf_watch_byhash(conf, s->watch) == NULL)
			s->kind = 0;
}

#define PLACES	(sizeof(((struct row_summary *)0)->notices) / TEXT_LEN)

/* One more for the summary; *n counts those without a place too. */
static void
summary_add(struct row_summary *row, size_t *n, const char *watch,
    const char *text)
{
	if (*text == '\0')
		return;
	if (*n < PLACES)
		snprintf(row->notices[*n], TEXT_LEN, "%s%s%s",
		    watch, *watch != '\0' ? ": " : "", text);
	++*n;
}

void
monitor_summary(struct row_summary *row, uint32_t silent)
{
	const struct sticky *s;
	unsigned int role;
	const char *pool;
	char text[TEXT_LEN];
	size_t n = 0, i;

	strlcpy(row->ledger, ledger, sizeof(row->ledger));
	for (role = 0; role < ROLE_MAX; role++)
		if (silent & ROLE_BIT(role))
			summary_add(row, &n, role_name(role),
			    "does not answer");
	summary_add(row, &n, "", refusal);
	if (audit_failing())
		summary_add(row, &n, "", "the audit log cannot be written");
	for (s = stickies; s < &stickies[STICKY_MAX]; s++)
		if (s->kind != 0)
			summary_add(row, &n, watch_name(s->watch), s->text);
	for (i = 0; (pool = mux_pool_down(i)) != NULL; i++) {
		snprintf(text, sizeof(text), "pool %s: no member is up", pool);
		summary_add(row, &n, "", text);
	}
	if (n > PLACES)
		snprintf(row->notices[PLACES - 1], TEXT_LEN,
		    "and %zu more: see monitor and the log", n - PLACES + 1);
}

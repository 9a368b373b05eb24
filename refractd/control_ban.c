/*
 * An operator's ban: decided here, written down by the ledger, put into the
 * kernel by the enforcer; whose answer it is, the ban's id says.
 */
#include <sys/queue.h>

#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "channel.h"
#include "child.h"
#include "control_audit.h"
#include "control_ban.h"
#include "control_client.h"
#include "control_monitor.h"
#include "control_route.h"
#include "ctl_output.h"
#include "log.h"

#define ANSWER_SECONDS	10
#define SAY_MS		60000	/* a refusal is said once in this time */

static uint64_t	ban_file;	/* random: this control process */
static uint64_t	ban_count;

void
ban_init(void)
{
	do
		arc4random_buf(&ban_file, sizeof(ban_file));
	while (ban_file == 0);
}

static void
fill_ban(struct wire_ban *ban, const struct ctl_ban *req, const char *name)
{
	const struct conf *conf = child_conf();

	memset(ban, 0, sizeof(*ban));
	ban->id.file = ban_file;
	ban->id.offset = ++ban_count;
	ban->start = wall_now();
	ban->end = wall_add(ban->start, req->duration);
	ban->proto = req->proto;
	ban->port = req->port;
	ban->prefix = req->prefix;
	ban->flags = req->flags;
	if ((req->flags & BANF_PREFIX) == 0) {
		ban->offender = req->prefix;
		if (conf != NULL)
			prefix_group(&ban->prefix, conf->global.plen4,
			    conf->global.plen6);
	}
	strlcpy(ban->subject, name, sizeof(ban->subject));
}

static void
fill_decision(struct msg_decision *d, const struct wire_ban *ban,
    const char *reason)
{
	struct obuf evidence = OBUF(d->evidence);

	memset(d, 0, sizeof(*d));
	d->ban = *ban;
	if (ban->port != 0) {
		d->nports = 1;
		d->ports[0].port = ban->port;
		d->ports[0].proto = ban->proto;
	}
	obuf_clear(&evidence);
	obuf_vis(&evidence, reason, strlen(reason), OBUF_RAW);
}

void
ban_request(struct client *c, const void *data)
{
	const struct ctl_ban *req = data;
	struct msg_decision decision;
	struct wire_ban ban;

	if (child_channel(ROLE_ENFORCER, 0) == NULL) {
		route_nobody(c);
		return;
	}
	if (req->prefix.plen == 0) {
		client_result(c, 1, 0, "a prefix of length 0 is everybody");
		client_end(c);
		return;
	}
	fill_ban(&ban, req, c->name);
	fill_decision(&decision, &ban, req->reason);
	channel_send(child_channel(ROLE_LEDGER, 0), M_DECISION, c->req.id,
	    &decision, sizeof(decision));
	c->req.ban = ban.id.offset;
	strlcpy(c->req.outcome.text, decision.evidence,
	    sizeof(c->req.outcome.text));
	client_timer(c, ANSWER_SECONDS);
	route_ask(c, ROLE_ENFORCER, M_BAN, &ban, sizeof(ban));
}

/* Whose ban this is; NULL if it is not an operator's who waits. */
static struct client *
ban_asker(const struct wire_ban *ban)
{
	struct client *c;

	if (ban->id.watch != 0 || ban->id.file != ban_file ||
	    ban->id.offset == 0)
		return NULL;
	TAILQ_FOREACH(c, &clients, entry)
		if (c->req.id != 0 && c->req.type == C_BAN &&
		    c->req.ban == ban->id.offset)
			break;
	return c;
}

static void
ban_result(struct client *c, const struct wire_event *ev)
{
	char prefix[PREFIX_STRLEN], until[WALL_STRLEN];
	const char *why = outcome_why(ev->outcome);
	int ok = ev->outcome == BAN_APPLIED || ev->outcome == BAN_EXTENDED ||
	    ev->outcome == BAN_KEPT;

	prefix_print(&ev->ban.prefix, prefix);
	wall_print(ev->ban.end, until);
	if (ok)
		client_result(c, 0, 1, "%s is banned %s%s%s%s", prefix,
		    ev->ban.end == WALL_FOREVER ? "" : "until ", until,
		    *why != '\0' ? ": " : "", why);
	else
		client_result(c, 1, 0, "%s is not banned: %s%s%s", prefix, why,
		    ev->error != 0 ? ": " : "",
		    ev->error != 0 ? strerror(ev->error) : "");
	client_end(c);
}

void
ban_event(const struct wire_event *ev)
{
	struct client *c = ban_asker(&ev->ban);
	struct row_event row;

	event_row(&row, ev);
	if (c != NULL && c->req.outcome.text[0] != '\0')
		strlcpy(row.why, c->req.outcome.text, sizeof(row.why));
	monitor_refusals(ev);
	audit_event(&row);
	monitor_event(&row);
	if (c != NULL && ev->outcome != BAN_KILLED)
		ban_result(c, ev);
}

/* A worker may have been taken over: a restart applies what is recorded. */
static int
may_decide(const struct msg_decision *d)
{
	return d->nports == 0 && !d->no_ban && !d->past && !d->again &&
	    !d->rerun && (conf_listener_bans(child_conf(), &d->ban) ||
	    conf_listener_bans(child_conf_before(), &d->ban));
}

void
ban_mux_decision(const struct msg_decision *d)
{
	static mono_t	said;

	if (may_decide(d)) {
		channel_send(child_channel(ROLE_LEDGER, 0), M_DECISION, 0, d,
		    sizeof(*d));
		return;
	}
	if (said.ms != 0 && mono_since(said, mono_now()) < SAY_MS)
		return;
	said = mono_now();
	log_warnx("a worker of the mux told of a ban that no listener makes");
}

/*
 * Removing: the rules role takes out the rules, and then, when nothing refers
 * to them any more, the enforcer the sets.  No other child is started, and
 * both run as sandboxed as ever.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "args.h"
#include "channel.h"
#include "conf.h"
#include "log.h"
#include "msg.h"
#include "paths.h"
#include "procs.h"
#include "remove.h"
#include "sandbox.h"

#define REMOVE_LIMIT	60	/* seconds for each step */

static int	answered, failed;

static void
conf_ready(MSG_ARGS)
{
	answered = 1;
}

static void
conf_refused(MSG_ARGS)
{
	const struct msg_refused	*m = data;

	fatalx("sets: %s", log_vis(m->text, strlen(m->text)));
}

static void
outcome(MSG_ARGS)
{
	const struct msg_outcome	*m = data;
	const char			*what, *text;

	what = channel_peer(ch) == ROLE_RULES ? "rules" : "sets";
	text = log_vis(m->text, strlen(m->text));
	if (m->code != 0) {
		failed = 1;
		log_warnx("%s: %s", what, text);
	} else
		log_notice("%s: %s", what, *text == '\0' ? "removed" : text);
	answered = 1;
}

static void
stopped(int clean)
{
	exit(failed || !clean);
}

/* Send it and turn the loop until the answer is here. */
static void
ask(enum role role, uint32_t type, const void *data, size_t len)
{
	answered = 0;
	channel_send(procs_channel(role), type, 0, data, len);
	procs_turn_until(&answered, REMOVE_LIMIT, "no answer");
}

/*
 * A configuration tells the enforcer the names of an instance; what is missing
 * of them it makes, and destroys again.
 */
static void
name_sets(struct conf *c)
{
	c->generation = 1;
	answered = 0;
	conf_send(procs_channel(ROLE_ENFORCER), c, ROLE_ENFORCER);
	procs_turn_until(&answered, REMOVE_LIMIT, "no answer");
}

static void
remove_all(struct conf *c)
{
	struct msg_rules	m;

	memset(&m, 0, sizeof(m));
	m.action = c->global.action;
	m.hook = c->global.hook;
	strlcpy(m.instance, c->global.instance, sizeof(m.instance));
	ask(ROLE_RULES, M_RULES_REMOVE, &m, sizeof(m));
	if (*c->global.instance != '\0')
		name_sets(c);
	ask(ROLE_ENFORCER, M_SETS_DESTROY, NULL, 0);
}

int
remove_traces(struct conf *c, const char *dir, int verbose)
{
	static const struct handler	 from_rules[] = {
		{ M_RULES_OUTCOME, outcome },
		{ 0, NULL }
	};
	static const struct handler	 from_enforcer[] = {
		{ M_CONF_READY, conf_ready },
		{ M_CONF_REFUSED, conf_refused },
		{ M_SETS_GONE, outcome },
		{ 0, NULL }
	};
	struct event_base		*base;

	if ((base = event_base_new()) == NULL)
		fatalx("event base");
	signal(SIGPIPE, SIG_IGN);
	proc_set_role(ROLE_PARENT);
	procs_init(base, dir, c->state_dir, verbose);
	procs_handlers(ROLE_RULES, from_rules);
	procs_handlers(ROLE_ENFORCER, from_enforcer);
	sandbox_parent();
	procs_start(ROLE_RULES);
	procs_start(ROLE_ENFORCER);
	procs_wait(ROLE_BIT(ROLE_RULES) | ROLE_BIT(ROLE_ENFORCER));
	sandbox_parent_drop_net();
	remove_all(c);
	procs_stop(stopped);
	event_base_dispatch(base);
	return 1;
}

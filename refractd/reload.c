/*
 * The two phases.  First everything that can fail: parsing, what needs a
 * restart, opening logs, and every child's own preparation.  Then commits, in
 * an order in which no ban can be asked for before it can be carried out:
 * enforcer, rules, ledger, control, parser, and last the logs.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "args.h"
#include "conf.h"
#include "files.h"
#include "hot.h"
#include "log.h"
#include "msg.h"
#include "mux.h"
#include "nameservers.h"
#include "notify.h"
#include "ownlogs.h"
#include "parse.h"
#include "print_out.h"
#include "procs.h"
#include "reload.h"
#include "rotated.h"
#include "run.h"
#include "status.h"
#include "stream.h"
#include "tell.h"
#include "timer.h"

#define PREPARE_LIMIT	30	/* seconds for all to be ready */
#define COMMIT_LIMIT	60	/* seconds for one to be done */

enum phase { IDLE, PREPARING, COMMITTING, STARTING, RESTORING };

static const enum role	 commit_order[] = {
	ROLE_ENFORCER, ROLE_RULES, ROLE_LEDGER, ROLE_CONTROL, ROLE_MUX,
	ROLE_PARSER
};

static struct event_base	*base;
static const struct parse_args	*args;
static struct event		*limit_ev, *again_ev;
static struct conf		*current;
static struct text {
	char			*s;
	size_t			 len;
} texts[2];				/* of current: without secrets, with */
static int			 ended;		/* we stop */

static struct {
	enum phase	 phase;
	struct conf	*new;
	uint32_t	 asker;
	unsigned int	 waiting;	/* roles that have not answered */
	unsigned int	 workers;	/* ... and of the mux so many */
	size_t		 next;		/* in commit_order */
	struct ownlogs	 logs;		/* new ones */
	int		 restored;	/* M_RESTORED was here */
	int		 again;		/* asked for meanwhile, by nobody */
	char		 trouble[TEXT_LEN];	/* after the first commit */
	void		(*up)(void);
} now = { .logs = { -1, -1 } };

static struct {
	int	 busy;		/* rules were told, and have not answered */
	int	 again;		/* something changed meanwhile */
	int	 reloading;	/* the commit waits for the answer */
} rules;

static void	commit_next(void);

const struct conf *
reload_conf(void)
{
	return current;
}

const struct conf *
reload_next(void)
{
	return reload_committing() ? now.new : NULL;
}

int
reload_committing(void)
{
	return now.phase == COMMITTING;
}

static void
text_add(void *arg, const char *s)
{
	struct text	*t = arg;
	size_t		 n = strlen(s);
	char		*p;

	if ((p = realloc(t->s, t->len + n + 1)) == NULL)
		fatal("configuration");
	t->s = p;
	memcpy(t->s + t->len, s, n + 1);
	t->len += n;
}

const char *
reload_text(int secrets, size_t *len)
{
	struct text	*t = &texts[secrets != 0];

	if (t->s == NULL) {
		text_add(t, "");
		if (current != NULL) {
			print_secrets(secrets);
			conf_print(current, text_add, t);
			print_secrets(1);
		}
	}
	*len = t->len;
	return t->s;
}

static void
texts_drop(void)
{
	size_t	i;

	for (i = 0; i < 2; i++)
		if (texts[i].s != NULL)
			freezero(texts[i].s, texts[i].len);
	memset(texts, 0, sizeof(texts));
}

/* Bans, or sockets that only the enforcer can make. */
static int
needs_enforcer(const struct conf *c)
{
	struct conf_listener	*l;
	struct conf_route	*r;

	if (!TAILQ_EMPTY(&c->watches) || TAILQ_EMPTY(&c->mux.listeners))
		return 1;
	TAILQ_FOREACH(l, &c->mux.listeners, entry) {
		if (!TAILQ_EMPTY(&l->offences) || l->w.kind != LISTEN_MUX)
			return 1;
		TAILQ_FOREACH(r, &l->routes, entry)
			if (r->w.transparent)
				return 1;
	}
	return 0;
}

/*
 * Without a watch the operator's bans and those stored are work enough, but
 * not on a host that only proxies.
 */
unsigned int
reload_roles(const struct conf *c)
{
	unsigned int	roles = ROLE_BIT(ROLE_CONTROL);

	if (needs_enforcer(c))
		roles |= ROLE_BIT(ROLE_RULES) | ROLE_BIT(ROLE_ENFORCER) |
		    ROLE_BIT(ROLE_LEDGER);
	if (!TAILQ_EMPTY(&c->watches))
		roles |= ROLE_BIT(ROLE_PARSER);
	return roles;
}

/* Those who are told the configuration. */
static unsigned int
configured(void)
{
	return procs_alive() & ~(ROLE_BIT(ROLE_RULES) |
	    ROLE_BIT(ROLE_PARENT));
}

static void
limit_set(int seconds)
{
	event_del(limit_ev);
	if (seconds != 0)
		timer_set(limit_ev, (span_t)seconds * 1000);
}

/* Outcomes */

/* A line less rather than half a line. */
static void
outcome_text(char *to, const char *from)
{
	static const char	 more[] = "\n(more in the log)";
	char			*nl;

	if (strlcpy(to, from, TEXT_LEN) < TEXT_LEN)
		return;
	to[TEXT_LEN - sizeof(more)] = '\0';
	if ((nl = strrchr(to, '\n')) != NULL)
		*nl = '\0';
	strlcat(to, more, TEXT_LEN);
}

static void
log_lines(const char *s)
{
	size_t	n;

	for (; *s != '\0'; s += n + (s[n] == '\n')) {
		n = strcspn(s, "\n");
		log_warnx("%.*s", (int)n, s);
	}
}

static void
answer(uint32_t asker, int code, const char *s)
{
	char	t[TEXT_LEN];

	if (asker == 0)
		return;
	outcome_text(t, s);
	tell_outcome(procs_channel(ROLE_CONTROL), M_RESULT, asker, code, 0,
	    "%s", t);
}

static void
status(void)
{
	struct conf_watch	*w;
	unsigned int		 n = 0;

	TAILQ_FOREACH(w, &current->watches, entry)
		n++;
	notify_status("guarding: watches %u, logs %u, generation %u", n,
	    files_count(), current->generation);
}

/* In `show` until it is over: nobody may have read the answer, or the log. */
static void
notice(enum notice_kind kind, const char *what, const char *why)
{
	static int	told[NOTICE_MAX];
	char		t[TEXT_LEN] = "";

	if (*why == '\0' && !told[kind])
		return;
	told[kind] = *why != '\0';
	if (*why != '\0')
		snprintf(t, sizeof(t), "%s: %.*s", what,
		    (int)strcspn(why, "\n"), why);
	tell_notice(procs_channel(ROLE_CONTROL), 0, kind, 1, t);
}

/* A reload is over: watch what it read; another may have been asked for. */
static void
over(void)
{
	now.phase = IDLE;
	hot_watch(current->hot_reload);
	notify_ready();
	if (now.again)
		timer_set(again_ev, 0);
	now.again = 0;
}

/* Nothing has changed; whoever asked is told why. */
static void
give_up(const char *why)
{
	uint32_t	asker = now.asker;

	limit_set(0);
	files_abort();
	streams_abort();
	status_abort();
	mux_abort();
	ownlogs_close(&now.logs);
	conf_free(now.new);
	now.new = NULL;
	log_lines(why);
	if (current == NULL)
		exit(1);
	log_warnx("reload: nothing has changed");
	answer(asker, 1, why);
	notice(NOTICE_CONFIG, "reload", why);
	over();
}

/* All workers of a role; how many. */
static unsigned int
tell(enum role role, uint32_t type, const uint32_t *generation)
{
	struct channel	*ch = procs_channel(role);
	unsigned int	 i = 0, n = 0;

	do {
		if (role == ROLE_MUX)
			ch = procs_worker(i);
		if (ch == NULL)
			continue;
		if (type == M_CONF_BEGIN)
			conf_send(ch, now.new, role);
		else
			channel_send(ch, type, 0, generation,
			    sizeof(*generation));
		n++;
	} while (role == ROLE_MUX && ++i < MUX_WORKERS_MAX);
	if (role == ROLE_MUX)
		now.workers = n;
	return n;
}

static void
abort_all(unsigned int roles, const char *why)
{
	uint32_t	generation = now.new->generation;
	enum role	role;

	for (role = 0; role < ROLE_MAX; role++)
		if (roles & ROLE_BIT(role))
			tell(role, M_CONF_ABORT, &generation);
	give_up(why);
}

static void
took_too_long(EVENT_ARGS)
{
	enum role	role = 0;
	char		why[80];

	while (role < ROLE_MAX - 1 && !(now.waiting & ROLE_BIT(role)))
		role++;
	snprintf(why, sizeof(why), "%s does not answer", role_name(role));
	if (now.phase == PREPARING)
		abort_all(configured(), why);
	else
		fatalx("configuration: %s", why);
}

static void
start_again(EVENT_ARGS)
{
	reload_start(0);
}

static void
files_changed(void)
{
	log_info("hot reload: the configuration's files have changed");
	reload_start(0);
}

void
reload_init(struct event_base *b, const struct parse_args *a)
{
	base = b;
	args = a;
	limit_ev = evtimer_new(base, took_too_long, NULL);
	again_ev = evtimer_new(base, start_again, NULL);
	if (limit_ev == NULL || again_ev == NULL)
		fatalx("configuration: out of memory");
	hot_init(base, files_changed);
}

/* First phase */

/* What cannot change while we run; NULL: nothing of it does. */
static const char *
needs_restart(const struct conf *new)
{
	unsigned int	missing;

	if (current == NULL)
		return NULL;
	if (strcmp(new->global.instance, current->global.instance) != 0)
		return "instance: a change needs a restart";
	if (strcmp(new->state_dir, current->state_dir) != 0)
		return "state: a change needs a restart";
	if (strcmp(new->control_path, current->control_path) != 0)
		return "control: a change of its path needs a restart";
	missing = reload_roles(new) & ~procs_alive();
	if (missing & ROLE_BIT(ROLE_PARSER))
		return "watch: the first one needs a restart";
	if (missing & ROLE_BIT(ROLE_ENFORCER))
		return "ban: the first thing that bans needs a restart";
	return NULL;
}

/* 0, or -1 and why. */
static int
prepare_ours(char *why)
{
	const char	*restart;

	if ((restart = needs_restart(now.new)) != NULL) {
		strlcpy(why, restart, TEXT_LEN);
		return -1;
	}
	if (files_prepare(now.new, why, TEXT_LEN) == -1 ||
	    streams_prepare(now.new, why, TEXT_LEN) == -1 ||
	    status_prepare(now.new, why, TEXT_LEN) == -1 ||
	    mux_prepare(now.new, why, TEXT_LEN) == -1)
		return -1;
	return ownlogs_open(&now.logs, now.new, why, TEXT_LEN);
}

static void
prepare(struct conf *new, uint32_t asker)
{
	static uint32_t	 generation;
	char		 why[TEXT_LEN];
	enum role	 role;

	now.new = new;
	now.asker = asker;
	now.phase = PREPARING;
	*now.trouble = '\0';
	new->generation = ++generation;
	conf_adopt_ids(new, current);
	if (conf_mux_adopt(new, current, why) == -1 ||
	    prepare_ours(why) == -1) {
		give_up(why);
		return;
	}
	now.waiting = configured();
	for (role = 0; role < ROLE_MAX; role++)
		if (now.waiting & ROLE_BIT(role))
			tell(role, M_CONF_BEGIN, NULL);
	limit_set(PREPARE_LIMIT);
}

void
reload_first(struct conf *new, void (*up)(void))
{
	now.up = up;
	now.restored = (reload_roles(new) & ROLE_BIT(ROLE_ENFORCER)) == 0;
	prepare(new, 0);
}

void
reload_start(uint32_t asker)
{
	struct conf	*new;

	if (ended)
		return;
	if (now.phase != IDLE || current == NULL) {
		log_warnx("reload: one is under way%s", asker == 0 ?
		    ": another follows" : "");
		now.again |= asker == 0;
		answer(asker, 1, current == NULL ? "the daemon still starts" :
		    "a reload is under way");
		return;
	}
	notify_reloading();
	log_info("reload: %s", args->file == NULL ? "statements" : args->file);
	if ((new = parse_config(args)) == NULL) {
		log_warnx("reload: nothing has changed");
		answer(asker, 1, parse_errors());
		notice(NOTICE_CONFIG, "reload", parse_errors());
		over();
		return;
	}
	prepare(new, asker);
}

void
reload_cancel(void)
{
	if (limit_ev != NULL)
		limit_set(0);
	now.phase = IDLE;
	ended = 1;
}

/* A late answer to something that was given up means nothing. */
static int
is_answer(struct channel *ch, enum phase phase, uint32_t generation)
{
	return now.phase == phase && generation == now.new->generation &&
	    (now.waiting & ROLE_BIT(channel_peer(ch)));
}

void
reload_ready(MSG_ARGS)
{
	uint32_t	generation;

	memcpy(&generation, data, len);
	if (!is_answer(ch, PREPARING, generation))
		return;
	if (channel_peer(ch) == ROLE_MUX && --now.workers > 0)
		return;
	now.waiting &= ~ROLE_BIT(channel_peer(ch));
	if (now.waiting != 0)
		return;
	now.phase = COMMITTING;
	now.next = 0;
	commit_next();
}

/* Who refused has forgotten it already. */
void
reload_refused(MSG_ARGS)
{
	struct msg_refused	 m;
	enum role		 role = channel_peer(ch);
	char			*p;

	memcpy(&m, data, len);
	/* One line, and nothing that a terminal obeys. */
	for (p = m.text; *p != '\0'; p++)
		if (iscntrl((unsigned char)*p))
			*p = '?';
	if (is_answer(ch, PREPARING, m.generation))
		abort_all(role == ROLE_MUX ? configured() : configured() &
		    ~ROLE_BIT(role), m.text);
}

/* Second phase */

static void
rules_send(const struct conf *c)
{
	struct msg_rules	m;

	if (rules.busy) {
		rules.again = 1;
		return;
	}
	memset(&m, 0, sizeof(m));
	m.action = c->global.action;
	m.hook = c->global.hook;
	strlcpy(m.instance, c->global.instance, sizeof(m.instance));
	rules.busy = 1;
	channel_send(procs_channel(ROLE_RULES), M_RULES_INSTALL, 0, &m,
	    sizeof(m));
}

/* 1 if the rules are to be told and answer. */
static int
commit_rules(void)
{
	if (current != NULL &&
	    current->global.action == now.new->global.action &&
	    current->global.hook == now.new->global.hook)
		return 0;
	rules.reloading = 1;
	rules_send(now.new);
	return 1;
}

static int
commit_child(enum role role)
{
	uint32_t	generation = now.new->generation;

	if (!(procs_alive() & ROLE_BIT(role)))
		return 0;
	if (role == ROLE_RULES)
		return commit_rules();
	return tell(role, M_CONF_COMMIT, &generation) > 0;
}

static void
finish(void)
{
	char	line[TEXT_LEN + 64];

	limit_set(0);
	status();
	over();
	if (now.up != NULL) {
		now.up();
		now.up = NULL;
		return;
	}
	run_commit(current);
	snprintf(line, sizeof(line), "reloaded: generation %u%s%s",
	    current->generation, *now.trouble == '\0' ? "" : ", but ",
	    now.trouble);
	log_notice("%s", line);
	answer(now.asker, *now.trouble != '\0', line);
	notice(NOTICE_CONFIG, "reload", now.trouble);
}

/* All use it: now we do. */
static void
commit_ours(void)
{
	struct msg_boot	boot;

	conf_free(current);
	current = now.new;
	now.new = NULL;
	texts_drop();
	ownlogs_pass(&now.logs, current, procs_channel(ROLE_CONTROL));
	nameservers_commit(current);
	status_commit(current, procs_channel(ROLE_CONTROL));
	mux_commit(current);
	proc_set_state(STATE_RUNNING);
	files_commit(current);
	streams_commit(current);
	rotated_boot(boot.boot, sizeof(boot.boot));
	channel_send(procs_channel(ROLE_PARSER), M_FILES_DONE, 0, &boot,
	    sizeof(boot));
	if (now.up == NULL || now.restored)
		finish();
	else {
		/* a million bans may take their time */
		limit_set(0);
		now.phase = RESTORING;
		notify_status("restoring bans");
	}
}

/* Once, when all stands and before anything is read. */
static void
start_commands(void)
{
	if (now.phase == STARTING && now.restored)
		run_start(now.new, commit_ours);
}

static void
commit_next(void)
{
	enum role	role;

	while (now.next < sizeof(commit_order) / sizeof(commit_order[0])) {
		role = commit_order[now.next++];
		if (commit_child(role)) {
			now.waiting = ROLE_BIT(role);
			limit_set(COMMIT_LIMIT);
			return;
		}
	}
	if (now.up == NULL || TAILQ_EMPTY(&now.new->start)) {
		commit_ours();
		return;
	}
	limit_set(0);
	now.phase = STARTING;
	notify_status("start commands");
	start_commands();
}

void
reload_done(MSG_ARGS)
{
	uint32_t	generation;

	memcpy(&generation, data, len);
	if (!is_answer(ch, COMMITTING, generation))
		return;
	if (channel_peer(ch) == ROLE_MUX && --now.workers > 0)
		return;
	commit_next();
}

void
reload_restored(MSG_ARGS)
{
	const struct msg_outcome	*m = data;

	if (m->code != 0)
		log_warnx("stored bans: %s", log_vis(m->text,
		    strlen(m->text)));
	else if (m->count > 0)
		log_notice("stored bans: %u stand again", m->count);
	now.restored = 1;
	start_commands();
	if (now.phase == RESTORING)
		finish();
}

/* Rules: told at commit, and again whenever the enforcer finds drift. */

void
reload_rules(MSG_ARGS)
{
	const struct msg_outcome	*m = data;
	const char			*said = log_vis(m->text,
					    strlen(m->text));

	rules.busy = 0;
	if (m->code != 0 && current == NULL)
		fatalx("rules: %s", said);
	if (m->code != 0)
		log_warnx("rules: %s", said);
	else
		log_info("rules: %s", *said == '\0' ? "installed" : said);
	notice(NOTICE_DRIFT, "rules", said);
	if (rules.again) {
		rules.again = 0;
		rules_send(rules.reloading ? now.new : current);
	} else if (rules.reloading) {
		rules.reloading = 0;
		if (m->code != 0)
			snprintf(now.trouble, sizeof(now.trouble),
			    "rules: %.400s", said);
		commit_next();
	}
}

void
reload_drift(MSG_ARGS)
{
	const struct msg_outcome	*m = data;

	log_warnx("rules: %s: they are installed again", log_vis(m->text,
	    strlen(m->text)));
	if (now.phase == COMMITTING)
		rules_send(now.new);
	else if (current != NULL)
		rules_send(current);
}

/*
 * Programs that the configuration names: their arguments, who runs them, when.
 * Never root, and never a shell: the first argument is a program's path.
 */
#include <sys/queue.h>
#include <sys/socket.h>

#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "conf_list.h"
#include "input.h"
#include "log.h"
#include "run_argv.h"
#include "spawn.h"

#define TIMEOUT		60000		/* ms */
#define TIMEOUT_MAX	(24 * 3600 * 1000LL)
#define DELAY_MAX	(3650 * 24 * 3600 * 1000LL)
#define COMMANDS_MAX	64		/* start, and stop */
#define RUNS_MAX	64		/* of one watch */
#define FNV_BASIS	0xcbf29ce484222325ULL
#define FNV_PRIME	0x100000001b3ULL

/* Options of the statement that is read. */
static struct {
	struct val	user, group;	/* s NULL: not said */
	struct val	timeout, delay;
	struct val	at_exit, once, at_least_once, when, family;
	enum run_when	run_when;
	int		af;
} o;

/* Where a `run` stands. */
struct run_place {
	STAILQ_ENTRY(run_place)	 entry;
	struct conf_watch	*w;
	struct conf_run		*run;
	struct place		 at;
};

static STAILQ_HEAD(, run_place)	places = STAILQ_HEAD_INITIALIZER(places);
static struct once		most;

static uint32_t
run_max_default(void)
{
	long	n = sysconf(_SC_NPROCESSORS_ONLN);

	return n < 1 ? 1 : n > RUN_MAX ? RUN_MAX : (uint32_t)n;
}

void
commands_start(void)
{
	FREE_STAILQ(&places);
	memset(&most, 0, sizeof(most));
	build_conf()->run_max = run_max_default();
	command_options();
}

/* Options. */

void
command_options(void)
{
	memset(&o, 0, sizeof(o));
}

static void
option(struct val *dst, const struct val *v, const char *what)
{
	if (dst->s != NULL)
		report_error(&v->at, "found a second \"%s\", expected one",
		    what);
	else
		*dst = *v;
}

void
command_user(const struct val *v)
{
	option(&o.user, v, "user");
}

void
command_group(const struct val *v)
{
	option(&o.group, v, "group");
}

void
command_timeout(const struct val *v)
{
	if (build_span(v, 1000, TIMEOUT_MAX))
		option(&o.timeout, v, "timeout");
}

void
command_delay(const struct val *v)
{
	if (build_span(v, 1, DELAY_MAX))
		option(&o.delay, v, "delay");
}

void
command_at_exit(const struct val *v)
{
	option(&o.at_exit, v, "also at exit");
}

void
command_once(const struct val *v)
{
	option(&o.once, v, "once");
}

void
command_at_least_once(const struct val *v)
{
	option(&o.at_least_once, v, "at least once");
}

void
command_when(const struct val *v, enum run_when when)
{
	option(&o.when, v, "on");
	o.run_when = when;
}

void
command_family(const struct val *v, int af)
{
	option(&o.family, v, "only");
	o.af = af;
}

/* Who. */

static int
account_text(char dst[ACCOUNT_MAX_LEN], const struct val *v, const char *kind)
{
	memset(dst, 0, ACCOUNT_MAX_LEN);
	if (v->s != NULL)
		return build_text(dst, ACCOUNT_MAX_LEN, v, kind);
	strlcpy(dst, SPAWN_USER, ACCOUNT_MAX_LEN);
	return 0;
}

static int
group_check(const char *name, const struct place *at)
{
	struct group	*gr;

	if ((gr = getgrnam(name)) == NULL)
		report_error(at, "found group \"%s\", expected one that exists",
		    name);
	else if (gr->gr_gid == 0)
		report_error(at, "found group \"%s\", expected one that is not "
		    "root's", name);
	else
		return 0;
	return -1;
}

/* A user's own group, if none is named. */
static int
group_of(char dst[ACCOUNT_MAX_LEN], gid_t gid, const struct place *at)
{
	struct group	*gr;

	if ((gr = getgrgid(gid)) == NULL) {
		report_error(at, "found a user whose group %u has no name, "
		    "expected \"group\" too", (unsigned int)gid);
		return -1;
	}
	memset(dst, 0, ACCOUNT_MAX_LEN);
	strlcpy(dst, gr->gr_name, ACCOUNT_MAX_LEN);
	return 0;
}

static int
account(struct conf_command *c, const struct place *at)
{
	struct passwd	*pw;

	if (account_text(c->user, &o.user, "a user's name") == -1 ||
	    account_text(c->group, &o.group, "a group's name") == -1)
		return -1;
	if (input_closed)
		return 0;
	if ((pw = getpwnam(c->user)) == NULL) {
		report_error(at, "found user \"%s\", expected one that exists",
		    c->user);
		return -1;
	}
	if (pw->pw_uid == 0) {
		report_error(at, "found user \"%s\", expected one that is not "
		    "root", c->user);
		return -1;
	}
	if (o.user.s != NULL && o.group.s == NULL &&
	    group_of(c->group, pw->pw_gid, at) == -1)
		return -1;
	return group_check(c->group, at);
}

/* What. */

static void
check_program(const struct val *v)
{
	if (*v->s != '/')
		report_error(&v->at, "found \"%s\", expected the path of a "
		    "program that begins with /", log_vis(v->s, v->len));
	else if (!input_closed && access(v->s, F_OK) == -1)
		report_warning(&v->at, "there is no \"%s\"",
		    log_vis(v->s, v->len));
}

/* 0, or -1 reported. */
static int
take_args(struct conf_command *c, const struct place *at)
{
	const struct val	*v;
	size_t			 i, n;
	char			*p;

	v = build_items(&n, at);
	if (n > ARGV_MAX) {
		report_error(at, "found %zu arguments, expected at most %d", n,
		    ARGV_MAX);
		return -1;
	}
	for (i = 0; i < n; i++) {
		if (v[i].bad)
			return -1;
		if (strlen(v[i].s) != v[i].len) {
			report_error(&v[i].at, "found a NUL byte, expected an "
			    "argument");
			return -1;
		}
		c->args_len += v[i].len + 1;
	}
	if (c->args_len > ARGV_MAX_LEN) {
		report_error(at, "found %zu bytes of arguments, expected at "
		    "most %d", c->args_len, ARGV_MAX_LEN);
		return -1;
	}
	if (n == 0)
		return -1;
	check_program(&v[0]);
	p = c->args = conf_alloc(c->args_len);
	for (i = 0; i < n; p += v[i++].len + 1)
		memcpy(p, v[i].s, v[i].len);
	c->argc = n;
	return 0;
}

int
command_take(struct conf_command *c, const struct val *at)
{
	int	status = -1;

	memset(c, 0, sizeof(*c));
	c->timeout = o.timeout.s == NULL ? TIMEOUT : o.timeout.n;
	if (take_args(c, &at->at) == 0 && account(c, &at->at) == 0)
		status = 0;
	if (status == -1) {
		free(c->args);
		c->args = NULL;
	}
	build_clear();
	return status;
}

/* start { argv }, stop { argv } */

static void
command_add(struct conf_commands *list, const struct val *at)
{
	struct conf_command	*c;
	size_t			 n = 0;

	TAILQ_FOREACH(c, list, entry)
		n++;
	if (n == COMMANDS_MAX)
		report_error(&at->at, "found more than %d of these, expected "
		    "fewer", COMMANDS_MAX);
	c = conf_alloc(sizeof(*c));
	if (command_take(c, at) == 0 && n < COMMANDS_MAX) {
		TAILQ_INSERT_TAIL(list, c, entry);
		return;
	}
	free(c->args);
	free(c);
}

void
command_start(const struct val *at)
{
	command_add(&build_conf()->start, at);
}

void
command_stop(const struct val *at)
{
	command_add(&build_conf()->stop, at);
}

void
command_most(const struct val *v)
{
	struct conf	*c = build_conf();

	if (!build_once(&most, &v->at, "commands at most"))
		return;
	c->run_max_said = strcmp(v->s, "cpus") != 0;
	if (!c->run_max_said)
		c->run_max = run_max_default();
	else if (build_range(v, 1, RUN_MAX, "a number of commands"))
		c->run_max = v->n;
}

/* run { argv } */

static uint64_t
fnv(uint64_t h, const void *data, size_t len)
{
	const unsigned char	*p = data;

	while (len-- > 0)
		h = (h ^ *p++) * FNV_PRIME;
	return h;
}

/* The same over restarts, builds and machines. */
static uint64_t
run_hash(const struct conf_watch *w, const struct conf_run *r)
{
	uint64_t	h, delay = (uint64_t)r->w.delay;
	unsigned char	bytes[9];
	int		i;

	h = fnv(FNV_BASIS, w->w.name, strlen(w->w.name) + 1);
	h = fnv(h, r->text, r->len);
	bytes[0] = r->w.when;
	for (i = 0; i < 8; i++)
		bytes[i + 1] = delay >> (8 * i);
	h = fnv(h, bytes, sizeof(bytes));
	return h == 0 ? 1 : h;
}

static int
run_is_new(const struct conf_watch *w, const struct conf_run *r,
    const struct place *at)
{
	struct conf_run	*same;
	size_t		 n = 0;

	TAILQ_FOREACH(same, &w->runs, entry) {
		n++;
		if (same->w.hash == r->w.hash) {
			report_error(at, "found the same command a second "
			    "time, expected one");
			return 0;
		}
	}
	if (n < RUNS_MAX)
		return 1;
	report_error(at, "found more than %d commands in one watch, expected "
	    "fewer", RUNS_MAX);
	return 0;
}

static void
run_fill(struct conf_run *r, const struct conf_watch *w,
    const struct conf_command *c)
{
	r->text = c->args;
	r->len = c->args_len;
	r->w.id = conf_new_id();
	r->w.watch = w->w.id;
	r->w.argc = c->argc;
	r->w.timeout = c->timeout;
	r->w.delay = o.delay.s == NULL ? 0 : o.delay.n;
	r->w.when = o.run_when;
	r->w.at_exit = o.at_exit.s != NULL;
	r->w.once = o.once.s != NULL;
	r->w.at_least_once = o.at_least_once.s != NULL;
	r->w.family = o.af;
	memcpy(r->w.user, c->user, sizeof(r->w.user));
	memcpy(r->w.group, c->group, sizeof(r->w.group));
	r->w.hash = run_hash(w, r);
}

void
command_run(const struct val *at)
{
	struct conf_watch	*w = watch_now();
	struct conf_command	 c;
	struct conf_run		*r;
	struct run_place	*p;

	if (command_take(&c, at) == -1)
		return;
	if (o.at_exit.s != NULL && o.delay.s == NULL)
		report_error(&at->at, "found \"also at exit\" without a delay, "
		    "expected \"delay\" too");
	r = conf_alloc(sizeof(*r));
	run_fill(r, w, &c);
	if (!run_is_new(w, r, &at->at)) {
		free(r->text);
		free(r);
		return;
	}
	TAILQ_INSERT_TAIL(&w->runs, r, entry);
	p = conf_alloc(sizeof(*p));
	p->w = w;
	p->run = r;
	p->at = at->at;
	STAILQ_INSERT_TAIL(&places, p, entry);
}

/* At the end. */

static void
check_argument(const char *s, int program, const struct names *names,
    const struct place *at)
{
	char	name[VALUE_NAME_LEN] = "";
	size_t	n;

	for (; *s != '\0'; s++) {
		n = run_argv_escapes(s);
		s += n;
		if (n % 2 == 1 || (n = run_argv_tag(s)) == 0)
			continue;
		if (program) {
			report_error(at, "found %.*s in a program's path, "
			    "expected it in an argument", (int)n, s);
			return;
		}
		if (n - 2 < sizeof(name)) {
			memcpy(name, s + 1, n - 2);
			name[n - 2] = '\0';
			if (names_has(names, name))
				continue;
		}
		report_error(at, "found %.*s in an argument, expected <addr>, "
		    "<net>, <watch>, <count>, <match> or a value that a match "
		    "captures%s", (int)n, s, names_hint(names, name));
	}
}

static void
check_run(const struct run_place *p, const struct names *names)
{
	const char	*s = p->run->text;
	unsigned int	 i;

	if (p->run->w.when != RUN_OFFENCE && !p->w->w.bans)
		report_error(&p->at, "found a command on a ban, expected it in "
		    "a watch that bans");
	for (i = 0; i < p->run->w.argc; i++, s += strlen(s) + 1)
		check_argument(s, i == 0, names, &p->at);
}

void
commands_finish(const struct conf_watch *w, const struct names *captured)
{
	static const char *const tags[] = { "addr", "net", "watch",
				    "count", "match" };
	struct run_place	*p;
	struct names		 names = { 0 };
	size_t			 i;

	for (i = 0; i < captured->n; i++)
		names_add(&names, captured->list[i]);
	for (i = 0; i < sizeof(tags) / sizeof(tags[0]); i++)
		names_add(&names, tags[i]);
	STAILQ_FOREACH(p, &places, entry)
		if (p->w == w)
			check_run(p, &names);
	names_free(&names);
}

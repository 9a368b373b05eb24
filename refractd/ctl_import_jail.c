/*
 * Jails: jail.conf, jail.d/, jail.local and their filters and actions, in
 * fail2ban's order, as it would read them.
 */
#include <ctype.h>
#include <glob.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ctl_import_jail.h"
#include "f2b_filter.h"
#include "f2b_text.h"
#include "log.h"

/* What is asked first: the rest may name what the filter says. */
static const char *const first_keys[] = { "enabled", "backend", "filter" };

static const char *const jail_keys[] = { "backend", "maxretry", "maxmatches",
    "findtime", "bantime", "bantime.increment", "bantime.factor",
    "bantime.formula", "bantime.multipliers", "bantime.maxtime",
    "bantime.rndtime", "bantime.overalljails", "ignorecommand", "ignoreself",
    "ignoreip", "logtimezone", "logencoding", "logpath", "action", "port",
    "protocol", NULL };

static const char *const action_keys[] = { "actionstart", "actionstop",
    "actionban", "actionunban", "norestored", NULL };

const char *
jail_get(const struct jail *j, const char *key)
{
	const char *v = ini_opts_get(&j->opts, key);

	return v == NULL ? "" : v;
}

int
import_bool(const char *s)
{
	return strcasecmp(s, "true") == 0 || strcasecmp(s, "yes") == 0 ||
	    strcasecmp(s, "on") == 0 || strcmp(s, "1") == 0;
}

/* An option of the jail, if it has it, without its marks: 0 or -1. */
static int
take(struct import *im, struct jail *j, const char *key, const char *missing)
{
	char	*v;
	int	 status = ini_get(&im->ini, j->name, key, NULL, &v);

	if (status == 1) {
		ini_opts_set(&j->opts, key, ini_plain(v));
		free(v);
	} else if (status == 0 && missing != NULL)
		ini_opts_set(&j->opts, key, missing);
	return status == -1 ? -1 : 0;
}

/* 0 or -1; why says where. */
static int
refuse(struct import *im, struct jail *j)
{
	strlcpy(j->why, im->ini.why, sizeof(j->why));
	*im->ini.why = '\0';
	j->bad = 1;
	return -1;
}

static int
is_systemd(const struct jail *j)
{
	return strncmp(jail_get(j, "backend"), "systemd", 7) == 0;
}

/* What the filter has is known/... to the jail. */
static void
set_known(struct import *im, struct jail *j, struct ini_opts *from)
{
	struct ini_section	*s = ini_section(&im->ini.merged, j->name);
	struct f2b_text		 t = { 0 };
	size_t			 i;

	for (i = 0; i < from->n; i++) {
		if (strncmp(from->v[i].name, "known/", 6) == 0)
			continue;
		text_printf(&t, "known/%s", from->v[i].name);
		ini_opts_set(&s->opts, t.s, ini_plain(from->v[i].value));
		text_clear(&t);
	}
}

static int
read_filter(struct import *im, struct jail *j)
{
	struct ini_opts	 given = { 0 }, all = { 0 };
	struct f2b_text	 t = { 0 };
	struct ini	 ini;
	int		 status;

	j->filter = f2b_split(jail_get(j, "filter"), &j->given, j->why,
	    sizeof(j->why));
	if (j->filter == NULL) {
		j->bad = 1;
		return -1;
	}
	ini_init(&ini);
	ini_opts_merge(&given, &j->given);
	if (ini_opts_get(&given, "logtype") == NULL)
		ini_opts_set(&given, "logtype", is_systemd(j) ? "journal" :
		    "file");
	text_printf(&t, "%s/filter.d/%s", im->dir, j->filter);
	status = ini_read(&ini, t.s);
	if (status == 0)
		status = f2b_combine(&ini, &given, &j->opts, f2b_filter_keys,
		    1, &all);
	if (status == 0)
		set_known(im, j, &all);
	else {
		strlcpy(j->why, ini.why, sizeof(j->why));
		j->bad = 1;
	}
	text_clear(&t);
	ini_opts_free(&given);
	ini_opts_free(&all);
	ini_free(&ini);
	return status;
}

/* A name and its options in brackets: where it ends. */
static const char *
action_end(const char *p)
{
	const char	*next;
	char		 quote = '\0';
	int		 depth = 0;

	for (; *p != '\0'; p++) {
		if (quote != '\0')
			quote = *p == quote ? '\0' : quote;
		else if (depth > 0 && (*p == '"' || *p == '\''))
			quote = *p;
		else if (*p == '[')
			depth++;
		else if (*p == ']' && depth > 0)
			depth--;
		else if (depth == 0 && isspace((unsigned char)*p)) {
			next = p + strspn(p, " \t\n");
			if (*next != '[')
				break;
			p = next - 1;
		}
	}
	return p;
}

/* Those that block an address: refract does it itself. */
static int
is_native(const char *name)
{
	static const char *const begins[] = { "iptables", "ip6tables",
	    "nftables", "firewallcmd", "ufw", "shorewall", "pf", "ipfw",
	    "bsd-ipfw", "osx-", "npf", "ipfilter", "route", "hostsdeny", "apf",
	    "symbiosis-blacklist" };
	size_t	i;

	for (i = 0; i < sizeof(begins) / sizeof(begins[0]); i++)
		if (strncmp(name, begins[i], strlen(begins[i])) == 0)
			return 1;
	return 0;
}

static int
read_action(struct import *im, struct jail *j, struct action *a,
    struct ini_opts *given)
{
	struct ini_opts	 outer = { 0 };
	struct f2b_text	 t = { 0 };
	struct ini	 ini;
	size_t		 i;
	int		 status;

	a->native = is_native(a->name);
	if (ini_opts_get(given, "name") == NULL)
		ini_opts_set(given, "name", j->name);
	if (ini_opts_get(given, "actname") == NULL)
		ini_opts_set(given, "actname", a->name);
	if (strlen(a->name) > 3 &&
	    strcmp(a->name + strlen(a->name) - 3, ".py") == 0)
		return 0;
	ini_init(&ini);
	/* <bantime> is that of a ban, not what the jail says. */
	for (i = 0; i < j->opts.n; i++)
		if (strcmp(j->opts.v[i].name, "bantime") != 0)
			ini_opts_set(&outer, j->opts.v[i].name,
			    j->opts.v[i].value);
	text_printf(&t, "%s/action.d/%s", im->dir, a->name);
	status = ini_read(&ini, t.s);
	if (status == 0)
		status = f2b_combine(&ini, given, &outer, action_keys, 0,
		    &a->opts);
	for (i = 0; i < a->opts.n; i++)
		ini_plain(a->opts.v[i].value);
	if (status == -1)
		strlcpy(j->why, ini.why, sizeof(j->why));
	ini_opts_free(&outer);
	text_clear(&t);
	ini_free(&ini);
	return status;
}

static int
add_action(struct import *im, struct jail *j, const char *text)
{
	struct ini_opts	 given = { 0 };
	struct action	*a;
	int		 status = -1;

	a = reallocarray(j->actions, j->nactions + 1, sizeof(*a));
	if (a == NULL)
		fatal("fail2ban's files");
	j->actions = a;
	a += j->nactions;
	memset(a, 0, sizeof(*a));
	a->name = f2b_split(text, &given, j->why, sizeof(j->why));
	if (a->name != NULL) {
		j->nactions++;
		status = read_action(im, j, a, &given);
	}
	ini_opts_free(&given);
	return status;
}

static int
actions_read(struct import *im, struct jail *j)
{
	const char	*p = jail_get(j, "action"), *end;
	char		*text;
	int		 status = 0;

	while (status == 0 && *(p += strspn(p, " \t\n")) != '\0') {
		end = action_end(p);
		text = text_dup(p, end - p);
		status = add_action(im, j, text);
		free(text);
		p = end;
	}
	j->bad |= status == -1;
	return status;
}

static void
actions_free(struct jail *j)
{
	while (j->nactions > 0) {
		j->nactions--;
		free(j->actions[j->nactions].name);
		ini_opts_free(&j->actions[j->nactions].opts);
	}
	free(j->actions);
}

static int
path_exists(const char *pattern)
{
	glob_t	g;
	int	found = glob(pattern, 0, NULL, &g) == 0;

	if (found)
		globfree(&g);
	return found;
}

static int
is_absolute(const char *path)
{
	return *path == '/';
}

/* 1 if one is so; each is "path" or "path tail". */
static int
any_log(const struct jail *j, int (*fn)(const char *))
{
	const char	*list = jail_get(j, "logpath");
	char		*copy = text_dup(list, strlen(list)), *p = copy, *line;
	int		 found = 0;

	while (!found && (line = strsep(&p, "\n")) != NULL) {
		line[strcspn(line, " ")] = '\0';
		found = is_absolute(line) && fn(line);
	}
	free(copy);
	return found;
}

static int
has_logs(const struct jail *j)
{
	return any_log(j, path_exists);
}

static int
names_logs(const struct jail *j)
{
	return any_log(j, is_absolute);
}

/* What the jail says in the filter's stead is an option of the filter too. */
static void
take_overrides(struct import *im, struct jail *j)
{
	static const char *const keys[] = { "prefregex", "failregex",
	    "ignoreregex", "datepattern", "maxlines", "journalmatch" };
	size_t	i;
	char	*v;

	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (ini_get(&im->ini, j->name, keys[i], NULL, &v) == 1) {
			ini_opts_set(&j->given, keys[i], ini_plain(v));
			free(v);
		}
}

/* refract reads the filter as it will be read, and knows its journalmatch. */
static int
load_filter(struct import *im, struct jail *j)
{
	struct f2b_args	 args = { .name = j->filter, .dir = im->dir };
	struct f2b_text	 t = { 0 };
	const char	*v;
	size_t		 i;
	int		 status;

	for (i = 0; i < j->given.n; i++) {
		v = j->given.v[i].value;
		text_printf(&t, "%s%s=%c%s%c", i == 0 ? "" : ", ",
		    j->given.v[i].name, strchr(v, '"') == NULL ? '"' : '\'',
		    v, strchr(v, '"') == NULL ? '"' : '\'');
	}
	args.options = t.s;
	args.journal = is_systemd(j);
	status = f2b_load(&args, &j->f2b, j->why, sizeof(j->why));
	text_clear(&t);
	j->bad |= status == -1;
	return status;
}

/* A quote as the regex has it otherwise; an empty line is no regex. */
static void
escape_line(struct f2b_text *t, const char *p, int regex)
{
	if (*p == '\0')
		return;
	if (t->len > 0)
		text_str(t, "\n");
	for (; *p != '\0'; p++)
		if (regex && (*p == '"' || *p == '\''))
			text_printf(t, "\\x%02x", *p);
		else
			text_put(t, p, 1);
}

/* Strings in options know no escapes, but regexes do. */
static void
escape_quotes(struct jail *j)
{
	struct f2b_text	 t = { 0 };
	char		*copy, *p, *line;
	size_t		 i;
	int		 regex;

	for (i = 0; i < j->given.n; i++) {
		regex = strstr(j->given.v[i].name, "regex") != NULL;
		copy = p = text_dup(j->given.v[i].value,
		    strlen(j->given.v[i].value));
		while ((line = strsep(&p, "\n")) != NULL)
			escape_line(&t, line, regex);
		free(copy);
		copy = text_take(&t);
		ini_opts_set(&j->given, j->given.v[i].name, copy);
		free(copy);
	}
}

static int
read_options(struct import *im, struct jail *j)
{
	size_t	i;

	for (i = 0; jail_keys[i] != NULL; i++)
		if (take(im, j, jail_keys[i], NULL) == -1)
			return refuse(im, j);
	if (take(im, j, "usedns", NULL) == -1)
		return refuse(im, j);
	return 0;
}

static int
read_jail(struct import *im, struct jail *j)
{
	if (read_filter(im, j) == -1 || read_options(im, j) == -1)
		return -1;
	take_overrides(im, j);
	escape_quotes(j);
	if (load_filter(im, j) == -1 || actions_read(im, j) == -1)
		return -1;
	j->journal = is_systemd(j) ||
	    (!has_logs(j) && j->f2b.njournal > 0);
	if (!j->journal && !names_logs(j)) {
		strlcpy(j->why, "no absolute logpath, and no journalmatch",
		    sizeof(j->why));
		j->bad = 1;
	}
	return 0;
}

static void
jail_free(struct jail *j)
{
	free(j->name);
	free(j->filter);
	ini_opts_free(&j->given);
	ini_opts_free(&j->opts);
	f2b_free(&j->f2b);
	actions_free(j);
}

/* A section: a jail, if it is enabled. */
static void
add_jail(struct import *im, const char *name)
{
	struct jail	*j;
	size_t		 i;
	int		 status = 0;

	j = reallocarray(im->jails, im->njails + 1, sizeof(*j));
	if (j == NULL)
		fatal("fail2ban's files");
	im->jails = j;
	j += im->njails;
	memset(j, 0, sizeof(*j));
	j->name = text_dup(name, strlen(name));
	for (i = 0; i < 3 && status == 0; i++)
		status = take(im, j, first_keys[i], i == 0 ? "false" : i == 1 ?
		    "auto" : "");
	if (status == -1)
		refuse(im, j);
	else if (!import_bool(jail_get(j, "enabled"))) {
		jail_free(j);
		return;
	} else
		read_jail(im, j);
	im->njails++;
}

int
jails_read(struct import *im)
{
	struct f2b_text	 t = { 0 };
	const char	*name;
	size_t		 i;
	int		 status;

	ini_init(&im->ini);
	text_printf(&t, "%s/jail", im->dir);
	status = ini_read(&im->ini, t.s);
	text_clear(&t);
	if (status == -1)
		return -1;
	ini_opts_set(&im->ini.merged.defaults, "fail2ban_version", "1.0.2");
	ini_opts_set(&im->ini.merged.defaults, "fail2ban_confpath", im->dir);
	for (i = 0; i < im->ini.merged.n; i++) {
		name = im->ini.merged.v[i].name;
		if (strcmp(name, "INCLUDES") != 0 &&
		    strncmp(name, "KNOWN/", 6) != 0)
			add_jail(im, name);
	}
	return 0;
}

void
jails_free(struct import *im)
{
	while (im->njails > 0)
		jail_free(&im->jails[--im->njails]);
	free(im->jails);
	ini_free(&im->ini);
}

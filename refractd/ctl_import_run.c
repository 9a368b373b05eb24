/*
 * Actions that are no bans: what they run becomes `run` of a shell, in which
 * <ip> and the like are the shell's variables and never its text.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl_import_jail.h"
#include "f2b_text.h"
#include "run_argv.h"

#define DELAY_MAX	(3650 * 24 * 3600 * 1000LL)
#define SCRIPT_MAX	3500		/* of ARGV_MAX_LEN */

/* fail2ban's tags, what the shell calls them, and ours. */
static const struct {
	const char	*tag, *var, *ours;
} values[] = {
	{ "ip",			"ip",		"<addr>" },
	{ "fid",		"ip",		"<addr>" },
	{ "F-ID",		"ip",		"<addr>" },
	{ "failures",		"failures",	"<count>" },
	{ "ipfailures",		"failures",	"<count>" },
	{ "ipjailfailures",	"failures",	"<count>" },
	{ "matches",		"matches",	"<match>" },
	{ "ipmatches",		"matches",	"<match>" },
	{ "ipjailmatches",	"matches",	"<match>" }
};

/* Those that the shell finds by itself. */
static const struct {
	const char	*tag, *text;
} commands[] = {
	{ "time",		"$(date +%s)" },
	{ "fq-hostname",	"$(hostname -f)" },
	{ "sh-hostname",	"$(hostname -s)" },
	{ "br",			"\n" },
	{ "sp",			" " }
};

struct script {
	struct f2b_text	 text;
	struct f2b_text	 lost;		/* tags that have no counterpart */
	/* The shell's arguments: $1 is vars[0], and given as args[0]. */
	char		**vars, **args;
	size_t		 nvars, nargs;
	char		 quote;		/* the shell's, where we are */
};

static size_t
tag_length(const char *p)
{
	size_t	n;

	for (n = 1; isalnum((unsigned char)p[n]) || p[n] == '_' ||
	    p[n] == '-' || p[n] == '.' || p[n] == '/'; n++)
		;
	return n > 1 && isalpha((unsigned char)p[1]) && p[n] == '>' ? n + 1 :
	    0;
}

/* An argument, wherever it stands: it is never more than one word. */
static void
put_variable(struct script *s, const char *name, const char *ours)
{
	size_t	i;

	for (i = 0; i < s->nvars && strcmp(s->vars[i], name) != 0; i++)
		;
	if (i == s->nvars) {
		text_add(&s->vars, &s->nvars, text_dup(name, strlen(name)));
		text_add(&s->args, &s->nargs, text_dup(ours, strlen(ours)));
	}
	if (s->quote == '\'')
		text_printf(&s->text, "'\"${%s}\"'", name);
	else if (s->quote == '"')
		text_printf(&s->text, "${%s}", name);
	else
		text_printf(&s->text, "\"${%s}\"", name);
}

static int
put_value(struct script *s, const char *tag)
{
	size_t	i;

	for (i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		if (strcmp(values[i].tag, tag) == 0) {
			put_variable(s, values[i].var, values[i].ours);
			return 1;
		}
	return 0;
}

static int
has_group(const struct f2b_regexes *r, const char *group)
{
	size_t	i;

	for (i = 0; i < r->n; i++)
		if (strstr(r->list[i].text, group) != NULL)
			return 1;
	return 0;
}

/* <F-NAME>: what the filter has captured under that name. */
static int
put_captured(struct script *s, const struct jail *j, const char *tag)
{
	struct f2b_text	 group = { 0 }, ours = { 0 };
	const char	*p;
	int		 found;

	if (strncmp(tag, "F-", 2) != 0)
		return 0;
	text_str(&ours, "<");
	for (p = tag + 2; *p != '\0'; p++)
		text_printf(&ours, "%c", tolower((unsigned char)*p));
	text_str(&ours, ">");
	text_printf(&group, "(?P%s", ours.s);
	found = has_group(&j->f2b.fail, group.s) ||
	    has_group(&j->f2b.prefix, group.s);
	if (found) {
		group.s[group.len - 1] = '\0';
		put_variable(s, group.s + 4, ours.s);
	}
	text_clear(&group);
	text_clear(&ours);
	return found;
}

static int
put_command(struct script *s, const char *tag)
{
	size_t	i;

	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(commands[i].tag, tag) == 0) {
			text_str(&s->text, commands[i].text);
			return 1;
		}
	return 0;
}

/* In seconds. */
static void
put_span(struct script *s, const char *said)
{
	span_t	span;

	if (import_span(&span, said) == -1 || span == SPAN_FOREVER)
		text_str(&s->text, "-1");
	else
		text_printf(&s->text, "%lld", (long long)(span / 1000));
}

static void
put_tag(struct script *s, const struct jail *j, const struct action *a,
    const char *tag)
{
	const char *v;

	if (put_value(s, tag) || put_captured(s, j, tag) ||
	    put_command(s, tag))
		return;
	if (strcmp(tag, "bantime") == 0 || strcmp(tag, "findtime") == 0)
		put_span(s, jail_get(j, tag));
	else if ((v = ini_opts_get(&a->opts, tag)) != NULL)
		text_str(&s->text, v);
	else
		text_printf(&s->lost, "%s<%s>", s->lost.len > 0 ? ", " : "",
		    tag);
}

static void
note_quote(struct script *s, char c)
{
	if (s->quote == c)
		s->quote = '\0';
	else if (s->quote == '\0')
		s->quote = c;
}

static void
make_script(struct script *s, const struct jail *j, const struct action *a,
    const char *p)
{
	char	*tag;
	size_t	 n;

	while (*p != '\0') {
		if (*p == '<' && (n = tag_length(p)) > 0) {
			tag = text_dup(p + 1, n - 2);
			put_tag(s, j, a, tag);
			free(tag);
			p += n;
			continue;
		}
		if (*p == '"' || *p == '\'')
			note_quote(s, *p);
		if (*p == '\\' && s->quote != '\'' && p[1] != '\0')
			text_put(&s->text, p++, 1);
		text_put(&s->text, p++, 1);
	}
}

static void
script_free(struct script *s)
{
	text_clear(&s->text);
	text_clear(&s->lost);
	text_list_free(s->vars, s->nvars);
	text_list_free(s->args, s->nargs);
}

/* The shell's text has no value in it: what looks like a name is none. */
static void
put_literal(struct f2b_text *t, const char *s)
{
	size_t	i, n;

	for (; *s != '\0'; s++) {
		n = run_argv_escapes(s);
		if (n > 0 || run_argv_tag(s) > 0) {
			for (i = 0; i < n; i++)
				text_str(t, "\\\\");
			text_str(t, "\\");
			s += n;
		}
		text_put(t, s, 1);
	}
}

/* It begins with ip=$1, failures=$2 and so on, as far as they are used. */
static void
print_run(const struct script *s, const struct action *a, const char *when)
{
	const char	*restored = ini_opts_get(&a->opts, "norestored");
	struct f2b_text	 t = { 0 };
	size_t		 i;

	for (i = 0; i < s->nvars; i++)
		text_printf(&t, "%s=$%zu\n", s->vars[i], i + 1);
	put_literal(&t, s->text.s);
	fputs("\trun { \"/bin/sh\", \"-c\", ", stdout);
	import_quote(t.s);
	printf(", ");
	import_quote(a->name);
	for (i = 0; i < s->nargs; i++)
		printf(", \"%s\"", s->args[i]);
	printf(" }%s%s\n", when,
	    restored != NULL && import_bool(restored) ? " once" : "");
	text_clear(&t);
}

static int
uses(const struct script *s, const char *var)
{
	size_t	i;

	for (i = 0; i < s->nvars; i++)
		if (strcmp(s->vars[i], var) == 0)
			return 1;
	return 0;
}

static void
import_run(const struct jail *j, const struct action *a, const char *key,
    const char *when)
{
	const char	*text = ini_opts_get(&a->opts, key);
	struct script	 s;

	if (text == NULL || *text == '\0')
		return;
	memset(&s, 0, sizeof(s));
	make_script(&s, j, a, text);
	if (s.text.len > SCRIPT_MAX)
		import_note(j, "%s: its %s is too long for run: write a "
		    "script of it", a->name, key);
	else {
		import_note(j, "%s: its %s runs as _refractx, not as root",
		    a->name, key);
		if (s.lost.len > 0)
			import_note(j, "%s: %s is nothing here", a->name,
			    s.lost.s);
		if (uses(&s, "matches"))
			import_note(j, "%s: <matches> is the last line",
			    a->name);
		print_run(&s, a, when);
	}
	script_free(&s);
}

static int
has_ban(const struct jail *j)
{
	size_t	i;

	for (i = 0; i < j->nactions; i++)
		if (j->actions[i].native)
			return 1;
	return 0;
}

/* Without a ban the end of it is a time. */
static void
import_action(const struct jail *j, const struct action *a, int bans)
{
	struct f2b_text	 delay = { 0 };
	char		 buf[SPAN_STRLEN];
	span_t		 span;

	if (a->opts.n == 0) {
		import_note(j, "action %s is Python: write a command of it",
		    a->name);
		return;
	}
	if (*jail_get(j, "bantime") != '\0' && !bans &&
	    import_span(&span, jail_get(j, "bantime")) == 0 &&
	    span > 0 && span <= DELAY_MAX)
		text_printf(&delay, " delay %s", span_print(span, buf));
	import_run(j, a, "actionban", bans ? " on ban" : "");
	if (bans || delay.len > 0)
		import_run(j, a, "actionunban", bans ? " on unban" : delay.s);
	if (ini_opts_get(&a->opts, "actionstart") != NULL &&
	    *ini_opts_get(&a->opts, "actionstart") != '\0')
		import_note(j, "%s: its actionstart and actionstop are not run",
		    a->name);
	text_clear(&delay);
}

void
import_runs(const struct jail *j)
{
	int	bans = has_ban(j);
	size_t	i;

	for (i = 0; i < j->nactions; i++)
		if (!j->actions[i].native)
			import_action(j, &j->actions[i], bans);
}

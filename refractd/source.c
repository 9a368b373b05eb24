/*
 * What a watch reads: files, the journal, commands, sockets, standard input.
 * A source's name is its identity over reloads and restarts.
 */
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "conf_list.h"
#include "log.h"
#include "source.h"

#define SOURCES_MAX	256
#define JOURNAL_MAX	64		/* matches of one source */
#define XRAY_LOG	"/var/log/xray/access.log"
#define UNIT		"_SYSTEMD_UNIT="

/* A journal that takes what a filter says. */
struct open_journal {
	STAILQ_ENTRY(open_journal) entry;
	struct conf_watch	*w;
	struct conf_source	*s;
	struct place		 at;
};

static STAILQ_HEAD(, open_journal) opens = STAILQ_HEAD_INITIALIZER(opens);

void
sources_start(void)
{
	FREE_STAILQ(&opens);
}

static struct conf_source *
source_find(const struct conf_watch *w, int kind, const char *name)
{
	struct conf_source	*s;

	TAILQ_FOREACH(s, &w->sources, entry)
		if (s->w.kind == kind && strcmp(s->w.path, name) == 0)
			break;
	return s;
}

static struct conf_source *
source_insert(struct conf_watch *w, int kind, const char *name)
{
	struct conf_source	*s = conf_alloc(sizeof(*s));

	s->w.id = conf_new_id();
	s->w.watch = w->w.id;
	s->w.kind = kind;
	strlcpy(s->w.path, name, sizeof(s->w.path));
	TAILQ_INSERT_TAIL(&w->sources, s, entry);
	return s;
}

/* NULL, reported: there are too many, or its name is too long. */
static struct conf_source *
source_new(int kind, const char *name, const struct place *at)
{
	struct conf_watch	*w = watch_now();
	struct conf_source	*s;
	size_t			 n = 0;

	TAILQ_FOREACH(s, &w->sources, entry)
		n++;
	if (n >= SOURCES_MAX)
		report_error(at, "found more than %d sources in one watch, "
		    "expected fewer", SOURCES_MAX);
	else if (strlen(name) >= sizeof(s->w.path))
		report_error(at, "found a source of %zu characters, expected "
		    "at most %zu", strlen(name), sizeof(s->w.path) - 1);
	else
		return source_insert(w, kind, name);
	return NULL;
}

/* The same: one that was not said before. */
static struct conf_source *
source_once(int kind, const char *name, const struct place *at)
{
	if (source_find(watch_now(), kind, name) == NULL)
		return source_new(kind, name, at);
	report_error(at, "found a second source \"%s\", expected one", name);
	return NULL;
}

/* source file PATH ... */

static void
file_add(const struct val *v, int from_start)
{
	struct conf_source	*s;

	if (build_path(v, PATH_MAX_LEN) == -1)
		return;
	if ((s = source_find(watch_now(), SOURCE_FILE, v->s)) == NULL &&
	    (s = source_new(SOURCE_FILE, v->s, &v->at)) == NULL)
		return;
	s->w.from_start = from_start;
}

void
source_files(const struct val *from)
{
	const struct val	*v;
	size_t			 i, n;

	v = build_items(&n, &from->at);
	for (i = 0; i < n; i++)
		file_add(&v[i], from->n);
	build_clear();
}

void
source_xray(struct conf_watch *w)
{
	if (TAILQ_EMPTY(&w->sources))
		source_insert(w, SOURCE_FILE, XRAY_LOG);
}

/* source journal */

/* One more string of args; a bare unit is what the journal calls it. */
static int
journal_add(struct conf_source *s, const char *text)
{
	const char	*head = "", *tail = "";
	char		*all, *p;
	int		 n;

	if (strcmp(text, "+") != 0 && *text != '/' &&
	    strchr(text, '=') == NULL) {
		head = UNIT;
		tail = strchr(text, '.') == NULL ? ".service" : "";
	}
	if ((n = asprintf(&all, "%s%s%s", head, text, tail)) == -1 ||
	    (p = realloc(s->args, s->args_len + n + 1)) == NULL)
		fatal("configuration");
	memcpy(p + s->args_len, all, n + 1);
	s->args = p;
	s->args_len += n + 1;
	s->argc++;
	free(all);
	return 0;
}

/* "journal ssh.service + _COMM=sshd in /dir" */
static void
journal_name(const struct conf_source *s, char *name, size_t size)
{
	const char	*p = s->args;
	unsigned int	 i;

	strlcpy(name, "journal", size);
	for (i = 0; i < s->argc; i++, p += strlen(p) + 1) {
		strlcat(name, " ", size);
		strlcat(name, strncmp(p, UNIT, strlen(UNIT)) == 0 ?
		    p + strlen(UNIT) : p, size);
	}
	if (s->dir != NULL) {
		strlcat(name, " in ", size);
		strlcat(name, s->dir, size);
	}
}

/* "FIELD=value", "+" between two of them, a program's path, or a unit. */
static int
journal_valid(const struct val *v, size_t i, size_t n)
{
	static const char	 field[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ_"
				    "0123456789";
	char			 buf[PATTERN_MAX_LEN];
	size_t			 len;

	if (build_text(buf, sizeof(buf), &v[i], "a unit or match") == -1)
		return 0;
	len = strcspn(buf, "=");
	if (strcmp(buf, "+") == 0 && i > 0 && i < n - 1 &&
	    strcmp(v[i - 1].s, "+") != 0)
		return 1;
	if (buf[len] == '=' && len > 0 && strspn(buf, field) == len)
		return 1;
	if (buf[len] == '\0' && (*buf == '/' ||
	    strpbrk(buf, " /*+") == NULL) && *buf != '-')
		return 1;
	report_error(&v[i].at, "found \"%s\", expected a unit, FIELD=value, "
	    "or \"+\" between two", buf);
	return 0;
}

static void
journal_open(struct conf_source *s, const struct place *at)
{
	struct open_journal	*o = conf_alloc(sizeof(*o));

	o->w = watch_now();
	o->s = s;
	o->at = *at;
	STAILQ_INSERT_TAIL(&opens, o, entry);
}

/* Its args are complete: 0, or -1 reported. */
static int
journal_rename(const struct conf_watch *w, struct conf_source *s,
    const struct place *at)
{
	char	name[PATH_MAX_LEN * 2];

	journal_name(s, name, sizeof(name));
	if (strlen(name) >= sizeof(s->w.path)) {
		report_error(at, "found journal matches of %zu characters, "
		    "expected fewer than %zu", strlen(name),
		    sizeof(s->w.path));
		return -1;
	}
	if (source_find(w, SOURCE_JOURNAL, name) != NULL) {
		report_error(at, "found a second source \"%s\", expected one",
		    name);
		return -1;
	}
	strlcpy(s->w.path, name, sizeof(s->w.path));
	return 0;
}

/* place->s: a journal's file or directory, NULL: this host's. */
void
source_journal(const struct val *at, const struct val *place,
    const struct val *from)
{
	struct conf_source	*s;
	const struct val	*v;
	size_t			 i, n;

	if (place->s != NULL && build_path(place, PATH_MAX_LEN) == -1)
		goto done;
	if ((s = source_new(SOURCE_JOURNAL, "", &at->at)) == NULL)
		goto done;
	s->w.from_start = from->n;
	if (place->s != NULL && (s->dir = strdup(place->s)) == NULL)
		fatal("configuration");
	if (at->n == 0) {
		journal_open(s, &at->at);
		goto done;
	}
	v = build_items(&n, &at->at);
	if (n > JOURNAL_MAX)
		report_error(&at->at, "found %zu matches, expected at most %d",
		    n, JOURNAL_MAX);
	for (i = 0; i < n && n <= JOURNAL_MAX; i++)
		if (journal_valid(v, i, n))
			journal_add(s, v[i].s);
	journal_rename(watch_now(), s, &at->at);
done:
	build_clear();
}

int
source_is_journal(const struct conf_watch *w)
{
	struct conf_source	*s;

	TAILQ_FOREACH(s, &w->sources, entry)
		if (s->w.kind != SOURCE_JOURNAL)
			return 0;
	return !TAILQ_EMPTY(&w->sources);
}

void
source_journal_default(struct conf_watch *w, char **list, size_t n)
{
	struct open_journal	*o;
	size_t			 i;

	STAILQ_FOREACH(o, &opens, entry) {
		if (o->w != w || n == 0)
			continue;
		if (o->s->argc > 0)
			journal_add(o->s, "+");
		for (i = 0; i < n && o->s->argc < JOURNAL_MAX; i++)
			journal_add(o->s, list[i]);
	}
}

/* source command { argv } */

void
source_command(const struct val *at)
{
	struct conf_command	 c = { 0 };
	struct conf_source	*s;
	char			 name[PATH_MAX_LEN * 2] = "command";
	const char		*p;
	unsigned int		 i;

	if (command_take(&c, at) == -1)
		return;
	for (i = 0, p = c.args; i < c.argc; i++, p += strlen(p) + 1) {
		strlcat(name, " ", sizeof(name));
		strlcat(name, p, sizeof(name));
	}
	if ((s = source_once(SOURCE_COMMAND, name, &at->at)) == NULL) {
		free(c.args);
		return;
	}
	s->args = c.args;
	s->args_len = c.args_len;
	s->argc = c.argc;
	memcpy(s->user, c.user, sizeof(s->user));
	memcpy(s->group, c.group, sizeof(s->group));
}

/* source syslog on ... */

void
source_syslog(const struct val *addr, const struct val *port)
{
	struct conf_source	*s;
	struct prefix		 p;
	char			 name[PATH_MAX_LEN], buf[PREFIX_STRLEN];

	if (prefix_parse(&p, addr->s) == -1 || !prefix_is_host(&p)) {
		report_error(&addr->at, "found %s, expected an address "
		    "without a length", addr->s);
		return;
	}
	if (!build_range(port, 1, 65535, "a port"))
		return;
	snprintf(name, sizeof(name), "syslog %s udp port %lld",
	    prefix_print(&p, buf), (long long)port->n);
	if ((s = source_once(SOURCE_SYSLOG, name, &addr->at)) == NULL)
		return;
	s->addr = p;
	s->port = port->n;
	if (!addr_is_loopback(&p))
		report_warning(&addr->at, "syslog on %s: other hosts can write "
		    "lines there, and with them have anybody banned", buf);
}

void
source_syslog_unix(const struct val *path)
{
	struct conf_source	*s;
	struct sockaddr_un	 un;
	char			 name[PATH_MAX_LEN];

	if (build_path(path, sizeof(un.sun_path)) == -1)
		return;
	snprintf(name, sizeof(name), "syslog %s", path->s);
	if ((s = source_once(SOURCE_SYSLOG, name, &path->at)) != NULL &&
	    (s->dir = strdup(path->s)) == NULL)
		fatal("configuration");
}

void
source_stdin(const struct val *at)
{
	source_once(SOURCE_STDIN, "stdin", &at->at);
}

/* At the end. */

void
sources_finish(struct conf_watch *w)
{
	struct open_journal	*o;

	STAILQ_FOREACH(o, &opens, entry) {
		if (o->w != w)
			continue;
		if (o->s->argc == 0)
			report_warning(&o->at, "watch \"%s\" reads all of the "
			    "journal", w->w.name);
		journal_rename(w, o->s, &o->at);
	}
}

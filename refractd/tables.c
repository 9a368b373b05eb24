/*
 * Tables: prefixes written in place, tables in tables, this host's addresses,
 * files.  A table may be named before it is defined, so what is nested is
 * put together at the end.
 */
#include <sys/queue.h>
#include <sys/socket.h>

#include <errno.h>
#include <ifaddrs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "build.h"
#include "input.h"
#include "log.h"
#include "parse.h"

#define NEST_MAX	32

struct nested {
	SLIST_ENTRY(nested)	 entry;
	struct info		*table;
	struct place		 at;
};

/* What the parser must know of a table beside what it is. */
struct info {
	STAILQ_ENTRY(info)	 entry;
	struct conf_table	*t;
	struct place		 at;	/* where it is defined, or used first */
	int			 layer;
	int			 defined;
	int			 done;	/* 1 being put together, 2 together */
	size_t			 items;
	size_t			 textlen, textroom;
	SLIST_HEAD(, nested)	 nested;
};

static STAILQ_HEAD(, info)	infos = STAILQ_HEAD_INITIALIZER(infos);
static struct info		*cur;
static size_t			 total;

/* Names that a pattern or a command would take for its own. */
static const char *const	tags[] = {
	"addr", "addr4", "addr6", "count", "host", "match", "prefix", "watch"
};

static void
nested_clear(struct info *i)
{
	struct nested	*n;

	while ((n = SLIST_FIRST(&i->nested)) != NULL) {
		SLIST_REMOVE_HEAD(&i->nested, entry);
		free(n);
	}
}

void
tables_start(void)
{
	struct info	*i;

	while ((i = STAILQ_FIRST(&infos)) != NULL) {
		STAILQ_REMOVE_HEAD(&infos, entry);
		nested_clear(i);
		free(i);
	}
	cur = NULL;
	total = 0;
}

static struct info *
info_new(const struct place *at)
{
	struct info	*i;

	if ((i = calloc(1, sizeof(*i))) == NULL)
		fatal("configuration");
	i->t = conf_table_new();
	i->at = *at;
	i->layer = build_layer_now();
	SLIST_INIT(&i->nested);
	STAILQ_INSERT_TAIL(&infos, i, entry);
	TAILQ_INSERT_TAIL(&build_conf()->tables, i->t, entry);
	return i;
}

static struct info *
info_byname(const char *name)
{
	struct info	*i;

	STAILQ_FOREACH(i, &infos, entry)
		if (*i->t->w.name != '\0' && strcmp(i->t->w.name, name) == 0)
			break;
	return i;
}

static struct info *
info_byid(uint32_t id)
{
	struct info	*i;

	STAILQ_FOREACH(i, &infos, entry)
		if (i->t->w.id == id)
			break;
	return i;
}

/* The table of this name, made if it was not named yet; NULL: reported. */
static struct info *
info_named(const struct val *v)
{
	struct info	*i;
	char		 name[NAME_MAX_LEN];
	size_t		 n;

	if (build_text(name, sizeof(name), v, "a table's name") == -1)
		return NULL;
	for (n = 0; n < sizeof(tags) / sizeof(tags[0]); n++)
		if (strcmp(name, tags[n]) == 0) {
			report_error(&v->at, "found table <%s>, expected a "
			    "name that is not a built-in tag", name);
			return NULL;
		}
	if ((i = info_byname(name)) == NULL) {
		i = info_new(&v->at);
		memcpy(i->t->w.name, name, sizeof(name));
	}
	return i;
}

/* A definition of the command line takes the place of the file's. */
static void
redefine(struct info *i)
{
	nested_clear(i);
	prefixset_clear(&i->t->prefixes);
	prefixset_init(&i->t->prefixes);
	free(i->t->text);
	i->t->text = NULL;
	i->textlen = i->textroom = 0;
	i->items = 0;
	i->t->self = 0;
}

void
table_open(const struct val *v)
{
	if ((cur = info_named(v)) == NULL)
		return;
	if (cur->defined && cur->layer == build_layer_now()) {
		report_error(&v->at, "found a second table <%s>, expected one: "
		    "the first is at %s:%d", cur->t->w.name, cur->at.file,
		    cur->at.line);
		cur = NULL;
		return;
	}
	redefine(cur);
	cur->defined = 1;
	cur->layer = build_layer_now();
	cur->at = v->at;
}

/* `never` may be said several times: its lists are one. */
void
table_open_never(const struct val *v)
{
	uint32_t	*id = &build_conf()->global.never;

	if (*id == 0) {
		cur = info_new(&v->at);
		cur->defined = 1;
		*id = cur->t->w.id;
	} else
		cur = info_byid(*id);
}

uint32_t
table_open_here(const struct val *v)
{
	cur = info_new(&v->at);
	cur->defined = 1;
	return cur->t->w.id;
}

void
table_close(void)
{
	cur = NULL;
}

/* One more line of what -nv prints. */
static void
add_text(const char *item)
{
	size_t	 len = strlen(item);
	char	*p;

	if (cur->textroom - cur->textlen < len + 2) {
		cur->textroom = cur->textroom * 2 + len + 64;
		if ((p = realloc(cur->t->text, cur->textroom)) == NULL)
			fatal("configuration");
		cur->t->text = p;
	}
	p = cur->t->text;
	memcpy(p + cur->textlen, item, len);
	cur->textlen += len;
	p[cur->textlen++] = '\n';
	p[cur->textlen] = '\0';
	cur->items++;
}

static void
add_prefix(struct info *i, const struct prefix *p, const struct place *at)
{
	if (total == CONF_PREFIXES_MAX)
		report_error(at, "found more than %d prefixes in all tables, "
		    "expected fewer", CONF_PREFIXES_MAX);
	if (total++ >= CONF_PREFIXES_MAX)
		return;
	if (prefixset_add(&i->t->prefixes, p) == -1)
		fatal("configuration");
}

int
table_parse_prefix(struct prefix *p, const struct val *v)
{
	struct prefix	 host;
	char		 buf[PREFIX_STRLEN];
	const char	*slash = strchr(v->s, '/');

	if (prefix_parse(p, v->s) == -1) {
		report_error(&v->at, "found \"%s\", expected an address or "
		    "prefix", log_vis(v->s, v->len));
		return -1;
	}
	if (p->plen == 0) {
		report_error(&v->at, "found %s, expected a prefix that is not "
		    "everybody", v->s);
		return -1;
	}
	if (slash != NULL && addr_parse(&host, v->s, slash - v->s) == 0 &&
	    host.family == p->family &&
	    memcmp(host.addr, p->addr, sizeof(p->addr)) != 0)
		report_warning(&v->at, "%s is not a prefix: %s is taken",
		    v->s, prefix_print(p, buf));
	return 0;
}

void
table_prefix(const struct val *v)
{
	struct prefix	p;
	char		buf[PREFIX_STRLEN];

	if (cur == NULL || table_parse_prefix(&p, v) == -1)
		return;
	add_prefix(cur, &p, &v->at);
	add_text(prefix_print(&p, buf));
}

void
table_nested(const struct val *v)
{
	struct nested	*n;
	struct info	*i;
	char		 buf[NAME_MAX_LEN + 2];

	if (cur == NULL || (i = info_named(v)) == NULL)
		return;
	if ((n = calloc(1, sizeof(*n))) == NULL)
		fatal("configuration");
	n->table = i;
	n->at = v->at;
	SLIST_INSERT_HEAD(&cur->nested, n, entry);
	snprintf(buf, sizeof(buf), "<%s>", i->t->w.name);
	add_text(buf);
}

/* The addresses this host has now; a reload looks again. */
void
table_self(const struct val *v)
{
	struct ifaddrs	*list, *ifa;
	struct prefix	 p;

	if (cur == NULL || cur->t->self)
		return;
	cur->t->self = 1;
	add_text("self");
	if (getifaddrs(&list) == -1) {
		report_error(&v->at, "self: %s", strerror(errno));
		return;
	}
	for (ifa = list; ifa != NULL; ifa = ifa->ifa_next)
		if (ifa->ifa_addr != NULL &&
		    addr_from_sockaddr(&p, ifa->ifa_addr, NULL) == 0)
			add_prefix(cur, &p, &v->at);
	freeifaddrs(list);
}

/* "prefix  # comment"; the line is changed. */
static void
file_line(char *line, const struct place *at)
{
	struct val	v = { .at = *at };
	struct prefix	p;
	char		*end;

	line[strcspn(line, "#")] = '\0';
	line += strspn(line, " \t");
	end = line + strlen(line);
	while (end > line && strchr(" \t\r", end[-1]) != NULL)
		*--end = '\0';
	if (*line == '\0' || report_enough())
		return;
	v.s = line;
	v.len = end - line;
	if (table_parse_prefix(&p, &v) == 0)
		add_prefix(cur, &p, at);
}

static void
file_lines(char *buf, const char *name)
{
	struct place	 at = { name, 0 };
	char		*line;

	while ((line = strsep(&buf, "\n")) != NULL) {
		at.line++;
		file_line(line, &at);
	}
}

/* As -nv prints it: good from any directory. */
static void
add_file_text(const char *name)
{
	char	*cwd = NULL, *text, *quoted;

	if (*name != '/' && (cwd = getcwd(NULL, 0)) == NULL)
		fatal("getcwd");
	if (asprintf(&text, "%s%s%s", cwd == NULL ? "" : cwd,
	    cwd == NULL ? "" : "/", name) == -1)
		fatal("configuration");
	quoted = parse_quote(text);
	if (asprintf(&cur->t->file, "file %s", quoted) == -1)
		fatal("configuration");
	add_text(cur->t->file);
	free(cur->t->file);
	cur->t->file = text;
	free(quoted);
	free(cwd);
}

void
table_file(const struct val *v)
{
	const char	*name;
	char		*path, *buf;
	char		 checked[PATH_MAX_LEN];
	size_t		 len;

	if (cur == NULL ||
	    build_text(checked, sizeof(checked), v, "a path") == -1)
		return;
	path = input_beside(checked, &v->at);
	if ((buf = input_read(path, &v->at, &len, &name)) != NULL) {
		if (memchr(buf, '\0', len) != NULL)
			report_error(&v->at, "%s: found a NUL byte, expected "
			    "text", path);
		else
			file_lines(buf, name);
		add_file_text(path);
	}
	free(buf);
	free(path);
}

uint32_t
table_used(const struct val *v)
{
	struct info	*i = info_named(v);

	return i == NULL ? 0 : i->t->w.id;
}

/* At the end. */

static void
report_undefined(const struct info *i)
{
	const char	**names, *near;
	struct info	 *o;
	size_t		  n = 0;

	STAILQ_FOREACH(o, &infos, entry)
		n++;
	if ((names = calloc(n, sizeof(*names))) == NULL)
		fatal("configuration");
	n = 0;
	STAILQ_FOREACH(o, &infos, entry)
		if (o->defined && *o->t->w.name != '\0')
			names[n++] = o->t->w.name;
	near = report_nearest(i->t->w.name, names, n);
	report_error(&i->at, "found table <%s>, expected one that is defined%s"
	    "%s%s", i->t->w.name, near == NULL ? "" : " (did you mean <",
	    near == NULL ? "" : near, near == NULL ? "" : ">?)");
	free(names);
}

static void	put_together(struct info *, int);

static void
put_nested(struct info *i, const struct nested *n, int depth)
{
	const struct prefixset	*from = &n->table->t->prefixes;
	size_t			 k;

	if (n->table->done == 1 || depth == NEST_MAX) {
		report_error(&n->at, n->table->done == 1 ?
		    "found table <%s>, expected one that does not contain "
		    "itself" : "found table <%s>, expected one that is not "
		    "nested so deep", n->table->t->w.name);
		return;
	}
	put_together(n->table, depth + 1);
	for (k = 0; k < from->n; k++)
		add_prefix(i, &from->list[k], &n->at);
}

static void
put_together(struct info *i, int depth)
{
	struct nested	*n;

	if (i->done == 2)
		return;
	i->done = 1;
	SLIST_FOREACH(n, &i->nested, entry)
		put_nested(i, n, depth);
	prefixset_build(&i->t->prefixes);
	i->t->w.count = i->t->prefixes.n;
	i->done = 2;
}

void
tables_finish(void)
{
	struct info	*i;

	STAILQ_FOREACH(i, &infos, entry) {
		if (!i->defined)
			report_undefined(i);
		put_together(i, 0);
		if (i->defined && i->items == 0 && *i->t->w.name != '\0')
			report_warning(&i->at, "table <%s> is empty",
			    i->t->w.name);
	}
}

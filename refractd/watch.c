/*
 * What the statements of a watch mean, and whether they make a rule together.
 */
#include <sys/queue.h>
#include <sys/socket.h>

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "build.h"
#include "log.h"

#define WATCHES_MAX	256
#define SOURCES_MAX	256
#define RULES_MAX	65536		/* limits, exempts, inbounds */
#define WINDOW_MAX	(7 * 24 * 3600 * 1000LL)
#define BAN_MAX		(3650 * 24 * 3600 * 1000LL)
#define GRACE_MAX	(3600 * 1000LL)
#define GRACE_LIMIT_MAX	100
#define XRAY_LOG	"/var/log/xray/access.log"
#define ZONEINFO	"/usr/share/zoneinfo"

enum setting {
	SET_FORMAT, SET_LIMIT, SET_BAN, SET_FAMILIES, SET_GROUP4, SET_GROUP6,
	SET_GRACE, SET_TRUST, SET_ZONE, SET_DRY_RUN, SETTINGS
};

/* What the parser must know of a watch beside what it is. */
struct info {
	STAILQ_ENTRY(info)	 entry;
	struct conf_watch	*w;
	struct place		 at;
	struct once		 once[SETTINGS];
	int			 layer;		/* it was opened last in */
	int			 bad;		/* its name is an error */
	size_t			 sources, rules;
};

static STAILQ_HEAD(, info)	infos = STAILQ_HEAD_INITIALIZER(infos);
static struct info		*cur;
static size_t			 ninfos;

void
watches_start(void)
{
	struct info	*i;

	while ((i = STAILQ_FIRST(&infos)) != NULL) {
		STAILQ_REMOVE_HEAD(&infos, entry);
		free(i);
	}
	cur = NULL;
	ninfos = 0;
}

static void
info_new(const struct place *at)
{
	if ((cur = calloc(1, sizeof(*cur))) == NULL)
		fatal("configuration");
	cur->w = conf_watch_new();
	cur->at = *at;
	STAILQ_INSERT_TAIL(&infos, cur, entry);
	TAILQ_INSERT_TAIL(&build_conf()->watches, cur->w, entry);
	if (++ninfos == WATCHES_MAX + 1)
		report_error(at, "found more than %d watches, expected fewer",
		    WATCHES_MAX);
}

static struct info *
info_byname(const char *name)
{
	struct info	*i;

	STAILQ_FOREACH(i, &infos, entry)
		if (strcmp(i->w->w.name, name) == 0)
			break;
	return i;
}

/* The same name on the command line goes on with the watch of the file. */
void
watch_open(const struct val *v)
{
	struct info	*i;
	char		 name[NAME_MAX_LEN];
	int		 bad;

	bad = build_text(name, sizeof(name), v, "a watch's name") == -1;
	i = bad ? NULL : info_byname(name);
	if (i != NULL && i->layer == build_layer_now()) {
		report_error(&v->at, "found a second watch \"%s\", expected "
		    "one: the first is at %s:%d", name, i->at.file,
		    i->at.line);
		i = NULL;
		bad = 1;
	}
	if (i == NULL)
		info_new(&v->at);
	else
		cur = i;
	cur->layer = build_layer_now();
	cur->bad = bad;
	if (bad)
		return;
	memcpy(cur->w->w.name, name, sizeof(name));
	cur->w->w.hash = watch_hash(name);
}

void
watch_close(void)
{
	cur = NULL;
}

static int
once(enum setting s, const struct val *v, const char *what)
{
	return build_once(&cur->once[s], &v->at, what);
}

/* Room for one more item of a list. */
static int
room(size_t *n, size_t max, const struct place *at)
{
	if (*n == max)
		report_error(at, "found more than %zu items in one watch, "
		    "expected fewer", max);
	return (*n)++ < max;
}

static void *
item_new(size_t size)
{
	void	*p;

	if ((p = calloc(1, size)) == NULL)
		fatal("configuration");
	return p;
}

/* source file PATH ... */

static struct conf_source *
source_bypath(const char *path)
{
	struct conf_source	*s;

	TAILQ_FOREACH(s, &cur->w->sources, entry)
		if (strcmp(s->w.path, path) == 0)
			break;
	return s;
}

static struct conf_source *
source_new(const char *path)
{
	struct conf_source	*s = item_new(sizeof(*s));

	s->w.id = conf_new_id();
	s->w.watch = cur->w->w.id;
	strlcpy(s->w.path, path, sizeof(s->w.path));
	TAILQ_INSERT_TAIL(&cur->w->sources, s, entry);
	return s;
}

static void
source_add(const struct val *v, int from_start)
{
	struct conf_source	*s;

	if (build_path(v, PATH_MAX_LEN) == -1 ||
	    !room(&cur->sources, SOURCES_MAX, &v->at))
		return;
	if ((s = source_bypath(v->s)) == NULL)
		s = source_new(v->s);
	s->w.from_start = from_start;
}

void
watch_source(const struct val *from)
{
	const struct val	*v;
	size_t			 i, n;

	v = build_items(&n, &from->at);
	for (i = 0; i < n; i++)
		source_add(&v[i], from->n);
	build_clear();
}

void
watch_format(const struct val *v)
{
	if (once(SET_FORMAT, v, "format"))
		cur->w->w.format = v->n;
}

/* limit */

static int
limit_valid(const struct val *v)
{
	if (v->n == 0 && strcmp(v->s, "none") != 0) {
		report_error(&v->at, "found limit %s, expected 1 or more, or "
		    "\"limit none\"", v->s);
		return 0;
	}
	return v->n == 0 || build_range(v, 1, CONF_LIMIT_MAX, "a limit");
}

void
watch_limit(const struct val *v)
{
	if (once(SET_LIMIT, v, "limit") && limit_valid(v))
		cur->w->w.limit = v->n;
}

void
watch_window(const struct val *v)
{
	if (build_span(v, 1000, WINDOW_MAX))
		cur->w->w.window = v->n;
}

void
watch_limit_for(const struct val *limit)
{
	struct conf_limit	*l;
	const struct val	*v;
	size_t			 i, n;

	v = build_items(&n, &limit->at);
	for (i = 0; limit_valid(limit) && i < n; i++) {
		if (!room(&cur->rules, RULES_MAX, &v[i].at))
			break;
		l = item_new(sizeof(*l));
		l->w.watch = cur->w->w.id;
		l->w.limit = limit->n;
		build_text(l->w.pattern, sizeof(l->w.pattern), &v[i],
		    "a user or pattern");
		TAILQ_INSERT_TAIL(&cur->w->limits, l, entry);
	}
	build_clear();
}

void
watch_ban(const struct val *victim, const struct val *span)
{
	struct wire_watch	*w = &cur->w->w;

	if (!once(SET_BAN, span, "ban")) {
		build_clear();
		return;
	}
	w->victim = victim->n;
	w->nports = build_ports_take(w->ports);
	if (span->n == SPAN_FOREVER ||
	    build_span(span, 1000, BAN_MAX))
		w->ban = span->n;
	build_clear();
}

/* exempt */

static struct conf_exempt *
exempt_new(enum exempt_kind kind, const struct place *at)
{
	struct conf_exempt	*e;

	if (!room(&cur->rules, RULES_MAX, at))
		return NULL;
	e = item_new(sizeof(*e));
	e->w.watch = cur->w->w.id;
	e->w.kind = kind;
	TAILQ_INSERT_TAIL(&cur->w->exempts, e, entry);
	return e;
}

void
watch_exempt_table(const struct val *v)
{
	struct conf_exempt	*e;

	if ((e = exempt_new(EXEMPT_TABLE, &v->at)) != NULL)
		e->w.table = table_used(v);
}

void
watch_exempt_prefix(const struct val *v)
{
	struct conf_exempt	*e;

	if ((e = exempt_new(EXEMPT_PREFIX, &v->at)) != NULL)
		table_parse_prefix(&e->w.prefix, v);
}

void
watch_exempt_user(const struct val *v)
{
	struct conf_exempt	*e;

	if ((e = exempt_new(EXEMPT_USER, &v->at)) == NULL ||
	    build_text(e->w.pattern, sizeof(e->w.pattern), v,
	    "a user or pattern") == -1)
		return;
	if (e->w.pattern[strspn(e->w.pattern, "*")] == '\0')
		report_warning(&v->at, "watch \"%s\" exempts every user",
		    cur->w->w.name);
}

/* The small ones. */

void
watch_families(const struct val *v)
{
	if (once(SET_FAMILIES, v, "families"))
		cur->w->w.together = v->n;
}

void
watch_group(const struct val *v)
{
	const struct val	*len;

	if ((len = build_plens(AF_INET)) != NULL &&
	    once(SET_GROUP4, v, "group inet"))
		cur->w->w.group4 = len->n;
	if ((len = build_plens(AF_INET6)) != NULL &&
	    once(SET_GROUP6, v, "group inet6"))
		cur->w->w.group6 = len->n;
	build_clear();
}

void
watch_grace(const struct val *v)
{
	if (once(SET_GRACE, v, "grace") && build_span(v, 0, GRACE_MAX))
		cur->w->w.grace = v->n;
}

void
watch_inbound(const struct val *at)
{
	struct conf_inbound	*in;
	const struct val	*v;
	size_t			 i, n;

	v = build_items(&n, &at->at);
	for (i = 0; i < n && room(&cur->rules, RULES_MAX, &v[i].at); i++) {
		in = item_new(sizeof(*in));
		in->w.watch = cur->w->w.id;
		build_text(in->w.pattern, sizeof(in->w.pattern), &v[i],
		    "a tag or pattern");
		TAILQ_INSERT_TAIL(&cur->w->inbounds, in, entry);
	}
	build_clear();
}

void
watch_trust(const struct val *v)
{
	if (once(SET_TRUST, v, "trust forwarded"))
		cur->w->w.trust_forwarded = v->n;
}

/* "UTC", "GMT", "Z", and an offset after them or alone: "+03:00", "+0530". */
static int
zone_is_offset(const char *s)
{
	int	hours, minutes = 0, len = 0;

	if (strncmp(s, "UTC", 3) == 0 || strncmp(s, "GMT", 3) == 0)
		s += 3;
	else if (*s == 'Z')
		s++;
	else if (*s != '+' && *s != '-')
		return 0;
	if (*s == '\0')
		return 1;
	if ((*s != '+' && *s != '-') ||
	    s[1 + strspn(s + 1, "0123456789:")] != '\0')
		return 0;
	if (sscanf(s + 1, "%2d%n", &hours, &len) != 1 || len != 2)
		return 0;
	s += 1 + len;
	s += *s == ':';
	if (*s != '\0' && (sscanf(s, "%2d%n", &minutes, &len) != 1 ||
	    len != 2 || s[len] != '\0'))
		return 0;
	return hours <= 14 && minutes <= 59;
}

/* The parser cannot see tzdata: the file's bytes go to it. */
static int
zone_read(struct conf_watch *w, const char *zone)
{
	char	 path[PATH_MAX_LEN];
	FILE	*f;

	if (*zone == '/' || strstr(zone, "..") != NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/%s", ZONEINFO, zone);
	if ((f = fopen(path, "re")) == NULL)
		return -1;
	w->tz = item_new(ZONE_MAX_LEN);
	w->tzlen = fread(w->tz, 1, ZONE_MAX_LEN, f);
	fclose(f);
	return w->tzlen > 44 && memcmp(w->tz, "TZif", 4) == 0 ? 0 : -1;
}

void
watch_zone(const struct val *v)
{
	struct conf_watch	*w = cur->w;
	char			 zone[NAME_MAX_LEN] = "";

	if (!once(SET_ZONE, v, "zone"))
		return;
	free(w->tz);
	w->tz = NULL;
	w->tzlen = 0;
	if (strcmp(v->s, "local") != 0 &&
	    build_text(zone, sizeof(zone), v, "a time zone") == -1)
		return;
	if (*zone != '\0' && !zone_is_offset(zone) &&
	    zone_read(w, zone) == -1)
		report_error(&v->at, "found zone \"%s\", expected \"UTC\", an "
		    "offset as \"+03:00\", or a name of %s",
		    log_vis(zone, strlen(zone)), ZONEINFO);
	memcpy(w->w.zone, zone, sizeof(zone));
}

void
watch_dry_run(const struct val *v)
{
	if (once(SET_DRY_RUN, v, "dry run"))
		cur->w->w.dry_run = v->n;
}

/* At the end. */

static void
check_rule(const struct info *i)
{
	struct conf_limit	*l;

	if (i->once[SET_FORMAT].at.file == NULL)
		report_error(&i->at, "found watch \"%s\" without a rule, "
		    "expected \"format xray\" in it", i->w->w.name);
	TAILQ_FOREACH(l, &i->w->limits, entry)
		if (l->w.limit != 0)
			return;
	if (i->w->w.limit == 0)
		report_warning(&i->at, "watch \"%s\" limits nobody",
		    i->w->w.name);
}

static void
check_hash(const struct info *i)
{
	const struct info	*o;

	STAILQ_FOREACH(o, &infos, entry)
		if (o != i && !o->bad && o->w->w.hash == i->w->w.hash)
			report_error(&i->at, "found watch \"%s\", expected "
			    "another name: its number is that of \"%s\"",
			    i->w->w.name, o->w->w.name);
}

/* What a line costs grows with the square of the limit then. */
static void
check_grace(const struct info *i)
{
	const struct wire_watch	*w = &i->w->w;
	struct conf_limit	*l;
	uint32_t		 most = w->limit;

	TAILQ_FOREACH(l, &i->w->limits, entry)
		if (l->w.limit > most)
			most = l->w.limit;
	if (w->grace > 0 && most > GRACE_LIMIT_MAX)
		report_error(&i->once[SET_GRACE].at, "found grace with a "
		    "limit of %u, expected a limit of at most %d", most,
		    GRACE_LIMIT_MAX);
}

static void
check_trust(const struct info *i)
{
	if (i->w->w.trust_forwarded)
		report_warning(&i->once[SET_TRUST].at, "watch \"%s\" trusts "
		    "forwarded addresses: a client that may set "
		    "X-Forwarded-For chooses who is banned", i->w->w.name);
}

void
watches_finish(void)
{
	struct info	*i;

	STAILQ_FOREACH(i, &infos, entry) {
		if (i->bad)
			continue;
		cur = i;
		if (TAILQ_EMPTY(&i->w->sources))
			source_new(XRAY_LOG);
		check_rule(i);
		check_hash(i);
		check_grace(i);
		check_trust(i);
	}
	cur = NULL;
}

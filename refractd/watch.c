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
#include "command.h"
#include "conf_list.h"
#include "log.h"
#include "parse.h"
#include "source.h"
#include "text.h"

#define WATCHES_MAX	256
#define RULES_MAX	65536		/* items of lists */
#define WINDOW_MAX	(7 * 24 * 3600 * 1000LL)
#define BAN_MAX		(3650 * 24 * 3600 * 1000LL)
#define GRACE_MAX	(3600 * 1000LL)
#define GRACE_LIMIT_MAX	100
#define TEXT_WINDOW	(10 * 60 * 1000LL)
#define TEXT_WINDOW_MAX	(366 * 24 * 3600 * 1000LL)
#define ZONEINFO	"/usr/share/zoneinfo"

enum setting {
	SET_FORMAT, SET_LIMIT, SET_BAN, SET_FAMILIES, SET_GROUP4, SET_GROUP6,
	SET_GRACE, SET_TRUST, SET_ZONE, SET_DRY_RUN, SET_KEY, SET_AFTER,
	SET_TIME, SET_DUPLICATE, SET_JSON_FIELD, SET_JSON_TIME, SET_JSON_ADDR,
	SETTINGS
};

/* What the parser must know of a watch beside what it is. */
struct info {
	STAILQ_ENTRY(info)	 entry;
	struct conf_watch	*w;
	struct place		 at;
	struct once		 once[SETTINGS];
	int			 layer;		/* it was opened last in */
	int			 bad;		/* its name is an error */
	size_t			 rules;
	/* The first statement of each kind; file NULL: none. */
	struct place		 text_at, xray_at;
	const char		*text, *xray;
};

/* How the ban that is read grows. */
static struct {
	int			 said;
	int64_t			 by, to;	/* 0: not said */
	int			 together;
	struct place		 at;
} growth;

static STAILQ_HEAD(, info)	infos = STAILQ_HEAD_INITIALIZER(infos);
static struct info		*cur;
static size_t			 ninfos;

void
watches_start(void)
{
	FREE_STAILQ(&infos);
	cur = NULL;
	ninfos = 0;
	sources_start();
	text_start();
	commands_start();
}

struct conf_watch *
watch_now(void)
{
	return cur == NULL ? NULL : cur->w;
}

void
watch_is_text(const struct place *at, const char *what)
{
	if (cur->text_at.file != NULL)
		return;
	cur->text_at = *at;
	cur->text = what;
}

static void
watch_is_xray(const struct place *at, const char *what)
{
	if (cur->xray_at.file != NULL)
		return;
	cur->xray_at = *at;
	cur->xray = what;
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

int
watch_room(const struct place *at)
{
	if (cur->rules == RULES_MAX)
		report_error(at, "found more than %d items in one watch, "
		    "expected fewer", RULES_MAX);
	return cur->rules++ < RULES_MAX;
}

void
watch_format(const struct val *v)
{
	watch_is_xray(&v->at, "format xray");
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
	watch_is_xray(&v->at, "limit");
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

	watch_is_xray(&limit->at, "limit");
	v = build_items(&n, &limit->at);
	for (i = 0; limit_valid(limit) && i < n; i++) {
		if (!watch_room(&v[i].at))
			break;
		l = conf_alloc(sizeof(*l));
		l->w.watch = cur->w->w.id;
		l->w.limit = limit->n;
		build_text(l->w.pattern, sizeof(l->w.pattern), &v[i],
		    "a user or pattern");
		TAILQ_INSERT_TAIL(&cur->w->limits, l, entry);
	}
	build_clear();
}

/* ban ... growing by F to T together */

void
growing(const struct val *v)
{
	memset(&growth, 0, sizeof(growth));
	growth.said = v->n;
	growth.at = v->at;
}

void
growing_by(const struct val *v)
{
	if (growth.by != 0)
		report_error(&v->at, "found a second \"by\", expected one");
	else if (v->n <= 1000 || v->n > GROWTH_MAX)
		report_error(&v->at, "found %s, expected a factor of more than "
		    "1 and at most %d", v->s, GROWTH_MAX / 1000);
	else
		growth.by = v->n;
}

void
growing_to(const struct val *v)
{
	if (growth.to != 0)
		report_error(&v->at, "found a second \"to\", expected one");
	else if (build_span(v, 1000, BAN_MAX))
		growth.to = v->n;
}

void
growing_together(void)
{
	growth.together = 1;
}

static void
grow(struct wire_watch *w)
{
	char	buf[SPAN_STRLEN];

	w->growth_max = 0;
	w->growth_by = 2000;
	w->growth_together = 0;
	if (!growth.said)
		return;
	w->growth_max = growth.to == 0 ? BAN_MAX : growth.to;
	w->growth_by = growth.by == 0 ? 2000 : growth.by;
	w->growth_together = growth.together;
	if (w->ban == SPAN_FOREVER)
		report_error(&growth.at, "found a ban for ever that grows, "
		    "expected one that ends");
	else if (w->growth_max < w->ban)
		report_error(&growth.at, "found growing to less than the ban's "
		    "%s, expected more", span_print(w->ban, buf));
}

void
watch_ban(const struct val *victim, const struct val *prefix,
    const struct val *span)
{
	struct wire_watch	*w = &cur->w->w;

	if (victim->s != NULL)
		watch_is_xray(&victim->at, victim->s);
	if (prefix->n)
		watch_is_text(&prefix->at, "ban prefix");
	if (!once(SET_BAN, span, "ban")) {
		build_clear();
		return;
	}
	w->victim = victim->n;
	w->ban_prefix = prefix->n;
	w->nports = build_ports_take(w->ports);
	if (span->n == SPAN_FOREVER ||
	    build_span(span, 1000, BAN_MAX))
		w->ban = span->n;
	grow(w);
	build_clear();
}

/* exempt */

static struct conf_exempt *
exempt_new(enum exempt_kind kind, const struct place *at)
{
	struct conf_exempt	*e;

	if (!watch_room(at))
		return NULL;
	e = conf_alloc(sizeof(*e));
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

	watch_is_xray(&v->at, "exempt user");
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
	watch_is_xray(&v->at, "families");
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
	watch_is_xray(&v->at, "grace");
	if (once(SET_GRACE, v, "grace") && build_span(v, 0, GRACE_MAX))
		cur->w->w.grace = v->n;
}

void
watch_inbound(const struct val *at)
{
	struct conf_inbound	*in;
	const struct val	*v;
	size_t			 i, n;

	watch_is_xray(&at->at, "only inbound");
	v = build_items(&n, &at->at);
	for (i = 0; i < n && watch_room(&v[i].at); i++) {
		in = conf_alloc(sizeof(*in));
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
	watch_is_xray(&v->at, "trust forwarded");
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
	w->tz = conf_alloc(ZONE_MAX_LEN);
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

/* What only a watch of text has. */

void
watch_key(const struct val *at)
{
	struct wire_watch	*w = &cur->w->w;
	const struct val	*v;
	size_t			 i, n;

	watch_is_text(&at->at, "key");
	v = build_items(&n, &at->at);
	if (once(SET_KEY, at, "key") && n <= WATCH_KEYS_MAX) {
		memset(w->keys, 0, sizeof(w->keys));
		w->nkeys = 0;
		for (i = 0; i < n; i++)
			if (text_name(w->keys[w->nkeys], &v[i]) == 0)
				w->nkeys++;
	}
	if (n > WATCH_KEYS_MAX)
		report_error(&at->at, "found %zu values, expected a key of at "
		    "most %d", n, WATCH_KEYS_MAX);
	build_clear();
}

void
watch_after(const struct val *v, const struct val *within)
{
	watch_is_text(&v->at, "after");
	if (!once(SET_AFTER, v, "after"))
		return;
	if (build_range(v, 1, AFTER_MAX, "a number of matches"))
		cur->w->w.after = v->n;
	if (within->s == NULL)
		cur->w->w.window = TEXT_WINDOW;
	else if (build_span(within, 1000, TEXT_WINDOW_MAX))
		cur->w->w.window = within->n;
}

void
watch_time(const struct val *v)
{
	watch_is_text(&v->at, "time");
	if (once(SET_TIME, v, "time") && build_text(cur->w->w.time_format,
	    sizeof(cur->w->w.time_format), v, "a format") == 0)
		text_date(cur->w->w.time_format, &v->at);
}

void
watch_duplicate(const struct val *v)
{
	watch_is_text(&v->at, "duplicate");
	if (once(SET_DUPLICATE, v, "duplicate"))
		cur->w->w.duplicate = v->n;
}

/* The path of a value in a JSON object: "log.time". */
static void
json_path(char dst[NAME_MAX_LEN], enum setting s, const struct val *v,
    const char *what)
{
	if (!once(s, v, what) ||
	    build_text(dst, NAME_MAX_LEN, v, "a field's path") == -1)
		return;
	cur->w->w.json = 1;
	if (*dst == '.' || strstr(dst, "..") != NULL ||
	    dst[strlen(dst) - 1] == '.')
		report_error(&v->at, "found \"%s\", expected names with dots "
		    "between them", dst);
}

void
watch_json_field(const struct val *v)
{
	json_path(cur->w->w.json_field, SET_JSON_FIELD, v, "json field");
}

void
watch_json_time(const struct val *v)
{
	json_path(cur->w->w.json_time, SET_JSON_TIME, v, "json time");
}

void
watch_json_addr(const struct val *v)
{
	json_path(cur->w->w.json_addr, SET_JSON_ADDR, v, "json addr");
}

/* At the end. */

/* Which kind it is: 0, or -1 reported. */
static int
decide_kind(struct info *i)
{
	if (i->text_at.file != NULL && i->xray_at.file != NULL)
		report_error(&i->text_at, "found \"%s\" in a watch that has "
		    "\"%s\" at %s:%d, expected only one of the two", i->text,
		    i->xray, i->xray_at.file, i->xray_at.line);
	else if (i->text_at.file != NULL) {
		i->w->w.format = FORMAT_TEXT;
		return 0;
	} else if (i->once[SET_FORMAT].at.file == NULL)
		report_error(&i->at, "found watch \"%s\" without a rule, "
		    "expected \"format xray\" or a \"match\" in it",
		    i->w->w.name);
	else
		return 0;
	return -1;
}

static void
check_limits(const struct info *i)
{
	struct conf_limit	*l;

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

static void
finish_xray(struct info *i)
{
	struct names	names = { 0 };

	source_xray(i->w);
	check_limits(i);
	check_grace(i);
	check_trust(i);
	names_add(&names, "addr");
	names_add(&names, "user");
	commands_finish(i->w, &names);
	names_free(&names);
}

/* The defaults of a watch of text, where they are others than Xray's. */
static void
text_defaults(struct info *i)
{
	struct wire_watch	*w = &i->w->w;

	if (i->once[SET_AFTER].at.file == NULL)
		w->window = TEXT_WINDOW;
	if (i->once[SET_BAN].at.file != NULL)
		return;
	w->bans = 0;
	w->nports = 0;
	memset(w->ports, 0, sizeof(w->ports));
}

static int
has_match(const struct conf_watch *w)
{
	struct conf_pattern	*p;

	TAILQ_FOREACH(p, &w->patterns, entry)
		if (p->w.kind == PATTERN_MATCH)
			return 1;
	return !TAILQ_EMPTY(&w->filters);
}

/* read: there was no error before, so all that it says is known. */
static void
finish_text(struct info *i, int read)
{
	struct conf_watch	*w = i->w;
	struct names		 names = { 0 };
	size_t			 errors = report_count();

	text_defaults(i);
	if (TAILQ_EMPTY(&w->sources))
		report_error(&i->at, "found watch \"%s\" without a source, "
		    "expected one", w->w.name);
	if (!has_match(w))
		report_error(&i->at, "found watch \"%s\" without a match, "
		    "expected one", w->w.name);
	if (!w->w.bans && TAILQ_EMPTY(&w->runs))
		report_warning(&i->at, "watch \"%s\" neither bans nor runs "
		    "anything", w->w.name);
	text_finish(w, &names);
	if (read && report_count() == errors) {
		text_names(w, &names);
		commands_finish(w, &names);
	}
	names_free(&names);
}

void
watches_finish(void)
{
	struct info	*i;
	int		 read;

	text_patterns();
	read = report_count() == 0;
	STAILQ_FOREACH(i, &infos, entry) {
		if (i->bad)
			continue;
		cur = i;
		check_hash(i);
		if (decide_kind(i) == -1)
			continue;
		if (i->w->w.format == FORMAT_TEXT)
			finish_text(i, read);
		else
			finish_xray(i);
		sources_finish(i->w);
	}
	cur = NULL;
}

/*
 * A fail2ban filter over one line, by the rules of fail2ban 1.0.2: its date is
 * cut out, prefregex gives the content, the first failregex that matches it is
 * the failure, unless an ignoreregex matches too.  What a connection's lines
 * come to together is fail_pending.c's, what lies in several lines
 * fail_window.c's.
 *
 * Names are not resolved: <dns> is an id like another.
 */
#include <sys/socket.h>

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf.h"
#include "date.h"
#include "fail.h"
#include "fail_pending.h"
#include "fail_window.h"
#include "line.h"
#include "msg.h"
#include "pattern.h"
#include "siphash.h"
#include "trace.h"
#include "watch.h"

#define JOINT	'\n'		/* of a tuple: no line has it */

enum group_kind { GROUP_PLAIN, GROUP_ALT, GROUP_TUPLE };

/* A group of a regex, in the order of their names. */
struct group {
	const uint16_t	*groups;
	size_t		 n;
	uint8_t		 name;
	uint8_t		 kind;		/* enum group_kind */
	uint8_t		 target;	/* of alt_ and tuple_ */
	uint8_t		 skiplines;
};

struct regex {
	const struct conf_pattern *conf;
	uint16_t	 index;
	struct group	*groups;
	size_t		 ngroups;
};

struct fail {
	const struct conf_filter *conf;
	const struct conf_watch	*watch;
	struct patterns	*patterns;
	struct regex	*rules;
	size_t		 n;
	uint16_t	*byindex;	/* rules, from the first index on */
	size_t		 first, nindexes;
	const char	*names[FAIL_NAMES];
	unsigned int	 nnames;
	uint64_t	 copied;	/* of names: ours */
	uint64_t	 hidden;	/* of no use to others */
	int		 has_prefix, ignores, ignores_early;
	uint64_t	 hash;		/* of all it goes by; 0: adopted */
	struct pending	*pending;	/* NULL: no mlfid */
	struct windows	*windows;	/* NULL: line by line */
};

/* What regexes look at: a copy of the line, which nothing else holds. */
struct subject {
	const char	*p;
	size_t		 n;		/* with its newline */
};

static const struct bytes	nobody = { "", 0 };

static const char *const	known[NAME_OWN] = {
	"fid", "ip4", "ip6", "dns", "cidr", "mlfid", "nofail", "mlfgained",
	"mlfforget", "content", "user"
};

/* Making. */

/* -1: there are too many. */
static int
name_number(struct fail *f, const char *name)
{
	unsigned int	i;

	for (i = 0; i < f->nnames; i++)
		if (strcmp(f->names[i], name) == 0)
			return (int)i;
	if (f->nnames == FAIL_NAMES)
		return -1;
	f->names[f->nnames] = name;
	return (int)f->nnames++;
}

/* alt_user_1: user; tuple_id: fid.  As it is there already, or a new one. */
static int
target_number(struct fail *f, const char *name)
{
	size_t		 n = strlen(name), end = n;
	char		*copy;
	unsigned int	 i;

	while (end > 0 && isdigit((unsigned char)name[end - 1]))
		end--;
	if (end < n && end > 0 && name[end - 1] == '_')
		n = end - 1;
	if (n == 2 && strncmp(name, "id", 2) == 0)
		return NAME_FID;
	if (n == 4 && strncmp(name, "port", 4) == 0)
		return name_number(f, "fport");
	for (i = 0; i < f->nnames; i++)
		if (strlen(f->names[i]) == n &&
		    strncmp(f->names[i], name, n) == 0)
			return (int)i;
	if (f->nnames == FAIL_NAMES || (copy = strndup(name, n)) == NULL)
		return -1;
	f->names[f->nnames] = copy;
	f->copied |= NAME_BIT(f->nnames);
	return (int)f->nnames++;
}

static int
fill_group(struct fail *f, struct group *g, const struct pattern_name *name)
{
	int	number, target = 0;

	g->groups = name->groups;
	g->n = name->n;
	if ((number = name_number(f, name->name)) == -1)
		return -1;
	if (strncmp(name->name, "alt_", 4) == 0) {
		g->kind = GROUP_ALT;
		target = target_number(f, name->name + 4);
	} else if (strncmp(name->name, "tuple_", 6) == 0) {
		g->kind = GROUP_TUPLE;
		target = target_number(f, name->name + 6);
	}
	g->skiplines = strncmp(name->name, "skiplines", 9) == 0;
	if (g->kind != GROUP_PLAIN || g->skiplines)
		f->hidden |= NAME_BIT(number);
	g->name = (uint8_t)number;
	g->target = (uint8_t)target;
	return target == -1 ? -1 : 0;
}

static int
fill_rule(struct fail *f, struct regex *r, const struct conf_pattern *conf,
    uint16_t index, char *why)
{
	const struct pattern_name	*names;
	size_t				 i, n;

	r->conf = conf;
	r->index = index;
	n = pattern_names(f->patterns, index, &names);
	if ((r->groups = calloc(n + 1, sizeof(*r->groups))) == NULL) {
		snprintf(why, TEXT_LEN, "%s: no memory", conf->w.where);
		return -1;
	}
	for (r->ngroups = 0; r->ngroups < n; r->ngroups++) {
		i = r->ngroups;
		if (fill_group(f, &r->groups[i], &names[i]) == -1) {
			snprintf(why, TEXT_LEN, "%s: more than %d names in a "
			    "filter", conf->w.where, FAIL_NAMES);
			free(r->groups);
			return -1;
		}
	}
	return 0;
}

static int
new_rules(struct fail *f, const uint16_t *index, size_t n, char *why)
{
	const struct conf_pattern	*p;

	TAILQ_FOREACH(p, &f->watch->patterns, entry) {
		if (p->w.filter != f->conf->w.id ||
		    p->w.kind == PATTERN_FAIL_DATE || f->n == n)
			continue;
		if (fill_rule(f, &f->rules[f->n], p, index[f->n], why) == -1)
			return -1;
		f->byindex[index[f->n] - f->first] = (uint16_t)f->n;
		f->n++;
	}
	return 0;
}

static size_t
count_kind(const struct fail *f, enum pattern_kind kind)
{
	size_t	i, n = 0;

	for (i = 0; i < f->n; i++)
		n += f->rules[i].conf->w.kind == kind;
	return n;
}

static int
has_name(const struct fail *f, unsigned int name)
{
	size_t	i, j;

	for (i = 0; i < f->n; i++)
		for (j = 0; j < f->rules[i].ngroups; j++)
			if (f->rules[i].groups[j].name == name)
				return 1;
	return 0;
}

/* The same in another process: what waits goes on with the same rules. */
static uint64_t
mix(uint64_t hash, uint64_t number, const char *s)
{
	struct sipkey	key = { hash, number };

	return siphash(&key, s, strlen(s));
}

static uint64_t
hash_of(const struct fail *f)
{
	const struct conf_pattern	*p;
	uint64_t			 h = f->conf->w.maxlines;
	unsigned int			 i;

	h = mix(h, 0, f->watch->w.time_format);
	h = mix(h, 0, f->watch->w.zone);
	TAILQ_FOREACH(p, &f->watch->patterns, entry)
		if (p->w.filter == f->conf->w.id)
			h = mix(h, p->w.kind, p->text);
	for (i = 0; i < f->nnames; i++)
		h = mix(h, i, f->names[i]);
	return h == 0 ? 1 : h;
}

/* What follows from the rules.  0, or -1: no memory. */
static int
finish(struct fail *f)
{
	size_t	ignores = count_kind(f, PATTERN_FAIL_IGNORE);

	f->hash = hash_of(f);
	f->ignores = ignores > 0;
	f->has_prefix = count_kind(f, PATTERN_FAIL_PREFIX) > 0;
	/* fail2ban asks the few first. */
	f->ignores_early = ignores > 0 &&
	    ignores + 2 < count_kind(f, PATTERN_FAIL);
	if (has_name(f, NAME_MLFID) && (f->pending = pending_new()) == NULL)
		return -1;
	if (f->conf->w.maxlines > 1 && (f->windows =
	    windows_new(f->conf->w.maxlines, f->n)) == NULL)
		return -1;
	return 0;
}

struct fail *
fail_new(const struct conf_watch *cw, const struct conf_filter *cf,
    struct patterns *patterns, const uint16_t *index, size_t n, char *why)
{
	struct fail	*f;
	unsigned int	 i;

	snprintf(why, TEXT_LEN, "%s: no memory", cf->w.where);
	if ((f = calloc(1, sizeof(*f))) == NULL)
		return NULL;
	f->conf = cf;
	f->watch = cw;
	f->patterns = patterns;
	f->first = n == 0 ? 0 : index[0];
	f->nindexes = n == 0 ? 0 : index[n - 1] - f->first + 1;
	for (i = 0; i < NAME_OWN; i++)
		f->names[f->nnames++] = known[i];
	f->hidden = NAME_BIT(NAME_IP4) | NAME_BIT(NAME_IP6) |
	    NAME_BIT(NAME_CIDR) | NAME_BIT(NAME_MLFID) |
	    NAME_BIT(NAME_NOFAIL) | NAME_BIT(NAME_GAINED) |
	    NAME_BIT(NAME_FORGET) | NAME_BIT(NAME_CONTENT);
	f->rules = calloc(n + 1, sizeof(*f->rules));
	f->byindex = malloc((f->nindexes + 1) * sizeof(*f->byindex));
	if (f->rules == NULL || f->byindex == NULL)
		goto fail;
	memset(f->byindex, 0xff, f->nindexes * sizeof(*f->byindex));
	if (new_rules(f, index, n, why) == -1 || finish(f) == -1)
		goto fail;
	return f;
fail:
	fail_free(f);
	return NULL;
}

int
fail_adopt(struct fail *f, struct fail *old)
{
	struct pending	*pending = f->pending;
	struct windows	*windows = f->windows;

	if (f->hash != old->hash)
		return 0;
	f->pending = old->pending;
	old->pending = pending;
	f->windows = old->windows;
	old->windows = windows;
	old->hash = 0;
	return 1;
}

void
fail_save(struct fail *f, int all, void (*put)(const void *, size_t))
{
	if (f->pending != NULL)
		pending_save(f->pending, f->watch->w.hash, f->hash, all, put);
}

void
fail_restore(struct fail *f, const struct wire_waiting *m)
{
	uint64_t	unknown = f->nnames == FAIL_NAMES ? 0 :
			    ~(NAME_BIT(f->nnames) - 1);

	if (f->pending != NULL && f->hash == m->filter &&
	    (m->has & unknown) == 0)
		pending_restore(f->pending, m);
}

void
fail_free(struct fail *f)
{
	size_t	i;

	if (f == NULL)
		return;
	for (i = 0; f->rules != NULL && i < f->n; i++)
		free(f->rules[i].groups);
	for (i = 0; i < f->nnames; i++)
		if ((f->copied & NAME_BIT(i)) != 0)
			free((char *)(uintptr_t)f->names[i]);
	pending_free(f->pending);
	windows_free(f->windows);
	free(f->byindex);
	free(f->rules);
	free(f);
}

/* What groups have. */

static char	joined[PATTERN_LINE_MAX];	/* tuples of this match */
static size_t	joined_len;

static void
set(struct values *v, unsigned int name, const char *p, size_t n)
{
	v->has |= NAME_BIT(name);
	v->v[name].p = p;
	v->v[name].n = n;
}

/* All of a tuple's parts together, with what its name itself has first. */
static void
join(struct values *v, unsigned int target, const char *p, size_t n)
{
	struct bytes	*b = &v->v[target];
	size_t		 len = (v->has & NAME_BIT(target)) != 0 ? b->n : 0;
	char		*to = joined + joined_len;

	if (len + 1 + n > sizeof(joined) - joined_len)
		return;
	if (len > 0)
		memcpy(to, b->p, len);
	to[len++] = JOINT;
	memcpy(to + len, p, n);
	joined_len += len + n;
	set(v, target, to, len + n);
}

static void
read_groups(const struct regex *r, const char *p, const size_t *vector,
    struct values *v)
{
	const struct group	*g;
	const char		*text;
	size_t			 i, n;

	for (i = 0; i < r->ngroups; i++) {
		g = &r->groups[i];
		if ((text = pattern_text(g->groups, g->n, vector, p, &n)) ==
		    NULL)
			v->has &= ~NAME_BIT(g->name);
		else
			set(v, g->name, text, n);
	}
}

/* alt_ fills what is missing, tuple_ joins what is there. */
static void
combine_groups(const struct regex *r, struct values *v)
{
	const struct group	*g;
	const struct bytes	*b;
	size_t			 i;

	for (i = 0; i < r->ngroups; i++) {
		g = &r->groups[i];
		b = &v->v[g->name];
		if (g->kind == GROUP_ALT && value_said(v, g->name) &&
		    !value_said(v, g->target))
			set(v, g->target, b->p, b->n);
	}
	for (i = 0; i < r->ngroups; i++) {
		g = &r->groups[i];
		b = &v->v[g->name];
		if (g->kind != GROUP_TUPLE)
			continue;
		if ((v->has & NAME_BIT(g->name)) != 0)
			join(v, g->target, b->p, b->n);
		else
			join(v, g->target, "", 0);
	}
}

/* Who failed. */

/*
 * As large as was written, unless that is more than a ban of the watch may be:
 * who writes a log line shall not choose how much is banned.
 */
static void
set_length(const struct text_line *l, const struct bytes *b,
    struct prefix *addr)
{
	const struct wire_watch	*c = &l->w->conf->w;
	unsigned int		 len = 0, v4, v6;
	size_t			 i;

	v4 = c->ban_prefix ? c->group4 : watch_global()->plen4;
	v6 = c->ban_prefix ? c->group6 : watch_global()->plen6;
	for (i = 0; i < b->n && len < 1000; i++)
		len = 10 * len + (unsigned int)(b->p[i] - '0');
	if (len >= (addr->family == AF_INET ? v4 : v6) && len < addr->plen)
		prefix_mask(addr, len);
}

static int
same(const struct bytes *a, const struct bytes *b)
{
	return a->n == b->n && memcmp(a->p, b->p, a->n) == 0;
}

/*
 * fid, ip4, ip6, dns, of which there is one; what is no address is a key of
 * its own, and so is a fid beside an address.
 */
static void
set_id(const struct text_line *l, const struct values *v, struct match *m)
{
	unsigned int		 first, name;
	const struct bytes	*id, *ip;

	first = (unsigned int)__builtin_ctzll(v->has & NAME_IDS);
	name = (v->has & NAME_IDS & ~NAME_BIT(NAME_FID)) == 0 ? first :
	    (unsigned int)__builtin_ctzll(v->has & NAME_IDS &
	    ~NAME_BIT(NAME_FID));
	id = &v->v[first];
	ip = &v->v[name];
	if (addr_parse(&m->addr, ip->p, ip->n) == 0) {
		if (value_said(v, NAME_CIDR))
			set_length(l, &v->v[NAME_CIDR], &m->addr);
		if (same(id, ip))
			return;
	}
	m->key = id->p;
	m->key_len = id->n;
}

/* The users of a connection that had several, for people. */
static void
set_users(const struct bytes *users, struct match *m)
{
	static char	buf[512];
	size_t		i, n = users->n < sizeof(buf) ? users->n : sizeof(buf);

	for (i = 0; i < n; i++)
		buf[i] = users->p[i] == '\n' ? ' ' : users->p[i];
	text_value(m, "users", buf, n);
}

static void
report(const struct fail *f, struct text_line *l, const struct regex *r,
    const struct failure *found)
{
	const struct values	*v = &found->v;
	struct match		 m;
	uint64_t		 bits;
	unsigned int		 i;

	memset(&m, 0, sizeof(m));
	m.pattern = r->conf;
	m.weight = f->conf->w.weight;
	m.lines = found->nlines;
	if (found->nlines > 1) {
		m.line = found->line;
		m.len = found->len;
	}
	for (bits = v->has & ~f->hidden; bits != 0; bits &= bits - 1) {
		i = (unsigned int)__builtin_ctzll(bits);
		text_value(&m, f->names[i], v->v[i].p, v->v[i].n);
	}
	if (memchr(found->users.p, '\n', found->users.n) != NULL)
		set_users(&found->users, &m);
	set_id(l, v, &m);
	(void)text_match(l, &m);
}

/* A failregex matched, and no ignoreregex did. */
static void
conclude(const struct fail *f, struct text_line *l, const struct regex *r,
    struct failure *found)
{
	if ((found->v.has & NAME_BIT(NAME_MLFID)) != 0) {
		if (!pending_merge(f->pending, found, text_time(l))) {
			if (trace_on)
				trace_note("kept for its connection, no "
				    "failure by itself");
			return;
		}
	} else if (value_said(&found->v, NAME_NOFAIL) ||
	    (found->v.has & NAME_IDS) == 0) {
		if (trace_on)
			trace_note("no failure");
		return;
	}
	report(f, l, r, found);
}

/* Rules. */

/* Without a failregex, others need not be asked. */
static int
may_fail(const struct fail *f, const uint16_t *cands, size_t n)
{
	size_t	i;

	for (i = 0; i < n; i++)
		if (f->rules[f->byindex[cands[i] - f->first]].conf->w.kind ==
		    PATTERN_FAIL)
			return 1;
	return 0;
}

/* The first of a kind that matches; NULL. */
static const struct regex *
find(const struct fail *f, struct text_line *l, const uint16_t *cands,
    size_t n, enum pattern_kind kind, const struct subject *s,
    const size_t **vector)
{
	const struct regex	*r;
	size_t			 i;

	for (i = 0; i < n; i++) {
		r = &f->rules[f->byindex[cands[i] - f->first]];
		if (r->conf->w.kind == kind &&
		    text_exec(l, cands[i], s->p, s->n, 0, vector) == 1)
			return r;
	}
	return NULL;
}

static int
is_ignored(const struct fail *f, struct text_line *l, const uint16_t *cands,
    size_t n, const struct subject *s)
{
	const size_t	*vector;

	if (find(f, l, cands, n, PATTERN_FAIL_IGNORE, s, &vector) == NULL)
		return 0;
	if (trace_on)
		trace_note("ignored by the filter");
	return 1;
}

/* What prefregex leaves is a line too: it has a newline at its end. */
static void
use_content(struct values *v, struct subject *s)
{
	static char	 buf[PATTERN_LINE_MAX];
	struct bytes	*b = &v->v[NAME_CONTENT];
	int		 said = value_said(v, NAME_CONTENT);

	v->has &= ~NAME_BIT(NAME_CONTENT);
	if (!said || b->n >= sizeof(buf))
		return;
	if (b->p + b->n >= s->p + s->n || b->p[b->n] != '\n') {
		memcpy(buf, b->p, b->n);
		buf[b->n] = '\n';
		s->p = buf;
	} else
		s->p = b->p;
	s->n = b->n + 1;
}

/* A name that the failregex has too is its own, even if it is not set. */
static void
override(const struct regex *r, struct values *v, const struct values *own)
{
	uint64_t	bits;
	size_t		i;

	for (i = 0; i < r->ngroups; i++)
		v->has &= ~NAME_BIT(r->groups[i].name);
	v->has |= own->has;
	for (bits = own->has; bits != 0; bits &= bits - 1) {
		i = (size_t)__builtin_ctzll(bits);
		v->v[i] = own->v[i];
	}
}

/*
 * The failregex that matches, with its vector and what all groups have; NULL:
 * none, or it is ignored.  s is what it matched.
 */
static const struct regex *
match(const struct fail *f, struct text_line *l, const uint16_t *cands,
    size_t n, struct subject *s, const size_t **vector, struct values *v)
{
	const struct regex	*r;
	struct values		 own;

	v->has = own.has = 0;
	joined_len = 0;
	if (f->ignores_early && is_ignored(f, l, cands, n, s))
		return NULL;
	if (f->has_prefix) {
		if ((r = find(f, l, cands, n, PATTERN_FAIL_PREFIX, s,
		    vector)) == NULL)
			return NULL;
		read_groups(r, s->p, *vector, v);
		combine_groups(r, v);
		use_content(v, s);
	}
	if ((r = find(f, l, cands, n, PATTERN_FAIL, s, vector)) == NULL)
		return NULL;
	read_groups(r, s->p, *vector, &own);
	combine_groups(r, &own);
	override(r, v, &own);
	return r;
}

/* Line by line. */

/* The line with a newline, without its date and a CR. */
static void
cut_line(const struct text_line *l, struct subject *s)
{
	static char	buf[PATTERN_LINE_MAX];
	size_t		n = l->n, after = l->date + l->date_len;

	while (n > after && l->p[n - 1] == '\r')
		n--;
	s->n = n + 1 - l->date_len;
	s->p = l->p;
	if (l->date_len == 0 && n == l->n)
		return;
	memcpy(buf, l->p, l->date);
	memcpy(buf + l->date, l->p + after, n - after);
	buf[s->n - 1] = '\n';
	s->p = buf;
}

static void
one_line(const struct fail *f, struct text_line *l, const uint16_t *cands,
    size_t n)
{
	const struct regex	*r;
	const size_t		*vector;
	struct failure		 found;
	struct subject		 s;

	if (!may_fail(f, cands, n))
		return;
	text_cut(l);
	n = patterns_cut(f->patterns, l->date, l->date + l->date_len, cands,
	    n, &cands);
	if (!may_fail(f, cands, n))
		return;
	cut_line(l, &s);
	if ((r = match(f, l, cands, n, &s, &vector, &found.v)) == NULL ||
	    (f->ignores && is_ignored(f, l, cands, n, &s)))
		return;
	found.line = l->whole;
	found.len = l->whole_len;
	found.nlines = 1;
	found.users = nobody;
	conclude(f, l, r, &found);
}

/* Several lines. */

static logtime_t
find_cut(void *arg, const char *p, size_t n, size_t *from, size_t *to)
{
	const struct text_line	*l = arg;
	enum date_found		 found = DATE_NONE;
	logtime_t		 at;

	if (l->stamp == 0)
		found = date_find(l->finder, p, n, l->live, l->b->now,
		    l->w->last, &at, from, to);
	if (found == DATE_NONE)
		*from = *to = 0;
	return found == DATE_FOUND ? at : -1;
}

/* Those that may match somewhere in the window. */
static size_t
hopes(const struct fail *f, const struct window *w, uint16_t *list)
{
	size_t	i, n = 0;

	for (i = 0; i < f->n; i++)
		if (window_hopes(w, i))
			list[n++] = f->rules[i].index;
	return n;
}

static void
skip_lines(const struct regex *r, struct window *w, const size_t *vector)
{
	const struct group	*g;
	size_t			 i, k, from;

	for (i = 0; i < r->ngroups; i++) {
		g = &r->groups[i];
		for (k = 0; g->skiplines && k < g->n; k++) {
			from = vector[2 * g->groups[k]];
			if (from != PATTERN_UNSET)
				window_skip(w, from,
				    vector[2 * g->groups[k] + 1]);
		}
	}
}

/* An ignoreregex looks at the lines that matched alone. */
static int
is_taken_ignored(const struct fail *f, struct text_line *l,
    const uint16_t *cands, size_t ncands, const struct window *w,
    const struct subject *whole, size_t first, size_t n)
{
	static char	buf[WINDOW_LEN];
	struct subject	s = { buf, 0 };

	if (!f->ignores)
		return 0;
	s.n = window_pick(w, first, n, whole->p, buf);
	return is_ignored(f, l, cands, ncands, &s);
}

/*
 * Matched lines leave the window, all of them if prefregex chose what matched,
 * even if they are ignored: then 0.
 */
static int
take_lines(const struct fail *f, struct text_line *l, const uint16_t *cands,
    size_t ncands, const struct regex *r, struct window *w,
    const struct subject *whole, const size_t *vector, struct failure *found)
{
	static char	buf[WINDOW_TAKEN];
	size_t		first = 0, n;
	int		ignored;

	if (f->has_prefix)
		n = window_lines(w, 0, SIZE_MAX, &first);
	else {
		n = window_lines(w, vector[0], vector[1], &first);
		skip_lines(r, w, vector);
	}
	ignored = is_taken_ignored(f, l, cands, ncands, w, whole, first, n);
	found->nlines = window_take(w, first, n, buf, &found->len);
	found->line = buf;
	found->users = nobody;
	return !ignored;
}

/* Its last line is this one. */
static void
look_at_window(const struct fail *f, struct text_line *l, struct window *w)
{
	static char		 buf[WINDOW_LEN];
	const struct regex	*r;
	const size_t		*vector;
	struct failure		 found;
	struct subject		 s = { buf, 0 }, whole;
	uint16_t		 cands[PATTERNS_MAX];
	logtime_t		 at;
	size_t			 n;

	n = hopes(f, w, cands);
	s.n = window_text(w, buf, find_cut, l, &at);
	whole = s;
	if ((r = match(f, l, cands, n, &s, &vector, &found.v)) == NULL ||
	    !take_lines(f, l, cands, n, r, w, &whole, vector, &found))
		return;
	(void)text_time(l);
	if (at != -1 && l->date_len == 0)	/* of a line above */
		l->at = watch_when(l->w, at, l->live, l->b->now);
	conclude(f, l, r, &found);
}

static void
several_lines(const struct fail *f, struct text_line *l,
    const uint16_t *cands, size_t ncands)
{
	struct window	*w;
	size_t		 i, n = l->n;

	if ((w = window_of(f->windows, block_identity(l->b))) == NULL)
		return;
	while (n > 0 && l->p[n - 1] == '\r')
		n--;
	window_add(w, l->p, n);
	for (i = 0; i < ncands; i++)
		window_hope(w, f->byindex[cands[i] - f->first]);
	if (!window_hopeless(w))
		look_at_window(f, l, w);
}

void
fail_line(struct fail *f, struct text_line *l, const uint16_t *cands,
    size_t n)
{
	(f->windows != NULL ? several_lines : one_line)(f, l, cands, n);
}

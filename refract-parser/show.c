/*
 * Answers to control.  A page is as long as it was asked for, and looks at a
 * bounded part of the table.
 */
#include <stdio.h>
#include <string.h>

#include "args.h"
#include "count.h"
#include "counter.h"
#include "decide.h"
#include "line.h"
#include "log.h"
#include "msg.h"
#include "resume.h"
#include "show.h"
#include "stream.h"
#include "tell.h"
#include "text.h"
#include "users.h"
#include "watch.h"

#define PAGE_MAX	256	/* rows */
#define LOOK_MAX	65536	/* users looked at for one page */

static void
send_row(struct channel *ch, uint32_t id, uint32_t what, const void *row,
    size_t len)
{
	struct row_head	head = { .what = what };

	channel_send2(ch, M_ROW, id, &head, sizeof(head), row, len);
}

/* Users. */

static void
fill_user(struct row_user *r, const struct watch *w, const struct user *u)
{
	const struct sighting	*s;
	const char		*name;
	size_t			 n;
	uint32_t		 i;

	memset(r, 0, sizeof(*r));
	r->watch_hash = w->hash;
	r->limit = u->limit;
	strlcpy(r->watch, w->conf->w.name, sizeof(r->watch));
	name = users_name(u, &n);
	text_vis(r->user, sizeof(r->user), name, n);
	for (i = u->sightings; i != 0; i = s->next) {
		s = sighting_at(i);
		if (r->naddrs < USER_ADDRS) {
			sighting_addr(s, &r->addrs[r->naddrs]);
			r->seen[r->naddrs] = (int64_t)s->last;
		}
		r->naddrs++;
	}
}

static int
is_from(const struct user *u, const struct prefix *p)
{
	const struct sighting	*s;
	struct prefix		 addr;
	uint32_t		 i;

	for (i = u->sightings; i != 0; i = s->next) {
		s = sighting_at(i);
		sighting_addr(s, &addr);
		if (prefix_contains(p, &addr))
			return 1;
	}
	return 0;
}

static int
is_last_seen_since(const struct user *u, int64_t since)
{
	return (int64_t)u->touched * 1000 + 999 >= since;
}

/* Is this user asked for? */
static int
is_asked(const struct msg_show *m, const struct watch *w,
    const struct row_user *r, const struct user *u)
{
	if (m->by == SHOW_BY_WATCH && strcmp(m->name, w->conf->w.name) != 0)
		return 0;
	if (m->by == SHOW_BY_USER && strcmp(m->name, r->user) != 0 &&
	    strncmp(m->name, r->user, sizeof(m->name) - 1) != 0)
		return 0;
	if (m->prefix.family != 0 && !is_from(u, &m->prefix))
		return 0;
	return m->since == 0 || is_last_seen_since(u, m->since);
}

static uint64_t
show_users(struct channel *ch, uint32_t id, const struct msg_show *m)
{
	struct row_user	 r;
	struct watch	*w;
	struct user	*u;
	uint32_t	 i, looks, rows = 0, top = users_top();

	if (m->cursor > top)
		return 0;
	i = m->cursor == 0 ? 1 : (uint32_t)m->cursor;
	for (looks = 0; i <= top && rows < m->max && looks < LOOK_MAX;
	    i++, looks++) {
		if ((u = users_at(i)) == NULL || u->sightings == 0 ||
		    (w = watch_bynumber(u->watch)) == NULL || w->text != NULL)
			continue;
		fill_user(&r, w, u);
		if (!is_asked(m, w, &r, u))
			continue;
		send_row(ch, id, SHOW_USERS, &r, sizeof(r));
		rows++;
	}
	return i <= top ? i : 0;
}

/* Matches of keys. */

static void
fill_match(struct row_match *r, const struct watch *w, const struct user *u)
{
	const struct count	 rule = text_rule(w);
	const char		*name;
	struct prefix		 addr;
	size_t			 n;

	memset(r, 0, sizeof(*r));
	r->watch_hash = w->hash;
	r->after = rule.after;
	r->count = count_now(&rule, u, &r->last);
	strlcpy(r->watch, w->conf->w.name, sizeof(r->watch));
	name = users_name(u, &n);
	count_show(r->key, sizeof(r->key), name, n);
	sighting_addr(sighting_at(u->sightings), &addr);
	r->bans = decide_bans(w, &addr);
}

static int
is_match_asked(const struct msg_show *m, const struct watch *w,
    const struct row_match *r, const struct user *u)
{
	if (m->by == SHOW_BY_WATCH && strcmp(m->name, w->conf->w.name) != 0)
		return 0;
	if (m->by == SHOW_BY_USER && strncmp(m->name, r->key,
	    sizeof(m->name) - 1) != 0)
		return 0;
	if (m->prefix.family != 0 && !is_from(u, &m->prefix))
		return 0;
	return m->since == 0 || r->last >= m->since;
}

static uint64_t
show_matches(struct channel *ch, uint32_t id, const struct msg_show *m)
{
	struct row_match r;
	struct watch	*w;
	struct user	*u;
	uint32_t	 i, looks, rows = 0, top = users_top();

	if (m->cursor > top)
		return 0;
	i = m->cursor == 0 ? 1 : (uint32_t)m->cursor;
	for (looks = 0; i <= top && rows < m->max && looks < LOOK_MAX;
	    i++, looks++) {
		if ((u = users_at(i)) == NULL || u->sightings == 0 ||
		    (w = watch_bynumber(u->watch)) == NULL || w->text == NULL)
			continue;
		fill_match(&r, w, u);
		if (!is_match_asked(m, w, &r, u))
			continue;
		send_row(ch, id, SHOW_MATCHES, &r, sizeof(r));
		rows++;
	}
	return i <= top ? i : 0;
}

/* Watches. */

static void
count_users(const struct watch *w, struct row_watch *r)
{
	struct user	*u;
	uint32_t	 i;

	for (i = 1; i <= users_top(); i++)
		if ((u = users_at(i)) != NULL && u->watch == w->number)
			r->users++;
}

static void
fill_watch(struct row_watch *r, const struct watch *w)
{
	const struct watch_stats	*s = &w->stats;
	struct conf_source		*src;

	memset(r, 0, sizeof(*r));
	r->hash = w->hash;
	r->lines = s->lines;
	r->bytes = s->bytes;
	r->matches = s->matches;
	r->unparsed = s->unparsed;
	r->offences = s->offences;
	r->forwarded = s->forwarded;
	r->masked = s->masked;
	r->skewed = s->skewed;
	r->lost = s->lost;
	r->ignored = s->ignored;
	r->cancelled = s->cancelled;
	r->limits = s->limits;
	/* Dates in text are not read unless something matches. */
	r->last = w->text != NULL && w->read > w->last ? w->read : w->last;
	r->dry_run = w->conf->w.dry_run;
	strlcpy(r->name, w->conf->w.name, sizeof(r->name));
	if ((src = TAILQ_FIRST(&w->conf->sources)) != NULL)
		strlcpy(r->source, src->w.path, sizeof(r->source));
	TAILQ_FOREACH(src, &w->conf->sources, entry)
		r->files += follow_count_source(src->w.id) +
		    stream_count_source(src->w.id);
	strlcpy(r->notice, warn_text(w), sizeof(r->notice));
	count_users(w, r);
}

static uint64_t
show_watches(struct channel *ch, uint32_t id, const struct msg_show *m)
{
	struct row_watch	 r;
	struct watch		*w;
	uint64_t		 i = 0;
	uint32_t		 rows = 0;

	TAILQ_FOREACH(w, &watches, entry) {
		if (i++ < m->cursor || (m->by == SHOW_BY_WATCH &&
		    strcmp(m->name, w->conf->w.name) != 0))
			continue;
		if (rows++ == m->max)
			return i - 1;
		fill_watch(&r, w);
		send_row(ch, id, SHOW_WATCHES, &r, sizeof(r));
	}
	return 0;
}

/* The cursor is the watch's place and the regex' in it. */
static uint64_t
show_patterns(struct channel *ch, uint32_t id, const struct msg_show *m)
{
	struct row_pattern	 r;
	struct watch		*w;
	uint64_t		 place = 0, i = m->cursor & 0xffff;
	uint32_t		 rows = 0;

	TAILQ_FOREACH(w, &watches, entry) {
		if (place++ < m->cursor >> 16 || (m->by == SHOW_BY_WATCH &&
		    strcmp(m->name, w->conf->w.name) != 0))
			continue;
		if (place - 1 > m->cursor >> 16)
			i = 0;
		for (; text_pattern(w, (size_t)i, &r); i++) {
			if (rows++ == m->max)
				return (place - 1) << 16 | i;
			send_row(ch, id, SHOW_PATTERNS, &r, sizeof(r));
		}
	}
	return 0;
}

static void
on_show(MSG_ARGS)
{
	struct msg_show	m;

	memcpy(&m, data, len);
	if (m.max == 0 || m.max > PAGE_MAX)
		m.max = PAGE_MAX;
	if (m.what == SHOW_USERS)
		m.cursor = show_users(ch, id, &m);
	else if (m.what == SHOW_MATCHES)
		m.cursor = show_matches(ch, id, &m);
	else if (m.what == SHOW_PATTERNS)
		m.cursor = show_patterns(ch, id, &m);
	else if (m.what == SHOW_WATCHES)
		m.cursor = show_watches(ch, id, &m);
	else
		m.cursor = 0;
	channel_send(ch, M_SHOW_END, id, &m, sizeof(m));
}

static void
on_counters(MSG_ARGS)
{
	counter_set(PARSER_USERS, users_count());
	counter_set(PARSER_EVICTED, users_evicted());
	counter_set(PARSER_FILES, follow_count());
	tell_counters(ch, id, data, len, fd);
}

/* Forgiving. */

static void
on_forgive(MSG_ARGS)
{
	struct msg_target	t;
	unsigned int		n;

	memcpy(&t, data, len);
	n = forgive(&t, NULL, WALL_FOREVER);
	/* 0: an unban was said by the way, nobody waits. */
	if (id != 0)
		tell_outcome(ch, M_RESULT, id, 0, n, "%u address%s forgotten",
		    n, n == 1 ? "" : "es");
}

/* By hand. */

static void
on_trigger(MSG_ARGS)
{
	struct msg_trigger	t;

	memcpy(&t, data, len);
	switch (text_trigger(&t)) {
	case -1:
		tell_outcome(ch, M_RESULT, id, 1, 0, "there is no watch %.80s",
		    t.watch);
		break;
	case -2:
		tell_outcome(ch, M_RESULT, id, 1, 0, "addr is not an address, "
		    "or more than one ban covers");
		break;
	case 0:
		tell_outcome(ch, M_RESULT, id, 0, 0, "it is under way already");
		break;
	default:
		tell_outcome(ch, M_RESULT, id, 0, 1, "counted as an offence");
	}
}

const struct handler	show_handlers[] = {
	{ M_SHOW, on_show },
	{ M_COUNTERS_GET, on_counters },
	{ M_FORGIVE, on_forgive },
	{ M_TRIGGER, on_trigger },
	{ 0, NULL }
};

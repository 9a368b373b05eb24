/*
 * Keys and the sliding window.  No clock and no messages: time comes with the
 * line.
 */
#include <sys/socket.h>

#include <stdio.h>
#include <string.h>

#include "conf.h"
#include "count.h"
#include "line.h"
#include "siphash.h"
#include "text.h"

#define LATE		60000	/* ms out of order */
#define JOINT		'\0'	/* between values of a key */
#define ESCAPE		'\001'	/* before what could be taken for it */

/* Keys. */

static void
put(struct key *k, const char *p, size_t n)
{
	if (n > sizeof(k->bytes) - k->n)
		n = sizeof(k->bytes) - k->n;
	memcpy(k->bytes + k->n, p, n);
	k->n += n;
}

static char *
put_byte(char *p, unsigned int n)
{
	if (n >= 100)
		*p++ = (char)('0' + n / 100);
	if (n >= 10)
		*p++ = (char)('0' + n / 10 % 10);
	*p++ = (char)('0' + n % 10);
	return p;
}

/* As prefix_print() has it, and faster where it is most often asked. */
static void
put_addr(struct key *k, const struct prefix *p)
{
	char	 buf[PREFIX_STRLEN], *q = buf;
	int	 i;

	if (p->family != AF_INET || p->plen != 32) {
		prefix_print(p, buf);
		put(k, buf, strlen(buf));
		return;
	}
	for (i = 0; i < 4; i++) {
		if (i > 0)
			*q++ = '.';
		q = put_byte(q, p->addr[i]);
	}
	put(k, buf, (size_t)(q - buf));
}

/* A value, so that what joins it to others cannot stand in it. */
static void
put_part(struct key *k, const char *p, size_t n)
{
	static const char	 escape = ESCAPE;
	size_t			 i, from = 0;

	for (i = 0; i < n; i++)
		if (p[i] == JOINT || p[i] == ESCAPE) {
			put(k, p + from, i - from);
			put(k, &escape, 1);
			from = i;
		}
	put(k, p + from, n - from);
}

static void
put_joint(struct key *k)
{
	static const char	joint = JOINT;

	put(k, &joint, 1);
}

static const struct value *
find_value(const struct match *m, const char *name)
{
	unsigned int	i;

	for (i = 0; i < m->nvalues; i++)
		if (strcmp(m->values[i].name, name) == 0)
			return &m->values[i];
	return NULL;
}

static void
put_grouped(const struct conf_watch *cw, const struct match *m, struct key *k)
{
	struct prefix	p = m->addr;

	prefix_group(&p, cw->w.group4, cw->w.group6);
	put_addr(k, &p);
}

/* The value of one name that the watch's `key` has. */
static void
put_named(const struct conf_watch *cw, const struct match *m,
    const char *name, struct key *k)
{
	const struct value	*v;

	if (m->addr.family != 0 && strcmp(name, "addr") == 0) {
		put_grouped(cw, m, k);
		return;
	}
	if ((v = find_value(m, name)) == NULL)
		return;
	put_part(k, v->p, v->n);
}

static void
put_all(const struct match *m, struct key *k)
{
	unsigned int	i;

	for (i = 0; i < m->nvalues; i++) {
		if (i > 0)
			put_joint(k);
		put_part(k, m->values[i].p, m->values[i].n);
	}
}

/* An address is what its key has, or is it, and the line has none. */
static int
lacks_addr(const struct conf_watch *cw, const struct match *m)
{
	unsigned int	i;

	if (m->addr.family != 0)
		return 0;
	for (i = 0; i < cw->w.nkeys; i++)
		if (strcmp(cw->w.keys[i], "addr") == 0)
			return 1;
	return cw->w.nkeys == 0 && *cw->w.json_addr != '\0' &&
	    m->key == NULL && find_value(m, "host") == NULL;
}

int
count_key(const struct conf_watch *cw, const struct match *m, struct key *k)
{
	unsigned int	i;

	k->n = 0;
	if (lacks_addr(cw, m))
		return -1;
	for (i = 0; i < cw->w.nkeys; i++) {
		if (i > 0)
			put_joint(k);
		put_named(cw, m, cw->w.keys[i], k);
	}
	if (cw->w.nkeys > 0)
		return 0;
	if (m->key != NULL)
		put_part(k, m->key, m->key_len);
	else if (m->addr.family != 0)
		put_grouped(cw, m, k);
	else
		put_all(m, k);
	return 0;
}

/* "203.0.113.7 root": joints are blanks. */
static size_t
unjoin(char *dst, size_t size, const char *key, size_t n)
{
	size_t	i, used = 0;

	for (i = 0; i < n && used < size; i++) {
		if (key[i] == ESCAPE && i + 1 < n)
			i++;
		else if (key[i] == JOINT) {
			dst[used++] = ' ';
			continue;
		}
		dst[used++] = key[i];
	}
	return used;
}

void
count_show(char *buf, size_t size, const char *key, size_t n)
{
	static const struct sipkey	 fixed = { 0, 0 };
	char				 plain[USER_NAME_MAX + 1];
	char				 whole[4 * USER_NAME_MAX + 1];
	size_t				 len;

	len = unjoin(plain, sizeof(plain), key, n);
	text_vis(whole, sizeof(whole), plain, len);
	if (strlen(whole) < size) {
		memcpy(buf, whole, strlen(whole) + 1);
		return;
	}
	text_vis(buf, size - 17, plain, len);
	len = strlen(buf);
	snprintf(buf + len, size - len, "#%016llx",
	    (unsigned long long)siphash(&fixed, key, n));
}

/* The window. */

/*
 * Forget what is too old for any line that may still come, and what was
 * written under another clock, far ahead of now; and the oldest, if there are
 * `after` already.  Where the new one belongs: the link before it.
 */
static uint32_t *
make_room(const struct count *c, struct user *u, logtime_t at)
{
	uint32_t		*link, *place;
	const struct sighting	*s;
	int64_t			 since;
	uint32_t		 n = 0;

	for (link = place = &u->sightings; *link != 0;) {
		s = sighting_at(*link);
		since = at - (int64_t)s->last;
		if ((since > LATE && since - LATE > c->window) ||
		    (-since > LATE && -since > c->window)) {
			sighting_remove(link);
			continue;
		}
		n++;
		link = &sighting_at(*link)->next;
		if (since >= 0)
			place = link;
	}
	if (n >= c->after && u->sightings != 0) {
		if (place == &sighting_at(u->sightings)->next)
			place = &u->sightings;
		sighting_remove(&u->sightings);
	}
	return place;
}

/* Weights of those not more than a window before this time, up to it. */
static uint32_t
weigh(const struct count *c, const struct user *u, logtime_t end)
{
	const struct sighting	*s;
	uint32_t		 i, sum = 0;

	for (i = u->sightings; i != 0; i = s->next) {
		s = sighting_at(i);
		if ((int64_t)s->last <= end &&
		    end - (int64_t)s->last <= c->window)
			sum += s->port;
	}
	return sum;
}

/* The most that a window holds which has this time in it. */
static uint32_t
heaviest(const struct count *c, const struct user *u, logtime_t at)
{
	const struct sighting	*s;
	uint32_t		 i, sum, most = 0;

	for (i = u->sightings; i != 0; i = s->next) {
		s = sighting_at(i);
		if ((int64_t)s->last < at)
			continue;
		if ((int64_t)s->last - at > c->window)
			break;
		if ((sum = weigh(c, u, (int64_t)s->last)) > most)
			most = sum;
	}
	return most;
}

/* The usual case is that it is the last one, and that all are near. */
static uint32_t
total(const struct count *c, const struct user *u, uint32_t number)
{
	const struct sighting	*s = sighting_at(number);

	return s->next == 0 ? weigh(c, u, (int64_t)s->last) :
	    heaviest(c, u, (int64_t)s->last);
}

/* The new one is at the end: bring it to its place. */
static uint32_t
insert(struct user *u, uint32_t *place, const struct sighting *new)
{
	uint32_t	*link, number, next;

	for (link = place; *link != 0; link = &sighting_at(*link)->next)
		;
	if (sighting_append(u) == NULL)
		return 0;
	number = *link;
	*link = 0;
	next = *place;
	*sighting_at(number) = *new;
	sighting_at(number)->next = next;
	*place = number;
	return number;
}

static void
take_lines(struct user *u, const struct count *c, struct counted *r)
{
	const struct sighting	*s;
	uint32_t		 i;

	for (i = u->sightings; i != 0 && r->nlines < c->after; i = s->next) {
		s = sighting_at(i);
		r->lines[r->nlines++] = s->age;
	}
}

void
count_add(const struct count *c, struct user *u, const struct sighting *new,
    struct counted *r)
{
	logtime_t	 at = new->last;
	uint32_t	*place, number;

	r->offends = 0;
	r->nlines = 0;
	r->total = new->port;
	place = make_room(c, u, at);
	if (r->total < c->after) {
		if ((number = insert(u, place, new)) == 0)
			return;
		r->total = total(c, u, number);
	}
	if (r->total < c->after)
		return;
	r->offends = 1;
	take_lines(u, c, r);
	count_clear(u);
}

uint32_t
count_now(const struct count *c, const struct user *u, logtime_t *last)
{
	const struct sighting	*s;
	uint32_t		 i;

	*last = 0;
	for (i = u->sightings; i != 0; i = s->next) {
		s = sighting_at(i);
		*last = (int64_t)s->last;
	}
	return weigh(c, u, *last);
}

uint32_t
count_clear(struct user *u)
{
	uint32_t	n;

	for (n = 0; u->sightings != 0; n++)
		sighting_remove(&u->sightings);
	return n;
}

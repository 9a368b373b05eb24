/*
 * The rules are those of fail2ban 1.0.2:
 * - what a later line says replaces what an earlier one did;
 * - <F-NOFAIL> is not a failure, and <F-MLFGAINED>, access, is not one either
 *   and makes failures that nobody is known for void;
 * - but it is one if such a failure waits, or if the connection tried several
 *   users;
 * - <F-MLFFORGET> ends the connection.
 */
#include <sys/queue.h>		/* libbsd's */

#include <stdlib.h>
#include <string.h>

#include "fail_pending.h"
#include "msg.h"
#include "siphash.h"

#define VALUE_ROOM	UINT8_MAX	/* bytes of a value */
#define BUCKETS		256

struct entry {
	uint64_t	has;
	struct {
		uint16_t	at, n;
	} v[FAIL_NAMES];
	int		waits;		/* a failure, of nobody yet */
	unsigned int	nlines, nusers;
	uint16_t	lines_len, users_len;
	char		text[WAITING_TEXT];
	char		users[WAITING_USERS];
	char		lines[WAITING_LINES];
};

/* A connection: its entry has the same index. */
struct place {
	TAILQ_ENTRY(place) order;	/* free ones, then from the first on */
	uint64_t	id;		/* hash of its mlfid; 0: free */
	uint64_t	taken;		/* the nth ever */
	logtime_t	until;
	int		changed;	/* since it was saved */
	struct place	*next;		/* of the same bucket */
};

/* The last entry is for what is not kept. */
struct pending {
	struct sipkey	key;
	uint64_t	taken;		/* so many, ever */
	TAILQ_HEAD(, place) order;
	struct place	*buckets[BUCKETS];
	struct place	places[WAITING_SLOTS];
	struct entry	list[WAITING_SLOTS + 1];
};

/* What a line is. */
#define NOT_FAILED	1		/* nofail, or gained */
#define FORGET		2
#define WAS_NOT_FAILED	4		/* the line before it */
#define GAINED		8

struct pending *
pending_new(void)
{
	struct pending	*c;
	int		 i;

	if ((c = calloc(1, sizeof(*c))) == NULL)
		return NULL;
	arc4random_buf(&c->key, sizeof(c->key));
	TAILQ_INIT(&c->order);
	for (i = 0; i < WAITING_SLOTS; i++)
		TAILQ_INSERT_TAIL(&c->order, &c->places[i], order);
	return c;
}

void
pending_free(struct pending *c)
{
	free(c);
}

/* Finding. */

static struct place **
bucket(struct pending *c, uint64_t id)
{
	return &c->buckets[id % BUCKETS];
}

static void
leave(struct pending *c, struct place *p)
{
	struct place	**link;

	for (link = bucket(c, p->id); *link != p; link = &(*link)->next)
		;
	*link = p->next;
	p->id = 0;
	p->changed = 1;
	TAILQ_REMOVE(&c->order, p, order);
	TAILQ_INSERT_HEAD(&c->order, p, order);
}

/* NULL: it is not there, or too old. */
static struct place *
find(struct pending *c, uint64_t id, logtime_t at)
{
	struct place	*p;

	for (p = *bucket(c, id); p != NULL && p->id != id; p = p->next)
		;
	if (p != NULL && p->until <= at) {
		leave(c, p);
		return NULL;
	}
	return p;
}

static void
enter(struct pending *c, struct place *p, uint64_t id, uint64_t taken)
{
	p->id = id;
	p->taken = taken;
	p->next = *bucket(c, id);
	*bucket(c, id) = p;
	TAILQ_REMOVE(&c->order, p, order);
	TAILQ_INSERT_TAIL(&c->order, p, order);
}

/* A free one, else the oldest. */
static struct place *
take(struct pending *c, uint64_t id, logtime_t at)
{
	struct place	*p = TAILQ_FIRST(&c->order);

	if (p->id != 0)
		leave(c, p);
	enter(c, p, id, ++c->taken);
	p->until = at + PENDING_MS;
	return p;
}

static void
start(struct entry *e)
{
	e->has = 0;
	e->waits = 0;
	e->nlines = e->nusers = 0;
	e->lines_len = e->users_len = 0;
}

/* Adding. */

static int
has_user(const struct entry *e, const char *p, size_t n)
{
	const char	*s = e->users, *end = e->users + e->users_len, *nl;

	for (; s < end; s = nl + 1) {
		if ((nl = memchr(s, '\n', (size_t)(end - s))) == NULL)
			nl = end;
		if ((size_t)(nl - s) == n && memcmp(s, p, n) == 0)
			return 1;
	}
	return 0;
}

static void
add_user(struct entry *e, const struct bytes *user)
{
	size_t	n = user->n < VALUE_ROOM ? user->n : VALUE_ROOM;

	if (has_user(e, user->p, n))
		return;
	e->nusers++;
	if (e->users_len + n + 1 > sizeof(e->users))
		return;
	if (e->users_len > 0)
		e->users[e->users_len++] = '\n';
	memcpy(e->users + e->users_len, user->p, n);
	e->users_len = (uint16_t)(e->users_len + n);
}

/* The last one is always there, of those before it what has room. */
static void
add_line(struct entry *e, const char *p, size_t n)
{
	const char	*nl;
	size_t		 gone;

	if (n > sizeof(e->lines) - 1)
		n = sizeof(e->lines) - 1;
	while (e->lines_len > 0 && e->lines_len + n + 1 > sizeof(e->lines)) {
		nl = memchr(e->lines, '\n', e->lines_len);
		gone = nl == NULL ? e->lines_len :
		    (size_t)(nl - e->lines) + 1;
		e->lines_len = (uint16_t)(e->lines_len - gone);
		memmove(e->lines, e->lines + gone, e->lines_len);
	}
	if (e->lines_len > 0)
		e->lines[e->lines_len++] = '\n';
	memcpy(e->lines + e->lines_len, p, n);
	e->lines_len = (uint16_t)(e->lines_len + n);
	e->nlines++;
}

static struct bytes
old_value(const struct entry *e, unsigned int i)
{
	struct bytes	b = { e->text + e->v[i].at, e->v[i].n };

	return b;
}

/* What the line has replaces what was there, and v is all of it then. */
static void
add_values(struct entry *e, struct values *v)
{
	char		text[WAITING_TEXT];
	struct bytes	b;
	uint64_t	bits;
	size_t		n = 0;
	unsigned int	i;

	e->has |= v->has;
	for (bits = e->has; bits != 0; bits &= bits - 1) {
		i = (unsigned int)__builtin_ctzll(bits);
		b = (v->has & NAME_BIT(i)) != 0 ? v->v[i] : old_value(e, i);
		if (b.n > VALUE_ROOM)
			b.n = VALUE_ROOM;
		if (b.n > sizeof(text) - n)
			b.n = sizeof(text) - n;
		memcpy(text + n, b.p, b.n);
		e->v[i].at = (uint16_t)n;
		e->v[i].n = (uint16_t)b.n;
		n += b.n;
	}
	memcpy(e->text, text, n);
	v->has = e->has;
	for (bits = e->has; bits != 0; bits &= bits - 1) {
		i = (unsigned int)__builtin_ctzll(bits);
		v->v[i] = old_value(e, i);
	}
}

/* Merging. */

static unsigned int
flags_of(struct values *v)
{
	unsigned int	flags = 0;

	if (value_said(v, NAME_GAINED)) {
		flags = GAINED | NOT_FAILED;
		if (!value_said(v, NAME_NOFAIL))
			v->v[NAME_NOFAIL] = v->v[NAME_GAINED];
		v->has |= NAME_BIT(NAME_NOFAIL);
	} else if (value_said(v, NAME_NOFAIL))
		flags = NOT_FAILED;
	if (value_said(v, NAME_FORGET))
		flags |= FORGET;
	v->has &= ~(NAME_BIT(NAME_FORGET) | NAME_BIT(NAME_MLFID));
	return flags;
}

/* Of one that is known: what the lines before this one were. */
static unsigned int
reopen(struct entry *e, unsigned int flags)
{
	if ((e->has & (NAME_BIT(NAME_NOFAIL) | NAME_BIT(NAME_GAINED))) != 0)
		flags |= WAS_NOT_FAILED;
	e->has &= ~(NAME_BIT(NAME_NOFAIL) | NAME_BIT(NAME_GAINED));
	if ((flags & GAINED) != 0)
		e->waits = 0;
	if ((flags & WAS_NOT_FAILED) == 0 && !e->waits) {
		e->nlines = 0;		/* a failure had them */
		e->lines_len = 0;
	}
	return flags;
}

/* 1: it is a failure. */
static int
settle(struct entry *e, struct failure *f, unsigned int flags)
{
	if (e->waits || e->nusers > 1) {
		e->has &= ~(NAME_BIT(NAME_NOFAIL) | NAME_BIT(NAME_GAINED));
		flags &= ~(GAINED | NOT_FAILED);
	}
	e->waits = 0;
	if ((flags & NOT_FAILED) == 0 || (flags & FORGET) == 0)
		add_line(e, f->line, f->len);
	f->line = e->lines;
	f->len = e->lines_len;
	f->nlines = e->nlines;
	f->users.p = e->users;
	f->users.n = e->users_len;
	if ((e->has & NAME_BIT(NAME_NOFAIL)) != 0 && e->v[NAME_NOFAIL].n > 0)
		return 0;
	e->waits = (e->has & NAME_IDS) == 0;
	return !e->waits;
}

int
pending_merge(struct pending *c, struct failure *f, logtime_t at)
{
	const struct bytes	*id = &f->v.v[NAME_MLFID];
	uint64_t		 hash;
	struct entry		*e = &c->list[WAITING_SLOTS];
	struct place		*p;
	unsigned int		 flags;
	int			 known;

	if ((hash = siphash(&c->key, id->p, id->n)) == 0)
		hash = 1;
	flags = flags_of(&f->v);
	known = (p = find(c, hash, at)) != NULL;
	if (!known && (flags & FORGET) == 0)
		p = take(c, hash, at);
	if (p != NULL) {
		e = &c->list[p - c->places];
		p->changed = 1;
	}
	if (known)
		flags = reopen(e, flags);
	else
		start(e);
	if (value_said(&f->v, NAME_USER) && p != NULL)
		add_user(e, &f->v.v[NAME_USER]);
	add_values(e, &f->v);
	if (known && (flags & FORGET) != 0)
		leave(c, p);
	return settle(e, f, flags);
}

/* Over a restart. */

static size_t
pack(const struct entry *e, struct wire_waiting *m, char *to)
{
	struct bytes	 b;
	char		*p = to;
	uint64_t	 bits;
	unsigned int	 i;

	for (bits = e->has; bits != 0; bits &= bits - 1) {
		i = (unsigned int)__builtin_ctzll(bits);
		b = old_value(e, i);
		m->lens[i] = (uint8_t)b.n;
		memcpy(p, b.p, b.n);
		p += b.n;
	}
	memcpy(p, e->users, e->users_len);
	p += e->users_len;
	memcpy(p, e->lines, e->lines_len);
	p += e->lines_len;
	m->has = e->has;
	m->waits = (uint8_t)e->waits;
	m->nlines = e->nlines;
	m->nusers = e->nusers;
	m->users_len = e->users_len;
	m->lines_len = e->lines_len;
	return (size_t)(p - to);
}

void
pending_save(struct pending *c, uint64_t watch, uint64_t filter, int all,
    void (*put)(const void *, size_t))
{
	static struct {
		struct wire_waiting	head;
		char			text[WAITING_TEXT + WAITING_USERS +
					    WAITING_LINES];
	} m;
	struct place	*p;
	uint32_t	 i;
	size_t		 n;

	for (i = 0; i < WAITING_SLOTS; i++) {
		p = &c->places[i];
		if (all ? p->id == 0 : !p->changed)
			continue;
		p->changed = 0;
		m.head = (struct wire_waiting){
			.watch = watch, .filter = filter, .k0 = c->key.k0,
			.k1 = c->key.k1, .id = p->id, .order = p->taken,
			.until = p->until, .slot = i
		};
		n = p->id == 0 ? 0 : pack(&c->list[i], &m.head, m.text);
		put(&m, sizeof(m.head) + n);
	}
}

static void
unpack(struct entry *e, const struct wire_waiting *m)
{
	const char	*p = (const char *)(m + 1);
	size_t		 n = 0;
	unsigned int	 i;

	start(e);
	for (i = 0; i < FAIL_NAMES; i++) {
		e->v[i].at = (uint16_t)n;
		e->v[i].n = m->lens[i];
		n += m->lens[i];
	}
	memcpy(e->text, p, n);
	memcpy(e->users, p + n, m->users_len);
	memcpy(e->lines, p + n + m->users_len, m->lines_len);
	e->has = m->has;
	e->waits = m->waits;
	e->nlines = m->nlines;
	e->nusers = m->nusers;
	e->users_len = m->users_len;
	e->lines_len = m->lines_len;
}

/* The key that they were hashed with becomes ours. */
void
pending_restore(struct pending *c, const struct wire_waiting *m)
{
	struct sipkey	 key = { m->k0, m->k1 };
	struct place	*p = &c->places[m->slot];

	if (c->taken == 0)
		c->key = key;
	if (m->id == 0 || p->id != 0 || find(c, m->id, 0) != NULL ||
	    memcmp(&c->key, &key, sizeof(key)) != 0)
		return;
	enter(c, p, m->id, m->order);
	if (m->order > c->taken)
		c->taken = m->order;
	p->until = m->until;
	unpack(&c->list[m->slot], m);
}

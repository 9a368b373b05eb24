/*
 * Bans: a hash by what is banned, a list of all for walks and pages, a heap
 * by what is due first (its end, or its timeout in the kernel running low).
 */
#include <sys/socket.h>

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "ask.h"
#include "bans.h"
#include "channel.h"
#include "child.h"
#include "counter.h"
#include "log.h"
#include "sockets.h"

#define REARM_AFTER	(12LL * 24 * 3600 * 1000)	/* half the kernel's */
#define DUE_TURN	500		/* bans ended in one turn */
#define WALK_TURN	1000		/* bans looked at in one turn */
#define SHOW_TURN	20000
#define WALKS_MAX	128
#define ORPHAN_OFF	2000		/* ms: the kernel counts seconds */
#define CLOCK_CHECK	30000		/* ms: the wall clock may be set */

uint32_t		  bans_pass;
uint64_t		  bans_deleted, bans_adopted;

static struct ban	**buckets, **all, **heap;
static size_t		  n_bans, max_bans, mask, in_set[SET_BANS];
static uint64_t		  seed;
static struct event	 *due_timer, *walk_timer;
static struct walk	  walks[WALKS_MAX];
static size_t		  walk_first, walk_count, walk_at;

static void		  on_due(EVENT_ARGS);
static void		  on_walk(EVENT_ARGS);

size_t
bans_in_set(enum set_id id)
{
	return in_set[id];
}

/* --- the heap by due --- */

static void
heap_set(size_t i, struct ban *b)
{
	heap[i] = b;
	b->order = i;
}

/* Move b from its place to where its due time belongs. */
static void
heap_fix(struct ban *b)
{
	size_t	i = b->order, c;

	for (; i > 0 && heap[(i - 1) / 2]->due > b->due; i = (i - 1) / 2)
		heap_set(i, heap[(i - 1) / 2]);
	for (; (c = 2 * i + 1) < n_bans; i = c) {
		if (c + 1 < n_bans && heap[c + 1]->due < heap[c]->due)
			c++;
		if (heap[c]->due >= b->due)
			break;
		heap_set(i, heap[c]);
	}
	heap_set(i, b);
}

static void
wait_ms(struct event *timer, int64_t ms)
{
	struct timeval	tv = { ms / 1000, ms % 1000 * 1000 };

	(void)event_add(timer, &tv);
}

static void
due_wait(void)
{
	int64_t	left;

	if (n_bans == 0)
		return;
	left = heap[0]->due - wall_now();
	wait_ms(due_timer, left < 0 ? 0 : left > CLOCK_CHECK ? CLOCK_CHECK :
	    left);
}

/* When to look at it again: its end, or before the kernel's count ends. */
static wall_t
due_of(const struct ban *b, wall_t now)
{
	if (b->w.end == WALL_FOREVER ||
	    b->w.end - now <= ENTRY_TIMEOUT_MAX * 1000LL)
		return b->w.end;
	return now + REARM_AFTER;
}

/* --- the table --- */

static struct ban **
bucket(const struct prefix *p, uint16_t port, uint8_t proto)
{
	return &buckets[prefix_hash(p, seed + ((uint32_t)port << 8 | proto)) &
	    mask];
}

static struct ban *
find(const struct prefix *p, uint16_t port, uint8_t proto)
{
	struct ban	*b = *bucket(p, port, proto);

	while (b != NULL && (b->w.port != port || b->w.proto != proto ||
	    prefix_cmp(&b->w.prefix, p) != 0))
		b = b->next;
	return b;
}

static void
hash_in(struct ban *b)
{
	struct ban	**head = bucket(&b->w.prefix, b->w.port, b->w.proto);

	b->next = *head;
	*head = b;
}

static void *
room_for(size_t n)
{
	void	*p;

	/* Large and untouched: costs address space only. */
	if ((p = calloc(n, sizeof(struct ban *))) == NULL)
		fatal("bans: no memory for %zu", n);
	return p;
}

void
bans_bound(uint32_t max)
{
	struct ban	**old_all = all, **old_heap = heap;
	size_t		  i, room = max > n_bans ? max : n_bans;

	if (due_timer == NULL) {
		arc4random_buf(&seed, sizeof(seed));
		due_timer = evtimer_new(child_base, on_due, NULL);
		walk_timer = evtimer_new(child_base, on_walk, NULL);
		if (due_timer == NULL || walk_timer == NULL)
			fatalx("bans: no memory for timers");
	}
	max_bans = max;
	for (mask = 1024; mask < room; mask *= 2)
		;
	free(buckets);
	buckets = room_for(mask--);
	all = room_for(room);
	heap = room_for(room);
	for (i = 0; i < n_bans; i++) {
		all[i] = old_all[i];
		heap[i] = old_heap[i];
		hash_in(all[i]);
	}
	free(old_all);
	free(old_heap);
}

static struct ban *
attach(const struct wire_ban *w)
{
	struct ban	*b;

	if (n_bans >= max_bans || (b = malloc(sizeof(*b))) == NULL)
		return NULL;
	b->w = *w;
	b->pass = bans_pass;
	b->due = due_of(b, wall_now());
	b->place = b->order = n_bans;
	all[n_bans++] = b;
	heap_fix(b);
	hash_in(b);
	in_set[sets_which(&w->prefix, w->port != 0)]++;
	counter_set(ENF_BANS, n_bans);
	if (b->order == 0)
		due_wait();
	return b;
}

static void
detach(struct ban *b)
{
	struct ban	**link, *last;

	link = bucket(&b->w.prefix, b->w.port, b->w.proto);
	while (*link != b)
		link = &(*link)->next;
	*link = b->next;
	n_bans--;
	all[b->place] = all[n_bans];
	all[b->place]->place = b->place;
	if ((last = heap[n_bans]) != b) {
		last->order = b->order;
		heap_fix(last);
	}
	in_set[sets_which(&b->w.prefix, b->w.port != 0)]--;
	counter_set(ENF_BANS, n_bans);
	free(b);
}

/* --- the kernel --- */

static struct entry
entry_of(const struct wire_ban *w, enum ban_outcome outcome)
{
	return (struct entry){
		.prefix = w->prefix, .port = w->port, .proto = w->proto,
		.outcome = outcome,
		.timeout = entries_timeout(w->end, wall_now())
	};
}

static void
to_kernel(const struct wire_ban *w, int add, enum ban_outcome outcome)
{
	struct entry	e = entry_of(w, outcome);

	bans_deleted += !add;
	entries_put(sets_which(&w->prefix, w->port != 0), add, &e);
}

void
bans_room(void)
{
	struct set_header	h;
	struct entry		*list;
	enum set_id		id;
	size_t			i, n;

	for (id = 0; id < SET_BANS; id++) {
		if (sets_header(id, sets[id].name, &h) == 0 &&
		    (h.maxelem >= max_bans || h.elements > in_set[id]))
			continue;
		if ((list = calloc(in_set[id] + 1, sizeof(*list))) == NULL)
			fatal("bans: no memory");
		for (i = n = 0; i < n_bans; i++)
			if (sets_which(&all[i]->w.prefix,
			    all[i]->w.port != 0) == id)
				list[n++] = entry_of(&all[i]->w, 0);
		if (entries_exchange(id, max_bans, list, n) == -1)
			log_warnx("set %s: cannot grow: %s", sets[id].name,
			    sets_error());
		free(list);
	}
}

void
bans_again(struct ban *b)
{
	b->pass = bans_pass;
	to_kernel(&b->w, 1, 0);
}

static void
end_ban(struct ban *b, enum ban_outcome outcome)
{
	to_kernel(&b->w, 0, 0);
	tell_event(&b->w, outcome, 0, 0);
	detach(b);
}

int
bans_repeated(const struct wire_ban *w)
{
	const struct ban	*b = find(&w->prefix, w->port, w->proto);

	return b != NULL && b->w.end == w->end && w->id.file != 0 &&
	    memcmp(&b->w.id, &w->id, sizeof(w->id)) == 0;
}

/*
 * The kernel had it when we came, and it ends when this one does: its decision
 * was not stored before the end of those who made it.
 */
static int
was_orphan(const struct ban *b, const struct wire_ban *w)
{
	static const struct decision_id	none;

	return memcmp(&b->w.id, &none, sizeof(none)) == 0 &&
	    b->w.end - w->end <= ORPHAN_OFF && w->end - b->w.end <= ORPHAN_OFF;
}

enum ban_outcome
bans_put(const struct wire_ban *w, int quiet)
{
	enum ban_outcome outcome = BAN_APPLIED;
	struct ban	*b;

	if (w->end <= wall_now())
		return BAN_PAST;
	if ((b = find(&w->prefix, w->port, w->proto)) != NULL) {
		if (was_orphan(b, w))
			outcome = BAN_APPLIED;
		else if (b->w.end >= w->end)
			return BAN_KEPT;
		else
			outcome = BAN_EXTENDED;
		detach(b);
	}
	if ((b = attach(w)) == NULL)
		return BAN_FULL;
	to_kernel(w, 1, quiet ? 0 : outcome);
	return outcome;
}

void
bans_done(int add, const struct entry *e, int error)
{
	char		 text[PREFIX_STRLEN];
	struct ban	*b;

	if (error == 0 && e->outcome == 0)
		return;
	b = add ? find(&e->prefix, e->port, e->proto) : NULL;
	if (error != 0) {
		counter_inc(ENF_KERNEL_ERRORS);
		log_warnx("ban of %s: the kernel refuses: error %d",
		    prefix_print(&e->prefix, text), error);
	}
	if (b == NULL)
		return;
	if (error == 0) {
		sockets_end(&b->w, 0);
		tell_event(&b->w, e->outcome, 0, 0);
		return;
	}
	tell_event(&b->w, error == ENTRIES_FULL ? BAN_FULL : BAN_FAILED, 0,
	    error < 4096 ? error : EINVAL);
	detach(b);
}

void
bans_mark(UNUSED enum set_id id, const struct entry *e)
{
	struct ban	*b = find(&e->prefix, e->port, e->proto);

	if (b != NULL)
		b->pass = bans_pass;
}

void
bans_found(enum set_id id, const struct entry *e)
{
	struct wire_ban	w = {
		.prefix = e->prefix, .port = e->port, .proto = e->proto,
		.start = wall_now(), .end = WALL_FOREVER
	};

	if (find(&e->prefix, e->port, e->proto) != NULL)
		bans_mark(id, e);
	else if (prefix_valid(&e->prefix)) {
		if (e->timeout != 0)
			w.end = w.start + e->timeout * 1000LL;
		bans_adopted += attach(&w) != NULL;
	}
}

/* Whoever is told reads too slowly: later, the kernel ends bans itself. */
static int
crowded(void)
{
	struct channel	*l = child_channel(ROLE_LEDGER, 0);
	struct channel	*c = child_channel(ROLE_CONTROL, 0);

	return (l != NULL && channel_full(l)) || (c != NULL && channel_full(c));
}

static void
on_due(EVENT_ARGS)
{
	wall_t		 now = wall_now();
	struct ban	*b;
	int		 n;

	if (crowded()) {
		wait_ms(due_timer, 100);
		return;
	}
	for (n = 0; n < DUE_TURN && n_bans > 0 && heap[0]->due <= now; n++) {
		b = heap[0];
		if (b->w.end <= now) {
			end_ban(b, BAN_EXPIRED);
			continue;
		}
		b->due = due_of(b, now);
		heap_fix(b);
		bans_again(b);
	}
	due_wait();
}

/* --- walks and pages --- */

int
bans_walk(const struct walk *w)
{
	if (walk_count == WALKS_MAX)
		return -1;
	walks[(walk_first + walk_count) % WALKS_MAX] = *w;
	if (walk_count++ == 0) {
		walk_at = n_bans;
		wait_ms(walk_timer, 0);
	}
	return 0;
}

/*
 * From the end to the beginning: the place of a ban that ends is taken by the
 * last one, which was seen already, and new ones come after.
 */
static void
on_walk(EVENT_ARGS)
{
	struct walk	*w = &walks[walk_first];
	int		 n;

	wait_ms(walk_timer, crowded() ? 100 : 0);
	for (n = 0; n < WALK_TURN && walk_at > 0 && !crowded(); n++) {
		if (walk_at > n_bans)
			walk_at = n_bans;
		if (walk_at > 0)
			w->fn(all[--walk_at], w);
	}
	if (walk_at > 0)
		return;
	entries_flush();
	w->end(w);
	walk_first = (walk_first + 1) % WALKS_MAX;
	walk_at = n_bans;
	if (--walk_count == 0)
		(void)event_del(walk_timer);
}

/* Does a target mean this ban?  What is empty in it means all. */
static int
meant(const struct wire_ban *w, const struct msg_target *t)
{
	return (t->prefix.family == 0 ||
	    prefix_overlap(&t->prefix, &w->prefix)) &&
	    (t->port == 0 || t->port == w->port) &&
	    (t->proto == 0 || t->proto == w->proto);
}

void
bans_lift(struct ban *b, struct walk *w)
{
	if (!meant(&b->w, &w->target))
		return;
	w->count++;
	end_ban(b, BAN_LIFTED);
}

static int
shown(const struct wire_ban *w, const struct msg_show *s)
{
	const struct msg_target	t = { .prefix = s->prefix };

	if (!meant(w, &t) || w->start < s->since)
		return 0;
	if (s->by == SHOW_BY_WATCH)
		return w->id.watch == (s->name[0] == '\0' ? 0 :
		    watch_hash(s->name));
	return s->by != SHOW_BY_USER || strcmp(w->subject, s->name) == 0;
}

/* The newest first; the cursor is how many are still to come. */
void
bans_show(struct channel *ch, uint32_t client, const struct msg_show *s)
{
	struct row_head	head = { .what = SHOW_BANS };
	struct msg_show	end = *s;
	struct row_ban	row = { 0 };
	uint32_t	rows = 0, n = 0;
	size_t		at = s->cursor == 0 || s->cursor > n_bans ? n_bans :
	    s->cursor;

	for (; at > 0 && rows < s->max && n < SHOW_TURN; at--, n++) {
		if (!shown(&all[at - 1]->w, s))
			continue;
		row.ban = all[at - 1]->w;
		channel_send2(ch, M_ROW, client, &head, sizeof(head), &row,
		    sizeof(row));
		rows++;
	}
	end.cursor = at;
	channel_send(ch, M_SHOW_END, client, &end, sizeof(end));
}

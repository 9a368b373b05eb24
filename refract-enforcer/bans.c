/*
 * Bans: a hash by what is banned, a list of all for walks and pages, a heap
 * by what is due first (its end, or its timeout in the kernel running low).
 */
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "ask.h"
#include "bans.h"
#include "child.h"
#include "counter.h"
#include "log.h"
#include "sockets.h"
#include "tell.h"
#include "timer.h"

#define REARM_AFTER	(12LL * 24 * 3600 * 1000)	/* half the kernel's */
#define DUE_TURN	500		/* bans ended in one turn */
#define WALK_TURN	1000		/* bans looked at in one turn */
#define SHOW_TURN	20000
#define CLOCK_CHECK	30000		/* ms: the wall clock may be set */

size_t			  bans_in_set[SET_BANS];

static struct ban	**buckets, **all, **heap;
static size_t		  n_bans, max_bans, mask;
static uint64_t		  seed;
static struct event	 *due_timer;

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
due_wait(void)
{
	span_t	left;

	if (n_bans == 0)
		return;
	left = heap[0]->due - wall_now();
	timer_set(due_timer, left > CLOCK_CHECK ? CLOCK_CHECK : left);
}

/* When to look at it again: its end, or before the kernel's count ends. */
static wall_t
due_of(const struct wire_ban *w, wall_t now)
{
	return w->end == WALL_FOREVER || w->end - now <= TIMEOUT_MAX * 1000 ?
	    w->end : now + REARM_AFTER;
}

/* --- the table --- */

static uint32_t
hash(const struct prefix *p, uint16_t port, uint8_t proto)
{
	return prefix_hash(p, seed + ((uint32_t)port << 8 | proto));
}

void
bans_soon(const struct wire_ban *w)
{
	__builtin_prefetch(&buckets[hash(&w->prefix, w->port, w->proto) &
	    mask]);
}

/* A ban of another hash is passed over without a look at the rest of it. */
static struct ban *
find(uint32_t h, const struct prefix *p, uint16_t port, uint8_t proto)
{
	struct ban	*b = buckets[h & mask];

	while (b != NULL && (b->hash != h || b->w.port != port ||
	    b->w.proto != proto || prefix_cmp(&b->w.prefix, p) != 0))
		b = b->next;
	return b;
}

static struct ban *
attach(const struct wire_ban *w, uint32_t h, wall_t now)
{
	struct ban	**head, *b;

	if (n_bans >= max_bans || (b = malloc(sizeof(*b))) == NULL)
		return NULL;
	head = &buckets[h & mask];
	*b = (struct ban){ .next = *head, .hash = h, .w = *w,
	    .due = due_of(w, now), .place = n_bans, .order = n_bans };
	*head = all[n_bans++] = b;
	heap_fix(b);
	bans_in_set[sets_which(&w->prefix, w->port != 0)]++;
	counter_set(ENF_BANS, n_bans);
	if (b->order == 0)
		due_wait();
	return b;
}

static void
detach(struct ban *b)
{
	struct ban	**link, *last;

	for (link = &buckets[b->hash & mask]; *link != b;)
		link = &(*link)->next;
	*link = b->next;
	n_bans--;
	all[b->place] = all[n_bans];
	all[b->place]->place = b->place;
	if ((last = heap[n_bans]) != b) {
		last->order = b->order;
		heap_fix(last);
	}
	bans_in_set[sets_which(&b->w.prefix, b->w.port != 0)]--;
	counter_set(ENF_BANS, n_bans);
	free(b);
}

/* --- the kernel --- */

static struct entry
entry_of(const struct wire_ban *w, enum ban_outcome outcome, wall_t now)
{
	return (struct entry){ .prefix = w->prefix, .port = w->port,
	    .proto = w->proto, .outcome = outcome,
	    .timeout = entries_timeout(w->end, now) };
}

static void
to_kernel(const struct wire_ban *w, int add, enum ban_outcome outcome,
    wall_t now)
{
	struct entry	e = entry_of(w, outcome, now);

	entries_put(sets_which(&w->prefix, w->port != 0), add, &e);
}

void
bans_grow(void)
{
	struct set_header	h;
	struct entry		*list;
	enum set_id		id;
	size_t			i, n;

	for (id = 0; id < SET_BANS; id++) {
		if (sets_header(id, sets[id].name, &h) == 0 &&
		    (h.maxelem >= max_bans || h.elements > bans_in_set[id]))
			continue;
		list = calloc(bans_in_set[id] + 1, sizeof(*list));
		for (i = n = 0; list != NULL && i < n_bans; i++)
			if (sets_which(&all[i]->w.prefix, all[i]->w.port != 0)
			    == id)
				list[n++] = entry_of(&all[i]->w, 0,
				    wall_now());
		if (list == NULL || sets_exchange(id, max_bans, list, n) == -1)
			log_warnx("set %s: cannot grow: %s", sets[id].name,
			    sets_error());
		free(list);
	}
}

void
bans_again(struct ban *b, UNUSED struct walk *w)
{
	to_kernel(&b->w, 1, 0, wall_now());
}

static void
end_ban(struct ban *b, enum ban_outcome outcome)
{
	to_kernel(&b->w, 0, 0, wall_now());
	tell_event(&b->w, outcome, 0, 0);
	detach(b);
}

int
bans_repeated(const struct wire_ban *w)
{
	const struct ban	*b = find(hash(&w->prefix, w->port, w->proto),
	    &w->prefix, w->port, w->proto);

	return b != NULL && b->w.end == w->end &&
	    memcmp(&b->w.id, &w->id, sizeof(w->id)) == 0;
}

enum ban_outcome
bans_put(const struct wire_ban *w, int quiet)
{
	uint32_t	 h = hash(&w->prefix, w->port, w->proto);
	enum ban_outcome outcome = BAN_APPLIED;
	wall_t		 now = wall_now();
	struct ban	*b;

	if (w->end <= now)
		return BAN_PAST;
	if ((b = find(h, &w->prefix, w->port, w->proto)) != NULL) {
		if (b->w.end >= w->end)
			return BAN_KEPT;
		detach(b);
		outcome = BAN_EXTENDED;
	}
	if ((b = attach(w, h, now)) == NULL)
		return BAN_FULL;
	to_kernel(w, 1, quiet ? 0 : outcome, now);
	return outcome;
}

void
bans_done(int add, const struct entry *e, int error)
{
	char		 text[PREFIX_STRLEN];
	struct ban	*b;

	if (error == 0 && e->outcome == 0)
		return;
	if (error != 0) {
		counter_inc(ENF_KERNEL_ERRORS);
		log_warnx("ban of %s: the kernel refuses: error %d",
		    prefix_print(&e->prefix, text), error);
	}
	if (!add || (b = find(hash(&e->prefix, e->port, e->proto), &e->prefix,
	    e->port, e->proto)) == NULL)
		return;
	if (error == 0) {
		sockets_end(&b->w, NULL);
		tell_event(&b->w, e->outcome, 0, 0);
		return;
	}
	tell_event(&b->w, error == SET_FULL ? BAN_FULL : BAN_FAILED, 0,
	    error < 4096 ? error : EINVAL);
	detach(b);
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
	struct ban	*b;
	int		 n;

	for (n = 0; n < DUE_TURN && n_bans > 0 && !crowded() &&
	    (b = heap[0])->due <= wall_now(); n++) {
		if (b->w.end <= wall_now()) {
			end_ban(b, BAN_EXPIRED);
			continue;
		}
		b->due = due_of(&b->w, wall_now());
		heap_fix(b);
		bans_again(b, NULL);
	}
	due_wait();
}

void
bans_bound(uint32_t max)
{
	struct ban	**old_all = all, **old_heap = heap, **head;
	size_t		  i, room = max > n_bans ? max : n_bans;

	/* What was freed once would be written to when it is given again. */
	if (all != NULL && max == max_bans)
		return;
	if (due_timer == NULL) {
		arc4random_buf(&seed, sizeof(seed));
		due_timer = evtimer_new(child_base, on_due, NULL);
	}
	max_bans = max;
	for (mask = 1024; mask < 2 * room; mask *= 2)
		;
	/* Large and untouched: this costs address space only. */
	free(buckets);
	buckets = calloc(mask--, sizeof(*buckets));
	all = calloc(room, sizeof(*all));
	heap = calloc(room, sizeof(*heap));
	if (due_timer == NULL || buckets == NULL || all == NULL || heap == NULL)
		fatal("bans: no memory for %zu", room);
	for (i = 0; i < n_bans; i++) {
		all[i] = old_all[i];
		heap[i] = old_heap[i];
		head = &buckets[all[i]->hash & mask];
		all[i]->next = *head;
		*head = all[i];
	}
	free(old_all);
	free(old_heap);
}

/* --- walks and pages --- */

/*
 * From the end to the beginning: the place of a ban that ends is taken by the
 * last one, which was seen already, and new ones come after.
 */
static void
on_walk(UNUSED evutil_socket_t fd, UNUSED short what, void *arg)
{
	struct timeval	tv = { 0, crowded() ? 100000 : 0 };
	struct walk	*w = arg;
	int		 n;

	for (n = 0; n < WALK_TURN && w->at > 0 && !crowded(); n++) {
		if (w->at > n_bans)
			w->at = n_bans;
		if (w->at > 0)
			w->fn(all[--w->at], w);
	}
	if (w->at > 0) {
		event_base_once(child_base, -1, EV_TIMEOUT, on_walk, w, &tv);
		return;
	}
	entries_flush();
	w->end(w);
	free(w);
}

void
bans_walk(const struct walk *model)
{
	struct walk	*w;

	if ((w = malloc(sizeof(*w))) == NULL)
		fatal("bans: no memory");
	*w = *model;
	w->at = n_bans;
	on_walk(-1, 0, w);
}

/* Does a target mean this ban?  What is empty in it means all. */
static int
meant(const struct wire_ban *w, const struct msg_target *t)
{
	return (t->prefix.family == 0 ||
	    prefix_overlap(&t->prefix, &w->prefix)) &&
	    (t->port == 0 || t->port == w->port) &&
	    (t->proto == 0 || t->proto == w->proto) &&
	    (*t->user == '\0' || strcmp(t->user, w->subject) == 0);
}

static void
lift(struct ban *b, struct walk *w)
{
	if (!meant(&b->w, &w->target))
		return;
	w->count++;
	end_ban(b, BAN_LIFTED);
}

/* What is in the kernel and in no table goes too. */
static void
lifted(struct walk *w)
{
	const struct msg_target	*t = &w->target;
	struct entry		 e = {
		.prefix = t->prefix, .port = t->port, .proto = t->proto
	};
	enum set_id		 id;

	for (id = 0; id < SET_BANS && t->prefix.family == 0 && t->port == 0 &&
	    *t->user == '\0'; id++)
		sets_exchange(id, child_conf()->global.max, NULL, 0);
	if (t->prefix.plen != 0 && (t->port != 0) == (t->proto != 0) &&
	    *t->user == '\0')
		entries_put(sets_which(&e.prefix, e.port != 0), 0, &e);
	tell_outcome(child_channel(ROLE_CONTROL, 0), M_RESULT, w->client, 0,
	    w->count, "%u ban%s lifted", w->count, w->count == 1 ? "" : "s");
}

void
bans_unban(MSG_ARGS)
{
	struct walk	w = { .fn = lift, .end = lifted, .client = id };

	memcpy(&w.target, data, sizeof(w.target));
	bans_walk(&w);
}

/* The newest first; the cursor is how many are still to come. */
void
bans_show(MSG_ARGS)
{
	const struct msg_show	*s = data;
	const struct msg_target	t = { .prefix = s->prefix };
	struct row_head	head = { .what = SHOW_BANS };
	struct msg_show	end = *s;
	struct row_ban	row = { 0 };
	uint64_t	watch = *s->name == '\0' ? 0 : watch_hash(s->name);
	uint32_t	rows = 0, n = 0;
	size_t		at = s->cursor == 0 || s->cursor > n_bans ? n_bans :
	    s->cursor;

	for (; at > 0 && rows < s->max && n < SHOW_TURN; at--, n++) {
		row.ban = all[at - 1]->w;
		if (!meant(&row.ban, &t) || row.ban.start < s->since ||
		    (s->by == SHOW_BY_WATCH && row.ban.id.watch != watch) ||
		    (s->by == SHOW_BY_USER && strcmp(row.ban.subject,
		    s->name) != 0))
			continue;
		channel_send2(ch, M_ROW, id, &head, sizeof(head), &row,
		    sizeof(row));
		rows++;
	}
	end.cursor = at;
	channel_send(ch, M_SHOW_END, id, &end, sizeof(end));
}

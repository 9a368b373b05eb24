/*
 * Rings of minutes, and how they look.  All rings turn together: one place is
 * now for all of them.  A minute that nobody looked at is a gap.
 */
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>

#include "control_rates.h"
#include "control_snap.h"
#include "log.h"

#define MINUTE		60000
#define GAP		UINT32_MAX
#define HEIGHT		48

struct ring {
	uint64_t	watch;		/* hash; 0: all */
	uint64_t	last;		/* the counter's value */
	int		seen;		/* last is one; still there */
	enum rate	rate;
	span_t		since;		/* of the last sample, ms */
	uint64_t	delta;		/* by the last sample */
	uint32_t	slots[RATES_SLOTS];
};

static struct ring	*rings[RATES_MAX];
static size_t		 nrings;
static int64_t		 minute;	/* that is being filled */
static mono_t		 sampled;
static int		 ever;

static struct ring *
ring_find(uint64_t watch, enum rate rate)
{
	size_t i;

	for (i = 0; i < nrings; i++)
		if (rings[i]->watch == watch && rings[i]->rate == rate)
			return rings[i];
	return NULL;
}

static struct ring *
ring_new(uint64_t watch, enum rate rate)
{
	struct ring *r;
	size_t i;

	if (nrings == RATES_MAX || (r = calloc(1, sizeof(*r))) == NULL)
		return NULL;
	r->watch = watch;
	r->rate = rate;
	for (i = 0; i < RATES_SLOTS; i++)
		r->slots[i] = GAP;
	rings[nrings++] = r;
	return r;
}

static uint32_t
bounded(uint64_t n)
{
	return n < GAP ? (uint32_t)n : GAP - 1;
}

/* A counter that went back began anew: what it has now is no rate. */
static void
ring_put(struct ring *r, uint64_t value, span_t since)
{
	uint32_t *slot = &r->slots[minute % RATES_SLOTS];
	uint64_t n = value;

	if (r->rate != RATE_BANS)
		n = r->seen && value >= r->last ? value - r->last : 0;
	r->delta = n;
	r->since = r->seen ? since : 0;
	r->last = value;
	r->seen = 1;
	if (*slot == GAP)
		*slot = bounded(n);
	else if (r->rate == RATE_BANS)
		*slot = *slot > n ? *slot : bounded(n);
	else
		*slot = bounded(*slot + n);
}

static void
put(uint64_t watch, enum rate rate, uint64_t value, span_t since)
{
	struct ring *r;

	if ((r = ring_find(watch, rate)) != NULL ||
	    (r = ring_new(watch, rate)) != NULL)
		ring_put(r, value, since);
}

/* Go on to this minute; those on the way are gaps. */
static void
turn(int64_t to)
{
	size_t i;

	if (to - minute > RATES_SLOTS)
		minute = to - RATES_SLOTS;
	while (minute < to) {
		minute++;
		for (i = 0; i < nrings; i++)
			rings[i]->slots[minute % RATES_SLOTS] = GAP;
	}
}

/* A watch that is no more takes its rings with it. */
static void
forget(const struct snap *snap)
{
	size_t i, j = 0, k;

	for (i = 0; i < nrings; i++) {
		for (k = 0; k < snap->nwatches; k++)
			if (rings[i]->watch == snap->watches[k].hash)
				break;
		if (rings[i]->watch == 0 || k < snap->nwatches)
			rings[j++] = rings[i];
		else
			free(rings[i]);
	}
	nrings = j;
}

int
rates_due(mono_t now)
{
	return !ever || mono_since(sampled, now) >= RATES_SECONDS * 1000 - 50;
}

void
rates_sample(const struct snap *snap)
{
	const struct row_watch *w = snap->watches;
	span_t since = mono_since(sampled, snap->mono);
	size_t i;

	if (!rates_due(snap->mono))
		return;
	sampled = snap->mono;
	ever = 1;
	turn(snap->mono.ms / MINUTE);
	if (snap->known[COUNT_ENF_BANS])
		put(0, RATE_BANS, snap->values[COUNT_ENF_BANS], since);
	if (!snap->known[COUNT_PARSER_LINES])
		return;
	forget(snap);
	put(0, RATE_LINES, snap->values[COUNT_PARSER_LINES], since);
	put(0, RATE_OFFENCES, snap->values[COUNT_PARSER_OFFENCES], since);
	for (i = 0; i < snap->nwatches; i++, w++) {
		put(w->hash, RATE_LINES, w->lines, since);
		put(w->hash, RATE_OFFENCES, w->offences, since);
	}
}

void
rates_clear(void)
{
	while (nrings > 0)
		free(rings[--nrings]);
	ever = 0;
	minute = 0;
}

/* --- Drawing ------------------------------------------------------------- */

static const char *const names[RATE_MAX] = {
	[RATE_BANS] = "bans",
	[RATE_LINES] = "lines",
	[RATE_OFFENCES] = "offences"
};

/* i minutes after the oldest. */
static uint32_t
slot_at(const struct ring *r, int i)
{
	return r->slots[(minute + 1 + i) % RATES_SLOTS];
}

/* The part of a ring that is drawn. */
struct view {
	const struct ring	*r;
	int			 begin;		/* slot; to the newest */
	int			 gap;		/* and so long is nothing */
	uint32_t		 most;
};

/* One, three or six hours, by how long there have been samples. */
static void
view_set(struct view *v, const struct ring *r)
{
	static const int hours[] = { 1, 3, 6 };
	uint32_t n;
	int i, first = 0, h = 0;

	while (first < RATES_SLOTS && slot_at(r, first) == GAP)
		first++;
	while (hours[h] * 60 < RATES_SLOTS - first)
		h++;
	v->r = r;
	v->begin = RATES_SLOTS - hours[h] * 60;
	v->gap = first - v->begin;
	v->most = 0;
	for (i = first; i < RATES_SLOTS; i++)
		if ((n = slot_at(r, i)) != GAP && n > v->most)
			v->most = n;
}

/* What is not nothing is seen, however small beside the highest. */
static unsigned int
tall(const struct view *v, uint32_t n)
{
	unsigned int h;

	if (n == 0 || n == GAP)
		return 0;
	h = (unsigned int)((uint64_t)n * HEIGHT / v->most);
	return h == 0 ? 1 : h;
}

/* One path: a bar for each run of minutes of one number. */
static void
draw(struct evbuffer *out, const struct view *v)
{
	unsigned int h;
	int i, run;

	evbuffer_add_printf(out, "<path d=\"");
	for (i = v->begin; i < RATES_SLOTS; i += run) {
		h = tall(v, slot_at(v->r, i));
		for (run = 1; i + run < RATES_SLOTS; run++)
			if (slot_at(v->r, i + run) != slot_at(v->r, i))
				break;
		if (h > 0)
			evbuffer_add_printf(out, "M%d %dv-%uh%dv%uz",
			    i - v->begin, HEIGHT, h, run, h);
	}
	evbuffer_add_printf(out, "\"/>");
}

static void
caption(struct evbuffer *out, const struct view *v)
{
	const struct ring *r = v->r;

	evbuffer_add_printf(out, "<figcaption><b>%s</b> ", names[r->rate]);
	if (r->rate == RATE_LINES)
		evbuffer_add_printf(out, "%.1f/s now, ", r->since <= 0 ? 0 :
		    (double)r->delta * 1000 / (double)r->since);
	evbuffer_add_printf(out, "at most %u%s</figcaption>", v->most,
	    r->rate == RATE_BANS ? " at once" : "/min");
}

static void
axis(struct evbuffer *out, int hours)
{
	evbuffer_add_printf(out, "<div class=\"axis\"><span>%d h ago</span>",
	    hours);
	evbuffer_add_printf(out, "<span>%d min</span><span>now</span></div>",
	    hours * 30);
}

void
rates_plot(struct evbuffer *out, uint64_t watch, enum rate rate)
{
	const struct ring *r = ring_find(watch, rate);
	struct view v;
	int width;

	if (r == NULL)
		return;
	view_set(&v, r);
	width = RATES_SLOTS - v.begin;
	evbuffer_add_printf(out, "<figure class=\"%s\">", names[rate]);
	caption(out, &v);
	evbuffer_add_printf(out, "<svg viewBox=\"0 0 %d %d\" "
	    "preserveAspectRatio=\"none\" role=\"img\"><title>%s in each "
	    "minute</title>", width, HEIGHT, names[rate]);
	if (v.gap > 0)
		evbuffer_add_printf(out, "<rect class=\"none\" width=\"%d\" "
		    "height=\"%d\"/>", v.gap, HEIGHT);
	draw(out, &v);
	evbuffer_add_printf(out, "</svg>");
	axis(out, width / 60);
	evbuffer_add_printf(out, "</figure>\n");
}

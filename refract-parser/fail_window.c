/*
 * A few lines each of a few files.
 */
#include <stdlib.h>
#include <string.h>

#include "fail_window.h"

struct line {
	size_t		at, n;		/* in bytes, as it was */
	size_t		from, to;	/* its date, if that is known */
	logtime_t	when;		/* -1: it has none */
	int		known, skipped;
};

struct window {
	uint64_t	 file;
	uint64_t	 used;		/* when: in calls of window_of() */
	uint64_t	 added;		/* lines, ever */
	uint64_t	*until;		/* rules may match; in lines */
	uint64_t	 until_any;
	unsigned int	 most;
	size_t		 n, len;	/* lines; bytes with newlines */
	struct line	*lines;
	char		 bytes[2 * WINDOW_LEN];
};

struct windows {
	unsigned int	 lines;
	size_t		 nrules, n;
	uint64_t	 used;
	struct window	*list[WINDOWS_MAX];
};

struct windows *
windows_new(unsigned int lines, size_t nrules)
{
	struct windows	*ws;

	if ((ws = calloc(1, sizeof(*ws))) != NULL) {
		ws->lines = lines;
		ws->nrules = nrules;
	}
	return ws;
}

static void
window_free(struct window *w)
{
	if (w == NULL)
		return;
	free(w->lines);
	free(w->until);
	free(w);
}

void
windows_free(struct windows *ws)
{
	size_t	i;

	if (ws == NULL)
		return;
	for (i = 0; i < ws->n; i++)
		window_free(ws->list[i]);
	free(ws);
}

static struct window *
window_new(const struct windows *ws)
{
	struct window	*w;

	if ((w = calloc(1, sizeof(*w))) == NULL)
		return NULL;
	w->most = ws->lines;
	w->lines = calloc(ws->lines, sizeof(*w->lines));
	w->until = calloc(ws->nrules + 1, sizeof(*w->until));
	if (w->lines == NULL || w->until == NULL) {
		window_free(w);
		return NULL;
	}
	return w;
}

/* Another file takes the place of the one that was quiet longest. */
static struct window *
window_reuse(struct windows *ws)
{
	struct window	*w = ws->list[0];
	size_t		 i;

	for (i = 1; i < ws->n; i++)
		if (ws->list[i]->used < w->used)
			w = ws->list[i];
	w->n = w->len = 0;
	w->until_any = 0;
	memset(w->until, 0, (ws->nrules + 1) * sizeof(*w->until));
	return w;
}

struct window *
window_of(struct windows *ws, uint64_t file)
{
	struct window	*w;
	size_t		 i;

	ws->used++;
	for (i = 0; i < ws->n; i++)
		if (ws->list[i]->file == file) {
			ws->list[i]->used = ws->used;
			return ws->list[i];
		}
	if (ws->n == WINDOWS_MAX)
		w = window_reuse(ws);
	else if ((w = window_new(ws)) != NULL)
		ws->list[ws->n++] = w;
	else
		return NULL;
	w->file = file;
	w->used = ws->used;
	return w;
}

/* Lines. */

static void
remove_lines(struct window *w, size_t first, size_t n)
{
	size_t	i;

	for (i = first; i < first + n; i++)
		w->len -= w->lines[i].n + 1;
	w->n -= n;
	memmove(w->lines + first, w->lines + first + n,
	    (w->n - first) * sizeof(*w->lines));
}

/* To the begin of the bytes, with what was removed between them gone. */
static void
pack(struct window *w)
{
	size_t	i, at = 0;

	for (i = 0; i < w->n; i++) {
		memmove(w->bytes + at, w->bytes + w->lines[i].at,
		    w->lines[i].n);
		w->lines[i].at = at;
		at += w->lines[i].n;
	}
}

void
window_add(struct window *w, const char *p, size_t n)
{
	struct line	*l;
	size_t		 gone = 0, len = w->len, at;

	if (n > WINDOW_LEN - 1)
		n = WINDOW_LEN - 1;
	while (gone < w->n && (w->n - gone == w->most ||
	    len + n + 1 > WINDOW_LEN))
		len -= w->lines[gone++].n + 1;
	remove_lines(w, 0, gone);
	at = w->n == 0 ? 0 : w->lines[w->n - 1].at + w->lines[w->n - 1].n;
	if (at + n > sizeof(w->bytes)) {
		pack(w);
		at = w->len - w->n;
	}
	l = &w->lines[w->n++];
	memset(l, 0, sizeof(*l));
	memcpy(w->bytes + at, p, n);
	l->at = at;
	l->n = n;
	w->len += n + 1;
	w->added++;
}

/* Rules. */

void
window_hope(struct window *w, size_t rule)
{
	w->until[rule] = w->until_any = w->added + w->most;
}

int
window_hopes(const struct window *w, size_t rule)
{
	return w->added < w->until[rule];
}

int
window_hopeless(const struct window *w)
{
	return w->added >= w->until_any;
}

/* Matching. */

static size_t
cut_len(const struct line *l)
{
	return l->n - (l->to - l->from) + 1;
}

size_t
window_text(struct window *w, char buf[WINDOW_LEN], window_cut *cut,
    void *arg, logtime_t *at)
{
	struct line	*l;
	const char	*p;
	size_t		 i, n = 0;

	*at = -1;
	for (i = 0; i < w->n; i++) {
		l = &w->lines[i];
		p = w->bytes + l->at;
		if (!l->known)
			l->when = cut(arg, p, l->n, &l->from, &l->to);
		l->known = 1;
		if (l->when != -1)
			*at = l->when;
		l->skipped = 0;
		memcpy(buf + n, p, l->from);
		memcpy(buf + n + l->from, p + l->to, l->n - l->to);
		n += cut_len(l);
		buf[n - 1] = '\n';
	}
	return n;
}

/*
 * A match that begins at the end of a line begins in that line's newline, so
 * it is of the next one.
 */
size_t
window_lines(const struct window *w, size_t from, size_t to, size_t *first)
{
	size_t	i, at = 0, len, n = 0;

	for (i = 0; i < w->n; i++, at += len) {
		len = cut_len(&w->lines[i]);
		if (at + len - 1 <= from && i + 1 < w->n)
			continue;	/* it ends before */
		if (n++ == 0)
			*first = i;
		if (to <= at + len)
			break;
	}
	return n;
}

void
window_skip(struct window *w, size_t from, size_t to)
{
	size_t	i, at = 0, len;

	for (i = 0; i < w->n; i++, at += len) {
		len = cut_len(&w->lines[i]);
		if (at >= from && at + len <= to)
			w->lines[i].skipped = 1;
	}
}

size_t
window_pick(const struct window *w, size_t first, size_t n, const char *text,
    char buf[WINDOW_LEN])
{
	size_t	i, len, used = 0;

	for (i = 0; i < first + n; i++, text += len) {
		len = cut_len(&w->lines[i]);
		if (i < first || w->lines[i].skipped)
			continue;
		memcpy(buf + used, text, len);
		used += len;
	}
	return used;
}

/* The last ones that there is room for, in their order. */
static size_t
join(const struct window *w, size_t first, size_t n, char *buf)
{
	const struct line	*l;
	size_t			 i, len, end = WINDOW_TAKEN;

	for (i = first + n; i-- > first;) {
		l = &w->lines[i];
		if (l->skipped)
			continue;
		len = l->n;
		if (end == WINDOW_TAKEN && len > end)
			len = end;
		if (len + (end < WINDOW_TAKEN) > end)
			break;
		if (end < WINDOW_TAKEN)
			buf[--end] = '\n';
		end -= len;
		memcpy(buf + end, w->bytes + l->at, len);
	}
	memmove(buf, buf + end, WINDOW_TAKEN - end);
	return WINDOW_TAKEN - end;
}

unsigned int
window_take(struct window *w, size_t first, size_t n, char buf[WINDOW_TAKEN],
    size_t *len)
{
	unsigned int	taken = 0;
	size_t		i;

	*len = join(w, first, n, buf);
	for (i = first + n; i-- > first;)
		if (!w->lines[i].skipped) {
			remove_lines(w, i, 1);
			taken++;
		}
	return taken;
}

/*
 * Layout: cells in a table of 80 columns, a block, or a line; objects in JSON.
 * Nothing is ever cut for want of width: a cell that is too long moves what
 * follows to the next line, the last one is wrapped.
 */
#include <string.h>

#include "ctl_output.h"

#define CELL_MAX	8192	/* four notices, each byte four */
#define BLOCK_LABEL	12
#define BELOW_INDENT	4

/* Where the next byte goes, on a page of OUT_WIDTH. */
struct pen {
	struct obuf	*o;
	size_t		 x;
};

static void
pen_newline(struct pen *pen)
{
	obuf_char(pen->o, '\n');
	pen->x = 0;
}

/* Go to column x, on the next line if we are beyond it already. */
static void
pen_goto(struct pen *pen, size_t x)
{
	if (pen->x > 0 && pen->x >= x)
		pen_newline(pen);
	obuf_fill(pen->o, ' ', x - pen->x);
	pen->x = x;
}

/* How much of s fits in room: up to a blank if there is one, else all of it. */
static size_t
wrap_at(const char *s, size_t len, size_t room)
{
	size_t n;

	if (len <= room)
		return len;
	for (n = room; n > 0; n--)
		if (s[n] == ' ')
			return n;
	return room;
}

/* One line of a cell, from column x on, wrapped. */
static void
pen_wrap(struct pen *pen, size_t x, const char *s, size_t len)
{
	size_t n;

	while (len > 0) {
		pen_goto(pen, x);
		n = wrap_at(s, len, OUT_WIDTH - x);
		obuf_put(pen->o, s, n);
		pen->x += n;
		s += n;
		len -= n;
		for (; len > 0 && *s == ' '; len--)
			s++;
	}
}

/* A cell that may have several lines. */
static void
pen_cell(struct pen *pen, size_t x, const char *s)
{
	size_t n;

	for (;;) {
		n = strcspn(s, "\n");
		pen_wrap(pen, x, s, n);
		if (s[n] == '\0')
			break;
		s += n + 1;
	}
}

static int
in_text(const struct column *c)
{
	return (c->flags & COLF_JSON) == 0;
}

static size_t
longest_line(const char *s)
{
	size_t n, longest = 0;

	for (; *s != '\0'; s += n + (s[n] == '\n'))
		if ((n = strcspn(s, "\n")) > longest)
			longest = n;
	return longest;
}

static void
table_cell(struct pen *pen, const struct column *c, size_t x, const char *s)
{
	size_t len = strlen(s);

	if (len == 0)
		return;
	if ((c->flags & COLF_RIGHT) && len < c->width)
		x += c->width - len;
	/* Too long for the last column: as far to the right as it can be. */
	if (c->width == 0 && (len = longest_line(s)) > OUT_WIDTH - x) {
		x = len < OUT_WIDTH - BELOW_INDENT ? OUT_WIDTH - len :
		    BELOW_INDENT;
		pen_newline(pen);
	}
	pen_cell(pen, x, s);
}

/* One value with its word before it; nothing if there is no value. */
static void
word_and_value(struct obuf *o, const char *sep, const struct column *c,
    const void *row, wall_t now, int quote)
{
	char text[CELL_MAX];
	struct obuf cell = OBUF(text);

	obuf_clear(&cell);
	field_text(&cell, c, row, now, quote && *c->title != '\0');
	if (cell.len == 0)
		return;
	obuf_str(o, sep);
	if (*c->title != '\0')
		obuf_printf(o, "%s ", c->title);
	obuf_put(o, text, cell.len);
}

/* The columns with COLF_BELOW: a list, then a line for each without a word. */
static void
table_below(struct pen *pen, const struct rowtype *t, const void *row,
    wall_t now)
{
	const struct column *c;
	const char *sep;
	char text[CELL_MAX];
	struct obuf o = OBUF(text);

	obuf_clear(&o);
	for (c = t->columns; c->title != NULL; c++) {
		if ((c->flags & COLF_BELOW) == 0)
			continue;
		sep = *c->title == '\0' ? "\n" : ", ";
		word_and_value(&o, o.len > 0 ? sep : "", c, row, now, 0);
	}
	if (o.len > 0) {
		pen_newline(pen);
		pen_cell(pen, BELOW_INDENT, text);
	}
}

static void
table_text(struct obuf *o, const struct rowtype *t, const void *row,
    wall_t now)
{
	const struct column *c;
	struct pen pen = { o, 0 };
	char text[CELL_MAX];
	struct obuf cell = OBUF(text);
	size_t x = 0;

	for (c = t->columns; c->title != NULL; c++) {
		if (!in_text(c) || (c->flags & COLF_BELOW))
			continue;
		obuf_clear(&cell);
		if (row != NULL)
			field_text(&cell, c, row, now, 0);
		else
			obuf_str(&cell, c->title);
		table_cell(&pen, c, x, text);
		x += c->width + 1u;
	}
	if (row != NULL)
		table_below(&pen, t, row, now);
	obuf_char(o, '\n');
}

static void
block_text(struct obuf *o, const struct rowtype *t, const void *row,
    wall_t now)
{
	const struct column *c;
	struct pen pen = { o, 0 };
	char text[CELL_MAX];
	struct obuf cell = OBUF(text);

	for (c = t->columns; c->title != NULL; c++) {
		if (!in_text(c))
			continue;
		obuf_clear(&cell);
		field_text(&cell, c, row, now, 0);
		if (cell.len == 0)
			continue;
		pen_cell(&pen, 0, c->title);
		pen_cell(&pen, BLOCK_LABEL, text);
		pen_newline(&pen);
	}
}

static void
line_text(struct obuf *o, const struct rowtype *t, const void *row, wall_t now)
{
	const struct column *c;
	size_t start = o->len;

	for (c = t->columns; c->title != NULL; c++)
		if (in_text(c))
			word_and_value(o, o->len > start ? " " : "", c, row,
			    now, 1);
	obuf_char(o, '\n');
}

void
row_heading(struct obuf *o, const struct rowtype *t)
{
	if (t->layout == LAYOUT_TABLE)
		table_text(o, t, NULL, 0);
}

void
row_text(struct obuf *o, const struct rowtype *t, const void *row, wall_t now)
{
	switch (t->layout) {
	case LAYOUT_TABLE:
		table_text(o, t, row, now);
		break;
	case LAYOUT_BLOCK:
		block_text(o, t, row, now);
		break;
	case LAYOUT_LINE:
		line_text(o, t, row, now);
		break;
	case LAYOUT_TEXT:
		field_text(o, t->columns, row, now, 0);
		obuf_char(o, '\n');
		break;
	}
}

void
row_json(struct obuf *o, const struct rowtype *t, const void *row, wall_t now)
{
	const struct column *c;
	char sep = '{';

	for (c = t->columns; c->title != NULL; c++) {
		if (c->flags & COLF_TEXT)
			continue;
		obuf_char(o, sep);
		field_json(o, c, row, now);
		sep = ',';
	}
	obuf_char(o, '}');
}

/*
 * Rows and results, between the daemon's answer and standard output.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl_output.h"
#include "ctl_print.h"
#include "msg.h"

#define CONFIG_MAX	(64 * 1024 * 1024)

static char space[64 * 1024];	/* more than the longest row can need */
static struct obuf out = OBUF(space);

static int
out_flush(void)
{
	size_t n = fwrite(out.p, 1, out.len, stdout);

	if (n != out.len || ferror(stdout))
		return -1;
	obuf_clear(&out);
	return 0;
}

/* Text of ours with lines and tabs in it; the rest of it is not trusted. */
static void
put_lines(struct obuf *o, const char *s)
{
	size_t n;

	for (; *s != '\0'; s += n) {
		n = strcspn(s, "\n\t");
		obuf_vis(o, s, n, OBUF_DONE);
		if (s[n] != '\0')
			obuf_char(o, s[n++]);
	}
}

/* A character of UTF-8 may be in two pieces, so all are put together. */
static int
gather(struct printer *p, const char *text)
{
	size_t len = strlen(text);
	char *grown;

	if (len > CONFIG_MAX - p->len ||
	    (grown = realloc(p->text, p->len + len + 1)) == NULL)
		return -1;
	memcpy(grown + p->len, text, len + 1);
	p->text = grown;
	p->len += len;
	return 0;
}

static int
print_config(struct printer *p, const struct row_text *row)
{
	if (p->json)
		return gather(p, row->text);
	put_lines(&out, row->text);
	return out_flush();
}

static void
row_as_json(struct printer *p, const struct rowtype *t, const void *row)
{
	if (p->form == PRINT_ROWS && !t->single)
		obuf_str(&out, p->rows == 0 ? "[\n" : ",\n");
	row_json(&out, t, row, wall_now());
	if (p->form == PRINT_STREAM || t->single)
		obuf_char(&out, '\n');
}

static void
row_as_text(struct printer *p, const struct rowtype *t, const void *row)
{
	if (p->form == PRINT_ROWS && p->rows == 0)
		row_heading(&out, t);
	else if (t->layout == LAYOUT_BLOCK)
		obuf_char(&out, '\n');
	row_text(&out, t, row, wall_now());
}

/* PRINT_PARTS: end what was begun, begin all up to this one. */
static void
parts_begin(struct printer *p, unsigned int upto)
{
	const struct why_part *part;

	for (; p->part < upto; p->part++, p->rows = 0) {
		part = &why_parts[p->part];
		if (p->json)
			obuf_printf(&out, "%s\"%s\":[", p->part == 0 ? "{" :
			    p->rows > 0 ? "\n],\n" : "],\n", part->key);
		else if (p->part + 1 == upto)
			obuf_printf(&out, "%s%s:\n", p->begun ? "\n" : "",
			    part->title);
	}
}

static void
part_row(struct printer *p, uint32_t what, const void *row)
{
	const struct rowtype *t = row_type(what);
	unsigned int i;

	for (i = 0; i < WHY_PARTS && why_parts[i].what != what; i++)
		continue;
	if (i == WHY_PARTS)
		return;
	if (p->part < i + 1)
		parts_begin(p, i + 1);
	if (p->json) {
		obuf_str(&out, p->rows == 0 ? "\n" : ",\n");
		row_json(&out, t, row, wall_now());
	} else {
		if (p->rows == 0)
			row_heading(&out, t);
		row_text(&out, t, row, wall_now());
	}
	p->begun = 1;
	p->rows++;
}

static int
parts_end(struct printer *p)
{
	if (p->json) {
		parts_begin(p, WHY_PARTS);
		obuf_str(&out, p->rows > 0 ? "\n]}\n" : "]}\n");
	} else if (!p->begun && p->code == 0)
		obuf_printf(&out, "%s\n", row_type(p->what)->none);
	return out_flush();
}

int
print_row(struct printer *p, const void *data, size_t len)
{
	const struct row_head *head = data;
	const struct rowtype *t = row_type(head->what);

	(void)len;
	if (head->what == SHOW_CONFIG)
		return print_config(p, (const void *)(head + 1));
	if (p->form == PRINT_PARTS) {
		part_row(p, head->what, head + 1);
		return out_flush();
	}
	if (p->json)
		row_as_json(p, t, head + 1);
	else
		row_as_text(p, t, head + 1);
	p->rows++;
	if (out_flush() == -1)
		return -1;
	return p->form == PRINT_STREAM && fflush(stdout) == EOF ? -1 : 0;
}

static void
result_json(const struct msg_outcome *res)
{
	obuf_printf(&out, "{\"ok\":%s,\"count\":%u,\"text\":\"",
	    res->code == 0 ? "true" : "false", res->count);
	obuf_json(&out, res->text, strlen(res->text));
	obuf_str(&out, "\"}\n");
}

static void
result_text(const struct msg_outcome *res)
{
	put_lines(&out, res->text);
	if (out.len > 0 && out.p[out.len - 1] != '\n')
		obuf_char(&out, '\n');
}

void
print_result(struct printer *p, const struct msg_outcome *res)
{
	if (res->code != 0)
		p->code = 1;
	if (p->json && p->form == PRINT_RESULT) {
		result_json(res);
		out_flush();
		return;
	}
	result_text(res);
	if (res->code == 0) {
		out_flush();
		return;
	}
	fflush(stdout);
	fprintf(stderr, "refractctl: %s", out.p);
	obuf_clear(&out);
}

/* In pieces: it may be longer than the buffer. */
static int
config_json(struct printer *p)
{
	size_t i, n;

	obuf_str(&out, "{\"config\":\"");
	for (i = 0; i < p->len; i += n) {
		n = strcspn(p->text + i, "\n");
		if (i + n < p->len)
			n++;
		if (n > sizeof(space) / 8)
			n = sizeof(space) / 8;
		obuf_json(&out, p->text + i, n);
		if (out_flush() == -1)
			return -1;
	}
	obuf_str(&out, "\"}\n");
	return out_flush();
}

static int
rows_end(struct printer *p)
{
	const struct rowtype *t = row_type(p->what);

	if (p->what == SHOW_CONFIG)
		return p->json ? config_json(p) : 0;
	if (p->json && !t->single)
		obuf_str(&out, p->rows == 0 ? "[]\n" : "\n]\n");
	else if (!p->json && p->rows == 0 && p->code == 0 && t->none != NULL)
		obuf_printf(&out, "%s\n", t->none);
	return out_flush();
}

int
print_end(struct printer *p)
{
	int ret = p->form == PRINT_ROWS ? rows_end(p) :
	    p->form == PRINT_PARTS ? parts_end(p) : 0;

	free(p->text);
	p->text = NULL;
	return fflush(stdout) == EOF ? -1 : ret;
}

/*
 * How text of the language is written: strings, regexes, lists, in pieces.
 */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "parse.h"
#include "print_out.h"

#define WIDTH	76		/* a list that is longer goes over lines */

void
out_flush(struct out *o)
{
	o->buf[o->len] = '\0';
	if (o->len > 0)
		o->emit(o->arg, o->buf);
	o->len = 0;
}

void
out_text(struct out *o, const char *s)
{
	for (; *s != '\0'; s++) {
		if (o->len == PIECE)
			out_flush(o);
		o->buf[o->len++] = *s;
	}
}

void
out_format(struct out *o, const char *fmt, ...)
{
	va_list	 ap;
	char	*s;

	va_start(ap, fmt);
	if (vasprintf(&s, fmt, ap) == -1)
		fatal("configuration");
	va_end(ap);
	out_text(o, s);
	free(s);
}

/* Bytes of the UTF-8 character at s that a terminal may see; 0: none. */
static size_t
utf8(const unsigned char *s)
{
	size_t	i, n;

	if (*s >= 0xc2 && *s <= 0xdf)
		n = 2;
	else if (*s >= 0xe0 && *s <= 0xef)
		n = 3;
	else if (*s >= 0xf0 && *s <= 0xf4)
		n = 4;
	else
		return 0;
	for (i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	/* C1 controls; overlong forms; the marks that turn text around. */
	if ((s[0] == 0xc2 && s[1] < 0xa0) || (s[0] == 0xe0 && s[1] < 0xa0) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xed && s[1] >= 0xa0) ||
	    (s[0] == 0xf4 && s[1] >= 0x90) ||
	    (s[0] == 0xe2 && (s[1] == 0x80 || s[1] == 0x81)))
		return 0;
	return n;
}

size_t
parse_visible(const char *s)
{
	return *s >= ' ' && *s < 0x7f ? 1 : utf8((const unsigned char *)s);
}

char *
parse_quote(const char *str)
{
	const unsigned char	*s = (const unsigned char *)str;
	char			*buf, *p;
	size_t			 n;

	if ((p = buf = malloc(strlen(str) * 4 + 3)) == NULL)
		fatal("configuration");
	*p++ = '"';
	for (; *s != '\0'; s++)
		if (*s == '"' || *s == '\\') {
			*p++ = '\\';
			*p++ = *s;
		} else if (*s >= ' ' && *s < 0x7f)
			*p++ = *s;
		else if ((n = utf8(s)) > 0) {
			memcpy(p, s, n);
			p += n;
			s += n - 1;
		} else
			p += snprintf(p, 5, "\\x%02x", *s);
	*p++ = '"';
	*p = '\0';
	return buf;
}

/* The same of a regex, in which only \" is an escape. */
static char *
parse_quote_regex(const char *s)
{
	char	*buf, *p;

	if ((p = buf = malloc(strlen(s) * 2 + 3)) == NULL)
		fatal("configuration");
	*p++ = '"';
	for (; *s != '\0'; s++) {
		if (*s == '"')
			*p++ = '\\';
		*p++ = *s;
	}
	*p++ = '"';
	*p = '\0';
	return buf;
}

void
out_regex(struct out *o, const char *s)
{
	char	*q = parse_quote_regex(s);

	out_text(o, q);
	free(q);
}

void
out_quoted(struct out *o, const char *s)
{
	char	*q = parse_quote(s);

	out_text(o, q);
	free(q);
}

void
out_span(struct out *o, int64_t span)
{
	char	buf[SPAN_STRLEN];

	out_text(o, span_print(span, buf));
}

void
out_size(struct out *o, uint32_t kib)
{
	if (kib % (1024 * 1024) == 0)
		out_format(o, "%uG", kib / (1024 * 1024));
	else if (kib % 1024 == 0)
		out_format(o, "%uM", kib / 1024);
	else
		out_format(o, "%uK", kib);
}

const char *
out_yesno(int n)
{
	return n ? "yes" : "no";
}

/* Lists: "head { a, b }", or an item a line. */

void
items_add(struct items *it, const char *s)
{
	size_t	 len = strlen(s);
	char	*p;

	if (it->room - it->len < len + 2) {
		it->room = it->room * 2 + len + 64;
		if ((p = realloc(it->text, it->room)) == NULL)
			fatal("configuration");
		it->text = p;
	}
	memcpy(it->text + it->len, s, len);
	it->len += len;
	it->text[it->len++] = '\n';
	it->text[it->len] = '\0';
	it->n++;
}

void
items_add_quoted(struct items *it, const char *s)
{
	char	*q = parse_quote(s);

	items_add(it, q);
	free(q);
}

void
out_list(struct out *o, const char *head, const char *lines,
    const char *indent)
{
	const char	*p, *end;
	size_t		 width = strlen(indent) * 8 + strlen(head) + 4;
	int		 wide;

	for (p = lines; *p != '\0'; p++)
		width += *p == '\n' ? 2 : 1;
	wide = width > WIDTH;
	out_format(o, "%s%s {", indent, head);
	for (p = lines; (end = strchr(p, '\n')) != NULL; p = end + 1)
		if (wide)
			out_format(o, "\n%s\t%.*s", indent, (int)(end - p), p);
		else
			out_format(o, " %.*s%s", (int)(end - p), p,
			    end[1] == '\0' ? "" : ",");
	if (wide)
		out_format(o, "\n%s}\n", indent);
	else
		out_text(o, " }\n");
}

void
items_out(struct out *o, const char *head, struct items *it)
{
	if (it->n > 0)
		out_list(o, head, it->text, "\t");
	free(it->text);
	memset(it, 0, sizeof(*it));
}

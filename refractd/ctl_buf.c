/*
 * Bounded text, and the two ways by which outside bytes get into it: vis(3)
 * for people, JSON escapes for scripts.
 */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <vis.h>

#include "ctl_buf.h"

void
obuf_clear(struct obuf *o)
{
	o->len = 0;
	o->cut = 0;
	o->p[0] = '\0';
}

void
obuf_put(struct obuf *o, const char *s, size_t len)
{
	size_t room = o->size - 1 - o->len;

	if (len > room) {
		o->cut = 1;
		len = room;
	}
	memcpy(o->p + o->len, s, len);
	o->len += len;
	o->p[o->len] = '\0';
}

void
obuf_str(struct obuf *o, const char *s)
{
	obuf_put(o, s, strlen(s));
}

void
obuf_char(struct obuf *o, char c)
{
	obuf_put(o, &c, 1);
}

void
obuf_fill(struct obuf *o, char c, size_t n)
{
	while (n-- > 0 && !o->cut)
		obuf_put(o, &c, 1);
}

void
obuf_printf(struct obuf *o, const char *fmt, ...)
{
	va_list ap;
	size_t room = o->size - o->len;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(o->p + o->len, room, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= room) {
		o->cut = 1;
		o->len = o->size - 1;
		o->p[o->len] = '\0';
	} else
		o->len += (size_t)n;
}

void
obuf_vis(struct obuf *o, const char *s, size_t len, int how)
{
	char one[8];
	size_t i;

	if (how & OBUF_QUOTE)
		obuf_char(o, '"');
	for (i = 0; i < len && !o->cut; i++) {
		if (s[i] == '"' && (how & OBUF_QUOTE))
			obuf_str(o, "\\\"");
		else if (s[i] == '\\' && (how & OBUF_DONE))
			obuf_char(o, s[i]);
		else {
			vis(one, (unsigned char)s[i], VIS_OCTAL | VIS_TAB |
			    VIS_NL | VIS_NOLOCALE, 0);
			obuf_str(o, one);
		}
	}
	if (how & OBUF_QUOTE)
		obuf_char(o, '"');
}

/* The first byte's answer: how many bytes a character has, 0 for none. */
static size_t
utf8_length(unsigned char c)
{
	if (c < 0x80)
		return 1;
	if (c >= 0xc2 && c <= 0xdf)
		return 2;
	if (c >= 0xe0 && c <= 0xef)
		return 3;
	if (c >= 0xf0 && c <= 0xf4)
		return 4;
	return 0;
}

/* Length of the good character that s begins with (RFC 3629), else 0. */
static size_t
utf8_good(const unsigned char *s, size_t len)
{
	size_t i, n = utf8_length(s[0]);

	if (n == 0 || n > len)
		return 0;
	for (i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	/* Longer than need be, a surrogate, or beyond U+10FFFF. */
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

static void
json_ascii(struct obuf *o, unsigned char c)
{
	static const char special[] = "\"\"\\\\\bb\ff\nn\rr\tt";
	const char *s;

	for (s = special; *s != '\0'; s += 2)
		if ((unsigned char)*s == c) {
			obuf_char(o, '\\');
			obuf_char(o, s[1]);
			return;
		}
	if (c < ' ' || c == 0x7f)
		obuf_printf(o, "\\u%04x", c);
	else
		obuf_char(o, (char)c);
}

/* C1 controls are characters too, but no terminal should see them. */
static int
is_c1(const unsigned char *s)
{
	return s[0] == 0xc2 && s[1] < 0xa0;
}

void
obuf_json(struct obuf *o, const char *str, size_t len)
{
	const unsigned char *s = (const unsigned char *)str;
	size_t n;

	for (; len > 0 && !o->cut; s += n, len -= n) {
		if ((n = utf8_good(s, len)) == 0) {
			obuf_str(o, "\\ufffd");
			n = 1;
		} else if (n == 1)
			json_ascii(o, s[0]);
		else if (n == 2 && is_c1(s))
			obuf_printf(o, "\\u%04x", s[1]);
		else
			obuf_put(o, (const char *)s, n);
	}
}

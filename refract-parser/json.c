/*
 * The JSON reader: a recursive descent over bytes, as deep as JSON_DEPTH.
 * While it goes down it knows of each wanted path how much of it the keys on
 * the way have spelled.
 */
#include <stdint.h>
#include <string.h>

#include "json.h"

struct reader {
	const char		*p, *end;
	struct json_want	*wants;
	unsigned int		 nwants;
	char			*buf;
	size_t			 room;
	int			 depth;
};

/* A string as it lies there, between its quotes. */
struct raw {
	const char	*p;
	size_t		 n;
	int		 escaped;
};

/* Of each wanted path what is left to spell; NULL: not on the way. */
struct trail {
	const char	*left[JSON_WANTS];
};

static int	value(struct reader *, const struct trail *);

static void
space(struct reader *r)
{
	while (r->p < r->end && (*r->p == ' ' || *r->p == '\t' ||
	    *r->p == '\n' || *r->p == '\r'))
		r->p++;
}

/* The next byte that is no space, or NUL at the end. */
static char
peek(struct reader *r)
{
	space(r);
	return r->p < r->end ? *r->p : '\0';
}

static int
take(struct reader *r, char c)
{
	if (r->p == r->end || *r->p != c)
		return -1;
	r->p++;
	return 0;
}

/* Strings. */

static int
hex4(const char *p, const char *end, uint32_t *code)
{
	int	i;
	char	c;

	if (end - p < 4)
		return -1;
	for (i = 0, *code = 0; i < 4; i++) {
		c = p[i];
		*code <<= 4;
		if (c >= '0' && c <= '9')
			*code |= (uint32_t)(c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			*code |= (uint32_t)((c | 0x20) - 'a' + 10);
		else
			return -1;
	}
	return 0;
}

/* What follows a backslash: its length, or -1. */
static int
escape(const char *p, const char *end)
{
	uint32_t	code;

	if (p == end)
		return -1;
	if (*p == 'u')
		return hex4(p + 1, end, &code) == -1 ? -1 : 5;
	return *p != '\0' && strchr("\"\\/bfnrt", *p) != NULL ? 1 : -1;
}

static int
string(struct reader *r, struct raw *s)
{
	int	n;

	if (take(r, '"') == -1)
		return -1;
	s->p = r->p;
	s->escaped = 0;
	for (; r->p < r->end && *r->p != '"'; r->p++) {
		if ((unsigned char)*r->p < 0x20)
			return -1;
		if (*r->p != '\\')
			continue;
		if ((n = escape(r->p + 1, r->end)) == -1)
			return -1;
		s->escaped = 1;
		r->p += n;
	}
	s->n = (size_t)(r->p - s->p);
	return take(r, '"');
}

static size_t
put_utf8(char *to, uint32_t c)
{
	if (c < 0x80) {
		to[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		to[0] = (char)(0xc0 | c >> 6);
		to[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		to[0] = (char)(0xe0 | c >> 12);
		to[1] = (char)(0x80 | (c >> 6 & 0x3f));
		to[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	to[0] = (char)(0xf0 | c >> 18);
	to[1] = (char)(0x80 | (c >> 12 & 0x3f));
	to[2] = (char)(0x80 | (c >> 6 & 0x3f));
	to[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

/* At the digits of \uXXXX; of half a pair alone U+FFFD is made. */
static const char *
unicode(const char *p, const char *end, uint32_t *code)
{
	uint32_t	low;

	hex4(p, end, code);
	p += 4;
	if (*code < 0xd800 || *code > 0xdfff)
		return p;
	if (*code < 0xdc00 && end - p >= 6 && p[0] == '\\' && p[1] == 'u' &&
	    hex4(p + 2, end, &low) == 0 && low >= 0xdc00 && low <= 0xdfff) {
		*code = 0x10000 + ((*code - 0xd800) << 10) + (low - 0xdc00);
		return p + 6;
	}
	*code = 0xfffd;
	return p;
}

/* A string that string() has read; it never becomes longer. */
static size_t
unescape(const struct raw *s, char *to)
{
	static const char	 from[] = "\"\\/bfnrt";
	static const char	 into[] = "\"\\/\b\f\n\r\t";
	const char		*p = s->p, *end = s->p + s->n;
	char			*start = to;
	uint32_t		 code;

	while (p < end) {
		if (*p != '\\') {
			*to++ = *p++;
		} else if (p[1] == 'u') {
			p = unicode(p + 2, end, &code);
			to += put_utf8(to, code);
		} else {
			*to++ = into[strchr(from, p[1]) - from];
			p += 2;
		}
	}
	return (size_t)(to - start);
}

/* In the line if that will do, else in buf: 0, or -1 without room. */
static int
text(struct reader *r, const struct raw *s, const char **p, size_t *n)
{
	*p = s->p;
	*n = s->n;
	if (!s->escaped)
		return 0;
	if (s->n > r->room)
		return -1;
	*p = r->buf;
	*n = unescape(s, r->buf);
	r->buf += *n;
	r->room -= *n;
	return 0;
}

/* Values. */

static int
digits(struct reader *r)
{
	const char	*from = r->p;

	while (r->p < r->end && *r->p >= '0' && *r->p <= '9')
		r->p++;
	return r->p == from ? -1 : 0;
}

static int
number(struct reader *r)
{
	if (r->p < r->end && *r->p == '-')
		r->p++;
	if (r->p < r->end && *r->p == '0')
		r->p++;
	else if (digits(r) == -1)
		return -1;
	if (r->p < r->end && *r->p == '.') {
		r->p++;
		if (digits(r) == -1)
			return -1;
	}
	if (r->p == r->end || (*r->p | 0x20) != 'e')
		return 0;
	r->p++;
	if (r->p < r->end && (*r->p == '+' || *r->p == '-'))
		r->p++;
	return digits(r);
}

static int
word(struct reader *r, const char *s)
{
	size_t	n = strlen(s);

	if ((size_t)(r->end - r->p) < n || memcmp(r->p, s, n) != 0)
		return -1;
	r->p += n;
	return 0;
}

static int
scalar(struct reader *r)
{
	switch (*r->p) {
	case 't':
		return word(r, "true");
	case 'f':
		return word(r, "false");
	case 'n':
		return word(r, "null");
	default:
		return number(r);
	}
}

/* Those whose whole path was spelled have this value (NULL: none). */
static void
found(struct reader *r, const struct trail *t, const char *p, size_t n)
{
	unsigned int	i;

	for (i = 0; i < r->nwants; i++)
		if (t->left[i] != NULL && *t->left[i] == '\0') {
			r->wants[i].p = p;
			r->wants[i].n = n;
		}
}

static int
is_wanted(const struct reader *r, const struct trail *t)
{
	unsigned int	i;

	for (i = 0; i < r->nwants; i++)
		if (t->left[i] != NULL && *t->left[i] == '\0')
			return 1;
	return 0;
}

/* What is left when this key comes; keys are compared without escapes. */
static int
follow_key(struct reader *r, const struct raw *key, const struct trail *t,
    struct trail *on)
{
	char		*mark = r->buf;
	size_t		 room = r->room, n;
	const char	*p, *left;
	unsigned int	 i;

	memset(on, 0, sizeof(*on));
	if (text(r, key, &p, &n) == -1)
		return -1;
	for (i = 0; i < r->nwants; i++) {
		left = t->left[i];
		if (left == NULL || *left == '\0' ||
		    strncmp(left, p, n) != 0 || memchr(p, '\0', n) != NULL)
			continue;
		if (left[n] == '\0')
			on->left[i] = left + n;
		else if (left[n] == '.' && left[n + 1] != '\0')
			on->left[i] = left + n + 1;
	}
	r->buf = mark;
	r->room = room;
	return 0;
}

static int
member(struct reader *r, const struct trail *t)
{
	struct trail	on;
	struct raw	key;

	space(r);
	if (string(r, &key) == -1 || follow_key(r, &key, t, &on) == -1 ||
	    peek(r) != ':')
		return -1;
	r->p++;
	return value(r, &on);
}

/* An object or an array: what stands between its brackets. */
static int
list(struct reader *r, const struct trail *t, char close)
{
	static const struct trail	none;

	r->p++;
	if (peek(r) == close) {
		r->p++;
		return 0;
	}
	for (;;) {
		if ((close == '}' ? member(r, t) : value(r, &none)) == -1)
			return -1;
		if (peek(r) == close)
			break;
		if (take(r, ',') == -1)
			return -1;
	}
	r->p++;
	return 0;
}

static int
nested(struct reader *r, const struct trail *t, char close)
{
	int	status;

	if (++r->depth > JSON_DEPTH)
		return -1;
	found(r, t, NULL, 0);
	status = list(r, t, close);
	r->depth--;
	return status;
}

static int
value(struct reader *r, const struct trail *t)
{
	struct raw	 s;
	const char	*from, *p;
	size_t		 n;

	switch (peek(r)) {
	case '{':
		return nested(r, t, '}');
	case '[':
		return nested(r, t, ']');
	case '"':
		if (string(r, &s) == -1)
			return -1;
		if (!is_wanted(r, t))
			return 0;
		if (text(r, &s, &p, &n) == -1)
			return -1;
		found(r, t, p, n);
		return 0;
	}
	from = r->p;
	if (r->p == r->end || scalar(r) == -1)
		return -1;
	found(r, t, *from == 'n' ? NULL : from, (size_t)(r->p - from));
	return 0;
}

int
json_find(const char *p, size_t n, struct json_want *wants,
    unsigned int nwants, char *buf, size_t room)
{
	struct reader	r = {
		.p = p, .end = p + n, .wants = wants, .nwants = nwants,
		.buf = buf, .room = room
	};
	struct trail	t = { { NULL } };
	unsigned int	i;

	for (i = 0; i < nwants; i++) {
		wants[i].p = NULL;
		wants[i].n = 0;
		if (wants[i].path != NULL && *wants[i].path != '\0')
			t.left[i] = wants[i].path;
	}
	if (peek(&r) != '{' || value(&r, &t) == -1)
		return -1;
	space(&r);
	return r.p == r.end ? 0 : -1;
}

/* Lines. */

/* One line, whatever is in it; a newline can only be of an escape: in buf. */
static void
make_line(struct json_line *out)
{
	char	*p = out->buf + (out->message - out->buf);
	size_t	 i;

	while (out->message_len > 0 && (p[out->message_len - 1] == '\n' ||
	    p[out->message_len - 1] == '\r'))
		out->message_len--;
	for (i = 0; i < out->message_len; i++)
		if (p[i] == '\n' || p[i] == '\0')
			p[i] = ' ';
}

static int
is_in_buf(const struct json_line *out)
{
	return (uintptr_t)out->message >= (uintptr_t)out->buf &&
	    (uintptr_t)out->message < (uintptr_t)out->buf + sizeof(out->buf);
}

int
json_line(const struct wire_watch *w, const char *p, size_t n,
    struct json_line *out)
{
	struct json_want	wants[] = {
		{ w->json_field, NULL, 0 },
		{ w->json_time, NULL, 0 },
		{ w->json_addr, NULL, 0 }
	};

	if (json_find(p, n, wants, 3, out->buf, sizeof(out->buf)) == -1)
		return -1;
	out->time = wants[1].p;
	out->time_len = wants[1].n;
	out->addr = wants[2].p;
	out->addr_len = wants[2].n;
	out->message = *w->json_field == '\0' ? p : wants[0].p;
	out->message_len = *w->json_field == '\0' ? n : wants[0].n;
	if (out->message == NULL)
		return 1;
	if (is_in_buf(out))
		make_line(out);
	return 0;
}

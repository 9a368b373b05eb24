/*
 * Syslog datagrams.  Those of RFC 3164 are a log file's line behind their
 * priority; those of RFC 5424 are put in that order.
 */
#include <ctype.h>
#include <string.h>

#include "syslog_line.h"

/* What is left of the datagram. */
struct cursor {
	const char	*p, *end;
};

static int
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* "<34>": 1, or 0 and nothing is taken. */
static int
take_priority(struct cursor *c)
{
	const char	*p = c->p;
	int		 n;

	if (p == c->end || *p++ != '<')
		return 0;
	for (n = 0; p < c->end && n < 3 && is_digit(*p); n++)
		p++;
	if (n == 0 || p == c->end || *p++ != '>')
		return 0;
	c->p = p;
	return 1;
}

/* A word and one space behind it. */
static struct cursor
take_word(struct cursor *c)
{
	struct cursor	 word = *c;
	const char	*space = memchr(c->p, ' ', (size_t)(c->end - c->p));

	word.end = space == NULL ? c->end : space;
	c->p = space == NULL ? c->end : space + 1;
	return word;
}

/* Like "Nov 21 17:05:09 ", or a word like "2026-11-21T17:05:09Z ". */
static int
has_stamp(const struct cursor *c)
{
	static const char	 form[] = "Aaa _0 00:00:00 ";
	static const char	 iso[] = "0000-00-00T00:00:00";
	const char		*f = is_digit(*c->p) ? iso : form, *p = c->p;

	if ((size_t)(c->end - p) < strlen(f))
		return 0;
	for (; *f != '\0'; f++, p++)
		if (*f == '0' ? !is_digit(*p) :
		    *f == 'A' || *f == 'a' ? !isalpha((unsigned char)*p) :
		    *f == '_' ? *p != ' ' && !is_digit(*p) : *p != *f)
			return 0;
	return 1;
}

static const char *
skip_stamp(struct cursor c)
{
	if (!is_digit(*c.p))
		return c.p + strlen("Nov 21 17:05:09 ");
	take_word(&c);
	return c.p;
}

/*
 * Behind "ident: " or "host ident[1]: ", which is not far from the stamp; the
 * beginning if there is none.
 */
static const char *
find_message(struct cursor c)
{
	const char	*start = c.p;
	struct cursor	 word;
	int		 i;

	for (i = 0; i < 2 && c.p < c.end; i++) {
		word = take_word(&c);
		if (word.end > word.p && word.end[-1] == ':')
			return c.p;
	}
	return start;
}

static void
old_style(struct cursor c, struct syslog_line *out)
{
	out->line = c.p;
	out->stamped = c.p < c.end && has_stamp(&c);
	if (out->stamped)
		c.p = skip_stamp(c);
	out->message = find_message(c);
}

/* RFC 5424. */

static int
is_nil(const struct cursor *word)
{
	return word->end - word->p == 1 && *word->p == '-';
}

static char *
put(char *to, const struct cursor *word, const char *end)
{
	size_t	n = (size_t)(word->end - word->p);

	memcpy(to, word->p, n);
	memcpy(to + n, end, strlen(end));
	return to + n + strlen(end);
}

/* Elements in brackets, in which "]" is escaped; or "-". */
static void
skip_data(struct cursor *c)
{
	const char	*p = c->p;
	int		 quoted = 0;

	if (p < c->end && *p == '-')
		p++;
	while (p < c->end && *p == '[') {
		for (; p < c->end && (quoted || *p != ']'); p++) {
			if (*p == '"')
				quoted = !quoted;
			else if (quoted && *p == '\\' && p + 1 < c->end)
				p++;
		}
		if (p < c->end)
			p++;
	}
	if (p < c->end && *p == ' ')
		p++;
	c->p = p;
}

static void
skip_mark(struct cursor *c)
{
	if (c->end - c->p >= 3 && memcmp(c->p, "\xef\xbb\xbf", 3) == 0)
		c->p += 3;
}

/* "1 STAMP HOST IDENT PID MSGID DATA message" */
static void
new_style(struct cursor c, char *buf, struct syslog_line *out)
{
	struct cursor	 stamp, host, ident, pid;
	char		*to = buf;

	c.p += strlen("1 ");
	stamp = take_word(&c);
	host = take_word(&c);
	ident = take_word(&c);
	pid = take_word(&c);
	(void)take_word(&c);
	skip_data(&c);
	skip_mark(&c);
	out->stamped = !is_nil(&stamp) && stamp.p < stamp.end;
	if (out->stamped)
		to = put(to, &stamp, " ");
	if (!is_nil(&host) && host.p < host.end)
		to = put(to, &host, " ");
	if (!is_nil(&ident) && ident.p < ident.end) {
		to = put(to, &ident, "");
		if (!is_nil(&pid) && pid.p < pid.end) {
			*to++ = '[';
			to = put(to, &pid, "]");
		}
		*to++ = ':';
		*to++ = ' ';
	}
	out->line = buf;
	out->message = to;
	to = put(to, &c, "\n");
	out->len = (size_t)(to - buf);
}

/* A datagram is one line, whatever is in it: how much of it is left. */
static size_t
one_line(char *p, size_t n)
{
	size_t	i;

	while (n > 0 && (p[n - 1] == '\n' || p[n - 1] == '\r' ||
	    p[n - 1] == '\0'))
		n--;
	for (i = 0; i < n; i++)
		if (p[i] == '\n' || p[i] == '\0')
			p[i] = ' ';
	return n;
}

void
syslog_line(char *p, size_t n, char *buf, struct syslog_line *out)
{
	struct cursor	c;

	memset(out, 0, sizeof(*out));
	n = one_line(p, n);
	p[n] = '\n';
	c.p = p;
	c.end = p + n;
	if (take_priority(&c) && c.end - c.p > 2 && c.p[0] == '1' &&
	    c.p[1] == ' ')
		new_style(c, buf, out);
	else {
		old_style(c, out);
		out->len = (size_t)(p + n + 1 - out->line);
	}
	out->message_len = (size_t)(out->line + out->len - out->message);
	if (out->message_len == 1 && out->message == out->line)
		out->len = out->message_len = 0;
}

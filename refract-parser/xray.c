/*
 * The line grammar: a pure function from bytes to slices of them.  Nothing is
 * copied or allocated, and no byte is read twice without need.
 */
#include <sys/socket.h>

#include <string.h>

#include "xray.h"

#define DATE_LEN	19	/* YYYY/MM/DD HH:MM:SS */
#define STATUS_LEN	9	/* "accepted ", "rejected " */
#define EMAIL_MARK	" email: "
#define EMAIL_MARK_OLD	" email:"	/* until v1.1.4, with a blank last */

#define LITERAL(s)	(s), sizeof(s) - 1

struct cursor {
	const char	*p, *end;
};

static size_t
left(const struct cursor *c)
{
	return (size_t)(c->end - c->p);
}

static int
digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Step over this text if it stands here; inline, so that len is a constant. */
static inline __attribute__((__always_inline__)) int
take(struct cursor *c, const char *text, size_t len)
{
	if (left(c) < len || memcmp(c->p, text, len) != 0)
		return 0;
	c->p += len;
	return 1;
}

/*
 * Eight bytes at once: a digit where form has '0', else what form has.  After
 * the xor a digit is 0 to 9 and the rest is 0; adding the room that is left
 * (0x76, which is 'v', or 0x7f) shows in the top bit what is more.
 */
static inline int
has_form(const char *p, const char form[8], const char room[8])
{
	uint64_t	x, f, r;

	memcpy(&x, p, 8);
	memcpy(&f, form, 8);
	memcpy(&r, room, 8);
	x ^= f;
	r += x & 0x7f7f7f7f7f7f7f7fULL;
	return ((r | x) & 0x8080808080808080ULL) == 0;
}

/* YYYY/MM/DD HH:MM:SS; the last two overlap. */
static int
is_date(const char *p)
{
	return has_form(p, "0000/00/", "vvvv\177vv\177") &&
	    has_form(p + 8, "00 00:00", "vv\177vv\177vv") &&
	    has_form(p + 11, "00:00:00", "vv\177vv\177vv");
}

/* The first date in the line: what stands before it is a logger's prefix. */
static const char *
find_date(const char *p, size_t n)
{
	const char	*last, *q;

	if (n < DATE_LEN)
		return NULL;
	if (is_date(p))
		return p;
	if (*p == '{')		/* a record of its own, not a prefix */
		return NULL;
	last = p + (n - DATE_LEN);
	if (last > p + XRAY_PREFIX_MAX)
		last = p + XRAY_PREFIX_MAX;
	for (q = p + 4; (q = memchr(q, '/', (size_t)(last + 5 - q))) != NULL;
	    q++)
		if (is_date(q - 4))
			return q - 4;
	return NULL;
}

static int
take_date(struct cursor *c, struct slice *date)
{
	const char	*p;

	if ((p = find_date(c->p, left(c))) == NULL)
		return 0;
	date->p = p;
	c->p = p + DATE_LEN;
	if (c->p < c->end && *c->p == '.')
		for (c->p++; c->p < c->end && digit(*c->p); c->p++)
			;
	date->n = (size_t)(c->p - date->p);
	return take(c, LITERAL(" "));
}

/* ":" PORT, and then the blank that ends FROM, which stays. */
static int
take_port(struct cursor *c, uint16_t *port)
{
	const char	*start;
	uint32_t	 n = 0;

	if (!take(c, LITERAL(":")))
		return 0;
	for (start = c->p; c->p < c->end && digit(*c->p); c->p++)
		if ((n = n * 10 + (uint32_t)(*c->p - '0')) > UINT16_MAX)
			return 0;
	*port = (uint16_t)n;
	return c->p > start && c->p < c->end && *c->p == ' ';
}

static int
is_masked(const char *p, size_t n)
{
	return (n > 10 && memcmp(p, "Masked IPv", 10) == 0) ||
	    memchr(p, '*', n) != NULL || memchr(p, '/', n) != NULL;
}

static enum xray_kind
take_text(struct xray_line *l, const char *p, size_t n)
{
	if (addr_parse(&l->source, p, n) == 0)
		return XRAY_ACCEPTED;
	return is_masked(p, n) ? XRAY_MASKED : XRAY_UNKNOWN;
}

/* "[" IPv6 [ "%" zone ] "]": the zone names an interface of this host. */
static enum xray_kind
take_brackets(struct xray_line *l, struct cursor *c)
{
	const char	*p = c->p + 1, *close, *zone;
	size_t		 n;

	if ((close = memchr(p, ']', left(c) - 1)) == NULL)
		return XRAY_UNKNOWN;
	c->p = close + 1;
	n = (size_t)(close - p);
	if ((zone = memchr(p, '%', n)) != NULL)
		n = (size_t)(zone - p);
	return take_text(l, p, n);
}

/* An IPv4 address as it nearly always is; if not, it is looked at again. */
static inline int
take_ipv4(struct xray_line *l, struct cursor *c)
{
	const char	*p = c->p, *start;
	uint8_t		 addr[4];
	unsigned int	 part, n;

	/* "1.2.3.4:" and the longest are both within this. */
	if (left(c) < sizeof("255.255.255.255:"))
		return 0;
	for (part = 0; part < 4; part++, p++) {
		for (start = p, n = 0; digit(*p) && p - start < 3; p++)
			n = n * 10 + (unsigned int)(*p - '0');
		if (p == start || n > 255 || *p != (part < 3 ? '.' : ':') ||
		    (*start == '0' && p - start > 1))
			return 0;
		addr[part] = (uint8_t)n;
	}
	c->p = p - 1;
	l->source = (struct prefix){ .family = AF_INET, .plen = 32 };
	memcpy(l->source.addr, addr, sizeof(addr));
	return 1;
}

static enum xray_kind
take_bare(struct xray_line *l, struct cursor *c)
{
	const char	*p = c->p, *colon;

	if (take_ipv4(l, c))
		return XRAY_ACCEPTED;
	if ((colon = memchr(p, ':', left(c))) == NULL)
		return XRAY_UNKNOWN;
	c->p = colon;
	return take_text(l, p, (size_t)(colon - p));
}

static enum xray_kind
take_addr(struct xray_line *l, struct cursor *c)
{
	enum xray_kind	kind;

	if (left(c) == 0)
		return XRAY_UNKNOWN;
	kind = *c->p == '[' ? take_brackets(l, c) : take_bare(l, c);
	if (kind == XRAY_UNKNOWN || !take_port(c, &l->port))
		return XRAY_UNKNOWN;
	return kind;
}

/* A unix socket's name may hold blanks: it ends where a status begins. */
static enum xray_kind
take_unix(struct cursor *c)
{
	const char	*p = c->p;

	while ((p = memchr(p, ' ', (size_t)(c->end - p))) != NULL) {
		if ((size_t)(c->end - p) > STATUS_LEN &&
		    (memcmp(p, LITERAL(" accepted ")) == 0 ||
		    memcmp(p, LITERAL(" rejected ")) == 0)) {
			c->p = p;
			return XRAY_NOSOURCE;
		}
		p++;
	}
	return XRAY_UNKNOWN;
}

/* FROM; the cursor ends on the blank after it. */
static enum xray_kind
take_from(struct xray_line *l, struct cursor *c)
{
	if (left(c) == 0)
		return XRAY_UNKNOWN;
	switch (*c->p) {
	case ' ':
		return XRAY_NOSOURCE;
	case '@':
		return take_unix(c);
	case 'D':
		return take(c, LITERAL("DNS")) ? XRAY_NOSOURCE : XRAY_UNKNOWN;
	case 't':
		if (!take(c, LITERAL("tcp:")))
			return XRAY_UNKNOWN;
		break;
	case 'u':
		if (take(c, LITERAL("unix:")))
			return take_unix(c);
		if (!take(c, LITERAL("udp:")) && !take(c, LITERAL("unknown:")))
			return XRAY_UNKNOWN;
		break;
	}
	return take_addr(l, c);
}

/* " accepted " or " rejected ", and nothing else, follows FROM. */
static enum xray_kind
take_status(enum xray_kind kind, struct cursor *c)
{
	if (take(c, LITERAL(" accepted ")))
		return kind;
	if (take(c, LITERAL(" rejected ")))
		return XRAY_REJECTED;
	return XRAY_UNKNOWN;
}

/* The last MARK in p[0..n): where it begins, or NULL. */
static const char *
last_mark(const char *p, size_t n, const char *mark, size_t len)
{
	const char	*q = p + n;

	/* Look for the mark's last byte but one, ':', from the right. */
	size_t		 colon = mark[len - 1] == ':' ? len - 1 : len - 2;

	while ((q = memrchr(p, ':', (size_t)(q - p))) != NULL)
		if ((size_t)(q - p) >= colon &&
		    (size_t)(p + n - q) >= len - colon &&
		    memcmp(q - colon, mark, len) == 0)
			return q - colon;
	return NULL;
}

static struct slice
trim(const char *p, const char *end)
{
	while (p < end && *p == ' ')
		p++;
	while (p < end && (end[-1] == ' ' || end[-1] == '\r'))
		end--;
	return (struct slice){ p, (size_t)(end - p) };
}

/*
 * DETOUR stands before the email, so an email that ends with a bracket while
 * what stands before it does not was written by the client, in TO.
 */
static int
is_forged(const struct slice *email, const char *before, const char *start)
{
	return email->n > 0 && email->p[email->n - 1] == ']' &&
	    (before == start || before[-1] != ']');
}

static void
take_email(struct xray_line *l, const struct cursor *c)
{
	const char	*at;
	size_t		 len = sizeof(EMAIL_MARK) - 1;

	l->rest = (struct slice){ c->p, left(c) };
	at = last_mark(c->p, left(c), LITERAL(EMAIL_MARK));
	if (at == NULL && c->end[-1] == ' ') {
		at = last_mark(c->p, left(c), LITERAL(EMAIL_MARK_OLD));
		len = sizeof(EMAIL_MARK_OLD) - 1;
	}
	if (at == NULL)
		return;
	l->email = trim(at + len, c->end);
	if (is_forged(&l->email, at, c->p))
		l->email.n = 0;
	else
		l->rest.n = (size_t)(at - c->p);
}

/* What the core writes to the same stream and is not an access. */
static enum xray_kind
other(const struct cursor *c)
{
	static const char *const	levels[] = {
		"[Debug] ", "[Info] ", "[Warning] ", "[Error] "
	};
	static const char *const	dns[] = {
		" got answer: ", " cache HIT: ", " cache OPTIMISTE: "
	};
	size_t				i, n = left(c);

	for (i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
		if (n >= strlen(levels[i]) &&
		    memcmp(c->p, levels[i], strlen(levels[i])) == 0)
			return XRAY_OTHER;
	for (i = 0; i < sizeof(dns) / sizeof(dns[0]); i++)
		if (memmem(c->p, n, dns[i], strlen(dns[i])) != NULL)
			return XRAY_OTHER;
	return XRAY_UNKNOWN;
}

enum xray_kind
xray_parse(struct xray_line *l, const char *p, size_t n)
{
	const struct slice	none = { p, 0 };
	struct cursor		c = { p, p + n }, start;

	/* Member by member: clearing it all costs as much as the rest. */
	l->date = l->from = l->rest = l->email = none;
	l->source.family = 0;
	l->port = 0;
	if (!take_date(&c, &l->date))
		return l->kind = XRAY_UNKNOWN;
	start = c;
	take(&c, LITERAL("from "));
	l->from.p = c.p;
	l->kind = take_from(l, &c);
	l->from.n = (size_t)(c.p - l->from.p);
	if (l->kind != XRAY_UNKNOWN)
		l->kind = take_status(l->kind, &c);
	if (l->kind == XRAY_UNKNOWN)
		return l->kind = other(&start);
	if (l->kind != XRAY_REJECTED)
		take_email(l, &c);
	return l->kind;
}

/* The first of DETOUR's three arrows. */
static const char *
find_arrow(const char *p, const char *end)
{
	const char	*q;

	for (; (q = memchr(p, ' ', (size_t)(end - p))) != NULL; p = q + 1)
		if ((end - q >= 4 && (memcmp(q, " -> ", 4) == 0 ||
		    memcmp(q, " >> ", 4) == 0)) ||
		    (end - q >= 5 && memcmp(q, " ==> ", 5) == 0))
			return q;
	return NULL;
}

/*
 * Where DETOUR begins.  TO ends with ":PORT" and may hold anything before it,
 * so the last ":PORT [" decides; a URL has no port and no blanks either.
 */
static const char *
find_detour(const char *p, const char *end)
{
	const char	*q = end, *d;

	while ((q = memrchr(p, '[', (size_t)(q - p))) != NULL) {
		if (q - p < 3 || q[-1] != ' ' || !digit(q[-2]))
			continue;
		for (d = q - 2; d > p && digit(*d); d--)
			;
		if (*d == ':')
			return q + 1;
	}
	if ((q = memmem(p, (size_t)(end - p), " [", 2)) != NULL)
		return q + 2;
	return NULL;
}

struct slice
xray_inbound(const struct xray_line *l)
{
	const struct slice	 none = { l->rest.p, 0 };
	struct slice		 rest;
	const char		*start, *end, *arrow;

	rest = trim(l->rest.p, l->rest.p + l->rest.n);
	if (rest.n == 0 || rest.p[rest.n - 1] != ']')
		return none;
	end = rest.p + rest.n - 1;
	if ((start = find_detour(rest.p, end)) == NULL ||
	    (arrow = find_arrow(start, end)) == NULL)
		return none;
	return (struct slice){ start, (size_t)(arrow - start) };
}

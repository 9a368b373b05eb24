/*
 * HTTP/1 by its request line, and HTTP/2 by its preface.
 *
 * A registered method (IANA, "HTTP Method Registry"), a blank and the
 * beginning of a target are a yes; the target and Host are known when they
 * have come.
 */
#include "probe.h"

#define PREFACE		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

/* By their first letter: the length with the blank that ends each, then it. */
static const char *const methods[26] = {
	['A' - 'A'] = "\4ACL ",
	['B' - 'A'] = "\21BASELINE-CONTROL \5BIND ",
	['C' - 'A'] = "\10CONNECT \5COPY \10CHECKIN \11CHECKOUT ",
	['D' - 'A'] = "\7DELETE ",
	['G' - 'A'] = "\4GET ",
	['H' - 'A'] = "\5HEAD ",
	['L' - 'A'] = "\6LABEL \5LINK \5LOCK ",
	['M' - 'A'] = "\6MERGE \13MKACTIVITY \13MKCALENDAR \6MKCOL "
	    "\16MKREDIRECTREF \14MKWORKSPACE \5MOVE ",
	['O' - 'A'] = "\10OPTIONS \13ORDERPATCH ",
	['P' - 'A'] = "\5POST \4PUT \6PATCH \11PROPFIND \12PROPPATCH ",
	['Q' - 'A'] = "\6QUERY ",
	['R' - 'A'] = "\7REBIND \7REPORT ",
	['S' - 'A'] = "\7SEARCH ",
	['T' - 'A'] = "\6TRACE ",
	['U' - 'A'] = "\7UNBIND \13UNCHECKOUT \7UNLINK \7UNLOCK \7UPDATE "
	    "\22UPDATEREDIRECTREF ",
	['V' - 'A'] = "\20VERSION-CONTROL ",
};

/* The method that the bytes begin with; *len is with its blank. */
static enum rp_answer
find_method(const uint8_t *p, size_t n, size_t *len)
{
	const char	*m;
	enum rp_answer	 answer = RP_NO;

	if (n == 0)
		return RP_MORE;
	if (p[0] < 'A' || p[0] > 'Z' || (m = methods[p[0] - 'A']) == NULL)
		return RP_NO;
	for (; *m != '\0'; m += *len + 1) {
		*len = (size_t)*m;
		if (n > 1 && p[1] != (uint8_t)m[2])
			continue;
		switch (begins(p, n, m + 1, *len)) {
		case RP_YES:
			return RP_YES;
		case RP_MORE:
			answer = RP_MORE;
			break;
		case RP_NO:
			break;
		}
	}
	return answer;
}

/* The two that are nearly all, without a look at the table. */
static inline enum rp_answer
find_usual_method(const uint8_t *p, size_t n, size_t *len)
{
	if (n >= 5 && memcmp(p, "GET ", 4) == 0) {
		*len = 4;
		return RP_YES;
	}
	if (n >= 5 && memcmp(p, "POST ", 5) == 0) {
		*len = 5;
		return RP_YES;
	}
	return find_method(p, n, len);
}

static int
is_name(const uint8_t *p, const char *name, size_t len)
{
	size_t	i;

	for (i = 0; i < len; i++)
		if ((p[i] >= 'A' && p[i] <= 'Z' ? p[i] + 32 : p[i]) !=
		    (name[i] >= 'A' && name[i] <= 'Z' ? name[i] + 32 :
		    name[i]))
			return 0;
	return p[len] == ':';
}

static struct rp_slice
trim(const uint8_t *p, const uint8_t *end)
{
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	while (p < end && (end[-1] == ' ' || end[-1] == '\t' ||
	    end[-1] == '\r'))
		end--;
	return (struct rp_slice){ p, (size_t)(end - p) };
}

/* A line's end, or NULL: it is not here yet. */
static const uint8_t *
line_end(const uint8_t *p, const uint8_t *end)
{
	return memchr(p, '\n', (size_t)(end - p));
}

/* 1 found, 0 there is none, -1 not all is here. */
static int
find_header(const uint8_t *p, size_t n, const char *name,
    struct rp_slice *value)
{
	const uint8_t	*end = p + n, *nl;
	size_t		 len = strlen(name);

	if ((nl = line_end(p, end)) == NULL)
		return -1;
	for (p = nl + 1; (nl = line_end(p, end)) != NULL; p = nl + 1) {
		if (nl == p || (nl == p + 1 && *p == '\r'))
			return 0;
		if ((size_t)(nl - p) > len && is_name(p, name, len)) {
			*value = trim(p + len + 1, nl);
			return 1;
		}
	}
	return -1;
}

int
rp_http_header(const uint8_t *p, size_t n, const char *name,
    struct rp_slice *value)
{
	return find_header(p, n, name, value) == 1 ? 0 : -1;
}

/* It ends at a blank or at the line's end, which must be here. */
static int
find_target(const uint8_t *p, const uint8_t *end, struct rp_slice *target)
{
	const uint8_t	*q;

	for (q = p; q < end; q++)
		if (*q <= ' ') {
			*target = (struct rp_slice){ p, (size_t)(q - p) };
			return 1;
		}
	return 0;
}

static int
is_connect(const struct rp_info *info)
{
	return info->method.n == 7 && memcmp(info->method.p, "CONNECT", 7) ==
	    0;
}

/*
 * An absolute target says the host itself, "scheme://user@host/path", and then
 * Host does not count (RFC 9112 3.2.2).  1: so it is.
 */
static int
split_absolute(struct rp_info *info)
{
	const uint8_t	*end = info->target.p + info->target.n, *host, *q;

	q = memmem(info->target.p, info->target.n, LITERAL("://"));
	if (q == NULL || memchr(info->target.p, '/', (size_t)(q -
	    info->target.p)) != NULL)
		return 0;
	/* Where there is no path it is "/", and one stands before the host. */
	info->path = (struct rp_slice){ q + 2, 1 };
	for (host = q += 3; q < end && *q != '/' && *q != '?'; q++)
		if (*q == '@')
			host = q + 1;
	if (q < end && *q == '/')
		info->path = (struct rp_slice){ q, (size_t)(end - q) };
	info->host = (struct rp_slice){ host, (size_t)(q - host) };
	return 1;
}

/* SIP has methods of the same names: what it asks for is "sip:" somebody. */
static enum rp_answer
is_sip(const uint8_t *p, size_t n)
{
	enum rp_answer	answer;

	if ((answer = begins_nocase(p, n, LITERAL("SIP:"))) != RP_NO ||
	    (answer = begins_nocase(p, n, LITERAL("SIPS:"))) != RP_NO)
		return answer;
	return begins_nocase(p, n, LITERAL("TEL:"));
}

enum rp_answer
probe_http(const uint8_t *p, size_t n, struct rp_info *info)
{
	enum rp_answer	answer;
	size_t		len;

	if ((answer = find_usual_method(p, n, &len)) != RP_YES)
		return answer;
	if (n == len)
		return RP_MORE;
	if (p[len] <= ' ' || p[len] >= 0x7f)
		return RP_NO;
	if (((p[len] | 32) == 's' || (p[len] | 32) == 't') &&
	    (answer = is_sip(p + len, n - len)) != RP_NO)
		return answer == RP_MORE ? RP_MORE : RP_NO;
	info->method = (struct rp_slice){ p, len - 1 };
	info->complete = 0;
	return RP_YES;
}

/* What else a request says, for who asks: not every route does. */
void
rp_http_details(const uint8_t *p, size_t n, struct rp_info *info)
{
	const uint8_t	*from = p + info->method.n + 1;

	if (!find_target(from, p + n, &info->target))
		return;
	info->path = info->target;
	/* HTTP/0.9 has neither a version nor fields. */
	if (from[info->target.n] != ' ') {
		info->complete = 1;
		return;
	}
	if (is_connect(info)) {
		info->host = info->target;
		info->path.n = 0;
	}
	info->complete = info->host.n > 0 || split_absolute(info) ||
	    find_header(p, n, "Host", &info->host) != -1;
}

enum rp_answer
probe_http2(const uint8_t *p, size_t n, struct rp_info *info)
{
	(void)info;
	return begins(p, n, PREFACE, sizeof(PREFACE) - 1);
}

/*
 * HTTP/1 by its request line, and HTTP/2 by its preface.
 *
 * A registered method (IANA, "HTTP Method Registry"), a blank and the
 * beginning of a target are a yes; the target and Host are known when they
 * have come.
 */
#include "probe.h"

#define PREFACE		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define METHOD_MAX	17

/* By their first letter; a blank ends each. */
static const char *const methods[26] = {
	['A' - 'A'] = "ACL ",
	['B' - 'A'] = "BASELINE-CONTROL BIND ",
	['C' - 'A'] = "CONNECT COPY CHECKIN CHECKOUT ",
	['D' - 'A'] = "DELETE ",
	['G' - 'A'] = "GET ",
	['H' - 'A'] = "HEAD ",
	['L' - 'A'] = "LABEL LINK LOCK ",
	['M' - 'A'] = "MERGE MKACTIVITY MKCALENDAR MKCOL MKREDIRECTREF"
	    " MKWORKSPACE MOVE ",
	['O' - 'A'] = "OPTIONS ORDERPATCH ",
	['P' - 'A'] = "POST PUT PATCH PROPFIND PROPPATCH ",
	['Q' - 'A'] = "QUERY ",
	['R' - 'A'] = "REBIND REPORT ",
	['S' - 'A'] = "SEARCH ",
	['T' - 'A'] = "TRACE ",
	['U' - 'A'] = "UNBIND UNCHECKOUT UNLINK UNLOCK UPDATE"
	    " UPDATEREDIRECTREF ",
	['V' - 'A'] = "VERSION-CONTROL ",
};

/* The method that the bytes begin with; *len is with its blank. */
static enum rp_answer
find_method(const uint8_t *p, size_t n, size_t *len)
{
	const char	*m, *blank;
	enum rp_answer	 answer = RP_NO;

	if (n == 0)
		return RP_MORE;
	if (p[0] < 'A' || p[0] > 'Z' || (m = methods[p[0] - 'A']) == NULL)
		return RP_NO;
	for (; *m != '\0'; m = blank + 1) {
		blank = strchr(m, ' ');
		*len = (size_t)(blank - m) + 1;
		switch (begins(p, n, m, *len)) {
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
method(const uint8_t *p, size_t n, size_t *len)
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

/* The target ends at a blank or at the line's end. */
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

enum rp_answer
probe_http(const uint8_t *p, size_t n, struct rp_info *info)
{
	enum rp_answer	answer;
	size_t		len;

	info->method.n = info->target.n = info->host.n = 0;
	info->complete = 0;
	if ((answer = method(p, n, &len)) != RP_YES)
		return answer;
	if (n == len)
		return RP_MORE;
	if (p[len] <= ' ' || p[len] >= 0x7f)
		return RP_NO;
	info->method = (struct rp_slice){ p, len - 1 };
	return RP_YES;
}

/*
 * What else a request says, for who asks: not every route does.  After it,
 * `complete` says that what is not there will not come.
 */
void
rp_http_details(const uint8_t *p, size_t n, struct rp_info *info)
{
	const uint8_t	*from = p + info->method.n + 1;

	if (!find_target(from, p + n, &info->target))
		return;
	info->complete = find_header(p, n, "Host", &info->host) != -1;
}

enum rp_answer
probe_http2(const uint8_t *p, size_t n, struct rp_info *info)
{
	(void)info;
	return begins(p, n, PREFACE, sizeof(PREFACE) - 1);
}

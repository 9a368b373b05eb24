/*
 * Regexes of filters.  See f2b_regex.h, and f2b.h for the groups.
 */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "f2b_regex.h"
#include "f2b_text.h"

#define IP4	"(?:::f{4,6}:)?(?P<ip4>\\d{1,3}(?:\\.\\d{1,3}){3})"
#define IP6	"(?P<ip6>(?:[\\da-fA-F]{1,4}::?|::){1,7}" \
		"(?:[\\da-fA-F]{1,4}|(?<=:):))"
#define DNS	"(?P<dns>[\\w.^-]*\\w)"
#define CIDR	"(?P<cidr>\\d+)"
#define ADDR	"\\[?(?:" IP4 "|" IP6 ")\\]?"
#define SUBNET	"\\[?(?:" IP4 "|" IP6 ")(?:/" CIDR ")?\\]?"

#define NAME_LEN_MAX	32	/* of a group, in PCRE2 */

static const struct {
	const char	*tag, *regex;
} tags[] = {
	{ "ADDR",	ADDR },
	{ "F-ADDR/",	ADDR },
	{ "IP4",	IP4 },
	{ "F-IP4/",	IP4 },
	{ "IP6",	IP6 },
	{ "F-IP6/",	IP6 },
	{ "DNS",	DNS },
	{ "F-DNS/",	DNS },
	{ "CIDR",	CIDR },
	{ "F-CIDR/",	CIDR },
	{ "SUBNET",	SUBNET },
	{ "F-SUBNET/",	SUBNET },
	{ "F-ID/",	"(?P<fid>\\S+)" },
	{ "F-PORT/",	"(?P<fport>\\w+)" }
};

struct tagger {
	struct f2b_text	 out;
	enum f2b_dns	 dns;
	unsigned int	 nskips;
	char		**open;		/* names of <F-...> */
	size_t		 nopen;
};

static const char *
fixed_tag(const struct tagger *t, const char *name)
{
	size_t	i;

	if (strcmp(name, "HOST") == 0)
		return t->dns == F2B_DNS_NO ? ADDR : "(?:" ADDR "|" DNS ")";
	for (i = 0; i < sizeof(tags) / sizeof(tags[0]); i++)
		if (strcmp(tags[i].tag, name) == 0)
			return tags[i].regex;
	return NULL;
}

/* The name of <F-NAME>: capitals, digits, _ and -; or NULL. */
static const char *
custom_name(const char *name)
{
	const char *p;

	if (strncmp(name, "F-", 2) != 0 || name[2] == '\0')
		return NULL;
	for (p = name += 2; *p != '\0'; p++)
		if (!isupper((unsigned char)*p) && !isdigit((unsigned char)*p)
		    && *p != '_' && *p != '-')
			return NULL;
	return name;
}

static void
open_custom(struct tagger *t, const char *name)
{
	size_t	i;

	text_add(&t->open, &t->nopen, text_dup(name, strlen(name)));
	text_str(&t->out, "(?P<");
	if (strcmp(name, "ID") == 0)
		text_str(&t->out, "fid");
	else if (strcmp(name, "PORT") == 0)
		text_str(&t->out, "fport");
	else
		for (i = 0; name[i] != '\0'; i++)
			text_printf(&t->out, "%c",
			    tolower((unsigned char)name[i]));
	text_str(&t->out, ">");
}

static int
is_open(const struct tagger *t, const char *name)
{
	size_t	i;

	for (i = 0; i < t->nopen; i++)
		if (strcmp(t->open[i], name) == 0)
			return 1;
	return 0;
}

/* 1 if it was a tag. */
static int
put_tag(struct tagger *t, const char *tag)
{
	const char *s;

	if ((s = fixed_tag(t, tag)) != NULL)
		text_str(&t->out, s);
	else if (strcmp(tag, "SKIPLINES") == 0)
		text_printf(&t->out, "\\n(?P<skiplines%u>(?:(?:.*\\n)*?))",
		    t->nskips++);
	else if (*tag == '/' && (s = custom_name(tag + 1)) != NULL &&
	    is_open(t, s))
		text_str(&t->out, ")");
	else if ((s = custom_name(tag)) != NULL)
		open_custom(t, s);
	else
		return 0;
	return 1;
}

/* "<name>", "</name>" or "<name/>": its length, 0 if it is none. */
static size_t
tag_length(const char *p)
{
	size_t	n = 1, start;

	if (p[n] == '/')
		n++;
	for (start = n; isalnum((unsigned char)p[n]) || p[n] == '_' ||
	    p[n] == '-'; n++)
		;
	if (n == start)
		return 0;
	if (p[n] == '/')
		n++;
	return p[n] == '>' ? n + 1 : 0;
}

char *
f2b_tags(const char *p, enum f2b_dns dns)
{
	struct tagger	 t = { .dns = dns };
	char		*tag;
	size_t		 n;

	while (*p != '\0') {
		n = strcspn(p, "<");
		text_put(&t.out, p, n);
		p += n;
		if (*p == '\0')
			break;
		if ((n = tag_length(p)) == 0) {
			text_put(&t.out, p++, 1);
			continue;
		}
		tag = text_dup(p + 1, n - 2);
		if (!put_tag(&t, tag))
			text_put(&t.out, p, n);
		free(tag);
		p += n;
	}
	text_list_free(t.open, t.nopen);
	if (t.out.full) {
		text_clear(&t.out);
		return NULL;
	}
	return text_take(&t.out);
}

/* Python's dialect. */

struct translator {
	const char	*p;
	struct f2b_text	 out;
	int		 has;		/* REGEX_HAS_* */
	int		 class;		/* within [] */
	char		*why;
	size_t		 whylen;
};

static int __attribute__((__format__(printf, 2, 3)))
refuse(struct translator *t, const char *fmt, ...)
{
	va_list	ap;

	va_start(ap, fmt);
	vsnprintf(t->why, t->whylen, fmt, ap);
	va_end(ap);
	return -1;
}

static void
copy(struct translator *t, size_t n)
{
	text_put(&t->out, t->p, n);
	t->p += n;
}

/* A quantifier follows. */
static int
is_repeated(const char *p)
{
	return *p != '\0' && strchr("*+?{", *p) != NULL;
}

/* A character beyond ASCII is several bytes: they stay together. */
static void
put_bytes(struct translator *t, const char *s, size_t n, const char *next)
{
	int group = n > 1 && !t->class && is_repeated(next);

	text_str(&t->out, group ? "(?:" : "");
	text_put(&t->out, s, n);
	text_str(&t->out, group ? ")" : "");
}

static size_t
utf8(char out[4], unsigned long c)
{
	size_t	n = 0;

	if (c < 0x80)
		out[n++] = c;
	else if (c < 0x800)
		out[n++] = 0xc0 | c >> 6;
	else if (c < 0x10000)
		out[n++] = 0xe0 | c >> 12;
	else
		out[n++] = 0xf0 | (c >> 18 & 0x7);
	if (c >= 0x10000)
		out[n++] = 0x80 | (c >> 12 & 0x3f);
	if (c >= 0x800)
		out[n++] = 0x80 | (c >> 6 & 0x3f);
	if (c >= 0x80)
		out[n++] = 0x80 | (c & 0x3f);
	return n;
}

/* \xHH, \uHHHH, \UHHHHHHHH */
static int
put_code(struct translator *t)
{
	size_t		 n = t->p[1] == 'x' ? 2 : t->p[1] == 'u' ? 4 : 8, i;
	char		 hex[9], buf[4];
	unsigned long	 c;

	for (i = 0; i < n && isxdigit((unsigned char)t->p[2 + i]); i++)
		hex[i] = t->p[2 + i];
	if (i < n)
		return refuse(t, "found \"\\%c\", expected %zu hexadecimal "
		    "digits after it", t->p[1], n);
	hex[n] = '\0';
	c = strtoul(hex, NULL, 16);
	t->p += 2 + n;
	if (c < 0x80)
		text_printf(&t->out, "\\x%02lx", c);
	else
		put_bytes(t, buf, utf8(buf, c), t->p);
	return 0;
}

static int
put_escape(struct translator *t)
{
	const char c = t->p[1];

	if (c == '\0')
		return refuse(t, "found \"\\\" at the end");
	if ((unsigned char)c >= 0x80) {
		t->p++;
		return 0;
	}
	if (strchr("xuU", c) != NULL)
		return put_code(t);
	if (c == 'v' || c == 'Z') {
		text_str(&t->out, c == 'v' ? "\\x0b" : "\\z");
		t->p += 2;
		return 0;
	}
	if (isalpha((unsigned char)c) &&
	    strchr(t->class ? "abdDfnrsStwW" : "AabBdDfnrsStwWz", c) == NULL)
		return refuse(t, "found \"\\%c\", which Python does not have",
		    c);
	copy(t, 2);
	return 0;
}

/* {n} {n,} {n,m} {,m}, which older PCRE2 takes for text. */
static void
put_brace(struct translator *t)
{
	size_t	low = strspn(t->p + 1, "0123456789"), n = 1 + low, high = 0;
	int	comma = t->p[n] == ',';

	if (comma) {
		high = strspn(t->p + ++n, "0123456789");
		n += high;
	}
	if (t->p[n] != '}' || (low == 0 && !comma)) {
		text_str(&t->out, "\\{");
		t->p++;
		return;
	}
	text_printf(&t->out, "{%s%.*s", low == 0 ? "0" : "", (int)n,
	    t->p + 1);
	t->p += n + 1;
}

/* Flags that say what bytes are letters mean nothing to bytes. */
static void
put_flags(struct translator *t, const char *p, size_t n)
{
	for (; n > 0; n--, p++)
		if (strchr("uaL", *p) == NULL)
			text_put(&t->out, p, 1);
}

/* Of a group's name; 0: none good ends with `end` there. */
static size_t
name_length(const char *p, char end)
{
	size_t	n;

	for (n = 0; isalnum((unsigned char)p[n]) || p[n] == '_'; n++)
		;
	return n > 0 && !isdigit((unsigned char)*p) && p[n] == end ? n : 0;
}

static void
note_name(struct translator *t, const char *name, size_t n)
{
	static const char *const ids[] = { "fid", "ip4", "ip6", "dns",
	    "mlfid" };
	size_t	i;

	for (i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		if (strlen(ids[i]) == n && memcmp(ids[i], name, n) == 0)
			t->has |= REGEX_HAS_ID;
	if (n == 7 && memcmp(name, "content", n) == 0)
		t->has |= REGEX_HAS_CONTENT;
}

/* (?P<name>...  (?P=name) */
static int
put_named(struct translator *t)
{
	int	open = t->p[3] == '<';
	size_t	n;

	if (!open && t->p[3] != '=')
		return refuse(t, "found \"(?P\", expected \"<\" or \"=\" "
		    "after it");
	if ((n = name_length(t->p + 4, open ? '>' : ')')) == 0 ||
	    n > NAME_LEN_MAX)
		return refuse(t, "found \"%.40s\", expected a group's name of "
		    "letters, digits and _, at most %d", t->p, NAME_LEN_MAX);
	if (open)
		note_name(t, t->p + 4, n);
	copy(t, 4 + n + 1);
	return 0;
}

/* (?(name)yes|no) */
static int
put_condition(struct translator *t)
{
	size_t	n = strspn(t->p + 3, "0123456789");

	if (n > 0 && t->p[3 + n] == ')') {
		copy(t, 3 + n + 1);
		return 0;
	}
	if ((n = name_length(t->p + 3, ')')) == 0 || n > NAME_LEN_MAX)
		return refuse(t, "found \"%.40s\", expected a group after "
		    "\"(?(\"", t->p);
	text_printf(&t->out, "(?(<%.*s>)", (int)n, t->p + 3);
	t->p += 3 + n + 1;
	return 0;
}

/* (?flags) and (?flags-flags:...) */
static int
put_flagged(struct translator *t)
{
	size_t	n = strspn(t->p + 2, "aiLmsux-");

	if (n == 0 || (t->p[2 + n] != ')' && t->p[2 + n] != ':'))
		return refuse(t, "found \"%.10s\", which Python does not have",
		    t->p);
	text_str(&t->out, "(?");
	put_flags(t, t->p + 2, n);
	t->p += 2 + n;
	copy(t, 1);
	return 0;
}

/* "((?i)" and "(?:(?i)" are "(?i:" to fail2ban: how long, or 0. */
static size_t
local_flags(const char *p, const char **flags, size_t *n)
{
	size_t	skip = strncmp(p, "(?:", 3) == 0 ? 3 : 1;

	if (strncmp(p + skip, "(?", 2) != 0)
		return 0;
	*flags = p + skip + 2;
	*n = strspn(*flags, "aiLmsux");
	return *n > 0 && (*flags)[*n] == ')' ? skip + 2 + *n + 1 : 0;
}

static int
put_group(struct translator *t)
{
	const char	*flags, *end;
	size_t		 n, len;

	if ((len = local_flags(t->p, &flags, &n)) > 0) {
		text_str(&t->out, "(?");
		put_flags(t, flags, n);
		text_str(&t->out, ":");
		t->p += len;
		return 0;
	}
	if (t->p[1] == '*')
		return refuse(t, "found \"(*\", expected something to repeat");
	if (t->p[1] != '?') {
		copy(t, 1);
		return 0;
	}
	switch (t->p[2]) {
	case 'P':
		return put_named(t);
	case '(':
		return put_condition(t);
	case '#':
		if ((end = strchr(t->p, ')')) == NULL)
			return refuse(t, "found \"(?#\" without a \")\"");
		copy(t, end + 1 - t->p);
		return 0;
	case '<':
		if (t->p[3] != '=' && t->p[3] != '!')
			return refuse(t, "found \"(?<\", expected \"=\" or "
			    "\"!\" after it");
		copy(t, 4);
		return 0;
	case ':':
	case '=':
	case '!':
	case '>':
		copy(t, 3);
		return 0;
	default:
		return put_flagged(t);
	}
}

/* The beginning of a class; a "]" that comes first is one of it. */
static void
open_class(struct translator *t)
{
	copy(t, 1);
	if (*t->p == '^')
		copy(t, 1);
	if (*t->p == ']') {
		text_str(&t->out, "\\]");
		t->p++;
	}
	t->class = 1;
}

static int
in_class(struct translator *t)
{
	if (*t->p == '[') {
		text_str(&t->out, "\\[");
		t->p++;
		return 0;
	}
	t->class = *t->p != ']';
	copy(t, 1);
	return 0;
}

static int
put_char(struct translator *t)
{
	size_t	n = 1;

	if (*t->p == '\\')
		return put_escape(t);
	if (t->class)
		return in_class(t);
	switch (*t->p) {
	case '[':
		open_class(t);
		return 0;
	case '(':
		return put_group(t);
	case '{':
		put_brace(t);
		return 0;
	}
	if (((unsigned char)*t->p & 0xc0) == 0xc0)
		while (((unsigned char)t->p[n] & 0xc0) == 0x80)
			n++;
	put_bytes(t, t->p, n, t->p + n);
	t->p += n;
	return 0;
}

char *
f2b_translate(const char *regex, int *has, char *why, size_t whylen)
{
	struct translator	t = { .p = regex, .why = why,
	    .whylen = whylen };
	int			status = 0;

	while (*t.p != '\0' && status == 0)
		status = put_char(&t);
	if (status == 0 && t.class)
		status = refuse(&t, "found \"[\" without a \"]\"");
	if (status == 0 && t.out.full)
		status = refuse(&t, "found a regex of more than %d bytes",
		    TEXT_MAX);
	if (status == -1) {
		text_clear(&t.out);
		return NULL;
	}
	*has = t.has;
	return text_take(&t.out);
}

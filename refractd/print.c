/*
 * A configuration as text that parses to the same, every default visible.
 */
#include <netinet/in.h>

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "conf.h"
#include "log.h"
#include "parse.h"

#define WIDTH	76		/* a list that is longer goes over lines */
#define PIECE	1000		/* longest text of one emit() */

struct out {
	void	(*emit)(void *, const char *);
	void	 *arg;
	char	  buf[PIECE + 1];
	size_t	  len;
};

static void
flush(struct out *o)
{
	o->buf[o->len] = '\0';
	if (o->len > 0)
		o->emit(o->arg, o->buf);
	o->len = 0;
}

static void
put(struct out *o, const char *s)
{
	for (; *s != '\0'; s++) {
		if (o->len == PIECE)
			flush(o);
		o->buf[o->len++] = *s;
	}
}

static void __attribute__((__format__(printf, 2, 3)))
putf(struct out *o, const char *fmt, ...)
{
	va_list	 ap;
	char	*s;

	va_start(ap, fmt);
	if (vasprintf(&s, fmt, ap) == -1)
		fatal("configuration");
	va_end(ap);
	put(o, s);
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

static void
put_quoted(struct out *o, const char *s)
{
	char	*q = parse_quote(s);

	put(o, q);
	free(q);
}

static void
put_span(struct out *o, int64_t span)
{
	char	buf[SPAN_STRLEN];

	put(o, span_print(span, buf));
}

static const char *
yesno(int n)
{
	return n ? "yes" : "no";
}

/* Lists: "head { a, b }", or an item a line. */

struct items {
	char	*text;		/* an item a line */
	size_t	 len, room, n;
};

static void
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

static void
items_add_quoted(struct items *it, const char *s)
{
	char	*q = parse_quote(s);

	items_add(it, q);
	free(q);
}

static void
put_list(struct out *o, const char *head, const char *lines,
    const char *indent)
{
	const char	*p, *end;
	size_t		 width = strlen(indent) * 8 + strlen(head) + 4;
	int		 wide;

	for (p = lines; *p != '\0'; p++)
		width += *p == '\n' ? 2 : 1;
	wide = width > WIDTH;
	putf(o, "%s%s {", indent, head);
	for (p = lines; (end = strchr(p, '\n')) != NULL; p = end + 1)
		if (wide)
			putf(o, "\n%s\t%.*s", indent, (int)(end - p), p);
		else
			putf(o, " %.*s%s", (int)(end - p), p,
			    end[1] == '\0' ? "" : ",");
	if (wide)
		putf(o, "\n%s}\n", indent);
	else
		put(o, " }\n");
}

static void
put_items(struct out *o, const char *head, struct items *it)
{
	if (it->n > 0)
		put_list(o, head, it->text, "\t");
	free(it->text);
	memset(it, 0, sizeof(*it));
}

static const char *
table_text(const struct conf_table *t)
{
	return t->text == NULL ? "" : t->text;
}

static void
print_table(struct out *o, const struct conf_table *t)
{
	char	head[NAME_MAX_LEN + 16];

	snprintf(head, sizeof(head), "table <%s>", t->w.name);
	put_list(o, head, table_text(t), "");
}

static void
print_ban(struct out *o, const struct conf *c)
{
	const struct wire_global	*g = &c->global;
	struct conf_table		*t;

	put(o, "ban {\n");
	if ((t = conf_table_byid(c, g->never)) != NULL)
		put_list(o, "never", table_text(t), "\t");
	putf(o, "\tprefix inet %u inet6 %u\n", g->plen4, g->plen6);
	putf(o, "\tprotect sessions %s\n", yesno(g->protect_sessions));
	putf(o, "\taction %s\n",
	    g->action == ACTION_DROP ? "drop" : "reject");
	putf(o, "\thook %s\n", g->hook == HOOK_LOCAL ? "local" : "forward");
	putf(o, "\tmax %u\n", g->max);
	put(o, "}\n");
}

/* A size as the language writes it, by the greatest unit that is exact. */
static void
put_size(struct out *o, uint32_t kib)
{
	if (kib % (1024 * 1024) == 0)
		putf(o, "%uG", kib / (1024 * 1024));
	else if (kib % 1024 == 0)
		putf(o, "%uM", kib / 1024);
	else
		putf(o, "%uK", kib);
}

static void
print_ledger(struct out *o, const struct wire_global *g)
{
	put(o, "ledger {\n\tkeep ");
	if (g->ledger_keep == 0)
		put(o, "forever");
	else
		put_span(o, g->ledger_keep * (span_t)1000);
	put(o, "\n\tmax ");
	if (g->ledger_max == 0)
		put(o, "none");
	else
		put_size(o, g->ledger_max);
	put(o, "\n}\n");
}

static void
print_global(struct out *o, const struct conf *c)
{
	if (*c->global.instance != '\0')
		putf(o, "instance \"%s\"\n", c->global.instance);
	put(o, "state ");
	put_quoted(o, c->state_dir);
	put(o, "\ncontrol ");
	put_quoted(o, c->control_path);
	if (c->admin_group != NULL) {
		put(o, " admin group ");
		put_quoted(o, c->admin_group);
	}
	putf(o, "\nhot reload %s", yesno(c->hot_reload));
	put(o, "\nlog bans ");
	if (c->audit_path == NULL)
		put(o, "none");
	else {
		put_quoted(o, c->audit_path);
		put(o, c->global.audit_json ? " json" : "");
	}
	put(o, "\n");
}

static void
print_statuses(struct out *o, const struct conf *c)
{
	struct conf_status	*s;
	char			 addr[PREFIX_STRLEN];

	TAILQ_FOREACH(s, &c->statuses, entry)
		putf(o, "status on %s port %u\n",
		    prefix_print(&s->w.addr, addr), s->w.port);
}

/* watch "name" { } */

static void
print_sources(struct out *o, const struct conf_watch *w)
{
	struct conf_source	*s;

	TAILQ_FOREACH(s, &w->sources, entry) {
		put(o, "\tsource file ");
		put_quoted(o, s->w.path);
		putf(o, " from %s\n", s->w.from_start ? "start" : "end");
	}
}

/* First match wins, so only neighbours of one limit make a list. */
static void
print_limits(struct out *o, const struct conf_watch *w)
{
	struct items		 it = { 0 };
	struct conf_limit	*l;
	char			 head[32], last[32] = "";

	TAILQ_FOREACH(l, &w->limits, entry) {
		if (l->w.limit == 0)
			strlcpy(head, "limit none for", sizeof(head));
		else
			snprintf(head, sizeof(head), "limit %u for",
			    l->w.limit);
		if (strcmp(head, last) != 0)
			put_items(o, last, &it);
		items_add_quoted(&it, l->w.pattern);
		strlcpy(last, head, sizeof(last));
	}
	put_items(o, last, &it);
}

static void
print_limit(struct out *o, const struct wire_watch *w)
{
	if (w->limit == 0)
		put(o, "\tlimit none within ");
	else
		putf(o, "\tlimit %u address%s per user within ", w->limit,
		    w->limit == 1 ? "" : "es");
	put_span(o, w->window);
	put(o, "\n");
}

static const char *const	victims[] = {
	[BAN_NEWEST] = "newest", [BAN_OLDEST] = "oldest", [BAN_ALL] = "all"
};

static void
print_watch_ban(struct out *o, const struct wire_watch *w)
{
	struct items	 it = { 0 };
	char		 head[SPAN_STRLEN + 32], port[32], span[SPAN_STRLEN];
	size_t		 i;

	snprintf(head, sizeof(head), "ban %s for %s%s", victims[w->victim],
	    span_print(w->ban, span), w->nports > 0 ? " on" : "");
	for (i = 0; i < w->nports; i++) {
		snprintf(port, sizeof(port), "%s port %u",
		    w->ports[i].proto == IPPROTO_TCP ? "tcp" : "udp",
		    w->ports[i].port);
		items_add(&it, port);
	}
	if (w->nports > 1) {
		put_items(o, head, &it);
		return;
	}
	putf(o, "\t%s%s%s", head, w->nports == 1 ? " " : "",
	    w->nports == 1 ? it.text : "\n");
	free(it.text);
}

static void
print_exempts(struct out *o, const struct conf *c, const struct conf_watch *w)
{
	struct items		 it = { 0 };
	struct conf_exempt	*e;
	struct conf_table	*t;
	char			 buf[PATTERN_MAX_LEN * 4 + 8], *q;

	TAILQ_FOREACH(e, &w->exempts, entry) {
		if (e->w.kind == EXEMPT_USER) {
			q = parse_quote(e->w.pattern);
			snprintf(buf, sizeof(buf), "user %s", q);
			free(q);
		} else if (e->w.kind == EXEMPT_PREFIX)
			prefix_print(&e->w.prefix, buf);
		else if ((t = conf_table_byid(c, e->w.table)) != NULL)
			snprintf(buf, sizeof(buf), "<%s>", t->w.name);
		items_add(&it, buf);
	}
	put_items(o, "exempt", &it);
}

static void
print_inbounds(struct out *o, const struct conf_watch *w)
{
	struct items		 it = { 0 };
	struct conf_inbound	*i;

	TAILQ_FOREACH(i, &w->inbounds, entry)
		items_add_quoted(&it, i->w.pattern);
	put_items(o, "only inbound", &it);
}

static void
print_zone(struct out *o, const struct wire_watch *w)
{
	put(o, "\tzone ");
	if (*w->zone == '\0')
		put(o, "local");
	else
		put_quoted(o, w->zone);
	put(o, "\n");
}

static void
print_watch(struct out *o, const struct conf *c, const struct conf_watch *w)
{
	put(o, "watch ");
	put_quoted(o, w->w.name);
	put(o, " {\n");
	print_sources(o, w);
	put(o, "\tformat xray\n");
	print_limits(o, w);
	print_limit(o, &w->w);
	print_watch_ban(o, &w->w);
	print_exempts(o, c, w);
	print_inbounds(o, w);
	putf(o, "\tfamilies %s\n", w->w.together ? "together" : "apart");
	putf(o, "\tgroup inet %u inet6 %u\n", w->w.group4, w->w.group6);
	put(o, "\tgrace ");
	put_span(o, w->w.grace);
	putf(o, "\n\ttrust forwarded %s\n", yesno(w->w.trust_forwarded));
	print_zone(o, &w->w);
	putf(o, "\tdry run %s\n}\n", yesno(w->w.dry_run));
}

void
conf_print(const struct conf *c, void (*emit)(void *, const char *),
    void *arg)
{
	struct out		 o = { .emit = emit, .arg = arg };
	struct conf_table	*t;
	struct conf_watch	*w;

	print_global(&o, c);
	print_statuses(&o, c);
	print_ledger(&o, &c->global);
	TAILQ_FOREACH(t, &c->tables, entry)
		if (*t->w.name != '\0')
			print_table(&o, t);
	print_ban(&o, c);
	TAILQ_FOREACH(w, &c->watches, entry)
		print_watch(&o, c, w);
	flush(&o);
}

/*
 * A watch as text that parses to the same, every default visible.
 */
#include <sys/socket.h>
#include <sys/stat.h>

#include <netinet/in.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "conf.h"
#include "parse.h"
#include "print_out.h"

#define UNIT	"_SYSTEMD_UNIT="

/* { "a", "b" } */
void
print_strings(struct out *o, const char *args, unsigned int argc)
{
	unsigned int	 i;
	const char	*p = args;

	out_text(o, "{ ");
	for (i = 0; i < argc; i++, p += strlen(p) + 1) {
		if (i > 0)
			out_text(o, ", ");
		out_quoted(o, p);
	}
	out_text(o, " }");
}

/* A unit of the journal as the user calls it. */
static void
print_journal(struct out *o, const struct conf_source *s)
{
	struct stat	 st;
	const char	*p = s->args;
	unsigned int	 i;

	out_text(o, "journal");
	for (i = 0; i < s->argc; i++, p += strlen(p) + 1) {
		out_text(o, i == 0 ? " { " : ", ");
		out_quoted(o, strncmp(p, UNIT, strlen(UNIT)) == 0 &&
		    strchr(p, '.') != NULL ? p + strlen(UNIT) : p);
	}
	out_text(o, s->argc > 0 ? " }" : "");
	if (s->dir != NULL) {
		out_text(o, stat(s->dir, &st) == 0 && S_ISDIR(st.st_mode) ?
		    " directory " : " file ");
		out_quoted(o, s->dir);
	}
}

static void
print_account(struct out *o, const char *user, const char *group)
{
	out_text(o, " user ");
	out_quoted(o, user);
	out_text(o, " group ");
	out_quoted(o, group);
}

static void
print_syslog(struct out *o, const struct conf_source *s)
{
	char	addr[PREFIX_STRLEN];

	out_text(o, "syslog on ");
	if (s->addr.family == 0)
		out_quoted(o, s->dir);
	else
		out_format(o, "%s udp port %u", prefix_print(&s->addr, addr),
		    s->port);
}

static void
print_source(struct out *o, const struct conf_source *s)
{
	out_text(o, "\tsource ");
	switch (s->w.kind) {
	case SOURCE_JOURNAL:
		print_journal(o, s);
		break;
	case SOURCE_COMMAND:
		out_text(o, "command ");
		print_strings(o, s->args, s->argc);
		print_account(o, s->user, s->group);
		break;
	case SOURCE_SYSLOG:
		print_syslog(o, s);
		break;
	case SOURCE_STDIN:
		out_text(o, "stdin");
		break;
	default:
		out_text(o, "file ");
		out_quoted(o, s->w.path);
	}
	if (s->w.kind == SOURCE_FILE || s->w.kind == SOURCE_JOURNAL)
		out_format(o, " from %s", s->w.from_start ? "start" : "end");
	out_text(o, "\n");
}

static void
print_json(struct out *o, const char *what, const char *path)
{
	if (*path == '\0')
		return;
	out_format(o, "\tjson %s ", what);
	out_quoted(o, path);
	out_text(o, "\n");
}

static void
print_sources(struct out *o, const struct conf_watch *w)
{
	struct conf_source	*s;

	TAILQ_FOREACH(s, &w->sources, entry)
		print_source(o, s);
	print_json(o, "field", w->w.json_field);
	print_json(o, "time", w->w.json_time);
	print_json(o, "addr", w->w.json_addr);
}

void
print_defines(struct out *o, const struct conf_defines *list,
    const char *indent)
{
	struct conf_define	*d;

	TAILQ_FOREACH(d, list, entry) {
		out_format(o, "%spattern \"%s\" ", indent, d->name);
		out_regex(o, d->regex);
		out_text(o, "\n");
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
			items_out(o, last, &it);
		items_add_quoted(&it, l->w.pattern);
		strlcpy(last, head, sizeof(last));
	}
	items_out(o, last, &it);
}

static void
print_limit(struct out *o, const struct wire_watch *w)
{
	if (w->limit == 0)
		out_text(o, "\tlimit none within ");
	else
		out_format(o, "\tlimit %u address%s per user within ", w->limit,
		    w->limit == 1 ? "" : "es");
	out_span(o, w->window);
	out_text(o, "\n");
}

static const char *const	victims[] = {
	[BAN_NEWEST] = "newest", [BAN_OLDEST] = "oldest", [BAN_ALL] = "all"
};

/* Thousandths: "2", "1.5". */
static void
print_factor(char *buf, size_t size, uint32_t by)
{
	size_t	n;

	n = snprintf(buf, size, "%u.%03u", by / 1000, by % 1000);
	while (buf[n - 1] == '0')
		buf[--n] = '\0';
	if (buf[n - 1] == '.')
		buf[n - 1] = '\0';
}

/* The words of a ban before its ports. */
static void
ban_head(char *head, size_t size, const struct wire_watch *w)
{
	char	span[SPAN_STRLEN], most[SPAN_STRLEN], by[16];
	size_t	n;

	n = snprintf(head, size, "ban%s%s for %s",
	    w->format == FORMAT_XRAY ? " " : w->ban_prefix ? " prefix" : "",
	    w->format == FORMAT_XRAY ? victims[w->victim] : "",
	    span_print(w->ban, span));
	if (w->growth_max > 0) {
		print_factor(by, sizeof(by), w->growth_by);
		n += snprintf(head + n, size - n, " growing by %s to %s%s", by,
		    span_print(w->growth_max, most),
		    w->growth_together ? " together" : "");
	}
	strlcat(head, w->nports > 0 ? " on" : "", size);
}

static void
print_watch_ban(struct out *o, const struct wire_watch *w)
{
	struct items	 it = { 0 };
	char		 head[SPAN_STRLEN * 2 + 96], port[32];
	size_t		 i;

	ban_head(head, sizeof(head), w);
	for (i = 0; i < w->nports; i++) {
		snprintf(port, sizeof(port), "%s port %u",
		    w->ports[i].proto == IPPROTO_TCP ? "tcp" : "udp",
		    w->ports[i].port);
		items_add(&it, port);
	}
	if (w->nports > 1) {
		items_out(o, head, &it);
		return;
	}
	out_format(o, "\t%s%s%s", head, w->nports == 1 ? " " : "",
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
	items_out(o, "exempt", &it);
}

static void
print_inbounds(struct out *o, const struct conf_watch *w)
{
	struct items		 it = { 0 };
	struct conf_inbound	*i;

	TAILQ_FOREACH(i, &w->inbounds, entry)
		items_add_quoted(&it, i->w.pattern);
	items_out(o, "only inbound", &it);
}

static void
print_zone(struct out *o, const struct wire_watch *w)
{
	out_text(o, "\tzone ");
	if (*w->zone == '\0')
		out_text(o, "local");
	else
		out_quoted(o, w->zone);
	out_text(o, "\n");
}

/* run { argv } */

static void
print_run(struct out *o, const struct conf_run *r)
{
	static const char *const	when[] = {
		[RUN_OFFENCE] = "", [RUN_BAN] = " on ban",
		[RUN_UNBAN] = " on unban"
	};

	out_text(o, "\trun ");
	print_strings(o, r->text, r->w.argc);
	if (r->w.delay > 0) {
		out_text(o, " delay ");
		out_span(o, r->w.delay);
	}
	out_format(o, "%s%s%s%s", r->w.at_exit ? " also at exit" : "",
	    r->w.once ? " once" : "",
	    r->w.at_least_once ? " at least once" : "", when[r->w.when]);
	if (r->w.family != 0)
		out_text(o, r->w.family == AF_INET ? " inet only" :
		    " inet6 only");
	print_account(o, r->w.user, r->w.group);
	out_text(o, " timeout ");
	out_span(o, r->w.timeout);
	out_text(o, "\n");
}

void
print_command(struct out *o, const char *what, const struct conf_command *c)
{
	out_format(o, "%s ", what);
	print_strings(o, c->args, c->argc);
	print_account(o, c->user, c->group);
	out_text(o, " timeout ");
	out_span(o, c->timeout);
	out_text(o, "\n");
}

/* What a watch of text has. */

static void
print_weight(struct out *o, uint32_t weight)
{
	if (weight > 1)
		out_format(o, " weight %u", weight);
	out_text(o, "\n");
}

static void
print_matches(struct out *o, const struct conf_watch *w)
{
	static const char *const	 kinds[] = {
		[PATTERN_MATCH] = "match", [PATTERN_IGNORE] = "ignore",
		[PATTERN_CANCEL] = "cancel"
	};
	struct conf_pattern		*p;
	struct conf_filter		*f;

	TAILQ_FOREACH(p, &w->patterns, entry) {
		if (p->w.filter != 0)
			continue;
		out_format(o, "\t%s ", kinds[p->w.kind]);
		out_regex(o, p->written);
		print_weight(o, p->w.weight);
	}
	TAILQ_FOREACH(f, &w->filters, entry) {
		out_format(o, "\tmatch fail2ban %s", f->spec);
		print_weight(o, f->w.weight);
	}
}

static void
print_ignore(struct out *o, const struct conf *c, const struct conf_ignore *i)
{
	struct conf_table	*t;

	out_format(o, "\tignore <%s> ", i->w.name);
	if (i->w.kind == IGNORE_TABLE) {
		if ((t = conf_table_byid(c, i->w.table)) != NULL)
			out_format(o, "<%s>", t->w.name);
	} else if (i->w.kind == IGNORE_REGEX) {
		out_text(o, "matching ");
		out_regex(o, i->written);
	} else
		out_quoted(o, i->text);
	out_text(o, "\n");
}

static void
print_keys(struct out *o, const struct wire_watch *w)
{
	struct items	 it = { 0 };
	unsigned int	 i;

	for (i = 0; i < w->nkeys; i++)
		items_add(&it, w->keys[i]);
	items_out(o, "key", &it);
}

static void
print_counting(struct out *o, const struct wire_watch *w)
{
	static const char *const	duplicates[] = {
		[DUPLICATE_EXTEND] = "extend", [DUPLICATE_IGNORE] = "ignore",
		[DUPLICATE_RERUN] = "rerun"
	};

	print_keys(o, w);
	out_format(o, "\tgroup inet %u inet6 %u\n", w->group4, w->group6);
	out_format(o, "\tafter %u match%s within ", w->after,
	    w->after == 1 ? "" : "es");
	out_span(o, w->window);
	out_text(o, "\n");
	if (*w->time_format != '\0') {
		out_text(o, "\ttime ");
		out_regex(o, w->time_format);
		out_text(o, "\n");
	}
	print_zone(o, w);
	out_format(o, "\tduplicate %s\n", duplicates[w->duplicate]);
	if (w->bans)
		print_watch_ban(o, w);
}

static void
print_text(struct out *o, const struct conf *c, const struct conf_watch *w)
{
	struct conf_ignore	*i;

	print_matches(o, w);
	TAILQ_FOREACH(i, &w->ignores, entry)
		print_ignore(o, c, i);
	print_exempts(o, c, w);
	print_counting(o, &w->w);
}

static void
print_xray(struct out *o, const struct conf *c, const struct conf_watch *w)
{
	out_text(o, "\tformat xray\n");
	print_limits(o, w);
	print_limit(o, &w->w);
	print_watch_ban(o, &w->w);
	print_exempts(o, c, w);
	print_inbounds(o, w);
	out_format(o, "\tfamilies %s\n", w->w.together ? "together" : "apart");
	out_format(o, "\tgroup inet %u inet6 %u\n", w->w.group4,
	    w->w.group6);
	out_text(o, "\tgrace ");
	out_span(o, w->w.grace);
	out_format(o, "\n\ttrust forwarded %s\n",
	    out_yesno(w->w.trust_forwarded));
	print_zone(o, &w->w);
}

void
print_watch(struct out *o, const struct conf *c, const struct conf_watch *w)
{
	struct conf_run	*r;

	out_text(o, "watch ");
	out_quoted(o, w->w.name);
	out_text(o, " {\n");
	print_sources(o, w);
	print_defines(o, &w->defines, "\t");
	if (w->w.format == FORMAT_TEXT)
		print_text(o, c, w);
	else
		print_xray(o, c, w);
	TAILQ_FOREACH(r, &w->runs, entry)
		print_run(o, r);
	out_format(o, "\tdry run %s\n}\n", out_yesno(w->w.dry_run));
}

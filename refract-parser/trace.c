/*
 * What happens to each line, gathered while it is worked on and printed when
 * it is done; and at the end what happened to all of them.  Bytes of lines go
 * out printable only.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf.h"
#include "count.h"
#include "date.h"
#include "follow.h"
#include "line.h"
#include "log.h"
#include "run_argv.h"
#include "text.h"
#include "trace.h"
#include "watch.h"

#define EVENTS_MAX	32	/* of one line */
#define FORMATS_MAX	64	/* of dates */
#define HITS_MAX	4096	/* patterns */
#define TEXT_ROOM	(4 * LINE_MAX_LEN + 1)	/* every byte as \ooo */
#define EVENT_VALUES	1024
#define VALUES_ROOM	(EVENT_VALUES + SUBJECT_LEN * 4 + EVIDENCE_LEN + 16)

/* A match of a line. */
struct event {
	enum trace_result	 result;
	const char		*where;		/* NULL: of no pattern */
	char			 values[EVENT_VALUES];	/* name, value */
	size_t			 nvalues, used;
	char			 key[SUBJECT_LEN * 4];
	uint32_t		 total, after;	/* after 0: not counted */
	char			 effect[1024];
	int			 is_user;	/* of an Xray watch */
};

struct hit {
	const struct conf_pattern *pattern;
	uint64_t		 n;
};

struct format {
	const char	*name;
	uint64_t	 n;
};

int			trace_on;

static int		json;
static char		out_buf[65536];

/* The line at work. */
static struct {
	const char	*p, *date, *format, *note, *file;
	size_t		 n, date_len;
	int		 timed;
	logtime_t	 at;
	unsigned int	 nevents;
	struct event	 events[EVENTS_MAX];
} line;

/* All of them. */
static struct {
	uint64_t	 identity, number;	/* of the file; its lines */
	uint64_t	 lines, matched, ignored, cancelled, missed, noted;
	uint64_t	 undated, effects;
	struct hit	 hits[HITS_MAX];
	size_t		 nhits;
	struct format	 formats[FORMATS_MAX];
	size_t		 nformats;
} all;

void
trace_init(int as_json)
{
	trace_on = 1;
	json = as_json;
	/* Ours, so that stdio need not ask what this is. */
	setvbuf(stdout, out_buf, _IOFBF, sizeof(out_buf));
}

void
trace_flush(void)
{
	/* Whoever read has gone. */
	if (fflush(stdout) == EOF)
		_exit(1);
}

/* --- saying ------------------------------------------------------------- */

void
trace_begin(const struct watch *w, const struct block *b, const char *p,
    size_t n)
{
	(void)w;
	if (all.identity != block_identity(b)) {
		all.identity = block_identity(b);
		all.number = 0;
	}
	all.number++;
	all.lines++;
	line.file = block_name(b);
	line.p = p;
	line.n = n;
	line.timed = 0;
	line.date_len = 0;
	line.format = line.note = NULL;
	line.nevents = 0;
}

static void
count_format(const char *name)
{
	size_t	i;

	for (i = 0; i < all.nformats && all.formats[i].name != name; i++)
		;
	if (i == FORMATS_MAX)
		return;
	if (i == all.nformats)
		all.formats[all.nformats++].name = name;
	all.formats[i].n++;
}

void
trace_time(logtime_t at, const char *p, size_t n, const char *format)
{
	line.timed = 1;
	line.at = at;
	line.date = p;
	line.date_len = n;
	line.format = format;
	if (format != NULL)
		count_format(format);
	else
		all.undated++;
}

static void
count_hit(const struct conf_pattern *p)
{
	size_t	i;

	for (i = 0; i < all.nhits && all.hits[i].pattern != p; i++)
		;
	if (i == HITS_MAX)
		return;
	if (i == all.nhits)
		all.hits[all.nhits++].pattern = p;
	all.hits[i].n++;
}

static void
put_value(struct event *e, const char *name, const char *p, size_t n)
{
	size_t	len = strlen(name) + 1, room = sizeof(e->values) - e->used;

	if (len + 2 > room)
		return;
	memcpy(e->values + e->used, name, len);
	text_vis(e->values + e->used + len, room - len, p, n);
	e->used += len + strlen(e->values + e->used + len) + 1;
	e->nvalues++;
}

static void
put_addr(struct event *e, const struct prefix *addr)
{
	char	buf[PREFIX_STRLEN];

	if (addr->family == 0)
		return;
	prefix_print(addr, buf);
	put_value(e, "addr", buf, strlen(buf));
}

static struct event *
new_event(enum trace_result result)
{
	static struct event	 spare;
	struct event		*e = &spare;

	if (line.nevents < EVENTS_MAX)
		e = &line.events[line.nevents++];
	e->result = result;
	e->where = NULL;
	e->nvalues = e->used = 0;
	e->key[0] = e->effect[0] = '\0';
	e->total = e->after = 0;
	e->is_user = 0;
	return e;
}

void
trace_match(enum trace_result result, const struct match *m, const char *key,
    size_t n)
{
	struct event	*e = new_event(result);
	unsigned int	 i;

	if (m->pattern != NULL) {
		e->where = m->pattern->w.where;
		count_hit(m->pattern);
	}
	put_addr(e, &m->addr);
	for (i = 0; i < m->nvalues; i++)
		put_value(e, m->values[i].name, m->values[i].p,
		    m->values[i].n);
	if (key != NULL)
		count_show(e->key, sizeof(e->key), key, n);
}

void
trace_user(const char *name, size_t n, const struct prefix *addr,
    uint32_t live, uint32_t limit)
{
	struct event	*e = new_event(TRACE_COUNTED);

	e->is_user = 1;
	put_addr(e, addr);
	text_vis(e->key, sizeof(e->key), name, n);
	e->total = live;
	e->after = limit;
}

void
trace_count(uint32_t total, uint32_t after)
{
	if (line.nevents == 0)
		return;
	line.events[line.nevents - 1].total = total;
	line.events[line.nevents - 1].after = after;
}

void
trace_effect(const char *text)
{
	struct event	*e;
	size_t		 len;

	if (line.nevents == 0)
		return;
	e = &line.events[line.nevents - 1];
	if ((len = strlen(e->effect)) > 0)
		strlcat(e->effect, ", ", sizeof(e->effect));
	strlcat(e->effect, text, sizeof(e->effect));
}

/* All that the daemon would have: those of the match, and the line. */
static size_t
gather_values(const struct event *e, char *buf, size_t size)
{
	size_t	n = e->used;

	memcpy(buf, e->values, n);
	if (e->is_user) {
		n += strlcpy(buf + n, "user", size - n) + 1;
		n += strlcpy(buf + n, e->key, size - n) + 1;
	}
	n += strlcpy(buf + n, "match", size - n) + 1;
	text_vis(buf + n, EVIDENCE_LEN, line.p, line.n);
	return n + strlen(buf + n) + 1;
}

static void
say_run(const struct conf_run *r, const struct run_values *v)
{
	static char	 args[RUN_ARGS_MAX], text[RUN_ARGS_MAX + 64];
	const char	*p = args, *end;
	char		 span[SPAN_STRLEN];

	end = p + run_argv_fill(args, sizeof(args), r->text, r->len, v);
	strlcpy(text, r->w.when == RUN_UNBAN ? "at its end run" : "run",
	    sizeof(text));
	for (; p < end; p += strlen(p) + 1) {
		strlcat(text, " ", sizeof(text));
		strlcat(text, p, sizeof(text));
	}
	if (r->w.delay > 0) {
		strlcat(text, " after ", sizeof(text));
		strlcat(text, span_print(r->w.delay, span), sizeof(text));
	}
	trace_effect(text);
}

void
trace_runs(const struct watch *w, uint32_t count, const struct prefix *addr)
{
	static char		 values[VALUES_ROOM];
	const struct conf_run	*r;
	struct prefix		 net;
	struct run_values	 v = { w->conf->w.name, addr, &net, count,
				    values, 0 };

	if (line.nevents == 0)
		return;
	conf_covers(watch_global(), w->conf, addr, &net);
	v.len = gather_values(&line.events[line.nevents - 1], values,
	    sizeof(values));
	TAILQ_FOREACH(r, &w->conf->runs, entry)
		if ((r->w.family == 0 || r->w.family == addr->family) &&
		    (r->w.when == RUN_OFFENCE || addr->family != 0))
			say_run(r, &v);
}

void
trace_note(const char *text)
{
	line.note = text;
}

/* --- for people --------------------------------------------------------- */

static const char *
visible(const char *p, size_t n)
{
	static char	buf[TEXT_ROOM];

	text_vis(buf, sizeof(buf), p, n);
	return buf;
}

static void
print_values(const struct event *e)
{
	const char	*p = e->values;
	size_t		 i;

	for (i = 0; i < e->nvalues; i++) {
		printf("%s%s ", i == 0 ? "" : ", ", p);
		p += strlen(p) + 1;
		fputs(p, stdout);
		p += strlen(p) + 1;
	}
}

static void
print_event(const struct event *e)
{
	static const char	*results[] = {
		[TRACE_COUNTED] = "match", [TRACE_IGNORED] = "ignored",
		[TRACE_EXEMPT] = "exempt", [TRACE_CANCELLED] = "cancel"
	};

	printf("\t%s", e->is_user ? "user" : results[e->result]);
	if (e->where != NULL)
		printf(" by %s", e->where);
	if (e->nvalues > 0) {
		fputs(": ", stdout);
		print_values(e);
	}
	putchar('\n');
	if (e->result == TRACE_CANCELLED)
		printf("\tforget %s\n", e->key);
	if (e->after > 0 && e->is_user)
		printf("\tcount %s: %u address%s, %u allowed\n", e->key,
		    e->total, e->total == 1 ? "" : "es", e->after);
	else if (e->after > 0)
		printf("\tcount %s: %u of %u\n", e->key, e->total, e->after);
	if (*e->effect != '\0')
		printf("\teffect %s\n", e->effect);
}

static void
print_line(void)
{
	char		at[WALL_STRLEN];
	unsigned int	i;

	printf("%s:%llu: ", visible(line.file, strlen(line.file)),
	    (unsigned long long)all.number);
	puts(visible(line.p, line.n));
	if (line.timed) {
		printf("\ttime %s", wall_print(line.at, at));
		if (line.format == NULL)
			puts(", the line has none");
		else if (line.date_len == 0)
			printf(", %s\n", line.format);
		else
			printf(" from \"%s\"\n", visible(line.date,
			    line.date_len));
	}
	for (i = 0; i < line.nevents; i++)
		print_event(&line.events[i]);
	if (line.nevents == 0)
		printf("\t%s\n", line.note != NULL ? line.note : "no match");
}

/* --- for machines ------------------------------------------------------- */

static void
put_string(const char *s)
{
	putchar('"');
	for (; *s != '\0'; s++) {
		if (*s == '"' || *s == '\\')
			putchar('\\');
		putchar(*s);
	}
	putchar('"');
}

static void
put_field(const char *name, const char *s)
{
	printf(",\"%s\":", name);
	put_string(s);
}

static void
put_event(const struct event *e)
{
	static const char	*results[] = {
		[TRACE_COUNTED] = "counted", [TRACE_IGNORED] = "ignored",
		[TRACE_EXEMPT] = "exempt", [TRACE_CANCELLED] = "cancelled"
	};
	const char		*p = e->values;
	size_t			 i;

	printf("{\"result\":\"%s\"", results[e->result]);
	if (e->where != NULL)
		put_field("pattern", e->where);
	fputs(",\"values\":{", stdout);
	for (i = 0; i < e->nvalues; i++) {
		if (i > 0)
			putchar(',');
		put_string(p);
		p += strlen(p) + 1;
		putchar(':');
		put_string(p);
		p += strlen(p) + 1;
	}
	putchar('}');
	if (*e->key != '\0')
		put_field(e->is_user ? "user" : "key", e->key);
	if (e->after > 0)
		printf(",\"count\":%u,\"of\":%u", e->total, e->after);
	if (*e->effect != '\0')
		put_field("effect", e->effect);
	putchar('}');
}

static void
put_line(void)
{
	char		at[WALL_STRLEN];
	unsigned int	i;

	fputs("{\"file\":", stdout);
	put_string(visible(line.file, strlen(line.file)));
	printf(",\"number\":%llu", (unsigned long long)all.number);
	put_field("line", visible(line.p, line.n));
	if (line.timed)
		put_field("time", wall_print(line.at, at));
	if (line.format != NULL) {
		put_field("date", visible(line.date, line.date_len));
		put_field("format", line.format);
	}
	if (line.note != NULL)
		put_field("note", line.note);
	fputs(",\"matches\":[", stdout);
	for (i = 0; i < line.nevents; i++) {
		if (i > 0)
			putchar(',');
		put_event(&line.events[i]);
	}
	puts("]}");
}

/* --- all ---------------------------------------------------------------- */

static int
has_result(enum trace_result r)
{
	unsigned int	i;

	for (i = 0; i < line.nevents; i++)
		if (line.events[i].result == r)
			return 1;
	return 0;
}

void
trace_end(void)
{
	unsigned int	i;

	if (has_result(TRACE_COUNTED))
		all.matched++;
	else if (has_result(TRACE_CANCELLED))
		all.cancelled++;
	else if (line.nevents > 0)
		all.ignored++;
	else if (line.note != NULL)
		all.noted++;
	else
		all.missed++;
	for (i = 0; i < line.nevents; i++)
		all.effects += *line.events[i].effect != '\0';
	if (json)
		put_line();
	else
		print_line();
}

static uint64_t
hits_of(const struct conf_pattern *p)
{
	size_t	i;

	for (i = 0; i < all.nhits; i++)
		if (all.hits[i].pattern == p)
			return all.hits[i].n;
	return 0;
}

static int
is_shown(const struct conf_pattern *p)
{
	return p->w.kind == PATTERN_MATCH || p->w.kind == PATTERN_CANCEL ||
	    p->w.kind == PATTERN_FAIL;
}

/* As it was written: a backslash is one. */
static const char *
written(const struct conf_pattern *p)
{
	static char	 buf[4 * WRITTEN_LEN];
	const char	*s = visible(p->w.written, strlen(p->w.written));
	size_t		 n = 0;

	for (; *s != '\0' && n < sizeof(buf) - 1; s++) {
		buf[n++] = *s;
		if (*s == '\\' && s[1] == '\\')
			s++;
	}
	buf[n] = '\0';
	return buf;
}

static void
print_summary(const struct watch *w)
{
	const struct conf_pattern	*p;
	size_t				 i;

	printf("\n%llu line%s: %llu matched, %llu missed, %llu ignored or "
	    "exempt, %llu cancelled, %llu not counted\n",
	    (unsigned long long)all.lines, all.lines == 1 ? "" : "s",
	    (unsigned long long)all.matched, (unsigned long long)all.missed,
	    (unsigned long long)all.ignored,
	    (unsigned long long)all.cancelled,
	    (unsigned long long)all.noted);
	printf("%llu with an effect, %llu without a date, %llu limits hit\n",
	    (unsigned long long)all.effects, (unsigned long long)all.undated,
	    (unsigned long long)w->stats.limits);
	if (!TAILQ_EMPTY(&w->conf->patterns))
		puts("patterns:");
	TAILQ_FOREACH(p, &w->conf->patterns, entry)
		if (is_shown(p))
			printf("\t%8llu  %s  %s\n",
			    (unsigned long long)hits_of(p), p->w.where,
			    written(p));
	if (all.nformats > 0)
		puts("dates:");
	for (i = 0; i < all.nformats; i++)
		printf("\t%8llu  %s\n", (unsigned long long)all.formats[i].n,
		    all.formats[i].name);
}

static void
put_patterns(const struct watch *w)
{
	const struct conf_pattern	*p;
	const char			*comma = "";

	fputs(",\"patterns\":[", stdout);
	TAILQ_FOREACH(p, &w->conf->patterns, entry) {
		if (!is_shown(p))
			continue;
		printf("%s{\"hits\":%llu", comma,
		    (unsigned long long)hits_of(p));
		put_field("pattern", p->w.where);
		put_field("written", written(p));
		putchar('}');
		comma = ",";
	}
	putchar(']');
}

static void
put_summary(const struct watch *w)
{
	size_t	i;

	printf("{\"summary\":{\"lines\":%llu,\"matched\":%llu,"
	    "\"missed\":%llu,\"ignored\":%llu,\"cancelled\":%llu,"
	    "\"not_counted\":%llu,\"effects\":%llu,\"without_date\":%llu,"
	    "\"limits\":%llu",
	    (unsigned long long)all.lines, (unsigned long long)all.matched,
	    (unsigned long long)all.missed, (unsigned long long)all.ignored,
	    (unsigned long long)all.cancelled, (unsigned long long)all.noted,
	    (unsigned long long)all.effects, (unsigned long long)all.undated,
	    (unsigned long long)w->stats.limits);
	put_patterns(w);
	fputs(",\"dates\":[", stdout);
	for (i = 0; i < all.nformats; i++) {
		printf("%s{\"lines\":%llu", i == 0 ? "" : ",",
		    (unsigned long long)all.formats[i].n);
		put_field("format", all.formats[i].name);
		putchar('}');
	}
	puts("]}}");
}

void
trace_summary(const struct watch *w)
{
	if (json)
		put_summary(w);
	else
		print_summary(w);
	trace_flush();
}

/*
 * /metrics: the table of counter.h, as `show metrics` has it, and rows of the
 * watches with the watch's name as a label.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>

#include "control_mux.h"
#include "control_page.h"
#include "control_snap.h"
#include "ctl_buf.h"
#include "version.h"

static const struct {
	const char	*name, *type, *help;
	size_t		 off;
} watch_metrics[] = {
#define W(member, name, type, help)					\
	{ "refract_watch_" name, type, help,				\
	  offsetof(struct row_watch, member) }
	W(lines, "lines_total", "counter", "Log lines read"),
	W(matches, "matches_total", "counter",
	    "Log lines that counted for the watch's rule"),
	W(ignored, "matches_ignored_total", "counter",
	    "Matches that did not count: ignored, exempt, never to be banned"),
	W(limits, "regex_limits_total", "counter",
	    "Searches that PCRE2's limits ended"),
	W(unparsed, "lines_unparsed_total", "counter",
	    "Log lines that no grammar or pattern knew"),
	W(offences, "offences_total", "counter", "Decisions to ban"),
	W(lost, "log_bytes_lost_total", "counter",
	    "Log bytes that were gone before they could be read"),
	W(users, "users", "gauge", "Users and keys that are remembered now")
#undef W
};

static void
heading(struct evbuffer *out, const char *name, const char *type,
    const char *help)
{
	evbuffer_add_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help,
	    name, type);
}

void
metrics_label(struct evbuffer *out, const char *value)
{
	char text[MUX_HOST_LEN * 4 + 1];
	struct obuf o = OBUF(text);
	const char *s;

	obuf_clear(&o);
	obuf_vis(&o, value, strlen(value), OBUF_RAW);
	for (s = text; *s != '\0'; s++)
		evbuffer_add_printf(out, "%s%c",
		    *s == '\\' || *s == '"' ? "\\" : "", *s);
}

static void
put_watches(struct evbuffer *out, const struct snap *snap, size_t metric)
{
	uint64_t n;
	size_t i;

	if (snap->nwatches == 0)
		return;
	heading(out, watch_metrics[metric].name, watch_metrics[metric].type,
	    watch_metrics[metric].help);
	for (i = 0; i < snap->nwatches; i++) {
		memcpy(&n, (const char *)&snap->watches[i] +
		    watch_metrics[metric].off, sizeof(n));
		evbuffer_add_printf(out, "%s{watch=\"",
		    watch_metrics[metric].name);
		metrics_label(out, snap->watches[i].name);
		evbuffer_add_printf(out, "\"} %" PRIu64 "\n", n);
	}
}

void
page_metrics(struct evbuffer *out, const struct snap *snap)
{
	size_t i;

	heading(out, "refract_build_info", "gauge", "What runs here: always 1");
	evbuffer_add_printf(out, "refract_build_info{version=\"%s\","
	    "build=\"%s\"} 1\n", VERSION, BUILD_ID);
	for (i = 0; i < COUNTER_MAX; i++) {
		if (!snap->known[i])
			continue;
		heading(out, counter_table[i].name,
		    counter_table[i].kind == COUNTER_GAUGE ? "gauge" :
		    "counter", counter_table[i].help);
		evbuffer_add_printf(out, "%s %" PRIu64 "\n",
		    counter_table[i].name, snap->values[i]);
	}
	for (i = 0; i < sizeof(watch_metrics) / sizeof(watch_metrics[0]); i++)
		put_watches(out, snap, i);
	mux_metrics(out);
}

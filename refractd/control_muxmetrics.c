/*
 * Numbers of listeners and members for /metrics, with their names as labels.
 */
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include <event2/buffer.h>

#include "control_mux.h"
#include "control_page.h"
#include "ctl_buf.h"
#include "shared.h"

struct metric {
	const char	*name, *type, *help;
	size_t		 off;
	const char	*more;		/* another label, or NULL */
	double		 scale;		/* 0: a number as it is */
};

#define L(member, name, type, help, more)				\
	{ "refract_listener_" name, type, help,				\
	  offsetof(struct row_listener, member), more, 0 }
static const struct metric	listener_metrics[] = {
	L(connections, "connections", "gauge", "Connections now", NULL),
	L(total, "connections_total", "counter", "Connections taken", NULL),
	L(bytes[0], "bytes_total", "counter", "Bytes relayed",
	    "way=\"in\""),
	L(bytes[1], "bytes_total", NULL, NULL, "way=\"out\""),
	L(limits[0], "limited_total", "counter",
	    "Connections that a limit refused", "limit=\"connections\""),
	L(limits[1], "limited_total", NULL, NULL, "limit=\"address\""),
	L(limits[2], "limited_total", NULL, NULL, "limit=\"rate\"")
};
#undef L

#define M(member, name, type, help, more, scale)			\
	{ "refract_member_" name, type, help,				\
	  offsetof(struct row_member, member), more, scale }
static const struct metric	member_metrics[] = {
	M(connections, "connections", "gauge", "Connections now", NULL, 0),
	M(total, "connections_total", "counter", "Connections made", NULL, 0),
	M(errors, "errors_total", "counter", "Connects that failed", NULL, 0),
	M(bytes[0], "bytes_total", "counter", "Bytes relayed", "way=\"in\"",
	    0),
	M(bytes[1], "bytes_total", NULL, NULL, "way=\"out\"", 0),
	M(latency.connect[0], "connect_seconds", "summary",
	    "Time to connect to it", "quantile=\"0.5\"", 1e-6),
	M(latency.connect[1], "connect_seconds", NULL, NULL,
	    "quantile=\"0.99\"", 1e-6),
	M(latency.first[0], "first_byte_seconds", "summary",
	    "Time until its first byte", "quantile=\"0.5\"", 1e-6),
	M(latency.first[1], "first_byte_seconds", NULL, NULL,
	    "quantile=\"0.99\"", 1e-6)
};
#undef M

#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))

static void
heading(struct evbuffer *out, const char *name, const char *type,
    const char *help)
{
	evbuffer_add_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help,
	    name, type);
}

static void
value(struct evbuffer *out, const struct metric *m, const void *row)
{
	uint64_t	n;

	memcpy(&n, (const char *)row + m->off, sizeof(n));
	if (m->more != NULL)
		evbuffer_add_printf(out, ",%s", m->more);
	if (m->scale > 0)
		evbuffer_add_printf(out, "} %g\n", (double)n * m->scale);
	else
		evbuffer_add_printf(out, "} %" PRIu64 "\n", n);
}

static void
labels(struct evbuffer *out, const char *name, const char *first,
    const char *text)
{
	evbuffer_add_printf(out, "%s{%s=\"", name, first);
	metrics_label(out, text);
	evbuffer_add_printf(out, "\"");
}

static void
listeners(struct evbuffer *out, const struct metric *m)
{
	union mux_row	row;
	uint64_t	i;

	for (i = 0; mux_row(&row, SHOW_LISTENERS, i); i++) {
		labels(out, m->name, "listener", row.listener.name);
		value(out, m, &row.listener);
	}
}

static void
ends(struct evbuffer *out)
{
	static const char	name[] = "refract_listener_ended_total";
	union mux_row		row;
	uint64_t		i;
	unsigned int		why;

	heading(out, name, "counter", "Connections ended, by how they did");
	for (i = 0; mux_row(&row, SHOW_LISTENERS, i); i++)
		for (why = 0; why < END_MAX; why++) {
			labels(out, name, "listener", row.listener.name);
			evbuffer_add_printf(out, ",why=\"%s\"} %" PRIu64 "\n",
			    end_reason_name(why), row.listener.ended[why]);
		}
}

static void
member_labels(struct evbuffer *out, const char *name,
    const struct row_member *m)
{
	labels(out, name, "pool", m->pool);
	evbuffer_add_printf(out, ",member=\"");
	metrics_label(out, m->name);
	evbuffer_add_printf(out, "\"");
}

static void
members(struct evbuffer *out, const struct metric *m)
{
	union mux_row	row;
	uint64_t	i;

	for (i = 0; mux_row(&row, SHOW_POOLS, i); i++) {
		member_labels(out, m->name, &row.member);
		value(out, m, &row.member);
	}
}

static void
states(struct evbuffer *out)
{
	static const char	name[] = "refract_member_up";
	union mux_row		row;
	uint64_t		i;

	heading(out, name, "gauge", "1 if it gets connections");
	for (i = 0; mux_row(&row, SHOW_POOLS, i); i++) {
		member_labels(out, name, &row.member);
		evbuffer_add_printf(out, "} %d\n",
		    row.member.state == MEMBER_UP);
	}
}

void
mux_metrics(struct evbuffer *out)
{
	union mux_row		 row;
	const struct metric	*m;

	if (!mux_row(&row, SHOW_LISTENERS, 0))
		return;
	for (m = listener_metrics; m < listener_metrics +
	    COUNT(listener_metrics); m++) {
		if (m->help != NULL)
			heading(out, m->name, m->type, m->help);
		listeners(out, m);
	}
	ends(out);
	if (!mux_row(&row, SHOW_POOLS, 0))
		return;
	states(out);
	for (m = member_metrics; m < member_metrics + COUNT(member_metrics);
	    m++) {
		if (m->help != NULL)
			heading(out, m->name, m->type, m->help);
		members(out, m);
	}
}

/*
 * The page.  Its tables are those of refractctl (ctl_columns.c), cell by cell;
 * every cell goes through vis(3) there and is escaped for HTML here.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <event2/buffer.h>

#include "control_mux.h"
#include "control_page.h"
#include "control_rates.h"
#include "control_snap.h"
#include "ctl_output.h"
#include "version.h"

#define CELL_MAX	8192
#define REFRESH		30	/* seconds */
#define WATCHES_MAX	100	/* on the page */
#define MUX_ROWS_MAX	200
#define PLOTS_MAX	32	/* watches that have drawings */

static char	host[256];

const char page_style[] =
":root{color-scheme:light dark;--bg:#f6f7f9;--card:#fff;--fg:#1b1f24;"
"--dim:#5d6672;--line:#dfe3e8;--good:#1a7f42;--bad:#b3261e;--goodbg:#e4f4ea;"
"--badbg:#fcebea;--a:#2f6fb4;--b:#b3261e;--c:#8250a8;--none:#eceff2}\n"
"@media(prefers-color-scheme:dark){:root{--bg:#12151a;--card:#1b2027;"
"--fg:#e6e9ed;--dim:#98a2ae;--line:#303842;--good:#6fcf8f;--bad:#ff8a80;"
"--goodbg:#16301f;--badbg:#3c1a18;--a:#6aa9ea;--b:#ff8a80;--c:#c59be6;"
"--none:#232a33}}\n"
"*{box-sizing:border-box}\n"
"body{margin:0;background:var(--bg);color:var(--fg);"
"font:15px/1.45 system-ui,sans-serif;font-variant-numeric:tabular-nums}\n"
"header,main,footer{max-width:1100px;margin:0 auto;padding:0 16px}\n"
"h1{font-size:20px;margin:16px 0 10px;overflow-wrap:anywhere}\n"
"h1 small,h2 small{color:var(--dim);font-weight:400}\n"
"h2{font-size:16px;margin:26px 0 8px}\n"
"h3{font-size:15px;margin:0 0 6px;overflow-wrap:anywhere}\n"
".state{margin:0;padding:12px 16px;border-radius:10px;font-size:18px;"
"font-weight:600}\n"
".good{background:var(--goodbg);color:var(--good)}\n"
".bad{background:var(--badbg);color:var(--bad)}\n"
".notices{margin:10px 0 0;padding:0;list-style:none}\n"
".notices li,.notice{border-left:4px solid var(--bad);padding:6px 12px;"
"margin:6px 0;background:var(--card);overflow-wrap:anywhere}\n"
"dl{display:grid;gap:8px;margin:14px 0 0;"
"grid-template-columns:repeat(auto-fit,minmax(120px,1fr))}\n"
"dl div{background:var(--card);border:1px solid var(--line);"
"border-radius:10px;padding:8px 12px}\n"
"dt{color:var(--dim);font-size:13px}\n"
"dd{margin:0;font-size:18px;font-weight:600;overflow-wrap:anywhere}\n"
"article{background:var(--card);border:1px solid var(--line);"
"border-radius:10px;padding:12px 16px;margin:10px 0}\n"
"article dl{gap:2px 16px;margin:0 0 8px;"
"grid-template-columns:repeat(auto-fill,minmax(110px,1fr))}\n"
"article dl div{border:0;padding:0;border-radius:0}\n"
"dl .wide{grid-column:span 2}\n"
"article dl .wide{grid-column:1/-1}\n"
"article dd{font-size:15px}\n"
".plots{display:grid;gap:12px 20px;"
"grid-template-columns:repeat(auto-fit,minmax(260px,1fr))}\n"
"figure{margin:6px 0 0}\n"
"figcaption{font-size:13px;color:var(--dim)}\n"
"figcaption b{color:var(--fg)}\n"
"svg{display:block;width:100%;height:56px;margin-top:4px;"
"border-bottom:1px solid var(--dim)}\n"
"path{fill:var(--a)}\n"
".offences path{fill:var(--b)}\n"
".bans path{fill:var(--c)}\n"
"rect.none{fill:var(--none)}\n"
".axis{display:flex;justify-content:space-between;color:var(--dim);"
"font-size:11px}\n"
".scroll{overflow-x:auto;background:var(--card);border:1px solid var(--line);"
"border-radius:10px}\n"
"table{border-collapse:collapse;width:100%}\n"
"th,td{padding:6px 12px;text-align:left;white-space:nowrap}\n"
"th{color:var(--dim);font-size:12px;font-weight:600}\n"
"td{border-top:1px solid var(--line)}\n"
".right{text-align:right}\n"
".none{color:var(--dim)}\n"
"a{color:var(--a)}\n"
"footer{margin:26px auto 20px;color:var(--dim);font-size:13px}\n";

void
page_init(void)
{
	if (gethostname(host, sizeof(host)) == -1)
		host[0] = '\0';
	host[sizeof(host) - 1] = '\0';
}

static void
put(struct evbuffer *out, const char *s)
{
	evbuffer_add(out, s, strlen(s));
}

void
html_text(struct evbuffer *out, const char *s)
{
	size_t n;

	for (; *s != '\0'; s++) {
		n = strcspn(s, "&<>\"'");
		evbuffer_add(out, s, n);
		s += n;
		if (*s == '\0')
			break;
		evbuffer_add_printf(out, "&#%d;", *s);
	}
}

/* Outside bytes that were not through vis(3). */
static void
raw_text(struct evbuffer *out, const char *s)
{
	char text[CELL_MAX];
	struct obuf o = OBUF(text);

	obuf_clear(&o);
	obuf_vis(&o, s, strlen(s), OBUF_DONE);
	html_text(out, text);
}

/* --- What columns say ---------------------------------------------------- */

static const char *
cell(char text[CELL_MAX], const struct column *c, const void *row, wall_t now)
{
	struct obuf o = { text, 0, CELL_MAX, 0 };

	obuf_clear(&o);
	field_text(&o, c, row, now, 0);
	return text;
}

static int
in_table(const struct column *c)
{
	return (c->flags & (COLF_JSON | COLF_BELOW)) == 0;
}

static const char *
alignment(const struct column *c)
{
	return (c->flags & COLF_RIGHT) ? " class=\"right\"" : "";
}

static void
put_head(struct evbuffer *out, const struct rowtype *t)
{
	const struct column *c;

	put(out, "<div class=\"scroll\"><table><thead><tr>");
	for (c = t->columns; c->title != NULL; c++)
		if (in_table(c)) {
			evbuffer_add_printf(out, "<th%s>", alignment(c));
			html_text(out, c->title);
			put(out, "</th>");
		}
	put(out, "</tr></thead><tbody>\n");
}

static void
put_row(struct evbuffer *out, const struct rowtype *t, const void *row,
    wall_t now)
{
	const struct column *c;
	char text[CELL_MAX];

	put(out, "<tr>");
	for (c = t->columns; c->title != NULL; c++)
		if (in_table(c)) {
			evbuffer_add_printf(out, "<td%s>", alignment(c));
			html_text(out, cell(text, c, row, now));
			put(out, "</td>");
		}
	put(out, "</tr>\n");
}

static void
put_table(struct evbuffer *out, uint32_t what, const void *rows, size_t n,
    wall_t now)
{
	const struct rowtype *t = row_type(what);
	const char *row = rows;

	if (n == 0) {
		evbuffer_add_printf(out, "<p class=\"none\">%s</p>\n", t->none);
		return;
	}
	put_head(out, t);
	for (; n > 0; n--, row += t->size)
		put_row(out, t, row, now);
	put(out, "</tbody></table></div>\n");
}

/* Is it one of the columns that have a place of their own? */
static int
is_apart(const struct column *c)
{
	static const char *const keys[] = {
		"healthy", "notices", "version", "watch", "notice"
	};
	size_t i;

	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (strcmp(c->key, keys[i]) == 0)
			return 1;
	return (c->flags & COLF_JSON) != 0;
}

static void
put_facts(struct evbuffer *out, uint32_t what, const void *row, wall_t now)
{
	const struct column *c;
	char text[CELL_MAX];

	put(out, "<dl>");
	for (c = row_type(what)->columns; c->title != NULL; c++) {
		if (is_apart(c) || *cell(text, c, row, now) == '\0')
			continue;
		evbuffer_add_printf(out, "<div%s><dt>", c->type == COL_STR ||
		    (c->type == COL_AGE && what == SHOW_SUMMARY) ?
		    " class=\"wide\"" : "");
		html_text(out, c->title);
		put(out, "</dt><dd>");
		html_text(out, text);
		put(out, "</dd></div>");
	}
	put(out, "</dl>\n");
}

/* --- The page ------------------------------------------------------------ */

static void
put_top(struct evbuffer *out, const struct snap *snap)
{
	put(out, "<!DOCTYPE html>\n<html lang=\"en\"><head>"
	    "<meta charset=\"utf-8\">\n<meta name=\"viewport\" "
	    "content=\"width=device-width, initial-scale=1\">\n");
	if (snap->from == 0)
		evbuffer_add_printf(out, "<meta http-equiv=\"refresh\" "
		    "content=\"%d\">\n", REFRESH);
	put(out, "<link rel=\"stylesheet\" href=\"/style.css\">\n<title>");
	raw_text(out, host);
	put(out, ": refract</title></head>\n<body>\n<header><h1>refract "
	    "<small>on ");
	raw_text(out, host);
	put(out, "</small></h1>\n");
}

static void
put_health(struct evbuffer *out, const struct row_summary *s, wall_t now)
{
	const struct column *c = row_type(SHOW_SUMMARY)->columns;
	char text[CELL_MAX];
	size_t i, n = sizeof(s->notices) / sizeof(s->notices[0]);

	evbuffer_add_printf(out, "<p class=\"state %s\">",
	    s->ledger[0] == '\0' && s->notices[0][0] == '\0' ? "good" : "bad");
	html_text(out, cell(text, c, s, now));
	put(out, "</p>\n");
	if (s->notices[0][0] == '\0')
		return;
	put(out, "<ul class=\"notices\">");
	for (i = 0; i < n && s->notices[i][0] != '\0'; i++) {
		put(out, "<li>");
		raw_text(out, s->notices[i]);
		put(out, "</li>");
	}
	put(out, "</ul>\n");
}

static void
put_watch(struct evbuffer *out, const struct row_watch *w, int plots,
    wall_t now)
{
	put(out, "<article><h3>");
	raw_text(out, w->name);
	put(out, "</h3>\n");
	if (*w->notice != '\0') {
		put(out, "<p class=\"notice\">");
		raw_text(out, w->notice);
		put(out, "</p>\n");
	}
	put_facts(out, SHOW_WATCHES, w, now);
	if (plots) {
		put(out, "<div class=\"plots\">\n");
		rates_plot(out, w->hash, RATE_LINES);
		rates_plot(out, w->hash, RATE_OFFENCES);
		put(out, "</div>\n");
	}
	put(out, "</article>\n");
}

static void
put_watches(struct evbuffer *out, const struct snap *snap)
{
	size_t i;

	put(out, "<h2>Watches</h2>\n");
	if (snap->nwatches == 0)
		put(out, "<p class=\"none\">no watches</p>\n");
	for (i = 0; i < snap->nwatches && i < WATCHES_MAX; i++)
		put_watch(out, &snap->watches[i], i < PLOTS_MAX, snap->at);
	if (i < snap->nwatches)
		evbuffer_add_printf(out, "<p class=\"none\">and %zu more: "
		    "refractctl show watches</p>\n", snap->nwatches - i);
}

static void
put_bans(struct evbuffer *out, const struct snap *snap)
{
	evbuffer_add_printf(out, "<h2 id=\"bans\">Bans <small>%llu, the newest "
	    "first</small></h2>\n", (unsigned long long)snap->summary.bans);
	put_table(out, SHOW_BANS, snap->bans, snap->nbans, snap->at);
	if (snap->from == 0 && snap->next == 0)
		return;
	put(out, "<p>");
	if (snap->from != 0)
		put(out, "<a href=\"/#bans\">newest</a> ");
	if (snap->next != 0)
		evbuffer_add_printf(out, "<a href=\"/?from=%llu#bans\">older"
		    "</a>", (unsigned long long)snap->next);
	put(out, "</p>\n");
}

/* Listeners, pools: rows that control has itself. */
static void
put_mux(struct evbuffer *out, uint32_t what, const char *title, wall_t now)
{
	const struct rowtype *t = row_type(what);
	union mux_row row;
	uint64_t i;

	if (!mux_row(&row, what, 0))
		return;
	evbuffer_add_printf(out, "<h2>%s</h2>\n", title);
	put_head(out, t);
	for (i = 0; i < MUX_ROWS_MAX && mux_row(&row, what, i); i++)
		put_row(out, t, &row, now);
	put(out, "</tbody></table></div>\n");
}

static void
put_bottom(struct evbuffer *out, const struct snap *snap)
{
	char at[WALL_STRLEN];

	evbuffer_add_printf(out, "</main>\n<footer>%s, refract %s, "
	    "configuration %u. For machines: <a href=\"/metrics\">/metrics"
	    "</a></footer>\n</body></html>\n", wall_print(snap->at, at),
	    snap->summary.version, snap->summary.generation);
}

void
page_html(struct evbuffer *out, const struct snap *snap)
{
	put_top(out, snap);
	put_health(out, &snap->summary, snap->at);
	put_facts(out, SHOW_SUMMARY, &snap->summary, snap->at);
	put(out, "</header>\n<main>\n<h2>Last hours</h2>\n"
	    "<article class=\"plots\">\n");
	rates_plot(out, 0, RATE_BANS);
	rates_plot(out, 0, RATE_OFFENCES);
	rates_plot(out, 0, RATE_LINES);
	put(out, "</article>\n");
	put_watches(out, snap);
	put_mux(out, SHOW_LISTENERS, "Listeners", snap->at);
	put_mux(out, SHOW_POOLS, "Pools", snap->at);
	put_bans(out, snap);
	put(out, "<h2>Processes</h2>\n");
	put_table(out, SHOW_PROCESSES, snap->processes, snap->nprocesses,
	    snap->at);
	put_bottom(out, snap);
}

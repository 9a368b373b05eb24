/*
 * The status page's own parts: what is drawn of the last hours, what becomes
 * of hostile text, and the counters as Prometheus reads them.
 */
/* LINK: refractd/control_rates.o refractd/control_page.o */
/* LINK: refractd/control_metrics.o refractd/ctl_buf.o refractd/ctl_output.o */
/* LINK: refractd/ctl_field.o refractd/ctl_columns.o */
/* LINK: refractd/control_muxmetrics.o */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <event2/buffer.h>

#include "control_mux.h"
#include "control_page.h"
#include "control_rates.h"
#include "control_snap.h"

#define MINUTE	60000
#define START	(1000 * MINUTE)

static struct row_watch	 watch;
static struct snap	 snap = {
	.parts = SNAP_NUMBERS | SNAP_PEOPLE, .watches = &watch, .nwatches = 1
};
static char		 text[262144];

/* One listener and one member, if there is a mux at all. */
static int	have_mux;

int
mux_row(union mux_row *row, uint32_t what, uint64_t cursor)
{
	memset(row, 0, sizeof(*row));
	if (!have_mux || cursor != 0)
		return 0;
	if (what == SHOW_LISTENERS) {
		strlcpy(row->listener.name, "in<\"\\",
		    sizeof(row->listener.name));
		row->listener.total = 7;
		row->listener.ended[0] = 6;
	} else {
		strlcpy(row->member.pool, "web", sizeof(row->member.pool));
		strlcpy(row->member.name, "/run/x", sizeof(row->member.name));
		row->member.state = MEMBER_DOWN;
		row->member.latency.connect[1] = 1500;
	}
	return 1;
}

static const char *
taken(struct evbuffer *b)
{
	int n = evbuffer_remove(b, text, sizeof(text) - 1);

	assert_true(n >= 0 && evbuffer_get_length(b) == 0);
	text[n] = '\0';
	evbuffer_free(b);
	return text;
}

static const char *
plot(uint64_t hash, enum rate rate)
{
	struct evbuffer *b = evbuffer_new();

	rates_plot(b, hash, rate);
	return taken(b);
}

static void
sample(int64_t ms, uint64_t lines, uint64_t bans)
{
	snap.mono.ms = ms;
	snap.values[COUNT_ENF_BANS] = bans;
	watch.lines = snap.values[COUNT_PARSER_LINES] = lines;
	rates_sample(&snap);
}

static int
setup(void **state)
{
	(void)state;
	rates_clear();
	memset(&watch, 0, sizeof(watch));
	watch.hash = 7;
	memset(snap.known, 1, sizeof(snap.known));
	memset(snap.values, 0, sizeof(snap.values));
	snap.nwatches = 1;
	return 0;
}

static void
has(const char *all, const char *part)
{
	if (strstr(all, part) == NULL)
		fail_msg("no %s in %s", part, all);
}

static void
has_not(const char *all, const char *part)
{
	if (strstr(all, part) != NULL)
		fail_msg("%s in %s", part, all);
}

/* What was counted before the first sample is no rate. */
static void
first_sample(void **state)
{
	(void)state;
	assert_string_equal(plot(7, RATE_LINES), "");
	sample(START, 1000000, 3);
	has(plot(7, RATE_LINES), "0.0/s now, at most 0/min");
	has(text, "viewBox=\"0 0 60 48\"");
	has(text, "<rect class=\"none\" width=\"59\"");
	has(text, "<path d=\"\"/>");
	has(plot(0, RATE_BANS), "at most 3 at once");
	has(text, "M59 48v-48h1v48z");
}

static void
minutes(void **state)
{
	(void)state;
	sample(START, 0, 0);
	sample(START + 10000, 100, 5);
	sample(START + 20000, 300, 2);
	sample(START + MINUTE, 450, 2);
	has(plot(7, RATE_LINES), "3.8/s now, at most 300/min");
	has(text, "d=\"M58 48v-48h1v48zM59 48v-24h1v24z\"");
	has(plot(0, RATE_LINES), "at most 300/min");
	has(plot(0, RATE_BANS), "at most 5 at once");
	has(text, "d=\"M58 48v-48h1v48zM59 48v-19h1v19z\"");
}

static void
too_soon(void **state)
{
	(void)state;
	sample(START, 0, 0);
	sample(START + 9000, 77, 0);
	has(plot(7, RATE_LINES), "at most 0/min");
	sample(START + 10000, 77, 0);
	has(plot(7, RATE_LINES), "7.7/s now, at most 77/min");
}

/* It began anew: it did not count back. */
static void
counter_back(void **state)
{
	(void)state;
	sample(START, 1000, 0);
	sample(START + 10000, 5, 0);
	has(plot(7, RATE_LINES), "0.0/s now, at most 0/min");
	sample(START + 20000, 25, 0);
	has(plot(7, RATE_LINES), "2.0/s now, at most 20/min");
}

static void
hours(void **state)
{
	uint64_t lines = 0;
	int i;

	(void)state;
	for (i = 0; i < 61; i++)
		sample(START + i * MINUTE, lines += 6, 0);
	has(plot(7, RATE_LINES), "viewBox=\"0 0 180 48\"");
	has(text, "<span>3 h ago</span><span>90 min</span>");
	for (; i < 500; i++)
		sample(START + i * MINUTE, lines += 6, 0);
	has(plot(7, RATE_LINES), "viewBox=\"0 0 360 48\"");
	has_not(text, "<rect");
	has(text, "d=\"M0 48v-48h360v48z\"");
	/* Longer asleep than there are minutes. */
	sample(START + 5000 * (int64_t)MINUTE, lines, 0);
	has(plot(7, RATE_LINES), "<rect class=\"none\" width=\"59\"");
	has(text, "<path d=\"\"/>");
}

static void
bounds(void **state)
{
	(void)state;
	sample(START, 0, UINT64_MAX);
	sample(START + 10000, UINT64_MAX, UINT64_MAX);
	has(plot(7, RATE_LINES), "at most 4294967294/min");
	has(plot(0, RATE_BANS), "at most 4294967294 at once");
	snap.nwatches = 0;
	sample(START + 20000, 0, 0);
	assert_string_equal(plot(7, RATE_LINES), "");
	has(plot(0, RATE_LINES), "<svg");
}

/* Who is not there has no rates; others have. */
static void
nobody_there(void **state)
{
	(void)state;
	memset(snap.known, 0, sizeof(snap.known));
	snap.known[COUNT_ENF_BANS] = 1;
	sample(START, 0, 1);
	assert_string_equal(plot(0, RATE_LINES), "");
	has(plot(0, RATE_BANS), "at most 1 at once");
}

static void
escapes(void **state)
{
	struct evbuffer *b = evbuffer_new();

	(void)state;
	html_text(b, "a<b>&\"c'");
	html_text(b, "");
	html_text(b, "plain");
	assert_string_equal(taken(b),
	    "a&#60;b&#62;&#38;&#34;c&#39;plain");
}

static const char *
whole_page(void)
{
	struct evbuffer *b = evbuffer_new();

	page_html(b, &snap);
	return taken(b);
}

static void
page(void **state)
{
	struct row_ban *ban = &snap.bans[0];

	(void)state;
	strlcpy(watch.name, "<w>\033", sizeof(watch.name));
	strlcpy(watch.source, "\"><script>", sizeof(watch.source));
	strlcpy(watch.notice, "'n' & <n>", sizeof(watch.notice));
	assert_int_equal(addr_parse(&ban->ban.prefix, "192.0.2.1", 9), 0);
	strlcpy(ban->ban.subject, "</td>\001", sizeof(ban->ban.subject));
	strlcpy(ban->watch, "<w>", sizeof(ban->watch));
	snap.nbans = 1;
	has(whole_page(), "<p class=\"state good\">healthy");
	has(text, "<h3>&#60;w&#62;\\033</h3>");
	has(text, "<dd>&#34;&#62;&#60;script&#62;</dd>");
	has(text, "<p class=\"notice\">&#39;n&#39; &#38; &#60;n&#62;</p>");
	has(text, "<td>&#60;w&#62;</td><td>&#60;/td&#62;\\001</td>");
	has(text, "http-equiv=\"refresh\"");
	has_not(text, "older");

	strlcpy(snap.summary.notices[0], "<bad>", TEXT_LEN);
	snap.from = 400;
	snap.next = 200;
	has(whole_page(), "<p class=\"state bad\">NEEDS ATTENTION");
	has(text, "<li>&#60;bad&#62;</li>");
	has(text, "<a href=\"/?from=200#bans\">older</a>");
	has_not(text, "http-equiv");
	snap.summary.notices[0][0] = '\0';
	strlcpy(snap.summary.ledger, "disk <full>", TEXT_LEN);
	has(whole_page(), "<p class=\"state bad\">NEEDS ATTENTION");
	has(text, "disk &#60;full&#62;");
	snap.summary.ledger[0] = '\0';
}

static void
metrics(void **state)
{
	struct evbuffer *b = evbuffer_new();

	(void)state;
	strlcpy(watch.name, "a\"b\\c\303\274", sizeof(watch.name));
	watch.lines = 12;
	snap.values[COUNT_ENF_BANS] = UINT64_MAX;
	snap.known[COUNT_LEDGER_COMMITS] = 0;
	page_metrics(b, &snap);
	has(taken(b), "# TYPE refract_bans gauge\n"
	    "refract_bans 18446744073709551615\n");
	has(text, "# TYPE refract_lines_total counter\n");
	has(text, "\nrefract_watch_lines_total{watch=\"a\\\"b\\\\134c\\\\303"
	    "\\\\274\"} 12\n");
	has_not(text, "refract_ledger_commits_total");
	has_not(text, "refract_listener");
}

static void
mux(void **state)
{
	struct evbuffer *b = evbuffer_new();

	(void)state;
	have_mux = 1;
	page_metrics(b, &snap);
	has(taken(b), "# TYPE refract_listener_connections_total counter\n"
	    "refract_listener_connections_total"
	    "{listener=\"in<\\\"\\\\134\"} 7\n");
	has(text, "\",why=\"closed\"} 6\n");
	has(text, "\nrefract_member_up{pool=\"web\",member=\"/run/x\"} 0\n");
	has(text, "\nrefract_member_connect_seconds{pool=\"web\","
	    "member=\"/run/x\",quantile=\"0.99\"} 0.0015\n");
	b = evbuffer_new();
	page_html(b, &snap);
	has(taken(b), "<h2>Listeners</h2>");
	has(text, "<td>in&#60;&#34;");
	has(text, "<td>down</td>");
	have_mux = 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(first_sample, setup),
		cmocka_unit_test_setup(minutes, setup),
		cmocka_unit_test_setup(too_soon, setup),
		cmocka_unit_test_setup(counter_back, setup),
		cmocka_unit_test_setup(hours, setup),
		cmocka_unit_test_setup(bounds, setup),
		cmocka_unit_test_setup(nobody_there, setup),
		cmocka_unit_test_setup(escapes, setup),
		cmocka_unit_test_setup(page, setup),
		cmocka_unit_test_setup(metrics, setup),
		cmocka_unit_test_setup(mux, setup)
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

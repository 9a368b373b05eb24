/*
 * Warnings about a watch.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "child.h"
#include "clock.h"
#include "log.h"
#include "pattern.h"
#include "tell.h"
#include "text.h"
#include "warn.h"
#include "watch.h"

#define QUARTER		(15 * 60 * 1000)	/* zones differ by these */

void
warn_notice(const struct watch *w, enum notice_kind kind, int sticky,
    const char *text)
{
	tell_notice(child_channel(ROLE_CONTROL, 0), w == NULL ? 0 : w->hash,
	    kind, sticky, text);
}

/* A sticky notice without text ends those of its watch. */
void
warn_clear(struct watch *w)
{
	if (w->warnings.said != 0)
		warn_notice(w, NOTICE_WATCH, 1, "");
	memset(&w->warnings, 0, sizeof(w->warnings));
}

static int
was_said(const struct watch *w, enum warning what)
{
	return (w->warnings.said & 1u << what) != 0;
}

static void __attribute__((__format__(printf, 3, 4)))
say(struct watch *w, enum warning what, const char *fmt, ...)
{
	char	*text = w->warnings.text[what], name[NAME_MAX_LEN * 2];
	va_list	 ap;
	int	 n;

	w->warnings.said |= 1u << what;
	text_vis(name, sizeof(name), w->conf->w.name,
	    strlen(w->conf->w.name));
	n = snprintf(text, TEXT_LEN, "watch %s: ", name);
	va_start(ap, fmt);
	vsnprintf(text + n, TEXT_LEN - (size_t)n, fmt, ap);
	va_end(ap);
	log_warnx("%s", text);
	warn_notice(w, NOTICE_WATCH, 1, text);
}

void
warn_masked(struct watch *w, const char *from, size_t n)
{
	char	shown[128];

	if (was_said(w, WARN_MASKED))
		return;
	text_vis(shown, sizeof(shown), from, n);
	say(w, WARN_MASKED, "the log hides addresses (\"%s\"), so limiting is "
	    "impossible: remove \"maskAddress\" from the \"log\" section of "
	    "Xray's configuration", shown);
}

void
warn_forwarded(struct watch *w)
{
	if (was_said(w, WARN_FORWARDED))
		return;
	say(w, WARN_FORWARDED, "lines with port 0 carry an address from "
	    "X-Forwarded-For, which a client can forge: they do not count "
	    "unless \"trust forwarded\" is set");
}

/* The zone the log seems to be written in, as `zone` takes it. */
static void
likely_zone(char *buf, size_t size, int64_t by, int32_t offset)
{
	int64_t	zone = offset + by / 1000;

	snprintf(buf, size, "%c%02d:%02d", zone < 0 ? '-' : '+',
	    (int)(llabs(zone) / 3600), (int)(llabs(zone) / 60 % 60));
}

void
warn_skewed(struct watch *w, int64_t by, int32_t offset)
{
	int64_t	quarter;
	char	span[SPAN_STRLEN], zone[16];

	if (was_said(w, WARN_SKEWED))
		return;
	quarter = (by + (by < 0 ? -QUARTER / 2 : QUARTER / 2)) / QUARTER *
	    QUARTER;
	span_human(llabs(by), span);
	if (quarter != 0 && llabs(by - quarter) < 120000 &&
	    llabs(quarter) <= 26 * 3600 * 1000) {
		likely_zone(zone, sizeof(zone), quarter, offset);
		say(w, WARN_SKEWED, "the log's time is %s %s this host's: its "
		    "zone is likely \"%s\" (see \"zone\"); new lines count "
		    "as now", span, by < 0 ? "behind" : "ahead of", zone);
		return;
	}
	say(w, WARN_SKEWED, "the log's time is %s %s this host's clock; new "
	    "lines count as now", span, by < 0 ? "behind" : "ahead of");
}

void
warn_long(struct watch *w, const char *file)
{
	char	shown[PATH_MAX_LEN / 2];

	if (was_said(w, WARN_LONG))
		return;
	text_vis(shown, sizeof(shown), file, strlen(file));
	say(w, WARN_LONG, "%s has lines longer than %u KiB: they are skipped",
	    shown, LINE_MAX_LEN / 1024);
}

void
warn_cut(struct watch *w, const char *file)
{
	char	shown[PATH_MAX_LEN / 2];

	if (was_said(w, WARN_CUT))
		return;
	text_vis(shown, sizeof(shown), file, strlen(file));
	say(w, WARN_CUT, "%s has lines longer than %u bytes: what comes after "
	    "is not looked at", shown, PATTERN_LINE_MAX - 1);
}

void
warn_limits(struct watch *w, const char *where, uint64_t limits,
    uint64_t tried)
{
	say(w, WARN_LIMITS, "the regex at %s takes too long: of %" PRIu64
	    " lines that it was tried on it was given up on %" PRIu64
	    ", and they count as not matched", where, tried, limits);
}

void
warn_gap(struct watch *w, const char *file, uint64_t n)
{
	char	shown[PATH_MAX_LEN / 2];

	text_vis(shown, sizeof(shown), file, strlen(file));
	say(w, WARN_GAP, "%s as it was read is gone (compressed, deleted or "
	    "cut): %" PRIu64 " bytes that were seen could not be read, nor "
	    "what was written after them", shown, n);
}

static struct crowd *
crowd_of(struct warnings *ws, const struct prefix *p)
{
	struct crowd	*c;
	unsigned int	 i;

	for (i = 0; i < CROWDS; i++)
		if (ws->crowds[i].n > 0 &&
		    prefix_cmp(&ws->crowds[i].addr, p) == 0)
			return &ws->crowds[i];
	c = &ws->crowds[ws->next++ % CROWDS];
	c->addr = *p;
	c->n = 0;
	return c;
}

void
warn_user(struct watch *w, const struct prefix *p, uint32_t user)
{
	char		 addr[PREFIX_STRLEN];
	struct crowd	*c;
	unsigned int	 i;

	if (was_said(w, WARN_PROXY) ||
	    (!prefix_is_private(p) && !watch_is_protected(p)))
		return;
	c = crowd_of(&w->warnings, p);
	for (i = 0; i < c->n; i++)
		if (c->users[i] == user)
			return;
	c->users[c->n++] = user;
	if (c->n == CROWD)
		say(w, WARN_PROXY, "several users come from %s, so a proxy "
		    "stands before Xray and PROXY protocol is missing: every "
		    "client has its address (see PROXY protocol in "
		    "refract.conf(5))", prefix_print(p, addr));
}

const char *
warn_text(const struct watch *w)
{
	enum warning	i;

	for (i = 0; i < WARN_MAX; i++)
		if (was_said(w, i))
			return w->warnings.text[i];
	return "";
}

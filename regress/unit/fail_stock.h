/*
 * The parser around line.c, and fail2ban's filters in a watch of it: for
 * fail_stock.c and fail_redos.c, which say what an offence is.
 */
#ifndef FAIL_STOCK_H
#define FAIL_STOCK_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <setjmp.h>
#include <string.h>

#include <cmocka.h>

#include "checkpoint.h"
#include "conf.h"
#include "decide.h"
#include "f2b.h"
#include "line.h"
#include "resume.h"
#include "users.h"
#include "warn.h"
#include "watch.h"
#include "zone.h"

#define NOW	1124013600000LL		/* of fail2ban's tests */

static struct wire_global global;
static unsigned int	 nwarned;	/* regexes that hit limits */

void
checkpoint_user(uint32_t number)
{
	assert_non_null(users_at(number));
}

void
checkpoint_touch(void)
{
}

void
resume_until(struct watch *w, logtime_t at)
{
	assert_non_null(w);
	assert_true(at >= 0);
}

const struct wire_global *
watch_global(void)
{
	return &global;
}

int
watch_is_protected(const struct prefix *p)
{
	return p->family == 0;
}

struct watch *
watch_byhash(uint64_t hash)
{
	assert_int_equal(hash, 0);
	return NULL;
}

logtime_t
watch_when(struct watch *w, logtime_t stamp, int live, wall_t now)
{
	assert_true(!live && now == NOW);
	return w->last = stamp;
}

wall_t
watch_decided(logtime_t at, wall_t now)
{
	assert_int_equal(now, NOW);
	return at;
}

void
watch_unparsed(struct watch *w)
{
	w->stats.unparsed++;
}

int
watch_too_long(struct watch *w, const struct block *b, size_t n)
{
	assert_non_null(w);
	assert_non_null(b);
	return n > LINE_MAX_LEN;
}

void
warn_cut(struct watch *w, const char *file)
{
	fail_msg("%s: %s is cut", w->conf->w.name, file);
}

void
warn_limits(struct watch *w, const char *at, uint64_t limits, uint64_t tried)
{
	print_message("# %s: %s: gave up %u times of %u\n", w->conf->w.name,
	    at, (unsigned int)limits, (unsigned int)tried);
	nwarned++;
}

uint64_t
block_identity(const struct block *b)
{
	return b->identity;
}

const char *
block_name(const struct block *b)
{
	return b->name;
}

/* A line without a date is of the time of the last one that had one. */
stamp_t
file_last(const struct file *f)
{
	return ((const struct watch *)(const void *)f)->last * 1000;
}

/* Filters. */

static void
add_regexes(struct conf_watch *cw, uint32_t filter,
    const struct f2b_regexes *list, enum pattern_kind kind)
{
	static uint32_t		 id;
	struct conf_pattern	*p;
	size_t			 i;

	for (i = 0; i < list->n; i++) {
		assert_non_null(p = calloc(1, sizeof(*p)));
		p->w.id = ++id;
		p->w.filter = filter;
		p->w.kind = kind;
		strlcpy(p->w.where, list->list[i].where, sizeof(p->w.where));
		p->text = strdup(list->list[i].text);
		p->len = strlen(p->text) + 1;
		TAILQ_INSERT_TAIL(&cw->patterns, p, entry);
	}
}

static struct conf_watch *
new_watch(const char *name)
{
	struct conf_watch	*cw = conf_watch_new();

	cw->w.format = FORMAT_TEXT;
	cw->w.after = 1;
	cw->w.window = 600000;
	strlcpy(cw->w.name, name, sizeof(cw->w.name));
	return cw;
}

static void
add_filter(struct conf_watch *cw, const struct f2b_filter *f)
{
	struct conf_filter	*cf = calloc(1, sizeof(*cf));
	static uint32_t		 id;

	assert_non_null(cf);
	cf->w.id = ++id;
	cf->w.maxlines = f->maxlines;
	cf->w.weight = 1;
	strlcpy(cf->w.where, f->name, sizeof(cf->w.where));
	TAILQ_INSERT_TAIL(&cw->filters, cf, entry);
	add_regexes(cw, id, &f->prefix, PATTERN_FAIL_PREFIX);
	add_regexes(cw, id, &f->fail, PATTERN_FAIL);
	add_regexes(cw, id, &f->ignore, PATTERN_FAIL_IGNORE);
	add_regexes(cw, id, &f->dates, PATTERN_FAIL_DATE);
}

#endif

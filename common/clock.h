/*
 * Time, in three types that do not mix: monotonic time for timers, wall time
 * for ends of bans and records, log time for what a line says of itself.
 * All in milliseconds.
 */
#ifndef CLOCK_H
#define CLOCK_H

#include <stddef.h>
#include <stdint.h>

typedef struct { int64_t ms; } mono_t;	/* CLOCK_MONOTONIC */
typedef int64_t wall_t;			/* since 1970-01-01 UTC */
typedef int64_t logtime_t;		/* since 1970-01-01 UTC, by the log */
typedef int64_t span_t;			/* a duration */

#define WALL_FOREVER	INT64_MAX
#define SPAN_FOREVER	INT64_MAX

mono_t	 mono_now(void);
span_t	 mono_since(mono_t then, mono_t now);
wall_t	 wall_now(void);
/* now + span, WALL_FOREVER if either is for ever or it would overflow. */
wall_t	 wall_add(wall_t, span_t);

#define SPAN_STRLEN	32
/*
 * "90s" "5m" "48h" "4w" "1h30m" "250ms" "forever"; units ms s m h d w y, each
 * at most once and falling.  A number without unit is refused.  0 or -1.
 */
int	 span_parse(span_t *, const char *);
/* The shortest exact text that span_parse() reads back. */
const char *span_print(span_t, char buf[SPAN_STRLEN]);
/* For people: at most two units, "1h 59m"; "forever". */
const char *span_human(span_t, char buf[SPAN_STRLEN]);

#define WALL_STRLEN	40
/* RFC 3339 with offset, local time zone: 2026-11-21T13:45:00.123+01:00 */
const char *wall_print(wall_t, char buf[WALL_STRLEN]);

#endif

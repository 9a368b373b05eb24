/*
 * Outcomes and notices.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "counter.h"
#include "tell.h"

void
tell_outcome(struct channel *ch, uint32_t type, uint32_t id, int code,
    uint32_t count, const char *fmt, ...)
{
	struct msg_outcome	m = { .code = code, .count = count };
	va_list			ap;

	va_start(ap, fmt);
	vsnprintf(m.text, sizeof(m.text), fmt, ap);
	va_end(ap);
	channel_send(ch, type, id, &m, sizeof(m));
}

void
tell_notice(struct channel *ch, uint64_t watch, enum notice_kind kind,
    int sticky, const char *text)
{
	struct wire_notice	m = {
		.at = wall_now(), .watch = watch, .kind = kind,
		.sticky = (uint32_t)sticky
	};

	strlcpy(m.text, text, sizeof(m.text));
	channel_send(ch, M_NOTICE, 0, &m, sizeof(m));
}

void
tell_counters(MSG_ARGS)
{
	channel_send(ch, M_COUNTERS, id, counters, sizeof(counters));
}

/*
 * What a process says in words: the answer to a request, and a notice for
 * monitor and `show`.
 */
#ifndef TELL_H
#define TELL_H

#include <stdint.h>

#include "args.h"
#include "channel.h"
#include "msg.h"

/*
 * A msg_outcome of this type; id as in its request, code 0 good.  Text that
 * is too long is cut.  ch NULL (peer not started) drops it.
 */
void	 tell_outcome(struct channel *ch, uint32_t type, uint32_t id,
	    int code, uint32_t count, const char *, ...)
	    __attribute__((__format__(printf, 6, 7)));
/*
 * An M_NOTICE, dated now, to control; watch is a watch_hash() or 0.  What is
 * sticky stays in `show` until the next of this watch and kind.
 */
void	 tell_notice(struct channel *ch, uint64_t watch, enum notice_kind,
	    int sticky, const char *text);

/* M_COUNTERS_GET: this process' own, as they are now. */
void	 tell_counters(MSG_ARGS);

#endif

/*
 * What happens to each line, for `refractd -t`: who works on a line says so
 * here while trace_on, and standard output has it, for people or as JSON.
 */
#ifndef TRACE_H
#define TRACE_H

#include <stddef.h>
#include <stdint.h>

#include "clock.h"

struct block;
struct conf_watch;
struct date;
struct match;
struct prefix;
struct watch;

enum trace_result {
	TRACE_COUNTED,
	TRACE_IGNORED,		/* by `ignore` */
	TRACE_EXEMPT,
	TRACE_CANCELLED		/* the key's matches are forgotten */
};

extern int	trace_on;

/* Before the sandbox. */
void	 trace_init(int json);
/* A line begins: what is said until trace_end() is of it. */
void	 trace_begin(const struct watch *, const struct block *,
	    const char *, size_t);
/* What date was read, where it stood (n 0: nowhere) and by which format. */
void	 trace_time(logtime_t, const char *p, size_t n, const char *format);
/* A pattern matched; the key if it is counted. */
void	 trace_match(enum trace_result, const struct match *,
	    const char *key, size_t n);
/* So much counts for the key of the last match, of `after`. */
void	 trace_count(uint32_t total, uint32_t after);
/* A user of an Xray watch is seen from an address, the nth that is live. */
void	 trace_user(const char *name, size_t n, const struct prefix *,
	    uint32_t live, uint32_t limit);
/* What would be done, or why nothing is. */
void	 trace_effect(const char *text);
/* ... and the commands of the watch. */
void	 trace_runs(const struct watch *, uint32_t count,
	    const struct prefix *addr);
/* Why a line that some grammar knows counts nothing. */
void	 trace_note(const char *text);
void	 trace_end(void);
/* What was said goes out. */
void	 trace_flush(void);
/* All lines are read. */
void	 trace_summary(const struct watch *);

#endif

/*
 * Logging.  Never blocks: what the log's reader does not take at once is
 * dropped and counted (log_dropped), so a stuck journald cannot stall a
 * process that guards.
 *
 * Messages are lower case, without a full stop, the operator's noun first.
 * Bytes from outside go through vis(3) before they come here.
 */
#ifndef LOG_H
#define LOG_H

#include <stddef.h>
#include <stdint.h>

enum log_mode {
	LOG_TO_STDERR,		/* plain text for a terminal or a file */
	LOG_TO_JOURNAL,		/* stderr, "<N>" first, sd-daemon(3) */
	LOG_TO_SYSLOG		/* fd 2 is a datagram socket to /dev/log */
};

/* ident is not copied.  Call once before anything else logs. */
void	 log_init(enum log_mode, const char *ident);
enum log_mode log_mode(void);
/* 0: notices and worse.  1: info too.  2: debug too. */
void	 log_setverbose(int);
/* Lines that found no room, since the start. */
uint64_t log_dropped(void);

void	 log_warn(const char *, ...) __attribute__((__format__(printf, 1, 2)));
void	 log_warnx(const char *, ...) __attribute__((__format__(printf, 1, 2)));
void	 log_notice(const char *, ...)
	    __attribute__((__format__(printf, 1, 2)));
void	 log_info(const char *, ...) __attribute__((__format__(printf, 1, 2)));
void	 log_debug(const char *, ...) __attribute__((__format__(printf, 1, 2)));
/* With errno's text; without.  Both exit(1). */
void	 fatal(const char *, ...)
	    __attribute__((__noreturn__, __format__(printf, 1, 2)));
void	 fatalx(const char *, ...)
	    __attribute__((__noreturn__, __format__(printf, 1, 2)));

/*
 * LEN outside bytes made printable by vis(3) into a static buffer that the
 * second next call overwrites; cut at 256 characters with "...".
 */
const char *log_vis(const void *, size_t len);

#endif

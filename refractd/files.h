/*
 * The logs that the configuration names: found, opened and watched here, read
 * by the parser.  Directories are watched for files that appear, so a log that
 * does not exist yet, a glob that gains one and a rotated log come by
 * themselves.  No content of a log is ever read here.
 */
#ifndef FILES_H
#define FILES_H

#include <stddef.h>
#include <stdint.h>

struct conf;
struct event_base;
struct msg_file;

#define FILES_MAX	1024	/* logs open at once; more are refused */

struct files_ops {
	/* A log for the parser; fd is the callee's. */
	void	(*pass)(const struct msg_file *, int fd);
	/* A log that cannot be opened, or "": all can again. */
	void	(*trouble)(const char *watch, const char *text);
};

/* ops is not copied. */
void	 files_init(struct event_base *, const struct files_ops *);
/* The descriptor on which changes of the logs themselves arrive; not owned. */
int	 files_inotify(void);

/*
 * Open what is new in a configuration, beside what is in use.  0, or -1 with
 * a line for each log that exists and cannot be opened in why; nothing has
 * changed then.
 */
int	 files_prepare(const struct conf *, char *why, size_t len);
/* From now on it is the one in use: its new logs are passed. */
void	 files_commit(const struct conf *);
void	 files_abort(void);
/* M_FILE_DONE: the parser has closed it, nothing more comes. */
void	 files_done(uint32_t file);
/* Logs that the parser has, for the status line. */
unsigned int files_count(void);

#endif

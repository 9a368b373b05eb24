/*
 * The sources that are not files: commands and journalctl are run here and
 * started again when they end, sockets of syslog are bound here.  The parser
 * reads them; what they say is never read here.
 */
#ifndef STREAM_H
#define STREAM_H

#include <stddef.h>

struct conf;
struct event_base;
struct msg_position;
struct msg_stream;
struct msg_stream_done;

struct streams_ops {
	/* A stream for the parser; fd is the callee's. */
	void	(*pass)(const struct msg_stream *, int fd);
	/* Something that who guards by it should know. */
	void	(*notice)(const char *watch, const char *text);
};

/* After spawn_init(); foreground: standard input may be a source. */
void	 streams_init(struct event_base *, const struct streams_ops *,
	    int foreground);
/*
 * As files_prepare() and so on: open what is new (0, or -1 and why, lines),
 * then use it; streams that both configurations have go on as they are.
 */
int	 streams_prepare(const struct conf *, char *why, size_t len);
void	 streams_commit(const struct conf *);
void	 streams_abort(void);
/* How far a journal was read, from the ledger; before streams_commit(). */
void	 streams_position(const struct msg_position *);
/* The parser has read one to its end. */
void	 streams_done(const struct msg_stream_done *);
/* We stop: end them all, start none again. */
void	 streams_stop(void);

#endif

/*
 * What a watch reads: the statements `source`.
 */
#ifndef SOURCE_H
#define SOURCE_H

#include "build.h"

void	 sources_start(void);
/* At the end of a watch: what is said of them as a whole. */
void	 sources_finish(struct conf_watch *);

/* The paths are the items; from->n 1: from the start. */
void	 source_files(const struct val *from);
/* The items are units or journald's matches, or there are none. */
void	 source_journal(const struct val *at, const struct val *place,
	    const struct val *from);
/* The items are its argv, command.h's options its account. */
void	 source_command(const struct val *at);
void	 source_syslog(const struct val *addr, const struct val *port);
void	 source_syslog_unix(const struct val *path);
void	 source_stdin(const struct val *at);
/* The log of Xray, if nothing was said. */
void	 source_xray(struct conf_watch *);

/* 1: its lines are the journal's, and nothing else's. */
int	 source_is_journal(const struct conf_watch *);
/* For a journal without a match of its own: a filter's. */
void	 source_journal_default(struct conf_watch *, char **, size_t);

#endif

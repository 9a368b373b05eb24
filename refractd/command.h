/*
 * Programs that the configuration names: `run`, `start`, `stop`, and those
 * that a source reads from.  Here is who runs them and with what; refractd's
 * run.c and spawn.c run them.
 */
#ifndef COMMAND_H
#define COMMAND_H

#include "build.h"
#include "regex.h"

void	 commands_start(void);
/* At the end of a watch: the values its commands name, if all are known. */
void	 commands_finish(const struct conf_watch *, const struct names *);

/* Options of the statement that is read. */
void	 command_options(void);		/* none yet */
void	 command_user(const struct val *);
void	 command_group(const struct val *);
void	 command_timeout(const struct val *);
void	 command_delay(const struct val *);
void	 command_at_exit(const struct val *);
void	 command_once(const struct val *);
void	 command_at_least_once(const struct val *);
void	 command_when(const struct val *, enum run_when);
void	 command_family(const struct val *, int);

/* The items are the argv.  0, or -1 reported; c->args is the caller's. */
int	 command_take(struct conf_command *, const struct val *at);
void	 command_run(const struct val *at);	/* of the watch */
void	 command_start(const struct val *at);
void	 command_stop(const struct val *at);
void	 command_most(const struct val *);	/* or "cpus" */

#endif

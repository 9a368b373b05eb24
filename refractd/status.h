/*
 * The sockets of `status on`: made here, served by control.
 */
#ifndef STATUS_H
#define STATUS_H

#include <stddef.h>

struct channel;
struct conf;

/*
 * Listen where the new configuration wants it and the one in use does not.
 * 0, or -1 with the reason in why: then nothing has changed.
 */
int	 status_prepare(const struct conf *, char *why, size_t);
/* It will not be used: close what was opened for it. */
void	 status_abort(void);
/* It is in use: hand control what is new, close what nobody wants any more. */
void	 status_commit(const struct conf *, struct channel *control);

#endif

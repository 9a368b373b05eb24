/*
 * Connections that ended: to the clients that watch them, and to the access
 * log, `log connections PATH [json]`, a descriptor of the parent.
 */
#ifndef CONTROL_ACCESS_H
#define CONTROL_ACCESS_H

#include <stdint.h>

struct channel;
struct event_base;
struct msg_mux_access;

enum access_form { ACCESS_AS_LINE, ACCESS_AS_JSON, ACCESS_NOWHERE };

void	 access_init(struct event_base *);
/* Write here from now on; an older descriptor is closed. */
void	 access_open(int fd, uint32_t form);
void	 access_record(const struct msg_mux_access *, unsigned int worker);
/* Who watches has changed, or (not NULL) this worker is new. */
void	 access_wanted(struct channel *);
/* What waits is written now. */
void	 access_flush(void);

#endif

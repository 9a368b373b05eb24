/*
 * What the statements of a listener mean; its routes are routes.h's.
 */
#ifndef LISTEN_H
#define LISTEN_H

#include "build.h"

void	 listens_start(void);
/* All checks that need the other listeners and the watches. */
void	 listens_finish(void);
void	 listen_open(const struct val *);
void	 listen_close(void);
struct conf_listener *listen_now(void);		/* NULL: outside of all */
/* Where the listener was opened. */
const struct place *listen_place(const struct conf_listener *);

/* An address (s NULL: all), an interface (s NULL: any). */
void	 listen_on(const struct val *, const struct val *);
/* The items are ports, the protocol is the value's. */
void	 listen_ports(const struct val *);

enum listen_setting {
	LISTEN_CONNECTIONS, LISTEN_PER_ADDRESS, LISTEN_RATE, LISTEN_PEEK,
	LISTEN_PEEK_TIME, LISTEN_PEEK_MEMORY, LISTEN_CONNECT, LISTEN_IDLE,
	LISTEN_HALF_CLOSED, LISTEN_KEEPALIVE, LISTEN_USER_TIMEOUT,
	LISTEN_BANDWIDTH, LISTEN_BACKLOG, LISTEN_NODELAY, LISTEN_FASTOPEN,
	LISTEN_LOG, LISTEN_EXPECT, LISTEN_PLEN4, LISTEN_PLEN6,
	LISTEN_SETTINGS
};

/* A number, a time in ms, a size in bytes, or yes and no; 0: none. */
void	 listen_set(enum listen_setting, const struct val *);
void	 listen_group(const struct val *);
void	 listen_expect(const struct val *, uint32_t table);
/* What (enum mux_offence), how many times, within, for. */
void	 listen_offence(const struct val *, const struct val *,
	    const struct val *, const struct val *);

#endif

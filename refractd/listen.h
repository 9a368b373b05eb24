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

/* An address (s NULL: all), an interface (s NULL: any). */
void	 listen_on(const struct val *, const struct val *);
/* The items are ports, the protocol is the value's. */
void	 listen_ports(const struct val *);

enum listen_setting {
	L_CONNECTIONS, L_PER_ADDRESS, L_RATE, L_PEEK,
	L_PEEK_TIME, L_PEEK_MEMORY, L_CONNECT, L_IDLE,
	L_HALF_CLOSED, L_KEEPALIVE, L_USER_TIMEOUT,
	L_BANDWIDTH, L_BACKLOG, L_NODELAY, L_FASTOPEN,
	L_LOG, L_EXPECT, L_PLEN4, L_PLEN6,
	L_SETTINGS
};

/* A number, a time in ms, a size in bytes, or yes and no; 0: none. */
void	 listen_set(enum listen_setting, const struct val *);
void	 listen_group(const struct val *);
void	 listen_expect(const struct val *, uint32_t table);
/* What (enum mux_offence), how many times, within, for. */
void	 listen_offence(const struct val *, const struct val *,
	    const struct val *, const struct val *);

#endif

/*
 * What the statements of a relay mean: beside those of a listener (listen.h),
 * which it is.
 */
#ifndef RELAY_H
#define RELAY_H

#include "build.h"

void	 relays_start(void);
void	 relays_finish(void);
/* A listener that is replaced. */
void	 relays_drop(const struct conf_listener *);
/* Name; kind: LISTEN_RELAY_SERVER or LISTEN_RELAY_CLIENT. */
void	 relay_open(const struct val *, enum listener_kind);
void	 relay_close(void);
void	 relay_timeout(const struct val *);

/* A server's.  n 0: a token, 1: `any'. */
void	 relay_client(const struct val *);
void	 relay_client_connections(const struct val *);
/* The items are prefixes. */
void	 relay_client_sources(const struct val *);
void	 relay_client_end(void);
/* deny 0: allow. */
void	 relay_destination(const struct val *, uint32_t table, int deny);
void	 relay_any_port(const struct val *);
void	 relay_proxy(const struct val *);
void	 relay_transparent(const struct val *);

/* A client's: the member of pools.h that was said last, and its token. */
void	 relay_inbound(const struct val *, int tproxy);
void	 relay_server(const struct val *, const struct val *token);
void	 relay_local(const struct val *);
void	 relay_interface(const struct val *);
void	 relay_mark(const struct val *);

/* Of the client or server that is read. */
void	 relay_key(const struct val *);

#endif

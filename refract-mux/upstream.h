/*
 * Sockets towards members: of our own, or those that need what we have not
 * (unix sockets are the parent's to connect, transparent ones the enforcer's
 * to make), kept a few ahead.
 */
#ifndef UPSTREAM_H
#define UPSTREAM_H

#include "mux.h"

enum upstream {
	UPSTREAM_CONNECTED,	/* fd is */
	UPSTREAM_CONNECTING,	/* wait until it is writable */
	UPSTREAM_WAITING,	/* join_upstream() will be called */
	UPSTREAM_FAILED		/* errno */
};

/* connect(2) with the listener's options; fd is closed if that fails. */
enum upstream	 upstream_start(struct conn *, const struct sockaddr_storage *,
		    socklen_t, int fd);
/* For c->m; *fd is the caller's. */
enum upstream	 upstream_open(struct conn *, int *fd);
/* c does not wait any more. */
void		 upstream_cancel(struct conn *);

struct msg_mux_want;

/* M_MUX_GIVE, M_MUX_CLEARED; fd -1: m->error. */
void		 upstream_given(uint32_t id, const struct msg_mux_want *m,
		    int fd);
void		 upstream_cleared(const struct msg_mux_want *, int fd);
/* There is a transparent route: have sockets ready. */
void		 upstream_ahead(void);
/* Descriptors for that, at the most. */
unsigned int	 upstream_stock(void);

#endif

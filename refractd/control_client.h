/*
 * Clients of the control socket: who they are, what they asked, and how long
 * they may take.  One request at a time each.
 */
#ifndef CONTROL_CLIENT_H
#define CONTROL_CLIENT_H

#include <sys/queue.h>
#include <sys/types.h>

#include <stdint.h>

#include "counter.h"
#include "msg.h"

#define CLIENTS_MAX	64
#define CLIENTS_SPARE	4	/* more, that only root can take */

struct channel;
struct event;

/* A request at work.  Its id goes to the siblings and comes back. */
struct request {
	uint32_t		 id;		/* 0: none */
	uint32_t		 type;		/* C_* */
	uint32_t		 waiting;	/* ROLE_BIT()s: no answer yet */
	uint32_t		 answered;	/* ROLE_BIT()s */
	unsigned int		 workers;	/* of the mux: ... of so many */
	int			 stalled;	/* the client does not read */
	struct msg_show		 show;		/* C_SHOW: the next page */
	unsigned int		 part;		/* SHOW_WHY: of why_parts */
	struct msg_target	 target;	/* not of all types */
	char			 watch[NAME_MAX_LEN];	/* C_FLUSH, C_TRIGGER */
	uint64_t		 ban;		/* C_BAN: decision_id.offset */
	struct msg_outcome	 outcome;	/* gathered */
	uint64_t		 counters[COUNTER_MAX];
};

/*
 * A request of our own, for the status page: no channel, no timer of its own,
 * its answer goes here.  A show is one page of show.max rows; next is the
 * cursor of the page after it.
 */
struct client_sink {
	void	(*row)(uint32_t what, const void *row);
	void	(*end)(uint64_t next);
};

struct client {
	TAILQ_ENTRY(client)	 entry;
	struct channel		*ch;		/* NULL: ours */
	const struct client_sink *sink;		/* ours: the answers */
	struct event		*timer;
	int			 admin;		/* may change things */
	char			 name[SUBJECT_LEN];	/* "root", "uid 7" */
	struct request		 req;
	uint32_t		 monitor;	/* what it wants to see, or 0 */
	uint64_t		 dropped;	/* monitor: not told yet */
};

TAILQ_HEAD(clients, client);
extern struct clients	 clients;

/* Accept on fd from now on; an older one is closed. */
void	 clients_listen(int fd);
/* No new ones; tell those who wait, and close all. */
void	 clients_stop(void);

/* A connected client.  NULL if there are too many: it was told and closed. */
struct client	*client_new(int fd, int admin, const char *name);
/* One that is ours and never closed.  NULL without memory. */
struct client	*client_ours(const struct client_sink *);
void		 client_close(struct client *);
/* Whose request this is; NULL if he is gone or it is over. */
struct client	*client_byid(uint32_t id);
/* Give the request an id. */
void		 client_begin(struct client *, uint32_t type);
/* How long until client_timeout; 0: for ever. */
void		 client_timer(struct client *, unsigned int seconds);

void	 client_result(struct client *, int code, uint32_t count,
	    const char *, ...) __attribute__((__format__(printf, 4, 5)));
/* An answer that is no row. */
void	 client_outcome(struct client *, const struct msg_outcome *);
void	 client_row(struct client *, uint32_t what, const void *, size_t);
/* The answer is complete. */
void	 client_end(struct client *);

#endif

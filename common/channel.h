/*
 * A channel: one imsgbuf in a libevent loop, to one peer, with the message
 * table between the wire and the handler.  Everything a process says to
 * another goes through here.
 *
 * A message that breaks the table is fatal if a sibling or the parent sent it.
 * End of file from the parent is fatal (it died); from a sibling it ends in the
 * closed callback and nothing else: the parent sees the death and names it.
 * A ROLE_CLIENT ends in the closed callback whatever it did wrong.
 */
#ifndef CHANNEL_H
#define CHANNEL_H

#include <stddef.h>
#include <stdint.h>

#include "imsg.h"
#include "msg.h"
#include "role.h"

struct channel;
struct event_base;

/*
 * data is valid during the call; aligned to 8.  fd is the handler's (-1 none).
 */
typedef void	(*msg_handler)(struct channel *, uint32_t id, const void *data,
		    size_t len, int fd);

/* Ends with { 0, NULL }.  A legal message without a handler is fatal. */
struct handler {
	uint32_t	type;
	msg_handler	fn;
};

/* What this process is and the state it is in, for the table. */
void		 proc_set_role(enum role);
void		 proc_set_state(enum proc_state);
enum proc_state	 proc_state(void);

struct channel	*channel_new(struct event_base *, int fd, enum role peer,
		    const struct handler *);
void		 channel_free(struct channel *);
enum role	 channel_peer(const struct channel *);
int		 channel_fd(const struct channel *);
/* Which of several of its role the peer is: 0 but for workers of the mux. */
void		 channel_setindex(struct channel *, unsigned int);
unsigned int	 channel_index(const struct channel *);
void		 channel_setctx(struct channel *, void *);
void		*channel_ctx(const struct channel *);

/*
 * Send.  Tries to write at once (a ban must not wait for the loop), the rest
 * when the socket takes it.  ch NULL (peer not started) drops silently.
 * The message is checked against the table: breaking it is our bug, fatal.
 */
void		 channel_send(struct channel *, uint32_t type, uint32_t id,
		    const void *, size_t);
void		 channel_send_fd(struct channel *, uint32_t type, uint32_t id,
		    int fd, const void *, size_t);
void		 channel_send2(struct channel *, uint32_t type, uint32_t id,
		    const void *, size_t, const void *, size_t);

/*
 * Between these two, messages gather and go out by 64 KiB: for who sends many
 * in a row and waits for none.  ch may be NULL.
 */
void		 channel_cork(struct channel *);
void		 channel_uncork(struct channel *);

/*
 * Watermarks.  channel_full(): more than `high` bytes wait; the sender should
 * stop producing until the drained callback, which comes once when less than
 * `low` wait.  Defaults 1 MiB and 256 KiB.  More than 64 MiB to a sibling is
 * fatal, to a client closes it.
 */
void		 channel_setwatermarks(struct channel *, size_t low,
		    size_t high);
int		 channel_full(const struct channel *);
size_t		 channel_queued(const struct channel *);
void		 channel_ondrained(struct channel *,
		    void (*)(struct channel *));
/*
 * End of file, error, or a client's bad message.  Without a callback the
 * channel stops reading and drops what is sent.  The callback may free ch and
 * must not use it afterwards.
 */
void		 channel_onclosed(struct channel *,
		    void (*)(struct channel *));
/* Stop and go on reading (back-pressure on the peer). */
void		 channel_pause(struct channel *);
void		 channel_resume(struct channel *);
/* Write all that is queued, blocking at most ms milliseconds: 0 or -1. */
int		 channel_drain(struct channel *, int ms);

#endif

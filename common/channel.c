/*
 * Channels: an imsgbuf, two events, and the message table in between.
 *
 * Callbacks run from the event loop only, never from within channel_send():
 * the caller may go on using the channel that he sends to.  A channel that is
 * freed in one of its own callbacks goes when that callback has returned.
 */
#include <sys/queue.h>
#include <sys/time.h>

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "args.h"
#include "channel.h"
#include "clock.h"
#include "log.h"
#include "timer.h"

#define LOW_DEFAULT	(256 * 1024)
#define HIGH_DEFAULT	(1024 * 1024)
#define QUEUE_MAX	(64 * 1024 * 1024)
#define CORK_MAX	(64 * 1024)	/* written even while corked */

struct channel {
	struct imsgbuf		*buf;
	struct event		*readable, *writable, *retry;
	enum role		 peer;
	const struct handler	*handlers;
	unsigned int		 index;
	void			*ctx;
	size_t			 low, high;
	void			(*drained)(struct channel *);
	void			(*closed)(struct channel *);
	int			 full;		/* told so, not yet drained */
	int			 corked, paused;
	int			 deaf;		/* nothing is read any more */
	int			 mute;		/* nothing is sent any more */
	int			 busy, freed;	/* in a callback; free after */
};

#define TOO_MANY_REFS	10	/* ms */

static enum role my_role;
static enum proc_state my_state;

void
proc_set_role(enum role role)
{
	my_role = role;
}

void
proc_set_state(enum proc_state state)
{
	my_state = state;
}

enum proc_state
proc_state(void)
{
	return my_state;
}

static void
channel_destroy(struct channel *ch)
{
	event_free(ch->readable);
	event_free(ch->writable);
	event_free(ch->retry);
	imsg_free(ch->buf);
	free(ch);
}

static void
enter(struct channel *ch)
{
	ch->busy++;
}

/* 1 if ch is no more. */
static int
leave(struct channel *ch)
{
	if (--ch->busy > 0 || !ch->freed)
		return ch->freed;
	channel_destroy(ch);
	return 1;
}

/* Nothing more will come.  1 if ch is no more. */
static int
channel_ended(struct channel *ch)
{
	if (ch->peer == ROLE_PARENT)
		fatalx("the parent is gone");
	ch->deaf = ch->mute = 1;
	event_del(ch->readable);
	event_del(ch->writable);
	event_del(ch->retry);
	if (ch->closed == NULL)
		return 0;
	enter(ch);
	ch->closed(ch);
	return leave(ch);
}

/* End ch from the loop, because its user is still at work with it. */
static void
channel_end_later(struct channel *ch)
{
	if (ch->deaf)
		return;
	ch->deaf = ch->mute = 1;
	event_active(ch->readable, EV_TIMEOUT, 0);
}

/* What the peer said is against the rules.  1 if ch is no more. */
static int
channel_bad(struct channel *ch, uint32_t type, const char *why)
{
	if (ch->peer != ROLE_CLIENT)
		fatalx("%s sent %s (%u): %s", role_name(ch->peer),
		    msg_name(type), type, why);
	log_debug("client sent %s (%u): %s", msg_name(type), type, why);
	return channel_ended(ch);
}

static msg_handler
find_handler(const struct handler *h, uint32_t type)
{
	for (; h->fn != NULL; h++)
		if (h->type == type)
			return h->fn;
	return NULL;
}

/* One message to its handler.  1 if ch is no more, or deaf. */
static int
dispatch(struct channel *ch, struct imsg *imsg)
{
	const char *why;
	msg_handler fn = NULL;

	if (msg_check(imsg->hdr.type, ch->peer, my_role, my_state, imsg->data,
	    imsg->len, imsg->fd != -1, &why) == 0 &&
	    (fn = find_handler(ch->handlers, imsg->hdr.type)) == NULL)
		why = "nobody here expects it";
	if (fn == NULL) {
		if (imsg->fd != -1)
			close(imsg->fd);
		return channel_bad(ch, imsg->hdr.type, why) || ch->deaf;
	}
	enter(ch);
	fn(ch, imsg->hdr.id, imsg->data, imsg->len, imsg->fd);
	return leave(ch) || ch->deaf;
}

/* All whole messages that are here.  1 if ch is no more, or deaf. */
static int
dispatch_all(struct channel *ch)
{
	struct imsg imsg;
	int got;

	while (!ch->paused) {
		if ((got = imsg_get(ch->buf, &imsg)) == 0)
			return 0;
		if (got == -1)
			return channel_bad(ch, 0, "malformed") || ch->deaf;
		if (dispatch(ch, &imsg))
			return 1;
	}
	return 0;
}

static void
on_readable(EVENT_ARGS)
{
	struct channel *ch = arg;
	ssize_t n;

	if (ch->deaf) {
		channel_ended(ch);
		return;
	}
	/* After a pause some may be waiting here, not in the socket. */
	if (dispatch_all(ch) || ch->paused)
		return;
	if ((n = imsg_read(ch->buf)) > 0)
		dispatch_all(ch);
	else if (n == -1 && errno == EBADMSG)
		channel_bad(ch, 0, "descriptors out of order");
	else if (n == 0 || (errno != EAGAIN && errno != ENOBUFS &&
	    errno != ENOMEM))
		channel_ended(ch);
}

/* Write what goes; wait for the socket, or a while, for the rest. */
static void
channel_write(struct channel *ch)
{
	switch (imsg_flush(ch->buf)) {
	case 0:
		if (!ch->full)
			event_del(ch->writable);
		break;
	case 1:
		if (errno == EAGAIN) {
			event_add(ch->writable, NULL);
			break;
		}
		/* Writable, but not for us now. */
		event_del(ch->writable);
		timer_set(ch->retry, TOO_MANY_REFS);
		break;
	default:
		if (ch->peer == ROLE_PARENT)
			fatal("the parent is gone");
		/* What it said before it went is still to be read. */
		ch->mute = 1;
		event_del(ch->writable);
		if (ch->paused)
			channel_end_later(ch);
		break;
	}
}

static void
on_writable(EVENT_ARGS)
{
	struct channel *ch = arg;

	if (ch->mute)
		return;
	channel_write(ch);
	if (ch->full && imsg_queued(ch->buf) < ch->low) {
		ch->full = 0;
		if (imsg_queued(ch->buf) == 0)
			event_del(ch->writable);
		if (ch->drained != NULL) {
			enter(ch);
			ch->drained(ch);
			leave(ch);
		}
	}
}

struct channel *
channel_new(struct event_base *base, int fd, enum role peer,
    const struct handler *handlers)
{
	struct channel *ch;

	if ((ch = calloc(1, sizeof(*ch))) == NULL ||
	    (ch->buf = imsg_new(fd)) == NULL)
		fatal("channel to %s", role_name(peer));
	ch->peer = peer;
	ch->handlers = handlers;
	ch->low = LOW_DEFAULT;
	ch->high = HIGH_DEFAULT;
	ch->readable = event_new(base, fd, EV_READ | EV_PERSIST, on_readable,
	    ch);
	ch->writable = event_new(base, fd, EV_WRITE | EV_PERSIST, on_writable,
	    ch);
	ch->retry = evtimer_new(base, on_writable, ch);
	if (ch->readable == NULL || ch->writable == NULL || ch->retry == NULL ||
	    event_add(ch->readable, NULL) == -1)
		fatalx("channel to %s: no event", role_name(peer));
	return ch;
}

void
channel_free(struct channel *ch)
{
	if (ch == NULL || ch->freed)
		return;
	ch->freed = ch->deaf = ch->mute = 1;
	if (ch->busy == 0)
		channel_destroy(ch);
}

enum role
channel_peer(const struct channel *ch)
{
	return ch->peer;
}

int
channel_fd(const struct channel *ch)
{
	return imsg_fd(ch->buf);
}

void
channel_setindex(struct channel *ch, unsigned int index)
{
	ch->index = index;
}

unsigned int
channel_index(const struct channel *ch)
{
	return ch->index;
}

void
channel_setctx(struct channel *ch, void *ctx)
{
	ch->ctx = ctx;
}

void *
channel_ctx(const struct channel *ch)
{
	return ch->ctx;
}

/* After a message was queued: send, and see to the marks and the bound. */
static void
channel_push(struct channel *ch, size_t before)
{
	size_t queued;

	/* If some wait already, the socket is full and is being watched. */
	if (before == 0 ? !ch->corked : ch->corked &&
	    before < CORK_MAX && imsg_queued(ch->buf) >= CORK_MAX)
		channel_write(ch);
	queued = imsg_queued(ch->buf);
	if (queued > ch->high && !ch->full) {
		ch->full = 1;
		event_add(ch->writable, NULL);
	}
	if (queued <= QUEUE_MAX)
		return;
	if (ch->peer != ROLE_CLIENT)
		fatalx("%s does not read: %zu bytes wait", role_name(ch->peer),
		    queued);
	channel_end_later(ch);
}

void
channel_send_fd(struct channel *ch, uint32_t type, uint32_t id, int fd,
    const void *data, size_t len)
{
	const char *why;
	size_t before;

	if (ch != NULL && msg_check(type, my_role, ch->peer, STATE_ANY, data,
	    len, fd != -1, &why) == -1)
		fatalx("we would send %s (%u) to %s: %s", msg_name(type), type,
		    role_name(ch->peer), why);
	if (ch == NULL || ch->mute) {
		if (fd != -1)
			close(fd);
		return;
	}
	before = imsg_queued(ch->buf);
	if (imsg_compose(ch->buf, type, id, fd, data, len) == -1) {
		if (ch->peer != ROLE_CLIENT || errno == ERANGE)
			fatal("%s to %s", msg_name(type), role_name(ch->peer));
		if (fd != -1)
			close(fd);
		channel_end_later(ch);
		return;
	}
	channel_push(ch, before);
}

void
channel_send(struct channel *ch, uint32_t type, uint32_t id, const void *data,
    size_t len)
{
	channel_send_fd(ch, type, id, -1, data, len);
}

void
channel_send2(struct channel *ch, uint32_t type, uint32_t id, const void *a,
    size_t alen, const void *b, size_t blen)
{
	static uint64_t whole[IMSG_MAX / sizeof(uint64_t)];

	if (ch == NULL)
		return;
	if (alen > sizeof(whole) || blen > sizeof(whole) - alen)
		fatalx("%s to %s: too long", msg_name(type),
		    role_name(ch->peer));
	if (alen != 0)
		memcpy(whole, a, alen);
	if (blen != 0)
		memcpy((uint8_t *)whole + alen, b, blen);
	channel_send_fd(ch, type, id, -1, whole, alen + blen);
}

void
channel_cork(struct channel *ch)
{
	if (ch != NULL)
		ch->corked = 1;
}

void
channel_uncork(struct channel *ch)
{
	if (ch == NULL || !ch->corked)
		return;
	ch->corked = 0;
	if (!ch->mute && imsg_queued(ch->buf) != 0)
		channel_write(ch);
}

void
channel_setwatermarks(struct channel *ch, size_t low, size_t high)
{
	ch->low = low > 0 ? low : 1;
	ch->high = high;
}

int
channel_full(const struct channel *ch)
{
	return ch->full;
}

size_t
channel_queued(const struct channel *ch)
{
	return imsg_queued(ch->buf);
}

void
channel_ondrained(struct channel *ch, void (*fn)(struct channel *))
{
	ch->drained = fn;
}

void
channel_onclosed(struct channel *ch, void (*fn)(struct channel *))
{
	ch->closed = fn;
}

void
channel_pause(struct channel *ch)
{
	ch->paused = 1;
	event_del(ch->readable);
}

void
channel_resume(struct channel *ch)
{
	if (!ch->paused)
		return;
	ch->paused = 0;
	if (ch->deaf)
		return;
	event_add(ch->readable, NULL);
	event_active(ch->readable, EV_READ, 0);
}

int
channel_drain(struct channel *ch, int ms)
{
	struct pollfd pfd = { .fd = imsg_fd(ch->buf) };
	mono_t start = mono_now();
	span_t left;
	int r;

	while (!ch->mute && (r = imsg_flush(ch->buf)) != 0) {
		pfd.events = errno == EAGAIN ? POLLOUT : 0;
		left = ms - mono_since(start, mono_now());
		if (r == -1 || left <= 0 ||
		    (poll(&pfd, 1, left < 10 ? (int)left : 10) == -1 &&
		    errno != EINTR))
			return -1;
	}
	return imsg_queued(ch->buf) == 0 ? 0 : -1;
}

/*
 * See tap.h.  A tap is a socket or pipe that the parent gives us, and a ring
 * of bytes that wait for it.  When its reader goes away the ring is emptied,
 * and another reader is asked for after a while: each reader gets a file from
 * its beginning.
 */
#include <sys/queue.h>
#include <sys/uio.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>

#include "args.h"
#include "child.h"
#include "counter.h"
#include "log.h"
#include "mux.h"
#include "pcapng.h"
#include "tap.h"
#include "timer.h"

#define RING		(4 * 1024 * 1024)
#define RETRY_FIRST	1000		/* ms; doubled each time up to ... */
#define RETRY_MAX	30000
#define LASTING		10000		/* a reader of so long was a good one */
#define FINISH		1000

struct tap {
	TAILQ_ENTRY(tap)	 entry;
	struct wire_tap		 w;
	unsigned int		 streams;
	int			 current;	/* of the configuration */
	int			 asked;		/* a reader was asked for */
	int			 said;		/* that there is none */
	int			 fd;		/* -1: no reader */
	uint32_t		 reader;	/* which one it is: 1, 2, ... */
	span_t			 retry;
	mono_t			 since;
	struct event		*read_ev, *write_ev, *retry_ev;
	uint8_t			*ring;
	size_t			 at, n;
	uint64_t		 waiting;	/* records in it, at the most */
	uint64_t		 records;	/* of this reader, all */
	uint64_t		 lost, missing;	/* of those; just now */
};

struct tap_stream {
	struct tap	*tap;
	uint32_t	 reader;	/* it knows whose stream this is */
	uint32_t	 seq[2];	/* of the next byte, by enum way */
};

static TAILQ_HEAD(, tap)	taps = TAILQ_HEAD_INITIALIZER(taps);
static unsigned int		ntaps;

static struct tap *
find(uint32_t id)
{
	struct tap	*t;

	TAILQ_FOREACH(t, &taps, entry)
		if (t->w.id == id)
			break;
	return t;
}

unsigned int
tap_count(void)
{
	return ntaps;
}

static uint64_t
now_ns(void)
{
	struct timespec	ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* Readers. */

static void
ask(struct tap *t)
{
	struct msg_mux_want	m;

	if (t->asked || t->fd != -1)
		return;
	memset(&m, 0, sizeof(m));
	m.kind = MUX_WANT_TAP;
	m.number = t->w.id;
	m.stream = SOCK_STREAM;
	m.count = 1;
	t->asked = 1;
	channel_send(child_parent, M_MUX_WANT, 0, &m, sizeof(m));
}

static void
on_retry(EVENT_ARGS)
{
	ask(arg);
}

static void
retry(struct tap *t)
{
	timer_set(t->retry_ev, t->retry);
	t->retry = t->retry * 2 > RETRY_MAX ? RETRY_MAX : t->retry * 2;
}

static void
close_reader(struct tap *t)
{
	if (t->fd == -1)
		return;
	event_free(t->read_ev);
	event_free(t->write_ev);
	close(t->fd);
	free(t->ring);
	counter_add(MUX_TAP_LOST, t->waiting);
	t->fd = -1;
	t->ring = NULL;
	t->n = t->at = 0;
	t->waiting = 0;
}

static void
tap_free(struct tap *t)
{
	close_reader(t);
	event_free(t->retry_ev);
	TAILQ_REMOVE(&taps, t, entry);
	ntaps--;
	free(t);
}

/* Its reader is gone, and so may be t. */
static void
gone(struct tap *t)
{
	log_info("tap %s: its reader is gone", t->w.name);
	if (mono_since(t->since, mono_now()) >= LASTING)
		t->retry = RETRY_FIRST;
	close_reader(t);
	if (!t->current && t->streams == 0)
		tap_free(t);
	else
		retry(t);
}

/* Nobody needs it any more, and all that it had was read. */
static int
is_over(const struct tap *t)
{
	return !t->current && t->streams == 0 && t->n == 0;
}

/* The ring. */

static void
ring_put(struct tap *t, const uint8_t *p, size_t n)
{
	size_t	end = (t->at + t->n) % RING;
	size_t	part = n < RING - end ? n : RING - end;

	if (n == 0)
		return;
	memcpy(t->ring + end, p, part);
	memcpy(t->ring, p + part, n - part);
	t->n += n;
}

/* 0, or -1: the reader is gone. */
static int
ring_write(struct tap *t)
{
	struct iovec	iov[2];
	size_t		part;
	ssize_t		n;

	while (t->n > 0) {
		part = t->n < RING - t->at ? t->n : RING - t->at;
		iov[0] = (struct iovec){ t->ring + t->at, part };
		iov[1] = (struct iovec){ t->ring, t->n - part };
		if ((n = writev(t->fd, iov, 2)) == -1) {
			if (errno == EINTR)
				continue;
			return errno == EAGAIN ? 0 : -1;
		}
		t->n -= (size_t)n;
		t->at = t->n == 0 ? 0 : (t->at + (size_t)n) % RING;
	}
	t->waiting = 0;
	return 0;
}

static void
on_writable(EVENT_ARGS)
{
	struct tap	*t = arg;

	if (ring_write(t) == -1)
		gone(t);
	else if (is_over(t))
		tap_free(t);
	else if (t->n > 0)
		event_add(t->write_ev, NULL);
}

static int
is_broken(int fd)
{
	struct pollfd	p = { .fd = fd };

	return poll(&p, 1, 0) == 1 && (p.revents & (POLLHUP | POLLERR)) != 0;
}

/* It has nothing to say, but its end is told so. */
static void
on_readable(EVENT_ARGS)
{
	struct tap	*t = arg;
	char		 buf[1024];
	ssize_t		 n;

	n = read(t->fd, buf, sizeof(buf));
	if (n > 0 || (n == -1 && (errno == EAGAIN || errno == EINTR)))
		return;
	/* One that only closed its own half still reads. */
	if (n == 0 && !is_broken(t->fd))
		event_del(t->read_ev);
	else
		gone(t);
}

static int
ring_fits(struct tap *t, size_t n)
{
	/* -1 is seen by on_readable() too. */
	if (n > RING - t->n)
		ring_write(t);
	return n <= RING - t->n;
}

static void
ring_block(struct tap *t, const struct pcapng_block *b)
{
	ring_put(t, b->head, b->nhead);
	ring_put(t, b->data, b->ndata);
	ring_put(t, b->tail, b->ntail);
}

/* A reader is there. */
static void
open_reader(struct tap *t, int fd)
{
	struct pcapng_block	b;

	t->read_ev = event_new(child_base, fd, EV_READ | EV_PERSIST,
	    on_readable, t);
	t->write_ev = event_new(child_base, fd, EV_WRITE, on_writable, t);
	if (t->read_ev == NULL || t->write_ev == NULL ||
	    event_add(t->read_ev, NULL) == -1 ||
	    event_add(t->write_ev, NULL) == -1 ||
	    (t->ring = malloc(RING)) == NULL)
		fatalx("tap %s: out of memory", t->w.name);
	t->fd = fd;
	t->reader++;
	t->since = mono_now();
	t->records = t->lost = t->missing = 0;
	pcapng_begin(&b, t->w.name);
	ring_block(t, &b);
}

void
tap_given(const struct msg_mux_want *m, int fd)
{
	struct tap	*t = find(m->number);

	if (t == NULL || t->fd != -1) {
		if (fd != -1)
			close(fd);
		return;
	}
	t->asked = 0;
	if (fd == -1) {
		if (!t->said++)
			log_warnx("tap %s: %s: %s", t->w.name, t->w.path,
			    strerror(m->error));
		retry(t);
		return;
	}
	log_info("tap %s: it has a reader", t->w.name);
	t->said = 0;
	open_reader(t, fd);
}

/* Configuration. */

static void
tap_new(const struct wire_tap *w)
{
	struct tap	*t;

	if ((t = calloc(1, sizeof(*t))) == NULL ||
	    (t->retry_ev = evtimer_new(child_base, on_retry, t)) == NULL)
		fatal("tap %s", w->name);
	t->w = *w;
	t->fd = -1;
	t->current = 1;
	t->retry = RETRY_FIRST;
	TAILQ_INSERT_TAIL(&taps, t, entry);
	ntaps++;
	ask(t);
}

/* The same name: it goes on, unless it leads to another reader now. */
static void
again(struct tap *t, const struct wire_tap *w)
{
	int	other = t->w.run != w->run || strcmp(t->w.path, w->path) != 0;

	t->current = 1;
	t->w = *w;
	if (!other)
		return;
	close_reader(t);
	t->retry = RETRY_FIRST;
	ask(t);
}

void
tap_use(struct generation *g)
{
	struct tap	*t, *next;
	struct conf_tap	*c;

	TAILQ_FOREACH(t, &taps, entry)
		t->current = 0;
	TAILQ_FOREACH(c, &g->conf->mux.taps, entry)
		if ((t = find(c->w.id)) != NULL)
			again(t, &c->w);
		else
			tap_new(&c->w);
	TAILQ_FOREACH_SAFE(t, &taps, entry, next)
		if (is_over(t))
			tap_free(t);
}

/* How long from `since` until `limit` ms, for poll(2). */
static int
left(mono_t since, span_t limit)
{
	span_t	gone_by = mono_since(since, mono_now());

	return gone_by < limit ? (int)(limit - gone_by) : 0;
}

void
tap_finish(void)
{
	mono_t		 since = mono_now();
	struct pollfd	 p = { .events = POLLOUT };
	struct tap	*t;

	TAILQ_FOREACH(t, &taps, entry) {
		p.fd = t->fd;
		while (t->fd != -1 && ring_write(t) == 0 && t->n > 0 &&
		    poll(&p, 1, left(since, FINISH)) > 0)
			;
	}
}

/* Streams. */

static const char *
comment(const struct conn *c)
{
	static char	 text[PCAPNG_COMMENT_MAX];
	const char	*proto = rp_name(c->proto);
	int		 n;

	n = snprintf(text, sizeof(text), "connection %llu, listen \"%s\", "
	    "route \"%s\", protocol %s", (unsigned long long)c->id,
	    c->l->w->name, c->r->w->label, proto == NULL ? "unknown" : proto);
	if (c->sni != NULL && n > 0 && (size_t)n < sizeof(text))
		snprintf(text + n, sizeof(text) - (size_t)n, ", name %s",
		    log_vis(c->sni, strlen(c->sni)));
	return text;
}

static void
lose(struct tap *t)
{
	t->lost++;
	t->missing++;
	counter_inc(MUX_TAP_LOST);
}

/* What was lost before this is said when there is room again. */
static void
record(struct tap *t, struct pcapng_packet *k)
{
	static struct pcapng_block	b, counts;
	size_t				n;

	t->records++;
	if (t->fd == -1) {
		counter_inc(MUX_TAP_LOST);
		return;
	}
	k->lost = t->missing;
	pcapng_packet(&b, k);
	n = pcapng_size(&b);
	if (t->missing > 0) {
		pcapng_counts(&counts, k->ns, t->records, t->lost);
		n += pcapng_size(&counts);
	}
	if (!ring_fits(t, n)) {
		lose(t);
		return;
	}
	if (t->missing > 0)
		ring_block(t, &counts);
	t->missing = 0;
	ring_block(t, &b);
	t->waiting++;
	event_add(t->write_ev, NULL);
}

static void
packet(struct conn *c, int way, uint8_t flags, const uint8_t *p, size_t n)
{
	struct tap_stream	*s = c->tap;
	int			 in = way == WAY_IN;
	struct pcapng_packet	 k = {
		.from = in ? &c->from : &c->to,
		.to = in ? &c->to : &c->from,
		.from_port = in ? c->from_port : c->to_port,
		.to_port = in ? c->to_port : c->from_port,
		.seq = s->seq[way], .flags = flags, .outbound = !in,
		.data = p, .n = n, .ns = now_ns(), .datagram = c->is_flow
	};

	if (flags & TH_ACK)
		k.ack = s->seq[!way];
	/* Also in the middle of a stream, if the reader is a new one. */
	if (s->reader != s->tap->reader && s->tap->fd != -1) {
		k.comment = comment(c);
		s->reader = s->tap->reader;
	}
	record(s->tap, &k);
	s->seq[way] += (uint32_t)n + (flags & (TH_SYN | TH_FIN) ? 1 : 0);
}

void
tap_begin(struct conn *c)
{
	struct tap		*t = find(c->r->w->tap);
	struct tap_stream	*s;

	if (t == NULL || (s = calloc(1, sizeof(*s))) == NULL)
		return;
	s->tap = t;
	t->streams++;
	c->tap = s;
	conn_local(c);
	if (c->is_flow)
		return;
	packet(c, WAY_IN, TH_SYN, NULL, 0);
	packet(c, WAY_OUT, TH_SYN | TH_ACK, NULL, 0);
	packet(c, WAY_IN, TH_ACK, NULL, 0);
}

void
tap_end(struct conn *c)
{
	struct tap	*t;

	if (c->tap == NULL)
		return;
	if (!c->is_flow) {
		packet(c, WAY_IN, TH_FIN | TH_ACK, NULL, 0);
		packet(c, WAY_OUT, TH_FIN | TH_ACK, NULL, 0);
		packet(c, WAY_IN, TH_ACK, NULL, 0);
	}
	t = c->tap->tap;
	free(c->tap);
	c->tap = NULL;
	t->streams--;
	if (is_over(t))
		tap_free(t);
}

void
tap_copy(struct conn *c, int way, const uint8_t *p, size_t n)
{
	size_t	part;

	if (c->is_flow && n > PCAPNG_DATA_MAX)
		n = PCAPNG_DATA_MAX;	/* what is longer is cut */
	for (; n > 0; p += part, n -= part) {
		part = n < PCAPNG_DATA_MAX ? n : PCAPNG_DATA_MAX;
		packet(c, way, TH_PUSH | TH_ACK, p, part);
	}
}

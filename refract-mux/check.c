/*
 * See check.h.  A check is a connection of its own that says little and
 * listens to little: it succeeds, or it fails, or its time is over.
 */
#include <sys/socket.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "access.h"
#include "args.h"
#include "check.h"
#include "child.h"
#include "log.h"
#include "msg.h"
#include "mux.h"
#include "timer.h"

#define ANSWER_MAX	4096
#define FIRST_SPREAD	500	/* ms over which first checks are spread */
#define AT_ONCE_MIN	4
#define BUSY_RETRY	100	/* ms: as many as may are under way */

/* An anonymous ClientHello of TLS 1.2, as any server answers or refuses. */
static const uint8_t	client_hello[] = {
	0x16, 0x03, 0x01, 0x00, 0x5c, 0x01, 0x00, 0x00, 0x58, 0x03, 0x03,
	0x72, 0x65, 0x66, 0x72, 0x61, 0x63, 0x74, 0x2d, 0x6d, 0x75, 0x78,
	0x2d, 0x63, 0x68, 0x65, 0x63, 0x6b, 0x2d, 0x68, 0x65, 0x6c, 0x6c,
	0x6f, 0x2d, 0x72, 0x61, 0x6e, 0x64, 0x6f, 0x6d, 0x2d, 0x21,
	0x00,				/* no session */
	0x00, 0x0a, 0xc0, 0x2f, 0xc0, 0x30, 0xc0, 0x2b, 0xc0, 0x2c, 0x00,
	0x9c,
	0x01, 0x00,
	0x00, 0x25,
	0x00, 0x0a, 0x00, 0x06, 0x00, 0x04, 0x00, 0x1d, 0x00, 0x17,
	0x00, 0x0b, 0x00, 0x02, 0x01, 0x00,
	0x00, 0x0d, 0x00, 0x0c, 0x00, 0x0a, 0x04, 0x03, 0x08, 0x04, 0x04,
	0x01, 0x05, 0x01, 0x02, 0x01,
	0xff, 0x01, 0x00, 0x01, 0x00
};

/* Which name servers there are: any answer will do. */
static const uint8_t	dns_query[] = {
	0, 0, 0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1
};

#define QUIC_ASK	1200	/* shorter is not answered */

struct check {
	TAILQ_ENTRY(check)	 entry;
	struct pool		*pool;
	struct member		*member;
	struct event		*timer;		/* begins, or ends it */
	struct event		*io;		/* NULL: between two */
	int			 fd;
	int			 running;	/* counted in `running` */
	int			 asked;		/* the parent, for a socket */
	int			 connected;
	unsigned int		 bad;		/* in a row */
	uint16_t		 number;	/* of a query */
	size_t			 n;
	uint8_t			*answer;	/* while it runs */
	uint8_t			 id[8];		/* of ours, for QUIC */
};

static TAILQ_HEAD(, check)	 checks = TAILQ_HEAD_INITIALIZER(checks);
static struct event_base	*base;
static struct generation	*used;
static int			 lead;
static unsigned int		 running, at_once;

static void
finish(struct check *c)
{
	if (c->io != NULL)
		event_free(c->io);
	c->io = NULL;
	if (c->fd != -1)
		close(c->fd);
	c->fd = -1;
	free(c->answer);
	c->answer = NULL;
	c->n = 0;
	running -= (unsigned int)c->running;
	c->connected = c->asked = c->running = 0;
}

static void
again(struct check *c)
{
	finish(c);
	timer_set(c->timer, c->pool->w->interval);
}

static void
passed(struct check *c)
{
	struct shared_member	*m = c->member->shared;

	c->bad = 0;
	atomic_store(&m->checked, 1);
	if (atomic_fetch_add(&m->passed, 1) + 1 >= c->pool->w->rise &&
	    atomic_load(&m->down) && member_mark(c->member, 0))
		access_member(c->member, 0);
	again(c);
}

/* The first check of all decides at once. */
static void
failed(struct check *c, int error)
{
	struct shared_member	*m = c->member->shared;

	atomic_store(&m->passed, 0);
	if (++c->bad >= c->pool->w->fall || !atomic_load(&m->checked)) {
		c->bad = c->pool->w->fall;
		if (!atomic_load(&m->down) && member_mark(c->member, 1))
			access_member(c->member, error);
	}
	atomic_store(&m->checked, 1);
	again(c);
}

/* Our want of descriptors or memory says nothing of the member. */
static void
not_done(struct check *c, int error)
{
	switch (error) {
	case EADDRNOTAVAIL:
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
		again(c);
		break;
	default:
		failed(c, error);
	}
}

/*
 * A long header of a version that nobody has is answered by those that there
 * are, without keys (RFC 9000 6.1).
 */
static size_t
ask_quic(struct check *c, uint8_t *buf, size_t size)
{
	static const uint8_t	head[] = { 0xc0, 0x1a, 0x2a, 0x3a, 0x4a, 8 };

	if (size < QUIC_ASK)
		return 0;
	memset(buf, 0, QUIC_ASK);
	arc4random_buf(c->id, sizeof(c->id));
	memcpy(buf, head, sizeof(head));
	arc4random_buf(buf + sizeof(head), 8);
	buf[14] = sizeof(c->id);
	memcpy(buf + 15, c->id, sizeof(c->id));
	return QUIC_ASK;
}

static size_t
ask_dns(struct check *c, uint8_t *buf)
{
	memcpy(buf, dns_query, sizeof(dns_query));
	c->number = (uint16_t)arc4random();
	buf[0] = (uint8_t)(c->number >> 8);
	buf[1] = (uint8_t)c->number;
	return sizeof(dns_query);
}

/* What it says once it is connected; 0: nothing. */
static size_t
request(struct check *c, uint8_t *buf, size_t size)
{
	const struct wire_pool	*w = c->pool->w;
	int			 n;

	switch (w->check) {
	case CHECK_SEND:
		memcpy(buf, w->send, w->send_len);
		return w->send_len;
	case CHECK_DNS:
		return ask_dns(c, buf);
	case CHECK_QUIC:
		return ask_quic(c, buf, size);
	case CHECK_TLS:
		memcpy(buf, client_hello, sizeof(client_hello));
		return sizeof(client_hello);
	case CHECK_HTTP:
		n = snprintf((char *)buf, size, "GET %.*s HTTP/1.0\r\n"
		    "Host: %s\r\nUser-Agent: refract\r\n"
		    "Connection: close\r\n\r\n", (int)w->send_len,
		    (const char *)w->send, *c->member->w->name == '\0' ||
		    *c->member->w->name == '/' ? "localhost" :
		    c->member->w->name);
		return (size_t)n;
	}
	return 0;
}

/* "HTTP/1.1 200": 2xx and 3xx, or the one that is expected. */
static enum rp_answer
http_answer(const struct check *c)
{
	const struct wire_pool	*w = c->pool->w;

	if (c->n < 12)
		return memcmp(c->answer, "HTTP/1.", c->n < 7 ? c->n : 7) == 0 ?
		    RP_MORE : RP_NO;
	if (memcmp(c->answer, "HTTP/1.", 7) != 0 || c->answer[8] != ' ')
		return RP_NO;
	if (w->expect_len == 3)
		return memcmp(c->answer + 9, w->expect, 3) == 0 ? RP_YES :
		    RP_NO;
	return c->answer[9] == '2' || c->answer[9] == '3' ? RP_YES : RP_NO;
}

/* An answer to this query, also a refusal; not that it could not. */
static enum rp_answer
dns_answer(const struct check *c)
{
	const uint8_t	*p = c->answer;

	return c->n >= 12 && (p[0] << 8 | p[1]) == c->number &&
	    (p[2] & 0x80) != 0 && (p[3] & 0x0f) != 2 ? RP_YES : RP_NO;
}

/* Version negotiation, or a packet of a version, for our id. */
static enum rp_answer
quic_answer(const struct check *c)
{
	const uint8_t	*p = c->answer;

	return c->n > 6 + sizeof(c->id) && (p[0] & 0x80) != 0 &&
	    p[5] == sizeof(c->id) &&
	    memcmp(p + 6, c->id, sizeof(c->id)) == 0 ? RP_YES : RP_NO;
}

static enum rp_answer
judge(const struct check *c)
{
	const struct wire_pool	*w = c->pool->w;

	switch (w->check) {
	case CHECK_SEND:
		if (memmem(c->answer, c->n, w->expect, w->expect_len) != NULL)
			return RP_YES;
		return c->n < ANSWER_MAX ? RP_MORE : RP_NO;
	case CHECK_TLS:		/* a handshake, or an alert */
		if (c->n < 3)
			return RP_MORE;
		return (c->answer[0] == 0x16 || c->answer[0] == 0x15) &&
		    c->answer[1] == 3 ? RP_YES : RP_NO;
	case CHECK_HTTP:
		return http_answer(c);
	case CHECK_DNS:
		return dns_answer(c);
	case CHECK_QUIC:
		return quic_answer(c);
	}
	return RP_YES;
}

static void
hear(struct check *c)
{
	ssize_t	n;

	n = recv(c->fd, c->answer + c->n, ANSWER_MAX - c->n, MSG_DONTWAIT);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		failed(c, n == 0 ? ECONNRESET : errno);
		return;
	}
	c->n += (size_t)n;
	switch (judge(c)) {
	case RP_YES:
		passed(c);
		break;
	case RP_NO:
		failed(c, EPROTO);
		break;
	case RP_MORE:
		break;
	}
}

/* It must say something; else to be there is enough. */
static int
is_answered(const struct check *c)
{
	const struct wire_pool	*w = c->pool->w;

	return w->check == CHECK_TLS || w->check == CHECK_HTTP ||
	    w->check == CHECK_DNS || w->check == CHECK_QUIC ||
	    (w->check == CHECK_SEND && w->expect_len > 0);
}

/* 0: it goes on; else it is over. */
static int
speak(struct check *c)
{
	uint8_t		buf[QUIC_ASK];
	size_t		n;
	int		error = 0;
	socklen_t	len = sizeof(error);

	getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &len);
	if (error != 0) {
		failed(c, error);
		return -1;
	}
	c->connected = 1;
	n = request(c, buf, sizeof(buf));
	if (n > 0 && send(c->fd, buf, n, MSG_NOSIGNAL | MSG_DONTWAIT) !=
	    (ssize_t)n) {
		failed(c, errno);
		return -1;
	}
	if (is_answered(c))
		return 0;
	passed(c);
	return -1;
}

static void	on_io(int, short, void *);

static void
wait_for(struct check *c, short what)
{
	if (c->io != NULL)
		event_free(c->io);
	if ((c->io = event_new(base, c->fd, what | EV_PERSIST, on_io, c)) ==
	    NULL)
		fatal("check");
	event_add(c->io, NULL);
}

static void
on_io(UNUSED int fd, UNUSED short what, void *arg)
{
	struct check	*c = arg;

	if (c->connected)
		hear(c);
	else if (speak(c) == 0)
		wait_for(c, EV_READ);
}

static void
run(struct check *c, int fd)
{
	c->fd = fd;
	if ((c->answer = malloc(ANSWER_MAX)) == NULL) {
		failed(c, errno);
		return;
	}
	timer_set(c->timer, c->pool->w->timeout);
	wait_for(c, EV_WRITE);
}

/* Unix sockets are the parent's to connect: check_given() has the answer. */
static void
ask_parent(struct check *c)
{
	struct msg_mux_want	m;

	memset(&m, 0, sizeof(m));
	m.kind = MUX_WANT_UNIX;
	m.number = c->member->w->slot;
	m.stream = SOCK_STREAM;
	m.count = 1;
	c->asked = 1;
	timer_set(c->timer, c->pool->w->timeout);
	channel_send(child_parent, M_MUX_WANT, 0, &m, sizeof(m));
}

void
check_given(const struct msg_mux_want *m, int fd)
{
	struct check	*c;

	TAILQ_FOREACH(c, &checks, entry)
		if (c->member->w->slot == m->number && c->asked)
			break;
	if (c != NULL)
		c->asked = 0;
	if (c == NULL && fd != -1)
		close(fd);
	else if (c != NULL && fd == -1)
		not_done(c, m->error);
	else if (c != NULL)
		run(c, fd);
}

static void
begin(struct check *c)
{
	struct sockaddr_storage	ss;
	socklen_t		len;
	int			error, fd;

	if (running >= at_once) {
		timer_set(c->timer, BUSY_RETRY);
		return;
	}
	running++;
	c->running = 1;
	if (c->member->w->kind == MEMBER_UNIX) {
		ask_parent(c);
		return;
	}
	if ((len = member_sockaddr(c->member, &ss)) == 0) {
		/* Its name has no address yet, which is nobody's failure. */
		again(c);
		return;
	}
	fd = socket(ss.ss_family, (c->pool->w->datagrams ? SOCK_DGRAM :
	    SOCK_STREAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1) {
		not_done(c, errno);
		return;
	}
	if (connect(fd, (struct sockaddr *)&ss, len) == -1 &&
	    errno != EINPROGRESS) {
		error = errno;
		close(fd);
		not_done(c, error);
		return;
	}
	run(c, fd);
}

static void
on_timer(UNUSED int fd, UNUSED short what, void *arg)
{
	struct check	*c = arg;

	if (c->fd != -1 || c->asked)
		failed(c, ETIMEDOUT);
	else
		begin(c);
}

static void
check_free(struct check *c)
{
	finish(c);
	TAILQ_REMOVE(&checks, c, entry);
	event_free(c->timer);
	free(c);
}

static void
check_new(struct pool *p, struct member *m)
{
	struct check	*c;

	if ((c = calloc(1, sizeof(*c))) == NULL ||
	    (c->timer = evtimer_new(base, on_timer, c)) == NULL)
		fatal("check");
	c->pool = p;
	c->member = m;
	c->fd = -1;
	TAILQ_INSERT_TAIL(&checks, c, entry);
	timer_set(c->timer, arc4random_uniform(FIRST_SPREAD));
}

static void
restart(void)
{
	struct check	*c;
	struct pool	*p;
	unsigned int	 i, k;

	while ((c = TAILQ_FIRST(&checks)) != NULL)
		check_free(c);
	for (i = 0; lead && used != NULL && i < used->npools; i++) {
		p = used->pools[i];
		for (k = 0; k < p->n && p->w->check != CHECK_NONE; k++)
			check_new(p, &p->members[k]);
	}
}

void
check_init(struct event_base *b, unsigned int descriptors)
{
	base = b;
	at_once = descriptors / 16 > AT_ONCE_MIN ? descriptors / 16 :
	    AT_ONCE_MIN;
}

unsigned int
check_at_once(void)
{
	return at_once;
}

void
check_lead(int on)
{
	if (lead == on)
		return;
	lead = on;
	restart();
}

void
check_use(struct generation *g)
{
	if (g != NULL)
		generation_hold(g);
	if (used != NULL)
		generation_release(used);
	used = g;
	restart();
}

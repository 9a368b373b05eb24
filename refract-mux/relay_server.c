/*
 * The relay's server: it reads one header, asks the list of clients whether
 * they may say so, and connects to the destination from the source address
 * and port.  What both ends share is here too; a client's own part is in
 * relay_client.c.
 */
#include <sys/socket.h>

#include <netinet/in.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "mux.h"
#include "offence.h"
#include "poller.h"
#include "relay_side.h"
#include "srcproxy.h"
#include "timer.h"

#define CLOCKS		60000	/* ms that two hosts' clocks may differ */
#define NONCE_KEEP	(2 * CLOCKS + 10000)
#define SAY_MAX		50	/* refusals that are logged in a second */
#define HEAD		2048	/* read at first: a header, and what follows */
#define OWN_KEEP	1000	/* ms that a destination's answer is kept */
#define OWN_SLOTS	256

#ifndef IPV6_FREEBIND
#define IPV6_FREEBIND	78	/* linux/in6.h */
#endif

/* One of the list: found by what a keyed hash makes of its token or key. */
struct relay_client {
	const struct conf_relay_client	*c;
	struct prefixset		 sources;
	uint8_t				 name[RELAY_AUTH_LEN];
	size_t				 name_len;
	struct relay_client		*next;
};

/* Since when nonces are remembered; a reload keeps it. */
static wall_t	began;

/* The list. */

/* Nothing of it tells how near a guess was. */
static size_t
place(const struct relay_listener *r, const uint8_t *name, size_t n)
{
	uint8_t		key[8 + RELAY_AUTH_LEN], sum[SRCPROXY_AUTH];
	uint64_t	h;

	memcpy(key, &r->seed, 8);
	memcpy(key + 8, name, n);
	srcproxy_token((const char *)key, 8 + n, sum);
	memcpy(&h, sum, sizeof(h));
	return h & (r->nheads - 1);
}

/* Signed ones by the key's id, which is shorter than a token's sum. */
static const struct relay_client *
client_find(const struct relay_listener *r, const uint8_t *name, size_t n)
{
	const struct relay_client	*c, *found = NULL;

	if (n != RELAY_AUTH_LEN && n != SRCPROXY_KEYID)
		return NULL;
	for (c = r->heads[place(r, name, n)]; c != NULL; c = c->next)
		if (c->name_len == n && srcproxy_same(c->name, name, n))
			found = c;
	return found;
}

static void
client_add(struct relay_listener *r, const struct conf_relay_client *conf)
{
	struct relay_client	*c = &r->list[r->n++];
	size_t			 at;
	uint32_t		 i;

	c->c = conf;
	prefixset_init(&c->sources);
	for (i = 0; i < conf->w.n; i++)
		if (prefixset_add(&c->sources, &conf->sources[i]) == -1)
			fatal("relay");
	prefixset_build(&c->sources);
	if (conf->w.key_len > 0) {
		srcproxy_keyid(conf->w.key, conf->w.key_len, c->name);
		c->name_len = SRCPROXY_KEYID;
	} else {
		memcpy(c->name, conf->w.auth, RELAY_AUTH_LEN);
		c->name_len = RELAY_AUTH_LEN;
	}
	at = place(r, c->name, c->name_len);
	c->next = r->heads[at];
	r->heads[at] = c;
}

static const struct prefixset *
set_of(const struct conf *c, uint32_t id)
{
	struct conf_table	*t = id == 0 ? NULL : conf_table_byid(c, id);

	return t == NULL ? NULL : &t->prefixes;
}

struct relay_listener *
relay_listener_new(struct conf_listener *l, const struct conf *conf)
{
	struct conf_relay_client	*c;
	struct relay_listener		*r;

	if (l->relay == NULL)
		fatalx("listen %s: a relay of nothing", l->w.name);
	if (began == 0)
		began = wall_now();
	if ((r = calloc(1, sizeof(*r))) == NULL)
		fatal("relay");
	r->c = l->relay;
	r->allow = set_of(conf, r->c->w.allow);
	r->deny = set_of(conf, r->c->w.deny);
	arc4random_buf(&r->seed, sizeof(r->seed));
	for (r->nheads = 64; r->nheads < 2 * r->c->nclients;)
		r->nheads *= 2;
	if ((r->heads = calloc(r->nheads, sizeof(*r->heads))) == NULL ||
	    (r->list = calloc(r->c->nclients + 1, sizeof(*r->list))) == NULL)
		fatal("relay");
	TAILQ_FOREACH(c, &r->c->clients, entry)
		client_add(r, c);
	return r;
}

void
relay_listener_free(struct relay_listener *r)
{
	size_t	i;

	if (r == NULL)
		return;
	for (i = 0; i < r->n; i++)
		prefixset_clear(&r->list[i].sources);
	free(r->list);
	free(r->heads);
	free(r);
}

/* What is said. */

/* 1: one more may be said in this second. */
static int
may_say(void)
{
	static uint64_t		second;
	static unsigned int	said, dropped;
	uint64_t		now = wheel_now() / 1000;

	if (now != second) {
		if (dropped > 0)
			log_notice("%u more refusals of relays were not "
			    "logged", dropped);
		second = now;
		said = dropped = 0;
	}
	if (said < SAY_MAX)
		return ++said, 1;
	dropped++;
	return 0;
}

static const char *
kind_of(const struct conn *c)
{
	return c->l->w->kind == LISTEN_RELAY_SERVER ? "server" : "client";
}

/* Who asked, for what; and what came of it. */
static void
say(struct conn *c, const char *what, const char *why)
{
	char	peer[PREFIX_STRLEN], from[PREFIX_STRLEN], to[PREFIX_STRLEN];

	c->relay->said = 1;
	if (!may_say())
		return;
	prefix_print(&c->relay->via, peer);
	if (c->to.family == 0 || c->state == CONN_HEADER)
		log_notice("relay %s %s: %s port %u: %s%s%s", kind_of(c),
		    c->l->w->name, peer, c->relay->via_port, what,
		    why == NULL ? "" : ": ", why == NULL ? "" : why);
	else
		log_notice("relay %s %s: %s port %u: %s port %u to %s port "
		    "%u: %s%s%s", kind_of(c), c->l->w->name, peer,
		    c->relay->via_port, prefix_print(&c->from, from),
		    c->from_port, prefix_print(&c->to, to), c->to_port, what,
		    why == NULL ? "" : ": ", why == NULL ? "" : why);
}

static void
refuse(struct conn *c, enum end_reason why, const char *what)
{
	say(c, what, NULL);
	side_reset(&c->client);
	conn_end(c, why);
}

void
relay_blame(struct conn *c, int error)
{
	c->relay->error = error;
	if (c->relay->what == NULL)
		c->relay->what = "it could not be connected";
}

static void
say_end(struct conn *c, enum end_reason why)
{
	const char	*what;

	switch (why) {
	case END_HEADER:
		say(c, c->client.ended ? "half a header" :
		    "no header in time", NULL);
		break;
	case END_CLIENT:
		/* Without a word: somebody looks whether we are here. */
		if (c->state == CONN_HEADER && c->relay->nhalf > 0)
			say(c, "it left in the middle of the header", NULL);
		break;
	case END_CONNECT:
	case END_DOWN:
	case END_SOURCE:
	case END_ERROR:
		what = why == END_ERROR ? "no memory or descriptors" :
		    "no server is up";
		say(c, c->relay->what == NULL ? what : c->relay->what,
		    c->relay->error == 0 ? NULL : strerror(c->relay->error));
		break;
	case END_IDLE:
		say(c, "idle for too long", NULL);
		break;
	default:
		break;
	}
}

void
relay_ended(struct conn *c, enum end_reason why)
{
	if (!c->relay->said)
		say_end(c, why);
	shared_forget(&c->relay->limit, &c->relay->as, c->relay->ticket);
	free(c->relay->half);
	free(c->relay);
	c->relay = NULL;
}

/* The beginning. */

struct relay_conn *
relay_conn_new(struct conn *c)
{
	if ((c->relay = calloc(1, sizeof(*c->relay))) == NULL)
		return NULL;
	c->relay->via = c->from;
	c->relay->via_port = c->from_port;
	return c->relay;
}

void
relay_begin(struct conn *c)
{
	if (relay_conn_new(c) == NULL) {
		side_reset(&c->client);
		conn_end(c, END_ERROR);
	} else if (c->l->w->kind == LISTEN_RELAY_CLIENT) {
		relay_client_begin(c);
	} else {
		c->state = CONN_HEADER;
		conn_set_timer(c, c->l->w->peek_time);
	}
}

void
relay_via(struct conn *c, struct endpoint *e)
{
	struct sockaddr_storage	ss;
	socklen_t		len = sizeof(ss);

	if (c->l->w->kind == LISTEN_RELAY_SERVER) {
		e->addr = c->relay->via;
		e->port = c->relay->via_port;
	} else if (c->server.fd != -1 && getsockname(c->server.fd,
	    (struct sockaddr *)&ss, &len) == 0) {
		addr_from_sockaddr(&e->addr, (struct sockaddr *)&ss,
		    &e->port);
	}
}

/* Destinations. */

/*
 * Would it arrive on this very host?  The kernel knows: what goes there comes
 * from there, and broadcasts are refused to who did not ask to send them.
 * Nothing is sent.
 */
static int
ask_own(const struct prefix *p)
{
	static int		 fds[2] = { -1, -1 };
	struct sockaddr_storage	 ss;
	struct sockaddr		 none = { .sa_family = AF_UNSPEC };
	struct prefix		 from;
	socklen_t		 len = sizeof(ss);
	int			*fd = &fds[p->family == AF_INET6], own;

	if (*fd == -1 && (*fd = socket(p->family, SOCK_DGRAM | SOCK_CLOEXEC |
	    SOCK_NONBLOCK, 0)) == -1)
		return 1;
	if (connect(*fd, (struct sockaddr *)&ss,
	    addr_to_sockaddr(p, 9, &ss)) == 0) {
		own = getsockname(*fd, (struct sockaddr *)&ss, &len) == -1 ||
		    addr_from_sockaddr(&from, (struct sockaddr *)&ss,
		    NULL) == -1 || prefix_cmp(&from, p) == 0;
		connect(*fd, &none, sizeof(none));
		return own;
	}
	return errno == EACCES;
}

/* Three calls are much for each connection to one destination. */
static int
is_own(const struct prefix *p)
{
	static struct {
		struct prefix	p;
		uint64_t	until;
		int		own;
	} asked[OWN_SLOTS], *a;
	unsigned int	i, at = 0;

	for (i = 0; i < sizeof(p->addr); i++)
		at = at * 31 + p->addr[i];
	a = &asked[at % OWN_SLOTS];
	if (a->until <= wheel_now() || prefix_cmp(&a->p, p) != 0) {
		a->p = *p;
		a->own = ask_own(p);
		a->until = wheel_now() + OWN_KEEP;
	}
	return a->own;
}

/* Which of these it is in; NULL: none. */
static const struct prefix *
special(const struct prefix *p)
{
	static const struct prefix	list[] = {
		{ AF_INET, 8, { 0 } },			/* this host */
		{ AF_INET, 8, { 127 } },
		{ AF_INET, 16, { 169, 254 } },
		{ AF_INET, 4, { 224 } },
		{ AF_INET, 4, { 240 } },
		{ AF_INET6, 127, { 0 } },		/* :: and ::1 */
		{ AF_INET6, 10, { 0xfe, 0x80 } },
		{ AF_INET6, 8, { 0xff } }
	};
	size_t				i;

	for (i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		if (prefix_contains(&list[i], p))
			return &list[i];
	return NULL;
}

/* By a prefix of this length or a longer one: 0.0.0.0/1 lists no loopback. */
static int
is_listed(const struct prefixset *set, const struct prefix *p,
    unsigned int plen)
{
	struct prefix	wider = *p;

	if (set == NULL || !prefixset_contains(set, p))
		return 0;
	prefix_mask(&wider, plen - 1);
	return !prefixset_contains(set, &wider);
}

/* Why not, or NULL. */
static const char *
destination_refused(const struct relay_listener *r, const struct srcproxy *s)
{
	const struct prefix	*in = special(&s->to);

	if (s->to_port == 0)
		return "the destination's port is 0";
	if (r->deny != NULL && prefixset_contains(r->deny, &s->to))
		return "the destination is denied";
	if (r->allow != NULL && !prefixset_contains(r->allow, &s->to))
		return "the destination is not one that is allowed";
	if (in != NULL && !is_listed(r->allow, &s->to, in->plen))
		return "the destination is loopback, link-local, multicast "
		    "or nobody's";
	if (in == NULL && !is_listed(r->allow, &s->to, s->to.plen) &&
	    is_own(&s->to))
		return "the destination is this host, or a broadcast address "
		    "of its";
	return NULL;
}

/* Clients. */

static uint64_t
nonce_hash(const struct srcproxy *s)
{
	uint64_t	a, b, id;

	memcpy(&a, s->nonce, 8);
	memcpy(&b, s->nonce + 8, 8);
	memcpy(&id, s->keyid, 8);
	return (a * 0x9e3779b97f4a7c15ULL) ^ b ^ (id << 1 | id >> 63);
}

/* Signed: by its key, now, and once.  Why not, or NULL. */
static const char *
signature_refused(const struct relay_client *k, const struct srcproxy *s,
    const uint8_t *p)
{
	wall_t	now = wall_now();

	if (!srcproxy_verify(p, s, k->c->w.key, k->c->w.key_len))
		return "a wrong signature";
	if (s->at < now - CLOCKS || s->at > now + CLOCKS)
		return "a signature of another time (do both clocks agree?)";
	if (s->at <= began)
		return "a signature from before this server's start";
	if (!shared_nonce(nonce_hash(s), wheel_now(), NONCE_KEEP))
		return "a signed header for the second time";
	return NULL;
}

static const struct relay_client *
client_of(const struct relay_listener *r, const struct srcproxy *s)
{
	if (s->version == 2)
		return client_find(r, s->keyid, sizeof(s->keyid));
	return client_find(r, s->auth, s->auth_len);
}

/* What this client has of connections: as an address that is its token. */
static int
admit_client(struct conn *c, const struct relay_client *k)
{
	struct relay_conn	*rc = c->relay;

	if (k->c->w.connections == 0)
		return 1;
	rc->limit = *c->l->w;
	rc->limit.hash ^= 0x72656c6179ULL;
	rc->limit.per_address = k->c->w.connections;
	rc->limit.rate = 0;
	rc->limit.plen6 = 128;
	rc->as.family = AF_INET6;
	rc->as.plen = 128;
	memcpy(rc->as.addr, k->name, k->name_len < 16 ? k->name_len : 16);
	return shared_known(&rc->limit, &rc->as, wheel_now(), &rc->ticket) ==
	    ADMITTED;
}

/* From here on it is the connection of whom the header names. */
static void
take_addresses(struct conn *c, const struct srcproxy *s)
{
	c->from = s->from;
	c->from_port = s->from_port;
	c->to = s->to;
	c->to_port = s->to_port;
	c->state = CONN_CONNECT;
}

/* Who may not ask: what is wrong, or NULL. */
static const char *
client_refused(struct conn *c, const struct srcproxy *s, const uint8_t *p,
    enum end_reason *why)
{
	const struct relay_listener	*r = c->l->relay;
	const struct relay_client	*k;
	const char			*what;

	if (r->c->w.any_client)
		return NULL;
	*why = END_TOKEN;
	if ((k = client_of(r, s)) == NULL)
		return s->version == 2 ? "no client has this key" :
		    "no client has this token";
	if (s->version == 2 && (what = signature_refused(k, s, p)) != NULL)
		return what;
	take_addresses(c, s);
	*why = END_SOURCE;
	if (k->c->w.n > 0 && !prefixset_contains(&k->sources, &s->from))
		return "this client may not have this source";
	*why = END_LIMIT;
	return admit_client(c, k) ? NULL :
	    "this client has too many connections";
}

/* The header. */

/*
 * What is here, behind what came of the header before.  It is read and not
 * only looked at: what follows the header goes to relay_keep().
 */
static ssize_t
take_in(struct conn *c, uint8_t buf[HEAD])
{
	struct relay_conn	*rc = c->relay;
	struct side		*s = &c->client;
	ssize_t			 n;

	if (rc->nhalf > 0)
		memcpy(buf, rc->half, rc->nhalf);
	do
		n = recv(s->fd, buf + rc->nhalf, HEAD - rc->nhalf,
		    MSG_DONTWAIT);
	while (n == -1 && errno == EINTR);
	if (n == -1 && errno == EAGAIN)
		return (ssize_t)rc->nhalf;
	if (n == -1)
		return -1;
	if (n == 0)
		s->ended = 1;
	/* Less than asked for is all: an edge tells of more. */
	if ((size_t)n < HEAD - rc->nhalf && !s->broken) {
		s->readable = 0;
		s->eof = s->ended;
	}
	return n + (ssize_t)rc->nhalf;
}

/* The rest comes later, or never. */
static int
keep_half(struct relay_conn *rc, const uint8_t *p, size_t n)
{
	if (rc->half == NULL && (rc->half = malloc(SRCPROXY_MAX)) == NULL)
		return -1;
	memcpy(rc->half, p, n);
	rc->nhalf = n;
	return 0;
}

static void
header_bad(struct conn *c, const char *what)
{
	offended(c->l, OFFENCE_UNKNOWN, &c->relay->via, c->relay->via_port,
	    "no header of a relay");
	refuse(c, END_HEADER, what);
}

static void
token_bad(struct conn *c, enum end_reason why, const char *what)
{
	if (why == END_TOKEN)
		offended(c->l, OFFENCE_TOKEN, &c->relay->via,
		    c->relay->via_port, what);
	refuse(c, why, what);
}

static void
header_good(struct conn *c, const struct srcproxy *s, const uint8_t *p)
{
	enum end_reason	 why = END_ERROR;
	const char	*what;

	if ((what = client_refused(c, s, p, &why)) != NULL) {
		token_bad(c, why, what);
		return;
	}
	take_addresses(c, s);
	if (s->from.family != s->to.family)
		refuse(c, END_SOURCE, "source and destination are of "
		    "different families");
	else if ((what = destination_refused(c->l->relay, s)) != NULL)
		refuse(c, END_DESTINATION, what);
	else if (special(&s->from) != NULL)
		refuse(c, END_SOURCE, "such a source is nobody's");
	else
		decide_route(c, c->l->routes.otherwise);
}

void
relay_header(struct conn *c)
{
	static uint8_t		buf[HEAD];
	struct srcproxy		s;
	enum srcproxy_error	why;
	size_t			len;
	ssize_t			n;

	if ((n = take_in(c, buf)) == -1 || (n == 0 && c->client.ended)) {
		conn_end(c, END_CLIENT);
		return;
	}
	switch (srcproxy_parse(buf, (size_t)n, &len, &s, &why)) {
	case RP_NO:
		header_bad(c, srcproxy_error(why));
		break;
	case RP_MORE:
		if (c->client.ended)
			header_bad(c, "half a header");
		else if (keep_half(c->relay, buf, (size_t)n) == -1)
			conn_end(c, END_ERROR);
		break;
	case RP_YES:
		if (relay_keep(c, buf + len, (size_t)n - len) == -1)
			conn_end(c, END_ERROR);
		else
			header_good(c, &s, buf);
		break;
	}
}

/* To the destination. */

int
relay_bind(int fd, const struct prefix *p, uint16_t port)
{
	struct sockaddr_storage	ss;
	int			on = 1;

	/* Its port may have gone elsewhere a moment ago. */
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	return bind(fd, (struct sockaddr *)&ss, addr_to_sockaddr(p, port,
	    &ss));
}

static int
bind_free(struct conn *c, int fd, uint16_t port)
{
	int	on = 1;

	if ((c->from.family == AF_INET ? setsockopt(fd, IPPROTO_IP,
	    IP_FREEBIND, &on, sizeof(on)) : setsockopt(fd, IPPROTO_IPV6,
	    IPV6_FREEBIND, &on, sizeof(on))) == -1)
		return -1;
	return relay_bind(fd, &c->from, port);
}

int
relay_unbound(struct conn *c, int error)
{
	int	any = c->l->relay->c->w.any_port;

	switch (error) {
	case EACCES:
		c->relay->what = "the source's port is below 1024 (`any port' "
		    "takes another)";
		return any;
	case EADDRINUSE:
		c->relay->what = "the source's port is in use here (`any "
		    "port' takes another)";
		return any;
	case EADDRNOTAVAIL:
		c->relay->what = "the source's port is in use towards this "
		    "destination (`any port' takes another)";
		return any;
	case ENETUNREACH:
	case EINVAL:
		c->relay->what = "no way (is the source's prefix local on "
		    "this host? see refract.conf(5))";
		return 0;
	}
	return 0;
}

/* From the source's address and this port; 0: any. */
static enum upstream
open_from(struct conn *c, uint16_t port, int *fdp)
{
	int	saved;

	c->relay->what = "the destination";
	*fdp = socket(c->to.family, SOCK_STREAM | SOCK_NONBLOCK |
	    SOCK_CLOEXEC, 0);
	if (*fdp == -1)
		return UPSTREAM_FAILED;
	if (bind_free(c, *fdp, port) == 0)
		return relay_connect(c, *fdp, &c->to, c->to_port);
	saved = errno;
	close(*fdp);
	errno = saved;
	return UPSTREAM_FAILED;
}

enum upstream
relay_open(struct conn *c, int *fdp)
{
	enum upstream	status;

	if (c->l->w->kind == LISTEN_RELAY_CLIENT)
		return relay_client_open(c, fdp);
	status = open_from(c, c->from_port, fdp);
	if (status == UPSTREAM_FAILED && relay_unbound(c, errno))
		status = open_from(c, 0, fdp);
	return status;
}

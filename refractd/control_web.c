/*
 * HTTP, by evhttp: GET and HEAD of a few fixed paths, one request a
 * connection.  Nothing is read but its line and headers, there is no file
 * system, and nothing here changes anything.
 *
 * However many ask, the siblings are asked once for all who wait, and not more
 * often than five times a second.
 */
#include <sys/queue.h>
#include <sys/socket.h>

#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>

#include "addr.h"
#include "args.h"
#include "child.h"
#include "control_page.h"
#include "control_rates.h"
#include "control_snap.h"
#include "control_web.h"
#include "counter.h"
#include "log.h"
#include "timer.h"

#define CONNS_MAX	64	/* the rest wait in the kernel's queue */
#define CONN_SECONDS	20	/* from first to last byte */
#define IDLE_SECONDS	5	/* without a byte */
#define HEADERS_MAX	8192
#define BODY_MAX	4096	/* read and thrown away */
#define TAKE_MS		200	/* from one question to the next */
#define SWEEP_MS	50

struct listener {
	TAILQ_ENTRY(listener)		 entry;
	struct wire_status		 w;
	struct evconnlistener		*lev;
	struct evhttp_bound_socket	*bound;
};

/*
 * evhttp does not say when a connection is over.  We hold a reference to its
 * bufferevent; one that has no callbacks any more was let go.
 */
struct conn {
	TAILQ_ENTRY(conn)	 entry;
	struct bufferevent	*bev;
	mono_t			 since;
	int			 late;
};

/* A request that waits for a snapshot. */
struct waiter {
	TAILQ_ENTRY(waiter)	 entry;
	struct evhttp_request	*req;
	const struct path	*path;
	uint64_t		 from;
};

struct path {
	const char	*name;
	const char	*type;
	unsigned int	 parts;		/* of a snapshot; 0: none needed */
	void		(*fill)(struct evbuffer *, const struct snap *);
};

static TAILQ_HEAD(, listener)	listeners = TAILQ_HEAD_INITIALIZER(listeners);
static TAILQ_HEAD(, conn)	conns = TAILQ_HEAD_INITIALIZER(conns);
static TAILQ_HEAD(, waiter)	waiters = TAILQ_HEAD_INITIALIZER(waiters);
static struct evhttp		*http;
static struct event		*sweep_ev, *take_ev, *tick_ev;
static unsigned int		 nconns;
static mono_t			 taken;		/* the last snapshot's begin */
static int			 full;		/* nobody is accepted */

static void	turn(void);

/* --- Answers ------------------------------------------------------------- */

static void
fill_style(struct evbuffer *out, const struct snap *snap)
{
	(void)snap;
	evbuffer_add(out, page_style, strlen(page_style));
}

static const struct path paths[] = {
	{ "/", "text/html; charset=utf-8", SNAP_PEOPLE, page_html },
	{ "/metrics", "text/plain; version=0.0.4; charset=utf-8", SNAP_NUMBERS,
	    page_metrics },
	{ "/style.css", "text/css; charset=utf-8", 0, fill_style }
};

static void
header(struct evhttp_request *req, const char *key, const char *value)
{
	evhttp_add_header(evhttp_request_get_output_headers(req), key, value);
}

/* The body is shared by all who get the same. */
static void
answer(struct evhttp_request *req, int code, const char *type,
    struct evbuffer *body)
{
	char len[24];

	snprintf(len, sizeof(len), "%zu", evbuffer_get_length(body));
	header(req, "Content-Type", type);
	header(req, "Content-Length", len);
	header(req, "Cache-Control", "no-store");
	header(req, "Content-Security-Policy", "default-src 'none'; "
	    "style-src 'self'; base-uri 'none'; form-action 'none'; "
	    "frame-ancestors 'none'");
	header(req, "X-Content-Type-Options", "nosniff");
	header(req, "Referrer-Policy", "no-referrer");
	header(req, "Connection", "close");
	if (evhttp_request_get_command(req) != EVHTTP_REQ_HEAD)
		evbuffer_add_buffer_reference(
		    evhttp_request_get_output_buffer(req), body);
	evhttp_send_reply(req, code, NULL, NULL);
}

static void
refuse(struct evhttp_request *req, int code, const char *text)
{
	struct evbuffer *body;

	counter_inc(STATUS_REFUSED);
	if ((body = evbuffer_new()) == NULL) {
		evhttp_send_error(req, 503, NULL);
		return;
	}
	evbuffer_add_printf(body, "%s\n", text);
	answer(req, code, "text/plain; charset=utf-8", body);
	evbuffer_free(body);
}

/* --- Who waits ----------------------------------------------------------- */

/* The connection ended before its answer was there, and with it the request. */
static void
on_gone(struct evhttp_connection *conn, void *arg)
{
	struct waiter *w = arg;

	(void)conn;
	TAILQ_REMOVE(&waiters, w, entry);
	free(w);
}

static void
wait_for(struct evhttp_request *req, const struct path *path, uint64_t from)
{
	struct waiter *w;

	if ((w = calloc(1, sizeof(*w))) == NULL) {
		evhttp_send_error(req, 503, NULL);
		return;
	}
	w->req = req;
	w->path = path;
	w->from = from;
	evhttp_connection_set_closecb(evhttp_request_get_connection(req),
	    on_gone, w);
	TAILQ_INSERT_TAIL(&waiters, w, entry);
	turn();
}

/* Is this what he waits for? */
static int
suits(const struct waiter *w, const struct snap *snap)
{
	return (w->path->parts & snap->parts) != 0 &&
	    (w->path->parts == SNAP_NUMBERS || w->from == snap->from);
}

static void
serve(struct waiter *w, struct evbuffer *body)
{
	struct evhttp_request *req = w->req;

	TAILQ_REMOVE(&waiters, w, entry);
	evhttp_connection_set_closecb(evhttp_request_get_connection(req),
	    NULL, NULL);
	answer(req, HTTP_OK, w->path->type, body);
	free(w);
}

/* All who wait for this path and are served by this snapshot. */
static void
serve_path(const struct path *path, const struct snap *snap)
{
	struct evbuffer *body = NULL;
	struct waiter *w, *next;

	TAILQ_FOREACH_SAFE(w, &waiters, entry, next) {
		if (w->path != path || !suits(w, snap))
			continue;
		if (body == NULL) {
			if ((body = evbuffer_new()) == NULL)
				return;
			path->fill(body, snap);
		}
		serve(w, body);
	}
	if (body != NULL)
		evbuffer_free(body);
}

static void
on_snap(const struct snap *snap)
{
	size_t i;

	rates_sample(snap);
	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (paths[i].parts != 0)
			serve_path(&paths[i], snap);
	turn();
}

/* The next snapshot, if somebody wants one and it is time. */
static void
turn(void)
{
	struct waiter *w = TAILQ_FIRST(&waiters);
	mono_t now = mono_now();
	span_t ago = mono_since(taken, now);

	if (snap_busy() || TAILQ_EMPTY(&listeners) ||
	    (w == NULL && !rates_due(now)))
		return;
	if (ago < TAKE_MS) {
		timer_set(take_ev, TAKE_MS - ago);
		return;
	}
	taken = now;
	if (w == NULL)
		snap_take(SNAP_NUMBERS, 0);
	else
		snap_take(w->path->parts, w->from);
}

static void
on_turn(EVENT_ARGS)
{
	turn();
}

/* --- Requests ------------------------------------------------------------ */

/*
 * A web site whose name leads to 127.0.0.1 could have its visitors' browsers
 * read the page to it.  There, only addresses and localhost are names of ours.
 */
static int
is_our_name(struct evhttp_request *req)
{
	struct bufferevent *bev = evhttp_connection_get_bufferevent(
	    evhttp_request_get_connection(req));
	const char *host = evhttp_request_get_host(req);
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	struct prefix p;

	if (host == NULL || strcasecmp(host, "localhost") == 0 ||
	    *host == '[' || addr_parse(&p, host, strlen(host)) == 0)
		return 1;
	return getsockname(bufferevent_getfd(bev), (struct sockaddr *)&ss,
	    &len) == 0 && addr_from_sockaddr(&p, (struct sockaddr *)&ss,
	    NULL) == 0 && !addr_is_loopback(&p);
}

static const struct path *
find_path(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (name != NULL && strcmp(name, paths[i].name) == 0)
			return &paths[i];
	return NULL;
}

/* "from=N", or nothing: 0, or -1. */
static int
parse_query(const char *query, uint64_t *from)
{
	const char *errstr;

	*from = 0;
	if (query == NULL || *query == '\0')
		return 0;
	if (strncmp(query, "from=", 5) != 0)
		return -1;
	*from = (uint64_t)strtonum(query + 5, 0, INT64_MAX, &errstr);
	return errstr == NULL ? 0 : -1;
}

static void
get(struct evhttp_request *req)
{
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(req);
	const struct path *path = find_path(evhttp_uri_get_path(uri));
	struct evbuffer *body;
	uint64_t from = 0;

	if (path == NULL || (path->parts == SNAP_PEOPLE &&
	    parse_query(evhttp_uri_get_query(uri), &from) == -1))
		refuse(req, HTTP_NOTFOUND, "there is no such page");
	else if (path->parts != 0)
		wait_for(req, path, from);
	else if ((body = evbuffer_new()) != NULL) {
		path->fill(body, NULL);
		answer(req, HTTP_OK, path->type, body);
		evbuffer_free(body);
	} else
		evhttp_send_error(req, 503, NULL);
}

static void
on_request(struct evhttp_request *req, void *arg)
{
	enum evhttp_cmd_type method = evhttp_request_get_command(req);

	(void)arg;
	counter_inc(STATUS_REQUESTS);
	if (method != EVHTTP_REQ_GET && method != EVHTTP_REQ_HEAD) {
		header(req, "Allow", "GET, HEAD");
		refuse(req, HTTP_BADMETHOD, "only GET and HEAD");
	} else if (!is_our_name(req))
		refuse(req, 403, "use the address or localhost");
	else
		get(req);
}

/* --- Connections --------------------------------------------------------- */

static void
accept_all(int on)
{
	struct listener *l;

	full = !on;
	TAILQ_FOREACH(l, &listeners, entry)
		if (on)
			evconnlistener_enable(l->lev);
		else
			evconnlistener_disable(l->lev);
}

static int
is_over(struct bufferevent *bev)
{
	bufferevent_data_cb readcb, writecb;
	bufferevent_event_cb eventcb;
	void *arg;

	bufferevent_getcb(bev, &readcb, &writecb, &eventcb, &arg);
	return readcb == NULL && writecb == NULL && eventcb == NULL;
}

static void
on_sweep(EVENT_ARGS)
{
	struct conn *c, *next;
	mono_t now = mono_now();

	TAILQ_FOREACH_SAFE(c, &conns, entry, next) {
		if (is_over(c->bev)) {
			TAILQ_REMOVE(&conns, c, entry);
			bufferevent_decref(c->bev);
			free(c);
			counter_set(STATUS_CONNECTIONS, --nconns);
		} else if (!c->late &&
		    mono_since(c->since, now) > CONN_SECONDS * 1000) {
			c->late = 1;
			shutdown(bufferevent_getfd(c->bev), SHUT_RDWR);
		}
	}
	if (full && nconns < CONNS_MAX)
		accept_all(1);
	if (nconns > 0)
		timer_set(sweep_ev, SWEEP_MS);
}

static struct bufferevent *
on_connection(struct event_base *base, void *arg)
{
	struct conn *c;

	(void)arg;
	if ((c = calloc(1, sizeof(*c))) == NULL)
		return NULL;
	c->bev = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
	if (c->bev == NULL) {
		free(c);
		return NULL;
	}
	bufferevent_incref(c->bev);
	c->since = mono_now();
	TAILQ_INSERT_TAIL(&conns, c, entry);
	counter_set(STATUS_CONNECTIONS, ++nconns);
	if (nconns >= CONNS_MAX)
		accept_all(0);
	timer_set(sweep_ev, SWEEP_MS);
	return c->bev;
}

/* No descriptor or no memory: they may wait a little in the queue. */
static void
on_accept_error(struct evconnlistener *lev, void *arg)
{
	(void)lev;
	(void)arg;
	accept_all(0);
	timer_set(sweep_ev, SWEEP_MS);
}

/* --- Listeners ----------------------------------------------------------- */

static void
listener_close(struct listener *l)
{
	TAILQ_REMOVE(&listeners, l, entry);
	evhttp_del_accept_socket(http, l->bound);
	free(l);
}

void
web_listen(const struct wire_status *w, int fd)
{
	struct listener *l;

	if ((l = calloc(1, sizeof(*l))) == NULL)
		fatal("status");
	l->w = *w;
	l->lev = evconnlistener_new(child_base, NULL, NULL,
	    LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
	if (l->lev == NULL ||
	    (l->bound = evhttp_bind_listener(http, l->lev)) == NULL)
		fatalx("status: out of memory");
	evconnlistener_set_error_cb(l->lev, on_accept_error);
	TAILQ_INSERT_TAIL(&listeners, l, entry);
	if (full)
		evconnlistener_disable(l->lev);
	turn();
}

void
web_commit(const struct conf *conf)
{
	struct listener *l, *next;

	TAILQ_FOREACH_SAFE(l, &listeners, entry, next)
		if (conf_status_find(conf, &l->w) == NULL)
			listener_close(l);
	if (TAILQ_EMPTY(&conf->statuses))
		rates_clear();
}

void
web_stop(void)
{
	while (!TAILQ_EMPTY(&listeners))
		listener_close(TAILQ_FIRST(&listeners));
}

void
web_init(void)
{
	static const struct timeval tick = { RATES_SECONDS, 0 };

	if ((http = evhttp_new(child_base)) == NULL ||
	    (sweep_ev = evtimer_new(child_base, on_sweep, NULL)) == NULL ||
	    (take_ev = evtimer_new(child_base, on_turn, NULL)) == NULL ||
	    (tick_ev = event_new(child_base, -1, EV_PERSIST, on_turn,
	    NULL)) == NULL || event_add(tick_ev, &tick) == -1)
		fatalx("status: out of memory");
	evhttp_set_bevcb(http, on_connection, NULL);
	evhttp_set_gencb(http, on_request, NULL);
	evhttp_set_timeout(http, IDLE_SECONDS);
	evhttp_set_max_headers_size(http, HEADERS_MAX);
	evhttp_set_max_body_size(http, BODY_MAX);
	evhttp_set_allowed_methods(http, EVHTTP_REQ_GET | EVHTTP_REQ_POST |
	    EVHTTP_REQ_HEAD | EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE |
	    EVHTTP_REQ_OPTIONS | EVHTTP_REQ_TRACE | EVHTTP_REQ_CONNECT |
	    EVHTTP_REQ_PATCH);
	snap_init(on_snap);
}

/*
 * See relay.h.  A relay is a listener with one route, `otherwise', to a pool
 * that nobody else can name: its servers, or wherever it is asked to go.
 */
#include <sys/queue.h>
#include <sys/socket.h>

#include <nettle/sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf_list.h"
#include "listen.h"
#include "log.h"
#include "pools.h"
#include "relay.h"

#define SECOND		1000LL
#define TIMEOUT		(300 * SECOND)
#define HEADER_TIME	(5 * SECOND)
#define OVERLAPS_MAX	10	/* that are told */

enum setting { SET_ALLOW, SET_DENY, SET_ANY_PORT, SET_PROXY, SET_TRANSPARENT,
    SETTINGS };

/* Where a client was said. */
struct said {
	STAILQ_ENTRY(said)		 entry;
	const struct conf_listener	*l;
	const struct conf_relay_client	*c;
	struct place			 at;
};

static STAILQ_HEAD(, said)	 saids = STAILQ_HEAD_INITIALIZER(saids);
static size_t			 nsaids;
static struct conf_listener	*cur;
static struct conf_route	*route;
static struct conf_pool		*pool;
static struct conf_relay_client	*client;	/* that is read; or */
static struct conf_relay_server	*server;
static struct place		 opened, any;
static struct once		 once[SETTINGS];

void
relays_start(void)
{
	FREE_STAILQ(&saids);
	nsaids = 0;
	cur = NULL;
	client = NULL;
	server = NULL;
}

void
relay_open(const struct val *v, enum listener_kind kind)
{
	listen_open(v);
	cur = listen_now();
	opened = v->at;
	memset(once, 0, sizeof(once));
	memset(&any, 0, sizeof(any));
	cur->w.kind = kind;
	cur->w.connect_time = cur->w.idle = TIMEOUT;
	cur->w.peek_time = HEADER_TIME;
	cur->w.per_address = 0;
	cur->relay = conf_relay_new();
	pool = pool_relay_open(&v->at, cur->w.name,
	    kind == LISTEN_RELAY_SERVER);
	route = conf_route_new();
	route->w.listener = cur->w.id;
	route->w.pool = pool->w.id;
	route->w.probe = ROUTE_OTHERWISE;
	strlcpy(route->w.label, "relay", sizeof(route->w.label));
	TAILQ_INSERT_TAIL(&cur->routes, route, entry);
}

static void
check_server(void)
{
	struct conf_relay	*r = cur->relay;

	if (r->nclients == 0 && !r->w.any_client)
		report_error(&opened, "found relay server \"%s\" without a "
		    "client, expected one or more, or client any",
		    cur->w.name);
	if (r->nclients > 0 && r->w.any_client)
		report_error(&any, "found client any beside others, expected "
		    "it alone: nobody is asked for a token then");
	if (r->nclients > RELAY_CLIENTS_MAX)
		report_error(&opened, "found more than %d clients, expected "
		    "fewer", RELAY_CLIENTS_MAX);
}

void
relay_close(void)
{
	if (cur->w.kind == LISTEN_RELAY_SERVER)
		check_server();
	else if (cur->relay->nservers == 0)
		report_error(&opened, "found relay client \"%s\" without a "
		    "server, expected one or more", cur->w.name);
	pool_relay_close();
	listen_close();
	cur = NULL;
}

void
relay_timeout(const struct val *v)
{
	if (!build_span(v, SECOND, 3600 * SECOND))
		return;
	listen_set(L_CONNECT, v);
	listen_set(L_IDLE, v);
}

/* Tokens and keys. */

static void
token_sum(uint8_t auth[RELAY_AUTH_LEN], const struct val *v)
{
	struct sha256_ctx	ctx;

	sha256_init(&ctx);
	sha256_update(&ctx, v->len, (const uint8_t *)v->s);
	sha256_digest(&ctx, RELAY_AUTH_LEN, auth);
}

/* A copy, or NULL: reported.  An empty one is a token, too. */
static char *
token_text(const struct val *v)
{
	char	text[RELAY_TOKEN_LEN] = "", *copy;

	if (v->bad || (v->len > 0 && build_text(text, sizeof(text), v,
	    "a token") == -1))
		return NULL;
	if ((copy = strdup(text)) == NULL)
		fatal("configuration");
	return copy;
}

void
relay_key(const struct val *v)
{
	uint32_t	*len = client != NULL ? &client->w.key_len :
			    &server->w.key_len;
	uint8_t		*key = client != NULL ? client->w.key : server->w.key;
	char		 text[RELAY_KEY_LEN + 1];

	if (*len > 0)
		report_error(&v->at, "found a second key, expected one");
	else if (build_text(text, sizeof(text), v, "a key") == -1)
		return;
	else if (v->len < RELAY_KEY_MIN)
		report_error(&v->at, "found a key of %zu characters, expected "
		    "%d or more", v->len, RELAY_KEY_MIN);
	else {
		memcpy(key, text, v->len);
		*len = v->len;
	}
}

/* Clients of a server. */

void
relay_client(const struct val *v)
{
	struct said	*s;

	client = conf_relay_client_new();
	server = NULL;
	if (v->n == 1) {
		any = v->at;
		cur->relay->w.any_client = 1;
		return;
	}
	if ((client->token = token_text(v)) == NULL)
		return;
	token_sum(client->w.auth, v);
	TAILQ_INSERT_TAIL(&cur->relay->clients, client, entry);
	cur->relay->nclients++;
	s = conf_alloc(sizeof(*s));
	s->l = cur;
	s->c = client;
	s->at = v->at;
	STAILQ_INSERT_TAIL(&saids, s, entry);
	nsaids++;
}

void
relay_client_connections(const struct val *v)
{
	if (client->w.connections != 0)
		report_error(&v->at, "found a second connections, expected "
		    "one");
	else if (build_range(v, 1, 1000000, "a number of connections"))
		client->w.connections = v->n;
}

void
relay_client_sources(const struct val *at)
{
	const struct val	*v;
	size_t			 i, n;

	v = build_items(&n, &at->at);
	if (client->w.n > 0)
		report_error(&at->at, "found a second sources, expected one");
	else if (n > RELAY_SOURCES_MAX)
		report_error(&at->at, "found %zu prefixes, expected at most "
		    "%d", n, RELAY_SOURCES_MAX);
	else if (n > 0) {
		client->sources = conf_alloc(n * sizeof(*client->sources));
		for (i = 0; i < n; i++)
			if (table_parse_prefix(&client->sources[client->w.n],
			    &v[i]) == 0)
				client->w.n++;
	}
	build_clear();
}

void
relay_client_end(void)
{
	if (cur->relay->w.any_client && client->token == NULL &&
	    (client->w.n > 0 || client->w.key_len > 0 ||
	    client->w.connections > 0))
		report_error(&any, "found options, expected client any "
		    "without any");
	/* Not in the list: `any', or a bad one. */
	if (client->token == NULL)
		conf_relay_client_free(client);
	client = NULL;
}

/* The other statements of a server. */

void
relay_destination(const struct val *v, uint32_t table, int deny)
{
	if (!build_once(&once[deny ? SET_DENY : SET_ALLOW], &v->at,
	    deny ? "destination deny" : "destination allow"))
		return;
	if (deny)
		cur->relay->w.deny = table;
	else
		cur->relay->w.allow = table;
}

void
relay_any_port(const struct val *v)
{
	if (build_once(&once[SET_ANY_PORT], &v->at, "any port"))
		cur->relay->w.any_port = 1;
}

void
relay_proxy(const struct val *v)
{
	if (build_once(&once[SET_PROXY], &v->at, "with proxy"))
		route->w.proxy = 2;
}

void
relay_transparent(const struct val *v)
{
	if (build_once(&once[SET_TRANSPARENT], &v->at, "transparent"))
		route->w.transparent = v->n;
}

/* Servers of a client. */

void
relay_inbound(const struct val *v, int tproxy)
{
	(void)v;
	cur->relay->w.tproxy = tproxy;
}

/* The pool has one more member, or it was reported. */
void
relay_server(const struct val *v, const struct val *token)
{
	struct conf_member	*m = TAILQ_LAST(&pool->members,
				    conf_members);

	client = NULL;
	server = conf_alloc(sizeof(*server));
	member_end(&v->at);
	TAILQ_INSERT_TAIL(&cur->relay->servers, server, entry);
	cur->relay->nservers++;
	if ((server->token = token_text(token)) != NULL)
		token_sum(server->w.auth, token);
	/* An error, then: whom it belongs to does not matter. */
	if (m == TAILQ_LAST(&pool->members, conf_members))
		cur->relay->nservers--;
}

void
relay_local(const struct val *v)
{
	if (server->w.local.family != 0)
		report_error(&v->at, "found a second local, expected one");
	else if (prefix_parse(&server->w.local, v->s) == -1 ||
	    strchr(v->s, '/') != NULL)
		report_error(&v->at, "found %s, expected an address without "
		    "a length", v->s);
}

void
relay_interface(const struct val *v)
{
	if (*server->w.interface != '\0')
		report_error(&v->at, "found a second interface, expected "
		    "one");
	else
		build_text(server->w.interface, sizeof(server->w.interface),
		    v, "an interface's name");
}

void
relay_mark(const struct val *v)
{
	char		*end;
	unsigned long	 n = strtoul(v->s, &end, 0);

	if (server->w.mark != 0)
		report_error(&v->at, "found a second mark, expected one");
	else if (*end != '\0' || n < 1 || n > UINT32_MAX)
		report_error(&v->at, "found %s, expected a mark of 1 to "
		    "0xffffffff", v->s);
	else
		server->w.mark = n;
}

/* At the end: what two clients have in common. */

static const struct said **
collect(void)
{
	const struct said	**list;
	struct said		 *s;
	size_t			  n = 0;

	list = conf_alloc((nsaids + 1) * sizeof(*list));
	STAILQ_FOREACH(s, &saids, entry)
		list[n++] = s;
	return list;
}

static int
said_cmp(const void *a, const void *b)
{
	const struct said	*s = *(const struct said *const *)a;
	const struct said	*t = *(const struct said *const *)b;
	int			 order;

	if (s->l != t->l)
		return s->l->w.id < t->l->w.id ? -1 : 1;
	order = memcmp(s->c->w.auth, t->c->w.auth, sizeof(s->c->w.auth));
	if (order != 0)
		return order;
	return s->at.line < t->at.line ? -1 : s->at.line > t->at.line;
}

static int
key_cmp(const void *a, const void *b)
{
	const struct said	*s = *(const struct said *const *)a;
	const struct said	*t = *(const struct said *const *)b;

	if (s->l != t->l)
		return s->l->w.id < t->l->w.id ? -1 : 1;
	if (s->c->w.key_len != t->c->w.key_len)
		return s->c->w.key_len < t->c->w.key_len ? -1 : 1;
	return memcmp(s->c->w.key, t->c->w.key, sizeof(s->c->w.key));
}

/* The same, and then as they were said. */
static int
key_order(const void *a, const void *b)
{
	int	order = key_cmp(a, b);

	return order != 0 ? order : (*(const struct said *const *)a)->at.line -
	    (*(const struct said *const *)b)->at.line;
}

static void
check_twice(const struct said **list)
{
	size_t	i;

	qsort(list, nsaids, sizeof(*list), said_cmp);
	for (i = 1; i < nsaids; i++)
		if (list[i]->l == list[i - 1]->l && memcmp(
		    list[i]->c->w.auth, list[i - 1]->c->w.auth,
		    RELAY_AUTH_LEN) == 0)
			report_error(&list[i]->at, "found a client with the "
			    "token of another, expected one of its own: the "
			    "first is at %s:%d", list[i - 1]->at.file,
			    list[i - 1]->at.line);
	qsort(list, nsaids, sizeof(*list), key_order);
	for (i = 1; i < nsaids; i++)
		if (list[i]->c->w.key_len > 0 &&
		    key_cmp(&list[i], &list[i - 1]) == 0)
			report_error(&list[i]->at, "found a client with the "
			    "key of another, expected one of its own: the "
			    "first is at %s:%d", list[i - 1]->at.file,
			    list[i - 1]->at.line);
}

/* Sources of all clients, of each server by itself. */
struct source {
	struct prefix		 p;
	const struct said	*s;
};

static int
source_cmp(const void *a, const void *b)
{
	const struct source	*s = a, *t = b;

	if (s->s->l != t->s->l)
		return s->s->l->w.id < t->s->l->w.id ? -1 : 1;
	return prefix_cmp(&s->p, &t->p);
}

static void
say_overlap(const struct source *in, const struct source *out)
{
	char	inner[PREFIX_STRLEN], outer[PREFIX_STRLEN];

	prefix_print(&in->p, inner);
	prefix_print(&out->p, outer);
	if (in->s == out->s)
		report_warning(&in->s->at, "source %s lies in %s of the same "
		    "client", inner, outer);
	else
		report_warning(&in->s->at, "source %s lies in %s of the "
		    "client at %s:%d: both may have it", inner, outer,
		    out->s->at.file, out->s->at.line);
}

/* Sorted, what covers others comes before them. */
static void
check_overlaps(struct source *list, size_t n)
{
	size_t	i, outer = 0, told = 0;

	if (n == 0)
		return;
	qsort(list, n, sizeof(*list), source_cmp);
	for (i = 1; i < n; i++)
		if (list[i].s->l != list[outer].s->l ||
		    !prefix_contains(&list[outer].p, &list[i].p))
			outer = i;
		else if (told++ < OVERLAPS_MAX)
			say_overlap(&list[i], &list[outer]);
	if (told > OVERLAPS_MAX)
		report_warning(&list[0].s->at, "%zu more sources lie in "
		    "others", told - OVERLAPS_MAX);
}

void
relays_finish(void)
{
	const struct said	**list = collect();
	struct source		 *sources;
	size_t			  i, k, n = 0;

	check_twice(list);
	for (i = 0; i < nsaids; i++)
		n += list[i]->c->w.n;
	sources = conf_alloc((n + 1) * sizeof(*sources));
	for (i = n = 0; i < nsaids; i++)
		for (k = 0; k < list[i]->c->w.n; k++)
			sources[n++] = (struct source){
			    list[i]->c->sources[k], list[i] };
	check_overlaps(sources, n);
	free(sources);
	free(list);
}

/* A listener that is replaced. */
void
relays_drop(const struct conf_listener *l)
{
	struct said	*s, *next;

	STAILQ_FOREACH_SAFE(s, &saids, entry, next)
		if (s->l == l) {
			STAILQ_REMOVE(&saids, s, said, entry);
			free(s);
			nsaids--;
		}
}

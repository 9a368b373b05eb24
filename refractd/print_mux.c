/*
 * Listeners, pools and taps as text that parses to the same.
 */
#include <sys/socket.h>

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "pools.h"
#include "print_out.h"
#include "routes.h"

/* Bytes, of which some are text. */
static void
out_bytes(struct out *o, const uint8_t *p, size_t n)
{
	out_text(o, "\"");
	for (; n > 0; n--, p++)
		if (*p == '"' || *p == '\\')
			out_format(o, "\\%c", *p);
		else if (*p == '\r' || *p == '\n' || *p == '\t')
			out_text(o, *p == '\r' ? "\\r" : *p == '\n' ? "\\n" :
			    "\\t");
		else if (*p >= ' ' && *p < 0x7f)
			out_format(o, "%c", *p);
		else
			out_format(o, "\\x%02x", *p);
	out_text(o, "\"");
}

static void
out_span_none(struct out *o, const char *what, int64_t span)
{
	out_format(o, "\t%s ", what);
	if (span == 0)
		out_text(o, "none");
	else
		out_span(o, span);
	out_text(o, "\n");
}

static void
out_number_none(struct out *o, const char *what, uint32_t n, const char *unit)
{
	if (n == 0)
		out_format(o, "\t%s none\n", what);
	else
		out_format(o, "\t%s %u%s\n", what, n, unit);
}

static void
out_size_none(struct out *o, const char *what, uint32_t kib)
{
	out_format(o, "\t%s ", what);
	if (kib == 0)
		out_text(o, "none");
	else
		out_size(o, kib);
	out_text(o, "\n");
}

static void	print_balance(struct out *, const struct conf_pool *);

/* Where a listener is: its first port says the addresses. */

static int
is_any(const struct wire_bind *w, int family)
{
	static const uint8_t	any[16];

	return w->addr.family == family &&
	    memcmp(w->addr.addr, any, sizeof(any)) == 0;
}

static void
on_text(char *buf, size_t size, const struct wire_bind *w, int both)
{
	char	addr[PREFIX_STRLEN];

	if (both && *w->interface != '\0')
		snprintf(buf, size, "interface \"%s\"", w->interface);
	else if (both)
		snprintf(buf, size, "*");
	else
		snprintf(buf, size, "%s%s%s%s", prefix_print(&w->addr, addr),
		    *w->interface == '\0' ? "" : " interface \"",
		    w->interface, *w->interface == '\0' ? "" : "\"");
}

/* One, or a list of what is in the lines. */
static void
out_items(struct out *o, struct items *it)
{
	const char	*p, *end;

	out_text(o, it->n > 1 ? "{ " : "");
	for (p = it->text; (end = strchr(p, '\n')) != NULL; p = end + 1)
		out_format(o, "%s%.*s", p == it->text ? "" : ", ",
		    (int)(end - p), p);
	out_text(o, it->n > 1 ? " }" : "");
	free(it->text);
}

static void
print_ons(struct out *o, const struct conf_listener *l)
{
	struct conf_bind	*b, *next;
	struct items		 it = { 0 };
	char			 buf[128];
	uint16_t		 port = TAILQ_FIRST(&l->binds)->w.port;
	int			 both;

	TAILQ_FOREACH(b, &l->binds, entry) {
		if (b->w.port != port)
			break;
		next = TAILQ_NEXT(b, entry);
		both = next != NULL && is_any(&b->w, AF_INET) &&
		    is_any(&next->w, AF_INET6) &&
		    strcmp(b->w.interface, next->w.interface) == 0;
		on_text(buf, sizeof(buf), &b->w, both);
		items_add(&it, buf);
		if (both)
			b = next;
	}
	out_items(o, &it);
}

static void
print_ports(struct out *o, const struct conf_listener *l)
{
	const struct conf_bind	*b = TAILQ_FIRST(&l->binds);
	struct items		 it = { 0 };
	char			 buf[32];
	uint16_t		 lo, hi;

	while (b != NULL) {
		lo = hi = b->w.port;
		while (b != NULL && (b->w.port == hi || b->w.port == hi + 1)) {
			hi = b->w.port;
			b = TAILQ_NEXT(b, entry);
		}
		snprintf(buf, sizeof(buf), hi > lo ? "%u:%u" : "%u", lo, hi);
		items_add(&it, buf);
	}
	out_items(o, &it);
}

/* Routes. */

static void
print_table(struct out *o, const struct conf *c, uint32_t id)
{
	struct conf_table	*t = conf_table_byid(c, id);
	const char		*p, *end;

	if (*t->w.name != '\0') {
		out_format(o, "<%s>", t->w.name);
		return;
	}
	out_text(o, "{ ");
	p = t->text == NULL ? "" : t->text;
	for (; (end = strchr(p, '\n')) != NULL; p = end + 1)
		out_format(o, "%.*s%s ", (int)(end - p), p,
		    end[1] == '\0' ? "" : ",");
	out_text(o, "}");
}

static void
print_cond(struct out *o, const struct conf *c, const struct conf_cond *cond)
{
	switch (cond->w.kind) {
	case COND_FROM:
		print_table(o, c, cond->w.table);
		break;
	case COND_SNI_REGEX:
	case COND_REGEX:
		out_regex(o, (const char *)cond->data);
		break;
	default:
		out_bytes(o, cond->data, cond->w.len);
	}
}

static void
print_offset(struct out *o, const struct conf_cond *c)
{
	if (c->w.kind != COND_BYTES)
		return;
	if (c->w.offset != 0)
		out_format(o, " at %u", c->w.offset);
	if (c->w.masked) {
		out_text(o, " mask ");
		out_bytes(o, c->data + c->w.len, c->w.len);
	}
}

/* From c on, those of a kind together; the first of the next, or NULL. */
static const struct conf_cond *
print_kind(struct out *o, const struct conf *conf, const struct conf_cond *c)
{
	const struct conf_cond	*first = c, *next = TAILQ_NEXT(c, entry);
	int			 list;

	list = next != NULL && next->w.kind == c->w.kind;
	out_format(o, "%s %s", route_cond_name(c->w.kind), list ? "{ " : "");
	for (; c != NULL && c->w.kind == first->w.kind;
	    c = TAILQ_NEXT(c, entry)) {
		out_text(o, c == first ? "" : ", ");
		print_cond(o, conf, c);
	}
	out_text(o, list ? " }" : "");
	print_offset(o, first);
	out_text(o, " ");
	return c;
}

static void
print_to(struct out *o, const struct conf *c, const struct conf_route *r)
{
	static const char *const	actions[] = {
		[ROUTE_DROP] = "drop", [ROUTE_RESET] = "reset",
		[ROUTE_TARPIT] = "tarpit"
	};
	struct conf_pool		*p;
	char				 buf[MUX_HOST_LEN + 16];

	if (r->w.action != ROUTE_TO) {
		out_text(o, actions[r->w.action]);
		return;
	}
	p = conf_pool_byid(&c->mux, r->w.pool);
	out_text(o, "to ");
	if (p->direct)
		out_text(o, member_print(&TAILQ_FIRST(&p->members)->w, buf,
		    sizeof(buf)));
	else {
		out_text(o, "pool ");
		out_quoted(o, p->w.name);
	}
}

static void
print_options(struct out *o, const struct conf *c, const struct conf_route *r)
{
	struct conf_tap	*t;

	if (r->w.probe == ROUTE_SPEAKS_FIRST) {
		out_text(o, " after ");
		out_span(o, r->w.after);
	}
	if (r->w.proxy != 0)
		out_format(o, " with proxy v%u", r->w.proxy);
	if (r->w.transparent)
		out_text(o, " transparent");
	if ((t = conf_tap_byid(&c->mux, r->w.tap)) != NULL) {
		out_text(o, " tap ");
		out_quoted(o, t->w.name);
	}
	if (r->w.idle != 0) {
		out_text(o, " idle ");
		out_span(o, r->w.idle);
	}
}

static void
print_route(struct out *o, const struct conf *conf, const struct conf_route *r)
{
	const struct conf_cond	*c = TAILQ_FIRST(&r->conds);
	const char		*probe = route_probe_text(r->w.probe);

	out_text(o, "\t");
	if (*probe != '\0')
		out_format(o, "%s ", probe);
	while (c != NULL)
		c = print_kind(o, conf, c);
	print_to(o, conf, r);
	print_options(o, conf, r);
	out_text(o, "\n");
}

/* Listeners. */

static void
print_counts(struct out *o, const struct wire_listener *w)
{
	out_format(o, "\tconnections %u\n", w->connections);
	out_number_none(o, "per address", w->per_address, "");
	out_format(o, "\tgroup inet %u inet6 %u\n", w->plen4, w->plen6);
	out_number_none(o, "rate", w->rate, " per second");
}

static void
print_sockets(struct out *o, const struct wire_listener *w)
{
	out_span_none(o, "half closed", w->half_closed);
	out_span_none(o, "keepalive", w->keepalive);
	out_span_none(o, "user timeout", w->user_timeout);
	out_size_none(o, "bandwidth", w->bandwidth);
	out_format(o, "\tbacklog %u\n", w->backlog);
	out_format(o, "\tnodelay %s\n", out_yesno(w->nodelay));
	out_format(o, "\tfast open %s\n", out_yesno(w->fastopen));
}

static void
print_limits(struct out *o, const struct wire_listener *w)
{
	print_counts(o, w);
	out_format(o, "\tpeek %u bytes within ", w->peek_bytes);
	out_span(o, w->peek_time);
	out_text(o, "\n");
	out_size_none(o, "peek memory", w->peek_memory);
	if (w->proto == IPPROTO_TCP)
		out_span_none(o, "connect", w->connect_time);
	out_span_none(o, "idle", w->idle);
	if (w->proto == IPPROTO_TCP)
		print_sockets(o, w);
}

static void
print_offences(struct out *o, const struct conf_listener *l)
{
	static const char *const	what[OFFENCE_MAX] = {
		[OFFENCE_UNKNOWN] = "unknown", [OFFENCE_SLOW] = "slow",
		[OFFENCE_LIMIT] = "limit", [OFFENCE_TOKEN] = "token"
	};
	struct conf_offence		*f;

	TAILQ_FOREACH(f, &l->offences, entry) {
		out_format(o, "\toffence %s %u times within ",
		    what[f->w.kind], f->w.times);
		out_span(o, f->w.within);
		out_text(o, " ban for ");
		out_span(o, f->w.ban);
		out_text(o, "\n");
	}
}

/* Relays. */

static int	secrets = 1;

void
print_secrets(int yes)
{
	secrets = yes;
}

static void
out_secret(struct out *o, const char *what, const char *text, size_t len)
{
	out_format(o, "%s", what);
	if (secrets)
		out_bytes(o, (const uint8_t *)text, len);
	else
		out_text(o, "\"***\"");
}

static void
print_key(struct out *o, const uint8_t *key, uint32_t len)
{
	if (len > 0)
		out_secret(o, " key ", (const char *)key, len);
}

static void
print_client(struct out *o, const struct conf_relay_client *c)
{
	char		addr[PREFIX_STRLEN];
	uint32_t	i;

	out_secret(o, "\tclient ", c->token, strlen(c->token));
	print_key(o, c->w.key, c->w.key_len);
	if (c->w.connections > 0)
		out_format(o, " connections %u", c->w.connections);
	if (c->w.n > 0)
		out_text(o, " sources { ");
	for (i = 0; i < c->w.n; i++)
		out_format(o, "%s%s", prefix_print(&c->sources[i], addr),
		    i + 1 < c->w.n ? ", " : " }");
	out_text(o, "\n");
}

static void
print_relay_server(struct out *o, const struct conf *c,
    const struct conf_listener *l)
{
	const struct conf_relay		*r = l->relay;
	const struct wire_route		*w = &TAILQ_FIRST(&l->routes)->w;
	struct conf_relay_client	*n;
	int				 deny;

	out_text(o, "\theader within ");
	out_span(o, l->w.peek_time);
	out_text(o, "\n");
	if (r->w.any_client)
		out_text(o, "\tclient any\n");
	TAILQ_FOREACH(n, &r->clients, entry)
		print_client(o, n);
	for (deny = 0; deny <= 1; deny++) {
		if ((deny ? r->w.deny : r->w.allow) == 0)
			continue;
		out_format(o, "\tdestination %s ", deny ? "deny" : "allow");
		print_table(o, c, deny ? r->w.deny : r->w.allow);
		out_text(o, "\n");
	}
	if (r->w.any_port)
		out_text(o, "\tany port\n");
	if (w->proxy != 0)
		out_text(o, "\twith proxy v2\n");
	out_format(o, "\ttransparent %s\n", out_yesno(w->transparent));
}

static void
print_relay_client(struct out *o, const struct conf *c,
    const struct conf_listener *l)
{
	const struct conf_pool		*p = conf_pool_byid(&c->mux,
					    TAILQ_FIRST(&l->routes)->w.pool);
	const struct conf_member	*m = TAILQ_FIRST(&p->members);
	struct conf_relay_server	*s;
	char				 text[MUX_HOST_LEN + 16];
	char				 addr[PREFIX_STRLEN];

	TAILQ_FOREACH(s, &l->relay->servers, entry) {
		out_format(o, "\tserver %s", member_print(&m->w, text,
		    sizeof(text)));
		out_secret(o, " auth ", s->token, strlen(s->token));
		print_key(o, s->w.key, s->w.key_len);
		if (s->w.local.family != 0)
			out_format(o, " local %s", prefix_print(&s->w.local,
			    addr));
		if (*s->w.interface != '\0') {
			out_text(o, " interface ");
			out_quoted(o, s->w.interface);
		}
		if (s->w.mark != 0)
			out_format(o, " mark 0x%x", s->w.mark);
		out_text(o, "\n");
		m = TAILQ_NEXT(m, entry);
	}
	print_balance(o, p);
}

static void
print_relay(struct out *o, const struct conf *c, const struct conf_listener *l)
{
	int	server = l->w.kind == LISTEN_RELAY_SERVER;

	out_format(o, "relay %s ", server ? "server" : "client");
	out_quoted(o, l->w.name);
	out_text(o, " on ");
	print_ons(o, l);
	out_text(o, " port ");
	print_ports(o, l);
	out_text(o, server ? " {\n" : l->relay->w.tproxy ? " tproxy {\n" :
	    " redirect {\n");
	print_counts(o, &l->w);
	out_span_none(o, "timeout", l->w.idle);
	print_sockets(o, &l->w);
	out_format(o, "\tlog connections %s\n",
	    out_yesno(l->w.log != ACCESS_NONE));
	print_offences(o, l);
	if (server)
		print_relay_server(o, c, l);
	else
		print_relay_client(o, c, l);
	out_text(o, "}\n");
}

void
print_listener(struct out *o, const struct conf *c,
    const struct conf_listener *l)
{
	struct conf_route	*r;

	if (l->relay != NULL) {
		print_relay(o, c, l);
		return;
	}
	out_text(o, "listen ");
	out_quoted(o, l->w.name);
	out_text(o, " on ");
	print_ons(o, l);
	out_text(o, l->w.proto == IPPROTO_UDP ? " udp port " : " tcp port ");
	print_ports(o, l);
	out_text(o, " {\n");
	print_limits(o, &l->w);
	out_format(o, "\tlog connections %s\n",
	    out_yesno(l->w.log != ACCESS_NONE));
	if (l->w.trusted != 0) {
		out_text(o, "\texpect proxy from ");
		print_table(o, c, l->w.trusted);
		out_text(o, "\n");
	}
	print_offences(o, l);
	TAILQ_FOREACH(r, &l->routes, entry)
		print_route(o, c, r);
	out_text(o, "}\n");
}

/* Pools. */

static void
print_member(struct out *o, const struct wire_member *w)
{
	char	buf[MUX_HOST_LEN + 16];

	out_format(o, "\tmember %s", member_print(w, buf, sizeof(buf)));
	if (w->kind == MEMBER_NAME) {
		out_text(o, " ttl ");
		out_span(o, w->ttl_min);
		out_text(o, " to ");
		out_span(o, w->ttl_max);
	}
	if (w->weight != 1)
		out_format(o, " weight %u", w->weight);
	out_text(o, w->backup ? " backup\n" : "\n");
}

static void
print_check(struct out *o, const struct wire_pool *w)
{
	static const char *const	checks[] = {
		[CHECK_NONE] = "none", [CHECK_TCP] = "tcp",
		[CHECK_SEND] = "send ", [CHECK_TLS] = "tls",
		[CHECK_HTTP] = "http ", [CHECK_DNS] = "dns",
		[CHECK_QUIC] = "quic"
	};

	out_format(o, "\tcheck %s", checks[w->check]);
	if (w->check == CHECK_SEND || w->check == CHECK_HTTP)
		out_bytes(o, w->send, w->send_len);
	if (w->check == CHECK_SEND) {
		out_text(o, " expect ");
		out_bytes(o, w->expect, w->expect_len);
	} else if (w->check == CHECK_HTTP && w->expect_len > 0)
		out_format(o, " expect %.*s", w->expect_len,
		    (const char *)w->expect);
	out_text(o, " every ");
	out_span(o, w->interval);
	out_text(o, " timeout ");
	out_span(o, w->timeout);
	out_format(o, " rise %u fall %u\n", w->rise, w->fall);
}

static void
print_balance(struct out *o, const struct conf_pool *p)
{
	static const char *const	balances[] = {
		[BALANCE_ROUNDROBIN] = "roundrobin",
		[BALANCE_LEAST] = "least", [BALANCE_RANDOM] = "random",
		[BALANCE_FIRST] = "first",
		[BALANCE_SOURCE] = "source-address",
		[BALANCE_SOCKET] = "source-socket"
	};

	out_format(o, "\tbalance %s\n", balances[p->w.balance]);
	print_check(o, &p->w);
	out_number_none(o, "passive", p->w.passive, "");
}

static void
print_sources(struct out *o, const struct wire_pool *w)
{
	char		addr[PREFIX_STRLEN];
	unsigned int	i;

	for (i = 0; i < w->nsources; i++)
		out_format(o, "%s%s", i == 0 ? "\tsources { " : ", ",
		    prefix_print(&w->sources[i], addr));
	if (w->nsources > 0)
		out_text(o, " }\n");
}

void
print_pool(struct out *o, const struct conf_pool *p)
{
	static const char *const	down[] = {
		[0] = "otherwise", [ROUTE_DROP] = "drop",
		[ROUTE_RESET] = "reset"
	};
	struct conf_member		*m;

	out_text(o, "pool ");
	out_quoted(o, p->w.name);
	out_text(o, " {\n");
	TAILQ_FOREACH(m, &p->members, entry)
		print_member(o, &m->w);
	print_balance(o, p);
	print_sources(o, &p->w);
	out_format(o, "\twhen down %s\n}\n", down[p->w.when_down]);
}

void
print_tap(struct out *o, const struct conf_tap *t)
{
	out_text(o, "tap ");
	out_quoted(o, t->w.name);
	if (!t->w.run) {
		out_text(o, " to ");
		out_quoted(o, t->w.path);
	} else {
		out_text(o, " run ");
		print_strings(o, t->args, t->argc);
		out_text(o, " user ");
		out_quoted(o, t->user);
		out_text(o, " group ");
		out_quoted(o, t->group);
	}
	out_text(o, "\n");
}

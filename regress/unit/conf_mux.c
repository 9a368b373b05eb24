/*
 * The mux's part of a configuration: its way to those who need it, numbers and
 * slots that live over reloads, and that a child takes nothing else.
 */
/* LINK: refractd/parse.o refractd/lex.o refractd/input.o refractd/report.o */
/* LINK: refractd/listen.o refractd/relay.o refractd/routes.o */
/* LINK: refractd/pools.o */
/* LINK: refractd/print_mux.o refractd/overlap.o refractd/token.o */
/* LINK: refractd/read.o */
/* LINK: refractd/build.o refractd/tables.o refractd/watch.o refractd/text.o */
/* LINK: refractd/regex.o refractd/source.o refractd/command.o */
/* LINK: refractd/datefield.o refractd/dateform.o refractd/datemoment.o */
/* LINK: refractd/dateform_name.o */
/* LINK: refractd/datepattern.o refractd/logtime.o refractd/zone.o */
/* LINK: refractd/print.o refractd/print_watch.o refractd/print_out.o */
/* LINK: refractd/f2b.o refractd/f2b_filter.o refractd/f2b_ini.o */
/* LINK: refractd/f2b_parse.o refractd/f2b_read.o refractd/f2b_expand.o */
/* LINK: refractd/f2b_regex.o refractd/f2b_text.o */
/* LIBS: -lnettle -lpcre2-8 */
#include "conf_frame.h"

static const char	whole[] =
    "drain 7s; workers 3\n"
    "table <trusted> { 192.0.2.0/24 }\n"
    "table <unused> { 192.0.2.3 }\n"
    "tap \"t\" to \"/run/t.sock\"\n"
    "pool \"web\" { member 192.0.2.1 port 80 weight 2; member \"/run/w\"\n"
    "  member \"a.example\" port 81 ttl 7s to 9s backup; balance least\n"
    "  check http \"/x\" expect 204 every 5s timeout 1s rise 2 fall 4\n"
    "  passive 5; when down reset }\n"
    "listen \"a\" on { 127.0.0.1, ::1 } tcp port { 80, 90:91 } {\n"
    "  connections 7, per address 3; rate 9 per second; idle 2m\n"
    "  peek 99 bytes within 2s; bandwidth 1M; expect proxy from <trusted>\n"
    "  offence unknown 5 times within 1m ban for 10m\n"
    "  offence slow 6 times within 2m ban for forever\n"
    "  tls sni { \"x.example\", \"*.y.example\" } alpn \"h2\" from <trusted> "
    "    to pool \"web\" with proxy v2 tap \"t\" idle 3m\n"
    "  bytes \"\\x00\\xff\" at 3 mask \"\\x0f\\xf0\" drop\n"
    "  ssh to 127.0.0.1 port 22 transparent\n"
    "  speaks first to 127.0.0.1 port 25 after 300ms\n"
    "  otherwise to pool \"web\" }\n"
    "listen \"b\" on * tcp port 443 { tls to 127.0.0.1 port 22 }\n";

static int
setup(void **state)
{
	(void)state;
	base = event_base_new();
	return base == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
	(void)state;
	event_base_free(base);
	return 0;
}

/* As the parent has it after the first start. */
static struct conf *
first(const char *text)
{
	struct conf	*c = parse(text);
	char		 why[TEXT_LEN];

	assert_int_equal(conf_mux_adopt(c, NULL, why), 0);
	return c;
}

static struct conf *
next(const char *text, const struct conf *old)
{
	struct conf	*c = parse(text);
	char		 why[TEXT_LEN];

	conf_adopt_ids(c, old);
	assert_int_equal(conf_mux_adopt(c, old, why), 0);
	return c;
}

static void
same_routes(const struct conf_listener *a, const struct conf_listener *b)
{
	struct conf_route	*x, *y = TAILQ_FIRST(&b->routes);
	struct conf_cond	*c, *d;

	same_list(conf_route, &a->routes, &b->routes);
	TAILQ_FOREACH(x, &a->routes, entry) {
		same_list(conf_cond, &x->conds, &y->conds);
		d = TAILQ_FIRST(&y->conds);
		TAILQ_FOREACH(c, &x->conds, entry) {
			assert_memory_equal(c->data, d->data,
			    c->w.len * (1 + c->w.masked));
			d = TAILQ_NEXT(d, entry);
		}
		y = TAILQ_NEXT(y, entry);
	}
}

static void
same_mux(const struct conf_mux *a, const struct conf_mux *b)
{
	struct conf_listener	*l, *m = TAILQ_FIRST(&b->listeners);
	struct conf_pool	*p, *q = TAILQ_FIRST(&b->pools);

	assert_int_equal(a->drain, b->drain);
	same_list(conf_tap, &a->taps, &b->taps);
	same_list(conf_pool, &a->pools, &b->pools);
	TAILQ_FOREACH(p, &a->pools, entry) {
		same_list(conf_member, &p->members, &q->members);
		q = TAILQ_NEXT(q, entry);
	}
	same_list(conf_listener, &a->listeners, &b->listeners);
	TAILQ_FOREACH(l, &a->listeners, entry) {
		same_list(conf_bind, &l->binds, &m->binds);
		same_list(conf_offence, &l->offences, &m->offences);
		same_routes(l, m);
		m = TAILQ_NEXT(m, entry);
	}
}

static void
all_arrives(enum role role)
{
	struct conf	*c = first(whole), *r;

	send_to(c, role);
	r = receive_all();
	assert_non_null(r);
	same_mux(&c->mux, &r->mux);
	assert_non_null(conf_table_byname(r, "trusted"));
	assert_null(conf_table_byname(r, "unused"));
	conf_free(r);
	conf_free(c);
}

static void
test_mux_gets_all(void **state)
{
	(void)state;
	all_arrives(ROLE_MUX);
	all_arrives(ROLE_CONTROL);
}

static void
test_enforcer_gets_what_bans(void **state)
{
	struct conf		*c = first(whole), *r;
	struct conf_listener	*l;

	(void)state;
	send_to(c, ROLE_ENFORCER);
	r = receive_all();
	assert_non_null(r);
	assert_true(TAILQ_EMPTY(&r->mux.pools) && TAILQ_EMPTY(&r->mux.taps));
	assert_null(conf_table_byname(r, "trusted"));
	l = conf_listener_byname(&r->mux, "a");
	assert_non_null(l);
	assert_int_equal(l->w.hash, watch_hash("listen a"));
	assert_ptr_equal(conf_listener_byhash(&r->mux, l->w.hash), l);
	same_list(conf_offence, &l->offences,
	    &conf_listener_byname(&c->mux, "a")->offences);
	TAILQ_FOREACH(l, &r->mux.listeners, entry)
		assert_true(TAILQ_EMPTY(&l->routes));
	assert_int_equal(conf_listener_byname(&r->mux, "a")->w.transparent, 1);
	assert_int_equal(conf_listener_byname(&r->mux, "b")->w.transparent, 0);
	conf_free(r);
	conf_free(c);
}

static int
arrived(const char *secret)
{
	size_t	i;

	for (i = 0; i < nmessages; i++)
		if (memmem(messages[i].data, messages[i].len, secret,
		    strlen(secret)) != NULL)
			return 1;
	return 0;
}

/* Which sockets it may pass to workers, and no secret. */
static void
test_enforcer_gets_marks(void **state)
{
	static const char	key[] = "0123456789abcdef";
	struct conf		*c = first(
	    "relay server \"s\" on 127.0.0.1 port 1 {\n"
	    "  client \"x\" key \"0123456789abcdef\"; transparent }\n"
	    "relay client \"c\" on 127.0.0.1 port 2 tproxy {\n"
	    "  server 192.0.2.1 port 1 auth \"x\" mark 0x1234\n"
	    "  server 192.0.2.2 port 1 auth \"y\" "
	    "    key \"0123456789abcdef\" mark 7 }\n"), *r;
	struct conf_listener		*l;
	struct conf_relay_server	*s;

	(void)state;
	send_to(c, ROLE_MUX);
	assert_true(arrived(key));
	send_to(c, ROLE_ENFORCER);
	assert_false(arrived(key));
	r = receive_all();
	l = conf_listener_byname(&r->mux, "s");
	assert_true(l->w.transparent && l->relay->nclients == 0);
	l = conf_listener_byname(&r->mux, "c");
	assert_true(!l->w.transparent && l->relay->w.tproxy &&
	    l->relay->nservers == 2);
	s = TAILQ_FIRST(&l->relay->servers);
	assert_int_equal(s->w.mark, 0x1234);
	assert_int_equal(TAILQ_NEXT(s, entry)->w.mark, 7);
	assert_int_equal(TAILQ_FIRST(&l->binds)->w.port, 2);
	conf_free(r);
	conf_free(c);
}

static void
test_others_get_nothing(void **state)
{
	static const enum role	 roles[] = { ROLE_PARSER, ROLE_LEDGER };
	struct conf		*c = first(whole), *r;
	size_t			 i;

	(void)state;
	for (i = 0; i < 2; i++) {
		send_to(c, roles[i]);
		r = receive_all();
		assert_non_null(r);
		assert_true(TAILQ_EMPTY(&r->mux.listeners) &&
		    TAILQ_EMPTY(&r->mux.pools));
		assert_null(conf_table_byname(r, "trusted"));
		conf_free(r);
	}
	conf_free(c);
}

/* What is the same by name keeps its number and slot, and nobody else's. */

static uint32_t
pool_slot(const struct conf *c, const char *name)
{
	return conf_pool_byname(&c->mux, name)->w.slot;
}

static const struct wire_listener *
listener(const struct conf *c, const char *name)
{
	return &conf_listener_byname(&c->mux, name)->w;
}

static const struct wire_route *
route(const struct conf *c, const char *name, const char *label)
{
	struct conf_route	*r;

	TAILQ_FOREACH(r, &conf_listener_byname(&c->mux, name)->routes, entry)
		if (strcmp(r->w.label, label) == 0)
			return &r->w;
	fail_msg("no route %s", label);
	return NULL;
}

static void
test_labels(void **state)
{
	static const char *const labels[] = {
		"tls x.example,*.y.example h2 from trusted",
		"bytes \\x00\\xf0 drop", "ssh", "speaks first", "otherwise"
	};
	struct conf		*c = first(whole);
	struct conf_route	*r;
	size_t			 i = 0;

	(void)state;
	TAILQ_FOREACH(r, &conf_listener_byname(&c->mux, "a")->routes, entry)
		assert_string_equal(r->w.label, labels[i++]);
	assert_int_equal(i, 5);
	conf_free(c);
	c = first("table <t> { 192.0.2.1 }\n"
	    "listen \"a\" on ::1 tcp port 1 { from <t> drop\n"
	    "  from { <t>, 192.0.2.2 } reset; timeout tarpit\n"
	    "  http path \"/\" drop; tls sni regex \"^r[0-9]\\.x$\" drop }\n");
	route(c, "a", "from t drop");
	route(c, "a", "from reset");
	route(c, "a", "timeout tarpit");
	route(c, "a", "http / drop");
	route(c, "a", "tls ^r[0-9]\\.x$ drop");
	conf_free(c);
}

/* A child takes what was adopted, too. */
static void
arrives(const struct conf *c)
{
	struct conf	*r;

	send_to(c, ROLE_MUX);
	r = receive_all();
	assert_non_null(r);
	same_mux(&c->mux, &r->mux);
	conf_free(r);
}

static void
test_the_same_stays(void **state)
{
	struct conf	*old = first(whole), *new = next(whole, old);

	(void)state;
	same_mux(&old->mux, &new->mux);
	arrives(new);
	conf_free(old);
	conf_free(new);
}

static void
test_a_change_stays_by_name(void **state)
{
	struct conf	*old = first(
	    "table <t> { 192.0.2.0/24 }\n"
	    "pool \"p\" { member 192.0.2.1 port 1; member 192.0.2.2 port 1 }\n"
	    "listen \"a\" on 127.0.0.1 tcp port { 1, 2 } {\n"
	    "  from <t> drop; ssh to pool \"p\"; http to 127.0.0.1 port 3 }\n"
	    "listen \"b\" on 127.0.0.1 tcp port 4 { ssh to pool \"p\" }\n");
	struct conf	*new = next(
	    "table <t> { 192.0.2.0/25 }\n"
	    "pool \"q\" { member 192.0.2.2 port 1 }\n"
	    "pool \"p\" { member 192.0.2.3 port 1; member 192.0.2.2 port 1 }\n"
	    "listen \"c\" on 127.0.0.1 tcp port 2 { ssh to pool \"q\" }\n"
	    "listen \"a\" on 127.0.0.1 tcp port { 5, 1 } {\n"
	    "  offence slow 1 times within 1m ban for 1m\n"
	    "  tls to pool \"p\"; http to pool \"p\"; from <t> drop }\n", old);
	struct conf_bind	*b;
	struct conf_listener	*l;

	(void)state;
	assert_int_equal(listener(old, "a")->id, listener(new, "a")->id);
	assert_int_equal(listener(old, "a")->slot, listener(new, "a")->slot);
	assert_int_not_equal(listener(new, "c")->slot,
	    listener(old, "a")->slot);
	assert_int_not_equal(listener(new, "c")->slot,
	    listener(old, "b")->slot);
	assert_int_equal(pool_slot(old, "p"), pool_slot(new, "p"));
	assert_int_not_equal(pool_slot(new, "q"), pool_slot(new, "p"));
	assert_int_equal(route(old, "a", "http")->slot,
	    route(new, "a", "http")->slot);
	assert_int_not_equal(route(new, "a", "tls")->slot,
	    route(old, "a", "ssh")->slot);
	/* The second of old is the second of new; the first has a new one. */
	l = conf_listener_byname(&old->mux, "a");
	assert_int_equal(TAILQ_LAST(&l->routes, conf_routes)->w.slot,
	    route(new, "a", "http")->slot);
	/* A socket stays with its address, whoever listens on it. */
	b = TAILQ_FIRST(&conf_listener_byname(&new->mux, "c")->binds);
	assert_int_equal(b->w.slot,
	    TAILQ_NEXT(TAILQ_FIRST(&l->binds), entry)->w.slot);
	arrives(new);
	conf_free(old);
	conf_free(new);
}

static void
test_a_moved_member_is_the_same(void **state)
{
	struct conf	*old = first(
	    "pool \"p\" { member 192.0.2.1 port 1; member 192.0.2.2 port 1 }\n"
	    "listen \"a\" on ::1 tcp port 1 { otherwise to pool \"p\" }\n");
	struct conf	*new = next(
	    "pool \"p\" { member 192.0.2.2 port 1 weight 5 }\n"
	    "listen \"a\" on ::1 tcp port 1 { otherwise to pool \"p\" }\n",
	    old);
	struct conf_pool	*p = conf_pool_byname(&old->mux, "p");
	struct conf_member	*m, *n;

	(void)state;
	m = TAILQ_NEXT(TAILQ_FIRST(&p->members), entry);
	n = TAILQ_FIRST(&conf_pool_byname(&new->mux, "p")->members);
	assert_int_equal(m->w.slot, n->w.slot);
	assert_int_equal(m->w.id, n->w.id);
	assert_int_equal(n->w.weight, 5);
	arrives(new);
	conf_free(old);
	conf_free(new);
}

/* A slot that was given up is the last to be given again. */
static void
test_slots_rest(void **state)
{
	struct conf	*old, *new;
	uint32_t	 was;
	int		 i;

	(void)state;
	old = first("listen \"a\" on ::1 tcp port 1 { otherwise drop }");
	was = listener(old, "a")->slot;
	for (i = 0; i < 5; i++) {
		new = next(i % 2 == 0 ?
		    "listen \"b\" on ::1 tcp port 1 { otherwise drop }" :
		    "listen \"c\" on ::1 tcp port 1 { otherwise drop }", old);
		assert_int_not_equal(listener(new, i % 2 == 0 ? "b" :
		    "c")->slot, was);
		conf_free(old);
		old = new;
	}
	conf_free(old);
}

/* Wrong messages. */

#define CASE(type, s, field, value)					\
	{ #s "." #field, type, offsetof(struct s, field),		\
	    sizeof(((struct s *)0)->field) > 8 ? 1 :			\
	    sizeof(((struct s *)0)->field), (value) }

static const struct {
	const char	*name;
	uint32_t	 type;
	size_t		 offset, size;
	uint64_t	 value;
} wrong[] = {
	CASE(M_CONF_MUX, wire_mux, drain, (uint64_t)-1),
	CASE(M_CONF_POOL, wire_pool, id, 0),
	CASE(M_CONF_POOL, wire_pool, slot, MUX_POOLS_MAX),
	CASE(M_CONF_POOL, wire_pool, balance, BALANCE_SOCKET + 1),
	CASE(M_CONF_POOL, wire_pool, check, CHECK_QUIC + 1),
	CASE(M_CONF_POOL, wire_pool, when_down, ROUTE_TO),
	CASE(M_CONF_POOL, wire_pool, when_down, ROUTE_TARPIT + 1),
	CASE(M_CONF_POOL, wire_pool, interval, (uint64_t)-1),
	CASE(M_CONF_POOL, wire_pool, timeout, (uint64_t)-1),
	CASE(M_CONF_POOL, wire_pool, rise, 0),
	CASE(M_CONF_POOL, wire_pool, fall, 0),
	CASE(M_CONF_POOL, wire_pool, send_len, 257),
	CASE(M_CONF_POOL, wire_pool, expect_len, 257),
	CASE(M_CONF_POOL, wire_pool, datagrams, 2),
	CASE(M_CONF_POOL, wire_pool, zero2, 1),
	CASE(M_CONF_MEMBER, wire_member, id, 0),
	CASE(M_CONF_MEMBER, wire_member, pool, 4000000),
	CASE(M_CONF_MEMBER, wire_member, slot, MUX_MEMBERS_MAX),
	CASE(M_CONF_MEMBER, wire_member, weight, 0),
	CASE(M_CONF_MEMBER, wire_member, weight, 257),
	CASE(M_CONF_MEMBER, wire_member, port, 0),
	CASE(M_CONF_MEMBER, wire_member, kind, MEMBER_NAME),
	CASE(M_CONF_MEMBER, wire_member, kind, MEMBER_UNIX),
	CASE(M_CONF_MEMBER, wire_member, kind, MEMBER_ASKED + 1),
	CASE(M_CONF_MEMBER, wire_member, backup, 2),
	CASE(M_CONF_MEMBER, wire_member, zero, 1),
	CASE(M_CONF_MEMBER, wire_member, addr.plen, 31),
	CASE(M_CONF_MEMBER, wire_member, addr.family, 0),
	CASE(M_CONF_TAP, wire_tap, id, 0),
	CASE(M_CONF_TAP, wire_tap, run, 2),
	CASE(M_CONF_LISTENER, wire_listener, id, 0),
	CASE(M_CONF_LISTENER, wire_listener, hash, 0),
	CASE(M_CONF_LISTENER, wire_listener, slot, MUX_LISTENERS_MAX),
	CASE(M_CONF_LISTENER, wire_listener, trusted, 4000000),
	CASE(M_CONF_LISTENER, wire_listener, peek_time, (uint64_t)-1),
	CASE(M_CONF_LISTENER, wire_listener, connect_time, (uint64_t)-1),
	CASE(M_CONF_LISTENER, wire_listener, idle, (uint64_t)-1),
	CASE(M_CONF_LISTENER, wire_listener, half_closed, (uint64_t)-1),
	CASE(M_CONF_LISTENER, wire_listener, keepalive, (uint64_t)-1),
	CASE(M_CONF_LISTENER, wire_listener, user_timeout, (uint64_t)-1),
	CASE(M_CONF_LISTENER, wire_listener, proto, 1),
	CASE(M_CONF_LISTENER, wire_listener, kind, LISTEN_RELAY_CLIENT + 1),
	CASE(M_CONF_LISTENER, wire_listener, plen4, 0),
	CASE(M_CONF_LISTENER, wire_listener, plen4, 33),
	CASE(M_CONF_LISTENER, wire_listener, plen6, 0),
	CASE(M_CONF_LISTENER, wire_listener, plen6, 129),
	CASE(M_CONF_LISTENER, wire_listener, nodelay, 2),
	CASE(M_CONF_LISTENER, wire_listener, fastopen, 2),
	CASE(M_CONF_LISTENER, wire_listener, log, ACCESS_JSON + 1),
	CASE(M_CONF_LISTENER, wire_listener, transparent, 2),
	CASE(M_CONF_BIND, wire_bind, listener, 4000000),
	CASE(M_CONF_BIND, wire_bind, slot, MUX_BINDS_MAX),
	CASE(M_CONF_BIND, wire_bind, port, 0),
	CASE(M_CONF_BIND, wire_bind, addr.plen, 31),
	CASE(M_CONF_BIND, wire_bind, zero, 1),
	CASE(M_CONF_OFFENCE, wire_offence, listener, 4000000),
	CASE(M_CONF_OFFENCE, wire_offence, kind, 0),
	CASE(M_CONF_OFFENCE, wire_offence, kind, OFFENCE_MAX),
	CASE(M_CONF_OFFENCE, wire_offence, times, 0),
	CASE(M_CONF_OFFENCE, wire_offence, within, 0),
	CASE(M_CONF_OFFENCE, wire_offence, ban, 0),
	CASE(M_CONF_OFFENCE, wire_offence, zero, 1),
	CASE(M_CONF_ROUTE, wire_route, id, 0),
	CASE(M_CONF_ROUTE, wire_route, listener, 4000000),
	CASE(M_CONF_ROUTE, wire_route, slot, MUX_ROUTES_MAX),
	CASE(M_CONF_ROUTE, wire_route, pool, 4000000),
	CASE(M_CONF_ROUTE, wire_route, pool, 0),
	CASE(M_CONF_ROUTE, wire_route, tap, 4000000),
	CASE(M_CONF_ROUTE, wire_route, action, 0),
	CASE(M_CONF_ROUTE, wire_route, action, ROUTE_DROP),
	CASE(M_CONF_ROUTE, wire_route, action, ROUTE_TARPIT + 1),
	CASE(M_CONF_ROUTE, wire_route, proxy, 3),
	CASE(M_CONF_ROUTE, wire_route, transparent, 2),
	CASE(M_CONF_ROUTE, wire_route, after, (uint64_t)-1),
	CASE(M_CONF_ROUTE, wire_route, idle, (uint64_t)-1),
	CASE(M_CONF_COND, wire_cond, route, 4000000),
	CASE(M_CONF_COND, wire_cond, kind, 0),
	CASE(M_CONF_COND, wire_cond, kind, COND_REGEX + 1),
	CASE(M_CONF_COND, wire_cond, kind, COND_FROM),
	CASE(M_CONF_COND, wire_cond, len, 8),
	CASE(M_CONF_COND, wire_cond, len, 0xffffffff),
	CASE(M_CONF_COND, wire_cond, masked, 1),
	CASE(M_CONF_COND, wire_cond, masked, 2),
	CASE(M_CONF_COND, wire_cond, offset, 65536)
};

static void
test_wrong_values_are_fatal(void **state)
{
	struct conf	*c = first(whole);
	struct message	*m, good;
	uint64_t	 value;
	size_t		 i;

	(void)state;
	send_to(c, ROLE_MUX);
	assert_int_equal(outcome(), 0);
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_non_null(m = find(wrong[i].type));
		good = *m;
		value = wrong[i].value;
		memcpy((char *)m->data + wrong[i].offset, &value,
		    wrong[i].size);
		if (outcome() != 1)
			fail_msg("%s = %llu was taken", wrong[i].name,
			    (unsigned long long)wrong[i].value);
		*m = good;
	}
	conf_free(c);
}

/* A text whose end is missing. */
static void
no_end(uint32_t type, size_t offset, size_t len)
{
	struct message	*m = find(type), good;

	assert_non_null(m);
	good = *m;
	memset((char *)m->data + offset, 'x', len);
	assert_int_equal(outcome(), 1);
	*m = good;
}

#define NO_END(type, s, field)						\
	no_end(type, offsetof(struct s, field),				\
	    sizeof(((struct s *)0)->field))

static void
test_texts_have_an_end(void **state)
{
	struct conf	*c = first(whole);

	(void)state;
	send_to(c, ROLE_MUX);
	NO_END(M_CONF_POOL, wire_pool, name);
	NO_END(M_CONF_MEMBER, wire_member, name);
	NO_END(M_CONF_TAP, wire_tap, name);
	NO_END(M_CONF_TAP, wire_tap, path);
	NO_END(M_CONF_LISTENER, wire_listener, name);
	NO_END(M_CONF_BIND, wire_bind, interface);
	NO_END(M_CONF_ROUTE, wire_route, where);
	NO_END(M_CONF_ROUTE, wire_route, label);
	conf_free(c);
}

static void
test_wrong_lengths_are_fatal(void **state)
{
	struct conf	*c = first(whole);
	size_t		 i;

	(void)state;
	send_to(c, ROLE_MUX);
	for (i = 0; i < nmessages; i++) {
		messages[i].len--;
		assert_int_equal(outcome(), 1);
		messages[i].len += 2;
		assert_int_equal(outcome(), 1);
		messages[i].len--;
	}
	assert_int_equal(outcome(), 0);
	conf_free(c);
}

/* The same twice: pools, taps and listeners have names of their own. */
static void
test_nothing_comes_twice(void **state)
{
	static const uint32_t	 types[] = { M_CONF_POOL, M_CONF_TAP,
				    M_CONF_LISTENER };
	struct conf		*c = first(whole);
	struct message		*m;
	size_t			 i;

	(void)state;
	for (i = 0; i < 3; i++) {
		send_to(c, ROLE_MUX);
		m = find(types[i]);
		memmove(m + 1, m, (size_t)(&messages[nmessages] - m) *
		    sizeof(*m));
		nmessages++;
		assert_int_equal(outcome(), 1);
	}
	conf_free(c);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_mux_gets_all),
		cmocka_unit_test(test_enforcer_gets_what_bans),
		cmocka_unit_test(test_enforcer_gets_marks),
		cmocka_unit_test(test_others_get_nothing),
		cmocka_unit_test(test_labels),
		cmocka_unit_test(test_the_same_stays),
		cmocka_unit_test(test_a_change_stays_by_name),
		cmocka_unit_test(test_a_moved_member_is_the_same),
		cmocka_unit_test(test_slots_rest),
		cmocka_unit_test(test_wrong_values_are_fatal),
		cmocka_unit_test(test_texts_have_an_end),
		cmocka_unit_test(test_wrong_lengths_are_fatal),
		cmocka_unit_test(test_nothing_comes_twice)
	};

	log_init(LOG_TO_STDERR, "conf_mux");
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, setup, teardown);
}

/*
 * What each part of a configuration must be by itself, for the table in msg.c.
 * What it must be beside the other parts is conf_receive.c's.
 */
#include <sys/socket.h>

#include <netinet/in.h>

#include <string.h>

#include "conf.h"
#include "msg.h"
#include "msg_check.h"

/* A string that is there and has its end. */
#define WORD_OK(array)	(*(array) != '\0' && TEXT_OK(array))

static int
is_host(const struct prefix *p)
{
	return prefix_valid(p) && prefix_is_host(p);
}

static int
plens_ok(unsigned int plen4, unsigned int plen6)
{
	return plen4 >= 1 && plen4 <= 32 && plen6 >= 1 && plen6 <= 128;
}

const char *
check_global(const void *data, size_t len)
{
	const struct wire_global	*g = data;

	(void)len;
	if (!TEXT_OK(g->instance))
		return msg_no_nul;
	if (g->max < 1 || g->max > BAN_ENTRIES_MAX ||
	    g->action > ACTION_REJECT || g->hook > HOOK_FORWARD ||
	    !plens_ok(g->plen4, g->plen6) || g->protect_sessions > 1 ||
	    g->audit_json > 1 || g->ledger_keep > LEDGER_KEEP_MAX ||
	    g->ledger_max > LEDGER_MAX_MOST)
		return msg_bad_enum;
	return ZERO_OK(g->zero) ? NULL : msg_bad_zero;
}

const char *
check_table(const void *data, size_t len)
{
	const struct wire_table	*t = data;

	(void)len;
	if (t->id == 0 || t->count > CONF_PREFIXES_MAX)
		return msg_bad_enum;
	return TEXT_OK(t->name) ? NULL : msg_no_nul;
}

const char *
check_conf_prefixes(const void *data, size_t len)
{
	return check_prefixes((const struct wire_prefixes *)data + 1,
	    len - sizeof(struct wire_prefixes));
}

const char *
check_status(const void *data, size_t len)
{
	const struct wire_status	*s = data;

	(void)len;
	return is_host(&s->addr) && s->port != 0 ? NULL : msg_bad_prefix;
}

/* Watches. */

/* What is beyond its ports is empty. */
static int
ports_ok(const struct wire_watch *w)
{
	return msg_ports_ok(w->ports, w->nports) &&
	    msg_zeroes((const uint8_t *)(w->ports + w->nports),
	    (BAN_PORTS_MAX - w->nports) * sizeof(*w->ports));
}

static int
keys_ok(const struct wire_watch *w)
{
	size_t	i;

	for (i = 0; i < WATCH_KEYS_MAX; i++)
		if (i < w->nkeys ? !WORD_OK(w->keys[i]) :
		    !msg_zeroes((const uint8_t *)w->keys[i],
		    sizeof(w->keys[i])))
			return 0;
	return w->nkeys <= WATCH_KEYS_MAX;
}

/* What came with FORMAT_TEXT. */
static int
counting_ok(const struct wire_watch *w)
{
	return w->growth_max >= 0 && w->growth_by >= 1000 &&
	    w->growth_by <= GROWTH_MAX && w->growth_together <= 1 &&
	    w->after >= 1 && w->after <= AFTER_MAX &&
	    w->duplicate <= DUPLICATE_RERUN && w->bans <= 1 &&
	    w->ban_prefix <= 1 && w->json <= 1 && keys_ok(w);
}

const char *
check_watch(const void *data, size_t len)
{
	const struct wire_watch	*w = data;

	(void)len;
	if (!TEXT_OK(w->name) || !TEXT_OK(w->zone) ||
	    !TEXT_OK(w->json_field) || !TEXT_OK(w->json_time) ||
	    !TEXT_OK(w->json_addr) || !TEXT_OK(w->time_format))
		return msg_no_nul;
	if (w->id == 0 || *w->name == '\0' || w->hash != watch_hash(w->name) ||
	    w->limit > CONF_LIMIT_MAX || w->window <= 0 || w->grace < 0 ||
	    w->ban <= 0 || w->format < FORMAT_XRAY ||
	    w->format > FORMAT_TEXT || w->victim > BAN_ALL ||
	    w->together > 1 || w->trust_forwarded > 1 || w->dry_run > 1 ||
	    !plens_ok(w->group4, w->group6) ||
	    !ports_ok(w) || !counting_ok(w))
		return msg_bad_enum;
	return ZERO_OK(w->zero2) && ZERO_OK(w->zero3) ? NULL : msg_bad_zero;
}

const char *
check_source(const void *data, size_t len)
{
	const struct wire_source	*s = data;

	(void)len;
	if (!WORD_OK(s->path))
		return msg_no_nul;
	if (s->id == 0 || s->from_start > 1 || s->kind > SOURCE_STDIN ||
	    (s->kind == SOURCE_FILE && *s->path != '/'))
		return msg_bad_enum;
	return ZERO_OK(s->zero) ? NULL : msg_bad_zero;
}

const char *
check_limit(const void *data, size_t len)
{
	const struct wire_limit	*l = data;

	(void)len;
	if (l->limit > CONF_LIMIT_MAX)
		return msg_bad_enum;
	return WORD_OK(l->pattern) ? NULL : msg_no_nul;
}

const char *
check_exempt(const void *data, size_t len)
{
	const struct wire_exempt	*e = data;

	(void)len;
	if (!TEXT_OK(e->pattern))
		return msg_no_nul;
	if (e->kind > EXEMPT_USER ||
	    (e->kind == EXEMPT_USER && *e->pattern == '\0'))
		return msg_bad_enum;
	if (e->kind == EXEMPT_PREFIX ? !prefix_valid(&e->prefix) :
	    !msg_prefix_ok_or_none(&e->prefix))
		return msg_bad_prefix;
	return e->zero == 0 ? NULL : msg_bad_zero;
}

const char *
check_inbound(const void *data, size_t len)
{
	const struct wire_inbound	*i = data;

	(void)len;
	return WORD_OK(i->pattern) ? NULL : msg_no_nul;
}

/* After a struct of this size one string, which ends where the message does. */
static const char *
check_string(const void *data, size_t head, size_t len)
{
	const char	*text = (const char *)data + head;
	size_t		 n = len - head;

	return n >= 1 && n <= REGEX_MAX_LEN &&
	    memchr(text, '\0', n) == text + n - 1 ? NULL : msg_no_nul;
}

const char *
check_pattern(const void *data, size_t len)
{
	const struct wire_pattern	*p = data;

	if (!TEXT_OK(p->where) || !TEXT_OK(p->written))
		return msg_no_nul;
	if (p->id == 0 || p->kind < PATTERN_MATCH ||
	    p->kind > PATTERN_FAIL_DATE || p->weight > WEIGHT_MAX ||
	    (p->weight == 0 && p->kind == PATTERN_MATCH) ||
	    (p->filter != 0) != (p->kind >= PATTERN_FAIL))
		return msg_bad_enum;
	return check_string(data, sizeof(*p), len);
}

const char *
check_filter(const void *data, size_t len)
{
	const struct wire_filter	*f = data;

	(void)len;
	if (f->id == 0 || f->maxlines < 1 || f->maxlines > FILTER_LINES_MAX ||
	    f->weight < 1 || f->weight > WEIGHT_MAX)
		return msg_bad_enum;
	return WORD_OK(f->name) && TEXT_OK(f->where) ? NULL : msg_no_nul;
}

const char *
check_ignore(const void *data, size_t len)
{
	const struct wire_ignore	*i = data;

	if (!WORD_OK(i->name))
		return msg_no_nul;
	if (i->kind < IGNORE_EXACT || i->kind > IGNORE_TABLE ||
	    (i->table != 0) != (i->kind == IGNORE_TABLE))
		return msg_bad_enum;
	if (!ZERO_OK(i->zero))
		return msg_bad_zero;
	return check_string(data, sizeof(*i), len);
}

/* As many strings as it says, nothing after the last. */
static int
argv_ok(const char *text, size_t len, uint32_t argc)
{
	size_t	i, n = 0;

	for (i = 0; i < len; i++)
		n += text[i] == '\0';
	return argc >= 1 && argc <= ARGV_MAX && n == argc &&
	    len <= ARGV_MAX_LEN && text[len - 1] == '\0';
}

const char *
check_conf_run(const void *data, size_t len)
{
	const struct wire_run	*r = data;

	if (!WORD_OK(r->user) || !WORD_OK(r->group) ||
	    !argv_ok((const char *)(r + 1), len - sizeof(*r), r->argc))
		return msg_no_nul;
	if (r->id == 0 || r->hash == 0 || r->delay < 0 || r->timeout <= 0 ||
	    r->when > RUN_UNBAN || r->at_exit > 1 || r->once > 1 ||
	    r->at_least_once > 1 || (r->family != 0 &&
	    r->family != AF_INET && r->family != AF_INET6))
		return msg_bad_enum;
	return ZERO_OK(r->zero) ? NULL : msg_bad_zero;
}

/* The mux. */

const char *
check_conf_mux(const void *data, size_t len)
{
	const struct wire_mux	*w = data;

	(void)len;
	return w->drain < 0 ? msg_bad_enum : NULL;
}

static int
sources_ok(const struct wire_pool *w)
{
	unsigned int	i;

	if (w->nsources > MUX_SOURCES_MAX)
		return 0;
	for (i = 0; i < w->nsources; i++)
		if (!prefix_valid(&w->sources[i]) ||
		    !prefix_is_host(&w->sources[i]))
			return 0;
	return 1;
}

const char *
check_conf_pool(const void *data, size_t len)
{
	const struct wire_pool	*w = data;

	(void)len;
	if (!TEXT_OK(w->name))
		return msg_no_nul;
	if (w->id == 0 || w->slot >= MUX_POOLS_MAX || w->datagrams > 1 ||
	    w->balance > BALANCE_SOCKET || w->check > CHECK_QUIC ||
	    w->when_down == ROUTE_TO || w->when_down > ROUTE_TARPIT ||
	    w->interval < 0 || w->timeout < 0 || w->rise < 1 || w->fall < 1 ||
	    w->send_len > sizeof(w->send) ||
	    w->expect_len > sizeof(w->expect) || !sources_ok(w) ||
	    !ZERO_OK(w->zero2))
		return msg_bad_enum;
	return NULL;
}

const char *
check_conf_member(const void *data, size_t len)
{
	const struct wire_member	*w = data;

	(void)len;
	if (!TEXT_OK(w->name))
		return msg_no_nul;
	if (w->id == 0 || w->slot >= MUX_MEMBERS_MAX || w->weight < 1 ||
	    w->weight > 256 || w->backup > 1 || w->kind > MEMBER_ASKED ||
	    !ZERO_OK(w->zero))
		return msg_bad_enum;
	if (w->kind == MEMBER_ADDRESS)
		return is_host(&w->addr) && w->port != 0 ? NULL :
		    msg_bad_prefix;
	if (w->kind == MEMBER_UNIX)
		return *w->name == '/' ? NULL : msg_bad_prefix;
	if (w->kind == MEMBER_ASKED)
		return *w->name != '\0' ? NULL : msg_bad_prefix;
	if (w->ttl_min < 0 || w->ttl_max < w->ttl_min)
		return msg_bad_enum;
	return *w->name != '\0' && w->port != 0 ? NULL : msg_bad_prefix;
}

const char *
check_conf_tap(const void *data, size_t len)
{
	const struct wire_tap	*w = data;

	(void)len;
	if (!TEXT_OK(w->name) || !TEXT_OK(w->path))
		return msg_no_nul;
	return w->id == 0 || w->run > 1 ? msg_bad_enum : NULL;
}

static int
spans_ok(const struct wire_listener *w)
{
	return w->peek_time >= 0 && w->connect_time >= 0 && w->idle >= 0 &&
	    w->half_closed >= 0 && w->keepalive >= 0 && w->user_timeout >= 0;
}

const char *
check_conf_listener(const void *data, size_t len)
{
	const struct wire_listener	*w = data;

	(void)len;
	if (!TEXT_OK(w->name))
		return msg_no_nul;
	if (w->id == 0 || w->slot >= MUX_LISTENERS_MAX || w->hash == 0 ||
	    !spans_ok(w) || w->kind > LISTEN_RELAY_CLIENT ||
	    (w->proto != IPPROTO_TCP && w->proto != IPPROTO_UDP) ||
	    w->plen4 < 1 || w->plen4 > 32 || w->plen6 < 1 || w->plen6 > 128 ||
	    w->nodelay > 1 || w->fastopen > 1 || w->log > ACCESS_JSON ||
	    w->transparent > 1)
		return msg_bad_enum;
	return NULL;
}

const char *
check_conf_bind(const void *data, size_t len)
{
	const struct wire_bind	*w = data;

	(void)len;
	if (!TEXT_OK(w->interface))
		return msg_no_nul;
	if (w->slot >= MUX_BINDS_MAX || !ZERO_OK(w->zero))
		return msg_bad_enum;
	if (w->port == 0 || (w->addr.family != 0 && !is_host(&w->addr)))
		return msg_bad_prefix;
	return NULL;
}

const char *
check_conf_offence(const void *data, size_t len)
{
	const struct wire_offence	*w = data;

	(void)len;
	if (w->kind < OFFENCE_UNKNOWN || w->kind >= OFFENCE_MAX ||
	    w->times < 1 || w->within <= 0 || w->ban <= 0 || w->zero != 0)
		return msg_bad_enum;
	return NULL;
}

const char *
check_conf_route(const void *data, size_t len)
{
	const struct wire_route	*w = data;

	(void)len;
	if (!TEXT_OK(w->where) || !TEXT_OK(w->label))
		return msg_no_nul;
	if (w->id == 0 || w->slot >= MUX_ROUTES_MAX ||
	    w->action < ROUTE_TO || w->action > ROUTE_TARPIT ||
	    w->proxy > 2 || w->transparent > 1 || w->after < 0 || w->idle < 0)
		return msg_bad_enum;
	return NULL;
}

const char *
check_conf_cond(const void *data, size_t len)
{
	const struct wire_cond	*w = data;
	size_t			 n = len - sizeof(*w);

	if (w->kind < COND_SNI || w->kind > COND_REGEX || w->masked > 1 ||
	    w->len > MUX_COND_MAX_LEN || w->offset > 65535)
		return msg_bad_enum;
	if (n != (size_t)w->len * (w->masked + 1))
		return "a condition of the wrong length";
	return (n == 0) != (w->kind == COND_FROM) ? msg_bad_enum : NULL;
}

/* Relays. */

static int
key_ok(uint32_t len)
{
	return len == 0 || (len >= RELAY_KEY_MIN && len <= RELAY_KEY_LEN);
}

const char *
check_conf_relay(const void *data, size_t len)
{
	const struct wire_relay	*w = data;

	(void)len;
	return w->any_port > 1 || w->any_client > 1 || w->tproxy > 1 ||
	    w->zero != 0 ? msg_bad_enum : NULL;
}

const char *
check_conf_relay_client(const void *data, size_t len)
{
	const struct wire_relay_client	*w = data;
	const unsigned char		*p = data;
	struct prefix			 prefix;
	uint32_t			 i;

	if (w->n > RELAY_SOURCES_MAX || !key_ok(w->key_len))
		return msg_bad_enum;
	if (len != sizeof(*w) + w->n * sizeof(prefix))
		return "a client of the wrong length";
	for (i = 0; i < w->n; i++) {
		memcpy(&prefix, p + sizeof(*w) + i * sizeof(prefix),
		    sizeof(prefix));
		if (!prefix_valid(&prefix))
			return msg_bad_prefix;
	}
	return NULL;
}

const char *
check_conf_relay_server(const void *data, size_t len)
{
	const struct wire_relay_server	*w = data;

	(void)len;
	if (!TEXT_OK(w->interface))
		return msg_no_nul;
	if (!key_ok(w->key_len) || !ZERO_OK(w->zero))
		return msg_bad_enum;
	return w->local.family == 0 || is_host(&w->local) ? NULL :
	    msg_bad_prefix;
}

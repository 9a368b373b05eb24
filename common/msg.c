/*
 * The table of messages: one row a type.  Who may say it to whom, how long it
 * is, whether it carries a descriptor, in which state its receiver may get it,
 * and what its content must be.  Nothing else in the suite knows these rules.
 */
#include <sys/socket.h>

#include <netinet/in.h>

#include <ctype.h>
#include <string.h>

#include "imsg.h"
#include "msg.h"

/*
 * What goes over the wire has no padding: each struct is as long as its
 * members together.
 */
#define EXACT(type, size)						\
	_Static_assert(sizeof(struct type) == (size), #type)

EXACT(prefix, 1 + 1 + 16);
EXACT(decision_id, 3 * 8 + 2 * 4);
EXACT(wire_global, NAME_MAX_LEN + 4 + 6 + 2 + 4 * 4);
EXACT(wire_table, 2 * 4 + NAME_MAX_LEN);
EXACT(wire_prefixes, 4);
EXACT(wire_port, 2 + 2);
EXACT(wire_watch, 4 * 8 + 2 * 4 + 2 * NAME_MAX_LEN + 8 +
    BAN_PORTS_MAX * 4 + 8 + 2 * 4 + 8 + WATCH_KEYS_MAX * VALUE_NAME_LEN + 4 +
    3 * NAME_MAX_LEN + PATTERN_MAX_LEN);
EXACT(wire_source, 2 * 4 + 8 + PATH_MAX_LEN);
EXACT(wire_limit, 2 * 4 + PATTERN_MAX_LEN);
EXACT(wire_exempt, 2 * 4 + 18 + 2 + PATTERN_MAX_LEN);
EXACT(wire_inbound, 4 + PATTERN_MAX_LEN);
EXACT(wire_status, 18 + 2);
EXACT(wire_ban, 32 + 2 * 8 + 2 * 2 + 2 * 18 + 8 + SUBJECT_LEN);
EXACT(wire_event, 160 + 8 + 4 * 4);
EXACT(wire_notice, 2 * 8 + 2 * 4 + TEXT_LEN);
EXACT(msg_ready, BUILD_ID_LEN + 2 * 4);
EXACT(msg_channel, 4 * 4);
EXACT(msg_refused, 4 + TEXT_LEN);
EXACT(msg_file, 4 * 4 + 3 * 8 + PATH_MAX_LEN);
EXACT(msg_target, 18 + 2 + 1 + 2 + 1 + SUBJECT_LEN);
EXACT(msg_outcome, 2 * 4 + TEXT_LEN);
EXACT(msg_rules, 2 * 4 + NAME_MAX_LEN);
EXACT(msg_checkpoint, 8);
EXACT(msg_decision, 160 + 2 * 4 + BAN_PORTS_MAX * 4 + NAME_MAX_LEN +
    EVIDENCE_LEN + 2 * 4 + WHERE_MAX_LEN + VALUES_LEN);
EXACT(msg_evidence, 32 + 8 + 2 * 4 + EVIDENCE_LEN);
EXACT(wire_growth, 3 * 8 + 18 + 2 + 4);
EXACT(wire_pattern, 5 * 4 + WHERE_MAX_LEN);
EXACT(wire_filter, 4 * 4 + NAME_MAX_LEN + WHERE_MAX_LEN);
EXACT(wire_ignore, 3 * 4 + VALUE_NAME_LEN + 3);
EXACT(wire_run, 3 * 8 + 3 * 4 + 10 + 2 * ACCOUNT_MAX_LEN);
EXACT(msg_stream, 4 * 4 + 8 + PATH_MAX_LEN);
EXACT(msg_stream_done, 2 * 4 + CURSOR_LEN);
EXACT(msg_run, 3 * 8 + 18 + 6 + 8 + 2 * 4);
EXACT(msg_run_done, 8 + 2 * 4);
EXACT(msg_flush, 18 + 6 + NAME_MAX_LEN + SUBJECT_LEN);
EXACT(msg_trigger, NAME_MAX_LEN + 2 * 4 + VALUES_LEN);
EXACT(wire_mux, 8);
EXACT(wire_listener, 7 * 8 + 10 * 4 + 8 + MUX_NAME_LEN);
EXACT(wire_bind, 2 * 4 + 18 + 2 + 16 + 4);
EXACT(wire_route, 2 * 8 + 5 * 4 + 4 + MUX_WHERE_LEN + MUX_NAME_LEN);
EXACT(wire_cond, 6 * 4);
EXACT(wire_pool, 3 * 8 + 5 * 4 + 4 + 2 * 2 + 4 + 512 + MUX_NAME_LEN);
EXACT(wire_member, 2 * 8 + 4 * 4 + 18 + 2 + 4 + MUX_HOST_LEN);
EXACT(wire_offence, 2 * 8 + 4 * 4);
EXACT(wire_tap, 2 * 4 + MUX_NAME_LEN + MUX_HOST_LEN);
EXACT(msg_mux_socket, 2 * 4);
EXACT(msg_mux_worker, 2 * 4);
EXACT(msg_mux_want, 6 * 4);
EXACT(msg_mux_resolved, 2 * 4 + MUX_RESOLVED_MAX * 18);
EXACT(msg_mux_admin, 2 * 4);
EXACT(msg_mux_access, 6 * 8 + 3 * 4 + 2 * 2 + 3 * 18 + 2 + 3 + 5 + 256 + 40 +
    32 + NAME_MAX_LEN);
EXACT(wire_sighting, 16 + 8 + 4 + 2 + 1 + 1);
EXACT(wire_state, 8 + 8 + 4 + 1 + 3 + PATTERN_MAX_LEN);
EXACT(msg_position, 11 * 8 + 2 * 4 + BOOT_LEN + PATH_MAX_LEN);
EXACT(msg_stats, 8 + WATCH_COUNTS * 8 + 2 * 8);
EXACT(wire_served, 4 * 8 + 18 + 6);
EXACT(msg_lift, 8 + 88);
EXACT(msg_boot, BOOT_LEN);
EXACT(msg_show, 8 + 2 * 4 + 18 + 1 + 5 + 8 + NAME_MAX_LEN);
EXACT(row_head, 2 * 4);
EXACT(row_ban, 160 + NAME_MAX_LEN);
EXACT(row_history, 184 + NAME_MAX_LEN + EVIDENCE_LEN);
EXACT(row_user, 8 + 2 * 4 + USER_ADDRS * (18 + 8) + NAME_MAX_LEN +
    PATTERN_MAX_LEN);
EXACT(row_match, 2 * 8 + 4 * 4 + NAME_MAX_LEN + KEY_SHOWN_LEN);
EXACT(row_pending, 4 * 8 + 32 + 18 + 2 + 3 * 4 + NAME_MAX_LEN + SUBJECT_LEN +
    ARGV_SHOWN_LEN);
EXACT(row_why, 648 + 2 * 4 + WHERE_MAX_LEN);
EXACT(row_line, 32 + 8 + 2 * 4 + NAME_MAX_LEN + EVIDENCE_LEN);
EXACT(row_pattern, 3 * 8 + 2 * 4 + NAME_MAX_LEN + WHERE_MAX_LEN);
EXACT(row_watch, 15 * 8 + 2 * 4 + NAME_MAX_LEN + PATH_MAX_LEN + TEXT_LEN);
EXACT(row_process, 4 * 4 + 3 * 8 + NAME_MAX_LEN + BUILD_ID_LEN);
EXACT(row_metric, 2 * 4 + 8);
EXACT(row_summary, 5 * 8 + 4 * 4 + BUILD_ID_LEN + 5 * TEXT_LEN);
EXACT(row_text, 1024);
EXACT(row_event, 184 + 16 + NAME_MAX_LEN + SUBJECT_LEN + EVIDENCE_LEN);
EXACT(row_notice, 536 + NAME_MAX_LEN);
EXACT(ctl_ban, 18 + 2 + 1 + 1 + 2 + 8 + EVIDENCE_LEN);

/* What a row says of its message. */
struct msg_row {
	const char	*name;
	uint32_t	 from, to;	/* ROLE_BIT()s */
	uint32_t	 states;	/* STATE_BIT()s of the receiver */
	int		 fd;		/* 1: carries one, 0: does not, or */
#define FD_MAYBE	2		/* ... when there is one */
	size_t		 size;		/* exact, or what comes before ... */
	size_t		 elem;		/* ... elements of this size, 0: none */
	size_t		 least;		/* elements at least */
	/* NULL if any bytes will do; else the fault, or NULL. */
	const char	*(*check)(const void *, size_t);
};

#define STATE_BIT(s)	(1u << (s))
#define LIVE		(STATE_BIT(STATE_STARTING) | STATE_BIT(STATE_RUNNING))
#define AT_WORK		(STATE_BIT(STATE_RUNNING) | STATE_BIT(STATE_STOPPING))
#define ALWAYS		(LIVE | AT_WORK)

#define P		ROLE_BIT(ROLE_PARENT)
#define R		ROLE_BIT(ROLE_RULES)
#define E		ROLE_BIT(ROLE_ENFORCER)
#define L		ROLE_BIT(ROLE_LEDGER)
#define C		ROLE_BIT(ROLE_CONTROL)
#define S		ROLE_BIT(ROLE_PARSER)
#define M		ROLE_BIT(ROLE_MUX)
#define X		ROLE_BIT(ROLE_CLIENT)
#define CONFIGURED	(E | L | C | S | M)
#define CHILDREN	(R | CONFIGURED)

int
msg_has_nul(const char *s, size_t len)
{
	return memchr(s, '\0', len) != NULL;
}

/* It becomes part of an argument of journalctl(1): "s=1f;i=2;..." */
int
cursor_valid(const char *s)
{
	for (; *s != '\0'; s++)
		if (!isalnum((unsigned char)*s) && *s != '=' && *s != ';')
			return 0;
	return 1;
}

#define TEXT_OK(array)	msg_has_nul(array, sizeof(array))

static const char no_nul[] = "a string without its end";
static const char bad_prefix[] = "an impossible address";
static const char bad_enum[] = "a value out of range";
static const char bad_zero[] = "bytes that must be zero are not";
static const char bad_port[] = "an impossible port";
static const char bad_time[] = "an impossible time";
static const char bad_cursor[] = "an impossible cursor of the journal";

static int
zeroes(const uint8_t *bytes, size_t len)
{
	uint8_t all = 0;

	while (len-- > 0)
		all |= bytes[len];
	return all == 0;
}

#define ZERO_OK(array)	zeroes(array, sizeof(array))

/* A prefix, or none at all. */
static int
prefix_ok_or_none(const struct prefix *p)
{
	static const struct prefix none;

	return p->family == 0 ? memcmp(p, &none, sizeof(none)) == 0 :
	    prefix_valid(p);
}

/* Protocol and port of a ban: both, or the whole host. */
static int
port_ok(unsigned int proto, unsigned int port)
{
	if (proto == 0)
		return port == 0;
	return (proto == IPPROTO_TCP || proto == IPPROTO_UDP) && port != 0;
}

/* What is wrong with a ban, but for a prefix that is missing. */
static const char *
ban_fault(const struct wire_ban *b)
{
	if (!prefix_ok_or_none(&b->prefix) || !prefix_ok_or_none(&b->offender))
		return bad_prefix;
	if (!port_ok(b->proto, b->port))
		return bad_port;
	if (b->start < 0 || b->end < 0)
		return bad_time;
	if ((b->flags & ~(BANF_PREFIX | BANF_MORE | BANF_TELL)) != 0)
		return bad_enum;
	if (!ZERO_OK(b->zero) || b->id.zero != 0)
		return bad_zero;
	return TEXT_OK(b->subject) ? NULL : no_nul;
}

static const char *
check_ban(const void *data, size_t len)
{
	const struct wire_ban *b = data;

	(void)len;
	return b->prefix.family == 0 ? bad_prefix : ban_fault(b);
}

static const char *
check_bans(const void *data, size_t len)
{
	const struct wire_ban *b = data;
	const char *why = NULL;
	size_t i;

	for (i = 0; i < len / sizeof(*b) && why == NULL; i++)
		why = check_ban(&b[i], sizeof(*b));
	return why;
}

static const char *
check_event(const void *data, size_t len)
{
	const struct wire_event *e = data;

	(void)len;
	if (e->outcome == 0 || e->outcome >= BAN_OUTCOME_MAX)
		return bad_enum;
	if (e->zero != 0)
		return bad_zero;
	return ban_fault(&e->ban);	/* of everybody, when all are killed */
}

static const char *
check_notice(const void *data, size_t len)
{
	const struct wire_notice *n = data;

	(void)len;
	if (n->kind == 0 || n->kind >= NOTICE_MAX || n->sticky > 1)
		return bad_enum;
	return TEXT_OK(n->text) ? NULL : no_nul;
}

static const char *
check_ready(const void *data, size_t len)
{
	const struct msg_ready *r = data;

	(void)len;
	if (r->role == ROLE_PARENT || r->role >= ROLE_CLIENT)
		return bad_enum;
	return TEXT_OK(r->build) ? NULL : no_nul;
}

static const char *
check_channel(const void *data, size_t len)
{
	const struct msg_channel *c = data;

	(void)len;
	if (c->peer == ROLE_PARENT || c->peer >= ROLE_CLIENT || c->bulk > 1 ||
	    c->index >= (c->peer == ROLE_MUX ? MUX_WORKERS_MAX : 1))
		return bad_enum;
	return c->zero == 0 ? NULL : bad_zero;
}

static const char *
check_global(const void *data, size_t len)
{
	const struct wire_global *g = data;

	(void)len;
	if (g->action > ACTION_REJECT || g->hook > HOOK_FORWARD ||
	    g->plen4 > 32 || g->plen6 > 128 || g->protect_sessions > 1 ||
	    g->audit_json > 1 || g->max == 0)
		return bad_enum;
	if (!ZERO_OK(g->zero))
		return bad_zero;
	return TEXT_OK(g->instance) ? NULL : no_nul;
}

static const char *
check_table(const void *data, size_t len)
{
	const struct wire_table *t = data;

	(void)len;
	return TEXT_OK(t->name) ? NULL : no_nul;
}

/* Bytes of n prefixes, at any alignment (they have none). */
static const char *
check_prefixes(const void *data, size_t len)
{
	const struct prefix *p = data;
	size_t i;

	for (i = 0; i < len / sizeof(*p); i++)
		if (!prefix_valid(&p[i]))
			return bad_prefix;
	return NULL;
}

static const char *
check_conf_prefixes(const void *data, size_t len)
{
	return check_prefixes((const struct wire_prefixes *)data + 1,
	    len - sizeof(struct wire_prefixes));
}

static const char *
check_ports(const struct wire_port *ports, uint32_t n)
{
	uint32_t i;

	if (n > BAN_PORTS_MAX)
		return bad_enum;
	for (i = 0; i < n; i++)
		if (ports[i].proto == 0 || ports[i].zero != 0 ||
		    !port_ok(ports[i].proto, ports[i].port))
			return bad_port;
	return NULL;
}

/* What came with FORMAT_TEXT. */
static const char *
check_counting(const struct wire_watch *w)
{
	size_t i;

	if (w->growth_together > 1 || w->duplicate > DUPLICATE_RERUN ||
	    w->bans > 1 || w->ban_prefix > 1 || w->json > 1 ||
	    w->nkeys > WATCH_KEYS_MAX)
		return bad_enum;
	if (w->growth_max < 0)
		return bad_time;
	if (!ZERO_OK(w->zero2) || !ZERO_OK(w->zero3))
		return bad_zero;
	for (i = 0; i < WATCH_KEYS_MAX; i++)
		if (!TEXT_OK(w->keys[i]))
			return no_nul;
	return TEXT_OK(w->json_field) && TEXT_OK(w->json_time) &&
	    TEXT_OK(w->json_addr) && TEXT_OK(w->time_format) ? NULL : no_nul;
}

static const char *
check_watch(const void *data, size_t len)
{
	const struct wire_watch *w = data;
	const char *why;

	(void)len;
	if (w->format == 0 || w->format > FORMAT_TEXT ||
	    w->victim > BAN_ALL || w->together > 1 ||
	    w->trust_forwarded > 1 || w->dry_run > 1 || w->group4 > 32 ||
	    w->group6 > 128 || w->id == 0 || w->hash == 0)
		return bad_enum;
	if (w->window < 0 || w->grace < 0 || w->ban < 0)
		return bad_time;
	if (!TEXT_OK(w->name) || !TEXT_OK(w->zone))
		return no_nul;
	if ((why = check_counting(w)) != NULL)
		return why;
	return check_ports(w->ports, w->nports);
}

static const char *
check_source(const void *data, size_t len)
{
	const struct wire_source *s = data;

	(void)len;
	if (s->from_start > 1 || s->kind > SOURCE_STDIN)
		return bad_enum;
	if (!ZERO_OK(s->zero))
		return bad_zero;
	return TEXT_OK(s->path) ? NULL : no_nul;
}

static const char *
check_limit(const void *data, size_t len)
{
	const struct wire_limit *l = data;

	(void)len;
	return TEXT_OK(l->pattern) ? NULL : no_nul;
}

static const char *
check_exempt(const void *data, size_t len)
{
	const struct wire_exempt *e = data;

	(void)len;
	if (e->kind > EXEMPT_USER)
		return bad_enum;
	if (e->kind == EXEMPT_PREFIX ? !prefix_valid(&e->prefix) :
	    !prefix_ok_or_none(&e->prefix))
		return bad_prefix;
	if (e->zero != 0)
		return bad_zero;
	return TEXT_OK(e->pattern) ? NULL : no_nul;
}

static const char *
check_inbound(const void *data, size_t len)
{
	const struct wire_inbound *i = data;

	(void)len;
	return TEXT_OK(i->pattern) ? NULL : no_nul;
}

/* The strings after a struct of this size: the last one has its end. */
static const char *
check_strings(const void *data, size_t head, size_t len)
{
	return len > head && ((const char *)data)[len - 1] == '\0' ? NULL :
	    no_nul;
}

static const char *
check_pattern(const void *data, size_t len)
{
	const struct wire_pattern *p = data;

	if (p->kind < PATTERN_MATCH || p->kind > PATTERN_FAIL_DATE)
		return bad_enum;
	if (!TEXT_OK(p->where))
		return no_nul;
	return check_strings(data, sizeof(*p), len);
}

static const char *
check_filter(const void *data, size_t len)
{
	const struct wire_filter *f = data;

	(void)len;
	if (f->maxlines == 0)
		return bad_enum;
	return TEXT_OK(f->name) && TEXT_OK(f->where) ? NULL : no_nul;
}

static const char *
check_ignore(const void *data, size_t len)
{
	const struct wire_ignore *i = data;

	if (i->kind < IGNORE_EXACT || i->kind > IGNORE_TABLE)
		return bad_enum;
	if (!ZERO_OK(i->zero))
		return bad_zero;
	if (!TEXT_OK(i->name))
		return no_nul;
	return check_strings(data, sizeof(*i), len);
}

static const char *
check_conf_run(const void *data, size_t len)
{
	const struct wire_run *r = data;

	if (r->when > RUN_UNBAN || r->at_exit > 1 || r->once > 1 ||
	    r->at_least_once > 1 || (r->family != 0 &&
	    r->family != AF_INET && r->family != AF_INET6))
		return bad_enum;
	if (r->delay < 0 || r->timeout < 0)
		return bad_time;
	if (!ZERO_OK(r->zero))
		return bad_zero;
	if (!TEXT_OK(r->user) || !TEXT_OK(r->group))
		return no_nul;
	return check_strings(data, sizeof(*r), len);
}

static const char *
check_refused(const void *data, size_t len)
{
	const struct msg_refused *r = data;

	(void)len;
	return TEXT_OK(r->text) ? NULL : no_nul;
}

static const char *
check_file(const void *data, size_t len)
{
	const struct msg_file *f = data;

	(void)len;
	if (f->from_end > FILE_ROTATED)
		return bad_enum;
	return TEXT_OK(f->name) ? NULL : no_nul;
}

static const char *
check_target(const void *data, size_t len)
{
	const struct msg_target *t = data;

	(void)len;
	if (!prefix_ok_or_none(&t->prefix))
		return bad_prefix;
	if (t->proto != 0 && t->proto != IPPROTO_TCP && t->proto != IPPROTO_UDP)
		return bad_port;
	if (!ZERO_OK(t->zero))
		return bad_zero;
	if (t->growth > 1)
		return bad_enum;
	return TEXT_OK(t->user) ? NULL : no_nul;
}

static const char *
check_status(const void *data, size_t len)
{
	const struct wire_status *s = data;

	(void)len;
	if (!prefix_valid(&s->addr) || !prefix_is_host(&s->addr))
		return bad_prefix;
	return s->port != 0 ? NULL : bad_port;
}

static const char *
check_outcome(const void *data, size_t len)
{
	const struct msg_outcome *o = data;

	(void)len;
	return TEXT_OK(o->text) ? NULL : no_nul;
}

static const char *
check_rules(const void *data, size_t len)
{
	const struct msg_rules *r = data;

	(void)len;
	if (r->action > ACTION_REJECT || r->hook > HOOK_FORWARD)
		return bad_enum;
	return TEXT_OK(r->instance) ? NULL : no_nul;
}

/* Strings in pairs, each with its NUL. */
static int
pairs_ok(const char *s, size_t len)
{
	size_t i, n = 0;

	for (i = 0; i < len; i++)
		n += s[i] == '\0';
	return n % 2 == 0 && (len == 0 || s[len - 1] == '\0');
}

/* The values of a match: name NUL value NUL ... */
static int
values_ok(const char *s, size_t len)
{
	return len <= VALUES_LEN && pairs_ok(s, len);
}

static const char *
check_decision(const void *data, size_t len)
{
	const struct msg_decision *d = data;
	const char *why;

	(void)len;
	if (!TEXT_OK(d->watch) || !TEXT_OK(d->evidence))
		return no_nul;
	if ((why = check_ports(d->ports, d->nports)) != NULL)
		return why;
	if (d->past > 1 || d->no_ban > 1 || d->rerun > 1)
		return bad_enum;
	if (!TEXT_OK(d->pattern) || !values_ok(d->values, (size_t)
	    d->values_len[0] | (size_t)d->values_len[1] << 8))
		return no_nul;
	/* Who bans nobody may have nobody to name. */
	return d->no_ban ? ban_fault(&d->ban) :
	    check_ban(&d->ban, sizeof(d->ban));
}

static const char *
check_evidence(const void *data, size_t len)
{
	const struct msg_evidence *e = data;

	(void)len;
	if (e->zero != 0 || e->id.zero != 0)
		return bad_zero;
	if (e->at < 0)
		return bad_time;
	return TEXT_OK(e->text) ? NULL : no_nul;
}

static const char *
check_run(const void *data, size_t len)
{
	const struct msg_run *r = data;

	if (!prefix_ok_or_none(&r->addr))
		return bad_prefix;
	if (!ZERO_OK(r->zero))
		return bad_zero;
	if (r->at < 0)
		return bad_time;
	if (r->values_len != len - sizeof(*r))
		return "of the wrong length";
	return pairs_ok((const char *)(r + 1), r->values_len) ? NULL : no_nul;
}

static const char *
check_run_done(const void *data, size_t len)
{
	(void)len;
	return ((const struct msg_run_done *)data)->zero == 0 ? NULL :
	    bad_zero;
}

static const char *
check_flush(const void *data, size_t len)
{
	const struct msg_flush *f = data;

	(void)len;
	if (!prefix_ok_or_none(&f->prefix))
		return bad_prefix;
	if (!ZERO_OK(f->zero))
		return bad_zero;
	return TEXT_OK(f->watch) && TEXT_OK(f->value) ? NULL : no_nul;
}

static const char *
check_trigger(const void *data, size_t len)
{
	const struct msg_trigger *t = data;

	(void)len;
	if (t->zero != 0)
		return bad_zero;
	return TEXT_OK(t->watch) && values_ok(t->values, t->values_len) ?
	    NULL : no_nul;
}

static const char *
check_sighting(const struct wire_sighting *s)
{
	if (s->v6 > 1)
		return bad_prefix;
	if (s->last < 0 || s->last >> 48 != 0 || s->age >> 31 != 0)
		return bad_time;
	return s->zero == 0 ? NULL : bad_zero;
}

static const char *
check_state(const void *data, size_t len)
{
	const struct wire_state *s = data;
	const struct wire_sighting *list = (const void *)(s + 1);
	const char *why = NULL;
	size_t i, n = (len - sizeof(*s)) / sizeof(*list);

	if (n > STATE_SIGHTINGS || s->name_len >= sizeof(s->name))
		return bad_enum;
	if (s->touched < 0)
		return bad_time;
	if (!ZERO_OK(s->zero) || s->name[s->name_len] != '\0')
		return bad_zero;
	for (i = 0; i < n && why == NULL; i++)
		why = check_sighting(&list[i]);
	return why;
}

static const char *
check_position(const void *data, size_t len)
{
	const struct msg_position *p = data;

	(void)len;
	if (p->flags & ~(POSITION_GONE | POSITION_MOVED | POSITION_CURSOR))
		return bad_enum;
	if (p->zero != 0)
		return bad_zero;
	if (p->offset > INT64_MAX || p->size > INT64_MAX || p->last < 0)
		return bad_time;
	if (!TEXT_OK(p->boot) || !TEXT_OK(p->name))
		return no_nul;
	return p->flags & POSITION_CURSOR && !cursor_valid(p->name) ?
	    bad_cursor : NULL;
}

static const char *
check_stream(const void *data, size_t len)
{
	const struct msg_stream *s = data;

	(void)len;
	if (s->kind > STREAM_SYSLOG)
		return bad_enum;
	if (s->zero != 0)
		return bad_zero;
	if (s->since < 0)
		return bad_time;
	return TEXT_OK(s->name) ? NULL : no_nul;
}

static const char *
check_stream_done(const void *data, size_t len)
{
	const struct msg_stream_done *s = data;

	(void)len;
	if (s->zero != 0)
		return bad_zero;
	if (!TEXT_OK(s->cursor))
		return no_nul;
	return cursor_valid(s->cursor) ? NULL : bad_cursor;
}

static const char *
check_stats(const void *data, size_t len)
{
	const struct msg_stats *s = data;

	(void)len;
	return s->last < 0 ? bad_time : NULL;
}

static const char *
check_served(const void *data, size_t len)
{
	const struct wire_served *s = data;
	size_t i;

	for (i = 0; i < len / sizeof(*s); i++) {
		if (s[i].subject == 0 ? !prefix_valid(&s[i].prefix) :
		    !prefix_ok_or_none(&s[i].prefix))
			return bad_prefix;
		if (s[i].start < 0 || s[i].end < 0)
			return bad_time;
		if (!ZERO_OK(s[i].zero))
			return bad_zero;
	}
	return NULL;
}

static const char *
check_growth(const void *data, size_t len)
{
	const struct wire_growth *g = data;
	size_t i;

	for (i = 0; i < len / sizeof(*g); i++) {
		if (!prefix_valid(&g[i].prefix))
			return bad_prefix;
		if (g[i].last < 0)
			return bad_time;
		if (!ZERO_OK(g[i].zero))
			return bad_zero;
	}
	return NULL;
}

static const char *
check_lift(const void *data, size_t len)
{
	const struct msg_lift *l = data;

	(void)len;
	return l->at < 0 ? bad_time :
	    check_target(&l->target, sizeof(l->target));
}

static const char *
check_boot(const void *data, size_t len)
{
	return msg_has_nul(data, len) ? NULL : no_nul;
}

static const char *
check_show(const void *data, size_t len)
{
	const struct msg_show *s = data;

	(void)len;
	if (s->what == 0 || s->what >= SHOW_MAX || s->by > SHOW_BY_ALL)
		return bad_enum;
	if (!prefix_ok_or_none(&s->prefix))
		return bad_prefix;
	if (!ZERO_OK(s->zero))
		return bad_zero;
	return TEXT_OK(s->name) ? NULL : no_nul;
}

static const char *
check_ctl_ban(const void *data, size_t len)
{
	const struct ctl_ban *b = data;

	(void)len;
	if (!prefix_valid(&b->prefix))
		return bad_prefix;
	if (!port_ok(b->proto, b->port))
		return bad_port;
	if (b->duration < 0)
		return bad_time;
	if ((b->flags & ~BANF_PREFIX) != 0)
		return bad_enum;
	if (!ZERO_OK(b->zero))
		return bad_zero;
	return TEXT_OK(b->reason) ? NULL : no_nul;
}

static const char *
check_row_ban(const void *data, size_t len)
{
	const struct row_ban *r = data;

	(void)len;
	return TEXT_OK(r->watch) ? check_ban(&r->ban, sizeof(r->ban)) : no_nul;
}

static const char *
check_row_history(const void *data, size_t len)
{
	const struct row_history *r = data;

	(void)len;
	if (!TEXT_OK(r->watch) || !TEXT_OK(r->evidence))
		return no_nul;
	/* A decision that nobody has answered yet has no outcome. */
	if (r->event.outcome == 0)
		return check_ban(&r->event.ban, sizeof(r->event.ban));
	return check_event(&r->event, sizeof(r->event));
}

static const char *
check_row_user(const void *data, size_t len)
{
	const struct row_user *r = data;
	size_t i;

	(void)len;
	for (i = 0; i < USER_ADDRS; i++)
		if (!prefix_ok_or_none(&r->addrs[i]))
			return bad_prefix;
	return TEXT_OK(r->watch) && TEXT_OK(r->user) ? NULL : no_nul;
}

static const char *
check_row_match(const void *data, size_t len)
{
	const struct row_match *r = data;

	(void)len;
	if (r->zero != 0)
		return bad_zero;
	return TEXT_OK(r->watch) && TEXT_OK(r->key) ? NULL : no_nul;
}

static const char *
check_row_pending(const void *data, size_t len)
{
	const struct row_pending *r = data;

	(void)len;
	if (!prefix_ok_or_none(&r->addr))
		return bad_prefix;
	if (r->when > RUN_UNBAN || r->state >= RUN_STATE_MAX)
		return bad_enum;
	if (r->zero != 0 || r->zero2 != 0)
		return bad_zero;
	return TEXT_OK(r->watch) && TEXT_OK(r->key) && TEXT_OK(r->argv) ?
	    NULL : no_nul;
}

static const char *
check_row_why(const void *data, size_t len)
{
	const struct row_why *r = data;

	(void)len;
	if (r->zero != 0)
		return bad_zero;
	return TEXT_OK(r->pattern) ? check_row_history(&r->h, sizeof(r->h)) :
	    no_nul;
}

static const char *
check_row_line(const void *data, size_t len)
{
	const struct row_line *r = data;

	(void)len;
	if (r->zero != 0)
		return bad_zero;
	return TEXT_OK(r->watch) && TEXT_OK(r->text) ? NULL : no_nul;
}

static const char *
check_row_pattern(const void *data, size_t len)
{
	const struct row_pattern *r = data;

	(void)len;
	if (r->kind < PATTERN_MATCH || r->kind > PATTERN_FAIL_DATE)
		return bad_enum;
	return TEXT_OK(r->watch) && TEXT_OK(r->where) ? NULL : no_nul;
}

static const char *
check_row_watch(const void *data, size_t len)
{
	const struct row_watch *r = data;

	(void)len;
	return TEXT_OK(r->name) && TEXT_OK(r->source) && TEXT_OK(r->notice) ?
	    NULL : no_nul;
}

static const char *
check_row_process(const void *data, size_t len)
{
	const struct row_process *r = data;

	(void)len;
	if (r->role >= ROLE_CLIENT || r->state > STATE_STOPPING)
		return bad_enum;
	return TEXT_OK(r->user) && TEXT_OK(r->build) ? NULL : no_nul;
}

static const char *
check_row_metric(const void *data, size_t len)
{
	const struct row_metric *r = data;

	(void)len;
	return r->counter < COUNTER_MAX ? NULL : bad_enum;
}

static const char *
check_row_summary(const void *data, size_t len)
{
	const struct row_summary *r = data;
	size_t i;

	(void)len;
	for (i = 0; i < sizeof(r->notices) / sizeof(r->notices[0]); i++)
		if (!TEXT_OK(r->notices[i]))
			return no_nul;
	return TEXT_OK(r->version) && TEXT_OK(r->ledger) ? NULL : no_nul;
}

static const char *
check_row_text(const void *data, size_t len)
{
	return msg_has_nul(data, len) ? NULL : no_nul;
}

static const char *
check_row_event(const void *data, size_t len)
{
	const struct row_event *r = data;

	(void)len;
	return TEXT_OK(r->what) && TEXT_OK(r->watch) && TEXT_OK(r->by) &&
	    TEXT_OK(r->why) && TEXT_OK(r->event.ban.subject) ? NULL : no_nul;
}

static const char *
check_row_notice(const void *data, size_t len)
{
	const struct row_notice *r = data;

	(void)len;
	return TEXT_OK(r->watch) ? check_notice(&r->notice,
	    sizeof(r->notice)) : no_nul;
}

static const struct {
	size_t		 size;
	const char	*(*check)(const void *, size_t);
} rows[SHOW_MAX] = {
	[SHOW_SUMMARY] = { sizeof(struct row_summary), check_row_summary },
	[SHOW_BANS] = { sizeof(struct row_ban), check_row_ban },
	[SHOW_HISTORY] = { sizeof(struct row_history), check_row_history },
	[SHOW_USERS] = { sizeof(struct row_user), check_row_user },
	[SHOW_WATCHES] = { sizeof(struct row_watch), check_row_watch },
	[SHOW_PROCESSES] = { sizeof(struct row_process), check_row_process },
	[SHOW_CONFIG] = { sizeof(struct row_text), check_row_text },
	[SHOW_METRICS] = { sizeof(struct row_metric), check_row_metric },
	[SHOW_EVENT] = { sizeof(struct row_event), check_row_event },
	[SHOW_NOTICE] = { sizeof(struct row_notice), check_row_notice },
	[SHOW_MATCHES] = { sizeof(struct row_match), check_row_match },
	[SHOW_PENDING] = { sizeof(struct row_pending), check_row_pending },
	[SHOW_WHY] = { sizeof(struct row_why), check_row_why },
	[SHOW_LINES] = { sizeof(struct row_line), check_row_line },
	[SHOW_PATTERNS] = { sizeof(struct row_pattern), check_row_pattern },
	[SHOW_LISTENERS] = { sizeof(struct row_listener),
	    check_row_listener },
	[SHOW_ROUTES] = { sizeof(struct row_route), check_row_route },
	[SHOW_POOLS] = { sizeof(struct row_member), check_row_member },
	[SHOW_CONNECTIONS] = { sizeof(struct row_connection),
	    check_row_connection },
	[SHOW_ACCESS] = { sizeof(struct row_access), check_row_access }
};

static const char *
check_row(const void *data, size_t len)
{
	const struct row_head *head = data;

	if (head->what == 0 || head->what >= SHOW_MAX)
		return bad_enum;
	if (head->zero != 0)
		return bad_zero;
	if (len != sizeof(*head) + rows[head->what].size)
		return "a row of the wrong length";
	return rows[head->what].check(head + 1, rows[head->what].size);
}

#define NONE		0, 0, 0, NULL
#define NUMBER		sizeof(uint32_t), 0, 0, NULL
#define ONE(type, fn)	sizeof(struct type), 0, 0, fn
#define MANY(type, n, fn) 0, sizeof(struct type), n, fn

/* type, from, to, states of the receiver, descriptor, length and content */
#define ROW(type, from, to, states, fd, ...)				\
	[type] = { #type, from, to, states, fd, __VA_ARGS__ }

static const struct msg_row msg_table[M_MAX] = {
	ROW(M_READY, CHILDREN, P, ALWAYS, 0, ONE(msg_ready, check_ready)),
	ROW(M_CHANNEL, P, CHILDREN, LIVE, 1, ONE(msg_channel, check_channel)),
	ROW(M_VERBOSE, P, CHILDREN, ALWAYS, 0, NUMBER),
	ROW(M_STOP, P, CHILDREN, LIVE, 0, NONE),

	ROW(M_CONF_BEGIN, P, CONFIGURED, LIVE, 0, NUMBER),
	ROW(M_CONF_GLOBAL, P, CONFIGURED, LIVE, 0,
	    ONE(wire_global, check_global)),
	ROW(M_CONF_TABLE, P, CONFIGURED, LIVE, 0,
	    ONE(wire_table, check_table)),
	ROW(M_CONF_PREFIXES, P, CONFIGURED, LIVE, 0,
	    sizeof(struct wire_prefixes), sizeof(struct prefix), 1,
	    check_conf_prefixes),
	ROW(M_CONF_WATCH, P, CONFIGURED, LIVE, 0,
	    ONE(wire_watch, check_watch)),
	ROW(M_CONF_SOURCE, P, CONFIGURED, LIVE, 0,
	    ONE(wire_source, check_source)),
	ROW(M_CONF_LIMIT, P, CONFIGURED, LIVE, 0,
	    ONE(wire_limit, check_limit)),
	ROW(M_CONF_EXEMPT, P, CONFIGURED, LIVE, 0,
	    ONE(wire_exempt, check_exempt)),
	ROW(M_CONF_INBOUND, P, CONFIGURED, LIVE, 0,
	    ONE(wire_inbound, check_inbound)),
	ROW(M_CONF_ZONE, P, CONFIGURED, LIVE, 0, 0, 1, 1, NULL),
	ROW(M_CONF_END, P, CONFIGURED, LIVE, 0, NUMBER),
	ROW(M_CONF_READY, CONFIGURED, P, ALWAYS, 0, NUMBER),
	ROW(M_CONF_REFUSED, CONFIGURED, P, ALWAYS, 0,
	    ONE(msg_refused, check_refused)),
	ROW(M_CONF_COMMIT, P, CONFIGURED, LIVE, 0, NUMBER),
	ROW(M_CONF_ABORT, P, CONFIGURED, LIVE, 0, NUMBER),
	ROW(M_CONF_DONE, CONFIGURED, P, ALWAYS, 0, NUMBER),

	ROW(M_INOTIFY, P, S, LIVE, 1, NONE),
	ROW(M_FILE, P, S, AT_WORK, 1, ONE(msg_file, check_file)),
	ROW(M_FILE_DONE, S, P, ALWAYS, 0, NUMBER),

	ROW(M_BAN, S | C | M, E, AT_WORK, 0, ONE(wire_ban, check_ban)),
	ROW(M_UNBAN, C, E, AT_WORK, 0, ONE(msg_target, check_target)),
	ROW(M_KILL, C, E, AT_WORK, 0, ONE(msg_target, check_target)),
	ROW(M_BAN_EVENT, E, L | C | S | M, ALWAYS, 0, ONE(wire_event, check_event)),
	ROW(M_RESTORE, L, E, AT_WORK, 0, MANY(wire_ban, 1, check_bans)),
	ROW(M_RESTORE_DONE, L, E, AT_WORK, 0, NONE),
	ROW(M_SESSIONS, P, E, ALWAYS, 0, MANY(prefix, 0, check_prefixes)),
	ROW(M_RESTORED, E, P, ALWAYS, 0, ONE(msg_outcome, check_outcome)),
	ROW(M_SETS_DESTROY, P, E, ALWAYS, 0, NONE),
	ROW(M_SETS_GONE, E, P, ALWAYS, 0, ONE(msg_outcome, check_outcome)),

	ROW(M_RULES_INSTALL, P, R, LIVE, 0, ONE(msg_rules, check_rules)),
	ROW(M_RULES_REMOVE, P, R, LIVE, 0, ONE(msg_rules, check_rules)),
	ROW(M_RULES_OUTCOME, R, P, ALWAYS, 0,
	    ONE(msg_outcome, check_outcome)),
	ROW(M_RULES_DRIFT, E, P, ALWAYS, 0, ONE(msg_outcome, check_outcome)),

	ROW(M_CHECKPOINT, S, L, AT_WORK, 0, ONE(msg_checkpoint, NULL)),
	ROW(M_DECISION, S | C, L, AT_WORK, 0,
	    ONE(msg_decision, check_decision)),
	ROW(M_CHECKPOINT_END, S, L, AT_WORK, 0, ONE(msg_checkpoint, NULL)),
	ROW(M_COMMITTED, L, S, AT_WORK, 0, ONE(msg_checkpoint, NULL)),
	ROW(M_LEDGER_STATE, L, C, ALWAYS, 0,
	    ONE(msg_outcome, check_outcome)),

	/* Control serves before the last of its siblings is at work. */
	ROW(M_SHOW, C, P | E | L | S | M, ALWAYS, 0,
	    ONE(msg_show, check_show)),
	ROW(M_ROW, P | E | L | S | M | C, C | X, ALWAYS, 0,
	    sizeof(struct row_head), 1, 1, check_row),
	ROW(M_SHOW_END, P | E | L | S | M, C, ALWAYS, 0,
	    ONE(msg_show, check_show)),
	ROW(M_RESULT, P | E | L | S | M | C, C | X, ALWAYS, 0,
	    ONE(msg_outcome, check_outcome)),
	ROW(M_FORGIVE, C, S | L, ALWAYS, 0, ONE(msg_target, check_target)),
	ROW(M_RELOAD, C, P, ALWAYS, 0, NONE),
	ROW(M_REOPEN, C, P, ALWAYS, 0, NONE),
	ROW(M_SET_VERBOSE, C, P, ALWAYS, 0, NUMBER),
	ROW(M_COUNTERS_GET, C, P | E | L | S | M, ALWAYS, 0, NONE),
	ROW(M_COUNTERS, P | E | L | S | M, C, ALWAYS, 0,
	    sizeof(uint64_t) * COUNTER_MAX, 0, 0, NULL),
	ROW(M_NOTICE, P | E | L | S | M, C, ALWAYS, 0,
	    ONE(wire_notice, check_notice)),
	ROW(M_AUDIT_LOG, P, C, ALWAYS, 1, NONE),
	ROW(M_LISTENER, P, C, LIVE, 1, NONE),

	ROW(C_SHOW, X, C, ALWAYS, 0, ONE(msg_show, check_show)),
	ROW(C_MONITOR, X, C, ALWAYS, 0, NUMBER),
	ROW(C_BAN, X, C, ALWAYS, 0, ONE(ctl_ban, check_ctl_ban)),
	ROW(C_UNBAN, X, C, ALWAYS, 0, ONE(msg_target, check_target)),
	ROW(C_FORGIVE, X, C, ALWAYS, 0, ONE(msg_target, check_target)),
	ROW(C_KILL, X, C, ALWAYS, 0, ONE(msg_target, check_target)),
	ROW(C_RELOAD, X, C, ALWAYS, 0, NONE),
	ROW(C_REOPEN, X, C, ALWAYS, 0, NONE),
	ROW(C_VERBOSE, X, C, ALWAYS, 0, NUMBER),
	ROW(C_END, C, X, ALWAYS, 0, NONE),

	ROW(M_CONF_STATUS, P, C, LIVE, 0, ONE(wire_status, check_status)),
	ROW(M_STATUS_LISTENER, P, C, ALWAYS, 1,
	    ONE(wire_status, check_status)),

	ROW(M_STATE_CLEAR, S, L, AT_WORK, 0, NONE),
	ROW(M_STATE, S | L, S | L, AT_WORK, 0, sizeof(struct wire_state),
	    sizeof(struct wire_sighting), 0, check_state),
	ROW(M_POSITION, S | L, P | S | L, ALWAYS, 0,
	    ONE(msg_position, check_position)),
	ROW(M_WATCH_STATS, S | L, S | L, AT_WORK, 0,
	    ONE(msg_stats, check_stats)),
	ROW(M_RESUME, S, L, AT_WORK, 0, NONE),
	ROW(M_RESUME_BAN, L, S, AT_WORK, 0,
	    MANY(wire_served, 1, check_served)),
	ROW(M_RESUME_LIFT, L, S, AT_WORK, 0, ONE(msg_lift, check_lift)),
	ROW(M_RESUME_DONE, L, S, AT_WORK, 0,
	    ONE(msg_outcome, check_outcome)),
	ROW(M_LEDGER_FRESH, L, S, AT_WORK, 0, NONE),
	ROW(M_FILES_DONE, P, S, AT_WORK, 0, ONE(msg_boot, check_boot)),

	/* Strings follow: as many bytes as there are. */
	ROW(M_CONF_PATTERN, P, CONFIGURED, LIVE, 0,
	    sizeof(struct wire_pattern), 1, 1, check_pattern),
	ROW(M_CONF_FILTER, P, CONFIGURED, LIVE, 0,
	    ONE(wire_filter, check_filter)),
	ROW(M_CONF_IGNORE, P, CONFIGURED, LIVE, 0,
	    sizeof(struct wire_ignore), 1, 1, check_ignore),
	ROW(M_CONF_RUN, P, CONFIGURED, LIVE, 0,
	    sizeof(struct wire_run), 1, 1, check_conf_run),

	ROW(M_STREAM, P, S, AT_WORK, 1, ONE(msg_stream, check_stream)),
	ROW(M_STREAM_DONE, S, P, ALWAYS, 0,
	    ONE(msg_stream_done, check_stream_done)),

	ROW(M_RESUME_GROWTH, L, S, AT_WORK, 0,
	    MANY(wire_growth, 1, check_growth)),

	ROW(M_RUN, L, P, ALWAYS, 0, sizeof(struct msg_run), 1, 0, check_run),
	ROW(M_RUN_DONE, P, L, ALWAYS, 0, ONE(msg_run_done, check_run_done)),
	ROW(M_RUN_EXIT, P, L, ALWAYS, 0, NONE),
	ROW(M_RUN_EXITED, L, P, ALWAYS, 0, NUMBER),
	ROW(M_RUN_MAX, P, L, AT_WORK, 0, NUMBER),

	ROW(M_FLUSH, C, L, ALWAYS, 0, ONE(msg_flush, check_flush)),
	ROW(M_TRIGGER, C, S, ALWAYS, 0, ONE(msg_trigger, check_trigger)),
	ROW(C_FLUSH, X, C, ALWAYS, 0, ONE(msg_flush, check_flush)),
	ROW(C_TRIGGER, X, C, ALWAYS, 0, ONE(msg_trigger, check_trigger)),
	ROW(M_EVIDENCE, S, L, AT_WORK, 0, ONE(msg_evidence, check_evidence)),

	ROW(M_CONF_MUX, P, CONFIGURED, LIVE, 0, ONE(wire_mux, NULL)),
	ROW(M_CONF_POOL, P, CONFIGURED, LIVE, 0, ONE(wire_pool, NULL)),
	ROW(M_CONF_MEMBER, P, CONFIGURED, LIVE, 0, ONE(wire_member, NULL)),
	ROW(M_CONF_TAP, P, CONFIGURED, LIVE, 0, ONE(wire_tap, NULL)),
	ROW(M_CONF_LISTENER, P, CONFIGURED, LIVE, 0,
	    ONE(wire_listener, NULL)),
	ROW(M_CONF_BIND, P, CONFIGURED, LIVE, 0, ONE(wire_bind, NULL)),
	ROW(M_CONF_OFFENCE, P, CONFIGURED, LIVE, 0, ONE(wire_offence, NULL)),
	ROW(M_CONF_ROUTE, P, CONFIGURED, LIVE, 0, ONE(wire_route, NULL)),
	ROW(M_CONF_COND, P, CONFIGURED, LIVE, 0, sizeof(struct wire_cond), 1,
	    0, NULL),

	ROW(M_MUX_TABLE, P, M | C, LIVE, 1, NONE),
	ROW(M_MUX_SOCKET, P, M, LIVE, 1, ONE(msg_mux_socket, NULL)),
	ROW(M_MUX_FORGET, P, M, LIVE, 0, ONE(msg_mux_socket, NULL)),
	ROW(M_MUX_WORKER, P, M, LIVE, 0, ONE(msg_mux_worker, NULL)),
	ROW(M_MUX_WANT, M, P, ALWAYS, 0, ONE(msg_mux_want, NULL)),
	ROW(M_MUX_GIVE, P, M, ALWAYS, FD_MAYBE, ONE(msg_mux_want, NULL)),
	ROW(M_MUX_CLEAR, M, E, ALWAYS, 0, ONE(msg_mux_want, NULL)),
	ROW(M_MUX_CLEARED, E, M, ALWAYS, FD_MAYBE,
	    ONE(msg_mux_want, NULL)),
	ROW(M_MUX_RESOLVED, C, M, ALWAYS, 0,
	    ONE(msg_mux_resolved, check_mux_resolved)),
	ROW(M_MUX_ADMIN, C, M, ALWAYS, 0, ONE(msg_mux_admin, NULL)),
	ROW(M_MUX_DECISION, M, C, ALWAYS, 0,
	    ONE(msg_decision, check_decision)),
	ROW(M_MUX_ACCESS, M, C, ALWAYS, 0,
	    ONE(msg_mux_access, check_mux_access)),
	ROW(M_ACCESS_LOG, P, C, ALWAYS, 1, NONE),
	ROW(M_RESOLVER, P, C, ALWAYS, 0, ONE(msg_resolver, check_resolver)),
	ROW(M_HOST, P, C, ALWAYS, 0, ONE(msg_host, check_host)),
	ROW(M_MUX_MONITOR, C, M, ALWAYS, 0, NUMBER),
	ROW(C_POOL, X, C, ALWAYS, 0, ONE(ctl_pool, check_ctl_pool))
};

_Static_assert(sizeof(struct wire_state) + STATE_SIGHTINGS *
    sizeof(struct wire_sighting) + IMSG_HEADER_SIZE <= IMSG_MAX,
    "a part of a state fits in a message");
_Static_assert(sizeof(struct row_head) + sizeof(struct row_summary) +
    IMSG_HEADER_SIZE <= IMSG_MAX, "the longest row fits in a message");

const char *
msg_name(uint32_t type)
{
	if (type >= M_MAX || msg_table[type].name == NULL)
		return "an unknown message";
	return msg_table[type].name;
}

static int
size_ok(const struct msg_row *row, size_t len)
{
	if (row->elem == 0)
		return len == row->size;
	return len >= row->size + row->least * row->elem &&
	    (len - row->size) % row->elem == 0;
}

int
msg_check(uint32_t type, enum role from, enum role to, enum proc_state state,
    const void *data, size_t len, int has_fd, const char **why)
{
	const struct msg_row *row;

	*why = NULL;
	if (type >= M_MAX || msg_table[type].name == NULL)
		*why = "no such message";
	else if (row = &msg_table[type], (row->from & ROLE_BIT(from)) == 0)
		*why = "not its sender's to say";
	else if ((row->to & ROLE_BIT(to)) == 0)
		*why = "not for this process";
	else if (state != STATE_ANY && (row->states & STATE_BIT(state)) == 0)
		*why = "not in this state";
	else if (has_fd && !row->fd)
		*why = "with a descriptor that does not belong";
	else if (!has_fd && row->fd == 1)
		*why = "without its descriptor";
	else if (!size_ok(row, len))
		*why = "of the wrong length";
	else if (row->check != NULL)
		*why = row->check(data, len);
	return *why == NULL ? 0 : -1;
}

/*
 * What the content of a message must be, for the table in msg.c; rows of what
 * is shown are msg_row.c's, parts of a configuration conf_check.c's.
 */
#include <sys/socket.h>

#include <netinet/in.h>

#include <ctype.h>
#include <string.h>

#include "msg.h"
#include "msg_check.h"

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

const char msg_no_nul[] = "a string without its end";
const char msg_bad_prefix[] = "an impossible address";
const char msg_bad_enum[] = "a value out of range";
const char msg_bad_zero[] = "bytes that must be zero are not";
static const char bad_port[] = "an impossible port";
static const char bad_time[] = "an impossible time";
static const char bad_cursor[] = "an impossible cursor of the journal";

int
msg_zeroes(const uint8_t *bytes, size_t len)
{
	uint8_t all = 0;

	while (len-- > 0)
		all |= bytes[len];
	return all == 0;
}

/* A prefix, or none at all. */
int
msg_prefix_ok_or_none(const struct prefix *p)
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
	if (!msg_prefix_ok_or_none(&b->prefix) ||
	    !msg_prefix_ok_or_none(&b->offender))
		return msg_bad_prefix;
	if (!port_ok(b->proto, b->port))
		return bad_port;
	if (b->start < 0 || b->end < 0)
		return bad_time;
	if ((b->flags & ~(BANF_PREFIX | BANF_MORE | BANF_TELL)) != 0)
		return msg_bad_enum;
	if (!ZERO_OK(b->zero) || b->id.zero != 0)
		return msg_bad_zero;
	return TEXT_OK(b->subject) ? NULL : msg_no_nul;
}

int
msg_ports_ok(const struct wire_port *ports, uint32_t n)
{
	uint32_t i;

	if (n > BAN_PORTS_MAX)
		return 0;
	for (i = 0; i < n; i++)
		if (ports[i].proto == 0 || ports[i].zero != 0 ||
		    !port_ok(ports[i].proto, ports[i].port))
			return 0;
	return 1;
}

const char *
check_ban(const void *data, size_t len)
{
	const struct wire_ban *b = data;

	(void)len;
	return b->prefix.family == 0 ? msg_bad_prefix : ban_fault(b);
}

const char *
check_bans(const void *data, size_t len)
{
	const struct wire_ban *b = data;
	const char *why = NULL;
	size_t i;

	for (i = 0; i < len / sizeof(*b) && why == NULL; i++)
		why = check_ban(&b[i], sizeof(*b));
	return why;
}

const char *
check_event(const void *data, size_t len)
{
	const struct wire_event *e = data;

	(void)len;
	if (e->outcome == 0 || e->outcome >= BAN_OUTCOME_MAX)
		return msg_bad_enum;
	if (e->zero != 0)
		return msg_bad_zero;
	return ban_fault(&e->ban);	/* of everybody, when all are killed */
}

const char *
check_notice(const void *data, size_t len)
{
	const struct wire_notice *n = data;

	(void)len;
	if (n->kind == 0 || n->kind >= NOTICE_MAX || n->sticky > 1)
		return msg_bad_enum;
	return TEXT_OK(n->text) ? NULL : msg_no_nul;
}

const char *
check_ready(const void *data, size_t len)
{
	const struct msg_ready *r = data;

	(void)len;
	if (r->role == ROLE_PARENT || r->role >= ROLE_CLIENT)
		return msg_bad_enum;
	return TEXT_OK(r->build) ? NULL : msg_no_nul;
}

const char *
check_channel(const void *data, size_t len)
{
	const struct msg_channel *c = data;

	(void)len;
	if (c->peer == ROLE_PARENT || c->peer >= ROLE_CLIENT || c->bulk > 1 ||
	    c->index >= (c->peer == ROLE_MUX ? MUX_WORKERS_MAX : 1))
		return msg_bad_enum;
	return c->zero == 0 ? NULL : msg_bad_zero;
}

/* Bytes of n prefixes, at any alignment (they have none). */
const char *
check_prefixes(const void *data, size_t len)
{
	const struct prefix *p = data;
	size_t i;

	for (i = 0; i < len / sizeof(*p); i++)
		if (!prefix_valid(&p[i]))
			return msg_bad_prefix;
	return NULL;
}

const char *
check_refused(const void *data, size_t len)
{
	const struct msg_refused *r = data;

	(void)len;
	return TEXT_OK(r->text) ? NULL : msg_no_nul;
}

const char *
check_file(const void *data, size_t len)
{
	const struct msg_file *f = data;

	(void)len;
	if (f->from_end > FILE_ROTATED)
		return msg_bad_enum;
	return TEXT_OK(f->name) ? NULL : msg_no_nul;
}

const char *
check_target(const void *data, size_t len)
{
	const struct msg_target *t = data;

	(void)len;
	if (!msg_prefix_ok_or_none(&t->prefix))
		return msg_bad_prefix;
	if (t->proto != 0 && t->proto != IPPROTO_TCP && t->proto != IPPROTO_UDP)
		return bad_port;
	if (!ZERO_OK(t->zero))
		return msg_bad_zero;
	if (t->growth > 1)
		return msg_bad_enum;
	return TEXT_OK(t->user) ? NULL : msg_no_nul;
}

const char *
check_outcome(const void *data, size_t len)
{
	const struct msg_outcome *o = data;

	(void)len;
	return TEXT_OK(o->text) ? NULL : msg_no_nul;
}

const char *
check_rules(const void *data, size_t len)
{
	const struct msg_rules *r = data;

	(void)len;
	if (r->action > ACTION_REJECT || r->hook > HOOK_FORWARD)
		return msg_bad_enum;
	return TEXT_OK(r->instance) ? NULL : msg_no_nul;
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

const char *
check_decision(const void *data, size_t len)
{
	const struct msg_decision *d = data;
	size_t n;

	(void)len;
	if (!TEXT_OK(d->watch) || !TEXT_OK(d->evidence))
		return msg_no_nul;
	if (!msg_ports_ok(d->ports, d->nports))
		return bad_port;
	if (d->past > 1 || d->again > 1 || d->no_ban > 1 || d->rerun > 1)
		return msg_bad_enum;
	if (!ZERO_OK(d->zero))
		return msg_bad_zero;
	n = (size_t)d->values_len[0] | (size_t)d->values_len[1] << 8;
	if (!TEXT_OK(d->pattern) || !values_ok(d->values, n))
		return msg_no_nul;
	/* Who bans nobody may have nobody to name. */
	return d->no_ban ? ban_fault(&d->ban) :
	    check_ban(&d->ban, sizeof(d->ban));
}

const char *
check_decided(const void *data, size_t len)
{
	const struct wire_decided *d = data;
	size_t i;

	for (i = 0; i < len / sizeof(*d); i++) {
		if (d[i].id.zero != 0)
			return msg_bad_zero;
		if (d[i].start < 0 || d[i].end < 0)
			return bad_time;
	}
	return NULL;
}

const char *
check_evidence(const void *data, size_t len)
{
	const struct msg_evidence *e = data;

	(void)len;
	if (e->zero != 0 || e->id.zero != 0)
		return msg_bad_zero;
	if (e->at < 0)
		return bad_time;
	return TEXT_OK(e->text) ? NULL : msg_no_nul;
}

const char *
check_run(const void *data, size_t len)
{
	const struct msg_run *r = data;

	if (!msg_prefix_ok_or_none(&r->addr))
		return msg_bad_prefix;
	if (!ZERO_OK(r->zero))
		return msg_bad_zero;
	if (r->at < 0)
		return bad_time;
	if (r->values_len != len - sizeof(*r))
		return "of the wrong length";
	return pairs_ok((const char *)(r + 1), r->values_len) ? NULL :
	    msg_no_nul;
}

const char *
check_run_done(const void *data, size_t len)
{
	(void)len;
	return ((const struct msg_run_done *)data)->zero == 0 ? NULL :
	    msg_bad_zero;
}

const char *
check_flush(const void *data, size_t len)
{
	const struct msg_flush *f = data;

	(void)len;
	if (!msg_prefix_ok_or_none(&f->prefix))
		return msg_bad_prefix;
	if (!ZERO_OK(f->zero))
		return msg_bad_zero;
	return TEXT_OK(f->watch) && TEXT_OK(f->value) ? NULL : msg_no_nul;
}

const char *
check_trigger(const void *data, size_t len)
{
	const struct msg_trigger *t = data;

	(void)len;
	if (t->zero != 0)
		return msg_bad_zero;
	return TEXT_OK(t->watch) && values_ok(t->values, t->values_len) ?
	    NULL : msg_no_nul;
}

static const char *
check_sighting(const struct wire_sighting *s)
{
	if (s->v6 > 1)
		return msg_bad_prefix;
	if (s->last < 0 || s->last >> 48 != 0 || s->age >> 31 != 0)
		return bad_time;
	return s->zero == 0 ? NULL : msg_bad_zero;
}

const char *
check_state(const void *data, size_t len)
{
	const struct wire_state *s = data;
	const struct wire_sighting *list = (const void *)(s + 1);
	const char *why = NULL;
	size_t i, n = (len - sizeof(*s)) / sizeof(*list);

	if (n > STATE_SIGHTINGS || s->name_len >= sizeof(s->name))
		return msg_bad_enum;
	if (s->touched < 0)
		return bad_time;
	if (!ZERO_OK(s->zero) || s->name[s->name_len] != '\0')
		return msg_bad_zero;
	for (i = 0; i < n && why == NULL; i++)
		why = check_sighting(&list[i]);
	return why;
}

/* Values that are there have so many bytes, others none. */
static size_t
waiting_text(const struct wire_waiting *w)
{
	size_t n = 0;
	unsigned int i;

	for (i = 0; i < sizeof(w->lens); i++)
		n += (w->has >> i & 1) != 0 || w->lens[i] == 0 ? w->lens[i] :
		    WAITING_TEXT + 1;
	return n;
}

const char *
check_waiting(const void *data, size_t len)
{
	const struct wire_waiting *w = data;
	size_t n = waiting_text(w);

	if (w->slot >= WAITING_SLOTS || w->waits > 1 ||
	    w->users_len > WAITING_USERS || w->lines_len > WAITING_LINES ||
	    n > WAITING_TEXT)
		return msg_bad_enum;
	if (w->until < 0)
		return bad_time;
	if (!ZERO_OK(w->zero))
		return msg_bad_zero;
	return n + w->users_len + w->lines_len == len - sizeof(*w) ? NULL :
	    "of the wrong length";
}

const char *
check_position(const void *data, size_t len)
{
	const struct msg_position *p = data;

	(void)len;
	if (p->flags & ~(POSITION_GONE | POSITION_MOVED | POSITION_CURSOR))
		return msg_bad_enum;
	if (p->zero != 0)
		return msg_bad_zero;
	if (p->offset > INT64_MAX || p->size > INT64_MAX || p->last < 0)
		return bad_time;
	if (!TEXT_OK(p->boot) || !TEXT_OK(p->name))
		return msg_no_nul;
	return p->flags & POSITION_CURSOR && !cursor_valid(p->name) ?
	    bad_cursor : NULL;
}

const char *
check_stream(const void *data, size_t len)
{
	const struct msg_stream *s = data;

	(void)len;
	if (s->kind > STREAM_SYSLOG)
		return msg_bad_enum;
	if (s->zero != 0)
		return msg_bad_zero;
	if (s->since < 0)
		return bad_time;
	return TEXT_OK(s->name) ? NULL : msg_no_nul;
}

const char *
check_stream_done(const void *data, size_t len)
{
	const struct msg_stream_done *s = data;

	(void)len;
	if (s->zero != 0)
		return msg_bad_zero;
	if (!TEXT_OK(s->cursor))
		return msg_no_nul;
	return cursor_valid(s->cursor) ? NULL : bad_cursor;
}

const char *
check_stats(const void *data, size_t len)
{
	const struct msg_stats *s = data;

	(void)len;
	return s->last < 0 ? bad_time : NULL;
}

const char *
check_served(const void *data, size_t len)
{
	const struct wire_served *s = data;
	size_t i;

	for (i = 0; i < len / sizeof(*s); i++) {
		if (s[i].subject == 0 ? !prefix_valid(&s[i].prefix) :
		    !msg_prefix_ok_or_none(&s[i].prefix))
			return msg_bad_prefix;
		if (s[i].start < 0 || s[i].end < 0)
			return bad_time;
		if (!ZERO_OK(s[i].zero))
			return msg_bad_zero;
	}
	return NULL;
}

const char *
check_growth(const void *data, size_t len)
{
	const struct wire_growth *g = data;
	size_t i;

	for (i = 0; i < len / sizeof(*g); i++) {
		if (!prefix_valid(&g[i].prefix))
			return msg_bad_prefix;
		if (g[i].last < 0)
			return bad_time;
		if (!ZERO_OK(g[i].zero))
			return msg_bad_zero;
	}
	return NULL;
}

const char *
check_lift(const void *data, size_t len)
{
	const struct msg_lift *l = data;

	(void)len;
	return l->at < 0 ? bad_time :
	    check_target(&l->target, sizeof(l->target));
}

const char *
check_boot(const void *data, size_t len)
{
	return msg_has_nul(data, len) ? NULL : msg_no_nul;
}

const char *
check_show(const void *data, size_t len)
{
	const struct msg_show *s = data;

	(void)len;
	if (s->what == 0 || s->what >= SHOW_MAX || s->by > SHOW_BY_ALL)
		return msg_bad_enum;
	if (!msg_prefix_ok_or_none(&s->prefix))
		return msg_bad_prefix;
	if (!ZERO_OK(s->zero))
		return msg_bad_zero;
	return TEXT_OK(s->name) ? NULL : msg_no_nul;
}

const char *
check_ctl_ban(const void *data, size_t len)
{
	const struct ctl_ban *b = data;

	(void)len;
	if (!prefix_valid(&b->prefix))
		return msg_bad_prefix;
	if (!port_ok(b->proto, b->port))
		return bad_port;
	if (b->duration < 0)
		return bad_time;
	if ((b->flags & ~BANF_PREFIX) != 0)
		return msg_bad_enum;
	if (!ZERO_OK(b->zero))
		return msg_bad_zero;
	return TEXT_OK(b->reason) ? NULL : msg_no_nul;
}

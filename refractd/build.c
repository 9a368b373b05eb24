/*
 * What statements outside tables and watches mean, and what all statements
 * share: said once or more, texts, ranges, lists.
 */
#include <sys/socket.h>
#include <sys/un.h>

#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "build.h"
#include "listen.h"
#include "log.h"

#define ITEMS_MAX		65536
#define DRAIN_MAX		(3600 * 1000LL)
#define INSTANCE_MAX		16	/* set names have 31 bytes */

static struct {
	struct conf	*conf;
	int		 layer;
	struct once	 state, instance, control, admin, log_bans;
	struct once	 plen4, plen6, protect, action, hook, max;
	unsigned int	 nstatus;
	struct once	 hot_reload, ledger_keep, ledger_max;
	struct once	 workers, drain, log_connections;
} b;

/* Lists of the statement that is being read. */
static struct {
	struct val	*items;
	size_t		 n, room;
	struct val	 plen4, plen6;
	int		 has4, has6;
	struct wire_port ports[BAN_PORTS_MAX];
	size_t		 nports;
} list;

void
build_start(void)
{
	memset(&b, 0, sizeof(b));
	b.conf = conf_new();
	build_clear();
	tables_start();
	watches_start();
	listens_start();
}

void
build_layer(int layer)
{
	b.layer = layer;
}

int
build_layer_now(void)
{
	return b.layer;
}

struct conf *
build_conf(void)
{
	return b.conf;
}

int
build_once(struct once *once, const struct place *at, const char *what)
{
	if (once->at.file != NULL && once->layer == b.layer) {
		report_error(at, "found a second \"%s\", expected one: the "
		    "first is at %s:%d", what, once->at.file, once->at.line);
		return 0;
	}
	once->at = *at;
	once->layer = b.layer;
	return 1;
}

/* Control characters have no business in a name, a path or a pattern. */
static int
has_control(const struct val *v)
{
	size_t	i;

	for (i = 0; i < v->len; i++)
		if ((unsigned char)v->s[i] < ' ' || v->s[i] == 0x7f)
			return 1;
	return 0;
}

int
build_text(char *dst, size_t size, const struct val *v, const char *kind)
{
	if (v->bad)
		return -1;
	if (v->len == 0)
		report_error(&v->at, "found an empty string, expected %s",
		    kind);
	else if (has_control(v))
		report_error(&v->at, "found \"%s\", expected %s without "
		    "control characters", log_vis(v->s, v->len), kind);
	else if (v->len >= size)
		report_error(&v->at, "found %zu characters, expected %s of at "
		    "most %zu", v->len, kind, size - 1);
	else {
		/* What follows goes over the wire: all zero. */
		memset(dst, 0, size);
		memcpy(dst, v->s, v->len);
		return 0;
	}
	return -1;
}

int
build_path(const struct val *v, size_t size)
{
	char	buf[PATH_MAX_LEN];

	if (build_text(buf, size < sizeof(buf) ? size : sizeof(buf), v,
	    "a path") == -1)
		return -1;
	if (*buf == '/')
		return 0;
	report_error(&v->at, "found \"%s\", expected a path that begins with "
	    "/", buf);
	return -1;
}

int
build_range(const struct val *v, int64_t lo, int64_t hi, const char *what)
{
	if (v->n >= lo && v->n <= hi)
		return 1;
	report_error(&v->at, "found %s, expected %s of %lld to %lld", v->s,
	    what, (long long)lo, (long long)hi);
	return 0;
}

int
build_span(const struct val *v, int64_t lo, int64_t hi)
{
	char	from[SPAN_STRLEN], to[SPAN_STRLEN];

	if (v->n >= lo && v->n <= hi)
		return 1;
	report_error(&v->at, "found %s, expected a time of %s to %s", v->s,
	    span_print(lo, from), span_print(hi, to));
	return 0;
}

void
build_item(const struct val *v)
{
	struct val	*p;
	size_t		 room;

	if (list.n == ITEMS_MAX) {
		report_error(&v->at, "found more than %d items, expected fewer",
		    ITEMS_MAX);
		return;
	}
	if (list.n == list.room) {
		room = list.room == 0 ? 16 : list.room * 2;
		if ((p = reallocarray(list.items, room, sizeof(*p))) == NULL)
			fatal("configuration");
		list.items = p;
		list.room = room;
	}
	list.items[list.n++] = *v;
}

const struct val *
build_items(size_t *n, const struct place *at)
{
	if (list.n == 0)
		report_error(at, "found an empty list, expected one item or "
		    "more");
	*n = list.n;
	return list.items;
}

/* 0, or -1 reported. */
static int
port_add(const struct val *v, int proto, int port)
{
	struct wire_port	*p;
	size_t			 i;

	for (i = 0; i < list.nports; i++)
		if (list.ports[i].proto == proto && list.ports[i].port == port)
			return 0;
	if (list.nports == BAN_PORTS_MAX) {
		report_error(&v->at, "found more than %d ports, expected fewer",
		    BAN_PORTS_MAX);
		return -1;
	}
	p = &list.ports[list.nports++];
	p->proto = proto;
	p->port = port;
	return 0;
}

/* "80" or "80:90": 0, or -1 reported. */
int
build_port_range(const struct val *v, int max, int *lo, int *hi)
{
	const char	*colon = strchr(v->s, ':');

	*lo = atoi(v->s);
	*hi = colon == NULL ? *lo : atoi(colon + 1);
	/* More than five digits are no port, and might be no int. */
	if (strspn(v->s, "0123456789") > 5 ||
	    (colon != NULL && strlen(colon + 1) > 5) ||
	    *lo < 1 || *lo > 65535 || *hi < 1 || *hi > 65535)
		report_error(&v->at, "found port %s, expected 1 to 65535",
		    v->s);
	else if (*lo > *hi)
		report_error(&v->at, "found ports %s, expected the lower one "
		    "first", v->s);
	else if (*hi - *lo >= max)
		report_error(&v->at, "found %d ports, expected at most %d",
		    *hi - *lo + 1, max);
	else
		return 0;
	return -1;
}

void
build_ports(int proto)
{
	size_t	i;
	int	lo, hi;

	for (i = 0; i < list.n; i++)
		if (build_port_range(&list.items[i], BAN_PORTS_MAX, &lo,
		    &hi) == 0)
			while (lo <= hi &&
			    port_add(&list.items[i], proto, lo) == 0)
				lo++;
	list.n = 0;
}

size_t
build_ports_take(struct wire_port ports[BAN_PORTS_MAX])
{
	size_t	n = list.nports;

	memset(ports, 0, BAN_PORTS_MAX * sizeof(ports[0]));
	memcpy(ports, list.ports, n * sizeof(ports[0]));
	list.nports = 0;
	return n;
}

void
build_clear(void)
{
	free(list.items);
	memset(&list, 0, sizeof(list));
}

void
build_plen(int family, const struct val *v)
{
	struct val	*p = family == AF_INET ? &list.plen4 : &list.plen6;
	int		*has = family == AF_INET ? &list.has4 : &list.has6;

	if (*has)
		report_error(&v->at, "found a second length for one family, "
		    "expected one");
	else if (build_range(v, 1, family == AF_INET ? 32 : 128,
	    "a prefix length"))
		*p = *v;
	else
		return;
	*has = 1;
}

const struct val *
build_plens(int family)
{
	if (family == AF_INET)
		return list.has4 ? &list.plen4 : NULL;
	return list.has6 ? &list.plen6 : NULL;
}

static void
replace(char **dst, const char *s)
{
	free(*dst);
	*dst = NULL;
	if (s != NULL && (*dst = strdup(s)) == NULL)
		fatal("configuration");
}

/* Statements. */

void
set_state(const struct val *v)
{
	if (build_once(&b.state, &v->at, "state") &&
	    build_path(v, PATH_MAX_LEN) == 0)
		replace(&b.conf->state_dir, v->s);
}

void
set_instance(const struct val *v)
{
	static const char	good[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
	char			name[INSTANCE_MAX + 1];

	if (!build_once(&b.instance, &v->at, "instance") ||
	    build_text(name, sizeof(name), v, "a name") == -1)
		return;
	if (name[strspn(name, good)] != '\0' || *name == '-') {
		report_error(&v->at, "found \"%s\", expected a name of "
		    "letters, digits, \"_\" and \"-\"", name);
		return;
	}
	memcpy(b.conf->global.instance, name, sizeof(name));
}

void
set_control(const struct val *v)
{
	struct sockaddr_un	un;

	if (!build_once(&b.control, &v->at, "control") ||
	    build_path(v, sizeof(un.sun_path)) == -1)
		return;
	replace(&b.conf->control_path, v->s);
	replace(&b.conf->admin_group, NULL);
	b.conf->global.admin_gid = (uint32_t)-1;
}

void
set_admin_group(const struct val *v)
{
	char		 name[NAME_MAX_LEN];
	struct group	*gr;

	if (build_text(name, sizeof(name), v, "a group's name") == -1)
		return;
	if ((gr = getgrnam(name)) == NULL) {
		report_error(&v->at, "found group \"%s\", expected one that "
		    "exists", name);
		return;
	}
	replace(&b.conf->admin_group, name);
	b.conf->global.admin_gid = gr->gr_gid;
}

/* json: 0, 1; -1 is `none`. */
void
set_log_bans(const struct val *v, int json)
{
	if (!build_once(&b.log_bans, &v->at, "log bans"))
		return;
	b.conf->global.audit_json = json == 1;
	if (json == -1)
		replace(&b.conf->audit_path, NULL);
	else if (build_path(v, PATH_MAX_LEN) == 0)
		replace(&b.conf->audit_path, v->s);
}

void
set_hot_reload(const struct val *v)
{
	if (build_once(&b.hot_reload, &v->at, "hot reload"))
		b.conf->hot_reload = v->n;
}

/* The mux: what is no listener's own. */

void
set_workers(const struct val *v)
{
	if (build_once(&b.workers, &v->at, "workers") &&
	    build_range(v, 1, MUX_WORKERS_MAX, "a number of processes"))
		b.conf->mux.workers = v->n;
}

void
set_drain(const struct val *v)
{
	if (build_once(&b.drain, &v->at, "drain") &&
	    build_span(v, 0, DRAIN_MAX))
		b.conf->mux.drain = v->n;
}

/* json: 0, 1; -1 is `none`. */
void
set_log_connections(const struct val *v, int json)
{
	if (!build_once(&b.log_connections, &v->at, "log connections"))
		return;
	b.conf->access_json = json == 1;
	if (json == -1)
		replace(&b.conf->access_path, NULL);
	else if (build_path(v, PATH_MAX_LEN) == 0)
		replace(&b.conf->access_path, v->s);
}

/* ledger { } */

void
ledger_keep(const struct val *v)
{
	if (!build_once(&b.ledger_keep, &v->at, "keep"))
		return;
	if (v->n == SPAN_FOREVER)
		b.conf->global.ledger_keep = 0;
	else if (build_span(v, 1000, LEDGER_KEEP_MAX * 1000LL))
		b.conf->global.ledger_keep = v->n / 1000;
}

void
ledger_max(const struct val *v)
{
	if (!build_once(&b.ledger_max, &v->at, "max"))
		return;
	if (v->n != 0 && (v->n < LEDGER_MAX_LEAST * 1024LL ||
	    v->n > LEDGER_MAX_MOST * 1024LL))
		report_error(&v->at, "found %s, expected a size of 1M to "
		    "1024G", v->s);
	else
		b.conf->global.ledger_max = v->n / 1024;
}

static int
status_parse(struct wire_status *w, const struct val *addr,
    const struct val *port)
{
	static const struct prefix	link_local = {
		AF_INET6, 10, { 0xfe, 0x80 }
	};

	memset(w, 0, sizeof(*w));
	if (prefix_parse(&w->addr, addr->s) == -1 ||
	    strchr(addr->s, '/') != NULL)
		report_error(&addr->at, "found %s, expected an address "
		    "without a length", addr->s);
	else if (prefix_contains(&link_local, &w->addr))
		report_error(&addr->at, "found %s, expected an address that "
		    "is not link-local", addr->s);
	else if (build_range(port, 1, 65535, "a port")) {
		w->port = port->n;
		return 0;
	}
	return -1;
}

void
set_status(const struct val *addr, const struct val *port)
{
	struct conf_status	*s;
	struct wire_status	 w;

	if (status_parse(&w, addr, port) == -1)
		return;
	if (conf_status_find(b.conf, &w) != NULL) {
		report_error(&addr->at, "found a second \"status on %s port "
		    "%u\", expected one", addr->s, w.port);
		return;
	}
	if (b.nstatus++ == CONF_STATUS_MAX) {
		report_error(&addr->at, "found more than %d status pages, "
		    "expected fewer", CONF_STATUS_MAX);
		return;
	}
	if (!addr_is_loopback(&w.addr))
		report_warning(&addr->at, "status on %s: other hosts can reach "
		    "it, and it asks nobody who he is", addr->s);
	if ((s = calloc(1, sizeof(*s))) == NULL)
		fatal("configuration");
	s->w = w;
	TAILQ_INSERT_TAIL(&b.conf->statuses, s, entry);
}

/* ban { } */

static void
ban_plen(struct once *once, const struct place *at, const struct val *v,
    uint8_t *plen, unsigned int small)
{
	if (v == NULL || !build_once(once, at, "prefix"))
		return;
	*plen = v->n;
	if (v->n < small)
		report_warning(&v->at, "one ban covers a whole /%u",
		    (unsigned int)v->n);
}

void
ban_prefix(const struct val *v)
{
	ban_plen(&b.plen4, &v->at, build_plens(AF_INET),
	    &b.conf->global.plen4, 16);
	ban_plen(&b.plen6, &v->at, build_plens(AF_INET6),
	    &b.conf->global.plen6, 40);
	build_clear();
}

void
ban_protect(const struct val *v)
{
	if (build_once(&b.protect, &v->at, "protect sessions"))
		b.conf->global.protect_sessions = v->n;
}

void
ban_action(const struct val *v)
{
	if (build_once(&b.action, &v->at, "action"))
		b.conf->global.action = v->n;
}

void
ban_hook(const struct val *v)
{
	if (build_once(&b.hook, &v->at, "hook"))
		b.conf->global.hook = v->n;
}

void
ban_max(const struct val *v)
{
	if (build_once(&b.max, &v->at, "max") &&
	    build_range(v, 1, BAN_ENTRIES_MAX, "a number of bans"))
		b.conf->global.max = v->n;
}

/* At the end. */

/* Two instances on one host must not meet: each has places of its own. */
static void
instance_places(void)
{
	const char	*name = b.conf->global.instance;
	char		 buf[PATH_MAX_LEN];

	if (*name == '\0')
		return;
	if (b.state.at.file == NULL) {
		snprintf(buf, sizeof(buf), "%s-%s", CONF_STATE_DIR, name);
		replace(&b.conf->state_dir, buf);
	}
	if (b.control.at.file == NULL) {
		snprintf(buf, sizeof(buf), "%.*s-%s.sock",
		    (int)(strlen(CONF_CONTROL_PATH) - strlen(".sock")),
		    CONF_CONTROL_PATH, name);
		replace(&b.conf->control_path, buf);
	}
}

struct conf *
build_finish(void)
{
	struct conf	*conf = b.conf;

	tables_finish();
	watches_finish();
	listens_finish();
	instance_places();
	build_clear();
	b.conf = NULL;
	if (report_count() == 0)
		return conf;
	conf_free(conf);
	return NULL;
}

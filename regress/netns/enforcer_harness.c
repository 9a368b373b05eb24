/*
 * Plays everybody around refract-enforcer: its parent on descriptor 3 and its
 * siblings, by a script on standard input.  What they hear comes out on
 * standard output, a line each.
 *
 *	enforcer_harness [-R] PROGRAM
 *
 *	global [max N] [plen4 N] [plen6 N] [drop|reject] [local|forward]
 *	    [protect] [instance NAME]
 *	never PREFIX ...		the table of `never`
 *	watch NAME SPAN [PROTO/PORT ...] | watch NAME dry ...
 *	conf				send, commit: "conf done" or "refused"
 *	send | commit			or in two steps
 *	sessions PREFIX ...
 *	ban ROLE PREFIX [from ADDR [PEERPORT]] [port PROTO/PORT] [for SPAN: 10m]
 *	    [watch NAME] [prefix] [subject NAME]
 *	burst ROLE N			N bans of 10.x.y.z by watch 1
 *	restore PREFIX SPAN [PROTO/PORT]
 *	bulk N [FILE]			N stored bans, then "restored"; with
 *					other bans between, timed
 *	restored | show [N] | counters | kill WHAT
 *	unban WHAT [PROTO/PORT] | unban user NAME
 *	rules install|remove drop|reject local|forward [INSTANCE]
 *	resets FD N known|unknown MS	connect N times from the namespace on
 *					that descriptor, ban, time each reset
 *	destroy | stop | wait SECONDS | raw ROLE TYPE LENGTH
 */
#include <sys/queue.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <err.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "channel.h"
#include "clock.h"
#include "conf.h"
#include "imsg.h"
#include "log.h"
#include "msg.h"

#define WORDS	64

static struct event_base	*base;
static struct channel		*parent;
static struct sibling {
	enum role	 role;
	int		 bulk;
	const char	*name;
	struct imsgbuf	*buf;
	struct event	*ev, *out;
} siblings[] = {
	{ ROLE_PARSER, 0, "parser", NULL, NULL, NULL },
	{ ROLE_LEDGER, 0, "ledger", NULL, NULL, NULL },
	{ ROLE_CONTROL, 0, "control", NULL, NULL, NULL },
	{ ROLE_LEDGER, 1, "bulk", NULL, NULL, NULL }
};
#define NSIBLINGS	(sizeof(siblings) / sizeof(siblings[0]))

static struct conf		*conf;
static struct conf_table	*never;
static uint32_t			 generation;
static uint64_t			 offset;
static pid_t			 child;
static int			 answered;	/* what `until` waits for */
static uint32_t			 awaited, asked = 7;

static const char *const outcomes[BAN_OUTCOME_MAX] = {
	"none", "applied", "extended", "kept", "never", "protected", "full",
	"rate", "failed", "past", "expired", "lifted", "killed", "dry"
};

static void
until(uint32_t type, int seconds)
{
	mono_t	start = mono_now();

	answered = 0;
	awaited = type;
	while (!answered && mono_since(start, mono_now()) < seconds * 1000)
		(void)event_base_loop(base, EVLOOP_ONCE);
	if (!answered && type != 0)
		printf("no answer: %s\n", msg_name(type));
	awaited = 0;
}

static void
heard(uint32_t type)
{
	if (awaited == type)
		answered = 1;
}

/* --- what comes --- */

static const char *
port_text(uint8_t proto, uint16_t port)
{
	static char	buf[16];

	if (port == 0)
		return "all";
	(void)snprintf(buf, sizeof(buf), "%s/%u", proto == IPPROTO_TCP ?
	    "tcp" : proto == IPPROTO_UDP ? "udp" : "?", port);
	return buf;
}

static void
print_ban(const struct wire_ban *b)
{
	char	p[PREFIX_STRLEN];

	printf("%s %s %s", prefix_print(&b->prefix, p), port_text(b->proto,
	    b->port), b->subject);
	if (b->end == WALL_FOREVER)
		printf(" forever\n");
	else
		printf(" %llds\n", (long long)(b->end - b->start + 500) /
		    1000);
}

static void
print(const char *who, uint32_t type, uint32_t id, const void *data)
{
	const struct msg_outcome	*o = data;
	const struct wire_event		*e = data;
	const struct wire_notice	*n = data;
	const uint64_t			*c = data;
	int				 i;

	printf("%s: ", who);
	switch (type) {
	case M_BAN_EVENT:
		printf("%s %u %d ", outcomes[e->outcome], e->count, e->error);
		print_ban(&e->ban);
		break;
	case M_ROW:
		printf("row ");
		print_ban(&((const struct row_ban *)(const void *)
		    ((const char *)data + sizeof(struct row_head)))->ban);
		break;
	case M_NOTICE:
		printf("notice %s\n", n->text);
		break;
	case M_COUNTERS:
		for (i = 0; i < COUNTER_MAX; i++)
			if (c[i] != 0)
				printf("%s=%llu ", counter_table[i].name,
				    (unsigned long long)c[i]);
		printf("\n");
		break;
	case M_RESULT:
	case M_RESTORED:
	case M_SETS_GONE:
	case M_RULES_DRIFT:
	case M_RULES_OUTCOME:
		printf("%s %u code %d count %u %s\n", msg_name(type), id,
		    o->code, o->count, o->text);
		break;
	case M_SHOW_END:
		printf("end %llu\n", (unsigned long long)
		    ((const struct msg_show *)data)->cursor);
		break;
	default:
		printf("%s\n", msg_name(type));
	}
}

static void
from_sibling(int fd, short what, void *arg)
{
	struct sibling	*s = arg;
	struct imsg	 m;
	ssize_t		 n;

	(void)fd;
	(void)what;
	while ((n = imsg_read(s->buf)) > 0)
		while (imsg_get(s->buf, &m) == 1) {
			print(s->name, m.hdr.type, m.hdr.id, m.data);
			heard(m.hdr.type);
		}
	if (n == 0)
		event_del(s->ev);
}

static void
to_sibling(int fd, short what, void *arg)
{
	struct sibling	*s = arg;

	(void)fd;
	(void)what;
	if (imsg_flush(s->buf) == 1)
		event_add(s->out, NULL);
}

static struct sibling *
sibling(const char *name)
{
	size_t	i;

	for (i = 0; i < NSIBLINGS; i++)
		if (strcmp(siblings[i].name, name) == 0)
			return &siblings[i];
	errx(1, "who is %s?", name);
}

static void
say(struct sibling *s, uint32_t type, uint32_t id, const void *data, size_t n)
{
	if (imsg_compose(s->buf, type, id, -1, data, n) == -1)
		err(1, "compose");
	to_sibling(-1, 0, s);
}

#define HANDLER(name)							\
static void								\
on_##name(struct channel *ch, uint32_t id, const void *data, size_t len, \
    int fd)								\
{									\
	(void)ch;							\
	(void)len;							\
	(void)fd;							\
	print("parent", M_##name, id, data);				\
	heard(M_##name);						\
}
HANDLER(READY)
HANDLER(CONF_READY)
HANDLER(CONF_DONE)
HANDLER(RESTORED)
HANDLER(SETS_GONE)
HANDLER(RULES_DRIFT)
HANDLER(RULES_OUTCOME)

static void
on_CONF_REFUSED(struct channel *ch, uint32_t id, const void *data, size_t len,
    int fd)
{
	const struct msg_refused	*r = data;

	(void)ch;
	(void)id;
	(void)len;
	(void)fd;
	printf("parent: refused %s\n", r->text);
	heard(M_CONF_READY);
}

static const struct handler handlers[] = {
	{ M_READY, on_READY },
	{ M_CONF_READY, on_CONF_READY },
	{ M_CONF_REFUSED, on_CONF_REFUSED },
	{ M_CONF_DONE, on_CONF_DONE },
	{ M_RESTORED, on_RESTORED },
	{ M_SETS_GONE, on_SETS_GONE },
	{ M_RULES_DRIFT, on_RULES_DRIFT },
	{ M_RULES_OUTCOME, on_RULES_OUTCOME },
	{ 0, NULL }
};

static void
ended(struct channel *ch)
{
	int	status;

	(void)ch;
	(void)waitpid(child, &status, 0);
	if (WIFSIGNALED(status))
		printf("died: signal %d\n", WTERMSIG(status));
	else
		printf("exit: %d\n", WEXITSTATUS(status));
	exit(0);
}

/* --- what is sent --- */

static void
start(const char *program, int rules)
{
	int		 sv[2];
	size_t		 i;
	struct msg_channel m;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) == -1)
		err(1, "socketpair");
	if ((child = fork()) == -1)
		err(1, "fork");
	if (child == 0) {
		if (sv[1] == 3)
			(void)fcntl(3, F_SETFD, 0);
		else
			(void)dup2(sv[1], 3);
		execl(program, program, rules ? "-R" : "-v", "-vv", NULL);
		err(1, "%s", program);
	}
	close(sv[1]);
	parent = channel_new(base, sv[0], rules ? ROLE_RULES : ROLE_ENFORCER,
	    handlers);
	channel_onclosed(parent, ended);
	until(M_READY, 60);
	for (i = 0; i < NSIBLINGS && !rules; i++) {
		struct sibling *s = &siblings[i];

		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) ==
		    -1 || (s->buf = imsg_new(sv[0])) == NULL)
			err(1, "socketpair");
		s->ev = event_new(base, sv[0], EV_READ | EV_PERSIST,
		    from_sibling, s);
		s->out = event_new(base, sv[0], EV_WRITE, to_sibling, s);
		event_add(s->ev, NULL);
		memset(&m, 0, sizeof(m));
		m.peer = s->role;
		m.bulk = s->bulk;
		channel_send_fd(parent, M_CHANNEL, 0, sv[1], &m, sizeof(m));
	}
}

static void
parse(struct prefix *p, const char *s)
{
	if (prefix_parse(p, s) == -1)
		errx(1, "no prefix: %s", s);
}

static void
parse_port(const char *s, uint8_t *proto, uint16_t *port)
{
	*proto = strncmp(s, "udp", 3) == 0 ? IPPROTO_UDP : IPPROTO_TCP;
	*port = atoi(s + 4);
}

static int64_t
parse_end(const char *s, int64_t now)
{
	span_t	span;

	if (span_parse(&span, s) == -1)
		errx(1, "no span: %s", s);
	return wall_add(now, span);
}

static void
global(char **w)
{
	struct wire_global	*g = &conf->global;

	for (; *w != NULL; w++) {
		if (strcmp(*w, "max") == 0)
			g->max = atoi(*++w);
		else if (strcmp(*w, "plen4") == 0)
			g->plen4 = atoi(*++w);
		else if (strcmp(*w, "plen6") == 0)
			g->plen6 = atoi(*++w);
		else if (strcmp(*w, "instance") == 0)
			strlcpy(g->instance, w[1] == NULL ? "" : *++w,
			    sizeof(g->instance));
		else if (strcmp(*w, "reject") == 0)
			g->action = ACTION_REJECT;
		else if (strcmp(*w, "drop") == 0)
			g->action = ACTION_DROP;
		else if (strcmp(*w, "local") == 0)
			g->hook = HOOK_LOCAL;
		else if (strcmp(*w, "forward") == 0)
			g->hook = HOOK_FORWARD;
		else if (strcmp(*w, "protect") == 0)
			g->protect_sessions = 1;
		else
			errx(1, "global: %s?", *w);
	}
}

static void
set_never(char **w)
{
	struct prefix	p;

	if (never == NULL) {
		never = conf_table_new();
		never->w.id = conf->global.never = 1;
		TAILQ_INSERT_TAIL(&conf->tables, never, entry);
	}
	prefixset_clear(&never->prefixes);
	for (; *w != NULL; w++) {
		parse(&p, *w);
		(void)prefixset_add(&never->prefixes, &p);
	}
	prefixset_build(&never->prefixes);
	never->w.count = never->prefixes.n;
}

static void
watch(char **w)
{
	struct conf_watch	*cw = conf_watch_new();

	strlcpy(cw->w.name, w[0], sizeof(cw->w.name));
	cw->w.hash = watch_hash(w[0]);
	cw->w.id = conf_new_id();
	cw->w.nports = 0;
	memset(cw->w.ports, 0, sizeof(cw->w.ports));
	cw->w.dry_run = strcmp(w[1], "dry") == 0;
	cw->w.ban = SPAN_FOREVER;
	if (!cw->w.dry_run && span_parse(&cw->w.ban, w[1]) == -1)
		errx(1, "watch: %s?", w[1]);
	for (w += 2; *w != NULL; w++) {
		parse_port(*w, &cw->w.ports[cw->w.nports].proto,
		    &cw->w.ports[cw->w.nports].port);
		cw->w.nports++;
	}
	TAILQ_INSERT_TAIL(&conf->watches, cw, entry);
}

static void
send_conf(void)
{
	conf->generation = ++generation;
	conf_send(parent, conf, ROLE_ENFORCER);
	until(M_CONF_READY, 60);
}

static void
commit(void)
{
	channel_send(parent, M_CONF_COMMIT, 0, &generation,
	    sizeof(generation));
	until(M_CONF_DONE, 60);
}

static void
ban(char **w)
{
	struct sibling	*s = sibling(*w++);
	struct wire_ban	 b = { .start = wall_now() };

	parse(&b.prefix, *w++);
	b.end = b.start + 600000;
	b.id.offset = ++offset;
	if (s->role == ROLE_PARSER)
		b.id.watch = TAILQ_FIRST(&conf->watches)->w.hash;
	else
		b.id.file = 1;
	for (; *w != NULL; w++) {
		if (strcmp(*w, "from") == 0) {
			parse(&b.offender, *++w);
			if (w[1] != NULL && atoi(w[1]) > 0)
				b.peer_port = atoi(*++w);
		} else if (strcmp(*w, "port") == 0)
			parse_port(*++w, &b.proto, &b.port);
		else if (strcmp(*w, "for") == 0)
			b.end = parse_end(*++w, b.start);
		else if (strcmp(*w, "watch") == 0)
			b.id.watch = watch_hash(*++w);
		else if (strcmp(*w, "subject") == 0)
			strlcpy(b.subject, *++w, sizeof(b.subject));
		else if (strcmp(*w, "prefix") == 0)
			b.flags |= BANF_PREFIX;
		else
			errx(1, "ban: %s?", *w);
	}
	say(s, M_BAN, 0, &b, sizeof(b));
}

/* The n-th made-up ban: four kinds in turn. */
static void
make_ban(struct wire_ban *b, uint32_t n)
{
	memset(b, 0, sizeof(*b));
	b->start = wall_now();
	b->end = b->start + 3600000 + n % 86400 * 1000LL;
	b->id.file = 2;
	b->id.offset = n + 1;
	b->prefix.family = n & 1 ? AF_INET6 : AF_INET;
	b->prefix.plen = n & 1 ? 64 : 32;
	b->prefix.addr[0] = n & 1 ? 0x20 : 10;
	b->prefix.addr[1] = n >> 16;
	b->prefix.addr[2] = n >> 8;
	b->prefix.addr[3] = n;
	b->offender = b->prefix;
	b->offender.plen = n & 1 ? 128 : 32;
	if (n & 2) {
		b->proto = IPPROTO_TCP;
		b->port = 443;
	}
	strlcpy(b->subject, "somebody@example.com", sizeof(b->subject));
}

static void
burst(const char *who, uint32_t n)
{
	struct wire_ban	b;
	uint32_t	i;

	for (i = 0; i < n; i++) {
		make_ban(&b, i * 4);
		b.end = b.start + 600000;
		if (sibling(who)->role == ROLE_PARSER)
			b.id.watch = TAILQ_FIRST(&conf->watches)->w.hash;
		if (imsg_compose(sibling(who)->buf, M_BAN, 0, -1, &b,
		    sizeof(b)) == -1)
			err(1, "compose");
	}
	to_sibling(-1, 0, sibling(who));
}

static int
by_value(const void *a, const void *b)
{
	int64_t	x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

static int64_t
micros(void)
{
	struct timespec	ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000LL + ts.tv_nsec / 1000;
}

/*
 * All stored bans as fast as they are taken, and meanwhile questions whose
 * answers tell how long the enforcer's turns are.
 */
static void
bulk(uint32_t n)
{
	struct sibling	*s = sibling("bulk"), *c = sibling("control");
	struct wire_ban	 b[96];
	static int64_t	 turns[100000];
	int64_t		 t = 0, began = micros();
	uint32_t	 i = 0, k;
	size_t		 nturns = 0;
	struct imsg	 m;
	unsigned long long cpu;
	char		 path[64];
	FILE		*f;

	while (i < n) {
		if (imsg_queued(s->buf) < 256 * 1024) {
			for (k = 0; k < 96 && i < n; k++)
				make_ban(&b[k], i++);
			(void)imsg_compose(s->buf, M_RESTORE, 0, -1, b,
			    k * sizeof(b[0]));
		}
		if (i == n)
			(void)imsg_compose(s->buf, M_RESTORE_DONE, 0, -1,
			    NULL, 0);
		while (imsg_flush(s->buf) == 1 && (i == n ||
		    imsg_queued(s->buf) >= 256 * 1024)) {
			if (t == 0) {
				t = micros();
				say(c, M_COUNTERS_GET, 0, NULL, 0);
			}
			while (imsg_read(c->buf) > 0)
				while (imsg_get(c->buf, &m) == 1)
					if (m.hdr.type == M_COUNTERS) {
						if (nturns < 100000)
							turns[nturns++] =
							    micros() - t;
						t = 0;
					}
			usleep(50);
		}
	}
	until(M_RESTORED, 60);
	printf("bulk: %u bans in %.1f ms\n", n, (micros() - began) / 1000.0);
	(void)snprintf(path, sizeof(path), "/proc/%d/schedstat", (int)child);
	if ((f = fopen(path, "r")) != NULL) {
		if (fscanf(f, "%llu", &cpu) == 1)
			printf("cpu: %llu ms\n", cpu / 1000000);
		(void)fclose(f);
	}
	qsort(turns, nturns, sizeof(turns[0]), by_value);
	if (nturns > 0)
		printf("turns: %zu median %lld us p99 %lld us longest %lld "
		    "us\n", nturns, (long long)turns[nturns / 2],
		    (long long)turns[nturns * 99 / 100],
		    (long long)turns[nturns - 1]);
}

/* A connection from the i-th address of the other namespace to our port. */
static int
connect_from(int here, int there, int listener, uint32_t i, uint16_t *port)
{
	struct sockaddr_in	a = { .sin_family = AF_INET };
	socklen_t		len = sizeof(a);
	int			fd, peer;

	if (setns(there, CLONE_NEWNET) == -1 || (fd = socket(AF_INET,
	    SOCK_STREAM | SOCK_CLOEXEC, 0)) == -1 ||
	    setns(here, CLONE_NEWNET) == -1)
		err(1, "setns");
	a.sin_addr.s_addr = htonl(0x0a580000 + i + 1);
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) == -1)
		err(1, "bind");
	a.sin_addr.s_addr = htonl(0x0a570001);
	a.sin_port = htons(4443);
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == -1)
		err(1, "connect");
	if ((peer = accept(listener, (struct sockaddr *)&a, &len)) == -1)
		err(1, "accept");
	*port = ntohs(a.sin_port);
	return fd;	/* the other end stays open until it is reset */
}

static void
resets(char **w)
{
	struct sockaddr_in	a = { .sin_family = AF_INET,
	    .sin_port = htons(4443) };
	uint32_t		i, n = atoi(w[1]);
	int			known = strcmp(w[2], "known") == 0;
	int			pace = atoi(w[3]), here, there = atoi(w[0]);
	int			listener, one = 1;
	int64_t			*t = calloc(n, sizeof(*t)), began;
	struct wire_ban		b;
	struct pollfd		*p = calloc(n, sizeof(*p));
	uint16_t		*ports = calloc(n, sizeof(*ports));
	static uint32_t		base_addr;

	if ((here = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC)) == -1)
		err(1, "/proc/self/ns/net");
	if ((listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) == -1)
		err(1, "socket");
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(listener, (struct sockaddr *)&a, sizeof(a)) == -1 ||
	    listen(listener, 128) == -1)
		err(1, "listen");
	for (i = 0; i < n; i++) {
		p[i].fd = connect_from(here, there, listener, base_addr + i,
		    &ports[i]);
		p[i].events = POLLIN;
	}
	for (i = 0; i < n; i++) {
		memset(&b, 0, sizeof(b));
		b.start = wall_now();
		b.end = b.start + 3600000;
		b.id.file = 4;
		b.id.offset = ++offset;
		b.prefix.family = AF_INET;
		b.prefix.plen = 32;
		b.prefix.addr[0] = 10;
		b.prefix.addr[1] = 88;
		b.prefix.addr[2] = (base_addr + i + 1) >> 8;
		b.prefix.addr[3] = base_addr + i + 1;
		b.offender = b.prefix;
		b.proto = IPPROTO_TCP;
		b.port = 4443;
		b.peer_port = known ? ports[i] : 0;
		began = micros();
		say(sibling("control"), M_BAN, 0, &b, sizeof(b));
		(void)poll(&p[i], 1, 5000);
		t[i] = micros() - began;
		if (p[i].revents == 0)
			printf("resets: one did not come\n");
		if (pace * 1000 > t[i])
			usleep(pace * 1000 - t[i]);
		(void)event_base_loop(base, EVLOOP_NONBLOCK);
	}
	base_addr += n;
	qsort(t, n, sizeof(*t), by_value);
	printf("resets: %u %s median %lld us p99 %lld us longest %lld us\n",
	    n, w[2], (long long)t[n / 2], (long long)t[n * 99 / 100],
	    (long long)t[n - 1]);
	close(listener);
	close(here);
	for (i = 0; i < n; i++)
		close(p[i].fd);
	free(t);
	free(p);
	free(ports);
}

static void
restore(char **w)
{
	struct wire_ban	b = { .start = wall_now() };

	parse(&b.prefix, w[0]);
	b.end = parse_end(w[1], b.start);
	b.id.file = 3;
	b.id.offset = ++offset;
	if (w[2] != NULL)
		parse_port(w[2], &b.proto, &b.port);
	strlcpy(b.subject, "stored", sizeof(b.subject));
	say(sibling("bulk"), M_RESTORE, 0, &b, sizeof(b));
}

static void
target(uint32_t type, char **w)
{
	struct msg_target	t = { .port = 0 };

	if (strcmp(w[0], "user") == 0)
		strlcpy(t.user, *++w, sizeof(t.user));
	else if (strcmp(w[0], "all") != 0)
		parse(&t.prefix, w[0]);
	if (w[1] != NULL)
		parse_port(w[1], &t.proto, &t.port);
	say(sibling("control"), type, ++asked, &t, sizeof(t));
	until(M_RESULT, 60);
}

static void
show(char **w)
{
	struct msg_show	s = { .what = SHOW_BANS, .max = 100 };

	if (*w != NULL)
		s.max = atoi(*w++);
	if (*w != NULL)
		s.cursor = strtoull(*w, NULL, 10);
	say(sibling("control"), M_SHOW, ++asked, &s, sizeof(s));
	until(M_SHOW_END, 60);
}

static void
rules(char **w)
{
	struct msg_rules	r = { 0 };

	r.action = strcmp(w[1], "reject") == 0 ? ACTION_REJECT : ACTION_DROP;
	r.hook = strcmp(w[2], "forward") == 0 ? HOOK_FORWARD : HOOK_LOCAL;
	if (w[3] != NULL)
		strlcpy(r.instance, w[3], sizeof(r.instance));
	channel_send(parent, strcmp(w[0], "install") == 0 ? M_RULES_INSTALL :
	    M_RULES_REMOVE, 0, &r, sizeof(r));
	until(M_RULES_OUTCOME, 60);
}

static void
sessions(char **w)
{
	struct prefix	p[WORDS];
	size_t		n = 0;

	for (; *w != NULL; w++)
		parse(&p[n++], *w);
	channel_send(parent, M_SESSIONS, 0, p, n * sizeof(p[0]));
}

static void
raw(char **w)
{
	static char	zeros[IMSG_MAX];

	say(sibling(w[0]), atoi(w[1]), 0, zeros, atoi(w[2]));
}

static void
command(char **w)
{
	if (strcmp(w[0], "global") == 0)
		global(w + 1);
	else if (strcmp(w[0], "never") == 0)
		set_never(w + 1);
	else if (strcmp(w[0], "watch") == 0)
		watch(w + 1);
	else if (strcmp(w[0], "send") == 0)
		send_conf();
	else if (strcmp(w[0], "commit") == 0)
		commit();
	else if (strcmp(w[0], "conf") == 0) {
		send_conf();
		commit();
	} else if (strcmp(w[0], "sessions") == 0)
		sessions(w + 1);
	else if (strcmp(w[0], "ban") == 0)
		ban(w + 1);
	else if (strcmp(w[0], "burst") == 0)
		burst(w[1], atoi(w[2]));
	else if (strcmp(w[0], "restore") == 0)
		restore(w + 1);
	else if (strcmp(w[0], "restored") == 0) {
		say(sibling("bulk"), M_RESTORE_DONE, 0, NULL, 0);
		until(M_RESTORED, 60);
	} else if (strcmp(w[0], "bulk") == 0)
		bulk(atoi(w[1]));
	else if (strcmp(w[0], "unban") == 0)
		target(M_UNBAN, w + 1);
	else if (strcmp(w[0], "kill") == 0)
		target(M_KILL, w + 1);
	else if (strcmp(w[0], "show") == 0)
		show(w + 1);
	else if (strcmp(w[0], "counters") == 0) {
		say(sibling("control"), M_COUNTERS_GET, 0, NULL, 0);
		until(M_COUNTERS, 200);
	} else if (strcmp(w[0], "rules") == 0)
		rules(w + 1);
	else if (strcmp(w[0], "destroy") == 0) {
		channel_send(parent, M_SETS_DESTROY, 0, NULL, 0);
		until(M_SETS_GONE, 60);
	} else if (strcmp(w[0], "stop") == 0)
		channel_send(parent, M_STOP, 0, NULL, 0);
	else if (strcmp(w[0], "wait") == 0)
		until(0, atoi(w[1]));
	else if (strcmp(w[0], "raw") == 0)
		raw(w + 1);
	else if (strcmp(w[0], "resets") == 0)
		resets(w + 1);
	else if (strcmp(w[0], "say") == 0)
		printf("%s\n", w[1]);
	else
		errx(1, "what is %s?", w[0]);
}

/* A turn of the loop is short even if nothing comes. */
static void
on_tick(int fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
}

static void
read_script(void)
{
	static char	 buf[4096];
	static size_t	 have;
	char		 text[4096], *line = text, *words[WORDS + 1], *p;
	ssize_t		 n;
	size_t		 nw;

	if ((n = read(0, buf + have, sizeof(buf) - 1 - have)) <= 0) {
		(void)kill(child, SIGKILL);
		exit(0);
	}
	have += n;
	buf[have] = '\0';
	while ((p = strchr(buf, '\n')) != NULL) {
		*p++ = '\0';
		strlcpy(text, buf, sizeof(text));
		have -= p - buf;
		memmove(buf, p, have + 1);
		line = text;
		for (nw = 0; nw < WORDS && (words[nw] = strsep(&line, " ")) !=
		    NULL;)
			if (*words[nw] != '\0')
				nw++;
		words[nw] = NULL;
		if (nw > 0)
			command(words);
	}
}

int
main(int argc, char **argv)
{
	int		 rules_role = argc > 1 && strcmp(argv[1], "-R") == 0;
	struct timeval	 tick = { 0, 5000 };
	struct pollfd	 pfd = { 0, POLLIN, 0 };
	struct rlimit	 rl;
	struct event	*ev;

	if (argc != 2 + rules_role)
		errx(2, "usage: enforcer_harness [-R] PROGRAM");
	(void)signal(SIGPIPE, SIG_IGN);
	if (getrlimit(RLIMIT_NOFILE, &rl) == 0) {
		rl.rlim_cur = rl.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &rl);
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	log_init(LOG_TO_STDERR, "harness");
	proc_set_role(ROLE_PARENT);
	proc_set_state(STATE_RUNNING);
	if ((base = event_base_new()) == NULL ||
	    (ev = event_new(base, -1, EV_PERSIST, on_tick, NULL)) == NULL)
		errx(1, "no event base");
	event_add(ev, &tick);
	conf = conf_new();
	start(argv[1 + rules_role], rules_role);
	for (;;) {
		if (poll(&pfd, 1, 0) > 0)
			read_script();
		(void)event_base_loop(base, EVLOOP_ONCE);
	}
}

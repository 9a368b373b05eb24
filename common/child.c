/*
 * The first and last minutes of a child, its channels, and the way of a new
 * configuration through it.  What a role does is none of this file's business.
 */
#include <sys/types.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>

#include "args.h"
#include "child.h"
#include "clock.h"
#include "log.h"
#include "sandbox.h"
#include "version.h"

#define HANDLERS_MAX	64
#define EXIT_MS		1000	/* to say the last words */

static void on_channel(struct channel *, uint32_t, const void *, size_t, int);
static void on_verbose(struct channel *, uint32_t, const void *, size_t, int);
static void on_stop(struct channel *, uint32_t, const void *, size_t, int);
static void on_commit(struct channel *, uint32_t, const void *, size_t, int);
static void on_abort(struct channel *, uint32_t, const void *, size_t, int);

#define CONF(type)							\
static void								\
on_##type(MSG_ARGS)							\
{									\
	take_conf(type, data, len);					\
}

struct event_base	*child_base;
struct channel		*child_parent;

static struct child	 me;
static const char	*build_id = BUILD_ID;
static struct channel	*channels[ROLE_MAX][2];
static struct channel	*workers[MUX_WORKERS_MAX];	/* of the mux */
static struct conf	*current, *next, *before;
static mono_t		 replaced;	/* before, by current */
static int		 receiving;	/* between M_CONF_BEGIN and _END */

static struct channel **
channel_at(enum role role, int bulk, unsigned int index)
{
	return role == ROLE_MUX ? &workers[index] : &channels[role][bulk];
}

struct channel *
child_channel(enum role role, int bulk)
{
	return *channel_at(role, bulk != 0, 0);
}

struct channel *
child_worker(unsigned int index)
{
	return index < MUX_WORKERS_MAX ? workers[index] : NULL;
}

struct conf *
child_conf(void)
{
	return current;
}

struct conf *
child_conf_before(void)
{
	if (before != NULL && mono_since(replaced, mono_now()) >
	    CONF_BEFORE_MS) {
		conf_free(before);
		before = NULL;
	}
	return before;
}

/* The configuration is whole: can we work with it? */
static void
conf_arrived(struct conf *conf)
{
	struct msg_refused refused = { .generation = conf->generation };

	receiving = 0;
	if (me.prepare != NULL && me.prepare(conf, refused.text) == -1) {
		channel_send(child_parent, M_CONF_REFUSED, 0, &refused,
		    sizeof(refused));
		conf_free(conf);
		return;
	}
	next = conf;
	channel_send(child_parent, M_CONF_READY, 0, &conf->generation,
	    sizeof(conf->generation));
}

static void
take_conf(uint32_t type, const void *data, size_t len)
{
	struct conf *conf;

	if (type == M_CONF_BEGIN) {
		if (receiving || next != NULL)
			fatalx("a configuration came while another waits");
		receiving = 1;
	} else if (!receiving)
		fatalx("%s outside of a configuration", msg_name(type));
	if ((conf = conf_receive(type, data, len)) != NULL)
		conf_arrived(conf);
}

CONF(M_CONF_BEGIN)
CONF(M_CONF_GLOBAL)
CONF(M_CONF_TABLE)
CONF(M_CONF_PREFIXES)
CONF(M_CONF_WATCH)
CONF(M_CONF_SOURCE)
CONF(M_CONF_LIMIT)
CONF(M_CONF_EXEMPT)
CONF(M_CONF_INBOUND)
CONF(M_CONF_ZONE)
CONF(M_CONF_PATTERN)
CONF(M_CONF_FILTER)
CONF(M_CONF_IGNORE)
CONF(M_CONF_RUN)
CONF(M_CONF_STATUS)
CONF(M_CONF_MUX)
CONF(M_CONF_POOL)
CONF(M_CONF_MEMBER)
CONF(M_CONF_TAP)
CONF(M_CONF_LISTENER)
CONF(M_CONF_BIND)
CONF(M_CONF_OFFENCE)
CONF(M_CONF_ROUTE)
CONF(M_CONF_COND)
CONF(M_CONF_RELAY)
CONF(M_CONF_RELAY_CLIENT)
CONF(M_CONF_RELAY_SERVER)
CONF(M_CONF_END)

static const struct handler common_handlers[] = {
	{ M_CHANNEL, on_channel },
	{ M_VERBOSE, on_verbose },
	{ M_STOP, on_stop },
	{ M_CONF_BEGIN, on_M_CONF_BEGIN },
	{ M_CONF_GLOBAL, on_M_CONF_GLOBAL },
	{ M_CONF_TABLE, on_M_CONF_TABLE },
	{ M_CONF_PREFIXES, on_M_CONF_PREFIXES },
	{ M_CONF_WATCH, on_M_CONF_WATCH },
	{ M_CONF_SOURCE, on_M_CONF_SOURCE },
	{ M_CONF_LIMIT, on_M_CONF_LIMIT },
	{ M_CONF_EXEMPT, on_M_CONF_EXEMPT },
	{ M_CONF_INBOUND, on_M_CONF_INBOUND },
	{ M_CONF_ZONE, on_M_CONF_ZONE },
	{ M_CONF_PATTERN, on_M_CONF_PATTERN },
	{ M_CONF_FILTER, on_M_CONF_FILTER },
	{ M_CONF_IGNORE, on_M_CONF_IGNORE },
	{ M_CONF_RUN, on_M_CONF_RUN },
	{ M_CONF_STATUS, on_M_CONF_STATUS },
	{ M_CONF_MUX, on_M_CONF_MUX },
	{ M_CONF_POOL, on_M_CONF_POOL },
	{ M_CONF_MEMBER, on_M_CONF_MEMBER },
	{ M_CONF_TAP, on_M_CONF_TAP },
	{ M_CONF_LISTENER, on_M_CONF_LISTENER },
	{ M_CONF_BIND, on_M_CONF_BIND },
	{ M_CONF_OFFENCE, on_M_CONF_OFFENCE },
	{ M_CONF_ROUTE, on_M_CONF_ROUTE },
	{ M_CONF_COND, on_M_CONF_COND },
	{ M_CONF_RELAY, on_M_CONF_RELAY },
	{ M_CONF_RELAY_CLIENT, on_M_CONF_RELAY_CLIENT },
	{ M_CONF_RELAY_SERVER, on_M_CONF_RELAY_SERVER },
	{ M_CONF_END, on_M_CONF_END },
	{ M_CONF_COMMIT, on_commit },
	{ M_CONF_ABORT, on_abort },
	{ 0, NULL }
};

static void
on_commit(MSG_ARGS)
{
	struct conf *old = current;
	uint32_t generation;

	memcpy(&generation, data, len);
	if (next == NULL || next->generation != generation)
		fatalx("told to use configuration %u, which is not here",
		    generation);
	current = next;
	next = NULL;
	if (proc_state() == STATE_STARTING)
		proc_set_state(STATE_RUNNING);
	if (me.commit != NULL)
		me.commit(current, old);
	if (me.keeps_before) {
		conf_free(before);
		before = old;
		replaced = mono_now();
	} else
		conf_free(old);
	channel_send(ch, M_CONF_DONE, 0, &generation, sizeof(generation));
}

static void
on_abort(MSG_ARGS)
{
	if (receiving)
		fatalx("a configuration was aborted half way");
	/* Whoever refused it has none. */
	if (next == NULL)
		return;
	if (me.abort != NULL)
		me.abort(next);
	conf_free(next);
	next = NULL;
}

static void
channel_lost(enum role role, int bulk, unsigned int index)
{
	struct channel **at = channel_at(role, bulk, index), *ch = *at;

	if (ch == NULL)
		return;
	log_debug("channel to %s closed", role_name(role));
	*at = NULL;
	if (me.disconnected != NULL)
		me.disconnected(role, bulk);
	channel_free(ch);
}

static void
on_sibling_closed(struct channel *ch)
{
	enum role role = channel_peer(ch);

	channel_lost(role, ch == channels[role][1], channel_index(ch));
}

static void
on_channel(struct channel *parent, uint32_t id, const void *data, size_t len,
    int fd)
{
	const struct msg_channel *m = data;
	struct channel *ch;

	(void)parent;
	(void)id;
	(void)len;
	if (me.peers[m->peer] == NULL)
		fatalx("a channel to %s came, which we do not talk to",
		    role_name(m->peer));
	/* The peer was started again before we saw the end of the first. */
	channel_lost(m->peer, (int)m->bulk, m->index);
	ch = channel_new(child_base, fd, m->peer, me.peers[m->peer]);
	channel_setindex(ch, m->index);
	channel_onclosed(ch, on_sibling_closed);
	*channel_at(m->peer, (int)m->bulk, m->index) = ch;
	if (me.connected != NULL)
		me.connected(m->peer, (int)m->bulk, ch);
}

static void
on_verbose(MSG_ARGS)
{
	uint32_t level;

	memcpy(&level, data, len);
	log_setverbose((int)level);
}

static void
on_stop(MSG_ARGS)
{
	proc_set_state(STATE_STOPPING);
	if (me.stop == NULL)
		child_exit();
	me.stop();
}

static void
drain(struct channel *ch, mono_t start)
{
	span_t left = EXIT_MS - mono_since(start, mono_now());

	if (ch != NULL)
		channel_drain(ch, left > 0 ? (int)left : 0);
}

void
child_exit(void)
{
	mono_t start = mono_now();
	int role, i;

	for (role = 0; role < ROLE_MAX; role++)
		for (i = 0; i < 2; i++)
			drain(channels[role][i], start);
	for (i = 0; i < MUX_WORKERS_MAX; i++)
		drain(workers[i], start);
	channel_drain(child_parent, EXIT_MS);
	exit(0);
}

static void
parse_options(int argc, char **argv)
{
	enum log_mode mode = LOG_TO_STDERR;
	char options[64] = "+djsvB:X:";
	int c, verbose = 0;

	if (me.extra != NULL)
		strlcat(options, me.extra, sizeof(options));
	optind = 0;	/* whoever chose this role has read some already */
	while ((c = getopt(argc, argv, options)) != -1)
		switch (c) {
		case 'd':
			mode = LOG_TO_STDERR;
			break;
		case 'j':
			mode = LOG_TO_JOURNAL;
			break;
		case 's':
			mode = LOG_TO_SYSLOG;
			break;
		case 'v':
			verbose++;
			break;
		case 'B':
			build_id = optarg;
			break;
		case 'X':
			break;
		default:
			if (c == '?' || me.option == NULL)
				exit(2);
			me.option(c, optarg);
			break;
		}
	log_init(mode, me.ident);
	log_setverbose(verbose);
}

/*
 * The zone is read once, here: there is no zone file in a child's root.  Only
 * with TZ set does the C library keep what it has read.
 */
static void
load_time_zone(void)
{
	struct tm tm;
	time_t now = time(NULL);

	if (getenv("TZ") == NULL)
		setenv("TZ", ":/etc/localtime", 1);
	tzset();
	localtime_r(&now, &tm);
}

/* The parent steers; what a terminal sends to all is for the parent. */
static void
ignore_signals(void)
{
	static const int ignored[] = {
		SIGHUP, SIGINT, SIGQUIT, SIGPIPE, SIGTERM, SIGUSR1, SIGUSR2
	};
	size_t i;

	for (i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		signal(ignored[i], SIG_IGN);
}

static const struct handler *
parent_handlers(void)
{
	static struct handler all[HANDLERS_MAX];
	const struct handler *h;
	size_t n = 0;

	for (h = common_handlers; h->fn != NULL; h++)
		all[n++] = *h;
	for (h = me.parent; h != NULL && h->fn != NULL; h++) {
		if (n == HANDLERS_MAX - 1)
			fatalx("too many handlers");
		all[n++] = *h;
	}
	return all;
}

static void
say_ready(void)
{
	struct msg_ready ready = { .role = me.role, .pid = (uint32_t)getpid() };

	strlcpy(ready.build, build_id, sizeof(ready.build));
	channel_send(child_parent, M_READY, 0, &ready, sizeof(ready));
}

void
child_start(const struct child *child, int argc, char **argv)
{
	me = *child;
	parse_options(argc, argv);
	me = *child;		/* an option may have changed it */
	if (fcntl(CHILD_FD, F_GETFD) == -1)
		fatalx("this program is started by refractd(8)");
	closefrom(CHILD_FD + 1);
	proc_set_role(me.role);
	proc_set_state(STATE_STARTING);
	ignore_signals();
	load_time_zone();
	if ((child_base = event_base_new()) == NULL)
		fatalx("no event loop");
	if (me.by_anybody != NULL && *me.by_anybody && geteuid() != 0)
		sandbox_enter_caller(me.role);
	else {
		sandbox_enter_ids(me.role, me.root);
		if (me.open != NULL)
			me.open();
		sandbox_enter_filter(me.role);
	}
	child_parent = channel_new(child_base, CHILD_FD, ROLE_PARENT,
	    parent_handlers());
	say_ready();
}

void
child_run(void)
{
	event_base_dispatch(child_base);
	fatalx("the event loop ended");
}

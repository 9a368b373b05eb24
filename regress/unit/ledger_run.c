/*
 * The scheduler of commands, with a real file below it and the parent played
 * here: what becomes a row, what is started, and that nothing is started that
 * is not on the disk.
 */
/* LINK: refractd/ledger_db.o refractd/ledger_sql.o refractd/ledger_queue.o */
/* LINK: refractd/ledger_state.o refractd/ledger_runs.o */
/* LINK: refractd/ledger_run.o refractd/ctl_buf.o */
/* LIBS: -lsqlite3 */
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <netinet/in.h>

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>
#include <sqlite3.h>

#include "channel.h"
#include "child.h"
#include "clock.h"
#include "counter.h"
#include "ctl_buf.h"
#include "ledger_run.h"
#include "ledger_runs.h"
#include "log.h"

struct event_base	*child_base;
struct channel		*child_parent;

static struct conf	*conf;
static struct conf_watch *watch;
static struct imsgbuf	*parent;
static char		 dir[64], file[96];
static uint64_t		 offset;
static int		 in_trouble;

struct conf *
child_conf(void)
{
	return conf;
}

struct channel *
child_channel(enum role role, int bulk)
{
	(void)role;
	(void)bulk;
	return NULL;
}

/* --- What is around it --- */

static void
on_committed(uint64_t number)
{
	(void)number;
}

static void
on_state(int trouble, const char *text)
{
	(void)text;
	in_trouble = trouble;
	run_trouble(trouble);
}

static void
nothing(void)
{
}

static const struct queue_calls calls = {
	on_committed, on_state, nothing, nothing, run_decided, run_happened,
	run_forgiven, run_ran, run_inside, run_outside
};

static const struct handler none[] = { { 0, NULL } };

/* The ledger's process begins; or after kill -9 again. */
static void
begin(void)
{
	run_stop();
	queue_start("", file, &calls);
	run_conf();
	run_max(100);
}

static struct conf_run *
add_run(const char *arg, span_t delay)
{
	struct conf_run	*r = calloc(1, sizeof(*r));
	static uint64_t	 hash;

	assert_non_null(r);
	r->w.hash = ++hash;
	r->w.id = (uint32_t)hash;
	r->w.watch = watch->w.id;
	r->w.argc = 1;
	r->w.delay = delay;
	r->text = strdup(arg);
	r->len = strlen(arg) + 1;
	TAILQ_INSERT_TAIL(&watch->runs, r, entry);
	return r;
}

static int
setup(void **state)
{
	int	fds[2];

	(void)state;
	(void)strlcpy(dir, "/tmp/refract-run.XXXXXX", sizeof(dir));
	if (mkdtemp(dir) == NULL)
		return -1;
	(void)snprintf(file, sizeof(file), "%s/ledger.db", dir);
	child_base = event_base_new();
	proc_set_role(ROLE_LEDGER);
	proc_set_state(STATE_RUNNING);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == -1)
		return -1;
	child_parent = channel_new(child_base, fds[0], ROLE_PARENT, none);
	parent = imsg_new(fds[1]);
	conf = conf_new();
	watch = conf_watch_new();
	(void)strlcpy(watch->w.name, "sshd", sizeof(watch->w.name));
	watch->w.hash = watch_hash("sshd");
	watch->w.format = FORMAT_TEXT;
	watch->w.window = 60000;
	watch->w.nports = 0;
	TAILQ_INSERT_TAIL(&conf->watches, watch, entry);
	in_trouble = 0;
	return 0;
}

static int
teardown(void **state)
{
	char	path[128];

	(void)state;
	queue_stop();
	run_stop();
	channel_free(child_parent);
	imsg_free(parent);
	conf_free(conf);
	event_base_free(child_base);
	(void)unlink(file);
	(void)snprintf(path, sizeof(path), "%s-wal", file);
	(void)unlink(path);
	return rmdir(dir);
}

static void
spin(int ms)
{
	struct timeval	tv = { ms / 1000, ms % 1000 * 1000 };

	(void)event_base_loopexit(child_base, &tv);
	(void)event_base_dispatch(child_base);
}

/* --- What is said to it --- */

static const char values[] = "user\0bob\0";

static struct decision
decision(const char *addr)
{
	struct decision	d = { .evidence = "a line", .count = 3 };

	d.ban.id.watch = watch->w.hash;
	d.ban.id.file = 7;
	d.ban.id.offset = ++offset;
	d.ban.start = wall_now();
	d.ban.end = d.ban.start + 3600000;
	assert_int_equal(prefix_parse(&d.ban.prefix, addr), 0);
	d.ban.offender = d.ban.prefix;
	(void)strlcpy(d.watch, "sshd", sizeof(d.watch));
	d.values = values;
	d.values_len = sizeof(values) - 1;
	return d;
}

static void
decide(const struct decision *d)
{
	static uint64_t	number;

	number++;
	assert_int_equal(queue_batch_begin(number), 0);
	assert_int_equal(queue_decision(d, 1), 0);
	assert_int_equal(queue_batch_end(number), 0);
	(void)queue_flush();
}

static void
event(const struct decision *d, enum ban_outcome outcome)
{
	struct wire_event	e = { .ban = d->ban, .outcome = outcome,
				    .at = wall_now() };

	queue_event(&e);
	(void)queue_flush();
}

/* --- What it says --- */

static struct imsg
hear(void)
{
	static uint64_t	copy[1024];
	struct imsg	imsg;

	memset(&imsg, 0, sizeof(imsg));
	if (imsg_get(parent, &imsg) != 1 &&
	    (imsg_read(parent) <= 0 || imsg_get(parent, &imsg) != 1)) {
		imsg.hdr.type = 0;
		return imsg;
	}
	memcpy(copy, imsg.data, imsg.len);
	imsg.data = copy;
	return imsg;
}

/* A command is started: its row; 0: none. */
static uint64_t
started(const struct conf_run *r)
{
	struct imsg		 imsg = hear();
	const struct msg_run	*m = imsg.data;

	if (imsg.hdr.type == 0)
		return 0;
	assert_int_equal(imsg.hdr.type, M_RUN);
	assert_int_equal(m->watch, watch->w.hash);
	assert_int_equal(m->hash, r->w.hash);
	return m->row;
}

static void
done(uint64_t row, int status)
{
	struct msg_run_done	m = { .row = row, .status = status };

	run_done(&m);
	(void)queue_flush();
}

static int
count_row(const struct stored_run *r, void *arg)
{
	unsigned int	*n = arg;

	n[r->state]++;
	return 1;
}

/* How many rows are in this state. */
static unsigned int
in_state(enum run_state state)
{
	unsigned int	n[RUN_STATE_MAX] = { 0 };
	int64_t		row = 0;
	int		end;

	assert_int_equal(runs_scan(&row, 1, 100000, &end, count_row, n),
	    DB_OK);
	return n[state];
}

static int
last_row(const struct stored_run *r, void *arg)
{
	*(struct stored_run *)arg = *r;
	return 1;
}

static struct stored_run
newest(void)
{
	struct stored_run	r;
	int64_t			row = 0;
	int			end;

	memset(&r, 0, sizeof(r));
	assert_int_equal(runs_scan(&row, 1, 100000, &end, last_row, &r),
	    DB_OK);
	return r;
}

/* --- Tests --- */

static void
test_once_a_decision(void **state)
{
	struct conf_run	*r = add_run("/bin/a", 0);
	struct decision	 d;
	struct imsg	 imsg;
	const struct msg_run *m;

	(void)state;
	begin();
	d = decision("192.0.2.1");
	decide(&d);
	imsg = hear();
	assert_int_equal(imsg.hdr.type, M_RUN);
	m = imsg.data;
	assert_int_equal(m->hash, r->w.hash);
	assert_int_equal(m->count, 3);
	assert_int_equal(m->addr.family, AF_INET);
	assert_int_equal(m->values_len, sizeof(values) - 1 + 13);
	assert_memory_equal(m + 1, "user\0bob\0match\0a line", 22);
	assert_int_equal(in_state(RUN_STARTED), 1);
	done(m->row, 0);
	assert_int_equal(in_state(RUN_DONE), 1);
	/* It is read again: nothing. */
	decide(&d);
	spin(50);
	assert_int_equal(started(r), 0);
	assert_int_equal(in_state(RUN_DONE), 1);
}

static void
test_duplicates(void **state)
{
	struct conf_run		*now = add_run("/bin/now", 0);
	struct conf_run		*later = add_run("/bin/later", 600000);
	struct decision		 d;
	struct stored_run	 r;
	int64_t			 due;

	(void)state;
	begin();
	d = decision("192.0.2.1");
	decide(&d);
	done(started(now), 0);
	assert_int_equal(in_state(RUN_PENDING), 1);
	r = newest();
	assert_int_equal(r.hash, later->w.hash);
	due = r.due;
	assert_int_equal(due, d.ban.start + 600000);
	/* extend */
	d = decision("192.0.2.1");
	d.ban.start += 5000;
	decide(&d);
	assert_int_equal(started(now), 0);
	assert_int_equal(newest().due, d.ban.start + 600000);
	assert_int_equal(in_state(RUN_PENDING), 1);
	/* Another's are his own. */
	d = decision("192.0.2.2");
	decide(&d);
	assert_int_not_equal(started(now), 0);
	assert_int_equal(in_state(RUN_PENDING), 2);
	/* ignore */
	watch->w.duplicate = DUPLICATE_IGNORE;
	due = newest().due;
	d = decision("192.0.2.2");
	d.ban.start += 7000;
	decide(&d);
	assert_int_equal(started(now), 0);
	assert_int_equal(newest().due, due);
	/* rerun */
	watch->w.duplicate = DUPLICATE_RERUN;
	d = decision("192.0.2.2");
	decide(&d);
	assert_int_not_equal(started(now), 0);
	assert_int_equal(in_state(RUN_PENDING), 3);
}

/* Its ban is over, or was lifted: the key is not under way any more. */
static void
test_again(void **state)
{
	struct conf_run	*r = add_run("/bin/a", 0);
	struct decision	 d, other;

	(void)state;
	begin();
	d = decision("192.0.2.1");
	decide(&d);
	done(started(r), 0);
	event(&d, BAN_APPLIED);
	other = decision("192.0.2.1");
	decide(&other);
	assert_int_equal(started(r), 0);
	event(&d, BAN_LIFTED);
	d = decision("192.0.2.1");
	d.ban.start += 1000;
	decide(&d);
	spin(1050);
	done(started(r), 0);
	d = decision("192.0.2.1");
	d.ban.start += 3600000 + 2000;
	d.ban.end += 3600000 + 2000;
	decide(&d);
	assert_int_equal(in_state(RUN_PENDING), 1);
	/* Without a ban nothing is under way when it has run. */
	TAILQ_REMOVE(&watch->runs, r, entry);
	free(r->text);
	free(r);
	r = add_run("/bin/b", 0);
	d = decision("192.0.2.9");
	d.no_ban = 1;
	decide(&d);
	done(started(r), 0);
	d = decision("192.0.2.9");
	d.no_ban = 1;
	decide(&d);
	assert_int_not_equal(started(r), 0);
}

static void
test_once(void **state)
{
	struct conf_run	*r = add_run("/bin/mail", 0);
	struct decision	 d;

	(void)state;
	r->w.once = 1;
	watch->w.duplicate = DUPLICATE_RERUN;
	begin();
	d = decision("192.0.2.1");
	d.no_ban = 1;
	decide(&d);
	done(started(r), 0);
	/* The same lines, in a stream that is read anew after a restart. */
	db_close();
	begin();
	d = decision("192.0.2.1");
	d.no_ban = 1;
	decide(&d);
	assert_int_equal(started(r), 0);
	/* Later than `within` it is another thing. */
	d = decision("192.0.2.1");
	d.no_ban = 1;
	d.ban.start += 61000;
	decide(&d);
	assert_int_equal(in_state(RUN_PENDING), 1);
}

static void
test_crash(void **state)
{
	struct conf_run	*most = add_run("/bin/most", 0);
	struct conf_run	*least = add_run("/bin/least", 0);
	struct decision	 d;
	uint64_t	 row;

	(void)state;
	least->w.at_least_once = 1;
	begin();
	d = decision("192.0.2.1");
	decide(&d);
	assert_int_not_equal(started(most), 0);
	row = started(least);
	assert_int_not_equal(row, 0);
	assert_int_equal(in_state(RUN_STARTED), 2);
	/* kill -9 */
	db_close();
	begin();
	spin(400);
	assert_int_equal(started(least), row);
	assert_int_equal(started(most), 0);
	assert_int_equal(in_state(RUN_FAILED), 1);
	done(row, 0);
	assert_int_equal(in_state(RUN_DONE), 1);
	/* The file is opened anew while it runs: no crash. */
	d = decision("192.0.2.2");
	decide(&d);
	assert_int_not_equal(started(most), 0);
	assert_int_not_equal(started(least), 0);
	db_close();
	run_conf();
	spin(600);
	assert_int_equal(started(least), 0);
	assert_int_equal(in_state(RUN_STARTED), 2);
}

static void
test_hooks(void **state)
{
	struct conf_run		*on = add_run("/bin/on", 0);
	struct conf_run		*off = add_run("/bin/off", 0);
	struct decision		 d, more;
	struct stored_run	 r;

	(void)state;
	on->w.when = RUN_BAN;
	off->w.when = RUN_UNBAN;
	assert_int_equal(run_wants_ends(), 1);
	begin();
	d = decision("192.0.2.1");
	decide(&d);
	assert_int_equal(started(on), 0);
	event(&d, BAN_APPLIED);
	done(started(on), 0);
	r = newest();
	assert_int_equal(r.hash, off->w.hash);
	assert_int_equal(r.due, d.ban.end);
	assert_memory_equal(r.values, "user\0bob\0match\0a line", 22);
	/* On another port; after a restart. */
	event(&d, BAN_APPLIED);
	db_close();
	begin();
	event(&d, BAN_KEPT);
	assert_int_equal(started(on), 0);
	assert_int_equal(in_state(RUN_PENDING), 1);
	/* Extended: the same ban. */
	more = decision("192.0.2.1");
	more.ban.start += 1000;
	more.ban.end += 9000;
	decide(&more);
	event(&more, BAN_EXTENDED);
	assert_int_equal(started(on), 0);
	assert_int_equal(newest().due, more.ban.end);
	/* flush is for what waits for its time, not for a ban's end. */
	event(&more, BAN_LIFTED);
	assert_int_not_equal(started(off), 0);
	event(&more, BAN_LIFTED);
	assert_int_equal(started(off), 0);
	/* A new one. */
	d = decision("192.0.2.1");
	d.ban.start += 60000;
	decide(&d);
	event(&d, BAN_APPLIED);
	assert_int_not_equal(started(on), 0);
	/* Refused: nobody was banned. */
	d = decision("192.0.2.3");
	decide(&d);
	event(&d, BAN_NEVER);
	assert_int_equal(started(on), 0);
	/* The answer comes before the decision is on the disk. */
	d = decision("192.0.2.4");
	event(&d, BAN_APPLIED);
	assert_int_equal(started(on), 0);
	decide(&d);
	assert_int_not_equal(started(on), 0);
}

/* Another port's ban of the same prefix is another ban. */
static void
test_ports(void **state)
{
	struct conf_run		*off = add_run("/bin/off", 0);
	struct decision		 d, other;

	(void)state;
	off->w.when = RUN_UNBAN;
	watch->w.nports = 1;
	watch->w.ports[0] = (struct wire_port){ .port = 22,
	    .proto = IPPROTO_TCP };
	begin();
	d = decision("192.0.2.1");
	d.ban.port = 22;
	d.ban.proto = IPPROTO_TCP;
	decide(&d);
	event(&d, BAN_APPLIED);
	assert_int_equal(newest().due, d.ban.end);
	other = decision("192.0.2.1");
	other.ban.id.watch = 1;
	other.ban.end = d.ban.end + 9000;
	other.ban.port = 80;
	other.ban.proto = IPPROTO_TCP;
	decide(&other);
	event(&other, BAN_APPLIED);
	assert_int_equal(newest().due, d.ban.end);
	event(&other, BAN_LIFTED);
	assert_int_equal(started(off), 0);
	other.ban.port = other.ban.proto = 0;
	event(&other, BAN_EXTENDED);
	event(&other, BAN_LIFTED);
	assert_int_equal(started(off), 0);
	assert_int_equal(newest().due, d.ban.end);
	/* Of the same one, whoever made it longer. */
	other.ban.port = 22;
	other.ban.proto = IPPROTO_TCP;
	event(&other, BAN_EXTENDED);
	assert_int_equal(newest().due, other.ban.end);
	event(&other, BAN_LIFTED);
	assert_int_not_equal(started(off), 0);
}

static void
test_reload(void **state)
{
	struct conf_run	*r = add_run("/bin/a", 600000);
	struct conf_run	*stays = add_run("/bin/b", 600000);
	struct decision	 d;

	(void)state;
	begin();
	d = decision("192.0.2.1");
	decide(&d);
	assert_int_equal(in_state(RUN_PENDING), 2);
	TAILQ_REMOVE(&watch->runs, r, entry);
	free(r->text);
	free(r);
	run_conf();
	spin(300);
	assert_int_equal(in_state(RUN_SKIPPED), 1);
	assert_int_equal(in_state(RUN_PENDING), 1);
	assert_int_equal(newest().hash, stays->w.hash);
}

static void
test_not_all(void **state)
{
	struct conf_run	*r = add_run("/bin/six", 0);
	struct decision	 d;

	(void)state;
	r->w.family = AF_INET6;
	begin();
	d = decision("192.0.2.1");
	decide(&d);
	assert_int_equal(started(r), 0);
	d = decision("2001:db8::1");
	decide(&d);
	assert_int_not_equal(started(r), 0);
	/* Its ban was over when it was read. */
	d = decision("2001:db8::2");
	d.past = 1;
	decide(&d);
	assert_int_equal(started(r), 0);
	watch->w.dry_run = 1;
	d = decision("2001:db8::3");
	d.dry_run = 1;
	decide(&d);
	assert_int_equal(started(r), 0);
	assert_int_equal(in_state(RUN_SKIPPED), 1);
}

static void
test_how_many(void **state)
{
	struct conf_run	*r = add_run("/bin/a", 0);
	struct decision	 d;
	uint64_t	 one, two;
	int		 i;

	(void)state;
	begin();
	run_max(0);
	for (i = 0; i < 5; i++) {
		char	addr[32];

		(void)snprintf(addr, sizeof(addr), "192.0.2.%d", i + 1);
		d = decision(addr);
		decide(&d);
	}
	spin(50);
	assert_int_equal(started(r), 0);
	run_max(2);
	spin(300);
	one = started(r);
	two = started(r);
	assert_true(one != 0 && two > one);
	assert_int_equal(started(r), 0);
	done(one, 0);
	assert_int_not_equal(started(r), 0);
	assert_int_equal(started(r), 0);
	assert_int_equal(in_state(RUN_PENDING), 2);
}

static void
test_exit(void **state)
{
	struct conf_run	*undo = add_run("/bin/undo", 600000);
	struct conf_run	*other = add_run("/bin/other", 600000);
	struct decision	 d;
	struct imsg	 imsg;
	uint64_t	 row;

	(void)state;
	(void)other;
	undo->w.at_exit = 1;
	begin();
	d = decision("192.0.2.1");
	decide(&d);
	d = decision("192.0.2.2");
	decide(&d);
	run_max(0);
	run_exit();
	spin(300);
	row = started(undo);
	assert_int_not_equal(row, 0);
	assert_int_not_equal(started(undo), 0);
	imsg = hear();
	assert_int_equal(imsg.hdr.type, M_RUN_EXITED);
	assert_int_equal(*(const uint32_t *)imsg.data, 2);
	/* One for which there was no time waits for the next start. */
	done(row, RUN_STATUS_NEVER);
	done(row + 2, 0);
	assert_int_equal(in_state(RUN_PENDING), 3);
	assert_int_equal(in_state(RUN_DONE), 1);
}

static unsigned int
flush(const char *addr, const char *name, const char *value)
{
	struct msg_flush	m;
	unsigned int		n;

	memset(&m, 0, sizeof(m));
	if (addr != NULL)
		assert_int_equal(prefix_parse(&m.prefix, addr), 0);
	(void)strlcpy(m.watch, name, sizeof(m.watch));
	(void)strlcpy(m.value, value, sizeof(m.value));
	assert_int_equal(runs_flush(&m, wall_now(), &n), DB_OK);
	return n;
}

static void
test_flush(void **state)
{
	struct conf_run	*r = add_run("/bin/undo", 600000);
	struct decision	 d;

	(void)state;
	begin();
	d = decision("192.0.2.1");
	decide(&d);
	d = decision("2001:db8::1");
	d.values = "user\0eve\0";
	decide(&d);
	assert_int_equal(flush("192.0.2.7", "", ""), 0);
	assert_int_equal(flush(NULL, "other", ""), 0);
	assert_int_equal(flush(NULL, "", "user"), 0);
	assert_int_equal(flush(NULL, "sshd", "eve"), 1);
	queue_kick();
	spin(300);
	assert_int_not_equal(started(r), 0);
	assert_int_equal(started(r), 0);
	assert_int_equal(flush("192.0.2.0/24", "", ""), 1);
	assert_int_equal(flush(NULL, "", ""), 0);
}

/* Nothing is started that is not recorded. */
static void
test_disk(void **state)
{
	struct conf_run	*r = add_run("/bin/a", 0);
	struct rlimit	 old, small = { 0, RLIM_INFINITY };
	struct decision	 d;

	(void)state;
	begin();
	spin(50);
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small.rlim_max = old.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	d = decision("192.0.2.1");
	decide(&d);
	spin(600);
	assert_int_equal(in_trouble, 1);
	assert_int_equal(started(r), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	spin(3000);
	assert_int_equal(in_trouble, 0);
	assert_int_not_equal(started(r), 0);
	assert_int_equal(started(r), 0);
}

static void
test_bound(void **state)
{
	struct conf_run	*r = add_run("/bin/a", 600000);
	struct decision	 d;
	uint64_t	 dropped = counters[COUNT_RUN_DROPPED];
	unsigned int	 i;
	static uint64_t	 number = 1000;

	(void)state;
	(void)r;
	watch->w.duplicate = DUPLICATE_RERUN;
	begin();
	for (i = 0; i < RUN_PENDING_MAX + 10; i++) {
		if (i % 1000 == 0)
			assert_int_equal(queue_batch_begin(++number), 0);
		d = decision("192.0.2.1");
		assert_int_equal(queue_decision(&d, 1), 0);
		if (i % 1000 == 999 || i == RUN_PENDING_MAX + 9) {
			assert_int_equal(queue_batch_end(number), 0);
			assert_int_equal(queue_flush(), 0);
		}
	}
	assert_int_equal(counters[COUNT_RUN_DROPPED], dropped + 10);
	assert_int_equal(counters[COUNT_RUN_PENDING], RUN_PENDING_MAX);
}

/* A decision that is forgotten leaves its commands behind. */
static void
test_forgotten(void **state)
{
	struct conf_run	*soon = add_run("/bin/a", 0);
	struct conf_run	*later = add_run("/bin/b", 600000);
	struct decision	 d;
	unsigned int	 n;

	(void)state;
	begin();
	d = decision("192.0.2.1");
	decide(&d);
	done(started(soon), 0);
	assert_int_equal(db_drop(d.ban.end + 1, 10, &n), DB_OK);
	assert_int_equal(n, 1);
	assert_int_equal(in_state(RUN_DONE), 0);
	assert_int_equal(in_state(RUN_PENDING), 1);
	/* The next has the same row: they are not mixed up. */
	watch->w.duplicate = DUPLICATE_RERUN;
	d = decision("192.0.2.1");
	decide(&d);
	assert_int_equal(in_state(RUN_PENDING), 2);
	assert_int_not_equal(started(soon), 0);
	assert_int_equal(newest().hash, later->w.hash);
}

static void
test_show(void **state)
{
	struct conf_run		*r = add_run("/bin/a", 600000);
	char			 text[256];
	struct obuf		 o = OBUF(text);
	struct decision		 d;
	struct stored_run	 s;

	(void)state;
	free(r->text);
	r->text = malloc(64);
	memcpy(r->text, "/bin/a\0<addr>\0x<user>y <count>\0<none>\0<match>\0",
	    r->len = 46);
	r->w.argc = 5;
	begin();
	d = decision("192.0.2.1");
	decide(&d);
	s = newest();
	obuf_clear(&o);
	run_show(&o, &s);
	assert_string_equal(text, "{ \"/bin/a\", \"192.0.2.1\", \"xboby 3\", "
	    "\"\", \"a line\" }");
}

#define TEST(fn)	cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_once_a_decision),
		TEST(test_duplicates),
		TEST(test_again),
		TEST(test_once),
		TEST(test_crash),
		TEST(test_hooks),
		TEST(test_ports),
		TEST(test_reload),
		TEST(test_not_all),
		TEST(test_how_many),
		TEST(test_exit),
		TEST(test_flush),
		TEST(test_disk),
		TEST(test_bound),
		TEST(test_forgotten),
		TEST(test_show)
	};

	log_init(LOG_TO_STDERR, "ledger");
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

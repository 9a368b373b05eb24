/* LINK: refractd/f2b.o refractd/f2b_filter.o refractd/f2b_ini.o */
/* LINK: refractd/f2b_parse.o refractd/f2b_read.o refractd/f2b_expand.o */
/* LINK: refractd/f2b_regex.o refractd/f2b_text.o */
/*
 * A parent, an enforcer and a control for one refract-parser, so that it can
 * be measured as it is: forked, demoted, filtered, fed by messages.
 *
 *	parser_harness -g FILE LINES USERS	write a log
 *	parser_harness -w KIND FILE LINES ADDRESSES
 *						another log: sshd, nginx
 *	parser_harness PARSER FILE LINES	read it: seconds, CPU, bans,
 *						KiB resident, matches
 *	parser_harness -f FILTERS PARSER FILE LINES
 *						the same by fail2ban's filters,
 *						"a,b,c" or "all"
 *	parser_harness -l N PARSER FILE		N offences one by one: from
 *						write(2) to M_BAN
 */
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <event2/event.h>
#include <fcntl.h>
#include <glob.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "channel.h"
#include "conf.h"
#include "f2b.h"
#include "imsg.h"
#include "log.h"
#include "msg.h"

static struct event_base	*base;
static struct channel		*parser;
static struct imsgbuf		*enforcer, *control;
static const char		*path;
static uint64_t			 want_lines, bans, matches;
static const char		*filters;
static double			 began, took;
static unsigned int		 nlatency, done;
static double			*latency;
static int			 writer = -1;
static struct event		*again;

static double
now(void)
{
	struct timespec	ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void
stamp(char *buf, size_t size, int64_t us)
{
	struct tm	tm;
	time_t		t = us / 1000000;
	size_t		n;

	localtime_r(&t, &tm);
	n = strftime(buf, size, "%Y/%m/%d %H:%M:%S", &tm);
	snprintf(buf + n, size - n, ".%06d", (int)(us % 1000000));
}

/* Lines as a busy server of today writes them; one user, one address. */
static void
generate(const char *name, unsigned long lines, unsigned int users)
{
	FILE		*f = fopen(name, "w");
	char		 date[40];
	unsigned int	 u;
	unsigned long	 i;
	int64_t		 us = 1767225600000000;

	if (f == NULL)
		fatal("%s", name);
	srandom(1);
	for (i = 0; i < lines; i++) {
		u = (unsigned int)random() % users;
		stamp(date, sizeof(date), us += random() % 2000);
		fprintf(f, "%s from %u.%u.%u.%u:%u accepted "
		    "tcp:www%u.example.com:443 [vless-in >> direct] email: "
		    "user%u@example.org\n", date, 1 + u % 100,
		    u / 100 % 256, u / 25600 % 256, u % 253 + 1,
		    1024 + (unsigned int)random() % 60000,
		    (unsigned int)random() % 5000, u);
	}
	if (fclose(f) != 0)
		fatal("%s", name);
}

/* What sshd writes when it is guessed at, and when it is used. */
static const char *const	sshd_attacks[] = {
	"sshd[%u]: Failed password for root from %s port %u ssh2",
	"sshd[%u]: Invalid user admin from %s port %u",
	"sshd[%u]: Failed password for invalid user admin from %s port %u ssh2",
	"sshd[%u]: Connection closed by authenticating user root %s port %u "
	    "[preauth]",
	"sshd[%u]: pam_unix(sshd:auth): authentication failure; logname= uid=0 "
	    "euid=0 tty=ssh ruser= rhost=%s  user=root",
	"sshd[%u]: Received disconnect from %s port %u:11: Bye Bye [preauth]"
};
static const char *const	sshd_usual[] = {
	"sshd[%u]: Accepted publickey for deploy from %s port %u ssh2: ED25519 "
	    "SHA256:Jq0b1yWc9EoZ3pTk5vXn7sLr2uHd4fGa6iMz8xCq0bE",
	"sshd[%u]: pam_unix(sshd:session): session opened for user "
	    "deploy(uid=1000) by (uid=0)",
	"sshd[%u]: pam_unix(sshd:session): session closed for user deploy",
	"systemd-logind[%u]: New session 4711 of user deploy.",
	"systemd-logind[%u]: Removed session 4711.",
	"CRON[%u]: pam_unix(cron:session): session opened for user "
	    "root(uid=0) by (uid=0)",
	"CRON[%u]: pam_unix(cron:session): session closed for user root",
	"sudo[%u]:   deploy : TTY=pts/0 ; PWD=/home/deploy ; USER=root ; "
	    "COMMAND=/usr/bin/systemctl restart app"
};
static const char *const	nginx_attacks[] = {
	"\"GET /wp-login.php HTTP/1.1\" 404 153",
	"\"POST /phpmyadmin HTTP/1.1\" 404 153"
};
static const char *const	nginx_usual[] = {
	"\"GET / HTTP/1.1\" 200 5413",
	"\"GET /site.css?v=20261121 HTTP/2.0\" 200 20417",
	"\"GET /items?page=3 HTTP/2.0\" 200 8812",
	"\"GET /favicon.ico HTTP/1.1\" 404 153",
	"\"POST /login HTTP/2.0\" 204 0",
	"\"GET /a-photo-of-something.jpg HTTP/2.0\" 200 184023"
};

#define SSHD_ATTACKS	25	/* of a hundred lines */
#define NGINX_ATTACKS	3
#define ONE_OF(list)	(list)[(unsigned int)random() %			\
			    (sizeof(list) / sizeof((list)[0]))]

static int
happens(long percent)
{
	return random() % 100 < percent;
}

static void
put_sshd(FILE *f, time_t t, const char *addr)
{
	char	date[40];

	strftime(date, sizeof(date), "%b %e %H:%M:%S", localtime(&t));
	fprintf(f, "%s host1 ", date);
	fprintf(f, happens(SSHD_ATTACKS) ? ONE_OF(sshd_attacks) :
	    ONE_OF(sshd_usual), 1000 + (unsigned int)random() % 60000, addr,
	    1024 + (unsigned int)random() % 60000);
	putc('\n', f);
}

static void
put_nginx(FILE *f, time_t t, const char *addr)
{
	char	date[40];

	strftime(date, sizeof(date), "%d/%b/%Y:%H:%M:%S %z", localtime(&t));
	fprintf(f, "%s - - [%s] %s \"-\" \"Mozilla/5.0 (X11; Linux x86_64; "
	    "rv:128.0) Gecko/20100101 Firefox/128.0\"\n", addr, date,
	    happens(NGINX_ATTACKS) ? ONE_OF(nginx_attacks) :
	    ONE_OF(nginx_usual));
}

/* The last hour, however many lines it has. */
static void
write_log(const char *kind, const char *name, unsigned long lines,
    unsigned int addrs)
{
	FILE		*f = fopen(name, "w");
	char		 addr[40];
	unsigned int	 a;
	unsigned long	 i;
	time_t		 from = time(NULL) - 3600;

	if (f == NULL)
		fatal("%s", name);
	srandom(1);
	for (i = 0; i < lines; i++) {
		a = (unsigned int)random() % addrs;
		snprintf(addr, sizeof(addr), "%u.%u.%u.%u", 20 + a % 80,
		    a / 80 % 250, a / 20000 % 250, 1 + a / 5000000);
		(strcmp(kind, "sshd") == 0 ? put_sshd : put_nginx)(f,
		    from + (time_t)(i * 3500 / lines), addr);
	}
	if (fclose(f) != 0)
		fatal("%s", name);
}

static void
finish(void)
{
	channel_send(parser, M_STOP, 0, NULL, 0);
}

static void
ask_counters(void)
{
	imsg_compose(control, M_COUNTERS_GET, 1, -1, NULL, 0);
	imsg_flush(control);
}

static void
on_again(int fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	ask_counters();
}

/* One offence: the owner's line and another's. */
static void
write_offence(void)
{
	struct timespec	ts;
	char		date[40], line[512];
	int		n;

	clock_gettime(CLOCK_REALTIME, &ts);
	stamp(date, sizeof(date), ts.tv_sec * 1000000LL + ts.tv_nsec / 1000);
	n = snprintf(line, sizeof(line), "%s from 1.2.3.4:5 accepted tcp:h:1 "
	    "[a >> b] email: u%u\n%s from 9.%u.%u.1:9 accepted tcp:h:1 "
	    "[a >> b] email: u%u\n", date, done, date, done / 250,
	    done % 250, done);
	began = now();
	if (write(writer, line, (size_t)n) != n)
		fatal("write");
}

static void
on_enforcer(int fd, short what, void *arg)
{
	static const struct timeval	pause = { 0, 2000 };
	struct imsg			m;

	(void)fd;
	(void)what;
	(void)arg;
	if (imsg_read(enforcer) <= 0)
		return;
	while (imsg_get(enforcer, &m) == 1) {
		if (m.hdr.type != M_BAN)
			continue;
		bans++;
		if (nlatency == 0 || done >= nlatency)
			continue;
		latency[done++] = now() - began;
		if (done == nlatency)
			finish();
		else
			evtimer_add(again, &pause);
	}
}

static void
on_pause(int fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	write_offence();
}

static void
on_control(int fd, short what, void *arg)
{
	static const struct timeval	pause = { 0, 1000 };
	struct imsg			m;
	const uint64_t			*c;

	(void)fd;
	(void)what;
	(void)arg;
	if (imsg_read(control) <= 0)
		return;
	while (imsg_get(control, &m) == 1) {
		if (m.hdr.type == M_NOTICE)
			continue;
		c = m.data;
		if (c[COUNT_PARSER_LINES] < want_lines)
			evtimer_add(again, &pause);
		else {
			took = now() - began;
			matches = c[COUNT_PARSER_MATCHES];
			finish();
		}
	}
}

static void
watch_fd(int fd, event_callback_fn fn)
{
	event_add(event_new(base, fd, EV_READ | EV_PERSIST, fn, NULL), NULL);
}

static struct imsgbuf *
sibling(enum role peer, event_callback_fn fn)
{
	struct msg_channel	m = { .peer = peer };
	struct imsgbuf		*buf;
	int			 pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == -1)
		fatal("socketpair");
	channel_send_fd(parser, M_CHANNEL, 0, pair[1], &m, sizeof(m));
	if ((buf = imsg_new(pair[0])) == NULL)
		fatal("imsg");
	watch_fd(pair[0], fn);
	return buf;
}

/* fail2ban's filters. */

static void
add_regexes(struct conf_watch *w, const struct conf_filter *cf,
    const struct f2b_regexes *list, enum pattern_kind kind)
{
	struct conf_pattern	*p;
	size_t			 i;

	for (i = 0; i < list->n; i++) {
		if ((p = calloc(1, sizeof(*p))) == NULL)
			fatal("filter");
		p->w.id = conf_new_id();
		p->w.watch = w->w.id;
		p->w.filter = cf->w.id;
		p->w.kind = kind;
		p->w.weight = kind == PATTERN_FAIL;
		strlcpy(p->w.where, list->list[i].where, sizeof(p->w.where));
		p->text = strdup(list->list[i].text);
		p->len = strlen(p->text) + 1;
		TAILQ_INSERT_TAIL(&w->patterns, p, entry);
	}
}

/* 0, or -1: it is none. */
static int
add_filter(struct conf_watch *w, const char *name)
{
	struct conf_filter	*cf = calloc(1, sizeof(*cf));
	struct f2b_args		 args = { .name = name };
	struct f2b_filter	 f;
	char			 why[512];

	if (cf == NULL)
		fatal("filter");
	if (f2b_load(&args, &f, why, sizeof(why)) == -1) {
		f2b_free(&f);
		free(cf);
		return -1;
	}
	cf->w.id = conf_new_id();
	cf->w.watch = w->w.id;
	cf->w.maxlines = f.maxlines;
	cf->w.weight = 1;
	strlcpy(cf->w.name, f.name, sizeof(cf->w.name));
	strlcpy(cf->w.where, name, sizeof(cf->w.where));
	TAILQ_INSERT_TAIL(&w->filters, cf, entry);
	add_regexes(w, cf, &f.prefix, PATTERN_FAIL_PREFIX);
	add_regexes(w, cf, &f.fail, PATTERN_FAIL);
	add_regexes(w, cf, &f.ignore, PATTERN_FAIL_IGNORE);
	add_regexes(w, cf, &f.dates, PATTERN_FAIL_DATE);
	f2b_free(&f);
	return 0;
}

static void
add_filters(struct conf_watch *w)
{
	char	*list = strdup(filters), *p = list, *name;
	glob_t	 g;
	size_t	 i;

	w->w.format = FORMAT_TEXT;
	w->w.after = 5;
	w->w.window = 6 * 3600 * 1000;
	w->w.limit = 0;
	w->w.bans = 1;
	if (strcmp(filters, "all") != 0) {
		while ((name = strsep(&p, ",")) != NULL)
			if (add_filter(w, name) == -1)
				fatalx("%s: no filter", name);
	} else if (glob(F2B_DIR "/filter.d/*.conf", 0, NULL, &g) == 0) {
		/* Those that others include are none. */
		for (i = 0; i < g.gl_pathc; i++)
			(void)add_filter(w, g.gl_pathv[i]);
		globfree(&g);
	}
	free(list);
}

static void
on_ready(struct channel *ch, uint32_t id, const void *data, size_t len, int fd)
{
	struct conf		*c = conf_new();
	struct conf_watch	*w = conf_watch_new();
	struct conf_source	*s = calloc(1, sizeof(*s));
	int			 ifd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

	(void)id;
	(void)data;
	(void)len;
	(void)fd;
	if (s == NULL || ifd == -1)
		fatal("harness");
	enforcer = sibling(ROLE_ENFORCER, on_enforcer);
	control = sibling(ROLE_CONTROL, on_control);
	c->generation = 1;
	strlcpy(w->w.name, "bench", sizeof(w->w.name));
	w->w.hash = watch_hash(w->w.name);
	if (filters != NULL)
		add_filters(w);
	s->w.id = 1;
	s->w.watch = w->w.id;
	strlcpy(s->w.path, path, sizeof(s->w.path));
	TAILQ_INSERT_TAIL(&w->sources, s, entry);
	TAILQ_INSERT_TAIL(&c->watches, w, entry);
	channel_setctx(ch, (void *)(intptr_t)(inotify_add_watch(ifd, path,
	    IN_MODIFY | IN_ATTRIB)));
	channel_send_fd(ch, M_INOTIFY, 0, ifd, NULL, 0);
	conf_send(ch, c, ROLE_PARSER);
}

static void
on_conf_ready(struct channel *ch, uint32_t id, const void *data, size_t len,
    int fd)
{
	(void)id;
	(void)fd;
	channel_send(ch, M_CONF_COMMIT, 0, data, len);
}

static void
on_conf_done(struct channel *ch, uint32_t id, const void *data, size_t len,
    int fd)
{
	static const struct timeval	pause = { 0, 100000 };
	static const struct msg_boot	boot;
	struct msg_file			m = { .file = 1, .source = 1 };
	struct stat			st;
	int				log = open(path, O_RDONLY);

	(void)id;
	(void)data;
	(void)len;
	(void)fd;
	if (log == -1 || fstat(log, &st) == -1)
		fatal("%s", path);
	m.wd = (int32_t)(intptr_t)channel_ctx(ch);
	m.dev = st.st_dev;
	m.ino = st.st_ino;
	m.size = (uint64_t)st.st_size;
	m.from_end = nlatency > 0;
	strlcpy(m.name, path, sizeof(m.name));
	began = now();
	channel_send_fd(ch, M_FILE, 0, log, &m, sizeof(m));
	channel_send(ch, M_FILES_DONE, 0, &boot, sizeof(boot));
	if (nlatency > 0)
		evtimer_add(again, &pause);
	else
		ask_counters();
}

static void
ignore(struct channel *ch, uint32_t id, const void *data, size_t len, int fd)
{
	(void)ch;
	(void)id;
	(void)data;
	(void)len;
	(void)fd;
}

static void
on_closed(struct channel *ch)
{
	(void)ch;
	event_base_loopbreak(base);
}

static const struct handler	handlers[] = {
	{ M_READY, on_ready },
	{ M_CONF_READY, on_conf_ready },
	{ M_CONF_REFUSED, ignore },
	{ M_CONF_DONE, on_conf_done },
	{ M_FILE_DONE, ignore },
	{ 0, NULL }
};

static pid_t
start(const char *program)
{
	int	pair[2];
	pid_t	pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == -1)
		fatal("socketpair");
	if ((pid = fork()) == -1)
		fatal("fork");
	if (pid == 0) {
		dup2(pair[1], 3);
		execl(program, "refract-parser", "-d", (char *)NULL);
		fatal("%s", program);
	}
	close(pair[1]);
	parser = channel_new(base, pair[0], ROLE_PARSER, handlers);
	channel_onclosed(parser, on_closed);
	return pid;
}

static int
by_value(const void *a, const void *b)
{
	double	x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void
report(pid_t pid)
{
	struct rusage	ru;
	int		status;

	if (wait4(pid, &status, 0, &ru) == -1 || status != 0)
		fatalx("the parser ended with status %d", status);
	if (nlatency > 0) {
		qsort(latency, done, sizeof(*latency), by_value);
		printf("%.0f %.0f\n", latency[done / 2] * 1e6,
		    latency[done * 99 / 100] * 1e6);
		return;
	}
	printf("%.4f %.4f %llu %ld %llu\n", took,
	    (double)(ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) +
	    (double)(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1e6,
	    (unsigned long long)bans, ru.ru_maxrss,
	    (unsigned long long)matches);
}

int
main(int argc, char **argv)
{
	pid_t	pid;

	log_init(LOG_TO_STDERR, "parser_harness");
	if (argc == 5 && strcmp(argv[1], "-g") == 0) {
		generate(argv[2], strtoul(argv[3], NULL, 10),
		    (unsigned int)strtoul(argv[4], NULL, 10));
		return 0;
	}
	if (argc == 6 && strcmp(argv[1], "-w") == 0) {
		write_log(argv[2], argv[3], strtoul(argv[4], NULL, 10),
		    (unsigned int)strtoul(argv[5], NULL, 10));
		return 0;
	}
	if (argc == 6 && strcmp(argv[1], "-f") == 0) {
		filters = argv[2];
		want_lines = strtoull(argv[5], NULL, 10);
		argv += 2;
	} else if (argc == 5 && strcmp(argv[1], "-l") == 0) {
		nlatency = (unsigned int)strtoul(argv[2], NULL, 10);
		latency = calloc(nlatency, sizeof(*latency));
		argv += 2;
	} else if (argc == 4)
		want_lines = strtoull(argv[3], NULL, 10);
	else
		fatalx("usage: see the top of parser_harness.c");
	path = argv[2];
	if (nlatency > 0 &&
	    (writer = open(path, O_WRONLY | O_APPEND | O_CREAT, 0600)) == -1)
		fatal("%s", path);
	proc_set_role(ROLE_PARENT);
	proc_set_state(STATE_RUNNING);
	base = event_base_new();
	again = evtimer_new(base, nlatency > 0 ? on_pause : on_again, NULL);
	pid = start(argv[1]);
	event_base_dispatch(base);
	report(pid);
	return 0;
}

/*
 * Rules, by iptables-restore and ip6tables-restore: no shell, no text from
 * outside but an instance's checked name.  One transaction for each table
 * takes out what is ours and puts it in at the top, so that there is no gap.
 */
#include <sys/mman.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "args.h"
#include "child.h"
#include "clock.h"
#include "log.h"
#include "rules.h"

#define TEXT_MAX	(1024 * 1024)	/* a chain, a transaction */
#define RUN_LIMIT	10000		/* ms a program may take */
#define LOCK_WAIT	"5"		/* seconds for another's lock */

/*
 * %n, %h, %p: the never-set, whole hosts, ports.  %l: local destinations
 * only, unless the hook is forward.
 */
static const struct rule {
	int		 action;	/* -1: any */
	const char	*table, *chain, *text;
} list[] = {
	{ ACTION_DROP, "raw", "PREROUTING",
	    "%l-m set ! --match-set %n src -m set --match-set %h src -j DROP" },
	{ ACTION_DROP, "raw", "PREROUTING", "%l-m set ! --match-set %n src "
	    "-m set --match-set %p src,dst -j DROP" },
#define REJECT(chain)							\
	{ ACTION_REJECT, "filter", chain,				\
	    "-p tcp -m set ! --match-set %n src -m set --match-set %h src " \
	    "-j REJECT --reject-with tcp-reset" },			\
	{ ACTION_REJECT, "filter", chain, "-m set ! --match-set %n src " \
	    "-m set --match-set %h src -j REJECT" },			\
	{ ACTION_REJECT, "filter", chain,				\
	    "-p tcp -m set ! --match-set %n src -m set --match-set %p src,dst "\
	    "-j REJECT --reject-with tcp-reset" },			\
	{ ACTION_REJECT, "filter", chain, "-m set ! --match-set %n src " \
	    "-m set --match-set %p src,dst -j REJECT" }
	REJECT("INPUT"),
	REJECT("FORWARD"),
	/* A container's end of a connection is in another namespace. */
	{ -1, "filter", "FORWARD", "-p tcp -m set ! --match-set %n dst "
	    "-m set --match-set %h dst -j REJECT --reject-with tcp-reset" }
};
#define NRULES	(sizeof(list) / sizeof(list[0]))

static const struct place {
	const char	*table, *chain;
} places[] = {
	{ "raw", "PREROUTING" }, { "filter", "INPUT" }, { "filter", "FORWARD" }
};

static char	buf[TEXT_MAX], script[TEXT_MAX];

/* --- text --- */

static int
applies(const struct rule *r, const struct msg_rules *m)
{
	return r->action == -1 || r->action == (int)m->action;
}

static void
expand(FILE *f, const struct rule *r, const struct msg_rules *m, int v6)
{
	const char	*p;

	for (p = r->text; *p != '\0'; p++) {
		if (*p != '%')
			(void)fputc(*p, f);
		else if (*++p == 'l')
			(void)fputs(m->hook == HOOK_LOCAL ?
			    "-m addrtype --dst-type LOCAL " : "", f);
		else
			(void)fputs(sets[v6 + (*p == 'n' ? SET_NEVER4 :
			    *p == 'p' ? SET_PORT4 : SET_NET4)].name, f);
	}
}

unsigned int
rules_refs(const struct msg_rules *m, enum set_id id)
{
	static const char	 kinds[] = "hpn";
	const char		*p;
	unsigned int		 n = 0;
	size_t			 i;

	for (i = 0; i < NRULES; i++) {
		for (p = list[i].text; applies(&list[i], m) &&
		    (p = strchr(p, '%')) != NULL; p++)
			n += p[1] == kinds[id / 2];
	}
	return n;
}

/* 1 if a line of `iptables -S` is a rule that carries our comment. */
static int
is_ours(const char *line, const char *comment)
{
	const char	*p = strstr(line, " --comment ");
	size_t		 n = strlen(comment);

	if (p == NULL || strncmp(line, "-A ", 3) != 0)
		return 0;
	p += strlen(" --comment ");
	p += *p == '"';
	return strncmp(p, comment, n) == 0 && (p[n] == '"' || p[n] == ' ');
}

/* --- programs --- */

static void
become(const char *const *argv, int in, int out)
{
	char	*args[8];
	int	 i;

	for (i = 0; argv[i] != NULL; i++)
		if ((args[i] = strdup(argv[i])) == NULL)
			_exit(127);
	args[i] = NULL;
	if (dup2(in, 0) == -1 || dup2(out, 1) == -1 || dup2(out, 2) == -1)
		_exit(127);
	closefrom(3);
	(void)execvp(args[0], args);
	dprintf(2, "%s: %s\n", args[0], strerror(errno));
	_exit(127);
}

/* Everything it says, into buf, until it ends or its time is over. */
static void
listen_to(int fd, pid_t pid)
{
	struct pollfd	pfd = { fd, POLLIN, 0 };
	mono_t		start = mono_now();
	size_t		len = 0;
	span_t		left = RUN_LIMIT;
	ssize_t		n = 1;

	while (n > 0 && len < sizeof(buf) - 1) {
		if (left <= 0 || poll(&pfd, 1, left) <= 0)
			break;
		if ((n = read(fd, buf + len, sizeof(buf) - 1 - len)) > 0)
			len += n;
		left = RUN_LIMIT - mono_since(start, mono_now());
	}
	buf[len] = '\0';
	if (n != 0)
		(void)kill(pid, SIGKILL);
}

/* 0, or -1 with why in buf. */
static int
run(const char *const *argv, const char *input)
{
	int	in, out[2], status = -1;
	pid_t	pid;

	if ((in = memfd_create("rules", MFD_CLOEXEC)) == -1 ||
	    pipe2(out, O_CLOEXEC) == -1)
		fatal("rules: pipe");
	if (write(in, input, strlen(input)) == -1 ||
	    lseek(in, 0, SEEK_SET) == -1 || (pid = fork()) == -1)
		fatal("rules: %s", argv[0]);
	if (pid == 0)
		become(argv, in, out[1]);
	(void)close(in);
	(void)close(out[1]);
	listen_to(out[0], pid);
	(void)close(out[0]);
	while (waitpid(pid, &status, 0) == -1 && errno == EINTR)
		;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
}

static void
delete_ours(FILE *f, const char *comment)
{
	char	*line, *p = buf;

	while ((line = strsep(&p, "\n")) != NULL) {
		if (is_ours(line, comment) || (strstr(line, " --match-set "
		    "refract_banned_users ") != NULL && *line == '-'))
			(void)fprintf(f, "-D%s\n", line + 2);
	}
}

/* One table of one family: what is ours goes, and comes again at the top. */
static int
change(int v6, const char *table, const struct msg_rules *m, int install)
{
	const char	*tool = v6 ? "ip6tables" : "iptables";
	const char	*restore = v6 ? "ip6tables-restore" :
	    "iptables-restore";
	char		 comment[NAME_MAX_LEN + 16];
	size_t		 p, r, n;
	FILE		*f;

	(void)snprintf(comment, sizeof(comment), "refract%s%s",
	    m->instance[0] == '\0' ? "" : "-", m->instance);
	if ((f = fmemopen(script, sizeof(script), "w")) == NULL)
		fatal("rules");
	(void)fprintf(f, "*%s\n", table);
	for (p = 0; p < sizeof(places) / sizeof(places[0]); p++) {
		const char *const argv[] = { tool, "-w", LOCK_WAIT, "-t",
		    table, "-S", places[p].chain, NULL };

		if (strcmp(places[p].table, table) != 0)
			continue;
		if (run(argv, "") == -1) {
			(void)fclose(f);
			return -1;
		}
		delete_ours(f, comment);
		for (r = 0, n = 1; install && r < NRULES; r++) {
			if (!applies(&list[r], m) ||
			    strcmp(list[r].chain, places[p].chain) != 0)
				continue;
			(void)fprintf(f, "-I %s %zu -m comment --comment %s ",
			    list[r].chain, n++, comment);
			expand(f, &list[r], m, v6);
			(void)fputc('\n', f);
		}
	}
	(void)fprintf(f, "COMMIT\n");
	if (fclose(f) != 0)
		return -1;
	const char *const argv[] = { restore, "-w", LOCK_WAIT, "--noflush",
	    NULL };
	return run(argv, script);
}

static int
change_all(const struct msg_rules *m, int install, char *text)
{
	int	v6, r;

	*text = '\0';
	if (m->instance[strspn(m->instance, "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")] != '\0' ||
	    sets_name(m->instance) == -1) {
		(void)strlcpy(text, "the instance's name is not fit for rules",
		    TEXT_LEN);
		return -1;
	}
	for (v6 = 0; v6 < 2; v6++) {
		r = change(v6, "raw", m, install);
		if (r == 0)
			r = change(v6, "filter", m, install);
		if (r == 0)
			continue;
		(void)snprintf(text, TEXT_LEN, "%s: %.400s", v6 ? "ip6tables, "
		    "IPv6 is not guarded" : "iptables", log_vis(buf,
		    strcspn(buf, "\n")));
		if (!v6)
			return -1;
		log_notice("%s", text);
	}
	return 0;
}

int
rules_install(const struct msg_rules *m, char *text)
{
	return change_all(m, 1, text);
}

int
rules_remove(const struct msg_rules *m, char *text)
{
	return change_all(m, 0, text);
}

/* --- the role --- */

static void
answer(int r, const char *text)
{
	struct msg_outcome	o = { .code = r == -1 ? 1 : 0 };

	(void)strlcpy(o.text, text, sizeof(o.text));
	channel_send(child_parent, M_RULES_OUTCOME, 0, &o, sizeof(o));
}

static void
on_install(MSG_ARGS)
{
	char	text[TEXT_LEN];

	answer(rules_install(data, text), text);
}

static void
on_remove(MSG_ARGS)
{
	char	text[TEXT_LEN];

	answer(rules_remove(data, text), text);
}

void
rules_main(int argc, char **argv)
{
	static const struct handler	handlers[] = {
		{ M_RULES_INSTALL, on_install },
		{ M_RULES_REMOVE, on_remove },
		{ 0, NULL }
	};
	static const struct child	rules = {
		.role = ROLE_RULES, .ident = "refract-rules",
		.parent = handlers
	};

	child_start(&rules, argc, argv);
	child_run();
}

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

#define TEXT_MAX	(64 * 1024 * 1024)	/* a chain: others' too */
#define RUN_LIMIT	10000		/* ms a program may take */
#define ORIGINAL	" --match-set refract_banned_users "

/*
 * N, H, P: the never-set, whole hosts, ports, in a word that begins with %.
 * %L: local destinations only, unless the hook is forward.
 */
#define FROM_HOST	"-m set ! --match-set %N src -m set --match-set %H src "
#define FROM_PORT	"-m set ! --match-set %N src " \
			"-m set --match-set %P src,dst "
#define RESET		"-j REJECT --reject-with tcp-reset"
static const struct rule {
	int		 action;	/* -1: any */
	const char	*chain, *text;
} rules[] = {
	{ ACTION_DROP, "PREROUTING", "%L" FROM_HOST "-j DROP" },
	{ ACTION_DROP, "PREROUTING", "%L" FROM_PORT "-j DROP" },
	{ ACTION_REJECT, "INPUT", "-p tcp " FROM_HOST RESET },
	{ ACTION_REJECT, "INPUT", FROM_HOST "-j REJECT" },
	{ ACTION_REJECT, "INPUT", "-p tcp " FROM_PORT RESET },
	{ ACTION_REJECT, "INPUT", FROM_PORT "-j REJECT" },
	{ ACTION_REJECT, "FORWARD", "-p tcp " FROM_HOST RESET },
	{ ACTION_REJECT, "FORWARD", FROM_HOST "-j REJECT" },
	{ ACTION_REJECT, "FORWARD", "-p tcp " FROM_PORT RESET },
	{ ACTION_REJECT, "FORWARD", FROM_PORT "-j REJECT" },
	/* A container's end of a connection is in another namespace. */
	{ -1, "FORWARD", "-p tcp -m set ! --match-set %N dst "
	    "-m set --match-set %H dst " RESET }
};
#define NRULES	(sizeof(rules) / sizeof(rules[0]))

static const char *const chains[][2] = {
	{ "raw", "PREROUTING" }, { "filter", "INPUT" }, { "filter", "FORWARD" }
};

static char	heard[TEXT_MAX], script[TEXT_MAX];

unsigned int
rules_refs(uint32_t action, enum set_id id)
{
	const char	*p;
	unsigned int	 i, n = 0;

	for (i = 0; i < NRULES; i++)
		for (p = rules[i].text; (p = strchr(p, '%')) != NULL; p++)
			n += p[1] == "HPN"[id / 2] && (rules[i].action == -1 ||
			    rules[i].action == (int)action);
	return n;
}

static void
put_rule(FILE *f, const struct rule *r, const struct msg_rules *m, int v6)
{
	const char	*p;

	for (p = r->text; *p != '\0'; p++) {
		if (*p != '%')
			fputc(*p, f);
		else if (*++p == 'L')
			fputs(m->hook == HOOK_LOCAL ?
			    "-m addrtype --dst-type LOCAL " : "", f);
		else
			fputs(sets[v6 + (*p == 'N' ? SET_NEVER4 : *p == 'P' ?
			    SET_PORT4 : SET_NET4)].name, f);
	}
	fputc('\n', f);
}

/* A line of `iptables -S`: a rule with our comment, or the original's. */
static int
is_ours(const char *line, const char *comment)
{
	const char	*p = strstr(line, " --comment ");
	size_t		 n = strlen(comment);

	if (strncmp(line, "-A ", 3) != 0)
		return 0;
	if (p == NULL)
		return strstr(line, ORIGINAL) != NULL;
	p += strlen(" --comment ");
	p += *p == '"';
	return strncmp(p, comment, n) == 0 && (p[n] == '"' || p[n] == ' ');
}

/* Run a program on an input, hear all that it says: 0 or -1. */
static int
run(const char *const *argv, const char *input)
{
	struct pollfd	pfd = { .events = POLLIN };
	mono_t		start = mono_now();
	size_t		len = 0;
	ssize_t		n = -1;
	int		in, out[2], status = -1;
	pid_t		pid;

	if ((in = memfd_create("rules", MFD_CLOEXEC)) == -1 ||
	    pipe2(out, O_CLOEXEC) == -1 || write(in, input, strlen(input)) ==
	    -1 || lseek(in, 0, SEEK_SET) == -1 || (pid = fork()) == -1)
		fatal("rules: %s", argv[0]);
	if (pid == 0) {
		dup2(in, 0);
		dup2(out[1], 1);
		dup2(out[1], 2);
		execvp(argv[0], (char *const *)(uintptr_t)argv);
		printf("%s: %s\n", argv[0], strerror(errno));
		fflush(stdout);
		_exit(127);
	}
	close(in);
	close(out[1]);
	pfd.fd = out[0];
	while (len < sizeof(heard) - 1 && poll(&pfd, 1, RUN_LIMIT) > 0 &&
	    (n = read(out[0], heard + len, sizeof(heard) - 1 - len)) > 0 &&
	    mono_since(start, mono_now()) < RUN_LIMIT)
		len += n;
	heard[len] = '\0';
	if (n != 0) {
		kill(pid, SIGKILL);
		strlcpy(heard, len == sizeof(heard) - 1 ? "has too many rules "
		    "to be read" : "does not end", sizeof(heard));
	}
	close(out[0]);
	while (waitpid(pid, &status, 0) == -1 && errno == EINTR)
		;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
}

/* One chain: what is ours goes, and comes again at the top. */
static int
change_chain(FILE *f, const char *const *chain, const struct msg_rules *m,
    int v6, int install)
{
	const char *const argv[] = { v6 ? "ip6tables" : "iptables", "-w", "5",
	    "-t", chain[0], "-S", chain[1], NULL };
	char	 comment[NAME_MAX_LEN + 16], *line, *p = heard;
	size_t	 r, n = 1;

	snprintf(comment, sizeof(comment), "refract%s%s",
	    m->instance[0] == '\0' ? "" : "-", m->instance);
	if (run(argv, "") == -1)
		return -1;
	while ((line = strsep(&p, "\n")) != NULL)
		if (is_ours(line, comment))
			fprintf(f, "-D%s\n", line + 2);
	for (r = 0; install && r < NRULES; r++) {
		if (strcmp(rules[r].chain, chain[1]) != 0 ||
		    (rules[r].action != -1 && rules[r].action !=
		    (int)m->action))
			continue;
		fprintf(f, "-I %s %zu -m comment --comment %s ", chain[1], n++,
		    comment);
		put_rule(f, &rules[r], m, v6);
	}
	return 0;
}

static int
change_family(const struct msg_rules *m, int v6, int install)
{
	const char *const restore[] = { v6 ? "ip6tables-restore" :
	    "iptables-restore", "-w", "5", "--noflush", NULL };
	FILE	*f;
	size_t	 i;
	int	 r = 0;

	if ((f = fmemopen(script, sizeof(script), "w")) == NULL)
		fatal("rules");
	for (i = 0; i < 3 && r == 0; i++) {
		if (i < 2)
			fprintf(f, "%s*%s\n", i == 0 ? "" : "COMMIT\n",
			    chains[i][0]);
		r = change_chain(f, chains[i], m, v6, install);
	}
	fprintf(f, "COMMIT\n");
	return fclose(f) != 0 || r == -1 ? -1 : run(restore, script);
}

int
rules_change(const struct msg_rules *m, int install, char *text)
{
	*text = '\0';
	if (m->instance[strspn(m->instance, "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")] != '\0' ||
	    sets_name(m->instance) == -1) {
		strlcpy(text, "the instance's name is not fit for rules",
		    TEXT_LEN);
		return -1;
	}
	if (change_family(m, 0, install) == -1) {
		snprintf(text, TEXT_LEN, "iptables: %s", log_vis(heard,
		    strcspn(heard, "\n")));
		return -1;
	}
	if (change_family(m, 1, install) == -1) {
		snprintf(text, TEXT_LEN, "IPv6 is not guarded: ip6tables: %s",
		    log_vis(heard, strcspn(heard, "\n")));
		log_notice("%s", text);
	}
	return 0;
}

/* --- the role --- */

static void
change(const struct msg_rules *m, int install)
{
	struct msg_outcome	o = { 0 };

	o.code = rules_change(m, install, o.text) == -1 ? 1 : 0;
	channel_send(child_parent, M_RULES_OUTCOME, 0, &o, sizeof(o));
}

static void
on_install(MSG_ARGS)
{
	change(data, 1);
}

static void
on_remove(MSG_ARGS)
{
	change(data, 0);
}

void
rules_main(int argc, char **argv)
{
	static const struct handler	handlers[] = {
		{ M_RULES_INSTALL, on_install },
		{ M_RULES_REMOVE, on_remove },
		{ 0, NULL }
	};
	static const struct child	role = {
		.role = ROLE_RULES, .ident = "refract-rules",
		.parent = handlers
	};

	child_start(&role, argc, argv);
	child_run();
}

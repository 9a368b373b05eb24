/* LINK: refract-parser/literal.o refract-parser/litset.o */
/* LINK: refract-parser/finder.o refract-parser/pattern.o */
/* LIBS: -lpcre2-8 */
/*
 * For bench/patterns: lines like sshd's, and so many regexes, the first twenty
 * of which are for them, the others for programs that are not there.  Prints
 * millions of lines a second: the scan, the scan with PCRE2 on candidates,
 * PCRE2 on all; then candidates a line, milliseconds to build, KiB.
 *
 *	patterns_run NUMBER
 */
#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "msg.h"
#include "pattern.h"

#define ADDR	"(?<addr>(?:\\d{1,3}\\.){3}\\d{1,3}|[0-9a-fA-F:]{2,39})"
#define LINES	20000
#define ROUNDS	25

static const char *const	sshd[] = {
	"sshd\\[\\d+\\]: Failed \\S+ for (?:invalid user )?(?<user>.*) from "
	    ADDR " port \\d+",
	"sshd\\[\\d+\\]: Invalid user (?<user>.*?) from " ADDR,
	"sshd\\[\\d+\\]: User (?<user>\\S+) from " ADDR " not allowed because",
	"sshd\\[\\d+\\]: Connection closed by authenticating user .* " ADDR
	    " port \\d+ \\[preauth\\]$",
	"sshd\\[\\d+\\]: Received disconnect from " ADDR ".* Auth fail",
	"sshd\\[\\d+\\]: error: maximum authentication attempts exceeded for "
	    "(?<user>.*) from " ADDR,
	"sshd\\[\\d+\\]: Bad protocol version identification .* from " ADDR,
	"sshd\\[\\d+\\]: Did not receive identification string from " ADDR,
	"sshd\\[\\d+\\]: Unable to negotiate with " ADDR,
	"sshd\\[\\d+\\]: Disconnecting: Too many authentication failures for "
	    "(?<user>\\S+)",
	"pam_unix\\(sshd:auth\\): authentication failure;.* rhost=" ADDR,
	"sshd\\[\\d+\\]: refused connect from \\S+ \\(" ADDR "\\)",
	"sshd\\[\\d+\\]: ROOT LOGIN REFUSED FROM " ADDR,
	"sshd\\[\\d+\\]: Authentication refused: bad ownership .* " ADDR,
	"sshd\\[\\d+\\]: fatal: Timeout before authentication for " ADDR,
	"sshd\\[\\d+\\]: banner exchange: Connection from " ADDR,
	"sshd\\[\\d+\\]: reverse mapping checking .* \\[" ADDR "\\] failed",
	"sshd\\[\\d+\\]: Accepted publickey for (?<user>\\S+) from " ADDR,
	"sshd\\[\\d+\\]: kex_protocol_error: type \\d+ seq \\d+ from " ADDR,
	"sshd\\[\\d+\\]: drop connection #\\d+ from \\[" ADDR "\\]"
};

static const char *const	forms[] = {
	"Failed password for %s from 203.0.113.%u port %u ssh2",
	"Failed password for invalid user %s from 198.51.100.%u port %u ssh2",
	"Invalid user %s from 203.0.113.%u port %u",
	"Connection closed by authenticating user %s 203.0.113.%u port %u "
	    "[preauth]",
	"Disconnected from invalid user %s 198.51.100.%u port %u [preauth]",
	"pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 "
	    "tty=ssh ruser=%s rhost=203.0.113.%u  port=%u",
	"pam_unix(sshd:session): session opened for user %s(uid=%u) by "
	    "(uid=%u)",
	"Accepted publickey for %s from 192.0.2.%u port %u ssh2: ED25519 "
	    "SHA256:Jq0b1yWc9EoZ3pTk5vXn7sLr2uHd4fGa6iMz8xCq0bE"
};

static char	*text[LINES];
static size_t	 len[LINES], bytes;

static double
seconds(void)
{
	struct timespec	ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void
make_lines(void)
{
	static const char *const	users[] = { "root", "admin", "bob" };
	char				line[512];
	unsigned int			i;
	int				n;

	for (i = 0; i < LINES; i++) {
		n = snprintf(line, sizeof(line), "Nov 21 12:%02u:%02u host1 "
		    "sshd[%u]: ", i / 60 % 60, i % 60, 1000 + i);
		n += snprintf(line + n, sizeof(line) - (size_t)n,
		    forms[i % (sizeof(forms) / sizeof(forms[0]))],
		    users[i % 3], i % 255, 1024 + i);
		line[n++] = '\n';
		if ((text[i] = malloc((size_t)n)) == NULL)
			err(1, NULL);
		memcpy(text[i], line, (size_t)n);
		len[i] = (size_t)n;
		bytes += len[i];
	}
}

static struct patterns *
make_patterns(size_t n)
{
	struct pattern_spec	*specs = calloc(n, sizeof(*specs));
	struct patterns		*p;
	char			 why[TEXT_LEN], *regex;
	size_t			 i;

	if (specs == NULL)
		err(1, NULL);
	for (i = 0; i < n; i++) {
		if (i < sizeof(sshd) / sizeof(sshd[0]))
			specs[i].regex = sshd[i];
		else if (asprintf(&regex, "^\\S+ (?:daemon|prog)%zu(?:\\[\\d+"
		    "\\])?: (?:Error %zu|denied|login failed): .* client=" ADDR,
		    i, i * 7) == -1)
			err(1, NULL);
		else
			specs[i].regex = regex;
		specs[i].len = strlen(specs[i].regex);
		specs[i].where = "bench";
	}
	if ((p = patterns_new(specs, n, why)) == NULL)
		errx(1, "%s", why);
	free(specs);
	return p;
}

enum work { SCAN, CANDIDATES, ALL };

/* What one round gives: candidates or matches. */
static size_t
round_of(struct patterns *p, enum work work, size_t lines)
{
	const uint16_t	*list;
	const size_t	*vector;
	size_t		 i, k, n, sum = 0;

	for (i = 0; i < lines; i++) {
		n = work == ALL ? patterns_count(p) :
		    patterns_scan(p, text[i], len[i], &list);
		if (work == SCAN) {
			sum += n;
			continue;
		}
		for (k = 0; k < n; k++)
			sum += pattern_exec(p, work == ALL ? k : list[k],
			    text[i], len[i], 0, &vector) == 1;
	}
	return sum;
}

/* Millions of lines a second, in the best of some rounds. */
static double
speed(struct patterns *p, enum work work, size_t *sum)
{
	double	began, took, best = 0;
	size_t	lines = work == ALL ? LINES / 20 : LINES;
	int	i;

	for (i = 0; i < ROUNDS; i++) {
		began = seconds();
		*sum = round_of(p, work, lines);
		took = seconds() - began;
		if (best == 0 || took < best)
			best = took;
	}
	return (double)lines / best / 1e6;
}

int
main(int argc, char **argv)
{
	struct patterns	*p;
	size_t		 candidates, sum;
	double		 began, built, scan, some, all;

	make_lines();
	began = seconds();
	p = make_patterns(argc > 1 ? strtoul(argv[1], NULL, 10) : 20);
	built = seconds() - began;
	scan = speed(p, SCAN, &candidates);
	some = speed(p, CANDIDATES, &sum);
	all = speed(p, ALL, &sum);
	printf("%.2f %.2f %.3f %.2f %.1f %zu %zu\n", scan, some, all,
	    (double)candidates / LINES, built * 1e3,
	    patterns_memory(p) / 1024, bytes / LINES);
	patterns_free(p);
	return 0;
}

/*
 * refractctl import fail2ban: prints the refract.conf(5) that does what the
 * enabled jails do.  Reading is ctl_import_jail.c's.
 */
#include <arpa/inet.h>
#include <sys/socket.h>

#include <err.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "addr.h"
#include "ctl_import.h"
#include "ctl_import_jail.h"
#include "f2b_filter.h"
#include "f2b_text.h"

#define FINDTIME_MIN	1000
#define FINDTIME_MAX	(366 * 24 * 3600 * 1000LL)

void
import_note(const struct jail *j, const char *fmt, ...)
{
	va_list	 ap;
	char	 text[1024], *p;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	for (p = text; *p != '\0'; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = ' ';
	printf("%s# %s\n", j == NULL || j->bad ? "" : "\t", text);
	warnx("%s%s%s", j == NULL ? "" : j->name, j == NULL ? "" : ": ", text);
}

/* ignoreip's words: an address each that a table may have; the rest is told. */
static void
ignore_words(const struct jail *j, struct f2b_text *t, int tell)
{
	const char	*list = jail_get(j, "ignoreip");
	char		*copy = text_dup(list, strlen(list)), *p = copy, *word;
	struct prefix	 prefix;
	char		 buf[PREFIX_STRLEN];

	while ((word = strsep(&p, ", \t\n")) != NULL) {
		if (*word == '\0')
			continue;
		if (prefix_parse(&prefix, word) == 0)
			text_printf(t, "%s%s", t->len > 0 ? ", " : "",
			    prefix_print(&prefix, buf));
		else if (tell)
			import_note(j, "ignoreip %s: only addresses are not "
			    "counted, names are not looked up", word);
	}
	free(copy);
}

/* Whom the jail does not count, as the inside of a table; to be freed. */
static char *
ignored(const struct jail *j, int tell)
{
	const char	*self = jail_get(j, "ignoreself");
	struct f2b_text	 t = { 0 };

	if (*self == '\0' || import_bool(self))
		text_str(&t, "self");
	ignore_words(j, &t, tell);
	return text_take(&t);
}

/* 1 if all jails ignore the same: then nobody there may ever be banned. */
static int
ignored_together(const struct import *im)
{
	char	*first = NULL, *one;
	int	 same = 1;
	size_t	 i;

	for (i = 0; i < im->njails; i++) {
		if (im->jails[i].bad)
			continue;
		one = ignored(&im->jails[i], 0);
		if (first == NULL)
			first = one;
		else {
			same &= strcmp(first, one) == 0;
			free(one);
		}
	}
	free(first);
	return same;
}

static const struct jail *
first_jail(const struct import *im)
{
	size_t	i;

	for (i = 0; i < im->njails; i++)
		if (!im->jails[i].bad)
			return &im->jails[i];
	return NULL;
}

/* An option that a native action of any jail has; the first counts. */
static const char *
native_option(const struct import *im, const char *key)
{
	const struct jail *j;
	const char	  *v;
	size_t		   i, k;

	for (i = 0; i < im->njails; i++) {
		j = &im->jails[i];
		for (k = 0; k < j->nactions; k++)
			if (j->actions[k].native && (v = ini_opts_get(
			    &j->actions[k].opts, key)) != NULL)
				return v;
	}
	return "";
}

static void
print_bans(const struct import *im, int together)
{
	const char	*chain = native_option(im, "chain");
	char		*list;

	printf("ban {\n");
	if (together && first_jail(im) != NULL) {
		list = ignored(first_jail(im), 1);
		if (*list != '\0')
			printf("\tnever { %s }\n", list);
		free(list);
	}
	printf("\tprefix inet 32 inet6 128\n");
	if (strncasecmp(native_option(im, "blocktype"), "reject", 6) == 0)
		printf("\taction reject\n");
	if (strcmp(chain, "FORWARD") == 0 || strcmp(chain, "DOCKER-USER") == 0)
		printf("\thook forward\n");
	printf("}\n");
}

static void
print_list(char *const *v, size_t n)
{
	size_t	i;

	fputs("{ ", stdout);
	for (i = 0; i < n; i++) {
		fputs(i == 0 ? "" : ", ", stdout);
		import_quote(v[i]);
	}
	fputs(" }", stdout);
}

/* systemd[journalpath="..."], or one [journalfiles="..."]. */
static void
print_place(const struct jail *j)
{
	struct ini_opts	 opts = { 0 };
	const char	*v;
	char		*name, why[256];
	size_t		 i;

	if (strncmp(jail_get(j, "backend"), "systemd", 7) != 0)
		return;
	name = f2b_split(jail_get(j, "backend"), &opts, why, sizeof(why));
	if (name != NULL && (v = ini_opts_get(&opts, "journalpath")) != NULL) {
		fputs(" directory ", stdout);
		import_quote(v);
	} else if (name != NULL &&
	    (v = ini_opts_get(&opts, "journalfiles")) != NULL &&
	    strpbrk(v, "*?[ ,") == NULL) {
		fputs(" file ", stdout);
		import_quote(v);
	}
	for (i = 0; i < opts.n; i++)
		if (strcmp(opts.v[i].name, "journalpath") != 0)
			warnx("%s: backend option %s: look at its source",
			    j->name, opts.v[i].name);
	ini_opts_free(&opts);
	free(name);
}

static void
print_journal(const struct jail *j)
{
	fputs("\tsource journal", stdout);
	if (j->f2b.njournal > 0) {
		putchar(' ');
		print_list(j->f2b.journal, j->f2b.njournal);
	}
	print_place(j);
	putchar('\n');
}

static void
print_files(const struct jail *j)
{
	const char	*list = jail_get(j, "logpath");
	char		*copy = text_dup(list, strlen(list)), *p = copy, *line;

	fputs("\tsource file", stdout);
	while ((line = strsep(&p, "\n")) != NULL) {
		line[strcspn(line, " ")] = '\0';
		if (*line == '/') {
			putchar(' ');
			import_quote(line);
		} else if (*line != '\0')
			warnx("%s: logpath %s is not absolute: it is left out",
			    j->name, line);
	}
	putchar('\n');
	free(copy);
}

static void
print_sources(const struct jail *j)
{
	if (j->journal && strncmp(jail_get(j, "backend"), "systemd", 7) != 0)
		import_note(j, "no file of its logpath is there: the journal, "
		    "as the filter's journalmatch says");
	if (j->journal)
		print_journal(j);
	else
		print_files(j);
}

/* mode=normal is what most filters are without it. */
static int
is_default_mode(const struct import *im, const struct jail *j)
{
	struct f2b_args	  args = { .name = j->filter, .dir = im->dir };
	struct f2b_filter f;
	char		  why[INI_WHY_LEN];
	size_t		  i;
	int		  same;

	if (j->given.n != 1 || strcmp(j->given.v[0].name, "mode") != 0)
		return 0;
	same = f2b_load(&args, &f, why, sizeof(why)) == 0 &&
	    f.fail.n == j->f2b.fail.n;
	for (i = 0; same && i < f.fail.n; i++)
		same = strcmp(f.fail.list[i].text, j->f2b.fail.list[i].text)
		    == 0;
	f2b_free(&f);
	return same;
}

static void
print_match(const struct import *im, const struct jail *j)
{
	struct f2b_text	 t = { 0 };
	size_t		 i;

	if (strcmp(im->dir, F2B_DIR) == 0)
		text_str(&t, j->filter);
	else
		text_printf(&t, "%s/filter.d/%s", im->dir, j->filter);
	if (j->given.n > 0 && !is_default_mode(im, j)) {
		for (i = 0; i < j->given.n; i++)
			text_printf(&t, "%s%s=\"%s\"", i == 0 ? "[" : ", ",
			    j->given.v[i].name, j->given.v[i].value);
		text_str(&t, "]");
	}
	fputs("\tmatch fail2ban ", stdout);
	import_quote(t.s);
	putchar('\n');
	text_clear(&t);
}

static void
print_after(const struct jail *j)
{
	const char	*retry = jail_get(j, "maxretry");
	const char	*findtime = jail_get(j, "findtime");
	char		 buf[SPAN_STRLEN];
	span_t		 span = 600000;
	long		 n = 3;

	if (*retry != '\0' && (n = strtol(retry, NULL, 10)) < 1)
		n = 1;
	if (n > AFTER_MAX) {
		import_note(j, "maxretry %s: %d is the most", retry,
		    AFTER_MAX);
		n = AFTER_MAX;
	}
	if (*findtime != '\0' && import_span(&span, findtime) == -1)
		import_note(j, "findtime %s is not understood: 10 minutes",
		    findtime);
	if (span > FINDTIME_MAX) {
		import_note(j, "findtime %s: a year is the most", findtime);
		span = FINDTIME_MAX;
	}
	if (span < FINDTIME_MIN)
		span = FINDTIME_MIN;
	printf("\tafter %ld match%s within %s\n", n, n == 1 ? "" : "es",
	    span_print(span, buf));
}

/* "UTC+0200" and the like. */
static void
print_zone(const struct jail *j)
{
	const char	*zone = jail_get(j, "logtimezone"), *sign;
	int		 h, m = 0;

	if (*zone == '\0')
		return;
	sign = strpbrk(zone, "+-");
	if (sign != NULL && (sscanf(sign + 1, "%2d:%2d", &h, &m) == 2 ||
	    sscanf(sign + 1, "%2d%2d", &h, &m) >= 1))
		printf("\tzone \"%c%02d:%02d\"\n", *sign, h, m);
	else if (strcmp(zone, "UTC") == 0 || strcmp(zone, "GMT") == 0 ||
	    strcmp(zone, "Z") == 0)
		printf("\tzone \"UTC\"\n");
	else
		import_note(j, "logtimezone %s: say a zone here", zone);
}

/* What stays behind. */
static void
print_notes(const struct jail *j)
{
	const char	*dns = jail_get(j, "usedns");
	const char	*code = jail_get(j, "logencoding");

	if (*jail_get(j, "ignorecommand") != '\0') {
		import_note(j, "ignorecommand: no command decides here whom to "
		    "count, so nobody is banned: see exempt");
		printf("\tdry run\n");
	}
	if (strcasecmp(dns, "yes") == 0 || strcasecmp(dns, "raw") == 0)
		import_note(j, "usedns %s: <HOST> is an address, names are not "
		    "looked up", dns);
	if (*code != '\0' && strcasecmp(code, "auto") != 0 &&
	    strcasecmp(code, "utf-8") != 0 && strcasecmp(code, "ascii") != 0)
		import_note(j, "logencoding %s: lines are bytes", code);
	if (strstr(jail_get(j, "logpath"), "/fail2ban.log") != NULL)
		import_note(j, "its log is fail2ban's own, which ends with it: "
		    "\"growing together\" bans those longer who come back");
	if (strcmp(jail_get(j, "maxmatches"), jail_get(j, "maxretry")) != 0)
		import_note(j, "maxmatches: the last lines are kept, see "
		    "ledger");
}

/* The first jail that ignores the same, from 1; 0: it ignores nobody. */
static size_t
ignore_number(const struct import *im, const struct jail *j)
{
	char	*list = ignored(j, 0), *other;
	size_t	 i, n = 0;

	for (i = 0; n == 0 && *list != '\0' && i < im->njails; i++) {
		if (im->jails[i].bad)
			continue;
		other = ignored(&im->jails[i], 0);
		if (strcmp(list, other) == 0)
			n = i + 1;
		free(other);
	}
	free(list);
	return n;
}

/* A table, because `self` stands in tables only. */
static void
print_exempt(const struct import *im, const struct jail *j)
{
	size_t	n = ignore_number(im, j);

	free(ignored(j, 1));
	if (n > 0)
		printf("\texempt <ignore-%zu>\n", n);
}

static void
print_watch(const struct import *im, const struct jail *j, int together)
{
	printf("\nwatch ");
	import_quote(j->name);
	printf(" {\n");
	print_notes(j);
	print_sources(j);
	print_match(im, j);
	print_zone(j);
	if (!together)
		print_exempt(im, j);
	printf("\tgroup inet 32 inet6 128\n");
	print_after(j);
	import_ban(j);
	import_runs(j);
	printf("}\n");
}

static void
print_tables(const struct import *im)
{
	char	*list;
	size_t	 i;

	for (i = 0; i < im->njails; i++) {
		if (im->jails[i].bad ||
		    ignore_number(im, &im->jails[i]) != i + 1)
			continue;
		list = ignored(&im->jails[i], 0);
		printf("table <ignore-%zu> { %s }\n", i + 1, list);
		free(list);
	}
}

static void
print_all(struct import *im)
{
	int	together = ignored_together(im);
	size_t	i;

	printf("# The enabled jails of %s, by refractctl import fail2ban.\n"
	    "# <HOST> is an address here: names are not looked up.  What "
	    "counts and what is\n# banned are single addresses; \"inet6 64\" "
	    "in their stead would be networks.\n\n",
	    im->dir);
	if (!together)
		print_tables(im);
	print_bans(im, together);
	for (i = 0; i < im->njails; i++) {
		if (!im->jails[i].bad) {
			print_watch(im, &im->jails[i], together);
			continue;
		}
		printf("\n");
		import_note(&im->jails[i], "jail %s is left out: %s",
		    im->jails[i].name, im->jails[i].why);
		im->failed = 1;
	}
	if (im->njails == 0)
		import_note(NULL, "no jail is enabled");
}

int
import_fail2ban(const char *dir)
{
	static char	path[PATH_MAX];
	struct import	im = { .dir = dir == NULL ? F2B_DIR : dir };

	/* What is printed names files below it. */
	if (*im.dir != '/' && (im.dir = realpath(dir, path)) == NULL)
		err(1, "%s", dir);
	if (jails_read(&im) == -1) {
		warnx("%s", im.ini.why);
		im.failed = 1;
	} else
		print_all(&im);
	jails_free(&im);
	if (fflush(stdout) == EOF || ferror(stdout))
		err(1, "standard output");
	return im.failed;
}

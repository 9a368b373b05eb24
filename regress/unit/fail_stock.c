/* LINK: refract-parser/line.o refract-parser/line_new.o */
/* LINK: refract-parser/count.o refract-parser/evidence.o */
/* LINK: refract-parser/fail.o refract-parser/fail_pending.o */
/* LINK: refract-parser/fail_window.o refract-parser/json.o */
/* LINK: refract-parser/pattern.o refract-parser/literal.o */
/* LINK: refract-parser/litset.o refract-parser/finder.o */
/* LINK: refract-parser/date.o refract-parser/datefield.o */
/* LINK: refract-parser/dateform.o refract-parser/datemoment.o */
/* LINK: refract-parser/dateform_name.o */
/* LINK: refract-parser/datepattern.o refract-parser/zone.o */
/* LINK: refract-parser/logtime.o refract-parser/trace.o */
/* LINK: refract-parser/users.o refract-parser/slab.o */
/* LINK: refract-parser/siphash.o refract-parser/text.o */
/* LINK: refractd/f2b.o refractd/f2b_filter.o refractd/f2b_ini.o */
/* LINK: refractd/f2b_parse.o refractd/f2b_read.o refractd/f2b_expand.o */
/* LINK: refractd/f2b_regex.o refractd/f2b_text.o */
/* LIBS: -lpcre2-8 */
/*
 * Every filter of the installed fail2ban over the annotated logs of its own
 * tests, line by line as the parser does it: what matches, who, which user,
 * when.  fail_stock.py says what is expected.
 */
#include <sys/wait.h>

#include <err.h>
#include <unistd.h>

#include "fail_stock.h"

#define PYTHON	"/usr/bin/python3"
#define TZFILE	"/usr/share/zoneinfo/Europe/Zurich"
#define FORMS	200
#define ABSENT	"-"			/* not said */

/* A filter with its options, as a watch. */
struct form {
	char		*filter, *number;
	struct conf	*conf;
	struct watch	 watch;
};

/* A record of the script's. */
struct said {
	const char	*filter, *form, *where, *bare, *kind, *match, *time;
	const char	*host, *user, *users, *attempts, *dns;
	char		*line;
};

static struct form	forms[FORMS];
static unsigned int	nforms;
static char		*script, *dir;
static char		*answer;
static size_t		 answer_len;
static struct zone	*zone;

static struct {
	unsigned int	filters, said, bare, judged, matches, hosts, users;
	unsigned int	times, wrong;
} sum;

/* What came of the line. */
static struct {
	unsigned int	n, lines;
	struct prefix	addr;
	logtime_t	at;
	char		key[256], user[256], users[256], dns[256];
	int		has_user, has_dns;
} got;

static int
copy_value(const struct match *m, const char *name, char buf[256])
{
	unsigned int	i;

	buf[0] = '\0';
	for (i = 0; i < m->nvalues; i++)
		if (strcmp(m->values[i].name, name) == 0) {
			snprintf(buf, 256, "%.*s", (int)m->values[i].n,
			    m->values[i].p);
			return 1;
		}
	return 0;
}

int
decide(const struct offence *o)
{
	const struct match	*m = o->match;

	got.n++;
	got.at = o->at;
	got.addr = m->addr;
	got.lines = m->lines;
	snprintf(got.key, sizeof(got.key), "%.*s", (int)o->name_len, o->name);
	got.has_user = copy_value(m, "user", got.user);
	got.has_dns = copy_value(m, "dns", got.dns);
	(void)copy_value(m, "users", got.users);
	return 1;
}

/* As fail2ban's tests have it: hosts may be names, which are not resolved. */
static void
add_form(char *filter, char *number, const char *path, const char *options)
{
	struct form		*form = &forms[nforms++];
	struct conf_watch	*cw;
	struct f2b_filter	 f;
	struct f2b_args		 args = { .name = path };
	char			 why[TEXT_LEN], *all;

	assert_true(nforms < FORMS);
	assert_int_not_equal(asprintf(&all, "%s%susedns=raw", options,
	    *options == '\0' ? "" : ", "), -1);
	args.options = all;
	if (f2b_load(&args, &f, why, sizeof(why)) == -1)
		fail_msg("%s", why);
	form->filter = filter;
	form->number = number;
	form->conf = conf_new();
	cw = new_watch(f.name);
	add_filter(cw, &f);
	TAILQ_INSERT_TAIL(&form->conf->watches, cw, entry);
	form->watch.conf = cw;
	form->watch.number = 1;
	form->watch.hash = watch_hash(filter);
	prefixset_init(&form->watch.exempt);
	if ((form->watch.text = text_new(form->conf, cw, zone, why)) == NULL)
		fail_msg("%s", why);
	f2b_free(&f);
	free(all);
	sum.filters += strcmp(number, "0") == 0;
}

static struct form *
find_form(const struct said *s)
{
	unsigned int	i;

	for (i = nforms; i-- > 0;)
		if (strcmp(forms[i].filter, s->filter) == 0 &&
		    strcmp(forms[i].number, s->form) == 0)
			return &forms[i];
	fail_msg("%s: no form %s", s->filter, s->form);
	return NULL;
}

/* Lines. */

static void __attribute__((__format__(printf, 2, 3)))
wrong(const struct said *s, const char *fmt, ...)
{
	va_list	ap;
	char	what[700];

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	print_message("# %s (form %s), %s: %s\n#   %s\n", s->filter, s->form,
	    s->where, what, s->line);
	sum.wrong++;
}

/* The address, or the name it is when names are not resolved. */
static void
check_who(const struct said *s)
{
	struct prefix	p;
	char		buf[PREFIX_STRLEN];

	if (strcmp(s->host, ABSENT) == 0)
		return;
	sum.hosts++;
	if (addr_parse(&p, s->host, strlen(s->host)) == 0) {
		if (got.addr.family == 0 || prefix_cmp(&p, &got.addr) != 0)
			wrong(s, "found %s, expected %s", got.addr.family ==
			    0 ? got.key : prefix_print(&got.addr, buf),
			    s->host);
	} else if (got.addr.family != 0 || strcmp(s->host, got.key) != 0)
		wrong(s, "found %s, expected name %s", got.key, s->host);
}

static void
check_user(const struct said *s)
{
	char	*copy, *word, *p;

	if (strcmp(s->user, ABSENT) != 0) {
		sum.users++;
		if (!got.has_user || strcmp(got.user, s->user) != 0)
			wrong(s, "found user \"%s\", expected \"%s\"",
			    got.user, s->user);
	}
	if (strcmp(s->dns, ABSENT) != 0 && got.has_dns)
		wrong(s, "found name %s", got.dns);
	if (strcmp(s->users, ABSENT) == 0)
		return;
	sum.users++;
	if (strlen(got.users) != strlen(s->users))
		wrong(s, "found users %s, expected %s", got.users, s->users);
	p = copy = strdup(s->users);
	while ((word = strsep(&p, " ")) != NULL)
		if (strstr(got.users, word) == NULL)
			wrong(s, "found users %s, expected %s", got.users,
			    s->users);
	free(copy);
}

static void
check_found(const struct said *s)
{
	sum.matches++;
	check_who(s);
	check_user(s);
	if (strcmp(s->attempts, ABSENT) != 0 &&
	    got.lines != (unsigned int)atoi(s->attempts))
		wrong(s, "found %u lines, expected %s", got.lines,
		    s->attempts);
	if (strcmp(s->time, ABSENT) == 0)
		return;
	sum.times++;
	/* fail2ban knows no fractions. */
	if (got.at / 1000 != atoll(s->time))
		wrong(s, "found time %lld, expected %s", (long long)got.at,
		    s->time);
}

static void
run_line(struct form *f, const struct said *s)
{
	size_t		n = strlen(s->line);
	struct block	b = {
		.file = (void *)&f->watch, .identity = 1, .name = s->where,
		.p = s->line, .n = n + 1, .live_from = UINT64_MAX, .now = NOW
	};

	if (strcmp(s->kind, "journal") == 0)
		b.at = NOW * 1000;
	memset(&got, 0, sizeof(got));
	s->line[n] = '\n';
	text_lines(&f->watch, &b);
	s->line[n] = '\0';
}

static void
check_line(const struct said *s)
{
	int	expected = strcmp(s->match, "match") == 0;

	run_line(find_form(s), s);
	sum.judged++;
	sum.said += strcmp(s->bare, "said") == 0;
	sum.bare += strcmp(s->bare, "bare") == 0;
	if (got.n > 1 || (got.n == 1) != expected)
		wrong(s, "found %u matches, expected %d", got.n, expected);
	else if (expected)
		check_found(s);
}

/* The script. */

static int
read_answer(int fd)
{
	FILE	*f = fdopen(fd, "r"), *out;
	int	 c;

	assert_non_null(f);
	assert_non_null(out = open_memstream(&answer, &answer_len));
	while ((c = fgetc(f)) != EOF)
		fputc(c, out);
	fclose(out);
	return fclose(f);
}

static int
run_script(const char *what)
{
	int	fds[2], status;
	pid_t	pid;

	assert_int_equal(pipe(fds), 0);
	if ((pid = fork()) == 0) {
		dup2(fds[1], STDOUT_FILENO);
		close(fds[0]);
		close(fds[1]);
		execl(PYTHON, PYTHON, "-B", script, dir, what, NULL);
		_exit(127);
	}
	close(fds[1]);
	read_answer(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static char *
field(char **p)
{
	char	*s = strsep(p, "\x1f");

	if (s == NULL)
		fail_msg("a record of too few fields");
	return s;
}

static void
take_record(char *p)
{
	struct said	 s;
	char		*kind = field(&p), *number, *path;

	if (strcmp(kind, "untested") == 0) {
		print_message("# %s has no sample log\n", field(&p));
		return;
	}
	s.filter = field(&p);
	if (strcmp(kind, "filter") == 0) {
		number = field(&p);
		path = field(&p);
		add_form((char *)(uintptr_t)s.filter, number, path, field(&p));
		return;
	}
	s.form = field(&p);
	s.where = field(&p);
	s.bare = field(&p);
	s.kind = field(&p);
	s.match = field(&p);
	s.time = field(&p);
	s.host = field(&p);
	s.user = field(&p);
	s.users = field(&p);
	s.attempts = field(&p);
	s.dns = field(&p);
	s.line = p;
	check_line(&s);
}

static void
read_zone(void)
{
	static uint8_t	buf[ZONE_MAX_LEN];
	FILE		*f = fopen(TZFILE, "r");
	size_t		 n;
	char		 why[TEXT_LEN];

	if (f == NULL) {
		print_message("no time zones are installed\n");
		skip();
	}
	n = fread(buf, 1, sizeof(buf), f);
	fclose(f);
	if ((zone = zone_new("Europe/Zurich", buf, n, why)) == NULL)
		fail_msg("%s", why);
}

static void
remove_dir(void)
{
	char	*command;

	if (asprintf(&command, "rm -r '%s'", dir) == -1 ||
	    system(command) != 0)
		warnx("%s stays", dir);
	free(command);
}

/* All that the script says, what is wrong told line by line. */
static void
run(const char *what)
{
	char	*p, *next;

	if (access(PYTHON, X_OK) == -1 ||
	    access(F2B_DIR "/filter.d/sshd.conf", R_OK) == -1) {
		print_message("fail2ban is not installed\n");
		skip();
	}
	memset(&sum, 0, sizeof(sum));
	read_zone();
	assert_int_equal(users_init(1000), 0);
	assert_int_equal(run_script(what), 0);
	for (p = answer; p < answer + answer_len; p = next) {
		next = p + strlen(p) + 1;
		take_record(p);
	}
	print_message("# %u filters in %u forms; %u annotated lines, %u bare "
	    "ones: %u expectations, %u matches, %u hosts, %u users, %u "
	    "times\n", sum.filters, nforms, sum.said, sum.bare, sum.judged,
	    sum.matches, sum.hosts, sum.users, sum.times);
	assert_int_equal(sum.wrong + nwarned, 0);
}

static void
samples(void **state)
{
	(void)state;
	run(NULL);
	assert_true(sum.filters >= 90);
	assert_true(sum.said >= 1067);
	assert_true(sum.bare >= 18);
}

/* What is a filter's business and what is not. */
static void
crossed(void **state)
{
	(void)state;
	run("all");
	assert_true(sum.filters >= 80);
	assert_true(sum.judged >= 80 * 1067);
}

static int
teardown(void **state)
{
	(void)state;
	while (nforms > 0) {
		nforms--;
		text_free(forms[nforms].watch.text);
		conf_free(forms[nforms].conf);
		memset(&forms[nforms], 0, sizeof(forms[nforms]));
	}
	zone_free(zone);
	users_clear();
	free(answer);
	answer = NULL;
	zone = NULL;
	return 0;
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(samples, teardown),
		cmocka_unit_test_teardown(crossed, teardown)
	};
	int	 status;
	char	*self = realpath(argv[0], NULL), *at;

	(void)argc;
	/* obj/regress/unit/fail_stock -> regress/unit/fail_stock.py */
	if (self == NULL || (at = strstr(self, "/regress/unit/")) == NULL)
		return 1;
	*at = '\0';
	if (asprintf(&script, "%s/../regress/unit/fail_stock.py", self) == -1)
		return 1;
	free(self);
	if ((dir = strdup("/tmp/refract-unit.XXXXXX")) == NULL ||
	    mkdtemp(dir) == NULL)
		return 1;
	cmocka_set_message_output(CM_OUTPUT_TAP);
	status = cmocka_run_group_tests(tests, NULL, NULL);
	remove_dir();
	return status;
}

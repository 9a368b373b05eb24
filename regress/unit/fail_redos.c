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
 * Lines that are made to be slow: those of fail2ban's own tests, padded at
 * their gaps up to the longest that a regex sees, against all of the installed
 * fail2ban's filters in one watch.  What gives up is counted and told, and
 * honest lines between them are found all the same, one by one, in their
 * order.  Time is printed, and judged by nobody.
 */
#include <glob.h>
#include <time.h>
#include <unistd.h>

#include "fail_stock.h"
#include "line_text.h"
#include "pattern.h"

#define FILTERS	F2B_DIR "/filter.d/*.conf"
#define SAMPLES	"/usr/lib/python3/dist-packages/fail2ban/tests/files/logs/*"
#define LINE	(PATTERN_LINE_MAX - 100)
#define GAPS	2		/* of each line: its last, and one before */

static struct watch	 watch;
static char		 line[PATTERN_LINE_MAX];
static unsigned int	 honest;	/* lines that were found */
static unsigned int	 expected, padded;
static double		 worst;

/* Who is honest comes from 203.0.113.0/24, in order. */
int
decide(const struct offence *o)
{
	const uint8_t	*a = o->match->addr.addr;

	if (a[0] != 203 || a[2] != 113)
		return 1;
	assert_int_equal(a[3], expected % 256);
	honest++;
	return 1;
}

static double
cpu(void)
{
	struct timespec	ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

/* line[n] is there for the newline. */
static void
say(size_t n)
{
	struct block	b = {
		.file = (void *)&watch, .identity = 1, .name = "log",
		.p = line, .n = n + 1, .live_from = UINT64_MAX, .now = NOW
	};
	double		began = cpu(), took;

	line[n] = '\n';
	text_lines(&watch, &b);
	took = cpu() - began;
	if (took > worst)
		worst = took;
}

static void
say_honest(void)
{
	expected++;
	say((size_t)snprintf(line, sizeof(line), "Aug 14 11:59:58 host "
	    "sshd[%u]: Failed password for root from 203.0.113.%u port 22 "
	    "ssh2", expected, expected % 256));
	assert_int_equal(honest, expected);
}

/* So much of a text again and again before a gap. */
static void
say_padded(const char *s, size_t n, size_t gap, const char *pad)
{
	size_t	len = strlen(pad), used = gap;

	memcpy(line, s, gap);
	for (; used + len + n - gap < LINE; used += len)
		memcpy(line + used, pad, len);
	memcpy(line + used, s + gap, n - gap);
	say(used + n - gap);
	padded++;
}

static void
pad_line(const char *s, size_t n)
{
	static const char *const	pads[] = { " ", "a ", " 1.2.3.4:" };
	size_t				 i, gap = n;
	int				 k;

	for (k = 0; k < GAPS && gap > 0; k++) {
		for (gap--; gap > 0 && s[gap] != ' '; gap--)
			;
		for (i = 0; i < sizeof(pads) / sizeof(pads[0]); i++)
			say_padded(s, n, gap, pads[i]);
		gap /= 2;
	}
	say_honest();
}

static void
load(void)
{
	struct conf_watch	*cw = new_watch("all");
	struct f2b_filter	 f;
	struct f2b_args		 args;
	struct conf		*conf = conf_new();
	char			 why[TEXT_LEN];
	glob_t			 g;
	size_t			 i;

	assert_int_equal(glob(FILTERS, 0, NULL, &g), 0);
	for (i = 0; i < g.gl_pathc; i++) {
		memset(&args, 0, sizeof(args));
		args.name = g.gl_pathv[i];
		/* What others include has no regexes of its own. */
		if (f2b_load(&args, &f, why, sizeof(why)) == 0)
			add_filter(cw, &f);
		f2b_free(&f);
	}
	globfree(&g);
	TAILQ_INSERT_TAIL(&conf->watches, cw, entry);
	watch.conf = cw;
	watch.number = 1;
	prefixset_init(&watch.exempt);
	watch.zone = zone_new("UTC", NULL, 0, why);
	if ((watch.text = text_new(conf, cw, watch.zone, why)) == NULL)
		fail_msg("%s", why);
}

static void
read_samples(void)
{
	char	*s = NULL;
	size_t	 room = 0, i;
	ssize_t	 n;
	glob_t	 g;
	FILE	*f;

	assert_int_equal(glob(SAMPLES, 0, NULL, &g), 0);
	for (i = 0; i < g.gl_pathc; i++) {
		if ((f = fopen(g.gl_pathv[i], "r")) == NULL)
			continue;
		while ((n = getline(&s, &room, f)) != -1)
			if (n > 1 && *s != '#' && n < 1000)
				pad_line(s, (size_t)n - 1);
		fclose(f);
	}
	globfree(&g);
	free(s);
}

static void
redos(void **state)
{
	const struct pattern_stats	*s;
	unsigned long			 limits = 0;
	unsigned int			 bad = 0, named = 0;
	size_t				 i, n;

	(void)state;
	if (access(F2B_DIR "/filter.d/sshd.conf", R_OK) == -1) {
		print_message("fail2ban is not installed\n");
		skip();
	}
	assert_int_equal(users_init(1000), 0);
	load();
	read_samples();
	n = patterns_count(watch.text->patterns);
	for (i = 0; i < n; i++) {
		s = pattern_stats(watch.text->patterns, i);
		assert_true(s->limits <= s->tried);
		limits += s->limits;
		bad += s->limits > 0;
		named += s->limits >= PATTERN_BAD;
	}
	print_message("# %u padded lines of %d bytes, %zu regexes: %u of them "
	    "gave up, %lu times; the worst line took %.1f ms; %u honest lines "
	    "found of %u\n", padded, LINE, n, bad, limits, worst, honest,
	    expected);
	assert_true(padded > 3000);
	assert_true(bad > 0 && bad < n / 4);
	assert_int_equal(watch.stats.limits, limits);
	assert_int_equal(nwarned, named);
	assert_int_equal(honest, expected);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(redos) };

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

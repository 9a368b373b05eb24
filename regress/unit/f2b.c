/*
 * fail2ban's filters: the ini files and their interpolations, the regexes and
 * their translation, and what each error says.
 */
/* LINK: refractd/f2b.o refractd/f2b_filter.o refractd/f2b_ini.o */
/* LINK: refractd/f2b_parse.o refractd/f2b_read.o refractd/f2b_expand.o */
/* LINK: refractd/f2b_regex.o refractd/f2b_text.o */
#include <sys/stat.h>

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "conf.h"
#include "f2b.h"
#include "f2b_filter.h"
#include "f2b_regex.h"

#define ADDR	"\\[?(?:(?:::f{4,6}:)?(?P<ip4>\\d{1,3}(?:\\.\\d{1,3}){3})|" \
		"(?P<ip6>(?:[\\da-fA-F]{1,4}::?|::){1,7}" \
		"(?:[\\da-fA-F]{1,4}|(?<=:):)))\\]?"
#define DEF	"[Definition]\n"

static char			dir[] = "/tmp/refract-f2b-XXXXXX";
static struct f2b_filter	filter;
static char			why[512];

static void
write_file(const char *name, const char *text)
{
	char	 path[256];
	FILE	*f;

	snprintf(path, sizeof(path), "%s/filter.d/%s", dir, name);
	assert_non_null(f = fopen(path, "w"));
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static int
load(const char *name, const char *mode, const char *options, int journal)
{
	struct f2b_args	a = { name, mode, options, dir, journal };

	f2b_free(&filter);
	*why = '\0';
	return f2b_load(&a, &filter, why, sizeof(why));
}

/* A filter of one file. */
static void
good(const char *text, const char *options)
{
	write_file("t.conf", text);
	if (load("t", NULL, options, 0) == -1)
		fail_msg("%s", why);
}

/* What is said, without the directory. */
static void
bad(const char *text, const char *options, const char *expected)
{
	char	at[64];

	write_file("t.conf", text);
	assert_int_equal(load("t", NULL, options, 0), -1);
	snprintf(at, sizeof(at), "%s/filter.d/", dir);
	assert_string_equal(strncmp(why, at, strlen(at)) == 0 ?
	    why + strlen(at) : why, expected);
	assert_int_equal(filter.fail.n, 0);
	assert_null(filter.name);
	assert_true(filter.nfiles > 0);
}

static void
is(const struct f2b_regexes *list, size_t i, const char *text,
    const char *where)
{
	assert_true(i < list->n);
	assert_string_equal(list->list[i].text, text);
	assert_string_equal(list->list[i].where + strlen(dir) + 10, where);
}

static void
syntax(void **state)
{
	(void)state;
	good("# a comment\n; another\n\n"
	    DEF
	    "Word: two  \n"
	    "failregex = ^a %(word)s <ADDR>$  ; not this\n"
	    "   # nor this\n"
	    "\n"
	    "\t^b;c # d <ADDR>\r\n"
	    "  ; this neither\n"
	    "\t[x] = <ADDR>\n"
	    "\n\n"
	    "ignoreregex =\n"
	    "other = 100%%\n", NULL);
	assert_int_equal(filter.fail.n, 3);
	is(&filter.fail, 0, "^a two " ADDR "$", "t.conf:6");
	is(&filter.fail, 1, "^b;c # d " ADDR, "t.conf:9");
	is(&filter.fail, 2, "[x] = " ADDR, "t.conf:11");
	assert_int_equal(filter.ignore.n, 0);
	assert_int_equal(filter.prefix.n, 0);
	assert_int_equal(filter.maxlines, 1);
	assert_int_equal(filter.usedns, F2B_DNS_NO);
	assert_string_equal(filter.name, "t");
}

static void
includes(void **state)
{
	(void)state;
	write_file("base.conf", "[INCLUDES]\nbefore = deep/low.conf\n"
	    "[DEFAULT]\na = base\nb = base\n[Definition]\nx = base-x\n");
	write_file("base.local", "[DEFAULT]\nb = base-local\n");
	write_file("deep/low.conf", "[INCLUDES]\nafter = ../last.conf\n"
	    "[DEFAULT]\na = low\nlow = low\n");
	write_file("last.conf", "[DEFAULT]\nlow = last\n");
	write_file("i.conf", "[INCLUDES]\nbefore = base.conf\n"
	    "  missing.conf\nafter = after.conf\n[DEFAULT]\nc = i\n" DEF
	    "x = %(known/x)s+i\n"
	    "failregex = %(a)s %(b)s %(c)s %(low)s %(x)s %(y)s <ADDR>\n"
	    "y = 1\n");
	write_file("after.conf", DEF "y = 2\n");
	write_file("i.local", DEF "y = %(known/y)s3\n");
	write_file("i.d/a.conf", DEF "z = a\n");
	write_file("i.d/b.conf", DEF "z = b\nignoreregex = %(z)s\n");
	write_file("i.d/a.local", DEF "z = local\n");
	if (load("i", NULL, NULL, 0) == -1)
		fail_msg("%s", why);
	is(&filter.fail, 0, "base base-local i last base-x+i 23 " ADDR,
	    "i.conf:9");
	is(&filter.ignore, 0, "local", "i.d/a.local:2");
}

/* A file that includes itself, by way of another, is read all the same. */
static void
loops(void **state)
{
	(void)state;
	write_file("l.conf", "[INCLUDES]\nbefore = m.conf\n" DEF
	    "failregex = %(v)s <ADDR>\n");
	write_file("m.conf", "[INCLUDES]\nbefore = l.conf\n[DEFAULT]\nv = m\n");
	if (load("l", NULL, NULL, 0) == -1)
		fail_msg("%s", why);
	is(&filter.fail, 0, "m " ADDR, "l.conf:4");
}

static void
percent(void **state)
{
	(void)state;
	good("[DEFAULT]\nd = D\nsec = wrong\n"
	    "[other]\nq = Q%(d)s\nsec = %(d)s\n"
	    DEF "e = %(d)sE\n"
	    "failregex = %(e)s %(other/q)s %(other/sec)s %(default/d)s "
	    "%(known/d)s %(__name__)s 5%% <ADDR>\n", NULL);
	is(&filter.fail, 0, "DE QD D D D Definition 5% " ADDR, "t.conf:9");
	/* What is given wins over what the file says. */
	good("[DEFAULT]\nd = D\n" DEF "failregex = %(d)s <d> <ADDR>\n",
	    "d=\"G\"");
	is(&filter.fail, 0, "G G " ADDR, "t.conf:4");
	assert_string_equal(filter.name, "t[d=G]");
}

static void
tags(void **state)
{
	static const char text[] = "[DEFAULT]\nlogging = file\n"
	    "pre-file = F\npre-syslog = S\n" DEF
	    "prefix = <pre-<logging>>\n"
	    "mode = normal\n"
	    "re-normal = ^n <ADDR>\n"
	    "re-extra = ^x1 <ADDR>\n\t^x2 <ADDR>\n"
	    "re-all = <re-normal>\n\t<re-extra>\n"
	    "failregex = <re-<mode>>\n\t<prefix> <unknown> <ADDR>\n"
	    "[Init]\nq = init\n";

	(void)state;
	good(text, NULL);
	assert_int_equal(filter.fail.n, 2);
	is(&filter.fail, 0, "^n " ADDR, "t.conf:8");
	is(&filter.fail, 1, "F <unknown> " ADDR, "t.conf:14");
	good(text, "mode=all, logging='syslog'");
	assert_int_equal(filter.fail.n, 4);
	is(&filter.fail, 1, "^x1 " ADDR, "t.conf:9");
	is(&filter.fail, 2, "^x2 " ADDR, "t.conf:10");
	is(&filter.fail, 3, "S <unknown> " ADDR, "t.conf:14");
	assert_int_equal(load("t", "extra", NULL, 0), 0);
	assert_int_equal(filter.fail.n, 3);
	assert_string_equal(filter.name, "t[mode=extra]");
	assert_int_equal(load("t[mode=normal]", "extra", NULL, 0), 0);
	assert_string_equal(filter.name, "t[mode=extra]");
	good(DEF "failregex = <q> <known/q> <x?family=inet6> <ADDR>\n"
	    "[Init]\nq = init\nx = 4\n[Init?family=inet6]\nx = 6\n",
	    "q=\"mine, really\"");
	is(&filter.fail, 0, "mine, really init 6 " ADDR, "t.conf:2");
	assert_string_equal(filter.name, "t[q=\"mine, really\"]");
}

/* Where the lines come from, unless it is said. */
static void
logtype(void **state)
{
	static const char text[] = "[DEFAULT]\nlogtype = ignored\n"
	    DEF "failregex = <lt_<logtype>/p> <ADDR>\n"
	    "[lt_file]\np = F\n[lt_journal]\np = J\n[lt_x]\np = X\n";

	(void)state;
	good(text, NULL);
	is(&filter.fail, 0, "F " ADDR, "t.conf:4");
	assert_int_equal(load("t", NULL, NULL, 1), 0);
	is(&filter.fail, 0, "J " ADDR, "t.conf:4");
	assert_int_equal(load("t", NULL, "logtype=x", 1), 0);
	is(&filter.fail, 0, "X " ADDR, "t.conf:4");
	good(DEF "logtype = x\nfailregex = <logtype> <ADDR>\n", NULL);
	is(&filter.fail, 0, "x " ADDR, "t.conf:3");
}

static void
all_parts(void **state)
{
	char	path[128];

	(void)state;
	good(DEF "prefregex = ^<F-MLFID>\\S+</F-MLFID> <F-CONTENT>.+"
	    "</F-CONTENT>$\n"
	    "failregex = ^<HOST> a<SKIPLINES>b<SKIPLINES>c\n\tx\n"
	    "ignoreregex = one\n\ttwo\n"
	    "datepattern = {^LN-BEG}%%Y\n\n  EPOCH\n"
	    "maxlines = 10\nusedns = Warn\n"
	    "journalmatch = _A=1\f \"_B=two words\" + _C=3\n"
	    "\t_D=4\\ 5\n", NULL);
	is(&filter.prefix, 0, "^(?P<mlfid>\\S+) (?P<content>.+)$",
	    "t.conf:2");
	is(&filter.fail, 0, "(?m)^(?:" ADDR "|(?P<dns>[\\w.^-]*\\w)) a"
	    "\\n(?P<skiplines0>(?:(?:.*\\n)*?))b"
	    "\\n(?P<skiplines1>(?:(?:.*\\n)*?))c", "t.conf:3");
	is(&filter.fail, 1, "(?m)x", "t.conf:4");
	is(&filter.ignore, 1, "two", "t.conf:6");
	assert_int_equal(filter.dates.n, 2);
	is(&filter.dates, 0, "{^LN-BEG}%Y", "t.conf:7");
	is(&filter.dates, 1, "EPOCH", "t.conf:9");
	assert_int_equal(filter.maxlines, 10);
	assert_int_equal(filter.usedns, F2B_DNS_WARN);
	assert_int_equal(filter.njournal, 6);
	assert_string_equal(filter.journal[1], "_B=two words");
	assert_string_equal(filter.journal[2], "+");
	assert_string_equal(filter.journal[4], "+");
	assert_string_equal(filter.journal[5], "_D=4 5");
	/* By its path, and options in the stead of what it has. */
	snprintf(path, sizeof(path), "%s/filter.d/t.conf[usedns=no]", dir);
	assert_int_equal(load(path, NULL, "maxlines=1, failregex='^<HOST>\n"
	    "<F-ID>a</F-ID>'", 0), 0);
	assert_int_equal(filter.fail.n, 2);
	assert_string_equal(filter.fail.list[0].text, "^" ADDR);
	assert_string_equal(filter.fail.list[0].where, filter.name);
	assert_string_equal(filter.fail.list[1].text, "(?P<fid>a)");
}

static void
errors(void **state)
{
	char	text[8192];
	int	i, n;

	(void)state;
	bad("a = b\n", NULL, "t.conf:1: found \"a = b\", expected a [section] "
	    "first");
	bad(DEF "nothing\n", NULL, "t.conf:2: found \"nothing\", expected "
	    "[section], name = value or a comment");
	bad(DEF "= b\n", NULL, "t.conf:2: found \"= b\", expected [section], "
	    "name = value or a comment");
	bad(DEF "a = 1\nA = 2\n", NULL, "t.conf:3: found a again in "
	    "[Definition], expected it once");
	bad("[a]\n[b]\n[a]\n", NULL, "t.conf:3: found section [a] again, "
	    "expected it once");
	bad(DEF "a = \001\n", NULL, "t.conf:2: found the control character "
	    "0x01, expected text");
	bad("[x]\na=1\n", NULL, "filter t: found no [Definition]");
	bad(DEF "a = 1\n", NULL, "filter t: found no failregex");
	bad(DEF "failregex = %(a)s\na = %(failregex)s\n", NULL,
	    "t.conf:2: found %()s in %()s deeper than 10: it interpolates "
	    "into itself");
	bad(DEF "a = 1\nfailregex = x %(nope)s <ADDR>\n", NULL,
	    "t.conf:3: found %(nope)s, which is not set in [Definition] or "
	    "[DEFAULT]");
	bad(DEF "failregex = 100% <ADDR>\n", NULL, "t.conf:2: found \"%\", "
	    "expected \"%%\" or \"%(\" (in the text that ends \"% <ADDR>\")");
	bad(DEF "failregex = %(a <ADDR>\n", NULL,
	    "t.conf:2: found \"%(\" without \")s\" after a name");
	bad(DEF "failregex = <failregex> <ADDR>\n", NULL, "t.conf:2: found "
	    "<failregex> in failregex: it interpolates into itself");
	bad(DEF "failregex = <a> <ADDR>\n[Init]\na = <b>x\nb = <a>y\n", NULL,
	    "t.conf:2: found <a> more than 25 times in failregex: it "
	    "interpolates into itself");
	bad(DEF "failregex = a\n", NULL, "t.conf:2: found a failregex that "
	    "does not say who failed, expected <HOST>, <ADDR> or another of "
	    "them");
	bad(DEF "failregex = <ADDR>\n\t<ADDR> (?<x>)\n", NULL,
	    "t.conf:3: found \"(?<\", expected \"=\" or \"!\" after it (in "
	    "\"<ADDR> (?<x>)\")");
	bad(DEF "failregex = <ADDR>\nmaxlines = 0\n", NULL, "t.conf:3: found "
	    "maxlines that is too small, expected 1 to 1000");
	bad(DEF "failregex = <ADDR>\nusedns = maybe\n", NULL, "t.conf:3: found "
	    "another usedns, expected yes, warn, no or raw");
	bad(DEF "failregex = <ADDR>\njournalmatch = \"a\n", NULL, "t.conf:3: "
	    "found a quote that is not closed in journalmatch");
	/* Each twice the one before: a text of 2^20 bytes and more. */
	n = snprintf(text, sizeof(text), DEF "failregex = <a19> <ADDR>\n"
	    "a0 = xxxxxxxxxxxxxxxx\n");
	for (i = 1; i < 20; i++)
		n += snprintf(text + n, sizeof(text) - n,
		    "a%d = <a%d><a%d>\n", i, i - 1, i - 1);
	write_file("t.conf", text);
	assert_int_equal(load("t", NULL, NULL, 0), -1);
	assert_non_null(strstr(why, "found a value that interpolates to more "
	    "than 262144 bytes"));
}

static void
bad_args(void **state)
{
	(void)state;
	write_file("t.conf", DEF "failregex = <ADDR>\n");
	assert_int_equal(load("t", NULL, "a", 0), -1);
	assert_string_equal(why, "filter t: found \"a\", expected option = "
	    "value");
	assert_int_equal(load("t", NULL, "a=\"b\"c", 0), -1);
	assert_string_equal(why, "filter t: found \"c\" after option a, "
	    "expected a comma");
	assert_int_equal(load("t[a=b", NULL, NULL, 0), -1);
	assert_string_equal(why, "filter : found \"t[a=b\", expected name or "
	    "name[option=value]");
	assert_int_equal(load("none", NULL, NULL, 0), -1);
	assert_non_null(strstr(why, "filter.d/none.conf: No such file"));
	assert_int_equal(load("t[a=1][b=2,c='x,y'] ", NULL, NULL, 0), 0);
	assert_string_equal(filter.name, "t[a=1, b=2, c=\"x,y\"]");
}

/* Files that others could have written, or that are none. */
static void
bad_files(void **state)
{
	char	path[128], text[64];
	int	i;

	(void)state;
	write_file("t.conf", DEF "failregex = <ADDR>\n");
	snprintf(path, sizeof(path), "%s/filter.d/t.conf", dir);
	assert_int_equal(chmod(path, 0666), 0);
	assert_int_equal(load("t", NULL, NULL, 0), -1);
	assert_non_null(strstr(why, "t.conf: found mode 0666 of user"));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0755), 0);
	assert_int_equal(load("t", NULL, NULL, 0), -1);
	assert_non_null(strstr(why, "expected a regular file"));
	assert_int_equal(rmdir(path), 0);
	/* A chain of includes that is too long. */
	for (i = 0; i < 300; i++) {
		snprintf(path, sizeof(path), "chain%d.conf", i);
		snprintf(text, sizeof(text), "[INCLUDES]\nbefore = "
		    "chain%d.conf\n", i + 1);
		write_file(path, text);
	}
	assert_int_equal(load("chain0", NULL, NULL, 0), -1);
	assert_non_null(strstr(why, "found more than 256 files"));
}

static void
expanded(void **state)
{
	static const struct {
		const char	*in;
		enum f2b_dns	 dns;
		const char	*out;
	} t[] = {
		{ "<HOST>", F2B_DNS_NO, ADDR },
		{ "<HOST>", F2B_DNS_YES,
		    "(?:" ADDR "|(?P<dns>[\\w.^-]*\\w))" },
		{ "<ADDR>", F2B_DNS_YES, ADDR },
		{ "<F-ADDR/>/<CIDR>", F2B_DNS_NO, ADDR "/(?P<cidr>\\d+)" },
		{ "<F-ID/> <F-PORT/>", F2B_DNS_NO,
		    "(?P<fid>\\S+) (?P<fport>\\w+)" },
		{ "<F-ID>a</F-ID>b<F-PORT>1</F-PORT>", F2B_DNS_NO,
		    "(?P<fid>a)b(?P<fport>1)" },
		{ "<F-USER>\\S+|.*?</F-USER>", F2B_DNS_NO,
		    "(?P<user>\\S+|.*?)" },
		{ "<F-ALT_USER_1>u</F-ALT_USER_1>", F2B_DNS_NO,
		    "(?P<alt_user_1>u)" },
		{ "<F-TUPLE_ID>u</F-TUPLE_ID>", F2B_DNS_NO,
		    "(?P<tuple_id>u)" },
		{ "</F-USER> <f-user> <host> <HOST <> < HOST> <a/>",
		    F2B_DNS_NO,
		    "</F-USER> <f-user> <host> <HOST <> < HOST> <a/>" },
		{ "<DNS>", F2B_DNS_NO, "(?P<dns>[\\w.^-]*\\w)" }
	};
	char	*s;
	size_t	 i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		s = f2b_tags(t[i].in, t[i].dns);
		assert_non_null(s);
		assert_string_equal(s, t[i].out);
		free(s);
	}
}

static void
translated(void **state)
{
	static const struct {
		const char	*in, *out;	/* out NULL: an error */
	} t[] = {
		{ "a{,3}b{2,}c{1}d{,}", "a{0,3}b{2,}c{1}d{0,}" },
		{ "{x} a{ 1} {}", "\\{x} a\\{ 1} \\{}" },
		{ "[{,3}[]]", "[{,3}\\[]]" },
		{ "[]a][^]a]", "[\\]a][^\\]a]" },
		{ "[^[:alpha:]]", "[^\\[:alpha:]]" },
		{ "[\\]\\[]", "[\\]\\[]" },
		{ "a\\Z", "a\\z" },
		{ "\\v\\a\\x41\\u0041", "\\x0b\\a\\x41\\x41" },
		{ "\\xe9", "\xc3\xa9" },
		{ "\\u20ac+", "(?:\xe2\x82\xac)+" },
		{ "\xc3\xa9{,2}", "(?:\xc3\xa9){0,2}" },
		{ "\\U0001f600", "\xf0\x9f\x98\x80" },
		{ "(?iu)a", "(?i)a" },
		{ "(?u)a", "(?)a" },
		{ "((?i)a)(?:(?is)b)", "(?i:a)(?is:b)" },
		{ "(?i-s:a)(?P<n>b)(?P=n)", "(?i-s:a)(?P<n>b)(?P=n)" },
		{ "(a)?(?(1)b|c)", "(a)?(?(1)b|c)" },
		{ "(?P<n>a)?(?(n)b|c)", "(?P<n>a)?(?(<n>)b|c)" },
		{ "(?#a[(b)c", "(?#a[(b)c" },
		{ "(?<=a)(?<!b)(?=c)(?!d)(?>e)",
		    "(?<=a)(?<!b)(?=c)(?!d)(?>e)" },
		{ "\\(\\[a\\{", "\\(\\[a\\{" },
		{ "(*UTF)a", NULL },
		{ "(?<n>a)", NULL },
		{ "(?P>n)", NULL },
		{ "(?R)", NULL },
		{ "(?P<1>a)", NULL },
		{ "(?P<abcdefghijklmnopqrstuvwxyz0123456>a)", NULL },
		{ "\\Qa\\E", NULL },
		{ "\\K", NULL },
		{ "[\\B]", NULL },
		{ "\\x4", NULL },
		{ "a\\", NULL },
		{ "[a", NULL }
	};
	char	*s;
	size_t	 i;
	int	 has;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		s = f2b_translate(t[i].in, &has, why, sizeof(why));
		if (t[i].out == NULL && s != NULL)
			fail_msg("%s is %s", t[i].in, s);
		if (t[i].out != NULL && s == NULL)
			fail_msg("%s: %s", t[i].in, why);
		if (s != NULL)
			assert_string_equal(s, t[i].out);
		free(s);
	}
	free(f2b_translate("(?P<mlfid>a)", &has, why, sizeof(why)));
	assert_int_equal(has, REGEX_HAS_ID);
	free(f2b_translate("(?P<content>a)", &has, why, sizeof(why)));
	assert_int_equal(has, REGEX_HAS_CONTENT);
	free(f2b_translate("(?P<user>a)", &has, why, sizeof(why)));
	assert_int_equal(has, 0);
}

/* A regex that no message could carry. */
static void
too_long(void **state)
{
	static char	text[REGEX_MAX_LEN + 128];
	size_t		n;

	(void)state;
	n = snprintf(text, sizeof(text), DEF "failregex = <F-ID/> ");
	memset(text + n, 'a', REGEX_MAX_LEN);
	write_file("t.conf", text);
	assert_int_equal(load("t", NULL, NULL, 0), -1);
	assert_non_null(strstr(why, "t.conf:2: found a regex of "));
}

static int
setup(void **state)
{
	char	path[64];

	(void)state;
	umask(022);
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/filter.d", dir);
	if (mkdir(path, 0755) == -1)
		return -1;
	strlcat(path, "/i.d", sizeof(path));
	if (mkdir(path, 0755) == -1)
		return -1;
	snprintf(path, sizeof(path), "%s/filter.d/deep", dir);
	return mkdir(path, 0755);
}

static int
remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static int
teardown(void **state)
{
	(void)state;
	f2b_free(&filter);
	return nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(syntax),
		cmocka_unit_test(includes),
		cmocka_unit_test(loops),
		cmocka_unit_test(percent),
		cmocka_unit_test(tags),
		cmocka_unit_test(logtype),
		cmocka_unit_test(all_parts),
		cmocka_unit_test(errors),
		cmocka_unit_test(bad_args),
		cmocka_unit_test(bad_files),
		cmocka_unit_test(expanded),
		cmocka_unit_test(translated),
		cmocka_unit_test(too_long)
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, setup, teardown);
}

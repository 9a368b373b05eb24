/* LINK: refract-parser/literal.o refract-parser/litset.o */
/* LINK: refract-parser/finder.o refract-parser/pattern.o */
/* LIBS: -lpcre2-8 */
/*
 * A line that PCRE2 alone matches is one that the scan names the pattern for:
 * with any regex, and with regexes grown here together with a text that they
 * should match.  The scan itself finds what a naive search finds.
 *
 * Input: flags ('c' cut, 'm' multiline, 'g' grow), a newline; then a regex, a
 * newline, and texts, each a line; or what the growing feeds on.
 */
#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "literal.h"
#include "msg.h"
#include "pattern.h"

#define ROOM	512

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

struct text {
	char	s[ROOM];
	size_t	n;
};

/* What is left of the input: choices. */
static const uint8_t	*feed;
static size_t		 feed_len;

static void
need(int good)
{
	if (!good)
		abort();
}

static unsigned int
choose(unsigned int below)
{
	unsigned int	v;

	if (feed_len == 0)
		return 0;
	v = *feed++;
	feed_len--;
	return v % below;
}

static void
put(struct text *t, const char *s, size_t n)
{
	if (t->n + n <= ROOM) {
		memcpy(t->s + t->n, s, n);
		t->n += n;
	}
}

static void
puts_to(struct text *t, const char *s)
{
	put(t, s, strlen(s));
}

/* Growing: a regex, and beside it what it should match. */

static void	grow(struct text *, struct text *, unsigned int);

static void
grow_word(struct text *rx, struct text *text)
{
	static const char *const	words[] = {
		"a", "b", "A", " ", "from ", "Failed", "abc", "bca", "sshd",
		"0", "k", "\xff", ": ", "user", "x y z", "=="
	};
	const char	*w = words[choose(16)];

	puts_to(rx, w);
	puts_to(text, w);
}

/* A class or an escape, and a byte of it. */
static void
grow_set(struct text *rx, struct text *text)
{
	static const struct {
		const char	*rx, *one;
	} sets[] = {
		{ "[ab]", "b" }, { "[^a]", "b" }, { "[Ff]", "f" },
		{ "[]a]", "]" }, { "[^]a]", "b" }, { "[[:alpha:]]", "c" },
		{ "[a-c]", "c" }, { "[a-]", "-" }, { "[\\Qa-\\E]", "-" },
		{ "[\\E^ab]", "c" }, { "[\\]a]", "]" }, { "[\\c]a]", "a" },
		{ "[a\\E-\\Qc\\E]", "b" }, { "[[.]", "[" }, { "[[:a]", ":" },
		{ "[\\da]", "1" }, { "[a-\\d]", "-" }, { "[\\d-b]", "b" },
		{ "[a\\x62]", "b" }, { "[\\Q]\\E]", "]" }, { "\\d", "7" },
		{ "\\S", "q" }, { "\\s", " " }, { "\\x61", "a" },
		{ "\\x{61}", "a" }, { "\\141", "a" }, { "\\o{141}", "a" },
		{ "\\.", "." }, { "\\\\", "\\" }, { ".", "z" },
		{ "\\Qa.b\\E", "a.b" }, { "\\N", "n" }, { "\\t", "\t" },
		{ "\\x", "" }, { "{", "{" }, { "{}", "{}" }, { "\\e", "\033" }
	};
	unsigned int	i = choose(sizeof(sets) / sizeof(sets[0]));

	puts_to(rx, sets[i].rx);
	puts_to(text, sets[i].one);
}

/* What stands for no byte. */
static void
grow_nothing(struct text *rx)
{
	static const char *const	marks[] = {
		"^", "$", "\\b", "\\B", "(?#a)b)", "(?i)", "(?-i)", "(?x)",
		"(?-x)", "\\K", "\\E", "\\Q\\E", "(?=a)", "(?!abc)", "(?<=b)",
		"(?<!from)", "()", "(?=.*abc)", "(?^)", "(?s)", " # c\n",
		"(?(?=a)abc|)", "(?(1)abc)", "(?(DEFINE)(?<q>abc))",
		"(?R)?", "(?1)?", "\\1?", "(?|a|b)?", "(?P<n>)", "(?:)",
		"(?(<n>)abc|)", "\\g{-1}?"
	};

	puts_to(rx, marks[choose(sizeof(marks) / sizeof(marks[0]))]);
}

/* The letters of the text from an offset in the other case. */
static void
turn(struct text *text, size_t from)
{
	for (; from < text->n; from++)
		if (isalpha((unsigned char)text->s[from]) && choose(2))
			text->s[from] ^= 0x20;
}

static void
grow_group(struct text *rx, struct text *text, unsigned int depth)
{
	static const char *const	opens[] = {
		"(", "(?:", "(?P<n>", "(?<u>", "(?'v'", "(?>", "(?|", "(?i:",
		"(?-i:", "(?i-x:", "(?x:"
	};
	struct text	 other;
	size_t		 start = text->n;
	unsigned int	 open = choose(11), n = choose(4), mine = choose(n + 1);
	unsigned int	 i;

	puts_to(rx, opens[open]);
	for (i = 0; i <= n; i++) {
		other.n = 0;
		if (i > 0)
			puts_to(rx, "|");
		grow(rx, i == mine ? text : &other, depth + 1);
	}
	puts_to(rx, ")");
	if (strchr(opens[open], 'i') != NULL)
		turn(text, start);
}

static void
grow_repeat(struct text *rx, struct text *text, size_t from)
{
	static const struct {
		const char	*rx;
		unsigned int	 least, most;
	} times[] = {
		{ "*", 0, 3 }, { "+", 1, 3 }, { "?", 0, 1 }, { "{0}", 0, 0 },
		{ "{2}", 2, 2 }, { "{1,}", 1, 3 }, { "{0,2}", 0, 2 },
		{ "{3}", 3, 3 }, { "{1,2}", 1, 2 }, { "*?", 0, 2 },
		{ "++", 1, 2 }, { "{2}?", 2, 2 }, { "\\E?", 0, 1 },
		{ "(?#b)*", 0, 2 }
	};
	struct text	once;
	unsigned int	i = choose(14), n;

	n = times[i].least + choose(times[i].most - times[i].least + 1);
	puts_to(rx, times[i].rx);
	once.n = 0;
	put(&once, text->s + from, text->n - from);
	for (text->n = from; n > 0; n--)
		put(text, once.s, once.n);
}

static void
grow(struct text *rx, struct text *text, unsigned int depth)
{
	unsigned int	n = choose(5) + 1;
	size_t		from;

	while (n-- > 0 && feed_len > 0) {
		from = text->n;
		switch (choose(8)) {
		case 0:
		case 1:
		case 2:
			grow_word(rx, text);
			break;
		case 3:
			grow_set(rx, text);
			break;
		case 4:
			grow_nothing(rx);
			break;
		default:
			if (depth < 5)
				grow_group(rx, text, depth);
		}
		if (text->n > from && choose(3) == 0)
			grow_repeat(rx, text, from);
	}
}

/* Checks. */

static int
naive(const struct literal *l, const char *line, size_t n)
{
	size_t	i, k;
	int	a, b;

	for (i = 0; i + l->len <= n; i++) {
		for (k = 0; k < l->len; k++) {
			a = (unsigned char)line[i + k];
			b = l->text[k];
			if (a != b && (!l->fold || !isalpha(a) ||
			    !isalpha(b) || (a ^ b) != 0x20))
				break;
		}
		if (k == l->len)
			return 1;
	}
	return 0;
}

static int
is_expected(const struct literals *set, const char *line, size_t n)
{
	size_t	i;

	for (i = 0; i < set->n; i++)
		if (naive(&set->l[i], line, n))
			return 1;
	return set->n == 0;
}

/* The text with something put in where the cut will be, at [from, to). */
static void
uncut(struct text *raw, const struct text *text, size_t *from, size_t *to)
{
	static const char	piece[] = "12:00:00 from";

	*from = choose(255) * text->n / 254;
	raw->n = 0;
	put(raw, text->s, *from);
	put(raw, piece, choose(sizeof(piece)));
	*to = raw->n;
	put(raw, text->s + *from, text->n - *from);
}

/* Sets: of the regex, and if a piece is cut out another. */
static void
check(struct patterns *p, const struct literals *sets, int cut,
    struct text *text)
{
	const uint16_t	*candidates;
	const size_t	*vector;
	struct text	 raw = *text;
	size_t		 n, from = 0, to = 0, remain = 1;
	int		 expected;

	if (text->n > ROOM - 32)
		return;
	if (cut)
		uncut(&raw, text, &from, &to);
	n = patterns_scan(p, raw.s, raw.n, &candidates);
	need(n == 0 || (n == 1 && candidates[0] == 0));
	expected = is_expected(&sets[0], raw.s, raw.n) ||
	    (cut && is_expected(&sets[1], raw.s, raw.n));
	/* Of a line that will be cut more is asked. */
	need(cut ? (int)n <= expected : (int)n == expected);
	if (cut)
		remain = patterns_cut(p, from, to, candidates, n,
		    &candidates);
	text->s[text->n] = '\n';
	if (pattern_exec(p, 0, text->s, text->n + 1, 0, &vector) != 1)
		return;
	need(n == 1 && remain == 1 && candidates[0] == 0);
	need(vector[1] <= text->n + 1);
}

static size_t
line(const uint8_t **p, size_t *n, struct text *out)
{
	const uint8_t	*end = memchr(*p, '\n', *n);
	size_t		 len = end == NULL ? *n : (size_t)(end - *p);

	out->n = 0;
	put(out, (const char *)*p, len < ROOM ? len : ROOM);
	len += end != NULL;
	*p += len;
	*n -= len;
	return len;
}

/* What is left of a regex without its signs is a text worth trying. */
static void
strip(struct text *out, const struct text *rx)
{
	size_t	i;

	out->n = 0;
	for (i = 0; i < rx->n; i++)
		if (strchr("\\()[]{}*+?|^$\n", rx->s[i]) == NULL)
			put(out, rx->s + i, 1);
}

static struct patterns *
compile(const struct text *rx, unsigned int flags)
{
	struct pattern_spec	 spec = {
		.regex = rx->s, .len = rx->n, .flags = flags, .where = "fuzz"
	};
	char			 why[TEXT_LEN];

	return rx->n == ROOM ? NULL : patterns_new(&spec, 1, why);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct text	 rx, text, options;
	struct literals		 sets[2];
	struct patterns		*p;
	unsigned int		 flags = 0;
	int			 grown, cut;

	line(&data, &size, &options);
	if (memchr(options.s, 'c', options.n) != NULL)
		flags |= PATTERN_CUT;
	if (memchr(options.s, 'm', options.n) != NULL)
		flags |= PATTERN_MULTILINE;
	rx.n = text.n = 0;
	if ((grown = memchr(options.s, 'g', options.n) != NULL)) {
		feed = data;
		feed_len = size;
		grow(&rx, &text, 0);
	} else {
		line(&data, &size, &rx);
		feed = (const uint8_t *)rx.s;
		feed_len = rx.n;
	}
	if ((p = compile(&rx, flags)) == NULL)
		return 0;
	cut = (flags & PATTERN_CUT) != 0;
	literals_of(rx.s, rx.n, 0, &sets[0]);
	literals_of(rx.s, rx.n, 1, &sets[1]);
	if (grown && memchr(text.s, '\n', text.n) == NULL)
		check(p, sets, cut, &text);
	strip(&text, &rx);
	check(p, sets, cut, &text);
	while (!grown && size > 0 && line(&data, &size, &text) > 0)
		check(p, sets, cut, &text);
	patterns_free(p);
	return 0;
}

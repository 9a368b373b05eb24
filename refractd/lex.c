/*
 * The lexer.  Input is a stack: files and statements, what they include, and
 * on top the macros that are being expanded.  Errors of the lexer itself are
 * reported here, once a statement.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "input.h"
#include "lex.h"
#include "log.h"

#define EOI	(-1)		/* the end of a file or statement */

struct layer {
	SLIST_ENTRY(layer)	 entry;
	char			*buf;
	size_t			 len, pos;
	const char		*file;
	int			 line;
	int			 macro;		/* an expansion */
	int			 depth;		/* of braces at its start */
};

struct macro {
	SLIST_ENTRY(macro)	 entry;
	char			*name, *value;
	int			 fixed;		/* of the command line */
	int			 used;
};

struct kept {
	SLIST_ENTRY(kept)	 entry;
	char			 bytes[];
};

struct lex	lex;

static SLIST_HEAD(, layer)	layers;
static SLIST_HEAD(, macro)	macros;
static SLIST_HEAD(, kept)	kept;
static int			pushed = EOI;	/* one character back */
static int			ended;		/* the top file has ended */
static int			opened;		/* the outermost block's line */
static int			newline;	/* one is due before the rest */

char *
lex_keep(const char *s, size_t len)
{
	struct kept	*k;

	if ((k = malloc(sizeof(*k) + len + 1)) == NULL)
		fatal("configuration");
	memcpy(k->bytes, s, len);
	k->bytes[len] = '\0';
	SLIST_INSERT_HEAD(&kept, k, entry);
	return k->bytes;
}

static void
pop(void)
{
	struct layer	*l = SLIST_FIRST(&layers);

	SLIST_REMOVE_HEAD(&layers, entry);
	free(l->buf);
	free(l);
}

void
lex_close(void)
{
	while (!SLIST_EMPTY(&layers))
		pop();
	pushed = EOI;
	ended = 0;
	newline = 0;
	memset(&lex, 0, sizeof(lex));
	lex.class = '\n';
	lex.at.file = "";
}

void
lex_reset(void)
{
	struct macro	*m;
	struct kept	*k;

	lex_close();
	while ((m = SLIST_FIRST(&macros)) != NULL) {
		SLIST_REMOVE_HEAD(&macros, entry);
		free(m->name);
		free(m->value);
		free(m);
	}
	while ((k = SLIST_FIRST(&kept)) != NULL) {
		SLIST_REMOVE_HEAD(&kept, entry);
		free(k);
	}
}

/* buf is owned by the layer from here. */
static struct layer *
push(char *buf, size_t len, const char *file, int line)
{
	struct layer	*l;

	if ((l = calloc(1, sizeof(*l))) == NULL)
		fatal("configuration");
	l->buf = buf;
	l->len = len;
	l->file = file;
	l->line = line;
	l->depth = lex.depth;
	SLIST_INSERT_HEAD(&layers, l, entry);
	return l;
}

static char *
copy(const char *s)
{
	char	*p;

	if ((p = strdup(s)) == NULL)
		fatal("configuration");
	return p;
}

/* The file or statement below the expansions. */
static struct layer *
source(void)
{
	struct layer	*l;

	SLIST_FOREACH(l, &layers, entry)
		if (!l->macro)
			break;
	return l;
}

static struct place
here(void)
{
	struct layer	*l = source();
	struct place	 at = { "", 0 };

	if (l != NULL) {
		at.file = l->file;
		at.line = l->line;
	}
	return at;
}

/* The character that was put back comes after what is pushed next. */
static void
settle(void)
{
	struct place	at = here();
	char		c[2] = "";

	if (pushed == EOI)
		return;
	c[0] = pushed;
	pushed = EOI;
	push(copy(c), 1, at.file, at.line)->macro = 1;
}

/* An error of the lexer: the parser need not wonder at what follows. */
#define oops(...) do {							\
	struct place	at_ = here();					\
									\
	report_error(&at_, __VA_ARGS__);				\
	lex.broken = 1;							\
} while (0)

static int
open_layer(const char *path, const struct place *at)
{
	const char	*name;
	char		*buf, *nul;
	size_t		 len;
	struct place	 bad;

	if ((buf = input_read(path, at, &len, &name)) == NULL)
		return -1;
	if ((nul = memchr(buf, '\0', len)) != NULL) {
		bad.file = name;
		for (bad.line = 1; nul-- > buf;)
			bad.line += *nul == '\n';
		report_error(&bad, "found a NUL byte, expected text");
		free(buf);
		return -1;
	}
	push(buf, len, name, 1);
	return 0;
}

int
lex_open_file(const char *path)
{
	struct place	at = { path, 0 };

	return open_layer(path, &at);
}

void
lex_open_text(const char *label, const char *text)
{
	push(copy(text), strlen(text), lex_keep(label, strlen(label)), 1);
}

struct matches {
	char	*names[INPUT_FILES_MAX];
	size_t	 n;
};

static void
match(const char *name, void *arg)
{
	struct matches	*m = arg;

	if (m->n < INPUT_FILES_MAX)
		m->names[m->n++] = copy(name);
}

static int
include_depth(void)
{
	struct layer	*l;
	int		 n = 0;

	SLIST_FOREACH(l, &layers, entry)
		n++;
	return n;
}

/*
 * The parser may have read the end of the statement or not: with one more
 * before the file, it does not matter.
 */
void
lex_include(const char *pattern)
{
	struct matches	*m;
	struct place	 at = lex.at;
	size_t		 n;

	if (include_depth() > LEX_DEPTH_MAX) {
		report_error(&at, "found an include %d files deep, expected "
		    "at most %d (does a file include itself?)",
		    include_depth(), LEX_DEPTH_MAX);
		return;
	}
	if ((m = calloc(1, sizeof(*m))) == NULL)
		fatal("configuration");
	settle();
	newline = 1;
	n = input_glob(pattern, &at, match, m);
	if (n > INPUT_FILES_MAX)
		report_error(&at, "found %zu files, expected at most %d", n,
		    INPUT_FILES_MAX);
	while (m->n > 0) {
		open_layer(m->names[--m->n], &at);
		free(m->names[m->n]);
	}
	free(m);
}

/* Macros. */

static struct macro *
macro_find(const char *name)
{
	struct macro	*m;

	SLIST_FOREACH(m, &macros, entry)
		if (strcmp(m->name, name) == 0)
			break;
	return m;
}

static void
macro_set(const char *name, const char *value, int fixed)
{
	struct macro	*m;

	if ((m = macro_find(name)) == NULL) {
		if ((m = calloc(1, sizeof(*m))) == NULL)
			fatal("configuration");
		m->name = copy(name);
		SLIST_INSERT_HEAD(&macros, m, entry);
	} else {
		m->used |= m->fixed;
		if (m->fixed && !fixed)
			return;
	}
	free(m->value);
	m->value = copy(value);
	m->fixed = fixed;
}

void
lex_unused(void)
{
	struct place	 at = { "-D", 0 };
	struct macro	*m;

	SLIST_FOREACH(m, &macros, entry)
		if (m->fixed && !m->used)
			report_warning(&at, "nothing uses the macro \"%s\"",
			    m->name);
}

/* Characters. */

static int
raw_getc(void)
{
	struct layer	*l;
	int		 c;

	if (pushed != EOI) {
		c = pushed;
		pushed = EOI;
	} else {
		while ((l = SLIST_FIRST(&layers)) != NULL && l->macro &&
		    l->pos == l->len)
			pop();
		if (l == NULL || l->pos == l->len)
			return EOI;
		c = (unsigned char)l->buf[l->pos++];
	}
	if (c == '\n' && (l = source()) != NULL)
		l->line++;
	return c;
}

static void
ungetch(int c)
{
	struct layer	*l;

	if (c == '\n' && (l = source()) != NULL)
		l->line--;
	pushed = c;
}

static int
is_name(int c)
{
	return c != EOI && c < 0x80 && (isalnum(c) || c == '_');
}

static size_t
read_name(char *buf, size_t size)
{
	size_t	n = 0;
	int	c;

	while (is_name(c = raw_getc()))
		if (n < size - 1)
			buf[n++] = c;
	ungetch(c);
	buf[n] = '\0';
	return n;
}

/* After a "$": the macro's value is what is read next. */
static void
expand(void)
{
	struct macro	*m;
	struct place	 at;
	char		 name[64];

	if (read_name(name, sizeof(name)) == 0) {
		oops("found \"$\", expected the name of a macro after it");
		return;
	}
	if ((m = macro_find(name)) == NULL) {
		oops("found \"$%s\", expected a macro that is defined above "
		    "or with -D", name);
		return;
	}
	m->used = 1;
	settle();
	at = here();
	push(copy(m->value), strlen(m->value), at.file, at.line)->macro = 1;
}

static int
skip_continuation(void)
{
	int	c;

	if ((c = raw_getc()) == '\r')
		c = raw_getc();
	if (c == '\n')
		return ' ';
	ungetch(c);
	return '\\';
}

/* A character outside quotes: macros expanded, continued lines joined. */
static int
getch(void)
{
	int	c;

	while ((c = raw_getc()) == '$')
		expand();
	if (c == '\\')
		c = skip_continuation();
	return c == '\r' ? ' ' : c;
}

/* Tokens. */

static struct {
	char	buf[LEX_TEXT_MAX + 1];
	size_t	len;
	int	full;
} word;

static void
word_begin(void)
{
	word.len = 0;
	word.full = 0;
}

static void
word_add(int c)
{
	if (word.len < LEX_TEXT_MAX)
		word.buf[word.len++] = c;
	else
		word.full = 1;
}

static void
word_end(void)
{
	if (word.full)
		oops("found more than %d characters in a word, expected fewer",
		    LEX_TEXT_MAX);
	lex.text.s = lex_keep(word.buf, word.len);
	lex.text.len = word.len;
}

static int
is_word(int c)
{
	return c >= 0x80 || (c > 0 &&
	    (isalnum(c) || strchr("._-:/*@%+?[]~", c) != NULL));
}

static int
hex(int c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static void
escape_hex(void)
{
	int	hi, lo = -1, c;

	if ((hi = hex(c = raw_getc())) != -1)
		lo = hex(c = raw_getc());
	if (lo == -1) {
		ungetch(c);
		oops("found \"\\x\", expected two hexadecimal digits after it");
	} else
		word_add(hi << 4 | lo);
}

/* In a regex: what PCRE2 shall see of a backslash and what follows. */
static void
escape_raw(void)
{
	int	c = raw_getc();

	if (c == '\n' || c == EOI) {
		ungetch(c);
		return;
	}
	if (c != '"')
		word_add('\\');
	word_add(c);
}

static void
escape(void)
{
	static const char	from[] = "\"\\nrt", to[] = "\"\\\n\r\t";
	const char		*p;
	int			 c = raw_getc();

	if (c == 'x')
		escape_hex();
	else if (c > 0 && (p = strchr(from, c)) != NULL)
		word_add(to[p - from]);
	else if (c == '\n' || c == EOI)
		ungetch(c);	/* the string's own error names it */
	else
		oops("found \"\\%s\", expected one of \\\" \\\\ \\n \\r \\t "
		    "\\xHH", log_vis(&(char){ c }, 1));
}

/* After the opening quote.  A string does not go over a line's end. */
static int
read_string(void)
{
	int	c;

	word_begin();
	while ((c = raw_getc()) != '"') {
		if (c == '\n' || c == EOI) {
			ungetch(c);
			oops("found the end of the line in a string, expected "
			    "a closing quote");
			break;
		}
		if (c != '\\')
			word_add(c);
		else if (lex.raw)
			escape_raw();
		else
			escape();
	}
	word_end();
	return LEX_STRING;
}

static int
read_table(void)
{
	int	c;

	word_begin();
	while (is_name(c = getch()) || c == '-' || c == '.')
		word_add(c);
	if (c != '>' || word.len == 0) {
		oops("found \"<\", expected the name of a table: <name>");
		if (c != '>')
			ungetch(c);
	}
	word_end();
	return LEX_TABLE;
}

/* What is after "=", as it stands, macros of before expanded, comment cut. */
static void
read_value(void)
{
	int	c, quoted = 0;

	word_begin();
	for (;;) {
		c = quoted ? raw_getc() : getch();
		if (c == '\n' || c == EOI)
			break;
		if (!quoted && (c == '#' || c == ';'))
			break;
		if (word.len > 0 || !isblank(c))
			word_add(c);
		if (c == '"')
			quoted = !quoted;
		else if (quoted && c == '\\' && (c = raw_getc()) != EOI) {
			if (c == '\n') {
				ungetch(c);
				continue;
			}
			word_add(c);
		}
	}
	ungetch(c);
	if (quoted)
		oops("found the end of the line in a string, expected a "
		    "closing quote");
	while (word.len > 0 && isblank((unsigned char)word.buf[word.len - 1]))
		word.len--;
	if (word.len == 0 && !lex.broken)
		oops("found nothing after \"=\", expected the macro's value");
	word_end();
}

/* name = value, if an "=" follows the word just read. */
static int
read_macro(void)
{
	char	*name = lex.text.s, *p;
	int	 c;

	while (isblank(c = getch()))
		;
	if (c != '=') {
		ungetch(c);
		return LEX_WORD;
	}
	for (p = name; is_name((unsigned char)*p); p++)
		;
	if (*p != '\0')
		oops("found \"%s\", expected a macro's name of letters, digits "
		    "and \"_\"", log_vis(name, strlen(name)));
	read_value();
	if (!lex.broken)
		macro_set(name, lex.text.s, 0);
	return LEX_MACRO;
}

static int
read_word(int c)
{
	int	first = lex.class == '\n' && lex.depth == 0;

	word_begin();
	for (; is_word(c); c = getch())
		word_add(c);
	ungetch(c);
	word_end();
	return first ? read_macro() : LEX_WORD;
}

static void
skip_comment(void)
{
	int	c;

	while ((c = raw_getc()) != '\n' && c != EOI)
		;
	ungetch(c);
}

/*
 * A file ends as if its last line had an end and its blocks were closed, then
 * its includer goes on.
 */
static int
end_of_file(void)
{
	struct layer	*l = SLIST_FIRST(&layers);

	if (l != NULL && lex.depth > l->depth) {
		if (!lex.broken)
			oops("found the end of the file, expected \"}\" for "
			    "the \"{\" of line %d", opened);
		lex.depth--;
		return '}';
	}
	if (!ended) {
		ended = 1;
		return '\n';
	}
	ended = 0;
	if (l == NULL || SLIST_NEXT(l, entry) == NULL) {
		ended = 1;
		return LEX_EOF;
	}
	pop();
	return -1;
}

static int
brace(int c)
{
	if (c == '{' && lex.depth++ == 0)
		opened = lex.at.line;
	else if (c == '}' && lex.depth > 0)
		lex.depth--;
	return c;
}

static int
token(int c)
{
	switch (c) {
	case '\n':
	case ';':
		return '\n';
	case '{':
	case '}':
		return brace(c);
	case ',':
	case '=':
		return c;
	case '"':
		return read_string();
	case '<':
		return read_table();
	default:
		if (is_word(c))
			return read_word(c);
		oops("found \"%s\", expected a word, a string or one of "
		    "{ } , ;", log_vis(&(char){ c }, 1));
		return -1;
	}
}

int
lex_next(void)
{
	int	c, class = -1;

	if (lex.class == '\n')
		lex.broken = 0;
	if (newline) {
		newline = 0;
		class = '\n';
	}
	while (class == -1) {
		lex.text.s = NULL;
		lex.text.len = 0;
		while ((c = getch()) == ' ' || c == '\t')
			;
		lex.at = here();
		if (c == EOI) {
			class = end_of_file();
			continue;
		}
		ended = 0;
		if (c == '\n')
			lex.at.line--;
		if (c == '#')
			skip_comment();
		else
			class = token(c);
	}
	lex.class = class;
	return class;
}

void
lex_define(const char *arg)
{
	struct place	 at = { "-D", 0 };
	const char	*p;
	char		*name;

	for (p = arg; is_name((unsigned char)*p); p++)
		;
	if (*p != '=' || p == arg) {
		report_error(&at, "found \"%s\", expected name=value",
		    log_vis(arg, strlen(arg)));
		return;
	}
	name = lex_keep(arg, p - arg);
	lex_open_text("-D", p + 1);
	read_value();
	if (!lex.broken)
		macro_set(name, lex.text.s, 1);
	lex_close();
}

/*
 * The lexer: files, includes, macros, words, strings.  It knows no keyword;
 * which word is one, parse.y says.
 */
#ifndef LEX_H
#define LEX_H

#include <stddef.h>

#include "report.h"

#define LEX_TEXT_MAX	4096		/* bytes of a word or string */
#define LEX_DEPTH_MAX	16		/* includes in includes */

/* Beside these, a token is the character itself: { } , = and '\n'. */
enum lex_class {
	LEX_EOF = 0,
	LEX_WORD = 256,		/* bare */
	LEX_STRING,		/* in quotes, escapes resolved */
	LEX_TABLE,		/* <name>: text is the name */
	LEX_MACRO		/* name = value: already defined */
};

struct text {
	char	*s;		/* NUL-terminated; lives until the next parse */
	size_t	 len;		/* may be more than strlen(s): "\x00" */
};

/* The last token. */
extern struct lex {
	struct place	 at;
	struct text	 text;
	int		 class;
	int		 depth;		/* of braces, with it */
	int		 broken;	/* its statement has an error */
	/*
	 * Before lex_next(): the next string is a regex, in which only \" is
	 * an escape.
	 */
	int		 raw;
} lex;

void	 lex_reset(void);		/* before a parse: forget the last */
/* Read from a file, or from text that errors call label: 0 or -1. */
int	 lex_open_file(const char *);
void	 lex_open_text(const char *label, const char *text);
/* Read what the pattern names before going on. */
void	 lex_include(const char *pattern);
int	 lex_next(void);		/* the class of the next token */
void	 lex_close(void);		/* drop what was not read */

/* "name=value" of the command line: wins over the file's.  0 or -1. */
void	 lex_define(const char *);
/* Warn of macros of the command line that nothing used. */
void	 lex_unused(void);

/* Memory that lives until the next parse. */
char	*lex_keep(const char *, size_t);

#endif

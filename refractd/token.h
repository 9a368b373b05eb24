/*
 * Between the grammar and the lexer.
 */
#ifndef TOKEN_H
#define TOKEN_H

#include <stddef.h>

void		 token_start(void);	/* before a parse */
/* The next token, its value in yylval. */
int		 yylex(void);
/* The class of the one before the last. */
int		 token_previous(void);
/* One keyword after the other, and NULL. */
const char	*token_keyword(size_t, int *);

#endif

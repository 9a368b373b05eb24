/*
 * How text of the language is written: strings, regexes, lists, in pieces.
 */
#ifndef PRINT_OUT_H
#define PRINT_OUT_H

#include <stddef.h>

#include "clock.h"
#include "conf.h"

#define PIECE	1000		/* longest text of one emit() */

struct out {
	void	(*emit)(void *, const char *);
	void	 *arg;
	char	  buf[PIECE + 1];
	size_t	  len;
};

/* Items of a list. */
struct items {
	char	*text;		/* an item a line */
	size_t	 len, room, n;
};

void	 out_flush(struct out *);
void	 out_text(struct out *, const char *);
void	 out_format(struct out *, const char *, ...)
	    __attribute__((__format__(printf, 2, 3)));
void	 out_quoted(struct out *, const char *);
void	 out_regex(struct out *, const char *);
void	 out_span(struct out *, int64_t);
const char *out_yesno(int);
/* "head { a, b }", or an item a line. */
void	 out_list(struct out *, const char *head, const char *lines,
	    const char *indent);

void	 items_add(struct items *, const char *);
void	 items_add_quoted(struct items *, const char *);
/* As a list with this head, if there are any; they are freed. */
void	 items_out(struct out *, const char *head, struct items *);

/* A size by the greatest unit that is exact: "16M". */
void	 out_size(struct out *, uint32_t kib);

/* print_watch.c */
void	 print_strings(struct out *, const char *args, unsigned int argc);
void	 print_watch(struct out *, const struct conf *,
	    const struct conf_watch *);
void	 print_command(struct out *, const char *, const struct conf_command *);
void	 print_defines(struct out *, const struct conf_defines *,
	    const char *indent);

/* print_mux.c */
/* 0: tokens and keys of relays are not told. */
void	 print_secrets(int);
void	 print_listener(struct out *, const struct conf *,
	    const struct conf_listener *);
void	 print_pool(struct out *, const struct conf_pool *);
void	 print_tap(struct out *, const struct conf_tap *);

#endif

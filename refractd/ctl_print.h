/*
 * What comes from the daemon, on its way to standard output: rows one by one,
 * never gathered, so that a table of a million bans begins at once.
 */
#ifndef CTL_PRINT_H
#define CTL_PRINT_H

#include <stddef.h>
#include <stdint.h>

struct msg_outcome;

enum print_form {
	PRINT_ROWS,		/* show: a table, or an array */
	PRINT_PARTS,		/* why: several tables, an object of arrays */
	PRINT_STREAM,		/* monitor: a line, or an object a line */
	PRINT_RESULT		/* a command: its answer */
};

struct printer {
	enum print_form	 form;
	int		 json;
	uint32_t	 what;		/* PRINT_ROWS: enum show_what */
	uint64_t	 rows;
	unsigned int	 part;		/* PRINT_PARTS: that many begun */
	int		 begun;		/* ... and there was a row */
	int		 code;		/* exit status */
	char		*text;		/* JSON of `show config`: all of it */
	size_t		 len;
};

/* A row that passed msg_check(), aligned to 8.  0; -1: stdout failed. */
int	 print_row(struct printer *, const void *, size_t);
void	 print_result(struct printer *, const struct msg_outcome *);
/* The last of it.  0 or -1 as above. */
int	 print_end(struct printer *);

#endif

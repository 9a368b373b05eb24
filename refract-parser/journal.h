/*
 * The journal's export format, as journalctl -o export writes it (systemd's
 * "Journal Export Formats"): fields NAME=value, a line each, or NAME, a 64-bit
 * little-endian length and so many bytes; an empty line ends an entry.  It is
 * fed in pieces; of an entry only the fields are kept that make its line.
 */
#ifndef JOURNAL_H
#define JOURNAL_H

#include <stddef.h>
#include <stdint.h>

#include "follow.h"
#include "msg.h"

#define JOURNAL_FIELD	256	/* a field but MESSAGE; the rest is cut */
#define JOURNAL_VALUE_MAX (1ULL << 30)	/* journald has none so long */

struct journal_entry {
	uint64_t	 identity;	/* hash of its sequence's name; ... */
	uint64_t	 number;	/* ... the number in it; 0: no cursor */
	stamp_t		 at;		/* us; 0: not said */
	/*
	 * What it says, without newlines ("\n", two bytes, stands for one, as
	 * in fail2ban) and with one at its end; message is behind the prefix
	 * "host ident[pid]: ".  len counts the newline, 0: there is none.
	 */
	const char	*line, *message;
	size_t		 len, message_len;
	int		 too_long;	/* longer than a line can be */
	const char	*cursor;	/* cursor_valid(), or "" */
};

struct journal;

/* NULL without memory. */
struct journal	*journal_new(void);
void		 journal_free(struct journal *);
/*
 * Take n bytes at p; how many of them were used.  What was not used has to
 * come again, with more bytes behind it (JOURNAL_NEED are always enough to go
 * on).  fn is called for each entry and what it is given is valid until it
 * returns.  *broken counts places where it is not the format; reading goes on
 * behind the next empty line.
 */
#define JOURNAL_NEED	(LINE_MAX_LEN + 512)
size_t		 journal_feed(struct journal *, const char *p, size_t n,
		    void (*fn)(void *, const struct journal_entry *),
		    void *arg, uint64_t *broken);

#endif

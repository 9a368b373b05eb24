/*
 * What a line must have in it for a regex to match: some strings, of which
 * one at least.  Read from the regex's text; what is not understood requires
 * nothing, so that no line is passed over that PCRE2 would match.
 */
#ifndef LITERAL_H
#define LITERAL_H

#include <stddef.h>
#include <stdint.h>

#define LITERAL_MIN	4	/* shorter ones are in nearly every line */
#define LITERAL_MAX	48	/* bytes */
#define LITERALS_MAX	64	/* of one regex */

struct literal {
	uint8_t		len;
	uint8_t		fold;		/* letters are of either case */
	uint8_t		text[LITERAL_MAX];
};

struct literals {
	size_t		n;
	struct literal	l[LITERALS_MAX];
};

/*
 * For a regex that PCRE2 has compiled, for bytes (PCRE2_NEVER_UTF) and with no
 * option beyond PCRE2_MULTILINE and PCRE2_DUPNAMES.  Each is LITERAL_MIN bytes
 * or more, none has a newline, n is 0 if nothing is required.
 *
 * cut: the regex matches a line that lost a piece somewhere, and they are for
 * the line as it was.  LITERALS_SIDES: they are for the line that is left, and
 * chosen for who looks for both sides of a cut in the line as it was.
 */
#define LITERALS_CUT	1
#define LITERALS_SIDES	2
void	 literals_of(const char *, size_t, int cut, struct literals *);
/* How rare some bytes are in logs: in bits, roughly. */
unsigned int literal_rarity(const uint8_t *, size_t);

#endif

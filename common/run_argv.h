/*
 * The arguments of a command: `<name>` in what the configuration says, and
 * what stands for it.  Used by the parent to run them, by the ledger and by
 * the parser of refractd -t to show them.
 */
#ifndef RUN_ARGV_H
#define RUN_ARGV_H

#include <stddef.h>
#include <stdint.h>

struct prefix;

#define RUN_ARGS_MAX	32768	/* all arguments, filled in */

struct run_values {
	const char		*watch;		/* <watch> */
	const struct prefix	*addr;		/* <addr>; family 0: none */
	const struct prefix	*net;		/* <net>; family 0: none */
	uint32_t		 count;		/* <count> */
	/* name NUL value NUL ...; an `addr` in it goes before the above. */
	const char		*values;
	size_t			 len;
};

/*
 * args is so many strings with their NULs in len bytes; out is the same with
 * each <name> replaced, by "" if there is no such value, and "\\<name>" by
 * "<name>".  A byte of a value
 * that is a control byte becomes \ooo.  An argument stays one argument.  The
 * length, or 0 if it is longer than size.
 */
size_t	 run_argv_fill(char *out, size_t size, const char *args, size_t len,
	    const struct run_values *);
/* Of "<name>" at s, with both its ends; 0: there is none. */
size_t	 run_argv_tag(const char *s);
/*
 * How many backslashes are at s before a name: two of them are one, and after
 * an odd one the name is a text like others.
 */
size_t	 run_argv_escapes(const char *s);

#endif

/*
 * A regex over the first bytes of a connection: PCRE2's interpreter (the mux
 * may not map code), always with limits.
 */
#ifndef MUX_REGEX_H
#define MUX_REGEX_H

#include <stddef.h>
#include <stdint.h>

#include "probe/refract-probe.h"

struct regex;

/* NULL with why (TEXT_LEN). */
struct regex	*regex_new(const char *, size_t, char *why);
void		 regex_free(struct regex *);
/* RP_MORE: not yet, and what comes may make it match. */
enum rp_answer	 regex_match(const struct regex *, const void *, size_t);

#endif

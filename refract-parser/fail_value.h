/*
 * What a line gave for each name of a fail2ban filter, between the fail*.c.
 */
#ifndef FAIL_VALUE_H
#define FAIL_VALUE_H

#include <stddef.h>
#include <stdint.h>

#define FAIL_NAMES	64		/* of one filter; bits of `has` */

/* Names that mean something; those that are a filter's own come after. */
enum fail_name {
	NAME_FID,
	NAME_IP4,
	NAME_IP6,
	NAME_DNS,
	NAME_CIDR,
	NAME_MLFID,
	NAME_NOFAIL,
	NAME_GAINED,
	NAME_FORGET,
	NAME_CONTENT,
	NAME_USER,
	NAME_OWN
};

#define NAME_BIT(i)	(1ULL << (i))
#define NAME_IDS	(NAME_BIT(NAME_FID) | NAME_BIT(NAME_IP4) |	\
			    NAME_BIT(NAME_IP6) | NAME_BIT(NAME_DNS))

struct bytes {
	const char	*p;
	size_t		 n;
};

/* Without its bit in `has` a name has no text; with it, it may be empty. */
struct values {
	uint64_t	has;
	struct bytes	v[FAIL_NAMES];
};

/* There, and not empty. */
static inline int
value_said(const struct values *v, unsigned int name)
{
	return (v->has & NAME_BIT(name)) != 0 && v->v[name].n > 0;
}

#endif

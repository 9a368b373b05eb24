/*
 * The processes of the suite, by role.  design: README.md, "Processes".
 * Nothing but names and numbers lives here.
 */
#ifndef ROLE_H
#define ROLE_H

#include <stdint.h>

enum role {
	ROLE_PARENT,		/* refractd */
	ROLE_RULES,		/* refract-enforcer -R */
	ROLE_ENFORCER,		/* refract-enforcer */
	ROLE_LEDGER,		/* refractd -X ledger */
	ROLE_CONTROL,		/* refractd -X control */
	ROLE_PARSER,		/* refract-parser */
	ROLE_MUX,		/* refract-mux */
	ROLE_CLIENT,		/* refractctl: outside, never trusted */
	ROLE_MAX
};

#define ROLE_BIT(r)	(1u << (r))

/* "parent", "rules", ...; never NULL, "unknown" beyond ROLE_MAX. */
const char	*role_name(unsigned int);

#endif

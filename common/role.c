/*
 * The names of the roles, as logs and `show processes` print them.
 */
#include "role.h"

static const char *const role_names[ROLE_MAX] = {
	[ROLE_PARENT] = "parent",
	[ROLE_RULES] = "rules",
	[ROLE_ENFORCER] = "enforcer",
	[ROLE_LEDGER] = "ledger",
	[ROLE_CONTROL] = "control",
	[ROLE_PARSER] = "parser",
	[ROLE_MUX] = "mux",
	[ROLE_CLIENT] = "client"
};

const char *
role_name(unsigned int role)
{
	return role < ROLE_MAX ? role_names[role] : "unknown";
}

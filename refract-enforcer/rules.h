/*
 * The rules that ask the sets, fixed text made from action, hook and
 * instance; and the role that puts them into iptables (refract-enforcer -R).
 */
#ifndef RULES_H
#define RULES_H

#include "msg.h"
#include "sets.h"

/* How many of these rules refer to a set. */
unsigned int rules_refs(const struct msg_rules *, enum set_id);
/*
 * Ours first in their chains, each once; or none.  Changes nothing else.
 * 0, or -1 with the reason in text (TEXT_LEN), which may also hold a notice.
 */
int	 rules_install(const struct msg_rules *, char *text);
int	 rules_remove(const struct msg_rules *, char *text);
/* The process.  Does not return. */
void	 rules_main(int argc, char **argv) __attribute__((__noreturn__));

#endif

/*
 * The rules that ask the sets, fixed text made from action, hook and
 * instance; the role that puts them into iptables (refract-enforcer -R); and
 * the check of what this kernel can do (refract-enforcer -n).
 */
#ifndef RULES_H
#define RULES_H

#include "msg.h"
#include "sets.h"

/* How many of these rules refer to a set. */
unsigned int rules_refs(uint32_t action, enum set_id);
/*
 * Ours first in their chains, each once; or, without install, none.  Changes
 * nothing else.  0, or -1 with the reason in text (TEXT_LEN); a notice about
 * IPv6 may be in it too.
 */
int	 rules_change(const struct msg_rules *, int install, char *text);
/* The process.  Does not return. */
void	 rules_main(int argc, char **argv) __attribute__((__noreturn__));
/* Prints each feature that is missing.  The exit status. */
int	 check_main(void);

#endif

/*
 * How a process becomes what the table of privileges says it is, for good:
 * chroot, ids, bounding set, securebits, no_new_privs, Landlock, seccomp, in
 * the order that works (see sandbox.c), then the proof that there is no way
 * back.  Every failure is fatal; only Landlock goes as far as the kernel's ABI.
 */
#ifndef SANDBOX_H
#define SANDBOX_H

#include <stdint.h>

#include "role.h"

/* What each role keeps; one row a role in sandbox.c. */
struct sandbox;

/*
 * The row's user must exist.  root is the directory to chroot to; NULL takes
 * the role's own (SANDBOX_EMPTY; the ledger's is the state directory).
 */
void	 sandbox_enter_ids(enum role, const char *root);
/*
 * After descriptors that need the role's capability were opened: seccomp and
 * the proof.  Nothing that is not in the role's allowlist works from here.
 */
void	 sandbox_enter_filter(enum role);

/*
 * Instead of both, for somebody who is not root and runs a role for himself:
 * his ids and root directory stay; no_new_privs, no capabilities, Landlock as
 * far as the kernel has it and seccomp, which allows no open(2), are as above.
 */
void	 sandbox_enter_caller(enum role);

/* The user a role runs as: "_refractp"; "root" for parent and rules. */
const char *sandbox_user(enum role);

/*
 * Parent, before anything else: 0, or -1 if a capability is missing that it
 * cannot do without, which is logged by name.
 */
int	 sandbox_parent_check(void);
/* Parent: say which it has not and can do without. */
void	 sandbox_parent_notice(void);
/* Parent: keep only the allowlist (NET_ADMIN and NET_RAW still in). */
void	 sandbox_parent(void);
/* Parent: give up NET_ADMIN and NET_RAW for good. */
void	 sandbox_parent_drop_net(void);

#define SANDBOX_EMPTY	"/run/refract/empty"	/* see sandbox.c */

#endif

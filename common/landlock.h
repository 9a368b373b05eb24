/*
 * Landlock, as far as the running kernel has it; landlock(7).  Raw system
 * calls: the headers of older systems do not know the newer rights.
 */
#ifndef LANDLOCK_H
#define LANDLOCK_H

enum landlock_level {
	LANDLOCK_NOTHING,	/* no file, no tcp, no signal to the outside */
	LANDLOCK_ROOT_DIR,	/* and data files below the root directory */
	LANDLOCK_PROGRAMS,	/* reads and runs files; makes some in /run */
	LANDLOCK_NETWORK	/* tcp, and no file */
};

/* no_new_privs must be set.  Fatal if the kernel has Landlock and fails. */
void	 landlock_enter(enum landlock_level);

#endif

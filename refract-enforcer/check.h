/*
 * refract-enforcer -n: does this kernel have what is needed?
 */
#ifndef CHECK_H
#define CHECK_H

/* Prints each feature that is missing.  The exit status. */
int	 check_main(void);

#endif

/*
 * refractctl import fail2ban: jails become watches.  Offline: files are read,
 * refract.conf(5) is printed, nothing is asked of the daemon.
 */
#ifndef CTL_IMPORT_H
#define CTL_IMPORT_H

/*
 * Print what does the same as the jails of dir (NULL: fail2ban's own) that are
 * enabled.  What is not carried over is a comment there and a line on standard
 * error.  0; 1 if something of it could not be read.
 */
int	 import_fail2ban(const char *dir);

#endif

/*
 * Sockets on which syslog comes in: bound by the parent, read by the parser.
 */
#ifndef DATAGRAM_H
#define DATAGRAM_H

#include <stddef.h>

struct conf_source;

/* A bound socket that does not block, or -1 and why. */
int	 datagram_open(const struct conf_source *, char *why, size_t len);
/* Remove a unix socket's name, which datagram_open() has made. */
void	 datagram_remove(const char *path);

#endif

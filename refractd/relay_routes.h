/*
 * What -n asks the kernel for relays' servers.
 */
#ifndef RELAY_ROUTES_H
#define RELAY_ROUTES_H

struct conf;

/*
 * Prints the commands for sources whose answers would not come back to this
 * host: comments, as they are; log_warnx() for each.  Asks nothing that needs
 * root.
 */
void	 relay_routes(const struct conf *);

#endif

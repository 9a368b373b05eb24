/*
 * /etc/resolv.conf and /etc/hosts, for control, which resolves the names of
 * pools' members and has no files: read here, watched, and passed.
 */
#ifndef NAMESERVERS_H
#define NAMESERVERS_H

#include "msg.h"

struct conf;
struct event_base;

void	 nameservers_init(struct event_base *);
/* A configuration is in use: if it has names, tell control and keep watch. */
void	 nameservers_commit(const struct conf *);

/* --- What the files say: no state, for tests --- */

/* The text of a resolv.conf(5). */
void	 resolv_parse(struct msg_resolver *, const char *text);
/* Addresses of m->name in the text of a hosts(5): how many. */
unsigned int	 hosts_parse(struct msg_host *, const char *text);

#endif

/*
 * The limit rule: `limit N addresses per user within W`.
 *
 * An address is live for a user while no more than W has passed since it was
 * seen.  Addresses of one group (a /64, say) are one; the families are
 * counted apart unless `together`.
 *
 * Without grace, an address that is not live offends when N others are:
 *   newest  it is the offender, and the user's addresses stay as they are;
 *   oldest  the one that has been live longest is, and it takes its place;
 *   all     they all are, and the user begins anew.
 * With N 1 and `newest` this is the original refract's rule, line by line.
 *
 * With grace T, it is let in at first.  The overlap of addresses is the time
 * from the first line of the one that came last to the last line of the one
 * that fell silent first.  More than N addresses with an overlap longer than T
 * offend (whoever's line shows it); a hand-over from WiFi to LTE leaves the
 * old address silent and so never does.  More than 2 N + 2 live addresses are
 * no hand-over: then the newcomer offends at once.
 */
#ifndef RULE_H
#define RULE_H

#include "addr.h"
#include "clock.h"
#include "conf.h"
#include "users.h"

#define RULE_LIMIT_MAX	1000	/* addresses per user: `limit` */
#define OFFENDERS_MAX	32	/* of one line (`all`); more: the next line */

struct rule {
	span_t		window, grace;
	enum limit_victim victim;
	int		together;
	unsigned int	group4, group6;
};

struct offender {
	struct prefix	addr;		/* the whole address */
	uint16_t	port;		/* of its last line */
};

struct verdict {
	int		n;		/* offenders; 0: all is well */
	int		joined;		/* the address was not live before */
	struct offender	list[OFFENDERS_MAX];
};

/* A line: this user (limit > 0) from this address and port at this time. */
void	rule_line(const struct rule *, struct user *, const struct prefix *,
	    uint16_t port, logtime_t, struct verdict *);
void	sighting_addr(const struct sighting *, struct prefix *);

#endif

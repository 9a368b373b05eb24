/*
 * What the routes of a listener mean.  A route is built from left to right:
 * a probe and conditions, what is done, options; route_end() adds it.
 */
#ifndef ROUTES_H
#define ROUTES_H

#include "build.h"

void	 routes_start(void);
/* Pools and taps by name are found, what cannot be reached is told. */
void	 routes_finish(void);
/* A listener that is replaced. */
void	 routes_drop(const struct conf_listener *);

/* enum rp_proto by its name, 0: none; and back. */
int	 route_probe_number(const char *);
const char *route_probe_name(int);
/* As a route says it, also what is no probe: ROUTE_OTHERWISE ...; or "". */
const char *route_probe_text(int);
const char *route_cond_name(enum cond_kind);
/* The nearest name of a probe, or NULL. */
const char *route_probe_nearest(const char *);

/* n: enum rp_proto, or ROUTE_TIMEOUT ...  */
void	 route_probe(const struct val *);
/* The items are the texts of one condition. */
void	 route_texts(const struct val *, enum cond_kind);
void	 route_regex(const struct val *, enum cond_kind, const struct val *);
/* Offset and mask, s NULL: not said. */
void	 route_bytes(const struct val *, const struct val *,
	    const struct val *);
void	 route_from(const struct val *, uint32_t table);
/* n: enum route_action; ROUTE_TO was said by one of the next. */
void	 route_action(const struct val *);
void	 route_to_pool(const struct val *);
void	 route_to_member(const struct val *);	/* the one of pools.h */
void	 route_proxy(const struct val *);	/* n: 1, 2 */
void	 route_transparent(const struct val *);
void	 route_tap(const struct val *);
void	 route_idle(const struct val *);
void	 route_after(const struct val *);
void	 route_end(const struct place *);
/* After a syntax error. */
void	 route_forget(void);

#endif

/*
 * What the statements of a pool and of a tap mean.
 */
#ifndef POOLS_H
#define POOLS_H

#include "build.h"

void	 pools_start(void);
void	 pools_finish(void);
void	 pool_open(const struct val *);
void	 pool_close(void);
/* Of this name, or of this one backend (made if there is none yet). */
struct conf_pool *pool_named(const char *);
struct conf_pool *pool_direct(const struct wire_member *);
/* Of a relay, `asked': wherever it is asked to go; else with members. */
struct conf_pool *pool_relay_open(const struct place *, const char *,
	    int asked);
void	 pool_relay_close(void);
/* Say so, and which name is near. */
void	 pool_undefined(const struct val *);
/* The path of a member, or NULL. */
const char *pool_has_unix(const struct conf_pool *);
/* Over what routes speak to each is known: is that so of its check? */
void	 pools_transports(void);
/* 1 if what is sent to it comes back to this listener. */
int	 pool_is_listener(const struct conf_pool *,
	    const struct conf_listener *);

/*
 * One backend, of a pool or of a route: what was said last, and its options.
 */
void	 member_address(const struct val *, const struct val *);
void	 member_host(const struct val *, const struct val *);
void	 member_unix(const struct val *);
void	 member_weight(const struct val *);
void	 member_backup(const struct val *);
void	 member_ttl(const struct val *, const struct val *);
/* It is the pool's. */
void	 member_end(const struct place *);
/* It is the route's: 0, or -1 if it was reported. */
int	 member_take(struct wire_member *);
/* "127.0.0.1 port 22", as the language writes it. */
const char *member_print(const struct wire_member *, char *, size_t);

void	 pool_balance(const struct val *);
void	 pool_check(const struct val *, enum check_kind);
void	 pool_check_probe(const struct val *);	/* n: enum rp_proto */
void	 pool_check_root(void);
void	 pool_check_path(const struct val *);
void	 pool_check_send(const struct val *, const struct val *,
	    const struct val *);
void	 pool_check_status(const struct val *);
void	 pool_interval(const struct val *);
void	 pool_timeout(const struct val *);
void	 pool_rise(const struct val *);
void	 pool_fall(const struct val *);
void	 pool_passive(const struct val *);	/* 0: none */
void	 pool_when_down(const struct val *);	/* n: 0: otherwise */
/* The items are addresses. */
void	 pool_sources(const struct val *);

void	 tap_unix(const struct val *, const struct val *);
/* The items are its arguments. */
void	 tap_run(const struct val *);

#endif

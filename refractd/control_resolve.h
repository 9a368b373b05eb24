/*
 * Names of pools' members, resolved: asked for again and again as their times
 * to live say, told to every worker of the mux, and kept when nobody answers.
 * What is learned is data from outside: nothing but addresses is taken.
 */
#ifndef CONTROL_RESOLVE_H
#define CONTROL_RESOLVE_H

#include <stdint.h>

#include "addr.h"
#include "clock.h"
#include "conf_mux.h"

struct channel;
struct conf;
struct event_base;
struct msg_host;
struct msg_resolver;

#define RESOLVE_FAILED_MS	10000	/* asked again after no answer */
#define RESOLVE_NONE_MS		10000	/* ... and after "there is none" */

/* Once, after the sandbox. */
void	 resolve_init(struct event_base *);
/* M_HOSTs, and then the M_RESOLVER that puts them to use. */
void	 resolve_host(const struct msg_host *);
void	 resolve_servers(const struct msg_resolver *);
/* These names, from now on. */
void	 resolve_commit(const struct conf *);
/* A worker is new: all that is known. */
void	 resolve_tell(struct channel *);
/* Nothing is asked any more. */
void	 resolve_stop(void);
/* What a member by name is now; n 0: not known, or nothing. */
unsigned int	 resolve_addrs(const struct wire_member *,
		    const struct prefix **);

/* --- What an answer says: no state, for tests and fuzzing --- */

enum verdict {
	ANSWER_GOOD,		/* there are addresses */
	ANSWER_NONE,		/* there is no such name, or it has none */
	ANSWER_FAILED		/* nobody knows */
};

/* Of one family, in order and each once. */
struct answer {
	enum verdict	verdict;
	span_t		ttl;		/* ANSWER_GOOD */
	unsigned int	n;
	struct prefix	addrs[MUX_RESOLVED_MAX];
};

/*
 * evdns' words (event2/dns.h) for a question of this family.  list: count
 * addresses as they are in the message.
 */
void	 answer_read(struct answer *, int family, int result, int type,
	    int count, int ttl, const void *list);
/* Both families, half of the places for each that needs them: how many. */
unsigned int	 answers_join(struct prefix list[MUX_RESOLVED_MAX],
		    const struct answer *, const struct answer *);

#endif

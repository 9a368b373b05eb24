/*
 * How often a prefix was banned, for bans that grow: a bounded table by watch
 * and prefix, and by prefix alone for `together`.  The ledger tells what was
 * before the start.  Where the table is full the one that was banned longest
 * ago is forgotten: his next ban is a first one.
 */
#ifndef GROW_H
#define GROW_H

#include <stdint.h>

#include "addr.h"
#include "clock.h"
#include "msg.h"

void		 grow_init(void);
void		 grow_clear(void);
/* watch 0: by any. */
uint32_t	 grow_count(uint64_t watch, const struct prefix *);
/* One ban more of this watch; subject is watch_hash() of its subject. */
void		 grow_add(uint64_t watch, const struct prefix *, wall_t,
		    uint64_t subject);
/* From the ledger. */
void		 grow_known(const struct wire_growth *);
/*
 * What the target means is forgotten; of one watch or (0) of all; unless the
 * last ban is later than this, for then the ledger has forgiven it already.
 */
void		 grow_forgive(const struct msg_target *, uint64_t watch,
		    wall_t until);
/*
 * span times by/1000 for each of count bans before, max at the most; max 0:
 * span.
 */
span_t		 grow_span(span_t, uint32_t by, span_t max, uint32_t count);

#endif

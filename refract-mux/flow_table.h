/*
 * Flows by their client and the address that it spoke to: a hash table that
 * grows, under a key of its own so that nobody chooses what meets in it.
 */
#ifndef FLOW_TABLE_H
#define FLOW_TABLE_H

#include <stdint.h>

#include "addr.h"

struct flow_key {
	struct prefix	 from, to;	/* whole */
	uint16_t	 port;		/* the client's, host order */
	uint16_t	 bind;		/* wire_bind.slot */
};

struct flow_entry {
	struct flow_entry	*next;
	struct flow_key		 key;
	uint32_t		 hash;
};

struct flow_table {
	struct flow_entry	**rows;
	uint32_t		 nrows, n;	/* nrows: a power of two */
	uint64_t		 seed;
};

/* 0, or -1 without memory. */
int	 flow_table_init(struct flow_table *);
void	 flow_table_clear(struct flow_table *);
struct flow_entry	*flow_table_find(const struct flow_table *,
			    const struct flow_key *);
/* e->key is none that is there. */
void	 flow_table_add(struct flow_table *, struct flow_entry *);
void	 flow_table_remove(struct flow_table *, struct flow_entry *);

#endif

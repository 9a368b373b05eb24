/* LINK: refract-mux/flow_table.o */
/*
 * The table of flows under what comes in any order, with a plain list beside
 * it: flows begin, are found, go on, end, are evicted, the idlest first, and
 * expire.  What the one has the other has.  An input is steps of two bytes:
 * what, and whose.
 */
#include <sys/queue.h>
#include <sys/socket.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "flow_table.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

#define KEYS	4096
#define BOUND	1024		/* flows: the table grows twice */
#define CROWD	64
#define IDLE	64		/* steps */
#define STEPS	512

struct one {
	struct flow_entry	e;
	TAILQ_ENTRY(one)	idle;
	unsigned int		who;
	uint64_t		active;
};

/* In the order of `active`, as a listener's flows are. */
static TAILQ_HEAD(, one)	idlest;
static struct flow_table	table;
static struct one		*there[KEYS];	/* the model */
static uint32_t			nthere;
static uint64_t			now;

static void
need(int good)
{
	if (!good)
		abort();
}

/* Each bit of who is one of a key's fields: neighbours differ in but one. */
static struct flow_key
key_of(unsigned int who)
{
	struct flow_key	k;
	int		six = who & 1;

	memset(&k, 0, sizeof(k));
	k.from.family = k.to.family = six ? AF_INET6 : AF_INET;
	k.from.plen = k.to.plen = six ? 128 : 32;
	k.from.addr[3] = (uint8_t)(who >> 1 & 0x0f);
	k.to.addr[0] = (uint8_t)(who >> 5 & 3);
	k.port = (uint16_t)(who >> 7 & 0x0f);
	k.bind = (uint16_t)(who >> 11);
	return k;
}

static void
find(unsigned int who)
{
	struct flow_key	k = key_of(who);

	need(flow_table_find(&table, &k) == (there[who] == NULL ? NULL :
	    &there[who]->e));
}

static void
end(struct one *o)
{
	flow_table_remove(&table, &o->e);
	TAILQ_REMOVE(&idlest, o, idle);
	there[o->who] = NULL;
	nthere--;
	find(o->who);
	free(o);
}

static void
touch(struct one *o)
{
	o->active = now;
	TAILQ_REMOVE(&idlest, o, idle);
	TAILQ_INSERT_TAIL(&idlest, o, idle);
}

static void
evict(void)
{
	if (!TAILQ_EMPTY(&idlest))
		end(TAILQ_FIRST(&idlest));
}

static void
begin(unsigned int who)
{
	struct one	*o;

	if (there[who] != NULL) {
		touch(there[who]);
		return;
	}
	if (nthere == BOUND)
		evict();
	need((o = calloc(1, sizeof(*o))) != NULL);
	o->who = who;
	o->e.key = key_of(who);
	o->active = now;
	flow_table_add(&table, &o->e);
	TAILQ_INSERT_TAIL(&idlest, o, idle);
	there[who] = o;
	nthere++;
}

static void
expire(void)
{
	struct one	*o;

	while ((o = TAILQ_FIRST(&idlest)) != NULL && now - o->active >= IDLE)
		end(o);
}

/* Its client comes from another address: that is a new flow. */
static void
move(unsigned int who, unsigned int to)
{
	if (there[who] == NULL || who == to)
		return;
	begin(to);
	if (there[who] != NULL)
		end(there[who]);
}

static void
step(unsigned int what, unsigned int who)
{
	unsigned int	i;

	now++;
	switch (what) {
	case 0:
		begin(who);
		break;
	case 1:			/* a crowd */
		for (i = 0; i < CROWD; i++)
			begin((who + i * 17) % KEYS);
		break;
	case 2:
		if (there[who] != NULL)
			end(there[who]);
		break;
	case 3:
		if (there[who] != NULL)
			touch(there[who]);
		break;
	case 4:
		move(who, who ^ 1u << (who >> 3) % 12);
		break;
	case 5:
		evict();
		break;
	case 6:
		now += who;
		expire();
		break;
	}
	find(who);
	need(table.n == nthere && nthere <= BOUND);
}

/* There are as many rows as flows, or more; each is in its own. */
static void
check_rows(void)
{
	struct flow_entry	*e;
	uint32_t		 i, n = 0;

	need((table.nrows & (table.nrows - 1)) == 0);
	for (i = 0; i < table.nrows; i++)
		for (e = table.rows[i]; e != NULL; e = e->next, n++)
			need((e->hash & (table.nrows - 1)) == i);
	need(n == table.n && n <= table.nrows);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	unsigned int	who;
	size_t		i;

	TAILQ_INIT(&idlest);
	need(flow_table_init(&table) == 0);
	for (i = 0; i + 1 < len && i < 2 * STEPS; i += 2)
		step(data[i] >> 4 & 7, (data[i] & 0x0fu) << 8 | data[i + 1]);
	for (who = 0; who < KEYS; who++)
		find(who);
	check_rows();
	while (nthere > 0)
		evict();
	check_rows();
	flow_table_clear(&table);
	return 0;
}

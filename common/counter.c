/*
 * The table of counters and this process' own values.
 */
#include "counter.h"

#define C(id, role, kind, name, help)					\
	[COUNT_##id] = { ROLE_##role, COUNTER_##kind, name, help },
const struct counter_info counter_table[COUNTER_MAX] = { COUNTER_LIST };
#undef C

uint64_t counters[COUNTER_MAX];

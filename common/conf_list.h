/*
 * Between the files that make and read a configuration: memory that is there
 * or fatal, and what they do with lists, which are all linked by `entry`.
 */
#ifndef CONF_LIST_H
#define CONF_LIST_H

#include <stddef.h>

#ifndef nitems
#define nitems(a)	(sizeof(a) / sizeof((a)[0]))
#endif

/* Zeroed; fatal if there is none. */
void	*conf_alloc(size_t);

/* A pointer to what is in a list, which may be a const one. */
#define ITEM_OF(head)	__typeof__(&*TAILQ_FIRST(head))

/* What each item owns is freed first: it is called `item` in there. */
#define FREE_ITEMS(head, ...) do {					\
	ITEM_OF(head)	item;						\
									\
	while ((item = TAILQ_FIRST(head)) != NULL) {			\
		TAILQ_REMOVE(head, item, entry);			\
		__VA_ARGS__;						\
		free(item);						\
	}								\
} while (0)

#define FREE_LIST(head)		FREE_ITEMS(head, (void)0)

/* The same of a STAILQ. */
#define FREE_STAILQ(head) do {						\
	__typeof__(&*STAILQ_FIRST(head))	item;			\
									\
	while ((item = STAILQ_FIRST(head)) != NULL) {			\
		STAILQ_REMOVE_HEAD(head, entry);			\
		free(item);						\
	}								\
} while (0)

/* One by one, each by its own function. */
#define FREE_EACH(head, free_one) do {					\
	ITEM_OF(head)	item;						\
									\
	while ((item = TAILQ_FIRST(head)) != NULL) {			\
		TAILQ_REMOVE(head, item, entry);			\
		free_one(item);						\
	}								\
} while (0)

/* `number` becomes `to` in each item's w. */
#define SET_EACH(head, number, to) do {					\
	ITEM_OF(head)	item;						\
									\
	TAILQ_FOREACH(item, head, entry)				\
		item->w.number = (to);					\
} while (0)

/* A function that looks one up in a list of `from`, or says NULL. */
#define LOOK_UP(fn, type, from, list, key, is_it)			\
struct type *								\
fn(const struct from *c, key)						\
{									\
	struct type	*item;						\
									\
	TAILQ_FOREACH(item, &c->list, entry)				\
		if (is_it)						\
			break;						\
	return item;							\
}
#define LOOK_UP_ID(fn, type, from, list)				\
	LOOK_UP(fn, type, from, list, uint32_t id, item->w.id == id)
#define LOOK_UP_HASH(fn, type, from, list)				\
	LOOK_UP(fn, type, from, list, uint64_t hash, item->w.hash == hash)
/* What was written in place has no name: it is never found. */
#define LOOK_UP_NAME(fn, type, from, list)				\
	LOOK_UP(fn, type, from, list, const char *name, *name != '\0' && \
	    strcmp(item->w.name, name) == 0)

#endif

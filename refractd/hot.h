/*
 * `hot reload`: says when a file of the configuration has changed.
 */
#ifndef HOT_H
#define HOT_H

struct event_base;

/* changed is called from the loop. */
void	 hot_init(struct event_base *, void (*changed)(void));
/*
 * After a parse: watch what it read (parse_files()), or nothing if on is 0.
 * A change between the reading and the watching is told too.
 */
void	 hot_watch(int on);

#endif

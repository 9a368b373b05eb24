/*
 * Programs that taps of the mux are read by: one for each tap and worker,
 * which gets pcapng on its standard input.
 */
#ifndef PARENT_TAP_H
#define PARENT_TAP_H

struct conf_tap;
struct event_base;

/*
 * Start it for this worker: the descriptor to write to, which does not block,
 * or -1 and errno.  EBUSY: the one before has not ended; EAGAIN: it was
 * started a moment ago.
 */
int	 tap_open(const struct conf_tap *, unsigned int worker);
/*
 * The workers have gone, so all that there is was written: done() when those
 * who read it have ended too, which may be at once.
 */
void	 tap_last(struct event_base *, void (*done)(void));

#endif

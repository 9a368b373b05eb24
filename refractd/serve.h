/*
 * The daemon: the suite brought up in its order, and what the parent does and
 * answers while it runs.
 */
#ifndef SERVE_H
#define SERVE_H

struct conf;
struct parse_args;

struct serve_args {
	const struct parse_args	*parse;		/* for reloads */
	const char		*dir;		/* where this program lies */
	int			 verbose;
	int			 background;	/* pipe to tell when up; -1 */
};

/* The lock is ours; the configuration becomes ours.  Does not return. */
void	 serve(const struct serve_args *, struct conf *)
	    __attribute__((__noreturn__));

#endif

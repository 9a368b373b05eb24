/*
 * refractd -t: what a watch makes of lines.
 */
#ifndef EXPLAIN_H
#define EXPLAIN_H

struct conf;

struct explain_args {
	const char	*dir;		/* where this program lies */
	const char	*watch;
	char		**files;	/* NULL at the end; none: stdin */
	int		 json, verbose;
};

/* Does not return.  The configuration is owned from here. */
void	 explain(const struct explain_args *, struct conf *)
	    __attribute__((__noreturn__));

#endif

/*
 * The words of refractctl's command line.  Nothing here prints or sends.
 */
#ifndef CTL_PARSE_H
#define CTL_PARSE_H

#include <stdint.h>

#include "addr.h"
#include "clock.h"
#include "ctl_buf.h"
#include "msg.h"

/* What was asked for; type says which of the rest counts. */
struct ctl_request {
	uint32_t	type;		/* C_* */
	uint32_t	what;		/* C_SHOW: enum show_what */
	uint32_t	number;		/* C_VERBOSE, C_MONITOR, C_POOL */
	struct prefix	prefix;		/* family 0: all, or none given */
	int		slash;		/* "/len" was written */
	uint8_t		proto;
	uint16_t	port;
	span_t		span;
	wall_t		since;
	enum show_by	by;
	char		name[NAME_MAX_LEN];
	char		reason[EVIDENCE_LEN];
	char		value[SUBJECT_LEN];	/* C_FLUSH */
	/* C_TRIGGER: name NUL value NUL ... */
	char		values[VALUES_LEN];
	size_t		values_len;
	char		member[MUX_HOST_LEN];	/* C_POOL; "": all */
	/* import: nothing is sent, type says nothing. */
	int		import;
	const char	*dir;		/* an argument; NULL: not said */
};

/*
 * Words may be shortened as long as they are unambiguous.  0, or -1 with what
 * was found and what was expected in why.
 */
int	 ctl_parse(struct ctl_request *, int argc, char *const *argv,
	    wall_t now, struct obuf *why);
/* A line a command. */
void	 ctl_usage(struct obuf *);

#endif

/*
 * A line that is a JSON object (RFC 8259): a few of its values, found by
 * dotted paths.  It is read once from its first byte to its last, so that a
 * line which is not whole is never half believed; nothing is allocated.
 */
#ifndef JSON_H
#define JSON_H

#include <stddef.h>

#include "conf.h"
#include "follow.h"

#define JSON_DEPTH	32	/* objects and arrays in each other */

/*
 * "a.b" is the value of "b" in the object "a", or of a key that is spelled so.
 * A string without its escapes; a number, true and false as they are written;
 * null, objects and arrays are as if they were not there.  If a key comes
 * twice, the last one counts.
 */
struct json_want {
	const char	*path;		/* "" or NULL: nothing */
	const char	*p;		/* in line or buf; NULL: not there */
	size_t		 n;
};

#define JSON_WANTS	4

/* 0, or -1: it is not a JSON object, or buf has no room. */
int	 json_find(const char *p, size_t n, struct json_want *wants,
	    unsigned int nwants, char *buf, size_t room);

/* What a watch wants of a line; see `json` in refract.conf(5). */
struct json_line {
	const char	*message;	/* without newlines */
	size_t		 message_len;
	const char	*time;		/* NULL: not there, not asked for */
	size_t		 time_len;
	const char	*addr;
	size_t		 addr_len;
	char		 buf[LINE_MAX_LEN];
};

/*
 * 0: all is there, but for the time and address that may be missing; 1: it is
 * an object without the message's field, so nothing can match; -1: broken.
 * What it says is valid while line and out are.
 */
int	 json_line(const struct wire_watch *, const char *p, size_t n,
	    struct json_line *out);

#endif

/*
 * The grammar of Xray-core's (and V2Ray's) access log, every version.
 *
 *	line	= [ PREFIX ] DATE " " TIME " " [ "from " ] FROM " " STATUS " "
 *		  TO [ " [" DETOUR "]" ] [ " " REASON ] [ " email: " EMAIL ]
 *	PREFIX	= what syslog, docker or supervisord put before it
 *	FROM	= [ NET ":" ] ADDR ":" PORT | "DNS" | "@" path | ""
 *	ADDR	= IPv4 | "[" IPv6 [ "%" zone ] "]" | masked
 *	DETOUR	= [ inbound ( " -> " | " >> " | " ==> " ) ] outbound
 *
 * The client chooses TO, so nothing is believed because of what stands
 * there: FROM is read from the left, EMAIL is what follows the last
 * " email: ", and an email that ends the way only TO or DETOUR can is none.
 */
#ifndef XRAY_H
#define XRAY_H

#include <stddef.h>
#include <stdint.h>

#include "addr.h"

enum xray_kind {
	XRAY_UNKNOWN,		/* nothing this grammar knows */
	XRAY_OTHER,		/* the core's, but no access: errors, dns */
	XRAY_REJECTED,		/* never counts */
	XRAY_NOSOURCE,		/* accepted, but not from an address */
	XRAY_MASKED,		/* accepted; the address is made unreadable */
	XRAY_ACCEPTED		/* source, port and perhaps email are set */
};

struct slice {
	const char	*p;
	size_t		 n;
};

/* All slices lie in the line that was given. */
struct xray_line {
	enum xray_kind	 kind;
	struct slice	 date;		/* YYYY/MM/DD HH:MM:SS[.fraction] */
	struct slice	 from;		/* FROM as it stands */
	struct slice	 rest;		/* TO up to " email: " or the end */
	struct slice	 email;		/* n 0: none */
	struct prefix	 source;	/* whole, v4-mapped folded */
	uint16_t	 port;		/* 0: the address was forwarded */
};

#define XRAY_PREFIX_MAX	256	/* the date begins before this byte */

/* p[0..n) without the newline.  Returns l->kind. */
enum xray_kind	xray_parse(struct xray_line *l, const char *p, size_t n);
/* The inbound's tag, n 0 if the line names none. */
struct slice	xray_inbound(const struct xray_line *);

#endif

/*
 * The srcproxy protocol, version 1: one header from the relay's client, then
 * the relayed bytes both ways.  All integers big-endian.
 *
 *	version 1, opcode 1
 *	length, auth		32 bytes from the original: SHA-256 of a token
 *	4 or 16, destination, its port
 *	4 or 16, source, its port
 *
 * Version 2 is ours, for relays that share a key; it is never sent to an
 * original:
 *
 *	version 2, opcode 1
 *	id of the key		8 bytes
 *	time			8 bytes, ms since 1970
 *	nonce			16 bytes
 *	4 or 16, destination, its port
 *	4 or 16, source, its port
 *	HMAC-SHA256		32 bytes, by the key, of all before it
 *
 * Pure: no clock, no socket.
 */
#ifndef SRCPROXY_H
#define SRCPROXY_H

#include <stddef.h>
#include <stdint.h>

#include "addr.h"
#include "probe/refract-probe.h"

#define SRCPROXY_MAX	296	/* the longest header of either version */
#define SRCPROXY_AUTH	32	/* SHA-256 */
#define SRCPROXY_NONCE	16
#define SRCPROXY_KEYID	8
#define SRCPROXY_PORT	21829	/* the original's */

struct srcproxy {
	struct prefix	to, from;	/* whole; v4-mapped ones folded */
	uint16_t	to_port, from_port;
	int		version;
	/* Version 1. */
	uint8_t		auth[255];
	size_t		auth_len;
	/* Version 2. */
	uint8_t		keyid[SRCPROXY_KEYID];
	uint8_t		nonce[SRCPROXY_NONCE];
	int64_t		at;		/* wall_t */
	size_t		signed_len;	/* the HMAC is over so many bytes */
	uint8_t		mac[32];
};

/* What is wrong with a header. */
enum srcproxy_error {
	SRCPROXY_GOOD,
	SRCPROXY_VERSION,
	SRCPROXY_OPCODE,
	SRCPROXY_ADDRESS	/* its length, or family */
};

/* RP_YES: all of it, *len bytes; RP_NO: *why. */
enum rp_answer	 srcproxy_parse(const uint8_t *, size_t n, size_t *len,
		    struct srcproxy *, enum srcproxy_error *why);
const char	*srcproxy_error(enum srcproxy_error);

/* SHA-256 of a token, an empty one too. */
void		 srcproxy_token(const char *token, size_t len,
		    uint8_t auth[SRCPROXY_AUTH]);
/* What names a key on the wire without telling it. */
void		 srcproxy_keyid(const uint8_t *key, size_t len,
		    uint8_t id[SRCPROXY_KEYID]);

/* Bytes written: s's addresses, auth (and auth_len) as they are. */
size_t		 srcproxy_write(uint8_t buf[SRCPROXY_MAX],
		    const struct srcproxy *);
/* The same for version 2: s->nonce and s->at are the caller's. */
size_t		 srcproxy_write_signed(uint8_t buf[SRCPROXY_MAX],
		    const struct srcproxy *, const uint8_t *key, size_t len);
/* 1 if the header that was parsed from buf is signed by this key. */
int		 srcproxy_verify(const uint8_t *buf, const struct srcproxy *,
		    const uint8_t *key, size_t len);
/* Constant time: 1 if both are the same. */
int		 srcproxy_same(const void *, const void *, size_t);

#endif

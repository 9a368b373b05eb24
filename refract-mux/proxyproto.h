/*
 * The PROXY protocol, versions 1 and 2 (haproxy.org, proxy-protocol.txt):
 * whose connection it is, said before its bytes.
 */
#ifndef PROXYPROTO_H
#define PROXYPROTO_H

#include <stddef.h>
#include <stdint.h>

#include "addr.h"
#include "probe/refract-probe.h"

#define PROXY_MAX	4096	/* a header, of ours or one that we take */
#define PROXY_UNIQUE_MAX 128	/* section 2.2.5 */

/* What a header says; slices lie in its bytes. */
struct proxy_addrs {
	struct prefix	from, to;	/* whole; family 0: not said */
	uint16_t	from_port, to_port;
	struct rp_slice	tlvs;		/* version 2, as they came */
};

struct proxy_tlvs {			/* version 2; n 0: none */
	/* Of a header that came in: they go on, and win over ours. */
	struct rp_slice	came;
	struct rp_slice	alpn, authority, unique;
	int		dgram;
};

/*
 * RP_YES: a whole header of *len bytes, at most PROXY_MAX.  LOCAL, UNKNOWN
 * and what is no TCP or UDP leave the addresses as they are (family 0).
 */
enum rp_answer	 proxy_parse(const uint8_t *, size_t n, size_t *len,
		    struct proxy_addrs *);
/* Bytes written into buf; version 1 or 2. */
size_t		 proxy_write(uint8_t buf[PROXY_MAX], int version,
		    const struct proxy_addrs *, const struct proxy_tlvs *);

#endif

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

#define PROXY_MAX	1024	/* a header of ours, TLVs included */
#define PROXY_IN_MAX	4096	/* one that we take */

struct proxy_addrs {
	struct prefix	from, to;	/* whole; family 0: not said */
	uint16_t	from_port, to_port;
};

struct proxy_tlvs {			/* version 2; n 0: none */
	const uint8_t	*alpn, *authority;
	size_t		 alpn_len, authority_len;
	uint64_t	 unique;	/* 0: none */
	int		 dgram;
};

/*
 * RP_YES: a whole header of *len bytes.  LOCAL and UNKNOWN leave the
 * addresses as they are (family 0).
 */
enum rp_answer	 proxy_parse(const uint8_t *, size_t n, size_t *len,
		    struct proxy_addrs *);
/* Bytes written into buf, at most PROXY_MAX; version 1 or 2. */
size_t		 proxy_write(uint8_t buf[PROXY_MAX], int version,
		    const struct proxy_addrs *, const struct proxy_tlvs *);

#endif

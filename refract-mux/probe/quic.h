/*
 * Between the files of QUIC: Initial packets' keys and their use.
 */
#ifndef QUIC_H
#define QUIC_H

#include "refract-probe-udp.h"

#define QUIC_TAG	16
#define QUIC_SAMPLE	16
#define QUIC_NUMBER_MAX	4

/* A number of RFC 9000 16: how many bytes it takes, 0 if they are not here. */
size_t	 quic_varint(const uint8_t *p, size_t n, uint64_t *);

struct quic_keys {
	uint8_t	key[16], iv[12], hp[16];
};

/* RFC 9001 5.2; of the client's packets, or the server's. */
void	 quic_keys(struct quic_keys *, uint32_t version, const uint8_t *dcid,
	    size_t ndcid, int server);
/* RFC 9001 5.4.3: the five bytes that hide a header. */
void	 quic_mask(const struct quic_keys *, const uint8_t *sample,
	    uint8_t mask[16]);
/*
 * Open n bytes of a packet whose unprotected header of nheader bytes is given;
 * out gets n - QUIC_TAG bytes.  1 if they are authentic.
 */
int	 quic_open(const struct quic_keys *, uint64_t number,
	    const uint8_t *header, size_t nheader, const uint8_t *p, size_t n,
	    uint8_t *out);
/* The other way: out gets n + QUIC_TAG bytes. */
void	 quic_seal(const struct quic_keys *, uint64_t number,
	    const uint8_t *header, size_t nheader, const uint8_t *p, size_t n,
	    uint8_t *out);
/* RFC 9001 5.8, RFC 9369 3.3.3: over n bytes of a Retry before its tag. */
void	 quic_retry_tag(uint32_t version, const uint8_t *odcid, size_t nodcid,
	    const uint8_t *p, size_t n, uint8_t tag[QUIC_TAG]);

#endif

/*
 * pcapng (draft-ietf-opsawg-pcapng), for taps: blocks in the byte order of
 * this machine, stamps in nanoseconds, and bytes of a stream as the TCP
 * packets of LINKTYPE_RAW that would have carried them.
 *
 * A block is what stands before its data, the data, which nobody copies
 * here, and what stands behind them.
 */
#ifndef PCAPNG_H
#define PCAPNG_H

#include <stddef.h>
#include <stdint.h>

#include "addr.h"

#define PCAPNG_DATA_MAX		32768	/* of a packet */
#define PCAPNG_COMMENT_MAX	1500	/* what is longer is cut */

struct pcapng_block {
	uint8_t		 head[256];
	size_t		 nhead;
	const uint8_t	*data;
	size_t		 ndata;
	uint8_t		 tail[PCAPNG_COMMENT_MAX + 64];
	size_t		 ntail;
};

struct pcapng_packet {
	const struct prefix *from, *to;	/* whole */
	uint16_t	 from_port, to_port;
	uint32_t	 seq, ack;
	uint8_t		 flags;		/* TH_* of netinet/tcp.h */
	int		 outbound;	/* we sent it; else it came */
	int		 datagram;	/* UDP: no seq, ack, flags */
	const uint8_t	*data;
	size_t		 n;		/* at most PCAPNG_DATA_MAX */
	uint64_t	 ns;		/* since 1970 */
	uint64_t	 lost;		/* records before it */
	const char	*comment;	/* UTF-8, or NULL */
};

/* What a file begins with: its section, and its one interface by name. */
void	 pcapng_begin(struct pcapng_block *, const char *name);
void	 pcapng_packet(struct pcapng_block *, const struct pcapng_packet *);
/* How many records there were up to now, and how many of them were lost. */
void	 pcapng_counts(struct pcapng_block *, uint64_t ns, uint64_t records,
	    uint64_t lost);
size_t	 pcapng_size(const struct pcapng_block *);

#endif

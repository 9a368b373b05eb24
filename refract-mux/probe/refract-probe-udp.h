/*
 * librefract-probe, what datagrams need beyond one look: a hello that comes in
 * several of them, and what their headers say.  Nothing is allocated: the
 * caller owns the structs and the buffers that they work in.
 */
#ifndef REFRACT_PROBE_UDP_H
#define REFRACT_PROBE_UDP_H

#include "refract-probe.h"

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

/*
 * Pieces of a stream put together in any order: they may overlap and come
 * again, but a byte that comes again is the same.
 */
#define RP_JOIN_RANGES	32	/* pieces with gaps between them */

struct rp_join {
	uint8_t		*buf;
	size_t		 size;
	unsigned int	 n;
	struct {
		uint32_t	from, to;
	}		 have[RP_JOIN_RANGES];	/* ascending, apart */
};

enum rp_joined {
	RP_JOINED,
	RP_JOIN_LATER,		/* one gap too many: as if it were lost */
	RP_JOIN_BEYOND,		/* behind the buffer's end */
	RP_JOIN_DIFFERS		/* from what came before */
};

/* size: at most 2^32 - 1. */
void		 rp_join_begin(struct rp_join *, void *buf, size_t size);
enum rp_joined	 rp_join_add(struct rp_join *, uint64_t at, const void *,
		    size_t);
/* How many bytes from the beginning are there without a gap. */
size_t		 rp_join_prefix(const struct rp_join *);

/* QUIC: RFC 8999, 9000, 9001, 9369. */

#define RP_QUIC_V1		0x00000001
#define RP_QUIC_V2		0x6b3343cf
#define RP_QUIC_V2_DRAFT	0x709a50c4	/* ngtcp2 before 0.13 */
#define RP_QUIC_CID_MAX		20
#define RP_QUIC_CRYPTO_MAX	65536	/* more is no hello of anybody */
#define RP_QUIC_DATAGRAM_MIN	1200	/* with an Initial, RFC 9000 14.1 */

enum rp_quic_kind {
	RP_QUIC_NONE,
	RP_QUIC_INITIAL,
	RP_QUIC_0RTT,
	RP_QUIC_HANDSHAKE,
	RP_QUIC_RETRY,
	RP_QUIC_NEGOTIATION,	/* a server's list of versions */
	RP_QUIC_UNKNOWN,	/* a long header of another version */
	RP_QUIC_SHORT		/* 1-RTT: dcid is not known, its length isn't */
};

/* One packet's header; slices lie in the datagram. */
struct rp_quic_header {
	uint32_t	 version;
	struct rp_slice	 dcid, scid, token;
	size_t		 number;	/* where the packet number is */
	size_t		 len;		/* of the packet: others may follow */
};

/* The first packet of a datagram, by its header alone: nothing is opened. */
enum rp_quic_kind	 rp_quic_header(const uint8_t *p, size_t n,
			    struct rp_quic_header *);
/* 1 and the destination of a short header whose ids are len bytes long. */
int		 rp_quic_short(const uint8_t *p, size_t n, size_t len,
		    struct rp_slice *dcid);
/*
 * 1 and the connection id that a server chose, by a datagram of the server
 * (Initial, Handshake or Retry): what its client's short headers begin with.
 * 0: none, or one of no bytes.
 */
int		 rp_quic_learn(const uint8_t *p, size_t n,
		    struct rp_slice *id);
/*
 * Version negotiation in answer to this datagram (RFC 9000 17.2.1), naming
 * versions 1 and 2: its bytes in out, 0 if the datagram does not ask for it or
 * size is too small.  random: a byte without meaning.
 */
size_t		 rp_quic_negotiate(const uint8_t *p, size_t n, uint8_t random,
		    uint8_t *out, size_t size);
/* 1 if this is a Retry for a client that had sent an Initial to odcid. */
int		 rp_quic_retry_ok(const uint8_t *p, size_t n,
		    const void *odcid, size_t nodcid);

/*
 * A client's Initials, until its hello is known.  Only opened packets count:
 * whatever does not authenticate leaves no trace here.
 */
struct rp_quic {
	struct rp_join	 join;		/* the hello */
	enum rp_answer	 answer;
	int		 complete;
	uint32_t	 version;
	uint8_t		 dcid[RP_QUIC_CID_MAX], old[RP_QUIC_CID_MAX];
	size_t		 ndcid, nold;
	int		 keyed, again;	/* dcid has keys; old is one */
	uint8_t		 key[16], iv[12], hp[16];
	/* What it cost. */
	unsigned int	 derived, opened;
};

/* buf holds the hello: RP_QUIC_CRYPTO_MAX is enough for any, and the most. */
void		 rp_quic_begin(struct rp_quic *, void *buf, size_t size);
/*
 * A datagram of the client, in any order, however often.  The answer is of all
 * datagrams so far:
 * RP_YES	an Initial of a client was among them; what its hello says may
 *		need more of them (see complete below)
 * RP_MORE	it may be one whose Initial is late: 0-RTT came first
 * RP_NO	nothing of QUIC so far, or two that contradict each other
 */
enum rp_answer	 rp_quic_feed(struct rp_quic *, const uint8_t *p, size_t n);
/*
 * The same answer, and with RP_YES what the hello says so far, as for RP_TLS:
 * slices lie in the buffer of rp_quic_begin().
 */
enum rp_answer	 rp_quic_answer(const struct rp_quic *, struct rp_info *);
/* 1 if this datagram would cost keys: what to count by address. */
int		 rp_quic_costs(const struct rp_quic *, const uint8_t *p,
		    size_t n);
/* The hello's handshake message, whole: its length, else 0. */
size_t		 rp_quic_hello(const struct rp_quic *, const uint8_t **);

/* DTLS 1.0, 1.2, 1.3: a ClientHello in fragments (RFC 6347, 9147). */

struct rp_dtls {
	struct rp_join	 join;		/* the hello's body */
	enum rp_answer	 answer;
	size_t		 len;		/* of the body */
	unsigned int	 seq;		/* 0, or 1 with a cookie */
};

void		 rp_dtls_begin(struct rp_dtls *, void *buf, size_t size);
enum rp_answer	 rp_dtls_feed(struct rp_dtls *, const uint8_t *p, size_t n);
enum rp_answer	 rp_dtls_answer(const struct rp_dtls *, struct rp_info *);

/* WireGuard: its four messages. */

struct rp_wireguard {
	int		 type;		/* 1 to 4 */
	uint32_t	 sender;	/* types 1 and 2 */
	uint32_t	 receiver;	/* types 2, 3 and 4 */
};

/* 1 if it is one of them, by its type, length and reserved bytes. */
int		 rp_wireguard(const uint8_t *p, size_t n,
		    struct rp_wireguard *);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif

/*
 * librefract-probe: which protocol do these first bytes speak?
 *
 * A probe is a pure function over the bytes of a connection (or a datagram)
 * from their beginning.  It answers yes, no or "need more", and its answer
 * never depends on how the bytes were cut: a yes or a no over some bytes stays
 * the same however many follow.  Nothing is allocated, nothing is kept, and
 * no byte beyond n is read.
 *
 * A registry asks its probes in the order in which they were added; one that
 * needs more is waited for before a later one wins.
 *
 * refract-probe(3) is the whole story.
 */
#ifndef REFRACT_PROBE_H
#define REFRACT_PROBE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

#define RP_VERSION	1

enum rp_answer {
	RP_NO,
	RP_YES,
	RP_MORE			/* the bytes so far are a beginning of it */
};

/* The numbers do not change from release to release; new ones come last. */
enum rp_proto {
	RP_TLS = 1,		/* a ClientHello, RFC 8446 4.1.2 */
	RP_HTTP,		/* HTTP/1: a registered method, RFC 9112 */
	RP_HTTP2,		/* the preface, RFC 9113 3.4 */
	RP_SSH,			/* RFC 4253 4.2 */
	RP_FTP,			/* RFC 959, RFC 2228: a client's commands */
	RP_SOCKS4,
	RP_SOCKS5,		/* RFC 1928 3 */
	RP_SMTP,		/* RFC 5321: HELO, EHLO, LHLO */
	RP_IMAP,		/* RFC 9051: tag SP command */
	RP_POP3,		/* RFC 1939, 2449, 2595 */
	RP_XMPP,		/* RFC 6120 4.2: a stream's header */
	RP_OPENVPN,		/* over TCP */
	RP_TINC,
	RP_RDP,			/* X.224 in TPKT, MS-RDPBCGR 2.2.1.1 */
	RP_ADB,			/* Android's debug bridge */
	RP_MQTT,		/* CONNECT of 3.1, 3.1.1 and 5 */
	RP_POSTGRES,		/* startup, SSLRequest, GSSENCRequest, cancel */
	RP_MYSQL,		/* a client's answer: the server speaks first */
	RP_REDIS,		/* RESP: an array, or an inline command */
	RP_BITTORRENT,		/* BEP 3: the handshake */
	RP_SYSLOG,		/* RFC 6587, both framings */
	RP_MINECRAFT,		/* the handshake, and the old ping */
	RP_PROXY,		/* PROXY protocol 1 and 2 */
	RP_DNS,			/* a query over TCP, RFC 1035 4.2.2 */
	RP_DNS_UDP,		/* a query in a datagram */
	/* Datagrams are asked as a whole: what is short is no. */
	RP_QUIC,		/* an authentic Initial, version 1 or 2 */
	RP_DTLS,		/* a ClientHello, or a fragment of one */
	RP_WIREGUARD,		/* any of its four messages */
	RP_STUN,		/* RFC 8489, and TURN's requests */
	RP_OPENVPN_UDP,		/* a client's hard reset */
	RP_SIP,			/* RFC 3261: a request */
	RP_L2TP,		/* versions 2 and 3: SCCRQ */
	RP_RADIUS,		/* RFC 2865: a client's requests */
	RP_NTP,			/* RFC 5905: a client */
	RP_BEDROCK,		/* Minecraft's other edition: RakNet */
	RP_TFTP,		/* RFC 1350: a request */
	RP_SNMP,		/* versions 1, 2c and 3 */
	RP_QUIC_OTHER,		/* a long header of another version */
	RP_BUILTIN_MAX
};

struct rp_slice {
	const uint8_t	*p;
	size_t		 n;
};

#define RP_BUF_LEN	1024

/*
 * What a yes knew of the bytes.  Slices lie in the bytes that were given, or,
 * if the bytes were not together there, in buf: so they are good as long as
 * both are.  `complete` says that no more will be known.
 */
struct rp_info {
	int		 proto;		/* enum rp_proto or a caller's own */
	int		 complete;
	/* RP_TLS */
	int		 broken;	/* no server would take all of it */
	uint16_t	 version;	/* the highest that was offered */
	struct rp_slice	 sni;		/* as it was sent; n 0: none (yet) */
	struct rp_slice	 alpn;		/* the list: length, bytes, length.. */
	/* RP_HTTP; the last two after rp_http_details() */
	struct rp_slice	 method, target;
	struct rp_slice	 host;		/* of an absolute target, or Host */
	struct rp_slice	 path;		/* target without scheme and host */
	size_t		 nbuf;
	uint8_t		 buf[RP_BUF_LEN];
};

/*
 * A probe of a caller's own.  n is at least 1.  It leaves info alone unless it
 * says yes; what it finds in it is cleared, and `complete` set.
 */
typedef enum rp_answer (*rp_fn)(const uint8_t *p, size_t n,
    struct rp_info *, void *ctx);

/* One built-in probe; info need not be cleared.  RP_NO: not a built-in. */
enum rp_answer	 rp_probe(int proto, const uint8_t *p, size_t n,
		    struct rp_info *);
/* "tls", "http", ...; NULL: none of that number. */
const char	*rp_name(int proto);
/* 0: no built-in of that name. */
int		 rp_number(const char *name);
/*
 * Over what it is spoken.  A protocol that says something else in datagrams
 * has a number of its own for them, with "-udp" behind the name.
 */
#define RP_OVER_TCP	1
#define RP_OVER_UDP	2
unsigned int	 rp_transport(int proto);

struct rp_registry;

#define RP_REGISTRY_MAX	64	/* probes in a registry */

/* NULL without memory. */
struct rp_registry *rp_new(void);
void		 rp_free(struct rp_registry *);
/* Built-in: 0, or -1 (unknown, full). */
int		 rp_add(struct rp_registry *, int proto);
/* Every built-in over TCP, in the order of their numbers; over UDP. */
int		 rp_add_all(struct rp_registry *);
int		 rp_add_all_udp(struct rp_registry *);
/*
 * A probe of the caller's own; number is what info.proto says then, >= 1000.
 * first: the bytes that it can begin with, nfirst 0: any.  0, or -1 (full, or
 * such a number).
 */
int		 rp_add_own(struct rp_registry *, int number, rp_fn,
		    void *ctx, const void *first, size_t nfirst);
/*
 * Who it is.  last: no more bytes will come, so what needs more is no.
 * info.proto is set with RP_YES.
 */
enum rp_answer	 rp_identify(const struct rp_registry *, const uint8_t *p,
		    size_t n, int last, struct rp_info *);

/*
 * An rp_fn whose ctx is a struct rp_patterns: yes as soon as one of them lies
 * anywhere in the bytes, and more until then.  So it is for the end of a
 * registry: what comes after it waits for the last byte.
 */
struct rp_patterns {
	const struct rp_slice	*list;	/* none of them empty */
	size_t			 n;
};
enum rp_answer	 rp_contains(const uint8_t *p, size_t n, struct rp_info *,
		    void *ctx);

/*
 * The message of a ClientHello without records, as QUIC carries it in CRYPTO
 * frames (RFC 9001 4.1.3): what RP_TLS says of it.
 */
enum rp_answer	 rp_hello(const uint8_t *p, size_t n, struct rp_info *);
/* 1 if the ALPN list of a hello names this protocol (RFC 7301). */
int		 rp_alpn_has(const struct rp_slice *list, const void *name,
		    size_t n);
/*
 * After a yes of RP_HTTP, over the same bytes: its target, path and host, as
 * far as they have come; `complete` is set when what is missing will not come.
 */
void		 rp_http_details(const uint8_t *p, size_t n, struct rp_info *);
/* The first header of HTTP/1 by its name (any case); 0, or -1: none. */
int		 rp_http_header(const uint8_t *p, size_t n, const char *name,
		    struct rp_slice *value);

/*
 * JA4 of a whole ClientHello ("t13d1516h2_8daaf6152771_b186095e22b6"): 0, or
 * -1 if it is not whole, cannot be read to its end, or offers more than 512
 * ciphers, extensions or signature algorithms.  quic: the bytes are as
 * rp_hello() takes them, and the first letter is 'q'.
 */
#define RP_JA4_LEN	37
int		 rp_ja4(const uint8_t *p, size_t n, int quic,
		    char out[RP_JA4_LEN]);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif

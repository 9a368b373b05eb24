/*
 * Protocols that speak in datagrams.  A datagram is whole: each answer is yes
 * or no, and what its lengths say is all of it.
 */
#include "probe.h"
#include "refract-probe-udp.h"

#define SIP_URI_MAX	1024

/* WireGuard's paper, 5.4: types, each of a length of its own. */

#define WG_INITIATION	148
#define WG_RESPONSE	92
#define WG_COOKIE	64
#define WG_DATA_MIN	32

static int
wireguard_length(unsigned int type, size_t n)
{
	switch (type) {
	case 1:
		return n == WG_INITIATION;
	case 2:
		return n == WG_RESPONSE;
	case 3:
		return n == WG_COOKIE;
	case 4:
		return n >= WG_DATA_MIN && n % 16 == 0;
	}
	return 0;
}

int
rp_wireguard(const uint8_t *p, size_t n, struct rp_wireguard *w)
{
	if (n < WG_DATA_MIN || p[1] != 0 || p[2] != 0 || p[3] != 0 ||
	    !wireguard_length(p[0], n))
		return 0;
	w->type = p[0];
	w->sender = p[0] <= 2 ? le32(p + 4) : 0;
	w->receiver = p[0] == 1 ? 0 : le32(p + (p[0] == 2 ? 8 : 4));
	return 1;
}

enum rp_answer
probe_wireguard(const uint8_t *p, size_t n, struct rp_info *info)
{
	struct rp_wireguard	w;

	(void)info;
	return rp_wireguard(p, n, &w) ? RP_YES : RP_NO;
}

/* RFC 8489 5: two zero bits, the length of what follows, the cookie. */
enum rp_answer
probe_stun(const uint8_t *p, size_t n, struct rp_info *info)
{
	size_t	at, len;

	(void)info;
	if (n < 20 || p[0] & 0xc0 || be16(p + 2) != n - 20 || n % 4 != 0 ||
	    be32(p + 4) != 0x2112a442)
		return RP_NO;
	for (at = 20; at < n; at += 4 + (len + 3) / 4 * 4)
		if ((len = be16(p + at + 2)) > n - at - 4)
			return RP_NO;
	return RP_YES;
}

/*
 * OpenVPN: a client's hard reset, key 0, its session id, then one of
 *	0 acks, packet 0				nothing around it
 *	HMAC, packet id, time, 0 acks, packet 0		tls-auth
 *	packet id, time, HMAC of 32, five hidden bytes	tls-crypt
 * and the last with a wrapped key behind it: tls-crypt-v2.
 */
#define OVPN_V1		1
#define OVPN_V2		7
#define OVPN_V3		10
#define OVPN_PLAIN	14
#define OVPN_CRYPT	54
#define OVPN_AUTH(hmac)	(22 + (hmac))
#define OVPN_ID_MAX	5	/* retransmissions count it up */
#define OVPN_EARLY	0x0f000000	/* 2.6: early negotiation */
#define OVPN_KEY_MIN	290	/* tag, key, length */
#define OVPN_KEY_MAX	1024

static int
ovpn_first(const uint8_t *p)
{
	uint32_t	id = be32(p) & ~(uint32_t)OVPN_EARLY;

	return id >= 1 && id <= OVPN_ID_MAX;
}

static int
ovpn_zero(const uint8_t *p)
{
	return p[0] == 0 && be32(p + 1) == 0;
}

static int
ovpn_v2(const uint8_t *p, size_t n)
{
	if (n == OVPN_CRYPT && ovpn_first(p + 9))
		return 1;
	switch (n) {
	case OVPN_PLAIN:
		return ovpn_zero(p + 9);
	case OVPN_AUTH(16):
	case OVPN_AUTH(20):
	case OVPN_AUTH(28):
	case OVPN_AUTH(32):
	case OVPN_AUTH(48):
	case OVPN_AUTH(64):
		return ovpn_first(p + n - 13) && ovpn_zero(p + n - 5);
	}
	return 0;
}

static int
ovpn_v3(const uint8_t *p, size_t n)
{
	size_t	key = n - OVPN_CRYPT;

	return n >= OVPN_CRYPT + OVPN_KEY_MIN && key <= OVPN_KEY_MAX &&
	    be16(p + n - 2) == key && ovpn_first(p + 9);
}

enum rp_answer
probe_openvpn_udp(const uint8_t *p, size_t n, struct rp_info *info)
{
	(void)info;
	if (n < OVPN_PLAIN || (p[0] & 7) != 0 ||
	    (be32(p + 1) == 0 && be32(p + 5) == 0))
		return RP_NO;
	switch (p[0] >> 3) {
	case OVPN_V1:
	case OVPN_V2:
		return ovpn_v2(p, n) ? RP_YES : RP_NO;
	case OVPN_V3:
		return ovpn_v3(p, n) ? RP_YES : RP_NO;
	}
	return RP_NO;
}

/*
 * L2TP, RFC 2661 5.8 and RFC 3931 3.2.1: the first of a client's messages is
 * SCCRQ, to tunnel 0, with its type as the first attribute.
 */
enum rp_answer
probe_l2tp(const uint8_t *p, size_t n, struct rp_info *info)
{
	static const uint8_t	sccrq[] = { 0x80, 0x08, 0, 0, 0, 0, 0, 1 };

	(void)info;
	if (n < 20 || p[0] != 0xc8 || (p[1] != 2 && p[1] != 3) ||
	    be16(p + 2) != n || be32(p + 4) != 0 || be32(p + 8) != 0)
		return RP_NO;
	/* Whether it must be understood, and no more than that, may differ. */
	return (p[12] & 0x7f) == 0 && memcmp(p + 13, sccrq + 1,
	    sizeof(sccrq) - 1) == 0 ? RP_YES : RP_NO;
}

/* RFC 2865 3: a client's codes, and attributes to the length's end. */
enum rp_answer
probe_radius(const uint8_t *p, size_t n, struct rp_info *info)
{
	size_t	at, len;

	(void)info;
	if (n < 20 || (len = be16(p + 2)) < 20 || len > n || len > 4096)
		return RP_NO;
	switch (p[0]) {
	case 1:			/* Access-Request */
	case 4:			/* Accounting-Request */
	case 12:		/* Status-Server, RFC 5997 */
	case 40:		/* Disconnect-Request, RFC 5176 */
	case 43:		/* CoA-Request */
		break;
	default:
		return RP_NO;
	}
	for (at = 20; at < len; at += p[at + 1])
		if (len - at < 2 || p[at] == 0 || p[at + 1] < 2 ||
		    p[at + 1] > len - at)
			return RP_NO;
	return RP_YES;
}

/*
 * NTP, RFC 5905 7.3 and RFC 7822: version 1 to 4, a client (or a symmetric
 * peer), then extension fields and a MAC.
 */
enum rp_answer
probe_ntp(const uint8_t *p, size_t n, struct rp_info *info)
{
	unsigned int	version, mode;
	size_t		at = 48, len;

	(void)info;
	if (n < 48 || n % 4 != 0)
		return RP_NO;
	version = p[0] >> 3 & 7;
	mode = p[0] & 7;
	if (version < 1 || version > 4 || (mode != 3 && mode != 1) ||
	    p[1] > 16 || (p[2] > 17 && p[2] < 0xe0))
		return RP_NO;
	while (n - at > 24) {
		if ((len = be16(p + at + 2)) < 16 || len % 4 != 0 ||
		    len > n - at)
			return RP_NO;
		at += len;
	}
	/* A short field, a key's number with MD5's or SHA-1's, or 0. */
	len = n - at;
	return len == 0 || len == 4 || len >= 16 ? RP_YES : RP_NO;
}

/*
 * Minecraft's Bedrock edition: RakNet's messages that need no connection, with
 * its magic where each has it.
 */
enum rp_answer
probe_bedrock(const uint8_t *p, size_t n, struct rp_info *info)
{
	static const uint8_t	magic[16] = { 0x00, 0xff, 0xff, 0x00, 0xfe,
				    0xfe, 0xfe, 0xfe, 0xfd, 0xfd, 0xfd, 0xfd,
				    0x12, 0x34, 0x56, 0x78 };
	size_t			at;

	(void)info;
	if (n < 18)
		return RP_NO;
	switch (p[0]) {
	case 1:			/* ping: time, magic, who */
	case 2:
		if (n != 33)
			return RP_NO;
		at = 9;
		break;
	case 5:			/* open 1: magic, protocol, filled up */
	case 7:			/* open 2: magic, address, size, who */
		at = 1;
		break;
	default:
		return RP_NO;
	}
	return memcmp(p + at, magic, sizeof(magic)) == 0 ? RP_YES : RP_NO;
}

/* A text that ends with a NUL: where the next begins, 0 if it does not. */
static size_t
tftp_text(const uint8_t *p, size_t n, size_t at)
{
	for (; at < n && p[at] != 0; at++)
		if (p[at] < ' ' || p[at] == 0x7f)
			return 0;
	return at < n ? at + 1 : 0;
}

/* TFTP, RFC 1350 5 and RFC 2347: a file, a mode, options and their values. */
enum rp_answer
probe_tftp(const uint8_t *p, size_t n, struct rp_info *info)
{
	size_t		at, mode;
	unsigned int	texts = 0;

	(void)info;
	if (n < 9 || n > 512 || p[0] != 0 || (p[1] != 1 && p[1] != 2) ||
	    p[2] == 0 || (mode = tftp_text(p, n, 2)) == 0)
		return RP_NO;
	if (begins_nocase(p + mode, n - mode, LITERAL("OCTET\0")) != RP_YES &&
	    begins_nocase(p + mode, n - mode, LITERAL("NETASCII\0")) !=
	    RP_YES)
		return RP_NO;
	at = tftp_text(p, n, mode);
	for (; at < n; texts++)
		if ((at = tftp_text(p, n, at)) == 0)
			return RP_NO;
	return texts % 2 == 0 ? RP_YES : RP_NO;
}

/* BER: the length of what follows a tag; 0: it lies or is not definite. */
static size_t
ber(const uint8_t *p, size_t n, size_t *at, unsigned int tag)
{
	size_t	len, i, width;

	if (n - *at < 2 || p[*at] != tag)
		return 0;
	len = p[*at + 1];
	*at += 2;
	if (len & 0x80) {
		if ((width = len & 0x7f) < 1 || width > 3 || width > n - *at)
			return 0;
		for (len = 0, i = 0; i < width; i++)
			len = len << 8 | p[(*at)++];
	}
	return len <= n - *at ? len : 0;
}

/* SNMP: RFC 1157 4, RFC 1901 3, RFC 3412 6: version, then whose it is. */
enum rp_answer
probe_snmp(const uint8_t *p, size_t n, struct rp_info *info)
{
	size_t		at = 0, len;
	unsigned int	version;

	(void)info;
	if (n < 13 || ber(p, n, &at, 0x30) != n - at)
		return RP_NO;
	if (ber(p, n, &at, 0x02) != 1)
		return RP_NO;
	version = p[at++];
	if (version == 3)
		return ber(p, n, &at, 0x30) > 0 && ber(p, n, &at, 0x02) > 0 ?
		    RP_YES : RP_NO;
	if (version > 1 || n - at < 4 || p[at] != 0x04)
		return RP_NO;
	len = ber(p, n, &at, 0x04);
	at += len;
	return n - at >= 2 && p[at] >= 0xa0 && p[at] <= 0xa8 ? RP_YES : RP_NO;
}

/* "sip:", "sips:" or "tel:" and what it names, then the version. */
static enum rp_answer
sip_uri(const uint8_t *p, size_t n)
{
	static const char *const	schemes[] = { "SIP:", "SIPS:", "TEL:",
	    NULL };
	enum rp_answer			answer = RP_NO, one;
	size_t				i;

	for (i = 0; schemes[i] != NULL && answer != RP_YES; i++)
		if ((one = begins_nocase(p, n, schemes[i],
		    strlen(schemes[i]))) != RP_NO)
			answer = one;
	if (answer != RP_YES)
		return answer;
	for (i = 0; i < n && i < SIP_URI_MAX; i++)
		if (p[i] == ' ')
			return begins(p + i, n - i, LITERAL(" SIP/2.0"));
		else if (p[i] < ' ' || p[i] == 0x7f)
			return RP_NO;
	return i == n ? RP_MORE : RP_NO;
}

/* SIP, RFC 3261 7.1: method, a URI, version; the same over a connection. */
enum rp_answer
probe_sip(const uint8_t *p, size_t n, struct rp_info *info)
{
	static const char *const	methods[] = { "INVITE ", "ACK ",
	    "BYE ", "CANCEL ", "OPTIONS ", "REGISTER ", "PRACK ",
	    "SUBSCRIBE ", "NOTIFY ", "PUBLISH ", "INFO ", "REFER ",
	    "MESSAGE ", "UPDATE ", NULL };
	enum rp_answer			answer, all = RP_NO;
	size_t				i, at;

	(void)info;
	for (i = 0; methods[i] != NULL; i++) {
		if (n > 0 && p[0] != (uint8_t)methods[i][0])
			continue;
		at = strlen(methods[i]);
		if ((answer = begins(p, n, methods[i], at)) == RP_YES)
			return sip_uri(p + at, n - at);
		if (answer == RP_MORE)
			all = RP_MORE;
	}
	return all;
}

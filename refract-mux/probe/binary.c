/*
 * Protocols whose clients begin with numbers.
 */
#include "probe.h"

/* Byte i, if it is here already, must be one for which the condition holds. */
#define WANT(i, condition) do {						\
	if (n <= (i))							\
		return RP_MORE;						\
	if (!(condition))						\
		return RP_NO;						\
} while (0)

/* 4, CONNECT or BIND, port, address, then a user's name up to a NUL. */
enum rp_answer
probe_socks4(const uint8_t *p, size_t n, struct rp_info *info)
{
	size_t	i;

	(void)info;
	WANT(0, p[0] == 4);
	WANT(1, p[1] == 1 || p[1] == 2);
	WANT(3, be16(p + 2) != 0);
	WANT(7, be32(p + 4) != 0);
	for (i = 8; i < n && i < 8 + 256; i++)
		if (p[i] == 0)
			return RP_YES;
		else if (p[i] < ' ')
			return RP_NO;
	return i == n ? RP_MORE : RP_NO;
}

/* 5, how many methods, and each of them assigned or private. */
enum rp_answer
probe_socks5(const uint8_t *p, size_t n, struct rp_info *info)
{
	size_t	i;

	(void)info;
	WANT(0, p[0] == 5);
	WANT(1, p[1] >= 1 && p[1] <= 32);
	for (i = 2; i < 2u + p[1]; i++)
		WANT(i, p[i] <= 9 || (p[i] >= 0x80 && p[i] < 0xff));
	return RP_YES;
}

/*
 * A packet's length, then the client's hard reset: opcode 7 (or 1, 10), key 0,
 * a session id that is not 0, and does not have the flags and counts of a DNS
 * query over TCP where those stand.
 */
enum rp_answer
probe_openvpn(const uint8_t *p, size_t n, struct rp_info *info)
{
	size_t	len;

	(void)info;
	WANT(1, (len = be16(p)) >= 14 && len <= 1600);
	WANT(2, p[2] >> 3 == 7 || p[2] >> 3 == 1 || p[2] >> 3 == 10);
	WANT(2, (p[2] & 7) == 0);
	WANT(10, be32(p + 3) != 0 || be32(p + 7) != 0);
	return memcmp(p + 6, "\0\1\0\0", 5) == 0 ? RP_NO : RP_YES;
}

/* TPKT (RFC 1006) and an X.224 connection request of that length. */
enum rp_answer
probe_rdp(const uint8_t *p, size_t n, struct rp_info *info)
{
	size_t	len;

	(void)info;
	WANT(0, p[0] == 3);
	WANT(1, p[1] == 0);
	WANT(3, (len = be16(p + 2)) >= 11 && len < 5 + 255);
	WANT(4, p[4] == len - 5);
	WANT(5, p[5] == 0xe0);
	WANT(7, be16(p + 6) == 0);
	return RP_YES;
}

/*
 * CNXN, or STLS before it: the magic is the command's complement.  Some
 * versions send a message of nothing first.
 */
enum rp_answer
probe_adb(const uint8_t *p, size_t n, struct rp_info *info)
{
	static const uint8_t	nothing[24] = { [20] = 255, 255, 255, 255 };
	enum rp_answer		cnxn, stls;

	(void)info;
	if (n > 0 && p[0] == 0) {
		if ((cnxn = begins(p, n, nothing, 24)) != RP_YES)
			return cnxn;
		p += 24;
		n -= 24;
	}
	cnxn = begins(p, n, LITERAL("CNXN"));
	stls = begins(p, n, LITERAL("STLS"));
	if (cnxn == RP_NO && stls == RP_NO)
		return RP_NO;
	WANT(23, le32(p + 20) == (le32(p) ^ 0xffffffff));
	return RP_YES;
}

/* CONNECT: remaining length, "MQTT" (or "MQIsdp"), level (128: a bridge). */
enum rp_answer
probe_mqtt(const uint8_t *p, size_t n, struct rp_info *info)
{
	size_t		i = 1;
	enum rp_answer	new, old;

	(void)info;
	WANT(0, p[0] == 0x10);
	do
		WANT(i, i < 4 || (p[i] & 0x80) == 0);
	while (p[i++] & 0x80);
	if (i == 2 && p[1] < 12)
		return RP_NO;
	new = begins(p + i, n - i, LITERAL("\0\4MQTT"));
	old = begins(p + i, n - i, LITERAL("\0\6MQIsdp"));
	if (new == RP_YES)
		WANT(i + 6, (p[i + 6] & 0x7f) == 4 || p[i + 6] == 5);
	else if (old == RP_YES)
		WANT(i + 8, (p[i + 8] & 0x7f) == 3);
	else
		return new == RP_MORE || old == RP_MORE ? RP_MORE : RP_NO;
	return RP_YES;
}

/* A length, then 3.x, or one of the requests that stand in its place. */
enum rp_answer
probe_postgres(const uint8_t *p, size_t n, struct rp_info *info)
{
	uint32_t	len, code;

	(void)info;
	WANT(0, p[0] == 0);
	WANT(1, p[1] == 0);
	WANT(3, (len = be32(p)) >= 8 && len <= 10000);
	WANT(7, be32(p + 4) != 0);
	code = be32(p + 4);
	if (code == 80877103 || code == 80877104)	/* SSL, GSSENC */
		return len == 8 ? RP_YES : RP_NO;
	if (code == 80877102)				/* cancel */
		return len >= 16 ? RP_YES : RP_NO;
	if (code >> 16 != 3 || len < 9)
		return RP_NO;
	WANT(8, p[8] == 0 || (p[8] >= ' ' && p[8] < 0x7f));
	return RP_YES;
}

/* The client's handshake response, number 1: it answers the server's. */
enum rp_answer
probe_mysql(const uint8_t *p, size_t n, struct rp_info *info)
{
	uint32_t	len;
	size_t		i;

	(void)info;
	WANT(2, (len = p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16) >=
	    32 && len < 65536);
	WANT(3, p[3] == 1);
	WANT(5, p[5] & 0x02);			/* CLIENT_PROTOCOL_41 */
	for (i = 13; i < 36; i++)
		WANT(i, p[i] == 0 || i >= 32);
	return RP_YES;
}

/* A VarInt: how many bytes; 0 if it is not all here, -1 if it is none. */
static int
varint(const uint8_t *p, size_t n, int most, uint32_t *v)
{
	int	i;

	for (i = 0, *v = 0; i < most; i++) {
		if ((size_t)i == n)
			return 0;
		*v |= (uint32_t)(p[i] & 0x7f) << 7 * i;
		if ((p[i] & 0x80) == 0)
			return i + 1;
	}
	return -1;
}

#define VARINT(most, v) do {						\
	int	took = varint(p + at, n - at, most, v);			\
	if (took <= 0)							\
		return took == 0 ? RP_MORE : RP_NO;			\
	at += (size_t)took;						\
} while (0)

/* length, 0, protocol version, host, port, next state 1, 2 or 3. */
static enum rp_answer
minecraft_handshake(const uint8_t *p, size_t n)
{
	uint32_t	len, version, host;
	size_t		at = 0, end;

	VARINT(2, &len);
	if (len < 7 || len > 1100)
		return RP_NO;
	end = at + len;
	WANT(at, p[at] == 0);
	at++;
	VARINT(5, &version);		/* -1 has five */
	VARINT(2, &host);
	at += host;
	if (host == 0 || host > 1020 || at + 3 != end)
		return RP_NO;
	WANT(at + 2, p[at + 2] >= 1 && p[at + 2] <= 3);
	return RP_YES;
}

enum rp_answer
probe_minecraft(const uint8_t *p, size_t n, struct rp_info *info)
{
	enum rp_answer	old;

	(void)info;
	/* The list ping of 1.6, else a length that begins so. */
	if ((old = begins(p, n, LITERAL("\xfe\x01\xfa"))) != RP_NO)
		return old;
	return minecraft_handshake(p, n);
}

#define PROXY2	"\r\n\r\n\0\r\nQUIT\n"

/* HAProxy's proxy-protocol.txt, 2.1 and 2.2. */
enum rp_answer
probe_proxy(const uint8_t *p, size_t n, struct rp_info *info)
{
	enum rp_answer	answer;

	(void)info;
	if (n > 0 && p[0] == 'P') {
		if ((answer = begins(p, n, LITERAL("PROXY TCP4 "))) !=
		    RP_NO ||
		    (answer = begins(p, n, LITERAL("PROXY TCP6 "))) != RP_NO)
			return answer;
		return begins(p, n, LITERAL("PROXY UNKNOWN"));
	}
	if ((answer = begins(p, n, LITERAL(PROXY2))) != RP_YES)
		return answer;
	WANT(12, p[12] >> 4 == 2 && (p[12] & 15) <= 1);
	return RP_YES;
}

/* Flags and counts as a query has them. */
static enum rp_answer
dns_header(const uint8_t *p, size_t n)
{
	unsigned int	opcode, answers;

	WANT(2, (p[2] & 0x80) == 0);
	opcode = p[2] >> 3;
	if (opcode != 0 && opcode != 4 && opcode != 5)
		return RP_NO;
	answers = opcode == 0 ? 0 : 64;
	WANT(3, (p[3] & 0x4f) == 0);	/* Z and RCODE */
	WANT(5, be16(p + 4) == 1);
	WANT(7, be16(p + 6) <= answers);
	WANT(9, be16(p + 8) <= (opcode == 5 ? 64 : 1));
	WANT(11, be16(p + 10) <= 4);
	return RP_YES;
}

/*
 * A DNS query of len bytes: QR 0, a known opcode, counts that a client sends,
 * one well-formed question of class IN, CH, HS, NONE or ANY.
 */
static enum rp_answer
dns_query(const uint8_t *p, size_t n, size_t len)
{
	enum rp_answer	answer;
	size_t		at = 12, label;

	if ((answer = dns_header(p, n)) != RP_YES)
		return answer;
	do {
		WANT(at, p[at] <= 63);
		label = p[at];
		if ((at += label + 1) > 12 + 255)
			return RP_NO;
	} while (label > 0);
	if (at + 4 > len)
		return RP_NO;
	WANT(at + 3, be16(p + at) != 0);
	switch (be16(p + at + 2)) {
	case 1:
	case 3:
	case 4:
	case 254:
	case 255:
		return RP_YES;
	}
	return RP_NO;
}

enum rp_answer
probe_dns_udp(const uint8_t *p, size_t n, struct rp_info *info)
{
	(void)info;
	return dns_query(p, n, 65535);
}

enum rp_answer
probe_dns(const uint8_t *p, size_t n, struct rp_info *info)
{
	size_t	len;

	(void)info;
	WANT(1, (len = be16(p)) >= 17 && len <= 4096);
	return dns_query(p + 2, n - 2, len);
}

/*
 * QUIC's headers, as far as nothing has to be opened for them: RFC 8999 for
 * any version, RFC 9000 17 and RFC 9369 3.2 for the two that are known.
 */
#include "probe.h"
#include "quic.h"

#define LONG_FORM	0x80
#define FIXED_BIT	0x40
#define SHORT_MIN	21	/* RFC 9000 10.3: less is no packet */
#define VERSION_FIELD	5	/* where a long header's ids begin */

/* A variable-length integer, RFC 9000 16: its bytes, 0 if they lie. */
size_t
quic_varint(const uint8_t *p, size_t n, uint64_t *v)
{
	size_t	len, i;

	if (n == 0)
		return 0;
	len = (size_t)1 << (p[0] >> 6);
	if (n < len)
		return 0;
	*v = p[0] & 0x3f;
	for (i = 1; i < len; i++)
		*v = *v << 8 | p[i];
	return len;
}

/* An id behind its length; where the next field begins, 0: it lies. */
static size_t
take_id(const uint8_t *p, size_t n, size_t at, size_t max,
    struct rp_slice *id)
{
	if (at >= n || p[at] > max || p[at] > n - at - 1)
		return 0;
	id->p = p + at + 1;
	id->n = p[at];
	return at + 1 + id->n;
}

/* Token, if it is an Initial, and length: to the packet number. */
static enum rp_quic_kind
sized(const uint8_t *p, size_t n, size_t at, enum rp_quic_kind kind,
    struct rp_quic_header *h)
{
	uint64_t	len;
	size_t		width;

	if (kind == RP_QUIC_INITIAL) {
		width = quic_varint(p + at, n - at, &len);
		if (width == 0 || len > n - at - width)
			return RP_QUIC_NONE;
		h->token.p = p + at + width;
		h->token.n = (size_t)len;
		at += width + (size_t)len;
	}
	width = quic_varint(p + at, n - at, &len);
	if (width == 0 || len > n - at - width)
		return RP_QUIC_NONE;
	h->number = at + width;
	h->len = h->number + (size_t)len;
	/* A number of any width, and a sample to hide it by. */
	if (len < QUIC_NUMBER_MAX + QUIC_SAMPLE)
		return RP_QUIC_NONE;
	return kind;
}

static enum rp_quic_kind
known(const uint8_t *p, size_t n, size_t at, struct rp_quic_header *h)
{
	static const enum rp_quic_kind	v1[] = { RP_QUIC_INITIAL,
	    RP_QUIC_0RTT, RP_QUIC_HANDSHAKE, RP_QUIC_RETRY };
	enum rp_quic_kind		kind;
	unsigned int			type = p[0] >> 4 & 3;

	/* Version 2 counts from one on. */
	kind = v1[h->version == RP_QUIC_V1 ? type : (type + 3) % 4];
	if (kind != RP_QUIC_RETRY)
		return sized(p, n, at, kind, h);
	if (n - at <= QUIC_TAG)		/* RFC 9000 17.2.5.2: an empty token */
		return RP_QUIC_NONE;
	h->token.p = p + at;
	h->token.n = n - at - QUIC_TAG;
	return kind;
}

static enum rp_quic_kind
long_header(const uint8_t *p, size_t n, struct rp_quic_header *h)
{
	size_t	at, max = 255;
	int	is_known;

	if (n < VERSION_FIELD)
		return RP_QUIC_NONE;
	h->version = be32(p + 1);
	is_known = h->version == RP_QUIC_V1 || h->version == RP_QUIC_V2 ||
	    h->version == RP_QUIC_V2_DRAFT;
	if (is_known)
		max = RP_QUIC_CID_MAX;
	if ((at = take_id(p, n, VERSION_FIELD, max, &h->dcid)) == 0 ||
	    (at = take_id(p, n, at, max, &h->scid)) == 0)
		return RP_QUIC_NONE;
	if (is_known)
		return known(p, n, at, h);
	if (h->version != 0)
		return RP_QUIC_UNKNOWN;
	if (n == at || (n - at) % 4 != 0)
		return RP_QUIC_NONE;
	return RP_QUIC_NEGOTIATION;
}

enum rp_quic_kind
rp_quic_header(const uint8_t *p, size_t n, struct rp_quic_header *h)
{
	memset(h, 0, sizeof(*h));
	h->len = n;
	if (n == 0)
		return RP_QUIC_NONE;
	if (p[0] & LONG_FORM)
		return long_header(p, n, h);
	if ((p[0] & FIXED_BIT) == 0 || n < SHORT_MIN)
		return RP_QUIC_NONE;
	return RP_QUIC_SHORT;
}

/* The fixed bit is not asked for: RFC 9287 lets peers send any. */
int
rp_quic_short(const uint8_t *p, size_t n, size_t len, struct rp_slice *dcid)
{
	if (n < SHORT_MIN || len > RP_QUIC_CID_MAX || len >= n ||
	    p[0] & LONG_FORM)
		return 0;
	dcid->p = p + 1;
	dcid->n = len;
	return 1;
}

int
rp_quic_learn(const uint8_t *p, size_t n, struct rp_slice *id)
{
	struct rp_quic_header	h;

	switch (rp_quic_header(p, n, &h)) {
	case RP_QUIC_INITIAL:
	case RP_QUIC_HANDSHAKE:
	case RP_QUIC_RETRY:
		*id = h.scid;
		return id->n > 0;
	default:
		return 0;
	}
}

/* RFC 9000 17.2.1: the ids the other way round, then the versions. */
size_t
rp_quic_negotiate(const uint8_t *p, size_t n, uint8_t random, uint8_t *out,
    size_t size)
{
	static const uint8_t	versions[] = { 0x00, 0x00, 0x00, 0x01,
				    0x6b, 0x33, 0x43, 0xcf };
	struct rp_quic_header	h;
	size_t			at = VERSION_FIELD;

	if (n < RP_QUIC_DATAGRAM_MIN ||
	    rp_quic_header(p, n, &h) != RP_QUIC_UNKNOWN ||
	    size < at + 2 + h.dcid.n + h.scid.n + sizeof(versions))
		return 0;
	memset(out, 0, at);
	out[0] = LONG_FORM | FIXED_BIT | random;
	out[at++] = (uint8_t)h.scid.n;
	memcpy(out + at, h.scid.p, h.scid.n);
	at += h.scid.n;
	out[at++] = (uint8_t)h.dcid.n;
	memcpy(out + at, h.dcid.p, h.dcid.n);
	at += h.dcid.n;
	memcpy(out + at, versions, sizeof(versions));
	return at + sizeof(versions);
}

int
rp_quic_retry_ok(const uint8_t *p, size_t n, const void *odcid, size_t nodcid)
{
	struct rp_quic_header	h;
	uint8_t			tag[QUIC_TAG];

	if (nodcid > RP_QUIC_CID_MAX ||
	    rp_quic_header(p, n, &h) != RP_QUIC_RETRY)
		return 0;
	quic_retry_tag(h.version, odcid, nodcid, p, n - QUIC_TAG, tag);
	return memcmp(tag, p + n - QUIC_TAG, QUIC_TAG) == 0;
}

/*
 * The keys of Initial packets, which anybody can derive, and what is done with
 * them: RFC 9001 5, RFC 9369 3.3.
 */
#include <nettle/aes.h>
#include <nettle/gcm.h>
#include <nettle/hkdf.h>
#include <nettle/hmac.h>
#include <nettle/memops.h>

#include "probe.h"
#include "quic.h"

#define SECRET		32
#define LABEL_MAX	32

/* What differs between the versions. */
struct suite {
	uint8_t		 salt[20];
	const char	*key, *iv, *hp;
	uint8_t		 retry_key[16];
	uint8_t		 retry_iv[12];
};

static const struct suite	suites[] = {
	{
		{ 0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17,
		    0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f,
		    0x0a },
		"quic key", "quic iv", "quic hp",
		{ 0xbe, 0x0c, 0x69, 0x0b, 0x9f, 0x66, 0x57, 0x5a, 0x1d, 0x76,
		    0x6b, 0x54, 0xe3, 0x68, 0xc8, 0x4e },
		{ 0x46, 0x15, 0x99, 0xd3, 0x5d, 0x63, 0x2b, 0xf2, 0x23, 0x98,
		    0x25, 0xbb }
	}, {
		{ 0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93,
		    0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb, 0xf9, 0xbd, 0x2e,
		    0xd9 },
		"quicv2 key", "quicv2 iv", "quicv2 hp",
		{ 0x8f, 0xb4, 0xb0, 0x1b, 0x56, 0xac, 0x48, 0xe2, 0x60, 0xfb,
		    0xcb, 0xce, 0xad, 0x7c, 0xcc, 0x92 },
		{ 0xd8, 0x69, 0x69, 0xbc, 0x2d, 0x7c, 0x6d, 0x99, 0x90, 0xef,
		    0xb0, 0x4a }
	}, {
		{ 0xa7, 0x07, 0xc2, 0x03, 0xa5, 0x9b, 0x47, 0x18, 0x4a, 0x1d,
		    0x62, 0xca, 0x57, 0x04, 0x06, 0xea, 0x7a, 0xe3, 0xe5,
		    0xd3 },
		"quicv2 key", "quicv2 iv", "quicv2 hp",
		{ 0x8f, 0xb4, 0xb0, 0x1b, 0x56, 0xac, 0x48, 0xe2, 0x60, 0xfb,
		    0xcb, 0xce, 0xad, 0x7c, 0xcc, 0x92 },
		{ 0xd8, 0x69, 0x69, 0xbc, 0x2d, 0x7c, 0x6d, 0x99, 0x90, 0xef,
		    0xb0, 0x4a }
	}
};

static const struct suite *
suite(uint32_t version)
{
	switch (version) {
	case RP_QUIC_V2:
		return &suites[1];
	case RP_QUIC_V2_DRAFT:
		return &suites[2];
	default:
		return &suites[0];
	}
}

/* HKDF-Expand-Label without a context, RFC 8446 7.1. */
static void
expand(struct hmac_sha256_ctx *prk, const char *label, uint8_t *out, size_t n)
{
	uint8_t	info[4 + 6 + LABEL_MAX];
	size_t	len = strlen(label);

	info[0] = 0;
	info[1] = (uint8_t)n;
	info[2] = (uint8_t)(6 + len);
	memcpy(info + 3, "tls13 ", 6);
	memcpy(info + 9, label, len);
	info[9 + len] = 0;
	hkdf_expand(prk, (nettle_hash_update_func *)hmac_sha256_update,
	    (nettle_hash_digest_func *)hmac_sha256_digest, SHA256_DIGEST_SIZE,
	    10 + len, info, n, out);
}

void
quic_keys(struct quic_keys *k, uint32_t version, const uint8_t *dcid,
    size_t ndcid, int server)
{
	const struct suite	*s = suite(version);
	struct hmac_sha256_ctx	 hmac;
	uint8_t			 secret[SECRET];

	hmac_sha256_set_key(&hmac, sizeof(s->salt), s->salt);
	hmac_sha256_update(&hmac, ndcid, dcid);
	hmac_sha256_digest(&hmac, sizeof(secret), secret);
	hmac_sha256_set_key(&hmac, sizeof(secret), secret);
	expand(&hmac, server ? "server in" : "client in", secret,
	    sizeof(secret));
	hmac_sha256_set_key(&hmac, sizeof(secret), secret);
	expand(&hmac, s->key, k->key, sizeof(k->key));
	expand(&hmac, s->iv, k->iv, sizeof(k->iv));
	expand(&hmac, s->hp, k->hp, sizeof(k->hp));
}

void
quic_mask(const struct quic_keys *k, const uint8_t *sample, uint8_t mask[16])
{
	struct aes128_ctx	aes;

	aes128_set_encrypt_key(&aes, k->hp);
	aes128_encrypt(&aes, 16, mask, sample);
}

static void
ready(struct gcm_aes128_ctx *gcm, const struct quic_keys *k, uint64_t number,
    const uint8_t *header, size_t nheader)
{
	uint8_t		iv[12];
	unsigned int	i;

	memcpy(iv, k->iv, sizeof(iv));
	for (i = 0; i < 8; i++)
		iv[11 - i] ^= (uint8_t)(number >> 8 * i);
	gcm_aes128_set_key(gcm, k->key);
	gcm_aes128_set_iv(gcm, sizeof(iv), iv);
	gcm_aes128_update(gcm, nheader, header);
}

int
quic_open(const struct quic_keys *k, uint64_t number, const uint8_t *header,
    size_t nheader, const uint8_t *p, size_t n, uint8_t *out)
{
	struct gcm_aes128_ctx	gcm;
	uint8_t			tag[QUIC_TAG];

	if (n < QUIC_TAG)
		return 0;
	n -= QUIC_TAG;
	ready(&gcm, k, number, header, nheader);
	gcm_aes128_decrypt(&gcm, n, out, p);
	gcm_aes128_digest(&gcm, sizeof(tag), tag);
	return memeql_sec(tag, p + n, sizeof(tag));
}

void
quic_seal(const struct quic_keys *k, uint64_t number, const uint8_t *header,
    size_t nheader, const uint8_t *p, size_t n, uint8_t *out)
{
	struct gcm_aes128_ctx	gcm;

	ready(&gcm, k, number, header, nheader);
	gcm_aes128_encrypt(&gcm, n, out, p);
	gcm_aes128_digest(&gcm, QUIC_TAG, out + n);
}

/* The tag is over one byte of length, odcid and the packet, in blocks. */
void
quic_retry_tag(uint32_t version, const uint8_t *odcid, size_t nodcid,
    const uint8_t *p, size_t n, uint8_t tag[QUIC_TAG])
{
	const struct suite	*s = suite(version);
	struct gcm_aes128_ctx	 gcm;
	uint8_t			 head[2 * GCM_BLOCK_SIZE];
	size_t			 len = 1 + nodcid, fill;

	head[0] = (uint8_t)nodcid;
	memcpy(head + 1, odcid, nodcid);
	fill = (sizeof(head) - len) % GCM_BLOCK_SIZE;
	if (fill > n)
		fill = n;
	memcpy(head + len, p, fill);
	gcm_aes128_set_key(&gcm, s->retry_key);
	gcm_aes128_set_iv(&gcm, sizeof(s->retry_iv), s->retry_iv);
	gcm_aes128_update(&gcm, len + fill, head);
	if (n > fill)
		gcm_aes128_update(&gcm, n - fill, p + fill);
	gcm_aes128_digest(&gcm, QUIC_TAG, tag);
}

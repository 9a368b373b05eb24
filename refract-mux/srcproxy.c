/*
 * See srcproxy.h.
 */
#include <sys/socket.h>

#include <string.h>

#include <nettle/hmac.h>
#include <nettle/memops.h>
#include <nettle/sha2.h>

#include "srcproxy.h"

static const uint8_t	mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff,
			    0xff };

/* Reading: what is not here yet is RP_MORE, wherever it is missing. */
struct reader {
	const uint8_t	*p;
	size_t		 n, at;
	enum rp_answer	 answer;
};

static const uint8_t *
take(struct reader *r, size_t n)
{
	const uint8_t	*p = r->p + r->at;

	if (r->answer != RP_YES)
		return NULL;
	if (r->n - r->at < n) {
		r->answer = RP_MORE;
		return NULL;
	}
	r->at += n;
	return p;
}

static int64_t
get64(const uint8_t *p)
{
	uint64_t	v = 0;
	int		i;

	for (i = 0; i < 8; i++)
		v = v << 8 | p[i];
	return (int64_t)v;
}

static void
put64(uint8_t *p, int64_t value)
{
	uint64_t	v = (uint64_t)value;
	int		i;

	for (i = 7; i >= 0; i--, v >>= 8)
		p[i] = (uint8_t)v;
}

static void
fold(struct prefix *addr, const uint8_t *p, size_t n)
{
	memset(addr, 0, sizeof(*addr));
	if (n == 16 && memcmp(p, mapped, sizeof(mapped)) == 0) {
		p += sizeof(mapped);
		n = 4;
	}
	addr->family = n == 4 ? AF_INET : AF_INET6;
	addr->plen = n == 4 ? 32 : 128;
	memcpy(addr->addr, p, n);
}

/* A length, an address of it, a port. */
static void
take_address(struct reader *r, struct prefix *addr, uint16_t *port,
    enum srcproxy_error *why)
{
	const uint8_t	*p;
	size_t		 n;

	if ((p = take(r, 1)) == NULL)
		return;
	n = *p;
	if (n != 4 && n != 16) {
		r->answer = RP_NO;
		*why = SRCPROXY_ADDRESS;
		return;
	}
	if ((p = take(r, n + 2)) == NULL)
		return;
	fold(addr, p, n);
	*port = (uint16_t)(p[n] << 8 | p[n + 1]);
}

static void
take_auth(struct reader *r, struct srcproxy *s)
{
	const uint8_t	*p;

	if ((p = take(r, 1)) == NULL)
		return;
	s->auth_len = *p;
	if ((p = take(r, s->auth_len)) != NULL)
		memcpy(s->auth, p, s->auth_len);
}

static void
take_key(struct reader *r, struct srcproxy *s)
{
	const uint8_t	*p;

	p = take(r, SRCPROXY_KEYID + 8 + SRCPROXY_NONCE);
	if (p == NULL)
		return;
	memcpy(s->keyid, p, SRCPROXY_KEYID);
	s->at = get64(p + SRCPROXY_KEYID);
	memcpy(s->nonce, p + SRCPROXY_KEYID + 8, SRCPROXY_NONCE);
}

/* Version and opcode: each is refused as soon as it is here. */
static void
take_kind(struct reader *r, struct srcproxy *s, enum srcproxy_error *why)
{
	const uint8_t	*p;

	if ((p = take(r, 1)) == NULL)
		return;
	s->version = *p;
	if (s->version != 1 && s->version != 2) {
		r->answer = RP_NO;
		*why = SRCPROXY_VERSION;
		return;
	}
	if ((p = take(r, 1)) != NULL && *p != 1) {
		r->answer = RP_NO;
		*why = SRCPROXY_OPCODE;
	}
}

enum rp_answer
srcproxy_parse(const uint8_t *p, size_t n, size_t *len, struct srcproxy *s,
    enum srcproxy_error *why)
{
	struct reader	 r = { p, n, 0, RP_YES };
	const uint8_t	*mac;

	memset(s, 0, sizeof(*s));
	*why = SRCPROXY_GOOD;
	take_kind(&r, s, why);
	if (s->version == 2)
		take_key(&r, s);
	else
		take_auth(&r, s);
	take_address(&r, &s->to, &s->to_port, why);
	take_address(&r, &s->from, &s->from_port, why);
	s->signed_len = r.at;
	if (s->version == 2 && (mac = take(&r, sizeof(s->mac))) != NULL)
		memcpy(s->mac, mac, sizeof(s->mac));
	*len = r.at;
	return r.answer;
}

const char *
srcproxy_error(enum srcproxy_error e)
{
	switch (e) {
	case SRCPROXY_GOOD:
		break;
	case SRCPROXY_VERSION:
		return "another version";
	case SRCPROXY_OPCODE:
		return "another opcode";
	case SRCPROXY_ADDRESS:
		return "an address that is neither 4 nor 16 bytes";
	}
	return "good";
}

void
srcproxy_token(const char *token, size_t len, uint8_t auth[SRCPROXY_AUTH])
{
	struct sha256_ctx	ctx;

	sha256_init(&ctx);
	sha256_update(&ctx, len, (const uint8_t *)token);
	sha256_digest(&ctx, SRCPROXY_AUTH, auth);
}

void
srcproxy_keyid(const uint8_t *key, size_t len, uint8_t id[SRCPROXY_KEYID])
{
	static const char	what[] = "refract relay key";
	struct hmac_sha256_ctx	ctx;

	hmac_sha256_set_key(&ctx, len, key);
	hmac_sha256_update(&ctx, sizeof(what) - 1, (const uint8_t *)what);
	hmac_sha256_digest(&ctx, SRCPROXY_KEYID, id);
}

/* Writing. */

static size_t
put_address(uint8_t *buf, const struct prefix *addr, uint16_t port)
{
	size_t	n = addr->family == AF_INET ? 4 : 16;

	buf[0] = (uint8_t)n;
	memcpy(buf + 1, addr->addr, n);
	buf[1 + n] = (uint8_t)(port >> 8);
	buf[2 + n] = (uint8_t)port;
	return n + 3;
}

static size_t
put_addresses(uint8_t *buf, size_t at, const struct srcproxy *s)
{
	at += put_address(buf + at, &s->to, s->to_port);
	return at + put_address(buf + at, &s->from, s->from_port);
}

size_t
srcproxy_write(uint8_t buf[SRCPROXY_MAX], const struct srcproxy *s)
{
	buf[0] = buf[1] = 1;
	buf[2] = (uint8_t)s->auth_len;
	memcpy(buf + 3, s->auth, s->auth_len);
	return put_addresses(buf, 3 + s->auth_len, s);
}

static void
sign(const uint8_t *buf, size_t n, const uint8_t *key, size_t len,
    uint8_t mac[32])
{
	struct hmac_sha256_ctx	ctx;

	hmac_sha256_set_key(&ctx, len, key);
	hmac_sha256_update(&ctx, n, buf);
	hmac_sha256_digest(&ctx, 32, mac);
}

size_t
srcproxy_write_signed(uint8_t buf[SRCPROXY_MAX], const struct srcproxy *s,
    const uint8_t *key, size_t len)
{
	size_t	n = 2;

	buf[0] = 2;
	buf[1] = 1;
	srcproxy_keyid(key, len, buf + n);
	n += SRCPROXY_KEYID;
	put64(buf + n, s->at);
	n += 8;
	memcpy(buf + n, s->nonce, SRCPROXY_NONCE);
	n = put_addresses(buf, n + SRCPROXY_NONCE, s);
	sign(buf, n, key, len, buf + n);
	return n + 32;
}

int
srcproxy_verify(const uint8_t *buf, const struct srcproxy *s,
    const uint8_t *key, size_t len)
{
	uint8_t	mac[32];

	sign(buf, s->signed_len, key, len, mac);
	return srcproxy_same(mac, s->mac, sizeof(mac));
}

int
srcproxy_same(const void *a, const void *b, size_t n)
{
	return memeql_sec(a, b, n);
}

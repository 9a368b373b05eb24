/*
 * Addresses and prefixes, IPv4 and IPv6 alike.
 *
 * A struct prefix is the one form in which an address is kept, compared and
 * sent.  It is made of bytes only, so it has no padding and needs no byte
 * order.  A v4-mapped IPv6 address (RFC 4291, 2.5.5.2) is always folded to
 * IPv4 by the functions that make one from outside data.
 */
#ifndef ADDR_H
#define ADDR_H

#include <sys/socket.h>

#include <stddef.h>
#include <stdint.h>

struct in_addr;
struct in6_addr;

struct prefix {
	uint8_t	family;		/* AF_INET, AF_INET6; 0: none */
	uint8_t	plen;		/* prefix length in bits: 0..32 or 0..128 */
	uint8_t	addr[16];	/* network order; the rest of IPv4's is 0 */
};

#define PREFIX_STRLEN	50	/* longest text with its NUL, "/128" included */

/* Bits of a whole address: 32, 128; 0 for another family. */
unsigned int prefix_bits(unsigned int family);

/*
 * Parse a bare address of LEN bytes (no NUL needed, no resolver asked, no
 * allocation).  "[...]" and "%zone" are not accepted here.  0, or -1 if it is
 * not an address; *p is then unchanged.
 */
int	 addr_parse(struct prefix *, const char *, size_t);
/* "addr" or "addr/len"; host bits are cleared.  0 or -1. */
int	 prefix_parse(struct prefix *, const char *);
/* Text of p, "/len" left out for a whole address.  Returns buf. */
const char *prefix_print(const struct prefix *, char buf[PREFIX_STRLEN]);

void	 addr_from_in(struct prefix *, const struct in_addr *);
void	 addr_from_in6(struct prefix *, const struct in6_addr *);
/* AF_INET or AF_INET6 sockaddr; port in host order if not NULL.  0 or -1. */
int	 addr_from_sockaddr(struct prefix *, const struct sockaddr *,
	    uint16_t *);
/* And back: a whole address, a port in host order.  The length. */
socklen_t addr_to_sockaddr(const struct prefix *, uint16_t port,
	    struct sockaddr_storage *);

/* Shorten p to plen bits (never lengthens) and clear the host bits. */
void	 prefix_mask(struct prefix *, unsigned int plen);
/* Mask to v4 bits if IPv4, to v6 bits if IPv6. */
void	 prefix_group(struct prefix *, unsigned int v4, unsigned int v6);
/* Total order: family, address, length.  <0, 0, >0. */
int	 prefix_cmp(const struct prefix *, const struct prefix *);
/* 1 if outer covers all of inner. */
int	 prefix_contains(const struct prefix *outer,
	    const struct prefix *inner);
int	 prefix_overlap(const struct prefix *, const struct prefix *);
/* 1 if family, length and cleared host bits are as they must be. */
int	 prefix_valid(const struct prefix *);
int	 prefix_is_host(const struct prefix *);
/* 127.0.0.0/8, ::1. */
int	 addr_is_loopback(const struct prefix *);
/* Loopback, private (RFC 1918, 4193), CGN (RFC 6598), link-local. */
int	 prefix_is_private(const struct prefix *);
uint64_t prefix_hash(const struct prefix *, uint64_t seed);

/*
 * A set of prefixes that is built once and then asked: sorted and disjoint,
 * so that a lookup is one binary search.
 */
struct prefixset {
	struct prefix	*list;
	size_t		 n, room;
	int		 ready;		/* prefixset_build() was called */
};

void	 prefixset_init(struct prefixset *);
/* 0, or -1 without memory.  May be called again after a build. */
int	 prefixset_add(struct prefixset *, const struct prefix *);
void	 prefixset_build(struct prefixset *);
/* 1 if a member covers all of p. */
int	 prefixset_contains(const struct prefixset *, const struct prefix *);
/* 1 if a member and p share an address. */
int	 prefixset_overlaps(const struct prefixset *, const struct prefix *);
void	 prefixset_clear(struct prefixset *);

#endif

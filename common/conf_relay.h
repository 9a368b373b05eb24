/*
 * What a relay is beside a listener (conf_mux.h): who may send the header of
 * the srcproxy protocol and where to, or whom it is sent to.  A listener of
 * another kind has none of this.
 */
#ifndef CONF_RELAY_H
#define CONF_RELAY_H

#include <sys/queue.h>		/* libbsd's */

#include <stddef.h>
#include <stdint.h>

#include "addr.h"

#define RELAY_CLIENTS_MAX	65536	/* of one server */
#define RELAY_SOURCES_MAX	512	/* prefixes of one client */
#define RELAY_TOKEN_LEN		256	/* with its NUL */
#define RELAY_KEY_MIN		16
#define RELAY_KEY_LEN		64
#define RELAY_AUTH_LEN		32	/* SHA-256 */

struct wire_relay {
	uint32_t	listener;
	uint32_t	allow, deny;	/* tables of destinations; 0: none */
	uint8_t		any_port;	/* of the source, if its own is taken */
	uint8_t		any_client;	/* whoever it is */
	uint8_t		tproxy;		/* or redirect: LISTEN_RELAY_CLIENT */
	uint8_t		zero;
};

/* Who may ask this server. */
struct wire_relay_client {		/* then n prefixes; 0: all sources */
	uint32_t	listener;
	uint32_t	connections;	/* at a time, 0: no limit */
	uint32_t	n;
	uint32_t	key_len;	/* 0: none, version 1 */
	uint8_t		auth[RELAY_AUTH_LEN];	/* SHA-256 of the token */
	uint8_t		key[RELAY_KEY_LEN];
};

/* Whom this client asks: in the order of the members of its pool. */
struct wire_relay_server {
	uint32_t	listener;
	uint32_t	mark;		/* SO_MARK, 0: none */
	uint32_t	key_len;	/* 0: none, version 1 */
	struct prefix	local;		/* family 0: any */
	uint8_t		zero[2];
	char		interface[16];
	uint8_t		auth[RELAY_AUTH_LEN];
	uint8_t		key[RELAY_KEY_LEN];
};

struct conf_relay_client {
	TAILQ_ENTRY(conf_relay_client)	 entry;
	struct wire_relay_client	 w;
	struct prefix			*sources;	/* n of them */
	char				*token;		/* parent only */
};

struct conf_relay_server {
	TAILQ_ENTRY(conf_relay_server)	 entry;
	struct wire_relay_server	 w;
	char				*token;		/* parent only */
};

TAILQ_HEAD(conf_relay_clients, conf_relay_client);
TAILQ_HEAD(conf_relay_servers, conf_relay_server);

struct conf_relay {
	struct wire_relay		 w;
	struct conf_relay_clients	 clients;
	struct conf_relay_servers	 servers;
	unsigned int			 nclients, nservers;
};

/* Of this listener; out of memory is fatal. */
struct conf_relay	*conf_relay_new(void);
void			 conf_relay_free(struct conf_relay *);
/* In no list: for the caller to fill and insert. */
struct conf_relay_client *conf_relay_client_new(void);
void			 conf_relay_client_free(struct conf_relay_client *);

#endif

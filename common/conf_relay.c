/*
 * See conf_relay.h.
 */
#include <stdlib.h>
#include <string.h>

#include "conf.h"
#include "conf_list.h"
#include "conf_relay.h"

struct conf_relay *
conf_relay_new(void)
{
	struct conf_relay	*r = conf_alloc(sizeof(*r));

	TAILQ_INIT(&r->clients);
	TAILQ_INIT(&r->servers);
	return r;
}

struct conf_relay_client *
conf_relay_client_new(void)
{
	return conf_alloc(sizeof(struct conf_relay_client));
}

static void
token_free(char *token)
{
	if (token != NULL)
		freezero(token, strlen(token));
}

void
conf_relay_client_free(struct conf_relay_client *c)
{
	free(c->sources);
	token_free(c->token);
	freezero(c, sizeof(*c));
}

static void
server_free(struct conf_relay_server *s)
{
	token_free(s->token);
	freezero(s, sizeof(*s));
}

void
conf_relay_free(struct conf_relay *r)
{
	if (r == NULL)
		return;
	FREE_EACH(&r->clients, conf_relay_client_free);
	FREE_EACH(&r->servers, server_free);
	free(r);
}
